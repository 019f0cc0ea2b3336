"""Preactivations that are zero because all that they read is zero, known without a number.

Let a unit have the bias 0. At a point where every feature that it reads, those that cancel left
out, is exactly 0, so is its preactivation. Comparisons of a maximum over units that are off are the
typical case: there no float decides, since its bound is never 0, and each would go to integers.

*What is zero where.* The feature of a unit is 0 where its preactivation is, and where it is
negative if its slope is 0. At the vertices of the complex of all units before, the signs are known.

*What cancels.* Two units are *twins* if their slopes, their biases and what they read are the same,
where twins count as one feature. They are the same function, by induction. So a row may be read
with the weights of twins added up, and what then has no weight and no bias is zero everywhere:
the comparison of two equal constants, as a network that is restricted to a slice has them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.rational import Vector, nearest_floats
from exactbn.model.layers import Block
from exactbn.model.network import Network
from exactbn.model.patterns import WORD

# A unit that reads more features than this is not looked at: they are rarely zero together.
_MOST = 16
# Points that are looked at together: their bits fit a second-level cache.
_AT_ONCE = 256

_Row = dict[int, Fraction]


@dataclass(frozen=True, eq=False)
class Vanishing:
    """The units of one block that vanish where all features they read do.

    ``everywhere`` are those that are zero everywhere. Unit ``units[i]`` reads the features
    ``reads[begins[i]:begins[i + 1]]``: the feature of unit k of the layer is given by its place
    among the bits of the sign words.
    """

    everywhere: NDArray[np.int64]
    units: NDArray[np.int64]
    reads: NDArray[np.int64]
    begins: NDArray[np.int64]

    def set_zeros(
        self,
        columns: slice,
        z: NDArray[np.float64],
        ez: NDArray[np.float64] | NDArray[np.float32],
        alive: NDArray[np.uint64] | None,
    ) -> None:
        """Set what vanishes among the preactivations ``columns`` at some points to 0, bound 0.

        ``z`` and ``ez`` have shape (m, width); ``alive``, shape (m, words), says which features are
        not 0; of no words, or None, when that is not known.
        """
        begin, end = np.searchsorted(self.everywhere, (columns.start, columns.stop))
        zero = self.everywhere[begin:end] - columns.start
        z[:, zero] = ez[:, zero] = 0.0
        if alive is None or not alive.shape[1]:
            return
        begin, end = np.searchsorted(self.units, (columns.start, columns.stop))
        if begin == end:
            return
        first, last = self.begins[begin], self.begins[end]
        for start in range(0, len(z), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            bits = np.unpackbits(_as_bytes(alive[rows]), axis=1, bitorder="little")
            read = bits[:, self.reads[first:last]]
            some = np.maximum.reduceat(read, self.begins[begin:end] - first, axis=1)
            row, place = np.nonzero(some == 0)
            column = self.units[begin + place] - columns.start
            z[start + row, column] = ez[start + row, column] = 0.0


def vanishing(network: Network) -> tuple[Vanishing, ...]:
    """Return what is known of each hidden block; of a chain, with no row sparse enough, nothing."""
    starts = [0, *np.cumsum(network.widths).tolist()]
    places = _places(network.widths)
    found = _Reading(1 + network.num_inputs + starts[-1])
    result = []
    for start, block, floats in zip(starts, network.blocks[:-1], network.floats):
        everywhere: list[int] = []
        units: list[int] = []
        reads: list[int] = []
        begins = [0]
        rows = [] if network.is_chain else list(found.rows(block, floats))
        for k, row in enumerate(rows):
            if row.bias or not row.is_short:
                continue
            weights = row.exact()
            if not weights:
                everywhere.append(k)
            elif len(weights) <= _MOST and min(weights) > network.num_inputs:
                units.append(k)
                reads += (places[feature - 1 - network.num_inputs] for feature in weights)
                begins.append(len(reads))
        found.add(rows, 1 + network.num_inputs + start)
        lists = (everywhere, units, reads, begins)
        result.append(Vanishing(*(np.array(numbers, dtype=np.int64) for numbers in lists)))
    return tuple(result)


def _as_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the bytes of rows of words, the lowest first."""
    return np.ascontiguousarray(words, dtype="<u8").view(np.uint8)


def _places(widths: Sequence[int]) -> list[int]:
    """Return the place of each unit among the bits of words of at most 64 units of one block."""
    places: list[int] = []
    words = 0
    for width in widths:
        places += range(words * WORD, words * WORD + width)
        words += -(-width // WORD)
    return places


@dataclass(frozen=True, eq=False)
class _Unit:
    """A row as a sum over features of which no two are twins, none zero: made when it is needed.

    ``is_short`` is False if more than ``_MOST`` features are read and none of them is renamed. Of
    equal rows the ``sketch``, made from floats, is equal too.
    """

    weights: Vector
    reads: Sequence[int]
    bias: Fraction
    slope: Fraction
    names: dict[int, int | None]
    is_short: bool
    sketch: object

    def exact(self) -> _Row:
        """Return the weights."""
        row: _Row = {}
        for read, weight in zip(self.reads, self.weights, strict=True):
            if weight:
                feature = self.names.get(read, read)
                if feature is not None:
                    row[feature] = row[feature] + weight if feature in row else weight
        return {feature: weight for feature, weight in row.items() if weight}


class _Reading:
    """The rows of a network, and which features are the same as an earlier one."""

    def __init__(self, num_features: int) -> None:
        # Of a feature that is not its own, the one that it equals, or None for zero.
        self._names: dict[int, int | None] = {}
        self._is_renamed = np.zeros(num_features, dtype=bool)
        self._first: dict[object, list[tuple[int, _Unit]]] = {}

    def rows(self, block: Block, floats: Any) -> Iterator[_Unit]:
        """Yield the units of a block, whose nearest floats are the columns of ``floats``."""
        columns, k = np.array([0, *block.columns]), 0
        for layer, features in zip(block.layers, block.reads, strict=True):
            for weights, bias, slope in zip(layer.weight, layer.bias, layer.slopes, strict=True):
                at, values = _column(floats, k)
                read = columns[at]
                is_renamed = bool(self._is_renamed[read].any())
                unit = _Unit(
                    weights,
                    features,
                    bias,
                    slope,
                    self._names,
                    is_renamed or len(read) <= _MOST,
                    (bias, slope, read.tobytes(), values.tobytes()),
                )
                k += 1
                yield _with_sketch(unit) if is_renamed else unit

    def add(self, units: Sequence[_Unit], first: int) -> None:
        """Take up the units of a block, whose features are numbered from ``first`` on."""
        for feature, unit in enumerate(units, start=first):
            bias, slope = unit.bias, unit.slope
            if unit.is_short and (bias == 0 or (bias < 0 and slope == 0)) and not unit.exact():
                self._rename(feature, None)
                continue
            alike = self._first.setdefault(unit.sketch, [])
            row = unit.exact() if alike else {}
            for earlier, other in alike:
                if other.exact() == row:
                    self._rename(feature, earlier)
                    break
            else:
                alike.append((feature, unit))

    def _rename(self, feature: int, name: int | None) -> None:
        self._names[feature] = name
        self._is_renamed[feature] = True


def _column(floats: Any, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of a matrix, but for the first, in which a column is not zero; and values."""
    if isinstance(floats, np.ndarray):
        at, values = np.arange(len(floats)), floats[:, k]
    else:
        entries = slice(floats.indptr[k], floats.indptr[k + 1])
        at, values = floats.indices[entries].astype(np.int64), floats.data[entries]
    counts = (at > 0) & (values != 0)
    return at[counts], values[counts]


def _with_sketch(unit: _Unit) -> _Unit:
    """Return a unit with the sketch of what it reads by their names."""
    row = unit.exact()
    read = np.array(sorted(row), dtype=np.int64)
    values = np.array(nearest_floats([row[f] for f in read.tolist()]), dtype=np.float64)
    counts = values != 0
    sketch = (unit.bias, unit.slope, read[counts].tobytes(), values[counts].tobytes())
    return replace(unit, sketch=sketch)

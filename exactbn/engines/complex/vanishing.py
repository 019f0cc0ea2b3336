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
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.exact.rational import Vector
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
    found = _Reading()
    result = []
    for start, block in zip(starts, network.blocks[:-1]):
        everywhere: list[int] = []
        units: list[int] = []
        reads: list[int] = []
        begins = [0]
        rows = [] if network.is_chain else list(found.rows(block))
        for k, (row, bias) in enumerate(rows):
            if bias == 0 and not row:
                everywhere.append(k)
            elif bias == 0 and len(row) <= _MOST and min(row) > network.num_inputs:
                units.append(k)
                reads += (places[feature - 1 - network.num_inputs] for feature in row)
                begins.append(len(reads))
        found.add(rows, block.slopes, 1 + network.num_inputs + start)
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


class _Reading:
    """The rows of a network as sums over features of which no two are twins, none zero."""

    def __init__(self) -> None:
        # Of a feature that is not its own, the one that it equals, or None for zero.
        self._equals: dict[int, int | None] = {}
        self._first: dict[object, int] = {}

    def rows(self, block: Block) -> Iterator[tuple[_Row, Fraction]]:
        """Yield the weights and the bias of each unit of a block."""
        for layer, features in zip(block.layers, block.reads, strict=True):
            own = [self._equals.get(feature, feature) for feature in features]
            for weights, bias in zip(layer.weight, layer.bias, strict=True):
                row: _Row = {}
                for feature, weight in zip(own, weights, strict=True):
                    if weight and feature is not None:
                        row[feature] = row[feature] + weight if feature in row else weight
                yield {f: w for f, w in row.items() if w}, bias

    def add(self, rows: Sequence[tuple[_Row, Fraction]], slopes: Vector, first: int) -> None:
        """Take up the units of a block, whose features are numbered from ``first`` on."""
        for feature, ((row, bias), slope) in enumerate(zip(rows, slopes), start=first):
            if not row and (bias == 0 or (bias < 0 and slope == 0)):
                self._equals[feature] = None
                continue
            # Pairs of integers: a Fraction's hash would take most of the time.
            reads = frozenset((read, weight.as_integer_ratio()) for read, weight in row.items())
            key = (bias, slope, reads)
            twin = self._first.setdefault(key, feature)
            if twin != feature:
                self._equals[feature] = twin

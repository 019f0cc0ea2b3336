"""Features that are carried along: those of finished layers at all vertices, without the inputs.

A root edge of a layer lies in one cell of all blocks before it: these are affine on the edge, and
so are the preactivations of the layer itself. So what they are at a vertex that the layer makes
follows from the two ends of its root edge. Nothing is evaluated from the inputs again: errors of
coordinates stay out of it, and a sign costs the same at every depth. The layer's own signs are
known exactly by then: an activation that is zero is so without an error. docs/error_analysis.md
proves the bounds.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.float_blocks import (
    Bounds,
    FloatBlock,
    Floats,
    Ints,
    Part,
    State,
    last_readers,
    part_of_kept,
)
from exactbn.engines.complex.kernels import TO_SINGLE, UNIT_ROUNDOFF, interpolate_rows
from exactbn.model.patterns import WORD, unpack

Words = NDArray[np.uint64]

#: Numbers that are kept of one kind: preactivations of a layer, features of earlier blocks.
MOST_KEPT = 1 << 26

#: Rounding of a slope and of the product with it, relative to the product.
SLOPE_ROUNDING = 3.0 * UNIT_ROUNDOFF

_ONE = np.uint64(1)
_SIX, _LAST = np.uintp(6), np.uintp(WORD - 1)
_ZERO = np.uint64(0)


#: What is known of a neuron at some vertices: it is positive, negative, zero, or open somewhere.
POSITIVE, NEGATIVE, NOTHING, UNKNOWN = (1 << k for k in range(4))


class Taken(NamedTuple):
    """Preactivations of some units of a layer, ascending, at the first vertices, and bounds."""

    units: Ints
    z: Floats
    ez: NDArray[np.float32]

    def filled(self, parents: NDArray[np.int32], places: Floats) -> "Taken":
        """Return the same at all vertices of a layer: those that it has made are interpolated."""
        z, ez, older, count = self.z, self.ez, len(self.z), len(parents)
        if older < count:
            z, ez = _extended(z, count), _extended(ez, count)
            interpolate_rows(parents, places, z, ez, older, count)
        return Taken(self.units, z, ez)


class Signed(NamedTuple):
    """Preactivations of some units of a layer at all vertices, and the exact signs of the layer.

    ``z`` and ``ez``, shape (V, units), are values and bounds of their errors. Bit k of word i of
    ``alive``, shape (V, words), says whether the activation of unit 64 i + k is not zero.
    """

    units: Ints
    z: Floats
    ez: Bounds
    alive: Words

    def at(self, rows: Ints) -> "Signed":
        """Return the same at some of the vertices."""
        return Signed(self.units, self.z[rows], self.ez[rows], self.alive[rows])


class CarriedLayer:
    """The activations of one layer, made chunk by chunk when they are asked for.

    That is all that a chain reads. Units that are in none of ``signed`` are zero everywhere.
    """

    def __init__(self, block: FloatBlock, layer: int, signed: Sequence[Signed]) -> None:
        self._block = block
        self._layer = layer
        self._signed = signed
        none = np.empty(0, dtype=np.int64)
        self._units = np.concatenate([none, *(each.units for each in signed)])
        self._errors = np.empty((len(block.h), 1 + len(self._units)))

    def at(self, rows: Ints, blocks: Sequence[FloatBlock]) -> "CarriedLayer":
        """Return the same at some of the vertices, with room of ``blocks`` to compute in."""
        return CarriedLayer(
            blocks[self._layer], self._layer, [each.at(rows) for each in self._signed]
        )

    def reader(self, block: FloatBlock, columns: slice | Ints) -> FloatBlock:
        """Return some units of the next block, for the activations that there are.

        Products with the others are zero, and left out.
        """
        every = np.arange(block.weight.shape[0] - 1)
        is_all = np.array_equal(self._units, every)
        return block.part(columns, None if is_all else np.append(0, 1 + self._units))

    def activations(self, x: Floats, ex: Floats, first: int) -> State:
        """Return (1, a(z)) at consecutive vertices, and a bound of the error of every entry.

        ``first`` is the number of the first of them, at most :data:`CHUNK`, whose homogeneous
        coordinates and bounds are ``x`` and ``ex``.
        """
        used = slice(1 + len(self._units))
        h, errors = self._block.h[: len(x), used], self._errors[: len(x)]
        h[:, 0], errors[:, 0] = x[:, 0], ex[:, 0]
        column, slopes = 1, self._block.slope
        for signed in self._signed:
            every = np.arange(len(signed.units))
            _activate(signed, every, column + every, slopes, (first, first + len(x)), h, errors)
            column += len(every)
        return h, errors


class KeptFeatures:
    """The features of finished blocks, each kept for as long as a row reads it.

    Those that are 0 at all vertices are not kept: they are 0 in every cell, at whatever vertex a
    later block makes. Of a convolution on a small domain that is more than half.

    Sources are numbered as in :class:`FloatBlock`: 0 is the inputs, which are not kept here.
    """

    def __init__(self, blocks: Sequence[FloatBlock], num_inputs: int) -> None:
        self._blocks = blocks
        self._last = last_readers(blocks, num_inputs)
        self._columns: dict[int, Ints] = {}
        self._states: dict[int, tuple[Floats, NDArray[np.float32]]] = {}

    def at(self, rows: Ints, blocks: Sequence[FloatBlock]) -> "KeptFeatures":
        """Return the same at some of the vertices, with room of ``blocks`` to compute in."""
        kept = copy(self)
        kept._blocks, kept._columns = blocks, dict(self._columns)
        kept._states = {
            source: (values[rows], errors[rows])
            for source, (values, errors) in self._states.items()
        }
        return kept

    def wanted(self, block: int, alive: Sequence[Words]) -> Ints:
        """Return the columns of a finished block that are kept: a later block reads them.

        ``alive`` is as in :meth:`Carry.end`; a unit that it has nowhere is left out.
        """
        last = self._last[block + 1]
        words = np.array([np.bitwise_or.reduce(word) for word in alive], dtype=np.uint64)
        is_alive = unpack(words[None], [len(last) - 1])[0]
        return 1 + np.flatnonzero((last[1:] > block) & (is_alive > 0))

    def room(self, block: int, wanted: Ints) -> int:
        """Return how many features are kept of a vertex once a block is finished."""
        older = (self._last[source][own] > block for source, own in self._columns.items())
        return sum(map(np.count_nonzero, older)) + len(wanted)

    def finish(
        self,
        block: int,
        signed: Iterable[Signed],
        wanted: Ints,
        parents: NDArray[np.int32],
        places: Floats,
    ) -> None:
        """Take up the wanted columns of a finished block, and let go what no later one reads.

        Of the vertices that it has made ``parents`` are the ends a and b of their root edges, and
        ``places`` t with a + t (b - a), and a bound of its error.
        """
        count = len(parents)
        for source, (values, errors) in list(self._states.items()):
            stays = np.flatnonzero(self._last[source][self._columns[source]] > block)
            self._columns[source] = self._columns[source][stays]
            if not len(stays):
                del self._states[source], self._columns[source]
                continue
            old, (y, ey) = len(values), room_of(count, len(stays))
            # No index is out of range: so nothing is buffered, ten times as fast as a mask.
            np.take(values, stays, axis=1, out=y[:old], mode="clip")
            np.take(errors, stays, axis=1, out=ey[:old], mode="clip")
            interpolate_rows(parents, places, y, ey, old, count)
            self._states[source] = y, ey
        if not len(wanted):
            return
        slopes = self._blocks[block].slope
        y, ey = room_of(count, len(wanted))
        for each in signed:
            # Whoever is wanted is alive somewhere, and so among those that were taken up.
            picks = np.flatnonzero(np.isin(each.units, wanted - 1))
            targets = np.searchsorted(wanted - 1, each.units[picks])
            _activate(each, picks, targets, slopes, (0, count), y, ey)
        self._columns[block + 1] = wanted
        self._states[block + 1] = y, ey

    def part(self, block: int, columns: slice) -> Part:
        """Return some units of the next block, for :meth:`states`."""
        return part_of_kept(self._blocks[block], columns, self._columns)

    def states(self, x: Floats, ex: Floats, first: int) -> dict[int, tuple[Floats, Bounds]]:
        """Return the features of consecutive vertices by source, as rows, and their bounds."""
        rows = slice(first, first + len(x))
        result: dict[int, tuple[Floats, Bounds]] = {0: (x.T, ex.T)}
        for source, (values, errors) in self._states.items():
            result[source] = values[rows].T, errors[rows].T
        return result


#: What a layer reads of those before it; None where they are evaluated from the coordinates.
Carried: TypeAlias = CarriedLayer | KeptFeatures | None


class Carry:
    """What finished layers give to later ones, layer by layer, while it is not too much.

    ``features`` are those at the vertices that the layer at hand begins with: None where they are
    to be evaluated from the coordinates.
    """

    def __init__(self, blocks: Sequence[FloatBlock], num_inputs: int, *, is_chain: bool) -> None:
        self._blocks = blocks
        self._is_chain = is_chain
        self._layer: list[Taken] = []
        self.features: Carried = (
            None if is_chain else KeptFeatures(blocks, num_inputs)
        )

    def at(self, rows: Ints, blocks: Sequence[FloatBlock]) -> "Carry":
        """Return the same at some of the vertices, with room of ``blocks`` to compute in."""
        carry = copy(self)
        carry._blocks = blocks
        carry._layer = [Taken(units, z[rows], ez[rows]) for units, z, ez in self._layer]
        carry.features = None if self.features is None else self.features.at(rows, blocks)
        return carry

    def is_wanted(self, layer: int, num_vertices: int) -> bool:
        """Return whether preactivations of all units of a layer are kept at so many vertices.

        A layer follows that reads them, and there are not too many: those of a single word are no
        more than what a step works on anyhow.
        """
        if layer + 1 >= len(self._blocks):
            return False
        width = len(self._blocks[layer].slope)
        return width <= WORD or num_vertices * width <= MOST_KEPT

    def take(self, units: Ints, z: Floats, ez: NDArray[np.float32]) -> None:
        """Take up preactivations of further units of the layer at the first vertices."""
        self._layer.append(Taken(units, z, ez))

    def renew(self, layer: list[Taken]) -> None:
        """Take other values of all that was taken up of the layer, at all vertices."""
        self._layer = layer

    def fill(self, parents: NDArray[np.int32], places: Floats) -> None:
        """Let all that was taken up be known at the vertices that the layer has made since."""
        self._layer = [taken.filled(parents, places) for taken in self._layer]

    def end(
        self,
        layer: int,
        parents: NDArray[np.int32],
        places: Floats,
        alive: Sequence[Words],
    ) -> None:
        """Finish a layer.

        Of the vertices that it has made ``parents``, shape (V, 2) or more, are the ends a and b of
        an edge on which it is affine, and ``places``, shape (V, 2), t with a + t (b - a), and a
        bound of its error. Bit k of a word of ``alive``, shape (V,) each, says at which vertices
        the activation of unit k of 64 is not zero; of none, not all was taken up. What was not is
        zero everywhere else.
        """
        kept, taken = self.features, self._layer
        self.features, self._layer = None, []
        if not alive:
            return
        count, words = len(parents), np.stack(alive, axis=1)
        # One after the other: what is made of some is written down before the next are made.
        signed = (Signed(*each.filled(parents, places), words) for each in taken)
        if self._is_chain:
            self.features = CarriedLayer(self._blocks[layer], layer, list(signed))
        elif isinstance(kept, KeptFeatures):
            wanted = kept.wanted(layer, alive)
            if kept.room(layer, wanted) * count <= MOST_KEPT:
                kept.finish(layer, signed, wanted, parents, places)
                self.features = kept


def room_of(count: int, width: int) -> tuple[Floats, NDArray[np.float32]]:
    """Return room for numbers of vertices, and for bounds: half the bytes, at no less a bound."""
    return np.empty((count, width)), np.empty((count, width), dtype=np.float32)


def _extended(rows: Any, count: int) -> Any:
    """Return an array with more rows, which are not set."""
    longer = np.empty((count, *rows.shape[1:]), dtype=rows.dtype)
    longer[: len(rows)] = rows
    return longer


@kernel
def _activate(signed, picks, targets, slopes, rows, h, errors):  # type: ignore[no-untyped-def]
    """Write activations of units at a range of vertices, and bounds of their errors.

    The first vertex gets row 0, and column ``picks[i]`` of the preactivations ``targets[i]``. A
    bound ``ez`` is 0 only where the value is known to be 0, and no number below 2^-120 else: so it
    may be stored as float32.
    """
    units, z, ez, alive = signed.units, signed.z, signed.ez, signed.alive
    first = np.uintp(rows[0])
    for row in range(np.uintp(rows[1] - rows[0])):
        v = first + np.uintp(row)
        for place in range(np.uintp(picks.shape[0])):
            i = np.uintp(place)
            k = np.uintp(picks[i])
            unit, target = np.uintp(units[k]), np.uintp(targets[i])
            word = alive[v, unit >> _SIX]
            # Without a branch: signs follow no order that a processor could foresee.
            value, slope = z[v, k], slopes[unit]
            bound = np.float64(ez[v, k]) * TO_SINGLE * max(1.0, abs(slope))
            bent = value * slope
            bent_bound = bound + TO_SINGLE * SLOPE_ROUNDING * abs(bent)
            is_bent = value < 0.0
            is_alive = (word >> np.uint64(unit & _LAST)) & _ONE != _ZERO
            value = bent if is_bent else value
            bound = bent_bound if is_bent else bound
            h[row, target] = value if is_alive else 0.0
            errors[row, target] = bound if is_alive else 0.0


@kernel
def survey(z, ez, factor, found):  # type: ignore[no-untyped-def]
    """Write which signs each neuron, a column of z, has at the vertices, its rows.

    A sign is certain beyond ``factor`` times the bound ``ez``, as in :func:`.kernels.classify`.
    """
    for v in range(np.uintp(z.shape[0])):
        for column in range(np.uintp(z.shape[1])):
            k = np.uintp(column)
            value, bound = z[v, k], factor * np.float64(ez[v, k])
            is_known = (value > bound) | (value < -bound)
            sign = POSITIVE if value > 0.0 else NEGATIVE
            other = NOTHING if (value == 0.0) & (bound == 0.0) else UNKNOWN
            found[k] |= np.uint8(sign if is_known else other)

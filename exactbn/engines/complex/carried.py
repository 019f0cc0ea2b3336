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
_ZERO = np.uint64(0)


class Signed(NamedTuple):
    """Preactivations of at most 64 units of a layer at all vertices, and their exact signs.

    ``z`` and ``ez``, shape (V, units), are values and bounds of their errors. Bit k of ``alive``,
    shape (V,), says whether the activation of unit k is not zero.
    """

    z: Floats
    ez: Bounds
    alive: Words

    def at(self, rows: Ints) -> "Signed":
        """Return the same at some of the vertices."""
        return Signed(self.z[rows], self.ez[rows], self.alive[rows])


class CarriedLayer:
    """The activations of one layer, made chunk by chunk when they are asked for.

    That is all that a chain reads.
    """

    def __init__(self, block: FloatBlock, layer: int, signed: Sequence[Signed]) -> None:
        self._block = block
        self._layer = layer
        self._signed = signed
        self._errors = np.empty_like(block.h)

    def at(self, rows: Ints, blocks: Sequence[FloatBlock]) -> "CarriedLayer":
        """Return the same at some of the vertices, with room of ``blocks`` to compute in."""
        return CarriedLayer(
            blocks[self._layer], self._layer, [each.at(rows) for each in self._signed]
        )

    def activations(self, x: Floats, ex: Floats, first: int) -> State:
        """Return (1, a(z)) at consecutive vertices, and a bound of the error of every entry.

        ``first`` is the number of the first of them, at most :data:`CHUNK`, whose homogeneous
        coordinates and bounds are ``x`` and ``ex``.
        """
        h, errors = self._block.h[: len(x)], self._errors[: len(x)]
        h[:, 0], errors[:, 0] = x[:, 0], ex[:, 0]
        column = 1
        for signed in self._signed:
            units = np.arange(signed.z.shape[1])
            slopes = self._block.slope[column - 1 : column - 1 + len(units)]
            _activate(signed, units, slopes, (first, first + len(x)), h, errors, column)
            column += len(units)
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
            old, (y, ey) = len(values), _room(count, len(stays))
            # No index is out of range: so nothing is buffered, ten times as fast as a mask.
            np.take(values, stays, axis=1, out=y[:old], mode="clip")
            np.take(errors, stays, axis=1, out=ey[:old], mode="clip")
            interpolate_rows(parents, places, y, ey, old, count)
            self._states[source] = y, ey
        if not len(wanted):
            return
        slope, begin = self._blocks[block].slope, 0
        y, ey = _room(count, len(wanted))
        for each in signed:
            end = begin + each.z.shape[1]
            first, last = np.searchsorted(wanted - 1, (begin, end))
            units = wanted[first:last] - 1 - begin
            _activate(each, units, slope[begin:end], (0, count), y, ey, first)
            begin = end
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
        self._layer: list[tuple[Floats, NDArray[np.float32]]] = []
        self.features: Carried = (
            None if is_chain else KeptFeatures(blocks, num_inputs)
        )

    def at(self, rows: Ints, blocks: Sequence[FloatBlock]) -> "Carry":
        """Return the same at some of the vertices, with room of ``blocks`` to compute in."""
        carry = copy(self)
        carry._blocks = blocks
        carry._layer = [(z[rows], ez[rows]) for z, ez in self._layer]
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

    def take(self, z: Floats, ez: NDArray[np.float32]) -> None:
        """Take up preactivations of at most 64 further units of the layer at the first vertices."""
        self._layer.append((z, ez))

    def renew(self, layer: list[tuple[Floats, NDArray[np.float32]]]) -> None:
        """Take other values of all that was taken up of the layer, at all vertices."""
        if len(self._layer) == len(layer):
            self._layer = layer

    def fill(self, parents: NDArray[np.int32], places: Floats) -> None:
        """Let all that was taken up be known at the vertices that the layer has made since."""
        self._layer = [_filled(z, ez, parents, places) for z, ez in self._layer]

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
        the activation of unit k of 64 is not zero.
        """
        kept, taken = self.features, self._layer
        self.features, self._layer = None, []
        if not taken or len(taken) < len(alive):
            return
        count = len(parents)
        # One after the other: what is made of some is written down before the next are made.
        signed = (
            Signed(*_filled(z, ez, parents, places), np.ascontiguousarray(word))
            for (z, ez), word in zip(taken, alive, strict=True)
        )
        if self._is_chain:
            self.features = CarriedLayer(self._blocks[layer], layer, list(signed))
        elif isinstance(kept, KeptFeatures):
            wanted = kept.wanted(layer, alive)
            if kept.room(layer, wanted) * count <= MOST_KEPT:
                kept.finish(layer, signed, wanted, parents, places)
                self.features = kept


def _filled(
    z: Floats, ez: NDArray[np.float32], parents: NDArray[np.int32], places: Floats
) -> tuple[Floats, NDArray[np.float32]]:
    """Return preactivations at all vertices of a layer: those that it has made are interpolated."""
    older, count = len(z), len(parents)
    if older < count:
        z, ez = _extended(z, count), _extended(ez, count)
        interpolate_rows(parents, places, z, ez, older, count)
    return z, ez


def _room(count: int, width: int) -> tuple[Floats, NDArray[np.float32]]:
    """Return room for numbers of vertices, and for bounds: half the bytes, at no less a bound."""
    return np.empty((count, width)), np.empty((count, width), dtype=np.float32)


def _extended(rows: Any, count: int) -> Any:
    """Return an array with more rows, which are not set."""
    longer = np.empty((count, *rows.shape[1:]), dtype=rows.dtype)
    longer[: len(rows)] = rows
    return longer


@kernel
def _activate(signed, units, slopes, rows, h, errors, column):  # type: ignore[no-untyped-def]
    """Write activations of units at a range of vertices, and bounds of their errors.

    The first vertex gets row 0, and unit ``units[i]`` column ``column + i``. A bound ``ez`` is 0
    only where the value is known to be 0, and no number below 2^-120 else: so it may be stored
    as float32.
    """
    z, ez, alive = signed.z, signed.ez, signed.alive
    first, one = np.uintp(rows[0]), np.uintp(column)
    for row in range(np.uintp(rows[1] - rows[0])):
        v = first + np.uintp(row)
        word = alive[v]
        for place in range(np.uintp(units.shape[0])):
            i = np.uintp(place)
            k = np.uintp(units[i])
            # Without a branch: signs follow no order that a processor could foresee.
            value, slope = z[v, k], slopes[k]
            bound = np.float64(ez[v, k]) * TO_SINGLE * max(1.0, abs(slope))
            bent = value * slope
            bent_bound = bound + TO_SINGLE * SLOPE_ROUNDING * abs(bent)
            is_bent = value < 0.0
            is_alive = (word >> np.uint64(k)) & _ONE != _ZERO
            value = bent if is_bent else value
            bound = bent_bound if is_bent else bound
            h[row, one + i] = value if is_alive else 0.0
            errors[row, one + i] = bound if is_alive else 0.0

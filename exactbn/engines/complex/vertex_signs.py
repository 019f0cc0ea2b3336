"""The exact signs of all neurons at all vertices of a finished complex, derived anew.

A vertex is known by its parents (a, b, neuron) alone: of what the engine computed on the way,
coordinates, bounds and signs, nothing is used. Let v be made by neuron j, of layer l, between the
vertices a and b, which are corners or made by earlier neurons.

*Layers below l.* If a and b have weakly equal signs there, which is demanded, all these neurons
are affine on the segment, and v, strictly inside it, has their common sign: zero only where both
are zero. *Layer l.* So its neurons are affine on the segment too. Neuron j has opposite strict
signs at a and b, which is demanded, and vanishes at v. Another one has the common sign where a and
b agree weakly; where they do not, its value is looked at, first in floats with their bounds
(docs/error_analysis.md), then in integers. *Layers above l* are evaluated at v in the same way,
from the features of the layers below, which are carried along as in the engine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.carried import Carried, Carry
from exactbn.engines.complex.kernels import Place, crossing, interpolate, interpolate_rows
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork, settled
from exactbn.engines.complex.start import corner_coordinates
from exactbn.errors import StructureError
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import WORD, num_words

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Ids = NDArray[np.int64]

# Vertices whose signs are settled in integers at once.
_CHUNK = 1024

_ONE = np.uint64(1)


@dataclass(frozen=True, eq=False)
class BlockSigns:
    """The signs of at most 64 neurons of one layer at all vertices, bit k for ``first + k``.

    ``pos`` and ``neg``, shape (V,), say where they are positive and negative; neither is zero.
    """

    layer: int
    columns: slice
    first: int
    pos: Words
    neg: Words

    @property
    def width(self) -> int:
        """Return the number of neurons."""
        return int(self.columns.stop - self.columns.start)


def vertex_signs(
    network: Network, domain: Domain, parents: NDArray[np.int32], neurons_done: int
) -> Iterator[BlockSigns]:
    """Yield the exact signs of the first ``neurons_done`` neurons, block by block in order.

    ``parents``, shape (V, 3), as in :class:`exactbn.engines.complex.lattice.FaceLattice`: corners
    first, then the vertices in the order of the neurons that made them, their parents made by
    earlier neurons (:func:`exactbn.regions.structure.first_fault` looks at that).

    Raises
    ------
    StructureError
        If a vertex cannot lie where its parents say.
    """
    run = _Run(network, domain, parents)
    before = words = 0
    for layer, width in enumerate(network.widths):
        neurons = range(before, min(before + width, neurons_done))
        blocks = []
        for first in range(neurons.start, neurons.stop, WORD):
            columns = slice(first - before, min(first + WORD, neurons.stop) - before)
            block = BlockSigns(layer, columns, first, *np.zeros((2, len(parents)), np.uint64))
            run.evaluate(block, neurons)
            blocks.append(block)
        for block in blocks:
            run.imply(block, range(block.first + block.width, neurons.stop))
            run.follow(block, neurons.stop)
            run.keep(block, words)
            words += 1
            yield block
        before += width
        if neurons.stop == before:
            run.end(blocks, neurons.stop)


class _Run:
    """The coordinates of the vertices, floats with bounds, as far as they are known."""

    def __init__(self, network: Network, domain: Domain, parents: NDArray[np.int32]) -> None:
        self.floats = FloatNetwork(network, [domain])
        self.exact = ExactVertices(network, [domain])
        self.corners = int(np.count_nonzero(parents[:, 0] < 0))
        # Of every neuron, and of one after the last, the first vertex that it or a later one made.
        neurons = np.arange(network.num_hidden + 1, dtype=parents.dtype)
        made = np.searchsorted(np.ascontiguousarray(parents[self.corners :, 2]), neurons)
        self.begins: list[int] = (self.corners + made).tolist()
        self.slopes = [block.slopes for block in network.blocks]
        #: The units whose activation is not zero; kept where zeros follow from it.
        words = 0 if network.is_chain else num_words(network.widths)
        self.alive = np.zeros((len(parents), words), dtype=np.uint64)
        self.carry = Carry(
            self.floats.blocks, network.num_inputs, is_chain=network.is_chain
        )
        # Preactivations of the blocks of a layer at the vertices that are evaluated, and bounds.
        # Of the blocks of a layer the values at its vertices, if they are kept.
        self._values: list[tuple[Floats, NDArray[np.float32]] | None] = []
        shape = len(parents), 1 + domain.dim
        self.at = _Places(parents, np.empty((len(parents), 2)), np.empty(shape), np.empty(shape))
        corners = corner_coordinates([domain], parents[: self.corners, 2].tolist())
        self.at.x[: self.corners], self.at.ex[: self.corners] = corners

    def evaluate(self, block: BlockSigns, neurons: range) -> None:
        """Set the signs of a block at all vertices made by its neurons or by earlier ones.

        Those that its own neurons made get their places. ``neurons`` are those of the layer.
        """
        older, begin = self.begins[neurons.start], self.begins[block.first]
        end = self.begins[block.first + block.width]
        is_kept = self.carry.is_wanted(block.layer, self.begins[neurons.stop])
        z = np.empty((self.begins[neurons.stop] if is_kept else end, block.width))
        ez = np.empty(z.shape, dtype=np.float32)
        self._write_values(block, slice(older), z, ez, self.carry.features)
        # The layer is affine between the parents of a vertex that it has made.
        interpolate_rows(self.at.parents, self.at.places, z, ez, older, begin)
        everything = np.full(begin, (1 << block.width) - 1, dtype=np.uint64)
        self._settle(block, 0, everything, z, ez)
        for k in range(block.width):
            first, last = self.begins[block.first + k], self.begins[block.first + k + 1]
            if first == last:
                continue
            fault = _make(self.at, (first, last), k, block.pos, block.neg, z, ez)
            if fault >= 0:
                a, b, neuron = self.at.parents[fault]
                raise StructureError(
                    f"vertex {fault} is said to be the zero of neuron {neuron} between vertices "
                    f"{a} and {b}, which are not strictly on both sides of it"
                )
            rest = np.empty(last - first, dtype=np.uint64)
            _imply(self.at.parents, first, last, block.pos, block.neg, rest)
            rest &= ~np.uint64(1 << k)
            self._settle(block, first, rest, z, ez)
        self._values.append((z, ez) if is_kept else None)

    def imply(self, block: BlockSigns, neurons: range) -> None:
        """Set the signs of a block at the vertices that later neurons of its layer made."""
        values = self._values[block.columns.start // WORD]
        for neuron in neurons:
            first, last = self.begins[neuron], self.begins[neuron + 1]
            rest = np.empty(last - first, dtype=np.uint64)
            _imply(self.at.parents, first, last, block.pos, block.neg, rest)
            if values is None:
                z = np.empty((last - first, block.width))
                ez = np.empty(z.shape, dtype=np.float32)
                self._write_values(block, slice(first, last), z, ez, None)
                self._settle(block, first, rest, z, ez, first)
            else:
                interpolate_rows(self.at.parents, self.at.places, *values, first, last)
                self._settle(block, first, rest, *values)

    def end(self, blocks: Sequence[BlockSigns], neuron: int) -> None:
        """Carry along what layers from ``neuron`` on read of a finished layer."""
        count = self.begins[neuron]
        alive = [self._alive_of(block)[:count] for block in blocks]
        for block, values in zip(blocks, self._values, strict=True):
            if values is None:
                alive = []
            else:
                self.carry.take(np.arange(block.columns.start, block.columns.stop), *values)
        self._values = []
        layer, at = blocks[0].layer, self.at
        self.carry.end(layer, at.parents[:count], at.places[:count], alive)

    def follow(self, block: BlockSigns, neuron: int) -> None:
        """Set the signs of a block at the vertices that ``neuron`` and later ones made."""
        fault = _follow(self.at.parents, self.begins[neuron], block.pos, block.neg)
        if fault >= 0:
            a, b, _ = self.at.parents[fault]
            opposite = (block.pos[a] & block.neg[b]) | (block.neg[a] & block.pos[b])
            raise StructureError(
                f"vertex {fault} is said to lie between vertices {a} and {b}, but neuron "
                f"{block.first + int(opposite).bit_length() - 1} of a lower layer is zero between"
            )

    def keep(self, block: BlockSigns, word: int) -> None:
        """Keep which activations of a block are not zero, the ``word``-th of all blocks."""
        if self.alive.shape[1]:
            self.alive[:, word] = self._alive_of(block)

    def _alive_of(self, block: BlockSigns) -> Words:
        """Return for every vertex which activations of a block are not zero."""
        slopes = self.slopes[block.layer][block.columns]
        leaky = sum((slope != 0) << k for k, slope in enumerate(slopes))
        alive: Words = block.pos | block.neg & np.uint64(leaky)
        return alive

    def _write_values(
        self, block: BlockSigns, rows: slice, z: Floats, ez: NDArray[np.float32], carried: Carried
    ) -> None:
        """Evaluate a block at some vertices, from what is carried or from the coordinates."""
        x, ex, alive = self.at.x[rows], self.at.ex[rows], self.alive[rows]
        self.floats.preactivations(
            x, ex, block.layer, block.columns, z[: len(x)], ez[: len(x)], alive, carried
        )

    def _settle(
        self,
        block: BlockSigns,
        first: int,
        wanted: Words,
        z: Floats,
        ez: NDArray[np.float32],
        offset: int = 0,
    ) -> None:
        """Set the wanted signs of consecutive vertices from ``first`` on, whose values are known.

        Row i of z and ez is that of vertex ``offset`` + i. Where they leave a sign open integers
        decide, and values and coordinates are rounded afresh, in place.
        """
        undecided = np.zeros(len(wanted), dtype=np.uint64)
        _classify(z, ez, (first, offset), wanted, block.pos, block.neg, undecided)
        open_rows = np.flatnonzero(undecided)
        for start in range(0, len(open_rows), _CHUNK):
            rows = open_rows[start : start + _CHUNK]
            self._settle_exactly(block, first + rows, undecided[rows].tolist(), z, ez, offset)

    def _settle_exactly(
        self,
        block: BlockSigns,
        vertices: Ids,
        masks: list[int],
        z: Floats,
        ez: NDArray[np.float32],
        offset: int,
    ) -> None:
        """Set the signs in ``masks`` from integers, and the floats to the nearest ones."""
        at = self.at
        points = self.exact.points(vertices, at.parents)
        union = reduce(or_, masks)
        bits = np.array([k for k in range(block.width) if union >> k & 1])
        units = (int(block.columns.start) + bits).tolist()
        found = settled(
            self.exact, self.floats, points, block.layer, units, at.x[vertices], at.ex[vertices]
        )
        at.x[vertices], at.ex[vertices] = found.x, found.ex
        places = np.ix_(vertices - offset, bits)
        z[places], ez[places] = found.z, found.ez
        for v, mask, signs in zip(vertices, masks, found.signs, strict=True):
            for sign, words in ((1, block.pos), (-1, block.neg)):
                own = zip(bits.tolist(), signs, strict=True)
                words[v] |= np.uint64(sum(1 << k for k, of_k in own if of_k == sign) & mask)


class _Places(NamedTuple):
    """The vertices: parents, (V, 3), their places between these, (V, 2), coordinates and bounds."""

    parents: NDArray[np.int32]
    places: Floats
    x: Floats
    ex: Floats


@kernel
def _classify(z, ez, numbers, wanted, pos, neg, undecided):  # type: ignore[no-untyped-def]
    """Set the wanted signs that the values and their bounds decide; list the others.

    ``numbers`` are those of the first vertex, and of the one to which row 0 belongs. Where the
    value is known to be 0, bound 0, neither sign is set.
    """
    for i in range(wanted.shape[0]):
        v = numbers[0] + i
        row = v - numbers[1]
        for k in range(z.shape[1]):
            bit = _ONE << np.uint64(k)
            if wanted[i] & bit:
                value, bound = z[row, k], np.float64(ez[row, k])
                if value > bound:
                    pos[v] |= bit
                elif value < -bound:
                    neg[v] |= bit
                elif not (value == 0.0 and bound == 0.0):
                    undecided[i] |= bit


@kernel
def _make(at, rows, k, pos, neg, z, ez):  # type: ignore[no-untyped-def]
    """Place a range of vertices that neuron k of a block made, with the values of the block there.

    Returns one that has no place, or -1.
    """
    bit = _ONE << np.uint64(k)
    parents, places, x, ex = at.parents, at.places, at.x, at.ex
    for v in range(rows[0], rows[1]):
        a, b = parents[v, 0], parents[v, 1]
        up = pos[a] & neg[b] & bit != 0
        if not up and neg[a] & pos[b] & bit == 0:
            return v
        za = z[a, k] if up else -z[a, k]
        zb = -z[b, k] if up else z[b, k]
        ea, eb = np.float64(ez[a, k]), np.float64(ez[b, k])
        t, dt = crossing(max(za, 0.0), max(zb, 0.0), ea, eb)
        places[v, 0], places[v, 1] = t, dt
        place = Place(a, b, t, dt)
        interpolate(x, ex, v, place, (0, x.shape[1]))
        interpolate(z, ez, v, place, (0, z.shape[1]))
        z[v, k], ez[v, k] = 0.0, 0.0
    return -1


@kernel
def _imply(parents, begin, end, pos, neg, rest):  # type: ignore[no-untyped-def]
    """Set the signs that weakly equal signs of the parents imply; write the others as masks."""
    for v in range(begin, end):
        a, b = parents[v, 0], parents[v, 1]
        opposite = (pos[a] & neg[b]) | (neg[a] & pos[b])
        pos[v] = (pos[a] | pos[b]) & ~opposite
        neg[v] = (neg[a] | neg[b]) & ~opposite
        rest[v - begin] = opposite


@kernel
def _follow(parents, begin, pos, neg):  # type: ignore[no-untyped-def]
    """Set the signs of vertices of later layers; return one whose parents disagree, or -1."""
    for v in range(begin, parents.shape[0]):
        a, b = parents[v, 0], parents[v, 1]
        if (pos[a] & neg[b]) | (neg[a] & pos[b]):
            return v
        pos[v], neg[v] = pos[a] | pos[b], neg[a] | neg[b]
    return -1

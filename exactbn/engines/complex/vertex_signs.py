"""The exact signs of all neurons at all vertices of a finished complex, derived anew.

A vertex is known by its parents (a, b, neuron) alone: of what the engine computed on the way,
coordinates, bounds and signs, nothing is used. Let v be made by neuron j, of layer l, between the
vertices a and b, which are corners or made by earlier neurons.

*Layers below l.* If a and b have weakly equal signs there, which is demanded, all these neurons
are affine on the segment, and v, strictly inside it, has their common sign: zero only where both
are zero. *Layer l.* So its neurons are affine on the segment too. Neuron j has opposite strict
signs at a and b, which is demanded, and vanishes at v. Another one has the common sign where a and
b agree weakly; where they do not, its value is looked at, first in floats with their bounds
(docs/error_analysis.md), then in integers. *Layers above l* are evaluated at v in the same way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.kernels import Place, crossing, interpolate
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork
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
        end = min(before + width, neurons_done)
        blocks = []
        for first in range(before, end, WORD):
            columns = slice(first - before, min(first + WORD, end) - before)
            block = BlockSigns(layer, columns, first, *np.zeros((2, len(parents)), np.uint64))
            run.evaluate(block)
            blocks.append(block)
        for block in blocks:
            run.imply(block, range(block.first + block.width, end))
            run.follow(block, end)
            run.keep(block, words)
            words += 1
            yield block
        before += width


class _Run:
    """The coordinates of the vertices, floats with bounds, as far as they are known."""

    def __init__(self, network: Network, domain: Domain, parents: NDArray[np.int32]) -> None:
        self.parents = parents
        self.is_space = domain.box is None
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
        self.x = np.empty((len(parents), 1 + domain.dim))
        self.ex = np.empty_like(self.x)
        numbers = parents[: self.corners, 2].tolist()
        self.x[: self.corners], self.ex[: self.corners] = corner_coordinates([domain], numbers)

    def evaluate(self, block: BlockSigns) -> None:
        """Set the signs of a block at all vertices made by its neurons or by earlier ones.

        Those that its own neurons made get their places.
        """
        begin, end = self.begins[block.first], self.begins[block.first + block.width]
        z = np.empty((end, block.width))
        ez = np.empty(z.shape, dtype=np.float32)
        self._write_values(block, np.arange(begin), z[:begin], ez[:begin])
        everything = np.full(begin, (1 << block.width) - 1, dtype=np.uint64)
        self._settle(block, np.arange(begin), everything, z[:begin], ez[:begin])
        for k in range(block.width):
            rows = slice(self.begins[block.first + k], self.begins[block.first + k + 1])
            if rows.start == rows.stop:
                continue
            fault = _make(
                self.parents, rows.start, rows.stop, k, block.pos, block.neg, self.x, self.ex, z, ez
            )
            if fault >= 0:
                a, b, neuron = self.parents[fault]
                raise StructureError(
                    f"vertex {fault} is said to be the zero of neuron {neuron} between vertices "
                    f"{a} and {b}, which are not strictly on both sides of it"
                )
            rest = np.empty(rows.stop - rows.start, dtype=np.uint64)
            _imply(self.parents, rows.start, rows.stop, block.pos, block.neg, rest)
            rest &= ~np.uint64(1 << k)
            self._settle(block, np.arange(rows.start, rows.stop), rest, z[rows], ez[rows])

    def imply(self, block: BlockSigns, neurons: range) -> None:
        """Set the signs of a block at the vertices that later neurons of its layer made."""
        for neuron in neurons:
            first, last = self.begins[neuron], self.begins[neuron + 1]
            rest = np.empty(last - first, dtype=np.uint64)
            _imply(self.parents, first, last, block.pos, block.neg, rest)
            rows = np.flatnonzero(rest)
            z = np.empty((len(rows), block.width))
            ez = np.empty(z.shape, dtype=np.float32)
            vertices = first + rows
            self._write_values(block, vertices, z, ez)
            self._settle(block, vertices, rest[rows], z, ez)

    def follow(self, block: BlockSigns, neuron: int) -> None:
        """Set the signs of a block at the vertices that ``neuron`` and later ones made."""
        fault = _follow(self.parents, self.begins[neuron], block.pos, block.neg)
        if fault >= 0:
            a, b, _ = self.parents[fault]
            opposite = (block.pos[a] & block.neg[b]) | (block.neg[a] & block.pos[b])
            raise StructureError(
                f"vertex {fault} is said to lie between vertices {a} and {b}, but neuron "
                f"{block.first + int(opposite).bit_length() - 1} of a lower layer is zero between"
            )

    def keep(self, block: BlockSigns, word: int) -> None:
        """Keep which activations of a block are not zero, the ``word``-th of all blocks."""
        if self.alive.shape[1]:
            slopes = self.slopes[block.layer][block.columns]
            leaky = sum((slope != 0) << k for k, slope in enumerate(slopes))
            self.alive[:, word] = block.pos | block.neg & np.uint64(leaky)

    def _write_values(
        self, block: BlockSigns, vertices: Ids, z: Floats, ez: NDArray[np.float32]
    ) -> None:
        x, ex, alive = self.x[vertices], self.ex[vertices], self.alive[vertices]
        self.floats.preactivations(x, ex, block.layer, block.columns, z, ez, alive)

    def _settle(
        self, block: BlockSigns, vertices: Ids, wanted: Words, z: Floats, ez: NDArray[np.float32]
    ) -> None:
        """Set the wanted signs of some vertices, whose values and bounds are z and ez.

        Where these leave a sign open integers decide, the coordinates are rounded afresh, and the
        values are computed again from them, in place.
        """
        undecided = np.zeros(len(vertices), dtype=np.uint64)
        _classify(z, ez, vertices, wanted, block.pos, block.neg, undecided)
        rows = np.flatnonzero(undecided)
        if not len(rows):
            return
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            self._settle_exactly(block, vertices[chunk], undecided[chunk].tolist())
        fresh, bounds = z[rows], ez[rows]
        self._write_values(block, vertices[rows], fresh, bounds)
        z[rows], ez[rows] = fresh, bounds

    def _settle_exactly(self, block: BlockSigns, vertices: Ids, masks: list[int]) -> None:
        """Set the signs in ``masks`` from integers, and the coordinates to the nearest floats."""
        points = self.exact.points(vertices, self.parents)
        union = reduce(or_, masks)
        bits = [k for k in range(block.width) if union >> k & 1]
        rows = [int(block.columns.start) + k for k in bits]
        z, _ = self.exact.integers.evaluate_rows(points, block.layer, rows)
        for i, v in enumerate(vertices.tolist()):
            point = [points[axis, i] for axis in range(points.nrows())]
            length = max(map(abs, point)) if self.is_space else point[0]
            self.x[v], self.ex[v] = zip(*self.exact.nearest(point, length), strict=True)
            above = below = 0
            for row, k in enumerate(bits):
                if masks[i] >> k & 1:
                    above |= (z[row, i] > 0) << k
                    below |= (z[row, i] < 0) << k
            block.pos[v] |= np.uint64(above)
            block.neg[v] |= np.uint64(below)


@kernel
def _classify(z, ez, vertices, wanted, pos, neg, undecided):  # type: ignore[no-untyped-def]
    """Set the wanted signs that the values and their bounds decide; list the others.

    Where the value is known to be 0, bound 0, neither is set.
    """
    for i in range(z.shape[0]):
        v = vertices[i]
        for k in range(z.shape[1]):
            bit = _ONE << np.uint64(k)
            if wanted[i] & bit:
                value, bound = z[i, k], np.float64(ez[i, k])
                if value > bound:
                    pos[v] |= bit
                elif value < -bound:
                    neg[v] |= bit
                elif not (value == 0.0 and bound == 0.0):
                    undecided[i] |= bit


@kernel
def _make(parents, begin, end, k, pos, neg, x, ex, z, ez):  # type: ignore[no-untyped-def]
    """Place the vertices that neuron k of a block made, with the values of the block there.

    Returns one that has no place, or -1.
    """
    bit = _ONE << np.uint64(k)
    for v in range(begin, end):
        a, b = parents[v, 0], parents[v, 1]
        up = pos[a] & neg[b] & bit != 0
        if not up and neg[a] & pos[b] & bit == 0:
            return v
        za = z[a, k] if up else -z[a, k]
        zb = -z[b, k] if up else z[b, k]
        ea, eb = np.float64(ez[a, k]), np.float64(ez[b, k])
        t, dt = crossing(max(za, 0.0), max(zb, 0.0), ea, eb)
        place = Place(a, b, t, dt)
        interpolate(x, ex, v, place, (0, x.shape[1]))
        interpolate(z, ez, v, place, (0, z.shape[1]))
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

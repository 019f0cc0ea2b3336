"""One complex under way: block by block it is evaluated, settled, cut and recorded."""

import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from math import inf, log2
from operator import or_

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex import carried, kernels
from exactbn.engines.complex.carried import Carry
from exactbn.engines.complex.float_blocks import Floats
from exactbn.engines.complex.kernels import BLOCK
from exactbn.engines.complex.lattice import FaceLattice, check_euler
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork, nearest, settled
from exactbn.engines.complex.subdivision import Subdivision
from exactbn.engines.pattern_table import distinct_rows
from exactbn.engines.run import Budget
from exactbn.errors import ExactBNError
from exactbn.model.domain import Domain
from exactbn.model.network import Network

# Vertices that are evaluated in floats, or settled in integers, between two looks at the clock.
_VERTICES_AT_ONCE = 1 << 17
_SETTLED_AT_ONCE = 16
# Where the vertices of the first layer are sharpened: bits by which bounds grow after it, if they
# do by the root of the width a layer; and how many vertices these may be.
_DEEP = 8
_SHARPENED = 1 << 10, 1 << 15
# Preactivations of a chain that are evaluated ahead.
_MOST_OF_CHAIN = 1 << 22
# Seconds by which a step may end late, and entries from which on a step tells the pace.
_GRACE = 0.5
_LONG_STEP = 100_000
# Entries after which neurons are no longer cut by one after the other, but somebody may look up.
_LONG_CUT = 1 << 20


@dataclass
class SignStatistics:
    """How many signs were asked for, and how many of them needed integers.

    A sign that follows from the combinatorics (a vertex inside an uncut edge) is not counted.
    """

    signs: int = 0
    exact_signs: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a subdivision ended with; ``neurons_done`` is less than all when a budget ended it."""

    lattice: FaceLattice
    neurons_done: int
    statistics: SignStatistics


class Late(ExactBNError):
    """The seconds of the budget are spent; caught where the lattice can be made whole."""


def _parts(begin: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of consecutive parts of a range, of at most ``size`` each."""
    for start in range(begin, end, size):
        yield start, min(start + size, end)


@dataclass(frozen=True)
class Block:
    """At most 64 neurons of one layer: the bits of one word."""

    index: int
    layer: int
    begin: int
    width: int
    first_neuron: int
    #: The neurons whose slope for negative values is not zero, as bits.
    leaky: int
    #: How many blocks of the same layer come later.
    left: int

    @property
    def number(self) -> int:
        """Return the number of the block among those of its layer."""
        return self.begin // BLOCK

    @property
    def columns(self) -> slice:
        return slice(self.begin, self.begin + self.width)


def blocks_of(network: Network) -> list[Block]:
    """Return the blocks of all hidden layers in order."""
    blocks: list[Block] = []
    before = 0
    for layer, width in enumerate(network.widths):
        for begin in range(0, width, BLOCK):
            size = min(BLOCK, width - begin)
            slopes = network.blocks[layer].slopes[begin : begin + size]
            leaky = sum((slope != 0) << k for k, slope in enumerate(slopes))
            left = -(-width // BLOCK) - begin // BLOCK - 1
            blocks.append(Block(len(blocks), layer, begin, size, before + begin, leaky, left))
        before += width
    return blocks


class Run:
    """One subdivision under way."""

    def __init__(
        self, network: Network, domains: Sequence[Domain], factor: float, budget: Budget
    ) -> None:
        self.network = network
        self.domains = domains
        self.is_fan = domains[0].box is None
        self.factor = float(factor)
        self.budget = budget
        self.subdivision = Subdivision.of(
            domains, len(blocks_of(network)), keeps_signs=not network.is_chain
        )
        self.vertices = ExactVertices(network, domains)
        self.statistics = SignStatistics()
        self._evaluated = 0
        # Whether preactivations of the layer are kept for later layers.
        self._keeps = False
        # Preactivations of neurons of the layer up to this one at the vertices evaluated; bounds.
        self._ahead: tuple[int, Floats, NDArray[np.float32]] | None = None
        # Seconds per entry of the lists that a step makes.
        self._pace = 0.0

    @cached_property
    def floats(self) -> FloatNetwork:
        """Return the network in floats, made when the first neuron asks for it."""
        return FloatNetwork(self.network, self.domains)

    @cached_property
    def carry(self) -> Carry:
        """Return what layers give to later ones."""
        blocks, chain = self.floats.blocks, self.network.is_chain
        return Carry(blocks, self.network.num_inputs, is_chain=chain)

    def fill(self) -> None:
        """Let what is carried amid a layer be known at all vertices."""
        work, count = self.subdivision.work, self.subdivision.num_vertices
        self.carry.fill(work.parents[:count], work.place[:count])

    def piece(self, subdivision: Subdivision, floats: FloatNetwork) -> "Run":
        """Return a run that goes on with a piece, see :meth:`Subdivision.piece`.

        ``floats`` is the network with room to compute in that no other thread uses meanwhile.
        """
        run = copy(self)
        run.subdivision = subdivision
        rows = run.subdivision.work.parents[:, 2].astype(np.int64)
        run.vertices = self.vertices.of_piece(self.subdivision.work.parents)
        run.statistics = SignStatistics()
        run.floats, run.carry = floats, self.carry.at(rows, floats.blocks)
        run._evaluated, run._ahead = len(rows), None
        return run

    def pause(self) -> None:
        """Raise :class:`Late` when the seconds are spent."""
        if self.budget.is_late():
            raise Late("the seconds are spent")

    def begin(self, block: Block) -> None:
        """Evaluate a block at all vertices and sort the faces into the buckets.

        Raises
        ------
        Late
            When the seconds are spent; the lattice is that of the neurons before the block, but
            its sign words are not to be relied on.
        """
        division = self.subdivision
        # A vertex that this layer has made lies on a root edge on which the layer is affine.
        if block.begin == 0:
            self._evaluated = division.num_vertices
        self._keeps = (block.begin == 0 or self._keeps) and self._may_keep(block)
        num_words = self._keeps * (1 + block.left)
        division.begin_block(block.width, new_layer=block.begin == 0, num_words=num_words)
        count = division.num_vertices
        self._evaluate(block)
        for rows in _parts(self._evaluated, count, _VERTICES_AT_ONCE):
            self.pause()
            work = division.work
            kernels.interpolate_rows(work.parents, work.place, work.z, work.ez, *rows)
        undecided = 0
        for rows in _parts(0, count, _VERTICES_AT_ONCE):
            self.pause()
            undecided += kernels.classify(division.work, *rows, block.width, self.factor)
        self.statistics.signs += count * block.width
        if undecided:
            self._settle(block, np.flatnonzero(division.work.open[:count]))
        division.fill_buckets(self.pause)

    def cut(self, block: Block, j: int, *, most: int = _LONG_CUT) -> int:
        """Cut all faces by neuron ``j`` of the block and those after it, for a while.

        It ends once lists got ``most`` entries: for 0 after one neuron. Returns the next neuron.
        When the seconds are spent amid this, signs of later neurons stay open, but the step is
        finished: it needs the signs of its own neuron only.
        """
        division = self.subdivision
        started, looked_at = time.monotonic(), division.signs_looked_at
        division.start_at(j)
        keeps, first = self._keeps, block.first_neuron
        while (left := division.cut(first, self.factor, keeps=keeps, most=most)) is not None:
            try:
                self._settle(block, left)
            except Late:
                most = 0
        self.statistics.signs += division.signs_looked_at - looked_at
        if most == 0 and division.size_of_step > _LONG_STEP:
            self._pace = (time.monotonic() - started) / division.size_of_step
        return division.next_neuron

    def pass_through(self, block: Block) -> None:
        """Cut by all neurons of a block.

        Raises
        ------
        LimitError
            When the seconds are spent, or would be before the next step ends.
        """
        try:
            self.begin(block)
            j = 0
            while j < block.width:
                if self.would_be_late(j):
                    raise Late("the seconds are spent")
                j = self.cut(block, j, most=0 if self.budget.max_seconds is not None else _LONG_CUT)
                self.pause()
        except Late:
            self.budget.check_time()
            raise
        self.end(block)

    def would_be_late(self, j: int) -> bool:
        """Return whether the step of neuron ``j`` would end late by more than the grace.

        Judged by the pace of the last long step: a step is not interrupted.
        """
        left = self.budget.seconds_left()
        return left < inf and self._pace * self.subdivision.measure(j) > left + _GRACE

    def count_regions(self, block: Block, done: int) -> int:
        """Return the number of regions by ``done`` neurons of the block and all before it.

        In all of R^d walls that are not the network's cut regions into pieces. These are counted
        while there are no more of them than regions are allowed; beyond, what they are pieces of.
        """
        pieces, most = self.subdivision.num_regions, self.budget.max_regions
        if not self.is_fan or most is None or pieces <= most:
            return pieces
        work = self.subdivision.work
        cells = np.flatnonzero(work.dim[: work.used[kernels.FACES]] == self.domains[0].dim)
        words = work.words[work.slot[cells]]
        words[:, block.index] = work.word[cells, kernels.POS] & np.uint64((1 << done) - 1)
        return len(distinct_rows(words)[0])

    def finish(self, block: Block | None, done: int) -> Outcome:
        """Freeze the lattice and check Euler's relation."""
        if block is not None:
            self._end_early(block, done - block.first_neuron)
        lattice = self.subdivision.freeze()
        check_euler(lattice, len(self.domains))
        return Outcome(lattice, done, self.statistics)

    def _end_early(self, block: Block, done: int) -> None:
        """Forget the signs of the block's neurons that were not processed."""
        mask = np.uint64((1 << done) - 1)
        work = self.subdivision.work
        # In place, and no further than there are faces: beyond, the memory is not there yet.
        for sign in (kernels.POS, kernels.NEG, kernels.ZER):
            work.word[: work.used[kernels.FACES], sign] &= mask
        self.subdivision.end_block(block.index, block.number)

    def end(self, block: Block) -> None:
        """Finish a block, and after the last one of a layer carry along what later layers read."""
        division = self.subdivision
        work, count = division.work, division.num_vertices
        self._keeps = self._keeps and self._may_keep(block)
        if self._keeps:
            self.carry.take(work.z[:count], work.ez[:count])
        division.end_block(block.index, block.number, block.leaky)
        if not block.left:
            if self._is_sharpened(block):
                self._sharpen(block.layer)
            last = block.number if self.network.is_chain else block.index
            words = work.alive[:count, last - block.number : last + 1]
            self.carry.end(block.layer, work.parents[:count], work.place[:count], list(words.T))

    def _may_keep(self, block: Block) -> bool:
        """Return whether a layer's preactivations are not too many to be kept for later layers."""
        return self.carry.is_wanted(block.layer, self.subdivision.num_vertices)

    def _is_sharpened(self, block: Block) -> bool:
        """Return whether the vertices of a layer get the nearest floats: see :meth:`_sharpen`."""
        is_deep = sum(log2(width) / 2 for width in self.network.widths[:-1]) >= _DEEP
        few, many = _SHARPENED
        count = self.subdivision.num_vertices
        return block.layer == 0 and is_deep and not self.is_fan and few <= count <= many

    def _sharpen(self, layer: int) -> None:
        """Replace the coordinates of all vertices by the nearest floats, and evaluate a layer anew.

        A vertex of the first layer was interpolated between others up to d times, and its bounds
        are some hundred times a rounding; whatever deeper layers do they multiply. Integers of
        one layer are short.
        """
        work, count = self.subdivision.work, self.subdivision.num_vertices
        for part in _parts(0, count, _SHARPENED[0]):
            rows = np.arange(*part)
            found = nearest(self.vertices, self.vertices.points(rows, work.parents))
            work.x[rows], work.ex[rows] = found
        width = self.network.widths[layer]
        values = []
        for begin, end in _parts(0, width, BLOCK):
            z, ez = np.empty((count, end - begin)), np.empty((count, end - begin), dtype=np.float32)
            for part in _parts(0, count, _VERTICES_AT_ONCE):
                own = slice(*part)
                self.floats.preactivations(
                    work.x[own], work.ex[own], layer, slice(begin, end), z[own], ez[own]
                )
            values.append((z, ez))
        self.carry.renew(values)

    def _evaluate(self, block: Block) -> None:
        """Evaluate a block, in floats, at the vertices that its layer has not made.

        Blocks of a wide layer are evaluated together, so that what they read is computed once; of a
        chain only where that is little memory, a piece. A vertex that is settled in between gets
        better coordinates, and its values stay true.
        """
        work, rows = self.subdivision.work, self._evaluated
        left = self.network.widths[block.layer] - block.begin
        if block.begin == 0:
            self._ahead = None
        if self._ahead is None or self._ahead[0] <= block.begin:
            self._ahead = None
            most = _MOST_OF_CHAIN if self.network.is_chain else carried.MOST_KEPT
            many = min(left, most // max(rows, 1) // BLOCK * BLOCK)
            if many <= block.width:
                self._write_values(block.layer, block.columns, work.z, work.ez)
                return
            z, ez = np.empty((rows, many)), np.empty((rows, many), dtype=np.float32)
            self._write_values(block.layer, slice(block.begin, block.begin + many), z, ez)
            self._ahead = block.begin + many, z, ez
        end, z, ez = self._ahead
        first = block.begin - (end - z.shape[1])
        columns = slice(first, first + block.width)
        work.z[:rows], work.ez[:rows] = z[:, columns], ez[:, columns]

    def _write_values(
        self, layer: int, columns: slice, z: Floats, ez: NDArray[np.float32]
    ) -> None:
        """Write preactivations of some neurons at the vertices evaluated, and bounds."""
        work = self.subdivision.work
        for part in _parts(0, self._evaluated, _VERTICES_AT_ONCE):
            self.pause()
            rows = slice(*part)
            self.floats.preactivations(
                work.x[rows],
                work.ex[rows],
                layer,
                columns,
                z[rows],
                ez[rows],
                work.alive[rows],
                self.carry.features,
                part[0],
            )

    def _settle(self, block: Block, vertices: NDArray[np.int64]) -> None:
        """Settle the open signs of some vertices in integers.

        The preactivations looked at, and in a box the coordinates, are replaced by the nearest
        floats, so that their bounds start afresh.

        Raises
        ------
        Late
            When the seconds are spent, before all of them are settled.
        """
        for begin, end in _parts(0, len(vertices), _SETTLED_AT_ONCE):
            self._settle_some(block, vertices[begin:end])

    def _settle_some(self, block: Block, vertices: NDArray[np.int64]) -> None:
        """Settle some vertices, few enough to be done before the clock is looked at again."""
        self.pause()
        work = self.subdivision.work
        exact = self.vertices
        points = exact.points(vertices, work.parents, self.pause)
        masks = [int(mask) for mask in work.open[vertices]]
        union = reduce(or_, masks)
        wanted = np.array([k for k in range(block.width) if union >> k & 1])
        rows = (block.begin + wanted).tolist()
        found = settled(
            exact, self.floats, points, block.layer, rows, work.x[vertices], work.ex[vertices]
        )
        work.x[vertices], work.ex[vertices] = found.x, found.ex
        places = np.ix_(vertices, wanted)
        work.z[places], work.ez[places] = found.z, found.ez
        for v, mask, signs in zip(vertices, masks, found.signs, strict=True):
            face = work.face[v]
            for sign, word in ((1, kernels.POS), (-1, kernels.NEG), (0, kernels.ZER)):
                own = zip(wanted.tolist(), signs, strict=True)
                bits = sum(1 << k for k, of_k in own if of_k == sign)
                work.word[face, word] |= np.uint64(bits & mask)
            work.open[v] = 0
            self.statistics.exact_signs += mask.bit_count()

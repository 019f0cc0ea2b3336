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
from exactbn.engines.complex.carried import Carry, Taken, room_of
from exactbn.engines.complex.float_blocks import Floats
from exactbn.engines.complex.kernels import BLOCK
from exactbn.engines.complex.lattice import FaceLattice, check_euler
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork, nearest, settled
from exactbn.engines.complex.subdivision import Subdivision
from exactbn.engines.complex.units import (
    Ahead,
    Block,
    Layer,
    Numbers,
    as_words,
    indices,
    layers_of,
    parts,
)
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
            domains, sum(layer.num_words for layer in layers_of(network)),
            keeps_signs=not network.is_chain,
        )
        self.vertices = ExactVertices(network, domains)
        self.statistics = SignStatistics()
        self._evaluated = 0
        # Whether preactivations of the layer are kept for later layers.
        self._keeps = False
        self._ahead: Ahead | None = None
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

    def begin_layer(self, layer: Layer) -> None:
        """Begin a layer: its units are affine on all faces so far."""
        self._keeps = True
        self.go_on(layer)
        self.subdivision.begin_layer(self._keeps * layer.num_words)

    def go_on(self, layer: Layer) -> None:
        """Go on amid a layer as a piece, in which its units are affine on all faces."""
        # A vertex that is made from now on lies on a root edge on which the layer is affine.
        self._evaluated, self._ahead = self.subdivision.num_vertices, None
        self._keeps = self._keeps and self._may_keep(layer)

    def cutting_blocks(self, layer: Layer, units: Numbers) -> Iterator[tuple[Block, Numbers]]:
        """Yield those of some units of a layer that may cut the complex, in blocks, and the rest.

        Each block comes with the units that come after it. A unit that has one sign at all vertices
        that the layer begins with has it everywhere: it cuts nothing. What it is, is recorded.

        Raises
        ------
        Late
            When the seconds are spent.
        """
        while len(units):
            ahead = self._ahead = self._evaluated_ahead(layer, units)
            found = np.zeros(len(ahead.units), dtype=np.uint8)
            carried.survey(ahead.z, ahead.ez, self.factor, found)
            self.statistics.signs += ahead.z.size
            is_leaky = layer.is_leaky[ahead.units]
            is_on = found == carried.POSITIVE
            # What has a slope below zero is alive there, but where it is zero.
            is_alive = is_on | (is_leaky & (found == carried.NEGATIVE))
            is_off = ~is_leaky & (found & (carried.POSITIVE | carried.UNKNOWN) == 0)
            positive, alive = (as_words(layer, ahead.units[own]) for own in (is_on, is_alive))
            self.subdivision.record_idle(layer.first_word, positive, alive)
            if self._keeps and is_alive.any():
                self.carry.take(ahead.units[is_alive], ahead.z[:, is_alive], ahead.ez[:, is_alive])
            later = units[len(ahead.units) :]
            cutting = ahead.units[~(is_alive | is_off)]
            for block in layer.in_blocks(cutting):
                cutting = cutting[block.width :]
                yield block, np.concatenate((cutting, later))
            units = later

    def begin(self, block: Block) -> None:
        """Evaluate a block at all vertices and sort the faces into the buckets.

        Raises
        ------
        Late
            When the seconds are spent; the lattice is that of the neurons before the block, but
            its sign words are not to be relied on.
        """
        division = self.subdivision
        self._keeps = self._keeps and self._may_keep(block.layer)
        division.begin_block(block.width)
        count = division.num_vertices
        self._evaluate(block)
        for rows in parts(self._evaluated, count, _VERTICES_AT_ONCE):
            self.pause()
            work = division.work
            own = work.z, work.ez, rows.start, rows.stop
            kernels.interpolate_rows(work.parents, work.place, *own)
        undecided = 0
        for rows in parts(0, count, _VERTICES_AT_ONCE):
            self.pause()
            undecided += kernels.classify(
                division.work, rows.start, rows.stop, block.width, self.factor
            )
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
        keeps, neurons = self._keeps, block.neurons
        while (left := division.cut(neurons, self.factor, keeps=keeps, most=most)) is not None:
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
        word = block.layer.first_word + int(block.units[0]) // BLOCK
        words[:, word] = work.word[cells, kernels.POS] & np.uint64((1 << done) - 1)
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
        self.subdivision.end_block(block.layer.first_word, block.units)

    def end(self, block: Block) -> None:
        """Finish a block."""
        division = self.subdivision
        work, count = division.work, division.num_vertices
        self._keeps = self._keeps and self._may_keep(block.layer)
        if self._keeps:
            self.carry.take(block.units, work.z[:count], work.ez[:count])
        division.end_block(block.layer.first_word, block.units, block.leaky)

    def end_layer(self, layer: Layer) -> None:
        """Finish a layer: carry along what later layers read."""
        if self._keeps and self._is_sharpened(layer):
            self._sharpen(layer)
        work, count = self.subdivision.work, self.subdivision.num_vertices
        first = 0 if self.network.is_chain else layer.first_word
        words = work.alive[:count, first : first + self._keeps * layer.num_words]
        self.carry.end(layer.number, work.parents[:count], work.place[:count], list(words.T))

    def _may_keep(self, layer: Layer) -> bool:
        """Return whether a layer's preactivations are not too many to be kept for later layers."""
        return self.carry.is_wanted(layer.number, self.subdivision.num_vertices)

    def _is_sharpened(self, layer: Layer) -> bool:
        """Return whether the vertices of a layer get the nearest floats: see :meth:`_sharpen`."""
        is_deep = sum(log2(width) / 2 for width in self.network.widths[:-1]) >= _DEEP
        few, many = _SHARPENED
        count = self.subdivision.num_vertices
        return layer.number == 0 and is_deep and not self.is_fan and few <= count <= many

    def _sharpen(self, layer: Layer) -> None:
        """Replace the coordinates of all vertices by the nearest floats, and evaluate a layer anew.

        A vertex of the first layer was interpolated between others up to d times, and its bounds
        are some hundred times a rounding; whatever deeper layers do they multiply. Integers of
        one layer are short.
        """
        work, count = self.subdivision.work, self.subdivision.num_vertices
        for part in parts(0, count, _SHARPENED[0]):
            rows = np.arange(part.start, part.stop)
            found = nearest(self.vertices, self.vertices.points(rows, work.parents))
            work.x[rows], work.ex[rows] = found
        values = []
        for block in layer.blocks:
            z, ez = room_of(count, block.width)
            for own in parts(0, count, _VERTICES_AT_ONCE):
                self.floats.preactivations(
                    work.x[own], work.ex[own], layer.number, indices(block.units), z[own], ez[own]
                )
            values.append(Taken(block.units, z, ez))
        self.carry.renew(values)

    def _evaluate(self, block: Block) -> None:
        """Evaluate a block, in floats, at the vertices that its layer has not made.

        A vertex that is settled in between gets better coordinates, and its values stay true.
        """
        work, rows = self.subdivision.work, self._evaluated
        if self._ahead is None or self._ahead.units[-1] < block.units[0]:
            every = np.arange(block.units[0], block.layer.width)
            if self._num_ahead(len(every)) <= block.width:
                self._write_values(block.layer, block.units, work.z, work.ez)
                return
            self._ahead = self._evaluated_ahead(block.layer, every)
        ahead = self._ahead
        columns = ahead.columns(block.units)
        work.z[:rows], work.ez[:rows] = ahead.z[:, columns], ahead.ez[:, columns]

    def _num_ahead(self, num_units: int) -> int:
        """Return how many of so many units are evaluated together, 64 at least.

        So that what they read is computed once; of a chain only where that is little memory, a
        piece.
        """
        most = _MOST_OF_CHAIN if self.network.is_chain else carried.MOST_KEPT
        return min(num_units, max(BLOCK, most // max(self._evaluated, 1) // BLOCK * BLOCK))

    def _evaluated_ahead(self, layer: Layer, units: Numbers) -> Ahead:
        """Return the first of some units at the vertices that the layer begins with."""
        units = units[: self._num_ahead(len(units))]
        # Rows of other networks read what is picked for a range of them.
        span = units if self.network.is_chain else np.arange(units[0], units[-1] + 1)
        z, ez = room_of(self._evaluated, len(span))
        self._write_values(layer, span, z, ez)
        if len(span) > len(units):
            z, ez = z[:, units - units[0]], ez[:, units - units[0]]
        return Ahead(units, z, ez)

    def _write_values(
        self, layer: Layer, units: Numbers, z: Floats, ez: NDArray[np.float32]
    ) -> None:
        """Write preactivations of some neurons at the vertices evaluated, and bounds."""
        work = self.subdivision.work
        for rows in parts(0, self._evaluated, _VERTICES_AT_ONCE):
            self.pause()
            self.floats.preactivations(
                work.x[rows],
                work.ex[rows],
                layer.number,
                indices(units),
                z[rows],
                ez[rows],
                work.alive[rows],
                self.carry.features,
                rows.start,
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
        for part in parts(0, len(vertices), _SETTLED_AT_ONCE):
            self._settle_some(block, vertices[part])

    def _settle_some(self, block: Block, vertices: NDArray[np.int64]) -> None:
        """Settle some vertices, few enough to be done before the clock is looked at again."""
        self.pause()
        work = self.subdivision.work
        exact = self.vertices
        points = exact.points(vertices, work.parents, self.pause)
        masks = [int(mask) for mask in work.open[vertices]]
        union = reduce(or_, masks)
        wanted = np.array([k for k in range(block.width) if union >> k & 1])
        rows = block.units[wanted].tolist()
        found = settled(
            exact, self.floats, points, block.layer.number, rows,
            work.x[vertices], work.ex[vertices],
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

"""The complex engine: split the face lattice of the boxes, one neuron at a time.

One step: the signs of the neuron's preactivation at the vertices, exact; a face is cut if and only
if it has vertices strictly on both sides; cut faces are split upward from the edges. Nothing
assumes general position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf, prod
from operator import or_

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.complex import kernels
from exactbn.engines.complex.kernels import BLOCK
from exactbn.engines.complex.lattice import FaceLattice, Subdivision
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork, rounded
from exactbn.engines.run import Budget, Progress, one_blas_thread
from exactbn.errors import DimensionError, InputError, InternalError
from exactbn.model.domain import Domain
from exactbn.model.network import Network

#: Greatest number of inputs; 3^13 is more than a million faces before the first cut.
MAX_DIM = 13

# What is larger would overflow a float32.
_LARGEST_BOUND = 2.0**126


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
    vertices: ExactVertices
    neurons_done: int
    statistics: SignStatistics


def subdivide(
    network: Network,
    domains: Sequence[Domain],
    *,
    budget: Budget | None = None,
    progress: Progress | None = None,
    factor: float = 1.0,
) -> Outcome:
    """Return the polyhedral complexes into which ``network`` cuts each of ``domains``.

    The domains are treated as disjoint copies, whether they overlap or not: every region belongs
    to one of them. All of R^d comes out as a fan of cones, see
    :mod:`exactbn.engines.complex.start`. Exact.

    Parameters
    ----------
    network : Network
        Its hidden layers make the regions.
    domains : sequence of Domain
        At least one, all boxes or all of R^d, of dimension d.
    budget : Budget, optional
        When it is spent, the complex of the neurons done so far is returned.
    progress : callable, optional
        Called with (neurons done, all neurons, remark) between neurons.
    factor : float
        Multiplies the error bounds of the float filter; infinity leaves every sign to integers.
        For tests: the result does not depend on it.

    Raises
    ------
    DimensionError
        If a domain has another dimension than the network has inputs.
    InputError
        If there are more than :data:`MAX_DIM` inputs.
    InternalError
        If Euler's relation does not hold for the result.
    """
    if network.num_inputs > MAX_DIM:
        raise InputError(
            f"the network has {network.num_inputs} inputs, expected at most {MAX_DIM}: the face "
            "lattice of a box begins with 3^d faces; exactbn.model.slices.restrict takes a slice"
        )
    for domain in domains:
        if domain.dim != network.num_inputs:
            raise DimensionError(
                f"the box has dimension {domain.dim} and the network {network.num_inputs} inputs, "
                "expected the same"
            )
    with one_blas_thread():
        return _subdivide(_Run(network, domains, factor), budget or Budget(), progress)


def _subdivide(run: "_Run", budget: Budget, progress: Progress | None) -> Outcome:
    """Process the neurons in order until the budget ends it."""
    total = run.network.num_hidden
    done = 0
    for block in _blocks(run.network):
        run.begin(block)
        for j in range(block.width):
            run.cut(block, j)
            done += 1
            regions = run.subdivision.num_regions
            if progress is not None:
                progress(done, total, f"{regions} regions")
            if done < total and budget.is_spent(regions, done):
                return run.finish(block, done)
        run.subdivision.end_block(block.index)
    return run.finish(None, done)


@dataclass(frozen=True)
class _Block:
    """At most 64 neurons of one layer: the bits of one word."""

    index: int
    layer: int
    begin: int
    width: int
    first_neuron: int

    @property
    def columns(self) -> slice:
        return slice(self.begin, self.begin + self.width)


def _blocks(network: Network) -> list[_Block]:
    """Return the blocks of all hidden layers in order."""
    blocks: list[_Block] = []
    before = 0
    for layer, width in enumerate(network.widths):
        for begin in range(0, width, BLOCK):
            size = min(BLOCK, width - begin)
            blocks.append(_Block(len(blocks), layer, begin, size, before + begin))
        before += width
    return blocks


class _Run:
    """One subdivision under way."""

    def __init__(self, network: Network, domains: Sequence[Domain], factor: float) -> None:
        self.network = network
        self.domains = domains
        self.factor = factor
        self.subdivision = Subdivision(domains, len(_blocks(network)))
        self.floats = FloatNetwork(network, domains)
        self.vertices = ExactVertices(network, domains)
        self.statistics = SignStatistics()
        self._evaluated = 0

    def begin(self, block: _Block) -> None:
        """Evaluate a block at all vertices and sort the faces into the buckets."""
        division = self.subdivision
        division.begin_block(block.width, new_layer=block.begin == 0)
        work, count = division.work, division.num_vertices
        # A vertex that this layer has made lies on a root edge on which the layer is affine. (That
        # fixes the length of a ray too, which exact evaluation changes: rays are evaluated.)
        if block.begin == 0 or self.domains[0].is_space:
            self._evaluated = count
        rows = slice(self._evaluated)
        self.floats.preactivations(
            work.x[rows], work.ex[rows], block.layer, block.columns, work.z[rows], work.ez[rows]
        )
        kernels.interpolate_rows(work, self._evaluated, count, block.width)
        undecided = kernels.classify(work, 0, count, block.width, self.factor)
        self.statistics.signs += count * block.width
        if undecided:
            self._settle(block, np.flatnonzero(work.open[:count]))
        division.fill_buckets()

    def cut(self, block: _Block, j: int) -> None:
        """Cut all faces by neuron ``j`` of the block."""
        division = self.subdivision
        if not division.prepare(j):
            return
        before = division.num_vertices
        undecided, looked_at = division.split_edges(j, block.first_neuron + j, self.factor)
        self.statistics.signs += looked_at
        if undecided:
            new = division.work.open[before : division.num_vertices]
            self._settle(block, before + np.flatnonzero(new))
        division.split_faces(j)

    def finish(self, block: _Block | None, done: int) -> Outcome:
        """Freeze the lattice and check Euler's relation."""
        if block is not None:
            self._end_early(block, done - block.first_neuron)
        lattice = self.subdivision.freeze()
        if lattice.euler_characteristic != len(self.domains):
            raise InternalError(
                f"Euler's relation fails: the alternating sum of {lattice.f_vector} is "
                f"{lattice.euler_characteristic}, expected {len(self.domains)}; please report this"
            )
        return Outcome(lattice, self.vertices, done, self.statistics)

    def _end_early(self, block: _Block, done: int) -> None:
        """Forget the signs of the block's neurons that were not processed."""
        mask = np.uint64((1 << done) - 1)
        work = self.subdivision.work
        work.word[:, [kernels.POS, kernels.NEG, kernels.ZER]] &= mask
        self.subdivision.end_block(block.index)

    def _settle(self, block: _Block, vertices: NDArray[np.int64]) -> None:
        """Settle the open signs of some vertices in integers.

        Their coordinates and the preactivations looked at are replaced by the nearest floats, so
        that their bounds start afresh.
        """
        work = self.subdivision.work
        exact = self.vertices
        points = exact.points(vertices, work.parents)
        masks = [int(mask) for mask in work.open[vertices]]
        wanted = self._wanted(block, masks)
        rows = [block.begin + k for k in wanted]
        z, _ = exact.integers.evaluate(points, block.layer, rows)[-1]
        layers = exact.integers.layers
        scales = [layers[block.layer].scales[row] for row in rows]
        slopes = prod((layer.above for layer in layers[: block.layer]), start=fmpz(1))
        for i, v in enumerate(vertices):
            length = self._length([points[axis, i] for axis in range(points.nrows())])
            for axis in range(points.nrows()):
                work.x[v, axis], work.ex[v, axis] = rounded(points[axis, i], length)
            face = work.face[v]
            pos, neg, zer = (int(t) for t in work.word[face, :3])
            for row, (k, scale) in enumerate(zip(wanted, scales, strict=True)):
                value = z[row, i]
                if masks[i] >> k & 1:
                    pos |= (value > 0) << k
                    neg |= (value < 0) << k
                    zer |= (value == 0) << k
                work.z[v, k], bound = rounded(
                    value * scale.denominator, length * slopes * scale.numerator
                )
                work.ez[v, k] = bound if bound < _LARGEST_BOUND else inf
            work.word[face, :3] = pos, neg, zer
            work.open[v] = 0
            self.statistics.exact_signs += masks[i].bit_count()

    def _wanted(self, block: _Block, masks: Sequence[int]) -> list[int]:
        """Return the neurons whose preactivations are computed anew with the open signs."""
        # A ray has no length of its own: with a new one, all its preactivations are new.
        if self.domains[0].is_space:
            return list(range(block.width))
        union = reduce(or_, masks)
        return [k for k in range(block.width) if union >> k & 1]

    def _length(self, point: Sequence[fmpz]) -> fmpz:
        """Return the number by which a homogeneous integer point is divided to become floats."""
        if self.domains[0].is_space:
            return max(abs(t) for t in point)
        return point[0]

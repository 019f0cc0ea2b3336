"""The decision boundary of a network of two inputs, and exact distances to it.

The boundary of {x : logit > 0} is made of edges and vertices of the partition by the hidden neurons
and the logit. Every distance is exact, and so is the decision which edge is the nearest one: floats
only propose an order in which to look, and lower bounds that are proven here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, dot, nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import Partition, partition

Floats = NDArray[np.float64]

#: What is taken off a lower bound of a distance in a box of side 1, see :func:`_lower_bounds`.
_SLACK = 2.0**-50
#: Differences below this are no direction to go by.
_SHORTEST = 2.0**-40
#: Makes good for the roundings of a length and of the quotients by it.
_LENGTHENED = 1.0 + 2.0**-40


@dataclass(frozen=True, eq=False)
class DecisionBoundary:
    """The points of a domain with logit 0 that have points with logit > 0 of it near them.

    ``partition`` is that by the hidden neurons and the logit, its last neuron. The boundary is the
    union of ``edges``, shape (E, 2), pairs of its vertices, and of ``points``, shape (P,), vertices
    that are on no edge of the boundary: where the logit has an isolated zero.
    """

    partition: Partition
    edges: NDArray[np.int64]
    points: NDArray[np.int64]

    def squared_distances(self, points: Sequence[Vector]) -> list[Fraction | None]:
        """Return the exact squared distance of each point of the domain to the decision boundary.

        None where the boundary of the domain is nearer, so that what lies outside would matter,
        and for points outside the domain.
        """
        domain = self.partition.domain
        inside = [x for x in points if domain.contains(x)]
        found = iter(self._nearest(inside))
        results: list[Fraction | None] = []
        for x in points:
            least = next(found) if domain.contains(x) else None
            room = _squared_room(domain, x)
            results.append(least if least is not None and least <= room else None)
        return results

    def float_segments(self) -> Floats:
        """Return the ends of the edges as floats, shape (E, 2, 2), for drawing."""
        ends = [nearest_floats(t) for segment in self._segments[: len(self.edges)] for t in segment]
        return np.array(ends, dtype=np.float64).reshape(-1, 2, 2)

    def _nearest(self, points: Sequence[Vector]) -> list[Fraction | None]:
        """Return the exact least squared distance of points of the domain to the boundary."""
        if not self._segments or not points:
            return [None] * len(points)
        box = _box_of(self.partition.domain)
        side = max(hi - lo for lo, hi in zip(box.lo, box.hi, strict=True))

        def scaled(x: Vector) -> list[float]:
            return nearest_floats([(t - lo) / side for t, lo in zip(x, box.lo, strict=True)])

        starts, ends = (np.array([scaled(s[i]) for s in self._segments]) for i in (0, 1))
        return [
            self._least(x, _lower_bounds(np.array(scaled(x)), starts, ends), side) for x in points
        ]

    def _least(self, x: Vector, bounds: Floats, side: Fraction) -> Fraction:
        """Return the exact least squared distance, given lower bounds of all, in units of side.

        The segments are looked at in the order of their bounds until the next one, and so all that
        follow, is farther than the least distance found.
        """
        least: Fraction | None = None
        for i in np.argsort(bounds):
            if least is not None and (Fraction(float(bounds[i])) * side) ** 2 > least:
                break
            squared = squared_distance_to_segment(x, *self._segments[int(i)])
            least = squared if least is None else min(least, squared)
        assert least is not None
        return least

    @cached_property
    def _segments(self) -> list[tuple[Vector, Vector]]:
        """Return the exact ends of the edges, and then the points, as segments of length 0."""
        pairs = [*self.edges.tolist(), *([v, v] for v in self.points.tolist())]
        ends = {v: self.partition.vertex(v) for v in {v for pair in pairs for v in pair}}
        return [(ends[a], ends[b]) for a, b in pairs]


def _box_of(domain: Domain) -> Box:
    """Return the box that a domain lies in."""
    if domain.box is None:
        raise InputError(f"the decision boundary is that in a box, the domain is {domain}")
    return domain.box


def _squared_room(domain: Domain, x: Vector) -> Fraction:
    """Return the squared distance of a point of a domain in a box to the boundary of the domain."""
    box = _box_of(domain)
    room = min(min(t - lo, hi - t) for t, lo, hi in zip(x, box.lo, box.hi, strict=True))
    rows = zip(domain.matrix, domain.bounds, strict=True)
    # The distance to the hyperplane of a row that bounds nothing is no less than that to others.
    return min([room * room, *((b - dot(a, x)) ** 2 / dot(a, a) for a, b in rows)])


def _lower_bounds(x: Floats, a: Floats, b: Floats) -> Floats:
    """Return proven lower bounds, >= 0, of the distances of x to the segments from a to b.

    All coordinates are in [0, 1], and each is the float nearest to an exact one.

    Notes
    -----
    For every vector u with |u| <= 1 the distance of x to the segment is at least
    min(u (x - a), u (x - b)), since u (x - y) <= |x - y| and y -> u (x - y) is affine on the
    segment. Which u is taken does not matter to that, so its own errors do not; u is the rounded
    direction to x from a point near the nearest one.

    |u| <= 1: u = v / (|v| (1 + 2^-40)) in floats, where some |v_i| >= 2^-40 / 2. Squares of such
    numbers do not underflow, those of smaller ones are lost without harm; the computed |v| is
    right to a factor 1 +- 2^-50, and each quotient to 1 +- 2^-53 or to 2^-1074, so that
    |u| <= (1 + 2^-53) / ((1 - 2^-50) (1 + 2^-40)) + 2^-1073 < 1. A shorter v gives the bound 0.

    2^-50: the exact x_i - a_i differs by at most 2^-53 from that of the floats, each of which is
    rounded by at most 2^-54; their difference, at most 1 in size, is rounded by 2^-54, the
    product by 2^-54, the sum of two products, less than 2, by 2^-53, and what is left after taking
    off 2^-50 by 2^-53: together 2 (2^-53 + 2^-54 + 2^-54) + 2^-53 + 2^-53 < 2^-50.
    """
    along = b - a
    length = (along * along).sum(-1)
    reach = ((x - a) * along).sum(-1)
    # Anything does for a place on the segment: 0 where the segment has no length in floats.
    place = np.clip(np.divide(reach, length, out=np.zeros_like(reach), where=length > 0), 0, 1)
    v = x - a - place[:, None] * along
    size = np.linalg.norm(v, axis=-1)
    is_long = size >= _SHORTEST
    u = v / np.where(is_long, size * _LENGTHENED, 1)[:, None]
    first, second = (((x - end) * u).sum(-1) for end in (a, b))
    bounds = np.where(is_long, np.minimum(first, second) - _SLACK, 0)
    return np.asarray(np.maximum(bounds, 0))


def squared_distance_to_segment(x: Vector, a: Vector, b: Vector) -> Fraction:
    """Return the exact squared distance of ``x`` to the segment from ``a`` to ``b``.

    >>> from fractions import Fraction as F
    >>> squared_distance_to_segment((F(0), F(0)), (F(1), F(-1)), (F(1), F(3)))
    Fraction(1, 1)
    """
    along = tuple(t - s for s, t in zip(a, b, strict=True))
    toward = tuple(t - s for s, t in zip(a, x, strict=True))
    reach, length = dot(toward, along), dot(along, along)
    if reach <= 0 or length == 0:
        return dot(toward, toward)
    if reach >= length:
        rest = tuple(t - s for s, t in zip(b, x, strict=True))
        return dot(rest, rest)
    # The square of the height: |toward|^2 - reach^2 / length, as one determinant in the plane.
    cross = toward[0] * along[1] - toward[1] * along[0]
    return cross * cross / length


def decision_boundary(network: Network, box: Box | Domain) -> DecisionBoundary:
    """Return the decision boundary of a network of two inputs and one output, the logit.

    In a box, which rows may cut.

    On a region where the logit is on it is affine, >= 0 and not identically 0: its zeros there are
    an edge of the region, a vertex or nothing. So the boundary are the edges with the logit zero at
    both ends, and the vertices where it is zero, of the regions where it is on. It may be on at
    both sides of such an edge.

    Examples
    --------
    The logit |x| + |y| - 1 vanishes on a square about the origin.

    >>> weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]]
    >>> net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1]])
    >>> boundary = decision_boundary(net, Box.of(-4, 4, 2))
    >>> len(boundary.edges), boundary.squared_distances([(Fraction(0), Fraction(0))])
    (4, [Fraction(1, 2)])

    The logit |x| is on both to the left and to the right of its line of zeros.

    >>> net = Network.from_arrays([[[1, 0], [-1, 0]], [[1, 1]]], [[0, 0], [0]])
    >>> decision_boundary(net, Box.of(-4, 4, 2)).squared_distances([(Fraction(1), Fraction(0))])
    [Fraction(1, 1)]
    """
    if network.num_inputs != 2 or network.num_outputs != 1:
        raise DimensionError(
            f"a decision boundary needs 2 inputs and 1 output, got a {network.architecture} network"
        )
    _box_of(Domain.of(box))
    part = partition(with_logit_as_neuron(network), box, engine="complex")
    lattice = part.lattice
    *_, logit = vertex_signs(part.network, part.domain, lattice.parents, part.network.num_hidden)
    # The logit is the last bit; units that it does not read may share its block.
    is_zero = (logit.pos | logit.neg) >> np.uint64(logit.width - 1) == 0
    is_on = part.patterns[:, -1] > 0
    edges = np.unique(_facets_of(lattice, lattice.starts[2] + np.flatnonzero(is_on)))
    ends = _facets_of(lattice, edges.astype(np.int64)).reshape(-1, 2)
    zeros = is_zero[ends]
    on_edges = ends[zeros.all(axis=1)]
    points = np.setdiff1d(ends[zeros], on_edges)
    return DecisionBoundary(part, on_edges.astype(np.int64), points.astype(np.int64))


def _facets_of(lattice: FaceLattice, faces: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the facets of some faces, one list after the other."""
    sizes = lattice.indptr[faces + 1] - lattice.indptr[faces]
    offsets = np.repeat(lattice.indptr[faces] - np.cumsum(sizes) + sizes, sizes)
    return np.asarray(lattice.indices[offsets + np.arange(len(offsets))])


def with_logit_as_neuron(network: Network) -> Network:
    """Return the network whose last hidden neuron is the output of ``network``."""
    last = network.layers[-1]
    hidden = Layer(last.weight, last.bias, Fraction(0), last.reads)
    end = Layer(((Fraction(1),),), (Fraction(0),), Fraction(1))
    return replace(network, layers=(*network.layers[:-1], hidden, end), units=())

"""The decision boundary of a network of two inputs, and exact distances to it.

The boundary of {x : logit > 0} is made of edges of the partition by the hidden neurons and the
logit: the edges between a region where the logit is on and one where it is off. Every distance is
exact; floats only choose which edges can be nearest, with room for all of their errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InternalError
from exactbn.exact.rational import Vector, dot
from exactbn.model.domain import Box
from exactbn.model.network import Layer, Network
from exactbn.regions.geometry import affine_points
from exactbn.regions.partitioning import Partition, partition

Floats = NDArray[np.float64]

#: Part of the box that float distances between float points may be wrong by: far more than their
#: few roundings of 2^-53, and far less than what tells most edges apart.
_ROOM = 2.0**-40


@dataclass(frozen=True)
class DecisionBoundary:
    """The boundary of {x in the box : logit > 0}, as edges of a partition of the box.

    ``partition`` is that by the hidden neurons and the logit, its last neuron; ``edges``, shape
    (E, 2), are pairs of its vertices.
    """

    partition: Partition
    edges: NDArray[np.int64]

    def squared_distances(self, points: Sequence[Vector]) -> list[Fraction | None]:
        """Return the exact squared distance of each point in the box to the decision boundary.

        None where the boundary of the box is nearer, so that what lies outside would matter.
        """
        if not len(self.edges):
            return [None] * len(points)
        results: list[Fraction | None] = []
        box = self.partition.box
        for x, near in zip(points, self._candidates(points), strict=True):
            least = min(self._squared_distance(int(i), x) for i in near)
            room = min(min(t - lo, hi - t) for t, lo, hi in zip(x, box.lo, box.hi, strict=True))
            results.append(least if room >= 0 and least <= room * room else None)
        return results

    def float_segments(self) -> Floats:
        """Return the ends of the edges as floats, shape (E, 2, 2), for drawing."""
        points, _ = affine_points(self.partition.lattice)
        return points[self.edges]

    def _candidates(self, points: Sequence[Vector]) -> list[NDArray[np.int64]]:
        """Return for each point the edges that can be nearest to it."""
        box = self.partition.box
        size = max(float(abs(t)) for t in (*box.lo, *box.hi))
        coordinates, errors = affine_points(self.partition.lattice)
        a, b = coordinates[self.edges[:, 0]], coordinates[self.edges[:, 1]]
        # The distance to a segment changes by no more than the farther of its ends is moved.
        slack = 2 * errors[self.edges].max(axis=(1, 2)) + size * _ROOM
        x = np.array([[float(t) for t in point] for point in points])[:, None]
        # A wrong place t on an edge gives a point of it all the same, and one that is farther from
        # x by at most the error of t times the length: a few units in the last place of |x - a|.
        along = b - a
        length = np.maximum((along * along).sum(-1), np.finfo(float).tiny)
        t = np.clip(((x - a) * along).sum(-1) / length, 0, 1)
        distance = np.linalg.norm(x - a - t[..., None] * along, axis=-1)
        # An end without a float makes its edge a candidate for every point.
        low, high = np.nan_to_num(distance - slack, nan=-np.inf), distance + slack
        is_near = low <= np.nan_to_num(high, nan=np.inf).min(axis=1, keepdims=True)
        return [np.flatnonzero(row) for row in is_near]

    def _squared_distance(self, edge: int, x: Vector) -> Fraction:
        """Return the exact squared distance of x to an edge."""
        a, b = (self._end(int(vertex)) for vertex in self.edges[edge])
        return squared_distance_to_segment(x, a, b)

    def _end(self, vertex: int) -> Vector:
        """Return the exact coordinates of a vertex, computed once."""
        if vertex not in self._ends:
            self._ends[vertex] = self.partition.vertex(vertex)
        return self._ends[vertex]

    @cached_property
    def _ends(self) -> dict[int, Vector]:
        return {}


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


def decision_boundary(network: Network, box: Box) -> DecisionBoundary:
    """Return the decision boundary of a network of two inputs and one output, the logit, in a box.

    Examples
    --------
    The logit |x| + |y| - 1 vanishes on a square about the origin.

    >>> weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]]
    >>> net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1]])
    >>> boundary = decision_boundary(net, Box.of(-4, 4, 2))
    >>> len(boundary.edges), boundary.squared_distances([(Fraction(0), Fraction(0))])
    (4, [Fraction(1, 2)])
    """
    if network.num_inputs != 2 or network.num_outputs != 1:
        raise DimensionError(
            f"a decision boundary needs 2 inputs and 1 output, got a {network.architecture} network"
        )
    part = partition(with_logit_as_neuron(network), box)
    lattice, is_on = part.lattice, part.patterns[:, -1]
    first, second = lattice.owners.T
    inside = second >= 0
    changes = np.zeros(len(first), dtype=bool)
    changes[inside] = is_on[first[inside]] != is_on[second[inside]]
    faces = int(lattice.starts[1]) + np.flatnonzero(changes)
    begin = lattice.indptr[faces]
    if np.any(lattice.indptr[faces + 1] - begin != 2):
        raise InternalError("an edge has not two ends; please report this network")
    ends = np.stack([lattice.indices[begin], lattice.indices[begin + 1]], axis=1)
    return DecisionBoundary(part, ends.astype(np.int64))


def with_logit_as_neuron(network: Network) -> Network:
    """Return the network whose last hidden neuron is the output of ``network``."""
    last = network.layers[-1]
    hidden = Layer(last.weight, last.bias, Fraction(0))
    end = Layer(((Fraction(1),),), (Fraction(0),), Fraction(1))
    return Network((*network.layers[:-1], hidden, end), network.sigma_policy)

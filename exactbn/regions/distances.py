"""Exact distances from points to the boundary of the partition of R^d, and layer-1 objectives.

Exact throughout: integers of any size, no float on the way to any result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from flint import fmpz, fmpz_mat

from exactbn.exact.rational import Vector
from exactbn.model.evaluation import IntegerBlock, IntegerNetwork
from exactbn.model.network import Network


@dataclass(frozen=True)
class PointMeasures:
    """What a network's partition of R^d says about N given points.

    Attributes
    ----------
    squared_distances : tuple of Fraction or None, length N
        The squared Euclidean distance to the nearest boundary, 0 on a boundary, None where the
        partition has one region only and so no boundary.
    regions_with_points : int
        Number of different regions that hold a point; a point on a boundary is in none.
    on_boundary : int
        Number of points that lie on a boundary.
    cut_units : tuple of bool, length num_hidden
        For every hidden neuron, whether some point has a preactivation > 0 and some one < 0.
    zero_units : tuple of bool, length num_hidden
        For every hidden neuron, whether its preactivation is 0 at every point.
    layer1_sum : Fraction
        sum_k sum_i (w_k x_i + b_k)^2 / |w_k|^2 over the units k of layer 1 with w_k != 0, the
        sum of squared distances of all points to all hyperplanes (total least squares).
    """

    squared_distances: tuple[Fraction | None, ...]
    regions_with_points: int
    on_boundary: int
    cut_units: tuple[bool, ...]
    zero_units: tuple[bool, ...]
    layer1_sum: Fraction


def measure_points(network: Network, points: Sequence[Vector]) -> PointMeasures:
    r"""Return the exact measures of ``points`` under ``network``.

    The distance. Let x be a point, and let y -> g_k y + c_k be the affine form of neuron k at x:
    layer by layer, the activation of a neuron with value > 0 passes its form, one with value < 0
    the form times the slope, one whose form is identically zero passes zero. If some neuron has
    value 0 and g_k != 0, take the first layer that has one: all forms of that layer are still
    affine near x, so the neuron changes its sign across a hyperplane through x, and the distance
    is 0. Otherwise every sign is constant near x; let

        P = {y : s_k (g_k y + c_k) > 0 for all k with s_k != 0},    s_k the sign at x.

    P is open and convex and holds x. (1) No boundary point is in P: by induction on the layers
    the forms at x are the neurons' values on all of P, so every sign is constant there. (2) Every
    point y on the border of P is a boundary point: some form with g_k != 0 is zero at y and not
    in P. If neuron k is affine near y, its sign changes from + to - or 0 across that hyperplane.
    If not, it has a crease at y, and a crease comes from a neuron of an earlier layer whose value
    is zero at y and not zero nearby; take the earliest such layer, where the values are affine,
    and the sign changes there. So the distance of x to the boundary is its distance to the border
    of P. (3) The open ball about x of radius min_k |g_k x + c_k| / |g_k| lies in P, and the foot
    of the perpendicular on the nearest hyperplane lies on the border of P. So

        dist(x)^2 = min over all neurons with g_k != 0 of (g_k x + c_k)^2 / |g_k|^2,

    over redundant rows too, for these are never nearer than the border. If no g_k is different
    from 0, P is all of R^d: the partition has one region and no boundary.

    Parameters
    ----------
    network : Network
        ``d`` inputs, any rational slopes.
    points : sequence of N points
        Exact, of length d each.

    Notes
    -----
    A region is a set {x : pattern} and convex, so points off the boundary share a region if and
    only if their patterns are equal. With integers, a point x = X / X_0 of common denominator X_0
    and a form Z = F (X_0, X), the squared distance to the zero set is Z^2 / (X_0^2 |F_1..d|^2).
    """
    if not points:
        return PointMeasures((), 0, 0, *((False,) * network.num_hidden,) * 2, Fraction(0))
    integer = network.integers
    denominator = lcm(*(t.denominator for point in points for t in point))
    columns = [[denominator, *(int(t * denominator) for t in point)] for point in points]
    hidden = len(network.hidden)
    if not hidden:
        return PointMeasures((None,) * len(points), 1, 0, (), (), Fraction(0))
    state = fmpz_mat([list(row) for row in zip(*columns, strict=True)])
    layers = integer.preactivations(state, hidden - 1)
    values = [[int(z) for z in column] for column in _columns(layers)]
    signs = [bytes((z > 0) + 2 * (z < 0) for z in column) for column in values]
    norms = {pattern: _squared_norms(integer, pattern) for pattern in set(signs)}
    distances: list[Fraction | None] = []
    patterns = set()
    for column, pattern in zip(values, signs, strict=True):
        distance = _squared_distance(column, norms[pattern], denominator)
        distances.append(distance)
        if distance != 0:
            patterns.add(pattern)
    seen = [set(column) for column in zip(*signs, strict=True)]
    return PointMeasures(
        squared_distances=tuple(distances),
        regions_with_points=len(patterns),
        on_boundary=distances.count(Fraction(0)),
        cut_units=tuple({1, 2} <= column for column in seen),
        zero_units=tuple(column == {0} for column in seen),
        layer1_sum=_layer1_sum(integer.blocks[0], layers[0], denominator),
    )


def _squared_norms(integer: IntegerNetwork, signs: bytes) -> list[int]:
    """Return |g|^2 of every hidden neuron's integer form in the linear piece of these signs.

    ``signs`` has one byte a neuron: 1 for a value > 0, 2 for one < 0, 0 for the value 0. Where a
    zero value has a form that is not zero, the forms of later layers are not those at the point;
    they are never used there, see :func:`_squared_distance`.
    """
    forms = integer.forms([int(s == 1) for s in signs])[:-1]
    return [sum(int(g) ** 2 for g in row[1:]) for form in forms for row in form.tolist()]


def _columns(layers: Sequence[fmpz_mat]) -> list[list[fmpz]]:
    """Return the columns of matrices stacked on each other."""
    count = layers[0].ncols()
    entries = [entry for layer in layers for entry in layer.entries()]
    return [entries[i::count] for i in range(count)]


def _squared_distance(
    values: Sequence[int], norms: Sequence[int], denominator: int
) -> Fraction | None:
    """Return the least Z^2 / (X_0^2 |g|^2) over the neurons with |g|^2 != 0, or None."""
    best: tuple[int, int] | None = None
    for z, norm in zip(values, norms, strict=True):
        if norm == 0:
            continue
        if z == 0:
            # A boundary: forms of later layers are not affine here and must not be used.
            return Fraction(0)
        numerator = z * z
        if best is None or numerator * best[1] < best[0] * norm:
            best = numerator, norm
    return None if best is None else Fraction(best[0], best[1] * denominator**2)


def _layer1_sum(block: IntegerBlock, values: fmpz_mat, denominator: int) -> Fraction:
    """Return the sum over units of (sum over points of Z^2) / (X_0^2 |w|^2)."""
    entries = values.entries()
    count = values.ncols()
    total = Fraction(0)
    for k, (_, row) in enumerate(block.rows()):
        norm = sum(int(w) ** 2 for w in row[1:])
        if norm:
            squares = sum(int(z) ** 2 for z in entries[k * count:(k + 1) * count])
            total += Fraction(squares, norm * denominator**2)
    return total

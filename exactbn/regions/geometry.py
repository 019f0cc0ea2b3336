"""Metric facts of a face lattice: volumes, interior points, polygons.

A region is triangulated by pulling: each face is coned from its least vertex over its facets that
do not hold that vertex, recursively. The triangulation is combinatorial, so it is exact; volumes
are sums of determinants over it, either of exact coordinates (a fraction) or of float coordinates
with their proven errors (a ball that holds the true volume).
"""

from fractions import Fraction
from math import factorial, prod

import numpy as np
from flint import fmpz, fmpz_mat
from numba import njit
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.errors import StructureError

Floats = NDArray[np.float64]
Point = tuple[fmpz, ...]

# The constants of the enclosures, named as in docs/error_analysis.md, which proves them.
#: u, the unit roundoff of float64.
UNIT_ROUNDOFF = 2.0**-53
#: More than all that can underflow while numbers are scaled to unit size.
VOLUME_FLOOR = 2.0**-900
#: Makes good for the few roundings of one bound.
VOLUME_INFLATION = 1.0 + 2.0**-40
#: The least positive float: what is below it at the end is lost.
LEAST_FLOAT = 2.0**-1074


def interior_points(lattice: FaceLattice) -> Floats:
    """Return a float point near the middle of each region, shape (R, d).

    The mean over the facets of their points, recursively; no verdict rests on it. A coordinate is
    not a number where a vertex of the region lies beyond the range of floats.
    """
    points = np.empty((int(lattice.starts[-1]), 1 + lattice.dim))
    points[: len(lattice.x)] = lattice.x
    _mean_points(lattice.indptr, lattice.indices, len(lattice.x), points)
    means = points[lattice.starts[lattice.dim] :]
    with np.errstate(all="ignore"):
        middles = means[:, 1:] / means[:, :1]
    return np.where(np.isfinite(middles), middles, np.nan)


def affine_points(lattice: FaceLattice) -> tuple[Floats, Floats]:
    """Return the vertices as float points and bounds of their errors, shape (V, d).

    Directions at infinity have no coordinates: not a number, with an infinite bound.
    """
    x, ex = lattice.x[:, 1:], lattice.ex[:, 1:]
    weight, error = lattice.x[:, :1], lattice.ex[:, :1]
    if np.all(weight == 1) and not np.any(error):
        return x, ex
    with np.errstate(all="ignore"):
        points = x / weight
        # |x*/w* - x/w| <= (e_x + |x/w| e_w) / (w - e_w), and the quotient is rounded.
        bounds = (ex + np.abs(points) * error) / (weight - error)
        bounds = (bounds + np.abs(points) * UNIT_ROUNDOFF) * VOLUME_INFLATION + VOLUME_FLOOR
    known = (weight > 2 * error) & np.isfinite(points) & np.isfinite(bounds)
    return np.where(known, points, np.nan), np.where(known, bounds, np.inf)


def volume_enclosures(lattice: FaceLattice) -> tuple[Floats, Floats]:
    """Return (middle, radius), shape (R,): the volume of each region is within radius of middle.

    Rigorous: coordinate errors and all roundings are in the radius, which is infinite where the
    coordinates or the volume are beyond the range of floats.
    """
    d = lattice.dim
    middle = np.empty(lattice.num_regions)
    radius = np.empty(lattice.num_regions)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # Powers of two bring every axis to unit size, so that no product leaves the range.
        x, ex = affine_points(lattice)
        _, exponents = np.frexp(np.abs(x).max(axis=0, initial=0.0, where=np.isfinite(x)))
        x, ex = np.ldexp(x, -exponents), np.ldexp(ex, -exponents)
        # Of a coordinate that may be anywhere on its axis nothing is known.
        ex = np.where(ex <= 1.0, ex + VOLUME_FLOOR, np.inf)
        _enclose_volumes(
            lattice.indptr, lattice.indices, least_vertices(lattice), x, ex,
            int(lattice.starts[d]), d, middle, radius,
        )  # fmt: skip
        # The quotient by d!, a float, is rounded once; two denormals are for the axes' sizes.
        radius += middle * UNIT_ROUNDOFF
        total = int(exponents.sum())
        middle = np.ldexp(middle / factorial(d), total)
        radius = (radius / factorial(d) + VOLUME_FLOOR) * VOLUME_INFLATION
        radius = np.ldexp(radius, total) * VOLUME_INFLATION + 2 * LEAST_FLOAT
    known = np.isfinite(middle) & np.isfinite(radius)
    return np.where(known, middle, 0.0), np.where(known, radius, np.inf)


def simplices(
    lattice: FaceLattice, region: int, apex: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the vertices of the simplices that triangulate a region, shape (S, 1 + d).

    ``apex`` is :func:`least_vertices` of the lattice.
    """
    d = lattice.dim
    return face_simplices(lattice, int(lattice.starts[d]) + region, d, apex)


def simplex_volume(points: list[Point]) -> Fraction:
    """Return the exact volume of the simplex of d + 1 homogeneous integer points."""
    d = len(points) - 1
    if any(point[0] == 0 for point in points):
        raise StructureError("a bounded region has a direction as a vertex")
    determinant = abs(int(fmpz_mat([list(point) for point in points]).det()))
    return Fraction(determinant, factorial(d) * prod(int(point[0]) for point in points))


def polygons(lattice: FaceLattice) -> list[Floats]:
    """Return the vertices of each region of a plane complex in order, as float arrays (k, 2)."""
    points, _ = affine_points(lattice)
    return [points[chain] for chain in chains(lattice)]


def chains(lattice: FaceLattice) -> list[NDArray[np.int64]]:
    """Return the numbers of the vertices of each 2-face of a plane complex, in order."""
    begin = int(lattice.starts[2])
    chained = np.empty(int(lattice.indptr[-1] - lattice.indptr[begin]), dtype=np.int64)
    _chain_polygons(lattice.indptr, lattice.indices, begin, chained)
    return np.split(chained, lattice.indptr[begin + 1 : -1] - lattice.indptr[begin])


def joined_polygons(
    lattice: FaceLattice, of_cell: NDArray[np.int64], polygons: list[Floats]
) -> list[Floats]:
    """Return the polygons of the regions that are joined from cells, ``of_cell`` says from which.

    The sides of a region are the edges of its cells that are of one of them only.
    """
    count = int(of_cell.max()) + 1
    if count == len(of_cell):
        return polygons
    begin = int(lattice.starts[2])
    points, _ = affine_points(lattice)
    members: list[list[int]] = [[] for _ in range(count)]
    for cell, region in enumerate(of_cell.tolist()):
        members[region].append(cell)
    result = []
    for cells in members:
        if len(cells) == 1:
            result.append(polygons[cells[0]])
            continue
        lists = [lattice.indices[slice(*lattice.indptr[[f, f + 1]])] for f in np.add(cells, begin)]
        edges, times = np.unique(np.concatenate(lists), return_counts=True)
        after: dict[int, list[int]] = {}
        for edge in edges[times == 1].tolist():
            a, b = lattice.indices[slice(*lattice.indptr[[edge, edge + 1]])].tolist()
            after.setdefault(a, []).append(b)
            after.setdefault(b, []).append(a)
        chain = [next(iter(after))]
        while after[chain[-1]]:
            following = after[chain[-1]].pop()
            after[following].remove(chain[-1])
            chain.append(following)
        result.append(points[chain[:-1]])
    return result


def least_vertices(lattice: FaceLattice) -> NDArray[np.int32]:
    """Return the least vertex of every face, from which it is pulled."""
    apex = np.arange(int(lattice.starts[-1]), dtype=np.int32)
    _least_vertices(lattice.indptr, lattice.indices, len(lattice.x), apex)
    return apex


def face_simplices(
    lattice: FaceLattice, face: int, dim: int, apex: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the vertices of the simplices that triangulate a face, shape (S, 1 + dim)."""
    if dim == 0:
        return np.array([[face]])
    facets = lattice.indices[lattice.indptr[face] : lattice.indptr[face + 1]]
    others = [int(g) for g in facets if apex[g] != apex[face]]
    parts = [face_simplices(lattice, g, dim - 1, apex) for g in others]
    if not parts:
        raise StructureError(f"all facets of face {face} hold the same vertex")
    below = np.concatenate(parts)
    return np.column_stack((np.full(len(below), apex[face]), below))


@njit(cache=True)
def _mean_points(indptr, indices, begin, points):  # type: ignore[no-untyped-def]
    """Set the point of every face to the mean of the points of its facets."""
    for f in range(begin, len(indptr) - 1):
        count = indptr[f + 1] - indptr[f]
        for axis in range(points.shape[1]):
            total = 0.0
            for i in range(indptr[f], indptr[f + 1]):
                total += points[indices[i], axis] / count
            points[f, axis] = total


@njit(cache=True)
def _least_vertices(indptr, indices, begin, apex):  # type: ignore[no-untyped-def]
    """Set the apex of every face to the least one of its facets."""
    for f in range(begin, len(indptr) - 1):
        least = apex[indices[indptr[f]]]
        for i in range(indptr[f] + 1, indptr[f + 1]):
            least = min(least, apex[indices[i]])
        apex[f] = least


@njit(cache=True)
def _determinant(a, e, d, table):  # type: ignore[no-untyped-def]
    """Return |det a| and a bound of its error when every entry of a is wrong by at most e.

    Expansion by minors over the subsets of columns gives the determinant, the permanent P0 of
    |a|, and P1 - P0 with P1 that of |a| + e. The determinant is multilinear, so the exact one
    differs by at most P1 - P0. A term of the expansion passes (d - 1)(d + 2) / 2 roundings.
    """
    table[0, 0], table[0, 1], table[0, 2] = 1.0, 1.0, 0.0
    for subset in range(1, 1 << d):
        row = -1
        rest = subset
        while rest:
            rest &= rest - 1
            row += 1
        det, size, spread = 0.0, 0.0, 0.0
        sign = 1.0 if row % 2 == 0 else -1.0
        for column in range(d):
            if subset >> column & 1:
                minor = subset ^ (1 << column)
                entry, wrong = a[row, column], e[row, column]
                det += sign * entry * table[minor, 0]
                size += abs(entry) * table[minor, 1]
                # |a| (P1 - P0) + e P1 of the minor: no difference of large numbers.
                spread += (abs(entry) + wrong) * table[minor, 2] + wrong * table[minor, 1]
                sign = -sign
        table[subset, 0], table[subset, 1], table[subset, 2] = det, size, spread
    full = (1 << d) - 1
    rounding = 0.5 * (d - 1) * (d + 2) * UNIT_ROUNDOFF * table[full, 1]
    return abs(table[full, 0]), (table[full, 2] + rounding) * VOLUME_INFLATION + VOLUME_FLOOR


@njit(cache=True)
def _enclose_volumes(  # type: ignore[no-untyped-def]
    indptr, indices, apex, x, ex, begin, d, middle, radius
):
    """Write d! times the volume enclosure of every region, walking the pulled simplices.

    ``chain[k]`` is the current k-face, coned from its apex; ``cursor[k]`` the facet in turn.
    """
    chain = np.empty(d + 1, dtype=np.int64)
    cursor = np.empty(d + 1, dtype=np.int64)
    a = np.empty((d, d))
    e = np.empty((d, d))
    table = np.empty((1 << d, 3))
    for region in range(middle.shape[0]):
        total, error, count = 0.0, 0.0, 0
        chain[d] = begin + region
        cursor[d] = indptr[chain[d]]
        k = d
        while k <= d:
            f = chain[k]
            if cursor[k] == indptr[f + 1]:
                k += 1
                continue
            g = indices[cursor[k]]
            cursor[k] += 1
            if apex[g] == apex[f]:
                continue
            if k > 1:
                k -= 1
                chain[k] = g
                cursor[k] = indptr[g]
                continue
            # The simplex has the vertex g and the apexes of the chain.
            for i in range(d):
                v = apex[chain[i + 1]]
                for axis in range(d):
                    difference = x[v, axis] - x[g, axis]
                    a[i, axis] = difference
                    error_of_both = ex[v, axis] + ex[g, axis] + UNIT_ROUNDOFF * abs(difference)
                    e[i, axis] = error_of_both * VOLUME_INFLATION
            det, bound = _determinant(a, e, d, table)
            total += det
            error += bound + UNIT_ROUNDOFF * total
            count += 1
        middle[region] = total
        # The sum of the bounds is rounded once a simplex.
        radius[region] = error * (VOLUME_INFLATION + 2.0 * UNIT_ROUNDOFF * count)


@njit(cache=True)
def _chain_polygons(indptr, indices, begin, chains):  # type: ignore[no-untyped-def]
    """Write the vertices of every polygon in order; an edge is a pair of vertices."""
    offset = indptr[begin]
    for f in range(begin, len(indptr) - 1):
        start, count = indptr[f], indptr[f + 1] - indptr[f]
        edges = indices[start : start + count].copy()
        vertex = indices[indptr[edges[0]]]
        for i in range(count):
            chains[start - offset + i] = vertex
            for j in range(i, count):
                p = indptr[edges[j]]
                if indices[p] == vertex or indices[p + 1] == vertex:
                    vertex = indices[p] + indices[p + 1] - vertex
                    edges[i], edges[j] = edges[j], edges[i]
                    break

"""The faces of a polytope before the first neuron: those of a box or of the fan, cut by its rows.

A row keeps its closed side, the faces on its hyperplane are boundary. In integers throughout: what
is empty or flat is so exactly. The fan serves where there is no box: a half-space, a slab and a
cone are no pointed polyhedra, or are unbounded, and come out as parts with corners at infinity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.complex.templates import Ids, Lists, Template
from exactbn.engines.no_interior import is_empty, is_flat
from exactbn.exact.rational import Vector
from exactbn.model.domain import Domain

Point = tuple[fmpz, ...]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Polytope:
    """A full-dimensional polyhedron in parts: its faces, and the exact points of its corners.

    Points are homogeneous integers in lowest terms, as in :mod:`exactbn.engines.complex.start`;
    corner i of the template is ``points[i]``.
    """

    template: Template
    points: tuple[Point, ...]


def cut_by_rows(whole: Polytope, domain: Domain) -> Polytope:
    """Return the part of a box, or of the fan, that meets all rows of a domain.

    Rows that bound nothing change nothing.

    Raises
    ------
    InputError
        If no interior is left: the polytope is empty, or flat.

    Notes
    -----
    In a convex face F that a hyperplane H passes strictly, F has points on both sides, and F and
    the part of F on either side have the dimension k of F, F and H meet in a (k-1)-face M. The
    facets of M are those of F cut in the same way, and the (k-2)-faces of F that lie in H: between
    a facet above and one below, neither passed by H, so that the one above finds it once.
    """
    flat: tuple[Vector, Fraction] | None = None
    for a, b in zip(domain.matrix, domain.bounds, strict=True):
        form = [fmpz(int(b)), *(fmpz(-int(t)) for t in a)]
        values = [sum((s * t for s, t in zip(form, x, strict=True)), fmpz(0)) for x in whole.points]
        if any(value > 0 for value in values):
            if any(value < 0 for value in values):
                whole = _cut(whole, values)
        elif all(value < 0 or x[0] == 0 for value, x in zip(values, whole.points, strict=True)):
            raise is_empty(domain, a, b)
        elif any(value < 0 for value in values):
            # What is flat may be empty yet: the other rows cut the face that this one leaves.
            whole, flat = _face(whole, values), flat or (a, b)
        else:
            flat = flat or (a, b)
    if flat is not None:
        raise is_flat(domain, *flat)
    return whole


def _face(whole: Polytope, values: Sequence[fmpz]) -> Polytope:
    """Return the face of a polyhedron on which values at the corners, nowhere > 0, are zero."""
    off = np.array([value < 0 for value in values])
    cells, facets = ~off, []
    for lists in whole.template.facets:
        off = lists.any(off)
        if off.all():
            break
        cells = ~off
        facets.append(lists)
    return _used(facets, whole.points, cells)


def _cut(whole: Polytope, values: Sequence[fmpz]) -> Polytope:
    """Return the closed side on which values at the corners, some of either sign, are >= 0."""
    levels = [Lists(np.zeros(len(values) + 1, dtype=np.int64), np.empty(0, dtype=np.int64))]
    levels += whole.template.facets
    above = [np.array([value > 0 for value in values])]
    below = [np.array([value < 0 for value in values])]
    for lists in levels[1:]:
        above.append(lists.any(above[-1]))
        below.append(lists.any(below[-1]))
    crossed = [up & down for up, down in zip(above, below, strict=True)]
    points = list(whole.points)
    for edge in np.flatnonzero(crossed[1]):
        a, b = levels[1].entries[levels[1].first[edge] : levels[1].first[edge + 1]].tolist()
        points.append(between(whole.points[a], whole.points[b], values[a], values[b]))
    # The middle of a crossed (k + 1)-face is a k-face with a number after those that are there.
    number = [np.cumsum(cross) - 1 + len(into) for cross, into in zip(crossed[1:], above)]
    cut: list[Lists] = []
    for k in range(1, len(levels)):
        pairs = [_sides(levels[k], above, below, number, k)]
        if k + 1 < len(levels):
            pairs.append(_middles(levels, above, below, crossed, number, k))
        f, g = (np.concatenate(column) for column in zip(*pairs, strict=True))
        count = len(above[k]) + (int(crossed[k + 1].sum()) if k + 1 < len(levels) else 0)
        order = np.argsort(f, kind="stable")
        cut.append(Lists(np.searchsorted(f[order], np.arange(count + 1)), g[order]))
    return _used(cut, points, above[-1])


def between(p: Point, q: Point, at_p: fmpz, at_q: fmpz) -> Point:
    """Return the point of the segment from p to q where a form of opposite signs there is zero."""
    point = [abs(at_q) * s + abs(at_p) * t for s, t in zip(p, q, strict=True)]
    divisor = fmpz(0)
    for t in point:
        divisor = divisor.gcd(t)
    return tuple(t // divisor for t in point)


def _sides(
    lists: Lists, above: list[Flags], below: list[Flags], number: list[Ids], k: int
) -> tuple[Ids, Ids]:
    """Return pairs (k-face, facet) of what is not below; a crossed face has its middle as well."""
    f, g = lists.owners, lists.entries
    # A face that is crossed has no facet in the hyperplane.
    stays = ~below[k][f] | (above[k][f] & above[k - 1][g])
    own = np.flatnonzero(above[k] & below[k])
    return np.concatenate((f[stays], own)), np.concatenate((g[stays], number[k - 1][own]))


def _middles(
    levels: list[Lists],
    above: list[Flags],
    below: list[Flags],
    crossed: list[Flags],
    number: list[Ids],
    k: int,
) -> tuple[Ids, Ids]:
    """Return pairs (k-face, facet) of the middles of the crossed (k + 1)-faces."""
    f, g = levels[k].owners, levels[k].entries
    is_flat = ~above[k - 1] & ~below[k - 1]
    flat = np.full(len(above[k]), -1, dtype=np.int64)
    found = is_flat[g] & above[k][f] & ~below[k][f]
    flat[f[found]] = g[found]
    owner, facet = levels[k + 1].owners, levels[k + 1].entries
    inner = crossed[k + 1][owner]
    owner, facet = owner[inner], facet[inner]
    cuts, touches = crossed[k][facet], flat[facet] >= 0
    middles = number[k][owner]
    return (
        np.concatenate((middles[cuts], middles[touches])),
        np.concatenate((number[k - 1][facet[cuts]], flat[facet[touches]])),
    )


def _used(cut: Sequence[Lists], points: Sequence[Point], cells: Flags) -> Polytope:
    """Return the cells with a flag and what is below them, numbered anew."""
    used, kept = cells, []
    for k in reversed(range(len(cut))):
        owners, entries = cut[k].owners, cut[k].entries
        pairs = used[owners]
        entries = entries[pairs]
        sizes = np.bincount(owners[pairs], minlength=len(used))[used]
        kept.append((sizes, entries))
        used = np.zeros(len(cut[k - 1].first) - 1 if k else len(points), dtype=bool)
        used[entries] = True
    counts, facets = [], []
    for sizes, entries in reversed(kept):
        numbers = np.unique(entries)
        counts.append(len(numbers))
        first = np.concatenate(([0], np.cumsum(sizes)))
        facets.append(Lists(first, np.searchsorted(numbers, entries)))
    sizes_of = (*counts, int(cells.sum()))
    template = Template(sizes_of, tuple(facets), np.arange(sizes_of[0]))
    return Polytope(template, tuple(points[c] for c in np.flatnonzero(used).tolist()))

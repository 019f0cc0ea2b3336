"""Partitions of three inputs, cut open: plane slices of the surface that is seen, each exact."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from exactbn.drawing.scene import Segment
from exactbn.drawing.solid import TOWARDS, Solid, show_solid, spatial
from exactbn.drawing.windows import Point, Row, Window, clip_polygon, clip_segment
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, dot, to_vector
from exactbn.model.domain import Box, Domain
from exactbn.regions.colouring import paint_of
from exactbn.regions.partitioning import partition
from exactbn.regions.planar import Planar, Seen, kinds_of, planar, seen_of
from exactbn.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exactbn.regions.partition import Partition


def plot_solid(
    part: "Partition", ax: "Axes | None", points: Matrix, labels: Sequence[object] | None,
    view: Window, *, color_by: object, bent: bool | str, output: int | None,
    cut: Iterable[object] | None, names: tuple[str, ...], legend: bool,
) -> "Axes":  # fmt: skip
    """Draw a partition of three inputs, see :func:`exactbn.regions.plotting.plot`."""
    if ax is not None:
        spatial(ax)
    corner = tuple((a + b) / 2 for a, b in zip(view.lo, view.hi, strict=True))
    if cut is not None:
        corner = to_vector(cut, "cut")
        if len(corner) != 3:
            raise DimensionError(f"cut has {counted(len(corner), 'coordinate')}, expected 3")
    solid = _solid(part, view, corner, color_by=color_by, bent=bent, output=output, names=names)
    return show_solid(ax, solid, view, points, labels, legend=legend)


def _solid(
    part: "Partition", view: Window, corner: Vector, *, color_by: object, bent: bool | str,
    output: int | None, names: tuple[str, ...],
) -> Solid:  # fmt: skip
    """Return what is seen of the domain in a window without the corner {x : x > corner}."""
    polygons: list[tuple[list[Point], int, int]] = []
    sides: list[tuple[Segment, int]] = []
    kinds: tuple[str, ...] = ()
    pairs: set[tuple[int, int]] = set()
    deepest = [0] * part.num_regions
    for face in _faces(part.domain, view, corner):
        pieces = face.pieces(part)
        if pieces is None:
            continue
        seen = seen_of(part.num_regions, pieces.regions, pieces.layers(part.network.widths), ())
        pairs.update(seen.pairs)
        deepest = list(map(max, deepest, seen.deepest))
        own, kinds = kinds_of(pieces, part.network.widths, bent)
        at = [face.lifted(point) for point in pieces.points]
        for parts in face.shown:
            for chain, region in zip(pieces.cells, pieces.of_cell, strict=True):
                polygon = clip_polygon([at[v] for v in chain], parts)
                if polygon:
                    polygons.append((polygon, region, face.axis))
            for (a, b), kind in zip(pieces.sides.tolist(), own, strict=True):
                ends = clip_segment(at[a], at[b], parts)
                if ends is not None:
                    sides.append((ends, kind))
        sides += [(edge, -1) for edge in face.rims(pieces, at, corner)]
    corners: list[Point] = []
    if isinstance(color_by, str) and color_by == "output":
        corners += (p for polygon, _, _ in polygons for p in polygon)
    paint = paint_of(part, color_by, output, Seen(sorted(pairs), deepest, corners))
    return Solid(polygons, sides, kinds, paint, names)


class _Face:
    """A plane a x = b of which some is seen: what is clipped to each list of half-spaces."""

    def __init__(self, whole: Domain, normal: Vector, bound: Fraction, shown: list[list[Row]],
                 kept: Vector | None = None) -> None:  # fmt: skip
        pivot = next(i for i, t in enumerate(normal) if t)
        self.axis = max(range(3), key=lambda i: abs(normal[i]))
        self.normal, self.bound, self.whole = normal, bound, whole
        zero = Fraction(0)
        self.origin = tuple(bound / normal[pivot] if i == pivot else zero for i in range(3))
        self.directions = [
            tuple(-normal[i] / normal[pivot] if k == pivot else Fraction(int(k == i))
                  for k in range(3))
            for i in range(3) if i != pivot
        ]  # fmt: skip
        self.shown = shown
        #: Where the plane is a cut, the normal that points away from what is kept.
        self.away = kept

    def lifted(self, point: Point) -> Point:
        """Return a point of the plane's coordinates in space."""
        rows = [(self.origin[i], *(u[i] for u in self.directions)) for i in range(3)]
        common = lcm(*(t.denominator for row in rows for t in row))
        scaled = [[int(t * common) for t in row] for row in rows]
        return (common * point[0], *(sum(c * t for c, t in zip(row, point)) for row in scaled))

    def pieces(self, part: "Partition") -> Planar | None:
        """Return the slice of the partition by the plane, its cells numbered as the regions are.

        None where the plane has no interior in common with the domain.
        """
        try:
            domain = self.whole.restrict(self.origin, self.directions)
            network = part.network.restrict(self.origin, self.directions)
            cells = partition(network, domain, engine="complex")
        except InputError:
            return None
        flat = planar(cells, cells)
        own = [self._region(part, x) for x in cells.witnesses()]
        numbers = np.array([*own, -1])  # the last is for -1: the border
        regions = numbers[flat.regions]
        return Planar(flat.points, flat.cells, [int(numbers[c]) for c in flat.of_cell], flat.sides,
                      regions, flat.neurons)  # fmt: skip

    def _region(self, part: "Partition", t: Vector) -> int:
        """Return the region that a point of the plane is in, or on what is kept of a cut."""
        x = tuple(
            a + dot([u[i] for u in self.directions], t) for i, a in enumerate(self.origin)
        )
        location = part._location
        found = location.regions_at(location.signs([x])[0]).tolist()
        if len(found) > 1 and self.away is not None:
            # The plane is a boundary here, so these are its two sides.
            away, bound = self.away, self.bound
            found = [i for i in found if dot(away, part.witness(i)) < bound] or found
        return found[0] if found else -1

    def rims(self, pieces: Planar, at: Sequence[Point], corner: Vector) -> Iterator[Segment]:
        """Yield where the surface has an edge along the corner that is cut away."""
        planes = [
            tuple([-c.numerator, *(c.denominator * int(k == i) for k in range(3))])
            for i, c in enumerate(corner)
        ]
        # The edge on plane i of the corner, within the other two half-spaces.
        for i, row in enumerate(planes):
            if self.away is not None and self.axis == i:
                continue
            others = [r for k, r in enumerate(planes) if k != i]
            within = [row, tuple(-t for t in row), *others]
            for chain in pieces.cells:
                polygon = [at[v] for v in chain]
                edge = _on_plane(polygon, row)
                ends = None if edge is None else clip_segment(*edge, within[2:])
                if ends is not None:
                    yield ends


def _on_plane(polygon: Sequence[Point], row: Row) -> Segment | None:
    """Return where a convex polygon crosses a plane, None where it does not."""
    below = clip_polygon(polygon, [row])
    ends = [p for p in below if sum(c * t for c, t in zip(row, p)) == 0]
    return (ends[0], ends[1]) if len(ends) == 2 else None


def _faces(domain: Domain, view: Window, corner: Vector) -> Iterator[_Face]:
    """Yield the planes that are seen: of the domain in a window, and of the cut."""
    box = Box(view.lo, view.hi)
    matrix, bounds = domain.matrix, domain.bounds
    if domain.box is not None:
        lo = tuple(map(max, box.lo, domain.box.lo))
        hi = tuple(map(min, box.hi, domain.box.hi))
        if any(a >= b for a, b in zip(lo, hi, strict=True)):
            return
        box = Box(lo, hi)
    whole = Domain(3, box, matrix, bounds)
    axes = [tuple(Fraction(int(k == i)) for k in range(3)) for i in range(3)]
    over = [(-c.numerator, *(c.denominator * int(k == i) for k in range(3)))
            for i, c in enumerate(corner)]  # fmt: skip
    under = [tuple(-t for t in row) for row in over]
    # What is left of a plane without the corner, in three parts that do not overlap.
    left = [[*over[:k], under[k]] for k in range(3)]
    outer = [*zip(axes, box.hi, strict=True), *zip(matrix, bounds, strict=True)]
    for normal, bound in dict.fromkeys(outer):
        if dot(normal, [Fraction(t) for t in TOWARDS]) > 0:
            yield _Face(whole, normal, bound, left)
    for k, axis in enumerate(axes):
        others = [row for i, row in enumerate(over) if i != k]
        if box.lo[k] < corner[k] < box.hi[k]:
            yield _Face(whole, axis, corner[k], [others], kept=axis)

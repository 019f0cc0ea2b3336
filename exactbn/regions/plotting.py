"""Pictures of partitions: ``Partition.plot``. All is exact until it is rounded once, in a window.

A partition of two inputs is drawn as it is, one of three inputs as a solid with a corner cut away,
one of one input as bands. matplotlib draws; this package knows nothing of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from exactbn.drawing.scene import Scene, Segment, show_scene
from exactbn.drawing.windows import Point, Window, clip_polygon, homogeneous
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, to_matrix
from exactbn.model.domain import Box, Domain
from exactbn.regions.colouring import paint_of
from exactbn.regions.partitioning import partition
from exactbn.regions.planar import Planar, kinds_of, planar, point_of, seen_of
from exactbn.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exactbn.regions.partition import Partition

#: What is drawn of bent hyperplanes.
BENT = (True, False, "layer", "unit")

#: Room around the vertices where the domain is no box, relative to the side of their box.
_ROOM = Fraction(1, 4)
#: The same where the domain is bounded.
_LITTLE_ROOM = Fraction(1, 50)


def plot(
    part: "Partition",
    ax: "Axes | None" = None,
    *,
    data: Iterable[Iterable[object]] | None = None,
    labels: Sequence[object] | None = None,
    color_by: object = "neighbours",
    boundary: bool = False,
    bent: bool | str = True,
    inset: object = None,
    window: object = None,
    graph: bool = False,
    paths: Sequence[Sequence[Any]] = (),
    output: int | None = None,
    cut: Iterable[object] | None = None,
    names: Sequence[str] | None = None,
    legend: bool = True,
) -> "Axes":
    """Draw the regions of a partition of one, two or three inputs; return the Axes of matplotlib.

    A picture shows {x in the domain : x in the window}. Every polygon is clipped in integers, then
    mapped to the coordinates of the window, and only then rounded, once: to the float nearest to
    the exact coordinate. So a window of side 1e-12, or 1e-300, shows what is there. Where floats
    could not tell its points apart, its axes have coordinates of their own, which their names say.

    Three inputs: the window without the corner {x : x_i > cut_i for all i}, as it is seen from
    there, from any direction with positive coordinates. What is seen are plane slices, each one
    partitioned exactly. One input: bands, whose height means nothing.

    Parameters
    ----------
    ax : Axes, optional
        Of a figure with 3-D axes for three inputs. Without it a figure is made, without pyplot:
        ``ax.figure.savefig("name.svg")``.
    data, labels : points of exact numbers, shape (m, d), and a class for each; optional
        Those in the window are drawn.
    color_by : str or array
        "neighbours": soft colours, different for neighbours. "layer": the last layer that a
        bounding hyperplane of the region is of. "log_volume": log10 of the volume. "active": how
        many units are on. "output": the value of the network, affine on each region, exact at all
        corners (for three inputs, at the middle of what is seen of a region). "slope": the length
        of the gradient of the output. Or one number, or one colour, for each region.
    boundary : bool
        Draw the decision boundary, of two inputs, exact: where f > 0 ends, or the argmax changes.
    bent : bool, "layer" or "unit"
        Colour the bent hyperplanes by layer (True) or by unit; False draws all lines alike. A side
        on which units of several layers vanish has the colour of the first.
    inset : region number, or a window, optional
        What is drawn enlarged, beside the picture, or in a corner of ``ax`` where that is given.
    window : ((lo, hi), (lo, hi)), optional
        What is shown: one pair of exact numbers an axis. By default the box of the domain, and
        without one the bounding box of the vertices and data, grown by a quarter on each side.
    graph : bool
        Lay the region adjacency graph over its regions: edges go through the sides they stand for.
    paths : sequence of paths
        Each is a sequence of points, drawn as segments, or of region numbers, each adjacent to the
        one before it.
    output : int, optional
        Which output "output" and "slope" are of, where there are several.
    cut : point of three exact numbers, optional
        Of three inputs, where the corner that is cut away begins; the middle of the window.
    names : names of the axes, optional
    legend : bool
        Whether colours are explained.

    Raises
    ------
    DimensionError
        If the network has more than three inputs (draw a slice: ``Network.restrict``), or something
        has another dimension.
    InputError
        If an option is none of those above.
    ExactBNError
        If matplotlib is not installed.

    Examples
    --------
    >>> from exactbn import Network
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, -1, 2]]], [[0, 0, "-1/2"], [0]])
    >>> ax = plot(partition(net, (-1, 1)), color_by="slope", data=[[0, "1/2"]])
    >>> ax.get_xlabel(), len(ax.collections[0].get_paths())    # as many polygons as regions
    ('x1', 7)
    """
    d = part.network.num_inputs
    if d > 3:
        raise DimensionError(
            f"the network has {d} inputs, expected at most 3 for a picture: draw a slice, "
            "exactbn.partition(net.restrict(origin, [u, v]), box=(-1, 1)).plot()"
        )
    if bent not in BENT:
        raise InputError(f"bent is {bent!r}, expected one of {', '.join(map(repr, BENT))}")
    if cut is not None and d < 3:
        raise DimensionError(f"cut is of three inputs, the network has {d}")
    points, called = _data(data, labels, d), _names(names, d)
    if d == 3:
        _refuse_in_space(boundary=boundary, inset=inset, graph=graph, paths=paths)
        from exactbn.regions.solid import plot_solid

        return plot_solid(
            part, ax, points, labels, _window(part, None, window, points), color_by=color_by,
            bent=bent, output=output, cut=cut, names=called, legend=legend,
        )  # fmt: skip
    pieces = planar(_with_faces(part), part)
    points = _heights(points, labels) if d == 1 else points
    view = _window(part, pieces, window, points)
    scene = scene_of(part, pieces, view, color_by=color_by, bent=bent, output=output)
    scene = replace(
        scene,
        data=points,
        labels=labels,
        boundary=_boundary(part) if boundary else None,
        has_graph=graph,
        paths=[_path(part, scene, path) for path in paths],
        names=(called[0], called[1] if d == 2 else ""),
        is_flat=d == 1,
    )
    enlarged = None if inset is None else _inset(part, scene, view, inset)
    return show_scene(ax, scene, view, enlarged, legend=legend)


def _data(
    data: Iterable[Iterable[object]] | None, labels: Sequence[object] | None, d: int
) -> Matrix:
    """Return the points of data, exact, after a look at their number and dimension."""
    points = to_matrix(data, "data") if data is not None else ()
    if points and len(points[0]) != d:
        raise DimensionError(
            f"data has {counted(len(points[0]), 'coordinate')}, expected {d} as the network has "
            "inputs"
        )
    if labels is not None and len(labels) != len(points):
        raise DimensionError(
            f"there are {counted(len(labels), 'label')} and {counted(len(points), 'data point')}, "
            "expected as many of one as of the other"
        )
    return points


def _names(names: Sequence[str] | None, d: int) -> tuple[str, ...]:
    """Return the names of the axes."""
    called = tuple(names) if names is not None else tuple(f"x{i + 1}" for i in range(d))
    if len(called) != d:
        raise DimensionError(f"names has {counted(len(called), 'name')}, expected {d}")
    return called


def _refuse_in_space(**options: Any) -> None:
    """Raise DimensionError for an option that is of two inputs, where there are three."""
    for name, value in options.items():
        if value not in (None, False, ()):
            raise DimensionError(f"{name} is drawn of two inputs, the network has three")


def scene_of(
    part: "Partition", pieces: Planar, view: Window, *, color_by: object, bent: bool | str,
    output: int | None,
) -> Scene:  # fmt: skip
    """Return what a picture of a partition of one or two inputs is of, before data and options."""
    polygons = [(pieces.polygon(c), region) for c, region in enumerate(pieces.of_cell)]
    ends = [(pieces.points[a], pieces.points[b]) for a, b in pieces.sides.tolist()]
    corners: list[Point] = []
    if isinstance(color_by, str) and color_by == "output":
        corners += (p for polygon, _ in polygons for p in clip_polygon(polygon, view.rows))
    layers = pieces.layers(part.network.widths)
    seen = seen_of(part.num_regions, pieces.regions, layers, corners)
    kinds, names = kinds_of(pieces, part.network.widths, bent)
    links: dict[tuple[int, int], Segment] = {}
    for side, (i, j) in zip(ends, pieces.regions.tolist(), strict=True):
        if i >= 0 and j >= 0:
            links.setdefault((min(i, j), max(i, j)), side)
    return Scene(
        polygons,
        list(zip(ends, kinds, strict=True)),
        names,
        paint_of(part, color_by, output, seen),
        links=links,
    )


def _with_faces(part: "Partition") -> "Partition":
    """Return a partition of the same domain that has faces."""
    if part.has_faces:
        return part
    return partition(part.network, part.domain, engine="complex")


def _window(
    part: "Partition", pieces: Planar | None, window: object, points: Matrix
) -> Window:
    """Return the window that is asked for, or the one that shows what there is."""
    domain, d = part.domain, part.domain.dim
    strip = ((Fraction(0), Fraction(1)),) * (d == 1)
    if window is not None:
        asked = Window.asked(window, d)
        return Window.asked((*zip(asked.lo, asked.hi, strict=True), *strip), d + len(strip))
    if domain.is_box and domain.box is not None:
        sides = zip(domain.box.lo, domain.box.hi, strict=True)
        return Window.asked((*sides, *strip), d + len(strip))
    corners = _vertices(part) if pieces is None else pieces.corners
    shown = [*corners, *points] or [(Fraction(0),) * 2]
    view = Window.around(shown, _ROOM if domain.box is None else _LITTLE_ROOM)
    return view if d > 1 else Window.asked(((view.lo[0], view.hi[0]), *strip), 2)


def _vertices(part: "Partition") -> list[Vector]:
    """Return the finite vertices of the complex that are not the origin of its fan alone."""
    faces = _with_faces(part).evidence.faces
    assert faces is not None
    finite = [p for p in faces.points(range(len(faces.lattice.x))) if p[0] != 0]
    return [point_of(p) for p in finite]


def _heights(points: Matrix, labels: Sequence[object] | None) -> Matrix:
    """Return points of one coordinate with a height, that of their class, for a picture."""
    own: Sequence[object] = [None] * len(points) if labels is None else labels
    classes = list(dict.fromkeys(own))
    return tuple(
        (*x, Fraction(classes.index(label) + 1, len(classes) + 1))
        for x, label in zip(points, own, strict=True)
    )


def _inset(part: "Partition", scene: Scene, view: Window, inset: object) -> Window:
    """Return the window of what is enlarged: of a region what is seen of it."""
    if not isinstance(inset, (int, np.integer)) or isinstance(inset, bool):
        window = Window.asked(inset, part.domain.dim)
        if len(window.lo) == 1:
            window = Window((*window.lo, Fraction(0)), (*window.hi, Fraction(1)))
        return window
    if not 0 <= inset < part.num_regions:
        raise InputError(f"inset is {inset}, expected a region from 0 to {part.num_regions - 1}")
    corners = [
        point_of(p) for polygon, region in scene.polygons if region == inset
        for p in clip_polygon(polygon, view.rows)
    ]  # fmt: skip
    if not corners:
        raise InputError(f"inset is region {inset}, which the window does not show")
    return Window.around(corners, _ROOM)


def _path(part: "Partition", scene: Scene, path: Sequence[Any]) -> Sequence[Any]:
    """Return a path of points, exact, or of regions, checked."""
    path = list(path)
    if not path:
        raise InputError("a path is empty, expected points or regions")
    if all(isinstance(i, (int, np.integer)) for i in path):
        for i, j in zip(path, path[1:]):
            if (min(i, j), max(i, j)) not in scene.links:
                raise InputError(f"a path goes from region {i} to {j}, which are not adjacent")
        if not 0 <= path[0] < part.num_regions:
            raise InputError(
                f"a path starts in region {path[0]}, expected 0 to {part.num_regions - 1}"
            )
        return [int(i) for i in path]
    points = to_matrix(path, "a path")
    if len(points[0]) != part.domain.dim:
        raise DimensionError(
            f"a path has points of {counted(len(points[0]), 'coordinate')}, expected "
            f"{part.domain.dim}"
        )
    return points if part.domain.dim == 2 else _heights(points, None)


def _boundary(
    part: "Partition",
) -> "Callable[[Window], tuple[list[Segment], list[Point]]]":
    """Return the function of the decision boundary in a window: segments and single points.

    The one place of this module that knows how a decision boundary is found.
    """
    network, domain = part.network, part.domain
    if network.num_inputs != 2:
        raise DimensionError(
            f"boundary=True needs 2 inputs, this is a {network.architecture} network"
        )
    from exactbn.regions.boundary.asked import decision_boundary

    def boundary(window: Window) -> tuple[list[Segment], list[Point]]:
        lo, hi = window.lo, window.hi
        if domain.box is not None:
            lo = tuple(map(max, lo, domain.box.lo))
            hi = tuple(map(min, hi, domain.box.hi))
        if any(a >= b for a, b in zip(lo, hi, strict=True)):
            return [], []
        seen = Domain(2, Box(lo, hi), domain.matrix, domain.bounds)
        found = decision_boundary(network, seen, engine="complex")
        segments = [found.vertices(i) for i in range(found.num_pieces)]
        single = [point for points in found.isolated() for point in points]
        # Of points on a line the least and the greatest are the ends.
        ends = [(homogeneous(min(points)), homogeneous(max(points))) for points in segments]
        return ends, [homogeneous(point) for point in single]

    return boundary

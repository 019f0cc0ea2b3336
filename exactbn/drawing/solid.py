"""Pictures of solids: plane polygons in space, drawn as seen from the corner that is cut away."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.paint import Paint
from exactbn.drawing.scene import add_keys, draw_points, line_style
from exactbn.drawing.style import BOUNDARY, NO_VALUE, line_width, new_figure, style, ticker
from exactbn.drawing.windows import Point, Window
from exactbn.errors import InputError
from exactbn.exact.rational import Vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Where a solid is seen from: azimuth and elevation in degrees, and about the direction of it.
AZIMUTH, ELEVATION = 37, 29
TOWARDS = (70, 53, 49)

#: How much darker the faces are that look along each axis, so that edges can be seen.
_SHADES = (0.95, 0.88, 1.0)


@dataclass(frozen=True, eq=False)
class Solid:
    """What is seen of a solid: polygons with their regions and the axis that they face most.

    ``sides`` are segments with their kinds, as of a :class:`exactbn.drawing.scene.Scene`.
    """

    polygons: Sequence[tuple[Sequence[Point], int, int]]
    sides: Sequence[tuple[tuple[Point, Point], int]]
    kinds: Sequence[str]
    paint: Paint
    names: tuple[str, ...]


def show_solid(
    ax: "Axes | None", solid: Solid, view: Window, points: Sequence[Vector],
    labels: Sequence[object] | None, *, legend: bool,
) -> "Axes":  # fmt: skip
    """Draw a solid and data in an axes, or in a figure that is made for it."""
    own_figure = ax is None
    with style() if own_figure else nullcontext():
        if ax is None:
            ax = new_figure(6.4, 5.8).subplots(subplot_kw={"projection": "3d"})
        draw_solid(ax, solid, view)
        draw_points(ax, points, labels, view, 4.4)
        if legend:
            add_keys(ax, solid.paint, own_figure=own_figure)
    return ax


def draw_solid(ax: "Axes", solid: Solid, window: Window) -> None:
    """Draw what is seen of a solid; hidden faces are not there."""
    from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

    space = spatial(ax)
    space.computed_zorder = False
    faces = _face_colours(solid)
    shapes = [np.array([window.floats(p) for p in polygon]) for polygon, _, _ in solid.polygons]
    if shapes:
        space.add_collection3d(
            Poly3DCollection(shapes, facecolors=faces, edgecolors=faces, linewidths=0.3, zorder=1)
        )
    by_kind: dict[int, list[NDArray[np.float64]]] = {}
    for ends, kind in solid.sides:
        segment = np.array([window.floats(end) for end in ends])
        by_kind.setdefault(kind if kind < 0 or solid.kinds else 0, []).append(segment)
    width = line_width(len(shapes))
    for kind, segments in sorted(by_kind.items()):
        look: dict[str, Any] = {"color": BOUNDARY, "linewidth": 1.2 if kind < 0 else width}
        if kind >= 0 and solid.kinds:
            look = {**line_style(kind), "linewidth": 2 * width, "label": solid.kinds[kind]}
        level = 2 - kind / (1 + len(solid.kinds))
        space.add_collection3d(Line3DCollection(segments, zorder=level, **look))
    limits = window.limits()
    space.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    space.set_xlabel(window.label(0, solid.names[0]))
    space.set_ylabel(window.label(1, solid.names[1]))
    space.set_zlabel(window.label(2, solid.names[2]))
    space.set_proj_type("ortho")
    space.view_init(elev=ELEVATION, azim=AZIMUTH)
    space.set_box_aspect(None, zoom=0.9)  # room for the names of the axes
    for axis, prune in ((space.xaxis, "upper"), (space.yaxis, None), (space.zaxis, None)):
        # The last numbers of two axes would stand in one place.
        axis.set_major_locator(ticker().MaxNLocator(5, steps=[1, 2, 5, 10], prune=prune))
        axis.pane.set(facecolor="white", edgecolor=NO_VALUE)
        axis._axinfo["grid"].update(color=NO_VALUE, linewidth=0.5)


def spatial(ax: "Axes") -> Any:
    """Return an axes that has three dimensions.

    Raises
    ------
    InputError
        If it has two.
    """
    if getattr(ax, "name", "") != "3d":
        raise InputError(
            "the partition has three inputs and the axes two dimensions, expected one that is made "
            "with projection='3d'"
        )
    return ax


def _face_colours(solid: Solid) -> list[Any]:
    """Return the colours of the polygons, shaded where they do not stand for numbers."""
    from matplotlib.colors import to_rgba

    paint, colours = solid.paint, []
    values = None
    if paint.function is not None and solid.polygons:
        # The mean of the corners is a point in the middle: of an affine function exactly its mean.
        sizes = [len(polygon) for polygon, _, _ in solid.polygons]
        found = paint.function([p for polygon, _, _ in solid.polygons for p in polygon])
        starts = np.cumsum([0, *sizes[:-1]])
        values = np.add.reduceat(found, starts) / sizes
    for k, (_, region, axis) in enumerate(solid.polygons):
        if values is not None:
            colours.append(paint.cmap(paint.norm(values[k])))
            continue
        red, green, blue, alpha = to_rgba(paint.faces[region] if region >= 0 else NO_VALUE)
        shade = 1.0 if paint.cmap is not None else _SHADES[axis]
        colours.append((red * shade, green * shade, blue * shade, alpha))
    return colours

"""Pictures of the plane: exact polygons, sides, segments and points, in a window of an axes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.paint import Paint, add_colorbar, legend_patches
from exactbn.drawing.style import (
    BOUNDARY, CLASS_STYLES, DASHES, INK, LINE_COLOURS, MUTED, NO_VALUE, PATH, line_width,
    new_figure, style,
)  # fmt: skip
from exactbn.drawing.windows import Point, Window, clip_polygon, clip_segment, homogeneous
from exactbn.exact.rational import Vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Segment = tuple[Point, Point]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a picture of the plane is of, in exact numbers.

    ``polygons`` are convex, with the region that each is of, -1 for none; ``sides`` are segments
    with their kind, -1 at the border of the domain; ``kinds`` are the names of the others, none
    where all look alike. ``boundary`` gives, for a window, segments and single points of a decision
    boundary. ``links`` are pairs of regions with the sides between them, for a graph.
    """

    polygons: Sequence[tuple[Sequence[Point], int]]
    sides: Sequence[tuple[Segment, int]]
    kinds: Sequence[str]
    paint: Paint
    data: Sequence[Vector] = ()
    labels: Sequence[object] | None = None
    boundary: "Callable[[Window], tuple[Sequence[Segment], Sequence[Point]]] | None" = None
    links: Mapping[tuple[int, int], Segment] = field(default_factory=dict)
    has_graph: bool = False
    paths: Sequence[Sequence[Vector] | Sequence[int]] = ()
    names: tuple[str, str] = ("x1", "x2")
    #: Whether the height means nothing.
    is_flat: bool = False


def show_scene(
    ax: "Axes | None", scene: Scene, view: Window, enlarged: Window | None, *, legend: bool
) -> "Axes":
    """Draw a scene, and a part of it enlarged, in an axes or in a figure that is made for it."""
    own_figure, inner = ax is None, None
    with style() if own_figure else nullcontext():
        if ax is None and enlarged is None:
            ax = new_figure(5.8, 5.2).subplots()
        elif ax is None:
            ax, inner = new_figure(10.6, 5.2).subplots(1, 2)
        draw_scene(ax, scene, view)
        if enlarged is not None:
            draw_inset(ax, scene, view, enlarged, inner)
        if legend:
            add_keys(ax, scene.paint, own_figure=own_figure)
    return ax


def draw_scene(ax: "Axes", scene: Scene, window: Window) -> None:
    """Draw what a window shows of a scene, without legends, and set limits and names of axes.

    All is clipped in integers and mapped to the coordinates of the window before it is rounded.
    """
    clipped = _visible(scene, window)
    _draw_polygons(ax, scene, window, clipped)
    _draw_sides(ax, scene, window, len(clipped))
    if scene.boundary is not None:
        _draw_boundary(ax, window, *scene.boundary(window))
    middles = _middles(window, clipped) if scene.has_graph or scene.paths else {}
    if scene.has_graph:
        _draw_graph(ax, scene, window, middles)
    for path in scene.paths:
        _draw_path(ax, scene, window, path, middles)
    draw_points(ax, scene.data, scene.labels, window, 4.4)
    (left, right), (bottom, top) = window.limits()
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_xlabel(window.label(0, scene.names[0]), parse_math=False)
    ax.set_ylabel(window.label(1, scene.names[1]), parse_math=False)
    if scene.is_flat:
        ax.set_yticks([])


def _visible(scene: Scene, window: Window) -> list[tuple[list[Point], int]]:
    """Return the polygons in a window, clipped, with their regions."""
    clipped = ((clip_polygon(polygon, window.rows), region) for polygon, region in scene.polygons)
    return [(polygon, region) for polygon, region in clipped if polygon]


def _draw_polygons(
    ax: "Axes", scene: Scene, window: Window, clipped: Sequence[tuple[list[Point], int]]
) -> None:
    """Draw the areas of regions."""
    from matplotlib.collections import PolyCollection

    shapes = [np.array([window.floats(p) for p in polygon]) for polygon, _ in clipped]
    paint = scene.paint
    if paint.function is not None and shapes:
        _draw_field(ax, paint, shapes, clipped)
        return
    faces = [paint.faces[region] if region >= 0 else NO_VALUE for _, region in clipped]
    # A thin edge of its own colour: cells of one region leave no seam between them.
    ax.add_collection(
        PolyCollection(shapes, facecolors=faces, edgecolors="face", linewidths=0.3, zorder=1)
    )


def _draw_field(
    ax: "Axes", paint: Paint, shapes: Sequence[Floats], clipped: Sequence[tuple[list[Point], int]]
) -> None:
    """Draw a function that is affine on every polygon, its exact values at the corners rounded."""
    assert paint.function is not None
    values = paint.function([point for polygon, _ in clipped for point in polygon])
    triangles, start = [], 0
    for shape in shapes:
        fan = np.arange(start + 1, start + len(shape) - 1)
        triangles.append(np.column_stack((np.full(len(fan), start), fan, fan + 1)))
        start += len(shape)
    x, y = np.concatenate(shapes).T
    ax.tripcolor(
        x, y, values, triangles=np.concatenate(triangles),
        shading="gouraud", cmap=paint.cmap, norm=paint.norm, zorder=1, rasterized=True,
    )  # fmt: skip


def line_style(kind: int) -> dict[str, Any]:
    """Return the colour and the dashes of one of several layers or units."""
    turn, colour = divmod(kind, len(LINE_COLOURS))
    return {"color": LINE_COLOURS[colour], "linestyle": DASHES[turn % len(DASHES)]}


def _draw_sides(ax: "Axes", scene: Scene, window: Window, count: int) -> None:
    """Draw the sides of regions, those of each layer or unit in its colour."""
    from matplotlib.collections import LineCollection

    by_kind: dict[int, list[Floats]] = {}
    for (p, q), kind in scene.sides:
        ends = clip_segment(p, q, window.rows)
        if ends is not None:
            segment = np.array([window.floats(end) for end in ends])
            by_kind.setdefault(kind if kind < 0 or scene.kinds else 0, []).append(segment)
    width = line_width(count)
    for kind, segments in sorted(by_kind.items()):
        if kind >= 0 and scene.kinds:
            look = {**line_style(kind), "linewidth": 2 * width, "label": scene.kinds[kind]}
        else:
            look = {"color": BOUNDARY, "linewidth": width}
        # The first layers lie on top: those after them bend there.
        level = 2 - kind / (1 + len(scene.kinds))
        ax.add_collection(LineCollection(segments, zorder=level, capstyle="round", **look))


def _draw_boundary(
    ax: "Axes", window: Window, segments: Sequence[Segment], points: Sequence[Point]
) -> None:
    """Draw a decision boundary: thick, with a light rim that sets it apart from other lines."""
    from matplotlib.collections import LineCollection

    shown = [ends for p, q in segments if (ends := clip_segment(p, q, window.rows)) is not None]
    lines = [np.array([window.floats(end) for end in ends]) for ends in shown]
    for colour, width, label in (("white", 4.4, None), (INK, 2.4, "decision boundary")):
        ax.add_collection(
            LineCollection(lines, colors=colour, linewidths=width, capstyle="round", zorder=3,
                           label=label)
        )  # fmt: skip
    for point in points:
        ax.plot(*window.floats(point), "o", color=INK, ms=5, mec="white", zorder=3)


def _middles(
    window: Window, clipped: Sequence[tuple[list[Point], int]]
) -> dict[int, tuple[float, ...]]:
    """Return a point inside what is seen of each region, that of its largest cell."""
    found: dict[int, tuple[float, tuple[float, ...]]] = {}
    for polygon, region in clipped:
        shape = np.array([window.floats(p) for p in polygon])
        (x, y), (u, v) = (shape - shape[0]).T, np.roll(shape - shape[0], -1, axis=0).T
        crossed = x * v - y * u
        area = float(crossed.sum())
        # The centroid; where the area is lost to rounding the mean of the corners does.
        middle = shape.mean(axis=0)
        if abs(area) > 0:
            centroid = shape[0] + np.array([((x + u) * crossed).sum(), ((y + v) * crossed).sum()]
                                           ) / (3 * area)
            inside = (shape.min(axis=0) <= centroid) & (centroid <= shape.max(axis=0))
            middle = np.where(inside, centroid, middle)
        if region >= 0 and abs(area) >= found.get(region, (0.0, ()))[0]:
            found[region] = abs(area), tuple(middle.tolist())
    return {region: middle for region, (_, middle) in found.items()}


def _link(
    scene: Scene, window: Window, middles: Mapping[int, tuple[float, ...]], i: int, j: int
) -> list[tuple[float, ...]] | None:
    """Return the way from one region to a neighbour through the middle of a side of both.

    It stays in the regions where these are convex and wholly seen. None where no side is seen.
    """
    side = scene.links.get((min(i, j), max(i, j)))
    ends = None if side is None else clip_segment(*side, window.rows)
    if ends is None or i not in middles or j not in middles:
        return None
    gate = np.mean([window.floats(end) for end in ends], axis=0)
    return [middles[i], tuple(gate.tolist()), middles[j]]


def _draw_graph(
    ax: "Axes", scene: Scene, window: Window, middles: Mapping[int, tuple[float, ...]]
) -> None:
    """Draw the adjacency graph: a node in each region, an edge through each side between two."""
    from matplotlib.collections import LineCollection

    ways = [way for i, j in scene.links if (way := _link(scene, window, middles, i, j))]
    size = 5.0 if len(middles) < 150 else 3.0 if len(middles) < 1500 else 1.2
    ax.add_collection(LineCollection(ways, colors=INK, linewidths=size / 4.5, zorder=4))
    if middles:
        ax.plot(*np.array(list(middles.values())).T, "o", color=INK, ms=size, mfc="white",
                mew=size / 5, ls="none", zorder=5)  # fmt: skip


def _draw_path(
    ax: "Axes", scene: Scene, window: Window, path: Sequence[Any],
    middles: Mapping[int, tuple[float, ...]],
) -> None:  # fmt: skip
    """Draw a path of points, or one of regions, each next to the one before; a dot is its start."""
    from matplotlib.collections import LineCollection

    look: dict[str, Any] = {"colors": PATH, "linewidths": 2.0, "zorder": 6, "capstyle": "round"}
    if isinstance(path[0], int):
        ways = (_link(scene, window, middles, i, j) for i, j in zip(path, path[1:]))
        lines = [way for way in ways if way]
        start = middles.get(path[0])
    else:
        ends = [homogeneous(x) for x in path]
        shown = (clip_segment(p, q, window.rows) for p, q in zip(ends, ends[1:]))
        lines = [[window.floats(end) for end in pair] for pair in shown if pair]
        start = window.floats(ends[0]) if window.contains(path[0]) else None
    ax.add_collection(LineCollection(lines, **look))
    if start is not None:
        ax.plot(*start, "o", color=PATH, ms=6, mec="white", mew=0.8, zorder=7)


def draw_points(
    ax: "Axes", points: Sequence[Vector], labels: Sequence[object] | None, window: Window,
    dots: float,
) -> None:  # fmt: skip
    """Draw the points in a window, one colour and marker a class."""
    classes = [None] if labels is None else list(dict.fromkeys(labels))
    for k, name in enumerate(classes):
        colour, marker = CLASS_STYLES[k % len(CLASS_STYLES)]
        chosen = [
            window.floats(homogeneous(x)) for i, x in enumerate(points)
            if (labels is None or labels[i] == name) and window.contains(x)
        ]  # fmt: skip
        if points:
            ax.plot(*np.array(chosen).reshape(-1, len(window.lo)).T, marker, color=colour, ms=dots,
                    mew=0.4, mec="white", label="data" if name is None else str(name), zorder=8,
                    ls="none")  # fmt: skip


def add_keys(ax: "Axes", paint: Paint, *, own_figure: bool) -> None:
    """Say what colours mean: a bar of numbers, and a legend where something has a name."""
    add_colorbar(ax, paint)
    handles, names = ax.get_legend_handles_labels()
    named = {n: h for h, n in zip(handles, names, strict=True) if not n.startswith("_")}
    for patch in legend_patches(paint):
        named.setdefault(str(patch.get_label()), patch)
    if not named:
        return
    if own_figure:
        # Ticks are made when a figure is painted, which is after the style of it has ended.
        ax.tick_params(color=MUTED, labelcolor=INK)
        figure: Any = ax.figure
        # A name and its mark take up to two inches.
        columns = max(1, min(len(named), int(figure.get_figwidth() / 2)))
        legend = figure.legend(named.values(), named.keys(), loc="outside lower center",
                      ncols=columns, frameon=False)  # fmt: skip
    else:
        legend = ax.legend(named.values(), named.keys(), loc="upper right", framealpha=0.9,
                           fontsize=8)  # fmt: skip
    for text in legend.get_texts():  # a dollar sign in them starts no formula
        text.set_parse_math(False)


def draw_inset(
    ax: "Axes", scene: Scene, main: Window, window: Window, inner: "Axes | None" = None
) -> None:
    """Draw a window of a scene enlarged, in ``inner`` or else in a corner of the axes far from it.

    The place of it is shown in ``ax``, whose window is ``main``.
    """
    (left, right), (bottom, top) = main.limits()
    (x0, y0), (x1, y1) = (main.floats(homogeneous(x)) for x in (window.lo, window.hi))
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    is_own = inner is None
    if inner is None:
        is_right, is_high = 2 * x > left + right, 2 * y > bottom + top
        inner = ax.inset_axes((0.1 if is_right else 0.6, 0.1 if is_high else 0.6, 0.38, 0.36))
    draw_scene(inner, scene, window)
    if is_own:
        _set_apart(inner, window)
    for side in inner.spines.values():
        side.set(edgecolor=INK, linewidth=1.0)
    ax.indicate_inset((x0, y0, x1 - x0, y1 - y0), inner, edgecolor=INK, alpha=0.9, linewidth=0.8)
    if max((x1 - x0) / (right - left), (y1 - y0) / (top - bottom)) < 0.01:
        ax.plot(x, y, "o", ms=9, mfc="none", mec=INK, mew=1.0, zorder=9)


def _set_apart(inner: "Axes", window: Window) -> None:
    """Make the numbers at an axes that lies on a picture small, on a light ground."""
    ground = {"facecolor": "white", "alpha": 0.8, "pad": 0.6, "linewidth": 0}
    inner.tick_params(labelsize=6, length=2)
    texts = [*inner.get_xticklabels(), *inner.get_yticklabels()]
    for k, axis in enumerate((inner.xaxis, inner.yaxis)):
        axis.label.set_fontsize(6)
        if not window.is_local(k):  # the names are those of the axes around
            axis.label.set_text("")
        else:
            texts.append(axis.label)
    for text in texts:
        text.set_bbox(ground)

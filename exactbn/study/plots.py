"""Pictures of a comparison, with matplotlib on its file backend. Floats: pictures prove nothing.

Every function returns a figure, and writes it where a path is given. Partitions are drawn by
:func:`exactbn.regions.plotting.plot`. matplotlib is an extra and is imported when first used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.scene import draw_points
from exactbn.drawing.style import (
    BOUNDARY,
    CLASS_STYLES,
    DPI,
    INK,
    MUTED,
    figure_of,
    line_width,
    style,
    ticker,
    write_figure,
)
from exactbn.drawing.windows import Window
from exactbn.exact.rational import Matrix
from exactbn.regions.partition import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

#: One colour a network, the same in every picture (distinguishable with colour-blind eyes).
NETWORK_COLOURS = {
    "random": "#8a94a0", "zero": "#e69f00", "centred": "#0072b2", "scaled": "#009e73",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Panel:
    """One partition of one or two inputs to draw, and what to say of it."""

    title: str
    note: str
    partition: Partition


@dataclass(frozen=True, eq=False)
class Scene:
    """What all panels of one picture share: data, exact, its classes, and names of the axes."""

    points: Matrix
    labels: Sequence[str] | None = None
    axes: Sequence[str] = ("x1", "x2")


@dataclass(frozen=True)
class Graph:
    """A network of one input: its hidden preactivations and outputs at the ends and breaks."""

    title: str
    note: str
    xs: Sequence[float]
    hidden: Sequence[Sequence[float]]
    outputs: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Differences:
    """The paired differences of one measure: for each pair the values over seeds, and a test."""

    title: str
    rows: Sequence[tuple[str, Sequence[float], float, tuple[float, float] | None]]


@dataclass(frozen=True, eq=False)
class Counts:
    """One line of counts: spans (mean, greatest) by network, and single numbers to mark."""

    name: str
    spans: Mapping[str, tuple[float, float]]
    marks: Mapping[str, float]


def draw_partitions(
    panels: Sequence[Panel], scene: Scene, path: Path | None = None, *, title: str = "",
    dpi: int = DPI,
) -> "Figure":  # fmt: skip
    """Draw a picture of one partition, or of several on equal axes in two columns."""
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    # Boundaries are thinner where there are many, but alike in all panels of a picture.
    line = line_width(max(panel.partition.num_regions for panel in panels))
    with style():
        figure, axes = figure_of(rows, columns, width=5.4 * columns, height=4.75 * rows + 0.5)
        for i, (ax, panel) in enumerate(zip(axes, panels)):
            panel.partition.plot(
                ax, data=scene.points, labels=scene.labels, bent=False, names=scene.axes,
                legend=False,
            )  # fmt: skip
            for lines in ax.collections[1:]:
                lines.set_linewidth(line)
            ax.set_title(panel.title, loc="left", pad=6)
            ax.set_title(panel.note, loc="right", pad=6, fontsize=9.5, fontweight="normal",
                         color=MUTED)
            _only_outer_ticks(ax, i, rows, columns)
        _legend(figure, axes[0])
        if title:
            figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return _finished(figure, path, dpi)


def draw_graphs(
    graphs: Sequence[Graph], points: Sequence[float], path: Path | None = None, *, dpi: int = DPI
) -> "Figure":
    """Draw the graphs of networks of one input, side by side, with the data on the axis."""
    with style():
        figure, axes = figure_of(1, len(graphs), width=5.4 * len(graphs), height=3.6)
        for ax, graph in zip(axes, graphs, strict=True):
            for x in graph.xs[1:-1]:
                ax.axvline(x, color="#cbd2d9", lw=0.8, zorder=0)
            ax.axhline(0, color=BOUNDARY, lw=0.6, zorder=1)
            for k, values in enumerate(graph.hidden):
                ax.plot(graph.xs, values, "--", color="#0072b2", lw=1, zorder=2,
                        label="" if k else "hidden units")
            # An output that is zero everywhere says nothing.
            for k, values in enumerate(t for t in graph.outputs if any(t)):
                ax.plot(graph.xs, values, color=INK, lw=2, zorder=2, label="" if k else "output")
            ax.plot(points, [0] * len(points), CLASS_STYLES[0][1], color=CLASS_STYLES[0][0],
                    ms=5, mew=0.5, mec="white", zorder=3, clip_on=False,
                    label="data" if points else "")
            ax.set_xlim(graph.xs[0], graph.xs[-1])
            ax.set_title(graph.title, loc="left", pad=6)
            ax.set_title(graph.note, loc="right", pad=6, fontsize=9.5, fontweight="normal",
                         color=MUTED)
        _legend(figure, axes[0])
    return _finished(figure, path, dpi)


def draw_boundaries(
    panels: Sequence[tuple[str, Sequence[Floats]]], scene: Scene, view: Window,
    path: Path | None = None, *, title: str, dpi: int = DPI,
) -> "Figure":  # fmt: skip
    """Draw bundles of boundaries over the data, one panel each; the first of a bundle is thick.

    A panel has a title and a list of boundaries, each an array of segments (E, 2, 2).
    """
    from matplotlib.collections import LineCollection

    with style():
        figure, axes = figure_of(1, len(panels), width=3.6 * len(panels), height=4.2)
        for i, (ax, (name, bundle)) in enumerate(zip(axes, panels, strict=True)):
            for segments in bundle[1:]:
                lines = LineCollection(list(segments), colors="#e69f00", linewidths=1, alpha=0.7)
                ax.add_collection(lines)
            ax.add_collection(LineCollection(list(bundle[0]), colors=INK, linewidths=2.2))
            draw_points(ax, scene.points, scene.labels, view, 4)
            (left, right), (bottom, top) = view.limits()
            ax.set_xlim(left, right)
            ax.set_ylim(bottom, top)
            ax.set_title(name, loc="left", pad=6)
            _only_outer_ticks(ax, i, 1, len(panels))
        _legend(figure, axes[0])
        figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return _finished(figure, path, dpi)


def draw_counts_by_radius(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    radii: Sequence[float],
    names: Mapping[str, str],
    path: Path | None = None,
    *,
    title: str,
) -> "Figure":
    """Draw the mean number of regions in a ball against its radius, for each network.

    ``curves`` maps a network to its counts around data points and around random points.
    """
    with style():
        figure, (ax,) = figure_of(1, 1, width=6.2, height=4.6)
        for name, (near, far) in curves.items():
            colour = NETWORK_COLOURS[name]
            ax.plot(radii, near, "-o", color=colour, label=names[name], lw=2, ms=5)
            ax.plot(radii, far, "--o", color=colour, lw=1.2, ms=4, mfc="white")
        ax.plot([], [], "-", color=INK, lw=2, label="around data points")
        ax.plot([], [], "--", color=INK, lw=1.2, label="around random points")
        ax.set(xscale="log", yscale="log", ylabel="regions that meet the ball (median over seeds)",
               xlabel="radius, relative to the longest side of the data")
        ax.set_xticks(list(radii), [f"{r:g}" for r in radii])
        ax.xaxis.set_minor_locator(ticker().NullLocator())
        ax.yaxis.set_major_formatter(ticker().FuncFormatter(lambda y, _: f"{y:g}"))
        ax.grid(True, color="#e4e7eb", lw=0.6)
        ax.legend(frameon=False, fontsize=9)
        ax.set_title(title, loc="left")
    return _finished(figure, path, DPI)


def draw_counts(
    lines: Sequence[Counts], path: Path | None = None, *, names: Mapping[str, str], title: str,
    label: str, dpi: int = DPI,
) -> "Figure":  # fmt: skip
    """Draw counts on a logarithmic axis: a dot at each mean, a bar to the greatest, and marks.

    ``names`` says what the networks are, in the colours of NETWORK_COLOURS.
    """
    marks = dict.fromkeys(key for line in lines for key in line.marks)
    shapes = dict(zip(marks, "^|x", strict=False))
    with style():
        figure, (ax,) = figure_of(1, 1, width=7.6, height=0.62 * len(lines) + 2.0)
        for y, line in enumerate(lines):
            for k, (key, (mean, most)) in enumerate(line.spans.items()):
                at, colour = y + 0.24 * (k - (len(line.spans) - 1) / 2), NETWORK_COLOURS[key]
                ax.plot([mean, most], [at, at], color=colour, lw=2.4, solid_capstyle="butt")
                ax.plot([mean], [at], "o", color=colour, ms=6)
            for key, value in line.marks.items():
                ax.plot([value], [y], shapes[key], color=INK, ms=9, mew=1.8, ls="none")
        for key, name in names.items():
            ax.plot([], [], "-o", color=NETWORK_COLOURS[key], lw=2.4, ms=6, label=name)
        for key, shape in shapes.items():
            ax.plot([], [], shape, color=INK, ms=9, mew=1.8, ls="none", label=key)
        ax.set_xscale("log")
        ax.set_ylim(len(lines) - 0.5, -0.5)
        ax.set_yticks(range(len(lines)), [line.name for line in lines])
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter(ticker().FuncFormatter(lambda x, _: f"{x:g}"))
        ax.grid(True, axis="x", color="#e4e7eb", lw=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel(label)
        ax.set_title(title, loc="left")
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return _finished(figure, path, dpi)


def draw_differences(
    panels: Sequence[Differences], path: Path | None = None, *, title: str, columns: int = 3,
    dpi: int = DPI,
) -> "Figure":  # fmt: skip
    """Draw the paired differences of several measures: a dot a seed, median and interval."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = max(len(panel.rows) for panel in panels) * 0.42 + 0.95
    with style():
        figure, axes = figure_of(rows, columns, width=4.3 * columns, height=height * rows + 0.5)
        for i, ax in enumerate(axes):
            if i >= len(panels):
                ax.set_visible(False)
                continue
            _draw_differences(ax, panels[i], named=i % columns == 0)
        figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return _finished(figure, path, dpi)


def _draw_differences(ax: "Axes", panel: Differences, *, named: bool) -> None:
    """Draw one measure: a line of dots a pair."""
    rng = np.random.default_rng(0)
    ax.axvline(0, color=INK, lw=0.8)
    for y, (_, values, median, interval) in enumerate(panel.rows):
        offsets = y + rng.uniform(-0.16, 0.16, len(values))
        colours = ["#0072b2" if v > 0 else "#d55e00" if v < 0 else MUTED for v in values]
        ax.scatter(values, offsets, s=13, c=colours, alpha=0.55, lw=0, zorder=2)
        if interval is not None:
            ax.plot(interval, [y, y], color=INK, lw=2, solid_capstyle="butt", zorder=3)
        ax.plot([median], [y], "|", color=INK, ms=13, mew=2.4, zorder=4)
    ax.set_ylim(len(panel.rows) - 0.5, -0.5)
    ax.set_yticks(range(len(panel.rows)), [row[0] if named else "" for row in panel.rows])
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x", color="#e4e7eb", lw=0.6)
    ax.set_axisbelow(True)
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.xaxis.set_major_locator(ticker().MaxNLocator(5))
    ax.set_title(panel.title, fontsize=9.5, loc="left")


def _legend(figure: "Figure", ax: "Axes") -> None:
    """Name the classes once, below the panels."""
    handles, names = ax.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(5, len(names)),
                  frameon=False, markerscale=1.6)


def _only_outer_ticks(ax: "Axes", i: int, rows: int, columns: int) -> None:
    """Number and name the axes at the left and at the bottom of the picture only."""
    is_low, is_left = i // columns == rows - 1, i % columns == 0
    ax.tick_params(labelbottom=is_low, labelleft=is_left)
    if not is_low:
        ax.set_xlabel("")
    if not is_left:
        ax.set_ylabel("")


def _finished(figure: "Figure", path: Path | None, dpi: int) -> "Figure":
    """Return a figure, written where a path is given."""
    if path is not None:
        with style():  # ticks are made when a figure is painted
            write_figure(figure, path, dpi)
    return figure

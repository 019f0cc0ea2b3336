"""Pictures of a study of sampling, in the style of :mod:`exactbn.study.plots`."""

from collections.abc import Mapping, Sequence
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from exactbn.study.judged.families import FAMILIES
from exactbn.study.judged.figures import ALL, Figure, Need
from exactbn.study.judged.judging import OF_REGIONS, OF_VOLUME
from exactbn.study.judged.local_figures import LocalFigure
from exactbn.study.judged.wording import points, power_of_ten
from exactbn.drawing.style import INK, MUTED, figure_of, style, write_figure
from exactbn.study.plots import NETWORK_COLOURS
from exactbn.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

#: One colour and marker a method, the same in every picture.
METHOD_STYLES = {
    "observed": (INK, "o", "-"), "coverage": ("#8a94a0", "s", "--"), "chao1": ("#0072b2", "D", "-"),
    "chao2": ("#56b4e9", "D", ":"), "jackknife1": ("#e69f00", "^", "-"),
    "jackknife2": ("#d55e00", "v", "-"), "ace": ("#009e73", "P", "--"),
    "good_turing": ("#0072b2", "D", "-"), "held_out": ("#d55e00", "v", "-"),
}  # fmt: skip

FAMILY_COLOURS = {**NETWORK_COLOURS, "trained": "#cc79a7"}

NOMINAL = 0.95


def draw_figures(
    figures: Sequence[Figure], dims: Sequence[int], path: Path | None = None, *,
    volume: bool = False,
) -> "Picture":
    """Draw bias (above) and coverage (below) against the sample size, one column a dimension.

    All families together. ``volume`` shows the estimators of the unseen volume, not those of the
    number of regions.
    """
    methods = OF_VOLUME if volume else OF_REGIONS
    sizes = [f.samples for f in figures]
    with style():
        figure, axes = figure_of(2, len(dims), width=2.0 + 2.9 * len(dims), height=6.4)
        for column, dim in enumerate(dims):
            above, below = axes[column], axes[len(dims) + column]
            for k, (method, name) in enumerate(methods.items()):
                found = [f for f in figures if (f.family, f.dim, f.method) == (ALL, dim, method)]
                # A little apart, so that bars do not hide each other.
                shift = 1.06 ** (k - (len(methods) - 1) / 2)
                _line(above, found, method, name, shift, is_bias=True)
                _line(below, found, method, name, shift, is_bias=False)
            above.axhline(0, color=INK, lw=0.8, zorder=1)
            below.axhline(NOMINAL, color=INK, lw=0.8, zorder=1)
            below.set_ylim((0.74, 1.01) if volume else (-0.03, 1.03))
            above.set_title(f"{dim} inputs", loc="left")
            below.set_xlabel("random points")
            for ax in (above, below):
                powers_of_ten(ax)
                # There may be no value to show: nothing unseen has no bias.
                ax.set_xlim(min(sizes) / 1.5, max(sizes) * 1.5)
                ax.grid(True, color="#e4e7eb", lw=0.6)
                ax.set_axisbelow(True)
                ax.tick_params(labelleft=column == 0)
            above.tick_params(labelbottom=False)
        _same_limits(axes[: len(dims)])
        what = "unseen volume" if volume else "number of regions"
        axes[0].set_ylabel("relative bias")
        axes[len(dims)].set_ylabel("coverage of 95 % intervals")
        figure.suptitle(f"Estimates of the {what}", fontsize=13, fontweight="bold", color=INK)
        handles, names = axes[0].get_legend_handles_labels()
        columns = min(len(names), 2 * len(dims))
        figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
        if path is not None:
            write_figure(figure, path)
    return figure


def powers_of_ten(ax: "Axes") -> None:
    """Make the x-axis logarithmic, with ticks at some powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(numticks=6))
    ax.xaxis.set_minor_locator(NullLocator())
    # Formulas are off in these pictures, so that the exponents are characters.
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: power_of_ten(round(log10(x)))))


def _same_limits(axes: "Sequence[Axes]") -> None:
    """Give axes side by side the same range."""
    low, high = (pick(ends) for pick, ends in zip((min, max), zip(*(a.get_ylim() for a in axes))))
    for ax in axes:
        ax.set_ylim(low, high)


def _line(
    ax: "Axes", found: Sequence[Figure], method: str, name: str, shift: float, *, is_bias: bool
) -> None:
    """Draw the figures of one method against the sample size, with their intervals."""
    colour, marker, dash = METHOD_STYLES[method]
    shown = [f for f in found if not is_bias or f.bias is not None]
    xs = [f.samples * shift for f in shown]
    ys = [(f.bias or 0.0) if is_bias else f.coverage for f in shown]
    ax.plot(xs, ys, dash, marker=marker, color=colour, lw=1.3, ms=4.2, label=name, zorder=3)
    for x, f in zip(xs, shown, strict=True):
        interval = f.bias_interval if is_bias else f.coverage_interval
        if interval is not None:
            ax.plot([x, x], interval, color=colour, lw=0.9, alpha=0.7, zorder=2)


def draw_needs(
    needs: Sequence[Need], dims: Sequence[int], most: int, path: Path | None = None
) -> "Picture":
    """Draw how many points see 99 % of the volume, and of the regions, by family and dimension.

    A dot is the median over networks, the thick bar its 95 % interval, the thin one the quartiles.
    """
    families = [f for f in FAMILIES if any(n.family == f for n in needs)]
    found: Mapping[tuple[str, int], Need] = {(n.family, n.dim): n for n in needs}
    with style():
        figure, axes = figure_of(1, 2, width=10.4, height=0.34 * len(families) * len(dims) + 2.0)
        for ax, title in zip(axes, ("99 % of the volume", "99 % of the regions"), strict=True):
            is_volume = "volume" in title
            ticks, names = [], []
            for row, dim in enumerate(dims):
                top = row * (len(families) + 0.8)
                ticks.append(top + (len(families) - 1) / 2)
                names.append(f"{dim} inputs")
                for k, family in enumerate(families):
                    need = found.get((family, dim))
                    if need is None:
                        continue
                    middle, interval, quartiles = (
                        (need.volume, need.volume_interval, need.volume_quartiles)
                        if is_volume
                        else (need.regions, need.regions_interval, need.regions_quartiles)
                    )
                    y, colour = top + k, FAMILY_COLOURS[family]
                    ax.plot(quartiles, [y, y], color=colour, lw=1.0)
                    if interval is not None:
                        ax.plot(interval, [y, y], color=colour, lw=3.2, solid_capstyle="butt")
                    ax.plot([middle], [y], "o", color=colour, ms=6, mec="white", mew=0.6,
                            label=FAMILIES[family] if row == 0 else "")
            powers_of_ten(ax)
            ax.axvline(most, color=MUTED, lw=0.9, ls="--")
            ax.set_yticks(ticks, names)
            ax.set_ylim(len(dims) * (len(families) + 0.8) - 1.0, -0.8)
            ax.tick_params(axis="y", length=0, labelleft=is_volume)
            ax.grid(True, axis="x", color="#e4e7eb", lw=0.6)
            ax.set_axisbelow(True)
            ax.set_xlabel("random points")
            ax.set_title(title, loc="left")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        title = f"Points that see 99 %, in expectation (dashed: the largest sample, {points(most)})"
        figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
        if path is not None:
            write_figure(figure, path)
    return figure


#: What is drawn of local densities: the name, how it is called, colour, marker.
LOCAL_LINES = (
    ("regions", "regions, exactly", INK, "o"), ("seen", "regions seen", "#e69f00", "^"),
    ("chao1", "Chao1", "#0072b2", "D"), ("complexity", "1 + local complexity", "#d55e00", "v"),
)  # fmt: skip


def draw_local(figures: Sequence[LocalFigure], path: Path | None = None) -> "Picture":
    """Draw mean numbers against the radius: a column a depth, a row a number of directions."""
    from matplotlib.ticker import LogLocator

    overall = [f for f in figures if f.family == ALL]
    depths = list(dict.fromkeys(f.depth for f in overall))
    every = list(dict.fromkeys(f.directions for f in overall))
    rows = every if len(every) < 3 else [every[0], every[len(every) // 2], every[-1]]
    with style():
        figure, axes = figure_of(
            len(rows), len(depths), width=1.6 + 3.0 * len(depths), height=2.5 * len(rows) + 1.2
        )
        for i, (directions, depth) in enumerate((p, d) for p in rows for d in depths):
            ax = axes[i]
            found = [f for f in overall if (f.depth, f.directions) == (depth, directions)]
            for name, label, colour, marker in LOCAL_LINES:
                ax.plot([float(f.radius) for f in found], [_local(f, name) for f in found], "-",
                        marker=marker, color=colour, lw=1.5, ms=4.5, label=label)
            ax.set_xscale("log")
            ax.set_yscale("log")
            radii = [float(f.radius) for f in found]
            ax.set_xticks(radii, [f"{r:g}" for r in radii])
            ax.minorticks_off()
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
            ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
            ax.tick_params(labelleft=i % len(depths) == 0)
            ax.grid(True, color="#e4e7eb", lw=0.6)
            ax.set_axisbelow(True)
            if i < len(depths):
                ax.set_title(counted(depth, "hidden layer"), loc="left")
            if i >= len(depths) * (len(rows) - 1):
                ax.set_xlabel("radius r")
            if i % len(depths) == 0:
                ax.set_ylabel(f"P = {directions}")
        for row in range(len(rows)):
            _same_limits(axes[row * len(depths): (row + 1) * len(depths)])
        title = "What meets the hull of x \u00b1 r u\u2081, ..., x \u00b1 r u\u209a (means)"
        figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center",
                      ncols=len(labels) if len(depths) > 1 else 2, frameon=False)
        if path is not None:
            write_figure(figure, path)
    return figure


def _local(f: LocalFigure, name: str) -> float:
    """Return one mean number of a hull."""
    if name == "complexity":
        return 1 + f.complexity
    if name == "regions":
        return f.regions
    return f.regions * (1 + (f.seen if name == "seen" else f.chao1))

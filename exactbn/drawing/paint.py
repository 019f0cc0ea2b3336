"""Colours with a meaning: what every region is filled with, and the key to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exactbn.drawing.style import LINE_COLOURS, NO_VALUE, REGION_COLOURS
from exactbn.drawing.windows import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

#: The greatest number that a bar of colours ends at.
GREATEST = 1e300


@dataclass(frozen=True, eq=False)
class Paint:
    """The colours of regions, and what they mean.

    ``faces`` has a colour a region. ``cmap`` and ``norm`` are given where the colours stand for
    numbers, which ``label`` names; then ``function``, if any, is a function of points, to be drawn
    instead of one colour a region. ``names`` maps what a legend says to its colour.
    """

    faces: Sequence[Any]
    label: str = ""
    cmap: Any = None
    norm: Any = None
    function: Callable[[Sequence[Point]], Floats] | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    ticks: Sequence[float] | None = None


def plain_paint(colours: Sequence[int]) -> Paint:
    """Return soft colours, given their numbers, that mean nothing."""
    return Paint([REGION_COLOURS[c % len(REGION_COLOURS)] for c in colours])


def layer_paint(kinds: Sequence[int], names: Sequence[str]) -> Paint:
    """Return one colour for each kind of region: from 1 on pale ones of the lines of layers."""
    from matplotlib.colors import to_rgb

    shades: list[Any] = [NO_VALUE]
    for k in range(len(names) - 1):
        turn, colour = divmod(k, len(LINE_COLOURS))
        share = 0.38 / (1 + turn)
        shades.append(tuple(1 - share * (1 - c) for c in to_rgb(LINE_COLOURS[colour])))
    used = sorted(set(kinds))
    return Paint([shades[k] for k in kinds], names={names[k]: shades[k] for k in used})


def number_paint(
    values: Floats, label: str, *, cmap: str = "viridis", missing: str = "no value",
    whole: bool = False, function: Callable[[Sequence[Point]], Floats] | None = None,
    span: tuple[float, float] | None = None,
) -> Paint:  # fmt: skip
    """Return colours for numbers, shape (regions,); what is not finite is grey.

    Numbers of both signs get two hues that meet at 0, if ``cmap`` is "signed". ``span`` are the
    least and the greatest number where these are not those of ``values``.
    """
    import matplotlib
    from matplotlib.colors import CenteredNorm, Normalize

    known = np.isfinite(values)
    low, high = span or (
        (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    )
    # Numbers beyond that have the colour at the end: their differences would not be floats.
    low, high = (float(np.clip(t, -GREATEST, GREATEST)) for t in (low, high))
    if low == high:
        low, high = low - max(0.5, abs(low) / 2), high + max(0.5, abs(high) / 2)
    norm: Any = Normalize(low, high, clip=True)
    if cmap == "signed":
        is_signed = low < 0 < high
        norm = CenteredNorm(0, max(-low, high), clip=True) if is_signed else norm
        cmap = "RdBu_r" if is_signed else "viridis"
    chosen = matplotlib.colormaps[cmap]
    faces: list[Any] = [NO_VALUE] * len(values)
    for i in np.flatnonzero(known).tolist():
        faces[i] = chosen(norm(values[i]))
    names = {} if known.all() else {missing: NO_VALUE}
    ticks = None
    if whole and high - low <= 12:
        ticks = list(range(int(np.ceil(low)), int(np.floor(high)) + 1))
    return Paint(faces, label, chosen, norm, function, names, ticks)


def given_paint(colours: Sequence[Any]) -> Paint:
    """Return colours that a user gives, one a region, in any form of matplotlib."""
    from matplotlib.colors import to_rgba

    return Paint([to_rgba(colour) for colour in colours])


def add_colorbar(ax: "Axes", paint: Paint) -> None:
    """Put a bar of the numbers beside an axes, where the colours stand for numbers."""
    if paint.cmap is None:
        return
    from matplotlib.cm import ScalarMappable

    mappable = ScalarMappable(paint.norm, paint.cmap)
    figure: Any = ax.figure
    bar = figure.colorbar(mappable, ax=ax, label=paint.label, ticks=paint.ticks, shrink=0.9)
    bar.outline.set_linewidth(0.5)


def legend_patches(paint: Paint) -> list[Any]:
    """Return the patches of a legend of the names of colours."""
    from matplotlib.patches import Patch

    return [Patch(facecolor=c, edgecolor="#9aa5b1", label=name) for name, c in paint.names.items()]

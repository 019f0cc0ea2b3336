"""What the regions of a partition are coloured by, in exact numbers rounded once."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf, log10, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from exactbn.drawing.paint import Paint, given_paint, layer_paint, number_paint, plain_paint
from exactbn.drawing.style import colour_regions
from exactbn.drawing.windows import Point
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import dot, nearest_float, nearest_floats, sqrt_rounded
from exactbn.model.network import Network
from exactbn.regions.planar import Seen
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition

Floats = NDArray[np.float64]

#: What regions may be coloured by, beside an array.
COLOURINGS = ("neighbours", "layer", "log_volume", "active", "output", "slope")

#: Volumes are computed exactly where the relative radius of their enclosure is over 2^-30.
_SURE = 2**30


def paint_of(part: "Partition", color_by: object, output: int | None, seen: Seen) -> Paint:
    """Return the colours of the regions of a partition, see :func:`exactbn.regions.plotting.plot`.

    ``function`` of the result, for "output", gives exact values at points, rounded.

    Raises
    ------
    InputError
        If there is nothing of that name, or an array has not one entry a region.
    """
    if not isinstance(color_by, str):
        return _given(part, color_by)
    if color_by not in COLOURINGS:
        raise InputError(
            f"color_by is {color_by!r}, expected one of {', '.join(COLOURINGS)}, or an array of "
            "one number or colour for each region"
        )
    if color_by == "neighbours":
        return plain_paint(colour_regions(part.num_regions, seen.pairs))
    if color_by == "layer":
        layers = [f"bounded by layer {k + 1}" for k in range(len(part.network.widths))]
        return layer_paint(seen.deepest, ["no layer", *layers])
    if color_by == "log_volume":
        volumes = _log_volumes(part)
        return number_paint(volumes, "log10 of the volume", cmap="cividis", missing="unbounded")
    if color_by == "active":
        active = (part.patterns > 0).sum(axis=1).astype(np.float64)
        return number_paint(active, "units that are on", whole=True)
    k = _output(part.network, output)
    name = "output" if part.network.num_outputs == 1 else f"output {k}"
    if color_by == "slope":
        slopes = np.array([_slope(part, i, k) for i in range(part.num_regions)])
        return number_paint(slopes, f"length of the gradient of the {name}", cmap="magma")
    values = output_values(part.network, k)
    shown = values(seen.corners) if len(seen.corners) else np.zeros(1)
    nothing = np.zeros(part.num_regions)
    span = float(shown.min()), float(shown.max())
    return number_paint(nothing, name, cmap="signed", function=values, span=span)


def output_values(network: Network, k: int) -> Callable[[Sequence[Point]], Floats]:
    """Return the function of output k at homogeneous points, exact and rounded once."""
    last = len(network.blocks) - 1

    known: dict[Point, float] = {}  # corners are those of several regions

    def values(points: Sequence[Point]) -> Floats:
        # A picture of one input has a height beside it.
        inputs = [point[: 1 + network.num_inputs] for point in points]
        new = list(dict.fromkeys(x for x in inputs if x not in known))
        if new:
            columns = fmpz_mat([list(row) for row in zip(*new, strict=True)])
            found = network.integers.values(columns, last)
            known.update(zip(new, nearest_floats([y[k] for y in found]), strict=True))
        return np.array([known[x] for x in inputs])

    return values


def _output(network: Network, output: int | None) -> int:
    """Return the number of the output that is asked for."""
    count = network.num_outputs
    if output is None and count > 1:
        raise InputError(f"the network has {count} outputs: say which with output=0, and so on")
    if output is not None and not 0 <= output < count:
        raise InputError(f"output is {output!r}, expected an integer from 0 to {count - 1}")
    return output or 0


def _given(part: "Partition", values: Any) -> Paint:
    """Return the colours that a user gives, or colours for the numbers that a user gives."""
    rows = np.asarray(values)
    if rows.ndim == 0 or len(rows) != part.num_regions:
        shape = "a single value" if rows.ndim == 0 else counted(len(rows), "entry", "entries")
        raise DimensionError(
            f"color_by has {shape}, expected one for each of the "
            f"{counted(part.num_regions, 'region')}, or one of {', '.join(COLOURINGS)}"
        )
    if rows.ndim == 1 and rows.dtype.kind != "U":
        return number_paint(np.array([float(t) for t in values]), "")
    return given_paint(list(values))


def _slope(part: "Partition", i: int, k: int) -> float:
    """Return the length of the gradient of output k in region i, its exact square's root."""
    gradient = part.affine_map(i)[0][k]
    root = sqrt_rounded(dot(gradient, gradient))
    return nearest_float(root.numerator, root.denominator)


def _log_volumes(part: "Partition") -> Floats:
    """Return log10 of the volumes, infinite of unbounded regions; small ones are exact first."""
    middle, radius = part.volumes()
    logs = np.full(len(middle), inf)
    for i, (size, error) in enumerate(zip(middle.tolist(), radius.tolist(), strict=True)):
        if part.is_unbounded[i]:
            continue
        volume = part.volume(i) if error * _SURE > size or size in (0, inf) else Fraction(size)
        logs[i] = log10(volume.numerator) - log10(volume.denominator) if volume else nan
    return logs

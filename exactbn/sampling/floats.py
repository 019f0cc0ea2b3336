"""Float forms of a network with proven error bounds: what a float sign may be trusted for.

The derivation of every bound stands in ``docs/error_analysis_sampling.md``. In short: let u be
the unit roundoff and lambda the least normal number of the float type. For a computed row sum
s = fl(sum_j w_j h_j + b) over n terms, in any order of summation, with or without fused
multiply-add, and whether or not subnormal numbers are flushed to zero,

    |s - (sum_j w_j h_j + b)| <= g (sum_j |w_j| |h_j| + |b|) + t,   g = n u / (1 - n u),

where t gathers the multiples of lambda. With |h - h_exact| <= e and |w - w_exact| <= delta the
distance to the exact preactivation is at most this plus sum_j (|w_j| e_j + delta_j |h_exact_j|).
All this holds as long as no number overflows. A row whose sum might has no bound below 2, and is
not used; a slope whose products might is taken as 0, its effect as an error: every float is
finite.

:func:`static_filter` bounds all this once for a whole box, from interval bounds of |h|. Each
neuron is then scaled by a power of two, which moves no sign and rounds nothing, such that its
bound is less than 2. So a float preactivation is of certain sign if and only if it is at least 2
in absolute value: one bit of its exponent.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactbn.model.network import Layer, Network

Floats = NDArray[np.float64]

#: A scaled float preactivation is of certain sign where its absolute value is at least this. It
#: is the least float whose top exponent bit is set.
THRESHOLD = 2.0

#: Bounds are computed in float64 themselves, as sums of products that are all >= 0. This factor
#: makes up for the rounding of sums of up to 3 (MOST_TERMS + 1) of them; longer rows get no bound.
BOUND_ROUNDING = 1.0 + 2.0**-30
MOST_TERMS = 1 << 20

#: Weights and slopes below this are 0 with this error.
LEAST_FACTOR = 2.0**-900

UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}
LEAST_NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022}
#: Factors of bounds below this are raised to it, so that none underflows. A product of two may, by
#: less than the least float64: less than the least normal numbers in t, or in an interval's slack.
_LEAST_BOUND = LEAST_NORMAL["float64"]
# An activation that is proven to stay below this is finite. (A row sum is where its bound is less
# than THRESHOLD, as g times the sum of its absolute terms is part of that.)
_SAFELY_FINITE = {"float32": 2.0**120, "float64": 2.0**1000}
_MOST_BINARY_PLACES = {"float32": 60, "float64": 300}  # by which a row is scaled


@dataclass(frozen=True, eq=False)
class RoundedLayer:
    """A layer rounded to float64: ``weight`` of shape (n, m + 1), the bias in the last column.

    ``error`` bounds the distance of every entry to the exact one, 0 where it is exact;
    ``slope_error`` does so for the slope.
    """

    weight: Floats
    error: Floats
    slope: float
    slope_error: float


@dataclass(frozen=True, eq=False)
class FilteredLayer:
    """A layer scaled and rounded for the float filter.

    ``weight`` has shape (n, m + 1), the bias in the last column, entries of the float type.
    ``bound`` is less than :data:`THRESHOLD` and bounds the error of the preactivations anywhere in
    the box, except for neurons without a usable bound, whose row is 0, so that they are never of
    certain sign. ``scale`` are the exponents of the powers of two.
    """

    weight: Floats
    bound: Floats
    scale: NDArray[np.int64]
    slope: float


def round_layers(network: Network) -> tuple[RoundedLayer, ...]:
    """Return the hidden layers in float64 with the errors of their entries."""
    return tuple(round_layer(layer) for layer in network.hidden)


def round_layer(layer: Layer) -> RoundedLayer:
    """Return a layer of one slope in float64 with the errors of its entries."""
    rows = [[*w, b] for w, b in zip(layer.weight, layer.bias, strict=True)]
    pairs = [[_round(entry) for entry in row] for row in rows]
    weight = np.array([[value for value, _ in row] for row in pairs])
    error = np.array([[bound for _, bound in row] for row in pairs])
    return RoundedLayer(weight, error, *_round(layer.slope))


def _round(value: Fraction) -> tuple[float, float]:
    """Return a float64 near ``value`` and a bound on the distance; (0, inf) where none is near."""
    try:
        nearest = float(value)
    except OverflowError:
        return 0.0, np.inf
    if abs(nearest) < LEAST_FACTOR:
        return 0.0, LEAST_FACTOR if value else 0.0
    return nearest, 0.0 if Fraction(nearest) == value else abs(nearest) * UNIT_ROUNDOFF["float64"]


def static_filter(
    layers: tuple[RoundedLayer, ...],
    lo: Floats,
    hi: Floats,
    *,
    dtype: str,
    factor: float = 1.0,
) -> tuple[FilteredLayer, ...]:
    """Return the hidden layers for points of float type ``dtype`` between ``lo`` and ``hi``.

    ``factor`` multiplies the bounds: a test of all that stands behind the filter. With infinity
    no float sign is ever trusted.
    """
    result = []
    scale = np.zeros(len(lo), dtype=np.int64)
    error = np.zeros(len(lo))
    idle = np.zeros(len(lo), dtype=bool)
    with np.errstate(all="ignore"):  # what overflows becomes inf or nan, and so not usable
        for layer in layers:
            layer = _cut_off(layer, idle)
            inputs = _Inputs(_largest(lo, hi), error, scale)
            z_lo, z_hi = _interval(layer, lo, hi)
            lo, hi = _activated_interval(layer, z_lo, z_hi)
            scale, weight, bound = _scale_rows(layer, inputs, dtype, factor)
            usable = bound < THRESHOLD  # False for nan
            weight[~usable] = 0.0
            idle = _is_idle(layer, z_lo, z_hi) & np.isfinite(factor)
            weight[idle] = 0.0
            weight[idle, -1] = -2.0 * THRESHOLD
            top = _shifted(_largest(z_lo, z_hi), scale)
            reach = np.where(idle, 2.0 * THRESHOLD, np.where(usable, top + bound, 0.0))
            slope = _float_slope(layer.slope, reach, dtype)
            error = _activated_error(layer, slope, top, bound, dtype)
            error = np.where(usable, error, _shifted(_largest(lo, hi), scale))
            error[idle] = 0.0
            result.append(FilteredLayer(weight, np.where(idle, 0.0, bound), scale, slope))
    return tuple(result)


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What a layer is given: bounds of |h|, of its error after scaling, and the scale."""

    largest: Floats
    error: Floats
    scale: NDArray[np.int64]


def _cut_off(layer: RoundedLayer, idle: NDArray[np.bool_]) -> RoundedLayer:
    """Return the layer without the inputs that are 0 on the whole box."""
    keep = np.append(~idle, True)
    weight, error = (np.where(keep, entries, 0.0) for entries in (layer.weight, layer.error))
    return RoundedLayer(weight, error, layer.slope, layer.slope_error)


def _is_idle(layer: RoundedLayer, z_lo: Floats, z_hi: Floats) -> NDArray[np.bool_]:
    """Return which neurons are off and pass on 0 at every point of the box."""
    idle = (z_lo == 0) & (z_hi == 0)
    if layer.slope == 0 and layer.slope_error == 0:
        idle |= z_hi <= 0
    return np.asarray(idle, dtype=bool)


def _largest(lo: Floats, hi: Floats) -> Floats:
    return np.maximum(np.abs(lo), np.abs(hi))


def _shifted(values: Floats, exponents: NDArray[np.int64]) -> Floats:
    """Return values times powers of two, for a bound: no smaller, and exactly 0 only where 0."""
    return np.where(values == 0, 0.0, np.maximum(np.ldexp(values, exponents), _LEAST_BOUND))


def _float_slope(slope: float, reach: Floats, dtype: str) -> float:
    """Return the slope in ``dtype``, or 0 where it is subnormal or a product might overflow.

    ``reach`` bounds the float preactivations. Without this an infinite activation, or an infinite
    slope on a preactivation of 0, would meet a weight of 0; their product is not a number, and its
    bits read as a certain sign.
    """
    rounded = float(np.dtype(dtype).type(slope))
    is_safe = bool(np.all(abs(rounded) * reach < _SAFELY_FINITE[dtype]))  # False for nan
    return rounded if is_safe and abs(rounded) >= LEAST_NORMAL[dtype] else 0.0


def _interval(layer: RoundedLayer, lo: Floats, hi: Floats) -> tuple[Floats, Floats]:
    """Return bounds of the exact preactivations, given bounds of the exact inputs.

    The bounds of a neuron with all-zero row and bias are exactly 0.
    """
    lo, hi = np.append(lo, 1.0), np.append(hi, 1.0)
    up, down = np.maximum(layer.weight, 0.0), np.minimum(layer.weight, 0.0)
    above = _product(up, hi) + _product(down, lo)
    below = _product(up, lo) + _product(down, hi)
    size = _product(np.abs(layer.weight), _largest(lo, hi))
    slack = size * (4 * len(lo)) * 2.0**-52 + _product(layer.error, _largest(lo, hi))
    # Products may underflow, those with errors of weights that are taken as 0 among them.
    terms = np.count_nonzero((layer.weight != 0) | (layer.error != 0), axis=1)
    slack = BOUND_ROUNDING * (slack + _LEAST_BOUND * terms)
    # Not "slack > 0": a nan must not pass for 0.
    return (
        np.where(slack == 0, below, np.nextafter(below - slack, -np.inf)),
        np.where(slack == 0, above, np.nextafter(above + slack, np.inf)),
    )


def _product(weight: Floats, values: Floats) -> Floats:
    """Return weight @ values, where 0 times infinity is 0."""
    terms = np.where(weight == 0, 0.0, weight * values)
    sums: Floats = terms.sum(axis=1)
    return sums


def _activated_interval(
    layer: RoundedLayer, z_lo: Floats, z_hi: Floats
) -> tuple[Floats, Floats]:
    """Return bounds of max(z, 0) + slope min(z, 0), exactly 0 where z is."""
    spread = 2.0**-50 * abs(layer.slope) + 2 * layer.slope_error
    ends = [np.maximum(z_lo, 0.0), np.maximum(z_hi, 0.0)]  # 0 among them where 0 is in between
    for slope in (layer.slope - spread, layer.slope + spread):
        ends += [np.maximum(z, 0.0) + slope * np.minimum(z, 0.0) for z in (z_lo, z_hi)]
    # A product with a slope may underflow, to 0 as well.
    is_sloped = layer.slope != 0 or layer.slope_error != 0
    underflow = np.where((z_lo < 0) & is_sloped, _LEAST_BOUND, 0.0)
    return np.minimum.reduce(ends) - underflow, np.maximum.reduce(ends) + underflow


def _scale_rows(
    layer: RoundedLayer, inputs: _Inputs, dtype: str, factor: float
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the row exponents, the scaled weights and the bounds of the errors.

    The exponents are the greatest for which the bounds stay below :data:`THRESHOLD`, for then a
    float is seldom below it without need.
    """
    rows = np.zeros(len(layer.weight), dtype=np.int64)
    first = factor * _row_bounds(*_scaled(layer, rows, inputs, dtype), inputs, dtype)
    limit = _MOST_BINARY_PLACES[dtype]
    wish = np.nan_to_num(np.floor(np.log2(THRESHOLD / first)), nan=0.0)
    rows = np.clip(wish, -limit, limit).astype(np.int64)
    second = factor * _row_bounds(*_scaled(layer, rows, inputs, dtype), inputs, dtype)
    rows = np.where(second < THRESHOLD, rows, rows - 1)
    weight, delta = _scaled(layer, rows, inputs, dtype)
    return rows, weight, factor * _row_bounds(weight, delta, inputs, dtype)


def _scaled(
    layer: RoundedLayer, rows: NDArray[np.int64], inputs: _Inputs, dtype: str
) -> tuple[Floats, Floats]:
    """Return the weights scaled and rounded to ``dtype``, and bounds of their errors.

    Numbers that are subnormal in ``dtype`` become 0: a device may take them so.
    """
    shift = rows[:, None] - np.append(inputs.scale, 0)
    exact = np.ldexp(layer.weight, shift)
    lost = (layer.weight != 0) & (np.abs(exact) < LEAST_FACTOR)
    exact[lost] = 0.0
    weight = exact.astype(dtype).astype(np.float64)
    weight[np.abs(weight) < LEAST_NORMAL[dtype]] = 0.0
    delta = np.ldexp(layer.error, shift) + np.abs(weight - exact)
    delta += np.where(lost | (layer.error > 0), LEAST_FACTOR, 0.0)
    return weight, delta


def rounding_of_sum(terms: int, unit: float) -> float:
    """Return g = n u / (1 - n u) for sums of n terms; infinity where n is over the limit."""
    return terms * unit / (1.0 - terms * unit) if terms <= MOST_TERMS else np.inf


def _row_bounds(weight: Floats, delta: Floats, inputs: _Inputs, dtype: str) -> Floats:
    """Return the bounds of the module's head, row by row; nan or inf where there is none."""
    exact = np.append(_shifted(inputs.largest, inputs.scale), 1.0)
    error = np.append(inputs.error, 0.0)
    terms = weight.shape[1]
    unit, least = UNIT_ROUNDOFF[dtype], LEAST_NORMAL[dtype]
    gamma = rounding_of_sum(terms, unit)
    size = _product(np.abs(weight), exact + error)
    bound = gamma * size + _product(np.abs(weight), error) + _product(delta, exact)
    bound += least * (3 * terms + 2 * np.abs(weight).sum(axis=1))
    return BOUND_ROUNDING * bound


def _activated_error(
    layer: RoundedLayer, slope: float, top: Floats, bound: Floats, dtype: str
) -> Floats:
    """Return bounds on the error of the activations; ``top`` bounds the exact |z|.

    The activation is Lipschitz with constant max(1, |slope|); a slope other than 0, 1 and -1
    adds its own rounding and that of one product.
    """
    off = abs(slope - layer.slope) + layer.slope_error
    steep = max(1.0, abs(slope) + off)
    if slope in (-1.0, 0.0, 1.0) and off == 0:
        return bound
    extra = (off + UNIT_ROUNDOFF[dtype] * abs(slope)) * (top + bound) + 2 * LEAST_NORMAL[dtype]
    return BOUND_ROUNDING * (steep * bound + extra)

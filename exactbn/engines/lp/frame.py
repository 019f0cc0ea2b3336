"""Coordinates for the floats: where they are centred, scaled, and how far off they may be.

A box is seen from the common point of the first layer's hyperplanes where there is one near, so
that the constants of a central arrangement are exactly zero; else from the origin, or from its
centre when it lies far out. All of R^d is seen in homogeneous coordinates. Every float is the
nearest one of the exact number, with a bound of what that costs.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, lcm, nextafter

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from exactbn.engines.lp import search
from exactbn.engines.lp.search import BOUND_SLACK, FORM_UNDERFLOW, UNIT, Forms, Frame
from exactbn.engines.lp.simplex import Floats, Rows
from exactbn.exact.rational import Vector, dot, nearest_float, nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.model.patterns import WORD, columns

# Covers the terms of second order in the bound of the error of y, and its own roundings.
_BLUR_SLACK = 1.0 + 2.0**-16
# Covers the roundings in the bound of the error of a first row.
_ROW_SLACK = 1.0 + 2.0**-16
# More than the roundings of a point and of p to denormal numbers.
_POINT_UNDERFLOW = 2.0**-1073
# Beyond this many radii from the box a centre costs more digits than it saves.
_NEAR = 4
_FAR_OUT = 2**20
# Unknowns that the bounds allow for; with more of them integers settle everything.
_MOST_UNKNOWNS = 4000
# Greatest exponent of a scale. Beyond it no bound is finite, and integers settle everything.
_LARGEST = 900


def make_frame(network: Network, domain: Domain, factor: float) -> tuple[Frame, Vector]:
    """Return the frame for a network with hidden layers, and the exact shift p."""
    with np.errstate(all="ignore"):  # what overflows becomes infinite, and decides nothing
        return _make_frame(network, domain, factor)


def _make_frame(network: Network, domain: Domain, factor: float) -> tuple[Frame, Vector]:
    d, box = network.num_inputs, domain.box
    widths = np.array(network.widths)
    shift = _shift(network.hidden[0], box, d)
    if box is None:
        homogeneous, D = True, d + 1
        p = np.array([0.0, *nearest_floats(shift)])
        scale, most = np.ones(D), np.ones(D)  # to_frame shortens y to the cube
        lo, hi = np.full(D, -1.0), np.ones(D)
        lo[0] = 0.0
        x_lo, x_hi = np.full(D, -inf), np.full(D, inf)
        x_lo[0] = 0.0
        blur = _BLUR_SLACK * 2.0 * UNIT * (most + 2.0 * np.abs(p))
    else:
        homogeneous, D = False, d
        p = np.array(nearest_floats(shift))
        ends = list(zip(box.lo, box.hi, shift, strict=True))
        radii = [max(abs(lo - t), abs(hi - t)) for lo, hi, t in ends]
        powers = [_power_above(r) for r in radii]
        scale = np.array(nearest_floats(powers))
        lo = np.array([_below((a - t) / s) for (a, _, t), s in zip(ends, powers, strict=True)])
        hi = np.array([-_below((t - b) / s) for (_, b, t), s in zip(ends, powers, strict=True)])
        x_lo = np.array([-_below(-a) for a in box.lo])
        x_hi = np.array([_below(b) for b in box.hi])
        most = np.maximum(np.abs(lo), np.abs(hi))
        blur = 2.0 * UNIT * (most + np.abs(p) / scale) + _POINT_UNDERFLOW / scale
        blur *= _BLUR_SLACK
    if D > _MOST_UNKNOWNS:
        factor = inf
    # Room for y as computed (most + blur) and for the exact y that it stands for (blur more).
    reach = _BLUR_SLACK * (most + 2.0 * blur)
    places = columns(network.widths)
    frame = Frame(
        homogeneous, p, scale, blur, lo, hi, x_lo, x_hi, reach,
        float(1.0 / reach.min() * BOUND_SLACK),
        1 if homogeneous else 0,
        -1 if homogeneous else -3 - 2 * D,
        widths, np.concatenate(([0], np.cumsum(widths)[:-1])), places // WORD, places % WORD,
        *_weights(network), float(factor),
    )  # fmt: skip
    return frame, shift


def make_forms(network: Network, frame: Frame, shift: Vector) -> Forms:
    """Return room for the forms of all layers, those of the first layer filled in."""
    layers, width, D = len(network.widths), max(network.widths), len(frame.shift)
    forms = Forms(
        np.zeros((layers, width, 1 + D)),
        np.zeros((layers, width)), np.zeros((layers, width)), np.zeros((layers, width)),
        np.zeros(layers, dtype=np.bool_),
    )  # fmt: skip
    first = network.integers.blocks[0].layers[0].matrix
    exact_zero = True
    for k in range(first.nrows()):
        bias, *weights = (Fraction(int(first[k, c])) for c in range(first.ncols()))
        row, error, constant = _float_row(frame, shift, weights, bias)
        forms.row[0, k], forms.error[0, k] = row, error
        exact_zero &= constant == 0
    forms.is_zero[0] = frame.homogeneous or exact_zero
    search.finish_layer(frame, forms, 0)
    return forms


def make_rows(domain: Domain, frame: Frame, shift: Vector, neurons: int) -> Rows:
    """Return room for the rows of a path, the rows of the domain filled in."""
    D = len(frame.shift)
    size = len(domain.bounds) + neurons + 2
    rows = Rows(
        np.zeros((size, D)), np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size),
        np.zeros(size), np.zeros(size, dtype=np.bool_),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.uint8),
    )  # fmt: skip
    for k, (a, b) in enumerate(zip(domain.matrix, domain.bounds, strict=True)):
        common = lcm(b.denominator, *(t.denominator for t in a))
        row, error, constant = _float_row(frame, shift, [-t * common for t in a], b * common)
        rows.c[k], rows.a[k], rows.name[k] = row[0], row[1:], -1 - k
        with np.errstate(over="ignore"):
            rows.norm[k] = np.sqrt(np.sum(row[1:] ** 2)) + 1e-300
        rows.size[k], rows.bound[k] = search.bounds_of(frame, row, error)
        rows.error[k] = error * frame.factor if rows.bound[k] < inf else inf
        rows.is_zero[k] = constant == 0
    return rows


def _float_row(
    frame: Frame, shift: Vector, weights: Sequence[Fraction], bias: Fraction
) -> tuple[Floats, float, Fraction]:
    """Return the form bias + weights x in the frame, its error bound, its exact constant."""
    constant = bias + dot(weights, shift)
    if frame.homogeneous:
        exact = [Fraction(0), constant, *weights]
    else:
        scales = [Fraction(s) for s in frame.scale.tolist()]
        exact = [constant, *(w * s for w, s in zip(weights, scales, strict=True))]
    row = np.array(nearest_floats(exact))
    with np.errstate(invalid="ignore", over="ignore"):
        sizes = np.abs(row) * np.array([1.0, *frame.reach])
        inexact = [
            s for s, t, v in zip(sizes, row.tolist(), exact, strict=True) if not is_exactly(t, v)
        ]
        error = FORM_UNDERFLOW + UNIT * _ROW_SLACK * float(sum(inexact))
    return row, error if error == error else inf, constant


def is_exactly(value: float, exact: Fraction) -> bool:
    """Return whether a float is exactly a rational number."""
    return abs(value) < inf and Fraction(value) == exact


def _weights(network: Network) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return weights, biases and slopes of the integer form, and where all biases are zero."""
    layers, width = len(network.widths), max(network.widths)
    inputs = max(network.widths[:-1], default=0)
    weight, bias = np.zeros((layers, width, inputs)), np.zeros((layers, width))
    slopes, no_bias = np.zeros((layers, 2)), np.zeros(layers, dtype=np.bool_)
    above = 1
    for index, layer in enumerate(network.integers.blocks[:layers]):
        for k, (_, (constant, *row)) in enumerate(layer.rows()):
            if index:
                weight[index, k, : len(row)] = [nearest_float(int(t)) for t in row]
            bias[index, k] = nearest_float(int(constant) * above)
        slopes[index] = nearest_float(int(layer.above)), nearest_float(int(layer.below[0]))
        no_bias[index] = not any(network.hidden[index].bias)
        above *= int(layer.above)
    return weight, bias, slopes, no_bias


def _shift(first: Layer, box: Box | None, d: int) -> Vector:
    """Return the point from which the domain is seen."""
    zero = (Fraction(0),) * d
    if box is None:
        point = _common_point(first, zero)
        return point if point is not None and max(map(abs, point)) <= _FAR_OUT else zero
    middle = tuple((lo + hi) / 2 for lo, hi in zip(box.lo, box.hi, strict=True))
    radius = [(hi - lo) / 2 for lo, hi in zip(box.lo, box.hi, strict=True)]
    for point in (_common_point(first, middle), zero):
        if point is not None and all(
            abs(t - m) <= _NEAR * r for t, m, r in zip(point, middle, radius, strict=True)
        ):
            return point
    return middle


def _common_point(layer: Layer, origin: Vector) -> Vector | None:
    """Return a point where all preactivations of a layer vanish, or None where there is none.

    Where there are many, the unknowns that are free are those of ``origin``.
    """
    rows = [
        [*(fmpq(w.numerator, w.denominator) for w in weights), fmpq(-v.numerator, v.denominator)]
        for weights, v in zip(layer.weight, layer.preactivation(origin), strict=True)
    ]
    reduced, rank = fmpq_mat(rows).rref()
    d = layer.num_inputs
    point = list(origin)
    for r in range(rank):
        lead = next(i for i in range(d + 1) if reduced[r, i] != 0)
        if lead == d:
            return None
        t = reduced[r, d]
        point[lead] += Fraction(int(t.p), int(t.q))
    return tuple(point)


def _power_above(radius: Fraction) -> Fraction:
    """Return a power of two that is at least a number > 0, if that is in reach of floats."""
    exponent = radius.numerator.bit_length() - radius.denominator.bit_length() + 1
    return Fraction(2) ** max(-_LARGEST, min(exponent, _LARGEST))


def _below(t: Fraction) -> float:
    """Return a float that is at most t."""
    value = nearest_float(t.numerator, t.denominator)
    if value == inf or (value > -inf and Fraction(value) > t):
        return nextafter(value, -inf)
    return value

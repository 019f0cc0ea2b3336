"""Coordinates for the floats: where they are centred, scaled, and how far off they may be.

A box is seen from the common point of the first layer's hyperplanes where there is one near, so
that the constants of a central arrangement are exactly zero; else from the origin, or from its
centre when it lies far out. All of R^d, cut by rows or not, is seen in homogeneous coordinates.
Every float is the nearest one of the exact number, with a bound of what that costs.
"""

from array import array
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import inf, lcm, nextafter

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from exactbn.engines.lp import search
from exactbn.engines.lp.search import BOUND_SLACK, FORM_UNDERFLOW, UNIT, Forms, Frame
from exactbn.engines.lp.simplex import Floats, Rows
from exactbn.exact.rational import Vector, nearest_float, nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.layers import Block
from exactbn.model.network import Network
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
    shift = _shift(network.blocks[0], box, d)
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
        float(factor),
    )  # fmt: skip
    return frame, shift


def make_forms(network: Network, frame: Frame, shift: Vector) -> Forms:
    """Return room for the forms of all layers, those of the first layer filled in."""
    with np.errstate(all="ignore"):
        forms = _read(network, frame, shift)
    search.enter_layer(frame, forms, 0, np.zeros(network.num_hidden, dtype=np.int8))
    return forms


def _read(network: Network, frame: Frame, shift: Vector) -> Forms:
    """Return room for the forms, and the rows of the integer form.

    Before block l the features are those of the exact ones times the denominators A of all slopes
    of the blocks before it: the bias and the inputs count A times, and the units of block b as
    often as A has grown since its slopes.
    """
    d, D, neurons = network.num_inputs, len(frame.shift), network.num_hidden
    own, units = _Entries(), _Entries()
    sizes, errors, slopes = [], [], []
    is_zero: list[bool] = []
    grown = [1]  # A before each block
    block_of: list[int] = []
    for block in network.integers.blocks[:-1]:
        above, constants, sources = grown[-1], [], set()
        for reads, (bias, *row) in block.rows():
            inputs, before = [], []
            for feature, weight in zip(reads, map(int, row), strict=True):
                if weight and feature <= d:
                    inputs.append((feature - 1, Fraction(weight * above)))
                elif weight:
                    source = block_of[feature - 1 - d]
                    sources.add(source)
                    before.append((feature - 1 - d, weight * (above // grown[source + 1])))
            entries, error, size, constant = _own_form(frame, shift, inputs, int(bias) * above)
            own.add(entries)
            units.add((unit, nearest_float(weight)) for unit, weight in before)
            sizes.append(size)
            errors.append(error)
            constants.append(constant)
        is_zero.append(frame.homogeneous or not any(constants) and all(is_zero[s] for s in sources))
        top = nearest_float(int(block.above))
        slopes += [(top, nearest_float(int(below))) for below in block.below]
        block_of += [len(grown) - 1] * len(block.below)
        grown.append(above * int(block.above))
    starts, columns, weights = units.arrays()
    own_starts, places, values = own.arrays()
    return Forms(
        np.zeros((neurons, 1 + D)), np.zeros(neurons), np.zeros(neurons), np.zeros(neurons),
        np.array(is_zero), starts, columns, weights, np.array(slopes),
        own_starts, places, values, np.array(sizes), np.array(errors),
    )  # fmt: skip


class _Entries:
    """Rows of numbers at places, one after the other."""

    def __init__(self) -> None:
        self._starts, self._places, self._values = [0], array("q"), array("d")

    def add(self, row: Iterable[tuple[int, float]]) -> None:
        """Add a row."""
        for place, value in row:
            self._places.append(place)
            self._values.append(value)
        self._starts.append(len(self._places))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return where the rows begin and end, their places, and their numbers."""
        places = np.array(self._places, dtype=np.int64)
        return np.array(self._starts), places, np.array(self._values, dtype=np.float64)


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
        inputs = [(i, -t * common) for i, t in enumerate(a) if t]
        entries, error, _, constant = _own_form(frame, shift, inputs, b * common)
        row = np.zeros(1 + D)
        for place, value in entries:
            row[place] = value
        rows.c[k], rows.a[k], rows.name[k] = row[0], row[1:], -1 - k
        with np.errstate(over="ignore"):
            rows.norm[k] = np.sqrt(np.sum(row[1:] ** 2)) + 1e-300
        rows.size[k], rows.bound[k] = search.bounds_of(frame, row, error)
        rows.error[k] = error * frame.factor if rows.bound[k] < inf else inf
        rows.is_zero[k] = frame.homogeneous or constant == 0
    return rows


def _own_form(
    frame: Frame, shift: Vector, inputs: Sequence[tuple[int, Fraction]], bias: Fraction | int
) -> tuple[list[tuple[int, float]], float, float, Fraction]:
    """Return the form bias + weights x in the frame: entries, error, size, exact constant.

    ``inputs`` are the weights that are not zero with their inputs. An entry is a place in the row
    (constant, gradient) and the nearest float.
    """
    constant = sum((weight * shift[i] for i, weight in inputs), Fraction(bias))
    first = 2 if frame.homogeneous else 1
    exact = [(frame.bias_column, constant)] if constant else []
    exact += [(first + i, weight * Fraction(float(frame.scale[first - 1 + i])))
              for i, weight in inputs]  # fmt: skip
    entries, sizes, inexact = [], 0.0, 0.0
    for place, number in exact:
        value = nearest_float(number.numerator, number.denominator)
        entries.append((place, value))
        size = abs(value) * (float(frame.reach[place - 1]) if place else 1.0)
        sizes += size
        if not is_exactly(value, number):
            inexact += size
    error = FORM_UNDERFLOW + UNIT * _ROW_SLACK * inexact
    return entries, error if error == error else inf, sizes, constant


def is_exactly(value: float, exact: Fraction) -> bool:
    """Return whether a float is exactly a rational number."""
    return abs(value) < inf and Fraction(value) == exact


def _shift(first: Block, box: Box | None, d: int) -> Vector:
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


def _common_point(block: Block, origin: Vector) -> Vector | None:
    """Return a point where all preactivations of the first block vanish, None where there is none.

    Where there are many, the unknowns that are free are those of ``origin``.
    """
    d, rows = len(origin), []
    for layer, reads in zip(block.layers, block.reads, strict=True):
        inputs = [feature - 1 for feature in reads]
        values = layer.preactivation([origin[i] for i in inputs])
        for weights, v in zip(layer.weight, values, strict=True):
            row = [fmpq(0)] * d + [fmpq(-v.numerator, v.denominator)]
            for i, w in zip(inputs, weights, strict=True):
                row[i] = fmpq(w.numerator, w.denominator)
            rows.append(row)
    reduced, rank = fmpq_mat(rows).rref()
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

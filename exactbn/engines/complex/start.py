"""The complex before the first neuron: the faces of boxes and polytopes, or a fan that fills R^d.

Points are homogeneous: (x_0, x_0 x) with x_0 > 0 for the point x, and (0, u) for the direction u at
infinity. A box is the complex of its own faces; its floats are in units of powers of two, one an
axis, in which it is of size one, so that bounds of errors are relative to it. All of R^d is the
half-space x_0 >= 0 of cones, which is no pointed cone itself, so it starts as a fan of d + 1
simplicial cones: rays are the origin (1, 0) and the directions -(1, ..., 1), e_1, ..., e_d at
infinity, and each cone holds the origin and all directions but one. The walls between these cones
are not the network's; cells on both sides that have the same pattern are one region. The rows of a
domain cut the box or the fan first, see :mod:`exactbn.engines.complex.polytopes`.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from math import isfinite

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.engines.complex.polytopes import Point, Polytope, cut_by_rows
from exactbn.engines.complex.templates import Template, cube, fan
from exactbn.exact.rational import nearest_float
from exactbn.model.domain import Domain

Floats = NDArray[np.float64]

#: Relative bound of the error of the nearest float: twice what it is, so that rounding the bound
#: itself, to float32 even, cannot lower it below the error.
NEAREST_ROUNDING = 2.0 * 2.0**-53
#: Absolute part of the bound of a corner's coordinate that no float is, for denormal ones.
CORNER_FLOOR = 2.0**-1000


def template(domain: Domain) -> Template:
    """Return the faces of a domain before the first neuron.

    Raises
    ------
    InputError
        If the rows of the domain leave no interior.
    """
    return _polytope(domain).template if domain.matrix else _whole(domain)


def corner_points(domain: Domain) -> Callable[[int], Point]:
    """Return the function of the exact homogeneous integer coordinates of the corners.

    In lowest terms. Bit i of a box's corner says whether axis i is at hi. Of all of R^d, corner 0
    is the origin, corner 1 the direction -(1, ..., 1), and corner 1 + i the direction e_i, i = 1 to
    d. Where there are rows, corners are numbered as they come.
    """
    if domain.matrix:
        return _polytope(domain).points.__getitem__
    return partial(_corner_of_whole, domain)


def _whole(domain: Domain) -> Template:
    """Return the faces of a domain without its rows."""
    return fan(domain.dim) if domain.box is None else cube(domain.dim)


@lru_cache(maxsize=64)
def _polytope(domain: Domain) -> Polytope:
    """Return the faces of a domain that has rows."""
    faces = _whole(domain)
    points = tuple(_corner_of_whole(domain, corner) for corner in faces.corners.tolist())
    return cut_by_rows(Polytope(faces, points), domain)


def _corner_of_whole(domain: Domain, corner: int) -> Point:
    """Return the coordinates of a corner of a domain without its rows."""
    box = domain.box
    if box is None:
        if corner == 1:
            return (fmpz(0), *(fmpz(-1) for _ in range(domain.dim)))
        axis = max(corner - 1, 0)
        return tuple(fmpz(int(i == axis)) for i in range(1 + domain.dim))
    point = [(box.hi if corner >> i & 1 else box.lo)[i] for i in range(domain.dim)]
    denominator = fmpz(1)
    for t in point:
        denominator = denominator.lcm(t.denominator)
    return (denominator, *(denominator // t.denominator * t.numerator for t in point))


def axis_exponents(domains: Sequence[Domain]) -> NDArray[np.int32]:
    """Return the exponents e_i of the units 2^e_i in which floats see the axes, shape (1 + d,).

    Of all boxes the greatest |x_i| is over 1/2 and at most 1 then. x_0, and all of R^d, have 1.
    """
    boxes = [domain.box for domain in domains if domain.box is not None]
    exponents = np.zeros(1 + domains[0].dim, dtype=np.int32)
    for axis in range(domains[0].dim if boxes else 0):
        ends = [(-box.lo[axis].numerator, box.lo[axis].denominator) for box in boxes]
        ends += [(box.hi[axis].numerator, box.hi[axis].denominator) for box in boxes]
        exponents[1 + axis] = _exponent_above([end for end in ends if end[0] > 0])
    return exponents


def _exponent_above(fractions: list[tuple[int, int]]) -> int:
    """Return the least integer e with p / q <= 2^e for all of some fractions p / q > 0."""
    # A number of m binary digits over one of n is over 2^(m - n - 1) and below 2^(m - n + 1).
    digits = [above.bit_length() - below.bit_length() for above, below in fractions]
    e = max(digits)
    greatest = (pair for own, pair in zip(digits, fractions, strict=True) if own == e)
    return e + any(above << max(-e, 0) > below << max(e, 0) for above, below in greatest)


def _nearest_in_units(t: Fraction, exponent: int) -> tuple[float, bool]:
    """Return the float nearest to t / 2^exponent, and whether it is exactly that."""
    above, below = t.numerator << max(-exponent, 0), t.denominator << max(exponent, 0)
    value = nearest_float(above, below)
    # In lowest terms, only a power of two is the denominator of a float.
    if t.denominator & (t.denominator - 1) or not isfinite(value):
        return value, False
    p, q = value.as_integer_ratio()
    return value, p * below == above * q


def in_plain_units(x: Floats, ex: Floats, exponents: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """Return coordinates and bounds given in the units of the axes as such, copied.

    What underflows in that is in the bound, and a bound is infinite where its number overflows.
    """
    if not exponents.any():
        return x.copy(), ex.copy()
    with np.errstate(over="ignore", under="ignore"):
        plain, errors = np.ldexp(x, exponents), np.ldexp(ex, exponents)
        lost = (np.ldexp(plain, -exponents) != x) | (np.ldexp(errors, -exponents) != ex)
    # Each lost half of the least float at most, and the next bound is greater by more than that.
    errors[lost] = np.nextafter(errors[lost], np.inf)
    errors[~np.isfinite(plain)] = np.inf
    return plain, errors


def corner_coordinates(
    domains: Sequence[Domain],
    corners: Sequence[int],
    exponents: NDArray[np.int32] | None = None,
) -> tuple[Floats, Floats]:
    """Return the homogeneous float coordinates of all corners and bounds of their errors.

    Shape (domains x corners, 1 + d), in the units of the axes: those of :func:`axis_exponents`
    unless ``exponents`` says others.
    """
    exponents = axis_exponents(domains) if exponents is None else exponents
    if any(domain.matrix for domain in domains):
        points = [at(c) for at in map(corner_points, domains) for c in corners]
        return _nearest(points, exponents, is_box=domains[0].box is not None)
    boxes = [domain.box for domain in domains if domain.box is not None]
    if not boxes:
        at = corner_points(domains[0])
        rays = [[int(t) for t in at(corner)] for corner in corners]
        x = np.tile(np.array(rays, dtype=np.float64), (len(domains), 1))
        return x, np.zeros_like(x)
    rounded = [
        _nearest_in_units(t, exponent)
        for box in boxes
        for bound in (box.lo, box.hi)
        for t, exponent in zip(bound, exponents[1:].tolist(), strict=True)
    ]
    nearest = np.array([t for t, _ in rounded]).reshape(len(domains), 2, -1)
    # Half a unit in the last place is at most u |x|; doubled, with room for denormals.
    is_exact = np.array([is_exact for _, is_exact in rounded]).reshape(nearest.shape)
    wrong = np.abs(nearest) * NEAREST_ROUNDING + CORNER_FLOOR
    errors = np.where(is_exact, 0.0, wrong)
    axes = np.arange(domains[0].dim)
    bits = np.array(corners)[:, None] >> axes & 1
    x = np.ones((len(domains) * len(bits), 1 + len(axes)))
    ex = np.zeros_like(x)
    x[:, 1:] = nearest[:, bits, axes].reshape(-1, len(axes))
    ex[:, 1:] = errors[:, bits, axes].reshape(-1, len(axes))
    return x, ex


def _nearest(
    points: Sequence[Point], exponents: NDArray[np.int32], *, is_box: bool
) -> tuple[Floats, Floats]:
    """Return the floats of homogeneous points, with x_0 = 1 or as rays of size 1, and bounds."""
    units = exponents.tolist()
    x = np.empty((len(points), len(exponents)))
    ex = np.empty_like(x)
    for i, point in enumerate(points):
        length = int(point[0] if is_box else max(map(abs, point)))
        exact = [Fraction(int(t), length) for t in point]
        x[i], is_exact = zip(*map(_nearest_in_units, exact, units), strict=True)
        # As for the corners of a box.
        ex[i] = np.where(is_exact, 0.0, np.abs(x[i]) * NEAREST_ROUNDING + CORNER_FLOOR)
    return x, ex


def num_faces(domain: Domain) -> int:
    """Return the number of faces of a domain without its rows, of all dimensions."""
    return int(3**domain.dim if domain.box is not None else 2 ** (domain.dim + 2) - 3)

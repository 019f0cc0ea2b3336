"""The complex before the first neuron: the faces of boxes, or a fan that fills R^d.

Points are homogeneous: (x_0, x_0 x) with x_0 > 0 for the point x, and (0, u) for the direction u at
infinity. A box is the complex of its own faces; its floats are in units of powers of two, one an
axis, in which it is of size one, so that bounds of errors are relative to it. All of R^d is the
half-space x_0 >= 0 of cones, which is no pointed cone itself, so it starts as a fan of d + 1
simplicial cones: rays are the origin (1, 0) and the directions -(1, ..., 1), e_1, ..., e_d at
infinity, and each cone holds the origin and all directions but one. The walls between these cones
are not the network's; cells on both sides that have the same pattern are one region.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from exactbn.exact.rational import nearest_floats
from exactbn.model.domain import Domain

Floats = NDArray[np.float64]
Word = tuple[int, ...]

#: Relative bound of the error of the nearest float: twice what it is, so that rounding the bound
#: itself, to float32 even, cannot lower it below the error.
NEAREST_ROUNDING = 2.0 * 2.0**-53
#: Absolute part of the bound of a corner's coordinate that no float is, for denormal ones.
CORNER_FLOOR = 2.0**-1000


@dataclass(frozen=True, eq=False)
class Template:
    """The faces of one domain of dimension d, numbered within each dimension.

    ``facets[k - 1]``, shape (k-faces, facets of each), lists for every k-face its facets as
    numbers of (k-1)-faces; ``corners`` are the numbers by which exact coordinates are asked for.
    """

    sizes: tuple[int, ...]
    facets: tuple[NDArray[np.int64], ...]
    corners: NDArray[np.int64]


def template(domain: Domain) -> Template:
    """Return the faces of a domain before the first neuron."""
    return _fan(domain.dim) if domain.box is None else _cube(domain.dim)


def corner_point(domain: Domain, corner: int) -> tuple[fmpz, ...]:
    """Return the exact homogeneous integer coordinates of a corner, in lowest terms.

    Bit i of a box's corner says whether axis i is at hi. Of all of R^d, corner 0 is the origin,
    corner 1 the direction -(1, ..., 1), and corner 1 + i the direction e_i, i = 1 to d.
    """
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
        size = max(max(-box.lo[axis], box.hi[axis]) for box in boxes)
        # A number of m binary digits over one of n is over 2^(m - n - 1).
        exponent = size.numerator.bit_length() - size.denominator.bit_length()
        exponents[1 + axis] = exponent + (size > Fraction(2) ** exponent)
    return exponents


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


def corner_coordinates(domains: Sequence[Domain], corners: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the homogeneous float coordinates of all corners and bounds of their errors.

    Shape (domains x corners, 1 + d), in the units of :func:`axis_exponents`.
    """
    boxes = [domain.box for domain in domains if domain.box is not None]
    if not boxes:
        rays = [[int(t) for t in corner_point(domains[0], corner)] for corner in corners]
        x = np.tile(np.array(rays, dtype=np.float64), (len(domains), 1))
        return x, np.zeros_like(x)
    units = [Fraction(2) ** int(exponent) for exponent in axis_exponents(domains)[1:]]
    bounds = [
        tuple(t if unit == 1 else t / unit for t, unit in zip(bound, units, strict=True))
        for box in boxes
        for bound in (box.lo, box.hi)
    ]
    rounded = [nearest_floats(bound) for bound in bounds]
    nearest = np.array(rounded).reshape(len(domains), 2, -1)
    # Half a unit in the last place is at most u |x|; doubled, with room for denormals.
    inexact = np.array([[t != f for t, f in zip(*pair)] for pair in zip(bounds, rounded)])
    wrong = np.abs(nearest) * NEAREST_ROUNDING + CORNER_FLOOR
    errors = np.where(inexact.reshape(nearest.shape), wrong, 0.0)
    axes = np.arange(domains[0].dim)
    bits = np.array(corners)[:, None] >> axes & 1
    x = np.ones((len(domains) * len(bits), 1 + len(axes)))
    ex = np.zeros_like(x)
    x[:, 1:] = nearest[:, bits, axes].reshape(-1, len(axes))
    ex[:, 1:] = errors[:, bits, axes].reshape(-1, len(axes))
    return x, ex


def num_faces(domain: Domain) -> int:
    """Return the number of faces before the first neuron, of all dimensions."""
    return int(3**domain.dim if domain.box is not None else 2 ** (domain.dim + 2) - 3)


@cache
def _cube(d: int) -> Template:
    """Return the faces of the cube.

    A face is a word over {0, 1, *}: its stars are its free axes, and its facets replace one star
    by 0 or by 1. With the digit 2 for the star, words are numbers in base 3.
    """
    places = 3 ** np.arange(d)[::-1]
    digits = (np.arange(3**d)[:, None] // places % 3).astype(np.int8)
    dims = (digits == 2).sum(axis=1)
    words = [np.flatnonzero(dims == k) for k in range(d + 1)]
    number = np.empty(3**d, dtype=np.int64)
    for of_dim in words:
        number[of_dim] = np.arange(len(of_dim))
    facets = []
    for k in range(1, d + 1):
        stars = np.nonzero(digits[words[k]] == 2)[1].reshape(-1, k)
        # The digit 2 becomes 0 or 1.
        steps = np.multiply.outer(places[stars], (2, 1))
        facets.append(number[words[k][:, None] - steps.reshape(len(stars), -1)])
    corners = digits[words[0]].astype(np.int64) @ 2 ** np.arange(d)
    return Template(tuple(map(len, words)), tuple(facets), corners)


@cache
def _fan(d: int) -> Template:
    """Return the faces of the fan: a k-face is a set of k + 1 rays that lacks a direction.

    Ray 0 is the origin, the others are the directions; the facets of a face drop one ray.
    """
    words = [
        [rays for rays in combinations(range(d + 2), k + 1) if k < d or rays[0] == 0]
        for k in range(d + 1)
    ]

    def facets(word: Word) -> list[Word]:
        return [word[:i] + word[i + 1 :] for i in range(len(word))]

    index = [{word: i for i, word in enumerate(of_dim)} for of_dim in words]
    lists = tuple(
        np.array([[index[k - 1][facet] for facet in facets(word)] for word in words[k]])
        for k in range(1, len(words))
    )
    return Template(tuple(map(len, words)), lists, np.array([word[0] for word in words[0]]))

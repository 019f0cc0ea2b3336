"""Proven lower bounds, in floats, of the distances of a point to convex sets, many at once.

They say which sets need not be looked at exactly; no distance is one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite, nextafter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from exactbn.exact.rational import Vector, nearest_float, nearest_floats, sqrt_rounded

Floats = NDArray[np.float64]

#: What is taken off a bound, over (d + 2)^2 M, see :meth:`LowerBounds.of_point`.
SLACK = 2.0**-52
#: Lengths below this, over M, are no direction to go by.
SHORTEST = 2.0**-40
#: Makes good for the roundings of a length and of the quotient by it.
LENGTHENED = 1.0 + 2.0**-40
#: Directions that are tried for a set of more than two points.
_STEPS = 6


@dataclass(frozen=True, eq=False)
class LowerBounds:
    """The vertices of P sets as floats, in units of ``side`` from ``origin``.

    ``points``, shape (P, n, d): those of a set, the last one over and over where it has fewer.
    ``low`` and ``high``, shape (P, d), are the bounds of the coordinates of each set, infinite
    along a ray; ``has_rays``, shape (P,), says which sets have rays, and ``counts``, shape (P,),
    how many points each has.
    """

    origin: Vector
    side: Fraction
    points: Floats
    low: Floats
    high: Floats
    has_rays: NDArray[np.bool_]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, sets: Sequence[Sequence[int]], points: dict[int, Vector], rays: dict[int, Vector]
    ) -> "LowerBounds":
        """Return them for sets of generators, which are points or rays by their numbers."""
        columns = list(zip(*points.values(), strict=True))
        origin = tuple(map(min, columns))
        extents = [max(column) - lo for column, lo in zip(columns, origin, strict=True)]
        side = max(extents) or Fraction(1)
        scaled = {v: _scaled(x, origin, side) for v, x in points.items()}
        counts = np.array([sum(v in points for v in own) for own in sets])
        most = int(counts.max())
        ends = np.empty((len(sets), most, len(origin)))
        for row, own in zip(ends, sets, strict=True):
            known = [scaled[v] for v in own if v in points]
            row[:] = known + [known[-1]] * (most - len(known))
        low, high = ends.min(axis=1), ends.max(axis=1)
        has_rays = np.zeros(len(sets), dtype=np.bool_)
        for i, own in enumerate(sets):
            for v in own:
                if v in rays:
                    has_rays[i] = True
                    for axis, t in enumerate(rays[v]):
                        low[i, axis] = -inf if t < 0 else low[i, axis]
                        high[i, axis] = inf if t > 0 else high[i, axis]
        return cls(origin, side, ends, low, high, has_rays, counts)

    def of_point(self, x: Vector) -> Floats:
        """Return lower bounds, >= 0, of the distances of ``x`` to all sets, in units of ``side``.

        Notes
        -----
        For every vector u with |u| <= 1 and every y of a set, |x - y| >= u (x - y). Over the hull
        of points the least u (x - y) is at one of them. Over a set of which only bounds of the
        coordinates are known it is at least sum |u_i| g_i, where u_i has the sign of x_i - y_i and
        g_i >= 0 is how far x_i is from the bounds. Which u is taken does not matter to that, so its
        own errors do not. For hulls u is sought by the steps of Frank and Wolfe: from a point p of
        the hull, u is along x - p, and the next p is nearest to x on the way to the point that is
        least along u. A set with rays is known by its bounds only.

        |u| <= 1: u = g / (|g| (1 + 2^-40)) for a vector g of floats with |g| >= 2^-40 M, and M >= 1
        is at least the size of every coordinate. The computed |g| is right to a factor
        1 +- (d + 2) 2^-53, as squares that underflow are lost without harm, which is less than
        2^-40 in any dimension that there is; so u, the exact quotient, is no longer than 1.

        Errors. A coordinate is off by 2^-53 M at most, so the difference of two by 2^-52 M, and
        4 2^-53 M with its rounding. The sum of d products g_i w_i with |w_i| <= 2 M is then off by
        4 2^-53 M sqrt(d) |g| and, whatever the order of its additions and whether products are
        rounded, by d 2^-53 2 M sqrt(d) |g| (1 + 2^-50); over |g| that is less than
        2^-53 M (4 d + 2 d^2 + 1). The quotient, at most 2 M sqrt(d), is rounded by 2^-53 of it and
        so is the difference after the slack is taken off: 2^-53 M 4 d more. Together less than
        2^-53 M (2 d^2 + 8 d + 1) < 2^-52 M (d + 2)^2, the slack.
        """
        at = np.array(_scaled(x, self.origin, self.side))
        size = max(1.0, float(np.abs(at).max()))
        if not isfinite(size * size):
            return np.zeros(len(self.points))
        slack = SLACK * size * (len(at) + 2) ** 2
        gaps = np.maximum(np.maximum(self.low - at, at - self.high), 0.0)
        length = np.linalg.norm(gaps, axis=1)
        bounds = _quotients((gaps * gaps).sum(axis=1), length, size)
        # What is farther than the nearest vertex seems to be need not be known better.
        reach = np.linalg.norm(self.points - at, axis=2).min()
        near = np.flatnonzero(~self.has_rays & (bounds <= reach))
        if len(near):
            bounds[near] = np.maximum(bounds[near], self._along_directions(at, near, size))
        return np.asarray(np.maximum(bounds - slack, 0.0))

    def seeming_support(self, i: int, x: Vector) -> list[int]:
        """Return the points of set ``i``, by their places, of which its nearest to x seems made.

        The nearest of them comes first. Of w_1, ..., w_n >= 0 that make
        |sum w_k (v_k - x)|^2 + (1 - sum w_k)^2 least, w / sum w are the weights of the nearest
        point of a hull: with p = sum w_k (v_k - x) / s, s = sum w_k, that is
        s^2 |p|^2 + (1 - s)^2, whose least over s grows with |p|. Nothing rests on it.
        """
        points = self.points[i, : self.counts[i]]
        at = np.array(_scaled(x, self.origin, self.side))
        w = points - at
        lengths = np.linalg.norm(w, axis=1)
        if not np.isfinite(lengths).all():
            return [0]
        first = int(lengths.argmin())
        if self.has_rays[i] or len(w) == 1:
            return [first]
        size = max(float(lengths[first]), SHORTEST)
        matrix = np.vstack((w.T / size, np.ones(len(w))))
        try:
            weights, _ = nnls(matrix, np.append(np.zeros(len(at)), 1.0))
        except RuntimeError:  # too many steps
            return [first]
        found = np.flatnonzero(weights > 0)
        return found[np.argsort(lengths[found], kind="stable")].tolist() or [first]

    def _along_directions(self, at: Floats, sets: NDArray[np.int64], size: float) -> Floats:
        """Return the greatest of the bounds that some directions give for hulls of points."""
        w = self.points[sets] - at
        rows = np.arange(len(w))
        g = w[rows, (w * w).sum(axis=2).argmin(axis=1)]
        best = np.zeros(len(w))
        for _ in range(_STEPS if w.shape[1] > 2 else 2):
            products = np.einsum("pnd,pd->pn", w, g)
            length = np.linalg.norm(g, axis=1)
            best = np.maximum(best, _quotients(products.min(axis=1), length, size))
            way = w[rows, products.argmin(axis=1)] - g
            squared = (way * way).sum(axis=1)
            reach = -(g * way).sum(axis=1)
            # Any place on the way does.
            t = np.divide(reach, squared, out=np.zeros_like(reach), where=squared > 0)
            g = g + np.clip(t, 0.0, 1.0)[:, None] * way
        return best


def _quotients(products: Floats, lengths: Floats, size: float) -> Floats:
    """Return u w for u along vectors of given lengths, 0 where these are too short."""
    is_long = lengths >= SHORTEST * size
    return np.where(is_long, products / np.where(is_long, lengths * LENGTHENED, 1.0), 0.0)


def root_enclosure(squared: Fraction) -> tuple[float, float]:
    """Return (middle, radius) in floats: the root of a fraction >= 0 is within radius of middle.

    (0, inf) where it is beyond the range of floats.

    >>> root_enclosure(Fraction(9, 4)), root_enclosure(Fraction(2))[1] < 3e-16
    ((1.5, 0.0), True)
    """
    root = sqrt_rounded(squared)
    # The root is right to a factor 1 +- 2^-53, before it is put into the range of floats.
    wrong = Fraction(0) if root * root == squared else root / 2**53
    return enclosure(root, wrong)


def enclosure(value: Fraction, wrong: Fraction) -> tuple[float, float]:
    """Return (middle, radius) in floats of what is within ``wrong`` of a fraction."""
    middle = nearest_float(value.numerator, value.denominator)
    if not isfinite(middle):
        return 0.0, inf
    wrong += abs(value - Fraction(middle))
    radius = nearest_float(wrong.numerator, wrong.denominator)
    if isfinite(radius) and Fraction(radius) < wrong:
        radius = nextafter(radius, inf)
    return middle, radius


def _scaled(x: Vector, origin: Vector, side: Fraction) -> list[float]:
    """Return a point in the units of the sets, each number the nearest float."""
    return nearest_floats([(t - lo) / side for t, lo in zip(x, origin, strict=True)])

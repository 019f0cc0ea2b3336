"""How far a point of a domain is from the border of the domain, exact."""

from fractions import Fraction

from exactbn.exact.rational import Vector, dot
from exactbn.model.domain import Domain


def squared_room(domain: Domain, x: Vector) -> Fraction | None:
    """Return the squared distance of a point of a domain to its border; None of all of R^d.

    >>> squared_room(Domain.cut(Domain.space(2), ([[3, 4]], [5])), (Fraction(0), Fraction(0)))
    Fraction(1, 1)
    """
    # The distance to the hyperplane of a row that bounds nothing is no less than that to others.
    rows = zip(domain.matrix, domain.bounds, strict=True)
    squares = [(b - dot(a, x)) ** 2 / dot(a, a) for a, b in rows]
    if domain.box is not None:
        ends = zip(x, domain.box.lo, domain.box.hi, strict=True)
        squares.append(min(min(t - lo, hi - t) for t, lo, hi in ends) ** 2)
    return min(squares, default=None)

"""A first point strictly inside a domain, or the proof that it has none: it is empty, or flat.

Let P_k be the points of the box, or of R^d, where rows 1, ..., k are >= 0. From a point strictly
inside P_(k-1) a program finds one where row k is > 0, and one strictly inside P_k between both. If
there is none, row k is <= 0 on P_(k-1): P_k is the part of it where row k is zero, and so is flat
or empty. Which it is the same question tells on that hyperplane, in one unknown less: the row gives
an unknown as an affine function of the others. What is constant there is kept or empties it. In the
end either all rows have a common point strictly inside on an affine space, the domain is flat; or a
row that is constant on one is < 0, and it is empty.

In homogeneous coordinates, without a box, the same holds of the cones over the P_k, whose points
with x_0 > 0 are dense where they have some strictly inside.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from flint import fmpz

from exactbn.engines.lp.exact import Empty, Program, Row, decide, inner_point
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.witnesses import between, on_grid, value_at
from exactbn.engines.no_interior import is_empty, is_flat
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import InputError
from exactbn.exact.rational import Vector
from exactbn.model.domain import Box, Domain

# The number of a row that is a side of the box: it comes before all rows of the domain.
_SIDE = -1


def first_witness(domain: Domain, exact: ExactForms, budget: Budget = UNLIMITED) -> Vector:
    """Return a point strictly inside the domain, found row by row; without a box (x_0, x).

    Raises
    ------
    InputError
        If the domain is empty, or has points but no interior.
    LimitError
        When the seconds of the budget are spent.
    """
    start = (Fraction(1), *(Fraction(0),) * domain.dim)
    if domain.box is not None:
        start = _middle(domain.box)
    question = _Question(tuple(enumerate(exact.domain_rows())), exact.program(()), start)
    found = question.answer(budget)
    if isinstance(found, int):
        raise _why_none(domain, question, found, budget)
    return found


def _middle(box: Box) -> Vector:
    """Return a point inside a box, near its centre, short where that is possible."""
    x = tuple((lo + hi) / 2 for lo, hi in zip(box.lo, box.hi, strict=True))
    return next(
        point for bits in (0, 2, 5, 10, 20, 40, None)
        if box.has_inside(point := on_grid(x, bits))
    )  # fmt: skip


@dataclass(frozen=True)
class _Question:
    """Rows with their numbers, the bounds of their unknowns, a point strictly inside these."""

    rows: tuple[tuple[int, Row], ...]
    bounds: Program
    start: Vector

    def answer(self, budget: Budget) -> Vector | int:
        """Return a point where all rows are > 0, or the place of the first that cannot be."""
        x = self.start
        for k, (_, row) in enumerate(self.rows):
            if value_at(row, x) > 0:
                continue
            before = replace(self.bounds, rows=tuple(other for _, other in self.rows[:k]))
            point, denominator = inner_point(x, cone=before.cone)
            found = decide(before, row, point, denominator, budget)
            if isinstance(found, Empty):
                return k
            x = between(before, row, x, found, budget)
        return x

    def on_hyperplane(self, zero: Row) -> "_Question":
        """Return the question where a row that is not constant is zero, an unknown less.

        Rows that are zero throughout are left out. The bounds of the unknown become rows, but in a
        cone, where they are no part of the question.
        """
        cone = int(self.bounds.cone)
        i = next(i for i in range(1 + cone, len(zero)) if zero[i] != 0)
        turn = 1 if zero[i] > 0 else -1

        def less(row: Row) -> Row:
            # |zero_i| times the row, where zero_i x_i is minus the rest of the zero row.
            pairs = zip(row, zero, strict=True)
            entries = [int(abs(zero[i]) * s - turn * row[i] * t) for s, t in pairs]
            content = gcd(*entries) or 1
            return tuple(fmpz(t // content) for k, t in enumerate(entries) if k != i)

        sides = self.bounds.bounds
        own = () if cone else sides[2 * i - 2 : 2 * i]
        rows = [(n, less(row)) for n, row in (*((_SIDE, row) for row in own), *self.rows)]
        # Those of the other unknowns do not have this one in them.
        others = (*sides[: 2 * i - 2], *sides[2 * i :])
        kept = tuple((*row[:i], *row[i + 1 :]) for row in others)
        start = (*self.start[: i - 1], *self.start[i:])
        return _Question(
            tuple((n, row) for n, row in rows if any(row)), replace(self.bounds, bounds=kept), start
        )


def _why_none(domain: Domain, question: _Question, place: int, budget: Budget) -> InputError:
    """Return the error that a domain has no interior: its row at ``place`` is > 0 nowhere."""
    first = last = place
    found: Vector | int = place
    while isinstance(found, int):
        number, row = question.rows[found]
        # Rows up to the last have no common point, or those before it have one.
        last = max(last, number)
        if not any(row[1 + int(question.bounds.cone) :]):
            return is_empty(domain, domain.matrix[last], domain.bounds[last])
        question = question.on_hyperplane(row)
        found = question.answer(budget)
    return is_flat(domain, domain.matrix[first], domain.bounds[first])

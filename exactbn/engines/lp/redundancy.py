"""Which of many rows bound a polyhedron, in integers, by programs of the rows that do.

Let P be the points where rows r_1, ..., r_n >= 0 and those of the domain are, no two of them
positive multiples, x strictly inside of it. Row k bounds P if some point has r_k < 0 and all others
> 0. To be decided for each k, by programs with a few rows instead of n (K. Clarkson, *More
output-sensitive geometric algorithms*, FOCS 1994):

*A set E of rows* grows from nothing. If no point where E is >= 0 has r_k < 0, row k bounds nothing,
and the multipliers are a proof that needs rows of E alone. Else let y be such a point. On the way
from x to y some rows vanish first, row k or others before it; they are not in E, since these are
positive up to y. They go into E, and k is asked about again. So E grows each time, and at the end
P is where E is >= 0.

*Row k of E* bounds P just if some y has r_k < 0 where E without k is >= 0: on the way from x to y
let c be where r_k vanishes. There E without k is positive, so that c and all points near it with
r_k = 0 are in P. Another row that vanished at c would do so on all of these, as it is >= 0, and be
a multiple. So all others are positive at c and up to the next one that vanishes on the way. If
there is no y, E without k is enough, and P is still where E is >= 0.
"""

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpz

from exactbn.engines.lp.exact import Above, Empty, Row, decide, value
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.witnesses import over_common
from exactbn.engines.run import Budget
from exactbn.exact.rational import Vector


def classes_of(forms: Sequence[Row], offset: int) -> tuple[list[list[int]], bool]:
    """Return the neurons of a region by hyperplanes, and whether the region is degenerate.

    Degenerate: a form is zero, or two forms that are not constant are multiples. ``offset`` is 1
    in a cone.
    """
    found: dict[tuple[Fraction, ...], list[int]] = {}
    has_zero = False
    for neuron, row in enumerate(forms):
        if not any(row):
            has_zero = True
        lead = next((t for t in row[1 + offset :] if t != 0), None)
        if lead is not None:
            unit = tuple(Fraction(int(t), int(lead)) for t in row)
            found.setdefault(unit, []).append(neuron)
    groups = list(found.values())
    return groups, has_zero or any(len(members) > 1 for members in groups)


def bounding_rows(
    exact: ExactForms, rows: Sequence[Row], x: Vector, budget: Budget
) -> list[Empty | Above]:
    """Return of each row a point beyond it, or the proof that it does not bound the polyhedron.

    ``rows`` are positive at ``x``, which is strictly in the domain, and no two are multiples. A
    point has all other rows >= 0, and those of the domain. Multipliers are those of the domain's
    rows and then of ``rows``, in their order.

    Raises
    ------
    LimitError
        When the seconds of the budget are spent.
    """
    question = _Question(exact, rows, x, budget)
    kept: list[int] = []
    answers: dict[int, Empty | Above] = {}
    for k in range(len(rows)):
        while k not in kept:
            answer = question.beyond(k, kept)
            if isinstance(answer, Empty):
                answers[k] = answer
                break
            kept += question.first_met(answer)
    for k in tuple(kept):
        others = [other for other in kept if other != k]
        answer = question.beyond(k, others)
        if isinstance(answer, Empty):
            kept = others
        else:
            answer = question.shortened(answer, k)
        answers[k] = answer
    return [answers[k] for k in range(len(rows))]


class _Question:
    """The rows of a polyhedron seen from a point strictly inside of it."""

    def __init__(
        self, exact: ExactForms, rows: Sequence[Row], x: Vector, budget: Budget
    ) -> None:
        self.exact, self.rows, self.budget = exact, rows, budget
        self.domain_rows = exact.domain_rows()
        self.point, self.denominator = exact.point(x)
        self.here = [value(row, self.point, self.denominator) for row in rows]

    def beyond(self, k: int, kept: Sequence[int]) -> Empty | Above:
        """Return a point where row k is < 0 and the kept ones are >= 0, or why there is none."""
        base = len(self.domain_rows)
        program = self.exact.program([*self.domain_rows, *(self.rows[j] for j in kept)])
        f = tuple(-t for t in self.rows[k])
        answer = decide(program, f, self.point, self.denominator, self.budget)
        if isinstance(answer, Above):
            return answer
        names = [*range(base), *(base + j for j in kept)]
        return Empty(answer.factor, {names[r]: t for r, t in answer.multipliers.items()})

    def first_met(self, answer: Above) -> list[int]:
        """Return the rows that vanish first on the way to a point where some are < 0."""
        there = self._there(answer)
        first = min(there.values())
        return [k for k, ratio in there.items() if ratio == first]

    def shortened(self, answer: Above, k: int) -> Above:
        """Return the last point on the way where all rows but k are >= 0."""
        there = self._there(answer)
        del there[k]
        if not there:
            return answer
        # The row that is s inside and ratio * s < 0 there vanishes at 1 / (1 - ratio) of the way;
        # the ratios here are over by the factor of the denominators.
        ratio = min(there.values()) * int(self.denominator) / int(answer.denominator)
        share = 1 / (1 - ratio)
        inside = [Fraction(int(t), int(self.denominator)) for t in self.point]
        far = [Fraction(int(t), int(answer.denominator)) for t in answer.point]
        point = [s + share * (t - s) for s, t in zip(inside, far, strict=True)]
        numerators, common = over_common(point)
        return Above(tuple(numerators), fmpz(common))

    def _there(self, answer: Above) -> dict[int, Fraction]:
        """Return the numerators of the negative rows at a point over those at the inner one."""
        found = {}
        for k, (row, here) in enumerate(zip(self.rows, self.here, strict=True)):
            there = value(row, answer.point, answer.denominator)
            if there < 0:
                found[k] = Fraction(int(there), int(here))
        return found

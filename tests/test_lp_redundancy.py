"""Which rows bound a polyhedron: few rows at a time say the same as all of them at once."""

from fractions import Fraction

import pytest
from flint import fmpz
from hypothesis import given
from hypothesis import strategies as st

from exactbn.engines.lp.exact import Above, Empty, Row, decide, is_proof, value
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.redundancy import bounding_rows
from exactbn.engines.run import UNLIMITED
from exactbn.errors import LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network

# Small numbers, so that many rows meet in one point and touch the polyhedron in a vertex or edge.
small = st.integers(-2, 2)


def question(d: int, domain: Domain) -> ExactForms:
    """Return the programs of a domain; the network plays no part."""
    return ExactForms(Network.from_arrays([[[1] * d], [[1]]], [[0], [0]]), domain)


def normal(row: Row) -> tuple[Fraction, ...] | None:
    """Return what multiples have in common, None for a row without a gradient."""
    lead = next((t for t in row[1:] if t != 0), None)
    return None if lead is None else tuple(Fraction(int(t), int(lead)) for t in row)


def check(exact: ExactForms, rows: list[Row], x: tuple[Fraction, ...]) -> int:
    """Check every answer against the program of all rows, and return how many rows bound."""
    domain_rows, count = exact.domain_rows(), 0
    for k, answer in enumerate(bounding_rows(exact, rows, x, UNLIMITED)):
        others = [row for i, row in enumerate(rows) if i != k]
        f = tuple(-t for t in rows[k])
        whole = exact.program([*domain_rows, *others])
        expected = decide(whole, f, *exact.point(x))
        assert type(answer) is type(expected)
        if isinstance(answer, Empty):
            base = len(domain_rows)
            assert base + k not in answer.multipliers
            assert is_proof(exact.program([*domain_rows, *rows]), f, answer)
        else:
            count += 1
            assert answer.denominator > 0
            assert value(f, answer.point, answer.denominator) > 0
            bounds = whole.bounds[:1] if whole.cone else whole.bounds
            for row in (*bounds, *whole.rows):
                assert value(row, answer.point, answer.denominator) >= 0
    return count


@given(
    st.lists(st.tuples(small, small, small), min_size=1, max_size=9),
    st.lists(st.tuples(small, small, st.integers(1, 3)), max_size=2),
    st.booleans(),
)
def test_rows_that_bound_are_those_of_the_whole_program(lines, cuts, is_space):
    """Rows positive at a point; in a square, perhaps cut, or as a cone over the plane."""
    if is_space:
        domain, x = Domain.space(2), (Fraction(1), Fraction(0), Fraction(0))
    else:
        box = Box.of(-2, 2, 2)
        domain = Domain.cut(box, ([row[:2] for row in cuts], [row[2] for row in cuts]))
        x = (Fraction(0), Fraction(0))
    exact = question(2, domain)
    rows: dict[object, Row] = {}
    for c, a, b in lines:
        entries = [fmpz(t) for t in ((0, c, a, b) if is_space else (c, a, b))]
        here = c * (1 if c > 0 else -1)
        if here and (a or b):
            row = tuple(t if c > 0 else -t for t in entries)
            rows.setdefault(normal(row), row)
    check(exact, list(rows.values()), x)


def test_rows_that_touch_do_not_bound() -> None:
    """Of the sides of a square, lines through a corner, and one that is met first by the way."""
    exact = question(2, Domain.of(Box.of(-9, 9, 2)))
    sides = [(1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1)]
    corner = [(2, 1, 1), (3, 1, 2), (3, 2, 1)]
    far = [(5, 1, 0), (7, 1, 3)]
    rows = [tuple(map(fmpz, row)) for row in (*corner, *far, *sides)]
    zero = (Fraction(0),) * 2
    assert check(exact, rows, zero) == 4
    # A point beyond a side reaches to the next row on the way, not to the box.
    answers = bounding_rows(exact, rows, zero, UNLIMITED)
    assert all(isinstance(answer, Above) for answer in answers[-4:])


def test_seconds_of_a_budget_end_it() -> None:
    class Late:
        def check_time(self) -> None:
            raise LimitError("the budget is spent")

    exact = question(1, Domain.of(Box.of(-2, 2, 1)))
    with pytest.raises(LimitError):
        bounding_rows(exact, [(fmpz(1), fmpz(1))], (Fraction(0),), Late())  # type: ignore[arg-type]

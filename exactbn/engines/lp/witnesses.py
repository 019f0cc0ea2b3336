"""Points that integers find: strictly inside a polyhedron, and short where that is possible."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, lcm

from flint import fmpz

from exactbn.engines.lp.exact import Above, Empty, Program, Row, decide, greatest, value
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import InputError, InternalError
from exactbn.exact.rational import Vector
from exactbn.model.domain import Domain
from exactbn.wording import counted

#: Digits of a witness that is looked for in integers.
BITS = (4, 8, 12, 18, 26, 40, 60, 90, 140, 300, 700, 1500, 4000, 7000, 10000)


def first_witness(domain: Domain, exact: ExactForms, budget: Budget = UNLIMITED) -> Vector:
    """Return a point strictly inside the domain, found row by row.

    Raises
    ------
    InputError
        If the domain is empty, or has points but no interior.
    LimitError
        When the seconds of the budget are spent.
    """
    box = domain.box
    if box is None:
        return (Fraction(1), *(Fraction(0),) * domain.dim)
    x = tuple((lo + hi) / 2 for lo, hi in zip(box.lo, box.hi, strict=True))
    x = next(
        point for bits in (0, 2, 5, 10, 20, 40, None)
        if box.has_inside(point := on_grid(x, bits))
    )  # fmt: skip
    all_rows = exact.domain_rows()
    rows: list[Row] = []
    for row in all_rows:
        program = exact.program(rows)
        answer = decide(program, row, *exact.point(x), budget)
        if isinstance(answer, Empty):
            common = "no common point" if _is_empty(exact, all_rows, x, budget) else "no interior"
            what = "empty" if common == "no common point" else "flat"
            raise InputError(
                f"the polytope is {what}: the box and the {counted(len(all_rows), 'row')} A x <= b "
                f"that bound something have {common}, expected points with A x < b inside the box"
            )
        if not value(row, *exact.point(x)) > 0:
            x = between(program, row, x, answer, budget)
        rows.append(row)
    return x


def _is_empty(exact: ExactForms, rows: Sequence[Row], x: Vector, budget: Budget) -> bool:
    """Return whether no point of the box has all rows >= 0, where x is strictly inside the box.

    With one more unknown t that is added to every row, there is such a point if and only if the
    least t is not positive; and where t is large enough x is strictly inside.
    """
    top = max(0, *(ceil(-value_at(row, x)) for row in rows)) + 2
    zeros = (fmpz(0),) * len(x)
    bounds = [(*bound, fmpz(0)) for bound in exact.program(()).bounds]
    bounds += [(fmpz(1), *zeros, fmpz(1)), (fmpz(top), *zeros, fmpz(-1))]
    program = Program(tuple((*row, fmpz(1)) for row in rows), tuple(bounds), False)
    f = (fmpz(0), *zeros, fmpz(-1))
    answer = decide(program, f, *exact.point((*x, Fraction(top - 1))), budget)
    return isinstance(answer, Empty) and greatest(program, f, answer) < 0


def between(
    program: Program, f: Row, inside: Vector, above: Above, budget: Budget = UNLIMITED
) -> Vector:
    """Return a point strictly inside with f > 0, short where that is possible.

    It lies between a point inside where f <= 0 and a point of the closed polyhedron where f > 0,
    in the middle of what is beyond zero.
    """
    far = [Fraction(int(t), int(above.denominator)) for t in above.point]
    here, there = value_at(f, inside), value_at(f, far)
    t = (1 - here / (there - here)) / 2
    middle = tuple(a + t * (b - a) for a, b in zip(inside, far, strict=True))
    rows = (*program.rows, f)
    for bits in BITS:
        budget.check_time()
        x = on_grid(middle, bits)
        if is_strictly_inside(program, rows, x):
            return x
    if not is_strictly_inside(program, rows, middle):
        raise InternalError("a witness found in integers is none; please report this network")
    return middle


def moved(program: Program, row: Row, x: Vector) -> Vector:
    """Return a point strictly inside near x where the row, which is zero at x, is not zero."""
    cone = int(program.cone)
    # Unequal steps, so that few other forms that vanish at x vanish at the new point.
    steps = [Fraction(0)] * cone + [
        Fraction(16 + (7 * i * i + 5 * i + 3) % 16, 16) for i in range(len(x) - cone)
    ]
    if _slope(row, steps) == 0:
        lead = next(i for i in range(cone, len(x)) if row[1 + i] != 0)
        steps[lead] += Fraction(1, 32)
    # Half of the way to the first row that becomes zero, as a power of two.
    limit = max([Fraction(1), *map(abs, x)])
    for other in _strict_rows(program, program.rows):
        slope = _slope(other, steps)
        if slope < 0:
            limit = min(limit, value_at(other, x) / -slope)
    exponent = limit.numerator.bit_length() - limit.denominator.bit_length() - 2
    length = Fraction(2) ** exponent
    new = tuple(s + length * t for s, t in zip(x, steps, strict=True))
    if value_at(row, new) == 0 or not is_strictly_inside(program, program.rows, new):
        raise InternalError("a witness could not be moved; please report this network")
    return new


def is_strictly_inside(program: Program, rows: Sequence[Row], x: Vector) -> bool:
    """Return whether rows and bounds are positive at x (of a cone only x_0 > 0 is asked)."""
    point, common = over_common(x)
    return all(value(row, point, common) > 0 for row in _strict_rows(program, rows))


def over_common(x: Sequence[Fraction]) -> tuple[list[fmpz], int]:
    """Return a vector as numerators and their positive common denominator."""
    common = lcm(*(t.denominator for t in x))
    return [fmpz(t.numerator * (common // t.denominator)) for t in x], common


def _strict_rows(program: Program, rows: Sequence[Row]) -> list[Row]:
    """Return the rows and bounds that must be positive strictly inside."""
    bounds = program.bounds[:1] if program.cone else program.bounds
    return [row for row in (*bounds, *rows) if any(row[1:]) or row[0] <= 0]


def _slope(row: Row, step: Sequence[Fraction]) -> Fraction:
    """Return a step's gain, without the terms that are zero: bounds have one."""
    return sum((int(a) * t for a, t in zip(row[1:], step, strict=True) if a != 0), Fraction(0))


def named(proof: Empty, neuron: int, names: Sequence[int]) -> dict[int, int]:
    """Return multipliers by the names of their rows."""
    return {neuron: proof.factor} | {names[r]: t for r, t in proof.multipliers.items()}


def value_at(row: Row, x: Sequence[Fraction]) -> Fraction:
    """Return the value of a row at a point."""
    return int(row[0]) + _slope(row, x)


def on_grid(x: Vector, bits: int | None) -> Vector:
    """Return a point rounded to binary digits after the point; None rounds nothing."""
    return x if bits is None else tuple(Fraction(round(t * 2**bits), 2**bits) for t in x)

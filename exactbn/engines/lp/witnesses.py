"""Points that integers find: strictly inside a polyhedron, and short where that is possible."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from flint import fmpz

from exactbn.engines.lp.exact import Above, Empty, Program, Row, value
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import InternalError
from exactbn.exact.rational import Vector

#: Digits of a witness that is looked for in integers.
BITS = (4, 8, 12, 18, 26, 40, 60, 90, 140, 300, 700, 1500, 4000, 7000, 10000)


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

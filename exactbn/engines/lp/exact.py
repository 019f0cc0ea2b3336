"""Linear programs in integers: what floating point leaves open is settled here.

A row is a tuple of integers (constant, coefficients) of an affine form in D unknowns. In a box
the unknowns are x; without one they are (x_0, x) and every constant is 0, so that x_0 > 0 is a
row like others and the answer for the cone is the answer for R^d, cut by rows or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from flint import fmpz, fmpz_mat

from exactbn.engines.run import UNLIMITED, Budget
from exactbn.exact.rational import Vector

# Rows of a pivot between two looks at the clock.
_ROWS_BETWEEN_LOOKS = 64

Row = tuple[fmpz, ...]


@dataclass(frozen=True)
class Program:
    """The polyhedron where all ``rows`` are >= 0, bounded by ``bounds``, lower and upper in turn.

    Bound 2 i and 2 i + 1 are the lower and the upper one of unknown i. In a ``cone`` only bound 0,
    x_0 >= 0, is a part of the question; the others keep the programs bounded.
    """

    rows: tuple[Row, ...]
    bounds: tuple[Row, ...]
    cone: bool


@dataclass(frozen=True)
class Empty:
    """Proof that f > 0 nowhere: factor * f + sum of multipliers times rows <= 0 in the box."""

    factor: int
    multipliers: dict[int, int]


@dataclass(frozen=True)
class Optimum:
    """The greatest value of a form, and a point where it has it, numerators over a denominator."""

    value: Fraction
    point: tuple[fmpz, ...]
    denominator: fmpz


@dataclass(frozen=True)
class Above:
    """A point of the closed polyhedron with f > 0, as numerators and a positive denominator."""

    point: tuple[fmpz, ...]
    denominator: fmpz


def cone_bounds(unknowns: int) -> tuple[Row, ...]:
    """Return the bounds of a program in a cone: x_0 >= 0, and the cube that they lie in."""
    units = [[fmpz(int(i == k)) for k in range(unknowns)] for i in range(unknowns)]
    rows: list[Row] = []
    for i, unit in enumerate(units):
        rows += [(fmpz(min(i, 1)), *unit), (fmpz(1), *(-t for t in unit))]
    return tuple(rows)


def inner_point(x: Vector, *, cone: bool) -> tuple[list[fmpz], fmpz]:
    """Return a point as the numerators of the unknowns and a positive denominator.

    A point of a cone is shortened so that it lies inside the cube that bounds the programs.
    """
    common = lcm(*(t.denominator for t in x))
    values = [int(t * common) for t in x]
    if cone:
        common = 2 * max(map(abs, values))
    return list(map(fmpz, values)), fmpz(common)


def value(row: Row, point: Sequence[fmpz | int], denominator: fmpz | int) -> fmpz:
    """Return ``denominator`` times the value of a row at a point."""
    total = row[0] * denominator
    for a, t in zip(row[1:], point, strict=True):
        if a != 0:
            total += a * t
    return total


def is_proof(program: Program, f: Row, proof: Empty) -> bool:
    """Return whether factor * f + sum multipliers * rows is <= 0 on the whole box, or cone."""
    if proof.factor <= 0 or any(t <= 0 for t in proof.multipliers.values()):
        return False
    if not program.cone:
        return greatest(program, f, proof) <= 0
    total = _combined(program, f, proof)
    return total[1] <= 0 and not any(total[2:]) and total[0] <= 0


def greatest(program: Program, f: Row, proof: Empty) -> Fraction:
    """Return the greatest value of f plus the rows times multiplier / factor in the box.

    No value of f in the polyhedron is greater, and where the proof is that of an optimal basis it
    is the greatest one.
    """
    constant, *gradient = _combined(program, f, proof)
    most = Fraction(int(constant))
    for i, t in enumerate(gradient):
        if t != 0:
            bound = program.bounds[2 * i + (t > 0)]
            most += int(t) * Fraction(-int(bound[0]), int(bound[1 + i]))
    return most / proof.factor


def _combined(program: Program, f: Row, proof: Empty) -> list[fmpz]:
    """Return factor * f + sum multipliers * rows."""
    total = [proof.factor * t for t in f]
    for r, factor in proof.multipliers.items():
        total = [s + factor * t for s, t in zip(total, program.rows[r], strict=True)]
    return total


def from_basis(program: Program, f: Row, basis: Sequence[int]) -> Empty | None:
    """Return the proof that a vertex promises, or None where it does not keep the promise.

    ``basis`` are the active constraints of the vertex: a row r >= 0, or -1 - k for bound k. Where
    no bound is active the combined gradient must vanish, which fixes the multipliers.
    """
    rows = [r for r in basis if r >= 0]
    held = {(-1 - r) // 2 for r in basis if r < 0}
    free = [i for i in range(len(f) - 1) if i not in held]
    if len(free) != len(rows):
        return None
    multipliers: dict[int, int] = {}
    factor = 1
    if rows:
        matrix = fmpz_mat([[program.rows[r][1 + i] for r in rows] for i in free])
        try:
            solution = matrix.solve(fmpz_mat([[-f[1 + i]] for i in free]))
        except ZeroDivisionError:
            return None
        numerators, denominator = solution.numer_denom()  # type: ignore[attr-defined]
        factor = int(denominator)
        multipliers = {r: int(t) for r, t in zip(rows, numerators.entries(), strict=True) if t != 0}
    proof = _reduced(factor, multipliers)
    return proof if is_proof(program, f, proof) else None


def decide(
    program: Program,
    f: Row,
    inside: Sequence[fmpz],
    denominator: fmpz,
    budget: Budget = UNLIMITED,
) -> Empty | Above:
    """Decide whether f > 0 somewhere in a polyhedron, from a point strictly inside of it.

    The simplex method in the dictionary of the slacks, with Bland's rule, in integers: all entries
    have one common denominator, which divides exactly after every pivot (J. Edmonds, *Systems of
    distinct representatives and linear algebra*, J. Res. Nat. Bur. Standards 71B (1967)).

    Raises
    ------
    LimitError
        When the seconds of the budget are spent; it is asked within every pivot.
    """
    constraints = (*program.rows, *program.bounds)
    D = len(f) - 1
    # Columns: the constant, then D unknowns, first the coordinates seen from the inner point, which
    # are free, then slacks in their places.
    table = [[value(row, inside, denominator), *row[1:]] for row in constraints]
    table.append([value(f, inside, denominator), *f[1:]])
    basic: list[int] = list(range(len(constraints)))
    outside: list[int | None] = [None] * D
    common = fmpz(1)
    for q in range(D):
        if table[-1][0] > 0:
            break
        common = _pivot(table, basic, outside, q, common, budget)
    while table[-1][0] <= 0:
        candidates = [
            (name, q) for q, name in enumerate(outside) if name is not None and table[-1][1 + q] > 0
        ]
        if not candidates:
            costs = {n: -int(t) for n, t in zip(outside, table[-1][1:], strict=True) if t != 0}
            rows = {n: t for n, t in costs.items() if n is not None and n < len(program.rows)}
            return _reduced(int(common), rows)
        common = _pivot(table, basic, outside, min(candidates)[1], common, budget)
    return _point(table, inside, denominator, common, basic)


def maximise(
    rows: Sequence[Row], f: Row, inside: Sequence[fmpz], denominator: fmpz
) -> Optimum | None:
    """Return the greatest value of f where all rows are >= 0, or None where there is none.

    From a point where the rows are >= 0, by the dictionary and the rule of :func:`decide`, but to
    the end. The unknowns need no bounds: where one can be moved without an end, f grows along it
    for ever, or it does not count.
    """
    D = len(f) - 1
    table = [[value(row, inside, denominator), *row[1:]] for row in rows]
    table.append([value(f, inside, denominator), *f[1:]])
    basic: list[int] = list(range(len(rows)))
    outside: list[int | None] = [None] * D
    common = fmpz(1)
    for q in range(D):
        # First to where f does not fall; to the other side if only that one has an end.
        up = 1 if table[-1][1 + q] >= 0 else -1
        directions = [up] if table[-1][1 + q] != 0 else [up, -up]
        ends = [t for t in directions if _has_end(table, basic, q, t)]
        if ends:
            common = _pivot(table, basic, outside, q, common, UNLIMITED, ends[0])
        elif table[-1][1 + q] != 0:
            return None
    while True:
        candidates = [
            (name, q) for q, name in enumerate(outside) if name is not None and table[-1][1 + q] > 0
        ]
        if not candidates:
            best = _point(table, inside, denominator, common, basic)
            numerator = table[-1][0]
            return Optimum(
                Fraction(int(numerator), int(best.denominator)), best.point, best.denominator
            )
        q = min(candidates)[1]
        if not _has_end(table, basic, q, 1):
            return None
        common = _pivot(table, basic, outside, q, common, UNLIMITED)


def _has_end(table: list[list[fmpz]], basic: list[int], q: int, direction: int) -> bool:
    """Return whether some row stops unknown q when it is moved in a direction."""
    pairs = zip(table, basic, strict=False)  # the last row of the table is f
    return any(name >= 0 and direction * row[1 + q] < 0 for row, name in pairs)


def _pivot(
    table: list[list[fmpz]],
    basic: list[int],
    outside: list[int | None],
    q: int,
    common: fmpz,
    budget: Budget,
    direction: int = 0,
) -> fmpz:
    """Move unknown q as far as it goes, exchange it, and return the new denominator.

    In the direction in which f does not fall, unless another one is given.
    """
    column = 1 + q
    if not direction:
        direction = 1 if table[-1][column] >= 0 else -1
    leaving, best = -1, None
    for r, name in enumerate(basic):
        slope = direction * table[r][column]
        if name < 0 or slope >= 0:
            continue
        ratio = (table[r][0], -slope)
        if best is not None:
            order = ratio[0] * best[1] - best[0] * ratio[1]
            if order > 0 or (order == 0 and name > basic[leaving]):
                continue
        leaving, best = r, ratio
    pivot_row = table[leaving]
    pivot = pivot_row[column]
    turn = 1 if pivot > 0 else -1
    for r, row in enumerate(table):
        if r % _ROWS_BETWEEN_LOOKS == 0:
            budget.check_time()
        if r == leaving:
            continue
        factor = row[column]
        if factor == 0:
            table[r] = [turn * (t * pivot) // common for t in row]
        else:
            new = [
                turn * (t * pivot - factor * p) // common
                for t, p in zip(row, pivot_row, strict=True)
            ]
            new[column] = turn * factor
            table[r] = new
    new = [-turn * t for t in pivot_row]
    new[column] = turn * common
    table[leaving] = new
    entering = outside[q]
    outside[q] = basic[leaving]
    # A free unknown has no bound, so it never leaves again: its number is negative.
    basic[leaving] = -1 - q if entering is None else entering
    return abs(pivot)


def _point(
    table: list[list[fmpz]],
    inside: Sequence[fmpz],
    denominator: fmpz,
    common: fmpz,
    basic: list[int],
) -> Above:
    """Return the point of a dictionary: free unknowns that are basic have their values there."""
    moved = [fmpz(0)] * len(inside)
    for r, name in enumerate(basic):
        if name < 0:
            moved[-1 - name] = table[r][0]
    point = tuple(s * common + t for s, t in zip(inside, moved, strict=True))
    return Above(point, denominator * common)


def _reduced(factor: int, multipliers: dict[int, int]) -> Empty:
    """Return a proof with the common divisor of all multipliers taken out."""
    divisor = gcd(factor, *multipliers.values())
    return Empty(factor // divisor, {r: t // divisor for r, t in multipliers.items()})

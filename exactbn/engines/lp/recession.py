"""Directions in which a polyhedron is unbounded, or why there is none, in integers."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from flint import fmpz

from exactbn.engines.lp.exact import Empty, Program, decide
from exactbn.engines.run import Budget
from exactbn.exact.rational import Vector

#: Multipliers by the names of their rows, one combination a function.
Bounds = list[dict[int, int]]


def recession(gradients: Mapping[int, Sequence[fmpz]], d: int, budget: Budget) -> Vector | Bounds:
    """Return v != 0 with a v >= 0 for all gradients a, by name, or proofs that there is none.

    Such a v has a coordinate that is positive, or all are at most zero and their sum is negative.
    So there is none if none of v_1, ..., v_d and -v_1 - ... - v_d is positive where all a v >= 0:
    for each of these d + 1 functions, multipliers with which the gradients add up to its negative.

    Raises
    ------
    LimitError
        When the seconds of the budget are spent.
    """
    named = [(name, a) for name, a in gradients.items() if any(a)]
    units = [[fmpz(int(k == i)) for k in range(d)] for i in range(d)]
    cube = [(fmpz(1), *(turn * t for t in unit)) for unit in units for turn in (1, -1)]
    program = Program(tuple((fmpz(0), *a) for _, a in named), tuple(cube), False)
    proofs: Bounds = []
    for f in (*units, [fmpz(-1)] * d):
        answer = decide(program, (fmpz(0), *f), [fmpz(0)] * d, fmpz(1), budget)
        if not isinstance(answer, Empty):
            return tuple(Fraction(int(t), int(answer.denominator)) for t in answer.point)
        proofs.append({named[r][0]: factor for r, factor in answer.multipliers.items()})
    return proofs

"""Random degenerate networks against gudhi: ``python -m tests.topology_agreement 500``."""

import sys
from collections import Counter
from fractions import Fraction
from random import Random

from exactbn.errors import InputError
from exactbn.exact.rational import dot
from exactbn.regions.levels import RELATIONS, Level, level_partition
from exactbn.selfcheck.families import random_problem
from exactbn.selfcheck.problem import Problem
from tests.topology_oracle import betti_by_gudhi, betti_over, order_complex

#: Coordinates of the points that say the level.
GRID = tuple(map(Fraction, ("0", "0", "-1", "1", "1/2", "1/3", "-3/2")))


def level_of(problem: Problem, seed: int) -> Level:
    """Return the level that a point of a grid has, of a random function of the outputs."""
    random = Random(seed)
    network = problem.network
    row = [random.randrange(-2, 3) or 1 for _ in range(network.num_outputs)]
    at = network.forward([random.choice(GRID) for _ in range(network.num_inputs)])
    return level_partition(
        network, problem.box, rows=problem.rows, output=row, level=dot(row, at)
    )


def questions(level: Level) -> list[tuple[str, str]]:
    """Return all sets and what becomes of infinity."""
    names = ("open", "point", "relative") if level.partition.domain.box is None else ("open",)
    return [
        (relation, name)
        for relation in RELATIONS
        for name in names
        if name == "open" or relation not in ("<", ">")
    ]


def expected(level: Level, relation: str, name: str, p: int, *, gudhi: bool) -> tuple[int, ...]:
    """Return the Betti numbers over GF(p) by the other way."""
    mask, d = level.faces(relation), level.lattice.dim
    simplices = order_complex(level.lattice, mask, name)
    found = (betti_by_gudhi if gudhi else betti_over)(simplices, p, d)
    if name == "relative" and (level.is_unbounded & mask).any():
        return (found[0] - 1, *found[1:])
    return found


def main(count: int, most: int = 400) -> None:
    """Compare all sets of so many problems, and say what was seen."""
    seen: Counter[str] = Counter()
    k = 0
    while seen["networks"] < count:
        problem = random_problem(20, k)
        k += 1
        if problem.network.num_inputs > 4 or problem.network.num_hidden > 12:
            continue
        try:
            level = level_of(problem, k - 1)
        except InputError:  # an empty domain, or a flat one
            continue
        if level.lattice.starts[-1] > most:
            continue
        seen["networks"] += 1
        seen["without a box"] += level.partition.domain.box is None
        for relation, name in questions(level):
            own = level.homology(relation, name)
            assert own.is_free
            for p in (2, 3):
                by_gudhi = expected(level, relation, name, p, gudhi=True)
                assert own.betti_over(p) == by_gudhi, (k - 1, relation, name, own, by_gudhi)
            seen["sets"] += 1
            seen["with homology above 0"] += any(own.betti[1:])
            seen["empty"] += not any(own.betti)
    sys.stdout.write(f"all agree: {dict(seen)} of {k} drawn\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))

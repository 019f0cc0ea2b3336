"""A smaller problem that still fails: a smaller network, fewer inputs or rows, a simpler box."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from exactbn.model import shrinking
from exactbn.model.domain import Box
from exactbn.model.shrinking import simpler_numbers, smaller_networks, without_input
from exactbn.selfcheck.problem import Problem

#: Smaller problems that are tried, and seconds after which the smallest one so far will do.
MOST_TRIES, PATIENCE = 2000, 15.0


def shrink(problem: Problem, fails: Callable[[Problem], bool]) -> Problem:
    """Return a problem no smaller one of which fails, or the smallest within the budget."""
    return shrinking.shrink(
        problem, fails, _smaller, _size,
        tries=MOST_TRIES, deadline=time.monotonic() + PATIENCE,
    )  # fmt: skip


def _size(problem: Problem) -> shrinking.Size:
    """Return how much there is of numbers: those of the network and of the domain."""
    numbers = list(shrinking.numbers_of(problem.network))
    if problem.box is not None:
        numbers += (*problem.box.lo, *problem.box.hi)
    if problem.rows is not None:
        numbers += (*problem.rows[1], *(t for row in problem.rows[0] for t in row))
    return shrinking.size_of(numbers)


def _smaller(problem: Problem) -> Iterator[Problem]:
    """Yield simpler problems, the boldest steps first."""
    yield from _fewer_axes(problem)
    if problem.rows is not None:
        matrix, bounds = problem.rows
        for k in range(len(bounds)):
            rows = matrix[:k] + matrix[k + 1 :], bounds[:k] + bounds[k + 1 :]
            yield replace(problem, rows=rows if rows[1] else None)
    for network in smaller_networks(problem.network):
        yield replace(problem, network=network)
    if problem.box is not None:
        for box in _simpler_boxes(problem.box):
            yield replace(problem, box=box)


def _fewer_axes(problem: Problem) -> Iterator[Problem]:
    """Yield the problem without one of its inputs."""
    d = problem.network.num_inputs
    for k in range(d if d > 1 and problem.network.is_chain else 0):
        box, rows = problem.box, problem.rows
        if box is not None:
            box = Box(box.lo[:k] + box.lo[k + 1 :], box.hi[:k] + box.hi[k + 1 :])
        if rows is not None:
            rows = tuple(row[:k] + row[k + 1 :] for row in rows[0]), rows[1]
        yield replace(problem, network=without_input(problem.network, k), box=box, rows=rows)


def _simpler_boxes(box: Box) -> Iterator[Box]:
    """Yield the unit cube, and boxes with one simpler bound."""
    yield Box.of(-1, 1, box.dim)
    for k, (lo, hi) in enumerate(zip(box.lo, box.hi, strict=True)):
        for simpler in simpler_numbers(lo):
            if simpler < hi:
                yield Box((*box.lo[:k], simpler, *box.lo[k + 1 :]), box.hi)
        for simpler in simpler_numbers(hi):
            if simpler > lo:
                yield Box(box.lo, (*box.hi[:k], simpler, *box.hi[k + 1 :]))

"""The LP engine ends when its seconds are spent, wherever it is, and asks for little memory."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flint import fmpz

from exactbn.engines import run
from exactbn.engines.lp import exact, search
from exactbn.engines.lp.adjacency import find_adjacency, find_unbounded
from exactbn.engines.lp.engine import LpStatistics, enumerate_regions
from exactbn.engines.lp.exact import Empty, Program, decide
from exactbn.engines.lp.frame import make_frame
from exactbn.engines.lp.stack import grown, make_stack
from exactbn.engines.proofs.tree import write_tree
from exactbn.engines.run import Budget
from exactbn.errors import LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.by_search import search_patterns
from tests.workload import load_workload

SPENT = Budget(max_seconds=1, started=-1e9)


class Clock:
    """A clock that goes on by one second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Replace the clock that budgets read."""
    ticking = Clock()
    monkeypatch.setattr(run.time, "monotonic", ticking)
    yield ticking


def square(d: int) -> Program:
    """Return the box [-1, 1]^d without rows."""
    rows = []
    for i in range(d):
        unit = [fmpz(int(i == k)) for k in range(d)]
        rows += [(fmpz(1), *unit), (fmpz(1), *(-t for t in unit))]
    return Program((), tuple(rows), False)


def test_a_spent_budget_ends_an_exact_program() -> None:
    f = (fmpz(-9), *[fmpz(1)] * 5)
    assert isinstance(decide(square(5), f, [fmpz(0)] * 5, fmpz(1)), Empty)
    with pytest.raises(LimitError, match="budget of 1 seconds is spent"):
        decide(square(5), f, [fmpz(0)] * 5, fmpz(1), SPENT)


def test_an_exact_program_looks_at_the_clock_within_a_pivot(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pivots = []
    pivot = exact._pivot
    monkeypatch.setattr(exact, "_pivot", lambda *a: pivots.append(0) or pivot(*a))
    d = 100  # 200 bounds: a pivot looks four times
    f = (fmpz(-1000), *[fmpz(1)] * d)
    with pytest.raises(LimitError):
        decide(square(d), f, [fmpz(0)] * d, fmpz(1), Budget(max_seconds=10, started=0.0))
    assert len(pivots) == 3 and clock.now == 11


def test_a_search_ends_with_the_chunk_at_hand(clock: Clock) -> None:
    network, box = load_workload("rnd_2x8x8x1"), Domain.of(Box.of(-1, 1, 2))
    counts = LpStatistics()
    budget = Budget(max_seconds=12, started=0.0)
    chunks = list(
        enumerate_regions(network, box, factor=math.inf, budget=budget, statistics=counts)
    )
    assert len(chunks) == 1 and chunks[0].share < 1
    assert counts.exact < 12
    clock.now, budget = 0.0, Budget(max_seconds=99, started=0.0)
    part = search_patterns(network, box, budget=budget, factor=math.inf)
    assert part.stopped and not part.is_complete
    whole = search_patterns(network, box, budget=Budget())
    assert len(part.words) < len(whole.words)


def test_a_search_without_questions_looks_at_the_clock_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The compiled loop returns after some work; with none allowed, before every program."""
    network, box = load_workload("rnd_2x8x8x1"), Domain.of(Box.of(-1, 1, 2))
    calls, compiled = [], search.search

    def impatient(frame, forms, rows, stack, found):  # type: ignore[no-untyped-def]
        calls.append(0)
        if len(calls) % 2:
            stack.spent[0] = search.ALLOWANCE + 1
        return compiled(frame, forms, rows, stack, found)

    expected = [chunk.words for chunk in enumerate_regions(network, box)]
    monkeypatch.setattr(search, "search", impatient)
    found = [chunk.words for chunk in enumerate_regions(network, box)]
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))
    assert len(calls) > 1
    assert [len(c.words) for c in enumerate_regions(network, box, budget=SPENT)] == [0]


def test_facets_and_extents_end_as_well(tmp_path: Path) -> None:
    network, space = load_workload("rnd_2x8x8x1"), Domain.space(2)
    regions = search_patterns(network, space, budget=Budget()).cells
    with pytest.raises(LimitError):
        find_adjacency(network, space, regions, budget=SPENT)
    with pytest.raises(LimitError):
        find_unbounded(network, space, regions, budget=SPENT)
    with pytest.raises(LimitError):
        write_tree(tmp_path / "proof", network, space, budget=SPENT)
    assert not list(tmp_path.iterdir())


def test_rows_end_as_well() -> None:
    rows = ([[1, 1], [1, -1]], ["1/2", "1/3"])
    network = load_workload("rnd_2x8x8x1")
    with pytest.raises(LimitError):
        list(enumerate_regions(network, Domain.cut(Box.of(0, 1, 2), rows), budget=SPENT))


# Memory


def bytes_of(arrays: tuple[object, ...]) -> int:
    """Return what the arrays of a record take."""
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


@pytest.mark.parametrize("widths", [(2000,), (300, 300, 300)])
def test_many_neurons_are_no_reason_for_gigabytes(widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    sizes = (2, *widths, 1)
    network = Network.from_arrays(
        [rng.integers(-9, 9, (m, n)).tolist() for n, m in zip(sizes, sizes[1:])],
        [rng.integers(-9, 9, m).tolist() for m in sizes[1:]],
    )
    frame, _ = make_frame(network, Domain.of(Box.of(-1, 1, 2)), 1.0)
    stack = make_stack(frame, sum(widths))
    assert bytes_of(stack) + bytes_of(frame) < 100e6


def test_many_inputs_are_no_reason_for_gigabytes() -> None:
    d = 784
    network = Network.from_arrays(
        [[[i % (k + 2) for i in range(d)] for k in range(16)], [[1] * 16] * 10, [[1] * 10]],
        [[0] * 16, [0] * 10, [0]],
    )
    frame, _ = make_frame(network, Domain.of(Box.of(-1, 1, d)), 1.0)
    assert bytes_of(make_stack(frame, 26)) < 300e6


def test_the_pool_of_vertices_grows() -> None:
    network = load_workload("rnd_2x8x8x1")
    frame, _ = make_frame(network, Domain.space(2), 1.0)
    stack = make_stack(frame, network.num_hidden)
    size = len(stack.pool_y)
    stack.used[search.POOL] = size - 1
    for k, name in enumerate(("pool_y", "pool_inv", "pool_active", "pool_z")):
        getattr(stack, name)[: size - 1] = k + 1
    more = grown(stack)
    assert more.used is stack.used
    for k, name in enumerate(("pool_y", "pool_inv", "pool_active", "pool_z")):
        pool = getattr(more, name)
        assert len(pool) == 2 * size and (pool[: size - 1] == k + 1).all()
        assert not pool[size - 1 :].any()


def test_a_search_outgrows_its_first_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty lines in the plane: more vertices than there is room for at first."""
    rows = [[k, 50 - k] for k in range(50)]
    biases = [Fraction(k * k % 7, 3) for k in range(50)]
    network = Network.from_arrays([rows, [[1] * 50]], [biases, [0]])
    from exactbn.engines.lp import engine

    times = []
    monkeypatch.setattr(engine, "grown", lambda stack: times.append(0) or grown(stack))
    box = Domain.of(Box.of(-1, 1, 2))
    first = next(iter(enumerate_regions(network, box, room=60)))
    assert len(first.words) == 60 and times

"""Budgets of the complex engine: wherever the clock ends a run, what is left is a whole complex."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from exactbn.engines.complex import cutting, subdivision
from exactbn.engines.complex.cutting import Outcome
from exactbn.engines.complex.engine import MAX_DIM, subdivide
from exactbn.engines.complex.start import num_faces, template
from exactbn.engines.run import Budget
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network


@dataclass(frozen=True)
class Ticks(Budget):
    """A budget whose clock strikes after it has been looked at a number of times."""

    left: list[int] = field(default_factory=list)
    is_limited = True

    @classmethod
    def of(cls, ticks: int) -> "Ticks":
        return cls(left=[ticks])

    def is_late(self) -> bool:
        self.left[0] -= 1
        return self.left[0] < 0


#: Lines through (1/3, 1/3), which no float is, and a second layer with ties at them.
TIES = Network.from_arrays(
    [
        [[1, 0], [0, 1], [1, 1], [1, -1], [1, 2]],
        [[1, 1, 0, 0, -1], [0, 1, -1, 1, 0], [1, 0, 1, -1, 1]],
        [[1, 1, 1]],
    ],
    [["-1/3", "-1/3", "-2/3", 0, -1], ["-1/7", 0, "1/9"], [0]],
    slope=["1/5", 0],
)


BOX = Domain.of(Box.of(-2, 2, 2))


def cube(d: int) -> Domain:
    """Return [-1, 1]^d."""
    return Domain.of(Box.of(-1, 1, d))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at the clock after every few vertices and faces."""
    monkeypatch.setattr(cutting, "_VERTICES_AT_ONCE", 3)
    monkeypatch.setattr(cutting, "_SETTLED_AT_ONCE", 2)
    monkeypatch.setattr(subdivision, "_FACES_AT_ONCE", 5)
    yield


def check_equal(one: Outcome, other: Outcome) -> None:
    """Check that two runs ended with the same complex."""
    for name in ("starts", "indptr", "indices", "parents", "words", "component"):
        np.testing.assert_array_equal(getattr(one.lattice, name), getattr(other.lattice, name))


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("factor", [1.0, math.inf])
@pytest.mark.parametrize("domain", [BOX, Domain.space(2)], ids=str)
def test_wherever_the_clock_strikes_the_complex_is_whole(domain: Domain, factor: float) -> None:
    """It is the one of the neurons done so far, and of all that a run without a clock makes."""
    total = TIES.num_hidden
    whole = [
        subdivide(TIES, [domain], budget=Budget(max_neurons=k), factor=factor)
        for k in range(total + 1)
    ]
    assert [outcome.neurons_done for outcome in whole] == list(range(total + 1))
    ends = []
    for ticks in range(10_000):
        outcome = subdivide(TIES, [domain], budget=Ticks.of(ticks), factor=factor)
        check_equal(outcome, whole[outcome.neurons_done])
        ends.append(outcome.neurons_done)
        if ends[-1] == total:
            break
    assert ends == sorted(ends) and set(ends) == set(range(total + 1))
    # The clock is looked at within a step, not between neurons only.
    assert len(ends) > 3 * total


@dataclass(frozen=True)
class Hurried(Budget):
    """A budget with a second left, always."""

    is_limited = True

    def is_late(self) -> bool:
        return False

    def seconds_left(self) -> float:
        return 1.0


def test_a_step_that_would_end_late_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pace of the step before, where that was long enough to tell."""
    assert subdivide(TIES, [BOX], budget=Hurried()).neurons_done == TIES.num_hidden
    monkeypatch.setattr(cutting, "_LONG_STEP", 0)
    monkeypatch.setattr(cutting, "_GRACE", -1.0)
    outcome = subdivide(TIES, [BOX], budget=Hurried())
    assert outcome.neurons_done == 1
    check_equal(outcome, subdivide(TIES, [BOX], budget=Budget(max_neurons=1)))
    assert subdivide(TIES, [BOX]).neurons_done == TIES.num_hidden


def test_a_block_of_64_neurons_that_the_clock_ends_amid_its_evaluation() -> None:
    """The words of the neurons before it stay, and those of the block are empty."""
    rng = np.random.default_rng(4)
    network = Network.from_arrays(
        [rng.integers(-9, 10, (70, 1)), [[1] * 70]], [rng.integers(-9, 10, 70), [0]]
    )
    box = cube(1)
    ends = {
        subdivide(network, [box], budget=Ticks.of(ticks)).neurons_done: ticks
        for ticks in range(200)
    }
    assert set(ends) == set(range(71))
    outcome = subdivide(network, [box], budget=Ticks.of(ends[64]))
    check_equal(outcome, subdivide(network, [box], budget=Budget(max_neurons=64)))
    assert outcome.lattice.words[:, 0].any() and not outcome.lattice.words[:, 1].any()


@pytest.mark.parametrize("budget", [Budget(max_seconds=-1.0), Budget(max_neurons=0), Budget(0)])
def test_a_spent_budget_builds_nothing_beyond_the_domain(
    budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "FloatNetwork", None)
    monkeypatch.setattr(Network, "integers", None)
    outcome = subdivide(TIES, [cube(2)], budget=budget)
    assert outcome.neurons_done == 0
    assert outcome.lattice.f_vector == (4, 4, 1)
    assert not outcome.lattice.words.any()


def test_a_network_without_hidden_layer_is_done_at_once() -> None:
    network = Network.from_arrays([[[1, 1]]], [[0]])
    outcome = subdivide(network, [cube(2)], budget=Budget(max_seconds=-1.0))
    assert outcome.neurons_done == 0 and outcome.lattice.f_vector == (4, 4, 1)


@pytest.mark.parametrize("domain", [*map(cube, range(1, 6)), *map(Domain.space, (1, 4))], ids=str)
def test_the_number_of_faces_is_known_before_they_are_made(domain: Domain) -> None:
    assert num_faces(domain) == sum(template(domain).sizes)


def test_the_cost_of_the_start_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, str]] = []

    class Started(Exception):
        pass

    def start(*_: object, **__: object) -> None:
        raise Started

    monkeypatch.setattr(cutting.Subdivision, "of", start)
    network = Network.from_arrays([[[1] * 11], [[1]]], [[0], [0]])
    with pytest.raises(Started):
        subdivide(network, [cube(11)], progress=lambda *call: told.append(call))
    assert told == [(0, 1, f"1 region, {3**11} faces to begin with")]


def test_too_many_inputs_are_refused_with_advice() -> None:
    d = MAX_DIM + 1
    network = Network.from_arrays([[[1] * d], [[1]]], [[0], [0]])
    advice = r"14 inputs, expected at most 13.* 3\^14 faces; take fewer features.*'lp'"
    with pytest.raises(InputError, match=advice):
        subdivide(network, [cube(d)])


def test_faces_of_a_cube() -> None:
    """A face is a word over 0, 1 and a star; its facets put 0 or 1 for one star."""
    for d in range(1, 5):
        faces = template(cube(d))
        assert faces.sizes == tuple(math.comb(d, k) * 2 ** (d - k) for k in range(d + 1))
        corners = [frozenset([corner]) for corner in faces.corners.tolist()]
        assert sorted(faces.corners.tolist()) == list(range(2**d))
        below = corners
        for k, facets in enumerate(faces.facets, start=1):
            assert set(np.diff(facets.first).tolist()) == {2 * k}
            rows = facets.entries.reshape(-1, 2 * k).tolist()
            below = [frozenset().union(*(below[g] for g in row)) for row in rows]
            assert len(set(below)) == len(below) and all(len(face) == 2**k for face in below)
        assert below == [frozenset(range(2**d))]

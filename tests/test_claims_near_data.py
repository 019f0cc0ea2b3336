"""The families boundary, noise, density and probability: their laws against independent numbers."""

import math
import random
import time
from fractions import Fraction

import pytest

from exactbn.claims.families import boundary, density, noise, probability
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import find_claim
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import meets, survey
from exactbn.claims.tools.search import search
from exactbn.model.network import Network

F = Fraction


def points(*rows: tuple[int, ...]) -> tuple[tuple[Fraction, ...], ...]:
    """Return exact points."""
    return tuple(tuple(map(F, row)) for row in rows)


@pytest.mark.parametrize("key", ["F4", "F6", "F7", "F8", "F9", "F14", "F17", "K14", "K15"])
def test_stored_counterexamples_violate_and_are_small(key: str) -> None:
    instance, claim = stored(key), find_claim(key)
    assert claim.violation is not None and claim.violation(instance) is not None
    count, digits, _ = instance.size
    assert count <= 24 and digits <= 40


@pytest.mark.parametrize("key", ["F4", "F6", "F7", "F8"])
def test_the_finder_finds_them_from_scratch(key: str) -> None:
    start = time.monotonic()
    found = search(find_claim(key), seconds=60, seed=11, enough=2)
    assert found is not None and time.monotonic() - start < 60


def test_logits_of_the_known_counterexample() -> None:
    network = Network.from_arrays([[[1], [-1]], [[1, 1]]], [[0, 0], [5]], slope="1/10")
    instance = Instance(network, points((-2,), (-1,), (1,), (2,)))
    values = boundary.logits(instance)
    # With sigma = 1 in place of sqrt(5/2): 9/5 and 9/10, all on one side.
    assert values == [F(9, 5), F(9, 10), F(9, 10), F(9, 5)]
    scaled = [float(t) / math.sqrt(2.5) for t in values]
    assert [round(t, 3) for t in scaled] == [1.138, 0.569, 0.569, 1.138]
    assert boundary.one_sided_leaky(instance) is not None
    assert boundary.one_sided_when_normalized(instance) is None


def test_both_sides_violate_nothing() -> None:
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope=-1)
    assert boundary.one_sided(Instance(network, points((-1,), (1,)))) is not None
    # The absolute value is no leaky activation, and a unit without spread is not normalized.
    assert not meets(boundary.one_sided_leaky, Instance(network, points((-1,), (1,))))
    leaky = Network.from_arrays([[[1], [-1], [0]], [[1, 1, 0]]], [[0] * 3, [0]], slope="1/10")
    assert boundary.one_sided(Instance(leaky, points((-1,), (1,)))) is not None
    assert not meets(boundary.one_sided_leaky, Instance(leaky, points((-1,), (1,))))
    straight = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope=1)
    assert boundary.one_sided(Instance(straight, points((-1,), (1,)))) is None


def test_law_of_batches_by_hand() -> None:
    values = [F(0), F(1), F(2)]
    assert noise.batch_law(values, 2) == (F(1), F(1, 6), F(1, 2))
    for size in (1, 2, 3):
        assert noise.batch_law(values, size) == noise.closed_form(values, size)


def test_window_touched_exactly() -> None:
    network = Network.from_arrays([[[1, -1]], [[1]]], [[0], [0]])
    for shift, expected in ((1, (True, True, 2, True)), (2, (True, False, 1, True)),
                            (3, (False, False, 1, False))):
        instance = Instance(network, points((0, 0)), {"radius": F(1), "shift": F(shift)})
        assert density.window_verdicts(instance) == expected
        assert density.window_violation(instance) is None


def test_near_counts_by_hand() -> None:
    """One unit on a line: centred, zero bias and given bias cut at 1, 0 and 5."""
    network = Network.from_arrays([[[1]], [[1]]], [[-5], [0]])
    instance = Instance(network, points((0,), (2,)), {"radius": F(1, 2)})
    assert density.near_totals(instance) == {"centred": 2, "zero bias": 3, "given bias": 2}
    wide = Instance(network, points((0,), (2,)), {"radius": F(2)})
    assert density.near_totals(wide) == {"centred": 4, "zero bias": 3, "given bias": 2}
    assert density.fewer_near(wide) is None


def test_mean_between_two_clusters_loses_all_points() -> None:
    data = points(*[(sign * 10,) for sign in (1, -1) for _ in range(5)])
    numbers = {"radius": F(1), "offset": F(10)}
    reason = density.loses_points(Instance(None, data, numbers))
    assert reason is not None and "1000" in reason and "2000" in reason
    assert density.loses_points(Instance(None, points((0,)), numbers)) is None


@pytest.mark.parametrize(("k", "n", "eps"), [(67, 12, "2/5"), (200, 20, "3/10"), (20, 8, "1/2")])
def test_bound_for_discs_in_intervals(k: int, n: int, eps: str) -> None:
    c, e, t = 1 / n, float(F(eps)), math.sqrt(2 * k) / n
    s = t * math.sqrt((2 * k - 1) / (2 * k - t * t))
    theta = 2 * math.exp(-(2 * k - 1) / 2 * (e**2 / 2 - e**3 / 3))
    bound = math.erfc(s * math.sqrt(1 - e) / math.sqrt(2)) + theta
    probability_ = probability.disc_probability(k, c)
    numbers = {"K": F(k), "ratio": F(1, n), "eps": F(eps)}
    reason = probability.low_bound(Instance(None, (), numbers))
    assert (reason is not None) == (probability_ > bound)
    if reason is not None:
        assert f"{probability_:.4f}" in reason and f"{bound:.4f}" in reason


def test_equal_angles() -> None:
    def pair(*point: int, d: int) -> Instance:
        return Instance(None, points(point), {"d": F(d)})

    reason = probability.same_angle(pair(2, 1, d=100))
    assert reason is not None and "4/5 in dimension 2" in reason
    # No more coordinates; the middle of the pair is 0; both points are the same one.
    for other in (pair(2, 1, d=2), pair(1, -1, d=9), pair(3, 3, d=9)):
        assert not meets(probability.same_angle, other)


def test_known_probabilities() -> None:
    assert round(probability.disc_bound(200, 1.0), 3) == 0.397
    assert round(probability.disc_bound(1000, 1.0), 3) == 0.351
    assert round(probability.disc_probability(200, 1 / math.sqrt(400)), 3) == 0.480
    assert round(probability.disc_probability(1000, 1 / math.sqrt(2000)), 3) == 0.480
    # A cluster of one point is always separated by the mean of two points.
    assert probability.angle((1, 0), (-1, 0)) == pytest.approx(math.pi)


def test_crossing_probabilities_of_one_far_point() -> None:
    """Nine points at radius 1/100 and one at (100, 0): a random line through the origin or the mean
    crosses their balls of radius 1/10 with these mean probabilities."""
    angles = [2 * math.pi * k / 9 for k in range(9)]
    data = [(0.01 * math.cos(t), 0.01 * math.sin(t)) for t in angles] + [(100.0, 0.0)]

    def mean_probability(center: tuple[float, float]) -> float:
        distances = [math.dist(x, center) for x in data]
        return sum(1 if t <= 0.1 else 2 / math.pi * math.asin(0.1 / t) for t in distances) / 10

    assert round(mean_probability((0.0, 0.0)), 5) == pytest.approx(0.90006, abs=1e-5)
    assert round(mean_probability((10.0, 0.0)), 5) == pytest.approx(0.00580, abs=1e-5)


def test_samples_are_the_same_every_time() -> None:
    first, again = (probability.separations((1.0, 2.0), (2.0, -1.0), 5000, 3) for _ in range(2))
    assert first == again and first[1] == 0
    assert abs(first[0] / 5000 - 0.5) < 0.05


def test_empty_bound() -> None:
    full = {"K": F(2), "r": F(100), "delta": F(1)}
    assert probability.empty_bound(Instance(None, (), full)) is None
    assert probability.empty_bound(Instance(None, (), {**full, "r": F(2)})) is not None


def test_random_instances_of_true_claims_hold() -> None:
    rng = random.Random(5)
    for key in ("K10", "K13", "K16", "K19"):
        claim = find_claim(key)
        assert claim.propose is not None and claim.violation is not None
        assert not survey(claim.violation, claim.propose, rng, 20).violations

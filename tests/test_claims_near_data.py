"""The families boundary, noise, density and probability: their laws against independent numbers."""

import math
import random
import time
from fractions import Fraction

import numpy as np
import pytest

from exactbn.claims.families import boundary, density, noise, probability, separation
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import find_claim
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import meets, survey
from exactbn.claims.tools.search import search
from exactbn.model.batchnorm import center
from exactbn.model.network import Network

F = Fraction


def points(*rows: tuple[int, ...]) -> tuple[tuple[Fraction, ...], ...]:
    """Return exact points."""
    return tuple(tuple(map(F, row)) for row in rows)


@pytest.mark.parametrize("key", ["F4", "F6", "F7", "F8", "F14", "F17", "K14", "K15", "K15-deep"])
def test_stored_counterexamples_violate_and_are_small(key: str) -> None:
    instance, claim = stored(key), find_claim(key.split("-")[0])
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
    e, t = float(F(eps)), math.sqrt(2 * k) / n
    s = t * math.sqrt((2 * k - 1) / (2 * k - t * t))
    theta = 2 * math.exp(-(2 * k - 1) / 2 * (e**2 / 2 - e**3 / 3))
    bound = math.erfc(s * math.sqrt(1 - e) / math.sqrt(2)) + theta
    probability_ = float(separation.disc_probability(k, F(1, n) ** 2))
    numbers = {"K": F(k), "ratio": F(1, n), "eps": F(eps)}
    reason = separation.low_bound(Instance(None, (), numbers))
    assert (reason is not None) == (probability_ > bound)
    if reason is not None:
        assert f"{probability_:.4f}" in reason and f"{bound:.4f}" in reason


def test_separation_knows_no_dimension() -> None:
    def clusters(*rows: tuple[int, ...], d: int = 5) -> Instance:
        return Instance(None, points(*rows), {"d": F(d), "s2": F(2), "b2": F(3)})

    reason = separation.same_separation(clusters((2, 1), (3, 1), (2, -1), (3, -1)))
    assert reason is not None and "w = (0, 2)" in reason and "dimension 5" in reason
    assert separation.augmented_gram(points((1, 2)), F(2), F(3)) == ((13,),)
    for other in (
        clusters((2, 1), (2, -1), d=2),
        clusters((1, 1), (1, 1)),
        clusters((0, 0), (2, 0), (1, 0), (1, 0)),  # no hyperplane separates these
    ):
        assert not meets(separation.same_separation, other)


def shares(rows: list[tuple[float, ...]], count: int) -> "np.ndarray":
    """Return the values of ``count`` normal units at some points."""
    return np.random.default_rng(7).standard_normal((count, len(rows[0]))) @ np.array(rows).T


@pytest.mark.parametrize("bias", [0, 2])
def test_probability_of_separation_on_samples(bias: int) -> None:
    u, v, g = points((1, 2, 0), (-1, 1, 2), (0, 1, 1))
    a, b = probability.less(u, g), probability.less(v, g)
    if bias:
        a, b = (*u, F(bias)), (*v, F(bias))
    values = shares([tuple(map(float, t)) for t in (a, b)], 40_000)
    hits = float(np.mean(values[:, 0] * values[:, 1] < 0))
    assert hits == pytest.approx(float(probability.separation(a, b)), abs=0.01)
    near = np.abs(values[:, 0]) <= 0.5 * np.linalg.norm(
        np.random.default_rng(7).standard_normal((40_000, len(a))), axis=1
    )
    rho = math.sqrt(float(sum(t * t for t in a)))
    law = float(probability.closeness(len(a), F(0.5 / rho)))
    assert float(np.mean(near)) == pytest.approx(law, abs=0.01)


def test_separation_by_hand() -> None:
    assert float(probability.separation(*points((1, 0), (0, 3)))) == 0.5
    assert float(probability.separation(*points((1, 2), (2, 4)))) == 0
    assert float(probability.separation(*points((1, 2), (-2, -4)))) == 1
    assert float(probability.closeness(2, F(1, 2))) == pytest.approx(1 / 3)
    assert float(probability.closeness(3, F(1, 4))) == pytest.approx(1 / 4)  # Archimedes
    assert float(probability.closeness(5, F(1))) == 1


def test_law_needs_its_hypotheses() -> None:
    def pair(u: tuple[int, ...], g: tuple[int, ...], eps: str) -> Instance:
        return Instance(None, points(u, (5,) * len(u), g), {"eps": F(eps)})

    assert probability.law_violation(pair((1, 2), (0, 0), "1/2")) is None
    assert probability.law_violation(pair((3, 4), (0, 0), "5")) is None  # eps = rho
    for other in (pair((1,), (0,), "1/2"), pair((1, 2), (1, 2), "1/2"), pair((3, 4), (0, 0), "6")):
        assert not meets(probability.law_violation, other)


def test_wrong_laws_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance(None, points((1, 2), (3, -1), (0, 0)), {"eps": F(1, 2)})
    right = probability.separation
    monkeypatch.setattr(probability, "separation", lambda a, b: right(a, b) * F(1, 2).numerator / 2)
    assert "another share" in (probability.law_violation(instance) or "")


def test_cluster_bounds_by_hand() -> None:
    # K = 1, delta / r = 1/2: (2/pi) arcsin(1/2) = 1/3, published (2/pi); three in a row.
    half = F(1, 2)
    assert float(probability.union_bound(1, half)) == pytest.approx(1 / 3)
    assert float(probability.published_bound(1, half)) == pytest.approx(2 / math.pi)
    assert float(probability.orthogonal_clusters(2, F(1, 10))) == pytest.approx(
        float(np.mean(_failures(2, 0.1, 400_000))), abs=2e-3
    )


def _failures(k: int, q: float, count: int) -> "np.ndarray":
    """Return for random units whether they fail to separate 2 k points in orthogonal directions.

    The sides of the points of V, turned round, are those of U if the unit succeeds.
    """
    z = np.random.default_rng(3).standard_normal((count, 1 + 2 * k))
    sides = z[:, :1] * math.sqrt(1 - q * q) + q * z[:, 1:] > 0
    return sides.any(axis=1) & ~sides.all(axis=1)


@pytest.mark.parametrize("legs", [(3, 4, 5), (5, 12, 13), (20, 99, 101)])
def test_one_point_a_cluster_in_orthogonal_directions_is_a_pair(legs: tuple[int, int, int]) -> None:
    """Two points of a ball each, seen at sin(angle) = q off the axis: the probability of K11.

    The unit may have U on either side, so it fails exactly if it does not separate the pair.
    """
    across, along, length = map(F, legs)
    x, y = (along, across, F(0)), (-along, F(0), across)
    fails = 1 - probability.separation(x, y)
    assert probability.orthogonal_clusters(1, across / length).overlaps(fails)
    assert probability.orthogonal_clusters(1, across / length) < probability.union_bound(
        1, across / length
    )


def test_clusters_at_one_angle_of_the_plane() -> None:
    """x, and y turned round, are seen in one direction: the line in it alone fails."""
    angle = probability.enclosed(F(1, 7))
    assert probability._spread([angle, angle]).contains(0)
    assert probability._spread([angle, angle]) < 1e-9
    data = points((10, 0), (-10, 0), (10, 1), (-10, -1))
    assert probability.cluster_violation(Instance(None, data, {"delta": F(1)})) is None
    assert float(probability.separation(data[2], data[3])) == 1


def test_a_normal_bias_asks_for_normal_weights() -> None:
    """With w uniform on a circle the closed form for a random bias is another number."""
    # Against u = (3, 0), v = -u: |w . u| > |bias|, with a bias of the weights' deviation.
    turns = 2 * math.pi * (np.arange(2000) + 0.5) / 2000
    reach = 3 * np.abs(np.cos(turns)) / math.sqrt(1 / 2)
    truth = float(np.mean([math.erf(t / math.sqrt(2)) for t in reach]))
    form = float(probability.separation((F(3), F(0), F(1)), (F(-3), F(0), F(1))))
    assert form == pytest.approx(2 * math.atan(3) / math.pi) and abs(truth - form) > 1 / 100
    # With normal weights it is the closed form: |w_1| 3 > |bias|.
    z = np.random.default_rng(4).standard_normal((200_000, 2))
    assert float(np.mean(3 * np.abs(z[:, 0]) > np.abs(z[:, 1]))) == pytest.approx(form, abs=3e-3)


def test_pairs_whose_difference_grows_do_not_become_inseparable() -> None:
    found = [
        float(probability.separation((F(n), F(0), F(1)), (F(0), F(n), F(1)))) for n in (2, 10, 100)
    ]
    assert found == pytest.approx([0.43591, 0.49685, 0.5], abs=1e-4) and found == sorted(found)


def test_extreme_clusters_attain_the_bound_for_one_point() -> None:
    """Both points at phi = arcsin(3/5) off the axis: a line fails with probability 2 phi / pi."""
    # u = (5, 0), v = -u, radius 3: the tangent from 0 meets the ball at (16/5, 12/5).
    x = (F(16, 5), F(12, 5))
    data = (*points((5, 0), (-5, 0)), x, (-x[0], x[1]))
    tight = Instance(None, data, {"delta": F(3)})
    assert probability.cluster_violation(tight) is None
    angles = [math.atan2(12, 16), -math.atan2(12, 16)]
    spread = probability._spread([probability.enclosed(F(t)) for t in angles])
    assert float(spread) == pytest.approx(float(probability.union_bound(1, F(3, 5))))
    far = Instance(None, (*data[:2], (F(1), F(3)), data[3]), {"delta": F(3)})
    assert not meets(probability.cluster_violation, far)


def test_a_wrong_cluster_bound_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    data = (*points((5, 0), (-5, 0)), (F(16, 5), F(12, 5)), (F(-16, 5), F(12, 5)))
    monkeypatch.setattr(probability, "_spread", lambda angles: probability.enclosed(1))
    reason = probability.cluster_violation(Instance(None, data, {"delta": F(3)}))
    assert reason is not None and "a line fails" in reason


def test_ranges_of_the_bounds() -> None:
    def numbers(k: int, r: int) -> Instance:
        return Instance(None, (), {"K": F(k), "r": F(r), "delta": F(1)})

    # K = 2: the published bound is below 1 from r / delta = 2.91, the union bound from 1.41.
    assert not probability.published_bound(2, F(1, 2)) < 1
    assert probability.union_bound(2, F(1, 2)) < 1
    assert probability.range_violation(numbers(2, 2)) is None
    assert probability.range_violation(numbers(3, 2)) is None  # exactly 1: neither below nor above
    assert not meets(probability.range_violation, numbers(2, 1))


def test_known_probabilities() -> None:
    assert round(separation.disc_bound(200, 1.0), 3) == 0.397
    assert round(separation.disc_bound(1000, 1.0), 3) == 0.351
    assert round(float(separation.disc_probability(200, F(1, 400))), 3) == 0.480
    assert round(float(separation.disc_probability(1000, F(1, 2000))), 3) == 0.480


def test_one_far_point_lowers_the_expectation() -> None:
    """Nine points at radius 1/100 and one at (100, 0): within 1/10 of a line through the origin or
    the mean, with these mean probabilities."""
    assert probability._far_point().startswith("0.90006 with zero bias, 0.0058004 centred")


def test_zero_bias_is_centering_for_rows_orthogonal_to_the_mean() -> None:
    data = points((1, 0), (-1, 10))
    one = Network.from_arrays([[[1, 0]], [[1]]], [[3], [0]])
    assert density.zero_bias_violation(Instance(one, data)) is None
    assert not any(center(one, data).layers[0].bias) and data[0] != data[1]
    both = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])
    assert density.zero_bias_violation(Instance(both, data)) is None
    assert any(center(both, data).layers[0].bias)


def test_the_stored_baselines_have_two_points() -> None:
    instance = stored("F17")
    assert len(set(instance.data)) >= 2
    counts = density.near_totals(instance)
    assert counts["zero bias"] < counts["centred"] < counts["given bias"]
    one = Instance(instance.network, instance.data[:1], instance.numbers)
    assert not meets(density.baseline_matters, one)


@pytest.mark.parametrize("key", ["K14", "F17"])
def test_no_ball_of_the_stored_examples_is_touched(key: str) -> None:
    instance = stored(key)
    assert density.near_radii(instance).startswith("from ")
    # Balls of radius 1 about 0 and 2 are touched by the centred boundary at 1.
    touched = Instance(stored("K14").network, points((0,), (2,)), {"radius": F(1)})
    assert density.fewer_near(touched) is not None and density.near_radii(touched) == "none"


def test_squared_distances_of_layer_two_may_grow() -> None:
    # relu(x) - 1 vanishes at 1, in the mean 1 from 0 and 2; centred relu(x - 1) - 1/2 at 3/2.
    network = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-1], [0]])
    reason = density.deep_farther(Instance(network, points((0,), (2,))))
    assert reason is not None and "is 1 with the given biases and 5/4 centred" in reason
    flat = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [0], [0]])
    assert density.deep_farther(Instance(flat, points((0,), (2,)))) is None


def test_random_instances_of_true_claims_hold() -> None:
    rng = random.Random(5)
    for key in ("K10", "K13", "K16", "K19"):
        claim = find_claim(key)
        assert claim.propose is not None and claim.violation is not None
        assert not survey(claim.violation, claim.propose, rng, 20).violations

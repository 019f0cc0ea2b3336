"""The study of sampling: networks, truths, and the intervals on its figures."""

from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest, kendalltau, quantile_test

from exactbn import Box, Domain, Network, partition
from exactbn.engines.run import Budget
from exactbn.errors import DegenerateError, InputError, LimitError
from exactbn.sampling.points import PointStream, float_bounds
from exactbn.sampling.sequence import RegionSequence, exact_shares
from exactbn.study.dataset import read_csv
from exactbn.study.judged import local
from exactbn.study.judged.families import FAMILIES, cases, problem_of
from exactbn.study.judged.figures import (
    ALL,
    _figure,
    figures,
    mean_interval,
    median_interval,
    needs,
    rank_correlation,
    rank_interval,
    rankings,
    ratio_interval,
    share_interval_of,
)
from exactbn.study.judged.judging import (
    OF_REGIONS,
    OF_VOLUME,
    Outcome,
    Settings,
    hits_by_batch,
    judged_estimates,
    points_needed,
    study,
)
from exactbn.study.judged.local import LocalSettings, study_locally
from exactbn.study.judged.local_figures import local_figures
from exactbn.study.judged.tables import estimates_table, flat, networks_table
from tests.planted import CPU

F = Fraction
TABLE = read_csv("t.csv", content=b"a,b,c,kind\n1,2,0,u\n3,-1,1,u\n-2,4,5,v\n0,5,2,v\n2,1,1/3,w\n")
SMALL = Settings(
    networks=2, dims=(2,), families=("random", "centred"), samples=(40, 300), repeats=2
)
NET = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1]], [[1, -1, 2]]], [["1/10", "1/5", "-1/2"], [0]]
)


@pytest.fixture(scope="module")
def found():
    return study(TABLE, SMALL)


# The networks.


def test_data_fill_the_unit_cube():
    problem = problem_of(TABLE, 3)
    for column in zip(*problem.points):
        assert (min(column), max(column)) == (0, 1)
    assert problem.points[4] == (F(4, 5), F(1, 3), F(1, 15))
    assert problem.labels == (1, 1, 0, 0, 0)
    assert (problem.box.lo, problem.box.hi) == ((F(-1, 4),) * 3, (F(5, 4),) * 3)


def test_data_that_do_not_serve_are_refused():
    with pytest.raises(InputError, match="expected at least 4 for 4 dimensions"):
        problem_of(TABLE, 4)
    flat_data = read_csv("t.csv", content=b"a,b\n1,2\n1,3\n")
    with pytest.raises(DegenerateError, match="'a' is constant"):
        problem_of(flat_data, 2)
    bare = problem_of(read_csv("t.csv", content=b"a,b\n1,2\n2,3\n"), 2)
    assert bare.labels is None
    with pytest.raises(InputError, match="no column of them"):
        list(cases(bare, range(1), ["trained"], 0))


def test_families_share_weights_and_differ_in_biases():
    problem = problem_of(TABLE, 2)
    made = {case.family: case.network for case in cases(problem, range(1), list(FAMILIES), 0)}
    first = {name: net.layers[0] for name, net in made.items()}
    same = first["random"].weight
    assert first["zero"].weight == same == first["centred"].weight
    assert set(first["zero"].bias) == {0} and first["trained"].weight != same
    mean = [sum(column) / 5 for column in zip(*problem.points)]
    for row, bias in zip(same, first["centred"].bias):
        assert sum(w * t for w, t in zip(row, mean)) + bias == 0
    assert made["scaled"].sigma_policy == "rounded"
    again = {case.family: case.network for case in cases(problem, range(1), list(FAMILIES), 0)}
    assert made == again
    other = next(cases(problem, range(1), ["random"], 1)).network
    assert other != made["random"]


@pytest.mark.parametrize("change, told", [
    ({"dims": (2, 6)}, "the dimensions are 2, 6"), ({"families": ("random", "x")}, "random, x"),
    ({"dims": ()}, "none"), ({"networks": 0}, "networks: got 0"), ({"repeats": 0}, "repeats"),
    ({"samples": (300, 40)}, "ascending"), ({"samples": (39,)}, "at least 40"),
    ({"batches": 1}, "batches"), ({"max_seconds": float("nan")}, "finite"),
])  # fmt: skip
def test_settings_that_cannot_be_are_refused(change, told):
    with pytest.raises(InputError, match=told):
        replace(SMALL, **change)


# The samples and the truth.


def test_a_sequence_is_the_sample_in_order():
    part = partition(NET, (-1, 1))
    drawn = RegionSequence.of(part).draw(70_000, seed=3)
    assert (drawn.outside, drawn.on_boundary) == (0, 0)
    stream = PointStream(float_bounds(part.box, "float32"), 70_000, 3, "float32", CPU)
    for k, begin, end in ((0, 0, 300), (1, 65_536, 70_000)):
        points = stream.draw(k, stream.buffer())[:-1, : end - begin].t().tolist()
        assert part.regions_of(points).tolist() == drawn.regions[begin:end].tolist()
    prefix = RegionSequence.of(part).draw(700, seed=3)
    assert drawn.regions[:700].tolist() == prefix.regions.tolist()


def test_seconds_are_looked_at_while_points_are_drawn():
    """Once a block of 65 536 points, but for the last."""
    sequence, spent = RegionSequence.of(partition(NET, (-1, 1))), Budget(max_seconds=0)
    assert len(sequence.draw(65_536, 1, spent).regions) == 65_536
    with pytest.raises(LimitError, match="--max-seconds are spent .65536 of 65537 points drawn"):
        sequence.draw(65_537, 1, spent)


def test_points_on_a_boundary_and_outside_have_no_place():
    part = partition(NET, (-1, 1))
    points = np.array([[-0.5, -0.5], [0.75, -0.25], [0.5, 0.5]])  # the second is on x + y = 1/2
    sequence = RegionSequence.within(NET, Box.of(-1, 1, 2), part.patterns.astype(np.uint8))
    drawn = sequence.find(points)
    assert drawn.regions.tolist() == [part.region_of((F(t, 2),) * 2) for t in (-1, 1)]
    assert (drawn.outside, drawn.on_boundary) == (0, 1)
    keep = [i for i in range(7) if i != drawn.regions[1]]
    fewer = RegionSequence.within(NET, Box.of(-1, 1, 2), part.patterns[keep].astype(np.uint8))
    missed = fewer.find(points)
    assert missed.regions.tolist() == [keep.index(drawn.regions[0])]
    assert (missed.outside, missed.on_boundary) == (1, 1)


def test_shares_are_those_of_the_exact_volumes():
    part = partition(NET, (-1, 1))
    shares = exact_shares(part)
    for i, share in enumerate(shares.tolist()):
        assert abs(F(share) - part.volume(i) / 4) <= part.volume(i) / 4000


@pytest.mark.parametrize("shares, needed", [
    ((1.0,), 1), ((0.25,) * 4, 17), ((0.5, 0.5), 7), ((1 - 1e-9, 1e-9), 3912023006),
])  # fmt: skip
def test_points_needed_for_the_regions(shares, needed):
    """(3/4)^17 < 1/100 < (3/4)^16, (1/2)^7 < 1/100, and 10^9 ln 50 for half of the regions."""
    shares = np.array(shares)
    found = points_needed(shares, np.full(len(shares), 1 / len(shares)))
    assert found == pytest.approx(needed, abs=0 if needed < 100 else 5)


def test_points_needed_for_the_volume():
    shares = np.array([0.9, 0.05, 0.05])
    unseen = [float((shares * (1 - shares) ** n).sum()) for n in range(200)]
    assert points_needed(shares, shares) == next(n for n, u in enumerate(unseen) if u <= 0.01)


def test_hits_by_batch():
    regions = np.array([0, 0, 1, 3, 0, 3, 3, 9], dtype=np.int32)
    assert hits_by_batch(regions, 2).tolist() == [2, 1, 0, 2, 0, 0, 0, 0, 0, 1]
    assert hits_by_batch(regions, 3).tolist() == [2, 1, 0, 2]  # 2 a batch, the last two left out


def test_truth_beside_each_estimate():
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    regions = np.array([0] * 30 + [0, 3] * 14 + [1, 3], dtype=np.int32)  # region 1 once
    truths = {method: (truth, e) for method, truth, e in judged_estimates(regions, shares, 20)}
    assert set(truths) == {*OF_REGIONS, *OF_VOLUME}
    assert {truths[m][0] for m in OF_REGIONS} == {4}
    assert truths["good_turing"][0] == pytest.approx(0.2)
    assert truths["held_out"][0] == 0.5  # of what the first half, all of region 0, has not seen
    assert truths["held_out"][1].value == F(16, 30)


def test_a_study_is_what_its_seed_says(found):
    assert len(found.judged) == 4 and found.is_complete and found.outside == 0
    assert study(TABLE, SMALL).judged == found.judged
    other = study(TABLE, replace(SMALL, seed=1, networks=1, families=("random",)))
    assert other.judged[0].sha256 != found.judged[0].sha256
    j = found.judged[0]
    assert len(j.outcomes) == 2 * 2 * (len(OF_REGIONS) + len(OF_VOLUME))
    assert {o.truth for o in j.outcomes if o.method in OF_REGIONS} == {j.regions}
    made = next(cases(problem_of(TABLE, 2), range(1), ["random"], 0))
    assert j.regions == partition(made.network, made.problem.box).num_regions


def test_a_budget_ends_a_study():
    stopped = study(TABLE, replace(SMALL, max_seconds=0))
    assert not stopped.is_complete and "0 of 4 networks done" in stopped.stopped
    assert figures(stopped) == needs(stopped) == rankings(stopped) == []


# The intervals on the figures.


def test_share_interval_is_clopper_pearson_where_trials_are_independent():
    shares = np.array([1.0] * 27 + [0.0] * 3)
    mean, (low, high) = share_interval_of(shares, 1)
    exact = binomtest(27, 30).proportion_ci(0.95)
    assert mean == 0.9 and (low, high) == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_share_interval_knows_that_samples_of_one_network_are_alike():
    """30 sets of weights that say 4 times the same have the interval of 30 trials, not of 120."""
    alike, single = ([1.0] * 27 + [0.0] * 3), 1
    assert share_interval_of(np.array(alike), 4) == share_interval_of(np.array(alike), single)
    exact = binomtest(105, 120).proportion_ci(0.95)
    for spread in ([0.75, 1.0] * 15, [0.875] * 30):
        assert share_interval_of(np.array(spread), 4)[1] == pytest.approx(
            (exact.low, exact.high), rel=1e-9
        )
    for ends in (np.zeros(9), np.ones(9)):
        exact = binomtest(int(ends.sum()), 9).proportion_ci(0.95)
        assert share_interval_of(ends, 4)[1] == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_median_interval_is_that_of_order_statistics():
    values = np.random.default_rng(0).normal(size=31)
    middle, interval = median_interval(values)
    theirs = quantile_test(values, q=0, p=0.5).confidence_interval(0.95)
    assert middle == np.median(values)
    assert interval == (theirs.low, theirs.high)
    assert median_interval(values[:5])[1] is None  # 2 / 2^5 is more than 5 %
    assert median_interval(values[:6])[1] == (values[:6].min(), values[:6].max())


def test_mean_and_ratio_intervals():
    assert mean_interval(np.array([3.0])) == (3.0, None)
    mean, (low, high) = mean_interval(np.array([1.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2, 2 - 12.706205, 2 + 12.706205))
    ratio, (low, high) = ratio_interval(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    assert (ratio, low, high) == pytest.approx((0.5, 0.5, 0.5))


def test_rank_correlation():
    truths = np.array([1.0, 2, 3, 4, 5, 6])
    assert rank_correlation(np.full(6, 7.0), truths) is None  # a saturated count says nothing
    assert rank_correlation(truths**2, truths) == pytest.approx(1)
    values = np.array([1.0, 1, 2, 5, 4, 6])
    assert rank_correlation(values, truths) == kendalltau(values, truths).statistic
    clusters = np.arange(6)
    low, high = rank_interval(values, truths, clusters)
    assert low < rank_correlation(values, truths) <= high
    assert rank_interval(values, truths, clusters % 4) is None


def test_intervals_of_biases_are_possible():
    """Of two sets of weights Student's interval is so wide that it leaves what can be."""
    outcomes = {
        method: [[Outcome(300, 0, method, 10.0, value, None, None, None)] for value in values]
        for method, values in (("observed", (9.0, 1.0)), ("chao1", (9.0, 30.0)))
    }
    for method, least, most in (("observed", -1, 0), ("chao1", -1, inf)):
        values = np.array([cell[0].value / 10 - 1 for cell in outcomes[method]])
        low, high = mean_interval(values)[1]
        assert low < least and (high > most or most == inf)
        one = _figure("random", 2, 300, method, 2, outcomes[method])
        assert one.bias == pytest.approx(values.mean())
        assert one.bias_interval == (least, min(high, most))


def test_figures_of_a_study(found):
    table = {(f.family, f.dim, f.samples, f.method): f for f in figures(found)}
    assert len(table) == 3 * 2 * 2 * 9
    every, one = table[ALL, 2, 300, "chao1"], table["centred", 2, 300, "chao1"]
    assert (every.networks, one.networks) == (4, 2)
    errors = [
        o.value / o.truth - 1
        for j in found.judged
        for o in j.outcomes
        if (o.samples, o.method) == (300, "chao1")
    ]
    assert every.bias == pytest.approx(np.mean(errors))
    by_weights = np.mean(np.reshape(errors, (2, 2 * 2)), axis=1)  # two families, two samples each
    assert every.bias_interval == pytest.approx(mean_interval(by_weights)[1])
    covered = [
        o.is_covered for j in found.judged if j.family == "centred" for o in j.outcomes
        if (o.samples, o.method) == (300, "chao1")
    ]  # fmt: skip
    assert one.coverage == np.mean(covered)
    row = flat(one)
    assert row["bias_interval_low"] == one.bias_interval[0] and "bias_interval" not in row
    assert [(n.family, n.dim, n.networks) for n in needs(found)] == [
        ("random", 2, 2), ("centred", 2, 2)]  # fmt: skip
    assert {r.samples for r in rankings(found)} == {40, 300}


def test_tables_of_a_study(found, tmp_path):
    networks, estimates = networks_table(found), estimates_table(found)
    assert networks.num_rows == 4 and estimates.num_rows == 4 * 2 * 2 * 9
    assert networks.column("regions").to_pylist() == [j.regions for j in found.judged]
    pq.write_table(estimates, tmp_path / "e.parquet")
    assert pq.read_table(tmp_path / "e.parquet").equals(estimates)


# Local densities.


def test_local_complexity_is_exact_in_the_first_layer_and_may_miss_in_the_second():
    """|x| < 1/2 is where the second neuron is on: at no corner of [-1, 1], yet inside."""
    net = Network.from_arrays([[[1], [-1]], [[-1, -1]], [[1]]], [[0, 0], ["1/2"], [0]])
    part = partition(net, Domain.ball((0,), 1, norm=1))
    assert local.neurons_cut(part.patterns, net.widths) == (2, 1)
    assert local.local_complexity(net, F(1)) == (2, 0)
    assert local.local_complexity(net, F(1, 4)) == (2, 0)


def test_the_hull_is_the_ball_of_the_slice():
    """Along the axes the slice's ball is the ball of the norm 1 about x."""
    x = (F(1, 3), F(-1, 5))
    here = partition(NET.restrict(x, [(1, 0), (0, 1)]), Domain.ball((0, 0), "1/2", norm=1))
    there = partition(NET, Domain.ball(x, "1/2", norm=1))
    assert {*map(tuple, here.patterns.tolist())} == {*map(tuple, there.patterns.tolist())}


def test_points_of_a_hull_are_inside_and_uniform():
    points = local.points_of_hull(np.random.default_rng(0), 20_000, 2, 0.2)
    norms = np.abs(points).sum(axis=1)
    assert norms.max() < 0.2
    # The share within half of the radius is 1/4, and each quadrant has a quarter.
    assert binomtest(int((norms < 0.1).sum()), 20_000, 0.25).pvalue > 1e-6
    assert binomtest(int((points > 0).all(axis=1).sum()), 20_000, 0.25).pvalue > 1e-6


def test_frames_are_orthonormal():
    frame = np.array(local.orthonormal(np.random.default_rng(1), 3, 5))
    assert np.abs(frame @ frame.T - np.eye(3)).max() < 1e-14


def test_local_study():
    settings = LocalSettings(
        networks=2, width=3, depths=(1, 2), directions=(1, 2), radii=(F(1, 5), F(1, 2)), points=2,
        samples=100, families=("random", "centred"),
    )  # fmt: skip
    found = study_locally(problem_of(TABLE, 2), settings)
    assert len(found.densities) == 2 * 2 * 2 * 2 * 2 * 2 and found.outside == 0
    assert all(d.is_consistent and d.seen <= d.regions for d in found.densities)
    assert found == study_locally(problem_of(TABLE, 2), settings)
    table = local_figures(found)
    assert len(table) == 2 * 2 * 2 + 2 * 2
    one = [d for d in found.densities if (d.depth, d.directions, d.radius) == (2, 2, F(1, 2))]
    figure = next(f for f in table if (f.depth, f.directions, f.radius) == (2, 2, F(1, 2)))
    assert figure.regions == np.mean([d.regions for d in one])
    assert figure.seen == pytest.approx(sum(d.seen for d in one) / sum(d.regions for d in one) - 1)
    assert study_locally(problem_of(TABLE, 2), settings, max_seconds=0).stopped is not None
    with pytest.raises(InputError, match="at most as many"):
        study_locally(problem_of(TABLE, 2), replace(settings, directions=(3,)))


@pytest.mark.parametrize("change", [
    {"depths": ()}, {"depths": (2, 1)}, {"radii": (F(0),)}, {"directions": (1, 1)}, {"points": 0},
])  # fmt: skip
def test_local_settings_that_cannot_be_are_refused(change):
    with pytest.raises(InputError, match="expected"):
        LocalSettings(**change)


@pytest.mark.parametrize(("weight", "bias"), [(1, 1), (-1, -1), (-1, 1), (1, -1)])
def test_a_hyperplane_that_touches_the_ball_cuts_nothing(weight: int, bias: int) -> None:
    network = Network.from_arrays([[[weight, 0]], [[1]]], [[bias], [0]])
    assert local.local_complexity(network, Fraction(1)) == (0,)
    assert local.local_complexity(network, Fraction(9, 8)) == (1,)

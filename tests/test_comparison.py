"""The comparison on small data: every measure against a slow recomputation, and the theorems."""

from dataclasses import replace
from fractions import Fraction

import pytest

from exactbn.errors import DegenerateError, InputError
from exactbn.exact.rational import dot
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.regions.partitioning import partition
from exactbn.study import comparison as module
from exactbn.study.comparison import (
    DATA_VARIANTS,
    MAX_FACES,
    NETWORKS,
    Settings,
    compare,
    data_variants,
    draw_points,
    faces_to_begin,
    measure_labels,
)
from exactbn.study.dataset import read_csv
from exactbn.study.findings import (
    PHRASES,
    check_theorems,
    count_tests,
    describe,
    few_seeds,
    median_table,
    pair_differences,
    paired_rows,
    verdict,
)
from exactbn.study.paired import compare_pairs, exact_mean, exact_median

F = Fraction

CSV = b"a,b,kind\n1.0,2,u\n3.5,-1,u\n-2,4.2,v\n0,5,v\n6,1,u\n2,2.5,v\n1,2,u\n"
SMALL = Settings(seeds=(0, 1, 2), widths=(4, 3), random_points=5, radii=(F(1, 10), F(1, 2)))


@pytest.fixture(scope="module")
def data():
    return read_csv("x.csv", content=CSV)


@pytest.fixture(scope="module")
def comparison(data):
    return compare(data, SMALL)


def test_every_network_is_there(comparison):
    assert comparison.is_complete
    assert not comparison.undefined
    assert len(comparison.measures) == 3 * 2 * 4
    assert set(comparison.shown) == {(d, n) for d in DATA_VARIANTS for n in NETWORKS}
    assert {m.sigma_policy for m in comparison.measures if m.network == "centred"} == {"none"}
    assert {m.sigma_policy for m in comparison.measures if m.network == "scaled"} == {"rounded"}
    for m in comparison.measures:
        assert set(m.values) == set(measure_labels(SMALL))


def test_the_weights_of_a_seed_are_shared(comparison):
    parts = [comparison.shown["raw", name].network for name in ("random", "zero", "centred")]
    assert len({tuple(t.weight for t in net.layers) for net in parts}) == 1
    raw = comparison.select("raw", "random")
    standardized = comparison.select("standardized", "random")
    assert [raw[s].sha256 for s in raw] == [standardized[s].sha256 for s in raw]
    assert raw[0].sha256 != raw[1].sha256


@pytest.mark.parametrize("variant", DATA_VARIANTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_measures_against_single_computations(comparison, variant, name):
    part = comparison.shown[variant, name]
    measures = comparison.select(variant, name)[0]
    form = next(v for v in comparison.variants if v.key == variant)
    assert part.box == form.box
    assert measures.values["regions"] == part.num_regions
    for j, radius in enumerate(form.radii):
        for points, counts in ((form.points, measures.data_counts[j]),
                               (measures.random_points, measures.random_counts[j])):
            for x, count in zip(points, counts, strict=True):
                ball = (tuple(t - radius for t in x), tuple(t + radius for t in x))
                assert partition(part.network, ball).num_regions == count
    for j, radius in enumerate(SMALL.radii):
        near, far = sum(measures.data_counts[j]), sum(measures.random_counts[j])
        assert measures.values[f"near_data@{radius}"] == F(near, len(form.points))
        assert measures.values[f"near_random@{radius}"] == F(far, SMALL.random_points)
        assert measures.values[f"concentration@{radius}"] == F(
            near * SMALL.random_points, far * len(form.points)
        )
    first = part.network.layers[0]
    total = sum((dot(w, x) + b) ** 2 / dot(w, w)
                for w, b in zip(first.weight, first.bias, strict=True) for x in form.points)
    assert measures.values["layer1_sum"] == total
    inside = {part.region_of(x) for x in form.points} - {None}
    assert measures.values["regions_with_data"] == len(inside)
    signs = [[z for layer in part.network.preactivations(x) for z in layer] for x in form.points]
    assert measures.values["cut_units"] == sum(min(c) < 0 < max(c) for c in zip(*signs))
    squared = [t for t in measures.points.squared_distances if t is not None]
    assert measures.values["mean_squared_distance"] == sum(squared, F(0)) / len(squared)
    assert measures.values["median_squared_distance"] == exact_median(squared)


def test_boxes_and_radii_are_exact(data):
    raw, standardized = data_variants(data, SMALL)
    assert raw.box == Box((F(-4), F(-5, 2)), (F(8), F(13, 2)))
    assert raw.radii == (F(8, 10), F(4))
    assert standardized.key == "standardized"
    assert [exact_mean(c) for c in zip(*standardized.points, strict=True)] == [0, 0]
    grown = data_variants(data, replace(SMALL, margin=F(0)))[0]
    assert grown.box == Box(*data.bounds)


def test_random_points_are_dyadic_parts_of_the_open_box():
    box = Box((F(0), F(-1, 3)), (F(1), F(2, 3)))
    points = draw_points(box, 50, seed=4)
    assert points == draw_points(box, 50, seed=4) != draw_points(box, 50, seed=5)
    for x in points:
        assert all(lo < t < hi for lo, t, hi in zip(box.lo, x, box.hi, strict=True))
        assert ((x[0] - box.lo[0]) * 2**33).denominator == 1


def test_a_layer_is_central_where_all_its_hyperplanes_are():
    points = ((F(0), F(1)), (F(2), F(3)))  # Their mean is (1, 2).
    through, beside = ([1, 1], -3), ([1, 0], 0)
    for rows, expected in (((through, through), True), ((through, beside), False)):
        net = Network.from_arrays([[w for w, _ in rows], [[1, 1]]], [[b for _, b in rows], [0]])
        assert module._is_central(net, points) is expected


def test_theorems_hold_and_are_counted(comparison):
    checks = {c.name: c for c in check_theorems(comparison)}
    assert all(c.is_held for c in checks.values())
    assert checks["central"].total == 3 * 2 * 2
    assert checks["least squares"].total == 3 * 2 * 2
    assert checks["scale"].total == 3 * 2
    assert checks["origin"].total == 3
    assert checks["both sides"].total == 3 * 2 * 2 * 7


def test_a_false_number_breaks_its_theorem(comparison):
    wrong = [
        replace(m, points=replace(m.points, layer1_sum=m.points.layer1_sum + 1))
        if (m.seed, m.data, m.network) == (1, "raw", "scaled") else m
        for m in comparison.measures
    ]
    checks = {c.name: c for c in check_theorems(replace(comparison, measures=tuple(wrong)))}
    assert (checks["scale"].held, checks["scale"].total) == (5, 6)
    assert not checks["scale"].is_held


def test_a_scaled_network_that_does_not_exist_is_named_and_left_out(monkeypatch):
    # Unit 0 of layer 1 is x + y - 3, which is 0 at both points: its sigma is 0.
    net = Network.from_arrays([[[1, 1], [1, 0]], [[1, 2]], [[1]]], [[0, 0], [1], [0]])
    flat = Network.from_arrays([[[1, 0], [0, 1]], [[1, 2]], [[1]]], [[0, 0], [1], [0]])
    monkeypatch.setattr(module, "initialize_network", lambda seed, **_: flat if seed else net)
    data = read_csv("x.csv", content=b"a,b\n1,2\n5,-2\n")
    result = compare(data, replace(SMALL, seeds=(0, 1)))
    assert {(u.seed, u.data, u.network) for u in result.undefined} == {
        (0, "raw", "scaled"), (0, "standardized", "scaled")
    }
    assert "BatchNorm 0, unit 0: variance is 0 and eps is 0" in result.undefined[0].reason
    rows = paired_rows(result)
    counts = {r.result.count for r in rows if "scaled" in (r.first, r.second)}
    assert counts == {1}
    assert all(c.is_held for c in check_theorems(result))
    assert not compare(data, replace(SMALL, seeds=(0, 1), eps=F(1, 100))).undefined
    none = compare(data, replace(SMALL, seeds=(0,)))
    rows = paired_rows(none)
    assert all((row.result is None) == (row.first == "scaled") for row in rows)
    assert median_table(none, "raw")[0][1][3] == "not defined"
    assert [s.heading for s in describe(none, rows)] == [
        "BN-centred against random bias", "BN-centred against zero bias"
    ] * 2


def test_a_budget_may_leave_nothing(data):
    for limit, reason in (({"max_regions": 1}, "the budget is spent"),
                          ({"max_seconds": 0.0}, "the 0 seconds of --max-seconds are spent")):
        result = compare(data, replace(SMALL, **limit))
        assert not result.is_complete and result.stopped.startswith(reason)
        assert result.stopped.endswith("(0 of 24 networks done)")
        assert result.measures == () and not result.shown
        assert all(c.held == c.total == 0 for c in check_theorems(result))
        assert median_table(result, "raw")[0][1] == ["not defined"] * 4
        assert describe(result, paired_rows(result)) == []


def test_a_budget_counts_inside_the_balls(data, monkeypatch):
    """The second network's balls are over the time: its partition alone is no measure."""
    budgets = []

    def counted(network, balls, *, max_seconds, progress):
        budgets.append(max_seconds)
        late = 0.0 if len(budgets) == 2 else max_seconds
        return count_regions(network, balls, max_seconds=late, progress=progress)

    monkeypatch.setattr(module, "count_regions", counted)
    result = compare(data, replace(SMALL, max_seconds=1e6))
    assert len(budgets) == 2 and all(0 < t <= 1e6 for t in budgets)
    assert "while regions are counted in" in result.stopped
    assert "1 of 24 networks done" in result.stopped
    assert [(m.seed, m.data, m.network) for m in result.measures] == [(0, "raw", "random")]
    assert set(result.shown) == {("raw", "random")}


def test_progress_says_what_is_in_hand(data):
    notes = []
    compare(data, replace(SMALL, seeds=(4,)), progress=lambda *a: notes.append(a))
    assert notes[0] == (0, 8, "seed 4, raw, random")
    assert notes[-1][:2] == (7, 8)
    assert any(t.startswith("seed 4, raw, zero (box: 1 of 7 neurons, ") for _, _, t in notes)
    assert any(t.startswith("seed 4, raw, zero (balls: 7 of 7 neurons, ") for _, _, t in notes)


def test_too_many_features_are_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr(module, "standardize", None)
    monkeypatch.setattr(module, "initialize_network", None)
    names = ",".join(f"x{i}" for i in range(13))
    rows = "\n".join(",".join(str(i * j % 7) for j in range(13)) for i in range(1, 9))
    wide = read_csv("x.csv", content=f"{names}\n{rows}\n".encode())
    # Rows 1 and 8 are equal: 7 different points and 5 random ones, 2 radii, and the box.
    assert faces_to_begin(wide, SMALL) == (1 + 12 * 2) * 3**13
    few = replace(SMALL, random_points=30)
    assert faces_to_begin(wide, few) > MAX_FACES >= faces_to_begin(wide, SMALL)
    with pytest.raises(InputError, match=r"13 features.* 3\^13 = 1594323 .*--features, as x0,x1"):
        compare(wide, few)


def test_constant_columns_are_refused():
    flat = read_csv("x.csv", content=b"a,b\n1,2\n1,3\n")
    with pytest.raises(DegenerateError, match=r"x.csv: the column 'a' is constant \(1\)"):
        compare(flat, SMALL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": ()}, "expected at least one, each once"),
        ({"seeds": (1, 1)}, "expected at least one, each once"),
        ({"radii": ()}, "the radii are .*, expected at least one, all different and > 0"),
        ({"radii": (F(0),)}, "the radii are .*, expected at least one, all different and > 0"),
        ({"radii": (F(1), F(1))}, "the radii are .*, expected at least one, all different and > 0"),
        ({"random_points": 0}, "random points: got 0, expected at least 1"),
        ({"radii": (F(1, 10**5000),)}, "at most 200"),
        ({"margin": F(-1)}, "the margin is -1, expected >= 0"),
        ({"eps": F(-1)}, "eps is -1, expected >= 0"),
        ({"max_seconds": float("nan")}, "max_seconds is nan"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(InputError, match=message):
        replace(SMALL, **changes)


def test_pairs_are_differences_seed_by_seed(comparison):
    first, second = comparison.select("raw", "centred"), comparison.select("raw", "zero")
    found = pair_differences(first, second, "regions")
    assert found == {s: first[s].values["regions"] - second[s].values["regions"] for s in range(3)}
    del second[1]
    assert set(pair_differences(first, second, "regions")) == {0, 2}
    row = next(r for r in paired_rows(comparison)
               if (r.data, r.first, r.second, r.measure) == ("raw", "centred", "zero", "regions"))
    assert row.result == compare_pairs(list(found.values()))


def test_verdicts():
    up = compare_pairs([F(k) for k in range(1, 13)])
    assert verdict(up, 1) == (1, "clearly")
    assert verdict(up, 10**4) == (1, "probably")
    assert verdict(compare_pairs([-F(k) for k in range(1, 13)]), 1) == (-1, "clearly")
    assert verdict(compare_pairs([F(1), F(-2), F(3), F(-4), F(5), F(-6)]), 1) == (0, "")
    assert verdict(compare_pairs([F(0)] * 5), 1) == (0, "")
    assert verdict(compare_pairs([F(5)]), 1) == (0, "")


def test_what_seeds_cannot_show():
    """The least p of n seeds is 2 / 2^n: 1/16 for five, 1/32 for six."""
    five, six = (compare_pairs([F(k) for k in range(1, n + 1)]) for n in (5, 6))
    assert verdict(five, 1) == (0, "") and verdict(six, 1) == (1, "clearly")
    text = few_seeds(5, 100)
    assert "at least 6 are needed for the first, 12 for the second in 100 tests" in text
    assert few_seeds(1, 1).startswith("With 1 seed no difference can be called probable or clear")
    assert few_seeds(6, 100).endswith("called clear in 100 tests: at least 12 are needed.")
    assert few_seeds(11, 100) and few_seeds(12, 100) == ""
    # With 100 tests eleven seeds are one too few, and twelve are enough.
    for seeds, force in ((11, "probably"), (12, "clearly")):
        assert verdict(compare_pairs([F(k) for k in range(1, seeds + 1)]), 100) == (1, force)


def test_every_measure_of_the_tables_is_put_into_words(comparison):
    keys = {key.partition("@")[0] for key in measure_labels(comparison.settings)}
    assert keys == set(PHRASES)


def test_words_follow_the_numbers(comparison):
    rows = paired_rows(comparison)
    assert count_tests(rows) < len(rows)
    sentences = describe(comparison, rows)
    assert len(sentences) == 6
    text = next(s.text for s in sentences if s.heading.startswith("BN-centred and scaled"))
    assert text.startswith("Too few seeds to tell anything (at least 6 are needed) of the number")
    short = {s.short for s in sentences}
    assert short == {"Cannot tell, too few seeds to tell anything (at least 6 are needed)."}
    assert "no difference in any seed in" in text


@pytest.mark.parametrize("columns", [b"a\n1\n2\n5\n", b"a,b,c\n1,0,2\n2,1,0\n5,3,3\n0,0,1\n"])
def test_other_dimensions(columns):
    result = compare(read_csv("x.csv", content=columns), replace(SMALL, seeds=(0,)))
    assert result.is_complete
    assert all(c.is_held for c in check_theorems(result))

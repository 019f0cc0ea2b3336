"""The training experiments: data, training, exact measures, paired tests, and their record."""

import json
import runpy
from fractions import Fraction
from math import log, sqrt
from pathlib import Path

import pytest

from exactbn.claims.families import training
from exactbn.claims.families.training import (
    Row,
    agreement,
    paired,
    recorded,
    recorded_rows,
    repetition_fault,
)
from exactbn.claims.ledger.claim import Effort
from exactbn.claims.ledger.ledger import find_claim
from exactbn.claims.ledger.verdict import Status
from exactbn.claims.pictures import draw_jitter, draw_rows
from exactbn.claims.training import experiments
from exactbn.claims.training.experiments import (
    STARTS,
    WIDTHS,
    initialization,
    jitter,
    logits,
    measure,
    noise,
    reached,
    settings,
    start,
)
from exactbn.study.learning import (
    Recipe,
    losses,
    model_of,
    normalized,
    stored,
    train,
)
from exactbn.claims.training.problems import Problem, problems
from exactbn.errors import InputError
from exactbn.model.batchnorm import statistics
from exactbn.model.network import Network
from exactbn.study.initialization import initialize_network

ROOT = Path(__file__).parents[1]
PROBLEMS = problems()
IRIS = PROBLEMS[1]
F = Fraction


def networks(count: int) -> list[Network]:
    """Return small networks as the experiments draw them."""
    return [initialize_network(seed, num_inputs=2, widths=(4, 3)) for seed in range(count)]


def trained(recipe: Recipe, count: int = 2) -> list[Network]:
    """Return networks after training on iris, as exact networks."""
    model = model_of(networks(count), is_normalized=recipe.is_normalized)
    steps = list(train(model, IRIS.train, IRIS.train_labels, recipe, seed=0,
                       checkpoints=[recipe.steps]))  # fmt: skip
    assert steps == [recipe.steps]
    return [normalized(*stored(model, i), IRIS.train) for i in range(count)]


def loss(network: Network) -> float:
    """Return the mean logistic loss on the training set of iris."""
    value = measure(network, IRIS)["loss"]
    assert value is not None
    return value


def test_data_is_what_its_maker_makes_of_the_tables() -> None:
    maker = runpy.run_path(str(ROOT / "data" / "make_training_data.py"))
    made = [*(maker["from_table"](*table) for table in maker["TABLES"]), maker["moons"]()]
    assert json.loads(json.dumps(made)) == json.loads(maker["TARGET"].read_text())


def test_problems() -> None:
    assert [p.key for p in PROBLEMS] == [
        f"{name}, {form}" for name in ("iris", "wine", "moons") for form in ("raw", "standardized")
    ]
    sizes = [(len(p.train), len(p.test)) for p in PROBLEMS[::2]]
    assert sizes == [(68, 32), (88, 42), (80, 40)]
    # The first and the third versicolor of Fisher's table: a training and a test point.
    assert PROBLEMS[0].train[0] == (F(47, 10), F(14, 10))
    assert PROBLEMS[0].test[0] == (F(49, 10), F(15, 10))
    for problem in PROBLEMS[1::2]:
        everything = (*problem.train, *problem.test)
        assert all(256 % t.denominator == 0 for x in everything for t in x)
        for column in zip(*everything, strict=True):
            assert abs(sum(column) / len(column)) < F(1, 256)


def test_balls_box_and_grid() -> None:
    problem = Problem("p", "raw", ((F(0), F(0)), (F(4), F(2))), (0, 1), (), ())
    assert problem.longest == 4
    assert problem.balls(F(1, 8))[1].lo == (F(7, 2), F(3, 2))
    assert problem.box(2).hi == (12, 10)
    assert problem.grid(2) == ((F(1), F(1, 2)), (F(1), F(3, 2)), (F(3), F(1, 2)), (F(3), F(3, 2)))


@pytest.mark.parametrize(
    "recipe",
    [Recipe(None, False, steps=60), Recipe(8, True, steps=60), Recipe(8, True, True, steps=60)],
    ids=["plain", "mini-batch statistics", "whole statistics"],
)
def test_training_lowers_the_loss_and_repeats(recipe: Recipe) -> None:
    first = trained(recipe)
    before = [normalized(net, [], IRIS.train) for net in networks(2)]
    assert all(loss(a) < loss(b) for a, b in zip(first, before, strict=True))
    assert [net.sha256 for net in trained(recipe)] == [net.sha256 for net in first]


def test_networks_are_trained_apart() -> None:
    recipe = Recipe(None, True, steps=20)
    alone, beside = trained(recipe, 1)[0], trained(recipe, 3)[0]
    for x in IRIS.test[:5]:
        assert float(alone.forward(x)[0]) == pytest.approx(float(beside.forward(x)[0]), abs=1e-3)


def test_the_exact_network_is_the_trained_one() -> None:
    import torch

    from exactbn.study.learning import _logits

    model = model_of(networks(2), is_normalized=True)
    for _ in train(model, IRIS.train, IRIS.train_labels, Recipe(8, True, steps=30), seed=0,
                   checkpoints=[]):  # fmt: skip
        raise AssertionError("no checkpoint was asked for")
    x = torch.tensor([[float(t) for t in point] for point in IRIS.train]).expand(2, -1, -1)
    values = _logits(model, x).detach()
    assert torch.allclose(values, _logits(model, x, x).detach(), atol=1e-5)
    for i in range(2):
        exact = logits(normalized(*stored(model, i), IRIS.train), IRIS.train)
        assert [float(t) for t in exact] == pytest.approx(values[i].tolist(), abs=1e-4)


def test_folded_statistics_are_gamma_and_beta() -> None:
    network = networks(1)[0]
    affine = [([2.0] * 4, [0.5] * 4), ([1.0] * 3, [-1.0] * 3)]
    found = statistics(normalized(network, affine, IRIS.train), IRIS.train)
    for layer, (gamma, beta) in zip(found, affine, strict=True):
        assert [float(t) for t in layer.mean] == pytest.approx(beta, abs=1e-9)
        assert all(sqrt(t) <= g for t, g in zip(layer.variance, gamma, strict=True))
    assert [sqrt(t) for t in found[0].variance] == pytest.approx(affine[0][0], rel=1e-2)


def test_starts_share_their_weights() -> None:
    network = networks(1)[0]
    made = {name: start(name, network, IRIS.train) for name in STARTS}
    assert made["random"] is network
    assert {t for layer in made["zero"].hidden for t in layer.bias} == {0}
    for layer in statistics(made["centred"], IRIS.train):
        assert set(layer.mean) == {0}
    assert [t.weight for t in made["centred"].layers] == [t.weight for t in network.layers]
    for name in ("scaled", "rescaled"):
        for layer in statistics(made[name], IRIS.train):
            assert all(t == pytest.approx(1, abs=0.1) or t < 1 for t in map(float, layer.variance))
    assert {t for layer in made["rescaled"].hidden for t in layer.bias} == {0}


def test_measures_by_hand() -> None:
    # relu(x) - relu(-x) = x, the logit is x - 1: the boundary is the line x = 1.
    network = Network.from_arrays([[[1, 0], [-1, 0]], [[1, -1]]], [[0, 0], [-1]])
    points = tuple((F(t), F(0)) for t in (-3, 0, 2, 5, 4))
    problem = Problem("p", "raw", points, (0, 0, 1, 1, 0), ((F(9), F(0)),), (0,))
    found = measure(network, problem)
    # Signed distances 4, 1, 1, 4 and -3 (wrong); balls of radius 8/20 about -3, 0, 2, 5, 4.
    assert found["margin"] == 1 and found["least"] == 1
    assert found["train"] == 4 and found["test"] == 0
    assert found["regions"] == 1 + 2 + 1 + 1 + 1
    expected = sum(log(1 + 2.718281828459045 ** -t) for t in (4, 1, 1, 4, -3)) / 5
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_medians_over_even_numbers_are_means_of_the_two_in_the_middle() -> None:
    network = Network.from_arrays([[[1, 0], [-1, 0]], [[1, -1]]], [[0, 0], [-1]])
    points = tuple((F(t), F(0)) for t in (-3, 0, 3, 8))
    # Signed distances 4, 1, 2 and 7 from the line x = 1.
    problem = Problem("p", "raw", points, (0, 0, 1, 1), points[:1], (0,))
    assert measure(network, problem)["margin"] == 3
    # No boundary: as many right as wrong at infinity, and no median.
    constant = Network.from_arrays([[[1, 0]], [[0]]], [[0], [1]])
    assert measure(constant, problem)["margin"] is None


def test_losses_are_those_that_are_measured() -> None:
    model = model_of(networks(2), is_normalized=True)
    list(train(model, IRIS.train, IRIS.train_labels, Recipe(8, True, steps=30), seed=0,
               checkpoints=[]))  # fmt: skip
    found = losses(model, IRIS.train, IRIS.train_labels)
    exact = [loss(normalized(*stored(model, i), IRIS.train)) for i in range(2)]
    assert found == pytest.approx(exact, rel=1e-4)
    assert set(reached(model, IRIS, {0: found[0], 1: found[1] / 2})) == {0}
    assert reached(model, IRIS, {0: None}) == {}


def test_no_decision_boundary_is_no_number() -> None:
    constant = Network.from_arrays([[[1, 0]], [[0]]], [[0], [1]])
    found = measure(constant, IRIS)
    assert found["margin"] is None and found["least"] is None
    assert found["train"] == sum(IRIS.train_labels)


def test_the_whole_training_set_does_not_jitter() -> None:
    model = model_of(networks(1), is_normalized=True)
    list(train(model, IRIS.train, IRIS.train_labels, Recipe(8, True, steps=100), seed=0,
               checkpoints=[]))  # fmt: skip
    found = jitter(*stored(model, 0), IRIS, len(IRIS.train), 0)
    assert found["moved"] == 0 and found["spread"] == 0
    small = jitter(*stored(model, 0), IRIS, 4, 0)["moved"]
    assert small is not None and small > 0


def test_experiments_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    first = initialization(IRIS, range(2), steps=0)
    assert set(first) == set(STARTS) and set(first["zero"]) == {"0"}
    assert first["bn"]["0"] == first["scaled"]["0"]
    assert len(first["zero"]["0"]["regions"]) == 2
    monkeypatch.setattr(experiments, "BATCHES", (4,))
    monkeypatch.setattr(experiments, "EVERY", 1)
    second = noise(IRIS, range(1), steps=3)
    assert set(second["mini 4"]) - set(second["whole 4"]) == {"moved", "spread"}
    (end,), (early,), (late,) = (second[f"{way} 4"]["loss"] for way in ("mini", "early", "whole"))
    assert None not in (end, early, late) and early >= late  # type: ignore[operator]
    assert early <= end or early == late  # type: ignore[operator]


def test_some_are_measured_of_what_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = initialization(IRIS, range(2), steps=100, names=("random",))
    some = initialization(IRIS, range(2), steps=100, names=("random",), measured=1)
    assert set(some["random"]) == {"0", "100"}
    for step, figures in some["random"].items():
        assert figures == {name: values[:1] for name, values in whole["random"][step].items()}
    assert agreement(some, whole) == "12 of 12 figures equal, of 2 of 30 seeds"
    some["random"]["100"]["margin"] = [-1.0]
    assert agreement(some, whole).startswith("11 of 12")
    monkeypatch.setattr(experiments, "BATCHES", (32,))
    for figures in noise(IRIS, range(2), steps=1, measured=1).values():
        assert {len(values) for values in figures.values()} == {1}


def test_training_uses_one_thread() -> None:
    import torch

    before, within = torch.get_num_threads(), []
    for _ in train(model_of(networks(1), is_normalized=False), IRIS.train, IRIS.train_labels,
                   Recipe(8, False, steps=1), seed=0, checkpoints=[0, 1]):  # fmt: skip
        within.append(torch.get_num_threads())
    assert within == [1, 1] and torch.get_num_threads() == before


def test_paired_rows() -> None:
    more, less = {"m": [3, 4, None, 5.5] * 4}, {"m": [1, 1, 1, None] * 4}
    row = paired(("measure", "m", 1), "a", "b", "p", more, less)
    assert row.values == (2.0, 3.0) * 4
    assert row.result.median == F(5, 2)
    found = row.comparison
    assert found.direction == 1 and found.p_value == row.result.wilcoxon_p < 0.05
    assert found.group == "measure" and "a" in found.name and "up in 8 and down in 0" in found.text
    assert paired(("measure", "m", -1), "a", "b", "p", more, less).comparison.direction == -1
    assert paired(("measure", "m", 1), "a", "b", "p", more, more).comparison.direction == 0
    with pytest.raises(InputError, match="in no seed"):
        paired(("measure", "m", 1), "a", "b", "p", {"m": [None]}, {"m": [1]})


def test_record_is_of_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = recorded()
    assert record["settings"] == json.loads(json.dumps(settings()))
    assert tuple(record["settings"]["widths"]) == WIDTHS  # type: ignore[index]
    assert min(experiments.SEEDS) >= 60_000 and len(experiments.SEEDS) == 30
    other = tmp_path / "training.json"
    other.write_text(json.dumps(record | {"settings": {}}))
    monkeypatch.setattr(training, "RECORD", other)
    with pytest.raises(InputError, match="other settings"):
        recorded()
    monkeypatch.setattr(training, "RECORD", tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        recorded()


def test_a_changed_record_opens_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    record = json.loads(training.RECORD.read_text(encoding="utf-8"))
    figures = record["initialization"]
    assert repetition_fault(figures) == ""
    figures[PROBLEMS[0].key]["centred"]["0"]["regions"][1] += 1
    monkeypatch.setattr(training, "recorded", lambda: record)
    verdict = training.smart_initialization(Effort())
    assert verdict.status is Status.OPEN and "centred: regions" in verdict.summary


@pytest.mark.parametrize("key", ["K17", "K18"])
def test_recorded_rows_and_their_picture(key: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows: list[Row] = recorded_rows(key)
    assert len(rows) == find_claim(key).tests
    if key == "K17":
        # BN statistics are means and scales: the arm that starts from both is the one tested.
        assert {row.first for row in rows} == {"scaled"}
        assert {row.second for row in rows} == {"zero", "random", "rescaled"}
    # A question is asked against one baseline, so that unlike ones are not added up.
    asked: dict[str, set[str]] = {}
    for row in rows:
        asked.setdefault(row.comparison.group, set()).add(row.second.partition(" ")[0])
        named = "test points" in row.comparison.name
        assert named == row.question.startswith("test points right")
    assert all(len(seconds) == 1 for seconds in asked.values())
    for problem in PROBLEMS:
        sizes = f"({len(problem.train)} training and {len(problem.test)} test points)"
        shorter = f"({len(problem.train)} and {len(problem.test)})"
        assert any(t in find_claim(key).assumptions for t in (sizes, shorter))
    draw_rows(rows, tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")


def test_picture_of_the_jitter(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw_jitter(tmp_path / "jitter.png", steps=20, count=2)
    assert (tmp_path / "jitter.png").read_bytes().startswith(b"\x89PNG")

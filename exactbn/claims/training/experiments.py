"""The training experiments behind two claims: smart initialization, and noise that widens margins.

All settings stand here; they were fixed after a pilot on other seeds, and before the run whose
figures are recorded. Networks are trained in float32 and measured exactly: what is counted and what
distances are taken of is the network as it is stored.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import exp, inf, isfinite, log1p
from statistics import median

from exactbn.study.learning import (
    EPS,
    Model,
    Recipe,
    Stored,
    losses,
    model_of,
    normalized,
    stored,
    train,
)
from exactbn.claims.training.problems import Problem, problems
from exactbn.exact.rational import Matrix, sqrt_rounded
from exactbn.model.batchnorm import center, statistics
from exactbn.model.evaluation import homogeneous
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.regions.boundary.asked import decision_boundary
from exactbn.study.initialization import initialize_network, zero_biases

#: Fresh ones: the seeds 0 to 29 had been looked at in an earlier record, none of these had.
SEEDS = range(60_000, 60_030)
WIDTHS = (8, 8, 8)
STEPS = 1500
CHECKPOINTS = (0, 100, STEPS)
BATCH = 16
BATCHES = (4, 8, 16, 32)
#: Steps between two looks at the losses, for what is stopped at a loss.
EVERY = 10
#: Radius of the balls about the training points, relative to the longest side of the data.
RADIUS = Fraction(1, 20)
#: A decision boundary is looked for within so many longest sides around the data.
REACH = 8
#: Mini-batches over which the jitter of a trained network is taken, and points a side of the grid.
JITTER_BATCHES, GRID = 8, 16

#: How the networks of one seed begin, on the same weights.
STARTS = {
    "random": "torch's default biases",
    "zero": "zero biases",
    "centred": "biases from BN statistics",
    "scaled": "biases and scales from BN statistics",
    "rescaled": "scales from BN statistics, zero biases",
    "bn": "BN, trained",
}

Figures = dict[str, list[float | None]]


def start(name: str, network: Network, data: Matrix) -> Network:
    """Return the network of torch's default initialization as it begins under one of STARTS."""
    if name == "random":
        return network
    if name == "centred":
        return center(network, data)
    if name == "scaled":
        return center(network, data, scale=True, eps=EPS)
    bare = zero_biases(network)
    return rescaled(bare, data) if name == "rescaled" else bare


def rescaled(network: Network, data: Matrix) -> Network:
    """Return the network with each hidden row over its sigma on the data, biases zero."""
    layers = list(network.layers)
    for index in range(len(layers) - 1):
        variances = statistics(Network(tuple(layers)), data)[index].variance
        sigmas = [sqrt_rounded(variance + EPS) for variance in variances]
        rows = zip(layers[index].weight, sigmas, strict=True)
        weight = tuple(tuple(w / sigma for w in row) for row, sigma in rows)
        layers[index] = replace(layers[index], weight=weight)
    return Network(tuple(layers))


def initialization(
    problem: Problem,
    seeds: Sequence[int],
    *,
    steps: int = STEPS,
    names: Sequence[str] = (*STARTS,),
    measured: int | None = None,
) -> dict[str, dict[str, Figures]]:
    """Return the figures of every start at every checkpoint, one value a seed.

    ``measured`` seeds, the first ones, are measured, all of them where it is not given.
    Mini-batches depend on how many are trained side by side, so the others are trained too.
    """
    drawn = [initialize_network(seed, num_inputs=2, widths=WIDTHS) for seed in seeds]
    results: dict[str, dict[str, Figures]] = {}
    for name in names:
        is_bn = name == "bn"
        networks = [start(name, network, problem.train) for network in drawn]
        model = model_of(drawn if is_bn else networks, is_normalized=is_bn)
        recipe = Recipe(BATCH, is_bn, steps=steps)
        checkpoints = [step for step in CHECKPOINTS if step <= steps]
        results[name] = {}
        for step in train(model, problem.train, problem.train_labels, recipe,
                          seed=seeds[0], checkpoints=checkpoints):  # fmt: skip
            if step == 0:
                # Exact, not rounded to what is trained: rounding would break up central points.
                begin = "scaled" if is_bn else name
                found = [start(begin, each, problem.train) for each in drawn[:measured]]
            else:
                some = range(len(drawn[:measured]))
                found = [normalized(*stored(model, i), problem.train) for i in some]
            results[name][str(step)] = _gathered([measure(net, problem) for net in found])
    return results


def noise(
    problem: Problem, seeds: Sequence[int], *, steps: int = STEPS, measured: int | None = None
) -> dict[str, Figures]:
    """Return the figures after training with BN, for each size of mini-batch, one value a seed.

    "mini B" takes gradient and statistics from the same mini-batch; "whole B" the gradient from
    that mini-batch and the statistics from the training set; "early B" is "whole B" as soon as its
    loss is at most the one that "mini B" ends with, or at the end; "full" takes both from the
    training set. ``measured`` as for :func:`initialization`.
    """
    drawn = [initialize_network(seed, num_inputs=2, widths=WIDTHS) for seed in seeds]
    recipes = {"full": Recipe(None, True, steps=steps)}
    for size in BATCHES:
        recipes[f"mini {size}"] = Recipe(size, True, steps=steps)
        recipes[f"whole {size}"] = Recipe(size, True, True, steps=steps)
    some = seeds[:measured]
    results: dict[str, Figures] = {}
    for name, recipe in recipes.items():
        model = model_of(drawn, is_normalized=True)
        looks = {*range(EVERY, steps, EVERY), steps} if recipe.whole_statistics else {steps}
        early: dict[int, Stored] = {}
        for _ in train(model, problem.train, problem.train_labels, recipe, seed=seeds[0],
                       checkpoints=looks):  # fmt: skip
            if recipe.whole_statistics:
                ends = enumerate(results[f"mini {recipe.batch}"]["loss"])
                early |= reached(model, problem, {i: t for i, t in ends if i not in early})
        found = [stored(model, i) for i in range(len(some))]
        rows = [measure(normalized(*each, problem.train), problem) for each in found]
        if name.startswith("mini"):
            for row, each, seed in zip(rows, found, some, strict=True):
                row |= jitter(*each, problem, recipe.batch or 0, seed)
        results[name] = _gathered(rows)
        if recipe.whole_statistics:
            stopped = [early.get(i, each) for i, each in enumerate(found)]
            results[f"early {recipe.batch}"] = _gathered(
                [measure(normalized(*each, problem.train), problem) for each in stopped]
            )
    return results


def reached(
    model: Model, problem: Problem, ends: Mapping[int, float | None]
) -> dict[int, Stored]:
    """Return those of the networks whose loss is at most the one that is given for them."""
    now = losses(model, problem.train, problem.train_labels)
    return {i: stored(model, i) for i, end in ends.items() if end is not None and now[i] <= end}


def measure(network: Network, problem: Problem) -> dict[str, float | None]:
    """Return what one network is near the data, exactly (roots and the loss rounded at the end).

    ``regions``: the sum over the training points of the regions that meet the ball about each.
    ``margin``: the median over the training points of the distance to the decision boundary,
    negative where the class is wrong. ``least``: the least distance of a point whose class is
    right. None where there is no decision boundary within reach.
    """
    values = logits(network, problem.train)
    truth = [1 if label else -1 for label in problem.train_labels]
    right = [(value > 0) is (t > 0) for value, t in zip(values, truth, strict=True)]
    test = [value > 0 for value in logits(network, problem.test)]
    margins = signed_margins(network, problem, right)
    rights = [m for m, is_right in zip(margins, right, strict=True) if is_right]
    losses = [_log_loss(t * float(value)) for t, value in zip(truth, values, strict=True)]
    return {
        "regions": int(count_regions(network, problem.balls(RADIUS)).sum()),
        "margin": _finite(median(margins)),
        "least": _finite(min(rights, default=inf)),
        "loss": _short(sum(losses) / len(losses)),
        "train": sum(right),
        "test": sum(a is bool(b) for a, b in zip(test, problem.test_labels, strict=True)),
    }


def signed_margins(network: Network, problem: Problem, right: Sequence[bool]) -> list[float]:
    """Return the distance of each training point to the decision boundary, negative where wrong.

    The roots of exact squares, rounded once; infinite where the boundary is out of reach.
    """
    boundary = decision_boundary(network, problem.box(REACH))
    squares = boundary.settled_squared_distances(problem.train)
    distances = [inf if t is None else float(sqrt_rounded(t)) for t in squares]
    return [d if is_right else -d for d, is_right in zip(distances, right, strict=True)]


def jitter(
    network: Network,
    affine: Sequence[tuple[list[float], list[float]]],
    problem: Problem,
    size: int,
    seed: int,
) -> dict[str, float | None]:
    """Return how far the decision boundary moves over the statistics of mini-batches.

    ``moved``: the share of points of a grid over the data whose class is another than under the
    statistics of the whole training set, mean over the mini-batches. ``spread``: the standard
    deviation of a training point's margin over the mini-batches, median over the points.
    """
    rng, grid = random.Random(seed), problem.grid(GRID)
    settled = [value > 0 for value in logits(normalized(network, affine, problem.train), grid)]
    moved, margins = 0, []
    for _ in range(JITTER_BATCHES):
        batch = tuple(rng.sample(problem.train, size))
        other = normalized(network, affine, batch)
        classes = [value > 0 for value in logits(other, grid)]
        moved += sum(a is not b for a, b in zip(classes, settled, strict=True))
        values = logits(other, problem.train)
        right = [(v > 0) is bool(t) for v, t in zip(values, problem.train_labels, strict=True)]
        margins.append(signed_margins(other, problem, right))
    spreads = [_deviation(column) for column in zip(*margins, strict=True)]
    return {
        "moved": _short(moved / (JITTER_BATCHES * len(grid))),
        "spread": _finite(median(spreads)),
    }


def logits(network: Network, points: Matrix) -> list[Fraction]:
    """Return the exact output at each point."""
    last = len(network.layers) - 1
    return [value[0] for value in network.integers.values(homogeneous(points), last)]


def run_initialization(measured: int | None = None) -> dict[str, dict[str, dict[str, Figures]]]:
    """Return the figures of the first experiment, by problem, start and steps done."""
    return {p.key: initialization(p, SEEDS, measured=measured) for p in problems()}


def run_noise(measured: int | None = None) -> dict[str, dict[str, Figures]]:
    """Return the figures of the second experiment, by problem and way of training."""
    chosen = [problem for problem in problems() if problem.form == "standardized"]
    return {problem.key: noise(problem, SEEDS, measured=measured) for problem in chosen}


def settings() -> dict[str, object]:
    """Return everything that the experiments are fixed by."""
    recipe = Recipe(BATCH, True)
    return {
        "seeds": [SEEDS.start, SEEDS.stop],
        "widths": list(WIDTHS),
        "steps": STEPS,
        "rate": recipe.rate,
        "momentum": recipe.momentum,
        "eps": str(EPS),
        "batch": BATCH,
        "batches": list(BATCHES),
        "every": EVERY,
        "radius": str(RADIUS),
        "reach": REACH,
        "jitter_batches": JITTER_BATCHES,
        "grid": GRID,
        "points": {p.key: [len(p.train), len(p.test)] for p in problems()},
    }


def _gathered(rows: Sequence[Mapping[str, float | None]]) -> Figures:
    """Return one list a measure, in the order of the seeds."""
    return {key: [row[key] for row in rows] for key in rows[0]}


def _deviation(values: Sequence[float]) -> float:
    """Return the standard deviation, infinite where a value is."""
    if inf in values or -inf in values:
        return inf
    mean = sum(values) / len(values)
    return float((sum((t - mean) ** 2 for t in values) / len(values)) ** 0.5)


def _log_loss(value: float) -> float:
    """Return log(1 + exp(-value)) without overflow."""
    return log1p(exp(-value)) if value > 0 else log1p(exp(value)) - value


def _short(value: float) -> float:
    """Return six digits of a number, all that is kept in the record."""
    return float(f"{value:.6g}")


def _finite(value: float) -> float | None:
    """Return six digits of a finite number, None of an infinite one."""
    return _short(value) if isfinite(value) else None

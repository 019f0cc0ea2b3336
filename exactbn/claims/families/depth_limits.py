"""What is often said of deep batch-normalized networks and needs an assumption."""

import random
from collections.abc import Sequence
from fractions import Fraction
from functools import partial

from exactbn.claims.families.depth import mean_feature_point, moved_mean_point
from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import solve
from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.exhaustion import minimality
from exactbn.claims.tools.line import common_zero, distance_to_zero
from exactbn.claims.tools.normalized import centred_by, mean, values_of, variance
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Matrix, to_text
from exactbn.model.network import Layer, Network

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778)"

#: Share of a new batch in the running statistics, as torch has it by default.
MOMENTUM = Fraction(1, 10)

#: What the examples say of boundaries that share no point.
NOWHERE = "no common point"


def no_common_zero(instance: Instance) -> str | None:
    """Return a layer whose boundaries share no point of the network's one-dimensional input space.

    The network is centred on the data; all sigmas must be positive.
    """
    centred = centred_by(instance)
    if centred.num_inputs != 1:
        raise HypothesisError(f"the network has {centred.num_inputs} inputs, expected 1")
    for index, layer in enumerate(centred.hidden):
        if common_zero(centred, index) is None:
            return f"the {layer.num_neurons} boundaries of layer {index + 1} have no common point"
    return None


def _on_a_line(rng: random.Random) -> Instance:
    """Return a network of one input and two hidden layers, and data."""
    widths = (1, rng.randint(1, 3), rng.randint(1, 3), 1)
    return Instance(draw_network(rng, widths), draw_matrix(rng, rng.randint(2, 4), 1))


def evaluated(network: Network, data: Matrix, steps: int = 1) -> Layer:
    """Return layer 1 with the running mean after ``steps`` updates from 0 on the same batch.

    Its sigma is left out: it is positive and moves no hyperplane.
    """
    first = network.layers[0]
    share = 1 - (1 - MOMENTUM) ** steps
    means = [share * mean(values) for values in values_of(first, data)]
    biases = tuple(b - m for b, m in zip(first.bias, means, strict=True))
    return Layer(first.weight, biases, first.slope)


def unbiased(values: list[Fraction]) -> Fraction:
    """Return the variance that is stored for evaluation, with N - 1 in place of N."""
    return variance(values) * len(values) / (len(values) - 1)


def _evaluation_examples() -> dict[str, str]:
    """Return exact numbers for the evaluation mode, and for beta."""
    data = tuple((Fraction(t),) for t in (1, 3))
    network = Network.from_arrays([[[1], [2]], [[1, 1]]], [[0, 0], [0]])
    first = evaluated(network, data)
    at_mean = first.preactivation((Fraction(2),))
    values = values_of(network.layers[0], data)[0]
    # The running mean is linear in w while w stays; the second w goes from 1 to 2 after a step.
    two, before = Fraction(2), MOMENTUM * (1 - MOMENTUM)
    running = two * (before + MOMENTUM), two * (before + 2 * MOMENTUM)
    batches = [Fraction(0), Fraction(0)], [Fraction(3)]
    return {
        "evaluation after one step of momentum 1/10, data 1 and 3, w = 1 and 2": "values at the "
        f"mean of the data: {', '.join(map(to_text, at_mean))}; stored variance of the first unit "
        f"{to_text(unbiased(values))}, in training {to_text(variance(values))}",
        "the same, common point": _meeting((1, 2), [-b for b in first.bias]),
        "evaluation, the second w became 2 after one step": _meeting((1, 2), running),
        "beta = 1 and -1, both w = 1, on these data": _meeting((1, 1), (Fraction(1), Fraction(3))),
        "batches 0, 0 and 3": f"mean of their means {to_text(mean([mean(b) for b in batches]))}, "
        f"mean of the data {to_text(mean(batches[0] + batches[1]))}",
    }


def _meeting(weights: Sequence[int], values: Sequence[Fraction]) -> str:
    """Return whether the points w_k x = values_k of the line are one."""
    point = solve(tuple((Fraction(w),) for w in weights), values)
    return NOWHERE if point is None else f"they meet at {to_text(point[0])}"


@claim(
    "F2",
    "depth",
    "the boundaries of a batch-normalized layer meet in one point",
    statement="""The boundaries of all units of a batch-normalized layer have a common point, in the
    network's input space, in training and in evaluation mode, whatever beta is.""",
    assumptions="none is usually named",
    source=f"{_PAPER} and Riedi et al. 2026, for a layer's own space, as commonly repeated",
    method="a stored counterexample (layer 2 over one input), exact examples of evaluation mode "
    "and of beta != 0; with the assumption K2",
    expected=Status.NEEDS,
    answers=("S1",),
    fairness="""Both sources say it of a layer's own input space, where it is right (K2).""",
    violation=no_common_zero,
    propose=_on_a_line,
)
def common_point(effort: Effort) -> Verdict:
    """Replay the counterexample and count such networks; K2 proves the other side."""
    example = stored("F2")
    reason = no_common_zero(example)
    seen = survey(no_common_zero, _on_a_line, random.Random(102), effort.of(60, 3000))
    for drawn in seen.instances:
        if common_zero(centred_by(drawn), 0) != mean([x[0] for x in drawn.data]):
            return Verdict(Status.OPEN, "layer 1 does not meet in the mean", 0, {}, drawn)
    details = _evaluation_examples()
    if reason is None or list(details.values()).count(NOWHERE) != 2:
        return Verdict(Status.OPEN, "the examples are not what they should be")
    return Verdict(
        Status.NEEDS,
        f"In the input space: {reason}. In the layer's own space they meet in the mean feature of "
        "the batch (K2); so do the hyperplanes of layer 1, which is its own input space.",
        seen.count,
        {
            "random networks of one input with such a layer 2": seen.share,
            **minimality(no_common_zero, (1, 2, 2), effort.of(1, 3), 2),
            **details,
        },
        example,
        "the layer's own input space, the statistics of the batch itself, beta = 0",
    )


def reversed_distances(instance: Instance) -> str | None:
    """Return how the nearer of two levels of f has the farther set of inputs.

    f is the output of a network of one input; ``numbers`` has the point x, and the levels near
    and far with |near - f(x)| < |far - f(x)|, both of which f takes.
    """
    network = instance.network
    if network is None or network.num_inputs != 1:
        raise HypothesisError("expected a network of one input")
    x, near, far = (instance.number(name) for name in ("x", "near", "far"))
    value = network.forward((x,))[0]
    if abs(near - value) >= abs(far - value):
        raise HypothesisError("expected the level near to be nearer to f(x) than far")
    first, second = _distance_to_level(network, near, x), _distance_to_level(network, far, x)
    if first is None or second is None:
        raise HypothesisError("expected levels that f takes")
    if first < second:
        return None
    return (
        f"f(x) = {to_text(value)} is {to_text(abs(near - value))} and {to_text(abs(far - value))} "
        f"from the levels, x is {to_text(first)} and {to_text(second)} from where f takes them"
    )


def _distance_to_level(network: Network, level: Fraction, x: Fraction) -> Fraction | None:
    """Return the distance from x to {f = level}, None where f never takes the level."""
    output = network.layers[-1]
    shifted = Layer(output.weight, (output.bias[0] - level, *output.bias[1:]), output.slope)
    moved = Network((*network.layers[:-1], shifted))
    return distance_to_zero(moved, len(moved.hidden), 0, x)


def _levels(rng: random.Random) -> Instance:
    """Return a leaky network of one input and one hidden unit, a point and two levels."""
    slope = rng.choice((Fraction(1, 10), Fraction(1, 2), Fraction(1, 3)))
    network = draw_network(rng, (1, 1, 1), size=3, slope=slope)
    numbers = {name: Fraction(rng.randint(-5, 5)) for name in ("x", "near", "far")}
    return Instance(network, (), numbers)


def _reversed_on_one_side(instance: Instance) -> str | None:
    """Return how the nearer of two levels on one side of f(x) fails; the farther one is taken."""
    network = instance.network
    x, near, far = (instance.number(name) for name in ("x", "near", "far"))
    if network is None or _distance_to_level(network, far, x) is None:
        raise HypothesisError("expected a network, and a level far that f takes")
    if _distance_to_level(network, near, x) is None:
        return "f takes the level far and not near, which lies between"
    return reversed_distances(instance)


def _drawn_levels(side: int, rng: random.Random) -> Instance:
    """Return a deep network of one input, a point, and levels on one side of f(x) (1) or both."""
    slope = rng.choice((Fraction(0), Fraction(1, 10), Fraction(-1)))
    network = draw_network(rng, (1, rng.randint(1, 3), 2, 1), slope=slope)
    x = draw_fraction(rng)
    value = network.forward((x,))[0]
    step, longer = (rng.choice((-1, 1)) * (1 + abs(draw_fraction(rng, 99))) for _ in range(2))
    longer = abs(longer) if step > 0 else -abs(longer)
    numbers = {"x": x, "near": value + step, "far": value + side * (step + longer)}
    return Instance(network, (), numbers)


@claim(
    "F5",
    "depth",
    "what is nearer in feature space is nearer in input space",
    statement="""Let H and H' be hyperplanes of a deep layer and F and F' their folded preimages in
    the input space. If the features of x are nearer to H than to H', then x is nearer to F than to
    F'.""",
    assumptions="none is usually named; H and H' parallel suffices for the refutation",
    source=f"{_PAPER}, as commonly stated",
    method="a stored counterexample (one input, one leaky unit, two levels); the one-sided form by "
    "proof and on exact instances",
    expected=Status.NEEDS,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""Theorem T2 of the source on deep layers; its exact wording and hypotheses could not
    be read. With the assumption named, a form of it is true.""",
    proof="""With the assumption. Let H = {u . z = c}, H' = {u . z = c'} and f = u . features, c
    between f(x) and c', c != f(x), and let y be a point of F' nearest to x. Along the segment from
    x to y the continuous f goes from f(x) to c', so it takes c, which lies strictly between, at a
    point strictly before y: a point of F strictly nearer to x. If c = f(x), the distance to F is
    0.""",
    violation=reversed_distances,
    propose=_levels,
)
def transferred_distances(effort: Effort) -> Verdict:
    """Replay the counterexample, and check the one-sided form on exact instances.

    The form that is true, for parallel H = {u.z = c} and H' = {u.z = c'} and f = u . features: let
    c and c' lie on the same side of f(x), c nearer and not equal to f(x), and F' not be empty. Let
    y be a point of F' nearest to x. Along the segment from x to y the continuous f goes from f(x)
    to c', so it takes the value c, which lies strictly between, at a point strictly before y, and
    that is a point of F strictly nearer to x. If c = f(x), the distance to F is 0.
    """
    example = stored("F5")
    reason = reversed_distances(example)
    wanted = effort.of(200, 5000)
    seen = survey(_reversed_on_one_side, partial(_drawn_levels, 1), random.Random(105), wanted)
    across = survey(reversed_distances, partial(_drawn_levels, -1), random.Random(1050), wanted)
    if seen.failure or reason is None:
        return seen.failure or Verdict(Status.OPEN, "the counterexample violates nothing")
    return Verdict(
        Status.NEEDS,
        f"Two-sided it is false: {reason}. With both levels on one side of f(x) the nearer level "
        f"is strictly nearer in the input space, by intermediate values; {seen.count} exact "
        "instances agree.",
        seen.count,
        {"levels on both sides, random networks": f"reversed in {across.share}"},
        example,
        "parallel hyperplanes on the same side of the features of x, and F' not empty",
    )


def missing_mean_point(instance: Instance) -> str | None:
    """Return that no input is mapped to the mean feature of layer 1 (slope >= 0, sigma > 0)."""
    first = _relu_or_leaky(instance).layers[0]
    if mean_feature_point(centred_by(instance), instance.data) is not None:
        return None
    return (
        f"layer 1 has {first.num_neurons} units over {first.num_inputs} inputs: no input is mapped "
        "to the mean feature"
    )


def _relu_or_leaky(instance: Instance) -> Network:
    """Return the instance's network, whose units have sigma > 0 and whose first slope is >= 0."""
    network = centred_by(instance)
    if network.layers[0].slope < 0:
        raise HypothesisError("expected a slope >= 0 in layer 1")
    return network


def _missing_though_independent(instance: Instance) -> str | None:
    """Return how independent rows of layer 1 lack the point over the mean feature."""
    _relu_or_leaky(instance)
    return moved_mean_point(instance)


def _missing_where_wide(instance: Instance) -> str | None:
    """Return that no input is mapped to the mean feature, for more units than inputs."""
    first = _relu_or_leaky(instance).layers[0]
    if first.num_neurons <= first.num_inputs:
        raise HypothesisError("expected more units than inputs")
    return missing_mean_point(instance)


def _any_width(rng: random.Random) -> Instance:
    """Return a ReLU network of two hidden layers, layer 1 of any width, and data."""
    d = rng.randint(1, 2)
    network = draw_network(rng, (d, rng.randint(1, 3), 2, 1))
    return Instance(network, draw_matrix(rng, rng.randint(2, 4), d))


@claim(
    "F10",
    "depth",
    "the boundaries of layer 2 meet over the mean feature",
    statement="""Some inputs are mapped by layer 1 exactly to its mean feature over the batch, and
    all boundaries of the units of layer 2 meet there, in the network's input space.""",
    assumptions="none is usually named",
    source="Riedi et al. 2026, which names the expanding case, as commonly repeated",
    method="a stored counterexample (more units than inputs: an inconsistent linear system); with "
    "the assumption K7 and exact instances",
    expected=Status.NEEDS,
    answers=("S1",),
    proof="""For ReLU and sigma_k > 0 unit k's mean feature is > 0, so x must have w_k . x - mu_k
    equal to it: a linear system of one equation a unit, which need not have a solution for more
    units than inputs. K7 solves it for independent rows.""",
    violation=missing_mean_point,
    propose=_any_width,
)
def meeting_over_mean(effort: Effort) -> Verdict:
    """Replay the counterexample; check both sides on exact instances.

    For ReLU and sigma_k > 0 unit k's mean feature is > 0, so x must have w_k.x - mu_k equal to it:
    a linear system of one equation a unit, which K7 solves for independent rows.
    """
    example = stored("F10")
    reason = missing_mean_point(example)
    wanted = effort.of(100, 3000)
    seen = survey(_missing_though_independent, _any_width, random.Random(110), wanted)
    wide = survey(_missing_where_wide, _any_width, random.Random(1100), wanted)
    if seen.failure or reason is None:
        return seen.failure or Verdict(Status.OPEN, "the counterexample violates nothing")
    return Verdict(
        Status.NEEDS,
        f"{reason[0].upper()}{reason[1:]}. With independent rows there is such an input, and layer "
        f"2 vanishes there (K7; {seen.count} exact instances).",
        seen.count,
        {"random layers with more units than inputs": f"no such input in {wide.share}"},
        example,
        "independent rows of layer 1 (no more units than inputs), sigma_k > 0, slope >= 0",
    )

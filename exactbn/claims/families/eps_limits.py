"""What a positive eps, a shift and a scale do to batch normalization."""

import random
from dataclasses import replace
from fractions import Fraction
from functools import partial

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import rational_root
from exactbn.claims.tools.arrangements import canonical
from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.line import boundary_points
from exactbn.claims.tools.normalized import centred_by, mean, normalized, values_of, variance
from exactbn.errors import DegenerateError, HypothesisError, NotRationalError
from exactbn.exact.rational import to_text
from exactbn.model.batchnorm import center, statistics
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition


def length_violation(instance: Instance) -> str | None:
    """Return where a unit's normalized value changes when its weights are multiplied.

    ``numbers`` has eps >= 0 and factor > 0. Squares are compared, so no root is needed: the
    signs are equal.
    """
    (network, data), factor = instance.given(), instance.number("factor")
    eps = instance.number("eps")
    if eps < 0 or factor <= 0 or factor == 1:
        raise HypothesisError("expected eps >= 0 and a factor > 0 other than 1")
    for k, values in enumerate(values_of(network.layers[0], data)):
        middle, spread = mean(values), variance(values)
        if spread == 0:
            raise HypothesisError(f"unit {k + 1}: sigma is 0, so it cannot be normalized")
        for i, value in enumerate(values):
            square = (value - middle) ** 2
            first = square / (spread + eps)
            second = factor**2 * square / (factor**2 * spread + eps)
            if first != second:
                return (
                    f"unit {k + 1}, point {i + 1}: the squared normalized value is "
                    f"{to_text(first)}, with the weights times {to_text(factor)} it is "
                    f"{to_text(second)}"
                )
    return None


def _with_eps(rng: random.Random) -> Instance:
    """Return a layer, data, eps and a factor."""
    d = rng.randint(1, 2)
    factor = rng.choice((Fraction(1, 2), Fraction(2), Fraction(3), Fraction(4)))
    numbers = {"eps": abs(draw_fraction(rng, 3, 3)), "factor": factor}
    return Instance(draw_network(rng, (d, 2, 1)), draw_matrix(rng, rng.randint(2, 4), d), numbers)


def _without_eps(rng: random.Random) -> Instance:
    """Return a layer, data, eps = 0 and a factor."""
    drawn = _with_eps(rng)
    return replace(drawn, numbers={**drawn.numbers, "eps": Fraction(0)})


@claim(
    "F12",
    "centering",
    "batch normalization does not see the length of the weights, whatever eps",
    statement="""The normalized value (w.x - mu) / sqrt(sigma^2 + eps) does not change when w is
    multiplied by a positive factor; for batches of two it is +1 or -1.""",
    assumptions="none is usually named; implementations use eps = 1e-5",
    source="folklore, as commonly stated",
    method="a stored counterexample; the identity for eps = 0, and exact instances",
    expected=Status.NEEDS,
    answers=("S1",),
    proof="""With eps = 0 both squares are (w . x - mu)^2 / sigma^2, since the factor multiplies w .
    x - mu and sigma alike. That the two values of a batch of two are +1 and -1 is K5, with
    sigma > 0.""",
    violation=length_violation,
    propose=_with_eps,
)
def positive_eps(effort: Effort) -> Verdict:
    """Replay the counterexample, check eps = 0, and check what eps, beta and gamma do.

    With eps = 0 both squares are (w.x - mu)^2 / sigma^2, the factor cancels.
    """
    example = stored("F12")
    reason = length_violation(example)
    rng, wanted = random.Random(112), effort.of(40, 1000)
    seen = survey(length_violation, _without_eps, rng, wanted)
    if seen.failure:
        return seen.failure
    # Two points at distance 2: sigma = 1, the values are +-1 / sqrt(1 + eps).
    two = Fraction(1) / (1 + Fraction(1, 4))
    if reason is None:
        return Verdict(Status.OPEN, "the counterexample violates nothing")
    return Verdict(
        Status.NEEDS,
        f"With eps > 0: {reason}. With eps = 0 the factor cancels ({seen.count} exact instances).",
        seen.count,
        {
            "batch of two, sigma = 1, eps = 1/4": f"normalized value squared {to_text(two)}, not 1",
            "beta != 0": "the offset from the mean is -beta sqrt(sigma^2 + eps) / gamma: "
            f"{_shifted_offset()} for w = (1), data -1 and 1, beta = 1, eps = 5/4, gamma = 1",
            "gamma < 0": f"turns the unit's sign round, {_regions_with_gamma(-1)} regions for "
            f"three units in the plane as with gamma = 1 ({_regions_with_gamma(1)})",
            "gamma = 0": f"the unit is constant: {_regions_with_gamma(0)} regions",
        },
        example,
        "eps = 0",
    )


def _shifted_offset() -> str:
    """Return where x - 0 over sqrt(1 + 5/4), plus 1, vanishes."""
    root = rational_root(1 + Fraction(5, 4))
    return "irrational" if root is None else to_text(-root)


def _regions_with_gamma(gamma: int) -> int:
    """Return the number of regions of three units in the plane, the first one times gamma."""
    rows = ((Fraction(gamma), Fraction(0)), (Fraction(0), Fraction(1)), (Fraction(1),) * 2)
    hidden = Layer(rows, (Fraction(0),) * 3)
    output = Layer(((Fraction(1),) * 3,), (Fraction(0),), Fraction(1))
    return partition(Network((hidden, output))).num_regions


def eps_moves(instance: Instance) -> str | None:
    """Return a unit whose boundary in the input space is another with eps > 0 than with eps = 0.

    One input; beta = 0; the roots of the variances, with and without ``eps``, must be rational in
    all hidden layers but the last, whose scale moves no boundary. Every layer is compared.
    """
    (network, data), eps = instance.given(), instance.number("eps")
    if network.num_inputs != 1 or eps <= 0:
        raise HypothesisError("expected one input and eps > 0")
    try:
        plain, other = (
            normalized(network, data, is_last_scaled=False, eps=t)[0] for t in (Fraction(0), eps)
        )
    except (NotRationalError, DegenerateError) as error:
        raise HypothesisError(str(error)) from None
    for index, layer in enumerate(network.hidden):
        for k in range(layer.num_neurons):
            before, after = boundary_points(plain, index, k), boundary_points(other, index, k)
            if before != after:
                return (
                    f"layer {index + 1}, unit {k + 1}: it vanishes at "
                    f"{', '.join(map(to_text, before))} with eps = 0 and at "
                    f"{', '.join(map(to_text, after))} with eps = {to_text(eps)}"
                )
    return None


def first_layer_moves(instance: Instance) -> str | None:
    """Return a hyperplane of layer 1 that eps moves, in any dimension, sigma rounded to float64."""
    (network, data), eps = instance.given(), instance.number("eps")
    layers = [
        centred_by(instance).layers[0],
        center(network, data, scale=True, eps=eps).layers[0],
    ]
    one, two = ([canonical(*t) for t in zip(t.weight, t.bias, strict=True)] for t in layers)
    return None if one == two else "a hyperplane of layer 1 is another"


def equal_sigmas_move(instance: Instance) -> str | None:
    """Return the same as eps_moves, of networks whose sigmas are equal in each layer but the last.

    With eps = 0 or not: the next layer sees the same features up to one factor.
    """
    found = eps_moves(instance)
    for layer in statistics(centred_by(instance), instance.data)[:-1]:
        if len(set(layer.variance)) > 1:
            raise HypothesisError("expected equal sigmas in each layer but the last")
    return found


def draw_deep_eps(equal: bool, rng: random.Random) -> Instance:
    """Return a 1-2-m-1 network on the data 0 and 1, and an eps with rational roots in layer 1.

    sigma_k = |w_k| / 2; with eps the roots s, t have s^2 - t^2 = (w_1^2 - w_2^2) / 4.
    """
    one, two = (rng.choice((-1, 1)) * Fraction(rng.randint(1, 4)) for _ in range(2))
    two = rng.choice((-1, 1)) * one if equal else two
    step = rng.choice((-1, 1)) * Fraction(rng.randint(1, 8), 4)
    gap = (one**2 - two**2) / 4
    root = (gap / step + step) / 2 if gap else abs(one) / 2 + abs(step)
    tail = draw_network(rng, (2, rng.randint(1, 2), 1), size=4).layers
    first = Layer(((one,), (two,)), (Fraction(0),) * 2)
    data = ((Fraction(0),), (Fraction(1),))
    return Instance(Network((first, *tail)), data, {"eps": root**2 - one**2 / 4})


@claim(
    "F18",
    "centering",
    "eps moves no boundary while beta = 0",
    statement="""With beta = 0 the boundaries of a batch-normalized network with sqrt(sigma^2 + eps)
    in place of sigma do not depend on eps.""",
    assumptions="none is usually named; sigma > 0, the same batch, statistics computed anew",
    source="folklore, as commonly stated; an earlier edition of this ledger had it for any layer",
    method="a stored counterexample with two layers and all roots rational; layer 1 and layers of "
    "equal sigmas by proof and on exact instances",
    expected=Status.NEEDS,
    violation=eps_moves,
    propose=partial(draw_deep_eps, False),
    answers=("S1",),
    proof="""With the assumption. A unit of layer 1 is (w . x - mu) / sqrt(sigma^2 + eps), which
    vanishes where w . x = mu, whatever eps is. Let all units of every layer before the last one
    looked at have one sigma within the layer. Then that layer's features with eps are those without
    times one c > 0, by induction over the layers: if the inputs are multiplied by c, so are the
    centred values and their sigma, c sigma; all are divided by sqrt(c^2 sigma^2 + eps), one number
    for the whole layer, and the activation is positively homogeneous. A centred unit of inputs
    times c vanishes where that of the inputs does. Where the sigmas differ, eps changes the ratios
    of the features, and with them the boundaries of the next layer.""",
)
def eps_and_boundaries(effort: Effort) -> Verdict:
    """Replay the counterexample; check layer 1 in any dimension, and layers of equal sigmas."""
    wanted = effort.of(40, 1000)
    first = survey(first_layer_moves, _with_eps, random.Random(18), wanted)
    equal = survey(equal_sigmas_move, partial(draw_deep_eps, True), random.Random(180), wanted)
    unequal = survey(eps_moves, partial(draw_deep_eps, False), random.Random(181), wanted)
    return first.failure or equal.failure or refuted(
        "F18",
        eps_moves,
        "From layer 2 on eps moves boundaries, since it changes the ratios of the features.",
        instances=first.count + equal.count,
        details={
            "layer 1, any dimension": f"{first.count} networks, no hyperplane moves",
            "equal sigmas, two layers": f"{equal.count} networks, no boundary moves",
            "drawn 1-2-m-1 networks with a boundary that moves": unequal.share,
        },
        assumption="layer 1, or equal sigmas within each earlier layer",
    )

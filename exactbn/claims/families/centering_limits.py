"""What is often said of centering and scaling and needs an assumption, or is false."""

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import rank, rational_root
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.normalized import mean, values_of, variance
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Vector, dot, to_text
from exactbn.model.batchnorm import statistics


def undefined_unit(instance: Instance) -> str | None:
    """Return a unit of layer 1 with w != 0 whose sigma is zero on data that are not one point."""
    network, data = instance.given()
    if len(set(data)) < 2 or not all(map(any, network.layers[0].weight)):
        raise HypothesisError("expected two different points, and rows w != 0")
    variances = statistics(network, data)[0].variance
    for k, row in enumerate(network.layers[0].weight):
        if variances[k] == 0:
            text = " ".join(map(to_text, row))
            return f"unit {k + 1}, w = ({text}): all data lie on its hyperplane, sigma = 0"
    return None


def _layer_and_data(rng: random.Random) -> Instance:
    """Return one layer of small weights and a few points."""
    d = rng.randint(2, 3)
    network = draw_network(rng, (d, rng.randint(1, 3), 1), size=3)
    return Instance(network, draw_matrix(rng, rng.randint(2, 3), d, 3))


@claim(
    "F1",
    "centering",
    "batch normalization fits the hyperplanes by total least squares, for any weights",
    statement="""For any non-zero weights and data that are not all one point, the normalized value
    (w.x - mu) / sigma is defined, the hyperplane {w.x = mu} is the total least squares fit to the
    data, and the mean squared distance of points to it is sigma^2 / |w|^2, sigma^2 the biased
    variance, which divides by the number of points.""",
    assumptions="none is usually named but |w| > 0",
    source="Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly stated",
    method="a stored counterexample (sigma = 0), exact examples for the other two parts, and the "
    "identity behind them (sympy)",
    expected=Status.NEEDS,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""The source writes of the total least squares distance, which BN minimizes over the
    offsets: that is K1, and it is right.""",
    proof="""With the assumption: the mean over the batch of (v_i - c)^2 is sigma^2 + (c - mu)^2,
    which is sigma^2 exactly at c = mu.""",
    violation=undefined_unit,
    propose=_layer_and_data,
)
def total_least_squares(effort: Effort) -> Verdict:
    """Replay the counterexample and give exact numbers for each part, without and with.

    With the assumption: the mean of (v_i - c)^2 is sigma^2 + (c - mu)^2, which is sigma^2 exactly
    at c = mu, for the batch that mu and sigma are of.
    """
    import sympy

    c, m, second = sympy.symbols("c m v2", real=True)
    # m is the mean of the values, v2 that of their squares.
    rest = sympy.expand((second - 2 * c * m + c**2) - (second - m**2) - (c - m) ** 2)
    example = stored("F1")
    reason = undefined_unit(example)
    points = tuple(tuple(map(Fraction, x)) for x in ((0, 0), (4, 1), (8, 2)))
    given, better = _mean_square((1, 0), points), _mean_square((1, -4), points)
    other = mean([(x[0] - 4) ** 2 for x in points[:1]])
    seen = survey(undefined_unit, _layer_and_data, random.Random(101), effort.of(60, 2000))
    if rest != 0 or reason is None or not better < given or other == given:
        return Verdict(Status.OPEN, "the examples are not what they should be")
    return Verdict(
        Status.NEEDS,
        f"Without the assumption: {reason}. With it, the mean squared distance to {{w.x = c}} is "
        "(sigma^2 + (c - mu)^2) / |w|^2: only the offset is fitted, the direction never.",
        seen.count,
        {
            "another direction is nearer": "points (0,0) (4,1) (8,2): mean squared distance "
            f"{to_text(given)} for w = (1,0), {to_text(better)} for w = (1,-4)",
            "another batch": f"its first point alone: {to_text(other)}, not sigma^2 / |w|^2 = "
            f"{to_text(given)}",
            "random small layers with such a unit": seen.share,
        },
        example,
        "sigma_k > 0; offsets only, directions fixed; the batch itself",
    )


def _mean_square(row: Sequence[int], points: Sequence[Vector]) -> Fraction:
    """Return the mean squared distance of the points to their centred hyperplane."""
    exact = [Fraction(t) for t in row]
    return variance([dot(exact, x) for x in points]) / dot(exact, exact)


def single_point_violation(instance: Instance) -> str | None:
    """Return that no unit of a layer can be normalized because the batch is one point."""
    network, data = instance.given()
    if not all(map(any, network.layers[0].weight)):
        raise HypothesisError("expected rows w != 0")
    if len(data) != 1:
        return None
    variances = statistics(network, data)[0].variance
    if any(t != 0 for t in variances):
        return None
    return f"the batch has one point: sigma = 0 for all {len(variances)} units, 0 / 0"


def _sigma_without_spread(instance: Instance) -> str | None:
    """Return a unit for which sigma = 0 and equal values on the batch are not the same."""
    network, data = instance.given()
    for k, values in enumerate(values_of(network.layers[0], data)):
        if (variance(values) == 0) != (len(set(values)) == 1):
            return f"unit {k + 1}: sigma = 0 is not the same as equal values"
    return None


def _small_batch(rng: random.Random) -> Instance:
    """Return a layer and one to three points."""
    d = rng.randint(1, 3)
    return Instance(draw_network(rng, (d, 2, 1)), draw_matrix(rng, rng.randint(1, 3), d))


@claim(
    "F13",
    "centering",
    "batch normalization is defined for every size of mini-batch",
    statement="""For every mini-batch of B >= 1 points and non-zero weights, the normalized values
    (w.x - mu_B) / sigma_B are defined.""",
    assumptions="none is usually named; eps = 0",
    source="folklore, as commonly stated",
    method="a stored counterexample with B = 1; with distinct values, exact instances",
    expected=Status.NEEDS,
    answers=("S3",),
    proof="""sigma^2 is a mean of squares, so it is zero exactly if every value is the mean.""",
    violation=single_point_violation,
    propose=_small_batch,
)
def single_point(effort: Effort) -> Verdict:
    """Replay the counterexample, and check that sigma = 0 exactly if all values are equal.

    sigma^2 is a mean of squares, so it is zero only if every value is the mean.
    """
    example = stored("F13")
    reason = single_point_violation(example)
    seen = survey(_sigma_without_spread, _small_batch, random.Random(113), effort.of(100, 3000))
    if seen.failure:
        return seen.failure
    if reason is None:
        return Verdict(Status.OPEN, "the counterexample violates nothing")
    return Verdict(
        Status.NEEDS,
        f"Without the assumption: {reason}. sigma_B > 0 exactly if the unit takes two different "
        f"values on the batch, which needs B >= 2 ({seen.count} exact layers).",
        seen.count,
        {},
        example,
        "B >= 2, and each unit takes two different values on the batch",
    )


def irrational_facet(instance: Instance) -> str | None:
    """Return the irrational normal of a layer-2 facet of the batch-normalized ReLU network.

    Layer 1 must have two units of independent rows w_1, w_2, layer 2 a unit with both weights
    v_1, v_2 != 0. Where both units are on, layer 2's preactivation is v_1 s / sigma_1 +
    v_2 t / sigma_2 - mu with s, t > 0 free (the rows are independent), and mu, the mean of the
    same form over the data with s, t >= 0 and not all zero, has a zero there if v_1 v_2 > 0;
    if v_1 v_2 < 0 there is one for every mu. So the facet exists. In the basis w_1, w_2 its
    normal is v_1 sigma_2 : v_2 sigma_1, rational exactly if sigma_1^2 / sigma_2^2 is a square.
    """
    network, data = instance.given()
    if len(network.hidden) != 2:
        raise HypothesisError("expected two hidden layers")
    first, second = network.hidden
    if first.slope != 0 or first.num_neurons != 2 or rank(first.weight) < 2:
        raise HypothesisError("expected two ReLU units of independent rows in layer 1")
    one, two = statistics(network, data)[0].variance
    unit = next((k for k, row in enumerate(second.weight) if all(row)), None)
    if not one or not two or unit is None:
        raise HypothesisError("expected sigmas > 0, and a unit of layer 2 with weights != 0")
    if rational_root(one / two) is not None:
        return None
    return (
        f"layer 2, unit {unit + 1}: sigma_1^2 = {to_text(one)}, sigma_2^2 = {to_text(two)}, and "
        f"sigma_1 / sigma_2, the root of {to_text(one / two)}, is irrational, and so is the "
        "direction of its facet where both units are on"
    )


def _two_by_two(rng: random.Random) -> Instance:
    """Return a 2-2-1-1 ReLU network and data."""
    return Instance(draw_network(rng, (2, 2, 1, 1)), draw_matrix(rng, rng.randint(2, 5), 2))


@claim(
    "F16",
    "centering",
    "rational weights and data make a rational partition",
    statement="""The partition of a batch-normalized network with rational weights, on rational
    data, has facets with rational normals, so that rational arithmetic computes it exactly.""",
    assumptions="eps = 0, gamma = 1, beta = 0",
    source="folklore, as commonly stated",
    method="a stored counterexample with its proof; what stays rational on exact instances",
    expected=Status.REFUTED,
    answers=("S1",),
    proof="""Where both units of layer 1 are on, layer 2's preactivation is v_1 s / sigma_1 + v_2 t
    / sigma_2 - mu with s, t > 0 free, since the rows are independent; it has a zero there, as mu is
    the mean of such values with s, t >= 0. In the basis of the rows the normal of the facet is v_1
    sigma_2 : v_2 sigma_1, which is rational exactly if sigma_1^2 / sigma_2^2 is a square.""",
    violation=irrational_facet,
    propose=_two_by_two,
)
def rational_partition(effort: Effort) -> Verdict:
    """Replay the counterexample, and count how often small networks are such.

    Layer 1 is always rational, since its hyperplanes do not depend on sigma. Data in one dimension
    give sigma_k = |w_k| sigma_x: ratios of layer 1 are rational. With one-dimensional data or two
    equal clusters rational arithmetic suffices for layer 2.
    """
    example = stored("F16")
    reason = irrational_facet(example)
    rng, line = random.Random(116), 0
    wanted = effort.of(100, 3000)
    seen = survey(irrational_facet, _two_by_two, rng, wanted)
    for _ in range(wanted):
        network, data = draw_network(rng, (1, 3, 1)), draw_matrix(rng, 4, 1)
        units = [t for t in statistics(network, data)[0].variance if t]
        line += all(rational_root(s / t) is not None for s, t in combinations(units, 2))
    if reason is None or line != wanted:
        return Verdict(Status.OPEN, "the examples are not what they should be")
    return Verdict(
        Status.REFUTED,
        f"{reason[0].upper()}{reason[1:]}. Layer 1 is always rational, and so are all layers "
        "for two equal clusters, or where a network is centred only, without sigma.",
        seen.count,
        {
            "random 2-2-1 networks with such a facet": seen.share,
            "one input: sigma ratios of layer 1 rational": f"{line} of {wanted}",
        },
        example,
    )

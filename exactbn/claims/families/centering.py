"""Claims about centering: what the batch mean does to the hyperplanes of one layer."""

import random
from fractions import Fraction

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import real_data
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.normalized import (
    activations,
    centred_by,
    mean,
    mean_feature,
    normalized,
    two_clusters,
    values_of,
    variance,
)
from exactbn.errors import DegenerateError, HypothesisError, NotRationalError
from exactbn.exact.rational import Vector, to_text
from exactbn.model.batchnorm import center, statistics
from exactbn.model.network import Network

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778)"


def squared_distances(network: Network, k: int, data: tuple[Vector, ...], q: Fraction) -> Fraction:
    """Return the sum over the data of d(x, {w_k . x = mu_k + q})^2, exactly."""
    values = values_of(network.layers[0], data)[k]
    middle = mean(values)
    square = sum((w * w for w in network.layers[0].weight[k]), Fraction(0))
    return sum(((value - middle - q) ** 2 for value in values), Fraction(0)) / square


def excess_violation(instance: Instance) -> str | None:
    """Return how shifting an offset of layer 1 from the mean fails to cost N q^2 / |w|^2."""
    (network, data), shift = instance.given(), instance.number("shift")
    if not network.hidden or shift == 0 or not all(map(any, network.layers[0].weight)):
        raise HypothesisError("expected a hidden layer, rows w != 0 and a shift != 0")
    count = len(data)
    variances = statistics(network, data)[0].variance
    for k, row in enumerate(network.layers[0].weight):
        square = sum((entry * entry for entry in row), Fraction(0))
        least = squared_distances(network, k, data, Fraction(0))
        excess = squared_distances(network, k, data, shift) - least
        if excess != count * shift**2 / square or least != count * variances[k] / square:
            return f"unit {k + 1}: the least sum is {to_text(least)}, the excess {to_text(excess)}"
    return None


def _offset(rng: random.Random) -> Instance:
    """Return a layer, data and a shift of the offset."""
    d = rng.randint(1, 5)
    data = draw_matrix(rng, rng.randint(1, 9), d)
    shift = draw_fraction(rng) or Fraction(1)
    return Instance(draw_network(rng, (d, 3, 1)), data, {"shift": shift})


def _on_real_data(rng: random.Random, networks: int, widths: tuple[int, ...]) -> list[Instance]:
    """Return random networks on every real data set at hand, with a shift."""
    return [
        Instance(draw_network(rng, (len(points[0]), *widths)), points, {"shift": Fraction(1, 3)})
        for points in real_data().values()
        for _ in range(networks)
    ]


@claim(
    "K1",
    "centering",
    "the batch mean is the unique best offset",
    statement="""For a row w != 0 and points x_1..x_N, the sum of squared distances of the points to
    {w.x = c} is least at c = mean(w.x_i) and nowhere else; moving the offset by q raises it by
    exactly N q^2 / |w|^2, and the least value is N sigma^2 / |w|^2, sigma^2 the biased variance of
    the w.x_i, which divides by N.""",
    assumptions="w != 0; squared Euclidean distance; the direction w is fixed.",
    source=f"{_PAPER}, as commonly stated",
    method="identity of polynomials (sympy, any N and d, since the data enter by two sums only), "
    "and exact instances, real data among them",
    expected=Status.PROVED,
    answers=("S1",),
    is_reconstructed=True,
    proof="""d(x, {w . x = c}) = |w . x - c| / |w|, so only the values v_i = w . x_i enter. With s
    the sum of the v_i, t that of their squares and mu = s/N, sum (v_i - c)^2 = t - 2 c s + N c^2 =
    (t - s^2/N) + N (c - mu)^2, and t - s^2/N = N sigma^2. Divide by |w|^2.""",
    violation=excess_violation,
    propose=_offset,
)
def best_offset(effort: Effort) -> Verdict:
    """Prove the identity symbolically, then check it on exact instances.

    d(x, {w.x = c}) = |w.x - c| / |w|, so only the numbers v_i = w.x_i enter, and of these only
    s = sum v_i and t = sum v_i^2, whatever N and d are: sum (v_i - c)^2 = t - 2 c s + N c^2.
    """
    import sympy

    n, square = sympy.symbols("N w2", positive=True)
    s, t, q = sympy.symbols("s t q", real=True)

    def total(c: sympy.Expr) -> sympy.Expr:
        return (t - 2 * c * s + n * c**2) / square

    excess = sympy.simplify(total(s / n + q) - total(s / n) - n * q**2 / square)
    least = sympy.simplify(total(s / n) - n * (t / n - (s / n) ** 2) / square)
    if excess != 0 or least != 0:
        return Verdict(Status.REFUTED, f"the identity leaves {excess} and {least}")
    rng = random.Random(1)
    real = _on_real_data(rng, effort.of(1, 50), (3, 1))
    seen = survey(excess_violation, _offset, rng, effort.of(40, 2000), real)
    return seen.failure or Verdict(
        Status.PROVED,
        "The excess over the minimum is N q^2 / |w|^2: zero at q = 0 only. The identity is proved "
        f"for any N and d, and was met on {seen.count} exact instances, {len(real)} of them on "
        "real data.",
        seen.count,
        {"real data": ", ".join(real_data()) or "none at hand"},
    )


def common_point_violation(instance: Instance) -> str | None:
    """Return why the mean feature is not on all hyperplanes of some layer, in its input space."""
    network, data = instance.given()
    centred = center(network, data)
    for index, layer in enumerate(centred.hidden):
        point = (
            mean_feature(centred, data, index - 1) if index
            else tuple(mean(column) for column in zip(*data, strict=True))
        )
        for k, value in enumerate(layer.preactivation(point)):
            if value != 0:
                where = f"layer {index + 1}, unit {k + 1}"
                return f"{where}: its value at the mean feature is {to_text(value)}"
    return None


def _network_and_data(rng: random.Random) -> Instance:
    """Return a small random network with data."""
    d = rng.randint(1, 3)
    widths = (d, *(rng.randint(1, 4) for _ in range(rng.randint(1, 3))), 1)
    network = draw_network(rng, widths, slope=rng.choice((0, Fraction(1, 10), -1)))
    return Instance(network, draw_matrix(rng, rng.randint(1, 6), d))


@claim(
    "K2",
    "centering",
    "each layer's arrangement is central at the mean feature",
    statement="""After centering on a batch, w_k . h - mu_k vanishes at the mean h of the layer's
    inputs over the batch, for every unit k of every layer: in the layer's own input space all
    hyperplanes meet in the mean feature.""",
    assumptions="the same batch, the layer's own input space, beta = 0.",
    source=f"{_PAPER}, as commonly stated",
    method="linearity of the mean (proof in one line), and exact instances in all layers",
    expected=Status.PROVED,
    answers=("S1",),
    is_reconstructed=True,
    proof="""mu_k is the mean over the batch of w_k . h_i, which by linearity is w_k . h, h the mean
    of the h_i. A raw bias is added to both and cancels. Division by sigma_k > 0 moves no zero.""",
    violation=common_point_violation,
    propose=_network_and_data,
)
def central_layers(effort: Effort) -> Verdict:
    """Check on exact instances what linearity proves."""
    rng = random.Random(2)
    real = _on_real_data(rng, effort.of(1, 20), (4, 3, 1))
    seen = survey(common_point_violation, _network_and_data, rng, effort.of(60, 2000), real)
    return seen.failure or Verdict(
        Status.PROVED,
        "w.mean(h) = mean(w.h) = mu by linearity, so every hyperplane holds the mean feature; "
        f"{seen.count} networks of one to three layers agree exactly, {len(real)} on real data.",
        seen.count,
        {"real data": ", ".join(real_data()) or "none at hand"},
    )


def deviation_violation(instance: Instance) -> str | None:
    """Return where a squared deviation exceeds (B - 1) sigma^2, or equals it wrongly.

    It has to be equal exactly if the other B - 1 values are equal, as they are for B = 2.
    """
    network, data = instance.given()
    centred, count = centred_by(instance), len(data)
    for index, layer in enumerate(centred.hidden):
        features = activations(centred, data, index - 1) if index else data
        for k, values in enumerate(values_of(layer, features)):
            middle, bound = mean(values), (count - 1) * variance(values)
            for i, value in enumerate(values):
                square, others = (value - middle) ** 2, {*values[:i], *values[i + 1 :]}
                if square > bound or (square == bound) != (len(others) == 1):
                    return (
                        f"layer {index + 1}, unit {k + 1}: a squared deviation is "
                        f"{to_text(square)}, (B - 1) sigma^2 is {to_text(bound)}"
                    )
    return None


@claim(
    "K5",
    "centering",
    "normalized values are at most sqrt(B - 1), and +1 and -1 for batches of two",
    statement="""Let sigma > 0 be the biased standard deviation of z_1..z_B. Then |z_i - mean| /
    sigma <= sqrt(B - 1) for every i, with equality exactly if the other B - 1 values are equal; for
    B = 2 the two normalized values are +1 and -1, in every unit of every layer.""",
    assumptions="sigma > 0, eps = 0, the statistics of the same batch, before gamma and beta.",
    source="P. A. Samuelson 1968, as commonly stated; for batch normalization a folklore remark",
    method="identity (B - 1) sigma^2 - (z_i - mean)^2 = (B - 1)^2 / B Var(the others), proved with "
    "sympy for any B, and exact instances with sigma > 0",
    expected=Status.PROVED,
    answers=("S3",),
    proof="""Let z = z_i, s and t the sum and the sum of squares of the other B - 1 values, mean =
    (z + s)/B and sigma^2 = (z^2 + t)/B - mean^2. Then (B - 1) sigma^2 - (z - mean)^2 = ((B - 1)^2 /
    B) V with V = t/(B - 1) - (s/(B - 1))^2, the variance of the others: both sides are the same
    polynomial. V >= 0, and V = 0 exactly if the others are equal. For B = 2 there is one other
    value, so V = 0 and both squares are 1; their sum is 0, so they are +1 and -1.""",
    violation=deviation_violation,
    propose=_network_and_data,
)
def bounded_deviations(effort: Effort) -> Verdict:
    """Prove the identity symbolically, then check bound and equality on exact instances.

    The other B - 1 values enter by their sum s and sum of squares t only; with z = z_i,
    mean = (z + s) / B and sigma^2 = (z^2 + t) / B - mean^2. A variance is not negative, and zero
    only for equal values; for B = 2 there is one other value, whose variance is zero.
    """
    import sympy

    b = sympy.symbols("B", positive=True)
    z, s, t = sympy.symbols("z s t", real=True)
    middle = (z + s) / b
    others = t / (b - 1) - (s / (b - 1)) ** 2
    gap = (b - 1) * ((z**2 + t) / b - middle**2) - (z - middle) ** 2
    rest = sympy.simplify(gap - (b - 1) ** 2 / b * others)
    if rest != 0:
        return Verdict(Status.REFUTED, f"the identity leaves {rest}")
    rng = random.Random(5)
    # One point apart from B - 1 equal ones: the bound is met, and the judge asks for it.
    sizes = range(2, effort.of(10, 60))
    tight = [_one_apart(count) for count in sizes]
    real = _on_real_data(rng, effort.of(1, 10), (4, 3, 1))
    seen = survey(
        deviation_violation, _network_and_data, rng, effort.of(60, 2000), [*tight, *real]
    )
    return seen.failure or Verdict(
        Status.PROVED,
        "(B - 1) sigma^2 exceeds the squared deviation by (B - 1)^2 / B times the variance of the "
        f"other values; {seen.count} networks with sigma > 0 agree in every unit of every layer.",
        seen.count,
        {"one point apart from B - 1 equal ones meets the bound": f"B = 2, ..., {sizes[-1]}"},
    )


def _one_apart(count: int) -> Instance:
    """Return one unit over ``count`` points, all at 0 but the last one, which is at 1."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    return Instance(network, ((Fraction(0),),) * (count - 1) + ((Fraction(1),),))


def equal_coordinates_violation(instance: Instance) -> str | None:
    """Return how two equal clusters fail: a mean feature not (1 - slope) / 2, an irrational sigma.

    The data must be two clusters, each one point repeated, of equal size; units whose sigma is
    zero make the network no instance.
    """
    network, data = instance.given()
    if len(set(data)) != 2 or data.count(data[0]) * 2 != len(data):
        raise HypothesisError("expected two points, each equally often")
    try:
        result, _ = normalized(network, data)
    except DegenerateError as error:
        raise HypothesisError(str(error)) from None
    except NotRationalError as error:
        return str(error)
    for index, layer in enumerate(network.hidden):
        for k, value in enumerate(mean_feature(result, data, index)):
            if value != (1 - layer.slope) / 2:
                return f"layer {index + 1}, unit {k + 1}: the mean feature is {to_text(value)}"
    return None


@claim(
    "K6",
    "centering",
    "two equal clusters: sigma is rational and all mean features are equal",
    statement="""Let a batch consist of two points, each repeated equally often, and let a be the
    activation of slope eta. Then sigma_k = |w_k . (h(u) - h(v))| / 2 is rational for every unit of
    every layer, and the mean over the batch of every normalized unit's activation is (1 - eta) / 2:
    1/2 for ReLU, 0 for the identity, 1 for the absolute value.""",
    assumptions="rational weights and data, equal sizes of the clusters, sigma_k > 0, eps = 0, "
    "gamma = 1, beta = 0. For eta = -1 both points have the same features after layer 1, so that "
    "sigma_k > 0 leaves one hidden layer.",
    source="Riedi et al. 2026, the authors' follow-up, as commonly stated",
    method="proof in one line, and exact instances of up to three layers",
    expected=Status.PROVED,
    answers=("S1",),
    proof="""A unit takes two values a != b, equally often: its mean is (a + b)/2 and sigma = |a -
    b|/2. The normalized values are +1 and -1, the activations 1 and -eta, with the mean (1 -
    eta)/2. The features are again two points, each equally often, so the next layer is the same
    case.""",
    violation=equal_coordinates_violation,
    propose=lambda rng: two_clusters(rng, most_layers=3),
)
def equal_coordinates(effort: Effort) -> Verdict:
    """Check on exact instances what the proof says.

    A unit takes two values a and b, equally often: mean (a + b) / 2, sigma |a - b| / 2, normalized
    values +1 and -1, activations 1 and -eta, whose mean is (1 - eta) / 2. By induction over the
    layers the features are again two points, each equally often.
    """
    def clusters(rng: random.Random) -> Instance:
        return two_clusters(rng, most_layers=3)

    seen = survey(
        equal_coordinates_violation, clusters, random.Random(6), effort.of(60, 2000)
    )
    # Of unequal sizes 1 and 2 the normalized values are sqrt(2) and -1/sqrt(2): sigma needs a root.
    unequal = variance([Fraction(0), Fraction(0), Fraction(1)])
    return seen.failure or Verdict(
        Status.PROVED,
        "Every unit is +1 on one cluster and -1 on the other, so its mean activation is "
        f"(1 - eta) / 2; {seen.count} networks with rational sigma agree in all layers.",
        seen.count,
        {"unequal clusters, sizes 2 and 1, values 0 and 1": f"sigma^2 = {to_text(unequal)}"},
    )

"""Claims about centering: what the batch mean does to the hyperplanes of one layer."""

import random
from fractions import Fraction

from exactbn.batchnorm import center, statistics
from exactbn.claims.claim import Effort, claim
from exactbn.claims.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.instance import Instance
from exactbn.claims.verdict import Status, Verdict
from exactbn.network import Network
from exactbn.rational import Vector, to_text

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778)"


def squared_distances(network: Network, k: int, data: tuple[Vector, ...], q: Fraction) -> Fraction:
    """Return the sum over the data of d(x, {w_k . x = mu_k + q})^2, exactly."""
    row = network.layers[0].weight[k]
    values = [sum((w * t for w, t in zip(row, x, strict=True)), Fraction(0)) for x in data]
    mean = sum(values, Fraction(0)) / len(values)
    square = sum((w * w for w in row), Fraction(0))
    return sum(((value - mean - q) ** 2 for value in values), Fraction(0)) / square


@claim(
    "K1",
    "centering",
    "the batch mean is the unique best offset",
    statement="""For a row w != 0 and points x_1..x_N, the sum of squared distances of the points to
    {w.x = c} is least at c = mean(w.x_i) and nowhere else; moving the offset by q raises it by
    exactly N q^2 / |w|^2, and the least value is N sigma^2 / |w|^2.""",
    assumptions="w != 0; squared Euclidean distance; the direction w is fixed.",
    source=f"{_PAPER}, as commonly stated",
    method="identity of polynomials (sympy, generic N and d by the mean's defining equation), and "
    "exact instances",
    expected=Status.PROVED,
)
def best_offset(effort: Effort) -> Verdict:
    """Prove the identity symbolically, then check it on exact instances."""
    import sympy

    # Only the numbers v_i = w.x_i enter. With s = sum v_i and t = sum v_i^2 for any N,
    # sum (v_i - c)^2 = t - 2 c s + N c^2: compare c = s/N + q with c = s/N.
    n, s, t, q, w = sympy.symbols("N s t q w", positive=True)

    def total(c: sympy.Expr) -> sympy.Expr:
        return (t - 2 * c * s + n * c**2) / w

    excess = sympy.simplify(total(s / n + q) - total(s / n) - n * q**2 / w)
    variance = sympy.simplify(total(s / n) - n * (t / n - (s / n) ** 2) / w)
    if excess != 0 or variance != 0:
        return Verdict(Status.REFUTED, f"the identity leaves {excess} and {variance}")
    rng, checked = random.Random(1), 0
    for _ in range(effort.of(60, 2000)):
        d, n_points = rng.randint(1, 5), rng.randint(1, 9)
        network = draw_network(rng, (d, 3, 1))
        data = draw_matrix(rng, n_points, d)
        variances = statistics(network, data)[0].variance
        for k, row in enumerate(network.layers[0].weight):
            square = sum((entry * entry for entry in row), Fraction(0))
            if square == 0:
                continue
            shift = draw_fraction(rng)
            least = squared_distances(network, k, data, Fraction(0))
            excess_there = squared_distances(network, k, data, shift) - least
            if excess_there != n_points * shift**2 / square or (
                least != n_points * variances[k] / square
            ):
                bad = Instance(network, data, {"neuron": Fraction(k), "shift": shift})
                return Verdict(Status.REFUTED, "the excess is another", checked, {}, bad)
            checked += 1
    return Verdict(
        Status.PROVED,
        "The excess over the minimum is N q^2 / |w|^2: zero at q = 0 only. The identity is proved "
        f"for any N and d, and was met on {checked} exact instances.",
        checked,
    )


def common_point_violation(instance: Instance) -> str | None:
    """Return why the mean feature is not on all hyperplanes of some layer, in its input space."""
    if instance.network is None or not instance.data:
        return None
    centred = center(instance.network, instance.data)
    for index, layer in enumerate(statistics(centred, instance.data)):
        for k, mean in enumerate(layer.mean):
            if mean != 0:
                return f"layer {index}, unit {k}: its value at the mean feature is {to_text(mean)}"
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
    violation=common_point_violation,
    propose=_network_and_data,
)
def central_layers(effort: Effort) -> Verdict:
    """Check on exact instances what linearity proves."""
    rng, checked = random.Random(2), 0
    for _ in range(effort.of(60, 2000)):
        instance = _network_and_data(rng)
        reason = common_point_violation(instance)
        if reason is not None:
            return Verdict(Status.REFUTED, reason, checked, {}, instance)
        checked += 1
    return Verdict(
        Status.PROVED,
        "w.mean(h) = mean(w.h) = mu by linearity, so every hyperplane holds the mean feature; "
        f"{checked} networks of one to three layers agree exactly.",
        checked,
    )

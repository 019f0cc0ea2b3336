"""Claims about deep networks: folded hyperplanes, mean features, and what scales can do."""

import random
from collections.abc import Sequence
from fractions import Fraction

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import real_data
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import rank, solve
from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.line import zero_between
from exactbn.claims.tools.normalized import (
    centred_by,
    mean_feature,
    normalized_if_rational,
    rational_rows,
    rescaled_next,
    scaled_first,
    two_clusters,
)
from exactbn.errors import DegenerateError, HypothesisError
from exactbn.exact.rational import Matrix, Vector, to_text
from exactbn.model.batchnorm import center
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778)"


def crossing(network: Network, data: Matrix, layer: int, k: int) -> Vector | None:
    """Return a rational point between two data points where unit k of a layer vanishes.

    The two are the first with a positive and the first with a negative preactivation; None where
    not both signs occur.
    """
    values = [network.preactivations(x)[layer][k] for x in data]
    above = next((x for x, t in zip(data, values, strict=True) if t > 0), None)
    below = next((x for x, t in zip(data, values, strict=True) if t < 0), None)
    if above is None or below is None:
        return None
    return zero_between(network, layer, k, above, below)


def one_sided_unit(instance: Instance) -> str | None:
    """Return a unit of positive sigma without data on both sides, or without a zero between.

    The network is centred, and both scaled by the rounded sigma and not.
    """
    (given, data), centred = instance.given(), centred_by(instance)
    try:
        scaled = center(given, data, scale=True)
    except DegenerateError as error:
        raise HypothesisError(str(error)) from None
    for network in (centred, scaled):
        for index, layer in enumerate(network.hidden):
            for k in range(layer.num_neurons):
                point = crossing(network, data, index, k)
                if point is None or network.preactivations(point)[index][k] != 0:
                    return f"layer {index + 1}, unit {k + 1}: no zero between two data points"
    return None


def _deep(rng: random.Random) -> Instance:
    """Return a network of one to four layers and data."""
    d = rng.randint(1, 3)
    widths = (d, *(rng.randint(1, 4) for _ in range(rng.randint(1, 4))), 1)
    slope = rng.choice((Fraction(0), Fraction(1, 10), Fraction(-1)))
    return Instance(draw_network(rng, widths, slope=slope), draw_matrix(rng, rng.randint(2, 6), d))


@claim(
    "K4",
    "depth",
    "the boundary of every batch-normalized unit passes between the data, in any layer",
    statement="""Every unit of any layer that is normalized with beta = 0 and has sigma > 0 takes
    values > 0 and < 0 on the batch, and vanishes on every path between two such data points in the
    network's input space: its folded hyperplane meets the convex hull of the data.""",
    assumptions="sigma > 0, beta = 0, statistics of this batch; continuous activations.",
    source=f"derived; {_PAPER} says it for the layer's own space, as commonly stated",
    method="proof (the values have mean 0 and are not all 0; intermediate values), and a rational "
    "zero on a segment between two data points for every unit of exact instances",
    expected=Status.PROVED,
    answers=("S1",),
    proof="""The values of a unit sum to 0 over the batch. As sigma > 0 they are not all 0, so one
    is > 0 and one < 0. The unit is a continuous function of the input, so it vanishes on every path
    between the two points, the segment among them, which lies in the convex hull.""",
    violation=one_sided_unit,
    propose=_deep,
)
def both_sides(effort: Effort) -> Verdict:
    """Produce the zero that the proof promises, for every unit.

    The values of a unit sum to 0 over the batch. If sigma > 0 they are not all 0, so one is > 0
    and one < 0. The unit is a continuous function of the input, so it vanishes on every path
    between the two points, the segment among them, which lies in the convex hull.
    """
    rng = random.Random(4)
    real = []
    for points in real_data().values():
        for _ in range(effort.of(1, 5)):
            widths = (len(points[0]), 3, 3, 1)
            chosen = tuple(rng.sample(points, effort.of(6, len(points))))
            real.append(Instance(draw_network(rng, widths), chosen))
    seen = survey(one_sided_unit, _deep, rng, effort.of(25, 1000), real)
    if seen.failure:
        return seen.failure
    units = sum(instance.given()[0].num_hidden for instance in seen.instances)
    rows = ((1, 2), (5, -2), (-3, 1))
    data = tuple(tuple(map(Fraction, x)) for x in rows)
    example = Network.from_arrays([[[1, 1], [1, -2]], [[1, 1]], [[1]]], [[0, 0], [0], [0]])
    point = crossing(center(example, data), data, 1, 0)
    if point is None:
        return Verdict(Status.REFUTED, "the example has no zero between its data")
    return Verdict(
        Status.PROVED,
        "Values of mean 0 that are not all 0 have both signs, and a continuous unit vanishes "
        f"between; a rational zero was produced for each unit of {seen.count} networks of one "
        "to four layers.",
        seen.count,
        {
            "units": f"{units}, all with sigma > 0, centred, and again with rounded sigma",
            "for example": "data (1,2) (5,-2) (-3,1), layer 1 (1,1) (1,-2), layer 2 (1,1): zero at "
            f"({', '.join(map(to_text, point))})",
        },
    )


def mean_feature_point(network: Network, data: Matrix) -> Vector | None:
    """Return a point that layer 1 of a centred network maps to its mean feature, or None.

    For slopes >= 0, ReLU included: where the mean feature h_k > 0, a(t) = h_k has the solution
    t = h_k only; where it is < 0, t = h_k / slope; where it is 0, t = 0 is taken.
    """
    first = network.layers[0]
    feature = mean_feature(network, data)
    values = tuple(h if h > 0 or h == 0 else h / first.slope for h in feature)
    targets = [t - b for t, b in zip(values, first.bias, strict=True)]
    return solve(first.weight, targets)


def moved_mean_point(instance: Instance) -> str | None:
    """Return how scales of layer 1 move the point that is mapped to the mean feature.

    ``numbers`` may hold the scales scale1, scale2, ... of the units of layer 1 (1 by default).
    Layer 1 must have independent rows and a slope >= 0.
    """
    network, data = instance.given()
    first = network.layers[0]
    scales = [instance.number(f"scale{k + 1}", Fraction(1)) for k in range(first.num_neurons)]
    if len(network.hidden) < 2 or first.slope < 0 or min(scales) <= 0:
        raise HypothesisError("expected two hidden layers, a slope >= 0, and scales > 0")
    if rank(first.weight) < first.num_neurons:
        raise HypothesisError("expected independent rows in layer 1")
    plain, scaled = center(network, data), scaled_first(network, data, scales)
    point, other = mean_feature_point(plain, data), mean_feature_point(scaled, data)
    if point is None or point != other:
        return "the scales move the point, or there is none"
    for text, current in (("without", plain), ("with", scaled)):
        if any(current.preactivations(point)[1]):
            return f"{text} scales, a unit of layer 2 does not vanish there"
    return None


def _with_scales(rng: random.Random) -> Instance:
    """Return a network whose layer 1 is not wider than its input, data, and scales."""
    d = rng.randint(1, 4)
    n = rng.randint(1, d)
    slope = rng.choice((Fraction(0), Fraction(1, 10), Fraction(1, 2)))
    network = draw_network(rng, (d, n, rng.randint(1, 4), 1), slope=slope)
    scales = {f"scale{k + 1}": Fraction(rng.randint(1, 9), rng.randint(1, 9)) for k in range(n)}
    return Instance(network, draw_matrix(rng, rng.randint(2, 6), d), scales)


@claim(
    "K7",
    "depth",
    "the points over the mean feature do not feel scales, and hold layer 2's boundaries",
    statement="""Let G be the set of inputs x that layer 1, centred and divided by scales b_k > 0,
    maps exactly to its mean feature over the batch. G is the same for all scales, and every unit of
    layer 2, centred, vanishes on G. If layer 1's rows are independent and the activation is ReLU or
    leaky, G is not empty.""",
    assumptions="a positively homogeneous activation; for G not empty independent rows (so no more "
    "units than inputs) and slope >= 0; beta = 0, the same batch.",
    source="Riedi et al. 2026, the authors' follow-up, as commonly stated",
    method="proof by homogeneity, and exact solutions with and without scales",
    expected=Status.PROVED,
    answers=("S1",),
    proof="""a(t / b) = a(t) / b for b > 0. So a((w_k . x - mu_k) / b_k) equals the mean over the
    batch of the same expression exactly if a(w_k . x - mu_k) equals the mean of a(w_k . x_i -
    mu_k): b_k cancels. At such an x the input of layer 2 is its mean, where every centred unit
    vanishes (K2). With a slope >= 0 the values of a are an interval that holds every mean of
    values, and independent rows take all values, so G is not empty.""",
    violation=moved_mean_point,
    propose=_with_scales,
)
def mean_feature_set(effort: Effort) -> Verdict:
    """Solve for a point of G with and without scales, and evaluate layer 2 there.

    a(t / b) = a(t) / b for b > 0. So a((w_k.x - mu_k) / b_k) equals the mean over the batch of
    the same expression exactly if a(w_k.x - mu_k) equals the mean of a(w_k.x_i - mu_k): b_k
    cancels. At such an x the input of layer 2 is its mean, where every centred unit vanishes. A
    mean of activations is a value of the activation (slope >= 0), and independent rows take all
    values.
    """
    seen = survey(moved_mean_point, _with_scales, random.Random(7), effort.of(60, 2000))
    data = tuple(tuple(map(Fraction, x)) for x in ((0, 1), (4, 0), (2, 5), (-3, 2)))
    example = Network.from_arrays([[[2, 1], [-1, 3]], [[1, 1]], [[1]]], [[0, 0], [0], [0]])
    point = mean_feature_point(center(example, data), data)
    text = "none" if point is None else f"({', '.join(map(to_text, point))})"
    return seen.failure or Verdict(
        Status.PROVED,
        "Scales cancel by positive homogeneity, and a centred layer vanishes at its mean input; "
        f"{seen.count} exact instances agree.",
        seen.count,
        {"data (0,1) (4,0) (2,5) (-3,2), ReLU, w = (2,1), (-1,3)": f"G is {text}"},
    )


def regions_with_maps(network: Network) -> dict[tuple[int, ...], tuple[Matrix, Vector]]:
    """Return pattern -> affine map for all regions of the whole input space."""
    cells = partition(network)
    return {tuple(row): cells.affine_map(i) for i, row in enumerate(cells.patterns.tolist())}


def _gammas(instance: Instance) -> list[list[Fraction]]:
    """Return the learned scales gamma1, gamma2, ... layer by layer, 1 by default."""
    found, first = [], 1
    for width in instance.given()[0].widths:
        units = range(first, first + width)
        found.append([instance.number(f"gamma{k}", Fraction(1)) for k in units])
        first += width
    return found


def scales_matter(instance: Instance) -> str | None:
    """Return where the normalized network differs from the centred one with rescaled next weights.

    ``numbers`` may hold gammas > 0; the sigmas must be positive, and rational but for those of the
    last hidden layer, which are then left out.
    """
    (network, data), gammas = instance.given(), _gammas(instance)
    if any(t <= 0 for layer in gammas for t in layer):
        raise HypothesisError("expected gammas > 0")
    result = normalized_if_rational(network, data, gammas)
    if result is None:
        raise HypothesisError("a sigma is zero, or irrational below the last hidden layer")
    full, factors, _ = result
    # Centred anew: its offsets come from the data and not from the normalized network.
    plain = center(rescaled_next(network, factors), data)
    left, right = regions_with_maps(full), regions_with_maps(plain)
    if left.keys() != right.keys():
        return f"{len(left)} and {len(right)} regions, or other patterns"
    different = next((pattern for pattern in left if left[pattern] != right[pattern]), None)
    return None if different is None else f"pattern {different}: another affine map"


def _with_gammas(rng: random.Random) -> Instance:
    """Return a network, data with rational sigma (two clusters or four points), and gammas."""
    instance = two_clusters(rng) if rng.random() < 0.5 else rational_first(rng, rng.randint(1, 2))
    count = instance.given()[0].num_hidden
    gammas = {f"gamma{k + 1}": Fraction(rng.randint(1, 9), rng.randint(1, 9)) for k in range(count)}
    return Instance(instance.network, instance.data, gammas)


def rational_first(rng: random.Random, layers: int) -> Instance:
    """Return a network of two inputs whose layer 1 has rational sigma on four general points."""
    while True:
        data = draw_matrix(rng, 4, 2, 5)
        rows = rational_rows(data, 5)
        if len(rows) > 3:
            break
    chosen = tuple(rng.sample(rows, 3))
    tail = draw_network(rng, (3, *([3] * (layers - 1)), 1)).layers
    first = Layer(chosen, (Fraction(0),) * 3)
    return Instance(Network((first, *tail)), data)


@claim(
    "K8",
    "depth",
    "batch normalization is centering with rescaled next weights",
    statement="""A network batch-normalized with eps = 0, beta = 0 and gamma > 0 is the same
    function, with the same activation pattern at every point, as the network that is only centred
    and has W_{l+1} diag(gamma_l / sigma_l) in place of W_{l+1}.""",
    assumptions="sigma > 0, eps = 0, beta = 0, gamma > 0, a positively homogeneous activation.",
    source="derived; the homogeneity is used in Riedi et al. 2026, as commonly stated",
    method="proof by homogeneity, and exact partitions with rational sigma: equal sets of patterns "
    "and equal affine maps",
    expected=Status.PROVED,
    answers=("S1",),
    proof="""a(gamma t / sigma) = (gamma / sigma) a(t). A layer's features are those of the centred
    layer times gamma / sigma, unit by unit, which the next weights take over; the next
    preactivations, their means, and what is left after centering are then equal. Signs are equal,
    as gamma / sigma > 0. By induction this holds for every layer.""",
    violation=scales_matter,
    propose=_with_gammas,
)
def centering_suffices(effort: Effort) -> Verdict:
    """Compare both networks region by region.

    a(gamma t / sigma) = (gamma / sigma) a(t): a layer's features are those of the centred layer
    times gamma / sigma, which the next weights take over; the next centered preactivations, and
    the means that are subtracted, are then equal. Signs are equal since gamma / sigma > 0.
    """
    seen = survey(scales_matter, _with_gammas, random.Random(8), effort.of(30, 600))
    several = sum(
        len(set(data)) > 2 and len(network.hidden) > 1
        for network, data in (instance.given() for instance in seen.instances)
    )
    return seen.failure or Verdict(
        Status.PROVED,
        "Positive factors pass through the activation into the next weights; on "
        f"{seen.count} exact instances patterns and affine maps are equal region by region.",
        seen.count,
        {
            "of these with two hidden layers and four general points": str(several),
            "with beta": "beta is then another: gamma t / sigma + beta = (gamma / sigma)(t + beta "
            "sigma / gamma)",
        },
    )


def changed_partition(instance: Instance) -> str | None:
    """Return whether other raw biases and longer rows change the normalized network's partition.

    ``numbers`` may hold factors factor1, ... > 0 of the rows and additions bias1, ... to the raw
    biases, by hidden unit. The sigmas as for :func:`scales_matter`.
    """
    (network, data), numbers = instance.given(), instance.numbers
    layers: list[Layer] = []
    first = 1
    for layer in network.hidden:
        units = range(first, first + layer.num_neurons)
        factors = [numbers.get(f"factor{k}", Fraction(1)) for k in units]
        shifts = [numbers.get(f"bias{k}", Fraction(0)) for k in units]
        if min(factors) <= 0:
            raise HypothesisError("expected factors > 0")
        layers.append(_changed(layer, factors, shifts))
        first += layer.num_neurons
    other = Network((*layers, network.layers[-1]))
    results = [normalized_if_rational(net, data) for net in (network, other)]
    if results[0] is results[1]:
        raise HypothesisError("a sigma is zero, or irrational below the last hidden layer")
    if results[0] is None or results[1] is None:
        return "only one of the two can be normalized"
    left, right = (regions_with_maps(result[0]) for result in results if result is not None)
    if left.keys() != right.keys():
        return f"{len(left)} and {len(right)} regions, or other patterns"
    # The last sigma, where it is left out, is in the maps.
    return "other affine maps" if results[0][2] and left != right else None


def _changed(layer: Layer, factors: Sequence[Fraction], shifts: Sequence[Fraction]) -> Layer:
    """Return a layer with rows multiplied and raw biases moved."""
    rows = tuple(tuple(f * w for w in row) for f, row in zip(factors, layer.weight, strict=True))
    return Layer(rows, tuple(b + s for b, s in zip(layer.bias, shifts, strict=True)), layer.slope)


def _with_changes(rng: random.Random) -> Instance:
    """Return a network and data with rational sigma, factors of rows and moves of biases."""
    instance = _with_gammas(rng)
    count = instance.given()[0].num_hidden
    units = range(1, count + 1)
    factors = {f"factor{k}": Fraction(rng.randint(1, 9), rng.randint(1, 9)) for k in units}
    shifts = {f"bias{k}": draw_fraction(rng) for k in units}
    return Instance(instance.network, instance.data, {**factors, **shifts})


@claim(
    "K9",
    "depth",
    "raw biases and the lengths of rows play no part",
    statement="""The partition and the function of a batch-normalized network do not change when
    hidden biases before normalization are replaced, or when rows of hidden weights are multiplied
    by positive factors.""",
    assumptions="sigma > 0, eps = 0; the statistics are computed anew on the same batch.",
    source=f"{_PAPER} and Riedi et al. 2026, as commonly stated",
    method="proof in one line, and exact partitions with rational sigma: equal patterns and maps",
    expected=Status.PROVED,
    answers=("S1", "S2"),
    proof="""With c z + b, c > 0, in place of z the mean is c mu + b and the deviation c sigma, so
    (c z + b - c mu - b) / (c sigma) = (z - mu) / sigma: every feature of every layer is the
    same.""",
    violation=changed_partition,
    propose=_with_changes,
)
def biases_and_lengths(effort: Effort) -> Verdict:
    """Compare partitions and maps before and after.

    With c z + b in place of z the mean is c mu + b and the deviation c sigma, c > 0, so
    (c z + b - c mu - b) / (c sigma) = (z - mu) / sigma: every feature of every layer is the same.
    """
    seen = survey(changed_partition, _with_changes, random.Random(9), effort.of(30, 600))
    return seen.failure or Verdict(
        Status.PROVED,
        "Mean and deviation take the bias and the length with them; on "
        f"{seen.count} exact instances patterns stay, and affine maps where sigmas are rational.",
        seen.count,
    )

"""Deep claims: numbers worked out by hand, violations that are seen, the finder from scratch."""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from exactbn.claims.families import depth, depth_limits
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import find_claim
from exactbn.claims.ledger.survey import meets
from exactbn.claims.tools.normalized import centred_by, normalized, normalized_if_rational
from exactbn.claims.tools.search import search
from exactbn.errors import NotRationalError
from exactbn.model.batchnorm import center
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition
from tests.examples import DATA, NETWORK_A
from tests.test_claims_centering import exact

POINTS = exact(*DATA)
FOUR = exact((0, 1), (4, 0), (2, 5), (-3, 2))
MEANS = Network.from_arrays(
    [[[2, 1], [-1, 3]], [[1, 2], [1, -1]], [[1, 1]]], [[0, 0], [0, 0], [0]]
)
#: Two inputs to layer 2 of three units, one cluster of two points.
CLUSTERS = Network.from_arrays(
    [[[1, 3], [2, -1]], [[1, -2], [3, 1], [2, 1]], [[1, 1, 2]]], [[1, 2], [3, 4, 5], [0]],
    slope="1/4",
)
PAIR = exact((1, 2), (5, -3))


def test_a_zero_between_the_data_for_every_unit() -> None:
    assert depth.one_sided_unit(Instance(NETWORK_A, POINTS)) is None
    centred = center(NETWORK_A, POINTS)
    for layer, width in enumerate((5, 4)):
        for k in range(width):
            point = depth.crossing(centred, POINTS, layer, k)
            assert point is not None
            assert centred.preactivations(point)[layer][k] == 0
            assert all(min(c) <= t <= max(c) for t, c in zip(point, zip(*POINTS), strict=True))


def test_unit_on_one_side_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network.from_arrays([[[1]], [[1]]], [[5], [0]])
    data = exact((0,), (1,))
    assert depth.one_sided_unit(Instance(network, data)) is None
    assert depth.crossing(network, data, 0, 0) is None
    monkeypatch.setattr(depth, "center", lambda network, data, scale: network)
    assert depth.one_sided_unit(Instance(network, data)) == (
        "layer 1, unit 1: no zero between two data points"
    )


def test_point_over_the_mean_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    point = depth.mean_feature_point(center(MEANS, FOUR), FOUR)
    assert point == (Fraction(79, 56), Fraction(89, 28))
    scales = {"scale1": Fraction(3), "scale2": Fraction(1, 7)}
    instance = Instance(MEANS, FOUR, scales)
    assert depth.moved_mean_point(instance) is None
    monkeypatch.setattr(depth, "scaled_first", lambda network, data, scales: network)
    assert depth.moved_mean_point(instance) is not None


def test_scales_go_into_the_next_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    gammas = {"gamma1": Fraction(2), "gamma2": Fraction(1, 3), "gamma4": Fraction(5)}
    instance = Instance(CLUSTERS, PAIR, gammas)
    assert meets(depth.scales_matter, instance)
    assert depth.scales_matter(instance) is None
    monkeypatch.setattr(depth, "rescaled_next", lambda network, factors: network)
    assert depth.scales_matter(instance) is not None


def test_learned_shift_is_stretched() -> None:
    """gamma t / sigma + beta = (gamma / sigma) (t + beta sigma / gamma): beta itself is wrong."""
    network = Network((CLUSTERS.layers[0], Layer(exact((1, 2)), (Fraction(0),), Fraction(1))))
    full, factors = normalized(network, PAIR)
    plain = center(depth.rescaled_next(network, factors), PAIR)

    def shifted(net: Network, betas: Sequence[Fraction]) -> dict[tuple[int, ...], object]:
        first, output = net.layers
        bias = tuple(b + beta for b, beta in zip(first.bias, betas, strict=True))
        return dict(depth.regions_with_maps(Network((replace(first, bias=bias), output))))

    ones = [Fraction(1)] * 2
    assert shifted(full, ones) == shifted(plain, [1 / t for t in factors[0]])
    assert shifted(full, ones) != shifted(plain, ones)


def test_raw_biases_and_lengths_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"factor1": Fraction(3), "bias2": Fraction(-7), "factor4": Fraction(2, 5)}
    instance = Instance(CLUSTERS, PAIR, numbers)
    assert depth.changed_partition(instance) is None
    monkeypatch.setattr(depth, "normalized_if_rational", lambda net, data: (net, (), True))
    assert depth.changed_partition(instance) is not None


def test_regions_with_maps_are_the_partition() -> None:
    found = depth.regions_with_maps(NETWORK_A)
    cells = partition(NETWORK_A)
    assert len(found) == cells.num_regions == 47
    point = cells.witness(3)
    rows, constants = found[tuple(cells.patterns[3].tolist())]
    value = sum((w * t for w, t in zip(rows[0], point, strict=True)), constants[0])
    assert (value,) == NETWORK_A.forward(point)


def test_layer_two_without_a_common_point() -> None:
    # Features (1, 0) and (0, 1) after division by sigma = 1: no common zero of three units.
    units = [[1, -1], [1, 1], [2, 1]]
    three = Network.from_arrays([[[1], [-1]], units, [[1] * 3]], [[0] * 2, [0] * 3, [0]])
    data = exact((-1,), (1,), (1,), (-1,))
    assert not meets(centred_by, Instance(three, data))  # x + y of (1, 0), (0, 1) is constant
    chosen = [units[0], units[2]]
    two = Network.from_arrays([[[1], [-1]], chosen, [[1, 1]]], [[0, 0], [0, 0], [0]])
    assert depth_limits.no_common_zero(Instance(two, data)) is not None
    one = Network.from_arrays([[[1], [-1]], [units[0]], [[1]]], [[0] * 2, [0], [0]])
    assert depth_limits.no_common_zero(Instance(one, data)) is None


def test_evaluation_mode_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    network = Network.from_arrays([[[2], [-3]], [[1, 1]]], [[1, 0], [0]])
    data = exact((1,), (3,), (8,))
    norm = torch.nn.BatchNorm1d(2, dtype=torch.float64)
    values = [[float(t) for t in network.preactivations(x)[0]] for x in data]
    norm(torch.tensor(values, dtype=torch.float64))
    layer = depth_limits.evaluated(network, data)
    means = [b - c for b, c in zip(network.layers[0].bias, layer.bias, strict=True)]
    assert norm.running_mean.tolist() == pytest.approx([float(t) for t in means])
    columns = list(zip(*[network.preactivations(x)[0] for x in data], strict=True))
    stored = [Fraction(9, 10) + depth_limits.unbiased(list(c)) / 10 for c in columns]
    assert norm.running_var.tolist() == pytest.approx([float(t) for t in stored])


def test_nearer_level_with_the_farther_preimage() -> None:
    # f(x) = x for x >= 0 and x / 10 below; levels -1/2 and 1 from f(0) = 0.
    leaky = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope="1/10")
    numbers = {"x": Fraction(0), "near": Fraction(-1, 2), "far": Fraction(1)}
    assert depth_limits.reversed_distances(Instance(leaky, (), numbers)) == (
        "f(x) = 0 is 1/2 and 1 from the levels, x is 5 and 1 from where f takes them"
    )
    one_sided = {**numbers, "near": Fraction(1, 2)}
    assert depth_limits.reversed_distances(Instance(leaky, (), one_sided)) is None
    relu = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    assert not meets(depth_limits.reversed_distances, Instance(relu, (), numbers))  # F is empty


@pytest.mark.parametrize("seed", range(3))
def test_finder_finds_reversed_distances(seed: int) -> None:
    found = search(find_claim("F5"), seconds=20, seed=seed, enough=1)
    assert found is not None and found.instance.network is not None
    assert found.instance.network.widths == (1,)
    assert depth_limits.reversed_distances(found.instance) == found.reason


def test_no_input_over_the_mean_feature() -> None:
    wide = Network.from_arrays([[[1], [-1]], [[1, 0]], [[1]]], [[0] * 2, [0], [0]])
    data = exact((0,), (1,))
    assert depth_limits.missing_mean_point(Instance(wide, data)) is not None
    assert depth_limits.missing_mean_point(Instance(MEANS, FOUR)) is None
    # w and 2 w are the same unit up to a scale: more units than inputs, and yet a point.
    same = Network.from_arrays([[[1], [2]], [[1, 0]], [[1]]], [[0] * 2, [0], [0]])
    assert depth_limits.missing_mean_point(Instance(same, data)) is None


def test_irrational_sigma_of_the_last_layer_is_left_out() -> None:
    rng = random.Random(1)
    instance = depth.rational_first(rng, 2)
    assert instance.network is not None
    with pytest.raises(NotRationalError, match="layer 2"):
        normalized(instance.network, instance.data)
    result = normalized_if_rational(instance.network, instance.data)
    assert result is not None and not result[2]
    assert result[1][1] == (1, 1, 1)
    assert depth.scales_matter(instance) is None
    assert depth.changed_partition(replace(instance, numbers={"factor4": Fraction(5)})) is None

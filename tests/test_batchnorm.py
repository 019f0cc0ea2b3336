"""Exact batch normalization against numbers worked out elsewhere, and its identities."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exactbn.errors import DegenerateError, DimensionError, InputError, NotRationalError
from exactbn.exact.normalization import fold, scale_and_shift
from exactbn.exact.rational import dot, sqrt_rounded, to_vector
from exactbn.model.batchnorm import center, standardize, statistics
from exactbn.model.files import save_json
from exactbn.model.network import Network

F = Fraction
D6 = [(1, 2), (3, -1), (-2, 4), (0, 5), (6, 1), (2, 2)]
SMALL = st.fractions(-4, 4, max_denominator=6)


def with_output(weights, biases, *, slope=0):
    """Return the network of the hidden layers given and one output, the sum of the features."""
    ones = [[1] * len(weights[-1])]
    return Network.from_arrays([*weights, ones], [*biases, [0]], slope=slope)


NET_A = with_output(
    [
        [[-8, -7], [-7, 2], [-4, 0], [-1, -3], [-8, 9]],
        [[-4, 4, 3, 7, 2], [8, 5, 7, -1, -8], [-9, 2, 5, 1, 3], [4, 7, -4, 8, -4]],
    ],
    [[-2, -2, -9, -4, 1], [-4, -5, 7, 7]],
)
NET_B = with_output(
    [
        [[-5, 9], [-7, -1], [-6, 6], [5, 6]],
        [[3, -3, -6, 6], [-9, 3, 4, -9], [5, -1, -2, 9]],
    ],
    [[-6, 1, -9, -9], [-9, 8, -9]],
)


@pytest.mark.parametrize(
    ("net", "first", "second"),
    [
        (
            NET_A,
            ["57/2", "22/3", "20/3", "49/6", "-37/6"],
            ["-763/12", "37/12", "-373/12", "-121/6"],
        ),
        (NET_B, ["-67/6", "83/6", "-3", "-64/3"], ["45/2", "81", "-135/2"]),
    ],
    ids=["A", "B"],
)
def test_centred_biases_of_published_networks(net, first, second):
    centred = center(net, D6)
    assert centred.layers[0].bias == to_vector(first)
    assert centred.layers[1].bias == to_vector(second)
    assert centred.sigma_policy == "none"
    # Weights, slopes and the output layer stay.
    assert [layer.weight for layer in centred.layers] == [layer.weight for layer in net.layers]
    assert centred.layers[-1] == net.layers[-1]


def test_statistics_by_hand():
    # z = 2x + 1 at x = 0, 1, 5 is 1, 3, 11: mean 5, variance (16 + 4 + 36) / 3.
    # The second layer gets (z, 0) and gives z + 1 and -z: means 6 and -5.
    net = with_output([[[2], [-1]], [[1, 1], [-1, 0]]], [[1, 0], [1, 0]])
    first, second = statistics(net, [["0"], [1.0], [F(5)]])
    assert first.mean == (5, -2) and first.variance == (F(56, 3), F(14, 3))
    assert second.mean == (6, -5) and second.variance == (F(56, 3), F(56, 3))


def test_statistics_of_a_network_without_hidden_layers():
    net = Network.from_arrays([[[1, 2]]], [[3]])
    assert statistics(net, [[0, 0]]) == ()
    assert center(net, [[0, 0]], scale=True) == net


def test_two_equal_clusters_have_rational_sigma():
    # theory: X = {(1, 2), (5, -2)}; variances 16, 36, 16, 4, features means all (1 - slope) / 2.
    points = [(1, 2), (5, -2)]
    weights = [[[1, 3], [2, -1], [3, 1], [3, 2]], [[1, 0, 0, 0]]]
    for slope, expected in ((0, F(1, 2)), ("1/4", F(3, 8))):
        net = with_output(weights, [[0] * 4, [0]], slope=slope)
        assert statistics(net, points)[0].variance == (16, 36, 16, 4)
        first = center(net, points, scale=True).layers[0]
        values = [first.preactivation(to_vector(x)) for x in points]
        assert all(abs(t) == 1 for z in values for t in z)
        features = [first.activation(z) for z in values]
        assert all(sum(column) / 2 == expected for column in zip(*features, strict=True))
    # The absolute value of +-1 is 1 at both points, so the second layer has no variance.
    with pytest.raises(DegenerateError, match="BatchNorm 1, unit 0: variance is 0"):
        center(with_output(weights, [[0] * 4, [0]], slope=-1), points, scale=True)


def test_one_point_is_its_own_mean():
    net = center(NET_A, [(3, 4)])
    assert net.preactivations((3, 4)) == ((0,) * 5, (0,) * 4)
    with pytest.raises(DegenerateError, match="BatchNorm 0, unit 0: variance is 0 and eps is 0"):
        center(NET_A, [(3, 4)], scale=True)


def test_zero_variance_names_layer_and_unit():
    # (1, 1) is constant on these points; so is the second layer's feature of it.
    points = [(1, 2), (5, -2)]
    net = with_output([[[1, 0], [1, 1]]], [[0, 0]])
    message = (
        "BatchNorm 0, unit 1: variance is 0 and eps is 0, so the scale is undefined; "
        "drop the unit or give eps > 0"
    )
    with pytest.raises(DegenerateError, match=message):
        center(net, points, scale=True)
    assert center(net, points).layers[0].bias == (-3, -3)
    # With eps = 1/4 its sigma is 1/2, and the other's the rounded square root of 4 + 1/4.
    scaled = center(net, points, scale=True, eps="1/4")
    sigma = sqrt_rounded(F(17, 4))
    assert scaled.layers[0].weight == ((1 / sigma, 0), (2, 2))
    assert scaled.layers[0].bias == (-3 / sigma, -6)
    assert scaled.sigma_policy == "rounded"


def test_unit_of_the_second_layer_without_variance():
    # The features of -1 and 1 are (0, 1) and (1, 0): their sum is the same at both.
    net = with_output([[[1], [-1]], [[1, -1], [1, 1]]], [[0, 0], [0, 0]])
    assert center(net, [[-1], [1]]).layers[1].bias == (0, -1)
    with pytest.raises(DegenerateError, match="BatchNorm 1, unit 1: variance is 0 and eps is 0"):
        center(net, [[-1], [1]], scale=True)


def test_zero_weights():
    net = with_output([[[0]], [[5]]], [[3], [4]])
    assert [layer.bias for layer in center(net, [[1], [2]]).hidden] == [(0,), (0,)]
    assert statistics(net, [[1], [2]])[1].mean == (19,)


def test_policy_remembers_a_rounded_sigma():
    rounded = center(NET_A, D6, scale=True)
    assert rounded.sigma_policy == "rounded"
    assert center(rounded, D6).sigma_policy == "rounded"


def test_data_may_be_arrays_or_text():
    plain = center(NET_A, D6)
    assert center(NET_A, np.array(D6)) == plain
    assert center(NET_A, np.array(D6, np.float32)) == plain
    assert center(NET_A, [[str(t) for t in x] for x in D6]) == plain
    tenths = center(NET_A, [["0.1", "0.2"]]).layers[0].bias
    assert tenths[0] == F(22, 10) != center(NET_A, [[0.1, 0.2]]).layers[0].bias[0]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], InputError, "the data has no points or no columns, expected at least one of each"),
        ([[]], InputError, "the data has no points or no columns"),
        ([[1]], DimensionError, "the data has 1 column, expected 2 as the network has inputs"),
        ([[1, 2], [3]], DimensionError, r"data\[1\] has 1 entry, expected 2 as in row 0"),
        ([1, 2], DimensionError, r"data\[0\] is a single number, expected a row"),
        ([[1, float("nan")]], NotRationalError, r"data\[0\]\[1\] is nan"),
        ([[[1, 2]]], NotRationalError, r"data\[0\]\[0\] is of type list"),
        (np.zeros((2, 2, 2)), DimensionError, "the data has 4 columns, expected 2 as the network"),
        (np.zeros((0, 2, 2)), InputError, "the data has no points or no columns"),
        ([["a", "b"]], NotRationalError, r"data\[0\]\[0\] is 'a', expected a number"),
    ],
)
def test_bad_data(data, error, message):
    with pytest.raises(error, match=message):
        center(NET_A, data)
    with pytest.raises(error, match=message):
        statistics(NET_A, data)


def test_negative_eps():
    with pytest.raises(InputError, match="eps is -1/8, expected >= 0"):
        center(NET_A, D6, scale=True, eps=-0.125)
    with pytest.raises(InputError, match="eps is -1, expected >= 0"):
        fold(((F(1),),), (F(0),), [0], [1], eps=-1)


@st.composite
def networks_and_data(draw):
    """Draw a small rational network with any slopes, and a batch."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    weights = [
        [[draw(SMALL) for _ in range(m)] for _ in range(n)] for m, n in zip(sizes, sizes[1:])
    ]
    biases = [[draw(SMALL) for _ in range(n)] for n in sizes[1:]]
    slopes = [draw(st.sampled_from([0, F(1, 4), -1, -2, 1]))] * (len(sizes) - 1)
    net = Network.from_arrays([*weights, [[1] * sizes[-1]]], [*biases, [0]], slope=slopes)
    data = draw(st.lists(st.tuples(*[SMALL] * sizes[0]), min_size=1, max_size=6))
    return net, data


def moments(values):
    """Return mean and biased variance, from their definitions."""
    mean = sum(values, F(0)) / len(values)
    return mean, sum(((t - mean) ** 2 for t in values), F(0)) / len(values)


@settings(deadline=None, max_examples=40)
@given(networks_and_data())
def test_statistics_are_the_definition(case):
    net, data = case
    values = [net.preactivations(x) for x in data]
    for index, result in enumerate(statistics(net, data)):
        columns = zip(*(z[index] for z in values), strict=True)
        assert [moments(column) for column in columns] == list(
            zip(result.mean, result.variance, strict=True)
        )


@settings(deadline=None, max_examples=40)
@given(networks_and_data())
def test_centred_means_are_exactly_zero(case):
    net, data = case
    centred = center(net, data)
    assert all(t == 0 for layer in statistics(centred, data) for t in layer.mean)
    # Central: every hyperplane of a layer passes through the mean of the layer's inputs.
    inputs = [to_vector(x) for x in data]
    for layer in centred.hidden:
        mean = tuple(sum(t, F(0)) / len(data) for t in zip(*inputs, strict=True))
        assert layer.preactivation(mean) == (0,) * layer.num_neurons
        inputs = [layer.activation(layer.preactivation(h)) for h in inputs]
    assert center(centred, data) == centred


@settings(deadline=None, max_examples=40)
@given(networks_and_data(), st.sampled_from([F(0), F(1, 7), F(3)]))
def test_scaled_network_is_the_definition(case, eps):
    net, data = case
    inputs = [to_vector(x) for x in data]
    expected = []
    for layer in net.hidden:
        rows, biases = [], []
        for row in layer.weight:
            mean, variance = moments([dot(row, h) for h in inputs])
            assume(variance + eps > 0)
            sigma = sqrt_rounded(variance + eps)
            rows.append(tuple(w / sigma for w in row))
            biases.append(-mean / sigma)
        inputs = [
            layer.activation([dot(row, h) + b for row, b in zip(rows, biases, strict=True)])
            for h in inputs
        ]
        expected.append((tuple(rows), tuple(biases)))
    scaled = center(net, data, scale=True, eps=eps)
    assert [(layer.weight, layer.bias) for layer in scaled.hidden] == expected
    assert scaled.layers[-1] == net.layers[-1]
    assert [layer.slope for layer in scaled.layers] == [layer.slope for layer in net.layers]


@settings(deadline=None, max_examples=40)
@given(networks_and_data())
def test_units_with_variance_have_data_strictly_on_both_sides(case):
    net, data = case
    centred = center(net, data)
    values = [centred.preactivations(x) for x in data]
    for index, result in enumerate(statistics(centred, data)):
        for k, variance in enumerate(result.variance):
            column = [z[index][k] for z in values]
            if variance > 0:
                assert min(column) < 0 < max(column)
                # Samuelson: |t| <= sigma sqrt(N - 1).
                assert max(t * t for t in column) <= variance * (len(data) - 1)
            else:
                assert set(column) == {0}


@settings(deadline=None, max_examples=40)
@given(networks_and_data(), SMALL.filter(bool))
def test_mean_minimizes_the_squared_distances(case, shift):
    # For any offset mu + q the sum of squared distances grows by exactly N q^2 / ||w||^2.
    net, data = case
    row = net.layers[0].weight[0]
    norm = dot(row, row)
    assume(norm > 0)
    mean = statistics(net, data)[0].mean[0] - net.layers[0].bias[0]

    def total(offset):
        return sum((dot(row, to_vector(x)) - offset) ** 2 / norm for x in data)

    assert total(mean + shift) - total(mean) == len(data) * shift**2 / norm
    assert total(mean) == len(data) * statistics(net, data)[0].variance[0] / norm


@settings(deadline=None, max_examples=40)
@given(networks_and_data(), st.fractions(F(1, 5), 5, max_denominator=5))
def test_raw_bias_does_not_matter_and_row_scales_pass_through(case, factor):
    net, data = case
    changed = Network.from_arrays(
        [[[factor * w for w in row] for row in layer.weight] for layer in net.layers],
        [[b + 7 for b in layer.bias] for layer in net.layers],
        slope=[layer.slope for layer in net.hidden],
    )
    before, after = center(net, data), center(changed, data)
    for x in data:
        for index, (z, y) in enumerate(
            zip(before.preactivations(x), after.preactivations(x), strict=True)
        ):
            assert y == tuple(factor ** (index + 1) * t for t in z)


def test_two_points_have_rational_sigma():
    # With two points sigma is half the difference, so every scaled preactivation is +-1.
    net = center(NET_B, [(0, 0), (1, 0)], scale=True)
    for x in [(0, 0), (1, 0)]:
        assert all(abs(t) == 1 for z in net.preactivations(x) for t in z)


def test_fold_by_hand():
    weight, bias = ((F(1), F(2)), (F(0), F(1)), (F(3), F(-1))), (F(1), F(0), F(5))
    rows, biases = fold(
        weight, bias, [3, 1, 0], ["9/4", 0, 3], gamma=[-3, 0, 1], beta=["1/2", 7, 0], eps=1
    )
    sigma_0, sigma_2 = sqrt_rounded(F(13, 4)), F(2)
    assert rows[0] == (-3 / sigma_0, -6 / sigma_0)
    assert biases[0] == 6 / sigma_0 + F(1, 2)
    assert (rows[1], biases[1]) == ((0, 0), 7)  # gamma = 0 kills the unit
    assert (rows[2], biases[2]) == ((3 / sigma_2, -1 / sigma_2), 5 / sigma_2)


def test_fold_without_affine():
    assert fold(((F(4),),), (F(6),), [2], [4]) == (((2,),), (2,))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0], [1, 1]), DimensionError, "BN: running_var has 2 entries, expected 1"),
        (([0], [1], [1, 1]), DimensionError, "BN: gamma has 2 entries, expected 1"),
        (([0], [1], [1], []), DimensionError, "BN: beta has 0 entries, expected 1"),
        (([0], [-1]), InputError, r"BN: running_var\[0\] is -1, expected >= 0"),
        (([0, 0], [1, 0]), DegenerateError, "BN, unit 1: variance is 0 and eps is 0"),
        (([0], [float("nan")]), NotRationalError, r"BN: running_var\[0\] is nan"),
    ],
)
def test_bad_statistics(arguments, error, message):
    mean, var, gamma, beta = (*arguments, None, None)[:4]
    with pytest.raises(error, match=message):
        scale_and_shift(mean, var, gamma=gamma, beta=beta, name="BN")


def test_fold_of_another_length():
    with pytest.raises(DimensionError, match="running_mean has 2 entries, expected 1"):
        fold(((F(1),),), (F(0),), [0, 0], [1, 1])


def test_standardize_by_hand():
    # Column 0: mean 2, variance 1. Column 1: mean 0.2, variance 0.02 / 3.
    points = standardize([[1, "0.1"], [1, "0.2"], [3, "0.3"], [3, "0.2"]])
    assert [x[0] for x in points] == [-1, -1, 1, 1]
    sigma = sqrt_rounded(F(1, 200))
    assert [x[1] for x in points] == [F(-1, 10) / sigma, 0, F(1, 10) / sigma, 0]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=8))
def test_standardized_columns(data):
    columns = list(zip(*data, strict=True))
    assume(all(len(set(column)) > 1 for column in columns))
    for before, after in zip(columns, zip(*standardize(data), strict=True), strict=True):
        mean, variance = moments(before)
        assert sum(after) == 0
        assert moments(after)[1] == variance / sqrt_rounded(variance) ** 2
        assert math.isclose(moments(after)[1], 1, rel_tol=1e-15)
        assert all(
            a * sqrt_rounded(variance) == b - mean for a, b in zip(after, before, strict=True)
        )


def test_constant_column_is_named():
    with pytest.raises(DegenerateError, match="data column 1 is constant .5., so its scale"):
        standardize([[1, 5], [2, 5]])
    with pytest.raises(DegenerateError, match="data column 'width' is constant"):
        standardize([[1, 5], [2, 5]], names=["length", "width"])
    with pytest.raises(DegenerateError, match="data column 0 is constant"):
        standardize([[1, 5]])


def test_float64_statistics_agree():
    generator = np.random.default_rng(0)
    data = generator.normal(size=(40, 3))
    weights = [generator.normal(size=(8, 3)), generator.normal(size=(8, 8))]
    net = with_output(weights, [np.zeros(8), np.zeros(8)], slope="0.1")
    h = data
    for weight, result in zip(weights, statistics(net, data), strict=True):
        z = h @ weight.T
        assert np.allclose(np.array(result.mean, float), z.mean(0), atol=1e-12)
        assert np.allclose(np.array(result.variance, float), z.var(0), atol=1e-12)
        h = np.where(z > 0, z, 0.1 * z)


def test_what_is_read_as_a_network_can_be_centred(tmp_path: Path) -> None:
    save_json(NET_A, tmp_path / "net.json")
    assert center(tmp_path / "net.json", D6) == center(NET_A, D6)
    with pytest.raises(InputError, match="got a list for the network"):
        center([[1]], D6)


def test_the_name_of_a_file_is_no_data():
    net = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    with pytest.raises(InputError, match="the name 'd.csv', expected .* points; .* numpy.loadtxt"):
        center(net, "d.csv")


def test_a_state_dict_in_the_place_of_a_network_is_told_what_to_do():
    with pytest.raises(InputError, match="got a dict for the network, .*load_state_dict"):
        center({"0.weight": [[1]]}, [[1]])

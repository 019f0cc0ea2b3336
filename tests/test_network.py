"""Networks: exact, frozen, checked where they are made."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactbn.errors import DimensionError, InputError, NotRationalError
from exactbn.model.network import Layer, Network

HALF = Fraction(1, 2)


def sawtooth(depth):
    """Return t composed depth times with itself, t(x) = 2 relu(x) - 4 relu(x - 1/2)."""
    first = [[1], [1]]
    again = [[2, -4], [2, -4]]
    weights = [first, *[again] * (depth - 1), [[2, -4]]]
    return Network.from_arrays(weights, [[0, "-1/2"]] * depth + [[0]])


def test_forward_of_the_absolute_value():
    net = Network.from_arrays([[[1], [-1]], [[1, 1]]], [[0, 0], [0]])
    assert net.forward([Fraction(-1, 3)]) == (Fraction(1, 3),)
    assert net.forward(["0.1"]) == (Fraction(1, 10),)


@pytest.mark.parametrize(
    ("slope", "expected"), [(0, 0), ("0.1", Fraction(-1, 5)), (-1, 2), (1, -2), (2, -4)]
)
def test_slope_below_zero(slope, expected):
    net = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope=slope)
    assert net.forward([-2]) == (expected,)
    assert net.forward([2]) == (2,)
    assert net.forward([0]) == (0,)


def test_one_slope_of_a_layer_is_that_of_all_its_units():
    layer = Layer([[1], [2]], [0, 0], "0.1")
    assert layer.slopes == (Fraction(1, 10),) * 2
    assert all(type(slope) is Fraction for slope in Layer([[1]], [0], 2).slopes)


def test_slope_per_layer():
    weights, biases = [[[1]], [[1]], [[1]]], [[0], [0], [0]]
    net = Network.from_arrays(weights, biases, slope=[-1, "1/2"])
    assert [layer.slope for layer in net.layers] == [-1, HALF, 1]
    assert Network.from_arrays(weights, biases, slope=np.array([-1.0, 0.5])) == net
    with pytest.raises(DimensionError, match="got 1 slopes, expected 2, one a hidden layer"):
        Network.from_arrays(weights, biases, slope=[0])


@given(st.fractions(min_value=0, max_value=1))
def test_sawtooth_folds_the_unit_interval(x):
    expected = x
    for _ in range(5):
        expected = 2 * min(expected, 1 - expected)
    assert sawtooth(5).forward([x]) == (expected,)


def test_preactivations_are_those_of_the_hidden_layers():
    net = sawtooth(2)
    assert net.preactivations([Fraction(3, 4)]) == (
        (Fraction(3, 4), Fraction(1, 4)),
        (Fraction(1, 2), Fraction(0)),
    )
    assert Network.from_arrays([[[1, 2]]], [[0]]).preactivations([1, 1]) == ()


def test_sizes():
    net = Network.from_arrays(
        [np.ones((3, 2)), np.ones((4, 3)), np.ones((1, 4))], [np.ones(3), np.ones(4), np.ones(1)]
    )
    assert net.architecture == "2-3-4-1"
    assert (net.num_inputs, net.num_outputs, net.widths, net.num_hidden) == (2, 1, (3, 4), 7)
    assert net.hidden == net.layers[:2]


def test_network_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        sawtooth(1).sigma_policy = "none"


def test_floats_are_dyadics_and_text_is_decimal():
    float_net = Network.from_arrays([[[0.1]]], [[0]])
    text_net = Network.from_arrays([[["0.1"]]], [[0]])
    assert float_net.layers[0].weight[0][0] == Fraction(0.1) != Fraction(1, 10)
    assert text_net.layers[0].weight[0][0] == Fraction(1, 10)
    assert float_net.sha256 != text_net.sha256


def test_sha256_is_of_the_exact_numbers():
    net = Network.from_arrays([[[0.5, "2/4"]]], [[0]])
    same = Network.from_arrays([np.array([[0.5, 0.5]], np.float32)], [np.zeros(1)])
    assert net.sha256 == same.sha256
    # Computed once from the text of the canonical form, which must never change.
    assert net.canonical() == '{"layers":[{"W":[["1/2","1/2"]],"b":["0"],"slope":"1"}]}'
    assert net.sha256 == "e3911936fca50a6d70f076cdc8e3a3f47ac90ebd3bb7b6a84f4fe2121bc2993b"


def test_canonical_form_of_long_numbers():
    # More digits than Python writes without being asked to.
    net = Network.from_arrays([[[10**5000]]], [[Fraction(1, 10**5000)]])
    assert len(net.canonical()) > 10000


def test_sigma_policy_is_a_remark():
    net = sawtooth(1)
    other = Network(net.layers, "rounded")
    assert net == other and net.sha256 == other.sha256
    with pytest.raises(InputError, match="'x', expected one of no-bn, none, rounded, unknown"):
        Network(net.layers, "x")


@pytest.mark.parametrize(
    ("weights", "biases", "error", "message"),
    [
        ([], [], DimensionError, "the network has no layers"),
        ([[]], [[]], DimensionError, "W0 has no rows or no columns"),
        ([[[]]], [[0]], DimensionError, "W0 has no rows or no columns"),
        ([[[1]]], [], DimensionError, "got 1 weights and 0 biases"),
        ([[[1]]], [[0, 0]], DimensionError, "W0 has 1 row and b0 has 2 entries"),
        ([[[1]], [[1, 1]]], [[0], [0]], DimensionError, "W1 takes 2 features, expected 1"),
        ([[[1], [1, 2]]], [[0, 0]], DimensionError, r"W0\[1\] has 2 entries, expected 1"),
        ([[[float("nan")]]], [[0]], NotRationalError, r"W0\[0\]\[0\] is nan"),
        ([[[1]]], [[float("inf")]], NotRationalError, r"b0\[0\] is inf"),
    ],
)
def test_bad_arrays(weights, biases, error, message):
    with pytest.raises(error, match=message):
        Network.from_arrays(weights, biases)


def test_output_layer_has_no_activation():
    with pytest.raises(InputError, match="the output layer has slope 0, expected 1"):
        Network((Layer(((HALF,),), (HALF,)),))


def test_network_without_layers():
    with pytest.raises(DimensionError, match="the network has no layers"):
        Network(())


def test_layer_shapes():
    with pytest.raises(DimensionError, match="1 weight row and 2 biases"):
        Layer(((HALF,),), (HALF, HALF))


@pytest.mark.parametrize("x", [[], [1, 2], "12"])
def test_point_of_the_wrong_dimension(x):
    with pytest.raises(DimensionError, match="coordinates, expected 1"):
        sawtooth(1).forward(x)


def test_arrays_are_no_layers() -> None:
    with pytest.raises(InputError, match="layer 0 is of type ndarray, expected a Layer; .*arrays"):
        Network((np.ones((3, 2)),))  # type: ignore[arg-type]


def test_a_number_is_no_matrix() -> None:
    with pytest.raises(DimensionError, match="W0 is of type int, expected a sequence of rows"):
        Network.from_arrays([3], [[0]])  # type: ignore[list-item]

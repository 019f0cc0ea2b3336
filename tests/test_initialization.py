"""The drawn weights are torch's own default initialization."""

from fractions import Fraction

import pytest

from exactbn.errors import InputError
from exactbn.model.network import Network
from exactbn.study.initialization import initialize_network, zero_biases

torch = pytest.importorskip("torch")


def test_the_numbers_are_those_of_torch():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        layers = [torch.nn.Linear(3, 7), torch.nn.Linear(7, 4), torch.nn.Linear(4, 1)]
    expected = Network.from_arrays(
        [layer.weight.tolist() for layer in layers], [layer.bias.tolist() for layer in layers]
    )
    assert initialize_network(5, num_inputs=3, widths=[7, 4]) == expected


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    network = initialize_network(1, num_inputs=2, widths=[3], slope="1/10")
    assert torch.equal(before, torch.random.get_rng_state())
    assert network.hidden[0].slope == Fraction(1, 10)
    assert network != initialize_network(2, num_inputs=2, widths=[3], slope="1/10")


def test_zero_biases_keep_the_weights():
    network = initialize_network(1, num_inputs=2, widths=[3, 2])
    zero = zero_biases(network)
    assert all(not any(layer.bias) for layer in zero.hidden)
    assert [t.weight for t in zero.layers] == [t.weight for t in network.layers]
    assert zero.layers[-1] == network.layers[-1]


def test_refusals():
    with pytest.raises(InputError, match="seed is -1, expected 0 <= seed"):
        initialize_network(-1, num_inputs=2, widths=[3])
    with pytest.raises(InputError, match=r"widths are \[\], expected at least one"):
        initialize_network(0, num_inputs=2, widths=[])
    with pytest.raises(InputError, match=r"widths are \[3, 0\]"):
        initialize_network(0, num_inputs=2, widths=[3, 0])
    with pytest.raises(InputError, match="makes 3000000000 weights, expected at most"):
        initialize_network(0, num_inputs=2, widths=[10**9])

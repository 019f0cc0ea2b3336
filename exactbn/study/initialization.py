"""torch's default initialization, from an explicit generator, read as exact numbers.

The one place where the comparison draws random weights; what comes out is exact.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import sqrt

from exactbn.errors import InputError
from exactbn.model.network import Network
from exactbn.readers.allowance import MAX_NUMBERS


def initialize_network(
    seed: int, *, num_inputs: int, widths: Sequence[int], slope: object = 0
) -> Network:
    """Return the network that torch initializes by default under ``seed``.

    Layer by layer as ``torch.nn.Linear`` does: weights and then biases uniform on
    (-1/sqrt(m), 1/sqrt(m)), m the number of inputs of the layer, in float32, drawn on the CPU. So
    ``torch.manual_seed(seed)`` followed by the construction of the ``Sequential`` of ``Linear``
    layers gives the same numbers. Each float32 is read as the dyadic rational that it is. The
    output layer, which makes no regions, has one neuron.

    Parameters
    ----------
    seed : int
        Of the generator, 0 <= seed < 2^63.
    num_inputs, widths
        The number d of inputs and the widths of the hidden layers.
    slope : exact number
        Of the activation of all hidden layers.

    Raises
    ------
    InputError
        If a width or the seed is out of range.
    """
    import torch

    if not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed}, expected 0 <= seed < 2^63")
    if not widths or any(width < 1 for width in widths):
        raise InputError(f"widths are {list(widths)}, expected at least one, each at least 1")
    sizes = [num_inputs, *widths, 1]
    weights_in_all = sum(m * n for m, n in zip(sizes, sizes[1:]))
    if weights_in_all > MAX_NUMBERS:
        raise InputError(
            f"widths are {list(widths)}, which makes {weights_in_all} weights, expected at most "
            f"{MAX_NUMBERS}"
        )
    generator = torch.Generator(device="cpu").manual_seed(seed)
    weights, biases = [], []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        weight = torch.empty(fan_out, fan_in, dtype=torch.float32)
        bias = torch.empty(fan_out, dtype=torch.float32)
        torch.nn.init.kaiming_uniform_(weight, a=sqrt(5), generator=generator)
        bound = 1 / sqrt(fan_in)
        torch.nn.init.uniform_(bias, -bound, bound, generator=generator)
        weights.append(weight.tolist())
        biases.append(bias.tolist())
    return Network.from_arrays(weights, biases, slope=slope)


def zero_biases(network: Network) -> Network:
    """Return the network with every hidden bias set to zero; the output layer stays."""
    zero = Fraction(0)
    hidden = (replace(t, bias=(zero,) * t.num_neurons) for t in network.hidden)
    return replace(network, layers=(*hidden, network.layers[-1]))

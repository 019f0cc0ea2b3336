"""A smaller network that still fails, found greedily: fewer layers, fewer neurons, smaller numbers.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from exactbn.exact.rational import Matrix
from exactbn.model.network import Layer, Network
from exactbn.selfcheck.networks import Problem

#: Seconds after which the smallest network so far will do.
PATIENCE = 20.0


def shrink(problem: Problem, fails: Callable[[Problem], bool]) -> Problem:
    """Return a problem no smaller one of which fails, or the smallest when patience runs out."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for network in _smaller(problem.network):
            if time.monotonic() > deadline:
                return problem
            candidate = replace(problem, network=network)
            if fails(candidate):
                problem = candidate
                break
        else:
            return problem


def _smaller(network: Network) -> Iterator[Network]:
    """Yield simpler networks, the boldest steps first. No chain of such steps is endless."""
    layers = network.layers
    for i in range(len(layers) - 2, -1, -1):
        if layers[i + 1].num_inputs == layers[i].num_inputs:
            yield Network(layers[:i] + layers[i + 1:])
    for i, layer in enumerate(network.hidden):
        for k in range(layer.num_neurons):
            if layer.num_neurons > 1:
                yield _without_neuron(layers, i, k)
    for i, layer in enumerate(network.hidden):
        if layer.slope != 0:
            yield _with_layer(layers, i, Layer(layer.weight, layer.bias, Fraction(0)))
        for k, row in enumerate(layer.weight):
            for j, entry in enumerate((*row, layer.bias[k])):
                for simple in _simpler(entry):
                    yield _with_layer(layers, i, _with_entry(layer, k, j, simple))


def _simpler(entry: Fraction) -> Iterator[Fraction]:
    """Yield 0, 1, and the integer next to an entry, where they are simpler."""
    if entry != 0:
        yield Fraction(0)
    if entry not in (0, 1):
        yield Fraction(1)
    if entry.denominator > 1 and int(entry) not in (0, 1):
        yield Fraction(int(entry))


def _with_layer(layers: tuple[Layer, ...], i: int, layer: Layer) -> Network:
    return Network((*layers[:i], layer, *layers[i + 1:]))


def _with_entry(layer: Layer, k: int, j: int, value: Fraction) -> Layer:
    """Return the layer with another weight j of neuron k; the bias stands behind the weights."""
    row = [*layer.weight[k], layer.bias[k]]
    row[j] = value
    weight: Matrix = (*layer.weight[:k], tuple(row[:-1]), *layer.weight[k + 1:])
    return Layer(weight, (*layer.bias[:k], row[-1], *layer.bias[k + 1:]), layer.slope)


def _without_neuron(layers: tuple[Layer, ...], i: int, k: int) -> Network:
    """Return the network without neuron k of layer i."""
    layer, after = layers[i], layers[i + 1]
    kept = Layer(
        layer.weight[:k] + layer.weight[k + 1:], layer.bias[:k] + layer.bias[k + 1:], layer.slope
    )
    narrow = tuple(row[:k] + row[k + 1:] for row in after.weight)
    return Network((*layers[:i], kept, Layer(narrow, after.bias, after.slope), *layers[i + 2:]))

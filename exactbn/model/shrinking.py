"""Greedy shrinking: a small thing that is still wrong in the way that a large one was.

A value is replaced by a smaller one that still fails, over and over, until none of the proposed
ones fails or a budget is spent. What comes out fails whatever the proposals were. Everything is
deterministic, but for a deadline where one is given.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from exactbn.exact.rational import Matrix, dot, to_text
from exactbn.model.network import Layer, Network

Value = TypeVar("Value")
#: Numbers; their digits, zeros apart; the sum of numerators' absolute values and denominators.
Size = tuple[int, int, int]


def shrink(
    value: Value,
    fails: Callable[[Value], bool],
    smaller: Callable[[Value], Iterable[Value]],
    size: Callable[[Value], Size],
    *,
    tries: int,
    deadline: float | None = None,
) -> Value:
    """Return a value that fails, none of whose ``smaller`` ones of less ``size`` does.

    Parameters
    ----------
    value
        One that fails.
    fails : callable
        Asked at most ``tries`` times.
    smaller : callable
        Yields values to try, the boldest steps first.
    size : callable
        Only what has less of it is tried, so no chain of steps is endless.
    tries : int
        The budget; when it is spent the smallest value so far is returned.
    deadline : float, optional
        On the monotonic clock; a budget as well.
    """
    found = True
    while found:
        found = False
        for candidate in smaller(value):
            if size(candidate) >= size(value):
                continue
            if tries <= 0 or (deadline is not None and time.monotonic() >= deadline):
                return value
            tries -= 1
            if fails(candidate):
                value, found = candidate, True
                break
    return value


def size_of(numbers: Iterable[Fraction]) -> Size:
    """Return how much there is of numbers. Zeros have no digits, so sparse is small."""
    values = list(numbers)
    digits = sum(len(to_text(t)) for t in values if t)
    return len(values), digits, sum(abs(t.numerator) + t.denominator for t in values)


def numbers_of(network: Network) -> Iterator[Fraction]:
    """Yield all weights, biases and slopes."""
    for layer in network.layers:
        for row in (*layer.weight, layer.bias):
            yield from row
        yield from dict.fromkeys(layer.slopes)


def smaller_networks(network: Network) -> Iterator[Network]:
    """Yield simpler networks of the same inputs and outputs, the boldest steps first.

    Layers go, then units, in halves, quarters and so on; then all equal numbers at once become a
    simpler one, all numbers of a layer become integers, and single numbers become simpler. A layer
    goes in two ways: the next one reads its inputs instead, columns cut off or filled with zeros
    where the widths differ; or only its activation goes, so that the next one is their product.
    Of a network that is no chain only the numbers change; those of clips and maxima hang together.
    """
    if not network.is_chain:
        yield from () if network.units else _with_simpler_numbers(network)
        return
    layers = network.layers
    for i in range(len(layers) - 1):
        for following in (_reading(layers[i + 1], layers[i].num_inputs),
                          _product(layers[i], layers[i + 1])):  # fmt: skip
            yield _of(network, (*layers[:i], following, *layers[i + 2 :]))
    for i, layer in enumerate(network.hidden):
        for start, stop in chunks(layer.num_neurons):
            if stop - start < layer.num_neurons:
                yield _without_units(network, i, start, stop)
    yield from _with_simpler_numbers(network)


def _with_simpler_numbers(network: Network) -> Iterator[Network]:
    """Yield networks with several simpler numbers, then with one."""
    layers = network.layers
    for number in dict.fromkeys(numbers_of(network)):
        for simpler in simpler_numbers(number):
            yield _mapped(network, lambda t: simpler if t == number else t)
    for i, layer in enumerate(layers):
        yield _with_layer(network, i, _mapped_layer(layer, lambda t: Fraction(int(t))))
        for slope in dict.fromkeys(layer.slopes) if i < len(layers) - 1 else ():
            for simpler in simpler_numbers(slope):
                slopes = tuple(simpler if t == slope else t for t in layer.slopes)
                yield _with_layer(network, i, replace(layer, slopes=slopes))
        columns = tuple((*row, b) for row, b in zip(layer.weight, layer.bias, strict=True))
        for rows in smaller_matrices(columns):
            weight, bias = tuple(row[:-1] for row in rows), tuple(row[-1] for row in rows)
            yield _with_layer(network, i, replace(layer, weight=weight, bias=bias))


def without_input(network: Network, axis: int) -> Network:
    """Return the network on the hyperplane where one input is 0, as one of d - 1 inputs."""
    first, *others = network.layers
    weight = tuple(row[:axis] + row[axis + 1 :] for row in first.weight)
    narrow = Layer(weight, first.bias, first.slope)
    return Network((narrow, *others), network.sigma_policy)


def smaller_matrices(matrix: Matrix) -> Iterator[Matrix]:
    """Yield matrices with a row of zeros, or with one simpler entry."""
    for i, row in enumerate(matrix):
        yield matrix[:i] + ((Fraction(0),) * len(row),) + matrix[i + 1 :]
    for i, row in enumerate(matrix):
        for j, entry in enumerate(row):
            for simpler in simpler_numbers(entry):
                changed = row[:j] + (simpler,) + row[j + 1 :]
                yield matrix[:i] + (changed,) + matrix[i + 1 :]


def simpler_numbers(number: Fraction) -> Iterator[Fraction]:
    """Yield numbers that are simpler than a number, the simplest first."""
    tried = {number}
    whole = Fraction(int(number))
    half = Fraction(int(whole / 2))
    power = Fraction(2) ** max(0, abs(number.numerator).bit_length() - 1) * (-1) ** (number < 0)
    for simpler in (*map(Fraction, (0, 1, -1)), power, whole, half, whole - 1, whole + 1):
        if simpler not in tried and _weight(simpler) < _weight(number):
            tried.add(simpler)
            yield simpler
    if number.denominator > 2:
        yield Fraction(round(2 * number), 2)


def _weight(number: Fraction) -> tuple[int, int, int]:
    """Return what orders numbers by how simple they are."""
    return number.denominator, abs(number.numerator), int(number < 0)


def chunks(count: int) -> Iterator[tuple[int, int]]:
    """Yield the parts [start, stop) of a list to leave out: all, halves, quarters, to single ones.

    The last parts come first, so that the beginning keeps its numbers.
    """
    length = count
    while length:
        for start in range((count - 1) // length * length, -1, -length):
            yield start, min(start + length, count)
        length = 0 if length == 1 else -(-length // 2)


def _reading(layer: Layer, width: int) -> Layer:
    """Return a layer whose rows are cut or filled with zeros to another width."""
    zeros = (Fraction(0),) * (width - layer.num_inputs)
    return Layer(tuple(row[:width] + zeros for row in layer.weight), layer.bias, layer.slope)


def _product(first: Layer, second: Layer) -> Layer:
    """Return the second layer on the preactivations of the first, as one layer of its inputs."""
    columns = tuple(zip(*first.weight, strict=True))
    rows = tuple(tuple(dot(row, column) for column in columns) for row in second.weight)
    pairs = zip(second.weight, second.bias, strict=True)
    bias = tuple(b + dot(row, first.bias) for row, b in pairs)
    return Layer(rows, bias, second.slope)


def _of(network: Network, layers: tuple[Layer, ...]) -> Network:
    return Network(layers, network.sigma_policy, network.num_inputs, network.units)


def _with_layer(network: Network, i: int, layer: Layer) -> Network:
    return _of(network, (*network.layers[:i], layer, *network.layers[i + 1 :]))


def _without_units(network: Network, i: int, start: int, stop: int) -> Network:
    """Return the network without some units of hidden layer i."""
    layer, after = network.layers[i], network.layers[i + 1]
    kept = Layer(
        layer.weight[:start] + layer.weight[stop:], layer.bias[:start] + layer.bias[stop:],
        layer.slope,
    )  # fmt: skip
    narrow = tuple(row[:start] + row[stop:] for row in after.weight)
    following = Layer(narrow, after.bias, after.slope)
    return _of(network, (*network.layers[:i], kept, following, *network.layers[i + 2 :]))


def _mapped_layer(layer: Layer, change: Callable[[Fraction], Fraction]) -> Layer:
    """Return a layer with all weights and biases changed."""
    weight = tuple(tuple(change(t) for t in row) for row in layer.weight)
    return replace(layer, weight=weight, bias=tuple(change(t) for t in layer.bias))


def _mapped(network: Network, change: Callable[[Fraction], Fraction]) -> Network:
    """Return a network with all weights and biases changed."""
    return _of(network, tuple(_mapped_layer(layer, change) for layer in network.layers))

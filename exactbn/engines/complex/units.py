"""The units of a network in the order in which a complex is cut by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.float_blocks import Floats
from exactbn.engines.complex.kernels import BLOCK
from exactbn.model.network import Network

Numbers = NDArray[np.int64]


def parts(begin: int, end: int, size: int) -> Iterator[slice]:
    """Yield consecutive parts of a range, of at most ``size`` each."""
    for start in range(begin, end, size):
        yield slice(start, min(start + size, end))


@dataclass(frozen=True, eq=False)
class Layer:
    """Where a hidden layer stands among all, and which of its units have a slope below zero.

    ``first_neuron`` and ``first_word`` are the number of its unit 0 and the word of patterns that
    this is a bit of; ``is_leaky``, shape (width,), says whose slope for negative values is not 0.
    """

    number: int
    first_neuron: int
    first_word: int
    is_leaky: NDArray[np.bool_]

    @property
    def width(self) -> int:
        """Return the number of units."""
        return len(self.is_leaky)

    @property
    def num_words(self) -> int:
        """Return how many words of patterns it has."""
        return -(-self.width // BLOCK)

    @property
    def blocks(self) -> "list[Block]":
        """Return all its units in blocks."""
        return self.in_blocks(np.arange(self.width))

    @property
    def blocks_and_rest(self) -> "Iterator[tuple[Block, Numbers]]":
        """Yield all its units in blocks, each with the units after it."""
        every = np.arange(self.width)
        for block in self.blocks:
            yield block, every[block.units[-1] + 1 :]

    def in_blocks(self, units: Numbers) -> "list[Block]":
        """Return some units, ascending, in blocks of 64."""
        return [Block(self, units[part]) for part in parts(0, len(units), BLOCK)]


@dataclass(frozen=True, eq=False)
class Block:
    """At most 64 units of one layer, ascending: their signs are the bits of words of faces."""

    layer: Layer
    units: Numbers

    @property
    def width(self) -> int:
        """Return the number of units."""
        return len(self.units)

    @property
    def neurons(self) -> NDArray[np.int32]:
        """Return the numbers of the units among all neurons."""
        return (self.layer.first_neuron + self.units).astype(np.int32)

    @property
    def first_neuron(self) -> int:
        """Return the number of the first unit among all neurons."""
        return self.layer.first_neuron + int(self.units[0])

    @property
    def leaky(self) -> int:
        """Return the units whose slope for negative values is not zero, as bits."""
        return sum(1 << int(k) for k in np.flatnonzero(self.layer.is_leaky[self.units]))


def layers_of(network: Network) -> list[Layer]:
    """Return the hidden layers in order."""
    layers: list[Layer] = []
    neurons = words = 0
    for number, (block, width) in enumerate(zip(network.blocks, network.widths)):
        # (Zero is what most slopes are.)
        is_leaky = np.array([slope != 0 for slope in block.slopes], dtype=bool)
        layers.append(Layer(number, neurons, words, is_leaky))
        neurons += width
        words += layers[-1].num_words
    return layers


class Ahead(NamedTuple):
    """Preactivations of some units of a layer, ascending, at the vertices that it begins with."""

    units: Numbers
    z: Floats
    ez: NDArray[np.float32]

    def columns(self, units: Numbers) -> slice | Numbers:
        """Return where some of the units are."""
        return indices(np.searchsorted(self.units, units))


def as_words(layer: Layer, units: Numbers) -> NDArray[np.uint64]:
    """Return some units of a layer as bits of its words."""
    bits = np.zeros(layer.num_words * BLOCK, dtype=np.uint8)
    bits[units] = 1
    return np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)


def indices(numbers: Numbers) -> slice | Numbers:
    """Return ascending numbers as an index: a slice where they follow each other."""
    first, last = int(numbers[0]), int(numbers[-1])
    return slice(first, last + 1) if last - first == len(numbers) - 1 else numbers

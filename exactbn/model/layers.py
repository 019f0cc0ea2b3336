"""Layers of exact numbers, which read earlier features, and blocks of layers.

The features of a network are its inputs and then its units, in order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, dot, to_fraction, to_matrix, to_vector
from exactbn.exact.values import Value
from exactbn.wording import counted


@final
@dataclass(frozen=True)
class Layer(Value):
    """The map h -> a(W h + b), a(t) = max(t, 0) + slope * min(t, 0), each unit with its slope.

    ``weight`` has shape (n, m), ``bias`` and ``slopes`` shape (n,); one number as ``slopes`` is
    that of all units. All entries are exact, and kept as Fractions whatever they were given as.
    ``reads`` are the m features that h consists of, ascending: inputs are counted from 0, then the
    units of all layers; None is all of the layer before, or all inputs.
    """

    weight: Matrix
    bias: Vector
    slopes: Any = Fraction(0)  # a Vector once the constructor has run
    reads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", to_matrix(self.weight, "weight"))
        object.__setattr__(self, "bias", to_vector(self.bias, "bias"))
        if len(self.weight) != len(self.bias):
            raise DimensionError(
                f"a layer has {counted(len(self.weight), 'weight row')} and "
                f"{counted(len(self.bias), 'bias', 'biases')}, expected as many of one as of the "
                "other"
            )
        if not self.weight or not self.weight[0]:
            raise DimensionError("a layer has no neurons or no inputs, expected at least one each")
        object.__setattr__(self, "slopes", _slopes(self.slopes, len(self.bias)))
        if self.reads is not None:
            object.__setattr__(self, "reads", _reads(self.reads, len(self.weight[0])))

    @property
    def num_inputs(self) -> int:
        """Return m, the number of inputs."""
        return len(self.weight[0])

    @property
    def num_neurons(self) -> int:
        """Return n, the number of neurons."""
        return len(self.bias)

    @property
    def slope(self) -> Fraction:
        """Return the slope of all units.

        Raises
        ------
        InputError
            If they have several.
        """
        if any(slope != self.slopes[0] for slope in self.slopes):
            raise InputError("the units of a layer have several slopes, expected one")
        slope: Fraction = self.slopes[0]
        return slope

    def preactivation(self, h: Sequence[Fraction]) -> Vector:
        """Return W h + b exactly."""
        return tuple(dot(row, h) + b for row, b in zip(self.weight, self.bias, strict=True))

    def activation(self, z: Sequence[Fraction]) -> Vector:
        """Return max(z, 0) + slope * min(z, 0), entry by entry, exactly."""
        return tuple(t if t > 0 else a * t for t, a in zip(z, self.slopes, strict=True))


def _slopes(value: object, count: int) -> Vector:
    """Return the slopes of so many units, which one number may stand for."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return (to_fraction(value, "slope"),) * count
    slopes = to_vector(value, "slopes")
    if len(slopes) != count:
        raise DimensionError(
            f"a layer of {counted(count, 'neuron')} has {counted(len(slopes), 'slope')}"
        )
    return slopes


def _reads(value: Iterable[object], count: int) -> tuple[int, ...]:
    """Return the features that a layer reads, which are so many different ones in order."""
    reads = tuple(int(feature) for feature in value)  # type: ignore[call-overload]
    if len(reads) != count:
        raise DimensionError(
            f"a layer with {counted(count, 'column')} reads {counted(len(reads), 'feature')}"
        )
    if any(a >= b for a, b in zip(reads, reads[1:])) or reads[0] < 0:
        raise InputError("the features that a layer reads are not ascending, from 0 on")
    return reads


@dataclass(frozen=True, eq=False)
class Block:
    """Layers that follow each other and do not read each other.

    ``reads`` are the features that each of them reads, counted from 1: 0 is the constant.
    ``first`` is the number of the block's first unit among all units.
    """

    layers: tuple[Layer, ...]
    reads: tuple[Sequence[int], ...]
    first: int

    @cached_property
    def width(self) -> int:
        """Return the number of units."""
        return sum(layer.num_neurons for layer in self.layers)

    @cached_property
    def slopes(self) -> Vector:
        """Return the slopes of all units."""
        return tuple(slope for layer in self.layers for slope in layer.slopes)

    @cached_property
    def columns(self) -> Sequence[int]:
        """Return the features that any of the layers reads, ascending, counted from 1."""
        if len(self.reads) == 1:
            return self.reads[0]
        return sorted({feature for reads in self.reads for feature in reads})


def connected(layers: tuple[Layer, ...], num_inputs: int) -> tuple[Layer, ...]:
    """Return layers that read what there is, without a list where it is all of the layer before."""
    start, count = 0, num_inputs  # the layer before, or the inputs
    connected = []
    for index, layer in enumerate(layers):
        if layer.reads is None:
            if layer.num_inputs != count - start:
                raise DimensionError(
                    f"layer {index} takes {counted(layer.num_inputs, 'input')}, "
                    f"expected {count - start} "
                    + (f"as layer {index - 1} has neurons" if index else "as the network")
                )
        elif layer.reads[-1] >= count:
            raise DimensionError(
                f"layer {index} reads feature {layer.reads[-1]}, expected less than {count}, "
                "the number of features before it"
            )
        elif len(layer.reads) == count - start and layer.reads == tuple(range(start, count)):
            layer = Layer(layer.weight, layer.bias, layer.slopes)
        connected.append(layer)
        start, count = count, count + layer.num_neurons
    return tuple(connected)


def blocks_of(layers: tuple[Layer, ...], num_inputs: int) -> Iterator[Block]:
    """Yield the longest blocks of hidden layers, then the output layer as one of its own."""
    run: list[tuple[Layer, Sequence[int]]] = []
    first = begin = 1 + num_inputs  # features before the run, and before the layer
    before = 1  # feature of the first unit of the layer before
    for layer in layers:
        reads: Sequence[int] = range(before, begin)
        if layer.reads is not None:
            reads = tuple(1 + f for f in layer.reads)
        if run and (reads[-1] >= first or layer is layers[-1]):
            yield _block(run, first - 1 - num_inputs)
            run, first = [], begin
        run.append((layer, reads))
        before, begin = begin, begin + layer.num_neurons
    yield _block(run, first - 1 - num_inputs)


def _block(run: list[tuple[Layer, Sequence[int]]], first: int) -> Block:
    """Return the block of some layers with what they read."""
    return Block(tuple(layer for layer, _ in run), tuple(reads for _, reads in run), first)

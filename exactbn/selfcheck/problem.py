"""What the cross-examination asks about: a network and a domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Box
from exactbn.model.network import Network

#: One neuron: its weights, and last its bias.
Row = list[Fraction]


@dataclass(frozen=True)
class Problem:
    """A network and a domain: a box, or all of R^d for None, both cut by rows A x <= b or not.

    The name says how to draw the problem again.
    """

    network: Network
    box: Box | None
    family: str = "given"
    name: str = "given"
    rows: tuple[Matrix, Vector] | None = None


def network_of(layers: Sequence[Sequence[Row]], slopes: Sequence[Fraction]) -> Network:
    """Return the network of hidden layers given row by row; its one output is their sum."""
    weights = [[row[:-1] for row in layer] for layer in layers]
    biases = [[row[-1] for row in layer] for layer in layers]
    weights.append([[Fraction(1)] * len(layers[-1])])
    biases.append([Fraction(0)])
    return Network.from_arrays(weights, biases, slope=slopes)


def value(row: Row, x: Sequence[Fraction]) -> Fraction:
    """Return the preactivation of a row at a point."""
    return sum((w * t for w, t in zip(row, x)), row[-1])


def image(layer: Sequence[Row], slope: Fraction, x: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Return the activations of a layer at a point."""
    values = (value(row, x) for row in layer)
    return tuple(t if t > 0 else slope * t for t in values)

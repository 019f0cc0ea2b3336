"""Networks with rational parameters, frozen and exact.

A layer maps h to a(W h + b) with the activation a(t) = max(t, 0) + slope * min(t, 0): ReLU has
slope 0, a leaky ReLU its slope, the absolute value -1, and the identity 1. The last layer of a
network is the output layer; its slope is 1 and it makes no regions.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import (
    Matrix,
    Vector,
    dot,
    nearest_floats,
    to_fraction,
    to_matrix,
    to_text,
    to_vector,
)
from exactbn.exact.stages import (
    Activation,
    Affine,
    Chain,
    Scaling,
    compose,
    compose_slopes,
    layered,
)
from exactbn.exact.values import Value
from exactbn.model.evaluation import IntegerNetwork
from exactbn.wording import counted

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

#: How sigma entered a network (decision 0001).
SIGMA_POLICIES = {
    "no-bn": "no batch normalization",
    "none": "batch normalization by centering only, sigma is not used",
    "rounded": "sigma is the float64 nearest to sqrt(exact variance + eps)",
}


@final
@dataclass(frozen=True)
class Layer(Value):
    """The map h -> a(W h + b), a(t) = max(t, 0) + slope * min(t, 0).

    ``weight`` has shape (n, m), ``bias`` shape (n,); all entries are exact, and kept as Fractions
    whatever they were given as.
    """

    weight: Matrix
    bias: Vector
    slope: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", to_matrix(self.weight, "weight"))
        object.__setattr__(self, "bias", to_vector(self.bias, "bias"))
        object.__setattr__(self, "slope", to_fraction(self.slope, "slope"))
        if len(self.weight) != len(self.bias):
            raise DimensionError(
                f"a layer has {len(self.weight)} weight rows and {len(self.bias)} biases, "
                "expected as many of one as of the other"
            )
        if not self.weight or not self.weight[0]:
            raise DimensionError("a layer has no neurons or no inputs, expected at least one each")

    @property
    def num_inputs(self) -> int:
        """Return m, the number of inputs."""
        return len(self.weight[0])

    @property
    def num_neurons(self) -> int:
        """Return n, the number of neurons."""
        return len(self.bias)

    def preactivation(self, h: Sequence[Fraction]) -> Vector:
        """Return W h + b exactly."""
        return tuple(dot(row, h) + b for row, b in zip(self.weight, self.bias, strict=True))

    def activation(self, z: Sequence[Fraction]) -> Vector:
        """Return max(z, 0) + slope * min(z, 0), entry by entry, exactly."""
        return tuple(t if t > 0 else self.slope * t for t in z)


def _check_layers(layers: Iterable[object]) -> None:
    """Raise InputError unless all are layers."""
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise InputError(
                f"layer {index} is of type {type(layer).__name__}, expected a Layer; "
                "Network.from_arrays(weights, biases) takes arrays"
            )


@final
@dataclass(frozen=True, repr=False)
class Network(Value):
    """A feed-forward network with rational parameters; the last layer is the output layer.

    ``sigma_policy`` says how batch normalization entered the parameters; it is a remark on where
    the numbers come from and takes no part in equality.
    """

    layers: tuple[Layer, ...]
    sigma_policy: str = field(default="no-bn", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise DimensionError("the network has no layers, expected at least the output layer")
        _check_layers(self.layers)
        for index, (before, layer) in enumerate(zip(self.layers, self.layers[1:]), start=1):
            if layer.num_inputs != before.num_neurons:
                raise DimensionError(
                    f"layer {index} takes {counted(layer.num_inputs, 'input')}, expected "
                    f"{before.num_neurons} as layer {index - 1} has neurons"
                )
        if self.layers[-1].slope != 1:
            raise InputError(
                f"the output layer has slope {self.layers[-1].slope}, expected 1 (the identity)"
            )
        if self.sigma_policy not in SIGMA_POLICIES:
            raise InputError(
                f"sigma policy {self.sigma_policy!r}, expected one of {', '.join(SIGMA_POLICIES)}"
            )

    def __repr__(self) -> str:
        """Return one short line; ``layers`` has the numbers."""
        return (
            f"<Network {self.architecture}, {self.num_hidden} hidden neurons, "
            f"sigma policy {self.sigma_policy}>"
        )

    @classmethod
    def from_arrays(
        cls,
        weights: Iterable[Iterable[Iterable[object]]],
        biases: Iterable[Iterable[object]],
        *,
        slope: object = 0,
        sigma_policy: str = "no-bn",
    ) -> "Network":
        """Return the network of the given weights and biases, read exactly.

        Parameters
        ----------
        weights, biases : sequences of arrays, the last pair the output layer
            Shapes (n_l, n_{l-1}) and (n_l,); ints, floats, Fractions or ``"p/q"`` strings.
        slope : number, or a sequence of one number per hidden layer
            The activation's slope for negative values.

        Raises
        ------
        DimensionError
            If shapes do not fit.
        NotRationalError
            If an entry is NaN, infinite or not a number.

        Examples
        --------
        >>> net = Network.from_arrays([[[1], [-1]], [[1, 1]]], [[0, 0], [0]])
        >>> net.forward((Fraction(-1, 3),))
        (Fraction(1, 3),)
        """
        return cls.from_chain(layered(weights, biases, slope, sigma_policy))

    @classmethod
    def from_chain(cls, chain: Chain) -> "Network":
        """Return the network that is the composition of a chain of stages, first to last.

        Affine stages in a row are multiplied out. An activation right after another one is the same
        as a single one; one that comes first stands on identity weights. Where the chain ends with
        an activation, the output layer is the identity, so that this activation makes regions too.

        Raises
        ------
        DimensionError
            If a stage does not take what the one before it gives.
        InputError
            If there is no affine stage.
        """
        stages = chain.stages
        affine = (stage for stage in stages if not isinstance(stage, Activation))
        width = next((stage.num_inputs for stage in affine), None)
        if width is None:
            raise InputError("there is no Linear layer, expected at least one")
        pending: Affine | None = None
        layers: list[Layer] = []
        for stage in stages:
            if not isinstance(stage, Activation):
                if stage.num_inputs != width:
                    raise DimensionError(
                        f"{stage.name} takes {stage.num_inputs} features, expected {width} "
                        "as the layer before it gives"
                    )
                pending = stage if pending is None else compose(stage, pending)
                width = stage.num_outputs
            elif pending is None and layers:
                before = layers.pop()
                slope = compose_slopes(stage.slope, before.slope)
                layers.append(Layer(before.weight, before.bias, slope))
            else:
                layers.append(_layer(pending or _identity(width), stage.slope))
                pending = None
        output = _layer(pending or _identity(width), Fraction(1))
        return cls((*layers, output), chain.sigma_policy)

    @classmethod
    def from_torch(cls, module: "torch.nn.Module") -> "Network":
        """Return the exact network of a ``torch.nn`` module in eval mode.

        See :func:`exactbn.readers.torch_module.read_module`, which this calls.
        """
        from exactbn.readers.torch_module import read_module

        return cls.from_chain(read_module(module))

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """Return the hidden layers, those that make regions."""
        return self.layers[:-1]

    @property
    def num_inputs(self) -> int:
        """Return d, the dimension of the input space."""
        return self.layers[0].num_inputs

    @property
    def num_outputs(self) -> int:
        """Return the number of outputs."""
        return self.layers[-1].num_neurons

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the numbers of neurons of the hidden layers."""
        return tuple(layer.num_neurons for layer in self.hidden)

    @property
    def num_hidden(self) -> int:
        """Return the number of hidden neurons, the length of an activation pattern."""
        return sum(self.widths)

    @property
    def architecture(self) -> str:
        """Return the layer sizes as text, inputs and outputs included, such as ``2-8-8-1``."""
        return "-".join(map(str, (self.num_inputs, *self.widths, self.num_outputs)))

    def __call__(self, x: Iterable[object]) -> Vector:
        """Return the network's exact output at ``x``, as :meth:`forward` does."""
        return self.forward(x)

    def forward(self, x: Iterable[object]) -> Vector:
        """Return the network's exact output at ``x``, a point of d exact numbers."""
        h = self.point(x)
        for layer in self.layers:
            h = layer.activation(layer.preactivation(h))
        return h

    def preactivations(self, x: Iterable[object]) -> tuple[Vector, ...]:
        """Return the exact preactivations at ``x``, one vector a hidden layer."""
        h = self.point(x)
        values = []
        for layer in self.hidden:
            values.append(layer.preactivation(h))
            h = layer.activation(values[-1])
        return tuple(values)

    def point(self, x: Iterable[object]) -> Vector:
        """Return ``x`` as an exact point of the input space."""
        point = to_vector(x, "x")
        if len(point) != self.num_inputs:
            raise DimensionError(f"x has {len(point)} coordinates, expected {self.num_inputs}")
        return point

    @cached_property
    def integers(self) -> IntegerNetwork:
        """Return the integer form of the layers, for exact evaluation of many points."""
        return IntegerNetwork.of(self.layers)

    @cached_property
    def floats(self) -> "tuple[NDArray[np.float64], ...]":
        """Return the hidden layers in float64: the nearest of each number, the bias in row 0.

        Shapes (1 + m, n); infinite where a number is beyond the range of floats.
        """
        import numpy as np

        from exactbn.model.arrays import read_only

        return tuple(
            read_only(
                np.ascontiguousarray(
                    np.array([nearest_floats((b, *row)) for b, row in rows], dtype=np.float64).T
                )
            )
            for rows in (zip(layer.bias, layer.weight, strict=True) for layer in self.hidden)
        )

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the canonical exact form: the same for equal networks only.

        The canonical form is the JSON text of ``{"layers": [{"W", "b", "slope"}, ...]}`` with
        sorted keys, no white space, and every number as text in lowest terms (``p`` or ``p/q``).
        """
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """Return the canonical exact form, see :attr:`sha256`."""
        layers = [
            {
                "W": [[to_text(entry) for entry in row] for row in layer.weight],
                "b": [to_text(entry) for entry in layer.bias],
                "slope": to_text(layer.slope),
            }
            for layer in self.layers
        ]
        return json.dumps({"layers": layers}, sort_keys=True, separators=(",", ":"))


def _identity(width: int) -> Scaling:
    """Return the identity of so many features."""
    return Scaling("the identity", (Fraction(1),) * width, (Fraction(0),) * width)


def _layer(stage: Affine, slope: Fraction) -> Layer:
    """Return the layer of an affine map and the activation after it."""
    linear = stage.as_linear() if isinstance(stage, Scaling) else stage
    return Layer(linear.weight, linear.bias, slope)

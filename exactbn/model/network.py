"""Networks with rational parameters, frozen and exact.

A layer maps h to a(W h + b) with the activation a(t) = max(t, 0) + slope * min(t, 0): ReLU has
slope 0, a leaky ReLU its slope, the absolute value -1, and the identity 1. The features of a
network are its inputs and then its units, in order. h are the features that the layer *reads*:
those of the layer before it, or any earlier ones, so that a residual connection or a convolution
is a layer like every other one. The last layer of a network is the output layer; its slope is 1
and it makes no regions.

Layers that follow each other and do not read each other are a *block*: on every cell of the
complex of the blocks before it, all its units are affine. In a chain every layer is a block.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import (
    Vector,
    to_text,
    to_vector,
)
from exactbn.exact.stages import (
    Activation,
    Affine,
    Chain,
    Graph,
    Scaling,
    Unit,
    compose,
    compose_slopes,
    layered,
    unit_document,
)
from exactbn.exact.values import Value
from exactbn.model.evaluation import IntegerNetwork
from exactbn.model.layers import Block
from exactbn.model.layers import Layer as Layer
from exactbn.model.layers import blocks_of, connected
from exactbn.model.rounding import rounded_block
from exactbn.model.units import check_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from scipy.sparse import csc_array

#: How sigma entered a network (decision 0001).
SIGMA_POLICIES = {
    "no-bn": "no batch normalization",
    "none": "batch normalization by centering only, sigma is not used",
    "rounded": "sigma is the float64 nearest to sqrt(exact variance + eps)",
    "unknown": "not recorded in this file",
}


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
    the numbers come from and takes no part in equality. ``num_inputs``, d, is needed where the
    first layer does not read all inputs. ``units`` are the units as the user knows them, clips and
    maxima among them, see :mod:`exactbn.model.labels`; none where they are those of the layers.
    ``notes`` say what was chosen while a file or a module was read, the entry of a checkpoint for
    one; they are remarks too.
    """

    layers: tuple[Layer, ...]
    sigma_policy: str = field(default="no-bn", compare=False)
    num_inputs: int = 0
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        if not layers:
            raise DimensionError("the network has no layers, expected at least the output layer")
        _check_layers(layers)
        if not self.num_inputs:
            if layers[0].reads is not None:
                raise DimensionError("num_inputs is not given, and the first layer reads by number")
            object.__setattr__(self, "num_inputs", layers[0].num_inputs)
        object.__setattr__(self, "layers", connected(layers, self.num_inputs))
        if any(slope != 1 for slope in self.layers[-1].slopes):
            raise InputError(
                f"the output layer has slope {self.layers[-1].slopes[0]}, expected 1 (the identity)"
            )
        object.__setattr__(self, "units", tuple(self.units))
        if self.units == tuple(range(self.num_hidden)):
            object.__setattr__(self, "units", ())
        if self.units:
            pairs = [pair for t in self.blocks for pair in zip(t.layers, t.reads, strict=True)]
            check_units(self.units, pairs, self.num_inputs)
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
        return cls((*layers, output), chain.sigma_policy, notes=chain.notes)

    @classmethod
    def from_stages(cls, stages: Chain | Graph) -> "Network":
        """Return the network of what a reader has read."""
        if isinstance(stages, Chain):
            return cls.from_chain(stages)
        layers = (Layer(wired.weight, wired.bias, wired.slopes, wired.reads)
                  for wired in stages.layers)
        return cls(
            tuple(layers), stages.sigma_policy, stages.num_inputs, stages.units, stages.notes
        )

    @classmethod
    def from_torch(
        cls,
        module: "torch.nn.Module",
        example: object = None,
        *,
        logits: bool = False,
        statistics: object = "running",
        data: object = None,
    ) -> "Network":
        """Return the exact network of a ``torch.nn`` module in eval mode.

        A ``Sequential`` of ``Linear``, ``ReLU``, ``LeakyReLU`` and ``BatchNorm1d`` becomes a chain.
        Any other module is run once on symbols, and what it computes is read off: convolutions,
        batch normalization, PReLU, ReLU6, Hardtanh, clamp, abs, max and average pooling, residual
        connections, concatenation, maxima, exported programs. Parameters are read as the rationals
        that they are; sigma of a batch normalization is the float64 nearest to the root.

        Parameters
        ----------
        module : torch.nn.Module, or torch.export.ExportedProgram
        example : tensor, or tuple of tensors, optional
            Inputs with a batch axis, of which only the shapes count; needed but for an exported
            program, and for a ``Sequential`` that begins with a layer which says how many features
            it takes.
        logits : bool
            Whether a Softmax, LogSoftmax or Sigmoid at the end is left out, as ``notes`` then say.
        statistics : str or mapping
            Mean and variance of batch normalizations. "running": those that are stored. "batch":
            those of ``data`` at that place, exact, per channel over all points and positions, the
            variance divided by the count, as torch has it in train mode; "unbiased": divided by the
            count less one. Or a mapping from the name of each batch normalization to a pair
            (mean, variance).
        data : array of N points, optional
            Shape (N, ...), for "batch" and "unbiased"; stands for the example where there is none.

        Raises
        ------
        UnsupportedLayerError
            For what is not supported; it is named with its place.
        InputError
            If a part is in train mode, a parameter is not finite, the shapes of the inputs are not
            known, or the module asks for values of a tensor (``if x.sum() > 0``).
        DegenerateError
            If a batch normalization has running_var + eps = 0.
        """
        from exactbn.readers.torch_module import example_of, read_module

        if statistics == "running" and data is None:
            return cls.from_stages(read_module(module, example, logits=logits))
        from exactbn.readers.statistics import Statistics

        taken = Statistics.of(statistics, data)
        if example is None and data is not None:
            example = example_of(data)
        return cls.from_stages(read_module(module, example, logits=logits, statistics=taken))

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """Return the hidden layers, those that make regions."""
        return self.layers[:-1]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Return the hidden layers, block by block, and then the output layer."""
        return tuple(blocks_of(self.layers, self.num_inputs))

    @cached_property
    def is_chain(self) -> bool:
        """Return whether every layer reads all of the layer before it, and has one slope.

        Clips and maxima make no chain.
        """
        return not self.units and all(
            layer.reads is None and len(set(layer.slopes)) == 1 for layer in self.layers
        )

    def chained(self, what: str) -> "Network":
        """Return the network if it is a chain, for ``what`` can do with nothing else.

        Raises
        ------
        InputError
            If it is none.
        """
        if not self.is_chain:
            raise InputError(
                f"{what} takes chains of layers with one slope each; this network has layers that "
                "read others than the one before, units with slopes of their own, clips or maxima; "
                "both engines partition it"
            )
        return self

    @property
    def num_outputs(self) -> int:
        """Return the number of outputs."""
        return self.layers[-1].num_neurons

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Return the numbers of units of the hidden blocks; those of a chain are its layers."""
        return tuple(block.width for block in self.blocks[:-1])

    @property
    def num_hidden(self) -> int:
        """Return the number of units of the hidden layers; clips and maxima have several."""
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
        return self._values(x)[-1]

    def preactivations(self, x: Iterable[object]) -> tuple[Vector, ...]:
        """Return the exact preactivations at ``x``, one vector a hidden layer."""
        return self._values(x)[:-1]

    def _values(self, x: Iterable[object]) -> tuple[Vector, ...]:
        """Return the exact preactivations of all layers."""
        h = self.point(x)
        features = list(h)
        values = []
        for layer in self.layers:
            if layer.reads is not None:
                h = tuple(features[f] for f in layer.reads)
            values.append(layer.preactivation(h))
            h = layer.activation(values[-1])
            features += h
        return tuple(values)

    def point(self, x: Iterable[object]) -> Vector:
        """Return ``x`` as an exact point of the input space."""
        point = to_vector(x, "x")
        if len(point) != self.num_inputs:
            raise DimensionError(f"x has {len(point)} coordinates, expected {self.num_inputs}")
        return point

    def restrict(
        self, origin: "Sequence[object]", directions: "Sequence[Sequence[object]]"
    ) -> "Network":
        """Return the network of t at x = origin + sum of t_i directions[i], exactly.

        See :func:`exactbn.model.slices.restrict`, which this calls.
        """
        from exactbn.model.slices import restrict

        return restrict(self, origin, directions)

    def through(self, points: "Sequence[Sequence[object]]") -> "Network":
        """Return the network on the slice through m + 1 points, exactly.

        See :func:`exactbn.model.slices.through`, which this calls.
        """
        from exactbn.model.slices import through

        return through(self, points)

    def to_sympy(
        self, symbols: "Sequence[Any] | None" = None, *, max_terms: int = 100_000
    ) -> tuple[Any, ...]:
        """Return the outputs as expressions of sympy, nested maxima with exact rationals.

        See :func:`exactbn.model.symbolic.expressions`, which this calls.
        """
        from exactbn.model.symbolic import expressions

        return expressions(self, symbols, max_terms=max_terms)

    @cached_property
    def integers(self) -> IntegerNetwork:
        """Return the integer form of the blocks, for exact evaluation of many points."""
        return IntegerNetwork.of(self.blocks, self.num_inputs)

    @cached_property
    def floats(self) -> "tuple[NDArray[np.float64] | csc_array, ...]":
        """Return the hidden blocks in float64: the nearest of each number, the biases in row 0.

        Shapes (1 + m, n) for n units and the m features ``columns`` of a block; infinite where a
        number is beyond the range of floats. Sparse where few units read a feature.
        """
        return tuple(map(rounded_block, self.blocks[:-1]))

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the canonical exact form: the same for equal networks only.

        The canonical form is the JSON text of ``{"layers": [{"W", "b", "slope"}, ...]}`` with
        sorted keys, no white space, and every number as text in lowest terms (``p`` or ``p/q``).
        That of a network which is no chain is of format 2, see docs/file_formats.md.
        """
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """Return the canonical exact form, see :attr:`sha256`."""
        layers = [_document(layer) for layer in self.layers]
        document: dict[str, object] = {"layers": layers}
        if not self.is_chain:
            document |= {"format": 2, "inputs": self.num_inputs}
        if self.units:
            document["units"] = [unit_document(unit) for unit in self.units]
        return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _document(layer: Layer) -> dict[str, object]:
    """Return what the canonical form says of a layer."""
    document: dict[str, object] = {
        "W": [[to_text(entry) for entry in row] for row in layer.weight],
        "b": [to_text(entry) for entry in layer.bias],
    }
    if layer.reads is not None:
        document["reads"] = layer.reads
    if any(slope != layer.slopes[0] for slope in layer.slopes):
        document["slopes"] = [to_text(slope) for slope in layer.slopes]
    else:
        document["slope"] = to_text(layer.slopes[0])
    return document


def _identity(width: int) -> Scaling:
    """Return the identity of so many features."""
    return Scaling("the identity", (Fraction(1),) * width, (Fraction(0),) * width)


def _layer(stage: Affine, slope: Fraction) -> Layer:
    """Return the layer of an affine map and the activation after it."""
    linear = stage.as_linear() if isinstance(stage, Scaling) else stage
    return Layer(linear.weight, linear.bias, slope)

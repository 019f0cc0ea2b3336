"""From a chain of affine maps and activations to a network, exactly.

A reader turns a file or a module into stages, in order; neighbouring affine stages are composed,
and what stands between two activations becomes one layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_mat

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, dot
from exactbn.model.network import Layer, Network


@dataclass(frozen=True)
class Linear:
    """The map h -> W h + b; ``name`` is how errors call it."""

    name: str
    weight: Matrix
    bias: Vector

    @property
    def num_inputs(self) -> int:
        """Return the length of h."""
        return len(self.weight[0])

    @property
    def num_outputs(self) -> int:
        """Return the length of W h + b."""
        return len(self.bias)


@dataclass(frozen=True)
class Scaling:
    """The map z -> a z + c, entry by entry; a batch normalization is one."""

    name: str
    factors: Vector
    shifts: Vector

    @property
    def num_inputs(self) -> int:
        """Return the length of z."""
        return len(self.factors)

    @property
    def num_outputs(self) -> int:
        """Return the length of a z + c."""
        return len(self.factors)

    def as_linear(self) -> Linear:
        """Return the same map with its diagonal matrix."""
        n = len(self.factors)
        zero = Fraction(0)
        rows = tuple(
            tuple(a if j == k else zero for j in range(n)) for k, a in enumerate(self.factors)
        )
        return Linear(self.name, rows, self.shifts)


@dataclass(frozen=True)
class Activation:
    """The map t -> max(t, 0) + slope * min(t, 0)."""

    slope: Fraction


Affine = Linear | Scaling
Stage = Linear | Scaling | Activation


def assemble(stages: Sequence[Stage], *, sigma_policy: str) -> Network:
    """Return the network that is the composition of ``stages``, first to last.

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
    width = next((stage.num_inputs for stage in stages if not isinstance(stage, Activation)), None)
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
    return Network((*layers, output), sigma_policy)


def compose(after: Affine, before: Affine) -> Affine:
    """Return the affine map h -> after(before(h)), exactly."""
    if isinstance(after, Scaling):
        shifts = tuple(
            a * b + c
            for a, b, c in zip(after.factors, _constant(before), after.shifts, strict=True)
        )
        if isinstance(before, Scaling):
            factors = zip(after.factors, before.factors, strict=True)
            return Scaling(after.name, tuple(a * b for a, b in factors), shifts)
        rows = zip(after.factors, before.weight, strict=True)
        return Linear(after.name, tuple(tuple(a * w for w in row) for a, row in rows), shifts)
    constant = _constant(before)
    bias = tuple(dot(row, constant) + b for row, b in zip(after.weight, after.bias, strict=True))
    if isinstance(before, Scaling):
        weight = tuple(
            tuple(w * a for w, a in zip(row, before.factors, strict=True)) for row in after.weight
        )
    else:
        weight = _product(after.weight, before.weight)
    return Linear(after.name, weight, bias)


def compose_slopes(after: Fraction, before: Fraction) -> Fraction:
    """Return the slope of the activation t -> after(before(t)).

    For t < 0 the first gives before * t. Where before >= 0 that is not positive and is multiplied
    by the second slope; where before < 0 it is positive and passes.
    """
    return before * after if before >= 0 else before


def _constant(stage: Affine) -> Vector:
    """Return the constant part of an affine map."""
    return stage.shifts if isinstance(stage, Scaling) else stage.bias


def _identity(width: int) -> Scaling:
    """Return the identity of so many features."""
    return Scaling("the identity", (Fraction(1),) * width, (Fraction(0),) * width)


def _layer(stage: Affine, slope: Fraction) -> Layer:
    """Return the layer of an affine map and the activation after it."""
    linear = stage.as_linear() if isinstance(stage, Scaling) else stage
    return Layer(linear.weight, linear.bias, slope)


def _product(a: Matrix, b: Matrix) -> Matrix:
    """Return the matrix product, through flint."""
    product = _to_flint(a) * _to_flint(b)
    return tuple(tuple(Fraction(int(t.p), int(t.q)) for t in row) for row in product.tolist())


def _to_flint(matrix: Matrix) -> fmpq_mat:
    """Return a matrix of fmpq."""
    return fmpq_mat([[fmpq(t.numerator, t.denominator) for t in row] for row in matrix])

"""Affine maps and activations, the stages of which a network is the composition, exact.

A reader turns a file or a module into a chain of stages, in order, or into layers that are wired to
any earlier ones; :meth:`exactbn.Network.from_stages` makes the network.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_mat

from exactbn.errors import DimensionError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import Matrix, Vector, dot, to_fraction, to_matrix, to_vector
from exactbn.wording import counted


@dataclass(frozen=True)
class Linear:
    """The map h -> W h + b; ``name`` is how errors call it."""

    name: str
    weight: Matrix
    bias: Vector

    @classmethod
    def checked(cls, name: str, bias_name: str, weight: Matrix, bias: Vector) -> "Linear":
        """Return the map after a look at its shapes; the names are how errors call its parts."""
        if len(weight) != len(bias):
            raise DimensionError(
                f"{name} has {counted(len(weight), 'row')} and {bias_name} has "
                f"{counted(len(bias), 'entry', 'entries')}, "
                "expected as many of one as of the other"
            )
        if not weight or not weight[0]:
            raise DimensionError(f"{name} has no rows or no columns, expected at least one each")
        return cls(name, weight, bias)

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
    """The map z -> a z + c, entry by entry; a ``normalization`` is one."""

    name: str
    factors: Vector
    shifts: Vector
    normalization: Normalization | None = None

    @classmethod
    def of(cls, normalization: Normalization) -> "Scaling":
        """Return the map of a normalization."""
        return cls(normalization.name, *normalization.scale_and_shift(), normalization)

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


@dataclass(frozen=True)
class Chain:
    """Stages in the order in which they are applied; ``sigma_policy`` is that of decision 0001.

    ``notes`` say what was chosen while reading and whoever uses the network should know.
    """

    stages: tuple[Stage, ...]
    sigma_policy: str = "no-bn"
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> "Chain":
        """Return the chain of a file or a module, whose scalings are its normalizations."""
        has_scale = any(isinstance(stage, Scaling) for stage in stages)
        return cls(tuple(stages), "rounded" if has_scale else "no-bn")


@dataclass(frozen=True)
class Wired:
    """The map h -> a(W h + b), each unit with its slope, of the features h that it reads.

    ``reads`` are their numbers, ascending, inputs from 0 on and then the units of all layers; None
    is all of the layer before.
    """

    weight: Matrix
    bias: Vector
    slopes: Vector
    reads: tuple[int, ...] | None


@dataclass(frozen=True)
class Clip:
    """A clip, by two units: its piece is 0 where both are off, 1 or 2 where so many are on."""

    low: int
    high: int


@dataclass(frozen=True)
class Contest:
    """Two entries of a maximum, or winners among them; the unit is on where the second is ahead."""

    first: "Contest | int"
    second: "Contest | int"
    unit: int


@dataclass(frozen=True)
class Max:
    """A maximum: its argument is the entry that wins all its contests."""

    contest: Contest


#: What the user knows as one unit: a unit by its number, a clip, or a maximum.
Unit = int | Clip | Max


def unit_document(unit: Unit) -> object:
    """Return a unit as JSON: a number, ``{"clip": [low, high]}`` or ``{"max": contest}``.

    A contest is ``[first, second, unit]``, an entry its number.
    """
    if isinstance(unit, Clip):
        return {"clip": [unit.low, unit.high]}
    if isinstance(unit, Max):
        return {"max": _contest_document(unit.contest)}
    return unit


def _contest_document(contest: Contest | int) -> object:
    if not isinstance(contest, Contest):
        return contest
    parts = (contest.first, contest.second)
    return [*map(_contest_document, parts), contest.unit]


@dataclass(frozen=True)
class Graph:
    """Wired layers in order, the last one the output layer, with slopes 1.

    ``units`` are the units as the user knows them, in the user's order; none where they are all
    units in order. ``notes`` are those of a chain.
    """

    num_inputs: int
    layers: tuple[Wired, ...]
    sigma_policy: str = "no-bn"
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = ()


def layered(
    weights: Iterable[Iterable[Iterable[object]]],
    biases: Iterable[Iterable[object]],
    slope: object = 0,
    sigma_policy: str = "no-bn",
) -> Chain:
    """Return the chain of linear layers with one activation between every two, read exactly.

    ``slope`` is one number, or a sequence of one number per hidden layer.

    Raises
    ------
    DimensionError
        If there are not as many weights as biases, or as slopes and hidden layers, or a layer not
        as many weight rows as biases.
    NotRationalError
        If an entry is NaN, infinite or not a number.
    """
    matrices = [to_matrix(w, f"W{i}") for i, w in enumerate(weights)]
    vectors = [to_vector(b, f"b{i}") for i, b in enumerate(biases)]
    if len(matrices) != len(vectors):
        raise DimensionError(
            f"got {len(matrices)} weights and {len(vectors)} biases, expected as many of each"
        )
    if not matrices:
        raise DimensionError("the network has no layers, expected at least the output layer")
    hidden = len(matrices) - 1
    if isinstance(slope, (list, tuple)) or getattr(slope, "ndim", 0) == 1:
        slopes = to_vector(slope, "slope")  # type: ignore[arg-type]
    else:
        slopes = (to_fraction(slope, "slope"),) * hidden
    if len(slopes) != hidden:
        raise DimensionError(f"got {len(slopes)} slopes, expected {hidden}, one a hidden layer")
    stages: list[Stage] = []
    for i, (matrix, vector) in enumerate(zip(matrices, vectors, strict=True)):
        stages.append(Linear.checked(f"W{i}", f"b{i}", matrix, vector))
        if i < hidden:
            stages.append(Activation(slopes[i]))
    return Chain(tuple(stages), sigma_policy)


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


def _product(a: Matrix, b: Matrix) -> Matrix:
    """Return the matrix product, through flint."""
    product = _to_flint(a) * _to_flint(b)
    return tuple(tuple(Fraction(int(t.p), int(t.q)) for t in row) for row in product.tolist())


def _to_flint(matrix: Matrix) -> fmpq_mat:
    """Return a matrix of fmpq."""
    return fmpq_mat([[fmpq(t.numerator, t.denominator) for t in row] for row in matrix])

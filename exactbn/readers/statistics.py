"""Where a normalization takes its mean and variance from, while a network is read.

For a tensor of shape (1, C, positions...) the statistics are those of each channel: over the points
of a batch and over all positions, as torch's BatchNorm1d and BatchNorm2d have them. Everything is
exact: the features of a wiring are evaluated at all points, layer by layer, as they are made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError
from exactbn.exact.batch import Batch, Values, checked_divisor, columns_of
from exactbn.exact.normalization import Normalization, checked_eps, rounded_sigma
from exactbn.exact.rational import Matrix, Vector, to_matrix, to_vector
from exactbn.exact.stages import Chain, Linear, Scaling, Stage
from exactbn.readers.wiring import Row, Rows, Wiring, elementwise
from exactbn.wording import counted

#: Mean and variance, an entry a channel.
Moments = tuple[Vector, Vector]


def to_points(data: Any) -> Matrix:
    """Return N points as a matrix; the further axes of an array are joined to one."""
    shape: Any = getattr(data, "shape", ())
    is_deep = len(shape) > 2 and 0 not in shape
    points = to_matrix(data.reshape(shape[0], -1) if is_deep else data, "data")
    if not points or not points[0]:
        raise InputError("the data has no points or no columns, expected at least one of each")
    return points


class Observed:
    """The exact values of the features of a wiring at the points of a batch."""

    def __init__(self, points: Matrix) -> None:
        self.inputs = columns_of(points)
        self._features = list(self.inputs)
        self.num_inputs = len(self.inputs)
        self._layers = 0

    def check(self, num_inputs: int) -> None:
        """Raise DimensionError unless the points have so many coordinates."""
        if num_inputs != self.num_inputs:
            raise DimensionError(
                f"the data has {counted(self.num_inputs, 'column')}, expected {num_inputs} "
                "as the network has inputs"
            )

    def of(self, wiring: Wiring, rows: list[Row]) -> list[Values]:
        """Return the values of rows, whose features the wiring has."""
        self.check(wiring.num_inputs)
        for layer in wiring.layers[self._layers :]:
            reads = layer.reads or ()
            products = Batch.of([self._features[f] for f in reads]).through(layer.weight)
            self._features += [
                product.shifted(b).activated(slope)
                for product, b, slope in zip(products, layer.bias, layer.slopes, strict=True)
            ]
        self._layers = len(wiring.layers)
        together: dict[tuple[int, ...], list[int]] = {}
        for i, row in enumerate(rows):
            together.setdefault(row.reads or (0,), []).append(i)
        found: dict[int, Values] = {}
        for reads, members in together.items():
            batch = Batch.of([self._features[f] for f in reads])
            weight = tuple(rows[i].weights or (Fraction(0),) for i in members)
            for i, value in zip(members, batch.through(weight), strict=True):
                found[i] = value.shifted(rows[i].bias)
        return [found[i] for i in range(len(rows))]


@dataclass(frozen=True)
class Statistics:
    """The statistics of the batch normalizations of a module: what ``kind`` says.

    "running"
        Those that are stored.
    "batch", "unbiased"
        Mean and variance of the batch ``observed``; the sum of squares of N values is divided by
        N, as torch normalizes in train mode, or by N - 1, as it keeps a running variance.
    "supplied"
        ``supplied[name]``, mean and variance of the module of that name.

    ``seen`` lists what each normalization stores, and what a batch gives it.
    """

    kind: str = "running"
    observed: Observed | None = None
    supplied: Mapping[str, Moments] = field(default_factory=dict)
    seen: "list[Seen]" = field(default_factory=list)

    @classmethod
    def of(cls, value: object, data: object) -> "Statistics":
        """Return what a user asks for: a name, with data or without, or a mapping by names."""
        if isinstance(value, Mapping):
            if data is not None:
                raise InputError("statistics are supplied, expected no data beside them")
            return cls("supplied", None, {str(k): _moments(k, v) for k, v in value.items()})
        if value == "running":
            if data is not None:
                raise InputError(
                    "data is given, but the statistics are the running ones; say "
                    "statistics='batch' or 'unbiased'"
                )
            return cls()
        kind = checked_divisor(value)
        if data is None:
            raise InputError(f"statistics {kind!r} are those of a batch, expected data")
        return cls(kind, Observed(to_points(data)))

    def taken(
        self, wiring: Wiring, rows: Rows, stored: Normalization, name: str = ""
    ) -> Normalization:
        """Return a normalization that is given these rows, by the module ``name``."""
        if self.observed is not None:
            observed = self.observed
            return self.renewed(
                stored, [Values.joined(observed.of(wiring, part)) for part in _channels(rows)]
            )
        if self.kind == "running":
            self.seen.append(Seen(stored, ()))
            return stored
        if name not in self.supplied:
            listed = ", ".join(map(repr, self.supplied)) or "none"
            raise InputError(
                f"no statistics are supplied for the batch normalization {name!r}, only for "
                f"{listed}"
            )
        mean, variance = self.supplied[name]
        return replace(stored, mean=mean, variance=variance)

    def renewed(self, stored: Normalization, channels: Sequence[Values]) -> Normalization:
        """Return a normalization whose channels have these values, which are written down."""
        self.seen.append(Seen(stored, tuple(channels)))
        if self.kind == "running":
            return stored
        mean = tuple(values.mean() for values in channels)
        variance = tuple(values.variance(self.kind) for values in channels)
        return replace(stored, mean=mean, variance=variance)

    def check(self, num_inputs: int) -> None:
        """Raise DimensionError unless the points of the batch have so many coordinates."""
        if self.observed is not None:
            self.observed.check(num_inputs)

    def of_chain(self, chain: Chain) -> Chain:
        """Return a chain whose normalizations have these statistics, those of the batch."""
        values = [] if self.observed is None else self.observed.inputs
        stages: list[Stage] = []
        for stage in chain.stages:
            if isinstance(stage, Scaling) and stage.normalization is not None:
                stage = Scaling.of(self.renewed(stage.normalization, values))
            stages.append(stage)
            if self.observed is not None:
                values = list(_through(stage, values))
        return replace(chain, stages=tuple(stages))


@dataclass(frozen=True)
class Seen:
    """A normalization as it is stored, and the values of each channel, if there is a batch."""

    stored: Normalization
    channels: tuple[Values, ...]


def _through(stage: Stage, values: Sequence[Values]) -> Iterator[Values]:
    """Yield the values that a stage makes of others."""
    if isinstance(stage, Linear):
        products = Batch.of(values).through(stage.weight)
        yield from (t.shifted(b) for t, b in zip(products, stage.bias, strict=True))
    elif isinstance(stage, Scaling):
        parts = zip(values, stage.factors, stage.shifts, strict=True)
        yield from (t.scaled(a).shifted(c).reduced() for t, a, c in parts)
    else:
        yield from (t.activated(stage.slope) for t in values)


@dataclass(frozen=True)
class Centering:
    """A batch normalization before every activation: t becomes t - mean, over sigma with ``scale``.

    A constant that is added to t plays no part. A clip is one activation; a maximum is none.
    """

    observed: Observed
    kind: str = "batch"
    scale: bool = False
    eps: Fraction = Fraction(0)

    @classmethod
    def on(cls, points: Matrix, kind: str, scale: bool, eps: object) -> "Centering":
        """Return the normalization on a batch."""
        return cls(Observed(points), checked_divisor(kind), scale, checked_eps(eps))

    def __call__(self, wiring: Wiring, rows: Rows) -> Rows:
        """Return the rows of a tensor normalized, channel by channel."""
        flat = rows.ravel()
        factors = np.full(rows.size, Fraction(1), dtype=object)
        shifts = np.full(rows.size, Fraction(0), dtype=object)
        places = np.arange(rows.size).reshape(rows.shape)
        for channel, part in enumerate(_channels(places)):
            values = Values.joined(self.observed.of(wiring, [flat[i] for i in part]))
            mean, sigma = values.mean(), Fraction(1)
            if self.scale:
                where = f"the activation of layer {len(wiring.layers)}, channel {channel}"
                sigma = rounded_sigma(values.variance(self.kind), self.eps, where)
            for i in part:
                factors[i], shifts[i] = 1 / sigma, -mean / sigma
        shape = rows.shape
        return elementwise(Row.scaled, rows, factors.reshape(shape), shifts.reshape(shape))


def _channels(tensor: NDArray[Any]) -> Iterator[list[Any]]:
    """Yield the entries of each channel, which are those along axis 1."""
    if tensor.ndim < 2:
        yield from ([entry] for entry in tensor.ravel().tolist())
        return
    for part in np.moveaxis(tensor, 1, 0):
        yield part.ravel().tolist()


def _moments(name: object, value: Any) -> Moments:
    """Return mean and variance as supplied."""
    try:
        mean, variance = value
    except (TypeError, ValueError):
        raise InputError(f"the statistics of {name!r} are no pair of mean and variance") from None
    return to_vector(mean, f"{name}: mean"), to_vector(variance, f"{name}: variance")

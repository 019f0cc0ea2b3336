"""Wiring: from operations on tensors of affine expressions to layers that read earlier features.

A tensor is an array of rows, affine expressions of the features so far, exact. Affine operations
make rows of rows; an activation makes units, whose features later rows read. So nothing is carried
from layer to layer by units that do nothing; reshaping, slicing, joining are those of arrays.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Protocol

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import Matrix, Vector
from exactbn.exact.stages import Clip, Contest, Graph, Max, Unit, Wired

_ZERO, _ONE = Fraction(0), Fraction(1)
# Units that only pass a feature on are put together, so many a layer.
_TOGETHER = 32


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The affine expression bias + sum of weights times features; ``reads`` ascends."""

    reads: tuple[int, ...]
    weights: Vector
    bias: Fraction

    @property
    def feature(self) -> int | None:
        """Return the feature that the row is, None where it is none."""
        is_one = len(self.reads) == 1 and self.bias == 0 and self.weights[0] == 1
        return self.reads[0] if is_one else None

    def scaled(self, factor: Fraction, shift: Fraction = _ZERO) -> "Row":
        """Return factor * row + shift."""
        if factor == 1:
            return Row(self.reads, self.weights, self.bias + shift)
        weights = tuple(factor * w for w in self.weights)
        return Row(self.reads, weights, factor * self.bias + shift)


#: A tensor of rows.
Rows = NDArray[np.object_]


def tensor(rows: Iterable[Row], shape: tuple[int, ...]) -> Rows:
    """Return rows as a tensor of a shape."""
    listed = list(rows)
    flat = np.empty(len(listed), dtype=object)
    flat[:] = listed
    return flat.reshape(shape)


def constant(value: Fraction) -> Row:
    """Return the expression of a number."""
    return Row((), (), value)


def affine(inputs: Sequence[Row], weight: Matrix, bias: Vector) -> list[Row]:
    """Return W h + b for rows h: one row for each of W."""
    features = [row.feature for row in inputs]
    if None not in features and len(set(features)) == len(features):
        order = sorted(range(len(features)), key=features.__getitem__)  # type: ignore[arg-type]
        reads = tuple(inputs[i].reads[0] for i in order)
        if order == list(range(len(order))):
            return [Row(reads, w, b) for w, b in zip(weight, bias, strict=True)]
        return [Row(reads, tuple(w[i] for i in order), b)
                for w, b in zip(weight, bias, strict=True)]  # fmt: skip
    reads = tuple(sorted({f for row in inputs for f in row.reads}))
    place = {feature: i for i, feature in enumerate(reads)}
    entries = sum(len(row.reads) for row in inputs)
    if 4 * entries > len(inputs) * len(reads):
        return _dense(inputs, weight, bias, reads, place)
    columns = [[(place[f], w) for f, w in zip(row.reads, row.weights)] for row in inputs]
    rows = []
    for factors, b in zip(weight, bias, strict=True):
        total = [_ZERO] * len(reads)
        for factor, row, column in zip(factors, inputs, columns, strict=True):
            if factor == 0:
                continue
            if row.bias:
                b += factor * row.bias
            for i, w in column:
                total[i] += factor if w == 1 else factor * w
        rows.append(Row(reads, tuple(total), b))
    return rows


def _dense(
    inputs: Sequence[Row], weight: Matrix, bias: Vector,
    reads: tuple[int, ...], place: dict[int, int],
) -> list[Row]:  # fmt: skip
    """Return W h + b by one product of matrices."""
    matrix = [[fmpq(0)] * (1 + len(reads)) for _ in inputs]
    for line, row in zip(matrix, inputs, strict=True):
        line[0] = _to_flint(row.bias)
        for f, w in zip(row.reads, row.weights):
            line[1 + place[f]] = _to_flint(w)
    product = fmpq_mat([[_to_flint(w) for w in line] for line in weight]) * fmpq_mat(matrix)
    rows = []
    for line, b in zip(product.tolist(), bias, strict=True):
        first, *others = (Fraction(int(t.p), int(t.q)) for t in line)
        rows.append(Row(reads, tuple(others), first + b))
    return rows


def _to_flint(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def combined(a: Row, b: Row, factor: Fraction) -> Row:
    """Return a + factor * b."""
    total = dict(zip(a.reads, a.weights))
    for feature, weight in zip(b.reads, b.weights):
        total[feature] = total.get(feature, _ZERO) + factor * weight
    kept = sorted(feature for feature, weight in total.items() if weight)
    return Row(tuple(kept), tuple(total[f] for f in kept), a.bias + factor * b.bias)


def elementwise(function: Callable[..., Row], *tensors: NDArray[np.object_]) -> Rows:
    """Return a function of the entries of tensors that are broadcast against each other."""
    joined = np.broadcast_arrays(*tensors)
    return tensor(map(function, *(t.ravel() for t in joined)), joined[0].shape)


class Normalizer(Protocol):
    """What makes of the rows of an activation those that it is given."""

    def __call__(self, wiring: "Wiring", rows: Rows, /) -> Rows: ...


class Wiring:
    """The layers so far, and what the user calls a unit.

    ``normalizer`` changes the rows of an activation, or of a clip, before it.
    """

    def __init__(self, num_inputs: int, normalizer: "Normalizer | None" = None) -> None:
        self.normalizer = normalizer
        self.num_inputs = num_inputs
        self.layers: list[Wired] = []
        self.units: list[Unit] = []
        self._count = num_inputs
        self._is_at_least_zero: set[int] = set()
        self._activated: set[int] = set()  # those of them that are outputs of activations

    def inputs(self, shape: tuple[int, ...], first: int = 0) -> Rows:
        """Return inputs, counted from ``first``, as a tensor."""
        count = int(np.prod(shape, dtype=np.int64))
        return tensor((_feature(f) for f in range(first, first + count)), shape)

    def activation(self, rows: Rows, slopes: NDArray[np.object_]) -> Rows:
        """Return max(t, 0) + slope * min(t, 0) of every entry, each a unit that the user knows."""
        return self.switched(self.normalized(rows, is_idle=True), slopes)

    def normalized(self, rows: Rows, *, is_idle: bool) -> Rows:
        """Return the rows of an activation as the normalizer, if there is one, makes them.

        ``is_idle`` says that the activation changes nothing which is >= 0. Where it gets what other
        activations have made so, and nothing else, it is none.
        """
        if self.normalizer is None:
            return rows
        if is_idle and all(row.feature in self._activated for row in rows.ravel()):
            return rows
        return self.normalizer(self, rows)

    def switched(self, rows: Rows, slopes: NDArray[np.object_]) -> Rows:
        """Return the activation of rows that are normalized already."""
        broadcast = np.broadcast_to(slopes, rows.shape)
        known = [row.feature in self._is_at_least_zero for row in rows.ravel()]
        wanted = [(row, slope) for row, slope, same in
                  zip(rows.ravel(), broadcast.ravel(), known) if not same]  # fmt: skip
        features = iter(self._units(wanted))
        result = []
        for row, same in zip(rows.ravel(), known):
            if same:  # what passes through a ReLU twice is one unit
                result.append(row)
                continue
            feature = next(features)
            self.units.append(feature - self.num_inputs)
            result.append(_feature(feature))
        outputs = {row.reads[0] for row in result if row.feature is not None}
        self._activated |= outputs & self._is_at_least_zero
        return tensor(result, rows.shape)

    def clip(self, rows: Rows, low: Fraction, high: Fraction) -> Rows:
        """Return min(max(t, low), high) = low + relu(t - low) - relu(t - high) of every entry."""
        if low > high:
            raise InputError(f"a clip from {low} to {high} is empty, expected low <= high")
        flat = list(self.normalized(rows, is_idle=False).ravel())
        wanted = [(row.scaled(_ONE, -end), _ZERO) for row in flat for end in (low, high)]
        features = self._units(wanted)
        result = []
        for first, second in zip(features[::2], features[1::2]):
            self.units.append(Clip(first - self.num_inputs, second - self.num_inputs))
            row = combined(_feature(first), _feature(second), -_ONE)
            result.append(row.scaled(_ONE, low))
        return tensor(result, rows.shape)

    def maximum(self, groups: Sequence[Sequence[Row]], sign: int = 1) -> list[Row]:
        """Return the greatest of each group, the least for ``sign`` -1, each one unit.

        Entries meet in pairs, level by level: max(a, b) = a + relu(b - a). The unit is off where
        the two are equal, so that the first of equal entries is the one that counts.
        """
        factor = Fraction(sign)
        rounds: list[list[tuple[Row, Contest | int]]] = [
            [(row, i) for i, row in enumerate(group)] for group in groups
        ]
        while any(len(entries) > 1 for entries in rounds):
            pairs = [list(zip(entries[::2], entries[1::2])) for entries in rounds]
            wanted = [
                (combined(b, a, -_ONE).scaled(factor), _ZERO)
                for group in pairs for (a, _), (b, _) in group
            ]  # fmt: skip
            features = iter(self._units(wanted))
            after = []
            for entries, group in zip(rounds, pairs):
                winners: list[tuple[Row, Contest | int]] = []
                for ((a, left), (_, right)), feature in zip(group, islice(features, len(group))):
                    contest = Contest(left, right, feature - self.num_inputs)
                    winners.append((combined(a, _feature(feature), factor), contest))
                after.append(winners + entries[2 * len(group) :])
            rounds = after
        for ((_, winner),) in rounds:
            if isinstance(winner, Contest):
                self.units.append(Max(winner))
        return [row for ((row, _),) in rounds]

    def graph(self, outputs: Rows, sigma_policy: str) -> Graph:
        """Return the layers, with the output layer of these rows."""
        rows = [self._reading(row) for row in outputs.ravel()]
        reads = tuple(sorted({f for row in rows for f in row.reads}))
        place = {feature: i for i, feature in enumerate(reads)}
        weight = []
        for row in rows:
            line = [_ZERO] * len(reads)
            for f, w in zip(row.reads, row.weights):
                line[place[f]] = w
            weight.append(tuple(line))
        bias = tuple(row.bias for row in rows)
        output = Wired(tuple(weight), bias, (_ONE,) * len(rows), reads)
        units = tuple(self.units)
        is_plain = units == tuple(range(self._count - self.num_inputs))
        return Graph(
            self.num_inputs, (*self.layers, output), sigma_policy, () if is_plain else units
        )

    def _units(self, wanted: Sequence[tuple[Row, Fraction]]) -> list[int]:
        """Return the features of new units; rows that read the same become one layer."""
        layers: dict[tuple[int, ...], list[int]] = {}
        passed: list[int] = []
        for i, (row, _) in enumerate(wanted):
            if row.feature is not None:
                passed.append(i)
            else:
                layers.setdefault(self._reading(row).reads, []).append(i)
        features = [0] * len(wanted)
        for reads, members in layers.items():
            rows = [self._reading(wanted[i][0]) for i in members]
            weight = tuple(row.weights for row in rows)
            self._add(features, members, wanted, weight, tuple(row.bias for row in rows), reads)
        for start in range(0, len(passed), _TOGETHER):
            some = sorted(passed[start : start + _TOGETHER], key=lambda i: wanted[i][0].reads)
            reads = tuple(sorted({wanted[i][0].reads[0] for i in some}))
            weight = tuple(
                tuple(_ONE if f == wanted[i][0].reads[0] else _ZERO for f in reads) for i in some
            )
            self._add(features, some, wanted, weight, (_ZERO,) * len(some), reads)
        return features

    def _add(
        self, features: list[int], members: Sequence[int],
        wanted: Sequence[tuple[Row, Fraction]], weight: Matrix, bias: Vector,
        reads: tuple[int, ...],
    ) -> None:  # fmt: skip
        """Add one layer, and write down which features its units are."""
        slopes = tuple(wanted[i][1] for i in members)
        self.layers.append(Wired(weight, bias, slopes, reads))
        for i, slope in zip(members, slopes, strict=True):
            features[i] = self._count
            if slope <= 0:
                self._is_at_least_zero.add(self._count)
            self._count += 1

    def _reading(self, row: Row) -> Row:
        """Return a row that reads something, as those of layers do."""
        return row if row.reads else Row((0,), (_ZERO,), row.bias)


def left_out_note(name: str) -> str:
    """Return the note of a network that is read up to what stands at its end, and not further."""
    return f"read up to the {name} at the end, which is left out: the outputs are the logits"


def _feature(number: int) -> Row:
    """Return a feature as a row."""
    return Row((number,), (_ONE,), _ZERO)

"""Exact evaluation of a network at many points at once, in integers.

A point x = X / X_0 is its homogeneous integer vector (X_0, X_1, ..., X_d) with X_0 > 0. The
features of a network are its inputs, then its units in order; every row reads some of them. Block
by block there are integer rows M and positive row scales rho with

    z_k = Z_k / (rho_k * D),        Z_k = M_k (D, H_i, H_j, ...),

where D > 0 is the running common denominator of the point and H are the scaled features that the
row reads. Row scales are positive and the activation is positively homogeneous, so the scales of
the features go into the columns of the rows that read them and the sign of Z_k is the sign of
z_k. Nothing is ever divided; a batch of points is one product of flint integer matrices a layer.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain, repeat
from math import gcd, lcm, prod
from typing import Protocol

from flint import fmpz, fmpz_mat

from exactbn.exact.rational import Matrix, Vector

#: Says of the units of a block, row by row of Z, whether they are on, entry by entry.
Gate = Callable[[fmpz_mat], Iterable[bool]]


class AffineLayer(Protocol):
    """What a layer must offer here: weights (n, m), biases (n,), slopes (n,) of the activations."""

    @property
    def weight(self) -> Matrix: ...

    @property
    def bias(self) -> Vector: ...

    @property
    def slopes(self) -> Vector: ...


class AffineBlock(Protocol):
    """What a block must offer: layers that are decided together, and what each of them reads."""

    @property
    def layers(self) -> Sequence[AffineLayer]: ...

    @property
    def reads(self) -> Sequence[Sequence[int]]: ...


@dataclass(frozen=True, eq=False)
class Features:
    """The scaled features at some columns: D, then the inputs, then block by block the units.

    ``parts`` are the entries of each source, row by row; ``starts`` is the first feature of each,
    the inputs from 1 on, and then the number of all.
    """

    denominators: list[fmpz]
    parts: tuple[list[fmpz], ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, points: fmpz_mat) -> "Features":
        """Return the features before the first block: the columns of homogeneous points."""
        entries, columns = points.entries(), points.ncols()
        return cls(entries[:columns], (entries[columns:],), (1, points.nrows()))

    def extended(self, block: "IntegerBlock", z: fmpz_mat, gate: Gate) -> "Features":
        """Return the features with those of a block whose Z is ``z``."""
        above, columns = block.above, len(self.denominators)
        entries = zip(z.entries(), gate(z))
        if above == 1 and not any(block.below):
            zero = fmpz(0)
            new = [t if on else zero for t, on in entries]
        else:
            below = chain.from_iterable(repeat(off, columns) for off in block.below)
            new = [t * (above if on else off) for (t, on), off in zip(entries, below)]
        denominators, parts = self.denominators, self.parts
        if above != 1:
            denominators = [above * t for t in denominators]
            parts = tuple([above * t for t in part] for part in parts)
        return Features(denominators, (*parts, new), (*self.starts, self.starts[-1] + z.nrows()))

    def gathered(self, reads: Sequence[int]) -> fmpz_mat:
        """Return D and some features as the rows of a matrix."""
        columns = len(self.denominators)
        entries = list(self.denominators)
        source = bisect_right(self.starts, reads[0]) - 1
        if isinstance(reads, range) and reads == range(*self.starts[source : source + 2]):
            entries += self.parts[source]
        else:
            for feature in reads:
                source = bisect_right(self.starts, feature) - 1
                at = (feature - self.starts[source]) * columns
                entries += self.parts[source][at : at + columns]
        return fmpz_mat(1 + len(reads), columns, entries)


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer in integers: ``matrix`` of shape (n, 1 + m) with the bias first.

    ``reads`` are the m features in the columns after the bias, counted from 1: 0 is the constant.
    """

    matrix: fmpz_mat
    reads: Sequence[int]


@dataclass(frozen=True, eq=False)
class IntegerBlock:
    """The layers of a block in integers.

    ``scales`` are the positive rho_k of its n units; their slopes are ``below_k / above``, with
    above > 0.
    """

    layers: tuple[IntegerLayer, ...]
    scales: tuple[Fraction, ...]
    above: fmpz
    below: tuple[fmpz, ...]

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Return the layer and its row of each unit."""
        return tuple(
            (index, k) for index, layer in enumerate(self.layers)
            for k in range(layer.matrix.nrows())
        )  # fmt: skip

    def rows(self) -> Iterator[tuple[Sequence[int], list[fmpz]]]:
        """Yield of each unit what it reads, and (bias, weights) in integers."""
        for layer in self.layers:
            for row in layer.matrix.tolist():
                yield layer.reads, row


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """The integer form of a network's blocks; the last one is the output layer."""

    blocks: tuple[IntegerBlock, ...]
    num_inputs: int

    @classmethod
    def of(cls, blocks: Sequence[AffineBlock], num_inputs: int) -> "IntegerNetwork":
        """Return the integer form of the blocks of a network, output layer included."""
        integers = []
        scales = [Fraction(1)] * (1 + num_inputs)
        for block in blocks:
            layers: list[IntegerLayer] = []
            own: list[Fraction] = []
            for layer, reads in zip(block.layers, block.reads, strict=True):
                before = [scales[f] for f in reads]
                rows = []
                for weights, bias in zip(layer.weight, layer.bias, strict=True):
                    row, scale = _primitive_row(weights, bias, before)
                    rows.append(row)
                    own.append(scale)
                layers.append(IntegerLayer(fmpz_mat(rows), reads))
            scales += own
            slopes = [slope for layer in block.layers for slope in layer.slopes]
            above = lcm(*(slope.denominator for slope in slopes))
            below = tuple(fmpz(slope.numerator * (above // slope.denominator)) for slope in slopes)
            integers.append(IntegerBlock(tuple(layers), tuple(own), fmpz(above), below))
        return cls(tuple(integers), num_inputs)

    def preactivations(self, points: fmpz_mat, last: int) -> list[fmpz_mat]:
        """Return Z of the blocks 0 to ``last`` for the columns of ``points``.

        ``points`` has shape (1 + d, m), one homogeneous point a column; each result has shape
        (n_l, m). The sign of an entry is the sign of the preactivation.
        """
        return [z for z, _ in self.evaluate(points, last)]

    def values(self, points: fmpz_mat, last: int) -> list[Vector]:
        """Return the exact preactivations of block ``last``, one vector of Fractions a point."""
        numerators, denominators = self.evaluate(points, last)[-1]
        scales = self.blocks[last].scales
        return [
            tuple(
                Fraction(int(numerators[k, i]), int(denominators[i])) / scale
                for k, scale in enumerate(scales)
            )
            for i in range(points.ncols())
        ]

    def evaluate(self, points: fmpz_mat, last: int) -> list[tuple[fmpz_mat, list[fmpz]]]:
        """Return (Z, D) of the blocks 0 to ``last``, see the head of this module."""
        features = Features.of(points)
        results = []
        for index in range(last + 1):
            z = self.product(index, features)
            results.append((z, features.denominators))
            if index < last:
                features = features.extended(self.blocks[index], z, _is_positive)
        return results

    def evaluate_rows(
        self, points: fmpz_mat, last: int, rows: Sequence[int]
    ) -> tuple[fmpz_mat, list[fmpz]]:
        """Return (Z, D) of some units of block ``last``; only what they depend on is computed."""
        if any(len(block.layers) > 1 for block in self.blocks):
            return self._evaluate_cone(points, last, rows)
        features = Features.of(points)
        for index in range(last):
            z = self.product(index, features)
            features = features.extended(self.blocks[index], z, _is_positive)
        (layer,) = self.blocks[last].layers
        columns = range(layer.matrix.ncols())
        matrix = fmpz_mat([[layer.matrix[k, c] for c in columns] for k in rows])
        return matrix * features.gathered(layer.reads), features.denominators

    def _evaluate_cone(
        self, points: fmpz_mat, last: int, rows: Sequence[int]
    ) -> tuple[fmpz_mat, list[fmpz]]:
        """Do it layer by layer of each block, with the features alone on which the units depend."""
        cone = self._cone(last, rows)
        columns = points.ncols()
        values = dict(enumerate(_rows_of(points)))
        zero = fmpz(0)
        start = 1 + self.num_inputs
        for index, block in enumerate(self.blocks[:last]):
            new: dict[int, list[fmpz]] = {}
            for number, wanted in cone[index].items():
                z = _rows_of(_layer_product(block.layers[number], values, columns))
                for k, row in wanted:
                    below = block.below[k]
                    new[start + k] = [
                        t * block.above if t > 0 else t * below if below != 0 else zero
                        for t in z[row]
                    ]
            if block.above != 1:
                values = {f: [block.above * t for t in row] for f, row in values.items()}
            values |= new
            start += len(block.scales)
        result: list[list[fmpz]] = [[]] * len(self.blocks[last].scales)
        for number, wanted in cone[last].items():
            z = _rows_of(_layer_product(self.blocks[last].layers[number], values, columns))
            for k, row in wanted:
                result[k] = z[row]
        return fmpz_mat([result[k] for k in rows]), values[0]

    def forms(self, pattern: Sequence[int]) -> list[fmpz_mat]:
        """Return the affine forms of all blocks, output included, where the pattern holds.

        ``pattern`` is 1 or 0 for each hidden unit. Row k of a result, shape (n_l, 1 + d), is
        (constant, gradient) of z_k times rho_k and the slopes' denominators so far: zero exactly
        where the preactivation vanishes identically.
        """
        features = self.coordinates()
        results, start = [], 0
        for index, block in enumerate(self.blocks):
            z = self.product(index, features)
            results.append(z)
            if index < len(self.blocks) - 1:
                features = features.extended(self.blocks[index], z, fixed(pattern[start:]))
                start += len(block.scales)
        return results

    def affine_map(self, pattern: Sequence[int]) -> tuple[Matrix, Vector]:
        """Return (A, b): where the pattern holds the network maps x to A x + b."""
        *hidden, output = self.blocks
        factor = prod(int(block.above) for block in hidden)
        rows = self.forms(pattern)[-1]
        entries = [
            [int(rows[k, c]) / (scale * factor) for c in range(rows.ncols())]
            for k, scale in enumerate(output.scales)
        ]
        return tuple(tuple(row[1:]) for row in entries), tuple(row[0] for row in entries)

    def coordinates(self) -> Features:
        """Return the features before the first block as forms: the constant and the inputs."""
        size = 1 + self.num_inputs
        return Features.of(fmpz_mat([[int(i == k) for k in range(size)] for i in range(size)]))

    def product(self, index: int, features: Features) -> fmpz_mat:
        """Return Z of a block, given the features before it."""
        block = self.blocks[index]
        if len(block.layers) == 1:
            layer = block.layers[0]
            return layer.matrix * features.gathered(layer.reads)
        entries: list[fmpz] = []
        for layer in block.layers:
            entries += (layer.matrix * features.gathered(layer.reads)).entries()
        return fmpz_mat(len(block.scales), len(features.denominators), entries)

    def _cone(self, last: int, rows: Sequence[int]) -> "list[dict[int, list[tuple[int, int]]]]":
        """Return on which units of each block some of block ``last`` depend, these included.

        By layer of the block: the unit, and the row of the layer that is its own.
        """
        starts = [1 + self.num_inputs]
        for block in self.blocks[:last]:
            starts.append(starts[-1] + len(block.scales))
        wanted: list[set[int]] = [set() for _ in range(last)]
        wanted.append(set(rows))
        cone: list[dict[int, list[tuple[int, int]]]] = []
        for index in range(last, -1, -1):
            block = self.blocks[index]
            by_layer: dict[int, list[tuple[int, int]]] = {}
            for k in sorted(wanted[index]):
                number, row = block.places[k]
                by_layer.setdefault(number, []).append((k, row))
            for number in by_layer:
                for feature in block.layers[number].reads:
                    source = bisect_right(starts, feature) - 1
                    if source >= 0:
                        wanted[source].add(feature - starts[source])
            cone.append(by_layer)
        return cone[::-1]


def _layer_product(
    layer: IntegerLayer, values: dict[int, list[fmpz]], columns: int
) -> fmpz_mat:
    """Return Z of a layer, given the rows of the features that it reads; 0 is the constant."""
    entries = list(values[0])
    for feature in layer.reads:
        entries += values[feature]
    return layer.matrix * fmpz_mat(1 + len(layer.reads), columns, entries)


def fixed(pattern: Sequence[int]) -> Gate:
    """Return the gate of a pattern: unit k is on where its entry is positive."""
    return lambda z: chain.from_iterable(
        repeat(pattern[k] > 0, z.ncols()) for k in range(z.nrows())
    )


def _is_positive(z: fmpz_mat) -> list[bool]:
    """Return where units are on at points."""
    return [t > 0 for t in z.entries()]


def _rows_of(matrix: fmpz_mat) -> list[list[fmpz]]:
    """Return the rows of a matrix as lists."""
    entries, columns = matrix.entries(), matrix.ncols()
    return [entries[i : i + columns] for i in range(0, len(entries), columns)]


def _primitive_row(
    weights: Vector, bias: Fraction, before: Sequence[Fraction]
) -> tuple[list[int], Fraction]:
    """Return rho * (bias, w_k / before_k, ...) as coprime integers, and rho > 0."""
    # Pairs of integers instead of Fractions: no common divisor is looked for until the end.
    tops = [w.numerator * rho.denominator for w, rho in zip(weights, before, strict=True)]
    bottoms = [w.denominator * rho.numerator for w, rho in zip(weights, before, strict=True)]
    common = lcm(bias.denominator, *bottoms)
    row = [bias.numerator * (common // bias.denominator)]
    row += [top * (common // bottom) for top, bottom in zip(tops, bottoms, strict=True)]
    content = gcd(*row) or common
    return [entry // content for entry in row], Fraction(common, content)


def homogeneous(points: Sequence[Vector]) -> fmpz_mat:
    """Return points as the columns (X_0, X_1, ..., X_d) of an integer matrix, X_0 > 0."""
    columns = []
    for point in points:
        denominator = lcm(*(t.denominator for t in point))
        columns.append([denominator, *(int(t * denominator) for t in point)])
    return fmpz_mat([list(row) for row in zip(*columns, strict=True)])

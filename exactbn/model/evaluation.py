"""Exact evaluation of a network at many points at once, in integers.

A point x = X / X_0 is its homogeneous integer vector (X_0, X_1, ..., X_d) with X_0 > 0. Layer by
layer there are an integer matrix M and positive row scales rho with

    z_k = Z_k / (rho_k * D),        Z = M (D, H_1, ..., H_m),

where D > 0 is the running common denominator of the point and H are the scaled activations of the
layer before. Row scales are positive and the activation is positively homogeneous, so the scales
of one layer go into the columns of the next and the sign of Z_k is the sign of z_k. Nothing is
ever divided; a batch of points is one product of flint integer matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Protocol

from flint import fmpz, fmpz_mat

from exactbn.exact.rational import Matrix, Vector


class AffineLayer(Protocol):
    """What a layer must offer here: weights (n, m), biases (n,) and the activation's slope."""

    @property
    def weight(self) -> Matrix: ...

    @property
    def bias(self) -> Vector: ...

    @property
    def slope(self) -> Fraction: ...


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer in integers: ``matrix`` of shape (n, 1 + m) with the bias first.

    ``scales`` are the positive rho_k; the slope is ``below / above``, above > 0.
    """

    matrix: fmpz_mat
    scales: tuple[Fraction, ...]
    above: fmpz
    below: fmpz


@dataclass(frozen=True)
class IntegerNetwork:
    """The integer form of a network's layers, output included."""

    layers: tuple[IntegerLayer, ...]

    @classmethod
    def of(cls, layers: Sequence[AffineLayer]) -> "IntegerNetwork":
        """Return the integer form of the layers of a network, output layer included."""
        integers = []
        before = (Fraction(1),) * len(layers[0].weight[0])
        for layer in layers:
            rows, scales = [], []
            for weights, bias in zip(layer.weight, layer.bias, strict=True):
                row, scale = _primitive_row(weights, bias, before)
                rows.append(row)
                scales.append(scale)
            before = tuple(scales)
            above, below = fmpz(layer.slope.denominator), fmpz(layer.slope.numerator)
            integers.append(IntegerLayer(fmpz_mat(rows), before, above, below))
        return cls(tuple(integers))

    def preactivations(self, points: fmpz_mat, last: int) -> list[fmpz_mat]:
        """Return Z of the layers 0 to ``last`` for the columns of ``points``.

        ``points`` has shape (1 + d, m), one homogeneous point a column; each result has shape
        (n_l, m). The sign of an entry is the sign of the preactivation.
        """
        return [z for z, _ in self.evaluate(points, last)]

    def values(self, points: fmpz_mat, last: int) -> list[Vector]:
        """Return the exact preactivations of layer ``last``, one vector of Fractions a point."""
        numerators, denominators = self.evaluate(points, last)[-1]
        scales = self.layers[last].scales
        return [
            tuple(
                Fraction(int(numerators[k, i]), int(denominators[i])) / scale
                for k, scale in enumerate(scales)
            )
            for i in range(points.ncols())
        ]

    def forms(self, pattern: Sequence[int]) -> list[fmpz_mat]:
        """Return the affine forms of all layers, output included, where the pattern holds.

        ``pattern`` is 1 or 0 for each hidden neuron. Row k of a result, shape (n_l, 1 + d), is
        (constant, gradient) of z_k times rho_k and the slopes' denominators so far: zero exactly
        where the preactivation vanishes identically.
        """
        d = self.layers[0].matrix.ncols() - 1
        state = fmpz_mat([[int(i == k) for k in range(1 + d)] for i in range(1 + d)])
        results, row = [], 0
        for index, layer in enumerate(self.layers):
            z = layer.matrix * state
            results.append(z)
            if index == len(self.layers) - 1:
                break
            factors = [layer.above if on else layer.below for on in pattern[row : row + z.nrows()]]
            row += z.nrows()
            entries = [layer.above * t for t in state.entries()[: 1 + d]]
            for k, factor in enumerate(factors):
                entries += [factor * z[k, c] for c in range(1 + d)]
            state = fmpz_mat(1 + z.nrows(), 1 + d, entries)
        return results

    def evaluate(
        self, points: fmpz_mat, last: int, rows: Sequence[int] | None = None
    ) -> list[tuple[fmpz_mat, list[fmpz]]]:
        """Return (Z, D) of the layers 0 to ``last``, see the head of this module.

        ``rows`` are the neurons of layer ``last`` that are wanted, all by default.
        """
        columns = points.ncols()
        state = points
        results = []
        for index, layer in enumerate(self.layers[: last + 1]):
            matrix = layer.matrix
            if index == last and rows is not None:
                matrix = fmpz_mat([[matrix[k, c] for c in range(matrix.ncols())] for k in rows])
            z = matrix * state
            entries = state.entries()[:columns]
            results.append((z, entries))
            if index == last:
                break
            above, below = layer.above, layer.below
            if above == 1:
                activations = [t if t > 0 else below * t for t in z.entries()]
            else:
                activations = [above * t if t > 0 else below * t for t in z.entries()]
                entries = [above * t for t in entries]
            state = fmpz_mat(1 + z.nrows(), columns, entries + activations)
        return results


def _primitive_row(
    weights: Vector, bias: Fraction, before: tuple[Fraction, ...]
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

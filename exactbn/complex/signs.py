"""Exact signs at float speed: preactivations with proven bounds, and integers for the rest.

A value is trusted as far as its bound says and no further; docs/error_analysis.md derives every
constant. Setting ``factor`` of the engine to infinity makes the filter reject everything, and the
same result must come out of integers alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.domain import Box
from exactbn.evaluation import IntegerNetwork
from exactbn.network import Network
from exactbn.rational import Vector, nearest_float

Floats = NDArray[np.float64]

# Unit roundoff doubled, and an absolute term far above every underflow.
_EPS = 2.0**-52
_UNDERFLOW = 2.0**-1000
# Rows of vertices that are evaluated at once: their layers fit a second-level cache.
_CHUNK = 2048


@dataclass(frozen=True)
class FloatLayer:
    """A layer rounded to float64: the transposed weights with the bias first, shape (1 + m, n)."""

    weight: Floats
    magnitude: Floats
    slope: float

    @property
    def lipschitz(self) -> float:
        """Return the Lipschitz constant of the rounded activation, at least 1."""
        return max(1.0, abs(self.slope))


class FloatNetwork:
    """The hidden layers in float64, each entry the nearest float of the exact one."""

    def __init__(self, network: Network) -> None:
        self.layers = [
            _float_layer(layer.weight, layer.bias, layer.slope) for layer in network.hidden
        ]

    def preactivations(
        self, x: Floats, ex: Floats, layer: int, columns: slice, z: Floats, ez: Floats
    ) -> None:
        """Write the preactivations of a block of neurons and their error bounds to z and ez.

        Parameters
        ----------
        x, ex : (m, 1 + d)
            Homogeneous coordinates and bounds of their errors.
        layer, columns
            The layer, and the neurons of it.
        z, ez : (m, width)
            Results: |z - exact| <= ez, with ez > 0.
        """
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for start in range(0, len(x), _CHUNK):
                rows = slice(start, start + _CHUNK)
                h, e = x[rows], ex[rows]
                for inner in self.layers[:layer]:
                    h, e = _activate(inner, h, *_affine(inner.weight, inner.magnitude, h, e))
                last = self.layers[layer]
                z[rows], ez[rows] = _affine(
                    last.weight[:, columns], last.magnitude[:, columns], h, e
                )


def _float_layer(weight: Sequence[Vector], bias: Vector, slope: Fraction) -> FloatLayer:
    """Return one layer rounded to float64; what overflows becomes infinite and decides nothing."""
    rows = [[_float(b), *map(_float, row)] for b, row in zip(bias, weight, strict=True)]
    matrix = np.ascontiguousarray(np.array(rows, dtype=np.float64).T)
    return FloatLayer(matrix, np.abs(matrix), _float(slope))


def _float(value: Fraction) -> float:
    """Return the float64 nearest to an exact number, infinite on overflow."""
    return nearest_float(value.numerator, value.denominator)


def _affine(weight: Floats, magnitude: Floats, h: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Return W h and a bound of its error, given h with the error bound e.

    |fl(W h) - W h| <= |W| ((1 + c) e + c |h|) with c = (m + 8) 2^-52 covers the rounding of the
    weights, the products in any order, and the computation of the bound itself.
    """
    c = (weight.shape[0] + 8) * _EPS
    bound = np.abs(h)
    bound *= c
    bound += e * (1.0 + c)
    error = bound @ magnitude
    error *= 1.0 + c
    error += _UNDERFLOW
    return h @ weight, error


def _activate(layer: FloatLayer, h: Floats, z: Floats, ez: Floats) -> tuple[Floats, Floats]:
    """Return (x_0, a(z)) and its error bounds from (x_0, ...) in ``h`` and z."""
    width = z.shape[1]
    out = np.empty((len(z), 1 + width))
    error = np.zeros_like(out)
    out[:, 0] = h[:, 0]
    np.maximum(z, 0.0, out=out[:, 1:])
    error[:, 1:] = ez
    if layer.slope != 0.0:
        negative = np.minimum(z, 0.0)
        negative *= layer.slope
        out[:, 1:] += negative
        error[:, 1:] *= layer.lipschitz * (1.0 + 8 * _EPS)
        np.abs(negative, out=negative)
        negative *= 4 * _EPS
        error[:, 1:] += negative
        error[:, 1:] += _UNDERFLOW
    return out, error


class ExactVertices:
    """Exact homogeneous integer coordinates of vertices, computed when asked for and kept.

    A vertex is a corner of a box or the point of an edge (a, b) where a neuron's preactivation is
    zero: with integer values Z_a, Z_b of opposite signs it is |Z_b| a + |Z_a| b up to a positive
    factor, in homogeneous coordinates.
    """

    def __init__(self, network: Network, boxes: Sequence[Box]) -> None:
        self.integers = IntegerNetwork.of(network)
        self.boxes = tuple(boxes)
        self.dim = network.num_inputs
        self.neurons = [
            (index, k) for index, layer in enumerate(network.hidden) for k in range(layer.num_neurons)
        ]
        self._known: dict[int, tuple[fmpz, ...]] = {}

    def coordinates(
        self, vertices: Iterable[int], parents: NDArray[np.int32]
    ) -> list[tuple[fmpz, ...]]:
        """Return (X_0, ..., X_d) of each vertex, in lowest terms, X_0 > 0."""
        wanted = [int(v) for v in vertices]
        self._resolve(wanted, parents)
        return [self._known[v] for v in wanted]

    def points(self, vertices: Iterable[int], parents: NDArray[np.int32]) -> fmpz_mat:
        """Return the same as the columns of an integer matrix."""
        columns = self.coordinates(vertices, parents)
        return fmpz_mat([list(row) for row in zip(*columns, strict=True)])

    def _resolve(self, wanted: list[int], parents: NDArray[np.int32]) -> None:
        """Compute the wanted vertices and their ancestors, one batch a neuron."""
        batches: dict[int, list[int]] = {}
        known, stack, seen = self._known, list(wanted), set()
        while stack:
            v = stack.pop()
            if v in known or v in seen:
                continue
            seen.add(v)
            a, b, neuron = (int(p) for p in parents[v])
            if a < 0:
                known[v] = self._corner(b, neuron)
                continue
            batches.setdefault(neuron, []).append(v)
            stack += (a, b)
        # Parents are made by earlier neurons, so ascending neurons is an order of creation.
        for neuron in sorted(batches):
            self._cross(neuron, batches[neuron], parents)

    def _corner(self, box: int, corner: int) -> tuple[fmpz, ...]:
        """Return corner number ``corner`` of a box: bit i says whether axis i is at hi."""
        bounds = self.boxes[box]
        point = [
            bounds.hi[i] if corner >> i & 1 else bounds.lo[i] for i in range(self.dim)
        ]
        denominator = fmpz(1)
        for t in point:
            denominator = denominator.lcm(t.denominator)
        return (denominator, *(denominator // t.denominator * t.numerator for t in point))

    def _cross(self, neuron: int, vertices: list[int], parents: NDArray[np.int32]) -> None:
        """Compute vertices that one neuron made, from their roots."""
        layer, k = self.neurons[neuron]
        known = self._known
        ends = sorted({int(p) for v in vertices for p in parents[v, :2]})
        columns = [known[p] for p in ends]
        points = fmpz_mat([list(row) for row in zip(*columns, strict=True)])
        z = self.integers.preactivations(points, layer)[layer]
        value = {p: abs(z[k, i]) for i, p in enumerate(ends)}
        for v in vertices:
            a, b = int(parents[v, 0]), int(parents[v, 1])
            # Z is positively homogeneous of degree one in the integer vector, so no denominators.
            known[v] = reduced(
                tuple(value[b] * s + value[a] * t for s, t in zip(known[a], known[b], strict=True))
            )


def reduced(point: tuple[fmpz, ...]) -> tuple[fmpz, ...]:
    """Return a homogeneous integer vector divided by the common divisor of its entries."""
    divisor = fmpz(0)
    for t in point:
        divisor = divisor.gcd(t)
        if divisor == 1:
            return point
    return tuple(t // divisor for t in point)


def rounded(numerator: fmpz, denominator: fmpz) -> tuple[float, float]:
    """Return the nearest float of a fraction and a bound of its error, 0 where it is exactly 0.

    The denominator is positive.
    """
    if numerator == 0:
        return 0.0, 0.0
    value = nearest_float(int(numerator), int(denominator))
    return value, abs(value) * _EPS + _UNDERFLOW if isfinite(value) else inf

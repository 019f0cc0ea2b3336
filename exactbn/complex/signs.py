"""Exact signs at float speed: preactivations with proven bounds, and integers for the rest.

A value is trusted as far as its bound says and no further; docs/error_analysis.md derives every
constant. Setting ``factor`` of the engine to infinity makes the filter reject everything, and the
same result must come out of integers alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf, isfinite

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.complex.start import corner_point
from exactbn.domain import Box, Domain
from exactbn.evaluation import IntegerNetwork
from exactbn.network import Network
from exactbn.rational import Vector, nearest_float, nearest_floats

Floats = NDArray[np.float64]
Bounds = NDArray[np.float64] | NDArray[np.float32]

# Unit roundoff doubled; an absolute term far above every underflow, that of float32 included; and
# what makes good for rounding a bound to float32.
_EPS = 2.0**-52
_UNDERFLOW = 2.0**-120
_TO_SINGLE = 1.0 + 2.0**-22
# Below this bound of all numbers nothing overflows, and the absolute term covers denormal weights.
_RANGE = 2.0**600
# Rows of vertices that are evaluated at once: their layers fit a second-level cache.
_CHUNK = 256


@dataclass(frozen=True)
class FloatLayer:
    """A layer rounded to float64: the transposed weights with the bias first, shape (1 + m, n).

    ``h``, ``e`` and ``work`` are room for a chunk of inputs: (1, activations before), their error
    bounds, and one intermediate result; ``error`` is room for the bounds of the results. Memory is
    asked for once, since fresh pages cost more than the arithmetic.
    """

    weight: Floats
    magnitude: Floats
    slope: float
    h: Floats
    e: Floats
    work: Floats
    error: Floats

    @classmethod
    def of(cls, weight: Sequence[Vector], bias: Vector, slope: Fraction) -> "FloatLayer":
        """Return a layer; what overflows becomes infinite, and decides nothing."""
        rows = [nearest_floats((b, *row)) for b, row in zip(bias, weight, strict=True)]
        matrix = np.ascontiguousarray(np.array(rows).T)
        inputs, outputs = matrix.shape
        room = (np.empty((_CHUNK, columns)) for columns in (inputs, inputs, inputs, outputs))
        return cls(matrix, np.abs(matrix), nearest_floats((slope,))[0], *room)

    def affine(self, columns: slice, h: Floats, e: Floats, z: Floats, ez: Bounds) -> None:
        """Write W h of some neurons to z and a bound of its error to ez, given |h - exact| <= e.

        |fl(W h) - W h| <= |W| ((1 + c) e + c |h|) with c = (m + 8) 2^-52 covers the rounding of
        the weights, the products in any order, and the computation of the bound itself.
        """
        c = (len(self.weight) + 8) * _EPS
        work = self.work[: len(h)]
        np.abs(h, out=work)
        np.multiply(work, c, out=work)
        np.add(work, e, out=work)
        error = self.error[: len(h), : ez.shape[1]]
        np.matmul(work, self.magnitude[:, columns], out=error)
        np.multiply(error, _TO_SINGLE + 2.0 * c, out=error)
        np.add(error, _UNDERFLOW, out=ez, casting="same_kind")
        np.matmul(h, self.weight[:, columns], out=z)

    def activate(self, z: Floats, ez: Floats) -> None:
        """Replace z by a(z) and ez by a bound of its error, in place."""
        if self.slope == 0.0:
            np.maximum(z, 0.0, out=z)
            return
        negative = np.minimum(z, 0.0)
        np.maximum(z, 0.0, out=z)
        np.multiply(negative, self.slope, out=negative)
        np.add(z, negative, out=z)
        # The rounded slope and its product are each wrong by at most one unit roundoff.
        np.multiply(ez, max(1.0, abs(self.slope)) * (1.0 + 8.0 * _EPS), out=ez)
        np.abs(negative, out=negative)
        np.multiply(negative, 4.0 * _EPS, out=negative)
        np.add(ez, negative, out=ez)
        np.add(ez, _UNDERFLOW, out=ez)


class FloatNetwork:
    """The hidden layers in float64, each entry the nearest float of the exact one."""

    def __init__(self, network: Network, domains: Sequence[Domain]) -> None:
        self.layers = [
            FloatLayer.of(layer.weight, layer.bias, layer.slope) for layer in network.hidden
        ]
        boxes = (domain for domain in domains if isinstance(domain, Box))
        bounds = [t for box in boxes for t in (*box.lo, *box.hi)]
        self.is_in_range = self._reach(nearest_floats(bounds)) < _RANGE

    def _reach(self, coordinates: Sequence[float]) -> float:
        """Return a bound of every activation and every weight, in floats."""
        reach = max([1.0, *map(abs, coordinates)])
        with np.errstate(over="ignore", invalid="ignore"):
            for layer in self.layers:
                growth = float(layer.magnitude.sum(axis=0).max())
                reach *= max(1.0, growth) * max(1.0, abs(layer.slope)) * 2.0
        # A product of infinity and zero is nothing to rely on.
        return reach if reach == reach else inf

    def preactivations(
        self, x: Floats, ex: Floats, layer: int, columns: slice, z: Floats, ez: Bounds
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
        if not self.is_in_range:
            z[:], ez[:] = 0.0, inf
            return
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for start in range(0, len(x), _CHUNK):
                rows = slice(start, start + _CHUNK)
                h, e = x[rows], ex[rows]
                for inner, following in pairwise(self.layers[: layer + 1]):
                    size = len(h)
                    following.h[:size, 0], following.e[:size, 0] = h[:, 0], e[:, 0]
                    z_inner, e_inner = following.h[:size, 1:], following.e[:size, 1:]
                    inner.affine(slice(None), h, e, z_inner, e_inner)
                    inner.activate(z_inner, e_inner)
                    h, e = following.h[:size], following.e[:size]
                self.layers[layer].affine(columns, h, e, z[rows], ez[rows])


class ExactVertices:
    """Exact homogeneous integer coordinates of vertices, computed when asked for and kept.

    A vertex is a corner of a domain or the point of an edge (a, b) where a neuron's preactivation
    is zero: with integer values Z_a, Z_b of opposite signs it is |Z_b| a + |Z_a| b up to a
    positive factor, in homogeneous coordinates.
    """

    def __init__(self, network: Network, domains: Sequence[Domain]) -> None:
        self.network = network
        self.domains = tuple(domains)
        self.dim = network.num_inputs
        self.neurons = [
            (layer, k) for layer, width in enumerate(network.widths) for k in range(width)
        ]
        self._known: dict[int, tuple[fmpz, ...]] = {}

    @property
    def integers(self) -> IntegerNetwork:
        """Return the integer form of the network, made when first used."""
        return self.network.integers

    def coordinates(
        self, vertices: Iterable[int], parents: NDArray[np.int32]
    ) -> list[tuple[fmpz, ...]]:
        """Return (X_0, ..., X_d) of each vertex, in lowest terms; X_0 = 0 for directions."""
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
                known[v] = corner_point(self.domains[b], neuron)
                continue
            batches.setdefault(neuron, []).append(v)
            stack += (a, b)
        # Parents are made by earlier neurons, so ascending neurons is an order of creation.
        for neuron in sorted(batches):
            self._cross(neuron, batches[neuron], parents)

    def _cross(self, neuron: int, vertices: list[int], parents: NDArray[np.int32]) -> None:
        """Compute vertices that one neuron made, from their roots."""
        layer, k = self.neurons[neuron]
        known = self._known
        ends = sorted({int(p) for v in vertices for p in parents[v, :2]})
        columns = [known[p] for p in ends]
        points = fmpz_mat([list(row) for row in zip(*columns, strict=True)])
        z, _ = self.integers.evaluate(points, layer, [k])[-1]
        value = {p: abs(z[0, i]) for i, p in enumerate(ends)}
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
    if numerator == denominator:
        return 1.0, 0.0
    value = nearest_float(int(numerator), int(denominator))
    # Twice the rounding of the value, so that storing the bound as float32 cannot lower it below.
    return value, abs(value) * (2.0 * _EPS) + _UNDERFLOW if isfinite(value) else inf

"""Exact signs at float speed: preactivations with proven bounds, and integers for the rest.

A value is trusted as far as its bound says and no further; docs/error_analysis.md derives every
constant. Setting ``factor`` of the engine to infinity makes the filter reject everything, and the
same result must come out of integers alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.complex.kernels import SIGN_FLOOR, TO_SINGLE, UNIT_ROUNDOFF
from exactbn.engines.complex.start import NEAREST_ROUNDING, axis_exponents, corner_points
from exactbn.errors import StructureError
from exactbn.exact.rational import nearest_float, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.evaluation import IntegerNetwork
from exactbn.model.network import Network

if TYPE_CHECKING:
    from scipy.sparse import csc_array

Floats = NDArray[np.float64]
#: A matrix of weights, sparse where it is large and has few of them.
Weights: TypeAlias = "Floats | csc_array"
#: Features at some points, the constant first, and a bound of the length of their errors at each.
State = tuple[Floats, Floats]
Bounds = NDArray[np.float64] | NDArray[np.float32]
#: Looks at the clock, and raises an exception when time is up.
Pause = Callable[[], None]

# The constants of the bounds that the kernels do not need, named as in docs/error_analysis.md.
#: More than the squares of a length can lose when they underflow.
LENGTH_FLOOR = 2.0**-500
#: A neuron whose weights are shorter is not scaled.
LEAST_LENGTH = 2.0**-400
#: Below this bound of all numbers nothing overflows, squares included, and SIGN_FLOOR covers
#: denormal weights.
RANGE_LIMIT = 2.0**500
# Rows of vertices that are evaluated at once: their layers fit a second-level cache.
_CHUNK = 256
# Vertices that are computed in integers at once, between two looks at the clock.
_BATCH = 16


def _no_pause() -> None:
    """Do not look at the clock."""


@dataclass(frozen=True, eq=False)
class FloatBlock:
    """A block rounded to float64, for inputs whose columns the blocks before it have scaled.

    ``weight`` has shape (1 + m, n), the bias first; unit k is divided by 2^exponent[k], which
    brings the length of its column near 1. ``norm`` (n,) bounds these lengths, and ``spread`` the
    length of ``norm``. ``sources`` are the blocks whose features it reads, 0 the inputs, and of
    each the columns, None for all of the only one. ``h`` is room for a chunk of activations
    (1, a(z)): memory is asked for once, since fresh pages cost more than the arithmetic.
    """

    weight: Weights
    exponent: NDArray[np.int32]
    norm: Floats
    spread: float
    slope: Floats
    sources: tuple[tuple[int, NDArray[np.int64] | None], ...]
    h: Floats

    @property
    def rounding(self) -> float:
        """Return c: rounding takes at most c |weight| |h| from a product, see the analysis."""
        return (int(self.weight.shape[0]) + 5) * UNIT_ROUNDOFF

    @cached_property
    def growth(self) -> float:
        """Return a bound of the activations' derivatives."""
        return max(1.0, float(np.abs(self.slope).max()))

    def inputs(self, states: Sequence[State], lead: Floats) -> State:
        """Return the features that the block reads, and a bound of the length of their errors.

        Of each block before it ``states`` has the same, the leading 1 with its error ``lead``
        included.
        """
        (first, columns), *others = self.sources
        if columns is None:
            return states[first]
        parts = [states[first][0][:, :1]]
        bound = lead
        for source, columns in self.sources:
            h, error = states[source]
            parts.append(h[:, columns])
            bound = bound + error
        return np.concatenate(parts, axis=1), bound

    def activations(self, h: Floats, bound: Floats, lead: Floats) -> State:
        """Return (1, a(W h)) and a bound of the length of its error vector at each point.

        ``bound`` is the same of ``h``. The leading 1 of h is carried along with its own error, of
        which ``lead`` is a bound.
        """
        result = self.h[: len(h)]
        result[:, 0] = h[:, 0]
        z = result[:, 1:]
        _multiply(h, self.weight, z)
        if not self.slope.any():
            np.maximum(z, 0.0, out=z)
        else:
            negative = np.minimum(z, 0.0)
            np.maximum(z, 0.0, out=z)
            np.multiply(negative, self.slope, out=negative)
            np.add(z, negative, out=z)
        return result, lead + self.error(h, bound) * (self.growth * self.spread)

    def preactivations(
        self, columns: slice, h: Floats, bound: Floats, z: Floats, ez: Bounds
    ) -> None:
        """Write W h of some units to z and bounds of its error to ez."""
        _multiply(h, self.weight[:, columns], z)
        error = self.error(h, bound)[:, None] * (self.norm[columns] * TO_SINGLE)
        np.add(error, SIGN_FLOOR, out=ez, casting="same_kind")

    def error(self, h: Floats, bound: Floats) -> Floats:
        """Return L at each point such that unit k of W h is wrong by at most L |W_k|.

        |fl(W_k h) - W_k h*| <= |W_k| . ((1 + c) |h - h*| + c |h|) holds with absolute values taken
        entry by entry; by Cauchy and Schwarz lengths do, one number a point in place of a second
        product of matrices.
        """
        c = self.rounding
        length = np.sqrt(np.einsum("ij,ij->i", h, h))
        result: Floats = (bound + c * length + LENGTH_FLOOR) * (1.0 + 8.0 * c)
        return result


class FloatNetwork:
    """The hidden blocks in float64, each entry the nearest float of the exact one.

    Inputs are read as coordinates in the units of :func:`axis_exponents`.
    """

    def __init__(self, network: Network, domains: Sequence[Domain]) -> None:
        # The exponents by which the features, the constant first, are scaled.
        exponents = axis_exponents(domains)
        starts = [0, len(exponents)]
        reach = 1.0
        self.blocks: list[FloatBlock] = []
        # What weights lose when they underflow is multiplied by the units.
        units_in_range = 2.0 ** min(int(exponents.max()), 1000) < RANGE_LIMIT
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for block, rounded_block in zip(network.blocks, network.floats):
                features = np.array([0, *block.columns])
                weight = _scaled(rounded_block, exponents[features], None)
                slope = np.array(nearest_floats(block.slopes))
                floats = _float_block(weight, slope, _sources(features[1:], starts))
                self.blocks.append(floats)
                exponents = np.append(exponents, floats.exponent)
                starts.append(len(exponents))
                sums = map(_greatest_sum, (weight, floats.weight))
                reach *= max(1.0, *sums) * floats.growth * 2.0
        #: Whether nothing overflows; a product of infinity and zero is nothing to rely on.
        self.is_in_range = units_in_range and reach < RANGE_LIMIT

    def preactivations(
        self, x: Floats, ex: Floats, block: int, columns: slice, z: Floats, ez: Bounds
    ) -> None:
        """Write the preactivations of some units and their error bounds to z and ez.

        Those of unit k are divided by 2^exponent[k] of its block.

        Parameters
        ----------
        x, ex : (m, 1 + d)
            Homogeneous coordinates and bounds of their errors, in the units of the axes.
        block, columns
            The block, and the units of it.
        z, ez : (m, width)
            Results: |z - exact| <= ez, with ez > 0.
        """
        if not self.is_in_range:
            z[:], ez[:] = 0.0, inf
            return
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for start in range(0, len(x), _CHUNK):
                rows = slice(start, start + _CHUNK)
                lead = ex[rows, 0]
                states = [(x[rows], np.sqrt(np.einsum("ij,ij->i", ex[rows], ex[rows])))]
                for inner in self.blocks[:block]:
                    states.append(inner.activations(*inner.inputs(states, lead), lead))
                last = self.blocks[block]
                last.preactivations(columns, *last.inputs(states, lead), z[rows], ez[rows])


def _sources(
    features: NDArray[np.int64], starts: Sequence[int]
) -> tuple[tuple[int, NDArray[np.int64] | None], ...]:
    """Return the blocks that hold some features, and the columns of each, see FloatBlock.

    ``starts[i]`` is the first feature of source i, where the inputs are source 0 and begin with
    the constant; a column is one of (1, features of the source).
    """
    sources: list[tuple[int, NDArray[np.int64] | None]] = []
    for source, (start, stop) in enumerate(zip(starts, starts[1:])):
        own = features[(features >= start) & (features < stop)]
        if len(own):
            sources.append((source, own - start + (source > 0)))
    (source, columns), *others = sources
    start, stop = starts[source], starts[source + 1]
    if not others and len(features) == stop - start - (source == 0):
        return ((source, None),)
    return tuple(sources)


def _multiply(h: Floats, weight: Weights, out: Floats) -> None:
    """Write h @ weight to ``out``."""
    if isinstance(weight, np.ndarray):
        np.matmul(h, weight, out=out)
    else:
        out[:] = (weight.T @ h.T).T


def _scaled(
    weight: Weights, rows: NDArray[np.int32] | None, columns: NDArray[np.int32] | None
) -> Weights:
    """Return weights with rows and columns multiplied by powers of two of these exponents."""
    if isinstance(weight, np.ndarray):
        if rows is not None:
            weight = np.ldexp(weight, rows[:, None])
        return weight if columns is None else np.ldexp(weight, columns)
    from scipy.sparse import csc_array

    values = weight.data
    if rows is not None:
        values = np.ldexp(values, rows[weight.indices])
    if columns is not None:
        values = np.ldexp(values, np.repeat(columns, np.diff(weight.indptr)))
    return csc_array((values, weight.indices, weight.indptr), shape=weight.shape)


def _float_block(
    weight: Weights, slope: Floats, sources: tuple[tuple[int, NDArray[np.int64] | None], ...]
) -> FloatBlock:
    """Return a block with its units scaled."""
    norm = _lengths(weight) + LENGTH_FLOOR
    exponent = np.where(np.isfinite(norm), np.frexp(norm)[1], 0).astype(np.int32)
    # What its weights have lost when they underflowed must not become large.
    exponent[norm <= LEAST_LENGTH] = 0
    weight, norm = _scaled(weight, None, -exponent), np.ldexp(norm, -exponent)
    room = np.empty((_CHUNK, 1 + len(norm)))
    return FloatBlock(
        weight, exponent, norm, float(_lengths(norm)), slope, sources, room
    )


def _greatest_sum(columns: Weights) -> float:
    """Return the greatest sum of the absolute values in a column."""
    absolute: Any = abs(columns)
    return float(absolute.sum(axis=0).max())


def _lengths(columns: Weights) -> Floats:
    """Return upper bounds of the lengths of the columns, but for squares that underflow."""
    inflation = 1.0 + 2.0 * (columns.shape[0] + 8) * UNIT_ROUNDOFF
    result: Floats = np.sqrt((columns * columns).sum(axis=0)) * inflation
    return result


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
            (block, k) for block, width in enumerate(network.widths) for k in range(width)
        ]
        self._corner = list(map(corner_points, domains))
        self._known: dict[int, tuple[fmpz, ...]] = {}

    @property
    def integers(self) -> IntegerNetwork:
        """Return the integer form of the network, made when first used."""
        return self.network.integers

    @cached_property
    def exponents(self) -> list[int]:
        """Return the exponents of the units in which floats see x_0, ..., x_d."""
        return [int(exponent) for exponent in axis_exponents(self.domains)]

    def nearest(self, point: Sequence[fmpz], length: fmpz) -> list[tuple[float, float]]:
        """Return the nearest floats of point / length in the units of the axes, and bounds."""
        return [rounded(t, length, e) for t, e in zip(point, self.exponents, strict=True)]

    def coordinates(
        self, vertices: Iterable[int], parents: NDArray[np.int32], pause: Pause = _no_pause
    ) -> list[tuple[fmpz, ...]]:
        """Return (X_0, ..., X_d) of each vertex, in lowest terms; X_0 = 0 for directions.

        ``pause`` is called now and then and may raise an exception; what is known by then is kept.
        """
        wanted = [int(v) for v in vertices]
        self._resolve(wanted, parents, pause)
        return [self._known[v] for v in wanted]

    def points(
        self, vertices: Iterable[int], parents: NDArray[np.int32], pause: Pause = _no_pause
    ) -> fmpz_mat:
        """Return the same as the columns of an integer matrix."""
        columns = self.coordinates(vertices, parents, pause)
        return fmpz_mat([list(row) for row in zip(*columns, strict=True)])

    def _resolve(self, wanted: list[int], parents: NDArray[np.int32], pause: Pause) -> None:
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
                known[v] = self._corner[b](neuron)
                continue
            batches.setdefault(neuron, []).append(v)
            stack += (a, b)
        # Parents are made by earlier neurons, so ascending neurons is an order of creation.
        for neuron in sorted(batches):
            batch = batches[neuron]
            for start in range(0, len(batch), _BATCH):
                pause()
                self._cross(neuron, batch[start : start + _BATCH], parents)

    def _cross(self, neuron: int, vertices: list[int], parents: NDArray[np.int32]) -> None:
        """Compute vertices that one neuron made, from their roots."""
        block, k = self.neurons[neuron]
        known = self._known
        ends = sorted({int(p) for v in vertices for p in parents[v, :2]})
        columns = [known[p] for p in ends]
        points = fmpz_mat([list(row) for row in zip(*columns, strict=True)])
        z, _ = self.integers.evaluate_rows(points, block, [k])
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
    if divisor == 0:
        raise StructureError("a vertex has parents between which no point lies")
    return tuple(t // divisor for t in point)


def rounded(numerator: fmpz, denominator: fmpz, exponent: int = 0) -> tuple[float, float]:
    """Return the nearest float of a fraction in units of 2^exponent, and a bound of its error.

    The bound is 0 where the fraction is 0 or the unit 1 itself. The denominator is positive.
    """
    if numerator == 0:
        return 0.0, 0.0
    numerator, denominator = numerator << max(-exponent, 0), denominator << max(exponent, 0)
    if numerator == denominator:
        return 1.0, 0.0
    value = nearest_float(int(numerator), int(denominator))
    return value, abs(value) * NEAREST_ROUNDING + SIGN_FLOOR if isfinite(value) else inf

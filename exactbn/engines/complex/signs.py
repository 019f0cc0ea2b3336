"""Exact signs at float speed: preactivations with proven bounds, and integers for the rest.

A value is trusted as far as its bound says and no further; docs/error_analysis.md derives every
constant. Setting ``factor`` of the engine to infinity makes the filter reject everything, and the
same result must come out of integers alone.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import cached_property
from math import inf, isfinite, prod
from threading import Lock
from typing import NamedTuple

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.complex.carried import Carried, CarriedLayer, KeptFeatures
from exactbn.engines.complex.float_blocks import (
    CHUNK,
    Bounds,
    FloatBlock,
    Floats,
    Ints,
    States,
    cone,
    float_block,
    greatest_sum,
    points_at_once,
    scaled,
    sources_of,
)
from exactbn.engines.complex.kernels import SIGN_FLOOR, TO_SINGLE, UNIT_ROUNDOFF
from exactbn.engines.complex.start import NEAREST_ROUNDING, axis_exponents, corner_points
from exactbn.engines.complex.vanishing import vanishing
from exactbn.errors import StructureError
from exactbn.exact.rational import nearest_float, nearest_floats
from exactbn.model.domain import Domain
from exactbn.model.evaluation import IntegerNetwork
from exactbn.model.network import Network

#: Looks at the clock, and raises an exception when time is up.
Pause = Callable[[], None]
# Writes z and ez from coordinates x and bounds ex; the number of the first point is between them.
_Write = Callable[[Floats, Floats, int, Floats, Bounds], None]

#: Below this bound of all numbers nothing overflows, squares included, and SIGN_FLOOR covers
#: denormal weights.
RANGE_LIMIT = 2.0**500
# What is larger would overflow a float32.
LARGEST_BOUND = 2.0**126
# The layer from which on errors are bounded entry by entry, which is a second product: what they
# were in the first two is next to nothing yet, and a length does.
_DEEP = 2
# Vertices that are computed in integers at once, between two looks at the clock.
_BATCH = 16
# Vertices whose integers are kept for later: a few hundred bytes each.
_MOST_KNOWN = 1 << 17


# Returns the coordinates of corners of a domain, which are given by their numbers.
_Corners = Callable[[list[int]], list[tuple[fmpz, ...]]]


def _corners_of(domain: Domain) -> _Corners:
    """Return the function of the coordinates of a domain's corners."""
    at = corner_points(domain)
    return lambda numbers: list(map(at, numbers))


def _no_pause() -> None:
    """Do not look at the clock."""


class FloatNetwork:
    """The hidden blocks in float64, each entry the nearest float of the exact one.

    Inputs are read as coordinates in the units of :func:`axis_exponents`.
    """

    def __init__(self, network: Network, domains: Sequence[Domain]) -> None:
        self.is_chain = network.is_chain
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
                weight = scaled(rounded_block, exponents[features], None)
                slope = np.array(nearest_floats(block.slopes))
                floats = float_block(weight, slope, sources_of(features[1:], starts))
                self.blocks.append(floats)
                exponents = np.append(exponents, floats.exponent)
                starts.append(len(exponents))
                sums = map(greatest_sum, (weight, floats.weight))
                reach *= max(1.0, *sums) * floats.growth * 2.0
        #: What is zero with what it reads, block by block.
        self.vanishing = vanishing(network)
        #: Whether nothing overflows; a product of infinity and zero is nothing to rely on.
        self.is_in_range = units_in_range and reach < RANGE_LIMIT

    def preactivations(
        self,
        x: Floats,
        ex: Floats,
        block: int,
        columns: slice | Ints,
        z: Floats,
        ez: Bounds,
        alive: NDArray[np.uint64] | None = None,
        carried: Carried = None,
        first: int = 0,
    ) -> None:
        """Write the preactivations of some units and their error bounds to z and ez.

        Those of unit k are divided by 2^exponent[k] of its block.

        Parameters
        ----------
        x, ex : (m, 1 + d)
            Homogeneous coordinates and bounds of their errors, in the units of the axes.
        block, columns
            The block, and the units of it: of a chain any, of others those of a slice.
        z, ez : (m, width)
            Results: |z - exact| <= ez; ez is 0 only where the exact value is known to be 0.
        alive : (m, words), optional
            The bits of the units of earlier blocks whose features are not 0, 64 of one block a
            word; exact. Of no words, or None, when that is not known.
        carried, first
            Features of the blocks before this one, and the number of the first point among those
            that they are of. By default all is evaluated from the coordinates.
        """
        if self.is_in_range:
            if self.is_chain or not isinstance(columns, slice):
                size, write = self._of_chain(block, columns, carried)
            else:
                size, write = self._of_others(block, columns, carried)
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                for start in range(0, len(x), size):
                    rows = slice(start, start + size)
                    write(x[rows], ex[rows], first + start, z[rows], ez[rows])
        else:
            z[:], ez[:] = 0.0, inf
        if isinstance(columns, slice):  # of a chain it is never known that something vanishes
            self.vanishing[block].set_zeros(columns, z, ez, alive)

    def _of_chain(
        self, block: int, columns: slice | Ints, carried: Carried
    ) -> tuple[int, _Write]:
        """Return how many points are evaluated at once, and how: with one bound a layer."""

        def write(x: Floats, ex: Floats, first: int, z: Floats, ez: Bounds) -> None:
            if isinstance(carried, CarriedLayer):
                h, errors = carried.activations(x, ex, first)
                if block >= _DEEP:
                    last.preactivations_entrywise(h, errors, z, ez)
                    return
                bound = np.sqrt(np.einsum("ij,ij->i", errors, errors))
            else:
                h, bound = x, np.sqrt(np.einsum("ij,ij->i", ex, ex))
                for inner in self.blocks[:block]:
                    h, bound = inner.activations(h, bound, ex[:, 0])
            last.preactivations(h, bound, z, ez)

        last = self.blocks[block]
        if isinstance(carried, CarriedLayer):
            last = carried.reader(last, columns)
        else:
            last = last.part(columns)
        return CHUNK, write

    def _of_others(
        self, block: int, columns: slice, carried: Carried
    ) -> tuple[int, _Write]:
        """Return the same of a network whose rows read few features, each with its bound."""
        if isinstance(carried, KeptFeatures):
            before, last = [], carried.part(block, columns)
        else:
            *before, last = cone(self.blocks, block, columns)

        def write(x: Floats, ex: Floats, first: int, z: Floats, ez: Bounds) -> None:
            if isinstance(carried, KeptFeatures):
                states: States = carried.states(x, ex, first)
            else:
                states = own = [(x.T, ex.T)]
                for part in before:
                    own.append(part.activations(own))
            values, errors = last.preactivations(states)
            z[:] = values.T
            np.add(errors.T * TO_SINGLE, SIGN_FLOOR, out=ez, casting="same_kind")

        return points_at_once([*before, last]), write


class ExactVertices:
    """Exact homogeneous integer coordinates of vertices, computed when asked for.

    They are kept until they are too many, and then all of them are let go.

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
        self._corners: list[_Corners] = [_corners_of(domain) for domain in domains]
        #: Whether vertices are rays, of which only ratios of coordinates mean something.
        self.is_space = domains[0].box is None
        self._known: dict[int, tuple[fmpz, ...]] = {}
        # Pieces of one complex, cut on several threads, ask for its vertices.
        self._lock = Lock()

    def of_piece(self, parents: NDArray[np.int32]) -> "ExactVertices":
        """Return the vertices of a piece of this complex: its corners are vertices of this one.

        ``parents`` are those of this complex.
        """
        piece = copy(self)
        piece._corners = [lambda vertices: self.coordinates(vertices, parents)]
        piece._known, piece._lock = {}, Lock()
        return piece

    @property
    def integers(self) -> IntegerNetwork:
        """Return the integer form of the network, made when first used."""
        return self.network.integers

    @cached_property
    def exponents(self) -> list[int]:
        """Return the exponents of the units in which floats see x_0, ..., x_d."""
        return [int(exponent) for exponent in axis_exponents(self.domains)]

    def coordinates(
        self, vertices: Iterable[int], parents: NDArray[np.int32], pause: Pause = _no_pause
    ) -> list[tuple[fmpz, ...]]:
        """Return (X_0, ..., X_d) of each vertex, in lowest terms; X_0 = 0 for directions.

        ``pause`` is called now and then and may raise an exception; what is known by then is kept.
        """
        wanted = [int(v) for v in vertices]
        with self._lock:
            self._resolve(wanted, parents, pause)
            result = [self._known[v] for v in wanted]
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
        return result

    def points(
        self, vertices: Iterable[int], parents: NDArray[np.int32], pause: Pause = _no_pause
    ) -> fmpz_mat:
        """Return the same as the columns of an integer matrix."""
        columns = self.coordinates(vertices, parents, pause)
        return fmpz_mat([list(row) for row in zip(*columns, strict=True)])

    def _resolve(self, wanted: list[int], parents: NDArray[np.int32], pause: Pause) -> None:
        """Compute the wanted vertices and their ancestors, one batch a neuron."""
        batches: dict[int, list[int]] = {}
        corners: dict[int, list[tuple[int, int]]] = {}
        known, stack, seen = self._known, list(wanted), set()
        while stack:
            v = stack.pop()
            if v in known or v in seen:
                continue
            seen.add(v)
            a, b, neuron = (int(p) for p in parents[v])
            if a < 0:
                corners.setdefault(b, []).append((v, neuron))
                continue
            batches.setdefault(neuron, []).append(v)
            stack += (a, b)
        for domain, own in corners.items():
            points = self._corners[domain]([number for _, number in own])
            known.update(zip((v for v, _ in own), points, strict=True))
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


class Settled(NamedTuple):
    """Exact signs of some units at some vertices, one row a vertex; floats nearest to all there is.

    ``z``, ``ez`` have shape (m, units), ``x`` and ``ex`` (m, 1 + d).
    """

    signs: list[list[int]]
    z: Floats
    ez: Floats
    x: Floats
    ex: Floats


def settled(
    exact: ExactVertices,
    floats: FloatNetwork,
    points: fmpz_mat,
    block: int,
    units: list[int],
    x: Floats,
    ex: Floats,
) -> Settled:
    """Return the signs of units of a block at vertices, from integers.

    ``points`` are these vertices, as columns; ``x`` and ``ex`` the floats and bounds known of them.
    In a box the floats come out nearest to the exact coordinates, and so do the preactivations. A
    ray keeps the length that it has: of a coordinate of it the float is known with a bound, and a
    preactivation is its exact ratio to that, times the float.
    """
    integers = exact.integers
    values, _ = integers.evaluate_rows(points, block, units)
    exponents = floats.blocks[block].exponent[units].tolist()
    scales = [integers.blocks[block].scales[k] for k in units]
    slopes = prod((before.above for before in integers.blocks[:block]), start=fmpz(1))
    x, ex = (x.copy(), ex.copy()) if exact.is_space else nearest(exact, points)
    z, ez = np.empty((2, len(x), len(units)))
    signs = []
    for i in range(len(x)):
        point = [points[axis, i] for axis in range(points.nrows())]
        axis = int(np.abs(x[i]).argmax()) if exact.is_space else 0
        length = float(x[i, axis]), float(ex[i, axis])
        for row, (scale, exponent) in enumerate(zip(scales, exponents, strict=True)):
            above = values[row, i] * scale.denominator
            ratio = rounded(above, point[axis] * slopes * scale.numerator, exponent)
            z[i, row], bound = times(ratio, length)
            ez[i, row] = bound if bound < LARGEST_BOUND else inf
        own = (values[row, i] for row in range(len(units)))
        signs.append([int(value > 0) - int(value < 0) for value in own])
    return Settled(signs, z, ez, x, ex)


def nearest(exact: ExactVertices, points: fmpz_mat) -> tuple[Floats, Floats]:
    """Return the floats nearest to points of a box, and bounds of their errors, one row a point."""
    found = [
        [rounded(t, point[0], e) for t, e in zip(point, exact.exponents, strict=True)]
        for point in zip(*points.tolist(), strict=True)
    ]
    x, ex = np.moveaxis(np.array(found), 2, 0)
    return x, ex


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

    The bound is 0 where the fraction is 0 or the unit 1 itself, and infinite for a fraction over 0.
    """
    if numerator == 0:
        return 0.0, 0.0
    if denominator <= 0:
        if denominator == 0:
            return 0.0, inf
        numerator, denominator = -numerator, -denominator
    numerator, denominator = numerator << max(-exponent, 0), denominator << max(exponent, 0)
    if numerator == denominator:
        return 1.0, 0.0
    value = nearest_float(int(numerator), int(denominator))
    return value, abs(value) * NEAREST_ROUNDING + SIGN_FLOOR if isfinite(value) else inf


def times(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Return the product of two numbers that are given with bounds of their errors, in this form.

    |fl(a b) - a* b*| <= e_a (|b| + e_b) + |a| e_b + u |a b|, and what underflows. The bound may be
    stored as float32.
    """
    if (0.0, 0.0) in (a, b):
        return 0.0, 0.0
    value, error = a[0] * b[0], a[1] * (abs(b[0]) + b[1]) + abs(a[0]) * b[1]
    bound = (error + UNIT_ROUNDOFF * abs(value)) * TO_SINGLE + SIGN_FLOOR
    return value, bound if bound < inf else inf

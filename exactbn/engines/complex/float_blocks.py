"""Blocks of a network in float64, with proven bounds of their errors: docs/error_analysis.md.

Of a chain, whose rows read whole layers, one length bounds the errors of a layer at a point. Of
other networks each error is bounded on its own, by a second product, of absolute values: rows that
read few features are as cheap as that, and lengths of wide layers would tell nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.kernels import SIGN_FLOOR, TO_SINGLE, UNIT_ROUNDOFF

if TYPE_CHECKING:
    from scipy.sparse import csc_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: A matrix of weights, sparse where it is large and has few of them.
Weights: TypeAlias = "Floats | csc_array"
#: Features at some points, the constant first, and a bound of the length of their errors at each.
State = tuple[Floats, Floats]
Bounds = NDArray[np.float64] | NDArray[np.float32]
#: Features by source, and a bound of the error of each.
States: TypeAlias = Sequence[State] | Mapping[int, tuple[Floats, Bounds]]
#: A block whose features are read, 0 the inputs, and the columns of them; None for all.
Source = tuple[int, Ints | None]
#: A block whose features are read, and the columns that have a weight.
Read = tuple[int, Ints]

# The constants of the bounds that the kernels do not need, named as in docs/error_analysis.md.
#: More than the squares of a length can lose when they underflow.
LENGTH_FLOOR = 2.0**-500
#: A neuron whose weights are shorter is not scaled.
LEAST_LENGTH = 2.0**-400
# What it costs to gather a number, or to multiply by one of a sparse matrix, in dense products.
_GATHERED = 16
#: Rows of points that are evaluated at once: their layers fit a second-level cache.
CHUNK = 256


@dataclass(frozen=True, eq=False)
class FloatBlock:
    """A block rounded to float64, for inputs whose columns the blocks before it have scaled.

    ``weight`` has shape (1 + m, n), the bias first; unit k is divided by 2^exponent[k], which
    brings the length of its column near 1. ``norm`` (n,) bounds these lengths, and ``spread`` the
    length of ``norm``. ``sources`` are the blocks whose features it reads, 0 the inputs, and of
    each the columns, None for all of one alone, as in a chain. ``h`` is room for a chunk of
    activations (1, a(z)): memory is asked for once, since fresh pages cost more than the
    arithmetic.
    """

    weight: Weights
    exponent: NDArray[np.int32]
    norm: Floats
    spread: float
    slope: Floats
    sources: tuple[Source, ...]
    h: Floats

    @property
    def rounding(self) -> float:
        """Return c: rounding takes at most c |weight| |h| from a product, see the analysis."""
        return (int(self.weight.shape[0]) + 5) * UNIT_ROUNDOFF

    @cached_property
    def magnitude(self) -> Weights:
        """Return the absolute values of the weights."""
        absolute: Weights = abs(self.weight)  # type: ignore[assignment]
        return absolute

    @cached_property
    def growth(self) -> float:
        """Return a bound of the activations' derivatives."""
        return max(1.0, float(np.abs(self.slope).max()))

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

    def part(self, columns: slice | Ints, rows: Ints | None = None) -> "FloatBlock":
        """Return some units, for features of which all but some, ``rows``, are zero."""
        weight: Any = self.weight if rows is None else self.weight[rows]
        return replace(self, weight=weight[:, columns], norm=self.norm[columns])

    def preactivations(self, h: Floats, bound: Floats, z: Floats, ez: Bounds) -> None:
        """Write W h to z and bounds of its error to ez."""
        _multiply(h, self.weight, z)
        error = self.error(h, bound)[:, None] * (self.norm * TO_SINGLE)
        np.add(error, SIGN_FLOOR, out=ez, casting="same_kind")

    def preactivations_entrywise(
        self, h: Floats, errors: Floats, z: Floats, ez: Bounds
    ) -> None:
        """Write the same from a bound of the error of every entry of h, which is overwritten.

        That is a second product, with absolute weights.
        """
        _multiply(h, self.weight, z)
        c = self.rounding
        errors *= 1.0 + c
        errors += c * np.abs(h)
        bound = np.empty_like(z)
        _multiply(errors, self.magnitude, bound)
        bound *= (1.0 + 8.0 * c) * TO_SINGLE
        bound[np.isnan(bound)] = np.inf  # infinity times 0 is no bound
        np.add(bound, SIGN_FLOOR, out=ez, casting="same_kind")

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


@dataclass(frozen=True, eq=False)
class Groups:
    """A matrix in dense pieces, each for rows that have weights at the same places.

    A convolution is that: all its channels at one position read the same features. Of each piece
    there are the rows, the columns, and the weights; elsewhere it is zero.
    """

    num_rows: int
    pieces: tuple[tuple[Ints, Ints, Floats], ...]

    def __matmul__(self, h: Floats) -> Floats:
        """Return the product with the columns of h."""
        result = np.zeros((self.num_rows, h.shape[1]))
        for rows, columns, weight in self.pieces:
            result[rows] = weight @ h[columns]
        return result

    def __abs__(self) -> "Groups":
        """Return the absolute values."""
        return Groups(self.num_rows, tuple((r, c, abs(weight)) for r, c, weight in self.pieces))


def grouped(weight: Any) -> "Groups | None":
    """Return a matrix, dense or by rows, in pieces, or None where that would not be faster."""
    shape, is_dense = weight.shape, isinstance(weight, np.ndarray)
    groups: dict[bytes, list[int]] = {}
    for k in range(shape[0]):
        if is_dense:
            at = np.flatnonzero(weight[k])
        else:
            at = weight.indices[weight.indptr[k] : weight.indptr[k + 1]].astype(np.intp)
        groups.setdefault(at.tobytes(), []).append(k)
    columns = {key: np.frombuffer(key, dtype=np.intp) for key in groups}
    cost = sum(len(columns[key]) * (len(rows) + _GATHERED) for key, rows in groups.items())
    if cost > (shape[0] * shape[1] if is_dense else _GATHERED * weight.nnz) // 2:
        return None
    pieces = []
    for key, rows in groups.items():
        part = weight[rows][:, columns[key]]
        dense = part if is_dense else part.toarray()
        pieces.append((np.array(rows), columns[key], np.ascontiguousarray(dense)))
    return Groups(shape[0], tuple(pieces))


@dataclass(frozen=True, eq=False)
class Part:
    """Some units of a block, and of the weights those that they need.

    ``weight`` has shape (n, 1 + m), the bias first, ``magnitude`` its absolute values; ``sources``
    are the parts whose features it reads, 0 the inputs, and the rows of each, m in all. ``most`` is
    the greatest number of weights of a unit. Features are rows here, and points columns: so they
    are picked, and multiplied by sparse weights, without being moved.
    """

    weight: "Weights | Groups"
    magnitude: "Weights | Groups"
    most: int
    slope: Floats
    sources: tuple[tuple[int, Ints], ...]

    def preactivations(self, states: States) -> State:
        """Return the preactivations, shape (n, points), and a bound of the error of each.

        Of the inputs and each part before it ``states`` has the features, the constant first, with
        bounds. |fl(W_k h) - W_k h*| <= |W_k| . ((1 + c) |h - h*| + c |h|) entry by entry.
        """
        (constant, lead), sources = states[0], self.sources
        h = np.concatenate([constant[:1], *(states[t][0][rows] for t, rows in sources)])
        bounds = [lead[:1], *(states[t][1][rows] for t, rows in sources)]
        error = np.concatenate(bounds, dtype=np.float64)
        c = (self.most + 5) * UNIT_ROUNDOFF
        z: Floats = self.weight @ h
        error *= 1.0 + c
        error += c * np.abs(h)
        bound: Floats = self.magnitude @ error
        bound *= 1.0 + 8.0 * c
        bound[np.isnan(bound)] = np.inf  # infinity times 0 is no bound
        return z, bound

    def activations(self, states: States) -> State:
        """Return (1, a(z)), the constant that of the inputs, and a bound of the error of each.

        A unit of slope 0 that is off for certain is 0 without an error.
        """
        z, bound = self.preactivations(states)
        h, error = np.empty((2, 1 + len(z), z.shape[1]))
        h[0], error[0] = states[0][0][0], states[0][1][0]
        np.maximum(z, 0.0, out=h[1:])
        leaky = np.flatnonzero(self.slope)
        if len(leaky):
            slope = self.slope[leaky, None]
            h[1 + leaky] += slope * np.minimum(z[leaky], 0.0)
            error[1 + leaky] = bound[leaky] * np.maximum(1.0, np.abs(slope))
        z += bound
        z *= 1.0 + 4.0 * UNIT_ROUNDOFF
        np.maximum(z, 0.0, out=z)
        np.minimum(z, bound, out=z)
        off = np.flatnonzero(self.slope == 0.0)
        error[1 + off] = z[off] if len(leaky) else z
        return h, error


def points_at_once(parts: Sequence[Part]) -> int:
    """Return how many points are evaluated at once, so that features fit a second-level cache."""
    widest = max(len(part.slope) for part in parts)
    return max(32, min(CHUNK, 2**17 // widest))


def cone(blocks: Sequence[FloatBlock], last: int, columns: slice) -> list[Part]:
    """Return some units of a block, last, and what they depend on of the blocks before it.

    What is left out is read with the float weight 0, which adds nothing to a sum.
    """
    # Of each source, the columns that are read; the first column of every one is the constant's.
    wanted = {last + 1: np.arange(columns.start, columns.stop) + 1}
    parts: list[tuple[int, Ints, list[Read]]] = []
    for source in range(last + 1, 0, -1):
        if source not in wanted:
            continue
        rows, reads = _reads(blocks[source - 1], wanted[source] - 1)
        for earlier, at in reads:
            wanted[earlier] = np.union1d(wanted[earlier], at) if earlier in wanted else at
        parts.append((source, rows, reads))
    parts.reverse()
    numbers = {source: number for number, (source, _, _) in enumerate(parts, start=1)}
    result = []
    for source, rows, reads in parts:
        sources = [
            (numbers[t], 1 + np.searchsorted(wanted[t], at)) if t else (t, at) for t, at in reads
        ]
        result.append(_part(blocks[source - 1], rows, wanted[source] - 1, sources))
    return result


def part_of_kept(block: FloatBlock, columns: slice, kept: Mapping[int, Ints]) -> Part:
    """Return some units of a block, for states that hold the columns ``kept`` of each source.

    The others are 0, but those of source 0, the inputs, of which all are there.
    """
    units = np.arange(columns.start, columns.stop)
    rows, reads = _reads(block, units)
    own, sources, begin = [rows[:1]], [], 1
    for source, at in reads:
        these = rows[begin : begin + len(at)]
        begin += len(at)
        if source:
            is_kept = np.isin(at, kept.get(source, ()))
            these, at = these[is_kept], at[is_kept]
            at = np.searchsorted(kept[source], at) if len(at) else at
        if len(at):
            own.append(these)
            sources.append((source, at))
    return _part(block, np.concatenate(own), units, sources)


def last_readers(blocks: Sequence[FloatBlock], num_inputs: int) -> list[Ints]:
    """Return for each column of each source the last block that reads it, -1 for none."""
    result = [np.full(1 + num_inputs, -1)]
    result += (np.full(1 + len(block.slope), -1) for block in blocks)
    for number, block in enumerate(blocks):
        for source, at in _reads(block, np.arange(len(block.slope)))[1]:
            result[source][at] = number
    return result


def _reads(block: FloatBlock, units: Ints) -> tuple[Ints, list[Read]]:
    """Return the rows of the weights that units need, the bias among them, and what these read."""
    used = np.flatnonzero(_is_read(block.weight[:, units])[1:])
    reads: list[Read] = []
    begin = 0
    for source, own in block.sources:
        every = np.arange(1, block.weight.shape[0]) if own is None else own
        end = begin + len(every)
        at = every[used[(used >= begin) & (used < end)] - begin]
        begin = end
        if len(at):
            reads.append((source, at))
    return np.append(0, used + 1), reads


def _part(
    block: FloatBlock, rows: Ints, units: Ints, sources: Sequence[tuple[int, Ints]]
) -> Part:
    """Return some units of a block, and of their weights the rows that they need."""
    weight: Any = block.weight[:, units][rows].T
    weight = np.ascontiguousarray(weight) if isinstance(weight, np.ndarray) else weight.tocsr()
    most = int((weight != 0).sum(axis=1).max())
    weight = weight if (pieces := grouped(weight)) is None else pieces
    return Part(weight, abs(weight), most, block.slope[units], tuple(sources))


def _is_read(weight: Weights) -> NDArray[np.bool_]:
    """Return which rows of a matrix are not zero."""
    if isinstance(weight, np.ndarray):
        dense: NDArray[np.bool_] = (weight != 0).any(axis=1)
        return dense
    result = np.zeros(weight.shape[0], dtype=bool)
    result[weight.indices[weight.data != 0]] = True
    return result


def sources_of(features: Ints, starts: Sequence[int]) -> tuple[Source, ...]:
    """Return the blocks that hold some features, and the columns of each, see FloatBlock.

    ``starts[i]`` is the first feature of source i, where the inputs are source 0 and begin with
    the constant; a column is one of (1, features of the source).
    """
    sources: list[Source] = []
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


def scaled(
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


def float_block(
    weight: Weights, slope: Floats, sources: tuple[Source, ...]
) -> FloatBlock:
    """Return a block with its units scaled."""
    norm = _lengths(weight) + LENGTH_FLOOR
    exponent = np.where(np.isfinite(norm), np.frexp(norm)[1], 0).astype(np.int32)
    # What its weights have lost when they underflowed must not become large.
    exponent[norm <= LEAST_LENGTH] = 0
    weight, norm = scaled(weight, None, -exponent), np.ldexp(norm, -exponent)
    room = np.empty((CHUNK, 1 + len(norm)))
    return FloatBlock(
        weight, exponent, norm, float(_lengths(norm)), slope, sources, room
    )


def greatest_sum(columns: Weights) -> float:
    """Return the greatest sum of the absolute values in a column."""
    absolute: Any = abs(columns)
    return float(absolute.sum(axis=0).max())


def _lengths(columns: Weights) -> Floats:
    """Return upper bounds of the lengths of the columns, but for squares that underflow."""
    inflation = 1.0 + 2.0 * (columns.shape[0] + 8) * UNIT_ROUNDOFF
    result: Floats = np.sqrt((columns * columns).sum(axis=0)) * inflation
    return result

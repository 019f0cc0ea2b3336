"""Convolution, pooling and their like on tensors of rows: what every format means by these words.

A tensor has the shape (N, C, spatial sizes...). Windows are those of torch and ONNX alike: one
begins every ``stride`` entries, its entries lie ``dilation`` apart, and as many as ``padding``
(before, after) says are added around each axis. All is exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError
from exactbn.exact.normalization import Normalization
from exactbn.readers.wiring import (
    Row,
    Rows,
    Wiring,
    affine,
    combined,
    constant,
    elementwise,
    tensor,
)

#: Numbers, as a tensor of Fractions.
Numbers = NDArray[np.object_]


@dataclass(frozen=True)
class Windows:
    """Where the windows of a convolution or of a pooling lie, axis by axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil: bool = False

    def counts(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return how many windows there are along each axis of a tensor of these sizes."""
        counts = []
        for n, k, s, (before, after), d in zip(
            sizes, self.size, self.stride, self.padding, self.dilation, strict=True
        ):
            room = n + before + after - d * (k - 1) - 1
            if room < 0:
                raise DimensionError(
                    f"a window of {d * (k - 1) + 1} entries does not fit {n + before + after}, "
                    "padding included"
                )
            count = (room + (s - 1 if self.ceil else 0)) // s + 1
            # A window that would begin in the padding behind is left out.
            if self.ceil and (count - 1) * s >= n + before:
                count -= 1
            counts.append(count)
        return tuple(counts)

    def entries(
        self, sizes: Sequence[int]
    ) -> Iterator[tuple[tuple[int, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]]:
        """Yield of each window its place, and (place in the window, place in the tensor).

        Entries that lie in the padding are left out.
        """
        for place in product(*map(range, self.counts(sizes))):
            inside = []
            for k in product(*map(range, self.size)):
                at = tuple(
                    p * s - before + i * d
                    for p, s, (before, _), i, d in zip(
                        place, self.stride, self.padding, k, self.dilation, strict=True
                    )
                )
                if all(0 <= t < n for t, n in zip(at, sizes, strict=True)):
                    inside.append((k, at))
            yield place, inside

    def padded_count(self, place: Sequence[int], sizes: Sequence[int]) -> int:
        """Return how many entries of a window lie in the tensor or in its padding."""
        count = 1
        for p, n, k, s, (before, after), d in zip(
            place, sizes, self.size, self.stride, self.padding, self.dilation, strict=True
        ):
            count *= sum(p * s - before + i * d < n + after for i in range(k))
        return count


def convolve(
    rows: Rows, weight: Numbers, bias: Numbers | None, windows: Windows, groups: int = 1
) -> Rows:
    """Return the convolution with a weight of shape (O, C / groups, window sizes...)."""
    n, channels, *sizes = rows.shape
    outputs, depth, *size = weight.shape
    if len(size) != len(sizes):
        raise DimensionError(
            f"a weight of shape {weight.shape} is for {len(size)} axes, got a tensor of shape "
            f"{rows.shape}"
        )
    if channels != depth * groups or outputs % groups:
        raise DimensionError(
            f"a weight of shape {weight.shape} in {groups} groups takes {depth * groups} "
            f"channels, got {channels}"
        )
    each = outputs // groups
    shifts = [Fraction(0)] * outputs if bias is None else list(bias)
    result = np.empty((n, outputs, *windows.counts(sizes)), dtype=object)
    for place, inside in windows.entries(sizes):
        for g, item in product(range(groups), range(n)):
            own = slice(g * each, (g + 1) * each)
            block = rows[item, g * depth : (g + 1) * depth]
            inputs = [block[(c, *at)] for c in range(depth) for _, at in inside]
            matrix = tuple(
                tuple(weight[(o, c, *k)] for c in range(depth) for k, _ in inside)
                for o in range(own.start, own.stop)
            )
            for o, row in enumerate(affine(inputs, matrix, tuple(shifts[own])), own.start):
                result[(item, o, *place)] = row
    return result


def max_pool(wiring: Wiring, rows: Rows, windows: Windows) -> Rows:
    """Return the greatest entry of each window; what lies in the padding does not count."""
    n, channels, *sizes = rows.shape
    places = list(windows.entries(sizes))
    groups = []
    for item, c in product(range(n), range(channels)):
        for _, inside in places:
            if not inside:
                raise DimensionError("a window of a maximum lies in the padding altogether")
            groups.append([rows[(item, c, *at)] for _, at in inside])
    return tensor(wiring.maximum(groups), (n, channels, *windows.counts(sizes)))


def average_pool(
    rows: Rows, windows: Windows, *, with_padding: bool = True, divisor: int | None = None
) -> Rows:
    """Return the mean of each window, where padding counts as zeros or not at all."""
    n, channels, *sizes = rows.shape
    result = np.empty((n, channels, *windows.counts(sizes)), dtype=object)
    for place, inside in windows.entries(sizes):
        count = windows.padded_count(place, sizes) if with_padding else len(inside)
        if not count:
            raise DimensionError("a window of a mean lies in the padding altogether")
        for item, c in product(range(n), range(channels)):
            entries = [rows[(item, c, *at)] for _, at in inside]
            result[(item, c, *place)] = mean(entries, divisor or count)
    return result


def adaptive_average(rows: Rows, counts: Sequence[int | None]) -> Rows:
    """Return the means of as many parts of each axis as are asked for, as equal as they can be."""
    n, channels, *sizes = rows.shape
    wanted = [size if count is None else count for size, count in zip(sizes, counts, strict=True)]
    parts = [
        [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        for size, count in zip(sizes, wanted, strict=True)
    ]
    result = np.empty((n, channels, *wanted), dtype=object)
    for place in product(*map(range, wanted)):
        inside = list(product(*(parts[axis][i] for axis, i in enumerate(place))))
        for item, c in product(range(n), range(channels)):
            result[(item, c, *place)] = mean([rows[(item, c, *at)] for at in inside], len(inside))
    return result


def mean(entries: Sequence[Row], divisor: int = 0) -> Row:
    """Return the sum of rows divided by a number, their count if it is 0."""
    share = Fraction(1, divisor or len(entries))
    if not entries:
        return constant(Fraction(0))
    return affine(entries, ((share,) * len(entries),), (Fraction(0),))[0]


def reduced(rows: Rows, axes: Sequence[int], *, keep: bool, divide: bool) -> Rows:
    """Return the sums, or the means, along some axes."""
    count = 1
    for axis in axes:
        count *= rows.shape[axis]
    kept = [axis for axis in range(rows.ndim) if axis not in axes]
    flat = np.transpose(rows, (*kept, *axes)).reshape(-1, count)
    result = tensor((mean(list(t), 0 if divide else 1) for t in flat),
                    tuple(rows.shape[axis] for axis in kept))  # fmt: skip
    return np.expand_dims(result, tuple(axes)) if keep else result


def multiply(rows: Rows, weight: Numbers, bias: Numbers | None) -> Rows:
    """Return rows @ weight + bias along the last axis; weight has shape (in, out)."""
    if weight.ndim != 2 or rows.shape[-1] != weight.shape[0]:
        raise DimensionError(
            f"a matrix of shape {weight.shape} does not multiply a tensor of shape {rows.shape}"
        )
    matrix = tuple(map(tuple, weight.T.tolist()))
    shifts = (Fraction(0),) * len(matrix)
    if bias is not None:
        shifts = tuple(np.broadcast_to(bias, (len(matrix),)).tolist())
    flat = rows.reshape(-1, rows.shape[-1])
    results = [row for line in flat for row in affine(list(line), matrix, shifts)]
    return tensor(results, (*rows.shape[:-1], len(matrix)))


def matrix_product(rows: Rows, weight: Numbers, *, is_left: bool = False) -> Rows:
    """Return rows @ weight, or weight @ rows, as numpy's matmul does it: stacks of matrices."""
    a, b = (weight, rows) if is_left else (rows, weight)
    if not a.ndim or not b.ndim:
        raise DimensionError("a single number has no product as a matrix")
    left = a if a.ndim > 1 else a[None]
    right = b if b.ndim > 1 else b[:, None]
    if is_left:  # (A B)^T = B^T A^T
        turned = _stacked(np.swapaxes(right, -1, -2), np.swapaxes(left, -1, -2))
        result = np.swapaxes(turned, -1, -2)
    else:
        result = _stacked(left, right)
    if a.ndim == 1:
        result = result[..., 0, :]
    return result[..., 0] if b.ndim == 1 else result


def _stacked(rows: Rows, weight: Numbers) -> Rows:
    """Return the products of stacks of matrices, broadcast against each other."""
    if weight.ndim == 2:
        return multiply(rows, weight, None)
    stack = np.broadcast_shapes(rows.shape[:-2], weight.shape[:-2])
    left = np.broadcast_to(rows, (*stack, *rows.shape[-2:]))
    right = np.broadcast_to(weight, (*stack, *weight.shape[-2:]))
    parts = np.empty((*stack, rows.shape[-2], weight.shape[-1]), dtype=object)
    for place in np.ndindex(stack):
        parts[place] = multiply(left[place], right[place], None)
    return parts


def add(a: Rows, b: Rows, factor: Fraction = Fraction(1)) -> Rows:
    """Return a + factor * b, broadcast against each other."""
    return elementwise(lambda s, t: combined(s, t, factor), a, b)


def shift(rows: Rows, numbers: Numbers, factor: Fraction = Fraction(1)) -> Rows:
    """Return rows + factor * numbers, broadcast against each other."""
    one = Fraction(1)
    return elementwise(lambda row, t: row.scaled(one, factor * t), rows, numbers)


def scale(rows: Rows, numbers: Numbers) -> Rows:
    """Return rows * numbers, broadcast against each other."""
    return elementwise(Row.scaled, rows, numbers)


def divide(rows: Rows, numbers: Numbers) -> Rows:
    """Return rows / numbers, broadcast against each other."""
    if not all(numbers.ravel()):
        raise InputError("a divisor is 0")
    return elementwise(lambda row, t: row.scaled(1 / t), rows, numbers)


def normalize(rows: Rows, normalization: Normalization) -> Rows:
    """Return gamma (t - mean) / sigma + beta, channel by channel (policy "rounded")."""
    factors, shifts = normalization.scale_and_shift()
    if rows.ndim < 2 or rows.shape[1] != len(factors):
        raise DimensionError(
            f"a batch normalization of {len(factors)} channels, got a tensor of shape {rows.shape}"
        )
    a, c = (per_channel(np.array(t, dtype=object), rows.ndim) for t in (factors, shifts))
    return elementwise(Row.scaled, rows, a, c)


def clip(wiring: Wiring, rows: Rows, low: Fraction | None, high: Fraction | None) -> Rows:
    """Return the entries between two ends, either of which may be missing."""
    if low is not None and high is not None:
        return wiring.clip(rows, low, high)
    end = high if low is None else low
    if end is None:
        return rows
    sign = Fraction(1 if high is None else -1)
    # max(t, c) = c + relu(t - c), and min(t, c) = c - relu(c - t).
    normalized = wiring.normalized(rows, is_idle=sign == 1 and end <= 0)
    over = elementwise(lambda row: row.scaled(sign, -sign * end), normalized)
    units = wiring.switched(over, _number(Fraction(0)))
    return elementwise(lambda row: row.scaled(sign, end), units)


def extreme(wiring: Wiring, tensors: Sequence[Rows], sign: int) -> Rows:
    """Return the greatest, or for -1 the least, entry of tensors broadcast against each other."""
    joined = np.broadcast_arrays(*tensors)
    groups = list(zip(*(part.ravel() for part in joined), strict=True))
    return tensor(wiring.maximum(groups, sign), joined[0].shape)


def extreme_along(
    wiring: Wiring, rows: Rows, axes: Sequence[int], *, keep: bool, sign: int = 1
) -> Rows:
    """Return the greatest entries, or for -1 the least, along some axes."""
    kept = [axis for axis in range(rows.ndim) if axis not in axes]
    moved = np.transpose(rows, (*kept, *axes))
    shape = moved.shape[: len(kept)]
    groups = [list(t) for t in moved.reshape(int(np.prod(shape, dtype=np.int64)), -1)]
    result = tensor(wiring.maximum(groups, sign), shape)
    return np.expand_dims(result, tuple(axes)) if keep else result


def _number(value: Fraction) -> Numbers:
    """Return a number as a tensor without axes."""
    result = np.empty((), dtype=object)
    result[()] = value
    return result


def per_channel(values: Numbers, ndim: int) -> Numbers:
    """Return one number a channel in the shape that multiplies a tensor of so many axes."""
    return values.reshape((1, -1) + (1,) * (ndim - 2))


def padded(rows: Rows, widths: Sequence[tuple[int, int]], value: Fraction) -> Rows:
    """Return a tensor with a number around it; negative widths cut entries off."""
    cut = tuple(slice(max(-a, 0), size - max(-b, 0)) for size, (a, b) in zip(rows.shape, widths))
    inner = rows[cut]
    if 0 in inner.shape:
        raise DimensionError("a padding cuts off everything")
    edges = [(max(a, 0), max(b, 0)) for a, b in widths]
    shape = tuple(n + a + b for n, (a, b) in zip(inner.shape, edges))
    result = tensor([constant(value)] * int(np.prod(shape)), shape)
    result[tuple(slice(a, a + n) for n, (a, _) in zip(inner.shape, edges))] = inner
    return result


def same_padding(
    sizes: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int],
    *, more_before: bool = False,
) -> tuple[tuple[int, int], ...]:  # fmt: skip
    """Return the padding by which there are as many windows as steps of the stride."""
    result = []
    for n, k, s, d in zip(sizes, size, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        less, more = total // 2, total - total // 2
        result.append((more, less) if more_before else (less, more))
    return tuple(result)


def checked_size(values: Sequence[int], what: str, least: int) -> None:
    """Raise InputError unless all numbers of a window are large enough."""
    if any(value < least for value in values):
        raise InputError(f"{what} is {tuple(values)}, expected at least {least} each")

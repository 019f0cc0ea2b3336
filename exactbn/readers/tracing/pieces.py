"""Activations, maxima and pooling of traced tensors, with torch's arguments."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from exactbn.errors import UnsupportedLayerError
from exactbn.exact.rational import to_fraction
from exactbn.readers import operations
from exactbn.readers.operations import Windows
from exactbn.readers.tracing.symbols import (
    Traced,
    axes_of,
    is_traced,
    numbers_of,
    one_an_axis,
    refused,
)
from exactbn.readers.wiring import constant, elementwise, tensor

#: What torch's leaky ReLU takes for its slope.
_LEAKY = to_fraction(float("0.01"))


def _activated(x: Traced, slope: Any) -> Traced:
    return x.like(x.run.wiring.activation(x.rows, numbers_of(slope, "slope")))


def relu(x: Traced, inplace: bool = False) -> Traced:
    return _activated(x, 0)


def leaky_relu(x: Traced, negative_slope: Any = _LEAKY, inplace: bool = False) -> Traced:
    return _activated(x, negative_slope)


def prelu(x: Traced, weight: Any) -> Traced:
    slopes = numbers_of(weight, "weight")
    shape = (1, -1) + (1,) * (x.rows.ndim - 2) if slopes.size > 1 else ()
    return x.like(x.run.wiring.activation(x.rows, slopes.reshape(shape)))


def clipped(x: Traced, low: Any, high: Any) -> Traced:
    wiring = x.run.wiring
    if low is not None and high is not None:
        return x.like(wiring.clip(x.rows, to_fraction(low, "min"), to_fraction(high, "max")))
    end = to_fraction(low if high is None else high, "bound")
    sign = Fraction(1 if high is None else -1)
    # max(t, c) = c + relu(t - c), and min(t, c) = c - relu(c - t).
    over = elementwise(lambda row: row.scaled(sign, -sign * end), x.rows)
    units = wiring.activation(over, numbers_of(0, "slope"))
    return x.like(elementwise(lambda row: row.scaled(sign, end), units))


def clamp(x: Traced, min: Any = None, max: Any = None) -> Traced:
    if min is None and max is None:
        return x
    for bound in (min, max):
        if is_traced(bound) or isinstance(bound, torch.Tensor):
            raise refused("a clamp between tensors")
    return clipped(x, min, max)


def hardtanh(x: Traced, min_val: Any = -1, max_val: Any = 1, inplace: bool = False) -> Traced:
    return clipped(x, min_val, max_val)


def relu6(x: Traced, inplace: bool = False) -> Traced:
    return clipped(x, 0, 6)


def absolute(x: Traced) -> Traced:
    return _activated(x, -1)


def extreme(sign: int) -> Callable[..., Traced]:
    def operation(x: Any, y: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(y, int) and not isinstance(y, bool):  # an axis
            raise refused("a maximum along an axis with its index; use amax")
        if y is None and dim is not None:
            raise refused("a maximum along an axis with its index; use amax")
        traced = x if is_traced(x) else y
        if y is None:
            return traced.like(traced.run.wiring.maximum([list(x.rows.ravel())], sign)[0])
        a, b = (
            t.rows if is_traced(t) else elementwise(constant, numbers_of(t, "number"))
            for t in (x, y)
        )
        a, b = np.broadcast_arrays(a, b)
        rows = traced.run.wiring.maximum(list(zip(a.ravel(), b.ravel())), sign)
        return traced.like(tensor(rows, a.shape))

    return operation


def extreme_along(sign: int) -> Callable[..., Traced]:
    def operation(x: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
        axes = axes_of(dim, x.rows.ndim)
        kept = [axis for axis in range(x.rows.ndim) if axis not in axes]
        moved = np.transpose(x.rows, (*kept, *axes))
        shape = moved.shape[: len(kept)]
        groups = [list(t) for t in moved.reshape(int(np.prod(shape, dtype=np.int64)), -1)]
        rows = tensor(x.run.wiring.maximum(groups, sign), shape)
        return x.like(np.expand_dims(rows, tuple(axes)) if keepdim else rows)

    return operation


def _pool_windows(
    axes: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    size = one_an_axis(kernel_size, axes)
    steps = size if stride is None or stride == [] else one_an_axis(stride, axes)
    edges = tuple((p, p) for p in one_an_axis(padding, axes))
    return Windows(size, steps, edges, one_an_axis(dilation, axes), bool(ceil_mode))


def max_pool(axes: int) -> Callable[..., Traced]:
    def operation(
        x: Traced, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Traced:  # fmt: skip
        if return_indices:
            raise refused("a maximum with its index")
        windows = _pool_windows(axes, kernel_size, stride, padding, dilation, ceil_mode)
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.max_pool(x.run.wiring, rows, windows)
        return x.like(result[0] if is_single else result)

    return operation


def average_pool(axes: int) -> Callable[..., Traced]:
    def operation(
        x: Traced, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Traced:  # fmt: skip
        windows = _pool_windows(axes, kernel_size, stride, padding, 1, ceil_mode)
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.average_pool(
            rows, windows, with_padding=count_include_pad, divisor=divisor_override
        )
        return x.like(result[0] if is_single else result)

    return operation


def adaptive(axes: int) -> Callable[..., Traced]:
    def operation(x: Traced, output_size: Any) -> Traced:
        sizes = output_size if isinstance(output_size, (tuple, list)) else [output_size] * axes
        is_single = x.rows.ndim == axes + 1
        rows = x.rows[None] if is_single else x.rows
        result = operations.adaptive_average(rows, sizes)
        return x.like(result[0] if is_single else result)

    return operation


def left_out(name: str) -> Callable[..., Traced]:
    def operation(x: Traced, *args: Any, **kwargs: Any) -> Any:
        if not x.run.logits:
            raise UnsupportedLayerError(
                f"{name} is not piecewise affine; with logits=True the network is read up to it, "
                "where it is the end"
            )
        x.run.final = name
        result = x.like(x.rows)
        result.is_final = True
        return result

    return operation

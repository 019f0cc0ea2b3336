"""Activations, maxima and pooling of traced tensors, with torch's arguments."""

from collections.abc import Callable
from typing import Any

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
from exactbn.readers.wiring import constant, elementwise

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
    ends = [None if end is None else to_fraction(end, what)
            for end, what in ((low, "min"), (high, "max"))]  # fmt: skip
    return x.like(operations.clip(x.run.wiring, x.rows, *ends))


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
        is_axis = isinstance(y, int) and not isinstance(y, bool)
        if is_axis or (y is None and dim is not None):
            raise UnsupportedLayerError(
                "a maximum along an axis with its index is not supported; amax and amin give the "
                "values alone"
            )
        traced = x if is_traced(x) else y
        if y is None:
            return traced.like(traced.run.wiring.maximum([list(x.rows.ravel())], sign)[0])
        a, b = (
            t.rows if is_traced(t) else elementwise(constant, numbers_of(t, "number"))
            for t in (x, y)
        )
        return traced.like(operations.extreme(traced.run.wiring, (a, b), sign))

    return operation


def extreme_along(sign: int) -> Callable[..., Traced]:
    def operation(x: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
        axes = axes_of(dim, x.rows.ndim)
        wiring = x.run.wiring
        return x.like(operations.extreme_along(wiring, x.rows, axes, keep=keepdim, sign=sign))

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


def max_pool_and_indices(x: Traced, *args: Any, **kwargs: Any) -> tuple[Traced, None]:
    return max_pool(2)(x, *args, **kwargs), None


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
                f"{name} is not piecewise affine; where it is the end, the network up to it is "
                "Network.from_torch(module, logits=True)"
            )
        x.run.final = name
        result = x.like(x.rows)
        result.is_final = True
        return result

    return operation

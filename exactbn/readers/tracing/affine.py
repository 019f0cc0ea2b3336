"""Affine operations on traced tensors, with torch's arguments."""

from collections.abc import Callable, Sequence
from typing import Any

from exactbn.errors import InputError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import Vector, to_fraction
from exactbn.readers import operations
from exactbn.readers.operations import Windows
from exactbn.readers.state_dict import DEFAULT_EPS
from exactbn.readers.tracing.symbols import (
    Traced,
    axes_of,
    check_dtype,
    is_traced,
    numbers_of,
    one_an_axis,
    refused,
)
from exactbn.readers.wiring import Rows


def linear(x: Traced, weight: Any, bias: Any = None) -> Traced:
    b = None if bias is None else numbers_of(bias, "bias")
    return x.like(operations.multiply(x.rows, numbers_of(weight, "weight").T, b))


def matmul(x: Any, y: Any) -> Traced:
    if is_traced(x) and is_traced(y):
        raise refused("a product of two tensors that depend on the input")
    if is_traced(x):
        return x.like(operations.matrix_product(x.rows, numbers_of(y, "factor")))
    product = operations.matrix_product(y.rows, numbers_of(x, "factor"), is_left=True)
    return _like(y, product)


def addmm(bias: Any, x: Traced, weight: Any, *, beta: Any = 1, alpha: Any = 1) -> Traced:
    return add(scaled(matmul(x, weight), alpha), bias, alpha=beta)


def convolution(axes: int) -> Callable[..., Traced]:
    def convolution(
        x: Traced, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Traced:  # fmt: skip
        return _convolved(axes, x, weight, bias, stride, padding, dilation, groups)

    return convolution


def _convolved(
    axes: int, x: Traced, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Traced:  # fmt: skip
    is_single = x.rows.ndim == axes + 1  # without a batch
    rows = x.rows[None] if is_single else x.rows
    size = tuple(weight.shape[2:])
    steps, gaps = one_an_axis(stride, axes), one_an_axis(dilation, axes)
    if padding == "same":
        edges = operations.same_padding(rows.shape[2:], size, steps, gaps)
    else:
        edges = tuple((p, p) for p in one_an_axis(0 if padding == "valid" else padding, axes))
    windows = Windows(size, steps, edges, gaps)
    b = None if bias is None else numbers_of(bias, "bias")
    result = operations.convolve(rows, numbers_of(weight, "weight"), b, windows, groups)
    return x.like(result[0] if is_single else result)


def general_convolution(
    x: Traced, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int, *flags: bool,
) -> Traced:  # fmt: skip
    if transposed:
        raise refused("a transposed convolution")
    axes = weight.ndim - 2
    return _convolved(axes, x, weight, bias, stride, padding, dilation, groups)


def _normalized(
    x: Traced, mean: Any, var: Any, weight: Any, bias: Any, training: bool, eps: float
) -> Traced:
    if x.run.statistics.kind == "running" and (training or mean is None or var is None):
        raise InputError(
            "a batch normalization without running statistics, or in train mode, depends on the "
            "batch; expected eval mode and track_running_stats, or a batch: "
            "from_torch(..., statistics='batch', data=points)"
        )

    def read(value: Any, what: str) -> Vector | None:
        return None if value is None else tuple(numbers_of(value, what).tolist())

    x.run.has_scale = True
    stored = Normalization(
        "BatchNorm", read(mean, "running_mean") or (), read(var, "running_var") or (),
        read(weight, "weight"), read(bias, "bias"), to_fraction(eps, "eps"),
    )  # fmt: skip
    return x.like(operations.normalize(x.rows, x.run.taken(x.rows, stored)))


def functional_batch_norm(
    x: Traced, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: Any = 0, eps: Any = DEFAULT_EPS,
) -> Traced:  # fmt: skip
    return _normalized(x, running_mean, running_var, weight, bias, training, eps)


def batch_norm(
    x: Traced, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: Any,
    eps: float, cudnn: bool = False,
) -> Traced:  # fmt: skip
    return _normalized(x, mean, var, weight, bias, training, eps)


def legit_batch_norm(
    x: Traced, weight: Any, bias: Any, mean: Any, var: Any, momentum: Any, eps: float
) -> tuple[Traced, None, None]:
    return _normalized(x, mean, var, weight, bias, False, eps), None, None


def add(x: Any, y: Any, *, alpha: Any = 1) -> Traced:
    factor = to_fraction(alpha, "alpha")
    if is_traced(x) and is_traced(y):
        return x.like(operations.add(x.rows, y.rows, factor))
    if is_traced(x):
        return x.like(operations.shift(x.rows, numbers_of(y, "summand"), factor))
    turned = operations.scale(y.rows, numbers_of(alpha, "alpha"))
    return _like(y, operations.shift(turned, numbers_of(x, "summand")))


def sub(x: Any, y: Any, *, alpha: Any = 1) -> Traced:
    return add(x, y, alpha=-to_fraction(alpha, "alpha"))


def _like(x: Traced, rows: Rows) -> Traced:
    return x.like(rows)


def scaled(x: Any, y: Any) -> Traced:
    if is_traced(x) and is_traced(y):
        raise refused("a product of two tensors that depend on the input")
    traced, other = (x, y) if is_traced(x) else (y, x)
    return _like(traced, operations.scale(traced.rows, numbers_of(other, "factor")))


def divided(x: Any, y: Any, *, rounding_mode: Any = None) -> Traced:
    if not is_traced(x) or is_traced(y) or rounding_mode is not None:
        raise refused("a quotient that is rounded, or whose divisor depends on the input")
    return x.like(operations.divide(x.rows, numbers_of(y, "divisor")))


def summed(divide: bool) -> Callable[..., Traced]:
    def operation(
        x: Traced, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
    ) -> Traced:
        check_dtype(dtype)
        axes = axes_of(dim, x.rows.ndim)
        return x.like(operations.reduced(x.rows, axes, keep=keepdim, divide=divide))

    return operation


def padded(x: Traced, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Traced:
    if mode != "constant":
        raise refused(f"padding of the mode {mode!r}")
    widths = [(0, 0)] * x.rows.ndim
    for i in range(0, len(pad), 2):
        widths[-1 - i // 2] = (int(pad[i]), int(pad[i + 1]))
    return x.like(operations.padded(x.rows, widths, to_fraction(value or 0, "value")))

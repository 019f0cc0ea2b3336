"""The operators of ONNX that are read, with the versions of each that are known to the letter."""

import math
from collections.abc import Callable
from fractions import Fraction
from operator import add as plus
from operator import mul as times
from operator import sub as minus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import to_fraction
from exactbn.readers import onnx_shapes as shapes
from exactbn.readers import operations
from exactbn.readers.onnx_values import Call, Value
from exactbn.readers.operations import Windows
from exactbn.readers.wiring import Rows


def _computed(
    call: Call, array: NDArray[Any], *, is_traced: bool = True, only_biases: bool = False
) -> Value:
    """Return a value of computed numbers, paid for by their length."""
    call.run.settle(array, only_biases=only_biases)
    return Value(array, is_traced)


def _folded(call: Call, function: Callable[[Any, Any], Any]) -> Value:
    """Return a function of two constants, exact; of integers it is an integer."""
    a, b = (call.numbers(i) for i in range(2))
    array = np.frompyfunc(function, 2, 1)(a, b)
    array = np.asarray(array, dtype=object)
    if all(call.value(i).is_whole for i in range(2)):
        whole = [int(t) for t in array.ravel()]
        if any(abs(t) >> 63 for t in whole):
            raise InputError("an integer of more than 64 bits")
        return Value(np.array(whole, dtype=np.int64).reshape(array.shape))
    return _computed(call, array, is_traced=False)


def add(call: Call) -> Value:
    return _added(call, 1)


def sub(call: Call) -> Value:
    return _added(call, -1)


def _added(call: Call, sign: int) -> Value:
    call.broadcast()
    if not call.is_traced:
        return _folded(call, plus if sign == 1 else minus)
    factor = Fraction(sign)
    first, second = call.value(0), call.value(1)
    if not second.is_traced:
        shifted = operations.shift(first.array, call.numbers(1), factor)
        return _computed(call, shifted, only_biases=True)
    if not first.is_traced:
        turned = operations.scale(second.array, np.array(factor, dtype=object))
        return _computed(call, operations.shift(turned, call.numbers(0)), only_biases=True)
    return _computed(call, operations.add(first.array, second.array, factor))


def mul(call: Call) -> Value:
    call.broadcast()
    if not call.is_traced:
        return _folded(call, times)
    i = 0 if call.value(0).is_traced else 1
    if call.value(1 - i).is_traced:
        raise UnsupportedLayerError("a product of two tensors that depend on the input")
    return _computed(call, operations.scale(call.value(i).array, call.numbers(1 - i)))


def div(call: Call) -> Value:
    call.broadcast()
    divisors = call.numbers(1, "the divisor")
    if not all(divisors.ravel()):
        raise InputError("a divisor is 0")
    if not call.is_traced:
        is_whole = all(call.value(i).is_whole for i in range(2))
        return _folded(call, lambda a, b: Fraction(int(a / b)) if is_whole else a / b)
    return _computed(call, operations.divide(call.value(0).array, divisors))


def neg(call: Call) -> Value:
    value = call.value(0)
    if not value.is_traced:
        array = value.array
        return Value(-array.astype(np.int64) if value.is_whole else -array)
    call.run.charge(value.array.size, value.longest)
    return Value(operations.scale(value.array, np.array(Fraction(-1), dtype=object)), True)


def sum_(call: Call) -> Value:
    shape = call.broadcast()
    total = np.broadcast_to(call.rows(0), shape)
    for i in range(1, len(call.inputs)):
        total = operations.add(total, call.rows(i))
    return _computed(call, total)


def matmul(call: Call) -> Value:
    return _product(call, call.value(0), call.value(1))


def _product(call: Call, a: Value, b: Value) -> Value:
    """Return a @ b."""
    if a.is_traced and b.is_traced:
        raise UnsupportedLayerError("a product of two tensors that depend on the input")
    left, right = a.array.shape, b.array.shape
    if not left or not right or left[-1] != right[max(len(right) - 2, 0)]:
        raise DimensionError(f"tensors of shapes {left} and {right} have no product")
    try:
        stack = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        raise DimensionError(f"tensors of shapes {left} and {right} have no product") from None
    ends = (*left[-2:-1], *(right[-1:] if len(right) > 1 else ()))
    call.run.charge(*stack, *ends, left[-1], max(a.longest, b.longest))
    i = 0 if a.is_traced else 1
    if not (a.is_traced or b.is_traced):
        product = np.matmul(call.numbers(0), call.numbers(1))
        return _computed(call, np.asarray(product, dtype=object), is_traced=False)
    traced = (a, b)[i].array
    product = operations.matrix_product(traced, call.numbers(1 - i), is_left=i == 1)
    return _computed(call, product)


def gemm(call: Call) -> Value:
    a, b = (
        Value(v.array.T if call.attributes[name] else v.array, v.is_traced)
        for v, name in ((call.value(0), "transA"), (call.value(1), "transB"))
    )
    if a.array.ndim != 2 or b.array.ndim != 2:
        raise DimensionError(f"shapes {a.array.shape} and {b.array.shape}, expected two matrices")
    inner = Call(call.run, call.operator, call.version, (a, b), {})
    result = _product(inner, a, b)
    alpha, beta = (to_fraction(call.attributes[name], name) for name in ("alpha", "beta"))
    if alpha != 1:
        factor = Value(np.array(alpha, dtype=object))
        result = mul(Call(call.run, call.operator, call.version, (result, factor), {}))
    shift = call.optional(2)
    if shift is None or beta == 0:
        return result
    if beta != 1:
        factor = Value(np.array(beta, dtype=object))
        shift = mul(Call(call.run, call.operator, call.version, (shift, factor), {}))
    total = _added(Call(call.run, call.operator, call.version, (result, shift), {}), 1)
    if total.array.shape != result.array.shape:
        raise DimensionError(f"C has shape {shift.array.shape}, expected that of the product")
    return total


def _windows(call: Call, size: tuple[int, ...]) -> Windows:
    """Return where the windows of a convolution or a pooling lie."""
    given = call.attributes
    value = call.value(0).array
    axes = value.ndim - 2
    if axes < 1 or len(size) != axes:
        raise DimensionError(f"windows of {len(size)} axes, got a tensor of shape {value.shape}")
    stride = tuple(given.get("strides") or (1,) * axes)
    dilation = tuple(given.get("dilations") or (1,) * axes)
    pads = tuple(given.get("pads") or (0,) * 2 * axes)
    if (len(stride), len(dilation), len(pads)) != (axes, axes, 2 * axes):
        raise DimensionError(f"strides, dilations and pads do not go with {axes} axes")
    for values, what, least in ((size, "kernel_shape", 1), (stride, "strides", 1),
                                (dilation, "dilations", 1), (pads, "pads", 0)):  # fmt: skip
        operations.checked_size(values, what, least)
    mode = given["auto_pad"].decode("ascii", "replace")
    edges = tuple(zip(pads[:axes], pads[axes:], strict=True))
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        edges = operations.same_padding(
            value.shape[2:], size, stride, dilation, more_before=mode == "SAME_LOWER"
        )
    elif mode == "VALID":
        edges = ((0, 0),) * axes
    elif mode != "NOTSET":
        raise UnsupportedLayerError(f"auto_pad {mode[:20]!r}")
    # With auto_pad the number of windows does not depend on ceil_mode.
    is_ceil = bool(given.get("ceil_mode")) and mode == "NOTSET"
    return Windows(size, stride, edges, dilation, is_ceil)


def _entries(call: Call, windows: Windows) -> list[int]:
    """Return the sizes whose product is the number of entries of all windows of a channel."""
    shape = call.value(0).array.shape
    return [shape[0], *windows.counts(shape[2:]), *windows.size]


def conv(call: Call) -> Value:
    weight = call.numbers(1, "the weight")
    if weight.ndim < 3:
        raise DimensionError(f"the weight has shape {weight.shape}, expected at least 3 axes")
    size = weight.shape[2:]
    if tuple(call.attributes.get("kernel_shape") or size) != size:
        raise DimensionError(f"kernel_shape is not that of the weight, {size}")
    groups = call.attributes["group"]
    if groups < 1:
        raise InputError(f"group is {groups}, expected at least 1")
    bias = None if call.optional(2) is None else call.numbers(2, "the bias")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise DimensionError(f"the bias has shape {bias.shape}, expected {weight.shape[:1]}")
    windows = _windows(call, size)
    call.run.charge(*_entries(call, windows), *weight.shape[:2], call.value(0).longest)
    return _computed(call, operations.convolve(call.rows(0), weight, bias, windows, groups))


def max_pool(call: Call) -> Value:
    size = tuple(call.attributes["kernel_shape"])
    windows, value = _windows(call, size), call.value(0)
    # One contest less than entries in each window, but it is looked for them all the same.
    *many, contests = *_entries(call, windows)[: -len(size)], math.prod(size) - 1
    call.run.charge(*many, contests + 1, value.array.shape[1])
    call.run.charge_contests(value.longest, *many, contests, value.array.shape[1])
    return _computed(call, operations.max_pool(call.run.wiring, call.rows(0), windows))


def average_pool(call: Call) -> Value:
    size = tuple(call.attributes["kernel_shape"])
    windows, value = _windows(call, size), call.value(0)
    call.run.charge(*_entries(call, windows), value.array.shape[1], value.longest)
    with_padding = bool(call.attributes["count_include_pad"])
    rows = operations.average_pool(call.rows(0), windows, with_padding=with_padding)
    return _computed(call, rows)


def _spatial(call: Call) -> list[int]:
    """Return the axes that are places, and pay for what is made of them."""
    value = call.value(0)
    if value.array.ndim < 3:
        raise DimensionError(f"a tensor of shape {value.array.shape}, expected at least 3 axes")
    call.run.charge(value.array.size, value.longest)
    return list(range(2, value.array.ndim))


def global_average_pool(call: Call) -> Value:
    axes = _spatial(call)
    return _computed(call, operations.reduced(call.rows(0), axes, keep=True, divide=True))


def global_max_pool(call: Call) -> Value:
    axes, value = _spatial(call), call.value(0)
    call.run.charge_contests(value.longest, value.array.size)
    return _computed(call, operations.extreme_along(call.run.wiring, call.rows(0), axes, keep=True))


def batch_normalization(call: Call) -> Value:
    if call.attributes.get("training_mode"):
        raise InputError("is in training mode, expected inference")
    if not call.attributes.get("spatial", 1):
        raise UnsupportedLayerError("spatial 0")
    value = call.value(0)
    call.run.charge(value.array.size, value.longest)
    call.run.has_scale = True
    gamma, beta, mean, variance = (call.numbers(i) for i in range(1, 5))
    if any(part.ndim != 1 for part in (gamma, beta, mean, variance)):
        raise DimensionError("the statistics are no vectors of one entry a channel")
    eps = call.attributes["epsilon"]
    stored = Normalization(
        "BatchNorm", tuple(mean.tolist()), tuple(variance.tolist()), tuple(gamma.tolist()),
        tuple(beta.tolist()), to_fraction(eps, "epsilon"),
    )  # fmt: skip
    rows = call.rows(0)
    taken = call.run.statistics.taken(call.run.wiring, rows, stored)
    return _computed(call, operations.normalize(rows, taken))


def _activated(call: Call, slopes: operations.Numbers) -> Value:
    call.run.charge_units(call.value(0))
    rows: Rows = call.rows(0)
    if np.broadcast_shapes(slopes.shape, rows.shape) != rows.shape:
        raise DimensionError(f"slopes of shape {slopes.shape} for a tensor of {rows.shape}")
    return Value(call.run.wiring.activation(rows, slopes), True)


def relu(call: Call) -> Value:
    return _activated(call, np.array(Fraction(0), dtype=object))


def absolute(call: Call) -> Value:
    return _activated(call, np.array(Fraction(-1), dtype=object))


def leaky_relu(call: Call) -> Value:
    alpha = to_fraction(call.attributes["alpha"], "alpha")
    return _activated(call, np.array(alpha, dtype=object))


def prelu(call: Call) -> Value:
    call.broadcast()
    return _activated(call, call.numbers(1, "the slope"))


_GREATEST_FLOAT32 = ((1 << 24) - 1) << 104


def clip(call: Call) -> Value:
    call.run.charge_units(call.value(0), 2)
    ends = [_end(call, 1, "min"), _end(call, 2, "max")]
    return Value(operations.clip(call.run.wiring, call.rows(0), *ends), True)


def _end(call: Call, i: int, name: str) -> Fraction | None:
    """Return an end of a clip, None where there is none, which old versions say by a float."""
    if call.version < 11:
        end = to_fraction(call.attributes[name], name)
        return None if abs(end) == _GREATEST_FLOAT32 else end
    value = call.optional(i)
    if value is None:
        return None
    if not value.is_traced and value.array.dtype.kind == "f" and value.array.size == 1:
        number = float(value.array.ravel()[0])
        if math.isinf(number) and (number < 0) == (name == "min"):
            return None
    return call.number(i, name)


def extreme(sign: int) -> Callable[[Call], Value]:
    def operation(call: Call) -> Value:
        call.run.charge_contests(call.longest, len(call.inputs) - 1, *call.broadcast())
        parts = [call.rows(i) for i in range(len(call.inputs))]
        return _computed(call, operations.extreme(call.run.wiring, parts, sign))

    return operation


def left_out(call: Call) -> Value:
    if not call.run.logits:
        raise UnsupportedLayerError(
            "it is not piecewise affine; where it is the end, load(file, logits=True) reads the "
            "network up to it, on the command line --logits"
        )
    call.run.final = call.operator
    return Value(call.rows(0), True, is_final=True)


#: Versions of operators are those of the standard's operator sets. From 19 on only types are new.
_TYPES = (19, 21, 23, 24, 25)
OPERATORS: dict[str, tuple[Callable[[Call], Value], tuple[int, ...]]] = {
    "Abs": (absolute, (6, 13)),
    "Add": (add, (7, 13, 14)),
    "AveragePool": (average_pool, (7, 10, 11, 19, 22)),
    "BatchNormalization": (batch_normalization, (7, 9, 14, 15)),
    "Cast": (shapes.cast, (6, 9, 13, *_TYPES)),
    "Clip": (clip, (6, 11, 12, 13)),
    "Concat": (shapes.concat, (4, 11, 13)),
    "Constant": (shapes.constant_, (1, 9, 11, 12, 13, *_TYPES)),
    "ConstantOfShape": (shapes.constant_of_shape, (9, 20, *_TYPES)),
    "Conv": (conv, (1, 11, 22)),
    "Div": (div, (7, 13, 14)),
    "Dropout": (shapes.dropout, (7, 10, 12, 13, 22)),
    "Flatten": (shapes.flatten, (1, 9, 11, 13, *_TYPES)),
    "Gather": (shapes.gather, (1, 11, 13)),
    "Gemm": (gemm, (7, 9, 11, 13)),
    "GlobalAveragePool": (global_average_pool, (1, 22)),
    "GlobalMaxPool": (global_max_pool, (1, 22)),
    "Identity": (shapes.identity, (1, 13, 14, 16, *_TYPES)),
    "LeakyRelu": (leaky_relu, (6, 16)),
    "LogSoftmax": (left_out, (1, 11, 13)),
    "MatMul": (matmul, (1, 9, 13)),
    "Max": (extreme(1), (6, 8, 12, 13)),
    "MaxPool": (max_pool, (1, 8, 10, 11, 12, 22)),
    "Min": (extreme(-1), (6, 8, 12, 13)),
    "Mul": (mul, (7, 13, 14)),
    "Neg": (neg, (6, 13)),
    "PRelu": (prelu, (7, 9, 16)),
    "Pad": (shapes.pad, (2, 11, 13, 18, *_TYPES)),
    "Relu": (relu, (6, 13, 14)),
    "Reshape": (shapes.reshape, (5, 13, 14, *_TYPES)),
    "Shape": (shapes.shape_, (1, 13, 15, *_TYPES)),
    "Sigmoid": (left_out, (6, 13)),
    "Slice": (shapes.slice_, (1, 10, 11, 13)),
    "Softmax": (left_out, (1, 11, 13)),
    "Squeeze": (shapes.squeeze, (1, 11, 13, *_TYPES)),
    "Sub": (sub, (7, 13, 14)),
    "Sum": (sum_, (6, 8, 13)),
    "Transpose": (shapes.transpose, (1, 13, *_TYPES)),
    "Unsqueeze": (shapes.unsqueeze, (1, 11, 13, *_TYPES)),
}

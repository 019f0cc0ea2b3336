"""Operators of ONNX that move entries and compute none, and those that make constants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.rational import to_fraction
from exactbn.readers import operations
from exactbn.readers.onnx_bytes import REAL, array_of, type_name
from exactbn.readers.onnx_values import Call, Value


def like(value: Value, array: NDArray[Any]) -> Value:
    """Return another arrangement of a value's entries."""
    return Value(array, value.is_traced)


def identity(call: Call) -> Value:
    return call.value(0)


def dropout(call: Call) -> Value:
    if call.optional(2) is not None and any(call.numbers(2, "training_mode").ravel()):
        raise InputError("is in training mode, expected inference")
    return call.value(0)


def flatten(call: Call) -> Value:
    value = call.value(0)
    shape, ndim = value.array.shape, value.array.ndim
    axis = call.attributes["axis"]
    if not -ndim <= axis <= ndim:
        raise DimensionError(f"axis {axis} of a tensor of {ndim} axes")
    axis = axis + ndim if axis < 0 else axis
    return like(value, value.array.reshape(int(np.prod(shape[:axis])), -1))


def reshape(call: Call) -> Value:
    value = call.value(0)
    wanted = call.integers(1, "shape")
    have = value.array.shape
    if not call.attributes.get("allowzero"):
        if any(w == 0 and i >= len(have) for i, w in enumerate(wanted)):
            raise DimensionError(f"the shape {wanted[:8]} copies an axis that {have} has not")
        wanted = [have[i] if w == 0 else w for i, w in enumerate(wanted)]
    try:
        return like(value, value.array.reshape(wanted))
    except (ValueError, OverflowError):
        raise DimensionError(f"a tensor of shape {have} cannot get shape {wanted[:8]}") from None


def transpose(call: Call) -> Value:
    value = call.value(0)
    ndim = value.array.ndim
    order = call.attributes.get("perm", range(ndim)[::-1])
    if sorted(order) != list(range(ndim)):
        raise DimensionError(f"perm is {list(order)[:8]}, expected the axes 0 to {ndim - 1}")
    return like(value, np.transpose(value.array, list(order)))


def squeeze(call: Call) -> Value:
    value = call.value(0)
    shape, ndim = value.array.shape, value.array.ndim
    listed = call.listed("axes", 1)
    axes = [i for i, n in enumerate(shape) if n == 1] if listed is None else (
        [call.axis(a, ndim) for a in listed]
    )  # fmt: skip
    if any(shape[axis] != 1 for axis in axes):
        raise DimensionError(f"the axes {axes[:8]} of shape {shape} are not of size 1")
    return like(value, value.array.reshape([n for i, n in enumerate(shape) if i not in axes]))


def unsqueeze(call: Call) -> Value:
    value = call.value(0)
    axes = call.listed("axes", 1) or []
    ndim = value.array.ndim + len(axes)
    new = [call.axis(a, ndim) for a in axes]
    if len(set(new)) != len(new) or ndim > 16:
        raise DimensionError(f"the axes {axes[:8]} of a tensor of {ndim} axes")
    return like(value, np.expand_dims(value.array, tuple(new)))


def concat(call: Call) -> Value:
    parts = [call.value(i) for i in range(len(call.inputs))]
    call.run.charge(sum(part.array.size for part in parts))
    ndims = {part.array.ndim for part in parts}
    axis = call.axis(call.attributes["axis"], min(ndims))
    arrays: Sequence[NDArray[Any]] = [part.array for part in parts]
    if call.is_traced:
        arrays = [call.rows(i) for i in range(len(parts))]
    elif not (all(p.is_whole for p in parts) or all(p.array.dtype == "f8" for p in parts)):
        arrays = [call.numbers(i) for i in range(len(parts))]
    try:
        return Value(np.concatenate(arrays, axis), call.is_traced)
    except ValueError:
        shapes = ", ".join(str(part.array.shape) for part in parts[:4])
        raise DimensionError(f"the shapes {shapes} cannot be joined along axis {axis}") from None


def slice_(call: Call) -> Value:
    value = call.value(0)
    starts, ends = call.listed("starts", 1) or [], call.listed("ends", 2) or []
    axes = call.listed("axes", 3)
    steps = call.integers(4, "steps") if call.optional(4) is not None else [1] * len(starts)
    axes = list(range(len(starts))) if axes is None else axes
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise DimensionError("starts, ends, axes and steps do not go together")
    index = [slice(None)] * value.array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[call.axis(axis, value.array.ndim)] = slice(start, end, step)
    return like(value, value.array[tuple(index)])


def gather(call: Call) -> Value:
    value = call.value(0)
    places = call.value(1)
    if not places.is_whole:
        raise UnsupportedLayerError("the places are no constant integers")
    axis = call.axis(call.attributes["axis"], value.array.ndim)
    rest = value.array.size // max(value.array.shape[axis], 1)
    call.run.charge(rest, places.array.size)
    try:
        taken = np.take(value.array, np.asarray(places.array, np.int64), axis)
        return like(value, np.asarray(taken))  # of one entry it is no array
    except IndexError:
        raise DimensionError(f"a place beyond the {value.array.shape[axis]} entries") from None


def pad(call: Call) -> Value:
    value = call.value(0)
    ndim = value.array.ndim
    mode = call.attributes["mode"].decode("ascii", "replace")
    if mode != "constant":
        raise UnsupportedLayerError(f"the mode {mode[:20]!r}, expected 'constant'")
    widths = call.listed("pads", 1) or []
    axes = call.integers(3, "axes") if call.optional(3) is not None else list(range(ndim))
    if len(widths) != 2 * len(axes):
        raise DimensionError(f"{len(widths)} pads for {len(axes)} axes, expected two each")
    edges = [(0, 0)] * ndim
    for k, axis in enumerate(axes):
        edges[call.axis(axis, ndim)] = (widths[k], widths[k + len(axes)])
    call.run.charge(*(max(n + a + b, 0) for n, (a, b) in zip(value.array.shape, edges)))
    number = call.attributes.get("value", 0)
    if call.optional(2) is not None:
        number = call.number(2, "the constant")
    return Value(operations.padded(call.rows(0), edges, to_fraction(number, "value")), True)


def shape_(call: Call) -> Value:
    shape = call.value(0).array.shape
    part = shape[call.attributes.get("start", 0) : call.attributes.get("end")]
    return Value(np.array(part, dtype=np.int64))


def cast(call: Call) -> Value:
    value = call.value(0)
    name = type_name(call.attributes["to"])
    if name in REAL:
        if value.is_traced or value.array.dtype == object:
            return value
        narrow = {"FLOAT": np.float32, "FLOAT16": np.float16}
        if name == "BFLOAT16":
            raise UnsupportedLayerError("a rounding of constants to BFLOAT16")
        return Value(value.array.astype(narrow.get(name, np.float64)).astype(np.float64))
    if name not in ("INT64", "INT32", "BOOL") or value.is_traced:
        raise UnsupportedLayerError(f"a cast of {_kind(value)} to {name}")
    numbers = call.numbers(0)
    whole = [int(bool(t)) if name == "BOOL" else int(t) for t in numbers.ravel()]
    if any(abs(t) >> (31 if name == "INT32" else 63) for t in whole):
        raise InputError(f"a constant is no number of the type {name}")
    return Value(np.array(whole, dtype=np.int64).reshape(numbers.shape))


def _kind(value: Value) -> str:
    return "a tensor that depends on the input" if value.is_traced else "constants"


def constant_(call: Call) -> Value:
    given = call.attributes
    if len(given) != 1 or not set(given) <= set(_CONSTANTS):
        raise UnsupportedLayerError(f"the attributes {sorted(given)[:4]}, expected one of "
                                    f"{', '.join(_CONSTANTS)}")  # fmt: skip
    ((name, value),) = given.items()
    if name == "value":
        return Value(array_of(value, call.run.allowance, "value"))
    array = np.array(value, dtype=np.float64 if "float" in name else np.int64)
    call.run.allowance.take_numbers(array.size)
    return Value(array)


_CONSTANTS = ("value", "value_float", "value_floats", "value_int", "value_ints")


def constant_of_shape(call: Call) -> Value:
    shape = call.integers(0, "shape")
    if min(shape, default=0) < 0 or len(shape) > 16:
        raise DimensionError(f"the shape {shape[:8]}")
    call.run.charge(*shape)
    if "value" not in call.attributes:
        return Value(np.zeros(shape))
    entry = array_of(call.attributes["value"], call.run.allowance, "value")
    if entry.size != 1:
        raise DimensionError(f"value has {entry.size} entries, expected 1")
    return Value(np.full(shape, entry.ravel()[0]))

"""ONNX models as bytes: bounded before they are parsed, and their tensors as exact arrays."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.readers.allowance import MAX_NUMBERS, Allowance

#: Greatest size of a file.
MAX_MODEL = 1 << 25
#: Greatest count of messages (nodes, attributes, tensors, ...) and of fields of a model. A message
#: of two bytes takes hundreds in memory.
MOST_MESSAGES = 1 << 16
MOST_FIELDS = 1 << 20

_DAMAGED = "not an ONNX model, or damaged"
#: Types of tensors that are read, by what holds all of their values.
_TYPES = {
    "FLOAT": np.float64, "DOUBLE": np.float64, "FLOAT16": np.float64, "BFLOAT16": np.float64,
    "INT8": np.int64, "INT16": np.int64, "INT32": np.int64, "INT64": np.int64, "UINT8": np.int64,
    "UINT16": np.int64, "UINT32": np.int64, "BOOL": np.bool_,
}  # fmt: skip
#: Types of tensors that stand for real numbers.
REAL = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")
_DATA = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data",
         "string_data")  # fmt: skip


def shown(name: str) -> str:
    """Return a name from outside as it may stand in a message."""
    return repr(name[:60])


def parse_model(content: bytes) -> Any:
    """Return the model of a file's bytes; no other file is opened."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError(
            'reading .onnx needs the package onnx; install it with pip install "exactbn[formats]"'
        ) from None
    model = onnx.ModelProto()
    _check_messages(content, model.DESCRIPTOR)
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise InputError(_DAMAGED) from None
    return model


def _check_messages(content: bytes, descriptor: Any) -> None:
    """Raise InputError if a model consists of too many messages, or of none."""
    nested: dict[str, dict[int, Any]] = {}
    texts: dict[str, set[int]] = {}
    pending = [(0, len(content), descriptor)]
    messages = fields = 0
    while pending:
        at, end, kind = pending.pop()
        messages += 1
        if kind.full_name not in nested:
            nested[kind.full_name] = {
                number: field.message_type
                for number, field in kind.fields_by_number.items()
                if field.message_type is not None
            }
            texts[kind.full_name] = {
                number for number, field in kind.fields_by_number.items()
                if field.type == field.TYPE_STRING
            }  # fmt: skip
        inner, text = nested[kind.full_name], texts[kind.full_name]
        while at < end:
            fields += 1
            if messages + len(pending) > MOST_MESSAGES or fields > MOST_FIELDS:
                raise InputError(
                    f"a model of more than {MOST_MESSAGES} nodes, attributes and tensors, or of "
                    f"more than {MOST_FIELDS} fields, the most that are read"
                )
            key, at = _varint(content, at)
            length = {0: 0, 1: 8, 5: 4}.get(key & 7)
            if length == 0:
                _, at = _varint(content, at)
            elif length is None:
                if key & 7 != 2:
                    raise InputError(_DAMAGED)
                length, at = _varint(content, at)
                if key >> 3 in inner:
                    pending.append((at, at + length, inner[key >> 3]))
                elif key >> 3 in text and not _is_text(content[at : at + length]):
                    raise InputError(_DAMAGED)  # the parser would hand out its bytes
            at += length or 0
        if at != end:
            raise InputError(_DAMAGED)


def _is_text(content: bytes) -> bool:
    """Return whether bytes are a text in UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return the number of at most 64 bits that stands in some place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            break
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise InputError(_DAMAGED)


def array_of(tensor: Any, allowance: Allowance, what: str) -> NDArray[Any]:
    """Return a tensor of a model as an array of float64, int64 or bool, which holds it exactly."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(
            f"{what} lies in another file (external data), expected all of it in this one; "
            "save the model without external data"
        )
    name = type_name(tensor.data_type)
    if name not in _TYPES:
        raise InputError(f"{what} has the type {name}, expected one of {', '.join(_TYPES)}")
    shape = tuple(tensor.dims)
    size = math.prod(shape)
    if min(shape, default=0) < 0 or len(shape) > 32 or size > MAX_NUMBERS:
        raise InputError(f"{what} has a shape beyond all bounds")
    if tensor.HasField("segment") or sum(bool(getattr(tensor, field)) for field in _DATA) > 1:
        raise InputError(f"{what} has data in several places, expected one")
    try:
        read = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        text = " ".join(str(error).split())[:120]
        raise InputError(f"{what} is damaged: {text}") from None
    if read.shape != shape:
        raise InputError(f"{what} is damaged: it has {read.size} entries, expected {size}")
    array: NDArray[Any] = read.astype(_TYPES[name])
    if array.dtype.kind == "f":
        allowance.take_array(array)
    else:
        allowance.take_numbers(array.size)
    return array


def type_name(number: int) -> str:
    """Return what the format calls a type of tensors."""
    from onnx import TensorProto

    names: dict[int, str] = {value: name for name, value in TensorProto.DataType.items()}
    return names.get(number, str(number))

"""Networks as ``.json``: the exact format, read and written without rounding."""

import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

from flint import fmpz

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import MAX_DIGITS, Matrix, to_fraction, to_matrix, to_vector
from exactbn.model.network import Layer, Network
from exactbn.readers.source import MAX_NUMBERS, Path_, Source

#: Greatest size of a JSON text: its nested lists take some thirty times as much memory.
MAX_TEXT = 1 << 25

#: Integers beyond this are written as texts: other readers of JSON would round them.
_LARGEST_INTEGER = 1 << 53


class _Number(str):
    """The text of a JSON number, kept as it was written."""


def read_json(source: Source) -> Network:
    """Return the network of a ``.json`` file.

    A decimal such as ``0.1`` is one tenth. The last layer is the output layer: it has no
    activation, so its ``slope`` may be left out, or be 0 (the default's value) or 1.
    """
    document = _parse(source.read(MAX_TEXT))
    if not isinstance(document, dict) or set(document) != {"layers"}:
        raise InputError(f'got {_kind(document)}, expected an object with the one key "layers"')
    entries = document["layers"]
    if not isinstance(entries, list) or not entries:
        raise InputError(f'"layers" is {_kind(entries)}, expected a list of at least one layer')
    budget = MAX_NUMBERS
    layers = []
    for index, entry in enumerate(entries):
        where = f"layers[{index}]"
        if not isinstance(entry, dict) or not {"W", "b"} <= set(entry) <= {"W", "b", "slope"}:
            raise InputError(
                f'{where} is {_kind(entry)}, expected an object with "W", "b" and maybe "slope"'
            )
        weight = _rows(entry["W"], f"{where}.W")
        bias = _flat(entry["b"], f"{where}.b")
        budget -= sum(map(len, weight)) + len(bias)
        if budget < 0:
            raise InputError(f"more than {MAX_NUMBERS} numbers, the most that are read")
        matrix = to_matrix(weight, f"{where}.W")
        slope = to_fraction(entry.get("slope", 0), f"{where}.slope")
        if index == len(entries) - 1:
            if slope not in (0, 1):
                raise InputError(
                    f"{where} is the output layer and has slope {slope}, "
                    "expected none: the output layer has no activation"
                )
            slope = Fraction(1)
        layers.append(_layer(where, matrix, to_vector(bias, f"{where}.b"), slope))
    return Network(tuple(layers))


def save_json(network: Network, path: Path_) -> None:
    """Write the network to a ``.json`` file that :func:`exactbn.load` reads back as equal.

    The file is written beside its place and then moved there, so that no half of it is ever
    seen; a file of that name is replaced. The sigma policy is a remark and is not written.

    Raises
    ------
    InputError
        If the file cannot be written, or a number is longer than the format's readers accept.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("x", encoding="ascii") as stream:
            stream.writelines(_text(network))
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{target}: the file cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _text(network: Network) -> Iterator[str]:
    """Yield the JSON text in pieces, one row of weights a line."""
    yield '{"layers": ['
    for index, layer in enumerate(network.layers):
        yield ",\n" if index else "\n"
        yield '  {"W": ['
        for k, row in enumerate(layer.weight):
            yield ",\n    [" if k else "\n    ["
            yield ", ".join(_number(w, f"layer {index}, weight row {k}") for w in row)
            yield "]"
        yield '\n  ],\n  "b": ['
        yield ", ".join(_number(b, f"layer {index}, bias") for b in layer.bias)
        yield "]"
        if layer is not network.layers[-1]:
            yield f',\n  "slope": {_number(layer.slope, f"layer {index}, slope")}'
        yield "}"
    yield "\n]}\n"


def _number(value: Fraction, where: str) -> str:
    """Return a JSON integer where every reader takes it exactly, else the text ``"p/q"``."""
    if value.denominator == 1 and abs(value.numerator) <= _LARGEST_INTEGER:
        return str(value.numerator)
    # str of an int refuses to write more than some thousand digits; flint's does not.
    text = f"{fmpz(value.numerator)}/{fmpz(value.denominator)}"
    if len(text) > MAX_DIGITS:
        raise InputError(
            f"{where}: a number has {len(text)} characters, expected at most {MAX_DIGITS}"
        )
    return f'"{text}"'


def _parse(content: bytes) -> object:
    """Return the JSON document with its numbers as texts; duplicate keys are refused."""
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}") from None
    except RecursionError:
        raise InputError("not a network: the JSON is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse the tokens NaN, Infinity and -Infinity, which Python's reader would accept."""
    raise InputError(f"the token {name} stands for no finite number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object of the pairs, refusing a key that occurs twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"the key {twice[:40]!r} occurs twice in one object")
    return result


def _rows(value: object, where: str) -> list[list[object]]:
    """Return a list of rows; their entries are looked at later."""
    if not isinstance(value, list) or not value:
        raise DimensionError(f"{where} is {_kind(value)}, expected a list of rows")
    return [_flat(row, f"{where}[{i}]") for i, row in enumerate(value)]


def _flat(value: object, where: str) -> list[object]:
    """Return a non-empty list of numbers; they are looked at later."""
    if not isinstance(value, list) or not value:
        raise DimensionError(f"{where} is {_kind(value)}, expected a list of numbers")
    return value


def _layer(where: str, weight: Matrix, bias: tuple[Fraction, ...], slope: Fraction) -> Layer:
    """Return the layer; shapes that do not fit are named with their place in the file."""
    if len(weight) != len(bias):
        raise DimensionError(
            f"{where}.W has {len(weight)} rows and {where}.b has {len(bias)} entries, "
            "expected as many of one as of the other"
        )
    return Layer(weight, bias, slope)


def _kind(value: object) -> str:
    """Return what a JSON value is, for messages."""
    if isinstance(value, dict):
        keys = ", ".join(repr(key[:40]) for key in list(value)[:6])
        return f"an object with the keys {keys}" if keys else "an object without keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, _Number):
        return f"the number {value[:40]}"
    return "null" if value is None else f"{str(value)[:40]!r}"

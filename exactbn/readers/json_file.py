"""Networks as ``.json``: the exact format, read without rounding."""

import json
from typing import NoReturn

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import to_fraction, to_matrix, to_vector
from exactbn.exact.stages import Activation, Chain, Linear, Stage
from exactbn.readers.allowance import Allowance
from exactbn.readers.source import Source

#: Greatest size of a JSON text: its nested lists take some thirty times as much memory.
MAX_TEXT = 1 << 25


class _Number(str):
    """The text of a JSON number, kept as it was written."""

    __slots__ = ()


def read_json(source: Source) -> Chain:
    """Return the stages of a ``.json`` file, exact: see :func:`read_network`."""
    return read_document(source.read(MAX_TEXT))


def read_document(content: bytes) -> Chain:
    """Return the stages of the network that a JSON text says: see :func:`read_network`."""
    return read_network(parse(content), Allowance(len(content)))


def read_network(document: object, allowance: Allowance) -> Chain:
    """Return the stages of a network that is given as a JSON document, exact.

    Parameters
    ----------
    document : object
        What :func:`parse` returns, or an object within it: ``{"layers": [...]}``. A decimal such as
        ``0.1`` is one tenth. The last layer is the output layer: it has no activation, so its
        ``slope`` may be left out, or be 0 (the default's value) or 1.
    allowance : Allowance
        That of the text's size.

    Raises
    ------
    InputError
        If it is no network, or too much for its size; the message names the place.
    """
    if not isinstance(document, dict) or set(document) != {"layers"}:
        raise InputError(f'got {_kind(document)}, expected an object with the one key "layers"')
    entries = document["layers"]
    if not isinstance(entries, list) or not entries:
        raise InputError(f'"layers" is {_kind(entries)}, expected a list of at least one layer')
    stages: list[Stage] = []
    for index, entry in enumerate(entries):
        where = f"layers[{index}]"
        if not isinstance(entry, dict) or not {"W", "b"} <= set(entry) <= {"W", "b", "slope"}:
            raise InputError(
                f'{where} is {_kind(entry)}, expected an object with "W", "b" and maybe "slope"'
            )
        weight = _rows(entry["W"], f"{where}.W")
        bias = _flat(entry["b"], f"{where}.b")
        slope_text = entry.get("slope", 0)
        for row in (*weight, bias, [slope_text]):
            allowance.take_numbers(len(row))
            for value in row:
                if isinstance(value, str):
                    allowance.take_text(value)
        matrix = to_matrix(weight, f"{where}.W")
        slope = to_fraction(slope_text, f"{where}.slope")
        if index == len(entries) - 1:
            if slope not in (0, 1):
                raise InputError(
                    f"{where} is the output layer and has slope {slope}, "
                    "expected none: the output layer has no activation"
                )
        vector = to_vector(bias, f"{where}.b")
        stages.append(Linear.checked(f"{where}.W", f"{where}.b", matrix, vector))
        if index < len(entries) - 1:
            stages.append(Activation(slope))
    return Chain(tuple(stages))


def parse(content: bytes) -> object:
    """Return a JSON document with its numbers as texts; duplicate keys and NaN are refused."""
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
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise InputError(f"the key {key[:40]!r} occurs twice in one object")
        result[key] = value
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

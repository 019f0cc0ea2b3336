"""Networks as ``.json``: the exact format, read without rounding."""

import json
from fractions import Fraction
from typing import NoReturn

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, to_fraction, to_matrix, to_vector
from exactbn.exact.stages import (
    Activation,
    Chain,
    Clip,
    Contest,
    Graph,
    Linear,
    Max,
    Stage,
    Unit,
    Wired,
)
from exactbn.readers.allowance import Allowance
from exactbn.readers.source import Source

#: Greatest size of a JSON text: its nested lists take some thirty times as much memory.
MAX_TEXT = 1 << 25


_FORMAT_2 = {"format", "inputs", "layers"}
_CHAIN_KEYS = {"W", "b", "slope"}
_WIRED_KEYS = _CHAIN_KEYS | {"slopes", "reads"}
# Of the number of a feature.
_MOST_DIGITS = 9


class _Number(str):
    """The text of a JSON number, kept as it was written."""

    __slots__ = ()


def read_json(source: Source) -> Chain | Graph:
    """Return the stages of a ``.json`` file, exact: see :func:`read_network`."""
    return read_document(source.read(MAX_TEXT))


def read_document(content: bytes) -> Chain | Graph:
    """Return the stages of the network that a JSON text says: see :func:`read_network`."""
    return read_network(parse(content), Allowance(len(content)))


def read_network(document: object, allowance: Allowance) -> Chain | Graph:
    """Return the stages of a network that is given as a JSON document, exact.

    Parameters
    ----------
    document : object
        What :func:`parse` returns, or an object within it: ``{"layers": [...]}``. A decimal such as
        ``0.1`` is one tenth. The last layer is the output layer: it has no activation, so its
        ``slope`` may be left out, or be 0 (the default's value) or 1. With ``"format": 2`` and
        ``"inputs"`` a layer may say by number which features it ``reads``, and the ``slopes`` of
        its units.
    allowance : Allowance
        That of the text's size.

    Raises
    ------
    InputError
        If it is no network, or too much for its size; the message names the place.
    """
    if not isinstance(document, dict) or set(document) not in (
        {"layers"}, _FORMAT_2, _FORMAT_2 | {"units"}
    ):  # fmt: skip
        raise InputError(
            f'got {_kind(document)}, expected an object with the one key "layers", '
            'or with "format", "inputs" and "layers"'
        )
    entries = document["layers"]
    if not isinstance(entries, list) or not entries:
        raise InputError(f'"layers" is {_kind(entries)}, expected a list of at least one layer')
    is_wired = "format" in document
    layers = [
        _layer(entry, f"layers[{i}]", i == len(entries) - 1, is_wired, allowance)
        for i, entry in enumerate(entries)
    ]
    if is_wired:
        if document["format"] != "2":
            raise InputError(f'"format" is {_kind(document["format"])}, expected 2')
        units = document.get("units", [])
        if not isinstance(units, list):
            raise InputError(f'"units" is {_kind(units)}, expected a list')
        inputs = _natural(document["inputs"], '"inputs"')
        allowance.take_numbers(len(units) + inputs)  # as if each were read
        return Graph(
            inputs, tuple(layers),
            units=tuple(_unit(unit, f"units[{i}]") for i, unit in enumerate(units)),
        )  # fmt: skip
    stages: list[Stage] = []
    for index, layer in enumerate(layers):
        where = f"layers[{index}]"
        stages.append(Linear.checked(f"{where}.W", f"{where}.b", layer.weight, layer.bias))
        if index < len(entries) - 1:
            stages.append(Activation(layer.slopes[0]))
    return Chain(tuple(stages))


def read_rows(source: Source) -> tuple[Matrix, Vector]:
    """Return (A, b) of the rows A x <= b that a ``.json`` file says, exact.

    The file holds ``{"rows": [[...], ...], "bounds": [...]}``, numbers as in a network's.

    Raises
    ------
    InputError
        If it holds anything else, or too much for its size; the message names the place.
    """
    content = source.read(MAX_TEXT)
    document, allowance = parse(content), Allowance(len(content))
    if not isinstance(document, dict) or set(document) != {"rows", "bounds"}:
        raise InputError(
            f'got {_kind(document)}, expected an object with the keys "rows" and "bounds"'
        )
    rows, bounds = _rows(document["rows"], "rows"), _flat(document["bounds"], "bounds")
    for row in (*rows, bounds):
        _take(row, allowance)
    if len(rows) != len(bounds):
        raise DimensionError(
            f"there are {len(rows)} rows and {len(bounds)} bounds, expected as many of one as of "
            "the other"
        )
    return to_matrix(rows, "rows"), to_vector(bounds, "bounds")


def _layer(
    entry: object, where: str, is_last: bool, is_wired: bool, allowance: Allowance
) -> Wired:
    """Return one layer."""
    known = _WIRED_KEYS if is_wired else _CHAIN_KEYS
    if not isinstance(entry, dict) or not {"W", "b"} <= set(entry) <= known:
        more = '"slopes" and "reads"' if is_wired else ""
        raise InputError(
            f'{where} is {_kind(entry)}, expected an object with "W", "b" and maybe "slope"'
            + (f", {more}" if more else "")
        )
    weight = _rows(entry["W"], f"{where}.W")
    bias = _flat(entry["b"], f"{where}.b")
    slopes = _flat(entry["slopes"], f"{where}.slopes") if "slopes" in entry else []
    if slopes and "slope" in entry:
        raise InputError(f'{where} has "slope" and "slopes", expected one of them')
    reads = _flat(entry["reads"], f"{where}.reads") if "reads" in entry else []
    slope_text = entry.get("slope", 0)
    for row in (*weight, bias, slopes, reads, [slope_text]):
        _take(row, allowance)
    matrix = to_matrix(weight, f"{where}.W")
    vector = to_vector(bias, f"{where}.b")
    slope = to_fraction(slope_text, f"{where}.slope")
    if is_last:
        if slopes or slope not in (0, 1):
            raise InputError(
                f"{where} is the output layer and has slope {slope}, "
                "expected none: the output layer has no activation"
            )
        slope = Fraction(1)
    each = to_vector(slopes, f"{where}.slopes") if slopes else (slope,) * len(vector)
    numbers = tuple(_natural(f, f"{where}.reads[{i}]") for i, f in enumerate(reads))
    return Wired(matrix, vector, each, numbers or None)


def _take(row: list[object], allowance: Allowance) -> None:
    """Take the numbers of a list off an allowance."""
    allowance.take_numbers(len(row))
    for value in row:
        if isinstance(value, str):
            allowance.take_text(value)


def _unit(value: object, where: str) -> Unit:
    """Return a unit of the user: a number, a clip or a maximum."""
    if isinstance(value, dict) and set(value) == {"clip"}:
        ends = value["clip"]
        if isinstance(ends, list) and len(ends) == 2:
            return Clip(_natural(ends[0], where), _natural(ends[1], where))
    if isinstance(value, dict) and set(value) == {"max"}:
        contest = _contest(value["max"], where)
        if isinstance(contest, Contest):
            return Max(contest)
    if isinstance(value, _Number):
        return _natural(value, where)
    raise InputError(
        f'{where} is {_kind(value)}, expected a number, {{"clip": [low, high]}} or '
        '{"max": [first, second, unit]}'
    )


def _contest(value: object, where: str) -> Contest | int:
    """Return a contest of a maximum, or an entry."""
    if not isinstance(value, list):
        return _natural(value, where)
    if len(value) != 3:
        raise InputError(f"{where} has a contest of {len(value)} parts, expected 3")
    first, second, unit = value
    return Contest(_contest(first, where), _contest(second, where), _natural(unit, where))


def _natural(value: object, where: str) -> int:
    """Return a natural number."""
    if not isinstance(value, _Number) or not value.isdecimal() or len(value) > _MOST_DIGITS:
        raise InputError(f"{where} is {_kind(value)}, expected a natural number")
    return int(value)


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
        raise InputError("the JSON is nested too deeply") from None


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

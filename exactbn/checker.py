"""Check a certificate of a partition: python -I -S exactbn/checker.py NETWORK CERTIFICATE

The certificate (docs/certificate_format.md) is not believed, nor is the program that wrote it. This
file imports the standard library only, derives every number anew from the network in exact
integers, solves nothing, rounds nothing. That what it checks implies the counts is proved in
docs/completeness.md; names (C1) to (C6) and (T1) to (T6) refer to the steps there.

Exit code 0: accepted, with one line that says what is proven. 1: rejected, with the line of the
certificate and the reason. 2: not judged, with the reason: a file cannot be read, is malformed or
asks for too much, memory ran out, or the arguments are wrong.
"""

import gzip
import hashlib
import json
import os
import stat
import sys
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from operator import itemgetter, mul
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

VERSION = "exactbn-certificate"
CHAIN, WIRED = "1", "2"  # of chains of layers, and of all other networks
MAX_LINE = 1 << 20  # characters of a line
MAX_DIGITS = 4000  # of a number that is read
MAX_BITS = 1 << 16  # of a number that is computed for a vertex, of a common denominator
MAX_GROWTH = 1 << 17  # bits that the layers of a network may add to a point's
MAX_NUMBERS = 1 << 22  # of a network
MAX_CERTIFICATE = 1 << 32  # bytes of the certificate, unpacked
MAX_RATIO = 32  # of a certificate's unpacked bytes, but for the first 2^19, to its packed ones
MAX_NETWORK = 1 << 25  # bytes of the network's file
MAX_NAME = 400  # characters of a domain that are printed; a longer one is hashed

# What a file may cost, in steps of about a nanosecond: so many, and so many more a byte. What an
# ordinary record costs is in the second; what few bytes can demand at length is counted apart.
STEPS = 1 << 31
STEPS_A_BYTE = 1 << 10
FREE_BITS = 1 << 10  # a coordinate of so many bits is not counted

Ints = list[int]
Forms = list[Ints]  # one (constant, gradient) a neuron
Factors = dict[tuple[bool, int], int]  # whether it is a row of the domain, which, how often
Exact = list["Layer"]
Part = tuple[Callable[[Ints], Ints], Forms]  # what picks the features that rows read, and the rows
Document = Any  # a unit of the user: a number, {"clip": [low, high]} or {"max": contest}


class Rejection(Exception):
    """The certificate proves nothing; the message says why."""


class Unreadable(Exception):
    """Nothing is judged: a file is malformed, or asks for too much."""


class Stranger(Unreadable):
    """A file is of another kind altogether."""


class Allowance:
    """What is left of the steps that a file of ``size`` bytes may cost."""

    def __init__(self, size: int = 0) -> None:
        self.left = STEPS + STEPS_A_BYTE * size

    def spend(self, steps: int) -> None:
        """Take off what is about to be done."""
        self.left -= steps
        if self.left < 0:
            raise Unreadable("too much to compute for a file of its size")

    def number(self, text: Any) -> Fraction:
        """Return the rational number that a text says: an integer, p/q or a decimal."""
        is_text = isinstance(text, str) and text.isascii() and "_" not in text
        if not is_text or len(text) > MAX_DIGITS:
            raise Unreadable(f"{str(text)[:40]!r} is no number, or one that is too long")
        _, _, exponent = text.lower().partition("e")
        power = abs(int(exponent)) if exponent else 0
        if power > MAX_DIGITS:
            raise Unreadable("a number's exponent is too large")
        self.spend(64 * (len(text) + power))
        try:
            return Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise Unreadable(f"{text[:40]!r} is no number") from None

    def integers(self, values: Sequence[Fraction]) -> tuple[Ints, int]:
        """Return integers and their common denominator."""
        common = 1
        for t in values:
            common = lcm(common, t.denominator)
            if common.bit_length() > MAX_BITS:
                raise Unreadable(f"a common denominator has more than {MAX_BITS} bits")
        bits = common.bit_length()
        self.spend(len(values) * (bits + bits * bits // 512))
        return [t.numerator * (common // t.denominator) for t in values], common


# -- the network ------------------------------------------------------------------------------


class Layer(NamedTuple):
    """A layer in fractions, and the features that it reads: inputs from 0 on, then all units."""

    weight: list[list[Fraction]]
    bias: list[Fraction]
    slopes: list[Fraction]
    reads: Sequence[int]


class Network:
    """Integer blocks of the network: sign(row . (D, features)) is the sign of the preactivation.

    A block is the longest run of layers that do not read each other; of a chain each layer is one.
    Rows are multiplied by positive scales, the columns of what reads them divided by these. Slopes
    of a block are below / above with above > 0, so its features are multiplied by it: later rows
    have D, the inputs and earlier features as often as the block before them.
    """

    def __init__(
        self, dim: int, layers: Exact, units: list[Document], version: str, sha256: str,
        allowance: Allowance,
    ) -> None:  # fmt: skip
        self.dim, self.units, self.version, self.sha256 = dim, units, version, sha256
        self.blocks: list[tuple[list[Part], int, Ints]] = []
        self.block_of: Ints = []
        self.first: Ints = []
        self.weights = growth = 0
        scales, ages, age = [Fraction(1)] * dim, [1] * dim, 1  # ages: of the features' scales
        for index, block in enumerate(blocks_of(layers[:-1], dim)):
            below, above = allowance.integers([slope for layer in block for slope in layer.slopes])
            parts: list[Part] = []
            following: list[Fraction] = []
            bits, widest = age.bit_length(), 0
            for layer in block:
                allowance.spend(len(layer.reads) * (bits + bits * bits // 512))
                times = [age] + [1 if ages[f] == age else age // ages[f] for f in layer.reads]
                columns = len(layer.reads)
                rows: Forms = []
                for w, b in zip(layer.weight, layer.bias):
                    exact = [b] + [entry / scales[f] for entry, f in zip(w, layer.reads)]
                    row, common = allowance.integers(exact)
                    content = gcd(*row) or 1
                    row = [t // content for t in row]
                    longest = max(t.bit_length() for t in row)
                    widest = max(widest, longest + columns.bit_length())
                    following.append(Fraction(common, content))
                    if age > 1:
                        allowance.spend(len(row) * bits)
                        row = list(map(mul, row, times))
                    rows.append(row)
                self.weights += len(rows) * (1 + columns)
                parts.append((itemgetter(0, *(1 + f for f in layer.reads)), rows))
            growth += widest + max(t.bit_length() for t in (above, *below))
            if growth > MAX_GROWTH:
                raise Unreadable(f"its layers add more than {MAX_GROWTH} bits to a point's")
            self.first.append(len(self.block_of))
            self.block_of += [index] * len(below)
            self.blocks.append((parts, above, below))
            age *= above
            scales += following
            ages += [age] * len(below)
        self.size = len(self.block_of)

    def forward(self, point: Sequence[int]) -> Ints:
        """Return positive multiples of all hidden preactivations at a homogeneous point."""
        state, result = list(point), list[int]()
        for parts, above, below in self.blocks:
            z = values(parts, state)
            result += z
            state += [above * t if t > 0 else b * t for t, b in zip(z, below)]
        return result

    def sides(self, point: Sequence[int], step: Sequence[int]) -> Ints:
        """Return the signs of all preactivations at point + epsilon * step, epsilon -> 0."""
        state, slope, result = list(point), list(step), list[int]()
        for parts, above, below in self.blocks:
            z, dz = values(parts, state), values(parts, slope)
            signs = [t or dt for t, dt in zip(z, dz)]
            result += signs
            factors = [above if sign > 0 else b for sign, b in zip(signs, below)]
            state += map(mul, factors, z)
            slope += map(mul, factors, dz)
        return result

    def columns(self) -> Forms:
        """Return D and the inputs as affine forms: column c are the features where c is 1."""
        return [[int(i == k) for k in range(1 + self.dim)] for i in range(1 + self.dim)]

    def forms(self, index: int, columns: Forms) -> Forms:
        """Return the forms (constant, gradient) of a block, given the features before it."""
        found = [values(self.blocks[index][0], column) for column in columns]
        return [list(form) for form in zip(*found)]

    def extend(self, columns: Forms, index: int, forms: Forms, pattern: int) -> None:
        """Add the features of a block under a pattern, whose bit n says that neuron n is on."""
        _, above, below = self.blocks[index]
        first = self.first[index]
        for k, (form, b) in enumerate(zip(forms, below)):
            factor = above if pattern >> first + k & 1 else b
            for column, t in zip(columns, form):
                column.append(factor * t)

    def all_forms(self, pattern: int) -> Forms:
        """Return the forms of all hidden neurons under a pattern."""
        result: Forms = []
        columns = self.columns()
        for index in range(len(self.blocks)):
            forms = self.forms(index, columns)
            self.extend(columns, index, forms, pattern)
            result += forms
        return result

    def label(self, pattern: int) -> Hashable:
        """Return the pattern in the units of the user: bits, pieces of clips, winners of maxima."""
        return tuple(piece(unit, pattern) for unit in self.units) if self.units else pattern


def blocks_of(layers: Exact, dim: int) -> Iterator[Exact]:
    """Yield the longest runs of layers that do not read each other."""
    run: Exact = []
    first = count = dim
    for layer in layers:
        if run and layer.reads[-1] >= first:
            yield run
            run, first = [], count
        run.append(layer)
        count += len(layer.bias)
    if run:
        yield run


def values(parts: list[Part], state: Ints) -> Ints:
    """Return the products of all rows of a block with the features that they read."""
    result: Ints = []
    for pick, rows in parts:
        read = pick(state)
        result += [sum(map(mul, row, read)) for row in rows]
    return result


def piece(unit: Document, pattern: int) -> int:
    """Return the bit of a unit, which piece of a clip a pattern says, or who wins a maximum."""
    if isinstance(unit, int):
        return pattern >> unit & 1
    if "clip" in unit:
        return sum(pattern >> n & 1 for n in unit["clip"])
    side = unit["max"]
    while not isinstance(side, int):
        side = side[pattern >> side[2] & 1]
    return side


def are_multiples(u: Ints, v: Ints) -> bool:
    """Return whether two integer vectors, neither of them zero, are multiples of each other."""
    pivot = next(i for i, t in enumerate(u) if t)
    return any(v) and all(s * v[pivot] == t * u[pivot] for s, t in zip(u, v))


def long_text(value: Fraction) -> str:
    """Return p or p/q in lowest terms; str() refuses integers of more than 4300 digits."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) < 14000:
        return str(value)
    parts = [value.numerator] if value.denominator == 1 else [value.numerator, value.denominator]
    return "/".join(str(Decimal(part)) for part in parts)


def natural(text: Any) -> int:
    """Return a natural number, a short one."""
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{str(text)[:40]!r} is no natural number")
    return int(text)


def read_layers(document: Any, allowance: Allowance) -> tuple[int, Exact]:
    """Return inputs and layers of a JSON document whose numbers are texts; odd ones are errors."""
    is_wired = "format" in document
    known = {"format", "inputs", "layers", "units"} if is_wired else {"layers"}
    if not known - {"units"} <= set(document) <= known or document.get("format", WIRED) != WIRED:
        raise ValueError('expected the one key "layers", or "format" 2, "inputs" and "layers"')
    layers: Exact = []
    start, left = 0, MAX_NUMBERS
    dim = count = natural(document["inputs"]) if is_wired else -1
    for entry in document["layers"]:
        layer = read_layer(entry, is_wired, allowance)
        left -= sum(map(len, layer.weight)) + 2 * len(layer.bias) + len(layer.reads)
        if left < 0:
            raise Unreadable(f"more than {MAX_NUMBERS} numbers")
        if dim < 0:
            dim = count = len(layer.weight[0])
        layer = layer._replace(reads=layer.reads or range(start, count))
        if {len(row) for row in layer.weight} != {len(layer.reads)} or not layer.reads:
            raise ValueError("shapes do not fit")
        if layer.reads[-1] >= count:
            raise ValueError("a layer reads what comes later")
        layers.append(layer)
        start, count = count, count + len(layer.bias)
    allowance.spend((1 + dim) ** 2)  # of the inputs as affine forms
    if not set(layers[-1].slopes) <= {0, 1}:
        raise ValueError("the output layer has no activation")
    layers[-1] = layers[-1]._replace(slopes=[Fraction(1)] * len(layers[-1].bias))
    return dim, layers


def read_layer(entry: Any, is_wired: bool, allowance: Allowance) -> Layer:
    """Return a layer; that it reads nothing says that it reads all of the layer before."""
    known = {"W", "b", "slope"} | ({"slopes", "reads"} if is_wired else set())
    if not {"W", "b"} <= set(entry) <= known or {"slope", "slopes"} <= set(entry):
        raise ValueError('a layer has the keys "W", "b" and maybe "slope"')
    lists = [part for key, part in entry.items() if key != "slope"]
    if not all(isinstance(part, list) for part in (*lists, *entry["W"])) or not all(lists):
        raise ValueError('"W" is a list of lists and "b" a list')
    number = allowance.number
    weight = [[number(t) for t in row] for row in entry["W"]]
    bias = [number(t) for t in entry["b"]]
    if "slopes" in entry:
        slopes = [number(t) for t in entry["slopes"]]
    else:
        slopes = [number(entry.get("slope", "0"))] * len(bias)
    if not len(weight) == len(bias) == len(slopes):
        raise ValueError("shapes do not fit: rows, biases and slopes")
    reads = [natural(t) for t in entry.get("reads", [])]
    if any(a >= b for a, b in zip(reads, reads[1:])):
        raise ValueError("what a layer reads is not ascending")
    return Layer(weight, bias, slopes, reads)


def read_unit(unit: Any) -> Document:
    """Return a unit of the user with its numbers as integers."""
    if isinstance(unit, dict) and set(unit) == {"clip"}:
        low, high = map(natural, unit["clip"])
        return {"clip": [low, high]}
    if isinstance(unit, dict) and set(unit) == {"max"}:
        first, second, own = unit["max"]
        return {"max": [read_side(first), read_side(second), natural(own)]}
    return natural(unit)


def read_side(side: Any) -> Document:
    """Return a side of a contest: an entry, or the winner of another contest."""
    if not isinstance(side, list):
        return natural(side)
    first, second, own = side
    return [read_side(first), read_side(second), natural(own)]


def contests_of(side: Document) -> Iterator[Any]:
    """Yield all contests of a side."""
    waiting = [side]
    while waiting:
        side = waiting.pop()
        if not isinstance(side, int):
            yield side
            waiting += side[:2]


def spine_of(side: Document) -> Ints:
    """Return the units whose outputs, added to the first entry of a side, are its value."""
    spine: Ints = []
    while not isinstance(side, int):
        spine.append(side[2])
        side = side[0]
    return spine


class Reading(NamedTuple):
    """A row without its zeros: what it reads by unit, of inputs by number - d; bias and slope."""

    weights: dict[int, Fraction]
    bias: Fraction
    slope: Fraction


def check_units(units: list[Document], dim: int, layers: Exact, allowance: Allowance) -> None:
    """Check that clips and maxima are what they are said to be (U1, U2)."""
    rows = [
        Reading({f - dim: w for f, w in zip(layer.reads, row) if w}, b, slope)
        for layer in layers
        for row, b, slope in zip(layer.weight, layer.bias, layer.slopes)
    ]
    members: Ints = []
    owner: dict[int, int] = {}  # of a unit of a maximum, which maximum
    roots: list[Document] = []
    for unit in units:
        own = [unit] if isinstance(unit, int) else unit.get("clip") or check_contests(unit["max"])
        members += own
        if isinstance(unit, dict) and "clip" in unit:
            low, high = (rows[n] for n in own)
            if low.weights != high.weights or high.bias > low.bias:
                raise ValueError(f"units {own} are no clip")
        elif isinstance(unit, dict):
            owner |= dict.fromkeys(own, len(roots))
            roots.append(unit["max"])
    if sorted(members) != list(range(len(rows) - len(layers[-1].bias))):
        raise ValueError("units are not made of each unit of the layers once")
    allowed: dict[int, dict[int, int]] = {}
    for root in roots:
        for first, second, own in contests_of(root):
            minus, plus = spine_of(first), spine_of(second)
            allowance.spend(64 * (1 + len(minus) + len(plus)))
            allowed[own] = dict.fromkeys(minus, -1) | dict.fromkeys(plus, 1)
    spines = [set(spine_of(root)) for root in roots]
    for n, row in enumerate(rows):
        check_reading(n, row, owner, allowed, spines)


def check_contests(root: Document) -> Ints:
    """Return the units of a maximum, whose entries must be numbered from 0 on, each once."""
    contests = list(contests_of(root))
    entries = [side for contest in contests for side in contest[:2] if isinstance(side, int)]
    if sorted(entries) != list(range(len(entries))):
        raise ValueError("a maximum does not number its entries")
    return [own for _, _, own in contests]


def check_reading(
    n: int,
    row: Reading,
    owner: dict[int, int],
    allowed: dict[int, dict[int, int]],
    spines: list[set[int]],
) -> None:
    """Check what a row reads of maxima: of its own the two sides, of others all their value."""
    read: dict[int, dict[int, Fraction]] = {}
    for source, weight in row.weights.items():
        if source in owner:
            read.setdefault(owner[source], {})[source] = weight
    if n in owner and (row.slope or read.pop(owner[n], {}) != allowed[n]):
        raise ValueError(f"unit {n} is none of a maximum")
    for number, found in read.items():
        if set(found) != spines[number] or len(set(found.values())) > 1:
            raise ValueError(f"unit {n} reads a part of a maximum")


def canonical(dim: int, layers: Exact, units: list[Document]) -> tuple[str, str]:
    """Return the canonical exact form of a network, and the version of its certificates."""
    document: dict[str, Any] = {"layers": []}
    version, start, count = WIRED if units else CHAIN, 0, dim
    for layer in layers:
        record: dict[str, Any] = {
            "W": [[long_text(t) for t in row] for row in layer.weight],
            "b": [long_text(t) for t in layer.bias],
        }
        slopes = [long_text(slope) for slope in layer.slopes]
        if len(set(slopes)) > 1:
            record["slopes"], version = slopes, WIRED
        else:
            record["slope"] = slopes[0]
        if list(layer.reads) != list(range(start, count)):
            record["reads"], version = list(layer.reads), WIRED
        document["layers"].append(record)
        start, count = count, count + len(layer.bias)
    if version == WIRED:
        document |= {"format": int(WIRED), "inputs": dim}
    if units:
        document["units"] = units
    return json.dumps(document, sort_keys=True, separators=(",", ":")), version


def read_network(path: str | Path) -> Network:
    """Return the network of a .json file, hashed in its canonical exact form."""
    with open(path, "rb", opener=open_regular) as stream:
        content = stream.read(MAX_NETWORK + 1)
    if len(content) > MAX_NETWORK:
        raise Unreadable(f"more than {MAX_NETWORK} bytes")
    allowance = Allowance(len(content))

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key occurs twice")
        return dict(pairs)

    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise Stranger(f"no network in exact JSON: {error}") from None
    try:
        dim, layers = read_layers(document, allowance)
        units = [read_unit(unit) for unit in document.get("units", [])]
        if units == list(range(sum(len(layer.bias) for layer in layers[:-1]))):
            units = []
        if units:
            check_units(units, dim, layers, allowance)
    except (
        ValueError, TypeError, AttributeError, LookupError, RecursionError, ZeroDivisionError
    ) as error:  # fmt: skip
        raise Unreadable(f"no network in exact JSON: {error}") from None
    text, version = canonical(dim, layers, units)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Network(dim, layers, units, version, sha256, allowance)


# -- the certificate's lines ------------------------------------------------------------------


class Lines(Allowance):
    """The records of a certificate, one at a time, with the number of the line.

    At most ``most`` bytes are read; the allowance grows with them.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.stream, self.most = stream, MAX_CERTIFICATE
        packed: object = stream
        if isinstance(packed, gzip.GzipFile):
            size = os.fstat(packed.fileno()).st_size
            self.most = min(MAX_CERTIFICATE, (1 << 19) + MAX_RATIO * size)
        self.count = self.size = 0

    def fields(self) -> list[str]:
        """Return the fields of the next record."""
        raw = self.stream.readline(MAX_LINE + 1)
        self.count += 1
        self.size += len(raw)
        self.left += STEPS_A_BYTE * len(raw)
        if self.size > self.most:
            advice = "; unpack it first" * (self.most < MAX_CERTIFICATE)
            raise Unreadable(f"the certificate has more than {self.most} bytes{advice}")
        if not raw.endswith(b"\n"):
            raise Unreadable("the certificate is cut short, or the line is too long")
        line = raw.decode("ascii")
        fields = line.split()
        if not fields or not line[:-1].isprintable():
            raise Unreadable("the line is empty, or holds other signs than letters and blanks")
        return fields

    def expect(self, *words: str) -> list[str]:
        """Return the rest of the next record, which must begin with ``words``."""
        fields = self.fields()
        if fields[: len(words)] != list(words):
            raise Unreadable(f"expected {' '.join(words)!r}, got {' '.join(fields)[:80]!r}")
        return fields[len(words) :]


def integers(fields: Sequence[str], count: int | None = None) -> Ints:
    """Return fields, ``count`` of them where given, as integers."""
    if count is not None and len(fields) != count:
        raise Unreadable(f"expected {count} integers, got {len(fields)}")
    text = "".join(fields)
    if "_" in text or len(text) > MAX_DIGITS and max(map(len, fields)) > MAX_DIGITS:
        raise Unreadable("a number is too long")
    return list(map(int, fields))


def homogeneous(fields: Sequence[str], dim: int) -> Ints:
    """Return the homogeneous integer point of a record."""
    point = integers(fields, 1 + dim)
    if not any(point):
        raise Unreadable(f"expected {1 + dim} integers, not all zero")
    return point


class Domain:
    """A box or all of R^d, cut by rows; rows are forms (b, a) with b + a . x > 0 inside.

    ``rows`` are those of a box as well, or x0 itself for all of R^d; ``extra`` the others.
    """

    def __init__(
        self, dim: int, fields: list[str], rows: Forms, text: str, allowance: Allowance
    ) -> None:
        self.dim, self.text, self.allowance = dim, text, allowance
        self.is_all = fields == ["all", str(dim)]
        self.rows: Forms = [[1] + [0] * dim] if self.is_all else []
        self.extra = rows
        # The bits of walls() that are boundary: those of the rows.
        self.boundary = (1 << (1 if self.is_all else 2 * dim) + len(rows)) - 1
        if self.is_all:
            self.rows += rows
            return
        if fields[:1] != ["box"] or len(fields) != 1 + 2 * dim:
            raise Unreadable(f"expected 'box' and {2 * dim} bounds, or 'all {dim}'")
        bounds = [allowance.number(t) for t in fields[1:]]
        lo, hi = bounds[:dim], bounds[dim:]
        if any(a >= b for a, b in zip(lo, hi)):
            raise Rejection("the box is empty or flat")
        for bound, sign in [(t, 1) for t in lo] + [(t, -1) for t in hi]:
            gradient = [0] * dim
            gradient[len(self.rows) % dim] = sign * bound.denominator
            self.rows.append([-sign * bound.numerator, *gradient])
        self.rows += rows
        ends, self.scale = allowance.integers(bounds)
        self.lo, self.hi = ends[:dim], ends[dim:]

    def has_inside(self, point: Ints) -> bool:
        """Return whether a point, not a direction, is strictly inside."""
        self.allowance.spend(128 * len(self.extra) * len(point))
        return point[0] > 0 and all(sum(map(mul, row, point)) > 0 for row in self.rows)

    def is_never_positive(self, form: Ints) -> bool:
        """Return whether an affine form is <= 0 everywhere in the box, or everywhere."""
        if self.is_all:
            return form[0] <= 0 and not any(form[1:])
        greatest = form[0] * self.scale
        for t, lo, hi in zip(form[1:], self.lo, self.hi):
            greatest += t * (hi if t > 0 else lo)
        return greatest <= 0

    def walls(self, point: Ints) -> tuple[int, int]:
        """Return (on, parts) of a point of the closed domain, as bits.

        ``on`` says which rows are zero there, and above them the parts again. In a box there is
        one part, R^d has the parts m = 0..d in which t_m is the least of t = (x_1, ..., x_d, 0):
        in part m the wall t_k = t_m is where part k is as well.
        """
        self.allowance.spend(128 * len(self.extra) * len(point))
        values = [sum(map(mul, row, point)) for row in self.rows]
        if min(values) < 0:
            raise Rejection("the vertex is outside the domain")
        on = sum((value == 0) << i for i, value in enumerate(values))
        t = [*point[1:], 0] if self.is_all else [0]
        least = min(t)
        parts = sum((entry == least) << m for m, entry in enumerate(t))
        return on | parts << len(values), parts


def read_domain(dim: int, lines: Lines) -> tuple[Domain, list[str]]:
    """Return the domain, and the fields of the first record after it."""
    named = lines.expect("domain")
    texts = [" ".join(named)]
    rows: Forms = []
    fields = lines.fields()
    while fields[0] == "row":
        if len(fields) != 2 + dim:
            raise Unreadable(f"a row has {1 + dim} numbers")
        # a . x <= b as the form b - a . x in integers.
        exact = [lines.number(t) for t in fields[1:]]
        (b, *a), _ = lines.integers(exact)
        if not any(a):
            raise Rejection("a row is zero")
        rows.append([b, *(-t for t in a)])
        texts.append(" ".join(fields))
        fields = lines.fields()
    return Domain(dim, named, rows, named_whole(texts), lines), fields


def named_whole(texts: Sequence[str]) -> str:
    """Return a domain's records in one line, or their hash: different domains, different lines."""
    text = ", ".join(texts)
    if len(text) <= MAX_NAME:
        return text
    sha256 = hashlib.sha256("".join(f"{line}\n" for line in texts).encode()).hexdigest()
    return f"{texts[0][:40]} .. with {len(texts) - 1} rows, sha256 {sha256}"


# -- proof complex ----------------------------------------------------------------------------


class Faces:
    """The faces of one dimension: their boundaries, and words joined over their vertices."""

    def __init__(self) -> None:
        self.boundary: list[Ints] = []
        self.pos: Ints = []
        self.neg: Ints = []
        self.on: Ints = []
        self.parts: Ints = []

    def add(self, boundary: Ints, pos: int, neg: int, on: int, parts: int) -> None:
        self.boundary.append(boundary)
        self.pos.append(pos)
        self.neg.append(neg)
        self.on.append(on)
        self.parts.append(parts)


def read_vertices(network: Network, domain: Domain, lines: Lines) -> tuple[Faces, list[str]]:
    """Return the vertices (C1), and the fields of the first record after them.

    Bit ``network.size`` of a positive word says that the vertex is at infinity.
    """
    faces = Faces()
    points: Forms = []
    values: Forms = []  # empty where they would be long: they are computed again
    while True:
        fields = lines.fields()
        if fields[0] == "v":
            point = homogeneous(fields[1:], network.dim)
        elif fields[0] == "c":
            a, b, n = integers(fields[1:], 3)
            if not (0 <= a < len(points) and 0 <= b < len(points) and 0 <= n < network.size):
                raise Rejection("no such vertex or neuron")
            za, zb = ((values[i] or network.forward(points[i]))[n] for i in (a, b))
            if za * zb >= 0:
                raise Rejection("the ends are not on both sides of the neuron")
            za, zb = abs(za), abs(zb)
            point = [zb * s + za * t for s, t in zip(points[a], points[b])]
            content = gcd(*point)
            if not content:
                raise Rejection("the ends are opposite directions, with nothing between them")
            point = [t // content for t in point]
        else:
            return faces, fields
        bits = max(t.bit_length() for t in point)
        if bits > MAX_BITS:
            raise Unreadable(f"a coordinate has more than {MAX_BITS} bits")
        if bits > FREE_BITS:
            each = len(point) * (1 + bits // 512) + network.weights // 16
            lines.spend(bits * each)
        z = network.forward(point)
        pos = neg = 0
        for n, t in enumerate(z):
            if t > 0:
                pos |= 1 << n
            elif t < 0:
                neg |= 1 << n
        on, parts = domain.walls(point)
        faces.add([], pos | (point[0] == 0) << network.size, neg, on, parts)
        points.append(point)
        values.append(z if bits <= FREE_BITS else [])


def read_faces(below: Faces, lines: Lines, is_edge: bool) -> tuple[Faces, list[str]]:
    """Return the faces of one dimension (C2), and the fields of the first record after them."""
    faces, size = Faces(), len(below.pos)
    inners, poss, negs = below.boundary, below.pos, below.neg
    ons, partss = below.on, below.parts
    while True:
        fields = lines.fields()
        if fields[0] != "f":
            return faces, fields
        ids = integers(fields[1:])
        if is_edge and len(ids) != 2:
            raise Unreadable("an edge has two vertices")
        if len(set(ids)) < len(ids) or not ids or min(ids) < 0 or max(ids) >= size:
            raise Rejection("a face lists a facet twice, none, or one that is not there")
        odd: set[int] = set()
        ends = 0
        pos = neg = 0
        on = parts = -1
        for i in ids:
            inner = inners[i]
            odd.symmetric_difference_update(inner)
            ends += len(inner)
            pos |= poss[i]
            neg |= negs[i]
            on &= ons[i]
            parts &= partss[i]
        # One face takes no longer than all below it together; many may.
        lines.spend(64 * ends)
        if odd:
            raise Rejection("the boundary of the face is not closed")
        faces.add(ids, pos, neg, on, parts)


Proven = tuple[dict[int, bool | None], set[frozenset[int]] | None, list[str]]


def check_complex(network: Network, domain: Domain, lines: Lines) -> Proven:
    """Return the cells and whether they are unbounded, the pairs that touch, and the last line."""
    faces, fields = read_vertices(network, domain, lines)
    levels = [faces]
    for k in range(1, network.dim + 1):
        if fields != ["dim", str(k)]:
            raise Unreadable(f"expected 'dim {k}', got {' '.join(fields)[:80]!r}")
        faces, fields = read_faces(levels[-1], lines, k == 1)
        levels.append(faces)
    regions = check_cells(network, domain, levels[-1])
    edges = check_facets(network, domain, levels[-2], levels[-1])
    check_flag(domain, levels)
    return regions, edges, fields


def check_cells(network: Network, domain: Domain, cells: Faces) -> dict[int, bool | None]:
    """Return the patterns of the cells (C3), and whether they reach infinity."""
    full = (1 << network.size) - 1
    regions: dict[int, bool | None] = {}
    for i in range(len(cells.pos)):
        pos, neg = cells.pos[i] & full, cells.neg[i]
        if pos & neg:
            raise Rejection(f"cell {i} has vertices on both sides of a neuron")
        if cells.on[i] & domain.boundary:
            raise Rejection(f"cell {i} lies in the boundary of the domain")
        if not cells.parts[i]:
            raise Rejection(f"cell {i} lies in no one part of R^d")
        rest = full & ~(pos | neg)
        if rest and any(
            rest >> n & 1 and any(form) for n, form in enumerate(network.all_forms(pos))
        ):
            raise Rejection(f"cell {i} is flat: it lies in a hyperplane")
        regions[pos] = regions.get(pos, False) or bool(cells.pos[i] >> network.size)
    return regions


def check_facets(
    network: Network, domain: Domain, facets: Faces, cells: Faces
) -> set[frozenset[int]]:
    """Return the pairs of patterns that share a facet; all facets have their cells (C4)."""
    owners: list[Ints] = [[] for _ in facets.pos]
    for i, boundary in enumerate(cells.boundary):
        for facet in boundary:
            owners[facet].append(i)
    full = (1 << network.size) - 1
    adjacent: set[frozenset[int]] = set()
    for facet, of in enumerate(owners):
        expected = 1 if facets.on[facet] & domain.boundary else 2
        if len(of) != expected:
            raise Rejection(f"facet {facet} has {len(of)} cells, expected {expected}")
        pair = frozenset(cells.pos[i] & full for i in of)
        if len(pair) == 2:
            check_facet(network, facets, facet, cells, of)
            adjacent.add(pair)
    return adjacent


def check_facet(network: Network, facets: Faces, facet: int, cells: Faces, of: Ints) -> None:
    """Check that a facet between two regions is of dimension d - 1 (C6)."""
    nonzero = facets.pos[facet] | facets.neg[facet]
    for i in of:
        vanishing = (cells.pos[i] | cells.neg[i]) & ~nonzero & ((1 << network.size) - 1)
        if not vanishing:
            raise Rejection(f"facet {facet} is no part of a hyperplane of cell {i}")
        if vanishing & (vanishing - 1):
            forms = network.all_forms(cells.pos[i])
            forms = [form for n, form in enumerate(forms) if vanishing >> n & 1]
            if not all(are_multiples(forms[0], form) for form in forms[1:]):
                raise Rejection(f"facet {facet} is flat: it lies in two hyperplanes")


def check_flag(domain: Domain, levels: list[Faces]) -> None:
    """Check that the cells cover the domain an odd number of times (C5), along a flag of faces.

    It is that of the first cell and part: each wall is one that holds an odd facet, and not all of
    the faces before.
    """
    parts = levels[-1].parts
    own = parts[0] & -parts[0] if parts else 0
    chain = [i for i, word in enumerate(parts) if word & own]
    own <<= len(domain.rows)
    for k in range(domain.dim, 0, -1):
        odd: set[int] = set()
        for i in chain:
            odd.symmetric_difference_update(levels[k].boundary[i])
        on = levels[k - 1].on
        if k == domain.dim and not all(on[i] & ~own for i in odd):
            raise Rejection("the boundary of the cells is not that of the domain")
        common = -1
        for i in chain:
            common &= levels[k].on[i]
        wall = on[min(odd)] & ~common if odd else 0
        chain = [i for i in odd if on[i] & wall & -wall]
    if len(chain) % 2 == 0:
        raise Rejection("the cells do not cover the domain")


# -- proof tree -------------------------------------------------------------------------------


class Branch:
    """The neurons decided on the way from the root, and the forms that they fix."""

    def __init__(self, network: Network, domain: Domain) -> None:
        self.network, self.domain = network, domain
        self.sign = [0] * network.size
        self.trail: Ints = []
        self.left = [len(below) for _, _, below in network.blocks]
        self.pattern = 0
        self.forms: Forms = []
        self.columns = network.columns()  # of the features before block ``done``
        self.done = 0

    def decide(self, n: int, sign: int) -> None:
        """Put neuron n on the side ``sign``."""
        self.sign[n] = sign
        self.trail.append(n)
        self.left[self.network.block_of[n]] -= 1
        if sign > 0:
            self.pattern |= 1 << n

    def back(self, length: int) -> None:
        """Take back all but the first ``length`` decisions."""
        while len(self.trail) > length:
            n = self.trail.pop()
            block = self.network.block_of[n]
            self.sign[n] = 0
            self.left[block] += 1
            self.pattern &= ~(1 << n)
            # The forms of the block itself do not depend on its own pattern.
            first = self.network.first[block]
            del self.forms[first + len(self.network.blocks[block][2]) :]
            if block < self.done:
                self.done = block
                for column in self.columns:
                    del column[1 + self.network.dim + first :]

    def open_neuron(self, text: str) -> int:
        """Return an undecided neuron whose form the path fixes (T1)."""
        n = integers([text])[0]
        if not 0 <= n < self.network.size or self.sign[n]:
            raise Rejection(f"neuron {n} does not exist or is decided")
        block = self.network.block_of[n]
        if any(self.left[:block]):
            raise Rejection(f"neuron {n} comes before the layers below it are decided")
        self.form(n)
        return n

    def form(self, n: int) -> Ints:
        """Return the form of a neuron of a block below which all is decided."""
        network = self.network
        while len(self.forms) <= n:
            if len(self.forms) > network.first[self.done]:
                own = self.forms[network.first[self.done] :]
                network.extend(self.columns, self.done, own, self.pattern)
                self.done += 1
            self.forms += network.forms(self.done, self.columns)
        return self.forms[n]

    def row(self, n: int) -> Ints:
        """Return the row of a decided neuron, positive inside the region, which it must be."""
        if not self.sign[n]:
            raise Rejection(f"neuron {n} is not decided here")
        form = self.form(n)
        if not any(form):
            raise Rejection(f"neuron {n} vanishes identically and is no row")
        return form if self.sign[n] > 0 else [-t for t in form]

    def combine(self, factors: Factors, start: Ints, without: Ints | None = None) -> Ints:
        """Return ``start`` plus positive multiples of rows (T2).

        ``without`` is a form of which no multiple may be used.
        """
        total = list(start)
        for (is_extra, index), factor in factors.items():
            if is_extra:
                if not 0 <= index < len(self.domain.extra):
                    raise Rejection(f"there is no row {index}")
                row = self.domain.extra[index]
            else:
                if not 0 <= index < self.network.size:
                    raise Rejection(f"there is no neuron {index}")
                row = self.row(index)
                if without is not None and are_multiples(without, row):
                    raise Rejection(f"neuron {index} vanishes on the facet")
            total = [t + factor * s for t, s in zip(total, row)]
        return total


def multipliers(fields: Sequence[str]) -> Factors:
    """Return the positive factor of each row that is named; what is named twice is added up."""
    factors: Factors = {}
    for field in fields:
        name, _, text = field.partition(":")
        is_extra = name[:1] == "r"
        index, factor = integers([name[is_extra:], text])
        if factor <= 0:
            raise Rejection(f"the multiplier {field[:80]} is not positive")
        factors[is_extra, index] = factors.get((is_extra, index), 0) + factor
    return factors


class Leaf(NamedTuple):
    """What is known of a finished region: see :func:`finish_region`."""

    is_special: bool
    is_settled: bool
    is_unbounded: bool | None


class Region:
    """A leaf: its pattern, and which of its neurons have a facet or are shown to have none."""

    def __init__(self, path: Branch, witness: Ints) -> None:
        self.path, self.pattern, self.witness = path, path.pattern, witness
        self.settled: set[int] = set()
        self.is_unbounded: bool | None = None
        self.directions: set[int] = set()


def check_tree(network: Network, domain: Domain, lines: Lines) -> Proven:
    """Return what a search tree proves, None for what it leaves open, and the last line."""
    path = Branch(network, domain)
    waiting: list[tuple[int, int]] = []
    regions: dict[int, Leaf] = {}
    edges: set[frozenset[int]] = set()
    barred: set[frozenset[int]] = set()
    region: Region | None = None
    is_open = True  # whether the subtree at hand is still to be closed by a leaf
    while True:
        fields = lines.fields()
        kind, rest = fields[0], fields[1:]
        if kind in ("f", "g", "u", "b") and region is not None:
            check_leaf_record(region, kind, rest, edges, barred)
            continue
        if region is not None:
            finish_region(region, regions)
            region = None
            if waiting:
                length, n = waiting.pop()
                path.back(length)
                path.decide(n, -1)
                is_open = True
            else:
                is_open = False
        if not is_open:
            is_settled = check_adjacency(regions, edges, barred, network.size)
            cells = {pattern: leaf.is_unbounded for pattern, leaf in regions.items()}
            return cells, edges if is_settled else None, fields
        if kind in ("s", "+", "-") and rest:
            n = path.open_neuron(rest[0])
            if kind == "s":
                integers(rest, 1)
                waiting.append((len(path.trail), n))
                path.decide(n, 1)
                continue
            sign = 1 if kind == "+" else -1
            check_other_side(path, n, sign, rest[1:])
            path.decide(n, sign)
        elif kind == "w":
            if any(path.left):
                raise Rejection("the leaf leaves neurons undecided")
            witness = homogeneous(rest, network.dim)
            check_witness(path, witness)
            region = Region(path, witness)
        else:
            raise Unreadable(f"unexpected record {' '.join(fields)[:80]!r}")


def check_other_side(path: Branch, n: int, sign: int, fields: list[str]) -> None:
    """Check that neuron n has the side ``sign`` only: multipliers close the other one (T3)."""
    form = path.form(n)
    if sign > 0 and not any(form):
        raise Rejection(f"neuron {n} vanishes identically, it is off")
    # On the other side -sign * form would be a row like those of the path, positive inside.
    if not fields:
        raise Unreadable("there are no multipliers")
    factors = multipliers(fields)
    own = factors.pop((False, n), 0)
    total = path.combine(factors, [-sign * own * t for t in form])
    if not path.domain.is_never_positive(total):
        raise Rejection(f"the multipliers do not close the other side of neuron {n}")


def check_witness(path: Branch, point: Ints) -> None:
    """Check that a point is strictly inside the region (T4)."""
    if not path.domain.has_inside(point):
        raise Rejection("the witness is not inside the domain")
    for n, (t, sign) in enumerate(zip(path.network.forward(point), path.sign)):
        if t * sign <= 0 and (t or sign > 0 or any(path.form(n))):
            raise Rejection(f"the witness is on the wrong side of neuron {n}")


def check_leaf_record(
    region: Region,
    kind: str,
    fields: list[str],
    edges: set[frozenset[int]],
    barred: set[frozenset[int]],
) -> None:
    """Check a record about the facets (T5) or the extent (T6) of a region."""
    path, network, dim = region.path, region.path.network, region.path.network.dim
    if kind in ("f", "g"):
        n = integers(fields[:1])[0]
        if not 0 <= n < network.size or not any(path.form(n)):
            raise Rejection("no such neuron, or it vanishes identically")
        form = path.form(n)
        if kind == "g":
            factor = integers(fields[1:2])[0]
            total = path.combine(multipliers(fields[2:]), [factor * t for t in form], form)
            # Without rows the form alone keeps its hyperplane out of the inside of the box.
            is_something = len(fields) > 2 or factor != 0
            if not is_something or not path.domain.is_never_positive(total):
                raise Rejection(f"the multipliers do not rule out a facet at neuron {n}")
            barred.add(frozenset((region.pattern, region.pattern ^ 1 << n)))
        else:
            beyond = homogeneous(fields[1:], dim)
            edges.add(frozenset((region.pattern, across(path, n, region.witness, beyond))))
        region.settled.add(n)
        return
    if not path.domain.is_all:
        raise Rejection("only regions of R^d are unbounded")
    if kind == "u":
        v = integers(fields, dim)
        path.domain.allowance.spend(128 * len(path.domain.extra) * len(v))
        rows = [path.row(n) for n in range(network.size) if any(path.form(n))]
        rows += path.domain.extra
        if not any(v) or any(sum(map(mul, row[1:], v)) < 0 for row in rows):
            raise Rejection("the direction leaves the region, or is none")
        region.is_unbounded = True
        return
    k = integers(fields[:1])[0]
    gradient = path.combine(multipliers(fields[1:]), [0] * (1 + dim))[1:]
    if 0 <= k < dim:
        is_bound = gradient[k] < 0 and not any(gradient[:k] + gradient[k + 1 :])
    else:
        is_bound = k == dim and gradient[0] > 0 and len(set(gradient)) == 1
    if not is_bound:
        raise Rejection("the multipliers bound the region in no direction")
    region.directions.add(k)


def across(path: Branch, n: int, witness: Ints, beyond: Ints) -> int:
    """Return the pattern across the facet of neuron n that a point beyond it shows (T5)."""
    if not path.domain.has_inside(beyond):
        raise Rejection("the point beyond the facet is not inside the domain")
    form = path.form(n)
    here, there = (abs(sum(map(mul, form, point))) for point in (witness, beyond))
    vanishing = []
    for m in range(path.network.size):
        other = path.form(m)
        value = sum(map(mul, other, beyond)) * path.sign[m]
        if m == n and value >= 0:
            raise Rejection(f"the point is not beyond neuron {n}")
        if m != n and value <= 0:
            if any(other) and not are_multiples(form, other):
                raise Rejection(f"the point is on, or beyond, neuron {m}")
            vanishing.append(m)
    if not vanishing:
        return path.pattern ^ 1 << n
    crossing = [there * s + here * t for s, t in zip(witness, beyond)]
    step = [witness[0] * t - beyond[0] * s for s, t in zip(witness, beyond)]
    sides = path.network.sides(crossing, step)
    return sum((t > 0) << m for m, t in enumerate(sides))


def finish_region(region: Region, regions: dict[int, Leaf]) -> None:
    """Store a leaf; every class of forms of a region in special position must be settled."""
    path = region.path
    seen: dict[tuple[int, ...], int] = {}
    classes: dict[int, Ints] = {}
    is_special = False
    for n in range(path.network.size):
        form = path.form(n)
        content = gcd(*form)
        if not any(form[1:]):
            # Constant: it has no hyperplane; but zero throughout it may wake up across a facet.
            is_special = is_special or content == 0
            continue
        pivot = next(t for t in form if t)
        content = content if pivot > 0 else -content
        key = tuple(t // content for t in form)
        is_special = is_special or key in seen
        classes.setdefault(seen.setdefault(key, n), []).append(n)
    complete = is_special and all(region.settled & set(of) for of in classes.values())
    if region.directions == set(range(path.network.dim + 1)):
        if region.is_unbounded:
            raise Rejection("a region is bounded and unbounded")
        region.is_unbounded = False
    regions[region.pattern] = Leaf(is_special, complete, region.is_unbounded)


def check_adjacency(
    regions: dict[int, Leaf], edges: set[frozenset[int]], barred: set[frozenset[int]], size: int
) -> bool:
    """Return whether the pairs that are shown to touch are all that do (Theorem 3)."""
    for edge in edges:
        if len(edge) != 2 or not all(pattern in regions for pattern in edge):
            raise Rejection("a facet leads to no region")
    if edges & barred:
        raise Rejection("a facet is both there and ruled out")
    known = edges | barred
    return all(
        leaf.is_settled
        if leaf.is_special
        else all(
            frozenset((pattern, pattern ^ 1 << n)) in known
            for n in range(size)
            if pattern ^ 1 << n in regions
        )
        for pattern, leaf in regions.items()
    )


# -- the regions ------------------------------------------------------------------------------


def count_regions(
    network: Network, cells: dict[int, bool | None], edges: set[frozenset[int]] | None
) -> tuple[int, int | None, int | None]:
    """Return the numbers of regions, of adjacencies and of unbounded regions, None if unproven.

    Cells are what one pattern holds; those of equal label are one region (Theorem 5).
    """
    labels = {pattern: network.label(pattern) for pattern in cells}
    adjacencies = unbounded = None
    if edges is not None:
        pairs = {frozenset(labels[pattern] for pattern in edge) for edge in edges}
        adjacencies = sum(len(pair) == 2 for pair in pairs)
    if None not in cells.values():
        unbounded = len({labels[pattern] for pattern, is_far in cells.items() if is_far})
    return len(set(labels.values())), adjacencies, unbounded


# -- the program ------------------------------------------------------------------------------


class Proof(NamedTuple):
    """What a certificate proves; None for what it does not claim."""

    regions: int
    adjacencies: int | None
    unbounded: int | None
    domain: str
    network: str
    cells: int | None = None  # where clips or maxima make regions of several

    def __str__(self) -> str:
        """Return the proof as one line."""
        edges = "adjacencies not claimed"
        if self.adjacencies is not None:
            edges = counted(self.adjacencies, "adjacency", "adjacencies")
        far = "" if self.unbounded is None else f", {self.unbounded} unbounded"
        regions = counted(self.regions, "region", "regions")
        if self.cells is not None:
            regions += f" of {counted(self.cells, 'cell', 'cells')}"
        return f"{regions}, {edges}{far}; domain {self.domain}; network {self.network}"


def check(network: Network, stream: BinaryIO) -> Proof:
    """Return what the certificate in a binary stream proves of the network.

    Raises
    ------
    Rejection
        If it proves nothing.
    Unreadable
        If it is malformed or asks for too much, so that nothing is judged.
    """
    lines = Lines(stream)
    try:
        if lines.expect(VERSION) != [network.version]:
            raise Unreadable(f"another version, expected '{VERSION} {network.version}'")
        if lines.expect("network") != [network.sha256]:
            raise Rejection(f"the certificate is of another network, expected {network.sha256}")
        domain, fields = read_domain(network.dim, lines)
        if fields == ["proof", "complex"]:
            cells, edges, fields = check_complex(network, domain, lines)
        elif fields == ["proof", "tree"]:
            cells, edges, fields = check_tree(network, domain, lines)
        else:
            raise Unreadable("expected 'proof complex' or 'proof tree'")
        regions, adjacencies, unbounded = count_regions(network, cells, edges)
        if fields[0] != "end" or len(fields) != 3:
            raise Unreadable(f"expected 'end' and two numbers, got {' '.join(fields)[:80]!r}")
        is_claimed = fields[2] != "-"
        claims = integers(fields[1 : 2 + is_claimed])
        if claims != [regions, adjacencies][: 1 + is_claimed]:
            raise Rejection(f"proven are {regions} regions and {adjacencies} adjacencies")
        if stream.read(1):
            raise Unreadable("something follows the end")
    except Rejection as error:
        raise Rejection(f"line {lines.count}: {error}") from None
    except Unreadable as error:
        raise Unreadable(f"line {lines.count}: {error}") from None
    except (ValueError, LookupError, ZeroDivisionError, EOFError, OSError, zlib.error) as error:
        raise Unreadable(f"line {lines.count}: malformed record: {error}") from None
    return Proof(
        regions,
        adjacencies if is_claimed else None,
        unbounded if domain.is_all else None,
        domain.text,
        network.sha256,
        len(cells) if network.units else None,
    )


def open_regular(path: str, flags: int) -> int:
    """Open a regular file; what may never end, or never begin, is an error at once."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Stranger("not a regular file")
    return descriptor


def open_certificate(path: str | Path) -> BinaryIO:
    """Return the binary stream of a certificate, unpacked where it is compressed by gzip."""
    stream = open(path, "rb", opener=open_regular)
    name = VERSION.encode()
    head = stream.read(len(name))
    stream.seek(0)
    if head[:2] != b"\x1f\x8b":
        if head and head != name:
            stream.close()
            raise Stranger(f"line 1: no certificate, expected '{VERSION} {CHAIN}'")
        return stream
    stream.close()
    return cast(BinaryIO, gzip.open(path))


def main(arguments: Sequence[str]) -> int:
    """Check the files that the command line names and return the exit code."""
    if len(arguments) != 2:
        return tell("usage: checker.py NETWORK.json CERTIFICATE", 2)
    path, advice = arguments[0], "'exactbn export NET OUT.json' writes a network as exact JSON"
    try:
        network = read_network(path)
        path, advice = arguments[1], "'exactbn partition NET --certificate FILE ...' writes one"
        with open_certificate(path) as stream:
            print(f"accepted: {check(network, stream)}", flush=True)
    except Rejection as error:
        return tell(f"rejected: {path}: {error}", 1)
    except Stranger as error:
        return tell(f"not judged: {path}: {error}; {advice}", 2)
    except Unreadable as error:
        return tell(f"not judged: {path}: {error}", 2)
    except OSError as error:
        return tell(f"not judged: {path}: {error.strerror or error}", 2)
    except Exception as error:  # memory, or an error of this program: never a verdict
        return tell(f"not judged: {path}: {type(error).__name__}", 2)
    return 0


def counted(number: int, one: str, many: str) -> str:
    """Return a number of things in words."""
    return f"{number} {one if number == 1 else many}"


def tell(message: str, code: int) -> int:
    """Print one line of at most 500 characters and return the exit code."""
    text = "".join(c if c.isprintable() else "?" for c in message[:500])
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

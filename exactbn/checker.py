"""Check a certificate of a partition: python -I -S exactbn/checker.py NETWORK CERTIFICATE

The certificate (docs/certificate_format.md) is not believed, nor is the program that wrote it. This
file imports the standard library only, derives every number anew from the network in exact
integers, solves nothing, rounds nothing. That what it checks implies the counts is proved in
docs/completeness.md; names (C1) to (C6) and (T1) to (T6) refer to the steps there.

Exit code 0: accepted, with one line that says what is proven. 1: rejected, with the line of the
certificate and the reason. 2: a file cannot be read, or is no network.
"""

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from operator import mul
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

VERSION = "exactbn-certificate 1"
MAX_LINE = 1 << 20  # characters of a line
MAX_DIGITS = 4000  # of a number that is read
MAX_BITS = 1 << 16  # of a number that is computed for a vertex
MAX_MEMORY = 1 << 36  # bits of the values of all neurons at all vertices
MAX_CERTIFICATE = 1 << 32  # bytes of the certificate, unpacked
MAX_NETWORK = 1 << 25  # bytes of the network's file

Ints = list[int]
Forms = list[Ints]  # one (constant, gradient) a neuron
Exact = list[tuple[list[list[Fraction]], list[Fraction], Fraction]]  # weights, biases, slope


class Rejection(Exception):
    """The certificate proves nothing; the message says why."""


class Unreadable(Exception):
    """A file is not what it should be."""


# -- the network ------------------------------------------------------------------------------


class Network:
    """Integer layers of the network: sign(row . (D, h)) is the sign of the preactivation.

    Rows are multiplied by positive scales, the next layer's columns divided by them. A slope is
    below / above with above > 0; the leading entry D of an activation vector is multiplied by it.
    """

    def __init__(self, layers: Exact, sha256: str) -> None:
        self.sha256 = sha256
        self.dim = len(layers[0][0][0])
        self.layers: list[tuple[Forms, int, int]] = []
        self.layer_of: Ints = []
        self.first: Ints = []
        scales = [Fraction(1)] * self.dim
        for index, (weight, bias, slope) in enumerate(layers[:-1]):
            rows, following = [], []
            for w, b in zip(weight, bias):
                exact = [b] + [entry / scale for entry, scale in zip(w, scales)]
                common = lcm(*(t.denominator for t in exact))
                row = [t.numerator * (common // t.denominator) for t in exact]
                content = gcd(*row) or 1
                rows.append([t // content for t in row])
                following.append(Fraction(common, content))
            self.first.append(len(self.layer_of))
            self.layer_of += [index] * len(rows)
            self.layers.append((rows, slope.denominator, slope.numerator))
            scales = following
        self.size = len(self.layer_of)

    def forward(self, point: Sequence[int]) -> Ints:
        """Return positive multiples of all hidden preactivations at a homogeneous point."""
        state, result = list(point), list[int]()
        for rows, above, below in self.layers:
            z = [sum(map(mul, row, state)) for row in rows]
            result += z
            state = [above * state[0]] + [above * t if t > 0 else below * t for t in z]
        return result

    def sides(self, point: Sequence[int], step: Sequence[int]) -> Ints:
        """Return the signs of all preactivations at point + epsilon * step, epsilon -> 0."""
        state, slope, result = list(point), list(step), list[int]()
        for rows, above, below in self.layers:
            z = [sum(map(mul, row, state)) for row in rows]
            dz = [sum(map(mul, row, slope)) for row in rows]
            signs = [t or dt for t, dt in zip(z, dz)]
            result += signs
            factors = [above] + [above if sign > 0 else below for sign in signs]
            state = [f * t for f, t in zip(factors, [state[0], *z])]
            slope = [f * t for f, t in zip(factors, [slope[0], *dz])]
        return result

    def forms(
        self, layer: int, pattern: int, columns: Forms | None = None
    ) -> tuple[Forms, Forms]:
        """Return the forms (constant, gradient) of a layer under a pattern, and the next columns.

        ``pattern`` is the integer whose bit n says that neuron n is on; ``columns`` are the forms
        of the inputs of this layer as columns, None at the first.
        """
        rows, above, below = self.layers[layer]
        if columns is None:
            columns = [[int(i == k) for k in range(1 + self.dim)] for i in range(1 + self.dim)]
        forms = [[sum(map(mul, row, column)) for column in columns] for row in rows]
        first = self.first[layer]
        factors = [above if pattern >> first + k & 1 else below for k in range(len(rows))]
        following = [
            [above * columns[c][0]] + [f * form[c] for f, form in zip(factors, forms)]
            for c in range(1 + self.dim)
        ]
        return forms, following

    def all_forms(self, pattern: int) -> Forms:
        """Return the forms of all hidden neurons under a pattern."""
        result: Forms = []
        columns = None
        for layer in range(len(self.layers)):
            forms, columns = self.forms(layer, pattern, columns)
            result += forms
        return result


def are_multiples(u: Ints, v: Ints) -> bool:
    """Return whether two integer vectors, neither of them zero, are multiples of each other."""
    pivot = next(i for i, t in enumerate(u) if t)
    return any(v) and all(s * v[pivot] == t * u[pivot] for s, t in zip(u, v))


def number(text: str) -> Fraction:
    """Return the rational number that a text says: an integer, p/q or a decimal."""
    if len(text) > MAX_DIGITS or not text.isascii() or "_" in text:
        raise ValueError("a number is too long or none")
    mantissa, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > MAX_DIGITS:
        raise ValueError("a number's exponent is too large")
    return Fraction(text)


def long_text(value: Fraction) -> str:
    """Return p or p/q in lowest terms; str() refuses integers of more than 4300 digits."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) < 14000:
        return str(value)
    parts = [value.numerator] if value.denominator == 1 else [value.numerator, value.denominator]
    return "/".join(str(Decimal(part)) for part in parts)


def read_layers(document: Any) -> Exact:
    """Return the layers of a JSON document whose numbers are texts; what is odd raises an error."""
    if set(document) != {"layers"}:
        raise ValueError('expected the one key "layers"')
    layers: Exact = []
    for entry in document["layers"]:
        if not {"W", "b"} <= set(entry) <= {"W", "b", "slope"}:
            raise ValueError('a layer has the keys "W", "b" and maybe "slope"')
        if not all(isinstance(part, list) for part in (entry["W"], entry["b"], *entry["W"])):
            raise ValueError('"W" is a list of lists and "b" a list')
        weight = [[number(t) for t in row] for row in entry["W"]]
        bias = [number(t) for t in entry["b"]]
        layers.append((weight, bias, number(entry.get("slope", "0"))))
    weight, bias, slope = layers[-1]
    if slope not in (0, 1):
        raise ValueError("the output layer has no activation")
    layers[-1] = weight, bias, Fraction(1)
    inputs = len(layers[0][0][0])
    for weight, bias, _ in layers:
        if len(weight) != len(bias) or {len(row) for row in weight} != {inputs} or not inputs:
            raise ValueError("shapes do not fit")
        inputs = len(weight)
    return layers


def read_network(path: str | Path) -> Network:
    """Return the network of a .json file, hashed in its canonical exact form."""
    with open(path, "rb") as stream:
        content = stream.read(MAX_NETWORK + 1)
    if len(content) > MAX_NETWORK:
        raise Unreadable(f"{path}: more than {MAX_NETWORK} bytes")

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key occurs twice")
        return dict(pairs)

    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=unique)
        layers = read_layers(document)
    except (
        ValueError, TypeError, AttributeError, LookupError, RecursionError, ZeroDivisionError
    ) as error:  # fmt: skip
        raise Unreadable(f"{path}: no network in exact JSON: {error}") from None
    records = [
        {"W": [[long_text(t) for t in row] for row in weight], "b": [long_text(t) for t in bias],
         "slope": long_text(slope)}
        for weight, bias, slope in layers
    ]  # fmt: skip
    text = json.dumps({"layers": records}, sort_keys=True, separators=(",", ":"))
    return Network(layers, hashlib.sha256(text.encode()).hexdigest())


# -- the certificate's lines ------------------------------------------------------------------


class Lines:
    """The records of a certificate, one at a time, with the number of the line."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.count = self.size = 0

    def fields(self) -> list[str]:
        """Return the fields of the next record; the end of the file is a rejection."""
        raw = self.stream.readline(MAX_LINE + 1)
        self.count += 1
        self.size += len(raw)
        if self.size > MAX_CERTIFICATE:
            raise Rejection(f"the certificate has more than {MAX_CERTIFICATE} bytes")
        if not raw.endswith(b"\n"):
            raise Rejection("the line is too long" if raw else "the certificate is truncated")
        fields = raw.decode("ascii").split()
        if not fields:
            raise Rejection("the line is empty")
        return fields

    def expect(self, *words: str) -> list[str]:
        """Return the rest of the next record, which must begin with ``words``."""
        fields = self.fields()
        if fields[: len(words)] != list(words):
            raise Rejection(f"expected {' '.join(words)!r}, got {' '.join(fields)[:80]!r}")
        return fields[len(words) :]


def integers(fields: Sequence[str]) -> Ints:
    """Return fields as integers; int() itself refuses more than some thousand digits."""
    if any(len(field) > MAX_DIGITS or "_" in field for field in fields):
        raise Rejection("a number is too long")
    return [int(field) for field in fields]


def homogeneous(fields: Sequence[str], dim: int) -> Ints:
    """Return the homogeneous integer point of a record."""
    point = integers(fields)
    if len(point) != 1 + dim or not any(point):
        raise Rejection(f"expected {1 + dim} integers, not all zero")
    return point


class Domain:
    """A box with rows, or all of R^d; rows are forms (b, a) with b + a . x > 0 inside."""

    def __init__(self, dim: int, fields: list[str], rows: Forms) -> None:
        self.dim, self.text = dim, " ".join(fields)
        self.is_all = fields == ["all", str(dim)]
        self.rows: Forms = []
        self.extra = rows
        # The bits of walls() that are boundary: infinity, or all rows.
        self.boundary = 1 if self.is_all else (1 << 2 * dim) - 1
        if self.is_all:
            if rows:
                raise Rejection("rows need a box")
            return
        if fields[:1] != ["box"] or len(fields) != 1 + 2 * dim:
            raise Rejection(f"expected 'box' and {2 * dim} bounds, or 'all {dim}'")
        bounds = [number(t) for t in fields[1:]]
        lo, hi = bounds[:dim], bounds[dim:]
        if any(a >= b for a, b in zip(lo, hi)):
            raise Rejection("the box is empty or flat")
        for bound, sign in [(t, 1) for t in lo] + [(t, -1) for t in hi]:
            gradient = [0] * dim
            gradient[len(self.rows) % dim] = sign * bound.denominator
            self.rows.append([-sign * bound.numerator, *gradient])
        self.rows += rows
        self.scale = lcm(*(t.denominator for t in bounds))
        self.lo = [int(t * self.scale) for t in lo]
        self.hi = [int(t * self.scale) for t in hi]

    def has_inside(self, point: Ints) -> bool:
        """Return whether a point, not a direction, is strictly inside."""
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

        In a box ``on`` says which rows are zero there, and there is one part. R^d has the parts
        m = 0..d in which t_m is the least of t = (x_1, ..., x_d, 0); bit 0 of ``on`` says that the
        point is at infinity, bit k that t_k = t_0: these are the walls of part 0.
        """
        if self.is_all:
            if point[0] < 0:
                raise Rejection("the vertex has x0 < 0")
            t = [*point[1:], 0]
            least = min(t)
            on = (point[0] == 0) | sum((t[k] == t[0]) << k for k in range(1, 1 + self.dim))
            return on, sum((entry == least) << m for m, entry in enumerate(t))
        values = [sum(map(mul, row, point)) for row in self.rows]
        if min(values) < 0:
            raise Rejection("the vertex is outside the domain")
        return sum((value == 0) << i for i, value in enumerate(values)), 1


def read_domain(dim: int, lines: Lines) -> tuple[Domain, list[str]]:
    """Return the domain, and the fields of the first record after it."""
    named = lines.expect("domain")
    rows: Forms = []
    fields = lines.fields()
    while fields[0] == "row":
        if len(fields) != 2 + dim:
            raise Rejection(f"a row has {1 + dim} numbers")
        # a . x <= b as the form b - a . x in integers.
        row = [number(t) for t in fields[1:]]
        common = lcm(*(t.denominator for t in row))
        b, *a = (int(t * common) for t in row)
        if not any(a):
            raise Rejection("a row is zero")
        rows.append([b, *(-t for t in a)])
        fields = lines.fields()
    return Domain(dim, named, rows), fields


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
    values: Forms = []
    spent = 0
    while True:
        fields = lines.fields()
        if fields[0] == "v":
            point = homogeneous(fields[1:], network.dim)
        elif fields[0] == "c":
            a, b, n = integers(fields[1:])
            if not (0 <= a < len(points) and 0 <= b < len(points) and 0 <= n < network.size):
                raise Rejection("no such vertex or neuron")
            za, zb = values[a][n], values[b][n]
            if za * zb >= 0:
                raise Rejection("the ends are not on both sides of the neuron")
            za, zb = abs(za), abs(zb)
            point = [zb * s + za * t for s, t in zip(points[a], points[b])]
            content = gcd(*point)
            point = [t // content for t in point]
        else:
            return faces, fields
        bits = max(t.bit_length() for t in point)
        spent += bits * network.size
        if bits > MAX_BITS or spent > MAX_MEMORY:
            raise Rejection(f"more than {MAX_BITS} bits in one, or {MAX_MEMORY} in all vertices")
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
        values.append(z)


def read_faces(below: Faces, lines: Lines, is_edge: bool) -> tuple[Faces, list[str]]:
    """Return the faces of one dimension (C2), and the fields of the first record after them."""
    faces = Faces()
    while True:
        fields = lines.fields()
        if fields[0] != "f":
            return faces, fields
        ids = integers(fields[1:])
        if len(set(ids)) < len(ids) or not ids or min(ids) < 0 or max(ids) >= len(below.pos):
            raise Rejection("a face lists a facet twice, none, or one that is not there")
        if is_edge and len(ids) != 2:
            raise Rejection("an edge has two vertices")
        odd: set[int] = set()
        pos = neg = 0
        on = parts = -1
        for i in ids:
            odd.symmetric_difference_update(below.boundary[i])
            pos |= below.pos[i]
            neg |= below.neg[i]
            on &= below.on[i]
            parts &= below.parts[i]
        if odd:
            raise Rejection("the boundary of the face is not closed")
        faces.add(ids, pos, neg, on, parts)


def check_complex(
    network: Network, domain: Domain, lines: Lines
) -> tuple[int, int, int, list[str]]:
    """Return how many regions, adjacencies, unbounded regions are proven, and the last line."""
    if domain.extra:
        raise Rejection("a complex proves boxes without rows and R^d only")
    faces, fields = read_vertices(network, domain, lines)
    levels = [faces]
    for k in range(1, network.dim + 1):
        if fields != ["dim", str(k)]:
            raise Rejection(f"expected 'dim {k}'")
        faces, fields = read_faces(levels[-1], lines, k == 1)
        levels.append(faces)
    regions = check_cells(network, domain, levels[-1])
    edges = check_facets(network, domain, levels[-2], levels[-1])
    check_flag(domain, levels)
    return len(regions), len(edges), sum(regions.values()), fields


def check_cells(network: Network, domain: Domain, cells: Faces) -> dict[int, bool]:
    """Return the patterns of the cells (C3), and whether they reach infinity."""
    full = (1 << network.size) - 1
    regions: dict[int, bool] = {}
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
) -> set[tuple[int, int]]:
    """Return the pairs of patterns that share a facet; all facets have their cells (C4)."""
    owners: list[Ints] = [[] for _ in facets.pos]
    for i, boundary in enumerate(cells.boundary):
        for facet in boundary:
            owners[facet].append(i)
    full = (1 << network.size) - 1
    adjacent: set[tuple[int, int]] = set()
    for facet, of in enumerate(owners):
        expected = 1 if facets.on[facet] & domain.boundary else 2
        if len(of) != expected:
            raise Rejection(f"facet {facet} has {len(of)} cells, expected {expected}")
        pair = sorted({cells.pos[i] & full for i in of})
        if len(pair) == 2:
            check_facet(network, facets, facet, cells, of)
            adjacent.add((pair[0], pair[1]))
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
    """Check that the cells cover the domain an odd number of times (C5), along a flag of faces."""
    dim = domain.dim
    chain: Iterable[int] = range(len(levels[dim].pos))
    if domain.is_all:
        chain = [i for i in chain if levels[dim].parts[i] & 1]
    for k in range(dim, 0, -1):
        odd: set[int] = set()
        for i in chain:
            odd.symmetric_difference_update(levels[k].boundary[i])
        on = levels[k - 1].on
        if k == dim and not all(on[i] for i in odd):
            raise Rejection("the boundary of the cells is not that of the domain")
        wall = dim - k + (1 if domain.is_all else 0)
        chain = [i for i in odd if on[i] >> wall & 1]
    if len(list(chain)) % 2 == 0:
        raise Rejection("the cells do not cover the domain")


# -- proof tree -------------------------------------------------------------------------------


class Branch:
    """The neurons decided on the way from the root, and the forms that they fix."""

    def __init__(self, network: Network, domain: Domain) -> None:
        self.network, self.domain = network, domain
        self.sign = [0] * network.size
        self.trail: Ints = []
        self.left = [len(rows) for rows, _, _ in network.layers]
        self.pattern = 0
        self.forms: Forms = []
        self.columns: list[Forms | None] = [None]

    def decide(self, n: int, sign: int) -> None:
        """Put neuron n on the side ``sign``."""
        self.sign[n] = sign
        self.trail.append(n)
        self.left[self.network.layer_of[n]] -= 1
        if sign > 0:
            self.pattern |= 1 << n

    def back(self, length: int) -> None:
        """Take back all but the first ``length`` decisions."""
        while len(self.trail) > length:
            n = self.trail.pop()
            layer = self.network.layer_of[n]
            self.sign[n] = 0
            self.left[layer] += 1
            self.pattern &= ~(1 << n)
            # The forms of the layer itself do not depend on its own pattern.
            after = self.network.first[layer] + len(self.network.layers[layer][0])
            del self.columns[layer + 1 :], self.forms[after:]

    def open_neuron(self, text: str) -> int:
        """Return an undecided neuron whose form the path fixes (T1)."""
        n = integers([text])[0]
        if not 0 <= n < self.network.size or self.sign[n]:
            raise Rejection(f"neuron {n} does not exist or is decided")
        layer = self.network.layer_of[n]
        if any(self.left[:layer]):
            raise Rejection(f"neuron {n} comes before the layers below it are decided")
        self.form(n)
        return n

    def form(self, n: int) -> Ints:
        """Return the form of a neuron of a layer below which all is decided."""
        layer = self.network.layer_of[n]
        while len(self.columns) <= layer:
            index = len(self.columns) - 1
            del self.forms[self.network.first[index] :]
            forms, columns = self.network.forms(index, self.pattern, self.columns[index])
            self.forms += forms
            self.columns.append(columns)
        if len(self.forms) <= n:
            # The layer itself is not all decided: its forms do not depend on its pattern.
            self.forms += self.network.forms(layer, self.pattern, self.columns[layer])[0]
        return self.forms[n]

    def row(self, n: int) -> Ints:
        """Return the row of a decided neuron, positive inside the region, which it must be."""
        if not self.sign[n]:
            raise Rejection(f"neuron {n} is not decided here")
        form = self.form(n)
        if not any(form):
            raise Rejection(f"neuron {n} vanishes identically and is no row")
        return form if self.sign[n] > 0 else [-t for t in form]

    def combine(
        self, fields: Sequence[str], start: Ints, without: Ints | None = None
    ) -> Ints:
        """Return ``start`` plus the given positive multiples of rows, one at least (T2).

        ``without`` is a form of which no multiple may be used.
        """
        total = list(start)
        for field in fields:
            name, _, text = field.partition(":")
            factor = integers([text])[0]
            if factor <= 0:
                raise Rejection(f"the multiplier {field} is not positive")
            if name[:1] == "r":
                index = integers([name[1:]])[0]
                if not 0 <= index < len(self.domain.extra):
                    raise Rejection(f"there is no row {index}")
                row = self.domain.extra[index]
            else:
                n = integers([name])[0]
                if not 0 <= n < self.network.size:
                    raise Rejection(f"there is no neuron {n}")
                row = self.row(n)
                if without is not None and are_multiples(without, row):
                    raise Rejection(f"neuron {n} vanishes on the facet")
            total = [t + factor * s for t, s in zip(total, row)]
        return total


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


def check_tree(
    network: Network, domain: Domain, lines: Lines
) -> tuple[int, int | None, int | None, list[str]]:
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
            return (*check_adjacency(regions, edges, barred, network.size), fields)
        if kind in ("s", "+", "-") and rest:
            n = path.open_neuron(rest[0])
            if kind == "s":
                if len(rest) > 1:
                    raise Rejection("a split names one neuron")
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
            raise Rejection(f"unexpected record {' '.join(fields)[:80]!r}")


def check_other_side(path: Branch, n: int, sign: int, fields: list[str]) -> None:
    """Check that neuron n has the side ``sign`` only: multipliers close the other one (T3)."""
    form = path.form(n)
    if sign > 0 and not any(form):
        raise Rejection(f"neuron {n} vanishes identically, it is off")
    # On the other side -sign * form would be a row like those of the path, positive inside.
    own = [field for field in fields if field.partition(":")[0] == str(n)]
    others = [field for field in fields if field not in own]
    factors = integers([field.partition(":")[2] for field in own])
    if not fields or any(factor <= 0 for factor in factors):
        raise Rejection("there are no multipliers, or one that is not positive")
    total = path.combine(others, [-sign * sum(factors) * t for t in form])
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
            total = path.combine(fields[2:], [factor * t for t in form], form)
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
        v = integers(fields)
        rows = [path.row(n) for n in range(network.size) if any(path.form(n))]
        if len(v) != dim or not any(v) or any(sum(map(mul, row[1:], v)) < 0 for row in rows):
            raise Rejection("the direction leaves the region, or is none")
        region.is_unbounded = True
        return
    k = integers(fields[:1])[0]
    gradient = path.combine(fields[1:], [0] * (1 + dim))[1:]
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
) -> tuple[int, int | None, int | None]:
    """Return the numbers of regions, of adjacencies and of unbounded regions, None if unproven."""
    for edge in edges:
        if len(edge) != 2 or not all(pattern in regions for pattern in edge):
            raise Rejection("a facet leads to no region")
    if edges & barred:
        raise Rejection("a facet is both there and ruled out")
    known = edges | barred
    is_complete = all(
        leaf.is_settled
        if leaf.is_special
        else all(
            frozenset((pattern, pattern ^ 1 << n)) in known
            for n in range(size)
            if pattern ^ 1 << n in regions
        )
        for pattern, leaf in regions.items()
    )
    is_known = all(leaf.is_unbounded is not None for leaf in regions.values())
    unbounded = sum(bool(leaf.is_unbounded) for leaf in regions.values()) if is_known else None
    return len(regions), len(edges) if is_complete else None, unbounded


# -- the program ------------------------------------------------------------------------------


class Proof(NamedTuple):
    """What a certificate proves; None for what it does not claim."""

    regions: int
    adjacencies: int | None
    unbounded: int | None
    domain: str
    network: str

    def __str__(self) -> str:
        """Return the proof as one line."""
        edges = "adjacencies not claimed"
        if self.adjacencies is not None:
            edges = f"{self.adjacencies} adjacencies"
        far = "" if self.unbounded is None else f", {self.unbounded} unbounded"
        return f"{self.regions} regions, {edges}{far}; domain {self.domain}; network {self.network}"


def check(network: Network, stream: BinaryIO) -> Proof:
    """Return what the certificate in a binary stream proves of the network.

    Raises
    ------
    Rejection
        If it proves nothing.
    """
    lines = Lines(stream)
    try:
        if lines.expect(*VERSION.split()[:1]) != VERSION.split()[1:]:
            raise Rejection(f"another version, expected {VERSION!r}")
        if lines.expect("network") != [network.sha256]:
            raise Rejection(f"the certificate is of another network, expected {network.sha256}")
        domain, fields = read_domain(network.dim, lines)
        if fields == ["proof", "complex"]:
            proven: tuple[int, int | None, int | None, list[str]]
            proven = check_complex(network, domain, lines)
        elif fields == ["proof", "tree"]:
            proven = check_tree(network, domain, lines)
        else:
            raise Rejection("expected 'proof complex' or 'proof tree'")
        regions, adjacencies, unbounded, fields = proven
        claimed = "-" if fields[-1:] == ["-"] else str(adjacencies)
        if fields != ["end", str(regions), claimed]:
            raise Rejection(f"proven are {regions} regions and {adjacencies} adjacencies")
        if stream.read(1):
            raise Rejection("something follows the end")
    except Rejection as error:
        raise Rejection(f"line {lines.count}: {error}") from None
    except (ValueError, LookupError, ZeroDivisionError, EOFError, OSError, zlib.error) as error:
        raise Rejection(f"line {lines.count}: malformed record: {error}") from None
    return Proof(
        regions,
        None if claimed == "-" else adjacencies,
        unbounded if domain.is_all else None,
        domain.text + (f" and {len(domain.extra)} rows" if domain.extra else ""),
        network.sha256,
    )


def open_certificate(path: str | Path) -> BinaryIO:
    """Return the binary stream of a certificate, unpacked where it is compressed by gzip."""
    with open(path, "rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if is_packed else open(path, "rb")


def main(arguments: Sequence[str]) -> int:
    """Check the files that the command line names and return the exit code."""
    if len(arguments) != 2:
        print("usage: checker.py NETWORK.json CERTIFICATE", file=sys.stderr)
        return 2
    try:
        network = read_network(arguments[0])
        with open_certificate(arguments[1]) as stream:
            print(f"accepted: {check(network, stream)}")
    except Rejection as error:
        print(f"rejected: {arguments[1]}: {error}", file=sys.stderr)
        return 1
    except (Unreadable, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A second checker of certificates, written apart from the first: the two must agree.

Neither the certificate (docs/certificate_format.md) nor its writer is believed: every number is
derived anew from the network, in integers. Nothing is solved, nothing rounded. Why what is checked
implies what is printed is proved in docs/completeness.md; its steps are named (C1) to (T6) here.
"""

import gzip
import hashlib
import json
import os
import re
import sys
import zlib
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from math import gcd, lcm
from operator import mul
from typing import IO, Any, cast

VERSION = "exactbn-certificate 1"
MAX_NETWORK = 1 << 25  # bytes of a network, and digits of its numbers written out
MAX_NUMBER = 4000  # characters of a number of a network, and its decimal exponent
MAX_GROWTH = 1 << 17  # bits that the layers of a network may add to a point
MAX_LINE = 1 << 20  # bytes of a line
MAX_DIGITS = 4000  # of an integer of a certificate
MAX_BITS = 1 << 16  # of a computed coordinate
MAX_MEMORY = 1 << 32  # bits of all coordinates together
MAX_RATIO = 16  # by which gzip may shrink a certificate
MAX_NAME = 400  # characters of a domain that are printed

NUMBER = re.compile(r"[+-]?(?:\d+/0*[1-9]\d*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?)", re.ASCII)

Ints = list[int]
Exact = list[tuple[list[list[Fraction]], list[Fraction], Fraction]]  # weights, biases, slope
Proven = tuple[int, int | None, int | None]  # regions, adjacencies, unbounded regions
Walled = list[dict[int, tuple[int, Ints]]]  # by dimension: the faces in walls, those, facets


class Rejected(Exception):
    """The certificate proves nothing; the message says why."""


class Unreadable(Exception):
    """Nothing is judged: a file is malformed, or too large."""


def require(holds: object, why: str, line: int | None = None) -> None:
    """Reject the certificate unless ``holds``; ``line`` is the record, the current one if None."""
    if not holds:
        raise Rejected(why, line)


def demand(holds: object, why: str) -> None:
    """Judge nothing unless ``holds``: what is demanded is a matter of form, or of size."""
    if not holds:
        raise Unreadable(why)


def dot(u: Sequence[int], v: Sequence[int]) -> int:
    """Return the inner product."""
    return sum(map(mul, u, v))


def ray(form: Ints) -> tuple[int, ...] | None:
    """Return the same for all forms that are multiples of this one, None for a constant."""
    if not any(form[1:]):
        return None
    divisor = gcd(*form) * (1 if next(t for t in form if t) > 0 else -1)
    return tuple(t // divisor for t in form)


class Network:
    """Hidden layers in integers: z = M (h_0, h), next (above h_0, a(z)), all up to one factor > 0.

    Each row has a scale of its own, by which the next layer's column is divided; slope is
    below / above.
    """

    def __init__(self, layers: Exact, sha256: str) -> None:
        self.sha256, self.dim = sha256, len(layers[0][0][0])
        self.layers: list[tuple[list[Ints], int, int]] = []
        self.layer_of: Ints = []
        self.first: Ints = []
        scales, growth = [Fraction(1)] * self.dim, 0
        for weight, bias, slope in layers[:-1]:
            rows, following, widest = [], [], 0
            for w, b in zip(weight, bias):
                exact = [b, *(t / scale for t, scale in zip(w, scales))]
                common = 1
                for t in exact:
                    common = lcm(common, t.denominator)
                    if common.bit_length() > MAX_GROWTH:
                        raise Unreadable("its numbers are too long")
                row = [t.numerator * (common // t.denominator) for t in exact]
                content = gcd(*row) or 1
                rows.append([t // content for t in row])
                following.append(Fraction(common, content))
                widest = max(widest, *(t.bit_length() for t in rows[-1]))
            slope_bits = max(slope.numerator.bit_length(), slope.denominator.bit_length())
            growth += widest + slope_bits + len(scales).bit_length() + 1
            if growth > MAX_GROWTH:
                raise Unreadable("its numbers are too long")
            self.first.append(len(self.layer_of))
            self.layer_of += [len(self.layers)] * len(rows)
            self.layers.append((rows, slope.denominator, slope.numerator))
            scales = following
        self.size = len(self.layer_of)

    def values(self, point: Sequence[int]) -> Ints:
        """Return the preactivations at a homogeneous point, each up to a positive factor."""
        state, result = list(point), []
        for rows, above, below in self.layers:
            z = [sum(map(mul, row, state)) for row in rows]
            result += z
            state = [above * state[0], *(above * t if t > 0 else below * t for t in z)]
        return result

    def value(self, point: Sequence[int], n: int) -> int:
        """Return the one of neuron n."""
        state, last = list(point), self.layer_of[n]
        for rows, above, below in self.layers[:last]:
            z = [sum(map(mul, row, state)) for row in rows]
            state = [above * state[0], *(above * t if t > 0 else below * t for t in z)]
        return dot(self.layers[last][0][n - self.first[last]], state)

    def beyond(self, point: Sequence[int], step: Sequence[int]) -> int:
        """Return the pattern at point + epsilon step for all small epsilon > 0."""
        state, slope, pattern, bit = list(point), list(step), 0, 1
        for rows, above, below in self.layers:
            pairs = [(dot(row, state), dot(row, slope)) for row in rows]
            ons = [(t or dt) > 0 for t, dt in pairs]
            pattern += sum(bit << k for k, on in enumerate(ons) if on)
            bit <<= len(rows)
            factors = [above, *(above if on else below for on in ons)]
            state = list(map(mul, factors, [state[0], *(t for t, _ in pairs)]))
            slope = list(map(mul, factors, [slope[0], *(dt for _, dt in pairs)]))
        return pattern

    def start(self) -> list[Ints]:
        """Return the coordinates as forms (constant, gradient)."""
        return [[int(i == k) for k in range(1 + self.dim)] for i in range(1 + self.dim)]

    def affine(self, layer: int, inputs: list[Ints]) -> list[Ints]:
        """Return the forms of a layer from those of its inputs."""
        columns = list(zip(*inputs))
        return [[sum(map(mul, row, c)) for c in columns] for row in self.layers[layer][0]]

    def activated(self, layer: int, inputs: list[Ints], forms: list[Ints], on: int) -> list[Ints]:
        """Return the forms of the next layer's inputs; bit n of ``on`` is neuron n of all."""
        _, above, below = self.layers[layer]
        result = [[above * t for t in inputs[0]]]
        for k, form in enumerate(forms, self.first[layer]):
            factor = above if on >> k & 1 else below
            result.append([factor * t for t in form])
        return result

    def forms(self, pattern: int) -> list[Ints]:
        """Return the forms of all neurons under a pattern."""
        inputs, result = self.start(), []
        for layer in range(len(self.layers)):
            forms = self.affine(layer, inputs)
            inputs = self.activated(layer, inputs, forms, pattern)
            result += forms
        return result


# -- the network's file -----------------------------------------------------------------------


class Reader:
    """Takes the numbers of a JSON document, within a budget of digits."""

    def __init__(self) -> None:
        self.left = MAX_NETWORK

    def number(self, text: object) -> Fraction:
        """Return the number that a text says."""
        text = text.strip() if isinstance(text, str) else "no number"
        if len(text) > MAX_NUMBER or not NUMBER.fullmatch(text):
            raise Unreadable(f"{text[:40]!r} is no number, or too long")
        exponent = abs(int(text.lower().partition("e")[2] or 0))
        self.left -= len(text) + exponent
        if exponent > MAX_NUMBER or self.left < 0:
            raise Unreadable("its numbers are too long")
        return Fraction(text)

    def vector(self, value: Any) -> list[Fraction]:
        """Return a list of numbers."""
        return list(map(self.number, listed(value)))

    def layer(self, entry: Any) -> tuple[list[list[Fraction]], list[Fraction], Fraction]:
        """Return weights, biases and slope of a layer."""
        if not isinstance(entry, dict) or not {"W", "b"} <= set(entry) <= {"W", "b", "slope"}:
            raise Unreadable('a layer has "W", "b" and maybe "slope"')
        weight = list(map(self.vector, listed(entry["W"])))
        bias = self.vector(entry["b"])
        if len(weight) != len(bias) or any(len(row) != len(weight[0]) for row in weight):
            raise Unreadable("shapes do not fit")
        return weight, bias, self.number(entry.get("slope", "0"))


def listed(value: Any) -> list[Any]:
    """Return a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise Unreadable("expected a list that is not empty")
    return value


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, no key of which occurs twice."""
    if len(dict(pairs)) < len(pairs):
        raise Unreadable("a key occurs twice")
    return dict(pairs)


def read_network(path: str) -> Network:
    """Return the network of a .json file with the hash of its canonical exact form."""
    with open(path, "rb") as stream:
        content = stream.read(MAX_NETWORK + 1)
    if len(content) > MAX_NETWORK:
        raise Unreadable(f"more than {MAX_NETWORK} bytes")
    reader = Reader()
    try:
        document = json.loads(
            content.decode("utf-8-sig"), parse_int=str, parse_float=str,
            parse_constant=reader.number, object_pairs_hook=unique,
        )  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    if not isinstance(document, dict) or set(document) != {"layers"}:
        raise Unreadable('expected an object with the one key "layers"')
    layers = list(map(reader.layer, listed(document["layers"])))
    if any(len(after[0][0]) != len(layer[1]) for layer, after in zip(layers, layers[1:])):
        raise Unreadable("shapes do not fit")
    if layers[-1][2] not in (0, 1):
        raise Unreadable("the output layer has no activation")
    layers[-1] = (*layers[-1][:2], Fraction(1))
    texts = [
        {"W": [list(map(str, row)) for row in w], "b": list(map(str, b)), "slope": str(slope)}
        for w, b, slope in layers
    ]
    canonical = json.dumps({"layers": texts}, sort_keys=True, separators=(",", ":"))
    return Network(layers, hashlib.sha256(canonical.encode()).hexdigest())


# -- the certificate's records ----------------------------------------------------------------


class Lines:
    """The records of a certificate, one after the other, and the number of the line."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.stream, self.left, self.number = stream, most, 0
        self.again: list[bytes] | None = None  # a record that was read too far

    def next(self) -> list[bytes]:
        """Return the fields of the next record."""
        if self.again:
            fields, self.again = self.again, None
            return fields
        self.number += 1
        line = self.stream.readline(MAX_LINE + 1)
        self.left -= len(line)
        demand(line.endswith(b"\n"), "the line is too long" if line else "the file is cut short")
        demand(self.left >= 0, "the file is packed too tightly")
        fields = line.split()
        demand(fields, "the line is empty")
        demand(line[:-1].decode("ascii").isprintable(), "the line holds odd signs")
        return fields


def integers(fields: Sequence[bytes], count: int | None = None) -> Ints:
    """Return fields as integers, ``count`` of them if it matters."""
    demand(count in (None, len(fields)), f"expected {count} integers")
    demand(max(map(len, fields), default=0) <= MAX_DIGITS, "an integer is too long")
    demand(b"_" not in b"".join(fields), "not an integer")
    return list(map(int, fields))


def numbers(fields: Sequence[bytes]) -> list[Fraction]:
    """Return fields as rational numbers."""
    texts = [field.decode("ascii") for field in fields]
    for text in texts:
        demand(len(text) <= MAX_DIGITS and NUMBER.fullmatch(text), "no number, or too long")
        demand(int(text.lower().partition("e")[2] or 0) ** 2 <= MAX_DIGITS**2, "a huge exponent")
    return list(map(Fraction, texts))


class Domain:
    """A box or all of R^d, cut by rows: forms that are >= 0, of all of R^d x_0 the first."""

    def __init__(self, dim: int, fields: list[bytes]) -> None:
        self.dim, self.is_all = dim, fields[:1] == [b"all"]
        self.texts = [b" ".join(fields).decode()]
        self.extra: list[Ints] = []
        self.rows = [[1] + [0] * dim]
        if self.is_all:
            demand(fields == [b"all", b"%d" % dim], f"expected 'domain all {dim}'")
            return
        demand(fields[:1] == [b"box"] and len(fields) == 1 + 2 * dim, "expected box or all")
        bounds = numbers(fields[1:])
        self.scale = lcm(*(t.denominator for t in bounds))
        ends = [t.numerator * (self.scale // t.denominator) for t in bounds]
        self.lo, self.hi = ends[:dim], ends[dim:]
        require(all(map(int.__lt__, self.lo, self.hi)), "the box is empty or flat")
        unit = [[self.scale * (i == k) for k in range(dim)] for i in range(dim)]
        self.rows = [[-t, *e] for t, e in zip(self.lo, unit)]
        self.rows += [[t, *(-s for s in e)] for t, e in zip(self.hi, unit)]

    def add_row(self, fields: list[bytes]) -> None:
        """Cut by A . x <= B."""
        demand(len(fields) == 1 + self.dim, "a row: B and d numbers")
        row = numbers(fields)
        self.texts.append("row " + b" ".join(fields).decode())
        common = lcm(*(t.denominator for t in row))
        b, *a = (t.numerator * (common // t.denominator) for t in row)
        require(any(a), "the row is zero")
        self.extra.append([b, *(-t for t in a)])
        self.rows.append(self.extra[-1])

    @property
    def text(self) -> str:
        """Return the domain in one line; two domains have different lines."""
        text = ", ".join(self.texts)
        if len(text) <= MAX_NAME:
            return text
        sha256 = hashlib.sha256(("\n".join(self.texts) + "\n").encode()).hexdigest()
        return f"{self.texts[0][:40]} .. with {len(self.extra)} rows, sha256 {sha256}"

    def has_inside(self, point: Ints) -> bool:
        """Return whether a point is strictly inside."""
        return point[0] > 0 and all(dot(row, point) > 0 for row in self.rows)

    def is_never_positive(self, form: Ints) -> bool:
        """Return whether a form is <= 0 in the box, or everywhere."""
        if self.is_all:
            return form[0] <= 0 and not any(form[1:])
        greatest = form[0] * self.scale
        for t, lo, hi in zip(form[1:], self.lo, self.hi):
            greatest += t * (hi if t > 0 else lo)
        return greatest <= 0

    def walls(self, point: Ints) -> tuple[int, int]:
        """Return the rows that are zero at a vertex, and the parts that it lies in (C1).

        Those of all of R^d are m = 0, .., d where t_m is the least of t = (x_1, .., x_d, 0).
        """
        require(point[0] >= self.is_all ^ 1, "the vertex has x_0 too small")
        walls, parts = 0, 1
        for i, row in enumerate(self.rows):
            value = dot(row, point)
            require(value >= 0, "the vertex is outside the domain")
            walls |= (value == 0) << i
        if self.is_all:
            t = [*point[1:], 0]
            parts = sum(1 << m for m, entry in enumerate(t) if entry == min(t))
        return walls, parts


def read_point(fields: Sequence[bytes], dim: int) -> Ints:
    """Return a homogeneous point."""
    point = integers(fields)
    demand(len(point) == 1 + dim and any(point), f"expected {1 + dim} integers, not all zero")
    return point


# -- the complex (C1) to (C6) -----------------------------------------------------------------


def read_vertices(network: Network, domain: Domain, lines: Lines) -> list[Ints]:
    """Return POS, NEG, walls and parts of all vertices (C1), up to the line 'dim 1'.

    POS has one more bit, number network.size: the vertex is at infinity.
    """
    points: list[Ints] = []
    words: list[Ints] = [[], [], [], []]
    memory = MAX_MEMORY
    while (fields := lines.next())[0] != b"dim":
        if fields[0] == b"c":
            a, b, n = integers(fields[1:], 3)
            require(0 <= min(a, b) and max(a, b) < len(points), "there is no such vertex before")
            require(0 <= n < network.size, "there is no such neuron")
            at_a, at_b = network.value(points[a], n), network.value(points[b], n)
            require(at_a > 0 > at_b or at_a < 0 < at_b, "the neuron has no zero strictly between")
            at_a, at_b = abs(at_a), abs(at_b)
            point = [at_b * s + at_a * t for s, t in zip(points[a], points[b])]
            divisor = gcd(*point)
            require(divisor, "the vertex is zero")
            point = [t // divisor for t in point]
        else:
            demand(fields[0] == b"v", "expected a record v, c or dim")
            point = read_point(fields[1:], network.dim)
        bits = [t.bit_length() for t in point]
        memory -= sum(bits)
        demand(max(bits) <= MAX_BITS and memory >= 0, "the coordinates are too long")
        pos, neg, bit = 0, 0, 1
        for z in (*network.values(point), point[0] == 0):
            if z > 0:
                pos |= bit
            elif z < 0:
                neg |= bit
            bit += bit
        points.append(point)
        for word, value in zip(words, (pos, neg, *domain.walls(point))):
            word.append(value)
    demand(fields == [b"dim", b"1"], "expected dim 1")
    return words


class Cells:
    """The cells as they come: regions, who shares which facet, adjacencies (C3, C4, C6)."""

    def __init__(self, network: Network, domain: Domain, facets: int) -> None:
        self.network, self.domain = network, domain
        self.owner = [-1] * facets  # the region of the first cell, -2 after the second
        self.regions: dict[int, int] = {}
        self.patterns: Ints = []
        self.unbounded: set[int] = set()
        self.edges: set[tuple[int, int]] = set()
        self.odd: set[int] = set()  # facets of an odd number of the cells of (C5)
        self.part = 0  # that of the first cell, whose cells these are

    def add(self, ids: Ints, below: list[Ints], pos: int, neg: int, walls: int, parts: int) -> None:
        """Take one cell."""
        require(not pos & neg, "a neuron changes its sign inside the cell")
        require(parts, "the cell reaches across a wall between the parts of R^d")
        require(not walls, "the cell is flat: it lies in the domain's boundary")
        every = (1 << self.network.size) - 1
        is_unbounded, pos = pos > every, pos & every
        quiet = every & ~(pos | neg)
        if quiet:
            forms = self.network.forms(pos)
            dead = all(not any(form) for n, form in enumerate(forms) if quiet >> n & 1)
            require(dead, "the cell is flat: it lies in a neuron's hyperplane")
        region = self.regions.setdefault(pos, len(self.regions))
        if region == len(self.patterns):
            self.patterns.append(pos)
        if is_unbounded:
            self.unbounded.add(region)
        for i in ids:
            other = self.owner[i]
            self.owner[i] = region if other == -1 else -2
            if other == -1:
                continue
            require(other >= 0, f"facet {i} is in three cells")
            require(not below[2][i], f"facet {i} has two cells on the boundary")
            if other != region:
                self.check_facet(i, ~(below[0][i] | below[1][i]), (region, other))
        self.part = self.part or parts & -parts
        if parts & self.part:
            self.odd.symmetric_difference_update(ids)

    def check_facet(self, i: int, zero: int, pair: tuple[int, int]) -> None:
        """Check that a facet has dimension d - 1 (C6)."""
        zero &= (1 << self.network.size) - 1
        if zero & (zero - 1):
            for region in pair:
                forms = self.network.forms(self.patterns[region])
                rays = {ray(f) for n, f in enumerate(forms) if zero >> n & 1 and any(f)}
                require(len(rays) == 1, f"facet {i} is flat")
        self.edges.add((min(pair), max(pair)))


def check_complex(network: Network, domain: Domain, lines: Lines) -> tuple[Proven, list[bytes]]:
    """Return what a complex proves, and its last record."""
    below, lists = read_vertices(network, domain, lines), list[Ints]()
    bits = len(domain.rows)
    walled: Walled = [{i: (w[0] | w[1] << bits, []) for i, w in enumerate(zip(*below[2:]))}]
    for k in range(1, network.dim):
        start, faces = lines.number + 1, list[Ints]()
        words: list[Ints] = [[], [], [], []]
        walled.append({})
        while (fields := lines.next())[0] == b"f":
            ids = read_face(fields, k, lists, len(below[0]))
            for word, value in zip(words, gathered(ids, below)):
                word.append(value)
            walled[k][len(faces)] = words[2][-1] | words[3][-1] << bits, ids
            faces.append(ids)
        demand(fields == [b"dim", b"%d" % (k + 1)], f"expected a face or dim {k + 1}")
        below, lists = words, faces
    if network.dim == 1:
        start = lines.number - len(below[0])
    cells = Cells(network, domain, len(below[0]))
    while (fields := lines.next())[0] == b"f":
        ids = read_face(fields, network.dim, lists, len(below[0]))
        cells.add(ids, below, *gathered(ids, below))
    for i, owner in enumerate(cells.owner):
        require(owner != -1, f"facet {i} is in no cell", start + i)
        inner = owner >= 0 and not below[2][i]
        require(not inner, f"facet {i} is in one cell, and not on the boundary", start + i)
    check_flag(cells.odd, walled, cells.part << bits)
    unbounded = len(cells.unbounded) if domain.is_all else None
    return (len(cells.patterns), len(cells.edges), unbounded), fields


def read_face(fields: list[bytes], k: int, lists: list[Ints], facets: int) -> Ints:
    """Return the facets of a face of dimension k, its boundary closed (C2)."""
    ids = integers(fields[1:])
    demand(k > 1 or len(ids) == 2, "an edge has two vertices")
    require(len(ids) > 1 and len(set(ids)) == len(ids), "two facets at least, no one twice")
    require(min(ids) >= 0 and max(ids) < facets, "there is no such face")
    if k == 1:
        return ids
    # Sorted, what occurs an even number of times comes in pairs.
    inner = sorted(chain.from_iterable(map(lists.__getitem__, ids)))
    require(inner[::2] == inner[1::2], "the boundary is not closed")
    return ids


def gathered(ids: Ints, below: list[Ints]) -> tuple[int, int, int, int]:
    """Return the words of a face: unions of POS and NEG, intersections of walls and parts."""
    pos, neg, walls, parts = 0, 0, -1, -1
    for i in ids:
        pos |= below[0][i]
        neg |= below[1][i]
        walls &= below[2][i]
        parts &= below[3][i]
    return pos, neg, walls, parts


def check_flag(odd: set[int], walled: Walled, part: int) -> None:
    """Check that the cells cover a generic point an odd number of times (C5).

    ``odd`` is the boundary of a chain; of its faces those in one wall are kept, then their
    boundary is taken, and so on. Any choice of walls proves it; this one takes a new one each time.
    ``part`` is the bit of the part that the chain lies in, which is no wall of it.
    """
    common = part
    for of_dim in reversed(walled):
        require(odd, "the cells do not cover the domain")
        wall = of_dim[min(odd)][0] & ~common
        wall &= -wall
        odd = {i for i in odd if of_dim[i][0] & wall}
        require(odd, "the cells do not cover the domain")
        if of_dim is walled[0]:
            require(len(odd) % 2, "the cells cover the domain an even number of times")
            return
        common, following = -1, set[int]()
        for i in odd:
            common &= of_dim[i][0]  # the part is in it
            following.symmetric_difference_update(of_dim[i][1])
        odd = following


# -- the search tree (T1) to (T6) -------------------------------------------------------------


class Branch:
    """The decisions from the root to a node, and the forms that they determine."""

    def __init__(self, network: Network, domain: Domain) -> None:
        self.network, self.domain = network, domain
        self.sign = [0] * network.size
        self.trail: Ints = []
        self.pattern = 0
        # Inputs and forms of the layers begun on this path, the forms of all neurons in a row.
        self.inputs, self.forms = [network.start()], list[Ints]()
        self.open = [len(rows) for rows, _, _ in network.layers]

    def decide(self, n: int, sign: int) -> None:
        """Go down: neuron n is on or off."""
        self.trail.append(n)
        self.sign[n] = sign
        self.pattern |= (sign > 0) << n
        self.open[self.network.layer_of[n]] -= 1

    def back(self, length: int) -> None:
        """Go up, to the first ``length`` decisions."""
        for n in self.trail[length:]:
            self.sign[n] = 0
            self.pattern &= ~(1 << n)
            self.open[self.network.layer_of[n]] += 1
        lowest = min((self.network.layer_of[n] for n in self.trail[length:]), default=0)
        del self.trail[length:], self.inputs[lowest + 1 :]
        self.forms = self.forms[: self.network.first[lowest] + len(self.network.layers[lowest][0])]

    def neuron(self, field: bytes) -> int:
        """Return a neuron whose form is known here: all layers before it are decided (T1)."""
        (n,) = integers([field])
        require(0 <= n < self.network.size, "there is no such neuron")
        layer = self.network.layer_of[n]
        require(not any(self.open[:layer]), f"layers before neuron {n} are not decided")
        while len(self.forms) <= n:
            at = self.network.layer_of[len(self.forms)]
            if len(self.inputs) == at:
                forms = self.forms[self.network.first[at - 1] :]
                last = self.inputs[-1]
                self.inputs.append(self.network.activated(at - 1, last, forms, self.pattern))
            self.forms += self.network.affine(at, self.inputs[at])
        return n

    def row(self, n: int) -> Ints:
        """Return the row of a decided neuron: positive inside all regions below (T2)."""
        require(self.sign[n], f"neuron {n} is not decided")
        require(any(self.forms[n]), f"neuron {n} vanishes identically: no row")
        return self.forms[n] if self.sign[n] > 0 else [-t for t in self.forms[n]]

    def combined(self, fields: Sequence[bytes], total: Ints, facet: Ints | None = None) -> Ints:
        """Return ``total`` plus positive multiples of rows, none a multiple of ``facet``."""
        for field in fields:
            name, _, text = field.partition(b":")
            (factor,) = integers([text])
            require(factor > 0, "a multiplier is positive")
            if name[:1] == b"r":
                (index,) = integers([name[1:]])
                require(0 <= index < len(self.domain.extra), "there is no such row")
                row = self.domain.extra[index]
            else:
                row = self.row(self.neuron(name))
                is_strict = facet is None or ray(row) != ray(facet)
                require(is_strict, "a neuron's row vanishes on the hyperplane")
            total = [t + factor * s for t, s in zip(total, row)]
        return total

    def close(self, n: int, sign: int, fields: list[bytes]) -> None:
        """Check that neuron n is never on the other side, and decide it (T3)."""
        require(not self.sign[n], "the neuron is decided")
        demand(fields, "there are no multipliers")
        is_dead = not any(self.forms[n])
        require(not is_dead or sign < 0, f"neuron {n} vanishes identically: it is off")
        before = self.pattern
        self.decide(n, -sign)
        if not is_dead:
            total = self.combined(fields, [0] * (1 + self.network.dim))
            why = f"neuron {n} may be on the other side, the sum is somewhere positive"
            require(self.domain.is_never_positive(total), why)
        self.sign[n], self.pattern = sign, before | (sign > 0) << n


Pair = tuple[int, int]


class Tree:
    """The regions as they come, and the pairs that are settled (T4) to (T6)."""

    def __init__(self, branch: Branch) -> None:
        self.branch, self.network, self.domain = branch, branch.network, branch.domain
        self.regions: dict[int, bool] = {}  # pattern -> whether the region needs no pairs settled
        self.edges: set[Pair] = set()
        self.barred: set[Pair] = set()
        self.is_complete = True
        self.extents: list[bool | None] = []
        self.witness: Ints = []
        self.settled: set[tuple[int, ...]] = set()
        self.bounds: set[int] = set()

    def leaf(self, fields: list[bytes]) -> None:
        """Take a leaf with a witness (T4)."""
        branch, size = self.branch, self.network.size
        require(not any(branch.open), "a leaf decides all neurons")
        if size:
            branch.neuron(b"%d" % (size - 1))
        point = read_point(fields, self.network.dim)
        require(self.domain.has_inside(point), "the witness is not inside the domain")
        for n, form in enumerate(branch.forms):
            holds = dot(form, point) * branch.sign[n] > 0 or branch.sign[n] < 0 and not any(form)
            require(holds, f"the witness is on the wrong side of neuron {n}")
        require(branch.pattern not in self.regions, "the region occurs twice")
        self.witness = point
        self.regions[branch.pattern] = False
        self.extents.append(None)
        self.settled, self.bounds = set(), set()

    def about(self, kind: bytes, fields: list[bytes]) -> None:
        """Take a record about the last leaf."""
        branch, zero = self.branch, [0] * (1 + self.network.dim)
        if kind in (b"f", b"g"):
            n = branch.neuron(fields[0])
            form = branch.forms[n]
            require(any(form[1:]), f"neuron {n} has no hyperplane here")
            other = branch.pattern ^ 1 << n
            if kind == b"f":
                other = self.across(n, form, read_point(fields[1:], self.network.dim))
                self.edges.add((min(branch.pattern, other), max(branch.pattern, other)))
            else:
                (factor,) = integers(fields[1:2])
                total = branch.combined(fields[2:], [factor * t for t in form], form)
                is_strict = bool(fields[2:]) or any(total)
                holds = is_strict and self.domain.is_never_positive(total)
                require(holds, f"there may be a facet at neuron {n}")
                self.barred.add((min(branch.pattern, other), max(branch.pattern, other)))
            self.settled.add(ray(form) or ())
            return
        require(self.domain.is_all, "only R^d has unbounded regions")
        if kind == b"u":
            v = integers(fields, self.network.dim)
            rows = [branch.row(n) for n, form in enumerate(branch.forms) if any(form)]
            stays = all(dot(row[1:], v) >= 0 for row in (*rows, *self.domain.extra))
            require(any(v) and stays, "the direction leaves the region, or is none")
            self.extents[-1] = True
            return
        (k,) = integers(fields[:1])
        gradient = branch.combined(fields[1:], zero)[1:]
        sign = 1 if k == self.network.dim else -1
        wanted = [sign * (k in (i, self.network.dim)) for i in range(self.network.dim)]
        length = max(map(abs, gradient))
        holds = length > 0 and any(wanted) and gradient == [length * t for t in wanted]
        require(holds, "the sum bounds the region in another direction, or in none")
        self.bounds.add(k)
        if len(self.bounds) == 1 + self.network.dim:
            self.extents[-1] = False

    def across(self, n: int, form: Ints, beyond: Ints) -> int:
        """Return the pattern across the facet on the way from the witness to a point (T5)."""
        branch, inside = self.branch, self.witness
        require(self.domain.has_inside(beyond), "not inside the domain")
        here, there = dot(form, inside), dot(form, beyond)
        require(here * there < 0, f"not beyond neuron {n}")
        is_simple = True
        for m, other in enumerate(branch.forms):
            if m != n and dot(other, beyond) * branch.sign[m] <= 0:
                is_simple = False
                require(not any(other) or ray(other) == ray(form), f"not beside neuron {m}")
        if is_simple:
            return branch.pattern ^ 1 << n
        # Both points at the same x0, and the zero of the form between them.
        near, far = ([t * scale[0] for t in x] for x, scale in ((inside, beyond), (beyond, inside)))
        z_near, z_far = dot(form, near), dot(form, far)
        zero = [(s * z_far - t * z_near) * (1 if z_far > 0 else -1) for s, t in zip(near, far)]
        return self.network.beyond(zero, [t - s for s, t in zip(near, far)])

    def finish_leaf(self) -> None:
        """Close the last leaf: in a special region every class of multiples is settled (T5)."""
        rays = [ray(form) for form in self.branch.forms]
        sides = [side for side in rays if side]
        classes = set(sides)
        if len(classes) < len(sides) or not all(map(any, self.branch.forms)):
            self.regions[self.branch.pattern] = True
            self.is_complete &= classes <= self.settled

    def proven(self) -> Proven:
        """Return what the whole tree proves."""
        known = self.edges | self.barred
        require(all(a in self.regions and b in self.regions for a, b in self.edges), "no region")
        self.is_complete = self.is_complete and all(
            (min(p, q), max(p, q)) in known
            for p, is_special in self.regions.items() if not is_special
            for q in (p ^ 1 << n for n in range(self.network.size)) if q in self.regions
        )  # fmt: skip
        unbounded = None if None in self.extents else self.extents.count(True)
        edges = len(self.edges) if self.is_complete else None
        return len(self.regions), edges, unbounded if self.domain.is_all else None


def check_tree(network: Network, domain: Domain, lines: Lines) -> tuple[Proven, list[bytes]]:
    """Return what a search tree proves, and its last record."""
    branch = Branch(network, domain)
    tree = Tree(branch)
    waiting: list[tuple[int, int]] = []  # how long the path was, and the neuron that split
    while True:
        kind, *rest = lines.next()
        if kind == b"w":
            tree.leaf(rest)
            while (fields := lines.next())[0] in (b"f", b"g", b"u", b"b"):
                tree.about(fields[0], fields[1:])
            tree.finish_leaf()
            if not waiting:
                return tree.proven(), fields
            length, n = waiting.pop()
            branch.back(length)
            branch.decide(n, -1)
            lines.again = fields
            continue
        demand(kind in (b"s", b"+", b"-") and rest, "expected a record s, +, - or w")
        n = branch.neuron(rest[0])
        if kind == b"s":
            demand(len(rest) == 1, "a split names one neuron")
            require(not branch.sign[n], "the neuron is decided already")
            waiting.append((len(branch.trail), n))
            branch.decide(n, 1)
        else:
            branch.close(n, 1 if kind == b"+" else -1, rest[1:])


# -- the program ------------------------------------------------------------------------------


def check(network: Network, stream: IO[bytes], most: int) -> str:
    """Return in one line what the certificate in a stream of at most ``most`` bytes proves."""
    lines = Lines(stream, most)
    try:
        demand(lines.next() == VERSION.encode().split(), f"another version than {VERSION!r}")
        named = lines.next()
        demand(named[0] == b"network", "expected a network")
        mine = named[1:] == [network.sha256.encode()]
        require(mine, f"the certificate is of another network than {network.sha256}")
        fields = lines.next()
        demand(fields[0] == b"domain", "expected a domain")
        domain = Domain(network.dim, fields[1:])
        while (fields := lines.next())[0] == b"row":
            domain.add_row(fields[1:])
        is_complex = fields == [b"proof", b"complex"]
        demand(is_complex or fields == [b"proof", b"tree"], "expected 'proof complex' or 'tree'")
        proof = check_complex if is_complex else check_tree
        (regions, edges, unbounded), fields = proof(network, domain, lines)
        demand(fields[0] == b"end" and len(fields) == 3, "expected end and two numbers")
        claims = integers(fields[1:] if fields[2] != b"-" else fields[1:2])
        shown = f"{regions} regions, {'unproven' if edges is None else edges} adjacencies"
        require(claims == [regions, edges][: len(claims)], f"proven are {shown}")
        demand(not stream.read(1), "something follows the end")
    except Rejected as error:
        raise Rejected(error.args[0], error.args[1] or lines.number) from None
    except (Unreadable, ValueError, LookupError, EOFError, OSError, zlib.error) as error:
        raise Unreadable(f"line {lines.number}: malformed: {error}") from None
    shown = "adjacencies not claimed"
    if fields[2] != b"-":
        shown = f"{edges} adjacenc{'y' if edges == 1 else 'ies'}"
    shown += "" if unbounded is None else f", {unbounded} unbounded"
    shown += f"; domain {domain.text}"
    return f"accepted: {regions} region{'s' * (regions != 1)}, {shown}; network {network.sha256}"


def main(arguments: Sequence[str]) -> int:
    """Check the files that a command line names, and return the exit code."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(3 * MAX_NUMBER)
    try:
        return judge(arguments)
    finally:
        sys.set_int_max_str_digits(limit)


def judge(arguments: Sequence[str]) -> int:
    """Do what :func:`main` says, integers of some thousand digits being read."""
    if len(arguments) != 2:
        print("usage: checker.py NETWORK.json CERTIFICATE", file=sys.stderr)
        return 2
    path = arguments[0]
    try:
        network = read_network(path)
        path = arguments[1]
        most = os.path.getsize(path)
        with open(path, "rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if is_packed:
                with gzip.open(file) as stream:
                    print(check(network, cast(IO[bytes], stream), MAX_RATIO * most + (1 << 16)))
            else:
                print(check(network, file, most))
    except Rejected as error:
        print(f"rejected: {path}: line {error.args[1]}: {error.args[0]}"[:500], file=sys.stderr)
        return 1
    except Exception as error:  # memory too: whatever happened, it is no verdict
        print(f"error: {path}: {error}"[:500].replace("\n", " "), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

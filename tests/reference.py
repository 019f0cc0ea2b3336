"""The reference: the face lattice of a box split neuron by neuron, in plain Python and exact.

For every k the k-faces are tuples of ids of (k-1)-faces, the 0-faces are points of Fractions. It is
the textbook form of the algorithm with every sign evaluated exactly at every vertex, no filter, no
shortcut and no code in common with the engine.
"""

from fractions import Fraction
from itertools import product
from math import factorial, gcd, lcm

from exactbn.model.domain import Box
from exactbn.model.network import Network
from tests.oracles import Answer, Edge, Pattern, Point

# A layer in integers: rows of n + 1 integers with the bias first, common denominator, slope p / q.
IntegerLayer = tuple[list[list[int]], int, int, int]


def reference_partition(network: Network, box: Box, *, volumes: bool = False) -> Answer:
    """Return the partition of ``box`` by ``network``; exact volumes on request."""
    lattice = Lattice(network, box)
    for layer, width in enumerate(network.widths):
        for neuron in range(width):
            lattice.split(layer, neuron)
    return lattice.answer(volumes=volumes)


class Lattice:
    """All faces of the current subdivision.

    ``points`` are the vertices, ``faces[k]`` maps the id of a k-face (k >= 1) to its (k-1)-faces,
    ``patterns`` maps the id of a region to its pattern so far.
    """

    def __init__(self, network: Network, box: Box) -> None:
        self.dim = box.dim
        self.layers = [_integer_layer(layer) for layer in network.hidden]
        self.points: list[Point] = []
        self.faces: list[dict[int, tuple[int, ...]]] = [{} for _ in range(box.dim + 1)]
        self.counters = [0] * (box.dim + 1)
        self.inputs: list[tuple[int, ...]] = []
        self.layer = 0
        # A face of a box is a choice of lo, hi or the whole side ("*") on every axis.
        number: dict[tuple[str, ...], int] = {}
        words = sorted(product("-+*", repeat=box.dim), key=lambda word: word.count("*"))
        for word in words:
            k = word.count("*")
            if k == 0:
                ends = zip(word, box.lo, box.hi, strict=True)
                number[word] = self._new_point(tuple(lo if s == "-" else hi for s, lo, hi in ends))
                continue
            children = [
                number[(*word[:i], end, *word[i + 1:])]
                for i, s in enumerate(word)
                if s == "*"
                for end in "-+"
            ]
            number[word] = self._new_face(k, tuple(children))
        self.patterns: dict[int, Pattern] = {number[words[-1]]: ()}

    def _new_point(self, point: Point) -> int:
        self.points.append(point)
        self.inputs.append(self._evaluate(point))
        return len(self.points) - 1

    def _new_face(self, k: int, children: tuple[int, ...]) -> int:
        self.faces[k][self.counters[k]] = children
        self.counters[k] += 1
        return self.counters[k] - 1

    def _evaluate(self, point: Point) -> tuple[int, ...]:
        """Return the inputs of the current layer at a point, homogeneous: (H_0 > 0, H)."""
        scale = lcm(*(t.denominator for t in point))
        state = [scale, *(int(t * scale) for t in point)]
        for layer in self.layers[: self.layer]:
            state = _apply(layer, state)
        return tuple(state)

    def split(self, layer: int, neuron: int) -> None:
        """Split every cell by the sign of one neuron."""
        if layer != self.layer:
            self.inputs = [tuple(_apply(self.layers[self.layer], h)) for h in self.inputs]
            self.layer = layer
        rows, denominator, _, _ = self.layers[layer]
        row = rows[neuron]
        values = [sum(w * t for w, t in zip(row, h, strict=True)) for h in self.inputs]
        # lo and hi: least and greatest sign over the vertices of a face.
        lo = {i: (z > 0) - (z < 0) for i, z in enumerate(values)}
        hi = dict(lo)
        # What became of the cut (k-1)-faces: (minus part, plus part, middle).
        parts: dict[int, tuple[int, int, int]] = {}
        for k in range(1, self.dim + 1):
            faces = self.faces[k]
            originals = list(faces.items())
            new_lo, new_hi, new_parts = {}, {}, {}
            for f, children in originals:
                low = new_lo[f] = min(lo[c] for c in children)
                high = new_hi[f] = max(hi[c] for c in children)
                if low < 0 < high:
                    new_parts[f] = self._cut(k, children, lo, hi, parts, values, denominator)
            for f, (minus, plus, _) in new_parts.items():
                del faces[f]
                if k == self.dim:
                    bits = self.patterns.pop(f)
                    self.patterns[minus], self.patterns[plus] = (*bits, 0), (*bits, 1)
            if k == self.dim:
                for f, _ in originals:
                    if f in faces:
                        self.patterns[f] = (*self.patterns[f], int(new_hi[f] > 0))
            lo, hi, parts = new_lo, new_hi, new_parts

    def _cut(
        self,
        k: int,
        children: tuple[int, ...],
        lo: dict[int, int],
        hi: dict[int, int],
        parts: dict[int, tuple[int, int, int]],
        values: list[int],
        denominator: int,
    ) -> tuple[int, int, int]:
        """Cut one k-face and return its minus part, its plus part and the face between them.

        ``lo``, ``hi`` and ``parts`` speak of the (k-1)-faces. What is cut further down has been
        replaced already, but the faces that lie in the hyperplane belong to uncut ones.
        """
        if k == 1:
            a, b = sorted(children, key=lambda v: values[v])
            # z = Z / (denominator * H_0)
            za = Fraction(values[a], denominator * self.inputs[a][0])
            zb = Fraction(values[b], denominator * self.inputs[b][0])
            t = za / (za - zb)
            ends = zip(self.points[a], self.points[b], strict=True)
            middle = self._new_point(tuple(p + t * (q - p) for p, q in ends))
            return self._new_face(1, (a, middle)), self._new_face(1, (middle, b)), middle
        minus, plus, between = [], [], set()
        for c in children:
            if c in parts:
                c_minus, c_plus, c_middle = parts[c]
                minus.append(c_minus)
                plus.append(c_plus)
                between.add(c_middle)
                continue
            assert lo[c] or hi[c], "a facet of a cut face lies in the hyperplane"
            (plus if hi[c] > 0 else minus).append(c)
            if not (lo[c] and hi[c]):
                between |= self._touching(k - 1, c, values)
        if k == 2:
            assert len(between) == 2, "the cut of a polygon must have two ends"
        middle = self._new_face(k - 1, tuple(sorted(between)))
        return (
            self._new_face(k, (*minus, middle)),
            self._new_face(k, (*plus, middle)),
            middle,
        )

    def _touching(self, k: int, face: int, values: list[int]) -> set[int]:
        """Return the (k-1)-faces of an uncut k-face that lie in the hyperplane."""
        found = set()
        for child in self.faces[k][face]:
            if all(values[v] == 0 for v in self.vertices(k - 1, child)):
                found.add(child)
        return found

    def vertices(self, k: int, face: int) -> set[int]:
        """Return the vertices of a k-face."""
        ids = {face}
        for level in range(k, 0, -1):
            ids = {child for f in ids for child in self.faces[level][f]}
        return ids

    def answer(self, *, volumes: bool) -> Answer:
        """Return patterns, adjacent pairs, f-vector and, on request, exact volumes."""
        owners: dict[int, list[Pattern]] = {}
        for f, children in self.faces[self.dim].items():
            for c in children:
                owners.setdefault(c, []).append(self.patterns[f])
        assert max(map(len, owners.values())) <= 2, "a facet of three regions"
        edges: set[Edge] = {frozenset(pair) for pair in owners.values() if len(pair) == 2}
        f_vector = (len(self.points), *(len(self.faces[k]) for k in range(1, self.dim + 1)))
        assert sum((-1) ** k * f for k, f in enumerate(f_vector)) == 1, "Euler's relation"
        sizes = None
        if volumes:
            sizes = {self.patterns[f]: self.volume(f) for f in self.faces[self.dim]}
        return Answer(frozenset(self.patterns.values()), frozenset(edges), f_vector, sizes)

    def volume(self, region: int) -> Fraction:
        """Return the exact volume of a region by a pulling triangulation."""
        total = Fraction(0)
        for simplex in self._triangulation(self.dim, region):
            apex, *others = (self.points[v] for v in simplex)
            total += abs(_determinant([[s - t for s, t in zip(p, apex)] for p in others]))
        return total / factorial(self.dim)

    def _triangulation(self, k: int, face: int) -> list[tuple[int, ...]]:
        """Return simplices that tile a k-face: all facets not at the apex, coned to the apex."""
        if k == 0:
            return [(face,)]
        apex = min(self.vertices(k, face))
        return [
            (apex, *simplex)
            for child in self.faces[k][face]
            if apex not in self.vertices(k - 1, child)
            for simplex in self._triangulation(k - 1, child)
        ]


def _integer_layer(layer: object) -> IntegerLayer:
    """Return a layer over one common denominator."""
    weight, bias, slope = layer.weight, layer.bias, layer.slope  # type: ignore[attr-defined]
    denominator = lcm(*(t.denominator for row in weight for t in row))
    denominator = lcm(denominator, *(t.denominator for t in bias))
    rows = [
        [int(t * denominator) for t in (b, *row)] for row, b in zip(weight, bias, strict=True)
    ]
    return rows, denominator, slope.numerator, slope.denominator


def _apply(layer: IntegerLayer, state: "list[int] | tuple[int, ...]") -> list[int]:
    """Return the layer's activations, homogeneous and in lowest terms."""
    rows, denominator, below, above = layer
    zs = [sum(w * t for w, t in zip(row, state, strict=True)) for row in rows]
    result = [denominator * state[0] * above]
    result += [above * z if z > 0 else below * z for z in zs]
    common = gcd(*result)
    return [t // common for t in result]


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    """Return the determinant by elimination."""
    value = Fraction(1)
    rows = [list(row) for row in rows]
    for i in range(len(rows)):
        pivot = next((r for r in range(i, len(rows)) if rows[r][i]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != i:
            rows[i], rows[pivot] = rows[pivot], rows[i]
            value = -value
        value *= rows[i][i]
        for r in range(i + 1, len(rows)):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [s - factor * t for s, t in zip(rows[r], rows[i], strict=True)]
    return value

"""Decision boundaries by brute force: half-spaces in fractions, and nothing of the package.

A network is a list of layers (W, b, slope), the last one linear. Every polyhedron is a list of
half-spaces a x <= b of a bounded domain; its vertices are sought among all d-subsets of these, its
nearest point among all subsets that may be active.
"""

from fractions import Fraction
from itertools import combinations

Row = tuple[tuple[Fraction, ...], Fraction]


def solve(rows, right):
    """Return the solution of a square system, None where it is singular."""
    n = len(rows)
    a = [[*map(Fraction, row), Fraction(t)] for row, t in zip(rows, right)]
    for i in range(n):
        pivot = next((k for k in range(i, n) if a[k][i]), None)
        if pivot is None:
            return None
        a[i], a[pivot] = a[pivot], a[i]
        a[i] = [t / a[i][i] for t in a[i]]
        for k in range(n):
            if k != i and a[k][i]:
                a[k] = [s - a[k][i] * t for s, t in zip(a[k], a[i])]
    return [row[-1] for row in a]


def rank(vectors):
    rows, r = [list(v) for v in vectors], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((k for k in range(r, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[r], rows[pivot] = rows[pivot], rows[r]
        for k in range(r + 1, len(rows)):
            factor = rows[k][column] / rows[r][column]
            rows[k] = [s - factor * t for s, t in zip(rows[k], rows[r])]
        r += 1
    return r


def dot(u, v):
    return sum((s * t for s, t in zip(u, v)), Fraction(0))


def vertices(rows: list[Row], d: int) -> set[tuple[Fraction, ...]]:
    """Return the vertices of {x : a x <= b for all rows}, which is bounded."""
    found = set()
    rows = list(dict.fromkeys(rows))
    for own in combinations(rows, d):
        x = solve([a for a, _ in own], [b for _, b in own])
        if x is not None and tuple(x) not in found and all(dot(a, x) <= b for a, b in rows):
            found.add(tuple(x))
    return found


def dimension(points) -> int:
    """Return the dimension of the hull of points, -1 of none."""
    points = list(points)
    if not points:
        return -1
    return rank([[s - t for s, t in zip(v, points[0])] for v in points[1:]])


def squared_distance(x, rows: list[Row]):
    """Return min |x - y|^2 over {y : a y <= b}, by all sets of active rows; None if it is empty.

    The foot of x on the affine set of linearly independent rows is the nearest point if and only
    if it is feasible and the multipliers are >= 0.
    """
    d = len(x)
    if all(dot(a, x) <= b for a, b in rows):
        return Fraction(0)
    for size in range(1, d + 1):
        for own in combinations(dict.fromkeys(rows), size):
            gram = [[dot(a, c) for c, _ in own] for a, _ in own]
            multipliers = solve(gram, [dot(a, x) - b for a, b in own])
            if multipliers is None or min(multipliers) < 0:
                continue
            y = list(x)
            for m, (a, _) in zip(multipliers, own):
                y = [t - m * s for t, s in zip(y, a)]
            if all(dot(a, y) <= b for a, b in rows):
                return dot([s - t for s, t in zip(x, y)], [s - t for s, t in zip(x, y)])
    return None


def cell_regions(layers, domain: list[Row], d: int):
    """Yield (rows, outputs) of every region: its half-spaces and its affine outputs (a, c)."""
    identity = [(tuple(Fraction(int(i == k)) for i in range(d)), Fraction(0)) for k in range(d)]
    stack = [(domain, identity, 0)]
    while stack:
        rows, features, level = stack.pop()
        weight, bias, slope = layers[level]
        forms = [
            (tuple(dot(row, [f[0][i] for f in features]) for i in range(d)),
             dot(row, [f[1] for f in features]) + b)
            for row, b in zip(weight, bias)
        ]
        if level == len(layers) - 1:
            yield rows, forms
            continue
        parts = [(rows, [])]
        for a, c in forms:
            split = []
            for own, signs in parts:
                for sign in (1, -1):
                    half = [*own, (tuple(-sign * t for t in a), sign * c)]
                    if not any(a):
                        if (c > 0) == (sign > 0):
                            split.append((own, [*signs, sign]))
                    elif dimension(vertices(half, d)) == d:
                        split.append((half, [*signs, sign]))
            parts = split
        for own, signs in parts:
            following = [
                (a, c) if s > 0 else (tuple(slope * t for t in a), slope * c)
                for s, (a, c) in zip(signs, forms)
            ]
            stack.append((own, following, level + 1))


def outputs_at(layers, x):
    h = list(x)
    for level, (weight, bias, slope) in enumerate(layers):
        z = [dot(row, h) + b for row, b in zip(weight, bias)]
        h = z if level == len(layers) - 1 else [t if t > 0 else slope * t for t in z]
    return h


def class_at(layers, x) -> int:
    values = outputs_at(layers, x)
    return int(values[0] > 0) if len(values) == 1 else values.index(max(values))


class Brute:
    """The decision boundary of a network in a bounded domain.

    ``ties`` are the sets in which a class's region has a lower class that ties, as rows: their
    union is the boundary. ``pieces`` are the vertices of all (d - 1)-dimensional meets of two
    regions, or of one and the border of the domain, that are in it.
    """

    def __init__(self, layers, domain: list[Row], d: int) -> None:
        self.d, self.layers = d, layers
        cells = []
        self.ties = []
        self.closures: dict[int, list[list[Row]]] = {}
        self.flat = 0
        for rows, outputs in cell_regions(layers, domain, d):
            if len(outputs) == 1:
                outputs = [(tuple([Fraction(0)] * d), Fraction(0)), *outputs]
            for k in range(len(outputs)):
                own = self._cell(rows, outputs, k)
                if own:
                    cells.append((own, k))
        self.pieces = []
        for (one, a), (other, b) in combinations(cells, 2):
            self._meet([*one, *other], max(a, b))
        for own, a in cells:
            for row, bound in dict.fromkeys(domain):
                self._meet([*own, (tuple(-t for t in row), -bound)], a)
        self.corners = {v for _, corners in self.ties for v in corners}

    def _cell(self, rows, outputs, k: int):
        """Return the rows of where output k decides, None where that is flat; keep its ties."""
        d, (a, c) = self.d, outputs[k]
        others = [
            (j, tuple(s - t for s, t in zip(b, a)), c - e)
            for j, (b, e) in enumerate(outputs) if j != k
        ]
        own = [*rows, *((row, bound) for _, row, bound in others)]
        if any(not any(row) and (bound < 0 or (bound == 0 and j < k)) for j, row, bound in others):
            return None
        if dimension(vertices(own, d)) < d:
            return None
        self.flat += any(not any(row) and bound == 0 for _, row, bound in others)
        self.closures.setdefault(k, []).append(own)
        for j, row, bound in others:
            tie = [*own, (tuple(-t for t in row), -bound)]
            corners = vertices(tie, d) if j < k and any(row) else ()
            if corners:
                self.ties.append((tie, corners))
                middle = [sum(t) / len(corners) for t in zip(*corners)]
                if class_at(self.layers, middle) == j:
                    self.closures.setdefault(j, []).append(tie)
        return own

    def _meet(self, rows, greatest: int) -> None:
        corners = vertices(rows, self.d)
        if dimension(corners) == self.d - 1:
            middle = [sum(t) / len(corners) for t in zip(*corners)]
            if class_at(self.layers, middle) < greatest:
                self.pieces.append(corners)

    def squared_distance(self, x):
        return min((squared_distance(x, rows) for rows, _ in self.ties), default=None)

    def between(self, a: int, b: int):
        """Return the sets of the points that are near points of both classes, as rows."""
        pairs = ((p, q) for p in self.closures.get(a, []) for q in self.closures.get(b, []))
        return [[*p, *q] for p, q in pairs if vertices([*p, *q], self.d)]

    def components(self) -> int:
        parent = list(range(len(self.ties)))

        def root(i):
            while parent[i] != i:
                i = parent[i]
            return i

        for i, j in combinations(range(len(parent)), 2):
            if root(i) != root(j) and vertices(self.ties[i][0] + self.ties[j][0], self.d):
                parent[root(i)] = root(j)
        return len({root(i) for i in range(len(parent))})


def zero_sets(layers, domain: list[Row], d: int):
    """Return the zeros of the one output of a network, region by region, as rows."""
    found = []
    for rows, ((a, c),) in cell_regions(layers, domain, d):
        if any(a):
            rows = [*rows, (a, -c), (tuple(-t for t in a), c)]
        elif c != 0:
            continue
        if vertices(rows, d):
            found.append(rows)
    return found


def least(x, sets):
    """Return the squared distance of a point to a union of sets given by rows, None of no set."""
    return min((squared_distance(x, rows) for rows in sets), default=None)


def squared_distance_to_segment(x, a, b):
    """Return the squared distance of a point to a segment."""
    along, toward = [t - s for s, t in zip(a, b)], [t - s for s, t in zip(a, x)]
    length = dot(along, along)
    place = min(max(dot(toward, along) / length, Fraction(0)), Fraction(1)) if length else 0
    rest = [t - place * s for s, t in zip(along, toward)]
    return dot(rest, rest)

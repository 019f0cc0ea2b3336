"""Independent oracles: slow, exact, and sharing no code with the engine.

Three ways to the same partition, each with its own mathematics:

- :func:`polygon_partition` (d = 1, 2) splits intervals and convex polygons, each on its own, and
  finds the adjacent pairs by comparing sides on lines;
- :func:`search_partition` (any d) never makes a vertex: it searches sign patterns depth first and
  asks z3 whether an open polyhedron, or the relative interior of a common facet, is empty;
- ``tests/reference.py`` (any d) splits the face lattice in plain integers and Fractions.

Then there are the closed formulas for generic and for central arrangements. The classes ``Network``
and ``Box`` of the package serve as containers only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, gcd, lcm
from typing import Any

from exactbn.model.domain import Box
from exactbn.model.network import Layer, Network

Point = tuple[Fraction, ...]
Pattern = tuple[int, ...]
# The affine function x -> coefficients . x + constant.
Affine = tuple[Point, Fraction]
Edge = frozenset[Pattern]


@dataclass(frozen=True)
class Answer:
    """What an oracle says; a field that the oracle does not compute is None.

    ``regions`` are the activation patterns, ``edges`` the pairs of patterns whose regions' closures
    share a set of dimension d - 1.
    """

    regions: frozenset[Pattern]
    edges: frozenset[Edge]
    f_vector: tuple[int, ...] | None = None
    volumes: dict[Pattern, Fraction] | None = None


# Affine maps


def _value(function: Affine, x: Point) -> Fraction:
    """Return the value of an affine function."""
    return sum((c * t for c, t in zip(function[0], x, strict=True)), function[1])


def _combine(weights: Sequence[Fraction], functions: Sequence[Affine], bias: Fraction) -> Affine:
    """Return sum_i weights_i functions_i + bias."""
    d = len(functions[0][0])
    slopes = [Fraction(0)] * d
    for w, (coefficients, constant) in zip(weights, functions, strict=True):
        if w:
            bias += w * constant
            slopes = [s + w * c for s, c in zip(slopes, coefficients, strict=True)]
    return tuple(slopes), bias


def _scaled(function: Affine, factor: Fraction) -> Affine:
    """Return factor * function."""
    return tuple(factor * c for c in function[0]), factor * function[1]


def _coordinates(d: int) -> list[Affine]:
    """Return the coordinate functions of R^d."""
    return [(tuple(Fraction(int(i == j)) for j in range(d)), Fraction(0)) for i in range(d)]


def _after(layer: Layer, functions: Sequence[Affine], bits: Sequence[int]) -> list[Affine]:
    """Return the layer's activations where its preactivations are ``functions`` of signs bits."""
    return [
        f if bit else _scaled(f, layer.slope) for f, bit in zip(functions, bits, strict=True)
    ]


def preactivation_maps(network: Network, pattern: Pattern) -> list[Affine]:
    """Return the affine preactivations of all hidden neurons on the region of ``pattern``."""
    inputs = _coordinates(network.num_inputs)
    found: list[Affine] = []
    for layer in network.hidden:
        maps = [_combine(w, inputs, b) for w, b in zip(layer.weight, layer.bias, strict=True)]
        bits = pattern[len(found): len(found) + len(maps)]
        found += maps
        inputs = _after(layer, maps, bits)
    return found


def exact_forward(network: Network, x: Point) -> tuple[list[Fraction], Point]:
    """Return all hidden preactivations and the outputs at ``x``."""
    zs: list[Fraction] = []
    h = x
    for layer in network.layers:
        rows = zip(layer.weight, layer.bias, strict=True)
        z = [sum((w * t for w, t in zip(row, h, strict=True)), b) for row, b in rows]
        zs += z
        h = tuple(max(t, Fraction(0)) + layer.slope * min(t, Fraction(0)) for t in z)
    return zs[: network.num_hidden], h


# (a) Polygons and intervals


def polygon_partition(network: Network, box: Box) -> Answer:
    """Return the partition for d = 1 or 2 by splitting intervals or convex polygons."""
    if box.dim == 1:
        start: list[Point] = [box.lo, box.hi]
    elif box.dim == 2:
        (x0, y0), (x1, y1) = box.lo, box.hi
        start = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    else:
        raise ValueError(f"polygon_partition is for d = 1 and 2, got {box.dim}")
    cells: list[tuple[list[Point], Pattern, list[Affine]]]
    cells = [(start, (), _coordinates(box.dim))]
    for layer in network.hidden:
        done = []
        for points, pattern, inputs in cells:
            maps = [_combine(w, inputs, b) for w, b in zip(layer.weight, layer.bias, strict=True)]
            pieces: list[tuple[list[Point], Pattern]] = [(points, ())]
            for function in maps:
                pieces = [piece for old in pieces for piece in _split(*old, function)]
            done += [
                (part, pattern + bits, _after(layer, maps, bits)) for part, bits in pieces
            ]
        cells = done
    corners = {pattern: points for points, pattern, _ in cells}
    assert len(corners) == len(cells), "two regions with one pattern"
    volumes = {pattern: _area(points) for pattern, points in corners.items()}
    if box.dim == 1:
        return _interval_answer(corners, volumes)
    edges, num_sides = _common_sides(corners)
    vertices = {point for points in corners.values() for point in points}
    return Answer(
        frozenset(corners), frozenset(edges), (len(vertices), num_sides, len(corners)), volumes
    )


def _split(
    points: list[Point], bits: Pattern, function: Affine
) -> Iterator[tuple[list[Point], Pattern]]:
    """Yield the full-dimensional parts of a polygon where ``function`` is > 0 and <= 0."""
    values = [_value(function, p) for p in points]
    if all(v <= 0 for v in values):
        yield points, (*bits, 0)
    elif all(v >= 0 for v in values):
        yield points, (*bits, 1)
    else:
        for bit, sense in ((0, -1), (1, 1)):
            part = []
            for i, (p, v) in enumerate(zip(points, values, strict=True)):
                q, w = points[i - 1], values[i - 1]
                if v * w < 0 and (len(points) > 2 or i):
                    t = w / (w - v)
                    part.append(tuple(a + t * (b - a) for a, b in zip(q, p, strict=True)))
                if v * sense >= 0:
                    part.append(p)
            yield part, (*bits, bit)


def _area(points: list[Point]) -> Fraction:
    """Return the length of an interval or the area of a polygon (shoelace formula)."""
    if len(points[0]) == 1:
        return abs(points[1][0] - points[0][0])
    total = Fraction(0)
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        total += x0 * y1 - x1 * y0
    return abs(total) / 2


def _interval_answer(
    corners: dict[Pattern, list[Point]], volumes: dict[Pattern, Fraction]
) -> Answer:
    """Return the answer for d = 1: intervals that share an end point are adjacent."""
    ordered = sorted(corners, key=lambda pattern: min(corners[pattern]))
    edges = {frozenset(pair) for pair in zip(ordered, ordered[1:])}
    for left, right in zip(ordered, ordered[1:]):
        assert max(corners[left]) == min(corners[right])
    count = len(corners)
    return Answer(frozenset(corners), frozenset(edges), (count + 1, count), volumes)


def _line(p: Point, q: Point) -> tuple[int, ...]:
    """Return the line through p and q as primitive integers (a, b, c) with first nonzero > 0."""
    a, b = q[1] - p[1], p[0] - q[0]
    numbers = (a, b, -(a * p[0] + b * p[1]))
    scale = lcm(*(t.denominator for t in numbers))
    integers = [int(t * scale) for t in numbers]
    common = gcd(*integers)
    if next(t for t in integers if t) < 0:
        common = -common
    return tuple(t // common for t in integers)


def _common_sides(corners: dict[Pattern, list[Point]]) -> tuple[set[Edge], int]:
    """Return the pairs of polygons that share a segment of positive length, and all segments.

    The sides are grouped by the line that carries them and cut at every end point found on that
    line, so that a side with a foreign vertex in its middle is compared piece by piece.
    """
    lines: dict[tuple[int, ...], list[tuple[Point, Point, Pattern]]] = {}
    for pattern, points in corners.items():
        for p, q in zip(points, points[1:] + points[:1], strict=True):
            # Lexicographic order of points is the order along any line.
            lines.setdefault(_line(p, q), []).append((min(p, q), max(p, q), pattern))
    edges = set()
    pieces = 0
    for sides in lines.values():
        ends = sorted({point for p, q, _ in sides for point in (p, q)})
        for left, right in zip(ends, ends[1:]):
            owners = [pattern for p, q, pattern in sides if p <= left and right <= q]
            assert len(owners) <= 2, "three polygons at one side"
            pieces += bool(owners)
            if len(owners) == 2:
                edges.add(frozenset(owners))
    return edges, pieces


# (b) Search over patterns with z3


class _Feasibility:
    """Questions about polyhedra in R^d, decided by z3 (linear real arithmetic, exact)."""

    def __init__(self, d: int) -> None:
        import z3  # type: ignore[import-untyped]

        self.z3 = z3
        self.xs = [z3.Real(f"x{i}") for i in range(d)]
        self.solver = z3.SolverFor("QF_LRA")

    def _term(self, function: Affine) -> Any:
        """Return a positive integer multiple of the function as a term."""
        scale = lcm(function[1].denominator, *(c.denominator for c in function[0]))
        parts = [int(c * scale) * x for c, x in zip(function[0], self.xs, strict=True) if c]
        return self.z3.Sum([*parts, self.z3.RealVal(int(function[1] * scale))])

    def __call__(self, zero: Sequence[Affine], positive: Sequence[Affine]) -> bool:
        """Return whether some x has all ``zero`` functions = 0 and all ``positive`` ones > 0."""
        self.solver.push()
        self.solver.add([self._term(f) == 0 for f in zero])
        self.solver.add([self._term(f) > 0 for f in positive])
        verdict = self.solver.check()
        self.solver.pop()
        assert verdict in (self.z3.sat, self.z3.unsat)
        return bool(verdict == self.z3.sat)


def search_partition(network: Network, box: Box) -> Answer:
    """Return the partition in any d: depth-first search over patterns, decided by z3.

    A neuron that is identically zero on an open polyhedron is identically zero as an affine
    function there (the polyhedron is full-dimensional); its bit is 0.
    """
    feasible = _Feasibility(box.dim)
    # A state: the pattern so far, the open half-spaces, the inputs of the current layer.
    states: list[tuple[Pattern, list[Affine], list[Affine]]]
    states = [((), box_walls(box), _coordinates(box.dim))]
    for layer in network.hidden:
        done = []
        for pattern, rows, inputs in states:
            maps = [_combine(w, inputs, b) for w, b in zip(layer.weight, layer.bias, strict=True)]
            branches: list[tuple[Pattern, list[Affine]]] = [((), rows)]
            for f in maps:
                branches = [
                    ((*bits, bit), new)
                    for bits, old in branches
                    for bit, new in _sides(feasible, old, f)
                ]
            done += [(pattern + bits, new, _after(layer, maps, bits)) for bits, new in branches]
        states = done
    rows_of = {pattern: rows for pattern, rows, _ in states}
    return Answer(frozenset(rows_of), frozenset(_common_facets(feasible, network, rows_of)))


def _sides(
    feasible: _Feasibility, rows: list[Affine], f: Affine
) -> Iterator[tuple[int, list[Affine]]]:
    """Yield the bits that f takes on an open polyhedron, each with the rows of that part."""
    if not any(f[0]):
        yield int(f[1] > 0), rows
        return
    for bit, row in ((0, _scaled(f, Fraction(-1))), (1, f)):
        if feasible([], [*rows, row]):
            yield bit, [*rows, row]


def _common_facets(
    feasible: _Feasibility, network: Network, rows_of: dict[Pattern, list[Affine]]
) -> Iterator[Edge]:
    """Yield the pairs of regions that share a facet.

    Up to the first neuron in which they differ both regions have the same affine maps, so a common
    facet lies in that neuron's hyperplane. There is one if and only if some point of the hyperplane
    satisfies strictly all rows of both regions, but for those that vanish on the hyperplane.
    """
    maps_of = {pattern: preactivation_maps(network, pattern) for pattern in rows_of}
    for p, q in combinations(rows_of, 2):
        differing = [i for i, (s, t) in enumerate(zip(p, q, strict=True)) if s != t]
        wall = maps_of[p][differing[0]]
        # Preactivations are continuous: one that differs in sign must vanish on the whole facet.
        if not all(_vanishes_on(wall, maps_of[r][i]) for r in (p, q) for i in differing):
            continue
        rest = [f for f in rows_of[p] + rows_of[q] if not _vanishes_on(wall, f)]
        if feasible([wall], rest):
            yield frozenset((p, q))


def box_walls(box: Box) -> list[Affine]:
    """Return the affine functions that are > 0 inside the box."""
    walls: list[Affine] = []
    for (unit, _), lo, hi in zip(_coordinates(box.dim), box.lo, box.hi, strict=True):
        walls += [(unit, -lo), (tuple(-t for t in unit), hi)]
    return walls


def _vanishes_on(wall: Affine, f: Affine) -> bool:
    """Return whether f is 0 on the hyperplane where ``wall``, which is not constant, is 0."""
    u, v = (*f[0], f[1]), (*wall[0], wall[1])
    pivot = next(i for i, t in enumerate(v) if t)
    return all(a * v[pivot] == b * u[pivot] for a, b in zip(u, v, strict=True))


# Volumes from half-spaces


def pattern_volume(network: Network, box: Box, pattern: Pattern) -> Fraction:
    """Return the exact volume of the region of ``pattern``, from its half-spaces alone."""
    rows = box_walls(box)
    for bit, f in zip(pattern, preactivation_maps(network, pattern), strict=True):
        rows.append(f if bit else _scaled(f, Fraction(-1)))
    return lasserre_volume(rows)


def lasserre_volume(rows: Sequence[Affine]) -> Fraction:
    """Return the volume of the bounded polyhedron {x : a . x + b >= 0 for all rows (a, b)}.

    Lasserre's recursion: with the facets F_i = {a_i . x + b_i = 0}, d vol(P) is the sum over i of
    b_i / |a_i| vol(F_i), and vol(F_i) is |a_i| / |a_ij| times that of its projection along axis j,
    so no root appears (J. Optim. Theory Appl. 39 (1983), 363-377). Rows that are positive multiples
    of each other give one facet, which must be counted once.
    """
    d = len(rows[0][0])
    distinct: dict[Point, Affine] = {}
    for a, b in rows:
        if not any(a):
            if b < 0:
                return Fraction(0)
            continue
        size = sum(abs(t) for t in a)
        unit = tuple(t / size for t in a)
        if unit not in distinct or b / size < distinct[unit][1]:
            distinct[unit] = (unit, b / size)
    kept = list(distinct.values())
    if d == 1:
        lowest = max(-b / a[0] for a, b in kept if a[0] > 0)
        highest = min(-b / a[0] for a, b in kept if a[0] < 0)
        return max(highest - lowest, Fraction(0))
    total = Fraction(0)
    for i, (a, b) in enumerate(kept):
        if not b:
            continue
        axis = max(range(d), key=lambda j: abs(a[j]))
        projected = []
        for c, e in kept[:i] + kept[i + 1:]:
            factor = c[axis] / a[axis]
            reduced = tuple(c[j] - factor * a[j] for j in range(d) if j != axis)
            projected.append((reduced, e - factor * b))
        total += b / abs(a[axis]) * lasserre_volume(projected)
    return total / d


# (d) Closed formulas


def generic_count(n: int, d: int) -> int:
    """Return the number of regions of n hyperplanes in general position in R^d.

    T. Zaslavsky, *Facing up to arrangements*, Mem. Amer. Math. Soc. 154 (1975).
    """
    return sum(comb(n, i) for i in range(d + 1))


def central_count(n: int, d: int) -> int:
    """Return the number of regions of n >= 1 hyperplanes through one point, else generic, in R^d.

    J. G. Wendel, *A problem in geometric probability*, Math. Scand. 11 (1962), 109-111.
    """
    return 2 * sum(comb(n - 1, i) for i in range(d))

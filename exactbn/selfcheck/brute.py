"""Brute force: every region by itself as the cone over its vertices, by double description.

A point x stands for the ray through (1, x), a region for the closed cone over {1} x region, given
twice: by the rows that are >= 0 on it, and by generators, lines and rays of integers. A neuron
cuts each cone on its own, so vertices on common boundaries are made many times over and nothing is
ever shared; two regions are adjacent if the cone they have in common has dimension d. Slow, plain
Python, and without a line of code or an idea of the engines: no complex of faces, no linear
programs, no floats.

T. S. Motzkin, H. Raiffa, G. L. Thompson, R. M. Thrall, *The double description method*, in:
Contributions to the theory of games II, 1953. Two rays of a cone are adjacent, that is span a
2-face, if and only if no third one lies on all the rows that vanish on both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import factorial, gcd, lcm

from exactbn.errors import LimitError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Box
from exactbn.model.network import Network

#: Coefficients (constant, gradient), or a generator (x0, x): d + 1 integers.
Form = tuple[int, ...]
Pattern = tuple[int, ...]

#: Regions, and rays of one region, beyond which it says that it cannot follow: pairs of rays are
#: compared with every third one, and pairs of regions with each other.
MOST_REGIONS, MOST_RAYS = 90, 100


@dataclass(frozen=True)
class BruteRegion:
    """A region: its pattern, its rows (>= 0 on it), its lines and its rays.

    With each ray goes the set, as bits, of the rows that vanish on it, as far as they were needed
    to cut the region out; lines lie on all rows. ``forms`` are the integer preactivations of the
    neurons so far.
    """

    pattern: Pattern
    rows: tuple[Form, ...]
    lines: tuple[Form, ...]
    rays: tuple[tuple[Form, int], ...]
    forms: tuple[Form, ...] = ()

    @property
    def is_unbounded(self) -> bool:
        """Return whether the region holds a direction."""
        return bool(self.lines) or any(ray[0] == 0 for ray, _ in self.rays)


@dataclass(frozen=True)
class BrutePartition:
    """All regions, and the pairs of patterns of those that share a facet."""

    regions: tuple[BruteRegion, ...]
    edges: frozenset[frozenset[Pattern]]


def brute_partition(
    network: Network, box: Box | None, rows: tuple[Matrix, Vector] | None = None
) -> BrutePartition:
    """Return the partition of a box, of its points with A x <= b, or of R^d, region by region.

    A domain without interior points has no regions.

    Raises
    ------
    LimitError
        If there are more regions, or more rays of one region, than it can follow.
    """
    d = network.num_inputs
    # A layer is cut for all regions of the one before. Of each region the features are forms of
    # rationals: the constant, the inputs, then the units of all layers so far.
    regions = _domain(d, box, rows)
    known = [[tuple(Fraction(i == j) for i in range(d + 1)) for j in range(d + 1)]] * len(regions)
    reads = [numbers for block in network.blocks for numbers in block.reads]
    for layer, numbers in zip(network.hidden, reads):
        cut: list[BruteRegion] = []
        after = []
        for region, features in zip(regions, known, strict=True):
            inputs = [features[0], *(features[f] for f in numbers)]
            forms = [
                _combination((bias, *row), inputs)
                for row, bias in zip(layer.weight, layer.bias, strict=True)
            ]
            pieces = [region]
            for form in map(_integers, forms):
                pieces = [part for piece in pieces for part in _split(piece, form)]
                _check_size(len(cut) + len(pieces), *(len(piece.rays) for piece in pieces))
            for piece in pieces:
                bits = piece.pattern[-len(forms):]
                images = [
                    form if bit else tuple(slope * t for t in form)
                    for form, bit, slope in zip(forms, bits, layer.slopes, strict=True)
                ]
                after.append([*features, *images])
            cut += pieces
        regions, known = cut, after
    pairs = combinations(regions, 2)
    edges = {frozenset((p.pattern, q.pattern)) for p, q in pairs if _share_facet(p, q, d)}
    return BrutePartition(tuple(regions), frozenset(edges))


def _check_size(regions: int, *rays: int) -> None:
    """Raise LimitError where there is too much to follow."""
    if regions > MOST_REGIONS or max(rays, default=0) > MOST_RAYS:
        raise LimitError(f"brute force ends at {MOST_REGIONS} regions of {MOST_RAYS} rays")


def _domain(
    d: int, box: Box | None, rows: tuple[Matrix, Vector] | None
) -> list[BruteRegion]:
    """Return the cone over the domain: the half-space x0 >= 0, cut by the sides and the rows.

    An empty or flat domain gives no cone.
    """
    units = [tuple(int(i == j) for i in range(d + 1)) for j in range(d + 1)]
    # The first row is x0 itself: it vanishes on the lines and not on the one ray.
    region = BruteRegion((), (units[0],), tuple(units[1:]), ((units[0], 0),))
    forms: list[tuple[Fraction, ...]] = []
    if box is not None:
        _check_size(1, 2**d)
        for unit, lo, hi in zip(units[1:], box.lo, box.hi, strict=True):
            forms += [(-lo, *map(Fraction, unit[1:])), (hi, *(Fraction(-t) for t in unit[1:]))]
    if rows is not None:
        forms += [(b, *(-t for t in a)) for a, b in zip(*rows, strict=True)]
    for row in map(_integers, forms):
        if not any(row[1:]) and row[0] >= 0:
            continue  # it bounds nothing
        _, (lines, rays) = _halves(region, row)
        region = BruteRegion((), (*region.rows, row), lines, rays)
        _check_size(1, len(rays))
        if _rank(lines, rays) <= d:
            return []
    return [region]


def _split(region: BruteRegion, form: Form) -> Iterator[BruteRegion]:
    """Yield the full-dimensional parts of a region where a neuron is off and where it is on."""
    values = [_dot(form, ray) for ray, _ in region.rays]
    forms = (*region.forms, form)
    if not any(_dot(form, line) for line in region.lines):
        bit = int(any(value > 0 for value in values))
        if not bit or min(values) >= 0:
            row = form if bit else tuple(-t for t in form)
            yield BruteRegion(
                (*region.pattern, bit), (*region.rows, row), region.lines, region.rays, forms
            )
            return
    for bit, (lines, rays) in enumerate(_halves(region, form)):
        row = form if bit else tuple(-t for t in form)
        yield BruteRegion((*region.pattern, bit), (*region.rows, row), lines, rays, forms)


Generators = tuple[tuple[Form, ...], tuple[tuple[Form, int], ...]]


def _halves(region: BruteRegion, form: Form) -> tuple[Generators, Generators]:
    """Return the generators of the parts of a cone where ``form`` is <= 0 and >= 0.

    The form gets the bit of the next row of the region.
    """
    bit = 1 << len(region.rows)
    across = next((line for line in region.lines if _dot(form, line)), None)
    if across is not None:
        # Along this line every other generator can be moved into the hyperplane of the form.
        height = _dot(form, across)
        up = across if height > 0 else tuple(-t for t in across)
        down = tuple(-t for t in up)
        lines = tuple(
            _reduced(_moved(line, form, up)) for line in region.lines if line is not across
        )
        flat = tuple((_reduced(_moved(ray, form, up)), rows | bit) for ray, rows in region.rays)
        # Lines vanish on every row before.
        return (lines, (*flat, (down, bit - 1))), (lines, (*flat, (up, bit - 1)))
    off: list[tuple[Form, int]] = []
    on: list[tuple[Form, int]] = []
    flat_rays: list[tuple[Form, int]] = []
    values = []
    for ray, rows in region.rays:
        value = _dot(form, ray)
        values.append(value)
        if value == 0:
            flat_rays.append((ray, rows | bit))
        else:
            (on if value > 0 else off).append((ray, rows))
    below = [(i, -value) for i, value in enumerate(values) if value < 0]
    above = [(i, value) for i, value in enumerate(values) if value > 0]
    sets = [rows for _, rows in region.rays]
    for i, depth in below:
        for j, height in above:
            common = sets[i] & sets[j]
            if any(rows & common == common for k, rows in enumerate(sets) if k not in (i, j)):
                continue
            low, high = region.rays[i][0], region.rays[j][0]
            ray = tuple(height * s + depth * t for s, t in zip(low, high, strict=True))
            flat_rays.append((_reduced(ray), common | bit))
    return (region.lines, (*off, *flat_rays)), (region.lines, (*on, *flat_rays))


def _moved(generator: Form, form: Form, up: Form) -> Form:
    """Return a positive multiple of a generator, moved along ``up`` to where ``form`` is 0."""
    height, value = _dot(form, up), _dot(form, generator)
    return tuple(height * s - value * t for s, t in zip(generator, up, strict=True))


def _share_facet(p: BruteRegion, q: BruteRegion, d: int) -> bool:
    """Return whether the common points of two regions have dimension d - 1.

    Up to the first neuron in which they differ both have the same forms, so all common points lie
    on that neuron's hyperplane. The points at infinity of a cone are no facet between two regions.
    """
    first = next(i for i, (s, t) in enumerate(zip(p.pattern, q.pattern)) if s != t)
    wall = p.forms[first]
    sides = []
    for region in (p, q):
        flat = tuple((ray, rows) for ray, rows in region.rays if _dot(wall, ray) == 0)
        if len(flat) + len(region.lines) < d or _rank(region.lines, flat) < d:
            return False
        sides.append(BruteRegion(region.pattern, region.rows, region.lines, flat))
    common, other = sides
    if not common.lines and {ray for ray, _ in common.rays} == {ray for ray, _ in other.rays}:
        return True
    for row in q.rows:
        _, (lines, rays) = _halves(common, row)
        if len(lines) + len(rays) < d:
            return False
        common = BruteRegion((), (*common.rows, row), lines, rays)
    return _rank(common.lines, common.rays) == d


def num_vertices(part: BrutePartition) -> int:
    """Return how many points are vertices of regions."""
    return len({ray for region in part.regions for ray, _ in region.rays if ray[0]})


def volume(region: BruteRegion, d: int) -> Fraction:
    """Return the exact volume of a bounded region: d! times it is a sum of determinants."""
    points = [(tuple(Fraction(t, ray[0]) for t in ray), rows) for ray, rows in region.rays]
    total = Fraction(0)
    for simplex in _simplices(points, d, len(region.rows)):
        total += abs(_determinant([list(point) for point in simplex]))
    return total / factorial(d)


Point = tuple[Fraction, ...]


def _simplices(
    points: Sequence[tuple[Point, int]], dim: int, rows: int
) -> Iterator[tuple[Point, ...]]:
    """Yield simplices that fill a polytope: its first vertex joined to all facets without it.

    The facets of a face are the largest of its proper parts on which a row vanishes.
    """
    if dim == 0:
        yield (points[0][0],)
        return
    parts = {
        frozenset(i for i, (_, on) in enumerate(points) if on >> row & 1) for row in range(rows)
    }
    parts = {part for part in parts if 0 < len(part) < len(points)}
    for part in parts:
        if 0 not in part and not any(part < other for other in parts):
            for simplex in _simplices([points[i] for i in sorted(part)], dim - 1, rows):
                yield (points[0][0], *simplex)


# Linear algebra


def _dot(form: Form, generator: Form) -> int:
    """Return the value of a form at a generator."""
    return sum(s * t for s, t in zip(form, generator, strict=True))


def _combination(
    weights: Sequence[Fraction], forms: Sequence[Sequence[Fraction]]
) -> tuple[Fraction, ...]:
    """Return sum_i weights_i forms_i."""
    return tuple(
        sum((w * t for w, t in zip(weights, column, strict=True) if w), Fraction(0))
        for column in zip(*forms, strict=True)
    )


def _integers(numbers: Sequence[Fraction]) -> Form:
    """Return the smallest positive integer multiple of rationals."""
    scale = lcm(*(t.denominator for t in numbers))
    return _reduced(tuple(int(t * scale) for t in numbers))


def _reduced(numbers: Form) -> Form:
    """Return integers divided by their greatest common divisor."""
    divisor = gcd(*numbers)
    return numbers if divisor in (0, 1) else tuple(t // divisor for t in numbers)


def _rank(lines: Sequence[Form], rays: Sequence[tuple[Form, int]]) -> int:
    """Return the dimension of the span of generators."""
    rows = [list(vector) for vector in (*lines, *(ray for ray, _ in rays))]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        head = rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column]
            if factor:
                rows[i] = [
                    head[column] * s - factor * t for s, t in zip(rows[i], head, strict=True)
                ]
        rank += 1
    return rank


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    """Return a determinant by elimination."""
    value = Fraction(1)
    for column in range(len(rows)):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != column:
            rows[column], rows[pivot] = rows[pivot], rows[column]
            value = -value
        head = rows[column]
        value *= head[column]
        for i in range(column + 1, len(rows)):
            factor = rows[i][column] / head[column]
            if factor:
                rows[i] = [s - factor * t for s, t in zip(rows[i], head, strict=True)]
    return value

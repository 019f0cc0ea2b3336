"""Networks that go where floats, bounds and fixed sizes end: the hard families.

Points far away, sums that cancel exactly but not in floats, bundles of parallel hyperplanes, layers
wider than a machine word, many layers, many inputs, steep slopes, numbers of all sizes, boxes of
all sizes, whole layers that are dead or equal, and polytopes. The families whose names begin with
``space-`` are of all of R^d.
"""

from collections.abc import Callable
from fractions import Fraction
from random import Random

from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.selfcheck.degenerate import FACTORS, MIXED, grid_point, random_box, stacked
from exactbn.selfcheck.problem import Row, image, network_of

Draw = tuple[Network, Box | None, tuple[Matrix, Vector] | None]
Point = tuple[Fraction, ...]

SLOPES = tuple(Fraction(t) for t in ("0", "0", "1/10", "-1"))
STEEP = (Fraction(2) ** 120, Fraction(1, 2**120), Fraction(10) ** 39, *map(Fraction, (-1, 1, 2)))
#: Widths on both sides of one and of two machine words.
WIDTHS = (63, 64, 65, 66, 127, 128, 129, 130)
#: Powers of two from the least float to beyond any product of two that is one.
EXPONENTS = (-1074, -1000, -500, -60, 0, 0, 0, 0, 60, 500, 1000)


def _integers(random: Random, n: int, size: int = 3) -> Row:
    """Return n small integers, not all zero."""
    row = [Fraction(random.randint(-size, size)) for _ in range(n)]
    if not any(row):
        row[random.randrange(n)] = Fraction(1)
    return row


def _through(random: Random, point: Point, size: int = 3) -> Row:
    """Return a row of small integers that vanishes at a point."""
    row = _integers(random, len(point), size)
    return [*row, -sum((w * t for w, t in zip(row, point)), Fraction(0))]


def _scaled(row: Row, factor: Fraction | int) -> Row:
    return [factor * t for t in row]


def _far_point(random: Random, d: int) -> Point:
    """Return a point of integers up to 2^20 away, each size as often as any other."""
    limit = 2 ** random.randint(6, 20)
    point = [Fraction(random.randint(-limit, limit)) for _ in range(d)]
    point[random.randrange(d)] = Fraction(random.choice((-limit, limit)))
    return tuple(point)


def _cancelling(random: Random, layer: list[Row], below: int) -> tuple[list[Row], list[Row]]:
    """Return a layer with every row again, doubled or as it is, and rows on it that cancel.

    On twins h and c h the weights -c a + e and a leave e h, though each of them has 60 bits: e is
    -1, 0 or 1. Three copies of h and weights a, a, a, 1 - 3 a leave h.
    """
    factor = random.choice((1, 2))
    if len(layer) == 1 and random.randrange(2):
        a = Fraction(random.getrandbits(60) | 1 << 60)
        return layer * 4, [[a, a, a, 1 - 3 * a, Fraction(0)]]
    twins = layer + [_scaled(row, factor) for row in layer]
    rows = []
    for _ in range(below):
        large = [Fraction(random.getrandbits(60)) for _ in layer]
        left = [factor * t + random.choice((-1, 0, 1)) for t in large]
        rows.append([*left, *(-t for t in large), Fraction(random.choice((0, 0, 0, 1)))])
    return twins, rows


def space_points(random: Random) -> Draw:
    """All of R^d, d = 1 to 3: hyperplanes through a point up to 2^20 away, layer after layer."""
    d = random.choice((1, 2, 2, 3))
    centre = _far_point(random, d)
    layers, slopes = [], []
    for width in random.choice(((3,), (4,), (2, 2), (3, 2), (3, 3), (2, 2, 2))):
        layer = [_through(random, centre) for _ in range(width)]
        if random.randrange(3) == 0:
            layer[-1][-1] += random.choice((-1, 1))
        layers.append(layer)
        slopes.append(random.choice(SLOPES))
        centre = image(layer, slopes[-1], centre)
    return network_of(layers, slopes), None, None


def space_cancel(random: Random) -> Draw:
    """All of R^d, d = 1 or 2: a far common point, and weights of 60 bits that cancel."""
    d = random.choice((1, 1, 2, 2))
    centre = _far_point(random, d)
    layer = [_through(random, centre) for _ in range(random.randint(1, 3))]
    first, second = _cancelling(random, layer, random.randint(1, 2))
    return network_of([first, second], [random.choice(SLOPES), Fraction(0)]), None, None


def space_bundle(random: Random) -> Draw:
    """All of R^d, d = 1 or 2: 30 to 40 parallel hyperplanes, and one that nearly runs along.

    They stand at equal distances, at growing ones, or where a point is each time that flees from
    the last one by a share of its own size.
    """
    d = random.choice((1, 2, 2))
    n = random.randint(30, 40)
    kind = random.choice(("equal", "growing", "fleeing"))
    if kind == "fleeing":
        steps = tuple(Fraction(16 + (7 * i * i + 5 * i + 3) % 16, 16) for i in range(d))
        layer = [[*[Fraction(1)] * d, -sum(x, Fraction(0))] for x in _fleeing(steps, n)]
    else:
        base = _integers(random, d)
        ratio = Fraction(random.randint(5, 8), 4)
        places = [Fraction(k) if kind == "equal" else ratio**k for k in range(n)]
        layer = [[*base, random.choice((1, -1)) * t] for t in places]
        steps = (*map(Fraction, base[1:]), -base[0]) if d == 2 else (Fraction(1),)
    if d == 2:
        # Nearly along the steps: the large terms cancel where they go, but for one unit.
        large = random.getrandbits(71)
        layer.append([steps[1] * 16 * large + random.choice((-1, 1)), -steps[0] * 16 * large,
                      Fraction(0)])  # fmt: skip
    return network_of([layer], [random.choice(SLOPES)]), None, None


def _fleeing(steps: Point, n: int) -> list[Point]:
    """Return points that begin at 0, each one step on, longer with the point's size."""
    x: Point = (Fraction(0),) * len(steps)
    points = []
    for _ in range(n):
        points.append(x)
        size = max(Fraction(1), *map(abs, x))
        length = Fraction(2) ** (size.numerator.bit_length() - size.denominator.bit_length() - 2)
        x = tuple(s + length * t for s, t in zip(x, steps))
    return points


def space_steep(random: Random) -> Draw:
    """All of R^d: slopes up to 10^39, down to 2^-120, -1, 1 and 2."""
    network, _, _ = steep(random)
    return network, None, None


def steep(random: Random) -> Draw:
    """Slopes up to 10^39, down to 2^-120, -1, 1 and 2, in a small box."""
    d = random.choice((1, 1, 2, 3))
    widths = random.choice(((2, 2), (3, 2), (2, 2, 1), (2, 1, 2)))
    layers, before = [], d
    for width in widths:
        layers.append([
            [*_integers(random, before), Fraction(random.randint(-1, 1), 2)] for _ in range(width)
        ])  # fmt: skip
        before = width
    slopes = [random.choice(STEEP) for _ in layers]
    return network_of(layers, slopes), Box.of(-1, 1, d), None


def cancel(random: Random) -> Draw:
    """Weights of 60 bits that cancel, in a cube around the common point of the first layer."""
    d = random.choice((1, 2, 2, 3))
    centre = random.choice((grid_point(random, d), _far_point(random, d)))
    layer = [_through(random, centre) for _ in range(random.randint(1, 3))]
    first, second = _cancelling(random, layer, random.randint(1, 2))
    network = network_of([first, second], [random.choice(SLOPES), Fraction(0)])
    return network, Box.of([t - 1 for t in centre], [t + 2 for t in centre], d), None


def wide(random: Random) -> Draw:
    """A layer of 63 to 66 or 127 to 130 units, most of them copies of a few, or dead."""
    d = random.choice((1, 2, 2, 3))
    width = random.choice(WIDTHS)
    few = random.choice((2, 2, 3))
    first = [[*_integers(random, d), Fraction(random.randint(-2, 2), 2)] for _ in range(few)]
    if random.randrange(2):
        layers = [_spread(random, first, width)]
        if random.randrange(2):
            # The last units of the wide layer are read too.
            row = [Fraction(0)] * width + [Fraction(random.randint(-1, 1))]
            row[0], row[-2], row[width // 2] = map(Fraction, (1, random.choice((-1, 2)), -1))
            layers.append([row])
    else:
        below = [[*_integers(random, few), Fraction(random.randint(-1, 1))] for _ in range(2)]
        layers = [first, _spread(random, below, width)]
    slopes = [random.choice(SLOPES) for _ in layers]
    return network_of(layers, slopes), random_box(random, grid_point(random, d)), None


def _spread(random: Random, rows: list[Row], width: int) -> list[Row]:
    """Return so many rows: the given ones last, before them copies, some moved, some dead."""
    found: list[Row] = []
    while len(found) < width - len(rows):
        row = _scaled(random.choice(rows), random.choice(FACTORS))
        kind = random.randrange(30)
        if kind == 0:
            row[-1] += random.choice((1, -1, Fraction(1, 3)))
        elif kind < 12:
            row = [Fraction(0)] * (len(row) - 1) + [Fraction(random.randint(-1, 1))]
        found.append(row)
    return found + rows


def deep(random: Random) -> Draw:
    """5 to 12 hidden layers of one to three units."""
    d = random.choice((1, 2, 2, 3))
    depth = random.randint(5, 12)
    widths = [random.choice((1, 2, 2, 3) if depth < 9 else (1, 2, 2)) for _ in range(depth)]
    centre = grid_point(random, d)
    family = random.choice(("integers", "rationals", "central", "folds", "dyadics"))
    return stacked(random, family, centre, widths), random_box(random, centre), None


def high(random: Random) -> Draw:
    """Six to eight inputs, three to five units."""
    d = random.choice((6, 6, 6, 7, 7, 8))
    widths = random.choice(([3], [4], [2, 2], [3, 1]) if d < 8 else ([2], [3], [2, 1]))
    centre = grid_point(random, d)
    family = random.choice(("integers", "central", "copies", "folds", MIXED))
    return stacked(random, family, centre, list(widths)), random_box(random, centre), None


def scales(random: Random) -> Draw:
    """Numbers from 2^-1074 to 2^1000 side by side."""
    d = random.choice((1, 2, 2, 3))
    layers, before = [], d
    for width in random.choice(((3,), (4,), (2, 2), (3, 2))):
        layers.append([
            [t * Fraction(2) ** random.choice(EXPONENTS) for t in _integers(random, before + 1)]
            for _ in range(width)
        ])  # fmt: skip
        before = width
    slopes = [random.choice(SLOPES) for _ in layers]
    return network_of(layers, slopes), random_box(random, (Fraction(0),) * d), None


def boxes(random: Random) -> Draw:
    """Boxes 2^-130 wide, 10^15 away, or both at once on different axes."""
    d = random.choice((1, 2, 2, 3))
    places = (0, 1, Fraction(1, 3), 10**15, -(10**15) + Fraction(1, 7))
    centre = tuple(Fraction(random.choice(places)) for _ in range(d))
    sizes = [random.choice((Fraction(1, 2**130), Fraction(1), Fraction(2) ** 40)) for _ in centre]
    box = Box.of(
        [t - s * random.randint(0, 2) for t, s in zip(centre, sizes)],
        [t + s for t, s in zip(centre, sizes)], d,
    )  # fmt: skip
    layers, slopes, point, reach = [], [], centre, min(sizes)
    for width in random.choice(((3,), (4,), (2, 2), (3, 2))):
        layer = [_through(random, point) for _ in range(width)]
        for row in layer:
            row[-1] += reach * random.choice((0, 0, Fraction(1, 2), Fraction(-1, 3)))
        layers.append(layer)
        slopes.append(random.choice(SLOPES))
        point = image(layer, slopes[-1], point)
    return network_of(layers, slopes), box, None


def layerwise(random: Random) -> Draw:
    """Layers that are as a whole dead, constant, equal, negated or scaled copies."""
    d = random.choice((1, 2, 2, 3))
    layers, before = [], d
    for depth in range(random.randint(2, 4)):
        width = random.randint(2, 3)
        kind = random.choice(("dead", "equal", "negated", "scaled", "open", "open"))
        base = [*_integers(random, before), Fraction(random.randint(-1, 1), 2)]
        layer = [base] * width
        if kind == "dead" and depth:
            layer = [[-abs(t) for t in base[:-1]] + [Fraction(-k)] for k in range(width)]
        elif kind == "negated":
            layer = [_scaled(base, (-1) ** k) for k in range(width)]
        elif kind == "scaled":
            layer = [_scaled(base, random.choice(FACTORS)) for _ in range(width)]
        elif kind == "open":
            layer = [[*_integers(random, before), Fraction(random.randint(-1, 1))] for _ in layer]
        layers.append(layer)
        before = width
    slopes = [random.choice(SLOPES) for _ in layers]
    return network_of(layers, slopes), random_box(random, grid_point(random, d)), None


def vanishing(random: Random) -> Draw:
    """Units that are identically zero on regions, or everywhere: z, -z and sums of their folds."""
    d = random.choice((1, 2, 2, 3))
    point = grid_point(random, d)
    first = []
    for _ in range(random.randint(1, 2)):
        row = _through(random, point)
        first += [row, _scaled(row, -1)]
    layers, before = [first], len(first)
    for _ in range(random.randint(1, 2)):
        width = random.randint(1, 3)
        layer = [[*_integers(random, before, 1), Fraction(0)] for _ in range(width)]
        layers.append(layer + [_scaled(row, -1) for row in layer[:1]])
        before = len(layers[-1])
    slopes = [random.choice((*SLOPES, Fraction(1))) for _ in layers]
    return network_of(layers, slopes), random_box(random, point), None


def bare(random: Random) -> Draw:
    """No hidden layer at all: one region."""
    d = random.randint(1, 6)
    network = Network.from_arrays([[_integers(random, d)]], [[random.randint(-1, 1)]])
    return network, random_box(random, grid_point(random, d)), None


def polytope(random: Random) -> Draw:
    """A box or all of R^d cut by rows: redundant, double, touching, zero, along hyperplanes; some
    leave nothing."""
    d = random.choice((1, 2, 2, 3, 4))
    centre = grid_point(random, d)
    widths = random.choice(([2], [3], [2, 1], [1, 2]))
    network = stacked(random, random.choice(("integers", "central", MIXED)), centre, list(widths))
    box = Box.of([t - random.randint(1, 2) for t in centre], [t + 1 for t in centre], d)
    rows = [_cut(random, network, box, centre) for _ in range(random.randint(1, 4))]
    if random.randrange(3) == 0:
        rows.append(_scaled(random.choice(rows), random.choice((1, 2, Fraction(1, 3)))))
    cut = tuple(tuple(r[:-1]) for r in rows), tuple(r[-1] for r in rows)
    return network, None if random.randrange(3) == 0 else box, cut


def _cut(random: Random, network: Network, box: Box, centre: Point) -> Row:
    """Return one row (a, b) of a x <= b."""
    d = len(centre)
    a = _integers(random, d)
    kind = random.choice(("cut", "cut", "through", "touch", "redundant", "unit", "zero"))
    if kind == "zero":
        return [Fraction(0)] * d + [Fraction(random.choice((0, 0, 1, 1, 1, -1)))]
    if kind == "unit":
        # Along a hyperplane of the first layer, where that has a direction.
        layer = network.layers[0]
        k = random.randrange(layer.num_neurons)
        if any(layer.weight[k]):
            return [*layer.weight[k], -layer.bias[k]]
    sides = zip(a, box.lo, box.hi)
    greatest = sum((t * (hi if t > 0 else lo) for t, lo, hi in sides), Fraction(0))
    here = sum((t * s for t, s in zip(a, centre)), Fraction(0))
    middle = (here + greatest) / 2
    return [*a, {"through": here, "touch": greatest, "redundant": greatest + 1}.get(kind, middle)]


def large(random: Random) -> Draw:
    """Some ten units in general position, two to four inputs: a hundred regions and more."""
    d = random.choice((2, 3, 3, 4))
    widths = {2: [8, 4], 3: [7, 2], 4: [7]}[d]
    network = stacked(random, "dyadics", grid_point(random, d), widths)
    return network, random.choice((None, Box.of(-1, 1, d), Box.of(-3, 2, d))), None


#: The hard families, by the names that the command line takes.
MAKERS: dict[str, Callable[[Random], Draw]] = {
    "space-points": space_points,
    "space-cancel": space_cancel,
    "space-bundle": space_bundle,
    "space-steep": space_steep,
    "steep": steep,
    "cancel": cancel,
    "wide": wide,
    "deep": deep,
    "high": high,
    "scales": scales,
    "boxes": boxes,
    "layers": layerwise,
    "vanishing": vanishing,
    "bare": bare,
    "polytope": polytope,
    "large": large,
}

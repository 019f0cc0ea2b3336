"""Named small networks with answers derived by hand or from the literature.

Each example says the network, the box and what is known: the numbers of regions and of adjacent
pairs and, where it was counted by hand, the f-vector (vertices, edges, ..., regions) of the
complex, the box's own faces included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

from exactbn.model.domain import Box
from exactbn.model.network import Network

Numbers = Sequence[object]

TINY = Fraction(1, 2**80)
#: Bounds beyond all vertices of the plane networks below, so that the counts are those of R^2.
FAR = 2**20 + 1


@dataclass(frozen=True)
class Example:
    """A network, a box and the known counts; None where a count is not known by hand."""

    name: str
    network: Network
    box: Box
    regions: int
    adjacencies: int | None = None
    f_vector: tuple[int, ...] | None = None


def one_layer(rows: Sequence[Numbers], biases: Numbers) -> Network:
    """Return the network whose hidden neurons are the given hyperplanes."""
    return Network.from_arrays([rows, [[1] * len(rows)]], [biases, [0]])


def centred(network: Network, data: Sequence[Sequence[int]]) -> Network:
    """Return the network with every hidden bias minus the exact mean of its input over the data."""
    points = [tuple(Fraction(t) for t in point) for point in data]
    biases: list[Sequence[Fraction]] = []
    for layer in network.hidden:
        sums = [
            [sum((w * t for w, t in zip(row, h, strict=True)), Fraction(0)) for row in layer.weight]
            for h in points
        ]
        biases.append([-sum(column, Fraction(0)) / len(points) for column in zip(*sums)])
        points = [
            tuple(max(t + bias, Fraction(0)) for t, bias in zip(z, biases[-1], strict=True))
            for z in sums
        ]
    weights = [layer.weight for layer in network.layers]
    return Network.from_arrays(weights, [*biases, network.layers[-1].bias])


# Two networks of integers drawn at random once. The counts F (regions), E (edges), V (vertices) in
# R^2 were computed exactly by several programs; for the given, the zero and the centred biases.
DATA = ((1, 2), (3, -1), (-2, 4), (0, 5), (6, 1), (2, 2))
_A = [
    [[-8, -7], [-7, 2], [-4, 0], [-1, -3], [-8, 9]],
    [[-4, 4, 3, 7, 2], [8, 5, 7, -1, -8], [-9, 2, 5, 1, 3], [4, 7, -4, 8, -4]],
    [[1, 1, 1, 1]],
]
_B = [
    [[-5, 9], [-7, -1], [-6, 6], [5, 6]],
    [[3, -3, -6, 6], [-9, 3, 4, -9], [5, -1, -2, 9]],
    [[1, 1, 1]],
]
NETWORK_A = Network.from_arrays(_A, [[-2, -2, -9, -4, 1], [-4, -5, 7, 7], [0]])
NETWORK_B = Network.from_arrays(_B, [[-6, 1, -9, -9], [-9, 8, -9], [0]])
#: name -> (network, F, E, V), all of the plane.
PLANE_NETWORKS = {
    "A": (NETWORK_A, 47, 82, 36),
    "A zero bias": (Network.from_arrays(_A, [[0] * 5, [0] * 4, [0]]), 17, 17, 1),
    "A centred": (centred(NETWORK_A, DATA), 44, 71, 28),
    "B": (NETWORK_B, 28, 47, 20),
    "B zero bias": (Network.from_arrays(_B, [[0] * 4, [0] * 3, [0]]), 11, 11, 1),
    "B centred": (centred(NETWORK_B, DATA), 26, 41, 16),
}
CENTRED_BIASES = {
    "A centred": (
        ("57/2", "22/3", "20/3", "49/6", "-37/6"),
        ("-763/12", "37/12", "-373/12", "-121/6"),
    ),
    "B centred": (("-67/6", "83/6", "-3", "-64/3"), ("45/2", "81", "-135/2")),
}


def sawtooth(depth: int) -> Network:
    """Return t composed ``depth`` times, t(x) = 2 relu(x) - 4 relu(x - 1/2).

    On (0, 1) it has 2^depth pieces. For x < 0 every layer from the second on has a preactivation
    that is identically zero.
    """
    weights: list[list[list[int]]] = [[[1], [1]]]
    weights += [[[2, -4], [2, -4]]] * (depth - 1) + [[[2, -4]]]
    biases = [[Fraction(0), Fraction(-1, 2)]] * depth + [[Fraction(0)]]
    return Network.from_arrays(weights, biases)


def _difference(n: int, i: int, j: int) -> list[int]:
    """Return the normal of x_i - x_j."""
    return [(k == i) - (k == j) for k in range(n)]


def deformation(n: int, offsets: Sequence[int]) -> Network:
    """Return the hyperplanes x_i - x_j = s, i < j, s in ``offsets``, in R^n."""
    rows = [(_difference(n, i, j), -s) for i, j in combinations(range(n), 2) for s in offsets]
    return one_layer([row for row, _ in rows], [bias for _, bias in rows])


def resonance(n: int) -> Network:
    """Return the hyperplanes with all nonzero 0/1 normals in R^n."""
    rows = [row for row in product((0, 1), repeat=n) if any(row)]
    return one_layer(rows, [0] * len(rows))


def threshold(n: int) -> Network:
    """Return the hyperplanes with normals (1, x), x in {0, 1}^n, in R^(n + 1)."""
    rows = [(1, *x) for x in product((0, 1), repeat=n)]
    return one_layer(rows, [0] * len(rows))


def _arrangements() -> list[Example]:
    """Return classical arrangements; the counts are theorems.

    Braid n!, Shi (n + 1)^(n - 1), Catalan n! C_n, Linial 1, 2, 7, 36, ...: R. P. Stanley,
    *Hyperplane arrangements, interval orders, and trees*, PNAS 93 (1996), 2620-2625. Resonance 2,
    6, 32, 370 and threshold 4, 14, 104, 1882: OEIS A034997 and A000609.
    """
    found = []
    for name, offsets, counts in (
        ("braid", (0,), {3: 6, 4: 24, 5: 120}),
        ("shi", (0, 1), {3: 16, 4: 125}),
        ("catalan", (-1, 0, 1), {3: 30, 4: 336}),
        ("linial", (1,), {3: 7, 4: 36}),
    ):
        for n, count in counts.items():
            found.append(Example(f"{name}{n}", deformation(n, offsets), Box.of(-9, 9, n), count))
    for n, count in {1: 2, 2: 6, 3: 32, 4: 370}.items():
        found.append(Example(f"resonance{n}", resonance(n), Box.of(-1, 1, n), count))
    for n, count in {1: 4, 2: 14, 3: 104}.items():
        found.append(Example(f"threshold{n}", threshold(n), Box.of(-1, 1, n + 1), count))
    return found


ABS = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-1], [0]], slope=[-1, 0])

EXAMPLES = [
    # One interval, nothing cuts it: no hidden layer; a dead neuron; a zero row with zero bias; a
    # hyperplane that only touches an end; one that lies outside.
    Example("no hidden layer", Network.from_arrays([[[1]]], [[0]]), Box.of(-1, 1, 1), 1, 0, (2, 1)),
    Example(
        "constant neurons", one_layer([[0], [0], [0]], [-1, 0, 1]), Box.of(-1, 1, 1), 1, 0, (2, 1)
    ),
    Example("zero at an end", one_layer([[1], [-1]], [-1, -1]), Box.of(-1, 1, 1), 1, 0, (2, 1)),
    Example("outside", one_layer([[1]], [-2]), Box.of(-1, 1, 1), 1, 0, (2, 1)),
    # d = 1 and central: all points coincide, whatever the number of neurons.
    Example(
        "central on a line",
        one_layer([[1], [2], [-3], ["1/7"]], ["-1/3", "-2/3", 1, "-1/21"]),
        Box.of(-1, 1, 1), 2, 1, (3, 2),
    ),
    # Points -1/2, 0, 2^-80: four intervals, one of them of length 2^-80.
    Example(
        "tiny interval", one_layer([[2], [1], [1]], [1, 0, -TINY]), Box.of(-1, 1, 1), 4, 3, (5, 4)
    ),
    # Parallel lines x + y = -1/2, 0, 1/2 in [-1, 1]^2, one of them doubled. The middle one ends in
    # two corners: vertices 4 + 2 + 2, edges 4 + 2 + 2 on the sides and 3 inside.
    Example(
        "parallel lines",
        one_layer([[1, 1], [2, 2], [1, 1], [-1, -1]], ["1/2", 0, "-1/2", 0]),
        Box.of(-1, 1, 2), 4, 3, (8, 11, 4),
    ),
    # A grid of 2 x 3 lines: 3 x 4 cells, vertices 4 x 5, edges 4 * 4 + 5 * 3, inner edges
    # 2 * 4 + 3 * 3.
    Example(
        "grid",
        one_layer([[1, 0], [3, 0], [0, 1], [0, 1], [0, -2]], ["1/2", -1, "1/2", 0, 1]),
        Box.of(-1, 1, 2), 12, 17, (20, 31, 12),
    ),
    # The coordinate planes in d dimensions: a grid of 2^d cells; f_k of a grid of d subdivided
    # edges: choose the k axes along which the face runs, C(d, k) 2^k 3^(d - k).
    Example(
        "orthants", one_layer([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0]), Box.of(-1, 1, 3),
        8, 12, (27, 54, 36, 8),
    ),
    Example(
        "orthants 4", one_layer([[int(i == j) for j in range(4)] for i in range(4)], [0] * 4),
        Box.of(-1, 1, 4), 16, 32, (81, 216, 216, 96, 16),
    ),
    # The diagonals of the square run through its corners: 4 triangles around one vertex.
    Example(
        "diagonals", one_layer([[1, 1], [1, -1]], [0, 0]), Box.of(-1, 1, 2), 4, 4, (5, 8, 4)
    ),
    # The triangle x > 0, y > 0, x + y < 2^-80: 3 vertices inside, 6 ends on the sides, 4 corners;
    # 9 inner edges, 10 on the sides; 7 cells.
    Example(
        "tiny triangle", one_layer([[1, 0], [0, 1], [1, 1]], [0, 0, -TINY]), Box.of(-1, 1, 2),
        7, 9, (13, 19, 7),
    ),
    # The same with a vertex 2^80 away, in a box that reaches beyond it.
    Example(
        "far triangle", one_layer([[1, 0], [0, 1], [TINY, TINY]], [0, 0, -1]),
        Box.of(-(2**81), 2**82, 2), 7, 9, (13, 19, 7),
    ),
    # Line 1 three times and once turned round: two regions, whose patterns differ in all bits.
    Example(
        "coincident", one_layer([[1, 2], [2, 4], ["1/3", "2/3"], [-1, -2]], [0, 0, 0, 0]),
        Box.of(-1, 1, 2), 2, 1, (6, 7, 2),
    ),
    # |x| - 1: intervals (0, 1), (0, 0), (1, 0), (1, 1) from left to right. The first and the last
    # pattern differ in one bit, and the regions do not even touch.
    Example("hamming distance 1, far apart", ABS, Box.of(-2, 2, 1), 4, 3, (5, 4)),
    # |x| - |y|: eight sectors around the origin. Among the 12 pairs at Hamming distance 1 (the
    # edges of the cube of patterns) only 8 are adjacent: x > |y| and -x > |y| meet in a point.
    Example(
        "hamming distance 1, one common point",
        Network.from_arrays(
            [[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]], slope=[-1, 0]
        ),
        Box.of(-1, 1, 2), 8, 8, (9, 16, 8),
    ),
    # relu(x) - relu(y) vanishes on the whole quadrant x, y < 0, where the pattern's last bit is 0;
    # elsewhere it is cut along x = y > 0 only: 5 regions around the origin.
    Example(
        "zero on a quadrant",
        Network.from_arrays([[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]]),
        Box.of(-1, 1, 2), 5, 5, (9, 13, 5),
    ),
    # A fold on a fold: the second layer's first neuron is relu(x), zero where x <= 0 and cutting
    # nothing where x > 0; its second one, relu(x) - relu(y) + relu(-y), is cut along x = y > 0,
    # and for x < 0 it is -y: cut along the axis y = 0, x < 0, which is there already.
    Example(
        "fold on a fold",
        Network.from_arrays(
            [[[1, 0], [0, 1], [0, -1]], [[1, 0, 0], [1, -1, 1]], [[1, 1]]],
            [[0, 0, 0], [0, 0], [0]],
        ),
        Box.of(-1, 1, 2), 5, 5, (9, 13, 5),
    ),
    # Pieces of the sawtooth: 2^depth in (0, 1); with both sides of it two more (one more at depth
    # 1, where nothing marks x = 1).
    *(
        Example(f"sawtooth {n}", sawtooth(n), Box.of(0, 1, 1), 2**n, 2**n - 1, (2**n + 1, 2**n))
        for n in range(1, 7)
    ),
    Example("sawtooth 1, wide", sawtooth(1), Box.of(-1, 2, 1), 3, 2, (4, 3)),
    *(
        Example(f"sawtooth {n}, wide", sawtooth(n), Box.of(-1, 2, 1), 2**n + 2, 2**n + 1)
        for n in range(2, 7)
    ),
    *_arrangements(),
]

"""Zeros that need no number, and the parts of blocks on which some units depend."""

from fractions import Fraction
from math import inf
from random import Random

import numpy as np
import pytest
from scipy.sparse import csr_array

from exactbn import Box, Network, partition
from exactbn.engines.complex import carried, float_blocks
from exactbn.engines.complex.float_blocks import cone
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.engines.complex.vanishing import vanishing
from exactbn.model.domain import Domain
from exactbn.model.network import Layer
from exactbn.selfcheck.wired import wire

TINY = Fraction(1, 2**60)


def drawn(random: Random, sizes: tuple[int, ...]) -> Network:
    """Return a chain with random floats as weights."""
    weights = [
        [[random.uniform(-1, 1) for _ in range(m)] for _ in range(n)]
        for m, n in zip(sizes, sizes[1:])
    ]
    biases = [[random.uniform(-1, 1) for _ in range(n)] for n in sizes[1:]]
    return Network.from_arrays(weights, biases)


def test_comparisons_of_units_that_are_off_need_no_integers() -> None:
    """Where the four entries of a maximum are off, its three contests are exactly 0."""
    hidden = Layer([[3, 1], [1, 7], [5, 11], [2, -9]], [-13, -17, -19, -23], 0, (0, 1))
    contests = Layer([[-1, 1, 0, 0], [0, 0, -1, 1]], [0, 0], 0, (2, 3, 4, 5))
    final = Layer([[-1, 1, -1, 1]], [0], 0, (2, 4, 6, 7))
    layers = (hidden, contests, final, Layer([[1, 1, 1]], [0], 1, (2, 6, 8)))
    network = Network(layers, num_inputs=2)
    part = partition(network, ((-5, -6), (4, 7)), engine="complex")
    assert part.is_complete
    assert part.statistics["exact_signs"] == 0
    slow = partition(network, ((-5, -6), (4, 7)), engine="complex", filter_factor=inf)
    assert slow.statistics["exact_signs"] > 0
    assert (part.patterns == slow.patterns).all() and part.f_vector == slow.f_vector


def test_what_is_zero_with_what_it_reads() -> None:
    """Unit by unit: leaky or not, with a bias, with an input, twins, and what cancels nearly."""
    first = Layer([[1], [1], [2], [1], [0]], [0, 0, 0, TINY, -1], 0, (0,))
    rows = {
        "reads two twins with opposite weights": ([1, -1, 0, 0, 0], 0),
        "reads two that are equal but for a tiny bias": ([1, 0, 0, -1, 0], 0),
        "reads two of which one is twice the other": ([2, 0, -1, 0, 0], 0),
        "reads a unit that is never on": ([0, 0, 0, 0, 1], 0),
        "has a bias": ([1, 0, 0, 0, 0], 1),
        "reads twins with weights that nearly cancel": ([1 + TINY, -1, 0, 0, 0], 0),
    }
    second = Layer(*zip(*rows.values()), 0, (1, 2, 3, 4, 5))
    third = Layer([[1, 1]], [0], 0, (0, 1))  # an input is not known to be 0
    fourth = Layer([[1, -1]], [0], 0, (6, 7))
    output = Layer([[1]], [0], 1, (13,))
    found = vanishing(Network((first, second, third, fourth, output), num_inputs=1))
    assert [t.everywhere.tolist() for t in found] == [[], [0, 3], []]
    # Bits in words of 64: the first unit is bit 0 of word 0. Twins are read as the first of them.
    assert found[1].units.tolist() == [1, 2, 5]
    assert [found[1].reads[a:b].tolist() for a, b in zip(found[1].begins, found[1].begins[1:])] == [
        [0, 3], [0, 2], [0],
    ]  # fmt: skip
    assert found[0].units.tolist() == [] and found[2].units.tolist() == [0]
    assert found[2].reads.tolist() == [64 + 1]


@pytest.mark.parametrize("slope", [0, Fraction(1, 3)])
def test_a_leaky_unit_is_zero_on_its_boundary_only(slope: Fraction | int) -> None:
    """A unit that reads a ReLU which is off vanishes there, one that reads a leaky one does not."""
    layers = (
        Layer([[1]], [0], slope, (0,)), Layer([[1]], [0], 0, (1,)), Layer([[1]], [-1], 0, (0,)),
        Layer([[1, 1]], [0], 1, (2, 3)),
    )  # fmt: skip
    part = partition(Network(layers, num_inputs=1), (-2, 2), engine="complex")
    assert part.is_complete and part.num_regions == 3
    assert sorted(map(tuple, part.patterns.tolist())) == [(0, 0, 0), (1, 1, 0), (1, 1, 1)]


@pytest.mark.parametrize("seed", range(12))
def test_filtered_and_exact_signs_agree_where_twins_are(seed: int) -> None:
    """Wired networks with small weights, some of whose rows occur twice or cancel."""
    random = Random(seed)
    layers: list[Layer] = []
    count = d = 1 + seed % 2
    for _ in range(4):
        width = random.randint(2, 4)
        reads = sorted(random.sample(range(count), min(count, random.randint(1, 4))))
        rows = [[random.choice((-1, 0, 0, 1)) for _ in reads] for _ in range(width)]
        rows[-1] = random.choice((rows[0], [-t for t in rows[0]]))
        biases = [random.choice((0, 0, 0, 1, -1)) for _ in rows]
        slopes = [random.choice((0, 0, 0, Fraction(1, 2), -1)) for _ in rows]
        layers.append(Layer(rows, biases, slopes, tuple(reads)))
        count += width
    layers.append(Layer([[1] * (count - d)], [0], 1, tuple(range(d, count))))
    network = Network(tuple(layers), num_inputs=d)
    for box in ((-2, 2), None):
        fast = partition(network, box, engine="complex")
        slow = partition(network, box, engine="complex", filter_factor=inf)
        assert fast.is_complete and fast.check() is None
        assert (fast.patterns == slow.patterns).all()
        assert fast.num_adjacencies == slow.num_adjacencies


@pytest.mark.parametrize("seed", range(20))
def test_bounds_of_parts_hold(seed: int) -> None:
    """Points that are wrong by as much as they may be, slopes of all kinds, units on and off."""
    random = Random(seed)
    network = wire(random, drawn(random, (2, 4, 5, 4, 1)))
    floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 2))])
    error = random.choice((0.0, 2.0**-30, 2.0**-3, inf))
    point = [Fraction(random.uniform(-1, 1)) for _ in range(2)]
    shift = Fraction(error) if error < inf else Fraction(1, 2)
    exact = network.preactivations([t + random.choice((-1, 1)) * shift for t in point])
    values = iter(value for layer in exact for value in layer)
    x, ex = np.array([[1.0, *map(float, point)]]), np.array([[0.0, error, error]])
    for block, width in enumerate(network.widths):
        z, ez = np.empty((1, width)), np.empty((1, width))
        floats.preactivations(x, ex, block, slice(0, width), z, ez)
        assert not np.isnan(ez).any()
        for k in range(width):
            value = next(values)
            if ez[0, k] < inf:
                unit = Fraction(2) ** int(floats.blocks[block].exponent[k])
                assert abs(Fraction(z[0, k]) * unit - value) <= Fraction(ez[0, k]) * unit


@pytest.mark.parametrize(("bias", "slope"), [(-Fraction(1, 2) - Fraction(1, 2**12), 0), (-1, -3)])
def test_an_error_that_passes_a_unit(bias: Fraction, slope: int) -> None:
    """A unit that is off and may be on, and one whose slope enlarges the error."""
    layers = (
        Layer([[1]], [bias], slope, (0,)), Layer([[TINY, 1]], [0], 0, (0, 1)), Layer([[1]], [0], 1),
    )  # fmt: skip
    network = Network(layers, num_inputs=1)
    floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 1))])
    z, ez = np.empty((1, 1)), np.empty((1, 1))
    floats.preactivations(
        np.array([[1.0, 0.5]]), np.array([[0.0, 2.0**-9]]), 1, slice(0, 1), z, ez
    )
    unit = Fraction(2) ** int(floats.blocks[1].exponent[0])
    true = network.preactivations([Fraction(1, 2) + Fraction(1, 2**9)])[1][0]
    error = abs(Fraction(z[0, 0]) * unit - true)
    assert error <= Fraction(ez[0, 0]) * unit < 2 * error


def test_bounds_of_a_wide_network_stay_small() -> None:
    """Where every row reads few features, bounds do not grow with the width of the layers."""
    random = Random(1)
    width, layers = 600, []
    for index in range(8):
        reads = [sorted(random.sample(range(width if index else 1), 3 if index else 1))
                 for _ in range(width)]
        start = 1 + width * (index - 1) if index else 0
        layers += [
            Layer([[random.uniform(-1, 1) for _ in own]], [random.uniform(-1, 1)], 0,
                  tuple(start + t for t in own))
            for own in reads
        ]  # fmt: skip
    layers.append(Layer([[1]], [0], 1, (8 * width,)))
    floats = FloatNetwork(Network(tuple(layers), num_inputs=1), [Domain.of(Box.of(-1, 1, 1))])
    z, ez = np.empty((2, 64)), np.empty((2, 64))
    x = np.array([[1.0, 0.3], [1.0, -0.9]])
    floats.preactivations(x, np.zeros_like(x), 7, slice(0, 64), z, ez)
    assert (ez < 2.0**-45).all() and np.count_nonzero(abs(z) > ez) > 100


@pytest.mark.parametrize("seed", range(6))
def test_a_cone_has_the_values_of_the_whole(seed: int) -> None:
    """Sums over fewer features are the same within the bounds of both."""
    random = Random(seed)
    network = wire(random, drawn(random, (2, 5, 5, 5, 1)))
    floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 2))])
    x = np.array([[1.0, 0.3, -0.7]])
    last = len(floats.blocks) - 1
    for k in range(network.widths[-1]):
        parts = cone(floats.blocks, last, slice(k, k + 1))
        assert len(parts[-1].slope) == 1 and len(parts) <= last + 1
        z, ez = np.empty((1, 1)), np.empty((1, 1))
        floats.preactivations(x, np.zeros_like(x), last, slice(k, k + 1), z, ez)
        exact = network.preactivations([Fraction(0.3), Fraction(-0.7)])
        value = [t for values in exact for t in values][sum(network.widths[:-1]) + k]
        unit = Fraction(2) ** int(floats.blocks[last].exponent[k])
        assert abs(Fraction(z[0, 0]) * unit - value) <= Fraction(ez[0, 0]) * unit
        assert ez[0, 0] < 2.0**-40


@pytest.mark.parametrize("box", [(-2, 2), None])
def test_blocks_of_a_wide_layer_that_are_evaluated_together(
    box: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers of 150 units, three words, all at once or two words at a time; integers agree."""
    random = Random(5)
    first = Layer([[1], [-1], [2]], [0, 1, -3], [0, Fraction(1, 2), 0], (0,))
    rows = [[random.randint(-2, 2) for _ in range(3)] for _ in range(150)]
    wide = Layer(rows, [random.randint(-3, 3) for _ in rows], 0, (0, 1, 3))
    last = Layer([[random.randint(-1, 1) for _ in rows] for _ in range(70)], [1] * 70, 0,
                 tuple(range(4, 154)))  # fmt: skip
    network = Network((first, wide, last, Layer([[1] * 70], [0], 1)), num_inputs=1)
    exact = partition(network, box, engine="complex", filter_factor=inf)
    assert exact.is_complete and exact.num_regions > 20
    for kept in (1 << 25, 3 * 128, 1):
        monkeypatch.setattr(carried, "MOST_KEPT", kept)
        found = partition(network, box, engine="complex")
        assert (found.patterns == exact.patterns).all() and found.f_vector == exact.f_vector


def test_rows_whose_floats_are_equal_are_no_twins() -> None:
    """relu((1 + 2^-80) x) - relu(x) is positive where x is."""
    first = Layer([[1 + Fraction(1, 2**80)], [1]], [0, 0], 0, (0,))
    second = Layer([[1, -1]], [0], 0, (1, 2))
    last = Layer([[1, 1]], [0], 1, (0, 3))
    network = Network((first, second, last), num_inputs=1)
    assert not network.is_chain
    part = partition(network, (-1, 1), engine="complex")
    assert sorted(map(tuple, part.patterns.astype(int).tolist())) == [(0, 0, 0), (1, 1, 1)]


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_convolution_is_multiplied_in_dense_pieces(is_sparse: bool) -> None:
    """Integers, so that sums are exact; a row of zeros, and positions that share a column."""
    random = np.random.default_rng(1)
    weight = np.zeros((201, 200))
    for position in range(5):
        places = slice(30 * position, 30 * position + 50)
        weight[40 * position : 40 * position + 40, places] = random.integers(1, 9, (40, 50))
    weight = weight[random.permutation(201)]
    matrix = csr_array(weight) if is_sparse else weight
    pieces = float_blocks.grouped(matrix)
    assert pieces is not None and len(pieces.pieces) == 6
    h = random.integers(-9, 9, (200, 7)).astype(float)
    assert (pieces @ h == weight @ h).all() and (abs(pieces) @ abs(h) == weight @ abs(h)).all()
    assert (abs(float_blocks.grouped(-matrix)) @ h == weight @ h).all()
    # Rows of which none agree are multiplied as they are.
    weight[:, 60:] = random.integers(0, 2, (201, 140))
    assert float_blocks.grouped(csr_array(weight) if is_sparse else weight) is None

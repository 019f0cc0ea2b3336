"""Features that are carried along: values lie within their bounds, and depth costs no integers."""

from collections.abc import Iterator
from fractions import Fraction
from math import inf, prod
from pathlib import Path
from random import Random

import numpy as np
import pytest

from exactbn.engines.complex import carried, cutting, engine, signs, units, vertex_signs
from exactbn.engines.complex.carried import CarriedLayer, Signed
from exactbn.engines.complex.chunks import cut_in_chunks
from exactbn.engines.complex.float_blocks import float_block
from exactbn.engines.complex.signs import ExactVertices, FloatNetwork, times
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.run import Budget
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition


def chain(d: int, widths: list[int], seed: int, slope: Fraction | int = 0) -> Network:
    """Return a random network whose weights are floats, so that products are rounded."""
    random = np.random.default_rng(seed)
    sizes = [d, *widths, 1]
    weights = [random.normal(size=(n, m)) for m, n in zip(sizes, sizes[1:])]
    biases = [random.normal(size=n) / 4 for n in sizes[1:]]
    return Network.from_arrays(weights, biases, slope=[slope] * len(widths))


def residual(seed: int) -> Network:
    """Return a network whose later rows read the inputs, the first layer and the one before."""
    random = np.random.default_rng(seed)

    def layer(rows: int, reads: tuple[int, ...], slope: int = 0) -> Layer:
        weights = random.normal(size=(rows, len(reads))).tolist()
        return Layer(weights, random.normal(size=rows).tolist(), slope, reads)

    layers = (
        layer(5, (0, 1)), layer(4, (2, 3, 4, 5)), layer(4, (1, 2, 7, 8, 9), -2),
        layer(5, (3, 6, 11, 12, 13, 14)), layer(1, (15, 16), 1),
    )  # fmt: skip
    return Network(layers, num_inputs=2)


def dying(seed: int) -> Network:
    """Return the same with a unit that is off and one that is 0 on the box, in each layer."""
    *hidden, output = residual(seed).layers
    layers = []
    for layer in hidden:
        weight, bias = list(layer.weight), list(layer.bias)
        weight[0], bias[0] = (Fraction(0),) * len(weight[0]), Fraction(0)
        bias[1] -= 50
        layers.append(Layer(tuple(weight), tuple(bias), 0, layer.reads))
    return Network((*layers, output), num_inputs=2)


NETWORKS = {
    "deep": chain(2, [5] * 5, 1),
    "leaky": chain(2, [4, 4, 4, 4], 2, Fraction(-1, 3)),
    "two words": chain(1, [70, 3, 66, 2], 3),
    "residual": residual(4),
    "dying": dying(4),
}


def domain_of(network: Network, where: str) -> Domain:
    """Return a box or all of R^d."""
    d = network.num_inputs
    return Domain.space(d) if where == "space" else Domain.of(Box.of(-1, 1, d))


def sharpen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let vertices of every first layer become the nearest floats, however few they are."""
    monkeypatch.setattr(cutting, "_DEEP", 0)
    monkeypatch.setattr(cutting, "_SHARPENED", (1, 1 << 15))


def begun(
    network: Network, domain: Domain, *, all_units: bool = True
) -> Iterator[tuple[cutting.Run, units.Block]]:
    """Yield a subdivision whenever a block's values are there, before any sign is taken of them.

    Without all units it is cut by those that cut it.
    """
    run = cutting.Run(network, [domain], 1.0, Budget())
    for layer in units.layers_of(network):
        run.begin_layer(layer)
        every = np.arange(layer.width)
        cutting_blocks = (block for block, _ in run.cutting_blocks(layer, every))
        for block in layer.blocks if all_units else cutting_blocks:
            run.begin(block)
            yield run, block
            assert run.cut(block, 0) == block.width
            run.end(block)
        run.end_layer(layer)


@pytest.mark.parametrize("where", ["box", "sharpened", "space", "cutting units"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_is_within_its_bound(
    name: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a ray one length must do for all its coordinates and all that is carried with it."""
    network = NETWORKS[name]
    domain = domain_of(network, "box" if where == "cutting units" else where)
    if where == "sharpened":
        sharpen(monkeypatch)
    exact = ExactVertices(network, [domain])
    carried_layers, blocks = 0, network.integers.blocks
    for run, block in begun(network, domain, all_units=where != "cutting units"):
        work, count = run.subdivision.work, run.subdivision.num_vertices
        layer = block.layer.number
        carried_layers += run.carry.features is not None and layer > 0
        vertices = sorted(Random(block.first_neuron).sample(range(count), min(count, 60)))
        points = exact.points(vertices, work.parents)
        own = block.units.tolist()
        values, _ = network.integers.evaluate_rows(points, layer, own)
        slopes = prod(int(before.above) for before in blocks[:layer])
        for i, v in enumerate(vertices):
            point = [int(points[axis, i]) for axis in range(points.nrows())]
            pairs = [(Fraction(t), *at) for t, *at in zip(point, work.x[v], work.ex[v])]
            for row, unit in enumerate(own):
                scale = blocks[layer].scales[unit]
                value = Fraction(int(values[row, i])) / slopes
                value *= Fraction(int(scale.denominator), int(scale.numerator))
                value /= Fraction(2) ** int(run.floats.blocks[layer].exponent[unit])
                pairs.append((value, work.z[v, row], work.ez[v, row]))
            assert lengths(pairs) is not None, (block, v)
    if where != "cutting units":
        more = sum(width > 64 for width in network.widths[1:])
        assert carried_layers == len(network.widths) - 1 + more


@pytest.mark.parametrize("slope", [0, Fraction(1, 2)])
def test_units_that_cut_nothing_are_left_out(slope: Fraction | int) -> None:
    """Floats do not know of one that it is zero, or touches a corner: these are asked."""
    weights = [[1, 1], [-1, -1], [0, 0], [1, 1], [-1, -1], [1, 0], [1, 0]]
    second = [[1, 2, 3, 4, 5, -6, 7], [0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]]
    third = [[-1, 1, 2], [0, 3, -2]]
    network = Network.from_arrays(
        [weights, second, third, [[1] * 2]],
        [[3, -3, 0, 2, -2, 1, 0], [-4, 1, 2], [-8, -1], [0]],
        slope=slope,
    )
    domain = domain_of(network, "box")
    run = cutting.Run(network, [domain], 1.0, Budget())
    layer, *_ = units.layers_of(network)
    run.begin_layer(layer)
    ((block, rest),) = run.cutting_blocks(layer, np.arange(7))
    assert block.units.tolist() == [2, 3, 4, 5, 6] and not len(rest)
    assert run.subdivision.words.tolist() == [[1, 0, 0]]
    whole = engine.subdivide(network, [domain]).lattice.words
    chunks = list(cut_in_chunks(network, domain, size=1))
    words = np.concatenate([chunk.words for chunk in chunks])
    assert sorted(words.tolist()) == sorted(whole.tolist()) and len(chunks) > 1


def test_a_zero_that_is_known_is_no_sign() -> None:
    """A unit that vanishes with what it reads is off there."""
    first = Layer([[1], [1]], [0, 2], 0, (0,))
    second = Layer([[1, 0], [0, 1], [-1, 0]], [0, 0, 0], 0, (1, 2))
    third = Layer([[1, 0, 1]], [0], 0, (3, 4, 5))
    network = Network((first, second, third, Layer([[1]], [0], 1, (6,))), num_inputs=1)
    run = cutting.Run(network, [Domain.of(Box.of(-1, 1, 1))], 1.0, Budget())
    for layer in units.layers_of(network):
        run.begin_layer(layer)
        for block, _ in run.cutting_blocks(layer, np.arange(layer.width)):
            # Of the second layer unit 0 vanishes where it is not positive, and unit 2 everywhere.
            assert layer.number != 1 or block.units.tolist() == [0, 2]
            run.pass_through(block)
        run.end_layer(layer)
    assert sorted(run.subdivision.words.tolist()) == [[2, 2, 0], [3, 3, 1]]


def test_the_first_vertices_are_the_nearest_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coordinates are then off by a rounding, where they were off by many; the cells stay."""
    network = chain(3, [40, 8, 8, 8, 8, 4], 1)
    domain = domain_of(network, "box")
    bounds, words = [], []
    for deep in (99, 0):
        monkeypatch.setattr(cutting, "_DEEP", deep)
        run = cutting.Run(network, [domain], 1.0, Budget())
        (layer, *_) = units.layers_of(network)
        run.begin_layer(layer)
        run.pass_through(*layer.blocks)
        run.end_layer(layer)
        work, count = run.subdivision.work, run.subdivision.num_vertices
        assert count > 5000
        bounds.append(work.ex[:count, 1:].copy())
        words.append(subdivide(network, [domain]).lattice.words)
    assert np.array_equal(*words)
    assert (bounds[1] <= np.abs(work.x[:count, 1:]) * 2.0**-52 + 2.0**-120).all()
    inner = bounds[1] > 0
    assert np.median(bounds[0][inner] / bounds[1][inner]) > 10


def test_only_deep_networks_with_many_vertices_are_sharpened() -> None:
    for widths, number in (([40, 8, 8, 8, 4], False), ([40, 16, 16, 9, 1], True), ([9] * 8, False)):
        network = chain(3, widths, 1)
        run = cutting.Run(network, [domain_of(network, "box")], 1.0, Budget())
        first = units.layers_of(network)[0]
        run.begin_layer(first)
        run.pass_through(*first.blocks)
        assert run._is_sharpened(first) == number


def test_what_is_zero_at_all_vertices_is_not_kept() -> None:
    """In the box two units of each layer are; in R^d the second one is on far out."""
    network = NETWORKS["dying"]
    for where, off in (("box", {1, 2}), ("space", {1})):
        for run, block in begun(network, domain_of(network, where)):
            kept = run.carry.features
            assert isinstance(kept, carried.KeptFeatures)
            if layer := block.layer.number:
                columns = kept._columns[layer].tolist()
                assert columns and off.isdisjoint(columns)
                assert layer > 1 or (2 in columns) == (where == "space")
                assert kept._states[layer][0].shape[1] == len(columns)


def lengths(pairs: list[tuple[Fraction, float, float]]) -> tuple[Fraction, Fraction] | None:
    """Return an interval of all l > 0 with |y - l t| <= e for all (t, y, e), or None."""
    least, most = Fraction(0), None
    for t, y, e in pairs:
        if not np.isfinite(e):
            continue
        low, high = Fraction(float(y)) - Fraction(float(e)), Fraction(float(y)) + Fraction(float(e))
        if t == 0:
            if not low <= 0 <= high:
                return None
            continue
        low, high = sorted((low / t, high / t))
        least, most = max(least, low), high if most is None else min(most, high)
    assert most is not None
    return (least, most) if least <= most and most > 0 else None


@pytest.mark.parametrize("where", ["box", "space"])
@pytest.mark.parametrize("name", NETWORKS)
def test_integers_alone_give_the_same(
    name: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does the evaluation from the coordinates, when there is too much to carry."""
    network = NETWORKS[name]
    domain = domain_of(network, where)
    found = engine.subdivide(network, [domain])
    alone = engine.subdivide(network, [domain], factor=inf)
    monkeypatch.setattr(carried, "MOST_KEPT", 100)
    evaluated = engine.subdivide(network, [domain])
    for other in (alone, evaluated):
        assert found.lattice.f_vector == other.lattice.f_vector
        assert (found.lattice.parents == other.lattice.parents).all()
        assert (found.lattice.words == other.lattice.words).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_signs_are_derived_anew_with_little_to_carry(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = partition(NETWORKS[name], (-1, 1))
    part.check()
    monkeypatch.setattr(carried, "MOST_KEPT", 100)
    part.check()


@pytest.mark.parametrize(("d", "widths"), [(2, [8] * 8), (3, [6] * 6)])
def test_depth_costs_no_integers(d: int, widths: list[int]) -> None:
    network = chain(d, widths, 7)
    done = engine.subdivide(network, [Domain.of(Box.of(-1, 1, d))]).statistics
    assert done.signs > 1000
    assert done.exact_signs <= done.signs / 1000


def test_a_trained_deep_network_needs_hardly_any_integers() -> None:
    """The signed distance of a shape, whose eighth layer has faces as small as 2^-30."""
    path = Path(__file__).parents[1] / "data" / "sdf.npz"
    found = partition(path, ((-0.1, 0, 0), (0, 0.1, 0.1)), engine="complex")
    statistics = found.statistics
    assert found.num_regions > 10_000 and found.network.widths == (32,) * 8
    assert statistics["exact_signs"] <= statistics["signs"] / 1000


# The features themselves


def activations(
    z: list[float], ez: list[float], slopes: list[float], alive: int
) -> tuple[list[float], list[float]]:
    """Return the features at one vertex whose preactivations are these, and their bounds."""
    count = len(z)
    block = float_block(np.ones((2, count)), np.array(slopes), ((0, None),))
    values = np.array([z]), np.array([ez], dtype=np.float32)
    signed = Signed(np.arange(count), *values, np.array([[alive]], dtype=np.uint64))
    x, ex = np.ones((1, 2)), np.full((1, 2), 0.5)
    h, errors = CarriedLayer(block, 0, [signed]).activations(x, ex, 0)
    assert h[0, 0] == 1 and errors[0, 0] == 0.5
    return h[0, 1:].tolist(), errors[0, 1:].tolist()


@pytest.mark.parametrize("slope", [0.0, 0.5, -3.0, 2.0])
def test_an_error_grows_with_the_slope(slope: float) -> None:
    h, errors = activations([-1.0, 1.0], [2.0**-10] * 2, [slope] * 2, 0b11)
    # The bound does not know on which side the units are, and may be stored as float32.
    grown = 2.0**-10 * max(1.0, abs(slope)) * (1 + 2.0**-22)
    bent = grown + 3 * 2.0**-53 * abs(slope)
    assert h == [-slope, 1.0] and errors == pytest.approx([bent, grown], rel=2.0**-50, abs=0)


def test_rounding_of_a_slope() -> None:
    """Features that are kept are interpolated before a product could make good for it."""
    random, shares = Random(6), []
    for _ in range(100):
        s, t = random.uniform(1, 1.02), random.uniform(1, 1.02)
        slope = Fraction(s) * (1 + Fraction(95, 100) / 2**53)
        (h,), (bound,) = activations([-t], [0.0], [s], 1)
        shares.append(abs(-slope * Fraction(t) - Fraction(h)) / Fraction(bound))
    assert Fraction(1, 4) < max(shares) <= 1


def test_what_is_zero_is_so_without_an_error() -> None:
    found = activations([-1e-9, 1e-9, 0.25], [1e-8, 1e-8, 0.0], [0.0] * 3, 0b100)
    assert found == ([0.0, 0.0, 0.25], [0.0] * 3)


def test_a_bound_that_is_infinite_stays_so() -> None:
    assert activations([0.0, 1.0], [inf, 0.0], [0.0, 0.0], 0b11)[1] == [inf, 0.0]


@pytest.mark.parametrize("layer", [1, 2])
def test_errors_of_features_come_out_of_the_next_layer(layer: int) -> None:
    """All are wrong by all that their bounds allow, each in the direction that its weight has."""
    weights = [3, -4, Fraction(1, 8), 2]
    ones = [[[1]], *([[[1]]] * (layer - 2)), [[1]] * 4, [weights], [[1]]][-layer - 2 :]
    network = Network.from_arrays(ones, [[0] * len(rows) for rows in ones])
    floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 1))])
    z, wrong = [0.5, 0.25, 1.0, 0.75], [2.0**-12, 2.0**-13, 2.0**-30, 2.0**-14]
    # The row points where the errors do for the length, which knows no more than that.
    if layer == 1:
        wrong = [2.0**-14 * abs(float(w)) for w in weights]
    unit = 2.0 ** floats.blocks[layer - 1].exponent[:4]
    values = np.array([z]) / unit, (np.array([wrong]) / unit).astype(np.float32)
    signed = Signed(np.arange(4), *values, np.array([[15]], dtype=np.uint64))
    features = CarriedLayer(floats.blocks[layer - 1], layer - 1, [signed])
    out, bound = np.empty((1, 1)), np.empty((1, 1), dtype=np.float32)
    at = np.array([[1.0, 0.0]]), np.zeros((1, 2))
    floats.preactivations(*at, layer, slice(0, 1), out, bound, None, features)
    true = sum(
        Fraction(w) * (Fraction(t) + (Fraction(e) if w > 0 else -Fraction(e)))
        for w, t, e in zip(weights, z, wrong)
    )
    scale = Fraction(2) ** int(floats.blocks[layer].exponent[0])
    error = abs(true - Fraction(out[0, 0]) * scale)
    assert Fraction(99, 100) < error / (Fraction(float(bound[0, 0])) * scale) <= 1


def test_what_is_let_go_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["deep"]
    domain = domain_of(network, "box")
    found = engine.subdivide(network, [domain])
    vertices = range(len(found.lattice.parents))
    kept = ExactVertices(network, [domain]).coordinates(vertices, found.lattice.parents)
    monkeypatch.setattr(signs, "_MOST_KNOWN", 3)
    exact = ExactVertices(network, [domain])
    for v in vertices[::7]:
        assert exact.coordinates([v], found.lattice.parents) == [kept[v]]
        assert len(exact._known) <= 3


def test_errors_of_a_product() -> None:
    """Both factors are too large by all that their bounds allow, or the product is rounded."""
    pairs = [((3.0, 0.25), (5.0, 0.5)), ((3.0, 0.0), (5.0, 0.5)), ((3.0, 0.25), (5.0, 0.0))]
    for (a, ea), (b, eb) in pairs:
        value, bound = times((a, ea), (b, eb))
        error = (Fraction(a) + Fraction(ea)) * (Fraction(b) + Fraction(eb)) - Fraction(value)
        assert Fraction(bound) * Fraction(999_999, 1_000_000) < error <= Fraction(bound)
    random = Random(1)
    shares = []
    for _ in range(200):
        a, b = random.uniform(1, 1.02), random.uniform(1, 1.02)
        value, bound = times((a, 0.0), (b, 0.0))
        shares.append(abs(Fraction(a) * Fraction(b) - Fraction(value)) / Fraction(bound))
    assert Fraction(1, 4) < max(shares) <= 1
    assert times((0.0, 0.0), (3.0, 1.0)) == (0.0, 0.0)
    assert times((2.0**-600, 0.0), (2.0**-600, 0.0))[1] > 0 == times((0.0, inf), (1.0, 0.0))[0]


def test_rounding_of_a_deep_product() -> None:
    """Features without an error and weights halfway between two floats, nearly."""
    random, shares = Random(5), []
    for _ in range(300):
        w, t = random.uniform(1, 1.02), random.uniform(1, 1.02)
        weight = Fraction(w) * (1 + Fraction(95, 100) / 2**53)
        layers = [[[1]], [[1]], [[weight]], [[1]]]
        network = Network.from_arrays(layers, [[0]] * 4)
        floats = FloatNetwork(network, [Domain.of(Box.of(-1, 1, 1))])
        before = floats.blocks[1]
        z = np.ldexp(np.array([[t]]), -before.exponent)
        no_error, alive = np.zeros((1, 1), np.float32), np.ones((1, 1), np.uint64)
        signed = Signed(np.arange(1), z, no_error, alive)
        out, bound = np.empty((1, 1)), np.empty((1, 1), dtype=np.float32)
        at = np.array([[1.0, 0.0]]), np.zeros((1, 2))
        features = CarriedLayer(before, 0, [signed])
        floats.preactivations(*at, 2, slice(0, 1), out, bound, None, features)
        scale = Fraction(2) ** int(floats.blocks[2].exponent[0])
        error = abs(weight * Fraction(t) - Fraction(out[0, 0]) * scale)
        shares.append(error / (Fraction(float(bound[0, 0])) * scale))
    assert Fraction(1, 5) < max(shares) <= 1


def test_a_float_of_the_second_look_decides_beyond_its_bound_alone() -> None:
    """Values above, below, at and within their bounds; zeros with a bound and without."""
    z = np.array([[1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0]])
    ez = np.array([[0.5, 0.5, 0.0, 2.0**-60, 1.0, 1.0, np.nan]], dtype=np.float32)
    pos, neg, left_open = np.zeros((3, 1), dtype=np.uint64)
    wanted = np.array([0b1111111], dtype=np.uint64)
    vertex_signs._classify.py_func(z, ez, (0, 0), wanted, pos, neg, left_open)
    assert (int(pos[0]), int(neg[0]), int(left_open[0])) == (0b1, 0b10, 0b1111000)

"""Networks that are no chains: layers that read earlier features, blocks of layers."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

import exactbn
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import dot
from exactbn.exact.stages import Contest, Max
from exactbn.model.domain import Box
from exactbn.model.evaluation import homogeneous
from exactbn.model.files import load, save_json
from exactbn.model.network import Layer, Network
from exactbn.model.shrinking import numbers_of, shrink, size_of, smaller_networks
from exactbn.model.slices import restrict
from exactbn.selfcheck.brute import brute_partition
from exactbn.selfcheck.degenerate import degenerate_network
from exactbn.selfcheck.problem import Problem
from exactbn.selfcheck.running import examine_one
from exactbn.selfcheck.wired import wire


def drawn(seed: int) -> tuple[Network, Box | None]:
    """Return a wired network and a domain."""
    random = Random(seed)
    network, box = degenerate_network(random, "mixed")
    return wire(random, network), box


def point(random: Random, d: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(random.randint(-9, 9), random.randint(1, 5)) for _ in range(d))


#: |x| + x through a residual connection: the output reads the input and the unit.
RESIDUAL = Network((Layer([[1]], [0], -1), Layer([[1, 1]], [0], 1, (0, 1))))


def test_a_residual_connection() -> None:
    assert RESIDUAL((-3,)) == (0,) and RESIDUAL((2,)) == (4,)
    assert not RESIDUAL.is_chain
    part = exactbn.partition(RESIDUAL, (-1, 1))
    assert part.num_regions == 2
    assert {part.affine_map(i)[0] for i in range(2)} == {((0,),), ((2,),)}


def test_layers_that_do_not_read_each_other_are_a_block() -> None:
    layers = (
        Layer([[1]], [0], 0, (0,)), Layer([[1]], [1], 0, (1,)), Layer([[1, -1]], [0], 0, (0, 2)),
        Layer([[1, 1]], [0], 1, (1, 4)),
    )  # fmt: skip
    network = Network(layers, num_inputs=2)
    assert [block.width for block in network.blocks] == [2, 1, 1]
    assert network.widths == (2, 1)
    assert [block.first for block in network.blocks] == [0, 2, 3]
    assert network.blocks[0].reads == ((1,), (2,))
    # x0 = 3, x1 = 2: units 3 and 3, then relu(3 - 3), and the output 2 + 0.
    assert network((3, 2)) == (2,)


def test_an_output_that_reads_inputs_only_is_a_block_of_its_own() -> None:
    network = Network((Layer([[1]], [0]), Layer([[2]], [0], 1, (0,))))
    assert [block.width for block in network.blocks] == [1, 1]
    assert network.widths == (1,) and network((-3,)) == (-6,)
    assert exactbn.partition(network, (-1, 1)).num_regions == 2


def test_as_many_features_as_the_layer_before_has_may_be_others() -> None:
    network = Network((Layer([[1], [2]], [0, 0]), Layer([[1, 10]], [0], 1, (0, 1))))
    assert not network.is_chain and network.layers[1].reads == (0, 1)
    # The input 3 and the first unit, 3: not the units 3 and 6.
    assert network((3,)) == (33,)


def test_what_is_a_chain_is_one_however_it_is_given() -> None:
    chain = Network((Layer([[1, 2], [3, 4]], [0, 1]), Layer([[1, 1]], [0], 1)))
    told = Network((replace(chain.layers[0], reads=(0, 1)),
                    replace(chain.layers[1], reads=(2, 3))), num_inputs=2)
    assert told == chain and told.sha256 == chain.sha256 and told.is_chain
    assert '"format"' not in chain.canonical()


@pytest.mark.parametrize(
    ("layers", "d", "error", "text"),
    [
        ([Layer([[1]], [0], 1, (2,))], 2, DimensionError, "layer 0 reads feature 2"),
        ([Layer([[1]], [0], 1, (0,))], 0, DimensionError, "num_inputs is not given"),
        ([Layer([[1, 1]], [0], 1)], 3, DimensionError, "takes 2 inputs, expected 3"),
    ],
)
def test_what_is_not_there_cannot_be_read(
    layers: list[Layer], d: int, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Network(tuple(layers), num_inputs=d)


def test_inputs_that_nobody_reads_are_paid_for(tmp_path: Path) -> None:
    """Nine digits in a file would be that many numbers in memory."""
    layer = '{"W": [[1]], "b": [0], "reads": [0]}'
    path = tmp_path / "net.json"
    for inputs in (10**5, 10**8):
        path.write_text(f'{{"format": 2, "inputs": {inputs}, "layers": [{layer}, {layer}]}}')
        if inputs == 10**5:
            assert exactbn.load(path).num_inputs == inputs
            continue
        with pytest.raises(InputError, match="more than [0-9]+ numbers"):
            exactbn.load(path)


@pytest.mark.parametrize("reads", [(1, 0), (0, 0), (-1, 0)])
def test_reads_are_ascending(reads: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="ascending"):
        Layer([[1, 1]], [0], 0, reads)


@pytest.mark.parametrize("seed", range(25))
def test_integers_agree_with_fractions(seed: int) -> None:
    network, _ = drawn(seed)
    random = Random(seed)
    points = [point(random, network.num_inputs) for _ in range(3)]
    columns = homogeneous(points)
    last = len(network.blocks) - 1
    assert network.integers.values(columns, last) == [network(x) for x in points]
    signs = network.integers.preactivations(columns, last)
    for i, x in enumerate(points):
        flat = [t for layer in network.preactivations(x) for t in layer]
        found = [int(z[k, i]) for z in signs[:-1] for k in range(z.nrows())]
        assert [(t > 0) - (t < 0) for t in flat] == [(t > 0) - (t < 0) for t in found]
    for index, block in enumerate(network.blocks):
        rows = sorted(random.sample(range(block.width), random.randint(1, block.width)))
        some, denominators = network.integers.evaluate_rows(columns, index, rows)
        whole, same = network.integers.evaluate(columns, index)[-1]
        assert denominators == same
        assert some.tolist() == [whole.tolist()[row] for row in rows]


@pytest.mark.parametrize("seed", range(20))
def test_forms_are_those_of_the_pattern(seed: int) -> None:
    network, _ = drawn(seed)
    x = point(Random(seed), network.num_inputs)
    pattern = [int(t > 0) for layer in network.preactivations(x) for t in layer]
    *_, output = network.integers.forms(pattern)
    factor = 1
    for block in network.integers.blocks[:-1]:
        factor *= int(block.above)
    scales = network.integers.blocks[-1].scales
    for k, value in enumerate(network(x)):
        constant, *gradient = (Fraction(int(output[k, c])) for c in range(output.ncols()))
        assert constant + dot(gradient, x) == value * scales[k] * factor


@pytest.mark.parametrize("seed", range(20))
def test_files_and_slices(seed: int, tmp_path: Path) -> None:
    network, _ = drawn(seed)
    path = tmp_path / "net.json"
    save_json(network, path)
    again = load(path)
    assert again == network and again.sha256 == network.sha256
    path.write_text(network.canonical(), encoding="ascii")
    assert load(path) == network
    random = Random(seed)
    origin = point(random, network.num_inputs)
    k = min(2, network.num_inputs)
    directions = [
        (*(0,) * i, Fraction(1), *point(random, network.num_inputs - i - 1)) for i in range(k)
    ]
    part = restrict(network, origin, directions)
    t = point(random, k)
    x = tuple(o + dot(t, column) for o, column in zip(origin, zip(*directions)))
    assert part(t) == network(x)
    assert part.preactivations(t) == network.preactivations(x)


@pytest.mark.parametrize("engine", ["complex", "lp"])
@pytest.mark.parametrize("factor", [1, float("inf")])
@pytest.mark.parametrize("seed", range(25))
def test_engines_agree_with_brute_force(seed: int, engine: str, factor: float) -> None:
    network, box = drawn(seed)
    found = exactbn.partition(network, box, engine=engine, filter_factor=factor)
    brute = brute_partition(network, box)
    names = [tuple(row) for row in found.patterns.tolist()]
    assert set(names) == {region.pattern for region in brute.regions}
    edges = {frozenset((names[i], names[j])) for i, j in found.edges.tolist()}
    assert edges == brute.edges
    assert found.is_complete
    found.check()
    for i in range(found.num_regions):
        assert found.region_of(found.witness(i)) == i


def test_the_cross_examination_takes_any_network(tmp_path: Path) -> None:
    """A residual connection, and a maximum whose cells are joined, with all certificates."""
    layers = (Layer([[-1, 1]], [0], 0, (0, 1)), Layer([[1, 1]], [0], 1, (0, 2)))
    greater = Network(layers, num_inputs=2, units=(Max(Contest(0, 1, 0)),))
    for network in (RESIDUAL, greater):
        summary = examine_one(Problem(network, None), out=tmp_path / "none", mutants=4)
        assert not summary.failures and summary.total("certificates accepted") == 2


def test_a_network_that_is_no_chain_is_shrunk_by_its_numbers() -> None:
    """What is left has the same rows and slopes of units, and simpler numbers."""
    layers = (
        Layer([[7, 5]], [3], Fraction(1, 3), (0, 1)), Layer([[9, 8]], [0], [2], (0, 2)),
        Layer([[1]], [0], 1),
    )  # fmt: skip
    network = Network(layers, num_inputs=2)
    smaller = shrink(
        network, lambda net: net.layers[1].weight[0][1] >= 2, smaller_networks,
        lambda net: size_of(numbers_of(net)), tries=500,
    )  # fmt: skip
    assert smaller.layers[1].weight == ((0, 2),)
    assert [layer.reads for layer in smaller.layers] == [layer.reads for layer in network.layers]
    assert smaller.num_inputs == 2

"""The LP engine on networks that are no chains: what is read, from where, and how it is rounded."""

from fractions import Fraction
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

import exactbn
from exactbn.engines.lp import search
from exactbn.engines.lp.frame import make_forms, make_frame
from exactbn.engines.run import UNLIMITED
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network
from exactbn.readers.wiring import Wiring, affine, tensor
from exactbn.regions.partitioning import Partition
from exactbn.regions.storage import save
from exactbn.selfcheck.degenerate import degenerate_network
from exactbn.selfcheck.wired import wire
from tests.lp_agreement import answer_of

HALF = Fraction(1, 2)
#: What is asked of evidence when it is saved.
EVIDENCE = (
    "engine", "neurons_done", "stopped", "words", "edges", "is_unbounded", "unproven", "faces",
    "statistics",
)  # fmt: skip


def agreed(network: Network, box: tuple[int, int] | None) -> Partition:
    """Return the partition of the LP engine after a look at that of the other one."""
    part = exactbn.partition(network, box, engine="lp")
    assert part.is_complete
    assert answer_of(part) == answer_of(exactbn.partition(network, box))
    part.check()
    for i, x in enumerate(part.witnesses()):
        assert part.region_of(x) == i
    return part


def with_rows(network: Network, a: list[list[int]], b: list[Fraction]) -> Network:
    """Return the network with units b - A x before its own, which nobody reads."""
    d, more = network.num_inputs, len(b)
    layers = [Layer([[-t for t in row] for row in a], b, 0, tuple(range(d)))]
    start, count = 0, d
    for layer in network.layers:
        reads = tuple(range(start, count)) if layer.reads is None else layer.reads
        moved = tuple(f if f < d else f + more for f in reads)
        layers.append(Layer(layer.weight, layer.bias, layer.slopes, moved))
        start, count = count, count + layer.num_neurons
    return Network(tuple(layers), network.sigma_policy, d)


@pytest.mark.parametrize("seed", range(8))
def test_a_polytope_is_the_cells_where_its_rows_are_on(seed: int) -> None:
    random = Random(seed)
    network = wire(random, degenerate_network(random, "mixed")[0])
    d = network.num_inputs
    a = [[random.randint(-2, 2) for _ in range(d)] for _ in range(2)]
    a = [row if any(row) else [1] * d for row in a]
    b = [Fraction(random.randint(1, 4), 2) for _ in a]
    found = exactbn.partition(network, (-1, 1), engine="lp", rows=(a, b))
    whole = exactbn.partition(with_rows(network, a, b), (-1, 1))
    inside = whole.patterns[:, :2].all(axis=1)
    names = [row[2:].tobytes() for row in whole.patterns]
    pairs = {frozenset((names[i], names[j])) for i, j in whole.edges.tolist()
             if inside[i] and inside[j]}  # fmt: skip
    regions, edges, _ = answer_of(found)
    assert regions == {name for name, is_in in zip(names, inside, strict=True) if is_in}
    assert edges == pairs


def test_a_skip_to_the_inputs_keeps_what_is_exactly_zero() -> None:
    """All vanish at (1/3, 1/3), a unit of the second block by what it reads of the inputs."""
    third = Fraction(1, 3)
    layers = (
        Layer([[1, 0], [0, 1]], [-third, -third]),
        Layer([[1, 2, 1]], [-third], 0, (0, 2, 3)),
        Layer([[1, 1, 1]], [-third], 0, (1, 2, 4)),
        Layer([[1, 1]], [0], 1, (0, 4)),
    )
    network, domain = Network(layers, num_inputs=2), Domain.of(Box.of(-1, 1, 2))
    frame, shift = make_frame(network, domain, 1.0)
    forms = make_forms(network, frame, shift)
    assert shift == (third, third) and forms.is_zero.all()
    for layer in (1, 2):
        search.enter_layer(frame, forms, layer, np.ones(4, dtype=np.int8))
    assert not forms.row[:, 0].any() and forms.row[:, 1:].any(axis=1).all()
    # A constant of a block that is read is one of the block that reads it.
    off = Layer([[1, 2, 1]], [0], 0, (0, 2, 3))
    forms = make_forms(Network((layers[0], off, *layers[2:]), num_inputs=2), frame, shift)
    assert forms.is_zero.tolist() == [True, False, False]
    agreed(network, (-1, 1))


def test_forms_of_every_layer_stay_where_they_are() -> None:
    """The last block reads the first one and the inputs, past a block with another slope."""
    layers = (
        Layer([[1], [-1]], [0, HALF], Fraction(1, 7)),
        Layer([[1, -2]], [HALF], Fraction(-2, 3), (1, 2)),
        Layer([[3, 1, 1, 1], [-1, 2, 0, 1]], [-1, 0], (0, Fraction(1, 5)), (0, 1, 2, 3)),
        Layer([[1, 1]], [0], 1),
    )
    network = Network(layers, num_inputs=1)
    for box in ((-4, 4), None):
        assert agreed(network, box).num_regions == 4


@pytest.mark.parametrize(
    "slope", [Fraction(1, 2**1074), -Fraction(1, 2**1074), 1 - Fraction(1, 2**53)]
)
def test_slopes_whose_denominators_no_float_holds(slope: Fraction) -> None:
    layers = (
        Layer([[1, 1], [1, -1]], [0, 1], (slope, 0)),
        Layer([[1, 1, -1]], [0], slope, (0, 2, 3)),
        Layer([[1, 1, 1], [0, 1, -1]], [-1, 0], 0, (1, 3, 4)),
        Layer([[1, 1]], [0], 1),
    )
    agreed(Network(layers, num_inputs=2), (-2, 2))
    agreed(Network(layers, num_inputs=2), None)


@pytest.mark.parametrize("sign", [1, -1])
def test_comparisons_that_vanish_and_those_that_lose(sign: int) -> None:
    """A maximum of relu(x), relu(x), relu(y), 0: entries are equal everywhere or where all rest."""
    wiring = Wiring(2)
    x, y = wiring.activation(wiring.inputs((2,)), np.array(Fraction(0), object))
    rows = wiring.maximum([[x, x, y, x.scaled(Fraction(0))]], sign)
    network = Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))
    for box in ((-1, 1), None):
        agreed(network, box)


def test_cells_of_a_maximum_are_joined() -> None:
    """Of x, y, -x - y two are compared where the third one wins."""
    wiring = Wiring(2)
    plane = affine(wiring.inputs((2,)), ((1, 0), (0, 1), (-1, -1)), (0, 0, 0))
    rows = wiring.maximum([plane])
    network = Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))
    for box in ((-1, 1), None):
        part = agreed(network, box)
        assert (part.num_regions, part.num_adjacencies) == (3, 3)
        assert len(part.evidence.cells.words) == 4
        assert part.is_unbounded.all() == (box is None)


def test_what_a_unit_reads_is_a_list() -> None:
    """A thousand units that read two each: their rows take a few numbers a unit."""
    count = 1000
    first = Layer([[1, k] for k in range(count)], range(count))
    pairs = [Layer([[1, -1]], [0], 0, (2 + k, 3 + k)) for k in range(count - 1)]
    last = Layer([[1]], [0], 1, (2 + count,))
    network = Network((first, *pairs, last), num_inputs=2)
    domain = Domain.of(Box.of(-1, 1, 2))
    forms = make_forms(network, *make_frame(network, domain, 1.0))
    assert len(forms.weight) == 2 * (count - 1)
    assert sum(array.nbytes for array in forms) < 500 * network.num_hidden


@pytest.mark.parametrize("column", ["region", "word0"])
def test_cells_that_do_not_make_the_regions_are_refused(column: str, tmp_path: Path) -> None:
    """Of a folder whose hashes are right, the cells are of regions in another order."""
    wiring = Wiring(2)
    rows = wiring.maximum([list(wiring.inputs((2,)))])
    network = Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))
    part = exactbn.partition(network, (-1, 1), engine="lp")
    tables = part.evidence.tables()
    name = column.rstrip("0")
    tables["cells"][name] = tables["cells"][name][::-1].copy()
    evidence = SimpleNamespace(
        **{key: getattr(part.evidence, key) for key in EVIDENCE}, tables=lambda: tables
    )
    evidence.proven = lambda budget: evidence
    save(network, part.domain, evidence, tmp_path / "saved", UNLIMITED)
    opened = Partition.open(tmp_path / "saved")
    with pytest.raises(InputError, match="the regions are not those of the cells"):
        opened.witness(0)

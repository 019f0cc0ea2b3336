"""Barcodes, critical cells and Euler integrals against levels, two filtrations and gudhi."""

import random
from fractions import Fraction
from itertools import pairwise
from math import inf

import numpy as np
import pytest

from exactbn.errors import InputError
from exactbn.model.network import Network
from exactbn.regions.levels import level_partition
from exactbn.regions.partitioning import Partition, partition
from exactbn.regions.topology import persistence
from exactbn.regions.topology.chains import ChainComplex
from exactbn.regions.topology.euler import euler_integrals
from exactbn.regions.topology.morse import Gradient, MorseComplex, morse_complex
from exactbn.regions.topology.persistence import (
    Bar,
    Barcode,
    by_greatest,
    by_least,
    filtered_gradient,
    sublevel_barcode,
)
from exactbn.regions.topology.values import vertex_values
from exactbn.selfcheck.families import random_problem
from tests.test_topology import TORUS, norm_one
from tests.topology_oracle import below, chains

# ||x| - 2|: two valleys.
VALLEYS = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-2], [0]], slope=-1)


def random_part(seed: int, *, is_bounded: bool | None = None) -> Partition:
    """Return a small partition, of what problems there are the next."""
    while True:
        problem = random_problem(23, seed)
        network, box = problem.network, problem.box
        if network.num_inputs <= 3 and network.num_hidden <= 7 and problem.rows is None:
            if is_bounded in (None, box is not None):
                return partition(network, box)
        seed += 1000


def bars_of(part: Partition, ways: object, p: int, output: object) -> list[Bar]:
    """Return the bars of one of the two filtrations."""
    values = vertex_values(part, output)
    cells, levels = ways(values)  # type: ignore[operator]
    field = filtered_gradient(cells, levels)
    pairs, stay = persistence._paired(morse_complex(field), levels[field.critical].tolist(), p)
    numbers = values.levels
    bars = [Bar(k, numbers[b], numbers[d]) for k, b, d in pairs if b < d]
    return sorted([*bars, *(Bar(k, numbers[b], inf) for k, b in stay)])


def test_valleys_and_a_plane() -> None:
    bars = sublevel_barcode(partition(VALLEYS, (-5, 5)))
    assert bars.bars == (Bar(0, Fraction(0), Fraction(2)), Bar(0, Fraction(0), inf))
    assert bars.bars == sublevel_barcode(partition(VALLEYS)).bars
    assert [bars.betti(c)[0] for c in (-1, 0, 1, 2, "5/2")] == [0, 2, 2, 1, 1]
    assert [(c.dim, c.value) for c in bars.critical] == [(0, 0), (0, 0), (1, 2)]
    part = partition(VALLEYS, (-5, 5))
    assert {part.vertex(c.face)[0] for c in bars.critical[:2]} == {-2, 2}
    plane = sublevel_barcode(partition(Network.from_arrays([[[1, 0]]], [[0]])))
    assert plane.bars == (Bar(0, -inf, inf),)
    assert [(c.dim, c.value) for c in plane.critical] == [(0, -inf)]
    flat = sublevel_barcode(partition(Network.from_arrays([[[0, 0]]], [["1/3"]])))
    assert flat.bars == (Bar(0, Fraction(1, 3), inf),)


def test_what_comes_from_below_without_a_vertex() -> None:
    # -|x| goes to -oo on both sides, which meet at 0.
    roof = Network.from_arrays([[[1]], [[-1]]], [[0], [0]], slope=-1)
    assert sublevel_barcode(partition(roof)).bars == (Bar(0, -inf, Fraction(0)), Bar(0, -inf, inf))
    # -|x| - |y|: four quadrants, which meet in the lines and then close.
    cone = Network.from_arrays([[[1, 0], [0, 1]], [[-1, -1]]], [[0, 0], [0]], slope=-1)
    assert sublevel_barcode(partition(cone)).bars == (
        Bar(0, -inf, inf), Bar(1, -inf, Fraction(0)),
    )  # fmt: skip
    # In the half of the plane with x + y <= 1 the ring is open until c = -1.
    half = partition(cone, rows=([[1, 1]], [1]))
    assert sublevel_barcode(half).bars == (
        Bar(0, -inf, inf), Bar(1, Fraction(-1), Fraction(0)),
    )  # fmt: skip
    strip = partition(cone, rows=([[1, 0]], [0]))
    assert sublevel_barcode(strip).bars == (Bar(0, -inf, inf),)


@pytest.mark.parametrize("weights", [[["1/3"], ["-1/2"]], [["1/3"], ["-1/5"]], [[3], [-2]]])
def test_slopes_at_infinity_are_those_of_f(weights: list[list[object]]) -> None:
    net = Network.from_arrays([weights], [[0, 0]])
    part = partition(net)
    values = vertex_values(part, (1, 1))
    assert values.levels == (0,)
    for v in np.flatnonzero(part.lattice.is_at_infinity).tolist():
        (u,) = part.lattice.x[v, 1:].tolist()
        slope = (Fraction(weights[0][0]) + Fraction(weights[1][0])) * Fraction(u)
        assert values.ranks[v] == (1 if slope > 0 else -1)
    flat = vertex_values(part, (Fraction(weights[1][0]), -Fraction(weights[0][0])))
    assert set(flat.ranks[part.lattice.is_at_infinity].tolist()) == {2}


def test_torus() -> None:
    bars = sublevel_barcode(partition(TORUS, (-4, 4)))
    assert bars.betti(0) == (1, 1, 0, 0)
    assert Bar(0, Fraction(-1), inf) in bars.bars and Bar(1, Fraction(-1), Fraction(1)) in bars.bars
    assert bars.betti(1) == (1, 0, 0, 0)


@pytest.mark.parametrize("seed", range(16))
def test_levels_have_the_homology_that_bars_say(seed: int) -> None:
    """The complex cut at c, and its bounded faces, know nothing of filtrations."""
    part = random_part(seed)
    rng = random.Random(seed)
    output = [rng.choice((-2, -1, 1, 3)) for _ in range(part.network.num_outputs)]
    bars = sublevel_barcode(part, output)
    levels = vertex_values(part, output).levels
    assert sum((-1) ** c.dim for c in bars.critical) == 1
    chosen = rng.sample(levels, min(2, len(levels)))
    chosen += [levels[0] - 1, levels[-1] + 1, (levels[0] + levels[-1]) / 2]
    for c in chosen:
        level = level_partition(part.network, part.domain, output=output, level=c)
        assert level.homology("<=").betti == bars.betti(c), c
    for k in range(bars.dim + 1):
        ends = [b for b in bars.bars if b.dim == k] + [
            b for b in bars.bars if b.dim == k - 1 and b.death < inf
        ]
        assert len(ends) <= sum(c.dim == k for c in bars.critical)


@pytest.mark.parametrize("seed", range(8))
def test_two_filtrations_of_a_box_have_one_barcode(seed: int) -> None:
    part = random_part(seed, is_bounded=True)
    for p in (0, 2, 3):
        first, second = (bars_of(part, way, p, 0) for way in (by_greatest, by_least))
        assert first == second == list(sublevel_barcode(part, 0, p).bars)


def nothing_paired(cells: ChainComplex, levels: np.ndarray) -> Gradient:
    """Return the gradient that leaves all cells critical."""
    every = np.arange(len(cells.cells))
    return Gradient(cells, every, every)


@pytest.mark.parametrize("seed", range(8))
def test_the_gradient_does_not_matter(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    part = random_part(300 + seed)
    usual = [sublevel_barcode(part, 0, p) for p in (0, 2, 3)]
    monkeypatch.setattr(persistence, "filtered_gradient", nothing_paired)
    for bars in usual:
        whole = sublevel_barcode(part, 0, bars.characteristic)
        assert whole.bars == bars.bars and len(whole.critical) >= len(bars.critical)


def test_torsion_shows_in_bars_over_the_field_that_has_it() -> None:
    # The projective plane, a cell of each dimension: twice the edge is the boundary of the disc.
    plane = MorseComplex((1, 1, 1), (((),), ((),), (((0, 2),),)))
    assert persistence._paired(plane, [0, 1, 2], 2) == ([], [(2, 2), (1, 1), (0, 0)])
    for p in (0, 3):
        assert persistence._paired(plane, [0, 1, 2], p) == ([(1, 1, 2)], [(0, 0)])


@pytest.mark.parametrize("seed", range(8))
def test_gudhi_has_the_same_bars(seed: int) -> None:
    gudhi = pytest.importorskip("gudhi", reason="gudhi is not installed")
    part = random_part(100 + seed, is_bounded=True)
    values = vertex_values(part, 0)
    lattice, greatest = part.lattice, values.greatest
    tree = gudhi.SimplexTree()
    for chain in sorted(chains(range(int(lattice.starts[-1])), below(lattice)), key=len):
        tree.insert(list(chain), float(max(greatest[f] for f in chain)))
    pairs = tree.persistence(homology_coeff_field=2, persistence_dim_max=True)
    found = sorted((k, b, d) for k, (b, d) in pairs if b < d)
    rank = {value: float(i) for i, value in enumerate(values.levels)} | {inf: inf}
    bars = sublevel_barcode(part, 0, 2).bars
    assert sorted((bar.dim, rank[bar.birth], rank[bar.death]) for bar in bars) == found


def test_pictures() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    fig, ax = plt.subplots()
    sublevel_barcode(partition(VALLEYS, (-5, 5))).draw(ax)
    assert len(ax.collections) == 1 and ax.get_xlabel() == "c"
    Barcode((), (), 0, 1).draw(ax)
    plt.close(fig)


def test_bad_questions() -> None:
    part = partition(norm_one(2, 1, 2), (-3, 3))
    with pytest.raises(InputError, match="prime"):
        sublevel_barcode(part, 0, 6)
    with pytest.raises(InputError, match="2 outputs"):
        sublevel_barcode(part)
    with pytest.raises(InputError, match="unbounded"):
        euler_integrals(partition(norm_one(1, 1)))
    stopped = partition(VALLEYS, (-5, 5), max_regions=1, on_budget="return")
    assert stopped.stopped is not None
    with pytest.raises(InputError, match="incomplete"):
        sublevel_barcode(stopped)


@pytest.mark.parametrize("seed", range(5))
def test_euler_integrals_are_those_of_their_levels(seed: int) -> None:
    part = random_part(200 + seed, is_bounded=True)
    lower, upper = euler_integrals(part, 0)
    negative = [-int(k == 0) for k in range(part.network.num_outputs)]
    assert euler_integrals(part, negative) == (-upper, -lower)
    levels = vertex_values(part, 0).levels
    breaks = sorted({abs(t) for t in levels} | {Fraction(0)})
    if len(breaks) > 12:
        breaks = []
    total = [Fraction(0), Fraction(0)]
    for a, b in pairwise(breaks):
        s = (a + b) / 2
        over, under = (level_partition(part.network, part.domain, output=0, level=t)
                       for t in (s, -s))  # fmt: skip

        def chi(level, relation):  # type: ignore[no-untyped-def]
            return int(np.sum((-1.0) ** level.dims[level.faces(relation)]))

        total[0] += (b - a) * (chi(over, ">=") - chi(under, "<"))
        total[1] += (b - a) * (chi(over, ">") - chi(under, "<="))
    if breaks:
        assert (lower, upper) == tuple(total)

"""One lattice of all pieces: the partition is that of one piece, proof, numbers and all."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import exactbn
from exactbn.engines.complex import joining
from exactbn.engines.complex.chunks import Cutter, Stoppable, Task, results
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.complex.joining import (
    Fragment,
    Joining,
    as_fragment,
    dealt_fragment,
    in_order,
    subdivide_in_pieces,
)
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.parts import OWN
from exactbn.engines.complex.region_order import in_order_of_making
from exactbn.engines.run import Budget
from exactbn.errors import InputError, InternalError, LimitError
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.regions.structure import first_fault
from tests.examples import EXAMPLES, Example
from tests.strategies import networks
from tests.test_carried import NETWORKS, chain
from tests.test_chunks import pooling, square
from tests.workload import TRUTH, load_workload

SMALL = [name for name, truth in TRUTH.items() if truth["box1"]["regions"] < 700]
CHECKER = Path(exactbn.__file__).parent / "checker.py"


def fragments(network: Network, domain: Domain, size: int, workers: int = 1) -> list[Fragment]:
    """Return all fragments in order."""
    cutter = Cutter(network, domain, Stoppable(), size, 1.0, as_fragment, are_alike=True)
    found = results(cutter, workers)
    return list(in_order(found))


def check_joined(
    network: Network, domain: Domain, size: int, workers: int = 1, factor: float = 1.0
) -> FaceLattice:
    """Check the lattice of pieces against that of one piece, and its proof; return it."""
    whole = subdivide(network, [domain]).lattice
    joined = subdivide_in_pieces(network, domain, workers=workers, size=size, factor=factor).lattice
    assert joined.f_vector == whole.f_vector
    assert np.array_equal(joined.words, whole.words)
    assert sorted(map(sorted, joined.edges.tolist())) == sorted(map(sorted, whole.edges.tolist()))
    assert first_fault(network, domain, joined) is None
    return joined


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples(example: Example) -> None:
    check_joined(example.network, Domain.of(example.box), 1)


@pytest.mark.parametrize("name", SMALL)
def test_workload(name: str) -> None:
    network = load_workload(name)
    check_joined(network, square(network), 30)
    check_joined(network, square(network, 5), 8, workers=2)


@given(network=networks(dims=(1, 2, 2, 3, 3, 4)))
@settings(max_examples=60)
def test_random_networks(network: Network) -> None:
    check_joined(network, square(network, 2), 1)
    check_joined(network, Domain.space(network.num_inputs), 1)


@pytest.mark.parametrize("where", ["box", "space", "polytope"])
@pytest.mark.parametrize("name", NETWORKS)
def test_deep_leaky_wide_and_wired(name: str, where: str) -> None:
    network = NETWORKS[name]
    d = network.num_inputs
    domain = Domain.space(d) if where == "space" else square(network)
    if where == "polytope":
        domain = Domain.cut(domain, ([[1] * d], ["1/3"]))
    check_joined(network, domain, 8)


@pytest.mark.parametrize("widths", [[70, 3, 5], [130, 2], [4, 70, 3], [3, 130, 2]])
def test_layers_of_several_words(widths: list[int]) -> None:
    """Regions are numbered anew at each word, so their order would show another blocking."""
    check_joined(chain(2, widths, 5), square(NETWORKS["deep"]), 200)
    check_joined(chain(2, widths, 5), Domain.space(2), 200)


def test_pieces_of_a_wide_first_layer_are_dealt_out_alike() -> None:
    """Amid it the whole alone: a vertex on a seam has the same parents on both sides."""
    network = chain(2, [200, 2], 5)
    check_joined(network, square(network), 200)


def test_pieces_of_pieces_know_in_which_region_of_the_whole_they_lie() -> None:
    network = chain(2, [6, 5, 5, 4], 3)
    check_joined(network, square(network, 4), 8)
    assert max(len(own.path) for own in fragments(network, square(network, 4), 8)) > 2


def test_no_float_is_needed() -> None:
    network = chain(2, [5, 4, 4, 3], 11)
    check_joined(network, square(network), 10, factor=float("inf"))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_network_without_hidden_layers(d: int) -> None:
    network = Network.from_arrays([[[1] * d]], [[0]])
    check_joined(network, square(network), 1)
    check_joined(network, Domain.space(d), 1)


def test_maxima_are_joined_as_in_one_piece() -> None:
    network = pooling()
    for domain in (square(network, 4), Domain.space(2)):
        check_joined(network, domain, 4)


def test_the_threads_change_nothing() -> None:
    network = load_workload("rnd_3x10x10x1")
    one, other = (
        subdivide_in_pieces(network, square(network), workers=workers, size=40).lattice
        for workers in (1, 3)
    )
    for name in ("starts", "indptr", "indices", "parents", "x", "ex", "words", "component"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_fragments_come_in_the_order_of_their_paths() -> None:
    network = chain(2, [6, 5, 5, 4], 3)
    found = fragments(network, square(network, 4), 16, workers=3)
    paths = [fragment.path for fragment in found]
    dealt = {fragment.path for fragment in found if fragment.is_dealt}
    assert paths == sorted(paths) and len(set(paths)) == len(paths)
    assert max(map(len, paths)) > 1 and {path[:-1] for path in paths if path} == dealt
    assert sum(fragment.share for fragment in found) == 1


def joined(network: Network, domain: Domain, found: list[Fragment]) -> FaceLattice:
    """Return the lattice of fragments."""
    joining = Joining(network, domain)
    for fragment in found:
        joining.add(fragment)
    return joining.lattice()


def test_a_piece_that_is_lost_or_there_twice_is_noticed() -> None:
    network = chain(2, [6, 5, 5], 3)
    domain = square(network, 4)
    found = fragments(network, domain, 16)
    joined(network, domain, found)
    leaves = [k for k, fragment in enumerate(found) if not fragment.is_dealt]
    for k in leaves:
        with pytest.raises(InternalError, match="Euler's relation fails|in two pieces, or in none"):
            lattice = joined(network, domain, found[:k] + found[k + 1 :])
            # What is cut off a corner leaves a disk: its neighbours have a facet with one side.
            if first_fault(network, domain, lattice) is not None:
                raise InternalError("in two pieces, or in none")
        with pytest.raises(InternalError, match="in two pieces, or in none"):
            joined(network, domain, found[: k + 1] + found[k:])


def test_seams_that_are_not_joined_are_noticed() -> None:
    network = chain(2, [6, 5, 5], 3)
    domain = square(network, 4)
    found = [
        Fragment(**{**vars(fragment), "own": np.full_like(fragment.own, OWN)})
        for fragment in fragments(network, domain, 16)
    ]
    with pytest.raises(InternalError, match="Euler's relation fails"):
        joined(network, domain, found)


def test_a_table_grows() -> None:
    """Numbers of 5000 edges, entered a few at a time, are found again."""
    known = joining._Known()
    edges = np.random.default_rng(1).permutation(10_000).astype(np.int32)
    own = np.zeros(10, dtype=np.int8)
    first = np.arange(0, 22, 2)
    for again in (False, True):
        for begin in range(0, 10_000, 20):
            ids, is_new = np.empty(10, dtype=np.int32), np.ones(10, dtype=np.bool_)
            known.make_room(10)
            assert len(known.values) >= 2 * known.count
            facets = edges[begin : begin + 20]
            entered = joining._identify(
                first, facets, own, known.keys, known.values, np.int64(begin // 2), ids, is_new
            )
            known.count += entered
            assert entered == (0 if again else 10) and is_new.all() == (not again)
            assert ids.tolist() == list(range(begin // 2, begin // 2 + 10))


# The order of the regions


def test_an_order_by_hand() -> None:
    """Neuron 0 cuts region 0; neuron 1 then region 1, which is younger, before region 0."""
    words = np.array([[0b11], [0b01], [0b10], [0b00]], dtype=np.uint64)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        found = in_order_of_making(words[order], np.zeros(4, dtype=np.int64), [2])
        assert [order[i] for i in found] == [0, 2, 3, 1]


def test_regions_from_before_a_word_come_oldest_first() -> None:
    """Both halves of neuron 0 are cut by neuron 64: the older one first."""
    words = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=np.uint64)
    found = in_order_of_making(words, np.zeros(4, dtype=np.int64), [64, 1])
    assert found.tolist() == [0, 2, 1, 3]
    begun = np.array([1, 1, 0, 0])
    assert in_order_of_making(words, begun, [64, 1]).tolist() == [2, 0, 3, 1]


# What users call


@pytest.mark.parametrize("box", [(-1, 1), None], ids=["box", "space"])
def test_a_partition_on_threads_is_the_same(box: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining.subdivide_in_pieces, "__kwdefaults__",
                        {**joining.subdivide_in_pieces.__kwdefaults__, "size": 64})  # fmt: skip
    network = load_workload("rnd_3x10x10x1")
    one, other = exactbn.partition(network, box), exactbn.partition(network, box, workers=2)
    assert one == other and np.array_equal(one.patterns, other.patterns)
    assert other.is_complete and other.f_vector == one.f_vector
    assert {*map(frozenset, one.edges.tolist())} == {*map(frozenset, other.edges.tolist())}
    if box is not None:
        assert [other.volume(i) for i in range(9)] == [one.volume(i) for i in range(9)]
    points = np.random.default_rng(1).uniform(-1, 1, (50, 3))
    assert np.array_equal(one.regions_of(points), other.regions_of(points))


def test_a_certificate_over_seams_is_accepted(tmp_path: Path) -> None:
    network = load_workload("rnd_2x8x8x1") if "rnd_2x8x8x1" in TRUTH else chain(2, [6, 5, 5], 3)
    exactbn.save_json(network, tmp_path / "net.json")
    outcome = subdivide_in_pieces(network, square(network, 2), workers=1, size=16)
    evidence = exactbn.regions.by_lattice.LatticeEvidence.of(
        network, square(network, 2), outcome.lattice, outcome
    )
    part = exactbn.Partition(network, square(network, 2), evidence)
    part.write_certificate(tmp_path / "proof")
    command = [sys.executable, "-I", "-S", CHECKER, tmp_path / "net.json", tmp_path / "proof"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and f"accepted: {part.num_regions} regions" in done.stdout


def test_it_says_where_one_thread_works() -> None:
    network = load_workload("rnd_3x10x10x1")
    told: list[str] = []
    part = exactbn.partition(
        network, (-1, 1), workers=2, max_seconds=3600, progress=lambda *r: told.append(r[2])
    )
    assert told[0] == "one thread: with a budget there are no pieces" and part.is_complete
    with pytest.raises(InputError, match="workers is 2, expected 1: the LP engine"):
        exactbn.partition(network, (-1, 1), engine="lp", workers=2)
    for wrong in (0, 1.5, "2"):
        with pytest.raises(InputError, match="workers is .*, expected an integer >= 1"):
            exactbn.partition(network, (-1, 1), workers=wrong)  # type: ignore[arg-type]


def test_a_budget_of_pieces_ends_them() -> None:
    network = chain(2, [30, 30], 0)
    with pytest.raises(LimitError, match="budget"):
        subdivide_in_pieces(network, square(network), workers=2, budget=Budget(None, -1.0))


def test_progress_is_told() -> None:
    network = chain(2, [6, 5, 5], 3)
    told: list[tuple[int, int, str]] = []
    outcome = subdivide_in_pieces(
        network, square(network, 4), workers=1, size=16, progress=lambda *r: told.append(r)
    )
    assert told[-1] == (16, 16, f"{outcome.lattice.num_regions} cells")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_what_is_dealt_out_has_vertices_alone() -> None:
    network = chain(2, [6, 5, 5], 3)
    cutter = Cutter(network, square(network, 4), Stoppable(), 16, 1.0, as_fragment, are_alike=True)
    tasks = cutter.advance(Task())
    assert isinstance(tasks, list) and tasks[0].dealt is not None
    fragment = dealt_fragment((), tasks[0].dealt)
    assert fragment.is_dealt and fragment.share == 0 and not len(fragment.words)
    assert len(fragment.parents) == len(fragment.x) == len(fragment.own) > 8

"""Piece by piece: the regions, adjacencies and faces are those of the complex in one piece."""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from math import inf
from pathlib import Path
from random import Random
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings

import exactbn
from exactbn.cli import main
from exactbn.engines.complex import chunks, cutting, seams
from exactbn.engines.complex.chunks import Chunk, Cutter, Task, as_chunk, cut_in_chunks
from exactbn.engines.complex.cutting import Late
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.seams import Seams
from exactbn.engines.run import Budget
from exactbn.errors import InputError, InternalError, LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions import pieces
from exactbn.regions.pieces import FaceCounts, count_faces
from tests.examples import EXAMPLES, Example
from tests.strategies import networks
from tests.test_carried import NETWORKS, chain
from tests.workload import TRUTH, load_workload

Pairs = set[frozenset[bytes]]

SMALL = [name for name, truth in TRUTH.items() if truth["box1"]["regions"] < 700]


def square(network: Network, half: int = 1) -> Domain:
    """Return the cube about 0."""
    return Domain.of(Box.of(-half, half, network.num_inputs))


def pairs_of(words: np.ndarray, edges: np.ndarray) -> Pairs:
    """Return the pairs of regions, by their patterns."""
    return {frozenset((words[i].tobytes(), words[j].tobytes())) for i, j in edges.tolist()}


def check_same(found: list[Chunk], lattice: FaceLattice) -> None:
    """Check that chunks are the pieces of a complex; no region is in two of them."""
    words, edges, first, joined = [], [], 0, Seams()
    faces = np.zeros(lattice.dim + 1, dtype=np.int64)
    for chunk in found:
        edges.append(chunk.edges.astype(np.int64) + first)
        edges.append(joined.add(chunk.names, chunk.seams.astype(np.int64) + first))
        words.append(chunk.words)
        faces += chunk.faces
        first += chunk.num_regions
    edges.append(joined.end())
    all_words, all_edges = np.concatenate(words), np.concatenate(edges)
    assert tuple(faces.tolist()) == lattice.f_vector
    assert len(all_words) == lattice.num_regions
    assert {row.tobytes() for row in all_words} == {row.tobytes() for row in lattice.words}
    assert len(all_edges) == len(lattice.edges)
    assert pairs_of(all_words, all_edges) == pairs_of(lattice.words, lattice.edges)
    assert sum(chunk.share for chunk in found) == 1


def check_chunks(network: Network, domain: Domain, size: int, **options: float) -> int:
    """Check all chunks against the complex in one piece; return how many there are."""
    workers = int(options.get("workers", 1))
    found = list(
        cut_in_chunks(
            network, domain, size=size, workers=workers, factor=options.get("factor", 1.0)
        )
    )
    check_same(found, subdivide(network, [domain]).lattice)
    return len(found)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples(example: Example) -> None:
    check_chunks(example.network, Domain.of(example.box), 1)


@pytest.mark.parametrize("name", SMALL)
def test_workload(name: str) -> None:
    network = load_workload(name)
    check_chunks(network, square(network), 30)
    check_chunks(network, square(network, 5), 8, workers=2)


@given(network=networks(dims=(1, 2, 2, 3, 3, 4)))
@settings(max_examples=60)
def test_random_networks(network: Network) -> None:
    check_chunks(network, square(network, 2), 1)


@pytest.mark.parametrize("where", ["box", "space", "polytope"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_carried_is_carried_into_pieces(name: str, where: str) -> None:
    """Deep, leaky, of two words a layer, and with rows that read earlier layers."""
    network = NETWORKS[name]
    d = network.num_inputs
    domain = Domain.space(d) if where == "space" else square(network)
    if where == "polytope":
        domain = Domain.cut(domain, ([[1] * d], ["1/3"]))
    assert check_chunks(network, domain, 8) > (3 if d > 1 else 0)


@pytest.mark.parametrize(
    "widths, size", [([70, 3, 5], 200), ([130, 2], 200), ([4, 70, 3], 200), ([140, 3], 5000)]
)
def test_a_wide_layer_is_dealt_out_amid(widths: list[int], size: int) -> None:
    """The first one after each word of it, or after two; a later one at its end only."""
    assert check_chunks(chain(2, widths, 5), square(NETWORKS["deep"]), size) > 1


def test_one_region_is_not_dealt_out() -> None:
    """However deep it is: its piece would only get a longer name."""
    network = Network.from_arrays([[[1, 0]], *[[[1]]] * 70, [[1]]], [[2], *[[1]] * 70, [0]])
    assert check_chunks(network, square(network), 1) == 1


def test_a_piece_without_bits_for_names_is_cut_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    network = chain(2, [5, 4, 4, 3], 11)
    many = check_chunks(network, square(network, 4), 8)
    monkeypatch.setattr(chunks, "_BITS", 6)
    assert 1 < check_chunks(network, square(network, 4), 8) < many


def test_integers_reach_behind_a_piece() -> None:
    """Where no float is believed every vertex is computed, from the pieces before as well."""
    network = chain(2, [5, 4, 4, 3], 11)
    assert check_chunks(network, square(network), 10, factor=inf) > 5
    assert check_chunks(network, square(network), 10, factor=inf, workers=2) > 5
    assert check_chunks(network, Domain.space(2), 10, factor=inf) > 5


def test_exact_signs_are_asked_of_pieces() -> None:
    """All lines of both layers meet in one point, which no float is."""
    third = Fraction(-1, 3)
    rows = [[1, 0], [0, 1], [1, 1], [1, -1], [2, 1]]
    network = Network.from_arrays(
        [rows, [[1, -1, 0, 0, 0], [0, 1, -1, 0, 1], [1, 0, 0, 1, -1]], [[1, 1, 1]]],
        [[third * sum(row) for row in rows], [0, 0, 0], [0]],
    )
    found = list(cut_in_chunks(network, square(network), size=1))
    assert len(found) > 3 and sum(chunk.statistics.exact_signs for chunk in found) > 0
    check_same(found, subdivide(network, [square(network)]).lattice)


# Seams


def some_names(count: int) -> np.ndarray:
    """Return different rows of words."""
    return np.arange(count, dtype=np.uint64)[:, None] * np.ones(3, dtype=np.uint64)


def test_seams_are_joined_whenever_their_sides_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seams, "_MANY", 4)
    joined, random = Seams(), Random(1)
    sides = [(name, side) for name in range(40) for side in (0, 100)]
    random.shuffle(sides)
    names = some_names(40)
    found = []
    while sides:
        some, sides = sides[:3], sides[3:]
        rows = [name for name, _ in some]
        found += joined.add(names[rows], np.array([sum(each) for each in some])).tolist()
    early = len(found)
    found += joined.end().tolist()
    assert sorted(found) == [[name, name + 100] for name in range(40)] and early > 0


def test_a_seam_with_one_side_or_three_is_a_bug() -> None:
    one = Seams()
    one.add(some_names(2)[[0, 0, 1]], np.arange(3))
    with pytest.raises(InternalError, match="1 facets between pieces have one side"):
        one.end()
    three = Seams()
    three.add(some_names(1)[[0, 0, 0]], np.arange(3))
    with pytest.raises(InternalError, match="more than two sides"):
        three.end()


def test_a_lost_chunk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NETWORKS["deep"]
    cut = partial(cut_in_chunks, size=8)
    monkeypatch.setattr(pieces, "cut_in_chunks", lambda *a, **k: list(cut(*a, **k))[1:])
    with pytest.raises(InternalError, match="one side only"):
        count_faces(network, (-1, 1))


def test_faces_that_are_counted_twice_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(*arguments: object, **options: object) -> list[Chunk]:
        found = list(cut_in_chunks(*arguments, size=8, **options))  # type: ignore[arg-type]
        found[0].faces[0] += 1
        return found

    monkeypatch.setattr(pieces, "cut_in_chunks", doubled)
    with pytest.raises(InternalError, match="Euler's relation fails"):
        count_faces(NETWORKS["deep"], (-1, 1))


# What users call


@pytest.mark.parametrize("box", [(-1, 1), None], ids=["box", "space"])
@pytest.mark.parametrize("name", [*SMALL[:12], "pooling"])
def test_counts_are_those_of_the_partition(
    name: str, box: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "cut_in_chunks", partial(cut_in_chunks, size=8))
    network = pooling() if name == "pooling" else load_workload(name)
    part = exactbn.partition(network, box)
    counts = count_faces(network, box)
    assert (counts.regions, counts.adjacencies) == (part.num_regions, part.num_adjacencies)
    assert counts.unbounded == part.is_unbounded.sum()
    assert counts.f_vector == part.f_vector
    assert counts.euler_characteristic == (1 if counts.f_vector else None)


def pooling() -> Network:
    """Return a network with a maximum of four units that are often off together."""
    import torch

    torch.manual_seed(3)
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.MaxPool1d(4), torch.nn.Linear(2, 3),
        torch.nn.ReLU(), torch.nn.Linear(3, 1),
    )  # fmt: skip
    return Network.from_torch(module.double().eval(), torch.zeros(1, 2, dtype=torch.float64))


def test_progress_reaches_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "cut_in_chunks", partial(cut_in_chunks, size=100))
    told: list[tuple[int, int, str]] = []
    counts = count_faces(
        chain(2, [20, 20], 0), (-4, 4), progress=lambda *report: told.append(report)
    )
    assert told.pop(0) == (0, pieces.STEPS, "the first neurons, in one piece")
    assert counts.pieces == len(told) > 1
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] == told[-1][1]
    assert told[-1][2] == f"{counts.regions} regions in {counts.pieces} pieces"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_budget_ends_it(workers: int) -> None:
    network = chain(2, [30, 30], 0)
    with pytest.raises(LimitError, match="budget"):
        list(cut_in_chunks(network, square(network), workers=workers, budget=Budget(None, -1.0)))


@dataclass(frozen=True)
class Watched(chunks.Stoppable):
    """A budget that knows how often it was asked; all that were made are kept."""

    made: ClassVar[list["Watched"]] = []
    looks: list[int] = field(default_factory=lambda: [0])

    def __post_init__(self) -> None:
        self.made.append(self)

    def is_late(self) -> bool:
        self.looks[0] += 1
        return super().is_late()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """Return the list of the budgets that are made."""
    monkeypatch.setattr(chunks, "Stoppable", Watched)
    monkeypatch.setattr(Watched, "made", [])
    return Watched.made


@pytest.mark.parametrize("seconds", [None, 3600.0])
def test_the_clock_is_looked_at_between_neurons(
    seconds: float | None, watched: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no limit, so that somebody may stop it, after some work only."""
    network = chain(2, [40], 0)
    list(cut_in_chunks(network, square(network), budget=Budget(None, seconds)))
    assert (watched[0].looks[0] > 40) == (seconds is not None)
    monkeypatch.setattr(cutting.Run.cut, "__kwdefaults__", {"most": 50})
    monkeypatch.setattr(cutting, "_LONG_CUT", 50)
    list(cut_in_chunks(network, square(network), budget=Budget(None, seconds)))
    assert watched[1].looks[0] > 20


def test_threads_are_told_to_stop(watched: list[Watched]) -> None:
    network = chain(2, [20, 20], 0)
    found = cut_in_chunks(network, square(network, 4), workers=2, size=8)
    next(found)
    assert not watched[0].is_stopped.is_set()
    found.close()
    assert watched[0].is_stopped.is_set() and watched[0].is_late()
    with pytest.raises(Late):
        Cutter(network, square(network), watched[0], 8, 1, as_chunk).advance(Task())


def test_a_network_that_the_engine_refuses_is_refused() -> None:
    network = Network.from_arrays([[[1] * 20], [[1]]], [[0], [0]])
    with pytest.raises(InputError, match="20 inputs, expected at most 13"):
        count_faces(network, (-1, 1))
    with pytest.raises(InputError, match="dimension 3"):
        count_faces(NETWORKS["deep"], Domain.space(3))


def test_a_budget_beyond_floats_is_none() -> None:
    network = NETWORKS["deep"]
    assert count_faces(network, (-1, 1), max_seconds=10**400) == count_faces(network, (-1, 1))


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", None])
def test_workers_are_a_number(workers: object) -> None:
    with pytest.raises(InputError, match="workers is .*, expected an integer >= 1"):
        count_faces(NETWORKS["deep"], (-1, 1), workers=workers)  # type: ignore[arg-type]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.json"
    exactbn.save_json(load_workload("rnd_3x10x10x1"), path)
    command = ["count", str(path), "--box", "-1", "1"]
    assert main([*command, "--json", "--workers", "2"]) == 0
    record = json.loads(capsys.readouterr().out)
    truth = TRUTH["rnd_3x10x10x1"]["box1"]
    assert record["regions"] == truth["regions"]
    assert record["adjacencies"] == truth["adjacencies"]
    assert record["euler_characteristic"] == 1 and record["workers"] == 2
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert str(truth["regions"]) in shown and "faces by dimension" in shown
    assert main([*command, "--max-seconds", "0"]) == 3
    assert "0 regions in 0 pieces so far" in capsys.readouterr().err
    assert main([*command, "--workers", "0"]) == 2


def test_one_input_is_one_piece() -> None:
    network = Network.from_arrays([[[1], [2]], [[1, 1]]], [[0, 1], [0]])
    assert count_faces(network, (-1, 1)) == FaceCounts(3, 0, 2, (4, 3), 1, 5, 0)
    assert chunks.SIZE > 1

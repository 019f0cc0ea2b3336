"""The LP engine: the same regions and adjacencies as the complex engine, and proofs of them."""

import io
import math
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from flint import fmpz
from hypothesis import given, settings

from exactbn import checker
from exactbn.engines.lp.engine import enumerate_regions
from exactbn.engines.lp.exact import Above, Empty, Program, decide, from_basis, is_proof
from exactbn.engines.proofs.tree import write_tree
from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition
from tests.examples import EXAMPLES, Example, one_layer
from tests.lp_agreement import answer_of, check_certificate, check_witnesses
from tests.strategies import problems
from tests.workload import TRUTH, load_workload

SMALL = [name for name in TRUTH if TRUTH[name]["Rd"]["regions"] <= 3000]
LARGE = [name for name in TRUTH if name not in SMALL]

#: What no general position allows, each with a box.
DEGENERATE = {
    "point": one_layer([[1]], [0]),
    "line of equal folds": one_layer([[1], [1], [2], [-1]], [0, 0, 0, 0]),
    "zero neuron": one_layer([[1, 1], [0, 0], [0, 0], [0, 0]], [0, 0, 1, -1]),
    "duplicates and negatives": one_layer([[1, 2], [1, 2], [-1, -2], [3, 6]], [1, 1, -1, 3]),
    "on the boundary": one_layer([[1, 0], [2, 0], [0, 1]], [-1, -2, 1]),
    "central": one_layer([[1, 0], [0, 1], [1, 1], [1, -1], [2, 1]], [0] * 5),
    "off centre": one_layer([[1, 0], [0, 1], [1, 1]], ["-1/3", "-1/3", "-2/3"]),
    "all dead": Network.from_arrays(
        [[[1, 0], [0, 1]], [[1, 1], [-1, 2]], [[1, 1]]], [[-5, -5], [1, 0], [0]]
    ),
    "coincident across layers": Network.from_arrays(
        [[[1, 0], [0, 1]], [[1, 0], [1, 1]], [[1, 1]]], [[0, 0], [0, 0], [0]]
    ),
    "fold on fold": Network.from_arrays(
        [[[1, 0], [-1, 0]], [[1, 1], [1, -1]], [[1, 1]]], [[0, 0], [0, 0], [0]]
    ),
    "absolute value": Network.from_arrays(
        [[[1, 1], [1, -1]], [[1, 1], [2, -1]], [[1, 1]]], [[0, 0], [-1, 0], [0]], slope=-1
    ),
    "leaky": Network.from_arrays(
        [[[1, 1], [1, -1]], [[1, 1], [2, -1]], [[1, 1]]], [[0, 0], [-1, 0], [0]], slope="1/10"
    ),
    "identity": Network.from_arrays(
        [[[1, 1], [1, -1]], [[1, 1], [2, 0]], [[1, 1]]], [[0, 0], [-1, 0], [0]], slope=1
    ),
    "gap 2^-60": one_layer([[1, 0], [1, 0], [0, 1]], [0, Fraction(1, 2**60), 0]),
    "gap 2^-80": one_layer([[1, 0], [0, 1], [1, 1]], [0, 0, -Fraction(1, 2**80)]),
    "beyond the floats": one_layer([[10**400, 1], [1, 10**400]], [0, Fraction(1, 10**400)]),
    "no hidden neuron": Network.from_arrays([[[1, 2]]], [[0]]),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("factor", [1, math.inf])
@pytest.mark.parametrize("box", [(-1, 1), None])
def test_degenerate(
    name: str, factor: float, box: tuple[int, int] | None, tmp_path: Path
) -> None:
    part = partition(DEGENERATE[name], box, engine="lp", filter_factor=factor)
    assert answer_of(part) == answer_of(partition(DEGENERATE[name], box))
    assert part.is_complete is True and part.f_vector is None
    check_witnesses(part)
    check_certificate(part, tmp_path)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.regions <= 60], ids=lambda e: e.name)
def test_examples(example: Example) -> None:
    part = partition(example.network, example.box, engine="lp")
    assert part.num_regions == example.regions
    assert answer_of(part) == answer_of(partition(example.network, example.box))


def check_workload(name: str, domain: str) -> Partition:
    """Check a workload network against its counts and against the complex engine."""
    network, box = load_workload(name), None if domain == "Rd" else (-1, 1)
    part, truth = partition(network, box, engine="lp"), TRUTH[name][domain]
    assert (part.num_regions, part.num_adjacencies) == (truth["regions"], truth["adjacencies"])
    assert answer_of(part) == answer_of(partition(network, box))
    return part


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("domain", ["box1", "Rd"])
def test_workload(name: str, domain: str, tmp_path: Path) -> None:
    part = check_workload(name, domain)
    if part.num_regions <= 300:
        check_certificate(part, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("domain", ["box1", "Rd"])
def test_large_workload(name: str, domain: str, tmp_path: Path) -> None:
    part = check_workload(name, domain)
    if part.num_regions <= 10_000:
        check_certificate(part, tmp_path)


@pytest.mark.parametrize("name", [n for n in SMALL if TRUTH[n]["Rd"]["regions"] <= 200])
@pytest.mark.parametrize("box", [(-1, 1), None])
def test_the_floats_may_lie(name: str, box: tuple[int, int] | None) -> None:
    usual, exact = (
        partition(load_workload(name), box, engine="lp", filter_factor=f) for f in (1, math.inf)
    )
    assert answer_of(usual) == answer_of(exact)
    # No program of the floats decided anything.
    assert exact.statistics["exact_questions"] >= exact.num_regions - 1


@given(problems())
@settings(max_examples=30, deadline=None)
def test_random_networks(problem: tuple[Network, Box]) -> None:
    network, box = problem
    for domain in (box, None):
        part = partition(network, domain, engine="lp")
        assert answer_of(part) == answer_of(partition(network, domain))
        check_witnesses(part)


# Polytopes


def test_a_polytope_is_cut_down(tmp_path: Path) -> None:
    network = load_workload("rnd_2x8x8x1")
    rows = ([[1, 1], ["-1/3", 1]], ["1/2", "0.7"])
    part = partition(network, (-1, 1), rows=rows, engine="lp")
    assert part.domain.bounds
    # The same cut by two more neurons: the regions where both are on.
    (first, *rest), cut = network.layers, ([-1, -1], [Fraction(1, 3), -1])
    wider = [[*row, 0, 0] for row in rest[0].weight]
    more = Network.from_arrays(
        [[*first.weight, *cut], wider, *(layer.weight for layer in rest[1:])],
        [[*first.bias, "1/2", "7/10"], rest[0].bias, *(layer.bias for layer in rest[1:])],
    )
    patterns = partition(more, (-1, 1)).patterns
    width = first.num_neurons
    inside = patterns[patterns[:, width : width + 2].all(axis=1)]
    expected = {np.delete(row, [width, width + 1]).tobytes() for row in inside}
    assert answer_of(part)[0] == expected
    check_witnesses(part)
    assert check_certificate(part, tmp_path).domain.count(", row ") == 2
    part.save(tmp_path / "saved")
    assert answer_of(Partition.open(tmp_path / "saved")) == answer_of(part)


def test_a_missing_facet_may_be_proven_by_a_row(tmp_path: Path) -> None:
    rows = ([[1, 1, 1], [-1, 2, 2]], ["1/2", "3/4"])
    part = partition(load_workload("bnf_3x6x6x1"), (-1, 1), rows=rows, engine="lp")
    check_certificate(part, tmp_path)
    lines = (tmp_path / "certificate").read_text().splitlines()
    assert any(line.startswith("g ") and " r0:" in line for line in lines)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([[1, 0]], [-2]), "is empty: .* 1 row .* no common point"),
        (([[1, 0]], [-1]), "is flat: .* 1 row .* no interior"),
        (([[1, 0], [-1, 0]], [0, 0]), "is flat"),
        (([[1, 0], [-1, 0], [0, 1]], [0, 0, -2]), "is empty"),
        (([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 0, 0]), "is flat"),
        (([[1, 1], [-1, -1]], ["1/3", "-2/3"]), "is empty"),
        (([[0, 0]], [-1]), "row 0 says 0 <= -1"),
        (([[1, 0]], [0, 0]), "1 row and 2 bounds"),
        (([[1]], [0]), "row 0 has 1 entry, expected 2"),
        (3, "not a pair"),
        (("x", 3), "no sequence A"),
    ],
)
def test_rows_that_cannot_be(rows: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        partition(DEGENERATE["central"], (-1, 1), rows=rows, engine="lp")  # type: ignore[arg-type]


# The result


def test_what_needs_faces_is_refused() -> None:
    part = partition(DEGENERATE["central"], (-1, 1), engine="lp")
    for ask in (part.volumes, lambda: part.volume(0), lambda: part.vertex(0), part.polygons):
        with pytest.raises(InputError, match="use engine='complex'"):
            ask()
    graph = part.graph()
    assert graph.number_of_nodes() == part.num_regions and "volume" not in graph.nodes[0]


def test_budgets_and_storage(tmp_path: Path) -> None:
    network = load_workload("bnc_3x10x10x1")
    with pytest.raises(LimitError, match="incomplete") as caught:
        partition(network, (-1, 1), engine="lp", max_regions=100)
    partial = caught.value.partial
    assert isinstance(partial, Partition) and partial.num_regions == 101
    assert not partial.is_complete and "incomplete" in repr(partial)
    whole = partition(network, (-1, 1), engine="lp")
    assert answer_of(partial)[0] < answer_of(whole)[0]
    assert answer_of(partial)[1] < answer_of(whole)[1]
    with pytest.raises(InputError, match="nothing to prove"):
        partial.write_certificate(tmp_path / "certificate")
    whole.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved")
    np.testing.assert_array_equal(again.patterns, whole.patterns)
    np.testing.assert_array_equal(again.edges, whole.edges)
    assert again.witnesses([0, 5]) == whole.witnesses([0, 5])
    (tmp_path / "saved" / "witnesses.arrow").write_bytes(b"nothing")
    with pytest.raises(InputError, match="witnesses.arrow"):
        Partition.open(tmp_path / "saved")


def test_a_stream_needs_no_adjacencies(tmp_path: Path) -> None:
    network, box = load_workload("bnc_2x8x8x1"), Box.of(-1, 1, 2)
    count = write_tree(tmp_path / "tree.gz", network, Domain.of(box))
    chunks = enumerate_regions(network, Domain.of(box), room=7)
    assert count == sum(len(chunk.words) for chunk in chunks)
    (tmp_path / "network.json").write_text(network.canonical())
    with checker.open_certificate(tmp_path / "tree.gz") as stream:
        proof = checker.check(checker.read_network(tmp_path / "network.json"), stream)
    assert (proof.regions, proof.adjacencies) == (count, None)


def test_a_planted_bug_is_caught(tmp_path: Path) -> None:
    network = load_workload("rnd_2x8x8x1")
    part = partition(network, (-1, 1), engine="lp")
    check_certificate(part, tmp_path)
    lines = (tmp_path / "certificate").read_text().splitlines(keepends=True)
    checked = checker.read_network(tmp_path / "network.json")
    leaf = next(i for i, line in enumerate(lines) if line.startswith("w "))
    proof = next(i for i, line in enumerate(lines) if line[0] in "+-" and line.count(":") > 1)
    facet = next(i for i, line in enumerate(lines) if line.startswith("f "))
    head, *terms = lines[proof].split()
    weaker = " ".join([head, terms[0], *terms[2:]]) + "\n"
    for wrong in (
        [*lines[:leaf], *lines[leaf + 1 :]],  # a dropped region
        [*lines[:leaf], lines[leaf], *lines[leaf:]],  # a region twice
        [*lines[:facet], *lines[facet + 1 :]],  # an adjacency less
        [*lines[:proof], weaker, *lines[proof + 1 :]],  # a multiplier less
    ):
        with pytest.raises((checker.Rejection, checker.Unreadable)):
            checker.check(checked, io.BytesIO("".join(wrong).encode()))


def test_memory_does_not_grow_with_the_regions() -> None:
    network, box = load_workload("bnc_4x10x10x1"), Box.of(-1, 1, 4)
    small = Domain.of(Box.of(0, Fraction(1, 8), 4))
    list(enumerate_regions(network, small, keep_log=True))  # compiles
    tracemalloc.start()
    try:
        peaks = []
        for chunk in enumerate_regions(network, Domain.of(box), keep_log=True, room=64):
            assert len(chunk.words) <= 64
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert len(peaks) > 50
    assert peaks[-1] < 1.1 * peaks[2]


def test_points_beyond_a_facet_are_short(tmp_path: Path) -> None:
    """Where 2^1100 meets 1, a point that is not rounded has more digits than a checker reads."""
    network = Network.from_arrays(
        [[[0, 1], [1, 0]], [[1, Fraction(-1, 2**1099)], [3, Fraction(-1, 2**1100)]], [[1, 1]]],
        [[2**1100, 1], [1, -1], [0]],
    )
    check_certificate(partition(network, engine="lp"), tmp_path)


# The programs


def random_program(rng: np.random.Generator, d: int, m: int) -> tuple[Program, list[int]]:
    """Return a program with the origin strictly inside, and an integer form negative there."""
    rows = [(int(rng.integers(1, 4)), *map(int, rng.integers(-3, 4, d))) for _ in range(m)]
    bounds = []
    for i in range(d):
        unit = [int(i == k) for k in range(d)]
        bounds += [(2, *unit), (2, *(-t for t in unit))]
    f = [-int(rng.integers(0, 6)), *map(int, rng.integers(-2, 3, d))]
    to_flint = [tuple(map(fmpz, row)) for row in (*rows, *bounds)]
    return Program(tuple(to_flint[:m]), tuple(to_flint[m:]), False), f


@pytest.mark.parametrize("seed", range(40))
def test_exact_programs_against_highs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 5)), int(rng.integers(0, 9))
    program, form = random_program(rng, d, m)
    f = tuple(map(fmpz, form))
    answer = decide(program, f, [fmpz(0)] * d, fmpz(1))
    rows = np.array([[int(t) for t in row] for row in program.rows]).reshape(m, 1 + d)
    best = scipy.optimize.linprog(
        -np.array(form[1:]), A_ub=-rows[:, 1:], b_ub=rows[:, 0], bounds=[(-2, 2)] * d
    )
    assert isinstance(answer, Above) == (form[0] - best.fun > 1e-9)
    if isinstance(answer, Empty):
        assert is_proof(program, f, answer)
        # Tampered with, the multipliers prove nothing, unless they proved it with room to spare.
        assert not is_proof(program, f, Empty(0, answer.multipliers))
        assert not is_proof(program, f, Empty(answer.factor, {r: -1 for r in range(m)} or {0: -1}))
    else:
        point = [Fraction(int(t), int(answer.denominator)) for t in answer.point]
        assert form[0] + sum(a * t for a, t in zip(form[1:], point, strict=True)) > 0


def test_a_basis_keeps_its_promise_or_not() -> None:
    # x <= 0 and y <= 0 in the box [-2, 2]^2; f = x + y is never positive there.
    program, _ = random_program(np.random.default_rng(0), 2, 0)
    rows = ((fmpz(0), fmpz(-1), fmpz(0)), (fmpz(0), fmpz(0), fmpz(-1)))
    program = Program(rows, program.bounds, False)
    f = (fmpz(0), fmpz(1), fmpz(1))
    assert from_basis(program, f, [0, 1]) == Empty(1, {0: 1, 1: 1})
    assert from_basis(program, f, [0, -1]) is None  # the box does not absorb y
    assert from_basis(program, tuple(-t for t in f), [0, 1]) is None
    assert not is_proof(program, f, Empty(1, {0: 1}))
    assert not is_proof(program, f, Empty(1, {0: 2, 1: 1}))

"""The LP engine in polytopes without a box: half-spaces, slabs, cones, what is bounded by rows."""

import math
from pathlib import Path
from random import Random

import pytest

from exactbn import checker
from exactbn.engines.complex.start import template
from exactbn.engines.lp.engine import enumerate_regions
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.interior import first_witness
from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition
from exactbn.selfcheck.answers import OPINIONS, differences
from exactbn.selfcheck.problem import Problem
from exactbn.selfcheck.wired import wire
from tests.examples import one_layer
from tests.lp_agreement import answer_of, check_certificate, check_engines_agree

FAR = 2**20
#: One row: the gradient, and the bound.
Row = tuple[list[int], int]

CENTRAL = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1], [1, -1]], [[1, 1, 0, -2], [1, -2, 1, 1]], [[1, 1]]],
    [[0, 0, 0, 0], ["-1/2", 0], [0]],
)
BARE = Network.from_arrays([[[1, 2]]], [[0]])


def drawn(random: Random, d: int) -> tuple[Network, Domain]:
    """Return a network and rows, both about the origin or a point 2^20 away from it.

    Rows are opposite to earlier ones, along hyperplanes of the first layer, or of small integers.
    """
    centre = [random.choice((0, 0, FAR, -FAR)) for _ in range(d)]

    def at_centre(a: list[int]) -> int:
        return sum(s * t for s, t in zip(a, centre, strict=True))

    sizes = [d, *random.choice(([2], [3], [2, 1], [2, 2])), 1]
    weights = [
        [[random.randint(-2, 2) for _ in range(m)] for _ in range(n)]
        for m, n in zip(sizes, sizes[1:], strict=False)
    ]
    biases = [[random.randint(-1, 1) for _ in range(n)] for n in sizes[1:]]
    biases[0] = [b - at_centre(a) for a, b in zip(weights[0], biases[0], strict=True)]
    rows: list[Row] = []
    for _ in range(random.randint(1, 2 + d)):
        kind = random.random()
        a = [random.randint(-2, 2) for _ in range(d)]
        if kind < 0.2:
            a = random.choice(weights[0])
        elif kind < 0.5 and rows:
            a = [-t for t in random.choice(rows)[0]]
        if any(a):
            rows.append((a, random.randint(-1, 2) + at_centre(a)))
    return Network.from_arrays(weights, biases), space(d, *rows)


def space(d: int, *rows: Row) -> Domain:
    """Return R^d cut by rows."""
    return Domain.cut(Domain.space(d), ([a for a, _ in rows], [b for _, b in rows]))


def check_all_agree(network: Network, domain: Domain, folder: Path) -> Partition | None:
    """Check both engines, brute force and the checker; return the partition of the LP engine."""
    problem = Problem(network, None, rows=(domain.matrix, domain.bounds))
    found = [(opinion.name, opinion.answer(problem, None)) for opinion in OPINIONS]
    assert len(found) == len(OPINIONS) and not list(differences(found))
    if not found[0][1].regions:
        return None
    part = partition(network, domain, engine="lp")
    assert part.is_complete and len(found[0][1].regions) == part.num_regions
    assert check_certificate(part, folder).unbounded == part.is_unbounded.sum()
    return part


@pytest.mark.parametrize("seed", range(36))
def test_all_agree(seed: int, tmp_path: Path) -> None:
    network, domain = drawn(Random(seed), 1 + seed % 3)
    check_all_agree(network, domain, tmp_path)


# name: rows, and the numbers of regions of CENTRAL, of adjacencies, of unbounded regions
KNOWN: dict[str, tuple[list[Row], tuple[int, int, int]]] = {
    "half-space": ([([1, 2], 1)], (14, 17, 6)),
    "through the common point": ([([2, 3], 0)], (6, 5, 6)),
    "the hyperplane of a unit": ([([1, 1], 0)], (5, 4, 5)),
    "slab": ([([1, 2], 1), ([-1, -2], 1)], (14, 17, 2)),
    "slab far off": ([([1, 2], FAR), ([-1, -2], 1 - FAR)], (7, 6, 2)),
    "quadrant far off": ([([-1, 0], -FAR), ([0, -1], -FAR)], (4, 3, 4)),
    "wedge between two units": ([([-1, 0], 0), ([1, -1], 0)], (4, 4, 2)),
    "half a slab": ([([-1, 0], 0), ([0, -1], 0), ([0, 1], 1)], (6, 7, 1)),
    "triangle": ([([-1, 0], 1), ([0, -1], 1), ([1, 1], 1)], (14, 18, 0)),
    "long triangle": ([([-1, 0], -FAR), ([0, -1], FAR), ([1, 1], 3)], (1, 0, 0)),
    "redundant rows": ([([1, 2], 1), ([1, 2], 2), ([2, 4], 3), ([1, 2], 1)], (14, 17, 6)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known(name: str, tmp_path: Path) -> None:
    rows, expected = KNOWN[name]
    part = check_all_agree(CENTRAL, space(2, *rows), tmp_path)
    assert part is not None
    assert (part.num_regions, part.num_adjacencies, part.is_unbounded.sum()) == expected
    part.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved")
    again.check()
    assert answer_of(again) == answer_of(part)


def test_networks_that_are_no_chains(tmp_path: Path) -> None:
    random = Random(5)
    for rows in ([([1, 2], 1)], [([1, 0], 1), ([0, 1], 0), ([-1, -1], 2)]):
        check_all_agree(wire(random, CENTRAL), space(2, *rows), tmp_path)


@pytest.mark.parametrize("name", ["half-space", "slab far off", "half a slab"])
def test_integers_alone_give_the_same(name: str) -> None:
    domain = space(2, *KNOWN[name][0])
    exact = partition(CENTRAL, domain, engine="lp", filter_factor=math.inf)
    assert answer_of(exact) == answer_of(partition(CENTRAL, domain, engine="lp"))


def test_general_position_is_left_to_floats() -> None:
    """No question goes to integers; some bounded regions are so by a row of the domain."""
    random = Random(1)
    rows = [[random.randint(-99, 99) for _ in range(3)] for _ in range(12)]
    network = one_layer([a for *a, _ in rows], [b for *_, b in rows])
    part = check_engines_agree(network, None)
    assert part.statistics["exact_questions"] == 0
    half = partition(network, rows=([[3, 5]], [1]), engine="lp")
    assert answer_of(half) == answer_of(partition(network, rows=([[3, 5]], [1])))
    assert half.statistics["exact_questions"] == 0


def test_a_row_that_bounds_a_region_is_in_the_proof(tmp_path: Path) -> None:
    for rows in (([[1, 2]], [1]), ([[-1, 0], [0, -1], [1, 1]], [1, 1, 1])):
        part = partition(CENTRAL, rows=rows, engine="lp")
        assert not part.is_unbounded.all()
        check_certificate(part, tmp_path)
        lines = (tmp_path / "certificate").read_text().splitlines()
        assert any(line.startswith("b ") and " r0:" in line for line in lines)


@pytest.mark.parametrize(
    ("rows", "is_unbounded"),
    [([([1, 2], 1)], True), ([([1, 2], 1), ([-1, -2], 0)], True),
     ([([-1, 0], 0), ([0, -1], 0), ([1, 1], 1)], False), ([([1, 0], FAR), ([0, 1], FAR)], True)],
)  # fmt: skip
def test_no_hidden_layer(rows: list[Row], is_unbounded: bool, tmp_path: Path) -> None:
    part = check_all_agree(BARE, space(2, *rows), tmp_path)
    assert part is not None and part.is_unbounded.tolist() == [is_unbounded]


def test_many_inputs() -> None:
    network = one_layer([[int(i == k) for i in range(12)] for k in range(4)], [0] * 4)
    part = partition(network, rows=([[1] * 12, [-1] * 12], [1, 1]))
    assert part.engine == "lp" and (part.num_regions, part.num_adjacencies) == (16, 32)
    assert part.is_unbounded.all()


# No interior


def sentences(domain: Domain) -> list[str]:
    """Return what both engines say of a domain without interior; nothing where it has one."""
    found = []
    for engine in (template, lambda place: first_witness(place, ExactForms(BARE, place))):
        try:
            engine(domain)  # type: ignore[operator]
        except InputError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("seed", range(120))
def test_both_engines_say_the_same_of_what_has_no_interior(seed: int) -> None:
    random = Random(seed)
    d = random.randint(1, 4)
    is_box = random.random() < 0.3
    offset = 0 if is_box else random.choice((0, FAR))
    rows: list[Row] = []
    for _ in range(random.randint(2, 3 * d)):
        a = [random.randint(-1, 1) for _ in range(d)]
        if rows and random.random() < 0.4:
            a = [-t for t in random.choice(rows)[0]]
        if any(a):
            rows.append((a, random.choice((0, 0, 1, -1)) + offset * sum(a)))
    domain = Domain(d, Box.of(-1, 2, d) if is_box else None, *zip(*rows, strict=True))
    found = sentences(domain)
    assert len(found) != 1 and len(set(found)) <= 1
    if not found:
        x = first_witness(domain, ExactForms(BARE, domain))
        assert domain.has_inside(x if is_box else tuple(t / x[0] for t in x[1:]))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([([1], 0), ([-1], 0)], "flat"),
        ([([1], FAR), ([-1], -FAR - 1)], "empty"),
        ([([1, 0], 0), ([-1, 0], 0), ([0, 1], 0), ([0, -1], 0)], "flat"),
        ([([1, 0], 0), ([-1, 0], 0), ([0, 1], 0), ([0, -1], -1)], "empty"),
        ([([1, 1], 0), ([-1, 0], 0), ([0, -1], 0)], "flat"),
        ([([1, 1], -1), ([-1, 0], 0), ([0, -1], 0)], "empty"),
        # The first rows that contradict each other leave no room for the multipliers to choose.
        ([([1, 0], 0), ([1, 0], -1), ([-1, 0], 0)], "empty"),
    ],
)
def test_what_has_no_interior(rows: list[Row], what: str) -> None:
    found = sentences(space(len(rows[0][0]), *rows))
    assert len(found) == 2 and found[0] == found[1]
    assert found[0].startswith(f"the polytope is {what}: R^{len(rows[0][0])} and the ")


def test_equations_in_a_row_stay_short() -> None:
    """A flat of dimension 1 in 14: an unknown less each time, and no number is doubled."""
    d, random = 14, Random(0)
    rows: list[Row] = []
    for k in range(d - 1):
        a = [random.randint(-9, 9) if i > k else int(i == k) for i in range(d)]
        rows += [(a, 1), ([-t for t in a], -1)]
    with pytest.raises(InputError, match=r"^the polytope is flat: R\^14 and the 26 rows"):
        first_witness(space(d, *rows), ExactForms(BARE, space(d, *rows)))


def test_the_clock_is_looked_at() -> None:
    domain = space(2, ([1, 1], -1), ([1, -1], -3))
    with pytest.raises(LimitError):
        list(enumerate_regions(CENTRAL, domain, budget=Budget(max_seconds=0.0)))
    with pytest.raises(LimitError):
        first_witness(domain, ExactForms(CENTRAL, domain), Budget(max_seconds=0.0))


# The checker: a row is neither forgotten nor believed to say more


def verdict(part: Partition, folder: Path, change: tuple[str, str]) -> str:
    """Return what the checker says of a certificate with every text replaced by another."""
    check_certificate(part, folder)
    path, (old, new) = folder / "certificate", change
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        with checker.open_certificate(path) as stream:
            return str(checker.check(checker.read_network(folder / "network.json"), stream))
    except checker.Rejection as error:
        return f"rejected: {error}"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("row 1 1 2\n", ""), "no row 0"),
        (("row 1 1 2\n", "row 2 1 2\n"), "rule out|do not close|bound"),
        (("row 1 1 2\n", "row -9 1 2\n"), "not inside"),
        (("row 1 1 2\n", "row 1 -1 -2\n"), "not inside|do not close|no direction"),
    ],
)
def test_another_row_is_another_domain(
    change: tuple[str, str], why: str, tmp_path: Path
) -> None:
    part = partition(CENTRAL, rows=([[1, 2]], [1]), engine="lp")
    said = verdict(part, tmp_path, change)
    assert said.startswith("rejected: line ")
    assert any(reason in said for reason in why.split("|")), said

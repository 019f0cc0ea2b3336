"""Polytopes: the faces that rows cut out, and the partitions of the complex engine in them."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from exactbn import checker
from exactbn.engines.complex.start import corner_points, template
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.files import save_json
from exactbn.model.layers import Layer
from exactbn.model.network import Network
from exactbn.regions import structure
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.faces import Faces
from exactbn.regions.partitioning import Partition, partition
from exactbn.regions.structure import first_fault
from exactbn.selfcheck.answers import OPINIONS, Silence, differences
from exactbn.selfcheck.brute import brute_partition
from exactbn.selfcheck.problem import Problem

UNIT = Box.of(0, 1, 2)
CUBE = Box.of(-1, 1, 3)
LARGE = 2**200


def octahedron(d: int, radius: object) -> tuple[list[tuple[int, ...]], list[object]]:
    """Return the rows of the ball of the norm |x_1| + ... + |x_d|."""
    signs = list(product((1, -1), repeat=d))
    return signs, [radius] * len(signs)


# The first faces


@pytest.mark.parametrize(
    ("domain", "faces"),
    [
        (Domain.cut(UNIT, ([[1, 1]], [1])), (3, 3, 1)),
        (Domain.cut(UNIT, ([[1, 1]], [2])), (4, 4, 1)),  # it touches a corner
        (Domain.cut(UNIT, ([[1, 0]], [1])), (4, 4, 1)),  # it is a side
        (Domain.cut(UNIT, ([[2, 2], [1, 1], [3, 3]], [3, "3/2", 5])), (5, 5, 1)),
        (Domain.cut(CUBE, ([[1, 1, 1]], [1])), (7, 12, 7, 1)),  # through three corners
        (Domain.cut(CUBE, ([[1, 1, 1]], [0])), (10, 15, 7, 1)),
        (Domain.cut(CUBE, octahedron(3, 1)), (6, 12, 8, 1)),
        (Domain.cut(CUBE, octahedron(3, 2)), (12, 24, 14, 1)),  # the cuboctahedron
        (Domain.cut(Box.of(0, 1, 1), ([[2]], [1])), (2, 1)),
        # Without a box: the origin, rays and parts of the fan are faces too.
        (Domain.cut(Domain.space(1), ([[1], [-1]], [1, 1])), (3, 2)),
        (Domain.cut(Domain.space(2), ([[-1, -1]], [-1])), (6, 8, 3)),
        (Domain.cut(Domain.space(2), ([[-1, 0], [0, -1]], [0, 0])), (3, 3, 1)),
    ],
    ids=str,
)
def test_faces_of_polytopes(domain: Domain, faces: tuple[int, ...]) -> None:
    assert template(domain).sizes == faces
    for corner in template(domain).corners.tolist():
        point = corner_points(domain)(corner)
        if point[0] > 0:
            x = tuple(Fraction(int(t), int(point[0])) for t in point[1:])
            assert domain.contains(x) and not (domain.box and domain.has_inside(x))


@pytest.mark.parametrize(
    ("box", "rows", "message"),
    [
        (UNIT, ([[1, 1]], [-1]), "the polytope is empty: the box and the 1 row .* no common point"),
        (UNIT, ([[1, 1]], [0]), r"flat: .* they lie in 1 x\[0\] \+ 1 x\[1\] = 0; expected points"),
        (UNIT, ([[1, 0], [-1, 0]], ["1/2", "-1/2"]), r"the polytope is flat: .* lie in"),
        # What the one leaves flat the other leaves empty, in whatever order they come.
        (UNIT, ([[-1, 0], [0, -1]], [-1, -2]), r"the polytope is empty: .* has -1 x\[1\] <= -2"),
        (UNIT, ([[-1, 0], [-1, -1]], [-1, -3]), "the polytope is empty"),
        (UNIT, ([[-1, 0], [1, 1]], [-1, "1/2"]), r"the polytope is empty: .* <= 1; expected"),
        (UNIT, ([[-1, 0], [1, 1]], [-1, 1]), "the polytope is flat"),
        (None, ([[1, 0], [-1, 0]], [0, 0]), r"flat: R\^2 and the 2 rows .* inside R\^2"),
        (None, ([[1, 1], [-1, -1]], [0, -1]), r"the polytope is empty: R\^2 and the 2 rows"),
        (UNIT, ([[0, 0]], [-1]), "row 0 says 0 <= -1, which holds nowhere"),
    ],
)
def test_no_interior(
    box: Box | None, rows: tuple[list[list[int]], list[object]], message: str
) -> None:
    network = Network.from_arrays([[[1, 2]], [[1]]], [[0], [0]])
    with pytest.raises(InputError, match=message):
        partition(network, box, rows=rows, engine="complex")


# Partitions


def residual(random: Random) -> Network:
    """Return a network whose second layer reads the inputs, too."""

    def rows(n: int, m: int) -> tuple[tuple[Fraction, ...], ...]:
        return tuple(tuple(Fraction(random.randint(-2, 2)) for _ in range(m)) for _ in range(n))

    return Network(
        (
            Layer(rows(3, 2), rows(1, 3)[0], Fraction(0)),
            Layer(rows(2, 5), rows(1, 2)[0], Fraction(0), (0, 1, 2, 3, 4)),
            Layer(rows(1, 2), (Fraction(0),), Fraction(1)),
        )
    )


CENTRAL = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1], [1, -1]], [[1, 1, 0, -2], [1, -2, 1, 1]], [[1, 1]]],
    [[0, 0, 0, 0], ["-1/2", 0], [0]],
)
DEGENERATE = {
    "through a corner": ([[1, 1]], [2]),
    "through the common point": ([[2, 3]], [0]),
    "the hyperplane of a unit": ([[1, 1]], [0]),
    "and its other side": ([[-1, -1]], [0]),
    "copies": ([[1, 2], [2, 4], [3, 6], [1, 2]], [1, 2, 3, 5]),
    "large": ([[LARGE, 3 * LARGE], [-(LARGE**3), 0]], [LARGE, Fraction(LARGE**3, 3)]),
    "the diamond": octahedron(2, 1),
    "far off": ([[-1, 0], [0, -1]], [LARGE, LARGE]),
    "zero rows": ([[0, 0], [1, 0]], [0, "1/7"]),
    "nothing left": ([[1, 0], [-1, 0]], [-1, -1]),
    "flat": ([[1, -1], [-1, 1]], [0, 0]),
}


@pytest.mark.parametrize("rows", DEGENERATE.values(), ids=list(DEGENERATE))
@pytest.mark.parametrize("box", [Box.of(-1, 1, 2), None], ids=["box", "space"])
def test_all_agree(box: Box | None, rows: tuple[list[list[object]], list[object]]) -> None:
    """Regions, adjacencies, unbounded regions, volumes, vertices, witnesses."""
    domain = Domain.cut(Domain(2, box), rows)
    problem = Problem(CENTRAL, box, rows=(domain.matrix, domain.bounds))
    found = []
    for opinion in OPINIONS:
        try:
            found.append((opinion.name, opinion.answer(problem, None)))
        except Silence:
            continue
    assert len(found) >= 2 and not list(differences(found))


@pytest.mark.parametrize("rows", list(DEGENERATE.values())[:-2], ids=list(DEGENERATE)[:-2])
@pytest.mark.parametrize("box", [Box.of(-1, 1, 2), None], ids=["box", "space"])
def test_networks_that_are_no_chains(
    box: Box | None, rows: tuple[list[list[object]], list[object]]
) -> None:
    network = residual(Random(7))
    part = partition(network, Domain.cut(Domain(2, box), rows))
    brute = brute_partition(network, box, (part.domain.matrix, part.domain.bounds))
    names = [tuple(row) for row in part.patterns.tolist()]
    assert part.is_complete and set(names) == {region.pattern for region in brute.regions}
    assert {frozenset((names[i], names[j])) for i, j in part.edges} == brute.edges
    unbounded = {region.pattern for region in brute.regions if region.is_unbounded}
    assert {names[i] for i in np.flatnonzero(part.is_unbounded)} == unbounded


def test_maxima_in_a_polytope() -> None:
    """A maximum of two inputs and zero, in a triangle: labels, not comparisons, make regions."""
    torch = pytest.importorskip("torch")

    class Largest(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x):  # type: ignore[no-untyped-def]
            return torch.cat((x, 0 * x[:, :1]), 1).amax(1, keepdim=True)

    network = Network.from_torch(Largest().eval(), torch.zeros(1, 2))
    part = partition(network, (-1, 1), rows=([[1, 1]], [1]))
    part.check()
    assert sorted(part.patterns[:, 0].tolist()) == [0, 1, 2] and part.num_adjacencies == 3
    volumes = sorted(part.volume(i) for i in range(3))
    assert volumes == [1, Fraction(5, 4), Fraction(5, 4)]
    part = partition(network, rows=([[1, 1]], [1]))
    assert part.num_regions == 3 and part.is_complete and part.is_unbounded.all()


def test_integers_alone_give_the_same() -> None:
    for box in ((-1, 1), None):
        exact = partition(CENTRAL, box, rows=([[1, 2], [-3, 1]], ["1/3", 1]), filter_factor=np.inf)
        part = partition(CENTRAL, box, rows=([[3, 6], [-3, 1]], [1, LARGE / LARGE]))
        assert part == exact and part.is_complete
        part.check()


def test_the_rest_of_a_polytope() -> None:
    rows = octahedron(2, 1)
    part = partition(CENTRAL, (-1, 1), rows=rows)
    assert part.f_vector is not None and part.f_vector[2] == part.num_regions
    assert sum(part.volume(i) for i in range(part.num_regions)) == 2
    assert part.region_of((Fraction(3, 4), Fraction(1, 2))) is None
    i = part.region_of((Fraction(1, 5), Fraction(2, 7)))
    assert i is not None and part.neighbours(i).size and len(part.polygons()) == part.num_regions
    assert part.graph().number_of_edges() == part.num_adjacencies
    free = partition(CENTRAL, rows=rows)
    assert not free.is_unbounded.any() and len(free.polygons()) == free.num_regions
    assert {bytes(p) for p in free.patterns} == {bytes(p) for p in part.patterns}
    assert "the polytope" in repr(part) and "4 rows" in repr(part)


@pytest.mark.parametrize("box", [(-2, 1), None])
def test_saved_and_certified(box: tuple[int, int] | None, tmp_path: Path) -> None:
    part = partition(CENTRAL, box, rows=([[1, 2], [-1, -1]], [1, "1/2"]))
    part.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved", check=True)
    assert again == part and again.is_complete and again.domain == part.domain
    assert again.volume(0) == part.volume(0) if box else True
    save_json(CENTRAL, tmp_path / "net.json")
    again.write_certificate(tmp_path / "proof")
    with checker.open_certificate(tmp_path / "proof") as stream:
        proof = checker.check(checker.read_network(tmp_path / "net.json"), stream)
    assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)
    assert proof.unbounded == (None if box else part.is_unbounded.sum())


def test_a_corner_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corners are not believed to be in the domain."""
    part = partition(CENTRAL, (-1, 1), rows=([[1, 2]], [1]))
    assert part.evidence.faces is not None
    lattice, at = part.evidence.faces.lattice, corner_points(part.domain)
    moved = {0: tuple(t - 2 * s for t, s in zip(at(0), (0, 1, 1), strict=True))}
    monkeypatch.setattr(structure, "corner_points", lambda _: lambda c: moved.get(c, at(c)))
    assert first_fault(CENTRAL, part.domain, lattice) == "a corner is outside the domain"


def test_faces_of_another_domain_prove_nothing() -> None:
    part = partition(CENTRAL, (-1, 1), rows=([[1, 2]], [1]))
    assert part.evidence.faces is not None
    lattice = part.evidence.faces.lattice
    assert first_fault(CENTRAL, part.domain, lattice) is None
    rows = {
        "lies in one d-face only": ([[1, 2]], [2]),
        "not corners": ([[1, 2], [1, 0]], [1, "-1/2"]),
    }
    for box, cut in (((-1, 1), None), *(((-1, 1), cut) for cut in rows.values())):
        domain = partition(CENTRAL, box, rows=cut).domain
        assert first_fault(CENTRAL, domain, lattice) is not None
        evidence = LatticeEvidence(Faces(CENTRAL, domain, lattice), CENTRAL.num_hidden)
        assert not replace(part, domain=domain, evidence=evidence).is_complete

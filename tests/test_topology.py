"""Homology of sets of faces: known spaces, degenerate sets, torsion, order complexes, gudhi."""

import math
import random
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from flint import fmpz_mat

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.errors import DimensionError, InputError, InternalError, StructureError
from exactbn.model.network import Layer, Network
from exactbn.regions.levels import (
    RELATIONS,
    Level,
    closure,
    face_signs,
    functional,
    level_partition,
)
from exactbn.regions.partitioning import partition
from exactbn.regions.topology import morse
from exactbn.regions.topology.chains import ChainComplex, chain_complex
from exactbn.regions.topology.homology import (
    Homology,
    homology_of,
    homology_of_boundaries,
    invariant_factors,
)
from exactbn.regions.topology.morse import Gradient, gradient, morse_complex
from exactbn.regions.topology.sets import components, homology
from exactbn.selfcheck.families import random_problem
from tests.topology_agreement import expected, level_of, questions

ABS = Fraction(-1)  # the slope of the absolute value


def identity(n: int) -> list[list[int]]:
    return [[int(i == j) for j in range(n)] for i in range(n)]


def norm_one(d: int, *biases: int) -> Network:
    """Return |x_1| + ... + |x_d| - b for each b."""
    outputs = [[1] * d for _ in biases]
    return Network.from_arrays([identity(d), outputs], [[0] * d, [-b for b in biases]], slope=ABS)


#: max(|max(|x|, |y|) - 2|, |z|) - 1, which is zero on a torus.
TORUS = Network.from_arrays(
    [
        identity(3),
        [[1, -1, 0], [1, 1, 0], [0, 0, 1]],
        [["1/2", "1/2", 0], [0, 0, 1]],
        [[1, -1], [1, 1]],
        [["1/2", "1/2"]],
    ],
    [[0] * 3, [0] * 3, [-2, 0], [0, 0], [-1]],
    slope=ABS,
)


def lattice_of(dim: int, cells: list[tuple[int, ...]]) -> FaceLattice:
    """Return the faces of the simplicial complex with some facets, as a lattice."""
    faces = {s for c in cells for k in range(1, len(c) + 1) for s in combinations(sorted(c), k)}
    order = sorted(faces, key=lambda s: (len(s), s))
    number = {s: i for i, s in enumerate(order)}
    lists = [[number[t] for t in combinations(s, len(s) - 1) if t] for s in order]
    return raw_lattice(dim, [len(s) - 1 for s in order], lists)


def raw_lattice(dim: int, dims: list[int], lists: list[list[int]]) -> FaceLattice:
    vertices = dims.count(0)
    return FaceLattice(
        starts=np.searchsorted(dims, range(dim + 2)).astype(np.int64),
        indptr=np.cumsum([0, *map(len, lists)]).astype(np.int64),
        indices=np.array([g for of_f in lists for g in of_f], dtype=np.int32),
        parents=np.zeros((vertices, 3), np.int32),
        x=np.ones((vertices, dim + 1)),
        ex=np.zeros((vertices, dim + 1)),
        words=np.zeros((dims.count(dim), 1), np.uint64),
        component=np.zeros(dims.count(dim), np.int32),
    )


def everything(lattice: FaceLattice) -> np.ndarray:
    return np.ones(int(lattice.starts[-1]), dtype=bool)


def all_homology(lattice: FaceLattice) -> Homology:
    return homology_of(chain_complex(lattice, everything(lattice)))


def by_whole_matrices(chains: ChainComplex) -> Homology:
    """Return the homology from Smith's form of the whole boundary matrices."""
    factors = []
    for k in range(1, chains.dim + 1):
        below, own = chains.starts[k - 1 : k + 1], chains.starts[k : k + 2]
        matrix = fmpz_mat(int(own[1] - own[0]), int(below[1] - below[0]))
        for f in range(*own):
            for i in range(chains.indptr[f], chains.indptr[f + 1]):
                matrix[int(f - own[0]), int(chains.indices[i] - below[0])] = int(chains.signs[i])
        form = matrix.snf()
        diagonal = [abs(int(form[i, i])) for i in range(min(form.nrows(), form.ncols()))]
        factors.append(sorted(t for t in diagonal if t))
    factors = [[], *factors, []]
    return Homology(
        tuple(n - len(factors[k]) - len(factors[k + 1]) for k, n in enumerate(chains.counts)),
        tuple(tuple(t for t in factors[k + 1] if t > 1) for k in range(chains.dim + 1)),
    )


# -- known spaces ------------------------------------------------------------------------------

SPHERES = [((1,) + (0,) * (d - 2) + (1, 0)) if d > 1 else (2, 0) for d in range(1, 5)]


@pytest.mark.parametrize("d", range(1, 5))
@pytest.mark.parametrize("box", [(-4, 4), None], ids=["box", "space"])
def test_spheres_and_balls(d: int, box: tuple[int, int] | None) -> None:
    level = level_partition(norm_one(d, 1), box)
    ball, hollow = (1,) + (0,) * d, SPHERES[d - 1]
    assert level.homology("=").betti == level.homology("boundary of <").betti == hollow
    assert level.homology("<=").betti == level.homology("<").betti == ball
    assert level.homology(">=").betti == level.homology(">").betti == hollow
    assert level.homology("<", "relative").betti == ball[::-1]
    if box is None:
        assert level.homology("<=", "point") == level.homology("<=", "relative")
        assert level.homology(">=", "point").betti == ball
        assert level.homology(">=", "relative").betti == (0,) * (d + 1)


@pytest.mark.parametrize("box", [(-4, 4), None], ids=["box", "space"])
def test_torus(box: tuple[int, int] | None) -> None:
    level = level_partition(TORUS, box)
    assert level.homology("=").betti == (1, 2, 1, 0)
    assert level.homology("<=").betti == level.homology("<").betti == (1, 1, 0, 0)
    assert level.homology(">=").betti == level.homology(">").betti == (1, 1, 1, 0)
    assert level.homology("=").is_free


@pytest.mark.parametrize(
    "weights, level, names",
    [
        ([[1, 0]], 0, {"open": (1, 0, 0), "point": (1, 1, 0), "relative": (0, 1, 0)}),  # a line
        ([[1, -1]], 7, {"open": (1, 0, 0), "point": (1, 1, 0), "relative": (0, 1, 0)}),
        ([[0, 0]], 1, {"open": (0, 0, 0), "point": (0, 0, 0), "relative": (0, 0, 0)}),  # empty
        ([[0, 0]], 0, {"open": (1, 0, 0), "point": (1, 0, 1), "relative": (0, 0, 1)}),  # the plane
    ],
)
def test_a_line_nothing_and_all_of_the_plane(weights, level, names) -> None:  # type: ignore[no-untyped-def]
    net = Network.from_arrays([weights], [[0]])
    sets = level_partition(net, level=level)
    assert {name: sets.homology("=", name).betti for name in names} == names


def test_a_half_plane_a_cross_and_a_ray() -> None:
    plane = level_partition(Network.from_arrays([[[1, 2]]], [[3]]))
    names = ("open", "point", "relative")
    assert [plane.homology(">=", n).betti for n in names] == [(1, 0, 0), (1, 0, 0), (0, 0, 0)]
    assert plane.homology(">").betti == (1, 0, 0)
    assert plane.homology(">", "relative").betti == (0, 0, 1)
    # |x + y| - |x - y| is zero on both axes.
    cross = Network.from_arrays([[[1, 1], [1, -1]], [[1, -1]]], [[0, 0], [0]], slope=ABS)
    zero = level_partition(cross)
    assert [zero.homology("=", n).betti for n in names] == [(1, 0, 0), (1, 3, 0), (0, 3, 0)]
    assert zero.homology(">").betti == zero.homology("<").betti == (2, 0, 0)
    assert level_partition(cross, (-1, 1)).homology("=").betti == (1, 0, 0)
    # max(x, 0) + max(y, 0) is zero on a quadrant; at most 1 less far out.
    corner = Network.from_arrays([identity(2), [[1, 1]]], [[0, 0], [0]])
    quadrant = level_partition(corner)
    assert [quadrant.homology("=", n).betti for n in names] == [(1, 0, 0), (1, 0, 0), (0, 0, 0)]
    assert quadrant.homology("boundary of >", "point").betti == (1, 1, 0)
    assert quadrant.homology("boundary of <").betti == (0, 0, 0)


def test_an_open_set_that_no_bounded_face_is_in() -> None:
    # x > 0 on the line: one face, from the point 0 to infinity.
    half = level_partition(Network.from_arrays([[[1]]], [[0]]))
    assert half.homology(">").betti == (1, 0)
    assert half.homology(">", "relative").betti == (0, 1)
    assert half.homology(">=", "relative").betti == (0, 0)


def test_annulus_and_components_in_a_polytope() -> None:
    ring = level_partition(norm_one(2, 1, 2), (-4, 4), rows=([[1, 0]], [1]), output=0)
    assert ring.homology(">=").betti == (1, 1, 0)
    cut = level_partition(norm_one(2, 1), (-4, 4), rows=([[1, 0]], [0]))
    assert cut.homology("=").betti == (1, 0, 0)
    part = partition(norm_one(2, 1), (-1, 1))
    assert part.num_regions == 4
    assert part.homology([0, 1, 2, 3]).betti == (1, 0, 0)
    assert part.homology([]).betti == (0, 0, 0)
    found = components(part.lattice, closure(part.lattice, part.lattice.indptr[:-1] < 0))
    assert (found == -1).all()


def test_regions_in_space() -> None:
    part = partition(norm_one(2, 1))
    opposite = [i for i in range(4) if part.patterns[i, 0] == part.patterns[i, 1]]
    assert part.homology(opposite).betti == (1, 0, 0)
    assert part.homology(opposite, "point").betti == (1, 1, 0)
    assert part.homology(range(4), "relative").betti == (0, 0, 1)


# -- abstract complexes, torsion ---------------------------------------------------------------

PLANE = [(0, 1, 4), (0, 1, 5), (0, 2, 3), (0, 2, 5), (0, 3, 4), (1, 2, 3), (1, 2, 4), (1, 3, 5),
         (2, 4, 5), (3, 4, 5)]  # fmt: skip


def quotient(width: int, *, is_twisted: bool) -> list[tuple[int, ...]]:
    """Return the triangles of a torus or a Klein bottle of width x width squares."""

    def vertex(i: int, j: int) -> int:
        if i >= width:
            i, j = i - width, (-j if is_twisted else j)
        return i * width + j % width

    return [
        t
        for i in range(width)
        for j in range(width)
        for t in (
            (vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1)),
            (vertex(i, j), vertex(i, j + 1), vertex(i + 1, j + 1)),
        )
    ]


def test_torsion() -> None:
    plane = all_homology(lattice_of(2, PLANE))
    assert plane == Homology((1, 0, 0), ((), (2,), ()))
    assert plane.betti_over(2) == (1, 1, 1) and plane.betti_over(3) == plane.betti_over(0)
    assert plane.euler_characteristic == 1 and not plane.is_free
    assert all_homology(lattice_of(2, quotient(4, is_twisted=False))).betti == (1, 2, 1)
    klein = all_homology(lattice_of(2, quotient(4, is_twisted=True)))
    assert klein == Homology((1, 1, 0), ((), (2,), ()))
    for p in (4, 1, -2):
        with pytest.raises(InputError, match="prime"):
            klein.betti_over(p)


def test_factors() -> None:
    assert invariant_factors([]) == [] and invariant_factors([[], [(0, 0)]]) == []
    assert invariant_factors([[(0, 4)], [(1, 6)], [(2, 1)]]) == [1, 2, 12]
    for seed in range(60):
        rng = random.Random(seed)
        rows, columns = rng.randrange(1, 7), rng.randrange(1, 7)
        entries = [rng.choice((0, 0, 1, -1, 2, -3)) for _ in range(rows * columns)]
        form = fmpz_mat(rows, columns, entries).snf()
        diagonal = [abs(int(form[i, i])) for i in range(min(rows, columns))]
        table = [list(enumerate(entries[i * columns : (i + 1) * columns])) for i in range(rows)]
        table = [[(c, t) for c, t in row if t] for row in table]
        assert invariant_factors(table) == [t for t in diagonal if t]
    huge = 3**80
    assert invariant_factors([[(0, huge), (1, 1)], [(0, 0), (1, huge)]]) == [1, huge**2]
    assert homology_of_boundaries((1, 1), [[()], [((0, 5),)]]) == Homology((0, 0), ((5,), ()))


@pytest.mark.parametrize("seed", range(6))
def test_random_complexes_as_by_whole_matrices(seed: int) -> None:
    rng = random.Random(seed)
    dim = rng.choice((2, 2, 3))
    cells = [tuple(rng.sample(range(8), dim + 1)) for _ in range(24)]
    lattice = lattice_of(dim, cells)
    # All of it, and what is left of it without the faces of some vertices: locally closed.
    below = np.arange(int(lattice.starts[-1])) < rng.randrange(5)
    for mask in (everything(lattice), ~below):
        chains = chain_complex(lattice, mask)
        found = by_whole_matrices(chains)
        assert homology_of(chains) == found
        dual = homology_of(chains.transposed())
        assert dual.betti == found.betti[::-1]
        # Cohomology has the torsion of one dimension less.
        assert (*dual.torsion[::-1], ()) == ((), *found.torsion)


@pytest.mark.parametrize("seed", range(5))
def test_paths_in_integers_of_any_length_are_those_in_int64(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    surfaces = {0: PLANE, 1: quotient(4, is_twisted=True)}
    drawn = [tuple(rng.sample(range(9), 4)) for _ in range(40)]
    lattice = lattice_of(2 if seed in surfaces else 3, surfaces.get(seed, drawn))
    field = gradient(chain_complex(lattice, everything(lattice)))
    usual = morse_complex(field)
    assert seed not in surfaces or any(usual.boundaries[2])
    seen = []

    def recorded(of: Gradient, cell: int) -> dict[int, int]:
        seen.append(cell)
        return by_integers(of, cell)

    by_integers = morse._flow
    monkeypatch.setattr(morse, "_flow", recorded)
    assert morse_complex(field) == usual and not seen
    assert morse_complex(field, largest=0) == usual and seen
    assert sum(field.counts) < len(field.partner)


def test_a_gradient_is_one() -> None:
    chains = chain_complex(lattice_of(2, PLANE), everything(lattice_of(2, PLANE)))
    field = gradient(chains)
    partner, time = field.partner, field.time
    assert (partner[partner] == np.arange(len(partner))).all()
    for upper in np.flatnonzero(partner < np.arange(len(partner))):
        facets = chains.indices[chains.indptr[upper] : chains.indptr[upper + 1]]
        assert partner[upper] in facets
        for g in facets:
            assert g == partner[upper] or time[g] < time[upper]


def test_incidences_are_a_complex() -> None:
    lattice = level_partition(TORUS, (-4, 4)).lattice
    chains = chain_complex(lattice, everything(lattice))
    for f in range(int(lattice.starts[2]), int(lattice.starts[-1])):
        total: dict[int, int] = {}
        for i in range(chains.indptr[f], chains.indptr[f + 1]):
            g = chains.indices[i]
            for j in range(chains.indptr[g], chains.indptr[g + 1]):
                h = int(chains.indices[j])
                total[h] = total.get(h, 0) + int(chains.signs[i]) * int(chains.signs[j])
        assert not any(total.values())


# -- bad input ---------------------------------------------------------------------------------


def test_faces_that_do_not_fit_are_refused() -> None:
    dims = [0, 0, 0, 1, 1, 1, 2]
    open_path = raw_lattice(2, dims, [[], [], [], [0, 1], [1, 2], [0, 2], [3, 4]])
    with pytest.raises(StructureError, match="face 6"):
        all_homology(open_path)
    stump = raw_lattice(1, [0, 0, 1], [[], [], [0]])
    with pytest.raises(StructureError, match="face 2 is an edge"):
        all_homology(stump)
    # Two triangles are no boundary of one face: there is no way from one to the other.
    apart = [[], [], [], [], [], [], [0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]]
    two = raw_lattice(2, [0] * 6 + [1] * 6 + [2], [*apart, [6, 7, 8, 9, 10, 11]])
    with pytest.raises(StructureError, match="face 12"):
        all_homology(two)
    # A projective plane is closed and connected, but one-sided, so no boundary of a face.
    plane = lattice_of(2, PLANE)
    lists = [
        plane.indices[plane.indptr[f] : plane.indptr[f + 1]].tolist()
        for f in range(int(plane.starts[-1]))
    ]
    dims = [k for k, count in enumerate(plane.f_vector) for _ in range(count)]
    triangles = list(range(*plane.starts[2:].tolist()))
    with pytest.raises(StructureError, match="of dimension 3"):
        all_homology(raw_lattice(3, [*dims, 3], [*lists, triangles]))


def test_sets_that_cannot_be_are_refused() -> None:
    level = level_partition(norm_one(2, 1, 2), output=0)
    lattice = level.lattice
    with pytest.raises(DimensionError, match="one entry a face"):
        homology(lattice, np.ones(3, bool))
    with pytest.raises(DimensionError, match="one entry a face"):
        chain_complex(lattice, np.ones(3, bool))
    with pytest.raises(InputError, match="at_infinity is 'far'"):
        level.homology("=", "far")
    with pytest.raises(InputError, match="the relation is '=='"):
        level.homology("==")
    with pytest.raises(InputError, match="not closed"):
        level.homology("<", "point")
    mixed = level.faces("<") & (level.dims >= 2) | level.faces("=")
    with pytest.raises(InputError, match="neither closed nor open"):
        homology(lattice, mixed)
    ends = (level.dims == 0) | (level.dims == 2)
    with pytest.raises(InputError, match="not locally closed"):
        homology(lattice, ends, "relative")
    with pytest.raises(InputError, match="2 outputs"):
        functional(level.network, None)
    for output in (2, -1):
        with pytest.raises(InputError, match="expected 0 to 1"):
            functional(level.network, output)
    with pytest.raises(DimensionError, match="expected 2"):
        functional(level.network, [1, 2, 3])
    signs = np.where(np.arange(lattice.starts[1]) % 2, 1, -1).astype(np.int8)
    with pytest.raises(InternalError, match="both sides"):
        face_signs(lattice, signs)


# -- signs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_signs_are_those_of_exact_values_at_the_vertices(seed: int) -> None:
    level = level_of(random_problem(21, 3 * seed), seed)
    lattice = level.lattice
    for v in np.flatnonzero(~lattice.is_at_infinity).tolist():
        value = level.value(level.partition.vertex(v)) - level.level
        assert level.signs[v] == (value > 0) - (value < 0)
    assert level.faces("<=").sum() == level.faces("<").sum() + level.faces("=").sum()
    for relation in RELATIONS[:5]:
        assert not (level.faces(relation) & level.is_at_infinity).any()


def test_the_last_bit_is_that_of_the_function() -> None:
    """The output reads the first layer only, so that it is in one block with the second one."""
    first = Layer(((1, 0), (0, 1)), (0, 0), ABS)
    second = Layer(((1, -1),), (0,), 0, (2, 3))
    net = Network((first, second, Layer(((1, 1),), (-1,), 1, (2, 3))), num_inputs=2)
    level = level_partition(net, (-4, 4))
    assert level.partition.network.widths == (2, 2)
    assert level.homology("=").betti == (1, 1, 0) and level.homology(">").betti == (1, 1, 0)
    assert level.value((3, 1)) == 3


def test_signs_at_infinity_are_those_of_slopes() -> None:
    # |x| - |y| + 1000: far out, on the diagonals, the slope is 0.
    net = Network.from_arrays([identity(2), [[1, -1]]], [[0, 0], [1000]], slope=ABS)
    level = level_partition(net, level="1/3")
    lattice = level.lattice
    for v in np.flatnonzero(lattice.is_at_infinity).tolist():
        _, x, y = level.partition.evidence.faces.points([v])[0]  # type: ignore[union-attr]
        assert level.signs[v] == np.sign(abs(int(x)) - abs(int(y)))
    # The set f = 0 without a point: the slopes are zero, and there is no face of R^2.
    constant = level_partition(Network.from_arrays([[[0, 0]]], [[1]]))
    assert (constant.signs[constant.is_at_infinity] == 0).all()
    assert not constant.faces("=").any() and not constant.faces("<=").any()


# -- against order complexes -------------------------------------------------------------------


def small_level(seed: int) -> Level:
    """Return a level with few faces, of what problems there are the next."""
    while True:
        problem = random_problem(22, seed)
        if problem.network.num_inputs <= 3 and problem.network.num_hidden <= 9:
            if problem.rows is None:
                level = level_of(problem, seed)
                if level.lattice.starts[-1] <= 200:
                    return level
        seed += 1000


@pytest.mark.parametrize("seed", range(6))
def test_gudhi_agrees(seed: int) -> None:
    pytest.importorskip("gudhi", reason="gudhi is not installed")
    level = small_level(100 + seed)
    for relation, name in questions(level):
        for p in (2, 3):
            by_gudhi = expected(level, relation, name, p, gudhi=True)
            assert level.homology(relation, name).betti_over(p) == by_gudhi, (relation, name)


@pytest.mark.parametrize("seed", range(14))
def test_order_complexes_agree(seed: int) -> None:
    level = small_level(seed)
    for relation, name in questions(level):
        own = level.homology(relation, name)
        assert own.is_free
        assert own.betti == expected(level, relation, name, 2, gudhi=False), (relation, name)
        cells = chain_complex(level.lattice, level.faces(relation))
        if level.partition.domain.box is not None and relation in ("=", "<=", ">="):
            assert own.euler_characteristic == cells.euler_characteristic


def test_filter_of_the_engine_does_not_matter() -> None:
    part = partition(TORUS, (-4, 4), filter_factor=math.inf)
    assert part.homology(range(part.num_regions)).betti == (1, 0, 0, 0)

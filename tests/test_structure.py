"""Completeness rests on the faces: each fault planted in a finished complex is found and named."""

import dataclasses
import random
from fractions import Fraction as F

import numpy as np
import pytest

from exactbn.claims.tools.draws import draw_network
from exactbn.engines.complex.engine import subdivide
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.signs import ExactVertices
from exactbn.engines.complex.vertex_signs import vertex_signs
from exactbn.engines.run import Budget
from exactbn.errors import StructureError
from exactbn.exact.rational import sign
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions import structure_kernels
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.faces import Faces
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition
from exactbn.regions.structure import check_structure, first_fault


def box_of(lo, hi, d):
    """Return a box as a domain."""
    return Domain.of(Box.of(lo, hi, d))


def scaled(network, scale):
    """Return the network whose partition is that of ``network`` shrunk about the origin."""
    layers = network.layers
    biases = [[scale * b for b in layer.bias] for layer in layers]
    slopes = [layer.slope for layer in layers[:-1]]
    return Network.from_arrays([layer.weight for layer in layers], biases, slope=slopes)


def moved(network, shift):
    """Return the network whose partition is that of ``network`` moved by ``shift`` on all axes."""
    first, *rest = network.layers
    bias = [b - shift * sum(row) for row, b in zip(first.weight, first.bias)]
    layers = [(first.weight, bias), *((layer.weight, layer.bias) for layer in rest)]
    return Network.from_arrays([w for w, _ in layers], [b for _, b in layers])


PLANE = draw_network(random.Random(4), (2, 4, 3, 1))
SOLID = draw_network(random.Random(5), (3, 4, 3, 1))
WIDE = draw_network(random.Random(6), (1, 70, 66, 1))
EIGHT = draw_network(random.Random(7), (8, 2, 1))
CENTRAL = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1], [2, 2], [-1, -1], [0, 0]], [[1, -1, 0, 0, 1, 1], [1] * 6, [0] * 6]],
    [[0] * 6, [0, -1, 0]],
)
NO_LAYER = Network.from_arrays([[[1, 2]]], [[0]])
DEAD = Network.from_arrays(
    [[[1], [-1]], [[-1, -1], [-2, -1]], [[1, 1]], [[1]]], [[0, 0], [0, 0], [0], [0]]
)
LEAKY = Network.from_arrays(
    [[[1, 2], [3, -1], [-1, 1]], [[1, -1, 2], [1, 1, 1]], [[1, 1]]],
    [[F(1, 3), 0, -1], [0, F(-1, 7)], [0]], slope=[F(-1), F(3, 2)],
)  # fmt: skip
TINY = F(1, 10**40)

WHOLE = {
    "plane": (PLANE, box_of(-3, 3, 2)),
    "solid": (SOLID, box_of(-3, 3, 3)),
    "plane in R^2": (PLANE, Domain.space(2)),
    "solid in R^3": (SOLID, Domain.space(3)),
    "more than one word a layer": (WIDE, box_of(-9, 9, 1)),
    "more than one word a layer in R^1": (WIDE, Domain.space(1)),
    "eight dimensions": (EIGHT, box_of(-3, 3, 8)),
    "eight dimensions in R^8": (EIGHT, Domain.space(8)),
    "central": (CENTRAL, box_of(-1, 1, 2)),
    "central in R^2": (CENTRAL, Domain.space(2)),
    "no hidden layer": (NO_LAYER, box_of(0, 1, 2)),
    "no hidden layer in R^2": (NO_LAYER, Domain.space(2)),
    "dead layers": (DEAD, box_of(-1, 2, 1)),
    "dead layers in R^1": (DEAD, Domain.space(1)),
    "slopes": (LEAKY, box_of(-5, 5, 2)),
    "slopes in R^2": (LEAKY, Domain.space(2)),
    "10^-40 wide": (scaled(PLANE, TINY), box_of(-3 * TINY, 3 * TINY, 2)),
    "2^-500 wide": (scaled(SOLID, F(1, 2**500)), box_of(F(-3, 2**500), F(3, 2**500), 3)),
    "10^-40 wide, eight dimensions": (scaled(EIGHT, TINY), box_of(-3 * TINY, 3 * TINY, 8)),
    "10^15 away": (moved(PLANE, 10**15), box_of(10**15 - 3, 10**15 + 3, 2)),
    "2^600 away": (moved(SOLID, 2**600), box_of(2**600 - 3, 2**600 + 3, 3)),
    "10^15 away in R^2": (moved(PLANE, 10**15), Domain.space(2)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_wrong_with_what_the_engine_makes(name):
    network, domain = WHOLE[name]
    box = domain.box
    part = partition(network, box)
    assert first_fault(network, domain, part.lattice) is None
    assert part.is_complete is True


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_wrong_with_random_networks(seed):
    rng = random.Random(seed)
    widths = rng.choice([(1, 5, 4, 1), (2, 3, 3, 3, 1), (2, 6, 4, 1), (3, 5, 2, 1), (4, 3, 3, 1)])
    network = draw_network(rng, widths)
    for domain in (box_of(-2, F(7, 3), widths[0]), Domain.space(widths[0])):
        assert first_fault(network, domain, subdivide(network, [domain]).lattice) is None


@pytest.mark.parametrize("done", range(1, 8))
def test_what_a_budget_leaves_is_whole_for_the_neurons_done(done):
    outcome = subdivide(PLANE, [Domain.space(2)], budget=Budget(max_neurons=done))
    assert outcome.neurons_done == min(done, 7)
    assert first_fault(PLANE, Domain.space(2), outcome.lattice, outcome.neurons_done) is None
    if done < 5:
        assert first_fault(PLANE, Domain.space(2), outcome.lattice) is not None


# -- planted faults -------------------------------------------------------------------------------


def lists_of(lattice):
    """Return the facet lists of the faces of dimension 1 to d, in numbers of that dimension."""
    starts, bounds = lattice.starts, lattice.indptr
    return [
        [
            (lattice.indices[bounds[f] : bounds[f + 1]] - starts[k - 1]).tolist()
            for f in range(starts[k], starts[k + 1])
        ]
        for k in range(1, lattice.dim + 1)
    ]


def rebuilt(lattice, lists, **changes):
    """Return a lattice with other facet lists, and other fields where given."""
    vertices = len(changes.get("parents", lattice.parents))
    starts = np.cumsum([0, vertices, *map(len, lists)])
    ids = [[i + starts[k] for i in face] for k, level in enumerate(lists) for face in level]
    sizes = [0] * vertices + list(map(len, ids))
    return dataclasses.replace(
        lattice,
        starts=starts,
        indptr=np.cumsum([0, *sizes]),
        indices=np.array([i for face in ids for i in face], dtype=np.int32),
        **changes,
    )


def without_cell(lattice, i):
    """Return the lattice without the d-face i, but with all of its facets."""
    lists = lists_of(lattice)
    del lists[-1][i]
    words, component = (np.delete(array, i, axis=0) for array in (lattice.words, lattice.component))
    return rebuilt(lattice, lists, words=words, component=component)


def with_cell_twice(lattice, i):
    """Return the lattice with the d-face i twice."""
    lists = lists_of(lattice)
    lists[-1].append(lists[-1][i])
    words, component = (
        np.concatenate((array, array[i : i + 1])) for array in (lattice.words, lattice.component)
    )
    return rebuilt(lattice, lists, words=words, component=component)


def with_flipped_bit(lattice, i, bit):
    """Return the lattice with one bit of the pattern of the d-face i flipped."""
    words = lattice.words.copy()
    words[i, bit // 64] ^= np.uint64(1 << bit % 64)
    return dataclasses.replace(lattice, words=words)


def without_facet(lattice, k, i):
    """Return the lattice with the k-face i without its last facet."""
    lists = lists_of(lattice)
    lists[k - 1][i] = lists[k - 1][i][:-1]
    return rebuilt(lattice, lists)


def with_facets_swapped(lattice, k, i, j):
    """Return the lattice with the first facets of the k-faces i and j exchanged."""
    lists = lists_of(lattice)
    level = lists[k - 1]
    level[i][0], level[j][0] = level[j][0], level[i][0]
    return rebuilt(lattice, lists)


def without_face(lattice, k, i):
    """Return the lattice without the k-face i, k < d, which is taken out of all lists."""
    lists = lists_of(lattice)
    del lists[k - 1][i]
    lists[k] = [[f - (f > i) for f in face if f != i] for face in lists[k]]
    return rebuilt(lattice, lists)


TAMPERED = ("plane", "solid", "plane in R^2", "solid in R^3", "more than one word a layer",
            "eight dimensions", "eight dimensions in R^8", "central", "slopes in R^2")  # fmt: skip


@pytest.fixture(scope="module", params=TAMPERED)
def whole(request):
    network, domain = WHOLE[request.param]
    return network, domain, subdivide(network, [domain]).lattice


def faults(whole, lattices):
    """Return the sentences about some damaged lattices; none is found whole."""
    network, domain, _ = whole
    found = [first_fault(network, domain, lattice) for lattice in lattices]
    assert None not in found
    return found


def some(count):
    """Return up to three numbers below ``count``, the first and the last among them."""
    return sorted({0, count - 1, count // 2})


def dimensions(lattice, last):
    """Return some of the dimensions 1 to ``last``."""
    return [k + 1 for k in some(last)] if last else []


def test_a_cell_is_missing(whole):
    lattice = whole[2]
    cells = some(lattice.num_regions)
    for sentence in faults(whole, [without_cell(lattice, i) for i in cells]):
        assert "lies in one d-face only" in sentence or "in no face of the next" in sentence


def test_a_cell_occurs_twice(whole):
    lattice = whole[2]
    cells = some(lattice.num_regions)
    for sentence in faults(whole, [with_cell_twice(lattice, i) for i in cells]):
        assert "more than two d-faces" in sentence or "domain's boundary" in sentence


def test_a_bit_is_flipped(whole):
    lattice = whole[2]
    bits = some(whole[0].widths[0])
    cells = (0, lattice.num_regions - 1)
    changed = [with_flipped_bit(lattice, i, bit) for i in cells for bit in bits]
    for sentence in faults(whole, changed):
        assert "is not that of its vertices" in sentence


def test_a_facet_is_dropped(whole):
    lattice = whole[2]
    changed = [without_facet(lattice, k, 0) for k in dimensions(lattice, lattice.dim)]
    for sentence in faults(whole, changed):
        assert "not closed" in sentence or "too few" in sentence or "in no face" in sentence


def test_facets_are_swapped(whole):
    lattice = whole[2]
    changed = []
    for k in dimensions(lattice, lattice.dim):
        level = lists_of(lattice)[k - 1]
        others = [j for j in range(1, len(level)) if not set(level[0]) & set(level[j])]
        changed += [with_facets_swapped(lattice, k, 0, j) for j in others[-1:]]
    assert changed
    faults(whole, changed)


def test_a_face_is_removed(whole):
    lattice = whole[2]
    faults(whole, [without_face(lattice, k, 0) for k in dimensions(lattice, lattice.dim - 1)])


def test_a_parent_is_another(whole):
    """Every vertex that lies elsewhere now is found out, though the old coordinates stay."""
    network, domain, lattice = whole
    corners = np.count_nonzero(lattice.parents[:, 0] < 0)
    count = len(lattice.parents)
    rng = random.Random(1)
    changed = []
    for v in range(corners, count):
        for column, other in ((0, rng.randrange(v)), (1, rng.randrange(v)), (2, rng.randrange(7))):
            parents = lattice.parents.copy()
            parents[v, column] = other % network.num_hidden if column == 2 else other
            old, new = (exact_vertex(network, domain, p, v) for p in (lattice.parents, parents))
            if new is None or new != old:
                changed.append(dataclasses.replace(lattice, parents=parents))
    assert changed
    faults(whole, rng.sample(changed, min(len(changed), 60)))


def exact_vertex(network, domain, parents, v):
    """Return where a vertex lies by its parents, None where they are not made before it."""
    a, b, neuron = parents[v]
    if any(parents[p, 0] >= 0 and parents[p, 2] >= neuron for p in (a, b)):
        return None
    try:
        return ExactVertices(network, [domain]).coordinates([v], parents)[0]
    except StructureError:
        return None


def test_a_corner_is_another(whole):
    lattice = whole[2]
    parents = lattice.parents.copy()
    parents[0, 2], parents[1, 2] = parents[1, 2], parents[0, 2]
    outside = lattice.parents.copy()
    outside[0, 2] = 1 << 14
    changed = [dataclasses.replace(lattice, parents=p) for p in (parents, outside)]
    assert "corners of the domain" in faults(whole, changed)[1]


def test_the_domain_is_another(whole):
    network, domain, lattice = whole
    d = domain.dim
    others = [Domain.space(d + 1), box_of(-1, 1, d + 1)]
    if domain.is_box:
        others.append(Domain.space(d))
    for other in others:
        assert first_fault(network, other, lattice) is not None


def test_lists_that_are_none(whole):
    lattice = whole[2]
    backward = dataclasses.replace(lattice, starts=lattice.starts[::-1].copy())
    beyond = lattice.indices.copy()
    beyond[-1] = 2**31 - 1
    negative = lattice.indices.copy()
    negative[0] = -1
    holes = lattice.indptr.copy()
    holes[-1] -= 1
    few = dataclasses.replace(lattice, words=lattice.words[:-1])
    changed = [backward, few, dataclasses.replace(lattice, indptr=holes)]
    changed += [dataclasses.replace(lattice, indices=indices) for indices in (beyond, negative)]
    changed.append(dataclasses.replace(lattice, parents=lattice.parents[:-1]))
    faults(whole, changed)


def test_a_lattice_of_another_network(whole):
    network, domain, lattice = whole
    first, *rest = network.layers
    weight = [[-w for w in first.weight[0]], *first.weight[1:]]
    other = Network.from_arrays(
        [weight, *(layer.weight for layer in rest)],
        [[-first.bias[0], *first.bias[1:]], *(layer.bias for layer in rest)],
    )
    assert first_fault(other, domain, lattice) is not None


def test_two_copies_are_one_too_many():
    """Every facet has its d-faces and every pattern is right, but there are two of everything."""
    box = box_of(-3, 3, 2)
    lattice = subdivide(PLANE, [box] * 2).lattice
    parents = lattice.parents.copy()
    parents[parents[:, 0] < 0, 1] = 0
    twice = dataclasses.replace(lattice, parents=parents)
    assert "have the same pattern" in first_fault(PLANE, box, twice)


def around_the_square(*corners):
    """Return one cell without neurons whose boundary visits corners of the unit square in order."""
    n = len(corners)
    edges = [[i, (i + 1) % n] for i in range(n)]
    return rebuilt(
        subdivide(NO_LAYER, [box_of(0, 1, 2)]).lattice,
        [edges, [list(range(n))]],
        parents=np.array([(-1, 0, corner) for corner in corners], dtype=np.int32),
    )


def test_a_square_walked_around_twice_covers_nothing():
    """All lists, walls, patterns and Euler's number are right; only the flag counts the turns."""
    box = box_of(0, 1, 2)
    assert first_fault(NO_LAYER, box, around_the_square(0, 1, 3, 2)) is None
    twice = around_the_square(0, 1, 3, 2, 0, 1, 3, 2)
    assert "do not cover" in first_fault(NO_LAYER, box, twice)
    back = around_the_square(0, 1, 3, 1)
    assert first_fault(NO_LAYER, box, back) is not None
    cut_short = around_the_square(0, 1, 3)
    assert "lies in one d-face only, inside" in first_fault(NO_LAYER, box, cut_short)


def test_a_flat_cell_is_found():
    """Its vertices have the right signs, but all of them lie in a wall of the domain."""
    flat = around_the_square(0, 1, 0, 1)
    assert "lies in no wall of it" in first_fault(NO_LAYER, box_of(0, 1, 2), flat)


def with_cells_joined(lattice):
    """Return the lattice with two adjacent d-faces made one, and no facet between them."""
    lists = lists_of(lattice)
    i, j = lattice.edges[0].tolist()
    (facet,) = set(lists[-1][i]) & set(lists[-1][j])
    joined = [f for f in lists[-1][i] + lists[-1][j] if f != facet]
    lists[-1][i] = joined
    words = np.delete(lattice.words, j, axis=0)
    words[i] = lattice.words[i] | lattice.words[j]
    del lists[-1][j], lists[-2][facet]
    lists[-1] = [[f - (f > facet) for f in face] for face in lists[-1]]
    return rebuilt(lattice, lists, words=words, component=np.delete(lattice.component, j))


def test_a_cell_with_a_neuron_inside(whole):
    lattice = whole[2]
    if lattice.num_regions < 3 or lattice.dim == 1:
        pytest.skip("a vertex would lie in no facet")
    for sentence in faults(whole, [with_cells_joined(lattice)]):
        assert "both sides of a neuron" in sentence or "in no one part" in sentence


def one_line():
    """Return the network of one neuron x, a box, and its two squares with one edge between them."""
    network, box = Network.from_arrays([[[1, 0]], [[1]]], [[0], [0]]), box_of(-1, 1, 2)
    return network, box, subdivide(network, [box]).lattice


def test_two_cells_with_two_facets_in_common():
    """Both squares list a polygon of two edges that runs along their common edge and back."""
    network, box, lattice = one_line()
    parents = np.concatenate((lattice.parents, lattice.parents[4:]))
    lists = lists_of(lattice)
    edges = len(lists[0])
    lists[0] += [[6, 7], [7, 6]]
    lists[1] = [face + [edges, edges + 1] for face in lists[1]]
    assert first_fault(network, box, lattice) is None
    twice = rebuilt(lattice, lists, parents=parents)
    assert "two facets in common" in first_fault(network, box, twice)


def test_one_cell_twice_has_all_its_facets_in_the_boundary():
    box = box_of(0, 1, 2)
    lattice = around_the_square(0, 1, 3, 2)
    assert "domain's boundary" in first_fault(NO_LAYER, box, with_cell_twice(lattice, 0))


def test_a_boundary_may_touch_itself_nowhere():
    """Vertex 0 is in four edges of the face, an even number, but its boundary is no one circle."""
    edges = [(0, 1), (1, 2), (2, 0), (0, 3), (3, 4), (4, 0)]
    starts = np.array([0, 5, 11, 12])
    indptr = np.concatenate((np.zeros(6, int), np.arange(2, 13, 2), [18]))
    indices = np.array([v for edge in edges for v in edge] + list(range(5, 11)), dtype=np.int32)
    assert structure_kernels.open_face(starts, indptr, indices) == 11
    triangle = np.array([v for edge in edges[:3] for v in edge] + [3, 4, 5], dtype=np.int32)
    indptr = np.array([0, 0, 0, 0, 2, 4, 6, 9])
    assert structure_kernels.open_face(np.array([0, 3, 6, 7]), indptr, triangle) == -1


def test_a_vertex_between_parents_that_a_lower_layer_parts():
    """Neuron 1, of layer 2, is not affine from -1 to 2: its zero there is not where it is said."""
    network = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [-1], [0]])  # relu(x) - 1
    line = box_of(-1, 2, 1)
    lattice = subdivide(network, [line]).lattice
    assert lattice.parents[3].tolist() in ([1, 2, 1], [2, 1, 1])
    parents = lattice.parents.copy()
    parents[3] = 0, 1, 1
    changed = dataclasses.replace(lattice, parents=parents)
    assert "neuron 0 of a lower layer" in first_fault(network, line, changed)


def test_a_vertex_of_a_neuron_that_its_parents_do_not_part():
    """Neuron 1 has no zero in the box, though neuron 0 parts the ends of the same edge."""
    line = box_of(-1, 2, 1)
    made, other = (
        Network.from_arrays([[[1], [1]], [[1, 1]]], [[0, bias], [0]]) for bias in (-1, 5)
    )
    lattice = subdivide(made, [line]).lattice
    assert first_fault(made, line, lattice) is None
    assert "which are not strictly on both sides" in first_fault(other, line, lattice)


def test_no_sign_is_taken_from_a_float_that_does_not_decide():
    """All three lines meet in (1/3, 1/7): floats say so only nearly."""
    point = F(1, 3), F(1, 7)
    rows = [[3, 5], [F(1, 7), -1], [-2, F(11, 3)], [1, 1]]
    bias = [-(r[0] * point[0] + r[1] * point[1]) for r in rows]
    network = Network.from_arrays([rows, [[1] * 4]], [bias, [0]])
    for domain in (box_of(-1, 1, 2), Domain.space(2)):
        lattice = subdivide(network, [domain]).lattice
        signs = next(vertex_signs(network, domain, lattice.parents, 4))
        vertices = ExactVertices(network, [domain])
        points = vertices.coordinates(range(len(lattice.parents)), lattice.parents)
        for (x0, *x), pos, neg in zip(points, signs.pos.tolist(), signs.neg.tolist(), strict=True):
            values = [
                sum(w * F(int(t)) for w, t in zip(row, x, strict=True)) + b * F(int(x0))
                for row, b in zip(rows, bias, strict=True)
            ]
            assert [(pos >> k & 1) - (neg >> k & 1) for k in range(4)] == list(map(sign, values))


def test_a_partition_with_a_damaged_lattice_is_not_complete():
    for name in ("plane", "plane in R^2", "eight dimensions"):
        network, domain = WHOLE[name]
        lattice = subdivide(network, [domain]).lattice
        for damaged in (
            without_cell(lattice, 1), with_cell_twice(lattice, 1), with_flipped_bit(lattice, 1, 0)
        ):  # fmt: skip
            evidence = LatticeEvidence(Faces(network, domain, damaged), network.num_hidden)
            part = Partition(network, domain, evidence)
            assert part.is_complete is False
            with pytest.raises(StructureError):
                part.check()


def test_the_fault_is_raised_where_asked_for():
    lattice: FaceLattice = subdivide(PLANE, [Domain.space(2)]).lattice
    check_structure(PLANE, Domain.space(2), lattice)
    with pytest.raises(StructureError, match="d-face 2 is not that of its vertices"):
        check_structure(PLANE, Domain.space(2), with_flipped_bit(lattice, 2, 1))

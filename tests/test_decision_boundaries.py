"""Boundaries as complexes: by hand where they are degenerate, and against brute force."""

import json
import random
from fractions import Fraction
from itertools import product
from math import comb, inf, sqrt
from pathlib import Path

import pytest

from exactbn import Network, level_partition, partition
from exactbn.cli import main
from exactbn.errors import DimensionError, InputError
from exactbn.exact.stages import Contest, Max
from exactbn.model.files import save_json
from exactbn.model.layers import Layer
from exactbn.regions.boundary.asked import bent_hyperplane, decision_boundary
from exactbn.regions.boundary.foot import Hull, is_nearest, nearest_in_hull, to_row
from exactbn.regions.boundary.foot_of_rows import RowFoot, is_nearest_by_rows, nearest_by_rows
from exactbn.regions.boundary.lower_bounds import LowerBounds, root_enclosure
from exactbn.regions.boundary.measures import squared_volume
from tests.boundary_agreement import disagreements, draw_layers, network_of
from tests.boundary_brute import squared_distance, vertices

F = Fraction
ORIGIN = (0, 0)


def absolute(d: int, bias: object = 0, axes: int = 0) -> Network:
    """Return |x_1| + ... + |x_k| + bias of d inputs, k = d unless ``axes`` says another."""
    rows = [[s * int(i == k) for i in range(d)] for k in range(axes or d) for s in (1, -1)]
    return Network.from_arrays([rows, [[1] * len(rows)]], [[0] * len(rows), [bias]])


def affine(*rows: list[int], bias: list[object] | None = None) -> Network:
    """Return a network without hidden layers."""
    return Network.from_arrays([rows], [bias or [0] * len(rows)])


@pytest.mark.parametrize("seed", [1, 3, 4, 9])
def test_all_is_as_by_brute_force(seed: int) -> None:
    assert list(disagreements(seed)) == []


# -- what is there ------------------------------------------------------------------------------


@pytest.mark.parametrize("box", [(-4, 4), None])
def test_an_octahedron(box: object) -> None:
    found = decision_boundary(absolute(3, -1), box)
    assert (found.num_pieces, found.num_components, found.num_isolated) == (8, 1, 0)
    assert (found.f_vector, found.betti) == ((6, 12, 8), (1, 0, 1))
    assert {found.squared_volume(i) for i in range(8)} == {F(3, 4)}
    middle, radius = found.volume()
    assert abs(middle - 4 * sqrt(3)) <= 1e-14 and 0 < radius < 1e-14
    assert len(found.bends) == 12 and found.bending_units == tuple(range(6))
    assert {bend.units for bend in found.bends} == {(0, 1), (2, 3), (4, 5)}
    assert found.squared_distance((0, 0, 0)) == F(1, 3) and found.is_complete


def test_dimensions_one_to_five() -> None:
    for d in range(1, 6):
        found = decision_boundary(absolute(d, -1), (-2, 2))
        assert found.num_pieces == 2**d and found.squared_distance([0] * d) == F(1, d)
        assert found.betti == ((2,) if d == 1 else (1, *[0] * (d - 2), 1))
        assert found.nearest([2] * d) == (F(1, d),) * d
        assert found.f_vector == tuple(2 ** (k + 1) * comb(d, k + 1) for k in range(d))
    assert decision_boundary(absolute(1, -1), (-2, 2)).volume() == (2, 0)


def test_an_isolated_zero_and_an_isolated_edge() -> None:
    point = decision_boundary(absolute(2))
    assert (point.num_pieces, point.num_isolated, point.num_components) == (0, 1, 1)
    assert (point.f_vector, point.betti, point.isolated()) == ((1, 0), (1, 0), [[ORIGIN]])
    assert point.squared_distance((3, 4)) == 25 and point.distance((3, 4)) == (5, 0)
    edge = decision_boundary(absolute(3, axes=2), (-1, 1))  # |x| + |y| in space
    assert (edge.num_pieces, edge.num_isolated, edge.f_vector) == (0, 1, (2, 1, 0))
    assert edge.squared_distance((3, 4, 7)) == 25 + 36 and edge.volume() == (0, 0)
    # And a point beside a piece: |x| + |y| for x < 2, and x = 3 further on.
    weights = [[[1, 0], [-1, 0], [0, 1], [0, -1], [1, 0]], [[1, 1, 1, 1, -9]]]
    both = decision_boundary(Network.from_arrays(weights, [[0, 0, 0, 0, -2], [0]]), (-1, 9))
    assert (both.num_isolated, both.num_components) == (1, 2) and both.num_pieces == 2
    assert both.squared_distance(ORIGIN) == 0


def test_a_logit_that_is_zero_on_regions() -> None:
    ramp = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])  # relu(x) + relu(y)
    found = decision_boundary(ramp)
    assert (found.num_pieces, len(found.flat_regions), found.f_vector) == (2, 1, (1, 2))
    assert found.is_unbounded.all() and found.volume() == (inf, 0)
    assert found.squared_distance((-3, -1)) == 1 and found.nearest((-3, -1)) == (-3, 0)
    zeros = decision_boundary(ramp, side="zeros")
    assert (zeros.num_pieces, zeros.f_vector) == (0, (1, 2, 1))
    assert zeros.squared_distance((-3, -1)) == 0 and zeros.squared_distance((3, 4)) == 25
    never = decision_boundary(ramp, side="negative")
    assert never.num_pieces == 0 and never.squared_distance(ORIGIN) is None
    assert never.distance(ORIGIN) == (inf, 0) and never.nearest(ORIGIN) is None
    nothing = decision_boundary(affine([0, 0]))
    assert (nothing.num_pieces, nothing.num_components, nothing.betti) == (0, 0, (0, 0))
    assert (nothing.f_vector, len(nothing.flat_regions), nothing.volume()) == ((0, 0), 1, (0, 0))
    with pytest.raises(InputError, match="there is no boundary of .f > 0. in R.2"):
        nothing.proof(ORIGIN)


def test_zero_touched_from_both_sides() -> None:
    """|x| is > 0 on both sides of its line, -|x| nowhere: then there is a boundary of {f < 0}."""
    down = Network.from_arrays([[[1, 0], [-1, 0]], [[-1, -1]]], [[0] * 2, [0]])
    for net, sides in ((absolute(2, axes=1), (1, 0, 1)), (down, (0, 1, 1))):
        names = ("positive", "negative", "zeros")
        found = [decision_boundary(net, side=side) for side in names]
        assert tuple(b.num_pieces for b in found) == sides
        assert found[-1].squared_distance((3, 7)) == 9


def test_ties_of_three_classes() -> None:
    fan = affine([1, 0], [0, 1], [0, 0])
    found = decision_boundary(fan)
    assert (found.num_pieces, found.f_vector, found.betti) == (3, (1, 3), (1, 0))
    assert found.squared_distance((-3, -2)) == 4 and found.squared_distance((2, 1)) == F(1, 2)
    for pair, x, nearest in (((0, 1), (-3, -2), ORIGIN), ((0, 2), (5, -1), (0, -1)),
                             ((2, 1), (-1, 5), (-1, 0))):
        between = decision_boundary(fan, classes=pair)
        assert between.num_pieces == 1 and between.nearest(x) == nearest
    # Three lines of ties in one: 0, x and 2 x. Class 1 is the greatest nowhere but with others.
    line = affine([0, 0], [1, 0], [2, 0])
    assert decision_boundary(line).num_pieces == 1
    assert decision_boundary(line, classes=(0, 2)).num_pieces == 1
    assert decision_boundary(line, classes=(0, 1)).num_pieces == 0


def test_equal_logits_are_of_the_lowest_class() -> None:
    equal = affine([1, 2], [1, 2])
    found = decision_boundary(equal)
    assert (found.num_pieces, len(found.flat_regions)) == (0, 1)
    third = affine([1, 0], [1, 0], [0, 0])
    found = decision_boundary(third)
    assert (found.num_pieces, len(found.flat_regions)) == (1, 1)
    assert decision_boundary(third, classes=(0, 2)).num_pieces == 1
    assert decision_boundary(third, classes=(1, 2)).num_pieces == 0


def test_two_classes_that_meet_in_a_point() -> None:
    """An output with the sign of x y parts -x from x but for the origin, if it wins its ties."""
    rows = [[1, 1], [-1, -1], [1, -1], [-1, 1], [1, 0], [-1, 0]]
    product_, left, right = [1, 1, -1, -1, 0, 0], [0, 0, 0, 0, -1, 1], [0, 0, 0, 0, 1, -1]
    net = Network.from_arrays([rows, [product_, left, right]], [[0] * 6, [0] * 3])
    meeting = decision_boundary(net, (-1, 1), classes=(1, 2))
    assert (meeting.num_pieces, meeting.num_isolated, meeting.isolated()) == (0, 1, [[ORIGIN]])
    assert meeting.squared_distance((3, 4)) == 25 and meeting.num_components == 1
    # On the line x = 0 all tie, so that it is of the class of the left, below with the right only.
    last = Network.from_arrays([rows, [left, product_, right]], [[0] * 6, [0] * 3])
    meeting = decision_boundary(last, (-1, 1), classes=(0, 2))
    assert (meeting.num_pieces, meeting.num_isolated) == (1, 0)
    assert meeting.nearest((1, 1)) == ORIGIN and meeting.nearest((1, -1)) == (0, -1)


def test_outputs_that_lose_cut_no_piece() -> None:
    """x and -x, which tie for x = 0, lose there against 1/2 and 4 y - 9."""
    net = affine([1, 0], [-1, 0], [0, 0], [0, 4], bias=[0, 0, "1/2", -9])
    for box, f_vector in (((-4, 4), (6, 5)), (None, (2, 5))):
        found = decision_boundary(net, box)
        assert (found.num_pieces, found.num_components, found.f_vector) == (5, 1, f_vector)
        assert found.partition.num_regions == 4
        assert sum(len(bend.pieces) for bend in found.bends) == 6


def test_comparisons_of_a_hidden_maximum_cut_no_piece() -> None:
    """max(x, -x, y, -y) - 1: a square, whose sides comparisons of losing entries cut in two."""
    layers = [
        Layer([[-2, 0]], [0], 0, (0, 1)),
        Layer([[-1, 1, -1]], [0], 0, (0, 1, 2)),
        Layer([[-1, -1, -1, -1]], [0], 0, (0, 1, 2, 3)),
        Layer([[1, 1, 1, 1]], [-1], 1, (0, 2, 3, 4)),
    ]
    tree = Contest(Contest(Contest(0, 1, 0), 2, 1), 3, 2)
    net = Network(tuple(layers), num_inputs=2, units=(Max(tree),))
    assert [net((x, y)) for x, y in ((3, 1), (-3, 1), (1, 4), (0, -2))] == [(2,), (2,), (3,), (1,)]
    plain = Network(tuple(layers), num_inputs=2)
    for box in ((-3, 3), None):
        found = decision_boundary(net, box)
        assert (found.num_pieces, found.f_vector, found.betti) == (4, (4, 4), (1, 1))
        assert found.volume() == (8, 0)
        assert decision_boundary(plain, box).num_pieces > 4
    with pytest.raises(InputError, match=r"unit 0 is a max, made of the neurons \[0, 1, 2\]"):
        bent_hyperplane(net, 0)


# -- all of R^d ---------------------------------------------------------------------------------


def test_walls_of_the_engine_cut_no_piece_and_parallels_do_not_meet() -> None:
    strip = Network.from_arrays([[[1, 1], [-1, -1]], [[1, 1]]], [[0, 0], [-1]])  # |x + y| - 1
    found = decision_boundary(strip)
    assert (found.num_pieces, found.num_components, found.f_vector) == (2, 2, (0, 2))
    assert found.betti == (2, 0) and found.is_unbounded.all() and not found.bends
    assert found.squared_distance((50, 50)) == F(99**2, 2)
    half = decision_boundary(strip, rows=([[1, 0]], [0]))  # x <= 0
    assert (half.num_pieces, half.f_vector) == (2, (2, 2))
    assert half.nearest((5, 1)) == (0, 1) and half.is_domain_nearer((5, 1))
    lines = decision_boundary(affine([1, 0, 0]))
    assert (lines.num_pieces, lines.f_vector, lines.betti) == (1, (0, 0, 1), (1, 0, 0))
    with pytest.raises(DimensionError, match="segments need bounded pieces with d = 2"):
        found.float_segments()
    with pytest.raises(InputError, match="piece 0 is unbounded"):
        found.squared_volume(0)


def test_a_slice() -> None:
    octahedron = absolute(3, -1)
    plane = octahedron.restrict((0, 0, "1/2"), [(1, 0, 0), (0, 1, 0)])
    found = decision_boundary(plane)
    assert found.num_pieces == 4 and found.volume()[0] == pytest.approx(2 * sqrt(2), rel=1e-15)


# -- distances ----------------------------------------------------------------------------------


def test_the_border_of_the_domain() -> None:
    ramp = affine([1, 0])
    found = decision_boundary(ramp, ((0, -1), (2, 1)))  # x > 0, and the box begins with x = 0
    assert found.num_pieces == 1 and found.squared_volume(0) == 4
    assert found.squared_distance(("3/2", 0)) == F(9, 4)
    assert found.is_domain_nearer(("3/2", 0)) and found.is_domain_nearer((3, 0))
    assert not found.is_domain_nearer((0, 0)) and not found.is_domain_nearer(("1/4", 0))
    points = [("3/2", 0), ("1/4", 0), (3, 0)]
    assert found.settled_squared_distances(points) == [None, F(1, 16), None]
    assert found.squared_distances(points) == [F(9, 4), F(1, 16), 9]
    assert decision_boundary(ramp, ((1, -1), (2, 1))).num_pieces == 0
    assert decision_boundary(ramp, ((-1, -1), (0, 1))).num_pieces == 0  # never > 0 there
    assert not decision_boundary(ramp).is_domain_nearer((10**9, 0))


def test_the_nearest_of_several_is_the_least() -> None:
    found = decision_boundary(absolute(2, -1))
    assert found.nearest(ORIGIN) == (F(-1, 2), F(-1, 2))
    assert found.distance(ORIGIN)[0] == sqrt(0.5)


def test_margins_and_classes() -> None:
    found = decision_boundary(absolute(2, -1))
    points = [(0, 0), (2, 0), (1, 0), (3, 0)]
    middle, radius = found.margins(points, [0, 1, 0, 0])
    assert middle.tolist() == [sqrt(0.5), 1, 0, -2] and radius.tolist()[1:] == [0, 0, 0]
    fan = decision_boundary(affine([1, 0], [0, 1], [0, 0]))
    middle, _ = fan.margins([(2, 0), (-1, -1), (0, 0)], [0, 0, 1])
    assert middle.tolist() == [sqrt(2), -1, 0]
    for labels, message in (([0], "got 1 label of 4 points"), ([0, 1, 2, 0], "label 2, expected")):
        with pytest.raises(InputError, match=message):
            found.margins(points, labels)
    assert [t.tolist() for t in found.distances([])] == [[], []]


def draw_rows(rng: random.Random, d: int) -> list:
    """Return the half-spaces a x <= b of a bounded polytope, by chance empty or flat."""
    rows = [(tuple(F(s * int(i == k)) for i in range(d)), F(rng.randint(0, 3)))
            for k in range(d) for s in (1, -1)]  # fmt: skip
    for _ in range(rng.randint(0, 3)):
        row = tuple(F(rng.randint(-2, 2)) for _ in range(d))
        rows.append((row, F(rng.randint(-1, 3))))
    return [(a, b) for a, b in rows if any(a)]


def test_the_nearest_point_three_times() -> None:
    """By vertices, by half-spaces, and by all sets of rows that may be active."""
    rng, empty = random.Random(7), 0
    for _ in range(120):
        d = rng.randint(1, 3)
        rows = draw_rows(rng, d)
        flat = rng.random() < 0.4
        if flat:  # the first row holds with equality
            rows = [rows[-1], (tuple(-t for t in rows[-1][0]), -rows[-1][1]), *rows]
        x = tuple(F(rng.randint(-9, 9), rng.randint(1, 3)) for _ in range(d))
        expected = squared_distance(x, rows)
        corners = list(map(to_row, vertices(rows, d)))
        halves = [to_row((b, *(-t for t in a))) for a, b in rows]
        if flat:
            del halves[1]
        foot = nearest_by_rows(to_row(x), halves, int(flat))
        if expected is None:
            empty += 1
            assert foot is None and not corners
            continue
        assert foot is not None and foot.squared_distance == expected
        assert is_nearest_by_rows(x, foot, halves, int(flat))
        hull = nearest_in_hull(to_row(x), Hull(corners))
        assert hull.point == foot.point and hull.squared_distance == expected
        assert is_nearest(to_row(x), to_row(hull.point), corners, [])
        ends = sorted(vertices(rows, d))
        weights = nearest_in_hull(to_row(x), Hull(list(map(to_row, ends)))).weights
        assert tuple(sum(m * ends[i][k] for i, m in weights) for k in range(d)) == hull.point
        assert sum(m for _, m in hull.weights) == 1 and all(m > 0 for _, m in hull.weights)
    assert 5 < empty < 60


def test_what_is_no_nearest_point_is_told() -> None:
    square = [to_row(p) for p in product((F(0), F(1)), repeat=2)]
    x = to_row((F(3), F(1, 2)))
    assert is_nearest(x, to_row((F(1), F(1, 2))), square, [])
    assert not is_nearest(x, to_row((F(1), F(1))), square, [])
    assert not is_nearest(x, to_row((F(1), F(1, 2))), square, [to_row((F(1), F(0)))])
    halves = [to_row(row) for row in ((F(1), F(-1), F(0)), (F(0), F(1), F(0)))]
    foot = nearest_by_rows(x, halves)
    assert foot is not None and is_nearest_by_rows((F(3), F(1, 2)), foot, halves, 0)
    assert not is_nearest_by_rows((F(4), F(1, 2)), foot, halves, 0)
    # x is in {x_1 >= 1}, and (1, 1/2), in its border, is no nearest point: the multiplier is -1.
    across = RowFoot((F(1), F(1, 2)), F(1), ((0, F(-1)),))
    assert not is_nearest_by_rows((F(2), F(1, 2)), across, [to_row((F(-1), F(1), F(0)))], 0)


def test_rays_are_reached_along() -> None:
    rng = random.Random(2)
    for _ in range(60):
        d = rng.randint(1, 3)
        points = [tuple(F(rng.randint(-3, 3)) for _ in range(d)) for _ in range(rng.randint(1, 4))]
        rays = [tuple(F(rng.randint(-2, 2)) for _ in range(d)) for _ in range(rng.randint(1, 3))]
        rays = [r for r in rays if any(r)]
        x = tuple(F(rng.randint(-9, 9), 2) for _ in range(d))
        foot = nearest_in_hull(to_row(x), Hull(*(list(map(to_row, k)) for k in (points, rays))))
        assert is_nearest(to_row(x), to_row(foot.point), *(map(to_row, k) for k in (points, rays)))
        # Points far along the rays are points of the set, so none of them is nearer.
        far = [tuple(s + 50 * t for s, t in zip(p, r)) for p in points for r in rays]
        hull = nearest_in_hull(to_row(x), Hull(list(map(to_row, points + far))))
        assert hull.squared_distance == foot.squared_distance


def test_lower_bounds_of_hulls_and_of_sets_with_rays() -> None:
    rng = random.Random(4)
    near = 0
    for _ in range(150):
        d, size = rng.randint(1, 4), rng.choice((1, F(1, 3), 10**6))
        points = {i: tuple(F(rng.randint(-9, 9)) * size for _ in range(d)) for i in range(8)}
        rays = {8: tuple(F(rng.randint(-2, 2)) for _ in range(d))}
        sets = [[0, 1, 2, 3, 4], [5, 6], [7], *([[0, 7, 8]] if any(rays[8]) else [])]
        bounds = LowerBounds.of(sets, points, rays)
        x = tuple(F(rng.randint(-40, 40), 3) * size for _ in range(d))
        found = []
        for own, bound in zip(sets, bounds.of_point(x)):
            corners = [to_row(points[v]) for v in own if v < 8]
            far = [to_row(rays[v]) for v in own if v == 8]
            foot = nearest_in_hull(to_row(x), Hull(corners, far))
            low = F(float(bound)) * bounds.side
            assert low**2 <= foot.squared_distance
            found.append((foot.squared_distance, low, own))
        squared, low, own = min(found)
        near += (low * F(101, 100)) ** 2 > squared
    assert near > 60  # they are of use


def test_enclosures_of_roots_at_the_ends_of_the_range() -> None:
    for squared in (F(0), F(2), F(1, 3), F(10) ** 400, F(10) ** -400, F(10) ** -640, F(4)):
        middle, radius = map(F, root_enclosure(squared))
        assert max(F(0), middle - radius) ** 2 <= squared <= (middle + radius) ** 2
        assert (radius == 0) == (squared in (0, 4))
    assert root_enclosure(F(10) ** 700) == (0, inf)
    assert root_enclosure(F(10) ** -700)[0] == 0


def test_a_flat_face_in_space_may_be_upright() -> None:
    upright = [(F(0),) * 3, (F(0), F(2), F(0)), (F(0), F(0), F(3))]
    assert squared_volume([upright]) == 9


def test_levels_say_the_same() -> None:
    """The set of faces is that of the level 0 by its own name, so is its homology at infinity."""
    rng = random.Random(11)
    for _ in range(6):
        d, layers = draw_layers(rng)
        net = network_of([*layers[:-1], tuple(part[:1] for part in layers[-1][:2]) + (0,)])
        for box in ((-2, 2), None):
            level = level_partition(net, box)
            for side, name in (("positive", "boundary of >"), ("zeros", "=")):
                found = decision_boundary(net, box, side=side)
                assert found.faces.mask.tolist() == level.faces(name).tolist()
                for at in ("open", "relative"):
                    assert found.homology(at) == level.homology(name, at)


# -- bends and hyperplanes ----------------------------------------------------------------------


def test_bent_hyperplanes() -> None:
    weights = [[[1, 0], [0, 1]], [[1, 1], [1, 0]], [[1, 1]]]
    net = Network.from_arrays(weights, [[0, 0], [-1, 0], [0]])
    part = partition(net, (-2, 2))
    bent = part.bent_hyperplane(2)
    assert (bent.num_pieces, bent.bending_units, bent.betti) == (3, (0, 1), (1, 0))
    assert [bend.units for bend in bent.bends] in ([(0,), (1,)], [(1,), (0,)])
    straight = part.bent_hyperplane(0)
    assert (straight.num_pieces, straight.volume(), straight.bends) == (1, (4, 0), ())
    flat = part.bent_hyperplane(3)  # relu(x): zero where x <= 0
    assert flat.num_pieces == 0 and len(flat.flat_regions) == 2
    assert flat.squared_distance((-1, 0)) == 0 and flat.squared_distance((1, 0)) == 1
    for unit in (4, -1, 1.0):
        with pytest.raises(InputError, match="expected an integer from 0 to 3"):
            part.bent_hyperplane(unit)  # type: ignore[arg-type]


def test_a_straight_line_through_a_crease_does_not_bend() -> None:
    """relu(x) + relu(-x) - ... : y = 0 crosses the crease of a unit that takes no part."""
    net = Network.from_arrays([[[1, 0], [0, 1], [0, -1]], [[0, 1, -1]]], [[0, 0, 0], [0]])
    found = decision_boundary(net, (-1, 1))
    assert (found.num_pieces, found.bends, found.bending_units) == (2, (), ())


# -- asking -------------------------------------------------------------------------------------


def test_what_cannot_be_asked() -> None:
    one, three = affine([1, 0]), affine([1, 0], [0, 1], [0, 0])
    for net, words, message in (
        (one, {"classes": (0, 1)}, "classes are of a network with two outputs or more"),
        (one, {"side": "left"}, "side is 'left', expected one of positive, negative, zeros"),
        (three, {"side": "zeros"}, "is of a network with one output, this one has 3"),
        (three, {"classes": (0, 3)}, "class 3, expected an integer from 0 to 2"),
        (three, {"classes": (1, 1)}, "expected two different ones"),
        (three, {"classes": (1,)}, "expected two numbers of outputs"),
        (three, {"engine": "fast"}, "engine 'fast' is not known"),
        (three, {"engine": "lp", "classes": (0, 1)}, "not classes 0 and 1; use engine='complex'"),
        (affine(*[[1, 0]] * 102), {}, "has 102 outputs, expected at most 101 classes"),
    ):
        with pytest.raises(InputError, match=message):
            decision_boundary(net, **words)
    found = decision_boundary(one)
    with pytest.raises(InputError, match="piece 1, expected an integer from 0 to 0"):
        found.vertices(1)
    with pytest.raises(DimensionError):
        found.squared_distance((1, 2, 3))


def test_many_inputs_by_the_lp_engine() -> None:
    rows = [[int(i == k) for i in range(12)] for k in range(2)]
    net = Network.from_arrays([rows, [[1, 1]]], [[0, 0], [-1]])  # relu(x1) + relu(x2) - 1
    found = partition(net, (-9, 9)).decision_boundary()
    assert found.squared_distance([0] * 12) == F(1, 2) and found.is_complete
    assert found.nearest([2, 0, *[5] * 10]) == (1, 0, *[5] * 10)
    assert found.distance([-3, 5, *[0] * 10]) == (4, 0)
    foot, own = found.proof([-3, 5, *[0] * 10])
    assert is_nearest_by_rows(tuple(map(F, [-3, 5, *[0] * 10])), foot, own, 1)
    with pytest.raises(InputError, match="has no num_pieces; use engine='complex'"):
        found.num_pieces
    below = decision_boundary(net, (-9, 9), side="negative", engine="lp")
    assert below.squared_distance([0] * 12) == F(1, 2) and "distances only" in repr(below)


def test_it_is_a_value() -> None:
    import pickle

    found = decision_boundary(absolute(2, -1), (-2, 2))
    assert found.squared_distance(ORIGIN) == F(1, 2)
    again = pickle.loads(pickle.dumps(found))
    assert again.num_pieces == 4 and again.squared_distance(ORIGIN) == F(1, 2)
    what = "boundary of {f > 0} of a 2-4-1 network"
    assert repr(found) == f"<Boundary, {what}: 4 pieces, 1 component>"
    for array in (found.component_of, found.is_unbounded, found.flat_regions):
        assert not array.flags.writeable


def test_several_threads_give_the_same() -> None:
    net = Network.from_arrays([[[1, 0], [0, 1], [1, 1], [1, -2]], [[1, -2, 1, 1]]], [[0] * 4, [-1]])
    one, two = (decision_boundary(net, (-3, 3), workers=n) for n in (1, 2))
    assert (one.num_pieces, one.f_vector, one.betti) == (two.num_pieces, two.f_vector, two.betti)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "net.json")
    save_json(absolute(2, -1), path)
    assert main(["boundary", path, "--box", "-4", "4", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    wanted = {"pieces": 4, "components": 1, "betti": [1, 1], "complete": True, "f_vector": [4, 4]}
    assert {key: record[key] for key in wanted} == wanted
    assert main(["boundary", path, "--box", "none"]) == 0
    text = capsys.readouterr().out
    assert "has 4 pieces in 1 component. All counts are exact." in text
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n-1,-1\n0,2\n3,0\n")
    assert main(["boundary", path, "--box", "-4", "4", "--through", f"{rows}:0,1,2"]) == 0
    assert "length, in slice coordinates" in capsys.readouterr().out
    assert main(["boundary", path, "--box", "-1", "1", "--unit", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pieces"] == 1
    for words, message in (
        (["--classes", "0,1"], "classes are of a network with two outputs or more"),
        (["--classes", "a"], "--classes is 'a'"),
        (["--unit", "0", "--side", "zeros"], "--unit is of a hidden unit"),
    ):
        assert main(["boundary", path, "--box", "-1", "1", *words]) == 2
        assert message in capsys.readouterr().err
    save_json(affine([1, 0], [0, 1], [0, 0]), path)
    assert main(["boundary", path, "--box", "-1", "1", "--classes", "0,2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pieces"] == 1


def test_floats_of_huge_and_tiny_networks() -> None:
    for scale in (F(10) ** 500, F(10) ** -500):
        net = Network.from_arrays([[[1, 0], [-1, 0]], [[1, 1]]], [[0, 0], [-scale]])
        found = decision_boundary(net)
        assert found.squared_distance((3 * scale, 0)) == 4 * scale**2
        assert found.squared_distance((10**9, 0)) == (10**9 - scale) ** 2
        wanted = (0, inf) if scale > 1 else (10**9, 0.0)
        assert found.distance((10**9, 0))[0] == wanted[0]

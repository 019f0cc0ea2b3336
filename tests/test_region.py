"""Regions as objects: by hand where they are degenerate, and against brute force."""

import pickle
import random
from collections import Counter
from fractions import Fraction as F
from math import inf, isnan

import numpy as np
import pytest

import exactbn
from exactbn.errors import InputError
from exactbn.exact.enclosures import enclosure, float_above, root_bounds, root_enclosure
from exactbn.model.network import Network
from exactbn.regions import measures
from exactbn.regions.polyhedra import polyhedron
from exactbn.selfcheck.families import draw_problem
from tests.region_agreement import check_problem

ENGINES = ("complex", "lp")


# In the last one two entries of a maximum are the same function where both are greatest.
PROBLEMS = (
    (3, "central", 0), (3, "copies", 0), (3, "space-bundle", 1), (3, "wired", 0),
    (3, "polytope", 0), (3, "maxima", 0), (1, "maxima", 8),
)  # fmt: skip


@pytest.mark.parametrize(("seed", "family", "number"), PROBLEMS)
def test_regions_agree_with_brute_force(seed: int, family: str, number: int) -> None:
    """A sample of ``python -m tests.region_agreement``."""
    counts: Counter[str] = Counter()
    check_problem(draw_problem(seed, family, number), counts)
    assert counts["networks"] == 1


def square(engine: str, rows=None) -> exactbn.Partition:
    """Return [0, 2]^2 cut by x = 1, twice, and by relu(x - 1) + y = 1 where x > 1."""
    net = Network.from_arrays(
        [[[1, 0], [-2, 0]], [[1, 0]], [[3, ], [4, ]]], [[-1, 2], ["-1/2"], [0, 1]]
    )
    return exactbn.partition(net, (0, 2), rows=rows, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_region_by_hand(engine: str) -> None:
    part = square(engine)
    # x <= 1: the second unit on, the first off; 1 <= x <= 3/2; 3/2 <= x.
    left, middle, right = sorted(part, key=lambda region: region.witness)
    assert [r.pattern.tolist() for r in (left, middle, right)] == [[0, 1, 0], [1, 0, 0], [1, 0, 1]]
    assert {(*a, b) for a, b in zip(*left.halfspaces)} == {
        (-1, 0, 0), (1, 0, 1), (0, -1, 0), (0, 1, 2)
    }  # fmt: skip
    of_row = {side.row: side for side in left.sides}
    # Both units of layer 1 have that hyperplane; on the left the unit of layer 2 is constant.
    assert of_row[1, -1, 0].units == (0, 1) and of_row[1, -1, 0].domain == ()
    assert of_row[0, 1, 0].domain == ("lo[0]",) and of_row[2, 0, -1].domain == ("hi[1]",)
    assert left.vertices == ((0, 0), (0, 2), (1, 0), (1, 2)) and left.rays == left.lines == ()
    assert (left.volume, left.centroid) == (2, (F(1, 2), 1))
    assert left.bounding_box == ((0, 0), (1, 2))
    assert left.neighbours.tolist() == [middle.index]
    assert middle.facet(left.index).units == middle.facet(left.index).flips == (0, 1)
    assert middle.facet(right.index).row == (3, -2, 0)
    assert middle.facet(right.index).vertices == ((F(3, 2), 0), (F(3, 2), 2))
    assert middle.facet(right.index).squared_volume == 4
    assert middle.facet(right.index).volume == (2.0, 0.0)
    assert right.affine_map == (((3, 0), (4, 0)), (F(-9, 2), -5))
    assert (right.lipschitz(), right.lipschitz(1)) == (4, 7)
    middle_, radius = right.lipschitz_enclosure()
    assert middle_ == 5 and radius < 1e-20
    assert (left.lipschitz(), left.lipschitz_enclosure()) == (0, (0.0, 0.0))
    for norm, radius in (("inf", F(1, 2)), (1, F(1, 2))):
        ball = left.inscribed_ball(norm)
        assert (ball.radius, ball.most, ball.is_exact) == (radius, radius, True)
        assert ball.center[0] == F(1, 2)
    assert left.inscribed_ball(2).enclosure() == (0.5, 0.0)
    with pytest.raises(InputError, match="share no facet, expected one of the neighbours"):
        left.facet(right.index)
    with pytest.raises(InputError, match="the norm is 3, expected 'inf', 1 or 2"):
        left.inscribed_ball(3)
    with pytest.raises(InputError, match="irrational"):
        left.lipschitz(2)
    with pytest.raises(InputError, match="expected an integer from 0 to 2"):
        part.region(3)
    assert left.contains((1, 1)) and not left.contains((F(5, 4), 1))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_of_the_domain_on_a_hyperplane_and_one_that_only_touches(engine: str) -> None:
    """x <= 1 is a unit's hyperplane too, x + y <= 4 touches a corner and is no side of anything."""
    part = square(engine, rows=([[1, 0], [1, 1]], [1, 4]))
    (region,) = part
    assert region.is_bounded and len(region.sides) == 4
    (side,) = (side for side in region.sides if side.row == (1, -1, 0))
    assert side.units == (0, 1) and side.domain == ("row[0]",)
    assert region.beyond == (None,) * 4


@pytest.mark.parametrize("engine", ENGINES)
def test_unbounded_regions(engine: str) -> None:
    """A strip holds a line and has a greatest ball, its sides hold balls of every radius."""
    net = Network.from_arrays([[[3, 4], [-3, -4]], [[1, 1]]], [[0, 5], [0]])
    by_pattern = {tuple(r.pattern.tolist()): r for r in exactbn.partition(net, engine=engine)}
    left, strip, _ = by_pattern[0, 1], by_pattern[1, 1], by_pattern[1, 0]
    assert not strip.is_bounded and strip.rays == () and strip.lines == ((4, -3),)
    # Its part orthogonal to the line, from 0 to the foot of the other hyperplane.
    assert strip.vertices == ((0, 0), (F(3, 5), F(4, 5)))
    assert strip.inscribed_ball(2).enclosure() == (0.5, 0.0)
    assert strip.inscribed_ball().radius == F(5, 14) and strip.inscribed_ball(1).radius == F(5, 8)
    assert strip.bounding_box == ((None, None), (None, None))
    assert left.rays == ((-3, -4),) and left.vertices == ((0, 0),)
    for what in ("volume", "centroid"):
        with pytest.raises(InputError, match=f"is unbounded, so it has no {what}"):
            getattr(strip, what)
    with pytest.raises(InputError, match="holds balls of every radius"):
        left.inscribed_ball()
    with pytest.raises(InputError, match="the facet is unbounded"):
        _ = strip.facets[0].squared_volume
    floats = strip.as_float()
    assert floats.volume == inf and isnan(floats.centroid[0]) and floats.bounding_box[0][1] == -inf
    assert repr(strip) == f"<Region {strip.index} of 3: unbounded, 2 facets>"


@pytest.mark.parametrize("engine", ENGINES)
def test_all_of_space_and_a_line(engine: str) -> None:
    whole = Network.from_arrays([[[0, 0, 0]], [[1]]], [[1], [2]])  # a constant unit
    (region,) = exactbn.partition(whole, engine=engine)
    assert region.halfspaces == ((), ()) and region.facets == () and not region.is_bounded
    assert region.lines == ((1, 0, 0), (0, 1, 0), (0, 0, 1)) and region.vertices == ((0, 0, 0),)
    assert region.contains((9, 9, 9)) and region.affine_map == (((0, 0, 0),), (3,))
    line = Network.from_arrays([[[1], [1]], [[1, 1]]], [[0, 0], [0]])
    left, right = sorted(exactbn.partition(line, (-1, 3), engine=engine), key=lambda r: r.witness)
    assert (left.vertices, right.volume, right.centroid) == (((-1,), (0,)), 3, (F(3, 2),))
    assert right.facet(left.index).vertices == ((0,),)
    assert right.facet(left.index).squared_volume == 1  # a point
    assert right.sides[0].units == (0, 1)


def test_floats_are_the_nearest() -> None:
    net = Network.from_arrays([[["1/3", "1/7"], [1, -1]], [["1/3", "2/3"]]], [["1/5", 0], [0]])
    for region in exactbn.partition(net, (-1, "10/7")):
        floats = region.as_float()
        assert floats.vertices.tolist() == [[float(t) for t in x] for x in region.vertices]
        assert floats.volume == float(region.volume)
        assert floats.centroid.tolist() == [float(t) for t in region.centroid]
        matrix, bounds = floats.halfspaces
        assert matrix.shape == (len(bounds), 2)
        assert floats.affine_map[0].shape == (1, 2) and floats.affine_map[1].shape == (1,)
        assert floats.lipschitz() == float(region.lipschitz())
        assert floats.inradius(1) == float(region.inscribed_ball(1).radius)
        assert floats.lipschitz(2) == region.lipschitz_enclosure().middle
        assert floats.rays.shape == floats.lines.shape == (0, 2) and floats.witness.shape == (2,)
        with pytest.raises(ValueError, match="read-only"):
            floats.vertices[0, 0] = 0


def test_copies_files_and_budgets(tmp_path) -> None:
    net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, -1, 2]]], [[0, 0, "-1/2"], [0]])
    for engine in ENGINES:
        part = exactbn.partition(net, (-1, 1), engine=engine)
        part.save(tmp_path / engine)
        again = exactbn.Partition.open(tmp_path / engine)
        for region, other in zip(part, again, strict=True):
            assert region == other and region.sides == other.sides
            assert pickle.loads(pickle.dumps(region)) == region
        assert len(part) == part.num_regions and part.region(1) != part.region(2)
    short = exactbn.partition(net, (-1, 1), max_regions=3, on_budget="return")
    assert not short.is_complete and sum(region.volume for region in short) == 4
    with pytest.raises(InputError, match="no affine maps; raise the budget"):
        _ = short.region(0).affine_map
    with pytest.raises(InputError, match="no paths"):
        short.along((0, 0), (1, 1))


def test_more_vertices_than_are_followed() -> None:
    net = Network.from_arrays([[[1] * 11], [[1]]], [[20], [0]])
    (region,) = exactbn.partition(net, (-1, 1), engine="lp")
    assert len(region.sides) == 22 and region.inscribed_ball().radius == 1
    assert region.bounding_box == ((-1,) * 11, (1,) * 11)
    with pytest.raises(InputError, match="over 512 vertices and rays"):
        _ = region.vertices


def test_spectral_norms() -> None:
    rng = random.Random(5)
    for shape in ((1, 3), (3, 1), (2, 2), (3, 4), (5, 3)):
        a = tuple(tuple(F(rng.randint(-9, 9), rng.randint(1, 9)) for _ in range(shape[1]))
                  for _ in range(shape[0]))  # fmt: skip
        middle, radius = measures.spectral_norm(a)
        assert 0 <= radius <= middle * 2**-50
        s = np.linalg.svd(np.array([[float(t) for t in row] for row in a]))[1].max()
        assert abs(s - middle) < 1e-12
    # Equal singular values, and a matrix of no rank.
    middle, radius = measures.spectral_norm(((F(3), F(4)), (F(-4), F(3))))
    assert middle == 5 and radius < 1e-20
    assert measures.spectral_norm(((F(0), F(0)), (F(0), F(0)))) == (0.0, 0.0)
    huge = F(2) ** 1500
    assert measures.spectral_norm(((huge, F(0)), (F(0), huge)))[1] == inf


def test_enclosures() -> None:
    for q in (F(2), F(1, 3), F(10**40, 7), F(1, 10**40), F(0), F(49, 64)):
        low, high = root_bounds(q)
        assert low**2 <= q <= high**2 and high - low <= max(high, F(1, 10**30)) / 2**90
        middle, radius = map(F, root_enclosure(q))
        assert max(middle - radius, 0) ** 2 <= q <= (middle + radius) ** 2
    assert root_enclosure(F(49, 64)) == (0.875, 0.0)
    assert enclosure(F(10) ** 400, F(10) ** 400) == (0.0, inf)
    third = float_above(F(1, 3))
    assert F(third) >= F(1, 3) > F(np.nextafter(third, 0.0).item())
    assert float_above(F(10) ** 400) == inf and float_above(F(1, 2)) == 0.5


def test_polyhedra_by_hand() -> None:
    """A pyramid over a square, whose apex lies on four planes, and a square in a plane."""
    rows = [(1, -1, 0, -1), (1, 1, 0, -1), (1, 0, -1, -1), (1, 0, 1, -1), (0, 0, 0, 1)]
    pyramid = polyhedron(rows, 3)
    assert len(pyramid.points) == 5 and pyramid.is_bounded and pyramid.on[1, 0, 0, 1] == 0b01111
    assert len(pyramid.simplices(3)) in (2, 4)
    base = polyhedron(rows[:4], 3, flat=[rows[4]])
    assert base.points == tuple(sorted(base.points)) and len(base.points) == 4
    assert not base.rays and len(base.simplices(2)) == 2
    assert pyramid.is_within((1, 0, 0, -1)) and not pyramid.is_within((0, 1, 0, 0))

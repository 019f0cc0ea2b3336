"""Which region holds a point, by hand: corners, walls, creases, and preactivations that vanish."""

from fractions import Fraction as F

import numpy as np
import pytest
import torch

import exactbn
from exactbn.engines.complex.signs import FloatNetwork
from exactbn.errors import InputError
from exactbn.model.arrays import as_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.model.patterns import pack
from exactbn.regions.filter import PatternFilter
from exactbn.regions.location import Location
from exactbn.selfcheck.families import draw_problem

# x, y, and in layer 2 relu(x) + relu(y) - 1, which is < 0 where x, y < 0, and -relu(x) <= 0, which
# vanishes for x < 0.
NETWORK = Network.from_arrays(
    [[[1, 0], [0, 1]], [[1, 1], [-1, 0]], [[2, F(1, 3)]]], [[0, 0], [-1, 0], [5]], slope=[0, -1]
)
DOMAIN = Domain.of(Box.of(-2, 2, 2))
PATTERNS = [(1, 1, 1, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 0), (0, 1, 1, 0), (0, 1, 0, 0),
            (0, 0, 0, 0)]  # fmt: skip


def location(patterns=PATTERNS, neurons_done=4):
    words = pack(np.array(patterns, dtype=np.uint8), NETWORK.widths)
    return Location(NETWORK, DOMAIN, words, neurons_done)


@pytest.mark.parametrize(
    ("x", "region"),
    [
        ((1, 1), 0), ((F(1, 3), F(1, 3)), 1), ((2, -2), 2), ((F(1, 2), -1), 3),
        ((-1, F(3, 2)), 4), ((-1, F(1, 2)), 5), ((-1, -1), 6),
        ((0, 1), None), ((F(1, 2), F(1, 2)), None), ((0, 0), None), ((0, -1), None),
        ((3, 1), None), ((1, F(-201, 100)), None),
    ],
)  # fmt: skip
def test_region_of(x, region):
    assert location().region_of(tuple(map(F, x))) == region


def test_regions_of_many_points(monkeypatch):
    """Point by point what region_of says, in pieces of any size; 0 and numpy floats are exact."""
    grid = [(F(i, 6), F(j, 6)) for i in range(-13, 14) for j in range(-13, 14)]
    there = location()
    expected = [-1 if (i := there.region_of(x)) is None else i for x in grid]
    assert set(expected) == {-1, *range(7)}
    assert there.regions_of(grid).tolist() == expected
    monkeypatch.setattr("exactbn.regions.location._TOGETHER", 10)
    assert there.regions_of(grid).tolist() == expected
    assert there.regions_of([]).tolist() == []


def test_regions_of_arrays():
    part = exactbn.partition(NETWORK, box=(-2, 2))
    points = np.array([[1.0, 1.0], [0.0, 1.0], [-1.0, -1.0], [9.0, 0.0], [0.1, 0.5]])
    found = part.regions_of(points)
    assert found.dtype.kind == "i" and found.shape == (5,)
    assert found.tolist() == [-1 if (i := part.region_of(x)) is None else i for x in points]
    assert found.tolist()[1] == found.tolist()[3] == -1 and min(found[[0, 2, 4]]) >= 0
    assert part.regions_of([]).shape == (0,)
    assert part.regions_of(points.astype(np.int64)).tolist()[:4] == found.tolist()[:4]
    for bad, text in (
        ([[1]], "have 1 coordinate, expected 2"), ([[1, float("nan")]], r"\[0\]\[1\] is nan"),
        ([1, 2], "is a single number"), ([[1, 2], [1]], "has 1 entry"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=text):
            part.regions_of(bad)


def test_regions_of_a_network_with_a_clip_and_a_maximum():
    """x -> max(hardtanh(x), y): pieces and arguments are what counts, the clip's two units not."""
    class Pieces(torch.nn.Module):
        def forward(self, x):
            return torch.maximum(torch.clamp(x[:, :1], -1, 1), x[:, 1:])

    network = exactbn.Network.from_torch(Pieces().eval(), torch.zeros(1, 2))
    part = exactbn.partition(network, box=(-2, 2))
    points = [(F(i, 4), F(j, 4)) for i in range(-9, 10) for j in range(-9, 10)]
    for (x, y), region in zip(points, part.regions_of(points).tolist(), strict=True):
        clip = min(max(x, -1), 1)
        if abs(x) == 1 or clip == y or max(abs(x), abs(y)) > 2:
            assert region == -1
        else:
            assert part.patterns[region].tolist() == [(x > -1) + (x > 1), int(y > clip)]


def test_a_point_on_a_crease_is_in_the_closure_of_both_sides():
    there = location()
    signs = there.signs([(F(0), F(-1)), (F(1, 2), F(1, 2)), (F(0), F(0)), (F(0), F(1))])
    assert signs.tolist() == [[0, -1, -1, 0], [1, 1, 0, -1], [0, 0, -1, 0], [0, 1, 0, 0]]
    found = [there.regions_at(row).tolist() for row in signs]
    assert found == [[3, 6], [0, 1], [1, 3, 5, 6], [0, 1, 4, 5]]


def test_a_pattern_that_is_not_listed_is_no_region():
    there = location(PATTERNS[:3])
    assert there.region_of((F(-1), F(-1))) is None and there.region_of((F(1), F(1))) == 0


def test_neurons_not_done_count_as_off():
    there = location([(1, 1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0)], neurons_done=2)
    assert there.signs([(F(1), F(1))]).tolist() == [[1, 1, -1, -1]]
    assert there.region_of((F(1), F(1))) == 0 and there.region_of((F(-1), F(1))) == 2


def test_what_is_strictly_inside():
    there = location()
    good = {0: (F(1), F(1)), 6: (F(-1), F(-1)), 5: (F(-1), F(1, 2))}
    assert there.confirmed(good) == good
    for i, x in [
        (0, (2, 1)),  # in the wall of the box
        (0, (3, 1)),  # outside
        (0, (F(1, 2), F(1, 2))),  # on a crease of layer 2
        (1, (1, 1)),  # neuron 2 is on there, and off in the region
        (0, (F(1, 4), F(1, 4))),  # the other way round
        (6, (0, -1)),  # on a crease, where the neuron that vanishes on the region is zero too
        (3, (0, -1)),
    ]:
        assert there.confirmed({i: tuple(map(F, x))}) == {}
    mixed = {0: (F(2), F(1)), 5: (F(-1), F(1, 2)), 1: (F(1), F(1))}
    assert there.confirmed(mixed) == {5: mixed[5]}


@pytest.mark.parametrize("i", range(len(PATTERNS)))
def test_affine_maps_are_the_network(i):
    there = location()
    points = [(F(1), F(1)), (F(1, 3), F(1, 3)), (F(2), F(-2)), (F(1, 2), F(-1)), (F(-1), F(3, 2)),
              (F(-1), F(1, 2)), (F(-1), F(-1))]  # fmt: skip
    matrix, offset = there.affine_map(i)
    x = points[i]
    value = tuple(sum(a * t for a, t in zip(row, x)) + b for row, b in zip(matrix, offset))
    assert value == NETWORK.forward(x)


def _hard_points(d: int, lo: float, hi: float) -> np.ndarray:
    """Return points on walls and off them by a bit, far ones, tiny ones and zeros."""
    rng = np.random.default_rng(d)
    points = rng.integers(4 * lo, 4 * hi + 1, (80, d)) / 4
    beside = np.nextafter(points, rng.choice([-np.inf, np.inf], points.shape))
    wild = rng.choice([0.0, -0.0, 5e-324, 1e-200, -1e300, 1e300, 0.25, lo, hi], (80, d))
    return np.concatenate((points, beside, wild, rng.uniform(lo, hi, (80, d))))


@pytest.mark.parametrize("family", ["folds", "near", "space-points", "polytope", "wired", "maxima"])
@pytest.mark.parametrize("lie", [False, True])
def test_floats_decide_as_integers_do(family, lie, monkeypatch):
    """Also where the bounds are said to be infinite, so that all is open."""
    if lie:
        preactivations = FloatNetwork.preactivations

        def vague(self, x, ex, block, columns, z, ez, *args):
            preactivations(self, x, ex, block, columns, z, ez, *args)
            ez[:] = np.inf

        monkeypatch.setattr(FloatNetwork, "preactivations", vague)
    for k in range(2):
        problem = draw_problem(4, family, k)
        options = {} if problem.rows is None else {"rows": problem.rows}
        try:
            part = exactbn.partition(problem.network, problem.box, **options)
        except InputError:
            continue
        x = _hard_points(problem.network.num_inputs, -2.0, 2.0)
        exact = part._location.regions_of([tuple(map(F, point)) for point in x.tolist()])
        assert part.regions_of(x).tolist() == exact.tolist()
        single = x[np.abs(x).max(axis=1) < 1e30].astype(np.float32)
        assert part.regions_of(single).tolist() == part.regions_of(single.astype(float)).tolist()


def test_what_is_taken_for_floats():
    """Nothing that is not just a float: great integers, fractions, truth values."""
    rows = [[0.5, 1.0]] * 64
    arrays = np.array(rows), np.float16(rows), torch.tensor(rows)
    for same in (rows, tuple(map(tuple, rows)), *arrays):
        assert as_floats(same).tolist() == rows
    assert as_floats(np.full((64, 2), 2**53)).dtype == np.float64
    for other in (
        rows[:63], [*rows, [F(1, 3), 1.0]], [*rows, [1, 1.0]], [*rows, [True, 1.0]], [*rows, [1.0]],
        [*rows, [float("inf"), 0.0]], np.full((64, 2), 2**53 + 1), np.longdouble(rows),
        np.full((64, 2), -(2**62)), np.array(rows, dtype=object), np.zeros(64), "text", None,
    ):  # fmt: skip
        assert as_floats(other) is None
    part = exactbn.partition(NETWORK, box=(-2, 2))
    assert part.regions_of([*rows, [F(1, 3), 0.5]]).tolist()[0] == part.regions_of(rows)[0]


def test_the_ends_of_a_box_that_no_float_is():
    part = exactbn.partition(NETWORK, box=("-1/3", "2/3"))
    below, above = np.nextafter(1 / 3, [0, 1])
    edge = [-below, -1 / 3, -above]  # the middle one is the nearest float to the bound
    x = np.array([[t, 0.5] for t in edge] * 30)
    expected = [-1 if F(t) < F(-1, 3) else part.region_of((t, 0.5)) for t in edge]
    assert part.regions_of(x).tolist() == expected * 30 and -1 in expected


def test_floats_decide_most_points():
    """So that it is fast: integers are for the walls."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (2000, 2))
    told = PatternFilter(NETWORK, DOMAIN, 4).decide(x)
    assert not told.is_outside.any() and not told.is_open.any()
    # Left of x = 0 the last unit reads a zero, and vanishes as floats know.
    assert (told.zero.any(axis=1) == (x[:, 0] < 0)).all()

"""Domains: exact bounds, never empty, one value however they were given."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest

from exactbn.errors import DimensionError, InputError, NotRationalError
from exactbn.model.domain import Box, Domain


def test_box_of_scalars_and_sequences():
    box = Box.of(-1, (1, "1/3"), 2)
    assert box == Box((Fraction(-1),) * 2, (Fraction(1), Fraction(1, 3)))
    assert (box.dim, box.volume) == (2, Fraction(8, 3))
    assert Box.of(np.array([0, 0.5]), np.float32(1), 2).volume == Fraction(1, 2)
    assert Box.of("0.1", "0.3", 1).volume == Fraction(1, 5)


def test_box_is_closed():
    box = Box.of(0, 1, 2)
    assert box.contains((Fraction(0), Fraction(1)))
    assert not box.contains((Fraction(0), 1 + Fraction(1, 10**30)))


@pytest.mark.parametrize(
    ("lo", "hi", "error", "message"),
    [
        (1, -1, InputError, "empty or flat on axis 0: lo is 1 and hi is -1, expected lo < hi"),
        ((0, 1), (1, 1), InputError, "empty or flat on axis 1: lo is 1 and hi is 1"),
        ((0,), 1, DimensionError, "lo has 1 entry, expected 1 or 2"),
        (0, (1, 1, 1), DimensionError, "hi has 3 entries, expected 1 or 2"),
        ("x", 1, NotRationalError, "lo is 'x', expected a number"),
        (0, float("inf"), NotRationalError, "hi is inf, expected a finite number"),
        (0, (1, float("nan")), NotRationalError, r"hi\[1\] is nan"),
    ],
)
def test_bad_box(lo, hi, error, message):
    with pytest.raises(error, match=message):
        Box.of(lo, hi, 2)


def test_bounds_that_differ_in_length():
    with pytest.raises(DimensionError, match="2 lower and 1 upper bounds"):
        Box((Fraction(0),) * 2, (Fraction(1),))


def test_bounds_are_read_exactly_wherever_they_come_from():
    expected = Box((Fraction(1, 2), Fraction(0)), (Fraction(2, 3), Fraction(1)))
    assert Box((0.5, 0), ("2/3", np.float32(1))) == expected
    assert Box((0.1,), (1,)).lo == (Fraction(0.1),)
    assert hash(Box([0], [1])) == hash(Box((Fraction(0),), (1.0,)))


@pytest.mark.parametrize(
    ("lo", "hi", "error", "message"),
    [
        ((0.5, 0), (1, float("nan")), NotRationalError, r"hi\[1\] is nan"),
        ((0,), (float("inf"),), NotRationalError, r"hi\[0\] is inf"),
        (0, 1, InputError, "lo is 0, expected a sequence of bounds"),
        ("01", (1, 1), InputError, "lo is '01', expected a sequence of bounds"),
        ((), (), DimensionError, "the box has no axes"),
    ],
)
def test_bad_bounds(lo, hi, error, message):
    with pytest.raises(error, match=message):
        Box(lo, hi)


def test_balls():
    assert Box.ball((0, "1/2"), 0.25) == Box((-0.25, 0.25), (0.25, 0.75))
    for radius in (0, -1):
        with pytest.raises(InputError, match="the radius is .*, expected > 0"):
            Box.ball((0,), radius)


UNIT = Box.of(0, 1, 2)


def test_rows_have_one_form():
    given = Domain.cut(UNIT, ([[2, "2/3"], [0, 0], [1, 1]], [1, 0, 0.5]))
    other = Domain.cut(UNIT, ([["1/2", 0.5], [6, 2], [1, 1]], ["1/4", 3, "1/2"]))
    assert given == other and hash(given) == hash(other)
    assert given.matrix == ((2, 2), (6, 2)) and given.bounds == (1, 3)
    assert Domain.cut(UNIT, ([[4, 4], [2, 2]], [2, 1])).matrix == ((2, 2),)
    assert given != Domain.of(UNIT) and Domain.cut(UNIT, ([], [])) == Domain.of(UNIT)
    assert Domain.of(given) is given and Domain.cut(given, ([[1, 0]], [0])).bounds == (0, 1, 3)


def test_a_row_that_bounds_nothing_is_dropped_and_one_that_holds_nowhere_refused():
    assert Domain.cut(UNIT, ([[0, 0]], [0])).is_box
    with pytest.raises(InputError, match="row 1 says 0 <= -1, which holds nowhere"):
        Domain.cut(UNIT, ([[1, 0], [0, 0]], [1, -1]))


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (5, InputError, "the rows are not a pair"),
        (([[1, 1]], 5), InputError, "the rows have no sequence b"),
        (([[1, 1]], [1, 2]), DimensionError, "there are 1 row and 2 bounds"),
        (([[1]], [1]), DimensionError, "row 0 has 1 entry, expected 2"),
        (([[1, float("nan")]], [1]), NotRationalError, r"A\[0\]\[1\] is nan"),
    ],
)
def test_bad_rows(rows, error, message):
    with pytest.raises(error, match=message):
        Domain.cut(UNIT, rows)


def test_rows_of_a_domain_that_is_made_by_hand():
    whole = Domain(2, UNIT, [[0.5, 1]], [1])
    assert whole == Domain.cut(UNIT, ([[1, 2]], [2]))
    with pytest.raises(DimensionError, match="there are 1 row and 0 bounds"):
        Domain(2, UNIT, ((Fraction(1), Fraction(1)),), ())


def test_kinds_and_points():
    space, half = Domain.space(2), Domain.cut(UNIT, ([[1, 1]], [1]))
    assert space.is_space and not space.is_box and str(space) == "R^2"
    assert not half.is_space and not half.is_box and str(half) == "[0, 1]^2 and 1 row"
    edge, far = (Fraction(1, 2), Fraction(1, 2)), (Fraction(10**9), Fraction(0))
    assert half.contains(edge) and not half.has_inside(edge) and not half.contains(far)
    assert space.contains(far) and space.has_inside(far)


@pytest.mark.parametrize("value", [UNIT, Domain.space(3), Domain.cut(UNIT, ([[1, 1]], [1]))])
def test_copies_are_equal(value):
    for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value and hash(twin) == hash(value)
    assert value != "a box" and value != 1


def test_balls_of_the_norm_one():
    ball = Domain.ball((0, "1/2", 1), "1/3", norm=1)
    assert len(ball.matrix) == 8 and ball.box == Box.ball((0, "1/2", 1), "1/3")
    assert ball.contains((Fraction(1, 3), Fraction(1, 2), Fraction(1)))
    assert not ball.contains((Fraction(1, 3), Fraction(1, 2), Fraction(2, 3)))
    assert Domain.ball((0, 1), 2) == Domain.of(Box.ball((0, 1), 2))
    assert Domain.ball([0], 2, norm="1") == Domain.cut(Box.ball([0], 2), ([[1], [-1]], [2, 2]))
    with pytest.raises(InputError, match="norm 1 in 11 dimensions has 2.11 rows, .* 10 dim.*restr"):
        Domain.ball([0] * 11, 1, norm=1)
    with pytest.raises(InputError, match="the norm is 2, expected 'inf' or 1"):
        Domain.ball((0, 0), 1, norm=2)
    with pytest.raises(InputError, match="the radius is 0, expected > 0"):
        Domain.ball((0, 0), 0, norm=1)

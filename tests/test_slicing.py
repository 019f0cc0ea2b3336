"""Restriction to a subspace commutes with evaluation."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exactbn.errors import DimensionError, InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.model.slices import axis, restrict

NET = Network.from_arrays(
    [[[1, -2, 3], [0, 1, "1/3"]], [[1, -1]], [[2]]], [[1, "-1/7"], [0], [5]], slope="1/10"
)
numbers = st.fractions(-5, 5, max_denominator=9)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers),
       st.tuples(numbers, numbers, numbers), numbers, numbers)
def test_values_agree_along_the_subspace(origin, u, v, s, t):
    assume(any(a * d != b * c for (a, c), (b, d) in combinations(zip(u, v), 2)))
    x = tuple(o + s * a + t * b for o, a, b in zip(origin, u, v, strict=True))
    restricted = restrict(NET, origin, [u, v])
    assert restricted.preactivations((s, t)) == NET.preactivations(x)
    assert restricted.forward((s, t)) == NET.forward(x)


def test_dependent_directions_are_named():
    for directions, i in (([(0, 0, 0)], 0), ([(1, 2, 3), (0, 1, 0), (-2, "1/7", -6)], 2)):
        with pytest.raises(InputError, match=rf"directions\[{i}\] depends on those before it"):
            NET.restrict((1, 1, 1), directions)
    with pytest.raises(InputError, match="got an int for the directions"):
        NET.restrict((1, 1, 1), 5)
    with pytest.raises(InputError, match="got an int for the points"):
        NET.through(5)


def test_slices_through_points():
    points = [(1, 1, 1), (2, 0, 1), ("1/2", "1/3", 0)]
    part = NET.through(points)
    for t, x in zip(((0, 0), (1, 0), (0, 1)), points, strict=True):
        assert part.forward(t) == NET.forward(x)
    with pytest.raises(InputError, match=r"points\[2\] lies in the slice through those before it"):
        NET.through([*points[:2], (3, -1, 1)])
    with pytest.raises(InputError, match="a slice needs at least two points, got 1"):
        NET.through(points[:1])
    with pytest.raises(InputError, match=r"points\[1\] and points\[3\] are equal, .*leave one"):
        NET.through([*points, (2.0, "0", 1)])
    with pytest.raises(DimensionError, match=r"points\[1\] has 2 coordinates, expected 3"):
        NET.through([(1, 2, 3), (3, 4)])


@given(st.lists(numbers, min_size=3, max_size=3), st.lists(numbers, min_size=6, max_size=6),
       numbers, numbers)
def test_a_domain_has_the_slice_that_the_network_has(origin, u, s, t):
    """The closed slice and its interior hold the points whose images the domain holds."""
    domain = Domain.cut(Box.of(-2, (1, 3, "7/2"), 3), ([[1, -1, "1/2"]], [1]))
    directions = [u[:3], u[3:]]
    x = tuple(o + s * a + t * b for o, a, b in zip(origin, *directions, strict=True))
    try:
        slice_ = domain.restrict(origin, directions)
    except InputError as error:
        assert "the slice misses the domain" in str(error) and not domain.contains(x)
    else:
        assert slice_.dim == 2 and slice_.box is None
        assert slice_.contains((s, t)) == domain.contains(x)
        assert slice_.has_inside((s, t)) or not domain.has_inside(x)


def test_what_is_no_slice_of_a_domain_is_named():
    whole = Domain.of(Box.of(0, 1, 3))
    with pytest.raises(DimensionError, match="origin has 2 entries, expected 3"):
        whole.restrict((0, 0), [(1, 0, 0)])
    with pytest.raises(DimensionError, match=r"directions\[1\] has 1 entry, expected 3"):
        whole.restrict((0, 0, 0), [(1, 0, 0), (1,)])
    with pytest.raises(InputError, match="the slice misses the domain"):
        whole.restrict((0, 0, 2), [(1, 0, 0)])
    assert Domain.space(3).restrict((0, 0, 2), [(1, 0, 0)]) == Domain.space(1)


def test_the_rest_of_the_network_stays():
    restricted = restrict(NET, (0, 0, 0), [axis(3, 2)])
    assert restricted.layers[1:] == NET.layers[1:]
    assert restricted.num_inputs == 1
    assert axis(3, 2) == (0, 0, Fraction(1))


def test_wrong_shapes_are_named():
    with pytest.raises(InputError, match="at least one direction, got none"):
        restrict(NET, (0, 0, 0), [])
    with pytest.raises(DimensionError, match="origin has 2 entries, expected 3"):
        restrict(NET, (0, 0), [(1, 0, 0)])
    with pytest.raises(DimensionError, match=r"directions\[1\] has 1 entry, expected 3"):
        restrict(NET, (0, 0, 0), [(1, 0, 0), (1,)])

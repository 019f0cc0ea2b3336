"""Integer evaluation agrees with evaluation in fractions, to the last digit."""

from fractions import Fraction

from flint import fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn.exact.rational import dot
from exactbn.model.evaluation import homogeneous
from exactbn.model.network import Network

NUMBERS = st.one_of(st.integers(-3, 3), st.fractions(-5, 5, max_denominator=12))


@st.composite
def networks_and_points(draw):
    """Draw a small rational network, slopes included, and points of its input space."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    weights = [
        [[draw(NUMBERS) for _ in range(m)] for _ in range(n)] for m, n in zip(sizes, sizes[1:])
    ]
    biases = [[draw(NUMBERS) for _ in range(n)] for n in sizes[1:]]
    slopes = [draw(st.fractions(-2, 2, max_denominator=7)) for _ in sizes[2:]]
    points = draw(
        st.lists(st.tuples(*[st.fractions(max_denominator=50)] * sizes[0]), min_size=1, max_size=4)
    )
    return Network.from_arrays(weights, biases, slope=slopes), points


@settings(deadline=None, max_examples=50)
@given(networks_and_points())
def test_values_and_signs_are_those_of_fractions(case):
    net, points = case
    integers = net.integers
    columns = homogeneous(points)
    for last in range(len(net.layers)):
        values = integers.values(columns, last)
        signs = integers.preactivations(columns, last)
        assert len(signs) == last + 1
        for i, point in enumerate(points):
            exact = (*net.preactivations(point), net.forward(point))[last]
            assert values[i] == exact
            for k, t in enumerate(exact):
                z = int(signs[last][k, i])
                assert (z > 0) - (z < 0) == (t > 0) - (t < 0)


@settings(deadline=None, max_examples=50)
@given(networks_and_points())
def test_denominators_stay_positive(case):
    net, points = case
    for last in range(len(net.layers)):
        denominators = net.integers.evaluate(homogeneous(points), last)[-1][1]
        assert len(denominators) == len(points)
        assert all(t > 0 for t in denominators)


@settings(deadline=None, max_examples=50)
@given(networks_and_points())
def test_forms_give_the_values_where_the_pattern_holds(case):
    net, points = case
    for point in points:
        values = [*net.preactivations(point), net.forward(point)]
        forms = net.integers.forms([int(t > 0) for z in values[:-1] for t in z])
        above = 1
        for layer, integers, form, exact in zip(
            net.layers, net.integers.blocks, forms, values, strict=True
        ):
            for k, t in enumerate(exact):
                constant, *gradient = (int(form[k, c]) for c in range(form.ncols()))
                value = constant + dot(tuple(map(Fraction, gradient)), point)
                assert value == t * integers.scales[k] * above
            above *= layer.slope.denominator


def test_homogeneous_points():
    points = [(Fraction(1, 2), Fraction(-1, 3)), (Fraction(2), Fraction(0))]
    assert homogeneous(points) == fmpz_mat([[6, 1], [3, 2], [-2, 0]])


def test_a_sign_gap_far_below_float64():
    tiny = Fraction(1, 2**300)
    net = Network.from_arrays([[[1], [1]], [[1, -1]]], [[tiny, 0], [0]])
    values = net.integers.values(homogeneous([(Fraction(1, 3),)]), 1)
    assert values == [(tiny,)]


def test_a_row_of_zeros_is_zero_everywhere():
    net = Network.from_arrays([[[0, 0]], [[1]]], [[0], [0]])
    z = net.integers.preactivations(homogeneous([(Fraction(1), Fraction(2))]), 0)
    assert z[0] == fmpz_mat([[0]])

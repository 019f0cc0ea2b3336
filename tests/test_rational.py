"""Numbers become exact here, or are refused."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactbn.errors import DimensionError, InputError, NotRationalError
from exactbn.exact.rational import (
    dot,
    nearest_float,
    nearest_floats,
    sign,
    sqrt_rounded,
    to_fraction,
    to_matrix,
    to_vector,
)

FRACTIONS = st.fractions(max_denominator=10**6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, Fraction(3)),
        (-(2**200), Fraction(-(2**200))),
        (Fraction(-2, 6), Fraction(-1, 3)),
        (0.1, Fraction(3602879701896397, 36028797018963968)),
        (-0.0, Fraction(0)),
        (5e-324, Fraction(1, 2**1074)),
        (1.7976931348623157e308, Fraction((2**53 - 1) * 2**971)),
        (np.float32(0.1), Fraction(13421773, 134217728)),
        (np.float16(0.1), Fraction(819, 8192)),
        (np.int8(-128), Fraction(-128)),
        (np.uint64(2**64 - 1), Fraction(2**64 - 1)),
        (np.array(0.5), Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("-1/3", Fraction(-1, 3)),
        ("+6/4", Fraction(3, 2)),
        (" 2 ", Fraction(2)),
        ("007", Fraction(7)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("-1.25e-2", Fraction(-1, 80)),
        ("1E+3", Fraction(1000)),
        ("-0", Fraction(0)),
    ],
)
def test_value_is_read_exactly(value, expected):
    result = to_fraction(value)
    assert result == expected
    assert type(result) is Fraction


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "w is nan, expected a finite number"),
        (float("-inf"), "w is -inf, expected a finite number"),
        (np.float32("inf"), "w is inf, expected a finite number"),
        (True, "w is True, expected a number, not a truth value"),
        (np.bool_(False), "w is False, expected a number, not a truth value"),
        (None, "w is of type NoneType, expected an integer"),
        (1j, "w is of type complex"),
        ([1], "w is of type list"),
        (b"1", "w is of type bytes"),
        ("", "w is '', expected a number such as"),
        ("nan", "w is 'nan', expected a number such as"),
        ("Infinity", "w is 'Infinity'"),
        ("1_000", "w is '1_000'"),
        ("0x10", "w is '0x10'"),
        ("1/-3", "w is '1/-3'"),
        ("1.5/2", "w is '1.5/2'"),
        ("1/2/3", "w is '1/2/3'"),
        ("1,5", "w is '1,5'"),
        ("--1", "w is '--1'"),
        (".", r"w is '\.'"),
        ("e5", "w is 'e5'"),
        ("٣", "w is '٣'"),
        ("1/0", "w is '1/0', its denominator is 0"),
        ("1e999999", "w has the exponent 999999, expected at most 20000"),
        ("1e-999999", "w has the exponent -999999"),
        pytest.param("1" * 20001, "w has 20001 characters, expected at most 20000", id="long"),
    ],
)
def test_value_is_refused(value, message):
    with pytest.raises(NotRationalError, match=message):
        to_fraction(value, "w")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_is_its_dyadic(value):
    result = to_fraction(value)
    assert float(result) == value
    assert result.denominator & (result.denominator - 1) == 0
    assert to_fraction(np.float64(value)) == result


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_decimal_text_says_the_decimal(value):
    assert to_fraction(str(value)) == Fraction(value)


@given(FRACTIONS)
def test_fraction_text_round_trip(value):
    assert to_fraction(str(value)) == value


def test_wide_floats_keep_every_bit():
    value = np.longdouble(1) / 3
    assert to_fraction(value) == Fraction(*value.as_integer_ratio())
    with pytest.raises(NotRationalError, match="w is nan, expected a finite number"):
        to_fraction(np.longdouble("nan"), "w")


def test_vector_and_matrix_name_the_place():
    assert to_vector(np.array([0.5, 2])) == (Fraction(1, 2), Fraction(2))
    assert to_vector([]) == ()
    assert to_matrix(np.array([[1, 2], [3, 4]])) == ((1, 2), (3, 4))
    assert to_matrix([]) == ()
    with pytest.raises(NotRationalError, match=r"W0\[1\]\[2\] is nan"):
        to_matrix([[1, 2, 3], [4, 5, float("nan")]], "W0")
    with pytest.raises(DimensionError, match=r"W0\[1\] has 1 entry, expected 2 as in row 0"):
        to_matrix([[1, 2], [3]], "W0")
    with pytest.raises(DimensionError, match=r"W0\[0\] is a single number, expected a row"):
        to_matrix([1, 2], "W0")
    with pytest.raises(DimensionError, match=r"W0\[0\] is a single number, expected a row"):
        to_matrix(["12"], "W0")
    assert issubclass(NotRationalError, InputError) and issubclass(InputError, ValueError)


def test_dot_and_sign():
    assert dot((), ()) == 0
    assert dot((Fraction(1, 2), Fraction(3)), (Fraction(4), Fraction(-1, 3))) == 1
    with pytest.raises(ValueError, match="shorter"):
        dot((Fraction(1),), ())
    assert [sign(t) for t in (Fraction(-1, 10**40), 0, Fraction(1, 10**40))] == [-1, 0, 1]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_nearest_float_of_a_float_is_itself(value):
    assert nearest_float(*value.as_integer_ratio()) == value
    assert nearest_floats([Fraction(value)]) == [value]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(1, 3), 1 / 3),
        (Fraction(1, 10**400), 0.0),
        (Fraction(10**400), math.inf),
        (Fraction(-(10**400)), -math.inf),
        (Fraction(10**400 + 1, 10**400), 1.0),
        (Fraction(2**53 + 1), 2.0**53),
    ],
    ids=range(6),
)
def test_nearest_float(value, expected):
    assert nearest_float(value.numerator, value.denominator) == expected
    assert nearest_floats([Fraction(1), value]) == [1.0, expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(0), Fraction(0)),
        (Fraction(1), Fraction(1)),
        (Fraction(9, 4), Fraction(3, 2)),
        (Fraction(1, 10**400), None),
        (Fraction(10**700), None),
        # 2**53 + 1 lies halfway between two floats; the one with the even last bit is taken.
        (Fraction(2**53 + 1) ** 2, Fraction(2**53)),
        (Fraction(2**53 + 3) ** 2, Fraction(2**53 + 4)),
        # Beside the tie, by less than the integer square root shows.
        (Fraction(2**53 + 1) ** 2 + Fraction(1, 10**90), Fraction(2**53 + 2)),
        (Fraction(2**53 + 1) ** 2 - Fraction(1, 10**90), Fraction(2**53)),
    ],
)
def test_sqrt_rounded_examples(value, expected):
    root = sqrt_rounded(value)
    if expected is not None:
        assert root == expected
    check_nearest(value, root)


def test_sqrt_of_a_negative_number():
    with pytest.raises(NotRationalError, match="the square root of -1/4 is not a real number"):
        sqrt_rounded(Fraction(-1, 4))


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_sqrt_rounded_is_the_machines(value):
    # IEEE 754 asks for a correctly rounded square root of a float64.
    assert sqrt_rounded(Fraction(value)) == Fraction(math.sqrt(value))


@given(st.fractions(min_value=0), st.integers(-200, 200))
def test_sqrt_rounded_is_nearest(value, exponent):
    scaled = value * Fraction(2) ** exponent
    check_nearest(scaled, sqrt_rounded(scaled))


@given(st.fractions(min_value="1e-9", max_value=10**9))
def test_sqrt_rounded_against_decimal(value):
    with localcontext() as context:
        context.prec = 60
        root = (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
    assert sqrt_rounded(value) == Fraction(float(root))


def check_nearest(value, root):
    """Check that ``root`` has 53 bits and that no other such number is nearer to sqrt(value)."""
    if value == 0:
        assert root == 0
        return
    odd = root.numerator
    while odd % 2 == 0:
        odd //= 2
    assert odd.bit_length() <= 53
    assert root.denominator & (root.denominator - 1) == 0
    exponent = root.numerator.bit_length() - root.denominator.bit_length()
    ulp = Fraction(2) ** (exponent - 53)
    while root / ulp >= 2**53:
        ulp *= 2
    # Below a power of two the next number is half an ulp away.
    below = ulp / 4 if root / ulp == 2**52 else ulp / 2
    assert (root - below) ** 2 <= value <= (root + ulp / 2) ** 2


def test_a_nested_value_is_told_to_be_flat() -> None:
    with pytest.raises(NotRationalError, match=r"x\[0\] is of type list, .*x.flatten\(\)"):
        to_vector([[1, 2], [3, 4]], "x")

"""Exact rational numbers: the one place where foreign numbers become ``Fraction``.

A float is the dyadic rational that it is; a decimal text is the decimal that it says. Nothing is
rounded here except in :func:`sqrt_rounded`, whose rounding is its definition.
"""

import math
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Integral, Rational, Real

from flint import fmpz

from exactbn.errors import DimensionError, NotRationalError
from exactbn.wording import counted

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]

#: Greatest number of characters in a number's text and greatest decimal exponent that is read.
#: A file that asks for more is hostile: "1e999999999" would fill the memory.
MAX_DIGITS = 20_000

_NUMBER = re.compile(r"[+-]?(?:\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?)", re.ASCII)
#: A fraction in the form in which exact files write it, too short to be hostile.
_RATIO = re.compile(r"(-?\d{1,400})/([1-9]\d{0,399})", re.ASCII)


def to_fraction(value: object, what: str = "value") -> Fraction:
    """Return ``value`` as the rational number that it is.

    Parameters
    ----------
    value : int, float, Fraction, numpy scalar, 0-d array, or str
        A finite number; text is ``"p/q"`` or a decimal such as ``"-0.1"`` or ``"1e-3"``.
    what : str
        How an error names the value.

    Raises
    ------
    NotRationalError
        For NaN, infinities, booleans and anything that is not a number.

    Examples
    --------
    >>> to_fraction(0.5), to_fraction("0.1"), to_fraction("-3/6")
    (Fraction(1, 2), Fraction(1, 10), Fraction(-1, 2))
    >>> to_fraction(float("nan"), "W0[1, 2]")
    Traceback (most recent call last):
      ...
    exactbn.errors.NotRationalError: W0[1, 2] is nan, expected a finite number
    """
    if isinstance(value, Fraction):
        return value
    if type(value) is float and math.isfinite(value):  # most numbers of large networks
        return Fraction(*value.as_integer_ratio())
    if isinstance(value, str):
        return _parse(value, what)
    if hasattr(value, "item") and not isinstance(value, (int, float)):
        value = value.item()  # numpy and torch scalars, bit for bit
    if isinstance(value, bool):
        raise NotRationalError(f"{what} is {value}, expected a number, not a truth value")
    if isinstance(value, Integral):
        return Fraction(int(value))
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise NotRationalError(f"{what} is {float(value)}, expected a finite number")
        # Wider floats than float64 state their own ratio; nothing is rounded on the way.
        ratio = getattr(value, "as_integer_ratio", float(value).as_integer_ratio)
        return Fraction(*ratio())
    nested = isinstance(value, (list, tuple))
    raise NotRationalError(
        f"{what} is of type {type(value).__name__}, expected an integer, a float, "
        "a Fraction or text such as 'p/q' or '0.1'"
        + "; an image is a point when it is flat, as x.flatten()" * nested
    )


def _parse(text: str, what: str) -> Fraction:
    """Return the rational that ``text`` says."""
    ratio = _RATIO.fullmatch(text)
    if ratio:  # most numbers of exact files
        return Fraction(int(ratio[1]), int(ratio[2]))
    stripped = text.strip()
    if len(stripped) > MAX_DIGITS:
        raise NotRationalError(
            f"{what} has {len(stripped)} characters, expected at most {MAX_DIGITS}"
        )
    if not _NUMBER.fullmatch(stripped):
        raise NotRationalError(
            f"{what} is {stripped[:40]!r}, expected a number such as '-1', '0.1', '1e-3' or '1/3'"
        )
    mantissa, _, exponent = stripped.lower().partition("e")
    if exponent and abs(int(exponent)) > MAX_DIGITS:
        raise NotRationalError(
            f"{what} has the exponent {exponent}, expected at most {MAX_DIGITS} in absolute value"
        )
    if "/" in stripped:
        numerator, _, denominator = stripped.partition("/")
        if _integer(denominator) == 0:
            raise NotRationalError(f"{what} is {stripped!r}, its denominator is 0")
        return Fraction(_integer(numerator), _integer(denominator))
    whole, _, decimals = mantissa.partition(".")
    shift = int(exponent or 0) - len(decimals)
    digits = _integer(whole + decimals)
    return Fraction(digits * 10**shift) if shift >= 0 else Fraction(digits, 10**-shift)


def _integer(text: str) -> int:
    """Return the integer that ``text`` says; flint reads it in less than quadratic time."""
    return int(fmpz(text.removeprefix("+")))


def to_vector(values: Iterable[object], what: str = "vector") -> Vector:
    """Return the entries of a one-dimensional sequence as exact rationals."""
    if type(values) is tuple and all(type(value) is Fraction for value in values):
        return values
    _check_sequence(values, what, "numbers")
    return tuple(to_fraction(value, f"{what}[{i}]") for i, value in enumerate(_listed(values)))


def to_matrix(rows: Iterable[Iterable[object]], what: str = "matrix") -> Matrix:
    """Return a rectangular matrix of exact rationals, row by row.

    Raises
    ------
    DimensionError
        If the rows differ in length or a row is not a sequence.
    """
    _check_sequence(rows, what, "rows")
    matrix = []
    for i, row in enumerate(_listed(rows)):
        if isinstance(row, str) or not hasattr(row, "__iter__"):
            raise DimensionError(f"{what}[{i}] is a single number, expected a row of numbers")
        matrix.append(to_vector(row, f"{what}[{i}]"))
        if len(matrix[-1]) != len(matrix[0]):
            raise DimensionError(
                f"{what}[{i}] has {counted(len(matrix[-1]), 'entry', 'entries')}, "
                f"expected {len(matrix[0])} as in row 0"
            )
    return tuple(matrix)


def _check_sequence(values: object, what: str, entries: str) -> None:
    """Raise DimensionError unless there is something to iterate over."""
    if not hasattr(values, "__iter__"):
        raise DimensionError(
            f"{what} is of type {type(values).__name__}, expected a sequence of {entries}"
        )


def _listed(values: Iterable[object]) -> Iterable[object]:
    """Return arrays as nested lists of Python numbers; other iterables unchanged."""
    tolist = getattr(values, "tolist", None)
    listed = tolist() if tolist is not None else values
    return listed


def dot(u: Sequence[Fraction], v: Sequence[Fraction]) -> Fraction:
    """Return the exact inner product of two vectors of equal length."""
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def sign(value: Fraction | int) -> int:
    """Return -1, 0 or 1, exactly."""
    return (value > 0) - (value < 0)


def sqrt_rounded(value: Fraction) -> Fraction:
    """Return the float64 nearest to sqrt(value), ties to even, as the rational that it is.

    Computed from integers alone: isqrt of a scaled numerator gives more than 53 bits and a sticky
    bit, so the one rounding at the end is the correct one. The exponent is not bounded, as if
    float64 had neither overflow nor underflow.

    >>> sqrt_rounded(Fraction(9, 4)), float(sqrt_rounded(Fraction(2))) == math.sqrt(2)
    (Fraction(3, 2), True)
    """
    if value < 0:
        raise NotRationalError(f"the square root of {value} is not a real number")
    if value == 0:
        return Fraction(0)
    p, q = value.numerator, value.denominator
    # Scale by 4**shift so that the integer square root has at least 55 bits.
    shift = max(0, 56 - (p.bit_length() - q.bit_length()) // 2)
    scaled, remainder = divmod(p << (2 * shift), q)
    root = math.isqrt(scaled)
    sticky = remainder != 0 or root * root != scaled
    drop = root.bit_length() - 53
    mantissa, tail = root >> drop, root & ((1 << drop) - 1)
    half = 1 << (drop - 1)
    if tail > half or (tail == half and (sticky or mantissa & 1)):
        mantissa += 1
    exponent = drop - shift
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def to_text(value: Fraction) -> str:
    """Return ``p`` or ``p/q`` in lowest terms, however long; str would stop at 4300 digits.

    >>> to_text(Fraction(-2, 6)), len(to_text(Fraction(10**5000)))
    ('-1/3', 5001)
    """
    text = str(fmpz(value.numerator))
    return text if value.denominator == 1 else f"{text}/{fmpz(value.denominator)}"


def nearest_float(numerator: int, denominator: int = 1) -> float:
    """Return the float64 nearest to a fraction with positive denominator, infinite on overflow."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


def nearest_floats(values: Sequence[Fraction]) -> list[float]:
    """Return the float64 nearest to each value, infinite on overflow."""
    try:
        return [value.numerator / value.denominator for value in values]
    except OverflowError:
        return [nearest_float(value.numerator, value.denominator) for value in values]

"""Boxes: exact bounds, never empty."""

from fractions import Fraction

import numpy as np
import pytest

from exactbn.errors import DimensionError, InputError, NotRationalError
from exactbn.model.domain import Box


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
        ((0,), 1, DimensionError, "lo has 1 entries, expected 1 or 2"),
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

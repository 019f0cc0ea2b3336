"""Arrays that are handed out: to be read, not to be changed."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return the array after taking away the right to write to it."""
    array.setflags(write=False)
    return array


def are_equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether two arrays have the same type, shape and entries."""
    return a.dtype == b.dtype and np.array_equal(a, b)


# Numbers of an array from which on it is worth while to look at it as a whole.
_MANY = 64


def as_floats(values: object) -> NDArray[np.float64] | None:
    """Return an array of many numbers as the same numbers in float64, None where that is not so.

    For arrays of two axes, floats or integers, all of them finite floats exactly.
    """
    if not isinstance(values, np.ndarray):
        return None
    if values.ndim != 2 or len(values) < _MANY or values.dtype.kind not in "fiu":
        return None
    if values.dtype.itemsize > np.dtype(np.float64).itemsize:
        return None
    floats = np.ascontiguousarray(values, dtype=np.float64)
    if values.dtype.kind == "f":
        return floats if np.isfinite(floats).all() else None
    # Integers up to 2^53 are floats.
    most = 1 << 53
    return floats if ((-most <= values) & (values <= most)).all() else None

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
    """Return many rows of numbers as the same numbers in float64, None where that is not so.

    For arrays, tensors and lists of rows, of floats or integers, all of them finite floats exactly.
    """
    if not isinstance(values, np.ndarray):
        values = _array_of(getattr(values, "tolist", lambda: values)())
    if values is None or values.ndim != 2 or len(values) < _MANY or values.dtype.kind not in "fiu":
        return None
    if values.dtype.itemsize > np.dtype(np.float64).itemsize:
        return None
    floats = np.ascontiguousarray(values, dtype=np.float64)
    if values.dtype.kind == "f":
        return floats if np.isfinite(floats).all() else None
    # Integers up to 2^53 are floats.
    most = 1 << 53
    return floats if ((-most <= values) & (values <= most)).all() else None


def _array_of(rows: object) -> NDArray[np.float64] | None:
    """Return a list of rows of Python floats, all of one length, as an array; None for others."""
    if not isinstance(rows, (list, tuple)) or len(rows) < _MANY:
        return None
    if not all(isinstance(row, (list, tuple)) and len(row) == len(rows[0]) for row in rows):
        return None
    if not all(type(t) is float for row in rows for t in row):
        return None
    return np.array(rows, dtype=np.float64)

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

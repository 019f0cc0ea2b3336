"""Printing many integers as text: one line a row, without a Python object a number."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]

# A 32-bit integer has ten digits at most, and a blank before it.
_WIDEST = 11


def print_rows(keyword: str, indptr: NDArray[np.int64], indices: Ints, below: int) -> str:
    """Return the lines ``keyword i j ...`` of the rows of a table in compressed form.

    Row r holds ``indices[indptr[r]:indptr[r + 1]] - below``, integers >= 0; ``keyword`` is one
    letter.
    """
    rows, entries = len(indptr) - 1, int(indptr[-1] - indptr[0])
    out = np.empty(2 * rows + _WIDEST * entries, dtype=np.uint8)
    length = _print_rows(ord(keyword), indptr, indices, below, out)
    return out[:length].tobytes().decode("ascii")


@njit(cache=True)
def _print_rows(keyword, indptr, indices, below, out):  # type: ignore[no-untyped-def]
    """Write the lines to ``out`` and return their length."""
    at = 0
    for row in range(len(indptr) - 1):
        out[at] = keyword
        at += 1
        for i in range(indptr[row], indptr[row + 1]):
            rest = np.int64(indices[i]) - below
            out[at] = 32
            at += 1
            digits = 1
            power = np.int64(10)
            while rest >= power:
                power *= 10
                digits += 1
            for place in range(digits - 1, -1, -1):
                out[at + place] = 48 + rest % 10
                rest //= 10
            at += digits
        out[at] = 10
        at += 1
    return at

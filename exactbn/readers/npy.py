"""Arrays as ``.npy``, read without evaluating anything.

The header is matched against the one form that numpy writes for plain arrays.
"""

import re
from math import prod

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError

_MAGIC = b"\x93NUMPY"

_HEADER = re.compile(
    r"\{'descr': '(?P<descr>[^']*)', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[0-9, ]*)\), *\} *\n",
    re.ASCII,
)

#: Plain numbers that float64 or int64 hold exactly, in either byte order.
_DTYPE = re.compile(r"[<>|=]?(?:f[248]|[iu][1248])", re.ASCII)


def read_npy(content: bytes, what: str) -> NDArray[np.generic]:
    """Return the array of an ``.npy`` file's content; ``what`` is its name in errors.

    Raises
    ------
    InputError
        Unless it is an array of integers or floats of at most 64 bits, of as many bytes as its
        shape says.
    """
    version = content[6:8]
    if content[:6] != _MAGIC or version not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise InputError(f"{what} is not an array, or damaged")
    width = 2 if version == b"\x01\x00" else 4
    start = 8 + width
    end = start + int.from_bytes(content[8:start], "little")
    match = _HEADER.fullmatch(content[start:end].decode("latin-1"))
    if not match:
        raise InputError(f"{what} is not an array of plain numbers, or its header is damaged")
    if not _DTYPE.fullmatch(match["descr"]):
        raise InputError(
            f"{what} has the type {match['descr'][:20]!r}, expected integers or floats of at most "
            "64 bits"
        )
    sizes = [size for size in match["shape"].replace(" ", "").split(",") if size]
    if len(sizes) > 8 or any(len(size) > 12 for size in sizes):
        raise InputError(f"{what} has a shape beyond all bounds")
    shape = tuple(map(int, sizes))
    dtype = np.dtype(match["descr"])
    if len(content) - end != prod(shape) * dtype.itemsize:
        raise InputError(
            f"{what} has {len(content) - end} bytes of data, expected "
            f"{prod(shape) * dtype.itemsize} for shape {shape}"
        )
    flat: NDArray[np.generic] = np.frombuffer(content, dtype, offset=end)
    return flat.reshape(shape, order="F" if match["fortran"] == "True" else "C")

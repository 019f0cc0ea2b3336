"""Networks as ``.npz``: arrays ``W0, b0, W1, b1, ...``, read without unpickling anything.

An ``.npz`` is a zip of ``.npy`` members. The header of a member is matched against the one form
that numpy writes for plain arrays, so nothing in the file is ever evaluated.
"""

import re
from math import prod

import numpy as np
import numpy.typing as npt

from exactbn.errors import DimensionError, InputError
from exactbn.exact.stages import Chain, layered
from exactbn.readers.source import MAX_NUMBERS, Source, read_archive, read_member

_MAGIC = b"\x93NUMPY"

_HEADER = re.compile(
    r"\{'descr': '(?P<descr>[^']*)', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[0-9, ]*)\), *\} *\n",
    re.ASCII,
)

#: Plain numbers that float64 or int64 hold exactly, in either byte order.
_DTYPE = re.compile(r"[<>|=]?(?:f[248]|[iu][1248])", re.ASCII)

_NAME = re.compile(r"(?P<letter>[Wb])(?P<index>0|[1-9][0-9]{0,5})\.npy", re.ASCII)


def read_npz(source: Source, *, slope: object = 0) -> Chain:
    """Return the stages of an ``.npz`` file, exact."""
    archive = read_archive(source.read(), "an .npz file")
    arrays: dict[tuple[str, int], npt.NDArray[np.generic]] = {}
    budget = MAX_NUMBERS
    for name in archive.namelist():
        match = _NAME.fullmatch(name)
        if not match:
            label = name.removesuffix(".npy")[:60]
            raise InputError(f"unknown array {label!r}, expected W0, b0, W1, b1, ...")
        array = _array(read_member(archive, name), name.removesuffix(".npy"))
        budget -= array.size
        if budget < 0:
            raise InputError(f"more than {MAX_NUMBERS} numbers, the most that are read")
        arrays[match["letter"], int(match["index"])] = array
    if not arrays:
        raise InputError("no arrays, expected W0, b0, W1, b1, ...")
    count = 1 + max(index for _, index in arrays)
    for index in range(min(count, len(arrays) + 1)):
        for letter, ndim in (("W", 2), ("b", 1)):
            found = arrays.get((letter, index))
            if found is None:
                raise InputError(f"no array {letter}{index}, expected W0, b0, ... in pairs")
            if found.ndim != ndim or not found.size:
                raise DimensionError(
                    f"{letter}{index} has shape {found.shape}, "
                    f"expected {ndim} dimension{'s' * (ndim > 1)} and at least one entry"
                )
    return layered(
        [arrays["W", index] for index in range(count)],
        [arrays["b", index] for index in range(count)],
        slope=slope,
    )


def _array(content: bytes, what: str) -> npt.NDArray[np.generic]:
    """Return the array of an ``.npy`` member."""
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
    if any(len(size) > 12 for size in sizes) or len(sizes) > 8:
        raise InputError(f"{what} has a shape beyond all bounds")
    shape = tuple(map(int, sizes))
    dtype = np.dtype(match["descr"])
    if len(content) - end != prod(shape) * dtype.itemsize:
        raise InputError(
            f"{what} has {len(content) - end} bytes of data, expected "
            f"{prod(shape) * dtype.itemsize} for shape {shape}"
        )
    flat: npt.NDArray[np.generic] = np.frombuffer(content, dtype, offset=end)
    return flat.reshape(shape, order="F" if match["fortran"] == "True" else "C")

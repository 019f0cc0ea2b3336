"""Networks as ``.npz``: arrays ``W0, b0, W1, b1, ...``, read without unpickling anything.

An ``.npz`` is a zip of ``.npy`` members.
"""

import re

import numpy as np
import numpy.typing as npt

from exactbn.errors import DimensionError, InputError
from exactbn.exact.stages import Chain, layered
from exactbn.readers.allowance import Allowance
from exactbn.readers.npy import read_npy
from exactbn.readers.source import Source, read_archive, read_member

_NAME = re.compile(r"(?P<letter>[Wb])(?P<index>0|[1-9][0-9]{0,5})\.npy", re.ASCII)


def read_npz(source: Source, *, slope: object = 0) -> Chain:
    """Return the stages of an ``.npz`` file, exact."""
    content = source.read()
    archive = read_archive(content, "an .npz file")
    arrays: dict[tuple[str, int], npt.NDArray[np.generic]] = {}
    allowance = Allowance(len(content))
    for name in archive.namelist():
        match = _NAME.fullmatch(name)
        if not match:
            label = name.removesuffix(".npy")[:60]
            raise InputError(f"unknown array {label!r}, expected W0, b0, W1, b1, ...")
        array = read_npy(read_member(archive, name), name.removesuffix(".npy"))
        allowance.take_array(array)
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

"""The blocks of a network in float64, each number rounded once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from exactbn.exact.rational import Matrix, Vector, nearest_floats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csc_array

# Below this share of numbers that are stored, a product with a sparse matrix is the faster one.
_SPARSE = 1 / 8
# Beyond so many numbers a matrix with many zeros is not stored whole.
_LARGE = 1 << 16


class _Layer(Protocol):
    @property
    def weight(self) -> Matrix: ...

    @property
    def bias(self) -> Vector: ...


class _Block(Protocol):
    @property
    def layers(self) -> Sequence[_Layer]: ...

    @property
    def reads(self) -> Sequence[Sequence[int]]: ...

    @property
    def columns(self) -> Sequence[int]: ...


def rounded_block(block: _Block) -> "NDArray[np.float64] | csc_array":
    """Return the nearest floats of a block, the biases in row 0: see ``Network.floats``."""
    import numpy as np

    from exactbn.model.arrays import read_only

    parts = [
        np.array([nearest_floats((b, *row)) for b, row in zip(t.bias, t.weight, strict=True)])
        for t in block.layers
    ]
    if len(parts) == 1:
        return read_only(np.ascontiguousarray(parts[0].T, dtype=np.float64))
    place = {feature: 1 + i for i, feature in enumerate(block.columns)}
    rows = [np.array([0, *(place[f] for f in reads)]) for reads in block.reads]
    shape = (1 + len(place), sum(map(len, parts)))
    stored = sum(part.size for part in parts)
    if shape[0] * shape[1] > _LARGE and stored < _SPARSE * shape[0] * shape[1]:
        return _sparse(parts, rows, shape)
    dense = np.zeros(shape)
    start = 0
    for part, at in zip(parts, rows, strict=True):
        dense[at, start : start + len(part)] = part.T
        start += len(part)
    return read_only(dense)


def _sparse(
    parts: "Sequence[NDArray[np.float64]]",
    rows: "Sequence[NDArray[np.int64]]",
    shape: tuple[int, int],
) -> "csc_array":
    """Return the parts as one sparse matrix."""
    import numpy as np
    from scipy.sparse import coo_array

    starts = np.concatenate(([0], np.cumsum([len(part) for part in parts])))
    values = np.concatenate([part.ravel() for part in parts])
    at = np.concatenate([np.tile(row, len(part)) for part, row in zip(parts, rows, strict=True)])
    units = [
        np.repeat(np.arange(start, start + len(part)), part.shape[1])
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    return coo_array((values, (at, np.concatenate(units))), shape=shape).tocsc()

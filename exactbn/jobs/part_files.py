"""What is kept of pieces as Parquet files: one row a piece, its arrays as lists."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from exactbn.engines.complex.chunks import Chunk, Path
from exactbn.engines.complex.cutting import SignStatistics
from exactbn.engines.complex.joining import Fragment
from exactbn.errors import InputError
from exactbn.jobs.tasks import COUNT, PARTITION, Kept

# By the kind of job: what is kept, the arrays of that by their columns, the type of their entries,
# and whether they have rows.
_KINDS: dict[str, tuple[type[Kept], dict[str, tuple[Any, bool]]]] = {
    COUNT: (
        Chunk,
        {
            "words": (np.uint64, True),
            "is_unbounded": (np.bool_, False),
            "edges": (np.int32, True),
            "names": (np.uint64, True),
            "seams": (np.int32, False),
            "faces": (np.int64, False),
        },
    ),
    PARTITION: (
        Fragment,
        {
            "starts": (np.int64, False),
            "indptr": (np.int64, False),
            "indices": (np.int32, False),
            "parents": (np.int32, True),
            "x": (np.float64, True),
            "ex": (np.float64, True),
            "words": (np.uint64, True),
            "begun": (np.int32, False),
            "own": (np.int8, False),
        },
    ),
}
_SHAPE = ("rows", "width")


def path_text(path: Path) -> str:
    """Return a path as text: ``top`` for the whole domain, else like ``3.17``."""
    return ".".join(map(str, path)) or "top"


def path_of(text: str) -> Path:
    """Return the path of a text."""
    return () if text == "top" else tuple(map(int, text.split(".")))


def as_bytes(kind: str, kept: Sequence[Kept]) -> bytes:
    """Return what a task of a job of some kind has kept as the bytes of a Parquet file."""
    columns: dict[str, pa.Array] = {
        "path": pa.array([path_text(piece.path) for piece in kept], pa.string()),
        "share": pa.array([str(piece.share) for piece in kept], pa.string()),
        "signs": pa.array([piece.statistics.signs for piece in kept], pa.int64()),
        "exact_signs": pa.array([piece.statistics.exact_signs for piece in kept], pa.int64()),
    }
    for name, (dtype, is_table) in _KINDS[kind][1].items():
        arrays = [getattr(piece, name) for piece in kept]
        if is_table:
            for axis, of_shape in enumerate(_SHAPE):
                sizes = [array.shape[axis] for array in arrays]
                columns[f"{name}_{of_shape}"] = pa.array(sizes, pa.int64())
        flat = [np.ascontiguousarray(array, dtype=dtype).ravel() for array in arrays]
        ends = np.cumsum([0, *map(len, flat)])
        values = pa.array(np.concatenate([np.empty(0, dtype), *flat]))
        columns[name] = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), values)
    room = io.BytesIO()
    pq.write_table(pa.table(columns), room, compression="zstd")
    return room.getvalue()


def read_kept(kind: str, path: FilePath, content: bytes) -> Iterator[Kept]:
    """Yield what is in a Parquet file that :func:`as_bytes` has made; its hash was compared.

    Raises
    ------
    InputError
        If it is no such file.
    """
    made, of_kind = _KINDS[kind]
    try:
        table = pq.read_table(pa.BufferReader(content))
        rows = table.num_rows
        plain = {
            name: table.column(name).to_pylist()
            for name in table.column_names
            if name not in of_kind
        }
        lists = {name: _lists(table.column(name), dtype) for name, (dtype, _) in of_kind.items()}
        for row in range(rows):
            arrays = {name: own[row] for name, own in lists.items()}
            for name, (_, is_table) in of_kind.items():
                if is_table:
                    shape = [plain[f"{name}_{of_shape}"][row] for of_shape in _SHAPE]
                    arrays[name] = arrays[name].reshape(shape)
            yield made(
                **arrays,
                statistics=SignStatistics(plain["signs"][row], plain["exact_signs"][row]),
                path=path_of(plain["path"][row]),
                share=Fraction(plain["share"][row]),
            )
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        text = str(error).splitlines() or [""]
        raise InputError(f"{path}: holds no part of a job: {text[0]}") from None


def _lists(column: pa.ChunkedArray, dtype: Any) -> list[NDArray[Any]]:
    """Return the lists of a column as arrays."""
    joined = column.combine_chunks()
    ends = joined.offsets.to_numpy()
    values = joined.values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return [values[begin:end] for begin, end in zip(ends, ends[1:])]

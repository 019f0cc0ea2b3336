"""Chunks as Parquet files: one row a chunk, its arrays as lists."""

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
from exactbn.errors import InputError

# The arrays of a chunk by their columns, the type of their entries, and whether they have rows.
_ARRAYS: dict[str, tuple[Any, bool]] = {
    "words": (np.uint64, True),
    "is_unbounded": (np.bool_, False),
    "edges": (np.int32, True),
    "names": (np.uint64, True),
    "seams": (np.int32, False),
    "faces": (np.int64, False),
}
_SHAPE = ("rows", "width")


def path_text(path: Path) -> str:
    """Return a path as text: ``top`` for the whole domain, else like ``3.17``."""
    return ".".join(map(str, path)) or "top"


def path_of(text: str) -> Path:
    """Return the path of a text."""
    return () if text == "top" else tuple(map(int, text.split(".")))


def as_bytes(chunks: Sequence[Chunk]) -> bytes:
    """Return chunks as the bytes of a Parquet file."""
    columns: dict[str, pa.Array] = {
        "path": pa.array([path_text(chunk.path) for chunk in chunks], pa.string()),
        "share": pa.array([str(chunk.share) for chunk in chunks], pa.string()),
        "signs": pa.array([chunk.statistics.signs for chunk in chunks], pa.int64()),
        "exact_signs": pa.array([chunk.statistics.exact_signs for chunk in chunks], pa.int64()),
    }
    for name, (dtype, is_table) in _ARRAYS.items():
        arrays = [getattr(chunk, name) for chunk in chunks]
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


def read_chunks(path: FilePath, content: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a Parquet file that :func:`as_bytes` has made; its hash was compared.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        rows = table.num_rows
        plain = {
            name: table.column(name).to_pylist()
            for name in table.column_names
            if name not in _ARRAYS
        }
        lists = {name: _lists(table.column(name), dtype) for name, (dtype, _) in _ARRAYS.items()}
        for row in range(rows):
            arrays = {name: own[row] for name, own in lists.items()}
            for name, (_, is_table) in _ARRAYS.items():
                if is_table:
                    shape = [plain[f"{name}_{of_shape}"][row] for of_shape in _SHAPE]
                    arrays[name] = arrays[name].reshape(shape)
            yield Chunk(
                **arrays,
                statistics=SignStatistics(plain["signs"][row], plain["exact_signs"][row]),
                path=path_of(plain["path"][row]),
                share=Fraction(plain["share"][row]),
            )
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        text = str(error).splitlines() or [""]
        raise InputError(f"{path}: holds no chunks: {text[0]}") from None


def _lists(column: pa.ChunkedArray, dtype: Any) -> list[NDArray[Any]]:
    """Return the lists of a column as arrays."""
    joined = column.combine_chunks()
    ends = joined.offsets.to_numpy()
    values = joined.values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return [values[begin:end] for begin, end in zip(ends, ends[1:])]

"""Tables of numbers as Arrow files: written as they are, read with their hash and nothing else."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from exactbn.errors import InputError

Scalar = TypeVar("Scalar", bound=np.generic)
Columns = Mapping[str, NDArray[Any]]


def write_table(path: Path, columns: Columns) -> str:
    """Write columns of one length as an Arrow file; return the SHA-256 of its bytes.

    A column of shape (n, k) becomes k columns, ``name0`` to ``name{k - 1}``.
    """
    arrays = dict(_flat(columns))
    table = pa.table(
        {
            name: pa.array(array, pa.string() if array.dtype == np.object_ else None)
            for name, array in arrays.items()
        }
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sha256_of(path.read_bytes())


def read_table(path: Path, sha256: str) -> "Table":
    """Return the table of an Arrow file whose bytes have this hash.

    Raises
    ------
    InputError
        If the file cannot be read, has another hash, or is no table of numbers or text.
    """
    content = read_hashed(path, sha256)
    try:
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        table.validate(full=True)
        if len(set(table.column_names)) < len(table.column_names):
            raise InputError(f"{path}: is no table: two columns have the same name")
        columns = {
            name: table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
            for name in table.column_names
        }
    except InputError:
        raise
    except (pa.ArrowException, ValueError, OSError, NotImplementedError) as error:
        raise InputError(f"{path}: is no table: {str(error).splitlines()[0]}") from None
    return Table(path, columns)


def read_hashed(path: Path, sha256: str) -> bytes:
    """Return the bytes of a regular file, which must have this hash."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: is missing, or is no regular file")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if sha256_of(content) != sha256:
        raise InputError(f"{path}: is damaged: it has another SHA-256 than partition.json says")
    return content


def check_length(path: Path, length: int) -> None:
    """Raise InputError unless there is a regular file of so many bytes."""
    try:
        found = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if found is None:
        raise InputError(f"{path}: is missing, or is no regular file")
    if found != length:
        raise InputError(f"{path}: is damaged: it has {found} bytes, expected {length}")


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of an Arrow file; errors name the file."""

    path: Path
    columns: Columns

    def demand(self, holds: object, sentence: str) -> None:
        """Raise InputError with a sentence on the file where something does not hold."""
        if not holds:
            raise InputError(f"{self.path}: {sentence}")

    def column(
        self, name: str, dtype: type[Scalar], rows: int | None = None
    ) -> NDArray[Scalar]:
        """Return one column, which must have the given type and, if it is given, length."""
        column = self.columns.get(name)
        got = "no such column" if column is None else f"{len(column)} of type {column.dtype}"
        length = "" if rows is None else f"{rows} "
        expected = f"expected {length}of type {dtype.__name__}"
        self.demand(
            column is not None and column.dtype == dtype and rows in (None, len(column)),
            f"column {name}: got {got}, {expected}",
        )
        return self.columns[name]

    def stacked(
        self, name: str, dtype: type[Scalar], shape: tuple[int, int]
    ) -> NDArray[Scalar]:
        """Return ``name0``, ``name1``, ... as one array, which must have this type and shape."""
        rows, k = shape
        columns = [self.column(f"{name}{i}", dtype, rows) for i in range(k)]
        return np.stack(columns, axis=1) if columns else np.empty(shape, dtype=dtype)


def _flat(columns: Columns) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield columns of one dimension."""
    for name, array in columns.items():
        if array.ndim == 1:
            yield name, array
        else:
            for k in range(array.shape[1]):
                yield f"{name}{k}", np.ascontiguousarray(array[:, k])

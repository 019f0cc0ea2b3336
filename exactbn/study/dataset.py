"""Data sets: CSV files read exactly, "5.1" as 51/10, with errors that name row and column.

Exact throughout; nothing here passes through a float.
"""

import csv
import hashlib
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exactbn.errors import InputError, NotRationalError
from exactbn.exact.rational import Matrix, Vector, to_fraction
from exactbn.output import as_path
from exactbn.readers.allowance import Allowance
from exactbn.readers.source import Source

#: Greatest size of a file that is read. Every number becomes a Fraction of some hundred bytes.
MAX_BYTES = 32 * 2**20

#: Greatest absolute value of an entry. Pictures and sampling use float64, and squares must fit.
MAX_VALUE = 10**100

#: Features used where the user names none, so that pictures show the partition itself.
DEFAULT_FEATURES = {"iris.csv": ("petal_length", "petal_width")}

#: A text column with at most this many different values can colour the points of a picture.
MAX_CLASSES = 10


@dataclass(frozen=True)
class DataSet:
    """Points of Q^d with the names of their coordinates.

    ``points`` has shape (N, d). ``labels`` has one text a point, or is None where the file has no
    column of classes; ``left_out`` are the columns that are not used. ``sha256`` is the hash of
    the file's bytes.
    """

    name: str
    features: tuple[str, ...]
    points: Matrix
    sha256: str
    labels: tuple[str, ...] | None = None
    label_name: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def num_points(self) -> int:
        """Return N."""
        return len(self.points)

    @property
    def dim(self) -> int:
        """Return d."""
        return len(self.features)

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Return the least and the greatest value of every coordinate."""
        columns = list(zip(*self.points, strict=True))
        return tuple(map(min, columns)), tuple(map(max, columns))

    @property
    def mean(self) -> Vector:
        """Return the exact mean of the points."""
        return tuple(map(statistics.mean, zip(*self.points, strict=True)))


def read_csv(
    path: str | Path,
    *,
    features: Sequence[str] | None = None,
    content: bytes | None = None,
    presets: bool = False,
) -> DataSet:
    """Return the data set of a CSV file with a header row, every number read as it is written.

    Parameters
    ----------
    path : path
        UTF-8, comma-separated, the first row names the columns. ``content``, where given, is
        the file's content, and ``path`` only names it.
    features : sequence of column names, optional
        The coordinates, in this order. Without it: every numeric column. A column without any
        number is text and is left out; a column that mixes numbers with gaps or text is an error,
        never a silent choice.
    presets : bool
        Whether, without ``features``, those of :data:`DEFAULT_FEATURES` are taken for a file of
        that name: for who shows what was taken.

    Raises
    ------
    InputError
        With file, row and column, for a file that cannot be read as such.

    Examples
    --------
    >>> data = read_csv("x.csv", content=b"a,b,kind\\n5.1,1/3,u\\n-2,1e-1,v\\n")
    >>> data.features, data.points[0], data.left_out
    (('a', 'b'), (Fraction(51, 10), Fraction(1, 3)), ('kind',))
    >>> read_csv("x.csv", content=b"a,b\\n1,\\n", features=["b"])
    Traceback (most recent call last):
      ...
    exactbn.errors.InputError: x.csv, row 2, column 'b': got an empty cell, expected a number
    """
    path = as_path(path)
    raw = read_bytes(path) if content is None else content
    allowance = Allowance(len(raw))
    header, numbers, rows = _table(path, raw, allowance)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    if features is None and presets:
        preset = DEFAULT_FEATURES.get(path.name, ())
        features = preset if preset and all(name in columns for name in preset) else None
    chosen = _choose(path, columns, features)
    values = [_numbers(path, name, columns[name], numbers, allowance) for name in chosen]
    used = set(chosen)
    left_out = tuple(name for name in header if name not in used)
    label_name = _label_column(columns, left_out)
    return DataSet(
        name=path.name,
        features=chosen,
        points=tuple(zip(*values, strict=True)),
        sha256=hashlib.sha256(raw).hexdigest(),
        labels=None if label_name is None else tuple(t.strip() for t in columns[label_name]),
        label_name=label_name,
        left_out=left_out,
    )


def read_bytes(path: str | Path) -> bytes:
    """Return the bytes of a regular file of acceptable size.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read or is too large.
    """
    source = Source(as_path(path))
    with source.named():
        return source.read(MAX_BYTES)


def _table(
    path: Path, raw: bytes, allowance: Allowance
) -> tuple[list[str], list[int], list[list[str]]]:
    """Return the header, the numbers of the data rows, and these rows, all of equal length."""
    table = _rows(path, raw, allowance)
    if not table:
        raise InputError(f"{path} is empty, expected a header row and rows of data")
    header = [name.strip() for name in table[0][1]]
    _check_header(path, header)
    if len(table) == 1:
        raise InputError(f"{path} has a header and no data rows")
    for i, row in table[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, row {i}: got {len(row)} cells, expected {len(header)} as in the header"
            )
    return header, [i for i, _ in table[1:]], [row for _, row in table[1:]]


def _rows(path: Path, raw: bytes, allowance: Allowance) -> list[tuple[int, list[str]]]:
    """Return the numbered rows of the text.

    An empty line is no row; a line of commas alone is a row of gaps.
    """
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not UTF-8, expected a CSV file in UTF-8"
        ) from error
    if b"\0" in raw:
        raise InputError(f"{path} holds a NUL byte, expected a CSV file in UTF-8")
    stream = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")
    table: list[tuple[int, list[str]]] = []
    try:
        for i, row in enumerate(csv.reader(stream), 1):
            if row:
                allowance.take_numbers(len(row))
                table.append((i, row))
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return table


def _check_header(path: Path, header: list[str]) -> None:
    """Check that the first row names the columns, each once."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{path}, row 1: got no comma, expected columns separated by commas")
    if all(_is_number(name) for name in header):
        raise InputError(
            f"{path}, row 1: got only numbers ({', '.join(header)[:40]}), expected a header row "
            "with the names of the columns"
        )
    seen: set[str] = set()
    for place, name in enumerate(header, 1):
        if not name:
            raise InputError(f"{path}, row 1: column {place} has no name, expected one")
        if name in seen:
            raise InputError(f"{path}, row 1: the column name {name[:40]!r} occurs twice")
        seen.add(name)


def _choose(
    path: Path, columns: dict[str, tuple[str, ...]], features: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names of the columns that are the coordinates."""
    if features is None:
        numeric = [name for name, cells in columns.items() if any(map(_is_number, cells))]
        if not numeric:
            raise InputError(f"{path} has no numeric column; its columns: {_listed(columns)}")
        return tuple(numeric)
    if not features:
        raise InputError("no features are named, expected at least one column name")
    seen: set[str] = set()
    for name in features:
        if name not in columns:
            raise InputError(
                f"{path} has no column {name!r}, expected one of: {_listed(columns)}"
            )
        if name in seen:
            raise InputError(f"the feature {name!r} is named twice")
        seen.add(name)
    return tuple(features)


def _numbers(
    path: Path, name: str, cells: Sequence[str], rows: Sequence[int], allowance: Allowance
) -> Vector:
    """Return the entries of one column exactly; ``rows`` are their places in the file."""
    numbers = []
    for row, cell in zip(rows, cells, strict=True):
        place = f"{path}, row {row}, column {name[:40]!r}"
        if not cell.strip():
            raise InputError(f"{place}: got an empty cell, expected a number")
        try:
            allowance.take_text(cell)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        try:
            number = to_fraction(cell, "the cell")
        except NotRationalError as error:
            raise InputError(
                f"{place}: got {cell.strip()[:40]!r}, expected a number; "
                "choose numeric columns with --features"
            ) from error
        if abs(number) > MAX_VALUE:
            raise InputError(f"{place}: got {cell.strip()[:40]!r}, expected at most 1e100")
        numbers.append(number)
    return tuple(numbers)


def _label_column(columns: dict[str, tuple[str, ...]], left_out: Sequence[str]) -> str | None:
    """Return the last text column with few different values and no gaps, or None."""
    for name in reversed(left_out):
        cells = columns[name]
        if any(map(_is_number, cells)) or not all(cell.strip() for cell in cells):
            continue
        if len({cell.strip() for cell in cells}) <= MAX_CLASSES:
            return name
    return None


def _is_number(cell: str) -> bool:
    """Return whether the text is a finite rational number."""
    try:
        to_fraction(cell)
    except NotRationalError:
        return False
    return True


def _listed(columns: dict[str, tuple[str, ...]]) -> str:
    """Return the first column names as text."""
    names = [name[:40] for name in list(columns)[:20]]
    return ", ".join(names) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")

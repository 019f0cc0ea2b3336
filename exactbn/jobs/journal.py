"""The journal of a job: which tasks are done, and where their parts are.

A folder holds the network, a part for each task that is done, and ``journal.sqlite``. A part is
flushed to the disk before it gets its name, and has its name before one transaction says that the
task is done: so whatever the journal says is there, however the job ended. What has a name and is
not in the journal is written again.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import IO

from exactbn.engines.complex.chunks import Path
from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.jobs.part_files import as_bytes, path_of, path_text, read_kept
from exactbn.jobs.tasks import Job, Kept, Result
from exactbn.model.domain import Domain
from exactbn.model.files import save_json
from exactbn.output import check_regular, create_file
from exactbn.regions.arrow_files import sha256_of
from exactbn.regions.storage import JOURNAL

FILE, LOCK, PARTS, NETWORK = JOURNAL, "lock", "parts", "network.json"
#: It says too how pieces are dealt out, since a path means another piece where that changes.
FORMAT = "exactbn job 2"

# Every row bears its own hash: SQLite has none, and a row that was damaged must not be believed.
_TABLES = "about", "parts", "chunks", "dealt"
_TABLE = "CREATE TABLE {} (key TEXT PRIMARY KEY, value TEXT NOT NULL, digest TEXT) WITHOUT ROWID"


_ADVICE = "begin again in another folder"


class Journal:
    """What is known of a job on the disk; of a folder one at a time."""

    def __init__(self, folder: FilePath, base: sqlite3.Connection, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._base = base
        parts, chunks, dealt = (_rows(folder, base, table) for table in _TABLES[1:])
        #: The SHA-256 of each part, the part in which each chunk is, and the pieces dealt out.
        self._parts = {path_of(path): sha256 for path, sha256 in parts}
        self._chunks = {path_of(path): path_of(part) for path, part in chunks}
        self._dealt = {path_of(path): int(count) for path, count in dealt}
        if not self._parts.keys() >= set(self._chunks.values()):
            raise InputError(f"{folder / FILE}: is damaged: a part of it is not there; {_ADVICE}")

    @property
    def num_tasks(self) -> int:
        """Return how many tasks are done."""
        return len(self._parts)

    @property
    def share(self) -> float:
        """Return the share of the work that is done, as far as that can be foreseen."""
        shares: dict[Path, float] = {(): 1.0}
        for path in sorted(self._dealt):
            own = shares.get(path, 0.0) / self._dealt[path]
            shares |= {(*path, k): own for k in range(self._dealt[path])}
        return sum(shares.get(path, 0.0) for path in self._chunks)

    def forget_damaged(self) -> list[str]:
        """Forget the tasks whose parts are not what they were; return why, a line each."""
        remarks = []
        for path in list(self._parts):
            try:
                self._content(path)
            except InputError as error:
                remarks.append(f"{error}; its task is done again")
                text = path_text(path)
                with self._named(), self._base:
                    self._base.execute("DELETE FROM parts WHERE key = ?", (text,))
                    self._base.execute("DELETE FROM chunks WHERE value = ?", (text,))
                del self._parts[path]
                self._chunks = {own: part for own, part in self._chunks.items() if part != path}
        return remarks

    def add(self, result: Result) -> None:
        """Write down a task that is done; one that was done before is let be."""
        if result.path in self._parts:
            return
        content = as_bytes(self._kind, result.kept)
        text = path_text(result.path)
        with create_file(self._file(result.path), force=True) as stream:
            stream.write(content)
        sha256 = sha256_of(content)
        dealt = dict(result.dealt)
        finished = [piece.path for piece in result.kept if piece.path not in dealt]
        with self._named(), self._base:
            _insert(self._base, "parts", {text: sha256})
            _insert(self._base, "chunks", {path_text(path): text for path in finished})
            _insert(self._base, "dealt", {path_text(p): str(count) for p, count in dealt.items()})
        self._parts[result.path] = sha256
        self._chunks |= dict.fromkeys(finished, result.path)
        self._dealt |= dealt

    def left(self) -> list[Path]:
        """Return the pieces that are to be cut yet, in the order of their paths."""
        left: list[Path] = []
        waiting: list[Path] = [()]
        while waiting:
            path = waiting.pop()
            if path in self._dealt:
                waiting += ((*path, k) for k in reversed(range(self._dealt[path])))
            elif path not in self._chunks:
                left.append(path)
        return left

    def kept(self) -> Iterator[Kept]:
        """Yield all that is kept, in the order of the paths of the pieces.

        Raises
        ------
        InputError
            If a part is damaged, or the parts are not all of the job, each once.
        """
        share = Fraction(0)
        for path in sorted(self._parts):
            for piece in read_kept(self._kind, self._file(path), self._content(path)):
                share += piece.share
                yield piece
        if share != 1:
            raise InputError(
                f"{self._folder / FILE}: is damaged: its parts are {float(share):g} of the job, "
                f"expected 1; {_ADVICE}"
            )

    def _content(self, path: Path) -> bytes:
        """Return the bytes of a part, which are those that were written."""
        file = self._file(path)
        check_regular(file)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror or error}") from None
        if sha256_of(content) != self._parts[path]:
            raise InputError(f"{file}: is damaged: it has another SHA-256 than the journal says")
        return content

    def _file(self, path: Path) -> FilePath:
        return self._folder / PARTS / f"{path_text(path)}.parquet"

    @contextmanager
    def _named(self) -> Iterator[None]:
        with _named(self._folder):
            yield


@contextmanager
def open_journal(folder: FilePath, job: Job, *, resume: bool) -> Iterator[Journal]:
    """Yield the journal of a job in a folder, which is this process's alone meanwhile.

    Parameters
    ----------
    folder : path
        Absent or empty for a new job.
    resume : bool
        Whether a job that is there goes on; one that is not begins.

    Raises
    ------
    InputError
        If the folder holds something else, another job, or one at which somebody is at work.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is there and is not a folder, expected a folder to write")
    is_there = (folder / FILE).exists()
    if not is_there and folder.exists() and set(_names(folder)) - {LOCK, PARTS, NETWORK}:
        raise InputError(f"{folder}: holds no {FILE}, and other files; name another folder")
    if is_there and not resume:
        raise InputError(
            f"{folder}: holds a job already; go on with it by --resume, or name another folder"
        )
    with _named(folder):
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        for name in (LOCK, FILE):
            check_regular(folder / name)
        with open(folder / LOCK, "a", encoding="ascii") as lock:
            _take(lock, folder)
            base = sqlite3.connect(folder / FILE)
            try:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("PRAGMA synchronous = FULL")
                _begin(folder, base, job)
                yield Journal(folder, base, job.kind)
            finally:
                base.close()


def _names(folder: FilePath) -> Iterator[str]:
    """Yield the names in a folder, but drafts of files."""
    return (path.name for path in folder.iterdir() if not path.name.startswith("."))


def _take(lock: IO[str], folder: FilePath) -> None:
    """Take a lock that one process has at a time."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{folder}: another process is at work here; wait for its end") from None


def _begin(folder: FilePath, base: sqlite3.Connection, job: Job) -> None:
    """Write what job it is, or compare it with what is there."""
    wanted = about(job)
    tables = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    if not tables:
        # Whatever was there: a job that was killed early may have left that of another network.
        save_json(job.network, folder / NETWORK)
        with base:
            base.execute("BEGIN")
            for table in _TABLES:
                base.execute(_TABLE.format(table))
            _insert(base, "about", wanted)
        return
    found = dict(_rows(folder, base, "about"))
    for key, value in wanted.items():
        if found.get(key) != value:
            got = str(found.get(key))
            raise InputError(
                f"{folder}: is the job of another {key}: {got[:80]}, and not {value[:80]}; name "
                "another folder"
            )


def _insert(base: sqlite3.Connection, table: str, values: Mapping[str, str]) -> None:
    """Enter rows into a table, each with its hash; one that is there is let be."""
    rows = [(key, value, _digest(table, key, value)) for key, value in values.items()]
    base.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)", rows)


def _rows(folder: FilePath, base: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table, each as it was entered.

    Raises
    ------
    InputError
        If one is not.
    """
    for row in base.execute(f"SELECT * FROM {table}"):
        if len(row) != 3 or row[2] != _digest(table, *row[:2]):
            raise InputError(f"{folder / FILE}: is damaged: a row of {table!r} changed; {_ADVICE}")
        yield row[:2]


def _digest(*texts: object) -> str:
    """Return the hash of a row."""
    return sha256_of("|".join(map(str, texts)).encode())


def about(job: Job) -> dict[str, str]:
    """Return what makes a job this one and no other."""
    return {
        "format": FORMAT,
        "kind": job.kind,
        "network": job.network.sha256,
        "domain": json.dumps(_told(job.domain), separators=(",", ":")),
        "size": str(job.size),
        "version": version("exactbn"),
    }


def _told(domain: Domain) -> dict[str, object]:
    """Return a domain in texts."""
    box = domain.box
    ends = None if box is None else [list(map(to_text, box.lo)), list(map(to_text, box.hi))]
    rows = [[to_text(b), *map(to_text, a)] for a, b in zip(domain.matrix, domain.bounds)]
    return {"dim": domain.dim, "box": ends, "rows": rows}


@contextmanager
def _named(folder: FilePath) -> Iterator[None]:
    """Turn errors of the disk and of the data base into one line."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{folder}: the journal cannot be used: {text or error}") from None

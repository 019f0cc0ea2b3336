"""The journal of a job: which tasks are done, and where their parts are.

A folder holds the network, a part for each task that is done, and ``journal.sqlite``. A part is
flushed to the disk before it gets its name, and has its name before one transaction says that the
task is done: so whatever the journal says is there, however the job ended. What has a name and is
not in the journal is written again.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import IO, Any

from exactbn.engines.complex.chunks import Path
from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.jobs.part_files import as_bytes, path_of, path_text, read_kept
from exactbn.jobs.tasks import Job, Kept, Result
from exactbn.model.domain import Domain
from exactbn.model.files import save_json
from exactbn.output import create_file
from exactbn.regions.arrow_files import sha256_of

FILE, LOCK, PARTS, NETWORK = "journal.sqlite", "lock", "parts", "network.json"
FORMAT = "exactbn job 1"

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks (path TEXT PRIMARY KEY, part TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dealt (path TEXT PRIMARY KEY, pieces INTEGER NOT NULL) WITHOUT ROWID;
"""


class Journal:
    """What is known of a job on the disk; of a folder one at a time."""

    def __init__(self, folder: FilePath, base: sqlite3.Connection, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._base = base
        self._parts: dict[Path, str] = dict(self._rows("SELECT path, sha256 FROM parts"))
        self._chunks: dict[Path, Path] = {
            path: path_of(part) for path, part in self._rows("SELECT path, part FROM chunks")
        }
        dealt = list(self._rows("SELECT path, pieces FROM dealt"))
        self._dealt: dict[Path, int] = dict(dealt)
        if any(not isinstance(count, int) or count < 1 for _, count in dealt):
            raise InputError(f"{folder / FILE}: is damaged: a piece was dealt into no pieces")

    def _rows(self, query: str) -> Iterator[tuple[Path, Any]]:
        """Yield rows that begin with a path."""
        for path, value in self._base.execute(query):
            yield path_of(path), value

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
                with self._base:
                    self._base.execute("DELETE FROM parts WHERE path = ?", (text,))
                    self._base.execute("DELETE FROM chunks WHERE part = ?", (text,))
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
            self._base.execute("INSERT INTO parts VALUES (?, ?)", (text, sha256))
            chunks = [(path_text(path), text) for path in finished]
            self._base.executemany("INSERT INTO chunks VALUES (?, ?)", chunks)
            pieces = [(path_text(path), count) for path, count in dealt.items()]
            self._base.executemany("INSERT OR IGNORE INTO dealt VALUES (?, ?)", pieces)
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
                "expected 1; begin again in another folder"
            )

    def _content(self, path: Path) -> bytes:
        """Return the bytes of a part, which are those that were written."""
        file = self._file(path)
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
        save_json(job.network, folder / NETWORK)
        with base:
            base.execute("BEGIN")
            for statement in _TABLES.strip().split(";\n"):
                base.execute(statement)
            base.executemany("INSERT INTO about VALUES (?, ?)", list(wanted.items()))
        return
    found = dict(base.execute("SELECT key, value FROM about"))
    for key, value in wanted.items():
        if found.get(key) != value:
            got = str(found.get(key))
            raise InputError(
                f"{folder}: is the job of another {key}: {got[:80]}, and not {value[:80]}; name "
                "another folder"
            )


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

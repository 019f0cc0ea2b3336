"""Mutants of files, read by the thousand in processes of their own.

A reader must end in what it reads or in one line of our own; in any other exception, in more than
two seconds of computing, in more than a gigabyte of memory or in the end of its process it has
failed. Mutant k of a format and a seed is always the same: a failure can be looked at again.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from exactbn.checker import Rejection, Unreadable
from exactbn.engines.run import Progress
from exactbn.errors import ExactBNError, InternalError
from exactbn.seeds import derived_seed

#: Seconds of computing, and bytes, that the reading of one mutant may take.
MAX_SECONDS = 2.0
MAX_BYTES = 1 << 30
#: Seconds without a word from a process after which it counts as hung, and is ended; and those
#: that it may take to begin, on a machine that is busy.
PATIENCE = 120.0
BEGINNING = 1200.0
#: Mutants that one process reads: what one leaves behind must not be all of the others' trouble.
TOGETHER = 10_000

_OURS = (ExactBNError, Rejection, Unreadable)

#: What may become of a mutant; those from the third on are faults.
OUTCOMES = ("taken", "refused", "uncaught", "slow", "large", "crashed")
FAULTS = OUTCOMES[2:]

#: The files of a folder by their names; one file alone is called "".
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Format:
    """A format: a good file, how a mutant of it is made, and how it is read.

    ``suffix`` is that of the file, or of the folder; functions are those of modules, so that a
    process of its own finds them.
    """

    name: str
    suffix: str
    good: Files
    change: Callable[[Files, Random], Files]
    read: Callable[[Path], object]

    def mutant(self, seed: int, number: int) -> Files:
        """Return mutant ``number``."""
        return self.change(self.good, Random(derived_seed(seed, self.name, number)))

    def write(self, folder: Path, files: Files) -> Path:
        """Write files and return the path that is read."""
        path = folder / f"mutant{self.suffix}"
        if set(files) == {""}:
            path.write_bytes(files[""])
            return path
        path.mkdir(exist_ok=True)
        for old in path.iterdir():
            old.unlink()
        for name, content in files.items():
            (path / name).write_bytes(content)
        return path


@dataclass(frozen=True)
class Failure:
    """A mutant at which a reader has failed, how, and what it said."""

    format: str
    number: int
    outcome: str
    text: str


@dataclass
class Tally:
    """What has become of the mutants of each format, and the failures."""

    seed: int
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    longest: dict[str, float] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, int]:
        """Return the counts of a format by outcome."""
        return {outcome: self.counts[name, outcome] for outcome in OUTCOMES}

    @property
    def total(self) -> int:
        """Return the number of mutants."""
        return sum(self.counts.values())


def read_mutants(
    formats: Sequence[Format], count: int, seed: int, progress: Progress | None = None
) -> Tally:
    """Read so many mutants of each format, and return what has become of them.

    Raises
    ------
    InternalError
        If the good file of a format is not read.
    """
    tally = Tally(seed)
    for form in formats:
        done = 0
        while done < count:
            end = min(count, done + TOGETHER)
            for number, outcome, seconds, text in _read_apart(form, seed, done, end):
                tally.counts[form.name, outcome] += 1
                tally.longest[form.name] = max(tally.longest.get(form.name, 0.0), seconds)
                if outcome in FAULTS:
                    tally.failures.append(Failure(form.name, number, outcome, text))
                done = number + 1
                if progress is not None and done % 100 == 0:
                    progress(tally.total, count * len(formats), form.name)
    return tally


def read_one(form: Format, folder: Path, seed: int, number: int) -> tuple[str, str]:
    """Return what becomes of one mutant, and what is said of it."""
    path = form.write(folder, form.mutant(seed, number))
    return _outcome(form, path)


def _outcome(form: Format, path: Path) -> tuple[str, str]:
    try:
        form.read(path)
    except _OURS as error:
        text = str(error)
        if isinstance(error, InternalError):
            return "uncaught", f"InternalError: {text}"
        return ("refused", text) if len(text.splitlines()) == 1 else ("uncaught", "several lines")
    except MemoryError:
        return "large", "MemoryError"
    except Exception as error:  # what a reader lets through is what is counted
        return "uncaught", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return "taken", ""


def _read_apart(
    form: Format, seed: int, first: int, end: int
) -> Iterator[tuple[int, str, float, str]]:
    """Yield (number, outcome, seconds, text) of mutants that a process of its own reads."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, form, seed, first, end), daemon=True)
    process.start()
    theirs.close()
    number = first
    try:
        if not ours.poll(BEGINNING) or ours.recv() != "ready":
            raise InternalError(f"the good file of the format {form.name} is not read")
        while number < end:
            if not ours.poll(PATIENCE):
                yield number, "slow", PATIENCE, f"nothing for {PATIENCE:.0f} s"
                return
            number, outcome, seconds, text = ours.recv()
            yield number, outcome, seconds, text
            number += 1
    except EOFError:
        process.join()
        if number == first and process.exitcode == 3:
            raise InternalError(f"the good file of the format {form.name} is not read") from None
        yield number, "crashed", 0.0, f"exit code {process.exitcode}"
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(out: Connection, form: Format, seed: int, first: int, end: int) -> None:
    """Read mutants and send what becomes of each; the whole of a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if _outcome(form, form.write(folder, form.good))[0] != "taken":
            sys.exit(3)
        _limit_memory()
        before = _peak()
        out.send("ready")
        for number in range(first, end):
            path = form.write(folder, form.mutant(seed, number))
            start = time.process_time()
            outcome, text = _outcome(form, path)
            seconds = time.process_time() - start
            if outcome in ("taken", "refused"):
                if seconds > MAX_SECONDS:
                    outcome, text = "slow", f"{seconds:.1f} s: {text}"
                elif _peak() > before + MAX_BYTES:
                    outcome, text = "large", f"{_peak() - before} bytes: {text}"
            before = max(before, _peak()) if outcome == "large" else before
            out.send((number, outcome, seconds, text[:300]))


def _peak() -> int:
    """Return the greatest number of bytes that this process has had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _limit_memory() -> None:
    """Let this process ask for a gigabyte more than it has, where the system can tell what it has.

    A reader that asks for more is told so, by a MemoryError, before the machine suffers.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmData:"):
            limit = int(line.split()[1]) * 1024 + MAX_BYTES + (1 << 28)
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            if hard == resource.RLIM_INFINITY or hard > limit:
                resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))

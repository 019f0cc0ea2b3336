"""Many problems, one after the other or in several processes, until enough are done."""

import faulthandler
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from exactbn import checker
from exactbn.errors import InputError, InternalError
from exactbn.selfcheck import answers
from exactbn.selfcheck.certificates import Examiner, checked
from exactbn.selfcheck.examination import Counts, Examination, examine, save_failure, shrunk
from exactbn.selfcheck.families import NAMES, random_problem
from exactbn.selfcheck.problem import Problem

#: Problems that a process examines at a time.
BATCH = 20
#: Failures after which the check ends: more of them say little more.
MOST_FAILURES = 20


@dataclass
class Summary:
    """What a run has found: counts, and the failures with the files of their networks."""

    seed: int
    counts: Counts = field(default_factory=Counts)
    failures: list[tuple[Path, Examination]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, out: Path, result: Examination, smaller: Examination | None) -> None:
        """Write a failure to a folder, and the smaller one, and keep it."""
        path = save_failure(out, result)
        if smaller is not None:
            # The smaller network is what people want to see first.
            path = save_failure(out, smaller, ".shrunk")
        self.failures.append((path, result))

    def total(self, what: str) -> int:
        """Return a count over all kinds."""
        return sum(number for (first, *_), number in self.counts.items() if first == what)

    def by_kind(self, what: str) -> dict[str, int]:
        """Return a count kind by kind."""
        return {kind: number for (first, kind), number in self.counts.items() if first == what}


@dataclass(frozen=True)
class Batch:
    """Problems ``first`` to ``last`` - 1 of a seed, with so many mutants of each certificate.

    The problems are those of the families in turn.
    """

    seed: int
    families: tuple[str, ...]
    first: int
    last: int
    mutants: int

    def examine(self) -> "Result":
        """Return the counts, and the failures, each with a smaller one where one was found."""
        counts: Counts = Counts()
        failures = []
        with TemporaryDirectory(prefix="exactbn-selfcheck-") as folder:
            examiner = new_examiner(Path(folder), self.mutants)
            for k in range(self.first, self.last):
                result = examine(random_problem(self.seed, k, self.families), examiner)
                counts.update(result.counts)
                if result.faults:
                    failures.append((result, shrunk(result, examiner)))
        return counts, failures

    def examine_alone(self) -> "Result":
        """Do the same in a process of its own, which ends where compiled code has no end."""
        faulthandler.dump_traceback_later(BATCH * answers.PATIENCE, exit=True)
        try:
            return self.examine()
        finally:
            faulthandler.cancel_dump_traceback_later()


#: Counts, and failures with a smaller one each.
Result = tuple[Counts, list[tuple[Examination, Examination | None]]]


def new_examiner(folder: Path, mutants: int) -> Examiner:
    """Return an examiner of certificates that keeps its files in ``folder``."""
    return Examiner(checked, folder, mutants, Path(checker.__file__))


def run(
    seed: int,
    *,
    out: Path,
    minutes: float | None = None,
    networks: int | None = None,
    mutants: int = 8,
    workers: int = 1,
    families: Sequence[str] = NAMES,
    first: int = 0,
    progress: Callable[[int, int | None, str], None] | None = None,
) -> Summary:
    """Return the summary of a run that ends after some minutes or some networks.

    Problem k of a family and a seed is the same in every run.

    Parameters
    ----------
    seed : int
        Of all that is random.
    out : Path
        Folder for the networks that fail; it is made when the first one does.
    minutes, networks : optional
        When to stop, whichever comes first; one of them is needed.
    mutants : int
        How many mutants of each certificate are tried.
    workers : int
        Processes.
    families : sequence of str
        They take turns.
    first : int
        The number of the first problem of each family.
    progress : callable, optional
        Called with (networks done, all networks or None, remark).
    """
    if minutes is None and networks is None:
        raise InputError("neither minutes nor networks are given, expected one of them")
    start = time.monotonic()
    deadline = None if minutes is None else start + 60 * minutes
    summary = Summary(seed)
    whole = Batch(seed, tuple(families), first * len(families), 0, mutants)
    batches = _batches(whole, networks, deadline)
    for counts, failures in _results(batches, workers):
        summary.counts.update(counts)
        for result, smaller in failures:
            summary.add(out, result, smaller)
        if progress is not None:
            progress(summary.total("networks"), networks, f"{len(summary.failures)} failures")
        if len(summary.failures) >= MOST_FAILURES:
            break
    summary.seconds = time.monotonic() - start
    return summary


def examine_one(problem: Problem, *, out: Path, mutants: int) -> Summary:
    """Return the summary of one problem, with everything that can be looked at."""
    start = time.monotonic()
    summary = Summary(0)
    with TemporaryDirectory(prefix="exactbn-selfcheck-") as folder:
        examiner = new_examiner(Path(folder), mutants)
        result = examine(problem, examiner, thorough=True)
        summary.counts.update(result.counts)
        if result.faults:
            summary.add(out, result, shrunk(result, examiner))
    summary.seconds = time.monotonic() - start
    return summary


def _batches(whole: Batch, networks: int | None, deadline: float | None) -> Iterator[Batch]:
    """Yield batches of problems until these or the time run out; the first one always."""
    starts = count(0, BATCH) if networks is None else range(0, networks, BATCH)
    for start in starts:
        if start and deadline is not None and time.monotonic() >= deadline:
            return
        stop = start + BATCH if networks is None else min(start + BATCH, networks)
        yield replace(whole, first=whole.first + start, last=whole.first + stop)


def _results(batches: Iterator[Batch], workers: int) -> Iterator[Result]:
    """Yield the results of batches, in no certain order where there are several processes.

    Raises
    ------
    InternalError
        If a process dies, or runs into compiled code without end.
    """
    if workers == 1:
        yield from (batch.examine() for batch in batches)
        return
    # Nothing is inherited from threads of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running: dict[Future[Result], Batch] = {}
        try:
            while True:
                waiting = islice(batches, 2 * workers - len(running))
                running |= {pool.submit(batch.examine_alone): batch for batch in waiting}
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                    del running[future]
        except BrokenProcessPool:
            asked = ", ".join(f"{batch.first} to {batch.last - 1}" for batch in running.values())
            raise InternalError(
                f"a process died or found no end in one of the problems {asked} of the run"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)

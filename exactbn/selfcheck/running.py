"""Many problems, one after the other or in several processes, until enough are done."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from exactbn import checker
from exactbn.errors import InputError
from exactbn.selfcheck.certificates import Examiner, checked
from exactbn.selfcheck.examination import Counts, Examination, examine, save_failure, shrunk
from exactbn.selfcheck.networks import random_problem

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

    def total(self, what: str) -> int:
        """Return a count over all kinds."""
        return sum(number for (first, *_), number in self.counts.items() if first == what)

    def by_kind(self, what: str) -> dict[str, int]:
        """Return a count kind by kind."""
        return {kind: number for (first, kind), number in self.counts.items() if first == what}


@dataclass(frozen=True)
class Batch:
    """Problems ``first`` to ``last`` - 1 of a seed, with so many mutants of each certificate."""

    seed: int
    first: int
    last: int
    mutants: int

    def examine(self) -> tuple[Counts, list[tuple[Examination, Examination | None]]]:
        """Return the counts, and the failures, each with a smaller one where one was found."""
        counts: Counts = Counts()
        failures = []
        with TemporaryDirectory(prefix="exactbn-selfcheck-") as folder:
            examiner = new_examiner(Path(folder), self.mutants)
            for k in range(self.first, self.last):
                result = examine(random_problem(self.seed, k), examiner)
                counts.update(result.counts)
                if result.faults:
                    failures.append((result, shrunk(result, examiner)))
        return counts, failures


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
    progress: Callable[[int, int | None, str], None] | None = None,
) -> Summary:
    """Return the summary of a run that ends after some minutes or some networks.

    Problem k of a seed is the same in every run, and a run examines the problems from 0 on.

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
    progress : callable, optional
        Called with (networks done, all networks or None, remark).
    """
    if minutes is None and networks is None:
        raise InputError("neither minutes nor networks are given, expected one of them")
    start = time.monotonic()
    deadline = None if minutes is None else start + 60 * minutes
    summary = Summary(seed)
    batches = _batches(seed, networks, mutants, deadline)
    for counts, failures in _results(batches, workers):
        summary.counts.update(counts)
        for result, smaller in failures:
            summary.failures.append((save_failure(out, result), result))
            if smaller is not None:
                save_failure(out, smaller, ".shrunk")
        if progress is not None:
            progress(summary.total("networks"), networks, f"{len(summary.failures)} failures")
        if len(summary.failures) >= MOST_FAILURES:
            break
    summary.seconds = time.monotonic() - start
    return summary


def _batches(
    seed: int, networks: int | None, mutants: int, deadline: float | None
) -> Iterator[Batch]:
    """Yield batches of problems until these or the time run out; the first one always."""
    for first in count(0, BATCH) if networks is None else range(0, networks, BATCH):
        if first and deadline is not None and time.monotonic() >= deadline:
            return
        last = first + BATCH if networks is None else min(first + BATCH, networks)
        yield Batch(seed, first, last, mutants)


Result = tuple[Counts, list[tuple[Examination, Examination | None]]]


def _results(batches: Iterator[Batch], workers: int) -> Iterator[Result]:
    """Yield the results of batches, in no certain order where there are several processes."""
    if workers == 1:
        yield from (batch.examine() for batch in batches)
        return
    # Nothing is inherited from threads of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running: set[Future[Result]] = set()
        try:
            while True:
                waiting = islice(batches, 2 * workers - len(running))
                running |= {pool.submit(batch.examine) for batch in waiting}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)

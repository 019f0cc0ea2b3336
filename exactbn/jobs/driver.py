"""A job done: tasks are handed out, and what they find is written down and put together."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path as FilePath

from exactbn.engines.complex.chunks import SIZE, SWITCH_INTERVAL, Chunk, Path
from exactbn.engines.complex.cutting import Outcome
from exactbn.engines.complex.engine import check_inputs
from exactbn.engines.complex.joining import Fragment, Joining
from exactbn.engines.complex.start import template
from exactbn.engines.first_use import announce
from exactbn.engines.run import Budget, Progress, checked_workers
from exactbn.errors import ExactBNError, LimitError
from exactbn.jobs.cluster import check_scheduler, cluster
from exactbn.jobs.journal import FILE, Journal, open_journal
from exactbn.jobs.part_files import path_text
from exactbn.jobs.tables import create_tables
from exactbn.jobs.tasks import COUNT, PARTITION, Job, Result, cut_for
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import num_words
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.partition import Partition
from exactbn.regions.pieces import STEPS, FaceCounts, counting
from exactbn.wording import counted

#: Seconds for which a task cuts before it says what is left.
SECONDS = 1.0
#: Seconds after which a task on a cluster is handed out again, at first: nothing was heard of it.
PATIENCE = 600.0
#: Seconds for which tasks that are out when a budget is spent may end.
GRACE = 2.0
#: How often a task is handed out before the job ends without it.
TRIES = 3


@dataclass(frozen=True)
class Terms:
    """How a job is done; the result does not depend on it.

    Parameters
    ----------
    workers : int
        Threads of this process, or worker processes of the local scheduler.
    scheduler : optional
        ``"local"``, or the address of a Dask scheduler.
    resume : bool
        Whether a job in the folder goes on.
    max_seconds : optional
        A budget; what was done stays in the folder.
    seconds, patience : float
        For how long a task cuts, and when it counts as lost.
    progress : callable, optional
        Called with (done, all, remark), in hundredths of the work.
    """

    workers: int = 1
    scheduler: str | None = None
    resume: bool = False
    max_seconds: float | None = None
    seconds: float = SECONDS
    patience: float = PATIENCE
    progress: Progress | None = None

    def __post_init__(self) -> None:
        checked_workers(self.workers)


@dataclass(frozen=True)
class Tasks:
    """How many tasks a job had, how many of them were done before, and what is to be said."""

    tasks: int
    reused: int
    remarks: tuple[str, ...] = ()


@dataclass
class _Handed:
    """A task that is out: since when, and how often before."""

    path: Path
    started: float
    tries: int


@dataclass
class _Out:
    """All that is handed out or waits for it."""

    waiting: list[Path]
    tries: dict[Path, int] = field(default_factory=dict)
    running: dict["Future[Result]", _Handed] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)


def count_in(
    folder: FilePath, network: Network, domain: Domain, terms: Terms, *, size: int = SIZE
) -> tuple[FaceCounts, Tasks]:
    """Count the faces of a domain as :func:`exactbn.count_faces` does, writing down what is done.

    Whenever it is killed, it goes on from the tasks that are in the journal; the result is the
    same. The memory is that of the pieces in work; in the end, of the facets between parts.

    Parameters
    ----------
    folder : path
        Where the journal and the parts are, see :mod:`.journal`, and in the end the tables.
    network, domain
        What is cut.
    terms : Terms
        How.
    size : int
        About how many faces a piece begins with; part of what makes a job.

    Raises
    ------
    LimitError
        When the budget is spent, or tasks have failed three times; the journal stays.
    InputError
        As :func:`.journal.open_journal`, or if the scheduler is not to be had.
    """
    with _done(folder, Job(network, domain, size, COUNT), terms) as (journal, tasks):
        with create_tables(folder, num_words(network.widths)) as tables:
            counter = counting(network, domain, tables)
            for chunk in journal.kept():
                assert isinstance(chunk, Chunk)
                counter.add(chunk)
            return counter.result(), tasks


@contextmanager
def partition_in(
    folder: FilePath, network: Network, domain: Domain, terms: Terms, *, size: int = SIZE
) -> Iterator[tuple[Partition, Tasks]]:
    """Yield the partition of the complex engine, writing down what is done.

    All faces are in memory in the end; the partition is that of :func:`exactbn.partition`, proof
    and all. Meanwhile nobody else may use the folder. Parameters and errors are as for
    :func:`count_in`.
    """
    job = Job(network, domain, size, PARTITION)
    with _done(folder, job, terms) as (journal, tasks):
        joining = Joining(network, domain)
        for fragment in _fragments(job, journal):
            joining.add(fragment)
        outcome = Outcome(joining.lattice(), network.num_hidden, joining.statistics)
        evidence = LatticeEvidence.of(network, domain, outcome.lattice, outcome)
        yield Partition(network, domain, evidence), tasks


def _fragments(job: Job, journal: Journal) -> Iterator[Fragment]:
    """Yield all fragments; those of pieces dealt out that went with a damaged part, made again."""
    dealt: set[Path] = set()
    again = replace(job)  # what has cut the tasks was stopped
    for fragment in journal.kept():
        assert isinstance(fragment, Fragment)
        for depth in range(len(fragment.path)):
            path = fragment.path[: depth + 1]
            if path[:-1] not in dealt:
                dealt.add(path[:-1])
                yield from again.of_dealt(again.cutter.find(path))
        if fragment.is_dealt:
            dealt.add(fragment.path)
        yield fragment


@contextmanager
def _done(folder: FilePath, job: Job, terms: Terms) -> Iterator[tuple[Journal, Tasks]]:
    """Yield the journal of a job in a folder once all its tasks are done."""
    check_inputs(job.network, [job.domain])
    template(job.domain)  # refuses what has no interior before anything is written
    announce("complex")
    budget = Budget.asked(max_seconds=terms.max_seconds)
    if terms.scheduler is not None:
        check_scheduler(terms.scheduler)
    began = terms.resume and not (folder / FILE).exists()
    with open_journal(folder, job, resume=terms.resume) as journal:
        remarks = [f"{folder}: there was no job to go on with; this is a new one"] * began
        remarks += journal.forget_damaged()
        reused = journal.num_tasks
        with _executor(job, terms.workers, terms.scheduler, terms.seconds) as (submit, many):
            out = _Out(journal.left()[::-1])
            lost_after = inf if terms.scheduler is None else terms.patience
            _work_through(out, journal, submit, many, budget, lost_after, terms.progress)
        if out.failed:
            named = "; ".join(f"{path_text(path)}: {why}" for path, why in out.failed.items())
            raise LimitError(
                f"{counted(len(out.failed), 'task')} failed {TRIES} times: {named[:400]}; the rest "
                "is in the journal"
            )
        yield journal, Tasks(journal.num_tasks, reused, tuple(remarks))


def _work_through(
    out: _Out,
    journal: Journal,
    submit: Callable[[Path], "Future[Result]"],
    many: int,
    budget: Budget,
    patience: float,
    progress: Progress | None,
) -> None:
    """Hand out tasks until none is left, and write down what they find.

    Raises
    ------
    LimitError
        When the budget is spent; what ends soon after that is written down as well.
    """
    share = journal.share
    while out.waiting or out.running:
        late = budget.is_late()
        while out.waiting and len(out.running) < many and not late:
            path = out.waiting.pop()
            tries = out.tries[path] = out.tries.get(path, 0) + 1
            out.running[submit(path)] = _Handed(path, time.monotonic(), tries)
        if late and (not out.running or budget.seconds_left() < -GRACE):
            raise LimitError(
                f"the budget of {budget.max_seconds:g} seconds is spent: "
                f"{counted(journal.num_tasks, 'task')} done, about {int(share * STEPS)} % of the "
                "work; go on with --resume"
            )
        done, _ = wait(out.running, timeout=1.0, return_when=FIRST_COMPLETED)
        for future in done:
            result = _result(out, future)
            if result is not None:
                journal.add(result)
                out.waiting += reversed(result.left)
                share += sum(float(piece.share) for piece in result.kept)
        _hand_out_again(out, patience)
        if progress is not None:
            progress(int(share * STEPS), STEPS, counted(journal.num_tasks, "task"))


def _result(out: _Out, future: "Future[Result]") -> Result | None:
    """Return what a task has found; where it has failed it waits again, or is given up."""
    handed = out.running.pop(future)
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ExactBNError):
        raise error
    # What a worker dies of has many names.
    _again(out, handed, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")
    return None


def _hand_out_again(out: _Out, patience: float) -> None:
    """Take back the tasks of which nothing was heard for long."""
    now = time.monotonic()
    for future, handed in list(out.running.items()):
        # It may be long and not lost: each time it gets twice as long.
        limit = patience * 2 ** (handed.tries - 1)
        if now - handed.started > limit and not future.done():
            future.cancel()
            del out.running[future]
            _again(out, handed, f"nothing was heard of it for {limit:g} s")


def _again(out: _Out, handed: _Handed, why: str) -> None:
    """Let a task wait again, or give it up."""
    if handed.tries < TRIES:
        out.waiting.append(handed.path)
    else:
        out.failed[handed.path] = why


@contextmanager
def _executor(
    job: Job, workers: int, scheduler: str | None, seconds: float
) -> Iterator[tuple[Callable[[Path], "Future[Result]"], int]]:
    """Yield how a task is handed out, and how many at a time."""
    if scheduler is not None:
        with cluster(job, workers, scheduler) as (executor, sent, many):
            yield lambda path: executor.submit(cut_for, sent, path, seconds), many
        return
    pool, interval = ThreadPoolExecutor(workers), sys.getswitchinterval()
    # Loops come back for the lock every millisecond or so: nobody should hold it long.
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield lambda path: pool.submit(cut_for, job, path, seconds), workers
    finally:
        # However this ends: what still runs looks up after a step.
        job.cutter.budget.is_stopped.set()
        sys.setswitchinterval(interval)
        pool.shutdown(cancel_futures=True)

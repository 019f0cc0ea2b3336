"""Tasks on worker processes of a Dask scheduler: one of this machine, or one by its address."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

from exactbn.errors import InputError
from exactbn.jobs.tasks import Job

#: The name of a scheduler that is made for this job, with its workers, and ends with it.
LOCAL = "local"
#: Seconds in which a scheduler has to answer.
ANSWER = 20
#: Tasks that are handed out for every thread of a worker: one in work, and one that waits there.
AHEAD = 2


_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d{1,5}")


def check_scheduler(scheduler: str) -> None:
    """Raise InputError for a text that is no scheduler's name."""
    if scheduler != LOCAL and not _ADDRESS.fullmatch(scheduler):
        raise InputError(
            f"--scheduler is {scheduler[:80]!r}, expected local, or an address such as "
            "tcp://127.0.0.1:8786"
        )


@contextmanager
def cluster(job: Job, workers: int, scheduler: str) -> Iterator[tuple[Executor, Any, int]]:
    """Yield what runs tasks on workers, the job as they know it, and how many tasks at a time.

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers.
    """
    try:
        import dask
        import distributed
    except ModuleNotFoundError:
        raise InputError(
            "--scheduler needs Dask, which is not installed: pip install 'exactbn[dist]'"
        ) from None
    # A worker that dies counts against its task here, and no second time there.
    options = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True}
    with dask.config.set(options):
        if scheduler != LOCAL:
            with _connected(distributed.Client, scheduler) as client:
                yield _ready(client, job)
            return
        local: Any = distributed.LocalCluster
        with _uninterrupted():
            made = local(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1",
                dashboard_address="127.0.0.1:0", silence_logs=50,
            )  # fmt: skip
        with made, _connected(distributed.Client, made) as client:
            yield _ready(client, job)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let interrupts pass while workers are made, who inherit that they do not hear of any.

    A terminal interrupts all processes of a command: this one is to end the others, by and by. For
    the second or two that this takes it does not hear of an interrupt either.
    """
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ready(client: Any, job: Job) -> tuple[Executor, Any, int]:
    """Return an executor of a client, the job as its workers have it, and how many tasks fit."""
    threads = sum(client.nthreads().values()) or 1
    sent = client.scatter(job, broadcast=True, hash=False)
    return client.get_executor(pure=False), sent, AHEAD * threads


@contextmanager
def _connected(client: Any, address: Any) -> Iterator[Any]:
    """Yield a client of a scheduler."""
    try:
        connected = client(address, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"--scheduler: {address!r} does not answer: {text}") from None
    with connected:
        yield connected

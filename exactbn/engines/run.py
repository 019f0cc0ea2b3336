"""What every run of an engine knows: its budget, whom to tell how far it is, and its one thread."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from numbers import Integral, Real
from threading import Lock
from typing import Any

from exactbn.errors import InputError, LimitError

#: Called with (done, all, remark): neurons of a partition, points of a sampling run.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Budget:
    """Limits after which a run stops; ``started`` is when its seconds began to count."""

    max_regions: int | None = None
    max_seconds: float | None = None
    max_neurons: int | None = None
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def asked(cls, max_regions: object = None, max_seconds: object = None) -> "Budget":
        """Return the budget that a user asks for.

        Raises
        ------
        InputError
            If a limit is no number, or below the least that makes sense.
        """
        regions = int(max_regions) if isinstance(max_regions, Integral) else None
        if max_regions is not None and (regions is None or regions < 1):
            raise InputError(f"max_regions is {max_regions!r}, expected an integer >= 1 or None")
        try:
            seconds = float(max_seconds) if isinstance(max_seconds, Real) else None
        except OverflowError:
            seconds = math.inf
        if max_seconds is not None and (seconds is None or not seconds >= 0):
            raise InputError(f"max_seconds is {max_seconds!r}, expected a number >= 0 or None")
        return cls(regions, seconds)

    def is_spent(self, regions: int, neurons: int) -> bool:
        """Return whether regions or seconds are over their limits, or neurons at theirs."""
        if self.max_regions is not None and regions > self.max_regions:
            return True
        if self.max_neurons is not None and neurons >= self.max_neurons:
            return True
        return self.is_late()

    @property
    def is_limited(self) -> bool:
        """Return whether there is any limit."""
        return (self.max_regions, self.max_seconds, self.max_neurons) != (None, None, None)

    def is_late(self) -> bool:
        """Return whether the seconds are spent."""
        return self.seconds_left() < 0.0

    def seconds_left(self) -> float:
        """Return how many seconds are left, infinity where they are not limited."""
        if self.max_seconds is None:
            return math.inf
        return self.started + self.max_seconds - time.monotonic()

    @property
    def limit(self) -> str:
        """Return the name of the limit that ended a run."""
        is_regions = self.max_regions is not None and not self.is_late()
        return "max_regions" if is_regions else "max_seconds"

    def check_time(self) -> None:
        """Raise a LimitError where the seconds are spent."""
        if self.is_late():
            raise LimitError(f"the budget of {self.max_seconds:g} seconds is spent")


def checked_factor(factor: object) -> float:
    """Return a factor of error bounds, which must not make them less than they are.

    Raises
    ------
    InputError
        If it is no number >= 1.
    """
    value = float(factor) if isinstance(factor, Real) else math.nan
    if not value >= 1:
        raise InputError(f"filter_factor is {factor!r:.40}, expected a number >= 1")
    return value


def checked_workers(workers: object) -> int:
    """Return a number of threads.

    Raises
    ------
    InputError
        If it is no integer >= 1.
    """
    number = int(workers) if isinstance(workers, Integral) else 0
    if number < 1:
        raise InputError(f"workers is {workers!r}, expected an integer >= 1")
    return number


#: The budget of what has no limits.
UNLIMITED = Budget()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute the float products of small matrices on one thread inside the ``with`` block.

    Several threads gain nothing on matrices of a few hundred rows, and wait for each other where
    the machine is busy with something else. The limit holds for the process: blocks may be nested
    and may overlap on several threads, the first one sets it and the last one lifts it. Only
    speed depends on it, so where threadpoolctl is not installed nothing is limited.
    """
    limit = _thread_limit()
    limit.enter()
    try:
        yield
    finally:
        limit.leave()


class _ThreadLimit:
    """The limit of one BLAS thread, and how many runs want it."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self._lock = Lock()
        self._wanted_by = 0
        self._limiter: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._wanted_by == 0 and self._controller is not None:
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._wanted_by += 1

    def leave(self) -> None:
        with self._lock:
            self._wanted_by -= 1
            if self._wanted_by == 0 and self._limiter is not None:
                self._limiter.restore_original_limits()
                self._limiter = None


@cache
def _thread_limit() -> _ThreadLimit:
    """Return the one limit of this process; finding the libraries takes milliseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return _ThreadLimit(None)
    return _ThreadLimit(ThreadpoolController())

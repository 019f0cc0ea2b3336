"""What every run of an engine knows: budgets, and the one thread of its float products."""

import sys
from threading import Thread

import numpy as np
import pytest

from exactbn.engines import run
from exactbn.engines.run import Budget, checked_factor, one_blas_thread
from exactbn.errors import InputError


def test_budgets() -> None:
    assert not Budget().is_spent(10**9, 10**9)
    assert Budget(max_regions=3).is_spent(4, 0) and not Budget(max_regions=3).is_spent(3, 0)
    assert Budget(max_neurons=3).is_spent(0, 3) and not Budget(max_neurons=3).is_spent(0, 2)
    assert Budget(max_seconds=-1.0).is_late() and not Budget(max_seconds=1e6).is_late()


def test_budgets_that_are_asked_for() -> None:
    assert Budget.asked(np.int64(1), 0).max_seconds == 0 and Budget.asked(3).max_regions == 3
    for regions in (0, -3, 2.5, "3", float("nan")):
        with pytest.raises(InputError, match="max_regions is .*, expected an integer >= 1"):
            Budget.asked(regions)
    for seconds in (-1, -1e-9, float("nan"), "3"):
        with pytest.raises(InputError, match="max_seconds is .*, expected a number >= 0"):
            Budget.asked(None, seconds)


def test_one_thread_inside_and_as_many_as_before_outside() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="nothing limits threads")
    # Other tests may have loaded more libraries since the limit was made.
    run._thread_limit.cache_clear()

    def threads() -> set[int]:
        info = threadpoolctl.threadpool_info()
        return {library["num_threads"] for library in info if library["user_api"] == "blas"}

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            with one_blas_thread():
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == before


def test_blocks_that_overlap_on_threads_lift_the_limit_once() -> None:
    """The one that entered first leaves first: the limit stays until the last one leaves."""
    calls: list[str] = []

    class Limiter:
        def restore_original_limits(self) -> None:
            calls.append("lifted")

    class Controller:
        def limit(self, *, limits: int, user_api: str) -> Limiter:
            calls.append(f"{user_api} {limits}")
            return Limiter()

    limit = run._ThreadLimit(Controller())
    limit.enter()
    other = Thread(target=limit.enter)
    other.start()
    other.join()
    limit.leave()
    assert calls == ["blas 1"]
    limit.leave()
    assert calls == ["blas 1", "lifted"]
    limit.enter()
    assert calls == ["blas 1", "lifted", "blas 1"]


def test_without_threadpoolctl_nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    run._thread_limit.cache_clear()
    try:
        with one_blas_thread():
            pass
    finally:
        run._thread_limit.cache_clear()


@pytest.mark.parametrize("factor", [0, -1, 1 - 2**-53, float("nan"), "1", None])
def test_bounds_are_not_made_less_than_they_are(factor: object) -> None:
    with pytest.raises(InputError, match="filter_factor is .*, expected a number >= 1"):
        checked_factor(factor)

"""Settling of claims in several processes gives what one process gives, within the time given."""

import time
from dataclasses import replace

import pytest

from exactbn.claims.ledger import settling
from exactbn.claims.ledger.claim import Effort
from exactbn.claims.ledger.ledger import FAMILIES, all_claims, find_claim
from exactbn.claims.ledger.settling import Batch, settle_all
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import InputError, InternalError

#: Claims of three families, not family by family.
CHOSEN = [find_claim(key) for key in ("F14", "F9", "K13", "F4")]


def test_processes_change_nothing() -> None:
    told: list[tuple[int, int]] = []
    one = settle_all(CHOSEN, Effort())
    two = settle_all(CHOSEN, Effort(), workers=2,
                     progress=lambda done, total, text: told.append((done, total)))  # fmt: skip
    assert [entry.claim.key for entry in two] == ["F14", "F9", "K13", "F4"]
    assert [entry.verdict for entry in two] == [entry.verdict for entry in one]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_a_batch_that_is_late_settles_nothing() -> None:
    assert Batch(("F4",), Effort(), time.time()).settle() == []
    assert [key for key, _, _ in Batch(("F4",), Effort(), time.time() + 600).settle()] == ["F4"]
    assert settle_all(CHOSEN, Effort(), max_seconds=0) == []


def test_a_fault_of_one_check_hides_no_other() -> None:
    def broken(effort: Effort) -> Verdict:
        raise InputError("a fault in the check")

    fault = replace(CHOSEN[0], key="K999", check=broken)
    first, second = settle_all([fault, CHOSEN[3]], Effort())
    assert first.verdict.status is Status.OPEN and "a fault" in first.verdict.summary
    assert second.verdict.status is Status.REFUTED


def test_every_family_is_given_to_some_process(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Pool:
        """A pool that notes what it is given and dies."""

        def __init__(self, workers: int, mp_context: object) -> None:
            assert workers == 3

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None:
            """End."""

        def shutdown(self, cancel_futures: bool) -> None:
            """End."""

        def submit(self, work: object) -> object:
            given.extend(work.__self__.keys)  # type: ignore[attr-defined]
            return None

    def died(futures: object) -> object:
        raise settling.BrokenProcessPool

    monkeypatch.setattr(settling, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(settling, "as_completed", died)
    with pytest.raises(InternalError, match="died"):
        settle_all(all_claims(), Effort(), workers=3)
    assert sorted(given) == sorted(claim.key for claim in all_claims())
    assert find_claim(given[0]).family == FAMILIES[-1]

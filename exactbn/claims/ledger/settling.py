"""Settling of claims, one after another or the families among several processes.

Claims of one family stay in one process, in the order of the ledger: they share what they measure.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from exactbn.claims.ledger.claim import Claim, Effort, settle
from exactbn.claims.ledger.ledger import FAMILIES, Entry, find_claim, judge_together
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import ExactBNError, InternalError

#: Told how many claims of how many are settled, and which one is the last or the next.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Batch:
    """Claims that one process settles, by their keys, none of them begun after ``stop``.

    ``stop`` is a time of day in seconds, which all processes agree on.
    """

    keys: tuple[str, ...]
    effort: Effort
    stop: float | None

    def settle(self) -> list[tuple[str, Verdict, float]]:
        """Return the keys that were settled in time, their verdicts, and the seconds taken."""
        claims = [find_claim(key) for key in self.keys]
        found = _settled(claims, self.effort, self.stop, lambda done, total, text: None)
        return [(entry.claim.key, entry.verdict, entry.seconds) for entry in found]


def settle_all(
    claims: Sequence[Claim],
    effort: Effort,
    *,
    workers: int = 1,
    max_seconds: float | None = None,
    progress: Progress = lambda done, total, text: None,
) -> list[Entry]:
    """Return the claims that the time allows, settled, in their order, and judged together.

    A check that ends in an error leaves its claim open: one failure must not hide the others.

    Raises
    ------
    InternalError
        If one of several processes dies.
    """
    stop = None if max_seconds is None else time.time() + max_seconds
    families = {claim.family for claim in claims}
    if workers == 1 or len(families) == 1:
        return judge_together(_settled(claims, effort, stop, progress))
    found: dict[str, Entry] = {}
    for entry in _spread(claims, effort, stop, workers):
        progress(len(found), len(claims), f"{entry.claim.key} {entry.claim.title}")
        found[entry.claim.key] = entry
    return judge_together(found[claim.key] for claim in claims if claim.key in found)


def _settled(
    claims: Sequence[Claim], effort: Effort, stop: float | None, progress: Progress
) -> list[Entry]:
    """Return the claims that were settled in this process until the time ran out."""
    entries: list[Entry] = []
    for claim in claims:
        if stop is not None and time.time() >= stop:
            break
        progress(len(entries), len(claims), f"{claim.key} {claim.title}")
        start = time.perf_counter()
        try:
            verdict = settle(claim, effort)
        except ExactBNError as error:
            verdict = Verdict(Status.OPEN, f"the check ended in an error: {error}")
        entries.append(Entry(claim, verdict, time.perf_counter() - start))
    return entries


def _spread(
    claims: Sequence[Claim], effort: Effort, stop: float | None, workers: int
) -> Iterator[Entry]:
    """Yield the claims as they are settled by several processes."""
    by_key = {claim.key: claim for claim in claims}
    # The last families take the longest: they begin.
    batches = [
        Batch(tuple(key for key, claim in by_key.items() if claim.family == family), effort, stop)
        for family in reversed(FAMILIES)
    ]
    # Nothing is inherited from threads of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for future in as_completed([pool.submit(b.settle) for b in batches if b.keys]):
                for key, verdict, seconds in future.result():
                    yield Entry(by_key[key], verdict, seconds)
        except BrokenProcessPool:
            raise InternalError("a process that settles claims died") from None
        finally:
            pool.shutdown(cancel_futures=True)

"""The ledger: all claims, their verdicts, and the pages and files made of them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

from exactbn.claims.ledger.claim import Claim, Effort, registered, settle
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import InputError

#: Modules that register claims, one a family.
FAMILIES = (
    "centering",
    "centering_limits",
    "counting",
    "bounds",
    "degree",
    "depth",
    "depth_limits",
    "boundary",
    "noise",
    "density",
    "probability",
    "training",
)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Entry:
    """A claim, its verdict, and the seconds that it took."""

    claim: Claim
    verdict: Verdict
    seconds: float

    @property
    def is_as_expected(self) -> bool:
        """Return whether the verdict is the one that the ledger records."""
        return self.verdict.status is self.claim.expected


def all_claims() -> tuple[Claim, ...]:
    """Return every claim of the ledger, K before F, by number."""
    for family in FAMILIES:
        import_module(f"exactbn.claims.families.{family}")
    return tuple(entry for entry in registered() if entry.family in FAMILIES)


def find_claim(key: str) -> Claim:
    """Return one claim by its key.

    Raises
    ------
    InputError
        If there is no claim of that key.
    """
    claims = {entry.key: entry for entry in all_claims()}
    if key not in claims:
        raise InputError(f"no claim {key!r}, expected one of {', '.join(claims)}")
    return claims[key]


def settle_all(
    claims: Iterable[Claim], effort: Effort, progress: Progress | None = None
) -> list[Entry]:
    """Return the verdicts of the claims, in order."""
    entries, chosen = [], list(claims)
    for done, entry in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen), f"{entry.key} {entry.title}")
        start = time.perf_counter()
        verdict = settle(entry, effort)
        entries.append(Entry(entry, verdict, time.perf_counter() - start))
    return entries


def record(entry: Entry) -> dict[str, object]:
    """Return an entry as plain values, for JSON."""
    claim, verdict = entry.claim, entry.verdict
    return {
        "key": claim.key,
        "family": claim.family,
        "title": claim.title,
        "statement": claim.statement,
        "assumptions": claim.assumptions,
        "source": claim.source,
        "method": claim.method,
        "verdict": verdict.status.value,
        "expected": claim.expected.value,
        "summary": verdict.summary,
        "instances": verdict.instances,
        "details": dict(verdict.details),
        "assumption": verdict.assumption,
        "p_value": verdict.p_value,
        "interval": verdict.interval,
        "alpha": verdict.alpha,
        "has_counterexample": verdict.counterexample is not None,
        "seconds": round(entry.seconds, 3),
    }


def tally(entries: Iterable[Entry]) -> dict[Status, int]:
    """Return how many entries have each status."""
    counts = dict.fromkeys(Status, 0)
    for entry in entries:
        counts[entry.verdict.status] += 1
    return counts

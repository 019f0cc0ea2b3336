"""The ledger: all claims, their verdicts, and the pages and files made of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module

from exactbn.claims.ledger.claim import Claim, registered
from exactbn.claims.ledger.multiplicity import holm, outcome, tally_outcomes
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import InputError

#: Modules that register claims, one a family.
FAMILIES = (
    "centering",
    "centering_limits",
    "eps_limits",
    "counting",
    "neighbours",
    "bounds",
    "initial_counts",
    "degree",
    "depth",
    "depth_limits",
    "boundary",
    "noise",
    "density",
    "probability",
    "separation",
    "expectation",
    "training",
)


@dataclass(frozen=True)
class Entry:
    """A claim, its verdict, and the seconds that it took.

    ``clear`` says of each of the verdict's comparisons whether it is clear at the ledger's level.
    """

    claim: Claim
    verdict: Verdict
    seconds: float
    clear: tuple[bool, ...] = ()

    @property
    def summary(self) -> str:
        """Return the verdict's summary, and how its statistical tests ended."""
        outcomes = tally_outcomes(self.verdict.comparisons, self.clear)
        return ". ".join([self.verdict.summary.removesuffix("."), *outcomes]) + "."

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
    """Return one claim by its key, in letters of either case.

    Raises
    ------
    InputError
        If there is no claim of that key.
    """
    claims = {entry.key: entry for entry in all_claims()}
    if key.upper() not in claims:
        raise InputError(f"no claim {key!r}, expected one of {', '.join(claims)}")
    return claims[key.upper()]


def judge_together(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with their statistical tests judged by Holm over the whole ledger."""
    found = list(entries)
    p_values = [t.p_value for entry in found for t in entry.verdict.comparisons]
    planned = {entry.key: entry.tests for entry in (*all_claims(), *(e.claim for e in found))}
    clear = iter(holm(p_values, sum(planned.values())))
    return [
        replace(entry, clear=tuple(next(clear) for _ in entry.verdict.comparisons))
        for entry in found
    ]


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
        "answers": list(claim.answers),
        "is_reconstructed": claim.is_reconstructed,
        "fairness": claim.fairness,
        "proof": claim.proof,
        "summary": entry.summary,
        "instances": verdict.instances,
        "details": dict(verdict.details),
        "assumption": verdict.assumption,
        "tests": [
            {"group": t.group, "name": t.name, "p_value": t.p_value, "figures": t.text,
             "estimate": float(f"{t.estimate:.4g}"), "outcome": outcome(t, is_clear)}
            for t, is_clear in zip(verdict.comparisons, entry.clear, strict=True)
        ],
        "has_counterexample": verdict.counterexample is not None,
        "seconds": round(entry.seconds, 3),
    }


def tally(entries: Iterable[Entry]) -> dict[Status, int]:
    """Return how many entries have each status."""
    counts = dict.fromkeys(Status, 0)
    for entry in entries:
        counts[entry.verdict.status] += 1
    return counts

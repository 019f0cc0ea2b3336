"""A claim: a statement, how it is settled, and the registry that the ledger prints."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import InputError


@dataclass(frozen=True)
class Effort:
    """How much a check does: a fast subset for every test run, or everything.

    ``of(few, many)`` picks the number of instances.
    """

    is_full: bool = False

    def of(self, few: int, many: int) -> int:
        """Return ``many`` for the full ledger and ``few`` for a quick look."""
        return many if self.is_full else few


Check = Callable[[Effort], Verdict]
#: Returns why an instance violates the claim, None where it does not; raises a HypothesisError
#: where the instance does not meet the hypotheses of the claim.
Violation = Callable[[Instance], str | None]
Propose = Callable[[random.Random], Instance]
#: An exact number that is > 0 exactly where an instance violates the claim; raises as above.
Margin = Callable[[Instance], Fraction | int]


@dataclass(frozen=True)
class Claim:
    """One entry of the ledger.

    ``statement`` gives the mathematics first; ``assumptions`` what it supposes; ``source`` where it
    stands ("as commonly stated" where the wording is not a quotation); ``method`` how it is tested;
    ``expected`` the status that its test insists on. ``violation`` tells whether an instance
    violates it and ``propose`` draws candidates: with both, the claim can be searched; with a
    ``margin`` too, by climbing.
    """

    key: str
    family: str
    title: str
    statement: str
    assumptions: str
    source: str
    method: str
    expected: Status
    check: Check
    violation: Violation | None = None
    propose: Propose | None = None
    margin: Margin | None = None


_CLAIMS: dict[str, Claim] = {}


def claim(
    key: str,
    family: str,
    title: str,
    *,
    statement: str,
    assumptions: str,
    source: str,
    method: str,
    expected: Status,
    violation: Violation | None = None,
    propose: Propose | None = None,
    margin: Margin | None = None,
) -> Callable[[Check], Check]:
    """Register the decorated check as the claim ``key``."""

    def register(check: Check) -> Check:
        if key in _CLAIMS:
            raise InputError(f"claim {key} is registered twice")
        _CLAIMS[key] = Claim(
            key,
            family,
            title,
            " ".join(statement.split()),
            " ".join(assumptions.split()),
            source,
            method,
            expected,
            check,
            violation,
            propose,
            margin,
        )
        return check

    return register


def registered() -> tuple[Claim, ...]:
    """Return the registered claims, K before F, by number."""
    return tuple(sorted(_CLAIMS.values(), key=lambda c: (c.key[0] != "K", int(c.key[1:]))))


def settle(entry: Claim, effort: Effort) -> Verdict:
    """Return the verdict of a claim, its counterexample replayed before it is believed.

    Raises
    ------
    InputError
        If the counterexample does not violate the claim that it is to refute.
    """
    verdict = entry.check(effort)
    if verdict.status in (Status.REFUTED, Status.NEEDS) and entry.violation is not None:
        example = verdict.counterexample
        if example is None or entry.violation(example) is None:
            raise InputError(f"claim {entry.key}: its counterexample violates nothing")
    return verdict

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

    ``proof`` is the whole proof of what is proved. ``answers`` names the statements of the source
    that it speaks to: S1, S2, S3, see ANSWERS. ``is_reconstructed`` says that the source's own
    words and hypotheses are not known, ``fairness`` what else a reader of the source should know.
    ``tests`` is the number of statistical tests, fixed before any run.
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
    proof: str = ""
    answers: tuple[str, ...] = ()
    is_reconstructed: bool = False
    fairness: str = ""
    tests: int = 0

    @property
    def place(self) -> tuple[bool, int, str]:
        """Return where the claim stands in the ledger: K before F, by number, K14 before K14E."""
        digits = "".join(filter(str.isdigit, self.key))
        return self.key[0] != "K", int(digits), self.key


#: What the source says in its abstract; the entries of the ledger are readings and parts of these.
ANSWERS = {
    "S1": "batch normalization adapts the partition to the data, whatever the weights",
    "S2": "batch normalization is a smart initialization",
    "S3": "mini-batch statistics shake the decision boundary like dropout and widen the margin",
}

#: What is said of a source whose own words and hypotheses are not known.
RECONSTRUCTED = "as reconstructed; hypotheses of the source unknown"

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
    proof: str = "",
    answers: tuple[str, ...] = (),
    is_reconstructed: bool = False,
    fairness: str = "",
    tests: int = 0,
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
            " ".join(proof.split()),
            answers,
            is_reconstructed,
            " ".join(fairness.split()),
            tests,
        )
        return check

    return register


def registered() -> tuple[Claim, ...]:
    """Return the registered claims, K before F, by number."""
    return tuple(sorted(_CLAIMS.values(), key=lambda entry: entry.place))


def settle(entry: Claim, effort: Effort) -> Verdict:
    """Return the verdict of a claim, its counterexample replayed before it is believed.

    A statistical claim has to make as many tests as were planned; it may end without any.

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
    if len(verdict.comparisons) not in (0, entry.tests):
        raise InputError(
            f"claim {entry.key}: {len(verdict.comparisons)} tests, planned are {entry.tests}"
        )
    return verdict

"""Drawn instances judged by a claim: those that meet its hypotheses, drawn until there are enough.

An instance that does not meet the hypotheses is no instance of the claim: its judge raises a
HypothesisError, and it is not counted.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from exactbn.claims.ledger.claim import Propose, Violation
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import HypothesisError, InputError

#: Draws that are allowed for one instance that meets the hypotheses, on the average.
MOST_DRAWS = 200


@dataclass(frozen=True)
class Survey:
    """Instances that met the hypotheses of a claim, all judged, and the violations among them.

    ``draws`` is how many were drawn for them; ``violations`` are pairs (instance, reason).
    """

    instances: tuple[Instance, ...]
    violations: tuple[tuple[Instance, str], ...]
    draws: int

    @property
    def count(self) -> int:
        """Return the number of instances."""
        return len(self.instances)

    @property
    def share(self) -> str:
        """Return the number of violations and of instances as text."""
        return f"{len(self.violations)} of {self.count}"

    @property
    def failure(self) -> Verdict | None:
        """Return the verdict on a claim that every instance ought to meet, None if each does."""
        if not self.violations:
            return None
        instance, reason = self.violations[0]
        return Verdict(Status.REFUTED, reason, self.count, {}, instance)


def survey(
    violation: Violation,
    propose: Propose,
    rng: random.Random,
    wanted: int,
    chosen: Iterable[Instance] = (),
) -> Survey:
    """Judge the ``chosen`` instances, and drawn ones until ``wanted`` of these met the hypotheses.

    Raises
    ------
    HypothesisError
        If a chosen instance does not meet the hypotheses.
    InputError
        If the draws that are allowed do not give enough.
    """
    judged = [(instance, violation(instance)) for instance in chosen]
    total, draws = len(judged) + wanted, 0
    while len(judged) < total:
        if draws == MOST_DRAWS * wanted:
            raise InputError(
                f"of {draws} drawn instances too few meet the hypotheses, expected {wanted}"
            )
        draws += 1
        instance = propose(rng)
        try:
            judged.append((instance, violation(instance)))
        except HypothesisError:
            continue
    bad = tuple((instance, reason) for instance, reason in judged if reason is not None)
    return Survey(tuple(instance for instance, _ in judged), bad, draws)


def meets(violation: Callable[[Instance], object], instance: Instance) -> bool:
    """Return whether an instance meets the hypotheses of a judge."""
    try:
        violation(instance)
    except HypothesisError:
        return False
    return True

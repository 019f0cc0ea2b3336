"""What settles a claim: a status, the numbers behind it, and counterexamples in exact numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.multiplicity import Comparison


class Status(Enum):
    """How a claim stands; the values are what the ledger prints."""

    PROVED = "proved"
    HOLDS = "holds"
    REFUTED = "refuted"
    NEEDS = "needs"
    STATISTICAL = "statistical"
    OPEN = "open"


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    ``summary`` is one sentence for people. ``instances`` counts those that met the hypotheses and
    were checked exactly, ``details`` holds named figures as text. A refutation has
    ``counterexample`` where it is an instance; a claim that needs an assumption has the assumption
    and a counterexample without it. A statistical verdict has its ``comparisons``, which the
    ledger judges together.
    """

    status: Status
    summary: str
    instances: int = 0
    details: Mapping[str, str] = field(default_factory=dict)
    counterexample: Instance | None = None
    assumption: str = ""
    comparisons: tuple[Comparison, ...] = ()

    @property
    def text(self) -> str:
        """Return the status as the ledger prints it."""
        if self.status is Status.HOLDS:
            return f"holds on {self.instances} instances"
        if self.status is Status.REFUTED:
            attached = self.counterexample is not None
            return "refuted (counterexample attached)" if attached else "refuted"
        if self.status is Status.NEEDS:
            return f"needs: {self.assumption}"
        return str(self.status.value)

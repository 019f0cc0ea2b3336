"""The verdict that a stored counterexample gives when it is replayed."""

from collections.abc import Mapping

from exactbn.claims.ledger.claim import Violation
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.errors import InputError


def refuted(
    key: str,
    violation: Violation,
    summary: str,
    *,
    instances: int = 0,
    details: Mapping[str, str] | None = None,
    assumption: str = "",
) -> Verdict:
    """Return the verdict that the stored counterexample, replayed now, gives.

    With an ``assumption``, under which ``instances`` exact checks held, the claim needs it; without
    one it is refuted.

    Raises
    ------
    InputError
        If the stored counterexample violates nothing.
    """
    instance = stored(key)
    reason = violation(instance)
    if reason is None:
        raise InputError(f"the stored counterexample of {key} violates nothing")
    status = Status.NEEDS if assumption else Status.REFUTED
    text = f"{summary} Counterexample: {reason}."
    return Verdict(status, text, instances, details or {}, instance, assumption)

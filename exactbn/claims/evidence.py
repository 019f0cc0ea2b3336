"""Counterexamples that ship with the package, and the verdict that replays one."""

from collections.abc import Mapping
from importlib.resources import as_file, files

from exactbn.claims.claim import Violation
from exactbn.claims.instance import Instance, read_instance
from exactbn.claims.verdict import Status, Verdict
from exactbn.errors import InputError


def stored_instance(key: str) -> Instance:
    """Return the counterexample of a claim that ships with the package.

    Raises
    ------
    InputError
        If the file is of another claim.
    """
    with as_file(files("exactbn.claims") / "instances" / f"{key}.json") as path:
        claim, instance = read_instance(path)
    if claim != key:
        raise InputError(f"the stored counterexample of {key} is one of {claim}")
    return instance


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
    instance = stored_instance(key)
    reason = violation(instance)
    if reason is None:
        raise InputError(f"the stored counterexample of {key} violates nothing")
    status = Status.NEEDS if assumption else Status.REFUTED
    text = f"{summary} Counterexample: {reason}."
    return Verdict(status, text, instances, details or {}, instance, assumption)

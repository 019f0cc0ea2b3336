"""The counterexample finder: draw, climb, shrink.

A candidate is drawn at random; where the claim has a margin, a local search climbs from there until
the margin is positive or no step gains (:mod:`exactbn.claims.tools.climbing`). What violates the
claim is shrunk: points, inputs, layers and units are dropped, and numbers replaced by ones of fewer
digits, as long as the result still violates it. Every step asks the claim's exact ``violation``,
so what comes out is a counterexample whatever the search did. That no smaller one exists is
another question, for :mod:`exactbn.claims.tools.exhaustion`.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from exactbn.claims.ledger.claim import Claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.tools.climbing import climb
from exactbn.errors import ExactBNError, InputError
from exactbn.model import shrinking
from exactbn.model.network import Network

Progress = Callable[[int, str], None]

#: Of the candidates that violate a claim, so many are shrunk and the smallest is kept.
ENOUGH = 8
#: Smaller instances that are tried for one; the time ends it sooner as a rule.
MOST_TRIES = 100_000


@dataclass(frozen=True)
class Found:
    """A shrunk counterexample, why it is one, and after how many candidates and seconds.

    Candidates are the instances that were drawn or climbed to, those of the shrinker apart.
    """

    instance: Instance
    reason: str
    candidates: int
    seconds: float


def search(
    entry: Claim,
    *,
    seconds: float,
    seed: int = 0,
    enough: int = ENOUGH,
    progress: Progress | None = None,
) -> Found | None:
    """Return the smallest counterexample to a claim that the time suffices to find, or None.

    Parameters
    ----------
    entry : Claim
        With ``violation`` and ``propose``; with a ``margin`` the search climbs.
    seconds : float
        The search ends after this time, or when ``enough`` violations were shrunk.
    seed : int
        Of the random draws.
    progress : callable, optional
        Called with (candidates so far, remark).

    Raises
    ------
    InputError
        If the claim says nothing of single instances.
    """
    violation, propose = entry.violation, entry.propose
    if violation is None or propose is None:
        raise InputError(f"claim {entry.key} cannot be searched: it is not about single instances")
    rng = random.Random(seed)
    start = time.monotonic()
    best: Instance | None = None
    candidates = hits = 0
    while time.monotonic() - start < seconds and hits < enough:
        candidate, tried = propose(rng), 1
        if entry.margin is not None:
            candidate, tried = climb(entry.margin, candidate, rng, deadline=start + seconds)
        candidates += tried
        if violates(violation, candidate):
            hits += 1
            small = shrink(violation, candidate, deadline=start + seconds)
            if best is None or small.size < best.size:
                best = small
        if progress is not None:
            progress(candidates, f"{hits} violations")
    if best is None:
        return None
    reason = violation(best)
    if reason is None:
        raise InputError(f"claim {entry.key}: what the search kept violates nothing")
    return Found(best, reason, candidates, time.monotonic() - start)


def violates(violation: Callable[[Instance], str | None], candidate: Instance) -> bool:
    """Return whether a candidate violates the claim; one that cannot be judged does not."""
    try:
        return violation(candidate) is not None
    except ExactBNError:
        return False


def shrink(
    violation: Callable[[Instance], str | None], instance: Instance, *, deadline: float
) -> Instance:
    """Return a smallest instance that simple steps reach and that still violates the claim.

    The result is a local minimum: no single step makes it smaller. ``deadline`` is on the
    monotonic clock.
    """
    return shrinking.shrink(
        instance, partial(violates, violation), _smaller, lambda candidate: candidate.size,
        tries=MOST_TRIES, deadline=deadline,
    )  # fmt: skip


def _smaller(instance: Instance) -> Iterator[Instance]:
    """Yield instances with something dropped, then with one number simplified."""
    data = instance.data
    for i in range(len(data)):
        yield replace(instance, data=data[:i] + data[i + 1 :])
    if instance.network is not None:
        yield from _fewer_inputs(instance, instance.network)
        for network in shrinking.smaller_networks(instance.network):
            yield replace(instance, network=network)
    for rows in shrinking.smaller_matrices(data):
        yield replace(instance, data=rows)
    for name, number in instance.numbers.items():
        for simpler in shrinking.simpler_numbers(number):
            yield replace(instance, numbers={**instance.numbers, name: simpler})


def _fewer_inputs(instance: Instance, network: Network) -> Iterator[Instance]:
    """Yield the instance without one of its inputs, in the network and in the data."""
    d = network.num_inputs
    if d == 1 or any(len(x) != d for x in instance.data):
        return
    for k in range(d):
        data = tuple(x[:k] + x[k + 1 :] for x in instance.data)
        yield replace(instance, network=shrinking.without_input(network, k), data=data)

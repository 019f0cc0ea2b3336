"""The counterexample finder: draw, climb, shrink.

A candidate is drawn at random, or is the last candidate with one number changed. One that violates
the claim is shrunk: points, neurons and layers are dropped and numbers replaced by smaller ones,
as long as the result still violates it. Every step asks the claim's exact ``violation``, so what
comes out is a counterexample whatever the search did.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from exactbn.claims.ledger.claim import Claim
from exactbn.claims.ledger.instance import Instance
from exactbn.errors import ExactBNError, InputError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.network import Layer, Network

Progress = Callable[[int, str], None]

#: Of the candidates that violate a claim, so many are shrunk and the smallest is kept.
ENOUGH = 8


@dataclass(frozen=True)
class Found:
    """A shrunk counterexample, why it is one, and after how many candidates and seconds."""

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
        With ``violation`` and ``propose``.
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
        candidate = propose(rng)
        candidates += 1
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
    is_smaller = True
    while is_smaller and time.monotonic() < deadline:
        is_smaller = False
        for candidate in _smaller(instance):
            if time.monotonic() >= deadline:
                break
            if candidate.size < instance.size and violates(violation, candidate):
                instance, is_smaller = candidate, True
                break
    return instance


def _smaller(instance: Instance) -> Iterator[Instance]:
    """Yield instances with something dropped, then with one number simplified."""
    data = instance.data
    for i in range(len(data)):
        yield replace(instance, data=data[:i] + data[i + 1 :])
    if instance.network is not None:
        for network in _smaller_networks(instance.network):
            yield replace(instance, network=network)
    for i, row in enumerate(data):
        for j, entry in enumerate(row):
            for simpler in _simpler(entry):
                yield replace(instance, data=_with_entry(data, i, j, simpler))
    for name, number in instance.numbers.items():
        for simpler in _simpler(number):
            yield replace(instance, numbers={**instance.numbers, name: simpler})


def _smaller_networks(network: Network) -> Iterator[Network]:
    """Yield networks without one hidden neuron, or with one simpler number."""
    layers = network.layers
    for index, layer in enumerate(layers[:-1]):
        if layer.num_neurons > 1:
            for k in range(layer.num_neurons):
                yield _replaced(network, index, *_without(layer, layers[index + 1], k))
    for index, layer in enumerate(layers):
        for k in range(layer.num_neurons):
            for simpler in _simpler(layer.bias[k]):
                bias = layer.bias[:k] + (simpler,) + layer.bias[k + 1 :]
                yield _replaced(network, index, Layer(layer.weight, bias, layer.slope))
            for j, entry in enumerate(layer.weight[k]):
                for simpler in _simpler(entry):
                    weight = _with_entry(layer.weight, k, j, simpler)
                    yield _replaced(network, index, Layer(weight, layer.bias, layer.slope))


def _without(layer: Layer, following: Layer, k: int) -> tuple[Layer, Layer]:
    """Return two layers without neuron k of the first."""
    rows = layer.weight[:k] + layer.weight[k + 1 :]
    columns = tuple(row[:k] + row[k + 1 :] for row in following.weight)
    return (
        Layer(rows, layer.bias[:k] + layer.bias[k + 1 :], layer.slope),
        Layer(columns, following.bias, following.slope),
    )


def _replaced(network: Network, index: int, *layers: Layer) -> Network:
    """Return the network with the layers from ``index`` on replaced."""
    before, after = network.layers[:index], network.layers[index + len(layers) :]
    return Network((*before, *layers, *after), network.sigma_policy)


def _with_entry(matrix: Matrix, i: int, j: int, entry: Fraction) -> Matrix:
    """Return a matrix with one entry replaced."""
    row: Vector = matrix[i][:j] + (entry,) + matrix[i][j + 1 :]
    return matrix[:i] + (row,) + matrix[i + 1 :]


def _simpler(number: Fraction) -> Iterator[Fraction]:
    """Yield numbers that are simpler than ``number``, the simplest first."""
    tried = {number}
    whole = Fraction(int(number))
    for other in (Fraction(0), Fraction(1), Fraction(-1), whole, whole / 2, whole - 1, whole + 1):
        simpler = other if other.denominator <= number.denominator else Fraction(int(other))
        if simpler not in tried and _weight(simpler) < _weight(number):
            tried.add(simpler)
            yield simpler


def _weight(number: Fraction) -> tuple[int, int, int]:
    """Return what orders numbers by how simple they are."""
    return number.denominator, abs(number.numerator), int(number < 0)

"""Local search: from an instance that almost violates a claim to one that does.

A claim may have a *margin*, an exact number that is positive where, and only where, an instance
violates it: regions too few, neighbours too many, the smallest logit. A climber changes one number,
or adds, copies or drops a unit, and keeps what has no smaller margin. Steps on a plateau are kept
too, since most margins are integers and most of their landscape is flat.
"""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from exactbn.claims.ledger.claim import Margin
from exactbn.claims.ledger.instance import Instance
from exactbn.errors import ExactBNError
from exactbn.exact.rational import Matrix
from exactbn.model.network import Layer, Network

#: Steps without a gain after which a climb is given up.
PATIENCE = 60


def climb(
    margin: Margin,
    start: Instance,
    rng: random.Random,
    *,
    deadline: float,
    patience: int = PATIENCE,
) -> tuple[Instance, int]:
    """Return where a climb from ``start`` ends, and how many instances were looked at.

    It ends at a positive margin, after ``patience`` steps in a row that gained nothing, or at the
    deadline, on the monotonic clock. What comes out never has a smaller margin than ``start``.
    """
    best, tried, idle = measured(margin, start), 1, 0
    if best is None:
        return start, tried
    current = start
    while best <= 0 and idle < patience and time.monotonic() < deadline:
        candidate = neighbour(current, rng)
        value = measured(margin, candidate)
        tried += 1
        idle += 1
        if value is None or value < best:
            continue
        if value > best:
            idle = 0
        current, best = candidate, value
    return current, tried


def measured(margin: Margin, instance: Instance) -> Fraction | int | None:
    """Return the margin, None where the instance cannot be judged."""
    try:
        return margin(instance)
    except ExactBNError:
        return None


def neighbour(instance: Instance, rng: random.Random) -> Instance:
    """Return an instance with one number or one unit changed."""
    moves: list[Callable[[], Instance]] = []
    network, data, numbers = instance.network, instance.data, instance.numbers
    if network is not None:
        moves += [lambda: replace(instance, network=_changed_network(network, rng))] * 3
    if data:
        moves.append(lambda: replace(instance, data=changed_matrix(data, rng)))
    if numbers:
        moves.append(lambda: _changed_numbers(instance, rng))
    return rng.choice(moves)() if moves else instance


def _changed_numbers(instance: Instance, rng: random.Random) -> Instance:
    """Return the instance with one of its named numbers changed."""
    name = rng.choice(sorted(instance.numbers))
    return replace(
        instance,
        numbers={**instance.numbers, name: changed_number(instance.numbers[name], rng)},
    )


def _changed_network(network: Network, rng: random.Random) -> Network:
    """Return a network with one number changed, or a hidden unit copied or dropped."""
    index = rng.randrange(len(network.layers))
    layer = network.layers[index]
    is_hidden = index < len(network.layers) - 1
    move = rng.randrange(8)
    if is_hidden and move == 0 and layer.num_neurons > 1:
        kept = list(range(layer.num_neurons))
        del kept[rng.randrange(len(kept))]
        return with_units(network, index, kept)
    if is_hidden and move == 1:
        chosen = [*range(layer.num_neurons), rng.randrange(layer.num_neurons)]
        return with_units(network, index, chosen)
    rows = tuple((*row, b) for row, b in zip(layer.weight, layer.bias, strict=True))
    rows = changed_matrix(rows, rng)
    changed = Layer(tuple(r[:-1] for r in rows), tuple(r[-1] for r in rows), layer.slope)
    layers = (*network.layers[:index], changed, *network.layers[index + 1 :])
    return Network(layers, network.sigma_policy)


def with_units(network: Network, index: int, chosen: list[int]) -> Network:
    """Return the network with the chosen units of a hidden layer, in this order."""
    layer, after = network.layers[index], network.layers[index + 1]
    some = Layer(
        tuple(layer.weight[k] for k in chosen), tuple(layer.bias[k] for k in chosen), layer.slope
    )
    rows = tuple(tuple(row[k] for k in chosen) for row in after.weight)
    following = Layer(rows, after.bias, after.slope)
    layers = (*network.layers[:index], some, following, *network.layers[index + 2 :])
    return Network(layers, network.sigma_policy)


def changed_matrix(matrix: Matrix, rng: random.Random) -> Matrix:
    """Return a matrix with one entry changed."""
    i = rng.randrange(len(matrix))
    row = matrix[i]
    j = rng.randrange(len(row))
    changed = (*row[:j], changed_number(row[j], rng), *row[j + 1 :])
    return (*matrix[:i], changed, *matrix[i + 1 :])


def changed_number(number: Fraction, rng: random.Random) -> Fraction:
    """Return a number near a number, or its negative, double, half, or zero."""
    return rng.choice(
        (number + 1, number - 1, number + rng.randint(-5, 5), -number, 2 * number, number / 2,
         Fraction(0))
    )  # fmt: skip

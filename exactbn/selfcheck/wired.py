"""Networks that are no chains: skips, branches, several slopes in a layer; clips and maxima."""

from fractions import Fraction
from random import Random

import numpy as np

from exactbn.model.domain import Box
from exactbn.model.network import Layer, Network
from exactbn.readers.wiring import Row, Wiring, affine, tensor
from exactbn.selfcheck.adversarial import Draw, polytope
from exactbn.selfcheck.degenerate import MIXED, degenerate_network

#: Slopes of single units.
SLOPES = tuple(Fraction(t) for t in ("0", "0", "0", "1/7", "-1", "2", "-1/3"))


def wire(random: Random, network: Network) -> Network:
    """Return a network of as many units as a chain has, which reads earlier features at will.

    Every layer falls into branches, maybe one, that read all or some of the layer before, and
    inputs and units before that with small weights. Some units get a slope of their own.
    """
    d = network.num_inputs
    layers: list[Layer] = []
    before = range(d)  # features of the chain's layer before
    count = d
    for index, layer in enumerate(network.layers):
        is_last = index == len(network.layers) - 1
        rows = list(zip(layer.weight, layer.bias, layer.slopes, strict=True))
        for branch in _branches(random, len(rows)) if not is_last else [range(len(rows))]:
            own = sorted(random.sample(before, random.randint(1, len(before))))
            own = list(before) if random.randrange(2) else own
            earlier = range(before.start)
            more = sorted(random.sample(earlier, random.randint(0, min(3, len(earlier)))))
            weight = tuple(
                (*(_small(random) for _ in more), *(rows[k][0][f - before.start] for f in own))
                for k in branch
            )
            slopes = tuple(
                random.choice(SLOPES) if random.randrange(3) == 0 and not is_last else rows[k][2]
                for k in branch
            )
            bias = tuple(rows[k][1] for k in branch)
            layers.append(Layer(weight, bias, slopes, (*more, *own)))
        before = range(count, count + len(rows))
        count += len(rows)
    return Network(tuple(layers), network.sigma_policy, d)


def _branches(random: Random, count: int) -> list[range]:
    """Return consecutive ranges of units."""
    cuts = sorted(random.sample(range(1, count), random.randint(0, min(2, count - 1))))
    return [range(a, b) for a, b in zip((0, *cuts), (*cuts, count))]


def _small(random: Random) -> Fraction:
    """Return a small weight, often 0."""
    return Fraction(random.choice((-2, -1, 0, 0, 1, 1, 2)), random.choice((1, 1, 2, 3)))


def wired(random: Random) -> Draw:
    """Skips, branches, several slopes in a layer, in boxes, polytopes, slices and all of R^d."""
    if random.randrange(4) == 0:
        network, box, rows = polytope(random)
        return wire(random, network), box, rows
    network, box = degenerate_network(random, MIXED)
    return _sliced(random, wire(random, network), box)


def maxima(random: Random) -> Draw:
    """Clips, maxima, minima and ReLUs of small integer rows, with equal and opposite entries."""
    d = random.choice((1, 2, 2, 2, 3))
    wiring = Wiring(d)
    rows = list(wiring.inputs((d,)))
    for _ in range(random.choice((1, 2, 2))):
        rows = _linear(random, rows, random.randint(2, 4))
        rows = random.choice((_relus, _clips, _extremes, _relus_and_extremes))(random, wiring, rows)
    rows = _linear(random, rows, 1)
    network = Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))
    box = random.choice((None, Box.of(-2, 2, d), Box.of(Fraction(-5, 3), 1, d)))
    return _sliced(random, network, box)


def _sliced(random: Random, network: Network, box: Box | None) -> Draw:
    """Return a network of three or more inputs, now and then, in a slice through the inputs."""
    d = network.num_inputs
    if d < 3 or random.randrange(2):
        return network, box, None
    origin = [Fraction(random.randint(-2, 2), 2) for _ in range(d)]
    directions = [[Fraction(random.randint(-2, 2)) for _ in range(d)] for _ in range(2)]
    directions[0][0], directions[1][0], directions[1][1] = Fraction(1), Fraction(0), Fraction(1)
    side = None if box is None else Box.of(-1, 2, 2)
    return network.restrict(origin, directions), side, None


def _linear(random: Random, rows: list[Row], count: int) -> list[Row]:
    """Return affine rows, some of them equal or opposite."""
    weight = [[Fraction(random.randint(-2, 2)) for _ in rows] for _ in range(count)]
    bias = [Fraction(random.randint(-2, 2), random.choice((1, 2))) for _ in range(count)]
    if count > 1 and random.randrange(3) == 0:
        sign = random.choice((1, -1))
        weight[-1], bias[-1] = [sign * t for t in weight[0]], sign * bias[0]
    return affine(rows, tuple(map(tuple, weight)), tuple(bias))


def _relus(random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
    slopes = np.array(Fraction(random.choice(SLOPES)), dtype=object)
    return list(wiring.activation(tensor(rows, (len(rows),)), slopes))


def _clips(random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
    low, high = Fraction(random.randint(-2, 0)), Fraction(random.randint(0, 2))
    return list(wiring.clip(tensor(rows, (len(rows),)), low, high))


def _extremes(random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
    return [*wiring.maximum([rows], random.choice((1, -1))), rows[0]]


def _relus_and_extremes(random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
    return _extremes(random, wiring, _relus(random, wiring, rows))


#: The families of networks that are no chains, by the names that the command line takes.
MAKERS = {"wired": wired, "maxima": maxima}

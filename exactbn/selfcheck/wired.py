"""Networks that are no chains: skips, branches, several slopes in a layer, from a chain."""

from fractions import Fraction
from random import Random

from exactbn.model.network import Layer, Network

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

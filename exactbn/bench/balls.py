"""Time of many balls in one call, beside one call each."""

from fractions import Fraction

import numpy as np

from exactbn.bench.engines import Recipe, random_network
from exactbn.bench.proofs import processor_seconds
from exactbn.model.domain import Box
from exactbn.regions.counting import partition_many
from exactbn.regions.partitioning import partition

#: Networks whose balls are timed.
BALLS = {
    f"{kind}-2-64-64": Recipe((2, 64, 64, 1), kind == "bnc", 2) for kind in ("rnd", "bnc")
}
#: How many balls of the maximum norm, about random points of [-1, 1]^d, and of what radius.
COUNT, RADIUS = 1000, Fraction(1, 100)
#: Of how many of them one call each is timed.
APART = 100


def measure_balls(name: str, *, repeat: int) -> dict[str, object]:
    """Return the time of one call for all balls, and that of one call each.

    Both are processor time for a ball, without adjacencies; ``ratio`` is the second over the
    first. The partitions are compared with each other.
    """
    network = random_network(BALLS[name])
    points = np.random.default_rng(0).uniform(-1, 1, (COUNT, network.num_inputs))
    balls = [Box.ball(point.tolist(), RADIUS) for point in points]
    some = [partition(network, ball) for ball in balls[:APART]]
    many = partition_many(network, balls)
    if list(many[:APART]) != some:
        raise AssertionError("a call for many balls gives other partitions than one call each")
    together = processor_seconds(
        lambda: [part.num_regions for part in partition_many(network, balls)], repeat
    )
    each = processor_seconds(
        lambda: [partition(network, ball).num_regions for ball in balls[:APART]], repeat
    )
    return {
        "balls": COUNT,
        "regions": sum(part.num_regions for part in many),
        "seconds_each": each / APART,
        "seconds_together": together / COUNT,
        "ratio": each / APART / (together / COUNT),
    }

"""Time of many balls in one call, beside one call each."""

import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction
from operator import truediv

import numpy as np

from exactbn.bench.engines import Recipe, random_network
from exactbn.bench.proofs import processor_seconds
from exactbn.model.domain import Box
from exactbn.regions.counting import partition_many
from exactbn.regions.partition import Partition
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
    first, the median of pairs timed in turn. The partitions are compared with each other.
    """
    network = random_network(BALLS[name])
    points = np.random.default_rng(0).uniform(-1, 1, (COUNT, network.num_inputs))
    balls = [Box.ball(point.tolist(), RADIUS) for point in points]
    some = [partition(network, ball) for ball in balls[:APART]]
    many = partition_many(network, balls)
    if list(many[:APART]) != some:
        raise AssertionError("a call for many balls gives other partitions than one call each")
    together, each = [], []
    for _ in range(repeat):
        together.append(_seconds(lambda: partition_many(network, balls)) / COUNT)
        each.append(_seconds(lambda: [partition(network, b) for b in balls[:APART]]) / APART)
    return {
        "balls": COUNT,
        "regions": sum(part.num_regions for part in many),
        "seconds_each": statistics.median(each),
        "seconds_together": statistics.median(together),
        "ratio": statistics.median(map(truediv, each, together)),
    }


def _seconds(task: Callable[[], Sequence[Partition]]) -> float:
    """Return the processor's time of making partitions and asking each for its regions."""
    return processor_seconds(lambda: [part.num_regions for part in task()], 1)

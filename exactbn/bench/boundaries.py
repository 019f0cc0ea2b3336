"""Time of decision boundaries, and of exact distances to them."""

import statistics
from dataclasses import replace
from fractions import Fraction

import numpy as np

from exactbn.bench.engines import Recipe, random_network
from exactbn.bench.proofs import processor_seconds
from exactbn.model.domain import Box
from exactbn.model.layers import Layer
from exactbn.model.network import Network
from exactbn.regions.boundary.asked import decision_boundary

#: Networks whose boundaries are timed, by name.
BOUNDARIES = {
    f"rnd-{'-'.join(map(str, widths))}": Recipe(widths, False, 1, gain)
    for widths, gain in (
        ((2, 64, 64, 1), 2), ((2, 64, 64, 10), 2), ((3, 20, 20, 1), 2), ((4, 10, 10, 1), 2),
    )
}  # fmt: skip
#: Half the side of the box, and how many random points of its middle have their distances taken.
SIDE, COUNT = 4, 1000


def measure_boundary(name: str, *, repeat: int) -> dict[str, object]:
    """Return the time of a boundary in [-4, 4]^d, and of the exact distances of points to it.

    Processor time, the median of ``repeat`` runs. The outputs are moved to be 0 at one point of
    the box, so that there is a boundary.
    """
    network = centred(random_network(BOUNDARIES[name]))
    box = Box.of(-SIDE, SIDE, network.num_inputs)
    grid = np.random.default_rng(0).integers(-SIDE * 32, SIDE * 32, (COUNT, network.num_inputs))
    points = [[Fraction(int(t), 64) for t in row] for row in grid]
    found = decision_boundary(network, box)
    found.squared_distance(points[0])
    building, asking = [], []
    for _ in range(repeat):
        building.append(processor_seconds(lambda: decision_boundary(network, box).num_pieces, 1))
        asking.append(processor_seconds(lambda: found.squared_distances(points), 1))
    seconds, of_points = statistics.median(building), statistics.median(asking)
    return {
        "regions": found.partition.num_regions,
        "pieces": found.num_pieces,
        "seconds": seconds,
        "pieces_per_second": found.num_pieces / seconds,
        "distances_per_second": COUNT / of_points,
    }


def centred(network: Network) -> Network:
    """Return a network with other biases of its outputs, so that all are 0 at (1/2, ..., 1/2)."""
    *hidden, last = network.layers
    values = network.forward([Fraction(1, 2)] * network.num_inputs)
    biases = tuple(b - value for b, value in zip(last.bias, values, strict=True))
    return replace(network, layers=(*hidden, Layer(last.weight, biases, 1, last.reads)))

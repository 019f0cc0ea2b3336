"""Pictures of counterexamples: the partition with the data, or in one dimension the function.

Every partition shown is exact; the drawing of it is in floats and proves nothing.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from exactbn import plots
from exactbn.batchnorm import center
from exactbn.claims.instance import Instance
from exactbn.domain import Box
from exactbn.network import Network
from exactbn.partitioning import Partition, partition
from exactbn.rational import Vector

#: The picture shows the data and this part of their longest side around them.
MARGIN = Fraction(1, 2)


def can_draw(instance: Instance) -> bool:
    """Return whether an instance has a picture: a hidden layer, and one or two inputs."""
    network = instance.network
    return network is not None and bool(network.hidden) and network.num_inputs in (1, 2)


def draw_instance(instance: Instance, path: Path) -> None:
    """Write the picture of an instance: its network as it is, and centred on its data."""
    network = instance.network
    if network is None:
        return
    networks = {"as given": network}
    if instance.data and (centred := center(network, instance.data)) != network:
        networks["centred on the data"] = centred
    box = _view(network.num_inputs, instance.data)
    parts = {name: partition(shown, box) for name, shown in networks.items()}
    if network.num_inputs == 1:
        graphs = [_graph(name, part) for name, part in parts.items()]
        plots.draw_graphs(graphs, [float(x[0]) for x in instance.data], path)
        return
    panels = [
        plots.Panel(name, f"{part.num_regions} regions", part.polygons(),
                    plots.colour_regions(part.num_regions, part.edges.tolist()))
        for name, part in parts.items()
    ]  # fmt: skip
    points = np.array([[float(t) for t in x] for x in instance.data]).reshape(-1, 2)
    (lo0, lo1), (hi0, hi1) = (map(float, bound) for bound in (box.lo, box.hi))
    scene = plots.Scene(points, None, None, (lo0, lo1), (hi0, hi1), ("x1", "x2"))
    plots.draw_partitions(panels, scene, path)


def _view(d: int, data: Iterable[Vector]) -> Box:
    """Return a box around the data with room on all sides, around the origin without data."""
    columns = list(zip(*data, strict=True)) or [(Fraction(-1), Fraction(1))] * d
    longest = max(max(column) - min(column) for column in columns) or Fraction(1)
    room = longest * MARGIN
    return Box(
        tuple(min(column) - room for column in columns),
        tuple(max(column) + room for column in columns),
    )


def _graph(name: str, part: Partition) -> plots.Graph:
    """Return the graph of a network of one input over the partition's interval."""
    network: Network = part.network
    xs = sorted({part.vertex(v)[0] for v in range(part.lattice.f_vector[0])})
    values = [network.forward((x,)) for x in xs]
    outputs = [[float(t) for t in column] for column in zip(*values, strict=True)]
    return plots.Graph(name, f"{part.num_regions} regions", [float(x) for x in xs], outputs)

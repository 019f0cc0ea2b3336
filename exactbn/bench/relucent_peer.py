"""relucent as a peer, see :mod:`.programs`: ``python -m exactbn.bench.relucent_peer FILE LO HI``.

relucent proposes regions by linear programs in floating point and certifies them with bounds of
their errors. It starts from a witness of ours, since it cannot start on a boundary; its cube is
[-r, r]^d. Only its search is timed, on one worker, with the certification that it ends with.
"""

import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from exactbn.errors import InputError
from exactbn.model.domain import Box
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition


def count_by_relucent(network: Network, box: Box) -> dict[str, object]:
    """Return what a peer tells: regions, adjacencies, seconds.

    Raises
    ------
    ModuleNotFoundError
        If relucent is not installed.
    InputError
        If the box is no cube about the origin.
    """
    import relucent
    import torch

    radius = box.hi[0]
    if box.hi != (radius,) * box.dim or box.lo != (-radius,) * box.dim:
        raise InputError(f"the box is {box}, expected [-r, r]^d")
    modules: list[torch.nn.Module] = []
    for layer in network.layers:
        linear = torch.nn.Linear(layer.num_inputs, layer.num_neurons, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor([[float(w) for w in row] for row in layer.weight]))
            linear.bias.copy_(torch.tensor([float(b) for b in layer.bias], dtype=torch.float64))
        modules += [linear, torch.nn.ReLU()]
    witness = partition(network, box).witness(0)
    found = relucent.Complex(torch.nn.Sequential(*modules[:-1]))
    start = time.perf_counter()
    found.bfs(
        start=np.array([[float(t) for t in witness]]),
        nworkers=1,
        cube_radius=float(radius),
        cube_mode="clipped",
        verbose=0,
    )
    seconds = time.perf_counter() - start
    return {
        "regions": len(found),
        "seconds": seconds,
        "adjacencies": found.dual_graph().number_of_edges(),
    }


def main(arguments: Sequence[str]) -> None:
    """Count the regions that the arguments of a peer ask for, and print the answer."""
    file, *bounds = arguments
    told = count_by_relucent(load(file), Box.of(bounds[::2], bounds[1::2], len(bounds) // 2))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Time of all of R^d beside that of a box so large that it holds nearly all regions."""

import statistics
import time
from operator import truediv

from exactbn.bench.engines import Recipe, random_network, warm_up
from exactbn.regions.partitioning import partition

#: Networks that are timed in both.
SPACE = {
    **{
        f"{kind}-{d}-{n}-{n}": Recipe((d, n, n, 1), kind == "bnc", d)
        for d, n in ((3, 20), (4, 10))
        for kind in ("rnd", "bnc")
    },
    "rnd-2-25-25-25": Recipe((2, 25, 25, 25, 2), False, 3),
}
#: Half of the longest side of the box.
SIDE = 1000


def measure_space(name: str, *, repeat: int) -> dict[str, object]:
    """Return the time of one network in all of R^d and in a large box, adjacencies included.

    ``ratio`` is the processor's time a region of the first over that of the second, the median of
    pairs timed in turn.
    """
    network = random_network(SPACE[name])
    boxes = {"box": (-SIDE, SIDE), "space": None}
    regions: dict[str, int] = {}
    seconds: dict[str, list[float]] = {"box": [], "space": []}
    warm_up(network.num_inputs, SIDE)
    warm_up(network.num_inputs, None)
    for _ in range(repeat):
        for where, box in boxes.items():
            start = time.process_time()
            part = partition(network, box)
            part.adjacency()
            seconds[where].append((time.process_time() - start) / part.num_regions)
            regions[where] = part.num_regions
    return {
        "regions": regions["space"],
        "regions_of_box": regions["box"],
        "seconds": statistics.median(seconds["space"]) * regions["space"],
        "seconds_of_box": statistics.median(seconds["box"]) * regions["box"],
        "ratio": statistics.median(map(truediv, seconds["space"], seconds["box"])),
    }

"""Time and memory of counting piece by piece, ever more regions, on one thread and on two."""

import time

from exactbn.bench.engines import Recipe, peak_growth, random_network, warm_up
from exactbn.errors import InputError
from exactbn.regions.pieces import FaceCounts, count_faces

#: Networks by the regions that they have, some 10^4 to 10^6: neither the time of a region nor the
#: memory should grow.
PIECES = {
    "2-100-100": Recipe((2, 100, 100, 1), False, 6, 4),
    "2-200-200": Recipe((2, 200, 200, 1), False, 6, 4),
    "3-40-40": Recipe((3, 40, 40, 1), False, 6, 4),
    "3-80-80": Recipe((3, 80, 80, 1), False, 6, 4),
    "3-160-160": Recipe((3, 160, 160, 1), False, 6, 4),
    "4-32-32": Recipe((4, 32, 32, 1), False, 6, 4),
    "5-18-18": Recipe((5, 18, 18, 1), False, 6, 4),
}


def measure_pieces(name: str) -> dict[str, object]:
    """Return the figures of a network of :data:`PIECES`, in this process.

    The processor's time and the growth of the process on one thread; and how many times as fast,
    by the clock, two threads are.
    """
    if name not in PIECES:
        raise InputError(f"{name!r} is not one of {', '.join(PIECES)}")
    recipe = PIECES[name]
    network, side = random_network(recipe), recipe.side
    warm_up(network.num_inputs, side)
    count_faces(random_network(PIECES["3-40-40"]), (-1, 1))
    clock: list[float] = []
    processor: list[float] = []

    def counted(workers: int) -> FaceCounts:
        start, processor_start = time.perf_counter(), time.process_time()
        counts = count_faces(network, None if side is None else (-side, side), workers=workers)
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - processor_start)
        return counts

    counts, grown = peak_growth(lambda: counted(1))
    counted(2)
    return {
        "regions": counts.regions,
        "adjacencies": counts.adjacencies,
        "pieces": counts.pieces,
        "processor_seconds": processor[0],
        "seconds": clock[0],
        "regions_per_second": counts.regions / processor[0],
        "peak_bytes": grown,
        "two_threads": clock[0] / clock[1],
    }

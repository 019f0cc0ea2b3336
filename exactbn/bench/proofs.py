"""Time of the LP engine, and of certificates: writing one beside enumerating, and checking it."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from exactbn import checker
from exactbn.bench.engines import Recipe, random_network
from exactbn.model.files import save_json
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

#: Networks whose certificates are timed, in the box [-1, 1]^d.
PROOFS = {
    f"{kind}-{'-'.join(map(str, widths[:-1]))}": Recipe(widths, kind == "bnc", 7)
    for widths in ((3, 16, 16, 1), (4, 12, 12, 1))
    for kind in ("rnd", "bnc")
}

#: Networks on which the LP engine is timed, in the box [-1, 1]^d.
SEARCHES = {
    f"{kind}-{'-'.join(map(str, widths[:-1]))}": Recipe(widths, kind == "bnc", 7)
    for widths in ((3, 16, 16, 1), (4, 12, 12, 1), (5, 10, 10, 1), (8, 10, 10, 1))
    for kind in ("rnd", "bnc")
}


def measure_search(name: str, *, repeat: int) -> dict[str, object]:
    """Return the times of the LP engine, every region and every non-region proven.

    ``adjacency`` is the time with adjacencies, each pair and each candidate proven, over the time
    without.
    """
    network = random_network(SEARCHES[name])
    regions = _enumerate(network, "lp", None)
    plain = processor_seconds(lambda: partition(network, (-1, 1), engine="lp").num_regions, repeat)
    both = processor_seconds(lambda: _enumerate(network, "lp", None), repeat)
    return {
        "regions": regions,
        "seconds": plain,
        "regions_per_second": regions / plain,
        "seconds_with_adjacencies": both,
        "adjacency": both / plain,
    }


def measure_proof(name: str, engine: str, *, repeat: int) -> dict[str, object]:
    """Return the times of an engine with and without a certificate, and of the checker.

    The processor's time of this process; ``writing`` is the time with a certificate over the time
    without one, regions and adjacencies both times.
    """
    network = random_network(PROOFS[name])
    with tempfile.TemporaryDirectory(prefix="exactbn-bench-") as folder:
        path, file = Path(folder) / "certificate", Path(folder) / "network.json"
        save_json(network, file)

        def certified() -> None:
            path.unlink(missing_ok=True)
            _enumerate(network, engine, path)

        certified()
        plain = processor_seconds(lambda: _enumerate(network, engine, None), repeat)
        written = processor_seconds(certified, repeat)
        exact = checker.read_network(file)

        def check() -> None:
            with checker.open_certificate(path) as stream:
                checker.check(exact, stream)

        checking = processor_seconds(check, 1)
        regions = _enumerate(network, engine, None)
        return {
            "engine": engine,
            "regions": regions,
            "seconds": plain,
            "seconds_with_certificate": written,
            "writing": written / plain,
            "bytes_per_region": path.stat().st_size / regions,
            "checked_regions_per_second": regions / checking,
        }


def _enumerate(network: Network, engine: str, path: Path | None) -> int:
    """Return the number of regions, their adjacencies found."""
    part = partition(network, (-1, 1), engine=engine, certificate=path)
    _ = part.num_adjacencies
    return part.num_regions


def processor_seconds(task: Callable[[], object], repeat: int) -> float:
    """Return the median of the processor's time of a task."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)

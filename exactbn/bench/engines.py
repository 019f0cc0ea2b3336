"""Time and memory of the complex engine on fixed networks, one process and one core each.

Every network is measured in a process of its own, so that the memory of one does not hide that of
the next. There the engine first runs on a tiny network of the same dimension, which compiles or
loads its kernels; then once for memory; then ``repeat`` times for time. The time covers the
partition and its adjacencies as a sparse matrix.
"""

import ctypes
import gc
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np

from exactbn.errors import InputError
from exactbn.model.batchnorm import center
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition

#: Seconds that one process may take.
TIME_LIMIT = 900
#: Points of the random data on which the centred networks are centred.
NUM_POINTS = 64

Result = TypeVar("Result")

_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip


#: With it the layers of deep networks neither shrink what they read nor blow it up.
GAIN = Fraction(5, 2)


@dataclass(frozen=True)
class Recipe:
    """A network made from a seed: torch's default weights, the biases random or exactly centred."""

    widths: tuple[int, ...]
    centred: bool
    seed: int
    #: Half the side of the box, None for all of R^d.
    side: int | None = 1
    #: What the weights are multiplied by: torch's default shrinks them from layer to layer.
    gain: Fraction = Fraction(1)


RECIPES = {
    "rnd-2-8-8": Recipe((2, 8, 8, 1), False, 1),
    "rnd-2-64-64": Recipe((2, 64, 64, 1), False, 2),
    "bnc-2-64-64": Recipe((2, 64, 64, 1), True, 2),
    "rnd-3-20-20": Recipe((3, 20, 20, 1), False, 3),
    "bnc-3-20-20": Recipe((3, 20, 20, 1), True, 3),
    "rnd-4-16-16": Recipe((4, 16, 16, 1), False, 4),
    "bnc-4-16-16": Recipe((4, 16, 16, 1), True, 4),
    "rnd-5-12-12": Recipe((5, 12, 12, 1), False, 5),
    "bnc-5-12-12": Recipe((5, 12, 12, 1), True, 5),
}
#: Networks of a clone's tests/workload that are timed with the built-in ones, where they are.
WORKLOAD = (
    "rnd_2x64x64x1", "bnc_2x64x64x1", "rnd_3x20x20x1", "bnc_3x20x20x1",
    "rnd_4x10x10x1", "bnc_4x10x10x1", "rnd_5x12x12x1", "bnc_5x12x12x1",
)  # fmt: skip
#: Pairs of networks of one kind, of some 10^3 and 10^5 regions: the time per region should grow
#: little. In the plane 10^5 regions take layers of 392 neurons, and so a part of the growth is that
#: of one product with the 392 x 392 weights a vertex.
SCALING = {
    "scale-2d-1e3": Recipe((2, 42, 42, 1), False, 6),
    "scale-2d-1e5": Recipe((2, 392, 392, 1), False, 6),
    "scale-3d-1e3": Recipe((3, 17, 17, 1), False, 6),
    "scale-3d-1e5": Recipe((3, 72, 72, 1), False, 6),
}
#: Networks of equal layers, ever more of them: neither a sign nor a region should cost more.
DEPTH = {
    f"{kind}-{d}-({depth} x {width})": Recipe((d, *[width] * depth, 1), kind == "bnc", 1, 1, GAIN)
    for kind, d, width, depths in (
        ("bnc", 2, 8, (2, 4, 8, 12)), ("rnd", 2, 8, (12,)), ("bnc", 3, 6, (2, 8)),
    )
    for depth in depths
}  # fmt: skip


def workload_files() -> list[Path]:
    """Return the files of the workload networks, none where the package is not in its clone."""
    folder = Path(__file__).parents[2] / "tests" / "workload"
    return [path for name in WORKLOAD if (path := folder / f"{name}.npz").is_file()]


def named_network(name: str) -> Network:
    """Return the network of a recipe, or the network in a file."""
    recipe = named_recipe(name)
    if recipe is not None:
        return random_network(recipe)
    if not Path(name).is_file():
        known = ", ".join((*RECIPES, *SCALING))
        raise InputError(f"{name!r} is neither a file nor one of the networks {known}")
    return load(name)


def named_recipe(name: str) -> Recipe | None:
    """Return the recipe of a name, None for what must be a file."""
    return (RECIPES | SCALING | DEPTH).get(name)


def random_network(recipe: Recipe) -> Network:
    """Return the network of a recipe, the same on every machine.

    Weights and biases are float32 numbers, uniform between -1/sqrt(m) and 1/sqrt(m) for m inputs,
    torch's default, or as many times as large as the recipe says. A centred network is the same
    with its hidden biases replaced by minus the exact batch mean over 64 random points of the grid
    (Z/16)^d in [-1, 1]^d.
    """
    rng = np.random.default_rng(recipe.seed)
    weights, biases = [], []
    for m, n in zip(recipe.widths, recipe.widths[1:], strict=False):
        bound = float(recipe.gain) / math.sqrt(m)
        weights.append(rng.uniform(-bound, bound, (n, m)).astype(np.float32))
        biases.append(rng.uniform(-bound, bound, n).astype(np.float32))
    network = Network.from_arrays(weights, biases)
    if not recipe.centred:
        return network
    return center(network, rng.integers(-16, 17, (NUM_POINTS, recipe.widths[0])) / 16)


def measure(network: Network, *, repeat: int, side: int | None = 1) -> dict[str, object]:
    """Return time and memory of the engine on ``network`` in [-side, side]^d, in this process.

    ``side`` None is all of R^d.
    """
    warm_up(network.num_inputs, side)
    part, grown = peak_growth(lambda: partition_and_graph(network, side))
    statistic = getattr(part, "statistics", None) or {}
    times, processor_times = [], []
    for _ in range(repeat):
        start, processor_start = time.perf_counter(), time.process_time()
        partition_and_graph(network, side)
        times.append(time.perf_counter() - start)
        processor_times.append(time.process_time() - processor_start)
    seconds = statistics.median(times)
    signs, exact = statistic.get("signs"), statistic.get("exact_signs")
    return {
        "architecture": network.architecture,
        "regions": part.num_regions,
        "adjacencies": part.num_adjacencies,
        "seconds": seconds,
        # Less than the seconds where other programs had the core.
        "processor_seconds": statistics.median(processor_times),
        "regions_per_second": part.num_regions / seconds,
        "bytes_per_region": grown / part.num_regions,
        "exact_share": exact / signs if signs and exact is not None else None,
    }


def measure_apart(name: str, options: Sequence[str], seconds: float) -> dict[str, object]:
    """Return what ``exactbn bench --apart NAME`` measures in a fresh process, on one core.

    A process that fails gives ``{"error": its last line}``.
    """
    command = [sys.executable, "-m", "exactbn", "bench", "--json", "--apart", name, *options]
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {seconds:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"exit code {done.returncode}"}
    # A library may print on its own; our object is the last line.
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def partition_and_graph(network: Network, side: Fraction | int | None = 1) -> Partition:
    """Return the partition of [-side, side]^d, its adjacency matrix built."""
    part = partition(network, None if side is None else (-side, side))
    part.adjacency()
    return part


def warm_up(d: int, side: Fraction | int | None) -> None:
    """Compile or load the kernels, with a network in which every kind of cut happens."""
    identity = [[int(i == j) for j in range(d)] for i in range(d)]
    corners = [[*row[:-1], 1] for row in identity]
    network = Network.from_arrays(
        [identity, corners, [[1] * d]], [[0] * d, ["-1/3"] * d, [0]], slope="1/7"
    )
    partition_and_graph(network, side)


def peak_growth(task: Callable[[], Result]) -> tuple[Result, int]:
    """Run ``task`` and return its result and by how many bytes the process grew at its peak."""
    gc.collect()
    if sys.platform == "linux":
        # Give free memory back, then let the kernel forget the peak so far.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
        result = task()
        return result, _status("VmHWM") - before
    else:
        before = _maxrss()
        result = task()
        return result, _maxrss() - before


def _status(key: str) -> int:
    """Return a figure of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise InputError(f"/proc/self/status has no line {key}")


def _maxrss() -> int:
    """Return the peak memory of this process in bytes; macOS counts bytes, others kilobytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

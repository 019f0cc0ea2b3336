"""Time and memory of slices of larger networks, and of reading a network of a million weights.

Public networks are no part of the project: they are looked for in a folder that the user names,
and are skipped, with the reason, where they are not. Each question has a process of its own.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from exactbn.bench.engines import peak_growth, random_network, warm_up
from exactbn.bench.space import SPACE
from exactbn.bench.strokes import made_images, trained_lenet
from exactbn.errors import InputError
from exactbn.exact.rational import Vector
from exactbn.model.domain import Box, Domain
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

#: The inputs for which ACAS Xu networks are made, in their units: distance, two angles, two speeds.
ACAS_XU = (
    ("0", "-3.141593", "-3.141593", "100", "0"),
    ("60760", "3.141593", "3.141593", "1200", "1200"),
)
#: The widths of a network of a million weights.
MILLION = (784, 900, 300, 100, 10)
#: The files whose reading is timed, by suffix.
READINGS = tuple(f"reading {suffix}" for suffix in (".npz", ".pt"))
#: Seconds after which a slice is not asked about again.
LONG = 10

Question = tuple[Network, Domain]


@dataclass(frozen=True)
class Slice:
    """A network on a slice of its inputs, and the domain in which it is asked about.

    ``file`` is the name of a public network that ``ask`` is given, None where the project makes
    the network itself.
    """

    ask: Callable[[Path], Question]
    file: str | None = None


def three_points(box: Box) -> tuple[Vector, list[Vector]]:
    """Return the first of three points of a box, from a seed, and the ways to the others."""
    shares = np.random.default_rng(0).integers(0, 65, (3, box.dim))
    first, *others = [
        tuple(lo + (hi - lo) * Fraction(int(k), 64)
              for lo, hi, k in zip(box.lo, box.hi, row, strict=True))
        for row in shares
    ]
    return first, [tuple(b - a for a, b in zip(first, x, strict=True)) for x in others]


def _acas_xu(path: Path) -> Question:
    """Return the slice through three points, and all of it that lies in the box of the inputs."""
    box = Box.of(*ACAS_XU, 5)
    origin, directions = three_points(box)
    return load(path).restrict(origin, directions), Domain.of(box).restrict(origin, directions)


def _through_images(path: Path) -> Question:
    """Return the slice of a network of 784 inputs through three made images, |t_i| <= 1."""
    points = made_images(3, 1)[0].reshape(3, -1).tolist()
    return load(path).through(points), _square(2)


def _convolution(length: int) -> Callable[[Path], Question]:
    """Return the question about random directions of a length, in units of it."""

    def ask(path: Path) -> Question:
        network = load(path)
        rng = np.random.default_rng(0)
        directions = rng.normal(size=(2, network.num_inputs))
        directions *= length / np.linalg.norm(directions, axis=1, keepdims=True)
        return network.restrict(rng.random(network.num_inputs).tolist(), directions.tolist()), (
            _square(2)
        )

    return ask


def _lenet(side: Fraction) -> Callable[[Path], Question]:
    """Return the question about a square about an image, its sides towards two other images."""

    def ask(path: Path) -> Question:
        import torch

        network = Network.from_torch(trained_lenet(), torch.zeros(1, 1, 28, 28))
        origin, *others = made_images(3, 7)[0].reshape(3, -1).astype(np.float64)
        directions = [(x - origin) / np.linalg.norm(x - origin) for x in others]
        slice_ = network.restrict(origin.tolist(), [u.tolist() for u in directions])
        return slice_, _square(side)

    return ask


def _plane(path: Path) -> Question:
    """Return a network of two inputs and three layers in all of the plane."""
    return random_network(SPACE["rnd-2-25-25-25"]), Domain.space(2)


def _square(side: Fraction | int) -> Domain:
    """Return the square of a side about 0."""
    half = Fraction(side) / 2
    return Domain.of(Box.of(-half, half, 2))


SLICES = {
    "ACAS Xu 1_1, all inputs of a plane": Slice(_acas_xu, "ACASXU_experimental_v2a_1_1.nnet"),
    "mnist5x20, side 2": Slice(_through_images, "mnist5x20_leaky_relu.onnx"),
    "conv_mp1, side 2": Slice(_convolution(1), "conv_mp1.onnx"),
    "conv_mp1, side 16": Slice(_convolution(8), "conv_mp1.onnx"),
    "LeNet, side 1/4": Slice(_lenet(Fraction(1, 4))),
    "LeNet, side 1": Slice(_lenet(Fraction(1))),
    "2-25-25-25-2 in R^2": Slice(_plane),
}


def skipped(name: str, folder: Path | None) -> str | None:
    """Return why a slice cannot be asked about, None if it can."""
    file = SLICES[name].file
    if file is None:
        return None
    if folder is None:
        return f"skipped, {file} is not part of the project: --nets FOLDER"
    return None if (folder / file).is_file() else f"skipped, there is no file {folder / file}"


def measure_slice(name: str, folder: Path | None, *, repeat: int) -> dict[str, object]:
    """Return the figures of a slice, its regions and adjacencies, in this process.

    The processor's time of the partition alone, the least of ``repeat`` runs (fewer once they took
    :data:`LONG` seconds), and by how many bytes the process grew in the first of them.

    Raises
    ------
    InputError
        If the file of the network is not there.
    """
    if name not in SLICES:
        raise InputError(f"{name!r} is no slice, expected one of {', '.join(SLICES)}")
    reason = skipped(name, folder)
    if reason is not None:
        raise InputError(reason)
    warm_up(2, 1)
    warm_up(2, None)
    slice_ = SLICES[name]
    network, domain = slice_.ask((folder or Path()) / (slice_.file or ""))
    times: list[float] = []

    def timed() -> tuple[int, int]:
        start = time.process_time()
        part = partition(network, domain)
        part.adjacency()
        times.append(time.process_time() - start)
        return part.num_regions, part.num_adjacencies

    (regions, adjacencies), grown = peak_growth(timed)
    while len(times) < repeat and sum(times) < LONG:
        timed()
    seconds = min(times)
    return {
        "architecture": network.architecture,
        "units": network.num_hidden,
        "regions": regions,
        "adjacencies": adjacencies,
        "processor_seconds": seconds,
        "regions_per_second": regions / seconds,
        "peak_bytes": grown,
    }


def measure_reading(name: str) -> dict[str, object]:
    """Return the processor's time of reading a network of a million weights, and the memory."""
    suffix = name.split()[-1]
    rng = np.random.default_rng(0)
    shapes = list(zip(MILLION[1:], MILLION, strict=False))
    weights = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    with tempfile.TemporaryDirectory(prefix="exactbn-bench-") as folder:
        path = Path(folder) / f"million{suffix}"
        if suffix == ".npz":
            arrays: dict[str, Any] = {f"W{k}": weight for k, weight in enumerate(weights)}
            arrays |= {f"b{k}": weight[:, 0] for k, weight in enumerate(weights)}
            np.savez(path, **arrays)
        else:
            _save_state_dict(weights, path)
        start = time.process_time()
        network, grown = peak_growth(lambda: load(path))
        seconds = time.process_time() - start
    return {
        "architecture": network.architecture,
        "weights": sum(n * m for n, m in shapes),
        "processor_seconds": seconds,
        "peak_bytes": grown,
    }


def _save_state_dict(weights: list[np.ndarray], path: Path) -> None:
    """Write the state dict of Linear layers with something between."""
    import torch

    state = {}
    for k, weight in enumerate(weights):
        state[f"{2 * k}.weight"] = torch.from_numpy(weight)
        state[f"{2 * k}.bias"] = torch.from_numpy(weight[:, 0].copy())
    torch.save(state, path)

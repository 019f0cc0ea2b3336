"""Devices by name, and one device checked against another, sample by sample."""

from dataclasses import asdict, dataclass

import torch

from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.sampling.checked import CheckedPartition, check_request, shares_of_box
from exactbn.sampling.points import float_bounds
from exactbn.sampling.stage import DTYPES, chunk_size, ieee_products, one_thread
from exactbn.sampling.stream import CountedStream
from exactbn.sampling.wired import classifier_of

# Points that are compared at once; bounds the memory.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class DeviceComparison:
    """The same ``samples`` float32 points, classified twice.

    ``first`` and ``second`` say on which device and in which arithmetic; ``differing`` points
    got another region: any but 0 is an error of exactbn. ``undecided`` are the numbers of points
    that each float arithmetic could not decide, ``example`` the first differing point and its two
    results.
    """

    samples: int
    first: str
    second: str
    differing: int
    undecided: tuple[int, int]
    example: str | None
    seed: int

    def to_json(self) -> dict[str, object]:
        """Return the comparison as plain values."""
        return asdict(self)


def compare_devices(
    part: CheckedPartition,
    samples: int = 1_000_000,
    *,
    seed: int = 0,
    device_a: str | torch.device | None = "cpu",
    device_b: str | torch.device | None = None,
    progress: Progress | None = None,
) -> DeviceComparison:
    """Return how many of the same points two devices put into different regions.

    The points are drawn on the CPU. By default the CPU is compared with a GPU, both in float32;
    where the two devices are the same one the second computes in float64, so that the command
    serves everywhere.

    Raises
    ------
    InputError
        As :func:`exactbn.sampling.sample`.
    """
    samples, seed = check_request(part, samples, seed)
    devices = find_device(device_a), find_device(device_b)
    dtypes = "float32", "float64" if devices[0] == devices[1] else "float32"
    bounds = float_bounds(part.box, "float32")
    middle, _ = shares_of_box(part, samples)
    classifiers = [
        classifier_of(
            part,
            middle,
            bounds,
            dtype=dtype,
            device=device,
            chunk=chunk_size(device, part.network.widths),
        )
        for device, dtype in zip(devices, dtypes, strict=True)
    ]
    undecided, differing, done, example = [0, 0], 0, 0, None
    stream = CountedStream(bounds, samples, seed, "float32")
    buffer = torch.ones((len(bounds[0]) + 1, _BLOCK))
    with ieee_products(), one_thread():
        for start in range(0, samples, _BLOCK):
            block = buffer[:, : min(_BLOCK, samples - start)]
            stream.draw(start, block[:-1], block.shape[1])
            results = []
            for i, classifier in enumerate(classifiers):
                points = block.to(classifier.device, DTYPES[dtypes[i]]).t()
                regions, uncertain = classifier.classify(points)
                undecided[i] += uncertain
                results.append(regions.cpu())
            other = torch.nonzero(results[0] != results[1]).flatten()
            if len(other) and example is None:
                x = ", ".join(float(t).hex() for t in block[:-1, other[0]])
                example = f"({x}): {int(results[0][other[0]])} and {int(results[1][other[0]])}"
            differing += len(other)
            done += block.shape[1]
            if progress is not None:
                progress(done, samples, f"{differing} differ")
    names = [f"{device_name(device)} {dtype}" for device, dtype in zip(devices, dtypes)]
    return DeviceComparison(
        samples, names[0], names[1], differing, (undecided[0], undecided[1]), example, seed
    )


def find_device(device: object) -> torch.device:
    """Return the device of this name, by default a GPU where there is one.

    Raises
    ------
    InputError
        If it is unknown or not there.
    """
    name = str(device) if isinstance(device, (str, torch.device)) else ""
    if device is None or name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()):
        raise InputError(f"device {device!r}, expected 'auto', 'cpu' or 'cuda'")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {device!r} is not there: torch sees {torch.cuda.device_count()} GPUs; "
            "use --device cpu, or install torch for your GPU"
        )
    return torch.device("cpu" if kind == "cpu" else name)


def device_name(device: torch.device) -> str:
    """Return the name of a device with the model of a GPU."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)

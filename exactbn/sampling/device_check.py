"""One device against the CPU, sample by sample, on the patterns of a network's neurons.

No partition is needed. The points are drawn on both, and must be the same bits. Then each says of
every sample which neurons are on and whether all its float signs are certain. What a device calls
certain has to be true: it is compared with what the CPU calls certain, and where the CPU cannot
tell, with the exact signs.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.sampling.checked import to_integer
from exactbn.sampling.classify import exact_signs
from exactbn.sampling.devices import device_name
from exactbn.sampling.floats import round_layers, static_filter
from exactbn.sampling.fused import FusedStage
from exactbn.sampling.kernels import CompiledStage
from exactbn.sampling.points import float_bounds
from exactbn.sampling.roofline import peak_memory, peak_of
from exactbn.sampling.stage import FloatStage, chunk_size, ieee_products, one_thread
from exactbn.sampling.stream import CountedStream
from exactbn.sampling.timing import BareProduct, Clock
from exactbn.sampling.vectors import SIGNS

_DTYPE = "float32"
# Times that the bare products of a chunk are repeated, once for so many chunks of the samples.
_BARE_EVERY = 8

Signs = NDArray[np.int8]
Words = NDArray[np.uint32]


@dataclass(frozen=True)
class DeviceCheck:
    """What a device says of ``samples`` points, beside the CPU.

    ``differing`` samples are wrong on the device: another point, or a sign that it calls certain
    and that is not so; any but 0 is an error of exactbn, of torch or of the device, and ``example``
    names the first. ``undecided`` are the numbers of samples some of whose float signs were not
    certain, on the CPU and on the device: there the device is not believed, and errs without harm.
    ``path`` is "torch.compile" or "plain torch", ``reason`` why it is not the first. Speeds are
    those of drawing and of the signs; that of the CPU is of one thread. ``peak_flops`` is None
    where it is not known, ``peak_source`` says where it comes from.
    """

    samples: int
    seed: int
    device: str
    path: str
    reason: str | None
    chunk: int
    differing: int
    undecided: tuple[int, int]
    example: str | None
    flops_per_sample: int
    cpu_samples_per_second: float
    samples_per_second: float
    bare_samples_per_second: float
    peak_flops: float | None
    peak_source: str
    peak_bytes: int

    @property
    def flops(self) -> float:
        """Return the operations a second of the products alone."""
        return self.samples_per_second * self.flops_per_sample

    @property
    def share_of_peak(self) -> float | None:
        """Return the share of the device's peak, None where that is not known."""
        return None if self.peak_flops is None else self.flops / self.peak_flops

    @property
    def share_of_bare_product(self) -> float:
        """Return the speed as a share of that of the bare matrix products on the device."""
        return self.samples_per_second / self.bare_samples_per_second

    def to_json(self) -> dict[str, object]:
        """Return the check as plain values."""
        derived = {
            "flops": self.flops,
            "share_of_peak": self.share_of_peak,
            "share_of_bare_product": self.share_of_bare_product,
        }
        return {**asdict(self), **derived}


def check_device(
    network: Network,
    box: Box,
    samples: int = 1_000_000,
    *,
    device: torch.device,
    seed: int = 0,
    compiled: bool | None = None,
    plant: int | None = None,
    progress: Progress | None = None,
) -> DeviceCheck:
    """Return what a device says of the same float32 points of a box as the CPU, one by one.

    Parameters
    ----------
    network : Network
        A chain with hidden layers.
    box : Box
    samples : int
        At least 1.
    device : torch.device
        Where tensor operations, not the CPU's loops, find the signs; "cpu" too.
    seed : int
    compiled : bool, optional
        Whether to compile the operations; by default on a GPU only.
    plant : int, optional
        The number of a sample at which a sign is turned round in the device's results, to see that
        the check finds it. If the device is not certain there, it is made to say so.
    progress : callable, optional
        Called with (points done, all points, remark).

    Raises
    ------
    InputError
        If the network is no chain, a dimension does not fit, float32 does not fill the box, or the
        device does not multiply in full precision.
    """
    samples, seed = to_integer("samples", samples, 1), to_integer("seed", seed)
    if plant is not None and not 0 <= plant < samples:
        raise InputError(
            f"the planted fault is at sample {plant}, expected one of 0 to {samples - 1}"
        )
    if box.dim != network.num_inputs:
        raise InputError(
            f"the box has {box.dim} dimensions and the network {network.num_inputs} inputs, "
            "expected as many"
        )
    if not network.num_hidden:
        raise InputError("the network has no hidden neurons, so that no sign is to be found")
    layers = round_layers(network.chained("the check of a device"))
    bounds = float_bounds(box, _DTYPE)
    filtered = static_filter(layers, *bounds, dtype=_DTYPE)
    cpu, widths = torch.device("cpu"), network.widths
    chunk = chunk_size(device, widths)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    ours = CompiledStage.of(
        FloatStage.of(filtered, dtype=_DTYPE, device=cpu, chunk=1),
        network.num_inputs,
        chunk_size(cpu, widths),
    )
    run = _Run(
        network,
        CountedStream(bounds, samples, seed, _DTYPE),
        ours,
        FusedStage.of(filtered, dtype=_DTYPE, device=device, chunk=chunk, compiled=compiled),
        device,
        plant,
        Clock(cpu),
        Clock(device),
    )
    shapes = [(len(weight) + 1, weight.shape[1]) for weight in run.theirs.weights]
    bare, bare_clock = BareProduct(shapes, chunk, _DTYPE, device), Clock(device)
    found = _Found(0, (0, 0), None)
    with ieee_products(), one_thread():
        run.warm_up()
        bare.run(1)
        for lap, start in enumerate(range(0, samples, chunk)):
            found = run.compare(start, min(chunk, samples - start), found)
            if lap % _BARE_EVERY == 0:
                with bare_clock:
                    bare.run(1)
            if progress is not None:
                progress(min(start + chunk, samples), samples, f"{found.differing} differ")
    peak = peak_of(device)
    return DeviceCheck(
        samples=samples,
        seed=seed,
        device=device_name(device),
        path=run.theirs.path,
        reason=run.theirs.reason,
        chunk=chunk,
        differing=found.differing,
        undecided=found.undecided,
        example=found.example,
        flops_per_sample=run.theirs.flops,
        cpu_samples_per_second=samples / run.own_clock.seconds,
        # Whole chunks go through the device, the last one too.
        samples_per_second=run.clock.laps * chunk / run.clock.seconds,
        bare_samples_per_second=bare_clock.laps * chunk / bare_clock.seconds,
        peak_flops=peak.flops,
        peak_source=peak.source,
        peak_bytes=peak_memory(device),
    )


@dataclass(frozen=True)
class _Found:
    """What was found so far, as in :class:`DeviceCheck`."""

    differing: int
    undecided: tuple[int, int]
    example: str | None


@dataclass(frozen=True, eq=False)
class _Run:
    """Both ways to find the signs of the points of a stream, and the clocks of both."""

    network: Network
    stream: CountedStream
    ours: CompiledStage
    theirs: FusedStage
    device: torch.device
    plant: int | None
    own_clock: Clock
    clock: Clock

    def warm_up(self) -> None:
        """Load what the first use loads."""
        own = replace(self, own_clock=Clock(torch.device("cpu")), clock=Clock(self.device))
        own.on_device(0)
        for _ in own.on_cpu(0, 1):
            pass

    def on_device(self, start: int) -> tuple[torch.Tensor, Words, NDArray[np.bool_]]:
        """Return the points of a chunk, their words and which are certain, all on the CPU."""
        shape = self.network.num_inputs, self.theirs.chunk
        with self.clock:
            points = torch.empty(shape, device=self.device)
            self.theirs.draw(self.stream, start, points)
            words, certain = self.theirs.codes(points)
        return points.cpu(), words.cpu().numpy().view(np.uint32), certain.cpu().numpy()

    def on_cpu(self, start: int, number: int) -> Iterator[tuple[int, int]]:
        """Yield (first, last + 1) of pieces of a chunk, when their signs are in the CPU's stage."""
        size = self.ours.chunk
        for first in range(0, number, size):
            last = min(first + size, number)
            with self.own_clock:
                self.stream.draw(start + first, self.ours.points, last - first)
                self.ours.run(last - first)
            yield first, last

    def compare(self, start: int, number: int, found: _Found) -> _Found:
        """Return what is found when the samples from ``start`` on are compared, too."""
        points, words, certain = self.on_device(start)
        if self.plant is not None and 0 <= self.plant - start < number:
            words[self.plant - start, 0] ^= 1
            certain[self.plant - start] = True
        differing, (own_undecided, undecided), example = (
            found.differing, found.undecided, found.example,
        )  # fmt: skip
        for first, last in self.on_cpu(start, number):
            m, rows = last - first, slice(first, last)
            own_points = self.ours.points[:, :m]
            own_certain = self.ours.joined[:m] & self.ours.certain != 0
            # Bits are compared: 0 and -0 are two points.
            is_other = (
                own_points.contiguous().view(torch.int32) != points[:, rows].view(torch.int32)
            ).any(dim=0).numpy()
            is_wrong = (self.ours.codes[:, :m].T != words[rows]).any(axis=1)
            is_wrong &= own_certain & certain[rows]
            for i in np.flatnonzero(certain[rows] & ~own_certain & ~is_other).tolist():
                is_wrong[i] = self._disagree(own_points[:, i], words[first + i]) is not None
            wrong = np.flatnonzero(is_other | is_wrong)
            if len(wrong) and example is None:
                i = int(wrong[0])
                example = self._tell(
                    start + first + i, own_points[:, i], points[:, first + i], words[first + i]
                )
            differing += len(wrong)
            own_undecided += int(np.count_nonzero(~own_certain))
            undecided += int(np.count_nonzero(~certain[rows]))
        return _Found(differing, (own_undecided, undecided), example)

    def _disagree(self, x: torch.Tensor, words: Words) -> tuple[int, int] | None:
        """Return (neuron, exact sign) of the first neuron of which certain words are wrong.

        A neuron that is zero is off: of a dead one that is certain.
        """
        exact = exact_signs(self.network, x[None])[0].tolist()
        for k, sign in enumerate(exact):
            if (sign > 0) == _is_off(words, k, len(exact)):
                return k, sign
        return None

    def _tell(self, i: int, x: torch.Tensor, other: torch.Tensor, words: Words) -> str:
        """Return what is wrong at sample i."""
        name = device_name(self.device)
        where = f"sample {i}, x = ({', '.join(float(t).hex() for t in x)})"
        if not torch.equal(x.contiguous().view(torch.int32), other.contiguous().view(torch.int32)):
            drawn = ", ".join(float(t).hex() for t in other)
            return f"{where}: {name} draws another point, ({drawn})"
        wrong = self._disagree(x, words)
        if wrong is None:
            return f"{where}: {name} is right, and the CPU calls a wrong sign certain"
        neuron, sign = wrong
        told = "off" if sign > 0 else "on"
        truth = {1: "positive", -1: "negative", 0: "zero"}[sign]
        return f"{where}: neuron {neuron} is certainly {told} on {name}, exactly it is {truth}"


def _is_off(words: Words, k: int, neurons: int) -> bool:
    """Return whether the words of a sample say that neuron k is off."""
    end = min(neurons, (k // SIGNS + 1) * SIGNS)
    return bool(int(words[k // SIGNS]) >> end - 1 - k & 1)

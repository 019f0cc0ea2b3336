"""Time on a device, and the bare matrix products that a speed is measured against."""

import time

import torch

from exactbn.network import Network
from exactbn.sampling.stage import DTYPES

# Points that are looked up together, if they are not fewer than a chunk.
_BATCH = 1 << 14


class Clock:
    """A stop watch that waits for the device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self.laps = 0
        self._since = 0.0

    def start(self) -> None:
        """Start a lap."""
        self._wait()
        self._since = time.perf_counter()

    def stop(self) -> None:
        """End the lap."""
        self._wait()
        self.seconds += time.perf_counter() - self._since
        self.laps += 1

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class BareProduct:
    """The matrix products of a batch alone: (m, d) (d, n_1), (m, n_1) (n_1, n_2), ...

    m is the chunk, and the batch as many whole chunks as the check looks up together.
    """

    def __init__(self, network: Network, chunk: int, dtype: str, device: torch.device) -> None:
        sizes = (network.num_inputs, *network.widths)
        self._repeats = max(1, _BATCH // chunk)
        self.batch = chunk * self._repeats
        self._products = [
            tuple(
                torch.ones(shape, dtype=DTYPES[dtype], device=device)
                for shape in ((chunk, m), (m, n), (chunk, n))
            )
            for m, n in zip(sizes, sizes[1:])
        ]

    def run(self) -> None:
        """Multiply."""
        for _ in range(self._repeats):
            for left, right, out in self._products:
                torch.mm(left, right, out=out)

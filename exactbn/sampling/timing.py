"""Time on a device, and the bare matrix products that a speed is measured against."""

import time
from collections.abc import Sequence

import torch

from exactbn.sampling.stage import DTYPES


class Clock:
    """A stop watch that waits for the device; it runs within ``with`` blocks."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self.laps = 0
        self._since = 0.0

    def __enter__(self) -> "Clock":
        self._wait()
        self._since = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._wait()
        self.seconds += time.perf_counter() - self._since
        self.laps += 1

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class BareProduct:
    """The matrix products of a chunk of points alone: (n_1, d) (d, m), (n_2, n_1) (n_1, m), ...

    ``shapes`` are those of the weights with a row for the bias, which is left out here.
    """

    def __init__(
        self, shapes: Sequence[Sequence[int]], chunk: int, dtype: str, device: torch.device
    ) -> None:
        self._products = [
            tuple(
                torch.ones(shape, dtype=DTYPES[dtype], device=device)
                for shape in ((columns, rows - 1), (rows - 1, chunk), (columns, chunk))
            )
            for rows, columns in shapes
        ]

    def run(self, repeats: int) -> None:
        """Multiply, ``repeats`` times."""
        for _ in range(repeats):
            for left, right, out in self._products:
                torch.mm(left, right, out=out)

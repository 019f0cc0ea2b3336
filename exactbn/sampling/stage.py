"""The float stage: packed codes of many points at once, on a device.

Everything is written to preallocated buffers, a chunk of points at a time, in as few passes over
memory as there are: a matrix product and an activation a layer, then one shift that leaves the
digit of every neuron, then halving steps that pack sixteen digits to a word.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from exactbn.sampling.floats import FilteredLayer
from exactbn.sampling.lookup import DIGITS, Packing, num_words

DTYPES = {"float32": torch.float32, "float64": torch.float64}

# Points of one pass through all layers. On a CPU the preactivations of a layer, so many numbers,
# stay in its cache; on a GPU the numbers of all layers, some for each of their passes, take this
# share of the memory that is free.
_CPU_NUMBERS, _CPU_CHUNK = 1 << 17, (1 << 10, 1 << 13)
_GPU_SHARE, _GPU_CHUNK = 1 / 16, (1 << 12, 1 << 20)

# Rows of the float buffers start at multiples of this many entries.
_ALIGNMENT = 16


def chunk_size(device: torch.device, widths: Sequence[int]) -> int:
    """Return how many points go through layers of these widths together, a power of two."""
    if device.type == "cpu":
        wish, (least, most) = _CPU_NUMBERS / max(widths, default=1), _CPU_CHUNK
    else:
        free, _ = torch.cuda.mem_get_info(device)
        wish, (least, most) = _GPU_SHARE * free / (16 * (sum(widths) + 16)), _GPU_CHUNK
    return min(max(1 << int(wish).bit_length() - 1 if wish >= 1 else 1, least), most)


@contextmanager
def ieee_products() -> Iterator[None]:
    """Keep matrix products in full float32 within the block, and put the settings back.

    TF32 and bfloat16 products would break the error bounds.
    """
    settings: tuple[Any, ...] = (
        torch.backends.cuda.matmul,
        getattr(torch.backends.mkldnn, "matmul"),  # noqa: B009 (torch gives it no type)
    )
    before = [setting.fp32_precision for setting in settings]
    for setting in settings:
        setting.fp32_precision = "ieee"
    try:
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread in this one within the block, and put the setting back.

    A chunk is small: its products gain little from several threads, and on a machine that is busy
    they wait for one another. Which threads compute what changes no count.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pool_of(threads: int) -> ThreadPoolExecutor:
    """Return a pool in each of whose threads torch uses that thread alone.

    The setting has to be made in the thread itself: what another has set does not reach the library
    that multiplies.
    """
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


@dataclass(frozen=True, eq=False)
class _Workspace:
    """Buffers for ``rows`` points.

    ``inputs`` and ``outputs`` are those of each layer's product: inputs end with a column of ones
    for the bias (None for the first layer); outputs are columns of ``z``, whose last columns are
    0, up to a full word. ``activations`` are the inputs without the ones. ``digits`` is ``z``
    itself where its entries have 32 bits.
    """

    z: torch.Tensor
    outputs: tuple[torch.Tensor, ...]
    inputs: tuple[torch.Tensor | None, ...]
    activations: tuple[torch.Tensor, ...]
    digits: torch.Tensor
    packing: Packing

    def first(self, rows: int) -> "_Workspace":
        """Return the buffers for fewer points."""

        def cut(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
            return tuple(t[:rows] for t in tensors)

        return _Workspace(
            self.z[:rows],
            cut(self.outputs),
            tuple(None if t is None else t[:rows] for t in self.inputs),
            cut(self.activations),
            self.digits[:rows],
            self.packing.first(rows),
        )


@dataclass(frozen=True, eq=False)
class FloatStage:
    """The filtered layers on a device, with buffers for ``chunk`` points.

    ``weights`` have shape (m + 1, n), the biases in the last row.
    """

    weights: tuple[torch.Tensor, ...]
    slopes: tuple[float, ...]
    chunk: int
    space: _Workspace

    @classmethod
    def of(
        cls, layers: Sequence[FilteredLayer], *, dtype: str, device: torch.device, chunk: int
    ) -> "FloatStage":
        """Return the stage of a static filter's layers."""
        weights = tuple(
            torch.tensor(layer.weight.T, dtype=DTYPES[dtype], device=device).contiguous()
            for layer in layers
        )
        slopes = tuple(layer.slope for layer in layers)
        return cls(weights, slopes, chunk, _allocate(weights, DTYPES[dtype], device, chunk))

    def codes(self, points: torch.Tensor) -> torch.Tensor:
        """Return the codes of points, shape (m, words / 2), int64.

        ``points`` has shape (m, d + 1), the last column ones. A float is of certain sign where
        its top exponent bit is set; sign and top exponent bit are the digit.
        """
        words = torch.empty(
            (len(points), num_words(sum(weight.shape[1] for weight in self.weights))),
            dtype=torch.int32,
            device=points.device,
        )
        for some, out in zip(
            torch.split(points, self.chunk), torch.split(words, self.chunk), strict=True
        ):
            self._write_codes(some, out)
        return words.view(torch.int64)

    def _write_codes(self, points: torch.Tensor, out: torch.Tensor) -> None:
        """Write the codes of at most a chunk of points to ``out``, int32, shape (m, words)."""
        space = self.space if len(points) == self.chunk else self.space.first(len(points))
        for index, weight in enumerate(self.weights):
            inputs = space.inputs[index]
            torch.mm(points if inputs is None else inputs, weight, out=space.outputs[index])
            if index < len(space.activations):
                activate(space.outputs[index], self.slopes[index], space.activations[index])
        if space.z.dtype == torch.float32:
            space.digits.bitwise_right_shift_(30)
        else:
            space.digits.copy_(space.z.view(torch.int64).bitwise_right_shift_(62))
        space.packing.run(out)


def _allocate(
    weights: Sequence[torch.Tensor], dtype: torch.dtype, device: torch.device, rows: int
) -> _Workspace:
    """Return the buffers for ``rows`` points."""
    widths = [weight.shape[1] for weight in weights]
    words = num_words(sum(widths))
    z = torch.zeros((rows, words * DIGITS), dtype=dtype, device=device)
    inputs: list[torch.Tensor | None] = [None]
    for width in widths[:-1]:
        columns = -(-(width + 1) // _ALIGNMENT) * _ALIGNMENT
        h = torch.zeros((rows, columns), dtype=dtype, device=device)[:, : width + 1]
        h[:, width] = 1.0
        inputs.append(h)
    used = z[:, : sum(widths)]
    digits = z.view(torch.int32) if z.itemsize == 4 else torch.zeros_like(z, dtype=torch.int32)
    return _Workspace(
        z,
        tuple(torch.split(used, widths, dim=1)) if widths else (),
        tuple(inputs),
        tuple(h[:, :-1] for h in inputs if h is not None),
        digits,
        Packing.of(digits),
    )


def activate(z: torch.Tensor, slope: float, out: torch.Tensor) -> None:
    """Write max(z, 0) + slope min(z, 0) to ``out``."""
    if slope == 0:
        torch.clamp_min(z, 0.0, out=out)
    elif slope == -1:
        torch.abs(z, out=out)
    elif slope == 1:
        out.copy_(z)
    else:
        torch._C._nn.leaky_relu(z, slope, out=out)

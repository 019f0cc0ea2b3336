"""The float stage of any device: functions of tensors that torch.compile puts into few passes.

The codes are those of :mod:`exactbn.sampling.kernels`: the signs, 32 neurons a word, and whether
all of them are certain. Where there is no compiler for the device the function runs as it is, which
is said. The error bounds hold for either: products are summed in any order, in full precision.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.sampling.floats import FilteredLayer
from exactbn.sampling.stage import DTYPES, ieee_products, one_thread
from exactbn.sampling.stream import CountedStream, Uniform, uniform_numbers
from exactbn.sampling.vectors import SIGNS

#: Set to anything but 0, these make libraries multiply in another arithmetic, whatever torch asks.
OVERRIDES = ("NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION")

# The graph is compiled as it stands: nothing is tried out, no launches are recorded.
_OPTIONS: dict[str, str | int | bool | Callable[..., object]] = {
    "max_autotune": False, "triton.cudagraphs": False,
}  # fmt: skip

Signs = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class FusedStage:
    """The filtered layers on a device, for ``chunk`` points at a time.

    ``path`` is "torch.compile" or "plain torch", ``reason`` why it is not the first.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...]
    slopes: tuple[float, ...]
    powers: torch.Tensor
    chunk: int
    path: str
    reason: str | None
    _signs: Callable[..., Signs]
    _uniform: Uniform

    @classmethod
    def of(
        cls,
        layers: Sequence[FilteredLayer],
        *,
        dtype: str,
        device: torch.device,
        chunk: int,
        compiled: bool | None = None,
    ) -> "FusedStage":
        """Return the stage of a static filter's layers.

        It is compiled where there is a GPU, unless ``compiled`` says otherwise.

        Raises
        ------
        InputError
            If the device does not multiply in the full precision of ``dtype``.
        """
        check_precision(device, DTYPES[dtype])

        def tensor(array: NDArray[np.float64]) -> torch.Tensor:
            return torch.tensor(array, dtype=DTYPES[dtype], device=device).contiguous()

        weights = tuple(tensor(layer.weight[:, :-1].T) for layer in layers)
        biases = tuple(tensor(layer.weight[:, -1]) for layer in layers)
        slopes = tuple(layer.slope for layer in layers)
        powers = _powers(sum(map(len, biases)), device)
        wished = bool(layers) and (device.type == "cuda" if compiled is None else compiled)
        reason = None if wished else "there is no GPU" if compiled is None else "not asked for"
        functions: tuple[Callable[..., Signs], Uniform] = find_signs, uniform_numbers
        plain = cls(weights, biases, slopes, powers, chunk, "plain torch", reason, *functions)
        if not wished:
            return plain
        functions = compile_whole(find_signs, uniform_numbers)
        stage = cls(weights, biases, slopes, powers, chunk, "torch.compile", None, *functions)
        inputs = len(weights[0])
        stream = CountedStream((np.zeros(inputs), np.ones(inputs)), chunk, 0, dtype)
        try:
            points = torch.zeros((inputs, chunk), dtype=DTYPES[dtype], device=device)
            stage.draw(stream, 0, points)
            stage.codes(points)
        except (RuntimeError, ImportError, OSError) as error:  # what compilers raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            return replace(plain, reason=f"torch.compile failed: {lines[0][:200]}")
        return stage

    @property
    def flops(self) -> int:
        """Return the operations of the products of one point, two for each weight."""
        return 2 * sum(weight.numel() for weight in self.weights)

    def draw(self, stream: CountedStream, start: int, points: torch.Tensor) -> None:
        """Write a chunk of points of a stream, from number ``start`` on, to ``points``."""
        with _settled():
            stream.draw_by_tensors(start, points, self.chunk, self._uniform)

    def codes(self, points: torch.Tensor) -> Signs:
        """Return (words, certain) of a chunk of points, shape (d, chunk).

        ``words`` has shape (chunk, words), int32; ``certain``, shape (chunk,), says of which points
        all signs are certain.
        """
        with _settled():
            return self._signs(points, self.weights, self.biases, self.slopes, self.powers)


@contextmanager
def _settled() -> Iterator[None]:
    """Keep the settings of torch the same within the block, on which compiled code depends."""
    with ieee_products(), one_thread(), warnings.catch_warnings():
        # It recommends the very products that would break the bounds.
        warnings.filterwarnings("ignore", "TensorFloat32 tensor cores")
        yield


def compile_whole(
    signs: Callable[..., Signs], uniform: Uniform
) -> tuple[Callable[..., Signs], Uniform]:
    """Return the compiled forms of functions of tensors whose shapes stay the same."""
    torch.compiler.reset()  # of a function few versions are kept, and these are for good
    return (
        torch.compile(signs, dynamic=False, fullgraph=True, options=_OPTIONS),
        torch.compile(uniform, dynamic=False, fullgraph=True, options=_OPTIONS),
    )


def find_signs(
    points: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor],
    slopes: Sequence[float],
    powers: torch.Tensor,
) -> Signs:
    """Return the signs of points, shape (d, m), as :meth:`FusedStage.codes` does."""
    kind = torch.int32 if points.dtype == torch.float32 else torch.int64
    top = 31 if points.dtype == torch.float32 else 63
    h, signs = points.t(), []
    joined = torch.ones(points.shape[1], dtype=torch.bool, device=points.device)
    last = len(weights) - 1
    for index, (weight, bias, slope) in enumerate(zip(weights, biases, slopes, strict=True)):
        z = torch.addmm(bias, h, weight)
        bits = z.view(kind)
        signs.append(bits >> top)
        joined = joined & ((bits & (1 << top - 1)) != 0).all(dim=1)
        if index < last:
            h = torch.clamp_min(z, 0.0)
            if slope != 0:
                h = h + slope * torch.clamp_max(z, 0.0)
    every = torch.cat(signs, dim=1).to(torch.int32) if signs else h[:, :0].to(torch.int32)
    padded = torch.nn.functional.pad(every, (0, powers.numel() - every.shape[1]))
    words = (padded.view(-1, *powers.shape) & powers).sum(dim=2, dtype=torch.int32)
    return words, joined


def check_precision(device: torch.device, dtype: torch.dtype) -> None:
    """Raise InputError unless products on the device are those of IEEE arithmetic.

    The environment must not override them, and 1 + 2^-20, or 1 + 2^-50, times 1 must be that: TF32
    and bfloat16 would say 1.
    """
    found = [name for name in OVERRIDES if os.environ.get(name, "0") not in ("", "0")]
    if device.type == "cuda" and found:
        raise InputError(
            f"{' and '.join(found)} is set, so that float32 products are not those of IEEE "
            "arithmetic, on which the error bounds rest; unset it"
        )
    number = 1 + 2.0 ** (-20 if dtype == torch.float32 else -50)
    left = torch.zeros((64, 64), dtype=dtype, device=device)
    left[:, 0] = number
    with ieee_products():
        product = torch.mm(left, torch.ones((64, 256), dtype=dtype, device=device))
    if not bool((product == number).all()):
        raise InputError(
            f"device {str(device)!r} multiplies {number!r} by 1 to {float(product.min())!r}: its "
            "products are not those of IEEE arithmetic, on which the error bounds rest"
        )


def as_codes(words: torch.Tensor) -> torch.Tensor:
    """Return words, int32, shape (m, words), in pairs: int64, shape (m, words / 2 rounded up)."""
    if words.shape[1] % 2:
        words = torch.nn.functional.pad(words, (0, 1))
    return words.contiguous().view(torch.int64)


def words_of_patterns(patterns: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Return the words, int32, shape (regions, words), of patterns, shape (regions, neurons)."""
    powers = _powers(patterns.shape[1], torch.device("cpu"))
    off = torch.from_numpy((patterns == 0).astype(np.int32))
    padded = torch.nn.functional.pad(off, (0, powers.numel() - off.shape[1]))
    words = (padded.view(-1, *powers.shape) * powers).sum(dim=2, dtype=torch.int32)
    return words.to(device)


def _powers(neurons: int, device: torch.device) -> torch.Tensor:
    """Return the bit of each neuron in its word, int32, shape (words, 32); 0 where there is none.

    The last neuron of a word has bit 0.
    """
    words = max(1, -(-neurons // SIGNS))
    powers = np.zeros(words * SIGNS, dtype=np.uint32)
    for k in range(neurons):
        end = min(neurons, (k // SIGNS + 1) * SIGNS)
        powers[k] = 1 << end - 1 - k
    return torch.from_numpy(powers.view(np.int32)).reshape(words, SIGNS).to(device)

"""How fast a device can be: the peak of its float32 units, and the memory that it has used.

The peak of a GPU is its multiprocessors times the multiply-adds that each begins in a clock times
its greatest clock, two operations each. Tensor cores do not count: their float32 is TF32.

References
----------
NVIDIA, *CUDA C++ Programming Guide*, table "Throughput of native arithmetic instructions": 32-bit
floating-point add, multiply, multiply-add, results per clock and multiprocessor.
"""

import resource
import sys
from dataclasses import dataclass
from typing import Any

import torch

#: Float32 multiply-adds per clock and multiprocessor, by compute capability.
MULTIPLY_ADDS = {
    (5, 0): 128, (5, 2): 128, (5, 3): 128, (6, 0): 64, (6, 1): 128, (6, 2): 128,
    (7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64, (8, 6): 128, (8, 7): 128, (8, 9): 128,
    (9, 0): 128, (10, 0): 128, (10, 3): 128, (11, 0): 128, (12, 0): 128, (12, 1): 128,
}  # fmt: skip


@dataclass(frozen=True)
class Peak:
    """The float32 operations a second that a device may reach, and where the number comes from.

    ``flops`` is None where nothing says it; ``source`` then says why.
    """

    flops: float | None
    source: str


def peak_of(device: torch.device) -> Peak:
    """Return the peak of a device."""
    if device.type != "cuda":
        return Peak(None, "no peak is known of a CPU: see the share of the bare products")
    return peak_of_properties(torch.cuda.get_device_properties(device))


def peak_of_properties(properties: Any) -> Peak:
    """Return the peak that the properties of a GPU give."""
    capability = properties.major, properties.minor
    clock = getattr(properties, "clock_rate", None)  # in kHz; older versions of torch lack it
    if capability not in MULTIPLY_ADDS:
        return Peak(None, f"the table has no compute capability {capability[0]}.{capability[1]}")
    if not clock:
        return Peak(None, "torch does not say the clock of the GPU")
    count, each = properties.multi_processor_count, MULTIPLY_ADDS[capability]
    return Peak(
        2.0 * count * each * clock * 1e3,
        f"{count} multiprocessors x {each} multiply-adds x 2 x {clock / 1e6:.3f} GHz",
    )


def peak_memory(device: torch.device) -> int:
    """Return the greatest memory so far, in bytes: of torch on a GPU, of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

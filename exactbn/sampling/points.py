"""Random points of a box as floats: a stream that depends on the seed and nothing else."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch

from exactbn.domain import Box
from exactbn.errors import InputError
from exactbn.sampling.floats import Floats

_TYPES = {"float32": torch.float32, "float64": torch.float64}

#: Points that are drawn at once; the stream of a seed depends on it, so it is a constant. A GPU
#: draws another stream than a CPU anyway, and likes larger blocks.
BLOCK = {"cpu": 1 << 16, "cuda": 1 << 20}

# A box must hold this many floats on every axis, or the points are no longer uniform in it.
_LEAST_STEPS = 1 << 20


def float_bounds(box: Box, dtype: str) -> tuple[Floats, Floats]:
    """Return (lo, hi): the least and the greatest float of the box on every axis.

    Lower bounds are rounded up and upper bounds down, so that a float between them lies in the
    exact closed box.

    Raises
    ------
    InputError
        If the box is so narrow, or so far out, that floats of this type do not fill it evenly.
    """
    lo = np.array([_inward(t, dtype, up=True) for t in box.lo])
    hi = np.array([_inward(t, dtype, up=False) for t in box.hi])
    for axis, (low, high) in enumerate(zip(lo.tolist(), hi.tolist(), strict=True)):
        kind = np.dtype(dtype).type
        with np.errstate(over="ignore", invalid="ignore"):
            evenly = bool(np.isfinite(kind(high - low)))
            spacing = float(np.spacing(kind(max(abs(low), abs(high)))))
        if not evenly or high - low < _LEAST_STEPS * spacing:
            other = "--dtype float64, or " if dtype == "float32" else ""
            raise InputError(
                f"axis {axis} of the box, [{box.lo[axis]}, {box.hi[axis]}], holds less than "
                f"{_LEAST_STEPS} evenly spaced {dtype} numbers, too few to sample from; use "
                f"{other}a larger box or one nearer to 0"
            )
    return lo, hi


def _inward(bound: Fraction, dtype: str, *, up: bool) -> float:
    """Return ``bound`` rounded up or down to the float type; infinite beyond its range."""
    kind = np.dtype(dtype).type
    with np.errstate(over="ignore"):
        try:
            value = kind(float(bound))
        except OverflowError:
            return np.inf if bound > 0 else -np.inf
        if not np.isfinite(value):
            return float(value)
        exact = Fraction(float(value))
        if up and exact < bound:
            value = np.nextafter(value, kind(np.inf))
        elif not up and exact > bound:
            value = np.nextafter(value, kind(-np.inf))
    return float(value)


def draw_points(
    bounds: tuple[Floats, Floats],
    samples: int,
    *,
    seed: int,
    dtype: str,
    device: torch.device,
) -> Iterator[torch.Tensor]:
    """Yield ``samples`` points in blocks of shape (d + 1, m), the last row ones.

    A coordinate is lo + (hi - lo) u, rounded, with u uniform in [0, 1), and never leaves
    [lo, hi]. A block is overwritten by the next.
    """
    size = BLOCK.get(device.type, BLOCK["cuda"])
    lo, hi = bounds
    generator = torch.Generator(device).manual_seed(seed)
    block = torch.ones((len(lo) + 1, size), dtype=_TYPES[dtype], device=device)
    uniform = block[:-1]
    for start in range(0, samples, size):
        torch.rand(uniform.shape, generator=generator, out=uniform)
        for row, low, high in zip(uniform, lo.tolist(), hi.tolist(), strict=True):
            row.mul_(high - low).add_(low).clamp_(low, high)
        yield block[:, : min(size, samples - start)]

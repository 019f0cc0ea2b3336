"""The floats of a box, and random points of it as the study of estimators draws them."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.model.domain import Box
from exactbn.sampling.floats import Floats
from exactbn.sampling.stage import DTYPES
from exactbn.seeds import derived_seed

#: Points that are drawn at once; the stream of a seed depends on it, so it is a constant. A GPU
#: draws another stream than a CPU anyway, and likes larger blocks.
BLOCK = {"cpu": 1 << 16, "cuda": 1 << 20}

# A box must hold this many floats on every axis, or the points are no longer uniform in it.
_LEAST_STEPS = 1 << 20
# With fewer float32 numbers than this on an axis, points are float64 unless asked otherwise: the
# grid of the floats would show in the counts of many millions of points.
_AMPLE_STEPS = 1 << 22


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
        if _steps(low, high, dtype) < _LEAST_STEPS:
            other = "--dtype float64, or " if dtype == "float32" else ""
            side = f"[{to_text(box.lo[axis])}, {to_text(box.hi[axis])}]"
            raise InputError(
                f"axis {axis} of the box, {side}, holds less than "
                f"{_LEAST_STEPS} evenly spaced {dtype} numbers, too few to sample from; use "
                f"{other}a larger box or one nearer to 0"
            )
    return lo, hi


def choose_dtype(box: Box) -> str:
    """Return float32, or float64 where float32 numbers are too coarse for the box."""
    for low, high in zip(box.lo, box.hi, strict=True):
        ends = _inward(low, "float32", up=True), _inward(high, "float32", up=False)
        if _steps(*ends, "float32") < _AMPLE_STEPS:
            return "float64"
    return "float32"


def _steps(low: float, high: float, dtype: str) -> float:
    """Return how many evenly spaced floats lie between two floats; 0 if their range overflows."""
    kind = np.dtype(dtype).type
    with np.errstate(over="ignore", invalid="ignore"):
        spacing = float(np.spacing(kind(max(abs(low), abs(high)))))
        if not np.isfinite(kind(high - low)) or not spacing > 0:
            return 0.0
        return (high - low) / spacing


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


@dataclass(frozen=True, eq=False)
class PointStream:
    """The points of a seed, in blocks that can be drawn in any order, or at the same time.

    A coordinate is lo + (hi - lo) u, rounded, with u uniform in [0, 1). It is never outside
    [lo, hi] (docs/error_analysis_sampling.md, section 1). Block k comes from a generator of its
    own, with the seed derived from (seed, k).
    """

    bounds: tuple[Floats, Floats]
    samples: int
    seed: int
    dtype: str
    device: torch.device

    @property
    def block(self) -> int:
        """Return the number of points of a block."""
        return BLOCK.get(self.device.type, BLOCK["cuda"])

    @property
    def num_blocks(self) -> int:
        """Return the number of blocks, of which the last may be cut."""
        return -(-self.samples // self.block)

    def buffer(self) -> torch.Tensor:
        """Return a tensor for :meth:`draw`: shape (d + 1, block), the last row ones."""
        shape = len(self.bounds[0]) + 1, self.block
        return torch.ones(shape, dtype=DTYPES[self.dtype], device=self.device)

    def draw(self, k: int, buffer: torch.Tensor) -> torch.Tensor:
        """Write block k to ``buffer``, and return its columns that are points."""
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.seed, k))
        uniform = buffer[:-1]
        torch.rand(uniform.shape, generator=generator, out=uniform)
        lo, hi = self.bounds
        kind = np.dtype(self.dtype).type
        for row, low, high in zip(uniform, lo.tolist(), hi.tolist(), strict=True):
            row.mul_(float(kind(high - low))).add_(low)
        return buffer[:, : min(self.block, self.samples - k * self.block)]

"""Random points of a box by their numbers: the same on every device, whatever the chunk.

Word w of a stream is a function of its number alone: the key of the seed plus w + 1 times the
golden ratio, modulo 2^64, mixed by two multiplications. Point i has the words from i p on, with
p = d in float64 and ceil(d / 2) in float32, where a word gives two coordinates.

References
----------
G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014
(the generator is its SplitMix64, which passes the tests of TestU01's BigCrush).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from exactbn.sampling.floats import Floats
from exactbn.sampling.lookup import signed
from exactbn.sampling.stage import DTYPES
from exactbn.seeds import derived_seed

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


@dataclass(frozen=True, eq=False)
class CountedStream:
    """The points of a seed, any of which can be drawn at any time.

    A coordinate is lo + (hi - lo) u, rounded, with u uniform in [0, 1). It is never outside
    [lo, hi] (docs/error_analysis_sampling.md, section 1).
    """

    bounds: tuple[Floats, Floats]
    samples: int
    seed: int
    dtype: str

    @cached_property
    def _constants(self) -> tuple[np.uint64, Floats, Floats]:
        lo, hi = self.bounds
        kind = np.dtype(self.dtype)
        with np.errstate(under="ignore"):
            low, width = lo.astype(kind), (hi - lo).astype(kind)
        return np.uint64(derived_seed(self.seed, "points")), low, width

    def draw(self, start: int, out: torch.Tensor, m: int) -> None:
        """Write the points from number ``start`` on to the columns of ``out``, shape (d, m)."""
        key, low, width = self._constants
        if out.device.type == "cpu":
            fill: Any = fill_single if self.dtype == "float32" else fill_double
            fill(key, np.uint64(start), low, width, out.numpy(), m)
        else:
            self.draw_by_tensors(start, out, m)

    def draw_by_tensors(
        self, start: int, out: torch.Tensor, m: int, uniform: "Uniform | None" = None
    ) -> None:
        """Do the same by operations on tensors, on any device.

        ``uniform`` is :func:`uniform_numbers`, by default as it stands, or a compiled form of it.
        """
        key, low, width = self._constants
        words = -(-len(out) // 2) if self.dtype == "float32" else len(out)
        begins = [signed(int(key) + (start * words + p + 1) * _GOLDEN) for p in range(words)]
        at = torch.tensor(begins, dtype=torch.int64, device=out.device).reshape(-1, 1)
        found = (uniform or uniform_numbers)(at, signed(words * _GOLDEN), m, self.dtype)
        # Product and sum are two operations, so that nothing makes one rounding of them.
        for row, number, w, least in zip(out, found, width.tolist(), low.tolist(), strict=False):
            row[:m].copy_(number).mul_(w).add_(least)

    def rows(self, start: int, m: int) -> torch.Tensor:
        """Return m points from number ``start`` on, shape (m, d + 1), the last column ones."""
        columns = torch.ones((len(self.bounds[0]) + 1, m), dtype=DTYPES[self.dtype])
        self.draw(start, columns[:-1], m)
        return columns.t().contiguous()


Uniform = Callable[[torch.Tensor, int, int, str], torch.Tensor]


def uniform_numbers(at: torch.Tensor, step: int, m: int, dtype: str) -> torch.Tensor:
    """Return the u of m points, shape (coordinates, m); no operation rounds.

    ``at``, int64, shape (words, 1), is what is mixed to the words of the first point, and ``step``
    is added for each that follows. In float32 there are two coordinates a word.
    """
    word = torch.arange(m, dtype=torch.int64, device=at.device) * step + at
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        word = (word ^ _shifted(word, shift, 64 - shift)) * signed(factor)
    word = word ^ _shifted(word, 31, 33)
    if dtype == "float64":
        return _shifted(word, 11, 53).to(torch.float64) * 2.0**-53
    pairs = torch.stack((_shifted(word, 40, 24), _shifted(word, 8, 24)), dim=1)
    return pairs.reshape(-1, m).to(torch.float32) * 2.0**-24


def _shifted(word: torch.Tensor, shift: int, bits: int) -> torch.Tensor:
    """Return so many bits of 64-bit words after a shift to the right that brings in zeros."""
    return (word >> shift) & ((1 << bits) - 1)


@njit(nogil=True, cache=True, inline="always")
def mixed(word: np.uint64) -> np.uint64:
    """Return the word of a number times the golden ratio plus the key."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_FIRST)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_SECOND)
    return word ^ (word >> np.uint64(31))


@njit(nogil=True, cache=True)
def fill_single(
    key: np.uint64,
    start: np.uint64,
    low: NDArray[np.float32],
    width: NDArray[np.float32],
    out: NDArray[np.float32],
    m: int,
) -> None:
    """Write float32 points, of 24 random bits a coordinate, to the columns of ``out``."""
    d = len(out)
    pairs = np.uint64((d + 1) // 2)
    step = pairs * np.uint64(_GOLDEN)
    unit = np.float32(2.0**-24)
    low24 = np.uint64(0xFFFFFF)
    for p in range((d + 1) // 2):
        at = key + (start * pairs + np.uint64(p + 1)) * np.uint64(_GOLDEN)
        x, a, b = out[2 * p], low[2 * p], width[2 * p]
        if 2 * p + 1 < d:
            y, e, f = out[2 * p + 1], low[2 * p + 1], width[2 * p + 1]
            for i in range(m):
                word = mixed(at + np.uint64(i) * step)
                x[i] = a + b * (np.float32(np.int32(word >> np.uint64(40))) * unit)
                y[i] = e + f * (np.float32(np.int32((word >> np.uint64(8)) & low24)) * unit)
        else:
            for i in range(m):
                word = mixed(at + np.uint64(i) * step)
                x[i] = a + b * (np.float32(np.int32(word >> np.uint64(40))) * unit)


@njit(nogil=True, cache=True)
def fill_double(
    key: np.uint64,
    start: np.uint64,
    low: NDArray[np.float64],
    width: NDArray[np.float64],
    out: NDArray[np.float64],
    m: int,
) -> None:
    """Write float64 points, of 53 random bits a coordinate, to the columns of ``out``."""
    d = len(out)
    step = np.uint64(d) * np.uint64(_GOLDEN)
    for j in range(d):
        at = key + (start * np.uint64(d) + np.uint64(j + 1)) * np.uint64(_GOLDEN)
        x, a, b = out[j], low[j], width[j]
        for i in range(m):
            word = mixed(at + np.uint64(i) * step)
            x[i] = a + b * (np.float64(np.int64(word >> np.uint64(11))) * 2.0**-53)

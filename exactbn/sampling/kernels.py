"""The look-up of a CPU: from float preactivations to counts in one pass, compiled.

The same as packing, hashing and comparing in :mod:`exactbn.sampling.lookup`, without the buffers in
between, which a CPU would move through its caches one after the other. The two bits of a neuron
are put side by side as they are, 32 neurons a 64-bit code; so the codes differ from those of
:mod:`exactbn.sampling.lookup`, and equality means the same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from exactbn.sampling.floats import THRESHOLD
from exactbn.sampling.lookup import RegionTable
from exactbn.sampling.stage import DTYPES

Bits = NDArray[np.uint64]


@dataclass(frozen=True)
class CompiledTable:
    """The table of the regions for :func:`count_rows`.

    A code gathers ``step`` entries of a row of bits, of each the bits ``mask`` after a shift by
    ``shift``: the upper two bits of one float64, or of two float32.
    """

    slots: NDArray[np.int32]
    codes: Bits
    multipliers: Bits
    hash_shift: np.uint64
    step: int
    shift: np.uint64
    mask: np.uint64

    @classmethod
    def of(
        cls, patterns: NDArray[np.uint8], weights: NDArray[np.float64], *, dtype: str, columns: int
    ) -> "CompiledTable":
        """Return the table for float rows of ``columns`` entries, the last of them padding.

        See :meth:`exactbn.sampling.lookup.RegionTable.of` for ``patterns`` and ``weights``.
        """
        if dtype == "float32":
            form = 16, np.uint64(30), np.uint64(0x3_0000_0003)
        else:
            form = 32, np.uint64(62), np.uint64(0x3)
        rows = torch.zeros((len(patterns), columns), dtype=DTYPES[dtype])
        rows[:, : patterns.shape[1]] = (torch.from_numpy(patterns) * 2.0 - 1.0) * THRESHOLD
        codes = np.empty((len(patterns), columns // 32), dtype=np.uint64)
        encode(bits_of(rows), *form, codes)
        table = RegionTable.of_codes(torch.from_numpy(codes.view(np.int64)), weights)
        return cls(
            table.slots.numpy(),
            table.codes.numpy().view(np.uint64),
            np.array(table.multipliers, dtype=np.int64).view(np.uint64),
            np.uint64(table.shift),
            *form,
        )

    def count(
        self, z: torch.Tensor, counts: NDArray[np.int64], missed: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Count the regions of scaled preactivations, shape (m, columns), and return the rest.

        ``counts`` grows by one a row that is found; the others are numbered in ``missed``, which
        has room for m.
        """
        number = count_rows(
            bits_of(z),
            self.step,
            self.shift,
            self.mask,
            self.slots,
            self.codes,
            self.multipliers,
            self.hash_shift,
            counts,
            missed,
        )
        return missed[:number]


def bits_of(z: torch.Tensor) -> Bits:
    """Return the bits of contiguous float rows, 64 a number."""
    return z.numpy().view(np.uint64)


@njit(nogil=True, cache=True)
def encode(bits: Bits, step: int, shift: np.uint64, mask: np.uint64, codes: Bits) -> None:
    """Write the codes of all rows to ``codes``."""
    for i in range(bits.shape[0]):
        for j in range(codes.shape[1]):
            entries = bits[i, j * step : (j + 1) * step]
            code = np.uint64(0)
            for k in range(step):
                code |= ((entries[k] >> shift) & mask) << np.uint64(2 * k)
            codes[i, j] = code


@njit(nogil=True, cache=True)
def count_rows(
    bits: Bits,
    step: int,
    shift: np.uint64,
    mask: np.uint64,
    slots: NDArray[np.int32],
    table: Bits,
    multipliers: Bits,
    hash_shift: np.uint64,
    counts: NDArray[np.int64],
    missed: NDArray[np.int64],
) -> int:
    """Count the rows whose region stands in their first slot; return the number of the others."""
    words = table.shape[1]
    code = np.empty(words, dtype=np.uint64)
    last = np.uint64(slots.size - 1)
    number = 0
    for i in range(bits.shape[0]):
        place = np.uint64(0)
        for j in range(words):
            entries = bits[i, j * step : (j + 1) * step]
            word = np.uint64(0)
            for k in range(step):
                word |= ((entries[k] >> shift) & mask) << np.uint64(2 * k)
            code[j] = word
            place += word * multipliers[j]
        region = slots[(place >> hash_shift) & last]
        other = np.uint64(0)
        for j in range(words):
            other |= code[j] ^ table[region, j]
        if other == 0:
            counts[region] += 1
        else:
            missed[number] = i
            number += 1
    return number

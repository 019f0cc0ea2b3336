"""Patterns as packed codes, and the table that finds the region of a code.

A neuron's digit is 1 (certainly on), -1 (certainly off), or, where the float could not tell, 0 or
-2. Sixteen digits are one 32-bit word, the sum of digit_k 4^k modulo 2^32. The map from digits to
words is injective, as four consecutive integers are a full set of remainders modulo 4. So a word
of a sample equals a word of a region if and only if all sixteen signs are certain and agree: one
comparison tells both.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.errors import InternalError

DIGITS = 16
# The place values of the halving steps of pack(): 4^1, 4^2, 4^4, 4^8.
_STEPS = (4, 16, 256, 65536)
# The first hash table has at least this many slots a region.
_SLOTS_PER_REGION = 8
# Odd multipliers of the hash, from the fractional parts of roots; any odd numbers serve.
_GOLDEN = 0x9E3779B97F4A7C15

_ROWS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def num_words(neurons: int) -> int:
    """Return the number of 32-bit words of a code: even, so that 64-bit comparisons serve."""
    return max(2, 2 * -(-neurons // (2 * DIGITS)))


@dataclass(frozen=True, eq=False)
class Packing:
    """The halving steps from the digits of some points to their codes, on fixed buffers.

    A step adds to the left half of the columns the right half times the step's place value.
    ``halves`` are (left, right) of the digits and of each buffer but the last, which is the
    result; ``buffers`` the buffers. Overflow wraps modulo 2^32, as it must.
    """

    halves: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    buffers: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, digits: torch.Tensor) -> "Packing":
        """Return the steps for int32 digits, shape (m, 16 words)."""
        rows, columns = digits.shape
        buffers = tuple(digits.new_empty((rows, columns // n)) for n in (2, 4, 8))
        return cls(tuple(_halves(t) for t in (digits, *buffers)), buffers)

    def first(self, rows: int) -> "Packing":
        """Return the steps for fewer points."""
        return Packing(
            tuple((left[:rows], right[:rows]) for left, right in self.halves),
            tuple(t[:rows] for t in self.buffers),
        )

    def run(self, out: torch.Tensor) -> None:
        """Write the codes of the digits to ``out``, int32, shape (m, words)."""
        for step, halves, to in zip(_STEPS, self.halves, (*self.buffers, out), strict=True):
            torch.add(*halves, alpha=step, out=to)


def _halves(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the left and the right half of the columns."""
    middle = tensor.shape[1] // 2
    return tensor[:, :middle], tensor[:, middle:]


def _pack(digits: torch.Tensor) -> torch.Tensor:
    """Return the words, int32, shape (m, words), of int32 digits, shape (m, 16 words)."""
    words = digits.new_empty((len(digits), digits.shape[1] // DIGITS))
    Packing.of(digits).run(words)
    return words


def pack_signs(signs: torch.Tensor) -> torch.Tensor:
    """Return the codes, shape (m, words / 2), int64, of signs -1 and 1, shape (m, neurons)."""
    rows, neurons = signs.shape
    digits = signs.new_zeros((rows, num_words(neurons) * DIGITS), dtype=torch.int32)
    digits[:, :neurons] = signs
    return _pack(digits).view(torch.int64)


def certain_mask(neurons: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (shift, mask): all signs of a code c are certain iff (c + shift) & mask == mask.

    Adding 2 to every digit makes 0 and -2 even and 1 and -1 odd; padding digits are not asked.
    """
    words = num_words(neurons)
    odd = torch.zeros((1, words * DIGITS), dtype=torch.int32, device=device)
    odd[:, :neurons] = 1
    return _pack(torch.full_like(odd, 2)), _pack(odd)


@dataclass(frozen=True, eq=False)
class RegionTable:
    """A hash table from codes to regions on one device, open addressing in whole rounds.

    ``codes`` has shape (regions + 1, words / 2), int64; ``slots`` holds region numbers, or
    ``regions`` where it is empty. Slot h + r is looked at in round r < ``rounds``. The last row
    of ``codes`` stands for an empty slot and is the code of region 0: the slot of that code is
    not empty, so no code is ever equal to the row of an empty slot that it came to in round 0.
    """

    codes: torch.Tensor
    slots: torch.Tensor
    multipliers: tuple[int, ...]
    shift: int
    rounds: int

    @classmethod
    def of(
        cls, patterns: NDArray[np.uint8], weights: NDArray[np.float64], device: torch.device
    ) -> "RegionTable":
        """Return the table of the regions with these patterns, shape (regions, neurons).

        Regions of great weight come first, so that almost all samples are found in round 0.

        Raises
        ------
        InternalError
            If two regions have the same pattern.
        """
        signs = torch.from_numpy(patterns.astype(np.int32) * 2 - 1)
        return cls.of_codes(pack_signs(signs), weights, device)

    @classmethod
    def of_codes(
        cls,
        codes: torch.Tensor,
        weights: NDArray[np.float64],
        device: torch.device = torch.device("cpu"),
    ) -> "RegionTable":
        """Return the table of regions with these codes, int64, shape (regions, words / 2)."""
        regions = len(codes)
        bits = max(4, (_SLOTS_PER_REGION * regions - 1).bit_length())
        table = cls(
            torch.cat((codes, codes[:1])),
            torch.full((1 << bits,), regions, dtype=torch.int32),
            tuple(signed(_GOLDEN * (2 * j + 1) ** 5 | 1) for j in range(codes.shape[1])),
            64 - bits,
            0,
        )
        _check_distinct(codes.numpy())
        slots = table.slots.numpy()
        start = table.hashes(codes).numpy()
        pending = np.argsort(-weights, kind="stable")
        rounds = 0
        while len(pending):
            place = (start[pending] + rounds) & (len(slots) - 1)
            _, first = np.unique(place, return_index=True)
            first = first[slots[place[first]] == regions]
            slots[place[first]] = pending[first]
            pending = np.delete(pending, first)
            rounds += 1
        return cls(
            table.codes.to(device), table.slots.to(device), table.multipliers, table.shift, rounds
        )

    @property
    def regions(self) -> int:
        """Return the number of regions; as a result it stands for "not found"."""
        return len(self.codes) - 1

    def hashes(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the slots of round 0 of int64 codes, shape (m, words / 2)."""
        result = codes[:, 0] * self.multipliers[0]
        for column, multiplier in enumerate(self.multipliers[1:], start=1):
            result.add_(codes[:, column], alpha=multiplier)
        return result.bitwise_right_shift_(self.shift).bitwise_and_(len(self.slots) - 1)

    def look_up(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (regions, missed) of round 0: ``missed`` are the rows whose region is wrong."""
        regions = torch.index_select(self.slots, 0, self.hashes(codes))
        other = torch.index_select(self.codes, 0, regions) != codes
        # The truth values of a row are seen as one integer where its length allows.
        row = _ROWS.get(other.shape[1])
        missed = other.any(dim=1) if row is None else other.view(row)
        return regions, torch.nonzero(missed.flatten()).flatten()

    def find(
        self, codes: torch.Tensor, certain: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (regions, is_found) of round 0; no code that is not ``certain`` is found."""
        regions = torch.index_select(self.slots, 0, self.hashes(codes))
        same = (torch.index_select(self.codes, 0, regions) == codes).all(dim=1) & certain
        return regions, same

    def look_on(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the regions of codes through all rounds, ``regions`` where there is none."""
        result = torch.full((len(codes),), self.regions, dtype=torch.int32, device=codes.device)
        start = self.hashes(codes)
        for r in range(self.rounds):
            regions = self.slots[(start + r) & (len(self.slots) - 1)]
            same = (self.codes[regions] == codes).all(dim=1)
            result = torch.where(same & (regions < self.regions), regions, result)
        return result


def _check_distinct(codes: NDArray[np.int64]) -> None:
    """Raise InternalError where two regions share a code, that is a pattern."""
    ordered = codes[np.lexsort(codes.T)]
    if np.any(np.all(ordered[1:] == ordered[:-1], axis=1)):
        raise InternalError("two regions of the partition have the same pattern")


def signed(value: int) -> int:
    """Return the residue modulo 2^64 as a signed 64-bit integer."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value

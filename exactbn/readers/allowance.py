"""What a file may make us compute: one budget of numbers and of digits, for every format.

A few bytes can stand for much: ``1e20000``, a tensor that is expanded, zeros that are packed. What
a file may hold grows with its size, so that no small one costs more than a large one would.
"""

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError

#: Greatest count of numbers of a file; what a file of no size may hold, and one more for each byte.
MAX_NUMBERS = 1 << 22
FREE_NUMBERS = 1 << 19

#: Digits of all numbers together, powers of ten written out, and how many more for each byte.
FREE_DIGITS = 1 << 21
DIGITS_A_BYTE = 16

#: The work of reading a model, in numbers that are computed, and their like.
MAX_WORK = 1 << 23
FREE_WORK = 1 << 20
WORK_A_BYTE = 32


class Allowance:
    """What is left for a file of ``size`` bytes, as it lies on the disk.

    Every method raises InputError when the budget is spent, before anything is computed.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._numbers = min(MAX_NUMBERS, FREE_NUMBERS + size)
        self._digits = FREE_DIGITS + DIGITS_A_BYTE * size
        self._work = min(MAX_WORK, FREE_WORK + WORK_A_BYTE * size)

    def take_numbers(self, count: int) -> None:
        """Take so many numbers off."""
        self._numbers -= count
        if self._numbers < 0:
            most = min(MAX_NUMBERS, FREE_NUMBERS + self._size)
            raise InputError(
                f"more than {most} numbers, the most that are read from {self._size} bytes"
            )

    def take_work(self, count: int) -> None:
        """Take off so much work, before it is done."""
        self._work -= count
        if self._work < 0:
            most = min(MAX_WORK, FREE_WORK + WORK_A_BYTE * self._size)
            raise InputError(
                f"asks for more work than that of computing {most} numbers, the most for "
                f"{self._size} bytes"
            )

    def take_text(self, text: str) -> None:
        """Take off the digits of a number that is given as text, its power of ten written out."""
        digits = len(text)
        exponent = text.lower().partition("e")[2]
        # What is no number at all is somebody else's to refuse.
        if exponent and len(exponent) < 9 and exponent.lstrip("+-").isdecimal():
            digits += abs(int(exponent.lstrip("+-")))
        self._take_digits(digits)

    def take_array(self, values: NDArray[np.generic]) -> None:
        """Take off numbers and digits of an array of floats, as fractions, or of integers."""
        self.take_numbers(values.size)
        bits = 8 * values.itemsize * values.size
        if values.dtype.kind == "f":
            exponents = np.frexp(values.astype(np.float64))[1]
            bits = 53 * values.size + int(np.abs(exponents, dtype=np.int64).sum())
        self._take_digits(bits * 3 // 10)

    def _take_digits(self, count: int) -> None:
        """Take so many digits off."""
        self._digits -= count
        if self._digits < 0:
            most = FREE_DIGITS + DIGITS_A_BYTE * self._size
            raise InputError(
                f"its numbers, written out, have more than {most} digits, the most that are read "
                f"from {self._size} bytes"
            )

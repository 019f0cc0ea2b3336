"""What stands for the tensors of an ONNX model, and what one of its nodes sees.

Constants keep the type in which they are stored, as long as nothing is computed of them; what is
computed is exact. What depends on the input is a tensor of rows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import DimensionError, InputError, UnsupportedLayerError
from exactbn.exact.rational import to_fraction
from exactbn.readers.allowance import Allowance
from exactbn.readers.operations import Numbers
from exactbn.readers.statistics import Statistics
from exactbn.readers.wiring import Row, Rows, Wiring, constant, elementwise

#: Greatest length of one number that is computed, in bits of numerator and denominator together.
MOST_BITS = 1 << 14
#: So many bits of a number cost as much as a number.
_BITS_A_NUMBER = 128


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor: rows where it depends on the input, else floats, integers, bools or Fractions."""

    array: NDArray[Any]
    is_traced: bool = False
    is_final: bool = False

    @property
    def is_whole(self) -> bool:
        """Return whether these are stored or computed integers, or truth values."""
        return not self.is_traced and self.array.dtype != object and self.array.dtype.kind in "ib"

    @property
    def longest(self) -> int:
        """Return the greatest number of features that an entry reads, at least 1."""
        return max((len(row.reads) for row in self.array.flat), default=1) if self.is_traced else 1


#: The work of an entry of a tensor of rows; of a unit, and of the comparison of two entries, each
#: together with the layer that it may need.
_ENTRY, _UNIT, _CONTEST = 4, 24, 64


class Run:
    """One reading of a model: the wiring, what may still be computed, and what it came upon."""

    def __init__(
        self, wiring: Wiring, allowance: Allowance, logits: bool, statistics: Statistics
    ) -> None:
        self.wiring = wiring
        self.statistics = statistics
        self.allowance = allowance
        self.logits = logits
        self.has_scale = False
        self.final: str | None = None

    def charge(self, *sizes: int) -> None:
        """Take a product of sizes off the work that may still be done, before it is done."""
        self.allowance.take_work(math.prod(map(int, sizes)))

    def charge_units(self, value: Value, each: int = 1) -> None:
        """Take off the work of so many units for each entry of a tensor."""
        self.charge(value.array.size, each, _UNIT + value.longest)

    def charge_contests(self, longest: int, *sizes: int) -> None:
        """Take off the work of a product of sizes of comparisons, and of their units."""
        self.charge(*sizes, _CONTEST + 8 * longest)

    def settle(self, array: NDArray[Any], *, only_biases: bool = False) -> None:
        """Take off what computed numbers are longer than usual; refuse those of no use at all."""
        extra = 0
        seen = set()
        for entry in array.flat:
            if not isinstance(entry, Row):
                extra += _excess(entry)
                continue
            extra += _excess(entry.bias)
            if not only_biases and id(entry.weights) not in seen:
                seen.add(id(entry.weights))
                extra += sum(map(_excess, entry.weights))
        self.allowance.take_work(extra)


def _excess(value: Fraction) -> int:
    """Return how many more numbers a number counts for, by its length."""
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    if bits > MOST_BITS:
        raise InputError(f"computes a number of {bits} bits, at most {MOST_BITS} are computed")
    return bits // _BITS_A_NUMBER


@dataclass(frozen=True, slots=True)
class Call:
    """A node of an allowed operator, with its inputs; one that is left out is None."""

    run: Run
    operator: str
    version: int
    inputs: Sequence[Value | None]
    attributes: Mapping[str, Any]

    @property
    def is_traced(self) -> bool:
        """Return whether any input depends on the network's."""
        return any(value is not None and value.is_traced for value in self.inputs)

    @property
    def longest(self) -> int:
        """Return how many features entries of all inputs read together, at most."""
        return sum(value.longest for value in self.inputs if value is not None)

    def value(self, i: int) -> Value:
        """Return an input that must be there."""
        found = self.optional(i)
        if found is None:
            raise InputError(f"input {i} is missing")
        return found

    def optional(self, i: int) -> Value | None:
        """Return an input, or None where it is left out."""
        return self.inputs[i] if i < len(self.inputs) else None

    def rows(self, i: int) -> Rows:
        """Return an input as rows, which constants can be as well."""
        value = self.value(i)
        return value.array if value.is_traced else elementwise(constant, self.numbers(i))

    def numbers(self, i: int, what: str | None = None) -> Numbers:
        """Return a constant input as Fractions."""
        name = what or f"input {i}"
        array = self._constant(i, name)
        if array.dtype == object:
            return array
        result = np.empty(array.size, dtype=object)
        result[:] = [to_fraction(int(t) if array.dtype == bool else t, name)
                     for t in array.ravel().tolist()]  # fmt: skip
        return result.reshape(array.shape)

    def number(self, i: int, what: str) -> Fraction:
        """Return a constant input of one entry as a Fraction."""
        numbers = self.numbers(i, what)
        if numbers.size != 1:
            raise DimensionError(f"{what} has {numbers.size} entries, expected 1")
        (number,) = numbers.ravel()
        return to_fraction(number)

    def integers(self, i: int, what: str) -> list[int]:
        """Return a constant input of integers as a list."""
        array = self._constant(i, what)
        if array.dtype == object or array.dtype.kind != "i" or array.ndim > 1:
            raise InputError(f"{what} is not a list of integers")
        return [int(t) for t in np.atleast_1d(array)]

    def listed(self, name: str, i: int | None) -> list[int] | None:
        """Return integers that newer versions take as an input and older ones as an attribute."""
        if name in self.attributes:
            return list(self.attributes[name])
        if i is None or self.optional(i) is None:
            return None
        return self.integers(i, name)

    def axis(self, number: int, ndim: int) -> int:
        """Return an axis, which may be counted from the end."""
        if not -ndim <= number < ndim:
            raise DimensionError(f"axis {number} of a tensor of {ndim} axes")
        return number % ndim

    def broadcast(self) -> tuple[int, ...]:
        """Return the shape to which the inputs are broadcast, paid for."""
        shapes = [value.array.shape for value in self.inputs if value is not None]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            listed = " and ".join(map(str, shapes[:4]))
            raise DimensionError(f"the shapes {listed} do not go together") from None
        self.run.charge(*shape, _ENTRY * self.longest)
        return shape

    def _constant(self, i: int, what: str) -> NDArray[Any]:
        """Return a constant input as it is kept."""
        value = self.value(i)
        if value.is_traced:
            raise UnsupportedLayerError(f"{what} depends on the input, expected a constant")
        return value.array

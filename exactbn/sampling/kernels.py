"""The float stage and the look-up of a CPU: matrix products, and compiled loops between them.

The same as :mod:`exactbn.sampling.stage` and :mod:`exactbn.sampling.lookup`, in fewer passes over
memory: after the product of a layer one loop adds the bias, takes the two bits of each neuron and
applies the activation in place. The bits are put side by side as they are, 32 neurons of a layer a
64-bit code; so the codes differ from those of :mod:`exactbn.sampling.lookup`, and equality means
the same. The bias is one more term of a row sum, as the error bounds assume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from exactbn.sampling.floats import THRESHOLD
from exactbn.sampling.lookup import RegionTable
from exactbn.sampling.stage import FloatStage

Bits = NDArray[np.uint64]
Counts = NDArray[np.int64]

_NEURONS = 32  # of a code


@dataclass(frozen=True)
class _Form:
    """How a float type gives its bits: a code gathers ``step`` 64-bit entries of a row, of each
    the bits ``mask`` after a shift by ``shift``: the upper two bits of one or of two floats.
    """

    step: int
    shift: np.uint64
    mask: np.uint64


_FORMS = {
    torch.float32: _Form(16, np.uint64(30), np.uint64(0x3_0000_0003)),
    torch.float64: _Form(32, np.uint64(62), np.uint64(0x3)),
}


@dataclass(frozen=True, eq=False)
class CompiledStage:
    """The layers of a :class:`FloatStage` on a CPU, with other buffers.

    ``weights`` have shape (m, n), ``biases`` (n,). ``buffers`` hold the rows of a layer, first its
    preactivations, then its activations, padded with 0 to a multiple of 32; ``outputs`` are their
    columns that are neurons.
    """

    weights: tuple[torch.Tensor, ...]
    biases: tuple[NDArray[np.floating], ...]
    slopes: tuple[float, ...]
    buffers: tuple[torch.Tensor, ...]
    outputs: tuple[torch.Tensor, ...]
    codes: Bits

    @classmethod
    def of(cls, stage: FloatStage) -> "CompiledStage":
        """Return the layers of ``stage``, with buffers for as many points."""
        weights = tuple(weight[:-1].contiguous() for weight in stage.weights)
        widths = [weight.shape[1] for weight in weights]
        buffers = tuple(
            weight.new_zeros((stage.chunk, columns))
            for weight, columns in zip(weights, _padded(widths), strict=True)
        )
        outputs = tuple(b[:, :width] for b, width in zip(buffers, widths, strict=True))
        codes = np.zeros((stage.chunk, num_codes(widths)), dtype=np.uint64)
        biases = tuple(weight[-1].numpy() for weight in stage.weights)
        return cls(weights, biases, stage.slopes, buffers, outputs, codes)

    def run(self, points: torch.Tensor) -> Bits:
        """Return the codes of at most a chunk of points, shape (m, d + 1), in the buffer."""
        rows = len(points)
        inputs, first, last = points[:, :-1], 0, len(self.weights) - 1
        for index, weight in enumerate(self.weights):
            outputs = self.outputs[index][:rows]
            torch.mm(inputs, weight, out=outputs)
            z = self.buffers[index][:rows].numpy()
            form = _FORMS[weight.dtype]
            finish_rows(
                z,
                z.view(np.uint64),
                self.biases[index],
                z.dtype.type(self.slopes[index]),
                index < last,
                form.step,
                form.shift,
                form.mask,
                self.codes,
                first,
            )
            first += z.shape[1] // _NEURONS
            inputs = outputs
        return self.codes[:rows]


@dataclass(frozen=True, eq=False)
class CompiledTable:
    """The table of the regions for :func:`count_rows`."""

    slots: NDArray[np.int32]
    codes: Bits
    multipliers: Bits
    shift: np.uint64

    @classmethod
    def of(
        cls, patterns: NDArray[np.uint8], weights: NDArray[np.float64], widths: Sequence[int]
    ) -> "CompiledTable":
        """Return the table; see :meth:`exactbn.sampling.lookup.RegionTable.of`."""
        codes = np.zeros((len(patterns), num_codes(widths)), dtype=np.uint64)
        form, column, first = _FORMS[torch.float32], 0, 0
        for width, columns in zip(widths, _padded(widths), strict=True):
            z = np.zeros((len(patterns), columns), dtype=np.float32)
            z[:, :width] = (patterns[:, column : column + width] * 2.0 - 1.0) * THRESHOLD
            encode(z.view(np.uint64), form.step, form.shift, form.mask, codes, first)
            column += width
            first += columns // _NEURONS
        table = RegionTable.of_codes(torch.from_numpy(codes.view(np.int64)), weights)
        return cls(
            table.slots.numpy(),
            table.codes.numpy().view(np.uint64),
            np.array(table.multipliers, dtype=np.int64).view(np.uint64),
            np.uint64(table.shift),
        )

    def count(self, codes: Bits, counts: Counts, missed: Counts) -> Counts:
        """Add the rows of ``codes`` to ``counts``, and return the rows that are not found.

        ``missed`` has room for as many.
        """
        number = count_rows(
            codes, self.slots, self.codes, self.multipliers, self.shift, counts, missed
        )
        return missed[:number]


def num_codes(widths: Sequence[int]) -> int:
    """Return the number of codes of a point; at least one."""
    return max(1, sum(_padded(widths)) // _NEURONS)


def _padded(widths: Sequence[int]) -> list[int]:
    """Return the widths as multiples of 32."""
    return [-(-width // _NEURONS) * _NEURONS for width in widths]


@njit(nogil=True, cache=True, inline="always")
def encode_row(
    bits: Bits, step: int, shift: np.uint64, mask: np.uint64, codes: Bits, first: int
) -> None:
    """Write the codes of one row of bits to ``codes`` from entry ``first`` on."""
    for j in range(len(bits) // step):
        entries = bits[j * step : (j + 1) * step]
        code = np.uint64(0)
        for k in range(step):
            code |= ((entries[k] >> shift) & mask) << np.uint64(2 * k)
        codes[first + j] = code


@njit(nogil=True, cache=True)
def encode(
    bits: Bits, step: int, shift: np.uint64, mask: np.uint64, codes: Bits, first: int
) -> None:
    """Write the codes of all rows to the columns of ``codes`` from ``first`` on."""
    for i in range(len(bits)):
        encode_row(bits[i], step, shift, mask, codes[i], first)


@njit(nogil=True, cache=True)
def finish_rows(
    z: NDArray[np.floating],
    bits: Bits,
    bias: NDArray[np.floating],
    slope: np.floating,
    is_hidden: bool,
    step: int,
    shift: np.uint64,
    mask: np.uint64,
    codes: Bits,
    first: int,
) -> None:
    """Add the bias to the rows of ``z``, write their codes, and apply the activation in place.

    ``bits`` is the same memory as ``z``. The activation is left out where ``is_hidden`` is False:
    nothing comes after the last layer.
    """
    zero = z.dtype.type(0)
    for i in range(len(z)):
        row = z[i]
        for k in range(len(bias)):
            row[k] += bias[k]
        encode_row(bits[i], step, shift, mask, codes[i], first)
        if is_hidden:
            for k in range(len(bias)):
                row[k] = max(row[k], zero) + slope * min(row[k], zero)  # without a branch


@njit(nogil=True, cache=True)
def count_rows(
    codes: Bits,
    slots: NDArray[np.int32],
    table: Bits,
    multipliers: Bits,
    shift: np.uint64,
    counts: Counts,
    missed: Counts,
) -> int:
    """Count the rows that the table holds; return the number of the others.

    Slots are looked at one after the other up to an empty one: there is always one.
    """
    words = table.shape[1]
    last = np.uint64(slots.size - 1)
    empty = len(table) - 1
    number = 0
    for i in range(len(codes)):
        place = np.uint64(0)
        for j in range(words):
            place += codes[i, j] * multipliers[j]
        place >>= shift
        while True:
            region = slots[place & last]
            other = np.uint64(0)
            for j in range(words):
                other |= codes[i, j] ^ table[region, j]
            if other == 0 or region == empty:
                break
            place += np.uint64(1)
        if region != empty:
            counts[region] += 1
        else:
            missed[number] = i
            number += 1
    return number

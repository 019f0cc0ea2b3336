"""The float stage and the look-up of a CPU: matrix products, and compiled loops between them.

The same as :mod:`exactbn.sampling.stage` and :mod:`exactbn.sampling.lookup`, in fewer passes over
memory. Points are columns here, so that every loop runs over points that lie side by side and does
the same to each. After the product of a layer one pass adds the bias, shifts the sign of each
neuron into a word, and applies the activation in place; the bits of all neurons of a point are
joined by *and*, so that one bit of the result says whether every sign is certain. So the codes are
the signs alone, 32 neurons a word, and differ from those of :mod:`exactbn.sampling.lookup`. The
bias is one more term of a row sum, as the error bounds assume; the first layer of few inputs is
summed in the same pass.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from exactbn.errors import InternalError
from exactbn.sampling.stage import FloatStage
from exactbn.sampling.vectors import FEW_INPUTS, LANES, SIGNS, finish_layer

Floats = NDArray[np.floating]
Bits = NDArray[np.unsignedinteger]
Words = NDArray[np.uint32]
Counts = NDArray[np.int64]

# Rows of a buffer are so many entries longer than a chunk: at a power of two they would all fall on
# the same places of the cache, and a step may write to columns after the last.
_PADDING = LANES
# Odd multipliers of the hash; any odd numbers serve.
_GOLDEN = 0x9E3779B97F4A7C15
_EMPTY = np.uint32(0xFFFF_FFFF)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer of a stage: ``product`` are the operands of the product and its result, for a whole
    chunk, or None where it is summed in the loop; ``arguments`` those of :func:`finish_layer`
    but for the number of points.
    """

    product: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None
    arguments: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class CompiledStage:
    """The layers of a :class:`FloatStage` on a CPU, with other buffers.

    ``points`` is room for a chunk of points, shape (d, chunk and some more), and ``outputs`` for
    the layers: first their preactivations, then their activations; every other one is the same
    memory. ``codes`` has a row a word, ``joined`` is one row. ``certain`` is the bit of ``joined``
    that is set where all signs of a point are certain: the top bit of the exponents.
    """

    points: torch.Tensor
    outputs: tuple[torch.Tensor, ...]
    layers: tuple[_Layer, ...]
    codes: Bits
    joined: Bits
    certain: np.unsignedinteger
    chunk: int

    @classmethod
    def of(cls, stage: FloatStage, inputs: int, chunk: int) -> "CompiledStage":
        """Return the layers of ``stage``, of so many inputs, with room for a chunk of points."""
        kind = stage.space.z.dtype
        bits = np.uint32 if kind == torch.float32 else np.uint64
        widths, columns = [weight.shape[1] for weight in stage.weights], chunk + _PADDING
        codes = np.zeros((num_words(sum(widths)), columns), dtype=bits)
        joined: Bits = np.full(columns, np.iinfo(bits).max, dtype=bits)
        points = torch.zeros((inputs, columns), dtype=kind)
        rooms = [
            torch.zeros((max(widths[i::2], default=0), columns), dtype=kind) for i in (0, 1)
        ]
        outputs = tuple(rooms[i % 2][:width] for i, width in enumerate(widths))
        layers, first, h, last = [], 0, points, len(widths) - 1
        for k, (weight, z) in enumerate(zip(stage.weights, outputs, strict=True)):
            own = weight[:-1].t().contiguous()
            few = inputs if k == 0 and inputs <= FEW_INPUTS else 0
            product = None if few else (own, h[:, :chunk], z[:, :chunk])
            arguments = (
                z.numpy(), weight[-1].numpy(), stage.slopes[k], k < last, codes, joined, first,
                few, own.numpy(), h.numpy(),
            )  # fmt: skip
            layers.append(_Layer(product, arguments))
            first, h = first + widths[k], z
        certain = bits(1 << 8 * kind.itemsize - 2)
        return cls(points, outputs, tuple(layers), codes, joined, certain, chunk)

    def run(self, count: int) -> None:
        """Write the codes of the first ``count`` columns of :attr:`points`, at most a chunk."""
        for layer in self.layers:
            if layer.product is not None:
                weight, h, z = layer.product
                if count < self.chunk:
                    h, z = h[:, :count], z[:, :count]
                torch.mm(weight, h, out=z)
            finish_layer(count, *layer.arguments)


@dataclass(frozen=True, eq=False)
class CompiledTable:
    """A hash table from codes to regions, for :func:`count_points`.

    A row of ``slots`` is the code of a region, and its number; all bits of the number are set
    where the slot is empty. A code's slots begin at the upper bits of the sum of its words times
    the ``multipliers``, modulo 2^32.
    """

    slots: Words
    multipliers: Words
    shift: np.uint32

    @classmethod
    def of(cls, patterns: NDArray[np.uint8], weights: NDArray[np.float64]) -> "CompiledTable":
        """Return the table of the regions with these patterns, shape (regions, neurons).

        Regions of great weight come first, so that almost all samples are found at once.

        Raises
        ------
        InternalError
            If two regions have the same pattern.
        """
        regions, neurons = patterns.shape
        codes = np.zeros((regions, num_words(neurons)), dtype=np.uint32)
        for k in range(neurons):
            codes[:, k // SIGNS] <<= np.uint32(1)
            codes[:, k // SIGNS] |= patterns[:, k] == 0
        # At most four fifths of the slots are taken: a small table stays in the cache.
        bits = max(4, (regions + regions // 4).bit_length())
        slots = np.full((1 << bits, codes.shape[1] + 1), _EMPTY, dtype=np.uint32)
        multipliers = [(_GOLDEN * (2 * j + 1) ** 5 | 1) % 2**32 for j in range(codes.shape[1])]
        table = cls(slots, np.array(multipliers, dtype=np.uint32), np.uint32(32 - bits))
        order = np.argsort(-weights, kind="stable")
        if not fill_slots(codes, order, slots, table.multipliers, table.shift):
            raise InternalError("two regions of the partition have the same pattern")
        return table

    def count(
        self, stage: CompiledStage, number: int, counts: Counts, missed: Counts
    ) -> tuple[int, int]:
        """Add the first ``number`` points that went through a stage to ``counts``.

        Returned are the number of those that are not found, which are put to ``missed``, with room
        for a chunk; and of how many some sign is uncertain.
        """
        return count_points(
            stage.codes, stage.joined, stage.certain, self.slots, self.multipliers, self.shift,
            counts, missed, number,
        )  # fmt: skip


def num_words(neurons: int) -> int:
    """Return the number of words of a code; at least one."""
    return max(1, -(-neurons // SIGNS))


@njit(nogil=True, cache=True)
def fill_slots(
    codes: Words, order: Counts, slots: Words, multipliers: Words, shift: np.uint32
) -> bool:
    """Put regions into empty ``slots``, in this order; return False where two are equal."""
    last = np.int64(len(slots) - 1)
    words = codes.shape[1]
    for region in order:
        code = np.uint32(0)
        for j in range(words):
            code = np.uint32(code + codes[region, j] * multipliers[j])
        place = np.int64(code >> shift)
        while slots[place, words] != _EMPTY:
            differs = np.uint32(0)
            for j in range(words):
                differs |= slots[place, j] ^ codes[region, j]
            if differs == 0:
                return False
            place = (place + 1) & last
        for j in range(words):
            slots[place, j] = codes[region, j]
        slots[place, words] = np.uint32(region)
    return True


@njit(nogil=True, cache=True)
def count_points(
    codes: Bits,
    joined: Bits,
    certain: np.unsignedinteger,
    slots: Words,
    multipliers: Words,
    shift: np.uint32,
    counts: Counts,
    missed: Counts,
    m: int,
) -> tuple[int, int]:
    """Count the first m points; return how many the table lacks, and how many are uncertain.

    Slots are looked at one after the other up to an empty one: there is always one.
    """
    words = len(multipliers)
    last = np.uint64(len(slots) - 1)
    places = np.zeros(m, dtype=np.uint32)
    for j in range(words):
        code, multiplier = codes[j], multipliers[j]
        for i in range(m):
            places[i] = np.uint32(places[i] + np.uint32(code[i]) * multiplier)
    # The first four words are compared without a loop, which takes half of the time.
    c0, c1 = codes[0], codes[min(1, words - 1)]
    c2, c3 = codes[min(2, words - 1)], codes[min(3, words - 1)]
    flat, width = slots.reshape(-1), np.uint64(words + 1)
    left = uncertain = 0
    for i in range(m):
        region = _EMPTY
        if joined[i] & certain:
            place = np.uint64(places[i] >> shift)
            while True:
                at = place * width
                other = flat[at] ^ np.uint32(c0[i])
                if words > 1:
                    other |= flat[at + np.uint64(1)] ^ np.uint32(c1[i])
                if words > 2:
                    other |= flat[at + np.uint64(2)] ^ np.uint32(c2[i])
                if words > 3:
                    other |= flat[at + np.uint64(3)] ^ np.uint32(c3[i])
                for j in range(4, words):
                    other |= flat[at + np.uint64(j)] ^ np.uint32(codes[j, i])
                region = flat[at + width - np.uint64(1)]
                if other == 0 or region == _EMPTY:
                    break
                place = (place + np.uint64(1)) & last
        else:
            uncertain += 1
        if region != _EMPTY:
            counts[np.uint64(region)] += 1
        else:
            missed[left] = i
            left += 1
    return left, uncertain


@njit(nogil=True, cache=True)
def gather(points: Floats, columns: Counts, number: int, out: Floats, start: int) -> None:
    """Write the first ``number`` of the ``columns`` of points to those of ``out`` from start on."""
    for j in range(len(points)):
        for i in range(number):
            out[j, start + i] = points[j, columns[i]]

"""The order in which one run makes the regions, told from their patterns.

Whatever way a complex was cut in, its regions get the numbers that they have when it is cut in one
piece. Where neuron n cuts a region, the part on its positive side keeps the number, and the other
part gets the next one; so each region is born once, of one other, of a neuron: the first where its
pattern differs from that of the other. The cells that one neuron cuts come in this order: those
that were born of its own block of 64, the youngest first, then those from before, the oldest first.
That is how :func:`.kernels.split_faces` goes through its lists.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.parts import in_order_of_halves
from exactbn.errors import InternalError

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]


def in_order_of_making(words: Words, begun: Numbers, widths: Sequence[int]) -> Numbers:
    """Return the order of regions in which one run makes them.

    Parameters
    ----------
    words : (regions, blocks) array
        Their patterns, 64 neurons a word.
    begun : (regions,) array
        The region, by its number in a run of the first blocks, in which each lies. Regions of one
        have equal words of those blocks.
    widths : sequence of int
        The numbers of neurons of the blocks.

    Raises
    ------
    InternalError
        If a region is there twice, or one of that run is not there.
    """
    count = len(words)
    positive_first = in_order_of_halves(words)[::-1]
    order = positive_first[np.argsort(begun[positive_first], kind="stable")]
    birth, parent = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    _find_births(words, begun, order, birth, parent, np.empty(count, dtype=np.int64))
    number = np.full(count, -1, dtype=np.int64)
    old = np.flatnonzero(birth < 0)
    number[old] = begun[order[old]]
    used = len(old)
    made = np.flatnonzero(birth >= 0)
    made = made[np.argsort(birth[made], kind="stable")]
    ends = np.searchsorted(birth[made], np.arange(64 * len(widths) + 1))
    for block, width in enumerate(widths):
        before = used
        for neuron in range(64 * block, 64 * block + width):
            own = made[ends[neuron] : ends[neuron + 1]]
            of = number[parent[own]]
            own = own[np.argsort(np.where(of < before, of, -of), kind="stable")]
            number[own] = np.arange(used, used + len(own))
            used += len(own)
    if count and (number.max() != count - 1 or np.bincount(number).max() > 1):
        raise InternalError("a region is in two pieces, or in none; please report this network")
    result = np.empty(count, dtype=np.int64)
    result[number] = order
    return result


@kernel
def _find_births(words, begun, order, birth, parent, branch):  # type: ignore[no-untyped-def]
    """Write of which neuron each region was born and of which, by their places in ``order``.

    Neuron k of block b is 64 b + k; -1 for the first of those that begin with one region. A region
    is born of the last one before it from which it differs first in a neuron as early as none
    between them: those between share more neurons with it. ``branch`` is room for the places whose
    births no earlier neuron has come after.
    """
    depth = 0
    for i in range(len(order)):
        birth[i], parent[i] = -1, i
        if i > 0 and begun[order[i]] == begun[order[i - 1]]:
            a, b = words[order[i - 1]], words[order[i]]
            for k in range(len(a)):
                if a[k] != b[k]:
                    differ, bit = a[k] ^ b[k], 0
                    while differ & np.uint64(1) == np.uint64(0):
                        differ >>= np.uint64(1)
                        bit += 1
                    birth[i] = 64 * k + bit
                    break
            # Branches born of later neurons end here.
            while birth[branch[depth - 1]] > birth[i]:
                depth -= 1
            parent[i] = branch[depth - 1]
        else:
            depth = 0
        branch[depth] = i
        depth += 1

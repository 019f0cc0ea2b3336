"""What is written down of a block of neurons once it is finished, and of those that cut nothing.

That is the patterns, and which activations are not zero. Bit k of a block is neuron ``units[k]`` of
its layer, in the word ``units[k] // 64`` of the layer.
"""

import numpy as np

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.complex.kernels import (
    FACES,
    NEG,
    POS,
    REGIONS,
    ROOT,
    SEAMS,
    VERTICES,
    lowest,
)

_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@inlined
def _write(rows, row, first, units, bits):  # type: ignore[no-untyped-def]
    """Set the bits of a block in a row of words, in which its layer begins with word ``first``."""
    if units[units.shape[0] - 1] - units[0] == units.shape[0] - 1 and units[0] & 63 == 0:
        rows[row, first + (units[0] >> 6)] |= bits
    else:
        while bits != _ZERO:
            unit = units[lowest(bits)]
            bits &= bits - _ONE
            rows[row, first + (unit >> 6)] |= _ONE << np.uint64(unit & 63)


@kernel
def record_idle(w, place, positive, alive):  # type: ignore[no-untyped-def]
    """Write the patterns by neurons that cut nothing, in the words ``place[0]`` on of a layer.

    ``positive`` are those that are positive everywhere, ``alive`` those whose activation is not
    zero anywhere, in words from ``place[1]`` on of the vertices.
    """
    first, column = place
    for i in range(positive.shape[0]):
        for r in range(w.used[REGIONS]):
            w.words[r, first + i] |= positive[i]
        if w.names.shape[1] > 0:
            for s in range(w.used[SEAMS]):
                w.names[s, ROOT + first + i] |= positive[i]
        if w.alive.shape[1] > 0:
            for v in range(w.used[VERTICES]):
                w.alive[v, column + i] |= alive[i]


@kernel
def record_alive(w, first, units, leaky):  # type: ignore[no-untyped-def]
    """Write for each vertex which neurons of a finished block have an activation that is not zero.

    ``leaky`` are the neurons whose slope for negative values is not zero; the layer begins with
    word ``first``.
    """
    alive = w.alive
    for v in range(w.used[VERTICES]):
        f = w.face[v]
        _write(alive, v, first, units, w.word[f, POS] | (w.word[f, NEG] & leaky))


@kernel
def record_patterns(w, d, first, units):  # type: ignore[no-untyped-def]
    """Write the positive words of the regions as their pattern; return a region that is cut, or -1.

    After the last neuron of a block no region may have vertices strictly on both sides. The names
    of facets get the positive words of these. The layer begins with word ``first``.
    """
    dim, word, slot, words, names = w.dim, w.word, w.slot, w.words, w.names
    for f in range(w.used[FACES]):
        if dim[f] == d - 1 and names.shape[1] > 0 and slot[f] >= 0:
            _write(names, slot[f], ROOT + first, units, word[f, POS])
        if dim[f] == d:
            if word[f, POS] & word[f, NEG] != _ZERO:
                return f
            _write(words, slot[f], first, units, word[f, POS])
    return -1


@kernel
def collect_owners(w, d, owners, pairs, seams, counts):  # type: ignore[no-untyped-def]
    """Write which regions share a facet, and the region of each facet that has a name.

    ``owners`` is -1 for all faces. Writes the pairs to ``pairs``, the regions of the seams by the
    rows of their names to ``seams``, and how many faces are counted of each dimension to
    ``counts``. Returns the number of pairs.
    """
    dim, own, slot, first, size, arena = w.dim, w.own, w.slot, w.first, w.size, w.arena
    used = 0
    for f in range(w.used[FACES]):
        counts[dim[f]] += own[f] > 0
        if dim[f] != d:
            continue
        for i in range(first[f], first[f] + size[f]):
            g = arena[i]
            if owners[g] < 0:
                owners[g] = slot[f]
                if seams.shape[0] > 0 and slot[g] >= 0:
                    seams[slot[g]] = slot[f]
            else:
                pairs[used, 0], pairs[used, 1] = owners[g], slot[f]
                used += 1
    return used


@kernel
def spread_far(w, d, far):  # type: ignore[no-untyped-def]
    """Mark the faces that have a vertex that is marked, dimension by dimension."""
    dim, first, size, arena = w.dim, w.first, w.size, w.arena
    for k in range(1, d + 1):
        for f in range(w.used[FACES]):
            if dim[f] == k:
                for i in range(first[f], first[f] + size[f]):
                    far[f] |= far[arena[i]]

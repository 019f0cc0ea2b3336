"""What is written down once a block of neurons is finished: patterns, and what is not zero."""

import numpy as np

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.kernels import FACES, NEG, POS, ROOT, VERTICES

_ZERO = np.uint64(0)


@kernel
def record_alive(w, block, leaky):  # type: ignore[no-untyped-def]
    """Write for each vertex which neurons of a finished block have an activation that is not zero.

    ``leaky`` are the neurons whose slope for negative values is not zero.
    """
    for v in range(w.used[VERTICES]):
        f = w.face[v]
        w.alive[v, block] = w.word[f, POS] | (w.word[f, NEG] & leaky)


@kernel
def record_patterns(w, d, block):  # type: ignore[no-untyped-def]
    """Write the positive words of the regions as their pattern; return a region that is cut, or -1.

    After the last neuron of a block no region may have vertices strictly on both sides. The names
    of facets get the positive words of these.
    """
    dim, word, slot, words, names = w.dim, w.word, w.slot, w.words, w.names
    for f in range(w.used[FACES]):
        if dim[f] == d - 1 and names.shape[1] > 0 and slot[f] >= 0:
            names[slot[f], ROOT + block] = word[f, POS]
        if dim[f] == d:
            if word[f, POS] & word[f, NEG] != _ZERO:
                return f
            words[slot[f], block] = word[f, POS]
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

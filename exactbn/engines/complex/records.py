"""What is written down once a block of neurons is finished: patterns, and what is not zero."""

import numpy as np

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.kernels import FACES, NEG, POS, VERTICES

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

    After the last neuron of a block no region may have vertices strictly on both sides.
    """
    dim, word, slot, words = w.dim, w.word, w.slot, w.words
    for f in range(w.used[FACES]):
        if dim[f] == d:
            if word[f, POS] & word[f, NEG] != _ZERO:
                return f
            words[slot[f], block] = word[f, POS]
    return -1

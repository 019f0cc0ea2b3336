"""Pieces of a complex between two layers, each to be cut further by itself.

A piece is some of the d-faces with all their faces. A facet between two pieces is a *seam*: both
sides cut it, each for itself, by the same forms, and so into the same parts. What becomes of it on
both sides is joined by name: the seam, and which later neurons have a positive vertex on it. Two
parts of a seam were parted by a neuron that has one of them on its positive side and not the
other, so a name is that of one facet. The other faces of a seam are counted once, by the piece of
the least number among those that have them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import kernel

Ints = NDArray[np.int32]
Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]

#: The code of the whole domain, of which pieces are dealt out.
WHOLE = 1
#: Who counts a face: another piece; this one, which alone has it; this one of several.
OTHERS, OWN, SHARED = range(3)


class Sorted(NamedTuple):
    """Faces sorted by dimension, and their lists of facets, as in :class:`.kernels.Work`.

    ``starts`` are the first faces of each dimension; ``lowest`` and ``highest`` the least and the
    greatest number of a piece that has a face.
    """

    starts: Numbers
    first: Numbers
    size: Ints
    slot: Ints
    own: NDArray[np.int8]
    arena: Ints
    lowest: Ints
    highest: Ints


class Piece(NamedTuple):
    """The faces of a piece, sorted by dimension, an edge with itself as its root.

    ``faces`` says which of the whole they are. ``seams`` has for each facet with a name the row
    that its name so far has in the whole, -1 if this is where it gets one, and its number there.
    """

    starts: Numbers
    faces: Ints
    dim: NDArray[np.int8]
    first: Numbers
    size: Ints
    slot: Ints
    own: NDArray[np.int8]
    arena: Ints
    seams: Numbers


def in_order_of_halves(words: Words) -> Numbers:
    """Return the order of patterns by the first neuron, then by the second, and so on.

    Those that follow each other lie in the same half-spaces of the first neurons.
    """
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    keys = np.packbits(bits, axis=1).view(">u8")
    # No neurons are no keys, and the order of one region is its own.
    order: Numbers = np.lexsort([np.zeros(len(words), dtype=np.uint8), *keys.T[::-1]])
    return order


def spread(faces: Sorted, of_cell: Ints) -> None:
    """Write to ``lowest`` and ``highest`` in which pieces the faces are, from their d-faces."""
    starts = faces.starts
    first, last = int(starts[-2]), int(starts[-1])
    faces.lowest[:], faces.highest[:] = np.iinfo(np.int32).max, -1
    faces.lowest[first:last] = faces.highest[first:last] = of_cell[faces.slot[first:last]]
    _spread(faces)


def unmarked(faces: Sorted) -> Ints:
    """Return room in which :func:`take` marks faces; it leaves it as it was."""
    return np.full(int(faces.starts[-1]), -1, dtype=np.int32)


def take(faces: Sorted, cells: Ints, number: int, mark: Ints) -> Piece:
    """Return the piece of some d-faces; the time is that of the piece, not of the whole."""
    starts = faces.starts
    ids = np.empty(int(starts[-1]), dtype=np.int32)  # of which only what is used costs memory
    ids[: len(cells)] = cells
    counts = np.zeros(len(starts) - 1, dtype=np.int64)
    counts[-1] = len(cells)
    entries = _gather(faces, ids, counts, mark)
    own_starts = np.concatenate(([0], np.cumsum(counts)))
    count = int(own_starts[-1])
    piece = Piece(
        starts=own_starts,
        faces=np.empty(count, dtype=np.int32),
        dim=np.empty(count, dtype=np.int8),
        first=np.empty(count, dtype=np.int64),
        size=np.empty(count, dtype=np.int32),
        slot=np.empty(count, dtype=np.int32),
        own=np.empty(count, dtype=np.int8),
        arena=np.empty(entries + 2 * int(counts[1]), dtype=np.int32),
        seams=np.empty((int(counts[-2]), 2), dtype=np.int64),
    )
    seams = _copy(faces, ids, mark, np.int64(number), piece)
    return piece._replace(seams=piece.seams[:seams])


@kernel
def _spread(S):  # type: ignore[no-untyped-def]
    """Spread the numbers of pieces from the d-faces to all faces below them."""
    starts, first, size, arena = S.starts, S.first, S.size, S.arena
    lowest, highest = S.lowest, S.highest
    for f in range(starts[starts.shape[0] - 1] - 1, starts[1] - 1, -1):
        for i in range(first[f], first[f] + size[f]):
            g = arena[i]
            lowest[g] = min(lowest[g], lowest[f])
            highest[g] = max(highest[g], highest[f])


@kernel
def _gather(S, ids, counts, mark):  # type: ignore[no-untyped-def]
    """Append to the d-faces ``ids`` all their faces, dimension by dimension.

    Writes how many there are to ``counts``; returns how many facets they have together.
    """
    first, size, arena = S.first, S.size, S.arena
    d = counts.shape[0] - 1
    begin, end, total = 0, counts[d], 0
    for k in range(d, 0, -1):
        n = end
        for i in range(begin, end):
            f = ids[i]
            total += size[f]
            for e in range(first[f], first[f] + size[f]):
                g = arena[e]
                if mark[g] < 0:
                    mark[g] = 0
                    ids[n] = g
                    n += 1
        counts[k - 1] = n - end
        begin, end = end, n
    return total


@kernel
def _copy(S, ids, mark, number, P):  # type: ignore[no-untyped-def]
    """Write the faces that were gathered to a piece; return the number of seams."""
    firsts, sizes, slots, owns, lists = S.first, S.size, S.slot, S.own, S.arena
    starts, faces, seams = P.starts, P.faces, P.seams
    d = starts.shape[0] - 2
    i = 0
    for k in range(d, -1, -1):
        for f in range(starts[k], starts[k + 1]):
            faces[f] = ids[i]
            mark[ids[i]] = f
            i += 1
    used, named = 0, 0
    for k in range(d + 1):
        for f in range(starts[k], starts[k + 1]):
            g = faces[f]
            P.dim[f], P.size[f], P.first[f] = k, sizes[g], used
            own = owns[g]
            if own == OWN and S.lowest[g] < S.highest[g]:
                own = SHARED
            P.own[f] = own if S.lowest[g] == number else OTHERS
            slot = -1
            if k == 0 or k == d:
                slot = f - starts[k]
            elif k == d - 1 and (slots[g] >= 0 or S.lowest[g] < S.highest[g]):
                slot = named
                seams[named, 0], seams[named, 1] = slots[g], g
                named += 1
            P.slot[f] = slot
            for e in range(firsts[g], firsts[g] + sizes[g]):
                P.arena[used] = mark[lists[e]]
                used += 1
            if k == 1:
                P.arena[used], P.arena[used + 1] = P.arena[used - 2], P.arena[used - 1]
                used += 2
    for g in faces:
        mark[g] = -1
    return named

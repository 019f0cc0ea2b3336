"""The loops over the lists of a face lattice that :mod:`exactbn.regions.structure` needs."""

import numpy as np
from numba import njit


@njit(cache=True)
def wrong_list(starts, indptr, indices):  # type: ignore[no-untyped-def]
    """Return a k-face, k >= 1, that has not its facets, or -1.

    They are at least k + 1 different (k-1)-faces, and two for an edge.
    """
    seen = np.full(starts[-1], -1, dtype=np.int64)
    for k in range(1, len(starts) - 1):
        for f in range(starts[k], starts[k + 1]):
            size = indptr[f + 1] - indptr[f]
            if size < k + 1 or (k == 1 and size != 2):
                return f
            for i in range(indptr[f], indptr[f + 1]):
                g = indices[i]
                if g < starts[k - 1] or g >= starts[k] or seen[g] == f:
                    return f
                seen[g] = f
    return -1


@njit(cache=True)
def open_face(starts, indptr, indices):  # type: ignore[no-untyped-def]
    """Return a face with a ridge that is not in exactly two of its facets, or -1."""
    count = np.zeros(starts[-1], dtype=np.int32)
    for f in range(starts[2], starts[-1]):
        once = 0
        is_closed = True
        for i in range(indptr[f], indptr[f + 1]):
            g = indices[i]
            for j in range(indptr[g], indptr[g + 1]):
                h = indices[j]
                count[h] += 1
                if count[h] == 1:
                    once += 1
                elif count[h] == 2:
                    once -= 1
                else:
                    is_closed = False
        if once or not is_closed:
            return f
        for i in range(indptr[f], indptr[f + 1]):
            g = indices[i]
            for j in range(indptr[g], indptr[g + 1]):
                count[indices[j]] = 0
    return -1


@njit(cache=True)
def join_parents(parents, begin, words):  # type: ignore[no-untyped-def]
    """Set the word of every vertex from ``begin`` on to the union of those of its parents."""
    for v in range(begin, parents.shape[0]):
        words[v] = words[parents[v, 0]] | words[parents[v, 1]]


@njit(cache=True)
def join_facets(indptr, indices, begin, words):  # type: ignore[no-untyped-def]
    """Set the word of every face from ``begin`` on to the union of those of its facets."""
    for f in range(begin, len(indptr) - 1):
        word = np.uint64(0)
        for i in range(indptr[f], indptr[f + 1]):
            word |= words[indices[i]]
        words[f] = word


@njit(cache=True)
def mark_proper(indptr, indices, begin, words, is_proper):  # type: ignore[no-untyped-def]
    """Mark the facets in the lists whose word is not that of the face itself."""
    for f in range(begin, len(indptr) - 1):
        for i in range(indptr[f], indptr[f + 1]):
            if words[indices[i]] != words[f]:
                is_proper[i] = True


@njit(cache=True)
def join_signs(indptr, indices, begin, pos, neg, is_proper):  # type: ignore[no-untyped-def]
    """Join both words of the facets of every face, and mark as above by the neurons not zero."""
    for f in range(begin, len(indptr) - 1):
        above, below = np.uint64(0), np.uint64(0)
        for i in range(indptr[f], indptr[f + 1]):
            above |= pos[indices[i]]
            below |= neg[indices[i]]
        pos[f], neg[f] = above, below
        nonzero = above | below
        for i in range(indptr[f], indptr[f + 1]):
            if pos[indices[i]] | neg[indices[i]] != nonzero:
                is_proper[i] = True


@njit(cache=True)
def odd_facets(indptr, indices, faces, begin, end):  # type: ignore[no-untyped-def]
    """Return which of the faces ``begin`` to ``end`` - 1 are facets of an odd number of faces."""
    odd = np.zeros(end - begin, dtype=np.bool_)
    for f in faces:
        for i in range(indptr[f], indptr[f + 1]):
            odd[indices[i] - begin] ^= True
    return odd

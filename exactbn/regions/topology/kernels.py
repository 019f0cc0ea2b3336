"""The loops over the faces of a complex: incidence numbers, a discrete gradient, its paths.

Cells are numbered by dimension. ``indptr`` and ``indices`` list the facets of each, as in a
:class:`exactbn.engines.complex.lattice.FaceLattice`.
"""

import heapq

import numpy as np
from numba import njit

#: Greatest size of a coefficient that a path may have in int64: a sum of two cannot overflow.
LARGEST = 2**61


@njit(cache=True, nogil=True)
def orient(indptr, indices, begin, end, wanted, signs):  # type: ignore[no-untyped-def]
    """Write the incidence numbers of wanted cells of one dimension, ``begin`` to ``end``.

    Those of their facets are known. The first facet of a cell has the number 1; the others follow,
    since in each ridge of the cell exactly two facets meet. Returns a cell that is not closed in
    this way, or is not connected across its ridges, or contradicts itself; -1 where there is none.
    """
    ridges = 0
    for f in range(begin, end):
        for i in range(indptr[f], indptr[f + 1]):
            for j in range(indptr[indices[i]], indptr[indices[i] + 1]):
                ridges = max(ridges, indices[j] + 1)
    # Of each ridge the two places (facet of the cell, entry of that facet) in which it occurs.
    first, second = np.full(ridges, -1, np.int64), np.full(ridges, -1, np.int64)
    at_first, at_second = np.zeros(ridges, np.int8), np.zeros(ridges, np.int8)
    stack = np.empty(16, np.int64)
    for f in range(begin, end):
        if not wanted[f]:
            continue
        head, tail = indptr[f], indptr[f + 1]
        if tail - head > len(stack):
            stack = np.empty(2 * (tail - head), np.int64)
        once = 0
        is_closed = True
        for i in range(head, tail):
            signs[i] = 0
            g = indices[i]
            for j in range(indptr[g], indptr[g + 1]):
                h = indices[j]
                if first[h] < 0:
                    first[h], at_first[h] = i, signs[j]
                    once += 1
                elif second[h] < 0:
                    second[h], at_second[h] = i, signs[j]
                    once -= 1
                else:
                    is_closed = False
        if once or not is_closed or head == tail:
            return f
        signs[head] = 1
        stack[0] = head
        size, reached = 1, 1
        while size:
            size -= 1
            i = stack[size]
            g = indices[i]
            for j in range(indptr[g], indptr[g + 1]):
                h = indices[j]
                other, own, of_other = second[h], at_first[h], at_second[h]
                if other == i:
                    other, own, of_other = first[h], at_second[h], at_first[h]
                sign = -signs[i] * own * of_other
                if signs[other] == 0:
                    signs[other] = sign
                    stack[size] = other
                    size += 1
                    reached += 1
                elif signs[other] != sign:
                    return f
        if reached < tail - head:
            return f
        for i in range(head, tail):
            g = indices[i]
            for j in range(indptr[g], indptr[g + 1]):
                first[indices[j]] = second[indices[j]] = -1
    return -1


@njit(cache=True, nogil=True)
def match(indptr, indices, above, cofaces, partner, time):  # type: ignore[no-untyped-def]
    """Write a discrete gradient: every cell's partner, itself if it is critical, and a time.

    By coreductions: cells are taken away one after the other. If a cell has exactly one facet left,
    the two are a pair; where there is no such cell, one without facets left of the least dimension
    is critical. ``time`` says when a cell went. All other facets of the upper cell of a pair went
    before it, so paths of the gradient go back in time and none is closed.
    ``above``, ``cofaces`` list the cofaces of every cell.
    """
    n = len(partner)
    left = np.empty(n, np.int32)
    # Every cell is put in the queue once at most: when it has one facet left.
    queue = np.empty(n, np.int64)
    head = tail = np.int64(0)
    for f in range(n):
        left[f] = indptr[f + 1] - indptr[f]
        partner[f] = -1
        if left[f] == 1:
            queue[tail] = f
            tail += 1
    now = np.int64(0)
    for f in range(-1, n):  # by dimension: all cells of lower ones are gone before
        if f >= 0:
            if partner[f] >= 0:
                continue
            partner[f] = f
            time[f] = now
            now += 1
            tail = _take_away(f, above, cofaces, partner, left, queue, tail)
        while head < tail:
            upper = queue[head]
            head += 1
            if partner[upper] >= 0 or left[upper] != 1:
                continue
            lower = np.int64(-1)
            for i in range(indptr[upper], indptr[upper + 1]):
                if partner[indices[i]] < 0:
                    lower = np.int64(indices[i])
            partner[upper], partner[lower] = lower, upper
            time[upper] = time[lower] = now
            now += 1
            tail = _take_away(lower, above, cofaces, partner, left, queue, tail)
            tail = _take_away(upper, above, cofaces, partner, left, queue, tail)
    return now


@njit(cache=True, nogil=True)
def _take_away(cell, above, cofaces, partner, left, queue, tail):  # type: ignore[no-untyped-def]
    """Take a cell off the facets that are left; queue cells with a single one."""
    for i in range(above[cell], above[cell + 1]):
        g = cofaces[i]
        left[g] -= 1
        if left[g] == 1 and partner[g] < 0:
            queue[tail] = g
            tail += 1
    return tail


@njit(cache=True, nogil=True)
def flow(indptr, indices, signs, partner, time, sums, cell, largest):  # type: ignore[no-untyped-def]
    """Return the boundary of a critical cell along all paths, as critical cells and numbers.

    ``sums``, of zeros, is used and left as zeros. Where a number would be larger than ``largest``
    the critical cells are those of -1, and nothing else is said.
    """
    heap = [(np.int64(0), np.int64(0))]
    heap.pop()
    found = [np.int64(0)]
    found.pop()
    for i in range(indptr[cell], indptr[cell + 1]):
        g = np.int64(indices[i])
        if partner[g] >= g:  # critical, or the lower one of a pair
            sums[g] += signs[i]
            heapq.heappush(heap, (-time[g], g))
    is_large = False
    while len(heap):
        g = heapq.heappop(heap)[1]
        number = sums[g]
        if number == 0:
            continue
        if partner[g] == g:
            found.append(g)
            continue
        sums[g] = 0
        upper = partner[g]
        own = np.int64(0)
        for i in range(indptr[upper], indptr[upper + 1]):
            if indices[i] == g:
                own = np.int64(signs[i])
        for i in range(indptr[upper], indptr[upper + 1]):
            h = np.int64(indices[i])
            if h != g and partner[h] >= h:
                if sums[h] == 0:
                    heapq.heappush(heap, (-time[h], h))
                sums[h] -= number * own * signs[i]
                if abs(sums[h]) > largest:
                    is_large = True
                    sums[h] = 1
    cells = np.unique(np.array(found, dtype=np.int64)) if len(found) else np.empty(0, np.int64)
    numbers = np.empty(len(cells), np.int64)
    for i in range(len(cells)):
        numbers[i] = sums[cells[i]]
        sums[cells[i]] = 0
    if is_large:
        return np.full(1, -1, np.int64), numbers
    return cells, numbers

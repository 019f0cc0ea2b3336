"""The loops over faces: splitting a face lattice by one neuron, in integers.

Untrusted speed, exact combinatorics: every decision here reads sign words. The only floats are
the coordinates and preactivations of new vertices together with their proven error bounds (see
docs/error_analysis.md); where a bound does not settle a sign, the sign is left open and listed for
exact evaluation.

All faces of all dimensions share one id space. A face of dimension k >= 1 is the list of the ids of
its facets, in an arena. An edge's list (a, b) is followed by its root (ra, rb): the edge of which
it is a part in the current layer, on which every neuron of the layer is affine. A face's three
words say for which neurons of the block it has a positive, a negative and a zero vertex.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Neurons of one block: the bits of one word.
BLOCK = 64

# Counters in Work.used.
FACES, ARENA, VERTICES, REGIONS, ENTRIES, UNDECIDED, WIDEST = range(7)

# Columns of Work.word: the neurons for which a face has a positive, a negative, a zero vertex, and
# the parts into which it was cut last: the id of the negative part (upper half) and of the middle.
POS, NEG, ZER, PARTS = range(4)

_HALF = np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)

# Relative rounding of one interpolation, 4 u with u = 2**-53; an absolute term far above every
# underflow, that of float32 included; and what makes good for rounding a bound to float32. Proven
# sufficient in docs/error_analysis.md.
_ROUNDING = 2.0**-51
_UNDERFLOW = 2.0**-120
_INFLATION = 1.0 + 2.0**-22
# Below this share of the whole, a difference has lost too many digits to divide by.
_CANCELLATION = 2.0**-20

_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_INDEX = np.zeros(64, dtype=np.int64)
for _k in range(64):
    _BIT_INDEX[((0x03F79D71B4CB0A89 << _k) & 0xFFFFFFFFFFFFFFFF) >> 58] = _k


class Work(NamedTuple):
    """The growing arrays of a subdivision; ``used`` holds how much of them is in use."""

    dim: NDArray[np.int8]  # (faces,) dimension
    first: NDArray[np.int64]  # (faces,) offset in the arena
    size: NDArray[np.int32]  # (faces,) number of facets
    word: NDArray[np.uint64]  # (faces, 4) POS, NEG, ZER, PARTS: one half of a cache line
    slot: NDArray[np.int32]  # (faces,) row in the vertex or in the region arrays
    arena: NDArray[np.int32]
    x: NDArray[np.float64]  # (vertices, 1 + d) homogeneous coordinates
    ex: NDArray[np.float64]  # (vertices, 1 + d) their error bounds
    z: NDArray[np.float64]  # (vertices, block) preactivations of the block
    ez: NDArray[np.float32]  # (vertices, block) their error bounds
    parents: NDArray[np.int32]  # (vertices, 3) root edge and neuron that made it; -1 for corners
    place: NDArray[np.float64]  # (vertices, 2) t with a + t (b - a) on the root edge, and its bound
    face: NDArray[np.int32]  # (vertices,) id of the vertex as a face
    open: NDArray[np.uint64]  # (vertices,) neurons whose sign is not yet settled
    words: NDArray[np.uint64]  # (regions, blocks) activation patterns
    component: NDArray[np.int32]  # (regions,) index of the box that holds the region
    head: NDArray[np.int32]  # (1 + d, block) first entry of each bucket
    link: NDArray[np.int32]  # (entries,) next entry
    entry: NDArray[np.int32]  # (entries,) face
    used: NDArray[np.int64]


@njit(cache=True, inline="always")
def _lowest(mask):  # type: ignore[no-untyped-def]
    """Return the index of the lowest bit of a nonzero word."""
    low = mask & (~mask + _ONE)
    return _BIT_INDEX[(low * _DE_BRUIJN) >> np.uint64(58)]


@njit(cache=True, inline="always")
def _ones(mask):  # type: ignore[no-untyped-def]
    """Return the number of bits of a word."""
    mask = mask - ((mask >> _ONE) & np.uint64(0x5555555555555555))
    mask = (mask & np.uint64(0x3333333333333333)) + (
        (mask >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    mask = (mask + (mask >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((mask * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def classify(w, begin, end, width, factor):  # type: ignore[no-untyped-def]
    """Set the sign words of the vertices ``begin`` to ``end`` from z and its bounds.

    A sign is certain where |z| > factor * bound, or where the value is known to be exactly 0
    (bound 0). The rest is left open. Returns the number of signs left open.
    """
    total = 0
    for v in range(begin, end):
        pos, neg, zer, undecided = _ZERO, _ZERO, _ZERO, _ZERO
        for k in range(width):
            value, bound = w.z[v, k], factor * np.float64(w.ez[v, k])
            bit = _ONE << np.uint64(k)
            if value > bound:
                pos |= bit
            elif value < -bound:
                neg |= bit
            elif value == 0.0 and bound == 0.0:
                zer |= bit
            else:
                undecided |= bit
                total += 1
        f = w.face[v]
        w.word[f, POS], w.word[f, NEG], w.word[f, ZER] = pos, neg, zer
        w.open[v] = undecided
    return total


@njit(cache=True, inline="always")
def _collect(w, f):  # type: ignore[no-untyped-def]
    """Set the words of a face to the union over its facets."""
    pos, neg, zer = _ZERO, _ZERO, _ZERO
    start = w.first[f]
    for i in range(start, start + w.size[f]):
        g = w.arena[i]
        pos |= w.word[g, POS]
        neg |= w.word[g, NEG]
        zer |= w.word[g, ZER]
    w.word[f, POS], w.word[f, NEG], w.word[f, ZER] = pos, neg, zer


@njit(cache=True)
def collect_words(w, begin):  # type: ignore[no-untyped-def]
    """Set the words of all faces from ``begin`` on, which must be sorted by dimension.

    Returns the number of pairs (face, neuron that cuts it).
    """
    total = 0
    for f in range(begin, w.used[FACES]):
        _collect(w, f)
        total += _ones(w.word[f, POS] & w.word[f, NEG])
    return total


@njit(cache=True, inline="always")
def _enter(w, f, later):  # type: ignore[no-untyped-def]
    """Put a face into the bucket of every neuron of ``later`` that cuts it."""
    cut = w.word[f, POS] & w.word[f, NEG] & later
    k = w.dim[f]
    while cut != _ZERO:
        j = _lowest(cut)
        cut &= cut - _ONE
        e = w.used[ENTRIES]
        w.used[ENTRIES] = e + 1
        w.entry[e] = f
        w.link[e] = w.head[k, j]
        w.head[k, j] = e


@njit(cache=True)
def fill_buckets(w, begin):  # type: ignore[no-untyped-def]
    """Put every face from ``begin`` on into the buckets of the neurons that cut it."""
    # From the last to the first, so that each list begins with its lowest ids.
    for f in range(w.used[FACES] - 1, begin - 1, -1):
        _enter(w, f, _FULL)


@njit(cache=True)
def measure(w, j, d, needs):  # type: ignore[no-untyped-def]
    """Write upper bounds for what step ``j`` adds into ``needs``; return whether it cuts at all."""
    bit = np.uint64(j)
    later = (_FULL << bit) & ~(_ONE << bit)
    needs[:] = 0
    for k in range(1, d + 1):
        e = w.head[k, j]
        while e >= 0:
            f = w.entry[e]
            e = w.link[e]
            cut = w.word[f, POS] & w.word[f, NEG]
            if (cut >> bit) & _ONE == _ZERO:
                continue
            needs[FACES] += 2
            needs[ARENA] += 3 * w.size[f] + 6
            needs[ENTRIES] += 2 * _ones(cut & later)
            if k == 1:
                needs[VERTICES] += 1
            if k == d:
                needs[REGIONS] += 1
            if w.size[f] + 2 > needs[WIDEST]:
                needs[WIDEST] = w.size[f] + 2
    return needs[FACES] > 0


@njit(cache=True, inline="always")
def _new_face(w, k):  # type: ignore[no-untyped-def]
    """Return the id of a new face of dimension k without facets."""
    f = w.used[FACES]
    w.used[FACES] = f + 1
    w.dim[f] = k
    w.size[f] = 0
    w.word[f, PARTS] = _ZERO
    return f


@njit(cache=True, inline="always")
def _new_region(w, f, parent):  # type: ignore[no-untyped-def]
    """Give the new d-face ``f`` the pattern so far and the component of ``parent``."""
    r = w.used[REGIONS]
    w.used[REGIONS] = r + 1
    w.slot[f] = r
    s = w.slot[parent]
    for i in range(w.words.shape[1]):
        w.words[r, i] = w.words[s, i]
    w.component[r] = w.component[s]


@njit(cache=True, inline="always")
def _interpolate(target, bounds, v, a, b, begin, end, t, dt):  # type: ignore[no-untyped-def]
    """Set row v to a + t (b - a) and its bounds, |true t - t| <= dt, columns begin to end.

    A bound that is not a number comes out infinite.
    """
    for i in range(begin, end):
        ya, yb = target[a, i], target[b, i]
        difference = yb - ya
        target[v, i] = ya + t * difference
        ea, eb = np.float64(bounds[a, i]), np.float64(bounds[b, i])
        bound = max(ea, eb)
        if difference != 0.0:
            bound += dt * abs(difference) + _ROUNDING * (abs(ya) + abs(yb)) + _UNDERFLOW
            bound *= _INFLATION
        # max() may drop what is not a number, a sum does not.
        bounds[v, i] = bound if ea + eb + bound < np.inf else np.inf


@njit(cache=True)
def interpolate_rows(w, begin, end, width):  # type: ignore[no-untyped-def]
    """Set the preactivations of the vertices ``begin`` to ``end`` from those of their roots.

    For the vertices that this layer has made: its neurons are affine on their root edges.
    """
    for v in range(begin, end):
        a, b = w.parents[v, 0], w.parents[v, 1]
        _interpolate(w.z, w.ez, v, a, b, 0, width, w.place[v, 0], w.place[v, 1])


@njit(cache=True, inline="always")
def _crossing(za, zb, ea, eb):  # type: ignore[no-untyped-def]
    """Return (t, dt) with |t* - t| <= dt for the zero a + t* (b - a) of an affine function.

    ``za >= 0`` and ``zb >= 0`` are the absolute values at a and b, where the function is known to
    have opposite strict signs, with error bounds ``ea`` and ``eb``.
    """
    total = za + zb
    certain = total - ea - eb
    if not (total < np.inf) or not (certain > _CANCELLATION * total):
        t = za / total if 0.0 < total < np.inf else 0.5
        return t, 1.0
    dt = (zb / total * ea + za / total * eb) / certain * _INFLATION + _ROUNDING
    if not (dt < 1.0):
        dt = 1.0
    return za / total, dt


@njit(cache=True)
def split_edges(w, j, d, width, neuron, factor):  # type: ignore[no-untyped-def]
    """Cut every edge that neuron ``j`` of the block cuts; return the number of open signs.

    The new vertex's sign for another neuron is that of the edge where the edge is not cut by it;
    only for neurons that cut the same edge is a value looked at.
    """
    bit = _ONE << np.uint64(j)
    below = bit - _ONE
    total = 0
    w.used[UNDECIDED] = 0
    e = w.head[1, j]
    while e >= 0:
        f = w.entry[e]
        e = w.link[e]
        both = w.word[f, POS] & w.word[f, NEG]
        if both & bit == _ZERO:
            continue
        start = w.first[f]
        a, b = w.arena[start], w.arena[start + 1]
        ra, rb = w.arena[start + 2], w.arena[start + 3]
        v_id = _new_face(w, 0)
        v = w.used[VERTICES]
        w.used[VERTICES] = v + 1
        w.slot[v_id] = v
        w.face[v] = v_id
        sa, sb = w.slot[ra], w.slot[rb]
        w.parents[v, 0], w.parents[v, 1], w.parents[v, 2] = sa, sb, neuron
        up = w.word[a, POS] & bit != _ZERO
        za = w.z[sa, j] if up else -w.z[sa, j]
        zb = -w.z[sb, j] if up else w.z[sb, j]
        ea, eb = np.float64(w.ez[sa, j]), np.float64(w.ez[sb, j])
        t, dt = _crossing(max(za, 0.0), max(zb, 0.0), ea, eb)
        w.place[v, 0], w.place[v, 1] = t, dt
        _interpolate(w.x, w.ex, v, sa, sb, 0, d + 1, t, dt)
        _interpolate(w.z, w.ez, v, sa, sb, j + 1, width, t, dt)
        # A point strictly inside an edge that neuron k does not cut has the edge's sign for k.
        above, under = w.word[f, POS], w.word[f, NEG]
        pos = above & ~under
        neg = under & ~above
        zer = ~(above | under) | bit
        undecided = _ZERO
        rest = both & ~(below | bit)
        while rest != _ZERO:
            k = _lowest(rest)
            rest &= rest - _ONE
            mask = _ONE << np.uint64(k)
            value, bound = w.z[v, k], factor * np.float64(w.ez[v, k])
            if value > bound:
                pos |= mask
            elif value < -bound:
                neg |= mask
            elif value == 0.0 and bound == 0.0:
                zer |= mask
            else:
                undecided |= mask
                total += 1
        w.used[UNDECIDED] += _ones(both & ~(below | bit))
        w.word[v_id, POS], w.word[v_id, NEG], w.word[v_id, ZER] = pos, neg, zer
        w.open[v] = undecided
        g = _new_face(w, 1)
        new = w.used[ARENA]
        w.used[ARENA] = new + 4
        w.first[g] = new
        w.size[g] = 2
        # The positive part keeps the id; both parts keep the direction and the root of the edge.
        if up:
            w.arena[start + 1] = v_id
            w.arena[new], w.arena[new + 1] = v_id, b
        else:
            w.arena[start] = v_id
            w.arena[new], w.arena[new + 1] = a, v_id
        w.arena[new + 2], w.arena[new + 3] = ra, rb
        w.word[f, PARTS] = (np.uint64(g) << _HALF) | np.uint64(v_id)
        if d == 1:
            _new_region(w, g, f)
    return total


@njit(cache=True)
def split_faces(w, j, d, base, widest):  # type: ignore[no-untyped-def]
    """Finish the step of neuron ``j``: words of the new edges, then cut faces of dimension 2 to d.

    ``base`` is the number of faces before the step: a face was cut in this step if and only if
    its negative part has an id from ``base`` on. Returns 0, or the id of a face whose middle is
    not a face (which would be a bug, and is reported as one).
    """
    bit = _ONE << np.uint64(j)
    later = ~(bit | (bit - _ONE))
    e = w.head[1, j]
    while e >= 0:
        f = w.entry[e]
        e = w.link[e]
        g = np.int64(w.word[f, PARTS] >> _HALF)
        if g >= base:
            _collect(w, f)
            _collect(w, g)
            _enter(w, g, later)
    plus = np.empty(widest, dtype=np.int32)
    minus = np.empty(widest, dtype=np.int32)
    middle = np.empty(widest, dtype=np.int32)
    for k in range(2, d + 1):
        e = w.head[k, j]
        while e >= 0:
            f = w.entry[e]
            e = w.link[e]
            if w.word[f, POS] & w.word[f, NEG] & bit == _ZERO:
                continue
            np_, nm, nc = 0, 0, 0
            plus_pos, plus_neg, plus_zer = _ZERO, _ZERO, _ZERO
            minus_pos, minus_neg, minus_zer = _ZERO, _ZERO, _ZERO
            mid_pos, mid_neg, mid_zer = _ZERO, _ZERO, _ZERO
            start = w.first[f]
            for i in range(start, start + w.size[f]):
                g = w.arena[i]
                pos, neg, zer = w.word[g, POS], w.word[g, NEG], w.word[g, ZER]
                part = np.int64(w.word[g, PARTS] >> _HALF)
                ridge = np.int64(-1)
                if part >= base or pos & bit != _ZERO:
                    plus[np_] = g
                    np_ += 1
                    plus_pos |= pos
                    plus_neg |= neg
                    plus_zer |= zer
                    if part >= base:
                        minus[nm] = part
                        nm += 1
                        minus_pos |= w.word[part, POS]
                        minus_neg |= w.word[part, NEG]
                        minus_zer |= w.word[part, ZER]
                        ridge = np.int64(w.word[g, PARTS] & _LOWER)
                    elif zer & bit != _ZERO:
                        # A ridge of f in the hyperplane lies between a facet above and one below
                        # it, neither of them cut: looking from above finds each of them once.
                        inner = w.first[g]
                        for i2 in range(inner, inner + w.size[g]):
                            h = w.arena[i2]
                            if (w.word[h, POS] | w.word[h, NEG]) & bit == _ZERO:
                                ridge = np.int64(h)
                                break
                else:
                    minus[nm] = g
                    nm += 1
                    minus_pos |= pos
                    minus_neg |= neg
                    minus_zer |= zer
                if ridge >= 0:
                    middle[nc] = ridge
                    nc += 1
                    mid_pos |= w.word[ridge, POS]
                    mid_neg |= w.word[ridge, NEG]
                    mid_zer |= w.word[ridge, ZER]
            if nc < k or (k == 2 and nc != 2):
                return f
            m = _new_face(w, k - 1)
            n = _new_face(w, k)
            plus[np_] = m
            np_ += 1
            minus[nm] = m
            nm += 1
            w.word[m, POS], w.word[m, NEG], w.word[m, ZER] = mid_pos, mid_neg, mid_zer
            w.word[f, POS] = plus_pos | mid_pos
            w.word[f, NEG] = plus_neg | mid_neg
            w.word[f, ZER] = plus_zer | mid_zer
            w.word[n, POS] = minus_pos | mid_pos
            w.word[n, NEG] = minus_neg | mid_neg
            w.word[n, ZER] = minus_zer | mid_zer
            w.word[f, PARTS] = (np.uint64(n) << _HALF) | np.uint64(m)
            if np_ > w.size[f]:
                w.first[f] = w.used[ARENA]
                w.used[ARENA] += np_
            w.size[f] = np_
            start = w.first[f]
            for i in range(np_):
                w.arena[start + i] = plus[i]
            start = w.used[ARENA]
            w.first[n] = start
            w.size[n] = nm
            for i in range(nm):
                w.arena[start + i] = minus[i]
            start += nm
            w.first[m] = start
            w.size[m] = nc
            for i in range(nc):
                w.arena[start + i] = middle[i]
            start += nc
            if k == 2:
                w.arena[start], w.arena[start + 1] = middle[0], middle[1]
                start += 2
            w.used[ARENA] = start
            _enter(w, m, later)
            _enter(w, n, later)
            if k == d:
                _new_region(w, n, f)
    return 0


@njit(cache=True)
def record_patterns(w, d, block):  # type: ignore[no-untyped-def]
    """Write the positive words of the regions as their pattern; return a region that is cut, or -1.

    After the last neuron of a block no region may have vertices strictly on both sides.
    """
    for f in range(w.used[FACES]):
        if w.dim[f] == d:
            if w.word[f, POS] & w.word[f, NEG] != _ZERO:
                return f
            w.words[w.slot[f], block] = w.word[f, POS]
    return -1

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
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel

#: Neurons of one block: the bits of one word.
BLOCK = 64

# Counters in Work.used.
FACES, ARENA, VERTICES, REGIONS, ENTRIES, SEAMS, UNDECIDED, WIDEST = range(8)

# Places in the state of a run through the neurons of a block: the next neuron, whether its edges
# are cut already, the numbers of faces and of vertices before it, and signs looked at in all.
NEXT, IS_SPLIT, BASE, BEFORE, LOOKED = range(5)
# Why it came back: all is done, or enough for now, the arrays are too small,
# signs are to be settled, or a face has no proper middle, which would be a bug.
DONE, CRAMPED, OPEN, BROKEN = range(4)

# Columns of Work.word: the neurons for which a face has a positive, a negative, a zero vertex, and
# the parts into which it was cut last: the id of the negative part (upper half) and of the middle.
POS, NEG, ZER, PARTS = range(4)

# Columns of a name before the signs by blocks: the piece where it was given, and which face it was.
ROOT = 2

_HALF = np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)

# The constants of the error bounds, named as in docs/error_analysis.md, which proves them. (They
# stand here since compiled code is kept until this file changes.)
#: u, the unit roundoff of float64.
UNIT_ROUNDOFF = 2.0**-53
#: What every bound of a coordinate or a preactivation has at least, unless the number is exact: far
#: more than all that can underflow, and no denormal when it is stored as float32.
SIGN_FLOOR = 2.0**-120
#: Makes good for rounding a bound to float32.
TO_SINGLE = 1.0 + 2.0**-22
#: Rounding of one interpolation, relative to the sum of the absolute values at its two ends.
INTERPOLATION_ROUNDING = 4.0 * UNIT_ROUNDOFF
#: Rounding of the place of a crossing, and what makes good for the roundings of its bound.
CROSSING_ROUNDING = 4.0 * UNIT_ROUNDOFF
CROSSING_INFLATION = 1.0 + 2.0**-22
#: Below this share of the whole, a difference has lost too many digits to divide by.
CROSSING_SHARE = 2.0**-20

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
    slot: NDArray[np.int32]  # (faces,) row in the vertex or the region arrays, in names, or -1
    own: NDArray[np.int8]  # (faces,) which piece of the domain counts the face, see parts.OWN
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
    names: NDArray[np.uint64]  # (seams, ROOT + blocks or 0) names of facets with a region elsewhere
    alive: NDArray[np.uint64]  # (vertices, blocks or 0) neurons whose activation is not zero
    head: NDArray[np.int32]  # (1 + d, block) first entry of each bucket
    link: NDArray[np.int32]  # (entries,) next entry
    entry: NDArray[np.int32]  # (entries,) face
    used: NDArray[np.int64]


@inlined
def lowest(mask):  # type: ignore[no-untyped-def]
    """Return the index of the lowest bit of a nonzero word."""
    low = mask & (~mask + _ONE)
    return _BIT_INDEX[(low * _DE_BRUIJN) >> np.uint64(58)]


@inlined
def _ones(mask):  # type: ignore[no-untyped-def]
    """Return the number of bits of a word."""
    mask = mask - ((mask >> _ONE) & np.uint64(0x5555555555555555))
    mask = (mask & np.uint64(0x3333333333333333)) + (
        (mask >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    mask = (mask + (mask >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((mask * np.uint64(0x0101010101010101)) >> np.uint64(56))


class Signs(NamedTuple):
    """The words of a face: the neurons that are positive, negative, zero at a vertex of it."""

    pos: np.uint64
    neg: np.uint64
    zer: np.uint64


@inlined
def _signs(word, f):  # type: ignore[no-untyped-def]
    """Return the words of a face."""
    return Signs(word[f, POS], word[f, NEG], word[f, ZER])


@inlined
def _join(a, b):  # type: ignore[no-untyped-def]
    """Return the words of the union of two faces."""
    return Signs(a.pos | b.pos, a.neg | b.neg, a.zer | b.zer)


@inlined
def _set_signs(word, f, signs):  # type: ignore[no-untyped-def]
    """Set the words of a face."""
    word[f, POS], word[f, NEG], word[f, ZER] = signs.pos, signs.neg, signs.zer


@inlined
def _decide(signs, bit, value, bound):  # type: ignore[no-untyped-def]
    """Return ``signs`` with the sign of one neuron, and ``bit`` if it stays open, else 0.

    The sign is certain where |value| > bound, or where the value is known to be exactly 0 (bound
    0). A bound that is not a number, infinity times 0, decides nothing.
    """
    if value > bound:
        return Signs(signs.pos | bit, signs.neg, signs.zer), _ZERO
    if value < -bound:
        return Signs(signs.pos, signs.neg | bit, signs.zer), _ZERO
    if value == 0.0 and bound == 0.0:
        return Signs(signs.pos, signs.neg, signs.zer | bit), _ZERO
    return signs, bit


@kernel
def classify(w, begin, end, width, factor):  # type: ignore[no-untyped-def]
    """Set the sign words of the vertices ``begin`` to ``end`` from z and its bounds.

    The bounds are multiplied by ``factor``. What is not certain is left open. Returns the number of
    signs left open.
    """
    word, z, ez, face, left_open = w.word, w.z, w.ez, w.face, w.open
    total = 0
    for v in range(begin, end):
        signs, undecided = Signs(_ZERO, _ZERO, _ZERO), _ZERO
        for k in range(width):
            bit = _ONE << np.uint64(k)
            signs, left = _decide(signs, bit, z[v, k], factor * np.float64(ez[v, k]))
            undecided |= left
        _set_signs(word, face[v], signs)
        left_open[v] = undecided
        total += _ones(undecided)
    return total


@inlined
def _collect(word, arena, start, size, f):  # type: ignore[no-untyped-def]
    """Set the words of a face to the union over its facets."""
    signs = Signs(_ZERO, _ZERO, _ZERO)
    for i in range(start, start + size):
        signs = _join(signs, _signs(word, arena[i]))
    _set_signs(word, f, signs)


@kernel
def collect_words(w, begin, end):  # type: ignore[no-untyped-def]
    """Set the words of the faces ``begin`` to ``end``, sorted by dimension, those below them set.

    Returns the number of pairs (face, neuron that cuts it).
    """
    word, arena, first, size = w.word, w.arena, w.first, w.size
    total = 0
    for f in range(begin, end):
        _collect(word, arena, first[f], size[f], f)
        total += _ones(word[f, POS] & word[f, NEG])
    return total


@inlined
def _enter(w, f, later):  # type: ignore[no-untyped-def]
    """Put a face into the bucket of every neuron of ``later`` that cuts it."""
    word, used, entry, link, head = w.word, w.used, w.entry, w.link, w.head[w.dim[f]]
    cut = word[f, POS] & word[f, NEG] & later
    while cut != _ZERO:
        j = lowest(cut)
        cut &= cut - _ONE
        e = used[ENTRIES]
        used[ENTRIES] = e + 1
        entry[e] = f
        link[e] = head[j]
        head[j] = e


@kernel
def fill_buckets(w, begin, end):  # type: ignore[no-untyped-def]
    """Put the faces ``begin`` to ``end`` into the buckets of the neurons that cut them."""
    # From the last to the first, so that each list begins with its lowest ids.
    for f in range(end - 1, begin - 1, -1):
        _enter(w, f, _FULL)


@kernel
def measure(w, j, d, needs):  # type: ignore[no-untyped-def]
    """Write upper bounds for what step ``j`` adds into ``needs``; return whether it cuts at all."""
    bit = np.uint64(j)
    later = (_FULL << bit) & ~(_ONE << bit)
    word, sizes, head, entry, link = w.word, w.size, w.head, w.entry, w.link
    for i in range(len(needs)):
        needs[i] = 0
    for k in range(1, d + 1):
        e = head[k, j]
        while e >= 0:
            f = entry[e]
            e = link[e]
            cut = word[f, POS] & word[f, NEG]
            if (cut >> bit) & _ONE == _ZERO:
                continue
            size = sizes[f]
            needs[FACES] += 2
            needs[ARENA] += 3 * size + 6
            needs[ENTRIES] += 2 * _ones(cut & later)
            if k == 1:
                needs[VERTICES] += 1
            if k == d:
                needs[REGIONS] += 1
            if k == d - 1:
                needs[SEAMS] += 1
            if size + 2 > needs[WIDEST]:
                needs[WIDEST] = size + 2
    return needs[FACES] > 0


@inlined
def _new_face(w, k, whole):  # type: ignore[no-untyped-def]
    """Return the id of a new face of dimension k without facets, in a face that is cut."""
    used, own = w.used, w.own
    f = used[FACES]
    used[FACES] = f + 1
    w.dim[f] = k
    w.size[f] = 0
    w.slot[f] = -1
    own[f] = own[whole]
    w.word[f, PARTS] = _ZERO
    return f


@inlined
def _new_region(w, f, parent):  # type: ignore[no-untyped-def]
    """Give the new d-face ``f`` the pattern so far and the component of ``parent``."""
    used, slot, words, component = w.used, w.slot, w.words, w.component
    r = used[REGIONS]
    used[REGIONS] = r + 1
    slot[f] = r
    s = slot[parent]
    for i in range(words.shape[1]):
        words[r, i] = words[s, i]
    component[r] = component[s]


@inlined
def _new_seam(w, f, whole):  # type: ignore[no-untyped-def]
    """Give facet ``f``, cut off from another one, the name so far of that, if it has one."""
    used, slot, names = w.used, w.slot, w.names
    s = slot[whole]
    if s >= 0:
        r = used[SEAMS]
        used[SEAMS] = r + 1
        slot[f] = r
        for i in range(names.shape[1]):
            names[r, i] = names[s, i]


class Place(NamedTuple):
    """A point between the vertices a and b: a + t (b - a), where t is wrong by at most dt."""

    a: np.int64
    b: np.int64
    t: float
    dt: float


@inlined
def interpolate(y, ey, v, place, columns):  # type: ignore[no-untyped-def]
    """Set row v of numbers y that are affine between a and b, and their bounds ey, at a place.

    ``columns`` is a range. A bound that is not a number comes out infinite. Indices without a sign
    and choices in place of branches: so it is compiled to vector instructions, some seven times as
    fast.
    """
    a, b, v = np.uintp(place.a), np.uintp(place.b), np.uintp(v)
    for column in range(columns[0], columns[1]):
        i = np.uintp(column)
        ya, yb = y[a, i], y[b, i]
        ea, eb = np.float64(ey[a, i]), np.float64(ey[b, i])
        difference = yb - ya
        # A choice may drop what is not a number, a sum does not: it is asked for at the end.
        greater = ea if ea > eb else eb
        bound = greater + (
            place.dt * abs(difference)
            + INTERPOLATION_ROUNDING * (abs(ya) + abs(yb))
            + SIGN_FLOOR
        )
        bound *= TO_SINGLE
        # Between equal numbers nothing is rounded.
        if difference == 0.0:
            bound = greater
        y[v, i] = ya + place.t * difference
        ey[v, i] = bound if ea + eb + bound < np.inf else np.inf


@kernel
def interpolate_rows(parents, places, y, ey, begin, end):  # type: ignore[no-untyped-def]
    """Set the rows ``begin`` to ``end`` of numbers that are affine on root edges, and their bounds.

    For vertices whose place on their root edge is known: those that a layer has made.
    """
    for v in range(begin, end):
        place = Place(parents[v, 0], parents[v, 1], places[v, 0], places[v, 1])
        interpolate(y, ey, v, place, (0, y.shape[1]))


@inlined
def crossing(za, zb, ea, eb):  # type: ignore[no-untyped-def]
    """Return (t, dt) with |t* - t| <= dt for the zero a + t* (b - a) of an affine function.

    ``za >= 0`` and ``zb >= 0`` are the absolute values at a and b, where the function is known to
    have opposite strict signs, with error bounds ``ea`` and ``eb``.
    """
    total = za + zb
    certain = total - ea - eb
    if not (total < np.inf) or not (certain > CROSSING_SHARE * total):
        t = za / total if 0.0 < total < np.inf else 0.5
        return t, 1.0
    dt = (zb / total * ea + za / total * eb) / certain * CROSSING_INFLATION + CROSSING_ROUNDING
    if not (dt < 1.0):
        dt = 1.0
    return za / total, dt


@kernel
def split_edges(w, j, d, columns, neuron, factor):  # type: ignore[no-untyped-def]
    """Cut every edge that neuron ``j`` of the block cuts; return the number of open signs.

    The new vertex's sign for another neuron is that of the edge where the edge is not cut by it;
    only for neurons that cut the same edge is a value looked at. Preactivations are interpolated
    for the range ``columns``.
    """
    bit = _ONE << np.uint64(j)
    below = bit - _ONE
    word, arena, first, slot, used = w.word, w.arena, w.first, w.slot, w.used
    x, ex, z, ez, parents, places = w.x, w.ex, w.z, w.ez, w.parents, w.place
    entry, link, faces, left_open, alive = w.entry, w.link, w.face, w.open, w.alive
    total = 0
    used[UNDECIDED] = 0
    e = w.head[1, j]
    while e >= 0:
        f = entry[e]
        e = link[e]
        both = word[f, POS] & word[f, NEG]
        if both & bit == _ZERO:
            continue
        start = first[f]
        a, b = arena[start], arena[start + 1]
        ra, rb = arena[start + 2], arena[start + 3]
        v_id, g = _new_face(w, 0, f), _new_face(w, 1, f)
        v = used[VERTICES]
        used[VERTICES] = v + 1
        slot[v_id] = v
        faces[v] = v_id
        sa, sb = slot[ra], slot[rb]
        parents[v, 0], parents[v, 1], parents[v, 2] = sa, sb, neuron
        # Of finished blocks: their neurons have weakly equal signs at the ends of the edge.
        for i in range(alive.shape[1]):
            alive[v, i] = alive[slot[a], i] | alive[slot[b], i]
        up = word[a, POS] & bit != _ZERO
        za = z[sa, j] if up else -z[sa, j]
        zb = -z[sb, j] if up else z[sb, j]
        ea, eb = np.float64(ez[sa, j]), np.float64(ez[sb, j])
        t, dt = crossing(max(za, 0.0), max(zb, 0.0), ea, eb)
        places[v, 0], places[v, 1] = t, dt
        place = Place(sa, sb, t, dt)
        interpolate(x, ex, v, place, (0, d + 1))
        interpolate(z, ez, v, place, columns)
        z[v, j], ez[v, j] = 0.0, 0.0
        # A point strictly inside an edge that neuron k does not cut has the edge's sign for k.
        edge = _signs(word, f)
        signs = Signs(edge.pos & ~edge.neg, edge.neg & ~edge.pos, ~(edge.pos | edge.neg) | bit)
        undecided = _ZERO
        rest = both & ~(below | bit)
        used[UNDECIDED] += _ones(rest)
        while rest != _ZERO:
            k = lowest(rest)
            rest &= rest - _ONE
            bound = factor * np.float64(ez[v, k])
            signs, left = _decide(signs, _ONE << np.uint64(k), z[v, k], bound)
            undecided |= left
        total += _ones(undecided)
        _set_signs(word, v_id, signs)
        left_open[v] = undecided
        new = used[ARENA]
        used[ARENA] = new + 4
        first[g] = new
        w.size[g] = 2
        # The positive part keeps the id; both parts keep the direction and the root of the edge.
        if up:
            arena[start + 1] = v_id
            arena[new], arena[new + 1] = v_id, b
        else:
            arena[start] = v_id
            arena[new], arena[new + 1] = a, v_id
        arena[new + 2], arena[new + 3] = ra, rb
        word[f, PARTS] = (np.uint64(g) << _HALF) | np.uint64(v_id)
        if d == 1:
            _new_region(w, g, f)
        elif d == 2:
            _new_seam(w, g, f)
    return total


@inlined
def _deal(w, f, bit, base, middle):  # type: ignore[no-untyped-def]
    """Deal the facets of a face that is cut out to the sides of the hyperplane, and into it.

    Those of the positive part take the place of the facets, those of the negative part are written
    to the end of the arena, those of the new face between them to ``middle``. Returns the three
    numbers. Signs follow no order that a processor could foresee: so everything is written, and
    only what counts is counted.
    """
    word, arena = w.word, w.arena
    start, end = np.uintp(w.first[f]), np.uintp(w.used[ARENA])
    up, down, flat = np.uintp(0), np.uintp(0), np.uintp(0)
    touched = _ZERO
    for i in range(np.uintp(w.size[f])):
        g = arena[start + np.uintp(i)]
        row = np.uintp(g)
        positive, parts = word[row, POS] & bit, word[row, PARTS]
        part = parts >> _HALF
        is_cut = part >= base
        is_up = is_cut | (positive != _ZERO)
        # All ones where it is cut: a choice of memory to read would become a jump.
        cut = _ZERO - np.uint64(is_cut)
        arena[start + up] = g
        arena[end + down] = np.int32(((part ^ row) & cut) ^ row)
        middle[flat] = np.int32(parts & _LOWER)
        touched |= positive & word[row, ZER] & ~cut
        up += np.uintp(is_up)
        down += np.uintp(is_cut | (not is_up))
        flat += np.uintp(is_cut)
    if touched != _ZERO:
        flat = _add_flat_ridges(word, arena, w.first, w.size, (start, up), bit, base, middle, flat)
    return np.int64(up), np.int64(down), np.int64(flat)


@kernel
def _add_flat_ridges(  # type: ignore[no-untyped-def]
    word, arena, first, size, facets, bit, base, middle, count
):
    """Append the ridges of a face that lay in the hyperplane already; return how many it are then.

    ``facets`` says where in the arena those of its positive part begin, and their number. Such a
    ridge lies between a facet above and one below the hyperplane, neither of them cut: looking from
    above finds each of them once.
    """
    for i in range(facets[1]):
        g = arena[facets[0] + np.uintp(i)]
        if word[g, PARTS] >> _HALF >= base or word[g, ZER] & bit == _ZERO:
            continue
        for e in range(first[g], first[g] + size[g]):
            h = arena[e]
            if (word[h, POS] | word[h, NEG]) & bit == _ZERO:
                middle[count] = h
                count += np.uintp(1)
                break
    return count


@inlined
def _append_list(w, f, ids, count):  # type: ignore[no-untyped-def]
    """Give face f the first ``count`` ids as its facets, at the end of the arena."""
    used, arena = w.used, w.arena
    start = used[ARENA]
    w.first[f] = start
    w.size[f] = count
    for i in range(count):
        arena[start + i] = ids[i]
    used[ARENA] = start + count


@inlined
def _append_facet(w, f, count, facet):  # type: ignore[no-untyped-def]
    """Let the first ``count`` facets of f in its list stay, and one more follow."""
    used, arena, start = w.used, w.arena, w.first[f]
    if count >= w.size[f]:  # there is no room in its place
        end = used[ARENA]
        for i in range(count):
            arena[end + i] = arena[start + i]
        w.first[f] = start = end
        used[ARENA] = end + count + 1
    arena[start + count] = facet
    w.size[f] = count + 1


@inlined
def _share_words(w, f, n, m, bit, later):  # type: ignore[no-untyped-def]
    """Set the words of the parts of a face, f and n, and of the face m between them if it is new.

    A neuron that does not cut the face has its sign strictly inside, and so on all three; where it
    is zero at a vertex is then said of all of them, which is more than is true. Only for ``later``
    neurons that cut the face is it asked what the parts have. Returns whether there are any.
    """
    word, arena, first, size = w.word, w.arena, w.first, w.size
    pos, neg, zer = word[f, POS], word[f, NEG], word[f, ZER] | bit
    is_cut = pos & neg & later != _ZERO
    if is_cut:
        if m >= 0:
            _collect(word, arena, first[m], size[m], m)
        _collect(word, arena, first[f], size[f], f)
        _collect(word, arena, first[n], size[n], n)
    else:
        if m >= 0:
            word[m, POS], word[m, NEG], word[m, ZER] = pos & ~bit, neg & ~bit, zer
        word[f, POS], word[f, NEG], word[f, ZER] = pos, neg & ~bit, zer
        word[n, POS], word[n, NEG], word[n, ZER] = pos & ~bit, neg, zer
    return is_cut


@kernel
def split_faces(w, j, d, base, room):  # type: ignore[no-untyped-def]
    """Finish the step of neuron ``j``: words of the new edges, then cut faces of dimension 2 to d.

    ``base`` is the number of faces before the step: a face was cut in this step if and only if
    its negative part has an id from ``base`` on. ``room`` is that for a list of facets.
    Returns 0, or the id of a face whose middle is not a face (which would be a bug, and is reported
    as one).
    """
    bit = _ONE << np.uint64(j)
    later = ~(bit | (bit - _ONE))
    word, arena, size, used = w.word, w.arena, w.size, w.used
    head, entry, link, least = w.head, w.entry, w.link, np.uint64(base)
    e = head[1, j]
    while e >= 0:
        f = entry[e]
        e = link[e]
        g = word[f, PARTS] >> _HALF
        if g >= least and _share_words(w, f, np.int64(g), np.int64(-1), bit, later):
            _enter(w, np.int64(g), later)
    for k in range(2, d + 1):
        e = head[k, j]
        while e >= 0:
            f = entry[e]
            e = link[e]
            if word[f, POS] & word[f, NEG] & bit == _ZERO:
                continue
            up, down, flat = _deal(w, f, bit, least, room)
            if flat < k or (k == 2 and flat != 2):
                return f
            m = _new_face(w, k - 1, f)
            n = _new_face(w, k, f)
            word[f, PARTS] = (np.uint64(n) << _HALF) | np.uint64(m)
            start = used[ARENA]
            w.first[n], size[n] = start, down + 1
            arena[start + down] = m
            used[ARENA] = start + down + 1
            _append_facet(w, f, up, m)
            _append_list(w, m, room, flat)
            if k == 2:
                # The new edge is its own root.
                start = used[ARENA]
                arena[start], arena[start + 1] = room[0], room[1]
                used[ARENA] = start + 2
            if _share_words(w, f, n, m, bit, later):
                _enter(w, m, later)
                _enter(w, n, later)
            if k == d:
                _new_region(w, n, f)
            elif k == d - 1:
                _new_seam(w, n, f)
    return 0


@kernel
def cut_neurons(w, state, needs, room, columns, neurons, factor, most):  # type: ignore[no-untyped-def]
    """Cut all faces by the neurons of the block from ``state[NEXT]`` on.

    Comes back after the one that makes the entries of lists so far ``most`` or more.

    ``columns`` is the dimension, and the first of the preactivations that are kept at every vertex:
    0, or those after the neuron at hand if it is negative. Neuron j of the block is ``neurons[j]``
    of all. Returns why it came back, to be called again.
    """
    d, begin = columns[0], columns[1]
    width = w.z.shape[1]
    entries = 0
    while state[NEXT] < width:
        j = state[NEXT]
        cuts = state[IS_SPLIT] != 0
        if not cuts and measure(w, j, d, needs):
            if not _has_room(w, needs, room):
                return CRAMPED
            cuts = True
            state[BASE], state[BEFORE] = w.used[FACES], w.used[VERTICES]
            keeps = j + 1 if begin < 0 else begin
            left = split_edges(w, j, d, (keeps, width), neurons[j], factor)
            state[IS_SPLIT] = 1
            state[LOOKED] += w.used[UNDECIDED]
            if left > 0:
                return OPEN
        if cuts and split_faces(w, j, d, state[BASE], room):
            return BROKEN
        if cuts:
            entries += needs[ARENA]
        state[IS_SPLIT] = 0
        state[NEXT] = j + 1
        if entries >= most:
            return DONE
    return DONE


@inlined
def _has_room(w, needs, room):  # type: ignore[no-untyped-def]
    """Return whether the arrays hold what a step may add."""
    used = w.used
    return (
        used[FACES] + needs[FACES] <= w.dim.shape[0]
        and used[ARENA] + needs[ARENA] <= w.arena.shape[0]
        and used[VERTICES] + needs[VERTICES] <= w.x.shape[0]
        and used[REGIONS] + needs[REGIONS] <= w.component.shape[0]
        and used[ENTRIES] + needs[ENTRIES] <= w.entry.shape[0]
        and used[SEAMS] + needs[SEAMS] <= w.names.shape[0]
        and needs[WIDEST] <= room.shape[0]
    )

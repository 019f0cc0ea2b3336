"""The depth-first search over activation patterns, in compiled code.

A node is a prefix of the pattern: signs of some neurons, the rows of the splits on its path, a
witness (a point strictly inside) and some vertices of its polyhedron. Neurons of the current layer
are affine on it. One that some vertex shows beyond zero cuts it; for the others a linear program
finds such a vertex, or the proof that the neuron has one sign on the whole node. Then one of the
cutting neurons splits the node; the half without the witness gets a new one.

Floats propose; a sign, a witness or a proof is accepted only through a proven bound. Whatever the
bounds leave open makes the search return to its caller with the question, which is answered in
integers (exactbn/engines/lp/engine.py), and go on.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exactbn.engines.lp.multipliers import Proof, box_proof, cone_proof
from exactbn.engines.lp.products import (
    copy,
    dot,
    form_size,
    form_value,
    kernel,
    row_square,
    row_value,
)
from exactbn.engines.lp.simplex import (
    ABOVE,
    OPTIMAL,
    Objective,
    Vertex,
    climb,
    maximise,
    polyhedron,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Why the search returned: the last two ask for more room for vertices, and only for a look at the
# clock.
DONE, FULL, SIGN, SETTLE, ROOM, TIME = range(6)
# Tags of the log, a preorder of the tree: SPLIT n; BOX n sign count (row, L).. L_n;
# CONE n sign count row..; EXACT n sign id; LEAF.
SPLIT, BOX, CONE, EXACT, LEAF = range(5)

#: Vertices that a node inherits at most.
VERTICES = 24
#: The row x_0 > 0 in the log.
AT_INFINITY = 2**62
#: Multiplications after which a compiled loop returns, for a look at the clock.
ALLOWANCE = 2**28
#: u, the greatest relative error of a rounding.
UNIT = 2.0**-53
# More than the forms of a layer, and a value of one, can lose to denormal numbers.
FORM_UNDERFLOW = 2.0**-960
# Covers the roundings in a bound of D + 1 positive terms, of less than 2^12.
BOUND_SLACK = 1.0 + 2.0**-40
# Covers the roundings in a bound of as many positive terms as a layer has inputs, and the terms of
# second order.
_LAYER_SLACK = 1.0 + 2.0**-16
# Beyond it a product of forms might overflow; such bounds count as infinite.
_LARGEST_BOUND = 2.0**900
#: Of a shorter ray the roundings to denormal numbers would count.
SHORTEST = 2.0**-900
# Binary digits that a point is rounded to, the fewest first.
_ROUNDINGS = np.array([4, 7, 10, 14, 19, 26, 36, 50])


class Frame(NamedTuple):
    """The float coordinates y of the domain, and where the units of each block are.

    A box: x = p + s y with D = d. All of R^d: homogeneous coordinates, D = 1 + d, y_0 = x_0 and
    x_i = y_i + p_i x_0, up to a positive factor; all constants are 0. Outer and inner bounds are
    rounded away.
    """

    homogeneous: bool
    shift: Floats  # (D,) p rounded
    scale: Floats  # (D,) powers of two
    blur: Floats  # (D,) bounds of the error of y computed from x
    lo: Floats  # (D,) outer bounds of y
    hi: Floats
    x_lo: Floats  # (D,) inner bounds of x
    x_hi: Floats
    reach: Floats  # (D,) bounds of |y|, of the exact one and of the computed one
    narrow: float  # bound of 1 / reach
    bias_column: int
    zero_bound: int  # the bound that is a linear form, D + 1 places off where there is none
    widths: Ints  # (layers,); a layer is a block of the network
    offset: Ints  # (layers,) first neuron of each layer
    word: Ints  # (neurons,) word of the neuron's bit
    place: Ints  # (neurons,) place of the bit
    factor: float


class Forms(NamedTuple):
    """What each neuron reads, and its affine form on the current node: c + a y, with bounds.

    The row of neuron n in the integer form reads the inputs, an affine form which no pattern
    changes, and the neurons ``unit[start[n]:start[n + 1]]``, which are of earlier layers.
    """

    row: Floats  # (neurons, 1 + D) constant and gradient
    size: Floats  # (neurons,) bound of |c| + sum |a_i| reach_i
    error: Floats  # (neurons,) bound of the error of the form on the box
    bound: Floats  # (neurons,) the same and all of evaluating it at a point
    is_zero: NDArray[np.bool_]  # (layers,) all constants are exactly zero
    start: Ints  # (neurons + 1,)
    unit: Ints
    weight: Floats  # integers
    slope: Floats  # (neurons, 2) the integers above and below: on by above, off by below
    own_start: Ints  # (neurons + 1,) of the entries that are the bias and the inputs
    own_place: Ints  # places in the row
    own_value: Floats
    own_size: Floats  # (neurons,) bound of |c| + sum |a_i| reach_i of these entries
    own_error: Floats  # (neurons,) bound of their error on the box


class Stack(NamedTuple):
    """The nodes of the path, one a level; ``used`` holds the counters of the search."""

    stage: Ints  # (levels,) 0 new, 1 on-half under way, 2 off-half under way
    layer: Ints
    split: Ints  # neuron that splits the node
    state: NDArray[np.int8]  # (levels, neurons) 1 on, -1 off, 0 open
    sign: NDArray[np.int8]  # (levels, neurons) proven sign at the witness, 0 unknown
    cut: NDArray[np.int32]  # (levels, neurons) a vertex beyond zero, -1 none
    x: Floats  # (levels, D) the witness
    y: Floats
    exact: Ints  # (levels,) number of the exact witness, -1: x itself
    next_x: Floats  # (levels, D) witness of the half without the old one
    next_for: Ints  # (levels,) for which neuron it is, -1 none
    next_exact: Ints
    vertices: Ints  # (levels,) how many vertices
    vertex: Ints  # (levels, VERTICES)
    top: Ints  # (levels,) end of the pool when the node began
    pool_y: Floats  # (pool, D)
    pool_inv: Floats  # (pool, D, D)
    pool_active: Ints  # (pool, D)
    pool_z: Floats  # (pool, width) values of the layer's neurons
    used: Ints  # LEVEL, POOL, REGIONS, LOGGED, ASKED, ...
    spent: Ints  # (1,) multiplications since the caller looked at the clock
    hint: Ints  # (D,) active constraints of the last program
    rows: Ints  # (D,) rows of a proof
    work: Floats


class Found(NamedTuple):
    """Room for regions and for the log; emptied by the caller."""

    words: NDArray[np.uint64]
    x: Floats
    exact: Ints
    log: Ints
    keep_log: bool


# Counters in Stack.used; BASE is the number of domain rows.
LEVEL, POOL, REGIONS, LOGGED, ASKED, BASE, PROGRAMS, PIECES = range(8)


@kernel
def enter_layer(F, forms, layer, state):  # type: ignore[no-untyped-def]
    """Compute the forms of a layer from those of the layers before and the signs there."""
    for n in range(F.offset[layer], F.offset[layer] + F.widths[layer]):
        row, begin, end = forms.row[n], forms.start[n], forms.start[n + 1]
        for i in range(len(row)):
            row[i] = 0.0
        total, error = forms.own_size[n], 0.0
        for e in range(begin, end):
            j = forms.unit[e]
            factor = forms.weight[e] * forms.slope[j, 0 if state[j] > 0 else 1]
            if factor == 0.0:
                continue
            for i in range(len(row)):
                row[i] += factor * forms.row[j, i]
            total += abs(factor) * forms.size[j]
            error += abs(factor) * forms.error[j]
        for e in range(forms.own_start[n], forms.own_start[n + 1]):
            row[forms.own_place[e]] += forms.own_value[e]
        if begin < end:
            # Weight, slope, their product, the product with the row: four roundings; then a sum.
            share = (end - begin + 4) * UNIT * _LAYER_SLACK
            forms.error[n] = (1.0 + 2.0 * share) * error + share * total + FORM_UNDERFLOW
        else:
            forms.error[n] = forms.own_error[n]
        size, bound = bounds_of(F, row, forms.error[n])
        forms.size[n], forms.bound[n] = size, bound


@njit(error_model="numpy", inline="always")
def bounds_of(F, row, error):  # type: ignore[no-untyped-def]
    """Return size and bound of a form (c, a) = row with that error.

    The bound is one of |value in floats - exact value| for the y and the y* of :func:`to_frame`.
    """
    D = len(F.reach)
    size = (abs(row[0]) + form_size(row, F.reach)) * BOUND_SLACK
    bound = error + (D + 2) * UNIT * size + form_size(row, F.blur) + FORM_UNDERFLOW
    bound *= F.factor * BOUND_SLACK
    return size, bound if bound < _LARGEST_BOUND and size < _LARGEST_BOUND else np.inf


@njit(cache=True, error_model="numpy", inline="always")
def proof_error(F, forms, n):  # type: ignore[no-untyped-def]
    """Return the error of a form as proofs count it: infinite where its bound is."""
    return forms.error[n] * F.factor if forms.bound[n] < np.inf else np.inf


@kernel
def look(F, forms, S, level):  # type: ignore[no-untyped-def]
    """Evaluate the open neurons of a node's layer at its witness."""
    layer = S.layer[level]
    offset = F.offset[layer]
    for k in range(F.widths[layer]):
        n = offset + k
        S.cut[level, n] = -1
        S.sign[level, n] = 0
        if S.state[level, n] == 0:
            value, bound = form_value(forms.row[n], S.y[level]), forms.bound[n]
            if value > bound:
                S.sign[level, n] = 1
            elif value < -bound:
                S.sign[level, n] = -1


@kernel
def _evaluate_vertex(F, forms, S, layer, v):  # type: ignore[no-untyped-def]
    """Write the values of the layer's neurons at a vertex of the pool."""
    offset = F.offset[layer]
    for k in range(F.widths[layer]):
        S.pool_z[v, k] = form_value(forms.row[offset + k], S.pool_y[v])


@kernel
def _copy_vertex(S, v):  # type: ignore[no-untyped-def]
    """Return the number of a copy of a vertex on top of the pool."""
    w, D = S.used[POOL], S.pool_y.shape[1]
    S.used[POOL] += 1
    for i in range(D):
        S.pool_y[w, i], S.pool_active[w, i] = S.pool_y[v, i], S.pool_active[v, i]
        for j in range(D):
            S.pool_inv[w, i, j] = S.pool_inv[v, i, j]
    return w


@kernel
def to_frame(F, x, y):  # type: ignore[no-untyped-def]
    """Compute the coordinates y of a point x: |y - exact| <= F.blur and |exact| <= F.reach.

    A point of R^d is a ray: a power of two shortens its y to one with 1/2 <= max |y_i| < 1.
    Where the two bounds cannot be had all coordinates are NaN, which proves nothing.
    """
    D, largest = len(x), 0.0
    if F.homogeneous:
        y[0] = x[0]
        for i in range(1, D):
            y[i] = x[i] - F.shift[i] * x[0]
        for i in range(D):
            largest = max(largest, abs(y[i]))
        inside = SHORTEST < largest < np.inf
        power = math.ldexp(1.0, -math.frexp(largest)[1]) if inside else 1.0
        for i in range(D):
            y[i] *= power
    else:
        for i in range(D):
            y[i] = (x[i] - F.shift[i]) / F.scale[i]
        inside = True
    for i in range(D):
        inside = inside and abs(y[i]) + F.blur[i] <= F.reach[i]
    if not inside:
        for i in range(D):
            y[i] = np.nan


@kernel
def round_to(F, y, bits, x, back):  # type: ignore[no-untyped-def]
    """Round a point y to x with ``bits`` binary digits; return whether x is inside the domain."""
    D = len(y)
    for i in range(D):
        grid = F.scale[i] * 2.0 ** -float(bits)
        if F.homogeneous and i > 0:
            value = y[i] + F.shift[i] * x[0]
        else:
            value = F.shift[i] + F.scale[i] * y[i]
        x[i] = np.rint(value / grid) * grid
        if not F.x_lo[i] < x[i] < F.x_hi[i]:
            return False
    to_frame(F, x, back)
    return True


@kernel
def _strict(R, m, y):  # type: ignore[no-untyped-def]
    """Return whether all rows of the path are proven positive at y."""
    for r in range(m):
        if not row_value(R.c, R.a, r, y) > R.bound[r]:
            return False
    return True


@kernel
def _other_witness(F, forms, R, S, level, n):  # type: ignore[no-untyped-def]
    """Find a witness beyond zero of neuron n; return whether there is a proven one.

    On the way from the witness w to a vertex v beyond zero, all rows stay positive short of v. The
    points in the middle of the part beyond zero are averaged over the vertices.
    """
    layer = S.layer[level]
    k = n - F.offset[layer]
    row, bound, sign = forms.row[n], forms.bound[n], S.sign[level, n]
    D, m = len(F.shift), S.used[BASE] + level
    y, back, middle = S.work[0, :D], S.work[1, :D], S.work[2, :D]
    w = S.y[level]
    here = -sign * form_value(row, w)
    weight = 0.0
    for i in range(D):
        middle[i] = 0.0
    for a in range(S.vertices[level] + 1):
        v = S.vertex[level, a] if a < S.vertices[level] else S.cut[level, n]
        if v < 0:
            continue
        there = -sign * S.pool_z[v, k]
        if not there > 4.0 * bound:
            continue
        t = 0.5 - 0.5 * here / (there - here)
        weight += 1.0
        for i in range(D):
            middle[i] += w[i] + t * (S.pool_y[v, i] - w[i])
    if weight == 0.0:
        return False
    for i in range(D):
        y[i] = middle[i] / weight
    x = S.next_x[level]
    for bits in _ROUNDINGS:
        if round_to(F, y, bits, x, back) and -sign * form_value(row, back) > bound:
            if _strict(R, m, back):
                S.next_for[level], S.next_exact[level] = n, -1
                return True
    return False


@kernel
def _write(L, S, value):  # type: ignore[no-untyped-def]
    L.log[S.used[LOGGED]] = value
    S.used[LOGGED] += 1


@kernel
def _test(F, forms, R, S, L, level, n):  # type: ignore[no-untyped-def]
    """Decide whether neuron n, of known sign at the witness, has it on the whole node.

    Returns 1 when it cuts (a vertex beyond zero is in the pool), 0 when its sign is proven to be
    constant, -1 when neither is proven.
    """
    D, m = len(F.shift), S.used[BASE] + level
    layer = S.layer[level]
    k = n - F.offset[layer]
    row, bound, sign = forms.row[n], forms.bound[n], S.sign[level, n]
    f, proof, work = S.work[3, :D], Proof(S.rows, S.work[4]), S.work[5:]
    for i in range(D):
        f[i] = -sign * row[1 + i]
    size = forms.size[n]
    objective = Objective(f, -sign * row[0], size, proof_error(F, forms, n))
    S.used[PROGRAMS] += 1
    best, start = -np.inf, -1
    for a in range(S.vertices[level]):
        v = S.vertex[level, a]
        if -sign * S.pool_z[v, k] > best:
            best, start = -sign * S.pool_z[v, k], v
    v = S.used[POOL]
    V = Vertex(S.pool_y[v], S.pool_inv[v], S.pool_active[v])
    P = polyhedron(R, m, F.lo, F.hi, S.spent)
    for attempt in range(2):
        if start >= 0 and attempt == 0:
            _copy_vertex(S, start)
            S.used[POOL] -= 1
        else:
            copy(V.y, S.y[level])
            if not climb(P, f, V, work):
                continue
        status = maximise(P, objective, 8.0 * bound + 2.0**-30 * size, V, work)
        copy(S.hint, V.active)
        if status == ABOVE or objective.c + dot(f, V.y) > 8.0 * bound:
            _evaluate_vertex(F, forms, S, layer, v)
            S.used[POOL] += 1
            S.cut[level, n] = v
            if S.vertices[level] < VERTICES:
                S.vertex[level, S.vertices[level]] = v
                S.vertices[level] += 1
            return 1
        if status != OPTIMAL:
            continue
        count = box_proof(P, R, objective, V, proof, work)
        if count >= 0:
            if L.keep_log:
                _log_box(R, S, L, n, sign, count, proof)
            S.state[level, n] = sign
            return 0
        if forms.is_zero[layer] and bound < np.inf:
            count = cone_proof(R, f, objective.error * F.narrow, F.narrow, F.zero_bound, V,
                               proof.rows, work)  # fmt: skip
            if count >= 0:
                if L.keep_log:
                    _log_cone(R, S, L, n, sign, count, proof.rows)
                S.state[level, n] = sign
                return 0
        if start < 0:
            break
    return -1


@kernel
def _log_box(R, S, L, n, sign, count, proof):  # type: ignore[no-untyped-def]
    """Log that multipliers prove the sign of neuron n."""
    _write(L, S, BOX)
    _write(L, S, n)
    _write(L, S, sign)
    _write(L, S, count)
    for j in range(count):
        _write(L, S, R.name[proof.rows[j]])
        _write(L, S, np.int64(proof.factors[j]))
    _write(L, S, np.int64(proof.factors[-1]))


@kernel
def _log_cone(R, S, L, n, sign, count, rows):  # type: ignore[no-untyped-def]
    """Log that a basis proves the sign of neuron n."""
    _write(L, S, CONE)
    _write(L, S, n)
    _write(L, S, sign)
    _write(L, S, count)
    for j in range(count):
        _write(L, S, R.name[rows[j]] if rows[j] >= 0 else np.int64(AT_INFINITY))


@kernel
def _choose(F, S, level):  # type: ignore[no-untyped-def]
    """Return the open neuron that splits the node: the one with most vertices beyond zero."""
    layer = S.layer[level]
    offset = F.offset[layer]
    best, most = -1, -1
    for k in range(F.widths[layer]):
        n = offset + k
        if S.state[level, n] != 0:
            continue
        plus, minus = 0, 0
        for a in range(S.vertices[level]):
            z = S.pool_z[S.vertex[level, a], k]
            plus += z > 0.0
            minus += z < 0.0
        if min(plus, minus) > most:
            best, most = n, min(plus, minus)
    return best


@njit(cache=True, error_model="numpy")
def _descend(F, forms, R, S, level, sign):  # type: ignore[no-untyped-def]
    """Make the half of a node where its splitting neuron has the given sign."""
    D, child = len(F.shift), level + 1
    n, layer = S.split[level], S.layer[level]
    k = n - F.offset[layer]
    r = S.used[BASE] + level
    row = forms.row[n]
    R.c[r] = sign * row[0]
    for i in range(D):
        R.a[r, i] = sign * row[1 + i]
    R.norm[r] = np.sqrt(row_square(R.a, r)) + 1e-300
    R.size[r], R.error[r] = forms.size[n], proof_error(F, forms, n)
    R.bound[r] = forms.bound[n]
    R.is_zero[r], R.name[r] = forms.is_zero[layer], n
    S.stage[child], S.layer[child] = 0, layer
    S.state[child] = S.state[level]
    S.state[child, n] = sign
    S.next_for[child] = -1
    S.top[child] = S.used[POOL]
    keeps = S.sign[level, n] == sign
    if keeps:
        S.x[child], S.y[child], S.exact[child] = S.x[level], S.y[level], S.exact[level]
        S.sign[child] = S.sign[level]
        S.cut[child] = -1
    else:
        S.x[child], S.exact[child] = S.next_x[level], S.next_exact[level]
        to_frame(F, S.x[child], S.y[child])
    count = 0
    edge = 8.0 * forms.bound[n]
    for a in range(S.vertices[level]):
        v = S.vertex[level, a]
        if sign * S.pool_z[v, k] > edge:
            S.vertex[child, count] = v
            count += 1
    S.vertices[child] = count
    S.used[LEVEL] = child
    if not keeps:
        look(F, forms, S, child)


@njit(cache=True, error_model="numpy")
def _begin(F, forms, S, level):  # type: ignore[no-untyped-def]
    """Go on to the next layer at a node all of whose neurons so far are decided."""
    S.layer[level] += 1
    layer = S.layer[level]
    enter_layer(F, forms, layer, S.state[level])
    offset = F.offset[layer]
    S.spent[0] += (forms.start[offset + F.widths[layer]] - forms.start[offset]) * (1 + len(F.shift))
    for a in range(S.vertices[level]):
        v = _copy_vertex(S, S.vertex[level, a])
        S.vertex[level, a] = v
        _evaluate_vertex(F, forms, S, layer, v)
    look(F, forms, S, level)


@kernel
def _find_cuts(F, forms, R, S, L, level):  # type: ignore[no-untyped-def]
    """Decide for every open neuron of the layer whether it cuts; return DONE or a question."""
    layer = S.layer[level]
    offset = F.offset[layer]
    for k in range(F.widths[layer]):
        n = offset + k
        if S.state[level, n] != 0 or S.cut[level, n] >= 0:
            continue
        sign = S.sign[level, n]
        if sign == 0:
            S.used[ASKED] = n
            return SIGN
        edge = 8.0 * forms.bound[n]
        for a in range(S.vertices[level]):
            v = S.vertex[level, a]
            if -sign * S.pool_z[v, k] > edge:
                S.cut[level, n] = v
                break
        if S.cut[level, n] >= 0:
            continue
        if S.used[POOL] == len(S.pool_y):
            return ROOM
        if S.spent[0] > ALLOWANCE:
            return TIME
        if _test(F, forms, R, S, L, level, n) < 0:
            S.used[ASKED] = n
            return SETTLE
    return DONE


@njit(cache=True, error_model="numpy")
def search(F, forms, R, S, L):  # type: ignore[no-untyped-def]
    """Go on with the search until it is done, the room is full, or a question arises."""
    layers, neurons = len(F.widths), S.state.shape[1]
    D = len(F.shift)
    log_room = len(L.log) - (neurons + 2) * (2 * D + 8)
    while True:
        level = S.used[LEVEL]
        if level < 0:
            return DONE
        if S.stage[level] == 1:
            S.stage[level] = 2
            S.used[POOL] = S.top[level + 1]
            _descend(F, forms, R, S, level, -1)
            continue
        if S.stage[level] == 2:
            S.used[LEVEL] -= 1
            continue
        if S.used[REGIONS] == len(L.words) or S.used[LOGGED] > log_room:
            return FULL
        if S.used[POOL] + VERTICES > len(S.pool_y):
            return ROOM
        if S.spent[0] > ALLOWANCE:
            return TIME
        S.spent[0] += neurons * D
        n = S.next_for[level]
        if n < 0:  # else the answer to a question was a witness, and that half comes first
            question = _find_cuts(F, forms, R, S, L, level)
            if question != DONE:
                return question
            n = _choose(F, S, level)
        if n >= 0:
            if S.next_for[level] != n and not _other_witness(F, forms, R, S, level, n):
                S.used[ASKED] = n
                return SETTLE
            S.split[level] = n
            S.stage[level] = 1
            if L.keep_log:
                _write(L, S, SPLIT)
                _write(L, S, n)
            _descend(F, forms, R, S, level, 1)
            continue
        if S.layer[level] + 1 < layers:
            _begin(F, forms, S, level)
            continue
        i = S.used[REGIONS]
        for w in range(L.words.shape[1]):
            L.words[i, w] = 0
        for n in range(neurons):
            if S.state[level, n] > 0:
                L.words[i, F.word[n]] |= np.uint64(1) << np.uint64(F.place[n])
        L.x[i] = S.x[level]
        L.exact[i] = S.exact[level]
        S.used[REGIONS] += 1
        if L.keep_log:
            _write(L, S, LEAF)
        S.used[LEVEL] -= 1

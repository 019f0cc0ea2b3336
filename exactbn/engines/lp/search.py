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
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.lp.multipliers import Proof, box_proof, cone_proof
from exactbn.engines.lp.products import (
    add,
    copy,
    dot,
    fill,
    form_size,
    form_value,
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

    A box: x = p + s y with D = d. Without a box: homogeneous coordinates, D = 1 + d, y_0 = x_0 and
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
    rows, errors, sizes, bounds = forms.row, forms.error, forms.size, forms.bound
    start, units, weights, slopes = forms.start, forms.unit, forms.weight, forms.slope
    own_start, own_place, own_value = forms.own_start, forms.own_place, forms.own_value
    first = F.offset[layer]
    for n in range(first, first + F.widths[layer]):
        row, begin, end = rows[n], start[n], start[n + 1]
        fill(row, 0.0)
        total, error = forms.own_size[n], 0.0
        for e in range(begin, end):
            j = units[e]
            factor = weights[e] * slopes[j, 0 if state[j] > 0 else 1]
            if factor == 0.0:
                continue
            add(row, factor, rows[j])
            total += abs(factor) * sizes[j]
            error += abs(factor) * errors[j]
        for e in range(own_start[n], own_start[n + 1]):
            row[own_place[e]] += own_value[e]
        if begin < end:
            # Weight, slope, their product, the product with the row: four roundings; then a sum.
            share = (end - begin + 4) * UNIT * _LAYER_SLACK
            error = (1.0 + 2.0 * share) * error + share * total + FORM_UNDERFLOW
        else:
            error = forms.own_error[n]
        errors[n] = error
        sizes[n], bounds[n] = bounds_of(F, row, error)


@kernel
def bounds_of(F, row, error):  # type: ignore[no-untyped-def]
    """Return size and bound of a form (c, a) = row with that error.

    The bound is one of |value in floats - exact value| for the y and the y* of :func:`to_frame`.
    """
    D = len(F.reach)
    size = (abs(row[0]) + form_size(row, F.reach)) * BOUND_SLACK
    bound = error + (D + 2) * UNIT * size + form_size(row, F.blur) + FORM_UNDERFLOW
    bound *= F.factor * BOUND_SLACK
    return size, bound if bound < _LARGEST_BOUND and size < _LARGEST_BOUND else np.inf


@inlined
def proof_error(error, bound, factor):  # type: ignore[no-untyped-def]
    """Return the error of a form as proofs count it: infinite where its bound is."""
    return error * factor if bound < np.inf else np.inf


@kernel
def look(F, forms, S, level):  # type: ignore[no-untyped-def]
    """Write the proven signs of the open neurons of a node's layer at its witness."""
    layer, y, state, sign, cut = S.layer[level], S.y[level], S.state[level], S.sign[level], S.cut
    rows, bounds, offset = forms.row, forms.bound, F.offset[layer]
    for k in range(F.widths[layer]):
        n = offset + k
        cut[level, n], sign[n] = -1, 0
        if state[n] == 0:
            value = form_value(rows[n], y)
            sign[n] = (value > bounds[n]) - (value < -bounds[n])


@inlined
def evaluate(rows, first, count, y, z):  # type: ignore[no-untyped-def]
    """Write the values at y of the forms from ``first`` on to z."""
    for k in range(count):
        z[k] = form_value(rows[first + k], y)


@inlined
def _copy_vertex(y, inv, active, w, v):  # type: ignore[no-untyped-def]
    """Write vertex v of the pool to place w."""
    copy(y[w], y[v])
    copy(active[w], active[v])
    for i in range(y.shape[1]):
        copy(inv[w, i], inv[v, i])


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


@inlined
def _strict(R, m, y):  # type: ignore[no-untyped-def]
    """Return whether all rows of the path are proven positive at y."""
    for r in range(m):
        if not row_value(R.c, R.a, r, y) > R.bound[r]:
            return False
    return True


@inlined
def _other_witness(F, forms, R, S, level, n):  # type: ignore[no-untyped-def]
    """Find a witness beyond zero of neuron n; return whether there is a proven one.

    On the way from the witness w to a vertex v beyond zero, all rows stay positive short of v. The
    points in the middle of the part beyond zero are averaged over the vertices.
    """
    layer, vertices, vertex, work = S.layer[level], S.vertices[level], S.vertex[level], S.work
    pool_y, pool_z = S.pool_y, S.pool_z
    k = n - F.offset[layer]
    row, bound, sign = forms.row[n], forms.bound[n], S.sign[level, n]
    w, m = S.y[level], S.used[BASE] + level
    D = len(w)
    y, back, middle = work[0, :D], work[1, :D], work[2, :D]
    here = -sign * form_value(row, w)
    weight = 0.0
    for i in range(D):
        middle[i] = 0.0
    for a in range(vertices + 1):
        v = vertex[a] if a < vertices else np.int64(S.cut[level, n])
        if v < 0:
            continue
        there = -sign * pool_z[v, k]
        if not there > 4.0 * bound:
            continue
        t = 0.5 - 0.5 * here / (there - here)
        weight += 1.0
        for i in range(D):
            middle[i] += w[i] + t * (pool_y[v, i] - w[i])
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


@inlined
def _write(log, used, value):  # type: ignore[no-untyped-def]
    """Append a number to the log."""
    log[used[LOGGED]] = value
    used[LOGGED] += 1


@inlined
def _test(F, forms, R, S, L, level, n):  # type: ignore[no-untyped-def]
    """Decide whether neuron n, of known sign at the witness, has it on the whole node.

    Returns 1 when it cuts (a vertex beyond zero is in the pool), 0 when its sign is proven to be
    constant, -1 when neither is proven.
    """
    used, layer, w, room = S.used, S.layer[level], S.y[level], S.work
    vertices, vertex = S.vertices, S.vertex[level]
    pool_y, pool_inv, pool_active, pool_z = S.pool_y, S.pool_inv, S.pool_active, S.pool_z
    D, k = len(w), n - F.offset[layer]
    row, bound, sign = forms.row[n], forms.bound[n], S.sign[level, n]
    f, proof, work = room[3, :D], Proof(S.rows, room[4]), room[5:]
    for i in range(D):
        f[i] = -sign * row[1 + i]
    size, error = forms.size[n], proof_error(forms.error[n], bound, F.factor)
    objective = Objective(f, -sign * row[0], size, error)
    used[PROGRAMS] += 1
    best, start = -np.inf, -1
    for a in range(vertices[level]):
        v = vertex[a]
        if -sign * pool_z[v, k] > best:
            best, start = -sign * pool_z[v, k], v
    v = used[POOL]
    V = Vertex(pool_y[v], pool_inv[v], pool_active[v])
    P = polyhedron(R, used[BASE] + level, F.lo, F.hi, S.spent)
    for attempt in range(2):
        if start >= 0 and attempt == 0:
            _copy_vertex(pool_y, pool_inv, pool_active, v, start)
        else:
            copy(V.y, w)
            if not climb(P, f, V, work):
                continue
        status = maximise(P, objective, 8.0 * bound + 2.0**-30 * size, V, work)
        copy(S.hint, V.active)
        if status == ABOVE or objective.c + dot(f, V.y) > 8.0 * bound:
            evaluate(forms.row, n - k, F.widths[layer], pool_y[v], pool_z[v])
            used[POOL] += 1
            S.cut[level, n] = v
            if vertices[level] < VERTICES:
                vertex[vertices[level]] = v
                vertices[level] += 1
            return 1
        if status != OPTIMAL:
            continue
        tag, count = BOX, box_proof(P, R, objective, V, proof, work)
        if count < 0 and forms.is_zero[layer] and bound < np.inf:
            tag, count = CONE, cone_proof(
                R, f, objective.error * F.narrow, F.narrow, F.zero_bound, V, proof.rows, work
            )
        if count >= 0:
            if L.keep_log:
                _log_proof(R.name, L.log, used, tag, n, sign, count, proof)
            S.state[level, n] = sign
            return 0
        if start < 0:
            break
    return -1


@inlined
def _log_proof(names, log, used, tag, n, sign, count, proof):  # type: ignore[no-untyped-def]
    """Log that multipliers (BOX) or a basis (CONE) prove the sign of neuron n."""
    rows, factors = proof.rows, proof.factors
    _write(log, used, tag)
    _write(log, used, n)
    _write(log, used, sign)
    _write(log, used, count)
    for j in range(count):
        _write(log, used, names[rows[j]] if rows[j] >= 0 else np.int64(AT_INFINITY))
        if tag == BOX:
            _write(log, used, np.int64(factors[j]))
    if tag == BOX:
        _write(log, used, np.int64(factors[-1]))


@inlined
def _choose(F, S, level):  # type: ignore[no-untyped-def]
    """Return the open neuron that splits the node: the one with most vertices beyond zero."""
    layer, state, vertex, pool_z = S.layer[level], S.state[level], S.vertex[level], S.pool_z
    offset = F.offset[layer]
    best, most = -1, -1
    for k in range(F.widths[layer]):
        if state[offset + k] != 0:
            continue
        plus, minus = 0, 0
        for a in range(S.vertices[level]):
            z = pool_z[vertex[a], k]
            plus += z > 0.0
            minus += z < 0.0
        if min(plus, minus) > most:
            best, most = offset + k, min(plus, minus)
    return best


@inlined
def _descend(F, forms, R, S, level, sign):  # type: ignore[no-untyped-def]
    """Make the half of a node where its splitting neuron has the given sign."""
    used, states, signs, pool_z = S.used, S.state, S.sign, S.pool_z
    y, exact, next_exact, vertex, vertices = S.y, S.exact, S.next_exact, S.vertex, S.vertices
    n, layer, child = S.split[level], S.layer[level], level + 1
    k = n - F.offset[layer]
    row, bound, r = forms.row[n], forms.bound[n], used[BASE] + level
    constants, gradient = R.c, R.a[r]
    constants[r] = sign * row[0]
    for i in range(len(gradient)):
        gradient[i] = sign * row[1 + i]
    R.norm[r] = np.sqrt(dot(gradient, gradient)) + 1e-300
    R.size[r], R.bound[r] = forms.size[n], bound
    R.error[r] = proof_error(forms.error[n], bound, F.factor)
    R.is_zero[r], R.name[r] = forms.is_zero[layer], n
    S.stage[child], S.layer[child] = 0, layer
    copy(states[child], states[level])
    states[child, n] = sign
    S.next_for[child] = -1
    S.top[child] = used[POOL]
    keeps = signs[level, n] == sign
    if keeps:
        exact[child] = exact[level]
        copy(S.x[child], S.x[level])
        copy(y[child], y[level])
        copy(signs[child], signs[level])
        fill(S.cut[child], -1)
    else:
        exact[child] = next_exact[level]
        copy(S.x[child], S.next_x[level])
        to_frame(F, S.x[child], y[child])
    count = 0
    for a in range(vertices[level]):
        v = vertex[level, a]
        if sign * pool_z[v, k] > 8.0 * bound:
            vertex[child, count] = v
            count += 1
    vertices[child] = count
    used[LEVEL] = child
    if not keeps:
        look(F, forms, S, child)


@inlined
def _begin(F, forms, S, level):  # type: ignore[no-untyped-def]
    """Go on to the next layer at a node all of whose neurons so far are decided."""
    used, vertex, pool_y, pool_z = S.used, S.vertex[level], S.pool_y, S.pool_z
    pool_inv, pool_active = S.pool_inv, S.pool_active
    layer = S.layer[level] + 1
    S.layer[level] = layer
    enter_layer(F, forms, layer, S.state[level])
    rows, start, first, width = forms.row, forms.start, F.offset[layer], F.widths[layer]
    S.spent[0] += (start[first + width] - start[first]) * (1 + pool_y.shape[1])
    for a in range(S.vertices[level]):
        v = used[POOL]
        used[POOL] += 1
        _copy_vertex(pool_y, pool_inv, pool_active, v, vertex[a])
        vertex[a] = v
        evaluate(rows, first, width, pool_y[v], pool_z[v])
    look(F, forms, S, level)


@inlined
def _find_cuts(F, forms, R, S, L, level):  # type: ignore[no-untyped-def]
    """Decide for every open neuron of the layer whether it cuts; return DONE or a question."""
    used, layer, state, vertex = S.used, S.layer[level], S.state[level], S.vertex[level]
    signs, cut, vertices, pool_z = S.sign[level], S.cut[level], S.vertices, S.pool_z
    offset, bounds = F.offset[layer], forms.bound
    for k in range(F.widths[layer]):
        n = offset + k
        if state[n] != 0 or cut[n] >= 0:
            continue
        sign = signs[n]
        if sign == 0:
            used[ASKED] = n
            return SIGN
        for a in range(vertices[level]):
            v = vertex[a]
            if -sign * pool_z[v, k] > 8.0 * bounds[n]:
                cut[n] = v
                break
        if cut[n] >= 0:
            continue
        if used[POOL] == len(pool_z):
            return ROOM
        if S.spent[0] > ALLOWANCE:
            return TIME
        if _test(F, forms, R, S, L, level, n) < 0:
            used[ASKED] = n
            return SETTLE
    return DONE


@inlined
def _keep_region(F, L, i, state, x, exact):  # type: ignore[no-untyped-def]
    """Write the pattern and the witness of a region in row i of what is found."""
    words, word, place = L.words[i], F.word, F.place
    fill(words, np.uint64(0))
    for n in range(len(state)):
        if state[n] > 0:
            words[word[n]] |= np.uint64(1) << np.uint64(place[n])
    copy(L.x[i], x)
    L.exact[i] = exact


@kernel
def search(F, forms, R, S, L):  # type: ignore[no-untyped-def]
    """Go on with the search until it is done, the room is full, or a question arises."""
    used, stage, next_for, spent, log = S.used, S.stage, S.next_for, S.spent, L.log
    D, neurons = S.y.shape[1], S.state.shape[1]
    log_room = len(log) - (neurons + 2) * (2 * D + 8)
    while True:
        level = used[LEVEL]
        if level < 0:
            return DONE
        if stage[level] == 2:
            used[LEVEL] -= 1
            continue
        if stage[level] == 1:
            half = -1
            used[POOL] = S.top[level + 1]
        else:
            half = 1
            if used[REGIONS] == len(L.words) or used[LOGGED] > log_room:
                return FULL
            if used[POOL] + VERTICES > len(S.pool_y):
                return ROOM
            if spent[0] > ALLOWANCE:
                return TIME
            spent[0] += neurons * D
            n = next_for[level]
            if n < 0:  # else the answer to a question was a witness, and that half comes first
                question = _find_cuts(F, forms, R, S, L, level)
                if question != DONE:
                    return question
                n = _choose(F, S, level)
            if n < 0:
                if S.layer[level] + 1 < len(F.widths):
                    _begin(F, forms, S, level)
                    continue
                _keep_region(F, L, used[REGIONS], S.state[level], S.x[level], S.exact[level])
                used[REGIONS] += 1
                if L.keep_log:
                    _write(log, used, LEAF)
                used[LEVEL] -= 1
                continue
            if next_for[level] != n and not _other_witness(F, forms, R, S, level, n):
                used[ASKED] = n
                return SETTLE
            S.split[level] = n
            if L.keep_log:
                _write(log, used, SPLIT)
                _write(log, used, n)
        stage[level] += 1
        _descend(F, forms, R, S, level, half)

"""Facets between regions, and unbounded regions, in compiled code.

Two regions whose patterns differ in one neuron n are a candidate pair. They share a facet if there
is a point beyond n where all other forms of the first region are strict: the segment from its
witness to that point crosses the hyperplane of n where they are strict as well. The witness of the
second region may be such a point, or one on the way to it. Else a linear program without row n
finds another one to go towards, or the proof that n's hyperplane has no facet of the region.

All of that needs that no two forms of a region are multiples of each other and none is zero. Both
depend on the pattern of all layers but the last, and are proven once for all regions that share
it; regions for which they are not are left to the caller, and so are pairs that no bound settles.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.lp.multipliers import Proof, box_proof, cone_proof
from exactbn.engines.lp.products import (
    copy,
    dot,
    fill,
    row_slope,
    row_square,
    row_value,
)
from exactbn.engines.lp.search import (
    ALLOWANCE,
    UNIT,
    Floats,
    Ints,
    enter_layer,
    evaluate,
    proof_error,
    round_to,
    to_frame,
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
from exactbn.engines.pattern_table import find

# Verdicts on a candidate pair, and on a region where there is no box.
OPEN, EDGE, NO_BOX, NO_CONE = range(4)
UNBOUNDED, BOUNDED = 1, 2

# Binary digits that a point is rounded to: many tries cost more than long numbers.
_ROUNDINGS = np.array([14, 50])

#: How far the relaxed polyhedron of recession directions reaches.
FAR = 2.0**30

# More than a product of two coefficients can lose to denormal numbers.
_PRODUCT_UNDERFLOW = 2.0**-1070


class Pairs(NamedTuple):
    """Room for candidate pairs and what is proven of them."""

    i: Ints
    j: Ints
    neuron: Ints
    verdict: NDArray[np.int8]
    x: Floats  # (pairs, D) a point beyond the facet, to be read exactly
    rows: Ints  # (pairs, D) rows of a proof that there is no facet, -1 where unused
    factors: Floats  # (pairs, D + 1) integers; the last is that of the neuron's row


class Table(NamedTuple):
    """The regions: patterns, witnesses in the frame, whether they can be taken for exact."""

    words: NDArray[np.uint64]
    x: Floats
    y: Floats
    last: int  # first word of the last layer
    slots: NDArray[np.int32]
    suspect: NDArray[np.uint8]  # (regions,) 1 where forms may be zero or multiples


class Scratch(NamedTuple):
    """Room for the region at hand: its signs, values of its forms, and how they compare."""

    sign: NDArray[np.int8]  # (neurons,)
    wanted: NDArray[np.uint64]  # (words,) the pattern of a neighbour
    a: Floats  # (neurons,) values at the witness
    b: Floats  # (neurons,) values at another point
    rows: Floats  # (neurons, 1 + D) coefficients scaled by the reach
    errors: Floats  # (neurons,) bounds of their errors added up
    keys: Floats  # (neurons, 2) enclosures of a ratio
    order: Ints  # (neurons,) ascending by them
    f: Floats  # (d,) an objective


@kernel
def frame_points(F, x, y):  # type: ignore[no-untyped-def]
    """Compute the coordinates of many points."""
    for i in range(len(x)):
        to_frame(F, x[i], y[i])


@inlined
def _are_independent(a, b, error_a, error_b):  # type: ignore[no-untyped-def]
    """Return whether two float rows within their errors are proven not to be multiples."""
    p = 0
    for i in range(len(a)):
        if abs(a[i]) > abs(a[p]):
            p = i
    for i in range(len(a)):
        left, right = a[p] * b[i], a[i] * b[p]
        slack = (abs(a[p]) + error_a) * error_b + abs(b[i]) * error_a
        slack += (abs(a[i]) + error_a) * error_b + abs(b[p]) * error_a
        slack = 1.0625 * slack + 8.0 * UNIT * (abs(left) + abs(right)) + _PRODUCT_UNDERFLOW
        if abs(left - right) > slack:
            return True
    return False


@inlined
def _sort(order, keys):  # type: ignore[no-untyped-def]
    """Write the numbers of the rows to ``order``, ascending by the first key.

    By insertion: there are no more rows than a form has terms in the work done for each.
    """
    for a in range(len(order)):
        b = a
        while b > 0 and keys[order[b - 1], 0] > keys[a, 0]:
            order[b] = order[b - 1]
            b -= 1
        order[b] = a


@kernel
def _are_generic(rows, errors, keys, order):  # type: ignore[no-untyped-def]
    """Return whether all rows are proven to be no two multiples of each other, and none zero.

    Multiples have the same ratio of two fixed linear functions. So only rows whose enclosures of
    that ratio overlap are compared.
    """
    N, size = rows.shape
    for n in range(N):
        top, bottom, total = 0.0, 0.0, 0.0
        for i in range(size):
            top += (1.0 + 0.3 * i) * rows[n, i]
            bottom += (1.0 if i % 2 else -0.7 - 0.11 * i) * rows[n, i]
            total += abs(rows[n, i])
        slack = (1.0 + 0.3 * size) * (errors[n] + 2 * (size + 4) * UNIT * total)
        if not total > 2.0 * size * errors[n]:
            return False
        if abs(bottom) > 4.0 * slack:
            ratio = top / bottom
            radius = 2.0 * (slack + abs(ratio) * slack) / abs(bottom)
            keys[n, 0], keys[n, 1] = ratio - radius, ratio + radius
        else:
            keys[n, 0], keys[n, 1] = -np.inf, np.inf
    _sort(order, keys)
    for a in range(N):
        m = order[a]
        for b in range(a + 1, N):
            n = order[b]
            if keys[n, 0] > keys[m, 1]:
                break
            if not _are_independent(rows[m], rows[n], errors[m], errors[n]):
                return False
    return True


@kernel
def _values(F, forms, y, z):  # type: ignore[no-untyped-def]
    """Write the values of all forms at a point."""
    evaluate(forms.row, 0, len(z), y, z)


@inlined
def _is_inside(F, R, base, x, y):  # type: ignore[no-untyped-def]
    """Return whether a point x, in the frame at y, is proven strictly in the domain."""
    for i in range(len(x)):
        if not F.x_lo[i] < x[i] < F.x_hi[i]:
            return False
    for r in range(base):
        if not row_value(R.c, R.a, r, y) > R.bound[r]:
            return False
    return True


@kernel
def _is_beyond(R, base, sign, z, n):  # type: ignore[no-untyped-def]
    """Return whether values prove the sign of every form of a region but n, and -sign of n."""
    for m in range(len(sign)):
        side = -sign[m] if m == n else sign[m]
        if not side * z[m] > R.bound[base + m]:
            return False
    return True


@kernel
def _find_beyond(F, forms, R, base, a, b, y, v, sign, n, x, work):  # type: ignore[no-untyped-def]
    """Find a proven point beyond n on the way from y to v; write it to x, return whether.

    ``a``, ``b`` are the values of all rows at y and at v. The point is in the middle between the
    zero of row n and that of the next other row, rounded to as few digits as will do.
    """
    if not sign[n] * b[n] < 0.0:
        return False
    here = max(sign[n] * a[n], 0.0)
    begin, end = here / (here - sign[n] * b[n]), 1.0
    for m in range(len(sign)):
        if m != n and not sign[m] * b[m] > R.bound[base + m]:
            here = sign[m] * a[m]
            if not here > 0.0:
                return False
            end = min(end, here / (here - min(sign[m] * b[m], 0.0)))
    if not begin < end:
        return False
    middle, back, z = work[0, : len(y)], work[1, : len(y)], b
    t = 0.5 * (begin + end)
    for i in range(len(y)):
        middle[i] = y[i] + t * (v[i] - y[i])
    for bits in _ROUNDINGS:
        if round_to(F, middle, bits, x, back) and _is_inside(F, R, base, x, back):
            _values(F, forms, back, z)
            if _is_beyond(R, base, sign, z, n):
                return True
    return False


@inlined
def _enter_region(F, forms, T, i, group, sign):  # type: ignore[no-untyped-def]
    """Read the signs of region i; compute the forms if they are not those of region ``group``."""
    words, word, place = T.words, F.word, F.place
    same = group >= 0
    for w in range(T.last):
        same = same and words[i, w] == words[group, w]
    for n in range(len(sign)):
        on = (words[i, word[n]] >> np.uint64(place[n])) & np.uint64(1)
        sign[n] = 1 if on else -1
    if not same:
        for layer in range(1, len(F.widths)):
            enter_layer(F, forms, layer, sign)
    return not same


@inlined
def _fill_rows(F, forms, R, base, sign):  # type: ignore[no-untyped-def]
    """Write the rows of a region, positive inside, behind those of the domain."""
    widths, offset, factor, is_zero = F.widths, F.offset, F.factor, forms.is_zero
    rows, sizes, errors, bounds = forms.row, forms.size, forms.error, forms.bound
    a, c, size, error, bound, zero, name = R.a, R.c, R.size, R.error, R.bound, R.is_zero, R.name
    for layer in range(len(widths)):
        for k in range(widths[layer]):
            n = offset[layer] + k
            r, row = base + n, rows[n]
            c[r] = sign[n] * row[0]
            for i in range(a.shape[1]):
                a[r, i] = sign[n] * row[1 + i]
            size[r], bound[r] = sizes[n], bounds[n]
            error[r] = proof_error(errors[n], bound[r], factor)
            zero[r], name[r] = is_zero[layer], n


@inlined
def _settle(F, forms, R, base, y, sign, a, b, n, pairs, p, S):  # type: ignore[no-untyped-def]
    """Decide by a linear program whether a region has a facet on the hyperplane of neuron n."""
    D, m = len(y), base + len(sign)
    _fill_rows(F, forms, R, base, sign)
    f, rows, work, dead = S.work[0, :D], pairs.rows[p], S.work[2:], R.dead
    proof = Proof(rows, S.work[1])
    r = base + n
    gradient, bound, size = R.a[r], R.bound[r], R.size[r]
    for i in range(D):
        f[i] = -gradient[i]
    objective = Objective(f, -R.c[r], size, R.error[r])
    P = polyhedron(R, m, F.lo, F.hi, S.spent)
    V = Vertex(S.pool_y[0], S.pool_inv[0], S.pool_active[0])
    copy(V.y, y)
    dead[r] = 1
    verdict = OPEN
    if climb(P, f, V, work):
        status = maximise(P, objective, 64.0 * bound + 2.0**-20 * size, V, work)
        if status == ABOVE or objective.c + dot(f, V.y) > 8.0 * bound:
            _values(F, forms, V.y, b)
            if _find_beyond(F, forms, R, base, a, b, y, V.y, sign, n, pairs.x[p], work):
                verdict = EDGE
        elif status == OPTIMAL:
            count = box_proof(P, R, objective, V, proof, work)
            if count >= 0:
                verdict = NO_BOX
                copy(pairs.factors[p], proof.factors)
            elif R.is_zero[r] and bound < np.inf:
                count = cone_proof(R, f, objective.error * F.narrow, F.narrow, F.zero_bound, V,
                                   rows, work)  # fmt: skip
                if count >= 0:
                    verdict = NO_CONE
            for k in range(max(count, 0), D):
                rows[k] = -1
    dead[r] = 0
    return verdict


@inlined
def _scale_forms(F, forms, R, base, scaled, errors):  # type: ignore[no-untyped-def]
    """Write the forms scaled by the reach, their errors, and the bounds and norms of their rows.

    The errors of coefficients scaled by the reach add up to at most the error of the form.
    """
    reach, rows, bounds, norms = F.reach, forms.row, R.bound, R.norm
    for n in range(len(errors)):
        errors[n], bounds[base + n] = forms.error[n] * F.factor, forms.bound[n]
        scaled[n, 0], norm = rows[n, 0], 1e-300
        for j in range(len(reach)):
            scaled[n, 1 + j] = rows[n, 1 + j] * reach[j]
            norm += abs(rows[n, 1 + j])
        norms[base + n] = norm


@kernel
def prove(  # type: ignore[no-untyped-def]
    F, forms, R, base, T, S, begin, end, trusted, pairs, room
):
    """Find and prove the candidate pairs of the regions from ``begin`` to ``end``.

    A pair is looked at from its first region, and from a region that is not suspect. Returns
    (number of pairs, first region not looked at for want of room or of time).
    """
    N, D = len(F.word), len(F.shift)
    sign, wanted, a, b, suspect = room.sign, room.wanted, room.a, room.b, T.suspect
    words, word, place, spent = T.words, F.word, F.place, S.spent
    most = len(pairs.i) - N
    count, group = 0, -1
    generic = trusted
    for i in range(begin, end):
        if count > most or spent[0] > ALLOWANCE:
            return count, i
        spent[0] += N * D
        if _enter_region(F, forms, T, i, group, sign):
            group = i
            _scale_forms(F, forms, R, base, room.rows, room.errors)
            generic = trusted or _are_generic(room.rows, room.errors, room.keys, room.order)
        suspect[i] = not generic
        if not generic:
            continue
        known = False
        copy(wanted, words[i])
        for n in range(N):
            flip = np.uint64(1) << np.uint64(place[n])
            wanted[word[n]] ^= flip
            j = find(words, T.slots, wanted)
            wanted[word[n]] ^= flip
            # The other region, if it comes earlier, has dealt with the pair unless suspect.
            if j < 0 or (j < i and not suspect[j]):
                continue
            y, v, x = T.y[i], T.y[j], pairs.x[count]
            if not known:
                _values(F, forms, y, a)
                known = True
            _values(F, forms, v, b)
            if _is_beyond(R, base, sign, b, n) and _is_inside(F, R, base, T.x[j], v):
                copy(x, T.x[j])
                verdict = EDGE
            elif _find_beyond(F, forms, R, base, a, b, y, v, sign, n, x, S.work):
                verdict = EDGE
            else:
                verdict = _settle(F, forms, R, base, y, sign, a, b, n, pairs, count, S)
            pairs.i[count], pairs.j[count], pairs.neuron[count] = i, j, n
            pairs.verdict[count] = verdict
            count += 1
    return count, end


@inlined
def _facet_at_infinity(F, R, m, y, S, direction):  # type: ignore[no-untyped-def]
    """Look for a direction along which all rows grow: an inner point of a facet at infinity."""
    D = len(y)
    f, lo, work = S.work[0, :D], S.work[1, :D], S.work[2:]
    v = S.pool_y[0]
    V = Vertex(v, S.pool_inv[0], S.pool_active[0])
    copy(v, y)
    copy(lo, F.lo)
    fill(f, 0.0)
    f[0], lo[0] = -1.0, -1.0
    P = polyhedron(R, m, lo, F.hi, S.spent)
    if not climb(P, f, V, work):
        return False
    maximise(P, Objective(f, 0.0, 1.0, 0.0), 2.0**-20, V, work)
    if not v[0] < -(2.0**-40):
        return False
    t = y[0] / (y[0] - v[0])
    largest = 0.0
    for i in range(1, D):
        direction[i - 1] = y[i] + t * (v[i] - y[i])
        largest = max(largest, abs(direction[i - 1]))
    if not largest > 0.0:
        return False
    scale = 2.0 ** -np.ceil(np.log2(largest))
    a, bound = R.a, R.bound
    for bits in (6.0, 12.0, 24.0, 48.0):
        f[0], fits = 0.0, True
        for i in range(1, D):
            f[i] = np.rint(direction[i - 1] * scale * 2.0**bits) * 2.0**-bits
            fits = fits and abs(f[i]) <= 1.0  # what the bounds assume
        for r in range(m):
            # A row without a gradient does not change along any direction.
            fits = fits and row_slope(a, r, f) > bound[r]
        if fits:
            copy(direction, f[1:])
            return True
    return False


@inlined
def _recession_cone(R, G):  # type: ignore[no-untyped-def]
    """Write the gradients of all rows along x to G, with constants that keep the origin inside."""
    a, gradients, norms, constants, errors = R.a, G.a, G.norm, G.c, G.error
    for n in range(len(gradients)):
        for j in range(gradients.shape[1]):
            gradients[n, j] = a[n, 1 + j]
        norms[n] = np.sqrt(row_square(gradients, n)) + 1e-300
        constants[n], errors[n] = norms[n], R.error[n]


@kernel
def recede(  # type: ignore[no-untyped-def]
    F, forms, R, base, T, S, G, P, V, room, begin, end, verdict, direction, bases
):
    """Say which regions are unbounded: where a direction keeps all rows growing.

    There is no box; R begins with the ``base`` rows of the domain.

    Bounded is a region if none of d + 1 linear functions, each coordinate and minus the sum of all,
    grows along a direction of its recession cone; then the only such direction is zero. The basis
    of each proof goes to ``bases``. ``G``, ``P`` and ``V`` are room for the cone's rows, the
    polyhedron of them and a vertex of it. Returns the first region not looked at for want of time.
    """
    N, D = len(F.word), len(F.shift)
    d = D - 1
    sign, f, spent, a, norms = room.sign, room.f, S.spent, R.a, R.norm
    m, group = base + N, -1
    for i in range(begin, end):
        if spent[0] > ALLOWANCE:
            return i
        spent[0] += m * D
        if _enter_region(F, forms, T, i, group, sign):
            group = i
        _fill_rows(F, forms, R, base, sign)
        for r in range(base, m):
            norm = 1e-300
            for j in range(D):
                norm += abs(a[r, j])
            norms[r] = norm
        if _facet_at_infinity(F, R, m, T.y[i], S, direction[i]):
            verdict[i] = UNBOUNDED
            continue
        _recession_cone(R, G)
        verdict[i] = BOUNDED
        for k in range(D):
            for j in range(d):
                f[j] = -1.0 if k == d else (1.0 if j == k else 0.0)
            fill(V.y, 0.0)
            if not (
                climb(P, f, V, S.work)
                and maximise(P, Objective(f, 0.0, 1.0, 0.0), np.inf, V, S.work) == OPTIMAL
                and cone_proof(G, f, 0.0, F.narrow, -3 - 2 * d, V, bases[i, k], S.work) >= 0
            ):
                verdict[i] = OPEN
                break
    return end

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
from numba import njit
from numpy.typing import NDArray

from exactbn.engines.lp.multipliers import Proof, box_proof, cone_proof
from exactbn.engines.lp.products import (
    copy,
    dot,
    form_value,
    kernel,
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
    proof_error,
    round_to,
    to_frame,
)
from exactbn.engines.lp.simplex import (
    ABOVE,
    OPTIMAL,
    Objective,
    Rows,
    Vertex,
    climb,
    maximise,
    polyhedron,
)
from exactbn.engines.pattern_table import find

# Verdicts on a candidate pair, and on a region of R^d.
OPEN, EDGE, NO_BOX, NO_CONE = range(4)
UNBOUNDED, BOUNDED = 1, 2

# Binary digits that a point is rounded to: many tries cost more than long numbers.
_ROUNDINGS = np.array([14, 50])

# How far the relaxed polyhedron of recession directions reaches.
_FAR = 2.0**30

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


@kernel
def frame_points(F, x, y):  # type: ignore[no-untyped-def]
    """Compute the coordinates of many points."""
    for i in range(len(x)):
        to_frame(F, x[i], y[i])


@kernel
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


@njit(cache=True, error_model="numpy")
def _are_generic(rows, errors, keys):  # type: ignore[no-untyped-def]
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
    order = np.argsort(keys[:N, 0])
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
    for n in range(len(z)):
        z[n] = form_value(forms.row[n], y)


@kernel
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


@kernel
def _enter_region(F, forms, T, i, group, sign):  # type: ignore[no-untyped-def]
    """Read the signs of region i; compute the forms if they are not those of region ``group``."""
    same = group >= 0
    for w in range(T.last):
        same = same and T.words[i, w] == T.words[group, w]
    for n in range(len(sign)):
        on = (T.words[i, F.word[n]] >> np.uint64(F.place[n])) & np.uint64(1)
        sign[n] = 1 if on else -1
    if not same:
        for layer in range(1, len(F.widths)):
            enter_layer(F, forms, layer, sign)
    return not same


@kernel
def _fill_rows(F, forms, R, base, sign):  # type: ignore[no-untyped-def]
    """Write the rows of a region, positive inside, behind those of the domain."""
    D = len(F.shift)
    for layer in range(len(F.widths)):
        for k in range(F.widths[layer]):
            n = F.offset[layer] + k
            r, row = base + n, forms.row[n]
            R.c[r] = sign[n] * row[0]
            for i in range(D):
                R.a[r, i] = sign[n] * row[1 + i]
            R.size[r], R.error[r] = forms.size[n], proof_error(F, forms, n)
            R.bound[r] = forms.bound[n]
            R.is_zero[r], R.name[r] = forms.is_zero[layer], n


@kernel
def _settle(F, forms, R, base, y, sign, a, b, n, pairs, p, S):  # type: ignore[no-untyped-def]
    """Decide by a linear program whether a region has a facet on the hyperplane of neuron n."""
    D, N = len(y), len(sign)
    m = base + N
    _fill_rows(F, forms, R, base, sign)
    f, rows, work = S.work[0, :D], pairs.rows[p], S.work[2:]
    proof = Proof(rows, S.work[1])
    r = base + n
    for i in range(D):
        f[i] = -R.a[r, i]
    bound = R.bound[r]
    objective = Objective(f, -R.c[r], R.size[r], R.error[r])
    P = polyhedron(R, m, F.lo, F.hi, S.spent)
    V = Vertex(S.pool_y[0], S.pool_inv[0], S.pool_active[0])
    copy(V.y, y)
    R.dead[r] = 1
    verdict = OPEN
    if climb(P, f, V, work):
        status = maximise(P, objective, 64.0 * bound + 2.0**-20 * R.size[r], V, work)
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
    R.dead[r] = 0
    return verdict


@njit(cache=True, error_model="numpy")
def prove(  # type: ignore[no-untyped-def]
    F, forms, R, base, T, S, begin, end, trusted, pairs, room
):
    """Find and prove the candidate pairs of the regions from ``begin`` to ``end``.

    A pair is looked at from its first region, and from a region that is not suspect. Returns
    (number of pairs, first region not looked at for want of room or of time).
    """
    N, D = len(F.word), len(F.shift)
    sign = np.zeros(N, dtype=np.int8)
    wanted = np.zeros(T.words.shape[1], dtype=np.uint64)
    a, b = np.zeros(N), np.zeros(N)
    rows, errors, keys = np.zeros((N, D + 1)), np.zeros(N), np.zeros((N, 2))
    count = 0
    group = -1
    for i in range(begin, end):
        if count + N > room or S.spent[0] > ALLOWANCE:
            return count, i
        S.spent[0] += N * D
        if _enter_region(F, forms, T, i, group, sign):
            group = i
            for n in range(N):
                rows[n] = forms.row[n]
                # Coefficients scaled by the reach: their errors add up to at most this.
                errors[n] = forms.error[n] * F.factor
                for j in range(D):
                    rows[n, 1 + j] *= F.reach[j]
                R.bound[base + n], R.norm[base + n] = forms.bound[n], 1e-300
                for j in range(D):
                    R.norm[base + n] += abs(forms.row[n, 1 + j])
            generic = trusted or _are_generic(rows, errors, keys)
        T.suspect[i] = not generic
        if not generic:
            continue
        known = False
        wanted[:] = T.words[i]
        for n in range(N):
            flip = np.uint64(1) << np.uint64(F.place[n])
            wanted[F.word[n]] ^= flip
            j = find(T.words, T.slots, wanted)
            wanted[F.word[n]] ^= flip
            if j < 0:
                continue
            # The other region, if it comes earlier, has dealt with the pair unless suspect.
            if j < i and not T.suspect[j]:
                continue
            pairs.i[count], pairs.j[count], pairs.neuron[count] = i, j, n
            if not known:
                _values(F, forms, T.y[i], a)
                known = True
            v, x = T.y[j], pairs.x[count]
            _values(F, forms, v, b)
            if _is_beyond(R, base, sign, b, n) and _is_inside(F, R, base, T.x[j], v):
                x[:] = T.x[j]
                pairs.verdict[count] = EDGE
            elif _find_beyond(F, forms, R, base, a, b, T.y[i], v, sign, n, x, S.work):
                pairs.verdict[count] = EDGE
            else:
                pairs.verdict[count] = _settle(
                    F, forms, R, base, T.y[i], sign, a, b, n, pairs, count, S
                )
            count += 1
    return count, end


@njit(cache=True, error_model="numpy")
def _facet_at_infinity(F, R, m, y, S, direction):  # type: ignore[no-untyped-def]
    """Look for a direction along which all rows grow: an inner point of a facet at infinity."""
    D = len(y)
    f, lo, work = S.work[0, :D], S.work[1, :D], S.work[2:]
    V = Vertex(S.pool_y[0], S.pool_inv[0], S.pool_active[0])
    for i in range(D):
        f[i], lo[i], V.y[i] = 0.0, F.lo[i], y[i]
    f[0], lo[0] = -1.0, -1.0
    P = polyhedron(R, m, lo, F.hi, S.spent)
    if not climb(P, f, V, work):
        return False
    maximise(P, Objective(f, 0.0, 1.0, 0.0), 2.0**-20, V, work)
    v = V.y
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
    for bits in (6.0, 12.0, 24.0, 48.0):
        f[0], fits = 0.0, True
        for i in range(1, D):
            f[i] = np.rint(direction[i - 1] * scale * 2.0**bits) * 2.0**-bits
            fits = fits and abs(f[i]) <= 1.0  # what the bounds assume
        for r in range(m):
            # A row without a gradient does not change along any direction.
            fits = fits and row_slope(R.a, r, f) > R.bound[r]
        if fits:
            direction[:] = f[1:]
            return True
    return False


@njit(cache=True, error_model="numpy")
def recede(  # type: ignore[no-untyped-def]
    F, forms, R, T, S, begin, end, verdict, direction, bases
):
    """Say which regions of R^d are unbounded: where a direction keeps all rows growing.

    Bounded is a region if none of d + 1 linear functions, each coordinate and minus the sum of all,
    grows along a direction of its recession cone; then the only such direction is zero. The basis
    of each proof goes to ``bases``. Returns the first region not looked at for want of time.
    """
    N, D = len(F.word), len(F.shift)
    d = D - 1
    sign = np.zeros(N, dtype=np.int8)
    # The gradients along x; the constants keep the origin inside.
    G = Rows(np.zeros((N, d)), np.ones(N), np.zeros(N), np.ones(N), np.zeros(N), np.zeros(N),
             np.ones(N, dtype=np.bool_), R.name, np.zeros(N, dtype=np.uint8))  # fmt: skip
    f, rows = np.zeros(d), np.zeros(d, np.int64)
    P = polyhedron(G, N, np.full(d, -_FAR), np.full(d, _FAR), S.spent)
    V = Vertex(np.zeros(d), np.zeros((d, d)), np.zeros(d, np.int64))
    work = np.zeros((2 * d + 8, d + 1))
    group = -1
    for i in range(begin, end):
        if S.spent[0] > ALLOWANCE:
            return i
        S.spent[0] += N * D
        if _enter_region(F, forms, T, i, group, sign):
            group = i
        _fill_rows(F, forms, R, 0, sign)
        for n in range(N):
            R.norm[n] = 1e-300
            for j in range(D):
                R.norm[n] += abs(R.a[n, j])
        verdict[i] = OPEN
        if _facet_at_infinity(F, R, N, T.y[i], S, direction[i]):
            verdict[i] = UNBOUNDED
            continue
        for n in range(N):
            for j in range(d):
                G.a[n, j] = R.a[n, 1 + j]
            G.norm[n] = np.sqrt(row_square(G.a, n)) + 1e-300
            G.c[n], G.error[n] = G.norm[n], R.error[n]
        proven = True
        for k in range(D):
            for j in range(d):
                f[j] = -1.0 if k == d else (1.0 if j == k else 0.0)
                V.y[j] = 0.0
            proven = (
                climb(P, f, V, work)
                and maximise(P, Objective(f, 0.0, 1.0, 0.0), np.inf, V, work) == OPTIMAL
                and cone_proof(G, f, 0.0, F.narrow, -3 - 2 * d, V, rows, work) >= 0
            )
            if not proven:
                break
            bases[i, k] = rows
        if proven:
            verdict[i] = BOUNDED
    return end

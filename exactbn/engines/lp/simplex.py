"""Small dense linear programs in floating point: they propose, and prove nothing.

The polyhedron is {y : c + A y >= 0, lo <= y <= hi} in D <= some ten dimensions. A vertex is D
active constraints, the inverse of the matrix of their gradients (column j is the edge along which
only constraint j's slack grows, at rate 1), and the point. Constraint r >= 0 is row r; the code
-1 - 2 i is the lower and -2 - 2 i the upper bound of coordinate i.

Pivots use thresholds. What their bases promise is proven in exactbn/engines/lp/multipliers.py.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.compiled import inlined, kernel
from exactbn.engines.lp.products import (
    add,
    add_row,
    column_product,
    copy,
    dot,
    row_slope,
    slope_and_slack,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Results of :func:`maximise`.
OPTIMAL, ABOVE, FAILED = range(3)

# Slopes below these shares of their terms are taken for zero, in proposals only.
_FLAT = 1e-12
_SAME_STEP = 1e-10


class Rows(NamedTuple):
    """Rows c + a y, positive inside, and what is known of their errors."""

    a: Floats  # (rows, D)
    c: Floats
    norm: Floats
    size: Floats  # bound of |c| + sum |a_i| reach_i
    error: Floats  # bound of |row - exact row| on the domain
    bound: Floats  # the same and all of evaluating it at a point
    is_zero: NDArray[np.bool_]  # the exact constant is zero
    name: Ints  # neuron, or -1 - k for row k of the domain
    dead: NDArray[np.uint8]  # left out of programs


class Polyhedron(NamedTuple):
    """{y : the first ``num_rows`` rows c + a y are >= 0, lo <= y <= hi}.

    No :class:`Rows` in it: a step of a program takes a record apart, and counts its arrays.
    """

    a: Floats
    c: Floats
    norm: Floats
    dead: NDArray[np.uint8]
    num_rows: int
    lo: Floats
    hi: Floats
    spent: Ints  # (1,) multiplications so far, roughly


@inlined
def polyhedron(R, num_rows, lo, hi, spent):  # type: ignore[no-untyped-def]
    """Return the polyhedron of the first rows."""
    return Polyhedron(R.a, R.c, R.norm, R.dead, num_rows, lo, hi, spent)


class Vertex(NamedTuple):
    """A vertex: the point, the inverse of its active gradients, its active constraints."""

    y: Floats  # (D,)
    inv: Floats  # (D, D)
    active: Ints  # (D,)


class Objective(NamedTuple):
    """The form c + f y that is to be positive, the bounds of it as those of a row."""

    f: Floats
    c: float
    size: float
    error: float


@kernel
def gradient(code, A, g):  # type: ignore[no-untyped-def]
    """Write the gradient of a constraint to g."""
    for i in range(len(g)):
        g[i] = A[code, i] if code >= 0 else 0.0
    if code < 0:
        if (-code) & 1:
            g[(-1 - code) // 2] = 1.0
        else:
            g[(-2 - code) // 2] = -1.0


@inlined
def _among(code, active, k):  # type: ignore[no-untyped-def]
    """Return whether a constraint is one of the first k active ones."""
    for j in range(k):
        if active[j] == code:
            return True
    return False


@inlined
def _is_sooner(t, share, best, steep):  # type: ignore[no-untyped-def]
    """Return whether a constraint stops a step before another one, or as soon and more steeply."""
    return t < best * (1.0 - _SAME_STEP) or (t <= best * (1.0 + _SAME_STEP) and share > steep)


@inlined
def _step(P, direction, length, V, k):  # type: ignore[no-untyped-def]
    """Return (t, code): how far y can move along a direction, and the constraint that stops it.

    The first k active constraints are left out.
    """
    y, active = V.y, V.active
    D = len(y)
    best, code, steep = np.inf, -1 - 2 * D, 0.0
    for r in range(P.num_rows):
        if P.dead[r]:
            continue
        slope, slack = slope_and_slack(P.c, P.a, r, direction, y)
        share = -slope / (P.norm[r] * length)
        if share > _FLAT:
            t = max(slack, 0.0) / -slope
            if _is_sooner(t, share, best, steep) and not _among(r, active, k):
                best, code, steep = min(t, best), r, share
    for i in range(D):
        share = abs(direction[i]) / length
        if share > _FLAT:
            if direction[i] > 0.0:
                t, bound = max(P.hi[i] - y[i], 0.0) / direction[i], -2 - 2 * i
            else:
                t, bound = max(y[i] - P.lo[i], 0.0) / -direction[i], -1 - 2 * i
            if _is_sooner(t, share, best, steep) and not _among(bound, active, k):
                best, code, steep = min(t, best), bound, share
    P.spent[0] += D * (P.num_rows + 4 * D)
    return best, code


@kernel
def _invert(active, A, inv, G):  # type: ignore[no-untyped-def]
    """Write the inverse of the active gradients to inv; return whether there is one."""
    D = len(active)
    for j in range(D):
        gradient(active[j], A, G[j, :D])
        for i in range(D):
            inv[j, i] = 1.0 if i == j else 0.0
    for k in range(D):
        pivot, size = -1, 0.0
        for j in range(k, D):
            if abs(G[j, k]) > size:
                pivot, size = j, abs(G[j, k])
        if pivot < 0:
            return False
        if pivot != k:
            for i in range(D):
                G[k, i], G[pivot, i] = G[pivot, i], G[k, i]
                inv[k, i], inv[pivot, i] = inv[pivot, i], inv[k, i]
        factor = 1.0 / G[k, k]
        for i in range(D):
            G[k, i] *= factor
            inv[k, i] *= factor
        for j in range(D):
            if j != k and G[j, k] != 0.0:
                factor = G[j, k]
                for i in range(D):
                    G[j, i] -= factor * G[k, i]
                    inv[j, i] -= factor * inv[k, i]
    return True


@kernel
def refresh(P, V, G):  # type: ignore[no-untyped-def]
    """Compute a vertex anew from its active constraints; return whether it could be."""
    D = len(V.y)
    P.spent[0] += 2 * D * D * D
    if not _invert(V.active, P.a, V.inv, G):
        return False
    for i in range(D):
        V.y[i] = 0.0
    for j in range(D):
        code = V.active[j]
        if code >= 0:
            value = -P.c[code]
        elif (-code) & 1:
            value = P.lo[(-1 - code) // 2]
        else:
            value = -P.hi[(-2 - code) // 2]
        if value != 0.0:
            for i in range(D):
                V.y[i] += V.inv[i, j] * value
    return True


@inlined
def _project(g, span, k):  # type: ignore[no-untyped-def]
    """Take the components along k orthonormal rows out of g, twice; return |g|^2 of the rest."""
    for _ in range(2):
        for j in range(k):
            add_row(g, -row_slope(span, j, g), span, j)
    return dot(g, g)


@kernel
def climb(P, f, V, work):  # type: ignore[no-untyped-def]
    """Move V.y from an interior point to a vertex, uphill for f while that is possible.

    Each of D steps goes along f less its components on the gradients met so far; when nothing of
    f is left, along the coordinate of which most is left. Returns whether a vertex was reached.
    """
    D = len(f)
    span, direction = work[:D], work[D, :D]
    size = dot(f, f)
    for k in range(D):
        copy(direction, f)
        square = _project(direction, span, k)
        if not square > 1e-12 * size:
            axis, most = 0, -np.inf
            for i in range(D):
                left = 1.0
                for j in range(k):
                    left -= span[j, i] * span[j, i]
                if left > most:
                    axis, most = i, left
            for i in range(D):
                direction[i] = 1.0 if i == axis else 0.0
            square = _project(direction, span, k)
        if not square > 0.0:
            return False
        t, code = _step(P, direction, np.sqrt(square), V, k)
        if t == np.inf:
            return False
        add(V.y, t, direction)
        V.active[k] = code
        new = span[k, :D]
        gradient(code, P.a, new)
        whole = dot(new, new)
        left = _project(new, span, k)
        if not left > 1e-20 * whole:
            return False
        for i in range(D):
            new[i] /= np.sqrt(left)
        P.spent[0] += 12 * k * D
    return refresh(P, V, work[D + 2 :])


@kernel
def maximise(P, objective, enough, V, work):  # type: ignore[no-untyped-def]
    """Climb from a vertex, along edges, to one where c + f y is greatest or above ``enough``."""
    f, y, inv = objective.f, V.y, V.inv
    D = len(y)
    direction, g = work[0, :D], work[1, :D]
    size = dot(f, f)
    idle = 0
    for _ in range(40 + 20 * D):
        if objective.c + dot(f, y) > enough:
            return ABOVE
        best, score, length = -1, 0.0, 0.0
        for j in range(D):
            gain, square = 0.0, 0.0
            for i in range(D):
                gain += f[i] * inv[i, j]
                square += inv[i, j] * inv[i, j]
            if gain > 0.0 and gain * gain > 1e-22 * size * square:
                if gain * gain > score * square:
                    best, score, length = j, gain * gain / square, square
                if idle > 3 * D:  # Bland's rule, as far as floats can follow it
                    break
        if best < 0:
            return OPTIMAL
        for i in range(D):
            direction[i] = inv[i, best]
        t, code = _step(P, direction, np.sqrt(length), V, D)
        if t == np.inf:
            return FAILED
        idle = idle + 1 if t == 0.0 else 0
        add(y, t, direction)
        gradient(code, P.a, g)
        pivot = dot(g, direction)
        for i in range(D):
            inv[i, best] = direction[i] / pivot
        for k in range(D):
            if k != best:
                part = column_product(g, inv, k)
                if part != 0.0:
                    for i in range(D):
                        inv[i, k] -= part * inv[i, best]
        V.active[best] = code
    return FAILED

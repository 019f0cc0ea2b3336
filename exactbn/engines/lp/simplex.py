"""Small dense linear programs in floating point: they propose, and say what they prove.

The polyhedron is {y : c + A y >= 0, lo <= y <= hi} in D <= some ten dimensions. A vertex is D
active constraints, the inverse of the matrix of their gradients (column j is the edge along which
only constraint j's slack grows, at rate 1), and the point. Constraint r >= 0 is row r; the code
-1 - 2 i is the lower and -2 - 2 i the upper bound of coordinate i.

Pivots use thresholds and prove nothing. What proves are the two functions at the end, which bound
every rounding: see docs/lp_engine.md for the constants.
"""

import numpy as np
from numba import njit

# Results of :func:`maximise`.
OPTIMAL, ABOVE, FAILED = range(3)

# Slopes below these shares of their terms are taken for zero, in proposals only.
_FLAT = 1e-12
_SAME_STEP = 1e-10

_EPS = 2.0**-52
_TINY = 2.0**-900
#: Greatest multiplier: a float that is an integer of 64 bits.
_LARGEST = 2.0**61


@njit(cache=True, error_model="numpy")
def _gradient(code, A, D, g):  # type: ignore[no-untyped-def]
    """Write the gradient of a constraint to g."""
    if code >= 0:
        for i in range(D):
            g[i] = A[code, i]
        return
    for i in range(D):
        g[i] = 0.0
    if (-code) & 1:
        g[(-1 - code) // 2] = 1.0
    else:
        g[(-2 - code) // 2] = -1.0


@njit(cache=True, error_model="numpy")
def _step(  # type: ignore[no-untyped-def]
    direction, length, A, c, norm, m, dead, lo, hi, y, active, k
):
    """Return (t, code): how far y can move along a direction, and the constraint that stops it."""
    D = len(y)
    best, code, steep = np.inf, -1 - 2 * D, 0.0
    for r in range(m):
        if dead[r]:
            continue
        slope, slack = 0.0, c[r]
        for i in range(D):
            slope += A[r, i] * direction[i]
            slack += A[r, i] * y[i]
        share = -slope / (norm[r] * length)
        if share > _FLAT:
            t = max(slack, 0.0) / -slope
            if t < best * (1.0 - _SAME_STEP) or (t <= best * (1.0 + _SAME_STEP) and share > steep):
                if not _among(r, active, k):
                    best, code, steep = min(t, best), r, share
    for i in range(D):
        share = abs(direction[i]) / length
        if share > _FLAT:
            if direction[i] > 0.0:
                t, bound = max(hi[i] - y[i], 0.0) / direction[i], -2 - 2 * i
            else:
                t, bound = max(y[i] - lo[i], 0.0) / -direction[i], -1 - 2 * i
            if t < best * (1.0 - _SAME_STEP) or (t <= best * (1.0 + _SAME_STEP) and share > steep):
                if not _among(bound, active, k):
                    best, code, steep = min(t, best), bound, share
    return best, code


@njit(cache=True, error_model="numpy", inline="always")
def _among(code, active, k):  # type: ignore[no-untyped-def]
    """Return whether a constraint is one of the first k active ones."""
    for j in range(k):
        if active[j] == code:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _invert(active, A, D, inv, G):  # type: ignore[no-untyped-def]
    """Write the inverse of the active gradients to inv; return whether there is one."""
    for j in range(D):
        _gradient(active[j], A, D, G[j])
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


@njit(cache=True, error_model="numpy")
def refresh(active, A, c, lo, hi, y, inv, G):  # type: ignore[no-untyped-def]
    """Compute a vertex anew from its active constraints; return whether it could be."""
    D = len(y)
    if not _invert(active, A, D, inv, G):
        return False
    for i in range(D):
        y[i] = 0.0
    for j in range(D):
        code = active[j]
        if code >= 0:
            value = -c[code]
        elif (-code) & 1:
            value = lo[(-1 - code) // 2]
        else:
            value = -hi[(-2 - code) // 2]
        if value != 0.0:
            for i in range(D):
                y[i] += inv[i, j] * value
    return True


@njit(cache=True, error_model="numpy")
def climb(f, A, c, norm, m, dead, lo, hi, y, inv, active, work):  # type: ignore[no-untyped-def]
    """Move y from an interior point to a vertex, uphill for f while that is possible.

    Each of D steps goes along f less its components on the gradients met so far. Returns whether
    a vertex was reached.
    """
    D = len(y)
    span, direction, g, G = work[:D], work[D], work[D + 1], work[D + 2 :]
    for k in range(D):
        square = 0.0
        for axis in range(-1, D):
            # f itself first; when nothing of it is left, the coordinate with most left.
            size = 0.0
            for i in range(D):
                g[i] = f[i] if axis < 0 else (1.0 if i == axis else 0.0)
                size += g[i] * g[i]
            for _ in range(2):
                for j in range(k):
                    part = 0.0
                    for i in range(D):
                        part += span[j, i] * g[i]
                    for i in range(D):
                        g[i] -= part * span[j, i]
            left = 0.0
            for i in range(D):
                left += g[i] * g[i]
            if axis < 0:
                if left > 1e-12 * size:
                    square = left
                    for i in range(D):
                        direction[i] = g[i]
                    break
            elif left > square:
                square = left
                for i in range(D):
                    direction[i] = g[i]
        if square == 0.0:
            return False
        t, code = _step(direction, np.sqrt(square), A, c, norm, m, dead, lo, hi, y, active, k)
        if t == np.inf:
            return False
        for i in range(D):
            y[i] += t * direction[i]
        active[k] = code
        _gradient(code, A, D, span[k])
        size = 0.0
        for i in range(D):
            size += span[k, i] * span[k, i]
        for _ in range(2):
            for j in range(k):
                part = 0.0
                for i in range(D):
                    part += span[j, i] * span[k, i]
                for i in range(D):
                    span[k, i] -= part * span[j, i]
        left = 0.0
        for i in range(D):
            left += span[k, i] * span[k, i]
        if left <= 1e-20 * size:
            return False
        for i in range(D):
            span[k, i] /= np.sqrt(left)
    return refresh(active, A, c, lo, hi, y, inv, G)


@njit(cache=True, error_model="numpy")
def maximise(  # type: ignore[no-untyped-def]
    f, cf, enough, A, c, norm, m, dead, lo, hi, y, inv, active, work
):
    """Climb from a vertex, along edges, to one where cf + f y is greatest or above ``enough``."""
    D = len(y)
    direction, g = work[0], work[1]
    size = 0.0
    for i in range(D):
        size += f[i] * f[i]
    idle = 0
    for _ in range(40 + 20 * D):
        value = cf
        for i in range(D):
            value += f[i] * y[i]
        if value > enough:
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
        t, code = _step(direction, np.sqrt(length), A, c, norm, m, dead, lo, hi, y, active, D)
        if t == np.inf:
            return FAILED
        idle = idle + 1 if t == 0.0 else 0
        for i in range(D):
            y[i] += t * direction[i]
        _gradient(code, A, D, g)
        pivot = 0.0
        for i in range(D):
            pivot += g[i] * direction[i]
        for i in range(D):
            inv[i, best] = direction[i] / pivot
        for k in range(D):
            if k != best:
                part = 0.0
                for i in range(D):
                    part += g[i] * inv[i, k]
                if part != 0.0:
                    for i in range(D):
                        inv[i, k] -= part * inv[i, best]
        active[best] = code
    return FAILED


@njit(cache=True, error_model="numpy")
def box_proof(  # type: ignore[no-untyped-def]
    f, cf, Nf, Ef, A, c, N, E, lo, hi, inv, active, rows, factors, work
):
    """Find positive integers L_0, L_j with L_0 f + sum L_j row_j <= 0 on the whole box: a proof.

    The multipliers of a vertex where f is greatest, rounded as coarsely as the margin allows. N
    bounds the absolute values of the forms' terms on the box, E their errors. Returns the number
    of rows that are written to ``rows`` and ``factors``, L_0 to factors[-1]; or -1.
    """
    D = len(f)
    g = work[0]
    count, weight = 0, Nf
    for i in range(D):
        g[i] = f[i]
    constant = cf
    for j in range(D):
        r = active[j]
        if r < 0:
            continue
        factor = 0.0
        for i in range(D):
            factor -= f[i] * inv[i, j]
        if factor <= 0.0:
            continue
        rows[count], factors[count] = r, factor
        count += 1
        weight += N[r]
        constant += factor * c[r]
        for i in range(D):
            g[i] += factor * A[r, i]
    margin = -constant
    for i in range(D):
        margin -= max(g[i] * lo[i], g[i] * hi[i])
    if not 0.0 < margin < np.inf or not weight < np.inf:
        return -1
    quantum = 2.0 ** min(np.floor(np.log2(margin / weight)), 0.0)
    if quantum < 1.0 / _LARGEST:
        return -1
    # From here on it is a proof: integers, and a bound of every rounding.
    top = 1.0 / quantum
    constant, error = top * cf, top * Ef
    for i in range(D):
        g[i] = top * f[i]
    kept = 0
    for j in range(count):
        r, factor = rows[j], np.rint(factors[j] * top)
        if factor > _LARGEST:
            return -1
        if factor == 0.0:
            continue
        rows[kept], factors[kept] = r, factor
        kept += 1
        constant += factor * c[r]
        error += factor * E[r]
        for i in range(D):
            g[i] += factor * A[r, i]
    for i in range(D):
        constant += max(g[i] * lo[i], g[i] * hi[i])
    # Not "return -1 if ...": a NaN must prove nothing.
    if constant + (1.0 + 64.0 * _EPS) * error + _TINY <= 0.0:
        factors[D] = top
        return kept
    return -1


@njit(cache=True, error_model="numpy")
def cone_proof(  # type: ignore[no-untyped-def]
    f, Ef, A, E, norm_error, inv, active, is_zero, zero_bound, rows, work
):
    """Prove that f + sum lambda_j row_j = 0 for some positive lambda_j, all constants being 0.

    The D active constraints must be rows (or the bound with code ``zero_bound``, which is a linear
    form too) with ``is_zero`` constants. The exact gradients lie within the errors E of the float
    ones. Their matrix is shown to be invertible and the solution enclosed. Returns D, or -1.
    """
    D = len(f)
    beta, mu, g, h = work[0], work[1], work[2], work[3]
    for j in range(D):
        r = active[j]
        if r < 0:
            if r != zero_bound:
                return -1
        elif not is_zero[r]:
            return -1
    # rho bounds |f - mu G| in the 1-norm, errors included.
    rho = Ef
    for i in range(D):
        h[i] = f[i]
    for j in range(D):
        mu[j] = 0.0
        for i in range(D):
            mu[j] += f[i] * inv[i, j]
    for j in range(D):
        r = active[j]
        if not mu[j] < 0.0:
            return -1
        _gradient(r, A, D, g)
        total = 0.0
        for i in range(D):
            h[i] -= mu[j] * g[i]
            total += abs(g[i])
        rho += abs(mu[j]) * ((norm_error * E[r] if r >= 0 else 0.0) + (D + 4) * _EPS * total)
    for i in range(D):
        rho += abs(h[i]) + (D + 4) * _EPS * abs(f[i])
    for k in range(D):
        largest = 0.0
        for i in range(D):
            largest = max(largest, abs(inv[i, k]))
        beta[k] = 1.0625 * rho * largest
        if not -mu[k] > 2.0 * beta[k]:
            return -1
    # kappa < 1/2 bounds the defect of the inverse, scaled by beta; see docs/lp_engine.md.
    for k in range(D):
        largest = 0.0
        for i in range(D):
            largest = max(largest, abs(inv[i, k]))
        kappa = 0.0
        for j in range(D):
            r = active[j]
            _gradient(r, A, D, g)
            entry, total = 0.0, 0.0
            for i in range(D):
                entry += g[i] * inv[i, k]
                total += abs(g[i] * inv[i, k])
            entry = abs(entry - (1.0 if j == k else 0.0)) + (D + 4) * _EPS * (total + 1.0)
            if r >= 0:
                entry += norm_error * E[r] * largest
            kappa += beta[j] * entry
        if not 2.0 * kappa < 0.9375 * beta[k]:
            return -1
    for j in range(D):
        rows[j] = active[j]
    return D

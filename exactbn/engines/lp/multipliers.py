"""What the basis of a linear program promises, proven in floating point: multipliers of rows.

Every rounding is bounded; docs/lp_engine.md derives the constants.
"""

from typing import NamedTuple

import numpy as np

from exactbn.engines.compiled import kernel
from exactbn.engines.lp.products import (
    add_row,
    column_product,
    column_size,
    copy,
    greatest,
)
from exactbn.engines.lp.simplex import Floats, Ints, gradient

_UNIT = 2.0**-53
# Covers the roundings in a sum of bounds, which has less than 2^30 terms, all positive.
_SUM_OF_BOUNDS = 1.0 + 2.0**-20
# More than all products of a combination of rows can lose to denormal numbers.
_COMBINATION_UNDERFLOW = 2.0**-960
#: Greatest multiplier: a float that is an integer of 64 bits.
_LARGEST = 2.0**61
# Covers the roundings in the bounds of an enclosure, of which none has 2^40 terms.
_ENCLOSURE = 1.0625


class Proof(NamedTuple):
    """Room for the rows of a proof and their multipliers; the last factor is the objective's."""

    rows: Ints  # (D,)
    factors: Floats  # (D + 1,)


@kernel
def box_proof(P, R, objective, V, proof, work):  # type: ignore[no-untyped-def]
    """Find positive integers L_0, L_j with L_0 objective + sum L_j row_j <= 0 on the whole box.

    They are the multipliers of a vertex where the objective is greatest, rounded as coarsely as
    the margin allows. Returns the number of rows that are written to ``proof``, or -1.
    """
    f, inv = objective.f, V.inv
    D = len(f)
    rows, factors, g = proof.rows, proof.factors, work[0, :D]
    count, weight = 0, objective.size
    copy(g, f)
    constant = objective.c
    for j in range(D):
        r = V.active[j]
        if r < 0:
            continue
        factor = -column_product(f, inv, j)
        if factor <= 0.0:
            continue
        rows[count], factors[count] = r, factor
        count += 1
        weight += R.size[r]
        constant += factor * R.c[r]
        add_row(g, factor, R.a, r)
    margin = -greatest(g, P.lo, P.hi, constant)
    if not 0.0 < margin < np.inf or not weight < np.inf:
        return -1
    quantum = 2.0 ** min(np.floor(np.log2(margin / weight)), 0.0)
    if quantum < 1.0 / _LARGEST:
        return -1
    kept, most, error = combine(P, R, objective, 1.0 / quantum, proof, np.int64(count), g)
    # Not "return -1 if ...": a NaN must prove nothing.
    if most + _SUM_OF_BOUNDS * error + _COMBINATION_UNDERFLOW <= 0.0:
        factors[D] = 1.0 / quantum
        return kept
    return -1


@kernel
def combine(P, R, objective, top, proof, count, g):  # type: ignore[no-untyped-def]
    """Return (rows kept, most, error): the proof's factors rounded to multiples of 1 / top.

    Integers from here on. With them ``most`` is the greatest value of the combination of objective
    and rows on the box as computed, but for its last addition wrong by ``error`` at most; infinite
    where a factor is too large. Zero factors are left out of the proof.
    """
    rows, factors, D = proof.rows, proof.factors, len(g)
    # A product of a row is rounded, and so are at most ``count`` additions, the product with a
    # bound of the box, and D - 1 additions more; top is a power of two.
    share = (count + D) * _UNIT
    constant, error = top * objective.c, top * (objective.error + share * objective.size)
    share += _UNIT
    for i in range(D):
        g[i] = top * objective.f[i]
    kept = 0
    for j in range(count):
        r, factor = rows[j], np.rint(factors[j] * top)
        if factor > _LARGEST:
            return -1, np.inf, error
        if factor == 0.0:
            continue
        rows[kept], factors[kept] = r, factor
        kept += 1
        constant += factor * R.c[r]
        error += factor * (R.error[r] + share * R.size[r])
        add_row(g, factor, R.a, r)
    return kept, greatest(g, P.lo, P.hi, constant), error


@kernel
def cone_proof(R, f, error, narrow, zero_bound, V, rows, work):  # type: ignore[no-untyped-def]
    """Prove that f + sum lambda_j row_j = 0 for some positive lambda_j, all constants being 0.

    The D active constraints must be rows with constants that are zero, or the bound with code
    ``zero_bound``, which is a linear form too. The exact gradients lie within ``narrow`` times the
    errors of the rows from the float ones, in the 1-norm, and that of f within ``error``. Their
    matrix is shown to be invertible and the solution enclosed. Returns D, or -1.
    """
    D, inv, active = len(f), V.inv, V.active
    beta, mu, g, h = work[0, :D], work[1, :D], work[2, :D], work[3, :D]
    for j in range(D):
        r = active[j]
        if r < 0:
            if r != zero_bound:
                return -1
        elif not R.is_zero[r]:
            return -1
    # rho bounds |f - mu G| in the 1-norm, errors included: each rounding is at most u times what
    # it gives.
    rho, lost = error + _COMBINATION_UNDERFLOW, 0.0
    copy(h, f)
    for j in range(D):
        mu[j] = column_product(f, inv, j)
        if not mu[j] < 0.0:
            return -1
        gradient(active[j], R.a, g)
        for i in range(D):
            product = mu[j] * g[i]
            h[i] -= product
            lost += abs(product) + abs(h[i])
        if active[j] >= 0:
            rho += abs(mu[j]) * (narrow * R.error[active[j]])
    for i in range(D):
        rho += abs(h[i])
    rho += _UNIT * lost
    for k in range(D):
        beta[k] = _ENCLOSURE * rho * column_size(inv, k)
        if not -mu[k] > 2.0 * beta[k]:
            return -1
    # kappa < 1/2 bounds the defect of the inverse, scaled by beta; see docs/lp_engine.md.
    for k in range(D):
        largest, kappa = column_size(inv, k), 0.0
        for j in range(D):
            r = active[j]
            gradient(r, R.a, g)
            entry, lost = 0.0, 0.0
            for i in range(D):
                product = g[i] * inv[i, k]
                entry += product
                lost += abs(product) + abs(entry)
            entry = abs(entry - (1.0 if j == k else 0.0)) + _UNIT * lost + _COMBINATION_UNDERFLOW
            if r >= 0:
                entry += narrow * R.error[r] * largest
            kappa += beta[j] * entry
        if not 2.0 * kappa < 0.9375 * beta[k]:
            return -1
    for j in range(D):
        rows[j] = active[j]
    return D

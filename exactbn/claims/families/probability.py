"""Claims about random hyperplanes: laws that have a closed form, tested on samples.

Weights are independent standard normal numbers, drawn by torch from an explicit seed on the CPU, so
that they are the same everywhere. Sample sizes and levels are fixed here, before any run.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from operator import add

import numpy as np
from flint import arb, fmpq
from numpy.typing import NDArray

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_fraction
from exactbn.errors import HypothesisError
from exactbn.exact.rational import dot

#: Family-wise level of all statistical tests of this family, and how many there are (Bonferroni).
ALPHA = 0.01
TESTS = 12

#: Samples of a test, for a quick look and in full.
FEW, MANY = 100_000, 4_000_000
_CHUNK = 100_000

_RIEDI = "Riedi et al. 2026"

Floats = NDArray[np.float64]


def normal_rows(count: int, columns: int, seed: int) -> Sequence[Floats]:
    """Return standard normal numbers, shape (count, columns) in chunks, from a seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    sizes = [min(_CHUNK, count - start) for start in range(0, count, _CHUNK)]
    return [
        torch.randn(size, columns, generator=generator, dtype=torch.float64).numpy()
        for size in sizes
    ]


def separations(
    u: Sequence[float], v: Sequence[float], count: int, seed: int
) -> tuple[int, int]:
    """Return how many random hyperplanes through 0 have u and v strictly on both sides, of "
    "``count``.

    The second number counts those with a float too near to zero to have a certain sign.
    """
    hits = unsure = 0
    points = np.array([u, v])
    room = 2.0**-40 * float(np.abs(points).max())
    for rows in normal_rows(count, len(u), seed):
        values = rows @ points.T
        unsure += int((np.abs(values) <= room).any(axis=1).sum())
        hits += int((values[:, 0] * values[:, 1] < 0).sum())
    return hits, unsure


def angle(u: Sequence[float], v: Sequence[float]) -> float:
    """Return the angle between two vectors."""
    a, b = np.array(u), np.array(v)
    return math.acos(float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)))


def clopper_pearson(hits: int, count: int, level: float) -> tuple[float, float]:
    """Return the exact two-sided confidence interval of a probability."""
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(1 - level, method="exact")
    return float(interval.low), float(interval.high)


def p_value(hits: int, count: int, probability: float) -> float:
    """Return the p-value of the exact two-sided binomial test."""
    from scipy.stats import binomtest

    return float(binomtest(hits, count, probability).pvalue)


@claim(
    "K11",
    "probability",
    "random units separate two points with probability angle / pi",
    statement="""For w normal with independent entries of one variance, the unit w . (x - g)
    separates u and v with probability angle(u - g, v - g) / pi; with zero bias g is the origin;
    with normal bias of standard deviation b and weights of s, it is the angle between (u, b/s)
    and (v, b/s). So the codes of u and v under n units differ in a Binomial(n, p) number of
    places. A hyperplane through g is within eps of x with probability I_{(eps/rho)^2}(1/2, (d -
    1)/2), rho = |x - g|.""",
    assumptions="independent normal weights; g fixed, or the batch mean of data independent of w.",
    source=f"{_RIEDI}, Lemma 1, and its corollaries",
    method="exact binomial tests of four laws on fixed seeds, Bonferroni",
    expected=Status.STATISTICAL,
)
def separation_law(effort: Effort) -> Verdict:
    """Test four closed forms."""
    from scipy.special import betainc

    count, level = effort.of(FEW, MANY), ALPHA / TESTS
    u, v, g = (1.0, 2.0, 0.5), (-0.5, 1.0, 2.0), (0.5, 0.25, 0.75)
    pairs = {
        "BN": [[a - c for a, c in zip(x, g, strict=True)] for x in (u, v)],
        "zero bias": [list(u), list(v)],
        "normal bias": [[*u, 0.5], [*v, 0.5]],
    }
    results, details, unsure = [], {}, 0
    for seed, (name, (a, b)) in enumerate(pairs.items(), start=1101):
        hits, ties = separations(a, b, count, seed)
        unsure += ties
        results.append((name, hits, angle(a, b) / math.pi))
    x = np.array(pairs["BN"][0])
    eps, rho = 0.25, float(np.linalg.norm(x))
    near = sum(
        int((np.abs(rows @ x) <= eps * np.linalg.norm(rows, axis=1)).sum())
        for rows in normal_rows(count, 3, 1104)
    )
    results.append(("within eps", near, float(betainc(0.5, 1.0, (eps / rho) ** 2))))
    least = 1.0
    for name, hits, probability in results:
        p = p_value(hits, count, probability)
        least = min(least, p)
        details[name] = f"{hits} of {count}, expected {probability:.6f}, p = {p:.3g}"
    if least < level:
        return Verdict(
            Status.REFUTED, "a law is not met", 0, details, p_value=least, alpha=level
        )
    return Verdict(
        Status.STATISTICAL,
        f"Four laws, {count} units each: no p-value is below the level. {unsure} values were too "
        "near to zero for a float.",
        details=details,
        p_value=least,
        alpha=level,
    )


@claim(
    "K12",
    "probability",
    "a centred unit rarely cuts two clusters",
    statement="""Let U and V be K points each within delta of u and v, g = (u + v)/2, r = |u -
    v|/2 and kappa = r/delta - 1 >= 1. A random hyperplane through g fails to separate U from V
    with probability at most (2/pi) (2K - 1) / kappa.""",
    assumptions="clusters of equal size, u and v their means, independent normal weights.",
    source=f"{_RIEDI}, Theorem 2",
    method="upper Clopper-Pearson limit of the failures on fixed seeds, for three shapes, against "
    "the bound",
    expected=Status.STATISTICAL,
)
def cluster_bound(effort: Effort) -> Verdict:
    """Compare confidence limits with the bound."""
    count, level = effort.of(FEW, MANY // 4), 2 * ALPHA / TESTS
    details = {}
    for number, (points, delta, dim) in enumerate([(2, 0.1, 2), (3, 0.02, 5), (5, 0.01, 20)]):
        rng = np.random.default_rng(1200 + number)
        shifts = rng.standard_normal((2, points, dim))
        shifts -= shifts.mean(axis=1, keepdims=True)
        shifts *= delta / np.linalg.norm(shifts, axis=2).max()
        center = np.zeros(dim)
        center[0] = 1.0
        upper, lower = shifts[0] + center, shifts[1] - center
        failures = 0
        for rows in normal_rows(count, dim, 1210 + number):
            a, b = rows @ upper.T, rows @ lower.T
            apart = ((a > 0).all(1) & (b < 0).all(1)) | ((a < 0).all(1) & (b > 0).all(1))
            failures += int((~apart).sum())
        limit = clopper_pearson(failures, count, level)[1]
        bound = 2 / math.pi * (2 * points - 1) / (1 / delta - 1)
        details[f"K = {points}, delta = {delta}, d = {dim}"] = (
            f"{failures} of {count} fail, at most {limit:.5f} with confidence, bound {bound:.5f}"
        )
        if limit > bound:
            return Verdict(Status.OPEN, "a limit is above the bound", 0, details, alpha=level)
    return Verdict(
        Status.STATISTICAL,
        "The upper confidence limits of the failures are below the bound in all three shapes.",
        details=details,
        alpha=level,
    )


def disc_bound(k: int, t: float) -> float:
    """Return the least upper bound that the theorem gives for the separation of two discs."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    s = t * math.sqrt((2 * k - 1) / (2 * k - t * t))

    def bound(eps: float) -> float:
        theta = 2 * math.exp(-(2 * k - 1) / 2 * (eps**2 / 2 - eps**3 / 3))
        return float(2 * norm.sf(s * math.sqrt(1 - eps)) + theta)

    return float(minimize_scalar(bound, bounds=(1e-6, 0.999), method="bounded").fun)


def disc_probability(k: int, c: float) -> float:
    """Return the exact probability that a hyperplane through the middle separates two discs.

    Discs of dimension k, orthogonal to the axis, of radius c times half the distance.
    """
    from scipy.special import betainc

    return float(1 - betainc(0.5, k / 2, c * c / (1 + c * c)))


def low_bound(instance: Instance) -> str | None:
    """Return why the bound of F7 is below the probability, proven by interval arithmetic, or None.

    The instance has K, ratio = delta / r, and the eps of the bound.
    """
    k, ratio, eps = (instance.number(name) for name in ("K", "ratio", "eps"))
    if k.denominator != 1 or k < 1 or not 0 < ratio < 1 or not 0 < eps < 1:
        raise HypothesisError("expected K >= 1, 0 < ratio < 1 and 0 < eps < 1")
    square = ratio * ratio  # s^2 = 2 K ratio^2 (2 K - 1) / (2 K - 2 K ratio^2)
    s_square = square * (2 * k - 1) / (1 - square)
    share = _enclosed(square / (1 + square)).beta_lower(arb(0.5), _enclosed(k / 2), 1)
    theta = 2 * _enclosed(-(2 * k - 1) / 2 * (eps**2 / 2 - eps**3 / 3)).exp()
    bound = _enclosed(s_square * (1 - eps) / 2).sqrt().erfc() + theta
    if not 1 - share > bound:
        return None
    return (
        f"K = {k}, delta/r = {ratio}: discs are separated with probability "
        f"{(1 - share).str(4, radius=False)}, and with eps = {eps} the bound is "
        f"{bound.str(4, radius=False)}"
    )


def _enclosed(t: Fraction) -> arb:
    """Return a rational as an interval of arb."""
    return arb(fmpq(t.numerator, t.denominator))


def draw_discs(rng: random.Random) -> Instance:
    """Return a dimension, a radius and a free number of the bound."""
    k, n, twentieths = rng.randint(20, 400), rng.randint(5, 30), rng.randint(1, 19)
    numbers = {"K": Fraction(k), "ratio": Fraction(1, n), "eps": Fraction(twentieths, 20)}
    return Instance(None, (), numbers)


@claim(
    "F7",
    "probability",
    "the published upper bound for separating two discs",
    statement="""For two K-dimensional discs of radius delta <= r orthogonal to the axis through
    their centres, t = (delta/r) sqrt(2K), s = t sqrt((2K - 1)/(2K - t^2)), 0 < eps < 1 and theta
    = 2 exp(-(2K - 1)/2 (eps^2/2 - eps^3/3)), a random hyperplane through the middle separates
    them with probability at most P(|Z| > s sqrt(1 - eps)) + theta.""",
    assumptions="independent normal weights; discs, as stated, not balls of dimension 2K.",
    source=f"{_RIEDI}, Theorem 3",
    method="a stored counterexample, by the closed form of the probability in interval arithmetic; "
    "besides, the lower Clopper-Pearson limit on fixed seeds against the least bound over eps",
    expected=Status.REFUTED,
    violation=low_bound,
    propose=draw_discs,
)
def disc_separation(effort: Effort) -> Verdict:
    """Sample the separation of two discs at t = 1."""
    count, level, k = effort.of(20_000, 400_000), ALPHA / TESTS, 200
    c = 1 / math.sqrt(2 * k)
    hits = 0
    for rows in normal_rows(count, 1 + k, 1700):
        # The disc spans the last k axes; its support in direction w is delta |w on these axes|.
        hits += int((np.abs(rows[:, 0]) > c * np.linalg.norm(rows[:, 1:], axis=1)).sum())
    low, high = clopper_pearson(hits, count, level)
    bound, exact = disc_bound(k, 1.0), disc_probability(k, c)
    details = {
        "separated": f"{hits} of {count}",
        "closed form": f"{exact:.5f}",
        "least bound over eps": f"{bound:.5f}",
    }
    if low <= bound:
        return Verdict(Status.OPEN, "the interval does not exceed the bound", 0, details)
    sampled = (
        f"Sampled, with K = {k} and delta/r = 1/sqrt(2K), it is at least {low:.4f} with confidence "
        f"{1 - level:.5f} (closed form {exact:.4f}), and the bound says at most {bound:.4f}. It "
        "holds for balls of dimension 2K."
    )
    verdict = refuted("F7", low_bound, sampled, details=details)
    return replace(verdict, interval=(low, high), alpha=level)


def same_angle(instance: Instance) -> str | None:
    """Return why a pair of points is as likely to be separated in a higher dimension, or None.

    The instance is a point, and ``d``: the pair is the point and its mirror image, which has the
    coordinates in reverse, first as they are, then with zeros appended up to d. By K11 the
    probability is a function of the angle.
    """
    size = instance.number("d")
    if len(instance.data) != 1 or size.denominator != 1 or size > 4096:
        raise HypothesisError("expected one point, and a whole number d of at most 4096")
    u = instance.data[0]
    v, zeros = u[::-1], (Fraction(0),) * (int(size) - len(u))
    if not zeros or u == v or not any(map(add, u, v)):
        raise HypothesisError("expected a greater d, and two points whose middle is not 0")
    low, high = (dot(x, y) / dot(x, x) for x, y in ((u, v), (u + zeros, v + zeros)))
    if low != high:
        return None
    return (
        f"the cosine of the angle is {low} in dimension {len(u)} and in dimension {size}, and the "
        "probability a function of it"
    )


def draw_mirrored(rng: random.Random) -> Instance:
    """Return a point of the plane and a dimension."""
    point = (draw_fraction(rng), draw_fraction(rng))
    return Instance(None, (point,), {"d": Fraction(rng.randint(3, 256))})


@claim(
    "F8",
    "probability",
    "without BN, separation is exponentially unlikely in high dimension",
    statement="""For u and v with midpoint m != 0 and half distance r, u - v orthogonal to m, a
    zero-bias unit with normal weights separates them with a probability that falls exponentially
    in the dimension.""",
    assumptions="none is stated; r / |m| is fixed.",
    source=f"{_RIEDI}, section 3, as commonly read",
    method="a stored counterexample: by K11 the probability is (2/pi) arctan(r/|m|) in every "
    "dimension; exact binomial tests in dimensions 2 and 256",
    expected=Status.REFUTED,
    violation=same_angle,
    propose=draw_mirrored,
)
def zero_bias_separation(effort: Effort) -> Verdict:
    """Test that the probability does not depend on the dimension."""
    count, level = effort.of(20_000, 400_000), ALPHA / TESTS
    expected = 2 / math.pi * math.atan(0.5)
    details, lowest = {}, 1.0
    for dim in (2, 256):
        u, v = ([2.0, sign] + [0.0] * (dim - 2) for sign in (1.0, -1.0))
        hits, _ = separations(u, v, count, 1800 + dim)
        p = p_value(hits, count, expected)
        details[f"dimension {dim}"] = f"{hits} of {count}, expected {expected:.5f}, p = {p:.3g}"
        lowest = min(lowest, p)
    if lowest < level:
        return Verdict(Status.OPEN, "the law is not met", 0, details, p_value=lowest, alpha=level)
    law = (
        f"With r/|m| = 1/2 one unit separates with probability {expected:.4f} in every dimension; "
        "it falls like r/|m|, not exponentially."
    )
    return replace(refuted("F8", same_angle, law, details=details), p_value=lowest, alpha=level)


def empty_bound(instance: Instance) -> str | None:
    """Return why the bound of K12 says nothing about an instance, or None."""
    k, r, delta = (instance.number(name) for name in ("K", "r", "delta"))
    if k.denominator != 1 or k < 1 or delta <= 0 or r < 2 * delta:
        raise HypothesisError("expected K >= 1, delta > 0 and r >= 2 delta")
    kappa = r / delta - 1
    # (2/pi) (2K - 1) / kappa >= 1 follows from pi < 22/7.
    if 2 * (2 * k - 1) < Fraction(22, 7) * kappa:
        return None
    return f"K = {k} and kappa = {kappa}: the bound (2/pi) (2K - 1)/kappa is at least 1"


def draw_clusters(rng: random.Random) -> Instance:
    """Return a cluster size, a half distance and a radius."""
    delta = abs(draw_fraction(rng)) + 1
    numbers = {"K": Fraction(rng.randint(1, 9)), "r": delta * rng.randint(2, 20), "delta": delta}
    return Instance(None, (), numbers)


@claim(
    "F9",
    "probability",
    "the bound for two clusters says something about all of them",
    statement="""For all clusters of K points each within delta of their means, r >= 2 delta, the
    bound (2/pi) (2K - 1) / kappa of K12 is below 1.""",
    assumptions="none is stated.",
    source=f"{_RIEDI}, Theorem 2, as commonly read",
    method="exact counterexample; the bound is below 1 if and only if 2K - 1 < (pi/2) kappa",
    expected=Status.NEEDS,
    violation=empty_bound,
    propose=draw_clusters,
)
def vacuous_bound(effort: Effort) -> Verdict:
    """Replay the counterexample, and check the condition on random numbers."""
    rng, checked = random.Random(9), 0
    for _ in range(effort.of(200, 5000)):
        numbers = draw_clusters(rng).numbers
        kappa = numbers["r"] / numbers["delta"] - 1
        # With pi > 3, 2K - 1 < (3/2) kappa suffices for a bound below 1.
        if 2 * (2 * numbers["K"] - 1) < 3 * kappa:
            if empty_bound(Instance(None, (), numbers)) is not None:
                return Verdict(Status.REFUTED, "the condition is not sufficient")
            checked += 1
    return refuted(
        "F9",
        empty_bound,
        "It needs many radii between the clusters, growing with the number of points; clusters of "
        "equal size besides, for else the mean is not the midpoint.",
        instances=checked,
        assumption="2K - 1 < (pi/2) (r/delta - 1)",
    )

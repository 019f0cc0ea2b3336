"""Claims about random units: what they separate, by closed forms in interval arithmetic.

Nothing is sampled here. Numbers are enclosed by intervals that hold the true value, so that a
comparison of them proves what it says.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from flint import acb, arb, fmpq

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_fraction, draw_matrix
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Vector, dot

_RIEDI = "Riedi et al. 2026"


def enclosed(t: Fraction | int) -> arb:
    """Return a rational as an interval."""
    value = Fraction(t)
    return arb(fmpq(value.numerator, value.denominator))


def short(value: arb) -> str:
    """Return the digits of an interval that are certain, at most five."""
    return str(value.str(5, radius=False))


def less(u: Vector, v: Vector) -> Vector:
    """Return u - v."""
    return tuple(a - b for a, b in zip(u, v, strict=True))


def separation(a: Vector, b: Vector) -> arb:
    """Return angle(a, b) / pi, for a, b != 0: the probability of K11."""
    product, lengths = dot(a, b), dot(a, a) * dot(b, b)
    if lengths == 0:
        raise HypothesisError("expected two vectors that are not zero")
    if product * product == lengths:
        return arb(0) if product > 0 else arb(1)
    return (enclosed(product) / enclosed(lengths).sqrt()).acos() / arb.pi()


def closeness(d: int, ratio: Fraction) -> arb:
    """Return I_{ratio^2}(1/2, (d - 1)/2) for d >= 2 and 0 < ratio <= 1."""
    return enclosed(ratio**2).beta_lower(arb(0.5), enclosed(Fraction(d - 1, 2)), 1)


def _arcs(a: Vector, b: Vector) -> arb:
    """Return the share of the directions of the plane through a and b that separate them.

    In an orthonormal basis of the plane a is (p, 0) and b is (q, s), s > 0. A direction at angle t
    has the signs of p cos t and q cos t + s sin t; they change at four angles, and on each of the
    four arcs between them a direction in the middle is asked.
    """
    p = enclosed(dot(a, a)).sqrt()
    q = enclosed(dot(a, b)) / p
    s = (enclosed(dot(b, b)) - q * q).sqrt()
    pi, share = arb.pi(), arb(0)
    first = arb.atan2(-q, s)  # in (-pi/2, pi/2): where q cos t + s sin t = 0
    cuts = sorted([-pi / 2, first, pi / 2, first + pi, 3 * pi / 2], key=float)
    for low, high in zip(cuts, cuts[1:]):
        t = (low + high) / 2
        product = p * t.cos() * (q * t.cos() + s * t.sin())
        if product < 0:
            share += (high - low) / (2 * pi)
        elif not product > 0:
            raise HypothesisError("the vectors are too near to parallel for these intervals")
    return share


def law_violation(instance: Instance) -> str | None:
    """Return in which law a direct computation differs from the closed form.

    The data are u, v and g; with a number ``bias`` (its standard deviation over that of the
    weights) in place of g; ``eps`` is how near to u.
    """
    if len(instance.data) != 3 or len(instance.data[0]) < 2:
        raise HypothesisError("expected u, v and g in dimension d >= 2")
    u, v, g = instance.data
    eps, bias = instance.number("eps"), instance.number("bias", Fraction(0))
    a, b = (u + (bias,), v + (bias,)) if bias else (less(u, g), less(v, g))
    if not any(a) or not any(b) or not 0 < eps or eps**2 > dot(a, a):
        raise HypothesisError("expected u, v != g and 0 < eps <= |u - g|")
    if dot(a, b) ** 2 != dot(a, a) * dot(b, b) and not _arcs(a, b).overlaps(separation(a, b)):
        return "the separating directions of the plane are another share than angle / pi"
    d, square = len(a), eps**2 / dot(a, a)
    limit = enclosed(square).sqrt().asin() if square < 1 else arb.pi() / 2

    def zone(end: arb) -> arb:
        return acb.integral(lambda t, _: t.cos() ** (d - 2), 0, acb(end)).real

    share = zone(limit) / zone(arb.pi() / 2)
    form = enclosed(square).beta_lower(arb(0.5), enclosed(Fraction(d - 1, 2)), 1)
    if not share.overlaps(form):
        return f"d = {d}: the zone has the share {short(share)} of the sphere, not {short(form)}"
    return None


def draw_pair(rng: random.Random) -> Instance:
    """Return two points, a third one or a bias, and a distance."""
    numbers = {"eps": abs(draw_fraction(rng, 6)) + Fraction(1, 9)}
    if rng.random() < 0.3:
        numbers["bias"] = abs(draw_fraction(rng)) + 1
    return Instance(None, draw_matrix(rng, 3, rng.randint(2, 6), 5), numbers)


@claim(
    "K11",
    "probability",
    "random units separate two points with probability angle / pi",
    statement="""Let w be normal with independent entries of one variance, d >= 2, and u, v != g.
    (a) The unit w . (x - g) has u and v strictly on different sides with probability angle(u - g, v
    - g) / pi; with zero bias g is the origin; with an independent normal bias, b > 0 its standard
    deviation over that of the weights, it is the angle between (u, b) and (v, b). (b) The codes of
    u and v under n independent units differ in a Binomial(n, p) number of places. (c) For 0 < eps
    <= rho = |u - g| the hyperplane of the unit is within eps of u with probability
    I_{(eps/rho)^2}(1/2, (d - 1)/2), I the regularized incomplete beta function; for eps >= rho with
    probability 1.""",
    assumptions="d >= 2; u, v != g, but for the bias; normal weights, or, but for the bias, any "
    "law of w != 0 that rotations do not change; g fixed, or the mean of data that are independent "
    "of w.",
    source=f"{_RIEDI}, Lemma 1, and its corollaries",
    method="proof by rotation invariance; both closed forms against arcs and integrals in interval "
    "arithmetic",
    expected=Status.PROVED,
    violation=law_violation,
    propose=draw_pair,
    answers=("S1", "S2"),
    proof="""Rotations do not change the law of w, and w . a = 0 has probability 0 for every a != 0.
    (a) Let a = u - g and b = v - g. The signs of w . a and w . b depend only on the projection of w
    to a plane that holds a and b. Rotations of that plane extend to rotations of the space, so the
    direction of the projection is uniform on a circle. If a and b make the angle t, the directions
    with w . a > 0 > w . b are an arc of length t: the half circle of the one inequality, turned by
    t, is the complement of the other's. So are those with w . a < 0 < w . b, and 2 t / (2 pi) = t /
    pi. For parallel a and b the same holds with t = 0 or pi. With a bias, (w, bias / b) is normal
    with independent entries of one variance in dimension d + 1, and w . u + bias is its product
    with (u, b), which is not 0. (b) The units are independent, and each differs with probability p.
    (c) The distance of u to {w . (x - g) = 0} is |w . a| / |w| = rho |e . s|, with s = w / |w|
    uniform on the sphere and e = a / rho. For d >= 2 the square of a coordinate of a uniform
    direction is X / (X + Y) with X and Y independent chi-square of 1 and d - 1 degrees of freedom,
    which is Beta(1/2, (d - 1)/2). For d = 1 the distance is always rho. If g is the mean of data
    that are independent of w, all of this holds given the data.""",
)
def separation_law(effort: Effort) -> Verdict:
    """Compare both closed forms with direct computations, in intervals."""
    seen = survey(law_violation, draw_pair, random.Random(11), effort.of(60, 2000))
    return seen.failure or Verdict(
        Status.PROVED,
        "Only the plane through the two points matters, and in it all directions are equally "
        f"likely; arcs and integrals agree with the closed forms in {seen.count} cases, dimensions "
        "2 to 7.",
        seen.count,
        {
            "d = 2 in (c)": "I_{q^2}(1/2, 1/2) = (2/pi) arcsin q",
            "nine points at radius 1/100 and one at (100, 0), within 1/10, d = 2": _far_point(),
        },
    )


def _far_point() -> str:
    """Return the mean probabilities of K11 (c) through the origin and through the mean (10, 0).

    The nine points are equally spaced on their circle, one of them at (1/100, 0).
    """
    near, ratio = Fraction(1, 10), 2 / arb.pi()
    origin = (9 + ratio * enclosed(near / 100).asin()) / 10
    total = ratio * enclosed(near / 90).asin()
    for k in range(9):
        turn = 2 * arb.pi() * k / 9
        x, y = turn.cos() / 100 - 10, turn.sin() / 100
        total += ratio * (enclosed(near) / (x * x + y * y).sqrt()).asin()
    return f"{short(origin)} with zero bias, {short(total / 10)} centred, in the mean over the data"


def union_bound(k: int, ratio: Fraction) -> arb:
    """Return (2 K / pi) arcsin(delta / r), the bound of K12."""
    return 2 * k * enclosed(ratio).asin() / arb.pi()


def published_bound(k: int, ratio: Fraction) -> arb:
    """Return (2/pi) (2 K - 1) / kappa with kappa = r / delta - 1."""
    return 2 * (2 * k - 1) / (enclosed(1 / ratio - 1) * arb.pi())


def orthogonal_clusters(k: int, ratio: Fraction) -> arb:
    """Return the probability of failure of 2 K points in orthogonal directions, d > 2 K.

    Each point is as far off the axis e as its ball allows, at sin(angle) = ratio, towards a
    direction f_i of its own. With w . e = Z and w . f_i = Z_i independent, the value at a point,
    turned round for those of V, has the sign of Z / tan(angle) + Z_i, and the unit succeeds if
    these signs are all equal, whichever they are. So it does with probability
    2 int_0^inf phi(z) (Phi(z / tan)^(2 K) + (1 - Phi(z / tan))^(2 K)) dz; what lies beyond z = 12
    is less than 10^-30. For K = 1 the angle between the two points, one turned round, gives the
    same by K11.
    """
    tan = enclosed(ratio) / enclosed(1 - ratio**2).sqrt()
    root = arb(2).sqrt()

    def integrand(z: acb, _: bool) -> acb:
        density = (-z * z / 2).exp() / (2 * arb.pi()).sqrt()
        below = (1 + (z / (tan * root)).erf()) / 2
        return density * (below ** (2 * k) + (1 - below) ** (2 * k))

    inner = acb.integral(integrand, 0, 12).real
    return 1 - 2 * inner + arb(0, 1e-30)


def cluster_violation(instance: Instance) -> str | None:
    """Return how two clusters fail the proof of K12 or its bound.

    The data are u, v, then the points of U and as many of V; ``delta`` is the radius. In the plane
    the probability of failure is known: the points, seen from g and those of V turned round, make
    angles with the axis, and a line fails exactly if it meets the least interval that holds them.
    """
    data, delta = instance.data, instance.number("delta")
    if len(data) < 4 or len(data) % 2 or len(data[0]) < 2:
        raise HypothesisError("expected u, v, and as many points of U as of V, in dimension >= 2")
    u, v, *points = data
    k, axis = len(points) // 2, tuple(t / 2 for t in less(u, v))
    middle, square = less(u, axis), dot(axis, axis)
    if not 0 < delta**2 < square:
        raise HypothesisError("expected 0 < delta < r")
    ends: list[arb] = []
    for i, x in enumerate(points):
        off = less(x, u if i < k else v)
        if dot(off, off) > delta**2:
            raise HypothesisError("a point is farther than delta from its centre")
        seen = less(x, middle) if i < k else less(middle, x)
        along = dot(seen, axis)
        if along <= 0 or along**2 < (square - delta**2) * dot(seen, seen):
            return f"point {i + 1} is farther off the axis than arcsin(delta / r)"
        if len(u) == 2:
            across = axis[0] * seen[1] - axis[1] * seen[0]
            ends.append(arb.atan2(enclosed(across), enclosed(along)))
    bound = 2 * k * (enclosed(delta) / enclosed(square).sqrt()).asin() / arb.pi()
    if ends and _spread(ends) > bound:
        return f"a line fails with probability {short(_spread(ends))}, the bound is {short(bound)}"
    kappa = enclosed(square).sqrt() / enclosed(delta) - 1
    if kappa >= 1 and not bound < 2 * (2 * k - 1) / (kappa * arb.pi()):
        return "the bound is not below the published one"
    return None


def _spread(angles: Sequence[arb]) -> arb:
    """Return the length of the least interval that holds the angles, at least one, over pi."""
    return (reduce(arb.max, angles) - reduce(arb.min, angles)) / arb.pi()


def draw_cluster_pair(rng: random.Random) -> Instance:
    """Return two centres, points near them, and a radius that holds the points."""
    d, k = rng.randint(2, 5), rng.randint(1, 4)
    u, v = draw_matrix(rng, 2, d, 9)
    delta = Fraction(rng.randint(1, 6))
    shifts = draw_matrix(rng, 2 * k, d, rng.randint(1, 3))
    points = [
        tuple(s + t / 2 for s, t in zip(u if i < k else v, shift, strict=True))
        for i, shift in enumerate(shifts)
    ]
    return Instance(None, (u, v, *points), {"delta": delta})


@claim(
    "K12",
    "probability",
    "a centred unit rarely cuts two clusters: a union bound, below the published one",
    statement="""Let U and V be K points each within delta > 0 of u and v, g = (u + v)/2 and r = |u
    - v|/2 > delta. A random hyperplane through g fails to separate U from V with probability at
    most (2K/pi) arcsin(delta/r), and also at most I_{(delta/r)^2}(1/2, (d - 1)/2) whatever K is.
    For kappa = r/delta - 1 >= 1 the first is below the published (2/pi) (2K - 1)/kappa, and its
    share of it tends to K/(2K - 1) as delta/r falls: to 1 for K = 1, to about a half for large
    K.""",
    assumptions="g is the middle of u and v, as it is for clusters of equal size with the means u "
    "and v; nothing else is assumed of the means. Normal weights, or any law of w != 0 that "
    "rotations do not change, independent of the data; d >= 2.",
    source=f"{_RIEDI}, Theorem 2, has the bound (2/pi) (2K - 1)/kappa",
    method="proof by K11 and a union bound; the angles exactly, in the plane the probability "
    "itself, in interval arithmetic",
    expected=Status.PROVED,
    violation=cluster_violation,
    propose=draw_cluster_pair,
    answers=("S1", "S2"),
    proof="""Let e = (u - v)/(2r), so u - g = r e and v - g = -r e. If the hyperplane does not
    separate, then w . (x - g) and w . (u - g) have not the same strict sign for some x of U, or w .
    (x - g) and w . (v - g) have not for some x of V: else all of U is on the side of u and all of V
    on that of v, which is the other one, as v - g = -(u - g). For one point of U this has by K11
    the probability angle(x - g, u - g)/pi. As x - g = r e + t with |t| <= delta < r, x lies in a
    ball of radius delta around a point at distance r from g, which is seen from g within the angle
    arcsin(delta/r). There are 2K points, which gives the first bound. For the second: the unit
    separates the balls themselves if |w . e| r > delta |w|, since w . t >= -delta |w|; that fails
    with the probability of K11 (c) at eps = delta, rho = r. With q = delta/r <= 1/2, arcsin q <
    tan(arcsin q) = q / sqrt(1 - q^2) < q/(1 - q) = 1/kappa, and K <= 2K - 1; and arcsin q / (q/(1 -
    q)) tends to 1. How far from exact: for K = 1 the first bound is attained, by an x of U at the
    angle arcsin q off the axis and its mirror image in the hyperplane through g orthogonal to the
    axis, both on the same side of the axis: turned round at g, the image lies on the other side. In
    the plane the second is (2/pi) arcsin q, attained for every K, so the first is K times too large
    there. In space the truth for the worst clusters lies between (2/pi) arcsin q and the lesser of
    the two bounds; the table has clusters in orthogonal directions, whose probability is known.""",
)
def cluster_bound(effort: Effort) -> Verdict:
    """Check every step on exact clusters, and tell how far the bound is from exact."""
    seen = survey(cluster_violation, draw_cluster_pair, random.Random(12), effort.of(60, 2000))
    details = {}
    for k, q, d in ((1, (1, 10), 3), (2, (1, 10), 2), (2, (1, 10), 5), (3, (1, 50), 7),
                    (5, (1, 100), 20), (50, (1, 100), 101)):  # fmt: skip
        ratio = Fraction(*q)
        orthogonal = (
            f"{short(orthogonal_clusters(k, ratio))} for orthogonal directions" if d > 2 * k
            else f"{short(2 * enclosed(ratio).asin() / arb.pi())} for the worst clusters"
        )
        published = short(published_bound(k, ratio))
        details[f"K = {k}, delta/r = {ratio}, d = {d}"] = (
            f"{orthogonal}, at most {short(union_bound(k, ratio))} by the union bound and "
            f"{short(closeness(d, ratio))} by the balls; published {published}"
        )
    return seen.failure or Verdict(
        Status.PROVED,
        "Each of the 2K points is seen from the middle within arcsin(delta/r) of the axis, and a "
        f"hyperplane fails only if it meets one of these angles; {seen.count} exact pairs of "
        "clusters agree.",
        seen.count,
        details,
    )


def range_violation(instance: Instance) -> str | None:
    """Return how the ranges of the bounds of K12 are other than F9 says."""
    k, r, delta = (instance.number(name) for name in ("K", "r", "delta"))
    if k.denominator != 1 or k < 1 or delta <= 0 or r < 2 * delta:
        raise HypothesisError("expected K >= 1, delta > 0 and r >= 2 delta")
    ratio, count = delta / r, int(k)
    published, union = published_bound(count, ratio), union_bound(count, ratio)
    half = (arb.pi() / (2 * count)).sin()
    if published < 1 and not union < 1:
        return "the published bound is below 1, the union bound is not"
    if (union < 1 and enclosed(ratio) > half) or (union > 1 and enclosed(ratio) < half):
        return "the union bound is below 1 for another delta/r"
    return None if closeness(2 + count, ratio) < 1 else "the bound by the balls is not below 1"


def draw_range(rng: random.Random) -> Instance:
    """Return a cluster size, a half distance and a radius."""
    delta = abs(draw_fraction(rng)) + 1
    numbers = {"K": Fraction(rng.randint(1, 9)), "r": delta * rng.randint(2, 20), "delta": delta}
    return Instance(None, (), numbers)


@claim(
    "F9",
    "probability",
    "where the bounds for two clusters say something",
    statement="""A bound on a probability says something where it is below 1. For two clusters as in
    K12 with r >= 2 delta: the published (2/pi) (2K - 1)/kappa exactly where 2K - 1 < (pi/2) kappa,
    that is r/delta > 1 + (2/pi) (2K - 1); the union bound (2K/pi) arcsin(delta/r) exactly where
    delta/r < sin(pi/(2K)), which is the case wherever the published one does; the bound by the
    balls for every K.""",
    assumptions="as K12.",
    source=f"{_RIEDI}, Theorem 2; the range is not discussed in what was read of it",
    method="proof in two lines; the three ranges in interval arithmetic",
    expected=Status.PROVED,
    violation=range_violation,
    propose=draw_range,
    answers=("S1",),
    fairness="""Nobody claims that the bound is of use for all clusters; an earlier edition of this
    ledger refuted that.""",
    proof="""The first is the inequality multiplied by (pi/2) kappa > 0. The second is below 1
    exactly where arcsin(delta/r) < pi/(2K), and sine rises on [0, pi/2]; it is at most the
    published one by K12. The third is the distribution function of a law with a density that is
    positive on (0, 1), at a point (delta/r)^2 < 1.""",
)
def bound_range(effort: Effort) -> Verdict:
    """Check the three ranges on drawn numbers, and list where they begin."""
    seen = survey(range_violation, draw_range, random.Random(9), effort.of(200, 5000))
    starts = {
        f"K = {k}": f"published {_from(1 + 2 * arb(2 * k - 1) / arb.pi())}, union bound "
        f"{_from(1 / (arb.pi() / (2 * k)).sin())}"
        for k in (1, 2, 5, 20)
    }
    return seen.failure or Verdict(
        Status.PROVED,
        "The published bound needs about (8/pi) K radii between the centres, which are 2 r apart, "
        f"the union bound half as many; {seen.count} cases agree.",
        seen.count,
        starts,
    )


def _from(start: arb) -> str:
    """Return from which r/delta on a bound is below 1, of r >= 2 delta."""
    return "for every r >= 2 delta" if start < 2 else f"from r/delta > {short(start)}"

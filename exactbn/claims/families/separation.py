"""What the follow-up of the source says of separation in high dimension, and what is true of it."""

import math
import random
from fractions import Fraction

from flint import arb

from exactbn.claims.families.probability import enclosed, separation, short
from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_matrix
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Matrix, dot, to_text

_RIEDI = "Riedi et al. 2026"


def disc_bound(k: int, t: float) -> float:
    """Return the least upper bound that the theorem of F7 gives for the separation of two discs."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    s = t * math.sqrt((2 * k - 1) / (2 * k - t * t))

    def bound(eps: float) -> float:
        theta = 2 * math.exp(-(2 * k - 1) / 2 * (eps**2 / 2 - eps**3 / 3))
        return float(2 * norm.sf(s * math.sqrt(1 - eps)) + theta)

    return float(minimize_scalar(bound, bounds=(1e-6, 0.999), method="bounded").fun)


def disc_probability(k: int, square: Fraction) -> arb:
    """Return the exact probability that a hyperplane through the middle separates two discs.

    Discs of dimension k, orthogonal to the axis, spanning the same k directions; ``square`` is that
    of the ratio of their radius and half their distance.
    """
    share = enclosed(square / (1 + square))
    return 1 - share.beta_lower(arb(0.5), enclosed(Fraction(k, 2)), 1)


def low_bound(instance: Instance) -> str | None:
    """Return why the bound of F7 is below the probability, proven by interval arithmetic, or None.

    The instance has K, ratio = delta / r, and the eps of the bound.
    """
    k, ratio, eps = (instance.number(name) for name in ("K", "ratio", "eps"))
    if k.denominator != 1 or k < 1 or not 0 < ratio < 1 or not 0 < eps < 1:
        raise HypothesisError("expected K >= 1, 0 < ratio < 1 and 0 < eps < 1")
    square = ratio * ratio  # s^2 = 2 K ratio^2 (2 K - 1) / (2 K - 2 K ratio^2)
    s_square = square * (2 * k - 1) / (1 - square)
    probability = disc_probability(int(k), square)
    theta = 2 * enclosed(-(2 * k - 1) / 2 * (eps**2 / 2 - eps**3 / 3)).exp()
    bound = enclosed(s_square * (1 - eps) / 2).sqrt().erfc() + theta
    if not probability > bound:
        return None
    return (
        f"K = {k}, delta/r = {ratio}: discs are separated with probability "
        f"{probability.str(4, radius=False)}, and with eps = {eps} the bound is "
        f"{bound.str(4, radius=False)}"
    )


def draw_discs(rng: random.Random) -> Instance:
    """Return a dimension, a radius and a free number of the bound."""
    k, n, twentieths = rng.randint(20, 400), rng.randint(5, 30), rng.randint(1, 19)
    numbers = {"K": Fraction(k), "ratio": Fraction(1, n), "eps": Fraction(twentieths, 20)}
    return Instance(None, (), numbers)


@claim(
    "F7",
    "separation",
    "the published upper bound for separating two discs",
    statement="""For two K-dimensional discs of radius delta <= r orthogonal to the axis through
    their centres, t = (delta/r) sqrt(2K), s = t sqrt((2K - 1)/(2K - t^2)), 0 < eps < 1 and theta =
    2 exp(-(2K - 1)/2 (eps^2/2 - eps^3/3)), a random hyperplane through the middle separates them
    with probability at most P(|Z| > s sqrt(1 - eps)) + theta.""",
    assumptions="independent normal weights; discs, as stated, not balls of dimension 2K.",
    source=f"{_RIEDI}, Theorem 3",
    method="a stored counterexample, by the closed form of the probability in interval arithmetic",
    expected=Status.REFUTED,
    violation=low_bound,
    propose=draw_discs,
    answers=("S1",),
    fairness="""The theorem's lower bound is right for discs, and its upper bound for full balls of
    dimension 2K, which is what its proof treats; its message, that separation is likely for small
    delta/r, stands.""",
    proof="""Both discs lie in the span of the axis e and the same K directions; let w . e = Z and
    let R be the length of w in the K directions. The hyperplane separates the discs exactly if r
    |Z| > delta R, so Z^2 / (Z^2 + R^2) > c^2 / (1 + c^2) with c = delta/r. The left side is
    Beta(1/2, K/2). So the probability is 1 - I_{c^2/(1 + c^2)}(1/2, K/2), which intervals enclose,
    and so is the bound.""",
)
def disc_separation(effort: Effort) -> Verdict:
    """Replay the counterexample, and count how often the bound is too low."""
    seen = survey(low_bound, draw_discs, random.Random(7), effort.of(100, 3000))
    exact = disc_probability(200, Fraction(1, 400))
    return refuted(
        "F7",
        low_bound,
        "For discs that span the same K directions the probability has a closed form, above the "
        "bound.",
        instances=seen.count,
        details={
            "K = 200, delta/r = 1/sqrt(2K)": f"probability {short(exact)}, least bound over eps "
            f"{disc_bound(200, 1.0):.5f}",
            "drawn K, delta/r and eps with a bound that is too low": seen.share,
        },
    )


def augmented_gram(points: Matrix, weight: Fraction, offset: Fraction) -> Matrix:
    """Return s2 x_i . x_j + b2: the covariance of a unit's values at the points."""
    return tuple(tuple(weight * dot(x, y) + offset for y in points) for x in points)


def same_separation(instance: Instance) -> str | None:
    """Return why two clusters are as likely to be separated in a higher dimension, or None.

    The data are U and as many points of V; ``d`` is the higher dimension, ``s2`` the variance of
    the weights and ``b2`` that of the offset. In dimension d zeros are appended to the points.
    """
    points, size = instance.data, instance.number("d")
    weight, offset = instance.number("s2"), instance.number("b2")
    if len(points) < 2 or len(points) % 2 or weight <= 0 or offset <= 0:
        raise HypothesisError("expected as many points of U as of V, s2 > 0 and b2 > 0")
    if size.denominator != 1 or not len(points[0]) < size <= 4096:
        raise HypothesisError("expected a whole number d above the dimension, at most 4096")
    zeros = (Fraction(0),) * (int(size) - len(points[0]))
    higher = tuple(x + zeros for x in points)
    if augmented_gram(points, weight, offset) != augmented_gram(higher, weight, offset):
        return None
    half = len(points) // 2
    means = [[sum(c) / half for c in zip(*part)] for part in (points[:half], points[half:])]
    row = tuple(s - t for s, t in zip(*means, strict=True))
    level = dot(row, tuple((s + t) / 2 for s, t in zip(*means, strict=True)))
    signs = [dot(row, x) > level for x in points[:half]]
    if not all(signs) or not all(dot(row, x) < level for x in points[half:]):
        raise HypothesisError("the hyperplane half way between the means separates them not")
    unit = ", ".join(map(to_text, row))
    return (
        f"w = ({unit}) with the offset {to_text(-level)} separates them, and so does every unit "
        "near it: the probability is positive. The values at the points have the same normal law, "
        f"with the augmented Gram matrix as covariance, in dimension {len(points[0])} and in "
        f"dimension {size}: the probability is the same in both, and does not fall"
    )


def draw_two_clusters(rng: random.Random) -> Instance:
    """Return two clusters of the plane, a dimension and the variances."""
    u, v = draw_matrix(rng, 2, 2, 6)
    k = rng.randint(1, 3)
    points = [
        tuple(s + rng.randint(-1, 1) for s in center) for center in (u, v) for _ in range(k)
    ]
    numbers = {"d": Fraction(rng.randint(3, 24)), "s2": Fraction(1), "b2": Fraction(1)}
    return Instance(None, tuple(points), numbers)


@claim(
    "F8",
    "separation",
    "a random offset makes separation exponentially unlikely in high dimension, if only the "
    "dimension changes",
    statement="""Two clusters are given by the inner products of their points. The probability that
    a unit with normal weights and a random normal offset has them strictly on different sides falls
    exponentially with the dimension of the space, while batch normalization keeps it up.""",
    assumptions="the variances of weights and offset, and the augmented Gram matrix of the points, "
    "stay as they are while the dimension grows.",
    source=f"{_RIEDI}, a sentence of the conclusions, with no theorem behind it",
    method="a stored counterexample, two clusters and their embedding, and the proof that the "
    "augmented Gram matrix decides; closed forms of K11 in interval arithmetic",
    expected=Status.REFUTED,
    violation=same_separation,
    propose=draw_two_clusters,
    answers=("S1", "S2"),
    is_reconstructed=True,
    fairness="""The sentence contrasts units through the mean with units of random offset, for
    clusters and high dimension; how the clusters or the variances are to change with the dimension
    is not said in what was read. The dimension alone does nothing. With weights of variance 1/d, or
    points whose lengths grow like the root of d and whose difference stays as it is, the
    probability for a pair falls, but like 1/sqrt(d) (figures below); where the difference grows as
    well, as of sqrt(d) e_1 and sqrt(d) e_2, it does not fall. A product over many pairs may fall
    exponentially in their number.""",
    proof="""The values w . x_i + b at the points are jointly normal with mean 0 and covariance s^2
    x_i . x_j + b^2, the augmented Gram matrix. Whether the unit separates U from V is decided by
    the signs of these values, so its probability is a function of that matrix, and of nothing else.
    Points of R^d keep their inner products when zeros are appended. So the probability is the same
    in every dimension, and it is positive where one hyperplane separates the clusters strictly,
    since all hyperplanes near it do. For BN, whose offset is -w . g, the same holds with the Gram
    matrix of the points minus g: neither probability knows the dimension.""",
)
def offset_separation(effort: Effort) -> Verdict:
    """Replay the counterexample, and give closed forms for pairs whose geometry changes with d."""
    seen = survey(same_separation, draw_two_clusters, random.Random(8), effort.of(40, 1000))
    pair = ((Fraction(2), Fraction(1)), (Fraction(2), Fraction(-1)))
    fixed = separation(*pair)
    scaled = []
    for d in (4, 100, 10_000):
        # Weights of variance 1/d: (u, sqrt(d)), and d = n^2 keeps it rational.
        root = Fraction(math.isqrt(d))
        scaled.append(f"{short(separation(pair[0] + (root,), pair[1] + (root,)))} at d = {d}")
    return refuted(
        "F8",
        same_separation,
        "The probability is a function of the augmented Gram matrix only, hence not of the "
        "dimension.",
        instances=seen.count,
        details={
            "the pair (2, 1), (2, -1), zero bias": f"(2/pi) arctan(1/2) = {short(fixed)} in every "
            "dimension; centred it is 1",
            "the pair, offset of variance 1, weights of variance 1/d": ", ".join(scaled),
            "drawn clusters for which the same holds": seen.share,
        },
    )

"""Claims about mini-batches: the exact law of their statistics, by enumeration of all batches."""

import random
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.errors import HypothesisError
from exactbn.exact.rational import dot, to_text
from exactbn.model.batchnorm import center
from exactbn.model.domain import Box
from exactbn.regions.counting import count_regions
from exactbn.regions.boundary.asked import decision_boundary

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly stated"

#: Batches that are enumerated at most.
MOST_BATCHES = 20_000


def moments(values: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """Return the mean and the biased variance of some numbers."""
    mean = sum(values, Fraction(0)) / len(values)
    return mean, sum(((t - mean) ** 2 for t in values), Fraction(0)) / len(values)


def batch_law(values: Sequence[Fraction], size: int) -> tuple[Fraction, Fraction, Fraction]:
    """Return E mu_B, Var mu_B and E sigma_B^2 over all batches of a size, without replacement."""
    found = [moments(batch) for batch in combinations(values, size)]
    mean, variance = moments([mu for mu, _ in found])
    return mean, variance, sum((var for _, var in found), Fraction(0)) / len(found)


def closed_form(values: Sequence[Fraction], size: int) -> tuple[Fraction, Fraction, Fraction]:
    """Return the same by the formulas of claim K13."""
    n = len(values)
    mean, variance = moments(values)
    return (
        mean,
        variance / size * Fraction(n - size, n - 1),
        variance * Fraction(size - 1, size) * Fraction(n, n - 1),
    )


def _batch_size(instance: Instance) -> int:
    """Return the size of the batches, which must fit the data."""
    size, count = instance.number("batch"), len(instance.data)
    if count < 2 or size.denominator != 1 or not 1 <= size <= count:
        raise HypothesisError(f"batches of {size} of {count} points, expected 1 to N, and N >= 2")
    if comb(count, int(size)) > MOST_BATCHES:
        raise HypothesisError(f"more than {MOST_BATCHES} batches")
    return int(size)


def _numbers(instance: Instance) -> tuple[list[Fraction], int]:
    """Return the first coordinates of the data and the batch size."""
    return [row[0] for row in instance.data], _batch_size(instance)


def law_violation(instance: Instance) -> str | None:
    """Return in what the law of the mini-batch statistics differs from the formulas, or None."""
    problem = _numbers(instance)
    if batch_law(*problem) == closed_form(*problem):
        return None
    return f"enumeration gives {batch_law(*problem)}, the formulas {closed_form(*problem)}"


def simple_variance_violation(instance: Instance) -> str | None:
    """Return why the variance of the mini-batch mean is not sigma^2 / b, or None."""
    values, size = _numbers(instance)
    exact, simple = batch_law(values, size)[1], moments(values)[1] / size
    if exact == simple:
        return None
    return f"Var mu_B is {to_text(exact)}, and sigma^2 / b is {to_text(simple)}"


def draw_batch(rng: random.Random) -> Instance:
    """Return numbers and a batch size."""
    count = rng.randint(2, 8)
    return Instance(
        None, draw_matrix(rng, count, 1, 6), {"batch": Fraction(rng.randint(1, count))}
    )


@claim(
    "K13",
    "noise",
    "the moments of mini-batch statistics",
    statement="""Let v_1..v_N be numbers with mean mu and biased variance sigma^2, and B a batch of
    b of them, drawn uniformly without replacement. Then E mu_B = mu, Var mu_B = (sigma^2 / b) (N -
    b) / (N - 1), and E sigma_B^2 = sigma^2 (b - 1) N / (b (N - 1)).""",
    assumptions="N >= 2, 1 <= b <= N.",
    source="finite population sampling, standard",
    method="symbolic proof from the probabilities that one and two given numbers are in the batch "
    "(sympy), and full enumeration of all batches in rational arithmetic",
    expected=Status.PROVED,
    answers=("S3",),
    proof="""A number is in the batch with probability b/N, two given ones are with b (b - 1) / (N
    (N - 1)). With s the sum and t the sum of squares of all numbers, E mu_B = s/N; E (sum over B)^2
    = (b/N) t + b (b - 1) / (N (N - 1)) (s^2 - t), as s^2 - t is the sum of the products of two
    different ones; and E of the mean square over B is t/N. Subtract, with sigma^2 = t/N -
    (s/N)^2.""",
    violation=law_violation,
    propose=draw_batch,
)
def batch_moments(effort: Effort) -> Verdict:
    """Prove the formulas for any N and b, and enumerate all batches of small sets."""
    import sympy

    n, b, s, t = sympy.symbols("N b s t", positive=True)
    # s = sum v_i, t = sum v_i^2. A number is in the batch with probability b/N, two given ones
    # with b (b - 1) / (N (N - 1)); the sum of the products of two different ones is s^2 - t.
    square = b / n * t + b * (b - 1) / (n * (n - 1)) * (s**2 - t)
    variance = t / n - (s / n) ** 2
    left = square / b**2 - (s / n) ** 2 - variance / b * (n - b) / (n - 1)
    right = t / n - square / b**2 - variance * (b - 1) * n / (b * (n - 1))
    if sympy.simplify(left) != 0 or sympy.simplify(right) != 0:
        return Verdict(Status.REFUTED, "the identities leave a rest")
    seen = survey(law_violation, draw_batch, random.Random(13), effort.of(60, 1500))
    return seen.failure or Verdict(
        Status.PROVED,
        "Proved for any N and b; enumeration of all batches agrees on "
        f"{seen.count} sets of numbers.",
        seen.count,
    )


@claim(
    "F14",
    "noise",
    "the variance of the mini-batch mean is sigma^2 / b",
    statement="""The mean mu_B over a mini-batch B of b of N samples has the variance sigma^2 / b,
    sigma^2 being the variance over all samples.""",
    assumptions="none is stated.",
    source=_PAPER,
    method="exact counterexample; with replacement it is true, without the factor (N - b) / (N - "
    "1) "
    "is missing (K13)",
    expected=Status.NEEDS,
    answers=("S3",),
    is_reconstructed=True,
    fairness="""As an approximation for batches that are small against the data it is right: the
    factor is (N - b)/(N - 1).""",
    violation=simple_variance_violation,
    propose=draw_batch,
)
def simple_variance(effort: Effort) -> Verdict:
    """Replay the counterexample, and enumerate all batches with replacement."""
    from itertools import product

    rng, checked = random.Random(14), effort.of(30, 300)
    for _ in range(checked):
        values = [row[0] for row in draw_matrix(rng, rng.randint(1, 4), 1, 6)]
        size = rng.randint(1, 4)
        means = [moments(batch)[0] for batch in product(values, repeat=size)]
        if moments(means)[1] != moments(values)[1] / size:
            bad = Instance(None, tuple((t,) for t in values), {"batch": Fraction(size)})
            return Verdict(Status.REFUTED, "false with replacement too", 0, {}, bad)
    return refuted(
        "F14",
        simple_variance_violation,
        "An epoch draws without replacement: the variance has the factor (N - b) / (N - 1) and is "
        "zero for the full batch.",
        instances=checked,
        assumption="batches drawn with replacement",
    )


def jitter(instance: Instance) -> tuple[list[Fraction], Fraction]:
    """Return the offsets of the first hyperplane over all batches, squared and per unit normal.

    The offsets are (mu_B - mu)^2 / |w|^2 for every batch; the second value is what K13 says of
    their mean.
    """
    (network, data), size = instance.given(), _batch_size(instance)
    row = network.layers[0].weight[0]
    square = dot(row, row)
    if square == 0:
        raise HypothesisError("expected a row w != 0")
    values = [dot(row, x) for x in data]
    mean = moments(values)[0]
    offsets = [(moments(batch)[0] - mean) ** 2 / square for batch in combinations(values, size)]
    return offsets, closed_form(values, size)[1] / square


def jitter_violation(instance: Instance) -> str | None:
    """Return why the mean squared jitter of the first hyperplane is not the formula's, or None."""
    offsets, expected = jitter(instance)
    mean = sum(offsets, Fraction(0)) / len(offsets)
    return None if mean == expected else f"{to_text(mean)} instead of {to_text(expected)}"


def draw_jitter(rng: random.Random) -> Instance:
    """Return a network, data and a batch size."""
    d, count = rng.randint(1, 3), rng.randint(3, 7)
    return Instance(
        draw_network(rng, (d, 3, 2, 1), size=4),
        draw_matrix(rng, count, d, 5),
        {"batch": Fraction(rng.randint(2, count))},
    )


@claim(
    "K19",
    "noise",
    "how far mini-batches move the hyperplanes of the first layer",
    statement="""Over all batches of b of N points, the hyperplane of a first-layer unit with row w
    != 0 moves along its normal with mean square Var(mu_B) / |w|^2 = (sigma^2 / |w|^2) (N - b) / (b
    (N - 1)) around its place for the whole set, sigma^2 the variance of w . x over all points.""",
    assumptions="w != 0, N >= 2, centering on each batch, drawn without replacement.",
    source=_PAPER,
    method="proof from K13, and full enumeration of all batches",
    expected=Status.PROVED,
    answers=("S3",),
    is_reconstructed=True,
    proof="""The hyperplanes {w . x = mu_B} and {w . x = mu} are parallel, at the distance |mu_B -
    mu| / |w|; the mean of its square over the batches is Var(mu_B) / |w|^2, which K13 gives.""",
    violation=jitter_violation,
    propose=draw_jitter,
)
def batch_jitter(effort: Effort) -> Verdict:
    """Enumerate the batches of random networks, and show the distributions of one."""
    seen = survey(jitter_violation, draw_jitter, random.Random(19), effort.of(40, 600))
    if seen.failure:
        return seen.failure
    rng = random.Random(191)
    network, data = draw_network(rng, (2, 5, 4, 1), size=6), draw_matrix(rng, 8, 2, 6)
    box, details = Box.of(-8, 8, 2), {}
    for size in (2, 4, 6) if effort.is_full else (6,):
        regions: Counter[int] = Counter()
        pieces: Counter[int] = Counter()
        for batch in combinations(data, size):
            centred = center(network, batch)
            regions[int(count_regions(centred, [box])[0])] += 1
            pieces[decision_boundary(centred, box).num_pieces] += 1
        every = f"all {comb(8, size)} batches of {size} of 8 points, one network 2-5-4-1"
        details[f"illustration: regions in a box, {every}"] = _law(regions)
        details[f"illustration: boundary pieces, {every}"] = _law(pieces)
    return Verdict(
        Status.PROVED,
        f"The mean squared jitter is the formula's, exactly, on {seen.count} networks.",
        seen.count,
        details,
    )


def _law(counts: Counter[int]) -> str:
    """Return a distribution as text."""
    return ", ".join(f"{value}: {count}" for value, count in sorted(counts.items()))

"""Claims about the decision boundary: on which side of it the samples of a batch lie."""

import random
from dataclasses import replace
from fractions import Fraction

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.exhaustion import minimality
from exactbn.claims.tools.normalized import centred_by
from exactbn.errors import HypothesisError
from exactbn.exact.rational import to_text
from exactbn.model.batchnorm import center
from exactbn.model.network import Network

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly stated"


def logits(instance: Instance) -> list[Fraction]:
    """Return the first output at the data, hidden layers centred on it and the output bias zero."""
    network, data = instance.given()
    centred = center(network, data)
    bias = centred.layers[-1].bias[0]
    return [centred.forward(x)[0] - bias for x in data]


def one_sided(instance: Instance) -> str | None:
    """Return why all logits of the batch are strictly on one side of zero, or None."""
    values = logits(instance)
    if len(values) < 2:
        raise HypothesisError("expected at least two points")
    if all(t > 0 for t in values) or all(t < 0 for t in values):
        return f"the logits are {', '.join(map(to_text, values))}"
    return None


def one_sided_leaky(instance: Instance) -> str | None:
    """Return the same of a network of leaky units, 0 < slope < 1, all with sigma > 0."""
    if not all(0 < layer.slope < 1 for layer in centred_by(instance).hidden):
        raise HypothesisError("expected slopes between 0 and 1")
    return one_sided(instance)


def one_sided_when_normalized(instance: Instance) -> str | None:
    """Return why the logits minus their mean, not all equal, are not on both sides, or None."""
    values = logits(instance)
    if len(set(values)) < 2:
        raise HypothesisError("the logit is constant on the batch: sigma is 0")
    mean = sum(values, Fraction(0)) / len(values)
    signs = {(t > mean) - (t < mean) for t in values}
    return None if {1, -1} <= signs else f"the normalized logits have the signs {sorted(signs)}"


def draw_classifier(rng: random.Random) -> Instance:
    """Return a small network with one output, leaky activations, and data."""
    d = rng.randint(1, 2)
    widths = (d, *(rng.randint(1, 3) for _ in range(rng.randint(1, 2))), 1)
    network = draw_network(rng, widths, size=3, slope=rng.choice((0, Fraction(1, 10), -1)))
    return Instance(network, draw_matrix(rng, rng.randint(2, 5), d, 4))


@claim(
    "K16",
    "boundary",
    "a normalized logit has samples on both sides",
    statement="""Let f be any function and x_1..x_N a batch on which f is not constant. Then f -
    mean(f(x_i)) is > 0 at some x_i and < 0 at another: a batch-normalized logit with sigma > 0 has
    samples strictly on both sides of the decision boundary.""",
    assumptions="sigma > 0, beta = 0, the batch that the mean was taken over.",
    source=_PAPER,
    method="proof in one line (numbers with mean zero that are not all zero have both signs), and "
    "exact instances",
    expected=Status.PROVED,
    answers=("S3",),
    is_reconstructed=True,
    proof="""The numbers f(x_i) - mean sum to 0 and are not all 0, so one is > 0 and one < 0.""",
    violation=one_sided_when_normalized,
    propose=draw_classifier,
)
def normalized_logit(effort: Effort) -> Verdict:
    """Check on exact instances what the mean proves."""
    rng = random.Random(16)
    seen = survey(one_sided_when_normalized, draw_classifier, rng, effort.of(100, 4000))
    return seen.failure or Verdict(
        Status.PROVED,
        "Numbers with mean zero that are not all zero have both signs. "
        f"{seen.count} networks with sigma > 0 agree exactly.",
        seen.count,
    )


def draw_leaky(rng: random.Random) -> Instance:
    """Return a small network with one output, leaky units, and data."""
    instance = draw_classifier(rng)
    *hidden, last = instance.given()[0].layers
    slope = Fraction(1, rng.choice((2, 10)))
    return replace(
        instance, network=Network((*(replace(layer, slopes=slope) for layer in hidden), last))
    )


@claim(
    "F6",
    "boundary",
    "a linear last layer without bias has samples on both sides",
    statement="""With batch-normalized hidden layers, arbitrary weights, leaky activations, and a
    linear output layer without bias, every batch has at least one sample on each side of {logit =
    0}.""",
    assumptions="""slope between 0 and 1, sigma > 0, beta = 0, the batch of the statistics; scales
    are absorbed by the next weights.""",
    source=_PAPER,
    method="exact counterexample, found by search; with a normalized logit it is true (K16)",
    expected=Status.REFUTED,
    answers=("S1", "S3"),
    is_reconstructed=True,
    fairness="""A proposition of the source on the two sides of the decision boundary; whether its
    last layer is normalized could not be read. If it is, it is K16, and right.""",
    violation=one_sided_leaky,
    propose=draw_leaky,
)
def linear_logit(effort: Effort) -> Verdict:
    """Replay the stored counterexample, and count how often random networks violate the claim."""
    seen = survey(one_sided_leaky, draw_leaky, random.Random(6), effort.of(200, 4000))
    return refuted(
        "F6",
        one_sided_leaky,
        "Nothing ties the logit to zero: the mean of the last features need not be orthogonal to "
        "the last weights.",
        instances=seen.count,
        details={
            "violated by random networks": seen.share,
            **minimality(
                one_sided_leaky, (1, 2), effort.of(1, 3), 3,
                slope=Fraction(1, 2), has_outputs=True,
            ),
        },
    )  # fmt: skip

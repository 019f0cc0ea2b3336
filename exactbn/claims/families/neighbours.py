"""Claims about neighbours: regions that share a facet, and patterns that differ in one unit."""

import random
from collections.abc import Sequence
from functools import partial

import numpy as np

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.arrangements import canonical
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.exhaustion import minimality
from exactbn.claims.tools.normalized import centred_by
from exactbn.errors import HypothesisError
from exactbn.regions.partitioning import Partition, partition


def flips_of(cells: Partition) -> dict[tuple[int, int], int]:
    """Return, for every pair of neighbours, in how many neurons their patterns differ."""
    patterns = cells.patterns.astype(np.int64)
    return {
        (int(i), int(j)): int(np.sum(patterns[i] != patterns[j])) for i, j in cells.edges.tolist()
    }


def several_flips(instance: Instance) -> str | None:
    """Return two neighbours whose patterns differ in several neurons."""
    cells = partition(centred_by(instance))
    for (i, j), flips in flips_of(cells).items():
        if flips > 1:
            one, other = pattern_text(cells, i), pattern_text(cells, j)
            return f"neighbours {one} and {other} differ in {flips} neurons"
    return None


def apart(instance: Instance) -> str | None:
    """Return two regions whose patterns differ in one neuron and that share no facet."""
    cells = partition(centred_by(instance))
    near, patterns = flips_of(cells), cells.patterns.astype(np.int64)
    for i in range(cells.num_regions):
        for j in range(i + 1, cells.num_regions):
            if (i, j) not in near and int(np.sum(patterns[i] != patterns[j])) == 1:
                one, other = pattern_text(cells, i), pattern_text(cells, j)
                return f"regions {one} and {other} differ in one neuron and share no facet"
    return None


def neighbours_violation(instance: Instance) -> str | None:
    """Return a pair of regions for which differing in one neuron and touching are not the same.

    ReLU networks of at least two inputs without duplicates: no two rows of a layer are parallel.
    """
    _check_distinct(instance)
    return several_flips(instance) or apart(instance)


def _check_distinct(instance: Instance) -> None:
    """Raise a HypothesisError unless the instance meets the hypotheses of F11."""
    network, _ = instance.given()
    if network.num_inputs < 2 or any(layer.slope for layer in network.hidden):
        raise HypothesisError("expected a ReLU network of at least two inputs")
    for layer in network.hidden:
        planes = {canonical(row, 0) for row in layer.weight}
        if None in planes or len(planes) < layer.num_neurons:
            raise HypothesisError("two rows of a layer are parallel, or one is zero")


def _pairs(instance: Instance) -> tuple[int, int, int, int]:
    """Return the numbers of neighbours, of those with several flips, of pairs that differ in one
    neuron, and of those that share no facet."""
    cells = partition(centred_by(instance))
    flips, patterns = flips_of(cells), cells.patterns.astype(np.int64)
    several = sum(t > 1 for t in flips.values())
    one = sum(
        int(np.sum(np.sum(patterns[i + 1 :] != row, axis=1) == 1)) for i, row in enumerate(patterns)
    )
    return len(flips), several, one, one - (len(flips) - several)


def _rates(instances: Sequence[Instance]) -> str:
    """Return the exact rates over some networks, by network and by pair of regions."""
    found = [_pairs(instance) for instance in instances]
    neighbours_, several, one, separate = (sum(column) for column in zip(*found, strict=True))
    return (
        f"several flips at {several} of {neighbours_} facets, in {sum(t[1] > 0 for t in found)} of "
        f"{len(found)} networks; {separate} of {one} pairs that differ in one neuron share no "
        f"facet, in {sum(t[3] > 0 for t in found)} networks"
    )


def pattern_text(cells: Partition, i: int) -> str:
    """Return a region's pattern as text of 0 and 1."""
    return "".join(map(str, cells.patterns[i].tolist()))


def _distinct_relu(d: int, size: int, rng: random.Random) -> Instance:
    """Return a ReLU network of d inputs and two hidden layers, and data."""
    widths = (d, rng.randint(2, 4), rng.randint(1, 3), 1)
    return Instance(draw_network(rng, widths, size=size), draw_matrix(rng, 5, d, size))


@claim(
    "F11",
    "neighbours",
    "neighbouring regions are those that differ in one unit",
    statement="""Two regions of a batch-normalized network share a facet exactly if their activation
    patterns differ in one neuron.""",
    assumptions="none is usually named; ReLU, d >= 2, sigma > 0, no two rows of a layer parallel",
    source="Humayun et al. 2024 (arXiv 2402.15555), one direction, as commonly stated; the other "
    "by programs that walk from pattern to pattern",
    method="two stored counterexamples, one a direction, by exact adjacency of faces; exact rates "
    "for d = 2 and 3",
    expected=Status.REFUTED,
    violation=neighbours_violation,
    propose=partial(_distinct_relu, 2, 2),
    answers=("S1",),
    proof="""Both examples have the fewest hidden units, for all real weights and data and d >= 2.
    One hidden layer makes none: a facet lies in one hyperplane, as no two are equal; and two cells
    that differ in the sign of one hyperplane lie in one cell of the others, which is convex and
    which it cuts in two, so they share a facet. Nor do up to three layers of one unit each, and
    behind a layer of one unit all layers have one, rows of one entry being parallel: f_1 is affine,
    f_2 = v relu(f_1) - m with m/v the mean of relu(f_1), which is > 0 (K4) and less than the
    greatest value, and f_3 is made of f_2 alike. So f_2 has a zero at one value of f_1, which is >
    0; there and wherever f_1 > 0 it is strictly monotone, and constant elsewhere, and f_3 has a
    zero at one value of f_2 > 0 below the greatest on the data, taken where f_1 > 0. The zeros are
    two or three parallel hyperplanes, at each of which one unit changes its sign for good: regions
    i apart differ in i units. What is left of up to three units is 2-1, the shape of the first
    example, and it makes none of the other kind: let a and b be the values of layer 1, independent
    coordinates, and f = v relu(a) + w relu(b) - m unit 3. Regions that differ in unit 3 only are
    the parts of a quadrant that a plane cuts. Let regions differ in the sign of a only. On the
    facet a = 0 between their quadrants f is the same from both sides. Where a < 0 it does not
    depend on a: if it is not zero at a point of the region there, it has this sign at the facet,
    and both regions have it in common. If it is zero on the region, it is v a where a > 0, and the
    bit there is 0, as it has to be, only for v <= 0, in the whole quadrant. So the other kind takes
    four units, as many as the second example has.""",
    fairness="""That one unit changes at a facet is the rule: with weights from -9 to 9 it fails
    rarely (figures below), and an earlier edition's examples had one input or coincident units. The
    other direction fails in ordinary networks.""",
)
def neighbours(effort: Effort) -> Verdict:
    """Replay both counterexamples, and count how often each direction fails."""
    together, separate = stored("F11"), stored("F11-apart")
    reasons = several_flips(together), apart(separate)
    seen = [
        survey(neighbours_violation, partial(_distinct_relu, d, 9), random.Random(111), wanted)
        for d, wanted in ((2, effort.of(30, 1500)), (3, effort.of(10, 500)))
    ]
    if None in reasons:
        return Verdict(Status.OPEN, "a counterexample violates nothing")
    return Verdict(
        Status.REFUTED,
        f"Two plain ReLU networks in the plane, without duplicates: {reasons[0]}; {reasons[1]}. No "
        "example of either kind has fewer hidden units.",
        sum(t.count for t in seen),
        {
            f"d = {d}, weights and data from -9 to 9": _rates(t.instances)
            for d, t in zip((2, 3), seen, strict=True)
        }
        | (minimality(neighbours_violation, (2, 2, 1), 1, 2) if effort.is_full else {}),
        together,
    )

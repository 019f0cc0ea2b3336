"""Claims about counts: how many regions centering leaves, and how many of them differ."""

import random
from fractions import Fraction
from math import comb

import numpy as np

from exactbn.claims.families.neighbours import pattern_text
from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import real_data, stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import is_generic
from exactbn.claims.tools.arrangements import (
    CLASSICAL,
    central_count,
    count,
    count_bounded,
    generic_count,
    planes_of,
)
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.exhaustion import minimality
from exactbn.claims.tools.normalized import centred_by
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Matrix, Vector, sign
from exactbn.model.batchnorm import center
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import partition
from exactbn.wording import counted


def one_layer(rows: Matrix, biases: Vector) -> Network:
    """Return the network whose hidden neurons are the given hyperplanes."""
    output = Layer(((Fraction(1),) * len(rows),), (Fraction(0),), Fraction(1))
    return Network((Layer(rows, biases), output))


def arrangement_violation(instance: Instance) -> str | None:
    """Return where a centred layer's own arrangement has a bounded cell or another count."""
    network, data = instance.given()
    if not all(any(row) for layer in network.hidden for row in layer.weight):
        raise HypothesisError("expected rows w != 0")
    for index, layer in enumerate(center(network, data).hidden):
        d = layer.num_inputs
        cells = partition(one_layer(layer.weight, layer.bias))
        if not np.all(cells.is_unbounded):
            return f"layer {index + 1}: a cell is bounded"
        planes = planes_of(zip(layer.weight, layer.bias, strict=True))
        expected = count(planes, d)
        if len(planes) == layer.num_neurons and is_generic(layer.weight):
            if expected != central_count(len(planes), d):
                return f"layer {index + 1}: the two formulas differ"
        if cells.num_regions != expected:
            return f"layer {index + 1}: {cells.num_regions} cells, expected {expected}"
    return None


def _centrable(rng: random.Random) -> Instance:
    """Return a network and data; small weights, so that some normals are not generic."""
    d = rng.randint(1, 4)
    widths = (d, *(rng.randint(1, 5) for _ in range(rng.randint(1, 2))), 1)
    network = draw_network(rng, widths, size=rng.choice((1, 9)))
    return Instance(network, draw_matrix(rng, rng.randint(1, 5), d))


@claim(
    "K3",
    "counting",
    "a centred layer has unbounded cells only, as many as its central arrangement",
    statement="""In the layer's own input space R^m the cells of a centred layer of n units are all
    unbounded, and their number is |chi(-1)|, chi the characteristic polynomial of the arrangement;
    it is 2 sum_(i < m) C(n - 1, i) if any min(n, m) of the normals are independent, against sum_(i
    <= m) C(n, i) for offsets in general position.""",
    assumptions="beta = 0, the same batch, the layer's own input space, w_k != 0.",
    source="T. Zaslavsky 1975 and J. G. Wendel 1962; for batch normalization Riedi et al. 2026, as "
    "commonly stated",
    method="proof (cones; deletion and restriction), and exact counts by the engine against counts "
    "by combinatorics, generic and not",
    expected=Status.PROVED,
    answers=("S1",),
    proof="""All hyperplanes hold q, the mean feature (K2). So with x every q + t (x - q), t > 0,
    lies in the same cell, which is unbounded. A hyperplane H added to an arrangement A cuts those
    cells in two that its trace on A has as cells: r(A + H) = r(A) + r(A|H), which is the recursion
    of |chi(-1)|. For a central arrangement with independent normals as supposed, the trace on H is
    one of n - 1 hyperplanes of the same kind in dimension m - 1, so c(n, m) = c(n - 1, m) + c(n -
    1, m - 1), with c(1, m) = 2 and c(n, 1) = 2; and 2 sum_(i < m) C(n - 1, i) meets this, as C(n -
    1, i) = C(n - 2, i) + C(n - 2, i - 1).""",
    violation=arrangement_violation,
    propose=_centrable,
)
def central_counts(effort: Effort) -> Verdict:
    """Count what the proof says, with an engine and a formula that know nothing of each other.

    All hyperplanes hold q, the mean feature, so with x every q + t (x - q), t > 0, lies in the
    same cell: it is unbounded. A hyperplane H added to A cuts those cells in two that its trace on
    A has as cells, r(A + H) = r(A) + r(A|H): this is chi's recursion at -1. For a generic central
    arrangement the trace on H is one of n - 1 in dimension m - 1, and C(n - 1, i) = C(n - 2, i) +
    C(n - 2, i - 1) makes c(n, m) = c(n - 1, m) + c(n - 1, m - 1).
    """
    for n in range(2, 30):
        for m in range(2, 12):
            if central_count(n, m) != central_count(n - 1, m) + central_count(n - 1, m - 1):
                return Verdict(Status.REFUTED, f"the recursion fails at n = {n}, m = {m}")
    rng = random.Random(3)
    # The first columns only: the engine starts from 2^d cones.
    real = [
        Instance(draw_network(rng, (4, 6, 4, 1)), tuple(x[:4] for x in points))
        for points in real_data().values()
    ]
    seen = survey(arrangement_violation, _centrable, rng, effort.of(60, 1500), real)
    if seen.failure:
        return seen.failure
    generic = sum(_meets_formulas(rng, n, d) for d in range(1, 5) for n in range(1, 11 - d))
    cases = sum(10 - d for d in range(1, 5))
    counted = {k: v[2] for k, v in CLASSICAL.items() if v[2] <= effort.of(400, 20_000)}
    wrong = [name for name in counted if not _is_classical(name)]
    if generic < cases or wrong:
        return Verdict(Status.OPEN, f"counts differ: {wrong or 'generic ones'}")
    return Verdict(
        Status.PROVED,
        "All cells are cones at the mean feature, and their number is Zaslavsky's: the engine "
        f"agrees on {seen.count} networks in every layer, non-generic normals among them.",
        seen.count,
        {
            "real data, four columns, 4-6-4": ", ".join(real_data()) or "none at hand",
            "generic offsets and centred": f"{cases} pairs (n, d), n < 11 - d, d < 5, bounded "
            "cells too",
            "n = 10 lines in the plane": f"{generic_count(10, 2)} cells, centred "
            f"{central_count(10, 2)}",
            "n = 10 planes in space": f"{generic_count(10, 3)} cells, centred "
            f"{central_count(10, 3)}",
            "classical arrangements": ", ".join(f"{k}: {r}" for k, r in counted.items()),
        },
    )


def _meets_formulas(rng: random.Random, n: int, d: int) -> bool:
    """Return whether n drawn generic hyperplanes in R^d have the counts of the formulas."""
    while True:
        rows, (biases,) = draw_matrix(rng, n, d, 99), draw_matrix(rng, 1, n, 999)
        # In general position: any d normals independent, and no d + 1 hyperplanes meet.
        extended = tuple((*row, b) for row, b in zip(rows, biases, strict=True))
        if is_generic(rows) and is_generic(extended):
            break
    planes = planes_of(zip(rows, biases, strict=True))
    cells = partition(one_layer(rows, biases))
    # All through the point (-1, ..., -1).
    central = partition(one_layer(rows, tuple(sum(row, Fraction(0)) for row in rows)))
    bounded = int(np.sum(~cells.is_unbounded))
    return (
        cells.num_regions == count(planes, d) == generic_count(n, d)
        and bounded == (count_bounded(planes, d) if n >= d else 0) == comb(n - 1, d)
        and central.num_regions == central_count(n, d)
        and not np.any(~central.is_unbounded)
    )


def _is_classical(name: str) -> bool:
    """Return whether the counts of a classical arrangement are the known number."""
    planes, d, known = CLASSICAL[name]
    rows = tuple(tuple(map(Fraction, plane[:-1])) for plane in planes)
    biases = tuple(Fraction(plane[-1]) for plane in planes)
    return count(planes, d) == known == partition(one_layer(rows, biases)).num_regions


def fewer_regions(instance: Instance) -> str | None:
    """Return by how many regions centering lessens a network's partition of the whole space."""
    given, after = _before_and_after(instance)
    told = f"{counted(given, 'region')} with the given biases, {after} centred"
    return told if after < given else None


def _before_and_after(instance: Instance) -> tuple[int, int]:
    """Return the numbers of regions with the given biases and centred."""
    network, _ = instance.given()
    return partition(network).num_regions, partition(centred_by(instance)).num_regions


def lost_regions(instance: Instance) -> int:
    """Return how many regions centering takes away, negative where it adds some."""
    before, after = _before_and_after(instance)
    return before - after


def _plane_network(rng: random.Random) -> Instance:
    """Return a network of two inputs with random biases, and data."""
    widths = (2, *(rng.randint(2, 4) for _ in range(rng.randint(1, 2))), 1)
    return Instance(draw_network(rng, widths), draw_matrix(rng, rng.randint(2, 5), 2))


@claim(
    "F3",
    "counting",
    "batch normalization gives more regions, whatever the biases",
    statement="""A ReLU network centred on data has at least as many regions in the whole input
    space as the same weights with any biases.""",
    assumptions="none is usually named; sigma > 0",
    source="a global reading of Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly "
    "repeated",
    method="a stored counterexample, counted exactly; the share among random networks",
    expected=Status.REFUTED,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""The abstract speaks of the partition near the data, which is K14. F3E is the
    statement about random biases, in expectation.""",
    violation=fewer_regions,
    propose=_plane_network,
    margin=lost_regions,
)
def more_regions(effort: Effort) -> Verdict:
    """Replay the counterexample, and count both signs of the difference on random networks."""
    example = stored("F3")
    reason = fewer_regions(example)
    rng, signs = random.Random(103), {-1: 0, 0: 0, 1: 0}

    def drawn(rng: random.Random) -> Instance:
        return Instance(draw_network(rng, (2, 4, 4, 1)), draw_matrix(rng, 6, 2))

    seen = survey(fewer_regions, drawn, rng, effort.of(60, 2000))
    for instance in seen.instances:
        before, after = _before_and_after(instance)
        signs[(after > before) - (after < before)] += 1
    if reason is None:
        return Verdict(Status.OPEN, "the counterexample violates nothing")
    return Verdict(
        Status.REFUTED,
        f"{reason}: layer 1 falls from generic to central as soon as n > d. In deep networks "
        f"both signs occur: of {seen.count} networks 2-4-4 {signs[1]} gained, {signs[-1]} lost.",
        seen.count,
        {
            "layer 1, n = 10": ", ".join(
                f"d = {d}: {generic_count(10, d)} to {central_count(10, d)}" for d in (1, 2, 3)
            ),
            "2-4-4, weights and biases from -9 to 9": f"more {signs[1]}, fewer {signs[-1]}, "
            f"as many {signs[0]}",
        },
        example,
    )


def _two_layers(rng: random.Random) -> Instance:
    """Return a ReLU network of one or two inputs, and data to centre it on."""
    d = rng.randint(1, 2)
    network = draw_network(rng, (d, rng.randint(1, 3), rng.randint(1, 2), 1))
    return Instance(network, draw_matrix(rng, rng.randint(2, 4), d))


def merged_regions(instance: Instance) -> str | None:
    """Return two neighbouring regions on which the centred network is one affine map.

    The units must be ReLU, and all weights different from 0, so that no unit is idle by design.
    """
    centred = centred_by(instance)
    if any(layer.slope != 0 for layer in centred.hidden):
        raise HypothesisError("expected ReLU, whose slope is 0")
    if any(0 in row for layer in centred.layers for row in layer.weight):
        raise HypothesisError("expected weights != 0")
    cells = partition(centred)
    maps = [cells.affine_map(i) for i in range(cells.num_regions)]
    for i, j in cells.edges.tolist():
        if maps[i] == maps[j]:
            one, other = pattern_text(cells, i), pattern_text(cells, j)
            return f"regions {one} and {other} have the same affine map"
    return None


def vanishing_unit(network: Network) -> str | None:
    """Return a neuron whose preactivation is identically zero on a region."""
    cells = partition(network)
    for i, point in enumerate(cells.witnesses()):
        signs = [sign(t) for layer in network.preactivations(point) for t in layer]
        if 0 in signs:
            # An inside point of a region is on no boundary, so this zero is one of the region.
            return f"neuron {signs.index(0) + 1} vanishes on region {pattern_text(cells, i)}"
    return None


@claim(
    "F15",
    "counting",
    "activation regions are the linear regions",
    statement="""The activation regions of a batch-normalized ReLU network with non-zero weights are
    its linear regions: neighbours have different affine maps, and no preactivation vanishes on a
    region.""",
    assumptions="none is usually named",
    source="folklore, as commonly stated",
    method="a stored counterexample by exact affine maps; exact examples of vanishing units",
    expected=Status.REFUTED,
    answers=("S1",),
    violation=merged_regions,
    propose=_two_layers,
)
def linear_regions(effort: Effort) -> Verdict:
    """Replay the counterexample, count such networks, and show units that vanish on a region."""
    example = stored("F15")
    reason = merged_regions(example)
    seen = survey(merged_regions, _two_layers, random.Random(115), effort.of(40, 1500))
    one = Fraction(1)
    # relu(x) - relu(y) without biases: zero on the quadrant x, y < 0.
    zero_bias = Network.from_arrays([[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
    vanishing = vanishing_unit(zero_bias)
    # A point at the centroid lies on every hyperplane of layer 1.
    data = tuple((t,) for t in (-one, 0 * one, one))
    on_boundary = center(Network.from_arrays([[[1]], [[1]]], [[0], [0]]), data)
    tie = on_boundary.preactivations(data[1])[0][0]
    if reason is None or vanishing is None or tie != 0:
        return Verdict(Status.OPEN, "the examples are not what they should be")
    return Verdict(
        Status.REFUTED,
        f"{reason[0].upper()}{reason[1:]}: there are more activation regions than linear ones.",
        seen.count,
        {
            "random centred networks with such neighbours": seen.share,
            **minimality(merged_regions, (1, 1, 1), effort.of(1, 3), 3, has_outputs=True),
            "zero bias, relu(x) - relu(y)": vanishing,
            "data -1, 0, 1, w = (1)": "the sample 0 lies on the centred hyperplane: no side",
        },
        example,
    )

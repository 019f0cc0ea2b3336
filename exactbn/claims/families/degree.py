"""Claims about the region graph's mean degree: where it is at most twice the number of inputs.

The proofs stand in docs/mean_degree.md.
"""

import random
from fractions import Fraction
from itertools import product

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import rank
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.grids import greatest_gain, grids_left, slack
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Vector, to_text
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import Partition, partition

_PAPER = "Gaines and Bi 2026 (arXiv 2606.07728), as summaries have it; hypotheses unknown here"
#: Hidden units of the smallest network that is known to have a mean degree above six.
SMALLEST = 13


def cells_of(instance: Instance) -> Partition:
    """Return the partition of the cube [low, high]^d, of all of R^d where no cube is given.

    Raises
    ------
    HypothesisError
        If there is no network, or only one end of the cube.
    """
    if instance.network is None:
        raise HypothesisError("the instance has no network")
    ends = {"low", "high"} & set(instance.numbers)
    if not ends:
        return partition(instance.network)
    return partition(instance.network, (instance.number("low"), instance.number("high")))


def above_simple_bound(instance: Instance) -> str | None:
    """Return the numbers where E > d (R - 1), for one hidden layer or at most two inputs.

    Raises
    ------
    HypothesisError
        If there are more hidden layers and more inputs.
    """
    cells = cells_of(instance)
    network = cells.network
    d = network.num_inputs
    if d > 2 and len(network.hidden) > 1:
        raise HypothesisError(f"{len(network.hidden)} hidden layers of {d} inputs")
    if cells.num_adjacencies > d * (cells.num_regions - 1):
        return f"{cells.num_regions} regions and {cells.num_adjacencies} adjacencies"
    return None


def excess(instance: Instance) -> Fraction:
    """Return E / R - d: positive where the mean degree 2 E / R is more than 2 d.

    A climb on E - d R would end at the network without units, where it is -d.
    """
    cells = cells_of(instance)
    return Fraction(cells.num_adjacencies, cells.num_regions) - cells.network.num_inputs


def above_mean_degree(instance: Instance) -> str | None:
    """Return the numbers of a region graph whose mean degree is more than 2 d."""
    cells = cells_of(instance)
    d, regions, edges = cells.network.num_inputs, cells.num_regions, cells.num_adjacencies
    if edges <= d * regions:
        return None
    return (
        f"{regions} regions and {edges} adjacencies, mean degree "
        f"{to_text(Fraction(2 * edges, regions))} with {d} inputs"
    )


def _shallow_or_flat(rng: random.Random) -> Instance:
    """Return a network of one hidden layer, or of at most two inputs; parallel units are common."""
    d = rng.randint(1, 4)
    depth = 1 if d > 2 else rng.randint(1, 3)
    widths = (d, *(rng.randint(1, 8 if depth == 1 else 5) for _ in range(depth)), 1)
    slope = rng.choice((Fraction(0), Fraction(1, 10), Fraction(-1)))
    network = draw_network(rng, widths, size=rng.choice((1, 2, 9)), slope=slope)
    half = Fraction(rng.randint(1, 4))
    return Instance(network, (), rng.choice(({}, {"low": -half, "high": half})))


@claim(
    "K30",
    "degree",
    "one hidden layer, or two inputs: the mean degree is below twice the number of inputs",
    statement="""Let the region graph of a network of d inputs in an open convex domain have R
    regions and E adjacencies. If the network has one hidden layer, or d <= 2, then E <= d (R - 1):
    the mean degree 2 E / R is less than 2 d. Units may be equal, parallel or dead, and slopes
    any.""",
    assumptions="one hidden layer, or d <= 2; an open convex domain, R^d among them.",
    source="for simple arrangements classical (as commonly stated); the rest proved here, "
    "docs/mean_degree.md",
    method="proof by adding the units one by one; exact graphs, degenerate ones among them",
    expected=Status.PROVED,
    proof="""A hyperplane H that is added cuts as many regions as it has cells of its own, r; each
    gives a region and an adjacency. A facet that H cuts gives an adjacency, and the cut is a facet
    between two cells of H's own arrangement, at most (d - 1) (r - 1) by induction on d. So E grows
    by at most r + (d - 1) (r - 1) <= d r, R by r, and at the start R = 1, E = 0. For d = 2 the
    pieces of a bent line are segments, and a cut edge is an end of two of them: at most r. For d =
    1 nothing but the pieces is brought.""",
    violation=above_simple_bound,
    propose=_shallow_or_flat,
)
def simple_bound(effort: Effort) -> Verdict:
    """Compare exact graphs with the bound that is proved."""
    seen = survey(above_simple_bound, _shallow_or_flat, random.Random(30), effort.of(80, 3000))
    if seen.failure is not None:
        return seen.failure
    nearest = max(_share(instance) for instance in seen.instances)
    return Verdict(
        Status.PROVED,
        "Every unit that is added brings at most d adjacencies for each region that it brings, "
        f"and the first region has none. {seen.count} exact graphs agree.",
        seen.count,
        {"greatest E / (d (R - 1)) among them": to_text(nearest)},
    )


def _share(instance: Instance) -> Fraction:
    """Return E / (d (R - 1)), 0 where there is one region."""
    cells = cells_of(instance)
    if cells.num_regions == 1:
        return Fraction(0)
    return Fraction(cells.num_adjacencies, cells.network.num_inputs * (cells.num_regions - 1))


def waves(levels: tuple[Fraction, ...], jumps: tuple[tuple[int, int, int], ...]) -> Network:
    """Return the network of three inputs whose second layer has the levels of one sum of waves.

    A jump (b, s, a) stands for a relu(s (x_i - b)), on every axis.
    """
    rows, biases, outer = [], [], []
    for axis in range(3):
        for b, s, a in jumps:
            rows.append([s if k == axis else 0 for k in range(3)])
            biases.append(-s * b)
            outer.append(a)
    return Network.from_arrays(
        [rows, [outer] * len(levels), [[0] * len(levels)]], [biases, list(levels), [0]]
    )


def _drawn_waves(rng: random.Random) -> Instance:
    """Return a network of three inputs whose first layer is a grid, its second near-parallel."""
    count = rng.randint(3, 4)
    rows, outer, biases = [], [], []
    for axis in range(3):
        for k in range(count):
            sign = -1 if k == count - 1 else 1
            rows.append(tuple(Fraction(sign if j == axis else 0) for j in range(3)))
            biases.append(Fraction(-sign * 2 * k))
            outer.append(Fraction((-1) ** (k + 1) * rng.randint(2, 4)))
    first = Layer(tuple(rows), tuple(biases), Fraction(0))
    size = rng.randint(3, 5)
    base, gap = Fraction(rng.randint(-30, 30)), Fraction(1, rng.randint(1, 8))
    second = Layer((tuple(outer),) * size, tuple(base + k * gap for k in range(size)), Fraction(0))
    last = Layer(((Fraction(0),) * size,), (Fraction(0),), Fraction(1))
    return Instance(Network((first, second, last)))


def _deep(rng: random.Random) -> Instance:
    """Return a network of three inputs and two or three hidden layers."""
    widths = (3, *(rng.randint(3, 6) for _ in range(rng.randint(2, 3))), 1)
    network = draw_network(rng, widths)
    if rng.random() < 0.5:
        biases = [draw_matrix(rng, 1, layer.num_neurons, 30)[0] for layer in network.layers]
        network = Network.from_arrays([layer.weight for layer in network.layers], biases)
    return Instance(network)


@claim(
    "F30",
    "degree",
    "the region graph has a mean degree of at most twice the number of inputs",
    statement="""The mean degree of the region graph of a ReLU network of d inputs, in R^d, is at
    most 2 d, whatever its width and depth.""",
    assumptions="none stands in the summaries at hand",
    source=_PAPER,
    method="a stored counterexample of three inputs and two hidden layers in all of R^3, counted "
    "exactly; the smallest of its kind by K31; with the assumption K30",
    expected=Status.NEEDS,
    violation=above_mean_degree,
    propose=_drawn_waves,
    margin=excess,
)
def mean_degree(effort: Effort) -> Verdict:
    """Replay the counterexample, and count how rare such networks are among random ones.

    A unit of the second layer bends a surface of Euler characteristic chi over a generic first
    layer: it brings m regions and 3 m - 2 chi - e / 2 adjacencies, e the number of its unbounded
    edges. A sum of three waves has level surfaces of genus 5, so chi = -8, and four suffice.
    """
    seen = survey(above_mean_degree, _deep, random.Random(130), effort.of(40, 1500))
    closest = max(_share(instance) for instance in seen.instances)
    met = survey(above_mean_degree, _shallow_or_flat, random.Random(131), effort.of(20, 500))
    if met.failure is not None:
        return met.failure
    return refuted(
        "F30",
        above_mean_degree,
        "A bent surface with many handles has more neighbours among its pieces than a plane has.",
        instances=met.count,
        details={
            "random networks of 3 inputs, 2 or 3 hidden layers, above 2 d": seen.share,
            "greatest E / (d (R - 1)) among them": to_text(closest),
            "hidden units of the counterexample": f"{SMALLEST}; fewer are excluded in its class, "
            "K31; in general that is open",
            "more inputs": "with n parallel planes of a further axis the mean degree grows by "
            "2 - 2 / (n + 1), so for every d >= 3 there is a counterexample",
        },
        assumption="one hidden layer, or at most two inputs",
    )


def _is_in_class(network: Network) -> bool:
    """Return whether a network is of the class of K31, whatever the number of its units."""
    if network.num_inputs != 3 or len(network.hidden) != 2:
        return False
    first, second = network.hidden
    if first.slope != 0 or any(sum(t != 0 for t in row) > 1 for row in first.weight):
        return False
    if rank(second.weight) != 1 or any(not any(row) for row in second.weight):
        return False
    kinks = [sorted({-b / row[axis] for row, b in zip(first.weight, first.bias, strict=True)
                     if row[axis]}) for axis in range(3)]  # fmt: skip
    vertices = [first.activation(first.preactivation(x)) for x in product(*kinks)]
    meets_vertex = any(0 in second.preactivation(h) for h in vertices)
    return not meets_vertex or not _has_flat_piece(first, second.weight[0], kinks)


def _has_flat_piece(first: Layer, row: Vector, kinks: list[list[Fraction]]) -> bool:
    """Return whether the second layer does not depend on some axis between two of its planes."""
    for axis, places in enumerate(kinks):
        insides = [Fraction(0)]
        if places:
            middles = [(a + b) / 2 for a, b in zip(places, places[1:], strict=False)]
            insides = [places[0] - 1, *middles, places[-1] + 1]
        for t in insides:
            point = tuple(t if k == axis else Fraction(0) for k in range(3))
            is_on = [z > 0 for z in first.preactivation(point)]
            slopes = (a * w[axis] for a, w, on in zip(row, first.weight, is_on, strict=True) if on)
            if sum(slopes, Fraction(0)) == 0:
                return True
    return False


def above_in_class(instance: Instance) -> str | None:
    """Return the numbers of a network of the class of K31 that is above the mean degree.

    Raises
    ------
    HypothesisError
        If the network is not in the class, or has too many units.
    """
    network = instance.network
    if network is None or not _is_in_class(network):
        raise HypothesisError("no network of an axis-parallel first and a parallel second layer")
    if network.num_hidden >= SMALLEST:
        raise HypothesisError(f"{network.num_hidden} hidden units, expected fewer than {SMALLEST}")
    return above_mean_degree(instance)


def _drawn_small_waves(rng: random.Random) -> Instance:
    """Return a network of the class with too few units."""
    counts = [rng.randint(1, 3) for _ in range(3)]
    rows, biases = [], []
    for axis, count in enumerate(counts):
        for k in range(count):
            sign = rng.choice((-1, 1))
            rows.append([sign if j == axis else 0 for j in range(3)])
            biases.append(-sign * 2 * k)
    outer = [rng.choice((-3, -2, -1, 1, 2, 3)) for _ in rows]
    levels = [rng.randint(-20, 20) for _ in range(rng.randint(1, SMALLEST - 1 - len(rows)))]
    return Instance(
        Network.from_arrays(
            [rows, [outer] * len(levels), [[0] * len(levels)]], [biases, levels, [0]]
        )
    )


@claim(
    "K31",
    "degree",
    "no network of waves with fewer than 13 hidden units has a mean degree above 6",
    statement="""Let a ReLU network of three inputs have two hidden layers, the first with
    axis-parallel planes, the second with rows != 0 parallel to each other, and let the second layer
    vanish at no vertex of the first layer's grid, or depend on every axis on each of its pieces
    between neighbouring planes. If it has fewer than 13 hidden units, its region graph in R^3 has
    mean degree at most 6. With 13 units there is one above.""",
    assumptions="this class of networks, all of R^3.",
    source="proved here, docs/mean_degree.md",
    method="exhaustion: all orders of kinks, ends and down-sets that counting sides leaves open",
    expected=Status.PROVED,
    violation=above_in_class,
    propose=_drawn_small_waves,
)
def smallest_waves(effort: Effort) -> Verdict:
    """Go through the surfaces on all grids that the numbers of sides leave open.

    k_i planes on axis i make a grid with 3 R - E = S, and a surface that cuts m cells and c facets
    lessens it by c - 2 m, at most G. Parallel levels do not meet, so n of them give at most n G,
    and E > 3 R needs n G > S.
    """
    left = grids_left(SMALLEST - 1)
    cases, lines, is_proved = 0, {}, True
    lines["ends of waves"] = "rising, falling" + (", constant" if effort.is_full else "")
    for grid, levels in left:
        name = "-".join(map(str, grid)) + f" planes, {levels} levels"
        # Flat ends add ten times the cases; the quick check leaves them out.
        found = greatest_gain(grid, has_flat_ends=effort.is_full)
        cases += found.cases
        lines[name] = (
            f"{found.cases} surfaces, greatest gain {found.gain}: {levels * found.gain} of the "
            f"{slack(grid) + 1} that are needed"
        )
        is_proved = is_proved and levels * found.gain <= slack(grid)
    seen = survey(above_in_class, _drawn_small_waves, random.Random(31), effort.of(30, 500))
    if seen.failure is not None:
        return seen.failure
    if not is_proved:
        return Verdict(Status.OPEN, "some grid has surfaces of a greater gain", cases, lines)
    return Verdict(
        Status.PROVED,
        f"Counting sides excludes all but {len(left)} grids, and none of the {cases} surfaces on "
        f"those that were gone through gains enough; {seen.count} drawn networks agree.",
        cases + seen.count,
        lines,
    )

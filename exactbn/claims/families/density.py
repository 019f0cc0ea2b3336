"""Claims about regions near the data: what centering does locally, and against which baseline."""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from dataclasses import replace
from functools import partial

from exactbn.claims.families.noise import moments
from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.evidence import refuted
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.algebra import rank
from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.line import pieces, zeros
from exactbn.claims.tools.normalized import centred_by
from exactbn.errors import HypothesisError
from exactbn.exact.rational import Matrix, Vector, dot, to_text
from exactbn.model.batchnorm import center
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.regions.distances import measure_points
from exactbn.study.initialization import zero_biases
from exactbn.wording import counted

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly stated"


def window_verdicts(instance: Instance) -> tuple[bool, bool, int, bool]:
    """Return (closed criterion, open criterion, regions in the window, closed window is met).

    The breakpoint hyperplane is {x : w . (x - xbar) = t s}, w the first row of the network, xbar
    the mean of the data; the window is the l_inf ball of ``radius`` around the first data point.
    """
    (network, data), shift = instance.given(), instance.number("shift")
    radius, row = instance.number("radius"), network.layers[0].weight[0]
    if radius <= 0 or not any(row):
        raise HypothesisError("expected a radius > 0 and a row w != 0")
    x0 = data[0]
    mean = [sum(column, Fraction(0)) / len(data) for column in zip(*data)]
    at_center = sum((w * (t - m) for w, t, m in zip(row, x0, mean, strict=True)), Fraction(0))
    reach = radius * sum(map(abs, row), Fraction(0))
    offset = -sum((w * m for w, m in zip(row, mean, strict=True)), Fraction(0)) - shift
    unit = Network.from_arrays([[row], [[1]]], [[offset], [0]])
    ball = Box.ball(x0, radius)
    corners = [
        unit.preactivations([lo if w > 0 else hi for w, lo, hi in zip(row, *sides, strict=True)])
        for sides in ((ball.lo, ball.hi), (ball.hi, ball.lo))
    ]
    least, greatest = (corner[0][0] for corner in corners)
    distance = abs(at_center - shift)
    regions = int(count_regions(unit, [ball])[0])
    return distance <= reach, distance < reach, regions, least <= 0 <= greatest


def window_violation(instance: Instance) -> str | None:
    """Return where the window criterion and the exact geometry differ, or None."""
    closed, opened, regions, is_met = window_verdicts(instance)
    if closed != is_met:
        return f"the closed window: {closed} by the criterion, {is_met} by its corners"
    if opened != (regions == 2):
        return f"the open window: {opened} by the criterion, {counted(regions, 'region')}"
    return None


def draw_window(rng: random.Random) -> Instance:
    """Return a unit, data, a window and a breakpoint; often one that just touches the window."""
    d = rng.randint(1, 4)
    network = draw_network(rng, (d, 1, 1), size=5)
    data = draw_matrix(rng, rng.randint(1, 4), d, 5)
    radius, shift = abs(draw_fraction(rng)) + Fraction(1, 6), draw_fraction(rng, 20)
    if rng.random() < 0.5:
        row = network.layers[0].weight[0]
        mean = [sum(column, Fraction(0)) / len(data) for column in zip(*data, strict=True)]
        value = sum((w * (t - m) for w, t, m in zip(row, data[0], mean, strict=True)), Fraction(0))
        shift = value + rng.choice((1, -1)) * radius * sum(map(abs, row), Fraction(0))
    return Instance(network, data, {"radius": radius, "shift": shift})


@claim(
    "K10",
    "density",
    "when a breakpoint hyperplane meets a window",
    statement="""The hyperplane {x : w . (x - xbar) = t s} meets the closed ball {|x - x0|_inf <= r}
    if and only if |w . (x0 - xbar) - t s| <= r |w|_1, and the open ball if and only if the
    inequality is strict; with equality it touches a face and makes no new region.""",
    assumptions="w != 0, r > 0.",
    source="Qi et al. 2026 (arXiv 2605.04946), reconstructed",
    method="proof by the dual norm, and exact partitions of windows, half of them touched exactly",
    expected=Status.PROVED,
    answers=("S1",),
    is_reconstructed=True,
    proof="""w . (x - x0) takes on the closed ball exactly the values of [-r |w|_1, r |w|_1], the
    ends at corners, and on the open ball those of the open interval, as w != 0. So the form w . (x
    - xbar) - t s, which is w . (x0 - xbar) - t s at x0, has a zero in the ball exactly if its value
    at x0 is at most that large, or less. With equality it has one sign in the open ball.""",
    violation=window_violation,
    propose=draw_window,
)
def window_criterion(effort: Effort) -> Verdict:
    """Compare the criterion with exact partitions of the window, equality included."""
    seen = survey(window_violation, draw_window, random.Random(10), effort.of(120, 3000))
    found = [window_verdicts(instance) for instance in seen.instances]
    equal = sum(closed and not opened for closed, opened, *_ in found)
    return seen.failure or Verdict(
        Status.PROVED,
        "The maximum of w . u over |u|_inf <= r is r |w|_1, at a corner; so the range of the "
        "form on "
        f"the ball is an interval of that half length. {seen.count} windows agree with their exact "
        f"partitions, {equal} of them touched exactly.",
        seen.count,
    )


def near_counts(network: Network, data: Sequence[Vector], radius: Fraction) -> list[int]:
    """Return the exact numbers of regions that meet the open l_inf balls around the points."""
    return [int(t) for t in count_regions(network, [Box.ball(x, radius) for x in data])]


def near_totals(instance: Instance) -> dict[str, int]:
    """Return the regions near the data, summed over the points: centred, zero bias, given bias."""
    (network, data), radius = instance.given(), instance.number("radius")
    if radius <= 0:
        raise HypothesisError("expected a radius > 0")
    networks = {
        "centred": centred_by(instance),
        "zero bias": zero_biases(network),
        "given bias": network,
    }
    return {name: sum(near_counts(net, data, radius)) for name, net in networks.items()}


def near_radii(instance: Instance) -> str:
    """Return for which radii besides its own the regions near the data are as many, or "none".

    Regions that meet an open ball do not grow fewer with the radius: equal numbers at two radii are
    the numbers at all between.
    """
    radius = instance.number("radius")
    ends = radius * Fraction(3, 4), radius * Fraction(5, 4)
    least, greatest = (near_totals(replace(instance, numbers={"radius": r})) for r in ends)
    return f"from {to_text(ends[0])} to {to_text(ends[1])}" if least == greatest else "none"


def _text(counts: dict[str, int]) -> str:
    """Return counts as text."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def fewer_near(instance: Instance) -> str | None:
    """Return why centring gives fewer regions near the data than the given biases, or None."""
    counts = near_totals(instance)
    if counts["centred"] >= counts["given bias"]:
        return None
    return f"regions near the data: {_text(counts)}"


def baseline_matters(instance: Instance) -> str | None:
    """Return why centring wins against one baseline and loses against the other, or None."""
    counts = near_totals(instance)
    zero, given = (counts["centred"] - counts[name] for name in ("zero bias", "given bias"))
    return f"regions near the data: {_text(counts)}" if zero * given < 0 else None


def draw_near(rng: random.Random) -> Instance:
    """Return a network, data, sometimes in clusters, and a radius."""
    d = rng.randint(1, 2)
    network = draw_network(rng, (d, rng.randint(1, 3), *([2] * rng.randint(0, 1)), 1), size=3)
    centers = draw_matrix(rng, rng.randint(1, 2), d, 6)
    data: Matrix = tuple(
        tuple(t + rng.randint(-1, 1) for t in rng.choice(centers)) for _ in range(rng.randint(1, 4))
    )
    radius = rng.choice((Fraction(1, 2), Fraction(1), Fraction(2)))
    return Instance(network, data, {"radius": radius})


@claim(
    "K14",
    "density",
    "centering raises the number of regions near the data, whatever the biases",
    statement="""For the same weights, whatever the biases, the centred network has at least as many
    regions in the open l_inf balls of radius r around the data points, summed over the points, as
    the network with its given biases.""",
    assumptions="none is stated; sigma > 0.",
    source=_PAPER,
    method="exact counterexample, found by search; exact counts over random integer networks and "
    "data in one cloud and in two clusters",
    expected=Status.REFUTED,
    violation=fewer_near,
    propose=draw_near,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""The biases here are the worst ones. K14E is the statement about random biases, in
    expectation.""",
)
def regions_near_data(effort: Effort) -> Verdict:
    """Replay the counterexample, and report both signs over random networks."""
    details, checked = {}, 0
    for name, spread in (("one cloud", 0), ("two clusters", 12)):
        seen = survey(
            fewer_near, partial(_draw_clouds, spread), random.Random(f"near {name}"),
            effort.of(12, 60),
        )  # fmt: skip
        checked += seen.count
        counts = [near_totals(instance) for instance in seen.instances]
        for other in ("zero bias", "given bias"):
            found = [Fraction(t["centred"] - t[other]) for t in counts]
            details[f"{name}, centred minus {other}"] = _signs(found)
    return refuted(
        "K14",
        fewer_near,
        "It depends on where the biases put the hyperplanes and on the data; exact counts of both "
        "signs occur.",
        instances=checked,
        details={"as many for all radii": near_radii(stored("K14")), **details},
    )


def _draw_clouds(spread: int, rng: random.Random) -> Instance:
    """Return a 2-6-6-1 network, eight points around the origin or in clusters, and a radius."""
    data = tuple(
        tuple(Fraction(rng.randint(-3, 3) + rng.choice((-1, 1)) * spread) for _ in range(2))
        for _ in range(8)
    )
    return Instance(draw_network(rng, (2, 6, 6, 1), size=6), data, {"radius": Fraction(1)})


def _signs(differences: Sequence[Fraction]) -> str:
    """Return how many differences have each sign."""
    up, down = (sum(sign * t > 0 for t in differences) for sign in (1, -1))
    return f"{up} more, {down} fewer of {len(differences)}"


def farther(instance: Instance) -> str | None:
    """Return why some data point is farther from the boundaries after centring, or None."""
    network, data = instance.given()
    given = measure_points(network, data).squared_distances
    centred = measure_points(centred_by(instance), data)
    for x, before, after in zip(data, given, centred.squared_distances, strict=True):
        if before is not None and after is not None and after > before:
            point = ", ".join(map(to_text, x))
            change = f"{to_text(before)} before, {to_text(after)} after"
            return f"squared distance at ({point}): {change}"
    return None


@claim(
    "K15",
    "density",
    "centering brings the nearest boundary nearer to every data point",
    statement="""For the same weights, whatever the biases, the distance of each data point to the
    nearest boundary of the partition is at most as large in the centred network as with the given
    biases.""",
    assumptions="none is stated; sigma > 0.",
    source=_PAPER,
    method="exact counterexample, found by search; the sum of squared distances to all hyperplanes "
    "of the first layer is what is minimal (K1)",
    expected=Status.REFUTED,
    violation=farther,
    propose=draw_near,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""The biases here are the worst ones, and each point counts. K15E is the statement
    about random biases, in expectation.""",
)
def nearest_boundary(effort: Effort) -> Verdict:
    """Replay the counterexample, and count both signs over random networks."""
    seen = survey(farther, draw_near, random.Random(15), effort.of(20, 300))
    nearer = further = 0
    for instance in seen.instances:
        network, data = instance.given()
        pairs = zip(
            measure_points(network, data).squared_distances,
            measure_points(center(network, data), data).squared_distances,
            strict=True,
        )
        for before, after in pairs:
            if before is not None and after is not None:
                nearer += after < before
                further += after > before
    return refuted(
        "K15",
        farther,
        "In layer 1 the mean squared distance of the points to each hyperplane is least after "
        "centering (K1), while single distances may grow. From layer 2 on even the mean squared "
        "distance to a unit's boundary in the input space may grow, since K1 speaks of the layer's "
        "own input space.",
        instances=seen.count,
        details={
            "points of random networks": f"{nearer} nearer, {further} farther",
            "an example of layer 2": deep_farther(stored("K15-deep")) or "none",
        },
    )


def deep_farther(instance: Instance) -> str | None:
    """Return a unit of layer 2 whose boundary centering takes farther from the data, in the mean.

    One input; squared distances in the input space. Before and after, the unit must vanish
    somewhere, and at single points only.
    """
    (network, data), centred = instance.given(), centred_by(instance)
    if network.num_inputs != 1 or len(network.hidden) < 2:
        raise HypothesisError("expected one input and two hidden layers")
    for k in range(network.hidden[1].num_neurons):
        before, after = (_mean_squared_distance(net, k, data) for net in (network, centred))
        if before is not None and after is not None and after > before:
            return (
                f"layer 2, unit {k + 1}: the mean squared distance is {to_text(before)} with the "
                f"given biases and {to_text(after)} centred"
            )
    return None


def _mean_squared_distance(network: Network, k: int, data: Matrix) -> Fraction | None:
    """Return that of the data to the zeros of unit k of layer 2, None unless these are points."""
    found = [zeros(piece, k) for piece in pieces(network, 1)]
    points = {ends[0] for ends in found if ends is not None and ends[0] == ends[1]}
    if not points or any(ends is not None and ends[0] != ends[1] for ends in found):
        return None
    squares = [min((x[0] - t) ** 2 for t in points if t is not None) for x in data]
    return sum(squares, Fraction(0)) / len(data)


def loses_points(instance: Instance) -> str | None:
    """Return why another offset has more points near its hyperplane than the mean has, or None."""
    radius, offset = instance.number("radius"), instance.number("offset")
    if not instance.data or radius <= 0:
        raise HypothesisError("expected data, and a radius > 0")
    values = [row[0] for row in instance.data]
    mean = moments(values)[0]
    sums, near = (
        [measure(c) for c in (mean, offset)]
        for measure in (
            _count(lambda v, c: (v - c) ** 2, values),
            _count(lambda v, c: Fraction(abs(v - c) <= radius), values),
        )
    )
    if not (sums[0] < sums[1] and near[0] < near[1]):
        return None
    return (
        f"the sum of squared distances is {to_text(sums[0])} at the mean {to_text(mean)} and "
        f"{to_text(sums[1])} at {to_text(offset)}, but {to_text(near[0])} and {to_text(near[1])} "
        f"points are within {to_text(radius)}"
    )


def _count(
    term: Callable[[Fraction, Fraction], Fraction], values: Sequence[Fraction]
) -> Callable[[Fraction], Fraction]:
    """Return c -> the sum of ``term(v, c)`` over the values."""
    return lambda c: sum((term(v, c) for v in values), Fraction(0))


def draw_offsets(rng: random.Random) -> Instance:
    """Return points on a line, a radius and another offset."""
    return Instance(
        None,
        draw_matrix(rng, rng.randint(2, 6), 1, 9),
        {"radius": Fraction(rng.randint(1, 4)), "offset": Fraction(rng.randint(-9, 9))},
    )


@claim(
    "F4",
    "density",
    "the smallest sum of squared distances means the most data near the boundary",
    statement="""The offset that minimises the sum of squared distances from the data to a
    hyperplane has at least as many data points within any distance r of the hyperplane as any other
    offset.""",
    assumptions="none is stated.",
    source=_PAPER,
    method="exact counterexample, found by search",
    expected=Status.REFUTED,
    answers=("S1",),
    is_reconstructed=True,
    fairness="""For data in one cloud around its mean it is often so; see K14E.""",
    violation=loses_points,
    propose=draw_offsets,
)
def sum_is_not_density(effort: Effort) -> Verdict:
    """Replay the counterexample."""
    return refuted("F4", loses_points, "Between two clusters the mean is near to no point at all.")


@claim(
    "F17",
    "density",
    "the baseline does not matter",
    statement="""Whether the centred network has more regions near the data than an uncentred one
    with the same weights does not depend on whether the latter has zero or random biases. Regions
    near the data are those that meet the open l_inf balls of one radius around the points, summed
    over the points.""",
    assumptions="none is stated; sigma > 0, so at least two points.",
    source="comparisons of initializations, as commonly made",
    method="exact counterexample, found by search: one network and data on which centering wins "
    "against one baseline and loses against the other; and when zero bias is centering, by proof",
    expected=Status.REFUTED,
    violation=baseline_matters,
    propose=draw_near,
    answers=("S1", "S2"),
    proof="""When zero bias is centering: the centred bias of unit k of layer 1 is -w_k . xbar, xbar
    the mean of the data. So zero biases are the centred ones exactly if every row is orthogonal to
    xbar. If the rows span the space this says xbar = 0; if they do not, some xbar != 0 will do: for
    w = (1, 0) and the data (1, 0), (-1, 10) the mean is (0, 5), and zero bias is centering.""",
)
def baseline(effort: Effort) -> Verdict:
    """Replay the counterexample, and check when zero bias is centering."""
    wanted = effort.of(100, 2000)
    zero = survey(zero_bias_violation, draw_orthogonal, random.Random(17), wanted)
    seen = survey(baseline_matters, draw_near, random.Random(170), effort.of(30, 500))
    return zero.failure or refuted(
        "F17",
        baseline_matters,
        "For the first layer zero bias is centering exactly if every row is orthogonal to the mean "
        "of the data, so if the mean is zero, and only then where the rows span the space. Random "
        "biases depend on their scale. A comparison has to name its baseline.",
        instances=zero.count + seen.count,
        details={
            "as many for all radii": near_radii(stored("F17")),
            "drawn networks and data on which the baselines disagree": seen.share,
            "w = (1, 0), data (1, 0), (-1, 10)": "mean (0, 5), and zero bias is centering",
        },
    )


def zero_bias_violation(instance: Instance) -> str | None:
    """Return how zero biases of layer 1 being the centred ones is not orthogonality to the mean."""
    network, data = instance.given()
    first = center(network, data).layers[0]
    mean = tuple(sum(column, Fraction(0)) / len(data) for column in zip(*data, strict=True))
    is_centred = not any(first.bias)
    if is_centred != all(dot(row, mean) == 0 for row in first.weight):
        return "zero bias is centering without orthogonal rows, or the other way round"
    if rank(first.weight) == first.num_inputs and is_centred != (not any(mean)):
        return "the rows span the space, and the mean is not zero, or the other way round"
    return None


def draw_orthogonal(rng: random.Random) -> Instance:
    """Return a layer and two or more points, often with a mean that some or all rows do not see."""
    d = rng.randint(1, 3)
    network = draw_network(rng, (d, rng.randint(1, 3), 1), size=1)
    data = draw_matrix(rng, rng.randint(2, 3), d, 1)
    return Instance(network, data)

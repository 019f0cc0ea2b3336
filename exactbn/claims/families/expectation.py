"""What centering does in expectation at initialization, beside what the worst biases do.

Torch's default initialization is drawn from recorded seeds; every network is then measured exactly.
The data sets are fixed, and so are the sample size and the tests, before any run.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.multiplicity import Comparison
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.arrangements import generic_count
from exactbn.claims.tools.bounded_mean import mean_p_value
from exactbn.claims.training.problems import Problem, problems
from exactbn.exact.rational import nearest_floats, sqrt_rounded
from exactbn.model.batchnorm import center
from exactbn.model.network import Network
from exactbn.regions.counting import count_regions
from exactbn.regions.distances import measure_points
from exactbn.regions.partitioning import partition
from exactbn.study.initialization import initialize_network, zero_biases

#: The shape 2-3-3-1, and the seeds of a quick look and in full.
WIDTHS = (3, 3)
FIRST, FEW, MANY = 50_000, 2, 1500
#: Radius of the balls, relative to the longest side of the data.
RADIUS = Fraction(1, 20)
#: A layer of n lines cuts a cell into at most generic_count(n, 2) parts.
MOST_REGIONS = generic_count(WIDTHS[0], 2) * generic_count(WIDTHS[1], 2)

BASELINES = ("random", "zero")
PROBLEMS = 6

_PAPER = "Balestriero and Baraniuk 2022 (arXiv 2209.14778), read as a statement on initialization"
_LAW = (
    "torch's default initialization of ReLU networks 2-3-3-1; iris, wine and two moons, as they "
    "are and standardized; nothing is claimed beyond."
)
_METHOD = (
    f"{MANY} networks a data set from fixed seeds, each measured exactly; a test of the "
    "expectation that assumes nothing but the bounds (a product of bets and Markov's inequality)"
)


def starts(seed: int, problem: Problem) -> dict[str, Network]:
    """Return the networks of one seed: centred, and with torch's biases and with zero biases."""
    drawn = initialize_network(seed, num_inputs=2, widths=WIDTHS)
    return {
        "centred": center(drawn, problem.train),
        "random": drawn,
        "zero": zero_biases(drawn),
    }


def measure(network: Network, problem: Problem) -> dict[str, float]:
    """Return what is compared of one network.

    ``near``: regions that meet the open l_inf ball about a training point, the mean over the
    points; ``distance``: from a training point to the nearest boundary, in longest sides of the
    data and at most 1, the mean over the points; ``regions``: their number in the plane.
    """
    squares = measure_points(network, problem.train).squared_distances
    one, side = Fraction(1), problem.longest
    cut = [one if t is None else min(one, t / side**2) for t in squares]
    distances = nearest_floats([sqrt_rounded(t) for t in cut])
    count = len(problem.train)
    return {
        "near": float(count_regions(network, problem.balls(RADIUS)).sum()) / count,
        "distance": sum(distances) / count,
        "regions": float(partition(network).num_regions),
    }


@cache
def measured(count: int) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Return the measures of ``count`` seeds, by problem and start."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for problem in problems():
        rows: dict[str, list[dict[str, float]]] = {}
        for seed in range(FIRST, FIRST + count):
            for name, network in starts(seed, problem).items():
                rows.setdefault(name, []).append(measure(network, problem))
        found[problem.key] = rows
    return found


def comparisons(measure_name: str, sign: int, bound: float, count: int) -> list[Comparison]:
    """Return the tests of one measure: centred minus each baseline, on every data set."""
    tests = []
    for problem, rows in measured(count).items():
        for baseline in BASELINES:
            pairs = zip(rows["centred"], rows[baseline], strict=True)
            values = [a[measure_name] - b[measure_name] for a, b in pairs]
            mean = sum(values) / len(values)
            up, down = (sum(side * t > 0 for t in values) for side in (1, -1))
            text = f"mean {mean:+.4g}, up in {up} and down in {down} of {len(values)} networks"
            tests.append(
                Comparison(
                    f"centred minus {baseline} biases", problem, mean_p_value(values, bound),
                    sign * ((mean > 0) - (mean < 0)), text, mean,
                )
            )  # fmt: skip
    return tests


def _verdict(measured_as: str, tests: Sequence[Comparison], count: int) -> Verdict:
    """Return the verdict of one measure."""
    summary = (
        f"Mean differences of {measured_as}, a network at a time; against each baseline a test for "
        f"each of {PROBLEMS} data sets: iris, wine and two moons, as they are and standardized"
    )
    return Verdict(
        Status.STATISTICAL, summary, count * PROBLEMS, {"networks a data set": str(count)},
        comparisons=tuple(tests),
    )  # fmt: skip


@claim(
    "K14E",
    "expectation",
    "centering raises the number of regions near the data, in expectation at initialization",
    statement="""For weights and biases drawn by torch's default initialization and the data sets
    named, the expected number of regions that meet the open l_inf ball of radius 1/20 of the
    longest side about a data point, in the mean over the points, is larger after centering than
    with the random biases, and than with zero biases.""",
    assumptions=_LAW,
    source=_PAPER,
    method=_METHOD,
    expected=Status.STATISTICAL,
    answers=("S1", "S2"),
    is_reconstructed=True,
    fairness="""It need not be so for other data: with nine points near the origin and one far off,
    the expected number of hyperplanes near the data falls from 0.90006 to 0.00580 a unit, by the
    closed form of K11 (c). That is for one unit with normal weights and Euclidean balls, against
    zero bias; for torch's uniform law, l_inf balls, deeper networks or random biases no such figure
    was computed. K14 is the statement for the worst biases.""",
    tests=12,
)
def more_near_data(effort: Effort) -> Verdict:
    """Compare the regions near the data."""
    count = effort.of(FEW, MANY)
    tests = comparisons("near", 1, MOST_REGIONS - 1, count)
    return _verdict("exact counts", tests, count)


@claim(
    "K15E",
    "expectation",
    "centering brings the nearest boundary nearer, in expectation at initialization",
    statement="""For weights and biases drawn by torch's default initialization and the data sets
    named, the expected distance of a data point to the nearest boundary (at most the longest side
    of the data, in the mean over the points) is smaller after centering than with the random
    biases, and than with zero biases.""",
    assumptions=_LAW,
    source=_PAPER,
    method=_METHOD,
    expected=Status.STATISTICAL,
    answers=("S1", "S2"),
    is_reconstructed=True,
    fairness="""Distances are cut at the longest side of the data, so that an expectation exists.
    K15 is the statement for the worst biases and each point.""",
    tests=12,
)
def nearer_boundary(effort: Effort) -> Verdict:
    """Compare the distances to the nearest boundary."""
    count = effort.of(FEW, MANY)
    return _verdict(
        "exact distances, rounded once",
        comparisons("distance", -1, 1, count), count,
    )  # fmt: skip


@claim(
    "F3E",
    "expectation",
    "centering gives more regions in the whole plane, in expectation at initialization",
    statement="""For weights and biases drawn by torch's default initialization and the data sets
    named, the expected number of regions in the whole plane is larger after centering than with the
    random biases, and than with zero biases.""",
    assumptions=_LAW,
    source="a global reading of Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly "
    "repeated, on initialization",
    method=_METHOD,
    expected=Status.STATISTICAL,
    answers=("S1", "S2"),
    is_reconstructed=True,
    fairness="""For networks of one hidden layer it is false without exception: a layer of n > 2
    units with random biases is in general position almost surely, and centering makes it central
    (K3), as zero biases do. F3 is the statement for the worst biases.""",
    tests=12,
)
def more_in_the_plane(effort: Effort) -> Verdict:
    """Compare the regions in the plane."""
    count = effort.of(FEW, MANY)
    tests = comparisons("regions", 1, MOST_REGIONS - 1, count)
    return _verdict("exact counts", tests, count)

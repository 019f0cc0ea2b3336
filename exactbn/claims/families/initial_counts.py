"""Claims about expected counts at initialization: exactly for one hidden layer, and measured."""

import random
from fractions import Fraction
from functools import cache
from itertools import combinations
from math import sqrt

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_network
from exactbn.errors import HypothesisError
from exactbn.exact.rational import to_text
from exactbn.regions.partitioning import partition
from exactbn.study.initialization import initialize_network

#: Numbers of hidden units, and into how many equal layers they are put.
UNITS, DEPTHS = (4, 8, 16, 32), (1, 2, 4)
#: Networks of each kind, in full and for a quick look; the seeds begin at 0.
FEW, MANY = 4, 60

Columns = tuple[tuple[Fraction, ...], ...]


def expected_regions(n: int, d: int) -> Fraction:
    """Return the expected regions in (-1, 1)^d of one layer of n units, d = 1 or 2; see K34."""
    if d == 1:
        return 1 + Fraction(n, 2)
    return 1 + Fraction(5 * n, 6) + Fraction(n * (n - 1), 6)


def minors(columns: Columns) -> list[Fraction]:
    """Return the absolute determinants that are left of d + 1 columns in R^d, d = 1 or 2.

    The i-th is that of all columns but the i-th.
    """
    if len(columns) == 2:
        (a,), (b,) = columns
        return [abs(b), abs(a)]
    pairs = [(columns[(i + 1) % 3], columns[(i + 2) % 3]) for i in range(3)]
    return [abs(a[0] * b[1] - a[1] * b[0]) for a, b in pairs]


def counting_violation(instance: Instance) -> str | None:
    """Return where the regions of one layer in (-1, 1)^d are not what the proof of K34 counts.

    Of d units the columns are those of the weights, and the biases. Their hyperplanes meet within
    the cube exactly if the minor without the biases is the greatest, which it is for one of the d +
    1 places that the columns can be turned to.

    Raises
    ------
    HypothesisError
        If there are not one or two inputs and one hidden layer in general position, within the cube
        and on its boundary.
    """
    network = instance.network
    if network is None or len(network.hidden) != 1 or network.num_inputs > 2:
        raise HypothesisError("expected one or two inputs and one hidden layer")
    d, layer = network.num_inputs, network.hidden[0]
    rows = [(*w, b) for w, b in zip(layer.weight, layer.bias, strict=True)]
    reach = [sum(map(abs, w), Fraction(0)) for w in layer.weight]
    if any(abs(b) == r for b, r in zip(layer.bias, reach, strict=True)):
        raise HypothesisError("a hyperplane touches the cube, or a row is zero")
    met = sum(abs(b) < r for b, r in zip(layer.bias, reach, strict=True))
    vertices: list[tuple[Fraction, ...]] = []
    for chosen in combinations(rows, d):
        columns = tuple(zip(*chosen, strict=True))
        found = minors(columns)
        if len(set(found)) <= d:
            raise HypothesisError("two of the minors are equal")
        turned = [minors(columns[i:] + columns[:i]) for i in range(d + 1)]
        if sum(t[-1] == max(t) for t in turned) != 1:
            return "the columns can be turned to more places than one, or to none"
        if found[-1] == max(found):
            vertices.append(_crossing(columns))
    if len(set(vertices)) < len(vertices):
        raise HypothesisError("three hyperplanes meet in a point")
    if any(abs(t) >= 1 for x in vertices for t in x):
        return "a vertex lies outside of the cube"
    expected = 1 + met + (len(vertices) if d == 2 else 0)
    regions = partition(network, (-1, 1)).num_regions
    return None if regions == expected else f"{regions} regions, expected {expected}"


def _crossing(columns: Columns) -> tuple[Fraction, ...]:
    """Return the point where the hyperplanes of these columns meet, by Cramer's rule."""
    if len(columns) == 2:
        (a,), (b,) = columns
        return (-b / a,)
    u, v, c = columns
    whole = u[0] * v[1] - u[1] * v[0]
    return (v[0] * c[1] - v[1] * c[0]) / whole, (c[0] * u[1] - c[1] * u[0]) / whole


def _one_layer(rng: random.Random) -> Instance:
    """Return a network of one or two inputs and one hidden layer."""
    return Instance(draw_network(rng, (rng.randint(1, 2), rng.randint(1, 6), 1), size=99))


@cache
def counted_means(count: int) -> dict[tuple[int, int], tuple[float, float, int]]:
    """Return mean, its standard error and maximum of exact counts in [-1, 1]^2 at initialization.

    By the number of hidden units and that of the layers that they are put into.
    """
    found = {}
    for units in UNITS:
        for depth in DEPTHS:
            widths = (units // depth,) * depth
            drawn = [initialize_network(s, num_inputs=2, widths=widths) for s in range(count)]
            counts = [partition(network, (-1, 1)).num_regions for network in drawn]
            mean = sum(counts) / count
            spread = sqrt(sum((t - mean) ** 2 for t in counts) / (count - 1) / count)
            found[units, depth] = mean, spread, max(counts)
    return found


@claim(
    "K34",
    "initial_counts",
    "at initialization one hidden layer has n^d / (d! (d + 1)) regions in a cube, to leading order",
    statement="""Let the weights and biases of a layer of n >= d units over d inputs be independent,
    with one law that has a density. Then in expectation C(n, d) / (d + 1) points where d of its
    hyperplanes meet lie in [-1, 1]^d. So for d = 1 the expected number of regions in [-1, 1] is 1 +
    n/2, and for d = 2 and a uniform law, as in torch's default initialization, it is 1 + 5 n/6 +
    n (n - 1)/6 in [-1, 1]^2.""",
    assumptions="one hidden layer; weights and biases of one law, symmetric about 0 for d = 2.",
    source="proved here; B. Hanin and D. Rolnick 2019 bound the expectation for every depth by "
    "(T N)^d / d! a unit of volume, N hidden units and T a constant of the law, as commonly stated",
    method="proof by Cramer's rule and exchange of columns; exact counts in the cube for single "
    "networks, and exact means over seeds for one, two and four layers beside the formula",
    expected=Status.PROVED,
    proof="""Write d of the units as a matrix of d rows, its d + 1 columns those of the weights and
    the biases. The columns are independent and have one law. By Cramer's rule the hyperplanes meet
    in the point whose coordinates are, up to sign, D_i / D, with D the determinant of the weights
    and D_i that with column i left out and the biases put in: all are determinants of d of the d +
    1 columns. So the point lies in the cube exactly if |D| is the greatest of d + 1 absolute
    values, which a permutation of the columns permutes; ties and D = 0 have probability 0, being
    zeros of polynomials. Each is the greatest with probability 1 / (d + 1), and there are C(n, d)
    choices of units. A line that is added to others in general position in a convex domain, if it
    meets the domain, makes one region more than it meets others within: for d = 1 there is 1 region
    and one more a point, for d = 2 there is 1 and one more a line that meets the open square and a
    point within. A line meets it exactly if |b| < |w_1| + |w_2|; for |b|, |w_1|, |w_2| uniform on
    [0, 1] the contrary has probability E b^2 / 2 = 1/6. The density makes the position general
    almost surely.""",
    violation=counting_violation,
    propose=_one_layer,
)
def counts_at_initialization(effort: Effort) -> Verdict:
    """Count single networks as the proof does, and put means beside the formula."""
    seen = survey(counting_violation, _one_layer, random.Random(34), effort.of(60, 3000))
    if seen.failure is not None:
        return seen.failure
    lines = {}
    for (units, depth), (mean, error, most) in counted_means(effort.of(FEW, MANY)).items():
        layers = "-".join([str(units // depth)] * depth)
        said = f"mean {mean:.1f}, standard error {error:.1f}, at most {most}"
        if depth == 1:
            said += f"; expected {to_text(expected_regions(units, 2))}"
        name = f"{units} hidden units, {layers}, N^2/2 = {units**2 // 2} a unit of area"
        lines[name] = said
    return Verdict(
        Status.PROVED,
        "The hyperplanes of d units meet in the cube exactly if one of d + 1 determinants of equal "
        f"law is the greatest. {seen.count} exact counts agree. In the means over "
        f"{effort.of(FEW, MANY)} networks each of these shapes in [-1, 1]^2 more layers of "
        "fewer units have fewer regions, not more; nothing is proved of these, nor of others.",
        seen.count,
        lines,
    )

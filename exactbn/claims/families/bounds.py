"""Claims about bounds of the number of regions, against exact counts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.bounds import (
    centred_bound,
    construction_bound,
    dimension_bound,
    product_bound,
)
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.normalized import centred_by
from exactbn.errors import HypothesisError
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

#: Shapes of the table: inputs and hidden layers.
SHAPES: tuple[tuple[int, ...], ...] = (
    (1, 4, 4), (2, 3, 3), (2, 8, 8), (2, 4, 4, 4), (3, 4, 4), (3, 6, 6),
)  # fmt: skip
#: Drawn networks of each shape, for a quick look and in full.
FEW, MANY = 3, 100
#: A trained network, its output unit counted as hidden, counted exactly (docs/errata.md, E1).
TRAINED: tuple[tuple[int, ...], int] = (4, 10, 10, 10, 10, 1), 63099
#: 1-3-2: up, down, up, down, and every unit of layer 2 has a zero on each of these four pieces.
ZIGZAG = Network.from_arrays(
    [[[1], [1], [-1]], [[-3, 2, -2], [-3, 2, -2]], [[0, 0]]],
    [[0, -1, 2], ["9/2", "19/4"], [0]],
)


def widths_of(network: Network) -> tuple[int, ...]:
    """Return the inputs and the numbers of units of the hidden layers."""
    return (network.num_inputs, *(layer.num_neurons for layer in network.hidden))


def above_centred_bound(instance: Instance) -> str | None:
    """Return the numbers of a centred network with more regions than its bound allows."""
    centred = centred_by(instance)
    regions, bound = partition(centred).num_regions, centred_bound(widths_of(centred))
    return f"{regions} regions, at most {bound} expected" if regions > bound else None


def above_dimension_bound(instance: Instance) -> str | None:
    """Return the numbers of a network with more regions than one of the two bounds allows.

    Raises
    ------
    HypothesisError
        If there is no network with a hidden layer, or its units are no ReLU.
    """
    network = instance.network
    if network is None or not network.hidden:
        raise HypothesisError("the instance has no network with a hidden layer")
    if any(layer.slope != 0 for layer in network.hidden):
        raise HypothesisError("expected ReLU, whose slope is 0")
    widths, regions = widths_of(network), partition(network).num_regions
    sharp, plain = dimension_bound(widths), product_bound(widths)
    if regions <= sharp <= plain:
        return None
    return f"{regions} regions, bounds {sharp} and {plain}"


@dataclass(frozen=True)
class ShapeCounts:
    """Exact counts of drawn networks of one shape: inputs and hidden layers."""

    widths: tuple[int, ...]
    given: tuple[int, ...]
    centred: tuple[int, ...]

    @property
    def name(self) -> str:
        """Return the shape as text."""
        return "-".join(map(str, self.widths))


@cache
def counts_of_shapes(draws: int) -> tuple[ShapeCounts, ...]:
    """Return the counts of ``draws`` networks of every shape of the table."""
    rng, found = random.Random(133), []
    for widths in SHAPES:
        drawn = [_of_shape(rng, widths) for _ in range(draws)]
        given = [partition(x.network).num_regions for x in drawn if x.network is not None]
        found.append(ShapeCounts(widths, tuple(given), tuple(_counts(drawn))))
    return tuple(found)


def _any_shape(rng: random.Random) -> Instance:
    """Return a ReLU network of any small shape, and data; small weights are often degenerate."""
    d = rng.randint(1, 3)
    widths = (d, *(rng.randint(1, 5) for _ in range(rng.randint(1, 3))), 1)
    network = draw_network(rng, widths, size=rng.choice((1, 3, 9)))
    return Instance(network, draw_matrix(rng, rng.randint(2, 5), d))


def _of_shape(rng: random.Random, widths: Sequence[int]) -> Instance:
    """Return a network of a shape and twice as many points as inputs, and two more."""
    d = widths[0]
    return Instance(draw_network(rng, (*widths, 1)), draw_matrix(rng, 2 * d + 2, d))


@claim(
    "K32",
    "bounds",
    "a centred network has at most the central count times the other layers' most cells",
    statement="""A network centred on data has at most c(n_1, d) prod_(l > 1) sum_(j <= d_l)
    C(n_l, j) regions in R^d, c the count of the central arrangement of K3, d_l = min(d, n_1, ...,
    n_l). So with one input it has at most 2 prod_(l > 1) (n_l + 1), and for n_1 > 1 never the
    prod (n_l + 1) that bounds all networks and that some attain.""",
    assumptions="beta = 0; of the statistics only the means enter.",
    source="proved here; the factor of a layer as in the product bound, see K33",
    method="proof in two lines, and exact counts of random networks",
    expected=Status.PROVED,
    proof="""Layer 1 is a central arrangement (K2), which has at most c(n_1, d) regions (K3; fewer
    where normals are dependent). On each region of the layers before it the units of layer l > 1
    are affine and factor through an affine map of rank at most d_(l-1), the rank of the layers
    below. So they cut the region in at most as many parts as n_l hyperplanes cut a space of that
    dimension, sum C(n_l, j) over j <= d_(l-1); terms of j > n_l are zero, so j <= d_l. With one
    input c(n_1, 1) = 2, which is less than n_1 + 1 for n_1 > 1.""",
    violation=above_centred_bound,
    propose=_any_shape,
)
def centred_count(effort: Effort) -> Verdict:
    """Compare exact counts with the bound that is proved."""
    seen = survey(above_centred_bound, _any_shape, random.Random(32), effort.of(40, 3000))
    if seen.failure is not None:
        return seen.failure
    best = partition(ZIGZAG).num_regions
    if best != product_bound((1, 3, 2)):
        return Verdict(Status.OPEN, f"the zigzag has {best} regions")
    return Verdict(
        Status.PROVED,
        "Layer 1 has the cells of a central arrangement, and each of them is cut by every later "
        f"layer as by hyperplanes. {seen.count} exact counts agree.",
        seen.count,
        {
            "1-3-2": f"{centred_bound((1, 3, 2))} centred, {best} for all, attained",
            **{
                "-".join(map(str, w)): f"{centred_bound(w)} centred, {product_bound(w)} for all"
                for w in SHAPES
            },
        },
    )


@claim(
    "K33",
    "bounds",
    "upper bounds from widths, and how far the networks are below",
    statement="""A ReLU network has at most sum prod C(n_l, j_l) regions, the sum over (j_1, ...,
    j_L) with j_l <= min(d, n_1 - j_1, ..., n_(l-1) - j_(l-1), n_l), and this is at most prod
    sum_(j <= d_l) C(n_l, j).""",
    assumptions="ReLU, all of R^d.",
    source="Serra, Tjandraatmadja and Ramalingam 2018, and Montufar 2017, Raghu et al. 2017, as "
    "commonly stated; their proofs are not repeated here",
    method="exact counts of random and centred networks, and what Montufar, Pascanu, Cho and "
    "Bengio 2014 guarantee of the best networks, as commonly stated; at initialization see K34",
    expected=Status.HOLDS,
    violation=above_dimension_bound,
    propose=_any_shape,
)
def bounds_from_widths(effort: Effort) -> Verdict:
    """Check the bounds on random networks, and put exact counts beside them."""
    seen = survey(above_dimension_bound, _any_shape, random.Random(33), effort.of(40, 3000))
    if seen.failure is not None:
        return seen.failure
    lines = {}
    for found in counts_of_shapes(effort.of(FEW, MANY)):
        lines[found.name] = (
            f"random {_mean(found.given)}, at most {max(found.given)}; centred "
            f"{_mean(found.centred)}, at most {max(found.centred)}; no network above "
            f"{dimension_bound(found.widths)} (2018) and {product_bound(found.widths)} (2017); "
            f"some network has {construction_bound(found.widths)} or more (2014)"
        )
    widths, regions = TRAINED
    lines["a trained 4-10-10-10-10-1, its output unit counted as hidden"] = (
        f"{regions}; no network above {dimension_bound(widths)} (2018) and "
        f"{product_bound(widths)} (2017)"
    )
    return Verdict(
        Status.HOLDS,
        f"Both bounds hold on {seen.count} exact counts. Random networks stay far below, centred "
        "ones too.",
        seen.count,
        lines,
    )


def _counts(instances: Sequence[Instance]) -> list[int]:
    """Return the regions of the instances whose networks can be centred."""
    found = []
    for instance in instances:
        try:
            found.append(partition(centred_by(instance)).num_regions)
        except HypothesisError:
            continue
    return found


def _mean(counts: Sequence[int]) -> str:
    """Return the mean of counts, rounded to a tenth."""
    tenths = round(Fraction(10 * sum(counts), len(counts)))
    return f"{tenths // 10}.{tenths % 10}"

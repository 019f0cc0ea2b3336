"""The small networks on which estimators are judged: five families on the same weights.

For every dimension d the data are the first d columns of a table, each mapped to [0, 1]. Weights
are torch's default initialization of a seed; on them stand the four networks of
:mod:`exactbn.study.comparison`, and the one that training makes of the first of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactbn.errors import DegenerateError, InputError
from exactbn.exact.rational import Matrix
from exactbn.model.batchnorm import center
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.seeds import derived_seed
from exactbn.study.comparison import NETWORKS
from exactbn.study.dataset import DataSet
from exactbn.study.initialization import initialize_network, zero_biases
from exactbn.study.learning import EPS, Recipe, model_of, stored, train

#: What the families are called, in the order of every table.
FAMILIES = {**NETWORKS, "trained": "trained"}

#: Widths of the hidden layers by dimension, taken in turn; all five families share them.
WIDTHS: dict[int, tuple[tuple[int, ...], ...]] = {
    2: ((12,), (20,), (8, 8), (12, 12), (6, 6, 6), (10, 10, 10)),
    3: ((8,), (12,), (6, 6), (8, 8), (5, 5, 5), (7, 7, 7)),
    4: ((8,), (12,), (6, 6), (8, 8), (5, 5, 5), (6, 6, 6)),
    5: ((8,), (10,), (5, 5), (6, 6), (4, 4, 4), (5, 5, 5)),
}

#: Training: plain gradient descent from the random start, one class against the others.
RECIPE = Recipe(batch=16, is_normalized=False, steps=500, rate=0.05)

#: The box goes beyond [0, 1]^d by this much at every end.
MARGIN = Fraction(1, 4)


@dataclass(frozen=True)
class Problem:
    """The data of one dimension, mapped to [0, 1]^d, with classes 0 and 1, or no classes."""

    points: Matrix
    labels: tuple[int, ...] | None

    @property
    def dim(self) -> int:
        """Return d."""
        return len(self.points[0])

    @property
    def box(self) -> Box:
        """Return the box that is sampled and partitioned."""
        return Box((-MARGIN,) * self.dim, (1 + MARGIN,) * self.dim)


@dataclass(frozen=True)
class Case:
    """One network of the study: ``index`` numbers the weights within the dimension."""

    family: str
    index: int
    widths: tuple[int, ...]
    problem: Problem
    network: Network


def problem_of(data: DataSet, d: int) -> Problem:
    """Return the first d columns, each mapped to [0, 1] exactly.

    The first class of the table is class 1, all others are class 0.

    Raises
    ------
    InputError
        If there are fewer columns.
    DegenerateError
        If a column is constant.
    """
    if data.dim < d:
        raise InputError(
            f"{data.name} has {data.dim} features, expected at least {d} for {d} dimensions; take "
            "fewer with --dims, or another table"
        )
    lo, hi = data.bounds
    for name, low, high in zip(data.features[:d], lo, hi):
        if low == high:
            raise DegenerateError(
                f"{data.name}: the column {name!r} is constant, so it cannot be mapped to [0, 1]; "
                "choose other columns with --features"
            )
    points = tuple(
        tuple((t - low) / (high - low) for t, low, high in zip(x[:d], lo, hi))
        for x in data.points
    )
    if data.labels is None or len(set(data.labels)) < 2:
        return Problem(points, None)
    return Problem(points, tuple(int(label == data.labels[0]) for label in data.labels))


def drawn_networks(d: int, indices: Sequence[int], seed: int) -> list[Network]:
    """Return the networks that torch initializes by default, one an index."""
    return [
        initialize_network(
            derived_seed(seed, "weights", d, i), num_inputs=d, widths=widths_of(d, i)
        )
        for i in indices
    ]


def widths_of(d: int, index: int) -> tuple[int, ...]:
    """Return the widths of the hidden layers of a network."""
    return WIDTHS[d][index % len(WIDTHS[d])]


def cases(
    problem: Problem, indices: Sequence[int], families: Sequence[str], seed: int
) -> Iterator[Case]:
    """Yield the networks of one dimension, index by index.

    A network that is scaled has sigma = sqrt(variance + eps) with torch's eps, 2^-17, so that it
    exists for dead units too.
    """
    drawn = drawn_networks(problem.dim, indices, seed)
    trained = trained_networks(drawn, problem, seed) if "trained" in families else drawn
    for index, start, end in zip(indices, drawn, trained, strict=True):
        for family in families:
            network = end if family == "trained" else begin(family, start, problem.points)
            yield Case(family, index, widths_of(problem.dim, index), problem, network)


def begin(family: str, network: Network, points: Matrix) -> Network:
    """Return one of the four networks on the weights of ``network``."""
    if family == "random":
        return network
    if family == "zero":
        return zero_biases(network)
    if family == "centred":
        return center(network, points)
    if family == "scaled":
        return center(network, points, scale=True, eps=EPS)
    raise InputError(f"the family {family!r} is not known, expected one of {', '.join(FAMILIES)}")


def trained_networks(
    networks: Sequence[Network], problem: Problem, seed: int, recipe: Recipe = RECIPE
) -> list[Network]:
    """Return what training makes of the networks; those of one shape are trained side by side."""
    if problem.labels is None:
        raise InputError(
            "trained networks need classes, and the table has no column of them; leave out the "
            "family trained with --families"
        )
    result: list[Network] = list(networks)
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, network in enumerate(networks):
        groups.setdefault(network.widths, []).append(place)
    for places in groups.values():
        model = model_of([networks[i] for i in places], is_normalized=False)
        steps = train(
            model, problem.points, problem.labels, recipe,
            seed=derived_seed(seed, "training", problem.dim, places[0]),
            checkpoints=(recipe.steps,),
        )  # fmt: skip
        for _ in steps:
            for k, place in enumerate(places):
                result[place] = stored(model, k)[0]
    return result

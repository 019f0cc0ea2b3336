"""Pictures of counterexamples, the partition with the data, and of paired differences.

Every partition shown is exact; the drawing of it is in floats and proves nothing.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from exactbn.claims.families.bounds import ShapeCounts
from exactbn.claims.families.training import Row
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.training.experiments import BATCHES, STEPS, WIDTHS
from exactbn.study.learning import Recipe, model_of, normalized, stored, train
from exactbn.claims.tools.bounds import construction_bound, dimension_bound, product_bound
from exactbn.claims.training.problems import problems
from exactbn.drawing.windows import Window
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.batchnorm import center
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.boundary.asked import decision_boundary
from exactbn.regions.partitioning import Partition, partition
from exactbn.study import plots
from exactbn.study.initialization import initialize_network
from exactbn.wording import counted

#: Room around the data and vertices, relative to their longest side.
MARGIN = Fraction(1, 4)

#: Vertices so many longest sides of the data away are shown, others not.
FAR = 3

#: Dots an inch: few, since the pictures are kept beside the page.
DPI = 72


def can_draw(instance: Instance) -> bool:
    """Return whether an instance has a picture: a hidden layer, and one or two inputs."""
    network = instance.network
    return network is not None and bool(network.hidden) and network.num_inputs in (1, 2)


def draw_instance(instance: Instance, path: Path, box: Box | None = None) -> None:
    """Write the picture of an instance: its network as it is, and centred on its data.

    ``box`` is what is shown; chosen to show the data and the vertices where it is not given.
    """
    network = instance.network
    if network is None:
        return
    networks = {"as given": network}
    if instance.data and (centred := center(network, instance.data)) != network:
        networks["centred on the data"] = centred
    box = box or _view(network.num_inputs, instance.data, networks.values())
    parts = {name: partition(shown, box) for name, shown in networks.items()}
    if network.num_inputs == 1:
        graphs = [_graph(name, part) for name, part in parts.items()]
        plots.draw_graphs(graphs, [float(x[0]) for x in instance.data], path, dpi=DPI)
        return
    panels = [plots.Panel(name, _in_view(part), part) for name, part in parts.items()]
    plots.draw_partitions(panels, plots.Scene(instance.data), path, dpi=DPI)


def draw_typical(path: Path) -> None:
    """Write what centering does near the data to an ordinary network, of torch's initialization."""
    problem = next(p for p in problems() if p.key == "moons, standardized")
    drawn = initialize_network(0, num_inputs=2, widths=(8, 8))
    draw_instance(Instance(drawn, problem.train), path, problem.box(1))


def _view(d: int, data: Matrix, networks: Iterable[Network]) -> Box:
    """Return a box with room around the data and what is near of the networks' vertices.

    Around the origin without data; far vertices would leave nothing to be seen of the data.
    """
    points = data or ((Fraction(-1),) * d, (Fraction(1),) * d)
    lo, hi = _bounds(points)
    longest = max(b - a for a, b in zip(lo, hi, strict=True)) or Fraction(1)
    reach = FAR * longest
    for network in networks:
        points = *points, *(
            x for x in _vertices(network)
            if all(a - reach <= t <= b + reach for t, a, b in zip(x, lo, hi, strict=True))
        )  # fmt: skip
    lo, hi = _bounds(points)
    room = MARGIN * (max(b - a for a, b in zip(lo, hi, strict=True)) or Fraction(1))
    return Box(tuple(t - room for t in lo), tuple(t + room for t in hi))


def _vertices(network: Network) -> Iterator[Vector]:
    """Yield the points where boundaries meet, in one dimension the boundaries.

    The fan that all of R^d is cut from has walls of its own, where one boundary alone can end.
    """
    part = partition(network)
    for v in np.flatnonzero(~part.lattice.is_at_infinity).tolist():
        x = part.vertex(v)
        zeros = sum(z == 0 for layer in network.preactivations(x) for z in layer)
        if zeros >= network.num_inputs:
            yield x


def _bounds(points: Matrix) -> tuple[Vector, Vector]:
    """Return the least and the greatest value of each coordinate."""
    columns = list(zip(*points, strict=True))
    return tuple(map(min, columns)), tuple(map(max, columns))


def _graph(name: str, part: Partition) -> plots.Graph:
    """Return the graph of a network of one input over the partition's interval."""
    network: Network = part.network
    xs = sorted({part.vertex(v)[0] for v in range(part.lattice.f_vector[0])})
    hidden = [[t for layer in network.preactivations((x,)) for t in layer] for x in xs]
    return plots.Graph(
        name,
        _in_view(part),
        [float(x) for x in xs],
        _floats(zip(*hidden, strict=True)),
        _floats(zip(*(network.forward((x,)) for x in xs), strict=True)),
    )


def _floats(rows: Iterable[Iterable[Fraction]]) -> list[list[float]]:
    """Return exact rows as floats."""
    return [[float(t) for t in row] for row in rows]


def draw_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the paired differences of a training experiment: a column a pair, a dot a seed."""
    panels: dict[tuple[str, str], list[tuple[str, Row]]] = {}
    for row in rows:
        # A number in a name is the size of the mini-batches: one panel for all sizes.
        first, _, size = row.first.partition(" ")
        second = row.second.partition(" ")[0]
        if size and row.second.partition(" ")[2] not in ("", size):
            continue
        label = f"{row.problem.partition(',')[0]}, batches of {size}" if size else row.problem
        heading = row.question.partition(",")[0], f"{first} \u2212 {second}"
        panels.setdefault(heading, []).append((label, row))
    found = [
        plots.Differences(
            f"{question}\n{pair}",
            [(label, row.values, float(row.result.median), row.result.interval)
             for label, row in lines],
        )
        for (question, pair), lines in panels.items()
    ]  # fmt: skip
    columns = 2 if len(found) % 2 == 0 else 3
    title = (
        "Paired differences: a dot a seed, blue above zero, orange below;\n"
        "a tick at the median, a bar over its interval"
    )
    plots.draw_differences(found, path, title=title, columns=columns, dpi=DPI)


def draw_shapes(counts: Sequence[ShapeCounts], path: Path) -> None:
    """Write the exact counts of drawn networks beside what is known from their widths alone."""
    lines = [
        plots.Counts(
            found.name,
            {name: (sum(t) / len(t), max(t))
             for name, t in (("random", found.given), ("centred", found.centred))},
            {"some network has so many or more (2014)": construction_bound(found.widths),
             "none has more (2018)": dimension_bound(found.widths),
             "none has more (2017)": product_bound(found.widths)},
        )
        for found in counts
    ]  # fmt: skip
    names = {"random": "random: mean to greatest", "centred": "centred: mean to greatest"}
    title = f"Exact counts of {len(counts[0].given)} drawn networks a shape, and bounds"
    plots.draw_counts(lines, path, names=names, title=title, label="regions in R^d", dpi=DPI)


def draw_jitter(path: Path, *, steps: int = STEPS, count: int = 12) -> None:
    """Write how the decision boundary of one network moves over mini-batches, for each size.

    Trained with batch normalization on the standardized moons, each with its own mini-batches.
    """
    problem = next(p for p in problems() if p.key == "moons, standardized")
    drawn = initialize_network(0, num_inputs=2, widths=WIDTHS)
    view = problem.box(1)
    panels = []
    for size in BATCHES:
        model = model_of([drawn], is_normalized=True)
        recipe = Recipe(size, True, steps=steps)
        for _ in train(model, problem.train, problem.train_labels, recipe, seed=0,
                       checkpoints=[steps]):  # fmt: skip
            pass
        network, affine = stored(model, 0)
        rng = random.Random(size)
        batches = [problem.train, *(tuple(rng.sample(problem.train, size)) for _ in range(count))]
        bundle = [
            decision_boundary(normalized(network, affine, batch), view).float_segments()
            for batch in batches
        ]
        panels.append((f"mini-batches of {size}", bundle))
    labels = ["first class" if label == 0 else "second class" for label in problem.train_labels]
    lo, hi = problem.bounds
    room = problem.longest / 6
    shown = Window(tuple(t - room for t in lo), tuple(t + room for t in hi))
    title = (
        "Decision boundary of a network: black with the statistics of the training set, orange "
        f"with those of {count} mini-batches"
    )
    plots.draw_boundaries(
        panels, plots.Scene(problem.train, labels), shown, path, title=title, dpi=DPI
    )


def _in_view(part: Partition) -> str:
    """Return how many regions a picture shows."""
    return f"{counted(part.num_regions, 'region')} in view"

"""The complex engine's counts: recorded, derived by hand, from formulas, and from the oracles."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition
from tests.agreement import answer_of, check_agrees
from tests.examples import (
    CENTRED_BIASES,
    EXAMPLES,
    FAR,
    PLANE_NETWORKS,
    Example,
    one_layer,
)
from tests.oracles import (
    Answer,
    Pattern,
    central_count,
    generic_count,
    polygon_partition,
    search_partition,
)
from tests.reference import reference_partition
from tests.strategies import SLOPES, problems
from tests.workload import TRUTH, load_workload

#: Beyond every vertex of the workload networks, so that all regions of R^d meet the box.
BEYOND = 2**40


@pytest.mark.parametrize("name", TRUTH)
def test_workload_counts_in_the_unit_box(name: str) -> None:
    part = partition(load_workload(name), (-1, 1))
    truth = TRUTH[name]["box1"]
    assert (part.num_regions, part.num_adjacencies) == (truth["regions"], truth["adjacencies"])
    assert part.is_complete


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if truth["Rd"]["regions"] > 20_000 else [])
        for name, truth in TRUTH.items()
    ],
)
def test_workload_counts_in_all_of_space(name: str) -> None:
    part = partition(load_workload(name), (-BEYOND, BEYOND))
    truth = TRUTH[name]["Rd"]
    assert (part.num_regions, part.num_adjacencies) == (truth["regions"], truth["adjacencies"])


@pytest.mark.parametrize("name", [n for n in TRUTH if TRUTH[n]["box1"]["regions"] <= 500])
def test_workload_partitions_agree_with_reference(name: str) -> None:
    network = load_workload(name)
    box = Box.of(-1, 1, network.num_inputs)
    # Exact volumes of the float32 networks are slow in plain Fractions; the small ones have them.
    volumes = TRUTH[name]["box1"]["regions"] <= 64
    answer = reference_partition(network, box, volumes=volumes)
    check_agrees(partition(network, box), answer)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples(example: Example) -> None:
    part = partition(example.network, example.box)
    assert part.num_regions == example.regions
    if example.adjacencies is not None:
        assert part.num_adjacencies == example.adjacencies
    if example.f_vector is not None:
        assert tuple(part.f_vector) == example.f_vector
    answer = reference_partition(example.network, example.box)
    assert answer_of(part, volumes=False) == answer


@pytest.mark.parametrize("name", PLANE_NETWORKS)
def test_plane_networks(name: str) -> None:
    network, faces, edges, vertices = PLANE_NETWORKS[name]
    part = partition(network, (-FAR, FAR))
    assert (part.num_regions, part.num_adjacencies) == (faces, edges)
    # All vertices are inside; the box adds its corners and the ends of the unbounded edges, and as
    # many pieces of its sides.
    assert part.f_vector[0] - vertices == part.f_vector[1] - edges


@pytest.mark.parametrize("name", CENTRED_BIASES)
def test_centred_biases_are_the_published_ones(name: str) -> None:
    network = PLANE_NETWORKS[name][0]
    expected = tuple(tuple(map(Fraction, biases)) for biases in CENTRED_BIASES[name])
    assert tuple(layer.bias for layer in network.hidden) == expected


@pytest.mark.parametrize(("d", "n"), list(product(range(1, 6), range(1, 11))))
def test_generic_and_central_arrangements(d: int, n: int) -> None:
    # Rows of the moment curve: any d of the normals, any d + 1 of the rows, are independent.
    normals = [[Fraction(t) ** i for i in range(1, d + 1)] for t in range(1, n + 1)]
    generic = partition(one_layer(normals, [1] * n), (-BEYOND, BEYOND))
    assert generic.num_regions == generic_count(n, d)
    # Through the point 1/3 (1, ..., 1), which no float is.
    center = Fraction(1, 3)
    biases = [-center * sum(row) for row in normals]
    central = partition(one_layer(normals, biases), (-1, 1))
    assert central.num_regions == central_count(n, d)
    assert central.is_complete
    if d == 2:
        # n lines: C(n, 2) points, n^2 pieces, of which each separates two regions.
        assert generic.num_adjacencies == n * n
        assert central.num_adjacencies == (1 if n == 1 else 2 * n)


@given(problems(most_neurons={1: 16, 2: 14, 3: 9, 4: 6}))
@settings(max_examples=120, deadline=None)
def test_random_networks_agree_with_reference(problem: tuple[Network, Box]) -> None:
    check_agrees(partition(*problem), reference_partition(*problem))


@given(problems(dims=(1, 2), most_neurons={1: 14, 2: 10}))
@settings(max_examples=60, deadline=None)
def test_random_networks_agree_with_polygons(problem: tuple[Network, Box]) -> None:
    check_agrees(partition(*problem), polygon_partition(*problem))


@given(problems(most_neurons={1: 6, 2: 5, 3: 4, 4: 3}))
@settings(max_examples=10, deadline=None)
def test_random_networks_agree_with_search(problem: tuple[Network, Box]) -> None:
    pytest.importorskip("z3", reason="the search oracle needs z3")
    check_agrees(partition(*problem), search_partition(*problem))


@pytest.mark.parametrize(
    ("width", "d"),
    [
        *((width, 1) for width in (63, 64, 65, 128, 130)), (63, 2), (65, 2),
        *(pytest.param(width, 2, marks=pytest.mark.slow) for width in (64, 128, 130)),
    ],
)  # fmt: skip
def test_layers_of_about_64_neurons(width: int, d: int) -> None:
    """Signs are kept in words of 64 neurons; nothing may change at their ends."""
    rng = np.random.default_rng(width + d)
    first = rng.integers(-2, 3, (width, d))
    second = rng.integers(-1, 2, (3, width))
    network = Network.from_arrays(
        [first, second, [[1, 1, 1]]],
        [rng.integers(-3, 4, width), rng.integers(-3, 4, 3), [0]],
        slope=["1/10", 0],
    )
    box = Box.of(-1, 1, d)
    check_agrees(partition(network, box), polygon_partition(network, box))
    wide_second = Network.from_arrays(
        [first[:4], rng.integers(-2, 3, (width, 4)), [[1] * width]],
        [[0, 1, 0, -1], rng.integers(-3, 4, width), [0]],
    )
    check_agrees(partition(wide_second, box), reference_partition(wide_second, box))


# Invariance


@given(problems(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_permuting_neurons_permutes_patterns(
    problem: tuple[Network, Box], random: Random
) -> None:
    network, box = problem
    orders = [list(range(width)) for width in network.widths]
    for order in orders:
        random.shuffle(order)
    weights, biases = [], []
    before = list(range(network.num_inputs))
    for layer, order in zip(
        network.layers, [*orders, list(range(network.num_outputs))], strict=True
    ):
        weights.append([[layer.weight[k][i] for i in before] for k in order])
        biases.append([layer.bias[k] for k in order])
        before = list(order)
    slopes = [layer.slope for layer in network.hidden]
    permuted = Network.from_arrays(weights, biases, slope=slopes)
    starts = np.cumsum([0, *network.widths])
    columns = [int(s) + k for s, order in zip(starts, orders) for k in order]

    def renamed(pattern: Pattern) -> Pattern:
        return tuple(pattern[c] for c in columns)

    expected = _renamed(answer_of(partition(network, box)), renamed)
    assert answer_of(partition(permuted, box)) == expected


@given(problems(), st.data())
@settings(max_examples=30, deadline=None)
def test_scaling_rows_and_the_next_columns_changes_nothing(
    problem: tuple[Network, Box], data: st.DataObject
) -> None:
    network, box = problem
    factors = st.sampled_from([Fraction(t) for t in ("1/3", "1", "7", "1e-20", "1e30")])
    weights, biases = [], []
    before = [Fraction(1)] * network.num_inputs
    for layer in network.layers:
        last = layer is network.layers[-1]
        scale = [Fraction(1) if last else data.draw(factors) for _ in layer.bias]
        weights.append(
            [
                [s * w / t for w, t in zip(row, before, strict=True)]
                for s, row in zip(scale, layer.weight, strict=True)
            ]
        )
        biases.append([s * b for s, b in zip(scale, layer.bias, strict=True)])
        before = scale
    slopes = [layer.slope for layer in network.hidden]
    scaled = Network.from_arrays(weights, biases, slope=slopes)
    assert answer_of(partition(scaled, box)) == answer_of(partition(network, box))


@given(problems(), st.data())
@settings(max_examples=30, deadline=None)
def test_exact_change_of_coordinates(problem: tuple[Network, Box], data: st.DataObject) -> None:
    """x_i = s_i y_p(i) + t_i takes boxes to boxes; volumes change by the product of |s_i|."""
    network, box = problem
    d = box.dim
    texts = ("-5/3", "-1", "1/7", "1", "2", "100000001/3")
    numbers = st.sampled_from([Fraction(t) for t in texts])
    scale = [data.draw(numbers) for _ in range(d)]
    shift = [data.draw(numbers) for _ in range(d)]
    axes = data.draw(st.permutations(range(d)))
    first = network.layers[0]
    weight = [[Fraction(0)] * d for _ in first.bias]
    for row, old in zip(weight, first.weight, strict=True):
        for i in range(d):
            row[axes[i]] = old[i] * scale[i]
    bias = [
        b + sum((w * t for w, t in zip(row, shift, strict=True)), Fraction(0))
        for row, b in zip(first.weight, first.bias, strict=True)
    ]
    moved = Network.from_arrays(
        [weight, *(layer.weight for layer in network.layers[1:])],
        [bias, *(layer.bias for layer in network.layers[1:])],
        slope=[layer.slope for layer in network.hidden],
    )
    ends: list[tuple[Fraction, Fraction]] = [(Fraction(0), Fraction(0))] * d
    jacobian = Fraction(1)
    for i in range(d):
        a, b = ((bound[i] - shift[i]) / scale[i] for bound in (box.lo, box.hi))
        ends[axes[i]] = (min(a, b), max(a, b))
        jacobian *= abs(scale[i])
    there = answer_of(partition(moved, Box.of([a for a, _ in ends], [b for _, b in ends], d)))
    here = answer_of(partition(network, box))
    assert there.volumes is not None and here.volumes is not None
    assert there.volumes == {name: v / jacobian for name, v in here.volumes.items()}
    assert (there.edges, there.f_vector) == (here.edges, here.f_vector)


@given(problems(), st.data())
@settings(max_examples=30, deadline=None)
def test_two_halves_of_a_box_make_the_whole(
    problem: tuple[Network, Box], data: st.DataObject
) -> None:
    network, box = problem
    axis = data.draw(st.integers(0, box.dim - 1))
    share = data.draw(st.sampled_from((Fraction(1, 2), Fraction(1, 3), Fraction(1, 2**66))))
    cut = box.lo[axis] + share * (box.hi[axis] - box.lo[axis])
    middle_hi, middle_lo = list(box.hi), list(box.lo)
    middle_hi[axis] = middle_lo[axis] = cut
    halves = [
        answer_of(partition(network, Box.of(box.lo, middle_hi, box.dim))),
        answer_of(partition(network, Box.of(middle_lo, box.hi, box.dim))),
    ]
    whole = answer_of(partition(network, box))
    total: dict[Pattern, Fraction] = {}
    for half in halves:
        for name, volume in (half.volumes or {}).items():
            total[name] = total.get(name, Fraction(0)) + volume
    assert total == whole.volumes
    assert halves[0].edges | halves[1].edges <= whole.edges


@given(st.sampled_from(SLOPES), problems(dims=(2, 3)))
@settings(max_examples=20, deadline=None)
def test_the_output_layer_makes_no_regions(slope: Fraction, problem: tuple[Network, Box]) -> None:
    network, box = problem
    other = Network.from_arrays(
        [*(layer.weight for layer in network.hidden), [[slope] * network.widths[-1]] * 3],
        [*(layer.bias for layer in network.hidden), [0, -slope, 1]],
        slope=[layer.slope for layer in network.hidden],
    )
    assert answer_of(partition(other, box)) == answer_of(partition(network, box))


def _renamed(answer: Answer, rename: Callable[[Pattern], Pattern]) -> Answer:
    """Return the answer with every pattern renamed."""
    assert answer.volumes is not None
    return Answer(
        frozenset(map(rename, answer.regions)),
        frozenset(frozenset(map(rename, pair)) for pair in answer.edges),
        answer.f_vector,
        {rename(name): volume for name, volume in answer.volumes.items()},
    )

"""Partitions as results: witnesses, volumes, maps, membership, budgets, bad input."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import exactbn
from exactbn.errors import DimensionError, InputError, LimitError, NotRationalError
from exactbn.model.domain import Box, Domain
from exactbn.model.files import save_json
from exactbn.model.network import Network
from exactbn.regions import counting
from exactbn.regions.counting import count_regions, partition_many
from exactbn.regions.partitioning import MOST_ROWS, Partition, partition
from tests.agreement import answer_of, check_promises, patterns_of
from tests.examples import EXAMPLES, NETWORK_A, TINY, Example, one_layer
from tests.oracles import Point, exact_forward
from tests.reference import reference_partition
from tests.strategies import boxes, networks, problems
from tests.workload import load_workload

UNIT = Box.of(-1, 1, 2)
CROSS = one_layer([[1, 0], [0, 1]], [0, 0])


def test_repr_is_short() -> None:
    box = repr(partition(CROSS, UNIT))
    assert box == "<Partition of the box [-1, 1]^2 by a 2-2-1 network: 4 regions>"
    assert repr(partition(CROSS)).startswith("<Partition of all of R^2 by")
    wide = Network.from_arrays([[[1] * 16], [[1]]], [[0], [0]])
    part = partition(wide, Box.ball([0.1 * k for k in range(16)], 0.3), engine="lp")
    assert len(repr(part)) < 160 and "[...] by" in repr(part)
    assert repr(CROSS) == "<Network 2-2-1, 2 hidden neurons, sigma policy no-bn>"


# Promises of every result


@given(problems(most_neurons={1: 10, 2: 9, 3: 6, 4: 4}))
@settings(max_examples=40, deadline=None)
def test_promises_on_random_networks(problem: tuple[Network, Box]) -> None:
    check_promises(partition(*problem), *problem)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.regions <= 40], ids=lambda e: e.name)
def test_promises_on_examples(example: Example) -> None:
    part = partition(example.network, example.box)
    check_promises(part, example.network, example.box)


@pytest.mark.parametrize("name", ["bnc_2x8x8x1", "bnf_2x8x1", "bnf_3x6x6x1", "rnd_2x8x8x1"])
def test_promises_on_workload_networks(name: str) -> None:
    network = load_workload(name)
    box = Box.of(-1, 1, network.num_inputs)
    check_promises(partition(network, box), network, box)


@pytest.mark.parametrize("name", ["bnc_4x10x10x1", "rnd_2x64x64x1"])
def test_volumes_of_larger_networks_sum_to_the_box(name: str) -> None:
    network = load_workload(name)
    part = partition(network, (-1, 1))
    middle, radius = part.volumes()
    total = sum(map(Fraction, middle.tolist()), Fraction(0))
    assert abs(total - part.box.volume) <= sum(map(Fraction, radius.tolist()), Fraction(0))
    assert radius.max() < 1e-8
    for i in range(0, part.num_regions, part.num_regions // 20):
        assert abs(Fraction(float(middle[i])) - part.volume(i)) <= Fraction(float(radius[i]))


def test_patterns_edges_and_neighbours_have_the_promised_form() -> None:
    part = partition(CROSS, UNIT)
    assert part.patterns.dtype == np.uint8 and part.patterns.shape == (4, 2)
    assert part.edges.shape == (4, 2) and np.issubdtype(part.edges.dtype, np.integer)
    for i in range(4):
        found = part.neighbours(i).tolist()
        assert found == sorted({a + b - i for a, b in part.edges.tolist() if i in (a, b)})
    assert part.network is CROSS and part.box == UNIT
    assert part.sigma_policy == "no-bn" and part.is_complete is True
    assert part.f_vector == (9, 12, 4)


def test_volumes_by_hand() -> None:
    # x + y < 2^-80 in the positive quadrant: a triangle of area 2^-161.
    part = partition(one_layer([[1, 0], [0, 1], [1, 1]], [0, 0, -TINY]), UNIT)
    i = patterns_of(part).index((1, 1, 0))
    assert part.volume(i) == TINY**2 / 2
    x = part.witness(i)
    assert min(x) > 0 and sum(x) < TINY
    assert part.region_of(x) == i
    # x + y + z > 2 in the unit cube is a simplex of volume 1/6, the rest 5/6.
    part = partition(one_layer([[1, 1, 1]], [-2]), (0, 1))
    assert {part.volume(0), part.volume(1)} == {Fraction(1, 6), Fraction(5, 6)}


def test_affine_maps_by_hand() -> None:
    # |x| - |y| with outputs doubled and shifted.
    network = Network.from_arrays(
        [[[1, 0], [0, 1]], [[2, -2], [0, 1]]], [[0, 0], ["1/3", 0]], slope=-1
    )
    part = partition(network, UNIT)
    signs = {(1, 1): (1, 1), (1, 0): (1, -1), (0, 1): (-1, 1), (0, 0): (-1, -1)}
    for i, pattern in enumerate(patterns_of(part)):
        s, t = signs[pattern[0], pattern[1]]
        matrix, vector = part.affine_map(i)
        assert matrix == ((Fraction(2 * s), Fraction(-2 * t)), (Fraction(0), Fraction(t)))
        assert vector == (Fraction(1, 3), Fraction(0))


# Membership


@given(problems(dims=(1, 2, 2, 3)), st.data())
@settings(max_examples=40, deadline=None)
def test_points_on_a_first_layer_hyperplane_are_in_no_region(
    problem: tuple[Network, Box], data: st.DataObject
) -> None:
    network, box = problem
    part = partition(network, box)
    names = patterns_of(part)
    for k in range(network.widths[0]):
        sides = [[i for i, name in enumerate(names) if name[k] == bit] for bit in (0, 1)]
        if not all(sides):
            continue
        x, y = (part.witness(data.draw(st.sampled_from(side))) for side in sides)
        zx, zy = (exact_forward(network, point)[0][k] for point in (x, y))
        if zx == zy:
            continue
        t = zx / (zx - zy)
        crossing = tuple(a + t * (b - a) for a, b in zip(x, y, strict=True))
        # Inside the box, the hyperplane has regions on both sides of it.
        assert part.region_of(crossing) is None


@given(problems(dims=(1, 2, 2, 3)), st.data())
@settings(max_examples=40, deadline=None)
def test_membership_of_random_points(problem: tuple[Network, Box], data: st.DataObject) -> None:
    network, box = problem
    part = partition(network, box)
    names = patterns_of(part)
    shares = st.sampled_from(tuple(Fraction(k, 12) for k in range(13)))
    x: Point = tuple(
        lo + data.draw(shares) * (hi - lo) for lo, hi in zip(box.lo, box.hi, strict=True)
    )
    zs, _ = exact_forward(network, x)
    region = part.region_of(x)
    if all(zs):
        assert region is not None
    # All regions whose closure holds x: they agree with every sign at x that is not zero.
    around = [
        i for i, name in enumerate(names)
        if all(z == 0 or (z > 0) == bit for z, bit in zip(zs, name, strict=True))
    ]
    assert region == (around[0] if len(around) == 1 else None)


def test_membership_by_hand() -> None:
    part = partition(CROSS, UNIT)
    names = patterns_of(part)
    region = part.region_of(("1/3", 0.5))
    assert region is not None and names[region] == (1, 1)
    assert part.region_of((0, "1/3")) is None
    assert part.region_of((0, 0)) is None
    assert part.region_of((2, 0.5)) is None
    assert part.region_of((1 + TINY, 1)) is None
    # The box is closed.
    assert part.region_of((1, 1)) == region
    with pytest.raises(DimensionError, match="x has 1 coordinates, expected 2"):
        part.region_of((1,))
    with pytest.raises(NotRationalError, match="nan"):
        part.region_of((float("nan"), 0))


def test_a_vanishing_preactivation_is_off_and_no_boundary() -> None:
    # relu(x) - relu(y) vanishes on the third quadrant, which is one region.
    network = Network.from_arrays([[[1, 0], [0, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]])
    part = partition(network, UNIT)
    region = part.region_of(("-1/2", "-1/2"))
    assert region is not None and patterns_of(part)[region] == (0, 0, 0)
    assert exact_forward(network, part.witness(region))[0][2] == 0


@pytest.mark.parametrize("i", [-1, 4, 10**6])
def test_region_numbers_out_of_range(i: int) -> None:
    part = partition(CROSS, UNIT)
    for question in (part.witness, part.volume, part.affine_map, part.neighbours):
        with pytest.raises(InputError, match=f"region {i}, expected an integer from 0 to 3"):
            question(i)


@pytest.mark.parametrize("i", ["1", 1.5, None])
def test_region_numbers_that_are_no_integers(i: object) -> None:
    part = partition(CROSS, UNIT)
    for question in (part.witness, part.volume, part.affine_map, part.neighbours):
        with pytest.raises(InputError, match=f"region {i!r}, expected an integer"):
            question(i)


def test_a_number_is_no_point() -> None:
    with pytest.raises(DimensionError, match="x is of type int, expected a sequence of numbers"):
        partition(CROSS, UNIT).region_of(0)


def test_budgets_that_are_no_budgets() -> None:
    with pytest.raises(InputError, match="max_regions is -3"):
        partition(CROSS, UNIT, max_regions=-3)
    with pytest.raises(InputError, match="max_seconds is 'a'"):
        count_regions(CROSS, [UNIT], max_seconds="a")


def test_a_box_that_is_an_array_of_no_dimension() -> None:
    with pytest.raises(InputError, match="the box is 1, expected a pair"):
        partition(CROSS, np.array(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("far", [2**1023, 2**1024, Fraction(2**1100, 3)])
def test_a_box_beyond_floats_holds(far: Fraction) -> None:
    part = partition(CROSS, (-far, far))
    part.check()
    assert part.is_complete and part.num_regions == 4


# Many boxes at once


def test_one_box_is_no_sequence_of_boxes() -> None:
    with pytest.raises(InputError, match=r"boxes\[0\]: the box is -1, expected a pair"):
        count_regions(CROSS, (-1, 1))


@given(networks(), st.data())
@settings(max_examples=25, deadline=None)
def test_counting_in_many_boxes(network: Network, data: st.DataObject) -> None:
    d = network.num_inputs
    several = data.draw(st.lists(boxes(d), min_size=1, max_size=6))
    # Cones of the fan that R^d begins with are no regions.
    several.insert(data.draw(st.integers(0, len(several))), None)
    counts = count_regions(network, several)
    assert counts.dtype == np.int64 and counts.shape == (len(several),)
    assert counts.tolist() == [partition(network, box).num_regions for box in several]


@given(networks(), st.data())
@settings(max_examples=15, deadline=None)
def test_many_partitions_are_those_of_one_call_each(network: Network, data: st.DataObject) -> None:
    d = network.num_inputs
    several: list[Domain] = [
        Domain.of(box) for box in data.draw(st.lists(boxes(d), min_size=1, max_size=4))
    ]
    middle = [sum(ends, Fraction(0)) / 2 for ends in zip(several[0].box.lo, several[0].box.hi)]
    several += [Domain.cut(domain, ([[1] * d], [sum(middle)])) for domain in several[:1]]
    several += [Domain.space(d)]
    for part in (many := partition_many(network, several)):
        part.check()
        assert part.is_complete
    for part, domain in zip(many, several, strict=True):
        alone = partition(network, domain)
        assert part == alone and np.array_equal(part.edges, alone.edges)
        for name in ("starts", "indptr", "indices", "parents", "component"):
            assert np.array_equal(getattr(part.lattice, name), getattr(alone.lattice, name))
            assert getattr(part.lattice, name).dtype == getattr(alone.lattice, name).dtype


def test_many_partitions_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    several = [Box.of(k, k + 2, 2) for k in range(3)]
    assert partition_many(CROSS, []) == ()
    monkeypatch.setattr(counting, "_MOST_FACES", 20)
    assert [part.domain.box for part in partition_many(CROSS, several)] == several
    with pytest.raises(LimitError, match="cut in 3 boxes: 0 of 4 neurons done") as caught:
        partition_many(CROSS, several, max_seconds=0)
    assert caught.value.partial == ()
    with pytest.raises(InputError, match=r"domains\[1\]: the polytope is empty"):
        flat = Domain.cut(several[0], ([[1, 0]], [-1]))
        partition_many(CROSS, [several[0], flat])
    for other in (Box.of(0, 1, 3), Domain.space(3), Domain.ball((0, 0, 0), 1, norm=1)):
        expected = r"domains\[1\]: the domain has dimension 3 and the network 2 inputs"
        with pytest.raises(DimensionError, match=expected):
            partition_many(CROSS, [None, other])
    with pytest.raises(InputError, match="got an int for the domains"):
        partition_many(CROSS, 3)  # type: ignore[arg-type]


def test_counting_in_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many boxes that their first faces are too many for one run; the counts are the same."""
    boxes_ = [Box.of(k, k + 2, 2) for k in range(-3, 4)]
    once = count_regions(CROSS, boxes_).tolist()
    assert len(set(once)) > 1
    reported: list[tuple[int, int]] = []
    monkeypatch.setattr(counting, "_MOST_FACES", 20)  # Two boxes of 9 faces a run.
    counts = count_regions(CROSS, boxes_, progress=lambda *a: reported.append(a[:2]))
    assert counts.tolist() == once
    assert reported == [(2 * run + k, 4 * 2) for run in range(4) for k in range(3)]
    with pytest.raises(LimitError, match=r"counted in 7 boxes: \d of 8 neurons done"):
        count_regions(CROSS, boxes_, max_seconds=0)
    with pytest.raises(LimitError, match="counted in 1 box: 0 of 2 neurons"):
        count_regions(CROSS, boxes_[:1], max_seconds=0)


def test_counting_in_no_box_and_in_wrong_boxes() -> None:
    assert count_regions(CROSS, []).tolist() == []
    with pytest.raises(DimensionError, match="dimension 3 and the network 2 inputs"):
        count_regions(CROSS, [UNIT, Box.of(0, 1, 3)])


def test_counting_around_many_points() -> None:
    network = load_workload("bnf_2x8x8x1")
    rng = np.random.default_rng(0)
    centres = rng.uniform(-1, 1, (60, 2))
    small = [Box.of(c - 0.0625, c + 0.0625, 2) for c in centres]
    counts = count_regions(network, small)
    for i in range(0, 60, 6):
        assert counts[i] == len(reference_partition(network, small[i]).regions)


# Budgets


def truncated(network: Network, neurons: int) -> Network:
    """Return the network of the first hidden neurons only."""
    weights, biases, slopes = [], [], []
    for layer in network.hidden:
        size = min(neurons, layer.num_neurons)
        neurons -= size
        if size:
            weights.append(layer.weight[:size])
            biases.append(layer.bias[:size])
            slopes.append(layer.slope)
    return Network.from_arrays(
        [*weights, [[1] * len(biases[-1])]], [*biases, [0]], slope=slopes
    )


@pytest.mark.parametrize("limit", [1, 5, 12, 40])
def test_a_budget_of_regions_leaves_the_partition_by_the_first_neurons(limit: int) -> None:
    with pytest.raises(LimitError, match="budget is spent after [0-9]+ of 9 neurons") as caught:
        partition(NETWORK_A, (-20, 20), max_regions=limit)
    part = caught.value.partial
    assert isinstance(part, Partition)
    assert part.is_complete is False
    assert part.num_regions > limit
    done = part.patterns.shape[1]
    assert 0 < done < NETWORK_A.num_hidden
    expected = reference_partition(truncated(NETWORK_A, done), Box.of(-20, 20, 2), volumes=True)
    assert answer_of(part) == expected
    with pytest.raises(InputError, match="incomplete"):
        part.affine_map(0)


def test_a_budget_that_ends_amid_a_word_of_neurons() -> None:
    """Signs are kept in words of 64 neurons; a run may stop anywhere in the second one."""
    rng = np.random.default_rng(3)
    network = Network.from_arrays(
        [rng.integers(-9, 10, (70, 1)), rng.integers(-1, 2, (67, 70)), [[1] * 67]],
        [rng.integers(-9, 10, 70), rng.integers(-30, 30, 67), [0]],
    )
    regions: list[int] = []
    box = Box.of(-1, 1, 1)
    partition(network, box, progress=lambda done, _, note: regions.append(int(note.split()[0])))
    growing = [k for k in range(1, len(regions)) if regions[k] > regions[k - 1]]
    stops = [
        max(k for k in growing if k < 64),
        next(k for k in growing if 64 < k < 70),
        next(k for k in growing if 70 < k < 134),
        max(k for k in growing if k < 134),
    ]
    for done in stops:
        with pytest.raises(LimitError) as caught:
            partition(network, box, max_regions=regions[done - 1])
        part = caught.value.partial
        assert isinstance(part, Partition)
        assert part.patterns.shape[1] == done
        assert answer_of(part) == reference_partition(truncated(network, done), box, volumes=True)


def test_a_budget_of_seconds() -> None:
    with pytest.raises(LimitError, match="budget is spent") as caught:
        partition(NETWORK_A, (-20, 20), max_seconds=0)
    assert isinstance(caught.value.partial, Partition)
    assert caught.value.partial.is_complete is False


def test_a_budget_that_suffices_changes_nothing() -> None:
    part = partition(NETWORK_A, (-20, 20), max_regions=47, max_seconds=600)
    assert part.is_complete and answer_of(part) == answer_of(partition(NETWORK_A, (-20, 20)))


def test_progress_is_reported() -> None:
    calls: list[tuple[int, int, str]] = []
    part = partition(
        NETWORK_A, (-20, 20), progress=lambda done, total, note: calls.append((done, total, note))
    )
    assert calls and calls[-1][:2] == (9, 9) and str(part.num_regions) in calls[-1][2]
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)
    assert {total for _, total, _ in calls} == {9}


# Bad input


@pytest.mark.parametrize(
    ("box", "error", "message"),
    [
        ((1, -1), InputError, "empty or flat on axis 0: lo is 1 and hi is -1"),
        ((0, 0), InputError, "empty or flat on axis 0"),
        (((0, 0), (1, 0)), InputError, "empty or flat on axis 1"),
        (((0, 0, 0), 1), DimensionError, "lo has 3 entries, expected 1 or 2"),
        ((0, (1,)), DimensionError, "hi has 1 entry, expected 1 or 2"),
        ((float("nan"), 1), NotRationalError, "lo is nan"),
        ((0, float("inf")), NotRationalError, "hi is inf"),
        (("a", "b"), NotRationalError, "lo is 'a'"),
        ((None, 1), NotRationalError, "lo is of type NoneType"),
        ((0, 1, 2), InputError, r"the box is \(0, 1, 2\), expected a pair \(lo, hi\) of bounds"),
        (7, InputError, "the box is 7, expected a pair"),
        ("01", InputError, "the box is '01', expected a pair"),
        ([(-1, 1), (-1, 1)], InputError, r"one pair an axis, write box=\(\(-1, -1\), \(1, 1\)\)"),
        ([(-1, 1)] * 3, InputError, r"the box is \[\(-1, 1\), .*, expected a pair"),
        (Box.of(0, 1, 3), DimensionError, "dimension 3 and the network 2 inputs"),
    ],
)
def test_bad_boxes(box: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        partition(CROSS, box)  # type: ignore[arg-type]


def test_one_pair_an_axis_is_not_guessed_at() -> None:
    three = one_layer([[1, 0, 1], [0, 1, 1]], [0, 0])
    with pytest.raises(InputError, match=r"write box=\(\(-1, 0, 0\), \(1, 1, 2\)\)"):
        partition(three, [(-1, 1), (0, 1), (0, 2)])  # type: ignore[arg-type]
    line = one_layer([[1]], [0])
    with pytest.raises(InputError, match=r"write box=\(\(0,\), \('1/2',\)\)"):
        partition(line, [(0, 0.5)])  # type: ignore[arg-type]


def test_modules_and_files_are_networks(tmp_path: Path) -> None:
    save_json(CROSS, tmp_path / "net.json")
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    assert partition(str(tmp_path / "net.json"), UNIT) == partition(CROSS, UNIT)
    assert count_regions(tmp_path / "net.json", [(-1, 1), UNIT]).tolist() == [4, 4]
    assert partition(module.eval(), UNIT).network == Network.from_torch(module)
    with pytest.raises(InputError, match="train mode"):
        partition(module.train(), UNIT)
    with pytest.raises(InputError, match="got an int for the network, expected a Network"):
        partition(3, UNIT)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="got an int for the boxes"):
        count_regions(CROSS, 3)  # type: ignore[arg-type]


def test_a_spent_budget_may_be_a_value() -> None:
    part = partition(NETWORK_A, (-20, 20), max_regions=5, on_budget="return")
    assert not part.is_complete and part.stopped is not None
    assert "the budget is spent after" in part.stopped
    whole = partition(NETWORK_A, (-20, 20), max_regions=10**6, on_budget="return")
    assert whole.is_complete and whole.stopped is None
    with pytest.raises(InputError, match="on_budget 'ignore' is not known"):
        partition(NETWORK_A, (-20, 20), on_budget="ignore")


def test_unknown_engine() -> None:
    with pytest.raises(InputError, match="'magic'"):
        partition(CROSS, UNIT, engine="magic")


def test_boxes_in_every_notation_are_the_same_box() -> None:
    expected = Box.of(-1, Fraction(1, 3), 2)
    for box in (
        expected,
        (-1, "1/3"),
        ["-1", Fraction(1, 3)],
        ((-1, -1), ("1/3", Fraction(1, 3))),
        (np.array([-1.0, -1.0]), ["1/3", "1/3"]),
    ):
        assert partition(CROSS, box).box == expected  # type: ignore[arg-type]
    # A float bound is the dyadic number that it is.
    assert partition(CROSS, (-0.1, 0.1)).box.hi[0] == Fraction(0.1) != Fraction(1, 10)


def test_the_public_names() -> None:
    part = exactbn.partition(exactbn.Network.from_arrays([[[1]], [[1]]], [[0], [0]]), box=(-1, 1))
    assert isinstance(part, exactbn.Partition)
    assert part.num_regions == 2


def test_the_engine_that_suits() -> None:
    """More inputs, or rows, than a lattice of faces is begun for are for the LP engine."""
    network = Network.from_arrays([[[1, 1]], [[1]]], [[0], [0]])
    assert partition(network, (-1, 1)).engine == partition(network).engine == "complex"
    part = partition(network, (-1, 1), rows=([[1, 0]], [0]))
    assert part.engine == "complex" and part.num_regions == 2
    many = [[i, 1] for i in range(MOST_ROWS + 1)], [100 + i * i for i in range(MOST_ROWS + 1)]
    assert partition(network, rows=([[1, 0]], [0])).engine == "complex"
    remarks: list[str] = []
    part = partition(network, (-1, 1), rows=many, progress=lambda *args: remarks.append(args[-1]))
    assert part.engine == "lp" and part.num_regions == 2
    assert remarks[0] == "engine lp: the complex engine would first make the faces of 257 rows"
    wide = Network.from_arrays([[[1] * 11], [[1]]], [[0], [0]])
    assert partition(wide, (-1, 1)).engine == "lp"
    assert partition(wide, (-1, 1), engine="lp") == partition(wide, (-1, 1))

"""The sampling check: certainty of each sample, planted errors, statistics, the command."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from exactbn import Box, Network, Partition, load, partition
from exactbn.cli import main
from exactbn.errors import InputError, InternalError, LimitError
from exactbn.sampling import SamplingResult, compare_devices, devices, sample
from exactbn.sampling.classify import Classifier
from exactbn.sampling.counting import CompiledCounter, DeviceCounter, make_counters
from exactbn.sampling.floats import FilteredLayer, round_layers, static_filter
from exactbn.sampling.lookup import RegionTable, pack_signs
from exactbn.sampling.points import PointStream, float_bounds
from exactbn.sampling.stage import DTYPES, FloatStage, activate, ieee_products
from exactbn.sampling.statistics import compare_with_volumes, enclose_sum, estimate_unseen
from tests.examples import NETWORK_A, PLANE_NETWORKS, sawtooth
from tests.strategies import problems

CPU = torch.device("cpu")
WORKLOAD = Path(__file__).parent / "workload"
Output = pytest.CaptureFixture[str]
FEW = hypothesis_settings(max_examples=40)


@dataclass(frozen=True)
class Planted:
    """A stand-in for a partition, with errors where a test wants them."""

    network: Network
    box: Box
    patterns: NDArray[np.uint8]
    middle: NDArray[np.float64]
    radius: NDArray[np.float64]
    is_complete: bool = True
    sigma_policy: str = "no-bn"

    @classmethod
    def of(cls, part: Partition) -> "Planted":
        """Return the copy of a partition, without error so far."""
        return cls(part.network, part.box, part.patterns, *part.volumes())

    @property
    def num_regions(self) -> int:
        """Return the number of regions."""
        return len(self.patterns)

    def volumes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the enclosures of the volumes."""
        return self.middle, self.radius

    def volume(self, i: int) -> Fraction:
        """Return the volume of a region, which is what the enclosure says."""
        return Fraction(float(self.middle[i]))

    def without(self, i: int) -> "Planted":
        """Return the copy that lacks region i."""
        return replace(
            self,
            patterns=np.delete(self.patterns, i, axis=0),
            middle=np.delete(self.middle, i),
            radius=np.delete(self.radius, i),
        )


def plane_part(name: str) -> Partition:
    """Return the partition of one of the plane networks in [-4, 4]^2."""
    return partition(PLANE_NETWORKS[name][0], (-4, 4))


def region_by_fractions(part: Partition | Planted, x: tuple[Fraction, ...]) -> int:
    """Return the result of the classifier as it must be, from exact preactivations alone."""
    signs = [
        (z > 0) - (z < 0) for layer in part.network.preactivations(x) for z in layer
    ]
    matches = [
        i
        for i, pattern in enumerate(part.patterns.tolist())
        if all(s == 0 or on == (s > 0) for s, on in zip(signs, pattern, strict=True))
    ]
    if len(matches) > 1:
        return part.num_regions + 1
    return matches[0] if matches else part.num_regions


def classifier_of(
    part: Partition | Planted, dtype: str = "float32", factor: float = 1.0, chunk: int = 64
) -> Classifier:
    """Return a classifier for the points of the box of ``part``, however wide."""
    lo = np.array([float(t) for t in part.box.lo])
    hi = np.array([float(t) for t in part.box.hi])
    return Classifier.of(
        part.network,
        part.patterns,
        part.volumes()[0],
        (lo, hi),
        dtype=dtype,
        device=CPU,
        chunk=chunk,
        factor=factor,
    )


def with_ones(points: Sequence[tuple[float, ...]], dtype: str) -> torch.Tensor:
    """Return points with a column of ones."""
    return torch.tensor([(*x, 1.0) for x in points], dtype=DTYPES[dtype])


def points_of(box: Box, dtype: str, steps: int = 4) -> list[tuple[float, ...]]:
    """Return floats of the box: a grid, where zeros are met, and points beside it."""
    kind = np.dtype(dtype).type
    axes = []
    for lo, hi in zip(box.lo, box.hi, strict=True):
        ticks = [lo + (hi - lo) * Fraction(i, steps) for i in range(steps + 1)]
        ticks += [lo + (hi - lo) * Fraction(97, 256), Fraction(0), Fraction(1, 3)]
        floats = {float(kind(float(t))) for t in ticks}
        axes.append(sorted(t for t in floats if lo <= Fraction(t) <= hi))
    return list(product(*axes))[:300]


# -- certainty ------------------------------------------------------------------------------------


@FEW
@given(problems(), st.sampled_from(["float32", "float64"]), st.sampled_from([1.0, 1e6, np.inf]))
def test_every_point_is_classified_as_in_fractions(
    problem: tuple[Network, Box], dtype: str, factor: float
) -> None:
    part = partition(*problem)
    points = points_of(part.box, dtype)
    if not points:
        return
    found, _ = classifier_of(part, dtype, factor).classify(with_ones(points, dtype))
    expected = [region_by_fractions(part, tuple(map(Fraction, x))) for x in points]
    assert found.tolist() == expected


@FEW
@given(problems(), st.sampled_from(["float32", "float64"]))
def test_error_bounds_hold(problem: tuple[Network, Box], dtype: str) -> None:
    network, box = problem
    check_bounds(network, box, dtype)


def check_bounds(network: Network, box: Box, dtype: str) -> int:
    """Check that no float preactivation is further off than its bound; return how many rows are."""
    bounds = np.array([float(t) for t in box.lo]), np.array([float(t) for t in box.hi])
    layers = static_filter(round_layers(network), *bounds, dtype=dtype)
    points = points_of(box, dtype)
    if not points:
        return 0
    stage = FloatStage.of(layers, dtype=dtype, device=CPU, chunk=16)
    h, usable = with_ones(points, dtype), 0
    exact = [network.preactivations(map(Fraction, x)) for x in points]
    for index, (layer, weight) in enumerate(zip(layers, stage.weights, strict=True)):
        z = h @ weight
        for k in range(z.shape[1]):
            values = [Fraction(t) for t in z[:, k].tolist()]
            if is_idle(layer, k):
                assert all(e[index][k] <= 0 for e in exact)
                continue
            if not layer.weight[k].any():
                assert not any(values)
                continue
            usable += 1
            assert layer.bound[k] < 2
            scale = Fraction(2) ** int(layer.scale[k])
            for e, value in zip(exact, values, strict=True):
                assert abs(e[index][k] * scale - value) <= Fraction(layer.bound[k])
        activated = torch.empty_like(z)
        activate(z, layer.slope, activated)
        h = torch.hstack((activated, torch.ones_like(z[:, :1])))
    return usable


def is_idle(layer: FilteredLayer, k: int) -> bool:
    """Return whether neuron k is replaced by a constant."""
    return not layer.weight[k, :-1].any() and layer.weight[k, -1] == -4 and layer.bound[k] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slope", ["0", "1/3", "-1", "1", "-7/5"])
def test_error_bounds_hold_for_rational_networks(dtype: str, slope: str) -> None:
    third = Fraction(1, 3)
    weights: list[list[list[object]]] = [
        [[third, -2], [Fraction(1, 2**80), 3], [7, 2**70], [-third, third]],
        [[third, 1, Fraction(1, 2**70), -5], [1, 1, 1, 1], [0, 2, 0, third]],
        [[1, -1, third], [third, third, -1]],
        [[1, 1]],
    ]
    biases: list[list[object]] = [["1/7", "-1/3", 2**60, 0], ["1/3", -2, 0], [0, "1/9"], [0]]
    network = Network.from_arrays(weights, biases, slope=slope)
    assert check_bounds(network, Box.of("-1/3", "7/5", 2), dtype) >= 7


@pytest.mark.parametrize("entry", [10**300, Fraction(1, 10**300), 10**400, 2**130])
def test_entries_beyond_the_floats_are_left_to_integers(entry: object) -> None:
    network = Network.from_arrays(
        [[[entry, -1], [1, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]]
    )
    part = partition(network, (-1, 1))
    for dtype in DTYPES:
        check_bounds(network, part.box, dtype)
        points = points_of(part.box, dtype)
        found, _ = classifier_of(part, dtype).classify(with_ones(points, dtype))
        expected = [region_by_fractions(part, tuple(map(Fraction, x))) for x in points]
        assert found.tolist() == expected


@pytest.mark.parametrize("name", sorted(PLANE_NETWORKS))
def test_filter_that_lies_changes_nothing(name: str) -> None:
    part = plane_part(name)
    honest = sample(part, 3000, seed=5)
    wide = sample(part, 3000, seed=5, filter_factor=1e4)
    blind = sample(part, 3000, seed=5, filter_factor=np.inf)
    assert blind.undecided_by_float == 3000
    assert honest.undecided_by_float <= wide.undecided_by_float <= 3000
    assert honest.hits.tolist() == wide.hits.tolist() == blind.hits.tolist()
    assert (honest.outside, honest.on_boundary) == (blind.outside, blind.on_boundary) == (0, 0)


def test_float_types_agree_on_float32_points() -> None:
    part = partition(load(WORKLOAD / "bnc_2x8x8x1.npz"), (-1, 1))
    result = compare_devices(part, 20_000, seed=3, device_a="cpu", device_b="cpu")
    assert (result.first, result.second) == ("cpu float32", "cpu float64")
    assert (result.differing, result.example) == (0, None)
    assert result.undecided[0] >= result.undecided[1] == 0
    assert json.loads(json.dumps(result.to_json()))["differing"] == 0


def test_products_in_full_precision_only_meanwhile() -> None:
    mkldnn: Any = torch.backends.mkldnn
    before = torch.backends.cuda.matmul.fp32_precision, mkldnn.matmul.fp32_precision
    try:
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        with ieee_products():
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            assert mkldnn.matmul.fp32_precision == "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision, mkldnn.matmul.fp32_precision = before


# -- zeros ----------------------------------------------------------------------------------------


def test_central_network_on_a_grid() -> None:
    """Lines x = 0, y = 0, x = y: of the 25 grid points of [-1, 1]^2, 13 lie on one of them."""
    network = Network.from_arrays([[[1, 0], [0, 1], [1, -1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    part = partition(network, (-1, 1))
    grid = [(i / 2, j / 2) for i in range(-2, 3) for j in range(-2, 3)]
    classifier = classifier_of(part)
    found, undecided = classifier.classify(with_ones(grid, "float32"))
    assert undecided == 13
    assert int((found == classifier.on_boundary).sum()) == 13
    assert int((found == classifier.outside).sum()) == 0


def test_point_on_the_boundary_of_a_missing_region_and_one_other() -> None:
    """Where one of two regions is missing, their common wall belongs to the other."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    part = Planted.of(partition(network, (-1, 1)))
    left = part.patterns[:, 0].tolist().index(0)
    classifier = classifier_of(part.without(1 - left))
    points = with_ones([(-0.5,), (0.0,), (0.5,)], "float32")
    assert classifier.classify(points)[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("factor", [1.0, np.inf])
def test_preactivation_that_vanishes_on_a_region(factor: float) -> None:
    """On x < 0 the second layer of the sawtooth is identically zero; no point is on a boundary."""
    part = partition(sawtooth(2), (-1, 1))
    result = sample(part, 4000, seed=1, filter_factor=factor)
    assert (result.outside, result.on_boundary) == (0, 0)
    assert result.hit == part.num_regions
    assert result.undecided_by_float > 1500


def test_float_that_is_a_breakpoint_is_on_the_boundary() -> None:
    """A float of the stream is taken as a breakpoint of a net in one dimension."""
    box = Box.of(-1, 1, 1)
    bounds = float_bounds(box, "float32")
    stream = PointStream(bounds, 1000, 4, "float32", CPU)
    t = float(stream.draw(0, stream.buffer())[0, 123])
    network = Network.from_arrays([[[1], [-2]], [[1, 1]]], [[-t, Fraction(1, 3)], [0]])
    result = sample(partition(network, box), 1000, seed=4)
    assert result.on_boundary == 1
    assert result.hits.sum() == 999


# -- the run --------------------------------------------------------------------------------------


SMALL = [path for path in sorted(WORKLOAD.glob("*.npz")) if "x64x" not in path.stem]


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_nothing_outside_in_the_workload(path: Path) -> None:
    result = sample(partition(load(path), (-1, 1)), 20_000, seed=2)
    assert result.outside == 0
    assert result.chi_square.p > 1e-6
    assert result.hits.sum() + result.on_boundary == 20_000


def test_large_network() -> None:
    part = partition(load(WORKLOAD / "bnc_2x64x64x1.npz"), (-1, 1))
    result = sample(part, 100_000, seed=1, device="cpu")
    assert (result.regions, result.outside) == (6411, 0)
    assert 0 < result.undecided_by_float < 1500
    assert 1e-6 < result.chi_square.p < 1 - 1e-6
    assert result.hit == 6411 - len(result.never_hit)
    lower, upper = result.unseen_volume
    truth = sum(part.volume(int(i)) for i in result.never_hit)
    assert lower <= truth <= upper
    assert upper - lower < Fraction(1, 10**6)
    assert result.unseen.good_turing_share == pytest.approx(float(truth / 4), rel=0.2)
    assert result.hit < result.unseen.chao1_regions < 6411


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_chunks_and_repetition_change_nothing(dtype: str) -> None:
    part = plane_part("A centred")
    results = [
        sample(part, 70_001, seed=7, chunk=chunk, dtype=dtype) for chunk in (None, 1000, 1 << 17)
    ]
    results.append(sample(part, 70_001, seed=7, dtype=dtype))
    assert len({tuple(r.hits.tolist()) for r in results}) == 1
    assert len({r.undecided_by_float for r in results}) == 1
    other = sample(part, 70_001, seed=8, dtype=dtype)
    assert other.hits.tolist() != results[0].hits.tolist()


def test_threads_change_nothing() -> None:
    part, threads, found = plane_part("B"), torch.get_num_threads(), []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            result = sample(part, 200_000, seed=3, device="cpu")
            assert (result.threads, torch.get_num_threads()) == (number, number)
            found.append(result.hits.tolist())
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["rnd_3x10x10x1", "rnd_2x32x32x1", "deg_two_layer_coincide"])
def test_tensor_operations_and_compiled_loop_agree(name: str, dtype: str) -> None:
    part = partition(load(WORKLOAD / f"{name}.npz"), (-1, 1))
    classifier = classifier_of(part, dtype, chunk=1000)
    stream = PointStream(float_bounds(part.box, dtype), 20_000, 1, dtype, CPU)
    tensors, (compiled,) = DeviceCounter(classifier, stream), make_counters(classifier, stream)
    for counter in (tensors, compiled):
        counter.count(0)
        counter.resolve()
    assert isinstance(compiled, CompiledCounter)
    assert tensors.counts.tolist() == compiled.counts.tolist()
    assert int(tensors.counts.sum()) == 20_000
    assert tensors.undecided == compiled.undecided


def test_more_samples_continue_the_stream() -> None:
    part = plane_part("B")
    few, many = sample(part, 100, seed=1), sample(part, 5000, seed=1)
    assert np.all(few.hits <= many.hits)
    assert (few.hits.sum(), many.hits.sum()) == (100, 5000)


def test_degenerate_networks() -> None:
    """No hidden layer, d = 1, dead, duplicate and negated neurons, slopes -1, 1 and 1/3."""
    flat = partition(Network.from_arrays([[[1, 1]]], [[0]]), (-1, 1))
    result = sample(flat, 1000)
    assert (result.hits.tolist(), result.chi_square.p) == ([1000], 1.0)
    rows = [[1], [1], [-1], [0], [2], [0]]
    for slope in (0, -1, 1, "1/3"):
        network = Network.from_arrays(
            [rows, [[1, -1, 1, 1, -1, 3]] * 2, [[1, 1]]],
            [[0, 0, 0, -1, "1/3", 0], ["-1/5", 0], [0]],
            slope=slope,
        )
        part = partition(network, (-1, "1/3"))
        result = sample(part, 5000, seed=1)
        assert (result.outside, result.hit) == (0, part.num_regions)
        assert result.chi_square.p > 1e-6


def test_points_stay_in_a_box_that_floats_cannot_bound() -> None:
    box = Box.of("1/3", (Fraction(2, 3), "7/5"), 2)
    for dtype in DTYPES:
        bounds = float_bounds(box, dtype)
        kind = np.dtype(dtype).type
        for lo, hi, low, high in zip(box.lo, box.hi, *bounds, strict=True):
            assert Fraction(np.nextafter(kind(low), kind(0)).item()) < lo <= Fraction(low)
            assert Fraction(high) <= hi < Fraction(np.nextafter(kind(high), kind(9)).item())
        stream = PointStream(bounds, 1 << 16, 0, dtype, CPU)
        points = stream.draw(0, stream.buffer())[:-1]
        for row, low, high in zip(points, *bounds, strict=True):
            assert low <= float(row.min()) < low + 1e-4
            assert high - 1e-4 < float(row.max()) <= high


def test_progress_is_told() -> None:
    seen: list[tuple[int, int, str]] = []
    sample(plane_part("B"), 100_000, progress=lambda *told: seen.append(told))
    assert seen == [(100_000, 100_000, "0 outside")]


def test_json_of_a_result() -> None:
    result = sample(plane_part("A"), 2000, seed=3)
    record = json.loads(json.dumps(result.to_json()))
    promised = {
        "samples": int, "outside": int, "on_boundary": int, "regions": int, "hit": int,
        "undecided_by_float": int, "chi_square_p": float, "samples_per_second": float,
        "device": str,
    }  # fmt: skip
    assert {key: type(record[key]) for key in promised} == promised
    assert record["seed"] == 3
    assert record["network_sha256"] == NETWORK_A.sha256
    assert 0 < record["share_of_bare_product"]


# -- planted errors -------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, np.inf])
def test_missing_region_is_found(factor: float) -> None:
    part = Planted.of(plane_part("B centred"))
    full = sample(part, 4000, seed=6, filter_factor=factor)
    for i in (0, int(full.hits.argmax()), int(full.hits.argmin())):
        result = sample(part.without(i), 4000, seed=6, filter_factor=factor)
        assert result.outside == full.hits[i]
        assert result.hits.tolist() == np.delete(full.hits, i).tolist()


def test_wrong_sign_in_one_pattern_is_found() -> None:
    part = Planted.of(plane_part("A"))
    full = sample(part, 4000, seed=6)
    i = int(full.hits.argmax())
    patterns = part.patterns.copy()
    for k in range(patterns.shape[1]):
        patterns[i] = part.patterns[i]
        patterns[i, k] ^= 1
        if len(np.unique(patterns, axis=0)) == len(patterns):
            break
    result = sample(replace(part, patterns=patterns), 4000, seed=6)
    assert (result.outside, result.hits[i]) == (full.hits[i], 0)


@pytest.mark.parametrize("size", ["1e-150", "1", "1e120"])
def test_boxes_whose_volume_is_no_float(size: str) -> None:
    """Three inputs: the volumes are 8e-450, 8 and 8e360. Two planes cut a box into quarters."""
    network = Network.from_arrays([[[1, 0, 0], [1, 3, 0]], [[1, 1]]], [[0, 0], [0]])
    part = partition(network, ("-" + size, size))
    result = sample(part, 20_000, dtype="float64", device="cpu")
    assert (result.outside, result.hit, result.chi_square.degrees_of_freedom) == (0, 4, 3)
    assert 1e-6 < result.chi_square.p < 1
    few = sample(part, 1, dtype="float64", device="cpu")
    least, most = few.unseen_volume
    assert least <= sum(part.volume(int(i)) for i in few.never_hit) <= most < part.box.volume


def test_vague_volumes_are_computed_exactly() -> None:
    """Weights beyond the float filter leave the vertices, and so the volumes, wide open."""
    weights = [[[1, 0], [0, 1]], [["1e308", "1e308"], ["-1e308", "1e308"]], [[1, 1]]]
    part = partition(Network.from_arrays(weights, [[0, 0], ["-1.5e308", 0], [0]]), (0, 3))
    assert part.volumes()[1].max() > 0.1
    result = sample(part, 5000, device="cpu")
    assert (result.outside, result.hit) == (0, 4) and result.chi_square.p > 1e-6


def test_sums_that_overflow_decide_nothing() -> None:
    """Partial sums of these rows leave the range of float64, the sums themselves do not."""
    big = 10**306
    rows = [[39 * big] * 6 + [-40 * big] * 6, [-40 * big] * 6 + [39 * big] * 6,
            [40 * big] * 6 + [-39 * big] * 6, [-39 * big, 40 * big] * 6]  # fmt: skip
    network = Network.from_arrays([[[1]] * 12, rows, [[1] * 4]], [[0] * 12, [0] * 4, [0]])
    part = partition(network, ("0.9", "1.1"))
    result = sample(part, 1000, dtype="float64", device="cpu")
    assert (part.num_regions, result.outside, result.hit) == (1, 0, 1)


def test_wrong_volumes_are_found() -> None:
    part = Planted.of(plane_part("A centred"))
    assert sample(part, 50_000, seed=1).chi_square.p > 1e-3
    middle = part.middle.copy()
    order = np.argsort(middle)
    middle[order[-1]] *= 1.2
    assert sample(replace(part, middle=middle), 50_000, seed=1).chi_square.p < 1e-9


def test_device_that_errs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Planted.of(plane_part("B"))
    hits = sample(part, 3000, seed=2, device="cpu").hits
    of, made = Classifier.of, []

    def err_once(network: Network, patterns: NDArray[np.uint8], *args: Any, **options: Any) -> Any:
        made.append(1)
        swapped = patterns[[1, 0, *range(2, len(patterns))]] if len(made) == 2 else patterns
        return of(network, swapped, *args, **options)

    monkeypatch.setattr(devices, "Classifier", SimpleNamespace(of=err_once))
    result = compare_devices(part, 3000, seed=2, device_b="cpu")
    assert result.differing == hits[0] + hits[1] > 0
    assert result.example is not None and "0x" in result.example


def test_same_pattern_twice_is_an_internal_error() -> None:
    part = Planted.of(plane_part("B"))
    patterns = part.patterns.copy()
    patterns[3] = patterns[4]
    with pytest.raises(InternalError, match="two regions of the partition have the same pattern"):
        sample(replace(part, patterns=patterns), 10)


# -- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("neurons", [1, 16, 31, 33, 64, 65, 128, 200, 300])
def test_table_finds_each_pattern_and_no_other(neurons: int) -> None:
    rng = np.random.default_rng(neurons)
    drawn = rng.integers(0, 2, (4000, neurons), dtype=np.uint8)
    # Patterns that differ in one bit are the rule in partitions.
    near = drawn.copy()
    near[np.arange(4000), rng.integers(0, neurons, 4000)] ^= 1
    patterns = rng.permutation(np.unique(np.vstack([drawn, near]), axis=0))
    known, unknown = np.split(patterns, [max(1, 3 * len(patterns) // 4)])
    table = RegionTable.of(known, rng.random(len(known)), CPU)
    codes = pack_signs(torch.from_numpy(known.astype(np.int32) * 2 - 1))
    assert len(torch.unique(codes, dim=0)) == len(known)
    assert table.look_on(codes).tolist() == list(range(len(known)))
    regions, missed = table.look_up(codes)
    right = np.setdiff1d(np.arange(len(known)), missed.numpy())
    assert regions.numpy()[right].tolist() == right.tolist()
    assert len(missed) < len(known) / 8
    other = pack_signs(torch.from_numpy(unknown.astype(np.int32) * 2 - 1))
    assert set(table.look_on(other).tolist()) <= {table.regions}
    assert len(table.look_up(other)[1]) == len(unknown)


def test_codes_of_uncertain_digits_are_no_region() -> None:
    """All 4^3 digit vectors of three neurons: the eight certain ones are found, no other."""
    patterns = np.array(list(product((0, 1), repeat=3)), dtype=np.uint8)
    table = RegionTable.of(patterns, np.ones(8), CPU)
    digits = torch.tensor(list(product((-2, -1, 0, 1), repeat=3)), dtype=torch.int32)
    codes = pack_signs(digits)
    assert len(torch.unique(codes, dim=0)) == 64
    found = table.look_on(codes)
    certain = (digits.abs() == 1).all(dim=1)
    assert torch.equal(found < 8, certain)
    assert set(table.look_up(codes)[1].tolist()) >= set(torch.nonzero(~certain).flatten().tolist())


# -- statistics -----------------------------------------------------------------------------------


def test_chi_square_by_hand() -> None:
    """Expected 10, 20, 30: (2^2) / 10 + (4^2) / 20 + (2^2) / 30 = 4/3; p = exp(-2/3)."""
    result = compare_with_volumes(np.array([12, 16, 32]), np.array([0.5, 1.0, 1.5]))
    assert result.statistic == pytest.approx(4 / 3)
    assert (result.degrees_of_freedom, result.cells, result.pooled) == (2, 3, 0)
    assert result.p == pytest.approx(np.exp(-2 / 3))


def test_small_cells_are_pooled() -> None:
    """Expected 2, 2, 2, 44 and 50: the first three make one cell of 6."""
    hits, volumes = np.array([44, 1, 2, 4, 49]), np.array([44.0, 2.0, 2.0, 2.0, 50.0])
    result = compare_with_volumes(hits, volumes)
    assert (result.degrees_of_freedom, result.cells, result.pooled) == (2, 3, 3)
    assert result.statistic == pytest.approx(1 / 6 + 0 + 1 / 50)
    # Expected 2, 44 and 54: a cell of 2 is too small, so that the next one joins it.
    result = compare_with_volumes(np.array([1, 44, 55]), np.array([2.0, 44.0, 54.0]))
    assert (result.cells, result.pooled) == (2, 2)
    assert compare_with_volumes(np.array([3]), np.array([1.0])).p == 1
    assert compare_with_volumes(np.array([1, 1]), np.array([1.0, 1.0])).cells == 1
    assert compare_with_volumes(np.array([0, 0]), np.array([1.0, 1.0])).p == 1


def test_estimators_by_hand() -> None:
    """N = 20, S = 6, f1 = 3, f2 = 1: share 3/20, regions 6 / (17/20), Chao1 6 + 3 2 / (2 2)."""
    result = estimate_unseen(np.array([1, 0, 1, 2, 10, 0, 1, 5]))
    assert (result.once, result.twice) == (3, 1)
    assert result.good_turing_share == pytest.approx(3 / 20)
    assert result.good_turing_regions == pytest.approx(120 / 17)
    assert result.chao1_regions == pytest.approx(7.5)
    alone = estimate_unseen(np.array([1, 1, 0]))
    assert (alone.good_turing_share, alone.good_turing_regions) == (1.0, None)
    assert estimate_unseen(np.array([0, 0])).good_turing_share == 1.0


def test_sums_are_enclosed() -> None:
    lower, upper = enclose_sum(np.array([0.1, 2.0**-60]), np.array([2.0**-70, 0.0]))
    middle = Fraction(0.1) + Fraction(1, 2**60)
    assert (lower, upper) == (middle - Fraction(1, 2**70), middle + Fraction(1, 2**70))
    assert enclose_sum(np.array([]), np.array([])) == (Fraction(0), Fraction(0))
    assert enclose_sum(np.array([0.0]), np.array([1.0])) == (Fraction(0), Fraction(1))


# -- bad input ------------------------------------------------------------------------------------


def test_bad_options_are_refused() -> None:
    part = plane_part("B")
    with pytest.raises(InputError, match="samples is 0, expected at least 1"):
        sample(part, 0)
    with pytest.raises(InputError, match="dtype 'float16', expected one of float32, float64"):
        sample(part, 1, dtype="float16")
    with pytest.raises(InputError, match="chunk is -1, expected at least 1"):
        sample(part, 1, chunk=-1)
    with pytest.raises(InputError, match="seed is .*, expected an integer of 64 bits"):
        sample(part, 1, seed=1 << 64)
    with pytest.raises(InputError, match="device 'tpu', expected 'auto', 'cpu' or 'cuda'"):
        sample(part, 1, device="tpu")
    with pytest.raises(InputError, match="device 'cuda:77' is not there: torch sees"):
        sample(part, 1, device="cuda:77")


def test_incomplete_partition_is_refused() -> None:
    with pytest.raises(LimitError) as stop:
        partition(NETWORK_A, (-4, 4), max_regions=5)
    part: Any = stop.value.partial
    with pytest.raises(InputError, match="the partition is incomplete"):
        sample(part, 10)
    with pytest.raises(InputError, match="the partition is incomplete"):
        compare_devices(part, 10)


def test_box_without_enough_floats_is_refused() -> None:
    network = Network.from_arrays([[[1]], [[1]]], [[-1000], [0]])
    part = partition(network, (999, 1001))
    with pytest.raises(InputError, match=r"axis 0 of the box, \[999, 1001\].*--dtype float64"):
        sample(part, 10, dtype="float32")
    usual = sample(part, 1000)
    assert (usual.dtype, usual.outside) == ("float64", 0)
    far = partition(network, (-(10**40), 10**40))
    with pytest.raises(InputError, match="holds less than"):
        sample(far, 10, dtype="float32")
    assert sample(far, 1000).dtype == "float64"
    narrow = partition(network, (1000, Fraction(1000) + Fraction(1, 2**30)))
    with pytest.raises(InputError, match="use a larger box or one nearer to 0"):
        sample(narrow, 10, dtype="float64")


def test_narrow_boxes_are_sampled_in_double() -> None:
    # A million float32 numbers, and cells of one and a half steps of their grid: its counts would
    # be far from the volumes.
    step = Fraction(1, 2**23)
    thresholds = [1 + 40 * k * step + shift for k in range(500) for shift in (0, 3 * step / 2)]
    network = Network.from_arrays(
        [[[1]] * len(thresholds), [[1] * len(thresholds)]], [[-t for t in thresholds], [0]]
    )
    result = sample(partition(network, (1, Fraction(1) + 20_000 * step)), 300_000)
    assert result.dtype == "float64" and result.outside == 0
    assert result.chi_square.p is not None and result.chi_square.p > 1e-6


# -- the command ----------------------------------------------------------------------------------


def run(capsys: Output, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of ``exactbn sample``."""
    code = main(["sample", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


NET = str(WORKLOAD / "bnc_2x8x8x1.npz")


def test_command_prints_json(capsys: Output) -> None:
    code, out, _ = run(
        capsys, NET, "--box", "-1", "1", "--samples", "5000", "--seed", "4", "--json",
        "--device", "cpu", "--compare-devices",
    )  # fmt: skip
    record = json.loads(out)
    assert code == 0
    assert (record["samples"], record["outside"], record["regions"]) == (5000, 0, 132)
    assert (record["seed"], record["device"], record["disagreements"]) == (4, "cpu", [])
    assert record["compare_devices"]["differing"] == 0
    assert record["network"]["architecture"] == "2-8-8-1"


def test_command_prints_a_table_and_a_sentence(capsys: Output) -> None:
    code, out, _ = run(
        capsys, NET, "--box", "-1", "1/3,0.5", "--samples", "5000", "--dtype", "float64"
    )
    assert code == 0
    assert "outside the exact set" in out
    assert "Sampling agrees with the exact partition" in out


def test_command_ends_with_1_where_sampling_disagrees(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load(NET)
    planted = Planted.of(partition(network, (-1, 1))).without(0)
    monkeypatch.setattr("exactbn.regions.partitioning.partition", lambda *_, **__: planted)
    code, out, err = run(capsys, NET, "--box", "-1", "1", "--samples", "5000")
    assert code == 1
    assert "DISAGREE" in out
    assert err.startswith("disagreement: ")
    assert "samples have a pattern that the exact set lacks" in err


def test_command_ends_with_2_and_3(capsys: Output) -> None:
    code, out, err = run(capsys, NET, "--box", "none", "--samples", "10", "--json")
    assert (code, out) == (2, "")
    assert "random points need a bounded box" in err
    code, out, err = run(
        capsys, NET, "--box", "-1", "1", "--samples", "10", "--max-regions", "3", "--json"
    )
    assert (code, out) == (3, "")
    assert "nothing was sampled" in err
    code, _, err = run(capsys, NET, "--box", "-1", "1", "--samples", "10", "--device", "abacus")
    assert code == 2 and "device 'abacus'" in err


# -- GPU ------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["bnc_2x8x8x1", "bnc_2x64x64x1", "deg_two_layer_coincide"])
def test_gpu_agrees_with_the_cpu(name: str) -> None:
    part = partition(load(WORKLOAD / f"{name}.npz"), (-1, 1))
    result = compare_devices(part, 300_000, seed=1, device_a="cpu", device_b="cuda")
    assert result.differing == 0
    found: SamplingResult = sample(part, 3_000_000, seed=1, device="cuda")
    assert found.outside == 0
    assert found.chi_square.p > 1e-6
    assert found.device.startswith("cuda")

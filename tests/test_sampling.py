"""The sampling check: runs, planted errors, bad input."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from exactbn import Box, Network, load, partition
from exactbn.errors import InternalError
from exactbn.sampling import SamplingResult, compare_devices, points, sample, wired
from exactbn.sampling.classify import Classifier
from exactbn.sampling.floats import round_layers, static_filter
from exactbn.sampling.hits import CompiledHitCounter, DeviceHitCounter, make_counters
from exactbn.sampling.kernels import CompiledStage
from exactbn.sampling.points import PointStream, float_bounds
from exactbn.sampling.stage import DTYPES, FloatStage
from tests.examples import NETWORK_A
from tests.planted import CPU, WORKLOAD, Planted, classifier_of, plane_part

# -- the run --------------------------------------------------------------------------------------


SMALL = [path for path in sorted(WORKLOAD.glob("*.npz")) if "x64x" not in path.stem]


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.slow] if "5x12" in path.stem else [])
             for path in SMALL], ids=lambda path: path.stem
)  # fmt: skip
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
    tensors, (compiled,) = DeviceHitCounter(classifier, stream), make_counters(classifier, stream)
    for counter in (tensors, compiled):
        counter.count(0)
        counter.resolve()
    assert isinstance(compiled, CompiledHitCounter)
    assert tensors.counts.tolist() == compiled.counts.tolist()
    assert int(tensors.counts.sum()) == 20_000
    assert tensors.undecided == compiled.undecided


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("slope", ["0", "1", "-1", "1/2", "-3/4"])
def test_compiled_loop_applies_biases_and_slopes(slope: str, dtype: str) -> None:
    """All numbers are so short that no float operation rounds."""
    network = Network.from_arrays(
        [[[3, -1], [1, 2], [0, 0]], [[1, 1, -1], [2, -1, 1]], [[1, 1]]],
        [[1, 0, -1], [-3, 1], [0]], slope=slope,
    )  # fmt: skip
    axis = [-2.0, -0.5, 0.0, 0.25, 2.0]
    rows = torch.tensor([(x, y, 1.0) for x in axis for y in axis], dtype=DTYPES[dtype])
    layers = static_filter(
        round_layers(network), np.full(2, -2.0), np.full(2, 2.0), dtype=dtype
    )
    stage = CompiledStage.of(FloatStage.of(layers, dtype=dtype, device=CPU, chunk=len(rows)))
    stage.run(rows)
    first, second = (torch.tensor(layer.weight.T, dtype=rows.dtype) for layer in layers)
    z = rows @ first
    h = torch.where(z > 0, z, float(Fraction(slope)) * z)
    assert torch.equal(stage.outputs[0], h)
    assert torch.equal(stage.outputs[1], h @ second[:-1] + second[-1])  # the last has no activation


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
        drawn = stream.draw(0, stream.buffer())[:-1]
        for row, low, high in zip(drawn, *bounds, strict=True):
            assert low <= float(row.min()) < low + 1e-4
            assert high - 1e-4 < float(row.max()) <= high


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_the_greatest_uniform_number_stays_in_the_box(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On each of 2000 axes the uniform number is the one before 1; nothing is put back inside."""
    kind, rng, count = np.dtype(dtype).type, np.random.default_rng(0), 2000
    info = np.finfo(kind)
    exponents = rng.integers(info.minexp - info.nmant, info.maxexp - 2, (2, count))
    exponents[1, ::2] = exponents[0, ::2] + rng.integers(0, 3, count // 2)
    fractions = rng.random((2, count)) * rng.integers(0, 2, (2, count))  # half are powers of 2
    signed = rng.choice((-1, 0, 1, 1), (2, count)) * (1 + fractions)
    ends = np.ldexp(signed.astype(kind), exponents)
    low, high = np.sort(ends, axis=0).astype(np.float64)
    stream = PointStream((low, high), 1, 0, dtype, CPU)
    greatest = 1 - float(info.epsneg)
    monkeypatch.setitem(points.BLOCK, "cpu", 1)
    monkeypatch.setattr(torch, "rand", lambda *_, out, **__: out.fill_(greatest))
    found = stream.draw(0, stream.buffer())[:-1, 0].numpy().astype(np.float64)
    assert np.all(low <= found) and np.all(found <= high)
    assert np.count_nonzero(found == high) > 20 and np.count_nonzero(found < high) > 20


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

    monkeypatch.setattr(wired, "Classifier", SimpleNamespace(of=err_once))
    result = compare_devices(part, 3000, seed=2, device_b="cpu")
    assert result.differing == hits[0] + hits[1] > 0
    assert result.example is not None and "0x" in result.example


def test_same_pattern_twice_is_an_internal_error() -> None:
    part = Planted.of(plane_part("B"))
    patterns = part.patterns.copy()
    patterns[3] = patterns[4]
    with pytest.raises(InternalError, match="two regions of the partition have the same pattern"):
        sample(replace(part, patterns=patterns), 10)


# -- bad input ------------------------------------------------------------------------------------


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

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
from threadpoolctl import threadpool_info

from exactbn import Box, Network, load, partition
from exactbn.errors import InternalError
from exactbn.sampling import SamplingResult, compare_devices, points, sample, wired
from exactbn.sampling.classify import Classifier
from exactbn.sampling.floats import round_layers, static_filter
from exactbn.sampling.hits import CompiledHitCounter, DeviceHitCounter, make_counters
from exactbn.sampling.kernels import CompiledStage
from exactbn.sampling.points import PointStream, float_bounds
from exactbn.sampling.stage import DTYPES, FloatStage, pool_of
from exactbn.sampling.stream import CountedStream, mixed
from exactbn.seeds import derived_seed
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
    stream = CountedStream(float_bounds(part.box, dtype), 20_000, 1, dtype)
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
    m = len(rows)
    tensors = FloatStage.of(layers, dtype=dtype, device=CPU, chunk=m)
    stage = CompiledStage.of(tensors, 2, m)
    stage.points[:, :m] = rows[:, :-1].t()
    stage.run(m)
    first, second = (torch.tensor(layer.weight.T, dtype=rows.dtype) for layer in layers)
    z = rows @ first
    h = torch.where(z > 0, z, float(Fraction(slope)) * z)
    assert torch.equal(stage.outputs[0][:, :m].t(), h)
    every = torch.hstack((z, h @ second[:-1] + second[-1]))
    signs = stage.codes[0, :m, None] >> np.arange(4, -1, -1, dtype=stage.codes.dtype) & 1
    assert np.array_equal(signs, torch.signbit(every).numpy())
    certain = stage.joined[:m] & stage.certain != 0
    assert np.array_equal(certain, (every.abs() >= 2).all(dim=1).numpy())
    assert 0 < certain.sum() < m or slope == "0"


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
        counted = torch.zeros((2, 1 << 16), dtype=DTYPES[dtype])
        CountedStream(bounds, 1 << 16, 0, dtype).draw(0, counted, 1 << 16)
        for drawn in (stream.draw(0, stream.buffer())[:-1], counted):
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
    column = torch.zeros((count, 1), dtype=DTYPES[dtype])
    monkeypatch.setattr(
        "exactbn.sampling.stream._shifted", lambda word, _, bits: 0 * word + (1 << bits) - 1
    )
    CountedStream((low, high), 1, 0, dtype).draw_by_tensors(0, column, 1)
    for drawn in (stream.draw(0, stream.buffer())[:-1], column):
        found = drawn[:, 0].numpy().astype(np.float64)
        assert np.all(low <= found) and np.all(found <= high)
        assert np.count_nonzero(found == high) > 20 and np.count_nonzero(found < high) > 20


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_points_follow_from_their_numbers(d: int, dtype: str) -> None:
    """In any pieces, by loops or by operations on tensors, and as SplitMix64 says."""
    bounds = np.linspace(-3, -1, d), np.linspace(0.3, 2, d)
    bounds = tuple(t.astype(dtype).astype(np.float64) for t in bounds)
    stream = CountedStream(bounds, 10**9, 5, dtype)
    whole, pieces, tensors = (torch.zeros((d, 1000), dtype=DTYPES[dtype]) for _ in range(3))
    begin = 10**18 + 7
    stream.draw(begin, whole, 1000)
    stream.draw_by_tensors(begin, tensors, 1000)
    for start, end in ((0, 1), (1, 700), (700, 1000)):
        part = torch.zeros((d, end - start), dtype=DTYPES[dtype])
        stream.draw(begin + start, part, end - start)
        pieces[:, start:end] = part
    assert torch.equal(whole, tensors) and torch.equal(whole, pieces)
    words, kind = (-(-d // 2), np.float32) if dtype == "float32" else (d, np.float64)
    key, golden = derived_seed(5, "points"), 0x9E3779B97F4A7C15
    for i in (0, 999):
        for j in range(d):
            p = j // 2 if dtype == "float32" else j
            word = (key + golden * ((begin + i) * words + p + 1)) % 2**64
            word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
            word ^= word >> 31
            if dtype == "float32":
                u = (word >> (8 if j % 2 else 40)) % 2**24 / 2**24
            else:
                u = (word >> 11) / 2**53
            low, width = kind(bounds[0][j]), kind(bounds[1][j] - bounds[0][j])
            assert whole[j, i].item() == low + width * kind(u)


def test_splitmix_is_the_published_one() -> None:
    """The first words of seed 1234567 that its authors' program prints."""
    words = [int(mixed(np.uint64((1234567 + k * 0x9E3779B97F4A7C15) % 2**64))) for k in (1, 2)]
    assert words == [6457827717110365317, 3203168211198807973]


def test_torch_multiplies_on_one_thread_in_each_of_a_pool() -> None:
    """Else two threads of a pool would multiply on four, and wait for one another."""
    torch.mm(torch.ones(2, 2), torch.ones(2, 2))
    with pool_of(2) as pool:
        found = pool.submit(threadpool_info).result()
    assert [each["num_threads"] for each in found if each["prefix"] in ("libgomp", "libomp")] == [1]


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
    assert record["path"] == "compiled loops" or "torch" in record["path"]
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

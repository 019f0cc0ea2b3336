"""The check of a device, with a CPU in its place: both paths agree, planted faults are found."""

import json
from fractions import Fraction
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from exactbn import Box, Network, partition
from exactbn.bench.devices import DEVICE_NETWORKS, device_network
from exactbn.bench.engines import Recipe, random_network
from exactbn.cli import main
from exactbn.errors import InputError
from exactbn.sampling import device_check, fused
from exactbn.sampling.device_check import check_device
from exactbn.sampling.floats import round_layers, static_filter
from exactbn.sampling.fused import FusedStage, check_precision, words_of_patterns
from exactbn.sampling.hits import DeviceHitCounter
from exactbn.sampling.kernels import CompiledStage
from exactbn.sampling.roofline import peak_of, peak_of_properties
from exactbn.sampling.stage import DTYPES, FloatStage, chunk_size
from exactbn.sampling.stream import CountedStream
from tests.planted import CPU, classifier_of

Output = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
SMALL = random_network(Recipe((3, 12, 40, 7, 1), False, 3))
BOX = Box.of(-1, 1, 3)


@pytest.fixture
def as_compiled(monkeypatch: Patch) -> None:
    """Take the functions as they are for compiled ones: loading a compiler takes seconds."""
    monkeypatch.setattr(fused, "compile_whole", lambda *functions: functions)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("slope", ["0", "-1", "1/3"])
@pytest.mark.parametrize("widths", [(1, 5, 1), (2, 31, 2, 1), (3, 32, 1), (5, 40, 30, 3, 1)])
def test_the_stages_give_the_same_words(
    widths: tuple[int, ...], slope: str, dtype: str
) -> None:
    """Layers that end within a word, few inputs and more, and every pattern as it is encoded."""
    plain = random_network(Recipe(widths, False, 1))
    layers = [(layer.weight, layer.bias) for layer in plain.layers]
    network = Network.from_arrays(*zip(*layers, strict=True), slope=slope)
    d, m = widths[0], 300
    bounds = np.full(d, -1.0), np.full(d, 1.0)
    filtered = static_filter(round_layers(network), *bounds, dtype=dtype)
    ours = CompiledStage.of(FloatStage.of(filtered, dtype=dtype, device=CPU, chunk=1), d, m)
    CountedStream(bounds, m, 1, dtype).draw(0, ours.points, m)
    ours.run(m)
    theirs = FusedStage.of(filtered, dtype=dtype, device=CPU, chunk=m)
    words, certain = theirs.codes(ours.points[:, :m])
    own_certain = ours.joined[:m] & ours.certain != 0
    assert np.array_equal(certain.numpy(), own_certain) and 0.9 * m < own_certain.sum()
    codes = ours.codes[:, :m].T[own_certain].astype(np.uint32)
    assert np.array_equal(words.numpy().view(np.uint32)[own_certain], codes)
    patterns = np.array([
        [z > 0 for layer in network.preactivations(tuple(map(Fraction, x))) for z in layer]
        for x in ours.points[:, :20].t().tolist()
    ])  # fmt: skip
    known = own_certain[:20]
    truth = words_of_patterns(patterns[known].astype(np.uint8), CPU).numpy()
    assert np.array_equal(words.numpy()[:20][known], truth)


def test_two_paths_agree() -> None:
    result = check_device(SMALL, BOX, 20_000, device=CPU, seed=2)
    assert (result.differing, result.example) == (0, None)
    assert result.undecided[0] == pytest.approx(result.undecided[1], abs=3) and result.undecided[0]
    assert (result.path, result.reason) == ("plain torch", "there is no GPU")
    assert result.flops_per_sample == 2 * (3 * 12 + 12 * 40 + 40 * 7)
    assert result.share_of_peak is None and 0 < result.share_of_bare_product
    record = json.loads(json.dumps(result.to_json()))
    assert record["flops"] == result.samples_per_second * result.flops_per_sample > 0
    assert record["peak_bytes"] > 10**7


def test_compiled_path(as_compiled: None) -> None:
    result = check_device(SMALL, BOX, 20_000, device=CPU, seed=2, compiled=True)
    assert (result.path, result.reason, result.differing) == ("torch.compile", None, 0)


@pytest.mark.slow
def test_functions_can_be_traced_whole(monkeypatch: Patch) -> None:
    """Without a break, and once for each network: torch keeps few versions of a function, here one.

    What is traced is run as it is, so that no compiler is needed.
    """
    def trace(*functions: Any) -> tuple[Any, ...]:
        torch.compiler.reset()
        whole = partial(torch.compile, backend="eager", dynamic=False, fullgraph=True)
        return tuple(map(whole, functions))

    monkeypatch.setattr(fused, "compile_whole", trace)
    with torch._dynamo.config.patch(recompile_limit=1):
        for k in (40, 1, 2):
            network = random_network(Recipe((3, k, 2, 1), False, 1))
            result = check_device(network, BOX, 20_000, device=CPU, compiled=True)
            assert (result.path, result.reason, result.differing) == ("torch.compile", None, 0)


@pytest.mark.slow
def test_path_of_a_real_compiler() -> None:
    result = check_device(SMALL, BOX, 20_000, device=CPU, seed=2, compiled=True)
    assert result.differing == 0
    assert result.path == "torch.compile" or "torch.compile failed" in str(result.reason)


def test_without_a_compiler_plain_torch_runs_and_says_so(monkeypatch: Patch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(fused, "compile_whole", lambda *_: (fail, fail))
    result = check_device(SMALL, BOX, 5000, device=CPU, compiled=True)
    assert (result.path, result.differing) == ("plain torch", 0)
    assert result.reason == "torch.compile failed: no compiler"


def test_hits_counted_on_a_device(as_compiled: None) -> None:
    """The counter of a GPU, compiled, beside that of the CPU."""
    part = partition(random_network(Recipe((2, 8, 8, 1), False, 1)), (-1, 1))
    classifier = classifier_of(part, chunk=1000)
    lo, hi = np.full(2, -1.0), np.full(2, 1.0)
    counter = DeviceHitCounter(
        classifier, CountedStream((lo, hi), 5500, 3, "float32"), compiled=True
    )
    assert counter.stage.path == "torch.compile"
    counter.count(0)
    counter.resolve()
    plain = DeviceHitCounter(classifier, CountedStream((lo, hi), 5500, 3, "float32"))
    plain.count(0)
    plain.resolve()
    assert counter.counts.tolist() == plain.counts.tolist()
    assert int(counter.counts.sum()) == 5500


# -- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [0, 8191, 8192, 19_999])
def test_planted_fault_is_found_where_it_is(sample: int) -> None:
    result = check_device(SMALL, BOX, 20_000, device=CPU, seed=2, plant=sample)
    assert result.differing == 1
    assert f"sample {sample}, x = (" in str(result.example) and "certainly" in str(result.example)


def test_false_certainty_is_found(monkeypatch: Patch) -> None:
    """Bounds that are too small by far on the device: it calls signs certain that are wrong."""
    def lie(*arguments: Any, **options: Any) -> FusedStage:
        stage = FusedStage.of(*arguments, **options)
        codes = stage.codes
        noisy = lambda points: codes(points + 1e-3)  # noqa: E731
        object.__setattr__(stage, "codes", lambda points: (
            noisy(points)[0], torch.ones(points.shape[1], dtype=torch.bool)))
        return stage

    monkeypatch.setattr(device_check, "FusedStage", SimpleNamespace(of=lie))
    result = check_device(SMALL, BOX, 20_000, device=CPU, seed=2)
    assert result.differing > 100 and result.undecided[1] == 0


def test_signs_that_the_cpu_leaves_open_are_compared_with_exact_ones(monkeypatch: Patch) -> None:
    """A device that calls everything certain is wrong only where its sign is: x = 0 is no sign."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    points = [-1.0, -(2.0**-140), 0.0, 2.0**-140, 1.0]

    def draw(_: object, __: int, out: torch.Tensor, m: int, *___: object) -> None:
        out[:, :m] = torch.tensor((points * m)[:m])

    def believe(*arguments: Any, **options: Any) -> FusedStage:
        stage = FusedStage.of(*arguments, **options)
        everything = lambda points: (  # noqa: E731
            torch.signbit(points[0]).to(torch.int32)[:, None], torch.ones_like(points[0]) > 0)
        object.__setattr__(stage, "codes", everything)
        return stage

    monkeypatch.setattr(CountedStream, "draw", draw)
    monkeypatch.setattr(CountedStream, "draw_by_tensors", draw)
    monkeypatch.setattr(device_check, "FusedStage", SimpleNamespace(of=believe))
    result = check_device(network, Box.of(-1, 1, 1), 5, device=CPU)
    assert (result.differing, result.undecided) == (1, (3, 0))
    assert "sample 2" in str(result.example) and "exactly it is zero" in str(result.example)


def test_a_dead_neuron_is_certainly_off() -> None:
    """Exactly it is zero, and that is off: the one that is wrong is another one."""
    rng = np.random.default_rng(9)
    weights = [rng.normal(size=shape) for shape in ((8, 2), (8, 8), (1, 8))]
    biases = [rng.normal(size=rows) for rows in (8, 8, 1)]
    weights[0][0], biases[0][0] = 0, 0
    network = Network.from_arrays(weights, biases)
    result = check_device(network, Box.of(-1, 1, 2), 1, device=CPU, plant=0)
    assert result.differing == 1 and "neuron 0 " not in str(result.example)


def test_an_undecided_sample_may_be_wrong(monkeypatch: Patch) -> None:
    """Where the device says that it is not certain it is not believed: no error."""
    def doubt(*arguments: Any, **options: Any) -> FusedStage:
        stage = FusedStage.of(*arguments, **options)
        codes = stage.codes
        object.__setattr__(stage, "codes", lambda points: (
            ~codes(points)[0], torch.zeros(points.shape[1], dtype=torch.bool)))
        return stage

    monkeypatch.setattr(device_check, "FusedStage", SimpleNamespace(of=doubt))
    result = check_device(SMALL, BOX, 3000, device=CPU)
    assert (result.differing, result.undecided[1]) == (0, 3000)


def test_another_point_is_found(monkeypatch: Patch) -> None:
    """One coordinate of one sample is the next float."""
    right = CountedStream.draw_by_tensors

    def draw(self: CountedStream, start: int, out: torch.Tensor, *others: Any) -> None:
        right(self, start, out, *others)
        if start <= 17 < start + out.shape[1]:
            number = np.float32(float(out[1, 17 - start]))
            out[1, 17 - start] = float(np.nextafter(number, np.float32(2)))

    monkeypatch.setattr(CountedStream, "draw_by_tensors", draw)
    result = check_device(SMALL, BOX, 100, device=CPU)
    assert result.differing == 1
    assert "sample 17" in str(result.example) and "draws another point" in str(result.example)


def test_products_in_another_precision_are_refused(monkeypatch: Patch) -> None:
    """As of tensor cores: the operands lose all but ten bits."""
    right = torch.mm

    def coarse(left: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        bits = left.view(torch.int32) & ~0x1FFF
        return right(bits.view(torch.float32), other)

    check_precision(CPU, torch.float32)
    check_precision(CPU, torch.float64)
    monkeypatch.setattr(torch, "mm", coarse)
    with pytest.raises(InputError, match="'cpu' multiplies 1.00000095.* by 1 to 1.0: its products"):
        check_precision(CPU, torch.float32)


@pytest.mark.parametrize("name", fused.OVERRIDES)
def test_settings_that_override_the_precision_are_refused(name: str, monkeypatch: Patch) -> None:
    monkeypatch.setenv(name, "1")
    check_precision(CPU, torch.float32)
    with pytest.raises(InputError, match=f"{name} is set, so that float32 products are not"):
        check_precision(torch.device("cuda"), torch.float32)


# -- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "box", "options", "message"),
    [
        (SMALL, Box.of(-1, 1, 2), {}, "the box has 2 dimensions and the network 3 inputs"),
        (SMALL, BOX, {"samples": 0}, "samples is 0, expected at least 1"),
        (SMALL, BOX, {"samples": 5, "plant": 5}, "at sample 5, expected one of 0 to 4"),
        (Network.from_arrays([[[1]]], [[0]]), Box.of(-1, 1, 1), {}, "has no hidden neurons"),
    ],
)
def test_bad_input(network: Network, box: Box, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_device(network, box, device=CPU, **options)


def test_peaks() -> None:
    """The figures of an H100 SXM: 132 multiprocessors at 1.98 GHz make 67 Tflop/s."""
    gpu = SimpleNamespace(major=9, minor=0, multi_processor_count=132, clock_rate=1_980_000)
    peak = peak_of_properties(gpu)
    assert peak.flops == pytest.approx(66.9e12, rel=1e-3) and "132 multiprocessors" in peak.source
    gpu.clock_rate = 0
    assert peak_of_properties(gpu).flops is None
    gpu.major = 99
    assert "compute capability 99.0" in peak_of_properties(gpu).source
    assert peak_of(CPU).flops is None


def test_chunks_follow_from_widths_and_from_the_memory_that_is_free(monkeypatch: Patch) -> None:
    assert [chunk_size(CPU, widths) for widths in ((), (8,), (64, 64), (3, 100), (4096,))] == [
        8192, 8192, 2048, 1024, 1024,
    ]  # fmt: skip
    gpu = torch.device("cuda")
    for free, chunk in ((10**6, 1 << 12), (8 * 10**9, 1 << 17), (140 * 10**9, 1 << 20)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, free))
        assert chunk_size(gpu, (64, 64)) == chunk
        assert chunk == 1 << 12 or chunk * 128 * 16 < free / 10


def test_built_in_networks() -> None:
    shapes = {name: device_network(name).architecture for name in DEVICE_NETWORKS}
    assert shapes == {name: f"{name}-1" for name in DEVICE_NETWORKS}


# -- the command ----------------------------------------------------------------------------------


def run(capsys: Output, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of ``exactbn check-device``."""
    code = main(["check-device", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_command(capsys: Output) -> None:
    code, out, _ = run(capsys, "2-64-64", "--device", "cpu", "--samples", "3000", "--json")
    (row,) = json.loads(out)["networks"].values()
    assert (code, row["samples"], row["differing"], row["device"]) == (0, 3000, 0, "cpu")
    code, out, err = run(capsys, "2-64-64", "--device", "cpu", "--samples", "3000")
    assert code == 0 and "plain torch, as there is no GPU" in out and "Every sign that" in out
    code, out, err = run(
        capsys, "2-64-64", "--device", "cpu", "--samples", "3000", "--plant", "77"
    )
    assert code == 1 and "1 samples are WRONG" in out
    assert "disagreement: 2-64-64: 1 of 3000 samples, the first: sample 77, x = (" in err


def test_command_without_a_gpu(capsys: Output, monkeypatch: Patch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("error: device 'cuda' is not there: torch sees 0 GPUs")
    code, _, err = run(capsys, "2-64-64", "--device", "cpu", "--box", "none")
    assert code == 2 and "expected bounds" in err


@pytest.mark.gpu
def test_gpu_agrees_with_the_cpu() -> None:
    for name in DEVICE_NETWORKS:
        network = device_network(name)
        box = Box.of(-1, 1, network.num_inputs)
        result = check_device(network, box, 3_000_000, device=torch.device("cuda"))
        assert result.differing == 0, result.example
        assert result.path == "torch.compile", result.reason
        assert result.share_of_peak is not None

"""The benchmark measures what it says, on networks that are the same everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from exactbn.bench import engines as bench
from exactbn.bench import slices, space, strokes
from exactbn.cli import main
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

Output = pytest.CaptureFixture[str]


def test_networks_come_from_their_seeds_alone() -> None:
    small = bench.named_network("rnd-2-8-8")
    assert small == bench.random_network(bench.RECIPES["rnd-2-8-8"])
    assert small.architecture == "2-8-8-1"
    other = bench.Recipe((2, 8, 8, 1), False, 9)
    assert small != bench.random_network(other)


def test_centred_networks_are_exactly_central() -> None:
    """On the same weights, and with all hyperplanes of layer 0 through one point."""
    recipe = bench.Recipe((2, 5, 1), True, 4)
    centred = bench.random_network(recipe).layers[0]
    plain = bench.random_network(bench.Recipe((2, 5, 1), False, 4)).layers[0]
    assert centred.weight == plain.weight and centred.bias != plain.bias
    (a, b), (c, d) = centred.weight[:2]
    e, f = centred.bias[:2]
    x = ((b * f - d * e) / (a * d - b * c), (c * e - a * f) / (a * d - b * c))
    assert centred.preactivation(x) == (0,) * 5


def test_unknown_network() -> None:
    with pytest.raises(InputError, match="'bogus' is neither a file nor one of the networks rnd"):
        bench.named_network("bogus")


def test_bench_as_json(capsys: Output) -> None:
    command = ["bench", "--networks", "rnd-2-8-8", "--repeat", "1", "--no-scaling"]
    command += ["--no-proofs", "--no-balls", "--no-slices", "--no-pieces", "--no-boundaries"]
    command += ["--json"]
    assert main(command) == 0
    out, _ = capsys.readouterr()
    row = json.loads(out)["networks"]["rnd-2-8-8"]
    assert row["regions"] == 41 and row["adjacencies"] == 71
    assert row["seconds"] > 0 and row["bytes_per_region"] > 0
    assert 0 <= row["exact_share"] <= 1


def test_bench_for_people(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that fails does not take the others with it."""
    good = {"regions": 41, "adjacencies": 71, "seconds": 0.25, "regions_per_second": 164.0}
    slow = {"regions": 100, "adjacencies": 200, "seconds": 1.0, "regions_per_second": 82.0}
    rows = {"rnd-2-8-8": good, "rnd-3-20-20": {"error": "no"}, "scale-3d-1e5": {"error": "no"}}
    rows |= {"scale-2d-1e3": good, "scale-2d-1e5": slow, "scale-3d-1e3": good}
    monkeypatch.setattr(bench, "measure_apart", lambda name, *_: rows.get(name, {"error": "-"}))
    assert main(["bench", "--networks", "rnd-2-8-8,rnd-3-20-20"]) == 0
    out, _ = capsys.readouterr()
    assert "250.0" in out and "rnd-3-20-20: no" in out
    assert "2d: time per region at 10^5 regions over that at 10^3: 1.64" in out
    assert "3d: time" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "bogus"], "--networks: 'bogus', expected some of rnd-2-8-8"),
        (["absent.npz"], "absent.npz: no such file, expected a network"),
        (["--folder", "absent"], "--folder: absent is not a folder"),
        (["--nets", "absent"], "--nets: absent is not a folder"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: Output) -> None:
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_failing_process_gives_its_last_line() -> None:
    row = bench.measure_apart("bogus", (), 60)
    assert str(row["error"]).startswith("error: 'bogus' is neither a file")


def test_certificates_are_timed(capsys: Output) -> None:
    command = ["bench", "--apart", "rnd-3-16-16", "--proof", "complex", "--repeat", "1"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["regions"] == 942
    assert row["writing"] > 0 and row["checked_regions_per_second"] > 0


def test_the_lp_engine_is_timed(capsys: Output) -> None:
    command = ["bench", "--apart", "rnd-3-16-16", "--proof", "search", "--repeat", "1"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["regions"] == 942
    assert row["regions_per_second"] > 0 and row["adjacency"] > 0


def test_boundaries_are_timed(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactbn.bench.boundaries.COUNT", 5)
    command = ["bench", "--apart", "rnd-2-64-64-1", "--proof", "boundary", "--repeat", "1"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["regions"], row["pieces"]) == (6942, 117) and row["distances_per_second"] > 0


def test_balls_are_timed(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactbn.bench.balls.COUNT", 20)
    monkeypatch.setattr("exactbn.bench.balls.APART", 3)
    command = ["bench", "--apart", "rnd-2-64-64", "--proof", "balls", "--repeat", "1"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["balls"] == 20 and row["regions"] >= 20 and row["ratio"] > 0


def test_all_of_space_is_timed_beside_a_box(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "SPACE", {"small": bench.Recipe((2, 3, 3, 1), True, 1)})
    assert main(["bench", "--apart", "small", "--proof", "space", "--repeat", "2"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["regions"] >= row["regions_of_box"] > 4 and row["ratio"] > 0
    assert main(["bench", "--apart", "small", "--proof", "spice"]) == 2
    assert "--proof: 'spice', expected one of complex, lp, search" in capsys.readouterr().err


def test_slices_are_timed_or_skipped_by_name(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert slices.skipped("LeNet, side 1", None) is None
    (tmp_path / "conv_mp1.onnx").write_bytes(b"")
    assert slices.skipped("conv_mp1, side 2", tmp_path) is None
    with pytest.raises(InputError, match="skipped, there is no file .*mnist5x20_leaky_relu.onnx"):
        slices.measure_slice("mnist5x20, side 2", tmp_path, repeat=1)
    seen = []
    monkeypatch.setattr(bench, "measure_apart", lambda name, *_: seen.append(name) or {})
    command = ["bench", "--networks", "none", "--no-scaling", "--no-proofs", "--no-balls"]
    assert main([*command, "--no-pieces", "--no-boundaries"]) == 0
    assert seen == ["LeNet, side 1/4", "LeNet, side 1", "2-25-25-25-2 in R^2", *slices.READINGS]
    out, _ = capsys.readouterr()
    reason = "skipped, conv_mp1.onnx is not part of the project: --nets FOLDER"
    assert f"conv_mp1, side 2: {reason}" in out


def test_a_slice_and_reading_are_measured(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "MILLION", (4, 6, 3))
    command = ["bench", "--repeat", "1", "--apart"]
    assert main([*command, "2-25-25-25-2 in R^2", "--proof", "slice"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["regions"], row["adjacencies"], row["units"]) == (2375, 4675, 75)
    assert row["regions_per_second"] > 0 and row["peak_bytes"] >= 0
    for name in slices.READINGS:
        assert main([*command, name, "--proof", "reading"]) == 0
        row = json.loads(capsys.readouterr().out)
        assert (row["architecture"], row["weights"]) == ("4-6-3", 42)
    with pytest.raises(InputError, match="'bogus' is no slice, expected one of ACAS Xu 1_1"):
        slices.measure_slice("bogus", None, repeat=1)


def test_a_slice_of_the_inputs_of_acas_xu_has_its_corners_in_their_box() -> None:
    """Every vertex of the polygon lies on a side of the box, and in it."""
    box = Box.of(*slices.ACAS_XU, 5)
    origin, directions = slices.three_points(box)
    whole = Domain.of(box).restrict(origin, directions)
    # Within a box there are vertices to look at.
    domain = Domain.cut(Box.of(-100, 100, 2), (whole.matrix, whole.bounds))
    one = Network.from_arrays([[[0, 0]], [[0]]], [[1], [0]])
    part = partition(one, domain)
    assert part.f_vector is not None and part.f_vector[0] >= 3
    for v in range(part.f_vector[0]):
        s, t = part.vertex(v)
        x = tuple(o + s * a + t * b for o, a, b in zip(origin, *directions, strict=True))
        assert box.contains(x) and not box.has_inside(x)


def test_made_images_show_their_digits() -> None:
    images, digits = strokes.made_images(40, 3)
    again, _ = strokes.made_images(40, 3)
    assert images.shape == (40, 28, 28) and (images == again).all()
    assert images.min() == 0 and images.max() == 1
    assert (np.rint(images * 255) / np.float32(255) == images).all()
    # A one has the least strokes, an eight the most.
    light = images.sum((1, 2))
    assert light[digits == 1].mean() < light.mean() < light[digits == 8].mean()


def test_lenet_is_trained_from_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(strokes, "_IMAGES", 60)
    state = torch.random.get_rng_state()
    one, other = strokes.trained_lenet(), strokes.trained_lenet()
    assert (torch.random.get_rng_state() == state).all() and not one.training
    assert all((p == q).all() for p, q in zip(one.parameters(), other.parameters(), strict=True))

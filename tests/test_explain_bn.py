"""What ``exactbn explain-bn`` says of stored normalizations, against numbers worked out by hand."""

import json
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from exactbn.cli import main
from exactbn.model.batchnorm import center
from exactbn.model.files import load, save_json
from exactbn.model.network import Network
from exactbn.readers.tensors import vector_of
from exactbn.study.explaining import explain

Output = pytest.CaptureFixture[str]

# x + y and x - y at the four points are 0, 2, 4, 6 and 0, 2, 0, 2.
TABLE = "x,y\n0,0\n2,0\n2,2\n4,2\n"
POINTS = tuple((F(x), F(y)) for x, y in ((0, 0), (2, 0), (2, 2), (4, 2)))


def written(folder: Path, mean: list[float], variance: list[float]) -> Path:
    """Write a checkpoint of x + y and x - y, normalized, whose sum is the output."""
    first, norm = nn.Linear(2, 2), nn.BatchNorm1d(2)
    module = nn.Sequential(first, norm, nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
        first.bias.zero_()
    norm.running_mean.copy_(torch.tensor(mean))
    norm.running_var.copy_(torch.tensor(variance))
    (folder / "d.csv").write_text(TABLE)
    torch.save({"state_dict": module.state_dict()}, folder / "net.pt")
    return folder / "net.pt"


def test_which_variance_is_stored(tmp_path: Path) -> None:
    """The variances are 5 and 1, biased, and 20/3 and 4/3."""
    found = explain(written(tmp_path, [3, 0.5], [5, 1.5]), POINTS)
    first, second = found.channels
    assert (first.mean, first.biased, first.unbiased, first.which) == (3, 5, F(20, 3), "biased")
    assert (second.mean, second.biased, second.unbiased) == (1, 1, F(4, 3))
    assert second.which == "nearer to unbiased"
    # The first unit is ideal, the second is off by (1 - 1/2) over its sigma.
    assert [plane.gap == 0 for plane in found.hyperplanes] == [True, False]
    second_plane = found.hyperplanes[1]
    assert second_plane.mean == F(1, 2) / second.normalization.sigma(1)
    assert second_plane.reads == (0, 1) and second_plane.ideal == 0
    assert found.regions is not None and found.regions.box.lo == (-1, F(-1, 2))
    assert (found.regions.stored, found.regions.ideal, found.regions.common) == (4, 4, 4)


def test_the_ideal_network_is_that_of_the_batch(tmp_path: Path) -> None:
    path = written(tmp_path, [1, 2], [3, 4])
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU(), nn.Linear(2, 1)).eval()
    module.load_state_dict(torch.load(path)["state_dict"])
    expected = Network.from_torch(module, statistics="batch", data=POINTS)
    found = explain(path, POINTS)
    assert found.ideal == expected and found.network == load(path)
    norm = found.channels[0].normalization
    assert norm.mean == vector_of(module[1].running_mean, "mean") == (1, 2)


def test_a_file_that_tells_of_none_is_centred(tmp_path: Path) -> None:
    """Stored in float32 the lines through one point do not meet, and there are more regions."""
    net = Network.from_arrays([[[1, F(1, 3)], [3, 1], [1, -2]], [[1, 1, 1]]], [[0] * 3, [0]])
    points = ((F(1, 3), F(1, 7)), (F(2, 3), F(5, 7)), (F(1, 5), 0))
    ideal = center(net, points)
    biases = [np.float32(t) for t in ideal.layers[0].bias]
    stored = Network.from_arrays([layer.weight for layer in net.layers], [biases, [0]])
    save_json(stored, tmp_path / "net.json")
    found = explain(tmp_path / "net.json", points)
    assert found.ideal == ideal and not found.channels and found.regions is not None
    assert found.regions.stored != found.regions.ideal and found.regions.stopped is None
    gaps = [plane.gap for plane in found.hyperplanes]
    assert gaps == [F(float(b)) - t for b, t in zip(biases, ideal.layers[0].bias, strict=True)]
    exact = tmp_path / "exact.json"
    save_json(ideal, exact)
    assert all(plane.gap == 0 for plane in explain(exact, points).hyperplanes)


def test_onnx_normalizations_are_explained(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from onnx import helper
    from tests.onnx_models import model, saved

    w = np.array([[1.0, 1.0], [1.0, -1.0]])
    numbers = {"w": w, "g": np.array([1.0, -2.0]), "b": np.array([0.0, 1.0]),
               "m": np.array([3.0, 0.0]), "v": np.array([4.0, 9.0])}  # fmt: skip
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]),
             helper.make_node("BatchNormalization", ["h", "g", "b", "m", "v"], ["n"]),
             helper.make_node("Relu", ["n"], ["y"])]  # fmt: skip
    path = saved(tmp_path, model(nodes, {"x": (1, 2)}, ["y"], numbers))
    found = explain(path, POINTS)
    assert [channel.mean for channel in found.channels] == [3, 1]
    assert [channel.biased for channel in found.channels] == [5, 1]
    # beta is where the mean ideally is.
    assert [plane.ideal for plane in found.hyperplanes] == [0, 1]


@pytest.mark.parametrize("with_clip", [False, True])
def test_logits_have_the_channels_of_the_file(with_clip: bool, tmp_path: Path) -> None:
    """The same convolution with a Softmax after it, which is left out, has the same ideal."""
    pytest.importorskip("onnx")
    from onnx import helper
    from tests.onnx_models import model, saved

    numbers = {"w": np.array([[[1.0, -0.5]], [[0.25, 1.0]]]), "b": np.array([0.25, -0.5]),
               "l": np.ones((4, 2)), "s": np.array([1, 1, 3]), "zero": np.array(0.0),
               "six": np.array(6.0)}  # fmt: skip
    ends = (helper.make_node("Clip", ["c", "zero", "six"], ["a"]) if with_clip
            else helper.make_node("Relu", ["c"], ["a"]))  # fmt: skip
    nodes = [helper.make_node("Reshape", ["x", "s"], ["x3"]),
             helper.make_node("Conv", ["x3", "w", "b"], ["c"], kernel_shape=[2]), ends,
             helper.make_node("Flatten", ["a"], ["f"]),
             helper.make_node("MatMul", ["f", "l"], ["y"])]  # fmt: skip
    data = tuple(tuple(map(F, row)) for row in ((1, 2, 3), (4, -1, 0), ("1/2", 0, -3), (2, 2, -4)))
    softmax = helper.make_node("Softmax", ["y"], ["z"], axis=1)
    found = []
    for more, output, logits in (([], "y", False), ([softmax], "z", True), ([], "y", True)):
        path = saved(tmp_path, model([*nodes, *more], {"x": (1, 3)}, [output], numbers))
        found.append(explain(path, data, logits=logits))
    assert found[0].regions is not None and found[0].regions == found[1].regions
    assert found[0].regions == found[2].regions
    ideals = [[plane.ideal for plane in each.hyperplanes] for each in found]
    assert ideals[0] == ideals[1] == ideals[2]


def test_the_command(tmp_path: Path, capsys: Output) -> None:
    path = str(written(tmp_path, [3, 0.5], [5, 1.5]))
    data = ["--data", str(tmp_path / "d.csv")]
    assert main(["explain-bn", path, *data, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["regions"]["stored"] == 4 and record["normalizations"][0]["batch_mean"] == "3"
    assert record["units"][0]["gap"] == "0" and record["units"][1]["gap"] != "0"
    assert main(["explain-bn", path, *data, "--box", "0", "1/2"]) == 0
    out, err = capsys.readouterr()
    assert "nearer to unbiased" in out and "1 of 2 hidden units" in out and "as stored" in out
    assert "a checkpoint, of which the entry 'state_dict' is read" in err
    assert main(["explain-bn", path]) == 0
    assert "With --data the stored network" in capsys.readouterr().out
    assert main(["explain-bn", path, *data, "--max-regions", "1"]) == 3
    assert "regions are not counted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "d.csv", "--features", "x"], "the data has 1 column, expected 2 .*--features"),
        (["--box", "0", "1"], "of use with --data only"),
        (["--data", "nothing.csv"], "nothing.csv"),
        (["--data", "d.csv", "--slope", "1,2"], "got 2 slopes, expected 1"),
    ],
)
def test_bad_input(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch,
    options: list[str], message: str,
) -> None:  # fmt: skip
    path = written(tmp_path, [1, 2], [3, 4])
    monkeypatch.chdir(tmp_path)
    assert main(["explain-bn", str(path), *options]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    pytest.raises(ValueError, lambda: (_ for _ in ()).throw(ValueError(err))).match(message)


def test_clips_have_no_ideal_network(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU6()).eval()
    save_json(Network.from_torch(module, torch.zeros(1, 2)), tmp_path / "net.json")
    found = explain(tmp_path / "net.json", POINTS)
    assert found.ideal is None and "clips, whose zero" in str(found.no_ideal)

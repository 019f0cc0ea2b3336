"""``exactbn topology``: what it prints, JSON, pictures, certificates, bad input."""

import json
from pathlib import Path
from typing import Any

import pytest

from exactbn import topology_checker
from exactbn.cli import main
from exactbn.model.files import save_json
from exactbn.model.network import Network
from tests.test_topology import norm_one

Output = pytest.CaptureFixture[str]


@pytest.fixture
def net(tmp_path: Path) -> str:
    """Write |x| + |y| - 1 and |x| + |y| - 2."""
    save_json(norm_one(2, 1, 2), tmp_path / "net.json")
    return str(tmp_path / "net.json")


def told(capsys: Output, *arguments: str) -> dict[str, Any]:
    """Return what the command prints as JSON."""
    assert main(["topology", *arguments, "--json"]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def betti(record: dict[str, Any]) -> dict[str, list[int]]:
    return {told["set"]: told["betti"] for told in record["sets"]}


def test_sets_are_told(net: str, capsys: Output) -> None:
    record = told(capsys, net, "--box", "-4", "4", "--output", "1", "--level", "1/2")
    assert betti(record) == {
        "f = c": [1, 1, 0], "f <= c": [1, 0, 0], "f >= c": [1, 1, 0], "f < c": [1, 0, 0],
        "f > c": [1, 1, 0], "boundary of f > c": [1, 1, 0], "boundary of f < c": [1, 1, 0],
    }  # fmt: skip
    assert record["level"] == "1/2" and record["output"] == ["0", "1"] and record["complete"]
    assert "bars" not in record and record["sets"][0]["torsion"] == [[], [], []]
    far = told(capsys, net, "--box", "none", "--output", "0", "--at-infinity", "point")
    assert betti(far)["f >= c"] == [1, 0, 0] and "f > c" not in betti(far)
    # The difference of the outputs is 1 everywhere.
    same = told(capsys, net, "--box", "none", "--output", "1,-1", "--level", "-1")
    assert betti(same)["f = c"] == [0, 0, 0] and betti(same)["f > c"] == [1, 0, 0]


def test_words_and_bars(net: str, tmp_path: Path, capsys: Output) -> None:
    words = ["topology", net, "--box", "-4", "4", "--output", "0", "--bars", "--field", "2"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "Betti numbers of f = c" in text and "1 1 0" in text and "over GF(2): 1 bar." in text
    assert "dimension 0: from -1 to inf" in text
    record = told(capsys, *words[1:])
    assert record["bars"] == [{"dim": 0, "birth": "-1", "death": None}]
    assert record["critical_cells"] == [1, 0, 0] and record["field"] == 2
    roof = Network.from_arrays([[[1]], [[-1]]], [[0], ["1/3"]], slope=-1)
    save_json(roof, tmp_path / "roof.json")
    assert main(["topology", str(tmp_path / "roof.json"), "--box", "none", "--bars"]) == 0
    assert "from -inf to 1/3" in capsys.readouterr().out


def test_a_certificate_is_written(net: str, tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "proof.gz"
    words = ["topology", net, "--box", "none", "--output", "0", "--certificate", str(path)]
    assert main(words) == 0
    assert f"Written to {path}" in capsys.readouterr().out
    assert topology_checker.main([str(path)]) == 0
    assert "Betti numbers [1, 1, 0]" in capsys.readouterr().out
    assert main(words) == 2 and "exists" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_pictures(suffix: str, net: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = (tmp_path / f"{k}.{suffix}" for k in "ab")
    for path in (first, second):
        words = ["topology", net, "--box", "-4", "4", "--output", "0", "--picture", str(path)]
        assert main(words) == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "the network has 2 outputs"),
        (["--output", "2"], "output is 2, expected 0 to 1"),
        (["--output", "x"], "--output is 'x'"),
        (["--output", "1,2,3"], "expected 2"),
        (["--output", "1,x"], "output"),
        (["--output", "0", "--level", "nan"], "--level"),
        (["--output", "0", "--at-infinity", "far"], "expected one of open, point, relative"),
        (["--output", "0", "--field", "4", "--bars"], "prime"),
        (["--output", "0", "--picture", "bars.jpg"], ".png, .svg, .pdf"),
    ],
)
def test_bad_input(words: list[str], message: str, net: str, capsys: Output) -> None:
    assert main(["topology", net, "--box", "-1", "1", *words]) == 2
    assert message in capsys.readouterr().err

"""``exactbn plot``: files of three kinds, of networks and of stored partitions."""

from pathlib import Path

import pytest

import exactbn
from exactbn.cli import main
from exactbn.drawing import style

pytest.importorskip("matplotlib")

NETWORK = exactbn.Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1]], [[1, -1, 2]]], [["1/10", "1/5", "-1/2"], [0]]
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, the current one, with a network, data and a partition."""
    monkeypatch.chdir(tmp_path)
    exactbn.save_json(NETWORK, "net.json")
    exactbn.partition(NETWORK, (-1, 1)).save("part")
    Path("data.csv").write_text("a,b,c,kind\n0,1/3,1,u\n1/2,-1,2,v\n-1,0,7,u\n")
    return tmp_path


def test_pictures_of_networks_and_of_folders(folder, capsys):
    box = ["--box", "-1", "1"]
    data = ["--data", "data.csv", "--features", "a,b"]
    assert main(["plot", "net.json", *box, "--out", "a.svg", "--boundary", "--graph", *data]) == 0
    assert "a.svg: <Partition of the box [-1, 1]^2 by a 2-3-1 network: 7 regions>" in (
        capsys.readouterr().out
    )
    text = Path("a.svg").read_text()
    assert ">decision boundary<" in text and ">u<" in text and ">a<" in text
    options = ["--color-by", "output", "--bent", "none", "--inset", "0,0", "1/3,1/10"]
    assert main(["plot", "part", "--out", "b.pdf", *options]) == 0
    assert Path("b.pdf").read_bytes().startswith(b"%PDF")
    assert main(["plot", "part", "--out", "b.pdf"]) == 2
    assert main(["plot", "part", "--out", "b.pdf", "--force", "--window", "0", "1e-15"]) == 0


def test_a_slice_has_coordinates_of_its_own(folder, monkeypatch):
    four = exactbn.Network.from_arrays([[[1, 0, 1], [0, 1, -1], [1, 2, 0]], [[1, 1, 1]]],
                                       [[0, 0, 1], [0]])  # fmt: skip
    exactbn.save_json(four, "four.json")
    seen = []
    monkeypatch.setattr(style, "write_figure", lambda figure, path, force: seen.append(figure))
    assert main(["plot", "four.json", "--through", "data.csv:0,1,2", "--features", "a,b,c",
                 "--out", "a.png"]) == 0  # fmt: skip
    assert [ax.get_xlabel() for ax in seen[0].axes] == ["t1"]


@pytest.mark.parametrize(("words", "message"), [
    (["net.json", "--out", "a.gif"], "a.gif: expected a name that ends in .png, .svg, .pdf"),
    (["net.json", "--out", "a.png"], "expected one of --box LO HI"),
    (["part", "--box", "0", "1", "--out", "a.png"], "--box: not expected here, part is a folder"),
    (["part", "--bent", "x", "--out", "a.png"], "--bent is 'x', expected one of layer, unit"),
    (["part", "--inset", "0", "1", "--inset-region", "1", "--out", "a.png"], "are two insets"),
    (["part", "--window", "1", "0", "--out", "a.png"], "--window: the window is empty or flat"),
    (["part", "--data", "data.csv", "--out", "a.png"], "3 coordinates (a, b, c) and the network"),
    (["part", "--color-by", "x", "--out", "a.png"], "color_by is 'x', expected one of neighbours"),
])  # fmt: skip
def test_errors_are_one_line(folder, capsys, words, message):
    assert main(["plot", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not Path("a.png").exists()


def test_more_inputs_than_three_are_refused_before_they_are_cut(folder, capsys):
    many = exactbn.Network.from_arrays([[[1] * 5], [[1]]], [[0], [0]])
    exactbn.save_json(many, "many.json")
    assert main(["plot", "many.json", "--box", "0", "1", "--out", "a.png"]) == 2
    assert "draw the slice through three data points" in capsys.readouterr().err

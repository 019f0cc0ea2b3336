"""The domains that options of the command line ask for."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.cli import main
from exactbn.cli.domains import Asked, asked_domain, domain_text
from exactbn.errors import InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.files import save_json
from exactbn.model.network import Network

NET = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, -1], [0]])
DATA = "a,b,kind\n0.5,1/3,u\n-2,1,v\n1,0,u\n0.5,2,w\n"
ROWS = '{"rows": [[1, 1], [-2, 0.5], [2, 2], [0, 0]], "bounds": ["1/2", 3, 1, 0.1]}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "x.csv").write_text(DATA)
    (tmp_path / "r.json").write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(**options: object) -> Asked:
    names = ("box", "rows", "ball", "norm", "through", "features")
    given = {**dict.fromkeys(names), "norm": "inf", **options}
    return asked_domain(NET, *(given[name] for name in names))  # type: ignore[arg-type]


def test_boxes_and_rows(folder: Path) -> None:
    assert asked(box=("none", "none")).domain == Domain.space(2)
    rows = ([[1, 1], [-4, 1]], ["1/2", 6])
    for box, whole in ((("-1", "1"), Domain.of(Box.of(-1, 1, 2))), (("none", "none"), Domain(2))):
        found = asked(box=box, rows=Path("r.json"))
        assert found.domain == Domain.cut(whole, rows) and found.network == NET
        assert found.remarks == ("rows[2], rows[3] of r.json bound nothing new.",)
        assert found.record["rows"]["b"] == found.domain.bounds
    assert domain_text(found.domain) == "all of R^2, cut by 2 rows"


def test_balls(folder: Path) -> None:
    center = (Fraction(1, 2), Fraction(2))
    assert asked(ball="x.csv:3:1/4").domain == Domain.ball(center, "1/4")
    found = asked(ball="x.csv:3:0.1", norm="1", features="b, a", rows=Path("r.json")).domain
    ball = Domain.ball(center[::-1], "1/10", norm=1)
    assert found == Domain.cut(ball, ([[1, 1], [-4, 1]], ["1/2", 6]))


def test_slices(folder: Path) -> None:
    found = asked(through="x.csv:0,2,1")
    assert found.network == NET.restrict(("1/2", "1/3"), [("1/2", "-1/3"), ("-5/2", "2/3")])
    assert found.domain == Domain.of(Box.of(-1, 2, 2)) and "go from -1 to 2" in found.remarks[0]
    assert found.record["slice"]["rows"] == [0, 2, 1]
    found = asked(through="x.csv:0,1", box=("none", "none"))
    assert found.network.num_inputs == 1 and found.domain == Domain.space(1) and not found.remarks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected one of --box LO HI, --ball DATA.csv:ROW:RADIUS, --through"),
        ({"box": ("0", "1"), "ball": "x.csv:0:1"}, "--box and --ball are two domains"),
        ({"ball": "x.csv:0:1", "through": "x.csv:0,1"}, "--ball is of all inputs and --through"),
        ({"box": ("0", "1"), "features": "a"}, "--features goes with --ball and --through only"),
        ({"ball": "x.csv:0"}, "--ball is 'x.csv:0', expected DATA.csv:ROW:RADIUS"),
        ({"ball": "x.csv:4:1"}, "--ball: row '4' of x.csv, expected a number from 0 to 3; 0 is"),
        ({"ball": "x.csv:-1:1"}, "--ball: row '-1' of x.csv"),
        ({"ball": "x.csv:0:1", "features": "a"}, "gives 1 coordinate .a. and the network has 2"),
        ({"ball": "x.csv:0:-1"}, "--ball: the radius is -1, expected > 0"),
        ({"ball": "x.csv:0:x"}, "--ball: the radius is 'x', expected a number"),
        ({"ball": "x.csv:0:1", "norm": "2"}, "--norm is '2', expected 'inf' or '1'"),
        ({"ball": "y.csv:0:1"}, "y.csv: there is no such file"),
        ({"through": "x.csv:0"}, "--through is 'x.csv:0', expected DATA.csv:I,J,K"),
        ({"through": "x.csv:0,1,0"}, r"--through: points.0. and points.2. are equal"),
        ({"through": "x.csv:0,1,2,3"}, r"--through: points.3. lies in the slice through those"),
        ({"box": ("0", "1"), "norm": "1"}, "--norm 1 is of a ball, expected --ball"),
        ({"box": ("0", "1"), "rows": Path("none.json")}, "none.json: there is no such file"),
    ],
)
def test_options_that_do_not_fit(
    folder: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        asked(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'got a list of 0, expected an object with the keys "rows" and "bounds"'),
        ('{"rows": [[1, 1]]}', "got an object with the keys .rows."),
        ('{"rows": [[1, 1]], "bounds": [1, 2]}', "there are 1 rows and 2 bounds"),
        ('{"rows": [[1]], "bounds": [1]}', "row 0 has 1 entry, expected 2"),
        ('{"rows": [[1, NaN]], "bounds": [1]}', "the token NaN stands for no finite number"),
        ('{"rows": [[1, null]], "bounds": [1]}', r"rows.0..1. is of type NoneType"),
        ('{"rows": [[0, 0]], "bounds": [-1]}', "row 0 says 0 <= -1, which holds nowhere"),
        ('{"rows": [["1e9999999", 1]], "bounds": [1]}', "have more than .* digits"),
        ('{"rows": [[1, 1]], "rows": [[1, 1]], "bounds": [1]}', "the key .rows. occurs twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_files_of_rows_are_hostile(folder: Path, text: str, message: str) -> None:
    (folder / "r.json").write_text(text)
    with pytest.raises(InputError, match=f"r.json: .*{message}"):
        asked(box=("0", "1"), rows=Path("r.json"))


def test_partition_of_a_polytope(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_json(NET, folder / "net.json")
    assert main(["partition", "net.json", "--box", "-1", "1", "--rows", "r.json", "--json"]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert record["regions"] == 4 and record["complete"] and record["engine"] == "complex"
    assert record["rows"]["A"] == [["2", "2"], ["-4", "1"]] and "rows[2], rows[3]" in err
    assert main(["partition", "net.json", "--ball", "x.csv:2:1/2"]) == 0
    out, _ = capsys.readouterr()
    assert "complex: it makes faces and volumes as well" in out and "the box into" in out


def test_a_box_of_many_sides_is_shown_by_its_first_and_last() -> None:
    sides = [Fraction(k) for k in range(784)]
    text = domain_text(Domain.of(Box.ball(sides, "1/2")))
    assert text.startswith("[-1/2, 1/2] x [1/2, 3/2] x [3/2, 5/2] x ... x [1565/2, 1567/2] (784 ")
    few = domain_text(Domain.of(Box.ball(sides[:8], 1)))
    assert few.count(" x ") == 7


def test_rows_alone_cut_all_of_space(folder: Path) -> None:
    found = asked(rows=Path("r.json"))
    assert found.domain == asked(box=("none", "none"), rows=Path("r.json")).domain


def test_the_table_names_the_slice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_json(NET, folder / "net.json")
    for command in ("partition", "count"):
        assert main([command, "net.json", "--through", "x.csv:0,2", "--features", "a,b"]) == 0
        assert "of 2 inputs, through the rows 0, 2 of x.csv" in capsys.readouterr().out

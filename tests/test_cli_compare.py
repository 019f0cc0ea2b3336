"""``exactbn compare``: what it writes, its exit codes, and its repetition."""

import io
import json
import os
import shutil
from contextlib import redirect_stdout
from math import inf
from pathlib import Path

import pytest

from exactbn.cli import main
from exactbn.cli.compare_record import read_run
from exactbn.study import report

pytest.importorskip("matplotlib")

CSV = "a,b,kind\n1.0,2,u\n3.5,-1,u\n-2,4.2,v\n0,5,v\n6,1,u\n"
SMALL = ["--seeds", "2", "--widths", "3,2", "--random-points", "3", "--radii", "0.1,1/3",
         "--samples", "0"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes most of the time and is tested with the report."""
    monkeypatch.setattr(report, "_draw", lambda *_: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of one run, without pictures, and what it showed."""
    place = tmp_path_factory.mktemp("run")
    (place / "points.csv").write_text(CSV)
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown):
        patch.setattr(report, "_draw", lambda *_: None)
        arguments = ["compare", str(place / "points.csv"), *SMALL, "--out", str(place / "out")]
        assert main(arguments) == 0
    (place / "points.csv").unlink()
    return place / "out", shown.getvalue()


@pytest.fixture
def out(run: tuple[Path, str], tmp_path: Path, no_pictures: None) -> Path:
    """Return a copy of that folder."""
    return Path(shutil.copytree(run[0], tmp_path / "out"))


def test_the_folder_and_the_screen(run):
    out, shown = run
    names = {path.name for path in out.iterdir()}
    assert names == {"report.html", "run.json", "data.csv", "measures.parquet",
                     "per_point.parquet", "paired.parquet", "pictures", "partitions"}
    assert (out / "data.csv").read_text() == CSV
    assert "regions in the box" in shown
    assert "check central: held, 8 of 8" in shown
    assert "report.html" in shown
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["radii"] == ["1/10", "1/3"]
    assert record["complete"] is True
    assert len(record["networks"]) == 2 * 2 * 4
    assert record["versions"]["torch"]


def test_json_is_one_object(csv, capsys):
    arguments = [*SMALL, "--samples", "100", "--device", "cpu"]
    assert main(["compare", str(csv), *arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["data"]["left_out"] == ["kind"]
    assert set(result["medians"]["raw"]) == {"random", "zero", "centred", "scaled"}
    assert {c["name"] for c in result["checks"]} == {
        "central", "least squares", "scale", "origin", "both sides"}
    assert [s["outside"] for s in result["sampling"]] == [0] * 8


def test_a_run_is_repeated_from_its_record_alone(out, tmp_path, capsys):
    again = tmp_path / "again"
    assert main(["compare", "--repeat", str(out / "run.json"), "--out", str(again)]) == 0
    assert "check repetition: held, 1 of 1" in capsys.readouterr().out
    assert (out / "measures.parquet").read_bytes() == (again / "measures.parquet").read_bytes()


def test_a_repetition_with_another_result_ends_with_1(out, capsys):
    path = out / "run.json"
    path.write_text(path.read_text().replace('"results_sha256": "', '"results_sha256": "0'))
    assert main(["compare", "--repeat", str(path)]) == 1
    captured = capsys.readouterr()
    assert "check repetition: FAILED" in captured.out
    assert "disagreement" in captured.err


def test_changed_data_is_not_repeated(out, capsys):
    (out / "data.csv").write_text(CSV + "9,9,u\n")
    assert main(["compare", "--repeat", str(out)]) == 2
    assert "data.csv has other content" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"data": 1, "settings": 2}', '{"data": {}, "settings": {}}',
             "[" * 100_000]
)
def test_broken_records(tmp_path, capsys, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    assert main(["compare", "--repeat", str(path)]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_number_of_thousands_of_digits_in_a_record(tmp_path, capsys):
    path = tmp_path / "run.json"
    path.write_text(f'{{"data": {"9" * 5000}}}')
    assert main(["compare", "--repeat", str(path)]) == 2
    err = capsys.readouterr().err
    assert f"{path} is not the record of a run: " in err
    assert err.count("\n") == 1 and len(err) < 300


def test_a_record_that_is_no_file(tmp_path, capsys):
    os.mkfifo(tmp_path / "run.json")
    for path in (tmp_path, tmp_path / "run.json", tmp_path / "absent"):
        assert main(["compare", "--repeat", str(path)]) == 2
        err = capsys.readouterr().err
        assert str(path) in err and err.count("\n") == 1


def test_a_repetition_takes_no_other_settings(out, tmp_path, capsys):
    """They would be ignored: the record says them all, also where they say the same."""
    for options, names in (
        (["--seeds", "2"], "--seeds"),
        (["x.csv", "--max-seconds", "9", "--eps", "0"], "DATA, --eps, --max-seconds"),
    ):
        assert main(["compare", *options, "--repeat", str(out), "--json"]) == 2
        err = capsys.readouterr().err
        assert err == f"error: {names}: not expected here, --repeat takes them from the record\n"
    again = tmp_path / "again"
    assert main(["compare", "--repeat", str(out), "--json", "--out", str(again), "--force"]) == 0


@pytest.mark.parametrize(
    ("key", "value"), [("samples", inf), ("seeds", [inf]), ("max_regions", "five")]
)
def test_records_with_numbers_that_are_none(out, capsys, key, value):
    path = out / "run.json"
    record = json.loads(path.read_text())
    record["settings"][key] = value
    path.write_text(json.dumps(record))
    assert main(["compare", "--repeat", str(path)]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_budget_ends_with_3(csv, tmp_path, capsys):
    out = tmp_path / "out"
    for limit in (["--max-regions", "1"], ["--max-seconds", "0"]):
        arguments = ["compare", str(csv), *SMALL, *limit, "--out", str(out), "--force"]
        assert main(arguments) == 3
        err = capsys.readouterr().err
        assert err.startswith("stopped: ") and "(0 of 16 networks done)" in err
        assert json.loads((out / "run.json").read_text())["complete"] is False
        assert "INCOMPLETE" in (out / "report.html").read_text()
        assert main([*arguments, "--json"]) == 3
        assert json.loads(capsys.readouterr().out)["complete"] is False


def test_a_budget_that_ends_late_marks_the_report(csv, tmp_path, monkeypatch, no_pictures):
    from exactbn.errors import LimitError
    from exactbn.study import comparison

    done, partition = [], comparison.partition

    def limited(*arguments, **options):
        if len(done) == 5:
            raise LimitError("the budget is spent")
        done.append(1)
        return partition(*arguments, **options)

    monkeypatch.setattr(comparison, "partition", limited)
    out = tmp_path / "out"
    assert main(["compare", str(csv), *SMALL, "--out", str(out)]) == 3
    record = json.loads((out / "run.json").read_text())
    assert record["complete"] is False
    assert "INCOMPLETE: the budget is spent (5 of 16" in (out / "report.html").read_text()
    assert read_run(out).expected is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--features", "a,c"], "has no column 'c'"),
        (["--features", "kind"], "row 2, column 'kind': got 'u', expected a number"),
        (["--widths", "3,x"], "--widths is '3,x', expected integers"),
        (["--widths", "0"], "widths are"),
        (["--radii", "0.1,zero"], "--radii is 'zero'"),
        (["--radii", "0"], "all different and > 0"),
        (["--slope", "nan"], "--slope is 'nan'"),
        (["--margin", "-1"], "the margin is -1"),
        (["--eps", "-1"], "eps is -1"),
        (["--samples", "9", "--device", "nonsense"], "nonsense"),
    ],
)
def test_bad_input_ends_with_2_in_one_line(csv, tmp_path, capsys, options, message):
    out = tmp_path / "out"
    assert main(["compare", str(csv), *SMALL, *options, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not out.exists()


def test_many_features(tmp_path, monkeypatch, capsys):
    """Refused at once, or their price is said before it is paid."""
    rows = "\n".join(",".join(str(i**j % 7) for j in range(1, 13)) for i in range(7))
    path = tmp_path / "wide.csv"
    path.write_text(",".join("abcdefghijkl") + "\n" + rows + "\n")
    out = tmp_path / "out"
    assert main(["compare", str(path), "--out", str(out), "--random-points", "99"]) == 2
    err = capsys.readouterr().err
    assert "12 features" in err and "--features, as a,b" in err and err.count("\n") == 1
    assert not out.exists()
    few = ["--random-points", "1", "--radii", "0.1", "--max-seconds", "0", "--samples", "0"]
    assert main(["compare", str(path), *few]) == 3
    err = capsys.readouterr().err
    assert err.startswith("In 12 dimensions a box begins with 3^12 = 531441 faces, each network")


def test_bad_files_end_with_2(tmp_path, capsys):
    assert main(["compare", str(tmp_path / "no.csv")]) == 2
    assert "no.csv: there is no such file" in capsys.readouterr().err
    gaps = tmp_path / "gaps.csv"
    gaps.write_text("a,b\n1,2\n3,\n")
    assert main(["compare", str(gaps)]) == 2
    assert "row 3, column 'b': got an empty cell" in capsys.readouterr().err
    flat = tmp_path / "flat.csv"
    flat.write_text("a,b\n1,2\n1,3\n")
    assert main(["compare", str(flat)]) == 2
    assert "the column 'a' is constant" in capsys.readouterr().err


def test_an_existing_folder_is_kept_without_force(out, csv, capsys):
    assert main(["compare", str(csv), *SMALL, "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["compare", str(csv), *SMALL, "--out", str(out), "--force"]) == 0


def test_a_run_that_writes_nothing_says_so_first(csv, capsys):
    few = [*SMALL[2:], "--seeds", "1", "--max-seconds", "0"]
    assert main(["compare", str(csv), *few]) == 3
    assert capsys.readouterr().err.startswith("Nothing will be written: --out DIR writes a report")
    assert main(["compare", str(csv), *few, "--json"]) == 3
    assert "Nothing" not in capsys.readouterr().err

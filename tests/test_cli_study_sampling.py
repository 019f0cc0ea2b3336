"""The command ``exactbn study-sampling``."""

import csv
import json
from functools import partial
from pathlib import Path

import pytest

from exactbn.cli import main
from exactbn.study.judged import local, pictures
from tests.test_judged import TABLE

pytest.importorskip("matplotlib")

DATA = b"a,b,c,kind\n1,2,0,u\n3,-1,1,u\n-2,4,5,v\n0,5,2,v\n2,1,1/3,w\n"
SMALL = ("--networks", "1", "--dims", "2", "--families", "random,centred", "--samples", "40,100",
         "--repeats", "1")  # fmt: skip


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "t<i>.csv"
    path.write_bytes(DATA)
    return str(path)


def run(capsys, *arguments):
    """Return the exit code, standard output and standard error."""
    code = main(["study-sampling", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_command_prints_json_that_its_seed_determines(capsys, data):
    code, out, _ = run(capsys, data, *SMALL, "--local", "0", "--json")
    record = json.loads(out)
    assert code == 0 and record["complete"] and record["outside"] == 0
    assert record["networks"] == 2 and record["data"]["sha256"] == TABLE.sha256
    assert len(record["figures"]) == 3 * 2 * 2 * 9 and record["local_densities"] == []
    again = json.loads(run(capsys, data, *SMALL, "--local", "0", "--json")[1])
    assert again["results_sha256"] == record["results_sha256"]
    other = json.loads(run(capsys, data, *SMALL, "--local", "0", "--seed", "1", "--json")[1])
    assert other["results_sha256"] != record["results_sha256"]


def test_command_writes_a_folder(capsys, data, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "write_figure", lambda figure, path: (
        drawn.append(path.name), path.write_bytes(b"\x89PNG")))  # painting takes seconds
    few = partial(local.LocalSettings, depths=(1, 2), points=1, samples=50, width=3)
    monkeypatch.setattr(local, "LocalSettings", few)
    target = tmp_path / "out"
    code, out, _ = run(capsys, data, *SMALL, "--local", "1", "--out", str(target))
    assert code == 0 and "held-out half" in out and "The report:" in out
    assert drawn == ["local.png", "regions.png", "unseen_volume.png", "points_needed.png"]
    page = (target / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "t&lt;i&gt;.csv" in page and "<i>" not in page and "<script" not in page
    with (target / "figures.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * 2 * 2 * 9 and {"bias", "coverage_interval_low"} <= set(rows[0])
    record = json.loads((target / "run.json").read_text())
    assert record["settings"]["seed"] == 0 and record["local_settings"]["networks"] == 1
    for name in ("networks", "estimates", "figures", "points_needed", "rankings", "hulls",
                 "local_densities"):  # fmt: skip
        assert (target / f"{name}.parquet").is_file()
    assert run(capsys, data, *SMALL, "--out", str(target))[0] == 2


def test_command_ends_with_2_and_3(capsys, data):
    for arguments, told in (
        (("--dims", "2,x"), "--dims is '2,x'"), (("--dims", "7"), "the dimensions are 7"),
        (("--families", "a"), "the families are a"), (("--dims", "4"), "at least 4"),
    ):  # fmt: skip
        code, _, err = run(capsys, data, *arguments)
        assert code == 2 and told in err and err.count("\n") <= 2
    code, out, err = run(capsys, data, *SMALL, "--max-seconds", "0", "--json")
    assert code == 3 and "stopped: " in err
    assert json.loads(out)["complete"] is False


def test_command_ends_with_1_where_samples_contradict(capsys, data, monkeypatch):
    from exactbn.study.judged import judging

    shares = judging.exact_shares
    monkeypatch.setattr(judging, "exact_shares", lambda part: shares(part)[::-1].copy())
    code, _, err = run(capsys, data, *SMALL[:6], "--samples", "2000", "--local", "0", "--json")
    assert code == 1 and "contradict the volumes" in err


def test_samples_that_have_seen_all(tmp_path: Path) -> None:
    """Then nothing is unseen, and its estimates have no bias to be told or drawn."""
    command = [
        "study-sampling", "data/iris.csv", "--networks", "1", "--dims", "2", "--families",
        "random", "--samples", "10000", "--repeats", "1", "--local", "0",
    ]  # fmt: skip
    assert main([*command, "--out", str(tmp_path / "study")]) == 0
    assert (tmp_path / "study" / "report.html").exists()

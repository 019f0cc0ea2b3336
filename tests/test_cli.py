"""The command line: exit codes, messages, clean standard output, whole or no output folders."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import exactbn
from exactbn.cli import COMMANDS, common, main, spell_out_none
from exactbn.cli.common import (
    EXIT_CLOSED_PIPE,
    check_output,
    output_folder,
    parse_box,
    parse_domain,
    progress,
    to_json,
    versions,
)
from exactbn.engines import first_use
from exactbn.errors import InputError, LimitError


@pytest.fixture
def cross(tmp_path: Path) -> str:
    """Return a file with the 2-3-1 network of the lines x = 0, y = 0, x + y = 1/2."""
    path = tmp_path / "cross.npz"
    np.savez(
        path,
        W0=np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
        b0=np.array([0.0, 0.0, -0.5]),
        W1=np.ones((1, 3)),
        b1=np.zeros(1),
    )
    return str(path)


Output = pytest.CaptureFixture[str]


def test_partition_as_json(cross: str, capsys: Output) -> None:
    # Two axes make 4 quadrants; the third line meets both axes at 1/2 and cuts 3 of the 4.
    assert main(["partition", cross, "--box", "-1", "1", "--json"]) == 0
    out, _ = capsys.readouterr()
    result = json.loads(out)
    assert out.count("\n") == 1
    assert result["regions"] == 7
    assert result["adjacencies"] == 9
    # Vertices: 4 corners, 4 ends of the axes, 2 ends of the third line, 3 crossings.
    assert result["f_vector"] == [13, 19, 7]
    assert result["complete"] is True
    assert result["seconds"] > 0
    assert result["engine"] == "complex"
    assert result["box"] == {"lo": ["-1", "-1"], "hi": ["1", "1"]}
    assert result["network"]["sha256"] == exactbn.load(cross).sha256
    assert result["versions"]["exactbn"] == exactbn.__version__


def test_linear_regions_are_counted_when_asked_for(cross: str, capsys: Output) -> None:
    assert main(["partition", cross, "--box", "-1", "1", "--linear", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["linear_regions"] == len(exactbn.partition(cross, (-1, 1)).linear)
    assert main(["partition", cross, "--box", "-1", "1", "--linear"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"linear regions │ {found['linear_regions']}" in text


def test_partition_for_people(cross: str, capsys: Output) -> None:
    assert main(["partition", cross, "--box", "-1,-2", "1,1/3"]) == 0
    out, _ = capsys.readouterr()
    assert "[-1, 1] x [-2, 1/3]" in out
    assert "The network cuts the box into 6 regions with interior" in out


def test_bounds_are_exact(cross: str, capsys: Output) -> None:
    """The third line passes through the corner (1/4, 1/4): 1/4 is not cut, 0.2500001 is."""
    assert main(["partition", cross, "--box", "-1", "1/4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regions"] == 4
    assert main(["partition", cross, "--box", "-1", "0.2500001", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regions"] == 5


def test_bounds_of_many_digits(cross: str, tmp_path: Path, capsys: Output) -> None:
    """Python writes no integer of more than 4300 digits; exactbn writes bounds of 5000."""
    box = ["--box", "-1e5000", "1e5000"]
    out = tmp_path / "out"
    assert main(["partition", cross, *box, "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["regions"], result["complete"]) == (7, True)
    assert result["box"]["hi"] == ["1" + 5000 * "0"] * 2
    assert exactbn.Partition.open(out / "partition").num_regions == 7
    assert main(["partition", cross, *box]) == 0
    capsys.readouterr()
    assert main(["partition", cross, "--box", "1e5000", "1e5000"]) == 2
    assert "empty or flat" in capsys.readouterr().err


def test_output_folder_is_whole_and_kept(cross: str, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "deep" / "result"
    command = ["partition", cross, "--box", "-1", "1", "--out", str(out), "--json"]
    assert main(command) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"partition", "nodes.parquet", "edges.parquet", "run.json"}
    assert exactbn.Partition.open(out / "partition").num_regions == 7
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["regions"] == 7 and run["command"] == "partition"
    capsys.readouterr()
    assert main(command) == 2
    _, err = capsys.readouterr()
    assert "--force" in err and err.count("\n") == 1
    assert main([*command, "--force"]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["result"]


def test_budget(cross: str, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "partial"
    command = ["partition", cross, "--box", "-1", "1", "--max-regions", "3"]
    assert main([*command, "--json", "--out", str(out)]) == 3
    stdout, err = capsys.readouterr()
    result = json.loads(stdout)
    assert result["complete"] is False and result["regions"] < 7
    assert err.startswith("stopped: the budget is spent") and err.count("\n") == 1
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["complete"] is False
    assert main(command) == 3
    told = capsys.readouterr().out
    assert "The count is INCOMPLETE: the budget is spent after 2 of 3 neurons; it" in told
    assert "it goes further with a greater --max-regions." in told


def test_a_file_does_not_say_what_it_holds(cross: str, tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "cross.json"
    assert main(["export", cross, str(target)]) == 0
    for path in (cross, str(target)):
        assert main(["partition", path, "--box", "-1", "1"]) == 0
        out = capsys.readouterr().out
        assert "not recorded in this file" in out and "no batch norm" not in out
    # What may hold a sigma still may when it is centred; dividing by one leaves no doubt.
    data = [[0, 1], [2, 3], [5, 1]]
    assert exactbn.center(target, data).sigma_policy == "unknown"
    assert exactbn.center(target, data, scale=True).sigma_policy == "rounded"
    plain = exactbn.load(target)
    known = exactbn.Network(plain.layers)
    assert known == plain and exactbn.center(known, data).sigma_policy == "none"


@pytest.mark.parametrize("words", [["--version"], ["claims", "--help"], ["partition"]])
def test_a_closed_pipe_is_no_disagreement(cross: str, words: list[str]) -> None:
    more = [cross, "--box", "-1", "1"] if words == ["partition"] else []
    command = [sys.executable, "-m", "exactbn", *words, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        errors = run.stderr.read()
    assert run.returncode == EXIT_CLOSED_PIPE == 128 + 13
    assert b"Traceback" not in errors and b"BrokenPipe" not in errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--box", "1", "-1"], "the box is empty or flat on axis 0"),
        (["--box", "1", "1"], "the box is empty or flat on axis 0"),
        (["--box", "-1", "nan"], "--box: hi is 'nan', expected a number such as"),
        (["--box", "-1,0,0", "1"], "LO is '-1,0,0' with 3 entries, expected 1 or 2"),
        (["--box", "-1", "1,"], "--box"),
        (["--box", "-1", "1/0"], "its denominator is 0"),
        (["--box", "-1", "1", "--engine", "magic"], "--engine is 'magic', expected one of"),
    ],
)
def test_bad_input(cross: str, capsys: Output, options: list[str], message: str) -> None:
    assert main(["partition", cross, *options, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err


def test_too_many_inputs(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "wide.npz"
    np.savez(path, W0=np.ones((1, 20)), b0=np.zeros(1), W1=np.ones((1, 1)), b1=np.zeros(1))
    command = ["partition", str(path), "--box", "0", "1"]
    assert main([*command, "--engine", "complex"]) == 2
    assert "20 inputs, expected at most 13" in capsys.readouterr().err
    assert main(command) == 0
    assert "Engine lp: the complex engine would begin with 3^20 faces." in capsys.readouterr().err


def test_what_the_first_faces_cost_is_said_before(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "wide.npz"
    np.savez(path, W0=np.ones((1, 11)), b0=np.zeros(1), W1=np.ones((1, 1)), b1=np.zeros(1))
    for engine, says in (("complex", True), ("lp", False)):
        assert main(["partition", str(path), "--box", "0", "1", "--engine", engine]) == 0
        assert ("begins with 3^11 = 177147 faces" in capsys.readouterr().err) is says


def test_bad_files(tmp_path: Path, capsys: Output) -> None:
    truncated = tmp_path / "truncated.npz"
    truncated.write_bytes(b"PK\x03\x04 and no more")
    out = tmp_path / "out"
    for path in (tmp_path / "absent.npz", truncated, tmp_path):
        assert main(["partition", str(path), "--box", "-1", "1", "--out", str(out)]) == 2
        _, err = capsys.readouterr()
        assert err.startswith("error: ") and err.count("\n") == 1
        assert path.name in err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "No such command"),
        (["partition"], "Missing"),
        (["partition", "net.npz", "--box", "1"], "requires 2"),
        (["partition", "--bogus"], "--bogus"),
        (["partition", "net.npz", "--box", "-1", "1", "--max-regions", "0"], "--max-regions"),
        (["sample", "net.npz", "--box", "-1", "1", "--samples", "x"], "--samples"),
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], message: str, capsys: Output) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("error: ") and err.count("\n") == 1
    command = f"exactbn {arguments[0]}" if arguments[0] in COMMANDS else "exactbn"
    assert message in err and err.endswith(f"({command} --help says more)\n")


def test_no_arguments(capsys: Output) -> None:
    assert main([]) == 2
    assert "Usage" in capsys.readouterr().out


def test_help_names_every_command(capsys: Output) -> None:
    assert main(["--help"]) == 0
    out, _ = capsys.readouterr()
    assert all(name in out for name in COMMANDS) and "<bool>" not in out


def test_version(capsys: Output) -> None:
    assert main(["--version"]) == 0
    assert f"exactbn {exactbn.__version__}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name: str, capsys: Output) -> None:
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert name in out and "<bool>" not in out


def test_errors_of_the_system(
    cross: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device", "graph.graphml")

    def hungry(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("exactbn.regions.partitioning.partition", full)
    assert main(["partition", cross, "--box", "-1", "1"]) == 2
    assert capsys.readouterr().err == "error: graph.graphml: No space left on device\n"
    monkeypatch.setattr("exactbn.regions.partitioning.partition", hungry)
    assert main(["partition", cross, "--box", "-1", "1"]) == 3
    assert capsys.readouterr().err == "stopped: out of memory; give --max-regions\n"


def test_interrupt_leaves_nothing(
    cross: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("exactbn.regions.graph.write_tables", interrupt)
    out = tmp_path / "sub" / "result"
    assert main(["partition", cross, "--box", "-1", "1", "--out", str(out)]) == 130
    assert list(out.parent.iterdir()) == []


def test_same_program_as_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "exactbn", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.startswith("exactbn ")


def test_all_of_space(cross: str, capsys: Output) -> None:
    assert main(["partition", cross, "--box", "none", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["box"] is None and record["f_vector"] is None and record["complete"]
    assert (record["regions"], record["unbounded"]) == (7, 6)
    assert main(["partition", cross, "--box", "none"]) == 0
    out = capsys.readouterr().out
    assert "all of R^2" in out and "cuts its input space into 7 regions" in out


def test_box_none_is_spelled_out() -> None:
    assert spell_out_none(["p", "--box", "none"]) == ["p", "--box", "none", "none"]
    assert spell_out_none(["--box", "none", "none"]) == ["--box", "none", "none"]
    assert spell_out_none(["none", "--box", "1", "none"]) == ["none", "--box", "1", "none"]


def test_parse_box() -> None:
    box = parse_box("-1", "1/3,0.1", 2)
    assert box.lo == (-1, -1) and box.hi == (Fraction(1, 3), Fraction(1, 10))
    assert parse_domain("none", "None", 3) is None
    assert parse_domain("0", "1", 1) == parse_box("0", "1", 1)


def test_output_folder_vanishes_on_error(tmp_path: Path) -> None:
    with pytest.raises(LimitError), output_folder(tmp_path / "out", force=False) as folder:
        (folder / "half").write_text("x", encoding="utf-8")
        raise LimitError("stop")
    assert list(tmp_path.iterdir()) == []


def test_output_folder_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with output_folder(tmp_path / "out", force=False) as folder:
        (folder / "run.json").write_text("{}", encoding="utf-8")
    assert (tmp_path / "out" / "run.json").exists()


def test_force_replaces_outputs_only(tmp_path: Path) -> None:
    """Whoever writes ``--out ~ --force`` keeps a home."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds no run\.json, so it is not an earlier output"):
        check_output(tmp_path / "mine", force=True)
    with pytest.raises(InputError, match="is there and is not a folder"):
        check_output(tmp_path / "mine" / "thesis.tex", force=True)
    with pytest.raises(InputError, match="--force replaces an earlier output"):
        check_output(tmp_path / "mine", force=False)


def test_json_is_strict() -> None:
    value = {"a": np.int64(3), "b": float("nan"), "c": Fraction(1, 3), "d": np.array([1, 2]), 5: ()}
    assert json.loads(to_json(value)) == {"a": 3, "b": None, "c": "1/3", "d": [1, 2], "5": []}
    with pytest.raises(InputError, match="of type object cannot be written as JSON"):
        to_json({"x": object()})


def test_progress_is_sparse_without_a_terminal(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0, 1, 11, 12, 30])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress("neurons") as report:
        for done in range(1, 5):
            report(done, 9, f"{done * 10} regions")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "neurons: 2 of 9, 20 regions\nneurons: 4 of 9, 40 regions\n"


def test_versions_name_what_matters() -> None:
    assert {"exactbn", "python", "numba", "python-flint", "torch"} <= versions().keys()


def test_compiling_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the commands also where there is no terminal, and once."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(first_use, "__file__", str(tmp_path / "first_use.py"))
    monkeypatch.setattr(first_use, "_seen", set())
    with common.progress("neurons", ["complex"]):
        pass
    assert capsys.readouterr().err.startswith("compiling the loops, once on this machine")
    with common.progress("neurons", ["complex"]):
        pass
    assert capsys.readouterr().err == ""


def test_slopes_of_files_that_do_not_say_them(cross: str, capsys: Output) -> None:
    hashes = {}
    for text, slope in (("1/3", "1/3"), ("-1", -1), ("0.1", "1/10"), (None, 0)):
        more = [] if text is None else ["--slope", text]
        assert main(["partition", cross, "--box", "-1", "1", "--json", *more]) == 0
        hashes[text] = json.loads(capsys.readouterr().out)["network"]["sha256"]
        assert hashes[text] == exactbn.load(cross, slope=slope).sha256
    assert len(set(hashes.values())) == 4
    assert main(["partition", cross, "--box", "-1", "1", "--slope", "1,2"]) == 2
    assert "slopes" in capsys.readouterr().err

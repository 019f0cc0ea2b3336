"""The command ``exactbn sample``."""

import json

import pytest

from exactbn import load, partition
from exactbn.cli import main
from tests.planted import WORKLOAD, Planted

Output = pytest.CaptureFixture[str]


def run(capsys: Output, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of ``exactbn sample``."""
    code = main(["sample", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


NET = str(WORKLOAD / "bnc_2x8x8x1.npz")


def test_command_prints_json(capsys: Output) -> None:
    code, out, _ = run(
        capsys, NET, "--box", "-1", "1", "--samples", "5000", "--seed", "4", "--json",
        "--device", "cpu", "--compare-devices",
    )  # fmt: skip
    record = json.loads(out)
    assert code == 0
    assert (record["samples"], record["outside"], record["regions"]) == (5000, 0, 132)
    assert (record["seed"], record["device"], record["disagreements"]) == (4, "cpu", [])
    assert record["compare_devices"]["differing"] == 0
    assert record["network"]["architecture"] == "2-8-8-1"


def test_command_prints_a_table_and_a_sentence(capsys: Output) -> None:
    code, out, _ = run(
        capsys, NET, "--box", "-1", "1/3,0.5", "--samples", "5000", "--dtype", "float64"
    )
    assert code == 0
    assert "outside the exact set" in out
    assert "Sampling agrees with the exact partition" in out


def test_command_ends_with_1_where_sampling_disagrees(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load(NET)
    whole = Planted.of(partition(network, (-1, 1)))
    planted = whole.without(int(whole.middle.argmax()))
    monkeypatch.setattr("exactbn.regions.partitioning.partition", lambda *_, **__: planted)
    code, out, err = run(capsys, NET, "--box", "-1", "1", "--samples", "5000")
    assert code == 1
    assert "DISAGREE" in out
    assert err.startswith("disagreement: ")
    assert "samples have a pattern that the exact set lacks" in err


def test_command_ends_with_2_and_3(capsys: Output) -> None:
    code, out, err = run(capsys, NET, "--box", "none", "--samples", "10", "--json")
    assert (code, out) == (2, "")
    assert "random points need a bounded box" in err
    code, out, err = run(
        capsys, NET, "--box", "-1", "1", "--samples", "10", "--max-regions", "3", "--json"
    )
    assert (code, out) == (3, "")
    assert "nothing was sampled" in err
    code, _, err = run(capsys, NET, "--box", "-1", "1", "--samples", "10", "--device", "abacus")
    assert code == 2 and "device 'abacus'" in err

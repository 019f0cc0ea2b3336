"""The benchmark measures what it says, on networks that are the same everywhere."""

import json

import pytest

from exactbn.bench import engines as bench
from exactbn.cli import main
from exactbn.errors import InputError

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
    command += ["--no-proofs", "--no-balls", "--json"]
    assert main([*command, "--no-relucent"]) == 0
    out, _ = capsys.readouterr()
    row = json.loads(out)["networks"]["rnd-2-8-8"]
    assert row["regions"] == 41 and row["adjacencies"] == 71
    assert row["seconds"] > 0 and row["bytes_per_region"] > 0
    assert 0 <= row["exact_share"] <= 1


def test_bench_for_people(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that fails does not take the others with it, and relucent may be absent."""
    good = {"regions": 41, "adjacencies": 71, "seconds": 0.25, "regions_per_second": 164.0}
    slow = {"regions": 100, "adjacencies": 200, "seconds": 1.0, "regions_per_second": 82.0}
    rows = {"rnd-2-8-8": good, "rnd-3-20-20": {"error": "no"}, "scale-3d-1e5": {"error": "no"}}
    rows |= {"bnc-3-20-20 in [-1000, 1000]^3": good, "bnc-3-20-20 in R^3": slow}
    rows |= {"scale-2d-1e3": good, "scale-2d-1e5": slow, "scale-3d-1e3": good}
    monkeypatch.setattr(bench, "measure_apart", lambda name, *_: rows.get(name, {"error": "-"}))
    monkeypatch.setattr("exactbn.cli.bench.find_spec", lambda name: None)
    assert main(["bench", "--networks", "rnd-2-8-8,rnd-3-20-20"]) == 0
    out, _ = capsys.readouterr()
    assert "250.0" in out and "rnd-3-20-20: no" in out
    assert "2d: time per region at 10^5 regions over that at 10^3: 1.64" in out
    assert "3d: time" not in out
    assert "bnc-3-20-20: time per region in R^d over that in a box of nearly as many: 1.64" in out
    assert "rnd-3-20-20: time" not in out
    assert "relucent is not installed" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "bogus"], "--networks: 'bogus', expected some of rnd-2-8-8"),
        (["absent.npz"], "absent.npz: no such file, expected a network"),
        (["--folder", "absent"], "--folder: absent is not a folder"),
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


def test_balls_are_timed(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactbn.bench.balls.COUNT", 20)
    monkeypatch.setattr("exactbn.bench.balls.APART", 3)
    command = ["bench", "--apart", "rnd-2-64-64", "--proof", "balls", "--repeat", "1"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["balls"] == 20 and row["regions"] >= 20 and row["ratio"] > 0

"""What the LP engine proves when asked, within a budget: known, or said to be unproven."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from exactbn.cli import main
from exactbn.cli import partition as command
from exactbn.cli import partition_output as output
from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.model.files import save_json
from exactbn.model.network import Network
from exactbn.regions import by_search
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition

BOTH = ("edges", "is_unbounded")

#: Three lines, and a second layer; some hyperplanes are multiples of others.
NETWORK = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1], [2, 2]], [[1, 1, -1, 0], [1, -1, 0, 1]], [[1, 1]]],
    [[0, 0, -1, -2], ["-1/3", "1/5"], [0]],
)


@dataclass(frozen=True)
class Ticks(Budget):
    """A budget whose clock strikes after it has been looked at a number of times."""

    left: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, ticks: int) -> "Ticks":
        return cls(max_seconds=1.0, left=[ticks])

    def is_late(self) -> bool:
        self.left[0] -= 1
        return self.left[0] < 0


def search(box: tuple[int, int] | None = None) -> Partition:
    """Return a partition of the LP engine of which nothing more has been asked."""
    return partition(NETWORK, box, engine="lp")


def test_what_is_unproven_is_said() -> None:
    assert partition(NETWORK).unproven == ()
    assert search((-2, 2)).unproven == ("edges",)
    part = search()
    assert part.unproven == BOTH
    _ = part.edges
    assert part.unproven == ("is_unbounded",)
    assert part.is_unbounded.any() and part.unproven == ()


def test_a_part_may_be_proven_in_time() -> None:
    whole = search()
    seen = set()
    for ticks in range(0, 10_000, 4):
        part = search()
        proven = Partition(part.network, part.domain, part.evidence.proven(Ticks.of(ticks)))
        seen.add(proven.unproven)
        assert proven == part and part.unproven == BOTH
        for name in set(BOTH) - set(proven.unproven):
            np.testing.assert_array_equal(getattr(proven, name), getattr(whole, name))
        if not proven.unproven:
            break
    assert seen == {BOTH, ("is_unbounded",), ()}
    assert part.proven().unproven == part.unproven == ()


def test_what_is_unproven_is_not_saved_and_proven_after_opening(tmp_path: Path) -> None:
    part, whole = search(), search().proven()
    part.save(tmp_path / "part", max_seconds=0)
    assert not (tmp_path / "part" / "adjacency.arrow").exists()
    opened = Partition.open(tmp_path / "part")
    assert opened == part and opened.is_complete and opened.unproven == BOTH
    opened.proven(max_seconds=0).save(tmp_path / "again", max_seconds=0)
    assert Partition.open(tmp_path / "again").unproven == BOTH
    opened.save(tmp_path / "whole")
    for known in (opened, opened.proven(), Partition.open(tmp_path / "whole", check=True)):
        assert known.unproven == ()
        for name in BOTH:
            np.testing.assert_array_equal(getattr(known, name), getattr(whole, name))


@pytest.mark.parametrize("unproven", [["words"], "edges", 1, [["edges"]]])
def test_a_folder_that_names_something_else_is_refused(unproven: object, tmp_path: Path) -> None:
    from exactbn.regions import storage

    search().save(tmp_path / "part", max_seconds=0)
    path = tmp_path / "part" / "partition.json"
    told = json.loads(path.read_text())
    told["unproven"] = unproven
    del told["digest"]
    path.write_text(json.dumps({**told, "digest": storage.digest_of(told)}))
    with pytest.raises(InputError, match=r"unproven|TypeError"):
        Partition.open(tmp_path / "part")


def test_faces_leave_nothing_unproven_whatever_a_folder_says(tmp_path: Path) -> None:
    from exactbn.regions import storage

    partition(NETWORK, (-1, 1)).save(tmp_path / "part")
    path = tmp_path / "part" / "partition.json"
    told = json.loads(path.read_text()) | {"unproven": ["edges"], "adjacencies": None}
    del told["digest"]
    path.write_text(json.dumps({**told, "digest": storage.digest_of(told)}))
    with pytest.raises(InputError, match="adjacencies is None"):
        Partition.open(tmp_path / "part")


@pytest.mark.parametrize("engine", ["lp", "complex"])
def test_certificates_end_as_well(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, path = partition(NETWORK, engine=engine), tmp_path / "proof"
    with pytest.raises(LimitError, match="budget of 0 seconds is spent"):
        part.write_certificate(path, max_seconds=0)
    assert not list(tmp_path.iterdir())
    # The clock strikes when the regions have been found: the error has them.
    lengths = []
    for ticks in range(0, 10_000, 4):
        budget = Ticks.of(ticks)
        monkeypatch.setattr(Budget, "asked", lambda *_: budget)  # noqa: B023
        try:
            partition(NETWORK, engine=engine, certificate=path, on_budget="return")
        except LimitError as error:
            if error.partial is None:  # Before there was a first region.
                continue
            assert isinstance(error.partial, Partition) and not path.exists()
            assert "certificate is not written" in str(error)
            lengths.append(error.partial.num_regions)
        if path.exists():
            break
    assert path.exists() and lengths and set(lengths) == {part.num_regions}


def test_every_part_of_a_proof_has_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, budget = search(), Budget(max_seconds=1e6)
    names = ("find_adjacency", "find_unbounded", "write_tree")
    seen: list[tuple[str, object]] = []

    def noted(name: str) -> Callable[..., object]:
        function = getattr(by_search, name)

        def call(*given: object, **options: object) -> object:
            seen.append((name, options.get("budget")))
            return function(*given, **options)

        return call

    for name in names:
        monkeypatch.setattr(by_search, name, noted(name))
    part.evidence.write_proof(tmp_path / "proof", force=False, budget=budget)
    assert seen == [(name, budget) for name in names]


def test_the_command_says_what_it_did_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_json(NETWORK, tmp_path / "net.json")
    call = ["partition", str(tmp_path / "net.json"), "--box", "none", "--engine", "lp"]
    assert main([*call, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["lacking"] == [] and whole["adjacencies"] > 0 and whole["unbounded"] > 0
    # The regions are found, and then nothing is left of the seconds.
    monkeypatch.setattr(command, "_rest", lambda clock: 0.0)
    out, proof = tmp_path / "out", tmp_path / "proof"
    files = ["--out", str(out), "--certificate", str(proof)]
    assert main([*call, "--json", "--max-seconds", "1e6", *files]) == 3
    printed, told = capsys.readouterr()
    record = json.loads(printed)
    assert record["adjacencies"] is record["unbounded"] is None
    assert record["regions"] == whole["regions"] and record["complete"] is True
    assert told == (
        "stopped: adjacencies are not proven; unbounded regions are not proven; the certificate "
        "is not written; format tables is not written: it needs all adjacencies\n"
    )
    assert sorted(path.name for path in out.iterdir()) == ["partition", "run.json"]
    assert record["formats"] == ["partition"]
    assert json.loads((out / "run.json").read_text())["lacking"] == record["lacking"]
    opened = Partition.open(out / "partition")
    assert opened.num_adjacencies == whole["adjacencies"] and not proof.exists()
    assert main([*call, "--max-seconds", "1e6"]) == 3
    printed = capsys.readouterr().out
    assert printed.count("not proven") == 2 and "NOT PROVEN" in printed
    assert main([*call, "--max-regions", "3"]) == 3
    assert "INCOMPLETE" in capsys.readouterr().out


def test_a_large_graph_is_not_begun_late(monkeypatch: pytest.MonkeyPatch) -> None:
    part = search((-2, 2)).proven()
    late = Budget(max_seconds=1, started=-1e9)
    wanted = ["partition", "graphml"]

    def rated(regions: int) -> None:
        slow = replace(output.FORMATS["graphml"], regions_a_second=regions)
        monkeypatch.setitem(output.FORMATS, "graphml", slow)

    rated(part.num_regions - 1)
    assert output.left_out(part, wanted, Budget()) == {}
    assert output.left_out(part, wanted, late) == {"graphml": "the budget is spent"}
    rated(part.num_regions)
    assert output.left_out(part, wanted, late) == {}
    absent = output.left_out(search((-2, 2)), wanted, Budget())
    assert absent == {"graphml": "it needs all adjacencies"}

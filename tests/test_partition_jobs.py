"""Jobs of partitions: the same in however many tasks, and written where nobody else writes."""

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exactbn
from exactbn.bench.engines import Recipe, random_network
from exactbn.cli import main
from exactbn.errors import InputError
from exactbn.jobs import driver
from exactbn.jobs.driver import Tasks, Terms, partition_in
from exactbn.jobs.journal import LOCK
from exactbn.jobs.part_files import path_text
from exactbn.model.domain import Domain
from exactbn.model.files import save_json
from exactbn.model.network import Network
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.partition import Partition
from tests.test_jobs import BOX, NETWORK, SIZE, Output, count

Made = tuple[Partition, Tasks]


def make(folder: Path, network: Network = NETWORK, domain: Domain = BOX, **options: Any) -> Made:
    """Make a partition in a folder, a task a step."""
    terms = Terms(**({"seconds": 0} | options))
    with partition_in(folder, network, domain, terms, size=SIZE) as made:
        return made


def same_faces(one: Partition, other: Partition) -> bool:
    """Return whether two partitions have the same faces with the same numbers."""
    assert isinstance(one.evidence, LatticeEvidence)
    assert isinstance(other.evidence, LatticeEvidence)
    pairs = zip(*(vars(part.evidence.faces.lattice).items() for part in (one, other)))
    return all(np.array_equal(a, b) for (_, a), (_, b) in pairs)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """Return the folder of a partition that nobody disturbed, and what it is."""
    folder = tmp_path_factory.mktemp("made") / "job"
    return folder, make(folder)


def test_a_partition_of_a_job_is_that_of_one_piece(made: tuple[Path, Made]) -> None:
    part, tasks = made[1]
    whole = exactbn.partition(NETWORK, (-4, 4))
    assert part == whole and part.f_vector == whole.f_vector and part.is_complete
    assert part.check() is None and tasks.tasks > 12


@pytest.mark.parametrize(
    "options", [{"seconds": 9}, {"workers": 3}, {"workers": 2, "seconds": 0.01}]
)
def test_however_tasks_are_cut(
    options: dict[str, Any], made: tuple[Path, Made], tmp_path: Path
) -> None:
    part, _ = make(tmp_path / "job", **options)
    assert part == made[1][0] and same_faces(part, made[1][0])


@pytest.mark.parametrize("which", [(), (0,), (1, 0)])
def test_a_damaged_part_of_a_partition_is_made_again(
    which: tuple[int, ...], made: tuple[Path, Made], tmp_path: Path
) -> None:
    """The vertices of what was dealt out may go with it, and are found again."""
    shutil.copytree(made[0], tmp_path / "job")
    file = tmp_path / "job" / "parts" / f"{path_text(which)}.parquet"
    file.write_bytes(file.read_bytes()[:-7])
    part, tasks = make(tmp_path / "job", resume=True)
    assert len(tasks.remarks) == 1 and part.is_complete and same_faces(part, made[1][0])
    assert make(tmp_path / "job", resume=True)[1].remarks == ()


def test_all_of_space_as_a_partition(tmp_path: Path) -> None:
    network = random_network(Recipe((3, 5, 4, 1), True, 3))
    part, _ = make(tmp_path / "job", network, Domain.space(3))
    whole = exactbn.partition(network)
    assert part == whole and part.is_complete
    assert np.array_equal(part.is_unbounded, whole.is_unbounded)


def test_a_job_of_another_kind_is_refused(made: tuple[Path, Made]) -> None:
    with pytest.raises(InputError, match="is the job of another kind: partition, and not count"):
        count(made[0], resume=True)


def test_a_partition_on_the_command_line(tmp_path: Path, capsys: Output) -> None:
    save_json(NETWORK, tmp_path / "net.json")
    command = ["partition", str(tmp_path / "net.json"), "--box", "-4", "4"]
    assert main([*command, "--resume"]) == 2
    assert "--resume needs --out DIR" in capsys.readouterr().err
    out = tmp_path / "out"
    command += ["--out", str(out), "--workers", "2"]
    assert main([*command, "--max-seconds", "0"]) == 3
    assert "go on with --resume" in capsys.readouterr().err
    for reused in (0, 1):
        assert main([*command, "--resume", "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["tasks"], record["tasks_reused"]) == (1, reused)
        assert record["complete"] is True
        assert Partition.open(out / "partition") == exactbn.partition(NETWORK, (-4, 4))
    for options, said in (
        (["--max-regions", "9"], "--max-regions: not expected here"),
        (["--engine", "lp"], "which engine lp does not; leave them out"),
        ([], "holds a job already; go on with it by --resume"),
    ):
        assert main([*command, *options]) == 2
        assert said in capsys.readouterr().err
    with open(out / "job" / LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([*command, "--resume"]) == 2
        assert "another process is at work here" in capsys.readouterr().err
    assert (out / "run.json").exists()
    (tmp_path / "mine" / "job").mkdir(parents=True)
    (tmp_path / "mine" / "letter").touch()
    assert main([*command[:-4], "--out", str(tmp_path / "mine"), "--workers", "2"]) == 2
    assert "exists already and holds no job; give a new folder" in capsys.readouterr().err
    assert main([*command[:-4], "--workers", "2", "--max-seconds", "99"]) == 0
    assert "One thread works: with a budget" in capsys.readouterr().err


def test_a_result_that_is_not_whole_has_no_record(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else may use the folder meanwhile, and a run that ends early leaves no record."""
    save_json(NETWORK, tmp_path / "net.json")
    out = tmp_path / "out"
    command = ["partition", str(tmp_path / "net.json"), "--box", "-4", "4", "--out", str(out)]
    command += ["--workers", "2"]
    assert main(command) == 0 and (out / "run.json").exists()

    def killed(part: Partition, folder: Path, **_: object) -> None:
        with open(folder.parent / "job" / LOCK, "a") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Partition, "save", killed)
        assert main([*command, "--resume"]) == 130
    assert not (out / "run.json").exists()
    assert main([*command, "--resume"]) == 0 and (out / "run.json").exists()
    with pytest.raises(InputError, match="is a job, and no partition"):
        Partition.open(out / "job")
    # What is not of the job stays, and what is not asked for stays as it is.
    assert main([*command, "--resume", "--formats", "csr"]) == 0
    assert Partition.open(out / "partition").num_regions > 99
    (out / "partition" / "partition.json").rename(out / "partition" / "letter")
    assert main([*command, "--resume"]) == 2
    assert "holds no partition.json, so it is not an earlier" in capsys.readouterr().err
    assert (out / "partition" / "letter").exists()


def test_an_interrupt_says_how_to_go_on(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_json(NETWORK, tmp_path / "net.json")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "_work_through", interrupted)
    for command, options in (("count", []), ("partition", ["--workers", "2"])):
        out = str(tmp_path / command)
        call = [command, str(tmp_path / "net.json"), "--box", "-4", "4", "--out", out, *options]
        assert main(call) == 130
        said = capsys.readouterr().err
        assert f"{out}: what is done is written down; go on with --resume" in said

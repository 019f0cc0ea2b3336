"""Jobs: written down task by task, they go on after any end, and say the same."""

import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

import exactbn
from exactbn.bench.engines import Recipe, random_network
from exactbn.cli import main
from exactbn.engines.complex.chunks import Chunk, Cutter, Stoppable, Task, as_chunk, cut_in_chunks
from exactbn.engines.run import Budget
from exactbn.errors import InputError, InternalError, LimitError
from exactbn.jobs import driver
from exactbn.jobs.driver import Tasks, Terms, count_in
from exactbn.jobs.journal import FILE, LOCK, open_journal
from exactbn.jobs.part_files import as_bytes, path_of, path_text, read_kept
from exactbn.jobs.tables import ADJACENCY, REGIONS
from exactbn.jobs.tasks import COUNT, Job, cut_for
from exactbn.model.domain import Box, Domain
from exactbn.model.files import save_json
from exactbn.regions.pieces import FaceCounts, count_faces
from exactbn.selfcheck.wired import maxima

Output = pytest.CaptureFixture[str]

NETWORK = random_network(Recipe((2, 7, 5, 5, 1), False, 6))
BOX = Domain.of(Box.of(-4, 4, 2))
#: So small that there are many pieces, dealt out more than once.
SIZE = 32
JOB = Job(NETWORK, BOX, SIZE)


class Done(NamedTuple):
    """What a job has counted, and how many tasks that took."""

    counts: FaceCounts
    tasks: Tasks


def count(folder: Path, *, size: int = SIZE, **options: Any) -> Done:
    """Count in a folder, a task a step."""
    terms = Terms(**({"seconds": 0} | options))
    return Done(*count_in(folder, NETWORK, BOX, terms, size=size))


def numbers(counts: FaceCounts) -> tuple[object, ...]:
    """Return what does not depend on the pieces."""
    return counts.regions, counts.unbounded, counts.adjacencies, counts.f_vector


def tables(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes of both tables."""
    return (folder / REGIONS).read_bytes(), (folder / ADJACENCY).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """Return the folder of a job that nobody disturbed, and what it found."""
    folder = tmp_path_factory.mktemp("whole") / "job"
    return folder, count(folder)


def test_the_numbers_are_those_of_one_piece(whole: tuple[Path, Done]) -> None:
    folder, done = whole
    part = exactbn.partition(NETWORK, (-4, 4))
    counts = count_faces(NETWORK, (-4, 4))
    assert numbers(done.counts) == numbers(counts) and done.counts.pieces > 12
    assert done.tasks.tasks > done.counts.pieces and done.tasks.reused == 0
    regions, pairs = pq.read_table(folder / REGIONS), pq.read_table(folder / ADJACENCY)
    words = np.stack([regions[f"word{k}"].to_numpy() for k in range(3)], axis=1)
    assert sorted(map(tuple, words.tolist())) == sorted(map(tuple, part.words.tolist()))
    assert not regions["unbounded"].to_numpy().any()
    edges = np.stack([pairs["source"].to_numpy(), pairs["target"].to_numpy()], axis=1)
    assert (edges[:, 0] < edges[:, 1]).all()
    pairs = [
        {frozenset((tuple(all_words[i]), tuple(all_words[j]))) for i, j in of_words}
        for all_words, of_words in ((words, edges), (part.words, part.edges))
    ]
    assert pairs[0] == pairs[1] and len(edges) == part.num_adjacencies


@pytest.mark.parametrize(
    "options", [{"workers": 3}, {"seconds": 1}, {"workers": 2, "seconds": 1e-3}]
)
def test_tables_are_the_same_however_tasks_are_cut(
    options: dict[str, Any], whole: tuple[Path, Done], tmp_path: Path
) -> None:
    done = count(tmp_path / "job", **options)
    assert done.counts == whole[1].counts and tables(tmp_path / "job") == tables(whole[0])


def test_codes_of_pieces_differ() -> None:
    """A piece that is dealt into one, and one whose number of pieces is no power of two."""

    def codes(task: Task, counts: list[int]) -> list[int]:
        if not counts:
            return [task.code]
        dealt: Any = type("Dealt", (), {"num_pieces": counts[0]})
        below = [codes(piece, counts[1:]) for piece in task.pieces(0, None, dealt)]
        return [task.code, *(code for own in below for code in own)]

    for counts in ([1, 1, 1], [3, 1, 5], [2, 2], [1, 2, 1, 4]):
        found = codes(Task(), counts)
        assert len(set(found)) == len(found)
    deep = Task(code=1 << 62)
    assert deep.has_codes(2) and not deep.has_codes(3)


def test_a_piece_is_found_again_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process, and where nothing is remembered."""
    chunks = {chunk.path: chunk for chunk in cut_in_chunks(NETWORK, BOX, size=SIZE)}
    monkeypatch.setattr("exactbn.engines.complex.chunks.REMEMBERED", 1)
    for path in list(chunks)[::7]:
        cutter = Cutter(NETWORK, BOX, Stoppable(), SIZE, 1, as_chunk)
        found = cutter.advance(cutter.find(path))
        assert isinstance(found, Chunk)
        assert as_bytes(COUNT, [found]) == as_bytes(COUNT, [chunks[path]])
    deep = max(chunks, key=len)
    for path in ((10**6,), (*deep, 0)):
        with pytest.raises(InputError, match="there is no piece"):
            cutter.find(path)


def test_paths_and_chunks_come_back(tmp_path: Path) -> None:
    for path in ((), (0,), (3, 0, 17)):
        assert path_of(path_text(path)) == path
    chunks = list(cut_in_chunks(NETWORK, BOX, size=SIZE))
    assert list(read_kept(COUNT, tmp_path, as_bytes(COUNT, []))) == []
    again = list(read_kept(COUNT, tmp_path, as_bytes(COUNT, chunks)))
    assert as_bytes(COUNT, again) == as_bytes(COUNT, chunks)
    assert sum(chunk.share for chunk in again) == Fraction(1)
    with pytest.raises(InputError, match="holds no part of a job"):
        list(read_kept(COUNT, tmp_path, b"PAR1 and no more"))


def stopped_after(tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal fail once so many tasks are in it, as if the process were killed."""
    add = driver.Journal.add

    def some(self: Any, result: Any) -> None:
        if self.num_tasks == tasks:
            raise KeyboardInterrupt
        add(self, result)

    monkeypatch.setattr(driver.Journal, "add", some)


@pytest.mark.parametrize("tasks", [0, 1, 7])
def test_what_is_stopped_goes_on(
    tasks: int, whole: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "job"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stopped_after(tasks, patch)
        count(folder)
    assert not (folder / REGIONS).exists()
    done = count(folder, resume=True)
    assert done == whole[1]._replace(tasks=replace(whole[1].tasks, reused=tasks))
    assert tables(folder) == tables(whole[0])
    # And once more, where nothing is left to do.
    assert count(folder, resume=True).tasks.reused == done.tasks.tasks


def test_a_part_whose_task_is_not_in_the_journal_is_written_again(
    whole: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "job"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stopped_after(3, patch)
        count(folder)
    (folder / "parts" / "0.parquet").write_bytes(b"half of a part")
    (folder / "parts" / "1.parquet").write_bytes(b"half of a part")
    assert count(folder, resume=True).counts == whole[1].counts
    assert tables(folder) == tables(whole[0])


@pytest.mark.parametrize("how", ["cut", "bit", "gone"])
def test_a_damaged_part_is_made_again(how: str, whole: tuple[Path, Done], tmp_path: Path) -> None:
    folder = tmp_path / "job"
    count(folder, seconds=1e-2)
    part = max((folder / "parts").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 4
    part.unlink()
    if how != "gone":
        part.write_bytes(content[:-9] if how == "cut" else content)
    done = count(folder, resume=True)
    assert len(done.tasks.remarks) == 1 and str(part) in done.tasks.remarks[0]
    assert "its task is done again" in done.tasks.remarks[0]
    assert done.counts == whole[1].counts and tables(folder) == tables(whole[0])
    assert count(folder, resume=True).tasks.remarks == ()


def test_a_part_with_another_content_is_found_by_its_facets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where its hash is right: a chunk too few leaves facets with one side."""
    count(tmp_path / "job")
    kept = driver.Journal.kept
    monkeypatch.setattr(driver.Journal, "kept", lambda self: list(kept(self))[1:])
    with pytest.raises(InternalError, match="one side only"):
        count(tmp_path / "job", resume=True)


def test_another_job_or_another_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    count(folder)
    with pytest.raises(InputError, match="holds a job already; go on with it by --resume"):
        count(folder)
    other = random_network(Recipe((2, 7, 5, 5, 1), False, 7))
    for network, domain, size, what in (
        (other, BOX, SIZE, "network"),
        (NETWORK, Domain.of(Box.of(-4, 5, 2)), SIZE, "domain"),
        (NETWORK, Domain.cut(BOX, ([[1, 1]], [1])), SIZE, "domain"),
        (NETWORK, BOX, 2 * SIZE, "size"),
    ):
        with pytest.raises(InputError, match=f"is the job of another {what}"):
            count_in(folder, network, domain, Terms(resume=True), size=size)
    assert exactbn.load(folder / "network.json") == NETWORK  # nothing was touched
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is there and is not a folder"):
        count(tmp_path / "file")
    with pytest.raises(InputError, match="and other files; name another folder"):
        count(tmp_path)
    assert not (tmp_path / FILE).exists()


def test_two_drivers_and_a_damaged_journal_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    count(folder)
    with open(folder / LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process is at work here"):
            count(folder, resume=True)
    with open_journal(folder, JOB, resume=True) as journal:
        assert journal.left() == [] and journal.share == pytest.approx(1)
    (folder / FILE).write_bytes(b"no data base, but long enough to be taken for one" * 90)
    with pytest.raises(InputError, match="the journal cannot be used: file is not a database"):
        count(folder, resume=True)


def test_a_journal_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("exactbn.jobs.journal.version", lambda _: "0.0.9")
        count(tmp_path / "job")
    with pytest.raises(InputError, match="is the job of another version: 0.0.9, and not"):
        count(tmp_path / "job", resume=True)


def test_a_long_task_does_not_outlast_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to stop a little later, and nothing of it is written down."""
    begun: list[Path] = []
    told: list[bool] = []

    def long(job: Job, path: Any, seconds: float) -> Any:
        begun.append(path)
        told.append(job.cutter.budget.is_stopped.wait(60))

    class Clock(Budget):
        """Seconds that are spent once the task has begun."""

        def seconds_left(self) -> float:
            return -driver.GRACE - 1 if begun else 1.0

    monkeypatch.setattr(driver, "cut_for", long)
    monkeypatch.setattr(driver, "Budget", Clock)
    with pytest.raises(LimitError, match="0 tasks done, about 0 %"):
        count(tmp_path / "job", max_seconds=1)
    assert told == [True]


def test_a_job_killed_before_its_first_word_may_become_another(tmp_path: Path) -> None:
    """The network in the folder is that of the job, not of the one that was killed."""
    folder = tmp_path / "job"
    folder.mkdir()
    save_json(random_network(Recipe((2, 3, 1), False, 1)), folder / "network.json")
    count(folder)
    assert exactbn.load(folder / "network.json") == NETWORK


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("DELETE FROM parts", "a part of it is not there"),
        ("DELETE FROM parts WHERE key = (SELECT value FROM chunks LIMIT 1)", "a part of it is not"),
        ("UPDATE dealt SET value = 0", "a row of 'dealt' changed"),
        ("UPDATE chunks SET key = key || '.x'", "a row of 'chunks' changed"),
        ("INSERT INTO dealt VALUES ('9', 1000000000000, '')", "a row of 'dealt' changed"),
        ("UPDATE about SET value = '1'", "a row of 'about' changed"),
        ("DROP TABLE dealt", "no such table: dealt"),
    ],
)
def test_a_journal_that_lost_lines_is_refused(
    how: str, said: str, whole: tuple[Path, Done], tmp_path: Path
) -> None:
    shutil.copytree(whole[0], tmp_path / "job")
    with sqlite3.connect(tmp_path / "job" / FILE) as base:
        base.execute(how)
    base.close()
    with pytest.raises(InputError, match=said):
        count(tmp_path / "job", resume=True)


def test_a_damaged_journal_is_refused_or_does_no_harm(
    whole: tuple[Path, Done], tmp_path: Path
) -> None:
    """Cut, or with some bits flipped anywhere."""
    random = Random(1)
    content = (whole[0] / FILE).read_bytes()
    mutants = [content[: random.randrange(len(content))] for _ in range(6)]
    for _ in range(12):
        changed = bytearray(content)
        for _ in range(4):
            changed[random.randrange(len(content))] ^= 1 << random.randrange(8)
        mutants.append(bytes(changed))
    refused = 0
    for k, mutant in enumerate(mutants):
        folder = tmp_path / f"{k}"
        shutil.copytree(whole[0], folder)
        for file in folder.glob(f"{FILE}-*"):
            file.unlink()
        (folder / FILE).write_bytes(mutant)
        try:
            assert count(folder, resume=True).counts == whole[1].counts
        except InputError as error:
            refused += 1
            assert str(folder) in str(error)
    assert refused > 6


@pytest.mark.parametrize("name", [LOCK, FILE, "parts/top.parquet"])
def test_a_pipe_is_not_waited_for(name: str, whole: tuple[Path, Done], tmp_path: Path) -> None:
    shutil.copytree(whole[0], tmp_path / "job")
    (tmp_path / "job" / name).unlink()
    os.mkfifo(tmp_path / "job" / name)
    if name.startswith("parts"):
        assert count(tmp_path / "job", resume=True).counts == whole[1].counts
    else:
        with pytest.raises(InputError, match="is not a regular file"):
            count(tmp_path / "job", resume=True)


def test_what_cannot_be_cut_leaves_no_folder(tmp_path: Path) -> None:
    flat = Domain.cut(BOX, ([[1, 0], [-1, 0]], [0, 0]))
    for domain, terms in ((flat, {}), (BOX, {"workers": 0}), (BOX, {"workers": 1.5})):
        with pytest.raises(InputError):
            count_in(tmp_path / "job", NETWORK, domain, Terms(**terms))  # type: ignore[arg-type]
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("seed", range(4))
def test_tables_with_maxima_do_not_depend_on_the_pieces(seed: int, tmp_path: Path) -> None:
    """A region is some cells there, which differ in comparisons of entries that lose."""
    network, box, _ = maxima(Random(seed))
    domain = Domain.space(network.num_inputs) if box is None else Domain.of(box)
    found = []
    for size in (4, 4096):
        count_in(tmp_path / f"{size}", network, domain, Terms(seconds=0), size=size)
        table = pq.read_table(tmp_path / f"{size}" / REGIONS).to_pydict()
        found.append(sorted(zip(*table.values())))
    assert found[0] == found[1]


def test_a_budget_leaves_what_is_done(whole: tuple[Path, Done], tmp_path: Path) -> None:
    folder = tmp_path / "job"
    with pytest.raises(LimitError, match="0 tasks done, about 0 % of the work; go on with"):
        count(folder, max_seconds=0)
    assert count(folder, resume=True).counts == whole[1].counts


class Worker:
    """Runs tasks at once, but those that ``fails`` picks: these raise, or are never done."""

    def __init__(self, fails: Callable[[tuple[int, ...], int], Exception | None]) -> None:
        self.calls: dict[tuple[int, ...], int] = {}
        self._fails = fails

    def submit(self, path: tuple[int, ...]) -> "Future[Any]":
        self.calls[path] = self.calls.get(path, 0) + 1
        future: Future[Any] = Future()
        error = self._fails(path, self.calls[path])
        if isinstance(error, TimeoutError):
            return future
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cut_for(JOB, path, 0))
        return future


def with_worker(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker run the tasks."""
    from contextlib import contextmanager

    @contextmanager
    def executor(*_: object) -> Any:
        yield worker.submit, 2

    monkeypatch.setattr(driver, "_executor", executor)


@pytest.mark.parametrize("error", [OSError("the worker has died"), TimeoutError()])
def test_a_task_that_fails_or_hangs_is_handed_out_again(
    error: Exception, whole: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(lambda path, call: error if path == (2,) and call < 3 else None)
    with_worker(worker, monkeypatch)
    done = count(tmp_path / "job", scheduler="here:1", patience=0.01)
    assert worker.calls[(2,)] == 3 and max(worker.calls.values()) == 3
    assert done.counts == whole[1].counts and tables(tmp_path / "job") == tables(whole[0])


def test_a_task_that_fails_three_times_is_named(
    whole: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are done, and the job can go on."""
    worker = Worker(lambda path, _: OSError("it died") if path == (2,) else None)
    with monkeypatch.context() as patch:
        with_worker(worker, patch)
        with pytest.raises(LimitError, match="1 task failed 3 times: 2: OSError: it died; the re"):
            count(tmp_path / "job", scheduler="here:1")
    assert worker.calls[(2,)] == 3 and not (tmp_path / "job" / REGIONS).exists()
    done = count(tmp_path / "job", resume=True)
    assert done.tasks.reused > 3 and done.counts == whole[1].counts


def test_what_is_wrong_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_worker(Worker(lambda *_: InternalError("a face has no middle")), monkeypatch)
    with pytest.raises(InternalError, match="a face has no middle"):
        count(tmp_path / "job")


@pytest.mark.parametrize("d", [1, 2, 3])
def test_all_of_space(d: int, tmp_path: Path) -> None:
    """Cells of one pattern are joined: tables have regions, and which are unbounded."""
    network = random_network(Recipe((d, 5, 4, 1), True, 3))
    counts, _ = count_in(tmp_path / "job", network, Domain.space(d), Terms(seconds=0), size=SIZE)
    assert numbers(counts) == numbers(count_faces(network))
    table = pq.read_table(tmp_path / "job" / REGIONS)
    assert table.num_rows == counts.regions
    assert table["unbounded"].to_numpy().sum() == counts.unbounded > 0
    assert pq.read_table(tmp_path / "job" / ADJACENCY).num_rows == counts.adjacencies


def test_a_local_scheduler_says_the_same(whole: tuple[Path, Done], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    done = count(tmp_path / "job", scheduler="local", seconds=1)
    assert done.counts == whole[1].counts and tables(tmp_path / "job") == tables(whole[0])


def test_on_the_command_line(tmp_path: Path, capsys: Output) -> None:
    save_json(NETWORK, tmp_path / "net.json")
    command = ["count", str(tmp_path / "net.json"), "--box", "-4", "4"]
    assert main([*command, "--resume"]) == 2
    assert "--resume needs --out DIR" in capsys.readouterr().err
    assert main([*command, "--scheduler", "local"]) == 2
    assert "--scheduler needs --out DIR" in capsys.readouterr().err
    command += ["--out", str(tmp_path / "job")]
    assert main([*command, "--scheduler", "nonsense"]) == 2
    assert "--scheduler is 'nonsense', expected local, or an address" in capsys.readouterr().err
    assert not (tmp_path / "job").exists()
    assert main([*command, "--max-seconds", "0"]) == 3
    assert "go on with --resume" in capsys.readouterr().err
    for reused in (0, 1):
        assert main([*command, "--resume", "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["tasks"], record["tasks_reused"]) == (1, reused)
        assert json.loads((tmp_path / "job" / "run.json").read_text())["regions"] == (
            record["regions"]
        )
    assert main([*command, "--resume"]) == 0
    out = capsys.readouterr().out
    assert "1, 1 of them done before" in out and "Regions and adjacencies are in" in out

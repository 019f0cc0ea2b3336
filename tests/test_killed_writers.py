"""A process that is killed while it writes leaves what was there, all that is new, or nothing.

A child is killed at the n-th call of the system that it makes while it writes, for n = 1, 2, ...,
and before and after every step of :mod:`exactbn.output`.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from exactbn import output
from exactbn.cli.common import RUN_FILE, output_folder, write_json
from exactbn.errors import InputError
from exactbn.model.files import load, save_json
from exactbn.model.network import Network
from exactbn.regions.graph import write_graphml, write_tables
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition

NETWORK = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, "-1/2"], [0]]
)
OLD = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])

#: What is killed at, at most, of the calls of one writer: those of the end, and some before.
POINTS, LAST = 4, 14


def killed(work: Callable[[], None], at: int) -> int | None:
    """Do some work in a child that is killed at a call; return how many there were if it lives."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def look(frame: FrameType, event: str, arg: object) -> None:
            nonlocal count
            system = event == "c_call" and getattr(arg, "__module__", "") == "posix"
            stream = event == "c_call" and getattr(arg, "__name__", "") in ("write", "flush")
            step = event != "c_call" and frame.f_code.co_filename == output.__file__
            if system or stream or step:
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.setprofile(look)
            work()
            sys.setprofile(None)
            os.write(writing, str(count).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0
    return int(told)


def contents(place: Path) -> dict[str, bytes]:
    """Return what is in a file, or in the files of a folder."""
    if place.is_file():
        return {"": place.read_bytes()}
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}


def report(part: Partition, place: Path) -> None:
    """Write a folder as the commands do."""
    with output_folder(place, force=True) as folder:
        part.save(folder / "partition")
        write_tables(part, folder)
        write_json(folder / RUN_FILE, {"regions": part.num_regions})


WRITERS: dict[str, Callable[[Partition, Path], None]] = {
    "save": lambda part, place: part.save(place),
    "certificate": lambda part, place: part.write_certificate(place, force=True),
    "graph": lambda part, place: write_graphml(part, place),
    "network": lambda part, place: save_json(part.network, place),
    "report": report,
}
NEVER_REPLACES = ("save",)


def points(total: int) -> list[int]:
    """Return some of the calls 1 to ``total``, and all of the last ones."""
    step = max(1, total // POINTS)
    return sorted({*range(1, total, step), *range(max(1, total - LAST), total + 1)})


@pytest.mark.parametrize(
    ("name", "engine"),
    [*((name, "complex") for name in WRITERS), ("save", "lp"), ("certificate", "lp")],
)
def test_killed_at_any_call(name: str, engine: str, tmp_path: Path) -> None:
    write = WRITERS[name]
    old = partition(OLD, (-1, 1), engine=engine)
    new = partition(NETWORK, (-1, 2), engine=engine).proven()
    before, after = tmp_path / "before", tmp_path / "after"
    write(old, before)
    total = killed(lambda: write(new, after), 0)
    assert total is not None and total > 10
    whole = [{}, contents(before), contents(after)]
    left = set()
    for n in points(total):
        folder = tmp_path / f"at {n}"
        folder.mkdir()
        place = folder / "place"
        if name not in NEVER_REPLACES:
            write(old, place)
        killed(lambda: write(new, place), n)  # noqa: B023
        found = contents(place) if os.path.lexists(place) else {}
        assert found in whole
        left.add(whole.index(found))
        if name not in NEVER_REPLACES:
            assert found
        if name == "save":
            check_opening(place, new, bool(found))
        # Whoever writes next cleans up what the dead one has left.
        save_json(OLD, folder / "next")
        assert {path.name for path in folder.iterdir()} <= {"place", "next"}
    # Both ends were seen: what was there before, and all that is new.
    assert left == ({0, 2} if name in NEVER_REPLACES else {1, 2})


def check_opening(place: Path, part: Partition, is_there: bool) -> None:
    """Check that a folder is the partition, or that its absence is named."""
    if is_there:
        assert Partition.open(place, check=True) == part
        return
    with pytest.raises(InputError, match="place: there is no such folder"):
        Partition.open(place)


def test_a_folder_that_was_cut_off_names_what_is_wrong(tmp_path: Path) -> None:
    """As it would be without drafts, or after a disk has lost some of it."""
    part = partition(NETWORK, (-1, 1))
    part.save(tmp_path / "whole")
    for path in sorted((tmp_path / "whole").iterdir()):
        for size in (None, 0, path.stat().st_size // 2):
            place = tmp_path / "cut"
            part.save(place)
            if size is None:
                (place / path.name).unlink()
            else:
                os.truncate(place / path.name, size)
            with pytest.raises(InputError, match=path.name) as caught:
                Partition.open(place, check=True)
            assert str(caught.value).count(path.name) == 1
            for file in place.iterdir():
                file.unlink()
            place.rmdir()


def test_a_pipe_in_the_place_of_the_network_is_named_once(tmp_path: Path) -> None:
    part = partition(NETWORK, (-1, 1))
    part.save(tmp_path / "part")
    path = tmp_path / "part" / "network.json"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match="is missing, or is no regular file") as caught:
        Partition.open(tmp_path / "part")
    assert str(caught.value).count(str(path)) == 1
    save_json(part.network, tmp_path / "network.json")
    assert load(tmp_path / "network.json") == part.network

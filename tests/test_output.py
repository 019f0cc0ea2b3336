"""Outputs appear whole or not at all, also when the disk is full or the process is killed."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import exactbn
from exactbn import output
from exactbn.errors import InputError, LimitError
from exactbn.model.files import save_json
from exactbn.output import check_file, check_folder, create_file, create_folder, create_text
from exactbn.regions.graph import write_graphml, write_tables
from exactbn.study.dataset import read_bytes, read_csv

MARKER = "run.json"


def names(folder: Path) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(path: Path, text: str, *, force: bool = False) -> None:
    with create_text(path, force=force) as stream:
        stream.write(text)


def write_folder(path: Path, text: str, *, force: bool = False) -> None:
    with create_folder(path, force=force, marker=MARKER) as folder:
        (folder / MARKER).write_text(text)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with create_text(path) as stream:
        stream.write("one\ntwo\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\ntwo\n" and names(tmp_path) == {"a.txt"}
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    with pytest.raises(InputError, match="a.txt: exists already; choose another name"):
        write(path, "new")
    assert path.read_text() == "one\ntwo\n"
    write(path, "new", force=True)
    assert path.read_text() == "new" and names(tmp_path) == {"a.txt"}


def test_file_with_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write(path, "long")
    assert path.read_text() == "long"


def test_a_file_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.txt"), "here")
    write_folder(Path("out"), "there")
    assert names(tmp_path) == {"a.txt", "out"}


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")
    for error in (KeyboardInterrupt(), LimitError("spent"), RuntimeError("no")):
        with pytest.raises(type(error)), create_text(path, force=True) as stream:
            stream.write("half")
            raise error
        with pytest.raises(type(error)), create_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("half")
            raise error
    assert path.read_text() == "old" and names(tmp_path) == {"a.txt"}


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    for is_modern in (True, False):
        if not is_modern:
            monkeypatch.setattr(output, "_rename", lambda *args: False)
        with pytest.raises(InputError, match="a.txt: "), create_text(path) as stream:
            stream.write("mine")
            path.write_text("theirs")
        assert path.read_text() == "theirs" and names(tmp_path) == {"a.txt"}
        path.unlink()


def test_links(tmp_path: Path) -> None:
    """A dangling link is a file that is there; a link is replaced itself, not what it points to."""
    link, other = tmp_path / "link", tmp_path / "other"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="link: exists already"):
        check_file(link)
    with pytest.raises(InputError, match="link: exists already"):
        write(link, "text")
    with pytest.raises(InputError, match="link: is there and is not a folder"):
        check_folder(link, force=True, marker=MARKER)
    assert names(tmp_path) == {"link"} and link.is_symlink()
    other.write_text("other")
    link.unlink()
    link.symlink_to(other)
    write(link, "text", force=True)
    assert not link.is_symlink() and other.read_text() == "other"


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/null")
    for force in (False, True):
        with pytest.raises(InputError, match=f"{path}: is (a folder|not a regular file), expected"):
            check_file(path, force=force)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="absent/a: the folder .*absent does not exist"):
        write(tmp_path / "absent" / "a", "text")
    with pytest.raises(InputError, match="file/a: the folder .*file does not exist"):
        write(tmp_path / "file" / "a", "text")
    with pytest.raises(InputError, match="file.*: cannot be written: (File exists|Not a dir)"):
        write_folder(tmp_path / "file" / "out", "text")
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        write(tmp_path / ("x" * 256), "text")
    # Nobody may write there, not even root.
    with pytest.raises(InputError, match="^/proc/a: cannot be written: "):
        write(Path("/proc/a"), "text")
    with pytest.raises(InputError, match="^/proc/.*: cannot be written: "):
        write_folder(Path("/proc/a/b"), "text")


def test_a_full_disk(tmp_path: Path) -> None:
    text = "x" * 100_000
    with full_disk(4096):
        with pytest.raises(InputError) as caught:
            write(tmp_path / "a", text)
        assert str(caught.value) == f"{tmp_path / 'a'}: cannot be written: File too large"
        with pytest.raises(InputError) as caught:
            write_folder(tmp_path / "out", text)
        assert str(caught.value).startswith(f"{tmp_path / 'out'}: cannot be written: ")
        # One output inside another: the outer one's draft is in the inner one's message.
        with pytest.raises(InputError) as caught, create_folder(tmp_path / "out") as folder:
            write(folder / "b", text)
        assert str(caught.value) == f"{tmp_path / 'out' / 'b'}: cannot be written: File too large"
    assert names(tmp_path) == set()


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), create_file(tmp_path / "a"):
        Path("/elsewhere/b").read_text()
    with create_folder(tmp_path / "out") as folder:
        place = folder / "inside" / "c"
        with pytest.raises(FileNotFoundError):
            place.write_text("caught by the caller")
    with pytest.raises(InputError) as caught, create_folder(tmp_path / "more") as folder:
        raise OSError(f"Failed to open {folder}/x: [errno 28]")  # As pyarrow words it.
    assert str(caught.value) == (
        f"{tmp_path / 'more'}: cannot be written: Failed to open {tmp_path / 'more'}/x: [errno 28]"
    )


def test_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    write_folder(out, "one")
    assert names(out) == {MARKER} and names(out.parent) == {"out"}
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o777 & ~mask
    with pytest.raises(InputError, match="out: exists already; --force replaces"):
        write_folder(out, "two")
    with pytest.raises(InputError, match="out: exists already; give a new folder"):
        check_folder(out, force=True)
    (out / "more").write_text("of the old one")
    write_folder(out, "two", force=True)
    assert (out / MARKER).read_text() == "two" and names(out) == {MARKER}
    (out / MARKER).rename(out / "mine")
    with pytest.raises(InputError, match="holds no run.json, so it is not an earlier output"):
        write_folder(out, "three", force=True)
    assert names(out) == {"mine"} and names(out.parent) == {"out"}


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", "one")
    assert names(tmp_path / "out") == {MARKER} and names(tmp_path) == {"out"}


def test_a_linked_folder_is_replaced_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", "one")
    assert (tmp_path / "link").is_symlink() and names(tmp_path / "real") == {MARKER}


def test_a_folder_that_fills_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for force in (False, True):
        with pytest.raises(InputError, match="out: "):
            with create_folder(out, force=force, marker=MARKER) as folder:
                (folder / MARKER).write_text("mine")
                out.mkdir()
                (out / "theirs").write_text("theirs")
        assert names(tmp_path) == {"out"} and names(out) == {"theirs"}
        (out / "theirs").unlink()
        out.rmdir()


def test_without_an_exchange_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_rename", lambda *args: False)
    write(tmp_path / "a", "one")
    write_folder(tmp_path / "out", "one")
    write_folder(tmp_path / "out", "two", force=True)
    assert (tmp_path / "out" / MARKER).read_text() == "two" and names(tmp_path) == {"a", "out"}
    renamed = []

    def fail_at_second(self: Path, other: Path) -> Path:
        renamed.append(other)
        if len(renamed) == 2:
            raise OSError(errno.EIO, "Input/output error", str(self))
        os.rename(self, other)
        return Path(other)

    monkeypatch.setattr(Path, "rename", fail_at_second)
    with pytest.raises(InputError, match="out: cannot be written: Input/output error"):
        write_folder(tmp_path / "out", "three", force=True)
    assert (tmp_path / "out" / MARKER).read_text() == "two" and names(tmp_path) == {"a", "out"}


def test_flushed_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and every folder of an output is flushed, then it is renamed, then its folder."""
    events: list[tuple[str, str]] = []
    flush, rename = os.fsync, output._rename

    def note_flush(handle: int) -> None:
        events.append(("flush", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        flush(handle)

    def note_rename(draft: Path, target: Path, how: int) -> bool:
        events.append(("rename", target.name))
        return rename(draft, target, how)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(output, "_rename", note_rename)
    write(tmp_path / "a", "text")
    assert [kind for kind, _ in events] == ["flush", "rename", "flush"]
    assert events[0][1].endswith(".part") and events[2][1] == tmp_path.name
    (tmp_path / "out").mkdir()  # So that names are exchanged.
    events.clear()
    with create_folder(tmp_path / "out") as folder:
        (folder / "sub").mkdir()
        (folder / "x").write_text("x")
        (folder / "sub" / "y").write_text("y")
        draft = folder.name
    at = events.index(("rename", "out"))
    assert {name for _, name in events[:at]} == {"x", "y", "sub", draft}
    assert events[at + 1:] == [("flush", tmp_path.name)]


KILLED = """
import os, signal, sys
from exactbn.output import create_{kind}
with create_{kind}(sys.argv[1]) as made:
    if {is_folder}:
        (made / "half").write_text("half")
    else:
        made.write(b"half")
        made.flush()
    print("written", flush=True)
    if {is_killed}:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def start(kind: str, target: Path, *, is_killed: bool) -> subprocess.Popen[str]:
    """Return a process that is in the middle of an output, or was killed there."""
    code = KILLED.format(kind=kind, is_folder=kind == "folder", is_killed=is_killed)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    return process


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path, kind: str) -> None:
    with start(kind, tmp_path / "dead", is_killed=True) as process:
        assert process.wait() == -signal.SIGKILL
    (leftover,) = names(tmp_path)
    assert leftover.startswith(".exactbn-") and leftover.endswith(".part")
    write(tmp_path / "a", "text")
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_drafts_of_a_running_process_stay(tmp_path: Path, kind: str) -> None:
    with start(kind, tmp_path / "alive", is_killed=False) as process:
        write(tmp_path / "a", "text")
        write_folder(tmp_path / "b", "text")
        assert len(names(tmp_path)) == 3
        process.communicate("")
        assert process.returncode == 0
    assert names(tmp_path) == {"a", "b", "alive"}


def test_what_is_not_ours_is_no_leftover(tmp_path: Path) -> None:
    """Of another host, of another kind, or only of a similar name."""
    prefix = output._DRAFT_PREFIX
    other_host = f".exactbn-{'0' * 8}-{'1' * 16}.part"
    assert not other_host.startswith(prefix)
    for name in (other_host, f"{prefix}notes.txt", "x.part"):
        (tmp_path / name).write_text("not ours")
    os.mkfifo(tmp_path / f"{prefix}{'2' * 16}.part")
    (tmp_path / f"{prefix}{'3' * 16}.part").symlink_to(tmp_path / "x.part")
    before = names(tmp_path)
    write(tmp_path / "a", "text")
    assert names(tmp_path) == before | {"a"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_draft_taken_for_a_leftover_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Another process removes the draft between its creation and its lock: it is made anew."""
    made = []
    opened = getattr(output, f"_open_{kind}")

    def open_and_lose(draft: Path) -> int:
        handle = opened(draft)
        made.append(draft)
        if len(made) == 1:
            output._remove(draft)
        return int(handle)

    monkeypatch.setattr(output, f"_open_{kind}", open_and_lose)
    (write if kind == "file" else write_folder)(tmp_path / "a", "text")
    assert len(made) == 2 and names(tmp_path) == {"a"}


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs are written all the same, and nothing is taken for a leftover."""

    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    leftover = tmp_path / f"{output._DRAFT_PREFIX}{'1' * 16}.part"
    leftover.write_text("of somebody")
    write(tmp_path / "a", "text")
    write_folder(tmp_path / "b", "text")
    assert names(tmp_path) == {"a", "b", leftover.name}


# Names


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b", r"the path 'a\\x00b' holds a null character"),
        (Path("a\0b"), r"the path 'a\\x00b' holds a null character"),
        (None, "None is no path, expected a text or a pathlib.Path"),
        (b"a", "b'a' is no path"),
        (3, "3 is no path"),
    ],
)
def test_what_is_no_path_is_refused_by_every_door(path: Any, message: str) -> None:
    network = exactbn.Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    part = exactbn.partition(network, (-1, 1))
    doors: list[Callable[[], object]] = [
        lambda: part.save(path),
        lambda: part.write_certificate(path),
        lambda: exactbn.Partition.open(path),
        lambda: exactbn.load(path),
        lambda: save_json(network, path),
        lambda: write_graphml(part, path),
        lambda: write_tables(part, path),
        lambda: read_csv(path),
        lambda: read_bytes(path),
        lambda: check_folder(path),
    ]
    for door in doors:
        with pytest.raises(InputError, match=message) as caught:
            door()
        assert "\n" not in str(caught.value)

"""Files and folders that appear whole or not at all.

What is written goes to a draft beside its place, under a name such as ``.exactbn-HOST-TOKEN.part``;
it is flushed to the disk and only then takes its name, in one step. So whoever looks at the name
sees what was there before or all that is new, also after a crash; an error or an interrupt takes
the draft away. Messages name the final path, never the draft.

A killed run leaves its draft behind. While a process writes, it holds a lock (``flock``) on the
draft, which the system lets go when the process ends, however it ends. So a draft of this host
that can be locked is a leftover, and the next output into the same folder removes it.
"""

import ctypes
import errno
import fcntl
import io
import os
import platform
import re
import secrets
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from exactbn.errors import ExactBNError, InputError

Path_ = str | os.PathLike[str]

# The host is part of the name: some file systems keep locks to the machine that takes them.
_DRAFT_PREFIX = f".exactbn-{zlib.crc32(platform.node().encode()):08x}-"
_DRAFT_SUFFIX = ".part"

# renameat2 of Linux: the current folder, and what to do where the new name is there already.
_AT_FDCWD = -100
_NOREPLACE, _EXCHANGE = 1, 2

# Times that a new draft may be taken for a leftover before its lock is on it.
_ATTEMPTS = 100


def as_path(path: object) -> Path:
    """Return the path that a caller names.

    Raises
    ------
    InputError
        If it is neither text nor a path, or holds a null character, which no name on a disk does.
    """
    if not isinstance(path, (str, Path)):
        raise InputError(f"{path!r:.40} is no path, expected a text or a pathlib.Path")
    if "\0" in str(path):
        raise InputError(f"the path {str(path)!r} holds a null character, which no file name does")
    return Path(path)


def check_file(path: Path_, *, force: bool = False) -> None:
    """Raise InputError if no file can be put at ``path``.

    Commands that compute for long call this first, so that they fail early.

    Parameters
    ----------
    path : path
        Where the file is to stand; a link counts as there even where it points to nothing.
    force : bool
        Whether a file that is there may be replaced.
    """
    target = as_path(path)
    with _named(target):
        if os.path.lexists(target):
            if target.exists() and not target.is_file():
                what = "is a folder" if target.is_dir() else "is not a regular file"
                raise InputError(f"{target}: {what}, expected the name of a file to write")
            if not force:
                raise InputError(
                    f"{target}: exists already; choose another name, or replace it: with --force "
                    "on the command line, in Python with force=True where a function takes it"
                )
        elif not target.parent.is_dir():
            raise InputError(f"{target}: the folder {target.parent} does not exist")


def check_folder(path: Path_, *, force: bool = False, marker: str | None = None) -> None:
    """Raise InputError if no folder can be put at ``path``.

    Parameters
    ----------
    path : path
        Where the folder is to stand. What is there may be an empty folder.
    force : bool
        Whether an earlier output that is there may be replaced.
    marker : str, optional
        The file by which an earlier output is told from a folder of somebody's own; without it
        nothing is replaced.
    """
    target = as_path(path)
    with _named(target):
        if not os.path.lexists(target):
            return
        if not target.is_dir():
            raise InputError(f"{target}: is there and is not a folder, expected a folder to write")
        if not any(target.iterdir()):
            return
        if marker is None:
            raise InputError(f"{target}: exists already; give a new folder, or remove it first")
        if not force:
            raise InputError(f"{target}: exists already; --force replaces an earlier output")
        if not (target / marker).is_file():
            raise InputError(
                f"{target}: holds no {marker}, so it is not an earlier output and --force does "
                "not replace it; name another folder or empty it first"
            )


def check_regular(path: Path_) -> None:
    """Raise InputError if there is something else than a regular file: a pipe would be waited for.

    Raises
    ------
    InputError
        Which names it.
    """
    target = as_path(path)
    with _named(target):
        if os.path.lexists(target) and not target.is_file():
            raise InputError(f"{target}: is not a regular file")


@contextmanager
def create_file(path: Path_, *, force: bool = False) -> Iterator[BinaryIO]:
    """Yield a binary stream that becomes the file ``path`` if all goes well, and vanishes if not.

    Parameters are those of :func:`check_file`.

    Raises
    ------
    InputError
        If the file may not be replaced or cannot be written (a full disk, a folder without rights).
    """
    target = as_path(path)
    check_file(target, force=force)
    with _drafted(target, _open_file) as (draft, handle):
        # The stream has a handle of its own: the lock stays until the file has its name.
        with open(os.dup(handle), "wb") as stream:
            yield stream
        os.fsync(handle)
        if force:
            os.replace(draft, target)
        elif not _rename(draft, target, _NOREPLACE):
            check_file(target)
            os.replace(draft, target)


@contextmanager
def create_text(
    path: Path_, *, force: bool = False, encoding: str = "utf-8"
) -> Iterator[TextIO]:
    """Yield a text stream that becomes the file ``path`` as that of :func:`create_file` does.

    Lines end in a line feed on every system, so that equal contents are equal files.
    """
    with create_file(path, force=force) as raw:
        with io.TextIOWrapper(raw, encoding=encoding, newline="\n") as stream:
            yield stream


@contextmanager
def create_folder(
    path: Path_, *, force: bool = False, marker: str | None = None
) -> Iterator[Path]:
    """Yield a fresh folder that becomes ``path`` if all goes well, and vanishes if not.

    Parameters are those of :func:`check_folder`; missing folders above ``path`` are made.

    Raises
    ------
    InputError
        If what is there may not be replaced, or the folder cannot be written.
    """
    check_folder(path, force=force, marker=marker)
    target = as_path(path).resolve()
    with _named(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _drafted(target, _open_folder) as (draft, _):
        yield draft
        _flush_tree(draft)
        check_folder(target, force=force, marker=marker)
        if not target.exists():
            draft.rename(target)
        elif not _rename(draft, target, _EXCHANGE):
            _replace_in_two_steps(draft, target)
        # Otherwise the draft's name is now that of the old folder, which goes with it.


@contextmanager
def _drafted(target: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """Yield a locked draft for ``target`` and its handle; at the end nothing bears its name."""
    with _named(target):
        _remove_leftovers(target.parent)
        draft, handle = _new_draft(target.parent, make)
    try:
        with _named(target):
            yield draft, handle
            _flush(target.parent)
    finally:
        _remove(draft)
        os.close(handle)


def _new_draft(folder: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Make and lock a draft; return its path and its handle."""
    for attempt in range(_ATTEMPTS):
        draft = folder / f"{_DRAFT_PREFIX}{secrets.token_hex(8)}{_DRAFT_SUFFIX}"
        try:
            handle = make(draft)
        except FileNotFoundError:
            # Another process took it for a leftover, as it had no lock yet; or there is no folder.
            if attempt + 1 == _ATTEMPTS or not folder.is_dir():
                raise
            continue
        with suppress(OSError):  # A file system without locks keeps its leftovers.
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, draft):
            return draft, handle
        os.close(handle)
    raise FileNotFoundError(errno.ENOENT, "drafts vanish while they are made", str(folder))


def _open_file(draft: Path) -> int:
    """Make an empty file and return its handle."""
    return os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _open_folder(draft: Path) -> int:
    """Make an empty folder and return its handle."""
    draft.mkdir()
    return os.open(draft, os.O_RDONLY)


def _is_at(handle: int, path: Path) -> bool:
    """Return whether ``path`` is still the name of what the handle holds."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _remove_leftovers(folder: Path) -> None:
    """Remove the drafts that no running process of this host holds."""
    for entry in os.scandir(folder):
        if entry.name.startswith(_DRAFT_PREFIX) and entry.name.endswith(_DRAFT_SUFFIX):
            with suppress(OSError):  # It is gone, is held, or cannot be locked here.
                _remove_leftover(Path(entry.path))


def _remove_leftover(draft: Path) -> None:
    """Remove a draft, or raise OSError if it is not certain that nobody holds it."""
    # A pipe of such a name is none of ours, and waits for no reader.
    handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, draft):
                _remove(draft)
    finally:
        os.close(handle)


def _remove(draft: Path) -> None:
    """Remove a file or a folder, if it is there and as far as that is possible."""
    if draft.is_dir() and not draft.is_symlink():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        with suppress(OSError):
            draft.unlink()


def _flush_tree(folder: Path) -> None:
    """Flush a folder and all in it to the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        _flush(Path(place))


def _flush(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rename(draft: Path, target: Path, how: int) -> bool:
    """Rename in one step without replacing, or exchange two names; False where that is unknown.

    Raises
    ------
    OSError
        If the system knows how and cannot.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(draft), _AT_FDCWD, os.fsencode(target), how) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):  # An old kernel, or a file system that lacks it.
        return False
    raise OSError(code, os.strerror(code), str(target))


def _replace_in_two_steps(draft: Path, target: Path) -> None:
    """Put a folder in the place of another, which goes back where the second step fails."""
    aside = target.parent / f"{_DRAFT_PREFIX}{secrets.token_hex(8)}{_DRAFT_SUFFIX}"
    target.rename(aside)
    try:
        draft.rename(target)
    except OSError:
        aside.rename(target)
        raise
    _remove(aside)


@contextmanager
def _named(target: Path) -> Iterator[None]:
    """Turn errors of the system into one line about ``target``; no message names a draft."""
    # Where nothing is a draft yet, an error may name one that could not be made.
    draft = re.compile(
        f"{re.escape(str(target.parent / _DRAFT_PREFIX))}[0-9a-f]{{16}}{re.escape(_DRAFT_SUFFIX)}"
    )

    def renamed(text: str) -> str:
        return draft.sub(lambda _: str(target), text)

    try:
        yield
    except ExactBNError as error:
        error.args = tuple(renamed(e) if isinstance(e, str) else e for e in error.args)
        raise
    except OSError as error:
        place = renamed(str(error.filename or target))
        if not (Path(place).is_relative_to(target) or target.is_relative_to(place)):
            raise  # Something else, which the caller read or wrote meanwhile.
        reason = renamed(error.strerror or str(error))
        raise InputError(f"{place}: cannot be written: {reason}") from None

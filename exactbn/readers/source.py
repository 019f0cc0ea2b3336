"""Files from outside: read whole and size-capped, with errors that name the file."""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from exactbn.errors import DegenerateError, InputError

Path_ = str | PathLike[str]

#: Greatest number of bytes of a file, packed or unpacked; a larger one is refused unread.
MAX_BYTES = 1 << 26


@dataclass(frozen=True)
class Source:
    """A file to be read."""

    path: Path

    def check(self) -> None:
        """Raise InputError unless there is a regular file."""
        if not self.path.exists():
            raise InputError("there is no such file")
        if not self.path.is_file():
            raise InputError("not a regular file")

    def read(self, limit: int = MAX_BYTES) -> bytes:
        """Return the whole content, of at least one and at most ``limit`` bytes.

        Raises
        ------
        InputError
            If there is no such regular file, it cannot be read, is empty or too large.
        """
        self.check()
        try:
            with open(self.path, "rb", opener=_open_regular) as stream:
                content = stream.read(limit + 1)
        except OSError as error:
            raise InputError(f"the file cannot be read: {error.strerror}") from None
        if not content:
            raise InputError("the file is empty")
        if len(content) > limit:
            raise InputError(f"the file is larger than {limit} bytes, the most that is read")
        return content

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the file's name in front of every message about it."""
        try:
            yield
        except (InputError, DegenerateError) as error:
            raise type(error)(f"{self.path}: {error}") from error.__cause__


def _open_regular(path: str, flags: int) -> int:
    """Open a file without waiting for it, and refuse it unless it is a regular one."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError("not a regular file")
    return descriptor


def read_archive(content: bytes, what: str) -> zipfile.ZipFile:
    """Return the zip archive ``content`` after a look at its directory alone.

    Refused are archives that would unpack to more than ``MAX_BYTES``, encrypted members, methods
    other than store and deflate, two members of one name, and whatever does not begin with the
    first member: another reader might take what stands before it for something else.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise InputError(f"not {what}, or damaged: {error}") from None
    offsets = [int(info.header_offset) for info in archive.infolist()]
    if offsets and (min(offsets) != 0 or not content.startswith(b"PK\x03\x04")):
        raise InputError(f"not {what}, or damaged: it does not begin as a zip file does")
    # Beyond the file, and far enough, zipfile ends in an OverflowError.
    if any(offset >= len(content) for offset in offsets):
        raise InputError(f"not {what}, or damaged: a member begins behind the end of the file")
    seen = set()
    unpacked = 0
    for info in archive.infolist():
        if info.filename in seen:
            raise InputError(f"member {info.filename!r} occurs twice")
        seen.add(info.filename)
        if info.flag_bits & 1:
            raise InputError(f"member {info.filename!r} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"member {info.filename!r} has an unknown compression")
        unpacked += info.file_size
        if unpacked > MAX_BYTES:
            raise InputError(f"unpacks to more than {MAX_BYTES} bytes, the most that is read")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one member's bytes, checked against its checksum."""
    try:
        # zipfile stops at the size that the directory says, which has been looked at.
        return archive.read(name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise InputError(f"member {name!r} is damaged: {error}") from None

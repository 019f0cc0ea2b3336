"""Other programs that count regions: what they are given, and what they may do without harm.

A *peer* is a program that is called as

    COMMAND FILE.npz LO1 HI1 LO2 HI2 ...

FILE.npz holds a network, float64 arrays ``W0, b0, W1, b1, ...``, with ReLU after every layer but
the last one; LOi and HIi, decimal numbers, bound its i-th input. It counts the regions of the box:
the patterns, on or off for each hidden unit, that hold on a set with interior points. The last line
that it writes to its standard output is one JSON object,

    {"regions": 41, "seconds": 0.0125}

with the seconds by the clock that counting took, without starting and without reading the file; and
``"adjacencies"`` if it knows how many pairs of regions share a facet.

It is a process of its own, in a session of its own. Whatever it does, crash, hang, print anything
else or no end of it, comes back as a :class:`Failure`.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TypeGuard

from exactbn.errors import InputError

#: The program in a folder that is named as a peer.
PROGRAM = "peer"
#: Bytes that a peer may print.
MOST_OUTPUT = 1 << 20
#: What a count may be.
MOST_REGIONS = 10**15
#: Characters of a message that are shown.
MOST_SHOWN = 160

# Milliseconds between two looks at a peer: it has the core to itself, but for these.
_LOOK = 10


@dataclass(frozen=True)
class Program:
    """A peer: what it is called, and the command that starts it."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a peer has counted, and in how many seconds."""

    regions: int
    seconds: float
    adjacencies: int | None = None


@dataclass(frozen=True)
class Failure:
    """Why there is no answer."""

    reason: str


def program_of(text: str) -> Program:
    """Return the program that ``--peer`` names: a command, a file, or a folder with ``peer`` in it.

    Raises
    ------
    InputError
        If there is no such program.
    """
    place = Path(text)
    if text and place.is_dir():
        place = place / PROGRAM
        if not place.is_file():
            raise InputError(
                f"--peer: the folder {text} holds no file {PROGRAM!r}, expected a program there"
            )
    if place.is_file():
        words = [str(place.absolute())]
    else:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise InputError(f"--peer: {text!r} is no command: {error}") from None
    if not words or shutil.which(words[0]) is None:
        what = words[0] if words else text
        raise InputError(
            f"--peer: {what!r} is no program that can be run, expected a command, an executable "
            f"file, or a folder with an executable file {PROGRAM!r}"
        )
    return Program(text, tuple(words))


def relucent_program() -> Program | None:
    """Return relucent as a program, None where it is not installed."""
    if find_spec("relucent") is None:
        return None
    name = "relucent"
    with suppress(PackageNotFoundError):
        name += f" {version(name)}"
    return Program(name, (sys.executable, "-m", "exactbn.bench.relucent_peer"))


def ask(program: Program, arguments: Sequence[str], timeout: float) -> Answer | Failure:
    """Run a peer, for at most ``timeout`` seconds, and return its answer or why there is none."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                [*program.command, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Failure(f"cannot be started: {error.strerror or error}")
        try:
            reason = _waited(process, (out, err), start + timeout, timeout)
        finally:
            _end(process)
        wall = time.perf_counter() - start
        if reason is not None:
            return Failure(reason)
        if process.returncode:
            return Failure(f"{_ending(process.returncode)}: {_shown(_last_line(err))}")
        return _answer(_last_line(out), wall)


def _waited(
    process: subprocess.Popen[bytes], streams: Sequence[IO[bytes]], until: float, timeout: float
) -> str | None:
    """Wait for the end of a process; return why it must not go on, None where it has ended."""
    while True:
        has_ended = process.poll() is not None
        if any(os.fstat(stream.fileno()).st_size > MOST_OUTPUT for stream in streams):
            return f"printed more than {MOST_OUTPUT} bytes"
        if has_ended:
            return None
        if time.perf_counter() > until:
            return f"not done after {timeout:g} s"
        time.sleep(_LOOK / 1000)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it has started, so that none of them disturbs the next one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    """Return how a process has ended, in words."""
    if code > 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _last_line(stream: IO[bytes]) -> str:
    """Return the last line of what was printed that is not empty."""
    stream.seek(0)
    lines = stream.read(MOST_OUTPUT).decode("utf-8", "replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), "")


def _shown(text: str) -> str:
    """Return a line that no terminal takes for anything else."""
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    return plain[:MOST_SHOWN] or "nothing was printed"


def _answer(line: str, wall: float) -> Answer | Failure:
    """Return the answer in a line, which a process has given that took ``wall`` seconds in all."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return Failure(f"its last line is no JSON object: {_shown(line)}")
    if not isinstance(told, dict):
        return Failure(f"its last line is no JSON object: {_shown(line)}")
    regions, seconds = told.get("regions"), told.get("seconds")
    adjacencies = told.get("adjacencies")
    if not (_is_count(regions) and (adjacencies is None or _is_count(adjacencies))):
        return Failure(f"its counts are no integers from 0 to {MOST_REGIONS}: {_shown(line)}")
    # Nan is not greater than 0, and a long integer is compared as the number that it is.
    if isinstance(seconds, bool) or not (isinstance(seconds, (int, float)) and seconds > 0):
        return Failure(f"its seconds are no number > 0: {_shown(line)}")
    if seconds > wall:
        return Failure(f"it ended after {wall:g} s, and tells of more: {_shown(line)}")
    return Answer(regions, float(seconds), adjacencies)


def _is_count(value: object) -> TypeGuard[int]:
    """Return whether a value of JSON is a count."""
    return type(value) is int and 0 <= value <= MOST_REGIONS

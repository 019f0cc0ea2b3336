"""What the commands share: boxes from text, progress, output folders, JSON, versions."""

import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exactbn import __version__
from exactbn.engines.first_use import COMPILING, is_first_use
from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.model.domain import Box
from exactbn.output import check_folder, create_folder, create_text
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.network import Network

EXIT_DISAGREEMENT = 1
EXIT_BAD_INPUT = 2
EXIT_BUDGET = 3
EXIT_INTERRUPTED = 130
#: Whoever read the output has left, as after ``| head -1``: what a shell makes of SIGPIPE.
EXIT_CLOSED_PIPE = 141

#: Seconds between two lines of progress where no bar can be drawn.
PLAIN_INTERVAL = 10.0

#: Distributions whose version can change a result or its time.
DISTRIBUTIONS = ("numpy", "scipy", "numba", "python-flint", "networkx", "pyarrow", "torch")

#: Every output folder holds this file; a folder without it was not written by exactbn.
RUN_FILE = "run.json"

Progress = Callable[..., None]

#: The option that leaves out the end of a classifier.
Logits = Annotated[
    bool,
    typer.Option(
        "--logits",
        help="Read an .onnx model up to the Softmax, LogSoftmax or Sigmoid at its end.",
    ),
]


def load_network(path: Path, *, slope: object = None, logits: bool = False) -> "Network":
    """Return the network of a file; what was chosen in reading it is said on standard error."""
    from exactbn.model.files import load

    network = load(path, slope=slope, logits=logits)
    for note in network.notes:
        typer.echo(f"{path}: {note}.", err=True)
    return network


def parse_domain(lo: str, hi: str, d: int) -> Box | None:
    """Return the box that ``--box LO HI`` says, or None, all of R^d, for ``--box none``."""
    if lo.strip().lower() == hi.strip().lower() == "none":
        return None
    return parse_box(lo, hi, d)


def parse_box(lo: str, hi: str, d: int) -> Box:
    """Return the box of d dimensions with the bounds that two texts say.

    A text is one exact number for every axis (``-1``, ``0.1``, ``1/3``) or a comma-separated
    list of d of them.

    >>> parse_box("-1", "1/3,0.5", 2).hi
    (Fraction(1, 3), Fraction(1, 2))
    """
    try:
        return Box.of(_bound("LO", lo, d), _bound("HI", hi, d), d)
    except InputError as error:
        raise InputError(f"--box: {error}") from error


def _bound(name: str, text: str, d: int) -> str | list[str]:
    """Return the text of one number, or the texts of d."""
    entries = text.split(",")
    if len(entries) not in (1, d):
        raise InputError(
            f"{name} is {text!r} with {counted(len(entries), 'entry', 'entries')}, expected 1 "
            f"or {d} as the network has {counted(d, 'input')}"
        )
    return entries if len(entries) > 1 else text


@contextmanager
def progress(description: str, engines: Sequence[str] = ("complex",)) -> Iterator[Progress]:
    """Yield a function ``report(done, total, note="")`` that shows how far a long task is.

    On a terminal it moves a bar; elsewhere it writes a plain line now and then. Both go to
    standard error, so that standard output stays clean for results. Where the loops of one of the
    ``engines`` have never been compiled on this machine, it says so first.
    """
    if any([is_first_use(engine) for engine in engines]):
        print(COMPILING, file=sys.stderr, flush=True)
    if not sys.stderr.isatty():
        yield _plain_progress(description)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn
    from rich.progress import Progress as Bars
    from rich.progress import TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=None, note="")

        def report(done: int, total: int | None, note: str = "") -> None:
            bars.update(task, completed=done, total=total, note=note)

        yield report


def _plain_progress(description: str) -> Progress:
    """Return a report function that writes a line every ten seconds."""
    last = time.monotonic()

    def report(done: int, total: int | None, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL:
            last = now
            of = "" if total is None else f" of {total}"
            print(", ".join(filter(None, (f"{description}: {done}{of}", note))), file=sys.stderr,
                  flush=True)  # fmt: skip

    return report


def output_folder(
    path: str | os.PathLike[str], *, force: bool
) -> AbstractContextManager[Path]:
    """Return a context in which a fresh folder is made, which becomes ``path`` if all goes well.

    What stands at ``path`` is replaced only with ``force``, and only if it is empty or an earlier
    output, which is told by its ``run.json``.
    """
    return create_folder(path, force=force, marker=RUN_FILE)


def check_output(path: str | os.PathLike[str], *, force: bool) -> None:
    """Raise InputError if an output folder cannot be put at ``path``.

    Commands that compute for long call this first, so that they fail early.
    """
    check_folder(path, force=force, marker=RUN_FILE)


@contextmanager
def told_to_resume(out: Path) -> Iterator[None]:
    """Say on an interrupt that what is done was written down."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"{out}: what is done is written down; go on with --resume", file=sys.stderr)
        raise


def refuse_others(context: typer.Context, allowed: Sequence[str], reason: str) -> None:
    """Raise InputError, naming them, if options beside the ``allowed`` ones were given."""
    given = []
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name not in allowed and source is not None and source.name == "COMMANDLINE":
            is_option = parameter.param_type_name == "option"
            given.append(parameter.opts[0] if is_option else name.upper())
    if given:
        raise InputError(f"{', '.join(given)}: not expected here, {reason}")


def print_json(value: object) -> None:
    """Print one JSON object, and nothing else, on standard output."""
    print(to_json(value), flush=True)


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return ``value`` as JSON text; rationals become ``"p/q"``, NaN and infinities null."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: object) -> object:
    """Return ``value`` made of dicts, lists, strings, numbers, truth values and None only."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Fraction):
        return to_text(value)
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, (Sequence, set, frozenset)):
        return [_plain(entry) for entry in value]
    raise InputError(f"a value of type {type(value).__name__} cannot be written as JSON")


def write_run(
    folder: Path, command: str, record: Mapping[str, object], *, force: bool = False
) -> None:
    """Write ``run.json``: the command line, the versions and ``record``, to repeat the run."""
    entries = {"command": command, "arguments": sys.argv[1:], "versions": versions(), **record}
    write_json(folder / RUN_FILE, entries, force=force)


def write_json(path: Path, record: Mapping[str, object], *, force: bool = False) -> None:
    """Write a record as JSON for people and programs."""
    with create_text(path, force=force) as stream:
        stream.write(to_json(record, indent=2) + "\n")


def versions() -> dict[str, str | None]:
    """Return the versions that a result may depend on, without importing what they name."""
    found: dict[str, str | None] = {"exactbn": __version__}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    found["python"] = platform.python_version()
    return found


def one_line(message: object) -> str:
    """Return a message as one line."""
    return " ".join(str(message).split())

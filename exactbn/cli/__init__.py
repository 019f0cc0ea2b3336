"""The command line: ``exactbn COMMAND ...``, the same as ``python -m exactbn COMMAND ...``.

Each command lives in its own module, which is imported only when that command is called, so that
``exactbn --help`` and a wrong option answer at once. Commands raise errors of
:mod:`exactbn.errors`; here, and nowhere else, they become messages and exit codes.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import typer
import typer.core

from exactbn.cli.common import (
    EXIT_BAD_INPUT,
    EXIT_BUDGET,
    EXIT_CLOSED_PIPE,
    EXIT_DISAGREEMENT,
    EXIT_INTERRUPTED,
    one_line,
    versions,
)
from exactbn.errors import ExactBNError, InternalError, LimitError

#: What typer raises where the words of a command line do not fit; it has no public name.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


@dataclass(frozen=True)
class Command:
    """Where a command lives and the one line that ``exactbn --help`` says of it."""

    module: str
    function: str
    help: str


COMMANDS = {
    "partition": Command(
        "exactbn.cli.partition",
        "partition_command",
        "Cut a box into the exact activation regions of a network.",
    ),
    "count": Command(
        "exactbn.cli.count",
        "count_command",
        "Count regions, adjacencies and faces exactly, in little memory.",
    ),
    "boundary": Command(
        "exactbn.cli.boundary",
        "boundary_command",
        "Find the decision boundary of a network: pieces, components, Betti numbers, exactly.",
    ),
    "topology": Command(
        "exactbn.cli.topology",
        "topology_command",
        "Betti numbers of the level and sublevel sets of an output, and barcodes, exactly.",
    ),
    "follow": Command(
        "exactbn.cli.follow",
        "follow_command",
        "Follow the partition from one network to another: all events, exactly.",
    ),
    "compare": Command(
        "exactbn.cli.compare",
        "compare_command",
        "Compare batch normalization with random initialization on data, exactly.",
    ),
    "explain-bn": Command(
        "exactbn.cli.explain_bn",
        "explain_command",
        "Explain the batch normalization in a stored network, unit by unit.",
    ),
    "sample": Command(
        "exactbn.cli.sample",
        "sample_command",
        "Check an exact partition by random sampling, on a GPU where there is one.",
    ),
    "check-device": Command(
        "exactbn.cli.check_device",
        "check_device_command",
        "Check a GPU against the CPU, sample by sample, and print how fast it is.",
    ),
    "study-sampling": Command(
        "exactbn.cli.study_sampling",
        "study_sampling_command",
        "Judge what random sampling says of hundreds of networks by their exact partitions.",
    ),
    "plot": Command(
        "exactbn.cli.plot",
        "plot_command",
        "Draw the regions of a network, clipped exactly, for a paper.",
    ),
    "export": Command(
        "exactbn.cli.export",
        "export_command",
        "Write a network as exact JSON for the checker, or the graph of a stored partition.",
    ),
    "selfcheck": Command(
        "exactbn.cli.selfcheck",
        "selfcheck_command",
        "Let the engines and the checker cross-examine each other on random networks.",
    ),
    "claims": Command(
        "exactbn.cli.claims",
        "claims_command",
        "Settle the claims about batch normalization; look for counterexamples.",
    ),
    "bench": Command(
        "exactbn.cli.bench",
        "bench_command",
        "Time the engines, the certificates and the checker; measure memory.",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name) and return the exit code.

    0: done and every check held. 1: a check found a disagreement. 2: bad input. 3: stopped by a
    budget, the result is incomplete. 130: interrupted. 141: the output was not read to its end.
    """
    try:
        code = _run(argv)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        # What is still in the buffers goes nowhere, or Python complains of it while it ends.
        for name in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), name)
        return EXIT_CLOSED_PIPE
    return code


def _run(argv: Sequence[str] | None) -> int:
    """Run the command line and return the exit code, but for what becomes of its output."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = build_app(arguments)(
            args=spell_out_none(arguments) or ["--help"],
            prog_name="exactbn",
            standalone_mode=False,
        )
    except SystemExit as stop:
        return _exit_code(stop)
    except UsageError as error:
        return _fail("error", _usage(error, arguments), EXIT_BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except LimitError as error:
        return _fail("stopped", error, EXIT_BUDGET)
    except MemoryError:
        return _fail("stopped", "out of memory; give --max-regions", EXIT_BUDGET)
    except InternalError as error:
        return _fail("internal error, please report it", error, EXIT_DISAGREEMENT)
    except ExactBNError as error:
        return _fail("error", error, EXIT_BAD_INPUT)
    except OSError as error:
        return _fail("error", _os_error(error), EXIT_BAD_INPUT)
    if code == EXIT_INTERRUPTED:
        return _fail("stopped", "interrupted", code)
    if not arguments:
        return EXIT_BAD_INPUT
    return code if isinstance(code, int) else 0


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the command that ``arguments`` call, and names of the others."""
    app = typer.Typer(cls=_Group, add_completion=False, pretty_exceptions_enable=False)
    app.callback(help="Exact polyhedral partitions of small ReLU networks.")(_options)
    called = _called(arguments)
    for name, command in COMMANDS.items():
        function = _load(name, command) if name == called else _placeholder
        app.command(name, cls=_Command, help=None if name == called else command.help)(function)
    return app


class _Command(typer.core.TyperCommand):
    """A command whose help names no type for an option that takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class _Group(typer.core.TyperGroup):
    """The same for the program itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


def _without_types(parameters: list[Any]) -> list[Any]:
    """Return the parameters with empty names for the values of flags."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


def _called(arguments: Sequence[str]) -> str | None:
    """Return the name of the command that ``arguments`` call, which may not be one."""
    return next((word for word in arguments if not word.startswith("-")), None)


def spell_out_none(arguments: Sequence[str]) -> list[str]:
    """Return ``arguments`` with ``--box none`` as ``--box none none``.

    ``--box`` takes two values, LO and HI; all of R^d has neither.

    >>> spell_out_none(["--box", "none", "--json"])
    ['--box', 'none', 'none', '--json']
    """
    result: list[str] = []
    for position, word in enumerate(arguments):
        result.append(word)
        is_value = position > 0 and arguments[position - 1] == "--box"
        if is_value and word.lower() == "none":
            if [other.lower() for other in arguments[position + 1: position + 2]] != ["none"]:
                result.append(word)
    return result


def _show_versions(wanted: bool) -> None:
    """Print the versions and end, for ``--version``."""
    if wanted:
        for name, number in versions().items():
            typer.echo(f"{name} {number or 'absent'}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_versions,
            is_eager=True,
            help="Show the versions that matter and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that come before the command."""


def _load(name: str, command: Command) -> Callable[..., Any]:
    """Import and return the function of a command."""
    try:
        module = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        if error.name != command.module:
            raise
        raise ExactBNError(f"the command {name!r} is not part of this version") from error
    function: Callable[..., Any] = getattr(module, command.function)
    return function


def _placeholder() -> None:
    """Stand for a command that is listed but not called."""


def _usage(error: Any, arguments: Sequence[str]) -> str:
    """Return what is wrong with the words of a command line, and where help is."""
    called = _called(arguments)
    path = f"exactbn {called}" if called in COMMANDS else "exactbn"
    return f"{error.format_message().rstrip('.')} ({path} --help says more)"


def _exit_code(stop: SystemExit) -> int:
    """Return the code with which a library ended the program."""
    # The libraries that print make code 1 of a closed pipe, which means a disagreement here.
    if isinstance(stop.__context__, BrokenPipeError):
        raise stop.__context__ from None
    return stop.code if isinstance(stop.code, int) else 0


def _os_error(error: OSError) -> str:
    """Return what the operating system refused, and for which file."""
    if isinstance(error, BrokenPipeError):
        raise error
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _fail(what: str, message: object, code: int) -> int:
    """Say on standard error, in one line, why the command ends, and return the exit code."""
    typer.echo(f"{what}: {one_line(message)}", err=True)
    return code

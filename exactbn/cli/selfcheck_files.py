"""``exactbn selfcheck --files``: mutants of every file format, and what has become of them."""

import json as json_text
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from exactbn.cli.common import EXIT_DISAGREEMENT, one_line, print_json, progress, versions
from exactbn.errors import InputError
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.selfcheck.file_reading import Format, Tally


def read_files(count: int, seed: int, patterns: Sequence[str], out: Path, json: bool) -> None:
    """Read so many mutants of each format, print the figures, and save those that failed."""
    from exactbn.selfcheck.file_reading import read_mutants

    if not count:
        raise InputError("--format is of use with --files only")
    formats = chosen_formats(patterns)
    with progress("mutants", []) as report:
        tally = read_mutants(formats, count, seed, report)
    if json:
        print_json(_record(tally, formats))
    else:
        _show(tally, formats)
    if tally.failures:
        _save(tally, formats, out)
        for failure in tally.failures[:20]:
            typer.echo(
                f"failed: {failure.format}, mutant {failure.number}: {failure.outcome}: "
                f"{one_line(failure.text)}",
                err=True,
            )
        raise typer.Exit(EXIT_DISAGREEMENT)


def chosen_formats(patterns: Sequence[str]) -> "list[Format]":
    """Return the formats that patterns name, all of them for none."""
    from exactbn.claims.ledger.instance import read_instance
    from exactbn.selfcheck.file_reading import Format
    from exactbn.study.file_formats import change_bytes, formats

    instance = {
        "format": "exactbn-instance 1", "claim": "K1", "data": [["1/3", "2"]],
        "layers": [{"W": [[1, 0.5], ["1/3", 2]], "b": [0, "5"]}, {"W": [[1, 2]], "b": [3]}],
        "numbers": {"radius": "1/3"},
    }  # fmt: skip
    content = json_text.dumps(instance).encode()
    known = [*formats(), Format("instance", ".json", {"": content}, change_bytes, read_instance)]
    names = [form.name for form in known]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"format {pattern!r} is not known, expected one of {'; '.join(names)}"
            )
    chosen = patterns or ["*"]
    return [form for form in known if any(fnmatchcase(form.name, p) for p in chosen)]


def _record(tally: "Tally", formats: "Sequence[Format]") -> dict[str, Any]:
    """Return the JSON object."""
    return {
        "seed": tally.seed,
        "mutants": tally.total,
        "formats": {
            form.name: {**tally.of(form.name), "longest_seconds": tally.longest[form.name]}
            for form in formats
        },
        "failures": [
            {"format": t.format, "mutant": t.number, "outcome": t.outcome, "text": t.text}
            for t in tally.failures
        ],
        "versions": versions(),
    }


def _show(tally: "Tally", formats: "Sequence[Format]") -> None:
    """Print the figures for people."""
    from rich.console import Console
    from rich.table import Table

    columns = ("taken", "refused", "uncaught", "over 2 s", "over 1 GB", "crashed", "longest, s")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table("format", title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for form in formats:
        counts = map(str, tally.of(form.name).values())
        table.add_row(form.name, *counts, f"{tally.longest[form.name]:.2f}")
    console.print(table)
    bound = "" if tally.failures else f" (95 % bound 3/N = {3 / tally.total:.2g})"
    console.print(
        f"{counted(tally.total, 'mutant')} of {counted(len(formats), 'format')}, seed "
        f"{tally.seed}: {counted(len(tally.failures), 'failure')}{bound}",
        soft_wrap=True,
    )


def _save(tally: "Tally", formats: "Sequence[Format]", out: Path) -> None:
    """Write the first mutants that failed, each as it was read."""
    by_name = {form.name: form for form in formats}
    for failure in tally.failures[:100]:
        form = by_name[failure.format]
        name = form.name.replace(", ", "-").replace(" ", "-")
        folder = out / f"{name}-{tally.seed}-{failure.number}"
        folder.mkdir(parents=True, exist_ok=True)
        form.write(folder, form.mutant(tally.seed, failure.number))

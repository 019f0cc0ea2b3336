"""``exactbn selfcheck``: every engine, every certificate and the checker on random networks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import EXIT_DISAGREEMENT, one_line, print_json, progress, versions

if TYPE_CHECKING:
    from exactbn.selfcheck import Summary

#: Minutes of a run of which neither the time nor the number of networks is given.
DEFAULT_MINUTES = 1.0

FAMILY_COLUMNS = (
    "networks", "regions", "adjacencies", "unbounded regions", "exact volumes compared",
    "disagreements",
)  # fmt: skip
CERTIFICATE_COLUMNS = ("certificates", "certificates accepted", "certificates rejected")
MUTANT_COLUMNS = ("mutants", "mutants rejected", "mutants still true", "false mutants accepted")


def selfcheck_command(
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop after this time; 1 if nothing is given.")
    ] = None,
    networks: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many networks.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the networks and of the mutants.")] = 1,
    mutants: Annotated[int, typer.Option(min=0, help="Mutants of each certificate.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where networks that fail are saved.")
    ] = Path("selfcheck-failures"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Cross-examine the engines, the certificates and the checker on random networks.

    The networks are small and degenerate on purpose. Engines and brute force must agree on
    regions, adjacencies, unbounded regions and volumes; the checker must accept every certificate
    and no mutant of one that says something false. Network k of a seed is always the same.

    Exit codes: 0 agreement, 1 disagreement (the networks are saved), 2 bad input.
    """
    if minutes is None and networks is None:
        minutes = DEFAULT_MINUTES
    from exactbn.selfcheck import run

    with progress("networks") as report:
        summary = run(
            seed, out=out, minutes=minutes, networks=networks, mutants=mutants, workers=workers,
            progress=report,
        )
    if json:
        print_json(_record(summary))
    else:
        _show(summary)
    if summary.failures:
        for path, result in summary.failures:
            typer.echo(f"disagreement: {path}: {one_line(result.faults[0].sentence)}", err=True)
        raise typer.Exit(EXIT_DISAGREEMENT)


def zeros(summary: "Summary") -> list[dict[str, Any]]:
    """Return the counts that should be 0, each with its number of trials N and its 95 % bound.

    If none of N independent trials fails, then with 95 % confidence fewer than 3/N of all do:
    (1 - 3/N)^N < exp(-3) < 0.05.
    """
    found = []
    for what, of in (
        ("disagreements", "networks"),
        ("certificates rejected", "certificates"),
        ("false mutants accepted", "mutants"),
    ):
        trials, count = summary.total(of), summary.total(what)
        if trials:
            bound = 3 / trials if count == 0 else None
            found.append({"what": what, "count": count, "of": of, "trials": trials, "bound": bound})
    return found


def _record(summary: "Summary") -> dict[str, Any]:
    """Return the JSON object."""
    record: dict[str, Any] = {
        "seed": summary.seed,
        "seconds": round(summary.seconds, 3),
        "networks": summary.total("networks"),
        "failures": [
            {"file": path, "faults": [fault.sentence for fault in result.faults]}
            for path, result in summary.failures
        ],
        "zeros": zeros(summary),
    }
    counts: dict[str, dict[str, int]] = {}
    for (what, kind), number in sorted(summary.counts.items()):
        counts.setdefault(what, {})[kind] = number
    return {**record, "counts": counts, "versions": versions()}


def _show(summary: "Summary") -> None:
    """Print the result for people."""
    from rich.console import Console

    # Outside a terminal rich takes 80 columns, too few for whole figures.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    _table(console, summary, "family", FAMILY_COLUMNS)
    _table(console, summary, "certificates of", CERTIFICATE_COLUMNS)
    _table(console, summary, "mutation", MUTANT_COLUMNS)
    reasons = summary.by_kind("reasons")
    if reasons:
        console.print("Mutants that still prove the truth, by reason:")
    for reason, number in sorted(reasons.items(), key=lambda item: -item[1]):
        console.print(f"  {number} {reason}", markup=False, soft_wrap=True)
    answers = summary.by_kind("answers")
    asked = ", ".join(f"{name} {number}" for name, number in answers.items())
    console.print(f"Answers: {asked}", soft_wrap=True)
    for zero in zeros(summary):
        text = f"{zero['what'].capitalize()}: {zero['count']} of {zero['trials']} {zero['of']}"
        if zero["bound"] is not None:
            text += f" (95 % bound 3/N = {zero['bound']:.2g})"
        console.print(text, soft_wrap=True)
    rate = 60 * summary.total("networks") / max(summary.seconds, 1e-9)
    console.print(f"Seed {summary.seed}, {summary.seconds:.1f} s, {rate:.0f} networks a minute")
    if summary.failures:
        console.print(f"DISAGREEMENT on {len(summary.failures)} networks, see standard error")


def _table(console: Any, summary: "Summary", first: str, columns: tuple[str, ...]) -> None:
    """Print counts kind by kind, and their sums; nothing where nothing was counted."""
    from rich.table import Table

    kinds = [kind for kind in summary.by_kind(columns[0])]
    if not kinds:
        return
    table = Table(first, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for kind in kinds:
        table.add_row(kind, *(str(summary.by_kind(column).get(kind, 0)) for column in columns))
    table.add_section()
    table.add_row("all", *(str(summary.total(column)) for column in columns))
    console.print(table)

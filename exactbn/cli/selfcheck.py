"""``exactbn selfcheck``: every engine, every certificate and the checker on random networks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    EXIT_DISAGREEMENT,
    load_network,
    one_line,
    parse_domain,
    print_json,
    progress,
    versions,
)
from exactbn.errors import InputError
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.selfcheck import Summary

#: Minutes of a run of which neither the time nor the number of networks is given.
DEFAULT_MINUTES = 1.0

FAMILY_COLUMNS = (
    "networks", "regions", "adjacencies", "exact volumes compared", "sampled points",
    "disagreements",
)  # fmt: skip
VOICES = ("complex engine", "LP engine", "engine in pieces", "brute force")
VOICE_COLUMNS = ("networks", *(f"answers of the {name}" for name in VOICES), "certified networks")
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
    family: Annotated[
        list[str] | None,
        typer.Option(help="A family, or a pattern such as 'space-*'; repeatable, all by default."),
    ] = None,
    first: Annotated[
        int, typer.Option(min=0, help="Number of the first network of each family.")
    ] = 0,
    list_families: Annotated[
        bool, typer.Option("--list-families", help="Print the families, one a line, and end.")
    ] = False,
    net: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Examine this network, in --box, only.")
    ] = None,
    box: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LO HI", help="The domain of --net, as 'exactbn partition' takes it."),
    ] = None,
    mutants: Annotated[int, typer.Option(min=0, help="Mutants of each certificate.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where networks that fail are saved.")
    ] = Path("selfcheck-failures"),
    files: Annotated[
        int | None,
        typer.Option(min=1, help="Read this many mutants of each file format, and nothing else."),
    ] = None,
    file_format: Annotated[
        list[str] | None,
        typer.Option("--format", help="A format of --files, or a pattern; repeatable, all by "
                                      "default."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Cross-examine the engines, the certificates and the checker on random networks.

    The networks are small and degenerate, or hard for floats, on purpose. Engines and brute force
    must agree on regions, adjacencies, unbounded regions, vertices and volumes; witnesses must lie
    in their regions; the checker must accept every certificate and no mutant of one that says
    something false; sampled points must be found in the right region. A network of a seed, a family
    and a number is always the same.

    With --files, damaged and hostile files of every format that is read: a reader must end in
    what it reads or in one line, in two seconds and in a gigabyte of memory.

    Exit codes: 0 agreement, 1 disagreement (the networks, or the files, are saved), 2 bad input.
    """
    if files is not None or file_format is not None:
        from exactbn.cli.selfcheck_files import read_files

        read_files(files or 0, seed, file_format or [], out, json)
        return
    from exactbn.selfcheck.families import chosen_families

    families = chosen_families(family or [])
    if list_families:
        _list(families)
        return
    if net is not None or box is not None:
        summary = _examine(net, box, out, mutants)
    else:
        if minutes is None and networks is None:
            minutes = DEFAULT_MINUTES
        from exactbn.selfcheck import run

        with progress("networks", ["complex", "lp"]) as report:
            summary = run(
                seed, out=out, minutes=minutes, networks=networks, mutants=mutants,
                workers=workers, families=families, first=first, progress=report,
            )
    if json:
        print_json(_record(summary))
    else:
        _show(summary)
    if summary.failures:
        for path, result in summary.failures:
            typer.echo(f"disagreement: {path}: {one_line(result.faults[0].sentence)}", err=True)
        raise typer.Exit(EXIT_DISAGREEMENT)


def _list(families: tuple[str, ...]) -> None:
    """Print families with what is drawn in them."""
    from exactbn.selfcheck.families import describe

    for name in families:
        typer.echo(f"{name:14}{describe(name)}")


def _examine(
    net: Path | None, box: tuple[str, str] | None, out: Path, mutants: int
) -> "Summary":
    """Return the summary of one network that is given."""
    if net is None or box is None:
        raise InputError("--net and --box belong together, expected both or neither")
    from exactbn.selfcheck.problem import Problem
    from exactbn.selfcheck.running import examine_one

    network = load_network(net)
    problem = Problem(network, parse_domain(*box, network.num_inputs), name=net.stem)
    return examine_one(problem, out=out, mutants=mutants)


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
    _table(console, summary, "who spoke", VOICE_COLUMNS)
    _table(console, summary, "certificates of", CERTIFICATE_COLUMNS)
    _table(console, summary, "mutation", MUTANT_COLUMNS)
    reasons = summary.by_kind("reasons")
    if reasons:
        console.print("Mutants that still prove the truth, by reason:")
    for reason, number in sorted(reasons.items(), key=lambda item: -item[1]):
        console.print(f"  {number} {reason}", markup=False, soft_wrap=True)
    for names, number in sorted(summary.by_kind("spoke").items(), key=lambda item: -item[1]):
        console.print(f"{counted(number, 'network')}: {names}", soft_wrap=True)
    certified, networks = summary.total("certified networks"), summary.total("networks")
    console.print(
        f"Certificates, and the checker, of {certified} of {counted(networks, 'network')}; "
        f"{summary.total('sampled points')} points sampled"
    )
    for zero in zeros(summary):
        text = f"{zero['what'].capitalize()}: {zero['count']} of {zero['trials']} {zero['of']}"
        if zero["bound"] is not None:
            text += f" (95 % bound 3/N = {zero['bound']:.2g})"
        console.print(text, soft_wrap=True)
    rate = 60 * summary.total("networks") / max(summary.seconds, 1e-9)
    console.print(f"Seed {summary.seed}, {summary.seconds:.1f} s, {rate:.0f} networks a minute")
    if summary.failures:
        failed = counted(len(summary.failures), "network")
        console.print(f"DISAGREEMENT on {failed}, see standard error")


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

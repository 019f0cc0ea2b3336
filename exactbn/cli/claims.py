"""``exactbn claims``: the ledger of claims about batch normalization, and the finder."""

import json as json_text
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    EXIT_BUDGET,
    EXIT_DISAGREEMENT,
    check_output,
    output_folder,
    print_json,
    progress,
    versions,
    write_run,
)
from exactbn.errors import InputError
from exactbn.output import check_file, create_text

if TYPE_CHECKING:
    from exactbn.claims.ledger.claim import Claim
    from exactbn.claims.ledger.ledger import Entry
    from exactbn.claims.tools.search import Found

#: Minutes of a search where none are given.
DEFAULT_MINUTES = 1.0


def claims_command(
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="Claims such as K7; all of them by default."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Explain the claims, counterexamples included.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--all", help="Settle them with full effort, not on a quick subset.")
    ] = False,
    search: Annotated[
        str | None, typer.Option(metavar="KEY", help="Look for a counterexample to this claim.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Time of the search; 1 by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search; 0 by default.")] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judge an instance file against the claim it names."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A folder for counterexamples and pictures; with "
                                          "--search the file for what is found."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier output at --out.")
    ] = False,
    write_page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the ledger as a page, its files beside it."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; with --all as many as processors, 1 otherwise."),
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Settle no further claim after this time.")
    ] = None,
) -> None:
    """Settle the claims about batch normalization, or look for a counterexample to one.

    Exit codes: 0 every verdict is the recorded one, 1 some verdict is another, 2 bad input, 3
    stopped by a budget.
    """
    modes = {"--search": search is not None, "--replay": replay is not None,
             "--write-page": write_page is not None, "--show": show}  # fmt: skip
    chosen = [name for name, wanted in modes.items() if wanted]
    if len(chosen) > 1:
        raise InputError(f"{' and '.join(chosen)} do not go together, expected one of them")
    if search is None and (minutes is not None or seed is not None):
        raise InputError("--minutes and --seed go with --search, which is not given")
    if (search is not None or replay is not None) and (keys or full or workers is not None):
        raise InputError(f"{chosen[0]} takes neither further claims nor --all nor --workers")
    if search is not None:
        found = DEFAULT_MINUTES if minutes is None else minutes
        code = _search(search, found, seed or 0, out, force=force, json=json)
    elif replay is not None:
        if out is not None:
            raise InputError("--out does not go with --replay")
        code = _replay(replay, json=json)
    else:
        if write_page is not None and keys:
            raise InputError("--write-page takes the whole ledger, not some claims")
        processes = workers or ((os.cpu_count() or 1) if full else 1)
        code = _ledger(keys or [], full, show, out, write_page, processes, max_seconds, force,
                       json)  # fmt: skip
    raise typer.Exit(code)


def _ledger(
    keys: Sequence[str], full: bool, show: bool, out: Path | None, page: Path | None,
    workers: int, max_seconds: float | None, force: bool, json: bool,
) -> int:  # fmt: skip
    """Settle claims, print and write what is asked for, and return the exit code."""
    from exactbn.claims.ledger.claim import Effort
    from exactbn.claims.ledger.ledger import all_claims, find_claim
    from exactbn.claims.ledger.settling import settle_all

    if out is not None or page is not None:
        from exactbn.drawing.style import check_matplotlib

        check_matplotlib()
    if out is not None:
        check_output(out, force=force)
    claims = [find_claim(key) for key in dict.fromkeys(keys)] if keys else list(all_claims())
    start = time.perf_counter()
    with progress("claims", ["complex", "lp"]) as report:
        entries = settle_all(claims, Effort(full), workers=workers, max_seconds=max_seconds,
                             progress=report)  # fmt: skip
    record = _record(entries, claims, full, time.perf_counter() - start)
    if out is not None:
        from exactbn.claims.page import write_files

        with output_folder(out, force=force) as folder:
            write_files(folder, entries, is_full=full)
            write_run(folder, "claims", record)
    if page is not None and len(entries) == len(claims):
        from exactbn.claims.page import write_page

        write_page(page, entries, is_full=full)
    if json:
        print_json(record)
    elif show:
        for entry in entries:
            _explain(entry, out)
    else:
        _table(entries, record)
    others = [entry.claim.key for entry in entries if not entry.is_as_expected]
    if others:
        typer.echo(f"disagreement: the verdict is not the recorded one: {', '.join(others)}",
                   err=True)
        return EXIT_DISAGREEMENT
    if len(entries) < len(claims):
        unwritten = "" if page is None else f"; {page} is not written, it takes the whole ledger"
        typer.echo(f"stopped: {len(entries)} of {len(claims)} claims in --max-seconds{unwritten}",
                   err=True)
        return EXIT_BUDGET
    return 0


def _record(
    entries: "Sequence[Entry]", claims: "Sequence[Claim]", full: bool, seconds: float
) -> dict[str, Any]:
    """Return the settled ledger as plain values."""
    from exactbn.claims.ledger.ledger import record, tally

    records = []
    for entry in entries:
        example = entry.verdict.counterexample
        instance = None if example is None else json_text.loads(example.to_json(entry.claim.key))
        records.append(record(entry) | {"as_expected": entry.is_as_expected,
                                        "counterexample": instance})
    return {
        "effort": "full" if full else "quick",
        "complete": len(entries) == len(claims),
        "as_expected": all(entry.is_as_expected for entry in entries),
        "tally": {status.value: count for status, count in tally(entries).items() if count},
        "seconds": round(seconds, 3),
        "claims": records,
        "versions": versions(),
    }


def _table(entries: "Sequence[Entry]", record: dict[str, Any]) -> None:
    """Print the ledger for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from exactbn.claims.ledger.verdict import Status

    colours = {Status.PROVED: "green", Status.HOLDS: "green", Status.REFUTED: "red",
               Status.NEEDS: "yellow", Status.STATISTICAL: "cyan"}  # fmt: skip
    # Outside a terminal rich takes 80 columns, too few for a claim and its verdict.
    console = Console(highlight=False, markup=False,
                      width=None if sys.stdout.isatty() else 140)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for heading in ("key", "family", "claim", "verdict"):
        table.add_column(heading, overflow="fold", ratio=2 if heading == "claim" else None)
    table.add_column("s", justify="right")
    for entry in entries:
        claim, verdict = entry.claim, entry.verdict
        text = Text(verdict.text, style=colours.get(verdict.status, ""))
        if not entry.is_as_expected:
            text = Text(f"{verdict.text}; recorded: {claim.expected.value}", style="bold red")
        table.add_row(Text(claim.key), Text(claim.family), Text(claim.title), text,
                      f"{entry.seconds:.1f}")
    console.print(table)
    console.print(", ".join(f"{count} {name}" for name, count in record["tally"].items()))
    effort = "" if record["effort"] == "full" else " on a quick subset; --all does everything"
    console.print(f"{len(entries)} claims in {record['seconds']:.1f} s{effort}")


def _explain(entry: "Entry", out: Path | None) -> None:
    """Print all that is to be said of one claim."""
    from exactbn.claims.page import instance_rows, source_of, verdict_rows

    claim, verdict = entry.claim, entry.verdict
    _say(f"{claim.key} {claim.title}")
    rows = [
        ("family", claim.family),
        ("statement", claim.statement),
        ("assumptions", claim.assumptions),
        ("source", source_of(claim)),
        ("fairness", claim.fairness),
        ("method", claim.method),
        ("verdict", verdict.text),
        ("summary", entry.summary),
        ("proof", claim.proof),
    ]
    rows = [(name, text) for name, text in rows if text]
    if not entry.is_as_expected:
        rows.append(("recorded", claim.expected.value))
    rows += [*verdict_rows(entry), ("seconds", f"{entry.seconds:.1f}")]
    _say_rows(rows)
    if verdict.counterexample is None:
        return
    _say("  the counterexample")
    _say_rows(instance_rows(verdict.counterexample))
    where = f"{claim.key}.json" if out is None else str(out / f"{claim.key}.json")
    if claim.violation is not None:
        if out is None:
            _say(f"  write it with: exactbn claims {claim.key} --show --out FOLDER")
            where = f"FOLDER/{where}"
        _say(f"  replay it with: exactbn claims --replay {where}")


def _search(
    key: str, minutes: float, seed: int, out: Path | None, *, force: bool, json: bool
) -> int:
    """Run the finder on one claim and return the exit code."""
    from exactbn.claims.ledger.ledger import find_claim
    from exactbn.claims.tools.search import search

    claim = find_claim(key)
    if out is not None:
        check_file(out, force=force)
    with progress(f"search {key}") as report:
        found = search(claim, seconds=60 * minutes, seed=seed,
                       progress=lambda done, note: report(done, None, note))  # fmt: skip
    if found is not None and out is not None:
        with create_text(out, force=force) as stream:
            stream.write(found.instance.to_json(key))
    _report_search(claim, found, minutes, seed, out, json=json)
    if found is not None and _is_true(claim):
        typer.echo(f"disagreement: {key} is recorded as {claim.expected.value}", err=True)
        return EXIT_DISAGREEMENT
    if found is None and not _is_true(claim):
        typer.echo(f"stopped: no counterexample to {key} within the time", err=True)
        return EXIT_BUDGET
    return 0


def _report_search(
    claim: "Claim", found: "Found | None", minutes: float, seed: int, out: Path | None, *,
    json: bool,
) -> None:  # fmt: skip
    """Print what a search found, or that it found nothing."""
    from exactbn.claims.page import instance_rows

    if json:
        result: dict[str, Any] = {
            "claim": claim.key, "found": found is not None, "minutes": minutes, "seed": seed,
            "reason": None, "candidates": None, "seconds": None, "counterexample": None,
        }  # fmt: skip
        if found is not None:
            result |= {
                "reason": found.reason,
                "candidates": found.candidates,
                "seconds": round(found.seconds, 3),
                "counterexample": json_text.loads(found.instance.to_json(claim.key)),
            }
        print_json(result)
    elif found is None:
        _say(f"{claim.key} {claim.title}: no counterexample in {minutes:g} minutes, seed {seed}")
    else:
        _say(f"{claim.key} {claim.title}: a counterexample after {found.candidates} candidates, "
             f"{found.seconds:.1f} s, seed {seed}")
        _say_rows([("why", found.reason), *instance_rows(found.instance)])
        if out is not None:
            _say(f"  replay it with: exactbn claims --replay {out}")


def _replay(path: Path, *, json: bool) -> int:
    """Judge an instance file and return the exit code."""
    from exactbn.claims.ledger.instance import read_instance
    from exactbn.claims.ledger.ledger import find_claim
    from exactbn.claims.page import instance_rows

    key, instance = read_instance(path)
    claim = find_claim(key)
    if claim.violation is None:
        raise InputError(f"{path}: claim {key} cannot be replayed: it has no instances")
    reason = claim.violation(instance)
    if json:
        print_json({"claim": key, "violates": reason is not None, "reason": reason,
                    "recorded": claim.expected.value})
    else:
        _say(f"{key} {claim.title}")
        _say_rows([("statement", claim.statement), *instance_rows(instance),
                   ("replay", "does not violate the claim" if reason is None
                    else f"violates the claim: {reason}")])  # fmt: skip
    if (reason is None) is not _is_true(claim):
        typer.echo(f"disagreement: {key} is recorded as {claim.expected.value}", err=True)
        return EXIT_DISAGREEMENT
    return 0


def _is_true(claim: "Claim") -> bool:
    """Return whether the ledger records no counterexample, so that none may be found."""
    from exactbn.claims.ledger.verdict import Status

    return claim.expected not in (Status.REFUTED, Status.NEEDS)


def _say(text: str) -> None:
    """Print one line."""
    print(text, flush=True)


def _say_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and texts, long ones wrapped under each other."""
    from textwrap import fill

    for name, text in rows:
        _say(fill(text, 100, initial_indent=f"  {name}: ", subsequent_indent="    ",
                  break_long_words=False, break_on_hyphens=False))

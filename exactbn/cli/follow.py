"""``exactbn follow``: all events of the partition from one network to another."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import Logits, load_network, print_json, progress, versions
from exactbn.cli.domains import BoxOption, RowsOption, asked_domain, domain_text
from exactbn.cli.partition import NetworkArgument, SlopeOption, slopes
from exactbn.errors import DimensionError, InputError
from exactbn.output import check_file
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.paths.following import Following

#: Events that are printed unless --all is given.
MANY = 40


def follow_command(
    net0: NetworkArgument,
    net1: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page that plays the partition, d = 2."),
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="Times that the page shows.")] = 240,
    force: Annotated[bool, typer.Option("--force", help="Replace the page.")] = False,
    whole: Annotated[bool, typer.Option("--all", help="Print all events.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Follow the partition along the straight line of parameters from NET0 to NET1.

    Told are all times 0 <= t <= 1 at which the partition of the box changes its type: regions that
    are born and die, neighbours that part, vertices that meet. Times are exact, algebraic numbers
    with their polynomials; none is missed.

    Exit codes: 0 done, 2 bad input.
    """
    from exactbn.paths.following import follow
    from exactbn.paths.movie import write_movie

    networks = [load_network(net, slope=slopes(slope), logits=logits) for net in (net0, net1)]
    asked = asked_domain(networks[0], box, rows, None, "inf", None, None)
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    if asked.domain.box is None:
        raise InputError("--box none is all of R^d, expected --box LO HI")
    if out is not None:
        check_file(out, force=force)
        if asked.domain.dim != 2:
            raise DimensionError(
                f"--out: the networks have {counted(asked.domain.dim, 'input')}, expected 2 for a "
                "page that plays the partition"
            )
    started = time.monotonic()
    with progress("percent", ["complex"]) as report:
        found = follow(networks[0], networks[1], asked.domain, progress=report)
        seconds = round(time.monotonic() - started, 6)
        if out is not None:
            write_movie(found, out, frames=frames, force=force, progress=report)
    if json:
        files = zip((net0, net1), networks, strict=True)
        record: dict[str, Any] = {
            **found.record(),
            "seconds": seconds,
            "networks": [
                {"file": str(net), "architecture": network.architecture, "sha256": network.sha256}
                for net, network in files
            ],
            **asked.record,
        }
        if out is not None:
            record["page"] = str(out)
        print_json({**record, "versions": versions()})
    else:
        _show(found, whole)
        if out is not None:
            typer.echo(f"{out}: the page that plays it")


def _show(found: "Following", whole: bool) -> None:
    """Print the events for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("t", "regions", "what happens", "hidden units", "faces of the domain")
    for event in found.events if whole else found.events[:MANY]:
        what = {
            "regions": f"{len(event.born)} born, {len(event.dead)} dead",
            "adjacencies": f"{len(event.gained)} pairs meet, {len(event.lost)} part",
            "faces": "vertices and edges change",
            "touch": "a touch: the same before and after",
        }[event.kind]
        if event.place != "inside":
            what += f", at the {event.place}"
        table.add_row(
            str(event.time), f"{event.regions_before} -> {event.regions_after}", what,
            " ".join(map(str, event.units)), ", ".join(event.walls),
        )  # fmt: skip
    if found.events:
        console.print(table)
    if len(found.events) > MANY and not whole:
        console.print(f"{counted(len(found.events) - MANY, 'more event')}: --all prints them.")
    counts = found.counts
    console.print(
        f"{counted(len(found.events), 'event')} from t = 0 to 1 in {domain_text(found.domain)}; "
        f"{counts[0]} regions first, {counts[-1]} last, {counts.min()} to {counts.max()} between. "
        "Exact: --json has the polynomials of the times.",
        soft_wrap=True,
    )

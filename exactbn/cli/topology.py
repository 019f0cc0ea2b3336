"""``exactbn topology``: Betti numbers of level sets and sublevel sets, barcodes, exactly."""

import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import Logits, load_network, print_json, progress, versions
from exactbn.cli.domains import (
    BallOption,
    BoxOption,
    FeaturesOption,
    NormOption,
    RowsOption,
    ThroughOption,
    asked_domain,
    domain_text,
    slice_text,
)
from exactbn.cli.partition import NetworkArgument, SlopeOption, WorkersOption, slopes
from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.exact.rational import to_fraction, to_text
from exactbn.output import check_file
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.levels import Level
    from exactbn.regions.topology.persistence import Barcode

#: The sets that are told, and how people write them.
SETS = {
    "=": "f = c", "<=": "f <= c", ">=": "f >= c", "<": "f < c", ">": "f > c",
    "boundary of >": "boundary of f > c", "boundary of <": "boundary of f < c",
}  # fmt: skip

#: Bars that are printed for people.
MOST_BARS = 20
#: Characters of a number that is printed for people.
MOST_DIGITS = 16


def topology_command(
    net: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="K|A,...",
            help="f: the output of this number, from 0, or what each output is multiplied with.",
        ),
    ] = None,
    level: Annotated[str, typer.Option(metavar="C", help="The level c, exact.")] = "0",
    at_infinity: Annotated[
        str,
        typer.Option(
            metavar="open|point|relative",
            help="Without a box: the sets themselves, their closures in the one-point "
            "compactification, or these relative to infinity.",
        ),
    ] = "open",
    bars: Annotated[
        bool, typer.Option("--bars", help="Tell the barcode of the sets f <= c for all c, too.")
    ] = False,
    field: Annotated[
        int, typer.Option(metavar="P", help="The field of the bars: 0 is Q, a prime p GF(p).")
    ] = 0,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the barcode here, .png, .svg or .pdf."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a proof of the homology of f = c, for exactbn/topology_checker.py.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace earlier files at --picture, --certificate.")
    ] = False,
    workers: WorkersOption = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Tell Betti numbers and torsion of the sets f = c, f <= c, f >= c of an output, exactly.

    The partition is cut by f = c, which gives every face a sign; then comes homology over the
    integers. --bars adds the barcode of the sublevel sets, with exact births and deaths.

    Exit codes: 0 done, 2 bad input.
    """
    from exactbn.regions.levels import level_partition
    from exactbn.regions.topology.homology import check_characteristic
    from exactbn.regions.topology.sets import check_at_infinity

    check_at_infinity(at_infinity)
    check_characteristic(field)
    if picture is not None:
        from exactbn.study.barcodes import check_picture

        check_picture(picture)
    for path in (picture, certificate):
        if path is not None:
            check_file(path, force=force)
    network = load_network(net, slope=slopes(slope), logits=logits)
    asked = asked_domain(network, box, rows, ball, norm, through, features)
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    started = time.monotonic()
    chosen, c = _function(output), to_fraction(level, "--level")
    with progress("topology") as report:
        found = level_partition(
            asked.network, asked.domain, output=chosen, level=c, workers=workers, progress=report
        )
        sets = _sets(found, at_infinity, report)
        barcode = _barcode(asked, chosen, field, report) if bars or picture is not None else None
    record: dict[str, Any] = {
        "level": c,
        "output": found.row,
        "at_infinity": at_infinity,
        "sets": sets,
        "regions": found.partition.num_regions,
        "faces": found.lattice.f_vector,
        "complete": found.partition.is_complete,
        "seconds": round(time.monotonic() - started, 6),
        "network": {
            "file": str(net),
            "architecture": asked.network.architecture,
            "sha256": asked.network.sha256,
        },
        **asked.record,
    }
    if barcode is not None:
        record |= _bars_record(barcode)
    if picture is not None and barcode is not None:
        from exactbn.study.barcodes import write_barcode

        write_barcode(barcode, picture, force=force)
        record["picture"] = str(picture)
    if certificate is not None:
        found.write_certificate(certificate, "=", at_infinity, force=force)
        record["certificate"] = str(certificate)
    if json:
        print_json({**record, "versions": versions()})
    else:
        _show(record, domain_text(asked.domain), barcode)


def _function(text: str | None) -> int | list[str] | None:
    """Return the number of an output, or the numbers that outputs are multiplied with."""
    if text is None:
        return None
    if "," in text:
        return text.split(",")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"--output is {text[:40]!r}, expected a number from 0 on, or A,B,...")
    return int(text)


def _sets(level: "Level", at_infinity: str, report: Progress) -> list[dict[str, Any]]:
    """Return what is said of each set."""
    told = []
    for k, (relation, name) in enumerate(SETS.items()):
        if at_infinity == "point" and relation in ("<", ">"):
            continue
        report(k, len(SETS), f"homology of {name}")
        homology = level.homology(relation, at_infinity)
        told.append(
            {
                "set": name,
                "betti": homology.betti,
                "torsion": homology.torsion,
                "euler_characteristic": homology.euler_characteristic,
                "betti_over_2": homology.betti_over(2),
                "faces": int(level.faces(relation).sum()),
            }
        )
    return told


def _barcode(asked: Any, output: object, field: int, report: Progress) -> "Barcode":
    """Return the barcode of the sublevel sets."""
    from exactbn.regions.partitioning import partition
    from exactbn.regions.topology.persistence import sublevel_barcode

    part = partition(asked.network, asked.domain, engine="complex", progress=report)
    report(0, 1, "barcode")
    return sublevel_barcode(part, output, field)


def _bars_record(barcode: "Barcode") -> dict[str, Any]:
    """Return what the record says of a barcode; a bar without an end has null there."""
    critical = [0] * (barcode.dim + 1)
    for cell in barcode.critical:
        critical[cell.dim] += 1
    return {
        "field": barcode.characteristic,
        "bars": [{"dim": b.dim, "birth": b.birth, "death": b.death} for b in barcode.bars],
        "critical_cells": critical,
    }


def _end(value: "Fraction | float") -> str:
    """Return an end of a bar as text, rounded where it is long."""
    if not isinstance(value, Fraction):
        return str(value)
    text = to_text(value)
    return text if len(text) <= MOST_DIGITS else f"about {float(value):.6g}"


def _show(record: dict[str, Any], domain: str, barcode: "Barcode | None") -> None:
    """Print the result for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(show_header=False)
    table.add_row("network", record["network"]["architecture"])
    if record.get("slice") is not None:
        table.add_row("slice", slice_text(record["slice"]))
    table.add_row("domain", domain)
    table.add_row("f", f"outputs times ({', '.join(map(to_text, record['output']))})")
    table.add_row("c", to_text(record["level"]))
    if record["box"] is None:
        table.add_row("at infinity", record["at_infinity"])
    for told in record["sets"]:
        torsion = [f"H_{k}: {', '.join(map(str, t))}" for k, t in enumerate(told["torsion"]) if t]
        text = " ".join(map(str, told["betti"]))
        if torsion:
            text += f", torsion {'; '.join(torsion)}"
        table.add_row(f"Betti numbers of {told['set']}", text)
    table.add_row("complete", "yes" if record["complete"] else "NO")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    if barcode is not None:
        field = f"GF({barcode.characteristic})" if barcode.characteristic else "Q"
        bars = counted(len(barcode.bars), "bar")
        console.print(f"The sets f <= c have the barcode, over {field}: {bars}.", soft_wrap=True)
        for bar in barcode.bars[:MOST_BARS]:
            birth, death = (_end(t) for t in (bar.birth, bar.death))
            console.print(f"  dimension {bar.dim}: from {birth} to {death}", soft_wrap=True)
        if len(barcode.bars) > MOST_BARS:
            rest = len(barcode.bars) - MOST_BARS
            console.print(f"  and {rest} more", soft_wrap=True)
        console.print("--json has all bars, and exact numbers.", soft_wrap=True)
    for path in (record.get("picture"), record.get("certificate")):
        if path is not None:
            console.print(f"Written to {path}", soft_wrap=True, markup=False)

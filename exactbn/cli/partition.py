"""``exactbn partition``: the exact activation regions of a network in a box."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from exactbn.cli.common import (
    EXIT_BUDGET,
    check_output,
    one_line,
    output_folder,
    parse_domain,
    print_json,
    progress,
    versions,
    write_run,
)
from exactbn.errors import InputError, LimitError
from exactbn.exact.rational import to_text
from exactbn.model.domain import Box
from exactbn.model.network import SIGMA_POLICIES, Network
from exactbn.output import check_file

if TYPE_CHECKING:
    from exactbn.regions.partitioning import Partition

ENGINES = ("complex", "lp")

#: Inputs from which on the cost of the first faces is said before it is paid.
MANY_INPUTS = 11


def partition_command(
    net: Annotated[Path, typer.Argument(help="The network: .npz, .json, .safetensors or .pt.")],
    box: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="LO HI",
            help="Exact bounds such as -1, 0.1 or 1/3, one for every axis or comma-separated "
            "lists; 'none' is all of R^d.",
        ),
    ],
    engine: Annotated[
        str, typer.Option(help="'complex', with faces and volumes, or 'lp'.")
    ] = "complex",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the partition and its graph here.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a proof here, which exactbn/checker.py checks."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace earlier files at --out and --certificate.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_regions: Annotated[
        int | None, typer.Option(min=1, help="Stop, incomplete, beyond this many regions.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop, incomplete, after this time.")
    ] = None,
) -> None:
    """Cut a box, or all of R^d, into the exact activation regions of a network.

    A region is a set of points, with interior, on which every hidden neuron is either on (> 0) or
    off (<= 0). Two regions are adjacent where they share a facet. No tolerance is used.

    Exit codes: 0 done, 2 bad input, 3 stopped by a budget (the result is marked incomplete).
    """
    if engine not in ENGINES:
        raise InputError(f"--engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    if out is not None:
        check_output(out, force=force)
    if certificate is not None:
        check_file(certificate, force=force)
    from exactbn.engines.complex.engine import MAX_DIM
    from exactbn.model.files import load

    network = load(net)
    domain = parse_domain(*box, network.num_inputs)
    if engine == "complex" and domain is not None and MANY_INPUTS <= domain.dim <= MAX_DIM:
        typer.echo(
            f"A box in {domain.dim} dimensions begins with 3^{domain.dim} = {3**domain.dim} faces, "
            "which takes time and memory; --engine lp makes none.",
            err=True,
        )
    part, seconds, stopped = _compute(network, domain, engine, max_regions, max_seconds)
    record: dict[str, object] = {
        "regions": part.num_regions,
        "adjacencies": part.num_adjacencies,
        "f_vector": part.f_vector,
        "unbounded": int(part.is_unbounded.sum()),
        "complete": part.is_complete,
        "seconds": round(seconds, 6),
        "engine": engine,
        "network": {
            "file": str(net),
            "architecture": network.architecture,
            "sha256": network.sha256,
        },
        "sigma_policy": network.sigma_policy,
        "box": None if domain is None else {"lo": domain.lo, "hi": domain.hi},
    }
    if certificate is not None and stopped is None:
        part.write_certificate(certificate, force=force)
        record["certificate"] = str(certificate)
    if out is not None:
        _write(part, out, force=force, record=record)
    if json:
        print_json({**record, "versions": versions()})
    else:
        _show(network, domain, record, out)
    if stopped is not None:
        _stop(stopped)


def _compute(
    network: Network,
    domain: Box | None,
    engine: str,
    max_regions: int | None,
    max_seconds: float | None,
) -> "tuple[Partition, float, LimitError | None]":
    """Return the partition, the seconds it took, and the error of a spent budget, if any."""
    from exactbn.regions.partitioning import Partition, partition

    stopped = None
    box = None if domain is None else (domain.lo, domain.hi)
    with progress("neurons", [engine]) as report:
        start = time.perf_counter()
        try:
            part = partition(
                network,
                box,
                engine=engine,
                max_regions=max_regions,
                max_seconds=max_seconds,
                progress=report,
            )
        except LimitError as error:
            if not isinstance(error.partial, Partition):
                raise
            part, stopped = error.partial, error
        _ = part.num_adjacencies  # made when first asked for; the clock covers it
        seconds = time.perf_counter() - start
    return part, seconds, stopped


def _write(part: "Partition", out: Path, *, force: bool, record: dict[str, object]) -> None:
    """Write the partition, its graph and the record of the run to the folder ``out``."""
    from exactbn.regions.graph import write_graphml, write_tables

    with output_folder(out, force=force) as folder:
        part.save(folder / "partition")
        write_graphml(part, folder / "graph.graphml")
        write_tables(part, folder)
        write_run(folder, "partition", record)


def _show(
    network: Network, domain: Box | None, record: dict[str, object], out: Path | None
) -> None:
    """Print the result for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(show_header=False)
    table.add_row("network", f"{network.architecture}, {network.num_hidden} hidden neurons")
    table.add_row("normalization", SIGMA_POLICIES[network.sigma_policy])
    table.add_row("domain", _domain_text(domain, network.num_inputs))
    table.add_row("regions", f"{record['regions']}")
    if domain is None:
        table.add_row("unbounded regions", f"{record['unbounded']}")
    table.add_row("adjacencies", f"{record['adjacencies']}")
    faces = record["f_vector"]
    if isinstance(faces, (tuple, list)):
        table.add_row("faces by dimension", " ".join(map(str, faces)))
    table.add_row("complete", "yes" if record["complete"] else "NO")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    where = "its input space" if domain is None else "the box"
    if record["complete"]:
        sentence = (
            f"The network cuts {where} into {record['regions']} regions with interior, and "
            f"{record['adjacencies']} pairs of them share a facet. The counts are exact."
        )
    else:
        sentence = "The count is INCOMPLETE: the budget was spent before every neuron had its turn."
    console.print(sentence, soft_wrap=True)
    for path in (out, record.get("certificate")):
        if path is not None:
            console.print(f"Written to {path}", soft_wrap=True, markup=False)


def _domain_text(domain: Box | None, d: int) -> str:
    """Return the domain as a mathematician writes it."""
    if domain is None:
        return f"all of R^{d}"
    sides = [f"[{to_text(lo)}, {to_text(hi)}]" for lo, hi in zip(domain.lo, domain.hi, strict=True)]
    if len(set(sides)) == 1:
        return f"{sides[0]}^{len(sides)}" if len(sides) > 1 else sides[0]
    return " x ".join(sides)


def _stop(error: LimitError) -> NoReturn:
    """Say why the result is incomplete and end with the code of a spent budget."""
    typer.echo(f"stopped: {one_line(error)}", err=True)
    raise typer.Exit(EXIT_BUDGET)

"""``exactbn count``: how many regions, adjacencies and faces there are, in little memory."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    Logits,
    load_network,
    print_json,
    progress,
    told_to_resume,
    versions,
    write_run,
)
from exactbn.cli.domains import (
    BallOption,
    BoxOption,
    FeaturesOption,
    NormOption,
    RowsOption,
    ThroughOption,
    asked_domain,
    domain_text,
    place_text,
    slice_text,
)
from exactbn.cli.partition import (
    NetworkArgument,
    ResumeOption,
    SchedulerOption,
    SlopeOption,
    WorkersOption,
    slopes,
)
from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.model.domain import Domain
from exactbn.model.network import SIGMA_POLICIES, Network
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.jobs.driver import Tasks
    from exactbn.regions.pieces import FaceCounts


def count_command(
    net: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    workers: WorkersOption = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write down here what is done, and in the end regions and adjacencies as tables.",
        ),
    ] = None,
    resume: ResumeOption = False,
    scheduler: SchedulerOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Stop after this time; what is done stays in --out only."),
    ] = None,
) -> None:
    """Count the regions of a network, the pairs that share a facet, and the faces, exactly.

    The domain is cut piece by piece, and each piece is let go once it is counted. The memory is
    that of some pieces and of the facets between them; the first 64 neurons are cut in one piece,
    and of all of R^d, and with maxima and clips, the patterns are kept.

    With --out a journal says which tasks are done. However a run ends, --resume goes on from
    there, and the result is that of a run that was never stopped.

    Exit codes: 0 done, 2 bad input, 3 stopped by the budget.
    """
    for option, given in (("--resume", resume), ("--scheduler", scheduler is not None)):
        if given and out is None:
            raise InputError(f"{option} needs --out DIR, where it is written down what is done")
    network = load_network(net, slope=slopes(slope), logits=logits)
    asked = asked_domain(network, box, rows, ball, norm, through, features)
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    started = time.monotonic()
    with progress("percent", ["complex"]) as report:
        counts, tasks = _count(
            asked.network, asked.domain, workers, out, resume, scheduler, max_seconds, report
        )
    for remark in () if tasks is None else tasks.remarks:
        typer.echo(remark, err=True)
    record: dict[str, Any] = {
        "regions": counts.regions,
        "unbounded": counts.unbounded,
        "adjacencies": counts.adjacencies,
        "f_vector": counts.f_vector,
        "euler_characteristic": counts.euler_characteristic,
        "pieces": counts.pieces,
        "workers": workers,
        "scheduler": scheduler,
        "signs": counts.signs,
        "exact_signs": counts.exact_signs,
        "seconds": round(time.monotonic() - started, 6),
        "network": {
            "file": str(net),
            "architecture": asked.network.architecture,
            "sha256": asked.network.sha256,
        },
        "sigma_policy": asked.network.sigma_policy,
        **asked.record,
    }
    if out is not None and tasks is not None:
        record |= {"folder": str(out), "tasks": tasks.tasks, "tasks_reused": tasks.reused}
        write_run(out, "count", record, force=True)
    if json:
        print_json({**record, "versions": versions()})
    else:
        _show(asked.network, asked.domain, counts, record)


def _show(
    network: Network, domain: Domain, counts: "FaceCounts", record: dict[str, Any]
) -> None:
    """Print the counts for people."""
    from rich.console import Console
    from rich.table import Table

    workers, out = record["workers"], record.get("folder")
    console = Console(highlight=False)
    table = Table(show_header=False)
    neurons = counted(network.num_hidden, "hidden neuron")
    table.add_row("network", f"{network.architecture}, {neurons}")
    table.add_row("normalization", SIGMA_POLICIES[network.sigma_policy])
    if record.get("slice") is not None:
        table.add_row("slice", slice_text(record["slice"]))
    table.add_row("domain", domain_text(domain))
    table.add_row("regions", f"{counts.regions}")
    if domain.box is None:
        table.add_row("unbounded regions", f"{counts.unbounded}")
    table.add_row("adjacencies", f"{counts.adjacencies}")
    if counts.f_vector is not None:
        table.add_row("faces by dimension", " ".join(map(str, counts.f_vector)))
    kind = ("thread", None) if record["scheduler"] is None else ("process", "processes")
    threads = f", on {counted(workers, *kind)}" if min(workers, counts.pieces) > 1 else ""
    table.add_row("pieces", f"{counts.pieces}{threads}")
    if out is not None:
        table.add_row("tasks", f"{record['tasks']}, {record['tasks_reused']} of them done before")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    where = place_text(domain)
    regions, pairs = counted(counts.regions, "region"), counted(counts.adjacencies, "pair")
    share = "shares" if counts.adjacencies == 1 else "share"
    console.print(
        f"The network cuts {where} into {regions} with interior, and {pairs} of them {share} a "
        "facet. The counts are exact.",
        soft_wrap=True,
    )
    if counts.f_vector is None:
        console.print(
            "Faces are not told: the complex is cut by more than the regions, by the walls with "
            "which all of R^d begins or by entries of a maximum that lose.",
            soft_wrap=True,
        )
    if counts.pieces > 1:
        console.print(
            "Every facet between two pieces was seen from both, and Euler's relation holds of all "
            "pieces together.",
            soft_wrap=True,
        )
    if out is not None:
        console.print(f"Regions and adjacencies are in {out}.", soft_wrap=True)


def _count(
    network: Network,
    domain: Domain,
    workers: int,
    out: Path | None,
    resume: bool,
    scheduler: str | None,
    max_seconds: float | None,
    report: Progress,
) -> "tuple[FaceCounts, Tasks | None]":
    """Return the counts, of a job in a folder or of one that leaves nothing behind."""
    if out is not None:
        from exactbn.jobs.driver import Terms, count_in

        terms = Terms(workers, scheduler, resume, max_seconds, progress=report)
        with told_to_resume(out):
            return count_in(out, network, domain, terms)
    from exactbn.regions.pieces import count_faces

    counts = count_faces(
        network, domain, workers=workers, max_seconds=max_seconds, progress=report
    )
    return counts, None

"""``exactbn partition``: the exact activation regions of a network in a box."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    EXIT_BUDGET,
    Logits,
    check_output,
    load_network,
    output_folder,
    print_json,
    progress,
    told_to_resume,
    versions,
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
from exactbn.cli.partition_output import (
    DEFAULT_FORMATS,
    FORMATS,
    asked_formats,
    job_output,
    left_out,
    write_output,
)
from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.model.domain import Domain
from exactbn.model.network import SIGMA_POLICIES, Network
from exactbn.output import check_file
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.jobs.driver import Terms
    from exactbn.regions.partitioning import Partition

ENGINES = ("auto", "complex", "lp")

#: Where in --out a job writes down what is done.
JOB = "job"

#: Inputs from which on the cost of the first faces is said before it is paid.
MANY_INPUTS = 11

#: Rows from which on it is said that they are cut first.
MANY_ROWS = 100

#: What a partition may leave unproven, in words.
_UNPROVEN = {"edges": "adjacencies", "is_unbounded": "unbounded regions"}

NetworkArgument = Annotated[
    Path, typer.Argument(help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt.")
]
WorkersOption = Annotated[
    int,
    typer.Option(min=1, help="Threads that cut pieces, or processes of --scheduler local."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with what is written down in --out.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        metavar="local|ADDRESS",
        help="Cut on the workers of a Dask scheduler: one made for this, or one at an address.",
    ),
]
SlopeOption = Annotated[
    str | None,
    typer.Option(
        metavar="A,...",
        help="Slope of the activations for negative values, exact, one for all or one for "
        "each hidden layer; for files that do not say it. ReLU by default.",
    ),
]


def partition_command(
    context: typer.Context,
    net: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    engine: Annotated[
        str,
        typer.Option(help="'complex', with faces and volumes, 'lp', or 'auto': what suits."),
    ] = "auto",
    workers: WorkersOption = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the partition and its graph here.")
    ] = None,
    resume: ResumeOption = False,
    scheduler: SchedulerOption = None,
    formats: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"What is written to --out, some of {', '.join(FORMATS)}; "
            f"{','.join(DEFAULT_FORMATS)} by default.",
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a proof here, which exactbn/checker.py checks."),
    ] = None,
    linear: Annotated[
        bool, typer.Option("--linear", help="Count linear regions too: 0.2 ms a region or more.")
    ] = False,
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
    """Cut a box, a ball, a polytope, a slice, or all of R^d into the regions of a network, exactly.

    A region is a set of points, with interior, on which every hidden neuron is either on (> 0) or
    off (<= 0). Two regions are adjacent where they share a facet. No tolerance is used.

    With --workers or --scheduler the complex engine cuts the domain in pieces; the result is the
    same. With --out too, a journal in DIR/job says which tasks are done: however a run ends,
    --resume goes on from there.

    Exit codes: 0 done, 2 bad input, 3 stopped by a budget (the result is marked incomplete).
    """
    if engine not in ENGINES:
        raise InputError(f"--engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    wanted = asked_formats(formats, out)
    terms = _terms(workers, out, resume, scheduler, max_regions, max_seconds)
    if out is not None and terms is None:
        check_output(out, force=force)
    if certificate is not None:
        check_file(certificate, force=force)
    network = load_network(net, slope=slopes(slope), logits=logits)
    asked = asked_domain(network, box, rows, ball, norm, through, features)
    network, domain = asked.network, asked.domain
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    engine, why = _engine_for(network, domain, engine)
    clock = Budget.asked(max_regions, max_seconds)
    if out is not None and terms is not None:
        part, record_of_tasks = _compute_in(context, out, network, domain, engine, terms)
        lacking: list[str] = []
    else:
        part, lacking = _compute(network, domain, engine, clock, workers)
        record_of_tasks = {}
    seconds = time.monotonic() - clock.started
    record: dict[str, Any] = {
        "regions": part.num_regions,
        "adjacencies": None if "edges" in part.unproven else part.num_adjacencies,
        "f_vector": part.f_vector,
        "unbounded": None if "is_unbounded" in part.unproven else int(part.is_unbounded.sum()),
        "complete": part.is_complete,
        "seconds": round(seconds, 6),
        "engine": engine,
        "engine_because": why,
        "network": {
            "file": str(net),
            "architecture": network.architecture,
            "sha256": network.sha256,
        },
        "sigma_policy": network.sigma_policy,
        **asked.record,
        **record_of_tasks,
    }
    if linear:
        record |= _linear(part, lacking)
    if certificate is not None and part.stopped is None:
        try:
            part.write_certificate(certificate, force=force, max_seconds=_rest(clock))
            record["certificate"] = str(certificate)
        except LimitError:
            lacking.append("the certificate is not written")
    record["lacking"] = lacking
    if out is not None:
        absent = left_out(part, wanted, clock)
        lacking.extend(f"format {name} is not written: {why}" for name, why in absent.items())
        record["formats"] = [name for name in wanted if name not in absent]
        is_job = terms is not None
        place = job_output(out, wanted) if is_job else output_folder(out, force=force)
        write_output(part, place, record=record)
    if json:
        print_json({**record, "versions": versions()})
    else:
        _show(network, domain, record, out)
    if lacking:
        typer.echo(f"stopped: {'; '.join(lacking)}", err=True)
        raise typer.Exit(EXIT_BUDGET)


def _engine_for(network: Network, domain: Domain, engine: str) -> tuple[str, str]:
    """Return the engine that computes and why, and say what takes long."""
    from exactbn.engines.complex.engine import MAX_DIM
    from exactbn.regions.partitioning import chosen_engine

    why = "it was asked for"
    if engine == "auto":
        engine, why = chosen_engine(network, domain)
        if engine != "complex":
            typer.echo(f"Engine {engine}: {why}.", err=True)
    if engine == "complex" and domain.box is not None and MANY_INPUTS <= domain.dim <= MAX_DIM:
        typer.echo(
            f"A box in {domain.dim} dimensions begins with 3^{domain.dim} = {3**domain.dim} faces, "
            "which takes time and memory; --engine lp makes none.",
            err=True,
        )
    if engine == "complex" and len(domain.matrix) > MANY_ROWS:
        typer.echo(
            f"The domain is cut by {len(domain.matrix)} rows first, one after the other, which "
            "takes time and memory.",
            err=True,
        )
    return engine, why


def _terms(
    workers: int,
    out: Path | None,
    resume: bool,
    scheduler: str | None,
    max_regions: int | None,
    max_seconds: float | None,
) -> "Terms | None":
    """Return the terms of a job that is written down in a folder, None where there is none."""
    if not (resume or scheduler is not None or (workers > 1 and out is not None)):
        if workers > 1 and not (max_regions is None and max_seconds is None):
            typer.echo("One thread works: with a budget the domain is cut in one piece.", err=True)
        return None
    if out is None:
        option = "--resume" if resume else "--scheduler"
        raise InputError(f"{option} needs --out DIR, where it is written down what is done")
    if max_regions is not None:
        raise InputError(
            "--max-regions: not expected here, as pieces that end early are no partition; "
            "--max-seconds ends a job, which goes on with --resume"
        )
    from exactbn.jobs.driver import Terms
    from exactbn.jobs.journal import FILE

    if (out / FILE).exists():
        raise InputError(f"{out}: is a job of exactbn count; give a new folder")
    is_job = (out / JOB / FILE).exists()
    if not is_job and out.is_dir() and any(path.name != JOB for path in out.iterdir()):
        raise InputError(f"{out}: exists already and holds no {JOB}; give a new folder")
    return Terms(workers, scheduler, resume, max_seconds)


def _compute_in(
    context: typer.Context,
    out: Path,
    network: Network,
    domain: Domain,
    engine: str,
    terms: "Terms",
) -> "tuple[Partition, dict[str, Any]]":
    """Return the partition that a job makes, and what the record says of its tasks.

    The job's folder is this process's alone until the command ends, and its output is written.
    """
    from exactbn.jobs.driver import partition_in

    if engine != "complex":
        raise InputError(
            f"--workers, --resume and --scheduler cut the domain in pieces, which engine {engine} "
            "does not; leave them out"
        )
    with progress("percent", [engine]) as report:
        job = partition_in(out / JOB, network, domain, replace(terms, progress=report))
        with told_to_resume(out):
            part, tasks = context.with_resource(job)
    for remark in tasks.remarks:
        typer.echo(remark, err=True)
    return part, {"workers": terms.workers, "tasks": tasks.tasks, "tasks_reused": tasks.reused}


def _compute(
    network: Network, domain: Domain, engine: str, clock: Budget, workers: int
) -> "tuple[Partition, list[str]]":
    """Return the partition with what the budget allows, and what it does not, in words."""
    from exactbn.regions.partitioning import Partition, partition

    lacking = []
    with progress("neurons", [engine]) as report:
        try:
            part = partition(
                network,
                domain,
                engine=engine,
                max_regions=clock.max_regions,
                max_seconds=clock.max_seconds,
                workers=workers,
                progress=report,
            )
        except LimitError as error:
            if not isinstance(error.partial, Partition):
                raise
            part = error.partial
            option = "--max-regions" if clock.limit == "max_regions" else "--max-seconds"
            lacking.append(f"{part.stopped}; it goes further with a greater {option}")
        part = part.proven(max_seconds=_rest(clock))
        if "edges" not in part.unproven:
            _ = part.num_adjacencies  # made when first asked for; the clock covers it
    lacking += [f"{_UNPROVEN[name]} are not proven" for name in part.unproven]
    return part, lacking


def slopes(text: str | None) -> str | list[str] | None:
    """Return the slope, or the slopes, that a text says."""
    entries = [] if text is None else text.split(",")
    return entries if len(entries) > 1 else text


def _linear(part: "Partition", lacking: list[str]) -> dict[str, int | None]:
    """Return the number of linear regions for the record, or say that it lacks."""
    is_known = part.stopped is None and "edges" not in part.unproven
    if part.stopped is None and not is_known:
        lacking.append("the linear regions are not counted")
    return {"linear_regions": len(part.linear) if is_known else None}


def _rest(clock: Budget) -> float | None:
    """Return the seconds that are left of a budget, None where they are not limited."""
    return None if clock.max_seconds is None else max(0.0, clock.seconds_left())


def _show(
    network: Network, domain: Domain, record: dict[str, Any], out: Path | None
) -> None:
    """Print the result for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(show_header=False)
    table.add_row("network", f"{network.architecture}, {network.num_hidden} hidden neurons")
    table.add_row("normalization", SIGMA_POLICIES[network.sigma_policy])
    if record.get("slice") is not None:
        table.add_row("slice", slice_text(record["slice"]))
    table.add_row("domain", domain_text(domain))
    table.add_row("engine", f"{record['engine']}: {record['engine_because']}")
    table.add_row("regions", f"{record['regions']}")
    if domain.box is None:
        table.add_row("unbounded regions", _proven(record["unbounded"]))
    table.add_row("adjacencies", _proven(record["adjacencies"]))
    if "linear_regions" in record:
        table.add_row("linear regions", _proven(record["linear_regions"]))
    faces = record["f_vector"]
    if isinstance(faces, (tuple, list)):
        table.add_row("faces by dimension", " ".join(map(str, faces)))
    table.add_row("complete", "yes" if record["complete"] else "NO")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    where = place_text(domain)
    regions = counted(record["regions"], "region")
    if not record["complete"]:
        sentence = f"The count is INCOMPLETE: {record['lacking'][0]}."
    elif record["adjacencies"] is None:
        sentence = (
            f"The network cuts {where} into {regions} with interior. The count is exact; which "
            "of them share a facet is NOT PROVEN: the budget was spent."
        )
    else:
        pairs = counted(record["adjacencies"], "pair")
        sentence = (
            f"The network cuts {where} into {regions} with interior, and {pairs} of them "
            f"{'shares' if record['adjacencies'] == 1 else 'share'} a facet. The counts are exact."
        )
    console.print(sentence, soft_wrap=True)
    for path in (out, record.get("certificate")):
        if path is not None:
            console.print(f"Written to {path}", soft_wrap=True, markup=False)


def _proven(count: int | None) -> str:
    """Return a count as text, or that there is none."""
    return "not proven" if count is None else f"{count}"

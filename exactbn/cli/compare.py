"""``exactbn compare``: batch normalization against random initialization on data."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    EXIT_BUDGET,
    EXIT_DISAGREEMENT,
    RUN_FILE,
    check_output,
    output_folder,
    print_json,
    progress,
    refuse_others,
    write_json,
)
from exactbn.errors import InputError
from exactbn.exact.rational import to_fraction
from exactbn.output import create_file

if TYPE_CHECKING:
    from exactbn.cli.compare_record import Request
    from exactbn.study.comparison import Comparison
    from exactbn.study.findings import Check, PairedRow
    from exactbn.study.sampled import SamplingCheck

DEFAULT_DATA = Path("data/iris.csv")


#: Options beside ``--repeat`` that say where the result goes; all others are in the record.
BESIDE_REPEAT = ("repeat", "out", "force", "json")

#: Faces of a network's box and balls from which on the cost of beginning is said before.
MANY_FACES = 10**6


def compare_command(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Argument(help="A CSV file with a header row, read exactly.")
    ] = DEFAULT_DATA,
    features: Annotated[
        str | None,
        typer.Option(help="Columns to use, comma-separated; by default every numeric one, and "
                          "petal_length,petal_width for iris.csv."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of sets of weights.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    widths: Annotated[str, typer.Option(help="Neurons of each hidden layer.")] = "16,16",
    slope: Annotated[
        str, typer.Option(help="Slope of the activation for negative values, exact.")
    ] = "0",
    radii: Annotated[
        str, typer.Option(help="Radii of the balls, relative to the longest side of the data.")
    ] = "0.01,0.05,0.2",
    random_points: Annotated[
        int, typer.Option(min=1, help="Number of random points that balls are put around.")
    ] = 150,
    margin: Annotated[
        str, typer.Option(help="Part of each side of the data by which the box grows at each end.")
    ] = "0.25",
    eps: Annotated[str, typer.Option(help="Added to the variance where BN scales, exact.")] = "0",
    samples: Annotated[
        int, typer.Option(min=0, help="Samples of the check by sampling; 0 leaves it out.")
    ] = 200_000,
    device: Annotated[
        str | None, typer.Option(help="Of the sampling check; by default a GPU if there is one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report and its tables here.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier output at --out.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_regions: Annotated[
        int | None, typer.Option(min=1, help="Stop, incomplete, where a partition has more.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop, incomplete, after this time.")
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(metavar="RUN.JSON", help="Repeat an earlier run with all its settings, and "
                                              "compare the exact results."),
    ] = None,
) -> None:
    """Compare batch normalization with random initialization on data, exactly.

    For every seed one set of weights, and on it four networks: random bias, zero bias, BN-centred,
    BN-centred and scaled; on the data as it is and standardized. Every count and distance
    is exact; the paired statistics over seeds say what they show and no more.

    Exit codes: 0 done and every check held, 1 a check found a disagreement, 2 bad input, 3 stopped
    by a budget (the report is marked incomplete).
    """
    from exactbn.cli.compare_record import Request, read_run
    from exactbn.study.comparison import Settings

    if repeat is not None:
        refuse_others(ctx, BESIDE_REPEAT, "--repeat takes them from the record")
    if out is not None:
        from exactbn.drawing.style import check_matplotlib

        check_output(out, force=force)
        check_matplotlib()
    if repeat is not None:
        request = read_run(repeat)
    else:
        names = None if features is None else tuple(t.strip() for t in features.split(","))
        settings = Settings(
            seeds=tuple(range(first_seed, first_seed + seeds)),
            widths=_integers(widths, "--widths"),
            slope=to_fraction(slope, "--slope"),
            radii=tuple(to_fraction(t, "--radii") for t in radii.split(",")),
            random_points=random_points,
            margin=to_fraction(margin, "--margin"),
            eps=to_fraction(eps, "--eps"),
            max_regions=max_regions,
            max_seconds=max_seconds,
        )
        request = Request(data, None, names, settings, samples, device)
    raise typer.Exit(_run(request, out, force=force, json=json))


def _run(request: "Request", out: Path | None, *, force: bool, json: bool) -> int:
    """Do what is asked and return the exit code."""
    from exactbn.cli.compare_record import DATA_COPY, record_run, results_hash
    from exactbn.study.comparison import check_dimension, compare, faces_to_begin
    from exactbn.study.dataset import read_bytes, read_csv
    from exactbn.study.findings import check_theorems, paired_rows

    if request.samples and request.device is not None:
        from exactbn.sampling.devices import find_device

        find_device(request.device)  # a device that is not there ends the run before it begins
    start = time.perf_counter()
    content = read_bytes(request.data) if request.content is None else request.content
    data = read_csv(request.data, features=request.features, content=content, presets=True)
    check_dimension(data, request.settings)
    faces = faces_to_begin(data, request.settings)
    if faces > MANY_FACES:
        typer.echo(
            f"In {data.dim} dimensions a box begins with 3^{data.dim} = {3**data.dim} faces, each "
            f"network with {faces} in its box and its balls; fewer --features take less time.",
            err=True,
        )
    if out is None and not json:
        typer.echo(
            "Nothing will be written: --out DIR writes a report, its pictures and tables.", err=True
        )
    with progress("networks") as report:
        comparison = compare(data, request.settings, progress=report)
    rows = paired_rows(comparison)
    checks = list(check_theorems(comparison))
    sampling = _sample(comparison, request)
    digest = results_hash(comparison)
    if request.expected is not None and comparison.is_complete:
        checks.append(_repetition(digest == request.expected))
    record = record_run(request, comparison, digest, time.perf_counter() - start)
    record["checks"] = [{"name": c.name, "held": c.held, "total": c.total} for c in checks]
    record["sampling"] = [s.record() for s in sampling]
    if out is not None:
        from exactbn.study.report import write_report

        with output_folder(out, force=force) as folder, progress("report") as report:
            with create_file(folder / DATA_COPY) as stream:
                stream.write(content)
            write_json(folder / RUN_FILE, record)
            write_report(folder, comparison, rows, checks, sampling, record, progress=report)
    held = all(c.is_held for c in checks) and all(s.agrees for s in sampling)
    if json:
        print_json(_summary(comparison, rows, record))
    else:
        _show(comparison, rows, checks, sampling, out)
    if not held:
        typer.echo("disagreement: a check did not hold, see above", err=True)
        return EXIT_DISAGREEMENT
    if comparison.stopped is not None:
        typer.echo(f"stopped: {comparison.stopped}", err=True)
        return EXIT_BUDGET
    return 0


def _sample(comparison: "Comparison", request: "Request") -> "list[SamplingCheck]":
    """Return the sampling check of every partition of the first seed."""
    from exactbn.study.sampled import SamplingCheck

    if request.samples == 0:
        return []
    from exactbn.sampling import sample
    from exactbn.seeds import derived_seed

    seed = request.settings.seeds[0]
    checks = []
    with progress("sampling") as report:
        for i, ((data, network), part) in enumerate(comparison.shown.items()):
            report(i, len(comparison.shown), network)
            try:
                result = sample(
                    part, request.samples, seed=derived_seed(seed, i), device=request.device
                )
                checks.append(SamplingCheck(data, network, result))
            except InputError as error:
                # The exact result stands: what cannot be sampled in floats is said, not hidden.
                checks.append(SamplingCheck(data, network, None, str(error)))
    return checks


def _repetition(is_same: bool) -> "Check":
    """Return the check that a repeated run gave what the first one gave."""
    from exactbn.study.findings import Check

    return Check("repetition", "The exact measures are those of the run that was repeated.",
                 int(is_same), 1)


def _integers(text: str, name: str) -> tuple[int, ...]:
    """Return a comma-separated list of positive integers."""
    try:
        return tuple(int(t) for t in text.split(","))
    except ValueError as error:
        raise InputError(f"{name} is {text!r}, expected integers such as 16,16") from error


def _summary(
    comparison: "Comparison", rows: "Sequence[PairedRow]", record: dict[str, Any]
) -> dict[str, Any]:
    """Return what --json prints."""
    from exactbn.study.comparison import NETWORKS
    from exactbn.study.findings import medians

    return {
        **record,
        "medians": {
            variant.key: {
                name: {
                    key: None if value is None else float(value)
                    for key, value in medians(comparison, variant.key, name).items()
                }
                for name in NETWORKS
            }
            for variant in comparison.variants
        },
        "paired": [
            {"data": row.data, "first": row.first, "second": row.second, "measure": row.measure,
             "seeds": row.result.count, "positive": row.result.positive,
             "negative": row.result.negative, "zero": row.result.zero,
             "median_difference": float(row.result.median), "sign_test_p": row.result.sign_p,
             "wilcoxon_p": row.result.wilcoxon_p, "interval": row.result.interval}
            for row in rows if row.result is not None
        ],
    }  # fmt: skip


def _show(
    comparison: "Comparison", rows: "Sequence[PairedRow]", checks: "Sequence[Check]",
    sampling: "Sequence[SamplingCheck]", out: Path | None,
) -> None:
    """Print the main numbers for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from exactbn.study.comparison import DATA_VARIANTS, NETWORKS
    from exactbn.study.findings import count_tests, describe, few_seeds, median_table
    from exactbn.study.sampled import comment

    console = Console(highlight=False, markup=False)
    for variant in comparison.variants:
        # Few lines and little room between columns: the numbers have to fit into 80 characters.
        table = Table(title=f"{DATA_VARIANTS[variant.key].capitalize()}: median over seeds",
                      title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
                      collapse_padding=True)
        table.add_column("measure", no_wrap=True)
        for name in NETWORKS:
            table.add_column(name, justify="right", overflow="fold")
        for label, cells in median_table(comparison, variant.key):
            table.add_row(label, *cells)
        console.print(table)
        console.print()
    console.print(
        "Radii are relative to the longest side of the data; counts around points are means\n"
        "over the points. Clearly: after correction for the number of tests; probably: before.",
        soft_wrap=True)
    console.print(few_seeds(len(comparison.settings.seeds), count_tests(rows)), soft_wrap=True)
    for sentence in describe(comparison, rows):
        where = DATA_VARIANTS[sentence.data]
        console.print(f"- {sentence.heading}, {where}: {sentence.short}", soft_wrap=True)
    for u in comparison.undefined:
        console.print(f"- seed {u.seed}, {u.data}, {u.network}: not defined. {u.reason}")
    for check in checks:
        console.print(f"check {check.name}: {check.verdict}, {check.held} of {check.total}")
    for s in sampling:
        console.print(f"sampling {s.data}, {s.network}: {s.summary()}", soft_wrap=True)
    if sampling:
        console.print(comment(sampling), soft_wrap=True)
    if out is not None:
        console.print(f"The report: {out / 'report.html'}", soft_wrap=True)

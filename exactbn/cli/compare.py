"""``exactbn compare``: batch normalization against random initialization on data."""

import hashlib
import json as json_format
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
    to_json,
    versions,
)
from exactbn.errors import InputError
from exactbn.rational import to_fraction

if TYPE_CHECKING:
    from exactbn.comparison import Comparison, Settings
    from exactbn.findings import Check, PairedRow
    from exactbn.report import SamplingCheck

DEFAULT_DATA = Path("data/iris.csv")

DATA_COPY = "data.csv"


@dataclass(frozen=True)
class Request:
    """What is asked for, beside the settings of the comparison; all of it can be repeated."""

    data: Path
    content: bytes | None
    features: tuple[str, ...] | None
    settings: "Settings"
    samples: int
    device: str
    expected: str | None = None


def compare_command(
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
    device: Annotated[str, typer.Option(help="Of the sampling check: auto, cpu, cuda.")] = "auto",
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
    BN-centred and scaled; on the data as it is and exactly standardized. Every count and distance
    is exact; the paired statistics over seeds say what they show and no more.

    Exit codes: 0 done and every check held, 1 a check found a disagreement, 2 bad input, 3 stopped
    by a budget (the report is marked incomplete).
    """
    from exactbn.comparison import Settings

    if out is not None:
        check_output(out, force=force)
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


def _run(request: Request, out: Path | None, *, force: bool, json: bool) -> int:
    """Do what is asked and return the exit code."""
    from exactbn.comparison import compare
    from exactbn.dataset import read_csv
    from exactbn.findings import check_theorems, paired_rows

    start = time.perf_counter()
    data = read_csv(request.data, features=request.features, content=request.content)
    content = request.data.read_bytes() if request.content is None else request.content
    with progress("networks") as report:
        comparison = compare(data, request.settings, progress=report)
    rows = paired_rows(comparison)
    checks = list(check_theorems(comparison))
    sampling = _sample(comparison, request)
    digest = results_hash(comparison)
    if request.expected is not None and comparison.is_complete:
        checks.append(_repetition(digest == request.expected))
    record = _record(request, comparison, digest, time.perf_counter() - start)
    if out is not None:
        from exactbn.report import write_report

        with output_folder(out, force=force) as folder, progress("report") as report:
            (folder / DATA_COPY).write_bytes(content)
            (folder / RUN_FILE).write_text(to_json(record, indent=2) + "\n", encoding="utf-8")
            write_report(folder, comparison, rows, checks, sampling, record, progress=report)
    held = all(c.is_held for c in checks) and all(s.agrees for s in sampling)
    if json:
        print_json(_summary(comparison, rows, checks, sampling, record))
    else:
        _show(comparison, rows, checks, sampling, out)
    if not held:
        typer.echo("disagreement: a check did not hold, see above", err=True)
        return EXIT_DISAGREEMENT
    if comparison.stopped is not None:
        typer.echo(f"stopped: {comparison.stopped}", err=True)
        return EXIT_BUDGET
    return 0


def _sample(comparison: "Comparison", request: Request) -> "list[SamplingCheck]":
    """Return the sampling check of every partition of the first seed."""
    from exactbn.report import SamplingCheck

    if request.samples == 0:
        return []
    from exactbn.sampling import sample

    results = []
    with progress("sampling") as report:
        for i, ((data, network), part) in enumerate(comparison.shown.items()):
            report(i, len(comparison.shown), network)
            result = sample(
                part, request.samples, seed=request.settings.seeds[0], device=request.device
            )
            results.append(SamplingCheck.of(data, network, result))
    return results


def results_hash(comparison: "Comparison") -> str:
    """Return the SHA-256 of all exact measures, equal for equal results only."""
    from exactbn.paired import exact_text

    lines = []
    for m in comparison.measures:
        values = [f"{key}={None if value is None else exact_text(value)}"
                  for key, value in m.values.items()]
        lines.append(" ".join([str(m.seed), m.data, m.network, m.sha256, *values]))
        lines.append(repr((m.data_counts, m.random_counts)))
    lines += [f"{u.seed} {u.data} {u.network} undefined" for u in comparison.undefined]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _repetition(is_same: bool) -> "Check":
    """Return the check that a repeated run gave what the first one gave."""
    from exactbn.findings import Check

    return Check("repetition", "The exact measures are those of the run that was repeated.",
                 int(is_same), 1)


def _record(
    request: Request, comparison: "Comparison", digest: str, seconds: float
) -> dict[str, Any]:
    """Return what run.json says: everything that is needed to repeat the run."""
    settings = request.settings
    return {
        "command": "compare",
        "arguments": sys.argv[1:],
        "complete": comparison.is_complete,
        "stopped": comparison.stopped,
        "seconds": round(seconds, 3),
        "versions": versions() | _more_versions(),
        "data": {
            "file": str(request.data),
            "copy": DATA_COPY,
            "sha256": comparison.data.sha256,
            "points": comparison.data.num_points,
            "features": list(comparison.data.features),
            "left_out": list(comparison.data.left_out),
        },
        "settings": {
            "seeds": list(settings.seeds),
            "widths": list(settings.widths),
            "slope": str(settings.slope),
            "radii": [str(r) for r in settings.radii],
            "random_points": settings.random_points,
            "margin": str(settings.margin),
            "eps": str(settings.eps),
            "max_regions": settings.max_regions,
            "max_seconds": settings.max_seconds,
            "samples": request.samples,
            "device": request.device,
        },
        "boxes": {v.key: {"lo": v.box.lo, "hi": v.box.hi} for v in comparison.variants},
        "networks": [
            {"seed": m.seed, "data": m.data, "network": m.network, "sha256": m.sha256,
             "sigma_policy": m.sigma_policy}
            for m in comparison.measures
        ],
        "undefined": [
            {"seed": u.seed, "data": u.data, "network": u.network, "reason": u.reason}
            for u in comparison.undefined
        ],
        "results_sha256": digest,
    }  # fmt: skip


def _more_versions() -> dict[str, str | None]:
    """Return the versions that matter here beside the common ones."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"matplotlib": version("matplotlib")}
    except PackageNotFoundError:
        return {"matplotlib": None}


def read_run(path: Path) -> Request:
    """Return the request that a run.json records; its data is the copy that lies beside it.

    Raises
    ------
    InputError
        If the file is not the record of a comparison, or the data is not what it was.
    """
    from exactbn.comparison import Settings
    from exactbn.dataset import MAX_BYTES

    path = path / RUN_FILE if path.is_dir() else path
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is too large to be the record of a run")
        record = json_format.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except (json_format.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    try:
        data, told = record["data"], record["settings"]
        settings = Settings(
            seeds=tuple(int(s) for s in told["seeds"]),
            widths=tuple(int(w) for w in told["widths"]),
            slope=to_fraction(told["slope"]),
            radii=tuple(to_fraction(r) for r in told["radii"]),
            random_points=int(told["random_points"]),
            margin=to_fraction(told["margin"]),
            eps=to_fraction(told["eps"]),
            max_regions=told["max_regions"],
            max_seconds=told["max_seconds"],
        )
        features, named = tuple(str(f) for f in data["features"]), Path(str(data["file"]))
        digest, expected = str(data["sha256"]), str(record["results_sha256"])
        samples, device = int(told["samples"]), str(told["device"])
        complete = bool(record["complete"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not the run.json of a comparison: {error}") from error
    content = _recorded_data(path, named, digest)
    return Request(named, content, features, settings, samples, device,
                   expected if complete else None)


def _recorded_data(path: Path, named: Path, digest: str) -> bytes:
    """Return the data of a recorded run, with the hash that was recorded."""
    tried = []
    for candidate in (path.parent / DATA_COPY, named):
        if candidate.is_file():
            content = candidate.read_bytes()
            if hashlib.sha256(content).hexdigest() == digest:
                return content
            tried.append(f"{candidate} has other content")
        else:
            tried.append(f"{candidate} is not there")
    raise InputError(f"the data of {path}, SHA-256 {digest}, is not found: {'; '.join(tried)}")


def _integers(text: str, name: str) -> tuple[int, ...]:
    """Return a comma-separated list of positive integers."""
    try:
        return tuple(int(t) for t in text.split(","))
    except ValueError as error:
        raise InputError(f"{name} is {text!r}, expected integers such as 16,16") from error


def _summary(
    comparison: "Comparison", rows: "Sequence[PairedRow]", checks: "Sequence[Check]",
    sampling: "Sequence[SamplingCheck]", record: dict[str, Any],
) -> dict[str, Any]:
    """Return what --json prints."""
    from exactbn.comparison import NETWORKS
    from exactbn.findings import medians

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
        "checks": [{"name": c.name, "held": c.held, "total": c.total} for c in checks],
        "sampling": [s.record() for s in sampling],
    }  # fmt: skip


def _show(
    comparison: "Comparison", rows: "Sequence[PairedRow]", checks: "Sequence[Check]",
    sampling: "Sequence[SamplingCheck]", out: Path | None,
) -> None:
    """Print the main numbers for people."""
    from rich.console import Console
    from rich.table import Table

    from exactbn.comparison import DATA_VARIANTS, NETWORKS
    from exactbn.findings import describe, median_table

    console = Console(highlight=False, markup=False)
    for variant in comparison.variants:
        table = Table(title=f"{DATA_VARIANTS[variant.key]}: median over seeds", title_justify="left")
        table.add_column("measure", no_wrap=True)
        for name in NETWORKS.values():
            table.add_column(name, justify="right")
        for label, cells in median_table(comparison, variant.key):
            table.add_row(label, *cells)
        console.print(table)
    for sentence in describe(comparison, rows):
        where = DATA_VARIANTS[sentence.data]
        console.print(f"- {sentence.heading}, {where}: {sentence.short}", soft_wrap=True)
    for u in comparison.undefined:
        console.print(f"- seed {u.seed}, {u.data}, {u.network}: not defined. {u.reason}")
    for check in checks:
        verdict = "held" if check.is_held else "FAILED"
        console.print(f"check {check.name}: {verdict}, {check.held} of {check.total}")
    for s in sampling:
        console.print(f"sampling {s.data}, {s.network}: {s.summary()}", soft_wrap=True)
    if out is not None:
        console.print(f"The report: {out / 'report.html'}", soft_wrap=True)

"""``exactbn study-sampling``: estimates from random points, judged by exact partitions."""

import hashlib
import sys
import time
from dataclasses import asdict, replace
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
    versions,
    write_json,
)
from exactbn.errors import InputError
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.study.dataset import DataSet
    from exactbn.study.judged.judging import Settings, Study
    from exactbn.study.judged.large import LargeStudy
    from exactbn.study.judged.local import LocalStudy
    from exactbn.study.judged.report import Findings

DEFAULT_DATA = Path("data/wine.csv")


def study_sampling_command(
    data: Annotated[
        Path, typer.Argument(help="A CSV file with a header row and a column of classes.")
    ] = DEFAULT_DATA,
    features: Annotated[
        str | None,
        typer.Option(help="Columns to use, comma-separated; the first d of them in d dimensions."),
    ] = None,
    networks: Annotated[
        int, typer.Option(min=1, help="Sets of weights a dimension; on each stand all families.")
    ] = 30,
    dims: Annotated[str, typer.Option(help="Numbers of inputs, from 2 to 5.")] = "2,3,4,5",
    families: Annotated[
        str | None,
        typer.Option(help="Some of random, zero, centred, scaled, trained; by default all."),
    ] = None,
    samples: Annotated[
        str, typer.Option(help="Numbers of random points, ascending.")
    ] = "100,1000,10000,100000",
    repeats: Annotated[int, typer.Option(min=1, help="Samples of each network.")] = 4,
    batches: Annotated[int, typer.Option(min=2, help="Batches of a sample, for Chao2.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, training and points.")] = 0,
    local: Annotated[
        int,
        typer.Option(min=0, help="Sets of weights for densities about data points, 0 for none."),
    ] = 6,
    large: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA.CSV",
            help="Also look at a network of two layers of 256 units on these data, such as "
            "data/digits.csv; needs --local.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report and its tables here.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier output at --out.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop, incomplete, after this time.")
    ] = None,
) -> None:
    """Judge estimators of the number of regions and of the unseen volume by exact partitions.

    Of hundreds of small networks the exact partition is computed, random points are drawn, and
    every estimator is held against the truth: its bias, how often its 95 % interval holds the
    truth, how many points see 99 % of the regions and of the volume. Then the same about data
    points: the regions that meet a small ball, counted, sampled, and by local complexity.

    Exit codes: 0 done and no sample contradicts a partition, 1 one does, 2 bad input, 3 stopped by
    the budget (the report is marked incomplete).
    """
    from exactbn.study.judged.families import FAMILIES
    from exactbn.study.judged.judging import Settings

    if out is not None:
        from exactbn.drawing.style import check_matplotlib

        check_output(out, force=force)
        check_matplotlib()
    settings = Settings(
        networks=networks,
        dims=integers(dims, "--dims"),
        families=tuple(FAMILIES) if families is None else names(families),
        samples=integers(samples, "--samples"),
        repeats=repeats,
        batches=batches,
        seed=seed,
        max_seconds=max_seconds,
    )
    chosen = None if features is None else names(features)
    if large is not None and not local:
        raise InputError("--large needs --local of 1 or more: its intervals are calibrated on that")
    raise typer.Exit(_run(data, chosen, settings, local, large, out, force=force, json=json))


def names(text: str) -> tuple[str, ...]:
    """Return a comma-separated list of names."""
    return tuple(t.strip() for t in text.split(","))


def integers(text: str, option: str) -> tuple[int, ...]:
    """Return a comma-separated list of integers."""
    try:
        return tuple(int(t) for t in text.split(","))
    except ValueError as error:
        raise InputError(f"{option} is {text!r}, expected integers such as 2,3") from error


def _run(
    data: Path, features: tuple[str, ...] | None, settings: "Settings", local: int,
    large: Path | None, out: Path | None, *, force: bool, json: bool,
) -> int:  # fmt: skip
    """Do what is asked and return the exit code."""
    from exactbn.study.dataset import read_csv
    from exactbn.study.judged.judging import study
    from exactbn.study.judged.report import Findings, Studies

    start = time.perf_counter()
    table = read_csv(data, features=features)
    other = None if large is None else read_csv(large)
    if out is None and not json:
        typer.echo(
            "Nothing will be written: --out DIR writes a report, its pictures and tables.", err=True
        )
    with progress("networks") as report:
        found = study(table, settings, progress=report)
    studies = Studies(found)
    if local and studies.stopped is None:
        studies = replace(studies, locally=_study_locally(table, settings, local, start))
    if other is not None and studies.locally is not None and studies.stopped is None:
        studies = replace(studies, large=_study_large(other, studies.locally, settings, start))
    findings, locally = Findings.of(studies), studies.locally
    record: dict[str, Any] = {
        "command": "study-sampling",
        "arguments": sys.argv[1:],
        "complete": studies.stopped is None,
        "stopped": studies.stopped,
        "seconds": round(time.perf_counter() - start, 3),
        "versions": versions(),
        "data": {
            "file": str(data), "sha256": table.sha256, "features": list(table.features),
        },
        "settings": asdict(settings),
        "local_settings": None if locally is None else asdict(locally.settings),
        "large": None if studies.large is None else {
            "file": str(large), "settings": asdict(studies.large.settings),
            "accuracy": studies.large.accuracy,
            "calibrations": {p: asdict(c) for p, c in studies.large.calibrations.items()},
        },
        "networks": len(found.judged),
        "outside": found.outside,
        "on_boundary": sum(j.on_boundary for j in found.judged),
        "contradictions": found.contradictions,
        "results_sha256": results_hash(found),
    }  # fmt: skip
    if out is not None:
        from exactbn.study.judged.report import write_folder

        with output_folder(out, force=force) as folder:
            write_json(folder / RUN_FILE, record)
            write_folder(folder, studies, findings, record)
    if json:
        print_json({**record, **tables(findings)})
    else:
        _show(found, findings, out)
    outside = found.outside + (0 if locally is None else locally.outside)
    wrong = 0 if locally is None else sum(not d.is_consistent for d in locally.densities)
    if outside or found.contradictions or wrong:
        typer.echo(
            f"disagreement: {counted(outside, 'sample')} outside the exact partitions, "
            f"{counted(found.contradictions, 'network')} whose hits contradict the volumes, "
            f"{counted(wrong, 'hull')} with an impossible local complexity",
            err=True,
        )
        return EXIT_DISAGREEMENT
    if studies.stopped is not None:
        typer.echo(f"stopped: {studies.stopped}", err=True)
        return EXIT_BUDGET
    return 0


def _study_locally(
    table: "DataSet", settings: "Settings", local: int, start: float
) -> "LocalStudy":
    """Return the local densities, within what is left of the seconds."""
    from exactbn.study.judged.families import problem_of
    from exactbn.study.judged.local import LocalSettings, study_locally

    dim = settings.dims[-1] if 4 not in settings.dims else 4
    asked = LocalSettings(
        networks=local, directions=tuple(range(1, dim + 1)), families=settings.families,
        seed=settings.seed,
    )  # fmt: skip
    with progress("networks, locally") as report:
        return study_locally(
            problem_of(table, dim), asked, max_seconds=_left(settings, start), progress=report
        )


def _study_large(
    table: "DataSet", locally: "LocalStudy", settings: "Settings", start: float
) -> "LargeStudy":
    """Return what is found about a large network, within what is left of the seconds."""
    from exactbn.study.judged.large import LargeSettings, study_large

    asked = LargeSettings(
        families=settings.families, samples=locally.settings.samples, seed=settings.seed
    )
    with progress("hulls of a large network") as report:
        return study_large(
            table, locally.densities, asked, max_seconds=_left(settings, start), progress=report
        )


def _left(settings: "Settings", start: float) -> float | None:
    """Return what is left of the seconds, None where there is no limit."""
    if settings.max_seconds is None:
        return None
    return max(settings.max_seconds - (time.perf_counter() - start), 0)


def results_hash(found: "Study") -> str:
    """Return the SHA-256 of all truths and estimates, equal for equal results only."""
    digest = hashlib.sha256()
    for j in found.judged:
        digest.update(repr((j.sha256, j.regions, j.outcomes)).encode())
    return digest.hexdigest()


def tables(findings: "Findings") -> dict[str, list[dict[str, object]]]:
    """Return all figures as plain values."""
    return {
        "figures": [asdict(f) for f in findings.figures],
        "points_needed": [asdict(n) for n in findings.needs],
        "rankings": [asdict(r) for r in findings.rankings],
        "local_densities": [asdict(f) for f in findings.local],
        "large_network": [asdict(f) for f in findings.large],
    }


def _show(found: "Study", findings: "Findings", out: Path | None) -> None:
    """Print the main numbers for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from exactbn.study.judged.figures import ALL
    from exactbn.study.judged.judging import OF_REGIONS, OF_VOLUME
    from exactbn.study.judged.report import odd_hits
    from exactbn.study.judged.wording import describe, describe_local, percent, points

    console = Console(highlight=False, markup=False)
    most = found.settings.samples[-1]
    title = f"{points(most)} points, all families: bias, and coverage of 95 % intervals"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False,
                  pad_edge=False, collapse_padding=True, min_width=len(title))  # fmt: skip
    table.add_column("estimator", no_wrap=True)
    dims = [*found.settings.dims]
    for dim in dims:
        table.add_column(f"{dim} inputs", justify="right")
    cells = {(f.dim, f.method): f for f in findings.figures
             if (f.family, f.samples) == (ALL, most)}  # fmt: skip
    for method, name in (OF_REGIONS | OF_VOLUME).items():
        row = [cells.get((dim, method)) for dim in dims]
        table.add_row(name, *("" if f is None else
                              f"{percent(f.bias, sign=True)}, {percent(f.coverage)}"
                              for f in row))  # fmt: skip
    console.print(table)
    console.print()
    sentences = describe(found, findings.figures, findings.needs, findings.rankings)
    for sentence in [*sentences, *describe_local(findings.local)]:
        console.print(f"- {sentence}", soft_wrap=True)
    console.print(odd_hits(found), soft_wrap=True)
    if out is not None:
        console.print(f"The report: {out / 'report.html'}", soft_wrap=True)

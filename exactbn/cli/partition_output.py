"""What ``exactbn partition --out`` writes: the formats that may be asked for, and their writing."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exactbn.cli.common import RUN_FILE, progress, write_run
from exactbn.engines.run import Budget, Progress
from exactbn.errors import InputError

if TYPE_CHECKING:
    from exactbn.regions.partitioning import Partition


#: The folder of the partition in the output, and the file by which it is told.
PARTITION, DESCRIPTION = "partition", "partition.json"


@dataclass(frozen=True)
class Format:
    """How a partition is written to a folder, and how many regions a second that takes."""

    write: Callable[["Partition", Path, Progress], None]
    #: On a slow machine.
    regions_a_second: int


def _save(part: "Partition", folder: Path, report: Progress) -> None:
    part.save(folder / PARTITION, max_seconds=0 if part.unproven else None)


def _write_tables(part: "Partition", folder: Path, report: Progress) -> None:
    from exactbn.regions.graph import write_tables

    write_tables(part, folder, witnesses=False)


def _write_witnesses(part: "Partition", folder: Path, report: Progress) -> None:
    from exactbn.regions.graph import write_witnesses

    write_witnesses(part, folder / "witnesses.parquet", progress=report)


def _write_csr(part: "Partition", folder: Path, report: Progress) -> None:
    from exactbn.regions.graph import write_adjacency

    write_adjacency(part, folder / "adjacency.npz", progress=report)


def _write_graphml(part: "Partition", folder: Path, report: Progress) -> None:
    from exactbn.regions.graph import write_graphml

    write_graphml(part, folder / "graph.graphml", progress=report)


#: The formats in the order in which they are written.
FORMATS = {
    "partition": Format(_save, 100_000),
    "tables": Format(_write_tables, 50_000),
    "csr": Format(_write_csr, 100_000),
    "witnesses": Format(_write_witnesses, 2000),
    "graphml": Format(_write_graphml, 5000),
}
DEFAULT_FORMATS = ("partition", "tables")


def asked_formats(text: str | None, out: Path | None) -> list[str]:
    """Return the formats that ``--formats`` names, in the order in which they are written.

    >>> asked_formats("graphml,partition", Path("result"))
    ['partition', 'graphml']
    """
    if text is None:
        return list(DEFAULT_FORMATS)
    if out is None:
        raise InputError("--formats needs --out DIR, where it is written")
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in FORMATS:
            raise InputError(f"--formats: {name!r}, expected some of {', '.join(FORMATS)}")
    return [name for name in FORMATS if name in names]


def left_out(part: "Partition", wanted: Sequence[str], clock: Budget) -> dict[str, str]:
    """Return the formats that are not written, and why.

    The partition always is, if it is wanted, with what is known; the rest needs all adjacencies,
    and about as many seconds as are left, or one.
    """
    from exactbn.regions.graph import check_graph_size

    absent = {}
    for name in wanted:
        if name == "partition":
            continue
        if name == "graphml":
            try:
                check_graph_size(part.num_regions, "GraphML")
            except InputError as error:
                absent[name] = str(error)
                continue
        if part.unproven:
            absent[name] = "it needs all adjacencies"
        elif part.num_regions > FORMATS[name].regions_a_second * (1 + max(0, clock.seconds_left())):
            absent[name] = "the budget is spent"
    return absent


@contextmanager
def job_output(out: Path, formats: Sequence[str]) -> Iterator[Path]:
    """Yield the folder of a job, for its result in the place of that of a run before.

    The record comes last: where there is none, the result is not whole.
    """
    stored = out / PARTITION
    is_replaced = PARTITION in formats and stored.is_dir()
    if is_replaced and not (stored / DESCRIPTION).is_file():
        raise InputError(
            f"{stored}: holds no {DESCRIPTION}, so it is not an earlier output and is not "
            "replaced; move it away"
        )
    (out / RUN_FILE).unlink(missing_ok=True)
    if is_replaced:
        shutil.rmtree(stored)
    yield out


def write_output(
    part: "Partition", place: AbstractContextManager[Path], *, record: Mapping[str, Any]
) -> None:
    """Write the formats that ``record`` names, and the record of the run, to a folder."""
    names = record["formats"]
    with place as folder, progress("writing", ()) as report:
        for done, name in enumerate(names):
            report(done, len(names), name)
            FORMATS[name].write(part, folder, report)
        write_run(folder, "partition", record, force=True)

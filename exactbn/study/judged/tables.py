"""The tables of a study: Parquet for all of it, CSV for the figures."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from exactbn.output import create_file, create_text
from exactbn.study.judged.figures import Figure, Need, Ranking
from exactbn.study.judged.judging import Outcome, Study
from exactbn.study.judged.large import LargeStudy
from exactbn.study.judged.large_figures import LargeFigure
from exactbn.study.judged.local import LocalStudy
from exactbn.study.judged.local_figures import LocalFigure

NETWORKS, ESTIMATES = "networks.parquet", "estimates.parquet"
HULLS, LARGE = "hulls.parquet", "large_hulls.parquet"

Row = Mapping[str, Any]


def write_tables(
    study: Study, figures: Sequence[Figure], needs: Sequence[Need], rankings: Sequence[Ranking],
    folder: Path,
) -> None:  # fmt: skip
    """Write all tables into an existing folder."""
    write_parquet(networks_table(study), folder / NETWORKS)
    write_parquet(estimates_table(study), folder / ESTIMATES)
    write_rows([flat(f) for f in figures], folder, "figures")
    write_rows([flat(n) for n in needs], folder, "points_needed")
    write_rows([flat(r) for r in rankings], folder, "rankings")


def write_local_tables(
    study: LocalStudy, figures: Sequence[LocalFigure], folder: Path
) -> None:
    """Write one row a hull, and the figures, into an existing folder."""
    rows = []
    for d in study.densities:
        row = asdict(d) | {"radius": str(d.radius)}
        row["cut"], row["separated"] = list(d.cut), list(d.separated)
        rows.append(row)
    write_parquet(pa.Table.from_pylist(rows), folder / HULLS)
    write_rows([flat(f) for f in figures], folder, "local_densities")


def write_large_tables(
    study: LargeStudy, figures: Sequence[LargeFigure], folder: Path
) -> None:
    """Write one row a hull of the large network, and the figures, into an existing folder."""
    rows = [asdict(d) | {"radius": str(d.radius)} for d in study.densities]
    write_parquet(pa.Table.from_pylist(rows), folder / LARGE)
    write_rows([flat(f) for f in figures], folder, "large_network")


def networks_table(study: Study) -> pa.Table:
    """Return one row a network: its truth, and the chi-square test of its hits."""
    left = ("widths", "outcomes", "chi_square")
    return pa.Table.from_pylist(
        [
            {key: getattr(j, key) for key in (f.name for f in fields(j)) if key not in left}
            | {"widths": "-".join(map(str, j.widths)), "chi_square_p": j.chi_square.p}
            for j in study.judged
        ]
    )


def estimates_table(study: Study) -> pa.Table:
    """Return one row an estimate: network, sample, method, truth, value, error, interval."""
    keys = [field.name for field in fields(Outcome)]
    columns: dict[str, list[object]] = {"sha256": [], **{key: [] for key in keys}}
    for j in study.judged:
        columns["sha256"] += [j.sha256] * len(j.outcomes)
        for key in keys:
            columns[key] += [getattr(o, key) for o in j.outcomes]
    return pa.table(columns)


def flat(record: Any) -> dict[str, object]:
    """Return a record of figures with a pair as two columns, named ``_low`` and ``_high``."""
    result: dict[str, object] = {}
    for key, value in asdict(record).items():
        if key.endswith(("interval", "quartiles")):
            low, high = (None, None) if value is None else value
            result |= {f"{key}_low": low, f"{key}_high": high}
        else:
            result[key] = str(value) if key in ("dim", "radius") else value
    return result


def write_rows(rows: Sequence[Row], folder: Path, name: str) -> None:
    """Write rows of equal keys as ``name.parquet`` and as ``name.csv``; nothing for no rows."""
    if not rows:
        return
    write_parquet(pa.Table.from_pylist([dict(row) for row in rows]), folder / f"{name}.parquet")
    with create_text(folder / f"{name}.csv", force=True) as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write one table."""
    with create_file(path, force=True) as stream:
        pq.write_table(table, stream, compression="zstd")

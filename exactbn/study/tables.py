"""The tables of a comparison as Parquet: exact numbers as text beside their float64 values."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from exactbn.exact.rational import Matrix
from exactbn.output import as_path, create_file
from exactbn.study.comparison import Comparison, NetworkMeasures, measure_labels
from exactbn.study.findings import PairedRow
from exactbn.study.paired import CONFIDENCE, exact_text

MEASURES, PER_POINT, PAIRED = "measures.parquet", "per_point.parquet", "paired.parquet"


def write_tables(
    comparison: Comparison, rows: Sequence[PairedRow], directory: str | Path
) -> None:
    """Write the three tables into an existing folder."""
    folder = as_path(directory)
    for table, name in (
        (measures_table(comparison), MEASURES),
        (per_point_table(comparison), PER_POINT),
        (paired_table(rows), PAIRED),
    ):
        with create_file(folder / name, force=True) as stream:
            pq.write_table(table, stream, compression="zstd")


def measures_table(comparison: Comparison) -> pa.Table:
    """Return one row a network: seed, data, network, and every measure twice.

    The column ``<measure>`` is the float64 nearest to the exact value, ``<measure>_exact`` the
    value as ``p/q``. A network that is not defined for a seed has the reason in ``undefined``.
    """
    keys = list(measure_labels(comparison.settings))
    records: list[dict[str, object]] = []
    for m in comparison.measures:
        record: dict[str, object] = {
            "seed": m.seed, "data": m.data, "network": m.network,
            "sigma_policy": m.sigma_policy, "network_sha256": m.sha256,
            "points_on_boundary": m.points.on_boundary, "undefined": None,
        }  # fmt: skip
        for key in keys:
            record[key], record[f"{key}_exact"] = _both(m.values[key])
        records.append(record)
    for u in comparison.undefined:
        records.append({"seed": u.seed, "data": u.data, "network": u.network,
                        "undefined": u.reason})
    schema = pa.schema(
        [("seed", pa.int64()), ("data", pa.string()), ("network", pa.string()),
         ("sigma_policy", pa.string()), ("network_sha256", pa.string()),
         ("points_on_boundary", pa.int64()), ("undefined", pa.string())]
        + [field for key in keys
           for field in ((key, pa.float64()), (f"{key}_exact", pa.string()))]
    )  # fmt: skip
    return pa.Table.from_pylist(records, schema=schema)


def per_point_table(comparison: Comparison) -> pa.Table:
    """Return one row a network and point: counts for every radius, and exact squared distances.

    ``kind`` is ``data`` or ``random``; distances are those of data points only, null where the
    network has no boundary. Coordinates are float64; the exact data are in the data file.
    """
    variants = {variant.key: variant.points for variant in comparison.variants}
    tables = [_point_schema(comparison).empty_table()]
    for m in comparison.measures:
        tables.append(_point_rows(comparison, m, "data", variants[m.data], m.data_counts))
        tables.append(_point_rows(comparison, m, "random", m.random_points, m.random_counts))
    return pa.concat_tables(tables)


def _point_rows(
    comparison: Comparison, m: NetworkMeasures, kind: str, points: Matrix,
    counts: Sequence[Sequence[int]],
) -> pa.Table:
    """Return the rows of one network and one kind of point."""
    n = len(points)
    squared: Sequence[Fraction | None] = m.points.squared_distances
    distances = [_both(t) for t in (squared if kind == "data" else [None] * n)]
    columns = [[m.seed] * n, [m.data] * n, [m.network] * n, [kind] * n, list(range(n))]
    columns += [[float(t) for t in column] for column in zip(*points, strict=True)]
    columns += map(list, counts)
    columns += [[a for a, _ in distances], [b for _, b in distances]]
    return pa.table(columns, schema=_point_schema(comparison))


def _point_schema(comparison: Comparison) -> pa.Schema:
    """Return the names and types of the columns of the table of points."""
    return pa.schema(
        [("seed", pa.int64()), ("data", pa.string()), ("network", pa.string()),
         ("kind", pa.string()), ("point", pa.int64())]
        + [(f"x_{name}", pa.float64()) for name in comparison.data.features]
        + [(f"regions@{radius}", pa.int64()) for radius in comparison.settings.radii]
        + [("squared_distance", pa.float64()), ("squared_distance_exact", pa.string())]
    )


def paired_table(rows: Sequence[PairedRow]) -> pa.Table:
    """Return one row a paired test; the statistics are null where no seed has both networks."""
    records: list[Mapping[str, object]] = []
    for row in rows:
        record: dict[str, object] = {
            "data": row.data, "first": row.first, "second": row.second, "measure": row.measure,
        }  # fmt: skip
        if row.result is not None:
            r = row.result
            record |= {
                "seeds": r.count, "positive": r.positive, "negative": r.negative, "zero": r.zero,
                "median_difference": float(r.median),
                "median_difference_exact": exact_text(r.median),
                "sign_test_p": r.sign_p, "wilcoxon_p": r.wilcoxon_p,
            }  # fmt: skip
            if r.interval is not None:
                record[f"low_{CONFIDENCE}"], record[f"high_{CONFIDENCE}"] = r.interval
        records.append(record)
    texts, integers = ("data", "first", "second", "measure"), ("seeds", "positive", "negative",
                                                               "zero")
    numbers = ("median_difference", "sign_test_p", "wilcoxon_p", f"low_{CONFIDENCE}",
               f"high_{CONFIDENCE}")
    schema = pa.schema(
        [(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in integers]
        + [(name, pa.float64()) for name in numbers] + [("median_difference_exact", pa.string())]
    )
    return pa.Table.from_pylist(records, schema=schema)


def _both(value: Fraction | None) -> tuple[float | None, str | None]:
    """Return a number as float64 and as exact text."""
    return (None, None) if value is None else (float(value), exact_text(value))

"""The report of a comparison: a folder with a page, pictures, tables and graphs.

Nothing here decides anything. The page holds its pictures and needs no network; every text that
comes from a file is escaped.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from exactbn.exact.rational import to_text
from exactbn.model.files import save_json
from exactbn.model.network import SIGMA_POLICIES
from exactbn.model.slices import plane_view
from exactbn.output import as_path
from exactbn.regions.graph import write_graphml
from exactbn.regions.graph import write_tables as write_graph_tables
from exactbn.regions.partitioning import Partition, partition
from exactbn.study import plots
from exactbn.study.comparison import (
    DATA_VARIANTS,
    NETWORKS,
    Comparison,
    DataVariant,
    Settings,
    measure_labels,
)
from exactbn.study.findings import (
    MAIN_PAIRS,
    PAIRS,
    Check,
    PairedRow,
    count_tests,
    describe,
    few_seeds,
    median_table,
    pair_differences,
    verdict,
)
from exactbn.study.page import PAGE, embedded, write_page
from exactbn.study.paired import CONFIDENCE, decimal, exact_mean, exact_median, number
from exactbn.study.sampled import SamplingCheck, comment, p_text
from exactbn.study.tables import write_tables
from exactbn.wording import counted

PICTURES, PARTITIONS = "pictures", "partitions"
TEMPLATE = "report.html.j2"

#: A graph of more regions is not written as GraphML, whose size is some 500 bytes a region.
MAX_GRAPHML_REGIONS = 200_000

Progress = Callable[[int, int, str], None]


def write_report(
    folder: str | Path,
    comparison: Comparison,
    rows: Sequence[PairedRow],
    checks: Sequence[Check],
    sampling: Sequence[SamplingCheck],
    record: Mapping[str, Any],
    *,
    progress: Progress | None = None,
) -> None:
    """Write ``report.html``, pictures, Parquet tables and region graphs into a folder.

    Parameters
    ----------
    folder : path
        Exists; files in it of the same names are replaced.
    comparison, rows, checks, sampling
        What was found, the paired tests, the theorems and the sampling checks.
    record : mapping
        What ``run.json`` says; shown on the page.
    progress : callable (done, total, note), optional
    """
    folder = as_path(folder)
    (folder / PICTURES).mkdir(exist_ok=True)
    steps: list[tuple[str, Callable[[], None]]] = [
        ("tables", partial(write_tables, comparison, rows, folder))
    ]
    for variant in comparison.variants:
        draw = partial(_draw, folder / PICTURES, comparison, rows, variant)
        steps.append((f"pictures, {variant.key}", draw))
    for (data, network), part in comparison.shown.items():
        write = partial(_write_partition, folder, f"{data}_{network}", part)
        steps.append((f"graph, {data} {network}", write))
    page = partial(_write_page, folder, comparison, rows, checks, sampling, record)
    steps.append(("page", page))
    for done, (note, step) in enumerate(steps):
        if progress is not None:
            progress(done, len(steps), note)
        step()


def _write_partition(folder: Path, name: str, part: Partition) -> None:
    """Write one partition's network, node and edge tables, and GraphML."""
    target = folder / PARTITIONS / name
    target.mkdir(parents=True, exist_ok=True)
    save_json(part.network, target / "network.json")
    write_graph_tables(part, target)
    if part.num_regions <= MAX_GRAPHML_REGIONS:
        write_graphml(part, target / "graph.graphml")


def _draw(folder: Path, comparison: Comparison, rows: Sequence[PairedRow],
          variant: DataVariant) -> None:
    """Write the pictures of one form of the data."""
    key, seed = variant.key, comparison.settings.seeds[0]
    panels, scene = [], None
    for name, label in NETWORKS.items():
        if (key, name) not in comparison.shown:
            continue
        panel, scene = _panel(comparison, variant, name, label)
        panels.append(panel)
        plots.draw_partitions([panel], scene, folder / f"{key}_{name}.png")
    if scene is not None:
        plane = ", plane through the data mean" if comparison.data.dim > 2 else ""
        title = f"Seed {seed}, {DATA_VARIANTS[key]}{plane}"
        plots.draw_partitions(panels, scene, folder / f"partitions_{key}.png", title=title)
    _draw_counts(folder, comparison, variant)
    _draw_differences(folder, comparison, rows, variant)


def _panel(
    comparison: Comparison, variant: DataVariant, name: str, label: str
) -> tuple[plots.Panel, plots.Scene]:
    """Return the picture of one partition, of its slice where d > 2."""
    part = comparison.shown[variant.key, name]
    shown, data = part, comparison.data
    if data.dim > 2:
        mean = tuple(exact_mean(column) for column in zip(*variant.points, strict=True))
        network, box = plane_view(part.network, part.box, mean)
        shown = partition(network, box)
    where = " in this plane" if data.dim > 2 else ""
    panel = plots.Panel(label, f"{counted(shown.num_regions, 'region')}{where}", shown)
    points = tuple(x[:2] for x in variant.points)
    return panel, plots.Scene(points, data.labels, data.features[:2])


def _slice_note(comparison: Comparison) -> str:
    """Return what a picture in other than two dimensions shows."""
    features = comparison.data.features
    if len(features) == 1:
        return f"The regions are the bands along {features[0]}; the height means nothing."
    if len(features) == 2:
        return ""
    return (
        f"The pictures show the plane through the mean of the data along {features[0]} and "
        f"{features[1]}, cut exactly, and count the regions that it meets; the data points are "
        "projected onto it."
    )


def _draw_counts(folder: Path, comparison: Comparison, variant: DataVariant) -> None:
    """Write the picture of regions in a ball against its radius."""
    radii = sorted(comparison.settings.radii)
    curves = {}
    for name in NETWORKS:
        found = comparison.select(variant.key, name).values()
        if found:
            near, far = (
                [_median([m.values[f"{kind}@{r}"] for m in found]) for r in radii]
                for kind in ("near_data", "near_random")
            )
            curves[name] = near, far
    if not curves:  # a budget ended the run before the first of these networks
        return
    plots.draw_counts_by_radius(
        curves,
        [float(r) for r in radii],
        NETWORKS,
        folder / f"counts_by_radius_{variant.key}.png",
        title=f"Regions that meet a ball, {DATA_VARIANTS[variant.key]}",
    )


def _draw_differences(folder: Path, comparison: Comparison, rows: Sequence[PairedRow],
                      variant: DataVariant) -> None:
    """Write the picture of the paired differences of every measure."""
    results = {(r.first, r.second, r.measure): r.result for r in rows if r.data == variant.key}
    panels = []
    for key, label in measure_labels(comparison.settings).items():
        lines = []
        for first, second in MAIN_PAIRS:
            result = results.get((first, second, key))
            if result is not None:
                found = pair_differences(comparison.select(variant.key, first),
                                         comparison.select(variant.key, second), key)
                lines.append((f"{_SHORT[first]} \u2212 {_SHORT[second]}",
                              [float(t) for t in found.values()], float(result.median),
                              result.interval))
        if lines:
            panels.append((key, plots.Differences(label, lines)))
    # Measures that come by radius stand first, one radius a column.
    panels.sort(key=lambda item: "@" not in item[0])
    if panels:
        plots.draw_differences(
            [panel for _, panel in panels],
            folder / f"differences_{variant.key}.png",
            columns=min(4, max(2, len(comparison.settings.radii))),
            title=f"Paired differences on the same weights, {DATA_VARIANTS[variant.key]}",
        )


_SHORT = {"random": "random", "zero": "zero", "centred": "centred", "scaled": "scaled"}


def _median(values: Sequence[Fraction | None]) -> float:
    """Return the median of the values that are defined."""
    known = [value for value in values if value is not None]
    return float(exact_median(known)) if known else float("nan")


def _write_page(
    folder: Path, comparison: Comparison, rows: Sequence[PairedRow], checks: Sequence[Check],
    sampling: Sequence[SamplingCheck], record: Mapping[str, Any],
) -> None:
    """Write ``report.html``."""
    values = page_values(folder, comparison, rows, checks, sampling, record)
    write_page(folder / PAGE, TEMPLATE, values)


def page_values(
    folder: Path, comparison: Comparison, rows: Sequence[PairedRow], checks: Sequence[Check],
    sampling: Sequence[SamplingCheck], record: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything that the page's template shows, as texts and numbers."""
    data, settings = comparison.data, comparison.settings
    sentences = describe(comparison, rows)
    tests = count_tests(rows)
    return {
        "comparison": comparison,
        "data": data,
        "settings": settings,
        "labels": measure_labels(settings),
        "networks": NETWORKS,
        "architecture": "-".join(map(str, (data.dim, *settings.widths, 1))),
        "radii": ", ".join(map(decimal, settings.radii)),
        "slice_note": _slice_note(comparison),
        "variants": [
            {
                "key": variant.key,
                "name": DATA_VARIANTS[variant.key],
                "box": _sides(variant),
                "exact_box": [
                    f"[{to_text(lo)}, {to_text(hi)}]"
                    for lo, hi in zip(variant.box.lo, variant.box.hi)
                ],
                "sentences": [s for s in sentences if s.data == variant.key],
                "glance": _glance(rows, variant.key, settings, tests),
                "medians": median_table(comparison, variant.key),
                "paired": _paired_cells(rows, variant.key, settings, tests),
                "pictures": {
                    kind: embedded(folder / PICTURES / f"{kind}_{variant.key}.png")
                    for kind in ("partitions", "counts_by_radius", "differences")
                },
            }
            for variant in comparison.variants
        ],
        "policies": _policies(comparison),
        "shown": [
            {"data": DATA_VARIANTS[key], "network": NETWORKS[name], "part": part,
             "folder": f"{PARTITIONS}/{key}_{name}", "policy": part.sigma_policy}
            for (key, name), part in comparison.shown.items()
        ],
        "main_pairs": [(NETWORKS[a], NETWORKS[b]) for a, b in MAIN_PAIRS],
        "checks": checks,
        "sampling_comment": comment(sampling),
        "sampling": [
            {"data": DATA_VARIANTS[s.data], "network": NETWORKS[s.network], "agrees": s.agrees,
             "result": s.result, "refused": s.refused}
            for s in sampling
        ],
        "reached": any(c.total for c in checks),
        "held": all(c.is_held for c in checks) and all(s.agrees for s in sampling),
        "undefined": [
            {"seed": u.seed, "data": DATA_VARIANTS[u.data], "network": NETWORKS[u.network],
             "reason": u.reason}
            for u in comparison.undefined
        ],
        "tests": tests,
        "few_seeds": few_seeds(len(settings.seeds), tests),
        "confidence": CONFIDENCE,
        "record": record,
        "command": shlex.join(["exactbn", *map(str, record.get("arguments", ()))]),
        "number": number,
        "p_value": p_text,
    }


def _sides(variant: DataVariant) -> str:
    """Return the box as rounded intervals."""
    return " \u00d7 ".join(
        f"[{float(lo):.4g}, {float(hi):.4g}]"
        for lo, hi in zip(variant.box.lo, variant.box.hi, strict=True)
    )


def _policies(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Return for each of the four networks its name, its sigma policy, and what that means."""
    found = {m.network: m.sigma_policy for m in comparison.measures}
    return [(NETWORKS[name], found[name], SIGMA_POLICIES[found[name]])
            for name in NETWORKS if name in found]


def _paired_cells(
    rows: Sequence[PairedRow], data: str, settings: Settings, tests: int
) -> list[dict[str, Any]]:
    """Return the paired tests of one form of the data, pair by pair, as texts."""
    labels = measure_labels(settings)
    groups = []
    for first, second in PAIRS:
        lines = []
        for row in rows:
            if (row.data, row.first, row.second) != (data, first, second):
                continue
            r = row.result
            if r is None:
                lines.append({"label": labels[row.measure], "known": False})
                continue
            side, force = verdict(r, tests)
            low_high = "" if r.interval is None else (
                f"{number(r.interval[0], sign=True)} to {number(r.interval[1], sign=True)}")
            lines.append({
                "label": labels[row.measure], "known": True, "side": side, "force": force,
                "median": number(r.median, sign=True), "interval": low_high,
                "up": r.positive, "down": r.negative, "equal": r.zero, "count": r.count,
                "sign_p": p_text(r.sign_p), "wilcoxon_p": p_text(r.wilcoxon_p),
            })
        groups.append({"first": NETWORKS[first], "second": NETWORKS[second], "lines": lines})
    return groups


def _glance(
    rows: Sequence[PairedRow], data: str, settings: Settings, tests: int
) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """Return for every measure the median differences of the main pairs, with their verdicts."""
    found = {(r.first, r.second, r.measure): r.result for r in rows if r.data == data}
    table = []
    for key, label in measure_labels(settings).items():
        cells: list[dict[str, Any] | None] = []
        for first, second in MAIN_PAIRS:
            result = found.get((first, second, key))
            if result is None:
                cells.append(None)
                continue
            side, force = verdict(result, tests)
            cells.append({"median": number(result.median, sign=True), "side": side,
                          "force": force, "up": result.positive, "down": result.negative,
                          "count": result.count})
        table.append((label, cells))
    return table

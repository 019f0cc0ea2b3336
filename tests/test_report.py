"""The report folder: page, pictures, tables, graphs; and that nothing from files is trusted."""

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from types import SimpleNamespace

import networkx
import pyarrow.parquet as pq
import pytest

from exactbn.drawing.style import check_matplotlib
from exactbn.errors import ExactBNError
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition
from exactbn.sampling.statistics import ChiSquare
from exactbn.study import plots, report
from exactbn.study.comparison import NETWORKS, Settings, compare
from exactbn.study.dataset import read_csv
from exactbn.study.findings import check_theorems, paired_rows
from exactbn.study.paired import decimal, exact_text, number
from exactbn.study.report import write_report
from exactbn.study.sampled import SamplingCheck, comment
from exactbn.study.tables import measures_table, paired_table, per_point_table

pytest.importorskip("matplotlib")

F = Fraction
SMALL = Settings(seeds=(0, 1), widths=(3, 2), random_points=4, radii=(F(1, 10), F(1, 3)))
EVIL = (
    b'<script>alert(1)</script>,"a $\\frac{x",kind\n1,2,<b>u</b>\n3,-1,<b>u</b>\n'
    b"-2,4,$v$\n0,5,$v$\n"
)
RECORD = {"arguments": ["compare", "<i>x</i>.csv"], "results_sha256": "0" * 64, "seconds": 1.5,
          "versions": {"exactbn": "0", "torch": None}}


class Links(HTMLParser):
    """Collects the tags and everything that a page would load."""

    def __init__(self):
        super().__init__()
        self.tags, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href")]


@pytest.fixture(scope="module")
def comparison():
    return compare(read_csv("<u>x.csv", content=EVIL), SMALL)


def sampled(p, network="zero"):
    """Return a sampling check whose chi-square test has this p."""
    chi = ChiSquare(1.0, 1, p, 2, 0)
    return SamplingCheck("raw", network, SimpleNamespace(outside=0, chi_square=chi))


def test_the_p_values_of_sampling_are_judged_together():
    """Four checks: 0.01 / 4 is the limit; below 1e-9 nothing but wrong volumes explains it."""
    fine = [sampled(p) for p in (0.9, 0.003, 0.3, 0.1)]
    rule = "below 0.01/4 = 0.0025, as 4 partitions are tested"
    assert comment(fine).endswith(f"{rule}; none is.")
    odd = [*fine[:3], sampled(0.002, "scaled")]
    blame = "that of raw, scaled is. Right volumes give this in one run of 100"
    assert f"{rule}; {blame}" in comment(odd) and all(s.agrees for s in odd)
    assert f"as 1 partition is tested; {blame}" in comment(odd[3:])
    wrong = sampled(0.9e-9)
    assert not wrong.agrees and sampled(1e-9).agrees
    assert "CONTRADICT the exact volumes of raw, zero" in comment([*fine, wrong])
    assert comment([]) == comment([SamplingCheck("raw", "zero", None, "no")]) == ""


#: Pictures that are painted, one of each kind: painting all takes seconds, and shows no more.
PAINTED = ("raw_random", "partitions_raw", "counts_by_radius_raw", "differences_raw")
PNG = b"\x89PNG"


def paint_few(patch, painted=PAINTED):
    """Paint these pictures only: the others are drawn, and an empty file is written for each."""
    write = plots.write_figure

    def write_some(figure, path, dpi=plots.DPI):
        write(figure, path, dpi) if path.stem in painted else path.write_bytes(PNG)

    patch.setattr(plots, "write_figure", write_some)


@pytest.fixture(scope="module")
def folder(comparison, tmp_path_factory):
    target = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        paint_few(patch)
        write_folder(target, comparison)
    return target


def write_folder(target, comparison):
    """Write the report of a comparison of which no sampling check could be made."""
    sampling = [SamplingCheck("raw", "zero", None, "the box is too narrow")]
    notes = []
    write_report(target, comparison, paired_rows(comparison), check_theorems(comparison),
                 sampling, RECORD, progress=lambda done, total, note: notes.append(note))
    assert notes[0] == "tables"
    assert notes[-1] == "page"


def test_the_page_stands_alone_and_escapes_what_it_shows(folder):
    text = (folder / "report.html").read_text()
    page = Links()
    page.feed(text)
    assert {"script", "link", "iframe", "b", "table", "img"} & set(page.tags) == {
        "b", "table", "img"}
    assert page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;u&gt;x.csv" in text
    assert "exactbn compare &#39;&lt;i&gt;x&lt;/i&gt;.csv&#39;" in text
    assert "<i>" not in text
    assert re.search(r"default-src 'none'", text)


def test_whatever_is_wide_scrolls_on_a_narrow_page(folder):
    """Pictures keep the size at which their words can be read; the page itself does not scroll."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    for tag in ("<img ", "<table"):
        assert text.count(tag) == text.count(f'<div class="scroll">{tag}') > 0
    assert "max-width: 760px" in text and "scroll sideways" in text


def test_a_page_without_networks_claims_no_check(tmp_path):
    nothing = compare(read_csv("x.csv", content=EVIL), replace(SMALL, max_seconds=0.0))
    checks = check_theorems(nothing)
    assert {check.verdict for check in checks} == {"not reached"}
    write_report(tmp_path, nothing, paired_rows(nothing), checks, [], RECORD,
                 progress=lambda done, total, note: None)
    text = (tmp_path / "report.html").read_text()
    assert "no check was reached" in text and "every check held" not in text


def test_the_page_says_what_was_found(folder, comparison):
    text = (folder / "report.html").read_text()
    assert "every check held" in text
    assert "sigma policy, BN-centred and scaled" in text
    assert "<b>rounded</b>" in text
    assert "not made: the box is too narrow" in text
    assert "With 2 seeds no difference can be called probable" in text
    for name in NETWORKS.values():
        assert name in text
    assert str(comparison.shown["raw", "random"].num_regions) in text
    assert comparison.data.sha256 in text


def test_pictures_of_every_partition(folder):
    names = {path.name for path in (folder / "pictures").iterdir()}
    for data in ("raw", "standardized"):
        assert {f"{data}_{name}.png" for name in NETWORKS} <= names
        assert {f"{kind}_{data}.png" for kind in
                ("partitions", "counts_by_radius", "differences")} <= names
    for path in (folder / "pictures").iterdir():
        assert path.read_bytes().startswith(PNG)


def test_graphs_and_networks_of_the_shown_partitions(folder, comparison):
    for (data, name), part in comparison.shown.items():
        target = folder / "partitions" / f"{data}_{name}"
        assert load(target / "network.json") == part.network
        graph = networkx.read_graphml(target / "graph.graphml")
        assert len(graph) == part.num_regions
        assert graph.number_of_edges() == part.num_adjacencies
        assert pq.read_table(target / "nodes.parquet").num_rows == part.num_regions
        assert pq.read_table(target / "edges.parquet").num_rows == part.num_adjacencies


def test_tables_hold_the_exact_values(folder, comparison):
    table = pq.read_table(folder / "measures.parquet")
    assert table.equals(measures_table(comparison))
    assert table.num_rows == 2 * 2 * 4
    for row, m in zip(table.to_pylist(), comparison.measures, strict=True):
        for key, value in m.values.items():
            assert F(row[f"{key}_exact"]) == value
            assert row[key] == float(value)
    points = per_point_table(comparison)
    assert points.num_rows == 2 * 2 * 4 * (4 + 4)
    first = points.to_pylist()[0]
    measures = comparison.measures[0]
    assert F(first["squared_distance_exact"]) == measures.points.squared_distances[0]
    assert first["regions@1/10"] == measures.data_counts[0][0]
    rows = paired_rows(comparison)
    paired = paired_table(rows).to_pylist()
    assert len(paired) == len(rows)
    assert F(paired[0]["median_difference_exact"]) == rows[0].result.median


def test_an_incomplete_comparison_says_so(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_draw", lambda *_: None)
    stopped = replace(comparison, stopped="the budget is spent (3 of 16 networks done)")
    write_report(tmp_path, stopped, paired_rows(stopped), check_theorems(stopped), [], RECORD)
    text = (tmp_path / "report.html").read_text()
    assert "INCOMPLETE: the budget is spent (3 of 16 networks done)" in text
    assert "left out (<code>--samples 0</code>)" in text


@pytest.mark.parametrize("done", [0, 1, 5])
def test_the_report_of_what_a_budget_left(comparison, tmp_path, monkeypatch, done):
    """Nothing at all, one network, or all of one form of the data and one of the other."""
    paint_few(monkeypatch, ())
    shown = dict(list(comparison.shown.items())[:done])
    part = replace(comparison, measures=comparison.measures[:done], shown=shown, stopped="spent")
    rows = paired_rows(part)
    write_report(tmp_path, part, rows, check_theorems(part), [], RECORD)
    pictures = {path.name for path in (tmp_path / "pictures").iterdir()}
    has = {key: any(m.data == key for m in part.measures) for key in ("raw", "standardized")}
    for key, is_there in has.items():
        for kind in ("partitions", "counts_by_radius"):
            assert (f"{kind}_{key}.png" in pictures) is is_there
        assert (f"differences_{key}.png" in pictures) is (done == 5 and key == "raw")
    points = pq.read_table(tmp_path / "per_point.parquet")
    assert points.schema == per_point_table(comparison).schema
    assert points.num_rows == done * (4 + 4)
    assert pq.read_table(tmp_path / "measures.parquet").num_rows == done
    assert "INCOMPLETE: spent" in (tmp_path / "report.html").read_text()


def test_a_broken_check_is_shown(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_draw", lambda *_: None)
    checks = [replace(check_theorems(comparison)[0], held=1)]
    write_report(tmp_path, comparison, paired_rows(comparison), checks, [], RECORD)
    assert "a check did not hold" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("columns", [b"a\n1\n2\n5\n", b"a,b,c\n1,0,2\n2,1,0\n5,3,3\n0,0,1\n"])
def test_reports_in_other_dimensions(columns, tmp_path, monkeypatch):
    paint_few(monkeypatch, ("raw_random", "differences_raw"))
    result = compare(read_csv("x.csv", content=columns), replace(SMALL, seeds=(0,)))
    raw = tuple(m for m in result.measures if m.data == "raw")
    result = replace(result, variants=result.variants[:1], measures=raw)
    write_report(tmp_path, result, paired_rows(result), check_theorems(result), [], RECORD)
    text = (tmp_path / "report.html").read_text()
    assert ("bands along a" in text) == (result.data.dim == 1)
    assert ("plane through the mean" in text) == (result.data.dim == 3)


def test_equal_runs_draw_equal_pictures(tmp_path):
    part = partition(Network.from_arrays([[[1, 1]], [[1]]], [[0], [0]]), (0, 1))
    scene = plots.Scene(((Fraction(1, 2), Fraction(1, 2)),))
    for name in ("one.png", "two.png"):
        plots.draw_partitions([plots.Panel("t", "1 region", part)], scene, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_no_matplotlib_is_said_with_its_cure(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.ticker", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ExactBNError, match=r"pip install 'exactbn\[plot\]'"):
        check_matplotlib()


def test_texts_of_numbers():
    assert exact_text(F(-3, 7)) == "-3/7"
    assert exact_text(F(12)) == "12"
    assert len(exact_text(F(10**6000 + 1, 10**6000))) == 2 * 6001 + 1
    assert [decimal(t) for t in (F(1, 100), F(5), F(2, 3), F(1, 10**7))] == [
        "0.01", "5", "2/3", "1/10000000"]
    assert [number(t) for t in (F(0), F(-1, 3), F(123456), F(10**12))] == [
        "0", "\u22120.3333", "123\u202f456", "1e+12"]

"""What ``exactbn partition --out`` writes: the formats asked for, and graphs of limited size."""

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.sparse

from exactbn.cli import main
from exactbn.cli.partition_output import DEFAULT_FORMATS, FORMATS
from exactbn.errors import InputError
from exactbn.model.files import save_json
from exactbn.regions import graph
from exactbn.regions.partitioning import Partition, partition
from tests.examples import NETWORK_A, one_layer

Output = pytest.CaptureFixture[str]

#: What each format leaves in the folder.
FILES = {
    "partition": {"partition"},
    "tables": {"nodes.parquet", "edges.parquet"},
    "csr": {"adjacency.npz"},
    "witnesses": {"witnesses.parquet"},
    "graphml": {"graph.graphml"},
}


@pytest.fixture
def net(tmp_path: Path) -> str:
    """Return a file with a network of some regions."""
    path = tmp_path / "net.json"
    save_json(NETWORK_A, path)
    return str(path)


def run(net: str, out: Path, capsys: Output, *more: str) -> tuple[int, dict[str, object], str]:
    """Return exit code, record and standard error of a run that writes to ``out``."""
    code = main(["partition", net, "--box", "-20", "20", "--json", "--out", str(out), *more])
    printed, err = capsys.readouterr()
    return code, json.loads(printed) if printed else {}, err


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], DEFAULT_FORMATS),
        *((["--formats", name], (name,)) for name in FORMATS),
        (["--formats", "graphml, tables,graphml"], ("tables", "graphml")),
        (["--formats", ",".join(reversed(FORMATS))], tuple(FORMATS)),
    ],
)
def test_what_is_asked_for_is_written_and_nothing_else(
    given: list[str], names: tuple[str, ...], net: str, tmp_path: Path, capsys: Output
) -> None:
    out = tmp_path / "out"
    code, record, err = run(net, out, capsys, *given)
    assert (code, err, record["formats"], record["lacking"]) == (0, "", list(names), [])
    found = {path.name for path in out.iterdir()}
    assert found == {"run.json"}.union(*(FILES[name] for name in names))
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert {key: told[key] for key in record} == record


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--formats", "graphml,npz"], "--formats: 'npz', expected some of partition, tables, "),
        (["--formats", ""], "--formats: '', expected some of"),
        (["--formats", "csr,"], "--formats: '', expected some of"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(
    given: list[str], message: str, net: str, tmp_path: Path, capsys: Output
) -> None:
    code, _, err = run(net, tmp_path / "out", capsys, *given)
    assert code == 2 and message in err and err.endswith("csr, witnesses, graphml\n")
    assert not (tmp_path / "out").exists()


def test_formats_need_a_folder(net: str, capsys: Output) -> None:
    assert main(["partition", net, "--formats", "csr"]) == 2
    assert "--formats needs --out DIR" in capsys.readouterr().err
    assert main(["partition", net, "--box", "-1", "1", "--json"]) == 0
    assert "formats" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_every_format_says_the_same(
    engine: str, net: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Witnesses lie in their regions, matrix and graphs have the pairs; in any batches."""
    monkeypatch.setattr(graph, "_BATCH", 2)
    out = tmp_path / "out"
    assert run(net, out, capsys, "--formats", ",".join(FORMATS), "--engine", engine)[0] == 0
    part = Partition.open(out / "partition")
    assert part.num_regions > 4
    points = pq.read_table(out / "witnesses.parquet")
    assert points.column_names == ["region", "witness"]
    assert points.column("region").to_pylist() == list(range(part.num_regions))
    for i, text in enumerate(points.column("witness").to_pylist()):
        assert part.region_of(text.split()) == i
    assert points.schema.metadata[b"network"].decode() == part.network.sha256
    matrix = scipy.sparse.load_npz(out / "adjacency.npz")
    assert matrix.format == "csr" and (matrix != part.adjacency()).nnz == 0
    assert "witness" not in pq.read_schema(out / "nodes.parquet").names
    again, made = nx.read_graphml(out / "graph.graphml", node_type=int), part.graph()
    assert dict(again.nodes(data=True)) == dict(made.nodes(data=True))
    assert nx.utils.edges_equal(again.edges(data=True), made.edges(data=True))
    assert again.graph.items() >= made.graph.items()


def test_graphs_of_networkx_and_graphml_end_at_a_size(
    net: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused is named, the rest is written, and what has no such limit stays."""
    part = partition(NETWORK_A, (-20, 20))
    assert graph.MAX_GRAPH_REGIONS == 10**6
    monkeypatch.setattr(graph, "MAX_GRAPH_REGIONS", part.num_regions)
    part.graph()
    graph.write_graphml(part, tmp_path / "whole.graphml")
    monkeypatch.setattr(graph, "MAX_GRAPH_REGIONS", part.num_regions - 1)
    many = f"is offered up to {part.num_regions - 1} regions, .* has {part.num_regions}; take"
    with pytest.raises(InputError, match=f"a graph of networkx {many}"):
        part.graph()
    with pytest.raises(InputError, match=f"GraphML {many}"):
        graph.write_graphml(part, tmp_path / "g.graphml")
    assert part.adjacency().nnz == 2 * part.num_adjacencies
    out = tmp_path / "out"
    code, record, err = run(net, out, capsys, "--formats", ",".join(FORMATS))
    assert code == 3 and record["complete"] is True and record["formats"] == list(FORMATS)[:-1]
    assert err.startswith("stopped: format graphml is not written: GraphML is offered up to")
    assert record["lacking"] == [err.removeprefix("stopped: ").strip()]
    assert {path.name for path in out.iterdir()} == {"run.json"}.union(
        *(FILES[name] for name in FORMATS if name != "graphml")
    )
    target = tmp_path / "late.graphml"
    assert main(["export", str(out / "partition"), str(target)]) == 2
    assert "GraphML is offered up to" in capsys.readouterr().err and not target.exists()


def test_a_stored_partition_is_exported(net: str, tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "out"
    every = ["--formats", "partition,csr,witnesses,graphml"]
    assert run(net, out, capsys, *every)[0] == 0
    folder = str(out / "partition")
    for ending, name in (
        (".graphml", "graph"), (".npz", "adjacency"), (".parquet", "witnesses"),
    ):  # fmt: skip
        target = tmp_path / f"again{ending}"
        assert main(["export", folder, str(target)]) == 0
        assert "<Partition of the box [-20, 20]^2 by a " in capsys.readouterr().out
        assert target.read_bytes() == (out / f"{name}{ending}").read_bytes()
        assert main(["export", folder, str(target)]) == 2
        assert main(["export", folder, str(target), "--force"]) == 0
    capsys.readouterr()
    assert main(["export", folder, str(tmp_path / "p.json")]) == 2
    assert "is a folder, so a partition, expected a name that ends in" in capsys.readouterr().err


def test_an_incomplete_partition_has_its_formats(
    net: str, tmp_path: Path, capsys: Output
) -> None:
    out = tmp_path / "out"
    code, record, _ = run(net, out, capsys, "--max-regions", "3", "--formats", "graphml,csr")
    assert code == 3 and record["formats"] == ["csr", "graphml"]
    again = nx.read_graphml(out / "graph.graphml")
    assert again.graph["complete"] is False and len(again) == record["regions"]


def test_writing_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_BATCH", 3)
    part = partition(NETWORK_A, (-20, 20))
    seen: list[tuple[int, int, str]] = []
    graph.write_witnesses(part, tmp_path / "w.parquet", progress=lambda *a: seen.append(a))
    starts = range(0, part.num_regions, 3)
    assert [a[0] for a in seen] == [min(s + 3, part.num_regions) for s in starts]
    seen.clear()
    graph.write_graphml(part, tmp_path / "g.graphml", progress=lambda *a: seen.append(a))
    total = part.num_regions + part.num_adjacencies
    assert seen[-1] == (total, total, "g.graphml") and len(seen) > len(starts)


def test_one_region_in_every_format(tmp_path: Path, capsys: Output) -> None:
    save_json(one_layer([[1, 1]], [50]), tmp_path / "one.json")
    out = tmp_path / "out"
    formats = ["--formats", ",".join(FORMATS)]
    code, record, _ = run(str(tmp_path / "one.json"), out, capsys, *formats)
    assert code == 0 and record["regions"] == 1
    assert scipy.sparse.load_npz(out / "adjacency.npz").shape == (1, 1)
    assert pq.read_table(out / "witnesses.parquet").num_rows == 1
    assert len(nx.read_graphml(out / "graph.graphml")) == 1
    assert np.array_equal(Partition.open(out / "partition").edges, np.zeros((0, 2)))

"""The errata: every number called exact is counted anew, and every certificate is checked."""

import hashlib
import json
from pathlib import Path

import pytest

from exactbn import checker
from exactbn.claims import errata as module
from exactbn.claims.errata import Row, counted, page, read, with_output_hidden
from exactbn.errors import InputError
from exactbn.model.files import load, save_json
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

ERRATA = read()
ROWS = list(ERRATA.rows)
OURS = [row for row in ROWS if row.is_ours]
PROVEN = {row.certificate: row for row in OURS if row.certificate.exists()}


def name(row: Row) -> str:
    """Return a row as a test's name."""
    return f"{row.program}-{row.network}-{row.domain}"


def test_the_page_is_made_of_the_records() -> None:
    text = (module.ROOT / "docs" / "errata.md").read_text(encoding="utf-8")
    assert text == page(ERRATA)


@pytest.mark.parametrize("row", OURS, ids=name)
def test_rows_are_counted_anew(row: Row) -> None:
    assert counted(row.partition_of(), row.quantity) == row.exact != row.said


@pytest.mark.parametrize("path", PROVEN, ids=lambda path: path.name)
def test_certificates_are_accepted(path: Path, tmp_path: Path) -> None:
    row = PROVEN[path]
    exported = tmp_path / "network.json"
    save_json(row.network_of(), exported)
    network = checker.read_network(str(exported))
    with checker.open_certificate(path) as stream:
        proof = checker.check(network, stream)
    numbers = {"regions": proof.regions, "adjacencies": proof.adjacencies}
    for other in OURS:
        if other.certificate == path:
            assert numbers[other.quantity] == other.exact
    assert proof.network == row.network_of().sha256
    assert proof.domain.startswith("all" if row.cube is None else "box")


def test_what_is_small_is_kept_and_nothing_else() -> None:
    kept = {path.name for path in module.FOLDER.glob("*.gz")}
    assert kept == {path.name for path in PROVEN} and len(kept) >= 12
    assert all(path.stat().st_size <= module.MOST_BYTES for path in PROVEN)
    large = {row.network for row in OURS if row.certificate not in PROVEN}
    assert large == {"bnc_2x64x64x1", "rnd_3x10x10x1", "bnc_3x10x10x1"}


@pytest.mark.parametrize("network", ERRATA.phantoms)
def test_phantom_edges_join_regions_that_share_no_facet(network: str) -> None:
    pairs = ERRATA.phantoms[network]
    row = next(r for r in OURS if r.network == network and r.quantity == "adjacencies")
    cells = row.partition_of()
    assert len(pairs) == row.said - row.exact
    regions = {"".join(map(str, p)): i for i, p in enumerate(cells.patterns.tolist())}
    edges = {frozenset(pair) for pair in cells.edges.tolist()}
    for one, other in pairs:
        assert sum(a != b for a, b in zip(one, other, strict=True)) == 1
        assert frozenset((regions[one], regions[other])) not in edges


def test_phantom_edges_would_be_seen_if_they_were_none() -> None:
    cells = next(r for r in OURS if r.network == "rnd_2x8x8x1").partition_of()
    i, j = cells.edges.tolist()[0]
    assert int((cells.patterns[i] != cells.patterns[j]).sum()) == 1


def fixture(folder: Path) -> tuple[Path, Network]:
    """Return the file of E1 and its network, or skip."""
    torch = pytest.importorskip("torch")
    path = folder / "nets" / "golden" / "ckpt5795_d4_w10_nh4.pt"
    if not path.exists():
        pytest.skip(f"no file {path}; it is not part of the project")
    state = torch.load(path, weights_only=True)["state_dict"]
    weights = [state[f"fc{i}.weight"].tolist() for i in range(5)]
    biases = [state[f"fc{i}.bias"].tolist() for i in range(5)]
    # An idle output after the fifth layer, which is hidden; see with_output_hidden.
    return path, with_output_hidden(Network.from_arrays(weights, biases))


def test_the_fixture_is_the_one_of_the_records(shared_folder: Path) -> None:
    path, network = fixture(shared_folder)
    foreign = ERRATA.foreign[path.name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == foreign.sha256
    assert network.sha256 == foreign.network
    said = json.loads((path.parent / "manifest.json").read_text(encoding="utf-8"))
    (row,) = ERRATA.entries[0].rows
    entry = next(w for w in said["witnesses"] if w["id"] == "meta_graph_large")
    assert entry["expected"]["n_regions"] == row.said


@pytest.mark.slow
def test_the_fixture_is_counted_anew(shared_folder: Path) -> None:
    _, network = fixture(shared_folder)
    cells = partition(network)
    assert (cells.num_regions, cells.num_adjacencies) == (63099, 242190)
    assert cells.is_complete and cells.num_regions == ERRATA.entries[0].rows[0].exact


@pytest.mark.parametrize("row", ERRATA.entries[3].rows, ids=name)
def test_vertices_of_the_foreign_networks(row: Row, shared_folder: Path) -> None:
    path = shared_folder / "nets" / row.network
    if not path.exists():
        pytest.skip(f"no file {path}; it is not part of the project")
    network = with_output_hidden(load(path))
    assert network.sha256 == ERRATA.foreign[row.network].network
    cells = partition(network, (-100, 100))
    assert cells.f_vector is not None
    vertices = [cells.vertex(v) for v in range(cells.f_vector[0])]
    inner = sum(all(abs(t) < 100 for t in x) for x in vertices)
    assert inner == row.exact
    # As many regions as in all of the plane, so the box holds all vertices.
    assert cells.num_regions == partition(network).num_regions == 17


def test_the_output_becomes_hidden() -> None:
    network = Network.from_arrays([[[1, 2]], [[3], [4]]], [[5], [6, 7]], slope="1/2")
    expected = Network.from_arrays(
        [[[1, 2]], [[3], [4]], [[0, 0]]], [[5], [6, 7], [0]], slope="1/2"
    )
    assert with_output_hidden(network) == expected


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; the errata are part of a checkout"):
        read(tmp_path)
    (tmp_path / "errata.json").write_text('{"format": "exactbn-errata 0"}', encoding="utf-8")
    with pytest.raises(InputError, match="expected the format 'exactbn-errata 1'"):
        read(tmp_path)
    with pytest.raises(InputError, match="expected regions or adjacencies, got 'vertices'"):
        counted(OURS[0].partition_of(), "vertices")

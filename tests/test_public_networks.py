"""Public networks whose regions others have counted; they are not part of the project."""

import json
from pathlib import Path

import pytest

from exactbn.claims.errata import with_output_hidden
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition


def read(folder: Path, name: str) -> Network:
    """Return a network, its output unit hidden as well, or skip."""
    path = folder / "nets" / name
    if not path.exists():
        pytest.skip(f"no file {path}; it is not part of the project")
    return with_output_hidden(load(path))


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_equal_patterns_and_other_neighbours(engine: str, shared_folder: Path) -> None:
    """M. Masden's two networks 2-4-1 have the same 17 patterns, and 28 and 27 adjacencies.

    In the second one two regions whose patterns differ in one unit share no facet.
    """
    first, second = (
        partition(read(shared_folder, f"masden_model{k}.json"), engine=engine) for k in (1, 2)
    )
    assert (first.num_regions, first.num_adjacencies) == (17, 28)
    assert (second.num_regions, second.num_adjacencies) == (17, 27)
    rows = [["".join(map(str, row)) for row in part.patterns.tolist()] for part in (first, second)]
    assert set(rows[0]) == set(rows[1])
    pairs = [
        {frozenset(names[i] for i in pair) for pair in part.edges.tolist()}
        for part, names in zip((first, second), rows, strict=True)
    ]
    assert pairs[1] < pairs[0] and pairs[0] - pairs[1] == {frozenset(("01011", "11011"))}


@pytest.mark.parametrize(
    ("name", "regions", "adjacencies"),
    [
        ("ckpt0_d2_w8_nh1.pt", 49, 87),
        ("ckpt10_d2_w8_nh1.pt", 51, 92),
        ("ckpt5303_d4_w10_nh1.pt", 640, 2245),
        ("ckpt6013_d4_w12_nh1.pt", 1237, 4463),
    ],
)
def test_trained_networks_in_all_of_space(
    name: str, regions: int, adjacencies: int, shared_folder: Path
) -> None:
    """The regions are those of the fixtures of relucent, the adjacencies are counted here."""
    part = partition(read(shared_folder, f"golden/{name}"))
    assert (part.num_regions, part.num_adjacencies) == (regions, adjacencies)
    assert part.is_complete
    manifest = shared_folder / "nets" / "golden" / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8"))["witnesses"]
    assert [e["expected"]["n_regions"] for e in entries if e["file"] == name] == [regions]

"""Zero sets of trained networks with published Betti numbers; the files are not in the project."""

import json
from pathlib import Path
from typing import Any

import pytest

from exactbn.claims.errata import read, with_output_hidden
from exactbn.model.files import load
from exactbn.regions.levels import level_partition
from exactbn.regions.partitioning import partition

#: Pieces of the zero set, its Betti numbers as a set in R^d, and relative to infinity.
TRUTH = {
    "ckpt0_d2_w8_nh1.pt": (12, (1, 0), (0, 1)),
    "ckpt10_d2_w8_nh1.pt": (14, (1, 1), (1, 1)),
    "ckpt4630_d4_w8_nh2.pt": (1844, (1, 1, 1, 1), (1, 1, 1, 1)),
    "ckpt5065_d4_w8_nh4.pt": (656, (1, 0, 0, 1), (1, 0, 0, 1)),
    "ckpt5303_d4_w10_nh1.pt": (254, (1, 0, 0, 0), (0, 0, 0, 1)),
    "ckpt5490_d4_w10_nh3.pt": (1072, (2, 1, 0, 0), (0, 0, 1, 2)),
    "ckpt5795_d4_w10_nh4.pt": (1330, (3, 0, 0, 0), (0, 0, 0, 3)),
    "ckpt6013_d4_w12_nh1.pt": (443, (1, 0, 0, 0), (0, 0, 0, 1)),
}
#: More than 10^4 regions.
LARGE = ("ckpt5490_d4_w10_nh3.pt", "ckpt5795_d4_w10_nh4.pt", "ckpt5065_d4_w8_nh4.pt")


def entry_of(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the file and what was said of it, or skip."""
    place = folder / "nets" / "golden"
    if not (place / name).exists():
        pytest.skip(f"no file {place / name}; it is not part of the project")
    said = json.loads((place / "manifest.json").read_text(encoding="utf-8"))["witnesses"]
    return place / name, next(w for w in said if w["file"] == name)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in TRUTH]
)
def test_zero_sets_of_trained_networks(name: str, shared_folder: Path) -> None:
    path, entry = entry_of(name, shared_folder)
    pieces, own, relative = TRUTH[name]
    level = level_partition(load(path), output=0)
    assert level.homology("=").betti[:-1] == level.homology("boundary of >").betti[:-1] == own
    assert level.homology("=", "relative").betti[:-1] == relative
    # Homology of the zero set in dimensions above 0 is that of both sides together.
    below, above = level.homology("<="), level.homology(">=")
    sums = tuple(a + b for a, b in zip(below.betti[1:-1], above.betti[1:-1], strict=True))
    assert sums == own[1:]
    said = tuple(entry["expected"]["truncated_betti"].get(str(k), 0) for k in range(len(own)))
    wrong = {row.network: row.said for row in read().entries[4].rows}
    expected = list(own)
    if name in wrong:
        expected[2] = wrong[name]
    assert said == tuple(expected)
    # Pieces lie between two regions whose patterns differ in the output alone.
    part = partition(with_output_hidden(load(path)))
    differ = part.patterns[part.edges[:, 0]] != part.patterns[part.edges[:, 1]]
    at = differ[:, entry["boundary_shi"]] & (differ.sum(axis=1) == 1)
    assert at.sum() == pieces == entry["expected"]["n_boundary_cells"]

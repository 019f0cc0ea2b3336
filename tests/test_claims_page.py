"""The page of the ledger is the ledger's, and its pictures are of what the claims speak of."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.claims.ledger.instance import Instance, read_instance
from exactbn.claims.ledger.ledger import all_claims, find_claim
from exactbn.claims.ledger.verdict import Status
from exactbn.claims.page import _linked, instance_rows
from exactbn.claims.pictures import _view, can_draw, draw_instance
from exactbn.model.domain import Box
from exactbn.model.network import Network

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "claims.md"
F = Fraction
FILES = sorted((DOCS / "claims").glob("[KF]*.json"))

PLANE = Network.from_arrays([[[1, 0], [0, 1]], [[1, "-1/3"]]], [[0, 2], [0]])
LINE = Network.from_arrays([[[1], [-1]], [[1, 1]]], [[0, 1], [0]], slope="1/10")


def test_page_lists_every_claim_with_its_recorded_status() -> None:
    text = PAGE.read_text(encoding="utf-8")
    sections = text.split("\n## ")[1:]
    assert [section.split("\n")[0] for section in sections] == [c.key for c in all_claims()]
    for claim, section in zip(all_claims(), sections, strict=True):
        verdict = next(line for line in section.splitlines() if line.startswith("- Verdict: "))
        shown = "needs" if claim.expected is Status.NEEDS else claim.expected.value
        assert verdict.startswith(f"- Verdict: **{shown}"), claim.key
        assert "recorded is" not in verdict


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_counterexample_violates_its_claim(path: Path) -> None:
    key, instance = read_instance(path)
    claim = find_claim(key)
    assert path.stem == key
    assert claim.expected in (Status.REFUTED, Status.NEEDS)
    assert claim.violation is None or claim.violation(instance) is not None


def test_pages_that_entries_name_are_links() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("[docs/mean\\_degree.md](mean_degree.md)") == 2
    assert _linked("docs/none and docs/a.md") == "docs/none and [docs/a.md](a.md)"


def test_rows_of_an_instance_are_exact() -> None:
    data = ((Fraction(1, 3), Fraction(2)),) * 5
    rows = dict(instance_rows(Instance(PLANE, data, {"radius": Fraction(1, 7)}), most=2))
    assert rows["W1"] == "[[1, -1/3]]" and rows["b0"] == "[0, 2]" and rows["radius"] == "1/7"
    assert rows["data, 5 points"] == "(1/3, 2), (1/3, 2) and 3 more"


@pytest.mark.parametrize("network", [PLANE, LINE], ids=["plane", "line"])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_pictures(tmp_path: Path, network: Network, count: int) -> None:
    pytest.importorskip("matplotlib")
    points = [(i, (-1) ** i)[: network.num_inputs] for i in range(count)]
    data = tuple(tuple(Fraction(t) for t in x) for x in points)
    path = tmp_path / "picture.png"
    draw_instance(Instance(network, data), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    first = path.read_bytes()
    draw_instance(Instance(network, data), path)
    assert path.read_bytes() == first


def test_view_holds_what_is_near_of_the_vertices() -> None:
    data = ((F(0), F(0)), (F(1), F(1)))
    near = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[2, 3], [0]])  # meet at (-2, -3)
    far = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[2, 4], [0]])
    assert _view(2, data, [near]) == Box((F(-3), F(-4)), (F(2), F(2)))
    assert _view(2, data, [far]) == Box((F(-1, 4),) * 2, (F(5, 4),) * 2)


def test_what_has_no_picture() -> None:
    space = Network.from_arrays([[[1, 0, 0]], [[1]]], [[0], [0]])
    linear = Network.from_arrays([[[1, 2]]], [[0]])
    assert not can_draw(Instance(space)) and not can_draw(Instance(linear))
    assert not can_draw(Instance(None, ((Fraction(1),),)))


def test_files_name_their_claim() -> None:
    for path in FILES:
        assert json.loads(path.read_text())["claim"] == path.stem

"""The page of the source's three statements: current, complete, and made of the ledger's record."""

import json
import re
from pathlib import Path

import pytest

from exactbn.claims.families.training import recorded_rows
from exactbn.claims.ledger.claim import ANSWERS, RECONSTRUCTED
from exactbn.claims.ledger.ledger import Entry, all_claims
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.paper import (
    FORMAT,
    RECORD,
    STATEMENTS,
    main,
    paper,
    read_record,
    to_record,
    write_paper,
)
from exactbn.errors import InputError

DOCS = Path(__file__).parents[1] / "docs"
STORED = DOCS / "claims" / RECORD


def test_the_page_is_what_the_record_makes() -> None:
    # Mended by: python -m exactbn.claims.paper docs
    assert paper(read_record(STORED), "claims") == (DOCS / "paper.md").read_text(encoding="utf-8")


def test_the_record_is_of_this_ledger() -> None:
    # Mended by: exactbn claims --all --write-page docs/claims.md
    found = read_record(STORED)
    assert [claim["key"] for claim in found["claims"]] == [claim.key for claim in all_claims()]
    for kept, claim in zip(found["claims"], all_claims(), strict=True):
        now = {name: kept[name] for name in ("title", "statement", "assumptions", "proof")}
        assert now == {name: getattr(claim, name) for name in now}, claim.key
        assert kept["answers"] == list(claim.answers)
        assert kept["verdict"] == kept["expected"] == claim.expected.value, claim.key
        assert len(kept["tests"]) == claim.tests


def test_the_record_has_the_recorded_experiments() -> None:
    claims = {claim["key"]: claim for claim in read_record(STORED)["claims"]}
    for key in ("K17", "K18"):
        now = [row.comparison for row in recorded_rows(key)]
        kept = [(t["group"], t["name"], t["figures"], t["p_value"]) for t in claims[key]["tests"]]
        assert kept == [(t.group, t.name, t.text, t.p_value) for t in now]


def test_every_entry_that_answers_stands_under_its_statement() -> None:
    sections = (DOCS / "paper.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert [section.partition(":")[0] for section in sections] == list(ANSWERS)
    for section, name in zip(sections, ANSWERS, strict=True):
        linked = re.findall(r"\[(\w+)\]\(claims\.md#\w+\)", section)
        assert sorted(linked) == sorted(c.key for c in all_claims() if name in c.answers)
        assert "### Open" in section and "![" in section
    assert [statement.name for statement in STATEMENTS] == list(ANSWERS)


def test_reconstructions_and_least_differences_are_told() -> None:
    found = read_record(STORED)
    text = (DOCS / "paper.md").read_text(encoding="utf-8")
    assert text.count(RECONSTRUCTED) >= 15
    k17 = next(claim for claim in found["claims"] if claim["key"] == "K17")
    worst = min((t for t in k17["tests"] if t["group"].startswith("test points")),
                key=lambda t: t["estimate"])  # fmt: skip
    assert f"{worst['estimate']:+g} ({worst['name']})" in text and "42 test points" in text


def test_what_is_said_of_mean_degrees_is_the_ledgers() -> None:
    claims = {claim["key"]: claim for claim in read_record(STORED)["claims"]}
    details = claims["F30"]["details"]
    text = (DOCS / "mean_degree.md").read_text(encoding="utf-8")
    assert details["greatest E / (d (R - 1)) among them"] in text and "1500 drawn" in text
    assert details["random networks of 3 inputs, 2 or 3 hidden layers, above 2 d"] == "0 of 1500"


def test_every_link_leads_to_an_entry() -> None:
    anchors = re.findall(r"^## (\w+)$", (DOCS / "claims.md").read_text(encoding="utf-8"), re.M)
    linked = re.findall(r"\(claims\.md#(\w+)\)", (DOCS / "paper.md").read_text(encoding="utf-8"))
    assert set(linked) <= {anchor.lower() for anchor in anchors}


def test_the_page_is_linked_first() -> None:
    for path, link in ((DOCS / "index.md", "paper.md"), (DOCS.parent / "README.md",
                                                         "docs/paper.md")):  # fmt: skip
        links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
        assert links[0] == link, path


def test_counts_and_headings_follow_the_record(tmp_path: Path) -> None:
    found = json.loads(STORED.read_text(encoding="utf-8"))
    k18 = next(claim for claim in found["claims"] if claim["key"] == "K18")
    for test in k18["tests"]:
        test["outcome"] = "the opposite"
    k1 = next(claim for claim in found["claims"] if claim["key"] == "K1")
    k1["verdict"] = Status.OPEN.value
    write_paper(tmp_path / "paper.md", found, "claims")
    text = (tmp_path / "paper.md").read_text(encoding="utf-8")
    assert "0 of 12, the opposite in 12 tests" in text
    assert "| 12 | 0 | 12 | 0 |" in text
    assert "### Open\n\n- [K1](claims.md#k1)" in text


def test_the_record_keeps_no_times() -> None:
    claim = next(iter(all_claims()))
    kept = to_record([Entry(claim, Verdict(Status.PROVED, "it is"), 2.5)], is_full=False)
    assert kept["format"] == FORMAT and kept["effort"] == "quick"
    assert "seconds" not in kept["claims"][0] and kept["claims"][0]["text"] == "proved"


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_what_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / RECORD
    path.write_text(text)
    with pytest.raises(InputError, match=RECORD):
        read_record(path)


def test_the_page_is_written_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / RECORD).write_bytes(STORED.read_bytes())
    monkeypatch.setattr("sys.argv", ["paper", str(tmp_path)])
    main()
    assert (tmp_path / "paper.md").read_bytes() == (DOCS / "paper.md").read_bytes()

"""``exactbn claims``: the table, one JSON object, files, the finder, replay, and exit codes."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.claims.ledger import ledger
from exactbn.claims.ledger.claim import Claim, Effort
from exactbn.claims.ledger.instance import Instance, read_instance
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.cli import main
from exactbn.errors import InputError

Output = pytest.CaptureFixture[str]


def violation(instance: Instance) -> str | None:
    """Return why the first coordinates add up to more than 5."""
    total = sum((x[0] for x in instance.data), Fraction(0))
    return f"they add up to {total}" if total > 5 else None


def propose(rng: random.Random) -> Instance:
    """Return random data and a network that takes no part."""
    return Instance(draw_network(rng, (2, 3, 1)), draw_matrix(rng, 3, 2))


def check(effort: Effort) -> Verdict:
    """Return a refutation."""
    example = propose(random.Random(1))
    while violation(example) is None:
        example = replace(example, data=((Fraction(9), Fraction(1, 3)), *example.data))
    details = {"sum |x|": "more than 5"}
    return Verdict(Status.REFUTED, "They are more than 5.", effort.of(1, 7), details, example)


FALSE = Claim(
    "F98", "sums", "no sum is more than 5", "sum x_i <= 5 for all x", "none", "a folk tale",
    "an exact instance", Status.REFUTED, check, violation, propose,
)  # fmt: skip
#: Recorded as proved, while its check refutes it.
WRONG = replace(FALSE, key="F99", expected=Status.PROVED)
TRUE = replace(
    FALSE, key="K98", title="a square is not negative", expected=Status.PROVED,
    check=lambda effort: Verdict(Status.PROVED, "By its sign.", 3),
    violation=lambda instance: None,
)  # fmt: skip


def broken(effort: Effort) -> Verdict:
    """Raise, as a check with a fault does."""
    raise InputError("a fault in the check")


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ledger hold two claims whose verdicts are the recorded ones."""
    monkeypatch.setattr(ledger, "all_claims", lambda: (TRUE, FALSE))


@pytest.mark.usefixtures("claims")
def test_table(capsys: Output) -> None:
    assert main(["claims"]) == 0
    out, _ = capsys.readouterr()
    assert "no sum is more than 5" in out and "refuted" in out
    assert "1 proved, 1 refuted" in out


@pytest.mark.usefixtures("claims")
def test_json_is_one_object(capsys: Output) -> None:
    assert main(["claims", "--all", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    result = json.loads(out)
    assert result["effort"] == "full" and result["as_expected"] and result["complete"]
    assert [entry["key"] for entry in result["claims"]] == ["K98", "F98"]
    assert result["claims"][1]["instances"] == 7
    assert result["claims"][1]["counterexample"]["format"] == "exactbn-instance 1"


@pytest.mark.usefixtures("claims")
def test_show_explains(capsys: Output) -> None:
    assert main(["claims", "F98", "--show"]) == 0
    out, _ = capsys.readouterr()
    for text in ("sum x_i <= 5", "folk tale", "refuted", "W0: [[", "(9, 1/3)", "--replay"):
        assert text in out
    assert "K98" not in out


def test_another_verdict_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    fault = replace(TRUE, key="K99", check=broken)
    monkeypatch.setattr(ledger, "all_claims", lambda: (fault, WRONG, TRUE))
    assert main(["claims"]) == 1
    out, err = capsys.readouterr()
    assert "recorded: proved" in out
    assert "F99" in err and "K99" in err and "K98" not in err


@pytest.mark.usefixtures("claims")
def test_a_budget_ends_with_3(capsys: Output) -> None:
    assert main(["claims", "--max-seconds", "0", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["complete"] is False
    assert "0 of 2 claims" in err


@pytest.mark.usefixtures("claims")
def test_out_holds_the_counterexample(tmp_path: Path, capsys: Output) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    assert main(["claims", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"F98.json", "F98.png", "run.json"}
    capsys.readouterr()
    assert main(["claims", "--replay", str(out / "F98.json")]) == 0
    assert "violates the claim: they add up to" in capsys.readouterr().out
    assert main(["claims", "--out", str(out)]) == 2


@pytest.mark.usefixtures("claims")
def test_search_saves_what_it_finds(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "found.json"
    command = ["claims", "--search", "F98", "--minutes", "0.05", "--seed", "3", "--out", str(path)]
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["found"] and result["counterexample"]["claim"] == "F98"
    key, instance = read_instance(path)
    assert key == "F98" and violation(instance) is not None
    assert main(command) == 2  # the file is there
    assert main([*command, "--force"]) == 0
    assert "a counterexample after" in capsys.readouterr().out


def test_search_that_finds_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    hidden = replace(FALSE, violation=lambda instance: None)
    monkeypatch.setattr(ledger, "all_claims", lambda: (TRUE, hidden))
    assert main(["claims", "--search", "K98", "--minutes", "0.001"]) == 0
    assert main(["claims", "--search", "F98", "--minutes", "0.001"]) == 3
    assert "no counterexample to F98" in capsys.readouterr().err


def test_a_counterexample_to_a_true_claim_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ledger, "all_claims", lambda: (WRONG,))
    path = tmp_path / "found.json"
    command = ["claims", "--search", "F99", "--minutes", "0.02", "--out", str(path)]
    assert main(command) == 1
    assert main(["claims", "--replay", str(path), "--json"]) == 1


@pytest.mark.usefixtures("claims")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["K1234"], "no claim 'K1234'"),
        (["--search", "Q1"], "no claim 'Q1'"),
        (["--minutes", "1"], "go with --search"),
        (["--show", "--search", "F98"], "do not go together"),
        (["F98", "--search", "F98"], "neither further claims"),
        (["--replay", "no-such-file.json"], "no-such-file.json"),
        (["F98", "--write-page", "page.md"], "whole ledger"),
        (["--search", "F98", "--out", "no/folder/file.json"], "no/folder does not exist"),
        (["--search", "F98", "--out", "."], "is a folder"),
        (["--replay", "file.json", "--out", "out"], "does not go with --replay"),
        (["--search", "F98", "--workers", "2"], "nor --workers"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: Output) -> None:
    assert main(["claims", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and not out


@pytest.mark.usefixtures("claims")
def test_replay_needs_a_claim_about_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(ledger, "all_claims", lambda: (replace(FALSE, violation=None),))
    path = tmp_path / "instance.json"
    path.write_text(Instance().to_json("F98"))
    assert main(["claims", "--replay", str(path)]) == 2
    assert "it has no instances" in capsys.readouterr().err


@pytest.mark.usefixtures("claims")
def test_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "ledger.md"
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "F97.png").write_text("of a claim that is no more")
    (tmp_path / "ledger" / "mine.png").write_text("not written by the page")
    assert main(["claims", "--write-page", str(path)]) == 0
    text = path.read_text()
    assert "2 claims, settled on a quick subset of each check: 1 proved, 1 refuted." in text
    assert "| [F98](#f98) | sums |  | no sum is more than 5 | refuted" in text
    assert "sum x\\_i \\<= 5" in text and "| sum \\|x\\| | more than 5 |" in text
    assert {p.name for p in (tmp_path / "ledger").iterdir()} == {"F98.json", "F98.png", "mine.png"}
    assert "![F98](ledger/F98.png)" in text


def test_claims_in_small_letters_and_files_that_are_no_instance(tmp_path, capsys):
    assert ledger.find_claim("k7").key == "K7"
    path = tmp_path / "net.json"
    path.write_text('{"layers": []}')
    assert main(["claims", "--replay", str(path)]) == 2
    assert "not an instance of a claim, expected" in capsys.readouterr().err

"""Statistical tests judged together: Holm by hand, bounded means, and what the ledger reports."""

import random
from dataclasses import replace
from math import exp, log

import pytest

from exactbn.claims.families.expectation import MOST_REGIONS
from exactbn.claims.ledger.claim import ANSWERS, RECONSTRUCTED, Effort, settle
from exactbn.claims.ledger.ledger import Entry, all_claims, find_claim, judge_together, record
from exactbn.claims.ledger.multiplicity import ALPHA, Comparison, holm, outcome, tally_outcomes
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.page import source_of, verdict_rows
from exactbn.claims.tools.bounded_mean import STAKE, mean_p_value
from exactbn.errors import InputError, InternalError


def test_holm_by_hand() -> None:
    # 0.01 / 4, 0.01 / 3, 0.01 / 2, 0.01: the third fails, and the fourth with it.
    assert holm([0.0033, 0.0025, 0.0051, 0.006], 4) == [True, True, False, False]
    assert holm([0.005, 0.01], 2) == [True, True]
    assert holm([0.0051, 0.01], 2) == [False, False]
    assert holm([], 5) == []


def test_tests_that_were_not_made_count() -> None:
    assert holm([0.004], 2) == [True]
    assert holm([0.004], 3) == [False]


def test_outcomes() -> None:
    up = Comparison("more", "a", 0.001, 1, "", 2.5)
    assert outcome(up, True) == "as claimed" and outcome(up, False) == "not clear"
    assert outcome(replace(up, direction=-1), True) == "the opposite"
    assert outcome(replace(up, direction=0), True) == "not clear"
    pair = [up, replace(up, direction=-1)]
    told = ["More: as claimed in 1 of 2 tests, the opposite in 1"]
    assert tally_outcomes(pair, [True, True]) == told


def test_bets_on_a_mean_by_hand() -> None:
    # Three times half of the bound: the capital grows to (1 + 0.45)^3.
    assert mean_p_value([0.5] * 20, 1) == pytest.approx(2 * (1 + STAKE / 2) ** -20)
    assert mean_p_value([-1.0] * 20, 2) == pytest.approx(2 * (1 + STAKE / 2) ** -20)
    assert mean_p_value([0.0] * 20, 1) == 1
    assert mean_p_value([1.0, -1.0] * 500, 1) == 1
    with pytest.raises(InternalError, match="beyond its bound"):
        mean_p_value([1.5], 1)


def test_a_mean_of_zero_is_seldom_called_clear() -> None:
    rng = random.Random(2)
    found = [
        mean_p_value([rng.choice((1.0, 1.0, 1.0, -3.0)) for _ in range(50)], 3) for _ in range(400)
    ]
    assert sum(p <= 0.05 for p in found) <= 0.05 * 400
    assert mean_p_value([rng.choice((1.0, 0.0)) for _ in range(60)], 3) < exp(-log(20))


def test_tests_are_planned() -> None:
    planned = {claim.key: claim.tests for claim in all_claims() if claim.tests}
    assert planned == {"K14E": 12, "K15E": 12, "K17": 72, "K18": 39, "F3E": 12}
    assert ALPHA == 0.01 and MOST_REGIONS == 49
    claim = replace(find_claim("K14E"), check=lambda effort: Verdict(
        Status.STATISTICAL, "", comparisons=(Comparison("g", "n", 0.5, 1, "", 2.5),)))  # fmt: skip
    with pytest.raises(InputError, match="1 tests, planned are 12"):
        settle(claim, Effort())


def test_the_whole_ledger_is_the_family() -> None:
    """A p-value that one claim alone would call clear is judged among all planned tests."""
    total = sum(claim.tests for claim in all_claims())
    claim = find_claim("K14E")

    def judged(p: float) -> Entry:
        tests = (Comparison("g", "n", p, 1, "text", 2.5),)
        return judge_together([Entry(claim, Verdict(Status.STATISTICAL, "S.", 1, {},
                                                    comparisons=tests), 0.0)])[0]  # fmt: skip

    weak, strong = judged(1.01 * ALPHA / total), judged(0.99 * ALPHA / total)
    assert weak.clear == (False,) and strong.clear == (True,)
    assert strong.summary == "S. G: as claimed in 1 of 1 tests, the opposite in 0."
    assert "as claimed" in verdict_rows(strong)[-1][1] and "not clear" in verdict_rows(weak)[-1][1]
    tests = record(strong)["tests"]
    assert isinstance(tests, list) and tests[0]["outcome"] == "as claimed"


def test_theorems_are_proved_and_not_sampled() -> None:
    for claim in all_claims():
        assert (claim.expected is Status.STATISTICAL) == bool(claim.tests), claim.key
        if claim.expected is Status.PROVED and claim.key[:2] != "K3" or claim.key == "K3":
            assert claim.proof, claim.key
        assert set(claim.answers) <= set(ANSWERS), claim.key


def test_reconstructions_say_so() -> None:
    for key in ("F5", "F6", "K14", "K17", "K18", "F14", "K19"):
        assert source_of(find_claim(key)).endswith(RECONSTRUCTED)
    assert not source_of(find_claim("K5")).endswith(RECONSTRUCTED)


def test_adversarial_and_expected_statements_stand_side_by_side() -> None:
    keys = [claim.key for claim in all_claims()]
    for key in ("K14", "K15", "F3"):
        assert keys[keys.index(key) + 1] == f"{key}E"
        assert find_claim(key).expected is Status.REFUTED
        assert find_claim(f"{key}E").expected is Status.STATISTICAL


def test_json_has_the_promised_names() -> None:
    entry = Entry(find_claim("K5"), Verdict(Status.NEEDS, "s", 4), 0.0)
    found = record(entry)
    assert found["key"] == "K5" and found["verdict"] == "needs" and found["instances"] == 4
    assert {status.value for status in Status} == {
        "proved", "holds", "refuted", "needs", "statistical", "open",
    }  # fmt: skip

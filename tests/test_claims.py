"""The ledger of claims: every verdict is what it is recorded to be, and the finder finds."""

import random
import time
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.claims.ledger.claim import Effort, settle
from exactbn.claims.ledger.instance import Instance, read_instance
from exactbn.claims.ledger.ledger import all_claims, find_claim
from exactbn.claims.ledger.survey import meets, survey
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.search import shrink
from exactbn.errors import HypothesisError, InputError

CLAIMS = all_claims()


@pytest.mark.parametrize("key", [entry.key for entry in CLAIMS])
def test_verdict_is_the_recorded_one(key: str) -> None:
    entry = find_claim(key)
    verdict = settle(entry, Effort())
    assert verdict.status is entry.expected, verdict.summary


def test_unknown_claim_is_refused() -> None:
    with pytest.raises(InputError, match="no claim 'K99'"):
        find_claim("K99")


def test_instance_round_trip(tmp_path: Path) -> None:
    rng = random.Random(3)
    network = draw_network(rng, (2, 3, 2, 1), slope=Fraction(1, 10))
    instance = Instance(network, draw_matrix(rng, 4, 2), {"radius": Fraction(1, 3)})
    path = tmp_path / "instance.json"
    path.write_text(instance.to_json("K1"), encoding="utf-8")
    assert read_instance(path) == ("K1", instance)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "exactbn-instance 1"}', "[" * 9999])
def test_damaged_instance_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "instance.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_instance(path)


def even_is_small(instance: Instance) -> str | None:
    """Judge the claim that even numbers are less than 8."""
    n = instance.number("n")
    if n % 2:
        raise HypothesisError("odd")
    return "it is 8 or more" if n >= 8 else None


def draw_number(rng: random.Random) -> Instance:
    return Instance(None, (), {"n": Fraction(rng.randint(0, 9))})


def test_only_instances_that_meet_the_hypotheses_are_counted() -> None:
    chosen = Instance(None, (), {"n": Fraction(4)})
    seen = survey(even_is_small, draw_number, random.Random(5), 100, [chosen])
    assert seen.count == 101 and seen.draws > 150 and seen.instances[0] is chosen
    assert all(t.number("n") % 2 == 0 for t in seen.instances)
    assert [i.number("n") for i, _ in seen.violations] == [
        8 for t in seen.instances if t.number("n") == 8
    ]
    assert seen.failure is not None and seen.failure.status is Status.REFUTED
    assert seen.failure.instances == 101 and seen.share == f"{len(seen.violations)} of 101"
    fine = survey(lambda instance: None, draw_number, random.Random(5), 3)
    assert fine.failure is None and fine.draws == fine.count == 3


def test_too_few_instances_are_an_error() -> None:
    odd = Instance(None, (), {"n": Fraction(3)})
    with pytest.raises(InputError, match="of 400 drawn instances too few"):
        survey(even_is_small, lambda rng: odd, random.Random(1), 2)
    with pytest.raises(HypothesisError):
        survey(even_is_small, draw_number, random.Random(1), 2, [odd])
    assert not meets(even_is_small, odd)


def test_no_attachment_is_promised_where_there_is_none() -> None:
    assert Verdict(Status.REFUTED, "").text == "refuted"
    attached = Verdict(Status.REFUTED, "", counterexample=Instance())
    assert attached.text == "refuted (counterexample attached)"


def test_shrinking_reaches_the_smallest_instance() -> None:
    def violation(instance: Instance) -> str | None:
        total = sum((t for row in instance.data for t in row), Fraction(0))
        return "too large" if total > 5 else None

    rng = random.Random(4)
    start = Instance(None, draw_matrix(rng, 3, 2) + ((Fraction(40), Fraction(17, 3)),))
    small = shrink(violation, start, deadline=time.monotonic() + 20)
    assert violation(small) is not None
    assert len(small.data) == 1
    assert sum(small.data[0]) == 6


def test_shrinking_makes_numbers_small() -> None:
    def violation(instance: Instance) -> str | None:
        return "too large" if instance.numbers["K"] ** 2 > 3 else None

    start = Instance(None, (), {"K": Fraction(9)})
    small = shrink(violation, start, deadline=time.monotonic() + 20)
    assert small.numbers["K"] == 2

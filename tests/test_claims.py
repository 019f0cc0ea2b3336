"""The ledger of claims: every verdict is what it is recorded to be, and the finder finds."""

import random
import time
from fractions import Fraction
from pathlib import Path

import pytest

from exactbn.claims.ledger.claim import Effort, settle
from exactbn.claims.ledger.instance import Instance, read_instance
from exactbn.claims.ledger.ledger import all_claims, find_claim
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.search import shrink
from exactbn.errors import InputError

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

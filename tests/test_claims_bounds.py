"""Bounds of the number of regions: values from the literature, and networks that meet them."""

from fractions import Fraction
from itertools import product
from math import comb, prod

import pytest

from exactbn.claims.families import bounds as family
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.tools import bounds
from exactbn.errors import HypothesisError
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

F = Fraction
LINE = ((F(0),), (F(1),), (F(3),))


@pytest.mark.parametrize(
    ("widths", "construction", "dimension", "plain"),
    [
        ((1, 3, 3), 12, 16, 16),
        ((1, 4, 4, 4), 80, 125, 125),
        ((2, 2, 2), 4, 11, 16),
        ((2, 2, 2, 2), 4, 30, 64),
        ((2, 3, 3), 7, 40, 49),
        ((2, 8, 8), 592, 1369, 1369),
        ((2, 10, 5), 400, 896, 896),
        ((3, 3, 3), 8, 42, 64),
        ((3, 4, 4), 15, 161, 225),
    ],
)
def test_values(widths: tuple[int, ...], construction: int, dimension: int, plain: int) -> None:
    assert bounds.construction_bound(widths) == construction
    assert bounds.dimension_bound(widths) == dimension
    assert bounds.product_bound(widths) == plain


@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 2, 4), (2, 3, 1, 3), (4, 2, 2, 2)])
def test_the_dimension_bound_is_its_sum(widths: tuple[int, ...]) -> None:
    d, *layers = widths
    total = 0
    for chosen in product(*(range(n + 1) for n in layers)):
        room = [min([d, *(n - j for n, j in zip(layers[:i], chosen[:i], strict=True))])
                for i in range(len(layers))]  # fmt: skip
        if all(j <= r for j, r in zip(chosen, room, strict=True)):
            total += prod(comb(n, j) for n, j in zip(layers, chosen, strict=True))
    assert bounds.dimension_bound(widths) == total <= bounds.product_bound(widths)


def test_centred_bounds() -> None:
    assert bounds.centred_bound((1, 5)) == 2
    assert bounds.centred_bound((2, 4)) == 8
    assert bounds.centred_bound((2, 1)) == 2
    assert bounds.centred_bound((1, 3, 2, 4)) == 2 * 3 * 5
    assert bounds.centred_bound((3, 4, 2)) == 14 * 4


def test_a_zigzag_attains_the_bound_of_one_input() -> None:
    network = family.ZIGZAG
    assert family.widths_of(network) == (1, 3, 2)
    assert partition(network).num_regions == 12 == bounds.dimension_bound((1, 3, 2))
    assert family.above_dimension_bound(Instance(network)) is None
    # Centred on whatever data, half of it and less.
    assert family.above_centred_bound(Instance(network, LINE)) is None


def test_more_regions_than_allowed_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = family.ZIGZAG
    monkeypatch.setattr(family, "dimension_bound", lambda _: 11)
    assert family.above_dimension_bound(Instance(network)) == "12 regions, bounds 11 and 12"
    monkeypatch.setattr(family, "centred_bound", lambda _: 1)
    reason = family.above_centred_bound(Instance(network, LINE))
    assert reason is not None and reason.endswith("at most 1 expected")


def test_a_bound_below_the_other_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "product_bound", lambda _: 11)
    reason = family.above_dimension_bound(Instance(family.ZIGZAG))
    assert reason == "12 regions, bounds 12 and 11"


def test_what_is_no_instance() -> None:
    leaky = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope="1/2")
    with pytest.raises(HypothesisError, match="expected ReLU"):
        family.above_dimension_bound(Instance(leaky))
    with pytest.raises(HypothesisError, match="no network with a hidden layer"):
        family.above_dimension_bound(Instance(Network.from_arrays([[[1]]], [[0]])))
    with pytest.raises(HypothesisError, match="no network with a hidden layer"):
        family.above_dimension_bound(Instance())


def test_means_are_rounded_to_tenths() -> None:
    assert family._mean([1, 2]) == "1.5"
    assert family._mean([1, 1, 2]) == "1.3"
    assert family._mean([10, 11, 11]) == "10.7"

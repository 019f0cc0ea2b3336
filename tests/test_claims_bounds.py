"""Bounds of the number of regions: values from the literature, and networks that meet them."""

from fractions import Fraction
from itertools import product
from math import comb, prod
from pathlib import Path

import pytest

from exactbn.claims.families import bounds as family
from exactbn.claims.families import initial_counts
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.survey import meets
from exactbn.claims.pictures import draw_shapes
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


def test_expected_counts_of_one_layer() -> None:
    assert initial_counts.expected_regions(16, 1) == 9
    # No unit, one, and two, which cross in the square with probability 1/3.
    assert [initial_counts.expected_regions(n, 2) for n in (0, 1, 2)] == [1, F(11, 6), 3]
    # x + y / 2 = -1/8 and x + y / 4 = 1/16 cross at (1/4, -3/4); x + y / 2 = 2 misses the square.
    for bias, regions in ((F(1, 8), 4), (-2, 2)):
        rows, biases = [[1, F(1, 2)], [1, F(1, 4)]], [bias, F(-1, 16)]
        network = Network.from_arrays([rows, [[1, 1]]], [biases, [0]])
        assert initial_counts.counting_violation(Instance(network)) is None
        assert partition(network, (-1, 1)).num_regions == regions


def test_more_vertices_than_are_counted_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network.from_arrays([[[3, 1], [1, 4]], [[1, 1]]], [[1, 2], [0]])
    assert initial_counts.counting_violation(Instance(network)) is None
    monkeypatch.setattr(initial_counts, "_crossing", lambda columns: (F(2), F(0)))
    assert initial_counts.counting_violation(Instance(network)) == (
        "a vertex lies outside of the cube"
    )


@pytest.mark.parametrize(
    "network",
    [
        Network.from_arrays([[[1, 1]], [[1]]], [[2], [0]]),  # touches the square
        Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]]),  # two minors of 0
        Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [0], [0]]),
        Network.from_arrays([[[1, 1, 1]], [[1]]], [[0], [0]]),
    ],
)
def test_what_the_count_does_not_speak_of(network: Network) -> None:
    assert not meets(initial_counts.counting_violation, Instance(network))


def test_picture_of_the_shapes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = [family.ShapeCounts((1, 4, 4), (8, 9), (7, 7)),
             family.ShapeCounts((2, 3, 3), (17, 20), (22, 29))]  # fmt: skip
    draw_shapes(found, tmp_path / "shapes.png")
    assert (tmp_path / "shapes.png").read_bytes().startswith(b"\x89PNG")


def test_one_name_for_the_network_of_the_errata() -> None:
    docs = Path(__file__).parents[1] / "docs"
    for page in ("claims.md", "errata.md"):
        text = (docs / page).read_text(encoding="utf-8")
        assert "4-10-10-10-10-1, its output unit counted as hidden" in text
        assert "4-10-10-10-10," not in text

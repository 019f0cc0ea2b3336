"""Small networks, all of them: the classes are whole, and what is found there is not overlooked."""

from fractions import Fraction
from itertools import permutations, product
from math import comb

import pytest

from exactbn.claims.families import boundary, neighbours
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.stored import stored
from exactbn.claims.tools.exhaustion import (
    data_sets,
    exhaust,
    minimality,
    networks,
    rows,
    smaller_instances,
    smaller_shapes,
)
from exactbn.errors import HypothesisError, InputError

F = Fraction


@pytest.mark.parametrize(("width", "size"), [(1, 1), (1, 3), (2, 1), (3, 1)])
def test_rows_are_all_but_zero(width: int, size: int) -> None:
    found = rows(width, size)
    assert len(found) == len(set(found)) == (2 * size + 1) ** width - 1
    assert max(abs(t) for row in found for t in row) == size


@pytest.mark.parametrize("widths", [(1, 2), (1, 1, 2), (2, 2), (1, 2, 1)])
def test_every_network_is_a_permutation_of_one_that_is_listed(widths: tuple[int, ...]) -> None:
    """All networks of the shape, their units put in order, are the representatives."""
    found = {tuple(layer.weight for layer in network.hidden) for network in networks(widths, 1)}
    pairs = list(zip(widths, widths[1:], strict=False))
    assert len(found) == len(list(networks(widths, 1)))
    expected = 1
    for m, n in pairs:
        expected *= comb(3**m - 1 + n - 1, n)
    assert len(found) == expected
    for weights in product(*(product(rows(m, 1), repeat=n) for m, n in pairs)):
        assert any(tuple(chosen) in found for chosen in reordered(weights))


def reordered(weights):
    """Yield the weights with the units of every layer in every order, columns following."""
    if not weights:
        yield []
        return
    first, *others = weights
    for order in permutations(range(len(first))):
        layer = tuple(first[k] for k in order)
        if others:
            moved = tuple(tuple(row[k] for k in order) for row in others[0])
            for rest in reordered([moved, *others[1:]]):
                yield [layer, *rest]
        else:
            yield [layer]


def test_outputs_and_slopes() -> None:
    found = list(networks((1, 1), 1, slope=F(1, 2), outputs=rows(1, 1)))
    assert [n.layers[1].weight[0][0] for n in found] == [-1, 1, -1, 1]
    assert {n.layers[0].slope for n in found} == {F(1, 2)}
    assert all(n.layers[0].bias == (0,) for n in found)
    (idle,) = {n.layers[1].weight for n in networks((1, 2), 1)}
    assert idle == ((0, 0),)


@pytest.mark.parametrize(("d", "size", "most"), [(1, 1, 2), (1, 2, 3), (2, 1, 2)])
def test_every_data_set_is_a_shift_of_one(d: int, size: int, most: int) -> None:
    found = {tuple(sorted(data)) for data in data_sets(d, size, most)}
    points = list(product(range(-size, size + 1), repeat=d))
    for count in range(2, most + 1):
        for chosen in product(points, repeat=count):
            least = [min(axis) for axis in zip(*chosen, strict=True)]
            moved = tuple(
                sorted(tuple(F(t - s) for t, s in zip(x, least, strict=True)) for x in chosen)
            )
            assert moved in found
    assert all(2 <= len(data) <= most for data in found)


def test_smaller_shapes() -> None:
    assert smaller_shapes((1, 2)) == [(1, 1)]
    assert smaller_shapes((3, 2, 2)) == [(3, 1), (3, 2), (3, 3), (3, 1, 1), (3, 1, 2), (3, 2, 1)]
    assert smaller_shapes((1, 1)) == []


def test_what_violates_is_found_and_ends_the_search() -> None:
    """The stored counterexamples lie in the class of their own shape."""
    found = exhaust(
        boundary.one_sided_leaky,
        smaller_instances([(1, 2)], 1, 2, slope=F(1, 2), has_outputs=True),
    )
    assert found.violation is not None and not found.is_empty
    assert "a smaller one: the logits are" in found.text
    network = found.violation[0].network
    assert network is not None and network.num_hidden == 2
    apart = exhaust(neighbours.apart, smaller_instances([(1, 1, 1)], 1, 3, slope=-1))
    assert apart.violation is not None


def test_what_is_no_instance_is_counted_apart() -> None:
    def violation(instance: Instance) -> str | None:
        if len(instance.data) == 2:
            raise HypothesisError("two points")
        return None

    sets = [Instance(None, data) for data in data_sets(1, 1, 3)]
    found = exhaust(violation, sets)
    assert (found.outside, found.judged) == (3, 6)
    assert found.text == "none of 6 smaller ones violates it, 3 more do not meet the hypotheses"
    assert not exhaust(violation, sets[:3]).is_empty


def test_minimality_of_what_is_not_least_is_refused() -> None:
    with pytest.raises(InputError, match="the counterexample 1-3 is not the least: a smaller one"):
        minimality(neighbours.several_flips, (1, 3), 1, 2)
    with pytest.raises(InputError, match="is not the least: none of 0 smaller ones"):
        minimality(neighbours.several_flips, (1, 1), 1, 2)
    (line,) = minimality(neighbours.several_flips, (1, 2), 1, 2)
    assert line == (
        "one hidden unit, one input, ReLU, integer entries up to 1, at most 2 points"
    )
    three = minimality(lambda _: None, (1, 4), 1, 2, slope=F(1, 2))
    assert list(three) == [
        "1 to 3 hidden units in one or two layers, one input, slope 1/2, integer entries up to 1, "
        "at most 2 points"
    ]


@pytest.mark.parametrize(("name", "units"), [("F2", 4), ("F6", 2), ("F15", 2)])
def test_stored_counterexamples_are_as_small_as_is_said(name: str, units: int) -> None:
    network = stored(name).network
    assert network is not None and network.num_hidden == units and network.num_inputs == 1
    assert all(abs(t) <= 1 for layer in network.layers for row in layer.weight for t in row)

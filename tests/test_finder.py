"""The finder: it climbs where drawing finds nothing, and what it shrinks loses all that it can."""

import random
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from exactbn.claims.ledger.claim import Claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import all_claims, find_claim
from exactbn.claims.tools.climbing import climb, measured, neighbour, with_units
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.claims.tools.search import search, shrink, violates
from exactbn.errors import ExactBNError, HypothesisError
from exactbn.model.network import Network
from exactbn.model.shrinking import smaller_networks
from exactbn.regions.partitioning import partition

F = Fraction
LATER = 60  # seconds that no test here needs


def excess(instance: Instance) -> Fraction:
    """Return the sum of the data less 1000: no draw comes near."""
    return sum((t for row in instance.data for t in row), F(0)) - 1000


def small_data(rng: random.Random) -> Instance:
    """Return one point of two coordinates of one digit."""
    return Instance(None, draw_matrix(rng, 1, 2))


def large(instance: Instance) -> str | None:
    """Return why the sum is too large."""
    return "too large" if excess(instance) > 0 else None


def claim_of(margin: bool) -> Claim:
    """Return a claim that no drawn instance violates, with or without a margin."""
    return replace(
        find_claim("F3"), violation=large, propose=small_data, margin=excess if margin else None
    )


def test_the_search_climbs_where_no_draw_violates() -> None:
    assert search(claim_of(margin=False), seconds=0.2) is None
    found = search(claim_of(margin=True), seconds=LATER, enough=1)
    assert found is not None and excess(found.instance) > 0
    assert found.candidates > 10


@pytest.mark.parametrize("seed", range(5))
def test_a_climb_never_loses(seed: int) -> None:
    rng = random.Random(seed)
    claim = find_claim("F3")
    assert claim.propose is not None and claim.margin is not None
    start = claim.propose(rng)
    first = measured(claim.margin, start)
    deadline = time.monotonic() + LATER
    end, tried = climb(claim.margin, start, rng, deadline=deadline, patience=5)
    if first is None:
        assert (end, tried) == (start, 1)
    else:
        last = measured(claim.margin, end)
        assert last is not None and last >= first and tried >= 1


def test_a_climb_ends_at_the_first_positive_margin_and_on_a_plateau() -> None:
    rng, deadline = random.Random(1), time.monotonic() + LATER
    start = Instance(None, ((F(0), F(0)),))
    end, tried = climb(excess, start, rng, deadline=deadline, patience=200)
    assert excess(end) > 0 and tried > 1
    assert climb(excess, end, rng, deadline=deadline) == (end, 1)
    assert climb(lambda _: 0, start, rng, deadline=deadline, patience=7)[1] == 8
    assert climb(excess, start, rng, deadline=time.monotonic() - 1) == (start, 1)


def test_a_climb_stays_where_every_step_goes_down() -> None:
    start = Instance(None, ((F(0), F(7)),))

    def peak(instance: Instance) -> int:
        return -1 if instance == start else -2

    deadline = time.monotonic() + LATER
    assert climb(peak, start, random.Random(3), deadline=deadline)[0] == start


def test_a_climb_leaves_what_cannot_be_judged() -> None:
    def never(instance: Instance) -> int:
        raise HypothesisError("nothing is an instance of this")

    start = Instance(None, ((F(1),),))
    deadline = time.monotonic() + LATER
    assert climb(never, start, random.Random(0), deadline=deadline) == (start, 1)
    assert measured(never, start) is None


def test_neighbours_are_whole_networks_and_change_one_thing() -> None:
    rng = random.Random(2)
    start = Instance(draw_network(rng, (2, 3, 2, 1)), draw_matrix(rng, 3, 2), {"radius": F(1)})
    assert start.network is not None
    widths = set()
    for _ in range(300):
        other = neighbour(start, rng)
        assert other.network is not None
        parts = ((other.network, start.network), (other.data, start.data),
                 (other.numbers, start.numbers))  # fmt: skip
        assert sum(a != b for a, b in parts) <= 1
        other.network.forward((F(1), F(2)))
        widths.add(tuple(layer.num_neurons for layer in other.network.hidden))
    assert widths == {(3, 2), (2, 2), (4, 2), (3, 1), (3, 3)}
    assert neighbour(Instance(), rng) == Instance()


def test_chosen_units_keep_their_weights() -> None:
    network = Network.from_arrays([[[1], [2], [3]], [[4, 5, 6]]], [[7, 8, 9], [1]])
    expected = Network.from_arrays([[[3], [1], [1]], [[6, 4, 4]]], [[9, 7, 7], [1]])
    assert with_units(network, 0, [2, 0, 0]) == expected


def three_regions(instance: Instance) -> str | None:
    """Return whether the network has three regions in all of space."""
    if instance.network is None:
        return None
    return "three" if partition(instance.network).num_regions >= 3 else None


@pytest.mark.parametrize("widths", [(2, 3, 4, 1), (2, 4, 3, 2, 1)])
def test_shrinking_drops_layers_units_and_inputs(widths: tuple[int, ...]) -> None:
    rng = random.Random(5)
    start = Instance(draw_network(rng, widths))
    assert three_regions(start) is not None
    small = shrink(three_regions, start, deadline=time.monotonic() + LATER)
    assert small.network is not None
    assert small.network.num_inputs == 1
    assert [layer.num_neurons for layer in small.network.hidden] in ([2], [1, 1])
    assert all(abs(t) <= 1 for layer in small.network.layers for row in layer.weight for t in row)


def test_inputs_stay_where_the_data_have_others() -> None:
    def with_data(instance: Instance) -> str | None:
        return three_regions(instance) if instance.data else None

    start = Instance(draw_network(random.Random(5), (2, 3, 1)), ((F(1),),))
    small = shrink(with_data, start, deadline=time.monotonic() + LATER)
    assert small.network is not None
    assert small.network.num_inputs == 2 and small.data == ((F(0),),)


def test_a_layer_goes_with_its_activation_or_whole() -> None:
    network = Network.from_arrays(
        [[[1, 2], [3, 4], [5, 6]], [[1, 0, 2], [0, 1, 0]], [[1, -1]]], [[1, 2, 3], [4, 5], [6]]
    )
    shallow = [other for other in smaller_networks(network) if len(other.layers) == 2]
    whole = Network.from_arrays([[[1, 0], [0, 1]], [[1, -1]]], [[4, 5], [6]])
    product = Network.from_arrays([[[11, 14], [3, 4]], [[1, -1]]], [[11, 7], [6]])
    assert shallow[:2] == [whole, product]
    # Narrow to wide: columns of zeros.
    narrow = Network.from_arrays([[[1, 2]], [[3], [4]], [[1, 1]]], [[0], [5, 6], [7]])
    padded = Network.from_arrays([[[3, 0], [4, 0]], [[1, 1]]], [[5, 6], [7]])
    assert next(smaller_networks(narrow)) == padded


def test_margins_are_positive_exactly_where_a_claim_is_violated() -> None:
    with_margin = [claim for claim in all_claims() if claim.margin is not None]
    assert {"F3"} <= {claim.key for claim in with_margin}
    for claim in with_margin:
        assert claim.propose is not None and claim.violation is not None
        assert claim.margin is not None
        rng, judged = random.Random(7), 0
        for _ in range(12):
            instance = claim.propose(rng)
            value = measured(claim.margin, instance)
            try:
                reason = claim.violation(instance)
            except ExactBNError:
                assert value is None
                continue
            assert value is not None and (value > 0) is (reason is not None)
            judged += 1
        assert judged


def test_sizes_of_what_is_found_never_grow() -> None:
    sizes = []
    for enough in (1, 2, 4):
        found = search(claim_of(margin=True), seconds=LATER, enough=enough)
        assert found is not None
        sizes.append(found.instance.size)
    assert all(a >= b for a, b in pairwise(sizes))


@pytest.mark.parametrize("key", [c.key for c in all_claims() if c.violation and c.propose])
def test_every_claim_judges_what_the_shrinker_proposes(key: str) -> None:
    """No hidden layer, one input, one unit, no data: judged, or refused as no instance."""
    claim, rng = find_claim(key), random.Random(3)
    assert claim.violation is not None and claim.propose is not None
    drawn = [claim.propose(rng) for _ in range(3)]
    for start in drawn:
        tried = [replace(start, data=()), replace(start, data=start.data[:1])]
        network = start.network
        while network is not None and network.hidden:
            network = next(smaller_networks(network))
            tried.append(replace(start, network=network))
        for instance in tried:
            violates(claim.violation, instance)

"""Pieces and zeros along a line, against evaluation of the network at many points."""

import random
from fractions import Fraction

import pytest

from exactbn.claims.tools.draws import draw_fraction, draw_matrix, draw_network
from exactbn.claims.tools.line import common_zero, distance_to_zero, pieces, zero_between, zeros
from exactbn.errors import DimensionError
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition


def drawn(seed: int) -> Network:
    """Return a network of one input and three hidden layers."""
    rng = random.Random(seed)
    slope = rng.choice((0, Fraction(1, 10), -1))
    return draw_network(rng, (1, 3, 2, 2, 1), slope=slope)


@pytest.mark.parametrize("seed", range(12))
def test_pieces_are_the_network(seed: int) -> None:
    network, rng = drawn(seed), random.Random(seed)
    for layer in range(3):
        found = pieces(network, layer)
        assert found[0].lo is None and found[-1].hi is None
        assert all(a.hi == b.lo for a, b in zip(found, found[1:]))
        for _ in range(30):
            t = draw_fraction(rng, 60)
            values = network.preactivations((t,))[layer]
            for piece in found:
                if piece.holds(t):
                    assert tuple(a * t + b for a, b in piece.forms) == values


@pytest.mark.parametrize("seed", range(12))
def test_every_region_is_a_piece_or_several(seed: int) -> None:
    network = drawn(seed)
    output = pieces(network, 3)
    patterns = {
        tuple(t > 0 for z in network.preactivations((piece.inside,)) for t in z) for piece in output
    }
    assert len(patterns) == partition(network).num_regions


def test_distance_to_zero() -> None:
    # relu(t) - 2 relu(-t) - 1 is zero at t = 1 only.
    network = Network.from_arrays([[[1], [-1]], [[1, -2]]], [[0, 0], [-1]])
    assert distance_to_zero(network, 1, 0, Fraction(-4)) == 5
    assert distance_to_zero(network, 1, 0, Fraction(1)) == 0
    # relu(t) - relu(t - 1) - 1 is zero on [1, oo).
    flat = Network.from_arrays([[[1], [1]], [[1, -1]]], [[0, -1], [-1]])
    assert distance_to_zero(flat, 1, 0, Fraction(7)) == 0
    assert distance_to_zero(flat, 1, 0, Fraction(-1)) == 2
    assert distance_to_zero(Network.from_arrays([[[0]]], [[1]]), 0, 0, Fraction(0)) is None


def test_common_zero() -> None:
    # Features (1, 0) and (0, 1) of the data -1 and 1; units (1, -1), (1, 1), (2, 1), centred,
    # vanish at {0}, at {-1, 1} and at {3/4, -3/2}.
    first = [[1], [-1]]
    biases = [0, -1, Fraction(-3, 2)]
    for rows, meets in (((0,), True), ((0, 1), False), ((0, 1, 2), False), ((2,), True)):
        second = [[[1, -1], [1, 1], [2, 1]][k] for k in rows]
        network = Network.from_arrays(
            [first, second, [[1] * len(rows)]], [[0, 0], [biases[k] for k in rows], [0]]
        )
        assert (common_zero(network, 1) is not None) is meets
    last = Network.from_arrays([first, [[2, 1]], [[1]]], [[0, 0], [biases[2]], [0]])
    found = {t for piece in pieces(last, 1) for t in zeros(piece, 0) or ()}
    assert found == {Fraction(3, 4), Fraction(-3, 2)}


@pytest.mark.parametrize("seed", range(12))
def test_zero_between(seed: int) -> None:
    rng = random.Random(seed)
    network = draw_network(rng, (3, 3, 3, 1))
    a, b = draw_matrix(rng, 2, 3)
    for layer in range(2):
        for k in range(3):
            ends = [network.preactivations(x)[layer][k] for x in (a, b)]
            point = zero_between(network, layer, k, a, b)
            if ends[0] * ends[1] < 0:
                assert point is not None
            if point is not None:
                assert network.preactivations(point)[layer][k] == 0
                share = {
                    (p - s) / (t - s) for p, s, t in zip(point, a, b, strict=True) if s != t
                }
                assert len(share) == 1 and 0 <= share.pop() <= 1


def test_two_inputs_are_refused() -> None:
    with pytest.raises(DimensionError, match="2 inputs, expected 1"):
        pieces(Network.from_arrays([[[1, 2]]], [[0]]), 0)

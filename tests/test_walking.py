"""Paths along segments: by hand where they are degenerate, and against brute force."""

import random
from fractions import Fraction as F

import numpy as np
import pytest

import exactbn
from exactbn.claims.tools.draws import draw_network
from exactbn.errors import DimensionError, InputError, LimitError
from exactbn.model.network import Network
from exactbn.readers.wiring import Wiring, affine, tensor

#: x and y, and relu(x) + relu(y) - 1.
CORNER = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]], [[1]]], [[0, 0], [-1], [0]])


def maximum(weight, bias) -> Network:
    """Return the network of the greatest of some affine functions."""
    wiring = Wiring(len(weight[0]))
    exact = tuple(tuple(map(F, row)) for row in weight)
    entries = affine(list(wiring.inputs((len(weight[0]),))), exact, tuple(map(F, bias)))
    return Network.from_stages(wiring.graph(tensor(wiring.maximum([entries], 1), (1,)), "no-bn"))


def signs_at(network, x):
    return [(t > 0) - (t < 0) for layer in network.preactivations(x) for t in layer]


@pytest.mark.parametrize("seed", range(6))
def test_every_sign_change_and_no_other(seed: int) -> None:
    """Against the crossings of the pieces: between two stops no preactivation changes its sign."""
    rng = random.Random(seed)
    network = draw_network(rng, (3, 5, 4, 2))
    a, b = ([F(rng.randint(-9, 9), rng.randint(1, 3)) for _ in range(3)] for _ in range(2))
    path = exactbn.along(network, a, b)
    before = None
    for i, x in enumerate(path.midpoints):
        signs = signs_at(network, x)
        assert signs != before
        assert path.patterns[i].tolist() == [int(t > 0) for t in signs]
        s, t = path.parameters[i : i + 2]
        for share in (F(1, 1000), F(999, 1000)):
            assert signs_at(network, path.point(s + share * (t - s))) == signs
        before = signs
    for t, crossed in zip(path.parameters[1:-1], path.crossed, strict=True):
        at = signs_at(network, path.point(t))
        assert crossed and all(at[unit] == 0 for unit in crossed)
    assert path.as_float().tolist() == [float(t) for t in path.parameters]


def test_several_units_at_once_and_corners() -> None:
    path = exactbn.along(CORNER, (-1, -1), (3, 3))
    assert path.parameters == (0, F(1, 4), F(3, 8), 1)
    assert path.crossed == ((0, 1), (2,))
    assert path.tied == ((), (), ()) and path.num_crossings == 2 and path.regions is None
    # From a boundary to a corner of several: no crossing at all.
    assert exactbn.along(CORNER, (0, 0), ("1/2", "1/2")).parameters == (0, 1)
    assert repr(path) == "<Path of 3 pieces>"
    back = exactbn.along(CORNER, (3, 3), (-1, -1))
    assert back.parameters == tuple(1 - t for t in reversed(path.parameters))
    assert back.patterns.tolist() == path.patterns.tolist()[::-1]


def test_a_piece_within_a_hyperplane() -> None:
    """On x = 0 unit 0 is tied all along: off, and in no region of the partition."""
    path = exactbn.along(CORNER, (0, -2), (0, 2))
    assert path.tied == ((0,), (0,), (0,))
    assert path.patterns.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert path.parameters == (0, F(1, 2), F(3, 4), 1)
    part = exactbn.partition(CORNER, (-1, 1))
    inner = part.along((0, -2), (0, 2))
    assert inner.regions.tolist() == [-1] * len(inner)
    # A bent hyperplane: the middle third runs along relu(x) + relu(y) = 1 from corner to corner.
    bent = part.along((-1, 2), (2, -1))
    regions = dict(zip(bent.parameters, bent.regions.tolist(), strict=False))
    assert regions[F(1, 3)] == -1 and bent.tied[list(bent.parameters).index(F(1, 3))] == (2,)
    # A unit that vanishes on a whole region is tied there, and the region is told.
    dead = Network.from_arrays([[[1, 0]], [[1]], [[1]]], [[0], [0], [0]])
    part = exactbn.partition(dead, (-1, 1))
    path = part.along((-1, 0), (1, 0))
    assert path.tied == ((1,), ()) and path.crossed == ((0, 1),)
    assert path.regions.tolist() == [part.region_of((-1, 0)), part.region_of((1, 0))]


def test_domains_cut_paths() -> None:
    part = exactbn.partition(CORNER, (-1, 1), rows=([[1, 1]], ["3/2"]))
    path = part.along((-2, "1/4"), (2, "1/4"))
    assert path.parameters == (0, F(1, 4), F(1, 2), F(11, 16), F(3, 4), 1)
    assert (path.regions >= 0).tolist() == [False, True, True, True, False]
    # A side of the box belongs to it, and so to regions.
    side = part.along((-1, -1), (1, -1))
    expected = [part.region_of(x) for x in side.midpoints]
    assert side.regions.tolist() == expected and None not in expected
    outside = part.along((2, 2), (3, 3))
    assert outside.regions.tolist() == [-1]
    # The lines of the domain's sides are nothing outside of it.
    far = part.along((5, -9), (5, 9))
    assert far.parameters == exactbn.along(CORNER, (5, -9), (5, 9)).parameters


def test_maxima_have_no_pieces_that_nobody_sees() -> None:
    """Where entries that lose are compared nothing changes."""
    most = maximum([[1, 0], [0, 1], [-1, 0], [0, -1], [0, 0]], [0, 0, 0, 0, 1])
    part = exactbn.partition(most, (-3, 3))
    path = part.along((-3, "1/2"), (3, "1/2"))
    assert path.regions.tolist() == [part.region_of(x) for x in path.midpoints]
    assert len(path) == len(set(path.regions.tolist())) == 3
    assert path.parameters == (0, F(1, 3), F(2, 3), 1)
    # Along the diagonal two entries are greatest together.
    tied = part.along((1, 1), (3, 3))
    assert tied.regions.tolist() == [-1] and tied.tied == ((0,),)


def test_deep_sawtooth_and_a_budget() -> None:
    """2^k pieces: the tent map k times."""
    weights, biases = [], []
    for _ in range(6):
        weights += [[[1], [1]] if not weights else [[2, -4], [2, -4]]]
        biases += [[0, "-1/2"]]
    tent = Network.from_arrays([*weights, [[2, -4]]], [*biases, [0]])
    path = exactbn.along(tent, (0,), (1,))
    assert len(path) == 2**6 and path.parameters == tuple(F(k, 64) for k in range(65))
    with pytest.raises(LimitError, match="more than 10 pieces"):
        exactbn.along(tent, (0,), (1,), max_pieces=10)


def test_no_segment() -> None:
    with pytest.raises(InputError, match="ends of the segment are equal"):
        exactbn.along(CORNER, (1, 1), (1, 1))
    with pytest.raises(DimensionError, match="x has 1 coordinates, expected 2"):
        exactbn.along(CORNER, (1,), (1, 1))
    linear = Network.from_arrays([[[1, 2]]], [[0]])
    path = exactbn.along(linear, (0, 0), (1, 1))
    assert path.parameters == (0, 1) and path.patterns.shape == (1, 0) and path.tied == ((),)
    part = exactbn.partition(linear, (-1, 1))
    assert part.along((0, 0), (3, 0)).regions.tolist() == [0, -1]
    assert part.regions_of(np.array([[0.5, 0.5], [2, 0]] * 40)).tolist() == [0, -1] * 40

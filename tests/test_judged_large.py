"""Density around data of a large network: calibration, and the exact counts beside it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from exactbn import Network, partition
from exactbn.errors import InputError
from exactbn.study.dataset import read_csv
from exactbn.study.judged.large import (
    LEAST_HULLS,
    Calibration,
    LargeSettings,
    calibrate,
    patterns_in_floats,
    study_large,
)
from exactbn.study.judged.large_figures import large_figures
from exactbn.study.judged.local import Density

F = Fraction
SMALL = LargeSettings(
    widths=(4, 3), families=("random", "centred", "trained"), points=2, radii=(F(1, 4), F(1)),
    samples=50, batch=5, steps=5,
)  # fmt: skip
TABLE = read_csv("t.csv", content=b"a,b,c,kind\n1,2,0,u\n3,-1,1,u\n-2,4,5,v\n0,5,2,v\n2,1,3,w\n")


def hull(regions, once, chao1, directions=2):
    """Return a hull of a small network."""
    return Density("random", 0, 1, 0, directions, F(1), regions, (1,), (1,), 1, once, chao1, None,
                   None)  # fmt: skip


def test_calibration_takes_the_quantiles_of_each_class():
    """79 hulls: the 2nd and the 78th of the ratios, 2.5 and 97.5 % of 80."""
    alone = [hull(100 + k, 30, 100.0) for k in range(79)]
    every = calibrate([*alone, *[hull(7, 0, 7.0)] * LEAST_HULLS, hull(9, 90, 1.0, 1)], 100)
    assert sorted(every) == [1, 2] and sum(every[1].hulls) == 1
    found = every[2]
    assert sum(found.hulls) == 79 + LEAST_HULLS
    assert found.interval(0.3, 200.0) == pytest.approx((2 * 101, 2 * 177))
    assert found.interval(0.0, 5.0) == (5, 5)
    assert found.interval(0.9, 5.0) is None  # no such hull is known
    assert calibrate(alone[:LEAST_HULLS - 1], 100)[2].interval(0.3, 1.0) is None
    assert calibrate([], 100) == {}


def test_more_directions_than_are_known_take_the_calibration_of_the_most():
    small = [hull(7, 0, 7.0, p) for p in (1, 2) for _ in range(LEAST_HULLS)]
    small += [hull(3 * p, 20, 1.0, p) for p in (1, 2) for _ in range(LEAST_HULLS)]
    found = study_large(TABLE, small, replace(SMALL, families=("random",), samples=100))
    known = [d for d in found.densities if d.low is not None]
    assert {d.directions for d in known} == {1, 2, 3}
    for d in known:
        factor = 1 if d.alone <= 0.005 else 3 * min(d.directions, 2)
        assert d.low == d.high == pytest.approx(factor * d.chao1)


def test_classes_have_their_upper_ends():
    found = Calibration((0.0, 0.5, 1.0), ((1.0, 2.0), (3.0, 4.0)), (9, 9))
    assert found.interval(0.0, 1.0) == found.interval(0.5, 1.0) == (1, 2)
    assert found.interval(0.51, 1.0) == found.interval(1.0, 1.0) == (3, 4)


def test_patterns_are_those_of_the_partition():
    net = Network.from_arrays(
        [[[1, 0], [0, 1], [1, 1]], [[1, -1, 2], [1, 1, -1]], [[1, 1]]],
        [["1/10", "1/5", "-1/2"], [0, 1], [0]],
    )
    part = partition(net, (-1, 1))
    layers = [
        (np.array(layer.weight, dtype=float), np.array(layer.bias, dtype=float))
        for layer in net.hidden
    ]
    codes = patterns_in_floats(layers, part.interior_points())
    assert np.unpackbits(codes, axis=1)[:, :5].tolist() == part.patterns.tolist()


def test_study_of_a_large_network():
    found = study_large(TABLE, [], SMALL)
    assert found == study_large(TABLE, [], SMALL)
    assert len(found.densities) == 3 * 2 * 3 * 2 and 0 <= found.accuracy <= 1
    for d in found.densities:
        assert (d.regions is None) == (d.directions == 3) and d.low is None
        assert d.regions is None or d.seen <= d.regions
        assert d.complexity <= 7 and 0 <= d.alone <= 1
    table = large_figures(found)
    assert len(table) == 3 * 3 * 2
    own = [d for d in found.densities if (d.family, d.directions, d.radius) == ("centred", 2, 1)]
    one = next(f for f in table if (f.family, f.directions, f.radius) == ("centred", 2, 1))
    assert one.regions == np.mean([d.regions for d in own])
    assert (one.calibrated, one.held, one.low) == (0, None, None)


def test_intervals_are_counted_where_the_truth_is_known():
    everything = Calibration((0.0, 1.0), ((0.0, 100.0),), (99,))
    found = study_large(TABLE, [], replace(SMALL, families=("random",)))
    marked = [
        replace(d, low=interval[0], high=interval[1])
        for d in found.densities
        for interval in [everything.interval(d.alone, d.chao1)]
    ]
    table = large_figures(replace(found, densities=tuple(marked)))
    assert {(f.calibrated, f.held) for f in table} == {(2, 2), (2, None)}


def test_a_large_study_needs_classes_to_train_on_and_ends_in_time():
    bare = read_csv("t.csv", content=b"a,b\n1,2\n2,3\n0,1\n")
    with pytest.raises(InputError, match="no column of classes"):
        study_large(bare, [], SMALL)
    stopped = study_large(TABLE, [], SMALL, max_seconds=0)
    assert stopped.stopped is not None and stopped.densities == ()

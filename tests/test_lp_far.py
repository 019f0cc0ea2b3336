"""The LP engine in all of R^d where float signs lie: every point is seen within the bounds."""

import math
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from exactbn.engines.lp import search
from exactbn.engines.lp.frame import make_frame
from exactbn.exact.rational import nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.regions.partitioning import partition
from tests.examples import one_layer
from tests.lp_agreement import answer_of, check_engines_agree
from tests.lp_families import bundle, cancelling_sum, far_and_cancelling, walk


@pytest.mark.parametrize("bits", [0, 8, 14, 20, 21, 40])
def test_a_sum_that_cancels_at_a_far_point(bits: int, tmp_path: Path) -> None:
    part = check_engines_agree(cancelling_sum(2**bits), None, tmp_path)
    assert (part.num_regions, part.num_adjacencies) == (2, 1)
    assert part.is_unbounded.all()


@pytest.mark.parametrize("seed", range(60))
def test_far_common_points(seed: int, tmp_path: Path) -> None:
    check_engines_agree(far_and_cancelling(random.Random(seed)), None, tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_parallel_bundles(seed: int, tmp_path: Path) -> None:
    check_engines_agree(bundle(random.Random(seed)), None, tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_lines_that_walk_a_witness_away(seed: int) -> None:
    big = random.Random(seed).getrandbits(71)
    network = walk(30, (31 * big + (-1) ** seed, -19 * big))
    part = check_engines_agree(network, None)
    exact = partition(network, engine="lp", filter_factor=math.inf)
    assert answer_of(part) == answer_of(exact)


# The frame


@pytest.mark.parametrize("p", [0, Fraction(1, 3), 1000, 2**20])
@pytest.mark.parametrize("size", [-800, -1, 0, 1, 40, 900])
def test_every_ray_is_seen_in_the_cube(p: int | Fraction, size: int) -> None:
    network = one_layer([[1, 0], [0, 3], [1, 1]], [-p, -3 * p, -2 * p])
    frame, shift = make_frame(network, Domain.space(2), 1.0)
    assert max(shift) == p
    rng, y = random.Random(size), np.empty(3)
    for _ in range(40):
        x = tuple(Fraction(rng.randint(-999, 999), 777) * Fraction(2) ** size for _ in range(2))
        ray = (Fraction(rng.randint(1, 999), 777) * Fraction(2) ** size, *x)
        search.to_frame(frame, np.array(nearest_floats(ray)), y)
        exact = (ray[0], *(t - s * ray[0] for t, s in zip(x, shift, strict=True)))
        assert 0.5 <= max(abs(y)) < 1
        # The power of two by which the ray is shortened.
        ratio = max(map(abs, exact)) / Fraction(float(max(abs(y))))
        power = Fraction(2) ** round(math.log2(ratio.numerator) - math.log2(ratio.denominator))
        for t, s, blur, reach in zip(y.tolist(), exact, frame.blur, frame.reach, strict=True):
            assert abs(Fraction(t) - s / power) <= Fraction(blur)
            assert abs(s / power) <= Fraction(reach)


@pytest.mark.parametrize("x", [(0, 0, 0), (2.0**-950, 0, 0), (1, math.inf, 0), (math.nan, 1, 1)])
def test_a_ray_without_bounds_proves_nothing(x: tuple[float, float, float]) -> None:
    frame, _ = make_frame(one_layer([[1, 0]], [0]), Domain.space(2), 1.0)
    y = np.empty(3)
    search.to_frame(frame, np.array(x, dtype=np.float64), y)
    assert np.isnan(y).all()


@pytest.mark.parametrize("x", [(1.5, 0), (0, -2), (math.inf, 0), (0, math.nan)])
def test_a_point_outside_the_box_proves_nothing(x: tuple[float, float]) -> None:
    frame, _ = make_frame(one_layer([[1, 0]], [0]), Domain.of(Box.of(-1, 1, 2)), 1.0)
    y = np.empty(2)
    search.to_frame(frame, np.array(x, dtype=np.float64), y)
    assert np.isnan(y).all()
    search.to_frame(frame, np.array([1.0, -1.0]), y)
    assert (y == [1 / frame.scale[0], -1 / frame.scale[1]]).all()

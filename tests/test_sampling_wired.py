"""Sampling of networks that are no chains: every point in its region, with certainty."""

import math
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

import exactbn
from exactbn.model.domain import Box
from exactbn.model.network import Layer, Network
from exactbn.regions.partitioning import Partition, partition
from exactbn.sampling import compare_devices, sample
from exactbn.sampling.wired import WiredClassifier
from exactbn.selfcheck.degenerate import degenerate_network
from exactbn.selfcheck.wired import wire
from tests.test_labels import Drawn

CPU = torch.device("cpu")


def part_of(seed: int) -> Partition:
    """Return a partition of a box by a wired network, or by one with clips and maxima."""
    if seed % 2:
        network = Drawn(seed).network
    else:
        random = Random(seed)
        network = wire(random, degenerate_network(random, "mixed")[0])
    return partition(network, Box.of(-2, 2, network.num_inputs))


def regions_at(part: Partition, points: list[list[float]], factor: float = 1.0) -> list[int]:
    """Return what the classifier says of float points."""
    classifier = WiredClassifier.of(part, device=CPU, chunk=64, factor=factor)
    rows = torch.tensor([[*x, 1.0] for x in points], dtype=torch.float64)
    return [int(i) for i in classifier.classify(rows)[0]]


@pytest.mark.parametrize("seed", range(8))
def test_grids_on_which_zeros_abound(seed: int) -> None:
    part, random = part_of(seed), Random(seed)
    d = part.network.num_inputs
    points = [[random.randint(-8, 8) / 4 for _ in range(d)] for _ in range(200)]
    found = regions_at(part, points)
    assert found == regions_at(part, points, math.inf)
    for x, region in zip(points, found, strict=True):
        expected = part.region_of([Fraction(t) for t in x])
        assert region == (part.num_regions + 1 if expected is None else expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_outside(seed: int, dtype: str) -> None:
    part = part_of(seed)
    result = sample(part, 2000, seed=seed, device="cpu", dtype=dtype)
    assert result.outside == 0
    assert result.hits.sum() + result.on_boundary == 2000
    exact = sample(part, 2000, seed=seed, device="cpu", dtype=dtype, filter_factor=math.inf)
    assert np.array_equal(result.hits, exact.hits)
    assert compare_devices(part, 200, seed=seed, device_b="cpu").differing == 0


@dataclass
class Without:
    """A partition that lacks a region."""

    part: Partition
    lacking: int

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.part, name)
        if name in ("words", "patterns"):
            return np.delete(value, self.lacking, axis=0)
        return value - 1 if name == "num_regions" else value

    def volumes(self) -> tuple[Any, Any]:
        middle, radius = self.part.volumes()
        return np.delete(middle, self.lacking), np.delete(radius, self.lacking)


def test_a_missing_region_is_found() -> None:
    part = part_of(0)
    hits = sample(part, 3000, seed=1, device="cpu").hits
    largest = int(np.argmax(hits))
    result = sample(Without(part, largest), 3000, seed=1, device="cpu")
    assert result.outside == hits[largest] > 0


def test_what_is_read_may_err_from_far_away() -> None:
    """z = 3 h - x reads the input past a unit h = x / 3 that floats round: z is 0 or it is not."""
    layers = (
        Layer([[Fraction(1, 3)]], [0], 0, (0,)),
        Layer([[1]], [0], Fraction(1, 7), (1,)),
        Layer([[-1, 3, 0], [-1, 3, Fraction(1, 2**60)]], [0, 0], (0, -1), (0, 1, 2)),
        Layer([[1, 1]], [0], 1),
    )
    part = partition(Network(layers, num_inputs=1), (-1, 1))
    random = Random(0)
    points = [[random.uniform(-1, 1)] for _ in range(300)]
    assert regions_at(part, points) == [part.region_of(x) for x in points]


def test_errors_of_features_are_multiplied() -> None:
    """z = 2^40 (x / 3 - 1 / 6): once 1000 was added and 999 taken, floats know no more of x / 3.

    All other signs are certain, and so is the last one but for what it reads.
    """
    layers = (
        Layer([[Fraction(1, 3)], [1]], [1000, 0], 0, (0,)),
        Layer([[1]], [-999], 0, (1,)),
        Layer([[0, 2**40]], [-(2**40) * Fraction(7, 6)], 0, (2, 3)),
        Layer([[1]], [0], 1),
    )
    part = partition(Network(layers, num_inputs=1), (0, 1))
    points = [[0.5 + k * 2.0**-53] for k in (-512, -300, -100, 100, 300, 512)]
    exact = [part.region_of(x) for x in points]
    assert len(set(exact)) == 2 and None not in exact and regions_at(part, points) == exact


@pytest.mark.parametrize(
    "slope", [Fraction(1, 2**1074), Fraction(10) ** 309, -(Fraction(2) ** 1000)]
)
def test_slopes_at_the_ends_of_floats(slope: Fraction) -> None:
    layers = (
        Layer([[1, 1], [1, -1]], [0, 1], (slope, 0)),
        Layer([[1, 1, -1]], [0], slope, (0, 2, 3)),
        Layer([[1, 1, 1], [0, 1, -1]], [-1, 0], 0, (1, 3, 4)),
        Layer([[1, 1]], [0], 1),
    )
    part = partition(Network(layers, num_inputs=2), (-2, 2))
    random = Random(1)
    points = [[random.uniform(-2, 2), random.uniform(-2, 2)] for _ in range(60)]
    assert regions_at(part, points) == strict_regions(part, points)


def strict_regions(part: Partition, points: list[list[float]]) -> list[int]:
    """Return the regions of points that lie on no boundary."""
    found = [part.region_of(x) for x in points]
    assert None not in found
    return [int(i) for i in found if i is not None]


def test_a_sample_is_one_call() -> None:
    residual = Network((Layer([[1]], [0], -1), Layer([[1, 1]], [0], 1, (0, 1))))
    result = exactbn.sample(partition(residual, (-1, 1)), 1000, device="cpu")
    assert (result.outside, result.hit) == (0, 2)

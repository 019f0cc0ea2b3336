"""The certainty of each sample: error bounds, filters that lie, zeros."""

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exactbn import Box, Network, load, partition
from exactbn.sampling import compare_devices, sample
from exactbn.sampling.floats import FilteredLayer, round_layers, static_filter
from exactbn.sampling.points import float_bounds
from exactbn.sampling.stage import DTYPES, FloatStage, activate, ieee_products
from exactbn.sampling.stream import CountedStream
from tests.examples import PLANE_NETWORKS, sawtooth
from tests.planted import (
    CPU,
    WORKLOAD,
    Planted,
    classifier_of,
    plane_part,
    points_of,
    region_by_fractions,
    with_ones,
)
from tests.strategies import problems

FEW = hypothesis_settings(max_examples=40)


@FEW
@given(problems(), st.sampled_from(["float32", "float64"]), st.sampled_from([1.0, 1e6, np.inf]))
def test_every_point_is_classified_as_in_fractions(
    problem: tuple[Network, Box], dtype: str, factor: float
) -> None:
    part = partition(*problem)
    points = points_of(part.box, dtype)
    if not points:
        return
    found, _ = classifier_of(part, dtype, factor).classify(with_ones(points, dtype))
    expected = [region_by_fractions(part, tuple(map(Fraction, x))) for x in points]
    assert found.tolist() == expected


@FEW
@given(problems(), st.sampled_from(["float32", "float64"]))
def test_error_bounds_hold(problem: tuple[Network, Box], dtype: str) -> None:
    network, box = problem
    check_bounds(network, box, dtype)


def check_bounds(network: Network, box: Box, dtype: str) -> int:
    """Check that no float preactivation is further off than its bound; return how many rows are."""
    bounds = np.array([float(t) for t in box.lo]), np.array([float(t) for t in box.hi])
    layers = static_filter(round_layers(network), *bounds, dtype=dtype)
    points = points_of(box, dtype)
    if not points:
        return 0
    stage = FloatStage.of(layers, dtype=dtype, device=CPU, chunk=16)
    h, usable = with_ones(points, dtype), 0
    exact = [network.preactivations(map(Fraction, x)) for x in points]
    for index, (layer, weight) in enumerate(zip(layers, stage.weights, strict=True)):
        z = h @ weight
        for k in range(z.shape[1]):
            values = [Fraction(t) for t in z[:, k].tolist()]
            if is_idle(layer, k):
                assert all(e[index][k] <= 0 for e in exact)
                continue
            if not layer.weight[k].any():
                assert not any(values)
                continue
            usable += 1
            assert layer.bound[k] < 2
            scale = Fraction(2) ** int(layer.scale[k])
            for e, value in zip(exact, values, strict=True):
                assert abs(e[index][k] * scale - value) <= Fraction(layer.bound[k])
        activated = torch.empty_like(z)
        activate(z, layer.slope, activated)
        h = torch.hstack((activated, torch.ones_like(z[:, :1])))
    return usable


def is_idle(layer: FilteredLayer, k: int) -> bool:
    """Return whether neuron k is replaced by a constant."""
    return not layer.weight[k, :-1].any() and layer.weight[k, -1] == -4 and layer.bound[k] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("slope", ["0", "1/3", "-1", "1", "-7/5"])
def test_error_bounds_hold_for_rational_networks(dtype: str, slope: str) -> None:
    third = Fraction(1, 3)
    weights: list[list[list[object]]] = [
        [[third, -2], [Fraction(1, 2**80), 3], [7, 2**70], [-third, third]],
        [[third, 1, Fraction(1, 2**70), -5], [1, 1, 1, 1], [0, 2, 0, third]],
        [[1, -1, third], [third, third, -1]],
        [[1, 1]],
    ]
    biases: list[list[object]] = [["1/7", "-1/3", 2**60, 0], ["1/3", -2, 0], [0, "1/9"], [0]]
    network = Network.from_arrays(weights, biases, slope=slope)
    assert check_bounds(network, Box.of("-1/3", "7/5", 2), dtype) >= 7


@pytest.mark.parametrize("entry", [10**300, Fraction(1, 10**300), 10**400, 2**130])
def test_entries_beyond_the_floats_are_left_to_integers(entry: object) -> None:
    network = Network.from_arrays(
        [[[entry, -1], [1, 1]], [[1, -1]], [[1]]], [[0, 0], [0], [0]]
    )
    part = partition(network, (-1, 1))
    for dtype in DTYPES:
        check_bounds(network, part.box, dtype)
        points = points_of(part.box, dtype)
        found, _ = classifier_of(part, dtype).classify(with_ones(points, dtype))
        expected = [region_by_fractions(part, tuple(map(Fraction, x))) for x in points]
        assert found.tolist() == expected


@pytest.mark.parametrize("name", sorted(PLANE_NETWORKS))
def test_filter_that_lies_changes_nothing(name: str) -> None:
    part = plane_part(name)
    honest = sample(part, 3000, seed=5)
    wide = sample(part, 3000, seed=5, filter_factor=1e4)
    blind = sample(part, 3000, seed=5, filter_factor=np.inf)
    assert blind.undecided_by_float == 3000
    assert honest.undecided_by_float <= wide.undecided_by_float <= 3000
    assert honest.hits.tolist() == wide.hits.tolist() == blind.hits.tolist()
    assert (honest.outside, honest.on_boundary) == (blind.outside, blind.on_boundary) == (0, 0)


def test_float_types_agree_on_float32_points() -> None:
    part = partition(load(WORKLOAD / "bnc_2x8x8x1.npz"), (-1, 1))
    result = compare_devices(part, 20_000, seed=3, device_a="cpu", device_b="cpu")
    assert (result.first, result.second) == ("cpu float32", "cpu float64")
    assert (result.differing, result.example) == (0, None)
    assert result.undecided[0] >= result.undecided[1] == 0
    assert json.loads(json.dumps(result.to_json()))["differing"] == 0


def test_products_in_full_precision_only_meanwhile() -> None:
    mkldnn: Any = torch.backends.mkldnn
    before = torch.backends.cuda.matmul.fp32_precision, mkldnn.matmul.fp32_precision
    try:
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        with ieee_products():
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            assert mkldnn.matmul.fp32_precision == "ieee"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision, mkldnn.matmul.fp32_precision = before


# -- zeros ----------------------------------------------------------------------------------------


def test_central_network_on_a_grid() -> None:
    """Lines x = 0, y = 0, x = y: of the 25 grid points of [-1, 1]^2, 13 lie on one of them."""
    network = Network.from_arrays([[[1, 0], [0, 1], [1, -1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    part = partition(network, (-1, 1))
    grid = [(i / 2, j / 2) for i in range(-2, 3) for j in range(-2, 3)]
    classifier = classifier_of(part)
    found, undecided = classifier.classify(with_ones(grid, "float32"))
    assert undecided == 13
    assert int((found == classifier.on_boundary).sum()) == 13
    assert int((found == classifier.outside).sum()) == 0


def test_point_on_the_boundary_of_a_missing_region_and_one_other() -> None:
    """Where one of two regions is missing, their common wall belongs to the other."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    part = Planted.of(partition(network, (-1, 1)))
    left = part.patterns[:, 0].tolist().index(0)
    classifier = classifier_of(part.without(1 - left))
    points = with_ones([(-0.5,), (0.0,), (0.5,)], "float32")
    assert classifier.classify(points)[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("factor", [1.0, np.inf])
def test_preactivation_that_vanishes_on_a_region(factor: float) -> None:
    """On x < 0 the second layer of the sawtooth is identically zero; no point is on a boundary."""
    part = partition(sawtooth(2), (-1, 1))
    result = sample(part, 4000, seed=1, filter_factor=factor)
    assert (result.outside, result.on_boundary) == (0, 0)
    assert result.hit == part.num_regions
    assert result.undecided_by_float > 1500


def test_float_that_is_a_breakpoint_is_on_the_boundary() -> None:
    """A float of the stream is taken as a breakpoint of a net in one dimension."""
    box = Box.of(-1, 1, 1)
    bounds = float_bounds(box, "float32")
    drawn = torch.zeros((1, 1000))
    CountedStream(bounds, 1000, 4, "float32").draw(0, drawn, 1000)
    t = float(drawn[0, 123])
    network = Network.from_arrays([[[1], [-2]], [[1, 1]]], [[-t, Fraction(1, 3)], [0]])
    result = sample(partition(network, box), 1000, seed=4)
    assert result.on_boundary == 1
    assert result.hits.sum() == 999

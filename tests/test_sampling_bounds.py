"""The error bounds of sampling as an enemy reads them: inputs whose true error nearly reaches each.

Arithmetic is done here as the error analysis allows it: operation by operation in numpy, and,
where a test says so, with subnormal operands and results replaced by 0. True errors are fractions.
"""

from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from exactbn import Box, Network
from exactbn.sampling.checked import shares_of_box
from exactbn.sampling.floats import (
    LEAST_NORMAL,
    UNIT_ROUNDOFF,
    FilteredLayer,
    _activated_interval,
    _interval,
    round_layers,
    static_filter,
)
from exactbn.sampling.running import RunningBounds
from tests.planted import CPU

TYPES = ("float32", "float64")
Row = Sequence[Any]


def row_sum(row: Row, h: Row, dtype: str, *, flush: bool = False) -> Any:
    """Return the sum of products in the order given, the last weight times 1."""
    kind = np.dtype(dtype).type

    def kept(value: Any) -> Any:
        return kind(0) if flush and abs(value) < LEAST_NORMAL[dtype] else value

    total = kind(0)
    for w, x in zip(row, [*h, 1.0], strict=True):
        total = kept(total + kept(kind(w) * kept(kind(x))))
    return total


def filters(network: Network, x: Row, dtype: str) -> tuple[FilteredLayer, ...]:
    """Return the static filter of the box that is the point ``x``."""
    point = np.array([float(t) for t in x])
    return static_filter(round_layers(network), point, point, dtype=dtype)


def ratio(true: Fraction, found: Any, bound: float) -> float:
    """Return the true error as a share of its bound."""
    return float(abs(true - Fraction(float(found))) / Fraction(bound))


def worst_chain(dtype: str) -> tuple[Network, Fraction]:
    """Return a network of two layers and a point at which every rounding errs to the same side.

    With u the unit roundoff, every weight and the slope lose 63/64 u, every product a little less
    than u, and every bias, which is 63/64 u, is lost whole: 3 + 2 + 3 errors of nearly u, as many
    as the bound has terms.
    """
    unit = Fraction(UNIT_ROUNDOFF[dtype])
    step, steps = (Fraction(1, 2**15), 64) if dtype == "float32" else (Fraction(1, 2**30), 128)
    lost = unit * 63 / 64
    weight = 1 + step + lost
    network = Network.from_arrays(
        [[[-weight]], [[weight]], [[1]]], [[-lost], [-lost], [0]], slope=[weight, 1]
    )
    return network, 1 + (steps - 3) * step


@pytest.mark.parametrize("dtype", TYPES)
def test_every_rounding_of_a_static_bound_can_happen(dtype: str) -> None:
    network, x = worst_chain(dtype)
    kind = np.dtype(dtype).type
    first, second = filters(network, [x], dtype)
    z = row_sum(first.weight[0], [x], dtype)
    exact = [layer[0] for layer in network.preactivations([x])]
    scales = [Fraction(2) ** int(layer.scale[0]) for layer in (first, second)]
    assert 0.95 < ratio(exact[0] * scales[0], z, first.bound[0]) <= 1
    h = kind(first.slope) * z
    z = row_sum(second.weight[0], [h], dtype)
    assert 0.95 < ratio(exact[1] * scales[1], z, second.bound[0]) <= 1


def test_every_rounding_of_a_running_bound_can_happen() -> None:
    network, x = worst_chain("float64")
    exact = [layer[0] for layer in network.preactivations([x])]
    layers = RunningBounds.of(round_layers(network), device=CPU).layers
    h, error = torch.tensor([[float(x), 1.0]], dtype=torch.float64), torch.zeros(1, 2)
    for k, layer in enumerate(layers):
        _, bound = layer.apply(h, error.to(torch.float64))
        z = row_sum(layer.weight[:, 0].tolist(), h[0, :-1].tolist(), "float64")
        assert 0.95 < ratio(exact[k], z, float(bound)) <= 1
        spread = layer.activated_error(torch.tensor([[float(z)]]), bound, bound > 0)
        h = torch.tensor([[float(layer.slope * z), 1.0]], dtype=torch.float64)
        error = torch.tensor([[float(spread), 0.0]], dtype=torch.float64)


@pytest.mark.parametrize("dtype", TYPES)
def test_long_sums_err_as_much_as_their_bound(dtype: str) -> None:
    """1 + v + ... + v with v a little less than u: every sum loses v."""
    m, unit = 31, Fraction(UNIT_ROUNDOFF[dtype])
    network = Network.from_arrays([[[1] * m], [[1]]], [[0], [0]])
    x = [Fraction(1), *[unit * 7 / 8] * (m - 1)]
    (layer,) = filters(network, x, dtype)
    z = row_sum(layer.weight[0], x, dtype)
    assert 0.75 < ratio(sum(x) * Fraction(2) ** int(layer.scale[0]), z, layer.bound[0]) <= 1
    points = torch.tensor([[*map(float, x), 1.0]], dtype=torch.float64)
    (running,) = RunningBounds.of(round_layers(network), device=CPU).layers
    if dtype == "float64":
        z = row_sum(running.weight[:, 0].tolist(), x, dtype)
        assert 0.75 < ratio(sum(x), z, float(running.apply(points, 0 * points)[1])) <= 1


@pytest.mark.parametrize("dtype", TYPES)
def test_products_that_are_flushed_err_as_much_as_their_bound(dtype: str) -> None:
    """31 products a little less than the least normal number, which a device may take as 0."""
    weight, x, m = {"float32": (-120, -66, 31), "float64": (-800, -522, 31)}[dtype]
    point = [Fraction(2) ** x * Fraction(1023, 1024)] * m
    network = Network.from_arrays([[[Fraction(2) ** weight] * m], [[1]]], [[0], [0]])
    (layer,) = filters(network, point, dtype)
    z = row_sum(layer.weight[0], point, dtype, flush=True)
    exact = Fraction(2) ** (weight + int(layer.scale[0])) * sum(point)
    assert z == 0 and 0.25 < ratio(exact, z, layer.bound[0]) <= 1


@pytest.mark.parametrize("dtype", TYPES)
def test_flushed_operands_err_as_much_as_their_bound(dtype: str) -> None:
    """One input a little less than the least normal number, times a large weight."""
    point = Fraction(LEAST_NORMAL[dtype]) * Fraction(1023, 1024)
    network = Network.from_arrays([[[Fraction(1, 2**20)]], [[1]]], [[0], [0]])
    (layer,) = filters(network, [point], dtype)
    z = row_sum(layer.weight[0], [point], dtype, flush=True)
    exact = point * Fraction(2) ** (int(layer.scale[0]) - 20)
    assert z == 0 and 0.25 < ratio(exact, z, layer.bound[0]) <= 1


@pytest.mark.parametrize("dtype", TYPES)
def test_what_a_flushed_operand_does_in_the_next_layer(dtype: str) -> None:
    """The second of two layers has the error of the first, and no more room of its own."""
    point = Fraction(LEAST_NORMAL[dtype]) * Fraction(1023, 1024)
    network = Network.from_arrays([[[1]], [[1]], [[1]]], [[0], [0], [0]])
    first, second = filters(network, [point], dtype)
    z = row_sum(first.weight[0], [point], dtype, flush=True)
    z = row_sum(second.weight[0], [z], dtype, flush=True)
    exact = point * Fraction(2) ** int(second.scale[0])
    assert z == 0 and 0.25 < ratio(exact, z, second.bound[0]) <= 1


@pytest.mark.parametrize(("weight", "x", "count"), [(-500, -522, 31), (40, -1022, 1)])
def test_underflow_of_a_running_bound_can_happen(weight: int, x: int, count: int) -> None:
    point = [float(Fraction(2) ** x * Fraction(1023, 1024))] * count
    network = Network.from_arrays([[[Fraction(2) ** weight] * count], [[1]]], [[0], [0]])
    (layer,) = RunningBounds.of(round_layers(network), device=CPU).layers
    h = torch.tensor([[*point, 1.0]], dtype=torch.float64)
    bound = float(layer.apply(h, 0 * h)[1])
    exact = Fraction(2) ** weight * count * Fraction(point[0])
    assert row_sum(layer.weight[:, 0].tolist(), point, "float64", flush=True) == 0
    assert 0.25 < ratio(exact, 0.0, bound) <= 1


def test_products_that_vanish_in_floats_are_no_zeros() -> None:
    """2^-600 times 2^-600 is 0 in floats, and not 0: its sign is not known to be 0."""
    tiny = Fraction(1, 2**600)
    network = Network.from_arrays([[[tiny], [0]], [[1, 1]]], [[0, 0], [0]])
    running = RunningBounds.of(round_layers(network), device=CPU)
    points = torch.tensor([[float(tiny), 1.0], [0.0, 1.0]], dtype=torch.float64)
    signs, known = running.signs(points)
    assert (signs.tolist(), known.tolist()) == ([[0, 0], [0, 0]], [False, True])


@pytest.mark.parametrize("dtype", TYPES)
def test_weights_that_are_taken_as_zero_err_as_much_as_their_bound(dtype: str) -> None:
    """Scaled by at most 2^60 these are subnormal float32 numbers, or less than 2^-900."""
    exponent = -187 if dtype == "float32" else -901
    weight, x = Fraction(2) ** exponent * Fraction(15, 8), Fraction(2) ** 100
    network = Network.from_arrays([[[weight]], [[1]]], [[0], [0]])
    (layer,) = filters(network, [x], dtype)
    z = row_sum(layer.weight[0], [x], dtype)
    share = ratio(weight * x * Fraction(2) ** int(layer.scale[0]), z, layer.bound[0])
    assert z == 0 and 0.25 < share <= 1
    weight = Fraction(2) ** -901 * Fraction(15, 8)
    (running,) = RunningBounds.of(
        round_layers(Network.from_arrays([[[weight]], [[1]]], [[0], [0]])), device=CPU
    ).layers
    h = torch.ones((1, 2), dtype=torch.float64)
    assert 0.25 < ratio(weight, 0.0, float(running.apply(h, 0 * h)[1])) <= 1


# -- intervals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", ["0", "1", "-1", "1/3", -(2**70), Fraction(1, 2**800),
                                   Fraction(-1, 2**1000), Fraction(1, 2**1080)])  # fmt: skip
def test_intervals_of_activations_hold_the_exact_ones(slope: Any) -> None:
    """Of numbers whose product with a slope is 0 in floats as well; only 0 itself gives 0."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]], slope=slope)
    (layer,) = round_layers(network)
    exact = network.hidden[0].slope
    numbers = [0.0, 2.0**-1074, 1.25 * 2.0**-400, 1.25, 1.25 * 2.0**500]
    ends = [-t for t in reversed(numbers)] + numbers[1:]
    for i, low in enumerate(ends):
        for high in ends[i:]:
            bounds = _activated_interval(layer, np.array([low]), np.array([high]))
            lo, hi = (Fraction(float(bound[0])) for bound in bounds)
            for z in map(Fraction, (low, min(max(low, 0.0), high), high)):
                value = max(z, Fraction(0)) + exact * min(z, Fraction(0))
                assert lo <= value <= hi
                assert z or low or high or lo == hi == 0


@pytest.mark.parametrize("weight", [-850, -500, 0])
@pytest.mark.parametrize("x", [-1074, -1022, -600, -300])
@pytest.mark.parametrize("count", [1, 7])
def test_intervals_of_products_that_vanish(weight: int, x: int, count: int) -> None:
    """Sums of products that underflow are in the interval, which is hardly wider."""
    rows = [[Fraction(2) ** weight * Fraction(5, 3)] * count]
    (layer,) = round_layers(Network.from_arrays([rows, [[1]]], [[0], [0]]))
    point = np.full(count, 2.0**x * 1.25)
    lo, hi = (Fraction(float(end[0])) for end in _interval(layer, point, point))
    exact = count * rows[0][0] * Fraction(float(point[0]))
    assert lo <= exact <= hi
    assert hi - lo <= count * (exact / 2**45 + 3 * Fraction(LEAST_NORMAL["float64"]))


# -- shares of the box ----------------------------------------------------------------------------


def shares(
    box: Box, exact: Sequence[Fraction], middle: Row, radius: Row, samples: int = 1000
) -> tuple[Any, Any, list[int]]:
    """Return the shares, and the regions whose exact volume was asked for."""
    asked: list[int] = []

    def volume(i: int) -> Fraction:
        asked.append(i)
        return exact[i]

    part: Any = SimpleNamespace(
        box=box, volumes=lambda: (np.array(middle), np.array(radius)), volume=volume
    )
    found, slack = shares_of_box(part, samples)
    for true, m, r in zip(exact, found.tolist(), slack.tolist(), strict=True):
        assert abs(true / box.volume - Fraction(m)) <= Fraction(r)
        assert r * samples <= 1e-3
    return found, slack, asked


def test_vague_enclosures_and_no_others_become_exact() -> None:
    box, exact = Box.of(0, 4, 1), [Fraction(t) for t in ("1/3", "2/3", "1", "3/2", "1/2")]
    middle = [0.3, 2 / 3, np.nan, np.inf, 0.5]
    radius = [0.1, 1e-15, 1e-9, 1e-9, np.nan]
    assert shares(box, exact, middle, radius)[2] == [0, 2, 3, 4]
    sharp = [1 / 3, 2 / 3, 1.0, 1.5, 0.5]
    assert shares(box, exact, sharp, [1e-7] * 5, 1000)[2] == []
    assert shares(box, exact, sharp, [1e-7] * 5, 10**8)[2] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("width", [Fraction(5, 2**1073), Fraction(2**1023) * 3 / 2 * 2**600])
def test_volumes_of_boxes_beyond_the_floats_are_exact(width: Fraction) -> None:
    """The enclosures are right, but the box's volume as a float is coarse or infinite."""
    box, exact = Box.of(0, width, 1), [width / 5, width * 4 / 5]
    least = float(Fraction(1, 2**1073))
    middle, radius = ([least, 4 * least], [0.0, 0.0]) if width < 1 else ([1.0, 1.0], [1.0, 1.0])
    assert shares(box, exact, middle, radius)[2] == [0, 1]


def test_shares_that_are_subnormal_are_enclosed() -> None:
    small = Fraction(1, 2**1001) * Fraction(4097, 4096)
    box = Box.of(0, 2**70, 1)
    _, _, asked = shares(box, [small, box.volume - small], [float(small), 2.0**70], [0.0, 1e10])
    assert asked == []

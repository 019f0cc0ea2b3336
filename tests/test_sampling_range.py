"""Numbers at the ends of the floats: what cannot be trusted goes to integers, at every call.

Every point's region is compared with the exact one, on both float types and both paths (tensor
operations, and compiled loops between products). Nothing that a path computes may be infinite or
not a number.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exactbn import Box, Network, Partition, partition
from exactbn.errors import InputError
from exactbn.sampling import floats, sample
from exactbn.sampling.classify import Classifier
from exactbn.sampling.floats import round_layers, static_filter
from exactbn.sampling.kernels import CompiledStage, CompiledTable
from exactbn.sampling.points import PointStream, float_bounds
from exactbn.sampling.stage import DTYPES
from tests.planted import CPU, classifier_of, points_of, region_by_fractions, with_ones

Entries = list[Any]


def power(exponent: int) -> Fraction:
    """Return 2^exponent."""
    return Fraction(2) ** exponent


def steep(slope: object, *, dead: bool = False) -> Network:
    """Return a network whose second layer takes back what a slope of the first blows up.

    On x < 0, h_1 = slope x and h_2 = slope x / 2; with ``dead`` a neuron that is 0 everywhere.
    """
    first: Entries = [[1], ["1/2"], *([[0]] if dead else [])]
    second: Entries = [[-1, 1, *[3] * dead], [1, -3, *[1] * dead]]
    return Network.from_arrays(
        [first, second, [[1, 1]]], [[0] * len(first), [-1, 0], [0]], slope=[slope, 0]
    )


#: Slopes beyond the range of one float type or of both, and on its edges.
SLOPES = [
    2**20, 2**100, 2**110, 2**120, 2**127, 2**128, 10**39, 2**1000, 10**300, 10**309,
    -(2**120), -(10**300), power(-126), power(-130), power(-149), power(-900), power(-1074),
    Fraction(1, 10**400), 3 * power(-150),
]  # fmt: skip


def deep(*entries: object, slope: object = 0, inputs: int = 1) -> Network:
    """Return a chain of layers of one neuron with these weights, and its negated twin."""
    weights: Entries = [[[entries[0]] * inputs, [-Fraction(str(entries[0]))] * inputs]]
    weights += [[[w, 0], [0, w]] for w in entries[1:]]
    biases: Entries = [[0, 0] for _ in entries]
    return Network.from_arrays([*weights, [[1, 1]]], [*biases, [0]], slope=slope)


BIG, TINY, LEAST = power(1000), power(-1000), power(-1074)
CASES: dict[str, tuple[Network, Box]] = {
    "weight that is no float factor, tiny box": (deep(TINY), Box.of(-power(-200), power(-200), 1)),
    "least weight, tiny box": (deep(LEAST, BIG), Box.of(-power(-400), power(-400), 1)),
    "slope whose product underflows": (
        deep(power(-890), 1, slope=power(-899)), Box.of(-power(-200), power(-200), 1),
    ),
    "slope below the floats in a tiny box": (
        deep(1, 1, slope=power(-1000)), Box.of(-power(-300), power(-300), 1),
    ),
    "up and down": (deep(BIG, TINY, BIG, TINY, slope="1/3"), Box.of(-1, 1, 1)),
    "down and up": (deep(LEAST, BIG, LEAST, BIG, slope=-1), Box.of(-1, 1, 1)),
    "sums that overflow": (deep(BIG, power(20), power(3)), Box.of(-1, 1, 1)),
    "box of 1e-40": (
        Network.from_arrays([[[1], [3]], [[1, -1]], [[1]]], [["-1e-41", 0], ["1e-41"], [0]]),
        Box.of("-1e-40", "1e-40", 1),
    ),
    "box 1e15 away": (
        Network.from_arrays(
            [[[1, 1], [1, -1]], [[1, -2]], [[1]]],
            [[-2 * 10**15 - 1, 0], [Fraction(-1, 3)], [0]], slope=2**110,
        ),
        Box.of(10**15, 10**15 + 4, 2),
    ),
    "lopsided box": (
        Network.from_arrays(
            [[[10**40, 1], [power(130), -1]], [[1, -1]], [[1]]], [[0, 1], [2], [0]], slope=2**120
        ),
        Box.of(("-1e-40", -1000), ("1e-40", 10**6), 2),
    ),
    "only dead units before a steep slope": (
        Network.from_arrays([[[0], [0]], [[1, 1], [-1, 2]], [[1, 1]]], [[0, 0], [1, -1], [0]],
                            slope=[2**127, 0]), Box.of(-1, 1, 1),
    ),
    "only dead units before a steeper slope": (
        Network.from_arrays([[[0], [0]], [[1, 1], [-1, 2]], [[1, 1]]], [[0, 0], [1, -1], [0]],
                            slope=[2**1023, 0]), Box.of(-1, 1, 1),
    ),
    "large entries that cancel": (
        Network.from_arrays(
            [[[1], [1]], [[BIG, -BIG], [BIG, -BIG + 1]], [[1, 1]]], [[0, 0], [0, 0], [0]],
            slope=10**200,
        ),
        Box.of(-1, 1, 1),
    ),
}  # fmt: skip


def regions_by_compiled_loop(
    part: Partition, classifier: Classifier, points: torch.Tensor
) -> list[int]:
    """Return the region of each point as the compiled path finds it, or resolves it."""
    table = CompiledTable.of(classifier.patterns, classifier.weights)
    stage, found = CompiledStage.of(classifier.first, points.shape[1] - 1, 1), []
    for i in range(len(points)):
        counts = np.zeros(part.num_regions, dtype=np.int64)
        stage.points[:, :1] = points[i, :-1, None]
        stage.run(1)
        for outputs in stage.outputs:
            assert torch.isfinite(outputs[:, :1]).all()
        if table.count(stage, 1, counts, np.empty(1, dtype=np.int64))[0]:
            found.append(int(classifier.classify(points[i : i + 1])[0]))
        else:
            found.append(int(counts.argmax()))
    return found


def check_all(network: Network, box: Box, dtype: str, count: int = 40) -> int:
    """Compare the regions of a grid's points and of drawn ones with the exact ones; count them."""
    part = partition(network, box)
    points = points_of(box, dtype)
    try:
        stream = PointStream(float_bounds(box, dtype), count, 3, dtype, CPU)
        points += [tuple(x[:-1]) for x in stream.draw(0, stream.buffer()).t().tolist()]
    except InputError:  # too few floats of this type in the box; the grid has some
        pass
    if not points:
        return 0
    expected = [region_by_fractions(part, tuple(map(Fraction, x))) for x in points]
    rows = with_ones(points, dtype)
    classifier = classifier_of(part, dtype, chunk=16)
    assert classifier.classify(rows)[0].tolist() == expected
    assert regions_by_compiled_loop(part, classifier, rows) == expected
    running, known = classifier.third.signs(rows.to(torch.float64))
    exact = classifier._exact_signs(rows[:, :-1].to(torch.float64))
    assert torch.equal(running[known], exact[known])
    return len(points)


def float_text(slope: Fraction | int) -> str:
    """Return a short text of a number of any size."""
    return f"{Decimal(Fraction(slope).numerator) / Decimal(Fraction(slope).denominator):.2e}"


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("slope", SLOPES, ids=float_text)
def test_slopes_at_the_ends_of_the_range(dtype: str, slope: Fraction | int) -> None:
    for dead in (False, True):
        assert check_all(steep(slope, dead=dead), Box.of(-1, 1, 1), dtype, 8) > 8


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("name", CASES)
def test_entries_and_boxes_at_the_ends_of_the_range(name: str, dtype: str) -> None:
    found = check_all(*CASES[name], dtype)
    assert found > 8 or dtype == "float32"  # of which some of these boxes hold few or none


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("slope", [2**110, 10**39, 10**300], ids=float_text)
def test_steep_slopes_are_no_disagreement(slope: int, dtype: str) -> None:
    """Half of the points are on x < 0, where the last region has a volume of 2 / slope."""
    part = partition(steep(slope), (-1, 1))
    result = sample(part, 2000, dtype=dtype, device="cpu")
    assert (result.outside, result.on_boundary) == (0, 0)
    assert result.chi_square.p > 1e-3
    assert result.hits.tolist() == [n if v > 0.5 else 0 for n, v in zip(
        result.hits, [part.volume(i) for i in range(part.num_regions)], strict=True
    )]  # fmt: skip


#: Powers of two from end to end of both float types.
EXPONENTS = (
    -1074, -1022, -900, -899, -500, -200, -149, -126, -60, 0, 0, 0, 60, 126, 127, 500, 1000,
)  # fmt: skip


@st.composite
def wild_problems(draw: st.DrawFn) -> tuple[Network, Box]:
    """Return a network of one or two inputs with entries and slopes of all sizes, and a box."""
    d, exponents = draw(st.integers(1, 2)), st.sampled_from(EXPONENTS)

    def entry() -> Fraction:
        return draw(st.sampled_from((-3, -1, 0, 1, 1))) * power(draw(exponents))

    widths = [d, *(draw(st.integers(1, 2)) for _ in range(draw(st.integers(1, 3)))), 1]
    weights = [
        [[entry() for _ in range(m)] for _ in range(n)]
        for m, n in zip(widths, widths[1:], strict=False)
    ]
    biases = [[entry() for _ in range(n)] for n in widths[1:]]
    slopes = [
        draw(st.sampled_from((0, 1, -1, Fraction(1, 3)))) * power(draw(exponents))
        for _ in widths[1:-1]
    ]
    size = power(draw(st.sampled_from((-400, -130, -20, 0, 50, 120))))
    box = Box.of([-size] * d, [size * draw(st.sampled_from((1, 3))) for _ in range(d)], d)
    return Network.from_arrays(weights, biases, slope=slopes), box


@hypothesis_settings(max_examples=30)
@given(wild_problems(), st.sampled_from(sorted(DTYPES)))
def test_every_point_of_wild_networks(problem: tuple[Network, Box], dtype: str) -> None:
    check_all(*problem, dtype, 6)


@hypothesis_settings(max_examples=100)
@given(wild_problems(), st.sampled_from(sorted(DTYPES)))
def test_static_filters_are_finite(problem: tuple[Network, Box], dtype: str) -> None:
    network, box = problem
    ends = np.array([float(t) for t in box.lo]), np.array([float(t) for t in box.hi])
    for layer in static_filter(round_layers(network), *ends, dtype=dtype):
        assert np.isfinite(layer.weight).all() and np.isfinite(layer.slope)
        weight = np.abs(layer.weight)
        assert not np.any((weight > 0) & (weight < floats.LEAST_NORMAL[dtype]))


def test_slopes_that_may_be_flushed_are_zero() -> None:
    """A subnormal slope may be taken as 0, which is no rounding error of it: so it is 0."""
    for dtype, slope in (("float32", power(-127)), ("float64", Fraction(3, 2**1075))):
        ends = np.array([-1.0]), np.array([1.0])
        first, _ = static_filter(round_layers(steep(slope)), *ends, dtype=dtype)
        assert first.slope == 0


def test_rows_with_too_many_terms_have_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floats, "MOST_TERMS", 1)
    part = partition(steep(0), (-1, 1))
    classifier = classifier_of(part)
    points = with_ones(points_of(part.box, "float32"), "float32")
    assert not classifier.third.signs(points.to(torch.float64))[1].any()
    assert classifier.classify(points)[1] == len(points)

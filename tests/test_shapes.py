"""Linear regions, shapes of the whole, face counts in every domain, and the table of pandas."""

from fractions import Fraction as F

import numpy as np
import pytest

import exactbn
from exactbn.claims.families.degree import waves
from exactbn.errors import InputError
from exactbn.model.network import Network
from exactbn.regions.frames import region_columns
from tests.test_walking import maximum

CROSS = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]]], [[0, 0], [0]])


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_linear_regions_join_and_are_convex_or_not(engine: str) -> None:
    # The second unit of layer 1 counts for nothing.
    net = Network.from_arrays([[[1, 0], [0, 1]], [[1, 0]]], [[0, 0], [5]])
    part = exactbn.partition(net, (-1, 1), engine=engine)
    labels = part.linear_regions()
    assert labels.dtype.kind == "i" and labels.shape == (4,) and labels[0] == 0
    assert len(part.linear) == 2 and part.linear.sizes.tolist() == [2, 2]
    assert part.linear.is_convex.tolist() == [True, True] and part.linear.num_maps == 2
    assert repr(part.linear) == "<2 linear regions of 4 activation regions, 2 affine maps>"
    for i in range(4):
        assert part.linear.affine_map(labels[i]) == part.affine_map(i)
    # relu(relu(x) + relu(y) - 1): an L where it is 0, of three regions, and one where it is x or y.
    net = Network.from_arrays([[[1, 0], [0, 1]], [[-1, -1]], [[1]]], [[0, 0], [1], [0]])
    linear = exactbn.partition(net, (-2, 2), engine=engine).linear
    is_l = linear.sizes == linear.sizes.max()
    assert not linear.is_convex.all() and linear.is_convex[linear.sizes == 1].all()
    assert is_l.any()


def test_linear_regions_apart_with_one_map() -> None:
    """Maps are compared, not gradients; equal ones that do not touch are two linear regions."""
    net = Network.from_arrays([[[1], [-1]], [[1, 1]]], [[-1, -1], [0]])
    part = exactbn.partition(net, (-3, 3))
    assert len(part.linear) == 3 and part.linear.num_maps == 3
    # relu(x) - relu(x - 1) - relu(x - 2) + relu(x - 3): 0 on both ends.
    trapezoid = Network.from_arrays([[[1]] * 4, [[1, -1, -1, 1]]], [[0, -1, -2, -3], [0]])
    linear = exactbn.partition(trapezoid, (-1, 4)).linear
    assert len(linear) == 5 and linear.num_maps == 4 and linear.is_convex.all()


def test_an_annulus_is_not_convex() -> None:
    """A linear region with a hole: 0 outside of a square, where nothing is on."""
    bump = Network.from_arrays(
        [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[-1, -1, -1, -1]], [[1]]], [[0, 0, 0, 0], [1], [0]]
    )
    part = exactbn.partition(bump, (-2, 2))
    outside = part.linear_regions()[part.region_of((F(3, 2), 1))]
    assert part.linear.sizes[outside] == 4 and not part.linear.is_convex[outside]
    assert part.linear.is_convex.sum() == 4 and len(part.linear) == 5


@pytest.mark.parametrize(
    ("box", "rows", "f_vector", "bounded", "expected"),
    [
        (None, None, (1, 4, 4), (1, 0, 0), 1),
        ((-1, 1), None, (9, 12, 4), (9, 12, 4), 1),
        (None, ([[1, 1]], [1]), (3, 7, 4), (3, 3, 1), 0),
        (None, ([[1, 0], [-1, 0]], [1, 1]), (3, 8, 4), (3, 2, 0), -1),
    ],
)  # fmt: skip
def test_face_counts_by_hand(box, rows, f_vector, bounded, expected) -> None:
    """Two crossing lines in the plane, in a square, in a half-plane and in a strip."""
    counts = exactbn.partition(CROSS, box, rows=rows).shapes().face_counts
    assert counts.f_vector == f_vector and counts.bounded == bounded
    assert counts.euler_characteristic == counts.expected == expected


def test_face_counts_leave_out_what_loses() -> None:
    """max(x, y, -1) in a square: three regions that meet in one point, three edges there."""
    part = exactbn.partition(maximum([[1, 0], [0, 1], [0, 0]], [0, 0, -1]), (-2, 2))
    counts = part.shapes().face_counts
    assert part.num_regions == 3 and counts.f_vector == (7, 9, 3)
    assert part.f_vector is None or part.f_vector == counts.f_vector
    # Without a box nothing is left but the three edges.
    part = exactbn.partition(part.network)
    assert part.shapes().face_counts.f_vector == (1, 3, 3)
    with pytest.raises(InputError, match="engine 'lp' makes no faces"):
        _ = exactbn.partition(CROSS, engine="lp").shapes().face_counts


def test_regions_of_maxima_that_a_budget_ended() -> None:
    """A contest that is not done counts for its first side; the regions fill the square."""
    most = maximum([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 1]], [0, 0, 0, 0, "-1/2"])
    done = set()
    for budget in range(1, 9):
        part = exactbn.partition(most, (-1, 1), max_regions=budget, on_budget="return")
        assert sum(region.volume for region in part) == 4
        assert all(region.volume == part.volume(region.index) for region in part)
        done.add(part.neurons_done)
    assert len(done) > 2


def test_shapes_of_a_square_with_a_cross() -> None:
    part = exactbn.partition(CROSS, (-1, 1))
    shapes = part.shapes()
    assert shapes.facets.tolist() == [4] * 4 and shapes.degree.tolist() == [2] * 4
    assert (shapes.num_bounded, shapes.num_unbounded) == (4, 0)
    assert (shapes.mean_degree, shapes.degree_bound) == (2, 3)
    assert (shapes.diameter, shapes.num_components) == (2, 1)
    assert shapes.volumes[0].tolist() == [1.0] * 4
    assert shapes.inradii()[0].tolist() == [0.5] * 4 and shapes.inradii(1)[1].tolist() == [0.0] * 4
    least, greatest = shapes.laplacian_spectrum(2)
    # A cycle of four: 0, 2, 2, 4.
    assert np.round(least, 9).tolist() == [0, 2] and np.round(greatest, 9).tolist() == [2, 4]
    assert "Shapes of 4 regions, 4 of them bounded" in repr(shapes)
    assert "mean 2 (at most 2 d = 4)" in repr(shapes)
    with pytest.raises(InputError, match="k is 9, expected an integer from 1 to 4"):
        shapes.laplacian_spectrum(9)
    everywhere = exactbn.partition(CROSS).shapes()
    assert everywhere.num_unbounded == 4 and np.isinf(everywhere.inradii(2)[0]).all()


def test_sparse_spectra_are_those_of_dense_ones(monkeypatch) -> None:
    rows = [[1, 0]] * 9 + [[0, 1]] * 9
    grid = Network.from_arrays([rows, [[1] * 18]], [[*range(-4, 5)] * 2, [0]])
    shapes = exactbn.partition(grid, (-6, 6)).shapes()
    dense = shapes.laplacian_spectrum(5)
    monkeypatch.setattr("exactbn.regions.shapes._DENSE", 10)
    for one, other in zip(dense, shapes.laplacian_spectrum(5), strict=True):
        assert np.abs(one - other).max() < 1e-9
    assert shapes.diameter == 18 and shapes.degree_bound == F(4 * 99, 100) > shapes.mean_degree


def test_a_degree_over_twice_the_dimension_has_no_bound() -> None:
    """The network of docs/mean_degree.md, on which the bound of 2 d does not hold."""
    levels = tuple(map(F, ("-5/4", "-7/5", "-8/5", "-7/4")))
    # relu(x - k), k = 0, ..., 3, on every axis, with the weights 1, -2, 2, -2.
    jumps = ((0, 1, 1), (1, 1, -2), (2, 1, 2), (3, 1, -2))
    shapes = exactbn.partition(waves(levels, jumps), (0, 4)).shapes()
    assert (shapes.mean_degree, shapes.degree_bound) == (F(61, 10), None)
    assert "mean 6.1 (over 2 d = 6)" in repr(shapes)


def test_the_columns_of_the_table() -> None:
    part = exactbn.partition(CROSS, rows=([[1, 1]], [1]))
    columns = region_columns(part, exact=True)
    assert list(columns) == ["pattern", "neighbours", "is_bounded", "volume", "x0", "x1",
                             "exact_witness", "exact_volume"]  # fmt: skip
    at = columns["pattern"].index("11")
    assert columns["exact_volume"][at] == F(1, 2) and columns["volume"][at] == 0.5
    assert columns["exact_volume"].count(None) == 3 and not columns["is_bounded"].all()
    assert columns["exact_witness"][at] == part.witness(at)
    assert columns["x0"][at] == float(part.witness(at)[0])
    assert columns["neighbours"].sum() == 2 * part.num_adjacencies
    lp = region_columns(exactbn.partition(CROSS, engine="lp"), exact=False)
    assert list(lp) == ["pattern", "neighbours", "is_bounded", "x0", "x1"]


def test_the_table() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    part = exactbn.partition(CROSS, (-1, 1))
    frame = part.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame.index.name == "region"
    assert frame.shape == (4, 6) and frame.volume.sum() == 4
    assert part.to_pandas(exact=True).exact_volume.sum() == 4


def test_no_pandas(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'exactbn\[pandas\]'"):
        exactbn.partition(CROSS, (-1, 1)).to_pandas()

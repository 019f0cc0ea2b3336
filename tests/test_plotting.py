"""Pictures show what is there: polygons, sides and colours against partitions of the window."""

import random
from fractions import Fraction as F
from itertools import pairwise

import numpy as np
import pytest

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import nearest_float
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

pytest.importorskip("matplotlib")

from exactbn.drawing.style import new_figure, write_figure  # noqa: E402
from exactbn.drawing.windows import Window, clip_polygon, clip_segment, homogeneous  # noqa: E402
from exactbn.regions import solid as solids  # noqa: E402
from exactbn.regions.planar import planar, point_of  # noqa: E402
from exactbn.regions.plotting import scene_of  # noqa: E402

DEEP = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1], [2, -1]], [[1, -1, 1, 0], [1, 1, -2, "1/3"]], [[1, -1]]],
    [["-3/10", "-1/5", "-1/2", "1/3"], ["-1/7", "1/4"], ["1/9"]],
)
#: Three lines that make a triangle of side 1e-12 at (3/10, 1/5).
TINY = Network.from_arrays(
    [[[1, 0], [0, 1], [1, 1]], [[1, 1, -1]], [[1]]],
    [["-3/10", "-1/5", F(-1, 2) - F(1, 10**12)], ["-1/7"], [0]],
)
LINE = Network.from_arrays([[[1], [-1], [2]], [[1, 1, -1]], [[1]]], [[0, "1/2", "-1/3"], [-1], [0]])
SOLID = Network.from_arrays(
    [[[1, 0, 1], [0, 1, -1], [1, 1, 0], [0, 0, 1]], [[1, -1, 1, 2]], [[1]]],
    [["1/5", 0, "-1/3", 0], ["-1/2"], [0]],
)
TRIANGLE = Domain.cut(Box.of(-1, 1, 2), ([[1, 1]], ["1/2"]))


def area(polygon):
    """Return twice the exact area of homogeneous points in order."""
    points = [point_of(p) for p in polygon]
    return abs(sum(x * v - y * u for (x, y), (u, v) in zip(points, points[1:] + points[:1])))


def volumes(part):
    """Return the exact volume of each pattern."""
    return {tuple(row): part.volume(i) for i, row in enumerate(part.patterns.tolist())}


def shown(part, window):
    """Return the exact area that is drawn of each pattern."""
    pieces = planar(part, part)
    found = {}
    for cell, region in enumerate(pieces.of_cell):
        polygon = clip_polygon(pieces.polygon(cell), window.rows)
        if polygon:
            key = tuple(part.patterns[region].tolist())
            found[key] = found.get(key, 0) + area(polygon) / 2
    return found


WINDOWS = {
    "whole": ((-1, 1), (-1, 1)),
    "part, beyond the box": (("-1/3", 2), ("1/7", 3)),
    "a cell of 1e-12": ((F(3, 10) - F(1, 10**13), F(3, 10) + F(2, 10**12)),
                        (F(1, 5) - F(1, 10**13), F(1, 5) + F(2, 10**12))),
    "1e-300": ((F(3, 10) - F(1, 10**300), F(3, 10) + F(2, 10**300)),
               (F(1, 5) - F(1, 10**300), F(1, 5) + F(2, 10**300))),
}  # fmt: skip


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("network", [DEEP, TINY], ids=["deep", "tiny"])
@pytest.mark.parametrize("domain", [Box.of(-1, 1, 2), TRIANGLE, Domain.space(2)], ids=str)
def test_what_is_drawn_are_the_regions_of_the_window(network, domain, window):
    """The engine, asked for the window alone, finds the same patterns with the same areas."""
    view, domain = Window.asked(window, 2), Domain.of(domain)
    lo, hi = view.lo, view.hi
    if domain.box is not None:
        lo, hi = tuple(map(max, lo, domain.box.lo)), tuple(map(min, hi, domain.box.hi))
    alone = partition(network, Domain(2, Box(lo, hi), domain.matrix, domain.bounds))
    assert shown(partition(network, domain), view) == volumes(alone)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_drawn_floats_are_the_nearest_to_exact_coordinates(window):
    view = Window.asked(window, 2)
    ax = partition(TINY, (-2, 4)).plot(window=window)
    alone = partition(TINY, Box(view.lo, view.hi))
    exact = {
        tuple(nearest_float(*((t - o) / u).as_integer_ratio())
              for t, (o, u) in zip(alone.vertex(v), view.axes))
        for v in range(alone.f_vector[0])
    }  # fmt: skip
    paths = ax.collections[0].get_paths()
    drawn = {tuple(v) for path in paths for v in path.vertices.tolist()}
    assert len(paths) == alone.num_regions and drawn == exact
    limits = [*ax.get_xlim(), *ax.get_ylim()]
    assert limits == [t for pair in view.limits() for t in pair]
    assert all(abs(t) <= 20 for t in limits) and limits[0] < limits[1]


def test_an_inset_of_1e_12_shows_the_triangle():
    part = partition(TINY, (-1, 1))
    small = min(range(part.num_regions), key=part.volume)
    assert part.volume(small) == F(1, 2 * 10**24)
    ax = part.plot(inset=small, data=[["3/10", "1/5"], ["1/2", 0]])
    inner = ax.figure.axes[1]
    assert inner.get_xlabel() == "t (x1 = 0.3 + 1e-12 t)"
    corners = [sorted(map(tuple, path.vertices[:-1].tolist()))
               for path in inner.collections[0].get_paths()]  # fmt: skip
    assert [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)] in corners
    assert [line.get_xydata().tolist() for line in inner.lines] == [[[0.0, 0.0]]]
    figure = new_figure(4, 4)
    own = figure.subplots()
    assert part.plot(own, inset=((0, "1/2"), (0, 1))) is own and len(own.child_axes) == 1


def test_random_polygons_and_points():
    """A point is in the clipped polygon where it is in both; areas of four windows add up."""
    rng = random.Random(7)
    for _ in range(30):
        ends = [(F(rng.randint(-9, 9)), F(rng.randint(-9, 9))) for _ in range(3)]
        triangle = [homogeneous(x) for x in ends]
        if not area(triangle):
            continue
        at = F(rng.randint(-30, 30), 7), F(rng.randint(-30, 30), 7)
        quarters = [
            Window.asked(((a, b), (c, d)), 2)
            for a, b in ((-10, at[0]), (at[0], 10)) for c, d in ((-10, at[1]), (at[1], 10))
        ]  # fmt: skip
        parts = [clip_polygon(triangle, w.rows) for w in quarters]
        assert sum(area(p) for p in parts if p) == area(triangle)
        assert all(not p or area(p) for p in parts)
        p, q = ends[:2]
        cut = [clip_segment(homogeneous(p), homogeneous(q), w.rows) for w in quarters]
        spans = [point_of(b)[k] - point_of(a)[k] for k in (0, 1) for a, b in filter(None, cut)]
        if all(t not in (p[k], q[k]) or p[k] != q[k] for k, t in enumerate(at)):
            assert sum(spans) == sum(b - a for a, b in zip(p, q))


def test_sides_lie_on_the_bent_hyperplane_that_they_name():
    for domain in (Domain.of(Box.of(-1, 1, 2)), Domain.space(2), TRIANGLE):
        part = partition(DEEP, domain)
        pieces = planar(part, part)
        seen = set()
        kinds = zip(pieces.sides.tolist(), pieces.regions.tolist(), pieces.neurons.tolist())
        for (a, b), (i, j), neuron in kinds:
            if j < 0:
                assert neuron == -1
                continue
            seen.add((min(i, j), max(i, j)))
            p, q = pieces.points[a], pieces.points[b]
            middle = tuple(s + t for s, t in zip(p, q))
            if middle[0] == 0:
                continue
            zeros = [z for layer in part.network.preactivations(point_of(middle)) for z in layer]
            differ = np.flatnonzero(part.patterns[i] != part.patterns[j])
            assert zeros[neuron] == 0 and neuron == differ[0]
        assert seen == {tuple(edge) for edge in part.edges.tolist()}
        layers = pieces.layers(part.network.widths)
        assert set(layers.tolist()) == {-1, 0, 1}  # the border of R^2 is at infinity


def test_engines_draw_the_same_regions():
    complex_, lp = (partition(DEEP, TRIANGLE, engine=e) for e in ("complex", "lp"))
    pieces = planar(complex_, lp)
    for cell, region in enumerate(pieces.of_cell):
        middle = [sum(t) for t in zip(*(point_of(p) for p in pieces.polygon(cell)))]
        count = len(pieces.cells[cell])
        assert lp.region_of([t / count for t in middle]) == region
    few = partition(DEEP, TRIANGLE, engine="lp", max_regions=3, on_budget="return")
    assert len(set(planar(complex_, few).of_cell)) == few.num_regions + 1  # and unknown ones
    few.plot()


def scene(part, **options):
    view = Window.asked(((-1, 1), (-1, 1)), 2)
    asked = {"color_by": "neighbours", "bent": True, "output": None, **options}
    return scene_of(part, planar(part, part), view, **asked)


def test_colours_say_what_they_stand_for():
    part = partition(DEEP, (-1, 1))
    faces = scene(part).paint.faces
    assert all(faces[i] != faces[j] for i, j in part.edges.tolist())
    paint = scene(part, color_by="active").paint
    ons = (part.patterns == 1).sum(axis=1)
    assert all(paint.faces[i] == paint.cmap(paint.norm(k)) for i, k in enumerate(ons))
    paint = scene(part, color_by="slope").paint
    lengths = [float(sum(t * t for t in part.affine_map(i)[0][0])) for i in range(part.num_regions)]
    assert paint.norm.vmax == pytest.approx(max(lengths) ** 0.5, rel=1e-15)
    paint = scene(part, color_by="log_volume").paint
    biggest = max(part.volume(i) for i in range(part.num_regions))
    assert paint.norm.vmax == pytest.approx(np.log10(float(biggest)), rel=1e-12)
    paint = scene(part, color_by="output").paint
    corners = [part.vertex(v) for v in range(part.f_vector[0])]
    values = [float(part.network.forward(x)[0]) for x in corners]
    assert paint.function([homogeneous(x) for x in corners]).tolist() == values
    assert max(paint.norm.vmax, -paint.norm.vmin) == max(map(abs, values))
    numbers = np.arange(part.num_regions)
    assert scene(part, color_by=numbers).paint.norm.vmax == part.num_regions - 1
    named = scene(part, color_by=["red"] * part.num_regions).paint
    assert set(named.faces) == {(1.0, 0.0, 0.0, 1.0)}
    # The deepest layer with a side of a region: by its neighbours' patterns.
    deepest = [0] * part.num_regions
    for i, j in part.edges.tolist():
        layer = 1 + (np.flatnonzero(part.patterns[i] != part.patterns[j])[0] >= 4)
        deepest[i], deepest[j] = max(deepest[i], layer), max(deepest[j], layer)
    paint = scene(part, color_by="layer").paint
    assert [list(paint.names.values())[k - min(deepest)] for k in deepest] == paint.faces


def test_outputs_beyond_floats_have_a_colour():
    big = Network.from_arrays([[[1, 0]], [[10**400]]], [[0], [0]])
    for d in (2, 3):
        wide = Network.from_arrays([[[1] + [0] * (d - 1)], [[10**400]]], [[0], [0]])
        ax = partition(wide, (-1, 1)).plot(color_by="output")
        ax.figure.draw_without_rendering()
    assert scene(partition(big, (-1, 1)), color_by="output").paint.norm.vmax == 1e300


def test_unbounded_regions_have_no_volume_and_a_window_of_all_vertices():
    part = partition(DEEP)
    paint = scene(part, color_by="log_volume").paint
    assert list(paint.names) == ["unbounded"]
    ax = part.plot(color_by="log_volume", graph=True)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    meeting = [(F(3, 10), F(1, 5)), (F(3, 10), F(14, 15)), (F(-2, 15), F(1, 15))]
    assert all(left < x < right and low < y < high for x, y in meeting)
    one = partition(Network.from_arrays([[[1, 1]], [[1]]], [[-3], [0]])).plot()
    assert one.get_xlim()[0] < one.get_xlim()[1]
    none = partition(Network.from_arrays([[[0, 0]], [[1]]], [[-3], [0]])).plot(boundary=True)
    assert none.get_xlim() == (-1.0, 1.0)


def test_the_decision_boundary_is_that_of_the_window():
    part = partition(DEEP)
    ax = part.plot(window=((0, 1), (0, 1)), boundary=True)
    (lines,) = [c for c in ax.collections if c.get_label() == "decision boundary"]
    middles = [segment.mean(axis=0) for segment in lines.get_segments()]
    assert middles
    for middle in middles:
        assert abs(DEEP.forward(middle)[0]) < F(1, 10**12)
        assert 0 <= min(middle) and max(middle) <= 1
    two = Network.from_arrays([[[1, 0]], [[1], [1]]], [[0], [0, 0]])
    ax = partition(two, (-1, 1)).plot(boundary=True)
    (lines,) = [c for c in ax.collections if c.get_label() == "decision boundary"]
    assert not lines.get_segments()  # equal outputs: the first one is greatest everywhere
    three = Network.from_arrays([[[1, 0, 1]], [[1]]], [[0], [0]])
    with pytest.raises(DimensionError, match="boundary is drawn of two inputs"):
        partition(three, (-1, 1)).plot(boundary=True)
    with pytest.raises(InputError, match="2 outputs: say which with output=0"):
        partition(two, (-1, 1)).plot(color_by="output")
    partition(two, (-1, 1)).plot(color_by="slope", output=1)


def test_graphs_and_paths_stay_in_their_regions():
    part = partition(DEEP, (-1, 1))
    start = part.region_of(("-9/10", "-9/10"))
    way = [start, int(part.neighbours(start)[0])]
    ax = part.plot_graph(paths=[way, [(-1, -1), (0, 0), (2, "1/3")]])
    graph = ax.collections[3]
    assert len(graph.get_segments()) == part.num_adjacencies
    for segment in graph.get_segments():
        ends = [part.region_of(point) for point in (segment[0], segment[-1])]
        assert tuple(sorted(ends)) in {tuple(edge) for edge in part.edges.tolist()}
        for (p, q), region in zip(pairwise(segment), ends):
            for step in (F(1, 4), F(3, 4)):
                point = [F(a) + step * (F(b) - F(a)) for a, b in zip(p, q)]
                assert part.region_of(point) == region
    drawn = [c.get_segments() for c in ax.collections[4:6]]
    assert [len(segments) for segments in drawn] == [1, 2]
    assert drawn[1][-1][-1].tolist() == [1.0, 1 / 6]  # clipped where it leaves the box
    far = next(j for j in range(part.num_regions)
               if j != start and j not in part.neighbours(start))  # fmt: skip
    with pytest.raises(InputError, match=f"from region {start} to {far}, which are not adjacent"):
        part.plot(paths=[[start, far]])


def test_one_input_is_drawn_as_bands():
    for domain in (Box.of(-1, 1, 1), Domain.space(1)):
        part = partition(LINE, domain, engine="lp")
        ax = part.plot(data=[[0], ["1/4"]], labels=["a", "b"], color_by="output", graph=True)
        assert list(ax.get_yticks()) == [] and ax.get_ylim() == (0.0, 1.0)
    view = Window.asked(((-1, 1), (0, 1)), 2)
    part = partition(LINE, (-1, 1))
    assert shown(part, view) == volumes(part)


@pytest.mark.parametrize(
    "domain",
    [Domain.of(Box.of(-1, 1, 3)), Domain.cut(Box.of(-1, 1, 3), ([[1, 1, 1]], [2])),
     Domain.space(3)],
    ids=str,
)  # fmt: skip
def test_three_inputs_are_cut_open(domain):
    """Every polygon, moved a little inward, is in its region; the areas are those of the solid."""
    part = partition(SOLID, domain)
    view, corner = Window.asked(((-1, 1),) * 3, 3), (F(0), F(1, 3), F(0))
    # On the cut x3 = 0 the fourth neuron vanishes, so it lies between regions.
    found = solids._solid(part, view, corner, color_by="output", bent=True, output=None,
                          names=("x", "y", "z"))  # fmt: skip
    planes = {}
    for polygon, region, _ in found.polygons:
        points = [point_of(p) for p in polygon]
        assert all(-1 <= t <= 1 for x in points for t in x)
        on = next((k for k in range(3) if len({x[k] for x in points}) == 1), None)
        if on is not None:
            flat = [homogeneous(tuple(t for k, t in enumerate(x) if k != on)) for x in points]
            planes[on, points[0][on]] = planes.get((on, points[0][on]), 0) + area(flat) / 2
        middle = [sum(t) / len(points) for t in zip(*points)]
        assert not all(t > c for t, c in zip(middle, corner))
        small = F(1, 10**9)
        normal = [F(int(on is None or k == on)) for k in range(3)]
        assert part.region_of([t - small * n for t, n in zip(middle, normal)]) == region
    cut_off = {0: F(2, 3), 1: F(1), 2: F(2, 3)}
    if domain.matrix:
        assert all(planes[k, corner[k]] <= cut_off[k] for k in range(3))
    else:
        assert {k: planes[k, corner[k]] for k in range(3)} == cut_off
        assert {k: planes[k, F(1)] for k in range(3)} == {k: 4 - t for k, t in cut_off.items()}
    ax = part.plot(window=((-1, 1),) * 3, cut=corner, data=[[0, 0, 1]])
    assert ax.name == "3d" and len(ax.collections) >= 3


def test_equal_pictures_are_written_as_equal_files(tmp_path):
    part = partition(TINY, (-1, 1))
    for ending in (".svg", ".pdf"):
        for name in ("one", "two"):
            figure = part.plot(color_by="output", data=[[0, 0]]).figure
            write_figure(figure, tmp_path / f"{name}{ending}", 50)
        one, two = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("one", "two"))
        assert one == two and len(one) > 1000
    with pytest.raises(InputError, match=r"ends in .png, .svg, .pdf"):
        write_figure(figure, tmp_path / "x.gif")


def test_errors_say_what_was_got_and_expected():
    part = partition(DEEP, (-1, 1))
    for options, message in (
        ({"color_by": "area"}, "color_by is 'area', expected one of neighbours, layer"),
        ({"color_by": [1, 2]}, "color_by has 2 entries, expected one for each of the"),
        ({"bent": "yes"}, "bent is 'yes', expected one of True, False"),
        ({"data": [[1]]}, "data has 1 coordinate, expected 2"),
        ({"data": [[1, 2]], "labels": []}, "there are 0 labels and 1 data point"),
        ({"window": (0, 1)}, r"the window is \(0, 1\), expected one pair"),
        ({"window": ((0, 1), (1, 1))}, "empty or flat on axis 1: 1 to 1, expected lo < hi"),
        ({"inset": 999}, "inset is 999, expected a region from 0 to"),
        ({"paths": [[]]}, "a path is empty"),
        ({"cut": (0, 0, 0)}, "cut is of three inputs, the network has 2"),
        ({"names": ["a"]}, "names has 1 name, expected 2"),
    ):
        with pytest.raises(InputError, match=message):
            part.plot(**options)
    cube = partition(SOLID, (-1, 1))
    with pytest.raises(DimensionError, match="graph is drawn of two inputs"):
        cube.plot_graph()
    with pytest.raises(InputError, match="projection='3d'"):
        cube.plot(new_figure(2, 2).subplots())
    four = Network.from_arrays([[[1, 0, 0, 1]], [[1]]], [[0], [0]])
    with pytest.raises(DimensionError, match=r"at most 3 for a picture: draw a slice"):
        partition(four, (-1, 1)).plot()

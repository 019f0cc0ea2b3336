"""Networks that move: events against dense partitions, against all triples of lines, by hand."""

import json
import random
from fractions import Fraction
from functools import cmp_to_key
from itertools import combinations, pairwise
from pathlib import Path as FilePath

import numpy as np
import pytest
import sympy
from flint import fmpq, fmpz_poly

import exactbn
from exactbn.cli import main
from exactbn.errors import DimensionError, InputError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.paths.chambers import Line, Shape, signs_of
from exactbn.paths.following import Following, follow, follow_path
from exactbn.paths.path import Path
from exactbn.paths.times import Time
from exactbn.paths.zeros import order, simplest, to_fraction, zeros_of

F = Fraction


def line_net(rows: list[list[object]]) -> Network:
    """Return a network with one hidden layer, whose rows are (w_1, ..., w_d, b)."""
    return Network.from_arrays(
        [[row[:-1] for row in rows], [[1] * len(rows)]], [[row[-1] for row in rows], [0]]
    )


def type_at(found: Following, t: Fraction) -> bytes:
    part = found.partition_at(t)
    return Shape.of(part, signs_of(part)).type


# -- zeros ----------------------------------------------------------------------------------------


def test_zeros_are_those_of_sympy() -> None:
    rng, x = random.Random(1), sympy.Symbol("x")
    for _ in range(40):
        poly = fmpz_poly([rng.choice([1, -2])])
        for _ in range(rng.randint(1, 4)):
            size = rng.randint(1, 4)
            poly *= fmpz_poly([*(rng.randint(-5, 5) for _ in range(size)), rng.choice([1, 2, 4])])
        poly *= poly if rng.random() < 0.3 else 1
        found = sorted(zeros_of(poly), key=cmp_to_key(order))
        p = sympy.Poly([int(c) for c in reversed(poly.coeffs())], x)
        wanted = sorted({root for root in p.real_roots() if 0 <= root <= 1})
        assert len(found) == len(wanted), poly
        for zero, root in zip(found, wanted, strict=True):
            assert sympy.Rational(str(zero.lo)) <= root <= sympy.Rational(str(zero.hi))
            assert zero.lo == zero.hi or zero.poly(zero.lo) * zero.poly(zero.hi) < 0


def test_zeros_at_the_middle_of_an_interval_end_no_other_one() -> None:
    # 1/2 and 1/4 are met while intervals are halved; the others have them at their ends.
    poly = fmpz_poly([-1, 2]) * fmpz_poly([-1, 4]) * fmpz_poly([-1, 0, 5]) * fmpz_poly([-2, 5])
    found = sorted(zeros_of(poly), key=cmp_to_key(order))
    assert len(found) == 4
    for zero in found:
        assert zero.lo == zero.hi or zero.poly(zero.lo) * zero.poly(zero.hi) < 0
    for a, b in combinations(found, 2):
        assert order(a, b) == -1 and order(b, a) == 1


def test_equal_numbers_of_different_polynomials() -> None:
    first = zeros_of(fmpz_poly([-1, 0, 2]))[0]
    for other in (fmpz_poly([-1, 0, 2]) * fmpz_poly([-3, 4]), fmpz_poly([1, 0, -2])):
        assert sum(order(first, zero) == 0 for zero in zeros_of(other)) == 1
    near = zeros_of(fmpz_poly([-(10**20) - 1, 0, 2 * 10**20]))[0]
    assert order(first, near) == -1


def test_simplest_rational_between() -> None:
    rng = random.Random(2)
    for _ in range(100):
        a, b = sorted(F(rng.randint(0, 30), rng.randint(1, 30)) for _ in range(2))
        if a == b:
            continue
        found = to_fraction(
            simplest(fmpq(a.numerator, a.denominator), fmpq(b.numerator, b.denominator))
        )
        assert a < found < b
        for q in range(1, found.denominator):
            assert (a * q).__floor__() + 1 >= b * q


def test_times() -> None:
    root = Time((-1, 0, 2), (0, 1))
    assert root.exact is None and root.degree == 2
    assert float(root) == 0.5**0.5 == float(root.refine(F(1, 2**60)))
    assert root.side(F(7, 10)) == 1 and root.side(F(71, 100)) == -1
    lo, hi = root.refine("1/1000000").interval
    assert hi - lo <= F(1, 10**6) and lo**2 < F(1, 2) < hi**2
    assert Time((-2, 3), (0, 1)).interval == (F(2, 3), F(2, 3))
    with pytest.raises(InputError, match="no change of sign from 0 to 1/2"):
        Time((-1, 0, 2), (0, F(1, 2)))
    with pytest.raises(InputError, match="width is 0, expected > 0"):
        root.refine(0)


# -- events by hand -------------------------------------------------------------------------------


def test_a_line_through_a_square() -> None:
    found = follow(line_net([[1, 1, -3]]), line_net([[1, 1, 3]]), (-1, 1))
    assert [event.time.exact for event in found.events] == [F(1, 6), F(1, 2), F(5, 6)]
    assert [event.kind for event in found.events] == ["regions", "faces", "regions"]
    assert found.counts.tolist() == [1, 2, 2, 1]
    assert found.events[0].born == ((1,),) and found.events[2].dead == ((0,),)
    assert found.events[0].walls == ("x0 = 1", "x1 = 1") and found.events[0].units == (0,)
    assert found.interval_at(F(1, 3)) == 1 and found.interval_at(F(1, 2)) is None
    assert found.interval_at(0) == 0 and found.interval_at(1) == 3
    assert found.between(1).num_regions == 2


def test_an_irrational_event() -> None:
    # x = t and y = t meet on the line t (x + y) = 1 where 2 t^2 = 1, and the wall y = 2 does on it
    # where t (t + 2) = 1; the corner (2, 2) does where 4 t = 1.
    start = line_net([[1, 0, 0], [0, 1, 0], [0, 0, -1]])
    end = line_net([[1, 0, -1], [0, 1, -1], [1, 1, -1]])
    found = follow(start, end, (-2, 2))
    times = [event.time for event in found.events]
    assert [t.polynomial for t in times] == [(-1, 4), (-1, 2, 1), (-1, 0, 2)]
    assert [t.exact for t in times] == [F(1, 4), None, None]
    assert float(times[2]) == 0.5**0.5 and found.counts.tolist() == [4, 5, 7, 7]
    event = found.events[2]
    assert event.units == (0, 1, 2) and event.walls == () and event.regions_at is None
    assert event.born == ((0, 0, 1),) and event.dead == ((1, 1, 0),)


def test_a_touch_is_told() -> None:
    # At (t, t) the third form is (2 t - 1)^2: the three lines meet for a moment.
    start = line_net([[1, 0, 0], [0, 1, 0], [-4, 0, 1]])
    end = line_net([[1, 0, -1], [0, 1, -1], [0, 0, 1]])
    event = follow(start, end, (-2, 2)).events[0]
    assert event.time.exact == F(1, 2) and event.is_touch and event.kind == "touch"
    assert event.regions_before == event.regions_after == 6 and event.regions_at == 4


def test_events_at_the_ends() -> None:
    found = follow(line_net([[1, 1, 2]]), line_net([[1, 1, 0]]), (-1, 1))
    assert [(e.place, e.time.exact) for e in found.events] == [("start", 0), ("end", 1)]
    assert found.counts.tolist() == [2] and found.events[0].regions_before == 1
    assert found.interval_at(0) is None and found.interval_at(1) is None
    assert len(found.intervals) == 1


def test_nothing_happens() -> None:
    net = line_net([[1, 2, 1], [1, 2, 1], [0, 0, 0], [2, 4, 2]])
    found = follow(net, net, (-1, 1))
    assert not found.events and found.counts.tolist() == [2] and found.breakpoints == ()


def test_lines_that_coincide_for_a_moment_and_a_unit_that_dies() -> None:
    still, moved = line_net([[1, 0, 0], [1, 0, "-1/2"]]), line_net([[1, 0, 0], [1, 0, 1]])
    parallel = follow(still, moved, (-1, 1))
    assert [e.time.exact for e in parallel.events] == [F(1, 3), 1]
    assert parallel.events[0].regions_at == 2 and parallel.events[1].place == "end"
    dies = follow(line_net([[1, 0, 0]]), line_net([[-1, 0, 0]]), (-1, 1))
    assert [(e.time.exact, e.regions_at) for e in dies.events] == [(F(1, 2), 1)]
    assert dies.events[0].kind == "faces"  # on is left and not right of it afterwards


def test_one_input() -> None:
    found = follow(line_net([[1, 0], [1, "1/2"]]), line_net([[1, 0], [1, "-1/2"]]), (-1, 1))
    assert [e.time.exact for e in found.events] == [F(1, 2)]
    assert found.events[0].born == ((1, 0),) and found.events[0].dead == ((0, 1),)


# -- events against other ways --------------------------------------------------------------------


def test_all_triples_of_lines() -> None:
    """Whatever changes between the zeros of all 3 x 3 determinants of lines and walls is told."""
    rng, t = random.Random(3), sympy.Symbol("t")
    for _ in range(2):
        rows = [[[rng.randint(-5, 5) for _ in range(3)] for _ in range(3)] for _ in range(2)]
        found = follow(line_net(rows[0]), line_net(rows[1]), (-1, 1))
        forms = [[a + t * (b - a) for a, b in zip(u, v)] for u, v in zip(*rows)]
        forms += [[1, 0, -1], [1, 0, 1], [0, 1, -1], [0, 1, 1]]
        roots = set()
        for triple in combinations(forms, 3):
            determinant = sympy.Poly(sympy.Matrix(triple).det(), t)
            if not determinant.is_zero:
                roots |= {r for r in determinant.real_roots() if 0 < r < 1}
        ends = [F(0), *(F(str(sympy.N(r, 30))) for r in sorted(roots)), F(1)]
        middles = [(a + b) / 2 for a, b in pairwise(ends)]
        types = [type_at(found, m) for m in middles]
        changes = sum(a != b for a, b in pairwise(types))
        inside = [e for e in found.events if e.place == "inside" and not e.is_touch]
        assert changes == len(inside)
        for event in inside:
            assert any(abs(float(event.time) - float(r)) < 1e-9 for r in roots)


def degenerate(rng: random.Random) -> tuple[Network, Network]:
    """Return two small networks of integers, with equal, opposite and empty rows."""
    d = rng.choice([1, 2, 2, 3])
    widths = [d, *(rng.randint(1, 3) for _ in range(rng.choice([1, 2, 2]))), 1]
    nets = []
    for _ in range(2):
        weights, biases = [], []
        for a, b in pairwise(widths):
            w = [[rng.randint(-1, 1) for _ in range(a)] for _ in range(b)]
            c = [F(rng.randint(-2, 2), 2) for _ in range(b)]
            if b > 1 and rng.random() < 0.4:
                w[1], c[1] = [-x for x in w[0]] if rng.random() < 0.5 else w[0], c[0]
            weights.append(w)
            biases.append(c)
        nets.append(Network.from_arrays(weights, biases, slope=rng.choice([0, 0, "1/10"])))
        if rng.random() < 0.3:
            data = [[rng.randint(-2, 2) for _ in range(d)] for _ in range(3)]
            return nets[0], exactbn.center(nets[0], data)
    slopes = {net.layers[0].slope for net in nets}
    return (nets[0], nets[1]) if len(slopes) == 1 else (nets[0], nets[0])


def test_dense_partitions_of_degenerate_networks() -> None:
    rng, events = random.Random(4), 0
    for _ in range(9):
        a, b = degenerate(rng)
        found = follow_path(Path((0, F(1, 3), 1), (a, b, a)), (-1, 1))
        types = [type_at(found, t) for t in found.samples]
        times = {F(k, 6) for k in range(7)} | {F(rng.randint(0, 997), 997) for _ in range(4)}
        times |= {e.time.exact for e in found.events[::2] if e.time.exact is not None}
        events += len(found.events)
        for t in times:
            i = found.interval_at(t)
            at = type_at(found, t)
            if i is not None:
                assert at == types[i]
                continue
            event = next(e for e in found.events if e.time.exact == t)
            k = found.events.index(event) - (found.events[0].place == "start")
            around = [types[j] for j in (k, k + 1) if 0 <= j < len(types)]
            assert {at} != set(around), "an event is told where nothing happens"
            if event.place == "inside":
                assert event.is_touch == (around[0] == around[1])
    assert events > 40


def test_counts_and_changes_are_those_of_the_partitions_beside_an_event() -> None:
    rng = np.random.default_rng(5)
    nets = [
        Network.from_arrays(
            [rng.integers(-9, 9, (4, 2)), rng.integers(-9, 9, (3, 4)), [[1, 1, 1]]],
            [rng.integers(-9, 9, 4), rng.integers(-9, 9, 3), [0]],
        )
        for _ in range(2)
    ]
    found = follow(*nets, (-1, 1))
    assert {e.time.degree for e in found.events} > {1, 2, 3}
    for event in found.events:
        lo, hi = event.time.refine(F(1, 10**15)).interval
        if event.time.exact is not None:
            lo, hi = max(lo - F(1, 10**15), F(0)), min(hi + F(1, 10**15), F(1))
        sides = []
        for t in (lo, hi):
            part = found.partition_at(t)
            rows = [tuple(row) for row in part.patterns.tolist()]
            pairs = {tuple(sorted((rows[i], rows[j]))) for i, j in part.edges.tolist()}
            sides.append((set(rows), pairs))
        (old, old_pairs), (new, new_pairs) = sides
        assert (event.regions_before, event.regions_after) == (len(old), len(new))
        assert set(event.born) == new - old and set(event.dead) == old - new
        assert set(event.gained) == new_pairs - old_pairs
        assert set(event.lost) == old_pairs - new_pairs


def test_a_sample_that_is_an_event_is_no_chamber() -> None:
    start, end = (line_net([[1, 0, 0], [0, 1, 0], [1, 1, b]]) for b in (-1, 1))
    line = Line(start, end, Domain.of(Box.of(-1, 1, 2)))
    assert line._around(fmpq(1, 2)) is None
    assert line._around(fmpq(1, 3)) is not None


# -- paths ----------------------------------------------------------------------------------------


def test_a_path_of_many_lines_is_its_lines() -> None:
    nets = [line_net([[1, k, k - 1], [k, 1, 0]]) for k in range(-2, 3)]
    whole = follow_path(Path.through(nets), (-1, 1))
    for k, pair in enumerate(pairwise(nets)):
        own = [e.time.exact for e in follow(*pair, (-1, 1)).events if e.place == "inside"]
        times = [t for e in whole.events if (t := e.time.exact) is not None and k < t < k + 1]
        assert [t - k for t in times] == [t for t in own if t is not None]
    assert whole.path.at("1/2").layers[0].weight[0] == (1, F(-3, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: line_net([[1, 1, 0], [1, 0, 0]]), "network 1 of the path is 2-2-1"),
        (
            lambda net: Network.from_arrays([[[1, 1]], [[1]]], [[0], [0]], slope="1/2"),
            "layer 0 has slope 1/2 in network 1",
        ),
    ],
)
def test_unlike_networks_are_refused(change: object, message: str) -> None:
    net = line_net([[1, 1, 0]])
    with pytest.raises(InputError, match=message):
        follow(net, change(net), (-1, 1))  # type: ignore[operator]


def test_other_refusals() -> None:
    net = line_net([[1, 1, 0]])
    with pytest.raises(InputError, match="expected one with a box"):
        follow(net, net, Domain.space(2))
    with pytest.raises(InputError, match=r"times\[0\] is 1 and times\[1\] is 1"):
        Path((1, 1), (net, net))
    with pytest.raises(DimensionError, match="1 time and 2 networks"):
        Path((1,), (net, net))
    found = follow(net, net, (-1, 1))
    with pytest.raises(InputError, match="t is 2, expected 0 <= t <= 1"):
        found.partition_at(2)
    with pytest.raises(InputError, match="interval 1, expected 0 to 0"):
        found.between(1)


# -- centering ------------------------------------------------------------------------------------


def test_centred_networks_while_data_move() -> None:
    rng = random.Random(6)
    weights = [
        [[rng.randint(-3, 3) for _ in range(a)] for _ in range(b)]
        for a, b in ((2, 3), (3, 3), (3, 2), (2, 1))
    ]
    net = Network.from_arrays(weights, [[0] * len(w) for w in weights])
    data = [[rng.randint(-3, 3) for _ in range(2)] for _ in range(4)]
    path = exactbn.symbolic.path(net, data, {0: (3, -2), 2: ("1/2", 1)})
    assert len(path.times) > 2
    for t in (F(0), F(1), *(F(rng.randint(1, 996), 997) for _ in range(12))):
        at = [list(map(F, row)) for row in data]
        for i, x in ((0, (F(3), F(-2))), (2, (F(1, 2), F(1)))):
            at[i] = [a + t * (b - a) for a, b in zip(at[i], x, strict=True)]
        assert path.at(t) == exactbn.center(net, at)


def test_biases_of_one_data_point() -> None:
    net = line_net([[1, 2, 7], ["1/2", -1, 0]])
    data = [[1, 1], [0, 3], [5, 5]]
    symbols, biases = exactbn.symbolic.biases(net, data, 1)
    place = dict(zip(symbols, (sympy.Rational(1, 3), sympy.Rational(-2)), strict=True))
    centred = exactbn.center(net, [[1, 1], ["1/3", -2], [5, 5]])
    assert [F(str(b.subs(place))) for b in biases] == list(centred.layers[0].bias)


def test_chambers_of_a_data_point() -> None:
    net = line_net([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    found = exactbn.symbolic.follow(net, [[0, 0], [0, 0]], {1: (6, 3)}, (-1, 1))
    assert [e.time.exact for e in found.events] == [0, F(1, 3), F(4, 9), F(2, 3)]
    assert found.counts.tolist() == [6, 3, 2, 1]
    with pytest.raises(InputError, match="data point 2, expected 0 to 1"):
        exactbn.symbolic.follow(net, [[0, 0], [0, 0]], {2: (6, 3)}, (-1, 1))
    with pytest.raises(InputError, match="no data point moves"):
        exactbn.symbolic.path(net, [[0, 0]], {})


# -- pictures and the command line ----------------------------------------------------------------


def test_the_page_holds_every_interval(tmp_path: FilePath) -> None:
    found = follow(line_net([[1, 1, -3], [1, 0, 0]]), line_net([[1, 1, 3], [1, 2, 0]]), (-1, 1))
    page = tmp_path / "movie.html"
    found.save_movie(page, frames=12)
    text = page.read_text(encoding="utf-8")
    begin = text.index("const data = ") + len("const data = ")
    data = json.loads(text[begin : text.index("\n", begin) - 1])
    counts = [frame[1] for frame in data["frames"]]
    assert len(data["events"]) == len(found.events)
    assert [n for n, m in zip(counts, [None, *counts]) if n != m] == [
        n for n, m in zip(found.regions, [None, *found.regions]) if n != m
    ]
    for _, count, shape, places in data["frames"]:
        cycles, colours = data["shapes"][shape]
        assert len(cycles) == len(colours) == count
        area = sum(_area([places[2 * v : 2 * v + 2] for v in cycle]) for cycle in cycles)
        assert abs(area - 20_000**2) < 20_000 * 10  # rounded vertices on edges
    with pytest.raises(InputError, match="exists already"):
        found.save_movie(page)
    found.save_movie(page, frames=2, force=True)


def _area(points: list[list[int]]) -> float:
    turns = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in turns)) / 2


def test_no_page_where_there_is_no_plane(tmp_path: FilePath) -> None:
    found = follow(line_net([[1, 0]]), line_net([[1, 3]]), (-1, 1))
    with pytest.raises(DimensionError, match="expected 2 for a movie"):
        found.save_movie(tmp_path / "movie.html")
    assert not list(tmp_path.iterdir())


def test_the_step_function_is_drawn() -> None:
    from matplotlib.figure import Figure

    found = follow(line_net([[1, 1, -3]]), line_net([[1, 1, 3]]), (-1, 1))
    ax = found.plot(Figure().add_subplot())
    assert ax.get_ylabel() == "regions"
    edges, counts = found.steps()
    assert len(edges) == len(counts) + 1


def test_the_command(tmp_path: FilePath, capsys: pytest.CaptureFixture[str]) -> None:
    for name, bias in (("a", -3), ("b", 3)):
        exactbn.save_json(line_net([[1, 1, bias]]), tmp_path / f"{name}.json")
    nets = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    page = tmp_path / "page.html"
    assert main(["follow", *nets, "--box", "-1", "1", "--json", "--out", str(page)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [event["time"]["exact"] for event in record["events"]] == ["1/6", "1/2", "5/6"]
    assert record["regions"] == [1, 2, 2, 1] and page.is_file()
    assert main(["follow", *nets, "--box", "-1", "1"]) == 0
    shown = capsys.readouterr().out
    assert "3 events from t = 0 to 1 in [-1, 1]^2" in shown and "1 born, 0 dead" in shown
    assert main(["follow", *nets, "--box", "none"]) == 2
    assert "--box none is all of R^d" in capsys.readouterr().err

"""Clips and maxima: regions are those of the units that the user knows."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

import exactbn
from exactbn.errors import InputError
from exactbn.exact.rational import dot
from exactbn.exact.stages import Clip, Contest, Max
from exactbn.model.files import load, save_json
from exactbn.model.labels import labels_of
from exactbn.model.network import Layer, Network
from exactbn.model.patterns import pack
from exactbn.model.units import MOST_LEVELS
from exactbn.readers.wiring import Row, Wiring, affine, tensor
from exactbn.regions.contests import deciding
from exactbn.regions.counting import count_regions
from exactbn.regions.partitioning import Partition
from exactbn.selfcheck import brute
from tests.lp_agreement import answer_of

Values = tuple[Fraction, ...]


def maximum(d: int) -> Network:
    """Return the maximum of d inputs."""
    wiring = Wiring(d)
    rows = wiring.maximum([list(wiring.inputs((d,)))])
    return Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_a_maximum_has_a_region_an_argument(d: int) -> None:
    part = exactbn.partition(maximum(d), (-1, 1))
    assert part.num_regions == d
    assert part.num_adjacencies == d * (d - 1) // 2
    assert sorted(part.patterns.ravel().tolist()) == list(range(d))
    assert sum(part.volume(i) for i in range(d)) == 2**d
    middle, radius = part.volumes()
    assert np.all(np.abs(middle - 2**d / d) <= radius)
    part.check()
    for i in range(d):
        x = part.witness(i)
        assert x.index(max(x)) == part.patterns[i, 0]
        assert part.region_of(x) == i
    # A loser of its first contest ties with another one: that is inside of a region.
    if d >= 3:
        x = (Fraction(0), Fraction(0), Fraction(1), *(Fraction(-1, 2),) * (d - 3))
        assert part.patterns[part.region_of(x), 0] == 2
        assert part.region_of((Fraction(0),) * d) is None
    everywhere = exactbn.partition(maximum(d))
    assert (everywhere.num_regions, everywhere.num_adjacencies) == (d, d * (d - 1) // 2)
    assert everywhere.is_unbounded.all()


def test_an_argument_that_ties_everywhere_is_the_first() -> None:
    wiring = Wiring(1)
    x = wiring.inputs((1,))[0]
    rows = wiring.maximum([[x, x, x.scaled(Fraction(-1)), x]])
    network = Network.from_stages(wiring.graph(tensor(rows, (1,)), "no-bn"))
    part = exactbn.partition(network, (-1, 1))
    assert sorted(part.patterns.ravel().tolist()) == [0, 2]


def test_a_clip_has_three_pieces() -> None:
    wiring = Wiring(1)
    rows = wiring.clip(wiring.inputs((1,)), Fraction(-1), Fraction(1))
    network = Network.from_stages(wiring.graph(rows, "no-bn"))
    part = exactbn.partition(network, (-2, 2))
    assert sorted(part.patterns.ravel().tolist()) == [0, 1, 2]
    assert part.num_adjacencies == 2 and part.f_vector == (4, 3)
    assert [network((t,))[0] for t in (-2, "1/2", 3)] == [-1, Fraction(1, 2), 1]
    # A clip between equal ends is constant: its middle piece has no interior.
    flat = Wiring(1)
    rows = flat.clip(flat.inputs((1,)), Fraction(0), Fraction(0))
    assert exactbn.partition(Network.from_stages(flat.graph(rows, "no-bn"))).num_regions == 2


def test_polygons_of_joined_cells() -> None:
    network = maximum(3).restrict((0, 0, 0), [(1, 0, -1), (0, 1, -1)])
    part = exactbn.partition(network, (-1, 1))
    # A comparison that is lost cuts a cell: its faces are not those of the regions.
    assert len(part.evidence.faces.cells.of_cell) > 3 and part.f_vector is None
    polygons = part.polygons()
    assert len(polygons) == part.num_regions == 3
    for i, polygon in enumerate(polygons):
        x, y = polygon.T
        area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
        assert area == pytest.approx(float(part.volume(i)))


class Drawn:
    """A random network of linear maps, ReLUs, clips and maxima, and the same as functions."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.d = random.choice((1, 2, 2, 3))
        wiring = Wiring(self.d)
        rows = list(wiring.inputs((self.d,)))
        self.steps: list[Callable[[Sequence[Fraction]], tuple[list[Fraction], list[int]]]] = []
        for _ in range(random.choice((1, 2, 2))):
            rows = self.linear(random, rows, random.randint(2, 4))
            kind = random.choice(("relu", "clip", "max", "min", "mixed"))
            rows = getattr(self, kind)(random, wiring, rows)
        rows = self.linear(random, rows, 1)
        self.network = Network.from_stages(wiring.graph(tensor(rows, (len(rows),)), "no-bn"))

    def linear(self, random: Random, rows: list[Row], n: int) -> list[Row]:
        weight = tuple(tuple(Fraction(random.randint(-2, 2)) for _ in rows) for _ in range(n))
        bias = tuple(Fraction(random.randint(-2, 2), 2) for _ in range(n))
        self.steps.append(
            lambda h: ([dot(w, tuple(h)) + b for w, b in zip(weight, bias)], [])
        )
        return affine(rows, weight, bias)

    def relu(self, random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
        self.steps.append(lambda h: ([max(t, Fraction(0)) for t in h], [int(t > 0) for t in h]))
        return list(wiring.activation(tensor(rows, (len(rows),)), np.array(Fraction(0), object)))

    def clip(self, random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
        low, high = Fraction(random.randint(-2, 0)), Fraction(random.randint(1, 2))
        self.steps.append(lambda h: (
            [min(max(t, low), high) for t in h], [int(t > low) + int(t > high) for t in h]
        ))  # fmt: skip
        return list(wiring.clip(tensor(rows, (len(rows),)), low, high))

    def max(self, random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
        return self.extreme(wiring, rows, 1)

    def min(self, random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
        return self.extreme(wiring, rows, -1)

    def extreme(self, wiring: Wiring, rows: list[Row], sign: int) -> list[Row]:
        def step(h: Sequence[Fraction]) -> tuple[list[Fraction], list[int]]:
            values = [sign * t for t in h]
            best = max(values)
            return [sign * best, h[0]], [values.index(best)]

        self.steps.append(step)
        return [*wiring.maximum([rows], sign), rows[0]]

    def mixed(self, random: Random, wiring: Wiring, rows: list[Row]) -> list[Row]:
        return self.extreme(wiring, self.relu(random, wiring, rows), 1)

    def value(self, x: Values) -> tuple[tuple[Fraction, ...], list[int]]:
        """Return the outputs and the label at a point."""
        h: Sequence[Fraction] = x
        label: list[int] = []
        for step in self.steps:
            h, pieces = step(h)
            label += pieces
        return tuple(h), label


@pytest.mark.parametrize("seed", range(6))
def test_deciding_bits_are_equal_where_labels_are(seed: int) -> None:
    """All patterns of a clip, a plain unit and two trees, in a mixed order, of three layers."""
    numbers = Random(seed).sample(range(9), 9)
    plain, low, high, *unit = numbers
    left = Contest(Contest(0, 1, unit[0]), Contest(2, 3, unit[1]), unit[2])
    right = Contest(0, Contest(1, Contest(2, 3, unit[3]), unit[4]), unit[5])
    units = (Max(left), plain, Clip(low, high), Max(right))
    patterns = np.array(list(product((0, 1), repeat=9)), dtype=np.uint8)
    # The second threshold of a clip is never passed before the first.
    patterns = patterns[patterns[:, low] >= patterns[:, high]]
    widths = (4, 3, 2)
    words = pack(patterns, widths)
    bits = deciding(words, units, widths)
    labels = labels_of(units, patterns)
    pairs = np.unique(np.concatenate([bits, labels], axis=1), axis=0)
    assert len(pairs) == len(np.unique(bits, axis=0)) == len(np.unique(labels, axis=0)) == 96
    assert not (bits & ~words).any() and np.array_equal(words, pack(patterns, widths))


def joined(network: Network, part: Partition, cells: list[tuple[int, ...]]) -> dict[bytes, bytes]:
    """Return the label of each pattern of the layers."""
    units = network.units or tuple(range(network.num_hidden))
    labels = labels_of(units, np.array(cells, dtype=np.uint8).reshape(len(cells), -1))
    return {bytes(cell): row.tobytes() for cell, row in zip(cells, labels)}


@pytest.mark.parametrize("box", [(-2, 2), None])
@pytest.mark.parametrize("seed", range(18))
def test_random_networks(
    seed: int, box: tuple[int, int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brute, "MOST_REGIONS", 300)
    drawn = Drawn(seed)
    network = drawn.network
    random = Random(seed)
    for _ in range(5):
        x = tuple(Fraction(random.randint(-4, 4), 2) for _ in range(drawn.d))
        assert network(x) == drawn.value(x)[0]
    part = exactbn.partition(network, box)
    part.check()
    labels = [row.tobytes() for row in part.patterns.astype(np.uint16)]
    assert len(set(labels)) == part.num_regions
    for i in range(part.num_regions):
        x = part.witness(i)
        assert drawn.value(x)[1] == part.patterns[i].tolist()
        assert part.region_of(x) == i
        matrix, shift = part.affine_map(i)
        assert tuple(dot(w, x) + b for w, b in zip(matrix, shift)) == network(x)
    whole = None if box is None else exactbn.Box.of(*box, drawn.d)
    cut = brute.brute_partition(network, whole)
    cells = [region.pattern for region in cut.regions]
    name = joined(network, part, cells)
    assert set(labels) == set(name.values())
    pairs = {
        frozenset((name[bytes(p)], name[bytes(q)])) for p, q in (tuple(e) for e in cut.edges)
    }
    edges = {frozenset((labels[i], labels[j])) for i, j in part.edges.tolist()}
    assert edges == {pair for pair in pairs if len(pair) == 2}
    if box is not None:
        assert count_regions(network, [box])[0] == part.num_regions
        assert sum(part.volume(i) for i in range(part.num_regions)) == whole.volume
    searched = exactbn.partition(network, box, engine="lp")
    assert answer_of(searched) == answer_of(part)
    for i, made in enumerate((part, searched)):
        made.save(tmp_path / f"saved{i}")
        again = Partition.open(tmp_path / f"saved{i}", check=True)
        assert again == made and answer_of(again) == answer_of(part)
    assert part.graph().number_of_edges() == part.num_adjacencies
    save_json(network, tmp_path / "net.json")
    assert load(tmp_path / "net.json") == network


@pytest.mark.parametrize(
    ("units", "text"),
    [
        ((0,), "expected each of the 2 units"),
        ((0, 0), "expected each of the 2 units"),
        ((Clip(0, 2),), "expected each of the 2 units"),
        ((Max(Contest(0, Contest(0, 1, 0), 1)),), "expected each number from 0 on once"),
        # Of equal entries the first side counts, which is to be the lower number.
        ((Max(Contest(1, 0, 0)), 1), "expected each number from 0 on once and in order"),
        ((Clip(0, 1),), "is no clip"),
        ((Max(Contest(0, Contest(1, 2, 0), 1)),), "unit 1 must read the winner of its second"),
    ],
)
def test_units_are_what_they_are_said_to_be(units: tuple[object, ...], text: str) -> None:
    layers = (Layer([[1], [2]], [0, 0]), Layer([[1, 1]], [0], 1))
    with pytest.raises(InputError, match=text):
        Network(layers, units=units)


def test_contests_have_not_too_many_levels() -> None:
    """More would end in a RecursionError of whatever walks the tree, a hash or a copy."""
    for levels in (MOST_LEVELS, MOST_LEVELS + 1):
        contest: Contest | int = 0
        for unit in range(levels):
            contest = Contest(contest, unit + 1, unit)
        layers = (Layer([[1]] * levels, [0] * levels), Layer([[1] * levels], [0], 1))
        what = "in more than 100 levels" if levels > MOST_LEVELS else "must read the winner"
        with pytest.raises(InputError, match=what):
            Network(layers, units=(Max(contest),))


def test_a_maximum_that_is_none_is_refused() -> None:
    """Every change of what a row reads of a maximum of four, and of its slopes."""
    network = maximum(4)
    *hidden, output = network.layers
    assert network.units and sum(layer.num_neurons for layer in hidden) == 3

    def fails(layers: tuple[Layer, ...], text: str = "") -> None:
        with pytest.raises(InputError, match=f"no maximum{text}|the slope|units of the user"):
            Network(layers, num_inputs=4, units=network.units)

    two = Layer([[2]], [0], 1, (output.reads[-1],))
    fails((*hidden, two))  # one unit of the spine alone
    last = hidden[-1]
    for k in range(len(last.reads)):
        if last.reads[k] >= 4:
            row = list(last.weight[0])
            row[k] *= 2
            fails((*hidden[:-1], Layer([row], last.bias, 0, last.reads), output))
    fails((*hidden[:-1], Layer(last.weight, last.bias, -1, last.reads), output), "")
    reads = tuple(sorted({*output.reads, *(f for f in range(4, 7))}))
    weights = dict(zip(output.reads, output.weight[0]))
    fails((*hidden, Layer([[weights.get(f, 1) for f in reads]], [0], 1, reads)))


def test_a_clip_needs_its_second_unit_behind_the_first() -> None:
    def clip(first: list[int], second: list[int], shift: int) -> Network:
        layers = (Layer([first, second], [0, shift]), Layer([[1, -1]], [0], 1))
        return Network(layers, units=(Clip(0, 1),))

    assert clip([1, 0], [1, 0], -1).units and clip([1, 0], [1, 0], 0).units
    for wrong in (([1, 0], [1, 0], 1), ([1, 0], [0, 1], -1), ([1, 0], [2, 0], -1)):
        with pytest.raises(InputError, match="is no clip"):
            clip(*wrong)


def test_units_of_the_layers_are_none_to_speak_of() -> None:
    layers = (Layer([[1], [2]], [0, 0]), Layer([[1, 1]], [0], 1))
    assert Network(layers, units=(0, 1)) == Network(layers)
    turned = Network(layers, units=(1, 0))
    assert turned != Network(layers) and not turned.is_chain

"""Random problems for the cross-examination: small networks full of degeneracies, and domains.

Problem k of seed S depends on (S, k) alone, so that it is the same whatever ran before it. The
family of problem k is the k-th in turn. Entries are small, so that hyperplanes meet where they do
not in general: in common points, in corners and sides of the box, in whole hyperplanes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.seeds import derived_seed

#: One neuron: its weights, and last its bias.
Row = list[Fraction]

SLOPES = tuple(Fraction(t) for t in ("0", "0", "0", "0", "1/7", "-1", "2"))
#: Distances that no float next to 1 can show.
GAPS = (Fraction(1, 2**60), Fraction(-1, 2**60), Fraction(1, 2**80), Fraction(-1, 2**54))
#: Factors that make one row of another; a negative factor turns the hyperplane round.
FACTORS = tuple(Fraction(t) for t in ("1", "1", "-1", "-1", "2", "-3", "1/3", "5/2"))
#: Dimensions, some more often than others.
DIMENSIONS = (1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5)
#: The most neurons in all layers together, by d: enough for degeneracies, few enough for thousands
#: of networks a minute.
MOST_NEURONS = {1: 9, 2: 8, 3: 7, 4: 6, 5: 5}
#: Bounds on the grid of the weights, so that hyperplanes run through corners and along sides, and
#: bounds that no float is equal to.
BOUNDS = tuple(Fraction(t) for t in "-3 -2 -1 -1/2 -1/3 0 1/7 1/2 1 7/5 2".split())


@dataclass(frozen=True)
class Problem:
    """A network and a domain: a box, or all of R^d for None."""

    network: Network
    box: Box | None
    family: str = "given"
    name: str = "given"


@dataclass(frozen=True)
class _Layer:
    """What a maker of rows may look at: the point that central rows contain, and earlier rows."""

    random: Random
    centre: tuple[Fraction, ...]
    rows: list[Row]
    depth: int

    def integers(self) -> Row:
        """Return small integers."""
        return [Fraction(self.random.randrange(-3, 4)) for _ in range(len(self.centre) + 1)]

    def dyadics(self) -> Row:
        """Return floats: few binary digits, or the 24 of a float32."""
        bits = self.random.choice((1, 3, 6, 24))
        size = 2**bits
        return [
            Fraction(self.random.randrange(-2 * size, 2 * size + 1), size)
            for _ in range(len(self.centre) + 1)
        ]

    def rationals(self) -> Row:
        """Return fractions with small denominators that are no powers of 2."""
        return [t / self.random.choice((1, 3, 5, 7)) for t in self.integers()]

    def central(self) -> Row:
        """Return a row that vanishes at the centre."""
        row = self.integers()
        row[-1] = -sum((w * t for w, t in zip(row, self.centre)), Fraction(0))
        return row

    def copies(self) -> Row:
        """Return a multiple of an earlier row: the same hyperplane, maybe turned round."""
        if not self.rows:
            return self.integers()
        factor = self.random.choice(FACTORS)
        return [factor * t for t in self.random.choice(self.rows)]

    def parallel(self) -> Row:
        """Return a multiple of an earlier row with another bias."""
        row = self.copies()
        row[-1] += self.random.choice((-2, -1, Fraction(-1, 2), Fraction(1, 3), 1, 2))
        return row

    def near(self) -> Row:
        """Return a multiple of an earlier row that differs from it by next to nothing."""
        row = self.copies()
        row[self.random.randrange(len(row))] += self.random.choice(GAPS)
        return row

    def far(self) -> Row:
        """Return integers, one of them scaled beyond the range of floats, or below it."""
        row = self.integers()
        row[self.random.randrange(len(row))] *= Fraction(2) ** self.random.choice((-1100, 40, 1100))
        return row

    def dead(self) -> Row:
        """Return a constant neuron, identically zero or not, or one that is off on a half-space."""
        row = [Fraction(0)] * len(self.centre) + [Fraction(self.random.choice((-1, 0, 0, 1)))]
        if self.random.randrange(2):
            row[self.random.randrange(len(self.centre))] = Fraction(self.random.choice((-1, 1, 2)))
        return row

    def folds(self) -> Row:
        """Return a row without bias on one or two inputs: from the second layer on it vanishes on
        whole regions, and elsewhere its fold lies on folds that are there already."""
        if not self.depth:
            return self.central() if self.random.randrange(2) else self.integers()
        row = [Fraction(0)] * (len(self.centre) + 1)
        for _ in range(self.random.randrange(1, 3)):
            row[self.random.randrange(len(self.centre))] = Fraction(self.random.choice((-1, 1, 2)))
        return row


#: The families: what makes the rows of a network, but for every fourth row of plain integers, so
#: that there is something to copy. In the last family, "mixed", every row has a maker of its own.
FAMILIES: dict[str, Callable[[_Layer], Row]] = {
    "integers": _Layer.integers,
    "dyadics": _Layer.dyadics,
    "rationals": _Layer.rationals,
    "central": _Layer.central,
    "copies": _Layer.copies,
    "parallel": _Layer.parallel,
    "near": _Layer.near,
    "far": _Layer.far,
    "dead": _Layer.dead,
    "folds": _Layer.folds,
}
MIXED = "mixed"
NAMES = (*FAMILIES, MIXED)


def random_problem(seed: int, k: int) -> Problem:
    """Return problem k of a seed, the same on every machine and in every run."""
    random = Random(derived_seed(seed, k))
    family = NAMES[k % len(NAMES)]
    d = random.choice(DIMENSIONS)
    # Half-integers: on the grid of the boxes' bounds.
    centre = tuple(Fraction(random.randrange(-4, 5), 2) for _ in range(d))
    network = _network(random, family, centre)
    return Problem(network, _box(random, centre), family, f"{seed}-{k}")


def _network(random: Random, family: str, centre: tuple[Fraction, ...]) -> Network:
    """Return a network of one to three hidden layers of one family."""
    most = MOST_NEURONS[len(centre)]
    left = random.randrange(1 + most // 3, most + 1)
    hidden = min(random.choice((1, 1, 2, 2, 2, 3)), left)
    weights, biases, slopes = [], [], []
    for depth in range(hidden):
        after = hidden - depth - 1
        width = left if not after else random.randrange(1, left - after + 1)
        left -= width
        layer = _Layer(random, centre, [], depth)
        for _ in range(width):
            layer.rows.append(_maker(random, family)(layer))
        slopes.append(random.choice(SLOPES))
        weights.append([row[:-1] for row in layer.rows])
        biases.append([row[-1] for row in layer.rows])
        values = [sum((w * t for w, t in zip(row, centre)), row[-1]) for row in layer.rows]
        centre = tuple(t if t > 0 else slopes[-1] * t for t in values)
    weights.append([[Fraction(1)] * len(centre)])
    biases.append([Fraction(0)])
    return Network.from_arrays(weights, biases, slope=slopes)


def _maker(random: Random, family: str) -> Callable[[_Layer], Row]:
    """Return what makes the next row."""
    if family == MIXED:
        return random.choice(tuple(FAMILIES.values()))
    if family not in ("integers", "dyadics") and not random.randrange(4):
        return _Layer.integers
    return FAMILIES[family]


def _box(random: Random, centre: tuple[Fraction, ...]) -> Box | None:
    """Return a cube, a box on the grid, a tiny, a huge or a very flat one; or all of R^d."""
    d = len(centre)
    kind = random.choice(("all",) * 4 + ("cube",) * 4 + ("grid",) * 2 + ("sized", "flat"))
    if kind == "all":
        return None
    if kind == "cube":
        return Box.of(-1, 1, d)
    if kind == "sized":
        size = Fraction(2) ** random.choice((-1100, -70, -40, 20, 70, 1100))
        # The centre is inside, or the lower corner.
        corner = [t - size * random.randrange(2) for t in centre]
        return Box.of(corner, [t + size for t in centre], d)
    lo, hi = zip(*(sorted(random.sample(BOUNDS, 2)) for _ in range(d)))
    if kind == "flat":
        axis = random.randrange(d)
        hi = (*hi[:axis], lo[axis] + Fraction(1, 2**50), *hi[axis + 1:])
    return Box.of(lo, hi, d)

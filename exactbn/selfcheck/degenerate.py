"""Small networks full of degeneracies, and domains: every mistake that shows on few neurons.

Entries are small, so that hyperplanes meet where they do not in general: in common points, in
corners and sides of the box, in whole hyperplanes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.selfcheck.problem import Row, image, network_of

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
class RowMaker:
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


#: What makes the rows of a network of each family, but for every fourth row of plain integers, so
#: that there is something to copy. In the family "mixed" every row has a maker of its own.
MAKERS: dict[str, Callable[[RowMaker], Row]] = {
    "integers": RowMaker.integers,
    "dyadics": RowMaker.dyadics,
    "rationals": RowMaker.rationals,
    "central": RowMaker.central,
    "copies": RowMaker.copies,
    "parallel": RowMaker.parallel,
    "near": RowMaker.near,
    "far": RowMaker.far,
    "dead": RowMaker.dead,
    "folds": RowMaker.folds,
}
MIXED = "mixed"


def degenerate_network(random: Random, family: str) -> tuple[Network, Box | None]:
    """Return a network of one to three hidden layers of one family, and a domain."""
    d = random.choice(DIMENSIONS)
    centre = grid_point(random, d)
    most = MOST_NEURONS[d]
    left = random.randrange(1 + most // 3, most + 1)
    hidden = min(random.choice((1, 1, 2, 2, 2, 3)), left)
    widths = []
    for after in range(hidden - 1, -1, -1):
        widths.append(left if not after else random.randrange(1, left - after + 1))
        left -= widths[-1]
    return stacked(random, family, centre, widths), random_box(random, centre)


def stacked(
    random: Random, family: str, centre: tuple[Fraction, ...], widths: list[int]
) -> Network:
    """Return a network of one family; the central rows of a layer vanish at the centre's image."""
    layers, slopes = [], []
    for depth, width in enumerate(widths):
        maker = RowMaker(random, centre, [], depth)
        for _ in range(width):
            maker.rows.append(_make(random, family)(maker))
        slopes.append(random.choice(SLOPES))
        layers.append(maker.rows)
        centre = image(maker.rows, slopes[-1], centre)
    return network_of(layers, slopes)


def grid_point(random: Random, d: int) -> tuple[Fraction, ...]:
    """Return half-integers: on the grid of the boxes' bounds."""
    return tuple(Fraction(random.randrange(-4, 5), 2) for _ in range(d))


def _make(random: Random, family: str) -> Callable[[RowMaker], Row]:
    """Return what makes the next row."""
    if family == MIXED:
        return random.choice(tuple(MAKERS.values()))
    if family not in ("integers", "dyadics") and not random.randrange(4):
        return RowMaker.integers
    return MAKERS[family]


def random_box(random: Random, centre: tuple[Fraction, ...]) -> Box | None:
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

"""Units as the user knows them, and the units of the layers that they are made of.

What a file says of clips and maxima is not believed but checked, for regions are joined by it.

*A clip* is two units, the second with the preactivation of the first minus a constant >= 0. So the
second is never on where the first is off, and the three pieces are three patterns.

*A maximum* is a tree of contests. A contest is one unit u, a ReLU, of two sides, each an entry or a
contest. Let V be the value of a side: e_i of entry i, V = V_first + r(u) of a contest. Its first
entry is reached by going to the first side over and over; the contests on the way are its *spine*,
so V is the first entry plus the outputs of the spine. Two things are demanded:

(1) the row of a contest reads the spine of its first side with -1 and that of its second with +1,
    and no other unit of the maximum;
(2) every other row reads the spine of the whole with equal weights, and no other unit of it.

Then there are affine e_i with z_u = V_second - V_first at every contest: e of the first entry may
be 0, and what else the row of a contest reads is the difference of the first entries of its two
sides, each of which is the first one of a second side in one contest only. Hence V is max e_i, or
e_0 - min for a minimum, whose signs are turned; where the winner is fixed it is affine, and by (2)
nobody sees more of the maximum than that. So points of one label are a convex set on which the
network is affine.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from exactbn.errors import InputError
from exactbn.exact.rational import Matrix, Vector
from exactbn.exact.stages import Clip, Contest, Max, Unit

_ONE = Fraction(1)

#: Levels of contests that a maximum may have: trees are walked, hashed and copied level by level.
MOST_LEVELS = 100


class _Layer(Protocol):
    @property
    def weight(self) -> Matrix: ...

    @property
    def bias(self) -> Vector: ...

    @property
    def slopes(self) -> Vector: ...


@dataclass(frozen=True)
class _Row:
    """The row of one unit: what it reads by unit or, for inputs, by number - d; its bias, slope."""

    weights: Mapping[int, Fraction]
    bias: Fraction
    slope: Fraction


def check_units(
    units: Sequence[Unit], layers: Sequence[tuple[_Layer, Sequence[int]]], num_inputs: int
) -> None:
    """Raise InputError unless units are made of all units of the hidden layers, as they must be.

    ``layers`` are all layers with the features that they read, counted from 1; the last one is the
    output layer.
    """
    count = sum(len(layer.bias) for layer, _ in layers[:-1])
    members = [unit for known in units for unit in members_of(known)]
    if sorted(members) != list(range(count)):
        raise InputError(
            f"the units of the user are made of {sorted(members)[:8]} and so on, expected each "
            f"of the {count} units of the layers once"
        )
    rows = [row for layer, reads in layers for row in _rows(layer, reads, num_inputs)]
    owner: dict[int, int] = {}
    allowed: dict[int, dict[int, Fraction]] = {}  # of contests, what they read of their maximum
    spines: dict[int, frozenset[int]] = {}
    for number, known in enumerate(units):
        if isinstance(known, Clip):
            _check_clip(f"units[{number}]", rows[known.low], rows[known.high])
        elif isinstance(known, Max):
            _check_entries(f"units[{number}]", known)
            owner |= dict.fromkeys(members_of(known), number)
            spines[number] = frozenset(_spine(known.contest))
            for contest in _contests(known.contest):
                allowed[contest.unit] = dict.fromkeys(_spine(contest.first), -_ONE)
                allowed[contest.unit] |= dict.fromkeys(_spine(contest.second), _ONE)
                if rows[contest.unit].slope != 0:
                    raise InputError(
                        f"units[{number}]: unit {contest.unit} of a maximum has the slope "
                        f"{rows[contest.unit].slope}, expected 0"
                    )
    for unit, row in enumerate(rows):
        _check_row(unit, row, owner, allowed, spines)


def _rows(layer: _Layer, reads: Sequence[int], num_inputs: int) -> Iterator[_Row]:
    """Yield the rows of a layer without their zeros."""
    numbers = [feature - 1 - num_inputs for feature in reads]
    for weights, bias, slope in zip(layer.weight, layer.bias, layer.slopes, strict=True):
        yield _Row({n: w for n, w in zip(numbers, weights, strict=True) if w}, bias, slope)


def _check_clip(where: str, low: _Row, high: _Row) -> None:
    """Check that the second unit of a clip has the row of the first minus a constant >= 0."""
    if low.weights != high.weights or high.bias > low.bias:
        raise InputError(
            f"{where} is no clip: the second unit must be the first one minus a constant >= 0"
        )


def _check_entries(where: str, maximum: Max) -> None:
    """Check that the entries of a maximum are numbered from 0 on, as they stand in it.

    Where two are equal the first side counts, which so is that of the lower numbers.
    """
    entries: list[int] = []
    waiting: list[tuple[Contest | int, int]] = [(maximum.contest, 0)]
    while waiting:
        side, level = waiting.pop()
        if not isinstance(side, Contest):
            entries.append(side)
        elif level == MOST_LEVELS:
            raise InputError(
                f"{where}: a maximum has contests in more than {MOST_LEVELS} levels, expected "
                "fewer: let entries meet in pairs, and the winners of these"
            )
        else:
            waiting += ((side.second, level + 1), (side.first, level + 1))
    if entries != list(range(len(entries))):
        raise InputError(
            f"{where}: a maximum has the entries {entries[:8]}, expected each number from 0 on "
            "once and in order"
        )


def _check_row(
    unit: int,
    row: _Row,
    owner: Mapping[int, int],
    allowed: Mapping[int, Mapping[int, Fraction]],
    spines: Mapping[int, frozenset[int]],
) -> None:
    """Check what a row reads of maxima."""
    read: dict[int, dict[int, Fraction]] = {}
    for source, weight in row.weights.items():
        if source in owner:
            read.setdefault(owner[source], {})[source] = weight
    own = owner.get(unit)
    if own is not None and read.pop(own, {}) != allowed[unit]:
        raise InputError(
            f"units[{own}] is no maximum: unit {unit} must read the winner of its second side "
            "minus that of its first"
        )
    for number, weights in read.items():
        if weights.keys() != spines[number] or len(set(weights.values())) > 1:
            raise InputError(
                f"units[{number}] is no maximum: row {unit} of the layers reads "
                f"{sorted(weights)[:8]} of its units, expected those that add up to its value "
                "with one weight"
            )


def members_of(unit: Unit) -> Iterator[int]:
    """Yield the units of the layers that a unit of the user is made of."""
    if isinstance(unit, int):
        yield unit
    elif isinstance(unit, Clip):
        yield from (unit.low, unit.high)
    else:
        yield from (contest.unit for contest in _contests(unit.contest))


def _contests(contest: Contest) -> Iterator[Contest]:
    """Yield all contests of a tree."""
    waiting: list[Contest | int] = [contest]
    while waiting:
        last = waiting.pop()
        if isinstance(last, Contest):
            yield last
            waiting += (last.first, last.second)


def _spine(side: Contest | int) -> Iterator[int]:
    """Yield the units that are added to the first entry of a side to give its value."""
    while isinstance(side, Contest):
        yield side.unit
        side = side.first

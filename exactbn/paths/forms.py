"""The forms of all units along a straight line of networks: integer polynomials in s.

Where the units of the layers below are on or off as a pattern says, a unit's preactivation is an
affine form in x, whose coefficients are polynomials in s for the network (1 - s) N_0 + s N_1: of
degree k for a unit of layer k. Every layer is multiplied by a positive integer, so that they are
integer polynomials; signs stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

from flint import fmpq, fmpz_poly

from exactbn.model.domain import Domain
from exactbn.model.network import Layer, Network

#: A form (c_0, c_1, ..., c_d), c_0 + c_1 x_1 + ... + c_d x_d.
Form = list[fmpz_poly]

_ZERO = fmpz_poly([])


@dataclass(frozen=True)
class _Stage:
    """One hidden layer times ``scale``: polynomials, and what on and off multiply a value by."""

    weight: list[list[fmpz_poly]]
    bias: list[fmpz_poly]
    scale: int
    on: int
    off: int

    @classmethod
    def of(cls, a: Layer, b: Layer) -> "_Stage":
        """Return the straight line from a layer to another."""
        numbers = [t for layer in (a, b) for row in (*layer.weight, layer.bias) for t in row]
        scale = lcm(*(t.denominator for t in numbers))
        rows = [
            [_line(u, v, scale) for u, v in zip(p, q, strict=True)]
            for p, q in zip((*a.weight, a.bias), (*b.weight, b.bias), strict=True)
        ]
        return cls(rows[:-1], rows[-1], scale, a.slope.denominator, a.slope.numerator)


def _line(u: Fraction, v: Fraction, scale: int) -> fmpz_poly:
    start = u.numerator * (scale // u.denominator)
    return fmpz_poly([start, v.numerator * (scale // v.denominator) - start])


class Forms:
    """The forms of the walls of a domain and of all hidden units, for 0 <= s <= 1.

    Walls come first: lo_1 .. lo_d, hi_1 .. hi_d and the rows; each form is >= 0 on the domain.
    Forms of a layer are kept for every pattern of the layers before it that was asked for.
    """

    def __init__(self, start: Network, end: Network, domain: Domain) -> None:
        self.dim = start.num_inputs
        self.widths = start.widths
        pairs = zip(start.hidden, end.hidden, strict=True)
        self._stages = [_Stage.of(a, b) for a, b in pairs]
        self.walls = [[fmpz_poly([c]) for c in row] for row in wall_rows(domain)]
        axes = range(1 + self.dim)
        inputs = [[fmpz_poly([int(i == k)]) for k in axes] for i in axes]
        # Per layer: the pattern below it -> (its forms, the features below it, their scale).
        self._features: dict[bytes, tuple[list[Form], int]] = {b"": (inputs[1:], 1)}
        self._layers: dict[bytes, list[Form]] = {}

    @cached_property
    def num_forms(self) -> int:
        """Return the number of walls and units."""
        return len(self.walls) + sum(self.widths)

    def under(self, on: bytes) -> list[Form]:
        """Return the forms of all walls and units; byte k of ``on`` is 1 where unit k is on."""
        forms, begin = list(self.walls), 0
        for layer, width in enumerate(self.widths):
            below = on[:begin]
            if below not in self._layers:
                self._layers[below] = self._layer(layer, below)
            forms += self._layers[below]
            begin += width
        return forms

    def _layer(self, layer: int, below: bytes) -> list[Form]:
        """Return the forms of a layer under a pattern of all units below it."""
        stage, (features, scale) = self._stages[layer], self._below(layer, below)
        columns = range(1 + self.dim)
        forms = []
        for row, bias in zip(stage.weight, stage.bias, strict=True):
            form = [bias * scale] + [_ZERO] * self.dim
            for w, feature in zip(row, features, strict=True):
                if feature and w:
                    form = [form[j] + w * feature[j] if feature[j] else form[j] for j in columns]
            forms.append(form)
        return forms

    def _below(self, layer: int, below: bytes) -> tuple[list[Form], int]:
        """Return the features that a layer reads, times a positive integer, and that integer.

        What is 0 everywhere is an empty list.
        """
        if below not in self._features:
            width = self.widths[layer - 1]
            stage, before = self._stages[layer - 1], below[:-width]
            _, scale = self._below(layer - 1, before)
            if before not in self._layers:
                self._layers[before] = self._layer(layer - 1, before)
            features: list[Form] = []
            for form, on in zip(self._layers[before], below[-width:], strict=True):
                factor = stage.on if on else stage.off
                features.append([factor * c for c in form] if factor else [])
            self._features[below] = features, scale * stage.scale * stage.on
        return self._features[below]


def wall_rows(domain: Domain) -> list[list[int]]:
    """Return the integer forms (c_0, ..., c_d) that are >= 0 on a domain with a box."""
    rows: list[list[int]] = []
    assert domain.box is not None
    for sign, bounds in ((1, domain.box.lo), (-1, domain.box.hi)):
        for i, t in enumerate(bounds):
            axis = [sign * t.denominator * (i == k) for k in range(domain.dim)]
            rows.append([-sign * t.numerator, *axis])
    for a, b in zip(domain.matrix, domain.bounds, strict=True):  # integers
        rows.append([int(b), *(-int(t) for t in a)])
    return rows


def value(form: Sequence[fmpz_poly], point: Sequence[fmpz_poly]) -> fmpz_poly:
    """Return the value of a form at a homogeneous point."""
    total = _ZERO
    for c, x in zip(form, point, strict=True):
        if c and x:
            total = total + c * x
    return total


def independent(forms: Sequence[Form], s: fmpq, count: int) -> list[int]:
    """Return the first forms, at most ``count`` of them, that are independent at s."""
    chosen: list[int] = []
    reduced: list[tuple[int, list[fmpq]]] = []
    for index, form in enumerate(forms):
        row = [fmpq(1) * c(s) for c in form]
        for pivot, other in reduced:
            if row[pivot] != 0:
                factor = row[pivot] / other[pivot]
                row = [a - factor * b for a, b in zip(row, other, strict=True)]
        at = next((j for j, a in enumerate(row) if a != 0), None)
        if at is not None:
            chosen.append(index)
            reduced.append((at, row))
            if len(chosen) == count:
                break
    return chosen


def meet(forms: Sequence[Form]) -> list[fmpz_poly]:
    """Return the homogeneous point (X_0, ..., X_d) at which d forms vanish: their minors."""
    columns = tuple(range(len(forms) + 1))
    return [
        _minor(forms, columns[:j] + columns[j + 1 :]) * (-1 if j % 2 else 1) for j in columns
    ]


def _minor(rows: Sequence[Form], columns: tuple[int, ...]) -> fmpz_poly:
    """Return the determinant of some columns, as many as there are rows."""
    if len(columns) == 1:
        return rows[0][columns[0]]
    total = _ZERO
    for j, column in enumerate(columns):
        entry = rows[0][column]
        if entry:
            rest = _minor(rows[1:], columns[:j] + columns[j + 1 :])
            total = total - entry * rest if j % 2 else total + entry * rest
    return total

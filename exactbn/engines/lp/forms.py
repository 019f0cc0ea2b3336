"""Exact affine forms of the preactivations under a prefix of the pattern, in integers."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm

from flint import fmpz

from exactbn.engines.lp.exact import Program, Row, cone_bounds, inner_point
from exactbn.exact.rational import Vector
from exactbn.model.domain import Domain
from exactbn.model.evaluation import Features, fixed
from exactbn.model.network import Network

# Prefixes whose forms are kept.
_KEPT = 256


class ExactForms:
    """The forms of a network's hidden layers, derived layer by layer, each prefix once.

    A row is (constant, gradient) in integers, a positive multiple of the preactivation, by the
    scales of :class:`exactbn.model.evaluation.IntegerNetwork`; multipliers refer to these rows.
    Without a box a form is linear in (x_0, x), and its constant goes to x_0.
    """

    def __init__(self, network: Network, domain: Domain) -> None:
        self.network = network
        self.domain = domain
        self.cone = domain.box is None
        self.integers = network.integers
        self.starts = [sum(network.widths[:layer]) for layer in range(len(network.widths) + 1)]
        self.layer_of = [layer for layer, width in enumerate(network.widths) for _ in range(width)]
        self._states: dict[tuple[int, ...], Features] = {}
        self._rows: dict[tuple[int, ...], list[Row]] = {}

    def layer(self, signs: Sequence[int], layer: int) -> list[Row]:
        """Return the rows of a layer where the earlier neurons have these signs (> 0: on)."""
        prefix = tuple(signs[: self.starts[layer]])
        if prefix not in self._rows:
            if len(self._rows) > _KEPT:
                self._rows.clear()
            state = self._state(prefix, layer)
            product = self.integers.product(layer, state)
            self._rows[prefix] = [
                self._row([product[k, c] for c in range(product.ncols())])
                for k in range(product.nrows())
            ]
        return self._rows[prefix]

    def row(self, signs: Sequence[int], neuron: int) -> Row:
        """Return the row of one neuron."""
        layer = self.layer_of[neuron]
        return self.layer(signs, layer)[neuron - self.starts[layer]]

    def domain_rows(self) -> list[Row]:
        """Return the rows b - A x of the domain in integers."""
        pairs = zip(self.domain.matrix, self.domain.bounds, strict=True)
        return [self._integer([b, *(-t for t in a)]) for a, b in pairs]

    def program(self, rows: Sequence[Row]) -> Program:
        """Return the program of some rows in the domain's box, or in the cone over R^d."""
        return Program(tuple(rows), self._bounds, self.cone)

    def point(self, x: Vector) -> tuple[list[fmpz], fmpz]:
        """Return a point for the programs, as in :func:`exactbn.engines.lp.exact.inner_point`."""
        return inner_point(x, cone=self.cone)

    @cached_property
    def _bounds(self) -> tuple[Row, ...]:
        box, d = self.domain.box, self.domain.dim
        if box is None:
            return cone_bounds(d + 1)
        rows: list[Row] = []
        for i, (lo, hi) in enumerate(zip(box.lo, box.hi, strict=True)):
            unit_row = [Fraction(int(i == k)) for k in range(d)]
            rows.append(self._integer([-lo, *unit_row]))
            rows.append(self._integer([hi, *(-t for t in unit_row)]))
        return tuple(rows)

    def _row(self, entries: list[fmpz]) -> Row:
        return (fmpz(0), *entries) if self.cone else tuple(entries)

    def _integer(self, entries: Sequence[Fraction]) -> Row:
        common = lcm(*(t.denominator for t in entries))
        return self._row([fmpz(int(t * common)) for t in entries])

    def _state(self, prefix: tuple[int, ...], block: int) -> Features:
        """Return the scaled features before a block as forms, their denominator first."""
        if block == 0:
            return self.integers.coordinates()
        if prefix not in self._states:
            if len(self._states) > _KEPT:
                self._states.clear()
            before = prefix[: self.starts[block - 1]]
            state = self._state(before, block - 1)
            z = self.integers.product(block - 1, state)
            signs = prefix[len(before) :]
            self._states[prefix] = state.extended(self.integers.blocks[block - 1], z, fixed(signs))
        return self._states[prefix]

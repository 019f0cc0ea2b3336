"""Expressions of sympy say what the network says, at every point, on boundaries first."""

import random
from fractions import Fraction as F
from itertools import product

import numpy as np
import pytest
import sympy

from exactbn.errors import DimensionError, InputError, LimitError
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.model.symbolic import input_symbols
from exactbn.regions.partitioning import partition
from exactbn.regions.symbolic import pieces

# Three lines through one point, where all neurons are off, and a second layer that kinks there too.
CENTRAL = Network.from_arrays(
    [[[1, 0], [0, 1], [-1, -1]], [[1, 1, 1], [1, -1, 0]], [[1, -2], ["1/3", 1]]],
    [[0, 0, 0], ["-1/2", 0], [1, 0]],
)
# Leaky, steeper below than above, and |t|; the first neuron is zero on a line of the second.
SLOPES = Network.from_arrays(
    [[[2, 1], [1, "1/2"]], [[1, -1], [1, 1]], [[1, 1]]], [[0, 0], ["1/5", -1], ["-1/7"]],
    slope=("1/4", -1),
)  # fmt: skip
STEEP = Network.from_arrays([[[1, 1], [1, -1]], [[1, 1]]], [[0, "1/2"], [0]], slope=3)
# A neuron that is zero everywhere, one that is always on, two with the same line, one reversed.
DEGENERATE = Network.from_arrays(
    [[[0, 0], [0, 0], [1, 1], [2, 2], [-1, -1]], [[1, 1, 1, 1, 1]]], [[0, 1, 1, 2, -1], [0]]
)
ONE = Network.from_arrays([[[1], [-1]], [[1, -1]], [[1]]], [[0, 0], ["-1/3"], [2]])
SPACE = Network.from_arrays([[[1, 0, 1], [0, 1, -1], [1, 1, 0]], [[1, -1, 1]]], [[0, 0, 0], [0]])

TRIANGLE = Domain.cut(Box.of(-1, 1, 2), ([[1, 1]], [1]))
HALF = Domain.cut(Domain.space(2), ([[1, 2]], [1]))
CASES = {
    "central": (CENTRAL, Box.of(-1, 1, 2)),
    "central, all of R^2": (CENTRAL, Domain.space(2)),
    "central, a half-plane": (CENTRAL, HALF),
    "slopes, a triangle": (SLOPES, TRIANGLE),
    "steep": (STEEP, Box.of(-1, 1, 2)),
    "degenerate": (DEGENERATE, Box.of(-2, 2, 2)),
    "one input": (ONE, Box.of(-1, 1, 1)),
    "one input, all of R": (ONE, Domain.space(1)),
    "three inputs": (SPACE, Box.of(-1, 1, 3)),
}


def parts():
    return [pytest.param(*case, id=name) for name, case in CASES.items()]


def points_of(part, count=12):
    """Return vertices, middles between two of them, and random points of a domain."""
    lattice = part.lattice
    vertices = [part.vertex(v) for v in range(lattice.f_vector[0]) if not lattice.is_at_infinity[v]]
    rng = random.Random(1)
    rng.shuffle(vertices)
    pairs = [rng.sample(vertices, 2) for _ in range(count)] if len(vertices) > 1 else []
    middles = [tuple((a + b) / 2 for a, b in zip(*pair)) for pair in pairs]
    d = part.domain.dim
    random_ones = [tuple(F(rng.randint(-60, 60), 40) for _ in range(d)) for _ in range(count)]
    # On the axes, where lines of the cases lie.
    on_axes = [tuple(F(rng.randint(-2, 2), 2) for _ in range(d)) for _ in range(count)]
    return [*vertices[:count], *middles, *random_ones, *on_axes]


def at(symbols, x):
    return {s: sympy.Rational(t.numerator, t.denominator) for s, t in zip(symbols, x)}


def exact(values):
    return tuple(F(int(v.p), int(v.q)) for v in values)


def holds(constraints, x):
    """Return whether all constraints hold at a point, in fractions alone."""
    values = [(row[0] + sum(c * t for c, t in zip(row[1:], x)), strict)
              for row, strict in constraints]  # fmt: skip
    return all(v > 0 if strict else v >= 0 for v, strict in values)


def pattern_at(network, x):
    """Return the pattern by the convention, from the exact preactivations."""
    return tuple(int(z > 0) for layer in network.preactivations(x) for z in layer)


@pytest.mark.parametrize(("network", "domain"), parts())
def test_every_point_is_in_one_piece_and_its_pattern_is_that_of_the_piece(network, domain):
    part = partition(network, domain)
    found = pieces(part)
    for x in points_of(part, 25):
        inside = [piece.pattern for piece in found if holds(piece.constraints, x)]
        assert inside == ([pattern_at(network, x)] if part.domain.contains(x) else [])


@pytest.mark.parametrize(("network", "domain"), parts())
def test_the_function_in_pieces_is_the_network(network, domain):
    part = partition(network, domain)
    symbols = input_symbols(network.num_inputs)
    functions = part.to_piecewise()
    for x in points_of(part, 4):
        values = [f.subs(at(symbols, x)) for f in functions]
        if part.domain.contains(x):
            assert exact(values) == network.forward(x)
        else:
            assert all(v is sympy.nan for v in values)


@pytest.mark.parametrize(("network", "domain"), parts())
def test_nested_maxima_are_the_network(network, domain):
    symbols = input_symbols(network.num_inputs)
    expressions = network.to_sympy()
    for x in points_of(partition(network, domain), 4):
        assert exact([e.subs(at(symbols, x)) for e in expressions]) == network.forward(x)


@pytest.mark.parametrize(("network", "domain"), parts())
@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_relations_of_regions(network, domain, engine):
    part = partition(network, domain, engine=engine)
    symbols = input_symbols(network.num_inputs)
    relations = [part.relation(i) for i in range(part.num_regions)]
    patterns = [tuple(row) for row in part.patterns.tolist()]
    for x in points_of(partition(network, domain), 3):
        truth = [bool(relation.subs(at(symbols, x))) for relation in relations]
        inside = part.domain.contains(x)
        assert truth == [inside and p == pattern_at(network, x) for p in patterns]


@pytest.mark.parametrize(("network", "domain"), parts()[:-1])
def test_no_constraint_of_a_region_can_be_left_out(network, domain):
    """Without one of them some other point satisfies the rest: sought among all combinations."""
    part = partition(network, domain)
    # The points k / 6 of a grid, in integers.
    grid = np.array([(6, *x) for x in product(range(-13, 14), repeat=part.domain.dim)])
    for piece in (piece for piece in pieces(part) if piece.is_full):
        rows, strict = (np.array(column) for column in zip(*piece.constraints))
        values = grid @ rows.T
        hold = (values > 0) | ((values == 0) & ~strict)
        for k in range(len(rows)):
            rest = piece.constraints[:k] + piece.constraints[k + 1 :]
            found = (np.delete(hold, k, axis=1).all(axis=1) & ~hold[:, k]).any()
            assert found or _goes_beyond(part, piece, rest)


def _goes_beyond(part, piece, rest):
    """Look for a point of the rest beyond a constraint on rays from inside through all points."""
    inside = next(part.witness(i) for i in range(part.num_regions)
                  if pattern_at(part.network, part.witness(i)) == piece.pattern)  # fmt: skip
    for x in points_of(part, 80):
        for step in (F(1), F(1001, 1000), F(3, 2), F(50)):
            y = tuple(a + step * (b - a) for a, b in zip(inside, x))
            if holds(rest, y) and not holds(piece.constraints, y):
                return True
    return False


def test_a_strict_constraint_that_touches_one_corner_stays():
    """z3 > 0 cuts nothing but the origin off the region x, y >= 0, and the origin must go."""
    network = Network.from_arrays([[[-1, 0], [0, -1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    part = partition(network, Box.of(-1, 1, 2))
    corner = next(p for p in pieces(part) if p.pattern == (0, 0, 1))
    assert ((0, 1, 1), True) in corner.constraints and len(corner.constraints) == 5
    thin = [p for p in pieces(part) if not p.is_full]
    assert [p.pattern for p in thin] == [(0, 0, 0)]
    assert holds(thin[0].constraints, (0, 0)) and not holds(thin[0].constraints, (0, F(1, 9)))


def test_sympy_simplifies_both_to_the_same():
    (nested,), (x,) = ONE.to_sympy(), input_symbols(1)
    (cut,) = partition(ONE, (-1, 1)).to_piecewise()
    simple = sympy.simplify(cut)
    rewritten = sympy.piecewise_fold(nested.rewrite(sympy.Piecewise))
    for k in range(-6, 7):
        t = sympy.Rational(k, 6)
        assert simple.subs(x, t) == rewritten.subs(x, t) == cut.subs(x, t) == nested.subs(x, t)
    assert sympy.simplify(nested.diff(x).subs(x, -1)) == cut.subs(x, -1).diff(x) == 0


def test_symbols_of_ones_own_and_errors():
    u, v = sympy.symbols("u v", real=True)
    part = partition(CENTRAL, (-1, 1))
    assert part.to_piecewise((u, v))[0].free_symbols == {u, v}
    assert part.relation(0, (u, v)).free_symbols <= {u, v}
    assert CENTRAL.to_sympy((u, v))[0].free_symbols == {u, v}
    with pytest.raises(DimensionError, match="1 symbol, expected one for each of the 2 inputs"):
        CENTRAL.to_sympy((u,))
    with pytest.raises(LimitError, match=r"pieces, expected at most 3: take a smaller domain"):
        part.to_piecewise(max_pieces=3)
    with pytest.raises(LimitError, match=r"terms as nested maxima, expected at most 10"):
        CENTRAL.to_sympy(max_terms=10)
    with pytest.raises(InputError, match="engine 'lp' makes no faces"):
        partition(CENTRAL, (-1, 1), engine="lp").to_piecewise()
    with pytest.raises(InputError, match="region 99, expected an integer"):
        part.relation(99)
    early = partition(CENTRAL, (-1, 1), max_regions=2, on_budget="return")
    for ask in (early.to_piecewise, lambda: early.relation(0)):
        with pytest.raises(InputError, match="the partition is incomplete"):
            ask()


def test_clips_and_maxima():
    """A region of a maximum is a union of patterns, and no less a set of its own."""
    torch = pytest.importorskip("torch")

    class Pooled(torch.nn.Module):
        def forward(self, x):
            a = torch.nn.functional.hardtanh(x)
            return torch.maximum(torch.maximum(a[:, :1], a[:, 1:]), x[:, :1] / 2 - x[:, 1:])

    network = Network.from_torch(Pooled().eval(), torch.zeros(1, 2))
    part = partition(network, (-2, 2))
    symbols = input_symbols(2)
    (cut,), (nested,) = part.to_piecewise(), network.to_sympy()
    relations = [part.relation(i) for i in range(part.num_regions)]
    for x in points_of(part, 6):
        inside = part.domain.contains(x)
        if inside:
            assert exact([cut.subs(at(symbols, x))]) == network.forward(x)
        assert exact([nested.subs(at(symbols, x))]) == network.forward(x)
        found = [i for i, r in enumerate(relations) if bool(r.subs(at(symbols, x)))]
        assert len(found) <= 1 and (part.region_of(x) is None or found == [part.region_of(x)])

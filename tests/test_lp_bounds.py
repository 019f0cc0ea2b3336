"""The error bounds of the LP engine: never too small, and never four times what they need be.

Each test builds numbers on which one term of a bound matters most, takes the true error in
fractions, and looks at the greatest share of the bound that is reached.
"""

import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from exactbn.engines.lp import facets, search
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.lp.frame import make_forms, make_frame, make_rows
from exactbn.engines.lp.multipliers import Proof, box_proof, combine, cone_proof
from exactbn.engines.lp.products import form_value
from exactbn.engines.lp.simplex import Objective, Rows, Vertex, polyhedron
from exactbn.exact.rational import nearest_floats
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Layer, Network

# u = 2^-53 is half an ulp of the numbers just above a power of two: there roundings cost most.
_JUST_ABOVE = 2.0**-8


def costly(rng: random.Random, bits: int = 61) -> Fraction:
    """Return a number of many digits, just above 1, that lies between two floats."""
    return 1 + Fraction(rng.getrandbits(bits - 8), 2**bits)


def value_share(network: Network, domain: Domain, points: list[tuple[Fraction, ...]]) -> float:
    """Return |computed - exact| / bound, the greatest of the first layer's first form."""
    frame, shift = make_frame(network, domain, 1.0)
    forms, y = make_forms(network, frame, shift), np.empty(len(frame.shift))
    row = ExactForms(network, domain).row([1] * network.num_hidden, 0)
    shares = []
    for x in points:
        search.to_frame(frame, np.array(nearest_floats(x)), y)
        # Values at a ray are those of the shortened one.
        power = Fraction(1)
        if frame.homogeneous:
            seen = (x[0], *(t - p * x[0] for t, p in zip(x[1:], shift, strict=True)))
            size = max(map(abs, seen)) / Fraction(float(np.abs(y).max()))
            power = min((Fraction(2) ** k for k in range(-9, 30)), key=lambda t: abs(size / t - 1))
        true = int(row[0]) + sum(int(a) * t for a, t in zip(row[1:], x, strict=True))
        off = abs(Fraction(float(form_value(forms.row[0], y))) - true / power)
        shares.append(float(off / Fraction(float(forms.bound[0]))))
    return max(shares)


def greatest_share(draw: Callable[[random.Random], float], count: int = 40) -> float:
    """Return the greatest share of many draws; none may be over 1."""
    rng = random.Random(0)
    shares = [draw(rng) for _ in range(count)]
    assert max(shares) <= 1
    return max(shares)


def test_evaluating_a_form() -> None:
    """c + a y where all add up: the product, the sum, and the point are rounded."""

    def draw(rng: random.Random) -> float:
        rows = [[2**51 + rng.getrandbits(43)] for _ in range(3)]
        biases = [2**51 + rng.getrandbits(43) for _ in rows]
        points = [(1 - Fraction(rng.getrandbits(52), 2**60),) for _ in range(20)]
        network = Network.from_arrays([rows, [[1] * 3]], [biases, [0]])
        return value_share(network, Domain.of(Box.of(-1, 1, 1)), points)

    # The rounding term is 3/4 of the bound here, so that a share of 0.3 needs it.
    assert greatest_share(draw) > 0.3


@pytest.mark.parametrize("p", [2**8 + 1, 2**19 + 1, 2**19 + Fraction(1, 3)])
def test_a_point_seen_from_afar(p: int | Fraction) -> None:
    """What y = x - p x_0 loses is all: the forms are exact."""

    def draw(rng: random.Random) -> float:
        lengths = [costly(rng) for _ in range(40)]
        points = [(t, p * t + Fraction(rng.randint(-9, 9), 10)) for t in lengths]
        network = Network.from_arrays([[[3]], [[1]]], [[-3 * p], [0]])
        return value_share(network, Domain.space(1), points)

    assert greatest_share(draw) > 0.25


def test_a_box_that_is_far_away() -> None:
    def draw(rng: random.Random) -> float:
        far = 2**20
        points = [(far + costly(rng) - 1,) for _ in range(20)]
        rows = [[1], [1]]
        network = Network.from_arrays([rows, [[1, 1]]], [[-far, -far - 1], [0]])
        return value_share(network, Domain.of(Box.of(far, far + 1, 1)), points)

    assert greatest_share(draw) > 0.25


def form_share(network: Network, domain: Domain, signs: list[int]) -> float:
    """Return |row - exact row| / error, the greatest of the last layer's forms."""
    frame, shift = make_frame(network, domain, 1.0)
    forms, layers = make_forms(network, frame, shift), len(network.widths)
    for layer in range(1, layers):
        search.enter_layer(frame, forms, layer, np.array(signs, dtype=np.int8))
    exact, shares = ExactForms(network, domain), []
    first = sum(network.widths[:-1])
    assert not any(shift)
    for k, row in enumerate(exact.layer(signs, layers - 1)):
        scales = [Fraction(1), *map(Fraction, frame.scale.tolist())]
        reach = [Fraction(1), *map(Fraction, frame.reach.tolist())]
        off = sum(
            abs(Fraction(t) - int(v) * s) * r
            for t, v, s, r in zip(
                forms.row[first + k].tolist(), row, scales, reach, strict=True
            )
        )
        shares.append(float(off / Fraction(float(forms.error[first + k]))))
    return max(shares)


def test_coefficients_of_the_first_layer() -> None:
    def draw(rng: random.Random) -> float:
        rows = [[2**60 + rng.getrandbits(52)], [2**61 + rng.getrandbits(53)]]
        network = Network.from_arrays([rows, [[1, 1]]], [[0, 1], [0]])
        return form_share(network, Domain.of(Box.of(-1, 1, 1)), [1, 1])

    assert greatest_share(draw) > 0.9


@pytest.mark.parametrize("width", [1, 2])
def test_forms_of_the_next_layer(width: int) -> None:
    """Weights and slopes are rounded, their product, the product with the row, and the sum."""

    def draw(rng: random.Random) -> float:
        first = [[2**52 + rng.getrandbits(44)] for _ in range(width)]
        second = [[2**60 + rng.getrandbits(52) for _ in range(width)]]
        slope = Fraction(2**60 + rng.getrandbits(52), 2**61 + 1)
        weights, bias = [first, second, [[1]]], rng.choice([0, 2**60 + 127])
        network = Network.from_arrays(weights, [[0] * width, [bias], [0]], slope=[slope, 0])
        return form_share(network, Domain.of(Box.of(-1, 1, 1)), [-1] * width + [1])

    assert greatest_share(draw, 300) > 0.25


@pytest.mark.parametrize("inputs", [1, 2])
def test_forms_that_read_inputs_and_neurons(inputs: int) -> None:
    """A row reads inputs, a neuron, and one of the layer before whose slope has a denominator."""

    def draw(rng: random.Random) -> float:
        def number() -> int:
            return 2**60 + rng.getrandbits(52)

        slope = Fraction(number(), 2**61 + 1)
        reads = (*range(inputs), 2, 3)
        layers = (
            Layer([[2**52 + rng.getrandbits(44)]], [0], slope, (0,)),
            Layer([[number()]], [0], slope, (2,)),
            Layer([[number() for _ in reads]], [number()], 0, reads),
            Layer([[1]], [0], 1),
        )
        network = Network(layers, num_inputs=2)
        return form_share(network, Domain.of(Box.of(-1, 1, 2)), [-1, -1, 1])

    assert greatest_share(draw, 300) > 0.25


def test_a_row_that_reads_inputs_above_all() -> None:
    """The unit that it reads is tiny: what is lost, is lost where it is added to the inputs."""

    def draw(rng: random.Random) -> float:
        layers = (
            Layer([[2**52 + rng.getrandbits(44)]], [0], 0, (0,)),
            Layer([[2**105 + 2 * rng.getrandbits(99) + 1, 1]], [0], 0, (0, 1)),
            Layer([[1]], [0], 1),
        )
        network = Network(layers, num_inputs=1)
        return form_share(network, Domain.of(Box.of(-1, 1, 1)), [1, 1])

    assert greatest_share(draw, 100) > 0.25


def test_rows_of_a_polytope() -> None:
    """The bound of a row of the domain holds what its coefficients and its value may lose."""
    rng, shares = random.Random(0), []
    network = Network.from_arrays([[[1], [1]], [[1, 1]]], [[0, 1], [0]])
    for _ in range(100):
        a, b = 2**60 + rng.getrandbits(52), 2**60 + rng.getrandbits(52)
        domain = Domain.cut(Box.of(-1, 1, 1), ([[-a]], [b]))
        frame, shift = make_frame(network, domain, 1.0)
        rows, x = make_rows(domain, frame, shift, 2), 1 - Fraction(rng.getrandbits(52), 2**60)
        y = np.empty(1)
        search.to_frame(frame, np.array(nearest_floats((x,))), y)
        computed = rows.c[0] + rows.a[0, 0] * y[0]
        (row,) = ExactForms(network, domain).domain_rows()
        true = int(row[0]) + int(row[1]) * x
        shares.append(abs(Fraction(float(computed)) - true) / Fraction(float(rows.bound[0])))
    assert max(shares) <= 1
    assert max(shares) > Fraction(1, 4)


# Multipliers


def make_rows_with(gradients: np.ndarray, constants: list[float], error: float) -> Rows:
    """Return rows on the box [-1, 1]^D, all of the given error."""
    m, c = len(gradients), np.array(constants)
    size = np.abs(gradients).sum(axis=1) + np.abs(c)
    return Rows(
        gradients, c, size, size, np.full(m, error), np.full(m, error), c == 0,
        np.arange(m), np.zeros(m, dtype=np.uint8),
    )  # fmt: skip


def proves_in_box(R: Rows, f: float, c: float, error: float) -> Fraction | None:
    """Return what the accepted proof of c + f y <= 0 has as its greatest value, with one row."""
    V = Vertex(np.zeros(1), np.array([[1.0 / R.a[0, 0]]]), np.zeros(1, dtype=np.int64))
    proof = Proof(np.zeros(1, dtype=np.int64), np.zeros(2))
    objective = Objective(np.array([f]), c, abs(c) + abs(f), error)
    P = polyhedron.py_func(R, 1, np.array([-1.0]), np.ones(1), np.zeros(1, dtype=np.int64))
    count = box_proof(P, R, objective, V, proof, np.zeros((4, 2)))
    if count < 0:
        return None
    factors = [Fraction(float(proof.factors[1]))]
    if count:
        factors.append(Fraction(float(proof.factors[0])))
    parts = [(Fraction(c), Fraction(f))]
    parts.append((Fraction(float(R.c[0])), Fraction(float(R.a[0, 0]))))
    used = list(zip(factors, parts, strict=False))
    constant = sum((factor * part[0] for factor, part in used), Fraction(0))
    slope = sum((factor * part[1] for factor, part in used), Fraction(0))
    return (constant + abs(slope)) / factors[0]


@pytest.mark.parametrize("error", [0.0, 2.0**-45])
def test_what_multipliers_prove_in_a_box(error: float) -> None:
    """The proof is refused where the errors could undo it, and found where they cannot by far.

    c + f y with row b - a y >= 0: the greatest value is near c + f b / a, c is set near its zero.
    """
    rng, u = random.Random(1), 2.0**-53
    least = Fraction(10)
    for _ in range(300):
        a, f, b = (1 + rng.random() * _JUST_ABOVE for _ in range(3))
        R = make_rows_with(np.array([[-a]]), [b / 4], error)
        zero = -f * (b / 4) / a
        size = 1 + f + abs(zero) + f / a * (a + b / 4)
        # With errors the exact row and form may both be better than they look.
        off = error * (1 + f / a)
        for step in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0):
            c = zero - step * (u * size + off)
            most = proves_in_box(R, f, c, error)
            if most is not None:
                assert most + Fraction(off) * (1 - Fraction(1, 2**20)) <= 0
                least = min(least, -most / (Fraction(off) + Fraction(u * size)))
            else:
                assert step < 20
    assert least < 8


def rounded_up(rng: random.Random, factor: float, *, up: bool) -> float:
    """Return a number just above 1 whose product with ``factor`` is rounded by nearly u."""
    draws = [1 + rng.getrandbits(44) * 2.0**-52 for _ in range(200)]
    sense = 1 if up else -1
    return max(draws, key=lambda t: sense * (Fraction(t * factor) - Fraction(t) * Fraction(factor)))


@pytest.mark.parametrize(("D", "count"), [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (8, 3), (8, 8)])
def test_rounding_of_a_combination_of_rows(D: int, count: int) -> None:
    """One form is great in its constant and its last coefficient, and every addition loses u of it.

    The first row or, where there is none, the objective; the others add a little less than u, and
    so do the coefficients before the last.
    """
    rng, shares = random.Random(2), []
    for _ in range(5):
        factor = float(2**52 + rng.getrandbits(44)) if count else 1.0
        tiny, hi = factor * 0.95 * 2.0**-53, 1 - (1 + 9 * rng.random()) * 2.0**-30
        great = np.full(D, tiny / factor)
        great[-1] = rounded_up(rng, factor, up=False) if count else rounded_up(rng, hi, up=False)
        constant = -rounded_up(rng, factor, up=True)
        small = np.full(D, 0.0)
        small[-1] = tiny
        gradients = np.array([great, *[small] * (count - 1)][:count]).reshape(count, D)
        R = make_rows_with(gradients, [constant, *[tiny] * (count - 1)][:count], 0.0)
        f, c = (small, tiny) if count else (great, constant)
        objective = Objective(f, c, abs(c) + float(np.abs(f).sum()), 0.0)
        proof = Proof(np.arange(D), np.array([factor, *[1.0] * D]))
        lo, spent = np.full(D, -1.0), np.zeros(1, dtype=np.int64)
        P = polyhedron.py_func(R, count, lo, np.full(D, hi), spent)
        kept, most, error = combine(P, R, objective, 1.0, proof, count, np.empty(D))
        assert kept == count
        forms = [(c, f), *zip(R.c, R.a, strict=True)]
        whole = [
            sum((Fraction(t) * Fraction(float(row[i])) for t, row in zip(
                [1.0, *proof.factors.tolist()], ([c, *a] for c, a in forms), strict=False)),
                Fraction(0))
            for i in range(1 + D)
        ]  # fmt: skip
        true = whole[0] + sum(max(-t, t * Fraction(hi)) for t in whole[1:])
        last = abs(Fraction(most)) * Fraction(1, 2**53)
        shares.append((abs(true - Fraction(most)) - last) / Fraction(error))
    assert max(shares) <= 1
    assert max(shares) > Fraction(1, 4)


def cone_shares(G: np.ndarray, f: np.ndarray, inverse: np.ndarray) -> list[Fraction]:
    """Return |exact multiplier - float one| as shares of the enclosure of an accepted cone."""
    D = len(f)
    R = make_rows_with(G, [0.0] * D, 0.0)
    V = Vertex(np.zeros(D), inverse, np.arange(D))
    work = np.zeros((4, D + 1))
    if cone_proof(R, f, 0.0, 1.0, -9, V, np.zeros(D, dtype=np.int64), work) < 0:
        return []
    exact = fmpq_mat([[fmpq(*float(t).as_integer_ratio()) for t in column] for column in G.T])
    right = fmpq_mat([[fmpq(*float(t).as_integer_ratio())] for t in f])
    found = [Fraction(int(t.p), int(t.q)) for (t,) in exact.solve(right).tolist()]
    return [
        abs(true - Fraction(float(mu))) / (2 * Fraction(float(beta)))
        for true, mu, beta in zip(found, work[1, :D], work[0, :D], strict=True)
    ]


@pytest.mark.parametrize("D", [1, 2, 3, 8])
def test_rounding_of_the_multipliers_of_a_cone(D: int) -> None:
    """The first product is rounded to f itself, by nearly u: nothing is seen, and all is wrong."""
    rng, shares = random.Random(3), []
    for _ in range(40):
        G, inverse, f = np.eye(D), np.eye(D), np.full(D, -(2.0**-30))
        G[0, 0] = 1 + rng.getrandbits(44) * 2.0**-52
        inverse[0, 0] = 1 / G[0, 0]
        mu = rounded_up(rng, float(G[0, 0]), up=True)
        f[0] = -mu * G[0, 0]
        if f[0] * inverse[0, 0] == -mu:
            shares += cone_shares(G, f, inverse)
    assert max(shares) <= 1
    assert max(shares) > Fraction(1, 4)


@pytest.mark.parametrize("D", [1, 2, 3])
@pytest.mark.parametrize("share", [2.0**-30, 2.0**-3, 0.4])
def test_an_inverse_of_a_cone_that_is_wrong(D: int, share: float) -> None:
    """Multipliers are as wrong as the inverse is, which may not be wrong by a half."""
    G, inverse, f = np.eye(D), np.eye(D), np.full(D, -4.0 * share)
    inverse[0, 0], f[0] = 1 - share, -1.0
    shares = cone_shares(G, f, inverse)
    assert Fraction(1, 4) < max(shares) <= 1
    inverse[0, 0] = 0.5
    assert not cone_shares(G, f, inverse)


def is_cone(G: object, inverse: object, f: list[float], error: float) -> bool:
    """Return whether f + sum lambda_j row_j = 0 is believed, where f may err by ``error``."""
    D, R = len(f), make_rows_with(np.array(G), [0.0] * len(f), 0.0)
    V = Vertex(np.zeros(D), np.array(inverse), np.arange(D))
    rows, work = np.zeros(D, dtype=np.int64), np.zeros((4, D + 1))
    return bool(cone_proof(R, np.array(f), error, 1.0, -9, V, rows, work) == D)


def test_multipliers_that_fit_prove_nothing_without_the_inverse() -> None:
    """The multipliers solve f = mu G in floats and lie beyond their enclosure; the inverse is none.

    *Two equal rows, or four dependent ones whose defect 1 - G N has entries 1/4 and -1/4:* f may
    err in a direction that no multipliers reach. *Rows (1, 0) and (0, 1):* f may be
    (-t + error, -1), and one multiplier is then negative; the first column of the inverse is 3/8 of
    what it should be, and so is its enclosure.
    """
    assert not is_cone([[1.0, 0.0], [1.0, 0.0]], np.full((2, 2), 0.5), [-1.0, 0.0], 2.0**-20)
    signs = np.array([1.0, 1.0, -1.0, -1.0])
    assert not is_cone(np.eye(4) - np.outer(signs, signs) / 4, np.eye(4), [-1.0] * 4, 2.0**-20)
    error = 2.0**-10
    t = 0.875 * error
    assert not is_cone(np.eye(2), [[0.375, 0.0], [0.625 * t, 1.0]], [-t, -1.0], error)
    assert is_cone(np.eye(2), [[1.0, 0.0], [0.0, 1.0]], [-4 * t, -1.0], error)
    assert is_cone(np.eye(2), [[0.75, 0.0], [t, 1.0]], [-4 * t, -1.0], error)


@pytest.mark.parametrize("t", [1.0, 2.0**-10, 2.0**-30])
def test_a_cone_whose_rows_may_err(t: float) -> None:
    """f = -(1, t) and rows (1, 0), (0, 1): an error t of the first turns the second multiplier."""
    V = Vertex(np.zeros(2), np.eye(2), np.arange(2))
    rows, work = np.zeros(2, dtype=np.int64), np.zeros((4, 3))

    def is_proven(error: float) -> bool:
        R = make_rows_with(np.eye(2), [0.0, 0.0], 0.0)
        R.error[0] = error
        return bool(cone_proof(R, np.array([-1.0, -t]), 0.0, 1.0, -9, V, rows, work) == 2)

    assert not is_proven(t)
    assert not is_proven(0.9 * t) or t == 1.0
    assert is_proven(0.46 * t if t < 1.0 else 0.3)
    assert not cone_proof(
        make_rows_with(np.eye(2), [0.0, 1.0], 0.0), np.array([-1.0, -t]), 0.0, 1.0, -9, V, rows,
        work,
    ) == 2, "a constant that is not zero"  # fmt: skip


def test_a_cone_with_a_multiplier_that_is_zero() -> None:
    V = Vertex(np.zeros(2), np.eye(2), np.arange(2))
    R = make_rows_with(np.eye(2), [0.0, 0.0], 0.0)
    rows, work = np.zeros(2, dtype=np.int64), np.zeros((4, 3))
    for f in ([-1.0, 0.0], [-1.0, 1.0], [0.0, 0.0]):
        assert cone_proof(R, np.array(f), 0.0, 1.0, -9, V, rows, work) == -1
    # The error of the objective counts like one of a row.
    assert cone_proof(R, np.array([-1.0, -1.0]), 0.5, 1.0, -9, V, rows, work) == -1
    assert cone_proof(R, np.array([-1.0, -1.0]), 0.2, 1.0, -9, V, rows, work) == 2


@pytest.mark.parametrize("m", range(3))
def test_a_point_beyond_a_facet_is_believed_beyond_the_bounds_only(m: int) -> None:
    """Neuron 1 has its other sign there, the others theirs, each by more than its bound."""
    R, sign = make_rows_with(np.eye(3), [1.0] * 3, 0.25), np.array([1, 1, -1], dtype=np.int8)
    z = np.array([0.5, -0.5, -0.5])
    assert facets._is_beyond(R, 0, sign, z, 1)
    z[m] /= 2  # the bound itself
    assert not facets._is_beyond(R, 0, sign, z, 1)
    z[m] *= -4
    assert not facets._is_beyond(R, 0, sign, z, 1)

"""Random small exact instances: integer networks and data, drawn from an explicit generator."""

import random
from collections.abc import Sequence
from fractions import Fraction

from exactbn.exact.rational import Matrix
from exactbn.model.network import Network


def draw_matrix(rng: random.Random, rows: int, columns: int, size: int = 9) -> Matrix:
    """Return a matrix of integers between -size and size."""
    return tuple(
        tuple(Fraction(rng.randint(-size, size)) for _ in range(columns)) for _ in range(rows)
    )


def draw_network(
    rng: random.Random,
    widths: Sequence[int],
    *,
    size: int = 9,
    slope: Fraction | int = 0,
) -> Network:
    """Return a network of integer weights and biases; ``widths`` are d, n_1, ..., n_L, outputs."""
    pairs = list(zip(widths, widths[1:], strict=False))
    weights = [draw_matrix(rng, n, m, size) for m, n in pairs]
    biases = [draw_matrix(rng, 1, n, size)[0] for _, n in pairs]
    return Network.from_arrays(weights, biases, slope=slope)


def draw_fraction(rng: random.Random, size: int = 9, denominator: int = 6) -> Fraction:
    """Return a rational number with a small numerator and denominator."""
    return Fraction(rng.randint(-size, size), rng.randint(1, denominator))

"""Networks on which float signs lie: far common points, exact cancellation, parallel bundles."""

import random
from fractions import Fraction

from exactbn.model.network import Network

_SMALL = Fraction(1, 2**60)


def cancelling_sum(p: int) -> Network:
    """Return max(p - x, 0) four times, then a row whose sum is 1 exactly and -512 in floats.

    The second layer is the first one once more: two regions, x < p and x > p.
    """
    a = 2**60 + 127
    return Network.from_arrays([[[-1]] * 4, [[a, a, a, 1 - 3 * a]], [[1]]], [[p] * 4, [0], [0]])


def far_and_cancelling(rng: random.Random) -> Network:
    """Return one or two inputs, a common point up to 2^20 away, rows that cancel exactly or nearly.

    The first layer has every row twice, one the double of the other; the second adds multiples that
    cancel but for the last of 60 bits, or but for a relative 2^-60.
    """
    d, n = rng.choice([1, 2]), rng.randint(1, 3)
    reach = 2 ** rng.randint(8, 20)
    p = [rng.choice([-1, 1]) * (reach - rng.randint(0, reach // 2)) for _ in range(d)]
    rows = [[rng.randint(-3, 3) for _ in range(d)] for _ in range(n)]
    first = [*rows, *([2 * t for t in row] for row in rows)]
    biases = [-sum(a * t for a, t in zip(row, p, strict=True)) for row in first]
    second = []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            c = [Fraction(rng.getrandbits(60)) for _ in range(n)]
            near = [2 * v + rng.choice([-1, 0, 1]) for v in c]
            far = [-v for v in c]
        else:
            c = [Fraction(rng.gauss(0, 1)) for _ in range(n)]
            near = [v * (1 + rng.choice([-1, 0, 1]) * _SMALL) for v in c]
            far = [-v / 2 for v in c]
        second.append([*near, *far])
    bias = [rng.choice([0, 0, 1, _SMALL]) for _ in second]
    slope = rng.choice([0, 0, Fraction(1, 10), -1])
    return Network.from_arrays(
        [first, second, [[1] * len(second)]], [biases, bias, [0]], slope=[slope, 0]
    )


def walk(n: int, last: tuple[int, int]) -> Network:
    """Return n parallel lines, each through the point that a moved witness would reach next.

    A search that starts at the origin and steps along (19/16, 31/16) off every line, twice as far
    each time, ends thousands away. A last line passes near that point, its normal ``last``.
    """
    x, rows, biases = (Fraction(0), Fraction(0)), [], []
    for _ in range(n):
        rows.append([1, 1])
        biases.append(-x[0] - x[1])
        limit = max(Fraction(1), *map(abs, x))
        step = Fraction(2) ** (limit.numerator.bit_length() - limit.denominator.bit_length() - 2)
        x = (x[0] + step * Fraction(19, 16), x[1] + step * Fraction(31, 16))
    return Network.from_arrays([[*rows, list(last)], [[1] * (n + 1)]], [[*biases, 0], [0]])


def bundle(rng: random.Random) -> Network:
    """Return a long bundle of parallel lines, some equal or negated, and a few others."""
    n, reach = rng.randint(8, 20), 2 ** rng.randint(0, 20)
    normal = [rng.choice([-2, -1, 1, 2]), rng.choice([-1, 0, 1])]
    rows, biases = [], []
    for _ in range(n):
        turn, at = rng.choice([-1, 1, 3]), rng.choice([0, 1, reach, rng.randint(-reach, reach)])
        rows.append([turn * t for t in normal])
        biases.append(turn * at)
    for _ in range(rng.randint(0, 2)):
        big = rng.getrandbits(61)
        rows.append([31 * big + rng.choice([-1, 1]), -19 * big])
        biases.append(rng.choice([0, 0, big]))
    second = [[rng.choice([-1, 0, 1]) for _ in rows] for _ in range(rng.randint(0, 1))]
    if not second:
        return Network.from_arrays([rows, [[1] * len(rows)]], [biases, [0]])
    return Network.from_arrays([rows, second, [[1]]], [biases, [0], [0]])

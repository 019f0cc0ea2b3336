"""A test that an expectation is zero, for bounded numbers, with no further assumption."""

from collections.abc import Sequence
from math import exp, log1p

from exactbn.errors import InternalError

#: The stake: how much of the capital, relative to the worst outcome, is put on every number.
STAKE = 0.9


def mean_p_value(values: Sequence[float], bound: float) -> float:
    """Return a two-sided p-value for "the expectation is 0" of independent numbers in [-M, M].

    If E X_i <= 0, the product of 1 + s X_i / M, 0 < s < 1 fixed before, has factors >= 0 and an
    expectation of at most 1; so by Markov's inequality it exceeds 1/p with probability at most p.
    The same holds of -X_i if E X_i >= 0, and both are done at half the level.
    """
    if any(abs(value) > bound for value in values):
        raise InternalError(f"a value is beyond its bound {bound}")
    gains = [sum(log1p(side * STAKE * t / bound) for t in values) for side in (1, -1)]
    # Of rounding to floats this allows for more than there is: 1e-9 of the logarithm.
    return min(1.0, 2 * exp(-max(0.0, *gains) * (1 - 1e-9)))

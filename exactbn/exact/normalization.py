"""A normalization with given statistics as an affine map of vectors, exact but for sigma.

sigma = sqrt(variance + eps) is irrational in general. Under the policy "rounded" it is the float64
nearest to the root, :func:`exactbn.exact.rational.sqrt_rounded`, and the rational that this is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from exactbn.errors import DegenerateError, DimensionError, InputError
from exactbn.exact.rational import Matrix, Vector, sqrt_rounded, to_fraction, to_text, to_vector
from exactbn.wording import counted


@dataclass(frozen=True)
class Normalization:
    """The map z -> gamma (z - mean) / sigma + beta of each channel, sigma^2 = variance + eps.

    ``name`` is how errors call it; gamma and beta are 1 and 0 where they are None.
    """

    name: str
    mean: Vector
    variance: Vector
    gamma: Vector | None
    beta: Vector | None
    eps: Fraction

    def scale_and_shift(self) -> tuple[Vector, Vector]:
        """Return (a, c) of the same map z -> a z + c, exact but for sigma."""
        return scale_and_shift(
            self.mean, self.variance, gamma=self.gamma, beta=self.beta, eps=self.eps,
            name=self.name,
        )  # fmt: skip

    def sigma(self, channel: int) -> Fraction:
        """Return the float64 nearest to sqrt(variance + eps)."""
        where = f"{self.name}, unit {channel}"
        return rounded_sigma(self.variance[channel], self.eps, where)


def scale_and_shift(
    running_mean: Iterable[object],
    running_var: Iterable[object],
    *,
    gamma: Iterable[object] | None = None,
    beta: Iterable[object] | None = None,
    eps: object = 0,
    name: str = "BatchNorm",
) -> tuple[Vector, Vector]:
    """Return (a, c) with gamma (z - mean) / sigma + beta = a z + c, entry by entry.

    sigma is the float64 nearest to sqrt(running_var + eps) (policy "rounded"); all else is exact.

    Parameters
    ----------
    running_mean, running_var : sequences of n numbers
        The stored statistics; variances >= 0.
    gamma, beta : sequences of n numbers, optional
        The learned scale, of any sign, and shift; 1 and 0 where absent.
    eps : number >= 0
        Added to the variance.
    name : str
        How an error names this normalization.

    Raises
    ------
    DegenerateError
        If running_var + eps is 0 for some unit.
    DimensionError
        If the vectors differ in length.
    InputError
        If a variance or eps is negative.
    """
    offset = checked_eps(eps)
    means = to_vector(running_mean, f"{name}: running_mean")
    variances = to_vector(running_var, f"{name}: running_var")
    n = len(means)
    gammas = (Fraction(1),) * n if gamma is None else to_vector(gamma, f"{name}: gamma")
    betas = (Fraction(0),) * n if beta is None else to_vector(beta, f"{name}: beta")
    for what, vector in (("running_var", variances), ("gamma", gammas), ("beta", betas)):
        if len(vector) != n:
            raise DimensionError(
                f"{name}: {what} has {counted(len(vector), 'entry', 'entries')}, "
                f"expected {n} as running_mean has"
            )
    factors, shifts = [], []
    for k, variance in enumerate(variances):
        if variance < 0:
            raise InputError(f"{name}: running_var[{k}] is {to_text(variance)}, expected >= 0")
        factors.append(gammas[k] / rounded_sigma(variance, offset, f"{name}, unit {k}"))
        shifts.append(betas[k] - factors[k] * means[k])
    return tuple(factors), tuple(shifts)


def fold(
    weight: Matrix,
    bias: Vector,
    running_mean: Iterable[object],
    running_var: Iterable[object],
    *,
    gamma: Iterable[object] | None = None,
    beta: Iterable[object] | None = None,
    eps: object = 0,
    name: str = "BatchNorm",
) -> tuple[Matrix, Vector]:
    """Return weight and bias of h -> gamma (W h + b - mean) / sigma + beta, exactly.

    ``weight`` has shape (n, m), the vectors shape (n,); see :func:`scale_and_shift` for the rest.

    Examples
    --------
    >>> one = Fraction(1)
    >>> fold(((one,),), (one,), [3], [4], gamma=[-6], beta=[1])
    (((Fraction(-3, 1),),), (Fraction(7, 1),))
    """
    factors, shifts = scale_and_shift(
        running_mean, running_var, gamma=gamma, beta=beta, eps=eps, name=name
    )
    if len(factors) != len(bias):
        raise DimensionError(
            f"{name}: running_mean has {counted(len(factors), 'entry', 'entries')}, "
            f"expected {len(bias)} "
            "as the layer before has neurons"
        )
    rows = tuple(tuple(a * w for w in row) for a, row in zip(factors, weight, strict=True))
    biases = tuple(a * b + c for a, b, c in zip(factors, bias, shifts, strict=True))
    return rows, biases


def checked_eps(eps: object) -> Fraction:
    """Return eps, exact and not negative."""
    offset = to_fraction(eps, "eps")
    if offset < 0:
        raise InputError(f"eps is {to_text(offset)}, expected >= 0")
    return offset


def rounded_sigma(variance: Fraction, eps: Fraction, where: str) -> Fraction:
    """Return the float64 nearest to sqrt(variance + eps), which must not be 0."""
    sigma = sqrt_rounded(variance + eps)
    if sigma == 0:
        raise DegenerateError(
            f"{where}: variance is 0 and eps is 0, so the scale is undefined; "
            "drop the unit or give eps > 0"
        )
    return sigma

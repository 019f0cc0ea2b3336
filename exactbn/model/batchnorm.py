"""Exact batch normalization: statistics, centering, standardization.

For a batch x_1, ..., x_N let z_k(i) be the preactivation of unit k at x_i. The batch mean is
mu_k = (1/N) sum_i z_k(i), the biased batch variance sigma_k^2 = (1/N) sum_i (z_k(i) - mu_k)^2.
Both are rational for a rational network and rational data, and nothing here rounds them. The one
rounding is sigma itself, irrational in general: :func:`exactbn.exact.rational.sqrt_rounded` is its
definition under the policy "rounded".

A batch runs through a layer as one product of flint integer matrices: the features of all points
are integers over one common denominator.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from os import PathLike
from typing import TYPE_CHECKING

from flint import fmpz, fmpz_mat

from exactbn.errors import DegenerateError, DimensionError, InputError
from exactbn.exact.normalization import checked_eps, rounded_sigma
from exactbn.exact.rational import (
    Matrix,
    Vector,
    sqrt_rounded,
    to_matrix,
    to_text,
)
from exactbn.model.asking import as_network
from exactbn.model.network import Layer, Network
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike


@dataclass(frozen=True)
class LayerStatistics:
    """Batch mean and biased batch variance of one layer's preactivations, both of shape (n,)."""

    mean: Vector
    variance: Vector


@dataclass(frozen=True)
class _Unit:
    """The exact values ``numerators[i] / denominator`` of one unit at N points.

    Sums of flint's integers: with the fractions of the module statistics, centering takes twice
    the time, and six times with scaling (iris and wine, layers of 16).
    """

    numerators: list[fmpz]
    denominator: fmpz

    def mean(self) -> Fraction:
        """Return the mean of the values."""
        return _fraction(_total(self.numerators), self.denominator * len(self.numerators))

    def variance(self) -> Fraction:
        """Return the biased variance, (N sum t^2 - (sum t)^2) / N^2."""
        count, total = len(self.numerators), _total(self.numerators)
        squares = _total([t * t for t in self.numerators])
        scaled = self.denominator * count
        return _fraction(count * squares - total * total, scaled * scaled)

    def shifted(self, offset: Fraction) -> "_Unit":
        """Return the values plus ``offset``."""
        p, q = fmpz(offset.numerator), fmpz(offset.denominator)
        step = p * self.denominator
        return _Unit([t * q + step for t in self.numerators], self.denominator * q)

    def divided(self, divisor: Fraction) -> "_Unit":
        """Return the values over the positive ``divisor``."""
        p, q = fmpz(divisor.numerator), fmpz(divisor.denominator)
        return _Unit([t * q for t in self.numerators], self.denominator * p)

    def activated(self, slope: Fraction) -> "_Unit":
        """Return max(t, 0) + slope * min(t, 0) of the values, in lowest common terms."""
        above, below = fmpz(slope.denominator), fmpz(slope.numerator)
        numerators = [above * t if t > 0 else below * t for t in self.numerators]
        return _Unit(numerators, above * self.denominator).reduced()

    def reduced(self) -> "_Unit":
        """Return the same values over the least common denominator."""
        content = self.denominator
        for t in self.numerators:
            content = content.gcd(t)
            if content == 1:
                return self
        return _Unit([t // content for t in self.numerators], self.denominator // content)


@dataclass(frozen=True, eq=False)
class _Batch:
    """The features of N points: entry (k, i) is ``numerators[k, i] / denominator``."""

    numerators: fmpz_mat
    denominator: fmpz

    @classmethod
    def of(cls, units: Sequence[_Unit]) -> "_Batch":
        """Return the features ``units`` over one common denominator."""
        common = fmpz(1)
        for unit in units:
            common = common.lcm(unit.denominator)
        rows = []
        for unit in units:
            factor = common // unit.denominator
            rows.append([t * factor for t in unit.numerators])
        return cls(fmpz_mat(rows), common)

    def through(self, weight: Matrix) -> list[_Unit]:
        """Return W h, one unit a row of ``weight``."""
        scales = [lcm(*(w.denominator for w in row)) for row in weight]
        rows = [[int(w * s) for w in row] for row, s in zip(weight, scales, strict=True)]
        product = (fmpz_mat(rows) * self.numerators).tolist()
        return [
            _Unit(values, self.denominator * scale)
            for values, scale in zip(product, scales, strict=True)
        ]


def statistics(
    network: Network, data: Iterable[Iterable[object]]
) -> tuple[LayerStatistics, ...]:
    """Return the exact batch mean and biased variance of every hidden preactivation W h + b.

    Parameters
    ----------
    network : Network
        d inputs.
    data : sequence of N points
        Shape (N, d), N >= 1; ints, floats (read as the dyadics that they are), Fractions or text.

    Returns
    -------
    tuple of LayerStatistics
        One a hidden layer; exact.

    Raises
    ------
    DimensionError
        If a point has not d coordinates.
    NotRationalError
        If an entry is NaN, infinite or not a number.

    Examples
    --------
    >>> net = Network.from_arrays([[[2]], [[1]]], [[1], [0]])
    >>> statistics(net, [[0], [1]])
    (LayerStatistics(mean=(Fraction(2, 1),), variance=(Fraction(1, 1),)),)
    """
    batch = _read(data, network.num_inputs)
    results = []
    for layer in network.chained("batch normalization").hidden:
        products = batch.through(layer.weight)
        units = [unit.shifted(b) for unit, b in zip(products, layer.bias, strict=True)]
        mean = tuple(unit.mean() for unit in units)
        results.append(LayerStatistics(mean, tuple(unit.variance() for unit in units)))
        batch = _Batch.of([unit.activated(layer.slope) for unit in units])
    return tuple(results)


def center(
    network: "NetworkLike",
    data: Iterable[Iterable[object]],
    *,
    scale: bool = False,
    eps: object = 0,
) -> Network:
    """Return the network batch-normalized on ``data``: layer by layer, W h becomes W h - mu.

    mu is the exact mean of W h over the batch, h being the features of the layers already
    normalized; the layer's own bias plays no part. With ``scale`` the row and the bias are also
    divided by sigma, the float64 nearest to sqrt(variance + eps), and are exact again. The
    activations keep their slopes; the output layer stays.

    Parameters
    ----------
    network : Network
        d inputs; what :func:`exactbn.partition` takes for one.
    data : sequence of N points
        Shape (N, d), N >= 1; ints, floats, Fractions or text, all read exactly.
    scale : bool
        Also divide by sigma. The result's ``sigma_policy`` is then "rounded", else "none"
        (unless ``network`` was "rounded" already, or it is "unknown" whether it was).
    eps : number >= 0
        Added to the variance; of use only with ``scale``.

    Raises
    ------
    DegenerateError
        If ``scale`` and variance + eps is 0; layer and unit are named, both counted from 0.
    DimensionError
        If a point has not d coordinates.
    InputError
        If there are no points or eps is negative.

    References
    ----------
    Balestriero and Baraniuk, *Batch Normalization Explained*, arXiv 2209.14778: the centred
    layer's hyperplanes all pass through the mean of its inputs.

    Examples
    --------
    >>> net = Network.from_arrays([[[1], [-3]], [[1, 1]]], [[5, 5], [0]])
    >>> center(net, [[0], [1]]).layers[0].bias
    (Fraction(-1, 2), Fraction(3, 2))
    >>> center(net, [[4], [4]], scale=True)
    Traceback (most recent call last):
      ...
    exactbn.errors.DegenerateError: BatchNorm 0, unit 0: variance is 0 and eps is 0, so the \
scale is undefined; drop the unit or give eps > 0
    """
    offset = checked_eps(eps)
    network = as_network(network)
    batch = _read(data, network.num_inputs)
    layers = []
    for index, layer in enumerate(network.chained("batch normalization").hidden):
        rows, biases, units = [], [], []
        for k, product in enumerate(batch.through(layer.weight)):
            mean = product.mean()
            row, bias, unit = layer.weight[k], -mean, product.shifted(-mean)
            if scale:
                sigma = rounded_sigma(unit.variance(), offset, f"BatchNorm {index}, unit {k}")
                row, bias = tuple(w / sigma for w in row), bias / sigma
                unit = unit.divided(sigma)
            rows.append(row)
            biases.append(bias)
            units.append(unit.activated(layer.slope))
        layers.append(Layer(tuple(rows), tuple(biases), layer.slope))
        batch = _Batch.of(units)
    # Centering brings no sigma in, and takes none out that is, or may be, in the parameters.
    kept = "none" if network.sigma_policy == "no-bn" else network.sigma_policy
    policy = "rounded" if scale else kept
    return Network((*layers, network.layers[-1]), policy)


def standardize(
    data: Iterable[Iterable[object]], *, names: Sequence[str] | None = None
) -> Matrix:
    """Return the points with every column minus its exact mean, over its sigma.

    sigma is the float64 nearest to the square root of the exact biased variance, so the mean of
    a column is exactly 0 and its variance 1 up to that rounding.

    Parameters
    ----------
    data : sequence of N points
        Shape (N, d), N >= 1.
    names : sequence of str, optional
        How errors name the columns; their numbers, from 0, by default.

    Raises
    ------
    DegenerateError
        If a column is constant.

    Examples
    --------
    >>> standardize([["0.5"], ["1.5"]])
    ((Fraction(-1, 1),), (Fraction(1, 1),))
    """
    points = _points(data)
    columns = []
    for j, column in enumerate(zip(*points, strict=True)):
        common = lcm(*(t.denominator for t in column))
        unit = _Unit([fmpz(int(t * common)) for t in column], fmpz(common))
        sigma = sqrt_rounded(unit.variance())
        if sigma == 0:
            label = repr(names[j]) if names is not None else str(j)
            raise DegenerateError(
                f"data column {label} is constant ({to_text(column[0])}), so its scale is "
                "undefined; drop the column"
            )
        unit = unit.shifted(-unit.mean()).divided(sigma)
        columns.append([_fraction(t, unit.denominator) for t in unit.numerators])
    return tuple(zip(*columns, strict=True))


def _points(data: Iterable[Iterable[object]]) -> Matrix:
    """Return ``data`` as a matrix with at least one row and one column."""
    points = to_matrix(data, "data")
    if not points or not points[0]:
        raise InputError("the data has no points or no columns, expected at least one of each")
    return points


def _read(data: Iterable[Iterable[object]], d: int) -> _Batch:
    """Return N points of d coordinates as a batch."""
    if isinstance(data, (str, PathLike)):
        raise InputError(
            f"the data is the name {str(data)[:60]!r}, expected a sequence of points; read a CSV "
            "file with numpy.loadtxt(name, delimiter=',', skiprows=1)"
        )
    points = _points(data)
    if len(points[0]) != d:
        raise DimensionError(
            f"the data has {counted(len(points[0]), 'column')}, expected {d} "
            "as the network has inputs"
        )
    common = lcm(*(t.denominator for point in points for t in point))
    rows = [[int(t * common) for t in column] for column in zip(*points, strict=True)]
    return _Batch(fmpz_mat(rows), fmpz(common))


def _total(values: Sequence[fmpz]) -> fmpz:
    """Return the sum of integers."""
    total = fmpz(0)
    for value in values:
        total += value
    return total


def _fraction(numerator: fmpz, denominator: fmpz) -> Fraction:
    """Return numerator / denominator, reduced by flint first: its gcd is the faster one."""
    content = numerator.gcd(denominator)
    return Fraction(int(numerator // content), int(denominator // content))

"""Exact batch normalization: statistics, centering, standardization.

For a batch x_1, ..., x_N let z_k(i) be the preactivation of unit k at x_i. The batch mean is
mu_k = (1/N) sum_i z_k(i), the biased batch variance sigma_k^2 = (1/N) sum_i (z_k(i) - mu_k)^2.
Both are rational for a rational network and rational data, and nothing here rounds them. The one
rounding is sigma itself, irrational in general: :func:`exactbn.exact.rational.sqrt_rounded` is its
definition under the policy "rounded".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import index as to_index
from os import PathLike
from typing import TYPE_CHECKING

from exactbn.errors import DegenerateError, DimensionError, InputError
from exactbn.exact.batch import Batch, Values, checked_divisor, columns_of
from exactbn.exact.normalization import checked_eps, rounded_sigma
from exactbn.exact.rational import Matrix, Vector, sqrt_rounded, to_text
from exactbn.exact.stages import Clip
from exactbn.model.asking import as_network, read_centered
from exactbn.model.layers import Block
from exactbn.model.network import Layer, Network
from exactbn.model.units import members_of
from exactbn.readers.statistics import Centering, to_points
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike


@dataclass(frozen=True)
class LayerStatistics:
    """Batch mean and biased batch variance of one layer's preactivations, both of shape (n,)."""

    mean: Vector
    variance: Vector


def statistics(
    network: Network, data: Iterable[Iterable[object]], *, divisor: str = "batch"
) -> tuple[LayerStatistics, ...]:
    """Return the exact batch mean and biased variance of every hidden preactivation W h + b.

    Parameters
    ----------
    network : Network
        d inputs.
    data : sequence of N points
        Shape (N, d), N >= 1; ints, floats (read as the dyadics that they are), Fractions or text.
    divisor : str
        "batch" divides the sum of squares by N, "unbiased" by N - 1.

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
    features = _read(data, network.num_inputs)
    results = []
    for block in network.blocks[:-1]:
        products = _products(block, features)
        for layer in block.layers:
            units = [next(products).shifted(b) for b in layer.bias]
            mean = tuple(unit.mean() for unit in units)
            variance = tuple(unit.variance(divisor) for unit in units)
            results.append(LayerStatistics(mean, variance))
            features += [
                unit.activated(slope) for unit, slope in zip(units, layer.slopes, strict=True)
            ]
    return tuple(results)


def center(
    network: "NetworkLike",
    data: Iterable[Iterable[object]] | None = None,
    *,
    scale: bool = False,
    eps: object = 0,
    statistics: "str | Sequence[LayerStatistics]" = "batch",
    channels: Iterable[Iterable[int]] = (),
    logits: bool = False,
) -> Network:
    """Return the network batch-normalized on ``data``: layer by layer, W h becomes W h - mu.

    mu is the exact mean of W h over the batch, h being the features of the layers already
    normalized; the layer's own bias plays no part. With ``scale`` the row and the bias are also
    divided by sigma, the float64 nearest to sqrt(variance + eps), and are exact again. The
    activations keep their slopes; the output layer stays.

    A module, and an ``.onnx`` file, is normalized where its activations are, as if a batch
    normalization without parameters stood before each of them; but a ReLU right after a ReLU, or
    another activation that changes nothing of what activations have made >= 0, is none. For tensors
    of shape (N, C, positions...) mu and sigma are those of a channel, over all points and all
    positions. A clip is one activation; maxima stay as they are. A ``Network`` does not know its
    channels, which ``channels`` then tells, nor where its clips have their zero, and is refused if
    it has clips.

    Parameters
    ----------
    network : Network
        d inputs; what :func:`exactbn.partition` takes for one.
    data : sequence of N points
        Shape (N, d), N >= 1; ints, floats, Fractions or text, all read exactly. The further axes of
        an array are joined; for a module they say the shape of its input.
    scale : bool
        Also divide by sigma. The result's ``sigma_policy`` is then "rounded", else "none"
        (unless ``network`` was "rounded" already, or it is "unknown" whether it was).
    eps : number >= 0
        Added to the variance; of use only with ``scale``.
    statistics : str, or sequence of LayerStatistics
        "batch": the variance of N values divides by N; "unbiased": by N - 1. Statistics of W h that
        are supplied, one a hidden layer, take the place of those of data.
    channels : sequence of sequences of hidden units
        Units of a ``Network``, by number, that have one mean and one variance: those of all their
        values together. They stand in one block of it.
    logits : bool
        Whether a Softmax or Sigmoid at the end of an ``.onnx`` file is left out.

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
    groups = _numbered(channels)
    if isinstance(statistics, str):
        checked_divisor(statistics)
        if data is None:
            raise InputError("no data is given, expected points or statistics that are supplied")
        if not isinstance(network, Network) and not groups:
            made = Centering.on(_named(data), statistics, scale, offset)
            network, is_centered = read_centered(network, data, made, logits=logits)
            if is_centered:
                return replace(network, sigma_policy=_policy(network, scale))
        network = as_network(network)
        rule = _Rule(scale, offset, statistics, None)
        features = _read(data, network.num_inputs)
    else:
        network = as_network(network)
        if data is not None or groups:
            raise InputError("statistics are supplied, expected neither data nor channels")
        rule = _Rule(scale, offset, "batch", _supplied(statistics, network))
        features = []
    blocks = _centered(network, features, rule, _groups(groups, network))
    layers = [layer for block in blocks for layer in block]
    return Network(
        (*layers, network.layers[-1]), _policy(network, scale), network.num_inputs, network.units
    )


def _policy(network: Network, scale: bool) -> str:
    """Return the sigma policy of a network once it is centred.

    Centering brings no sigma in, and takes none out that is, or may be, in the parameters.
    """
    kept = "none" if network.sigma_policy == "no-bn" else network.sigma_policy
    return "rounded" if scale else kept


@dataclass(frozen=True)
class _Rule:
    """How units are normalized: ``supplied`` are mean and variance of each, None those of data."""

    scale: bool
    eps: Fraction
    divisor: str
    supplied: Sequence[tuple[Fraction, Fraction]] | None

    def moments(self, unit: int, values: Sequence[Values], where: str) -> tuple[Fraction, Fraction]:
        """Return mean and sigma of a unit, whose channel has these values; sigma 1 if unscaled."""
        if self.supplied is not None:
            mean, variance = self.supplied[unit]
            return mean, rounded_sigma(variance, self.eps, where) if self.scale else Fraction(1)
        joined = Values.joined(values)
        mean = joined.mean()
        if not self.scale:
            return mean, Fraction(1)
        variance = joined.shifted(-mean).variance(self.divisor)
        return mean, rounded_sigma(variance, self.eps, where)


def _centered(
    network: Network, features: list[Values], rule: _Rule, channel_of: Mapping[int, tuple[int, ...]]
) -> Iterator[list[Layer]]:
    """Yield the hidden layers, normalized, block by block."""
    stays = _contests(network)
    first = 0
    for block in network.blocks[:-1]:
        products = [] if rule.supplied is not None else list(_products(block, features))
        known: dict[tuple[int, ...], tuple[Fraction, Fraction]] = {}
        layers, unit = [], block.first
        for index, layer in enumerate(block.layers, first):
            rows, biases = [], []
            for k, (row, bias, slope) in enumerate(
                zip(layer.weight, layer.bias, layer.slopes, strict=True)
            ):
                mean, sigma = -bias, Fraction(1)
                if unit not in stays:
                    channel = channel_of.get(unit, (unit,))
                    if channel not in known:
                        own = [products[other - block.first] for other in channel if products]
                        where = f"BatchNorm {index}, unit {k}"
                        known[channel] = rule.moments(unit, own, where)
                    mean, sigma = known[channel]
                rows.append(row if sigma == 1 else tuple(w / sigma for w in row))
                biases.append(-mean / sigma)
                if products:
                    value = products[unit - block.first].shifted(-mean)
                    value = value if sigma == 1 else value.divided(sigma)
                    features.append(value.activated(slope))
                unit += 1
            layers.append(Layer(tuple(rows), tuple(biases), layer.slopes, layer.reads))
        first += len(block.layers)
        yield layers


def _contests(network: Network) -> frozenset[int]:
    """Return the units of maxima, which compare what they are given and are not normalized.

    A clip of W h + b to [lo, hi] is known by its thresholds lo - b and hi - b of W h alone. Once
    it is normalized they are mu + sigma lo and mu + sigma hi, and many lo have the same lo - b.
    """
    clip = next((unit for unit in network.units if isinstance(unit, Clip)), None)
    if clip is not None:
        raise InputError(
            f"the network has clips, whose zero its units do not say: of that of units {clip.low} "
            f"and {clip.high} both ends less the bias are known, and not the bias; give center the "
            "module or the .onnx file that it is read from"
        )
    maxima = [unit for unit in network.units if not isinstance(unit, int)]
    return frozenset(unit for known in maxima for unit in members_of(known))


def _numbered(channels: object) -> list[tuple[int, ...]]:
    """Return the units of each channel as integers."""
    try:
        return [tuple(map(to_index, group)) for group in channels]  # type: ignore[attr-defined]
    except TypeError:
        raise InputError(
            f"the channels are {channels!r:.60}, expected a list of lists of hidden units by number"
        ) from None


def _groups(
    channels: Sequence[tuple[int, ...]], network: Network
) -> Mapping[int, tuple[int, ...]]:
    """Return the channel of each unit that is in one, after a look at what they are made of."""
    channel_of: dict[int, tuple[int, ...]] = {}
    ends = [(block.first, block.first + block.width) for block in network.blocks[:-1]]
    stays = _contests(network) if channels else frozenset()
    for channel in channels:
        if not any(all(a <= unit < b for unit in channel) for a, b in ends) or not channel:
            raise InputError(
                f"the units {list(channel)[:8]} of a channel do not stand in one block of the "
                f"network, expected numbers from 0 to {network.num_hidden - 1} of one block"
            )
        for unit in channel:
            if unit in channel_of or unit in stays:
                raise InputError(f"unit {unit} stands in two channels, or belongs to a maximum")
            channel_of[unit] = channel
    return channel_of


def _supplied(
    given: Sequence[LayerStatistics], network: Network
) -> list[tuple[Fraction, Fraction]]:
    """Return mean and variance of each hidden unit, as they are supplied layer by layer."""
    widths = [layer.num_neurons for layer in network.hidden]
    is_list = isinstance(given, Sequence)
    if not is_list or not all(isinstance(part, LayerStatistics) for part in given):
        raise InputError(
            f"the statistics are {given!r:.60}, expected 'batch', 'unbiased' or one "
            "LayerStatistics a hidden layer"
        )
    if [len(part.mean) for part in given] != widths or any(
        len(part.variance) != len(part.mean) for part in given
    ):
        raise DimensionError(
            f"statistics are supplied for layers of {[len(part.mean) for part in given]} units, "
            f"expected {widths} as the network has hidden layers"
        )
    pairs = [pair for part in given for pair in zip(part.mean, part.variance, strict=True)]
    for unit, (_, variance) in enumerate(pairs):
        if variance < 0:
            raise InputError(f"unit {unit}: variance is {to_text(variance)}, expected >= 0")
    return pairs


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
    points = to_points(data)
    columns = []
    for j, unit in enumerate(columns_of(points)):
        sigma = sqrt_rounded(unit.variance())
        if sigma == 0:
            label = repr(names[j]) if names is not None else str(j)
            raise DegenerateError(
                f"data column {label} is constant ({to_text(points[0][j])}), so its scale is "
                "undefined; drop the column"
            )
        unit = unit.shifted(-unit.mean()).divided(sigma)
        columns.append(unit.fractions())
    return tuple(zip(*columns, strict=True))


def _read(data: Iterable[Iterable[object]], d: int) -> list[Values]:
    """Return the coordinates of N points, each as the values of a feature."""
    points = _named(data)
    if len(points[0]) != d:
        raise DimensionError(
            f"the data has {counted(len(points[0]), 'column')}, expected {d} "
            "as the network has inputs"
        )
    return columns_of(points)


def _named(data: object) -> Matrix:
    """Return points; the name of a file is none."""
    if isinstance(data, (str, PathLike)):
        raise InputError(
            f"the data is the name {str(data)[:60]!r}, expected a sequence of points; read a CSV "
            "file with numpy.loadtxt(name, delimiter=',', skiprows=1)"
        )
    return to_points(data)


def _products(block: Block, features: Sequence[Values]) -> Iterator[Values]:
    """Yield W h of the units of a block, of features so far."""
    known = list(features)
    for layer, reads in zip(block.layers, block.reads, strict=True):
        yield from Batch.of([known[f - 1] for f in reads]).through(layer.weight)

"""What normalization is in a stored network, and how far it is from the ideal one. Exact.

*As stored* and *ideally centred* are two networks (decision 0001). The ideal one has, in every
normalization, the exact mean and the exact biased variance of a batch; where a file knows of no
normalization, its hidden units are centred. Their hyperplanes differ by what a running average or
the rounding of a framework has left, and so do their regions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from typing import Any

from exactbn.engines.run import Budget
from exactbn.errors import InputError, LimitError
from exactbn.exact.normalization import Normalization
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.batchnorm import LayerStatistics, center, statistics
from exactbn.model.domain import Box
from exactbn.model.files import load_with
from exactbn.model.network import Network
from exactbn.output import as_path
from exactbn.readers.statistics import Observed, Seen, Statistics
from exactbn.regions.partitioning import Partition, partition


@dataclass(frozen=True)
class Channel:
    """One channel of a stored normalization; ``mean``, ``biased``, ``unbiased`` are the batch's.

    ``unbiased`` is None for a batch of one value; all three are None where there is no batch.
    """

    normalization: Normalization
    index: int
    mean: Fraction | None = None
    biased: Fraction | None = None
    unbiased: Fraction | None = None

    @property
    def stored_variance(self) -> Fraction:
        """Return the variance that is stored."""
        return self.normalization.variance[self.index]

    @property
    def which(self) -> str | None:
        """Return the batch's variance that the stored one is, or is nearer to, or "neither".

        It is near to one where it is off by at most half of what lies between the two: a moving
        average of variances of other batches is neither.

        >>> norm = Normalization("n", (Fraction(0),), (Fraction(2),), None, None, Fraction(0))
        >>> Channel(norm, 0, Fraction(0), Fraction(1), Fraction(2)).which
        'unbiased'
        >>> Channel(norm, 0, Fraction(0), Fraction(3, 2), Fraction(3)).which
        'nearer to biased'
        >>> Channel(norm, 0, Fraction(0), Fraction(3), Fraction(4)).which
        'neither'
        """
        if self.biased is None:
            return None
        off = abs(self.stored_variance - self.biased)
        if self.unbiased is None or self.biased == self.unbiased:
            return "biased" if off == 0 else "neither"
        other = abs(self.stored_variance - self.unbiased)
        name = "biased" if off < other else "unbiased" if other < off else "biased and unbiased"
        if min(off, other) > abs(self.biased - self.unbiased) / 2:
            return "neither"
        return name if 0 in (off, other) else f"nearer to {name}"


@dataclass(frozen=True)
class Hyperplane:
    """One hidden unit: the zeros of weights . features + bias; ``reads`` names the features.

    Features are numbered as in the network, inputs first. ``mean`` is the batch mean of the
    preactivation as stored, ``variance`` the biased one, ``ideal`` the mean in the ideal network;
    None where there is no batch.
    """

    layer: int
    unit: int
    reads: tuple[int, ...]
    weights: Vector
    bias: Fraction
    mean: Fraction | None = None
    variance: Fraction | None = None
    ideal: Fraction | None = None

    @property
    def gap(self) -> Fraction | None:
        """Return how far the batch mean is from where it ideally is."""
        return None if self.mean is None or self.ideal is None else self.mean - self.ideal


@dataclass(frozen=True)
class Regions:
    """The regions as stored and of the ideal network in one box, and how many patterns are both's.

    ``stopped`` says why they are not known.
    """

    box: Box
    stored: int | None = None
    ideal: int | None = None
    common: int | None = None
    stopped: str | None = None


@dataclass(frozen=True)
class Explanation:
    """What normalization is in a network; without data only what is stored."""

    network: Network
    channels: tuple[Channel, ...]
    hyperplanes: tuple[Hyperplane, ...]
    ideal: Network | None = None
    no_ideal: str | None = None
    regions: Regions | None = None


def explain(
    path: str | PathLike[str],
    data: Matrix | None = None,
    *,
    slope: object = None,
    logits: bool = False,
    box: Box | None = None,
    max_regions: int | None = None,
    max_seconds: float | None = None,
) -> Explanation:
    """Return what normalization is in the network of a file, with data against the ideal one.

    Parameters
    ----------
    path : path
        A network file. Normalizations are told by ``.pt``, ``.safetensors`` and ``.onnx``.
    data : points, optional
        Shape (N, d), exact: the batch.
    slope : number, or a sequence of numbers
        The activations' slope, for files that do not say it.
    logits : bool
        Whether a Softmax or Sigmoid at the end of an ``.onnx`` model is left out.
    box : Box
        Where regions are counted; by default that of the data, a quarter of each side wider.
    max_regions, max_seconds : numbers, optional
        The budget of each partition.
    """
    stored = Statistics("running", None if data is None else Observed(data))
    network = load_with(path, stored, slope=slope, logits=logits)
    channels = tuple(channel for seen in stored.seen for channel in _channels(seen))
    if data is None:
        return Explanation(network, channels, tuple(_hyperplanes(network)))
    try:
        how = {"slope": slope, "logits": logits}
        ideal = _ideal(path, network, data, how, has_norm=bool(stored.seen))
    except InputError as error:
        planes = tuple(_hyperplanes(network, statistics(network, data)))
        return Explanation(network, channels, planes, no_ideal=str(error))
    found = [statistics(net, data) for net in (network, ideal)]
    place = _wider(data) if box is None else box
    regions = _regions(network, ideal, place, Budget.asked(max_regions, max_seconds))
    planes = tuple(_hyperplanes(network, *found))
    return Explanation(network, channels, planes, ideal, None, regions)


def _ideal(
    path: str | PathLike[str],
    network: Network,
    data: Matrix,
    how: dict[str, Any],
    *,
    has_norm: bool,
) -> Network:
    """Return the network that is ideally normalized on the data."""
    if has_norm:
        return load_with(path, Statistics("batch", Observed(data)), **how)
    # An .onnx file knows its channels and its clips.
    is_onnx = as_path(path).suffix.lower() == ".onnx"
    return center(path if is_onnx else network, data, logits=is_onnx and how["logits"])


def _channels(seen: Seen) -> Iterator[Channel]:
    """Yield the channels of a normalization, with what the batch says of each."""
    for index in range(len(seen.stored.mean)):
        if not seen.channels:
            yield Channel(seen.stored, index)
            continue
        values = seen.channels[index]
        is_one = len(values.numerators) < 2
        yield Channel(
            seen.stored, index, values.mean(), values.variance(),
            None if is_one else values.variance("unbiased"),
        )  # fmt: skip


def _hyperplanes(
    network: Network,
    stored: tuple[LayerStatistics, ...] = (),
    ideal: tuple[LayerStatistics, ...] = (),
) -> Iterator[Hyperplane]:
    """Yield the hyperplanes of the hidden units, layer by layer."""
    index = 0
    for block in network.blocks[:-1]:
        for layer, reads in zip(block.layers, block.reads, strict=True):
            features = tuple(feature - 1 for feature in reads)
            for k, (row, bias) in enumerate(zip(layer.weight, layer.bias, strict=True)):
                yield Hyperplane(
                    index, k, features, row, bias,
                    stored[index].mean[k] if stored else None,
                    stored[index].variance[k] if stored else None,
                    ideal[index].mean[k] if ideal else None,
                )  # fmt: skip
            index += 1


def _wider(data: Matrix) -> Box:
    """Return the box of the data, a quarter of each side wider at both ends; 1 where it is flat."""
    columns = [(min(column), max(column)) for column in zip(*data, strict=True)]
    margins = [(hi - lo) / 4 or Fraction(1) for lo, hi in columns]
    lo = tuple(a - margin for (a, _), margin in zip(columns, margins, strict=True))
    return Box(lo, tuple(b + margin for (_, b), margin in zip(columns, margins, strict=True)))


def _regions(network: Network, ideal: Network, box: Box, budget: Budget) -> Regions:
    """Return the regions of both networks in a box, as far as the budget goes."""
    try:
        parts = [
            partition(net, box, max_regions=budget.max_regions, max_seconds=budget.max_seconds)
            for net in (network, ideal)
        ]
    except (LimitError, InputError) as error:
        return Regions(box, stopped=str(error))
    common = None
    if network.units == ideal.units and network.widths == ideal.widths:
        first, second = map(_patterns, parts)
        common = len(first & second)
    return Regions(box, parts[0].num_regions, parts[1].num_regions, common)


def _patterns(part: Partition) -> set[bytes]:
    """Return the patterns of a partition."""
    return {row.tobytes() for row in part.patterns}

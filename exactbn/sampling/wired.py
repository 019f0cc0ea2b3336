"""Which region holds a float point of a network that is no chain, with certainty.

Stages 3 and 4 of :mod:`exactbn.sampling.classify`: float64 with bounds of the single point, then
integers. Layers are gone through one after the other, a layer with several slopes as one layer
each; every feature is kept with the bound of its error, and a row gathers those that it reads. What
bounds the error of one row sum bounds it here, whatever layers its terms come from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.exact.rational import to_fraction
from exactbn.model.domain import Domain
from exactbn.model.network import Layer, Network
from exactbn.regions.location import Location
from exactbn.sampling.checked import CheckedPartition
from exactbn.sampling.classify import Classifier
from exactbn.sampling.floats import Floats, round_layer
from exactbn.sampling.running import RunningBounds, RunningLayer
from exactbn.sampling.stage import activate

# Points that are taken together; bounds the memory.
_BATCH = 1 << 12


@dataclass(frozen=True, eq=False)
class _Step:
    """Units of one layer and one slope: the columns that they read, the bias last, and theirs."""

    reads: torch.Tensor
    units: torch.Tensor
    layer: RunningLayer


@dataclass(frozen=True, eq=False)
class WiredClassifier:
    """Finds the regions of float points; results are those of :class:`.Classifier`."""

    network: Network
    location: Location
    steps: tuple[_Step, ...]
    chunk: int
    device: torch.device
    _known: dict[bytes, int] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, part: CheckedPartition, *, device: torch.device, chunk: int, factor: float
    ) -> "WiredClassifier":
        """Return the classifier of a partition of a box."""
        network = part.network
        location = Location(network, Domain.of(part.box), part.words, network.num_hidden)
        steps = tuple(_steps(network, device, factor))
        return cls(network, location, steps, chunk, device)

    @property
    def outside(self) -> int:
        """Return the result for points whose label is no region's."""
        return len(self.location.words)

    @property
    def on_boundary(self) -> int:
        """Return the result for points in the closure of two or more regions."""
        return len(self.location.words) + 1

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Return the shapes of the products, with a row for the biases."""
        return [(step.layer.weight.shape[0], step.layer.weight.shape[1]) for step in self.steps]

    def classify(self, points: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return the region of each point, int32, and how many had an uncertain float sign.

        ``points`` has shape (m, d + 1), the last column ones.
        """
        results, undecided = [torch.zeros(0, dtype=torch.int32, device=self.device)], 0
        for some in torch.split(points, _BATCH):
            signs, known = self.signs(some.to(torch.float64))
            rest = np.flatnonzero(~known)
            if len(rest):
                floats = some[torch.from_numpy(rest).to(self.device), :-1].cpu().tolist()
                signs[rest] = self.location.signs([tuple(map(to_fraction, x)) for x in floats])
            undecided += len(rest)
            rows, which = np.unique(signs, axis=0, return_inverse=True)
            found = np.array([self._region_at(row) for row in rows], dtype=np.int32)
            results.append(torch.from_numpy(found[which.ravel()]).to(self.device))
        return torch.cat(results), undecided

    def signs(self, points: torch.Tensor) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """Return the signs, shape (m, units), of float64 points, and of which all are known."""
        d, rows = self.network.num_inputs, len(points)
        shape = (rows, d + self.network.num_hidden + 1)
        h = torch.zeros(shape, dtype=torch.float64, device=self.device)
        error, signs = torch.zeros_like(h), torch.zeros_like(h)
        h[:, :d], h[:, -1] = points[:, :-1], 1.0
        known = torch.ones(rows, dtype=torch.bool, device=self.device)
        for step in self.steps:
            z, bound = step.layer.apply(h[:, step.reads], error[:, step.reads])
            positive, negative = z > bound, z < -bound
            signs[:, step.units] = positive.to(torch.float64) - negative.to(torch.float64)
            known &= (positive | negative | (bound == 0)).all(dim=1)
            activated = torch.empty_like(z)
            activate(z, step.layer.slope, activated)
            h[:, step.units] = activated
            error[:, step.units] = step.layer.activated_error(z, bound, negative)
        return signs[:, d:-1].to(torch.int8).cpu().numpy(), known.cpu().numpy()

    def _region_at(self, signs: NDArray[np.int8]) -> int:
        """Return the result for points of these signs."""
        key = signs.tobytes()
        if key not in self._known:
            matches = self.location.regions_at(signs).tolist()
            several = self.on_boundary if matches else self.outside
            self._known[key] = matches[0] if len(matches) == 1 else several
        return self._known[key]


def classifier_of(
    part: CheckedPartition,
    weights: Floats,
    bounds: tuple[Floats, Floats],
    *,
    dtype: str,
    device: torch.device,
    chunk: int,
    factor: float = 1.0,
) -> Classifier | WiredClassifier:
    """Return the classifier for points between the float ``bounds`` (lo, hi) of a partition's box.

    ``weights`` says which regions are large, ``factor`` multiplies all error bounds, for tests.
    """
    if not part.network.is_chain:
        return WiredClassifier.of(part, device=device, chunk=chunk, factor=factor)
    options: dict[str, Any] = {"dtype": dtype, "device": device, "chunk": chunk, "factor": factor}
    return Classifier.of(part.network, part.patterns, weights, bounds, **options)


def _steps(network: Network, device: torch.device, factor: float) -> Iterator[_Step]:
    """Yield the units of the hidden layers, those of one slope in a layer together."""
    start, count = 0, network.num_inputs
    ones = network.num_inputs + network.num_hidden  # the last column
    for layer in network.hidden:
        reads: Sequence[int] = range(start, count) if layer.reads is None else layer.reads
        for slope in dict.fromkeys(layer.slopes):
            rows = [k for k, own in enumerate(layer.slopes) if own == slope]
            weight = tuple(layer.weight[k] for k in rows)
            part = Layer(weight, tuple(layer.bias[k] for k in rows), slope)
            (running,) = RunningBounds.of(
                [round_layer(part)], device=device, factor=factor
            ).layers
            columns = torch.tensor([*reads, ones], device=device)
            yield _Step(columns, torch.tensor(rows, device=device) + count, running)
        start, count = count, count + layer.num_neurons

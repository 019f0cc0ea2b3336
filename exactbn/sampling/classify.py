"""Which region holds a float point, with certainty.

Four stages, each for what the one before leaves undecided:

1. floats of the sampling type against the static bounds of :mod:`exactbn.sampling.floats`;
2. the same in float64;
3. float64 with bounds of the single point, which also recognise most exact zeros;
4. integers, through :class:`exactbn.model.evaluation.IntegerNetwork`.

A point is the dyadic rational that it is. It is in a region where its strict signs are those of
the region's pattern. Where preactivations are exactly zero the point lies in the closure of those
regions whose pattern agrees on all others: one such region holds it (there the preactivation
vanishes on the whole region), two or more have it on their common boundary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.model.evaluation import homogeneous
from exactbn.model.network import Network
from exactbn.sampling.floats import FilteredLayer, Floats, round_layers, static_filter
from exactbn.sampling.lookup import RegionTable, certain_mask, pack_signs
from exactbn.sampling.running import RunningBounds
from exactbn.sampling.stage import FloatStage

# Points that stages 2 and 3, and stage 4, take together; bounds their memory.
_BATCH = {2: 1 << 12, 4: 1 << 9}


@dataclass(frozen=True, eq=False)
class Classifier:
    """Finds the regions of float points on one device.

    Results are region numbers, or :attr:`outside` where the pattern is not among the regions', or
    :attr:`on_boundary` where the point is in the closure of more than one region.
    """

    network: Network
    table: RegionTable
    first: FloatStage
    second: FloatStage
    third: RunningBounds
    filtered: tuple[FilteredLayer, ...]
    patterns: NDArray[np.uint8]
    weights: NDArray[np.float64]
    device: torch.device
    _known: dict[bytes, int] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls,
        network: Network,
        patterns: NDArray[np.uint8],
        weights: NDArray[np.float64],
        bounds: tuple[Floats, Floats],
        *,
        dtype: str,
        device: torch.device,
        chunk: int,
        factor: float = 1.0,
    ) -> "Classifier":
        """Return the classifier for points between the float ``bounds`` (lo, hi).

        ``patterns`` has shape (regions, neurons), ``weights`` (regions,) says which regions are
        large. ``factor`` multiplies all error bounds, for tests.
        """
        layers = round_layers(network.chained("the classifier of codes"))

        def filtered(dtype: str) -> tuple[FilteredLayer, ...]:
            return static_filter(layers, *bounds, dtype=dtype, factor=factor)

        first = filtered(dtype)
        again = first if dtype == "float64" else filtered("float64")

        return cls(
            network,
            RegionTable.of(patterns, weights, device),
            FloatStage.of(first, dtype=dtype, device=device, chunk=chunk),
            FloatStage.of(again, dtype="float64", device=device, chunk=_BATCH[2]),
            RunningBounds.of(layers, device=device, factor=factor),
            first,
            np.ascontiguousarray(patterns, dtype=np.uint8),
            weights,
            device,
        )

    @property
    def outside(self) -> int:
        """Return the result for points whose pattern is no region's."""
        return self.table.regions

    @property
    def on_boundary(self) -> int:
        """Return the result for points in the closure of two or more regions."""
        return self.table.regions + 1

    @property
    def chunk(self) -> int:
        """Return how many points go through the layers together."""
        return self.first.chunk

    @property
    def shapes(self) -> list[torch.Size]:
        """Return the shapes of the products, with a row for the biases."""
        return [weight.shape for weight in self.first.weights]

    def classify(self, points: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return the region of each point, int32, and how many had an uncertain float sign.

        ``points`` has shape (m, d + 1), the last column ones.
        """
        codes = self.first.codes(points)
        regions, missed = self.table.look_up(codes)
        if len(missed):
            regions[missed], undecided = self.resolve(points[missed], codes[missed])
            return regions, undecided
        return regions, 0

    def resolve(self, points: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return the regions of points that the first look into the table did not find.

        ``codes`` are those of the first stage; also returned is how many of them are uncertain.
        """
        result = self.table.look_on(codes)
        rest = torch.nonzero(~self._are_certain(codes)).flatten()
        for batch in _batches(rest, _BATCH[2]):
            result[batch] = self._resolve_double(points[batch].to(torch.float64))
        return result, len(rest)

    def _resolve_double(self, points: torch.Tensor) -> torch.Tensor:
        """Return the regions by stage 2 and what follows."""
        codes = self.second.codes(points)
        result = self.table.look_on(codes)
        rest = torch.nonzero(~self._are_certain(codes)).flatten()
        if len(rest):
            result[rest] = self.resolve_signs(points[rest])
        return result

    def resolve_signs(self, points: torch.Tensor) -> torch.Tensor:
        """Return the regions by stages 3 and 4, which give all signs, zeros included.

        ``points`` are float64 rows, the last column ones.
        """
        signs, known = self.third.signs(points)
        rest = torch.nonzero(~known).flatten()
        for batch in _batches(rest, _BATCH[4]):
            signs[batch] = self._exact_signs(points[batch, :-1]).to(self.device)
        result = torch.empty(len(points), dtype=torch.int32, device=self.device)
        touches = (signs == 0).any(dim=1)
        strict = torch.nonzero(~touches).flatten()
        if len(strict):
            result[strict] = self.table.look_on(pack_signs(signs[strict]))
        touching = torch.nonzero(touches).flatten()
        if len(touching):
            rows, which = np.unique(signs[touching].cpu().numpy(), axis=0, return_inverse=True)
            found = np.array([self._region_at(row) for row in rows], dtype=np.int32)
            result[touching] = torch.from_numpy(found[which.ravel()]).to(self.device)
        return result

    def _are_certain(self, codes: torch.Tensor) -> torch.Tensor:
        """Return for which codes, shape (m, words / 2), every sign is certain."""
        shift, mask = certain_mask(self.network.num_hidden, self.device)
        asked = (codes.view(torch.int32) + shift) & mask
        return (asked == mask).all(dim=1)

    def _exact_signs(self, x: torch.Tensor) -> torch.Tensor:
        return exact_signs(self.network, x)

    def _region_at(self, signs: NDArray[np.int32]) -> int:
        """Return the result for a point some of whose signs are zero."""
        key = signs.astype(np.int8).tobytes()
        if key not in self._known:
            strict = signs != 0
            agree = np.all(self.patterns[:, strict] == (signs[strict] > 0), axis=1)
            candidates = np.flatnonzero(agree).tolist()
            if len(candidates) > 1:
                self._known[key] = self.on_boundary
            else:
                self._known[key] = candidates[0] if candidates else self.outside
        return self._known[key]


def exact_signs(network: Network, x: torch.Tensor) -> torch.Tensor:
    """Return the signs, int32, shape (m, neurons), of float points, shape (m, d), in integers."""
    points = [tuple(Fraction(t) for t in point) for point in x.cpu().tolist()]
    values = network.integers.preactivations(homogeneous(points), len(network.widths) - 1)
    signs = [[(t > 0) - (t < 0) for t in z.entries()] for z in values]
    layers = [np.array(entries, dtype=np.int32).reshape(-1, len(points)) for entries in signs]
    return torch.from_numpy(np.ascontiguousarray(np.vstack(layers).T))


def _batches(rows: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Yield the entries of ``rows``, at most ``size`` at a time; nothing where there are none."""
    for start in range(0, len(rows), size):
        yield rows[start: start + size]

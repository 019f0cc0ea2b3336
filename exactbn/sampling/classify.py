"""Which region holds a float point, with certainty.

Three stages, each for what the one before leaves undecided:

1. floats of the sampling type against the static bounds of :mod:`exactbn.sampling.floats`;
2. float64 with bounds computed point by point, which also recognise most exact zeros;
3. integers, through :class:`exactbn.evaluation.IntegerNetwork`.

A point is the dyadic rational that it is. It is in a region where its strict signs are those of
the region's pattern. Where preactivations are exactly zero the point lies in the closure of those
regions whose pattern agrees on all others: one such region holds it (there the preactivation
vanishes on the whole region), two or more have it on their common boundary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.evaluation import IntegerNetwork, homogeneous
from exactbn.network import Network
from exactbn.sampling.floats import Floats, round_layers, static_filter
from exactbn.sampling.lookup import (
    DIGITS,
    RegionTable,
    certain_mask,
    num_words,
    pack_buffers,
    pack_digits,
    pack_signs,
)

DTYPES = {"float32": torch.float32, "float64": torch.float64}
_UNIT = 2.0**-53
_LEAST_NORMAL = 2.0**-1022
# Rows of the float buffers start at multiples of this many entries.
_ALIGNMENT = 16
# Points per product of integer matrices; bounds the memory of stage 3.
_EXACT_BATCH = 512


@contextmanager
def ieee_products() -> Iterator[None]:
    """Keep matrix products in full float32 within the block, and put the settings back.

    TF32 and bfloat16 products would break the error bounds.
    """
    settings = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    before = [setting.fp32_precision for setting in settings]
    for setting in settings:
        setting.fp32_precision = "ieee"
    try:
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


@dataclass(frozen=True)
class _DeviceLayer:
    """A scaled layer on the device: ``weight`` of shape (m + 1, n), the bias in the last row."""

    weight: torch.Tensor
    slope: float


@dataclass(frozen=True)
class _RunningLayer:
    """A layer for stage 2: values, absolute values, errors and pattern of the weights."""

    weight: torch.Tensor
    size: torch.Tensor
    error: torch.Tensor
    nonzero: torch.Tensor
    slope: float
    slope_error: float


@dataclass(frozen=True)
class _Workspace:
    """Buffers for up to ``rows`` points: nothing is allocated from chunk to chunk.

    ``z`` holds the preactivations of all neurons in layer order, its last columns 0 to a multiple
    of 16 a word; ``h`` the activations of each layer but the last, with a column of ones.
    """

    rows: int
    z: torch.Tensor
    h: tuple[torch.Tensor, ...]
    digits: torch.Tensor
    halves: tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Classifier:
    """Finds the regions of float points on one device.

    Results are region numbers, ``outside`` where the pattern is not among the regions', and
    ``on_boundary`` where the point is in the closure of more than one region.
    """

    network: Network
    table: RegionTable
    layers: tuple[_DeviceLayer, ...]
    running: tuple[_RunningLayer, ...]
    integers: IntegerNetwork
    patterns: NDArray[np.uint8]
    dtype: str
    device: torch.device
    factor: float
    _candidates: dict[bytes, int] = field(default_factory=dict, compare=False)

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
        factor: float = 1.0,
    ) -> "Classifier":
        """Return the classifier for points between the float ``bounds`` (lo, hi).

        ``patterns`` has shape (regions, neurons), ``weights`` (regions,) says which regions are
        large. ``factor`` multiplies all error bounds, for tests.
        """
        rounded = round_layers(network)

        def tensor(array: NDArray[np.float64] | NDArray[np.bool_]) -> torch.Tensor:
            return torch.tensor(array.T.astype(np.float64), device=device)

        return cls(
            network,
            RegionTable.of(patterns, weights, device),
            tuple(
                _DeviceLayer(tensor(layer.weight).to(DTYPES[dtype]), layer.slope)
                for layer in static_filter(rounded, *bounds, dtype=dtype, factor=factor)
            ),
            tuple(
                _RunningLayer(
                    tensor(layer.weight),
                    tensor(np.abs(layer.weight)),
                    tensor(layer.error),
                    tensor((layer.weight != 0) | (layer.error != 0)),
                    layer.slope,
                    layer.slope_error,
                )
                for layer in rounded
            ),
            IntegerNetwork.of(network.layers),
            np.ascontiguousarray(patterns, dtype=np.uint8),
            dtype,
            device,
            factor,
        )

    @property
    def outside(self) -> int:
        """Return the result for points whose pattern is no region's."""
        return self.table.regions

    @property
    def on_boundary(self) -> int:
        """Return the result for points in the closure of two or more regions."""
        return self.table.regions + 1

    def workspace(self, rows: int) -> _Workspace:
        """Return buffers for chunks of up to ``rows`` points."""
        dtype, device = DTYPES[self.dtype], self.device
        words = num_words(self.network.num_hidden)
        z = torch.zeros((rows, words * DIGITS), dtype=dtype, device=device)
        activations = []
        for width in self.network.widths[:-1]:
            columns = -(-(width + 1) // _ALIGNMENT) * _ALIGNMENT
            h = torch.zeros((rows, columns), dtype=dtype, device=device)[:, : width + 1]
            h[:, width] = 1.0
            activations.append(h)
        digits = z.view(torch.int32) if dtype == torch.float32 else z.to(torch.int32)
        return _Workspace(rows, z, tuple(activations), digits, pack_buffers(rows, words, device))

    def codes(self, points: torch.Tensor, space: _Workspace) -> torch.Tensor:
        """Return the codes of points, shape (m, words / 2), int64; overwritten by the next call.

        ``points`` has shape (m, d + 1), the last column ones. Stage 1: a float is of certain sign
        where the top exponent bit says that it is at least 2 in absolute value, so the upper two
        bits are the digit.
        """
        rows = len(points)
        z = space.z[:rows]
        h, column = points, 0
        for index, layer in enumerate(self.layers):
            width = layer.weight.shape[1]
            values = z[:, column : column + width]
            torch.mm(h, layer.weight, out=values)
            column += width
            if index < len(space.h):
                h = space.h[index][:rows]
                _activate(values, layer.slope, h[:, :width])
        digits = space.digits[:rows]
        if self.dtype == "float32":
            digits.bitwise_right_shift_(30)
        else:
            digits.copy_(z.view(torch.int64).bitwise_right_shift_(62))
        halves = tuple(half[:rows] for half in space.halves)
        return pack_digits(digits, halves).view(torch.int64)

    def is_certain(self, codes: torch.Tensor) -> torch.Tensor:
        """Return for which codes, shape (m, words / 2), every sign is certain."""
        shift, mask = certain_mask(self.network.num_hidden, self.device)
        asked = (codes.view(torch.int32) + shift) & mask
        return (asked == mask).all(dim=1)

    def resolve(self, points: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Return the regions of points not found at once, and how many had an uncertain sign.

        ``points`` has shape (m, d + 1) as for :meth:`codes`, whose result is ``codes``.
        """
        result = self.table.look_on(codes)
        undecided = torch.nonzero(~self.is_certain(codes)).flatten()
        if len(undecided):
            x = points[undecided, :-1].to(torch.float64)
            result[undecided] = self.classify_exactly(x)
        return result, len(undecided)

    def classify(self, points: torch.Tensor, space: _Workspace) -> tuple[torch.Tensor, int]:
        """Return the region of each point, int32, and how many had an uncertain float sign."""
        codes = self.codes(points, space)
        regions, found = self.table.look_up(codes)
        rest = torch.nonzero(~found).flatten()
        if not len(rest):
            return regions, 0
        regions[rest], undecided = self.resolve(points[rest], codes[rest])
        return regions, undecided

    def classify_exactly(self, x: torch.Tensor) -> torch.Tensor:
        """Return the regions of float64 points, shape (m, d), by stages 2 and 3."""
        signs, known = self._running_signs(x)
        rest = torch.nonzero(~known.all(dim=1)).flatten()
        if len(rest):
            signs[rest] = self._exact_signs(x[rest]).to(self.device)
        result = torch.empty(len(x), dtype=torch.int32, device=self.device)
        zero = (signs == 0).any(dim=1)
        strict = torch.nonzero(~zero).flatten()
        if len(strict):
            codes = pack_signs(signs[strict]).contiguous().view(torch.int64)
            result[strict] = self.table.look_on(codes)
        touching = torch.nonzero(zero).flatten()
        if len(touching):
            found = [self._region_at(row) for row in signs[touching].cpu().numpy()]
            result[touching] = torch.tensor(found, dtype=torch.int32, device=self.device)
        return result

    def _running_signs(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (signs, known), shape (m, neurons): stage 2.

        The bounds are those of the static filter with the point's own |h| in place of the
        interval bounds. A neuron that is certainly off, with slope 0, passes on an exact 0; a sum
        without any term that is not 0 has bound 0 and is exactly 0.
        """
        ones = torch.ones((len(x), 1), dtype=torch.float64, device=self.device)
        h, error = torch.hstack((x, ones)), torch.zeros_like(torch.hstack((x, ones)))
        signs, known = [], []
        for layer in self.running:
            z, size = h @ layer.weight, h.abs() @ layer.size
            terms = h.shape[1]
            gamma = terms * _UNIT / (1 - terms * _UNIT)
            touched = ((h != 0) | (error != 0)).to(torch.float64)
            tiny = 8 * (touched @ layer.nonzero) + 2 * (touched @ layer.size)
            bound = gamma * size + error @ layer.size + (h.abs() + error) @ layer.error
            bound = self.factor * (1 + 2.0**-30) * (bound + _LEAST_NORMAL * tiny)
            positive, negative = z > bound, z < -bound
            signs.append(positive.to(torch.int32) - negative.to(torch.int32))
            known.append(positive | negative | (bound == 0))
            slope, off = layer.slope, layer.slope_error
            activated = torch.empty_like(z)
            _activate(z, slope, activated)
            error = max(1.0, abs(slope) + off) * bound
            if slope not in (-1.0, 0.0, 1.0) or off:
                spread = (off + 2 * _UNIT * abs(slope)) * (z.abs() + bound)
                error = error + torch.where(bound == 0, bound, spread + 2 * _LEAST_NORMAL)
            elif slope == 0:
                error = error.masked_fill(negative, 0.0)
            error = (1 + 2.0**-30) * error
            h, error = torch.hstack((activated, ones)), torch.hstack((error, 0 * ones))
        if not signs:
            empty = torch.zeros((len(x), 0), dtype=torch.int32, device=self.device)
            return empty, empty.bool()
        return torch.hstack(signs), torch.hstack(known)

    def _exact_signs(self, x: torch.Tensor) -> torch.Tensor:
        """Return the signs, shape (m, neurons), in integers: stage 3."""
        rows = []
        last = len(self.network.hidden) - 1
        for batch in x.cpu().split(_EXACT_BATCH):
            points = [tuple(Fraction(t) for t in point) for point in batch.tolist()]
            values = self.integers.preactivations(homogeneous(points), last)
            rows.append(
                np.vstack(
                    [
                        np.array([(t > 0) - (t < 0) for t in z.entries()], dtype=np.int32).reshape(
                            z.nrows(), z.ncols()
                        )
                        for z in values
                    ]
                ).T
            )
        return torch.from_numpy(np.ascontiguousarray(np.vstack(rows)))

    def _region_at(self, signs: NDArray[np.int32]) -> int:
        """Return the result for a point some of whose signs are zero."""
        key = signs.astype(np.int8).tobytes()
        if key not in self._candidates:
            strict = signs != 0
            agree = self.patterns[:, strict] == (signs[strict] > 0)
            candidates = np.flatnonzero(agree.all(axis=1))
            self._candidates[key] = (
                self.outside
                if len(candidates) == 0
                else int(candidates[0]) if len(candidates) == 1 else self.on_boundary
            )
        return self._candidates[key]


def _activate(z: torch.Tensor, slope: float, out: torch.Tensor) -> None:
    """Write max(z, 0) + slope min(z, 0) to ``out``."""
    if slope == 0:
        torch.clamp_min(z, 0.0, out=out)
    elif slope == -1:
        torch.abs(z, out=out)
    elif slope == 1:
        out.copy_(z)
    else:
        torch._C._nn.leaky_relu(z, slope, out=out)

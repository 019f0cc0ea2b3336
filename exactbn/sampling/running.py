"""Signs of preactivations in float64, with error bounds of the single point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from exactbn.sampling.floats import (
    BOUND_ROUNDING,
    LEAST_NORMAL,
    UNIT_ROUNDOFF,
    Floats,
    RoundedLayer,
    rounding_of_sum,
)
from exactbn.sampling.stage import activate

_UNIT = UNIT_ROUNDOFF["float64"]
_LEAST = LEAST_NORMAL["float64"]
# Where a partial sum overflows, sum |w h| >= 2^1023 and the bound is at least 2^-53 times that. So
# a bound below this proves that none did, and that no summand was infinite or not a number.
_PROVES_FINITE = 2.0**960


@dataclass(frozen=True, eq=False)
class RunningLayer:
    """One layer: ``weight`` of shape (m + 1, n), the bias last, and what its bounds need.

    The bound is ``terms`` applied to the row (|h|, e, [h or e is not 0]), see the module
    :mod:`exactbn.sampling.floats`; ``terms`` has shape (3 (m + 1), n).
    """

    weight: torch.Tensor
    terms: torch.Tensor
    slope: float
    slope_error: float

    def apply(self, h: torch.Tensor, error: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the float preactivations of rows ``h``, and bounds of their errors.

        ``error`` bounds those of ``h``. A bound is infinite where any number might be.
        """
        touched = ((h != 0) | (error != 0)).to(torch.float64)
        bound = BOUND_ROUNDING * (torch.hstack((h.abs(), error, touched)) @ self.terms)
        return h @ self.weight, torch.where(bound < _PROVES_FINITE, bound, torch.inf)

    def activated_error(
        self, z: torch.Tensor, bound: torch.Tensor, negative: torch.Tensor
    ) -> torch.Tensor:
        """Return bounds on the errors of the activations."""
        slope, off = self.slope, self.slope_error
        if slope == 0 and off == 0:
            return bound.masked_fill(negative, 0.0)
        error = BOUND_ROUNDING * max(1.0, abs(slope) + off) * bound
        if slope in (-1.0, 1.0) and off == 0:
            return error
        rounding = BOUND_ROUNDING * (off + _UNIT * abs(slope)) * (z.abs() + bound)
        return torch.where(bound == 0, bound, error + rounding + 2 * _LEAST)


@dataclass(frozen=True)
class RunningBounds:
    """The hidden layers for bounds that follow each point through the network."""

    layers: tuple[RunningLayer, ...]
    device: torch.device

    @classmethod
    def of(
        cls, layers: Sequence[RoundedLayer], *, device: torch.device, factor: float = 1.0
    ) -> "RunningBounds":
        """Return the layers on a device; ``factor`` multiplies the bounds, for tests."""

        def tensor(array: Floats) -> torch.Tensor:
            return torch.tensor(array.T, dtype=torch.float64, device=device).contiguous()

        running = []
        for layer in layers:
            size, count = np.abs(layer.weight), layer.weight.shape[1]
            gamma = rounding_of_sum(count, _UNIT)
            touched = (layer.weight != 0) | (layer.error != 0)
            # Infinite, or nan where infinity meets 0: never decided, as it must.
            with np.errstate(over="ignore", invalid="ignore"):
                terms = np.hstack(
                    [
                        BOUND_ROUNDING * (gamma * size + layer.error),
                        BOUND_ROUNDING * (size + layer.error),
                        _LEAST * (3.0 * touched + 2.0 * size),
                    ]
                )
                scaled = factor * terms
            running.append(
                RunningLayer(
                    tensor(layer.weight), tensor(scaled), layer.slope, layer.slope_error
                )
            )
        return cls(tuple(running), device)

    def signs(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the signs, int32, shape (m, neurons), and for which points all are known.

        ``points`` has shape (m, d + 1), the last column ones. A neuron that is certainly off,
        with slope 0, passes on an exact 0. A row sum without any term that is not 0 has bound 0
        and is exactly 0: so a preactivation that vanishes on a region is mostly known to.
        """
        ones = torch.ones((len(points), 1), dtype=torch.float64, device=self.device)
        h, error = points, torch.zeros_like(points)
        signs = [torch.zeros((len(points), 0), dtype=torch.int32, device=self.device)]
        known = torch.ones(len(points), dtype=torch.bool, device=self.device)
        for layer in self.layers:
            z, bound = layer.apply(h, error)
            positive, negative = z > bound, z < -bound
            signs.append(positive.to(torch.int32) - negative.to(torch.int32))
            known &= (positive | negative | (bound == 0)).all(dim=1)
            activated = torch.empty_like(z)
            activate(z, layer.slope, activated)
            spread = layer.activated_error(z, bound, negative)
            h, error = torch.hstack((activated, ones)), torch.hstack((spread, 0 * ones))
        return torch.hstack(signs), known

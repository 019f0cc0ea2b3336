"""Bounds of rounding hold, tell where a value is, and know every operation or say so."""

from fractions import Fraction as F
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from exactbn.errors import InputError, UnsupportedLayerError
from exactbn.model.network import Network
from exactbn.readers.tracing.rounding import rounding_bound
from tests.framework_agreement import NETS, check_model, check_module


@pytest.mark.parametrize("number", range(12))
def test_random_modules_are_within_their_bounds(number: int) -> None:
    ratio, bound = check_module(number, seed=1)
    assert ratio <= 1 and bound < 1e-10


class Everything(nn.Module):
    """One of each operation that the random modules have not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.1, -0.7], [0.3, 0.9]]))
        self.conv = nn.Conv1d(1, 2, 2, padding=1)
        self.norm = nn.BatchNorm1d(2)
        self.norm.running_mean.copy_(torch.tensor([0.3, -0.1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x @ self.weight + 0.1
        h = functional.relu(h, inplace=True) - 0.7 * x / 3
        h = torch.stack([h, 1 - h], 1).amax(1)
        h = torch.clamp(h, -0.1, 0.7) + torch.minimum(h, x).abs()
        h += functional.leaky_relu(x, 0.3)
        h = functional.pad(h, (1, 0), value=0.1)
        g = self.norm(self.conv(h.unsqueeze(1)))
        g = functional.max_pool1d(functional.avg_pool1d(g, 2), 2)
        parts = torch.cat([g.flatten(1), h.mean(1, keepdim=True), -h.sum(1, keepdim=True)], 1)
        return parts[:, :4].reshape(-1, 2, 2).permute(0, 2, 1).flatten(1)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_every_operation(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    module = Everything().to(kind).eval()
    network = Network.from_torch(module, torch.zeros(1, 2))
    for scale in (1e-3, 1, 1e6):
        x = scale * torch.randn(1, 2, dtype=kind)
        values, bounds = rounding_bound(module, x)
        for value, bound, exact in zip(values.tolist(), bounds.tolist(), network(x[0].tolist())):
            assert abs(F(value) - exact) <= F(bound)
            assert bound <= 1e3 * torch.finfo(kind).eps * max(scale, 1)


def test_a_bound_is_of_the_size_of_what_cancels() -> None:
    """(x + 2^60) - 2^60 loses x; the bound knows, and that of x alone is 0."""

    class Cancels(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([(x + 2.0**60) - 2.0**60, x, torch.relu(-x)], 1)

    x = torch.tensor([[3.0]], dtype=torch.float64)
    values, bounds = rounding_bound(Cancels(), x)
    assert values.tolist() == [0, 3, 0] and bounds[0] >= 3 and bounds[1:].tolist() == [0, 0]


def test_sums_differ_as_far_as_they_may() -> None:
    """1 + n u + ... one by one, each lost: within gamma_n, and not within gamma_1."""
    layer = nn.Linear(64, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(1)
    x = torch.full((1, 64), 2.0**-53, dtype=torch.float64)
    x[0, 0] = 1
    values, bounds = rounding_bound(layer.eval(), x)
    exact = Network.from_torch(layer)(x[0].tolist())[0]
    assert abs(F(values.item()) - exact) <= F(bounds.item()) <= F(80, 2**53)


def test_overflow_has_no_bound() -> None:
    module = nn.Linear(1, 1, dtype=torch.float32).eval()
    with torch.no_grad():
        module.weight.fill_(3e38)
    assert rounding_bound(module, torch.full((1, 1), 3e38))[1].tolist() == [float("inf")]


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(UnsupportedLayerError, match="no bound .* for the operation tanh"):
        rounding_bound(nn.Tanh(), torch.ones(1, 1))

    class ByName(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat(tensors=[x, x], dim=1)

    with pytest.raises(UnsupportedLayerError, match=r"for cat with tensors by name \(tensors\)"):
        rounding_bound(ByName(), torch.ones(1, 1))
    with pytest.raises(InputError, match="torch.float32, torch.float64, expected one"):
        rounding_bound(nn.Linear(1, 1).eval(), torch.ones(1, 1, dtype=torch.float64))


@pytest.mark.parametrize("name", ["batchnorm", "conv", "fc_2-2-3", "oneInput_twoBranches"])
def test_public_models_are_within_their_bounds(shared_folder: Path, name: str) -> None:
    pytest.importorskip("onnx")
    _, ratio, bound = check_model(NETS / f"{name}.onnx")
    assert ratio <= 1 and bound < 1e-3

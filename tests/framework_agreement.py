"""Exact values against frameworks: ``python -m tests.framework_agreement --modules 500 --nets``.

Random modules of torch, in float64, convolutional, pooling, residual and mixed ones, and the public
ONNX models in float32. The exact value of each output must lie within the bound of rounding that is
computed for that input; it must not be a bound that anything satisfies, so the ratio is told too.
"""

import argparse
import os
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn

from exactbn.errors import ExactBNError
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.readers.tracing.rounding import rounding_bound

NETS = Path(os.environ.get("EXACTBN_SHARED", Path(__file__).parents[2] / "shared")) / "nets"


class Sum(nn.Module):
    """Two ways of the same width, and what they give together."""

    def __init__(self, first: nn.Module, second: nn.Module, kind: str) -> None:
        super().__init__()
        self.first, self.second, self.kind = first, second, kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.first(x), self.second(x)
        if self.kind == "sum":
            return a + b
        if self.kind == "difference":
            return torch.sub(a, b, alpha=0.3) / 3
        return torch.maximum(a, b) if self.kind == "max" else torch.cat([a, b], 1)


def activation(random: Random, channels: int) -> nn.Module:
    """Return an activation, or none."""
    made = random.choice([
        nn.ReLU(), nn.ReLU(), nn.LeakyReLU(0.1), nn.PReLU(channels), nn.ReLU6(),
        nn.Hardtanh(-0.7, 0.3), nn.Identity(),
    ])  # fmt: skip
    return made


def random_module(random: Random) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a module with random statistics, in float64 and eval mode, and its input's shape."""
    torch.manual_seed(random.randrange(1 << 30))
    layers: list[nn.Module] = []
    if random.random() < 0.7:
        shape = channels, size, _ = (random.choice((1, 2)), *[random.choice((4, 5, 6))] * 2)
        for _ in range(random.choice((1, 1, 2))):
            wide = random.choice((1, 2, 3))
            pad = random.choice((0, 1))
            layers.append(nn.Conv2d(channels, wide, 2, padding=pad, bias=random.random() < 0.7))
            channels, size = wide, size - 1 + 2 * pad
            parts = [nn.BatchNorm2d(channels), activation(random, channels)]
            random.shuffle(parts)
            layers += parts[random.choice((0, 0, 1)) :]
            if size >= 4 and random.random() < 0.7:
                layers.append(random.choice((nn.MaxPool2d, nn.AvgPool2d))(2))
                size //= 2
        if random.random() < 0.2:
            layers.append(nn.AdaptiveAvgPool2d(1))
            size = 1
        layers.append(nn.Flatten())
        width = channels * size * size
    else:
        width = random.choice((2, 3, 5))
        shape = (width,)
    for _ in range(random.choice((1, 2))):
        wide = random.choice((2, 3, 4))
        layers += [nn.Linear(width, wide), activation(random, wide)]
        width = wide
        if random.random() < 0.5:
            inner = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU())
            kind = random.choice(("sum", "difference", "max", "join"))
            layers.append(Sum(inner, nn.Identity(), kind))
            width *= 1 + (kind == "join")
    module = nn.Sequential(*layers, nn.Linear(width, 2)).double().eval()
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.1, 3)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module, shape


def worst_ratio(values: list[float], radii: list[float], exact: tuple[Fraction, ...]) -> float:
    """Return the greatest share of its bound that a difference has; 1 is the bound itself."""
    ratios = []
    for value, radius, truth in zip(values, radii, exact, strict=True):
        off = abs(Fraction(value) - truth)
        if not np.isfinite(radius) or off > Fraction(radius):
            return float("inf")
        ratios.append(0.0 if off == 0 else float(off / Fraction(radius)))
    return max(ratios)


def check_module(number: int, seed: int = 0) -> tuple[float, float]:
    """Return the worst ratio of a random module at two inputs, and its greatest bound."""
    random = Random(f"{seed} {number}")
    module, shape = random_module(random)
    network = Network.from_torch(module, torch.zeros(1, *shape, dtype=torch.float64))
    ratio = greatest = 0.0
    for scale in (1, 10):
        x = scale * torch.randn(1, *shape, dtype=torch.float64)
        values, radii = rounding_bound(module, x)
        exact = network(x.flatten().tolist())
        ratio = max(ratio, worst_ratio(values.tolist(), radii.tolist(), exact))
        greatest = max(greatest, float((radii / (1 + values.abs())).max()))
    return ratio, greatest


def check_model(path: Path) -> tuple[str, float, float]:
    """Return the runtime, the worst ratio of an ONNX model at two inputs, its greatest bound."""
    import onnx
    from tests.onnx_bounds import bounds, traced_values

    network, made = load(path), onnx.load(path)
    constants = {t.name for t in made.graph.initializer}
    inputs = [t for t in made.graph.input if t.name not in constants]
    generator = np.random.default_rng(1)
    ratio = greatest = 0.0
    for scale in (1, 5):
        feeds = {
            t.name: (scale * generator.standard_normal(
                [max(d.dim_value, 1) for d in t.type.tensor_type.shape.dim]
            )).astype(np.float32)
            for t in inputs
        }  # fmt: skip
        kind, values = traced_values(made, feeds)
        radii = bounds(made, values)
        names = [t.name for t in made.graph.output]
        exact = network([t for v in feeds.values() for t in v.ravel().tolist()])
        found = [t for name in names for t in values[name].ravel().tolist()]
        limits = [t for name in names for t in radii[name].ravel().tolist()]
        ratio = max(ratio, worst_ratio(found, limits, exact))
        greatest = max(greatest, max(r / (1 + abs(v)) for r, v in zip(limits, found)))
    return kind, ratio, greatest


def main() -> int:
    """Check as many modules as are asked for, and all models, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nets", action="store_true", help="the public ONNX models, too")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    ratios, greatest = [], 0.0
    for number in range(options.modules):
        ratio, bound = check_module(number, options.seed)
        counts["within" if ratio <= 1 else "beyond"] += 1
        ratios.append(ratio)
        greatest = max(greatest, bound)
        if ratio > 1:
            print(f"module {number} of seed {options.seed} is beyond its bound", flush=True)
    if ratios:
        print(f"torch in float64: {counts['within']} of {options.modules} modules within their "
              f"bounds, at worst {max(ratios):.2g} of one; the greatest bound, relative to "
              f"1 + |value|, is {greatest:.2g}")  # fmt: skip
    for path in sorted(NETS.glob("*.onnx")) if options.nets else ():
        try:
            kind, ratio, bound = check_model(path)
        except ExactBNError as error:
            print(f"{path.name}: refused: {str(error).split(': ', 1)[1][:70]}")
            continue
        counts["within" if ratio <= 1 else "beyond"] += 1
        print(f"{path.name}: {kind} in float32, at worst {ratio:.2g} of its bound, {bound:.2g}",
              flush=True)  # fmt: skip
    return int(counts["beyond"] > 0)


if __name__ == "__main__":
    sys.exit(main())

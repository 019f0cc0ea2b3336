"""Train a network to the signed distance of a made shape, and write it to data/sdf.npz.

The shape is a ball and a cube beside it: the union of |x - (1/4, 0, 0)| <= 7/20 and
max |x + (3/10, 1/10, 0)| <= 3/10 in [-1, 1]^3. The network has eight hidden layers of 32 ReLU
units; 3000 steps of Adam on 1024 fresh points each, one thread, so that the same machine gives the
same weights. Needs torch alone.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

DEPTH, WIDTH, STEPS, POINTS = 8, 32, 3000, 1024


def distance(points: torch.Tensor) -> torch.Tensor:
    """Return the least of the two bodies' distances, negative inside (outside the cube a bound)."""
    ball = torch.linalg.norm(points - torch.tensor([0.25, 0, 0]), dim=1) - 0.35
    cube = (points + torch.tensor([0.3, 0.1, 0])).abs().amax(1) - 0.3
    return torch.minimum(ball, cube)


def main() -> None:
    """Train, and write the weights as float32: layer i is ``W{i}``, ``b{i}``."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sizes = [3, *[WIDTH] * DEPTH, 1]
    linear = [nn.Linear(m, n) for m, n in zip(sizes, sizes[1:], strict=False)]
    for layer in linear:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    modules = [module for layer in linear for module in (layer, nn.ReLU())]
    network = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(STEPS):
        points = torch.rand(POINTS, 3) * 2 - 1
        loss = (network(points)[:, 0] - distance(points)).abs().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    arrays = {}
    for i, layer in enumerate(linear):
        arrays[f"W{i}"] = layer.weight.detach().numpy()
        arrays[f"b{i}"] = layer.bias.detach().numpy()
    np.savez(Path(__file__).with_name("sdf.npz"), **arrays)
    print(f"mean error {loss.item():.4f}")


if __name__ == "__main__":
    main()

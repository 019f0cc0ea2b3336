"""Made images of digits, drawn by strokes from a seed, and a small LeNet that is trained on them.

They stand in for photographs of digits, so that a trained convolutional network can be measured
without a file that is not part of the project.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

#: Pixels of a side.
SIDE = 28
#: The ends of seven strokes in the unit square, like those of a calculator's digits.
_ENDS = np.array([
    [[0, 0], [1, 0]], [[0, 0], [0, 0.5]], [[1, 0], [1, 0.5]], [[0, 0.5], [1, 0.5]],
    [[0, 0.5], [0, 1]], [[1, 0.5], [1, 1]], [[0, 1], [1, 1]],
])  # fmt: skip
#: Which of them each digit has.
_STROKES = ("012456", "25", "02346", "02356", "1235", "01356", "013456", "025", "0123456", "012356")
#: How far from its middle a stroke is drawn, in pixels, and how far its ends are shifted.
_WIDTH, _SHIFT = 2.0, 1.0
#: How LeNet is trained: images, epochs, images of a batch, rate, momentum.
_IMAGES, _EPOCHS, _BATCH, _RATE, _MOMENTUM = 2000, 5, 50, 0.02, 0.9


def made_images(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return images of shape (count, 28, 28), values k/255 in [0, 1], and the digits on them.

    A digit has its strokes in a rectangle of random size and slant, their ends shifted at random;
    a pixel is the brighter the nearer it is to a stroke.
    """
    rng = np.random.default_rng(seed)
    digits = rng.integers(0, 10, count)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2)
    images = np.empty((count, SIDE, SIDE), dtype=np.float32)
    for image, digit in zip(images, digits, strict=True):
        ends = _ENDS[[int(k) for k in _STROKES[digit]]] * rng.uniform((9, 15), (12, 18))
        ends[..., 0] += (ends[..., 1] - 8) * rng.uniform(-0.3, 0.3)
        ends += rng.uniform(6, 9, 2) + rng.uniform(-_SHIFT, _SHIFT, ends.shape)
        start, along = ends[:, 0], ends[:, 1] - ends[:, 0]
        share = ((pixels - start) * along).sum(-1) / (along**2).sum(-1)
        nearest = start + np.clip(share, 0, 1)[..., None] * along
        distance = np.sqrt(((pixels - nearest) ** 2).sum(-1)).min(1)
        light = np.clip(_WIDTH - distance, 0, 1)
        image[:] = np.round(255 * light).reshape(SIDE, SIDE) / np.float32(255)
    return images, digits


def trained_lenet(seed: int = 0) -> "torch.nn.Sequential":
    """Return a network of two convolutions, trained for a few seconds on made images, in eval mode.

    Conv 6 of 5 x 5, ReLU, MaxPool 2, Conv 16 of 5 x 5, ReLU, MaxPool 2, Linear 120, 84, 10. On one
    machine a seed gives one network, as one thread trains it; another one's torch may add in
    another order.
    """
    import torch
    from torch import nn

    images, digits = made_images(_IMAGES, seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, 10),
        )  # fmt: skip
        x, y = torch.from_numpy(images)[:, None], torch.from_numpy(digits)
        # Stochastic gradient descent by hand: torch.optim takes seconds to import.
        speeds = [torch.zeros_like(p) for p in net.parameters()]
        for _ in range(_EPOCHS):
            order = torch.randperm(len(x))
            for start in range(0, len(x), _BATCH):
                batch = order[start : start + _BATCH]
                loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
                slopes = torch.autograd.grad(loss, list(net.parameters()))
                with torch.no_grad():
                    for p, speed, slope in zip(net.parameters(), speeds, slopes, strict=True):
                        speed.mul_(_MOMENTUM).sub_(_RATE * slope)
                        p.add_(speed)
    torch.set_num_threads(threads)
    return net.eval()

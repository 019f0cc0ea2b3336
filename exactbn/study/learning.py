"""Training of many small networks at once, and what they are as exact networks.

All seeds of one experiment are trained side by side, as slices of the same tensors, by plain
stochastic gradient descent; nothing passes between the slices. Batch normalization is spelled out,
so that its statistics may come from the mini-batch or from the whole training set.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from exactbn.exact.normalization import fold
from exactbn.exact.rational import Matrix
from exactbn.model.batchnorm import statistics
from exactbn.model.network import Layer, Network

if TYPE_CHECKING:
    import torch

#: A trained network without its normalization, and gamma and beta by layer.
Stored = tuple[Network, list[tuple[list[float], list[float]]]]

#: Added to the variance in training and after; a dyadic number near torch's default.
EPS = Fraction(1, 2**17)


@dataclass(frozen=True)
class Recipe:
    """How networks are trained.

    ``batch`` is the size of the mini-batches, None for the whole training set at once.
    ``is_normalized`` puts batch normalization with learned scale and shift before every
    activation; ``whole_statistics`` takes its statistics from the whole training set although the
    gradient is that of a mini-batch.
    """

    batch: int | None
    is_normalized: bool
    whole_statistics: bool = False
    steps: int = 1500
    rate: float = 0.02
    momentum: float = 0.9


@dataclass(frozen=True, eq=False)
class Model:
    """S networks of one shape: per layer weights (S, n, m), shifts (S, n), scales (S, n) or None.

    Without batch normalization the shifts are the biases; with it they are beta, and the scales
    gamma. The last layer is the output layer and has no normalization.
    """

    weights: "list[torch.Tensor]"
    shifts: "list[torch.Tensor]"
    scales: "list[torch.Tensor] | None" = None

    @property
    def parameters(self) -> "list[torch.Tensor]":
        """Return all tensors that are trained."""
        return [*self.weights, *self.shifts, *(self.scales or [])]


def model_of(networks: Sequence[Network], *, is_normalized: bool) -> Model:
    """Return the networks as tensors; with normalization gamma is 1 and hidden beta is 0."""
    import torch

    depth = len(networks[0].layers)
    weights, shifts = [], []
    for index in range(depth):
        layers = [network.layers[index] for network in networks]
        weights.append(torch.tensor([_floats(layer.weight) for layer in layers]))
        shifts.append(torch.tensor(_floats([layer.bias for layer in layers])))
    if not is_normalized:
        return Model(_trained(weights), _trained(shifts))
    hidden = [torch.zeros_like(shift) for shift in shifts[:-1]]
    scales = [torch.ones_like(shift) for shift in shifts[:-1]]
    return Model(_trained(weights), _trained([*hidden, shifts[-1]]), _trained(scales))


def train(
    model: Model,
    points: Matrix,
    labels: Sequence[int],
    recipe: Recipe,
    *,
    seed: int,
    checkpoints: Collection[int],
) -> Iterator[int]:
    """Train all networks of a model in place, and yield at each checkpoint the steps done.

    With one thread: the tensors are small, and threads would only wait for one another.
    The mini-batches are drawn without replacement, epoch by epoch, for each network by itself,
    from one generator: recipes of equal batch size see the same ones. A rest of an epoch that is
    smaller than a mini-batch is left out.
    """
    from exactbn.sampling.stage import one_thread

    with one_thread():
        yield from _train(model, points, labels, recipe, seed, checkpoints)


def _train(
    model: Model, points: Matrix, labels: Sequence[int], recipe: Recipe, seed: int,
    checkpoints: Collection[int],
) -> Iterator[int]:  # fmt: skip
    """Train with the threads that torch has."""
    import torch

    x = torch.tensor(_floats(points))
    y = torch.tensor([float(label) for label in labels])
    count, size = len(labels), recipe.batch or len(labels)
    seeds = len(model.weights[0])
    generator = torch.Generator().manual_seed(seed)
    # Momentum by hand: the optimizers of torch import its compiler, which takes seconds.
    parameters = model.parameters
    speeds = [torch.zeros_like(tensor) for tensor in parameters]
    everything = x.expand(seeds, count, x.shape[1])
    if 0 in checkpoints:
        yield 0
    order, place = torch.empty(0), count
    for step in range(1, recipe.steps + 1):
        if place + size > count:
            order = torch.rand(seeds, count, generator=generator).argsort(dim=1)
            place = 0
        chosen = order[:, place : place + size]
        place += size
        logits = _logits(model, x[chosen], everything if recipe.whole_statistics else None)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, y[chosen], reduction="none"
        )
        gradients = torch.autograd.grad(loss.mean(dim=1).sum(), parameters)
        with torch.no_grad():
            for tensor, speed, gradient in zip(parameters, speeds, gradients, strict=True):
                speed.mul_(recipe.momentum).add_(gradient)
                tensor.add_(speed, alpha=-recipe.rate)
        if step in checkpoints:
            yield step


def _logits(
    model: Model, x: "torch.Tensor", whole: "torch.Tensor | None" = None
) -> "torch.Tensor":
    """Return the outputs (S, N) at the points x (S, N, d).

    The statistics are those of ``x``, or of ``whole`` where it is given.
    """
    last = len(model.weights) - 1
    for index, (weight, shift) in enumerate(zip(model.weights, model.shifts, strict=True)):
        x = x @ weight.transpose(1, 2)
        if model.scales is None or index == last:
            x = x + shift[:, None]
        else:
            if whole is not None:
                whole = whole @ weight.transpose(1, 2)
            source = x if whole is None else whole
            mean = source.mean(dim=1, keepdim=True)
            variance = source.var(dim=1, keepdim=True, correction=0)
            factor = model.scales[index][:, None] / (variance + float(EPS)).sqrt()
            x = (x - mean) * factor + shift[:, None]
            if whole is not None:
                whole = ((whole - mean) * factor + shift[:, None]).relu()
        x = x if index == last else x.relu()
    return x[..., 0]


def losses(model: Model, points: Matrix, labels: Sequence[int]) -> list[float]:
    """Return the mean logistic loss of each network, with the statistics of all the points."""
    import torch

    x = torch.tensor(_floats(points)).expand(len(model.weights[0]), -1, -1)
    y = torch.tensor([float(label) for label in labels]).expand(len(x), -1)
    with torch.no_grad():
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            _logits(model, x), y, reduction="none"
        )
    return [float(t) for t in each.mean(dim=1)]


def stored(model: Model, index: int) -> Stored:
    """Return network ``index`` as it is stored, without normalization, and (gamma, beta) by layer.

    Without normalization the list is empty and the network is the trained one, exactly.
    """
    weights = [weight[index].tolist() for weight in model.weights]
    shifts = [shift[index].tolist() for shift in model.shifts]
    if model.scales is None:
        return Network.from_arrays(weights, shifts), []
    zeros = [[0] * len(shift) for shift in shifts[:-1]]
    scales = [scale[index].tolist() for scale in model.scales]
    network = Network.from_arrays(weights, [*zeros, shifts[-1]])
    return network, list(zip(scales, shifts[:-1], strict=True))


def normalized(
    network: Network, affine: Sequence[tuple[list[float], list[float]]], batch: Matrix
) -> Network:
    """Return the network with batch normalization on ``batch`` folded into its layers.

    Layer by layer: the statistics of the layers folded so far are exact, sigma is rounded to a
    float64, and the folded row and bias are stored as the nearest float64, exact from there on.
    Without that last rounding the numbers would grow tenfold with every layer.
    """
    layers = list(network.layers)
    for index, (gamma, beta) in enumerate(affine):
        layer = layers[index]
        found = statistics(Network((*layers[: index + 1], _end(layer))), batch)[index]
        rows, bias = fold(
            layer.weight, layer.bias, found.mean, found.variance,
            gamma=gamma, beta=beta, eps=EPS, name=f"BatchNorm {index}",
        )  # fmt: skip
        weight = tuple(tuple(Fraction(float(t)) for t in row) for row in rows)
        layers[index] = replace(layer, weight=weight, bias=tuple(Fraction(float(t)) for t in bias))
    return Network(tuple(layers), "rounded" if affine else network.sigma_policy)


def _end(layer: Layer) -> Layer:
    """Return an output layer that fits behind ``layer``."""
    return Layer(((Fraction(1),) * layer.num_neurons,), (Fraction(0),), Fraction(1))


def _floats(rows: Sequence[Sequence[Fraction]]) -> list[list[float]]:
    """Return exact rows as floats."""
    return [[float(t) for t in row] for row in rows]


def _trained(tensors: "Sequence[torch.Tensor]") -> "list[torch.Tensor]":
    """Return the tensors as parameters."""
    return [tensor.clone().requires_grad_() for tensor in tensors]

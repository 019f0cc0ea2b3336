"""Full batch normalization in exact numbers, where sigma is rational.

A batch of two clusters gives rational sigma in every layer; other data does so by luck, which
:func:`rational_rows` seeks.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from statistics import mean as mean_of
from statistics import pvariance

from exactbn.claims.ledger.instance import Instance
from exactbn.claims.tools.algebra import rational_root
from exactbn.claims.tools.draws import draw_matrix, draw_network
from exactbn.errors import DegenerateError, HypothesisError, NotRationalError
from exactbn.exact.rational import Matrix, Vector, dot, to_text
from exactbn.model.batchnorm import center, statistics
from exactbn.model.network import Layer, Network


def mean(values: Sequence[Fraction]) -> Fraction:
    """Return the exact mean."""
    # Of integers the module statistics returns floats.
    return mean_of(map(Fraction, values))


def variance(values: Sequence[Fraction]) -> Fraction:
    """Return the exact biased variance."""
    return pvariance(map(Fraction, values))


def values_of(layer: Layer, features: Sequence[Vector]) -> list[list[Fraction]]:
    """Return W h + b, one list over the batch for every unit."""
    return [
        [dot(row, h) + bias for h in features]
        for row, bias in zip(layer.weight, layer.bias, strict=True)
    ]


def normalized(
    network: Network,
    data: Matrix,
    gammas: Sequence[Sequence[Fraction]] = (),
    *,
    is_last_scaled: bool = True,
    eps: Fraction = Fraction(0),
) -> tuple[Network, tuple[Vector, ...]]:
    """Return the batch-normalized network (beta = 0) and the factors gamma / sigma.

    ``gammas`` are the learned scales of the layers, 1 by default; sigma is the root of the variance
    plus ``eps``. Without ``is_last_scaled`` the
    sigma of the last hidden layer is left out: it is positive and moves no boundary.

    Raises
    ------
    DegenerateError
        If a sigma is zero.
    NotRationalError
        If a sigma is irrational.
    """
    features: list[Vector] = list(data)
    layers, factors = [], []
    for index, layer in enumerate(network.hidden):
        rows, biases, scales = [], [], []
        for k, values in enumerate(values_of(layer, features)):
            spread = variance(values) + eps
            is_scaled = is_last_scaled or index < len(network.hidden) - 1 or spread == 0
            sigma = rational_root(spread) if is_scaled else Fraction(1)
            where = f"layer {index + 1}, unit {k + 1}"
            if sigma is None:
                raise NotRationalError(
                    f"{where}: sigma is the root of {to_text(spread)}, which is irrational"
                )
            if sigma == 0:
                raise DegenerateError(f"{where}: sigma is 0, so the scale is undefined")
            factor = (gammas[index][k] if gammas else 1) / sigma
            rows.append(tuple(factor * w for w in layer.weight[k]))
            biases.append(factor * (layer.bias[k] - mean(values)))
            scales.append(factor)
        layers.append(Layer(tuple(rows), tuple(biases), layer.slope))
        features = [layers[-1].activation(layers[-1].preactivation(h)) for h in features]
        factors.append(tuple(scales))
    return Network((*layers, network.layers[-1])), tuple(factors)


def normalized_if_rational(
    network: Network, data: Matrix, gammas: Sequence[Sequence[Fraction]] = ()
) -> tuple[Network, tuple[Vector, ...], bool] | None:
    """Return what :func:`normalized` does, and whether the last hidden layer is scaled.

    Its sigma is left out where one of it is irrational; None where another one is, or one is zero.
    """
    for is_last_scaled in (True, False):
        try:
            return *normalized(network, data, gammas, is_last_scaled=is_last_scaled), is_last_scaled
        except NotRationalError:
            continue
        except DegenerateError:
            break
    return None


def rescaled_next(network: Network, factors: Sequence[Vector]) -> Network:
    """Return the network with the columns of every next layer times the factors of the layer."""
    layers = [network.layers[0]]
    for layer, scales in zip(network.layers[1:], factors, strict=True):
        rows = tuple(tuple(w * s for w, s in zip(row, scales, strict=True)) for row in layer.weight)
        layers.append(Layer(rows, layer.bias, layer.slope))
    return Network(tuple(layers))


def centred_by(instance: Instance) -> Network:
    """Return the instance's network centred on its data.

    Raises
    ------
    HypothesisError
        If there is no network, no data, or a unit whose sigma is zero (so for one point).
    """
    network, data = instance.given()
    centred = center(network, data)
    for index, layer in enumerate(statistics(centred, data)):
        if 0 in layer.variance:
            where = f"layer {index + 1}, unit {layer.variance.index(0) + 1}"
            raise HypothesisError(f"{where}: sigma is 0, so it cannot be normalized")
    return centred


def activations(network: Network, data: Matrix, layer: int) -> list[Vector]:
    """Return the activations of one hidden layer at the data."""
    chosen = network.hidden[layer]
    return [chosen.activation(network.preactivations(x)[layer]) for x in data]


def mean_feature(network: Network, data: Matrix, layer: int = 0) -> Vector:
    """Return the mean over the data of the activations of one hidden layer."""
    return tuple(mean(column) for column in zip(*activations(network, data, layer), strict=True))


def scaled_first(network: Network, data: Matrix, scales: Sequence[Fraction]) -> Network:
    """Return the network centred on the data after layer 1's units are divided by the scales."""
    first = network.layers[0]
    rows = tuple(tuple(w / s for w in row) for row, s in zip(first.weight, scales, strict=True))
    return center(Network((Layer(rows, first.bias, first.slope), *network.layers[1:])), data)


def two_clusters(rng: random.Random, *, most_layers: int = 2) -> Instance:
    """Return a small network and two clusters of equal size, each of one point."""
    d = rng.randint(1, 3)
    widths = (d, *(rng.randint(1, 4) for _ in range(rng.randint(1, most_layers))), 1)
    network = draw_network(rng, widths, slope=rng.choice((Fraction(1, 10), Fraction(0), -1)))
    u, v = draw_matrix(rng, 2, d)
    return Instance(network, (u, v) * rng.randint(1, 3))


def rational_rows(data: Matrix, size: int = 9) -> list[Vector]:
    """Return the integer rows (1, ..., size in absolute value) of R^2 with rational sigma > 0."""
    found: list[Vector] = []
    for a in range(-size, size + 1):
        for b in range(-size, size + 1):
            row = (Fraction(a), Fraction(b))
            if rational_root(variance([dot(row, x) for x in data])):
                found.append(row)
    return found

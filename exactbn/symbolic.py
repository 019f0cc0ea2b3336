"""Batch normalization by centering, as a function of the data: exact, for one parameter.

Centering sets every hidden bias to minus the mean of W h over the data. So the biases are functions
of the data: affine ones in the first layer, and piecewise affine ones in the layers above it, whose
pieces end where the activation of a data point switches. The type of the partition, and with it the
region graph, is a function of the data as well. Where data points move along straight lines,
x(t) = (1 - t) x_0 + t x_1, it is constant in *chambers*, open intervals of t, and
:func:`follow` finds all of them, with the algebraic numbers between them.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from exactbn.errors import InputError
from exactbn.exact.rational import Vector
from exactbn.model.asking import as_network
from exactbn.model.batchnorm import center
from exactbn.paths.following import Following, follow_path
from exactbn.paths.path import Path
from exactbn.readers.statistics import to_points
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.engines.run import Progress
    from exactbn.model.asking import NetworkLike
    from exactbn.model.domain import Box, Domain
    from exactbn.model.network import Network


def biases(
    network: "NetworkLike", data: Iterable[Iterable[object]], point: int
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the first layer's biases after centering, as sympy expressions in one data point.

    With data x_1, ..., x_N of which ``point`` is the symbol x, the bias of unit k is
    -(w_k . x + sum of w_k . x_j over the others) / N. Exact.

    Parameters
    ----------
    network : Network
        A chain with d inputs.
    data : sequence of N points
        Shape (N, d).
    point : int
        Which of them is a symbol, counted from 0; its own numbers play no part.

    Returns
    -------
    (symbols, expressions)
        The coordinates x_0, ..., x_{d-1} of the data point, and one expression a unit.

    Examples
    --------
    >>> from exactbn.model.network import Network
    >>> net = Network.from_arrays([[[1, 2]], [[1]]], [[0], [0]])
    >>> biases(net, [[0, 0], [1, 1], [3, 0]], 0)[1]
    (-x_0/3 - 2*x_1/3 - 2,)
    """
    import sympy

    net = as_network(network).chained("parametric centering")
    points = _points(net, data)
    index = _index(points, point)
    symbols = sympy.symbols(f"x_:{net.num_inputs}")
    others = [p for j, p in enumerate(points) if j != index]
    rest = [sum((p[i] for p in others), Fraction(0)) for i in range(net.num_inputs)]
    expressions = []
    for row in net.layers[0].weight:
        total = sympy.Integer(0)
        for w, x, t in zip(row, symbols, rest, strict=True):
            total += _rational(w) * (x + _rational(t))
        expressions.append(sympy.expand(-total / len(points)))
    return symbols, tuple(expressions)


def path(
    network: "NetworkLike",
    data: Iterable[Iterable[object]],
    moved: Mapping[int, Iterable[object]],
) -> Path:
    """Return the centred networks while data points move along straight lines, 0 <= t <= 1.

    At the time t it is ``center(network, data(t))``, where point i of data(t) is (1 - t) times that
    of ``data`` plus t times ``moved[i]``, for the points that move. Its biases are piecewise linear
    in t: that of a layer is linear while no data point switches a unit of a layer below it, and the
    times at which one does are rational, since its preactivations are linear until then.

    Parameters
    ----------
    network : Network
        A chain with d inputs.
    data : sequence of N points
        Shape (N, d).
    moved : mapping
        Where points go, by their numbers from 0.

    Raises
    ------
    InputError
        If no point moves, there is no such point, or the network is no chain.
    DimensionError
        If a point has not d coordinates.
    """
    net = as_network(network).chained("parametric centering")
    start = _points(net, data)
    if not moved:
        raise InputError("no data point moves, expected a mapping such as {0: (1, 2)}")
    end = list(start)
    for i, x in moved.items():
        end[_index(start, i)] = net.point(x)

    def points_at(t: Fraction) -> list[Vector]:
        return [
            p if p is q else tuple(a + t * (b - a) for a, b in zip(p, q, strict=True))
            for p, q in zip(start, end, strict=True)
        ]

    def centred(t: Fraction) -> "tuple[Network, list[tuple[Vector, ...]]]":
        at = points_at(t)
        result = center(net, at)
        return result, [result.preactivations(x) for x in at]

    known = {t: centred(t) for t in (Fraction(0), Fraction(1))}
    # Layer by layer: below it all is linear between the times known so far.
    for layer in range(len(net.hidden) - 1):
        times = sorted(known)
        for a, b in zip(times, times[1:]):
            for za, zb in zip(known[a][1], known[b][1], strict=True):
                for u, v in zip(za[layer], zb[layer], strict=True):
                    if u * v < 0:
                        t = a + (b - a) * u / (u - v)
                        if t not in known:
                            known[t] = centred(t)
    times = sorted(known)
    return Path(tuple(times), tuple(known[t][0] for t in times))


def follow(
    network: "NetworkLike",
    data: Iterable[Iterable[object]],
    moved: Mapping[int, Iterable[object]],
    box: "Box | Domain | tuple[object, object]",
    *,
    rows: tuple[object, object] | None = None,
    progress: "Progress | None" = None,
) -> Following:
    """Return all chambers of the centred network while data points move, and the events between.

    :func:`path` says which networks these are and takes the same; :func:`exactbn.follow` what the
    result is and what ``box`` and ``rows`` are. Exact, in all layers.

    Examples
    --------
    Three lines through the mean of the data, which moves with a data point out of the square: first
    one line leaves it, then the others.

    >>> from exactbn.model.network import Network
    >>> net = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    >>> found = follow(net, [[0, 0], [0, 0]], {1: (6, 3)}, (-1, 1))
    >>> [str(time) for time in found.breakpoints], found.counts.tolist()
    (['0', '1/3', '4/9', '2/3'], [6, 3, 2, 1])
    """
    return follow_path(path(network, data, moved), box, rows=rows, progress=progress)


def _rational(value: Fraction) -> Any:
    """Return a Fraction as a number of sympy."""
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def _points(network: "Network", data: Iterable[Iterable[object]]) -> list[Vector]:
    """Return the data as exact points of the network's inputs."""
    return [network.point(row) for row in to_points(data)]


def _index(points: Sequence[Vector], point: int) -> int:
    """Return the number of a data point."""
    if not 0 <= point < len(points):
        raise InputError(
            f"data point {point}, expected 0 to {len(points) - 1}: there are "
            f"{counted(len(points), 'point')}"
        )
    return int(point)

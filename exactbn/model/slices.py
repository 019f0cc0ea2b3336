"""Restriction of a network to an affine subspace of its input space, exactly.

For pictures of networks with more than two inputs: a plane through the mean of the data.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from flint import fmpq, fmpq_mat

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, dot, to_vector
from exactbn.model.domain import Box
from exactbn.model.network import Layer, Network
from exactbn.wording import a_type, counted


def restrict(
    network: Network, origin: Sequence[object], directions: Sequence[Sequence[object]]
) -> Network:
    """Return the network t -> network(origin + t_1 u_1 + ... + t_m u_m), exactly.

    Only layers that read inputs change, in a chain the first one: W becomes W U and b becomes
    W origin + b, where the directions u are the columns of U. The regions of the result are those
    of ``network`` that meet the subspace in a set with interior points there.

    Parameters
    ----------
    network : Network
        ``d`` inputs.
    origin : point of d exact numbers
    directions : m >= 1 independent vectors of d exact numbers

    Raises
    ------
    DimensionError
        If a vector's length is not d.
    InputError
        If there is no direction, or one depends on those before it.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 2, 3]], [[1]]], [[4], [0]])
    >>> restrict(net, (1, 1, 1), [(1, 0, 0), (0, 0, 1)]).layers[0].bias
    (Fraction(10, 1),)
    """
    if not hasattr(directions, "__iter__"):
        raise InputError(f"got {a_type(directions)} for the directions, expected a list of vectors")
    vectors = [to_vector(u, f"directions[{i}]") for i, u in enumerate(directions)]
    restricted = _restricted(network, origin, vectors)
    dependent = _first_dependent(vectors)
    if dependent is not None:
        raise InputError(
            f"directions[{dependent}] depends on those before it, expected independent ones: "
            "another would leave a slice of fewer dimensions than coordinates"
        )
    return restricted


def through(network: Network, points: Sequence[Sequence[object]]) -> Network:
    """Return the network on the slice through m + 1 points, in the coordinates that they make.

    The first point is (0, ..., 0) there, the others are the unit vectors.

    Raises
    ------
    InputError
        If there are fewer than two points, two are equal, or one lies in the slice through those
        before it.
    DimensionError
        If a point has not d coordinates.

    Examples
    --------
    >>> net = Network.from_arrays([[[1, 2, 3]], [[1]]], [[4], [0]])
    >>> through(net, [(1, 1, 1), (2, 1, 1), (1, 1, 0)]).layers[0].weight
    ((Fraction(1, 1), Fraction(-3, 1)),)
    """
    if not hasattr(points, "__len__"):
        raise InputError(f"got {a_type(points)} for the points, expected a list of them")
    if len(points) < 2:
        raise InputError(f"a slice needs at least two points, got {len(points)}")
    exact = [to_vector(x, f"points[{i}]") for i, x in enumerate(points)]
    for i, x in enumerate(exact):
        if len(x) != network.num_inputs:
            raise DimensionError(
                f"points[{i}] has {counted(len(x), 'coordinate')}, expected {network.num_inputs}, "
                "the network's number of inputs"
            )
        if x in exact[:i]:
            raise InputError(
                f"points[{exact.index(x)}] and points[{i}] are equal, expected points in general "
                "position: leave one of them out"
            )
    first, *others = exact
    directions = [tuple(t - s for s, t in zip(first, x, strict=True)) for x in others]
    dependent = _first_dependent(directions)
    if dependent is not None:
        raise InputError(
            f"points[{dependent + 1}] lies in the slice through those before it, expected points "
            "in general position"
        )
    return restrict(network, first, directions)


def _first_dependent(vectors: Sequence[Vector]) -> int | None:
    """Return the number of the first vector that depends on those before it, None if none does."""
    rows = [[fmpq(t.numerator, t.denominator) for t in vector] for vector in vectors]
    count = len(rows)
    if fmpq_mat(rows).rref()[1] == count:
        return None
    return next(i for i in range(count) if fmpq_mat(rows[: i + 1]).rref()[1] <= i)


def _restricted(
    network: Network, origin: Sequence[object], directions: Sequence[Sequence[object]]
) -> Network:
    """Return the same as :func:`restrict`, whatever the directions are."""
    if not directions:
        raise InputError("a restriction needs at least one direction, got none")
    point = to_vector(origin, "origin")
    vectors = [to_vector(u, f"directions[{i}]") for i, u in enumerate(directions)]
    for what, vector in [("origin", point), *((f"directions[{i}]", u)
                                              for i, u in enumerate(vectors))]:
        if len(vector) != network.num_inputs:
            raise DimensionError(
                f"{what} has {counted(len(vector), 'entry', 'entries')}, "
                f"expected {network.num_inputs}, "
                "the network's number of inputs"
            )
    d, m = network.num_inputs, len(vectors)
    layers = []
    for index, layer in enumerate(network.layers):
        reads = layer.reads
        if reads is None and index == 0:
            reads = tuple(range(d))
        if reads is None or reads[0] >= d:
            shifted = None if reads is None else tuple(f - d + m for f in reads)
            layers.append(replace(layer, reads=shifted))
            continue
        inputs = [f for f in reads if f < d]
        units = tuple(f - d + m for f in reads if f >= d)
        weight, bias = [], []
        for row, b in zip(layer.weight, layer.bias, strict=True):
            own, others = row[: len(inputs)], row[len(inputs) :]
            along = tuple(dot(own, [u[f] for f in inputs]) for u in vectors)
            weight.append((*along, *others))
            bias.append(dot(own, [point[f] for f in inputs]) + b)
        layers.append(Layer(tuple(weight), tuple(bias), layer.slopes, (*range(m), *units)))
    return Network(tuple(layers), network.sigma_policy, m, network.units)


def axis(dim: int, index: int) -> tuple[Fraction, ...]:
    """Return the unit vector of one axis."""
    return tuple(Fraction(int(i == index)) for i in range(dim))


def plane_view(network: Network, box: Box, centre: Vector) -> tuple[Network, Box]:
    """Return the network of two inputs, and its box, that pictures show for one of d > 2.

    The plane through ``centre`` along the first two axes, in the coordinates of these axes.
    """
    d = network.num_inputs
    origin = (Fraction(0), Fraction(0), *centre[2:])
    return restrict(network, origin, [axis(d, 0), axis(d, 1)]), Box(box.lo[:2], box.hi[:2])

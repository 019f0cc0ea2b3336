"""The boundaries that can be asked for, by name, and the complexes that they are in."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.run import Progress
from exactbn.errors import InputError
from exactbn.model.asking import as_domain, as_index, as_network
from exactbn.model.domain import Box, Domain
from exactbn.model.layers import Layer
from exactbn.model.network import Network
from exactbn.model.units import members_of
from exactbn.regions.boundary.classes import (
    VertexSigns,
    classes_of_faces,
    greatest_above,
    signs_at_vertices,
    with_contests_as_neurons,
)
from exactbn.regions.boundary.complex import Boundary
from exactbn.regions.boundary.face_set import FaceSet
from exactbn.regions.levels import closure, some_vertex
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import ENGINES, chosen_engine, partition

if TYPE_CHECKING:
    from exactbn.regions.boundary.by_search import SearchedBoundary

Mask = NDArray[np.bool_]

#: The sets that a function of one output makes, by name.
SIDES = {
    "positive": "boundary of {f > 0}",
    "negative": "boundary of {f < 0}",
    "zeros": "zeros of f",
}


def decision_boundary(
    network: object,
    box: Box | Domain | tuple[object, object] | None = None,
    *,
    rows: tuple[object, object] | None = None,
    classes: Sequence[int] | None = None,
    side: str = "positive",
    engine: str = "auto",
    workers: int = 1,
    progress: Progress | None = None,
) -> "Boundary | SearchedBoundary":
    """Return where in a domain the class of a network changes, exact.

    The class is the least index of a greatest output; that of a network of one output f is 1 where
    f > 0 and else 0. The boundary is the set of the points of the domain, a box, a polytope or all
    of R^d, near which the class is not constant in the domain. A slice of the inputs is the domain
    of ``network.restrict(origin, directions)``.

    Of one output f it consists of the zeros that have points with f > 0 near them. Those on both
    sides of which f is positive are among them, and so are isolated ones; those inside of a region
    where f is 0 are not. ``side="negative"`` is the same of f < 0, and ``side="zeros"`` are all
    zeros, with the regions that are zero.

    Parameters
    ----------
    network, box, rows, workers, progress
        As for :func:`exactbn.partition`.
    classes : pair of ints, optional
        Of two or more outputs: the points that have points of both of these classes near them, or
        are of one themselves.
    side : "positive", "negative" or "zeros"
        Of one output, see above.
    engine : "auto", "complex" or "lp"
        By the LP engine, in any dimension, exact distances to the whole boundary are known, and
        nothing else; "auto" takes it where the complex engine cannot, as for a partition.

    Returns
    -------
    Boundary, or SearchedBoundary of the LP engine

    Raises
    ------
    InputError
        If ``classes`` are asked for of one output, or a ``side`` of several; or as for
        :func:`exactbn.partition`.

    Examples
    --------
    The logit |x| + |y| - 1 vanishes on a square about the origin.

    >>> weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]]]
    >>> net = Network.from_arrays(weights, [[0, 0, 0, 0], [-1]])
    >>> square = decision_boundary(net, (-4, 4))
    >>> square.num_pieces, square.num_components, square.f_vector
    (4, 1, (4, 4))
    >>> square.squared_distance((0, 0)), square.nearest((2, 0))
    (Fraction(1, 2), (Fraction(1, 1), Fraction(0, 1)))

    The logit |x| is on both to the left and to the right of its line of zeros.

    >>> net = Network.from_arrays([[[1, 0], [-1, 0]], [[1, 1]]], [[0, 0], [0]])
    >>> decision_boundary(net).squared_distance((3, 7))
    Fraction(9, 1)
    >>> decision_boundary(net, side="negative").num_pieces
    0

    Three classes: the greatest of x, y and 0. Three rays meet in the origin.

    >>> net = Network.from_arrays([[[1, 0], [0, 1], [0, 0]]], [[0, 0, 0]])
    >>> fan = decision_boundary(net)
    >>> fan.num_pieces, fan.f_vector, decision_boundary(net, classes=(0, 1)).num_pieces
    (3, (1, 3), 1)
    """
    network = as_network(network)
    wanted = _checked_classes(network, classes, side)
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is not known, expected one of {', '.join(ENGINES)}")
    domain = as_domain(box, network.num_inputs)
    if rows is not None:
        domain = Domain.cut(domain, rows)
    if engine == "lp" or (engine == "auto" and chosen_engine(network, domain)[0] == "lp"):
        return _searched(network, domain, wanted, side, progress)
    cut = partition(
        with_contests_as_neurons(network), domain, engine="complex",
        workers=workers, progress=progress,
    )  # fmt: skip
    signs = signs_at_vertices(cut)
    contests = range(network.num_hidden, cut.network.num_hidden)
    lattice = cut.lattice
    found, ties = classes_of_faces(lattice, signs, contests)
    flat = _regions_of(cut, ties)
    if network.num_outputs == 1 and side != "positive":
        mask = _zeros(cut, signs, contests[0], below=side == "negative")
        return _boundary(SIDES[side], network, cut, signs, mask, flat)
    if wanted is None:
        what = SIDES[side] if network.num_outputs == 1 else "decision boundary"
        return _boundary(what, network, cut, signs, greatest_above(lattice, found) > found, flat)
    a, b = wanted
    mask = closure(lattice, found == a) & closure(lattice, found == b)
    return _boundary(f"boundary between classes {a} and {b}", network, cut, signs, mask, flat)


def bent_hyperplane(
    network: object,
    unit: int,
    box: Box | Domain | tuple[object, object] | None = None,
    *,
    rows: tuple[object, object] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Boundary:
    """Return the bent hyperplane of a hidden neuron: the zeros of its preactivation in a domain.

    It is cut by the layers before the neuron's own, at which it bends. Where the preactivation
    vanishes on whole regions of these layers they belong to it, ``flat_regions``; its pieces are
    the faces of dimension d - 1 that are in none of them.

    Parameters
    ----------
    network, box, rows, workers, progress
        As for :func:`exactbn.partition`.
    unit : int
        The neuron, counted through all hidden layers from 0 as in ``part.patterns``.

    Raises
    ------
    InputError
        If there is no such neuron, or the unit is a clip or a maximum, of which there are several.

    Examples
    --------
    relu(x) + relu(y) - 1 is zero on a line that is bent twice.

    >>> net = Network.from_arrays([[[1, 0], [0, 1]], [[1, 1]], [[1]]], [[0, 0], [-1], [0]])
    >>> bent = bent_hyperplane(net, 2, (-2, 2))
    >>> bent.num_pieces, bent.bending_units
    (3, (0, 1))
    """
    network = as_network(network)
    before = _as_output(network, _neuron(network, unit))
    cut = partition(
        with_contests_as_neurons(before), box, rows=rows, engine="complex",
        workers=workers, progress=progress,
    )  # fmt: skip
    signs = signs_at_vertices(cut)
    last = cut.network.num_hidden - 1
    _, ties = classes_of_faces(cut.lattice, signs, [last])
    mask = _zeros(cut, signs, last)
    what = f"bent hyperplane of unit {unit}"
    return _boundary(what, before, cut, signs, mask, _regions_of(cut, ties))


def _searched(
    network: Network,
    domain: Domain,
    classes: tuple[int, int] | None,
    side: str,
    progress: Progress | None,
) -> "SearchedBoundary":
    """Return the boundary by the LP engine; with its units as they are, a cell has one pattern."""
    from exactbn.regions.boundary.by_search import SearchedBoundary

    if classes is not None or side == "zeros":
        asked = "zeros" if classes is None else f"classes {classes[0]} and {classes[1]}"
        raise InputError(
            f"engine 'lp' knows the whole decision boundary, not {asked}; use engine='complex'"
        )
    turned = _negative(network) if side == "negative" else network
    cut = partition(
        replace(with_contests_as_neurons(turned), units=()), domain, engine="lp", progress=progress
    )
    what = SIDES[side] if network.num_outputs == 1 else "decision boundary"
    return SearchedBoundary(what, network, cut)


def _negative(network: Network) -> Network:
    """Return the network of the negative outputs."""
    *hidden, last = network.layers
    weight = tuple(tuple(-t for t in row) for row in last.weight)
    output = Layer(weight, tuple(-b for b in last.bias), Fraction(1), last.reads)
    return replace(network, layers=(*hidden, output))


def _checked_classes(
    network: Network, classes: Sequence[int] | None, side: str
) -> tuple[int, int] | None:
    """Return two classes that are asked for, None where all are, after a look at them."""
    count = network.num_outputs
    if side not in SIDES:
        raise InputError(f"side is {side!r}, expected one of {', '.join(SIDES)}")
    if count > 1 and side != "positive":
        raise InputError(
            f"side={side!r} is of a network with one output, this one has {count}; the boundary of "
            "several is where the greatest one changes, or classes=(0, 1) names two of them"
        )
    if classes is None:
        return None
    if count == 1:
        raise InputError(
            "classes are of a network with two outputs or more, this one has one, whose sign "
            "decides; leave classes out, or take side='negative' or side='zeros'"
        )
    try:
        a, b = classes
    except (TypeError, ValueError):
        raise InputError(f"classes are {classes!r}, expected two numbers of outputs") from None
    a, b = (as_index(label, count, "class") for label in (a, b))
    if a == b:
        raise InputError(f"classes are {a} and {b}, expected two different ones")
    return a, b


def _zeros(
    cut: Partition, signs: VertexSigns, neuron: int, *, below: bool = False
) -> Mask:
    """Return the faces on which a neuron is zero, or those of them below faces where it is < 0."""
    lattice = cut.lattice
    positive, negative = (some_vertex(lattice, at) for at in signs.of_neuron(neuron))
    zero = ~(positive | negative)
    return zero & closure(lattice, negative) if below else zero


def _boundary(
    what: str,
    network: Network,
    cut: Partition,
    signs: VertexSigns,
    mask: Mask,
    flat: NDArray[np.int64],
) -> Boundary:
    """Return a boundary, the faces at infinity left out."""
    lattice = cut.lattice
    finite = some_vertex(lattice, ~lattice.is_at_infinity)
    mask = mask & finite
    mask.setflags(write=False)
    return Boundary(what, network, cut, FaceSet(cut, signs, mask), flat)


def _regions_of(cut: Partition, cells: Mask) -> NDArray[np.int64]:
    """Return the regions of which the chosen d-faces are parts, ascending."""
    faces = cut.evidence.faces
    assert faces is not None
    found = np.unique(faces.cells.of_cell[cells])
    found.setflags(write=False)
    return found


def _neuron(network: Network, unit: object) -> int:
    """Return the neuron of the layers that a unit is, after a look at it."""
    count = len(network.units) or network.num_hidden
    unit = as_index(unit, count, "unit")
    known = network.units[unit] if network.units else unit
    if not isinstance(known, int):
        raise InputError(
            f"unit {unit} is a {type(known).__name__.lower()}, made of the neurons "
            f"{sorted(members_of(known))} of the layers, expected a unit that is on or off"
        )
    return known


def _as_output(network: Network, neuron: int) -> Network:
    """Return the network of the layers before a neuron's own, the neuron its only output.

    Units of the user stay where all of their neurons are left.
    """
    begin = 0
    for index, layer in enumerate(network.hidden):
        if neuron < begin + layer.num_neurons:
            break
        begin += layer.num_neurons
    k = neuron - begin
    output = Layer((layer.weight[k],), (layer.bias[k],), Fraction(1), layer.reads)
    kept = [unit for unit in network.units if all(i < begin for i in members_of(unit))]
    known = {i for unit in kept for i in members_of(unit)}
    units = (*kept, *(i for i in range(begin) if i not in known)) if network.units else ()
    return replace(network, layers=(*network.layers[:index], output), units=units)

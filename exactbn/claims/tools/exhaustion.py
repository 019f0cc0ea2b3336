"""All small integer networks and data, up to symmetry: that no counterexample is smaller.

A counterexample of some shape is *minimal* if no network of fewer hidden units violates the claim.
Here the networks of fewer units with integer weights up to a size, and the data sets of a few
points with coordinates up to a size, are gone through, one of every class of these symmetries:

- the units of a layer may change places: rows come in ascending order, repetitions allowed;
- where biases are recomputed by centering, they are 0, and data may be moved as a whole: their
  smallest coordinates are 0, and the others go up to twice the size;
- the points of a data set have no order.

Every representative is judged by the claim itself, so the answer holds for the class that is named,
and for nothing beyond it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product

from exactbn.claims.ledger.claim import Violation
from exactbn.claims.ledger.instance import Instance
from exactbn.errors import HypothesisError, InputError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.network import Layer, Network


@dataclass(frozen=True)
class Exhausted:
    """How many instances were judged, how many meet no hypothesis, and the first violation."""

    judged: int
    outside: int
    violation: tuple[Instance, str] | None

    @property
    def is_empty(self) -> bool:
        """Return whether no instance violates the claim, and some were judged."""
        return self.violation is None and self.judged > 0

    @property
    def text(self) -> str:
        """Return the outcome in words."""
        if self.violation is not None:
            return f"a smaller one: {self.violation[1]}"
        return (
            f"none of {self.judged} smaller ones violates it, {self.outside} more do not meet the "
            "hypotheses"
        )


def exhaust(violation: Violation, instances: Iterable[Instance]) -> Exhausted:
    """Judge all instances, or those up to the first that violates the claim."""
    judged = outside = 0
    for instance in instances:
        try:
            reason = violation(instance)
        except HypothesisError:
            outside += 1
            continue
        judged += 1
        if reason is not None:
            return Exhausted(judged, outside, (instance, reason))
    return Exhausted(judged, outside, None)


def rows(width: int, size: int) -> list[Vector]:
    """Return the integer rows != 0 with entries up to ``size`` in absolute value, ascending."""
    entries = [Fraction(t) for t in range(-size, size + 1)]
    return [row for row in product(entries, repeat=width) if any(row)]


def networks(
    widths: Sequence[int],
    size: int,
    *,
    slope: Fraction | int = 0,
    outputs: Sequence[Vector] | None = None,
) -> Iterator[Network]:
    """Yield the networks d, n_1, ..., n_L without biases, up to the order of units in each layer.

    No row is zero: such a unit has sigma = 0. ``outputs`` are the rows of the output, one output
    each; a row of zeros where it plays no part.
    """
    pairs = zip(widths, widths[1:], strict=False)
    choices = [list(combinations_with_replacement(rows(m, size), n)) for m, n in pairs]
    last = [(Fraction(0),) * widths[-1]] if outputs is None else outputs
    zero = Fraction(0)
    for weights in product(*choices):
        hidden = tuple(Layer(w, (zero,) * len(w), Fraction(slope)) for w in weights)
        for row in last:
            yield Network((*hidden, Layer((row,), (zero,), Fraction(1))))


def data_sets(d: int, size: int, most: int) -> Iterator[Matrix]:
    """Yield the multisets of 2 to ``most`` integer points of a cube of edge 2 size, up to shift."""
    points = [tuple(map(Fraction, x)) for x in product(range(2 * size + 1), repeat=d)]
    for count in range(2, most + 1):
        for chosen in combinations_with_replacement(points, count):
            if all(min(axis) == 0 for axis in zip(*chosen, strict=True)):
                yield chosen


def smaller_shapes(widths: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes of one or two hidden layers with fewer hidden units, of as many inputs."""
    d, units = widths[0], sum(widths[1:])
    single = [(d, n) for n in range(1, units)]
    return [*single, *((d, n, m) for n in range(1, units) for m in range(1, units - n))]


def smaller_instances(
    shapes: Iterable[Sequence[int]], size: int, points: int, *, slope: Fraction | int = 0,
    has_outputs: bool = False,
) -> Iterator[Instance]:  # fmt: skip
    """Yield networks of the shapes with data; see :func:`networks` and :func:`data_sets`."""
    for widths in shapes:
        sets = list(data_sets(widths[0], size, points))
        outputs = rows(widths[-1], size) if has_outputs else None
        for network in networks(widths, size, slope=slope, outputs=outputs):
            for data in sets:
                yield Instance(network, data)


def minimality(
    violation: Violation, widths: Sequence[int], size: int, points: int, *,
    slope: Fraction | int = 0, has_outputs: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Return, named for a verdict, that no smaller network violates a claim.

    ``widths`` are inputs and hidden layers of the counterexample; the class is that of
    :func:`smaller_instances`, of as many inputs and fewer hidden units in one or two layers, at
    least one.

    Raises
    ------
    InputError
        If one does, or if none could be judged.
    """
    shapes = smaller_shapes(widths)
    found = exhaust(violation, smaller_instances(
        shapes, size, points, slope=slope, has_outputs=has_outputs))  # fmt: skip
    if not found.is_empty:
        raise InputError(f"the counterexample {'-'.join(map(str, widths))} is not the least: "
                         f"{found.text}")  # fmt: skip
    inputs = "one input" if widths[0] == 1 else f"{widths[0]} inputs"
    most, activation = sum(widths[1:]) - 1, "ReLU" if slope == 0 else f"slope {slope}"
    units = "one hidden unit" if most == 1 else f"1 to {most} hidden units"
    # Of at most two units there are at most two layers.
    layers = " in one or two layers" if most > 2 else ""
    name = (
        f"{units}{layers}, {inputs}, {activation}, integer entries up to {size}, "
        f"at most {points} points"
    )
    return {name: found.text}

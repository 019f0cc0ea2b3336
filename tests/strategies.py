"""Hypothesis strategies: small networks full of degeneracies, boxes, and points.

Entries are small integers, so that hyperplanes meet where they should not in general: coincident,
parallel, through common points, through the box's corners, folds on folds, neurons that vanish on
whole regions. Some rows are copies, multiples or negatives of others, some differ from another by
2^-60 or 2^-80, some layers are centred, so that all their hyperplanes contain one point.
"""

from fractions import Fraction

from hypothesis import note
from hypothesis import strategies as st

from exactbn.model.domain import Box
from exactbn.model.network import Network

Row = list[Fraction]

SLOPES = tuple(Fraction(t) for t in ("0", "0", "0", "1/10", "-1", "1/2", "1"))
TINY = (Fraction(1, 2**60), Fraction(-1, 2**80))
#: Factors that make one row of another; a negative factor turns the hyperplane round.
FACTORS = tuple(Fraction(t) for t in ("1", "-1", "2", "-3", "1/3"))
#: The most neurons in all layers together, by d, so that the oracles stay fast.
MOST_NEURONS = {1: 12, 2: 10, 3: 7, 4: 5, 5: 4}


@st.composite
def rows(
    draw: st.DrawFn, width: int, inputs: int, centre: tuple[Fraction, ...] | None
) -> list[Row]:
    """Return ``width`` rows (weights, bias); all vanish at ``centre`` where one is given."""
    made: list[Row] = []
    for _ in range(width):
        kind = draw(st.sampled_from(("new", "new", "new", "new", "multiple", "near", "shift")))
        if kind == "new" or not made:
            row = [Fraction(draw(st.integers(-3, 3))) for _ in range(inputs + 1)]
            if centre is not None:
                row[-1] = -sum((w * t for w, t in zip(row, centre)), Fraction(0))
        else:
            old = draw(st.sampled_from(made))
            factor = draw(st.sampled_from(FACTORS))
            row = [factor * t for t in old]
            if kind == "near":
                row[draw(st.integers(0, inputs))] += draw(st.sampled_from(TINY))
            elif kind == "shift":
                row[-1] += draw(st.integers(-1, 1))
        made.append(row)
    return made


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    dims: tuple[int, ...] = (1, 2, 2, 2, 3, 3, 4),
    most_neurons: dict[int, int] = MOST_NEURONS,
) -> Network:
    """Return a small network of one to three hidden layers."""
    d = draw(st.sampled_from(dims))
    depth = draw(st.integers(1, 3))
    left = most_neurons[d]
    weights, biases, slopes = [], [], []
    inputs = d
    # The point that centred layers contain, as seen by the layer at hand.
    centre = tuple(Fraction(draw(st.integers(-2, 2)), 2) for _ in range(d))
    for layer in range(depth):
        width = draw(st.integers(1, max(1, min(6, left - (depth - layer - 1)))))
        left -= width
        centred = draw(st.integers(0, 3)) == 0
        made = draw(rows(width, inputs, centre if centred else None))
        slope = draw(st.sampled_from(SLOPES))
        values = [sum((w * t for w, t in zip(row, centre)), row[-1]) for row in made]
        centre = tuple(t if t > 0 else slope * t for t in values)
        weights.append([row[:-1] for row in made])
        biases.append([row[-1] for row in made])
        slopes.append(slope)
        inputs = width
    outputs = draw(st.integers(1, 2))
    weights.append([[Fraction(i + j + 1) for j in range(inputs)] for i in range(outputs)])
    biases.append([Fraction(i) for i in range(outputs)])
    network = Network.from_arrays(weights, biases, slope=slopes)
    note(network.canonical())  # its repr has no numbers
    return network


#: Corners on the grid of the weights (so that hyperplanes run through corners and along sides), and
#: corners that no float is equal to.
BOUNDS = tuple(Fraction(t) for t in "-3 -2 -1 -1/2 -1/3 0 1/7 1/2 1 7/5 2".split())
_SCALES = (Fraction(1),) * 5 + (Fraction(1, 2**40), Fraction(2**40))


@st.composite
def boxes(draw: st.DrawFn, d: int) -> Box:
    """Return a rational box of d dimensions; now and then a tiny or a huge one."""
    lo, hi = [], []
    scale = draw(st.sampled_from(_SCALES))
    for _ in range(d):
        a, b = sorted(draw(st.lists(st.sampled_from(BOUNDS), min_size=2, max_size=2, unique=True)))
        lo.append(a * scale)
        hi.append(b * scale)
    return Box.of(lo, hi, d)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    dims: tuple[int, ...] = (1, 2, 2, 2, 3, 3, 4),
    most_neurons: dict[int, int] = MOST_NEURONS,
) -> tuple[Network, Box]:
    """Return a network and a box of its input space."""
    network = draw(networks(dims=dims, most_neurons=most_neurons))
    return network, draw(boxes(network.num_inputs))

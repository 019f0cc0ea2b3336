"""Networks along a line, exactly: the pieces on which a layer is affine, and zeros on them.

Independent of the partition engine; everything is one-dimensional and rational.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactbn.errors import DimensionError
from exactbn.exact.rational import Vector
from exactbn.model.network import Network
from exactbn.model.slices import restrict

#: An end of an interval; None is infinity.
End = Fraction | None
#: The affine function t -> slope t + constant.
Form = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Piece:
    """A closed interval, lo < hi, on which all preactivations of a layer are affine: ``forms``."""

    lo: End
    hi: End
    forms: tuple[Form, ...]

    def holds(self, t: Fraction) -> bool:
        """Return whether the closed interval holds t."""
        return (self.lo is None or self.lo <= t) and (self.hi is None or t <= self.hi)

    @property
    def inside(self) -> Fraction:
        """Return a point strictly inside."""
        if self.lo is None:
            return Fraction(0) if self.hi is None else self.hi - 1
        return self.lo + 1 if self.hi is None else (self.lo + self.hi) / 2


def pieces(network: Network, layer: int, lo: End = None, hi: End = None) -> list[Piece]:
    """Return the pieces of [lo, hi] for the preactivations of ``layer``, from left to right.

    The network has one input; ``layer`` counts from 0, the output layer included.
    """
    if network.num_inputs != 1:
        raise DimensionError(f"the network has {network.num_inputs} inputs, expected 1")
    found = [Piece(lo, hi, ((Fraction(1), Fraction(0)),))]
    for index, current in enumerate(network.layers[: layer + 1]):
        after = []
        for piece in found:
            forms = tuple(
                (_weighted(row, [slope for slope, _ in piece.forms]),
                 _weighted(row, [constant for _, constant in piece.forms]) + bias)
                for row, bias in zip(current.weight, current.bias, strict=True)
            )
            piece = Piece(piece.lo, piece.hi, forms)
            if index == layer:
                after.append(piece)
                continue
            for part in _split(piece):
                # The sign at an inside point is the sign on the whole part.
                factors = [
                    Fraction(1) if a * part.inside + b > 0 else current.slope for a, b in forms
                ]
                scaled = tuple((f * a, f * b) for f, (a, b) in zip(factors, forms, strict=True))
                after.append(Piece(part.lo, part.hi, scaled))
        found = after
    return found


def zeros(piece: Piece, k: int) -> tuple[End, End] | None:
    """Return the closed interval on which form k of the piece vanishes, None if nowhere."""
    slope, constant = piece.forms[k]
    if slope == 0:
        return (piece.lo, piece.hi) if constant == 0 else None
    root = -constant / slope
    return (root, root) if piece.holds(root) else None


def boundary_points(network: Network, layer: int, k: int) -> list[Fraction]:
    """Return the ends of the intervals on which unit k of a layer vanishes, in order."""
    intervals = (zeros(piece, k) for piece in pieces(network, layer))
    return sorted({t for ends in intervals if ends for t in ends if t is not None})


def distance_to_zero(network: Network, layer: int, k: int, t: Fraction) -> Fraction | None:
    """Return the distance from t to the nearest zero of unit k of a layer, None without zeros."""
    intervals = (zeros(piece, k) for piece in pieces(network, layer))
    distances = [_distance(t, *interval) for interval in intervals if interval is not None]
    return min(distances, default=None)


def common_zero(network: Network, layer: int) -> Fraction | None:
    """Return a point where all units of a layer vanish, or None."""
    for piece in pieces(network, layer):
        roots = {-b / a for a, b in piece.forms if a}
        if len(roots) > 1 or any(b for a, b in piece.forms if not a):
            continue
        root = roots.pop() if roots else piece.inside
        if piece.holds(root):
            return root
    return None


def zero_between(network: Network, layer: int, k: int, a: Vector, b: Vector) -> Vector | None:
    """Return a rational point of the segment from a to b where unit k of a layer vanishes."""
    direction = tuple(t - s for s, t in zip(a, b, strict=True))
    line = restrict(network, a, [direction])
    for piece in pieces(line, layer, Fraction(0), Fraction(1)):
        interval = zeros(piece, k)
        if interval is not None and interval[0] is not None:
            return tuple(s + interval[0] * u for s, u in zip(a, direction, strict=True))
    return None


def _weighted(row: Sequence[Fraction], values: Sequence[Fraction]) -> Fraction:
    """Return the exact inner product."""
    return sum((w * t for w, t in zip(row, values, strict=True)), Fraction(0))


def _split(piece: Piece) -> list[Piece]:
    """Return the parts of a piece between the zeros of its forms."""
    roots = {-b / a for a, b in piece.forms if a}
    cuts = sorted(t for t in roots if piece.holds(t) and t != piece.lo and t != piece.hi)
    ends = [piece.lo, *cuts, piece.hi]
    return [Piece(lo, hi, piece.forms) for lo, hi in zip(ends, ends[1:])]


def _distance(t: Fraction, lo: End, hi: End) -> Fraction:
    """Return the distance from t to the closed interval."""
    if lo is not None and t < lo:
        return lo - t
    return t - hi if hi is not None and t > hi else Fraction(0)

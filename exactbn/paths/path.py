"""Paths of networks: straight lines of parameters from one network to the next, exact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, final

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, to_fraction, to_text, to_vector
from exactbn.exact.values import Value
from exactbn.model.asking import as_network
from exactbn.model.network import Layer, Network
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.asking import NetworkLike


@final
@dataclass(frozen=True, repr=False)
class Path(Value):
    """A network for every t in [t_0, t_m]: networks[i] at t_i, straight lines in between.

    For t = (1 - s) t_i + s t_{i+1} every weight and every bias is (1 - s) times that of network i
    plus s times that of network i + 1. ``times``, ascending, and all parameters are exact. The
    networks are chains (every layer reads the one before it) of one architecture and of the same
    slopes.

    >>> flat = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    >>> moved = Network.from_arrays([[[1]], [[1]]], [["1/2"], [0]])
    >>> Path.through([flat, moved]).at("1/3").layers[0].bias
    (Fraction(1, 6),)
    """

    times: Vector
    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        times = to_vector(self.times, "times")
        networks = tuple(map(as_network, self.networks))
        if len(times) != len(networks) or len(times) < 2:
            raise DimensionError(
                f"a path has {counted(len(times), 'time')} and {counted(len(networks), 'network')},"
                " expected as many of one as of the other, two at least"
            )
        for i, (a, b) in enumerate(pairwise(times)):
            if a >= b:
                raise InputError(
                    f"times[{i}] is {to_text(a)} and times[{i + 1}] is {to_text(b)}, expected "
                    "ascending times"
                )
        for i, network in enumerate(networks):
            _check_alike(networks[0], network.chained("a path"), i)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "networks", networks)

    @classmethod
    def through(cls, networks: "Iterable[NetworkLike]") -> "Path":
        """Return the path that is at network i at the time i."""
        nets = tuple(map(as_network, networks))
        return cls(tuple(map(Fraction, range(len(nets)))), nets)

    def __repr__(self) -> str:
        """Return one short line."""
        ends = f"[{to_text(self.times[0])}, {to_text(self.times[-1])}]"
        return (
            f"<Path of {self.networks[0].architecture} networks over {ends}: "
            f"{counted(len(self.networks) - 1, 'straight line')}>"
        )

    def at(self, t: object) -> Network:
        """Return the network at a time.

        Raises
        ------
        InputError
            If the time is not in the path's interval.
        """
        time = to_fraction(t, "t")
        if not self.times[0] <= time <= self.times[-1]:
            raise InputError(
                f"t is {to_text(time)}, expected {to_text(self.times[0])} <= t <= "
                f"{to_text(self.times[-1])}"
            )
        i = max(j for j in range(len(self.times) - 1) if self.times[j] <= time)
        share = (time - self.times[i]) / (self.times[i + 1] - self.times[i])
        return mixed(self.networks[i], self.networks[i + 1], share)


def mixed(start: Network, end: Network, share: Fraction) -> Network:
    """Return (1 - share) times the parameters of one network plus share times those of another."""
    if share in (0, 1):
        return end if share else start
    policies = {start.sigma_policy, end.sigma_policy}
    layers = [
        Layer(
            tuple(_line(u, v, share) for u, v in zip(a.weight, b.weight, strict=True)),
            _line(a.bias, b.bias, share),
            a.slopes,
        )
        for a, b in zip(start.layers, end.layers, strict=True)
    ]
    return Network(tuple(layers), policies.pop() if len(policies) == 1 else "unknown")


def _line(u: Sequence[Fraction], v: Sequence[Fraction], share: Fraction) -> Vector:
    return tuple(a if a == b else a + share * (b - a) for a, b in zip(u, v, strict=True))


def _check_alike(first: Network, other: Network, index: int) -> None:
    """Raise an error unless two networks have the same layers but for weights and biases."""
    if other.architecture != first.architecture:
        raise DimensionError(
            f"network {index} of the path is {other.architecture}, network 0 is "
            f"{first.architecture}, expected networks of one architecture"
        )
    for k, (a, b) in enumerate(zip(first.layers, other.layers, strict=True)):
        if a.slopes != b.slopes:
            raise InputError(
                f"layer {k} has slope {to_text(b.slope)} in network {index} of the path and "
                f"{to_text(a.slope)} in network 0, expected the same activation"
            )

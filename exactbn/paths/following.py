"""All events of a partition while its network moves along a path, in order, exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.exact.rational import to_fraction, to_text
from exactbn.exact.values import Value
from exactbn.model.arrays import read_only
from exactbn.model.asking import as_domain
from exactbn.model.domain import Box, Domain
from exactbn.paths.path import Path
from exactbn.paths.times import Time
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition
from exactbn.wording import counted

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes

    from exactbn.engines.run import Progress
    from exactbn.model.asking import NetworkLike

#: The pattern of a region, 1 where a hidden unit is on.
Pattern = tuple[int, ...]

#: Where an event is.
PLACES = ("start", "inside", "end")


@final
@dataclass(frozen=True, repr=False)
class Event(Value):
    """A time at which the partition is of another type than just before or just after it.

    The *type* is what the faces are, by the signs of all units and walls on them, and which lie in
    which. ``place`` is "start" or "end" at the ends of the path, where there is nothing before or
    after: there the partition at that time itself stands for it. ``regions_at`` is the number of
    regions at the time itself, None where that is irrational. ``born`` and ``dead`` are the
    patterns of the regions that are only after and only before it, ``gained`` and ``lost`` the
    pairs of patterns of regions that are adjacent only after and only before. ``units`` are the
    hidden units that vanish, numbered over all layers, where vertices meet in the event, and
    ``walls`` those faces of the domain there, as texts. ``is_touch`` says that the partition is of
    one type before and after, and of another one at that moment only.
    """

    time: Time
    place: str
    regions_before: int
    regions_at: int | None
    regions_after: int
    born: tuple[Pattern, ...]
    dead: tuple[Pattern, ...]
    gained: tuple[tuple[Pattern, Pattern], ...]
    lost: tuple[tuple[Pattern, Pattern], ...]
    units: tuple[int, ...]
    walls: tuple[str, ...]
    is_touch: bool

    @property
    def kind(self) -> str:
        """Return what changes: "regions", "adjacencies", "faces", or "touch" for nothing.

        Of "faces" regions and adjacencies are the same before and after.
        """
        if self.is_touch:
            return "touch"
        if self.born or self.dead:
            return "regions"
        return "adjacencies" if self.gained or self.lost else "faces"

    def __repr__(self) -> str:
        """Return one short line; the attributes have the patterns."""
        born, dead = len(self.born), len(self.dead)
        what = f"{born} born, {dead} dead" if self.kind == "regions" else self.kind
        place = "" if self.place == "inside" else f" at the {self.place}"
        return (
            f"<Event at {self.time}{place}: {self.regions_before} -> {self.regions_after} regions, "
            f"{what}>"
        )


@final
@dataclass(frozen=True, repr=False)
class Following(Value):
    """The partition of ``domain`` by the networks of ``path``: its events, and what is between.

    ``events`` are all of them, in order. ``samples``, one more or less than these as events are at
    the ends or not, are rational times, one in each open interval between them, and ``regions`` and
    ``adjacencies`` the numbers in that interval.
    """

    path: Path
    domain: Domain
    events: tuple[Event, ...]
    samples: tuple[Fraction, ...]
    regions: tuple[int, ...]
    adjacencies: tuple[int, ...]

    def __repr__(self) -> str:
        """Return one short line."""
        ends = f"[{to_text(self.path.times[0])}, {to_text(self.path.times[-1])}]"
        return (
            f"<Following of {self.path.networks[0].architecture} networks over {ends}: "
            f"{counted(len(self.events), 'event')}, {min(self.regions)} to {max(self.regions)} "
            "regions>"
        )

    @property
    def breakpoints(self) -> tuple[Time, ...]:
        """Return the times of the events, ascending."""
        return tuple(event.time for event in self.events)

    @cached_property
    def intervals(self) -> "tuple[tuple[Time | Fraction, Time | Fraction], ...]":
        """Return the open intervals between events, and between them and the ends of the path."""
        inside = [event.time for event in self.events if event.place == "inside"]
        ends: list[Time | Fraction] = [self.path.times[0], *inside, self.path.times[-1]]
        return tuple(zip(ends, ends[1:]))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of regions in each of :attr:`intervals`, shape (intervals,)."""
        return read_only(np.array(self.regions, dtype=np.int64))

    def between(self, i: int) -> Partition:
        """Return the partition at the sample of interval i.

        Everywhere in that interval it has the same patterns, adjacencies and faces.
        """
        if not 0 <= i < len(self.samples):
            raise InputError(f"interval {i}, expected 0 to {len(self.samples) - 1}")
        return self.partition_at(self.samples[i])

    def partition_at(self, t: object) -> Partition:
        """Return the partition at a rational time of the path."""
        return partition(self.path.at(t), self.domain, engine="complex")

    def interval_at(self, t: object) -> int | None:
        """Return which interval holds a rational time, None where it is that of an event."""
        time = to_fraction(t, "t")
        self.path.at(time)
        inside = [event.time for event in self.events if event.place == "inside"]
        lo, hi = 0, len(inside)  # by halves: the first event that is not before t
        while lo < hi:
            middle = (lo + hi) // 2
            if inside[middle].side(time) < 0:
                lo = middle + 1
            else:
                hi = middle
        is_event = any(
            event.time.side(time) == 0 for event in (*self.events[:1], *self.events[-1:])
        ) or (lo < len(inside) and inside[lo].side(time) == 0)
        return None if is_event else lo

    def steps(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return (edges, counts) of the step function in floats, for drawing."""
        ends = [pair[0] for pair in self.intervals] + [self.path.times[-1]]
        return np.array([float(t) for t in ends]), self.counts

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the number of regions over time, and a tick at each event; return the axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.figure().add_subplot()
        edges, counts = self.steps()
        ax.stairs(counts, edges, baseline=None, color="#0072b2")
        times = [float(event.time) for event in self.events]
        low = int(counts.min()) - 1
        ax.plot(times, [low] * len(times), linestyle="", marker="|", color="#66727f")
        ax.set_xlabel("t")
        ax.set_ylabel("regions")
        return ax

    def save_movie(
        self, path: "str | PathLike[str]", *, frames: int = 240, force: bool = False
    ) -> None:
        """Write a page with the moving partition, d = 2; see :func:`.movie.write_movie`."""
        from exactbn.paths.movie import write_movie

        write_movie(self, path, frames=frames, force=force)

    def record(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts, for JSON."""
        return {
            "events": [_event_record(event) for event in self.events],
            "samples": list(self.samples),
            "regions": list(self.regions),
            "adjacencies": list(self.adjacencies),
        }


def _event_record(event: Event) -> dict[str, Any]:
    """Return an event as plain numbers and texts."""
    names = (
        "place", "kind", "regions_before", "regions_at", "regions_after", "born", "dead",
        "gained", "lost", "units", "walls",
    )  # fmt: skip
    time = event.time
    return {
        "time": {
            "polynomial": list(map(str, time.polynomial)),
            "interval": list(time.interval),
            "exact": time.exact,
            "float": float(time),
        },
        **{name: getattr(event, name) for name in names},
    }


def follow(
    net0: "NetworkLike",
    net1: "NetworkLike",
    box: "Box | Domain | tuple[object, object]",
    *,
    rows: tuple[object, object] | None = None,
    progress: "Progress | None" = None,
) -> Following:
    """Return all events of the partition on the straight line from one network to another.

    At the time t, 0 <= t <= 1, every weight and every bias is (1 - t) times that of ``net0`` plus t
    times that of ``net1``. Exact: no event is missed, none is told that is none, and the times are
    algebraic numbers, given by a polynomial and an interval (docs/following.md).

    Parameters
    ----------
    net0, net1 : Network
        Chains (every layer reads the one before it) of one architecture with d inputs; what
        :func:`exactbn.partition` takes for a network.
    box : (lo, hi), Box or Domain
        The domain, as for :func:`exactbn.partition`; it must have a box.
    rows : (A, b), optional
        Cuts the domain down to its points with A x <= b, exact.
    progress : callable, optional
        Called with (percent, 100, remark).

    Raises
    ------
    InputError
        If the architectures or activations differ, a network is no chain, or there is no box.

    Examples
    --------
    A line that crosses a square by its bias: its regions are two while it is inside.

    >>> from exactbn.model.network import Network
    >>> start = Network.from_arrays([[[1, 1]], [[1]]], [[-3], [0]])
    >>> end = Network.from_arrays([[[1, 1]], [[1]]], [[3], [0]])
    >>> found = follow(start, end, (-1, 1))
    >>> [str(time) for time in found.breakpoints], found.counts.tolist()
    (['1/6', '1/2', '5/6'], [1, 2, 2, 1])
    >>> found.events[0].born, found.events[1].kind
    (((1,),), 'faces')
    """
    return follow_path(Path.through((net0, net1)), box, rows=rows, progress=progress)


def follow_path(
    path: Path,
    box: "Box | Domain | tuple[object, object]",
    *,
    rows: tuple[object, object] | None = None,
    progress: "Progress | None" = None,
) -> Following:
    """Return all events of the partition along a path, as :func:`follow` does of one line.

    Raises
    ------
    InputError
        If the domain has no box.
    """
    from exactbn.paths.joining import events_along

    domain = as_domain(box, path.networks[0].num_inputs)
    if rows is not None:
        domain = Domain.cut(domain, rows)
    if domain.box is None:
        raise InputError(
            "the domain is all of R^d, expected one with a box: vertices may come from infinity "
            "without one; give box=(lo, hi)"
        )
    return events_along(path, domain, progress)


def pattern_tuples(patterns: NDArray[np.unsignedinteger]) -> list[Pattern]:
    """Return the rows of an array of patterns as tuples."""
    return [tuple(row) for row in patterns.tolist()]


def sorted_pairs(
    patterns: Sequence[Pattern], edges: NDArray[np.int32]
) -> set[tuple[Pattern, Pattern]]:
    """Return adjacent pairs as pairs of patterns in ascending order."""
    return {
        (a, b) if (a := patterns[i]) < (b := patterns[j]) else (b, a) for i, j in edges.tolist()
    }

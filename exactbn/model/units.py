"""Units as the user knows them, and the units of the layers that they are made of."""

from collections.abc import Iterator, Sequence

from exactbn.errors import InputError
from exactbn.exact.stages import Clip, Contest, Max, Unit


def check_units(units: Sequence[Unit], count: int) -> None:
    """Raise InputError unless units are made of all of ``count`` units, each once."""
    members = [unit for known in units for unit in members_of(known)]
    if sorted(members) != list(range(count)):
        raise InputError(
            f"the units of the user are made of {sorted(members)[:8]} and so on, expected each "
            f"of the {count} units of the layers once"
        )
    for known in units:
        if isinstance(known, Max):
            entries = sorted(_entries(known.contest))
            if entries != list(range(len(entries))):
                raise InputError(
                    f"a maximum has the entries {entries[:8]}, expected each number from 0 on once"
                )


def members_of(unit: Unit) -> Iterator[int]:
    """Yield the units of the layers that a unit of the user is made of."""
    if isinstance(unit, int):
        yield unit
    elif isinstance(unit, Clip):
        yield from (unit.low, unit.high)
    else:
        contests: list[Contest | int] = [unit.contest]
        while contests:
            contest = contests.pop()
            if isinstance(contest, Contest):
                yield contest.unit
                contests += (contest.first, contest.second)


def _entries(contest: Contest) -> Iterator[int]:
    """Yield the entries of a maximum."""
    contests: list[Contest | int] = [contest]
    while contests:
        last = contests.pop()
        if isinstance(last, Contest):
            contests += (last.first, last.second)
        else:
            yield last

"""The chambers of all straight lines of a path, joined, and the events between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from flint import fmpz_poly

from exactbn.exact.rational import to_text
from exactbn.model.domain import Domain
from exactbn.model.patterns import unpack
from exactbn.paths.chambers import Line, Shape, partition_of, signs_of
from exactbn.paths.following import Event, Following, Pattern, pattern_tuples, sorted_pairs
from exactbn.paths.path import Path
from exactbn.paths.times import Time, rational_time, time_of
from exactbn.paths.zeros import Zero, to_fraction
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.engines.run import Progress


@dataclass(eq=False)
class _Stretch:
    """The partition between two events: when, and what of it is compared."""

    sample: Fraction
    shape: Shape
    patterns: list[Pattern]


@dataclass(eq=False)
class _Found:
    """What has been found so far: stretches, and a time with its forms between each two."""

    path: Path
    domain: Domain
    stretches: list[_Stretch] = field(default_factory=list)
    borders: list[tuple[Time, set[int]]] = field(default_factory=list)

    def stretch(self, sample: Fraction, shape: Shape) -> _Stretch:
        """Return a stretch with its patterns as tuples."""
        patterns = pattern_tuples(unpack(shape.words, self.path.networks[0].widths))
        return _Stretch(sample, shape, patterns)


def events_along(path: Path, domain: Domain, progress: "Progress | None") -> Following:
    """Return all events of the partition of a domain with a box along a path."""
    found = _Found(path, domain)
    times, last = path.times, len(path.times) - 1
    start: set[int] | None = None  # the forms that vanish at an event at the start
    before: list[Zero] = []  # the zeros at the end of the line before
    for i in range(last):
        if progress is not None:
            progress(100 * i // last, 100, counted(len(found.borders), "event"))

        def report(share: float, i: int = i) -> None:
            if progress is not None:
                progress(int(100 * (i + share)) // last, 100, "")

        line = Line(path.networks[i], path.networks[i + 1], domain)
        chambers = line.chambers(report)
        length = times[i + 1] - times[i]
        for k, chamber in enumerate(chambers):
            zeros = [*(chambers[k - 1].right if k else before), *chamber.left]
            if k:
                time = time_of(zeros[0], _polynomials(zeros), times[i], times[i + 1])
                found.borders.append((time, _forms(zeros)))
            elif zeros and i:
                found.borders.append((rational_time(times[i]), _forms(zeros)))
            elif zeros:
                start = _forms(zeros)
            elif i:
                continue  # of one type with the end of the line before
            sample = times[i] + to_fraction(chamber.sample) * length
            found.stretches.append(found.stretch(sample, chamber.shape))
        before = chambers[-1].right
    return _joined(found, start, _forms(before) if before else None)


def _joined(found: _Found, start: set[int] | None, end: set[int] | None) -> Following:
    """Return the result, with the events at the ends of the path, if any, put to the others."""
    path, stretches = found.path, found.stretches
    events = []
    if start is not None:
        at = _at_end(found, path.times[0])
        border = rational_time(path.times[0]), start
        events.append(_event(found, border, "start", at, stretches[0]))
    for k, border in enumerate(found.borders):
        events.append(_event(found, border, "inside", stretches[k], stretches[k + 1]))
    if end is not None:
        at = _at_end(found, path.times[-1])
        border = rational_time(path.times[-1]), end
        events.append(_event(found, border, "end", stretches[-1], at))
    return Following(
        path,
        found.domain,
        tuple(events),
        tuple(stretch.sample for stretch in stretches),
        tuple(len(stretch.patterns) for stretch in stretches),
        tuple(len(stretch.shape.edges) for stretch in stretches),
    )


def _at_end(found: _Found, t: Fraction) -> _Stretch:
    """Return the partition at an end of the path."""
    part = partition_of(found.path.at(t), found.domain)
    return found.stretch(t, Shape.of(part, signs_of(part)))


def _event(
    found: _Found, border: tuple[Time, set[int]], place: str, a: _Stretch, b: _Stretch
) -> Event:
    """Return the event between two stretches."""
    time, forms = border
    regions_at = None
    if place != "inside":
        regions_at = len((a if place == "start" else b).patterns)
    elif time.exact is not None:
        regions_at = partition_of(found.path.at(time.exact), found.domain).num_regions
    old, new = set(a.patterns), set(b.patterns)
    pairs_before = sorted_pairs(a.patterns, a.shape.edges)
    pairs_after = sorted_pairs(b.patterns, b.shape.edges)
    walls = _wall_names(found.domain)
    return Event(
        time=time,
        place=place,
        regions_before=len(old),
        regions_at=regions_at,
        regions_after=len(new),
        born=tuple(sorted(new - old)),
        dead=tuple(sorted(old - new)),
        gained=tuple(sorted(pairs_after - pairs_before)),
        lost=tuple(sorted(pairs_before - pairs_after)),
        units=tuple(sorted(f - len(walls) for f in forms if f >= len(walls))),
        walls=tuple(walls[f] for f in sorted(forms) if f < len(walls)),
        is_touch=place == "inside" and a.shape.type == b.shape.type,
    )


def _polynomials(zeros: Iterable[Zero]) -> list[fmpz_poly]:
    """Return the polynomials of zeros, each once."""
    return list({str(zero.poly): zero.poly for zero in zeros}.values())


def _forms(zeros: Sequence[Zero]) -> set[int]:
    """Return the walls and units that vanish where zeros say that vertices meet others."""
    forms: set[int] = set()
    for zero in zeros:
        signs, own = cast("tuple[bytes, int]", zero.tag)
        forms.add(own)
        forms.update(i for i, sign in enumerate(signs) if sign == 0)
    return forms


def _wall_names(domain: Domain) -> list[str]:
    """Return what the faces of a domain are called, in the order of their forms."""
    box = domain.box
    assert box is not None
    names = [f"x{i} = {to_text(t)}" for bounds in (box.lo, box.hi) for i, t in enumerate(bounds)]
    return names + [f"row {i}" for i in range(len(domain.matrix))]

"""The domain that options ask for: a box, a ball about a data point, rows, a slice of points."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from exactbn.cli.common import parse_domain
from exactbn.errors import InputError
from exactbn.exact.rational import Vector, to_fraction
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.wording import counted

#: The bounds of the coordinates of a slice through points, where --box does not say others: these
#: are (0, ..., 0) and the unit vectors.
SLICE_BOUNDS = (-1, 2)
#: Sides of a box that are shown to people.
MOST_SIDES = 8

BoxOption = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="LO HI",
        help="Exact bounds such as -1, 0.1 or 1/3, one for every axis or comma-separated "
        "lists; 'none' is all of R^d. Of a slice, of its coordinates.",
    ),
]
RowsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help='Cut the domain by A x <= b: {"rows": [[...], ...], "bounds": [...]}.'
    ),
]
BallOption = Annotated[
    str | None,
    typer.Option(
        metavar="DATA.csv:ROW:RADIUS",
        help="The ball about a data point; ROW counts the data from 0, below the header.",
    ),
]
NormOption = Annotated[
    str, typer.Option(help="Of --ball: 'inf', the greatest coordinate, or '1', their sum.")
]
ThroughOption = Annotated[
    str | None,
    typer.Option(
        metavar="DATA.csv:I,J,...",
        help="The slice through two, three or more data points, which are (0, .., 0), "
        "(1, 0, .., 0), (0, 1, .., 0), ... in its coordinates; --box is of these, -1 2 by default.",
    ),
]
FeaturesOption = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Columns of the data that are the network's inputs."),
]


@dataclass(frozen=True)
class Asked:
    """What options ask for: the network, or that on a slice, and the domain; ``record`` says so.

    ``remarks`` are for people: rows that bound nothing, bounds that nobody named.
    """

    network: Network
    domain: Domain
    record: dict[str, Any]
    remarks: tuple[str, ...]


def asked_domain(
    network: Network,
    box: tuple[str, str] | None,
    rows: Path | None,
    ball: str | None,
    norm: str,
    through: str | None,
    features: str | None,
) -> Asked:
    """Return the network and the domain that the options name.

    Raises
    ------
    InputError
        Which names the option, what was got and what is expected.
    """
    if box is not None and ball is not None:
        raise InputError("--box and --ball are two domains, expected one of them")
    if box is None and ball is None and through is None and rows is None:
        raise InputError(
            "expected one of --box LO HI, --ball DATA.csv:ROW:RADIUS, --through DATA.csv:I,J,K and "
            "--rows FILE; --box none is all of R^d"
        )
    if ball is not None and through is not None:
        raise InputError("--ball is of all inputs and --through of a slice, expected one of them")
    if features is not None and ball is None and through is None:
        raise InputError("--features goes with --ball and --through only")
    if norm != "inf" and ball is None:
        raise InputError(f"--norm {norm} is of a ball, expected --ball DATA.csv:ROW:RADIUS with it")
    names = None if features is None else [name.strip() for name in features.split(",")]
    record: dict[str, Any] = {}
    remarks = []
    if through is not None:
        network, record["slice"] = _slice(network, through, names)
        if box is None:
            lo, hi = SLICE_BOUNDS
            remarks.append(f"The slice's coordinates go from {lo} to {hi}; --box says others.")
            box = str(lo), str(hi)
    d = network.num_inputs
    if ball is not None:
        domain = _ball(network, ball, norm, names)
    else:
        whole = None if box is None else parse_domain(*box, d)
        domain = Domain.space(d) if whole is None else Domain.of(whole)
    if rows is not None:
        domain, idle = _cut(domain, rows)
        remarks += idle
    place = domain.box
    record["box"] = None if place is None else {"lo": place.lo, "hi": place.hi}
    if domain.matrix:
        record["rows"] = {"A": domain.matrix, "b": domain.bounds}
    return Asked(network, domain, record, tuple(remarks))


def _points(
    network: Network, option: str, path: str, texts: list[str], features: list[str] | None
) -> list[Vector]:
    """Return the data points of some numbers."""
    from exactbn.study.dataset import read_csv

    data = read_csv(path, features=features)
    if data.dim != network.num_inputs:
        raise InputError(
            f"{option}: {path} gives {counted(data.dim, 'coordinate')} "
            f"({', '.join(data.features)[:80]}) and the network has "
            f"{counted(network.num_inputs, 'input')}; name as many columns with --features"
        )
    points = []
    for text in texts:
        is_number = text.isascii() and text.isdecimal() and len(text) < 10
        if not is_number or int(text) >= data.num_points:
            raise InputError(
                f"{option}: row {text[:40]!r} of {path}, expected a number from 0 to "
                f"{data.num_points - 1}; 0 is the first below the header"
            )
        points.append(data.points[int(text)])
    return points


def _slice(
    network: Network, text: str, features: list[str] | None
) -> tuple[Network, dict[str, Any]]:
    """Return the network on the slice that --through names, and a record of it."""
    path, _, numbers = text.rpartition(":")
    rows = numbers.split(",")
    if not path or len(rows) < 2:
        raise InputError(
            f"--through is {text!r}, expected DATA.csv:I,J,K with the numbers of two or more rows"
        )
    points = _points(network, "--through", path, rows, features)
    try:
        sliced = network.through(points)
    except InputError as error:
        raise InputError(f"--through: {error}") from None
    return sliced, {"data": path, "rows": [int(row) for row in rows], "points": points}


def _ball(network: Network, text: str, norm: str, features: list[str] | None) -> Domain:
    """Return the ball that --ball names."""
    parts = text.rsplit(":", 2)
    if len(parts) < 3 or not parts[0]:
        raise InputError(f"--ball is {text!r}, expected DATA.csv:ROW:RADIUS")
    path, row, radius = parts
    if norm not in ("inf", "1"):
        raise InputError(f"--norm is {norm!r}, expected 'inf' or '1'")
    (center,) = _points(network, "--ball", path, [row], features)
    size = to_fraction(radius, "--ball: the radius")
    try:
        return Domain.ball(center, size, norm=norm)
    except InputError as error:
        raise InputError(f"--ball: {error}") from None


def _cut(domain: Domain, path: Path) -> tuple[Domain, list[str]]:
    """Return a domain cut by the rows of a file, and which of them bound nothing."""
    from exactbn.readers.json_file import read_rows
    from exactbn.readers.source import Source

    source = Source(path)
    with source.named():
        matrix, bounds = read_rows(source)
        cut = Domain.cut(domain, (matrix, bounds))
    idle = []
    seen = set(zip(domain.matrix, domain.bounds, strict=True))
    for k, (a, b) in enumerate(zip(matrix, bounds, strict=True)):
        form = set(zip(*_form(domain.dim, a, b), strict=True))
        if form <= seen:
            idle.append(f"rows[{k}]")
        seen |= form
    return cut, [f"{', '.join(idle[:20])} of {path} bound nothing new."] if idle else []


def _form(d: int, a: Vector, b: object) -> tuple[Any, Any]:
    """Return a row in the one form that domains keep; none where it bounds nothing."""
    domain = Domain(d, None, (a,), (b,))  # type: ignore[arg-type]
    return domain.matrix, domain.bounds


def slice_text(record: dict[str, Any]) -> str:
    """Return of a slice's record through which points it goes."""
    rows = ", ".join(map(str, record["rows"]))
    return f"of {len(record['points'][0])} inputs, through the rows {rows} of {record['data']}"


def place_text(domain: Domain) -> str:
    """Return what kind of a domain it is, in words."""
    return "its input space" if domain.is_space else "the box" if domain.is_box else "the polytope"


def domain_text(domain: Domain) -> str:
    """Return a domain as a mathematician writes it."""
    if domain.box is None:
        text = f"all of R^{domain.dim}"
    else:
        text = _box_text(domain.box)
    return f"{text}, cut by {counted(len(domain.bounds), 'row')}" if domain.bounds else text


def _box_text(box: Box) -> str:
    """Return a box as a product of intervals, of many the first ones."""
    sides = box.sides()
    if len(sides) > MOST_SIDES:
        sides = [*sides[:3], "...", f"{sides[-1]} ({len(sides)} sides; --json has them all)"]
    return " x ".join(sides)

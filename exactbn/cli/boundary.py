"""``exactbn boundary``: where in a domain the class of a network changes, exactly."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import Logits, load_network, print_json, progress, versions
from exactbn.cli.domains import (
    BallOption,
    BoxOption,
    FeaturesOption,
    NormOption,
    RowsOption,
    ThroughOption,
    asked_domain,
    domain_text,
    place_text,
    slice_text,
)
from exactbn.cli.partition import NetworkArgument, SlopeOption, WorkersOption, slopes
from exactbn.errors import InputError
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.boundary.by_search import SearchedBoundary
    from exactbn.regions.boundary.complex import Boundary


def boundary_command(
    net: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    classes: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Between these two classes only, of several outputs."),
    ] = None,
    side: Annotated[
        str,
        typer.Option(
            help="Of one output f: 'positive', the boundary of {f > 0}, 'negative', or 'zeros'."
        ),
    ] = "positive",
    unit: Annotated[
        int | None,
        typer.Option(metavar="K", help="The bent hyperplane of this hidden unit instead."),
    ] = None,
    workers: WorkersOption = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Print the decision boundary of a network: pieces, components, Betti numbers, exactly.

    The class is the least index of a greatest output, of one output f whether f > 0. The boundary
    is where it changes within the domain: pieces of dimension d - 1, and what of it is in none.

    Exit codes: 0 done, 2 bad input.
    """
    if unit is not None and (classes is not None or side != "positive"):
        raise InputError("--unit is of a hidden unit, --classes and --side are of the outputs")
    network = load_network(net, slope=slopes(slope), logits=logits)
    asked = asked_domain(network, box, rows, ball, norm, through, features)
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    started = time.monotonic()
    with progress("boundary", ["complex"]) as report:
        from exactbn.regions.boundary.asked import bent_hyperplane, decision_boundary

        found: Boundary | SearchedBoundary
        if unit is not None:
            found = bent_hyperplane(
                asked.network, unit, asked.domain, workers=workers, progress=report
            )
        else:
            found = decision_boundary(
                asked.network, asked.domain, classes=_pair(classes), side=side, engine="complex",
                workers=workers, progress=report,
            )  # fmt: skip
    volume = found.volume()
    record: dict[str, Any] = {
        "of": found.what,
        "pieces": found.num_pieces,
        "unbounded": int(found.is_unbounded.sum()),
        "isolated": found.num_isolated,
        "flat_regions": len(found.flat_regions),
        "components": found.num_components,
        "betti": found.betti,
        "f_vector": found.f_vector,
        "volume": {"middle": volume[0], "radius": volume[1]},
        "bends": len(found.bends),
        "bending_units": found.bending_units,
        "complete": found.is_complete,
        "regions": found.partition.num_regions,
        "seconds": round(time.monotonic() - started, 6),
        "network": {
            "file": str(net),
            "architecture": asked.network.architecture,
            "sha256": asked.network.sha256,
        },
        "sigma_policy": asked.network.sigma_policy,
        **asked.record,
    }
    if json:
        print_json({**record, "versions": versions()})
    else:
        _show(found, record)


def _pair(text: str | None) -> tuple[int, ...] | None:
    """Return the two numbers that ``--classes`` says."""
    if text is None:
        return None
    try:
        first, second = (int(t) for t in text.split(","))
    except ValueError:
        raise InputError(f"--classes is {text!r}, expected two numbers such as 0,1") from None
    return first, second


def _show(found: "Boundary | SearchedBoundary", record: dict[str, Any]) -> None:
    """Print what was found for people."""
    from rich.console import Console
    from rich.table import Table

    d = found.domain.dim
    size = {1: "points", 2: "length", 3: "area"}.get(d, f"volume of dimension {d - 1}")
    console = Console(highlight=False)
    table = Table(show_header=False)
    table.add_row("network", record["network"]["architecture"])
    if record.get("slice") is not None:
        table.add_row("slice", slice_text(record["slice"]))
    table.add_row("domain", domain_text(found.domain))
    table.add_row("of", found.what)
    unbounded = record["unbounded"]
    far = f", {unbounded} of them unbounded" if unbounded else ""
    table.add_row("pieces", f"{found.num_pieces}{far}")
    table.add_row("isolated faces", f"{found.num_isolated}")
    table.add_row("components", f"{found.num_components}")
    table.add_row("Betti numbers", " ".join(map(str, found.betti)))
    table.add_row("faces by dimension", " ".join(map(str, found.f_vector)))
    middle, radius = found.volume()
    if record.get("slice") is not None and d > 1:
        size += ", in slice coordinates"
    table.add_row(size, f"{middle:.12g} +- {radius:.1g}" if radius else f"{middle:.12g}")
    table.add_row("bends", f"{record['bends']}, at {counted(len(found.bending_units), 'unit')}")
    if len(found.flat_regions):
        table.add_row("regions that tie", f"{len(found.flat_regions)}")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    proof = "The faces of the complex prove that none is missing." if found.is_complete else (
        "The complex is not proven to be complete."
    )
    console.print(
        f"The {found.what} in {place_text(found.domain)} has "
        f"{counted(found.num_pieces, 'piece')} in {counted(found.num_components, 'component')}. "
        f"All counts are exact. {proof}",
        soft_wrap=True,
    )

"""``exactbn count``: how many regions, adjacencies and faces there are, in little memory."""

import time
from typing import Annotated, Any

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
)
from exactbn.cli.partition import NetworkArgument, SlopeOption, slopes
from exactbn.model.network import SIGMA_POLICIES
from exactbn.wording import counted


def count_command(
    net: NetworkArgument,
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Threads that cut pieces of the domain.")
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop, with no result, after this time.")
    ] = None,
) -> None:
    """Count the regions of a network, the pairs that share a facet, and the faces, exactly.

    The domain is cut piece by piece, and each piece is let go once it is counted. The memory is
    that of some pieces and of the facets between them; the first 64 neurons are cut in one piece,
    and of all of R^d, and with maxima and clips, the patterns are kept.

    Exit codes: 0 done, 2 bad input, 3 stopped by the budget.
    """
    network = load_network(net, slope=slopes(slope), logits=logits)
    asked = asked_domain(network, box, rows, ball, norm, through, features)
    for remark in asked.remarks:
        typer.echo(remark, err=True)
    from exactbn.regions.pieces import count_faces

    started = time.monotonic()
    with progress("percent", ["complex"]) as report:
        counts = count_faces(
            asked.network,
            asked.domain,
            workers=workers,
            max_seconds=max_seconds,
            progress=report,
        )
    record: dict[str, Any] = {
        "regions": counts.regions,
        "unbounded": counts.unbounded,
        "adjacencies": counts.adjacencies,
        "f_vector": counts.f_vector,
        "euler_characteristic": counts.euler_characteristic,
        "pieces": counts.pieces,
        "workers": workers,
        "signs": counts.signs,
        "exact_signs": counts.exact_signs,
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
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(show_header=False)
    neurons = counted(asked.network.num_hidden, "hidden neuron")
    table.add_row("network", f"{asked.network.architecture}, {neurons}")
    table.add_row("normalization", SIGMA_POLICIES[asked.network.sigma_policy])
    table.add_row("domain", domain_text(asked.domain))
    table.add_row("regions", f"{counts.regions}")
    if asked.domain.box is None:
        table.add_row("unbounded regions", f"{counts.unbounded}")
    table.add_row("adjacencies", f"{counts.adjacencies}")
    if counts.f_vector is not None:
        table.add_row("faces by dimension", " ".join(map(str, counts.f_vector)))
    threads = f", on {counted(workers, 'thread')}" if min(workers, counts.pieces) > 1 else ""
    table.add_row("pieces", f"{counts.pieces}{threads}")
    table.add_row("seconds", f"{record['seconds']:.3f}")
    console.print(table)
    where = place_text(asked.domain)
    regions, pairs = counted(counts.regions, "region"), counted(counts.adjacencies, "pair")
    share = "shares" if counts.adjacencies == 1 else "share"
    console.print(
        f"The network cuts {where} into {regions} with interior, and {pairs} of them {share} a "
        "facet. The counts are exact.",
        soft_wrap=True,
    )
    if counts.f_vector is None:
        console.print(
            "Faces are not told: the complex is cut by more than the regions, by the walls with "
            "which all of R^d begins or by entries of a maximum that lose.",
            soft_wrap=True,
        )
    if counts.pieces > 1:
        console.print(
            "Every facet between two pieces was seen from both, and Euler's relation holds of all "
            "pieces together.",
            soft_wrap=True,
        )

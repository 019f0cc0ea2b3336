"""``exactbn plot``: a picture of a partition, for a paper."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import Logits, load_network, parse_box, progress, refuse_others
from exactbn.cli.domains import (
    BallOption,
    BoxOption,
    FeaturesOption,
    NormOption,
    RowsOption,
    ThroughOption,
    asked_domain,
)
from exactbn.cli.partition import SlopeOption, slopes
from exactbn.errors import InputError
from exactbn.output import check_file
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.partition import Partition

#: What --bent takes, and what it means to Partition.plot.
BENT: dict[str, bool | str] = {"layer": True, "unit": "unit", "none": False}

#: Options that a stored partition takes too.
_OF_PICTURES = (
    "net", "out", "data", "features", "color_by", "bent", "boundary", "graph", "window", "inset",
    "inset_region", "output", "cut", "force",
)  # fmt: skip


def plot_command(
    context: typer.Context,
    net: Annotated[
        Path,
        typer.Argument(
            help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt; or the folder of a "
            "partition."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The picture to write: .svg, .pdf or .png.")
    ],
    box: BoxOption = None,
    rows: RowsOption = None,
    ball: BallOption = None,
    norm: NormOption = "inf",
    through: ThroughOption = None,
    features: FeaturesOption = None,
    slope: SlopeOption = None,
    logits: Logits = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA.csv", help="Draw these points, by the classes of the column that has any."
        ),
    ] = None,
    color_by: Annotated[
        str,
        typer.Option(help="'neighbours', 'layer', 'log_volume', 'active', 'output' or 'slope'."),
    ] = "neighbours",
    bent: Annotated[
        str, typer.Option(help="Colour the bent hyperplanes by 'layer', by 'unit', or 'none'.")
    ] = "layer",
    boundary: Annotated[
        bool, typer.Option("--boundary", help="Draw the decision boundary of one output.")
    ] = False,
    graph: Annotated[
        bool, typer.Option("--graph", help="Draw the region adjacency graph over the regions.")
    ] = False,
    window: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LO HI", help="What is shown, exact bounds as of --box."),
    ] = None,
    inset: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="LO HI", help="What is enlarged beside, exact bounds as of --box."),
    ] = None,
    inset_region: Annotated[
        int | None, typer.Option(metavar="I", help="Enlarge this region beside.")
    ] = None,
    output: Annotated[
        int | None, typer.Option(metavar="K", help="Of 'output' and 'slope', which output.")
    ] = None,
    cut: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Of three inputs: where the corner begins that is cut."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Draw the regions of a network of up to three inputs, or of a slice of more, exactly.

    Every polygon is clipped in exact arithmetic, mapped to the window and only then rounded, once:
    a window or an inset of side 1e-12 shows what is there. Three inputs are cut open at a corner.
    """
    from exactbn.drawing.style import check_ending, check_matplotlib, style, write_figure

    check_matplotlib()
    check_ending(out)
    check_file(out, force=force)
    if bent not in BENT:
        raise InputError(f"--bent is {bent!r}, expected one of {', '.join(BENT)}")
    if inset is not None and inset_region is not None:
        raise InputError("--inset and --inset-region are two insets, expected one of them")
    if data is not None and through is not None:
        raise InputError("--data are points of all inputs and --through a slice, expected one")
    if net.is_dir():
        from exactbn.regions.partition import Partition

        refuse_others(context, _OF_PICTURES, f"{net} is a folder, so a partition with its domain")
        part = Partition.open(net)
    else:
        own = None if data is not None and ball is None else features
        network = load_network(net, slope=slopes(slope), logits=logits)
        asked = asked_domain(network, box, rows, ball, norm, through, own)
        for remark in asked.remarks:
            typer.echo(remark, err=True)
        if asked.network.num_inputs > 3:
            raise InputError(
                f"the network has {asked.network.num_inputs} inputs, expected at most 3 for a "
                "picture: draw the slice through three data points, --through DATA.csv:I,J,K"
            )
        from exactbn.regions.partitioning import partition

        with progress("cutting") as report:
            part = partition(asked.network, asked.domain, engine="complex", progress=report)
    d = part.network.num_inputs
    options: dict[str, Any] = {} if data is None else _data(part, data, features)
    if through is not None:
        options["names"] = [f"t{i + 1}" for i in range(d)]
    ax = part.plot(
        color_by=color_by, bent=BENT[bent], boundary=boundary, graph=graph, output=output,
        window=None if window is None else _pairs("--window", window, d),
        inset=inset_region if inset is None else _pairs("--inset", inset, d),
        cut=None if cut is None else cut.split(","), **options,
    )  # fmt: skip
    figure: Any = ax.figure
    with style():
        write_figure(figure, out, force=force)
    typer.echo(f"{out}: {part!r}")


def _data(part: "Partition", path: Path, features: str | None) -> dict[str, Any]:
    """Return the points of a file, their classes and the names of the axes."""
    from exactbn.study.dataset import read_csv

    columns = None if features is None else [name.strip() for name in features.split(",")]
    found = read_csv(path, features=columns)
    if found.dim != part.network.num_inputs:
        raise InputError(
            f"--data: {path} gives {counted(found.dim, 'coordinate')} "
            f"({', '.join(found.features)[:80]}) and the network has "
            f"{counted(part.network.num_inputs, 'input')}; name as many columns with --features"
        )
    return {"data": found.points, "labels": found.labels, "names": found.features}


def _pairs(option: str, bounds: tuple[str, str], d: int) -> list[tuple[Fraction, Fraction]]:
    """Return the window that an option names, one pair an axis."""
    try:
        box = parse_box(*bounds, d)
    except InputError as error:
        message = str(error).replace("--box", option).replace("the box", "the window")
        raise InputError(message) from None
    return list(zip(box.lo, box.hi, strict=True))

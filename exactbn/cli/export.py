"""``exactbn export``: a network as exact JSON, or the region graph of a stored partition."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from exactbn.cli.common import Logits, load_network, progress
from exactbn.cli.partition import SlopeOption, slopes
from exactbn.errors import InputError
from exactbn.output import check_file


def export_command(
    net: Annotated[
        Path,
        typer.Argument(
            help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt; or the folder of a "
            "partition."
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file to write: .json of a network, .graphml, .npz or .parquet of a "
            "partition.",
        ),
    ],
    slope: SlopeOption = None,
    logits: Logits = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write a network as exact JSON: every parameter as the rational number that it is.

    Nothing is rounded: a float becomes the dyadic fraction that it is. The file is what
    'python -I -S exactbn/checker.py OUT.json CERTIFICATE' reads, with no third party.

    Of the folder that 'exactbn partition --out DIR' calls DIR/partition, OUT.graphml is the region
    graph, up to 10^6 regions; OUT.npz its sparse matrix, which scipy.sparse.load_npz reads; and
    OUT.parquet an exact point inside each region. They are what --formats calls graphml, csr and
    witnesses.
    """
    if net.is_dir():
        if slope is not None or logits:
            raise InputError("--slope and --logits are of a network file, and this is a folder")
        _export_partition(net, target, force=force)
        return
    if target.suffix != ".json" and not net.exists():
        raise InputError(f"{net}: there is no such file or folder")
    if target.suffix != ".json":
        raise InputError(f"{target}: expected a name that ends in .json")
    check_file(target, force=force)
    from exactbn.model.files import save_json

    network = load_network(net, slope=slopes(slope), logits=logits)
    save_json(network, target)
    typer.echo(f"{target}: {network.architecture} network, sha256 {network.sha256}")


def _export_partition(folder: Path, target: Path, *, force: bool) -> None:
    """Write what the ending of ``target`` says of a stored partition."""
    from exactbn.regions.graph import write_adjacency, write_graphml, write_witnesses
    from exactbn.regions.partition import Partition

    writers: dict[str, Callable[..., None]] = {
        ".graphml": write_graphml, ".npz": write_adjacency, ".parquet": write_witnesses,
    }  # fmt: skip
    if target.suffix not in writers:
        raise InputError(
            f"{target}: {folder} is a folder, so a partition, expected a name that ends in "
            f"{', '.join(writers)}"
        )
    check_file(target, force=force)
    part = Partition.open(folder)
    with progress("writing", ()) as report:
        writers[target.suffix](part, target, progress=report)
    typer.echo(f"{target}: {part!r}")

"""``exactbn export``: a network as exact JSON, which the checker of certificates reads."""

from pathlib import Path
from typing import Annotated

import typer

from exactbn.cli.common import Logits, load_network
from exactbn.cli.partition import SlopeOption, slopes
from exactbn.errors import InputError
from exactbn.output import check_file


def export_command(
    net: Annotated[
        Path,
        typer.Argument(help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt."),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT.json", help="The file to write.")],
    slope: SlopeOption = None,
    logits: Logits = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write a network as exact JSON: every parameter as the rational number that it is.

    Nothing is rounded: a float becomes the dyadic fraction that it is. The file is what
    'python -I -S exactbn/checker.py OUT.json CERTIFICATE' reads, with no third party.
    """
    if target.suffix != ".json":
        raise InputError(f"{target}: expected a name that ends in .json")
    check_file(target, force=force)
    from exactbn.model.files import save_json

    network = load_network(net, slope=slopes(slope), logits=logits)
    save_json(network, target)
    typer.echo(f"{target}: {network.architecture} network, sha256 {network.sha256}")

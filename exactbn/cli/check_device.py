"""``exactbn check-device``: a GPU against the CPU, sample by sample, and how fast it is."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import EXIT_DISAGREEMENT, parse_domain, print_json, progress, versions
from exactbn.errors import InputError

if TYPE_CHECKING:
    from exactbn.sampling.device_check import DeviceCheck


def check_device_command(
    nets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NET]...",
            help="Files or names of built-in networks; by default 2-64-64, 3-32-32-32, 10-128-128 "
            "and 64-256-256, with random weights.",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="'cuda', 'cuda:1' or 'cpu', which checks the operations that a GPU would run "
            "against the CPU's own loops."
        ),
    ] = "cuda",
    box: Annotated[
        tuple[str, str], typer.Option(metavar="LO HI", help="Where the points are drawn.")
    ] = ("-1", "1"),
    samples: Annotated[
        int, typer.Option(min=1, help="Random points of each network.")
    ] = 10_000_000,
    seed: Annotated[int, typer.Option(help="Of the random points.")] = 0,
    compiled: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the operations with torch.compile; by default on a GPU only.",
        ),
    ] = None,
    plant: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SAMPLE",
            help="Turn a sign round in the device's results at this sample: the check must fail.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Check a GPU against the CPU, sample by sample, and print how fast it is.

    The same float32 points are drawn on both, and both say which neurons are on. Wherever the
    device's own error bound calls all signs of a sample certain, they must be those of the CPU,
    and exact ones where the CPU is in doubt. Then its speed stands beside the CPU's, beside that of
    the bare matrix products and beside the peak of its float32 units.

    Exit codes: 0 agreement, 1 disagreement, 2 bad input or no such device.
    """
    from exactbn.bench.devices import DEVICE_NETWORKS, device_network
    from exactbn.sampling.device_check import check_device
    from exactbn.sampling.devices import find_device

    where = find_device(device)
    checks: dict[str, DeviceCheck] = {}
    for name in nets or DEVICE_NETWORKS:
        network = device_network(name)
        domain = parse_domain(*box, network.num_inputs)
        if domain is None:
            raise InputError("--box is none, expected bounds: random points need a bounded box")
        with progress(name) as report:
            checks[name] = check_device(
                network, domain, samples, device=where, seed=seed, compiled=compiled, plant=plant,
                progress=report,
            )  # fmt: skip
    if json:
        told: dict[str, Any] = {name: check.to_json() for name, check in checks.items()}
        print_json({"networks": told, "versions": versions()})
    else:
        _show(checks)
    wrong = {name: check for name, check in checks.items() if check.differing}
    for name, check in wrong.items():
        count = f"{check.differing} of {check.samples} samples"
        typer.echo(f"disagreement: {name}: {count}, the first: {check.example}", err=True)
    if wrong:
        raise typer.Exit(EXIT_DISAGREEMENT)


def _show(checks: "Mapping[str, DeviceCheck]") -> None:
    """Print the checks for people."""
    from rich.console import Console
    from rich.table import Table

    first = next(iter(checks.values()))
    table = Table(
        title=f"{first.samples} float32 samples on {first.device} and on the CPU",
        title_justify="left",
    )
    for heading in ("network", "wrong", "undecided", "CPU, 1 thread", "device", "Gflop/s",
                    "of the peak", "of bare products", "MB"):  # fmt: skip
        table.add_column(
            heading, justify="left" if heading == "network" else "right", no_wrap=True
        )
    for name, check in checks.items():
        peak = check.share_of_peak
        table.add_row(
            name,
            f"{check.differing}",
            f"{check.undecided[1]}",
            f"{check.cpu_samples_per_second:.3g}/s",
            f"{check.samples_per_second:.3g}/s",
            f"{check.flops / 1e9:.3g}",
            "-" if peak is None else f"{100 * peak:.0f} %",
            f"{100 * check.share_of_bare_product:.0f} %",
            f"{check.peak_bytes / 1e6:.0f}",
        )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, check in checks.items():
        told = "" if check.reason is None else f", as {check.reason}"
        console.print(f"{name}: {check.path}{told}", soft_wrap=True, markup=False)
    console.print(f"Peak: {first.peak_source}.", soft_wrap=True, markup=False)
    wrong = sum(check.differing for check in checks.values())
    console.print(
        f"{wrong} samples are WRONG." if wrong else
        "Every sign that the device calls certain is that of the CPU, or exactly so.",
        soft_wrap=True,
    )  # fmt: skip

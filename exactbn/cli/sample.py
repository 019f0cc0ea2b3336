"""``exactbn sample``: random points against the exact partition."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import (
    EXIT_DISAGREEMENT,
    Logits,
    load_network,
    parse_domain,
    print_json,
    progress,
    versions,
)
from exactbn.errors import InputError, LimitError
from exactbn.model.network import SIGMA_POLICIES, Network
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.regions.partitioning import Partition
    from exactbn.sampling import DeviceComparison, SamplingResult


def sample_command(
    net: Annotated[
        Path,
        typer.Argument(help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt."),
    ],
    box: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="LO HI",
            help="Exact bounds such as -1, 0.1 or 1/3, one for every axis or comma-separated "
            "lists.",
        ),
    ],
    logits: Logits = False,
    samples: Annotated[int, typer.Option(min=1, help="Number of random points.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Of the random points.")] = 0,
    device: Annotated[
        str, typer.Option(help="'cpu', 'cuda' or 'auto', a GPU where there is one.")
    ] = "auto",
    dtype: Annotated[
        str | None,
        typer.Option(
            help="Float type of the points: 'float32' or 'float64'; by default float32, or "
            "float64 where the box is too narrow for it."
        ),
    ] = None,
    compare_devices: Annotated[
        bool,
        typer.Option(
            "--compare-devices",
            help="Also classify the same points on the CPU and on the GPU (without one, on the "
            "CPU in float32 and float64), and compare them one by one.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    max_regions: Annotated[
        int | None, typer.Option(min=1, help="Stop if the partition has more regions.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop if the partition takes longer.")
    ] = None,
) -> None:
    """Check an exact partition by random sampling.

    Every random point is put into its region with certainty: what floats cannot decide, exact
    integers do. No point may have a pattern that the exact set lacks, and the regions must be hit
    in proportion to their exact volumes.

    Exit codes: 0 agreement, 1 disagreement, 2 bad input, 3 the partition was stopped by a budget.
    """
    network = load_network(net, logits=logits)
    part = _partition(network, box, max_regions, max_seconds)
    from exactbn.sampling import compare_devices as compare
    from exactbn.sampling import sample

    with progress("samples") as report:
        result = sample(part, samples, seed=seed, device=device, dtype=dtype, progress=report)
    compared = None
    if compare_devices:
        with progress("devices") as report:
            compared = compare(part, samples, seed=seed, device_b=device, progress=report)
    faults = find_faults(result, compared)
    if json:
        print_json(_record(net, network, result, compared, faults))
    else:
        _show(network, result, compared, faults)
    if faults:
        for fault in faults:
            typer.echo(f"disagreement: {fault}", err=True)
        raise typer.Exit(EXIT_DISAGREEMENT)


def _partition(
    network: Network, box: tuple[str, str], max_regions: int | None, max_seconds: float | None
) -> "Partition":
    """Return the exact partition; a budget that is spent leaves nothing to check."""
    from exactbn.regions.partitioning import partition

    domain = parse_domain(*box, network.num_inputs)
    if domain is None:
        raise InputError("--box is none, expected bounds: random points need a bounded box")
    with progress("neurons") as report:
        try:
            return partition(
                network,
                domain,
                max_regions=max_regions,
                max_seconds=max_seconds,
                progress=report,
            )
        except LimitError as error:
            raise LimitError(f"{error}; nothing was sampled", error.partial) from error


def find_faults(
    result: "SamplingResult", compared: "DeviceComparison | None" = None
) -> list[str]:
    """Return what disagrees, one sentence each."""
    faults = []
    if result.outside:
        faults.append(
            f"{result.outside} of {result.samples} samples have a pattern that the exact set lacks"
        )
    if result.chi_square.contradicts:
        faults.append(
            "the hit counts contradict the exact volumes: chi-square p is "
            f"{result.chi_square.p:.1e}"
        )
    if compared is not None and compared.differing:
        faults.append(
            f"{compared.differing} of {compared.samples} samples are in different regions on "
            f"{compared.first} and {compared.second}, the first at {compared.example}"
        )
    return faults


def _record(
    net: Path,
    network: Network,
    result: "SamplingResult",
    compared: "DeviceComparison | None",
    faults: list[str],
) -> dict[str, Any]:
    """Return the JSON object."""
    return {
        **result.to_json(),
        "disagreements": faults,
        "compare_devices": None if compared is None else compared.to_json(),
        "network": {"file": str(net), "architecture": network.architecture},
        "versions": versions(),
    }


def _show(
    network: Network,
    result: "SamplingResult",
    compared: "DeviceComparison | None",
    faults: list[str],
) -> None:
    """Print the result for people."""
    from rich.console import Console
    from rich.table import Table

    chi, unseen = result.chi_square, result.unseen
    share = float(result.unseen_volume[1] / result.box_volume)
    table = Table(show_header=False)
    for name, text in (
        ("network", f"{network.architecture}, {SIGMA_POLICIES[result.sigma_policy]}"),
        ("samples", f"{result.samples}, seed {result.seed}, {result.dtype} on {result.device}"),
        ("outside the exact set", f"{result.outside}"),
        ("exactly on a boundary", f"{result.on_boundary}"),
        ("not decided by floats", f"{result.undecided_by_float}, decided with proof all the same"),
        ("regions hit", f"{result.hit} of {result.regions}"),
        (
            "hits against volumes",
            f"chi-square {chi.statistic:.1f}, {chi.degrees_of_freedom} degrees of freedom, "
            f"p {chi.p:.3g}, too small below {chi.LEAST_P:.0e}"
            + (f", {chi.pooled} small regions pooled" if chi.pooled else ""),
        ),
        (
            "regions estimated",
            f"{unseen.chao1_regions:.1f} (Chao1), "
            + ("-" if unseen.good_turing_regions is None else f"{unseen.good_turing_regions:.1f}")
            + f" (Good-Turing); the truth is {result.regions}",
        ),
        (
            "volume never hit",
            f"{unseen.good_turing_share:.3g} of the box (Good-Turing); the truth is {share:.3g}",
        ),
        (
            "speed",
            f"{result.samples_per_second:.3g} samples/s, "
            f"{100 * result.share_of_bare_product:.0f} % of the bare matrix products, by "
            f"{result.path}",
        ),
    ):
        table.add_row(name, text)
    if compared is not None:
        table.add_row(
            "devices", f"{compared.differing} differ: {compared.first}, {compared.second}"
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(_sentence(result, faults), soft_wrap=True)


def _sentence(result: "SamplingResult", faults: list[str]) -> str:
    """Return what the numbers say."""
    if faults:
        return "Sampling and the exact partition DISAGREE: " + "; ".join(faults) + "."
    missed = result.regions - result.hit
    if missed:
        tail = (
            f"{counted(missed, 'region')} {'was' if missed == 1 else 'were'} too small to be hit, "
            "which the exact partition knows and sampling cannot see"
        )
    else:
        tail = "every region was hit"
    return (
        "Sampling agrees with the exact partition: every sample lies in one of its regions, as "
        f"often as the volumes say; {tail}."
    )

"""``exactbn explain-bn``: the normalization in a stored network, unit by unit."""

import sys
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exactbn.cli.common import EXIT_BUDGET, Logits, parse_box, print_json, versions
from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import nearest_float, to_text
from exactbn.model.network import SIGMA_POLICIES
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.study.explaining import Channel, Explanation, Hyperplane

#: Lines of a table that are printed if --all is not given.
MANY = 40
#: Characters of a number that is printed as it is.
SHORT = 12


def explain_command(
    model: Annotated[
        Path,
        typer.Argument(help="The network: .npz, .json, .nnet, .onnx, .safetensors or .pt."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The batch: a CSV file with a header row, read exactly."),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Columns to use, comma-separated; by default every numeric one."),
    ] = None,
    slope: Annotated[
        str | None,
        typer.Option(metavar="A,...", help="Slopes, as 'exactbn partition' takes them."),
    ] = None,
    logits: Logits = False,
    box: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="LO HI",
            help="Where regions are counted; by default the box of the data, a quarter of each "
            "side wider.",
        ),
    ] = None,
    max_regions: Annotated[
        int, typer.Option(min=1, help="Give up counting regions beyond this many.")
    ] = 100_000,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Give up counting regions after this time.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Print every unit of large networks.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Explain the batch normalization in a stored network, unit by unit.

    Of each normalization: the mean and the variance that are stored, and whether that variance is
    the biased or the unbiased one of the data, near to one of them, or neither. Of each hidden
    unit: its exact hyperplane, and how far the batch mean of its preactivation is from where ideal
    centering puts it. In the end the regions as stored against those of the ideal network, which
    has the exact mean and the exact biased variance of the data everywhere; if the file tells of no
    normalization, it is the centred one.

    Exit codes: 0 done, 2 bad input, 3 the budget did not suffice to count the regions.
    """
    from exactbn.model.domain import Box
    from exactbn.study.dataset import read_csv
    from exactbn.study.explaining import explain

    chosen = None if features is None else [name.strip() for name in features.split(",")]
    if data is None and (features is not None or box is not None):
        raise InputError("--features and --box are of use with --data only")
    points = None if data is None else read_csv(data, features=chosen).points
    place: Box | None = None
    if box is not None and points is not None:
        place = parse_box(*box, len(points[0]))
    slopes = None if slope is None else slope.split(",") if "," in slope else slope
    try:
        found = explain(
            model, points, slope=slopes, logits=logits, box=place, max_regions=max_regions,
            max_seconds=max_seconds,
        )  # fmt: skip
    except DimensionError as error:
        raise InputError(f"{error}; --features says which columns of the data are used") from error
    if json:
        print_json({**_record(found), "versions": versions()})
    else:
        _show(found, whole)
    if found.regions is not None and found.regions.stopped is not None:
        typer.echo(f"stopped: regions are not counted: {found.regions.stopped}", err=True)
        raise typer.Exit(EXIT_BUDGET)


def _record(found: "Explanation") -> dict[str, Any]:
    """Return the JSON object; every number is exact, a rational or ``"p/q"``."""
    regions = found.regions
    return {
        "network": {
            "architecture": found.network.architecture,
            "sha256": found.network.sha256,
            "notes": found.network.notes,
        },
        "sigma_policy": found.network.sigma_policy,
        "normalizations": [
            {
                "name": channel.normalization.name,
                "channel": channel.index,
                "mean": channel.normalization.mean[channel.index],
                "variance": channel.stored_variance,
                "eps": channel.normalization.eps,
                "sigma": channel.normalization.sigma(channel.index),
                "gamma": _entry(channel.normalization.gamma, channel.index, 1),
                "beta": _entry(channel.normalization.beta, channel.index, 0),
                "batch_mean": channel.mean,
                "batch_biased": channel.biased,
                "batch_unbiased": channel.unbiased,
                "which_variance": channel.which,
            }
            for channel in found.channels
        ],
        "units": [
            {
                "layer": plane.layer,
                "unit": plane.unit,
                "reads": plane.reads,
                "weights": plane.weights,
                "bias": plane.bias,
                "batch_mean": plane.mean,
                "batch_variance": plane.variance,
                "ideal_mean": plane.ideal,
                "gap": plane.gap,
            }
            for plane in found.hyperplanes
        ],
        "no_ideal": found.no_ideal,
        "regions": None if regions is None else {
            "box": {"lo": regions.box.lo, "hi": regions.box.hi},
            "stored": regions.stored,
            "ideal": regions.ideal,
            "common_patterns": regions.common,
            "stopped": regions.stopped,
        },
    }  # fmt: skip


def _entry(values: tuple[Fraction, ...] | None, index: int, default: int) -> Fraction:
    return Fraction(default) if values is None else values[index]


def _show(found: "Explanation", whole: bool) -> None:
    """Print the result for people."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    network = found.network
    for note in network.notes:
        typer.echo(f"{note}.", err=True)
    policy = SIGMA_POLICIES[network.sigma_policy]
    console.print(f"A {network.architecture} network. Its normalization: {policy}.")
    if found.channels:
        _normalizations(console, found, whole)
    else:
        console.print("The file tells of no normalization that has statistics.")
    _units(console, found, whole)
    console.print(
        "Numbers with a ~ are rounded here; --json has all of them exactly. "
        "x are the inputs, h the hidden units, both counted from 0.",
        soft_wrap=True,
    )
    for sentence in _sentences(found):
        console.print(sentence, soft_wrap=True, markup=False)


def _normalizations(console: Any, found: "Explanation", whole: bool) -> None:
    from rich.table import Table

    columns = ["channel", "mean", "variance", "gamma", "beta"]
    if found.channels[0].mean is not None:
        columns += ["batch mean", "biased", "unbiased", "which variance"]
    shown = found.channels if whole else found.channels[:MANY]
    for _, group in groupby(shown, key=lambda channel: id(channel.normalization)):
        channels = list(group)
        norm = channels[0].normalization
        table = Table(*columns, title=f"{norm.name}, eps {_number(norm.eps)}", title_justify="left")
        for channel in channels:
            i = channel.index
            cells = (norm.mean[i], norm.variance[i], _entry(norm.gamma, i, 1),
                     _entry(norm.beta, i, 0))  # fmt: skip
            table.add_row(str(i), *map(_number, cells), *_batch(channel)[: len(columns) - 5])
        console.print(table)
    _left_out(console, len(found.channels), whole, "channel")


def _batch(channel: "Channel") -> tuple[str, ...]:
    parts = (channel.mean, channel.biased, channel.unbiased)
    return (*("-" if t is None else _number(t) for t in parts), channel.which or "-")


def _units(console: Any, found: "Explanation", whole: bool) -> None:
    from rich.table import Table

    has_batch = bool(found.hyperplanes) and found.hyperplanes[0].mean is not None
    table = Table("layer", "unit", "hyperplane")
    for name in ("batch mean", "ideal mean", "gap") if has_batch else ():
        table.add_column(name)
    inputs = found.network.num_inputs
    for plane in found.hyperplanes if whole else found.hyperplanes[:MANY]:
        cells = [str(plane.layer), str(plane.unit), _equation(plane, inputs)]
        if has_batch:
            parts = (plane.mean, plane.ideal, plane.gap)
            cells += ["-" if t is None else _number(t) for t in parts]
        table.add_row(*cells)
    console.print(table)
    _left_out(console, len(found.hyperplanes), whole, "unit")


def _left_out(console: Any, count: int, whole: bool, what: str) -> None:
    if count > MANY and not whole:
        console.print(f"{counted(count - MANY, f'more {what}')}: --all prints them.")


def _equation(plane: "Hyperplane", inputs: int) -> str:
    """Return the equation of a hyperplane, without what it reads with weight 0."""
    terms = []
    for feature, weight in zip(plane.reads, plane.weights, strict=True):
        if weight:
            name = f"x{feature}" if feature < inputs else f"h{feature - inputs}"
            terms.append((weight, name))
    if plane.bias or not terms:
        terms.append((plane.bias, ""))
    text = ""
    for value, name in terms:
        size = _number(abs(value))
        size = name if name and size == "1" else f"{size} {name}".rstrip()
        sign = "-" if value < 0 else "+"
        text += f" {sign} {size}" if text else f"-{size}" if value < 0 else size
    return f"{text} = 0"


def _number(value: Fraction) -> str:
    """Return a number as it is where that is short, else its nearest float, marked."""
    text = to_text(value)
    return text if len(text) <= SHORT else f"{_float(value):.6g}~"


def _float(value: Fraction) -> float:
    return nearest_float(value.numerator, value.denominator)


def _sentences(found: "Explanation") -> list[str]:
    """Return what there is to say in words."""
    if found.no_ideal is not None:
        return [f"There is no ideal network to compare with: {found.no_ideal}."]
    if found.ideal is None:
        return ["With --data the stored network is compared with the ideally centred one."]
    gaps = [abs(plane.gap) for plane in found.hyperplanes if plane.gap is not None]
    far = sum(gap > 0 for gap in gaps)
    greatest = max(gaps, default=Fraction(0))
    sentences = [
        f"{far} of {counted(len(gaps), 'hidden unit')} have a batch mean that is not where ideal "
        f"centering puts it; the greatest gap is {_number(greatest)}."
    ]
    regions = found.regions
    if regions is not None and regions.stored is not None and regions.ideal is not None:
        sides = ", ".join(
            f"[{_number(lo)}, {_number(hi)}]"
            for lo, hi in zip(regions.box.lo, regions.box.hi, strict=True)
        )
        common = "" if regions.common is None else (
            f"; {counted(regions.common, 'pattern')} "
            f"{'is' if regions.common == 1 else 'are'} in both"
        )
        sentences.append(
            f"In {sides}: {counted(regions.stored, 'region')} as stored, "
            f"{regions.ideal} ideally centred{common}."
        )
    return sentences

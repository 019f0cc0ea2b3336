"""How pictures look: colours that colour-blind eyes tell apart, figures, the context of drawing.

matplotlib is an extra and is imported when first used.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exactbn.errors import ExactBNError, InputError
from exactbn.output import create_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Soft colours for regions; neighbours get different ones.
REGION_COLOURS = (
    "#dbe7f3", "#f6e3d0", "#dcedd9", "#efdcea", "#f8f0cf", "#d8ecec", "#f3dbd8", "#e3dff2",
)  # fmt: skip

#: What has no colour: regions without a value, or that are not known.
NO_VALUE = "#e4e7eb"

#: The bent hyperplanes of layers, or of units: the colours of Okabe and Ito that are dark enough.
LINE_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4c9a", "#7a5c00",
)  # fmt: skip
#: Where there are more of them than colours they begin anew, with dashes.
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 2, 1, 2)))

#: Dots an inch.
DPI = 150

BOUNDARY = "#3a4656"
INK = "#1f2933"
MUTED = "#66727f"
PATH = "#c1272d"

#: Colours and markers of the classes of data.
CLASS_STYLES = (
    ("#c1272d", "o"), ("#1b4f9c", "s"), ("#14632f", "D"), ("#7b3294", "^"), ("#b35806", "v"),
    ("#00798c", "P"), ("#5c4d00", "X"), ("#ad1457", "<"), ("#37474f", ">"), ("#000000", "*"),
)  # fmt: skip

#: The endings of the files that a picture can be written to.
ENDINGS = (".png", ".svg", ".pdf")


def colour_regions(num_regions: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return a small number for each region, different for neighbours, evenly used.

    Greedy in order of index: the least used of the colours that no earlier neighbour has.
    """
    neighbours: list[list[int]] = [[] for _ in range(num_regions)]
    for i, j in edges:
        neighbours[i].append(j)
        neighbours[j].append(i)
    colours = [-1] * num_regions
    used = [0] * len(REGION_COLOURS)
    for i in range(num_regions):
        taken = {colours[j] for j in neighbours[i]}
        free = [c for c in range(len(used)) if c not in taken] or list(range(len(used)))
        colours[i] = min(free, key=lambda c: (used[c], c))
        used[colours[i]] += 1
    return colours


def line_width(count: int) -> float:
    """Return the width of the lines of a picture of so many polygons, in points."""
    return 0.6 if count < 1500 else 0.35 if count < 6000 else 0.15


def figure_of(
    rows: int, columns: int, *, width: float, height: float
) -> "tuple[Figure, list[Axes]]":
    """Return a figure without the global state of pyplot, and its axes row by row."""
    figure = new_figure(width, height)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, in inches, which ``savefig`` writes to a file of any kind."""
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: "Figure", path: Path, dpi: int = DPI, *, force: bool = True) -> None:
    """Write a figure as PNG, SVG or PDF, as the name of the file ends.

    Without a time stamp and with fixed names inside, so that equal runs give equal files.

    Raises
    ------
    InputError
        If the name has another ending, or the file cannot be written.
    """
    import matplotlib

    check_ending(path)
    kind = path.suffix.lower().removeprefix(".")
    nothing = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[kind]
    # Texts of an SVG stay texts; its names are made of hashes with a salt, random by default.
    with (
        matplotlib.rc_context({"svg.hashsalt": "exactbn", "svg.fonttype": "none"}),
        create_file(path, force=force) as stream,
    ):
        figure.savefig(stream, format=kind, dpi=dpi, metadata={nothing: None})


def check_ending(path: Path) -> None:
    """Raise InputError unless a picture can be written to a file of that name."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: expected a name that ends in {', '.join(ENDINGS)}")


def style() -> Any:
    """Return the context in which all pictures are drawn."""
    check_matplotlib()
    import matplotlib

    return matplotlib.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "text.color": INK,
            "axes.edgecolor": "#9aa5b1",
            "axes.labelcolor": INK,
            "axes.linewidth": 0.8,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "ytick.labelcolor": INK,
            # Names of columns come from files: a dollar sign in them starts no formula.
            "text.parse_math": False,
        }
    )


def check_matplotlib() -> None:
    """Check that pictures can be drawn, for commands that compute for long before they draw."""
    ticker()


def ticker() -> Any:
    """Return matplotlib.ticker, or say how to get matplotlib."""
    try:
        import matplotlib.ticker
    except ModuleNotFoundError as error:
        raise ExactBNError(
            "pictures need matplotlib, which is not installed; pip install 'exactbn[plot]'"
        ) from error
    return matplotlib.ticker

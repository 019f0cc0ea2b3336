"""The picture of a barcode, as a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from exactbn.drawing.style import check_ending, check_matplotlib, figure_of, style, write_figure

if TYPE_CHECKING:
    from exactbn.regions.topology.persistence import Barcode


def check_picture(path: Path) -> None:
    """Raise an error if no picture can be written under a name, for commands that take long.

    Raises
    ------
    InputError
        If the name has the ending of no kind of picture.
    ExactBNError
        If matplotlib is not installed.
    """
    check_ending(path)
    check_matplotlib()


def write_barcode(bars: "Barcode", path: Path, *, force: bool = False) -> None:
    """Write the picture of a barcode; equal barcodes give equal files.

    Raises
    ------
    InputError, ExactBNError
        As for :func:`check_picture`; if the file exists and ``force`` is not set.
    """
    check_picture(path)
    with style():
        height = min(2.0 + len(bars.bars) / 8, 12.0)
        figure, (ax,) = figure_of(1, 1, width=6.5, height=height)
        bars.draw(ax)
        write_figure(figure, path, force=force)

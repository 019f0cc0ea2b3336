"""The picture of a barcode, as SVG or PNG."""

from pathlib import Path
from typing import TYPE_CHECKING

from exactbn.errors import InputError
from exactbn.output import create_file
from exactbn.study.plots import DPI, check_matplotlib, figure_of, style

if TYPE_CHECKING:
    from exactbn.regions.topology.persistence import Barcode

#: What a picture's file may end in.
FORMATS = (".png", ".svg")


def check_picture(path: Path) -> None:
    """Raise an error if no picture can be written under a name, for commands that take long.

    Raises
    ------
    InputError
        If the name ends in neither .png nor .svg.
    ExactBNError
        If matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: a picture ends in {' or '.join(FORMATS)}")
    check_matplotlib()


def write_barcode(bars: "Barcode", path: Path, *, force: bool = False) -> None:
    """Write the picture of a barcode, without a time stamp: equal barcodes give equal files.

    Raises
    ------
    InputError, ExactBNError
        As for :func:`check_picture`; if the file exists and ``force`` is not set.
    """
    check_picture(path)
    import matplotlib

    with style(), matplotlib.rc_context({"svg.hashsalt": "exactbn", "svg.fonttype": "none"}):
        height = min(2.0 + len(bars.bars) / 8, 12.0)
        figure, (ax,) = figure_of(1, 1, width=6.5, height=height)
        bars.draw(ax)
        stamp = {"Software": None} if path.suffix == ".png" else {"Date": None, "Creator": None}
        with create_file(path, force=force) as stream:
            figure.savefig(stream, format=path.suffix[1:], dpi=DPI, metadata=stamp)

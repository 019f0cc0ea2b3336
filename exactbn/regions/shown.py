"""How a partition is shown: pictures, and expressions of sympy."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exactbn.regions.partition import Partition


class Shown:
    """The methods of a partition that show it; what they need is imported when they are called."""

    __slots__ = ()

    # -- pictures ------------------------------------------------------------------------------

    def plot(
        self, ax: "Axes | None" = None, *, data: Iterable[Iterable[object]] | None = None,
        labels: Sequence[object] | None = None, color_by: object = "neighbours",
        boundary: bool = False, bent: bool | str = True, inset: object = None,
        window: object = None, graph: bool = False, paths: Sequence[Sequence[Any]] = (),
        output: int | None = None, cut: Iterable[object] | None = None,
        names: Sequence[str] | None = None, legend: bool = True,
    ) -> "Axes":  # fmt: skip
        """Draw the regions of up to three inputs, clipped exactly; return the Axes of matplotlib.

        What the options are, and what they draw: :func:`exactbn.regions.plotting.plot`, which this
        calls, and docs/plotting.md.
        """
        from exactbn.regions.plotting import plot

        return plot(
            cast("Partition", self), ax, data=data, labels=labels, color_by=color_by,
            boundary=boundary, bent=bent, inset=inset, window=window, graph=graph, paths=paths,
            output=output, cut=cut, names=names, legend=legend,
        )  # fmt: skip

    def plot_graph(self, ax: "Axes | None" = None, **options: Any) -> "Axes":
        """Draw the region adjacency graph over its regions; options are those of :meth:`plot`."""
        return self.plot(ax, **{"bent": False, "graph": True, **options})

    # -- expressions ---------------------------------------------------------------------------

    def relation(self, i: int, symbols: Sequence[Any] | None = None) -> Any:
        """Return the points with the pattern of region i, as a relation of sympy.

        See :func:`exactbn.regions.symbolic.region_relation`, which this calls.
        """
        from exactbn.regions.symbolic import region_relation

        return region_relation(cast("Partition", self), i, symbols)

    def to_piecewise(
        self, symbols: Sequence[Any] | None = None, *, max_pieces: int = 200
    ) -> tuple[Any, ...]:
        """Return the function of the network on the domain, one Piecewise of sympy an output.

        See :func:`exactbn.regions.symbolic.to_piecewise`, which this calls.
        """
        from exactbn.regions.symbolic import to_piecewise

        return to_piecewise(cast("Partition", self), symbols, max_pieces=max_pieces)

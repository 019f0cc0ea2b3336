"""What is asked of a partition of any engine: regions as objects, paths, shapes, tables."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from exactbn.errors import InputError
from exactbn.regions.region import Region

if TYPE_CHECKING:
    import pandas

    from exactbn.regions.frames import Regions as FrameAsked
    from exactbn.regions.linear import LinearRegions
    from exactbn.regions.linear import Regions as LinearAsked
    from exactbn.regions.location import Location
    from exactbn.regions.region import Regions as RegionAsked
    from exactbn.regions.shapes import Regions as ShapesAsked
    from exactbn.regions.shapes import Shapes
    from exactbn.regions.walking import Path as RegionPath

    class Asked(RegionAsked, LinearAsked, ShapesAsked, FrameAsked, Protocol):
        """What these questions ask of a partition."""

        @property
        def neurons_done(self) -> int:
            """Return how many hidden neurons the patterns know."""

        @property
        def linear(self) -> LinearRegions:
            """Return the linear regions."""

        @property
        def _location(self) -> Location: ...

        def _checked(self, i: object) -> int: ...

        def _check_done(self, what: str) -> None: ...

        def _check_whole(self, what: str) -> None: ...

        @property
        def stopped(self) -> str | None:
            """Return why the partition is incomplete, None where it is not."""


class Questions:
    """The questions, for :class:`exactbn.Partition`, which answers what they ask."""

    def along(self: "Asked", a: Iterable[object], b: Iterable[object]) -> "RegionPath":
        """Return the exact path of regions on the segment from a to b, with its parameters.

        Where the segment crosses several hyperplanes at once that is one parameter; where it lies
        on a boundary between regions, or outside the domain, the region is -1, as
        :meth:`region_of` has no region there. See :class:`exactbn.regions.walking.Path`, and
        :func:`exactbn.along` for networks that are too large for a partition.
        """
        from exactbn.regions.walking import along_regions

        self._check_done("paths")
        return along_regions(self._location, a, b)

    def region(self: "Asked", i: int) -> Region:
        """Return region i as an object: half-spaces, vertices, volume, balls, map, neighbours."""
        return Region(self, self._checked(i))

    def __len__(self: "Asked") -> int:
        """Return the number of regions."""
        return self.num_regions

    def __iter__(self: "Asked") -> Iterator[Region]:
        """Return the regions as objects, in their order."""
        return map(self.region, range(self.num_regions))

    def linear_regions(self: "Asked") -> NDArray[np.int64]:
        """Return one label a region: equal where facet-connected regions have one affine map.

        Exact; labels count from 0 in the order of their first regions. :attr:`linear` tells more.
        """
        return self.linear.labels

    @cached_property
    def linear(self: "Asked") -> "LinearRegions":
        """Return the linear regions: labels, sizes, maps, and which of them are convex."""
        from exactbn.regions.linear import linear_regions

        self._check_whole("linear regions")
        return linear_regions(self, self._location)

    def shapes(self: "Asked") -> "Shapes":
        """Return the distributions of facets, degree, volume, inradius; face counts; the graph's.

        See :class:`exactbn.regions.shapes.Shapes`.
        """
        from exactbn.regions.shapes import Shapes

        self._check_whole("shapes")
        return Shapes(self)

    def to_pandas(self: "Asked", *, exact: bool = False) -> "pandas.DataFrame":
        """Return a table of pandas, one row a region.

        Columns: ``pattern`` (text), ``neighbours`` (how many), ``is_bounded``, ``volume`` (float64
        within the radius that :meth:`volumes` tells, where the engine has volumes), ``x0``, ... (a
        point inside, rounded); with ``exact`` also ``exact_witness`` and ``exact_volume``.
        """
        from exactbn.regions.frames import to_pandas

        return to_pandas(self, exact=exact)

    def _check_whole(self: "Asked", what: str) -> None:
        """Raise InputError where a budget has left regions out: what is beyond is not known."""
        if self.stopped is not None:
            raise InputError(
                f"{what} are those of a whole partition, this one is incomplete: {self.stopped}; "
                "it goes further with a greater budget"
            )

    def _check_done(self: "Asked", what: str) -> None:
        """Raise InputError where patterns do not know all neurons."""
        if self.neurons_done < self.network.num_hidden:
            raise InputError(
                f"the partition is incomplete: {self.neurons_done} of {self.network.num_hidden} "
                f"neurons are done, so its regions have no {what}; raise the budget"
            )

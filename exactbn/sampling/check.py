"""The sampling check: random points against an exact partition.

Untrusted by design: what it reports are estimates and found disagreements, and no exact result is
ever changed by it. Yet each single sample is classified with certainty.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.engines.run import Progress, checked_factor
from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.sampling.checked import (
    CheckedPartition,
    check_request,
    shares_of_box,
    to_integer,
)
from exactbn.sampling.devices import device_name, find_device
from exactbn.sampling.hits import count_hits
from exactbn.sampling.points import choose_dtype, float_bounds
from exactbn.sampling.stage import DTYPES, chunk_size, ieee_products
from exactbn.sampling.stream import CountedStream
from exactbn.sampling.statistics import (
    LEAST_EXPECTED,
    ChiSquare,
    Unseen,
    compare_with_volumes,
    enclose_sum,
    estimate_unseen,
)
from exactbn.sampling.wired import classifier_of


@dataclass(frozen=True, eq=False)
class SamplingResult:
    """What ``samples`` random points of the box say about the exact ``regions``.

    ``outside`` points have a pattern that is no region's: any but 0 refutes the partition.
    ``on_boundary`` points lie exactly on a boundary between regions; the others are counted in
    ``hits``, shape (regions,). ``undecided_by_float`` points had a preactivation within its
    proven float error bound and were evaluated again, exactly where that was needed.
    ``unseen_volume`` encloses, exactly, the total volume of the regions never hit, and
    ``box_volume`` is that of the box. ``path`` says by what points were drawn and counted, and why
    it was not by compiled code where it was not. ``share_of_bare_product`` is the speed as a share
    of the bare matrix products of the same shapes, timed in between.
    """

    samples: int
    outside: int
    on_boundary: int
    regions: int
    undecided_by_float: int
    hits: NDArray[np.int64]
    chi_square: ChiSquare
    unseen: Unseen
    unseen_volume: tuple[Fraction, Fraction]
    box_volume: Fraction
    seed: int
    dtype: str
    device: str
    path: str
    chunk: int
    threads: int
    seconds: float
    samples_per_second: float
    bare_samples_per_second: float
    sigma_policy: str
    network_sha256: str

    @property
    def hit(self) -> int:
        """Return the number of regions that were hit."""
        return int(np.count_nonzero(self.hits))

    @property
    def never_hit(self) -> NDArray[np.int64]:
        """Return the regions that were not hit."""
        return np.flatnonzero(self.hits == 0)

    @property
    def share_of_bare_product(self) -> float:
        """Return the speed as a share of that of the bare matrix products."""
        return self.samples_per_second / self.bare_samples_per_second

    def to_json(self) -> dict[str, object]:
        """Return the result as plain values: numbers, text, lists and dictionaries."""
        lower, upper = self.unseen_volume
        return {
            "samples": self.samples,
            "outside": self.outside,
            "on_boundary": self.on_boundary,
            "regions": self.regions,
            "hit": self.hit,
            "undecided_by_float": self.undecided_by_float,
            "chi_square_p": self.chi_square.p,
            "samples_per_second": self.samples_per_second,
            "device": self.device,
            "chi_square": {**asdict(self.chi_square), "least_expected": LEAST_EXPECTED},
            "unseen": {
                "regions": self.regions - self.hit,
                "volume_share": [float(lower / self.box_volume), float(upper / self.box_volume)],
                "volume": [to_text(lower), to_text(upper)],
                **asdict(self.unseen),
            },
            "seed": self.seed,
            "dtype": self.dtype,
            "path": self.path,
            "chunk": self.chunk,
            "threads": self.threads,
            "seconds": self.seconds,
            "bare_samples_per_second": self.bare_samples_per_second,
            "share_of_bare_product": self.share_of_bare_product,
            "sigma_policy": self.sigma_policy,
            "network_sha256": self.network_sha256,
        }


def sample(
    part: CheckedPartition,
    samples: int = 1_000_000,
    *,
    seed: int = 0,
    device: str | torch.device | None = None,
    dtype: str | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
    filter_factor: float = 1.0,
) -> SamplingResult:
    """Return what random points of the box say about an exact partition.

    Points are drawn uniformly from the box and found in the partition by their activation
    patterns, each with certainty. Memory does not grow with ``samples``.

    Parameters
    ----------
    part : Partition
        Of a box, complete; the regions to check.
    samples : int
        At least 1; a million by default.
    seed : int
        Of the generator; the same seed and dtype give the same points, whatever the device and the
        chunk.
    device : str or torch.device, optional
        A torch device such as "cpu" or "cuda"; by default a GPU where there is one.
    dtype : "float32" or "float64", optional
        The float type of the points, and of the arithmetic that is tried first; by default
        float32, or float64 where the box is too narrow for it.
    chunk : int, optional
        Points that go through the layers together.
    progress : callable, optional
        Called with (points done, all points, remark).
    filter_factor : float
        For tests, >= 1: multiplies the error bounds of the floats; with infinity every sample is
        decided in integers. No count but ``undecided_by_float`` depends on it.

    Raises
    ------
    InputError
        If it is no partition, one of all of R^d or a polytope, or incomplete, if the device is
        absent, an option is unknown, or the box is too narrow for the float type.
    """
    samples, seed = check_request(part, samples, seed)
    dtype = dtype or choose_dtype(part.box)
    chunk = _check_options(dtype, chunk)
    where = find_device(device)
    bounds = float_bounds(part.box, dtype)
    rows = chunk or chunk_size(where, part.network.widths)
    middle, radius = shares_of_box(part, samples)
    with ieee_products():
        classifier = classifier_of(
            part,
            middle,
            bounds,
            dtype=dtype,
            device=where,
            chunk=rows,
            factor=checked_factor(filter_factor),
        )
        stream = CountedStream(bounds, samples, seed, dtype)
        run = count_hits(classifier, stream, progress)
    hits = run.counts[: part.num_regions]
    missed = hits == 0
    least, most = enclose_sum(middle[missed], radius[missed])
    return SamplingResult(
        samples=samples,
        outside=int(run.counts[classifier.outside]),
        on_boundary=int(run.counts[classifier.on_boundary]),
        regions=part.num_regions,
        undecided_by_float=run.undecided,
        hits=hits,
        chi_square=compare_with_volumes(hits, middle),
        unseen=estimate_unseen(hits),
        unseen_volume=(least * part.box.volume, most * part.box.volume),
        box_volume=part.box.volume,
        seed=seed,
        dtype=dtype,
        device=device_name(where),
        path=run.path,
        chunk=rows,
        threads=run.threads,
        seconds=run.seconds,
        samples_per_second=samples / run.seconds,
        bare_samples_per_second=run.bare_samples_per_second,
        sigma_policy=part.sigma_policy,
        network_sha256=part.network.sha256,
    )


def _check_options(dtype: str, chunk: int | None) -> int | None:
    """Return the chunk; raise InputError for options that cannot be used."""
    if dtype not in tuple(DTYPES):  # by equality: it may be anything
        raise InputError(f"dtype {dtype!r}, expected one of {', '.join(DTYPES)}")
    return None if chunk is None else to_integer("chunk", chunk, 1)

"""How often each region is hit by a stream of points, counted by several threads on a CPU."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.engines.run import Progress
from exactbn.sampling.classify import Classifier
from exactbn.sampling.kernels import CompiledStage, CompiledTable
from exactbn.sampling.points import PointStream
from exactbn.sampling.stage import one_thread
from exactbn.sampling.timing import BareProduct, Clock
from exactbn.sampling.wired import WiredClassifier

# Points that a first look into the table did not find are collected until there are this many.
_PENDING = 1 << 13
# Blocks a thread between two measurements of the bare products, which take this share of a block.
_LAP = 8
_BARE_SHARE = 2


@dataclass(frozen=True, eq=False)
class HitCounts:
    """The counts by result of :class:`Classifier`, and the times of the run."""

    counts: NDArray[np.int64]
    undecided: int
    threads: int
    seconds: float
    bare_samples_per_second: float


class HitCounter(ABC):
    """Draws and counts blocks of points, with buffers of its own; one thread uses it."""

    def __init__(self, classifier: Classifier | WiredClassifier, stream: PointStream) -> None:
        self.classifier = classifier
        self.stream = stream
        self.counts = torch.zeros(
            classifier.on_boundary + 1, dtype=torch.int64, device=classifier.device
        )
        self.undecided = 0
        self._buffer = stream.buffer()
        self._pending: list[torch.Tensor] = []
        self._waiting = 0

    def count(self, k: int) -> None:
        """Count the points of block k."""
        for points in torch.split(
            self.stream.draw(k, self._buffer).t(), self.classifier.chunk
        ):
            missed = self._count_found(points)
            if len(missed):
                self._pending.append(points[missed])
                self._waiting += len(missed)
            if self._waiting >= _PENDING:
                self.resolve()

    @abstractmethod
    def _count_found(self, points: torch.Tensor) -> torch.Tensor:
        """Count the points that the first stage finds at once, and return the others' rows."""

    def resolve(self) -> None:
        """Count the points that are left so far."""
        if self._pending:
            regions, undecided = self.classifier.classify(torch.cat(self._pending))
            self.counts.index_add_(0, regions, torch.ones_like(regions, dtype=torch.int64))
            self.undecided += undecided
        self._pending, self._waiting = [], 0


class WiredHitCounter(HitCounter):
    """A counter for networks that are no chains: no point is found at once."""

    def _count_found(self, points: torch.Tensor) -> torch.Tensor:
        return torch.arange(len(points), device=points.device)


class DeviceHitCounter(HitCounter):
    """A counter for any device, made of tensor operations."""

    def __init__(self, classifier: Classifier, stream: PointStream) -> None:
        super().__init__(classifier, stream)
        self._first, self._table = classifier.first, classifier.table

    def _count_found(self, points: torch.Tensor) -> torch.Tensor:
        regions, missed = self._table.look_up(self._first.codes(points))
        ones = torch.ones_like(regions, dtype=torch.int64).index_fill_(0, missed, 0)
        self.counts.index_add_(0, regions, ones)
        return missed


class CompiledHitCounter(HitCounter):
    """A counter for a CPU, with compiled loops between the matrix products."""

    def __init__(self, classifier: Classifier, stream: PointStream, table: CompiledTable) -> None:
        super().__init__(classifier, stream)
        self._table = table
        self._stage = CompiledStage.of(classifier.first)
        self._missed = np.empty(classifier.chunk, dtype=np.int64)

    def _count_found(self, points: torch.Tensor) -> torch.Tensor:
        codes = self._stage.run(points)
        return torch.from_numpy(self._table.count(codes, self.counts.numpy(), self._missed))


def count_hits(
    classifier: Classifier | WiredClassifier, stream: PointStream, progress: Progress | None
) -> HitCounts:
    """Return how many points of the stream have which result.

    On a CPU each thread works on blocks of its own, so that no step waits for another; sums do
    not depend on the order. A GPU is kept busy by one thread.
    """
    counters = make_counters(classifier, stream)
    threads, chunk = len(counters), classifier.chunk
    bare = [
        BareProduct(classifier.shapes, chunk, stream.dtype, stream.device) for _ in counters
    ]
    repeats = max(1, stream.block // _BARE_SHARE // chunk)
    clock, bare_clock = Clock(stream.device), Clock(stream.device)
    lap = _LAP * threads
    with one_thread(), ThreadPoolExecutor(threads) as pool:

        def run(tasks: Sequence[Callable[[], None]]) -> None:
            for future in [pool.submit(task) for task in tasks]:
                future.result()

        # Compiled loops and libraries are loaded by their first use, before the clock starts.
        unclocked = make_counters(classifier, stream)[0]
        run([partial(_count_blocks, unclocked, iter((0,)), True)])
        for start in range(0, stream.num_blocks, lap):
            # The threads share one iterator: each next() is one step of the interpreter.
            blocks = iter(range(start, min(start + lap, stream.num_blocks)))
            is_last = start + lap >= stream.num_blocks
            with clock:
                run([partial(_count_blocks, counter, blocks, is_last) for counter in counters])
            with bare_clock:
                run([partial(product.run, repeats) for product in bare])
            if progress is not None:
                outside = sum(int(c.counts[classifier.outside]) for c in counters)
                done = min((start + lap) * stream.block, stream.samples)
                progress(done, stream.samples, f"{outside} outside")
    counts = torch.stack([counter.counts for counter in counters]).sum(dim=0).cpu().numpy()
    return HitCounts(
        counts,
        sum(counter.undecided for counter in counters),
        threads,
        clock.seconds,
        bare_clock.laps * threads * repeats * chunk / bare_clock.seconds,
    )


def make_counters(
    classifier: Classifier | WiredClassifier, stream: PointStream
) -> Sequence[HitCounter]:
    """Return a counter a thread."""
    threads = min(torch.get_num_threads(), stream.num_blocks)
    if isinstance(classifier, WiredClassifier):
        is_cpu = stream.device.type == "cpu"
        return [WiredHitCounter(classifier, stream) for _ in range(threads if is_cpu else 1)]
    if stream.device.type != "cpu":
        return [DeviceHitCounter(classifier, stream)]
    table = CompiledTable.of(
        classifier.patterns, classifier.weights, classifier.network.widths
    )
    return [CompiledHitCounter(classifier.twin(), stream, table) for _ in range(threads)]


def _count_blocks(counter: HitCounter, blocks: Iterator[int], is_last: bool) -> None:
    """Count blocks, which the threads share, until there are no more."""
    for k in blocks:
        counter.count(k)
    if is_last:
        counter.resolve()

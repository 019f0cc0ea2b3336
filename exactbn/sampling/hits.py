"""How often each region is hit by a stream of points, counted by several threads on a CPU."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from exactbn.engines.run import Progress
from exactbn.sampling.classify import Classifier
from exactbn.sampling.fused import FusedStage, as_codes, words_of_patterns
from exactbn.sampling.kernels import CompiledStage, CompiledTable, gather
from exactbn.sampling.lookup import RegionTable
from exactbn.sampling.stage import DTYPES, one_thread, pool_of
from exactbn.sampling.stream import CountedStream
from exactbn.sampling.timing import BareProduct, Clock
from exactbn.sampling.wired import WiredClassifier

#: Points of a block, the unit of work of a thread.
BLOCK = {"cpu": 1 << 16, "cuda": 1 << 22}
# Points that a first look into the table did not find are collected until there are this many.
_PENDING = 1 << 13
# Of these so many go through the layers together.
_AGAIN = 1 << 10
# Blocks a thread between two measurements of the bare products, which take this share of a block.
_LAP = 8
_BARE_SHARE = 2


@dataclass(frozen=True, eq=False)
class HitCounts:
    """The counts by result of :class:`Classifier`, and the times of the run."""

    counts: NDArray[np.int64]
    undecided: int
    path: str
    threads: int
    seconds: float
    bare_samples_per_second: float


class HitCounter(ABC):
    """Draws and counts blocks of points, with buffers of its own; one thread uses it."""

    def __init__(self, classifier: Classifier | WiredClassifier, stream: CountedStream) -> None:
        self.classifier = classifier
        self.stream = stream
        self.block = BLOCK.get(classifier.device.type, BLOCK["cuda"])
        self.counts = torch.zeros(
            classifier.on_boundary + 1, dtype=torch.int64, device=classifier.device
        )
        self.undecided = 0

    @property
    @abstractmethod
    def path(self) -> str:
        """Return by what points are drawn and counted, in words."""

    @abstractmethod
    def count(self, k: int) -> None:
        """Count the points of block k, but for some that wait."""

    @abstractmethod
    def resolve(self) -> None:
        """Count the points that wait."""

    def _add(self, regions: torch.Tensor) -> None:
        """Count points in these regions."""
        self.counts.index_add_(0, regions, torch.ones_like(regions, dtype=torch.int64))


class TensorHitCounter(HitCounter):
    """A counter whose points wait in rows with a last column of ones."""

    def __init__(self, classifier: Classifier | WiredClassifier, stream: CountedStream) -> None:
        super().__init__(classifier, stream)
        shape = len(stream.bounds[0]) + 1, classifier.chunk
        self._points = torch.ones(shape, dtype=DTYPES[stream.dtype], device=classifier.device)
        self._pending: list[torch.Tensor] = []
        self._waiting = 0

    def count(self, k: int) -> None:
        end = min((k + 1) * self.block, self.stream.samples)
        for start in range(k * self.block, end, self.classifier.chunk):
            missed = self._count_found(start, min(self.classifier.chunk, end - start))
            if len(missed):
                self._pending.append(missed)
                self._waiting += len(missed)
            if self._waiting >= _PENDING:
                self.resolve()

    @abstractmethod
    def _count_found(self, start: int, number: int) -> torch.Tensor:
        """Draw points, count those that are found at once, and return the others' rows."""

    def resolve(self) -> None:
        if self._pending:
            regions, undecided = self.classifier.classify(torch.cat(self._pending))
            self._add(regions)
            self.undecided += undecided
        self._pending, self._waiting = [], 0


class WiredHitCounter(TensorHitCounter):
    """A counter for networks that are no chains: no point is found at once."""

    @property
    def path(self) -> str:
        return "plain torch, as the network is no chain"

    def _count_found(self, start: int, number: int) -> torch.Tensor:
        self.stream.draw(start, self._points[:-1], number)
        return self._points[:, :number].t().clone()


class DeviceHitCounter(TensorHitCounter):
    """A counter for any device, made of tensor operations."""

    def __init__(
        self,
        classifier: Classifier,
        stream: CountedStream,
        *,
        compiled: bool | None = None,
    ) -> None:
        super().__init__(classifier, stream)
        device = classifier.device
        self.stage = FusedStage.of(
            classifier.filtered, dtype=stream.dtype, device=device, chunk=classifier.chunk,
            compiled=compiled,
        )  # fmt: skip
        codes = as_codes(words_of_patterns(classifier.patterns, torch.device("cpu")))
        self._table = RegionTable.of_codes(codes, classifier.weights, device)

    @property
    def path(self) -> str:
        reason = self.stage.reason
        return self.stage.path if reason is None else f"{self.stage.path}, as {reason}"

    def _count_found(self, start: int, number: int) -> torch.Tensor:
        self.stage.draw(self.stream, start, self._points[:-1])
        words, certain = self.stage.codes(self._points[:-1])
        regions, is_found = self._table.find(as_codes(words[:number]), certain[:number])
        self.counts.index_add_(0, regions, is_found.to(torch.int64))
        return self._points[:, torch.nonzero(~is_found).flatten()].t()


class CompiledHitCounter(HitCounter):
    """A counter for a CPU, with compiled loops between the matrix products."""

    def __init__(
        self, classifier: Classifier, stream: CountedStream, table: CompiledTable
    ) -> None:
        super().__init__(classifier, stream)
        inputs = classifier.network.num_inputs
        self._table = table
        self._stage = CompiledStage.of(classifier.first, inputs, classifier.chunk)
        self._second = CompiledStage.of(classifier.second, inputs, _AGAIN)
        self._missed = np.empty(max(classifier.chunk, _AGAIN), dtype=np.int64)
        room = (inputs, _PENDING + classifier.chunk)
        self._waiting = torch.zeros(room, dtype=DTYPES[stream.dtype])
        self._number = 0  # of those that wait
        self._resolve_signs = classifier.resolve_signs

    @property
    def path(self) -> str:
        return "compiled loops"

    def count(self, k: int) -> None:
        stage, counts = self._stage, self.counts.numpy()
        points, waiting = stage.points.numpy(), self._waiting.numpy()
        end = min((k + 1) * self.block, self.stream.samples)
        for start in range(k * self.block, end, stage.chunk):
            number = min(stage.chunk, end - start)
            self.stream.draw(start, stage.points, number)
            stage.run(number)
            left, uncertain = self._table.count(stage, number, counts, self._missed)
            self.undecided += uncertain
            gather(points, self._missed, left, waiting, self._number)
            self._number += left
            if self._number >= _PENDING:
                self.resolve()

    def resolve(self) -> None:
        """Count the points that are left, in float64, and then with bounds of their own."""
        counts, stage = self.counts.numpy(), self._second
        for points in torch.split(self._waiting[:, : self._number], _AGAIN, dim=1):
            number = points.shape[1]
            stage.points[:, :number] = points
            stage.run(number)
            left, _ = self._table.count(stage, number, counts, self._missed)
            if left:
                rest = stage.points[:, torch.from_numpy(self._missed[:left])]
                ones = torch.ones((1, left), dtype=rest.dtype)
                self._add(self._resolve_signs(torch.vstack((rest, ones)).t()))
        self._number = 0


def count_hits(
    classifier: Classifier | WiredClassifier, stream: CountedStream, progress: Progress | None
) -> HitCounts:
    """Return how many points of the stream have which result.

    On a CPU each thread works on blocks of its own, so that no step waits for another; sums do
    not depend on the order. A GPU is kept busy by one thread.
    """
    counters = make_counters(classifier, stream)
    threads, chunk = len(counters), classifier.chunk
    bare = [
        BareProduct(classifier.shapes, chunk, stream.dtype, classifier.device) for _ in counters
    ]
    block, blocks_in_all = counters[0].block, _num_blocks(classifier.device, stream)
    repeats = max(1, block // _BARE_SHARE // chunk)
    clock, bare_clock = Clock(classifier.device), Clock(classifier.device)
    lap = _LAP * threads
    with one_thread(), pool_of(threads) as pool:

        def run(tasks: Sequence[Callable[[], None]]) -> None:
            for future in [pool.submit(task) for task in tasks]:
                future.result()

        # Compiled loops and libraries are loaded by their first use, before the clock starts.
        unclocked = make_counters(classifier, stream)[0]
        run([partial(_count_blocks, unclocked, iter((0,)), True)])
        for start in range(0, blocks_in_all, lap):
            # The threads share one iterator: each next() is one step of the interpreter.
            blocks = iter(range(start, min(start + lap, blocks_in_all)))
            is_last = start + lap >= blocks_in_all
            with clock:
                run([partial(_count_blocks, counter, blocks, is_last) for counter in counters])
            with bare_clock:
                run([partial(product.run, repeats) for product in bare])
            if progress is not None:
                outside = sum(int(c.counts[classifier.outside]) for c in counters)
                done = min((start + lap) * block, stream.samples)
                progress(done, stream.samples, f"{outside} outside")
    counts = torch.stack([counter.counts for counter in counters]).sum(dim=0).cpu().numpy()
    return HitCounts(
        counts,
        sum(counter.undecided for counter in counters),
        counters[0].path,
        threads,
        clock.seconds,
        bare_clock.laps * threads * repeats * chunk / bare_clock.seconds,
    )


def make_counters(
    classifier: Classifier | WiredClassifier, stream: CountedStream
) -> Sequence[HitCounter]:
    """Return a counter a thread."""
    device = classifier.device
    threads = min(torch.get_num_threads(), _num_blocks(device, stream))
    if isinstance(classifier, WiredClassifier):
        number = threads if device.type == "cpu" else 1
        return [WiredHitCounter(classifier, stream) for _ in range(number)]
    if device.type != "cpu":
        return [DeviceHitCounter(classifier, stream)]
    table = CompiledTable.of(classifier.patterns, classifier.weights)
    return [CompiledHitCounter(classifier, stream, table) for _ in range(threads)]


def _num_blocks(device: torch.device, stream: CountedStream) -> int:
    """Return the number of blocks, of which the last may be cut."""
    return -(-stream.samples // BLOCK.get(device.type, BLOCK["cuda"]))


def _count_blocks(counter: HitCounter, blocks: Iterator[int], is_last: bool) -> None:
    """Count blocks, which the threads share, until there are no more."""
    for k in blocks:
        counter.count(k)
    if is_last:
        counter.resolve()

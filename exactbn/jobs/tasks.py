"""What a task of a job does: it cuts a piece of the domain for a while, and says what is left.

A job counts the regions, and keeps :class:`.chunks.Chunk` objects; or it makes the partition, and
keeps all faces in :class:`.joining.Fragment` objects, those of pieces dealt out among them.

A piece is named by its path, see :mod:`exactbn.engines.complex.chunks`. Whoever is given a path
finds the piece again from the network and the domain alone; so tasks can be done by any process, in
any order, twice or after a crash, and say the same.
"""

import time
from dataclasses import dataclass
from functools import cached_property

from exactbn.engines.complex.chunks import Chunk, Cutter, Path, Stoppable, Task, as_chunk
from exactbn.engines.complex.joining import Fragment, as_fragment, dealt_fragment
from exactbn.engines.run import one_blas_thread
from exactbn.exact.values import Value
from exactbn.model.domain import Domain
from exactbn.model.network import Network


#: What is kept of a piece.
Kept = Chunk | Fragment
COUNT, PARTITION = "count", "partition"


@dataclass(frozen=True)
class Job(Value):
    """A domain that a network cuts, in pieces that begin with about ``size`` faces.

    ``kind`` says what for: ``"count"`` or ``"partition"``.
    """

    network: Network
    domain: Domain
    size: int
    kind: str = COUNT

    @cached_property
    def cutter(self) -> Cutter[Chunk] | Cutter[Fragment]:
        """Return what cuts the pieces in this process; it remembers where it was last."""
        common = self.network, self.domain, Stoppable(), self.size, 1.0
        if self.kind == COUNT:
            return Cutter(*common, as_chunk)
        return Cutter(*common, as_fragment, are_alike=True)

    def of_dealt(self, task: Task) -> tuple[Fragment, ...]:
        """Return what is kept of the piece of which a task is a part."""
        if self.kind == COUNT or task.dealt is None:
            return ()
        return (dealt_fragment(task.path[:-1], task.dealt),)


@dataclass(frozen=True, eq=False)
class Result:
    """What was found in the piece ``path``: what was ``kept``, and what is in the pieces left.

    ``dealt`` are the pieces that were dealt out, each with the number of its pieces: the leaves of
    that tree are what was kept of finished pieces, and the pieces ``left``.
    """

    path: Path
    kept: tuple[Kept, ...]
    dealt: tuple[tuple[Path, int], ...]
    left: tuple[Path, ...]


def cut_for(job: Job, path: Path, seconds: float) -> Result:
    """Cut a piece for about so many seconds, at least one step."""
    started = time.monotonic()
    kept: list[Kept] = []
    dealt: list[tuple[Path, int]] = []
    with one_blas_thread():
        waiting = [job.cutter.find(path)]
        while waiting and (not (kept or dealt) or time.monotonic() - started < seconds):
            # The last one first, so that what is begun is finished and let go.
            task = waiting.pop()
            result = job.cutter.advance(task)
            if isinstance(result, list):
                job.cutter.remember(task.path, result)
                dealt.append((task.path, len(result)))
                kept += job.of_dealt(result[0])
                waiting += reversed(result)
            else:
                kept.append(result)
    return Result(path, tuple(kept), tuple(dealt), tuple(task.path for task in waiting))

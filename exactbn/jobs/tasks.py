"""What a task of a job does: it cuts a piece of the domain for a while, and says what is left.

A piece is named by its path, see :mod:`exactbn.engines.complex.chunks`. Whoever is given a path
finds the piece again from the network and the domain alone; so tasks can be done by any process, in
any order, twice or after a crash, and say the same.
"""

import time
from dataclasses import dataclass
from functools import cached_property

from exactbn.engines.complex.chunks import Chunk, Cutter, Path, Stoppable, as_chunk
from exactbn.engines.run import one_blas_thread
from exactbn.exact.values import Value
from exactbn.model.domain import Domain
from exactbn.model.network import Network


@dataclass(frozen=True)
class Job(Value):
    """A domain that a network cuts, in pieces that begin with about ``size`` faces."""

    network: Network
    domain: Domain
    size: int

    @cached_property
    def cutter(self) -> Cutter[Chunk]:
        """Return what cuts the pieces in this process; it remembers where it was last."""
        return Cutter(self.network, self.domain, Stoppable(), self.size, 1.0, as_chunk)


@dataclass(frozen=True, eq=False)
class Result:
    """What was found in the piece ``path``: it has the ``chunks`` and what is in the pieces left.

    ``dealt`` are the pieces that were dealt out, each with the number of its pieces: the leaves of
    that tree are the chunks and what is ``left``.
    """

    path: Path
    chunks: tuple[Chunk, ...]
    dealt: tuple[tuple[Path, int], ...]
    left: tuple[Path, ...]


def cut_for(job: Job, path: Path, seconds: float) -> Result:
    """Cut a piece for about so many seconds, at least one step."""
    started = time.monotonic()
    chunks: list[Chunk] = []
    dealt: list[tuple[Path, int]] = []
    with one_blas_thread():
        waiting = [job.cutter.find(path)]
        while waiting and (not (chunks or dealt) or time.monotonic() - started < seconds):
            # The last one first, so that what is begun is finished and let go.
            task = waiting.pop()
            result = job.cutter.advance(task)
            if isinstance(result, Chunk):
                chunks.append(result)
            else:
                job.cutter.remember(task.path, result)
                dealt.append((task.path, len(result)))
                waiting += reversed(result)
    return Result(path, tuple(chunks), tuple(dealt), tuple(task.path for task in waiting))

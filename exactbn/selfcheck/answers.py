"""Several answers to one question, the partition of a network, in a form that can be compared.

A region is named by its pattern, so the order in which an engine finds the regions is forgotten.
:data:`OPINIONS` lists who is asked.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from pathlib import Path
from threading import current_thread, main_thread
from typing import NoReturn

from exactbn.errors import ExactBNError
from exactbn.regions.partitioning import partition
from exactbn.selfcheck.brute import brute_partition, volume
from exactbn.selfcheck.networks import Problem

Pattern = bytes
Edge = frozenset[Pattern]

#: What broken code may raise; an answer that ends in one of these is a finding too.
CRASHES = (
    ExactBNError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError,
    TimeoutError, TypeError, ValueError,
)  # fmt: skip
#: Seconds for one answer: thousands of times more than it takes, and enough to compile kernels.
PATIENCE = 120
#: Exact volumes are compared where all regions together have at most about this many simplices.
MOST_SIMPLICES = 150


@dataclass(frozen=True)
class Answer:
    """The regions, the adjacent pairs, the unbounded regions and, maybe, the bounded volumes.

    ``complaints`` says what is wrong with the answer by itself.
    """

    regions: frozenset[Pattern]
    edges: frozenset[Edge]
    unbounded: frozenset[Pattern]
    volumes: dict[Pattern, Fraction] | None = None
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opinion:
    """Somebody who answers: ``answer(problem, path)``; one who certifies writes a proof there."""

    name: str
    answer: Callable[[Problem, Path | None], Answer]
    certifies: bool = False


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the body when it takes too long: an engine without end is wrong too.

    A signal does it, so it takes a main thread, a system that has this one, and Python code now
    and then; elsewhere nothing is limited.
    """
    if not hasattr(signal, "SIGALRM") or current_thread() is not main_thread():
        yield
        return

    def stop(number: int, frame: object) -> NoReturn:
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def engine_answer(engine: str, problem: Problem, certificate: Path | None) -> Answer:
    """Return the answer of an engine of :func:`exactbn.partition`."""
    if certificate is not None:
        certificate.unlink(missing_ok=True)
    part = partition(problem.network, problem.box, engine=engine, certificate=certificate)
    names = [row.tobytes() for row in part.patterns]
    pairs = [frozenset((names[i], names[j])) for i, j in part.edges.tolist()]
    unbounded = part.is_unbounded.tolist()
    complaints = []
    if not part.is_complete:
        complaints.append("calls its answer incomplete")
    if len(set(names)) < len(names):
        complaints.append("has two regions of one pattern")
    if len(set(pairs)) < len(pairs) or any(len(pair) < 2 for pair in pairs):
        complaints.append("has an adjacency twice, or of a region with itself")
    volumes = None
    if part.has_faces and _has_few_simplices(problem, len(names)):
        volumes = {name: part.volume(i) for i, name in enumerate(names) if not unbounded[i]}
    return Answer(
        frozenset(names),
        frozenset(pairs),
        frozenset(name for name, far in zip(names, unbounded, strict=True) if far),
        volumes,
        tuple(complaints),
    )


def brute_answer(problem: Problem, certificate: Path | None = None) -> Answer:
    """Return the answer of brute force."""
    part = brute_partition(problem.network, problem.box)
    names = {region: bytes(region.pattern) for region in part.regions}
    volumes = None
    if _has_few_simplices(problem, len(names)):
        d = problem.network.num_inputs
        volumes = {name: volume(r, d) for r, name in names.items() if not r.is_unbounded}
    return Answer(
        frozenset(names.values()),
        frozenset(frozenset(map(bytes, edge)) for edge in part.edges),
        frozenset(name for region, name in names.items() if region.is_unbounded),
        volumes,
    )


def _has_few_simplices(problem: Problem, regions: int) -> bool:
    """Return whether exact volumes take little time."""
    return regions * factorial(problem.network.num_inputs) <= MOST_SIMPLICES


def _complex(problem: Problem, certificate: Path | None) -> Answer:
    return engine_answer("complex", problem, certificate)


def _lp(problem: Problem, certificate: Path | None) -> Answer:
    return engine_answer("lp", problem, certificate)


#: Who is asked, in this order. One who is wrong often is found as well if he is the first.
OPINIONS = (
    Opinion("complex engine", _complex, certifies=True),
    Opinion("LP engine", _lp, certifies=True),
    Opinion("brute force", brute_answer),
)


def differences(answers: Sequence[tuple[str, Answer]]) -> Iterator[str]:
    """Yield in what the answers differ from the first one, one sentence each."""
    for name, answer in answers:
        for complaint in answer.complaints:
            yield f"{name}: {complaint}"
    (first, one), *others = answers
    for name, other in others:
        for what, mine, yours in (
            ("regions", one.regions, other.regions),
            ("adjacencies", one.edges, other.edges),
            ("unbounded regions", one.unbounded, other.unbounded),
        ):
            if mine != yours:
                yield (
                    f"{what}: {len(mine - yours)} of {len(mine)} by the {first} only, "
                    f"{len(yours - mine)} of {len(yours)} by the {name} only"
                )
        if one.volumes is not None and other.volumes is not None and one.volumes != other.volumes:
            yield f"volumes: the {first} and the {name} differ"


def volumes_compared(answers: Sequence[tuple[str, Answer]]) -> int:
    """Return how many exact volumes at least two of the answers have."""
    having = Counter(name for _, answer in answers for name in answer.volumes or ())
    return sum(count > 1 for count in having.values())

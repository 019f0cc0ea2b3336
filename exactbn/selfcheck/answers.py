"""Several answers to one question, the partition of a network, in a form that can be compared.

A region is named by its pattern, with clips and maxima by its label, so the order in which an
engine finds the regions is forgotten.
:data:`OPINIONS` lists who is asked.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from math import factorial, isfinite
from pathlib import Path
from threading import current_thread, main_thread
from typing import NoReturn

import numpy as np

from exactbn.engines.run import Budget
from exactbn.errors import ExactBNError, InputError, LimitError
from exactbn.model.asking import as_domain
from exactbn.model.domain import Domain
from exactbn.model.labels import labels_of
from exactbn.model.network import Network
from exactbn.regions.by_lattice import cut_lattice, joined_lattice
from exactbn.regions.merging import labels_of_words
from exactbn.regions.partition import Partition
from exactbn.regions.partitioning import partition
from exactbn.regions.pieces import Regions, regions_in_pieces
from exactbn.selfcheck.brute import brute_partition, num_vertices, volume
from exactbn.selfcheck.points import misplaced
from exactbn.selfcheck.problem import Problem

Pattern = bytes
Edge = frozenset[Pattern]

#: What broken code may raise; an answer that ends in one of these is a finding too.
CRASHES = (
    ExactBNError, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError,
    OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
#: Seconds for one answer: thousands of times more than it takes, and enough to compile kernels.
PATIENCE = 120
#: Exact volumes are compared where all regions together have at most about this many simplices.
MOST_SIMPLICES = 150
#: Axes up to which enclosures of volumes are asked for; a cube has as many simplices as d!.
MOST_AXES = 5


class Silence(Exception):
    """Somebody who is asked cannot follow; the message says why."""


@dataclass(frozen=True)
class Answer:
    """The regions, the adjacent pairs, the unbounded regions; maybe volumes and vertices.

    ``volumes`` are those of the bounded regions, ``vertices`` is how many points are vertices of
    regions of a box, ``complaints`` says what is wrong with the answer by itself.
    """

    regions: frozenset[Pattern]
    edges: frozenset[Edge]
    unbounded: frozenset[Pattern]
    volumes: dict[Pattern, Fraction] | None = None
    vertices: int | None = None
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opinion:
    """Somebody who answers: ``answer(problem, path)``; one who certifies writes a proof there.

    Who cannot follow raises :class:`Silence`.
    """

    name: str
    answer: Callable[[Problem, Path | None], Answer]
    certifies: bool = False


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the body when it takes too long: an engine without end is wrong too.

    The seconds are those that this process computes, so that a busy machine changes nothing. A
    signal does it, so it takes a main thread, a system that has this one, and Python code now and
    then; elsewhere nothing is limited.
    """
    if not hasattr(signal, "SIGPROF") or current_thread() is not main_thread():
        yield
        return

    def stop(number: int, frame: object) -> NoReturn:
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


#: What is said of a domain without interior points.
NOTHING = Answer(frozenset(), frozenset(), frozenset())


def engine_answer(engine: str, problem: Problem, certificate: Path | None) -> Answer:
    """Return the answer of an engine of :func:`exactbn.partition`."""
    if certificate is not None:
        certificate.unlink(missing_ok=True)
    try:
        part = partition(
            problem.network, problem.box, rows=problem.rows, engine=engine, certificate=certificate
        )
    except InputError:
        # Of all problems only those with rows may have a domain that cannot be cut.
        if problem.rows is None:
            raise
        return NOTHING
    return _answer_of(problem, part)


def _answer_of(problem: Problem, part: Partition) -> Answer:
    """Return what a partition says, and what is wrong with it."""
    names = [row.tobytes() for row in part.patterns]
    pairs = [frozenset((names[i], names[j])) for i, j in part.edges.tolist()]
    unbounded = part.is_unbounded.tolist()
    volumes = None
    if part.has_faces and _has_few_simplices(problem, len(names)):
        volumes = {name: part.volume(i) for i, name in enumerate(names) if not unbounded[i]}
    return Answer(
        frozenset(names),
        frozenset(pairs),
        frozenset(name for name, far in zip(names, unbounded, strict=True) if far),
        volumes,
        None if part.f_vector is None else part.f_vector[0],
        tuple(_complaints(problem, part, names, pairs, volumes)),
    )


def _complaints(
    problem: Problem,
    part: Partition,
    names: list[Pattern],
    pairs: list[Edge],
    volumes: dict[Pattern, Fraction] | None,
) -> Iterator[str]:
    """Yield what is wrong with a partition by itself."""
    if not part.is_complete:
        yield "calls its answer incomplete"
    if len(set(names)) < len(names):
        yield "has two regions of one pattern"
    if len(set(pairs)) < len(pairs) or any(len(pair) < 2 for pair in pairs):
        yield "has an adjacency twice, or of a region with itself"
    wrong = misplaced(problem, names, part.witnesses())
    if wrong:
        yield f"has {wrong} witnesses that are not in their regions"
    faces = part.f_vector
    if faces is not None:
        if sum((-1) ** k * count for k, count in enumerate(faces)) != 1:
            yield f"breaks Euler's relation with the f-vector {faces}"
        if faces[-1] != len(names):
            yield f"has {len(names)} regions and {faces[-1]} faces of full dimension"
    is_whole = problem.box is not None and problem.rows is None
    if is_whole and not _sum_to(part.box.volume, part, volumes):
        yield "has volumes that do not sum to the box's"


def _sum_to(whole: Fraction, part: Partition, volumes: dict[Pattern, Fraction] | None) -> bool:
    """Return whether exact volumes, or enclosures of volumes, may sum to the box's."""
    if volumes is not None:
        return sum(volumes.values()) == whole
    if not part.has_faces or part.network.num_inputs > MOST_AXES:
        return True
    middle, radius = part.volumes()
    if not all(map(isfinite, (*middle, *radius))):
        return True
    total, room = (sum(map(Fraction, t.tolist())) for t in (middle, radius))
    return abs(total - whole) <= room


def brute_answer(problem: Problem, certificate: Path | None = None) -> Answer:
    """Return the answer of brute force.

    Raises
    ------
    Silence
        If the problem is too large for it.
    """
    try:
        part = brute_partition(problem.network, problem.box, problem.rows)
    except LimitError as error:
        raise Silence(str(error)) from None
    named = _namer(problem)
    names = {region: named(bytes(region.pattern)) for region in part.regions}
    unbounded = frozenset(name for region, name in names.items() if region.is_unbounded)
    pairs = (frozenset(named(bytes(pattern)) for pattern in edge) for edge in part.edges)
    volumes = None
    if _has_few_simplices(problem, len(names)):
        d = problem.network.num_inputs
        volumes = dict.fromkeys(set(names.values()) - unbounded, Fraction(0))
        for region, name in names.items():
            if name in volumes:
                volumes[name] += volume(region, d)
    return Answer(
        frozenset(names.values()),
        frozenset(pair for pair in pairs if len(pair) > 1),
        unbounded,
        volumes,
        None if problem.box is None or problem.network.units else num_vertices(part),
    )


def _namer(problem: Problem) -> Callable[[bytes], Pattern]:
    """Return what names the region of a pattern: itself, or with clips and maxima its label."""
    units = problem.network.units
    if not units:
        return lambda pattern: pattern
    return lambda pattern: labels_of(units, np.frombuffer(pattern, np.uint8)[None])[0].tobytes()


def _has_few_simplices(problem: Problem, regions: int) -> bool:
    """Return whether exact volumes take little time."""
    return regions * factorial(problem.network.num_inputs) <= MOST_SIMPLICES


def pieces_answer(problem: Problem, certificate: Path | None = None) -> Answer:
    """Return the answer of the complex engine in as many pieces as can be.

    They are joined to one complex, with regions numbered as in one piece, and counted one by one:
    both must say the same.
    """
    network = problem.network
    domain = as_domain(problem.box, network.num_inputs)
    try:
        if problem.rows is not None:
            domain = Domain.cut(domain, problem.rows)
        part = Partition(network, domain, joined_lattice(network, domain, 1))
    except InputError:
        if problem.rows is None:
            raise
        return NOTHING
    answer = _answer_of(problem, part)
    return replace(answer, complaints=(*answer.complaints, *_miscounts(part)))


def _miscounts(part: Partition) -> Iterator[str]:
    """Yield in what the regions counted in pieces are not those of a partition."""
    found, counts = regions_in_pieces(part.network, part.domain, 1)
    if (counts.regions, counts.adjacencies) != (len(found.words), len(found.edges)):
        yield f"counts {counts.regions} regions and {counts.adjacencies} adjacencies"
    if counts.f_vector is not None and counts.f_vector != part.f_vector:
        yield f"counts the faces {counts.f_vector}, and has {part.f_vector}"
    regions, pairs = zip(*(_named(part.network, own) for own in (found, part)))
    if regions[0] != regions[1] or pairs[0] != pairs[1]:
        yield "counts other regions or adjacencies than it has"
    whole = cut_lattice(part.network, part.domain, budget=Budget())
    if not np.array_equal(whole.words, part.words):
        yield "numbers the regions otherwise than in one piece"


def _named(
    network: Network, regions: Regions | Partition
) -> tuple[Counter[bytes], Counter[frozenset[bytes]]]:
    """Return how often each region is there, and each pair of adjacent ones, by their labels."""
    names = [row.tobytes() for row in labels_of_words(network, regions.words)]
    return Counter(names), Counter(frozenset((names[i], names[j])) for i, j in regions.edges)


def _complex(problem: Problem, certificate: Path | None) -> Answer:
    return engine_answer("complex", problem, certificate)


def _lp(problem: Problem, certificate: Path | None) -> Answer:
    return engine_answer("lp", problem, certificate)


#: Who is asked, in this order. One who is wrong often is found as well if he is the first.
OPINIONS = (
    Opinion("complex engine", _complex, certifies=True),
    Opinion("LP engine", _lp, certifies=True),
    Opinion("engine in pieces", pieces_answer),
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
    counted = {name: a.vertices for name, a in answers if a.vertices is not None}
    if len(set(counted.values())) > 1:
        yield "vertices: " + ", ".join(f"{count} by the {name}" for name, count in counted.items())


def volumes_compared(answers: Sequence[tuple[str, Answer]]) -> int:
    """Return how many exact volumes at least two of the answers have."""
    having = Counter(name for _, answer in answers for name in answer.volumes or ())
    return sum(count > 1 for count in having.values())

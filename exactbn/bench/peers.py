"""exactbn beside other programs: the same networks, on the same core, in turn, right or wrong.

What exactbn counts is exact, and its partition is established to be complete. A network is what is
in the file that the peers are given: its parameters are rounded to floats before, and exactbn reads
that file too.
"""

import os
import statistics
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from operator import truediv
from pathlib import Path
from typing import Any

import numpy as np

from exactbn.bench.engines import (
    Recipe,
    named_network,
    named_recipe,
    partition_and_graph,
    random_network,
    warm_up,
)
from exactbn.bench.programs import Answer, Failure, Program, ask
from exactbn.errors import InputError, InternalError
from exactbn.model.domain import Box
from exactbn.model.files import load
from exactbn.model.network import Network

#: Seconds that a peer may take on a network, if nothing else is said.
TIMEOUT = 60

_SDF = Path(__file__).parents[2] / "data" / "sdf.npz"


@dataclass(frozen=True)
class Question:
    """A network, and how far the box reaches from the origin in every direction.

    Its parameters are written as ``floats``.
    """

    network: Callable[[], Network]
    side: Fraction = Fraction(1)
    floats: type[np.floating[Any]] = np.float64


def _trained() -> Network:
    """Return the trained network of the clone."""
    return load(_SDF)


def _trained_slice() -> Network:
    """Return its restriction to the plane of the first two inputs."""
    return _trained().restrict((0, 0, 0), [(1, 0, 0), (0, 1, 0)])


def _random(widths: tuple[int, ...], kind: str) -> Question:
    """Return a random network: its biases random, centred, or centred and stored as float32."""
    recipe = Recipe((*widths, 1), kind != "rnd", widths[0])
    floats = np.float32 if kind == "bnf" else np.float64
    return Question(partial(random_network, recipe), floats=floats)


#: The networks on which peers are timed. A file of float64 has the first layer of the centred
#: ones, ``bnc``, exactly: its hyperplanes meet in one point. In float32, ``bnf``, they nearly do.
QUESTIONS = {
    "bnf-2-8-8": _random((2, 8, 8), "bnf"),
    "rnd-2-16-16": _random((2, 16, 16), "rnd"),
    "bnc-2-16-16": _random((2, 16, 16), "bnc"),
    "rnd-2-64-64": _random((2, 64, 64), "rnd"),
    "bnc-2-64-64": _random((2, 64, 64), "bnc"),
    "rnd-3-10-10": _random((3, 10, 10), "rnd"),
    "bnc-3-10-10": _random((3, 10, 10), "bnc"),
    "rnd-4-8-8": _random((4, 8, 8), "rnd"),
    "rnd-5-8-8": _random((5, 8, 8), "rnd"),
    "trained, slice 2-(8 x 32)": Question(_trained_slice, Fraction(1, 64)),
    "trained 3-(8 x 32)": Question(_trained, Fraction(1, 128)),
}


def questions() -> list[str]:
    """Return the names of the networks; without the trained ones where their file is not."""
    return [name for name in QUESTIONS if _SDF.is_file() or not name.startswith("trained")]


def question(name: str) -> Question:
    """Return the question of a name, of a built-in network of the engine, or of a file."""
    if name in QUESTIONS:
        return QUESTIONS[name]
    recipe = named_recipe(name)
    side = 1 if recipe is None or recipe.side is None else recipe.side
    return Question(partial(named_network, name), Fraction(side))


def arrays_of(network: Network, floats: type[np.floating[Any]]) -> dict[str, Any]:
    """Return ``W0, b0, W1, b1, ...`` of a network, rounded to floats.

    Raises
    ------
    InputError
        If it is no chain of ReLU layers, or a parameter is beyond the range of floats.
    """
    network = network.chained("the file of a peer")
    if any(any(layer.slopes) for layer in network.layers[:-1]):
        raise InputError("the network has leaky units, and the file of a peer tells no slopes")
    arrays: dict[str, Any] = {}
    try:
        for k, layer in enumerate(network.layers):
            arrays[f"W{k}"] = np.array(layer.weight, dtype=floats).astype(np.float64)
            arrays[f"b{k}"] = np.array(layer.bias, dtype=floats).astype(np.float64)
    except OverflowError:
        raise InputError("a parameter is beyond the range of floats") from None
    return arrays


@dataclass
class _Pairs:
    """What is known of a peer on one network: pairs timed in turn, counts, and why it ended."""

    seconds: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    regions: list[int] = field(default_factory=list)
    adjacencies: list[int] = field(default_factory=list)
    error: str | None = None

    def take(self, ours: float, answer: Answer | Failure) -> None:
        """Add a pair."""
        if isinstance(answer, Failure):
            self.error = answer.reason
            return
        self.seconds.append(answer.seconds)
        self.beside.append(ours)
        self.regions.append(answer.regions)
        if answer.adjacencies is not None:
            self.adjacencies.append(answer.adjacencies)

    def figures(self, regions: int, adjacencies: int) -> dict[str, object]:
        """Return the figures beside the exact counts; what was wrong once is wrong."""
        told: dict[str, object] = {
            "verdict": _verdict(self.regions, regions) or "failed",
            "regions": _one(self.regions),
            "adjacencies": _one(self.adjacencies),
            "adjacencies_verdict": _verdict(self.adjacencies, adjacencies),
            "error": self.error,
            "pairs": [list(pair) for pair in zip(self.beside, self.seconds, strict=True)],
        }
        if self.error is not None and told["verdict"] == "right":
            told["verdict"] = "failed"
        if self.seconds:
            ratios = list(map(truediv, self.seconds, self.beside))
            told["seconds"] = statistics.median(self.seconds)
            told["ratio"] = statistics.median(ratios)
            told["ratio_range"] = [min(ratios), max(ratios)]
        return told


def _verdict(counts: Sequence[int], exact: int) -> str | None:
    """Return whether counts are the exact one, None where there are none."""
    if not counts:
        return None
    return "right" if set(counts) == {exact} else "wrong"


def _one(counts: Sequence[int]) -> int | list[int] | None:
    """Return the count, all of them where they differ, None where there is none."""
    return counts[0] if len(set(counts)) == 1 else list(counts) or None


def measure_peers(
    name: str, programs: Sequence[Program], *, repeat: int, timeout: float
) -> dict[str, object]:
    """Return the figures of exactbn and of every peer on one network, on one core.

    A pair is a run of exactbn, partition and adjacencies, and one of the peer, by the clock;
    ``ratio`` is the second over the first, the median of ``repeat`` pairs timed in turn, and
    ``ratio_range`` the least and the greatest. A peer that fails is not asked again. ``verdict`` is
    "right", "wrong" or "failed", ``regions`` what the peer has counted.
    """
    asked = question(name)
    exact = asked.network()
    arrays = arrays_of(exact, asked.floats)
    with tempfile.TemporaryDirectory(prefix="exactbn-bench-") as folder, _one_core():
        path = Path(folder) / "exactbn.npz"
        np.savez(path, **arrays)
        network = load(path)
        box = Box.of(-asked.side, asked.side, network.num_inputs)
        bounds = [repr(float(t)) for pair in zip(box.lo, box.hi, strict=True) for t in pair]
        warm_up(network.num_inputs, asked.side)
        part = partition_and_graph(network, asked.side)
        if not part.is_complete:
            raise InternalError(f"the partition of {name} is not established to be complete")
        found = {program: _Pairs() for program in programs}
        own = []
        for _ in range(repeat):
            for program, pairs in found.items():
                if pairs.error is None:
                    own.append(_seconds(network, asked.side))
                    # A file for each question: nobody writes for the next one.
                    with tempfile.TemporaryDirectory(prefix="exactbn-bench-") as place:
                        given = shutil.copy(path, Path(place) / "network.npz")
                        answer = ask(program, [str(given), *bounds], timeout)
                    pairs.take(own[-1], answer)
            if not any(pairs.error is None for pairs in found.values()):
                own.append(_seconds(network, asked.side))
    return {
        "architecture": network.architecture,
        "box": [str(-asked.side), str(asked.side)],
        "rounded": network != exact,
        "sha256": network.sha256,
        "regions": part.num_regions,
        "adjacencies": part.num_adjacencies,
        "complete": True,
        "seconds": statistics.median(own),
        "peers": {
            program.name: pairs.figures(part.num_regions, part.num_adjacencies)
            for program, pairs in found.items()
        },
    }


def _seconds(network: Network, side: Fraction) -> float:
    """Return the seconds, by the clock, of one partition and its adjacencies."""
    start = time.perf_counter()
    partition_and_graph(network, side)
    return time.perf_counter() - start


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)

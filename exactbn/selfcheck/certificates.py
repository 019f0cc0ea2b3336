"""Certificates under cross-examination: the true one is accepted, its mutants are not.

A mutant may still prove a true statement: a witness that moved within its region is as good a
witness. Whether it does is decided by what the checker says that it has proven. If that is true of
the network in the domain that the mutant names, the mutant is counted apart, with the reason; if
not, the checker has accepted a falsehood.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

from exactbn import checker
from exactbn.model.domain import Box
from exactbn.model.files import save_json
from exactbn.selfcheck import answers
from exactbn.selfcheck.answers import CRASHES, Answer, Silence, brute_answer, time_limit
from exactbn.selfcheck.mutations import Mutant, random_mutants
from exactbn.selfcheck.problem import Problem


@dataclass(frozen=True)
class Verdict:
    """What a checker says of a certificate: accepted with what it proves, or the reason why not.

    ``judged`` is False where it could not read the files. ``adjacencies`` and ``unbounded`` are
    None where the proof says nothing of them.
    """

    accepted: bool
    message: str = ""
    regions: int | None = None
    adjacencies: int | None = None
    unbounded: int | None = None
    judged: bool = True


#: Checks a certificate file against a network file.
Checker = Callable[[Path, Path], Verdict]

#: Why a mutant may still prove the truth: by the proof and the first word of the changed record.
REASONS = {
    "w": "a witness moved within its region",
    "f": "another point beyond the same facet",
    "u": "another recession direction of the region",
    "+": "other multipliers that prove the same",
    "-": "other multipliers that prove the same",
    "g": "other multipliers that prove the same",
    "b": "other multipliers that prove the same",
    "domain": "the same counts in another domain, with the same proof",
    "row": "the same counts with another row, with the same proof",
    "end": "the last line claims less",
}


@dataclass(frozen=True)
class Fault:
    """Something that must not be, in a sentence, and the certificate that shows it, if one does."""

    sentence: str
    certificate: str | None = None


@dataclass(frozen=True)
class Examiner:
    """How certificates are examined.

    ``check`` is the checker as a function, ``program`` its file; ``mutants`` are made of each
    certificate; ``folder`` is for files that are written and forgotten.
    """

    check: Checker
    folder: Path
    mutants: int
    program: Path

    def examine(
        self, problem: Problem, truth: Answer, engine: str, text: str, random: Random,
        counts: Counter[tuple[str, ...]], *, apart: bool,
    ) -> Iterator[Fault]:
        """Yield what is wrong with a certificate or with the checker, and count the rest.

        ``apart`` says that the checker also runs in processes of its own.
        """
        network = self.folder / "network.json"
        save_json(problem.network, network)
        counts["certificates", engine] += 1
        fault = self._true_one(network, truth, text)
        if fault is not None:
            counts["certificates rejected", engine] += 1
            yield Fault(f"{engine}: {fault}", text)
            return
        counts["certificates accepted", engine] += 1
        if apart:
            yield from self._apart(network, engine, text, counts)
        for mutant in random_mutants(text, random, self.mutants):
            counts["mutants", mutant.kind] += 1
            try:
                verdict = self._verdict(network, mutant.text)
            except CRASHES as error:
                yield Fault(f"{engine}, {mutant.kind}: the checker fails: {error!r}", mutant.text)
                continue
            if not verdict.accepted:
                counts["mutants rejected", mutant.kind] += 1
                continue
            try:
                wrong = _falsehood(problem, truth, mutant, verdict)
            except Silence:
                counts["mutants that nobody judged", mutant.kind] += 1
                continue
            if wrong is not None:
                counts["false mutants accepted", mutant.kind] += 1
                yield Fault(f"FALSE ACCEPT, {engine}, {mutant.kind}: {wrong}", mutant.text)
                continue
            counts["mutants still true", mutant.kind] += 1
            counts["reasons", _reason(mutant)] += 1

    def _true_one(self, network: Path, truth: Answer, text: str) -> str | None:
        """Return why the certificate of a right answer is not right, or None."""
        try:
            verdict = self._verdict(network, text)
        except CRASHES as error:
            return f"the checker fails: {error!r}"
        if not verdict.accepted:
            outcome = "rejected" if verdict.judged else "not judged"
            return f"the certificate is {outcome}: {verdict.message}"
        return _untrue(truth, verdict)

    def _verdict(self, network: Path, text: str) -> Verdict:
        """Return the checker's verdict on a text."""
        path = self.folder / "certificate"
        path.write_bytes(text.encode())
        with time_limit(answers.PATIENCE):
            return self.check(network, path)

    def _apart(
        self, network: Path, engine: str, text: str, counts: Counter[tuple[str, ...]]
    ) -> Iterator[Fault]:
        """Run the checker as strangers do, without third parties.

        Exit codes: 0 accepted, 1 rejected, 2 not judged, as what is cut short is not. A traceback
        is wrong whatever the code.
        """
        path = self.folder / "certificate"
        command = [sys.executable, "-I", "-S", *map(str, (self.program, network, path))]
        for content, right in ((text, 0), (text[: len(text) // 2], 2)):
            counts["checks in a process of their own", engine] += 1
            path.write_bytes(content.encode())
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=answers.PATIENCE
            )
            if done.returncode != right or "Traceback" in done.stderr:
                said = (done.stderr.strip().splitlines() or [""])[-1]
                yield Fault(
                    f"{engine}: python -I -S gives {done.returncode}, expected {right}: {said}",
                    content,
                )


def checked(network: Path, certificate: Path) -> Verdict:
    """Return what :mod:`exactbn.checker` says of a certificate."""
    try:
        with checker.open_certificate(certificate) as stream:
            proof = checker.check(checker.read_network(network), stream)
    except checker.Rejection as error:
        return Verdict(False, str(error))
    except checker.Unreadable as error:
        return Verdict(False, str(error), judged=False)
    return Verdict(True, str(proof), proof.regions, proof.adjacencies, proof.unbounded)


def _untrue(truth: Answer, verdict: Verdict) -> str | None:
    """Return in what a verdict is not true, or None; what is not claimed is not untrue."""
    for what, claimed, right in (
        ("regions", verdict.regions, len(truth.regions)),
        ("adjacencies", verdict.adjacencies, len(truth.edges)),
        ("unbounded regions", verdict.unbounded, len(truth.unbounded)),
    ):
        if claimed is not None and claimed != right:
            return f"{claimed} {what} are called proven, expected {right}"
    return None


def _falsehood(problem: Problem, truth: Answer, mutant: Mutant, verdict: Verdict) -> str | None:
    """Return why what the mutant claims, now proven, is not true, or None."""
    if mutant.record in ("domain", "row"):
        truth = brute_answer(_named(problem, mutant.text))
    return _untrue(truth, verdict)


def _named(problem: Problem, text: str) -> Problem:
    """Return the problem of the same network in the domain that a certificate names."""
    lines = [line.split(" ") for line in text.splitlines()]
    words = next(line for line in lines if line[0] == "domain")
    box = None
    if words[1] != "all":
        bounds = [Fraction(word) for word in words[2:]]
        half = len(bounds) // 2
        box = Box.of(bounds[:half], bounds[half:], half)
    rows = [tuple(map(Fraction, line[1:])) for line in lines if line[0] == "row"]
    if not rows:
        return Problem(problem.network, box)
    return Problem(
        problem.network, box, rows=(tuple(r[1:] for r in rows), tuple(r[0] for r in rows))
    )


def _reason(mutant: Mutant) -> str:
    """Return why a mutant that is accepted, and says the truth, is accepted."""
    if mutant.kind in ("records swapped", "record duplicated", "record dropped"):
        return f"{mutant.kind}: {mutant.record!r}, not needed, or not in that order"
    return REASONS.get(mutant.record, f"{mutant.kind}: {mutant.record!r}, not used as it was")

"""One problem under cross-examination, and the sums over many."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from exactbn.exact.rational import to_text
from exactbn.model.files import save_json
from exactbn.seeds import derived_seed
from exactbn.selfcheck import answers
from exactbn.selfcheck.answers import CRASHES, Answer, differences, time_limit, volumes_compared
from exactbn.selfcheck.certificates import Examiner, Fault
from exactbn.selfcheck.networks import Problem
from exactbn.selfcheck.shrinking import shrink

#: What is counted: the first word says what, the second of which kind.
Counts = Counter[tuple[str, ...]]

#: Of so many certified problems one has its certificates checked in processes of their own too.
EVERY_APART = 100


@dataclass
class Examination:
    """What came of one problem: faults, and counts of what was looked at."""

    problem: Problem
    faults: list[Fault] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)


def examine(problem: Problem, examiner: Examiner | None) -> Examination:
    """Ask all opinions on a problem, compare the answers, and examine the certificates.

    An examiner of None leaves the certificates out. Everything that is random follows from the
    problem's name.
    """
    result = Examination(problem)
    counts, family = result.counts, problem.family
    counts["networks", family] += 1
    found: list[tuple[str, Answer]] = []
    proofs: list[tuple[str, str]] = []
    for opinion in answers.OPINIONS:
        path = None
        if examiner is not None and opinion.certifies:
            path = examiner.folder / "proof"
        try:
            with time_limit(answers.PATIENCE):
                found.append((opinion.name, opinion.answer(problem, path)))
        except CRASHES as error:
            result.faults.append(Fault(f"the {opinion.name} fails: {error!r}"))
            continue
        counts["answers", opinion.name] += 1
        if path is not None:
            proofs.append((opinion.name, path.read_text(encoding="ascii")))
    if found:
        result.faults += [Fault(sentence) for sentence in differences(found)]
        counts["regions", family] += len(found[0][1].regions)
        counts["adjacencies", family] += len(found[0][1].edges)
        counts["unbounded regions", family] += len(found[0][1].unbounded)
        counts["exact volumes compared", family] += volumes_compared(found)
    counts["disagreements", family] += bool(result.faults)
    if examiner is None or result.faults:
        return result  # where the answers differ nobody knows what a certificate should say
    random = Random(derived_seed(0, "mutants", problem.name))
    apart = random.randrange(EVERY_APART) == 0
    for name, text in proofs:
        result.faults += examiner.examine(
            problem, found[0][1], name, text, random, counts, apart=apart
        )
    return result


def shrunk(result: Examination, examiner: Examiner | None) -> Examination | None:
    """Return the examination of a smaller problem that fails too, or None if there is none."""
    smaller = shrink(result.problem, lambda problem: bool(examine(problem, examiner).faults))
    return None if smaller == result.problem else examine(smaller, examiner)


def save_failure(folder: Path, result: Examination, suffix: str = "") -> Path:
    """Write the network of a failure, what failed and what shows it; return the network's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.problem.name}{suffix}.json"
    save_json(result.problem.network, path)
    lines = [f"exactbn partition {path.name} --box {_bounds(result.problem)}"]
    lines += [fault.sentence for fault in result.faults]
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = [fault.certificate for fault in result.faults if fault.certificate is not None]
    for number, text in enumerate(shown):
        path.with_suffix(f".{number}.certificate").write_text(text, encoding="utf-8")
    return path


def _bounds(problem: Problem) -> str:
    """Return the domain as the command line takes it."""
    if problem.box is None:
        return "none"
    return " ".join(",".join(map(to_text, side)) for side in (problem.box.lo, problem.box.hi))

"""One problem under cross-examination, and the sums over many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from exactbn.exact.rational import to_text
from exactbn.model.files import save_json
from exactbn.regions.partitioning import partition
from exactbn.seeds import derived_seed
from exactbn.selfcheck import answers
from exactbn.selfcheck.answers import (
    CRASHES,
    Answer,
    Silence,
    differences,
    time_limit,
    volumes_compared,
)
from exactbn.selfcheck.certificates import Examiner, Fault
from exactbn.selfcheck.problem import Problem
from exactbn.selfcheck.sampled import sampling_faults
from exactbn.selfcheck.shrinking import shrink

#: What is counted: the first word says what, the second of which kind.
Counts = Counter[tuple[str, ...]]

#: Of so many problems one has its certificates written and examined.
EVERY_CERTIFIED = 2
#: Of so many certified problems one has its certificates checked in processes of their own too.
EVERY_APART = 100
#: Of so many problems in boxes one has random points looked up.
EVERY_SAMPLED = 8


@dataclass
class Examination:
    """What came of one problem: faults, and counts of what was looked at."""

    problem: Problem
    faults: list[Fault] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)


def examine(
    problem: Problem, examiner: Examiner | None, *, thorough: bool = False
) -> Examination:
    """Ask all opinions on a problem, compare the answers, and examine the certificates.

    An examiner of None leaves the certificates out; ``thorough`` takes everything, and not the
    share of the problems. Everything that is random follows from the problem's name.
    """
    result = Examination(problem)
    random = Random(derived_seed(0, "examination", problem.name))
    certified, apart, sampled = (
        not random.randrange(n) or thorough for n in (EVERY_CERTIFIED, EVERY_APART, EVERY_SAMPLED)
    )
    result.counts["networks", problem.family] += 1
    found, proofs = _ask(result, examiner if certified else None)
    is_simple = problem.box is not None and problem.rows is None and problem.network.is_chain
    if is_simple and sampled:
        _sample(result, random.randrange(1 << 30))
    result.counts["disagreements", problem.family] += bool(result.faults)
    if examiner is None or result.faults:
        return result  # where the answers differ nobody knows what a certificate should say
    result.counts["certified networks", problem.family] += bool(proofs)
    for name, text in proofs:
        result.faults += examiner.examine(
            problem, found[0][1], name, text, random, result.counts, apart=apart
        )
    return result


def _ask(
    result: Examination, examiner: Examiner | None
) -> tuple[Sequence[tuple[str, Answer]], Sequence[tuple[str, str]]]:
    """Return the answers and the certificates by name; faults and counts go to ``result``."""
    problem, counts, family = result.problem, result.counts, result.problem.family
    found: list[tuple[str, Answer]] = []
    proofs: list[tuple[str, str]] = []
    for opinion in answers.OPINIONS:
        path = None
        if examiner is not None and opinion.certifies:
            path = examiner.folder / "proof"
            path.unlink(missing_ok=True)
        try:
            with time_limit(answers.PATIENCE):
                found.append((opinion.name, opinion.answer(problem, path)))
        except Silence:
            continue
        except CRASHES as error:
            result.faults.append(Fault(f"the {opinion.name} fails: {error!r}"))
            continue
        counts["answers", opinion.name] += 1
        counts[f"answers of the {opinion.name}", family] += 1
        if path is not None and path.exists():
            proofs.append((opinion.name, path.read_text(encoding="ascii")))
    counts["spoke", " + ".join(name for name, _ in found) or "nobody"] += 1
    if found:
        result.faults += [Fault(sentence) for sentence in differences(found)]
        first = found[0][1]
        counts["regions", family] += len(first.regions)
        counts["adjacencies", family] += len(first.edges)
        counts["unbounded regions", family] += len(first.unbounded)
        counts["exact volumes compared", family] += volumes_compared(found)
    return found, proofs


def _sample(result: Examination, seed: int) -> None:
    """Look up random points of a box; faults and counts go to ``result``."""
    problem = result.problem
    try:
        with time_limit(answers.PATIENCE):
            part = partition(problem.network, problem.box)
            points, faults = sampling_faults(problem, part, seed)
    except CRASHES as error:
        result.faults.append(Fault(f"the sampling check fails: {error!r}"))
        return
    result.faults += map(Fault, faults)
    result.counts["sampled points", problem.family] += points


def shrunk(result: Examination, examiner: Examiner | None) -> Examination | None:
    """Return the examination of a smaller problem that fails too, or None if there is none."""

    def examination(problem: Problem) -> Examination:
        return examine(problem, examiner, thorough=True)

    smaller = shrink(result.problem, lambda problem: bool(examination(problem).faults))
    return None if smaller == result.problem else examination(smaller)


def save_failure(folder: Path, result: Examination, suffix: str = "") -> Path:
    """Write the network of a failure, what failed and what shows it; return the network's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.problem.name}{suffix}.json"
    save_json(result.problem.network, path)
    lines = [*_commands(result.problem, path.name, bool(suffix))]
    lines += [fault.sentence for fault in result.faults]
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = [fault.certificate for fault in result.faults if fault.certificate is not None]
    for number, text in enumerate(shown):
        path.with_suffix(f".{number}.certificate").write_text(text, encoding="utf-8")
    return path


def _commands(problem: Problem, file: str, is_shrunk: bool) -> list[str]:
    """Return the commands that show a failure: by the file, and by what it was drawn from."""
    if problem.rows is None:
        lines = [f"exactbn selfcheck --net {file} --box {_bounds(problem)}"]
    else:
        matrix, bounds = problem.rows
        rows = [list(map(to_text, row)) for row in matrix], list(map(to_text, bounds))
        box = None
        if problem.box is not None:
            box = [list(map(to_text, side)) for side in (problem.box.lo, problem.box.hi)]
        lines = ["import exactbn", f"exactbn.partition(exactbn.load({file!r}), {box}, rows={rows})"]
    end = f"-{problem.family}-"
    if not is_shrunk and end in problem.name:
        seed, number = problem.name.split(end)
        lines.append(
            f"exactbn selfcheck --seed {seed} --family {problem.family} --first {number} "
            "--networks 1"
        )
    return lines


def _bounds(problem: Problem) -> str:
    """Return the domain as the command line takes it."""
    if problem.box is None:
        return "none none"
    return " ".join(",".join(map(to_text, side)) for side in (problem.box.lo, problem.box.hi))

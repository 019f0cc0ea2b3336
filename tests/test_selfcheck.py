"""The cross-examination: it passes what is right, and finds every bug that is planted."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random

import pytest

from exactbn.cli import main
from exactbn.errors import InputError, InternalError
from exactbn.model.domain import Box
from exactbn.model.files import load
from exactbn.model.network import Network
from exactbn.selfcheck import NAMES, Problem, answers, random_problem, run
from exactbn.selfcheck.answers import OPINIONS, Answer, Opinion, brute_answer
from exactbn.selfcheck.brute import brute_partition, volume
from exactbn.selfcheck.certificates import Examiner, Verdict
from exactbn.selfcheck.examination import examine
from exactbn.selfcheck.mutations import MUTATIONS, Draft, random_mutants
from tests.examples import EXAMPLES, Example
from tests.oracles import polygon_partition, search_partition

Output = pytest.CaptureFixture[str]


# Brute force against what is known by hand, and against the other oracles


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_brute_force_on_examples(example: Example) -> None:
    if example.regions > 60:
        pytest.skip("brute force is slow")
    found = brute_partition(example.network, example.box)
    assert len(found.regions) == example.regions
    assert example.adjacencies is None or len(found.edges) == example.adjacencies
    d = example.box.dim
    if d <= 3:
        total = sum((volume(region, d) for region in found.regions), Fraction(0))
        assert total == example.box.volume


@pytest.mark.parametrize("k", range(0, 200, 7))
def test_brute_force_against_the_oracles(k: int) -> None:
    problem = random_problem(11, k)
    if problem.box is None:
        return
    found = brute_partition(problem.network, problem.box)
    by_search = search_partition(problem.network, problem.box)
    assert {region.pattern for region in found.regions} == by_search.regions
    assert found.edges == by_search.edges
    if problem.box.dim <= 2:
        areas = polygon_partition(problem.network, problem.box).volumes
        assert {r.pattern: volume(r, problem.box.dim) for r in found.regions} == areas


def test_brute_force_of_the_plane() -> None:
    # Three lines make a triangle, which is bounded, and six regions around it.
    lines = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, -1], [0]])
    found = brute_partition(lines, None)
    assert (len(found.regions), len(found.edges)) == (7, 9)
    (inner,) = (region for region in found.regions if not region.is_unbounded)
    assert inner.pattern == (1, 1, 0) and volume(inner, 2) == Fraction(1, 2)
    # No line at all, and a strip between two: lines of the cone stay lines.
    nothing = Network.from_arrays([[[0, 0]], [[1]]], [[1], [0]])
    (everything,) = brute_partition(nothing, None).regions
    assert len(everything.lines) == 2 and everything.is_unbounded
    strip = Network.from_arrays([[[1, 0], [1, 0]], [[1, 1]]], [[0, -1], [0]])
    found = brute_partition(strip, None)
    assert len(found.regions) == 3 and len(found.edges) == 2
    assert all(region.is_unbounded for region in found.regions)


# The networks


def test_networks_follow_from_seed_and_number_alone() -> None:
    # Pinned: seed 1 means the same networks next year.
    problem = random_problem(1, 3)
    assert problem == random_problem(1, 3) and problem.name == "1-3"
    assert problem.network != random_problem(2, 3).network
    assert problem.network.sha256.startswith(PINNED)


PINNED = "6d3dd8212b3d2e75"


def test_every_kind_of_problem_occurs() -> None:
    problems = [random_problem(1, k) for k in range(400)]
    assert {problem.family for problem in problems} == set(NAMES)
    assert {problem.network.num_inputs for problem in problems} == {1, 2, 3, 4, 5}
    assert {len(problem.network.hidden) for problem in problems} == {1, 2, 3}
    slopes = {layer.slope for problem in problems for layer in problem.network.hidden}
    assert slopes == {Fraction(t) for t in ("0", "1/7", "-1", "2")}
    boxes = [problem.box for problem in problems]
    assert None in boxes
    sides = {hi - lo for box in boxes if box for lo, hi in zip(box.lo, box.hi, strict=True)}
    assert min(sides) == Fraction(1, 2**1100) and max(sides) >= 2**1100


# What is right passes


def test_some_hundred_networks_pass(tmp_path: Path) -> None:
    summary = run(7, out=tmp_path / "failures", networks=330)
    assert not summary.failures and not (tmp_path / "failures").exists()
    assert summary.by_kind("networks") == dict.fromkeys(NAMES, 30)
    assert summary.total("disagreements") == 0
    assert summary.by_kind("answers") == {opinion.name: 330 for opinion in OPINIONS}
    assert summary.total("regions") > 1000 and summary.total("exact volumes compared") > 300
    assert summary.total("certificates") == summary.total("certificates accepted")


def test_processes_change_nothing(tmp_path: Path) -> None:
    alone, together = (run(3, out=tmp_path, networks=50, workers=n) for n in (1, 2))
    assert alone.counts == together.counts


def test_it_stops_in_time(tmp_path: Path) -> None:
    assert run(1, out=tmp_path, minutes=0).total("networks") == 20
    with pytest.raises(InputError, match="neither minutes nor networks"):
        run(1, out=tmp_path)


# Planted bugs: the first engine is wrong


def a_region_dropped(answer: Answer) -> Answer:
    gone = max(answer.regions)
    kept = frozenset(edge for edge in answer.edges if gone not in edge)
    return replace(answer, regions=answer.regions - {gone}, edges=kept, volumes=None)


def an_edge_too_many(answer: Answer) -> Answer:
    first, *_, last = sorted(answer.regions)
    return replace(answer, edges=answer.edges | {frozenset((first, last))})


def a_flag_flipped(answer: Answer) -> Answer:
    return replace(answer, unbounded=answer.unbounded ^ {min(answer.regions)})


def a_volume_off(answer: Answer) -> Answer:
    volumes = {name: value + Fraction(1, 2**90) for name, value in (answer.volumes or {}).items()}
    return replace(answer, volumes=volumes)


def a_crash(answer: Answer) -> Answer:
    raise InternalError("planted")


def no_end(answer: Answer) -> Answer:
    while True:
        time.sleep(0.01)


BUGS: list[tuple[Callable[[Answer], Answer], str]] = [
    (a_region_dropped, "regions: 0 of"),
    (an_edge_too_many, "adjacencies: 1 of"),
    (a_flag_flipped, "unbounded regions: "),
    (a_volume_off, "volumes: the complex engine and the brute force differ"),
    (a_crash, "the complex engine fails: InternalError('planted')"),
]


def plant(monkeypatch: pytest.MonkeyPatch, bug: Callable[[Answer], Answer]) -> None:
    """Give the first opinion a bug that shows where there are four regions or more."""
    first, *others = OPINIONS

    def answer(problem: Problem, path: Path | None) -> Answer:
        right = first.answer(problem, None)
        return bug(right) if len(right.regions) >= 4 else right

    wrong = Opinion(first.name, answer)
    monkeypatch.setattr(answers, "OPINIONS", (wrong, *others))


@pytest.mark.parametrize(("bug", "message"), BUGS, ids=lambda value: getattr(value, "__name__", ""))
def test_planted_bugs_are_found(
    bug: Callable[[Answer], Answer], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, bug)
    found = [examine(random_problem(1, k), None) for k in range(40)]
    faults = [fault.sentence for result in found for fault in result.faults]
    assert any(sentence.startswith(message) for sentence in faults)
    assert sum(result.counts["disagreements", result.problem.family] for result in found) > 5


def test_an_engine_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, no_end)
    monkeypatch.setattr(answers, "PATIENCE", 1)
    problem = next(p for p in map(partial(random_problem, 1), range(99)) if is_cut(p))
    (fault,) = examine(problem, None).faults
    assert fault.sentence == "the complex engine fails: TimeoutError('no end after 1 s')"


def is_cut(problem: Problem) -> bool:
    """Return whether there are enough regions for a planted bug."""
    return len(brute_answer(problem).regions) >= 4


def test_failures_are_saved_and_shrunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    plant(monkeypatch, a_region_dropped)
    out = tmp_path / "failures"
    command = ["selfcheck", "--networks", "20", "--seed", "4", "--out", str(out)]
    assert main([*command, "--json"]) == 1
    stdout, err = capsys.readouterr()
    record = json.loads(stdout)
    path = Path(record["failures"][0]["file"])
    assert f"disagreement: {path}: regions: 0 of" in err
    problem = random_problem(4, int(path.stem.split("-")[1]))
    assert load(path) == problem.network
    text = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert text.startswith(f"exactbn partition {path.name} --box ") and "regions: 0 of" in text
    smaller = load(path.with_suffix(".shrunk.json"))
    assert smaller.num_hidden < problem.network.num_hidden
    # Four regions are needed, and two neurons are enough for four.
    part = brute_answer(Problem(smaller, problem.box))
    assert len(part.regions) >= 4
    assert main(command) == 1
    assert "DISAGREEMENT on" in capsys.readouterr().out


# Certificates, by a toy checker that only counts regions


def toy_certificate(regions: int) -> str:
    """Return a certificate that says a few true and many useless things."""
    head = "exactbn-certificate 1\nnetwork 00ff\ndomain box -1 1\nproof tree\n"
    return head + "".join(f"w 1 {i}\n" for i in range(regions)) + f"end {regions} -\n"


def toy_check(network: Path, certificate: Path) -> Verdict:
    """Accept what has as many witnesses as it claims; the numbers in them do not matter."""
    lines = certificate.read_text(encoding="utf-8").splitlines()
    head = toy_certificate(0).splitlines()[:4]
    witnesses = [line for line in lines if line.startswith("w ")]
    if lines[:4] != head or lines[-1] != f"end {len(witnesses)} -":
        return Verdict(False, "no")
    return Verdict(True, "", len(witnesses))


def accept_everything(network: Path, certificate: Path) -> Verdict:
    """Accept, and believe the last line where there is one."""
    words = certificate.read_text(encoding="utf-8").split()
    number = words[-2] if len(words) > 1 else "0"
    return Verdict(True, "", int(number) if number.isdecimal() else 0)


def fail(network: Path, certificate: Path) -> Verdict:
    """Fail on everything."""
    raise IndexError("planted")


# Two regions in [-1, 1]: x > 0 and x < 0.
ONE_NEURON = Problem(Network.from_arrays([[[1]], [[1]]], [[0], [0]]), Box.of(-1, 1, 1))


def examined(check: Callable[[Path, Path], Verdict], folder: Path, claim: int = 2) -> Counter[str]:
    """Return the counts of a toy certificate's examination, and the faults by first words."""
    counts: Counter[tuple[str, ...]] = Counter()
    truth = brute_answer(ONE_NEURON)
    examiner = Examiner(check, folder, 300, Path())
    faults = examiner.examine(
        ONE_NEURON, truth, "toy", toy_certificate(claim), Random("toy"), counts, apart=False
    )
    found = Counter(fault.sentence.split(":")[0].split(",")[0] for fault in faults)
    for (what, _), number in counts.items():
        found[what] += number
    return found


def test_a_right_checker_accepts_nothing_false(tmp_path: Path) -> None:
    found = examined(toy_check, tmp_path)
    assert found["certificates accepted"] == 1 and not found["FALSE ACCEPT"]
    assert found["mutants"] > 250
    assert found["mutants"] == found["mutants rejected"] + found["mutants still true"]
    assert found["mutants still true"] == found["reasons"] > 0


def test_a_checker_that_accepts_everything_is_found(tmp_path: Path) -> None:
    assert examined(accept_everything, tmp_path)["FALSE ACCEPT"] > 10


def test_a_checker_that_fails_is_found(tmp_path: Path) -> None:
    assert examined(fail, tmp_path)["toy"] == 1


def test_a_wrong_certificate_is_found(tmp_path: Path) -> None:
    found = examined(toy_check, tmp_path, claim=3)
    assert found["certificates rejected"] == 1 and found["toy"] == 1


# Mutations

CERTIFICATE = """exactbn-certificate 1
network 0123456789abcdef
domain box -1 -1/2 1 3/2
proof tree
s 0
w 2 1 1
- 1 0:3 r1:5
w 2 -1 1
end 2 -
"""


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutations_change_one_thing(kind: str) -> None:
    draft = Draft.of(CERTIFICATE)
    before = CERTIFICATE.splitlines()
    changes = [MUTATIONS[kind](draft, Random(seed)) for seed in range(50)]
    texts = {text for _, text in filter(None, changes)}
    assert texts - {CERTIFICATE}
    for text in texts:
        after = text.splitlines()
        if kind == "records swapped":
            assert sorted(after) == sorted(before)
        elif len(after) == len(before):
            assert sum(s != t for s, t in zip(before, after, strict=True)) <= 1
        else:
            assert kind in ("truncated", "record dropped", "record duplicated")


def test_mutations_of_numbers() -> None:
    """Multipliers, row numbers, coordinates: each number is reached, and its sign."""
    texts = {m.text for m in random_mutants(CERTIFICATE, Random(1), 3000)}
    for line in ("- 1 0:-3 r1:5", "- 1 0:3 r1:6", "- 1 0:3 r2:5", "w 2 -1 -1", "w 3 -1 1"):
        assert any(line in text.splitlines() for text in texts), line
    assert CERTIFICATE not in texts


def test_mutations_of_nothing() -> None:
    empty = CERTIFICATE[: CERTIFICATE.index("s 0")] + "end 0 -\n"
    assert {m.kind for m in random_mutants(empty, Random(1), 300)} & {
        "record dropped", "sign flipped", "records swapped"
    } == set()


# The command


def test_command_for_people(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert main(["selfcheck", "--networks", "33"]) == 0
    out, _ = capsys.readouterr()
    assert "Disagreements: 0 of 33 networks (95 % bound 3/N = 0.091)" in out
    assert all(family in out for family in NAMES)


def test_command_as_json(capsys: Output) -> None:
    assert main(["selfcheck", "--networks", "33", "--seed", "2", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    record = json.loads(out)
    assert record["networks"] == 33 and record["failures"] == []
    assert record["zeros"][0] == {
        "what": "disagreements", "count": 0, "of": "networks", "trials": 33, "bound": 3 / 33
    }
    assert record["counts"]["networks"] == dict.fromkeys(NAMES, 3)


@pytest.mark.parametrize(
    "arguments", [["--networks", "0"], ["--minutes", "-1"], ["--workers", "0"], ["--seed", "x"]]
)
def test_bad_input(arguments: list[str], capsys: Output) -> None:
    assert main(["selfcheck", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1

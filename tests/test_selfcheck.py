"""The cross-examination: it passes what is right, and finds every bug that is planted."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
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
from exactbn.selfcheck import (
    NAMES,
    Problem,
    answers,
    draw_problem,
    random_problem,
    run,
    running,
    shrinking,
)
from exactbn.selfcheck.answers import OPINIONS, Answer, Opinion, Silence, brute_answer
from exactbn.selfcheck.brute import brute_partition, volume
from exactbn.selfcheck.certificates import Examiner, Verdict
from exactbn.selfcheck.examination import examine
from exactbn.selfcheck.mutations import MUTATIONS, Draft, random_mutants
from exactbn.selfcheck.points import misplaced
from tests.examples import EXAMPLES, Example
from tests.oracles import polygon_partition, search_partition

Output = pytest.CaptureFixture[str]
DEGENERATE = NAMES[:11]


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
    problem = random_problem(11, k, DEGENERATE)
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


def test_networks_follow_from_seed_family_and_number_alone() -> None:
    # Pinned: seed 1 means the same networks next year.
    problem = draw_problem(1, "copies", 3)
    assert problem == random_problem(1, 3 * len(NAMES) + NAMES.index("copies"))
    assert problem == random_problem(1, 3, ["copies"]) and problem.name == "1-copies-3"
    assert problem.network != draw_problem(2, "copies", 3).network
    assert {name: draw_problem(1, name, 0).network.sha256[:6] for name in PINNED} == PINNED


PINNED = {"integers": "516fb9", "space-cancel": "8dc02d", "wide": "dd0269", "polytope": "1727be"}


def test_every_kind_of_problem_occurs() -> None:
    problems = [random_problem(1, k, DEGENERATE) for k in range(400)]
    assert {problem.network.num_inputs for problem in problems} == {1, 2, 3, 4, 5}
    assert {len(problem.network.hidden) for problem in problems} == {1, 2, 3}
    slopes = {layer.slope for problem in problems for layer in problem.network.hidden}
    assert slopes == {Fraction(t) for t in ("0", "1/7", "-1", "2")}
    boxes = [problem.box for problem in problems]
    assert None in boxes
    sides = {hi - lo for box in boxes if box for lo, hi in zip(box.lo, box.hi, strict=True)}
    assert min(sides) == Fraction(1, 2**1100) and max(sides) >= 2**1100


def drawn(family: str, count: int = 60) -> list[Problem]:
    """Return the first problems of a family."""
    return [draw_problem(1, family, k) for k in range(count)]


def parameters(problem: Problem) -> set[Fraction]:
    """Return the absolute values of the weights and biases."""
    layers = problem.network.layers
    return {abs(t) for layer in layers for row in (*layer.weight, layer.bias) for t in row}


def test_hard_families_are_what_they_are_called() -> None:
    for name in NAMES:
        assert name.startswith("space-") <= all(p.box is None for p in drawn(name))
    assert max(t for p in drawn("space-points") for t in parameters(p)) > 2**19
    assert all(max(parameters(p)) > 2**50 for p in drawn("space-cancel"))
    assert {p.network.widths[0] for p in drawn("space-bundle")} >= {30, 41}
    widths = {max(p.network.widths) for p in drawn("wide")}
    assert widths == {63, 64, 65, 66, 127, 128, 129, 130}
    assert {len(p.network.hidden) for p in drawn("deep")} == set(range(5, 13))
    assert {p.network.num_inputs for p in drawn("high")} == {6, 7, 8}
    slopes = {layer.slope for p in drawn("steep") for layer in p.network.hidden}
    assert slopes >= {2**120, Fraction(1, 2**120), 10**39, -1, 1, 2}
    sizes = {t for p in drawn("scales") for t in parameters(p) if t}
    assert min(sizes) == Fraction(1, 2**1074) and max(sizes) >= 2**1000
    sides = {hi - lo for p in drawn("boxes") if p.box for lo, hi in zip(p.box.lo, p.box.hi)}
    assert min(sides) == Fraction(1, 2**130)
    assert max(abs(t) for p in drawn("boxes") if p.box for t in p.box.lo) >= 10**15
    assert all(not p.network.hidden for p in drawn("bare"))
    cut = [p.rows for p in drawn("polytope") if p.rows]
    assert len(cut) == 60 and any(not any(a) for rows in cut for a in rows[0])


def test_cancelling_sums_are_lost_in_floats() -> None:
    """Weights that sum to -1, 0 or 1 on twin units have another sum in floats."""
    lost = 0
    for problem in drawn("cancel"):
        row = problem.network.layers[1].weight[0]
        if len(row) == 4:
            lost += sum(row) != sum(map(float, row))
    assert lost > 5


def test_some_regions_have_units_that_vanish() -> None:
    regions = [region for p in drawn("vanishing") for region in brute_partition(
        p.network, p.box).regions]  # fmt: skip
    assert sum(any(not any(form) for form in region.forms) for region in regions) > 30


# What is right passes


def test_networks_of_all_families_pass(tmp_path: Path) -> None:
    summary = run(7, out=tmp_path / "failures", networks=len(NAMES), mutants=2)
    assert not summary.failures and not (tmp_path / "failures").exists()
    assert summary.by_kind("networks") == dict.fromkeys(NAMES, 1)
    assert summary.total("disagreements") == 0
    spoke = summary.by_kind("answers")
    assert spoke["complex engine"] == len(NAMES)
    assert spoke["LP engine"] >= len(NAMES) - 1
    assert spoke["engine in pieces"] == len(NAMES)
    assert 0.8 * len(NAMES) < spoke["brute force"]
    assert summary.total("regions") > 250 and summary.total("exact volumes compared") > 40
    assert summary.total("certified networks") > 5
    assert summary.total("certificates") == summary.total("certificates accepted")


def test_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BATCH", 1)
    # Of all of space nothing is sampled: the processes need no torch, and start soon.
    alone, together = (
        run(3, out=tmp_path, networks=3, workers=n, families=["space-points", "space-bundle"])
        for n in (1, 2)
    )
    assert alone.total("networks") == 3
    assert alone.counts == together.counts


def test_it_stops_in_time(tmp_path: Path) -> None:
    assert run(1, out=tmp_path, minutes=0, families=["bare"]).total("networks") == 20
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
        pass


BUGS: list[tuple[Callable[[Answer], Answer], str]] = [
    (a_region_dropped, "regions: 0 of"),
    (an_edge_too_many, "adjacencies: 1 of"),
    (a_flag_flipped, "unbounded regions: "),
    (a_volume_off, "volumes: the complex engine and the brute force differ"),
    (a_crash, "the complex engine fails: InternalError('planted')"),
]


KNOWN: dict[tuple[str, str], Answer | Silence] = {}


def remembered(opinion: Opinion) -> Opinion:
    """Return the opinion, who is asked about a problem once: bugs differ, the problems do not."""

    def answer(problem: Problem, path: Path | None) -> Answer:
        key = (opinion.name, problem.name)
        if key not in KNOWN:
            try:
                KNOWN[key] = opinion.answer(problem, None)
            except Silence as silence:
                KNOWN[key] = silence
        known = KNOWN[key]
        if isinstance(known, Silence):
            raise known
        return known

    return Opinion(opinion.name, answer)


def plant(
    monkeypatch: pytest.MonkeyPatch,
    bug: Callable[[Answer], Answer],
    opinions: Sequence[Opinion] = OPINIONS,
) -> None:
    """Give the first opinion a bug that shows where there are four regions or more."""
    first, *others = opinions

    def answer(problem: Problem, path: Path | None) -> Answer:
        right = first.answer(problem, None)
        return bug(right) if len(right.regions) >= 4 else right

    wrong = Opinion(first.name, answer)
    monkeypatch.setattr(answers, "OPINIONS", (wrong, *others))


@pytest.mark.parametrize(("bug", "message"), BUGS, ids=lambda value: getattr(value, "__name__", ""))
def test_planted_bugs_are_found(
    bug: Callable[[Answer], Answer], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, bug, [remembered(opinion) for opinion in OPINIONS])
    found = [examine(random_problem(1, k, DEGENERATE), None) for k in range(40)]
    faults = [fault.sentence for result in found for fault in result.faults]
    assert any(sentence.startswith(message) for sentence in faults)
    assert sum(result.counts["disagreements", result.problem.family] for result in found) > 5


def test_an_engine_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = next(p for p in map(partial(draw_problem, 1, "integers"), range(99)) if is_cut(p))
    assert not examine(problem, None).faults  # and kernels are compiled, which may take long
    plant(monkeypatch, no_end)
    monkeypatch.setattr(answers, "PATIENCE", 1)
    (fault,) = examine(problem, None).faults
    assert fault.sentence == "the complex engine fails: TimeoutError('no end after 1 s')"


def is_cut(problem: Problem) -> bool:
    """Return whether there are enough regions for a planted bug."""
    return len(brute_answer(problem).regions) >= 4


def test_failures_are_saved_and_shrunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    plant(monkeypatch, a_region_dropped)
    monkeypatch.setattr(shrinking, "MOST_TRIES", 4)
    out = tmp_path / "failures"
    command = ["selfcheck", "--networks", "1", "--first", "2", "--seed", "4", "--out", str(out)]
    command += ["--family", "dyadics"]
    assert main([*command, "--json"]) == 1
    stdout, err = capsys.readouterr()
    record = json.loads(stdout)
    path = Path(record["failures"][0]["file"])
    assert f"disagreement: {path}: regions: 0 of" in err
    whole = path.with_name(path.name.replace(".shrunk", ""))
    problem = draw_problem(4, "dyadics", int(whole.stem.split("-")[-1]))
    assert load(whole) == problem.network
    commands = whole.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert "regions: 0 of" in commands[2]
    assert commands[1] == (
        f"exactbn selfcheck --seed 4 --family dyadics --first {whole.stem[-1]} --networks 1"
    )
    for line in commands[:2]:
        assert main([*line.replace(whole.name, str(whole)).split(" ")[1:], "--out", str(out)]) == 1
    shown = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0].split(" ")[1:]
    assert main([*(str(path) if t == path.name else t for t in shown), "--out", str(out)]) == 1
    capsys.readouterr()
    smaller = load(path)
    assert smaller != problem.network and smaller.num_hidden <= problem.network.num_hidden
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
    assert found["mutants"] > 230
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
row 1/2 1 1
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
            assert kind in ("truncated", "record dropped", "record duplicated", "row changed")


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
    families = [arg for name in DEGENERATE for arg in ("--family", name)]
    assert main(["selfcheck", "--networks", "11", *families]) == 0
    out, _ = capsys.readouterr()
    assert "Disagreements: 0 of 11 networks (95 % bound 3/N = 0.27)" in out
    assert "11 networks: complex engine + LP engine + engine in pieces + brute force" in out
    assert all(family in out for family in DEGENERATE)


def test_command_as_json(capsys: Output) -> None:
    command = ["selfcheck", "--networks", "12", "--seed", "2", "--json", "--family", "space-*"]
    assert main(command) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    record = json.loads(out)
    assert record["networks"] == 12 and record["failures"] == []
    assert record["zeros"][0] == {
        "what": "disagreements", "count": 0, "of": "networks", "trials": 12, "bound": 3 / 12
    }
    space = [name for name in NAMES if name.startswith("space-")]
    assert set(record["counts"]["networks"]) == set(space) and len(space) == 4
    everybody = "complex engine + LP engine + engine in pieces + brute force"
    assert record["counts"]["spoke"] == {everybody: 12}


def test_list_of_families(capsys: Output) -> None:
    assert main(["selfcheck", "--list-families"]) == 0
    out, _ = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == list(NAMES)
    assert main(["selfcheck", "--list-families", "--family", "space-*"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize(
    "arguments",
    [["--networks", "0"], ["--minutes", "-1"], ["--workers", "0"], ["--seed", "x"],
     ["--family", "odd"], ["--box", "-1", "1"]],
)
def test_bad_input(arguments: list[str], capsys: Output) -> None:
    assert main(["selfcheck", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Witnesses


@pytest.mark.parametrize(
    ("pattern", "x", "wrong"),
    [
        ((1, 0), "1/2", 0), ((1, 0), "-1/2", 1), ((1, 0), "1", 1), ((0, 0), "0", 1),
        ((0, 0), "-1/2", 0), ((0, 1), "-1/2", 1),
    ],
)  # fmt: skip
def test_misplaced_witnesses_are_counted(pattern: tuple[int, ...], x: str, wrong: int) -> None:
    """Units x and 0 in [-1, 1]: the second is zero everywhere, and therefore off."""
    network = Network.from_arrays([[[1], [0]], [[1, 1]]], [[0, 0], [0]])
    problem = Problem(network, Box.of(-1, 1, 1))
    assert misplaced(problem, [bytes(pattern)], [(Fraction(x),)]) == wrong

"""Claims about training: smart initialization, and mini-batch noise that widens margins.

What small networks say. The experiments take some twenty minutes; their figures are recorded, and
judged as recorded. A check repeats a part of them that has to come out equal to the last digit;
with full effort all networks are trained again, and some of them measured. Run this module,
``python -m exactbn.claims.families.training``, to record them anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from exactbn.claims.ledger.claim import Effort, claim
from exactbn.claims.ledger.multiplicity import Comparison
from exactbn.claims.ledger.verdict import Status, Verdict
from exactbn.claims.training.experiments import (
    BATCHES,
    SEEDS,
    STARTS,
    STEPS,
    Figures,
    initialization,
    run_initialization,
    run_noise,
    settings,
)
from exactbn.claims.training.problems import problems
from exactbn.errors import InputError
from exactbn.study.paired import PairedTest, compare_pairs, exact_median, number

FAMILY = "training"
FORMAT = "exactbn-training 1"
RECORD = Path(str(files("exactbn.claims"))) / "figures" / "training.json"

#: Seeds that are measured again with full effort; all of them are trained.
REPEATED = 2

END, EARLY = str(STEPS), "100"
_PAPER = "abstract of Balestriero and Baraniuk 2022 (arXiv 2209.14778), as commonly stated"

_DATA = "iris (68 training and 32 test points), wine (88 and 42) and two moons (80 and 40)"

#: What is compared: a name, the measure, and the sign of the difference that the claim expects.
Question = tuple[str, str, int]

START_QUESTIONS: dict[str, tuple[Question, ...]] = {
    "0": (("regions near the data at the start", "regions", 1),),
    EARLY: ((f"loss after {EARLY} steps", "loss", -1),),
    END: (
        ("regions near the data after training", "regions", 1),
        ("test points right after training", "test", 1),
    ),
}
#: BN statistics are means and scales, so "scaled" starts from both; against zero and random biases,
#: and against the same kind of scales without the means: what the place of the boundaries does.
START_PAIRS = (("scaled", "zero"), ("scaled", "random"), ("scaled", "rescaled"))
#: What each of them is compared with, for the names of the questions: one a baseline.
AGAINST = {
    "zero": "zero biases",
    "random": "random biases",
    "rescaled": "the same kind of scales and zero biases",
}
WHOLE_QUESTIONS: tuple[Question, ...] = (
    ("margin, against the same mini-batches with whole statistics", "margin", 1),
    ("test points right, against the same", "test", 1),
)
#: Margins depend on the loss, and with it on how far the training got; here that is made equal.
LOSS_QUESTION: Question = ("margin, against the same stopped at an equal loss", "margin", 1)
#: Looked at as well, outside the plan and its level. Against the whole set at once two things
#: differ, the statistics and the gradient, and the claim speaks of the statistics.
FULL_QUESTION: Question = ("margin, against the whole set at once", "margin", 1)
BN_QUESTION: Question = ("test points right, BN trained against BN at the start only", "test", 1)
#: Both arms take equally many steps, and end with other losses.
END_QUESTION: Question = ("loss on the training set, against the same", "loss", -1)
LEAST_QUESTION: Question = ("least margin of a right point, against the same", "least", 1)
JITTER_QUESTION: Question = ("jitter of the margins, small mini-batches against large", "spread", 1)


@dataclass(frozen=True)
class Row:
    """One paired test: the question, the pair, the problem, and what the seeds say.

    ``remark`` is what the name of the problem leaves out: how many test points there are.
    """

    question: str
    first: str
    second: str
    problem: str
    expected: int
    values: tuple[float, ...]
    result: PairedTest
    remark: str = ""

    @property
    def comparison(self) -> Comparison:
        """Return the test for the ledger: median difference, its interval, seeds, and p."""
        r = self.result
        direction = self.expected * ((r.positive > r.negative) - (r.positive < r.negative))
        low, high = r.interval or (float(r.median),) * 2
        interval = f"[{number(low, sign=True)}, {number(high, sign=True)}]"
        text = (
            f"{number(r.median, sign=True)} {interval}, up in {r.positive} and down in "
            f"{r.negative} of {r.count} seeds"
        )
        pair = f"{self.first} \u2212 {self.second}; {self.problem}{self.remark}"
        baseline = AGAINST.get(self.second)
        group = f"{self.question}, against {baseline}" if baseline else self.question
        return Comparison(group, pair, r.wilcoxon_p, direction, text, float(r.median))


def recorded() -> dict[str, object]:
    """Return the recorded figures, None where none are recorded for these settings.

    Raises
    ------
    InputError
        If the record is of other settings.
    """
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{RECORD} cannot be read: {error.strerror or error}") from error
    if record.get("format") != FORMAT or record.get("settings") != settings():
        raise InputError(f"{RECORD} is of other settings; python -m {__name__} records anew")
    return dict(record)


def paired(
    question: Question, first: str, second: str, problem: str, one: Figures, two: Figures
) -> Row:
    """Return the paired test of one measure; a seed in which either is not defined is left out."""
    name, measure, expected = question
    differences = [
        Fraction(str(a)) - Fraction(str(b))
        for a, b in zip(one[measure], two[measure], strict=True)
        if a is not None and b is not None
    ]
    if not differences:
        raise InputError(f"{problem}: {name} is defined in no seed")
    values = tuple(float(t) for t in differences)
    found = compare_pairs(differences)
    remark = _test_points(problem) if measure == "test" else ""
    return Row(name, first, second, problem, expected, values, found, remark)


def _test_points(problem: str) -> str:
    """Return a remark on how many test points a problem has, none for one that is not known."""
    return next((f", {len(p.test)} test points" for p in problems() if p.key == problem), "")


def start_rows(figures: Mapping[str, Mapping[str, Mapping[str, Figures]]]) -> list[Row]:
    """Return every test of the first experiment."""
    return [
        paired(question, first, second, problem, found[first][step], found[second][step])
        for step, questions in START_QUESTIONS.items()
        for question in questions
        for first, second in START_PAIRS
        for problem, found in figures.items()
    ]


def noise_rows(figures: Mapping[str, Mapping[str, Figures]]) -> list[Row]:
    """Return every test of the second experiment."""
    rows = []
    asked = [(question, "whole") for question in WHOLE_QUESTIONS] + [(LOSS_QUESTION, "early")]
    for question, other in asked:
        for size in BATCHES:
            for problem, found in figures.items():
                names = f"mini {size}", f"{other} {size}"
                rows.append(paired(question, *names, problem, *(found[name] for name in names)))
    small, large = (f"mini {size}" for size in (BATCHES[0], BATCHES[-1]))
    for problem, found in figures.items():
        rows.append(paired(JITTER_QUESTION, small, large, problem, found[small], found[large]))
    return rows


def recorded_rows(key: str) -> list[Row]:
    """Return the tests of a claim of this family on the recorded figures."""
    record = recorded()
    if key == "K17":
        return start_rows(record["initialization"])  # type: ignore[arg-type]
    return noise_rows(record["noise"])  # type: ignore[arg-type]


@claim(
    "K17",
    FAMILY,
    "BN statistics are a smart initialization",
    statement="""On the same random weights, means and scales of a BN pass over the data, put into
    the network before training without BN ('scaled'), give more regions near the data than zero
    biases, than random biases, and than the same kind of scales with zero biases ('rescaled'), a
    smaller loss early in training, and a better test accuracy after it.""",
    assumptions=f"""ReLU networks 2-8-8-8-1, two classes, plain SGD with momentum, one learning
    rate; {_DATA}, each as it is and standardized; nothing is claimed beyond.""",
    source=_PAPER,
    method="training from 30 seeds; exact counts of "
    "the regions that meet l_inf balls about the training points; paired signed-rank tests",
    expected=Status.STATISTICAL,
    answers=("S2",),
    is_reconstructed=True,
    fairness="""The source's networks are residual networks for images; these are small, because
    their regions are counted exactly. An earlier edition tested networks with the means alone.""",
    tests=72,
)
def smart_initialization(effort: Effort) -> Verdict:
    """Judge the recorded figures, after repeating a part of them; train again with full effort."""
    record = recorded()
    figures: Mapping[str, Mapping[str, Mapping[str, Figures]]]
    figures = record["initialization"]  # type: ignore[assignment]
    fault = repetition_fault(figures)
    if fault:
        return Verdict(Status.OPEN, fault)
    details = {}
    if effort.is_full:
        details["trained again"] = agreement(run_initialization(REPEATED), figures)
    rows = start_rows(figures)
    extras = [
        paired(BN_QUESTION, "bn", "scaled", problem, found["bn"][END], found["scaled"][END])
        for problem, found in figures.items()
    ]
    medians = {}
    for name, step, measure in (("regions near the data", "0", "regions"),
                                ("loss", EARLY, "loss"),
                                ("regions near the data", END, "regions"),
                                ("test points right", END, "test"),
                                ("margin", END, "margin")):  # fmt: skip
        for problem, found in figures.items():
            at = {start: found[start][step] for start in STARTS}
            remark = _test_points(problem) if measure == "test" else ""
            medians[f"median {name}, step {step}; {problem}{remark}"] = _medians(at, measure)
    return _verdict(rows, extras, details, medians, "for each pair a test a data set, six in all")


@claim(
    "K18",
    FAMILY,
    "mini-batch noise of BN widens margins",
    statement="""Among networks trained with BN on the same mini-batches, those whose statistics are
    the mini-batch's ('mini') have a larger margin than those whose statistics are the training
    set's ('whole'), also where the latter are stopped as soon as their loss is the one that the
    former end with ('early'), and a better test accuracy; and the smaller the mini-batches, the
    more the boundary jitters. The margin is the median of the signed distances of the training
    points to the decision boundary of the network with the statistics of the whole training set,
    negative where the class is wrong.""",
    assumptions=f"""ReLU networks 2-8-8-8-1 with learned gamma and beta, two classes, equally many
    steps of plain SGD where no loss is named; {_DATA}, standardized; nothing is claimed beyond.""",
    source=_PAPER,
    method="training from 30 seeds; exact distances to "
    "the decision boundary; paired signed-rank tests",
    expected=Status.STATISTICAL,
    answers=("S3",),
    is_reconstructed=True,
    fairness="""The source compares on image data. Both arms here see the same mini-batches, so that
    only the noise of the statistics differs between them. After equally many steps the loss on the
    training set is larger with it, and margins go with the loss; against that the other arm is also
    stopped at an equal loss.""",
    tests=39,
)
def noise_widens_margins(effort: Effort) -> Verdict:
    """Judge the recorded figures; train again with full effort."""
    figures: Mapping[str, Mapping[str, Figures]]
    figures = recorded()["noise"]  # type: ignore[assignment]
    details = {}
    if effort.is_full:
        details["trained again"] = agreement(run_noise(REPEATED), figures)
    extras = [
        paired(question, f"mini {size}", f"{other} {size}", problem,
               found[f"mini {size}"], found[f"{other} {size}"])
        for question, other in ((END_QUESTION, "whole"), (END_QUESTION, "early"),
                                (LEAST_QUESTION, "whole"), (LEAST_QUESTION, "early"))
        for size in BATCHES
        for problem, found in figures.items()
    ] + [
        paired(FULL_QUESTION, f"mini {size}", "full", problem, found[f"mini {size}"], found["full"])
        for size in BATCHES
        for problem, found in figures.items()
    ]  # fmt: skip
    medians = {}
    for name, measure in (("margin", "margin"), ("least margin of a right point", "least"),
                          ("test points right", "test"), ("loss", "loss"),
                          ("jitter: share of the grid that changes class", "moved"),
                          ("jitter: standard deviation of a margin", "spread")):  # fmt: skip
        for problem, found in figures.items():
            having = {way: values for way, values in found.items() if measure in values}
            remark = _test_points(problem) if measure == "test" else ""
            medians[f"median {name}; {problem}{remark}"] = _medians(having, measure)
    tests = "a test for each of three data sets and four sizes of mini-batches, of the jitter three"
    return _verdict(noise_rows(figures), extras, details, medians, tests)


def repetition_fault(figures: Mapping[str, Mapping[str, Mapping[str, Figures]]]) -> str:
    """Return how a repeated part differs from the record, or nothing.

    Before the first step no float takes part in a count: equal on every machine.
    """
    problem, names = problems()[0], ("random", "zero", "centred")
    again = initialization(problem, SEEDS[:2], steps=0, names=names)
    for name in names:
        now = again[name]["0"]
        then = {key: values[:2] for key, values in figures[problem.key][name]["0"].items()}
        for key in ("regions", "margin", "least", "test"):
            if now[key] != then[key]:
                return f"{problem.key}, {name}: {key} is {now[key]}, recorded is {then[key]}"
    return ""


def _verdict(
    rows: Sequence[Row], extras: Sequence[Row], details: Mapping[str, str],
    medians: Mapping[str, str], tests: str,
) -> Verdict:  # fmt: skip
    """Return the tests, and beside them what was looked at outside the plan."""
    beside = {}
    for row in extras:
        found = row.comparison
        beside[f"outside the plan: {found.group}, {found.name}"] = found.text
    return Verdict(
        Status.STATISTICAL,
        f"Paired differences of networks that begin with the same weights; {tests}",
        len({row.problem for row in rows}) * len(SEEDS),
        {"training": _training(), **details, **beside, **medians},
        comparisons=tuple(row.comparison for row in rows),
    )


def _training() -> str:
    """Return how the networks were trained and measured, in one line."""
    told = settings()
    return (
        f"{len(SEEDS)} seeds, from {SEEDS.start} on; {told['steps']} steps of gradient descent, "
        f"rate {told['rate']}, "
        f"momentum {told['momentum']}; mini-batches of {told['batch']} where no size is named; "
        f"radius of the balls {told['radius']} of the longest side of the data; "
        f"BN with eps {told['eps']}"
    )


def _medians(found: Mapping[str, Figures], measure: str) -> str:
    """Return the medians over the seeds of all networks, in one line."""
    parts = []
    for name, values in found.items():
        known = [Fraction(str(t)) for t in values[measure] if t is not None]
        lacking = len(values[measure]) - len(known)
        text = number(exact_median(known)) if known else "none"
        parts.append(f"{name} {text}" + (f" (none in {lacking})" if lacking else ""))
    return ", ".join(parts)


def agreement(again: Mapping[str, object], before: Mapping[str, object]) -> str:
    """Return how many figures of the first seeds came out as recorded, trained and measured anew.

    Floats of another machine may train to other figures; before the first step none may differ, see
    :func:`repetition_fault`.
    """
    pairs = list(_pairs(again, before))
    equal = sum(a == b for a, b in pairs)
    return f"{equal} of {len(pairs)} figures equal, of {REPEATED} of {len(SEEDS)} seeds"


def _pairs(
    again: Mapping[str, object], before: Mapping[str, object]
) -> Iterator[tuple[object, object]]:
    """Yield the figures that were found again, each with the recorded one."""
    for key, now in again.items():
        then = before[key]
        if isinstance(now, Mapping) and isinstance(then, Mapping):
            yield from _pairs(now, then)
        elif isinstance(now, list) and isinstance(then, list):
            yield from zip(now, then, strict=False)


def main() -> None:
    """Run both experiments and record their figures."""
    record = {
        "format": FORMAT,
        "settings": settings(),
        "versions": {name: version(name) for name in ("torch", "numpy", "python-flint")},
        "initialization": run_initialization(),
        "noise": run_noise(),
    }
    RECORD.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

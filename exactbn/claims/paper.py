"""The three statements of the source on one page, each with its readings and how they stand.

The page is made of the ledger's record, which is written beside the page of the ledger: its words
are here, every verdict and every figure in it comes from the record. Run this module,
``python -m exactbn.claims.paper docs``, to write it anew after a change of words.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactbn.claims.ledger.claim import ANSWERS, RECONSTRUCTED
from exactbn.claims.ledger.ledger import Entry, record
from exactbn.claims.ledger.verdict import Status
from exactbn.errors import InputError
from exactbn.output import create_text
from exactbn.wording import cell, markdown

FORMAT = "exactbn-ledger 1"

#: The record beside the page of the ledger, in the folder of its files.
RECORD = "ledger.json"

Record = Mapping[str, Any]

# A figure in a text: {K18[0]} is the count of the first question of K18, {K18[0]<} its least
# difference.
_FIGURE = re.compile(r"\{(\w+)(\[\d+\]<?)\}")


@dataclass(frozen=True)
class Statement:
    """One statement of the source.

    ``restated`` is the statement in our words, ``hurry`` one sentence for a person in a hurry,
    ``readings`` are pairs (key, reading) of the entries that answer it most directly. In ``hurry``
    and ``readings`` {K18[0]} stands for how many of the tests of K18's first question ended as
    claimed, {K18[0]<} for the least difference in them. ``picture`` is a file of the ledger's
    folder, with its ``caption``; ``unsettled`` is what is open.
    """

    name: str
    restated: str
    hurry: str
    picture: str
    caption: str
    readings: tuple[tuple[str, str], ...]
    unsettled: tuple[str, ...]


STATEMENTS = (
    Statement(
        "S1",
        "Batch normalization learns without labels: whatever the weights are, and before any "
        "training, it fits the boundaries of the network's partition to the data.",
        "True to the letter for one hyperplane at a time and for every unit's boundary (proved); "
        "for the number of regions near the data it is false of some biases and some data, and "
        "true on average for networks 2-3-3-1 at torch's random initialization, on the data sets "
        "tried and by a test each ({K14E[0]} data sets against random biases, {K14E[1]} against "
        "zero biases: iris, wine and two moons, as they are and standardized).",
        "S1.png",
        "Two hidden layers of eight units with torch's random weights and biases, and the same "
        "weights centred on the data (two moons, standardized); both partitions are exact.",
        (
            ("K1", "The batch mean is the best place of each hyperplane: no other offset has a "
                   "smaller sum of squared distances to the data."),
            ("K2", "In its own input space a whole layer meets in the mean of what it is given."),
            ("K4", "In the network's input space, at any depth, each unit's boundary passes "
                   "between two data points, so it meets the convex hull of the data."),
            ("K9", "Whatever the weights: raw biases and the lengths of the rows play no part. "
                   "Their directions do."),
            ("F1", "A fit by total least squares: of the offsets, with the directions given."),
            ("F5", "In deep layers what is nearer in feature space is nearer in input space."),
            ("F4", "Small squared distances mean many data points near a boundary."),
            ("K14", "More regions near the data, against all biases."),
            ("K15", "A nearer boundary for each data point, against all biases."),
            ("F3", "More regions in the whole space, against all biases."),
            ("K14E", "More regions near the data, on average at random initialization."),
            ("K15E", "A nearer boundary, on average at random initialization."),
            ("F3E", "More regions in the whole plane, on average at random initialization."),
            ("K12", "For two clusters: a centred unit rarely cuts one of them."),
        ),
        (
            "A condition on the data under which the expected number of regions near them rises. "
            "For one unit with normal weights and Euclidean balls, against zero bias, some "
            "condition is needed: with one point far off the expected number of hyperplanes near "
            "the data falls (K11, K14E). The law, the balls and the networks of K14E are others.",
            "The averages for other laws of the weights, deeper networks and more inputs: what is "
            "known is for the shape and the data sets of K14E, K15E and F3E.",
            "The hypotheses of the source's theorem on deep layers, and F5 for hyperplanes that "
            "are not parallel.",
        ),
    ),
    Statement(
        "S2",
        "Batch normalization is a smart initialization: it fits even a network of random weights "
        "to the data, and learning is the better for it.",
        "As a start it does what is said: regions crowd around the data (clear in {K17[0]} data "
        "sets against zero biases, {K17[1]} against random biases, {K17[2]} against the same kind "
        "of scales with zero biases), and the loss falls faster early on ({K17[3]}, {K17[4]} and "
        "{K17[5]}). A better accuracy in the end was not seen on these small networks: {K17[9]}, "
        "{K17[10]} and {K17[11]}; the worst median differences were {K17[9]<}, {K17[10]<} and "
        "{K17[11]<}.",
        "S2.png",
        "Networks that start from BN statistics, means and scales, minus networks with the same "
        "weights and torch's random biases: a dot a seed.",
        (
            ("K17", "Means and scales of one BN pass, put into the network before training "
                    "without BN, against zero biases, random biases, and scales alone."),
            ("K14E", "Before training, on average: more regions near the data."),
            ("K15E", "Before training, on average: a nearer boundary."),
            ("K9", "The start does not depend on the raw biases or the lengths of the rows."),
            ("K11", "Two points are separated by a random unit with the probability of an angle "
                    "over pi: after centering that of u and v seen from the mean; with zero bias "
                    "that seen from the origin; with normal weights and a normal bias that of "
                    "(u, b) and (v, b), one dimension higher, b the standard deviation of the "
                    "bias over the weights'."),
            ("K12", "Two clusters are separated by a centred unit with a high probability, if "
                    "they are small against their distance."),
            ("F17", "Against which start one compares does not matter."),
            ("F8", "Random offsets separate clusters with exponentially small probability in high "
                   "dimension, if only the dimension changes."),
        ),
        (
            "Large networks, images, residual networks and other ways of training, which the "
            "source is about: regions are counted exactly here, so the networks are small.",
            "Whether the crowd of regions is the reason for the faster start. The same kind of "
            "scales without the means helps early on, too, on standardized data.",
            "A theorem on learning. All that is proved here is of the network before training.",
        ),
    ),
    Statement(
        "S3",
        "Statistics differ from mini-batch to mini-batch. This shakes the partition and with it "
        "the decision boundary, as dropout does, and widens the margin between the training "
        "samples and the boundary, which is good for generalization.",
        "How far hyperplanes are shaken is known exactly (proved). Among small networks trained on "
        "the same mini-batches the shaken ones had a clearly larger margin, the median signed "
        "distance of the training points to the boundary, after equally many steps in {K18[0]} "
        "tests. But they also end with a larger loss, and against the others stopped at an equal "
        "loss the margin is clearly larger in {K18[2]} only: most of the gain goes with the larger "
        "loss. The test accuracy was clearly better in {K18[1]}; dropout was not compared.",
        "K18-boundaries.png",
        "One trained network a panel: its decision boundary with the statistics of the training "
        "set, and with those of twelve mini-batches.",
        (
            ("K13", "How the mean and the variance of a mini-batch are spread, exactly."),
            ("K19", "How far mini-batches move a hyperplane of the first layer, exactly."),
            ("F14", "The variance of the mean over a mini-batch of b points is sigma^2 / b."),
            ("K5", "How large a normalized value can be: no outlier of a batch is far off."),
            ("K18", "The noise of the statistics, and nothing else, made to differ: margin, test "
                    "accuracy, jitter, after equally many steps; and the margin at an equal loss."),
            ("K16", "If the logit itself is normalized, every batch has samples on both sides of "
                    "the decision boundary."),
            ("F6", "The same with normalized hidden layers only."),
            ("F13", "Mini-batches of any size will do."),
        ),
        (
            "Whether the noise widens margins otherwise than by keeping the loss up: at an equal "
            "loss that was clear for mini-batches of 4 and 8 on the moons only (K18); no theorem "
            "says when it must.",
            "The least margin of a point that is classified rightly, which is what bounds of "
            "generalization ask for: it did not grow consistently (K18, outside the plan).",
            "The likeness with dropout, and large networks on images.",
            "How statistics of several layers depend on each other: K13 and K19 are exact for the "
            "first layer.",
        ),
    ),
)

INTRODUCTION = """\
# Batch normalization explained? Three statements, settled one by one

R. Balestriero and R. G. Baraniuk, "Batch Normalization Explained" (arXiv 2209.14778), look at batch
normalization through the partition of the input space that a network of piecewise linear units
makes. Their abstract says three things. This page says how each of them stands: what of it is
proved, what needs an assumption, which readings are false, and what is true on average and how
strongly.

Only the abstract was available here, not the body of the paper. The statements are restated in our
words, not quoted, and their precise readings are ours or come from later work of the authors. A
reading that is refuted is no fault found with the source: its own hypotheses may exclude the
counterexample, wherever an entry says *as reconstructed; hypotheses of the source unknown*. That
the geometric view bears fruit is plain from how much of it can be proved.

In a hurry:
"""

#: Headings of the readings, by how they stand.
_HEADINGS = {
    Status.PROVED: "Proved",
    Status.HOLDS: "Held on every instance, not proved",
    Status.NEEDS: "True with an assumption, false without",
    Status.STATISTICAL: "On average, by tests whose error was fixed before",
    Status.REFUTED: "False as it stands, with a counterexample",
    Status.OPEN: "Open",
}


def to_record(entries: Sequence[Entry], *, is_full: bool) -> dict[str, Any]:
    """Return what is kept of the settled ledger: all but the times, which differ run by run."""
    kept = []
    for entry in entries:
        values = record(entry) | {"text": entry.verdict.text}
        del values["seconds"]
        kept.append(values)
    return {"format": FORMAT, "effort": "full" if is_full else "quick", "claims": kept}


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a settled ledger.

    Raises
    ------
    InputError
        If the file is no such record.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a record of the ledger: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{path} is no record of the ledger, expected the format {FORMAT!r}")
    return found


def answers_all(found: Record) -> bool:
    """Return whether the claims are settled whose figures the page names."""
    named = {key for statement in STATEMENTS for key, _ in _FIGURE.findall(str(statement))}
    return named <= {claim["key"] for claim in found["claims"]}


def write_paper(path: Path, found: Record, folder: str) -> None:
    """Write the page; ``folder`` is the name of the one beside it that has the pictures."""
    with create_text(path, force=True) as stream:
        stream.write(paper(found, folder))


def paper(found: Record, folder: str) -> str:
    """Return the text of the page that the record of a settled ledger makes."""
    claims = {claim["key"]: claim for claim in found["claims"]}
    figures: dict[str, str] = {}
    for claim in claims.values():
        figures |= _figures(claim)
    lines = [INTRODUCTION]
    for statement in STATEMENTS:
        lines.append(f"- **{statement.name}, {ANSWERS[statement.name]}.** "
                     f"{markdown(_filled(statement.hurry, figures))}")  # fmt: skip
    lines += ["", f"Every entry is explained, with proof or counterexample, in the "
                  f"[ledger]({folder}.md); `exactbn claims --all` settles them again."]  # fmt: skip
    for statement in STATEMENTS:
        lines += ["", *_section(statement, claims, figures, folder)]
    return "\n".join(lines) + "\n"


def _section(
    statement: Statement, claims: Mapping[str, Record], figures: Mapping[str, str], folder: str,
) -> list[str]:  # fmt: skip
    """Return the lines of one statement."""
    name = statement.name
    lines = [
        f"## {name}: {ANSWERS[name]}", "", markdown(statement.restated), "",
        f"![{name}]({folder}/{statement.picture})", "", f"*{markdown(statement.caption)}*",
    ]  # fmt: skip
    for status, heading in _HEADINGS.items():
        here = [(claims[key], text) for key, text in statement.readings
                if claims[key]["verdict"] == status.value]  # fmt: skip
        if not here:
            continue
        lines += ["", f"### {heading}", ""]
        for claim, text in here:
            lines += _reading(claim, _filled(text, figures), folder)
    chosen = {key for key, _ in statement.readings}
    rest = [c for c in claims.values() if name in c["answers"] and c["key"] not in chosen]
    if rest:
        lines += ["", "### Further entries", "", "| entry | what it says | whose | verdict |",
                  "|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| {_link(c, folder)} | {cell(c['title'])} | {cell(_whose(c))} | {cell(c['text'])} |"
            for c in rest
        ]
    lines += ["", "### Open", ""]
    return lines + [f"- {markdown(text)}" for text in statement.unsettled]


def _reading(claim: Record, text: str, folder: str) -> list[str]:
    """Return the lines of one reading: its words, how it stands, and what its tests say."""
    assumption = f" *Needs*: {markdown(claim['assumption'])}." if claim["assumption"] else ""
    # What the tests say stands in the table.
    says = claim["summary"].partition(". ")[0] + "." if claim["tests"] else claim["summary"]
    fairness = f" *In fairness*: {markdown(claim['fairness'])}" if claim["fairness"] else ""
    source = f" *Whose*: {markdown(_whose(claim))}."
    lines = [
        f"- {_link(claim, folder)} {markdown(text)}{assumption} {markdown(says)}{source}{fairness}"
    ]
    groups = _groups(claim)
    if groups:
        heads = ("question", "tests", "as claimed", "the opposite", "not clear", "differences")
        lines += ["", f"  | {' | '.join(heads)} |", "  |---|---|---|---|---|---|"]
    for group, tests in groups.items():
        ends = [test["outcome"] for test in tests]
        sizes = sorted(test["estimate"] for test in tests)
        numbers = [len(ends), *(ends.count(end) for end in ("as claimed", "the opposite",
                                                            "not clear"))]  # fmt: skip
        cells = [cell(group), *map(str, numbers), f"{sizes[0]:+g} to {sizes[-1]:+g}"]
        lines.append(f"  | {' | '.join(cells)} |")
    return [*lines, ""] if groups else lines


def _whose(claim: Record) -> str:
    """Return the source of a claim, and whether it is reconstructed."""
    return f"{claim['source']}; {RECONSTRUCTED}" if claim["is_reconstructed"] else claim["source"]


def _link(claim: Record, folder: str) -> str:
    """Return a link to the entry of the ledger."""
    return f"[{claim['key']}]({folder}.md#{claim['key'].lower()})"


def _figures(claim: Record) -> dict[str, str]:
    """Return, question by question, in how many tests a claim came out as it claims, and the least.

    The least is the smallest of the differences that were found, with the name of its test.
    """
    figures = {}
    for index, tests in enumerate(_groups(claim).values()):
        ends = [test["outcome"] for test in tests]
        other = ends.count("the opposite")
        text = f"{ends.count('as claimed')} of {len(ends)}"
        name, least = f"{claim['key']}[{index}]", min(tests, key=lambda test: test["estimate"])
        figures[name] = text + (f", the opposite in {other}" if other else "")
        size = f"{least['estimate']:+g}" if least["estimate"] else "0"
        figures[name + "<"] = f"{size} ({least['name']})"
    return figures


def _groups(claim: Record) -> dict[str, list[Record]]:
    """Return the tests of a claim question by question."""
    groups: dict[str, list[Record]] = {}
    for test in claim["tests"]:
        groups.setdefault(test["group"], []).append(test)
    return groups


def _filled(text: str, figures: Mapping[str, str]) -> str:
    """Return a text with its figures: {K18[0]} is the count of the first question of K18."""
    return _FIGURE.sub(lambda m: figures[m[1] + m[2]], text)


def main() -> None:
    """Write the page of the folder that is named, from the record that lies there."""
    docs = Path(sys.argv[1])
    write_paper(docs / "paper.md", read_record(docs / "claims" / RECORD), "claims")


if __name__ == "__main__":
    main()

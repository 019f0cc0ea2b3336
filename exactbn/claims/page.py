"""The ledger as a page of text, with a file and a picture of every counterexample beside it."""

import json
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from exactbn.claims.families.bounds import FEW, MANY, counts_of_shapes
from exactbn.claims.families.training import FAMILY, recorded_rows
from exactbn.claims.ledger.claim import ANSWERS, RECONSTRUCTED, Claim
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import Entry, tally
from exactbn.claims.ledger.multiplicity import outcome
from exactbn.claims.paper import RECORD, answers_all, to_record, write_paper
from exactbn.claims.pictures import (
    can_draw,
    draw_instance,
    draw_jitter,
    draw_rows,
    draw_shapes,
    draw_typical,
)
from exactbn.exact.rational import to_text
from exactbn.output import create_text
from exactbn.wording import cell, markdown

#: Rows of data that the page shows; the file of the instance has them all.
MOST_ROWS = 24

#: What is seen in the pictures that are not of a counterexample.
CAPTIONS = {
    "K17.png": "Networks that start from means and scales of a BN pass ('scaled') minus networks "
    "with the same weights and another start, seed by seed: zero biases, torch's random biases, or "
    "the same kind of scales with zero biases ('rescaled'). Blue dots are above zero, orange ones "
    "below; what is claimed is blue for regions and test points, orange for the loss.",
    "K18.png": "Networks trained with the statistics of mini-batches ('mini') minus networks "
    "trained on the same mini-batches with those of the training set, after equally many steps "
    "('whole') or stopped at an equal loss ('early'), seed by seed; a row a data set and a size of "
    "mini-batches. What is claimed is blue, above zero.",
    "K18-boundaries.png": "One trained network a panel, its training points in red and blue: the "
    "decision boundary with the statistics of the training set in black, with those of twelve "
    "mini-batches of the size named in orange.",
    "K33.png": "A row a shape: d inputs and the hidden layers. Dots are means of exact counts of "
    "drawn networks, bars reach to the greatest of them.",
}

#: A page of docs as entries name it, after :func:`exactbn.wording.markdown`.
_NAMED = re.compile(r"docs/((?:\w|\\_)+\.md)")

#: What this module writes beside the page, and may therefore remove.
_OURS = re.compile(r"([KF]\d+E?(-\w+)?\.(json|png))|S[12]\.png|ledger\.json")

INTRODUCTION = """\
# Claims about batch normalization

Each claim is stated precisely and settled: by proof, by exact computation on small networks, or by
statistical tests whose error was fixed before. A claim that is refuted has a counterexample in
exact numbers; one that is true only with an assumption that is often left out has a counterexample
without it.

**A word to the authors of the source.** The body of R. Balestriero and R. G. Baraniuk, "Batch
Normalization Explained", arXiv 2209.14778, was not available here: only its abstract, and what
later papers of its authors restate of it, was read. Its theorem on deep layers (here F5), its
proposition on the two sides of the decision boundary (F6), its experiments on initialization (K17)
and its model of mini-batch noise (F14, K18, K19) are reconstructed from such restatements and from
summaries. Where an entry says *as reconstructed; hypotheses of the source unknown*, a refutation is
one of the reconstruction: with hypotheses that are not known here the source may be right. No
statement is quoted; "as commonly stated" means that it is restated, in our words.

Everything here can be run again:

```console
$ exactbn claims                                       # a quick subset of every check
$ exactbn claims --all                                 # everything
$ exactbn claims K7 --show                             # one claim explained
$ exactbn claims --replay docs/claims/KEY.json         # a counterexample judged again
$ exactbn claims --search KEY --minutes 10             # look for a counterexample from scratch
$ exactbn claims --all --write-page docs/claims.md     # this page
```

What the verdicts mean:

- *proved*: by a proof that the check carries out or states; instances only illustrate it.
- *holds on N instances*: exact on all of them, and no proof is claimed.
- *refuted*: the counterexample is exact and can be replayed.
- *needs*: false as it stands, and true with the assumption named.
- *statistical*: tests with seeds, sample sizes and an error level fixed before. Of all tests of the
  ledger together the chance is at most 0.01 that one is called clear although nothing is behind it
  (Holm's procedure, two-sided p-values).

Instances are counted only where they meet the hypotheses of the claim, and all of them are checked;
more are drawn until there are as many as planned. Nothing is proved by sampling. What an entry
speaks to in the abstract of the source is marked S1, S2 or S3:

"""


def write_page(path: Path, entries: Sequence[Entry], *, is_full: bool) -> None:
    """Write the page, the files that it shows into a folder of its name beside it, and the paper's.

    The page of the source's three statements, ``paper.md``, lies beside it too, and the record that
    it is made of in the folder, where the claims that it speaks of are among the entries.
    ``is_full`` says whether the claims were settled with full effort.
    """
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if _OURS.fullmatch(old.name):
            old.unlink()
    write_files(folder, entries, is_full=is_full)
    with create_text(path, force=True) as stream:
        stream.write(page(entries, folder, is_full=is_full))
    kept = to_record(entries, is_full=is_full)
    if not answers_all(kept):
        return
    draw_typical(folder / "S1.png")
    starts = [row for row in recorded_rows("K17") if row.second == "random"]
    draw_rows(starts, folder / "S2.png")
    with create_text(folder / RECORD, force=True) as stream:
        json.dump(kept, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
    write_paper(path.with_name("paper.md"), kept, folder.name)


def write_files(folder: Path, entries: Sequence[Entry], *, is_full: bool) -> None:
    """Write the file of every counterexample, and the pictures of what has one."""
    for entry in entries:
        key, example = entry.claim.key, entry.verdict.counterexample
        if entry.claim.family == FAMILY:
            draw_rows(recorded_rows(key), folder / f"{key}.png")
            if key == "K18":
                draw_jitter(folder / f"{key}-boundaries.png")
        if key == "K33":
            draw_shapes(counts_of_shapes(MANY if is_full else FEW), folder / f"{key}.png")
        if example is None:
            continue
        with create_text(folder / f"{key}.json", force=True) as stream:
            stream.write(example.to_json(key))
        if can_draw(example):
            draw_instance(example, folder / f"{key}.png")


def page(entries: Sequence[Entry], folder: Path, *, is_full: bool) -> str:
    """Return the text of the page whose files lie in ``folder``."""
    counts = ", ".join(f"{n} {status.value}" for status, n in tally(entries).items() if n)
    effort = "with full effort" if is_full else "on a quick subset of each check"
    spoken = [f"- **{name}**: {text}" for name, text in ANSWERS.items()]
    lines = [
        INTRODUCTION.rstrip() + "\n", *spoken, "",
        f"{len(entries)} claims, settled {effort}: {counts}.", "",
        "| claim | family | speaks to | what it says | verdict |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for entry in entries:
        claim = entry.claim
        cells = (f"[{claim.key}](#{claim.key.lower()})", claim.family, ", ".join(claim.answers),
                 claim.title, _verdict(entry))  # fmt: skip
        lines.append(f"| {cells[0]} | " + " | ".join(map(cell, cells[1:])) + " |")
    for entry in entries:
        lines += ["", *_section(entry, folder)]
    return "\n".join(lines) + "\n"


def _section(entry: Entry, folder: Path) -> list[str]:
    """Return the lines of one claim."""
    claim, verdict = entry.claim, entry.verdict
    key, example = claim.key, verdict.counterexample
    lines = [f"## {key}", "", f"**{markdown(claim.title)}**", "", markdown(claim.statement), ""]
    facts = [
        ("Assumptions", claim.assumptions),
        ("Source", source_of(claim)),
        ("Fairness", claim.fairness),
        ("Speaks to", ", ".join(claim.answers)),
        ("Method", claim.method),
    ]
    lines += [f"- {name}: {_linked(markdown(text))}" for name, text in facts if text]
    lines += [f"- Verdict: **{markdown(_verdict(entry))}**", "", markdown(entry.summary)]
    if claim.proof:
        lines += ["", f"*Proof.* {markdown(claim.proof)}"]
    rows = verdict_rows(entry)
    if rows:
        lines += ["", *_grid(("figure", "value"), rows)]
    for picture in (f"{key}.png", f"{key}-boundaries.png"):
        if (folder / picture).exists():
            lines += ["", f"![{key}]({folder.name}/{picture})"]
        if picture in CAPTIONS and (folder / picture).exists():
            lines += ["", f"*{markdown(CAPTIONS[picture])}*"]
    if example is not None:
        lines += ["", f"The counterexample, [as a file]({folder.name}/{key}.json):", "",
                  *_grid(("part", "exact"), instance_rows(example, most=MOST_ROWS))]  # fmt: skip
        if claim.violation is not None:
            lines += ["", f"Replay: `exactbn claims --replay docs/{folder.name}/{key}.json`"]
    return lines


def _linked(text: str) -> str:
    """Return a text of the page with links to the pages of docs that it names."""
    return _NAMED.sub(lambda m: f"[{m[0]}]({m[1].replace(chr(92), '')})", text)


def _verdict(entry: Entry) -> str:
    """Return the verdict, and the recorded one where it differs."""
    if entry.is_as_expected:
        return entry.verdict.text
    return f"{entry.verdict.text}; recorded is {entry.claim.expected.value}"


def source_of(claim: Claim) -> str:
    """Return the source of a claim, and whether it is reconstructed."""
    return f"{claim.source}; {RECONSTRUCTED}" if claim.is_reconstructed else claim.source


def verdict_rows(entry: Entry) -> list[tuple[str, str]]:
    """Return the figures of a verdict as names and texts, its tests among them."""
    rows, verdict = [], entry.verdict
    if verdict.instances:
        rows.append(("instances", str(verdict.instances)))
    rows += verdict.details.items()
    for test, is_clear in zip(verdict.comparisons, entry.clear, strict=True):
        text = f"{test.text}, p {test.p_value:.2g}: {outcome(test, is_clear)}"
        rows.append((f"{test.group}, {test.name}", text))
    return rows


def instance_rows(instance: Instance, *, most: int | None = None) -> list[tuple[str, str]]:
    """Return the parts of an instance as names and exact texts, at most ``most`` points."""
    rows = []
    if instance.network is not None:
        network = instance.network
        rows.append(("network", network.architecture))
        for index, layer in enumerate(network.layers):
            is_last = index == len(network.layers) - 1
            rows.append((f"W{index}", _matrix(layer.weight)))
            rows.append((f"b{index}", _vector(layer.bias)))
            if not is_last:
                rows.append((f"slope{index}", to_text(layer.slope)))
    if instance.data:
        shown = instance.data if most is None else instance.data[:most]
        rest = len(instance.data) - len(shown)
        more = f" and {rest} more" if rest else ""
        rows.append((f"data, {len(instance.data)} points", ", ".join(map(_point, shown)) + more))
    rows += [(name, to_text(value)) for name, value in instance.numbers.items()]
    return rows


def _vector(values: Sequence[Fraction]) -> str:
    """Return a vector as text."""
    return "[" + ", ".join(map(to_text, values)) + "]"


def _matrix(rows: Sequence[Sequence[Fraction]]) -> str:
    """Return a matrix as text, row by row."""
    return "[" + ", ".join(map(_vector, rows)) + "]"


def _point(values: Sequence[Fraction]) -> str:
    """Return a point as text."""
    return "(" + ", ".join(map(to_text, values)) + ")"


def _grid(heads: tuple[str, str], rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return a table of two columns."""
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    return lines + [f"| {cell(name)} | {cell(text)} |" for name, text in rows]

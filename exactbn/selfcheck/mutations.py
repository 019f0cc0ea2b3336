"""Mutants of a certificate: the same text with one thing changed.

A mutation knows the outer form of a certificate only: lines; a first line with the version; lines
that name the network, the domain and the kind of proof; records; a last line with the counts. It
does not know what a record means, so the mutants are as blind as an error of transmission.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

#: Whole numbers with their sign, wherever they stand: coordinates, multipliers, ids, counts.
_INTEGER = re.compile(r"-?\d+", re.ASCII)


@dataclass(frozen=True)
class Mutant:
    """A changed certificate: the kind of change, the first word of the line changed, the text."""

    kind: str
    record: str
    text: str


@dataclass(frozen=True)
class Draft:
    """A certificate in lines: ``head`` up to the kind of proof, ``records``, and the last line."""

    head: tuple[str, ...]
    records: tuple[str, ...]
    end: str

    @classmethod
    def of(cls, text: str) -> "Draft":
        """Return the parts of a certificate."""
        lines = text.splitlines()
        proof = next(i for i, line in enumerate(lines) if line.startswith("proof "))
        return cls(tuple(lines[: proof + 1]), tuple(lines[proof + 1: -1]), lines[-1])

    def with_records(self, records: Sequence[str]) -> str:
        """Return the certificate's text with other records."""
        return _joined((*self.head, *records, self.end))

    def with_head(self, word: str, line: str) -> str:
        """Return the text with another line in the place of that which begins with ``word``."""
        head = [line if old.split(" ")[0] == word else old for old in self.head]
        return _joined((*head, *self.records, self.end))

    def line(self, word: str) -> str:
        """Return the line of the head that begins with ``word``."""
        return next(line for line in self.head if line.split(" ")[0] == word)


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


#: The first word of the changed line and the new text; None where there is nothing to change.
Change = tuple[str, str] | None


def _number(draft: Draft, random: Random, change: Callable[[int], int]) -> Change:
    """Change a whole number of a record."""
    if not draft.records:
        return None
    i = random.randrange(len(draft.records))
    line = draft.records[i]
    found = list(_INTEGER.finditer(line))
    if not found:
        return None
    place = random.choice(found)
    new = str(change(int(place.group())))
    records = list(draft.records)
    records[i] = line[: place.start()] + new + line[place.end():]
    return _word(line), draft.with_records(records)


def _word(line: str) -> str:
    """Return the first word of a record."""
    return line.split(" ")[0]


def _sign(draft: Draft, random: Random) -> Change:
    return _number(draft, random, lambda t: -t)


def _one_off(draft: Draft, random: Random) -> Change:
    step = random.choice((-1, 1))
    return _number(draft, random, lambda t: t + step)


def _another_id(draft: Draft, random: Random) -> Change:
    return _number(draft, random, lambda t: random.randrange(len(draft.records) + 1))


def _dropped(draft: Draft, random: Random) -> Change:
    if not draft.records:
        return None
    i = random.randrange(len(draft.records))
    rest = draft.records[:i] + draft.records[i + 1:]
    return _word(draft.records[i]), draft.with_records(rest)


def _duplicated(draft: Draft, random: Random) -> Change:
    if not draft.records:
        return None
    line = random.choice(draft.records)
    records = list(draft.records)
    # Right behind itself, or anywhere.
    place = records.index(line) if random.randrange(2) else random.randrange(len(records) + 1)
    records.insert(place, line)
    return _word(line), draft.with_records(records)


def _swapped(draft: Draft, random: Random) -> Change:
    if len(draft.records) < 2:
        return None
    i, j = random.sample(range(len(draft.records)), 2)
    records = list(draft.records)
    records[i], records[j] = records[j], records[i]
    return _word(draft.records[i]), draft.with_records(records)


def _copied(draft: Draft, random: Random) -> Change:
    """One record says what another one of its kind says."""
    i = random.randrange(len(draft.records)) if draft.records else 0
    same = [line for line in draft.records if _word(line) == _word(draft.records[i])]
    if not same:
        return None
    records = list(draft.records)
    records[i] = random.choice(same)
    return _word(draft.records[i]), draft.with_records(records)


def _hash(draft: Draft, random: Random) -> Change:
    line = draft.line("network")
    i = random.randrange(len("network "), len(line))
    digit = random.choice([c for c in "0123456789abcdef" if c != line[i]])
    return "network", draft.with_head("network", line[:i] + digit + line[i + 1:])


def _version(draft: Draft, random: Random) -> Change:
    line = draft.head[0]
    version = line.split(" ")[-1]
    new = str(random.choice([v for v in range(4) if str(v) != version]))
    return _word(line), draft.with_head(_word(line), f"{line.removesuffix(version)}{new}")


def _truncated(draft: Draft, random: Random) -> Change:
    text = draft.with_records(draft.records)
    if random.randrange(2):
        return "", text[: random.randrange(len(text) - 1)]
    lines = text.splitlines()
    return "", _joined(lines[: random.randrange(len(lines))])


def _widened(draft: Draft, random: Random) -> Change:
    """A bound of the box moves outward, by much or by little; all of R^d gets another d."""
    words = draft.line("domain").split(" ")
    if words[1] == "all":
        words[2] = str(int(words[2]) + random.choice((-1, 1)))
    else:
        i = random.randrange(2, len(words))
        step = Fraction(random.choice(("1", "1/3", "1/1000", "1/1180591620717411303424")))
        words[i] = str(Fraction(words[i]) + (step if i >= 2 + (len(words) - 2) // 2 else -step))
    return "domain", draft.with_head("domain", " ".join(words))


def _shrunk(draft: Draft, random: Random) -> Change:
    """A side of the box moves inward, up to the middle."""
    words = draft.line("domain").split(" ")
    if words[1] == "all":
        return None
    d = (len(words) - 2) // 2
    i = random.randrange(d)
    lo, hi = Fraction(words[2 + i]), Fraction(words[2 + d + i])
    step = (hi - lo) / random.choice((2, 3, 1000))
    lo, hi = random.choice(((lo + step, hi), (lo, hi - step)))
    words[2 + i], words[2 + d + i] = str(lo), str(hi)
    return "domain", draft.with_head("domain", " ".join(words))


def _row(draft: Draft, random: Random) -> Change:
    """A number of a row that cuts the domain down is one off, or the row is left out."""
    rows = [i for i, line in enumerate(draft.head) if _word(line) == "row"]
    if not rows:
        return None
    i = random.choice(rows)
    words = draft.head[i].split(" ")
    place = random.randrange(1, len(words))
    words[place] = str(Fraction(words[place]) + random.choice((-1, 1)))
    line = [] if random.randrange(4) == 0 else [" ".join(words)]
    head = (*draft.head[:i], *line, *draft.head[i + 1:])
    return "row", _joined((*head, *draft.records, draft.end))


def _end(draft: Draft, random: Random) -> Change:
    """A count of the last line is one off, or left out, or claimed though nothing proves it."""
    words = draft.end.split(" ")
    i = random.randrange(1, len(words))
    choices = ["0", "1"] if words[i] == "-" else [str(int(words[i]) + s) for s in (-1, 1)] + ["-"]
    words[i] = random.choice(choices)
    return "end", _joined((*draft.head, *draft.records, " ".join(words)))


def _proof(draft: Draft, random: Random) -> Change:
    """The records are called a proof of the other kind."""
    other = {"proof complex": "proof tree", "proof tree": "proof complex"}
    return "proof", draft.with_head("proof", other[draft.line("proof")])


MUTATIONS: dict[str, Callable[[Draft, Random], Change]] = {
    "sign flipped": _sign,
    "number one off": _one_off,
    "id changed": _another_id,
    "record dropped": _dropped,
    "record duplicated": _duplicated,
    "records swapped": _swapped,
    "record copied over another": _copied,
    "network hash changed": _hash,
    "version changed": _version,
    "truncated": _truncated,
    "box widened": _widened,
    "box shrunk": _shrunk,
    "row changed": _row,
    "end line changed": _end,
    "kind of proof changed": _proof,
}
#: Changes of the head are few and always the same, so they are tried less often.
RARE = {"network hash changed", "version changed", "kind of proof changed"}
_KINDS = tuple(kind for kind in MUTATIONS for _ in range(1 if kind in RARE else 4))


def random_mutants(text: str, random: Random, count: int) -> Iterator[Mutant]:
    """Yield up to ``count`` mutants of a certificate, each of them another text."""
    draft = Draft.of(text)
    for _ in range(count):
        kind = random.choice(_KINDS)
        change = MUTATIONS[kind](draft, random)
        if change is not None and change[1] != text:
            yield Mutant(kind, *change)

"""Check a certificate of homology: python -I -S exactbn/topology_checker.py CERTIFICATE

The certificate (docs/topology.md) lists cells with their boundaries, a discrete gradient, the
reduced boundary matrices of its critical cells, and Betti numbers and torsion. Nothing of it is
believed: this file imports the standard library only and works in integers. It checks

(H1) that boundaries of boundaries are zero, so that there is a chain complex over Z,
(H2) that the pairs are disjoint, each a cell with a facet of incidence number 1 or -1,
(H3) that no path of the gradient is closed,
(H4) that the reduced matrices are those of all paths (Forman's theorem: the homology is the same),
(H5) that their invariant factors give the Betti numbers and the torsion.

What the cells stand for is not checked here; that a partition has the faces that it has, its own
certificate proves.

Exit code 0: accepted, with one line that says what is proven. 1: rejected, with the reason. 2: not
judged, with the reason: the file cannot be read, is malformed or asks for too much, or the
arguments are wrong.
"""

import gzip
import heapq
import os
import stat
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

HEAD = "exactbn-topology 1"
MAX_LINE = 1 << 20  # characters of a line
MAX_DIGITS = 4000  # of a number that is read
MAX_BITS = 1 << 16  # of a number that is computed
MAX_CELLS = 1 << 22
MAX_ENTRIES = 1 << 24  # of all boundaries together
MAX_DIM = 64
MAX_BYTES = 1 << 31  # of the file, unpacked
STEPS = 1 << 24  # what a file may cost, in entries that are looked at, and more for each byte
STEPS_A_BYTE = 1 << 6
MAX_LONELY = 1 << 16  # vertices more than there are other cells, which cost no line
MAX_PRINTED = 200  # characters of the remark that are printed

Chain = dict[int, int]


class Rejection(Exception):
    """The certificate proves nothing; the message says why."""


class Unreadable(Exception):
    """Nothing is judged: the file is malformed, or asks for too much."""


class Proof(NamedTuple):
    """What an accepted certificate proves."""

    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]
    cells: tuple[int, ...]
    critical: tuple[int, ...]
    remark: str

    def __str__(self) -> str:
        """Return it as one line."""
        torsion = [f"H_{k} {list(of_k)}" for k, of_k in enumerate(self.torsion) if of_k]
        return (
            f"Betti numbers {list(self.betti)}, torsion: {', '.join(torsion) or 'none'}, of a "
            f"complex of {sum(self.cells)} cells, {sum(self.critical)} of them critical; it is "
            f"said to be that of: {self.remark[:MAX_PRINTED]}"
        )


class Lines:
    """The lines of a file, and the steps that are left."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.count, self.bytes, self.left = stream, 0, 0, STEPS
        self.entries = 0

    def fields(self, first: str) -> list[str]:
        """Return what follows the word ``first`` in the next line."""
        line = self.stream.readline(MAX_LINE + 1)
        self.count += 1
        self.bytes += len(line)
        self.left += STEPS_A_BYTE * len(line)
        if len(line) > MAX_LINE or self.bytes > MAX_BYTES:
            raise Unreadable("a line or the file is too long")
        if not line.endswith(b"\n"):
            raise Unreadable("the file ends too early")
        fields = line.decode("ascii").split()
        if not fields or fields[0] != first:
            raise Unreadable(f"expected {first!r}, got {' '.join(fields)[:40]!r}")
        return fields[1:]

    def spend(self, steps: int) -> None:
        """Take off what is about to be done."""
        self.left -= steps
        if self.left < 0:
            raise Unreadable("the certificate asks for too much work")


def integers(fields: Sequence[str]) -> list[int]:
    """Return integers in plain decimal digits."""
    for text in fields:
        digits = text.removeprefix("-")
        if len(digits) > MAX_DIGITS or not (digits.isascii() and digits.isdigit()):
            raise Unreadable(f"expected an integer, got {text[:40]!r}")
    return [int(text) for text in fields]


def naturals(fields: Sequence[str], count: int, below: int) -> list[int]:
    """Return ``count`` numbers from 0 to ``below`` - 1."""
    numbers = integers(fields)
    if len(numbers) != count:
        raise Unreadable(f"expected {count} numbers, got {len(numbers)}")
    if not all(0 <= t < below for t in numbers):
        raise Rejection(f"a number is not in the range from 0 to {below - 1}")
    return numbers


def read_counts(lines: Lines) -> list[int]:
    """Read how many cells of each dimension there are."""
    counts = integers(lines.fields("cells"))
    if not 1 <= len(counts) <= MAX_DIM + 1 or min(counts) < 0 or sum(counts) > MAX_CELLS:
        raise Unreadable("the numbers of cells are none, negative or too large")
    if counts[0] > MAX_LONELY + sum(counts[1:]):
        raise Unreadable("there are too many vertices for so few other cells")
    return counts


def read_boundaries(lines: Lines, count: int, below: int) -> list[Chain]:
    """Read the boundaries of the cells of one dimension: facets from 1 on, with their signs."""
    cells = []
    for _ in range(count):
        entries = integers(lines.fields("c"))
        lines.entries += len(entries)
        if lines.entries > MAX_ENTRIES:
            raise Unreadable("the boundaries are too long")
        chain = {abs(t) - 1: 1 if t > 0 else -1 for t in entries}
        if len(chain) != len(entries) or not all(0 <= g < below for g in chain):
            raise Rejection("a facet of a cell is not one, or comes twice")
        cells.append(chain)
    return cells


def check_squares(lines: Lines, cells: list[Chain], facets: list[Chain]) -> None:
    """(H1) Check that the boundary of each boundary is zero."""
    for number, chain in enumerate(cells):
        total: Chain = {}
        for g, sign in chain.items():
            lines.spend(len(facets[g]) + 1)
            for h, other in facets[g].items():
                total[h] = total.get(h, 0) + sign * other
        if any(total.values()):
            raise Rejection(f"(H1) the boundary of cell {number} has a boundary")


def read_pairs(
    lines: Lines, k: int, upper: list[Chain], taken: list[set[int]]
) -> dict[int, int]:
    """(H2) Read the pairs of dimensions k - 1 and k; return the upper cell of each lower one."""
    (count,) = naturals(lines.fields("pairs"), 1, MAX_CELLS)
    partner: dict[int, int] = {}
    for _ in range(count):
        lower, cell = naturals(lines.fields("p"), 2, MAX_CELLS)
        if cell >= len(upper) or lower not in upper[cell]:
            raise Rejection(f"(H2) cell {lower} is no facet of cell {cell} of dimension {k}")
        if lower in taken[0] or cell in taken[1]:
            raise Rejection(f"(H2) cell {lower} or cell {cell} of dimension {k} is in two pairs")
        taken[0].add(lower)
        taken[1].add(cell)
        partner[lower] = cell
    return partner


def order_of(lines: Lines, partner: dict[int, int], upper: list[Chain]) -> dict[int, int]:
    """(H3) Return a place for every lower cell of a pair, falling along the paths."""
    follows = {}
    enters: dict[int, int] = dict.fromkeys(partner, 0)
    for lower, cell in partner.items():
        lines.spend(len(upper[cell]) + 1)
        follows[lower] = [g for g in upper[cell] if g != lower and g in partner]
        for g in follows[lower]:
            enters[g] += 1
    ready = [lower for lower, count in enters.items() if not count]
    place: dict[int, int] = {}
    while ready:
        lower = ready.pop()
        place[lower] = len(partner) - len(place)
        for g in follows[lower]:
            enters[g] -= 1
            if not enters[g]:
                ready.append(g)
    if len(place) < len(partner):
        raise Rejection("(H3) a path of the gradient is closed")
    return place


def flow(
    lines: Lines, chain: Chain, upper: list[Chain], partner: dict[int, int],
    place: dict[int, int], critical: dict[int, int],
) -> Chain:  # fmt: skip
    """Return the sum of all paths from a chain to the critical cells, by their numbers."""
    sums: Chain = {}
    result: Chain = {}
    heap: list[tuple[int, int]] = []

    def add(g: int, number: int) -> None:
        if g in critical:
            result[critical[g]] = result.get(critical[g], 0) + number
        elif g in partner:
            if g not in sums:
                heapq.heappush(heap, (-place[g], g))
            sums[g] = checked(sums.get(g, 0) + number)

    for g, sign in chain.items():
        add(g, sign)
    while heap:
        lower = heapq.heappop(heap)[1]
        number = sums.pop(lower)
        if number:
            boundary = upper[partner[lower]]
            lines.spend(len(boundary) + 1)
            for g, sign in boundary.items():
                if g != lower:
                    add(g, -number * boundary[lower] * sign)
    return {i: number for i, number in result.items() if number}


def checked(number: int) -> int:
    """Return a number that is not too long."""
    if number.bit_length() > MAX_BITS:
        raise Unreadable("a number becomes too long")
    return number


def read_reduced(lines: Lines, count: int) -> list[Chain]:
    """Read the reduced boundaries of the critical cells of one dimension: i number i number ..."""
    rows = []
    for _ in range(count):
        numbers = integers(lines.fields("r"))
        row = dict(zip(numbers[::2], numbers[1::2], strict=True))
        if 2 * len(row) != len(numbers):
            raise Rejection("(H4) a critical cell comes twice in a reduced boundary")
        rows.append(row)
    return rows


def invariant_factors(lines: Lines, matrix: list[Chain]) -> list[int]:
    """(H5) Return the invariant factors of an integer matrix, given by its rows.

    An entry of the least size divides what it can; what remains is smaller and takes its place.
    """
    rows = {i: dict(row) for i, row in enumerate(matrix) if row}
    factors = []
    while rows:
        at, column = min(
            ((i, c) for i, row in rows.items() for c in row), key=lambda e: abs(rows[e[0]][e[1]])
        )
        lines.spend(sum(map(len, rows.values())))
        pivot, size = rows[at], rows[at][column]
        others = [i for i, row in rows.items() if i != at and column in row]
        for i in others:
            subtract(lines, rows, i, pivot, rows[i][column] // size)
        if any(column in rows.get(i, {}) for i in others):
            continue  # a remainder is smaller than the pivot
        rest = {c: t % size for c, t in pivot.items() if c != column and t % size}
        # The column is zero but for the pivot: columns may be subtracted from this row alone.
        if rest:
            rows[at] = {column: size, **rest}
            continue
        wrong = next((i for i, row in rows.items() if i != at
                      and any(t % size for t in row.values())), None)  # fmt: skip
        if wrong is None:
            factors.append(abs(size))
            del rows[at]
        else:
            rows[at] = {**rows[wrong], column: size}
    return factors


def subtract(lines: Lines, rows: dict[int, Chain], i: int, pivot: Chain, factor: int) -> None:
    """Subtract a multiple of a row from row i."""
    lines.spend(len(pivot) + 1)
    row = rows[i]
    for c, t in pivot.items():
        value = checked(row.get(c, 0) - factor * t)
        if value:
            row[c] = value
        else:
            row.pop(c, None)
    if not row:
        del rows[i]


def check(stream: BinaryIO) -> Proof:
    """Check a certificate and return what it proves.

    Raises
    ------
    Rejection
        If a claim does not hold.
    Unreadable
        If the file is malformed, or asks for too much.
    """
    lines = Lines(stream)
    try:
        proof = check_records(lines)
        if stream.read(1):
            raise Unreadable("something follows the end")
        return proof
    except Rejection as error:
        raise Rejection(f"line {lines.count}: {error}") from None
    except Unreadable as error:
        raise Unreadable(f"line {lines.count}: {error}") from None
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise Unreadable(f"line {lines.count}: malformed record: {error}") from None


def check_records(lines: Lines) -> Proof:
    """Check all records in their order."""
    if lines.fields(HEAD.split()[0]) != HEAD.split()[1:]:
        raise Unreadable(f"expected {HEAD!r}")
    remark = " ".join(lines.fields("of"))
    counts = read_counts(lines)
    top = len(counts) - 1
    boundaries: list[list[Chain]] = [[{}] * counts[0]]
    for k in range(1, top + 1):
        boundaries.append(read_boundaries(lines, counts[k], counts[k - 1]))
        check_squares(lines, boundaries[k], boundaries[k - 1])
    taken: list[set[int]] = [set() for _ in counts]
    partners: list[dict[int, int]] = [{}]
    for k in range(1, top + 1):
        partners.append(read_pairs(lines, k, boundaries[k], taken[k - 1 : k + 1]))
    critical = [
        {cell: i for i, cell in enumerate(c for c in range(n) if c not in own)}
        for n, own in zip(counts, taken, strict=True)
    ]
    factors: list[list[int]] = [[]]
    for k in range(1, top + 1):
        place = order_of(lines, partners[k], boundaries[k])
        reduced = read_reduced(lines, len(critical[k]))
        for cell, row in zip(critical[k], reduced, strict=True):
            found = flow(
                lines, boundaries[k][cell], boundaries[k], partners[k], place, critical[k - 1]
            )
            if found != row:
                raise Rejection(f"(H4) paths from cell {cell} of dimension {k} have another sum")
        factors.append(invariant_factors(lines, reduced))
    factors.append([])
    betti = [len(own) - len(factors[k]) - len(factors[k + 1]) for k, own in enumerate(critical)]
    torsion = [[t for t in factors[k + 1] if t > 1] for k in range(top + 1)]
    if integers(lines.fields("betti")) != betti:
        raise Rejection(f"(H5) the Betti numbers are {betti}")
    for k, of_k in enumerate(torsion):
        if integers(lines.fields("torsion")) != [k, *of_k]:
            raise Rejection(f"(H5) the torsion of dimension {k} is {of_k}")
    if lines.fields("end"):
        raise Unreadable("expected 'end'")
    return Proof(
        tuple(betti), tuple(map(tuple, torsion)), tuple(counts), tuple(map(len, critical)), remark
    )


def open_regular(path: str, flags: int) -> int:
    """Open a regular file; what may never end, or never begin, is an error at once."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("not a regular file")
    return descriptor


def open_certificate(path: str | Path) -> BinaryIO:
    """Return the binary stream of a certificate, unpacked where it is compressed by gzip."""
    stream = open(path, "rb", opener=open_regular)
    head = stream.read(2)
    stream.seek(0)
    if head != b"\x1f\x8b":
        return stream
    stream.close()
    return cast(BinaryIO, gzip.open(path))


def main(arguments: Sequence[str]) -> int:
    """Check the file that the command line names and return the exit code."""
    if len(arguments) != 1:
        return tell("usage: topology_checker.py CERTIFICATE", 2)
    path = arguments[0]
    try:
        with open_certificate(path) as stream:
            print(printable(f"accepted: {check(stream)}"), flush=True)
    except Rejection as error:
        return tell(f"rejected: {path}: {error}", 1)
    except Unreadable as error:
        return tell(f"not judged: {path}: {error}", 2)
    except OSError as error:
        return tell(f"not judged: {path}: {error.strerror or error}", 2)
    except Exception as error:  # memory, or an error of this program: never a verdict
        return tell(f"not judged: {path}: {type(error).__name__}", 2)
    return 0


def tell(message: str, code: int) -> int:
    """Print one line of at most 500 characters and return the exit code."""
    print(printable(message[:500]), file=sys.stderr)
    return code


def printable(text: str) -> str:
    """Return a text without what could steer a terminal: it may come from the file."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

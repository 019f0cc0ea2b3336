"""Every check of the checker is exposed by a certificate that nothing else stops.

Both checkers are asked, this one and the one that was written apart: they must give the same
verdict, and the same line where they accept.
"""

import gzip
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import exactbn
from exactbn import checker
from exactbn.selfcheck.families import random_problem
from tests import second_checker

FOLDER = Path(__file__).parent / "certificates"
HEAD = "exactbn-certificate 1\nnetwork {sha256}\n"


def files(kind: str) -> list[str]:
    """Return the certificates of one kind."""
    return sorted(p.name for p in (FOLDER / kind).iterdir() if p.suffix != ".reason")


def network_of(name: str) -> Path:
    """Return the network's file of a certificate."""
    return FOLDER / "networks" / f"{name.split('.')[0]}.json"


def judged(
    network: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Return the checker's exit code and its line; the second checker must give the same code."""
    arguments = [str(network), str(path)]
    code, (out, err) = checker.main(arguments), capsys.readouterr()
    second, (same, _) = second_checker.main(arguments), capsys.readouterr()
    assert second == code, err
    assert same == out
    assert len((out + err).splitlines()) == 1
    return code, (out + err).strip()


@pytest.mark.parametrize("name", files("accepted"))
def test_accepted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = judged(network_of(name), FOLDER / "accepted" / name, capsys)
    assert code == 0
    assert line.startswith("accepted: ")


@pytest.mark.parametrize("name", files("rejected"))
def test_rejected(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / "rejected" / name
    reason = path.with_name(f"{name}.reason").read_text(encoding="ascii").strip()
    code, line = judged(network_of(name), path, capsys)
    assert code == 1
    assert line.startswith(f"rejected: {path}: line ")
    assert reason in line.removeprefix(f"rejected: {path}")


@pytest.mark.parametrize("name", files("malformed"))
def test_malformed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / "malformed" / name
    code, line = judged(network_of(name), path, capsys)
    assert code == 2
    assert line.startswith(f"not judged: {path}: line ")


# By hand: all is right but for one thing

NETWORKS = {
    "x": '{"layers": [{"W": [[1]], "b": [0]}, {"W": [[1]], "b": [0]}]}',
    "one": '{"layers": [{"W": [[0]], "b": [1]}, {"W": [[1]], "b": [0]}]}',
    "twice": '{"layers": [{"W": [[1]], "b": [0]}, {"W": [[1]], "b": [0]}, {"W": [[1]], "b": [0]}]}',
    "xy": '{"layers": [{"W": [[1, 0], [0, 1]], "b": [0, 0]}, {"W": [[1, 1]], "b": [0]}]}',
    "xyz": '{"layers": [{"W": [[0, 0, 0]], "b": [1]}, {"W": [[1]], "b": [0]}]}',
    "flat": '{"layers": [{"W": [[0, 0]], "b": [1]}, {"W": [[1]], "b": [0]}]}',
}

SQUARE = "v 1 -1 -1\nv 1 1 -1\nv 1 1 1\nv 1 -1 1\n"
# The four quadrants around a centre that stands there twice, 8 and 9, with an edge between.
QUADRANTS = (
    "v 1 1 0\nv 1 1 1\nv 1 0 1\nv 1 -1 1\nv 1 -1 0\nv 1 -1 -1\nv 1 0 -1\nv 1 1 -1\n"
    "v 1 0 0\nv 1 0 0\n"
    "dim 1\nf 0 1\nf 1 2\nf 2 3\nf 3 4\nf 4 5\nf 5 6\nf 6 7\nf 7 0\n"
    "f 8 0\nf 9 2\nf 9 4\nf 8 6\nf 8 9\n"
    "dim 2\nf 8 0 1 9 12\nf 9 2 3 10\nf 10 4 5 11 12\nf 11 6 7 8\n"
)
CORNERS = "box -1 -1 1 1"
TREE_X = "proof tree\ns 0\nw 2 1\nf 0 2 -1\nw 2 -1\nend 2 1\n"
TREE_TWICE = (
    "proof tree\ns 0\n+ 1 0:1 1:1\nw 2 1\nf 0 2 -1\n- 1 1:1\nw 2 -1\nf 0 2 1\nend 2 1\n"
)
TREE_XY = (
    "proof tree\ns 0\ns 1\nw 2 1 1\nf 0 2 -1 1\nf 1 2 1 -1\nw 2 1 -1\nf 0 2 -1 -1\n"
    "s 1\nw 2 -1 1\nf 1 2 -1 -1\nw 2 -1 -1\nend 4 4\n"
)

# network, domain, the rest; each is accepted, and begins the cases below
RIGHT = {
    "x": ("x", "box -1 1", TREE_X),
    "x on the line": (
        "x", "all 1", "proof complex\nv 1 0\nv 0 1\nv 0 -1\ndim 1\nf 0 1\nf 0 2\nend 2 1\n",
    ),
    "one": ("one", "box -1 1", "proof complex\nv 1 -1\nv 1 1\ndim 1\nf 0 1\nend 1 0\n"),
    "one on the line": (
        "one", "all 1",
        "proof complex\nv 1 0\nv 0 1\nv 0 -1\ndim 1\nf 0 1\nf 0 2\nend 1 0\n",
    ),
    "twice": ("twice", "box -1 1", TREE_TWICE),
    "xy": ("xy", CORNERS, TREE_XY),
    "xy with a row": (
        "x", "box -1 1\nrow 0 1", "proof tree\n- 0 0:1 r0:1\nw 2 -1\nend 1 0\n",
    ),
    "square": (
        "flat", CORNERS,
        f"proof complex\n{SQUARE}dim 1\nf 0 1\nf 1 2\nf 2 3\nf 3 0\ndim 2\nf 0 1 2 3\nend 1 0\n",
    ),
    "triangle": (
        "flat", CORNERS + "\nrow 0 1 1",
        "proof complex\nv 1 -1 -1\nv 1 1 -1\nv 1 -1 1\n"
        "dim 1\nf 0 1\nf 1 2\nf 2 0\ndim 2\nf 0 1 2\nend 1 0\n",
    ),
    "x up to 1": (
        "x", "all 1\nrow 1 1",
        "proof complex\nv 1 0\nv 1 1\nv 0 -1\ndim 1\nf 0 1\nf 0 2\nend 2 1\n",
    ),
    "x from 1": (
        "x", "all 1\nrow -1 -1", "proof complex\nv 1 1\nv 0 1\ndim 1\nf 0 1\nend 1 0\n",
    ),
    "x up to 1 in a tree": (
        "x", "all 1\nrow 1 1",
        "proof tree\ns 0\nw 2 1\nb 0 r0:1\nb 1 0:1\nf 0 1 -1\nw 1 -1\nu -1\nend 2 1\n",
    ),
    "x from 1 in a tree": (
        "x", "all 1\nrow -1 -1", "proof tree\n+ 0 0:1 r0:1\nw 1 2\nu 1\ng 0 -1 r0:1\nend 1 0\n",
    ),
    "tree of one": ("one", "box -1 1", "proof tree\n+ 0 0:1\nw 1 0\nend 1 0\n"),
    "unbounded": (
        "x", "all 1", "proof tree\ns 0\nw 1 1\nu 1\nf 0 1 -1\nw 1 -1\nu -1\nend 2 1\n",
    ),
    "barred": (
        "xy", "box 1 1 2 2", "proof tree\n+ 0 0:1\n+ 1 1:1\nw 2 3 3\ng 0 -1\ng 1 -1\nend 1 0\n",
    ),
}  # fmt: skip

# name: the right one, what is changed, into what, exit code, why
WRONG: dict[str, tuple[str, str, str, int, str]] = {
    # the head
    "another word for the network": ("x", "network", "networks", 2, "expected 'network'"),
    "a row of zeros": ("xy with a row", "row 0 1", "row 1 0", 1, "a row is zero"),
    "a row that is short": ("xy with a row", "row 0 1", "row 0", 2, "a row has 2 numbers"),
    "a row on the line that is forgotten": (
        "unbounded", "all 1", "all 1\nrow 1 1", 1, "not inside the domain",
    ),
    "bounds that are equal": ("x", "box -1 1", "box 1 1", 1, "empty or flat"),
    "a bound too many": ("x", "box -1 1", "box -1 1 1", 2, "expected 'box' and 2 bounds"),
    "all of another space": ("unbounded", "all 1", "all 2", 2, "expected 'box' and 2 bounds"),
    # the end
    "more regions": ("x", "end 2 1", "end 3 1", 1, "proven are 2 regions and 1 adj"),
    "fewer adjacencies": ("x", "end 2 1", "end 2 0", 1, "proven are 2 regions and 1 adj"),
    "the end names None": ("x", "f 0 2 -1\nw 2 -1\nend 2 1", "w 2 -1\nend 2 None", 2, "malformed"),
    "no numbers at the end": ("x", "end 2 1", "end", 2, "expected 'end' and two numbers"),
    "three numbers at the end": ("x", "end 2 1", "end 2 1 1", 2, "expected 'end' and two numbers"),
    "another end": ("x", "end 2 1", "fin 2 1", 2, "expected 'end' and two numbers"),
    "a record after the end": ("x", "end 2 1\n", "end 2 1\nend 2 1\n", 2, "something follows"),
    "tabs": ("x", "w 2 1", "w\t2 1", 2, "other signs"),
    "carriage returns": ("x", "w 2 1\n", "w 2 1\r\n", 2, "other signs"),
    # the complex
    "vertices before infinity": ("x on the line", "v 1 0", "v -1 0", 1, "outside the domain"),
    "a vertex of zeros": ("one", "v 1 1", "v 0 0", 2, "not all zero"),
    "a vertex that is short": ("one", "v 1 1", "v 1", 2, "expected 2 integers"),
    "a constructed vertex of two": ("one", "v 1 1\n", "v 1 1\nc 0 1\n", 2, "expected 3 integers"),
    "a vertex of itself": ("one", "v 1 1\n", "v 1 1\nc 0 2 0\n", 1, "no such vertex"),
    "the vertex before the first": ("one", "v 1 1\n", "v 1 1\nc -1 0 0\n", 1, "no such vertex"),
    "and the other one": ("one", "v 1 1\n", "v 1 1\nc 0 -1 0\n", 1, "no such vertex"),
    "the neuron before the first": ("one", "v 1 1\n", "v 1 1\nc 0 1 -1\n", 1, "no such vertex"),
    "the neuron after the last": ("one", "v 1 1\n", "v 1 1\nc 0 1 1\n", 1, "no such vertex"),
    "a zero where none is": ("one", "v 1 1\n", "v 1 1\nc 0 1 0\n", 1, "not on both sides"),
    "a zero at an end": ("x on the line", "v 0 1\n", "v 0 1\nc 0 1 0\n", 1, "not on both sides"),
    "between opposite directions": (
        "x on the line", "v 0 -1\n", "v 0 -1\nc 1 2 0\n", 1, "opposite directions",
    ),
    "an edge of three": ("one", "f 0 1", "f 0 1 0", 2, "two vertices"),
    "an edge of one vertex, twice": ("one", "f 0 1", "f 0 0", 1, "twice"),
    "the vertex beyond": ("one", "f 0 1", "f 0 2", 1, "not there"),
    "the vertex -1": ("one", "f 0 1", "f 0 -1", 1, "not there"),
    "a face of nothing": ("square", "f 0 1 2 3", "f 0 1 2 3\nf", 1, "none"),
    "no faces of dimension one": ("one", "dim 1\nf 0 1\n", "", 2, "expected 'dim 1'"),
    "C2, an open boundary": (
        "square", "f 0 1\nf 1 2\nf 2 3\nf 3 0\ndim 2\nf 0 1 2 3",
        "f 0 1\nf 1 2\nf 3 0\ndim 2\nf 0 1 2", 1, "not closed",
    ),
    "C3, both sides": (
        "x on the line", "v 1 0\nv 0 1\nv 0 -1", "v 1 3\nv 0 1\nv 0 -1", 1, "both sides",
    ),
    "C3, a cell in the boundary": (
        "one", "v 1 1\ndim 1\nf 0 1\n", "v 1 1\nv 1 -1\nv 1 -1\ndim 1\nf 0 1\nf 2 3\n", 1,
        "in the boundary of the domain",
    ),
    "C3, a cell at infinity": (
        "one on the line", "dim 1\nf 0 1\nf 0 2\n",
        "v 0 1\nv 0 1\ndim 1\nf 0 1\nf 0 2\nf 3 4\n", 1, "in the boundary of the domain",
    ),
    "C3, a cell in two parts": (
        "one on the line", "dim 1\nf 0 1\nf 0 2\n",
        "v 1 5\nv 1 -5\ndim 1\nf 0 1\nf 0 2\nf 3 4\nf 4 3\n", 1, "no one part",
    ),
    "C3, a flat cell": (
        "x on the line", "dim 1\nf 0 1\nf 0 2\nend 2 1",
        "v 1 0\nv 1 0\ndim 1\nf 0 1\nf 0 2\nf 3 4\nf 4 3\nend 2 1", 1, "cell 2 is flat",
    ),
    "C4, an inner facet of one cell": (
        "one", "v 1 1\ndim 1\nf 0 1", "v 2 1\ndim 1\nf 0 1", 1, "facet 1 has 1 cells, expected 2",
    ),
    "C4, a facet of the boundary in two cells": (
        "one", "f 0 1\n", "f 0 1\nf 0 1\n", 1, "facet 0 has 2 cells, expected 1",
    ),
    "C4, a facet of no cell": ("one", "dim 1", "v 1 1\ndim 1", 1, "facet 2 has 0 cells"),
    "C4, an inner facet of three cells": (
        "x on the line", "dim 1\nf 0 1\nf 0 2\n", "v 0 1\ndim 1\nf 0 1\nf 0 2\nf 0 3\n", 1,
        "facet 0 has 3 cells",
    ),
    "C5, nothing covered": (
        "one", "v 1 -1\nv 1 1\ndim 1\nf 0 1\nend 1 0", "dim 1\nend 0 0", 1, "do not cover",
    ),
    "C5, covered twice": (
        "one", "dim 1\nf 0 1\n", "v 1 -1\nv 1 1\ndim 1\nf 0 1\nf 2 3\n", 1, "do not cover",
    ),
    "C5, the line covered twice": (
        "one on the line", "dim 1\nf 0 1\nf 0 2\n",
        "v 1 0\nv 0 1\nv 0 -1\ndim 1\nf 0 1\nf 0 2\nf 3 4\nf 3 5\n", 1, "do not cover",
    ),
    "C1, a vertex beyond a row": ("triangle", "v 1 -1 1", "v 1 0 1", 1, "outside the domain"),
    "C4, a row that is farther off": (
        "triangle", "row 0 1 1", "row 1 1 1", 1, "facet 1 has 1 cells, expected 2",
    ),
    "C4, a row on the line that is farther off": (
        "x up to 1", "row 1 1", "row 2 1", 1, "facet 1 has 1 cells, expected 2",
    ),
    "C5, beyond a row nothing covered": (
        "x from 1", "v 1 1\nv 0 1\ndim 1\nf 0 1\nend 1 0", "dim 1\nend 0 0", 1, "do not cover",
    ),
    "C5, covered twice beyond a row": (
        "x from 1", "dim 1\n", "v 1 1\nv 0 1\ndim 1\nf 2 3\n", 1, "do not cover",
    ),
    # the tree
    "T1, the neuron -1": ("x", "s 0", "s -1", 1, "does not exist or is decided"),
    "T1, a neuron beyond": ("x", "s 0", "s 1", 1, "does not exist or is decided"),
    "T1, decided already": ("xy", "s 0\ns 1", "s 0\ns 0", 1, "does not exist or is decided"),
    "T1, the upper layer first": ("twice", "s 0\n+ 1 0:1 1:1", "s 1\n+ 0 0:1", 1, "comes before"),
    "a split of two": ("x", "s 0", "s 0 0", 2, "expected 1 integers"),
    "T2, a neuron that is open": ("xy", "s 0\ns 1", "+ 0 0:1 1:1", 1, "not decided"),
    "T2, the neuron -1": ("barred", "g 1 -1", "g 1 -1 -1:1", 1, "no neuron -1"),
    "T2, a neuron beyond": ("barred", "g 1 -1", "g 1 -1 2:1", 1, "no neuron 2"),
    "T2, the row -1": ("xy with a row", "r0:1", "r-1:1", 1, "no row -1"),
    "T2, a row beyond": ("xy with a row", "r0:1", "r1:1", 1, "no row 1"),
    "T2, a row that is zero": ("twice", "f 0 2 1\n", "f 0 2 1\ng 0 0 1:1\n", 1, "no row"),
    "T2, a negative multiplier": ("xy with a row", "r0:1", "r0:-1", 1, "not positive"),
    "T2, a multiplier of zero": ("tree of one", "+ 0 0:1", "+ 0 0:0", 1, "not positive"),
    "T2, zero times another": ("xy with a row", "- 0 0:1 r0:1", "- 0 0:1 r0:0", 1, "not positive"),
    "T2, one that makes up for another": ("tree of one", "0:1", "0:2 0:-1", 1, "not positive"),
    "T3, no multipliers": ("tree of one", "+ 0 0:1", "+ 0", 2, "no multipliers"),
    "T3, a side that is open": ("x", "s 0\nw 2 1\nf 0 2 -1", "- 0 0:1", 1, "do not close"),
    "T3, a side that is open on the line": (
        "unbounded", "s 0\nw 1 1\nu 1\nf 0 1 -1\n", "- 0 0:1\n", 1, "do not close",
    ),
    "T3, on where it vanishes": ("twice", "- 1 1:1", "+ 1 1:1", 1, "it is off"),
    "T4, a leaf too early": ("xy", "s 1\nw 2 1 1", "w 2 1 1", 1, "undecided"),
    "T4, a point outside": ("x", "w 2 1\n", "w 1 2\n", 1, "not inside"),
    "T4, a point on the boundary": ("x", "w 2 1\n", "w 1 1\n", 1, "not inside"),
    "T4, a direction": ("unbounded", "w 1 1\n", "w 0 1\n", 1, "not inside"),
    "T4, beyond a row": (
        "xy with a row", "- 0 0:1 r0:1\nw 2 -1", "- 0 0:1 r0:1\nw 2 1", 1, "not inside",
    ),
    "T3, a row on the line that is farther off": (
        "x from 1 in a tree", "row -1 -1", "row 1 -1", 1, "do not close",
    ),
    "T3, a row on the line that is left out": (
        "x from 1 in a tree", "+ 0 0:1 r0:1", "+ 0 0:1", 1, "do not close",
    ),
    "T4, beyond a row on the line": ("x up to 1 in a tree", "w 2 1", "w 1 2", 1, "not inside"),
    "T4, on a row on the line": ("x up to 1 in a tree", "w 2 1", "w 1 1", 1, "not inside"),
    "T4, rows that leave nothing": (
        "x up to 1 in a tree", "row 1 1", "row 1 1\nrow -1 -1", 1, "not inside",
    ),
    "T4, the other side": ("x", "w 2 1\n", "w 2 -1\n", 1, "wrong side of neuron 0"),
    "T4, neither side": ("x", "w 2 -1\n", "w 2 0\n", 1, "wrong side of neuron 0"),
    "T5, the neuron -1": ("x", "f 0 2 -1", "f -1 2 -1", 1, "no such neuron"),
    "T5, a neuron beyond": ("x", "f 0 2 -1", "f 1 2 -1", 1, "no such neuron"),
    "T5, a form that vanishes": ("twice", "f 0 2 1", "f 1 2 1", 1, "vanishes identically"),
    "T5, outside": ("x", "f 0 2 -1", "f 0 1 -2", 1, "not inside"),
    "T5, not beyond": ("x", "f 0 2 -1", "f 0 4 1", 1, "not beyond neuron 0"),
    "T5, on the facet": ("x", "f 0 2 -1", "f 0 4 0", 1, "not beyond neuron 0"),
    "T5, beyond two": ("xy", "f 0 2 -1 1", "f 0 2 -1 -1", 1, "on, or beyond, neuron 1"),
    "T5, on another": ("xy", "f 0 2 -1 1", "f 0 2 -1 0", 1, "on, or beyond, neuron 1"),
    "T5, barred where it is": ("x", "f 0 2 -1", "g 0 1", 1, "do not rule out"),
    "T5, barred by its own row": ("x", "f 0 2 -1", "g 0 -1 0:1", 1, "vanishes on the facet"),
    "T5, barred by nothing": ("barred", "g 0 -1", "g 0 0", 1, "do not rule out"),
    "T5, barred by rows that are open": ("xy", "f 0 2 -1 1", "g 0 -1 1:1", 1, "do not rule out"),
    "T5, a facet that is open": ("x", "f 0 2 -1\n", "", 1, "2 regions and None"),
    "T5, one of four is open": ("xy", "f 1 2 -1 -1\n", "", 1, "4 regions and None"),
    "T5, special on one side only": ("twice", "f 0 2 1\n", "", 1, "2 regions and None"),
    "T5, special on the other side only": ("twice", "f 0 2 -1\n", "", 1, "2 regions and None"),
    "T5, beyond a row on the line": (
        "x up to 1 in a tree", "f 0 1 -1\nw 1 -1\n", "w 1 -1\nf 0 1 2\n", 1, "not inside",
    ),
    "T5, barred by a row that is farther off": (
        "x up to 1 in a tree", "f 0 1 -1\n", "g 0 1 r0:1\n", 1, "do not rule out",
    ),
    "T6, a direction beyond a row": (
        "x up to 1 in a tree", "b 0 r0:1\nb 1 0:1\n", "u 1\n", 1, "leaves the region",
    ),
    "T6, bounded by a row that is not there": (
        "x up to 1 in a tree", "r0:1", "r1:1", 1, "no row 1",
    ),
    "T6, bounded by a row on its other side": (
        "x up to 1 in a tree", "b 1 0:1", "b 1 r0:1", 1, "in no direction",
    ),
    "T6, bounded and not": (
        "x up to 1 in a tree", "w 1 -1\nu -1", "w 1 -1\nb 0 r0:1\nb 1 0:1", 1, "in no direction",
    ),
    "T6, unbounded in a box": ("x", "w 2 -1\n", "w 2 -1\nu -1\n", 1, "only regions of R^d"),
    "T6, bounded in a box": ("x", "w 2 -1\n", "w 2 -1\nb 0 0:1\n", 1, "only regions of R^d"),
    "T6, no direction": ("unbounded", "u 1\n", "u 0\n", 1, "or is none"),
    "T6, a direction that leaves": ("unbounded", "u 1\n", "u -1\n", 1, "leaves the region"),
    "T6, a direction too long": ("unbounded", "u 1\n", "u 1 1\n", 2, "expected 1 integers"),
    "T6, bounded from below": ("unbounded", "u 1\n", "b 0 0:1\n", 1, "in no direction"),
    "T6, bounded from above": ("unbounded", "u -1\n", "b 1 0:1\n", 1, "in no direction"),
    "T6, direction -1": ("unbounded", "u -1\n", "b -1 0:1\n", 1, "in no direction"),
    "T6, a direction beyond": ("unbounded", "u 1\n", "b 2 0:1\n", 1, "in no direction"),
    "an unknown record": ("x", "w 2 -1\n", "z 2 -1\n", 2, "unexpected record"),
    "a facet before a leaf": ("x", "s 0\n", "f 0 2 -1\ns 0\n", 2, "unexpected record"),
}  # fmt: skip


def written(folder: Path, case: tuple[str, str, str]) -> tuple[Path, Path]:
    """Return the files of a network and of a certificate."""
    name, domain, rest = case
    network, path = folder / "network.json", folder / "certificate"
    network.write_text(NETWORKS[name], encoding="ascii")
    sha256 = checker.read_network(network).sha256
    text = HEAD.format(sha256=sha256) + f"domain {domain}\n{rest}"
    path.write_text(text, encoding="ascii", newline="")
    return network, path


@pytest.mark.parametrize("name", RIGHT)
def test_right_by_hand(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = judged(*written(tmp_path, RIGHT[name]), capsys)
    assert code == 0, line


@pytest.mark.parametrize("name", WRONG)
def test_wrong_by_hand(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, old, new, expected, reason = WRONG[name]
    network, path = written(tmp_path, RIGHT[right])
    text = path.read_text(encoding="ascii")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="ascii", newline="")
    code, line = judged(network, path, capsys)
    assert code == expected, line
    assert reason in line


def test_a_facet_that_is_flat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C6: two opposite quadrants share an edge between two copies of the centre."""
    case = ("xy", CORNERS, f"proof complex\n{QUADRANTS}end 4 5\n")
    code, line = judged(*written(tmp_path, case), capsys)
    assert code == 1
    assert "facet 12 is flat: it lies in two hyperplanes" in line


def test_the_claim_may_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = ("x", "box -1 1", TREE_X.replace("end 2 1", "end 2 -"))
    code, line = judged(*written(tmp_path, case), capsys)
    assert code == 0
    assert "2 regions, adjacencies not claimed; domain box -1 1;" in line
    case = ("x", "box -1 1", TREE_X.replace("end 2 1", "end 3 -"))
    assert judged(*written(tmp_path, case), capsys)[0] == 1


def test_a_name_twice_in_a_record_is_added_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "proof tree\n- 0 0:1 r0:1 0:1 r0:1 0:3 r0:3\nw 2 -1\nend 1 0\n"
    case = ("x", "box -1 1\nrow 0 1", rest)
    assert judged(*written(tmp_path, case), capsys)[0] == 0
    case = ("x", "box -1 1\nrow 0 1", rest.replace("r0:3", "r0:2"))
    assert judged(*written(tmp_path, case), capsys)[0] == 1


# What an acceptance says


def test_different_domains_are_named_differently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole domain stands in the line, or its hash where that would be long."""
    rest = "proof tree\n- 0 0:1 r0:1\nw 2 -1\nend 1 0\n"
    many = "".join(f"row {k} 1\n" for k in range(1, 60))
    domains = [
        "box -1 1\nrow 0 1", "box -1 1\nrow 0 1\nrow 1/3 1", "box -1 1\nrow 0 1\nrow 1/2 1",
        "box -1 2\nrow 0 1", f"box -1 1\nrow 0 1\n{many}row 60 1",
        f"box -1 1\nrow 0 1\n{many}row 61 1", f"box -1 1\nrow 0 1\n{many}row 6 0001",
    ]  # fmt: skip
    lines = [judged(*written(tmp_path, ("x", domain, rest)), capsys) for domain in domains]
    assert {code for code, _ in lines} == {0}
    assert len({line for _, line in lines}) == len(domains)
    assert "; domain box -1 1, row 0 1; network " in lines[0][1]
    assert max(len(line) for _, line in lines) < 1000
    assert "box -1 1 .. with 61 rows, sha256 " in lines[4][1]


# What cannot be judged


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "the one key"), ("[]", ""), ("null", ""), ('{"layers": []}', ""),
        ('{"layers": [{}]}', '"W", "b"'), ('{"layers": [{"W": [], "b": []}]}', ""),
        ('{"layers": [{"W": [["1"]], "b": ["x"]}]}', "no number"),
        ('{"layers": [{"W": [[NaN]], "b": [0]}]}', ""),
        ('{"layers": [{"W": [[true]], "b": [0]}]}', ""),
        ('{"layers": [{"W": [["0_1"]], "b": [0]}]}', "no number"),
        ('{"layers": [{"W": [[1e999999999]], "b": [0]}]}', "exponent is too large"),
        ('{"layers": [{"W": "1", "b": "1"}]}', "list of lists"),
        ('{"layers": [{"W": ["1"], "b": [1]}]}', "list of lists"),
        ('{"layers": [{"W": [["1/0"]], "b": [0]}]}', ""),
        ('{"layers": [{"W": [[1]], "b": [0], "a": 0}]}', '"W", "b"'),
        ('{"layers": [{"W": [[1]], "b": [0, 1]}]}', "shapes"),
        ('{"layers": 1, "layers": 2}', "occurs twice"),
        ('{"layers": [{"W": [[1], [1, 2]], "b": [0, 0]}]}', "shapes"),
        ('{"layers": [{"W": [[]], "b": [0]}]}', "shapes"),
        ('{"layers": [{"W": [[1]], "b": [0]}, {"W": [[1, 1]], "b": [0]}]}', "shapes"),
        ('{"layers": [{"W": [[1]], "b": [0], "slope": 2}]}', "no activation"),
        ("[" * 100_000, ""), ('{"layers": [{"W": [[1e4001]], "b": [0]}]}', "exponent"),
        ('{"layers": [{"W": [[%s]], "b": [0]}]}' % ("9" * 4001), "too long"),
    ],
)  # fmt: skip
def test_hostile_networks(
    text: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "n.json"
    path.write_text(text, encoding="ascii")
    code, line = judged(path, path, capsys)
    assert code == 2
    assert line.startswith(f"not judged: {path}: ")
    assert why in line


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("MAX_BITS", 0, "coordinate has more than 0 bits"),
        ("MAX_CERTIFICATE", 200, "more than 200 bytes"),
        ("MAX_LINE", 30, "line is too long"),
        ("MAX_DIGITS", 0, "number is too long"),
    ],
)
def test_what_is_read_is_bounded(
    limit: str, value: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = checker.read_network(network_of("central"))
    monkeypatch.setattr(checker, limit, value)
    with checker.open_certificate(FOLDER / "accepted" / "central.all-complex") as stream:
        with pytest.raises(checker.Unreadable, match=rf"^line \d+: .*{why}"):
            checker.check(network, stream)


def test_bounds_have_a_short_common_denominator(monkeypatch: pytest.MonkeyPatch) -> None:
    network = checker.read_network(network_of("abs"))
    monkeypatch.setattr(checker, "MAX_BITS", 0)
    with checker.open_certificate(FOLDER / "accepted" / "abs.box-tree") as stream:
        with pytest.raises(checker.Unreadable, match="denominator has more than 0 bits"):
            checker.check(network, stream)


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("MAX_NETWORK", 40, "more than 40 bytes"),
        ("MAX_NUMBERS", 5, "more than 5 numbers"),
        ("MAX_GROWTH", 2, "add more than 2 bits"),
        ("STEPS", -(2**31), "too much to compute"),
    ],
)
def test_networks_are_bounded(
    limit: str, value: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, limit, value)
    with pytest.raises(checker.Unreadable, match=why):
        checker.read_network(network_of("central"))


HEAVY = {
    # few bytes that ask for much
    "exponents": '{"layers":[{"W":[[%s]],"b":[0]}]}' % ",".join(["1e4000"] * 9000),
    "denominators": '{"layers":[{"W":[[%s]],"b":[0]},{"W":[[1]],"b":[0]}]}'
    % ",".join(f'"1/{10**3900 + k}"' for k in range(1, 99)),
    "depth": '{"layers":[%s{"W":[[1]],"b":[0]}]}'
    % ('{"W":[["1/%d"]],"b":["1/%d"],"slope":"1/%d"},' % (3**900, 7**900, 11**900) * 60),
}


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_networks_are_not_judged(name: str, tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    path.write_text(HEAVY[name], encoding="ascii")
    with pytest.raises(checker.Unreadable, match="too much to compute|more than [0-9]+ bits"):
        checker.read_network(path)


WIDE = 900
HEAVY_CERTIFICATES = {
    "rows of huge numbers": ("x", "box -1 1" + "\nrow 1e4000 1e4000" * 300, "proof tree\n"),
    "rows and witnesses": (
        "x", "box -1 1" + "\nrow 1 1" * 900, TREE_X.replace("f 0 2 -1\n", "f 0 2 -1\n" * 900)
    ),
    "rows and directions": (
        "x", "all 1" + "\nrow 1 1" * 900,
        "proof tree\ns 0\nw 2 1\nw 1 -1\n" + "u -1\n" * 900,
    ),
    "rows and vertices": (
        "x", "box -1 1" + "\nrow 1 1" * 900, "proof complex\n" + "v 1 1\n" * 900,
    ),
    "faces of a large face": (
        "xyz", "box -1 -1 -1 1 1 1", "proof complex\n" + "v 1 0 0 0\n" * WIDE + "dim 1\n"
        + "".join(f"f {k} {(k + 1) % WIDE}\n" for k in range(WIDE)) + "dim 2\n"
        + ("f " + " ".join(map(str, range(WIDE))) + "\n") * 2 + "dim 3\n" + "f 0 1\n" * 2000,
    ),
    "long coordinates": (
        "xy", CORNERS, f"proof complex\nv 1{'0' * 3999} {'7' * 3999} {'3' * 3998}1\n"
        + f"v 1{'0' * 3999} -{'7' * 3998}1 {'3' * 3999}\n" + "c 0 1 0\n" * 200,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY_CERTIFICATES)
def test_heavy_certificates_are_not_judged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, path = written(tmp_path, HEAVY_CERTIFICATES[name])
    exact = checker.read_network(network)
    # So that it takes no two seconds here.
    monkeypatch.setattr(checker, "STEPS", 1 << 26)
    with checker.open_certificate(path) as stream:
        with pytest.raises(checker.Unreadable, match="too much to compute"):
            checker.check(exact, stream)


def test_a_tightly_packed_certificate_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "proof complex\n" + "v 1 0\n" * 300_000
    network, path = written(tmp_path, ("x", "box -1 1", rest))
    path.write_bytes(gzip.compress(path.read_bytes()))
    code, line = judged(network, path, capsys)
    assert code == 2
    assert "the certificate has more than " in line


@pytest.mark.parametrize("error", [MemoryError, RecursionError, AssertionError])
def test_an_error_is_no_verdict(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(checker, "check", fail)
    name = "abs.box-tree"
    assert checker.main([str(network_of(name)), str(FOLDER / "accepted" / name)]) == 2
    assert capsys.readouterr().err.endswith(f"abs.box-tree: {error.__name__}\n")


def test_the_second_checker_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """It lets Python read long integers, for as long as it runs."""
    before = sys.get_int_max_str_digits()
    for arguments in ([], [str(network_of("abs")), str(FOLDER / "accepted" / "abs.box-tree")]):
        second_checker.main(arguments)
        assert sys.get_int_max_str_digits() == before
    capsys.readouterr()


def ran(arguments: Sequence[str]) -> tuple[int, str]:
    """Return exit code and output of the checker as strangers run it."""
    command = [sys.executable, "-I", "-S", "-O", str(checker.__file__), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr


def test_runs_alone(tmp_path: Path) -> None:
    """Without site packages, in isolated mode, and with assertions off."""
    network = str(network_of("abs"))
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    accepted = str(FOLDER / "accepted" / "abs.box-complex")
    for arguments, code in (
        ([network, accepted], 0),
        ([network, str(FOLDER / "rejected" / "abs.a-region-twice")], 1),
        ([network, str(FOLDER / "malformed" / "abs.empty")], 2),
        ([], 2),
        ([network, str(tmp_path / "absent")], 2),
        ([network, str(fifo)], 2),
        ([str(link), accepted], 2),
        ([network, str(tmp_path)], 2),
        (["/dev/zero", accepted], 2),
    ):
        found, output = ran(arguments)
        assert found == code, output
        assert len(output.splitlines()) == 1
        if {str(fifo), str(link), str(tmp_path), "/dev/zero"} & set(arguments):
            assert "not a regular file" in output


def test_a_certificate_that_packs_well_is_judged(tmp_path: Path) -> None:
    """Long coordinates that occur again and again: less than a sixteenth is left."""
    problem = random_problem(1001, 106)
    exactbn.save_json(problem.network, tmp_path / "net.json")
    path = tmp_path / "proof.gz"
    part = exactbn.partition(
        problem.network, problem.box, rows=problem.rows, engine="complex", certificate=path
    )
    unpacked = len(gzip.decompress(path.read_bytes()))
    assert unpacked > 16 * path.stat().st_size + (1 << 16)
    with checker.open_certificate(path) as stream:
        verdict = checker.check(checker.read_network(tmp_path / "net.json"), stream)
    assert verdict.regions == part.num_regions

"""Certificates of homology: accepted where true, and else refused with a reason."""

import gzip
import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

from exactbn import topology_checker
from exactbn.errors import InputError
from exactbn.regions.levels import level_partition
from exactbn.regions.topology.certificate import HEAD, write_homology
from exactbn.regions.topology.chains import chain_complex
from exactbn.regions.topology.homology import Homology, invariant_factors
from exactbn.regions.topology.sets import set_complex
from tests.test_topology import PLANE, TORUS, everything, lattice_of, norm_one, quotient


def lines_of(cells: list[tuple[int, ...]], folder: Path) -> list[str]:
    """Return the certificate of a simplicial complex of triangles."""
    lattice = lattice_of(2, cells)
    write_homology(folder / "c", chain_complex(lattice, everything(lattice)), "a test", force=True)
    return (folder / "c").read_text().splitlines()


def verdict(lines: list[str] | bytes) -> topology_checker.Proof:
    """Return what the checker proves; an error where it proves nothing."""
    data = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
    return topology_checker.check(io.BytesIO(data))


def changed(lines: list[str], old: str, new: str, nth: int = 0) -> list[str]:
    """Return the lines with the nth of those that begin with ``old`` replaced."""
    at = [i for i, line in enumerate(lines) if line.startswith(old)][nth]
    return [*lines[:at], new, *lines[at + 1 :]]


@pytest.mark.parametrize("relation", ["=", "<=", ">", "boundary of >"])
def test_what_is_written_is_accepted(relation: str, tmp_path: Path) -> None:
    names = ["open", "relative"]
    for level in (level_partition(TORUS, (-4, 4)), level_partition(norm_one(2, 1))):
        for name in names:
            path = tmp_path / f"{name}.gz"
            found = level.write_certificate(path, relation, name, force=True)
            assert found == level.homology(relation, name)
            with topology_checker.open_certificate(path) as stream:
                proof = topology_checker.check(stream)
            assert Homology(proof.betti, proof.torsion) == found
            assert f"f {relation} 0" in proof.remark and level.network.sha256 in proof.remark
    with pytest.raises(InputError, match="exists"):
        level.write_certificate(path)


def test_the_point_at_infinity_is_one_more_vertex(tmp_path: Path) -> None:
    level = level_partition(norm_one(2, 1))
    found = level.write_certificate(tmp_path / "c", ">=", "point")
    assert found.betti == (1, 0, 0)
    assert set_complex(level.lattice, level.faces(">="), "point").cells[0] == -1


def test_torsion_is_proven(tmp_path: Path) -> None:
    lines = lines_of(PLANE, tmp_path)
    assert verdict(lines).torsion == ((), (2,), ()) and verdict(lines).betti == (1, 0, 0)
    assert lines[0] == HEAD == topology_checker.HEAD
    assert "H_1 [2]" in str(verdict(lines))
    klein = verdict(lines_of(quotient(3, is_twisted=True), tmp_path))
    assert (klein.betti, klein.torsion) == ((1, 1, 0), ((), (2,), ()))


def test_false_claims_are_rejected(tmp_path: Path) -> None:
    lines = lines_of(PLANE, tmp_path)
    cell = next(line for line in lines if line.startswith("c ") and len(line.split()) == 4)
    fields = cell.split()
    reduced = [line for line in lines if line.startswith("r ")]
    twice = next(line for line in reduced if len(line.split()) > 1)
    flipped = " ".join([*fields[:-1], str(-int(fields[-1]))])
    pair = next(line for line in lines if line.startswith("p "))
    for bad, reason in (
        (changed(lines, cell, flipped), "H1"),
        (changed(lines, cell, " ".join([*fields, fields[1]])), "comes twice"),
        (changed(lines, cell, "c 1 2 99"), "is not one"),
        (changed(lines, "p ", pair, 1), "two pairs"),
        (changed(lines, pair, "p 0 9999"), "H2"),
        (changed(lines, pair, "p 5 0"), "H2"),
        (changed(lines, reduced[0], reduced[0] + " 0 1"), "H4"),
        (changed(lines, reduced[0], "r 0 1"), "H4"),
        (changed(lines, twice, twice + twice.removeprefix("r")), "comes twice"),
        (changed(lines, "betti", "betti 1 1 1"), "H5"),
        (changed(lines, "torsion 1", "torsion 1"), "H5"),
        (changed(lines, "torsion 1", "torsion 1 4"), "H5"),
    ):  # fmt: skip
        with pytest.raises((topology_checker.Rejection, topology_checker.Unreadable), match=reason):
            verdict(bad)


def test_closed_paths_are_rejected() -> None:
    # A triangle without its inside: all three vertices are paired, one way round.
    head = [HEAD, "of a circle", "cells 3 3", "c -1 2", "c -2 3", "c -3 1", "pairs 3"]
    tail = ["betti 0 0", "torsion 0", "torsion 1", "end"]
    with pytest.raises(topology_checker.Rejection, match="H3"):
        verdict([*head, "p 0 0", "p 1 1", "p 2 2", *tail])
    for first, second, reason in (
        ("p 2 0", "p 1 1", "no facet"), ("p 0 0", "p 1 0", "two pairs"),
        ("p 1 0", "p 1 1", "two pairs"),
    ):  # fmt: skip
        with pytest.raises(topology_checker.Rejection, match=reason):
            verdict([*head[:-1], "pairs 2", first, second, "r", *tail])
    good = [*head[:-1], "pairs 2", "p 1 0", "p 2 1", "r", "betti 1 1", "torsion 0", "torsion 1"]
    assert verdict([*good, "end"]).betti == (1, 1)


def test_a_cell_is_in_one_pair_of_all_dimensions() -> None:
    head = [HEAD, "of a triangle", "cells 3 3 1", "c -1 2", "c -2 3", "c -3 1", "c 1 2 3"]
    tail = ["r 0 1", "r", "r", "betti 0 0 0", "torsion 0", "torsion 1", "torsion 2", "end"]
    with pytest.raises(topology_checker.Rejection, match="two pairs"):
        verdict([*head, "pairs 2", "p 1 0", "p 2 1", "pairs 1", "p 0 0", *tail])
    good = [*head, "pairs 2", "p 1 0", "p 2 1", "pairs 1", "p 2 0", "betti 1 0 0"]
    assert verdict([*good, *tail[4:]]).critical == (1, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"exactbn-topology 2\n",
        f"{HEAD}\n".encode(),
        f"{HEAD}\nof\ncells\n".encode(),
        f"{HEAD}\nof\ncells -1\n".encode(),
        f"{HEAD}\nof\ncells 4194304\n".encode(),
        f"{HEAD}\nof\ncells 99999999999999999999\n".encode(),
        f"{HEAD}\nof\ncells 1 1\nc 0\n".encode(),
        f"{HEAD}\nof\ncells 1 1\nc 1e3\n".encode(),
        f"{HEAD}\nof\ncells 1 1\nc {'9' * 5000}\n".encode(),
        f"{HEAD}\nof\ncells 1 1\nc \u00b2\n".encode(),
        f"{HEAD}\nof\ncells 1 1\nc\npairs 0\nr 1\nbetti 1 1\n".encode(),
        f"{HEAD}\nof\ncells 1\nbetti 1\ntorsion 0\nend\nmore\n".encode(),
        f"{HEAD}\nof\ncells 1\nbetti 1\ntorsion 0\nend".encode(),
        b"x" * (1 << 21),
        bytes(range(256)),
    ],
)
def test_malformed_files_are_not_judged(data: bytes, tmp_path: Path) -> None:
    with pytest.raises((topology_checker.Unreadable, topology_checker.Rejection), match="line"):
        verdict(data)
    (tmp_path / "c").write_bytes(data)
    assert topology_checker.main([str(tmp_path / "c")]) in (1, 2)


def test_an_empty_set_has_a_certificate() -> None:
    lines = [HEAD, "of nothing", "cells 0 0", "pairs 0", "betti 0 0", "torsion 0", "torsion 1"]
    assert verdict([*lines, "end"]).betti == (0, 0)


def test_work_is_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = lines_of(quotient(3, is_twisted=True), tmp_path)
    for name, value in (
        ("STEPS", -(10**6)), ("MAX_BITS", 0), ("MAX_BYTES", 100), ("MAX_LINE", 8),
        ("MAX_ENTRIES", 20), ("MAX_CELLS", 20),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(topology_checker, name, value)
            with pytest.raises(topology_checker.Unreadable):
                verdict(lines)


@pytest.mark.parametrize("seed", range(3))
def test_mutants_prove_nothing_false(seed: int, tmp_path: Path) -> None:
    """A changed file is refused, or what it proves is true of the complex that it then has."""
    rng = random.Random(seed)
    lines = lines_of([PLANE, quotient(3, is_twisted=True), PLANE[:7]][seed], tmp_path)
    true = verdict(lines)
    refused = 0
    for _ in range(150):
        mutant = list(lines)
        i = rng.randrange(len(lines))
        kind = rng.randrange(4)
        if kind == 0:
            del mutant[i]
        elif kind == 1:
            mutant.insert(i, rng.choice(lines))
        elif kind == 2:
            j = rng.randrange(len(lines))
            mutant[i], mutant[j] = mutant[j], mutant[i]
        else:
            fields = mutant[i].split()
            fields[rng.randrange(len(fields))] = rng.choice(("0", "1", "-1", "2", "7", "x", "-"))
            mutant[i] = " ".join(fields)
        try:
            proof = verdict(mutant)
        except (topology_checker.Rejection, topology_checker.Unreadable):
            refused += 1
            continue
        assert (proof.betti, proof.torsion, proof.cells) == (true.betti, true.torsion, true.cells)
    assert refused > 100


@pytest.mark.parametrize("seed", range(8))
def test_factors_are_those_of_flint(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.choice((1, 3, 9))
    rows = [
        {c: t for c in range(rng.randrange(1, 6)) if (t := rng.randrange(-size, size + 1))}
        for _ in range(rng.randrange(1, 6))
    ]
    lines = topology_checker.Lines(io.BytesIO())
    found = topology_checker.invariant_factors(lines, rows)
    assert found == invariant_factors([list(row.items()) for row in rows])
    assert topology_checker.invariant_factors(lines, [{0: 4}, {1: 6}]) == [2, 12]


def test_it_is_a_program_of_the_standard_library_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.gz"
    level_partition(norm_one(2, 1), (-2, 2)).write_certificate(path)
    program = [sys.executable, "-I", "-S", topology_checker.__file__]

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, text = run(str(path))
    assert code == 0 and text.startswith("accepted: Betti numbers [1, 1, 0], torsion: none")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    (tmp_path / "bad").write_text("\n".join(changed(lines, "betti", "betti 2 2 0")) + "\n")
    assert run(str(tmp_path / "bad")) == (1, f"rejected: {tmp_path}/bad: line {len(lines) - 4}: "
                                          "(H5) the Betti numbers are [1, 1, 0]\n")  # fmt: skip
    path.write_bytes(path.read_bytes()[:-20])
    assert run(str(path))[0] == 2
    assert run()[0] == run(str(tmp_path))[0] == run(str(tmp_path / "none"))[0] == 2

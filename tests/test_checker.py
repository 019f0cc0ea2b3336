"""The checker accepts what is proven and nothing else."""

import ast
import gzip
import json
import random
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactbn import checker
from exactbn.cli import main
from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.proofs.complex_proof import write_complex
from exactbn.errors import InputError
from exactbn.model.files import load, save_json
from exactbn.model.network import Network
from exactbn.regions.partitioning import Partition, partition

FOLDER = Path(__file__).parent / "certificates"
WORKLOAD = Path(__file__).parent / "workload"


def files(kind: str) -> list[str]:
    """Return the certificates of one kind."""
    return sorted(p.name for p in (FOLDER / kind).iterdir() if p.suffix != ".reason")


def network_of(name: str) -> Path:
    """Return the network's file of a certificate."""
    return FOLDER / "networks" / f"{name.split('.')[0]}.json"


def run(network: Path, certificate: Path) -> checker.Proof:
    """Return what the checker says."""
    with checker.open_certificate(certificate) as stream:
        return checker.check(checker.read_network(network), stream)


def prove(part: Partition, folder: Path) -> checker.Proof:
    """Return what the checker says of the certificate of a partition."""
    save_json(part.network, folder / "network.json")
    part.write_certificate(folder / "certificate", force=True)
    return run(folder / "network.json", folder / "certificate")


@pytest.mark.parametrize("name", files("accepted"))
def test_accepted(name: str) -> None:
    network = load(network_of(name))
    proof = run(network_of(name), FOLDER / "accepted" / name)
    part = partition(network, (-1, 1) if ".box" in name else None)
    assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)
    if ".all" in name:
        assert proof.unbounded == part.is_unbounded.sum()


def test_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert all(str(name).split(".")[0] in sys.stdlib_module_names for name in names)
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    floats = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]
    assert not floats


TRUTH = json.loads((WORKLOAD / "truth.json").read_text(encoding="utf-8"))
SMALL = sorted(p.stem for p in WORKLOAD.glob("*.npz") if "5x12" not in p.stem)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if "4x10" in name or "2x64" in name else [])
        for name in SMALL
    ],
)
def test_workload(name: str, tmp_path: Path) -> None:
    network = load(WORKLOAD / f"{name}.npz")
    part = partition(network, (-1, 1))
    proof = prove(part, tmp_path)
    assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)
    assert proof.network == network.sha256
    if network.num_hidden <= 24:
        everywhere = partition(network)
        proof = prove(everywhere, tmp_path)
        assert proof.regions == everywhere.num_regions
        assert proof.unbounded == everywhere.is_unbounded.sum()


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_random_networks(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    d = rng.randint(1, 3)
    widths = [d, *(rng.randint(1, 4) for _ in range(rng.randint(1, 2))), 1]
    pairs = list(zip(widths, widths[1:], strict=False))
    network = Network.from_arrays(
        [[[rng.randint(-2, 2) for _ in range(m)] for _ in range(n)] for m, n in pairs],
        [[rng.choice((0, 0, 1, -1)) for _ in range(n)] for _, n in pairs],
        slope=rng.choice((0, Fraction(1, 7), -1, 2)),
    )
    folder = tmp_path_factory.mktemp("proof")
    for box in (None, (-1, 1)):
        part = partition(network, box)
        proof = prove(part, folder)
        assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)


# Bugs planted in the engine


FOLD = load(FOLDER / "networks" / "fold.json")


def planted(bug: str, lattice: FaceLattice) -> FaceLattice:
    """Return a lattice with a bug."""
    starts, indptr, indices = lattice.starts.copy(), lattice.indptr.copy(), lattice.indices
    last = indices[indptr[-2] : indptr[-1]]
    words, component = lattice.words, lattice.component
    if bug == "dropped region":
        starts[-1] -= 1
        indptr, words, component = indptr[:-1], words[:-1], component[:-1]
        indices = indices[: indptr[-1]]
    elif bug == "duplicate region":
        starts[-1] += 1
        indptr = np.append(indptr, indptr[-1] + len(last))
        indices = np.concatenate((indices, last))
        words = np.concatenate((words, words[-1:]))
        component = np.append(component, component[-1])
    else:
        # The last region gets the facet of another one too.
        indptr[-1] += 1
        indices = np.append(indices, indices[indptr[starts[-2]]])
    return replace(
        lattice, starts=starts, indptr=indptr, indices=indices, words=words, component=component
    )


@pytest.mark.parametrize("bug", ["dropped region", "duplicate region", "phantom edge"])
def test_planted_bugs_are_caught(bug: str, tmp_path: Path) -> None:
    part = partition(FOLD, (-1, 1))
    counts = part.num_regions, part.network.num_hidden
    network, path = tmp_path / "n.json", tmp_path / "c"
    save_json(FOLD, network)
    write_complex(path, FOLD, part.domain, planted(bug, part.lattice), counts)
    with pytest.raises(checker.Rejection):
        run(network, path)


# Hostile files


def test_digits_that_grow_are_stopped(tmp_path: Path) -> None:
    """A chain of constructions that doubles the digits at each step."""
    network = Network.from_arrays([[[3, 1], [1, -5]], [[1, 1]]], [[1, -1], [0]])
    save_json(network, tmp_path / "n.json")
    head = f"exactbn-certificate 1\nnetwork {network.sha256}\ndomain box -9 -9 9 9\nproof complex\n"
    corners = "v 7 13 -29\nv 11 -37 5\nv 13 -17 -41\nv 3 19 23\n"
    chain = "".join(f"c {a} {b} {n}\n" for a in range(60) for b in range(a) for n in (0, 1))
    (tmp_path / "c").write_text(head + corners + chain, encoding="ascii")
    with pytest.raises((checker.Rejection, checker.Unreadable)):
        run(tmp_path / "n.json", tmp_path / "c")


def test_reads_what_the_package_reads(tmp_path: Path) -> None:
    text = (
        '{"layers": [{"W": [[0.1, "-2/6"], [1e-3, 7]], "b": [0, -1.50], "slope": "1/10"},\n'
        '{"W": [[1, 1]], "b": [0]}]}'
    )
    path = tmp_path / "n.json"
    path.write_text(text, encoding="ascii")
    assert checker.read_network(path).sha256 == load(path).sha256


def test_forward_pass_has_the_exact_signs() -> None:
    network = load(network_of("leaky"))
    for x in ((0, 0), (1, -1), ("1/3", "-5/7"), (-1, 0)):
        point = [Fraction(t) for t in x]
        exact = [t for layer in network.preactivations(point) for t in layer]
        scaled = checker.read_network(network_of("leaky")).forward(
            [21, *(int(t * 21) for t in point)]
        )
        assert [(t > 0) - (t < 0) for t in exact] == [(t > 0) - (t < 0) for t in scaled]


# Writing


def test_packed_certificates(tmp_path: Path) -> None:
    part = partition(FOLD, (-1, 1), certificate=tmp_path / "c.gz")
    assert (tmp_path / "c.gz").read_bytes()[:2] == b"\x1f\x8b"
    part.write_certificate(tmp_path / "c")
    assert gzip.decompress((tmp_path / "c.gz").read_bytes()) == (tmp_path / "c").read_bytes()
    assert run(network_of("fold"), tmp_path / "c.gz").regions == part.num_regions
    (tmp_path / "half.gz").write_bytes((tmp_path / "c.gz").read_bytes()[:-20])
    with pytest.raises(checker.Unreadable):
        run(network_of("fold"), tmp_path / "half.gz")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("mine", encoding="ascii")
    with pytest.raises(InputError, match="exists already"):
        partition(FOLD, (-1, 1), certificate=path)
    with pytest.raises(InputError, match="does not exist"):
        partition(FOLD, (-1, 1), certificate=tmp_path / "absent" / "c")
    assert path.read_text(encoding="ascii") == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_an_incomplete_partition_has_no_certificate(tmp_path: Path) -> None:
    part = partition(FOLD, (-1, 1), max_regions=1, on_budget="return")
    with pytest.raises(InputError, match="incomplete"):
        part.write_certificate(tmp_path / "c")


def test_export_and_certificate_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, proof = tmp_path / "n.json", tmp_path / "c"
    assert main(["export", str(WORKLOAD / "bnc_2x8x8x1.npz"), str(network)]) == 0
    command = ["partition", str(network), "--box", "-1", "1", "--certificate", str(proof)]
    assert main([*command, "--json"]) == 0
    assert main(command) == 2
    assert main([*command, "--force"]) == 0
    assert run(network, proof).regions == 132
    assert main(["export", str(network), str(network)]) == 2
    assert main(["export", str(network), str(network), "--force"]) == 0
    assert main(["export", str(network), str(tmp_path / "n.npz")]) == 2
    assert "expected a name that ends in .json" in capsys.readouterr().err


def test_files_of_another_kind_are_told_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network as numpy or torch wrote it, a folder, and either in the place of the other."""
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    exact, proof, other = tmp_path / "net.json", tmp_path / "proof", tmp_path / "net.npz"
    save_json(network, exact)
    partition(network, (-1, 1), certificate=proof)
    np.savez(other, W0=np.ones((1, 1)), b0=np.zeros(1), W1=np.ones((1, 1)), b1=np.zeros(1))
    for strange in (other, tmp_path, proof):
        assert checker.main([str(strange), str(proof)]) == 2
        out, told = capsys.readouterr()
        assert not out and told.startswith(f"not judged: {strange}: ") and told.count("\n") == 1
        assert told.endswith("; 'exactbn export NET OUT.json' writes a network as exact JSON\n")
    for strange in (other, tmp_path, exact):
        assert checker.main([str(exact), str(strange)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"not judged: {strange}: ") and told.count("\n") == 1
        assert told.endswith("; 'exactbn partition NET --certificate FILE ...' writes one\n")
    assert checker.main([str(exact), str(proof)]) == 0
    assert capsys.readouterr().out.startswith("accepted: 2 regions, 1 adjacency; ")

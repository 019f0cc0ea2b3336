"""Certificates of networks that are no chains: what is read, what is proven, of which regions."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import exactbn
from exactbn import checker
from exactbn.model.domain import Box
from exactbn.model.files import save_json
from exactbn.model.network import Layer, Network
from exactbn.readers.wiring import Wiring, affine, tensor
from exactbn.regions.partitioning import Partition
from exactbn.selfcheck.degenerate import degenerate_network
from exactbn.selfcheck.mutations import random_mutants
from exactbn.selfcheck.wired import wire
from tests.test_labels import Drawn

RESIDUAL = Network((Layer([[1]], [0], -1), Layer([[1, 1]], [0], 1, (0, 1))))


def maximum(rows: list[list[int]], sign: int = 1) -> Network:
    """Return the maximum of linear functions."""
    wiring = Wiring(len(rows[0]))
    entries = affine(wiring.inputs((len(rows[0]),)), tuple(map(tuple, rows)), (0,) * len(rows))
    return Network.from_stages(wiring.graph(tensor(wiring.maximum([entries], sign), (1,)), "no-bn"))


def clip() -> Network:
    """Return clip(x + y, -1, 1) + x, read by a ReLU."""
    wiring = Wiring(2)
    x, y = wiring.inputs((2,))
    (piece,) = wiring.clip(tensor(affine([x, y], ((1, 1),), (0,)), (1,)), Fraction(-1), Fraction(1))
    rows = tensor(affine([piece, x], ((1, 1),), (0,)), (1,))
    return Network.from_stages(
        wiring.graph(wiring.activation(rows, np.array(Fraction(0), object)), "no-bn")
    )


def proven(network: Network, text: str, folder: Path) -> checker.Proof:
    """Return what the checker says of a certificate's text."""
    save_json(network, folder / "network.json")
    (folder / "certificate").write_bytes(text.encode())
    with checker.open_certificate(folder / "certificate") as stream:
        return checker.check(checker.read_network(folder / "network.json"), stream)


def written(part: Partition, folder: Path) -> str:
    """Return the text of a partition's certificate."""
    part.write_certificate(folder / "written", force=True)
    return (folder / "written").read_text(encoding="ascii")


def check_both(network: Network, box: Box | tuple[int, int] | None, folder: Path) -> None:
    """Check the certificates of both engines against their partitions."""
    for engine in ("complex", "lp"):
        part = exactbn.partition(network, box, engine=engine)
        text = written(part, folder)
        assert text.startswith(f"exactbn-certificate {1 if network.is_chain else 2}\n")
        proof = proven(network, text, folder)
        assert proof.network == network.sha256
        assert (proof.regions, proof.adjacencies) == (part.num_regions, part.num_adjacencies)
        assert (proof.cells is None) == (not network.units)
        if box is None:
            assert proof.unbounded == part.is_unbounded.sum()


@pytest.mark.parametrize("seed", range(12))
def test_wired_networks(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    network, box = degenerate_network(random, "mixed")
    check_both(wire(random, network), box, tmp_path)


@pytest.mark.parametrize("box", [(-2, 2), None])
@pytest.mark.parametrize("seed", range(6))
def test_clips_and_maxima(seed: int, box: tuple[int, int] | None, tmp_path: Path) -> None:
    check_both(Drawn(seed).network, box, tmp_path)


def test_cells_of_a_maximum_are_counted_as_regions(tmp_path: Path) -> None:
    network = maximum([[1, 0], [0, 1], [-1, -1]])
    for engine, box in (("lp", (-1, 1)), ("lp", None), ("complex", None)):
        part = exactbn.partition(network, box, engine=engine)
        proof = proven(network, written(part, tmp_path), tmp_path)
        assert (proof.regions, proof.adjacencies, proof.cells) == (3, 3, 4)
        assert str(proof).startswith("3 regions of 4 cells, 3 adjacencies")
        assert proof.unbounded == (3 if box is None else None)


def test_slopes_of_a_block_have_one_denominator(tmp_path: Path) -> None:
    """What reads over a block is multiplied by the denominators of all its slopes."""
    layers = (
        Layer([[1, 1], [1, -1]], [0, 1], (Fraction(1, 3), Fraction(-2, 5))),
        Layer([[1, 1, -1]], [Fraction(1, 2)], Fraction(1, 7), (0, 2, 3)),
        Layer([[1, 1, 1], [0, 1, -1]], [-1, 0], 0, (1, 3, 4)),
        Layer([[1, 1]], [0], 1),
    )
    for box in ((-2, 2), None):
        check_both(Network(layers, num_inputs=2), box, tmp_path)


def test_the_example_of_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "certificate_format.md").read_text()
    example = page[page.index("    exactbn-certificate 2\n") :].split("\n\n")[0]
    text = "".join(f"{line.strip()}\n" for line in example.splitlines())
    proof = proven(RESIDUAL, text, tmp_path)
    assert (proof.regions, proof.adjacencies, proof.cells) == (2, 1, None)


def test_units_of_a_block_are_decided_in_any_order(tmp_path: Path) -> None:
    """Two layers that do not read each other; the second one splits first."""
    layers = (
        Layer([[1]], [0], 0, (0,)), Layer([[1]], [0], 0, (1,)), Layer([[1, 1]], [0], 1, (2, 3)),
    )  # fmt: skip
    network = Network(layers, num_inputs=2)
    leaves = "".join(
        f"{split}w 2 {x} {y}\nf 0 2 {-x} {y}\nf 1 2 {x} {-y}\n"
        for split, x, y in (("s 1\ns 0\n", 1, 1), ("", -1, 1), ("s 0\n", 1, -1), ("", -1, -1))
    )
    head = f"exactbn-certificate 2\nnetwork {network.sha256}\ndomain box -1 -1 1 1\nproof tree\n"
    proof = proven(network, f"{head}{leaves}end 4 4\n", tmp_path)
    assert (proof.regions, proof.adjacencies) == (4, 4)


def test_slopes_of_their_own_make_no_chain(tmp_path: Path) -> None:
    layers = (Layer([[1, 1], [1, -1]], [0, 1], (Fraction(1, 3), 0)), Layer([[1, 1]], [0], 1))
    check_both(Network(layers), (-2, 2), tmp_path)


def test_versions_are_not_mixed(tmp_path: Path) -> None:
    chain = Network((Layer([[1]], [0], -1), Layer([[2]], [0], 1)))
    for network, wrong in ((RESIDUAL, "1"), (chain, "2")):
        text = written(exactbn.partition(network, (-1, 1)), tmp_path)
        first, rest = text.split("\n", 1)
        with pytest.raises(checker.Unreadable, match="another version"):
            proven(network, f"{first[:-1]}{wrong}\n{rest}", tmp_path)


def test_a_chain_told_as_another_network_is_that_chain(tmp_path: Path) -> None:
    """Reads that are all of the layer before, equal slopes and units in order say nothing."""
    told = {"format": 2, "inputs": 2, "units": [0], "layers": [
        {"W": [[1, 2]], "b": [0], "reads": [0, 1], "slopes": ["1/3"]},
        {"W": [[1]], "b": [0], "reads": [2]},
    ]}  # fmt: skip
    (tmp_path / "n.json").write_text(json.dumps(told))
    network = checker.read_network(tmp_path / "n.json")
    chain = Network((Layer([[1, 2]], [0], Fraction(1, 3)), Layer([[1]], [0], 1)))
    assert (network.sha256, network.version) == (chain.sha256, "1")


def changed(network: Network, change: Callable[[dict[str, Any]], None], path: Path) -> Path:
    """Write a network whose document is changed."""
    document = json.loads(network.canonical())
    change(document)
    path.write_text(json.dumps(document))
    return path


def set_at(*keys: Any) -> Callable[[dict[str, Any]], None]:
    """Return what sets an entry of a document; the last of ``keys`` is its value."""

    def change(document: Any) -> None:
        *way, last, value = keys
        for key in way:
            document = document[key]
        document[last] = value

    return change


MAXIMUM = maximum([[1, 0], [0, 1], [-1, -1], [2, 1]])
CLIP = clip()


@pytest.mark.parametrize(
    ("network", "change", "text"),
    [
        (RESIDUAL, set_at("format", 3), '"format" 2'),
        (RESIDUAL, set_at("more", 3), '"format" 2'),
        (RESIDUAL, lambda document: document.pop("inputs"), '"format" 2'),
        (RESIDUAL, lambda document: document.pop("format"), '"layers"'),
        (RESIDUAL, set_at("inputs", -1), "no natural number"),
        (RESIDUAL, set_at("inputs", 2), "shapes"),
        (RESIDUAL, set_at("inputs", "1" * 10), "no natural number"),
        (RESIDUAL, set_at("layers", 1, "reads", [0, 2]), "comes later"),
        (RESIDUAL, set_at("layers", 1, "reads", [1, 0]), "not ascending"),
        (RESIDUAL, set_at("layers", 1, "reads", [1, 1]), "not ascending"),
        (RESIDUAL, set_at("layers", 1, "reads", [-1, 1]), "no natural number"),
        (RESIDUAL, set_at("layers", 1, "reads", [1]), "shapes"),
        (RESIDUAL, set_at("layers", 1, "reads", 1), "list"),
        (RESIDUAL, set_at("layers", 0, "slopes", [1]), '"slope"'),
        (RESIDUAL, set_at("layers", 1, {"W": [[1]], "b": [0], "slopes": [2]}), "no activation"),
        (RESIDUAL, set_at("layers", 0, {"W": [[1]], "b": [0], "slopes": [0, 1]}), "slopes"),
        (RESIDUAL, set_at("layers", 1, "reads", []), "list"),
        (RESIDUAL, set_at("units", [1]), "once"),
        (RESIDUAL, set_at("units", [0, 0]), "once"),
        (RESIDUAL, set_at("units", [{"clip": [0]}]), "not enough values"),
        (RESIDUAL, set_at("units", [{"clip": [0, 0]}]), "once"),
        (RESIDUAL, set_at("units", [{"max": [0, 1, 0]}]), "none of a maximum"),
        (RESIDUAL, set_at("units", [{"max": "0"}]), "not enough values"),
        (CLIP, set_at("layers", 0, "b", 1, 9), "no clip"),
        (CLIP, set_at("layers", 0, "W", 1, 1, 9), "no clip"),
        (MAXIMUM, set_at("units", 0, "max", 0, 1, 0), "number its entries"),
        (MAXIMUM, set_at("layers", -1, "W", 0, -1, 2), "reads a part"),
        (MAXIMUM, set_at("layers", -1, "W", 0, -1, 0), "reads a part"),
        (MAXIMUM, set_at("units", [{"max": [[0, 1, 1], [2, 3, 0], 2]}]), "none of a maximum"),
        (MAXIMUM, set_at("layers", -2, "W", 0, -1, 2), "none of a maximum"),
        (MAXIMUM, set_at("layers", 0, "slope", "1"), "none of a maximum"),
    ],
)
def test_what_is_no_network_is_not_judged(
    network: Network, change: Callable[[dict[str, Any]], None], text: str, tmp_path: Path
) -> None:
    path = changed(network, change, tmp_path / "n.json")
    with pytest.raises(checker.Unreadable, match=text):
        checker.read_network(path)


def test_inputs_that_nobody_reads_cost_what_they_cost(tmp_path: Path) -> None:
    """A number of nine digits would be that many columns."""
    change = {"inputs": 10**8, "layers": [{"W": [[1]], "b": [0], "reads": [0]}] * 2}
    path = changed(RESIDUAL, lambda document: document.update(change), tmp_path / "n.json")
    with pytest.raises(checker.Unreadable, match="too much to compute"):
        checker.read_network(path)


def test_every_weight_of_a_maximum_counts(tmp_path: Path) -> None:
    """What the engines refuse as no maximum the checker refuses, weight by weight."""
    document = json.loads(MAXIMUM.canonical())
    first, refused = MAXIMUM.num_inputs, 0
    for i, layer in enumerate(document["layers"]):
        columns = layer.get("reads") or list(range(len(layer["W"][0])))
        for k in range(len(layer["W"])):
            for j, feature in enumerate(columns):
                if feature < first:
                    continue
                path = changed(MAXIMUM, set_at("layers", i, "W", k, j, "5"), tmp_path / "n.json")
                with pytest.raises(checker.Unreadable, match="maximum"):
                    checker.read_network(path)
                refused += 1
    assert refused >= 4


@pytest.mark.parametrize("engine", ["complex", "lp"])
@pytest.mark.parametrize("box", [(-1, 1), None])
@pytest.mark.parametrize("which", ["maximum", "clip", "residual", "wired"])
def test_mutants_prove_nothing_that_is_false(
    which: str, box: tuple[int, int] | None, engine: str, tmp_path: Path
) -> None:
    random = Random(f"{which} {box} {engine}")
    network = {"maximum": MAXIMUM, "clip": CLIP, "residual": RESIDUAL}.get(which)
    if network is None:
        layers = (
            Layer([[1, 1], [1, -1]], [0, 1], (Fraction(1, 3), 0)),
            Layer([[1, 1, -1]], [0], -1, (0, 2, 3)),
            Layer([[1, 1]], [0], 1, (1, 4)),
        )
        network = Network(layers, num_inputs=2)
    part = exactbn.partition(network, box, engine=engine)
    text = written(part, tmp_path)
    truth = proven(network, text, tmp_path)
    save_json(network, tmp_path / "network.json")
    exact = checker.read_network(tmp_path / "network.json")
    accepted = 0
    for mutant in random_mutants(text, random, 150):
        (tmp_path / "certificate").write_bytes(mutant.text.encode())
        try:
            with checker.open_certificate(tmp_path / "certificate") as stream:
                proof = checker.check(exact, stream)
        except (checker.Rejection, checker.Unreadable):
            continue
        accepted += 1
        if mutant.record != "domain":
            assert proof.regions == truth.regions and proof.unbounded in (truth.unbounded, None)
            assert proof.adjacencies in (truth.adjacencies, None)
    assert accepted < 60

"""Numbers that were published or shipped and are wrong, each with what proves the right one.

The records lie in ``data/errata`` of a checkout, with the names of the networks, the certificates
that are small, and how the numbers came about. ``python -m exactbn.claims.errata`` writes the
certificates and ``docs/errata.md``; with a file and a name, it certifies the network of the file,
its output units hidden, as NAME.json and NAME.cert.gz.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exactbn.errors import InputError
from exactbn.model.files import load, save_json
from exactbn.model.network import Layer, Network
from exactbn.output import create_text
from exactbn.regions.partitioning import Partition, partition

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data" / "errata"
#: Where the networks lie that belong to the project.
WORKLOAD = ROOT / "tests" / "workload"
FORMAT = "exactbn-errata 1"
#: Certificates of more bytes are not kept.
MOST_BYTES = 40_000


@dataclass(frozen=True)
class Row:
    """What a program said of a network in a domain, and what is true.

    ``domain`` is ``all`` or the bounds of a cube; ``quantity`` regions, adjacencies or vertices.
    """

    program: str
    network: str
    domain: str
    quantity: str
    said: int
    exact: int

    @property
    def is_ours(self) -> bool:
        """Return whether the network is part of the project."""
        return (WORKLOAD / f"{self.network}.npz").exists()

    @property
    def certificate(self) -> Path:
        """Return where the certificate is kept, if it is small enough."""
        place = "all" if self.domain == "all" else "cube"
        return FOLDER / f"{self.network}-{place}.cert.gz"

    @property
    def cube(self) -> tuple[str, str] | None:
        """Return the bounds of the cube, None for all of R^d."""
        if self.domain == "all":
            return None
        low, high = self.domain.split()
        return low, high

    def network_of(self) -> Network:
        """Return the project's own network of the row."""
        return load(WORKLOAD / f"{self.network}.npz")

    def partition_of(self) -> Partition:
        """Return the exact partition of the project's own network."""
        return partition(self.network_of(), self.cube)


@dataclass(frozen=True)
class Erratum:
    """One source, what it says, how that came about, and who measured it."""

    key: str
    title: str
    source: str
    text: str
    measured: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Foreign:
    """A network that is not part of the project, and where it lies.

    ``sha256`` is that of the file, empty where it was typed; ``network`` that of the exact network,
    output units hidden (:func:`with_output_hidden`).
    """

    sha256: str
    network: str
    where: str


@dataclass(frozen=True)
class Errata:
    """All errata; ``phantoms`` are pairs of patterns that were called neighbours, by network."""

    entries: tuple[Erratum, ...]
    foreign: dict[str, Foreign]
    phantoms: dict[str, list[list[str]]]

    @property
    def rows(self) -> Iterator[Row]:
        """Yield the rows of all errata."""
        for entry in self.entries:
            yield from entry.rows


def read(folder: Path = FOLDER) -> Errata:
    """Return the errata that are kept in a folder.

    Raises
    ------
    InputError
        If there are none, as in an installed copy, or the file is of another format.
    """
    path = folder / "errata.json"
    if not path.exists():
        raise InputError(f"{path}: there is no such file; the errata are part of a checkout")
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("format") != FORMAT:
        raise InputError(f"{path}: expected the format {FORMAT!r}, got {record.get('format')!r}")
    entries = tuple(
        Erratum(**{**entry, "rows": tuple(Row(**row) for row in entry["rows"])})
        for entry in record["errata"]
    )
    foreign = {name: Foreign(**value) for name, value in record["foreign"].items()}
    return Errata(entries, foreign, record["phantoms"])


def with_output_hidden(network: Network) -> Network:
    """Return the network whose output units are hidden units as well, before an idle output."""
    last = network.layers[-1]
    zero = 0 * last.bias[0]
    hidden = Layer(last.weight, last.bias, network.layers[0].slope)
    idle = Layer(((zero,) * last.num_neurons,), (zero,), last.slope)
    return Network((*network.layers[:-1], hidden, idle), network.sigma_policy)


def counted(cells: Partition, quantity: str) -> int:
    """Return the regions or the adjacencies of a partition.

    Raises
    ------
    InputError
        If the quantity is another one.
    """
    if quantity == "regions":
        return cells.num_regions
    if quantity == "adjacencies":
        return cells.num_adjacencies
    raise InputError(f"expected regions or adjacencies, got {quantity!r}")


def page(errata: Errata) -> str:
    """Return the text of ``docs/errata.md``."""
    lines = [
        "# Errata",
        "",
        "Numbers that were published or shipped and are not the true ones, found while exactbn was "
        "compared with other programs. They are listed for whoever compares with them next. Every "
        "program named here was made with care, and most were built for networks in general "
        "position, on which they are right; where a version is named, a later one may have mended "
        "this. Corrections to this page are welcome.",
        "",
        "Each exact number has a certificate: small ones are kept in `data/errata`, and",
        "",
        "```console",
        "$ exactbn export tests/workload/NAME.npz NAME.json",
        "$ python -I -S exactbn/checker.py NAME.json data/errata/NAME-all.cert.gz",
        "```",
        "",
        "checks one (`-cube` for [-1, 1]^d). `exactbn partition tests/workload/NAME.npz --box none "
        "--certificate FILE` writes the others. This page and the certificates are made by "
        "`python -m exactbn.claims.errata`, and the tests count every row anew whose network is "
        "part of the project.",
    ]
    for entry in errata.entries:
        lines += ["", f"## {entry.key} {entry.title}", "", entry.text, "",
                  f"- Source: {entry.source}", f"- Measured: {entry.measured}", "",
                  "| program | network | domain | what | said | exact | certificate |",
                  "|---|---|---|---|---|---|---|"]  # fmt: skip
        for row in entry.rows:
            proof = row.certificate
            kept = f"[kept](../data/errata/{proof.name})" if proof.exists() else "on demand"
            if row.quantity == "vertices":
                kept = "of the adjacencies, on demand"
            domain = "R^d" if row.cube is None else f"[{row.cube[0]}, {row.cube[1]}]^d"
            lines.append(
                f"| {row.program} | `{row.network}` | {domain} | {row.quantity} | {row.said} | "
                f"{row.exact} | {kept} |"
            )
    lines += ["", "## Networks that are not part of the project", ""]
    lines += ["Their licences, or doubts about them, keep their parameters out; the SHA-256 of the "
              "exact network, as certificates name it, tells whether one has the same. `python -m "
              "exactbn.claims.errata FILE NAME` certifies one, its output units hidden.",
              ""]  # fmt: skip
    for name, foreign in errata.foreign.items():
        file = f"file `{foreign.sha256}`, " if foreign.sha256 else ""
        lines.append(f"- `{name}`: {file}exact network `{foreign.network}`; {foreign.where}.")
    if errata.phantoms:
        lines += ["", "## The pairs of E2 that share no facet", "",
                  "Patterns, one bit a unit, of the networks with few of them.", ""]  # fmt: skip
        lines += [
            f"- `{name}`: " + ", ".join(f"{a} and {b}" for a, b in pairs) + "."
            for name, pairs in errata.phantoms.items()
        ]
    return "\n".join(lines) + "\n"


def write(errata: Errata) -> None:
    """Write the certificates of the project's own networks that are small, and the page."""
    for row in dict.fromkeys((row.network, row.domain) for row in errata.rows if row.is_ours):
        chosen = next(r for r in errata.rows if (r.network, r.domain) == row)
        path = chosen.certificate
        path.unlink(missing_ok=True)
        partition(chosen.network_of(), chosen.cube, certificate=path)
        if path.stat().st_size > MOST_BYTES:
            path.unlink()
    with create_text(ROOT / "docs" / "errata.md", force=True) as stream:
        stream.write(page(errata))


def certify(network: Network, out: Path) -> Partition:
    """Write ``out``.json and ``out``.cert.gz: a network, its output hidden, and its certificate."""
    hidden = with_output_hidden(network)
    save_json(hidden, out.with_suffix(".json"))
    return partition(hidden, certificate=out.with_suffix(".cert.gz"))


def main(arguments: Sequence[str]) -> None:
    """Write page and certificates; or certify a file's network, named before the output's name."""
    if arguments:
        path, out = arguments
        certify(load(path), Path(out))
    else:
        write(read())


if __name__ == "__main__":
    main(sys.argv[1:])

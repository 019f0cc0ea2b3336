"""Partitions on disk: what was computed, with a hash of each file, read without computing.

A folder holds ``partition.json`` (domain, counts, what the engine said, the SHA-256 of every other
file and of itself), ``network.json`` (the network's canonical exact form) and Arrow files:
``regions`` (patterns, which are unbounded) and ``adjacency``; of the complex engine ``cells``,
``vertices``, ``faces`` and ``facets``, of the LP engine ``witnesses`` and ``exact_witnesses``, and
``cells`` where clips or maxima make regions of several.
docs/file_formats.md has the columns.

Opening reads what every question needs, regions and adjacencies, and sees that the other files are
there in their lengths; they are read, and their hashes compared, when something is asked of them.

A hash finds damage, not malice. Nothing in a folder can make a program read beyond its arrays, and
whether the faces are a partition is asked of themselves: :meth:`exactbn.Partition.check`, and
``is_complete`` of the complex engine. That a search was complete is the word of its folder.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.lattice import FaceLattice
from exactbn.engines.complex.start import template
from exactbn.engines.lp.adjacency import Witnesses
from exactbn.engines.lp.engine import LpStatistics
from exactbn.engines.run import Budget
from exactbn.errors import ExactBNError, InputError
from exactbn.exact.rational import MAX_DIGITS, Vector, to_text, to_vector
from exactbn.model.arrays import read_only
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.model.patterns import num_words
from exactbn.output import create_folder
from exactbn.readers.json_file import read_document
from exactbn.readers.source import Source
from exactbn.regions.arrow_files import (
    Table,
    check_length,
    read_hashed,
    read_table,
    sha256_of,
    write_table,
)
from exactbn.regions.by_file import StoredEvidence
from exactbn.regions.by_lattice import LatticeEvidence
from exactbn.regions.by_search import SearchEvidence
from exactbn.regions.evidence import Evidence, Tables
from exactbn.regions.faces import Faces
from exactbn.regions.merging import MergedCells, grouped

FORMAT = "exactbn partition 2"
DESCRIPTION = "partition.json"
#: The file by which a job is told, see :mod:`exactbn.jobs.journal`.
JOURNAL = "journal.sqlite"
# Bytes of a description beyond which it is not read: a box of many axes with long bounds.
_LARGEST_DESCRIPTION = 64 * 2**20

# What may be unproven, by the names that evidence has for it.
_EDGES, _UNBOUNDED = "edges", "is_unbounded"


def save(
    network: Network, domain: Domain, evidence: Evidence, directory: Path, budget: Budget
) -> None:
    """Write a partition to a new directory, all of it or nothing.

    Adjacencies and unbounded regions that are not proven yet are proven first. Where the budget
    does not suffice they are left out, ``unproven`` names them, and who opens the folder and asks
    for them has them proven then.

    Raises
    ------
    InputError
        If the directory exists or cannot be written.
    """
    evidence = evidence.proven(budget)
    unproven = evidence.unproven
    edges = None if _EDGES in unproven else evidence.edges
    tables: Tables = {"regions": {"word": evidence.words}, **evidence.tables()}
    if _UNBOUNDED not in unproven:
        tables["regions"]["unbounded"] = evidence.is_unbounded
    if edges is not None:
        tables["adjacency"] = {"source": edges[:, 0], "target": edges[:, 1]}
    text, place = network.canonical(), _told(domain)
    _check_lengths(text, json.dumps(place))
    with create_folder(directory) as folder:
        files = {}
        for name, columns in tables.items():
            path = folder / f"{name}.arrow"
            sha256 = write_table(path, columns)
            files[name] = {"sha256": sha256, "bytes": path.stat().st_size}
        (folder / "network.json").write_text(text, encoding="ascii")
        description: dict[str, Any] = {
            "format": FORMAT,
            "network": network.sha256,
            "sigma_policy": network.sigma_policy,
            "domain": place,
            "engine": evidence.engine,
            "neurons_done": evidence.neurons_done,
            "stopped": evidence.stopped,
            "regions": len(evidence.words),
            "adjacencies": None if edges is None else len(edges),
            "unproven": list(unproven),
            "starts": None if evidence.faces is None else evidence.faces.lattice.starts.tolist(),
            "statistics": evidence.statistics,
            "files": files,
        }
        description["digest"] = digest_of(description)
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")


def _check_lengths(*texts: str) -> None:
    """Refuse numbers that are longer than those that are read again."""
    longest = max(len(number) for text in texts for number in text.split('"'))
    if longest > MAX_DIGITS:
        raise InputError(
            f"the partition has a number of {longest} characters, expected at most {MAX_DIGITS}, "
            "the most that are read again"
        )


def load(directory: Path) -> tuple[Network, Domain, Evidence]:
    """Read what :func:`save` wrote.

    Raises
    ------
    InputError
        If a file is missing or damaged, or not what a partition is made of.
    """
    source = Source(directory / DESCRIPTION)
    inner = directory / "partition"
    if not source.path.exists() and (inner / DESCRIPTION).is_file():
        raise InputError(f"{directory}: holds a partition in a folder of its own; open {inner}")
    if not directory.exists():
        raise InputError(f"{directory}: there is no such folder")
    if not source.path.exists() and (directory / JOURNAL).exists():
        raise InputError(
            f"{directory}: is a job, and no partition; a counting job has its regions in "
            "regions.parquet, and that of a partition writes it beside the job"
        )
    with _described_at(source.path):
        with source.named():
            told = _described(source.read(_LARGEST_DESCRIPTION))
        network = _network(directory / "network.json", told)
        domain = _domain(told["domain"], network.num_inputs)
        return network, domain, _Folder(directory, network, domain, told).evidence()


@contextmanager
def _described_at(path: Path) -> Iterator[None]:
    """Make of what a description lacks, or has in the place of something else, an InputError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError) as error:
        if isinstance(error, ExactBNError):
            raise
        text = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: is not the description of a partition: {type(error).__name__}: {text}"
        ) from None


@dataclass(frozen=True)
class _Folder:
    """A folder whose description has been read; it reads the rest of the evidence when called."""

    place: Path
    network: Network
    domain: Domain
    told: dict[str, Any]

    def table(self, name: str) -> Table:
        """Return one table, which has the hash that is told."""
        file = self.told["files"].get(name)
        if file is None:
            raise InputError(f"{self.place / DESCRIPTION}: names no file {name}.arrow")
        return read_table(self.place / f"{name}.arrow", file["sha256"])

    def count(self, key: str, most: int) -> int:
        """Return a number from 0 to ``most``."""
        return _count(self.told, key, most)

    def neurons_done(self) -> int:
        """Return how many neurons have cut the regions: of engine "lp" all of them."""
        done = self.count("neurons_done", self.network.num_hidden)
        if self.told["engine"] == "lp" and done != self.network.num_hidden:
            raise InputError(
                f"neurons_done is {done}, expected {self.network.num_hidden} of engine 'lp'"
            )
        return done

    def statistics(self) -> dict[str, int]:
        """Return the counts of the engine."""
        told = self.told["statistics"]
        return {name: _count(told, name, 1 << 62) for name in _STATISTICS[self.told["engine"]]}

    def unproven(self) -> list[str]:
        """Return what was left out of the folder; of the complex engine nothing ever is."""
        unproven: list[str] = self.told.get("unproven", []) if self.told["engine"] == "lp" else []
        if not set(unproven) <= {_EDGES, _UNBOUNDED}:
            raise InputError(f"unproven is {unproven!r:.60}, expected {_EDGES} or {_UNBOUNDED}")
        return unproven

    def evidence(self) -> StoredEvidence:
        """Return what is told at once; the other files are there, as long as they should be."""
        for name, file in self.told["files"].items():
            if name.isidentifier():
                check_length(self.place / f"{name}.arrow", file["bytes"])
        stopped, count = self.told["stopped"], self.count("regions", 1 << 31)
        if not (stopped is None or isinstance(stopped, str)):
            raise InputError(f"stopped is {stopped!r}, expected a text or null")
        table = self.table("regions")
        patterns = table.stacked("word", np.uint64, (count, num_words(self.network.widths)))
        unproven, edges, unbounded = self.unproven(), None, None
        if _UNBOUNDED not in unproven:
            unbounded = read_only(table.column("unbounded", np.bool_, count))
        if _EDGES not in unproven:
            pairs = self.count("adjacencies", 1 << 40)
            edges = read_only(_adjacency(self.table("adjacency"), pairs, count))
        return StoredEvidence(
            self.told["engine"], self.neurons_done(), stopped,
            read_only(patterns), edges, unbounded, self.statistics(),
            partial(self.whole, patterns, edges, unbounded),
        )  # fmt: skip

    def whole(
        self, words: NDArray[np.uint64], edges: NDArray[np.int32] | None,
        unbounded: NDArray[np.bool_] | None,
    ) -> Evidence:  # fmt: skip
        """Return the evidence with faces or witnesses, which is read when it is asked for."""
        with _described_at(self.place / DESCRIPTION):
            return _READERS[self.told["engine"]](self, words, edges, unbounded)


def _described(content: bytes) -> dict[str, Any]:
    """Return the description after a look at its format and its own hash."""
    try:
        told = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        got = told.get("format") if isinstance(told, dict) else type(told).__name__
        raise InputError(f"its format is {got!r}, expected {FORMAT!r}; save the partition again")
    if told.pop("digest", None) != digest_of(told):
        raise InputError("is damaged: its digest is not that of its contents")
    return told


def digest_of(description: dict[str, Any]) -> str:
    """Return the hash of a description, in one form, that it carries itself."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode())


def _network(path: Path, told: dict[str, Any]) -> Network:
    """Return the network, whose canonical form has the hash that names it."""
    content = read_hashed(path, told["network"])
    with Source(path).named():
        chain = read_document(content)
    return Network.from_stages(replace(chain, sigma_policy=told["sigma_policy"]))


def _told(domain: Domain) -> dict[str, Any]:
    """Return a domain in texts."""
    box = domain.box
    return {
        "lo": None if box is None else list(map(to_text, box.lo)),
        "hi": None if box is None else list(map(to_text, box.hi)),
        "A": [list(map(to_text, row)) for row in domain.matrix],
        "b": list(map(to_text, domain.bounds)),
    }


def _domain(told: dict[str, Any], d: int) -> Domain:
    """Return the domain that :func:`_told` tells."""
    whole = Domain.space(d) if told["lo"] is None else Domain.of(Box.of(told["lo"], told["hi"], d))
    return Domain.cut(whole, (told["A"], told["b"]))


def _count(told: dict[str, Any], key: str, most: int) -> int:
    """Return a number from 0 to ``most``."""
    value = told[key]
    if type(value) is not int or not 0 <= value <= most:
        raise InputError(f"{key} is {value!r}, expected an integer from 0 to {most}")
    return value


def _adjacency(table: Table, pairs: int, count: int) -> NDArray[np.int32]:
    """Return the pairs i < j of regions, each once."""
    columns = [table.column(name, np.int32, pairs) for name in ("source", "target")]
    i, j = (column.astype(np.int64) for column in columns)
    keys = np.sort(i * count + j)
    table.demand(
        np.all((i >= 0) & (i < j) & (j < count)) and np.all(keys[1:] > keys[:-1]),
        f"the pairs are not i < j < {count}, each once",
    )
    return np.stack(columns, axis=1)


def _lattice_evidence(
    folder: _Folder,
    patterns: NDArray[np.uint64],
    edges: NDArray[np.int32],
    unbounded: NDArray[np.bool_],
) -> LatticeEvidence:
    """Return the evidence of the complex engine."""
    table = folder.table("cells")
    of_cell = table.column("region", np.int64)
    table.demand(
        np.all((of_cell >= 0) & (of_cell < len(patterns))),
        f"the cells are not of the regions 0 to {len(patterns) - 1}",
    )
    regions, first = np.unique(of_cell, return_index=True)
    table.demand(len(regions) == len(patterns), "a region has no cell")
    words = patterns[of_cell]
    if folder.network.units:
        words = table.stacked("word", np.uint64, words.shape)
    lattice = _lattice(folder, words)
    cells = MergedCells(patterns, edges, of_cell, first, unbounded)
    faces = Faces(folder.network, folder.domain, lattice, cells)
    done = folder.neurons_done()
    return LatticeEvidence(faces, done, **folder.statistics())


def _lattice(folder: _Folder, words: NDArray[np.uint64]) -> FaceLattice:
    """Return the face lattice, whose ids are all in range: loops over it end and stay inside."""
    d, told = folder.domain.dim, folder.told
    numbers = told["starts"]
    is_list = isinstance(numbers, list) and all(type(n) is int and n >> 31 == 0 for n in numbers)
    starts = np.array(numbers if is_list else [], dtype=np.int64)
    if starts.shape != (d + 2,) or starts[0] or np.any(np.diff(starts) < 1):
        raise InputError(
            f"{folder.place / DESCRIPTION}: starts is {numbers!r:.60}, expected {d + 2} ascending "
            "numbers from 0"
        )
    vertices, cells = int(starts[1]), int(starts[-1] - starts[-2])
    if cells != len(words):
        raise InputError(f"{folder.place}: there are {len(words)} cells, expected {cells}")
    lists, table = folder.table("faces"), folder.table("facets")
    first = lists.column("first", np.int64, int(starts[-1]) + 1)
    facets = table.column("face", np.int32)
    _check_lists(lists, starts, first, len(facets))
    _check_dimensions(table, starts, first, facets)
    table = folder.table("vertices")
    parents = table.stacked("parent", np.int32, (vertices, 3))
    x = table.stacked("x", np.float64, (vertices, 1 + d))
    error = table.stacked("error", np.float64, (vertices, 1 + d))
    _check_parents(table, parents, folder.network.num_hidden, template(folder.domain).sizes[0])
    return FaceLattice(
        starts, first, facets, parents, x, error, words, np.zeros(cells, dtype=np.int32)
    )


def _check_lists(
    table: Table, starts: NDArray[np.int64], first: NDArray[np.int64], facets: int
) -> None:
    """Check that the lists of facets follow each other, that of an edge with two entries."""
    sizes = np.diff(first)
    table.demand(
        not np.any(first[: starts[1] + 1]) and first[-1] == facets,
        "the lists of facets do not follow each other",
    )
    table.demand(np.all(sizes[starts[1] :] > 0), "a face lists no facets")
    table.demand(np.all(sizes[starts[1] : starts[2]] == 2), "an edge has not two ends")


def _check_dimensions(
    table: Table, starts: NDArray[np.int64], first: NDArray[np.int64], facets: NDArray[np.int32]
) -> None:
    """Check that every k-face lists (k-1)-faces."""
    for k in range(1, len(starts) - 1):
        listed = facets[first[starts[k]] : first[starts[k + 1]]]
        table.demand(
            listed.min() >= starts[k - 1] and listed.max() < starts[k],
            f"a face of dimension {k} lists a face of another dimension",
        )


def _check_parents(table: Table, parents: NDArray[np.int32], neurons: int, most: int) -> None:
    """Check that corners, of ``most``, come first, and every other vertex after its parents."""
    corners = int(np.count_nonzero(parents[:, 0] < 0))
    own, made = parents[:corners], parents[corners:]
    is_corner = (own[:, 0] == -1) & (own[:, 1] == 0) & (own[:, 2] >= 0) & (own[:, 2] < most)
    earlier = np.arange(corners, len(parents))[:, None]
    is_made = np.all((made[:, :2] >= 0) & (made[:, :2] < earlier), axis=1)
    is_made &= (made[:, 2] >= 0) & (made[:, 2] < neurons)
    table.demand(np.all(is_corner) and np.all(is_made), "a vertex has no proper parents")


def _search_evidence(
    folder: _Folder,
    patterns: NDArray[np.uint64],
    edges: NDArray[np.int32] | None,
    unbounded: NDArray[np.bool_] | None,
) -> SearchEvidence:
    """Return the evidence of the LP engine."""
    unknowns = folder.domain.dim + (folder.domain.box is None)
    table = folder.table("witnesses")
    words = patterns
    if folder.network.units:
        cells = folder.table("cells")
        of_cell = cells.column("region", np.int64)
        words = cells.stacked("word", np.uint64, (len(of_cell), patterns.shape[1]))
        first, regions = grouped(folder.network, words)
        cells.demand(
            np.array_equal(of_cell, regions) and np.array_equal(words[first], patterns),
            "the regions are not those of the cells",
        )
    x = table.stacked("x", np.float64, (len(words), unknowns))
    exact = _exact_witnesses(folder.table("exact_witnesses"), len(x), unknowns)
    # A float beside an exact witness may be beyond its range.
    read = np.setdiff1d(np.arange(len(x)), list(exact))
    table.demand(np.all(np.isfinite(x[read])), "a coordinate is not finite")
    witnesses = Witnesses(words, x, exact)
    is_space = folder.domain.box is None
    at_infinity = is_space and any(witnesses.point(i)[0] <= 0 for i in range(len(x)))
    table.demand(not at_infinity, "a witness is at infinity")
    counts = folder.statistics()
    return SearchEvidence(
        folder.network, folder.domain, witnesses, folder.told["stopped"],
        LpStatistics(counts["programs"], counts["exact_questions"]),
        known_edges=edges, known_unbounded=unbounded,
    )  # fmt: skip


def _exact_witnesses(table: Table, regions: int, unknowns: int) -> dict[int, Vector]:
    """Return the witnesses that no float is, by their regions."""
    numbers = table.column("region", np.int64).tolist()
    texts = table.column("point", np.object_, len(numbers)).tolist()
    exact = {i: to_vector(str(t).split(), "point") for i, t in zip(numbers, texts, strict=True)}
    table.demand(
        all(0 <= i < regions and len(point) == unknowns for i, point in exact.items()),
        "a point is of no region, or has not as many coordinates",
    )
    return exact


_STATISTICS = {"complex": ("signs", "exact_signs"), "lp": ("programs", "exact_questions")}

_READERS: dict[str, Callable[..., Evidence]] = {
    "complex": _lattice_evidence,
    "lp": _search_evidence,
}

"""Partitions on disk: a directory that can be opened again, and is believed only if it is right.

``partition.json`` holds the network in its canonical exact form, the domain and the counts;
``complex.npz`` the combinatorics of the face lattice, or ``regions.npz`` the patterns of a search.
Opening computes the partition again from network and domain, which takes microseconds a region,
and compares: a file that was damaged or changed is refused, never passed on.
"""

import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactbn.engines.complex.engine import subdivide
from exactbn.engines.run import Budget
from exactbn.errors import InputError
from exactbn.exact.rational import to_text
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.regions.by_lattice import LatticePartition
from exactbn.regions.partition import Partition

FORMAT = "exactbn partition 1"
# They follow from exact signs alone, so they are the same on every machine.
_ARRAYS = ("starts", "indptr", "indices", "parents", "words", "component")
# Bytes of a description beyond which it is not read, and of the header of a stored array.
_LARGEST_DESCRIPTION = 256 * 2**20
_HEADER = 4096


def save(partition: Partition, directory: Path) -> None:
    """Write a partition to a new directory, all of it or nothing."""
    if directory.exists():
        raise InputError(f"{directory} exists already; give a new directory, or remove it first")
    directory.parent.mkdir(parents=True, exist_ok=True)
    description = {
        "format": FORMAT,
        "network": json.loads(partition.network.canonical()),
        "sha256": partition.network.sha256,
        "sigma_policy": partition.sigma_policy,
        "box": _bounds(partition.domain),
        "engine": partition.engine,
        "neurons_done": partition.neurons_done,
        "regions": partition.num_regions,
        "adjacencies": partition.num_adjacencies,
        "f_vector": _listed(partition.f_vector),
        "complete": partition.is_complete,
        **partition.statistics,
    }
    if partition.has_faces:
        description["cells"] = partition.lattice.num_regions
        name, arrays = "complex.npz", {key: getattr(partition.lattice, key) for key in _ARRAYS}
    else:
        name, arrays = "regions.npz", {"words": partition.words}
    if partition.domain.bounds:
        domain = partition.domain
        description["rows"] = {
            "A": [list(map(to_text, row)) for row in domain.matrix],
            "b": list(map(to_text, domain.bounds)),
        }
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".exactbn-") as temporary:
        folder = Path(temporary) / "partition"
        folder.mkdir()
        np.savez(folder / name, **arrays)
        (folder / "partition.json").write_text(json.dumps(description, indent=1) + "\n")
        folder.rename(directory)


def _bounds(domain: Domain) -> dict[str, list[str]] | None:
    """Return the bounds of a box as text, None for all of R^d."""
    box = domain.box
    return None if box is None else {
        "lo": list(map(to_text, box.lo)), "hi": list(map(to_text, box.hi))
    }


def _listed(f_vector: tuple[int, ...] | None) -> list[int] | None:
    return None if f_vector is None else list(f_vector)


def load(directory: Path) -> Partition:
    """Read a partition, and check it by computing it again.

    Raises
    ------
    InputError
        If a file is missing or damaged, or it is not the partition of its network and domain.
    """
    source = directory / "partition.json"
    try:
        if source.stat().st_size > _LARGEST_DESCRIPTION:
            raise InputError(f"it has more than {_LARGEST_DESCRIPTION} bytes")
        description = json.loads(source.read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            raise InputError(f"its format is {description['format']!r}, expected {FORMAT!r}")
        layers = description["network"]["layers"]
        network = Network.from_arrays(
            [layer["W"] for layer in layers],
            [layer["b"] for layer in layers],
            slope=[layer["slope"] for layer in layers[:-1]],
            sigma_policy=description["sigma_policy"],
        )
        bounds, d = description["box"], network.num_inputs
        box = None if bounds is None else Box.of(bounds["lo"], bounds["hi"], d)
        domain = Domain(d, box)
        rows, is_search = description.get("rows"), description["engine"] == "lp"
        # No more is computed than the description says that there is.
        cells = int(description["regions" if is_search else "cells"])
        budget = Budget(cells, max_neurons=int(description["neurons_done"]))
        stated = {key: description[key] for key in ("regions", "adjacencies", "f_vector")}
        sha256 = description["sha256"]
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{source} is not the description of a partition: {error}") from None
    if sha256 != network.sha256:
        raise InputError(f"{source} names network {sha256}, but holds {network.sha256}")
    partition: Partition
    if is_search:
        path = directory / "regions.npz"
        partition = _searched(path, network, _cut_down(domain, rows, source), budget)
    else:
        outcome = subdivide(network, [domain], budget=budget)
        expected = {name: getattr(outcome.lattice, name) for name in _ARRAYS}
        path = directory / "complex.npz"
        for name, array in _arrays(path, expected):
            if not np.array_equal(array, expected[name]):
                raise InputError(f"{path}: {name} is not what its network makes")
        partition = LatticePartition.of(network, domain, outcome)
    found = {
        "regions": partition.num_regions,
        "adjacencies": partition.num_adjacencies,
        "f_vector": _listed(partition.f_vector),
    }
    if found != stated or partition.neurons_done != description["neurons_done"]:
        raise InputError(f"{source} states {stated}, but its network makes {found}")
    return partition


def _cut_down(
    domain: Domain, rows: dict[str, Any] | None, source: Path
) -> Domain:
    """Return the domain with its rows, which need a box."""
    if rows is None:
        return domain
    if domain.box is None:
        raise InputError(f"{source} has rows without a box")
    return Domain.cut(domain, (rows["A"], rows["b"]))


def _searched(
    path: Path, network: Network, domain: Domain, budget: Budget
) -> Partition:
    """Return the partition of a search, its regions in the order in which they were saved."""
    from exactbn.regions.by_search import search_partition

    partition = search_partition(network, domain, budget=budget)
    if not partition.is_finished:
        raise InputError(f"{path}: its network makes more regions, or the search was incomplete")
    words = partition.words
    for _, stored in _arrays(path, {"words": words}):
        if stored.shape != words.shape:
            raise InputError(f"{path}: words is not what its network makes")
        mine, theirs = (np.lexsort(array.T) for array in (words, stored))
        if not np.array_equal(words[mine], stored[theirs]):
            raise InputError(f"{path}: words is not what its network makes")
        order = np.empty_like(mine)
        order[theirs] = mine
    return partition.reordered(order)


def _arrays(
    path: Path, expected: dict[str, NDArray[Any]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays of a file, reading no more than those of ``expected`` take."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            for name, model in expected.items():
                if sizes[f"{name}.npy"] > model.nbytes + _HEADER:
                    raise InputError(f"{path}: {name} is larger than its network makes it")
                with archive.open(f"{name}.npy") as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
                if array.dtype != model.dtype:
                    raise InputError(f"{path}: {name} is not what its network makes")
                yield name, array
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except KeyError as error:
        raise InputError(f"{path} lacks {error}") from None
    except InputError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is not the complex of a partition: {error}") from None

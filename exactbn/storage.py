"""Partitions on disk: a directory that can be opened again, exactly.

``partition.json`` holds the network in its canonical exact form, the box and the counts;
``complex.npz`` the face lattice. Exact coordinates are not stored: they follow from the network,
the box and the parents of each vertex.
"""

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from exactbn.complex.engine import SignStatistics
from exactbn.complex.lattice import FaceLattice
from exactbn.domain import Box, Domain, Space
from exactbn.errors import InputError
from exactbn.network import Network
from exactbn.partitioning import Partition
from exactbn.patterns import num_words

FORMAT = "exactbn partition 1"
_ARRAYS = {
    "starts": np.int64,
    "indptr": np.int64,
    "indices": np.int32,
    "parents": np.int32,
    "x": np.float64,
    "ex": np.float64,
    "words": np.uint64,
    "component": np.int32,
}


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
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".exactbn-") as temporary:
        folder = Path(temporary) / "partition"
        folder.mkdir()
        arrays = {name: getattr(partition.lattice, name) for name in _ARRAYS}
        np.savez(folder / "complex.npz", **arrays)
        (folder / "partition.json").write_text(json.dumps(description, indent=1) + "\n")
        folder.rename(directory)


def _bounds(domain: Domain) -> dict[str, list[str]] | None:
    """Return the bounds of a box as text, None for all of R^d."""
    if isinstance(domain, Space):
        return None
    return {"lo": list(map(str, domain.lo)), "hi": list(map(str, domain.hi))}


def _listed(f_vector: tuple[int, ...] | None) -> list[int] | None:
    return None if f_vector is None else list(f_vector)


def load(directory: Path) -> Partition:
    """Read a partition and check that its parts fit together.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the parts contradict each other.
    """
    source = directory / "partition.json"
    try:
        description = json.loads(source.read_text())
        if description["format"] != FORMAT:
            raise InputError(f"{source} has format {description['format']!r}, expected {FORMAT!r}")
        layers = description["network"]["layers"]
        network = Network.from_arrays(
            [layer["W"] for layer in layers],
            [layer["b"] for layer in layers],
            slope=[layer["slope"] for layer in layers[:-1]],
            sigma_policy=description["sigma_policy"],
        )
        bounds, d = description["box"], network.num_inputs
        domain = Space(d) if bounds is None else Box.of(bounds["lo"], bounds["hi"], d)
        counts = SignStatistics(description["signs"], description["exact_signs"])
        done = int(description["neurons_done"])
        stated = (description["regions"], description["adjacencies"], description["f_vector"])
        sha256 = description["sha256"]
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is not the description of a partition: {error}") from None
    if sha256 != network.sha256:
        raise InputError(f"{source} names network {sha256}, but holds {network.sha256}")
    lattice = _read_lattice(directory / "complex.npz")
    _check_lattice(lattice, network, domain, directory / "complex.npz")
    partition = Partition(network, domain, lattice, done, counts)
    found = (partition.num_regions, partition.num_adjacencies, _listed(partition.f_vector))
    if found != stated:
        raise InputError(f"{directory} states the counts {stated}, but holds {found}")
    return partition


def _read_lattice(path: Path) -> FaceLattice:
    """Read the arrays of a face lattice."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _ARRAYS}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not the complex of a partition: {error}") from None
    for name, dtype in _ARRAYS.items():
        if arrays[name].dtype != dtype:
            raise InputError(f"{path}: {name} is {arrays[name].dtype}, expected {np.dtype(dtype)}")
    return FaceLattice(**arrays)


def _check_lattice(
    lattice: FaceLattice, network: Network, domain: Domain, path: Path
) -> None:
    """Check that the arrays describe a complex of the network's dimension."""
    d = network.num_inputs
    starts, indptr, indices = lattice.starts, lattice.indptr, lattice.indices
    vertices, regions = len(lattice.parents), len(lattice.component)
    shapes = {
        "starts": starts.shape == (d + 2,) and starts[0] == 0 and bool(np.all(np.diff(starts) > 0)),
        "indptr": indptr.ndim == 1
        and len(indptr) == starts[-1] + 1
        and indptr[0] == 0
        and indptr[-1] == len(indices)
        and bool(np.all(np.diff(indptr) >= 0)),
        "parents": lattice.parents.shape == (starts[1], 3),
        "x": lattice.x.shape == lattice.ex.shape == (vertices, 1 + d),
        "words": lattice.words.shape == (regions, num_words(network.widths)),
        "component": regions == starts[-1] - starts[-2] and not lattice.component.any(),
    }
    for name, fits in shapes.items():
        if not fits:
            raise InputError(f"{path}: the shape or the order of {name} does not fit the network")
    dims = np.repeat(np.arange(d + 1), np.diff(starts))
    of_face = np.repeat(dims, np.diff(indptr))
    if np.any(indices < starts[of_face - 1]) or np.any(indices >= starts[of_face]):
        raise InputError(f"{path}: a face has a facet of a wrong dimension")
    num_corners = 2**d if isinstance(domain, Box) else d + 2
    made = lattice.parents[:, 0] >= 0
    if np.any(lattice.parents[made, :2].max(axis=1, initial=-1) >= np.flatnonzero(made)) or np.any(
        lattice.parents[made] < 0
    ):
        raise InputError(f"{path}: a vertex has a parent that comes after it")
    if np.any(lattice.parents[made, 2] >= network.num_hidden):
        raise InputError(f"{path}: a vertex was made by a neuron that the network does not have")
    if np.any(lattice.parents[~made] < [-1, 0, 0]) or np.any(
        lattice.parents[~made] >= [0, 1, num_corners]
    ):
        raise InputError(f"{path}: a vertex is no corner of the domain")

"""Partitions on disk: what comes back is what was written, and damage is named."""

import json
import random
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from exactbn.errors import ExactBNError, InputError, StructureError
from exactbn.model.domain import Box
from exactbn.model.network import Network
from exactbn.regions import storage
from exactbn.regions.arrow_files import sha256_of
from exactbn.regions.partitioning import Partition, partition
from tests.agreement import answer_of
from tests.examples import NETWORK_A, one_layer
from tests.strategies import problems
from tests.workload import load_workload

UNIT = Box.of(-1, 1, 2)
CROSS = one_layer([[1, 0], [0, 1]], [0, 0])


def assert_same(again: Partition, part: Partition) -> None:
    """Check that two partitions have the same in all that can be asked of them."""
    assert again == part and hash(again) == hash(part)
    assert again.sigma_policy == part.sigma_policy and again.engine == part.engine
    assert again.is_complete == part.is_complete and again.statistics == part.statistics
    assert again.f_vector == part.f_vector and again.stopped == part.stopped
    np.testing.assert_array_equal(again.patterns, part.patterns)
    np.testing.assert_array_equal(again.edges, part.edges)
    np.testing.assert_array_equal(again.is_unbounded, part.is_unbounded)
    np.testing.assert_array_equal(again.interior_points(), part.interior_points())
    assert again.witnesses() == part.witnesses()
    if part.has_faces:
        for ours, theirs in zip(again.volumes(), part.volumes(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        for i in np.flatnonzero(~part.is_unbounded)[::5].tolist():
            assert again.volume(i) == part.volume(i)


@pytest.mark.parametrize("engine", ["complex", "lp"])
@pytest.mark.parametrize("box", [("-1", "4/3"), None])
@pytest.mark.parametrize("name", ["bnf_2x8x1", "deg_int3d_0", "deg_tiny_cell"])
def test_what_was_saved_comes_back(
    name: str, box: tuple[str, str] | None, engine: str, tmp_path: Path
) -> None:
    part = partition(load_workload(name), box, engine=engine)
    part.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved", check=True)
    assert_same(again, part)
    again.save(tmp_path / "again")
    for path in (tmp_path / "saved").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_rows_and_exact_witnesses_come_back(tmp_path: Path) -> None:
    far = Fraction(10) ** 40
    network = one_layer([[1, 0], [1, 1]], [-far - Fraction(1, 3), -far])
    part = partition(network, (far, far + 1), rows=([[1, 1]], [2 * far + 1]), engine="lp")
    part.save(tmp_path / "saved")
    assert_same(Partition.open(tmp_path / "saved", check=True), part)
    everywhere = partition(network, engine="lp")
    everywhere.save(tmp_path / "everywhere")
    assert_same(Partition.open(tmp_path / "everywhere", check=True), everywhere)


def test_a_witness_beyond_floats_comes_back(tmp_path: Path) -> None:
    part = partition(one_layer([[1, 1]], [-(2**3000)]), (-(2**4000), 2**4001), engine="lp")
    part.save(tmp_path / "p")
    opened = Partition.open(tmp_path / "p", check=True)
    assert opened.is_complete and opened.witnesses() == part.witnesses()


def test_no_hidden_layer(tmp_path: Path) -> None:
    line = Network.from_arrays([[[1, 2]]], [[0]])
    for engine in ("complex", "lp"):
        part = partition(line, UNIT, engine=engine)
        part.save(tmp_path / engine)
        assert_same(Partition.open(tmp_path / engine, check=True), part)


def test_a_sum_of_numbers_is_exact_after_opening(tmp_path: Path) -> None:
    part = partition(one_layer([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), (-1, 1))
    part.save(tmp_path / "saved")
    again = Partition.open(tmp_path / "saved")
    assert sum(map(again.volume, range(again.num_regions))) == again.box.volume
    again.write_certificate(tmp_path / "proof")
    part.write_certificate(tmp_path / "proof of what was saved")
    ours, theirs = tmp_path / "proof", tmp_path / "proof of what was saved"
    assert ours.read_bytes() == theirs.read_bytes()


@given(problems(dims=(1, 2, 3), most_neurons={1: 6, 2: 5, 3: 3}))
@settings(max_examples=8, deadline=None)
def test_random_partitions(
    tmp_path_factory: pytest.TempPathFactory, problem: tuple[Network, Box]
) -> None:
    part = partition(*problem)
    folder = tmp_path_factory.mktemp("partition") / "saved"
    part.save(folder)
    assert answer_of(Partition.open(str(folder), check=True)) == answer_of(part)


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_an_incomplete_partition_stays_incomplete(engine: str, tmp_path: Path) -> None:
    part = partition(NETWORK_A, (-20, 20), max_regions=5, engine=engine, on_budget="return")
    assert not part.is_complete and part.stopped
    part.save(tmp_path / "saved")
    assert_same(Partition.open(tmp_path / "saved"), part)


def test_opening_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("complex", "lp"):
        partition(CROSS, UNIT, engine=engine).save(tmp_path / engine)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("opening computes")

    for module in ("regions.by_lattice.subdivide", "regions.by_search.enumerate_regions",
                   "regions.by_search.find_adjacency", "regions.faces.merge_cells"):
        monkeypatch.setattr(f"exactbn.{module}", forbidden)
    for engine in ("complex", "lp"):
        again = Partition.open(tmp_path / engine)
        assert (again.num_regions, again.num_adjacencies) == (4, 4)


def test_numbers_that_could_not_be_read_again_are_not_written(tmp_path: Path) -> None:
    large = Network.from_arrays([[[2**70000, 1]], [[1]]], [[1], [0]])
    for part in (partition(large, (-1, 1)), partition(CROSS, (-(2**70000), 1))):
        with pytest.raises(InputError, match="a number of 2107[0-9] characters, expected at most"):
            part.save(tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_saving_overwrites_nothing(tmp_path: Path) -> None:
    part = partition(CROSS, UNIT)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        part.save(tmp_path / "there")
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]
    assert (tmp_path / "there" / "mine").read_text() == "x"


# Damage


def saved(folder: Path, engine: str = "complex") -> Path:
    """Save a partition and return its folder."""
    partition(CROSS, UNIT, engine=engine).save(folder / engine)
    return folder / engine


FILES = {
    engine: ["network.json", "partition.json"] + [f"{name}.arrow" for name in names]
    for engine, names in {
        "complex": ["regions", "adjacency", "cells", "vertices", "faces", "facets"],
        "lp": ["regions", "adjacency", "witnesses", "exact_witnesses"],
    }.items()
}


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_the_files_of_a_folder(engine: str, tmp_path: Path) -> None:
    assert {path.name for path in saved(tmp_path, engine).iterdir()} == set(FILES[engine])


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        Partition.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("engine", "name"), [(engine, name) for engine in FILES for name in FILES[engine]]
)
@pytest.mark.parametrize("change", ["missing", "empty", "half", "bit", "longer", "folder"])
def test_damaged_files(engine: str, name: str, change: str, tmp_path: Path) -> None:
    path = saved(tmp_path, engine) / name
    content = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "missing":
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        changed = {"empty": b"", "half": content[:middle], "bit": flipped, "longer": content + b"x"}
        path.write_bytes(changed[change])
    with pytest.raises(InputError, match=name) as caught:
        _ = Partition.open(path.parent).evidence.is_complete, Partition.open(path.parent).witness(0)
    assert "\n" not in str(caught.value)
    if change in ("missing", "half", "longer", "folder"):  # seen at once
        with pytest.raises(InputError, match=name):
            Partition.open(path.parent)


def rewrite(folder: Path, **changes: object) -> None:
    """Change entries of a description, and its digest with them."""
    path = folder / "partition.json"
    told = {**json.loads(path.read_text()), **changes}
    told.pop("digest")
    told["digest"] = storage.digest_of(told)
    path.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "exactbn partition 1"}, "its format is 'exactbn partition 1', expected"),
        ({"regions": 5}, "column word0: got 4 of type uint64, expected 5 of type uint64"),
        ({"regions": -1}, "regions is -1, expected an integer from 0 to"),
        ({"regions": True}, "regions is True, expected an integer"),
        ({"adjacencies": 3}, "column source: got 4 of type int32, expected 3"),
        ({"network": "0" * 64}, "network.json: is damaged"),
        ({"sigma_policy": "none at all"}, "sigma policy"),
        ({"neurons_done": 3}, "neurons_done is 3, expected an integer from 0 to 2"),
        ({"neurons_done": 1e300}, "neurons_done is 1e\\+300"),
        ({"domain": {"lo": ["1", "1"], "hi": ["0", "1"], "A": [], "b": []}}, "empty or flat"),
        ({"domain": {"lo": None}}, "not the description of a partition: KeyError: 'A'"),
        ({"engine": "magic"}, "not the description of a partition: KeyError: 'magic'"),
        ({"starts": [0, 1]}, "expected 4 ascending numbers"),
        ({"starts": None}, "starts is None, expected 4 ascending"),
        ({"files": {}}, "partition.json: names no file regions.arrow"),
        ({"statistics": {}}, "not the description of a partition: KeyError: 'signs'"),
    ],
)
def test_changed_descriptions(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    rewrite(folder, **changes)
    with pytest.raises(InputError, match=message):
        Partition.open(folder).witness(0)


def test_the_lp_engine_leaves_no_neuron_out(tmp_path: Path) -> None:
    folder = saved(tmp_path, "lp")
    rewrite(folder, neurons_done=1)
    with pytest.raises(InputError, match="neurons_done is 1, expected 2 of engine 'lp'"):
        Partition.open(folder, check=True)


def test_a_description_without_its_digest_is_damaged(tmp_path: Path) -> None:
    path = saved(tmp_path) / "partition.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "adjacencies": 3}))
    with pytest.raises(InputError, match="is damaged: its digest"):
        Partition.open(path.parent)
    for text in ("[]", "{}", "[" * 10**5, "\xff", '{"format": NaN}'):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match="partition.json"):
            Partition.open(path.parent)


def rewrite_table(folder: Path, name: str, changes: dict[str, np.ndarray]) -> None:
    """Change columns of a table, and the hashes with them."""
    path = folder / f"{name}.arrow"
    table = pa.ipc.open_file(path).read_all()
    columns = {key: table.column(key).to_numpy() for key in table.column_names}
    new = pa.table({**columns, **changes})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, new.schema) as writer:
        writer.write_table(new)
    told = json.loads((folder / "partition.json").read_text())
    file = {"sha256": sha256_of(path.read_bytes()), "bytes": path.stat().st_size}
    rewrite(folder, files={**told["files"], name: file})


def column(folder: Path, name: str, key: str) -> np.ndarray:
    """Return a column that may be written to."""
    return pa.ipc.open_file(folder / f"{name}.arrow").read_all().column(key).to_numpy().copy()


@pytest.mark.parametrize(
    ("name", "key", "place", "value", "message"),
    [
        ("adjacency", "source", 0, -1, "the pairs are not i < j < 4"),
        ("adjacency", "target", 0, 4, "the pairs are not i < j < 4"),
        ("adjacency", "target", 0, 0, "the pairs are not i < j < 4"),
        ("cells", "region", 0, 4, "the cells are not of the regions 0 to 3"),
        ("cells", "region", 0, 1, "a region has no cell"),
        ("faces", "first", -1, 99, "the lists of facets do not follow each other"),
        ("faces", "first", 0, 1, "the lists of facets do not follow each other"),
        ("faces", "first", -2, 10**9, "a face lists no facets"),
        ("facets", "face", 0, 99, "a face of dimension 1 lists a face of another dimension"),
        ("facets", "face", -1, -1, "a face of dimension 2 lists a face of another dimension"),
        ("vertices", "parent0", -1, 99, "a vertex has no proper parents"),
        ("vertices", "parent1", -1, -1, "a vertex has no proper parents"),
        ("vertices", "parent2", -1, 2, "a vertex has no proper parents"),
        ("vertices", "parent2", 0, 4, "a vertex has no proper parents"),
        ("vertices", "parent1", 0, 1, "a vertex has no proper parents"),
        ("vertices", "parent0", 4, 8, "a vertex has no proper parents"),
    ],
)
def test_ids_out_of_range(
    name: str, key: str, place: int, value: int, message: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path)
    changed = column(folder, name, key)
    changed[place] = value
    rewrite_table(folder, name, {key: changed})
    with pytest.raises(InputError, match=f"{name}.arrow: {message}"):
        Partition.open(folder).witness(0)


def test_a_pair_of_neighbours_stands_once(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    pairs = {key: column(folder, "adjacency", key) for key in ("source", "target")}
    for values in pairs.values():
        values[1] = values[0]
    rewrite_table(folder, "adjacency", pairs)
    with pytest.raises(InputError, match="each once"):
        Partition.open(folder)


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("witnesses", "x0", np.nan, "a coordinate is not finite"),
        ("regions", "word0", np.float64(1), "column word0: got 4 of type float64"),
        ("regions", "unbounded", np.int8(1), "column unbounded: got 4 of type int8"),
    ],
)
def test_columns_of_another_kind(
    name: str, key: str, value: np.generic, message: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path, "lp")
    rewrite_table(folder, name, {key: np.full(4, value)})
    with pytest.raises(InputError, match=f"{name}.arrow: {message}"):
        Partition.open(folder).witness(0)


@pytest.mark.parametrize(
    ("engine", "name", "key", "place", "change", "message"),
    [
        ("complex", "vertices", "x1", 0, 0.25, "the coordinates of vertex 0 are farther off"),
        ("complex", "vertices", "error1", 0, -1.0, "the coordinates of vertex 0 are farther off"),
        ("complex", "adjacency", "target", 0, 2, "the adjacencies are not those of the facets"),
        ("complex", "regions", "unbounded", 0, True, "the regions are not those of the cells"),
        ("lp", "witnesses", "x0", 0, -8.0, "the witness of region 0 is not strictly inside it"),
        ("lp", "regions", "word0", 0, 9, "the witness of region 0 is not strictly inside it"),
        ("lp", "regions", "unbounded", 0, True, "the unbounded regions are not those"),
    ],
)
def test_check_finds_what_hashes_do_not(
    engine: str, name: str, key: str, place: int, change: object, message: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path, engine)
    changed = column(folder, name, key)
    assert changed[place] != change
    changed[place] = change
    if key == "target":
        other = column(folder, name, "source")
        changed[:], other[:] = [1, 2, 3, 3], [0, 0, 1, 0]
        rewrite_table(folder, name, {"source": other, key: changed})
    else:
        rewrite_table(folder, name, {key: changed})
    with pytest.raises(StructureError, match=message):
        Partition.open(folder).check()
    with pytest.raises(StructureError, match=message):
        Partition.open(folder, check=True)


@pytest.mark.parametrize("box", [(-1, 1), None])
@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_tables_that_lie_end_in_our_errors(
    engine: str, box: tuple[int, int] | None, tmp_path: Path
) -> None:
    """Entries are changed and hashed again, and everything is asked before a check."""
    generator = random.Random(5)
    network = Network.from_arrays([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0] * 3, [0]])
    folder = tmp_path / "saved"
    partition(network, box, engine=engine).save(folder)
    tables = [path.stem for path in sorted(folder.glob("*.arrow"))]
    for number in range(150):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        name = generator.choice(tables)
        key = generator.choice(pa.ipc.open_file(copy / f"{name}.arrow").schema.names)
        values = column(copy, name, key).copy()
        if not len(values):
            continue
        other = generator.choice([0, 1, 2, 5, values[generator.randrange(len(values))]])
        values[generator.randrange(len(values))] = other
        rewrite_table(copy, name, {key: values})
        try:
            opened = Partition.open(copy)
            opened.witnesses(), opened.graph(), opened.is_complete, opened.f_vector
            if opened.has_faces:
                opened.volumes()
                bounded = np.flatnonzero(~opened.is_unbounded)
                assert all(opened.volume(int(i)) >= 0 for i in bounded)
            opened.check()
        except ExactBNError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("engine", ["complex", "lp"])
def test_mutated_folders_end_in_our_errors(engine: str, tmp_path: Path) -> None:
    generator = random.Random(7)
    folder = saved(tmp_path, engine)
    for number in range(120):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        path = copy / generator.choice(FILES[engine])
        content = bytearray(path.read_bytes())
        for _ in range(generator.choice([1, 1, 3])):
            at = generator.randrange(len(content))
            content[at : at + generator.choice([0, 1, 1, 9])] = generator.randbytes(1)
        path.write_bytes(content)
        try:
            opened = Partition.open(copy)
            opened.witness(0)
        except ExactBNError as error:
            assert "\n" not in str(error) and str(copy) in str(error)
        else:  # blanks of a description say nothing
            assert opened.num_regions == 4
        shutil.rmtree(copy)


def test_a_folder_around_a_partition_names_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    partition(CROSS, UNIT).save(tmp_path / "out" / "partition")
    with pytest.raises(InputError, match="out: holds a partition in a folder .* open .*partition$"):
        Partition.open(tmp_path / "out")

"""Mutants of files are counted for what they become; the harness sees every way to fail."""

import json
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from exactbn.cli import main
from exactbn.cli.selfcheck_files import chosen_formats
from exactbn.errors import InputError, InternalError
from exactbn.regions.arrow_files import sha256_of
from exactbn.regions.storage import digest_of
from exactbn.selfcheck import file_mutations, file_reading
from exactbn.selfcheck.file_mutations import zip_mutant
from exactbn.selfcheck.file_reading import Format, read_mutants, read_one
from exactbn.study.file_formats import change_and_seal, open_folder
from tests.failing_format import FAILING, number_of, refuses


def test_every_way_to_fail_is_counted(monkeypatch, tmp_path):
    """In processes of their own, of which one that crashes is followed by another one."""
    expected = {}
    for number in range(12):
        kind = int(FAILING.mutant(3, number)[""])
        expected[number] = ("taken", "refused", "uncaught", "uncaught", "crashed", "slow")[kind]
    assert len(set(expected.values())) >= 4
    monkeypatch.setattr(file_reading, "_read_apart", in_this_process)
    tally = read_mutants([FAILING], 12, 3)
    faults = {n: o for n, o in expected.items() if o in file_reading.FAULTS}
    assert {t.number: t.outcome for t in tally.failures} == faults
    assert tally.total == 12 and sum(tally.of("failing").values()) == 12


def in_this_process(form, seed, first, end):
    """Yield what processes would: the ends of a process are told by the content."""
    for number in range(first, end):
        kind = form.mutant(seed, number)[""]
        if kind == b"4":
            yield number, "crashed", 0.0, "exit code 7"
            return
        yield number, {b"5": "slow", b"2": "uncaught", b"3": "uncaught", b"1": "refused"}.get(
            kind, "taken"), 0.0, ""  # fmt: skip


def test_a_process_that_ends_is_seen():
    numbers = [n for n in range(40) if FAILING.mutant(3, n)[""] == b"4"]
    first = numbers[0]
    found = list(file_reading._read_apart(FAILING, 3, first, first + 1))
    assert [(n, outcome, text) for n, outcome, _, text in found] == [
        (first, "crashed", "exit code 7")
    ]


def test_a_good_file_must_be_read(monkeypatch):
    broken = Format("broken", ".txt", {"": b"0"}, number_of, refuses)
    with pytest.raises(SystemExit) as stopped:
        file_reading._work(None, broken, 0, 0, 1)
    assert stopped.value.code == 3  # of the process, which its parent tells from a crash

    class Ended:
        """A process that has ended in this way before it said anything."""

        exitcode = 3

        def __init__(self, **options):
            options["args"][0].close()

        start = join = kill = lambda self: None

    class Context:
        Pipe = staticmethod(file_reading.multiprocessing.Pipe)
        Process = Ended

    monkeypatch.setattr(file_reading.multiprocessing, "get_context", lambda kind: Context)
    with pytest.raises(InternalError, match="the good file of the format broken is not read"):
        read_mutants([broken], 1, 0)


FORMATS = chosen_formats([])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_format_has_a_good_file_and_mutants_that_end_well(form, tmp_path: Path):
    form.read(form.write(tmp_path, form.good))
    for number in range(8):
        outcome, text = read_one(form, tmp_path, 5, number)
        assert outcome in ("taken", "refused"), (number, text)
    assert form.mutant(5, 3) == form.mutant(5, 3) != form.good


def test_sealed_folders_reach_further(tmp_path: Path):
    """Hashes are right, so that what is refused is what the tables say."""
    form = next(form for form in FORMATS if form.name == "folder, lp, sealed")
    said = set()
    for number in range(12):
        files = change_and_seal(form.good, Random(number))
        try:
            open_folder(form.write(tmp_path, files))
        except file_reading._OURS as error:
            said.add("hash" if "damaged" in str(error) else "else")
    assert "else" in said


def test_members_of_a_zip_are_changed():
    form = next(form for form in FORMATS if form.name == "npz, members")
    changed = {zip_mutant(form.good[""], Random(k)) for k in range(10)}
    assert len(changed) > 5


def test_a_member_may_be_named_by_a_zero_byte(monkeypatch):
    """zipfile ends a name there: an empty one is no mutant, and no fault of a reader."""
    (form,) = chosen_formats(["pt, members"])
    monkeypatch.setattr(file_mutations, "mutant", lambda content, random: b"\0" + content)
    for k in range(20):
        assert zip_mutant(form.good[""], Random(k))


def test_the_command(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(file_reading, "_read_apart", in_this_process)
    monkeypatch.setattr("exactbn.cli.selfcheck_files.chosen_formats", lambda patterns: [FAILING])
    command = ["selfcheck", "--files", "6", "--seed", "3", "--out", str(tmp_path / "out")]
    assert main([*command, "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["mutants"] == 6 and record["formats"]["failing"]["refused"] >= 0
    failure = record["failures"][0]
    saved = tmp_path / "out" / f"failing-3-{failure['mutant']}" / "mutant.txt"
    assert saved.read_bytes() == FAILING.mutant(3, failure["mutant"])[""]
    assert main(command) == 1
    assert "over 1 GB" in capsys.readouterr().out


def test_bad_input(capsys):
    assert main(["selfcheck", "--files", "5", "--format", "zip"]) == 2
    assert "format 'zip' is not known" in capsys.readouterr().err
    assert main(["selfcheck", "--format", "npz"]) == 2
    assert "--files only" in capsys.readouterr().err


def resealed(form, change):
    """Return the files of a folder whose description is changed, with its digest."""
    told = json.loads(form.good["partition.json"])
    del told["digest"]
    files = {**form.good, **change(told)}
    return {**files, "partition.json": json.dumps({**told, "digest": digest_of(told)}).encode()}


def without_hash(told):
    """Leave out a hash that is looked at only when faces are asked for."""
    del told["files"]["vertices"]["sha256"]
    return {}


def with_two_columns_of_a_name(told):
    """Give two columns one name."""
    column = pa.array([1, 2], pa.int32())
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays([column, column], names=["parent0", "parent0"])
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue().to_pybytes()
    told["files"]["vertices"] = {"sha256": sha256_of(content), "bytes": len(content)}
    return {"vertices.arrow": content}


@pytest.mark.parametrize(
    ("change", "said"),
    [(without_hash, "KeyError: 'sha256'"), (with_two_columns_of_a_name, "have the same name")],
)
def test_folders_whose_hashes_are_right_end_in_one_line(tmp_path: Path, change, said):
    form = next(form for form in FORMATS if form.name == "folder, complex, sealed")
    with pytest.raises(InputError, match=said) as caught:
        open_folder(form.write(tmp_path, resealed(form, change)))
    assert len(str(caught.value).splitlines()) == 1

"""Made-up peers: right ones, wrong ones, and those that crash, hang or print anything else."""

import contextlib
import io
import json
import os
import shlex
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import exactbn
from exactbn.bench import engines, peers, programs, relucent_peer
from exactbn.bench.programs import Answer, Failure, Program, ask, program_of
from exactbn.cli import main
from exactbn.errors import InputError
from exactbn.model.domain import Box
from exactbn.model.files import save_json

Output = pytest.CaptureFixture[str]

#: A right answer on rnd-2-8-8, which has 41 regions and 71 adjacencies.
RIGHT = {"regions": 41, "seconds": 1e-4, "adjacencies": 71}


def script(place: Path, *lines: str) -> str:
    """Write a program of the shell and return its name."""
    place.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    place.chmod(0o755)
    return str(place)


def saying(place: Path, answer: object) -> str:
    """Write a program that prints an answer."""
    return script(place, f"echo {shlex.quote(json.dumps(answer))}")


def reason(command: str, timeout: float = 20) -> str:
    """Return why a program fails."""
    answer = ask(program_of(command), [], timeout)
    assert isinstance(answer, Failure)
    return answer.reason


def test_an_answer_is_the_last_line(tmp_path: Path) -> None:
    line = shlex.quote(json.dumps(RIGHT))
    peer = script(tmp_path / "p", "echo hello", "echo ' '", f"echo {line}", "echo", "echo e >&2")
    assert ask(program_of(peer), [], 20) == Answer(41, 1e-4, 71)
    peer = saying(tmp_path / "q", {"regions": 0, "seconds": 1e-4, "more": [1]})
    assert ask(program_of(peer), [], 20) == Answer(0, 1e-4, None)


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("", "its last line is no JSON object: nothing was printed"),
        ("42 regions", "its last line is no JSON object: 42 regions"),
        ("[41, 0.1]", "its last line is no JSON object"),
        ("{" * 100_000, "its last line is no JSON object: {{{"),
        ("[" * 100_000, "its last line is no JSON object: ["),
        ('{"regions": 1' + 5000 * "0" + ', "seconds": 1}', "its last line is no JSON object"),
        ("\x1b[2J\x1b[31mred", "its last line is no JSON object: [2J [31mred"),
        ('{"seconds": 0.1}', "its counts are no integers"),
        ('{"regions": 41.0, "seconds": 0.1}', "its counts are no integers"),
        ('{"regions": true, "seconds": 0.1}', "its counts are no integers"),
        ('{"regions": -1, "seconds": 0.1}', "its counts are no integers"),
        ('{"regions": "41", "seconds": 0.1}', "its counts are no integers"),
        ('{"regions": 1' + 20 * "0" + ', "seconds": 0.1}', "its counts are no integers"),
        ('{"regions": 41, "seconds": 0.1, "adjacencies": "many"}', "its counts are no integers"),
        ('{"regions": 41}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": 0}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": -1}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": true}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": NaN}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": null}', "its seconds are no number > 0"),
        ('{"regions": 41, "seconds": Infinity}', "s, and tells of more"),
        ('{"regions": 41, "seconds": 1' + 400 * "0" + "}", "s, and tells of more"),
    ],
)
def test_garbage(printed: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "printed").write_text(printed, encoding="utf-8")
    told = reason(f"cat {shlex.quote(str(tmp_path / 'printed'))}")
    assert message in told and told.isprintable() and len(told) < 300


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(bytes(range(128, 256)))
    assert "no JSON object" in reason(f"cat {shlex.quote(str(tmp_path / 'bytes'))}")


def test_crashes(tmp_path: Path) -> None:
    right = shlex.quote(json.dumps(RIGHT))
    # What was printed before does not count.
    peer = script(tmp_path / "p", f"echo {right}", "echo oh >&2", "echo no! >&2", "exit 7")
    assert reason(peer) == "exit code 7: no!"
    assert reason(script(tmp_path / "p", "kill -SEGV $$")).startswith("ended by SIGSEGV")
    assert reason(script(tmp_path / "p", "kill -KILL $$")).startswith("ended by SIGKILL")
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "text").chmod(0o755)
    (tmp_path / "gone").write_text("#!/no/such/interpreter\n")
    (tmp_path / "gone").chmod(0o755)
    for name in ("text", "gone"):
        assert reason(str(tmp_path / name)).startswith("cannot be started: ")


def await_end(number: int) -> None:
    """Wait until a process that was killed is gone, or nothing but a name that nobody asks for."""
    status = Path(f"/proc/{number}/stat")
    while sys.platform == "linux":
        try:
            if status.read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.01)


def test_what_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    """Its child holds the standard output, and would keep who waits for the end of that."""
    pid = tmp_path / "pid"
    lines = ("sleep 600 &", f"echo $! > {shlex.quote(str(pid))}", "wait")
    assert reason(script(tmp_path / "p", *lines), 0.5) == "not done after 0.5 s"
    # A peer that ends, and leaves a child behind, is believed, and the child ended.
    right = f"echo {shlex.quote(json.dumps(RIGHT))}"
    peer = script(tmp_path / "q", *lines[:2], right)
    for child in (pid, None):
        await_end(int(pid.read_text()))
        if child is not None:
            assert ask(program_of(peer), [], 20) == Answer(41, 1e-4, 71)


def test_no_end_of_printing(tmp_path: Path) -> None:
    assert reason("yes") == f"printed more than {programs.MOST_OUTPUT} bytes"
    assert reason(script(tmp_path / "p", "yes >&2")).startswith("printed more than")
    # Also where it ends before anybody has looked, with a last line that is right.
    line = shlex.quote(json.dumps(RIGHT))
    much = script(tmp_path / "p", f"head -c {programs.MOST_OUTPUT} /dev/zero", f"echo {line}")
    assert reason(much).startswith("printed more than")


def test_an_interrupt_ends_the_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    kill = os.killpg
    monkeypatch.setattr(programs.os, "killpg", lambda *a: (ended.append(a), kill(*a)))
    monkeypatch.setattr(programs, "time", SimpleNamespace(
        sleep=interrupted, perf_counter=programs.time.perf_counter,
    ))  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        ask(program_of("sleep 600"), [], 20)
    assert [signum for _, signum in ended] == [signal.SIGKILL]


def test_programs_are_named_by_commands_files_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    peer = saying(folder / "peer", RIGHT)
    for text in (peer, str(folder), f"{shlex.quote(peer)} --fast", f"sh {shlex.quote(peer)}"):
        assert ask(program_of(text), [], 20) == Answer(41, 1e-4, 71)
        assert program_of(text).name == text
    monkeypatch.chdir(folder)
    assert program_of("peer").command == program_of(".").command == (peer,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no program that can be run"),
        ("  ", "is no program that can be run"),
        ("no-such-program --fast", "'no-such-program' is no program that can be run, expected a"),
        ("plain", "plain' is no program that can be run"),
        ("empty", "the folder empty holds no file 'peer'"),
        ("sh 'open", "\"sh 'open\" is no command: No closing quotation"),
    ],
)
def test_what_is_no_program_is_refused_at_once(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("")
    (tmp_path / "empty").mkdir()
    assert main(["bench", "--peer", text]) == 2
    told = capsys.readouterr().err
    assert "--peer: " in told and message in told and told.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e300"])
def test_a_peer_has_some_time(seconds: str, capsys: Output) -> None:
    assert main(["bench", "--peer", "true", "--peer-timeout", seconds]) == 2
    assert "--peer-timeout is " in capsys.readouterr().err


def test_a_peer_is_given_the_network_and_the_box(tmp_path: Path) -> None:
    """The file holds what exactbn is timed on, with the centred first layer exactly."""
    right = shlex.quote(json.dumps({**RIGHT, "regions": 606}))
    lines = (f"cd {shlex.quote(str(tmp_path))}", 'cp "$1" got.npz', 'echo "$@" > got.txt')
    peer = program_of(script(tmp_path / "p", *lines, f"echo {right}"))
    row = peers.measure_peers("bnc-2-16-16", [peer], repeat=1, timeout=20)
    assert row["peers"][peer.name]["verdict"] == "right"  # type: ignore[index]
    network = exactbn.load(tmp_path / "got.npz")
    assert network.sha256 == row["sha256"] and row["rounded"] is True
    exact = peers.QUESTIONS["bnc-2-16-16"].network()
    assert network.layers[0] == exact.layers[0] and network != exact
    with np.load(tmp_path / "got.npz") as arrays:
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float64)}
    assert (tmp_path / "got.txt").read_text().split()[1:] == ["-1.0", "1.0", "-1.0", "1.0"]
    assert exactbn.partition(network, (-1, 1)).num_regions == row["regions"] == 606


@pytest.mark.parametrize("harm", ['echo no > "$1"', 'rm "$1"', 'rm "$1"; mkdir "$1"'])
def test_a_peer_that_spoils_the_file_spoils_it_for_itself(harm: str, tmp_path: Path) -> None:
    told = f"echo {shlex.quote(json.dumps(RIGHT))}"
    spoiler = program_of(script(tmp_path / "spoiler", harm, told))
    copied = shlex.quote(str(tmp_path / "got.npz"))
    next_one = program_of(script(tmp_path / "next", f'cp "$1" {copied}', told))
    row = peers.measure_peers("rnd-2-8-8", [spoiler, next_one], repeat=1, timeout=20)
    assert exactbn.load(tmp_path / "got.npz").sha256 == row["sha256"]


def test_pairs_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio is that of pairs; what was wrong once is wrong; a failure ends the asking."""
    turns: list[str] = []
    ours = iter([1.0, 2.0, 4.0, 1.0, 2.0, 8.0, 1.0, 4.0])

    def own(*_: object) -> float:
        turns.append("exactbn")
        return next(ours)

    answers = {
        "right": [Answer(41, 2.0, 71), Answer(41, 3.0, 71), Answer(41, 16.0, 71)],
        "once": [Answer(41, 2.0), Answer(40, 2.0), Answer(41, 2.0)],
        "ends": [Answer(41, 2.0, 70), Failure("not done after 1 s")],
    }

    def told(program: Program, arguments: list[str], timeout: float) -> Answer | Failure:
        turns.append(program.name)
        return answers[program.name].pop(0)

    monkeypatch.setattr(peers, "_seconds", own)
    monkeypatch.setattr(peers, "ask", told)
    asked = [Program(name, ()) for name in answers]
    row = peers.measure_peers("rnd-2-8-8", asked, repeat=3, timeout=1)
    expected = [name for _ in range(3) for peer in answers for name in ("exactbn", peer)]
    assert turns == expected[:-2]
    assert (row["regions"], row["adjacencies"], row["seconds"]) == (41, 71, 2.0)
    found = row["peers"]
    assert isinstance(found, dict)
    # Ours 1, 1, 1 beside 2, 3, 16; 2, 2, 4 beside 2, 2, 2; 4 beside 2.
    right, once, ends = found["right"], found["once"], found["ends"]
    assert right["pairs"] == [[1.0, 2.0], [1.0, 3.0], [1.0, 16.0]]
    assert (right["seconds"], right["ratio"], right["ratio_range"]) == (3.0, 3.0, [2.0, 16.0])
    assert (right["verdict"], right["regions"], right["error"]) == ("right", 41, None)
    assert (right["adjacencies"], right["adjacencies_verdict"]) == (71, "right")
    assert (once["verdict"], once["regions"]) == ("wrong", [41, 40, 41])
    assert once["ratio"] == 1.0 and once["adjacencies"] is once["adjacencies_verdict"] is None
    assert (ends["verdict"], ends["regions"]) == ("failed", 41)
    assert ends["error"] == "not done after 1 s" and ends["ratio_range"] == [0.5, 0.5]
    assert ends["adjacencies_verdict"] == "wrong"


def test_a_peer_that_counts_wrongly_and_fails_then_is_wrong() -> None:
    pairs = peers._Pairs()
    assert pairs.figures(41, 71)["verdict"] == "failed"
    pairs.take(1.0, Answer(40, 1.0))
    pairs.take(1.0, Failure("no"))
    told = pairs.figures(41, 71)
    assert (told["verdict"], told["error"]) == ("wrong", "no")


def test_nothing_is_compared_with_an_incomplete_count(monkeypatch: pytest.MonkeyPatch) -> None:
    network = engines.named_network("rnd-2-8-8")
    part = exactbn.partition(network, (-1, 1), max_regions=20, on_budget="return")
    assert not part.is_complete
    monkeypatch.setattr(peers, "partition_and_graph", lambda *_: part)
    with pytest.raises(exactbn.ExactBNError, match="not established to be complete"):
        peers.measure_peers("rnd-2-8-8", [], repeat=1, timeout=1)


def test_questions() -> None:
    """Two to five inputs, random and trained; the file has all but the later centred layers."""
    names = peers.questions()
    dims = set()
    for name in names:
        asked = peers.question(name)
        network = asked.network()
        dims.add(network.num_inputs)
        arrays = peers.arrays_of(network, asked.floats)
        again = exactbn.Network.from_arrays(
            [arrays[f"W{k}"] for k in range(len(network.layers))],
            [arrays[f"b{k}"] for k in range(len(network.layers))],
        )
        assert (again == network) == (name[:2] != "bn")
        assert Fraction(float(asked.side)) == asked.side
    assert dims == {2, 3, 4, 5} and any(name.startswith("trained") for name in names)
    assert peers.question("scale-2d-1e3").side == 1


def test_networks_that_no_peer_can_be_given(tmp_path: Path) -> None:
    row = [[1, 1]]
    leaky = exactbn.Network.from_arrays([row, [[1]]], [[0], [0]], slope="1/7")
    with pytest.raises(InputError, match="leaky units, and the file of a peer tells no slopes"):
        peers.arrays_of(leaky, np.float64)
    long = exactbn.Network.from_arrays([row, [[10**400]]], [[0], [0]])
    with pytest.raises(InputError, match="beyond the range of floats"):
        peers.arrays_of(long, np.float64)
    save_json(exactbn.Network.from_arrays([row, [[1]]], [["1/3"], [0]]), tmp_path / "third.json")
    told = peers.measure_peers(str(tmp_path / "third.json"), [], repeat=1, timeout=1)
    assert told["rounded"] is True and told["regions"] == 2


def in_this_process(name: str, options: tuple[str, ...], limit: float) -> dict[str, object]:
    """Return what a process of its own would: another one takes seconds to import all."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["bench", "--json", "--apart", name, *options]) == 0
    told: dict[str, object] = json.loads(printed.getvalue())
    return told


def test_the_table(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds of peers at once: nothing that one of them does takes the others along."""
    monkeypatch.setattr(engines, "measure_apart", in_this_process)
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    folder = tmp_path / "[red]"
    folder.mkdir()
    saying(folder / "peer", RIGHT)
    saying(tmp_path / "wrong", {"regions": 40, "seconds": 1e-4, "adjacencies": 70})
    script(tmp_path / "crash", "echo '[bold]no' >&2; exit 3")
    script(tmp_path / "garbage", "echo garbage")
    monkeypatch.chdir(tmp_path)
    command = ["bench", "--peers", "--networks", "rnd-2-8-8", "--repeat", "2"]
    for text in ("[red]", "./wrong", "./crash", "./garbage", "./wrong"):
        command += ["--peer", text]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"peers", "absent", "timeout", "repeat", "versions"}
    assert told["absent"] == {"relucent": "is not installed"} and told["timeout"] == 60
    row = told["peers"]["rnd-2-8-8"]
    assert (row["regions"], row["adjacencies"], row["complete"]) == (41, 71, True)
    found = {name: (peer["verdict"], peer["error"]) for name, peer in row["peers"].items()}
    assert found == {
        "[red]": ("right", None),
        "./wrong": ("wrong", None),
        "./crash": ("failed", "exit code 3: [bold]no"),
        "./garbage": ("failed", "its last line is no JSON object: garbage"),
    }
    hanging = peers._Pairs()
    hanging.take(1.0, Failure("not done after 2 s"))
    row["peers"]["./hang"] = hanging.figures(41, 71)
    monkeypatch.setattr(engines, "measure_apart", lambda *_: row)
    assert main(command) == 0
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if "rnd-2-8-8 │" in line]
    lines = {line.split("│")[4].strip(): line for line in rows}
    assert {name: line.split("│")[5:7] for name, line in lines.items()} == {
        "[red]": ["          41 ", " right  "],
        "./wrong": ["          40 ", " WRONG  "],
        **{f"./{name}": ["           - ", " failed "] for name in ("crash", "hang", "garbage")},
    }
    assert "./crash on rnd-2-8-8 failed: exit code 3: [bold]no" in out
    assert "./wrong on rnd-2-8-8: 70 adjacencies, exactly 71" in out
    assert "relucent is not installed, and is left out" in out


def test_what_is_timed(capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Networks of their own, or those that are named; one that fails leaves the others."""
    seen: list[tuple[object, ...]] = []

    def apart(name: str, options: tuple[str, ...], limit: float) -> dict[str, object]:
        seen.append((name, options, limit))
        return {"error": "no [bold]"}

    monkeypatch.setattr(engines, "measure_apart", apart)
    assert main(["bench", "--peer", "true", "--peer-timeout", "3"]) == 0
    assert [name for name, *_ in seen] == peers.questions()
    options = ("--repeat", "5", "--peer", "true", "--peer-timeout", "3.0", "--proof", "peers")
    assert seen[0][1:] == (options, engines.TIME_LIMIT + 5 * 4)
    assert "rnd-4-8-8: no [bold]" in capsys.readouterr().out
    seen.clear()
    (tmp_path / "n.npz").write_bytes(b"")
    named = ["bench", "--peer", "true", str(tmp_path / "n.npz")]
    assert main(named) == 0 and main([*named, "--networks", "rnd-2-8-8,bnf-2-8-8"]) == 0
    assert [name for name, *_ in seen] == [
        str(tmp_path / "n.npz"), "rnd-2-8-8", "bnf-2-8-8", str(tmp_path / "n.npz"),
    ]  # fmt: skip
    assert main(["bench", "--peers", "--networks", "bogus"]) == 2
    assert "--networks: 'bogus', expected some of bnf-2-8-8" in capsys.readouterr().err


def test_one_core_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system keeps no process to a core")
    seen = []

    def told(*_: object) -> Answer:
        seen.append(os.sched_getaffinity(0))
        return Answer(41, 1.0)

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(peers, "ask", told)
    monkeypatch.setattr(peers, "_seconds", lambda *_: float(not told()) + 1)
    peers.measure_peers("rnd-2-8-8", [Program("p", ())], repeat=1, timeout=1)
    assert len(seen) == 2 and seen[0] == seen[1] and len(seen[0]) == 1
    assert os.sched_getaffinity(0) == before


class _Complex:
    """What relucent has of its Complex, as far as it is asked."""

    def __init__(self, module: object) -> None:
        self.module = module

    def bfs(self, **options: object) -> None:
        self.options = options

    def dual_graph(self) -> SimpleNamespace:
        return SimpleNamespace(number_of_edges=lambda: 3)

    def __len__(self) -> int:
        return 2


def test_relucent_is_a_peer(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a made-up module: it is given the network, an inner point and the cube."""
    torch = pytest.importorskip("torch")
    made: list[_Complex] = []

    def built(module: object) -> _Complex:
        made.append(_Complex(module))
        return made[-1]

    monkeypatch.setitem(sys.modules, "relucent", SimpleNamespace(Complex=built))
    network = exactbn.Network.from_arrays([[[1, 0]], [[2]]], [["1/4"], [1]])
    save_json(network, tmp_path / "net.json")
    relucent_peer.main([str(tmp_path / "net.json"), "-0.5", "0.5", "-0.5", "0.5"])
    told = json.loads(capsys.readouterr().out)
    assert told.pop("seconds") > 0 and told == {"regions": 2, "adjacencies": 3}
    (found,) = made
    options = found.options
    assert options["cube_radius"] == 0.5 and options["nworkers"] == 1
    point = options["start"]
    assert isinstance(point, np.ndarray) and point.shape == (1, 2)
    assert network.layers[0].preactivation(tuple(map(Fraction, point[0].tolist())))[0] != 0
    x = torch.tensor([[0.25, 7.0]], dtype=torch.float64)
    assert found.module(x).tolist() == [[2.0]]  # type: ignore[operator]
    with pytest.raises(InputError, match=r"expected \[-r, r\]\^d"):
        relucent_peer.count_by_relucent(network, Box.of(-1, [1, 2], 2))


def test_relucent_is_asked_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    assert programs.relucent_program() is None
    monkeypatch.setattr(programs, "find_spec", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(programs, "version", lambda name: "1.0.0")
    program = programs.relucent_program()
    assert program is not None and program.name == "relucent 1.0.0"
    assert program.command == (sys.executable, "-m", "exactbn.bench.relucent_peer")

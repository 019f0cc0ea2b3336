"""Faults of a counting job: ``python -m tests.faults [--kinds kill,full,...] [--rounds N]``.

Each round a job is disturbed, and goes on with ``resume`` until it is done; its tables must be,
byte by byte, those of a job that nobody disturbed. A zero of N rounds says, with 95 % confidence,
that fewer than 3/N fail.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from exactbn.bench.engines import Recipe, random_network
from exactbn.jobs.driver import Terms, count_in
from exactbn.jobs.tables import ADJACENCY, REGIONS
from exactbn.model.domain import Box, Domain

#: Some 5000 regions, in tasks of hundredths of a second.
RECIPE, SIZE, SECONDS = Recipe((3, 16, 16, 1), False, 6), 512, 0.02
ROUNDS = 50


def child(folder: str, workers: int, scheduler: str | None, limit: int | None) -> None:
    """Do the job, or go on with it; print its numbers."""
    if limit is not None:  # what is written beyond fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    terms = Terms(workers, scheduler, resume=True, seconds=SECONDS)
    domain = Domain.of(Box.of(-4, 4, 3))
    counts, tasks = count_in(Path(folder), random_network(RECIPE), domain, terms, size=SIZE)
    print(json.dumps([counts.regions, counts.adjacencies, tasks.tasks, tasks.reused]))


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """Start the job in a process group of its own."""
    command = [sys.executable, "-m", "tests.faults", "--child", str(folder), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, start_new_session=True, **pipes)


def digest(folder: Path) -> str:
    """Return the hash of both tables."""
    tables = b"".join((folder / name).read_bytes() for name in (REGIONS, ADJACENCY))
    return hashlib.sha256(tables).hexdigest()


def finish(folder: Path, *options: str) -> list[int]:
    """Let the job go on until it ends; return its numbers.

    Raises
    ------
    RuntimeError
        If it does not end well.
    """
    process = start(folder, *options)
    out, error = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(error.strip().splitlines()[-1] if error.strip() else "no word")
    numbers: list[int] = json.loads(out.splitlines()[-1])
    return numbers


def kill_group(folder: Path, seconds: float) -> None:
    """Kill the whole process group at a random instant, up to three times."""
    for _ in range(random.randint(1, 3)):
        process = start(folder, "--workers", "2")
        time.sleep(random.uniform(0.5, seconds))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill_workers(folder: Path, seconds: float) -> None:
    """Kill a worker of the scheduler whenever some time has passed, up to twice."""
    process = start(folder, "--workers", "2", "--scheduler", "local")
    for _ in range(random.randint(1, 2)):
        time.sleep(random.uniform(0.5, seconds))
        try:
            workers = psutil.Process(process.pid).children(recursive=True)
            workers = [w for w in workers if "spawn_main" in " ".join(w.cmdline())]
            random.choice(workers).kill()
        except (psutil.NoSuchProcess, IndexError):
            break
    process.communicate(timeout=300)


def fill_disk(folder: Path, seconds: float) -> None:
    """Let writes fail beyond a random size of a file."""
    process = start(folder, "--limit", str(random.randint(1 << 10, 1 << 16)))
    process.communicate(timeout=300)


def damage_part(folder: Path, seconds: float) -> None:
    """Truncate a part of a job that is done, or flip one bit of it."""
    finish(folder)
    part = random.choice(sorted((folder / "parts").iterdir()))
    content = bytearray(part.read_bytes())
    if random.random() < 0.5:
        content = content[: random.randrange(len(content))]
    else:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    part.write_bytes(content)


def start_twice(folder: Path, seconds: float) -> None:
    """Start a second driver on the folder while a first one is at work; one is refused."""
    first = start(folder)
    time.sleep(random.uniform(0.0, seconds))
    second = start(folder)
    errors = [process.communicate(timeout=300)[1] for process in (first, second)]
    codes = [process.returncode for process in (first, second)]
    if any(codes) and not any("another process is at work here" in error for error in errors):
        raise RuntimeError(f"a driver ended by {codes}: {errors}")


KINDS: dict[str, Callable[[Path, float], None]] = {
    "kill": kill_group,
    "worker": kill_workers,
    "full": fill_disk,
    "damage": damage_part,
    "twice": start_twice,
}


def main() -> int:
    """Run the rounds, and print how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--scheduler", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.workers, asked.scheduler, asked.limit)
        return 0
    random.seed(asked.seed)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="exactbn-faults-") as place:
        whole = Path(place) / "whole"
        finish(whole)
        started = time.monotonic()
        numbers = finish(Path(place) / "again")
        seconds, wanted = time.monotonic() - started, digest(whole)
        for kind in asked.kinds.split(","):
            bad, reused = 0, 0
            for number in range(asked.rounds):
                folder = Path(place) / f"{kind}-{number}"
                try:
                    KINDS[kind](folder, seconds)
                    found = finish(folder)
                    reused += found[3] > 0
                    if digest(folder) != wanted or found[:2] != numbers[:2]:
                        raise RuntimeError(f"{found} with other tables, expected {numbers}")
                except RuntimeError as error:
                    bad += 1
                    print(f"{kind} {number}: {error}", flush=True)
            bound = f", below {3 / asked.rounds:.2%} with 95 % confidence" if not bad else ""
            print(
                f"{kind}: {bad} of {asked.rounds} rounds failed{bound}; "
                f"{reused} went on from tasks that were done",
                flush=True,
            )
            failures += bad
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Run every check, lint and types and tests: ``python -m tests [pytest arguments]``."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKERS = str(min(os.cpu_count() or 1, 4))
LOOPS = (["lp"], ["complex", "sampling"])
CHECKS = (["flake8", "exactbn", "tests", "data"], ["mypy"])
TESTS = ["pytest", "-q", "-n", WORKERS, "--dist", "worksteal", *sys.argv[1:]]


def main() -> str | int:
    """Run the checks, all of them even if one fails, and say which failed."""
    # Loops are compiled beside the checks, each of which uses one core, and once for all workers.
    warming = [_start("tests.warm", *parts) for parts in LOOPS]
    failed = [check[0] for check in CHECKS if _fails(check)]
    if any([process.wait() for process in warming]):
        failed.append("tests.warm")
    # The tests come last: whoever reads the output wants their summary at its end.
    if _fails(TESTS):
        failed.append(TESTS[0])
    return f"failed: {', '.join(failed)}" if failed else 0


def _start(*command: str) -> "subprocess.Popen[bytes]":
    """Start a module."""
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT)


def _fails(command: list[str]) -> bool:
    """Run a module, say so, and return whether it fails."""
    print("==", *command, flush=True)
    return _start(*command).wait() != 0


if __name__ == "__main__":
    sys.exit(main())

"""Run every check, lint and types and tests: ``python -m tests [pytest arguments]``."""

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKERS = str(min(os.cpu_count() or 1, 4))
LONG, SHORT = ["tests.warm", "lp"], ["tests.warm", "complex", "sampling"]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CHECKS = (["ruff", "check", "--no-cache", "exactbn", "tests", "data"], ["mypy"])
#: Compiles the tests, which as many workers would do at once.
COLLECT = ["pytest", "-q", "--collect-only"]
TESTS = ["pytest", "-q", "-n", WORKERS, "--dist", "worksteal", *sys.argv[1:]]

Done = subprocess.CompletedProcess[str]


def main() -> str | int:
    """Run the checks, all of them even if one fails, and say which failed.

    Loops are compiled first, once for all workers. Those of one engine take as long as the others
    and the lint, which is shown after the tests.
    """
    # Dozens of processes import the same packages: compiled once, whatever the caller prefers.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A worker has one processor: threads that wait for each other there only burn it.
    os.environ |= dict.fromkeys(THREADS, "1")
    print("==", *TESTS, flush=True)
    with ThreadPoolExecutor() as pool:
        warming = [pool.submit(_run, command) for command in (LONG, SHORT)]
        linting = pool.submit(_lint, warming[-1])
        failed = [LONG[0]] if any([future.result().returncode for future in warming]) else []
        if _run(TESTS).returncode:
            failed.append(TESTS[0])
        for check, done in zip(CHECKS, linting.result(), strict=True):
            print("==", *check, "\n" + done.stdout, end="")
            if done.returncode:
                failed.append(check[0])
    return f"failed: {', '.join(failed)}" if failed else 0


def _lint(first: "Future[Done]") -> list[Done]:
    """Compile the tests after something else, run the checks, and keep what these say."""
    first.result()
    _run(COLLECT, stdout=subprocess.DEVNULL)
    return [_run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for check in CHECKS]


def _run(command: list[str], **streams: int) -> Done:
    """Run a module."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, text=True, **streams)


if __name__ == "__main__":
    sys.exit(main())

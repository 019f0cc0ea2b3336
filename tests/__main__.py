"""Run every check, lint and types and tests: ``python -m tests [pytest arguments]``."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKERS = str(min(os.cpu_count() or 1, 4))
CHECKS = (
    ["flake8", "exactbn", "tests", "data"],
    ["mypy"],
    # The tests come last: whoever reads the output wants their summary at its end.
    ["pytest", "-q", "-n", WORKERS, *sys.argv[1:]],
)


def main() -> str | int:
    """Run the checks, all of them even if one fails, and say which failed."""
    failed = []
    # Loops are compiled beside the checks that use one core, and once for all workers.
    warming = [
        subprocess.Popen([sys.executable, "-m", "tests.warm", *parts], cwd=ROOT)
        for parts in (["lp"], ["complex", "sampling"])
    ]
    for check in CHECKS:
        if check[0] == "pytest" and any([warm.wait() for warm in warming]):
            failed.append("tests.warm")
        print("==", *check, flush=True)
        if subprocess.run([sys.executable, "-m", *check], cwd=ROOT).returncode:
            failed.append(check[0])
    return f"failed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main())

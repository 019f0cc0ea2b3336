"""Hunt mutants: ``python -m tests.mutants [--list | --check] [--only TEXT]``."""

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.mutation import Mutant, Verdict, copy_tree, fault, hunt

LISTS = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "__main__", "mutation")
)


def all_mutants() -> list[Mutant]:
    """Return the mutants of all lists."""
    modules = (import_module(f"tests.mutants.{name}") for name in LISTS)
    return [mutant for module in modules for mutant in module.MUTANTS]


def faults(mutants: list[Mutant]) -> list[str]:
    """Return a line for each mutant that cannot be hunted, or has the name of another."""
    counts = Counter(mutant.name for mutant in mutants)
    lines = [f"{name}: listed {n} times" for name, n in counts.items() if n > 1]
    return lines + [f"{m.name}: {found}" for m in mutants if (found := fault(m)) is not None]


def main() -> int:
    """Hunt the chosen mutants; return 1 where one survived or cannot be hunted."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the mutants, one a line")
    parser.add_argument("--check", action="store_true", help="run no test: can all be planted?")
    parser.add_argument("--only", default="", help="those whose line holds this text")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree (2)")
    options = parser.parse_args()
    chosen = [mutant for mutant in all_mutants() if options.only in mutant.name]
    if options.list:
        for mutant in chosen:
            print(mutant.name)
        return 0
    wrong = faults(chosen)
    if options.check or wrong:
        print("\n".join(wrong or [f"all {len(chosen)} can be planted"]))
        return int(bool(wrong))
    with tempfile.TemporaryDirectory(prefix="exactbn-mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.workers):
            copy_tree(Path(folder) / str(number))
            trees.put(Path(folder) / str(number))

        def hunt_one(mutant: Mutant) -> tuple[Mutant, Verdict, str]:
            tree = trees.get()
            try:
                return (mutant, *hunt(mutant, tree))
            finally:
                trees.put(tree)

        counts: Counter[Verdict] = Counter()
        with ThreadPoolExecutor(options.workers) as pool:
            for mutant, verdict, tail in pool.map(hunt_one, chosen):
                counts[verdict] += 1
                print(f"{verdict.value:9}  {mutant.name}  [{mutant.redundant or tail}]", flush=True)
    print(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))
    return int(counts[Verdict.SURVIVED] > 0)


if __name__ == "__main__":
    sys.exit(main())

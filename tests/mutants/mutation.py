"""What a mutant is, and how one is planted and hunted."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What a copy of the tree needs for its tests.
COPIED = ("exactbn", "tests", "data", "docs", "setup.cfg", "pyproject.toml", "README.md")
#: Seconds after which a run of tests is ended; a mutant that makes an endless loop is caught.
PATIENCE = 300
#: What makes a module one with compiled loops.
_IS_COMPILED = re.compile(r"^@(njit|kernel)\b", re.MULTILINE)


class Verdict(Enum):
    """How the hunt for a mutant ended."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    #: It survives, and its list says why no test can see it.
    REDUNDANT = "redundant"


@dataclass(frozen=True)
class Mutant:
    """One wrong line: in ``module`` (a path in the package) ``old``, found once, becomes ``new``.

    ``tests`` are pytest's arguments, the tests that are meant to catch it; ``redundant``, where not
    empty, is the reason why the line is not needed, so that no test can.
    """

    module: str
    old: str
    new: str
    tests: tuple[str, ...]
    remark: str
    redundant: str = ""

    @property
    def name(self) -> str:
        """Return the module and the remark."""
        return f"{self.module}: {self.remark}"


def copy_tree(target: Path) -> None:
    """Copy what the tests need, compiled kernels included."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        else:
            shutil.copy2(source, target / name)


def fault(mutant: Mutant, tree: Path = ROOT) -> str | None:
    """Return why a mutant cannot be hunted in a tree, None where it can; no test is run.

    Its line must be found exactly once, the other one must be Python and something else, and the
    tests that are meant to catch it must be there.
    """
    path = tree / "exactbn" / mutant.module
    if not path.is_file():
        return "there is no such module"
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        return f"found {text.count(mutant.old)} times, expected once"
    if mutant.old.split() == mutant.new.split():
        return "what is planted changes nothing"
    try:
        ast.parse(_planted_statement(text, mutant))
    except SyntaxError as error:
        return f"what is planted is no Python: {error}"
    return next(filter(None, (_fault_of_test(test, tree) for test in mutant.tests)), None)


def _planted_statement(text: str, mutant: Mutant) -> str:
    """Return the statement of a module that a mutant changes, changed; or else all of them."""
    first = text.count("\n", 0, text.index(mutant.old)) + 1
    last = first + mutant.old.rstrip("\n").count("\n")
    for begin, end in _statements(text):
        if begin <= first and last <= end:
            text = "".join(text.splitlines(keepends=True)[begin - 1 : end])
            break
    return text.replace(mutant.old, mutant.new)


@lru_cache(maxsize=None)
def _statements(text: str) -> list[tuple[int, int]]:
    """Return the first and the last line of the statements of a module."""
    return [
        (min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]),
         node.end_lineno or node.lineno)
        for node in ast.parse(text).body
    ]  # fmt: skip


def _fault_of_test(argument: str, tree: Path) -> str | None:
    """Return what an argument of pytest names in vain, None where it names nothing or is right."""
    name, _, test = argument.partition("::")
    if not name.startswith("tests/"):
        return None
    if not (tree / name).is_file():
        return f"there is no {name}"
    function = test.partition("[")[0].rpartition("::")[2]
    text = (tree / name).read_text(encoding="utf-8")
    if function and not re.search(rf"^ *def {function}\(", text, re.MULTILINE):
        return f"{name} has no {function}"
    return None


def hunt(mutant: Mutant, tree: Path) -> tuple[Verdict, str]:
    """Plant a mutant in a copy of the tree, run its tests, mend the copy; return what came of it.

    Raises
    ------
    ValueError
        If it cannot be planted, see :func:`fault`, or the tests cannot be run at all.
    """
    found = fault(mutant, tree)
    if found is not None:
        raise ValueError(f"{mutant.name}: {found}")
    path = tree / "exactbn" / mutant.module
    text = path.read_text(encoding="utf-8")
    with _planted(path, text.replace(mutant.old, mutant.new)):
        code, tail = _run(mutant.tests, tree)
    if code == 0:
        return (Verdict.REDUNDANT if mutant.redundant else Verdict.SURVIVED), tail
    if code not in (1, None):
        raise ValueError(f"{mutant.name}: the tests cannot be run: {tail}")
    if mutant.redundant:
        raise ValueError(f"{mutant.name}: said to be redundant, but a test caught it: {tail}")
    return Verdict.CAUGHT, tail


def _run(tests: tuple[str, ...], tree: Path) -> tuple[int | None, str]:
    """Return pytest's exit code, None when time is up, and its last line."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p",
               "no:cacheprovider"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1",
                   "EXACTBN_HYPOTHESIS": "unshrunk"}  # fmt: skip
    try:
        done = subprocess.run(
            [*command, *tests], cwd=tree, env=environment, timeout=PATIENCE,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"not done after {PATIENCE} s"
    lines = (done.stdout or done.stderr).strip().splitlines() or [""]
    return done.returncode, lines[-1]


@contextmanager
def _planted(path: Path, text: str) -> Iterator[None]:
    """Give a module another text for a while; then all is as before, compiled loops included.

    Callers keep what they were compiled with, so where the module has compiled loops those of its
    whole folder are put aside.
    """
    before, times = path.read_text(encoding="utf-8"), path.stat()
    caches = [*path.parent.rglob("__pycache__")] if _IS_COMPILED.search(before) else []
    for cache in caches:
        cache.rename(cache.with_name("aside"))
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        for cache in caches:
            shutil.rmtree(cache, ignore_errors=True)
            cache.with_name("aside").rename(cache)

"""Imports point to earlier layers only, third parties stay in their layer, nothing is circular."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "exactbn"

# In order: a module, or a package as a whole, may import what stands above it and the third
# parties on its line. A new module gets a line here, at the highest place where it can stand.
LAYERS: dict[str, set[str]] = {
    # trusted: imports nothing of the package
    "checker": set(),
    # numbers
    "errors": set(),
    "output": set(),
    "seeds": {"numpy"},
    "exact": {"flint", "sympy"},
    # files
    "readers": {"numpy", "flint", "torch", "safetensors", "onnx"},
    # model
    "model": {"numpy", "flint"},
    # engines
    "engines": {"numpy", "numba", "flint", "threadpoolctl"},
    # result
    "regions": {"numpy", "flint", "numba", "scipy", "networkx", "pyarrow"},
    # questions
    "sampling": {"numpy", "scipy", "torch", "numba"},
    "selfcheck": {"numpy"},
    "bench": {"numpy", "torch", "relucent"},
    "study": {"numpy", "scipy", "torch", "flint", "pyarrow", "matplotlib", "jinja2"},
    "claims": {"numpy", "scipy", "sympy", "torch", "flint"},
    # people
    "cli": {"numpy", "typer", "rich"},
    "__main__": set(),
}

# Imports that point the other way, inside a function, and why they may.
EXCEPTIONS: dict[tuple[str, str], str] = {}

# Modules that may be longer than the others, and how long.
LONG = {
    "exactbn.engines.complex.kernels": 600,  # compiled loops over one shared record of arrays
    "exactbn.engines.lp.search": 600,
    "exactbn.engines.lp.facets": 600,
    "exactbn.checker": 1050,  # one file that a stranger can take and read alone
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def dotted(path: Path) -> str:
    """Return the dotted name of a module of the package."""
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES} | {"exactbn"}


def is_type_checking(node: ast.AST) -> bool:
    """Return whether ``node`` is ``if TYPE_CHECKING:``."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def imports(tree: ast.AST, *, inside: bool) -> Iterator[str]:
    """Yield the dotted names that run-time code imports; ``inside`` functions as well or not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                # "from a import b" imports the module a.b, or a name from the module a.
                yield name if name in NAMES else node.module
        elif is_type_checking(node):
            yield from (name for child in node.orelse for name in imports(child, inside=inside))
        elif inside or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports(node, inside=inside)


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_up(path: Path) -> None:
    unit = dotted(path).split(".")[1]
    assert unit in LAYERS, f"{unit} has no layer yet"
    order = list(LAYERS)
    allowed = {*order[: order.index(unit) + 1], *(b for a, b in EXCEPTIONS if a == unit)}
    parts = [name.split(".") for name in imports(parsed(path), inside=True)]
    assert {p[1] for p in parts if p[0] == "exactbn" and len(p) > 1} <= allowed
    third = {p[0] for p in parts} - sys.stdlib_module_names - {"exactbn"}
    assert third <= LAYERS[unit]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_no_module_imports_the_package_itself(path: Path) -> None:
    """The package re-exports its modules, so a module that imports it makes a circle.

    The command line stands above all modules and may ask for the version.
    """
    if not dotted(path).startswith("exactbn.cli"):
        assert "exactbn" not in set(imports(parsed(path), inside=True))


def test_no_cycle_at_import_time() -> None:
    graph = {dotted(path): set(imports(parsed(path), inside=False)) & NAMES for path in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_are_small(path: Path) -> None:
    limit = LONG.get(dotted(path), 450)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_no_broad_except_and_no_print(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.id if isinstance(node.type, ast.Name) else node.type
            # A stranger who runs the checker must not take an error of it for a verdict.
            is_main = dotted(path) == "exactbn.checker" and caught == "Exception"
            assert is_main or caught not in (None, "Exception", "BaseException"), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print":
                # The checker is a program of its own.
                is_program = dotted(path).startswith(("exactbn.cli", "exactbn.checker"))
                assert is_program, f"print in line {node.lineno}"

"""Imports point to earlier layers only, third parties stay in their layer, nothing is circular."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "exactbn"

# In order: a module, or a package as a whole, may import what stands above it and the third
# parties on its line; what it holds stands in docs/design.md, whose table is built from this one.
LAYERS: dict[str, tuple[set[str], str]] = {
    "checker": (set(), "the trusted program: certificates against networks; imports nothing"),
    "topology_checker": (set(), "the same for homology: a trusted program that imports nothing"),
    "errors": (set(), "every exception"),
    "wording": (set(), "counts with their nouns, for messages"),
    "output": (set(), "files and folders that appear whole or not at all"),
    "seeds": ({"numpy"}, "how streams of random numbers are derived from one seed"),
    "exact": ({"flint"}, "rational numbers, affine stages, normalizations as vectors"),
    "readers": (
        {"numpy", "flint", "torch", "safetensors", "onnx", "google"},
        "files and torch modules, read as stages",
    ),
    "model": (
        {"numpy", "flint", "scipy", "sympy"},
        "networks, domains, exact evaluation, batch normalization, slices, patterns, expressions",
    ),
    "engines": (
        {"numpy", "numba", "flint", "scipy", "threadpoolctl"},
        "the complex engine, the LP engine, and the certificates that they write",
    ),
    "drawing": (
        {"numpy", "matplotlib", "mpl_toolkits"},
        "pictures of exact polygons: windows, colours, matplotlib",
    ),
    "regions": (
        {"numpy", "flint", "numba", "scipy", "networkx", "pandas", "pyarrow", "sympy"},
        "the partition: evidence of an engine, structure, graph, geometry, pictures, storage",
    ),
    "jobs": (
        {"numpy", "pyarrow", "dask", "distributed"},
        "a domain cut in tasks that are written down, on threads or on a cluster",
    ),
    "paths": (
        {"numpy", "flint", "matplotlib"},
        "networks that move: forms as polynomials, chambers, events, the page that plays them",
    ),
    "symbolic": ({"sympy"}, "centering as a function of the data"),
    "sampling": (
        {"numpy", "scipy", "torch", "numba", "llvmlite"}, "random points against a partition"
    ),
    "selfcheck": ({"numpy"}, "random hard networks: engines, brute force and checker"),
    "bench": ({"numpy", "torch", "relucent"}, "time and memory"),
    "study": (
        {"numpy", "scipy", "torch", "flint", "pyarrow", "matplotlib", "jinja2"},
        "the comparison and the study of sampling: data, training, statistics, pictures, reports",
    ),
    "claims": ({"numpy", "scipy", "sympy", "flint"}, "the ledger of claims and its page"),
    "cli": ({"typer", "rich"}, "the command line: reads options, calls, prints"),
    "__main__": (set(), "`python -m exactbn`"),
}


def layer_table() -> str:
    """Return the table of the layers for docs/design.md."""
    rows = [
        f"| `{name}` | {what} | {', '.join(sorted(thirds)) or '-'} |"
        for name, (thirds, what) in LAYERS.items()
    ]
    return "\n".join(["| layer | what it holds | third parties |", "|---|---|---|", *rows])


# Programs of their own.
CHECKERS = ("exactbn.checker", "exactbn.topology_checker")

# Imports that point the other way, inside a function, and why they may.
EXCEPTIONS: dict[tuple[str, str], str] = {}

# Modules that may be longer than the others, and how long.
LONG = {
    "exactbn.engines.complex.kernels": 660,  # compiled loops over one shared record of arrays
    "exactbn.engines.lp.search": 620,
    "exactbn.engines.lp.facets": 600,
    # One file that a stranger can take and read alone; it reads networks of two formats.
    "exactbn.checker": 1330,
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


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def test_imports_point_up() -> None:
    order = list(LAYERS)
    for path in MODULES:
        unit = dotted(path).split(".")[1]
        assert unit in LAYERS, f"{unit} has no layer yet"
        allowed = {*order[: order.index(unit) + 1], *(b for a, b in EXCEPTIONS if a == unit)}
        parts = [name.split(".") for name in imports(parsed(path), inside=True)]
        assert {p[1] for p in parts if p[0] == "exactbn" and len(p) > 1} <= allowed, path
        third = {p[0] for p in parts} - sys.stdlib_module_names - {"exactbn"}
        assert third <= LAYERS[unit][0], path


def test_nothing_is_permitted_that_nobody_needs() -> None:
    used: dict[str, set[str]] = {unit: set() for unit in LAYERS}
    for path in MODULES:
        names = {name.split(".")[0] for name in imports(parsed(path), inside=True)}
        used[dotted(path).split(".")[1]] |= names - sys.stdlib_module_names - {"exactbn"}
    assert used == {unit: thirds for unit, (thirds, _) in LAYERS.items()}


def test_the_page_has_the_layers_that_are_enforced() -> None:
    page = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    assert layer_table() in page


def test_no_module_imports_the_package_itself() -> None:
    """The package re-exports its modules, so a module that imports it makes a circle.

    The command line stands above all modules and may ask for the version.
    """
    for path in MODULES:
        if not dotted(path).startswith("exactbn.cli"):
            assert "exactbn" not in set(imports(parsed(path), inside=True)), path


def test_no_cycle_at_import_time() -> None:
    graph = {dotted(path): set(imports(parsed(path), inside=False)) & NAMES for path in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


def test_modules_are_small() -> None:
    for path in MODULES:
        limit = LONG.get(dotted(path), 450)
        assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, path


def test_no_broad_except_and_no_print() -> None:
    for path, node in ((path, node) for path in MODULES for node in ast.walk(parsed(path))):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.id if isinstance(node.type, ast.Name) else node.type
            # A stranger who runs the checker must not take an error of it for a verdict.
            # And what readers let through is just what the mutants of files are to find.
            counts = (*CHECKERS, "exactbn.selfcheck.file_reading")
            is_main = dotted(path) in counts and caught == "Exception"
            assert is_main or caught not in (None, "Exception", "BaseException"), path
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print":
                # The checker is a program of its own.
                is_program = dotted(path).startswith(("exactbn.cli", *CHECKERS))
                assert is_program, f"print in line {node.lineno} of {path}"

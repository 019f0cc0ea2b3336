"""No number of an exact layer is a float by its own making, and no verdict knows a tolerance."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "exactbn"

# All of these, files and folders, are looked at; what is no longer there fails.
EXACT = (
    "checker.py",
    "topology_checker.py",
    "errors.py",
    "output.py",
    "seeds.py",
    "wording.py",
    "exact",
    "readers",
    "model",
    "engines",
    "drawing",
    "regions",
    "jobs",
    "paths",
    "symbolic.py",
    "sampling",
    "selfcheck",
    "bench",
    "study",
    "claims",
)

# What may hold float literals, and why.
MAY_HOLD_FLOATS = {
    "bench/strokes.py": "made images and training",
    "drawing": "widths, colours and places of pictures; coordinates are exact until rounded once",
    "engines/run.py": "seconds",
    "engines/complex/carried.py": "the float filter, docs/error_analysis.md",
    "engines/complex/cutting.py": "the float filter, docs/error_analysis.md",
    "engines/complex/kernels.py": "the float filter, docs/error_analysis.md",
    "engines/complex/float_blocks.py": "the float filter, docs/error_analysis.md",
    "engines/complex/signs.py": "the float filter, docs/error_analysis.md",
    "engines/complex/vanishing.py": "zeros",
    "engines/complex/start.py": "the float filter, docs/error_analysis.md",
    "engines/complex/vertex_signs.py": "the float filter, docs/error_analysis.md",
    "engines/lp": "float programs whose answers are proven in integers, docs/lp_engine.md",
    "engines/proofs/tree.py": "floats are tried as multipliers and proven in integers",
    "engines/proofs/tree_text.py": "floats written as the dyadic numbers that they are",
    "jobs": "seconds, and shares that are shown",
    "readers/tracing/rounding.py": "bounds of the rounding of frameworks, which nothing rests on",
    "regions/boundary/lower_bounds.py": "lower bounds of distances, proven; the rest is exact",
    "regions/geometry.py": "enclosures of volumes with proven radii, docs/error_analysis.md",
    "sampling": "the filter of points, docs/error_analysis_sampling.md, and statistics",
    "selfcheck/file_mutations.py": "shares, and floats that are put into files",
    "selfcheck/file_reading.py": "seconds",
    "selfcheck/running.py": "seconds and shares",
    "selfcheck/shrinking.py": "seconds",
    "study": "statistics, pictures and texts of the report",
    "claims": "statistics, training, and where a claim is about floats",
}
MAY_TAKE_ROOTS = {
    "bench/engines.py": "the range of random weights",
    "bench/strokes.py": "the distances by which made images are drawn",
    "claims/families/separation.py": "the least value of a bound, sought in floats and only shown",
    "engines/complex/float_blocks.py": "lengths, with the error of the root in the bound",
    "engines/complex/signs.py": "lengths, with the error of the root in the bound",
    "engines/lp": "norms by which pivots are chosen",
}

TOLERANT = {"isclose", "allclose", "finfo", "epsilon", "tol", "rtol", "atol", "tolerance"}


def modules() -> list[str]:
    """Return all modules that are looked at, as paths in the package."""
    found = []
    for name in EXACT:
        paths = sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / name]
        found += [path.relative_to(PACKAGE).as_posix() for path in paths]
    return found


@cache
def tree(name: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


def is_listed(name: str, listed: dict[str, str]) -> bool:
    """Return whether a module, or a folder that holds it, is in a list."""
    return any(name == entry or name.startswith(f"{entry}/") for entry in listed)


@pytest.mark.parametrize("name", [*EXACT, *MAY_HOLD_FLOATS, *MAY_TAKE_ROOTS])
def test_what_is_listed_is_there(name: str) -> None:
    path = PACKAGE / name
    assert path.is_file() or any(path.rglob("*.py"))


def test_every_module_is_looked_at() -> None:
    """Only what people see at the end may be left out."""
    seen = set(modules())
    others = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")} - seen
    assert {name.split("/")[0] for name in others} == {"__init__.py", "__main__.py", "cli"}


def test_no_float_literal() -> None:
    found = [
        f"{name}, line {node.lineno}: {node.value}"
        for name in modules()
        if not is_listed(name, MAY_HOLD_FLOATS)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex))
    ]
    assert not found


def test_no_tolerance() -> None:
    for name in modules():
        used = set()
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Name):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.arg):
                used.add(node.arg)
            elif isinstance(node, ast.keyword):
                used.add(node.arg or "")
        assert not used & TOLERANT, name


def test_no_square_root_in_floats() -> None:
    """``math.sqrt`` rounds twice for a rational; ``exact.rational.sqrt_rounded`` rounds once."""
    for name in modules():
        if is_listed(name, MAY_TAKE_ROOTS):
            continue
        roots = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(tree(name))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        assert not roots & {"math.sqrt", "np.sqrt", "cmath.sqrt"}, name


def test_the_looks_would_see_something() -> None:
    """Every permission is needed: what it permits is there."""
    for name, listed in (("float", MAY_HOLD_FLOATS), ("sqrt", MAY_TAKE_ROOTS)):
        for entry in listed:
            nodes = [
                node
                for module in modules()
                if is_listed(module, {entry: ""})
                for node in ast.walk(tree(module))
            ]
            if name == "sqrt":
                names = (getattr(node, "attr", getattr(node, "id", "")) for node in nodes)
                assert any("sqrt" in str(name) for name in names), entry
            else:
                constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
                assert any(isinstance(value, float) for value in constants), entry

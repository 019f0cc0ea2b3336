"""No number of an exact layer is a float by its own making, and no verdict knows a tolerance."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "exactbn"
EXACT = (
    "errors",
    "rational",
    "network",
    "domain",
    "evaluation",
    "batchnorm",
    "partitioning",
    "graph",
    "geometry",
)

# What may hold float literals, and why. The engine's float filter lies in exactbn/complex, where
# every float carries a proven error bound (see the error analysis in docs/).
MAY_HOLD_FLOATS = {
    "geometry": "float64 enclosures (mid, radius) with proven radii, for volumes",
}

TOLERANT = {"isclose", "allclose", "finfo", "epsilon", "tol", "rtol", "atol", "tolerance"}


def tree(name: str) -> ast.Module:
    """Return the syntax tree of a module, or skip where it is not there yet."""
    path = PACKAGE / f"{name}.py"
    if not path.exists():
        pytest.skip(f"no module {name}")
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in EXACT if name not in MAY_HOLD_FLOATS])
def test_no_float_literal(name: str) -> None:
    found = [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex))
    ]
    assert not found


@pytest.mark.parametrize("name", EXACT)
def test_no_tolerance(name: str) -> None:
    used = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.arg):
            used.add(node.arg)
    assert not used & TOLERANT


@pytest.mark.parametrize("name", EXACT)
def test_no_square_root_in_floats(name: str) -> None:
    """``math.sqrt`` rounds twice for a rational; ``rational.sqrt_rounded`` rounds once."""
    roots = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not roots & {"math.sqrt", "np.sqrt", "cmath.sqrt"}

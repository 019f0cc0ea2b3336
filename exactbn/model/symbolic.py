"""Networks, and the sets of their patterns, as expressions of sympy with exact rationals.

A constraint is a row (c_0, ..., c_d) of integers without a common divisor and a truth value: it
says c_0 + c_1 x_1 + ... + c_d x_d > 0 where that is true and >= 0 where it is false. A neuron is on
where its preactivation is > 0 and off where it is <= 0: z > 0 is strict, -z >= 0 is not.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from exactbn.errors import DimensionError, LimitError
from exactbn.exact.rational import Matrix, Vector
from exactbn.model.domain import Domain
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.model.network import Network

Row = tuple[int, ...]
Constraint = tuple[Row, bool]

#: Terms that the nested expression of a network may have, written out.
MOST_TERMS = 100_000


def input_symbols(d: int, symbols: Sequence[Any] | None = None) -> tuple[Any, ...]:
    """Return the symbols of d inputs: those given, or real x1, ..., xd.

    Raises
    ------
    DimensionError
        If there are not d of them.
    """
    import sympy

    if symbols is None:
        return tuple(sympy.Symbol(f"x{i + 1}", real=True) for i in range(d))
    if len(symbols) != d:
        raise DimensionError(
            f"there are {counted(len(symbols), 'symbol')}, expected one for each of the "
            f"{counted(d, 'input')}"
        )
    return tuple(symbols)


def expressions(
    network: "Network", symbols: Sequence[Any] | None = None, *, max_terms: int = MOST_TERMS
) -> tuple[Any, ...]:
    """Return the outputs of a network as nested maxima of its inputs.

    max(t, 0) + s min(t, 0) is Max(t, s t) for a slope s <= 1 and Min(t, s t) for s >= 1. Nothing is
    simplified. Layers are nested, so every layer multiplies the terms by its width.

    Raises
    ------
    LimitError
        If the expressions, written out, have more than ``max_terms`` terms.

    Examples
    --------
    >>> from exactbn.model.network import Network
    >>> net = Network.from_arrays([[[2], [-1]], [[1, "1/3"]]], [[0, 1], ["1/2"]])
    >>> expressions(net)
    (Max(0, 2*x1) + Max(0, 1 - x1)/3 + 1/2,)
    """
    sizes = _sizes(network)
    if sizes > max_terms:
        raise LimitError(
            f"the outputs of this {network.architecture} network have {sizes} terms as nested "
            f"maxima, expected at most {max_terms}: raise max_terms, or take "
            "Partition.to_piecewise of a small domain"
        )
    h: list[Any] = list(input_symbols(network.num_inputs, symbols))
    features = list(h)
    for layer in network.layers:
        read = h if layer.reads is None else [features[f] for f in layer.reads]
        h = [
            _activation(_affine(row, bias, read), slope)
            for row, bias, slope in zip(layer.weight, layer.bias, layer.slopes, strict=True)
        ]
        features += h
    return tuple(h)


def _sizes(network: "Network") -> int:
    """Return the number of terms of all outputs, written out."""
    h = [1] * network.num_inputs
    features = list(h)
    for layer in network.layers:
        read = h if layer.reads is None else [features[f] for f in layer.reads]
        h = [1 + sum(n for w, n in zip(row, read, strict=True) if w) for row in layer.weight]
        # Max(t, s t) has t twice.
        h = [n if slope in (0, 1) else 2 * n for n, slope in zip(h, layer.slopes, strict=True)]
        features += h
    return sum(h)


def rational(value: Fraction) -> Any:
    """Return a number of sympy."""
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def _affine(row: Vector, bias: Fraction, read: Sequence[Any]) -> Any:
    """Return a weighted sum of expressions."""
    import sympy

    terms = (rational(w) * t for w, t in zip(row, read, strict=True) if w)
    return sympy.Add(rational(bias), *terms)


def _activation(t: Any, slope: Fraction) -> Any:
    """Return the activation of an expression; that of a number is a number."""
    import sympy

    if slope == 1:
        return t
    kind = sympy.Max if slope < 1 else sympy.Min
    # sympy would compare all arguments of nested maxima, which takes long and finds little.
    return kind(rational(slope) * t, t, evaluate=bool(t.is_number))


def domain_constraints(domain: Domain) -> list[Constraint]:
    """Return the constraints, none of them strict, whose points are those of a domain."""
    rows: list[tuple[Vector, Fraction]] = list(zip(domain.matrix, domain.bounds, strict=True))
    if domain.box is not None:
        for i, (lo, hi) in enumerate(zip(domain.box.lo, domain.box.hi, strict=True)):
            axis = tuple(Fraction(int(k == i)) for k in range(domain.dim))
            rows += [(tuple(-t for t in axis), -lo), (axis, hi)]
    result = []
    for a, b in rows:
        common = lcm(b.denominator, *(t.denominator for t in a))
        result.append((_primitive([int(t * common) for t in (b, *(-t for t in a))]), False))
    return list(dict.fromkeys(result))


def pattern_constraints(network: "Network", pattern: Sequence[int]) -> list[Constraint] | None:
    """Return the constraints whose points in R^d are those of an activation pattern.

    ``pattern`` has 1 or 0 for each unit of the hidden layers. Each constraint stands once; of two
    with one row the strict one. What holds everywhere is left out. None where one holds nowhere.
    """
    found: dict[Row, bool] = {}
    units = iter(pattern)
    for form in network.integers.forms(pattern)[:-1]:
        for entries in form.tolist():
            is_on = next(units) > 0
            constant, *gradient = (int(t) if is_on else -int(t) for t in entries)
            if not any(gradient):
                if constant < 0 or (is_on and constant == 0):
                    return None
                continue
            row = _primitive([constant, *gradient])
            found[row] = found.get(row, False) or is_on
    return list(found.items())


def _primitive(row: Sequence[int]) -> Row:
    """Return a row without a common divisor."""
    common = gcd(*row)
    return tuple(t // common for t in row)


def relation(constraints: Iterable[Constraint], symbols: Sequence[Any]) -> Any:
    """Return constraints as a relation of sympy, true at just the points where all of them hold.

    A row stands as a1 x1 + ... > c or the like, = c where the opposite constraint is there too.

    >>> relation([((1, 0, -2), False), ((0, 1, 1), True)], input_symbols(2))
    (x2 <= 1/2) & (x1 + x2 > 0)
    """
    import sympy

    known = dict(constraints)
    parts = []
    for row, is_strict in known.items():
        opposite = tuple(-t for t in row)
        is_equation = not is_strict and known.get(opposite) is False
        if is_equation and row < opposite:
            continue  # said once
        constant, *weights = row
        # The first coefficient is positive, so that x1 >= -1 does not become -x1 <= 1; it is 1
        # where there is no other.
        first = next(w for w in weights if w)
        sign, scale = (1 if first > 0 else -1), 1
        if sum(map(bool, weights)) == 1:
            scale = abs(first)
        terms = zip(weights, symbols, strict=True)
        left = sympy.Add(*(sympy.Rational(sign * w, scale) * x for w, x in terms if w))
        right = sympy.Rational(-sign * constant, scale)
        if is_equation:
            parts.append(sympy.Eq(left, right))
        elif is_strict:
            parts.append(sympy.Gt(left, right) if sign > 0 else sympy.Lt(left, right))
        else:
            parts.append(sympy.Ge(left, right) if sign > 0 else sympy.Le(left, right))
    return sympy.And(*parts)


def affine_expressions(
    affine: tuple[Matrix, Vector], symbols: Sequence[Any]
) -> tuple[Any, ...]:
    """Return A x + b for a pair (A, b), one expression a row."""
    return tuple(_affine(row, bias, symbols) for row, bias in zip(*affine, strict=True))

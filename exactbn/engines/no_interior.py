"""What every engine says of a polytope without interior: whether it is empty or flat, and why."""

from fractions import Fraction

from exactbn.errors import InputError
from exactbn.exact.rational import Vector, to_text
from exactbn.model.domain import Domain
from exactbn.wording import counted


def is_empty(domain: Domain, a: Vector, b: Fraction) -> InputError:
    """Return the error that no point of a domain's other rows has a x <= b."""
    return _no_interior(domain, "empty", f"none of the others has {_text(a, b)}")


def is_flat(domain: Domain, a: Vector, b: Fraction) -> InputError:
    """Return the error that all points of a domain have a x = b."""
    return _no_interior(domain, "flat", f"they lie in {_text(a, b, '=')}")


def _no_interior(domain: Domain, what: str, reason: str) -> InputError:
    place = "the box" if domain.box is not None else f"R^{domain.dim}"
    rows = f"the {counted(len(domain.bounds), 'row')} A x <= b that bound something"
    lacking = "common point" if what == "empty" else "interior"
    return InputError(
        f"the polytope is {what}: {place} and {rows} have no {lacking}, {reason}; "
        f"expected points with A x < b inside {place}"
    )


def _text(a: Vector, b: Fraction, relation: str = "<=") -> str:
    """Return a row as text."""
    terms = [f"{to_text(t)} x[{i}]" for i, t in enumerate(a) if t]
    left = " + ".join(terms[:8]) + (" + ..." if len(terms) > 8 else "")
    return f"{left} {relation} {to_text(b)}"

"""Points in fractions: the pattern at a point, and whether a witness is where it should be.

Every number is a Fraction and every sum is written out: nothing is shared with the engines, with
their integer evaluation or with brute force.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction

import numpy as np

from exactbn.model.labels import labels_of
from exactbn.selfcheck.problem import Problem

Point = tuple[Fraction, ...]
Signs = tuple[int, ...]

#: Products that the examination of an answer's witnesses may take; with more, some are left out.
MOST_PRODUCTS = 100_000


def signs_at(problem: Problem, x: Point) -> Signs:
    """Return the signs of the preactivations of all hidden units at a point."""
    features: list[Fraction] = list(x)
    signs: list[int] = []
    before = 0  # the first feature of the layer before
    for layer in problem.network.hidden:
        own = range(before, len(features)) if layer.reads is None else layer.reads
        h = [features[k] for k in own]
        z = [_affine(row, bias, h) for row, bias in zip(layer.weight, layer.bias, strict=True)]
        signs += [(t > 0) - (t < 0) for t in z]
        before = len(features)
        features += [t if t > 0 else a * t for t, a in zip(z, layer.slopes, strict=True)]
    return tuple(signs)


def _affine(row: Sequence[Fraction], bias: Fraction, h: Sequence[Fraction]) -> Fraction:
    return sum((w * t for w, t in zip(row, h, strict=True) if w and t), bias)


def regions_at(signs: Signs, patterns: Collection[bytes]) -> list[bytes]:
    """Return the patterns that agree with signs wherever these are not zero."""
    if all(signs):
        whole = bytes(sign > 0 for sign in signs)
        return [whole] if whole in patterns else []
    return [
        pattern
        for pattern in patterns
        if all(not sign or (sign > 0) == bit for sign, bit in zip(signs, pattern, strict=True))
    ]


def misplaced(problem: Problem, patterns: Sequence[bytes], witnesses: Sequence[Point]) -> int:
    """Return how many witnesses are not strictly inside the region of their pattern.

    Strictly inside means: within all bounds of the domain, and every preactivation of the sign
    that the pattern says; zero only where the pattern says off and it is zero on the whole region.
    Of many witnesses of a large network those at equal distances in the list are looked at.
    """
    network = problem.network
    if network.units:
        return sum(not _has_label(problem, *pair) for pair in zip(patterns, witnesses, strict=True))
    products = sum(layer.num_neurons * layer.num_inputs for layer in network.layers)
    products *= 2 + network.num_inputs  # as many for the forms on a region
    step = 1 + len(witnesses) * products // MOST_PRODUCTS
    return sum(
        not _is_inside(problem, patterns[i], witnesses[i]) for i in range(0, len(witnesses), step)
    )


def _is_inside(problem: Problem, pattern: bytes, x: Point) -> bool:
    """Return whether a point lies strictly inside the region of a pattern."""
    if not _is_in_domain(problem, x):
        return False
    signs = signs_at(problem, x)
    if any(sign and (sign > 0) != bit for sign, bit in zip(signs, pattern, strict=True)):
        return False
    zero = [i for i, sign in enumerate(signs) if sign == 0]
    return not any(pattern[i] for i in zero) and (not zero or _vanish(problem, pattern, zero))


def _has_label(problem: Problem, label: bytes, x: Point) -> bool:
    """Return whether a point of the domain has a label; not asked where a sign is zero."""
    signs = signs_at(problem, x)
    if not _is_in_domain(problem, x):
        return False
    cell = np.array([[sign > 0 for sign in signs]], dtype=np.uint8)
    return not all(signs) or labels_of(problem.network.units, cell)[0].tobytes() == label


def _is_in_domain(problem: Problem, x: Point) -> bool:
    """Return whether a point is strictly within all bounds that bound anything."""
    if problem.box is not None:
        sides = zip(problem.box.lo, x, problem.box.hi, strict=True)
        if not all(lo < t < hi for lo, t, hi in sides):
            return False
    if problem.rows is None:
        return True
    values = ((a, b - _affine(a, Fraction(0), x)) for a, b in zip(*problem.rows, strict=True))
    return all(room > 0 or (room == 0 and not any(a)) for a, room in values)


def _vanish(problem: Problem, pattern: bytes, units: Sequence[int]) -> bool:
    """Return whether the affine preactivations of some units are zero where a pattern holds."""
    d = problem.network.num_inputs
    # Forms (constant, gradient): the constant 1 first, then the features.
    features = [[Fraction(int(i == j)) for j in range(d + 1)] for i in range(d + 1)]
    forms: list[list[Fraction]] = []
    before = 0
    for layer in problem.network.hidden:
        own = range(before, len(features) - 1) if layer.reads is None else layer.reads
        new = [
            [
                _affine(row, Fraction(0), [features[1 + k][j] for k in own]) + bias * features[0][j]
                for j in range(d + 1)
            ]
            for row, bias in zip(layer.weight, layer.bias, strict=True)
        ]
        bits = pattern[len(forms) : len(forms) + len(new)]
        before = len(features) - 1
        features += [
            [t if bit else slope * t for t in form]
            for form, bit, slope in zip(new, bits, layer.slopes, strict=True)
        ]
        forms += new
    return not any(any(forms[i]) for i in units)

"""Mutants of the checker: each of its checks left out, its limits, what it prints."""

from tests.mutants.mutation import Mutant

_BY_HAND = ("tests/test_certificates.py", "tests/test_certificates_wired.py")


def _mutant(old: str, new: str, remark: str, redundant: str = "") -> Mutant:
    """Return a mutant of the checker."""
    return Mutant("checker.py", old, new, _BY_HAND, remark, redundant)


def _unchecked(condition: str, remark: str, redundant: str = "") -> Mutant:
    """Return the mutant that leaves a check out: its condition never holds."""
    return _mutant(f"if {condition}:", "if False:", f"no check {remark}", redundant)


MUTANTS = [
    # the head
    _unchecked("any(a >= b for a, b in zip(lo, hi))", "that a box is full"),
    _unchecked("not any(a)", "of zero rows"),
    _mutant(
        'if lines.expect("network") != [network.sha256]:', 'if not lines.expect("network"):',
        "a certificate of any network",
    ),
    _mutant("if len(text) <= MAX_NAME:", "if True:", "a domain is named at any length"),
    _mutant(
        'texts.append(" ".join(fields))', "texts.append(fields[0])", "rows are not named"
    ),
    # networks that are no chains, and their units
    _mutant('if lines.expect(VERSION) != [network.version]:',
            'if lines.expect(VERSION) not in ([CHAIN], [WIRED]):', "versions are mixed"),
    _mutant('<= known or document.get("format", WIRED) != WIRED:', "<= known:",
            "a format of any number"),
    _mutant(' or {"slope", "slopes"} <= set(entry):', ":", "a slope and slopes"),
    _mutant("if not len(weight) == len(bias) == len(slopes):", "if len(weight) != len(bias):",
            "slopes of some units"),
    _unchecked("layer.reads[-1] >= count", "that nothing is read that comes later"),
    _unchecked("any(a >= b for a, b in zip(reads, reads[1:]))", "that reads ascend"),
    _mutant("allowance.spend((1 + dim) ** 2)", "pass", "inputs cost nothing"),
    _mutant('record["slopes"], version = slopes, WIRED', 'record["slopes"] = slopes',
            "several slopes make a chain"),
    _mutant('record["reads"], version = list(layer.reads), WIRED',
            'record["reads"] = list(layer.reads)', "whatever is read makes a chain"),
    _mutant("if run and layer.reads[-1] >= first:", "if run:", "each layer is a block"),
    _mutant("1 if ages[f] == age else age // ages[f]", "1",
            "what is read is as old as the block before"),
    _mutant("times = [age] +", "times = [1] +", "a bias is as old as the inputs"),
    _unchecked("low.weights != high.weights or high.bias > low.bias", "U1, of clips"),
    _mutant("if low.weights != high.weights or high.bias > low.bias:",
            "if low.weights != high.weights:", "U1, a clip whose pieces are in no order"),
    _unchecked("sorted(entries) != list(range(len(entries)))", "U2, of the entries of a maximum"),
    _unchecked("sorted(members) != list(range(len(rows) - len(layers[-1].bias)))",
               "U2, that each unit has one owner"),
    _mutant("if n in owner and (row.slope or read.pop(owner[n], {}) != allowed[n]):",
            "if n in owner and read.pop(owner[n], {}) != allowed[n]:", "U2, of slopes"),
    _mutant("if n in owner and (row.slope or read.pop(owner[n], {}) != allowed[n]):",
            "if n in owner and (row.slope or read.pop(owner[n], {}) is None):",
            "U2, of the rows of contests"),
    _mutant("if set(found) != spines[number] or len(set(found.values())) > 1:",
            "if len(set(found.values())) > 1:", "U2, a part of a maximum is read"),
    _mutant("if set(found) != spines[number] or len(set(found.values())) > 1:",
            "if set(found) != spines[number]:", "U2, a maximum is read unequally"),
    _mutant("side = side[pattern >> side[2] & 1]", "side = side[1 - (pattern >> side[2] & 1)]",
            "the loser of a contest wins"),
    _mutant("adjacencies = sum(len(pair) == 2 for pair in pairs)", "adjacencies = len(pairs)",
            "a region is its own neighbour"),
    _mutant("return len(set(labels.values())), adjacencies", "return len(labels), adjacencies",
            "cells are regions"),
    # the complex
    _unchecked("min(values) < 0", "C1, that a vertex is in the domain"),
    _mutant("0 <= a < len(points) and", "a < len(points) and", "a vertex before the first"),
    _mutant("0 <= b < len(points) and", "b < len(points) and", "another before the first"),
    _mutant("and 0 <= n < network.size):", "and n < network.size):", "a neuron before the first"),
    _mutant("if za * zb >= 0:", "if za * zb > 0:", "a zero at an end"),
    _unchecked("za * zb >= 0", "that a neuron has a zero between"),
    _unchecked("not content", "that a constructed vertex is not zero"),
    _unchecked("bits > MAX_BITS", "of the bits of a vertex"),
    _unchecked("bits > FREE_BITS", "of what long coordinates cost"),
    _mutant(
        "if len(set(ids)) < len(ids) or not ids or", "if not ids or", "a face lists a facet twice"
    ),
    _mutant("or not ids or min(ids) < 0 or", "or not ids or", "a face before the first"),
    _unchecked("odd", "C2, that boundaries are closed"),
    _unchecked("pos & neg", "C3, of both sides of a neuron"),
    _unchecked("cells.on[i] & domain.boundary", "C3, of cells in the boundary"),
    _unchecked("not cells.parts[i]", "C3, of parts"),
    _mutant("if rest and any(", "if not rest and any(", "C3, flat cells"),
    _unchecked("len(of) != expected", "C4, of how many cells a facet has"),
    _mutant(
        "expected = 1 if facets.on[facet] & domain.boundary else 2",
        "expected = len(of) if len(of) < 3 else 2", "C4, one or two anywhere",
    ),
    _mutant(
        "if not vanishing:\n            raise", "if False:\n            raise",
        "no check C6, that a facet is in a hyperplane",
        "two patterns differ in a lowest layer; a neuron of it that is on in one of them and off "
        "in the other has the same form in both, zero at the facet's vertices, which are in both "
        "cells, and not identically, since it is on in one",
    ),
    _mutant("if vanishing & (vanishing - 1):", "if False:", "C6, flat facets"),
    _mutant(
        "all(are_multiples(forms[0], form) for form in forms[1:]):",
        "any(are_multiples(forms[0], form) for form in forms):", "C6, one multiple is enough",
    ),
    _unchecked(
        "k == domain.dim and not all(on[i] & ~own for i in odd)",
        "C5, of the boundary of the cells",
        "by C4 a facet in an odd number of cells of a box is in its boundary; in R^d a facet of a "
        "cell of one part and of another one has all its vertices in two parts, thus in a wall",
    ),
    _unchecked("len(chain) % 2 == 0", "C5, that the domain is covered"),
    _mutant("if on[i] & wall & -wall]", "if on[i] & ~own]", "C5, any wall will do"),
    # the tree
    _mutant(
        "if not 0 <= n < self.network.size or self.sign[n]:", "if not 0 <= n < self.network.size:",
        "T1, a neuron is decided twice",
    ),
    _mutant(
        "if not 0 <= n < self.network.size or self.sign[n]:",
        "if n >= self.network.size or self.sign[n]:", "T1, a neuron before the first",
    ),
    _unchecked("any(self.left[:block])", "T1, of the layers below"),
    _unchecked("not self.sign[n]", "T2, that a row is decided"),
    _mutant(
        'raise Rejection(f"neuron {n} vanishes identically and is no row")', "pass",
        "T2, a form that vanishes is a row",
    ),
    _mutant(
        "if not 0 <= index < len(self.domain.extra):", "if index >= len(self.domain.extra):",
        "T2, a row before the first",
    ),
    _mutant(
        "if not 0 <= index < self.network.size:", "if index >= self.network.size:",
        "T2, a neuron before the first, of multipliers",
    ),
    _unchecked(
        "without is not None and are_multiples(without, row)",
        "T5, of rows that are zero on a facet",
    ),
    _unchecked("factor <= 0", "T2, that multipliers are positive"),
    _mutant("if factor <= 0:", "if factor < 0:", "T2, multipliers may be zero"),
    _unchecked("any(path.left)", "T4, that a leaf decides all"),
    _unchecked("sign > 0 and not any(form)", "T3, that a form does not vanish"),
    _unchecked("not fields", "T3, that there are multipliers"),
    _mutant(
        'if not path.domain.is_never_positive(total):\n        raise Rejection(f"the multi',
        'if False:\n        raise Rejection(f"the multi', "T3, any sum closes a side",
    ),
    _mutant("return greatest <= 0", "return greatest <= 1", "a form may be positive"),
    _mutant(
        "return form[0] <= 0 and not any(form[1:])", "return form[0] <= 0",
        "a form with a gradient is nowhere positive",
    ),
    _unchecked("not path.domain.has_inside(point)", "T4, that a witness is inside"),
    _mutant(
        "return point[0] > 0 and all(", "return all(", "a direction is a point inside",
    ),
    _mutant(
        "if t * sign <= 0 and (t or sign > 0 or any(path.form(n))):", "if t * sign < 0:",
        "T4, a witness may be on a hyperplane",
    ),
    _mutant(
        "if not 0 <= n < network.size or not any(path.form(n)):", "if not any(path.form(n)):",
        "T5, facets at any neuron",
    ),
    _mutant(
        "if not 0 <= n < network.size or not any(path.form(n)):", "if not 0 <= n < network.size:",
        "T5, facets where a form vanishes",
    ),
    _mutant(
        "is_something = len(fields) > 2 or factor != 0", "is_something = True",
        "T5, nothing bars a facet",
    ),
    _mutant(
        "if not is_something or not path.domain.is_never_positive(total):",
        "if not is_something:", "T5, any sum bars a facet",
    ),
    _unchecked("not path.domain.is_all", "T6, that only R^d is unbounded"),
    _mutant("if not any(v) or any(", "if any(", "T6, zero is a direction"),
    _mutant("if not any(v) or any(sum(map(mul, row[1:], v)) < 0 for row in rows):",
            "if not any(v):", "T6, a direction may leave"),
    _mutant("        rows += path.domain.extra\n", "", "T6, a direction may leave by a row"),
    _unchecked("not is_bound", "T6, of what multipliers bound"),
    _mutant("is_bound = gradient[k] < 0 and", "is_bound =", "T6, a bound from either side"),
    _mutant("k == dim and gradient[0] > 0 and", "k == dim and", "T6, a sum from either side"),
    _unchecked("not path.domain.has_inside(beyond)", "T5, that the point beyond is inside"),
    _unchecked("m == n and value >= 0", "T5, that a point is beyond the facet"),
    _mutant("if m == n and value >= 0:", "if m == n and value > 0:", "T5, a point on the facet"),
    _unchecked(
        "any(other) and not are_multiples(form, other)", "T5, that a point is beyond one only"
    ),
    _mutant("if m != n and value <= 0:", "if m != n and value < 0:", "T5, a point on another"),
    _mutant(
        "is_special = is_special or content == 0", "pass", "T5, special by a form that vanishes"
    ),
    _mutant(
        "is_special = is_special or key in seen", "pass", "T5, special by multiples"
    ),
    _mutant(
        "complete = is_special and all(region.settled & set(of) for of in classes.values())",
        "complete = True", "T5, special regions need nothing",
    ),
    _mutant("if pattern ^ 1 << n in regions\n", "if False\n", "T5, pairs need nothing"),
    _unchecked(
        "region.is_unbounded", "T6, that a region is not bounded and unbounded",
        "a direction that does not leave, and bounds in all d + 1 directions: one of them is false",
    ),
    _unchecked(
        "len(edge) != 2 or not all(pattern in regions for pattern in edge)",
        "that a facet leads to a region",
        "Theorem 2: the leaves are all regions, and across a facet that was shown there is one",
    ),
    _unchecked(
        "edges & barred", "that a facet is not both there and ruled out",
        "each of the two was proven, and they contradict each other",
    ),
    # the end, and what is not judged
    _mutant(
        "if claims != [regions, adjacencies][: 1 + is_claimed]:",
        "if claims[0] != regions:", "any adjacencies are claimed",
    ),
    _mutant(
        "if claims != [regions, adjacencies][: 1 + is_claimed]:",
        "if claims[1:] != [adjacencies][:is_claimed]:", "any regions are claimed",
    ),
    _unchecked("stream.read(1)", "that nothing follows"),
    _unchecked('fields[0] != "end" or len(fields) != 3', "of the form of the end"),
    _unchecked("self.left < 0", "of what a file costs"),
    _unchecked("common.bit_length() > MAX_BITS", "of common denominators"),
    _unchecked("growth > MAX_GROWTH", "of what layers add"),
    _unchecked("self.size > self.most", "of the bytes of a certificate"),
    _mutant(
        "lines.spend(64 * ends)", "pass",
        "facets of facets cost nothing",
    ),
    _mutant(
        "self.allowance.spend(128 * len(self.extra) * len(point))\n        return", "return",
        "rows cost nothing",
    ),
    _mutant(
        "self.allowance.spend(128 * len(self.extra) * len(point))\n        values", "values",
        "rows cost nothing at vertices",
    ),
    _mutant(
        "path.domain.allowance.spend(128 * len(path.domain.extra) * len(v))", "pass",
        "rows cost nothing along directions",
    ),
    _mutant(
        "self.spend(64 * (len(text) + power))", "pass", "digits cost nothing"
    ),
    _mutant(
        "if not stat.S_ISREG(os.fstat(descriptor).st_mode):", "if False:", "any file is opened"
    ),
    _mutant(
        'f"not judged: {path}: {type(error).__name__}", 2)',
        'f"not judged: {path}: {type(error).__name__}", 1)', "an error of the program is a verdict",
    ),
    _mutant(
        'return tell(f"rejected: {path}: {error}", 1)',
        'return tell(f"rejected: {path}: {error}", 2)',
        "rejected like malformed",
    ),
]

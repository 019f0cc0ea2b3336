"""The log of a search as text, in compiled code: some ten microseconds a region less."""

import numpy as np

from exactbn.engines.compiled import kernel
from exactbn.engines.lp.facets import EDGE
from exactbn.engines.lp.search import BOX, CONE, EXACT, SPLIT

#: Bytes that one integer of the log takes at most.
WIDEST = 22
#: Marks that are no events of the log: of a pair, and of what else there is about a leaf.
PAIR, MORE = -2, -1
_SPLIT, _ON, _OFF, _WITNESS, _FACET, _NONE = 115, 43, 45, 119, 102, 103  # s + - w f g
_BLANK, _COLON, _LINE, _MINUS, _ROW = 32, 58, 10, 45, 114


@kernel
def _put(out, at, value):  # type: ignore[no-untyped-def]
    """Write an integer in decimal and return the place after it."""
    if value < 0:
        out[at] = _MINUS
        at += 1
        value = -value
    digits, rest = 1, value // 10
    while rest:
        digits += 1
        rest //= 10
    for k in range(digits):
        out[at + digits - 1 - k] = 48 + value % 10
        value //= 10
    return at + digits


@kernel
def _put_point(out, at, x, is_homogeneous):  # type: ignore[no-untyped-def]
    """Write a point as integers and return the place after it; -1 if they are too long."""
    power = 1.0
    for _ in range(60):
        fits = True
        for t in x:
            fits = fits and np.floor(t * power) == t * power
        if fits:
            break
        power *= 2.0
    for t in x:
        if np.floor(t * power) != t * power or not abs(t * power) < 2.0**62:
            return -1
    if not is_homogeneous:
        out[at] = _BLANK
        at = _put(out, at + 1, np.int64(power))
    for t in x:
        out[at] = _BLANK
        at = _put(out, at + 1, np.int64(t * power))
    out[at] = _LINE
    return at + 1


@kernel
def _put_product(out, at, name, factor):  # type: ignore[no-untyped-def]
    """Write a multiplier of a neuron, or of row -1 - name, and return the place after it."""
    out[at] = _BLANK
    at += 1
    if name < 0:
        out[at] = _ROW
        at += 1
        name = -1 - name
    at = _put(out, at, name)
    out[at] = _COLON
    return _put(out, at + 1, factor)


@kernel
def _put_pair(out, at, pairs, p, rows, is_homogeneous):  # type: ignore[no-untyped-def]
    """Write the record of a pair and return the place after it; -1 if its point is too long."""
    is_edge = pairs.verdict[p] == EDGE
    out[at], out[at + 1] = _FACET if is_edge else _NONE, _BLANK
    at = _put(out, at + 2, pairs.neuron[p])
    if is_edge:
        return _put_point(out, at, pairs.x[p], is_homogeneous)
    out[at] = _BLANK
    at = _put(out, at + 1, np.int64(pairs.factors[p, -1]))
    for k in range(pairs.rows.shape[1]):
        r = pairs.rows[p, k]
        if r >= 0:
            name = r - rows if r >= rows else -1 - r
            at = _put_product(out, at, name, np.int64(pairs.factors[p, k]))
    out[at] = _LINE
    return at + 1


@kernel
def format_log(  # type: ignore[no-untyped-def]
    log, x, exact, marked, is_homogeneous, pairs, first, rows, out, marks
):
    """Write the records of a log, and of pairs behind their leaves; return (bytes, marks).

    A mark (place, event, region) says where a record is missing that only the caller can write:
    that of an event of the log, of PAIR number ``region``, or what MORE there is about a leaf.
    """
    at, count, region, e, p = 0, 0, 0, 0, 0
    while e < len(log):
        tag = log[e]
        if tag == SPLIT:
            out[at], out[at + 1] = _SPLIT, _BLANK
            at = _put(out, at + 2, log[e + 1])
            out[at] = _LINE
            at += 1
            e += 2
        elif tag == BOX:
            out[at], out[at + 1] = _ON if log[e + 2] > 0 else _OFF, _BLANK
            at = _put(out, at + 2, log[e + 1])
            terms = log[e + 3]
            for k in range(terms + 1):
                own = k == terms
                name = log[e + 1] if own else log[e + 4 + 2 * k]
                factor = log[e + 4 + 2 * k] if own else log[e + 5 + 2 * k]
                at = _put_product(out, at, name, factor)
            out[at] = _LINE
            at += 1
            e += 5 + 2 * terms
        elif tag == CONE or tag == EXACT:
            marks[count, 0], marks[count, 1], marks[count, 2] = at, e, region
            count += 1
            e += 4 + log[e + 3] if tag == CONE else 4
        else:
            end = -1
            if exact[region] == 0:
                out[at] = _WITNESS
                end = _put_point(out, at + 1, x[region], is_homogeneous)
            if end >= 0:
                at = end
            else:
                marks[count, 0], marks[count, 1], marks[count, 2] = at, e, region
                count += 1
            while p < len(pairs.i) and pairs.i[p] == first + region:
                end = _put_pair(out, at, pairs, np.int64(p), rows, is_homogeneous)
                if end >= 0:
                    at = end
                else:
                    marks[count, 0], marks[count, 1], marks[count, 2] = at, PAIR, p
                    count += 1
                p += 1
            if marked[region]:
                marks[count, 0], marks[count, 1], marks[count, 2] = at, MORE, region
                count += 1
            region += 1
            e += 1
    return at, count

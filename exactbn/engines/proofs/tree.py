"""The certificate of the LP engine: the tree of the search, a witness or a proof everywhere."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import TextIO

import numpy as np
from flint import fmpz, fmpz_mat
from numpy.typing import NDArray

from exactbn.engines.lp import search
from exactbn.engines.lp.adjacency import Adjacency, Facet, NoFacet, Recession, make_pairs
from exactbn.engines.lp.engine import Chunk, LpStatistics, enumerate_regions
from exactbn.engines.lp.exact import Row, from_basis
from exactbn.engines.lp.facets import Pairs
from exactbn.engines.lp.forms import ExactForms
from exactbn.engines.proofs import tree_text
from exactbn.engines.proofs.writing import certificate_file, write_head
from exactbn.engines.run import UNLIMITED, Budget
from exactbn.errors import InternalError
from exactbn.exact.rational import Vector
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.model.patterns import unpack


def write_tree(
    path: Path,
    network: Network,
    domain: Domain,
    *,
    adjacency: Adjacency | None = None,
    recession: Recession | None = None,
    words: NDArray[np.uint64] | None = None,
    counts: tuple[int, int] | None = None,
    factor: float = 1.0,
    force: bool = False,
    budget: Budget = UNLIMITED,
) -> int:
    """Search the patterns, write the proof on the way, and return the number of cells.

    Memory grows with the depth of the search. With ``adjacency``, whose proofs must have been kept,
    the facets are proven as well, and with ``recession`` which regions are unbounded; both
    must come from the same search with the same ``factor``, whose order is always the same; its
    patterns are ``words``. ``counts`` are the numbers of regions and of adjacencies that the
    certificate claims, where cells are not regions.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or cannot be written.
    LimitError
        When the seconds of the budget are spent; then there is no file.
    """
    writer = _Writer(network, domain, adjacency, recession)
    count = 0
    with certificate_file(path, force=force) as stream:
        write_head(stream, network, domain, "tree")
        for chunk in enumerate_regions(
            network, domain, factor=factor, keep_log=True, statistics=LpStatistics(), budget=budget
        ):
            if chunk.share < 1:
                budget.check_time()
            expected = None if words is None else words[count : count + len(chunk.words)]
            if expected is not None and not np.array_equal(expected, chunk.words):
                raise InternalError("two searches differ in their order; please report this")
            writer.write(stream, chunk, count)
            count += len(chunk.words)
        edges = "-" if adjacency is None else str(len(adjacency.edges))
        claims = f"{count} {edges}" if counts is None else f"{counts[0]} {counts[1]}"
        stream.write(f"end {claims}\n")
    return count


class _Writer:
    """Turns chunks of the search into lines."""

    def __init__(
        self,
        network: Network,
        domain: Domain,
        adjacency: Adjacency | None,
        recession: Recession | None,
    ) -> None:
        self.network, self.domain = network, domain
        self.exact = ExactForms(network, domain)
        self.is_cone = domain.box is None
        self.recession = recession
        self.signs: list[list[int]] = []
        self.proofs: Sequence[Facet | NoFacet] = ()
        self.next_proof = self.rows = 0
        self.pairs = make_pairs(0, domain.dim + self.is_cone)
        if adjacency is not None and adjacency.pairs is not None:
            self.proofs, self.pairs, self.rows = adjacency.proofs, adjacency.pairs, adjacency.rows

    def write(self, stream: TextIO, chunk: Chunk, first: int) -> None:
        """Write the records of a chunk whose first region has the number ``first``."""
        self.signs = (unpack(chunk.words, self.network.widths).astype(np.int8) * 2 - 1).tolist()
        regions, D = chunk.x.shape
        exact, marked = np.zeros((2, regions), dtype=np.uint8)
        exact[list(chunk.exact)] = 1
        marked[:] = self.recession is not None
        begin, end = (bisect_left(self.proofs, first + i, key=_region) for i in (0, regions))
        marked[[proof.region - first for proof in self.proofs[begin:end]]] = 1
        begin, end = np.searchsorted(self.pairs.i, [first, first + regions]).tolist()
        pairs = Pairs._make(column[begin:end] for column in self.pairs)
        numbers = len(chunk.log) + (2 + D) * regions + (4 + 2 * D) * (end - begin) + 1
        out = np.empty(tree_text.WIDEST * numbers, dtype=np.uint8)
        marks = np.empty((len(chunk.log) + regions + end - begin + 1, 3), dtype=np.int64)
        size, count = tree_text.format_log(
            chunk.log, chunk.x, exact, marked, self.is_cone, pairs, first, self.rows, out, marks
        )
        text, before = out[:size].tobytes().decode("ascii"), 0
        for place, event, region in marks[:count].tolist():
            stream.write(text[before:place])
            before = place
            if event == tree_text.PAIR:
                beyond = tuple(map(Fraction, pairs.x[region].tolist()))
                stream.write(self._facet(int(pairs.neuron[region]), beyond))
            elif event == tree_text.MORE:
                stream.writelines(self._about(first + region, self.signs[region]))
            else:
                stream.write(self._missing(chunk, event, region))
        stream.write(text[before:])

    def _missing(self, chunk: Chunk, event: int, region: int) -> str:
        """Return a record that needs integers of any length."""
        tag, *rest = chunk.log[event : event + 4].tolist()
        if tag == search.LEAF:
            return f"w {_joined(self._homogeneous(_witness(chunk, region)))}\n"
        neuron, sign, number = rest
        if tag == search.EXACT:
            multipliers = chunk.proofs[number]
        else:
            basis = chunk.log[event + 4 : event + 4 + number].tolist()
            # What is decided here holds at the next leaf, or at the node where the chunk ends.
            signs = self.signs[region] if region < len(self.signs) else chunk.signs
            f = tuple(-sign * t for t in self.exact.row(signs, neuron))
            multipliers = self._solved(signs, f, basis, neuron)
        return f"{'+' if sign > 0 else '-'} {neuron} {_products(multipliers)}\n"

    def _solved(
        self, signs: Sequence[int], f: Row, basis: Sequence[int], neuron: int
    ) -> dict[int, int]:
        """Return the multipliers that a basis of a cone promises."""
        names = [n for n in basis if n != search.AT_INFINITY]
        rows = [self._signed(signs, n) for n in names]
        active = [*range(len(rows)), *([-1] if len(names) < len(basis) else [])]
        proof = from_basis(self.exact.program(rows), f, active)
        if proof is None:
            raise InternalError("a cone is not what was proven of it; please report this network")
        return {neuron: proof.factor} | {names[r]: t for r, t in proof.multipliers.items()}

    def _signed(self, signs: Sequence[int], name: int) -> Row:
        """Return a row, positive inside, by its name."""
        if name < 0:
            return self.exact.domain_rows()[-1 - name]
        row = self.exact.row(signs, name)
        return row if signs[name] > 0 else tuple(-t for t in row)

    def _about(self, region: int, signs: list[int]) -> Iterator[str]:
        """Yield the records about the facets and the extent of a region."""
        proofs = self.proofs
        while self.next_proof < len(proofs) and proofs[self.next_proof].region == region:
            yield self._proof(proofs[self.next_proof], signs)
            self.next_proof += 1
        if self.recession is not None:
            yield from self._extent(self.recession, region, signs)

    def _facet(self, neuron: int, beyond: Vector) -> str:
        """Return the record of a facet."""
        return f"f {neuron} {_joined(self._homogeneous(beyond))}\n"

    def _proof(self, proof: Facet | NoFacet, signs: list[int]) -> str:
        """Return the record of a facet, or of none, that is kept exactly."""
        n = proof.neuron
        if isinstance(proof, Facet):
            return self._facet(n, proof.beyond)
        multipliers = proof.multipliers
        if multipliers is None:
            f = tuple(-signs[n] * t for t in self.exact.row(signs, n))
            multipliers = self._solved(signs, f, proof.basis, n)
            multipliers[n] *= -signs[n]
        own = multipliers[n]
        others = {m: t for m, t in multipliers.items() if m != n}
        return f"g {n} {fmpz(own)} {_products(others)}\n"

    def _extent(self, recession: Recession, region: int, signs: list[int]) -> Iterator[str]:
        """Yield the proof that a region is unbounded, or the proofs that it is bounded."""
        if recession.is_unbounded[region]:
            direction = recession.exact.get(region)
            if direction is None:
                direction = tuple(map(Fraction, recession.directions[region].tolist()))
            common = lcm(*(t.denominator for t in direction))
            yield f"u {_joined([int(t * common) for t in direction])}\n"
            return
        d = self.domain.dim
        proofs = recession.multipliers.get(region)
        for k in range(d + 1):
            if proofs is not None:
                multipliers = proofs[k]
            else:
                names = recession.bases[region, k].tolist()
                rows = [self._signed(signs, n)[2:] for n in names]
                target = [[1 if k == d else -int(i == k)] for i in range(d)]
                matrix = fmpz_mat([[row[i] for row in rows] for i in range(d)])
                solution = matrix.solve(fmpz_mat(target))
                numerators, denominator = solution.numer_denom()  # type: ignore[attr-defined]
                turn = 1 if denominator > 0 else -1
                multipliers = {
                    n: int(turn * t) for n, t in zip(names, numerators.entries(), strict=True)
                }
            yield f"b {k} {_products(multipliers)}\n"

    def _homogeneous(self, x: Vector) -> list[int]:
        """Return a point as integers x0 x1 .. xd without common divisor."""
        values = x if self.is_cone else (Fraction(1), *x)
        common = lcm(*(t.denominator for t in values))
        numbers = [int(t * common) for t in values]
        divisor = gcd(*numbers)
        return [t // divisor for t in numbers]


def _witness(chunk: Chunk, region: int) -> Vector:
    """Return the exact witness of a region of a chunk."""
    if region in chunk.exact:
        return chunk.exact[region]
    return tuple(map(Fraction, chunk.x[region].tolist()))


def _region(proof: Facet | NoFacet) -> int:
    return proof.region


def _products(multipliers: dict[int, int]) -> str:
    """Return multipliers as text; row k of the domain has the name -1 - k."""
    return " ".join(
        f"{n}:{fmpz(t)}" if n >= 0 else f"r{-1 - n}:{fmpz(t)}" for n, t in multipliers.items()
    )


def _joined(numbers: Sequence[int]) -> str:
    """Return integers as text, however long they are."""
    try:
        return " ".join(map(str, numbers))
    except ValueError:  # str() itself refuses more than some thousand digits
        return " ".join(str(fmpz(t)) for t in numbers)

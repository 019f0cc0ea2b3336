"""An instance of a claim: a network, data and numbers, exact, as a value and as a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path

from exactbn.errors import HypothesisError, InputError
from exactbn.exact.rational import Matrix, to_fraction, to_matrix, to_text
from exactbn.model.network import Network
from exactbn.model.shrinking import numbers_of, size_of
from exactbn.readers.allowance import Allowance
from exactbn.readers.json_file import MAX_TEXT, parse, read_network
from exactbn.readers.source import Source

#: First entry of every file of an instance; another version is refused.
FORMAT = "exactbn-instance 1"


@dataclass(frozen=True)
class Instance:
    """What a claim speaks of: ``network`` (or None), ``data`` (N, d) and named exact numbers."""

    network: Network | None = None
    data: Matrix = ()
    numbers: Mapping[str, Fraction] = field(default_factory=dict)

    def given(self) -> tuple[Network, Matrix]:
        """Return the network and the data.

        Raises
        ------
        HypothesisError
            If there is no network, no hidden layer in it, or no point.
        """
        if self.network is None or not self.data:
            raise HypothesisError("the instance has no network or no data, expected both")
        if not self.network.hidden:
            raise HypothesisError("the network has no hidden layer, expected one at least")
        return self.network, self.data

    def number(self, name: str, default: Fraction | None = None) -> Fraction:
        """Return a named number, ``default`` where it is not given.

        Raises
        ------
        HypothesisError
            If it is not given and has no default.
        """
        value = self.numbers.get(name, default)
        if value is None:
            raise HypothesisError(f"the instance has no number {name!r}")
        return value

    @property
    def size(self) -> tuple[int, int, int]:
        """Return how much there is of numbers, see size_of: the shrinker's goal."""
        values = [t for row in self.data for t in row] + list(self.numbers.values())
        if self.network is not None:
            values += numbers_of(self.network)
        return size_of(values)

    def to_json(self, claim: str) -> str:
        """Return the text of a file from which the instance can be replayed."""
        record: dict[str, object] = {"format": FORMAT, "claim": claim}
        if self.network is not None:
            record |= json.loads(self.network.canonical())
        record["data"] = [[to_text(t) for t in row] for row in self.data]
        record["numbers"] = {name: to_text(t) for name, t in self.numbers.items()}
        return json.dumps(record, indent=1) + "\n"


def read_instance(path: Path) -> tuple[str, Instance]:
    """Return the claim's key and the instance that :meth:`Instance.to_json` wrote.

    Raises
    ------
    InputError
        If the file cannot be read or is not such a file.
    """
    source = Source(path)
    with source.named():
        content = source.read(MAX_TEXT)
        record = parse(content)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise InputError(
                f'not an instance of a claim, expected a JSON object with "format": "{FORMAT}"; '
                "'exactbn claims KEY --show --out FOLDER' writes such files"
            )
        allowance = Allowance(len(content))
        network = None
        if record.get("layers") is not None:
            network = Network.from_stages(read_network({"layers": record["layers"]}, allowance))
        try:
            named = record["numbers"]
            for value in (*chain.from_iterable(record["data"]), *named.values()):
                allowance.take_text(value)
            data = to_matrix(record["data"], "data") if record["data"] else ()
            numbers = {name: to_fraction(t, name) for name, t in named.items()}
            return str(record["claim"]), Instance(network, data, numbers)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"a part of the instance is missing or odd: {error}") from None

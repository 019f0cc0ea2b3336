"""Writing a certificate: the head, the stream, and the file that appears whole or not at all."""

import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from exactbn.exact.rational import MAX_DIGITS, Vector, to_text
from exactbn.model.domain import Domain
from exactbn.model.network import Network
from exactbn.output import create_file

#: The first word of a certificate; version 1 is that of chains, 2 that of all other networks.
VERSION = "exactbn-certificate"

#: Characters of a number that the checker reads.
LONGEST = min(MAX_DIGITS, 4000)


@contextmanager
def certificate_file(path: Path, *, force: bool = False) -> Iterator[TextIO]:
    """Yield a text stream that becomes the file ``path`` if all goes well, and vanishes if not.

    The text is compressed by gzip where the name ends in ``.gz``.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or cannot be written.
    """
    with create_file(path, force=force) as raw, ExitStack() as stack:
        binary: BinaryIO | gzip.GzipFile = raw
        if path.suffix == ".gz":
            # No name and no time in the head: equal certificates are equal files.
            binary = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))
        stream = io.TextIOWrapper(binary, encoding="ascii", newline="\n")
        yield stack.enter_context(stream)


def write_head(stream: TextIO, network: Network, domain: Domain, proof: str) -> None:
    """Write the lines before the records."""
    box = domain.box
    where = f"all {domain.dim}" if box is None else f"box {_texts((*box.lo, *box.hi))}"
    version = 1 if network.is_chain else 2
    lines = [f"{VERSION} {version}", f"network {network.sha256}", f"domain {where}"]
    rows = zip(domain.bounds, domain.matrix, strict=True)
    lines += [f"row {_texts((b, *a))}" for b, a in rows]
    stream.write("\n".join([*lines, f"proof {proof}", ""]))


def _texts(numbers: Vector) -> str:
    """Return numbers as one text."""
    return " ".join(map(to_text, numbers))

"""Writing a certificate: the head, the stream, and the file that appears whole or not at all."""

import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from exactbn.exact.rational import MAX_DIGITS, to_text
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network
from exactbn.output import create_file

VERSION = "exactbn-certificate 1"

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


def write_head(
    stream: TextIO, network: Network, domain: Domain, proof: str, rows: Sequence[Sequence[str]] = ()
) -> None:
    """Write the lines before the records; ``rows`` are b and a of a . x <= b as texts."""
    if isinstance(domain, Box):
        where = " ".join(["box", *map(to_text, domain.lo), *map(to_text, domain.hi)])
    else:
        where = f"all {domain.dim}"
    lines = [VERSION, f"network {network.sha256}", f"domain {where}"]
    lines += [f"row {' '.join(row)}" for row in rows]
    stream.write("\n".join([*lines, f"proof {proof}", ""]))

"""Writing a certificate: the head, the stream, and the file that appears whole or not at all."""

import gzip
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from exactbn.errors import InputError
from exactbn.exact.rational import MAX_DIGITS, to_text
from exactbn.model.domain import Box, Domain
from exactbn.model.network import Network

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
    check_target(path, force=force)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.suffix == ".gz":
            # No name and no time in the head: equal certificates are equal files.
            raw = temporary.open("xb")
            with raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                with io.TextIOWrapper(packed, encoding="ascii", newline="\n") as stream:
                    yield stream
        else:
            with temporary.open("x", encoding="ascii", newline="\n") as stream:
                yield stream
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def check_target(path: Path, *, force: bool = False) -> None:
    """Refuse a certificate's file that is there already, or a folder that is not."""
    if path.exists() and (not force or not path.is_file()):
        raise InputError(f"{path}: exists already; remove it or choose another name")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist")


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

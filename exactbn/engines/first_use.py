"""That compiled loops are made once on a machine is said before it takes a minute."""

import logging
import os
import sys
from pathlib import Path

COMPILING = "compiling the loops, once on this machine: up to a minute in which little is said"

_LOG = logging.getLogger("exactbn")
_seen: set[str] = set()


def is_first_use(engine: str) -> bool:
    """Return, once in a process, whether no loops of an engine are kept on this machine yet."""
    if engine in _seen:
        return False
    _seen.add(engine)
    folder = Path(__file__).parent / engine / "__pycache__"
    return "NUMBA_CACHE_DIR" not in os.environ and not any(folder.glob("*.nbi"))


def announce(engine: str) -> None:
    """Log a warning before the first use of an engine, if somebody sits before a terminal."""
    if is_first_use(engine) and sys.stderr is not None and sys.stderr.isatty():
        _LOG.warning(COMPILING)

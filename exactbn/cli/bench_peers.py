"""``exactbn bench --peers``: which programs are asked, and the table of what they say."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exactbn.errors import InputError
from exactbn.wording import counted

if TYPE_CHECKING:
    from exactbn.bench.programs import Program

ABSENT = "-"
#: Seconds that a peer may be given: a week.
LONGEST = 7 * 24 * 3600
PEERS = "peers"


@dataclass(frozen=True)
class AskedPeers:
    """The programs to run, those that are left out with the reason, and what asks for them."""

    programs: "tuple[Program, ...]"
    absent: Mapping[str, str]
    timeout: float
    #: The options by which another process asks the same programs.
    options: tuple[str, ...]

    @classmethod
    def of(cls, peers: bool, commands: Sequence[str], timeout: float) -> "AskedPeers | None":
        """Return what the options say, None where no peers are asked for."""
        if not (peers or commands):
            return None
        if not 0 < timeout <= LONGEST:
            raise InputError(f"--peer-timeout is {timeout:g}, expected seconds, at most {LONGEST}")
        from exactbn.bench.programs import program_of, relucent_program

        commands = list(dict.fromkeys(commands))
        found = [program_of(text) for text in commands]
        relucent = relucent_program() if peers else None
        if relucent is not None:
            found.insert(0, relucent)
        absent = {"relucent": "is not installed"} if peers and relucent is None else {}
        words = [word for text in commands for word in ("--peer", text)]
        given = ("--peers",) if peers else ()
        options = (*given, *words, "--peer-timeout", str(timeout), "--proof", PEERS)
        return cls(tuple(found), absent, timeout, options)

    @property
    def seconds(self) -> float:
        """Return how long the programs may take together, once each."""
        return len(self.programs) * (self.timeout + 1)


def show_peers(rows: Mapping[str, Mapping[str, Any]], absent: Mapping[str, str]) -> None:
    """Print the networks and the programs beside exactbn for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title="exactbn and its peers, one core, in turn, adjacencies included",
        title_justify="left",
    )
    for heading in ("network", "regions", "exactbn ms", "peer", "its regions", "count", "its ms",
                    "ratio", "from", "to"):  # fmt: skip
        is_text = heading in ("network", "peer", "count")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text)
    for name, row in rows.items():
        for line in _lines(name, row):
            table.add_row(*map(Text, line))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(table)
    remarks = [f"{name} {why}, and is left out" for name, why in absent.items()]
    for name, row in rows.items():
        remarks += _remarks(name, row)
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)


def _lines(name: str, row: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of a network, one line for each peer."""
    own = [name, cell(row, "regions", "d"), cell(row, "seconds", ".2f", 1000)]
    peers = row.get("peers", {})
    for peer, told in peers.items():
        low, high = told.get("ratio_range", (None, None))
        counts = told["regions"]
        yield [
            *own,
            peer,
            ABSENT if counts is None else str(counts),
            told["verdict"].upper() if told["verdict"] == "wrong" else told["verdict"],
            cell(told, "seconds", ".2f", 1000),
            cell(told, "ratio", ",.2f"),
            cell({"low": low}, "low", ",.2f"),
            cell({"high": high}, "high", ",.2f"),
        ]
    if not peers:
        yield own


def _remarks(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is to be said of a network beside its figures."""
    if "error" in row:
        yield f"{name}: {row['error']}"
    if row.get("rounded"):
        yield f"{name}: its parameters are rounded to floats, for exactbn too"
    for peer, told in row.get("peers", {}).items():
        if told["error"] is not None:
            after = f" after {counted(len(told['pairs']), 'pair')}" if told["pairs"] else ""
            yield f"{peer} on {name} failed{after}: {told['error']}"
        if told["adjacencies_verdict"] == "wrong":
            pairs = f"{told['adjacencies']} adjacencies, exactly {row['adjacencies']}"
            yield f"{peer} on {name}: {pairs}"


def cell(row: Mapping[str, object], key: str, form: str, factor: float = 1) -> str:
    """Return a figure as text, or what stands for none."""
    value = row.get(key)
    return format(value * factor, form) if isinstance(value, (int, float)) else ABSENT

"""``exactbn bench``: time and memory of the complex engine."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from exactbn.cli.bench_peers import PEERS, AskedPeers, cell, show_peers
from exactbn.cli.common import print_json, progress, versions
from exactbn.errors import InputError

ENGINES = ("complex", "lp")
SEARCH = "search"
MANY = "balls"
SLICE = "slice"
READING = "reading"
PIECES = "pieces"
SPACE = "space"
BOUNDARY = "boundary"
# Heading, key, form, factor.
Column = tuple[str, str, str, float]
PROOF_COLUMNS: tuple[Column, ...] = (
    ("regions", "regions", "d", 1),
    ("ms", "seconds", ".1f", 1000),
    ("ms with proof", "seconds_with_certificate", ".1f", 1000),
    ("ratio", "writing", ".2f", 1),
    ("bytes/region", "bytes_per_region", ",.0f", 1),
    ("checked/s", "checked_regions_per_second", ",.0f", 1),
)
SEARCH_COLUMNS: tuple[Column, ...] = (
    ("regions", "regions", "d", 1),
    ("ms", "seconds", ".1f", 1000),
    ("regions/s", "regions_per_second", ",.0f", 1),
    ("ms with adjacencies", "seconds_with_adjacencies", ".1f", 1000),
    ("ratio", "adjacency", ".2f", 1),
)
BALL_COLUMNS: tuple[Column, ...] = (
    ("balls", "balls", "d", 1),
    ("regions", "regions", "d", 1),
    ("cpu ms a ball, one call each", "seconds_each", ".3f", 1000),
    ("in one call", "seconds_together", ".3f", 1000),
    ("ratio", "ratio", ".1f", 1),
)
SPACE_COLUMNS: tuple[Column, ...] = (
    ("regions", "regions", "d", 1),
    ("in the box", "regions_of_box", "d", 1),
    ("cpu ms", "seconds", ".1f", 1000),
    ("in the box", "seconds_of_box", ".1f", 1000),
    ("ratio a region", "ratio", ".2f", 1),
)
SLICE_COLUMNS: tuple[Column, ...] = (
    ("units", "units", "d", 1),
    ("regions", "regions", "d", 1),
    ("adjacencies", "adjacencies", "d", 1),
    ("cpu s", "processor_seconds", ".3f", 1),
    ("regions/s", "regions_per_second", ",.0f", 1),
    ("peak MB", "peak_bytes", ".1f", 1 / 10**6),
)
PIECE_COLUMNS: tuple[Column, ...] = (
    ("regions", "regions", "d", 1),
    ("pieces", "pieces", "d", 1),
    ("cpu s", "processor_seconds", ".2f", 1),
    ("regions/s", "regions_per_second", ",.0f", 1),
    ("peak MB", "peak_bytes", ".1f", 1 / 10**6),
    ("two threads", "two_threads", ".2f", 1),
)
BOUNDARY_COLUMNS: tuple[Column, ...] = (
    ("regions", "regions", "d", 1),
    ("pieces", "pieces", "d", 1),
    ("cpu ms", "seconds", ".1f", 1000),
    ("pieces/s", "pieces_per_second", ",.0f", 1),
    ("distances/s", "distances_per_second", ",.0f", 1),
)
READING_COLUMNS: tuple[Column, ...] = (
    ("weights", "weights", "d", 1),
    ("cpu s", "processor_seconds", ".2f", 1),
    ("peak MB", "peak_bytes", ".1f", 1 / 10**6),
)
HEADINGS = ("regions", "adjacencies", "ms", "cpu ms", "regions/s", "bytes/region", "exact")


def bench_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[NET]...", help="Networks to time beside the built-in ones."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Time every .npz file in this folder as well.")
    ] = None,
    networks: Annotated[
        str | None,
        typer.Option(help="Comma-separated names of built-in networks; 'none' for no one of them."),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of which the median is taken.")] = 5,
    scaling: Annotated[
        bool,
        typer.Option(
            help="Compare the time per region at 10^3 and at 10^5 regions, at depth 2 to 12, and "
            "in R^d and a box."
        ),
    ] = True,
    proofs: Annotated[
        bool, typer.Option(help="Time writing and checking certificates.")
    ] = True,
    balls: Annotated[bool, typer.Option(help="Time many small balls in one call.")] = True,
    slices: Annotated[
        bool,
        typer.Option(help="Time slices of larger networks, and reading a million weights."),
    ] = True,
    nets: Annotated[
        Path | None,
        typer.Option(
            help="Folder with public networks of which slices are timed, such as ACAS Xu's; "
            "those whose file is absent are skipped."
        ),
    ] = None,
    pieces: Annotated[
        bool, typer.Option(help="Time counting piece by piece, on one thread and on two.")
    ] = True,
    boundaries: Annotated[
        bool, typer.Option(help="Time decision boundaries and exact distances to them.")
    ] = True,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers",
            help="Time relucent, where it is installed, and every --peer beside exactbn, and "
            "nothing else: by default on networks of their own.",
        ),
    ] = False,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CMD",
            help="A program to time beside exactbn, or a folder with an executable file 'peer'. "
            "It is called as CMD FILE.npz LO1 HI1 LO2 HI2 ... and prints "
            '{"regions": n, "seconds": t} in its last line. May be given several times.',
        ),
    ] = None,
    peer_timeout: Annotated[
        float, typer.Option(help="Seconds that a peer may take on a network.")
    ] = 60,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
    apart: Annotated[str | None, typer.Option(hidden=True)] = None,
    proof: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Time the engines, certificates and the checker in the box [-1, 1]^d, on one core.

    Each network has a process of its own. The kernels are compiled before the clock starts.
    Memory is the growth of the process at its peak; 'cpu ms' is the processor's time. 'exact' is
    the share of signs that floating point with its error bound left undecided, so that integers
    had to settle them.

    With --peers or --peer: one row for each network and program, run in turn on one core. 'ratio'
    is the program's time over that of exactbn, pair by pair, its median and its range; the regions
    that it counts are compared with those of exactbn, which are exact and complete.
    """
    from exactbn.bench import engines as bench

    asked = AskedPeers.of(peers, peer or [], peer_timeout)
    if apart is not None:
        print_json(_measured(apart, proof, repeat, nets, asked))
        return
    if nets is not None and not nets.is_dir():
        raise InputError(f"--nets: {nets} is not a folder")
    files = list(files or [])
    options = ("--repeat", str(repeat))
    if asked is not None:
        _time_peers(asked, files, folder, networks, repeat=repeat, json=json)
        return
    if networks is None and not files and folder is None:
        files = bench.workload_files()
    names = _names(files, folder, networks, tuple(bench.RECIPES))
    rows: dict[str, dict[str, object]] = {}
    scale: dict[str, dict[str, object]] = {}
    others = (*bench.SCALING, *bench.DEPTH) if scaling else ()
    with progress("networks", ["complex", "lp"]) as report:
        total = len(names) + len(others)
        for done, name in enumerate(names):
            report(done, total, name)
            rows[name] = bench.measure_apart(name, options, bench.TIME_LIMIT)
        for done, name in enumerate(others):
            report(len(names) + done, total, name)
            scale[name] = bench.measure_apart(name, options, bench.TIME_LIMIT)
        spaces = _apart(SPACE, options) if scaling else {}
        certified = _proofs(options) if proofs else {}
        searches = _apart(SEARCH, options) if proofs else {}
        many = _apart(MANY, options) if balls else {}
        planes = _slices(options, nets) if slices else {}
        readings = _apart(READING, options) if slices else {}
        dealt = _apart(PIECES, options) if pieces else {}
        turning = _apart(BOUNDARY, options) if boundaries else {}
    figures: dict[str, object] = {
        "networks": rows,
        "scaling": scale,
        "growth_of_time_per_region": _growth(scale),
        "space": spaces,
        "proofs": certified,
        "lp": searches,
        "balls": many,
        "slices": planes,
        "readings": readings,
        "pieces": dealt,
        "boundaries": turning,
        "repeat": repeat,
        "versions": versions(),
    }
    if json:
        print_json(figures)
    else:
        _show(rows, scale)
        title = "all of R^d beside [-1000, 1000]^d, adjacencies included"
        _show_rows(title, SPACE_COLUMNS, spaces)
        _show_rows("LP engine, box [-1, 1]^d, regions certified", SEARCH_COLUMNS, searches)
        title = "certificates, box [-1, 1]^d, adjacencies included"
        _show_rows(title, PROOF_COLUMNS, certified)
        _show_rows("balls of radius 1/100 in [-1, 1]^d", BALL_COLUMNS, many)
        _show_rows("slices of larger networks", SLICE_COLUMNS, planes)
        _show_rows("reading", READING_COLUMNS, readings)
        _show_rows("counting piece by piece, box [-4, 4]^d", PIECE_COLUMNS, dealt)
        title = "decision boundaries, box [-4, 4]^d, and exact distances of 1000 points"
        _show_rows(title, BOUNDARY_COLUMNS, turning)


def _time_peers(
    asked: AskedPeers,
    files: list[Path],
    folder: Path | None,
    networks: str | None,
    *,
    repeat: int,
    json: bool,
) -> None:
    """Print the figures of exactbn and of other programs, each network in a process of its own."""
    from exactbn.bench import engines as bench
    from exactbn.bench.peers import questions

    names = questions()
    if networks is not None or files or folder is not None:
        names = _names(files, folder, networks or "none", (*names, *bench.RECIPES))
    options = ("--repeat", str(repeat), *asked.options)
    limit = bench.TIME_LIMIT + repeat * asked.seconds
    rows: dict[str, dict[str, object]] = {}
    with progress("networks", ["complex"]) as report:
        for done, name in enumerate(names):
            report(done, len(names), name)
            rows[name] = bench.measure_apart(name, options, limit)
    if json:
        told = {"peers": rows, "absent": asked.absent, "timeout": asked.timeout, "repeat": repeat}
        print_json({**told, "versions": versions()})
    else:
        show_peers(rows, asked.absent)


def _measured(
    name: str, what: str | None, repeat: int, nets: Path | None, asked: AskedPeers | None
) -> dict[str, object]:
    """Return the figures of one network of one of the tables, in this process."""
    from exactbn.bench.balls import measure_balls
    from exactbn.bench.boundaries import measure_boundary
    from exactbn.bench.engines import measure, named_network, named_recipe
    from exactbn.bench.peers import measure_peers
    from exactbn.bench.pieces import measure_pieces
    from exactbn.bench.proofs import measure_proof, measure_search
    from exactbn.bench.slices import measure_reading, measure_slice
    from exactbn.bench.space import measure_space

    if what is None:
        network, recipe = named_network(name), named_recipe(name)
        return measure(network, repeat=repeat, side=1 if recipe is None else recipe.side)
    if what == PEERS and asked is not None:
        return measure_peers(name, asked.programs, repeat=repeat, timeout=asked.timeout)
    if what == SLICE:
        return measure_slice(name, nets, repeat=repeat)
    if what in ENGINES:
        return measure_proof(name, what, repeat=repeat)
    measures: dict[str, Callable[[str], dict[str, object]]] = {
        SEARCH: partial(measure_search, repeat=repeat),
        MANY: partial(measure_balls, repeat=repeat),
        SPACE: partial(measure_space, repeat=repeat),
        BOUNDARY: partial(measure_boundary, repeat=repeat),
        READING: measure_reading,
        PIECES: measure_pieces,
    }
    if what not in measures:
        raise InputError(f"--proof: {what!r}, expected one of {', '.join((*ENGINES, *measures))}")
    return measures[what](name)


def _apart(what: str, options: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """Return the figures of one of the other tables, each network in a process of its own."""
    from exactbn.bench import balls, boundaries, engines, pieces, proofs, slices, space

    names = {
        SEARCH: proofs.SEARCHES, MANY: balls.BALLS, SPACE: space.SPACE,
        READING: slices.READINGS, PIECES: pieces.PIECES, BOUNDARY: boundaries.BOUNDARIES,
    }  # fmt: skip
    return {
        name: engines.measure_apart(name, (*options, "--proof", what), engines.TIME_LIMIT)
        for name in names[what]
    }


def _names(
    files: list[Path], folder: Path | None, networks: str | None, known: tuple[str, ...]
) -> list[str]:
    """Return the networks to time: built-in ones by name, files by path."""
    if networks is None:
        names = list(known)
    elif networks == "none":
        names = []
    else:
        names = networks.split(",")
        for name in names:
            if name not in known:
                raise InputError(f"--networks: {name!r}, expected some of {', '.join(known)}")
    if folder is not None:
        if not folder.is_dir():
            raise InputError(f"--folder: {folder} is not a folder")
        files = [*files, *sorted(folder.glob("*.npz"))]
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: no such file, expected a network")
    return [*names, *map(str, files)]


def _proofs(options: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """Return the figures of certificates, by network and engine."""
    from exactbn.bench import engines as bench
    from exactbn.bench.proofs import PROOFS

    return {
        f"{name}, {engine}": bench.measure_apart(
            name, (*options, "--proof", engine), bench.TIME_LIMIT
        )
        for name in PROOFS
        for engine in ENGINES
    }


def _slices(options: tuple[str, ...], nets: Path | None) -> dict[str, dict[str, object]]:
    """Return the figures of slices, or why one is skipped."""
    from exactbn.bench import engines as bench
    from exactbn.bench.slices import SLICES, skipped

    folder = () if nets is None else ("--nets", str(nets))
    rows: dict[str, dict[str, object]] = {}
    for name in SLICES:
        reason = skipped(name, nets)
        rows[name] = {"skipped": reason} if reason is not None else bench.measure_apart(
            name, (*options, "--proof", SLICE, *folder), bench.TIME_LIMIT
        )
    return rows


def _show_rows(
    title: str, columns: Sequence[Column], rows: Mapping[str, Mapping[str, object]]
) -> None:
    """Print some figures of every row for people."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(title=title, title_justify="left")
    table.add_column("network")
    for heading, *_ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        cells = (cell(row, key, form, factor) for _, key, form, factor in columns)
        absent = "error" in row or "skipped" in row
        table.add_row(name, *(() if absent else cells))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, row in rows.items():
        if "error" in row or "skipped" in row:
            text = f"{name}: {row.get('error', row.get('skipped'))}"
            console.print(text, markup=False, soft_wrap=True)


def _growth(scale: Mapping[str, Mapping[str, object]]) -> dict[str, float]:
    """Return the time per region at the larger scale over that at the smaller, by dimension."""
    from exactbn.bench.engines import SCALING

    rows = {name: scale[name] for name in SCALING if name in scale}
    return _ratios(rows, lambda name: name.split("-")[1])


def _ratios(
    rows: Mapping[str, Mapping[str, object]], group: Callable[[str], str]
) -> dict[str, float]:
    """Return the time per region of the second row of each group over that of the first.

    It is the processor's time where that was measured: another program may hold up the clock.
    """
    costs: dict[str, list[float]] = {}
    for name, row in rows.items():
        seconds, regions = row.get("processor_seconds", row.get("seconds")), row.get("regions")
        if isinstance(seconds, float) and isinstance(regions, int):
            costs.setdefault(group(name), []).append(seconds / regions)
    return {key: cost[1] / cost[0] for key, cost in costs.items() if len(cost) == 2}


def _show(
    rows: Mapping[str, Mapping[str, object]], scale: Mapping[str, Mapping[str, object]]
) -> None:
    """Print the figures for people."""
    from rich.console import Console
    from rich.table import Table

    # Outside a terminal rich takes 80 columns, too few for whole figures.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table(title="exactbn, one core, box [-1, 1]^d if not said", title_justify="left")
    table.add_column("network")
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in {**rows, **scale}.items():
        table.add_row(Path(name).stem if Path(name).is_file() else name, *_cells(row))
    console.print(table)
    for dim, growth in _growth(scale).items():
        text = f"{dim}: time per region at 10^5 regions over that at 10^3: {growth:.2f}"
        console.print(text, markup=False)
    for name, row in {**rows, **scale}.items():
        if "error" in row:
            console.print(f"{name}: {row['error']}", markup=False, soft_wrap=True)


def _cells(row: Mapping[str, object]) -> list[str]:
    """Return the cells of one network's row."""
    return [
        cell(row, "regions", "d"),
        cell(row, "adjacencies", "d"),
        cell(row, "seconds", ".1f", 1000),
        cell(row, "processor_seconds", ".1f", 1000),
        cell(row, "regions_per_second", ",.0f"),
        cell(row, "bytes_per_region", ",.0f"),
        cell(row, "exact_share", ".3%"),
    ]

"""Write the files of this folder: certificates of small networks, and changed ones.

Run by hand after a change of the format; the tests read the files.
"""

from collections.abc import Callable
from pathlib import Path

from exactbn.model.files import save_json
from exactbn.model.network import Network
from exactbn.regions.partitioning import partition

HERE = Path(__file__).parent
HEAD = "exactbn-certificate 1\nnetwork {sha256}\n"
BOX = f"{HEAD}domain box -1 1\n"

NETWORKS = {
    "abs": Network.from_arrays([[[1], [-1]], [[1, 1]]], [[0, 0], [0]]),
    "central": Network.from_arrays(
        [[[1, 0], [0, 1], [1, 1], [2, 2]], [[1] * 4]], [[0] * 4, [0]]
    ),
    "fold": Network.from_arrays(
        [[[1, 0], [0, 1]], [[1, 1], [1, -1]], [[1, 1]]], [[0, 0], ["-1/2", 0], [0]]
    ),
    "leaky": Network.from_arrays(
        [[[1, 2], [-1, 1]], [[1, 1], [3, -1]], [[1, 1]]], [[0, 1], ["-1/3", 0], [0]], slope="-1/7"
    ),
    "dead": Network.from_arrays([[[1, 0], [0, 0], [0, 0]], [[1] * 3]], [[0, 0, -1], [0]]),
}

# The tree of |x| by hand, in a box and in all of R^1.
TREE = """exactbn-certificate 1
network {sha256}
domain {domain}
proof tree
s 0
- 1 0:1 1:1
w 2 1
f 0 2 -1
{right}+ 1 0:1 1:1
w 2 -1
f 0 2 1
{left}end 2 1
"""

Change = Callable[[list[str]], list[str]]


def replaced(old: str, new: str) -> Change:
    """Return a change of the first line that equals ``old``."""

    def change(lines: list[str]) -> list[str]:
        at = lines.index(old)
        return [*lines[:at], *new.splitlines(), *lines[at + 1 :]]

    return change


CHANGES: dict[str, tuple[str, str, Change]] = {
    # name: accepted file, what the checker must say, change
    "a-region-left-out": ("abs.box-complex", "facet 1 has 0 cells", replaced("f 2 1", "")),
    "a-region-twice": ("abs.box-complex", "facet", replaced("f 2 1", "f 2 1\nf 2 1")),
    "one-cell-over-a-fold": ("abs.box-complex", "both sides", replaced("f 2 1", "f 0 1")),
    "too-many-regions": ("abs.box-complex", "proven are", replaced("end 2 1", "end 3 1")),
    "too-few-adjacencies": ("abs.box-complex", "proven are", replaced("end 2 1", "end 2 0")),
    "vertex-outside": ("abs.box-complex", "outside", replaced("v 1 1", "v 1 2")),
    "vertex-moved-inward": ("abs.box-complex", "facet 1 has 1 cells", replaced("v 1 1", "v 2 1")),
    "zero-of-no-fold": ("abs.box-complex", "both sides", replaced("c 0 1 0", "c 0 0 0")),
    "box-widened": (
        "abs.box-complex", "facet", replaced("domain box -1 1", "domain box -2 1"),
    ),
    "box-flat": ("abs.box-complex", "empty or flat", replaced("domain box -1 1", "domain box 1 1")),
    "another-network": ("abs.box-complex", "another network", lambda lines: [
        lines[0], "network " + "0" * 64, *lines[2:]]),
    "direction-turned": ("abs.all-complex", "", replaced("v 0 -1", "v 0 1")),
    "witness-on-the-fold": ("abs.box-tree", "wrong side", replaced("w 2 1", "w 2 0")),
    "witness-outside": ("abs.box-tree", "not inside", replaced("w 2 1", "w 1 1")),
    "witness-is-a-direction": ("abs.box-tree", "not inside", replaced("w 2 1", "w 0 1")),
    "multiplier-negative": (
        "abs.box-tree", "not positive", replaced("- 1 0:1 1:1", "- 1 0:1 1:-1"),
    ),
    "multiplier-too-small": (
        "abs.box-tree", "do not close", replaced("- 1 0:1 1:1", "- 1 0:2 1:1"),
    ),
    "wrong-side-closed": ("abs.box-tree", "do not close", replaced("- 1 0:1 1:1", "+ 1 0:1 1:1")),
    "facet-not-crossed": ("abs.box-tree", "not beyond", replaced("f 0 2 -1", "f 0 2 1")),
    "facet-touched-only": ("abs.box-tree", "not beyond", replaced("f 0 2 -1", "f 0 1 0")),
    "facet-outside": ("abs.box-tree", "not inside", replaced("f 0 2 -1", "f 0 1 -1")),
    "facet-barred": ("abs.box-tree", "vanishes on the facet", replaced("f 0 2 -1", "g 0 1 1:1")),
    "neuron-decided-twice": ("abs.box-tree", "is decided", replaced("- 1 0:1 1:1", "- 0 0:1")),
    "leaf-too-early": ("abs.box-tree", "undecided", replaced("- 1 0:1 1:1", "w 2 1")),
    "direction-leaves": ("abs.all-tree", "leaves the region", replaced("u 1", "u -1")),
    "bounded-in-vain": ("abs.all-tree", "no direction", replaced("u 1", "b 0 0:1")),
    "box-is-unbounded": ("abs.box-tree", "only regions of", replaced("f 0 2 -1", "u 1")),
    "zero-form-as-row": (
        "dead.box-tree", "vanishes identically", replaced("- 2 2:1", "- 2 1:1"),
    ),
    "zero-form-is-on": ("dead.box-tree", "it is off", replaced("- 1 1:1", "+ 1 1:1")),
    "missing-vertex": ("abs.box-complex", "not there", replaced("f 2 1", "f 2 3")),
    "negative-id": ("abs.box-complex", "not there", replaced("f 2 1", "f -1 1")),
    "nothing-to-split": ("abs.box-tree", "does not exist", replaced("s 0", "s 9")),
    "row-through-a-complex": (
        "abs.box-complex", "outside the domain",
        replaced("domain box -1 1", "domain box -1 1\nrow 0 1"),
    ),
    "row-within-a-complex": (
        "abs.box-complex", "has 1 cells, expected 2",
        replaced("domain box -1 1", "domain box -2 1\nrow 2 -1"),
    ),
}

MALFORMED = {
    "empty": "",
    "another-version": "exactbn-certificate 2\n",
    "no-certificate": "PK\x03\x04\n",
    "no-line-feed": "exactbn-certificate 1",
    "head-only": HEAD,
    "blank-line": "exactbn-certificate 1\n\n",
    "unknown-proof": f"{HEAD}domain all 1\nproof faith\n",
    "bad-bound": f"{HEAD}domain box 1/0 2\nproof tree\n",
    "long-number": f"{BOX}proof complex\nv 1 {'7' * 5000}\n",
    "underscore": f"{BOX}proof complex\nv 1 1_0\n",
    "float": f"{BOX}proof complex\nv 1 0.5\n",
    "huge-exponent": f"{HEAD}domain box -1 1e999999\nproof tree\n",
    "no-fields": f"{BOX}proof tree\ns\n",
    "no-multiplier": f"{BOX}proof tree\n- 1\n",
    "not-ascii": f"{HEAD}domain b\u00f6x -1 1\n",
}

DEAD_TREE = """exactbn-certificate 1
network {sha256}
domain box -1 -1 1 1
proof tree
- 1 1:1
- 2 2:1
s 0
w 2 1 1
f 0 2 -1 1
w 2 -1 1
f 0 2 1 1
end 2 1
"""


def main() -> None:
    """Write all files."""
    texts: dict[str, str] = {}
    for name, network in NETWORKS.items():
        save_json(network, HERE / "networks" / f"{name}.json")
        for domain, box in (("box", (-1, 1)), ("all", None)):
            path = HERE / "accepted" / f"{name}.{domain}-complex"
            partition(network, box).write_certificate(path, force=True)
            texts[path.name] = path.read_text(encoding="ascii")
    sha256 = NETWORKS["abs"].sha256
    texts["abs.box-tree"] = TREE.format(sha256=sha256, domain="box -1 1", right="", left="")
    texts["abs.all-tree"] = TREE.format(
        sha256=sha256, domain="all 1", right="u 1\n", left="u -1\n"
    )
    texts["dead.box-tree"] = DEAD_TREE.format(sha256=NETWORKS["dead"].sha256)
    for name in ("abs.box-tree", "abs.all-tree", "dead.box-tree"):
        (HERE / "accepted" / name).write_text(texts[name], encoding="ascii")
    for name, (origin, reason, change) in CHANGES.items():
        lines = [line for line in change(texts[origin].splitlines()) if line]
        # The first line of a rejected file says what the checker must find.
        path = HERE / "rejected" / f"{origin.split('.')[0]}.{name}"
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        (HERE / "rejected" / f"{path.name}.reason").write_text(reason + "\n", encoding="ascii")
    for name, text in MALFORMED.items():
        path = HERE / "malformed" / f"abs.{name}"
        path.write_bytes(text.format(sha256=sha256).encode())


if __name__ == "__main__":
    main()

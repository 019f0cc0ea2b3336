"""Importing exactbn, and asking for help, is quick: heavy packages load when first used."""

import os
import subprocess
import sys

import pytest

HEAVY = "torch numba matplotlib scipy networkx pyarrow numpy".split()


def child_seconds(code: str) -> float:
    """Return the processor seconds that a fresh interpreter takes for ``code``."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def test_import_is_quick() -> None:
    # The least of several runs: the machine may be busy with other things.
    bare = min(child_seconds("pass") for _ in range(3))
    assert min(child_seconds("import exactbn") for _ in range(3)) - bare < 0.3


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import exactbn", HEAVY),
        ("import exactbn; exactbn.Network", HEAVY),
        ("import exactbn.cli; exactbn.cli.main(['--help'])", HEAVY),
        ("import exactbn; exactbn.partition", ["torch", "matplotlib", "networkx", "pyarrow"]),
    ],
)
def test_heavy_packages_wait(code: str, absent: list[str]) -> None:
    check = f"import sys\n{code}\nassert not set({absent!r}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)

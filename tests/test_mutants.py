"""The lists of mutants: every entry can be planted, and what cannot be is named."""

from dataclasses import replace

import pytest

from tests.mutants.__main__ import all_mutants, faults
from tests.mutants.mutation import Mutant, fault

#: One that can be planted, whatever becomes of it.
SOUND = Mutant(
    "errors.py", "class InputError(ExactBNError", "class InputError(Exception",
    ("tests/test_mutants.py::test_every_mutant_can_be_planted",), "a remark",
)  # fmt: skip


def test_every_mutant_can_be_planted() -> None:
    """Whoever changes a line that a mutant makes wrong changes the mutant with it."""
    mutants = all_mutants()
    assert len(mutants) > 300
    assert faults(mutants) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"module": "absent.py"}, "no such module"),
        ({"old": "class Absent"}, "found 0 times"),
        ({"old": "class "}, "expected once"),
        ({"new": "class InputError(("}, "no Python"),
        ({"new": SOUND.old + " "}, "changes nothing"),
        ({"tests": ("tests/test_absent.py",)}, "there is no tests/test_absent.py"),
        ({"tests": ("tests/test_mutants.py::test_absent[1]",)}, "has no test_absent"),
    ],
)
def test_what_cannot_be_planted_is_named(changes: dict[str, object], text: str) -> None:
    assert fault(SOUND) is None
    found = fault(replace(SOUND, **changes))  # type: ignore[arg-type]
    assert found is not None and text in found


def test_no_two_have_one_name() -> None:
    """A survivor is found by its name."""
    assert faults([SOUND, SOUND]) == [f"{SOUND.name}: listed 2 times"]

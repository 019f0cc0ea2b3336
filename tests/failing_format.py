"""A format whose reader fails in every way; a process that imports it starts soon."""

import os
import time

from exactbn.errors import InputError
from exactbn.selfcheck.file_reading import Format


def number_of(files, random):
    """Change a file to a number from 0 to 5."""
    return {"": str(random.randrange(6)).encode()}


def fails_by_number(path):
    """Fail as the content of a file says."""
    kind = path.read_bytes()
    if kind == b"1":
        raise InputError("one line")
    if kind == b"2":
        raise KeyError("x")
    if kind == b"3":
        raise InputError("two\nlines")
    if kind == b"4":
        os._exit(7)
    if kind == b"5":
        end = time.process_time() + 0.6
        while time.process_time() < end:
            pass


def refuses(path):
    raise InputError("nothing is read")


FAILING = Format("failing", ".txt", {"": b"0"}, number_of, fails_by_number)

"""Mutants of files: the same bytes with one to three things changed.

Changes of plain bytes know nothing of a format. Where a checksum or a length would refuse nearly
all of them at once, a change goes inside: into a member of a zip, into a field of a message.
"""

import io
import re
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

#: Numbers that are too long, too large, or none.
LONG = ("1e20000", "-1e-20000", "9" * 4000, "1/" + "7" * 3000, "1e999999999", "0", "-1", "nan")
#: Integers at the ends of what fields hold.
WILD = (0, 1, -1, 2, 3, 5, 17, 1 << 20, 1 << 31, (1 << 31) - 1, (1 << 63) - 1, -(1 << 63))


def mutant(content: bytes, random: Random) -> bytes:
    """Return the content with one to three things changed."""
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice(CHANGES)(content, random)
    return content


def flip(content: bytes, random: Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 2, 8))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def cut(content: bytes, random: Random) -> bytes:
    """Drop an end, or a piece from within."""
    a, b = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:a] if random.random() < 0.5 else content[:a] + content[b:]


def repeat(content: bytes, random: Random) -> bytes:
    """Repeat a piece, at most some hundred times."""
    a = random.randrange(len(content) + 1)
    piece = content[a : a + random.choice((1, 4, 16, 64))]
    return content[:a] + piece * random.choice((2, 3, 300)) + content[a:]


def enlarge(content: bytes, random: Random) -> bytes:
    """Put something else in the place of a number, once or everywhere."""
    numbers = re.findall(rb"-?[0-9][0-9./]*", content)
    if not numbers:
        return content
    count = random.choice((1, -1))
    return content.replace(random.choice(numbers), random.choice(LONG).encode(), count)


def swap(content: bytes, random: Random) -> bytes:
    """Exchange two fields, as blanks, commas and line feeds divide them."""
    parts = re.split(rb"([ ,\n:\[\]{}]+)", content)
    a, b = random.randrange(len(parts)), random.randrange(len(parts))
    parts[a], parts[b] = parts[b], parts[a]
    return b"".join(parts)


def nest(content: bytes, random: Random) -> bytes:
    """Put brackets somewhere, a few or very many."""
    a, depth = random.randrange(len(content) + 1), random.choice((1, 2, 3000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'"', b'"')))
    return content[:a] + opening * depth + content[a:] + closing * random.choice((0, depth))


CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (flip, cut, repeat, enlarge, swap, nest)


def zip_mutant(content: bytes, random: Random) -> bytes:
    """Return a zip with right checksums, of which a member is changed, dropped or named anew."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    place = random.randrange(len(members))
    name, data = members[place]
    kind = random.randrange(8)
    if kind == 0:
        del members[place]
    elif kind == 1:
        members[place] = (mutant(name.encode(), random).decode("utf-8", "replace")[:99], data)
    elif kind == 2:
        members[place] = (name, random.choice(members)[1])
    else:
        members[place] = (name, mutant(data, random))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        # A name ends for zipfile where a zero byte is; there is none that is empty.
        named = {member.partition("\0")[0]: data for member, data in members}
        for member in filter(None, named):
            archive.writestr(member, named[member])
    return stream.getvalue()


def message_mutant(made: Any, random: Random) -> Any:
    """Return a protobuf message of which one to three fields are dropped, repeated or wild."""
    result = type(made)()
    result.CopyFrom(made)
    names = [name for node in made.graph.node for name in [*node.input, *node.output]]
    for _ in range(random.choice((1, 1, 2, 3))):
        _change_field(result, names, random)
    return result


def _change_field(result: Any, names: list[str], random: Random) -> None:
    message, field = random.choice(_fields(result))
    value = getattr(message, field.name)
    is_one = not hasattr(value, "__len__") or isinstance(value, (str, bytes))
    if random.random() < 0.15:
        message.ClearField(field.name)
    elif field.message_type is not None:
        if not is_one and len(value):
            if random.random() < 0.5:
                value.add().CopyFrom(random.choice(value))
            else:
                value.pop(random.randrange(len(value)))
    else:
        wild = _wild(value if is_one else random.choice(value), names, random)
        try:
            if is_one:
                setattr(message, field.name, wild)
            elif random.random() < 0.5:
                value.append(wild)
            else:
                value[random.randrange(len(value))] = wild
        except (ValueError, TypeError):  # what no message can hold
            return


def _fields(message: Any) -> list[tuple[Any, Any]]:
    """Return (message, field) for all that is set in a message and within it."""
    found = []
    for field, value in message.ListFields():
        found.append((message, field))
        if field.message_type is not None:
            parts = [value] if hasattr(value, "ListFields") else list(value)
            found += [pair for part in parts for pair in _fields(part)]
    return found


def _wild(value: object, names: list[str], random: Random) -> object:
    if isinstance(value, str):
        return random.choice([*names, "", "Relu", "Add", "axis", "\n" * 3])
    if isinstance(value, bytes):
        return mutant(value, random) if value else b"x"
    if isinstance(value, float):
        return random.choice((0.0, -1.0, float("nan"), float("inf"), 1e38, 1e-45))
    return random.choice(WILD)

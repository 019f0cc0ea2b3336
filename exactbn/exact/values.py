"""Values: frozen objects that are what their fields say, wherever they are."""

from dataclasses import fields
from typing import Any, cast


class Value:
    """Base of frozen dataclasses that are copied and pickled by their fields alone.

    What a value has derived from its fields and kept (integer forms, indices, exact coordinates) is
    not part of it: a copy derives it again. The constructor runs for a copy too, so that nothing
    reaches a value around its checks.
    """

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        names = (field.name for field in fields(cast(Any, self)))
        return type(self), tuple(getattr(self, name) for name in names)

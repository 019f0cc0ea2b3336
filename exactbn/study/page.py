"""Pages that hold their pictures and need no network, from jinja templates."""

import base64
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

#: What every page is called.
PAGE = "report.html"


def write_page(path: Path, template: str, values: Mapping[str, Any]) -> None:
    """Write a page; ``template`` is a file beside this module.

    Every value is escaped, but for ``style``, the common styles; one that is missing is an error.
    """
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined,
                                     trim_blocks=True, lstrip_blocks=True)
    here = files("exactbn.study")
    source = here.joinpath(template).read_text(encoding="utf-8")
    style = here.joinpath("page.css").read_text(encoding="utf-8")
    page = environment.from_string(source).render({**values, "style": style})
    path.write_text(page, encoding="utf-8")


def embedded(path: Path) -> str | None:
    """Return a picture as a data address, or None where it was not drawn."""
    if not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()

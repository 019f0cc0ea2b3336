"""Make the pictures of docs/plotting.md from its own blocks: ``python -m tests.gallery``."""

import re
from pathlib import Path

from exactbn.drawing.style import style, write_figure

PAGE = Path(__file__).parents[1] / "docs" / "plotting.md"
#: A block of Python and, right after it, the picture of its last ``ax``, if it has one.
BLOCK = re.compile(r"```python\n(.*?)```(?:\s*!\[[^]]*\]\(([^)]+)\))?", re.DOTALL)


def main() -> None:
    """Run all blocks, one after the other, and write the picture after each."""
    names: dict[str, object] = {}
    for block, picture in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        lines = re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", block, re.MULTILINE)
        exec("\n".join(lines), names)  # the blocks are those of our own page
        if picture:
            target = PAGE.parent / picture
            target.parent.mkdir(exist_ok=True)
            with style():
                write_figure(names["ax"].figure, target, 80)
            print(target)


if __name__ == "__main__":
    main()

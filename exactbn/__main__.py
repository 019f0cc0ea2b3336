"""``python -m exactbn`` is the program ``exactbn``."""

import sys

from exactbn.cli import main

if __name__ == "__main__":
    sys.exit(main())

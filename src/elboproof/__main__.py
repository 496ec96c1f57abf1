"""``python -m elboproof`` is the command ``elboproof``."""

import sys

from elboproof.cli import main

if __name__ == "__main__":
    sys.exit(main())

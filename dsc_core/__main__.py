"""`python -m dsc_core`: the command line, see `dsc_core.cli`."""

from __future__ import annotations

import sys

from dsc_core.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())

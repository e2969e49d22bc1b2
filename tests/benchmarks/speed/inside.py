"""A process that measures the core of one tree: `python -m tests.benchmarks.speed.inside TREE MODULE:FUNCTION ANSWER`.

TREE holds the `dsc_core` to measure, of whichever commit; the harness itself is always that of the present folder.
The request comes as JSON by standard input, and the answer of the function goes as JSON into the file ANSWER.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

BEGAN = time.time()  # as early as this file can tell


def take_core_from(tree: str) -> None:
    """Let every `dsc_core` module of this process come from `tree`."""
    sys.path.insert(0, str(Path(tree).resolve()))
    importlib.import_module("dsc_core")
    sys.path.pop(0)  # what else the tree holds, such as its own tests, is not wanted


def main() -> None:
    """Carry out the request."""
    tree, what, answer = sys.argv[1:]
    take_core_from(tree)
    module, function = what.split(":")
    request = json.load(sys.stdin)
    result = getattr(importlib.import_module(f"tests.benchmarks.speed.{module}"), function)(**request)
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()

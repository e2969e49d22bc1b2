"""How fast everything is: `python -m tests.benchmarks.speed --help`. Imports nothing of the core: see `trees`."""

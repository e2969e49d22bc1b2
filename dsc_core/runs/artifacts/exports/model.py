"""Export "model": the run's folder as a ZIP file, which load_run opens."""

from __future__ import annotations

from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.pack import pack


def write(context: Context) -> None:
    """See `pack`."""
    pack(context.run, context.out)


EXPORTS = (Export("model", "Model", (".zip",), "The run's folder, which load_run opens.", write, order=12),)

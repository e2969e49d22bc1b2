"""Export "labels": labels.csv or the same columns as Parquet."""

from __future__ import annotations

from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.exports.kind import Context, Export, parts
from dsc_core.runs.artifacts.labels import PIECE, csv_pieces, labels_frame


def write(context: Context) -> None:
    """One row per sample; large tables in pieces."""
    if context.suffix == ".parquet":
        edits.with_edits(labels_frame(context.run), context.edited).to_parquet(context.out, index=False)
    elif not context.edited.changed:
        for piece in csv_pieces(context.run):
            context.out.write(piece)
    else:
        frame = labels_frame(context.run)
        for part in parts(len(frame), PIECE):
            rows = edits.with_edits(frame, context.edited, part)
            context.out.write(csv_bytes(rows, header=not part.start))


EXPORTS = (
    Export(
        "labels",
        "Labels",
        (".csv", ".parquet"),
        "One row per sample: cluster, confidence, positions on the maps.",
        write,
        order=1,
        edited=True,
        default_for=(".csv", ".parquet"),
    ),
)

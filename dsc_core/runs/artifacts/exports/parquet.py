"""A Parquet file from pieces of a table; no export by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pandas as pd


def write_parquet(pieces: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    """Write the pieces one after another, with the types of the first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for piece in pieces:
            schema = writer.schema if writer else None
            table = pa.Table.from_pandas(piece, preserve_index=False, schema=schema)
            if writer is None:
                # A first piece without a value in some column would give that column the null type.
                fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
                table = table.cast(pa.schema(fields))
                writer = pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()

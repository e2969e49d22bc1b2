"""Lines of a table in text that are no samples, such as units below the header and totals at the end, are said."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import open_dataset, open_stream

X = np.random.default_rng(0).normal(50, 9, (60, 3)).round(2)
BODY = pd.DataFrame(X).to_csv(index=False, header=False)


def warnings_of(path, content):
    """The notes on lines that are no samples, of the file as a whole and in blocks."""
    path.write_text(content)
    dataset = open_dataset(path)
    with open_stream(path, dataset.describe(), block=7) as stream:
        assert sum(map(len, stream)) == len(dataset)
    found, of_blocks = (
        {note.kind: str(note) for note in notes if note.kind in ("second_header", "last_line")}
        for notes in (dataset.notes, stream.notes)
    )
    assert found == of_blocks
    assert all(note.is_warning for note in dataset.notes if note.kind in found)
    return found


@pytest.mark.parametrize("units", ["°C,hPa,m/s", "[K],,", "Air,Air,Wind", "(°C),(hPa),(m/s)"])
def test_units_below_the_header_are_said(tmp_path, units):
    found = warnings_of(tmp_path / "a.csv", f"t,p,v\n{units}\n{BODY}")
    assert set(found) == {"second_header"}
    assert ", ".join(units.split(",")) in found["second_header"]


@pytest.mark.parametrize(
    "last", ["Total,1,2", '"Grand total",1,2', "(60 rows affected)", "# end", "Average,,3"]
)
def test_a_total_or_a_remark_at_the_end_is_said(tmp_path, last):
    found = warnings_of(tmp_path / "a.csv", f"t,p,v\n{BODY}{last}\n")
    assert set(found) == {"last_line"}
    assert last in found["last_line"]
    assert warnings_of(tmp_path / "a.csv", f"t,p,v\n{BODY}{last}\n,,\n,,\n") == found


def test_samples_are_no_remarks(tmp_path):
    """Gaps in the first row, texts throughout, and names that begin like a remark in other rows as well."""
    path = tmp_path / "a.csv"
    assert not warnings_of(path, "t,p,v\n?,NA,1\n" + BODY)
    assert not warnings_of(path, "t,p,v\nA,2,1\n" + BODY)
    rows = [line.replace(",", f",{'ab'[number % 2]},", 1) for number, line in enumerate(BODY.splitlines())]
    assert not warnings_of(path, "t,kind,p,v\n" + "\n".join(rows) + "\n")
    rows = [f"#{number:03x},{line}" for number, line in enumerate(BODY.splitlines())]
    assert not warnings_of(path, "id,t,p,v\n" + "\n".join(rows) + "\n")
    rows = [f"summer{number % 3},{line}" for number, line in enumerate(BODY.splitlines())]
    assert not warnings_of(path, "season,t,p,v\n" + "\n".join(rows) + "\n")

"""The form for a table: what is guessed, what is pointed out before training, and what is left out."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import load_dataset, open_dataset
from tests.pages.test_data_page import labelled

ROWS = 60


@pytest.fixture
def flowers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 2)).round(3), columns=["width", "height"])
    frame["colour"] = rng.choice(["red", "blue"], ROWS)
    frame["town"] = [f"town {row % 20}" for row in range(ROWS)]
    frame["Species"] = np.repeat(["setosa", "versicolor", "virginica"], 20)
    frame.insert(0, "Id", np.arange(1, ROWS + 1))
    return frame


def choose(app, frame: pd.DataFrame, header: bool = True):
    """Upload the frame as CSV; the form is then on the page."""
    content = frame.to_csv(index=False, header=header).encode()
    app.run()
    app.file_uploader[0].set_value(("flowers.csv", content, "text/csv")).run()
    assert not app.exception
    return app


def shown(elements) -> str:
    """The text of captions or warnings, without the marks that keep it from being Markdown."""
    return "\n".join(element.value for element in elements).replace("\\", "")


def warnings(app) -> str:
    return shown(app.warning)


def opened(app, workspace):
    app.button(key="open_source").click().run()
    assert not app.exception
    assert not app.error
    return load_dataset(app.query_params["data"], workspace)


def test_the_guess_that_the_form_shows_is_what_is_read_without_it(app, flowers, workspace):
    choose(app, flowers)
    assert labelled(app.selectbox, "Label column").value == "Species"
    assert labelled(app.selectbox, "Id column").value == "Id"
    assert labelled(app.multiselect, "Columns to leave out").value == []
    found = opened(app, workspace)
    alone = open_dataset(next(workspace.glob("uploads/*/flowers.csv")))
    assert np.array_equal(found.samples, alone.samples)
    assert found.ids.tolist() == alone.ids.tolist()
    assert found.labels.tolist() == alone.labels.tolist()


def test_text_columns_are_named_with_their_inputs_before_training(app, flowers):
    choose(app, flowers)
    assert "colour (2), town (20)" in shown(app.caption)
    assert "Species" not in shown(app.caption)
    assert "may decide the clusters: town (20)" in warnings(app)
    labelled(app.multiselect, "Columns to leave out").set_value(["town"]).run()
    assert "town" not in warnings(app)
    assert "town (20)" not in shown(app.caption)


def test_a_label_column_that_is_not_chosen_is_pointed_out_until_it_is_left_out(app, flowers, workspace):
    choose(app, flowers.drop(columns="town"))
    assert not app.warning
    labelled(app.selectbox, "Label column").set_value("").run()
    assert "Columns that look like labels are trained on: Species" in warnings(app)
    labelled(app.multiselect, "Columns to leave out").set_value(["Species", "height"]).run()
    assert not app.warning
    found = opened(app, workspace)
    assert [column["name"] for column in found.preprocessing["columns"]] == ["width", "colour"]
    assert found.labels is None


def test_what_is_trained_on_although_it_looks_like_labels_is_a_warning_after_the_import_as_well(app, flowers):
    choose(app, flowers.drop(columns="town"))
    labelled(app.selectbox, "Label column").set_value("").run()
    app.button(key="open_source").click().run()
    assert "Columns that look like labels are trained on: Species" in warnings(app)


def test_row_numbers_and_second_labels_are_preset_to_be_left_out_and_can_be_kept(app, flowers, workspace):
    frame = flowers.drop(columns="town").assign(label=np.repeat([0, 1, 2], 20), serial=np.arange(ROWS))
    choose(app, frame)
    assert labelled(app.selectbox, "Label column").value == "label"
    assert labelled(app.multiselect, "Columns to leave out").value == ["serial", "Species"]
    labelled(app.multiselect, "Columns to leave out").set_value(["Species"]).run()
    found = opened(app, workspace)
    assert [column["name"] for column in found.preprocessing["columns"]] == [
        *("width", "height", "colour", "serial")
    ]


def test_whether_the_first_row_names_the_columns_can_be_said(app, flowers, workspace):
    choose(app, flowers[["width", "height", "Species"]], header=False)
    assert labelled(app.selectbox, "Label column").value == "3"
    labelled(app.segmented_control, "First row").set_value("Column names").run()
    assert not app.exception
    assert labelled(app.selectbox, "Label column").options[3] == "setosa"
    labelled(app.segmented_control, "First row").set_value("Data").run()
    found = opened(app, workspace)
    assert len(found) == ROWS
    assert found.classes == 3

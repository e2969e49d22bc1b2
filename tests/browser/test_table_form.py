"""The form for a table, as a person uses it: what looks like labels is pointed out, and columns are left out."""

import numpy as np
import pandas as pd

from tests.browser.driving import NARROW, button, metric, serving, settled, sticking_out


def flowers() -> pd.DataFrame:
    """60 rows of two numbers, text of two and of twenty values, classes and row numbers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)).round(3), columns=["width", "height"])
    frame["colour"] = rng.choice(["red", "blue"], 60)
    frame["town"] = [f"town {row % 20}" for row in range(60)]
    frame["Species"] = np.repeat(["setosa", "versicolor", "virginica"], 20)
    frame.insert(0, "Id", np.arange(1, 61))
    return frame


def choose(page, label: str, option: str) -> None:
    """Choose an option of the select box with this label."""
    page.get_by_label(label).last.click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_labels_that_are_not_chosen_are_pointed_out_and_columns_left_out(page, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    flowers().to_csv(tmp_path / "flowers.csv", index=False)
    with serving(home) as address:
        page.goto(address)
        settled(page)
        page.locator("input[type=file]").first.set_input_files(tmp_path / "flowers.csv")
        button(page, "open_source").wait_for()
        settled(page)
        warnings = page.get_by_test_id("stAlert")
        assert page.get_by_text("colour (2), town (20)").is_visible()
        assert warnings.filter(has_text="may decide the clusters: town (20)").is_visible()
        assert not warnings.filter(has_text="Species").count()
        choose(page, "Label column", "No label column")
        looks = warnings.filter(has_text="Columns that look like labels are trained on: Species")
        looks.wait_for()
        choose(page, "Columns to leave out", "town")
        page.keyboard.press("Escape")
        choose(page, "Columns to leave out", "Species")
        page.keyboard.press("Escape")
        settled(page)
        assert not warnings.count()
        page.set_viewport_size(NARROW)
        settled(page)
        assert not sticking_out(page)
        button(page, "open_source").click()
        button(page, "continue").wait_for(timeout=60_000)
        settled(page)
        assert metric(page, "Shape") == "4"  # width, height and two colours
        assert metric(page, "Classes") == "No labels"
        assert page.get_by_text("Columns left out as requested: town, Species.").is_visible()

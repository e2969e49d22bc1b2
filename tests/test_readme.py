"""The README tells the truth: its tables are current, and what it points at is there."""

import re

from tests.readme import ASSETS, README, heat_maps, with_tables


def test_the_tables_of_settings_and_scores_are_current():
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: python -m tests.readme"


def test_the_heat_maps_are_current():
    known = {path.name: path.read_text(encoding="utf-8") for path in ASSETS.glob("grid-*.svg")}
    assert known == heat_maps(), "run: python -m tests.readme"


def test_every_linked_file_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if not (README.parent / link).exists()]
    assert not missing

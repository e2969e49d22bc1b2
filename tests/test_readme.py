"""The README tells the truth: its table is current, and what it points at is there."""

import re

from tests.readme import README, with_table


def test_the_table_of_settings_is_current():
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m tests.readme"


def test_every_linked_file_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if not (README.parent / link).exists()]
    assert not missing

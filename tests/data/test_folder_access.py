"""Paths that a page may read: under the folders of the configuration, wherever links and dots lead."""

import os

import pytest

from dsc_core.data.folder_access import allowed_folders, allowed_path
from dsc_core.errors import InputError


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two folders that are allowed and one beside them."""
    for name in ("one", "two", "other"):
        (tmp_path / name / "in").mkdir(parents=True)
    monkeypatch.setenv("DSC_FOLDERS", os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "two")]))
    return tmp_path


def test_what_lies_in_an_allowed_folder_may_be_read(places):
    for inside in ("one", "one/in", "two/in", "two/not-there.zip", "other/../one/in"):
        assert allowed_path(str(places / inside)) == places / inside


@pytest.mark.parametrize("path", ["other", "other/in", "one/../other", ".", "one-beside", "/etc/passwd", ""])
def test_what_lies_elsewhere_is_refused_by_the_settings_name(places, path):
    with pytest.raises(InputError, match=r"outside the folders .* DSC_FOLDERS\.$"):
        allowed_path(str(places / path) if path else "/")


def test_a_link_is_what_it_leads_to(places):
    (places / "one" / "out").symlink_to(places / "other")
    (places / "other" / "into").symlink_to(places / "one")
    with pytest.raises(InputError, match="outside"):
        allowed_path(str(places / "one" / "out" / "in"))
    assert allowed_path(str(places / "other" / "into" / "in"))


@pytest.mark.parametrize("text", ["\0", "~nobody-of-this-name/a"])
def test_what_is_no_path_is_one_sentence(places, text):
    with pytest.raises(InputError, match="Invalid path"):
        allowed_path(text)


def test_by_default_the_users_own_files_the_data_folder_and_the_workspace(tmp_path, monkeypatch):
    monkeypatch.delenv("DSC_FOLDERS", raising=False)
    for name, value in (("HOME", "own"), ("USERPROFILE", "own"), ("DSC_DATA", "sets"), ("DSC_HOME", "work")):
        monkeypatch.setenv(name, str(tmp_path / value))
    assert allowed_folders() == tuple((tmp_path / name).resolve() for name in ("own", "sets", "work"))
    assert allowed_path("~/a.zip") == tmp_path / "own" / "a.zip"
    with pytest.raises(InputError, match="outside"):
        allowed_path(str(tmp_path / "else"))

"""The settings of who may use the server, and the token in the workspace."""

import os
import stat

import pytest

from pages.server.access import FILE, Access, kept_token

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")


def test_without_settings_the_owner_needs_no_token(tmp_path):
    access = Access.read(tmp_path, {})
    assert access.rule == "owner"
    assert access.origins == ()
    assert len(access.token) >= 32


def test_a_token_is_kept_and_two_workspaces_have_two(tmp_path):
    first = kept_token(tmp_path / "a")
    assert kept_token(tmp_path / "a") == first
    assert kept_token(tmp_path / "b") != first
    assert Access.read(tmp_path / "a", {"DSC_TOKEN": "0123456789abcdef"}).token == "0123456789abcdef"


@posix
def test_only_the_owner_can_read_the_token(tmp_path):
    before = os.umask(0)
    try:
        first = kept_token(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert kept_token(tmp_path) != first, "a token that others could read is replaced"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff\xfe" * 20, b"with blanks in its middle", b"a\nb" * 20]
)
def test_a_damaged_token_is_replaced(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    token = kept_token(tmp_path)
    assert len(token) >= 32
    assert kept_token(tmp_path) == token


def test_a_workspace_that_cannot_be_written_still_has_a_token(tmp_path):
    (tmp_path / "file").write_text("")
    assert len(kept_token(tmp_path / "file")) >= 32
    (tmp_path / FILE).mkdir()
    assert len(kept_token(tmp_path)) >= 32


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DSC_ACCESS", "everybody"),
        ("DSC_TOKEN", "short"),
        ("DSC_TOKEN", "0123456789abcdef; Path=/"),
        ("DSC_TOKEN", "0123456789abcdefé"),
        ("DSC_ORIGINS", "lab.example.org"),
        ("DSC_ORIGINS", "https://lab.example.org/page"),
        ("DSC_ORIGINS", "*"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"^{name} .*: "):
        Access.read(tmp_path, {name: value})


def test_origins_are_read_as_browsers_send_them(tmp_path):
    access = Access.read(tmp_path, {"DSC_ORIGINS": "https://Lab.example.org/, http://10.0.0.1:80"})
    assert access.origins == ("https://lab.example.org", "http://10.0.0.1:80")

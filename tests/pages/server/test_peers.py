"""Whose connection it is: read from the system's list of connections."""

import os
import socket
import subprocess
import sys

import pytest

from pages.server.peers import is_local, user_of

NOBODY = 65534
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lists connections in /proc"
)


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        with socket.socket(family) as server:
            server.bind((request.param, 0))
            server.listen()
            yield server
    except OSError:
        pytest.skip(f"this machine has no {request.param}")


@linux
def test_a_connection_is_its_users_until_it_is_closed(listening):
    here = listening.getsockname()[:2]
    with socket.socket(listening.family) as client:
        client.connect(here)
        there = client.getsockname()[:2]
        assert user_of(there, here) == os.geteuid()
        assert user_of((there[0], there[1] ^ 1), here) is None
        assert user_of(there, (here[0], here[1] ^ 1)) is None
    assert user_of(there, here) is None, "a closed connection is listed as root's"


@linux
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")
def test_another_users_connection_is_not_ours(listening):
    here = listening.getsockname()[:2]
    code = f"import encodings.idna, os, socket; os.setuid({NOBODY}); s = socket.create_connection({here!r})"
    code += "; print(s.getsockname()[1], flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(other.stdout.readline())
        assert user_of((here[0], port), here) == NOBODY
    finally:
        other.communicate("\n", timeout=30)


def test_an_ipv4_client_of_an_ipv6_server_is_found(tmp_path):
    table = tmp_path / "tcp6"
    row = "0: {0}:C350 {0}:2135 01 00000000:00000000 00:00000000 00000000 1234 0 1"
    mapped = (
        "0000000000000000FFFF00000100007F"
        if sys.byteorder == "little"
        else "00000000000000000000FFFF7F000001"
    )
    table.write_text("header\n" + row.format(mapped) + "\n")
    assert user_of(("127.0.0.1", 50000), ("127.0.0.1", 8501), (tmp_path / "none", table)) == 1234
    assert user_of(("127.0.0.1", 50001), ("127.0.0.1", 8501), (tmp_path / "none", table)) is None


def test_only_loopback_is_local():
    assert is_local("127.0.0.1")
    assert is_local("127.9.9.9")
    assert is_local("::1")
    assert is_local("::ffff:127.0.0.1")
    assert not is_local("192.0.2.1")
    assert not is_local("testclient")
    assert not is_local("")
    assert user_of(("192.0.2.1", 1), ("127.0.0.1", 2)) is None

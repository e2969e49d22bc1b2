"""Who may use the server, seen from a browser."""

import http.server
import os
import subprocess
import sys
import threading

import pytest

from tests.browser.driving import serving, settled

PAGE = "<p id=said>nothing yet</p><iframe src='{app}' width=400 height=200></iframe>"
CONNECT = """address => new Promise(done => {
  const socket = new WebSocket(address, ["streamlit"]);
  socket.onopen = () => done("open"); socket.onerror = () => done("refused");
})"""


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """The address of a server that asks everybody for its token, without it, and the token."""
    monkeypatch.setenv("DSC_ACCESS", "token")
    monkeypatch.setenv("DSC_TOKEN", "0123456789abcdef")
    with serving(tmp_path / "home") as address:
        yield address, "0123456789abcdef"


def test_the_token_opens_the_app_and_is_asked_for_once(page, locked):
    address, token = locked
    page.goto(address + "/runs")
    page.get_by_role("heading", name="Token required").wait_for()
    page.get_by_label("Token").fill("not the token at all")
    page.get_by_role("button", name="Open the app").click()
    page.get_by_text("This token is not valid.").wait_for()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open the app").click()
    settled(page)
    page.get_by_test_id("stTopNavLink").first.wait_for()
    assert token not in page.url
    assert "/runs" in page.url
    page.goto(address)
    settled(page)
    assert page.get_by_test_id("stTopNavLink").count() == 5


def test_the_address_with_the_token_leads_to_its_page(page, locked):
    address, token = locked
    page.goto(f"{address}/train?token={token}")
    settled(page)
    page.get_by_test_id("stTopNavLink").first.wait_for()
    assert "/train" in page.url
    assert token not in page.url


def test_a_page_of_another_server_can_neither_connect_nor_frame_the_app(page, tmp_path):
    with serving(tmp_path / "home") as address:
        socket_address = address.replace("http", "ws") + "/_stcore/stream"

        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE.format(app=address).encode())

            def log_message(self, *args):
                pass

        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            page.goto(f"http://127.0.0.1:{other.server_address[1]}/")
            assert page.evaluate(CONNECT, socket_address) == "refused"
            page.wait_for_timeout(500)
            assert page.frame_locator("iframe").get_by_test_id("stTopNavLink").count() == 0
            page.goto(address)
            settled(page)
            assert page.evaluate(CONNECT, socket_address) == "open"
        finally:
            other.shutdown()
            other.server_close()


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="needs root on Linux")
def test_another_user_of_the_machine_is_asked_for_the_token(tmp_path):
    code = "import encodings.idna, os, sys, urllib.request as request; os.setuid(int(sys.argv[2]))"
    code += "; print(request.urlopen(sys.argv[1]).status)"
    with serving(tmp_path / "home") as address:
        own, other = (
            subprocess.run([sys.executable, "-c", code, address, user], capture_output=True, text=True)
            for user in ("0", "65534")
        )
    assert own.stdout.strip() == "200", own.stderr
    assert "HTTP Error 403" in other.stderr

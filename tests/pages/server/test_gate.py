"""The gate answers the app's own pages and its owner, and nobody else."""

import asyncio
import os

import pytest

from pages.server.access import Access
from pages.server.gate import Gate

TOKEN = "abcdefghijklmnop"
HERE = ("127.0.0.1", 8501)
ELSEWHERE = ("192.0.2.7", 5000)  # no local connection, so no user is known
ANSWER = [(b"content-type", b"text/plain")]


async def behind(scope, receive, send):
    """The app behind the gate: answers everything."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": list(ANSWER)})
    await send({"type": "http.response.body", "body": b"the app"})


def ask(kind="http", rule="token", path="/", query="", method="GET", origins=(), hosts=(), **headers):
    """(the messages that the gate sends for one request)."""
    headers = {"host": "127.0.0.1:8501"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {"type": kind, "path": path, "query_string": query.encode(), "client": ELSEWHERE, "server": HERE}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
    if kind == "http":
        scope["method"] = method
    sent = []

    async def receive():
        return {"type": f"{kind}.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(Gate(behind, Access(rule, TOKEN, tuple(origins), hosts))(scope, receive, send))
    return sent


def passes(sent):
    return sent[0].get("status") == 200 or sent[0]["type"] == "websocket.accept"


def headers_of(sent):
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),
        ("http://127.0.0.1:8501", True),
        ("HTTP://127.0.0.1:8501", True),
        ("http://127.0.0.1:8502", False),
        ("http://localhost:8501", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1:8501.example.org", False),
        ("http://user@127.0.0.1:8501", False),
        ("https://lab.example.org", True),
        ("https://lab.example.org:444", False),
        ("http://[::1", False),
        ("http://127.0.0.1:8501/", False),
        ("null", False),
        ("", False),
    ],
)
def test_requests_of_pages_of_other_origins_are_refused(kind, origin, expected):
    headers = {} if origin is None else {"origin": origin}
    assert passes(ask(kind, rule="open", origins=["https://lab.example.org"], **headers)) == expected


def test_a_websocket_without_a_host_is_no_page_of_ours():
    assert not passes(ask("websocket", rule="open", host="", origin="null"))
    assert not passes(ask("websocket", rule="open", host="", origin="http://"))


@pytest.mark.parametrize(
    ("site", "mode", "method", "expected"),
    [
        ("same-origin", "no-cors", "GET", True),
        ("none", "navigate", "GET", True),
        ("same-site", "navigate", "GET", True),
        ("cross-site", "navigate", "GET", True),
        ("cross-site", "navigate", "POST", False),
        ("same-site", "no-cors", "GET", False),
        ("cross-site", "no-cors", "GET", False),
        ("same-site", "cors", "GET", False),
    ],
)
def test_other_pages_may_link_here_but_not_load_pictures_or_send_forms(site, mode, method, expected):
    sent = ask(rule="open", method=method, sec_fetch_site=site, sec_fetch_mode=mode)
    assert passes(sent) == expected


def test_no_other_page_may_frame_the_app():
    assert headers_of(ask(rule="open"))["content-security-policy"] == "frame-ancestors 'self'"
    allowed = headers_of(ask(rule="open", origins=["https://lab.example.org"]))
    assert allowed["content-security-policy"] == "frame-ancestors 'self' https://lab.example.org"
    assert headers_of(ask(rule="open"))["content-type"] == "text/plain"


def test_without_the_token_a_page_asks_for_it():
    sent = ask()
    assert sent[0]["status"] == 403
    assert b"Token required" in sent[1]["body"]
    assert b"not valid" not in sent[1]["body"]
    wrong = ask(query="token=abcdefghijklmnoq")
    assert wrong[0]["status"] == 403
    assert b"not valid" in wrong[1]["body"]
    assert b"<script" not in ask(query="token=%3Cscript%3Ealert(1)%3C/script%3E")[1]["body"]
    closed = ask("websocket")
    assert closed == [{"type": "websocket.close", "code": 1008}]
    assert not passes(ask("websocket", query=f"token={TOKEN}")), (
        "a token in an address is for a person to open"
    )


def test_the_token_leads_to_the_address_without_it_and_stays_in_a_cookie():
    sent = ask(path="/results", query=f"run=a%20b&token={TOKEN}&empty=")
    headers = headers_of(sent)
    assert sent[0]["status"] == 303
    assert headers["location"] == "/results?run=a+b&empty="
    cookie, *flags = headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(flags)
    assert "Secure" not in flags
    assert passes(ask(cookie=f"other={{broken; {cookie}; more=1"))
    assert passes(ask("websocket", cookie=cookie))
    assert not passes(ask(cookie=cookie[:-1]))
    assert not passes(ask(cookie=cookie.replace("8501", "8502")))


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "///evil.example/x", "/é\r\nset-cookie: a=b"]
)
def test_the_redirect_stays_on_this_server(path):
    location = headers_of(ask(path=path, query=f"token={TOKEN}"))["location"]
    assert location.startswith("/")
    assert location[1] not in "/\\"
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8501", True),
        ("LOCALHOST.", True),
        ("a.lab.example.org:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8501", False),
        ("evil@evil.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_the_server_answers_to_its_names_only(host, expected):
    hosts = ("localhost", "127.0.0.1", "*.lab.example.org")
    assert passes(ask(rule="open", hosts=hosts, host=host)) == expected
    assert not passes(ask("websocket", rule="open", hosts=hosts, host="evil.example"))


def test_the_health_check_needs_no_token():
    assert passes(ask(path="/_stcore/health"))
    assert not passes(ask(path="/media/_stcore/health"))
    assert not passes(ask(path="/_stcore/host-config"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users are told apart on POSIX only")
@pytest.mark.parametrize(("user", "expected"), [("own", True), (None, False), ("another", False)])
def test_the_owner_needs_no_token_where_the_system_tells_who_it_is(monkeypatch, user, expected):
    uid = {"own": os.geteuid(), "another": os.geteuid() + 1}.get(user)
    monkeypatch.setattr("pages.server.gate.user_of", lambda client, server: uid)
    assert passes(ask(rule="owner")) == expected
    assert not passes(ask(rule="token")), "where tokens are required, the owner needs one too"


def test_what_is_no_request_passes():
    passed = []

    async def app(scope, receive, send):
        passed.append(scope["type"])

    asyncio.run(Gate(app, Access("token", TOKEN))({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]

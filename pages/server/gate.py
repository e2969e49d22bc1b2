"""The gate of the server: which requests are answered at all, before Streamlit sees them.

A page that another program serves on this machine can send requests here, and so can the programs of other users:
listening on 127.0.0.1 keeps out neither. See SECURITY.md.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from pages.server.access import OPEN, OWNER, Access
from pages.server.peers import user_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PARAMETER = "token"
HEALTH = "/_stcore/health"  # says only that the server runs
COOKIE_SECONDS = 30 * 24 * 3600
REFUSED = 1008  # a WebSocket's code for a broken rule
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Deep Spectral Clustering</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem }}
input, button {{ font: inherit; padding: .4rem .7rem }} input {{ width: 100%; box-sizing: border-box }}
p.wrong {{ color: light-dark(#b42323, #ff8a80) }} button {{ margin-top: .8rem }}</style>
<h1>Token required</h1>{wrong}
<p>This app serves the person who started it. Open the address with a token that the server printed in its terminal, or
paste the token.</p>
<form><label for="token">Token</label><input id="token" name="token" type="password" autocomplete="off"
autofocus required>
<button>Open the app</button></form></html>"""


class Gate:
    """ASGI middleware that answers only requests from the app's own pages, by who may use the server.

    Parameters
    ----------
    app : ASGI application
        What answers the requests that pass.
    access : Access
        Who may use the server.
    """

    def __init__(self, app: App, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self.access.is_host(headers.get("host", "")):
            return await _refuse(scope, receive, send, "This server does not answer to this name.")
        if not self._has_own_origin(scope, headers):
            return await _refuse(scope, receive, send, "This request comes from a page of another server.")
        given = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))).get(PARAMETER)
        if scope["type"] == "http" and scope["method"] == "GET" and self.access.is_token(given):
            return await self._admit(scope, send)
        if not self._is_admitted(scope, headers):
            page = PAGE.format(wrong='<p class="wrong">This token is not valid.</p>' if given else "")
            return await _refuse(scope, receive, send, page)
        await self.app(scope, receive, self._unframed(send))

    def _has_own_origin(self, scope: Message, headers: dict[str, str]) -> bool:
        """Whether no page of another origin sends the request. Browsers say so; other programs may say nothing."""
        origin = headers.get("origin")
        if origin is not None:
            same = origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
            return same or origin.lower() in self.access.origins
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return True
        # A link on another page may lead here; its pictures, scripts and forms may not.
        return headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"

    def _is_admitted(self, scope: Message, headers: dict[str, str]) -> bool:
        """Whether the request needs no token, or carries it in its cookie."""
        if self.access.rule == OPEN or scope["path"] == self.access.base + HEALTH:
            return True
        if self.access.is_token(_cookie(headers.get("cookie", ""), _cookie_name(scope))):
            return True
        client, server = scope.get("client"), scope.get("server")
        if self.access.rule != OWNER or not client or not server or not hasattr(os, "geteuid"):
            return False
        return user_of(tuple(client), tuple(server)) == os.geteuid()

    async def _admit(self, scope: Message, send: Send) -> None:
        """Keep the token in a cookie and lead to the same address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
        # One slash, or the browser takes //name for another server.
        target = "/" + scope["path"].lstrip("/\\") + (f"?{rest}" if rest else "")
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{_cookie_name(scope)}={self.access.token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}"
        headers = [(b"location", _quoted(target)), (b"set-cookie", (cookie + secure).encode())]
        headers += [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _unframed(self, send: Send) -> Send:
        """`send`, which tells browsers that pages of other origins may not show the app in a frame."""
        policy = " ".join(["frame-ancestors 'self'", *self.access.origins]).encode()

        async def unframed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"content-security-policy", policy)]
            await send(message)

        return unframed


async def _refuse(scope: Message, receive: Receive, send: Send, text: str) -> None:
    """Answer with 403 and `text`, or close a WebSocket before it opens."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": REFUSED})
        return
    kind = b"text/html" if text.startswith("<!") else b"text/plain"
    headers = [(b"content-type", kind + b"; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _cookie_name(scope: Message) -> str:
    """Cookies belong to a host, not to a port: two servers on one machine need two names."""
    return f"dsc-token-{(scope.get('server') or ('', 0))[1]}"


def _cookie(header: str, name: str) -> str | None:
    """The value of a cookie, None if there is none; whatever other servers of this host have set beside it."""
    cookies = (part.strip().partition("=") for part in header.split(";"))
    return next((value for key, _, value in cookies if key == name), None)


def _quoted(target: str) -> bytes:
    """An address for a header: escaped where it is not printable ASCII."""
    return quote(target, safe="/?=&%+~-._").encode()

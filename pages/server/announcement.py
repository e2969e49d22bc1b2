"""Saying where the app is, and opening it in the browser, once its server runs."""

from __future__ import annotations

import threading
import webbrowser

import streamlit as st

from pages.server.access import OPEN, Access
from pages.server.gate import PARAMETER

DELAY = 0.5  # seconds, until the server answers


def announce(access: Access) -> None:
    """Print the address with the token, and open it unless the server is headless."""
    address = _address(access.base)
    if access.rule != OPEN:
        address = f"{address}/?{PARAMETER}={access.token}"
        print(f"  With its token, for another browser or machine: {address}\n", flush=True)
    if not st.get_option("server.headless"):
        opening = threading.Timer(DELAY, webbrowser.open, [address])
        opening.daemon = True
        opening.start()


def _address(base: str) -> str:
    """The address of the server, which lies under the path `base`, as Streamlit prints it."""
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    host = st.get_option("server.address") or "localhost"
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{st.get_option('server.port')}{base}"

"""The settings of who may use the server, and its token."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

OWNER, TOKEN, OPEN = "owner", "token", "open"
RULES = (OWNER, TOKEN, OPEN)
FILE = "server-token"  # in the workspace, so that an address stays valid when the server restarts
MIN_TOKEN = 16  # characters


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Parameters
    ----------
    rule : {"owner", "token", "open"}
        "owner": the user who started the server needs no token, as far as the system tells whose connection it is;
        everybody else does. "token": everybody does. "open": nobody does.
    token : str
        The token.
    origins : tuple of str
        Origins besides the server's own whose pages may send requests, such as "https://lab.example.org".
    hosts : tuple of str
        The names that the server answers to, "*" and "*.example.org" among them; none for any name.
    base : str
        The path under which the server lies, "" or "/path".
    """

    rule: str
    token: str
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    base: str = ""

    @classmethod
    def read(cls, home: Path, environment: Mapping[str, str] = os.environ) -> Access:
        """The settings in DSC_ACCESS, DSC_TOKEN and DSC_ORIGINS; without DSC_TOKEN, the token kept in the workspace.

        Raises
        ------
        ValueError
            One sentence, if a setting is not valid.
        """
        rule = environment.get("DSC_ACCESS", "").strip().lower() or OWNER
        if rule not in RULES:
            raise ValueError(f"DSC_ACCESS is {rule[:40]!r}: set it to {', '.join(RULES[:2])} or {RULES[2]}.")
        token = environment.get("DSC_TOKEN", "").strip()
        if token and not is_well_formed(token):
            raise ValueError(
                f"DSC_TOKEN is not a token: use {MIN_TOKEN} or more letters, digits, '-' or '_'."
            )
        origins = tuple(
            _origin(text) for text in environment.get("DSC_ORIGINS", "").replace(",", " ").split()
        )
        return cls(rule, token or kept_token(home), origins)

    def is_host(self, host: str) -> bool:
        """Whether the server answers to the name in a Host header, with or without a port."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        return not self.hosts or any(fnmatchcase(name, pattern.lower().strip()) for pattern in self.hosts)

    def is_token(self, text: str | None) -> bool:
        """Whether `text` is the token; takes as long for a wrong one as for the right one."""
        return text is not None and secrets.compare_digest(text.encode(), self.token.encode())


def kept_token(home: Path) -> str:
    """The token in the workspace `home`, which only its owner can read; made at the first call.

    A token that cannot be stored, on a full disk, serves until the server ends.
    """
    path = home / FILE
    with suppress(OSError, UnicodeDecodeError):
        token = path.read_text("ascii").strip()
        if is_well_formed(token) and not _is_readable_by_others(path):
            return token
    with suppress(OSError):
        path.unlink()
    token = secrets.token_urlsafe(24)
    with suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
            file.write(token + "\n")
    return token


def is_well_formed(token: str) -> bool:
    """Whether a token is long enough and fits into an address and a cookie as it stands."""
    return len(token) >= MIN_TOKEN and token.isascii() and token.replace("-", "").replace("_", "").isalnum()


def _is_readable_by_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def _origin(text: str) -> str:
    """An origin as browsers send it, or a ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"DSC_ORIGINS holds {text[:80]!r}: write origins such as https://lab.example.org.")
    return f"{parts.scheme}://{parts.netloc}".lower()

"""Who has opened a connection to this server, as far as the system says so."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

Address = tuple[str, int]  # host, port
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"


def user_of(client: Address, server: Address, tables: tuple[Path, ...] = TABLES) -> int | None:
    """The numeric id of the local user whose program holds the client's end of a TCP connection.

    None if the client is on another machine or the system does not list its connections (only Linux does), and for a
    connection that the client has closed, which the system lists under no user.
    """
    if not is_local(client[0]):
        return None
    for table, digits in zip(tables, (8, 32), strict=False):
        wanted = _as_listed(client, digits), _as_listed(server, digits)
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, near, far, state, *_, user = line.split()[:8]
            if (near, far) == wanted and state == ESTABLISHED:
                return int(user)
    return None


def is_local(host: str) -> bool:
    """Whether an address, such as "127.0.0.1", is this machine's loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _as_listed(address: Address, digits: int) -> str | None:
    """An address as /proc/net writes it, with an IPv4 address inside an IPv6 one where the table has 32 digits."""
    host = ipaddress.ip_address(address[0])
    if digits == 32 and host.version == 4:
        host = ipaddress.ip_address(f"::ffff:{host}")
    packed = host.packed
    if len(packed) * 2 != digits:
        return None
    words = [packed[start : start + 4] for start in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return f"{b''.join(words).hex().upper()}:{address[1]:04X}"

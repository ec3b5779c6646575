"""What every test gets: a hypothesis profile, and no network but loopback."""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Tuple

from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=5000, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

# Where an audit event names the host: position of the address (or host) among its arguments.
_HOST_ARGUMENT = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


class NetworkRefusedError(RuntimeError):
    """A test tried to reach a host other than this one."""

    def __init__(self, event: str, host: str) -> None:
        super().__init__(event, host)
        self.event = event
        self.host = host

    def __str__(self) -> str:
        return f"{self.event} to {self.host!r}: tests reach loopback addresses only"


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _refuse_network(event: str, arguments: Tuple[object, ...]) -> None:
    position = _HOST_ARGUMENT.get(event)
    if position is None:
        return
    host: object = arguments[position]
    if isinstance(host, tuple) and host:
        host = host[0]  # pyright: ignore[reportUnknownVariableType]  # an address: (host, port, ...)
    elif position == 1:
        return  # the path of a socket in the file system
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if isinstance(host, str) and not _is_this_host(host):
        raise NetworkRefusedError(event, host)


# An audit hook sees every thread and every library, and needs nothing to be patched.
sys.addaudithook(_refuse_network)

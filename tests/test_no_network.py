"""The suite itself: it cannot leave this machine."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_a_connection_to_another_host_is_refused(address: tuple[str, int]) -> None:
    """A test that would need the network fails at once and says whom it called."""
    with pytest.raises(RuntimeError, match=f"{address[0]}.*loopback addresses only"):
        socket.create_connection(address, timeout=1)


def test_a_datagram_to_another_host_is_refused() -> None:
    """Sending without a connection is seen as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(
        RuntimeError, match="loopback addresses only"
    ):
        sock.sendto(b"x", ("192.0.2.1", 9))


def test_loopback_is_open() -> None:
    """A server that a test starts on this machine can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            client.sendall(b"x")
            connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b"x"

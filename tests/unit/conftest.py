"""Unit tests need no socket: whoever opens one by accident learns it here, not on a machine without a network."""

import socket
from typing import Any

import pytest

INTERNET = (socket.AF_INET, socket.AF_INET6)


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every internet socket; an event loop's own pair is none."""
    plain = socket.socket.__init__

    def refuse(self: socket.socket, family: int = -1, *rest: Any, **named: Any) -> None:
        if family in (-1, *INTERNET) and named.get("fileno") is None and not (len(rest) > 2 and rest[2] is not None):
            raise AssertionError("a unit test opened a socket: give it a fake, or move it to tests/integration")
        plain(self, family, *rest, **named)

    monkeypatch.setattr(socket.socket, "__init__", refuse)

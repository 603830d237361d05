"""Only the host part of an address changes, and only where it is one."""

import pytest

from chaos.engines.addresses import loopback, option, split_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("toxiproxy:18151", "127.0.0.1:18151"),
        ("http://toxiproxy:18151", "http://127.0.0.1:18151"),
        ("http://toxiproxy/path", "http://127.0.0.1/path"),
        ("postgresql://shop@toxiproxy:18158/shop_a", "postgresql://shop@127.0.0.1:18158/shop_a"),
        ("postgresql://postgres:1@postgres:5/postgres", "postgresql://postgres:1@127.0.0.1:5/postgres"),
        ("redis://redis:1/0,redis:2", "redis://127.0.0.1:1/0,127.0.0.1:2"),
        ('{"listen": "0.0.0.0:1", "upstream": "orders-a:2"}', '{"listen": "127.0.0.1:1", "upstream": "127.0.0.1:2"}'),
        ("-host=0.0.0.0", "-host=127.0.0.1"),
        ("postgres", "postgres"),
        ("my-postgres:1", "my-postgres:1"),
        ("postgres-2:1", "postgres-2:1"),
        ("10.0.0.0.0:1", "10.0.0.0.0:1"),
        ("payments.charges", "payments.charges"),
    ],
)
def test_a_host_becomes_loopback_where_it_is_an_address(text: str, expected: str) -> None:
    """`host:port` and URLs change; a word that merely looks like a service does not."""
    assert loopback(["postgres", "redis", "toxiproxy", "orders-a", "orders", "payments"])(text) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["x", "-port=1"], "1"),
        (["x", "--port", "2"], "2"),
        (["x", "-p", "3"], "3"),
        (["x", "-port", "1", "-p=4"], "4"),
        (["x", "port", "1"], None),
        (["x", "-port"], None),
    ],
)
def test_an_option_is_read_in_every_spelling(command: list[str], expected: str | None) -> None:
    """One dash or two, a space or an equals sign; the last wins."""
    assert option(command, "port", "p") == expected


@pytest.mark.parametrize("text", ["host", ":1", "host:", "host:x", "host:0", "host:65536"])
def test_what_is_not_host_and_port_is_refused(text: str) -> None:
    """An address has a host and a port between 1 and 65535."""
    with pytest.raises(ValueError, match="not host:port"):
        split_address(text)

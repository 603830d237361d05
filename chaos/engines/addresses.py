"""Addresses of compose.yaml as the local engine uses them: only the host part differs, and it is always loopback.

Under Compose a service is reached by its name and listens on every interface of its container; as a plain process it
is reached on, and listens on, 127.0.0.1 and nothing else.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
_EVERY_INTERFACE = r"(?<![\w.])0\.0\.0\.0(?![\w.])"


def loopback(hosts: Iterable[str]) -> Callable[[str], str]:
    """Return a function that replaces 0.0.0.0, and each of `hosts` where it is an address, by 127.0.0.1.

    A host is an address as `host:port`, or in a URL behind `//` or `@`. The word alone is left: `postgres` is also a
    program and a user.
    """
    names = "|".join(re.escape(host) for host in sorted(hosts, key=len, reverse=True))
    patterns = [_EVERY_INTERFACE]
    if names:
        # Behind // stands a host only where no @ follows: before one it is a user.
        patterns += [rf"(?<=//)(?:{names})(?![\w.-])(?![^/\s]*@)", rf"(?<=@)(?:{names})(?![\w.-])"]
        patterns += [rf"(?<![\w.@/-])(?:{names})(?=:\d)"]
    pattern = re.compile("|".join(patterns))
    return lambda text: pattern.sub(LOOPBACK, text)


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`; raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - the ports there are
        raise ValueError(f"{address!r} is not host:port")
    return host, int(port)


def url_port(url: str) -> int | None:
    """Return the port that a URL names, None where it names none or is no URL."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def option(command: Sequence[str], *names: str) -> str | None:
    """Return the last value of an option, written `-x v`, `-x=v`, `--x v` or `--x=v`; None where it is absent."""
    value = None
    for index, word in enumerate(command):
        name, equals, inline = word.partition("=")
        if not name.startswith("-") or name.lstrip("-") not in names:
            continue
        if equals:
            value = inline
        elif index + 1 < len(command):
            value = command[index + 1]
    return value

"""The links: every caller's way to a callee through Toxiproxy, read from Toxiproxy's own file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from chaos.engines.addresses import LOOPBACK, split_address
from chaos.engines.compose_model import Model


@dataclass(frozen=True)
class Link:
    """One proxy of one arm. `listen` and `upstream` are host:port.

    `url` is what the caller is given to reach the callee through this link, empty where no caller names it: it tells
    the protocol, and for a database also the user and the database.
    """

    arm: str
    name: str
    listen: str
    upstream: str
    url: str = ""

    @property
    def proxy(self) -> str:
        """Return Toxiproxy's name for it."""
        return f"{self.arm}.{self.name}"

    @property
    def direct_url(self) -> str:
        """Return `url` with the way through the proxy left out."""
        return self.url.replace(self.listen, self.upstream)


class Caller(Protocol):
    """What is needed of a service here."""

    @property
    def arm(self) -> str | None:
        """The arm that it plays."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that it gets."""


class ProxyEntry(Model):
    """One entry of Toxiproxy's configuration file. A proxy that starts disabled would be a dirty start."""

    name: str
    listen: str
    upstream: str
    enabled: Literal[True] = True


_ENTRIES = TypeAdapter(list[ProxyEntry])


def read_links(text: str, callers: Iterable[Caller]) -> tuple[Link, ...]:
    """Return the links of a Toxiproxy configuration whose addresses are loopback already; raises ValueError."""
    try:
        entries = _ENTRIES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"Toxiproxy's file, entry {where}: {first['msg']}" if where else first["msg"]) from None
    services = list(callers)
    links: dict[str, Link] = {}
    listens: set[str] = set()
    for entry in entries:
        link = _link(entry, services)
        if link.proxy in links:
            raise ValueError(f"two proxies are named {link.proxy}: two slots play one arm")
        if link.listen in listens:
            raise ValueError(f"two proxies listen on {link.listen}")
        listens.add(link.listen)
        links[link.proxy] = link
    return tuple(links.values())


def render_links(links: Iterable[Link]) -> str:
    """Return Toxiproxy's configuration file for `links`."""
    return json.dumps([{"name": link.proxy, "listen": link.listen, "upstream": link.upstream} for link in links])


def _link(entry: ProxyEntry, services: Iterable[Caller]) -> Link:
    arm, dot, name = entry.name.partition(".")
    if not (arm and dot and "_to_" in name):
        raise ValueError(f"the proxy {entry.name!r} is not named ARM.CALLER_to_CALLEE")
    for address in (entry.listen, entry.upstream):
        host, _ = split_address(address)
        if host != LOOPBACK:
            raise ValueError(f"{entry.name}: {host} is no service of this file")
    return Link(arm, name, entry.listen, entry.upstream, _caller_url(arm, entry.listen, services))


def _caller_url(arm: str, listen: str, services: Iterable[Caller]) -> str:
    """Return the URL in the environment of a service of this arm that goes through `listen`."""
    for service in services:
        if service.arm == arm:
            for value in service.environment.values():
                # The next character ends the port, or 18151 would be found in 181510.
                before, found, after = value.partition(listen)
                if found and "://" in before and not after[:1].isdigit():
                    return value
    return ""

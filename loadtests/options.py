"""What a test of Locust's is told: fields of its web UI, options of its command line, checked before the start."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loadtests.curves import CURVES

MAX_RATE_PER_S = 1000.0
MAX_USERS = 2000
MAX_DURATION_S = 3600.0
MAX_IN_FLIGHT = 20_000


class Refused(ValueError):
    """A test that will not be run; the message says which field and what it must be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One test. `rate_per_s` is of all open arrivals together; `buying` is the share of them who buy, 0 to 1."""

    rate_per_s: float
    duration_s: float
    shape: str
    buying: float
    in_time_s: float
    patience_s: float
    max_in_flight: int
    seed: int


def add_options(parser: Any) -> None:
    """Add the fields; Locust shows those that are not hidden in its web UI."""
    # Into no group of its own: Locust's web UI shows what the parser itself was given.
    add = parser.add_argument
    add("--rate", type=float, default=40.0, help=f"open arrivals: customers a second, at most {MAX_RATE_PER_S:g}")
    add("--duration", type=float, default=60.0, help=f"seconds until the test ends, at most {MAX_DURATION_S:g}")
    add("--shape", choices=list(CURVES), default="steady", help="how rate and users change up to their peak")
    add("--buying", type=float, default=0.33, help="open arrivals: the share of customers who buy, 0 to 1")
    add("--in-time", type=float, default=1.0, help="seconds within which an answer is in time")
    add("--patience", type=float, default=5.0, help="seconds after which a customer gives up")
    add("--max-in-flight", type=int, default=1000, help="open arrivals: more than these at once are skipped, counted")
    add("--seed", type=int, default=7, help="open arrivals: of their instants and wishes")
    hidden: dict[str, Any] = {"default": "", "include_in_web_ui": False, "metavar": "NAME=URL,..."}
    add("--arms", env_var="LOAD_ARMS", help="the gateways by arm: names on the Load board", **hidden)
    add("--inventories", env_var="LOAD_INVENTORIES", help="an inventory by kind of handler", **hidden)
    hidden["metavar"] = "URL"
    add("--relay", env_var="LOAD_RELAY", help="where the figures go each second", **hidden)
    hidden["metavar"] = "FILE"
    add("--summary", help="write the figures of the test there at its end", **hidden)


def settings_of(options: Any) -> Settings:
    """Check what was asked for; raises Refused."""
    return Settings(
        rate_per_s=_within("rate", options.rate, 0.1, MAX_RATE_PER_S),
        duration_s=_within("duration", options.duration, 1.0, MAX_DURATION_S),
        shape=_shape(options.shape),
        buying=_within("buying", options.buying, 0.0, 1.0),
        in_time_s=_within("in-time", options.in_time, 0.001, 60.0),
        patience_s=_within("patience", options.patience, 0.01, 60.0),
        max_in_flight=int(_within("max-in-flight", options.max_in_flight, 1, MAX_IN_FLIGHT)),
        seed=int(options.seed),
    )


def named_urls(text: str) -> dict[str, str]:
    """Read `name=http://host:port,...`; raises Refused."""
    named = {}
    for pair in filter(None, text.split(",")):
        name, equals, url = pair.strip().partition("=")
        if not equals or not name or not _authority(url):
            raise Refused(f"{pair!r} is not name=http://host:port")
        named[name] = url.rstrip("/")
    return named


def arm_of(host: str | None, arms: Mapping[str, str]) -> str:
    """Return the arm behind a base URL, its host and port where none has it.

    Raises Refused for a host that is neither this machine nor one of the arms: this generator is for the lab.
    """
    authority = _authority(host or "")
    if authority is None:
        raise Refused(f"host must be http://host:port, is {host!r}")
    for name, url in arms.items():
        if _authority(url) == authority:
            return name
    if not _is_loopback(authority[0]):
        known = ", ".join(arms.values()) or "none"
        raise Refused(f"host {host} is not on this machine: load goes to 127.0.0.1 or to an arm of the lab ({known})")
    return f"{authority[0]}:{authority[1]}"


def relay_of(url: str) -> str | None:
    """Return the relay's base URL, None for an empty text; raises Refused."""
    if url and _authority(url) is None:
        raise Refused(f"relay must be http://host:port, is {url!r}")
    return url or None


def _within(field: str, value: float, least: float, most: float) -> float:
    # A NaN fails every comparison.
    if not least <= value <= most or not math.isfinite(value):
        raise Refused(f"{field} must be from {least:g} to {most:g}, is {value:g}")
    return value


def _shape(name: str) -> str:
    if name not in CURVES:
        raise Refused(f"shape must be one of {', '.join(CURVES)}, is {name!r}")
    return name


def _authority(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    plain = parts.path in {"", "/"} and not parts.query and parts.username is None
    return (parts.hostname, port) if parts.scheme == "http" and parts.hostname and plain else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

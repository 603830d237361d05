"""A profile is a named choice for all links, for the doors of the services, and for how events travel.

`naive` sets nothing: it shows each library's own defaults. `timeouts` bounds every wait; `retries` and `breakers` each
add one thing to that; `protected` has everything. The numbers of the links are in `resilience.link_numbers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from resilience.call_tree import LINKS, SHOP
from resilience.codel import CoDelSettings
from resilience.deadline import DeadlineSettings
from resilience.link import LinkSettings
from resilience.link_numbers import DUAL_WRITE, LINK_NUMBERS
from resilience.load_shedding import SheddingSettings

# dual_write: commit, then publish in the request. outbox: the event is part of the commit, a relay publishes it.
Publishing = Literal["dual_write", "outbox"]
# auto_commit: the client commits offsets by its clock. once: offset after effect, each event id once, dead letters.
Consuming = Literal["auto_commit", "once"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A named choice for every link and for the doors of services (by name), and what it is there to show.

    `publishing`: how orders tells of an order. `consuming`: how notifications takes what it is told.
    """

    name: str
    shows: str
    links: Mapping[str, LinkSettings]
    servers: Mapping[str, SheddingSettings] = field(default_factory=dict)
    publishing: Publishing = "dual_write"
    consuming: Consuming = "auto_commit"


# With less than 1.5 times the usual time left, a call is not begun: its caller would be gone before the answer.
PROTECTED = {
    link: replace(settings, deadline=DeadlineSettings(call_timeout_s=None, margin_s=1.5 * SHOP.usual_s[link]))
    for link, settings in LINK_NUMBERS.items()
}


def _door(max_concurrent: int, *, margin_s: float, believe_deadlines: bool = True) -> SheddingSettings:
    """Return a service's door: half as many wait as run, 0.25 s at most.

    A queue that has stood for 0.1 s serves the newest first and drops who waited over 10 ms (CoDel).
    """
    return SheddingSettings(
        max_concurrent=max_concurrent,
        max_waiting=max_concurrent // 2,
        max_wait_s=0.25,
        order="adaptive",
        codel=CoDelSettings(),
        margin_s=margin_s,
        believe_deadlines=believe_deadlines,
    )


# A door is the last resort, for callers that keep no limits of their own: wider than what the links above let through.
# Margins are 1.5 times the usual time of the quickest request. A customer's deadline is not believed: short ones would
# cut calls that are well, and these would count against who is called.
SERVERS = {
    # 60 checkouts + 30 that wait for their slot + 20 reads.
    "gateway": _door(110, margin_s=0.0, believe_deadlines=False),
    # The gateway lets 60 in; one of its attempts that it gave up may be running here still.
    "orders": _door(80, margin_s=0.25),
    # 90 requests/s of 0.65 s, the worst that Postgres takes, are 59 at once.
    "inventory": _door(80, margin_s=0.02),
    # 40 charges/s of 1.5 s, the longest that orders waits, are 60 at once.
    "payments": _door(80, margin_s=0.2),
    # 40 questions/s of 1.5 s, the longest that the gateway waits, are 60 at once. The quickest is a copy out of Redis.
    "catalog": _door(80, margin_s=0.003),
    # 40 lists/s of 0.8 s, the longest that the gateway waits, are 32 at once. Streams take no place.
    "notifications": _door(50, margin_s=0.015),
}


def _times_of(settings: LinkSettings) -> LinkSettings:
    """Return what bounds the waits of a link, without the policies around it."""
    times = (
        "connect_timeout_s", "acquire_timeout_s", "command_timeout_s", "library_retries", "pool_size",
        "attempt_timeout_s",
    )  # fmt: skip
    return LinkSettings(**{name: getattr(settings, name) for name in times})


TIMES = {link: _times_of(DUAL_WRITE if link == "orders_to_kafka" else settings) for link, settings in PROTECTED.items()}
RETRIES = {link: replace(times, retry=PROTECTED[link].retry) for link, times in TIMES.items()}
BREAKERS = {link: replace(times, breaker=PROTECTED[link].breaker) for link, times in TIMES.items()}

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("naive", "each library's own defaults", dict.fromkeys(LINKS, LinkSettings())),
        Profile("timeouts", "every wait bounded, nothing else", TIMES),
        Profile("retries", "timeouts, and a second attempt without a budget", RETRIES),
        Profile("breakers", "timeouts, and a circuit breaker on every link", BREAKERS),
        Profile(
            "protected", "every wait bounded, every link and every door guarded", PROTECTED, SERVERS, "outbox", "once"
        ),
    )
}

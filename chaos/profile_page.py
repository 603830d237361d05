"""Profiles as text: what each is for, what it sets on a link or a door, and whether it contradicts itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from resilience.link import describe
from resilience.lint import check
from resilience.profiles import PROFILES, Profile


def overview() -> Iterator[str]:
    """Yield a line for each profile, and below it what contradicts what."""
    width = max(map(len, PROFILES))
    for profile in PROFILES.values():
        yield f"{profile.name:<{width}}  {profile.shows}"
        yield from _contradictions(profile)


def page(profile: Profile) -> Iterator[str]:
    """Yield what a profile sets, link by link and door by door, then its contradictions."""
    yield f"{profile.name}: {profile.shows}"
    for link, settings in profile.links.items():
        yield from _entry(link, " > ".join(settings.policies) or "no policy", describe(settings))
    for server, door in profile.servers.items():
        yield from _entry(f"the door of {server}", "load shedding", describe(door))
    yield from _contradictions(profile)


def contradicts(*profiles: Profile) -> bool:
    """Return whether one of `profiles` contradicts itself."""
    return any(check(profile.links) for profile in profiles)


def _entry(name: str, policies: str, described: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n{name}  {policies}"
    for key, value in described.items():
        if value is not None and value is not False:
            yield f"  {key:<28} {value}"


def _contradictions(profile: Profile) -> Iterator[str]:
    for finding in check(profile.links):
        yield f"  CONTRADICTION {finding}"

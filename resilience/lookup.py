"""Find settings by the names that a person typed; a wrong name is answered with the nearest right one."""

import difflib
from collections.abc import Iterable

from resilience.errors import SettingsError
from resilience.link import LinkSettings
from resilience.load_shedding import SheddingSettings
from resilience.profiles import PROFILES


def link_settings(profile: str, link: str) -> LinkSettings:
    """Return the settings of a link in a profile; raises SettingsError naming those that exist."""
    if profile not in PROFILES:
        raise SettingsError(unknown("profile", profile, PROFILES))
    links = PROFILES[profile].links
    if link not in links:
        raise SettingsError(unknown("link", link, links))
    return links[link]


def server_settings(profile: str, server: str) -> SheddingSettings | None:
    """Return the settings of a service's door in a profile, None where it has none; raises SettingsError."""
    if profile not in PROFILES:
        raise SettingsError(unknown("profile", profile, PROFILES))
    return PROFILES[profile].servers.get(server)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that is not there: the nearest that is, and all that are."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else "."
    return f"no such {what}: {name!r}{hint} Known: {', '.join(known)}"

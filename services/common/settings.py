"""Environment variables, read once at start: a bad value stops the process by name, not an hour later by surprise."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from resilience import PROFILES, SettingsError, link_settings, refuse_contradictions

T = TypeVar("T")
C = TypeVar("C", bound=str)


class BadSettingError(ValueError):
    """An environment variable is missing or out of bounds; the message names it, its value and what it may be."""


class Environment:
    """Typed reads of one mapping of environment variables. An empty value counts as missing: Compose writes it so."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Return a variable that must be there; raises BadSettingError."""
        value = self._values.get(name, "").strip()
        if not value:
            raise BadSettingError(f"{name} is not set")
        return value

    def url(self, name: str, *schemes: str) -> str:
        """Return a URL with a host and one of `schemes`, without a slash at its end; raises BadSettingError."""
        value = self.text(name)
        try:
            parts = urlsplit(value)
            complete = parts.scheme in schemes and parts.hostname is not None and (parts.port is None or parts.port > 0)
        except ValueError:
            complete = False
        if not complete:
            raise BadSettingError(f"{name}={value!r} must be a URL like {schemes[0]}://host:port")
        return value.rstrip("/")

    def whole(self, name: str, *, at_least: int, at_most: int) -> int:
        """Return a whole number within its bounds; raises BadSettingError."""
        value = self.text(name)
        try:
            number = int(value)
        except ValueError:
            number = at_least - 1
        if not at_least <= number <= at_most:
            raise BadSettingError(f"{name}={value!r} must be a whole number from {at_least} to {at_most}")
        return number

    def faults(self) -> bool:
        """Return whether LAB_FAULTS turned the fault switch on; raises BadSettingError."""
        return self.one_of("LAB_FAULTS", ("on", "off"), default="off") == "on"

    def one_of(self, name: str, choices: Sequence[C], *, default: C) -> C:
        """Return one of `choices`, `default` where the variable is missing; raises BadSettingError."""
        value = self._values.get(name, "").strip() or default
        for choice in choices:
            if choice == value:
                return choice
        raise BadSettingError(f"{name}={value!r} must be one of {', '.join(choices)}")

    def profile(self, *links: str) -> str:
        """Return LAB_PROFILE, which must know `links` and not contradict itself; raises BadSettingError."""
        value = self.text("LAB_PROFILE")
        try:
            for link in links:
                link_settings(value, link)
            refuse_contradictions(value, PROFILES[value].links)
        except SettingsError as exc:
            raise BadSettingError(f"LAB_PROFILE={value!r}: {exc}") from exc
        return value


def read_or_exit(read: Callable[[Environment], T]) -> T:
    """Read settings from the process environment; a bad one ends the process with its message, without a traceback."""
    try:
        return read(Environment(os.environ))
    except BadSettingError as exc:
        raise SystemExit(f"settings: {exc}") from exc

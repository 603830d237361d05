"""What the lab asks of the load generator: load.json, read once and checked before anything is sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# It goes into the customers' keys, of which the shop takes 200 characters.
MAX_WORD = 64


class PlanError(ValueError):
    """load.json cannot be used; the message names the file, the field and what it must be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run's load. `arms` maps a name to the base URL of its gateway; `max_in_flight` bounds each arm by itself.

    `run` makes the customers' keys this run's own. `relay` is the base URL of the metrics relay, or None: then nobody
    is told while it sends.
    """

    seed: int
    arms: Mapping[str, str]
    checkout_per_s: float
    browse_per_s: float
    repeat_share: float
    in_time_s: float
    patience_s: float
    max_in_flight: int
    duration_s: float
    records: Path
    ready: Path
    go: Path
    relay: str | None = None
    list_per_s: float = 0.0
    product_per_s: float = 0.0
    search_per_s: float = 0.0
    run: str = ""


def read_plan(path: Path) -> Plan:
    """Read and check load.json; raises PlanError."""
    try:
        raw = json.loads(path.read_text())
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise PlanError(f"{path}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise PlanError(f"{path}: must be an object, is {_kind(raw)}")
    fields = _Fields(path, raw)
    plan = Plan(
        seed=fields.whole("seed", least=None),
        arms=fields.arms("arms"),
        checkout_per_s=fields.number("checkout_per_s", zero=True),
        browse_per_s=fields.number("browse_per_s", zero=True),
        repeat_share=fields.share("repeat_share"),
        in_time_s=fields.number("in_time_s", zero=False),
        patience_s=fields.number("patience_s", zero=False),
        max_in_flight=fields.whole("max_in_flight", least=1),
        duration_s=fields.number("duration_s", zero=True),
        records=fields.path("records"),
        ready=fields.path("ready"),
        go=fields.path("go"),
        relay=fields.base_url("relay"),
        list_per_s=fields.number("list_per_s", zero=True, default=0.0),
        product_per_s=fields.number("product_per_s", zero=True, default=0.0),
        search_per_s=fields.number("search_per_s", zero=True, default=0.0),
        run=fields.word("run"),
    )
    if unknown := sorted(raw.keys() - set(Plan.__dataclass_fields__)):
        raise PlanError(f"{path}: unknown field {unknown[0]!r}")
    return plan


@dataclass(frozen=True, slots=True)
class _Fields:
    """Takes fields out of the object, each with its own complaint."""

    file: Path
    raw: Mapping[str, Any]

    def whole(self, name: str, *, least: int | None) -> int:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
            raise self._bad(name, "a whole number" if least is None else f"a whole number >= {least}", value)
        return value

    def number(self, name: str, *, zero: bool, default: float | None = None) -> float:
        value = self._get(name) if default is None else self.raw.get(name, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        # A NaN fails every comparison, so it is refused here too.
        if not fits or not (0 <= value < float("inf")) or (value == 0 and not zero):
            raise self._bad(name, "a number >= 0" if zero else "a number > 0", value)
        return float(value)

    def share(self, name: str) -> float:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._bad(name, "a number from 0 to 1", value)
        return float(value)

    def path(self, name: str) -> Path:
        value = self._get(name)
        if not isinstance(value, str) or not value:
            raise self._bad(name, "a path", value)
        return Path(value)

    def word(self, name: str) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > MAX_WORD:
            raise self._bad(name, f"at most {MAX_WORD} printable ASCII characters", value)
        return value

    def base_url(self, name: str) -> str | None:
        value = self.raw.get(name)
        if value is not None and (not isinstance(value, str) or not _is_base_url(value)):
            raise self._bad(name, "http://host:port", value)
        return value

    def arms(self, name: str) -> Mapping[str, str]:
        value = self._get(name)
        if not isinstance(value, dict) or not value:
            raise self._bad(name, "an object of at least one name and URL", value)
        for arm, url in value.items():
            if not isinstance(url, str) or not _is_base_url(url):
                raise self._bad(f"{name}.{arm}", "http://host:port", url)
        return value

    def _get(self, name: str) -> Any:
        if name not in self.raw:
            raise PlanError(f"{self.file}: field {name!r} is missing")
        return self.raw[name]

    def _bad(self, name: str, wanted: str, value: object) -> PlanError:
        return PlanError(f"{self.file}: field {name!r} must be {wanted}, is {value!r}")


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port is not None and parts.path in {"", "/"}
    except ValueError:
        return False


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else type(value).__name__

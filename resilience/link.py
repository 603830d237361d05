"""What can stand around the calls over one link, as one value; the values themselves are in `resilience.profiles`."""

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from resilience.bounds import require, require_whole
from resilience.breaker_machine import BreakerSettings
from resilience.budget import BudgetSettings
from resilience.bulkhead import BulkheadSettings
from resilience.errors import SettingsError
from resilience.retry import RetrySettings


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What stands around the calls over one link.

    For the client library, None is the library's own default: `connect_timeout_s` for a new connection,
    `acquire_timeout_s` for a connection out of the pool, `command_timeout_s` for one statement or command,
    `library_retries` for repeats inside the client. For a policy, None is no policy; they are said once, in
    resilience/pipeline.py. Raises SettingsError on nonsense.
    """

    connect_timeout_s: float | None = None
    acquire_timeout_s: float | None = None
    command_timeout_s: float | None = None
    library_retries: int | None = None
    attempt_timeout_s: float | None = None
    retry: RetrySettings | None = None
    budget: BudgetSettings | None = None
    breaker: BreakerSettings | None = None
    bulkhead: BulkheadSettings | None = None
    fallback: bool = False

    def __post_init__(self) -> None:
        for field in ("connect_timeout_s", "acquire_timeout_s", "command_timeout_s", "attempt_timeout_s"):
            if getattr(self, field) is not None:
                require(self, field, above=0)
        if self.library_retries is not None:
            require_whole(self, "library_retries", at_least=0)
        if self.budget and not self.retry:
            raise SettingsError("LinkSettings.budget is set without retry: there is nothing to pay for")
        if self.breaker and self.attempt_timeout_s is None:
            raise SettingsError(
                "LinkSettings.breaker needs attempt_timeout_s: a probe that hangs would hold it half-open"
            )

    @property
    def policies(self) -> tuple[str, ...]:
        """Return the names of the policies that are set, outermost first."""
        present = {
            "fallback": self.fallback,
            "bulkhead": self.bulkhead,
            "retry": self.retry,
            "budget": self.budget,
            "breaker": self.breaker,
            "timeout": self.attempt_timeout_s,
        }
        return tuple(name for name, value in present.items() if value)

    @property
    def worst_case_s(self) -> float | None:
        """Return the longest that a call can take: queue, attempts, waits between; None where nothing ends it."""
        if self.attempt_timeout_s is None:
            return None
        calling_s = self.attempt_timeout_s
        if self.retry:
            again = self.retry.max_attempts - 1
            calling_s += again * (self.attempt_timeout_s + self.retry.max_wait_s)
            if self.retry.start_within_s is not None:
                calling_s = min(calling_s, self.retry.start_within_s + self.attempt_timeout_s)
        return calling_s + (self.bulkhead.max_wait_s if self.bulkhead else 0.0)


def describe(settings: LinkSettings) -> dict[str, Any]:
    """Return the settings as one flat dictionary of JSON values, a policy's fields as `policy.field`."""
    flat: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            flat.update({f"{field.name}.{key}": inner for key, inner in asdict(value).items()})
        else:
            flat[field.name] = value
    return flat

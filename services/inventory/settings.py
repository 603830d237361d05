"""The environment of inventory."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from services.common.settings import BadSettingError, Environment

Handler = Literal["async", "def", "blocking"]
HANDLERS: tuple[Handler, ...] = get_args(Handler)
LINKS = ("inventory_to_postgres", "inventory_to_redis")


@dataclass(frozen=True, slots=True)
class InventorySettings:
    """Where the database and the cache are, under which profile they are called, and by which kind of handler.

    `faults`: whether the lab may switch faults on in this process.
    """

    arm: str
    profile: str
    database_url: str
    redis_url: str
    handler: Handler = "async"
    faults: bool = False

    @classmethod
    def read(cls, env: Environment) -> Self:
        """Read the environment; raises BadSettingError."""
        handler, profile = env.one_of("INVENTORY_HANDLER", HANDLERS, default="async"), env.profile(*LINKS)
        if handler != "async" and profile != "naive":
            raise BadSettingError(
                f"INVENTORY_HANDLER={handler!r} needs LAB_PROFILE='naive', not {profile!r}: policies guard calls that"
                " are awaited"
            )
        return cls(
            arm=env.text("LAB_ARM"),
            profile=profile,
            database_url=env.url("DATABASE_URL", "postgresql"),
            redis_url=env.url("REDIS_URL", "redis"),
            handler=handler,
            faults=env.faults(),
        )

"""The parts of the shop that are started only where a scenario needs them: a broker's JVM is not every run's guest.

compose.yaml has a Compose profile of each part's name; a test holds that the services behind it are those named here.
"""

from collections.abc import Mapping
from typing import Literal

Part = Literal["events", "catalog"]

PARTS: Mapping[Part, tuple[str, ...]] = {"events": ("kafka", "notifications"), "catalog": ("mysql", "catalog")}


def part_of(service: str) -> Part | None:
    """Return the part that a service belongs to, by its role; None for what is always there."""
    return next((part for part, services in PARTS.items() if service in services), None)


def part_of_link(link: str) -> Part | None:
    """Return the part without which a link has no caller or no callee; None for what is always there."""
    caller, _, callee = link.partition("_to_")
    return part_of(caller) or part_of(callee)

"""What `lab doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One finding. `remedy` is empty where nothing needs doing."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""

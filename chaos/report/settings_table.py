"""The settings of the arms side by side: what, exactly, is the difference between them?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaos.run import Run


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of one link, a value an arm; `differs` where the arms are not alike."""

    name: str
    values: tuple[str, ...]
    differs: bool


def settings_groups(run: Run) -> tuple[tuple[str, tuple[Setting, ...]], ...]:
    """Return the arms' settings side by side, link by link; a setting that no arm has is left out."""
    links = dict.fromkeys(link for arm in run.arms for link in arm.settings)
    groups = []
    for link in links:
        keys = dict.fromkeys(key for arm in run.arms for key in arm.settings.get(link, {}))
        rows = [_setting(key, [arm.settings.get(link, {}).get(key) for arm in run.arms]) for key in keys]
        groups.append((link, tuple(row for row in rows if any(value != "-" for value in row.values))))
    return tuple(groups)


def _setting(name: str, values: Sequence[Any]) -> Setting:
    texts = tuple("-" if value is None or value == "" else _plain(value) for value in values)
    return Setting(name.replace("_", " ").replace(".", ", "), texts, differs=len(set(texts)) > 1)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)

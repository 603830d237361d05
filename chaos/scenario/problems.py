"""Says in words what pydantic found wrong in a scenario: where, what, and what would be right."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from chaos.errors import ScenarioError
from chaos.scenario.marked_yaml import Document, Steps, dotted
from chaos.scenario.rules import Problem, known_keys, nearest

# A message has one to three lines.
SHOWN = 3

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_TYPES = {
    "float": "a number",
    "finite": "a finite number",
    "int": "a whole number",
    "string": "text",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
_PATTERNS = {
    "^[a-z]+_to_[a-z]+$": "a link is written caller_to_callee, e.g. orders_to_postgres",
    "^[a-z][a-z0-9-]{0,30}$": "use small letters, digits and hyphens, at most 31, a letter first",
    "^[a-z][a-z0-9-]*$": "use small letters, digits and hyphens, a letter first",
}


def scenario_error(document: Document, problems: list[Problem]) -> ScenarioError:
    """Return the error that names the first of `problems`, at least one, each with its place."""
    lines = list(dict.fromkeys(f"{document.where(steps)}: {dotted(steps)}: {what}" for steps, what in problems))
    if len(lines) > SHOWN:
        lines = [*lines[: SHOWN - 1], f"{lines[SHOWN - 1]} (and {len(lines) - SHOWN} more)"]
    return ScenarioError("\n".join(lines))


def pydantic_problems(error: ValidationError, data: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of a validation error in the order of the model's fields."""
    details = error.errors(include_url=False)
    steps = [_steps(detail["loc"], data) for detail in details]
    return [
        (own, _sentence(detail, own, data))
        for own, detail in zip(steps, details, strict=True)
        # An item that is wrong makes its list wrong as well; the item says it better.
        if not any(len(other) > len(own) and other[: len(own)] == own for other in steps)
    ]


def _steps(loc: tuple[int | str, ...], data: Any) -> Steps:
    """Follow a pydantic location through the data, leaving out the tags that pydantic adds for unions."""
    steps: list[int | str] = []
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(data, Mapping) and (part in data or last):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        elif not last:
            continue
        steps.append(part)
    return tuple(steps)


def _sentence(detail: ErrorDetails, steps: Steps, data: Mapping[str, Any]) -> str:
    """Say what is wrong with a value and what would be right."""
    kind, context, given = detail["type"], detail.get("ctx", {}), detail.get("input")
    match kind:
        case "missing":
            words = "is missing; chaos/scenarios/healthy.yaml shows where it stands"
        case "extra_forbidden":
            words = f"is not a key here; {nearest(str(steps[-1]), known_keys(steps[:-1], data) or ())}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            key, bound = _BOUNDS[kind]
            words = f"must be {bound} {context[key]:g}, not {given}"
        case "literal_error" | "union_tag_invalid":
            allowed = re.findall(r"'([^']+)'", str(context.get("expected", context.get("expected_tags"))))
            tag = context.get("tag", given)
            words = f"cannot be {tag!r}; {nearest(str(tag), allowed)}"
        case "union_tag_not_found":
            words = "needs a `type`: latency, timeout, reset_peer, bandwidth, down, kill, pause or messages"
        case "string_pattern_mismatch":
            words = f"cannot be {given!r}; {_PATTERNS.get(str(context['pattern']), detail['msg'])}"
        case "too_short":
            words = f"must have at least {context['min_length']}, not {context['actual_length']}"
        case "too_long":
            words = f"must have at most {context['max_length']}, not {context['actual_length']}"
        case "value_error":
            words = str(context["error"])
        case _:
            expected = _TYPES.get(kind.partition("_")[0])
            words = f"must be {expected}, not {given!r}" if expected else detail["msg"]
    return words

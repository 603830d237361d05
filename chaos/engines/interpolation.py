"""Compose's `${...}`, so that the local engine reads from compose.yaml what `docker compose` reads from it.

One difference, on purpose: a variable that is set nowhere and has no default is an error here, where Compose puts an
empty text and a warning. An arm or an address that is silently empty would only be found much later.
"""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


class InterpolationError(ValueError):
    """A `$` expression is malformed, or its variable has no value."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with `$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:?m}`, `${V?m}`, `${V:+r}`, `${V+r}` and `$$` replaced.

    With a colon an empty value counts as no value. Defaults may hold expressions themselves.
    Source: the Compose specification, chapter "Interpolation". Raises InterpolationError.
    """
    parts: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        value, position = _expression(text, dollar + 1, variables)
        parts.append(value)
    return "".join(parts) + text[position:]


def _expression(text: str, start: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Return the value of the expression whose `$` stands before `start`, and the position behind it."""
    if text.startswith("$", start):
        return "$", start + 1
    if not text.startswith("{", start):
        name = _NAME.match(text, start)
        if name is None:
            raise InterpolationError(f"a lone $ in {text!r}: write $$ for the character itself")
        return _value(name[0], "", "", variables), name.end()
    end = _closing_brace(text, start)
    inside = text[start + 1 : end]
    name = _NAME.match(inside)
    if name is None:
        raise InterpolationError(f"no variable name in ${{{inside}}}")
    rest = inside[name.end() :]
    operator = _OPERATOR.match(rest)
    if rest and operator is None:
        raise InterpolationError(f"cannot read ${{{inside}}}: after the name come :- - :? ? :+ or +")
    mark = operator[0] if operator else ""
    return _value(name[0], mark, rest[len(mark) :], variables), end + 1


def _closing_brace(text: str, start: int) -> int:
    """Return the position of the brace that closes the one at `start`; inner expressions are stepped over."""
    depth, position = 1, start + 1
    while position < len(text):
        if text.startswith(("$$", "${"), position):
            depth += text[position + 1] == "{"
            position += 2
            continue
        depth -= text[position] == "}"
        if depth == 0:
            return position
        position += 1
    raise InterpolationError(f"a brace of {text!r} is not closed")


def _value(name: str, operator: str, operand: str, variables: Mapping[str, str]) -> str:
    """Return what a variable with an operator stands for."""
    value = variables.get(name)
    present = bool(value) if operator.startswith(":") else value is not None
    match operator[-1:]:
        case "-":
            return value if present and value is not None else interpolate(operand, variables)
        case "+":
            return interpolate(operand, variables) if present else ""
        case "?" if not present:
            raise InterpolationError(interpolate(operand, variables) or f"the variable {name} is required")
    if value is None:
        raise InterpolationError(f"the variable {name} is not set and has no default: write ${{{name}:-default}}")
    return value

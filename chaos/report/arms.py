"""One colour an arm, the same in the terminal, the report and everywhere else, and a marker for who sees no colour.

The pairs (for light and for dark ground) are told apart by the colour-blind. Green and red are not among them: they
mean holds and does not hold, never an arm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Marker = Literal["square", "circle", "triangle"]


@dataclass(frozen=True, slots=True)
class ArmStyle:
    """How an arm is drawn: `key` names its CSS class and variable; the marker is its shape on lines."""

    key: str
    light: str
    dark: str
    marker: Marker


NAIVE = ArmStyle("naive", "#c2521c", "#f08a4b", "square")
PROTECTED = ArmStyle("protected", "#1f66ad", "#6fb1f2", "circle")
THIRD = ArmStyle("third", "#6b5ca5", "#b3a5ea", "triangle")
# Handlers are compared under one profile: awaiting, in a thread, and blocking the loop.
_BY_NAME = {"naive": NAIVE, "protected": PROTECTED, "async": THIRD, "def": PROTECTED, "blocking": NAIVE}
# What an arm of another name gets: first the colour that has no meaning yet.
_SPARE = (THIRD, PROTECTED, NAIVE)


def arm_styles(names: Sequence[str]) -> dict[str, ArmStyle]:
    """Give each of up to three arms its own style; arms that have a name here always have theirs."""
    styles: dict[str, ArmStyle] = {}
    for name in names:
        if name in _BY_NAME and _BY_NAME[name] not in styles.values():
            styles[name] = _BY_NAME[name]
    for name in names:
        if name not in styles:
            styles[name] = next((style for style in _SPARE if style not in styles.values()), THIRD)
    return {name: styles[name] for name in names}

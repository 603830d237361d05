"""Figures as people read them: thousands apart, a unit each, and no rounding that changes what a figure says.

99.96 % is not written 100 %, and a latency of 0.42 ms is not written 0. The report and the terminal share these.
"""

import math

from chaos.judging.figure_names import Unit

MINUS = "\N{MINUS SIGN}"
# From here on a latency in a narrow column is read better in seconds.
SHORT_MS_LIMIT = 10_000
_SUFFIX: dict[Unit, str] = {"share": " %", "ms": " ms", "s": " s", "per_s": " /s", "count": "", "ratio": ""}


def grouped(value: float, decimals: int) -> str:
    """Write a number with its thousands apart and a true minus sign, e.g. 3,966."""
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{MINUS}{text}" if negative else text


def quantity(value: float, unit: Unit) -> str:
    """Write a figure with its unit. A share is given as a fraction and written in percent."""
    if not math.isfinite(value):
        return "-"
    return f"{_digits(value, unit)}{_SUFFIX[unit]}"


def bare(value: float | None, unit: Unit) -> str:
    """Write a figure without its unit, for a column whose head names it; a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else _digits(value, unit)


def change(value: float, unit: Unit) -> str:
    """Write a difference: with its sign, and in percentage points where the figure is a share."""
    sign = "+" if value > 0 else ""
    if unit == "share":
        return f"{sign}{grouped(value * 100, 1)} points"
    return f"{sign}{_digits(value, unit)}{_SUFFIX[unit]}"


def interval(low: float, high: float, unit: Unit) -> str:
    """Write an interval in the unit of the difference before it, e.g. [+2.1, +3.4]."""
    ends = [f"{'+' if end > 0 else ''}{_interval_end(end, unit)}" for end in (low, high)]
    return f"[{ends[0]}, {ends[1]}]"


def short_ms(value: float) -> str:
    """Write a latency for a narrow column: ms below ten seconds, else seconds."""
    return quantity(value / 1000, "s") if value >= SHORT_MS_LIMIT else quantity(value, "ms")


def seconds(value: float) -> str:
    """Write a length of time without a decimal that says nothing: 20 s, 0.5 s."""
    return f"{value:g} s" if value < 1000 else f"{value:,.0f} s"  # noqa: PLR2004 - %g turns to exponents above


def _interval_end(value: float, unit: Unit) -> str:
    return grouped(value * 100, 1) if unit == "share" else _digits(value, unit)


def _digits(value: float, unit: Unit) -> str:
    if unit == "share":
        return _percent(value * 100)
    if unit == "count":
        return grouped(value, 0 if float(value).is_integer() else 1)
    if unit == "ms":
        return _milliseconds(value)
    return grouped(value, 2 if unit == "ratio" else 1)


def _milliseconds(value: float) -> str:
    size = abs(value)
    if size == 0 or size >= 10:  # noqa: PLR2004 - two digits are read at a glance, more decimals are noise
        return grouped(value, 0)
    return grouped(value, 1 if size >= 1 else 2).removesuffix(".0")


def _percent(value: float) -> str:
    if value in (0, 100):
        return f"{value:.0f}"
    text = grouped(value, 1)
    # Rounding must not turn "nearly all" into "all", nor "a few" into "none".
    if text == "100.0":
        return ">99.9" if value < 100 else text  # noqa: PLR2004 - the whole
    return "<0.1" if text == "0.0" and value > 0 else text

"""Compose's `${...}`: the table of its specification, and one difference."""

import pytest

from chaos.engines.interpolation import InterpolationError, interpolate

VARIABLES = {"V": "value", "EMPTY": "", "OTHER": "o"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$V", "value"),
        ("a-$V.b", "a-value.b"),
        ("${V}", "value"),
        ("${EMPTY}", ""),
        ("${V}${OTHER}", "valueo"),
        ("${V:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-d}", "d"),
        ("${V-d}", "value"),
        ("${EMPTY-d}", ""),
        ("${NONE-d}", "d"),
        ("${NONE:-}", ""),
        ("${NONE-}", ""),
        ("${V:?message}", "value"),
        ("${EMPTY?message}", ""),
        ("${V:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${NONE+r}", ""),
        ("$$", "$"),
        ("$$V", "$V"),
        ("$${V}", "${V}"),
        ("${NONE:-${V}}", "value"),
        ("${NONE:-${EMPTY:-${OTHER}}}x", "ox"),
        ("${NONE:-a-b:c}", "a-b:c"),
        ("${NONE:-$$}", "$"),
        ("${NONE:-{}}", "{}"),
        ('{"name": "${V:-x}.link"}', '{"name": "value.link"}'),
    ],
)
def test_an_expression_stands_for_its_value(text: str, expected: str) -> None:
    """Each operator of the specification does what the specification says."""
    assert interpolate(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$NONE", "NONE is not set"),
        ("${NONE}", "NONE is not set"),
        ("${NONE:?say why}", "say why"),
        ("${NONE?say why}", "say why"),
        ("${EMPTY:?say why}", "say why"),
        ("${NONE:?}", "NONE is required"),
        ("${V", "not closed"),
        ("${}", "no variable name"),
        ("${1}", "no variable name"),
        ("${V=x}", "cannot read"),
        ("100 $", "lone"),
        ("$-", "lone"),
    ],
)
def test_what_has_no_value_or_cannot_be_read_is_refused(text: str, reason: str) -> None:
    """A variable without value or default is an error, where Compose would put an empty text."""
    with pytest.raises(InterpolationError, match=reason):
        interpolate(text, VARIABLES)

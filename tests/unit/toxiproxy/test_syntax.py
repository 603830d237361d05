"""What is said of a body that is no JSON, as the original says it to the character, and how numbers are printed."""

import pytest

from chaos.toxiproxy.server.bodies import first_value
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.flags import parse
from chaos.toxiproxy.server.printing import dump, plain_number

# Observed on Toxiproxy 2.12.0.
SAID = [
    (b'{"name"', "unexpected EOF"),
    (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
    (b"[1 2]", "invalid character '2' after array element"),
    (b'{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
    (b"x", "invalid character 'x' looking for beginning of value"),
    (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
    (b'{"a":"\\q"}', "invalid character 'q' in string escape code"),
    (b'{"a":"\\u12x"}', r"invalid character 'x' in \u hexadecimal character escape"),
    (b'{"a":01}', "invalid character '1' after object key:value pair"),
    (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
    (b'{"a":-}', "invalid character '}' in numeric literal"),
    (b'{"a":1e}', "invalid character '}' in exponent of numeric literal"),
    (b'{"a" 1}', "invalid character '1' after object key"),
    (b'{"a":"\n"}', r"invalid character '\n' in string literal"),
    (b"NaN", "invalid character 'N' looking for beginning of value"),
    (b"\xc3", "invalid character 'Ã' looking for beginning of value"),
    (b"\x01", r"invalid character '\x01' looking for beginning of value"),
    (b"'", r"invalid character '\'' looking for beginning of value"),
    (b"[" * 200_000, "exceeded max depth"),
]


@pytest.mark.parametrize(("body", "words"), SAID, ids=[str(body[:12]) for body, _ in SAID])
def test_a_syntax_error_is_told_as_go_tells_it(body: bytes, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        first_value(body)
    assert str(caught.value) == f"bad request body: {words}"


@pytest.mark.parametrize(
    ("value", "printed"),
    [(1e-7, "1e-7"), (1e-6, "0.000001"), (0.00002, "0.00002"), (0.2, "0.2"), (1e30, "1e+30"), (7.0, "7")],
)
def test_numbers_are_printed_as_go_prints_them(value: float, printed: str) -> None:
    assert dump(plain_number(value)) == printed


def test_a_number_in_a_name_is_left_alone() -> None:
    assert dump({'1e-07"': [1e-07, "2e-05"]}) == r'{"1e-07\"":[1e-7,"2e-05"]}'


def test_switches_may_be_written_as_go_writes_them() -> None:
    """One dash or two, bare or with a value."""
    on = parse(["-proxy-metrics", "--runtime-metrics=true", "-strict=1"])
    assert (on.proxy_metrics, on.runtime_metrics, on.strict) == (True, True, True)
    off = parse(["-proxy-metrics=false", "-seed=5"])
    assert (off.proxy_metrics, off.strict, off.seed) == (False, False, 5)

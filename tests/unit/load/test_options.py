"""What a test of Locust's may ask for, and whom it may ask."""

from argparse import Namespace

import pytest

from chaos import load_commands
from loadtests import options
from loadtests.curves import CURVES
from loadtests.options import Refused, arm_of, named_urls, relay_of, settings_of

GOOD = {
    "rate": 40.0, "duration": 60.0, "shape": "steady", "buying": 0.3, "in_time": 1.0, "patience": 5.0,
    "max_in_flight": 1000, "seed": 7,
}  # fmt: skip
ARMS = {"naive": "http://127.0.0.1:18100", "protected": "http://gateway-b:18200"}


def test_what_is_asked_for_is_taken() -> None:
    settings = settings_of(Namespace(**GOOD))

    assert (settings.rate_per_s, settings.duration_s, settings.shape, settings.max_in_flight) == (
        40,
        60,
        "steady",
        1000,
    )


@pytest.mark.parametrize(
    ("field", "value", "bound"),
    [
        ("rate", 1000.1, "from 0.1 to 1000"),
        ("rate", 0.0, "from 0.1 to 1000"),
        ("rate", float("nan"), "from 0.1 to 1000"),
        ("rate", float("inf"), "from 0.1 to 1000"),
        ("duration", 3601, "from 1 to 3600"),
        ("duration", -1, "from 1 to 3600"),
        ("shape", "round", "one of steady, step, spike, ramp"),
        ("buying", 1.5, "from 0 to 1"),
        ("in_time", 0, "from 0.001 to 60"),
        ("patience", 600, "from 0.01 to 60"),
        ("max_in_flight", 0, "from 1 to 20000"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_by_name(field: str, value: object, bound: str) -> None:
    with pytest.raises(Refused) as refused:
        settings_of(Namespace(**{**GOOD, field: value}))

    assert str(refused.value).startswith(field.replace("_", "-"))
    assert bound in str(refused.value)


def test_the_command_line_has_the_bounds_of_the_web_ui() -> None:
    for name in ("MAX_RATE_PER_S", "MAX_USERS", "MAX_DURATION_S"):
        assert getattr(load_commands, name) == getattr(options, name)
    assert list(load_commands.SHAPES) == list(CURVES)


@pytest.mark.parametrize(
    ("host", "arm"),
    [
        ("http://127.0.0.1:18100", "naive"),
        ("http://127.0.0.1:18100/", "naive"),
        ("http://gateway-b:18200", "protected"),
        ("http://127.0.0.1:9999", "127.0.0.1:9999"),
        ("http://127.3.2.1:80", "127.3.2.1:80"),
        ("http://localhost:18100", "localhost:18100"),
        ("http://[::1]:18100", "::1:18100"),
    ],
)
def test_a_host_is_an_arm_or_on_this_machine(host: str, arm: str) -> None:
    assert arm_of(host, ARMS) == arm


@pytest.mark.parametrize(
    "host",
    [
        "http://example.com", "http://10.0.0.1:18100", "http://gateway-b:18201", "http://0.0.0.0:18100",
        "https://127.0.0.1:18100", "http://127.0.0.1.example.com:18100", "http://127.0.0.1:18100@example.com",
        "http://127.0.0.1:x", "127.0.0.1:18100", "", None,
    ],
)  # fmt: skip
def test_nobody_else_is_sent_any_load(host: str | None) -> None:
    with pytest.raises(Refused, match="host"):
        arm_of(host, ARMS)


def test_names_and_urls_are_read_from_one_text() -> None:
    assert named_urls("a=http://127.0.0.1:1, b=http://x:2/") == {"a": "http://127.0.0.1:1", "b": "http://x:2"}
    assert named_urls("") == {}


@pytest.mark.parametrize("text", ["a", "=http://x:1", "a=x:1", "a=https://x:1", "a=http://x:1/path"])
def test_a_text_that_names_no_url_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="name=http://host:port"):
        named_urls(text)


def test_a_relay_may_be_left_out_and_must_be_a_url() -> None:
    assert relay_of("") is None
    assert relay_of("http://relay:18090") == "http://relay:18090"
    with pytest.raises(Refused, match="relay"):
        relay_of("relay:18090")

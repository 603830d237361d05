"""`lab profiles`: what is printed of the profiles, and how it ends."""

from dataclasses import replace

import pytest

from chaos import profile_page
from chaos.cli import main
from resilience.profiles import PROFILES


def test_every_profile_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PROFILES)
    assert lines[0] == "naive      each library's own defaults"


def test_one_profile_is_told_link_by_link_and_door_by_door(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "protected"]) == 0

    out = capsys.readouterr().out
    assert "\norders_to_payments  deadline > retry > budget > breaker > timeout\n" in out
    assert "  breaker.window.window_s      2.0\n" in out
    assert "\nthe door of gateway  load shedding\n" in out
    assert "None" not in out


def test_what_sets_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "naive"]) == 0

    assert "\npayments_to_bank  no policy\n" in capsys.readouterr().out


def test_an_unknown_profile_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "protectd"]) == 3

    assert "no such profile: 'protectd', did you mean 'protected'?" in capsys.readouterr().err


def test_a_contradiction_is_told_and_makes_the_command_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    protected = PROFILES["protected"]
    payments = replace(protected.links["orders_to_payments"], attempt_timeout_s=0.5)
    links = {**protected.links, "orders_to_payments": payments}
    monkeypatch.setitem(PROFILES, "protected", replace(protected, links=links))

    assert main(["profiles"]) == 3
    out = capsys.readouterr().out
    assert "  CONTRADICTION orders_to_payments: gives up after 0.5 s, but payments_to_bank may take" in out
    assert main(["profiles", "naive"]) == 0
    assert profile_page.contradicts(*PROFILES.values())

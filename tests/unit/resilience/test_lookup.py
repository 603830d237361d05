"""Settings by the names that a person typed."""

import pytest

from resilience import LINKS, PROFILES, SettingsError, link_settings, server_settings


def test_a_door_is_found_by_profile_and_service() -> None:
    assert server_settings("protected", "orders") is PROFILES["protected"].servers["orders"]


def test_a_service_without_a_door_has_none() -> None:
    assert server_settings("naive", "orders") is None
    assert server_settings("protected", "bank") is None


def test_an_unknown_profile_has_no_doors_either() -> None:
    with pytest.raises(SettingsError) as caught:
        server_settings("protectd", "orders")

    assert str(caught.value) == (
        "no such profile: 'protectd', did you mean 'protected'? Known: naive, timeouts, retries, breakers, protected"
    )


def test_an_unknown_link_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        link_settings("naive", "orders_to_payment")

    hint = "did you mean 'orders_to_payments'?"
    assert str(caught.value) == f"no such link: 'orders_to_payment', {hint} Known: {', '.join(LINKS)}"


def test_links_are_those_of_the_profile() -> None:
    assert link_settings("protected", "payments_to_bank") is PROFILES["protected"].links["payments_to_bank"]
    with pytest.raises(SettingsError, match=r"no such profile: 'xyz'\. Known"):
        link_settings("xyz", "payments_to_bank")

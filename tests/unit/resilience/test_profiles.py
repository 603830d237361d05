"""The numbers of the profiles: they exist, they add up, they are found by name."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from resilience import LINKS, PROFILES, SHOP, LinkSettings, RetrySettings, SettingsError, describe, link_settings

ROOT = Path(__file__).parents[3]

PATIENCE_S = 5.0
IN_TIME_S = 1.0
CHECKOUTS_PER_S = 40
CONNECTIONS = 100
PROTECTED = PROFILES["protected"].links
# A consumer waits for what is not there yet, and for its group; no customer waits for it.
CALLED = [link for link in LINKS if link != "notifications_to_kafka"]
POSTGRES = [link for link in LINKS if link.endswith("_to_postgres")]


def worst_s(link: str) -> float:
    worst = PROTECTED[link].worst_case_s
    assert worst is not None
    return worst


def attempt_s(link: str) -> float:
    attempt = PROTECTED[link].attempt_timeout_s
    assert attempt is not None
    return attempt


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_every_link(profile: str) -> None:
    assert tuple(PROFILES[profile].links) == LINKS
    assert PROFILES[profile].name == profile


def test_naive_sets_nothing_anywhere() -> None:
    assert set(PROFILES["naive"].links.values()) == {LinkSettings()}
    assert LinkSettings().policies == ()


@pytest.mark.parametrize("link", CALLED)
def test_protected_bounds_every_call(link: str) -> None:
    assert worst_s(link) < PATIENCE_S
    assert "breaker" in PROTECTED[link].policies


def test_a_consumer_that_joins_its_group_is_bounded_too() -> None:
    assert worst_s("notifications_to_kafka") < 2 * PATIENCE_S


def test_only_protected_publishes_behind_the_request_and_takes_each_event_once() -> None:
    careful = {name for name, profile in PROFILES.items() if profile.publishing == "outbox"}

    assert careful == {"protected"}
    assert {name for name, profile in PROFILES.items() if profile.consuming == "once"} == careful


@pytest.mark.parametrize("profile", ["timeouts", "retries", "breakers"])
def test_publishing_in_the_request_fits_beside_the_worst_of_the_rest(profile: str) -> None:
    """Payments' worst, the others as usual, and then the publishing: the gateway waits for all of it."""
    links = PROFILES[profile].links
    others_s = [SHOP.usual_s[link] for link in SHOP.calls["gateway_to_orders"] if link != "orders_to_payments"]
    publishing_s, patience_s = links["orders_to_kafka"].worst_case_s, links["gateway_to_orders"].worst_case_s
    assert publishing_s is not None
    assert patience_s is not None

    assert worst_s("orders_to_payments") + sum(others_s) + publishing_s <= patience_s


def test_a_read_fits_even_if_everything_behind_it_is_slow() -> None:
    assert sum(map(worst_s, SHOP.calls["gateway_to_inventory"])) <= attempt_s("gateway_to_inventory") <= IN_TIME_S


@pytest.mark.parametrize("entry", ["gateway_to_orders", "gateway_to_inventory"])
def test_a_customer_still_waits_when_the_gateway_answers(entry: str) -> None:
    assert worst_s(entry) < PATIENCE_S / 2


def test_every_retry_has_a_budget() -> None:
    assert all("budget" in settings.policies for settings in PROTECTED.values() if settings.retry)


@pytest.mark.parametrize("link", POSTGRES)
def test_the_driver_ends_a_statement_before_the_attempt_ends(link: str) -> None:
    settings = PROTECTED[link]
    bounds = (settings.acquire_timeout_s, settings.command_timeout_s, settings.attempt_timeout_s)

    assert all(inner is not None and outer is not None and inner < outer for inner, outer in pairwise(bounds))


def test_checkouts_that_all_hang_leave_connections_for_browsing() -> None:
    """40/s x 2 s would hold 80 of the 100; no more than 60 may."""
    bulkhead = PROTECTED["gateway_to_orders"].bulkhead
    assert bulkhead is not None

    assert bulkhead.max_concurrent < CHECKOUTS_PER_S * attempt_s("gateway_to_orders")
    assert CONNECTIONS - bulkhead.max_concurrent >= 40


def test_the_redis_client_repeats_nothing_of_its_own() -> None:
    assert PROTECTED["inventory_to_redis"].library_retries == 0


class TestWorstCase:
    def test_without_a_timeout_nothing_bounds_a_call(self) -> None:
        assert LinkSettings().worst_case_s is None

    def test_it_is_queue_attempts_and_waits(self) -> None:
        settings = LinkSettings(
            attempt_timeout_s=1.0,
            retry=RetrySettings(max_attempts=3, base_wait_s=0.1, max_wait_s=0.5),
            bulkhead=PROTECTED["orders_to_postgres"].bulkhead,
        )

        assert settings.worst_case_s == pytest.approx(0.1 + 3 * 1.0 + 2 * 0.5)

    def test_the_time_to_start_an_attempt_bounds_it(self) -> None:
        settings = LinkSettings(attempt_timeout_s=1.0, retry=PROTECTED["payments_to_bank"].retry)

        assert settings.worst_case_s == pytest.approx(0.2 + 1.0)


class TestLookUp:
    def test_settings_are_found_by_profile_and_link(self) -> None:
        assert link_settings("protected", "payments_to_bank") is PROTECTED["payments_to_bank"]

    def test_an_unknown_profile_names_the_nearest_and_the_known(self) -> None:
        with pytest.raises(SettingsError) as caught:
            link_settings("protectd", "payments_to_bank")

        assert str(caught.value) == (
            "no such profile: 'protectd', did you mean 'protected'? "
            "Known: naive, timeouts, retries, breakers, protected"
        )

    def test_an_unknown_link_names_the_known(self) -> None:
        with pytest.raises(SettingsError) as caught:
            link_settings("naive", "xyz")

        assert str(caught.value) == f"no such link: 'xyz'. Known: {', '.join(LINKS)}"


class TestDescribe:
    def test_it_is_flat(self) -> None:
        described = describe(PROTECTED["orders_to_postgres"])

        assert described["attempt_timeout_s"] == 0.5
        assert described["breaker.window.min_calls"] == 10
        assert described["bulkhead.max_concurrent"] == 10
        assert described["retry"] is None
        assert "breaker" not in described

    @pytest.mark.parametrize("profile", PROFILES)
    def test_it_survives_json(self, profile: str) -> None:
        described = {link: describe(link_settings(profile, link)) for link in LINKS}

        assert json.loads(json.dumps(described)) == described


def test_protected_guards_the_door_of_every_service_that_is_asked_but_the_banks() -> None:
    """The bank is a third party: nobody here sets its door."""
    ends = {end for link in LINKS for end in link.split("_to_")}
    ours = {end for end in ends if (ROOT / "services" / end / "routes.py").is_file()}

    assert PROFILES["protected"].servers.keys() == ours - {"bank"}


def test_the_gateways_door_lets_in_what_its_links_do() -> None:
    """Checkouts that run and wait for their slot, and 20 who only look."""
    bulkhead = link_settings("protected", "gateway_to_orders").bulkhead
    assert bulkhead is not None

    door = PROFILES["protected"].servers["gateway"]

    assert door.max_concurrent == bulkhead.max_concurrent + bulkhead.max_waiting + 20

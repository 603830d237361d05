"""Settings: a bad environment is refused by the variable's name, its value and its bounds."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from services.bank.settings import BankSettings
from services.catalog.settings import CatalogSettings
from services.common.settings import BadSettingError, Environment, read_or_exit
from services.gateway.settings import GatewaySettings
from services.inventory.settings import InventorySettings
from services.notifications.settings import NotificationsSettings
from services.orders.settings import OrdersSettings
from services.payments.settings import PaymentsSettings

GOOD = {
    "LAB_ARM": "a",
    "LAB_PROFILE": "protected",
    "DATABASE_URL": "postgresql://shop@127.0.0.1:15432/shop_a",
    "REDIS_URL": "redis://127.0.0.1:16379/0",
    "ORDERS_URL": "http://127.0.0.1:18110",
    "INVENTORY_URL": "http://127.0.0.1:18120/",
    "PAYMENTS_URL": "http://127.0.0.1:18130",
    "NOTIFICATIONS_URL": "http://127.0.0.1:18160",
    "CATALOG_URL": "http://127.0.0.1:18170",
    "MYSQL_URL": "mysql://shop@127.0.0.1:13306/shop_a",
    "ORDERS_EVENTS": "on",
    "KAFKA_URL": "kafka://127.0.0.1:19092",
    "BANK_URL": "http://127.0.0.1:18140",
    "BANK_LATENCY_MS": "100",
    "BANK_SLOTS": "8",
}
Read = Callable[[Environment], Any]
NEEDED: dict[Read, tuple[str, ...]] = {
    BankSettings.read: ("LAB_ARM", "BANK_LATENCY_MS", "BANK_SLOTS"),
    PaymentsSettings.read: ("LAB_ARM", "LAB_PROFILE", "BANK_URL", "DATABASE_URL"),
    InventorySettings.read: ("LAB_ARM", "LAB_PROFILE", "DATABASE_URL", "REDIS_URL"),
    OrdersSettings.read: ("LAB_ARM", "LAB_PROFILE", "INVENTORY_URL", "PAYMENTS_URL", "DATABASE_URL"),
    GatewaySettings.read: ("LAB_ARM", "LAB_PROFILE", "ORDERS_URL", "INVENTORY_URL", "NOTIFICATIONS_URL", "CATALOG_URL"),
    CatalogSettings.read: ("LAB_ARM", "LAB_PROFILE", "MYSQL_URL", "DATABASE_URL", "REDIS_URL"),
    NotificationsSettings.read: ("LAB_ARM", "LAB_PROFILE", "KAFKA_URL", "DATABASE_URL"),
}


def test_the_environment_becomes_frozen_settings() -> None:
    """Times are in seconds, URLs end without a slash."""
    assert BankSettings.read(Environment(GOOD)) == BankSettings(arm="a", latency_s=0.1, slots=8)
    gateway = GatewaySettings.read(Environment(GOOD))
    assert gateway.inventory_url == "http://127.0.0.1:18120"
    with pytest.raises(dataclasses.FrozenInstanceError):
        gateway.arm = "b"  # type: ignore[misc]


@pytest.mark.parametrize("read", NEEDED)
def test_every_variable_that_is_read_is_needed(read: Read) -> None:
    """Leaving out a variable that a service reads stops it by that name; an empty one counts as left out."""
    for name in NEEDED[read]:
        for changed in ({key: value for key, value in GOOD.items() if key != name}, {**GOOD, name: " "}):
            with pytest.raises(BadSettingError, match=f"^{name} is not set$"):
                read(Environment(changed))
    assert read(Environment({name: GOOD[name] for name in NEEDED[read]})).arm == "a"


@pytest.mark.parametrize(
    ("read", "name", "value", "message"),
    [
        (BankSettings.read, "BANK_LATENCY_MS", "-1", "BANK_LATENCY_MS='-1' must be a whole number from 0 to 60000"),
        (BankSettings.read, "BANK_LATENCY_MS", "0.5", "BANK_LATENCY_MS='0.5' must be a whole number from 0 to 60000"),
        (BankSettings.read, "BANK_SLOTS", "0", "BANK_SLOTS='0' must be a whole number from 1 to 10000"),
        (GatewaySettings.read, "ORDERS_URL", "orders:1", "ORDERS_URL='orders:1' must be a URL like http://host:port"),
        (GatewaySettings.read, "ORDERS_URL", "http://", "ORDERS_URL='http://' must be a URL like http://host:port"),
        (
            GatewaySettings.read,
            "ORDERS_URL",
            "http://h:99999",
            "ORDERS_URL='http://h:99999' must be a URL like http://host:port",
        ),
        (OrdersSettings.read, "ORDERS_EVENTS", "yes", "ORDERS_EVENTS='yes' must be one of on, off"),
        (
            OrdersSettings.read,
            "KAFKA_URL",
            "http://h:1",
            "KAFKA_URL='http://h:1' must be a URL like kafka://host:port",
        ),
        (
            OrdersSettings.read,
            "DATABASE_URL",
            "mysql://h:1/x",
            "DATABASE_URL='mysql://h:1/x' must be a URL like postgresql://host:port",
        ),
    ],
)
def test_a_bad_value_is_named_with_its_bounds(read: Read, name: str, value: str, message: str) -> None:
    """The message is all that an operator needs."""
    with pytest.raises(BadSettingError) as caught:
        read(Environment({**GOOD, name: value}))
    assert str(caught.value) == message


def test_events_that_are_off_need_no_broker() -> None:
    """Left out counts as off: the events then wait in the outbox."""
    without = {key: value for key, value in GOOD.items() if key != "KAFKA_URL"}

    assert OrdersSettings.read(Environment({**without, "ORDERS_EVENTS": "off"})).kafka_url is None
    assert OrdersSettings.read(Environment({**without, "ORDERS_EVENTS": ""})).kafka_url is None
    assert OrdersSettings.read(Environment(GOOD)).kafka_url == "kafka://127.0.0.1:19092"


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    """A misspelt profile does not silently run unprotected."""
    with pytest.raises(BadSettingError, match=r"LAB_PROFILE='protectd'.*protected"):
        OrdersSettings.read(Environment({**GOOD, "LAB_PROFILE": "protectd"}))


def test_a_bad_environment_ends_the_process_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """main() exits with the message; a traceback would hide it."""
    for name, value in {**GOOD, "BANK_SLOTS": "many"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as caught:
        read_or_exit(BankSettings.read)
    assert str(caught.value).startswith("settings: BANK_SLOTS='many'")


def test_a_handler_is_async_unless_it_is_said_and_faults_are_off() -> None:
    """A blocking one runs under naive alone: a policy guards what is awaited."""
    assert InventorySettings.read(Environment(GOOD)).handler == "async"
    assert InventorySettings.read(Environment(GOOD)).faults is False
    naive = {**GOOD, "LAB_PROFILE": "naive", "LAB_FAULTS": "on"}
    for handler in ("async", "def", "blocking"):
        settings = InventorySettings.read(Environment({**naive, "INVENTORY_HANDLER": handler}))
        assert (settings.handler, settings.faults) == (handler, True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("INVENTORY_HANDLER", "sync", "INVENTORY_HANDLER='sync' must be one of async, def, blocking"),
        ("INVENTORY_HANDLER", "def", "INVENTORY_HANDLER='def' needs LAB_PROFILE='naive', not 'protected'"),
        ("LAB_FAULTS", "yes", "LAB_FAULTS='yes' must be one of on, off"),
    ],
)
def test_a_handler_or_a_switch_of_another_kind_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(BadSettingError) as caught:
        InventorySettings.read(Environment({**GOOD, name: value}))

    assert str(caught.value).startswith(message)

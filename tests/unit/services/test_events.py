"""An event is read back as it was written, and a message that is none is refused by the field that is wrong."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.events import MAX_BYTES, BadEvent, OrderConfirmed, dump, parse

EVENT = OrderConfirmed(
    event_id=uuid.UUID(int=1),
    order_id=uuid.UUID(int=2),
    customer="ada",
    sku="sku-0001",
    quantity=3,
    amount_cents=3_000,
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
)


def written(**changed: object) -> bytes:
    return json.dumps(json.loads(dump(EVENT)) | changed).encode()


def refused(message: bytes | None) -> str:
    with pytest.raises(BadEvent) as caught:
        parse(message)
    assert str(caught.value).startswith(f"{caught.value.field}: ")
    return caught.value.field


def test_an_event_is_read_back_as_it_was_written() -> None:
    assert parse(dump(EVENT).encode()) == EVENT


def test_its_json_is_what_the_topic_promises() -> None:
    assert json.loads(dump(EVENT)) == {
        "event_id": "00000000-0000-0000-0000-000000000001",
        "type": "order.confirmed",
        "version": 1,
        "order_id": "00000000-0000-0000-0000-000000000002",
        "customer": "ada",
        "sku": "sku-0001",
        "quantity": 3,
        "amount_cents": 3000,
        "occurred_at": "2026-01-02T03:04:05.678901+00:00",
    }


def test_times_are_told_in_utc() -> None:
    east = replace(EVENT, occurred_at=EVENT.occurred_at.astimezone(timezone(timedelta(hours=5))))

    assert dump(east) == dump(EVENT)


def test_a_field_that_a_later_version_adds_is_let_be() -> None:
    assert parse(written(gift=True)) == EVENT


@pytest.mark.parametrize(
    "message", [None, b"", b"\xff\xfe", b"{", b"[]", b"null", b'"x"', b"[" * 50_000, b" " * (MAX_BYTES + 1)]
)
def test_what_is_no_object_or_too_large_is_refused_as_a_message(message: bytes | None) -> None:
    assert refused(message) == "message"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "order.lost"),
        ("type", None),
        ("version", 2),
        ("version", "1"),
        ("version", True),
        ("event_id", "1"),
        ("event_id", None),
        ("event_id", 7),
        ("order_id", ["x"]),
        ("customer", "Ada"),
        ("customer", "ada\n"),
        ("customer", ""),
        ("customer", "a" * 41),
        ("customer", 5),
        ("sku", "-"),
        ("quantity", 0),
        ("quantity", 1.0),
        ("quantity", True),
        ("quantity", 2**63),
        ("amount_cents", -1),
        ("occurred_at", "yesterday"),
        ("occurred_at", 5),
        ("occurred_at", "2026-01-02T03:04:05"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    assert refused(written(**{field: value})) == field


@pytest.mark.parametrize("field", json.loads(dump(EVENT)))
def test_a_missing_field_is_named(field: str) -> None:
    fields = json.loads(dump(EVENT))
    del fields[field]

    assert refused(json.dumps(fields).encode()) == field


def test_what_is_wrong_is_shown_cut_short() -> None:
    with pytest.raises(BadEvent) as caught:
        parse(written(type="x" * 10_000))

    assert len(str(caught.value)) < 120


@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_whatever_comes_is_an_event_or_refused(message: bytes) -> None:
    with pytest.raises(BadEvent):
        parse(message)

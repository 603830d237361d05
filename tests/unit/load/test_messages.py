"""What goes over the wire for an arrival, and which row its answer becomes."""

import json

import pytest

from chaos.records import COLUMNS, Request, parse_row
from loadtests.messages import CUSTOMERS, Answer, arrival_request, customer_of, outcome_of, row_of
from loadtests.rows import Row
from loadtests.schedule import Arrival

BUYS = Arrival(seq=3, intended_s=1.25, kind="checkout", sku="sku-0007", key="7-3")
LOOKS = Arrival(seq=4, intended_s=2.5, kind="browse", sku="sku-0008", key="")


def request_of(row: Row) -> Request:
    """Read a row as the lab does."""
    return parse_row({name: str(value) for name, value in row._asdict().items()})


def test_the_generator_writes_the_columns_that_the_lab_reads() -> None:
    assert Row._fields == COLUMNS


def test_a_checkout_carries_its_key_and_a_request_id_that_names_its_row() -> None:
    head, _, body = arrival_request(BUYS, "naive", "127.0.0.1:18100").partition(b"\r\n\r\n")

    assert head.split(b"\r\n") == [
        b"POST /checkout HTTP/1.1",
        b"Host: 127.0.0.1:18100",
        b"Accept: application/json",
        b"X-Request-Id: naive-3",
        b"Idempotency-Key: 7-3-naive",
        b"Content-Type: application/json",
        b"Content-Length: 57",
    ]
    assert json.loads(body) == {"sku": "sku-0007", "quantity": 1, "customer": customer_of(BUYS.key)}
    assert len(body) == 57


def test_who_buys_is_told_by_the_key_alone() -> None:
    assert {customer_of(f"7-{number}") for number in range(20_000)} == {f"customer-{n:03d}" for n in range(CUSTOMERS)}
    assert customer_of("7-3") == customer_of("7-3")


def test_browsing_is_a_get_of_the_stock() -> None:
    request = arrival_request(LOOKS, "naive", "127.0.0.1:18100")

    assert request.startswith(b"GET /products/sku-0008/stock HTTP/1.1\r\n")
    assert request.endswith(b"X-Request-Id: naive-4\r\n\r\n")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "answered"),
        (201, "answered"),
        (204, "answered"),
        (301, "failed"),
        (402, "failed"),
        (409, "failed"),
        (429, "refused"),
        (500, "failed"),
        (503, "refused"),
        (504, "failed"),
    ],
)
def test_the_status_decides_the_outcome(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome


def test_an_answered_checkout_keeps_the_order_that_was_promised() -> None:
    answer = Answer(201, b'{"order_id":"o-1","status":"confirmed"}', "")

    row = row_of(BUYS, "naive", answer, outcome="answered", lag_s=0.0012, latency_s=0.0345)

    assert request_of(row) == Request(
        arm="naive",
        kind="checkout",
        seq=3,
        intended_s=1.25,
        lag_ms=1.2,
        latency_ms=34.5,
        status=201,
        outcome="answered",
        key="7-3-naive",
        order_id="o-1",
        retry_after_s=None,
        stale=False,
    )


def test_a_stale_answer_is_marked() -> None:
    answer = Answer(200, b'{"sku":"sku-0008","available":5,"stale":true}', "")

    assert request_of(row_of(LOOKS, "naive", answer, outcome="answered", lag_s=0, latency_s=0)).stale


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b"\xff\xfe", b'"order_id"'])
def test_an_answer_that_is_no_json_object_has_no_order(body: bytes) -> None:
    row = row_of(BUYS, "naive", Answer(200, body, ""), outcome="answered", lag_s=0, latency_s=0)

    assert (row.order_id, row.stale, row.outcome) == ("", "0", "answered")


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("", None), ("Wed, 21 Oct 2026", None), ("-1", None)])
def test_retry_after_is_kept_where_it_is_in_seconds(header: str, seconds: float | None) -> None:
    row = row_of(BUYS, "naive", Answer(503, b"", header), outcome="refused", lag_s=0, latency_s=0)

    assert request_of(row).retry_after_s == seconds


def test_a_refusal_promises_no_order() -> None:
    row = row_of(BUYS, "naive", Answer(503, b'{"order_id":"o-1"}', "2"), outcome="refused", lag_s=0, latency_s=0)

    assert row.order_id == ""


def test_without_an_answer_the_status_is_0() -> None:
    assert row_of(BUYS, "naive", None, outcome="gave_up", lag_s=0, latency_s=5).status == 0


def test_a_reader_asks_for_the_product_that_all_look_at_and_a_searcher_for_words() -> None:
    reads = Arrival(seq=5, intended_s=2.5, kind="product", sku="sku-0008", key="")
    searches = [Arrival(seq=6, intended_s=2.5, kind="search", sku=f"sku-{n:04d}", key="") for n in range(1, 201)]

    assert arrival_request(reads, "naive", "h").startswith(b"GET /catalog/products/sku-0001 HTTP/1.1\r\n")
    asked = {arrival_request(one, "naive", "h").split(b" ")[1] for one in searches}
    assert b"/catalog/search?q=ceramic+vase" in asked
    assert len(asked) == 8

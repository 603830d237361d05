"""Locust's own users: what they send is what is counted, told and summed up."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loadtests.open_schedule import open_arrivals
from tests.integration.load.gateway import Gateway, gateway, mute, prompt
from tests.integration.load.locusts import ENDS_WITHIN_S, headless, run, web_ui

pytestmark = pytest.mark.integration

RATE, DURATION = 50, 3


def sold(shop: Gateway) -> list[str]:
    return [key for method, path, key, _ in shop.asked if (method, path) == ("POST", "/checkout")]


async def test_the_locustfile_needs_locust_and_nothing_else() -> None:
    """Locust's official image has its dependencies and no other package of ours."""
    ours = ("prometheus_client", "pydantic", "aiohttp", "numpy", "yaml", "chaos", "resilience", "services")
    code = f"import sys, loadtests.locustfile; print('needs', *(name for name in {ours} if name in sys.modules))"

    assert (await run(sys.executable, "-c", code)) == (0, "needs\n")


async def test_open_arrivals_are_the_seeds_and_all_of_them_are_told(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        open_words = ("--rate", str(RATE), "--duration", str(DURATION), "--buying", "0.5", "--users", "1")
        files = ("--csv", str(tmp_path / "locust"), "--csv-full-history", "--html", str(tmp_path / "locust.html"))
        ended = await headless(tmp_path, shop.url, *open_words, *files, "OpenArrivals")

    assert ended.code == 0, ended.said
    told = ended.summary
    assert told["offered"] == told["sent"] == len(shop.asked)
    assert told["sent"] == len(list(open_arrivals("7/0", RATE, "steady", DURATION, 0.5, key="k")))
    assert told["outcomes"] == {"answered": told["sent"], "refused": 0, "failed": 0, "gave_up": 0}
    assert {line["kind"]: line["sent"] for line in told["lines"]}["checkout"] == len(sold(shop))
    assert len(set(sold(shop))) == len(sold(shop)) > 30
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert (tmp_path / "locust.html").stat().st_size > 100_000
    # A point each second, not Locust's five.
    history = (tmp_path / "locust_stats_history.csv").read_text().splitlines()
    assert sum("Aggregated" in line for line in history) >= DURATION


async def test_a_second_test_with_the_same_seed_buys_anew(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        words = ("--rate", "50", "--duration", "1", "--buying", "1", "--users", "1", "OpenArrivals")
        for _ in range(2):
            assert (await headless(tmp_path, shop.url, *words)).code == 0

    assert len(set(sold(shop))) == len(sold(shop)) > 40


async def test_what_is_too_much_in_flight_is_skipped_and_who_waits_too_long_gives_up(tmp_path: Path) -> None:
    async with gateway(mute) as shop:
        bounds = ("--max-in-flight", "5", "--patience", "0.5", "--rate", "50", "--duration", "2", "--users", "1")
        ended = await headless(tmp_path, shop.url, *bounds, "OpenArrivals")

    told = ended.summary
    assert told["offered"] == told["sent"] + told["skipped"]
    assert told["outcomes"]["gave_up"] == told["sent"] == len(shop.asked)
    # Five at a time, each for half a second, in 2 s; and those of the end.
    assert 5 <= told["sent"] <= 25
    assert told["p50_ms"] == pytest.approx(500, rel=0.01)


async def test_users_who_wait_are_counted_too_and_follow_the_shape(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        words = ("--users", "8", "--duration", "4", "--shape", "step", "Browsing", "Buying")
        ended = await headless(tmp_path, shop.url, *words)

    told = ended.summary
    # The end meets some in the middle of a request: sent and not ended, and perhaps not arrived.
    assert told["sent"] - 8 <= len(shop.asked) <= told["sent"] == told["offered"]
    assert told["sent"] - 8 <= told["outcomes"]["answered"] <= told["sent"]
    assert {path for _, path, _, _ in shop.asked} > {"/checkout"}
    spawned = [line.rsplit("(", 1)[1] for line in ended.said.splitlines() if "All users spawned" in line]
    users = [int(line.split()[0]) for line in spawned]
    # On a busy machine a step may pass unseen.
    assert users[0] == 2
    assert users == sorted(users)
    assert len(set(users)) >= 3


async def test_paced_users_aim_at_the_rate_together(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        words = ("--users", "10", "--rate", "50", "--duration", "3", "PacedBrowsing")
        ended = await headless(tmp_path, shop.url, *words)

    assert 75 <= ended.summary["sent"] <= 170


async def test_handlers_are_asked_at_their_own_inventory(tmp_path: Path) -> None:
    async with gateway(prompt) as shop, gateway(prompt) as inventory:
        words = ("--users", "2", "--duration", "1", "--inventories", f"def={inventory.url}", "DefHandler")
        ended = await headless(tmp_path, shop.url, *words)

    assert shop.asked == []
    assert {path.rsplit("/", 1)[0] for _, path, _, _ in inventory.asked} == {"/stock"}
    assert {line["arm"] for line in ended.summary["lines"]} == {"inventory-def"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--host", "http://192.0.2.1", "OpenArrivals"), "not on this machine"),
        (("--rate", "2000", "OpenArrivals"), "rate must be from 0.1 to 1000"),
        (("--arms", "naive", "OpenArrivals"), "'naive' is not name=http://host:port"),
        (("--users", "3000", "Browsing"), "users must be from 1 to 2000"),
        (("AsyncHandler",), "no inventory with async handlers is up"),
    ],
)
async def test_a_test_that_may_not_be_is_refused_in_words(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    async with gateway(prompt) as shop:
        ended = await headless(tmp_path, shop.url, "--duration", "30", *words)

    assert ended.code != 0
    assert why in ended.said
    assert shop.asked == []


async def ask(url: str, path: str, **form: object) -> Any:
    """Use the web UI as a browser does."""
    async with aiohttp.ClientSession() as session:
        send = session.post(f"{url}{path}", data=form) if form else session.get(f"{url}{path}")
        async with send as answer:
            assert answer.status == 200
            return await answer.json(content_type=None) if path != "/" else await answer.text()


async def until(ui: str, field: str, value: object) -> Any:
    """Return the web UI's figures once `field` is `value`; it makes them up every 2 s only."""
    async with asyncio.timeout(ENDS_WITHIN_S):
        while (figures := await ask(ui, "/stats/requests"))[field] != value:  # noqa: ASYNC110  it is another process
            await asyncio.sleep(0.1)
    return figures


async def test_the_web_ui_has_the_fields_and_runs_a_test_to_its_end() -> None:
    async with gateway(prompt) as shop, web_ui(shop.url, "--arms", f"naive={shop.url}") as ui:
        page = await ask(ui, "/")
        for field in ("rate", "duration", "shape", "buying", "in_time", "patience", "max_in_flight", "seed"):
            assert f'"{field}": {{"choices"' in page
        for hidden in ("arms", "relay", "inventories", "summary"):
            assert f'"{hidden}": {{"choices"' not in page
        assert "OpenArrivals" in page
        # Its inventory is not there.
        assert "DefHandler" not in page
        await ask(
            ui, "/swarm", user_count=1, spawn_rate=1, host=shop.url, user_classes="OpenArrivals", shape_class="Default",
            rate=40, duration=2, shape="ramp",
        )  # fmt: skip
        figures = await until(ui, "state", "stopped")

        total = next(each for each in figures["stats"] if each["name"] == "Aggregated")
        assert total["num_requests"] == len(shop.asked) > 20
        assert total["num_failures"] == 0


async def test_the_web_ui_sends_no_load_to_anybody_else() -> None:
    async with gateway(prompt) as shop, web_ui(shop.url) as ui:
        await ask(ui, "/swarm", user_count=1, spawn_rate=1, host="http://192.0.2.1", user_classes="Browsing")
        await until(ui, "state", "stopped")
        logs = (await ask(ui, "/logs"))["master"]

        assert any("not started: host http://192.0.2.1 is not on this machine" in line for line in logs)
        # And it can be put right, and changed while it runs.
        await ask(ui, "/swarm", user_count=2, spawn_rate=2, host=shop.url, user_classes="Browsing", duration=6)
        await asyncio.sleep(0.5)
        await ask(ui, "/swarm", user_count=5, spawn_rate=5, host=shop.url, user_classes="Browsing", duration=6)
        await until(ui, "user_count", 5)
        await until(ui, "state", "stopped")
        assert shop.asked

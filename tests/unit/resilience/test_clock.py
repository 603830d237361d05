"""The only door through which time and chance come in."""

import asyncio

from resilience import SystemClock, system_rng


def test_now_never_goes_back() -> None:
    clock = SystemClock()

    assert clock.now() <= clock.now()


def test_wall_is_epoch_seconds() -> None:
    """It lies after the day this was written, which no monotonic clock does on a machine up for less than 50 years."""
    assert SystemClock().wall() > 1_700_000_000


async def test_sleep_waits_on_the_running_loop() -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()

    await SystemClock().sleep(3600)

    assert loop.time() - before == 3600


def test_a_seed_repeats_the_lots() -> None:
    assert system_rng(7).uniform(0, 1) == system_rng(7).uniform(0, 1)


def test_without_a_seed_lots_differ() -> None:
    assert system_rng().getrandbits(128) != system_rng().getrandbits(128)


def test_block_holds_the_thread() -> None:
    clock = SystemClock()
    began_s = clock.now()

    clock.block(0.02)

    assert clock.now() - began_s >= 0.02

"""Signals end work as a cancellation, once; what is finished already stays finished."""

import asyncio
import os
import signal

import pytest

from chaos.interrupt import SIGNALS, Interrupted, run_interruptible

BOUND_S = 20


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_the_work_and_names_itself(number: signal.Signals) -> None:
    cleaned_up = []

    async def work() -> None:
        try:
            send(number)
            await asyncio.sleep(BOUND_S)
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    with pytest.raises(Interrupted, match=number.name) as stop:
        run_interruptible(work())
    assert stop.value.exit_code == 128 + number
    assert cleaned_up == [True]


def test_a_second_signal_does_not_cut_the_clean_up_short() -> None:
    steps = []

    async def work() -> None:
        try:
            send(signal.SIGINT)
            await asyncio.sleep(BOUND_S)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                send(number)
                # Long enough for the loop to take the signal in.
                await asyncio.sleep(0.01)
                steps.append(number)

    with pytest.raises(Interrupted, match="SIGINT"):
        run_interruptible(work())
    assert steps == [signal.SIGINT, signal.SIGTERM]


def test_work_that_awaits_nothing_more_keeps_its_result() -> None:
    """A run that is being judged when the signal comes is judged to its end."""

    async def work() -> str:
        await asyncio.sleep(0)
        send(signal.SIGTERM)
        return "CONFIRMED"

    assert run_interruptible(work()) == "CONFIRMED"


def test_an_error_of_the_clean_up_is_raised() -> None:
    async def work() -> None:
        try:
            send(signal.SIGINT)
            await asyncio.sleep(BOUND_S)
        finally:
            raise ValueError("not healed")

    with pytest.raises(ValueError, match="not healed"):
        run_interruptible(work())


def test_a_cancellation_that_no_signal_brought_is_none_of_ours() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_interruptible(work())

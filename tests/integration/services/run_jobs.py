"""A scheduler as a process of its own, for tests that kill it: DATABASE_URL NAME. It says what it is doing."""

import asyncio
import sys

from resilience import SystemClock, system_rng
from services.common.job_metrics import JobUse
from services.common.leadership import OwnConnection
from services.common.schedule import JobSettings
from services.common.scheduled import Job, Scheduler


async def main(database: str, name: str) -> None:
    async def work(own: OwnConnection) -> int:
        sys.stdout.write(f"{name} runs\n")
        sys.stdout.flush()
        await own.rows("SELECT pg_sleep(0.05)")
        return 1

    job = Job(JobSettings("job", every_s=0.2, jitter_s=0.0, missed="skip"), work)
    scheduler = Scheduler(
        database, "orders", [job], JobUse(["job"]), clock=SystemClock(), rng=system_rng(1), tell=lambda *_: None,
        tick_s=0.05,
    )  # fmt: skip
    scheduler.start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

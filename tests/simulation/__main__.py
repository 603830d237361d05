"""Print the page docs/simulations.md: all the tables, in full, in some minutes."""

import sys

from tests.simulation.tables import TABLES, table

PAGE = """# Simulations

The policy objects of `resilience/`, the very ones that run in the services, on virtual time: each figure that they are
known for, beside what they give here. `python -m tests.simulation > docs/simulations.md` writes this page in some
minutes; `python -m pytest tests/simulation` has the same as tests: one seed, or three with `SIMULATIONS=full`.

*Asked*, published or a sum that follows from it: queues (theory), attempts a call (SRE, AWS), the throttle (SRE), the
fan-out (The Tail at Scale), XFetch (VLDB 2015). Earlier measurements, by another simulation with policies of its own:
the outage (the model is HotOS 2021), the other hedges, the waits (AWS's simulator of 2015, run again). *Got* is from
these policies, three seeds where it depends on luck. The outage: one worker of 300/s (exponential), callers at 280/s
who give up after 1 s, nothing served from 60 to 70 s. Goodput and attempts a call are those from 360 to 395 s. Recovery
is the first of three seconds in which 90 % of the calls are answered in time, counted from the outage's end; *never* is
not within 400 s. Where a queue has to shrink it is a random walk: 125 s, give or take 14, without retries. Retries come
at once unless the case says otherwise. The waits: clients that all write one row, with the version they read.
"""
NOTES = """## Where they differ

- Budget 5 %: 1.05 x 280 = 294 is less than 300, so it does end. The outage leaves 10 s of 280 calls/s and 9 s of 14
  retries/s (1 s later), 2,926 in all; that is down to 1 s of work after (2,926 - 300) / (300 - 294) = 438 s on average.
- 2 attempts, 140/s, and budget 10 %, 265/s: the same sum gives 118 s, give or take 13, and 305 s, give or take 50. So
  at 265/s the seconds looked at, 290 to 325 after the outage, may lie before or after the recovery.
- Expired work dropped: the queue stands just at the deadline, and luck decides; asked is a mean, got the seeds' span.
- 360/s: 304 or 307 from a worker of 300/s is chance, over 35 s give or take 3 (sqrt(300 / 35)).
- Throttle: the asked recoveries are those of counters that fade exponentially (tried: 14, 26, 47, 122, 221-251 s). Ours
  forget all at once what leaves the window: no accepted call is left in it, then one request a window gets through, and
  from one to all takes ln(K x calls a window) / 1.6 windows at K 2. Wide windows and a small K depend most on luck.
- CoDel: what comes back at once finds the queue that dropped it. With 20 to 40 ms before: 271/s at 1.2 attempts.
- Queue of 310: the rule says less than mu x (timeout - service time) = 299; just above it luck decides, and just
  below it does, too: n requests take n / mu, give or take sqrt(n) / mu. n + 2 sqrt(n) < 299 holds whatever the retries.
- Hedge at the learnt p99: the durations it learns from are those of hedged calls, of which fewer are slow. So the delay
  falls among the usual ones from time to time, and climbs back a step a window.
"""


def main() -> None:
    """Write the page to standard output as it comes."""
    sys.stdout.write(PAGE)
    for title, head, rows in TABLES:
        sys.stdout.write(f"\n## {title}\n\n")
        for line in table(head, rows()):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{NOTES}")


if __name__ == "__main__":
    main()

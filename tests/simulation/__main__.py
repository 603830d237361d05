"""Print the page docs/simulations.md: all the tables, in full, in some minutes."""

import sys

from tests.simulation.tables import TABLES, table

PAGE = """# Simulations

The policy objects of `resilience/`, the very ones that run in the services, on virtual time: each figure that they are
known for, beside what they give here. The models are in `tests/simulation/`, each in a file of its own.

```sh
python -m tests.simulation > docs/simulations.md              # this page, some minutes
python -m pytest tests/simulation                             # the same figures as tests, one seed, as short as can be
SIMULATIONS=full python -m pytest tests/simulation            # three seeds, 400 s of virtual time
```

*Asked* is published, or comes from another simulation of the same model with policies of its own. *Got* is from these
policies, three seeds where it depends on luck. The outage: one worker of 300/s (exponential), callers at 280/s who give
up after 1 s, nothing served from 60 to 70 s. Goodput and attempts a call are those from 360 to 395 s. Recovery is the
first of three seconds in which 90 % of the calls are answered in time, counted from the outage's end; *never* is not
within 400 s. Where a queue has to shrink it is a random walk: 125 s, give or take 14, without retries. Retries come at
once unless the case says otherwise. The waits: clients that all write one row, with the version they read (AWS, 2015).
"""
NOTES = """## Where they differ

- Budget 5 %: 1.05 x 280 is less than 300, so it does end, after (2,926 - 300) / (300 - 294) = 438 s on average.
- Throttle: the asked recoveries are those of counters that fade exponentially (tried: 14, 26, 47, 122, 221-251 s). Ours
  forget all at once what leaves the window. So after the outage no accepted call is left in it, then one request a
  window gets through, and from one to all takes ln(K x calls a window) / 1.6 windows at K 2. The wider the window and
  the smaller K, the more this depends on the luck of the first few.
- CoDel: dropped calls that come back at once find the queue that dropped them. With 20 to 40 ms before a retry it is
  271/s at 1.2 attempts.
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

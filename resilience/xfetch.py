"""Refresh a cached value early, by lot, so that not everybody who reads it refreshes it when it expires.

Without it each of the calls that come while the first recomputes finds nothing, too: 1 + rate * cost recomputations an
expiry. Here one of them draws the early lot and the others go on reading the old value. It needs no lock and no word
between the readers, so it is what many processes with one shared store can do.
"""

import math
import random


def refresh_now(now: float, expires_at: float, cost_s: float, beta: float, rng: random.Random) -> bool:
    """Tell whether this reader refreshes the value, which expires at `expires_at`; from then on always True.

    `cost_s`: seconds a recomputation takes, at least 0; with 0 nothing is early. `beta`: more than 0; 1 is the paper's,
    more is earlier. On average e^(1/beta) readers an expiry are told True while the first of them recomputes, whatever
    the rate. Source: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015:
    now - cost * beta * ln(rand) >= expiry.
    """
    # random() is at least 0 and less than 1, and there is no logarithm of 0.
    return now - cost_s * beta * math.log(1.0 - rng.random()) >= expires_at

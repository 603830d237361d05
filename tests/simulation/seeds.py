"""How much is simulated: by default one seed and no longer than needed; SIMULATIONS=full runs what the tables tell."""

import os

FULL = os.environ.get("SIMULATIONS") == "full"
ALL_SEEDS = (1, 2, 3)
SEEDS = ALL_SEEDS if FULL else (1,)

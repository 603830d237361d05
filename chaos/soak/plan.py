"""Who dies in a run of a soak, when and for how long: drawn from its seed, so that a run can be had again."""

from dataclasses import dataclass

from resilience.clock import system_rng

VICTIMS = ("orders", "payments", "notifications", "kafka")
# Before the kill, enough requests for a baseline. Shorter outages the lab cannot be sure to have seen.
BASELINE_S = (6.0, 10.0)
DOWN_MS = (2_500, 5_000)


@dataclass(frozen=True, slots=True)
class Kill:
    """One run: the seed of its customers too. The kill comes at the end of a baseline of `baseline_s` seconds."""

    seed: int
    victim: str
    baseline_s: float
    down_ms: int

    @property
    def sets(self) -> tuple[str, ...]:
        """Return what it changes in the scenario, as the options of `lab run` would."""
        return (
            f"phases.baseline_s={self.baseline_s}",
            f"faults.0.services=[{self.victim}]",
            f"faults.0.attributes.down_ms={self.down_ms}",
        )


def kill_of(seed: int) -> Kill:
    """Return the kill of a seed; four seeds in a row have one of each victim."""
    rng, order = system_rng(seed), list(VICTIMS)
    # Of each round, and of no run's own chance.
    system_rng(-1 - seed // len(VICTIMS)).shuffle(order)
    return Kill(seed, order[seed % len(order)], round(rng.uniform(*BASELINE_S), 3), rng.randint(*DOWN_MS))

"""What all charts of a run have in common: their time axis, their arms, how wide a sample is."""

from chaos.run import Run

SAMPLE_STEP_S = 0.5


def end_s(run: Run) -> float:
    """Return where the time axis ends: the end of the arrivals."""
    return run.scenario.phases.load_s


def arm_names(run: Run) -> tuple[str, ...]:
    """Return the arms in the order of their slots."""
    return tuple(arm.name for arm in run.arms) or tuple(arm.name for arm in run.scenario.arms)

"""`lab soak`: one run after the other as `lab run` runs them, a line each, and at the end what all of them lost."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from chaos.commands import root_of, run
from chaos.judging.verdict import SEVERITY
from chaos.run import EXIT_CODES, Run
from chaos.run_folder import RunFolder
from chaos.scenario.file import load_scenario
from chaos.soak.plan import Kill, kill_of

SCENARIO = "killed-at-random"
# What may be lost or doubled, by the words of the ledger.
LOSSES = (
    "orders.lost", "orders.doubled", "charges.lost", "charges.doubled", "events.unpublished", "notifications.missing",
    "notifications.doubled",
)  # fmt: skip


def soak(options: Namespace) -> int:
    """Run the scenario for each seed; returns the exit code of the worst verdict.

    An interrupted or impossible run ends the soak with its exit code.
    """
    root = root_of(options)
    runs: Path = options.runs if options.runs is not None else root / "runs"
    load_scenario(SCENARIO, root=root, sets=kill_of(options.first).sets)
    found: list[tuple[Kill, Run]] = []
    for seed in range(options.first, options.first + options.count):
        kill = kill_of(seed)
        print(f"soak: {len(found) + 1} of {options.count}: {kill.victim} is killed, for {kill.down_ms} ms", flush=True)
        code = run(
            Namespace(**{**vars(options), "name": SCENARIO, "seed": seed, "arms": None, "sets": list(kill.sets)})
        )
        if code not in EXIT_CODES.values():
            return code
        # Run again with the same second in its name, a run would be another folder: the newest is this one.
        folder = RunFolder((runs / SCENARIO / "latest").resolve())
        found.append((kill, Run.model_validate_json(folder.run_json.read_text(encoding="utf-8"))))
    for line in ending(found):
        print(line)
    return max((one for _, one in found), key=lambda one: SEVERITY[one.verdict.word]).verdict.exit_code


def ending(found: Sequence[tuple[Kill, Run]]) -> list[str]:
    """Return a line a run, and what each arm lost and doubled in all of them."""
    lines = ["", f"{'seed':>4}  {'killed':<13} {'for':>6}  {'verdict':<10} orders told  what was lost or doubled"]
    for kill, run_ in found:
        told = sum(book.acknowledged for book in run_.ledger.values())
        said = "; ".join(f"{arm}: {losses}" for arm in run_.ledger if (losses := _losses([run_], arm))) or "nothing"
        lines.append(
            f"{kill.seed:>4}  {kill.victim:<13} {kill.down_ms:>4} ms {run_.verdict.word:<10} {told:>11}  {said}"
        )
    words = [run_.verdict.word for _, run_ in found]
    lines.append(", ".join(f"{words.count(word)} {word}" for word in EXIT_CODES if word in words))
    for arm in found[0][1].ledger:
        acknowledged = sum(run_.ledger[arm].acknowledged for _, run_ in found if arm in run_.ledger)
        lines.append(f"  {arm}: {_losses([run_ for _, run_ in found], arm) or 'nothing'} of {acknowledged} orders")
    return lines


def _losses(runs: Sequence[Run], arm: str) -> str:
    sums = {name: sum(_figure(run_, arm, name) for run_ in runs) for name in LOSSES}
    return ", ".join(f"{number} {name}" for name, number in sums.items() if number)


def _figure(run_: Run, arm: str, name: str) -> int:
    figure = run_.figures.get(arm, {}).get("recovery", {}).get(name)
    return round(figure.value) if figure is not None and figure.value is not None else 0

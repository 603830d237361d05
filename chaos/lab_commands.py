"""The commands about a lab that stays: up, down, status, ps and logs. `chaos.cli` names them."""

import os
from argparse import Namespace
from pathlib import Path

from chaos import background
from chaos.commands import arms_of, root_of
from chaos.doors import doors, lab_up
from chaos.engines.choice import DEFAULT
from chaos.engines.compose.logs import compose_logs, compose_ps
from chaos.engines.leftovers import stop_lab
from chaos.engines.parts import playable
from chaos.engines.processes import last_lines
from chaos.engines.state import LabState, live_lab
from chaos.errors import UsageError
from chaos.interrupt import run_interruptible
from resilience.lookup import unknown

LOG_LINES = 20


def up(options: Namespace) -> int:
    """Start the shop: in the background, returning when it is ready, or in the foreground, until a signal comes."""
    root, engine = root_of(options), options.engine or DEFAULT
    arms = arms_of(options.arms)
    parts, left_out = playable(root, os.environ, engine)
    for line in left_out:
        print(line, flush=True)
    if options.foreground:
        run_interruptible(background.hold(root, arms, lambda line: print(line, flush=True), engine, parts))
    if engine == "compose":
        print(f"docker compose up; a first time it pulls and builds images: see {background.LOGS}", flush=True)
    state = run_interruptible(background.start(root, options.arms, engine))
    print(f"up (pid {state.pid}); `lab down` ends it")
    for child in state.children:
        if address := child.url or child.page:
            print(f"  {child.name:<16} {address}")
    if not state.children:
        _print_doors(state)
    return 0


def down(options: Namespace) -> int:
    """Stop the lab of this checkout, whoever started it."""
    state = run_interruptible(stop_lab(root_of(options), say=print))
    print(f"stopped (pid {state.pid})" if state else "no lab is up")
    return 0


def status(options: Namespace) -> int:
    """Print what runs; exit code 0 where a lab is up, 1 where none is."""
    state = live_lab(root_of(options))
    if state is None:
        print("no lab is up")
        return 1
    print(f"{'up' if state.ready else 'starting'} (pid {state.pid}, {state.engine}), logs in {state.log_dir}")
    for child in state.children:
        running = "" if child.identity.alive() else "  ended"
        print(f"  {child.name:<16} pid {child.pid:<8} {child.url or child.page or '':<24}{child.arm or ''}{running}")
    if not state.children:
        _print_doors(state)
    return 0


def ps(options: Namespace) -> int:
    """Print what runs as the engine itself shows it: `docker compose ps`, or the status."""
    root = root_of(options)
    state = live_lab(root)
    if state is None or not state.project:
        return status(options)
    print(run_interruptible(compose_ps(root, state.project)), end="")
    return 0


def logs(options: Namespace) -> int:
    """Print the last lines of each log, or of those that are named; raises UsageError."""
    root = root_of(options)
    state = lab_up(root)
    if state.project:
        print(run_interruptible(compose_logs(root, state.project, options.services, LOG_LINES)), end="")
        return 0
    found = {path.stem: path for path in sorted(Path(state.log_dir).glob("*.log"))}
    for name in options.services or found:
        if name not in found:
            raise UsageError(unknown("service", name, found))
        for line in last_lines(found[name], LOG_LINES):
            print(f"{name:<16} | {line}")
    return 0


def _print_doors(state: LabState) -> None:
    """Print where each arm is asked: containers have no entries of their own in the state."""
    for door in doors(state).values():
        print(f"  {door.arm:<16} {door.gateway}")

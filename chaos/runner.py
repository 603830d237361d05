"""One run, from nothing to nothing: start, settle, baseline, fault, recovery, drain, ledger, clean-up proven.

This is where the rooms meet and the only place that knows their order. It decides nothing: it returns what was
observed, and `chaos.judging.conclude` computes figures, evidence and verdict from that.
"""

import os
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from chaos.books import Books
from chaos.engines.choice import DEFAULT, engine_for_run
from chaos.engines.running import RunningLab
from chaos.engines.state import EngineName
from chaos.fault_support import forgotten, possible
from chaos.faults import dirt
from chaos.injecting import eyes, in_force
from chaos.message_faults import Written
from chaos.observed import Observed
from chaos.process_faults import Struck
from chaos.recording.announcer import RELAY, Announcer, announcing
from chaos.recording.load import LoadPlan, LoadProcess, start_process
from chaos.recording.machine import MachineSampler
from chaos.recording.priority import start_ahead
from chaos.recording.recorder import Recorder
from chaos.run import PhaseTime
from chaos.run_folder import RunFolder
from chaos.scenario import Phase, Scenario
from chaos.shield import beside, together
from chaos.terminal import LiveView, Terminal
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.victims import check_hurtable
from resilience.clock import SystemClock

# From "go" to the first possible arrival: time for the generator to read it on a busy machine.
LEAD_S = 0.5
# A server that hangs fails the heal within about four of these.
TOXIPROXY_TIMEOUT_S = 2.0


class Runner:
    """Executes one scenario in one folder. One instance runs once. `engine` is what was asked for, None for any."""

    def __init__(
        self, scenario: Scenario, *, seed: int, root: Path, folder: RunFolder, terminal: Terminal,
        engine: EngineName | None = None,
    ) -> None:  # fmt: skip
        self._scenario = scenario
        self._seed = seed
        self._root = root
        self._folder = folder
        self._terminal = terminal
        self._clock = SystemClock()
        self._began = self._clock.now()
        self._t0 = self._began
        self._seen = Observed()
        self._engine = engine
        self._announcer = Announcer(None, scenario, seed=seed, engine=engine or DEFAULT, note=terminal.note)

    async def run(self) -> Observed:
        """Run the whole timeline; raises LabError, and may be cancelled at any point.

        Whatever happens, every fault is healed, and every process that was started is stopped before this returns.
        """
        self._terminal.starting(self._scenario, self._seed)
        engine = engine_for_run(
            self._root, self._scenario.arms, self._folder.logs, self._terminal.note,
            env=os.environ, name=self._engine, needs=self._scenario.needs,
        )  # fmt: skip
        async with engine as lab:
            self._seen.engine = lab.engine
            self._seen.components = lab.components
            self._seen.ready_s = lab.ready_s
            self._terminal.ready(lab.ready_s, lab.components, len(lab.services))
            await beside(self._experiment(lab), lab.watch())
        self._seen.stop_s = lab.stop_s or 0.0
        self._seen.left_running = lab.left_running()
        self._seen.duration_s = self._clock.now() - self._began
        return self._seen

    async def _experiment(self, lab: RunningLab) -> None:
        """Everything between a ready stack and the stop of it."""
        check_hurtable(self._scenario, lab)
        async with AsyncExitStack() as stack:
            client = ToxiproxyClient(lab.toxiproxy_url, timeout_s=TOXIPROXY_TIMEOUT_S)
            stack.push_async_callback(client.close)
            self._seen.dirty_start = await dirt(client)
            books = await Books.opened(lab, self._scenario, self._folder.requests_csv)
            recorder = await stack.enter_async_context(
                Recorder(lab.services, self._folder.metrics_jsonl, clock=self._clock)
            )
            self._announcer = await stack.enter_async_context(
                announcing(
                    lab.shared_url(RELAY), self._scenario, seed=self._seed, engine=lab.engine, note=self._terminal.note
                )
            )
            machine = await stack.enter_async_context(MachineSampler(lab.pids_with_own, clock=self._clock))
            load = await stack.enter_async_context(self._load(lab))
            self._seen.arrivals = await load.ready()
            self._start_of_time(load, recorder, machine)
            probes = await stack.enter_async_context(eyes(self._scenario, lab, self._clock, self._t0))
            await stack.enter_async_context(
                LiveView(self._terminal, self._scenario, load.tail, recorder, clock=self._clock, t0=self._t0)
            )
            guards = together(load.watch(), recorder.watch(), probes.watch())
            await beside(self._phases(client, lab), guards)
            self._seen.probes = list(probes.recorded)
            await self._drain(load, recorder, client, books)
            self._seen.cpu_busy_baseline = machine.busy(*self._scenario.phases.window("baseline"))
            # Where the services' processes cannot be seen, a sum without them would say too little.
            if machine.memory_peak is not None and lab.pids():
                self._seen.memory_peak_mib = machine.memory_peak.mib
                self._seen.memory_kind = machine.memory_peak.kind
        await self._read_ledger(books)

    def _start_of_time(self, load: LoadProcess, recorder: Recorder, machine: MachineSampler) -> None:
        """Fix t0, the first possible arrival, for everybody who dates something."""
        self._t0 = self._clock.now() + LEAD_S
        load.go(self._clock.wall() + LEAD_S)
        recorder.start_of_time(self._t0)
        machine.start_of_time(self._t0)
        self._note_phase("start", self._began, self._t0)

    async def _phases(self, client: ToxiproxyClient, lab: RunningLab) -> None:
        await self._pass("settle")
        await self._pass("baseline")
        arms = [arm.name for arm in self._scenario.arms]
        faults, lacking = await possible(self._scenario.faults, client)
        self._seen.lacking = (*lacking, *forgotten(faults, lab.components))
        async with AsyncExitStack() as stack:
            forces = []
            for fault in faults:
                healing = partial(self._announcer.healing, fault)
                block = in_force(
                    fault, arms, client, lab, self._clock, fault_s=self._scenario.phases.fault_s, healing=healing
                )
                forces.append(await stack.enter_async_context(block))
                # The way out begins with it: then the heal begins, at the latest.
                stack.callback(healing)
                self._announcer.in_force(fault)
            await self._pass("fault")
        for force in forces:
            self._seen.fault_windows.append(force.window(self._t0))
            self._seen.outages.extend(force.outages(self._t0) if isinstance(force, Struck) else ())
            self._seen.receipts |= force.receipts if isinstance(force, Written) else {}
        await self._pass("recovery")

    async def _pass(self, phase: Phase) -> None:
        """Let a phase go by on the schedule's clock, so that healing or injecting late shifts no later phase."""
        from_s, to_s = self._scenario.phases.window(phase)
        self._terminal.phase(phase, from_s, to_s)
        self._announcer.phase(phase)
        await self._clock.sleep(max(0.0, self._t0 + to_s - self._clock.now()))
        self._seen.timeline.append(PhaseTime(phase=phase, from_s=from_s, to_s=to_s))

    async def _drain(self, load: LoadProcess, recorder: Recorder, client: ToxiproxyClient, books: Books) -> None:
        """Wait, bounded, until the last customers have their answer, and services and events are at rest."""
        began = self._clock.now()
        phases = self._scenario.phases
        self._terminal.phase("drain", phases.load_s, phases.load_s + phases.drain_s)
        self._announcer.phase("drain")
        await load.wait_done(self._scenario.load.patience_s + phases.drain_s)
        busy = await recorder.wait_idle(phases.drain_s)
        late = await books.at_rest(phases.drain_s, self._clock)
        self._seen.dirty_end = "; ".join(filter(None, (await dirt(client), busy, late)))
        self._note_phase("drain", began, self._clock.now())

    async def _read_ledger(self, books: Books) -> None:
        began = self._clock.now()
        self._terminal.phase("ledger", began - self._t0, began - self._t0)
        self._seen.ledger, self._seen.ledger_problem = await books.close(), books.problem
        self._note_phase("ledger", began, self._clock.now())

    def _note_phase(self, phase: str, from_now: float, to_now: float) -> None:
        times = {"phase": phase, "from_s": from_now - self._t0, "to_s": to_now - self._t0}
        self._seen.timeline.append(PhaseTime.model_validate(times))

    def _load(self, lab: RunningLab) -> LoadProcess:
        plan = LoadPlan(
            seed=self._seed,
            arms={arm.name: lab.service_url(arm.name, "gateway") for arm in self._scenario.arms},
            load=self._scenario.load,
            duration_s=self._scenario.phases.load_s,
            relay=lab.shared_url(RELAY),
            run=self._folder.path.name,
        )
        log = self._folder.logs / "locust.log"
        start = start_ahead if lab.engine == "compose" else start_process
        return LoadProcess(plan, root=self._root, folder=self._folder.path, log=log, mark=lab.mark, start=start)

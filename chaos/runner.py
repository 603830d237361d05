"""One run, from nothing to nothing: start, settle, baseline, fault, recovery, drain, ledger, clean-up proven.

This is where the rooms meet and the only place that knows their order. It decides nothing: it returns what was
observed, and `chaos.judging.conclude` computes figures, evidence and verdict from that.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from chaos.books import Books
from chaos.engines.choice import DEFAULT, engine_for_run
from chaos.engines.running import RunningLab
from chaos.engines.state import EngineName
from chaos.engines.topology import Link
from chaos.fault_support import door_links, possible
from chaos.faults import InForce, applied, dirt
from chaos.observed import Observed
from chaos.recording.announcer import RELAY, Announcer, announcing
from chaos.recording.load import LoadPlan, LoadProcess, start_process
from chaos.recording.machine import MachineSampler
from chaos.recording.priority import start_ahead
from chaos.recording.probes import PERIOD_S, REST_PERIOD_S, Probes
from chaos.recording.recorder import Recorder
from chaos.run import PhaseTime
from chaos.run_folder import RunFolder
from chaos.scenario import Fault, Phase, Scenario, SlowCall
from chaos.service_faults import switched_on
from chaos.shield import beside, together
from chaos.terminal import LiveView, Terminal
from chaos.toxiproxy.client import ToxiproxyClient
from resilience.clock import SystemClock

# From "go" to the first possible arrival: time for the generator to read it on a busy machine.
LEAD_S = 0.5
# A server that hangs fails the heal within about four of these.
TOXIPROXY_TIMEOUT_S = 2.0
# A fault inside a service ends by itself this long after its phase: a blocked loop may read our heal much later.
SERVICE_FAULT_LONGER_S = 0.5
# A toxic outlives its phase by this only if the lab has died; above any delay of a heal.
LINK_FAULT_LONGER_S = 5.0


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
            self._root, self._scenario.arms, self._folder.logs, self._terminal.note, env=os.environ, name=self._engine
        )
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
            probes = await stack.enter_async_context(
                Probes(self._periods(lab), clock=self._clock, t0=self._t0, fresh=door_links(self._scenario))
            )
            await stack.enter_async_context(
                LiveView(self._terminal, self._scenario, load.tail, recorder, clock=self._clock, t0=self._t0)
            )
            guards = together(load.watch(), recorder.watch(), probes.watch())
            await beside(self._phases(client, lab), guards)
            self._seen.probes = list(probes.recorded)
            await self._drain(load, recorder, client)
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
        faults, self._seen.lacking = await possible(self._scenario.faults, client)
        async with AsyncExitStack() as stack:
            in_force = []
            for fault in faults:
                in_force.append(await stack.enter_async_context(self._applied(fault, arms, client, lab)))
                # The way out begins with it: then the heal begins.
                stack.callback(self._announcer.healing, fault)
                self._announcer.in_force(fault)
            await self._pass("fault")
        self._seen.fault_windows.extend(force.window(self._t0) for force in in_force)
        await self._pass("recovery")

    def _applied(
        self, fault: Fault, arms: Sequence[str], client: ToxiproxyClient, lab: RunningLab
    ) -> AbstractAsyncContextManager[InForce]:
        fault_s = self._scenario.phases.fault_s
        if isinstance(fault, SlowCall):
            ttl_s = fault_s + SERVICE_FAULT_LONGER_S
            return switched_on(fault, arms, lab.service_url, self._clock, ttl_s=ttl_s)
        return applied(fault, arms, client, self._clock, ttl_s=fault_s + LINK_FAULT_LONGER_S)

    async def _pass(self, phase: Phase) -> None:
        """Let a phase go by on the schedule's clock, so that healing or injecting late shifts no later phase."""
        from_s, to_s = self._scenario.phases.window(phase)
        self._terminal.phase(phase, from_s, to_s)
        self._announcer.phase(phase)
        await self._clock.sleep(max(0.0, self._t0 + to_s - self._clock.now()))
        self._seen.timeline.append(PhaseTime(phase=phase, from_s=from_s, to_s=to_s))

    async def _drain(self, load: LoadProcess, recorder: Recorder, client: ToxiproxyClient) -> None:
        """Wait, bounded, until the last customers have their answer and the services are at rest."""
        began = self._clock.now()
        phases = self._scenario.phases
        self._terminal.phase("drain", phases.load_s, phases.load_s + phases.drain_s)
        self._announcer.phase("drain")
        await load.wait_done(self._scenario.load.patience_s + phases.drain_s)
        busy = await recorder.wait_idle(phases.drain_s)
        self._seen.dirty_end = "; ".join(filter(None, (await dirt(client), busy)))
        self._note_phase("drain", began, self._clock.now())

    async def _read_ledger(self, books: Books) -> None:
        began = self._clock.now()
        self._terminal.phase("ledger", began - self._t0, began - self._t0)
        self._seen.ledger, self._seen.ledger_problem = await books.close(), books.problem
        self._note_phase("ledger", began, self._clock.now())

    def _note_phase(self, phase: str, from_now: float, to_now: float) -> None:
        times = {"phase": phase, "from_s": from_now - self._t0, "to_s": to_now - self._t0}
        self._seen.timeline.append(PhaseTime.model_validate(times))

    def _periods(self, lab: RunningLab) -> dict[Link, float]:
        """Return how often each link is probed; where no fault is, all of them are the evidence."""
        hurt = self._scenario.faulted_links
        return {link: PERIOD_S if link.name in hurt or not hurt else REST_PERIOD_S for link in lab.links}

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

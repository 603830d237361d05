"""The evidence of all faults that are on no link: of processes, of messages, and inside a service."""

from collections.abc import Iterator

from chaos.judging.messages_seen import message_evidence
from chaos.judging.process_faults_seen import process_fault_evidence
from chaos.judging.slow_calls_seen import Counts, slow_call_evidence
from chaos.observed import Observed
from chaos.run import Evidence
from chaos.scenario import Scenario


def beyond_links(scenario: Scenario, observed: Observed, slow_calls: Counts) -> Iterator[Evidence]:
    """Yield one piece of evidence a victim."""
    yield from process_fault_evidence(scenario, observed.probes, observed.outages)
    yield from message_evidence(scenario, observed.receipts)
    yield from slow_call_evidence(scenario, slow_calls, observed.fault_windows)

"""Did the messages of a fault get where they were to go? Read back from the topic, past Toxiproxy, in every arm."""

from collections.abc import Mapping

from chaos.run import Evidence
from chaos.scenario import Messages, Scenario
from chaos.topic_writing import Receipt


def message_evidence(scenario: Scenario, receipts: Mapping[str, Receipt]) -> list[Evidence]:
    """Return one piece of evidence a topic that a fault writes into, over all arms."""
    topics = dict.fromkeys(topic for fault in scenario.faults if isinstance(fault, Messages) for topic in fault.topics)
    found = []
    for topic in topics:
        said = {arm.name: receipts.get(arm.name) for arm in scenario.arms}
        short = [arm for arm, one in said.items() if one is None or one.read_back < one.asked]
        detail = "; ".join(
            f"{arm} {one.read_back} of {one.asked} messages read back from {one.topic}" if one else f"{arm} nothing"
            for arm, one in said.items()
        )
        remedy = "lengthen phases.baseline_s, so that there are as many messages to repeat, or see Kafka's log"
        found.append(
            Evidence(
                name=f"fault_seen.{topic}",
                holds=not short,
                detail=f"{topic}: {detail}",
                remedy=remedy if short else "",
            )
        )
    return found

"""Messages of a fault count when every one of them was read back from the topic of every arm."""

import pytest

from chaos.fault_names import title
from chaos.judging.messages_seen import message_evidence
from chaos.report.faults_in_words import fault_clause
from chaos.topic_writing import TOO_LARGE_BYTES, Receipt, poison
from services.common.events import MAX_BYTES, BadEvent, parse
from tests.unit.chaos.builders import scenario

FAULT = {"type": "messages", "topics": ["orders"], "attributes": {"poison": 5, "repeated": 80}}
ASKED = scenario(faults=[FAULT], needs=["events"])
WHOLE = {arm: Receipt(f"{arm}.orders", 85, 85) for arm in ("naive", "protected")}


def test_all_of_them_in_every_arm_are_evidence() -> None:
    (evidence,) = message_evidence(ASKED, WHOLE)

    assert evidence.name == "fault_seen.orders"
    assert evidence.holds
    assert "naive 85 of 85 messages read back from naive.orders; protected 85 of 85" in evidence.detail


@pytest.mark.parametrize(
    "receipts", [{}, {"naive": WHOLE["naive"]}, WHOLE | {"naive": Receipt("naive.orders", 85, 84)}]
)
def test_fewer_or_none_are_not(receipts: dict[str, Receipt]) -> None:
    (evidence,) = message_evidence(ASKED, receipts)

    assert not evidence.holds
    assert "lengthen phases.baseline_s" in evidence.remedy


def test_without_such_a_fault_there_is_nothing_to_see() -> None:
    assert message_evidence(scenario(), WHOLE) == []


def test_the_fault_has_its_words() -> None:
    (fault,) = ASKED.faults

    assert title(fault) == "5 messages that nobody can read and 80 a second time in the topic orders"
    assert fault_clause(ASKED) == "the topic orders told 5 messages that nobody can read and 80 a second time"


def test_no_service_can_read_any_kind_of_poison() -> None:
    """Each for a reason of its own, and the largest is just too large."""
    reasons = set()
    for _, value in poison(20):
        with pytest.raises(BadEvent) as caught:
            parse(value)
        reasons.add(str(caught.value))

    assert len(reasons) == 5
    assert TOO_LARGE_BYTES == MAX_BYTES + 1

"""Whatever a stranger sends is no deadline or one that passes, and no hop gains time."""

from hypothesis import given
from hypothesis import strategies as st

from resilience.deadline import LONGEST_S, deadline_header, format_deadline, parse_deadline

NUMBERS = st.one_of(
    st.integers().map(str), st.floats().map(str), st.from_regex(r"-?[0-9]{1,400}(\.[0-9]+)?", fullmatch=True)
)


@given(st.one_of(st.none(), st.text(), NUMBERS))
def test_a_header_never_raises_and_never_asks_for_more_than_a_day(text: str | None) -> None:
    left_s = parse_deadline(text)

    assert left_s is None or 0.0 <= left_s <= LONGEST_S


@given(st.floats(allow_nan=False))
def test_what_is_sent_is_read_as_no_more_and_at_most_a_millisecond_less(left_s: float) -> None:
    read_s = parse_deadline(format_deadline(left_s))

    assert read_s is not None
    # A millisecond as a float may lie a rounding error above the number that it stands for.
    assert read_s <= max(left_s, 0.0) + 1e-9
    assert read_s > min(left_s, LONGEST_S) - 0.001 - 1e-9


@given(st.floats(0, 1000), st.lists(st.floats(0, 10), max_size=20))
def test_a_chain_of_hops_spends_one_deadline(first_s: float, hops: list[float]) -> None:
    """After any number of hops no more is left than the first caller's time less the time that passed."""
    text = format_deadline(first_s)
    for hop_s in hops:
        left_s = parse_deadline(text)
        assert left_s is not None
        text = format_deadline(left_s - hop_s)

    assert int(text) <= max(0.0, first_s - sum(hops)) * 1000 + 1e-6


def test_outside_any_call_no_header_is_sent() -> None:
    assert deadline_header(0.0) == {}

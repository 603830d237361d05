"""A pushed page becomes families with the label `source`, or a reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.relay.core import Family
from services.relay.exposition import BadPageError, read


def written(families: list[Family]) -> str:
    return "".join(f"# HELP {one.name} {one.help}\n# TYPE {one.name} {one.kind}\n{one.text}" for one in families)


def samples(page: str) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


def test_every_kind_of_the_client_comes_out_as_it_went_in() -> None:
    """Counter, gauge and histogram keep name, help, kind, labels and values; each sample has one label more."""
    registry = CollectorRegistry()
    Counter("sent", 'with "quotes" and \\', ["arm"], registry=registry).labels('a"\\\nb').inc(3)
    Gauge("lag", "", registry=registry).set(-1.5e-9)
    Histogram("took", "seconds", ["arm"], buckets=[0.1, 1], registry=registry).labels("x").observe(0.5)
    page = generate_latest(registry).decode()

    families = read(page, "run")

    kinds = {one.name: one.kind for one in families}
    assert kinds["sent_total"] == "counter"
    assert kinds["lag"] == "gauge"
    assert kinds["took"] == "histogram"
    assert samples(written(families)) == [
        (name, {**labels, "source": "run"}, value) for name, labels, value in samples(page)
    ]
    helps = {family.name: family.documentation for family in text_string_to_metric_families(written(families))}
    assert helps["sent"] == 'with "quotes" and \\'


def test_a_known_shape_is_filled_with_the_new_values() -> None:
    """The same series with other values are other values; a new series among them is there at once."""
    page = '# TYPE a gauge\na{x="1"} 1\na{x="2"} 2\nfree 3\n'
    read(page, "run")

    assert samples(written(read(page.replace(" 2", " +Inf").replace("e 3", "e 4"), "run"))) == [
        ("a", {"x": "1", "source": "run"}, 1),
        ("a", {"x": "2", "source": "run"}, float("inf")),
        ("free", {"source": "run"}, 4),
    ]
    grown = read(page + 'other{x="3"} 9\n', "run")
    assert grown[-1].text == 'other{x="3",source="run"} 9\n'


def test_metrics_without_a_type_are_untyped() -> None:
    """Samples that no TYPE announces are gathered under their name."""
    (family,) = read('plain{x="1"} 1\nplain{x="2"} 2\n', "run")

    assert (family.kind, family.text.count("\n")) == ("untyped", 2)


@pytest.mark.parametrize("page", ["", "\n", "# a remark\n", "# TYPE nothing counter\n"])
def test_a_page_may_be_empty(page: str) -> None:
    """A source that has nothing to say yet says so."""
    assert read(page, "run") == []


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("a 1\nb x\n", "line 2: 'x' is no value"),
        ("a 1_000\n", "line 1: '1_000'"),
        ("a\n", "line 1: 'a' is no value"),
        ("<html>no page</html>\n", "line 1"),
        ("1a 1\n", "invalid metric name"),
        ('a{x="1} 1\n', ""),
        ("a{x=1} 1\n", "Invalid labels"),
        ('a{x="1",x="2"} 1\n', "Invalid labels"),
        ("a 1 1700000000000\n", "a has a timestamp"),
        ('a{source="me"} 1\n', "the label source is the relay's own"),
        ("a 1\na 2\n", "one series stands there twice"),
        ('a{x="1",y="2"} 1\na{y="2",x="1"} 2\n', "one series stands there twice"),
        ('# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x="1"} 1\n', "a stands there twice"),
        ("# TYPE a info\na 1\n", "no type info"),
        ("# TYPE a nonsense\na 1\n", "nonsense"),
        ('{"a.b"} 1\n', "'a.b' is no name"),
    ],
)
def test_what_prometheus_would_refuse_is_refused_with_the_reason(page: str, reason: str) -> None:
    """One source's bad page must not spoil the scrape of all."""
    with pytest.raises(BadPageError) as caught:
        read(page, "run")
    assert reason in str(caught.value)


@given(st.text(alphabet='ab_{}=",\\ 01.#\n\tTYPEHELP', max_size=60))
def test_any_text_is_read_or_refused(page: str) -> None:
    """Nothing but BadPageError comes out, and what is accepted can be parsed again."""
    try:
        families = read(page, "run")
    except BadPageError:
        return
    assert all(labels["source"] == "run" for _, labels, _ in samples(written(families)))

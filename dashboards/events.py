"""The way of an order's event: outbox, topic, notification, customer; where it waits, and what becomes of bad ones."""

from dashboards import colours
from dashboards.expressions import ARM, LAG, most, rate, total
from dashboards.model import Board, Choice, Graph, Query, Row, State, Timeline
from dashboards.shapes import SHARE_DASHES, breakers, quantiles
from services.common.metrics import (
    CONSUMER_CONSUMED_TOTAL,
    CONSUMER_DEAD_LETTERED_TOTAL,
    CONSUMER_DELAY,
    CONSUMER_JOINED,
    CONSUMER_JOINS_TOTAL,
    CONSUMER_LAG,
    CONSUMER_REPEATED_TOTAL,
    JOB_LATENESS,
    JOB_LEADS,
    JOB_RUNS_TOTAL,
    OUTBOX_DELAY,
    OUTBOX_OLDEST,
    OUTBOX_PUBLISH_FAILURES_TOTAL,
    OUTBOX_PUBLISHED_TOTAL,
    OUTBOX_UNPUBLISHED,
    STREAMS_DROPPED_TOTAL,
    STREAMS_OPEN,
)

_EACH = "{{arm}}"
_LINKS = 'link=~"orders_to_kafka|notifications_to_.*"'
_NO_EVENTS = "no events in this run: `needs: [events]`"

_TO_THE_TOPIC = (
    Row("From the order to the topic"),
    Graph(
        title="Events published and taken, per second",
        text="Solid acknowledged by the broker, dashed taken by notifications: what is between them lies in the topic.",
        unit="ops",
        queries=(
            Query(rate(OUTBOX_PUBLISHED_TOTAL, "arm", ARM), f"{_EACH} published"),
            Query(rate(CONSUMER_CONSUMED_TOTAL, "arm", ARM), f"{_EACH} taken"),
        ),
        dashes=(("taken", "dash"),),
        nothing=_NO_EVENTS,
    ),
    Graph(
        title="Attempts to publish that failed, per second",
        text=(
            "By what they failed at: solid the broker, dashed the database, dotted refused by a policy, dash-dotted no "
            "answer in time, sparse the customer was gone first. A line ends where none fails any more."
        ),
        unit="ops",
        queries=(Query(f"{rate(OUTBOX_PUBLISH_FAILURES_TOTAL, 'arm, reason', ARM)} > 0", "{{arm}} {{reason}}"),),
        dashes=(("database", "dash"), ("refused", "dot"), ("timeout", "mixed"), ("abandoned", "sparse")),
        nothing="every attempt succeeded",
    ),
    Graph(
        title="Events that wait in the outbox",
        text=(
            "Committed with their orders and not yet published: what a broker that is away costs; none is lost. "
            "Counted each second, but not during an attempt to publish: one that hangs hides what comes meanwhile."
        ),
        unit="short",
        # A figure of the table, which every process of the arm tells.
        queries=(Query(most(OUTBOX_UNPUBLISHED, "arm", ARM), _EACH),),
    ),
    Graph(
        title="Age of the oldest event in the outbox",
        text="How long the first of them has waited; where it climbs a second a second, nobody publishes.",
        unit="s",
        queries=(Query(most(OUTBOX_OLDEST, "arm", ARM), _EACH),),
    ),
    Graph(
        title="From the commit to the broker's yes: p50, p95, p99",
        text=(
            "How long an event waits from its order's commit until the broker has it; dotted p50, solid p95, dashed "
            f"p99. Counted when it is over: what waits still is in the two panels above. {LAG}"
        ),
        unit="s",
        queries=quantiles(OUTBOX_DELAY, "arm", _EACH, ARM),
        dashes=SHARE_DASHES,
        log=True,
        nothing="nothing was published",
    ),
    breakers(_LINKS),
)
_TO_THE_CUSTOMER = (
    Row("From the topic to the customer"),
    Timeline(
        title="The consumer in its group",
        text="Filled while it is out of its group and nobody is notified; empty where the process does not answer.",
        queries=(Query(most(CONSUMER_JOINED, "arm", ARM), _EACH),),
        states=(State(0, "out of its group", colours.FULL), State(1, "in its group", colours.QUIET)),
        nothing=_NO_EVENTS,
    ),
    Graph(
        title="Joins of the group, per second",
        text="How often the group gave the consumer its share; one is a step of 0.25 for 4 s, the first is the start.",
        unit="ops",
        queries=(Query(rate(CONSUMER_JOINS_TOTAL, "arm", ARM), _EACH),),
        nothing=_NO_EVENTS,
    ),
    Graph(
        title="Messages that the consumer has still to take",
        text="Asked of the broker each 2 s. The line ends where the consumer is out of its group: nobody counts then.",
        unit="short",
        queries=(Query(total(CONSUMER_LAG, "arm", ARM), _EACH),),
        nothing="no consumer is in its group",
    ),
    Graph(
        title="Repeated events dropped, per second",
        text=(
            "They came again, and by their ids changed nothing. An arm that stays at 0 while others do not has told "
            "its customers twice."
        ),
        unit="ops",
        queries=(Query(rate(CONSUMER_REPEATED_TOTAL, "arm", ARM), _EACH),),
        nothing=_NO_EVENTS,
    ),
    Graph(
        title="Messages set aside, per second",
        text=(
            "Into the dead-letter topic, by what is wrong: solid no JSON object, dashed another kind, dotted another "
            "version, dash-dotted a field, sparse refused by the database. A line ends where none is left."
        ),
        unit="ops",
        queries=(Query(f"{rate(CONSUMER_DEAD_LETTERED_TOTAL, 'arm, reason', ARM)} > 0", "{{arm}} {{reason}}"),),
        dashes=(("type", "dash"), ("version", "dot"), ("field", "mixed"), ("refused", "sparse")),
        nothing="no message was set aside",
    ),
    Graph(
        title="From the order to its notification: p50, p95, p99",
        text=(
            "How long a customer waits to be told, counted when they are; dotted p50, solid p95, dashed p99. What is "
            f"more than the way to the broker's yes is spent in the topic and at the consumer. {LAG}"
        ),
        unit="s",
        queries=quantiles(CONSUMER_DELAY, "arm", _EACH, ARM),
        dashes=SHARE_DASHES,
        log=True,
        nothing="nobody was notified",
    ),
    Graph(
        title="Streams to readers: open",
        text="Solid customers by server-sent events, dashed by WebSocket, dotted the gateway at notifications.",
        unit="short",
        queries=(Query(total(STREAMS_OPEN, "arm, kind", ARM), "{{arm}} {{kind}}"),),
        dashes=(("websocket", "dash"), ("gateway", "dot")),
    ),
    Graph(
        title="Streams to readers: dropped for being too slow, per second",
        text="A reader who leaves too much unread loses the stream, and comes back with the last id that they saw.",
        unit="ops",
        queries=(Query(rate(STREAMS_DROPPED_TOTAL, "arm, kind", ARM), "{{arm}} {{kind}}"),),
        dashes=(("websocket", "dash"), ("gateway", "dot")),
    ),
)
_BY_THE_CLOCK = (
    Row("What orders does by the clock"),
    Timeline(
        title="The leader of the jobs",
        text="Filled while no process of the arm leads: nobody finishes orders, nobody empties the outbox.",
        queries=(Query(most(JOB_LEADS, "arm", ARM), _EACH),),
        states=(State(0, "nobody leads", colours.FULL), State(1, "led", colours.QUIET)),
        width=24,
        height=6,
    ),
    Graph(
        title="Runs of jobs, per second",
        text="Solid and dashed well ended runs of the two jobs, dotted and dash-dotted failed ones, sparse left out.",
        unit="ops",
        queries=(Query(rate(JOB_RUNS_TOTAL, "arm, job, outcome", ARM), "{{arm}} {{job}} {{outcome}}"),),
        dashes=(
            ("outbox-janitor ok", "dash"),
            ("finish-orders failed", "dot"),
            ("outbox-janitor failed", "mixed"),
            ("skipped", "sparse"),
        ),
    ),
    Graph(
        title="How late the last run of a job began",
        text="After the instant that was planned for it: up to a second is the scheduler's own step, more is a gap.",
        unit="s",
        queries=(Query(most(JOB_LATENESS, "arm, job", ARM), "{{arm}} {{job}}"),),
        dashes=(("outbox-janitor", "dash"),),
    ),
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="events",
        title="Events",
        question="Is every order told of, once and soon, and where does its event wait?",
        choices=(Choice("arm", "Arm", OUTBOX_UNPUBLISHED),),
        parts=(*_TO_THE_TOPIC, *_TO_THE_CUSTOMER, *_BY_THE_CLOCK),
    )

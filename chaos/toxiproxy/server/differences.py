"""Where this server is not the original, as data: docs/toxiproxy.md shows it, and the conformance suite expects it.

A difference that is not here is a mistake, and a test fails on it. `strict` says what `--strict` does about one:
True means that the original's behaviour is restored, False that the difference stays.
"""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One difference. `name` is what tests refer to; the texts are Markdown, one line each."""

    name: str
    original: str
    ours: str
    why: str
    strict: bool


def table() -> str:
    """Return the differences as a Markdown table, as docs/toxiproxy.md shows it."""
    head = "| name | the original | here | why | `--strict` |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {one.name} | {one.original} | {one.ours} | {one.why} | {'the original' if one.strict else 'no change'} |\n"
        for one in DIFFERENCES
    )


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "attributes-validated",
        "takes every 64-bit number; `bandwidth` rate < 0, `latency` jitter >= 2^62, and a `slicer` without "
        "average_size or with size_variation >= average_size crash the server at the next data",
        "400 with the reason; so are a toxicity outside 0 to 1 and negative attributes",
        "a typing error must not end an experiment",
        strict=True,
    ),
    Difference(
        "crash",
        "the attributes named above end the server at the next data",
        "`--strict` accepts them too, and lives: `rate` below 0 lets nothing pass, such a slicer does not slice",
        "nobody wants the crash back",
        strict=False,
    ),
    Difference(
        "rejected-update",
        "a rejected update of a toxic keeps the fields that it could read",
        "a rejected update changes nothing",
        "an error that changes things is worse than an error",
        strict=True,
    ),
    Difference(
        "dial",
        "dials in the accept loop, without a bound: a slow upstream delays every other client, and the API",
        "dials side by side, each for at most 10 s",
        "one hung upstream is the very fault that is being studied",
        strict=False,
    ),
    Difference(
        "half-close",
        "an end from one side closes the other socket whole: a client that shuts its writing side loses the reply",
        "the end passes as an end; the connection closes when both sides have ended, or a toxic closes it",
        "HTTP/1.0 clients, `nc` and some database tools half-close",
        strict=True,
    ),
    Difference(
        "reset-live",
        "`reset_peer` resets connections made under it, whatever their roll, and closes older ones with FIN",
        "resets exactly the connections that it acts on, old ones too",
        "a reset that is sometimes none tests nothing",
        strict=True,
    ),
    Difference(
        "reset-removal",
        "removing a `reset_peer` that counts down makes the API call wait",
        "the connection is reset at once, the call answers",
        "a heal must not hang",
        strict=False,
    ),
    Difference(
        "removal-under-load",
        "removing a toxic may hang under load until 503 after 25 s",
        "what the toxic holds goes on at once, the call answers",
        "a heal must not hang",
        strict=False,
    ),
    Difference(
        "toxicity-roll",
        "rolls again when a toxic beside it is added or removed",
        "rolls when a connection meets the toxic and when the toxic is updated",
        "a neighbour's change is no reason",
        strict=False,
    ),
    Difference(
        "seed",
        "`-seed` is read and thrown away",
        "`-seed` makes rolls, jitter and losses repeat",
        "repeatable runs",
        strict=False,
    ),
    Difference(
        "config-refused",
        "a config file that cannot be applied is logged, and the server starts without it",
        "one line on stderr and exit code 1; as with a port that is taken",
        "a lab without its links measures something else",
        strict=False,
    ),
    Difference(
        "version-text",
        "`2.12.0`, or `git` where Go built it from source",
        "`2.12.0-embedded`; `2.12.0` under `--strict`",
        "a report must be able to say which server it was",
        strict=True,
    ),
    Difference(
        "metrics-live",
        "bytes are counted when a connection ends; there is nothing about connections or toxics",
        "bytes are counted as they pass; `toxiproxy_proxy_connections_total`, `toxiproxy_proxy_connections_active`, "
        "`toxiproxy_toxic_connections_total` and `toxiproxy_toxic_chunks_total` say what a toxic touched",
        "a keep-alive connection would show nothing during a run",
        strict=True,
    ),
    Difference(
        "runtime-metrics",
        "`-runtime-metrics` shows `go_*` and `process_*`",
        "shows `process_*` and `python_info`",
        "there is no Go runtime here",
        strict=False,
    ),
    Difference(
        "packet-loss",
        "`packet_loss` is in no release, only on the main branch",
        "there, as on the main branch; under `--strict` 400 `invalid toxic type`",
        "asked for since 2016",
        strict=True,
    ),
    Difference(
        "extensions",
        "404 for /extensions; the field `ttl_s` is ignored; the types of our own are invalid",
        "GET /extensions lists them: `ttl_s` and the types of the next table",
        "see below; a client asks before it relies on one",
        strict=True,
    ),
    Difference(
        "body-limit",
        "a body of any size is read",
        "413 above 64 MiB",
        "memory of the machine under test",
        strict=False,
    ),
    Difference(
        "slicer-timer",
        "waits `delay` after each piece, as precisely as Go's timers",
        "delays below 1 ms are kept on average, not piece by piece",
        "the event loop's timers count milliseconds",
        strict=False,
    ),
    Difference(
        "absurd-durations",
        "durations above 292 years overflow and become none",
        "they are taken at their word",
        "not worth copying",
        strict=False,
    ),
)

if __name__ == "__main__":
    sys.stdout.write(table())

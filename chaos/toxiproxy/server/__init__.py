"""A Toxiproxy of our own, in asyncio: the lab runs on a machine that has no Toxiproxy binary.

It speaks the HTTP API of Toxiproxy 2.12 and is held to it by tests that run against both. Where it differs on purpose:

- attributes at which the original crashes (bandwidth rate < 0, latency jitter >= 2^62) are refused with 400;
- a rejected update of a toxic changes nothing (the original keeps the fields it had decoded before the bad one);
- upstreams are dialled side by side and for at most 10 s; a slow one delays neither other clients nor the API;
- toxicity is rolled when a connection meets the toxic and when the toxic is updated, not when its neighbour changes;
- removing a reset_peer that is counting down closes the connection at once instead of making the API call wait;
- `-seed` works;
- a config file that cannot be applied ends the process with one line and exit code 1, as does a taken port;
- a JSON syntax error names the character at which it was seen, in fewer words than Go's.

Not there yet: /metrics, the toxics slow_close, slicer, limit_data and packet_loss.
"""

"""A Toxiproxy of our own, in asyncio: the lab runs on a machine that has no Toxiproxy binary.

It speaks the HTTP API of Toxiproxy 2.12 and is held to it by tests that run against both. Where it differs on purpose
is data: differences.py. What it can do beyond the original: toxics whose origin is `extension`, and `ttl_s`.
"""

"""The servers of the services' tests, for the policies that keep something in one."""

from tests.integration.services.databases import clean_cache, database, servers
from tests.integration.services.wires import wire

__all__ = ["clean_cache", "database", "servers", "wire"]

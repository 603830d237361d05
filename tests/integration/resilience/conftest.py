"""The servers of the services' tests, for the policies that keep something in one."""

from tests.integration.services.conftest import clean_cache, database, servers, wire

__all__ = ["clean_cache", "database", "servers", "wire"]

"""A browser, for the pages beside a real lab."""

from tests.integration.report.browser import page

__all__ = ["page"]

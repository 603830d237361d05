"""What a run looks like afterwards: one self-contained page, written from the run folder alone."""

from chaos.report.page import write_report
from chaos.report.summary import summary

__all__ = ["summary", "write_report"]

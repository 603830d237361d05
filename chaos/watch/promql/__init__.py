"""PromQL over recorded series, as much of it as dashboards need, held to the real Prometheus by a test."""

from chaos.watch.promql.database import Database
from chaos.watch.promql.evaluating import Evaluator
from chaos.watch.promql.rules import read_rules
from chaos.watch.promql.vectors import Grid

__all__ = ["Database", "Evaluator", "Grid", "read_rules"]

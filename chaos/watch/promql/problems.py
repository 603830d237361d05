"""What is wrong with a query, in one line that names the part."""

from chaos.errors import QueryError


def unsupported(what: str, instead: str = "") -> QueryError:
    """Say that this evaluator does not know a part of PromQL, by its name."""
    hint = f"; use {instead}" if instead else ""
    return QueryError(f"{what} is not supported on recorded series{hint}, or ask Prometheus itself")

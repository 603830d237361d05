"""Recording rules (dashboards/rules.yml): what Prometheus calculates each second is calculated here when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chaos.errors import QueryError


@dataclass(frozen=True, slots=True)
class Rule:
    """What a recorded metric stands for, and the labels that it gets."""

    expression: str
    labels: Mapping[str, str]


Rules = Mapping[str, Rule]


def read_rules(path: Path) -> Rules:
    """Read the recording rules of a file, none where there is no such file; raises QueryError where it is malformed."""
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            rule["record"]: Rule(str(rule["expr"]), rule.get("labels", {}))
            for group in data["groups"]
            for rule in group["rules"]
            if "record" in rule
        }
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise QueryError(f"{path}: cannot be read as rules ({str(error).splitlines()[0]})") from error

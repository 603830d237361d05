"""Writes chaos/scenarios/schema.json, by which an editor completes and checks a scenario while it is typed.

It is made from the models, so it cannot say something else than they do; a test holds that the file is current.
`python -m chaos.scenario.schema` writes it again.
"""

import json
from pathlib import Path
from typing import Any

from chaos.judging.figure_names import FIGURES
from chaos.scenario import Scenario
from chaos.scenario.process_rules import SERVICES
from resilience.call_tree import LINKS
from resilience.profiles import PROFILES

PATH = Path(__file__).parents[1] / "scenarios" / "schema.json"


def editor_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file: the models', the short forms of a file, and the names that exist."""
    schema = Scenario.model_json_schema()
    # A scenario is named by its file.
    del schema["properties"]["name"]
    schema["required"].remove("name")
    parts = schema["$defs"]
    parts["Arm"]["properties"]["profile"]["enum"] = sorted(PROFILES)
    arms = schema["properties"]["arms"]
    arms["items"] = {"anyOf": [{"enum": sorted(PROFILES)}, arms["items"]]}
    for fault in ("Toxic", "Down"):
        parts[fault]["properties"]["links"]["items"] = {"enum": list(LINKS)}
    for fault in ("Kill", "Pause"):
        parts[fault]["properties"]["services"]["items"] = {"enum": list(SERVICES)}
    figure = parts["Expectation"]["properties"]["figure"]
    figure["oneOf"] = [{"const": name, "description": said.sentence} for name, said in FIGURES.items()]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}


def text() -> str:
    """Return the schema file's text."""
    return json.dumps(editor_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")

"""Tests of a plan as JSON."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from stagekit import Plan, Registry, plan

Document = Dict[str, Any]  # Any: what JSON can hold


def test_the_document_has_all_facts(shop_plan: Plan) -> None:
    """Stages with what they need and give, edges with their reason, what must be given."""
    document: Document = json.loads(shop_plan.to_json())
    names = ["schema", "target", "stages_known", "stages", "edges", "parameters", "given"]
    assert [*names, "warnings"] == list(document)
    assert ("stagekit.plan/1", "", 7) == tuple(document.values())[:3]
    score = document["stages"][4]
    location = score.pop("location")
    types = {each["key"]: each["type"] for each in score["parameters"]}
    assert types["int"] == "int"
    assert types["Model"].endswith(".Model")
    assert [[], [], []] == [each.pop("others") for each in score["parameters"]]
    assert ["by type", "by type", None] == [each.pop("reason") for each in score["parameters"]]
    for each in (*score["parameters"], *score["provides"]):
        del each["type"]
    expected: Document = {
        "id": "sales:score",
        "name": "score",
        "description": "",
        "tags": [],
        "level": 4,
        "priority": 2,
        "critical": False,
        "async": False,
        "provides": [{"key": "Scores"}],
        "parameters": [
            {"name": "rows", "key": "Enriched", "kind": "stage", "providers": ["sales:enrich"]},
            {"name": "model", "key": "Model", "kind": "given", "providers": []},
            {"name": "folds", "key": "int", "kind": "default", "providers": []},
        ],
    }
    assert expected == score
    assert "conftest.py" == Path(location["file"]).name
    assert "def score" in Path(location["file"]).read_text().splitlines()[location["line"] - 1]
    assert "Read the orders." == document["stages"][0]["description"]
    assert ["source"] == document["stages"][0]["tags"]
    assert document["stages"][6]["async"]
    assert ["OrdersConfig", "Model"] == [each["key"] for each in document["given"]]


def test_edges_have_kind_and_reason(shop_plan: Plan) -> None:
    """A data edge names the parameter it feeds, an order edge what it was declared by."""
    edges = json.loads(shop_plan.to_json())["edges"]
    before, after = "sales:score", "sales:report"
    reason = "parameter `scores: Scores`"
    assert {"before": before, "after": after, "kind": "data", "reason": reason} in edges
    before, after = "sales:report", "sales:publish"
    assert {"before": before, "after": after, "kind": "order", "reason": "depends_on"} in edges
    assert 6 == len(edges)


def test_warnings_are_told_with_their_code(shop: Registry) -> None:
    """A warning has its code, message and fixes."""
    document: Document = json.loads(plan("load_customers", registry=shop, values=[1]).to_json())
    assert 7 == document["stages_known"]
    assert "sales:load_customers" == document["target"]
    (warning,) = document["warnings"]
    assert "SK220" == warning["code"]
    assert {"code", "message", "stage", "parameter", "location", "notes", "fixes"} == set(warning)


def test_a_value_of_any_type_has_no_key() -> None:
    """A parameter without a type that takes a default has neither key nor provider."""
    registry = Registry()

    def loose(value: object = 1) -> None:
        raise NotImplementedError(value)

    registry.add(loose, id="loose")
    (parameter,) = json.loads(plan(registry=registry).to_json())["stages"][0]["parameters"]
    expected: Document = {"name": "value", "key": None, "type": None, "kind": "default"}
    assert {**expected, "providers": [], "others": [], "reason": None} == parameter


def test_stages_without_a_source_have_no_location() -> None:
    """A builtin has no place in a file, and says so."""
    registry = Registry()
    registry.add(gc.isenabled, id="made")
    (stage,) = json.loads(plan(registry=registry).to_json())["stages"]
    assert stage["location"] is None


def test_hostile_text_survives_as_data(hostile_plan: Plan) -> None:
    """What an enemy wrote comes back as it was, and the document is ASCII without controls."""
    text = hostile_plan.to_json()
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert hostile_plan.stages[0].name == json.loads(text)["stages"][0]["name"]


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from stagekit import Registry, plan
registry = Registry()
class A: ...
class B: ...
@registry.stage(tags=["x", "y"])
def first() -> A: ...
@registry.stage
def second(a: A) -> B: ...
@registry.stage(depends_on=[first, second])
def third(a: A, b: B) -> None: ...
made = plan(registry=registry, values=[1.5])
print(made.to_json(), made.to_dot(), made.to_mermaid(), made.explain())
"""


@pytest.mark.parametrize("seed", ["1", "77"])
def test_equal_plans_give_equal_bytes(tmp_path: Path, seed: str) -> None:
    """Another process under another hash seed writes the same document."""
    script = tmp_path / "flow.py"
    root = str(Path(__file__).resolve().parents[3])
    script.write_text(SCRIPT.format(root=root), encoding="utf-8")
    outputs = {
        subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": each, "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for each in ("0", seed)
    }
    assert 1 == len(outputs)

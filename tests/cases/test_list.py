"""Every corner case of resolution has a test."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
CASES = HERE.parent / "data" / "resolution_cases.json"


def ids() -> List[str]:
    """Return the ids of all cases."""
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    return [case["id"] for case in cases]


def named_tests() -> List[str]:
    """Return the names of all tests in this folder that are named after a case."""
    return [
        node.name
        for file in sorted(HERE.glob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_case_")
    ]


def name_of(case: str) -> str:
    """Return the name of the test of a case."""
    return "test_case_" + case.replace("-", "_")


def test_every_case_has_one_test() -> None:
    """The cases and the tests named after them are the same."""
    assert sorted(map(name_of, ids())) == sorted(named_tests())

"""Every corner case of resolution has a test, or waits for what it needs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
CASES = HERE.parent / "data" / "resolution_cases.json"

# What stagekit cannot do yet, and so cannot have a test for.
WAITING = {
    "generator-resource": "generator functions as resources come with resources",
    "async-generator": "generator functions as resources come with resources",
    "cleanup-suppress": "generator functions as resources come with resources",
    "generator-no-yield": "generator functions as resources come with resources",
    "unpicklable": "values travel between processes with the executor of processes",
}


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


def test_every_case_has_one_test_or_waits_for_a_reason() -> None:
    """The cases and the tests named after them are the same, but for those that wait."""
    expected = [name_of(case) for case in ids() if case not in WAITING]
    assert sorted(expected) == sorted(named_tests())


def test_only_cases_that_exist_wait() -> None:
    """A case that waits is one of the list, and has no test."""
    assert set(WAITING) <= set(ids())
    assert set() == set(map(name_of, WAITING)) & set(named_tests())

"""Every row on bad definitions has a test, or waits for what it needs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Set

HERE = Path(__file__).resolve().parent
ROWS = HERE.parent / "data" / "reliability_rows.json"


def rows_with_tests() -> Set[int]:
    """Return the numbers of the rows that tests of this folder are named after."""
    names = [
        node.name
        for file in sorted(HERE.glob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    return {
        int(found.group(1)) for found in map(re.compile(r"test_d(\d\d)_").match, names) if found
    }


def test_every_row_has_a_test_or_waits_for_a_reason() -> None:
    """The rows and the tests named after them are the same, but for those that wait."""
    rows = json.loads(ROWS.read_text(encoding="utf-8"))["rows"]
    assert list(range(1, 36)) == [row["row"] for row in rows]
    assert {row["row"] for row in rows if "waits" not in row} == rows_with_tests()

"""Every row on bad definitions, on runs and on processes has a test, or waits for a reason."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Iterator, Set

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROWS = TESTS / "data" / "reliability_rows.json"
RUNS = TESTS / "data" / "reliability_runs.json"
NAMED = re.compile(r"(?:[A-Z]\d+(?:, | to | and )?)+(?=: )")  # "R3 to R7, P18: ..."
PROMISE = re.compile(r'(?:\A|\ndef test_[^"]*?:\n    )"""([^"]*)', re.ASCII)
SPAN = re.compile(r"([RX])(\d+)(?: to [RX](\d+))?")


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


def rows_named(docstring: str) -> Iterator[str]:
    """Give the rows that a docstring begins with."""
    found = NAMED.match(docstring)
    for kind, first, last in SPAN.findall(found.group() if found else ""):
        for number in range(int(first), int(last or first) + 1):
            yield f"{kind}{number}"


def docstrings() -> Iterator[str]:
    """Give what all tests promise, one by one or as a module."""
    for file in sorted(TESTS.rglob("test_*.py")):
        yield from PROMISE.findall(file.read_text(encoding="utf-8"))


def test_rows_are_found_in_docstrings() -> None:
    """One, several, and from one to another."""
    assert ["R3", "R4", "R5", "X2"] == list(rows_named("R3 to R5, P18, X2: a promise about R9."))
    assert ["X13"] == list(rows_named("X13: nobody is left."))
    assert [] == list(rows_named("A worker (X5) dies."))


def test_every_row_on_runs_and_processes_has_a_test_or_waits_for_a_reason() -> None:
    """Those with a test are those that docstrings of tests begin with; the others say why not."""
    rows = json.loads(RUNS.read_text(encoding="utf-8"))["rows"]
    expected = [f"R{number}" for number in range(1, 30)] + [f"X{number}" for number in range(1, 14)]
    assert expected == [row["row"] for row in rows]
    tested = {row for docstring in docstrings() for row in rows_named(docstring)}
    assert [] == [row["row"] for row in rows if "waits" not in row and row["row"] not in tested]
    assert tested <= set(expected)

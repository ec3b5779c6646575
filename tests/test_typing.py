"""The types of the public interface: what a checker is told is what happens."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import List

import pytest

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "tests" / "typing" / "api.py"


def load_api() -> ModuleType:
    """Return the module of typing examples, run afresh."""
    loader = SourceFileLoader("typing_api", str(API))
    spec = importlib.util.spec_from_file_location("typing_api", API, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["typing_api"] = module  # where its annotations are looked up
    try:
        loader.exec_module(module)
    finally:
        del sys.modules["typing_api"]
    return module


def test_what_is_asserted_to_type_checkers_also_runs() -> None:
    """Each example of the typing file works at run time."""
    api = load_api()
    api.a_run()
    api.a_run_on_a_clock_of_its_own()
    api.a_run_with_words("threads")
    assert ["total"] == [name.rpartition(":")[2] for name in api.a_plan().order]
    assert 7 == asyncio.run(api.an_async_run())
    assert api.a_run_with_a_hook().seen > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 10), reason="the checkers run on newer Pythons")
@pytest.mark.parametrize(
    ("checker", "options"),
    [("mypy", ["--no-incremental"]), ("pyright", ["--pythonpath", sys.executable])],
)
def test_both_checkers_agree_with_every_line(checker: str, options: List[str]) -> None:
    """Both checkers, strict, find each type as asserted, and refuse what they should."""
    pytest.importorskip(checker, reason=f"{checker} comes with the extra dev")
    command = [sys.executable, "-m", checker, *options, str(API)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "" == "\n".join(line for line in done.stdout.splitlines() if API.name in line)
    assert done.returncode == 0, done.stdout

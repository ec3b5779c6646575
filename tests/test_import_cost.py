"""What the shortest pipeline loads: nothing that it does not need (DESIGN 10)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import FrozenSet, List, Tuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Packages that load in the function that needs them; dataclasses and inspect cost 13 and 12 ms,
# typing and re, which it brings, 13 more.
DENIED = (
    *("argparse", "asyncio", "click", "concurrent.futures", "dataclasses", "importlib.metadata"),
    *("inspect", "json", "logging", "loguru", "multiprocessing", "pickle", "rich", "sqlite3"),
    *("re", "typing"),
)

SHORTEST = """
from stagekit import stage, run

@stage
def load() -> bytes:
    return b"ab"

@stage
def size(data: bytes) -> int:
    return len(data)

assert run(size, executor="inline")[size] == 2
"""


def loaded_by(script: str, besides: str = "import sys") -> FrozenSet[str]:
    """Return the modules that *script* loads in a fresh interpreter, besides those before it.

    Args:
        script: what is run.
        besides: what is run before it, whose modules do not count.
    """
    probe = (
        f"import sys\n{besides}\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "before = set(sys.modules)\n"
        f"exec(compile({script!r}, 'script.py', 'exec'), {{'__name__': '__main__'}})\n"
        "for name in sorted(set(sys.modules) - before):\n"
        "    module = sys.modules[name]\n"
        "    print(name, getattr(module, '__file__', None) or '-', sep='\\t')\n"
    )
    # Measuring coverage would load modules of its own.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-I", "-c", probe],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return frozenset(line for line in done.stdout.splitlines() if "\t" in line)


def denied(lines: FrozenSet[str]) -> list[str]:
    """Return the denied modules among *lines*, submodules included."""
    names = sorted(line.split("\t")[0] for line in lines)
    return [name for name in names if any(f"{name}.".startswith(f"{bad}.") for bad in DENIED)]


def third_party(lines: FrozenSet[str]) -> list[str]:
    """Return the modules among *lines* that were installed by hand."""
    return sorted(
        line.split("\t")[0]
        for line in lines
        if "site-packages" in line or "dist-packages" in line
        if not line.startswith(("stagekit\t", "stagekit."))
    )


@pytest.mark.parametrize("script", ["from stagekit import stage, run", SHORTEST])
def test_the_shortest_pipeline_loads_nothing_on_the_list(script: str) -> None:
    """Importing the front door and one inline run load no denied module."""
    assert [] == denied(loaded_by(script))


@pytest.mark.parametrize("script", ["from stagekit import stage, run", SHORTEST])
def test_the_shortest_pipeline_loads_nothing_that_was_installed(script: str) -> None:
    """Importing the front door and one inline run need the standard library only."""
    assert [] == third_party(loaded_by(script))


def test_the_probe_sees_what_is_loaded() -> None:
    """The two tests above can fail: a denied and a foreign module are found."""
    seen = loaded_by("import json.decoder, pytest")
    assert {"json", "json.decoder"} <= set(denied(seen))
    assert "pytest" in third_party(seen)


THREE = """
from stagekit import stage

@stage
def load() -> bytes:
    return b"ab"

@stage
def size(data: bytes) -> int:
    return len(data)

@stage
def text(size: int) -> str:
    return str(size)
"""
# What neither a list nor a run that prints lines needs: boards, logs, JSON, tracebacks, pools, the
# enums of `signal`, translations of click's texts, and `stagekit --version`.
UNASKED = (
    *("rich", "loguru", "logging", "json", "dataclasses", "difflib", "traceback", "linecache"),
    *("importlib.metadata", "asyncio", "concurrent.futures", "multiprocessing", "pickle"),
    *("stagekit.cli.show_problem", "stagekit.cli.failures", "stagekit.cli.suggestions"),
    *("stagekit.cli.documents", "stagekit.cli.errors", "stagekit.executors"),
    *("importlib.util", "locale", "select", "signal", "stagekit.cli.version"),
)
# What a run of plain stages, told of in lines, does not need: that of runs with a policy.
MANAGED = (
    *("stagekit._run.coordinator", "stagekit._run.backends", "stagekit._run.worker_loop"),
    *("stagekit._run.resources", "stagekit._run.compensation", "stagekit._run.map_items"),
)
# What a list does not need of planning, where no stage says anything of how it is run.
UNPLANNED = (
    *("stagekit._api", "stagekit._run", "stagekit.events", "stagekit._render"),
    *("stagekit._plan.signature", "stagekit._plan.annotation", "stagekit._plan.index"),
)


@pytest.mark.parametrize(
    ("command", "unasked"),
    [
        (["list", "three.py"], (*UNASKED, *UNPLANNED)),
        (["run", "three.py", "--progress", "plain"], (*UNASKED, *MANAGED)),
    ],
    ids=["list", "run"],
)
def test_a_command_loads_nothing_that_it_does_not_need(
    command: List[str], unasked: Tuple[str, ...], tmp_path: Path
) -> None:
    """Besides click, which is most of what a command costs to start."""
    (tmp_path / "three.py").write_text(THREE, encoding="utf-8")
    script = (
        "import os, sys\n"
        f"os.chdir({str(tmp_path)!r})\n"
        f"sys.argv = ['stagekit', *{command!r}]\n"
        "from stagekit.__main__ import main\n"
        "assert 0 == main()\n"
    )
    names = {line.split("\t")[0] for line in loaded_by(script, "import click")}
    assert "stagekit.cli.commands." + command[0] in names
    assert [] == sorted(
        name for name in names if any(f"{name}.".startswith(f"{each}.") for each in unasked)
    )

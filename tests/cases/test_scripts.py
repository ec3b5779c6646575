"""Programs that users have reported, or that hosts have: each ends with 0 where all is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
LIMIT = 300  # seconds; each script has a watchdog of its own that is faster


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="they send signals")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_reported_program_ends_well(script: Path) -> None:
    """What went wrong once, tried from outside."""
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    assert 0 == done.returncode, done.stdout

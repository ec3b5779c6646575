"""Processes that coverage does not watch."""

from __future__ import annotations

import os
from typing import Dict


def unwatched() -> Dict[str, str]:
    """Return the environment of a process that coverage does not watch.

    It locks in Python what threads share: Ctrl-C in that moment, and all of them wait for ever.
    """
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}

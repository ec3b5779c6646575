"""Print the lowest versions that pyproject.toml allows, for pip: `python .ci/lowest.py EXTRA...`.

One line a requirement of the project and of the extras that are named: `name==version; marker`.
A requirement that states no lowest version is an error: what is not stated cannot be tried.
Runs on every Python that stagekit supports, before anything is installed.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import List

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# NAME[EXTRA,...]>=VERSION, then what else is said: `; MARKER`.
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][0-9a-z.]*)(\s*;.+)?")


def requirements(name: str, text: str) -> List[str]:
    """Return the list of strings that a key of the table holds: in Python it is written alike."""
    found = re.search(rf"^{re.escape(name)} = (\[.*?\])$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"{PROJECT.name} has no list {name!r}")
    listed: List[str] = ast.literal_eval(found.group(1))
    return listed


def lowest(requirement: str) -> str:
    """Return the requirement that only its lowest version meets."""
    found = REQUIREMENT.fullmatch(requirement)
    if found is None:
        raise SystemExit(f"{PROJECT.name}: {requirement!r} is not NAME>=VERSION, nor with a marker")
    name, version, marker = found.groups(default="")
    return f"{name}=={version}{marker}"


def main() -> None:
    """Print the lines, each once."""
    text = PROJECT.read_text(encoding="utf-8")
    names = ["dependencies", *sys.argv[1:]]
    pins = [lowest(each) for name in names for each in requirements(name, text)]
    print("\n".join(dict.fromkeys(pins)))


if __name__ == "__main__":
    main()

"""Compare what the tests reached, line and branch, with what is promised for each floor."""

from __future__ import annotations

import io
import sys

from coverage import Coverage

# Percent of lines and branches; the exclusions stand in pyproject.toml, each with its reason.
FLOORS = {
    "the core": (
        99,
        [
            "_base/**",
            "_declare/**",
            "_plan/**",
            "_render/**",
            "_run/**",
            "_api.py",
            "_options.py",
            "_settings.py",
            "e*.py",
        ],
    ),
    # Not seen: what runs in processes that are killed, or get Ctrl-C, or only on other systems.
    "adapters and front ends": (
        94,
        ["executors/**", "hooks/**", "testing/**", "cli/**", "_bench/**", "_script.py"],
    ),
}


def main() -> int:
    """Print what is missing, and return 1 where a floor is not reached."""
    measured = Coverage()
    measured.load()
    short = 0
    for name, (promised, files) in FLOORS.items():
        text = io.StringIO()
        reached = measured.report(
            include=[f"*/stagekit/{each}" for each in files],
            file=text,
            show_missing=True,
            skip_covered=True,
        )
        print(text.getvalue())
        if round(reached, 2) < promised:
            short = 1
        print(f"{name}: {reached:.2f} % of lines and branches, promised {promised} %")
    return short


if __name__ == "__main__":
    sys.exit(main())

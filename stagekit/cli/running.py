"""What the command line says of plans and runs, as options of ``plan`` and ``run``."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping

from stagekit._options import MAX_WORKERS, RUNNING, Option
from stagekit._run.settings import GRACE
from stagekit.cli.output import Output


def typed_options(table: Iterable[Option], typed: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options of a table that have flags, from what click has read of these.

    Raises:
        UsageError: flags do not go together.
    """
    options: Dict[str, Any] = {}
    for option in table:
        values = [typed[flag.parameter] for flag in option.flags]
        if not values:
            continue
        value = values[0] if option.of_flags is None else option.of_flags(*values)
        if value is not None:  # nothing was typed, and the default holds
            options[option.name] = value
    return options


def run_options(typed: Mapping[str, Any], output: Output) -> Dict[str, Any]:
    """Return the options of ``Plan.run``; note what is not as typed. Raises as above."""
    options = typed_options(RUNNING, typed)
    workers = options.get("workers", 0)
    if workers > MAX_WORKERS:
        output.note(f"--workers {workers:,} is more than there can be; {MAX_WORKERS:,} are used")
        options["workers"] = MAX_WORKERS
    if "seed" in options:
        output.note(f"stages that are ready start as --seed {options['seed']} has it")
    return options


def patience(options: Mapping[str, Any]) -> float:
    """Return for how many seconds stages are waited for that have been asked to end."""
    return float(options.get("grace", GRACE))

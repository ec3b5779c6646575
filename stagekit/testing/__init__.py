"""For tests of pipelines: random graphs, a hook that remembers, a counted clock, and troubles.

``dags``, ``registries``, ``plans`` and ``legal_orders`` are hypothesis strategies and need the
extra ``testing``; ``Chaos``, ``RecordingHook``, ``VirtualClock`` and ``simulate`` need nothing.

Example:
    >>> from stagekit import Registry, plan
    >>> from stagekit.testing import simulate
    >>> registry = Registry()
    >>> left = registry.add(lambda: None, id="left")
    >>> right = registry.add(lambda: None, id="right")
    >>> both = registry.add(lambda: None, id="both", depends_on=["left", "right"])
    >>> made = plan(registry=registry)
    >>> simulate(made, {"left": 3, "right": 2, "both": 1}, workers=2).makespan
    4.0
"""

from __future__ import annotations

from stagekit._run.simulation import Schedule, ScheduledStep, simulate
from stagekit.testing.chaos import Chaos, ChaosError
from stagekit.testing.clock import VirtualClock
from stagekit.testing.dag import Dag
from stagekit.testing.recording import RecordingHook
from stagekit.testing.strategies import dags, legal_orders, plans, registries

__all__ = [
    "Chaos",
    "ChaosError",
    "Dag",
    "RecordingHook",
    "Schedule",
    "ScheduledStep",
    "VirtualClock",
    "dags",
    "legal_orders",
    "plans",
    "registries",
    "simulate",
]

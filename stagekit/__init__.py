"""stagekit: decorate the functions, and the script is a pipeline.

Example:
    >>> from stagekit import Registry, run
    >>> shop = Registry()
    >>> @shop.stage
    ... def load() -> list:
    ...     return [3, 4]
    >>> @shop.stage
    ... def total(orders: list) -> int:
    ...     return sum(orders)
    >>> run(total, registry=shop)[total]
    7
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit import errors as errors
    from stagekit import events as events
    from stagekit import executors as executors
    from stagekit import hooks as hooks
    from stagekit import testing as testing
    from stagekit._api import Plan, arun, plan, run
    from stagekit._base.cancel import CancelToken
    from stagekit._base.decisions import Reuse, Skip, StageCall
    from stagekit._base.each import Each
    from stagekit._base.logger import Logger
    from stagekit._base.ports import Decider, Hook
    from stagekit._base.problem import Problem
    from stagekit._base.progress import Progress
    from stagekit._base.refs import Collect, From, Named, StageRef, given, one_of, optional
    from stagekit._base.retry import Retry
    from stagekit._base.rollback import Rollback
    from stagekit._base.version import __version__
    from stagekit._bench.api import bench
    from stagekit._bench.benchmark import Benchmark
    from stagekit._declare.context import Arguments, Context, RunInfo
    from stagekit._declare.decorator import stage
    from stagekit._declare.registry import Registry, use_registry
    from stagekit._run.result import Result
    from stagekit._script import main
    from stagekit.errors import (
        DeclarationError,
        DuplicateStageError,
        PlanError,
        RunCancelledError,
        RunFailedError,
        StagekitError,
    )

__all__ = [
    "Arguments",
    "Benchmark",
    "CancelToken",
    "Collect",
    "Context",
    "Decider",
    "DeclarationError",
    "DuplicateStageError",
    "Each",
    "From",
    "Hook",
    "Logger",
    "Named",
    "Plan",
    "PlanError",
    "Problem",
    "Progress",
    "Registry",
    "Result",
    "Retry",
    "Reuse",
    "Rollback",
    "RunCancelledError",
    "RunFailedError",
    "RunInfo",
    "Skip",
    "StageCall",
    "StageRef",
    "StagekitError",
    "__version__",
    "arun",
    "bench",
    "given",
    "main",
    "one_of",
    "optional",
    "plan",
    "run",
    "stage",
    "use_registry",
]

_HOMES = {
    "stagekit._api": ("Plan", "arun", "plan", "run"),
    "stagekit._base.cancel": ("CancelToken",),
    "stagekit._base.decisions": ("Reuse", "Skip", "StageCall"),
    "stagekit._base.each": ("Each",),
    "stagekit._base.logger": ("Logger",),
    "stagekit._base.ports": ("Decider", "Hook"),
    "stagekit._base.problem": ("Problem",),
    "stagekit._base.progress": ("Progress",),
    "stagekit._base.refs": (
        "Collect",
        "From",
        "Named",
        "StageRef",
        "given",
        "one_of",
        "optional",
    ),
    "stagekit._base.retry": ("Retry",),
    "stagekit._base.rollback": ("Rollback",),
    "stagekit._bench.api": ("bench",),
    "stagekit._bench.benchmark": ("Benchmark",),
    "stagekit._base.version": ("__version__",),
    "stagekit._declare.context": ("Arguments", "Context", "RunInfo"),
    "stagekit._declare.decorator": ("stage",),
    "stagekit._declare.registry": ("Registry", "use_registry"),
    "stagekit._run.result": ("Result",),
    "stagekit._script": ("main",),
    "stagekit.errors": (
        "DeclarationError",
        "DuplicateStageError",
        "PlanError",
        "RunCancelledError",
        "RunFailedError",
        "StagekitError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("errors", "events", "executors", "hooks", "testing")


if not TYPE_CHECKING:  # type checkers tell a name that is not there

    def __getattr__(name: str) -> object:
        """Load a public name on its first use, so that a script pays for what it uses."""
        home = f"stagekit.{name}" if name in _MODULES else _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'stagekit' has no attribute {name!r}")
        try:
            from importlib import import_module

            value: object = import_module(home)
        except (AttributeError, ImportError) as error:
            from stagekit._base.shadowing import blamed

            hiding = blamed(error)
            if hiding is None:
                raise
            raise ImportError(f"{hiding}; rename the file") from None
        if name not in _MODULES:
            globals()[name] = value = getattr(value, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})

"""``Session``: one run under way, with its transitions as the engines make them.

The loops that must be fast write columns themselves; all others, and all that is not plain success,
come here. Not thread-safe: an engine whose workers share a session holds its own lock.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Callable, Optional

from stagekit._run.attempt import annotate, cut, is_broken_promise
from stagekit._run.state.columns import BAD_VALUE, RAISED, RUNNING, WAITING
from stagekit._run.state.scheduler import Scheduler

if TYPE_CHECKING:
    import contextvars

    from stagekit._plan.plan import Plan
    from stagekit._run.notify import Notifier
    from stagekit._run.settings import RunSettings

_OPEN = (WAITING, RUNNING)


class Session:
    """One run of a plan.

    Attributes:
        context: what every stage starts from a copy of.
        mode: what was chosen for it: ``"inline"``, ``"threads"``, ``"asyncio"`` or ``"pool"``.
        hooks: notifies hooks; None without hooks.
        interruption: the ``KeyboardInterrupt`` that cancelled the run.
        cancels: whether stages that run are to be cancelled.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        context: contextvars.Context,
        mode: str,
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.context = context
        self.mode = mode
        self.scheduler = Scheduler(
            plan,
            settings.constants[: plan.constants],
            rank=settings.rank or (plan.turns if mode == "inline" else plan.rank),
            on_failure=settings.on_failure,
        )
        self.columns = self.scheduler.columns
        self.hooks: Optional[Notifier] = None
        self.interruption: Optional[KeyboardInterrupt] = None
        self.cancels = False
        self._now: Callable[[], int] = perf_counter_ns
        self.columns.began = perf_counter_ns()

    def listen(self, *, delays: bool) -> None:
        """Make the notifier, if there are hooks, and tell them that the run begins."""
        if self.settings.hooks:
            from stagekit._run.notify import Notifier  # events: 3 ms, only with hooks

            hooks = self.settings.hooks
            self.hooks = Notifier(hooks, self.columns, self.settings.info, delays=delays)
            self.hooks.started()

    def keep_time(self, now: Callable[[], int]) -> None:
        """Have the run take its times, from its start, from another clock."""
        self._now = now
        self.columns.began = now()

    def raised(self, step: int, error: BaseException) -> None:
        """Record what a stage raised. ``KeyboardInterrupt`` cancels the run."""
        self.columns.ends[step] = perf_counter_ns()
        self.settle(step, error)

    def settle(self, step: int, error: BaseException) -> None:
        """Make the transition of a step that raised, without telling anybody."""
        cut(error)
        if isinstance(error, KeyboardInterrupt):
            self.scheduler.cancel(step, error)
            self.interrupt(error)
            return
        reason = BAD_VALUE if is_broken_promise(error) else RAISED
        if reason == RAISED:
            stage = self.plan.order[step]
            annotate(error, stage, self.plan.calls[step], self.columns.values)
        self.scheduler.fail(step, error, reason)
        if self.scheduler.is_stopped and self.settings.on_failure == "cancel":
            self.cancels = True

    def cancelled(self, step: int, error: Optional[BaseException]) -> None:
        """Record that a running stage was cancelled with the run, without telling anybody."""
        self.columns.ends[step] = perf_counter_ns()
        self.scheduler.cancel(step, None if error is None else cut(error))

    def interrupt(self, error: Optional[KeyboardInterrupt] = None) -> None:
        """Cancel the run: nothing new starts, async stages are cancelled."""
        self.scheduler.interrupt()
        self.cancels = True
        if self.interruption is None:
            self.interruption = error

    def finish(self) -> None:
        """Settle what never started, and tell."""
        hooks, status = self.hooks, self.scheduler.status
        waiting = [step for step, each in enumerate(status) if each in _OPEN] if hooks else []
        self.scheduler.finish()
        self.columns.ended = self._now()
        if hooks is not None:
            hooks.settled(waiting)

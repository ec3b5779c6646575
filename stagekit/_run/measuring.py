"""``run(measure=True)``: what each attempt has used of the machine goes into the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from stagekit._base.progress import USED, Progress
from stagekit._base.usage import (
    TRACED,
    Measured,
    MeasuredAwaitable,
    MeasuredElsewhere,
    MeasuredResource,
)
from stagekit._run.state.actions import Open

if TYPE_CHECKING:
    from stagekit._run.backends.job import Backend, Job
    from stagekit._run.session import Session
    from stagekit._run.state.actions import Start

# Any: what a call tells of its progress


def measure(session: Session, job: Job, start: Start, backend: Backend) -> None:
    """Have the call of a job tell what it has used.

    Args:
        session: the run.
        job: how the call is made.
        start: which attempt it is.
        backend: makes the call.
    """
    columns, is_traced = session.columns, session.settings.measure == TRACED
    if columns.usage is None:
        columns.usage = {}
    usage, attempt = columns.usage, (start.step, start.item, start.attempt)

    def used(cpu_seconds: float, memory_bytes: Optional[int]) -> None:
        usage[attempt] = cpu_seconds, memory_bytes

    if isinstance(start, Open):
        job.fn = MeasuredResource(job.fn, used, is_traced=is_traced)
    elif backend.name == "asyncio":
        job.fn = MeasuredAwaitable(job.fn, used, is_traced=is_traced)
    elif backend.is_elsewhere:
        _measure_elsewhere(job, used, is_traced=is_traced)
    else:
        job.fn = Measured(job.fn, used, is_traced=is_traced)


def _measure_elsewhere(job: Job, used: Any, *, is_traced: bool) -> None:
    """Have the call tell by a progress, which its pool passes on."""
    tell = job.tell

    def told(done: Any, total: Any, note: Optional[str]) -> None:
        if note == USED:
            used(done, total)
        else:
            tell(done, total, note)

    job.tell = told
    if job.progress is None:
        job.progress = Progress(tell)
    job.fn = MeasuredElsewhere(job.fn, is_traced=is_traced)
    job.args = (job.progress, *job.args)

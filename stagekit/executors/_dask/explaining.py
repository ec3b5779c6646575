"""What Dask raises, in the words of a run."""

from __future__ import annotations

from typing import Any, Mapping

from stagekit.errors import WorkerDiedError
from stagekit.executors._dask.work import WITHDRAWN, CallFailedError


class ClusterClosedError(WorkerDiedError):
    """A value is asked for after the cluster that held it was closed.

    Attributes:
        worker: whose value it is.
    """

    def __str__(self) -> str:
        return (
            f"the value of {self.worker} is gone with the Dask cluster that held it, which has "
            "been closed; fetch it before, from a run on a `DaskPool` that you close yourself"
        )


class Explainer:
    """Makes of an exception of Dask's the one that the call is to raise.

    Args:
        exits: exit codes of worker processes, by process id, as far as they are known.
    """

    def __init__(self, exits: Mapping[int, int]) -> None:
        self._exits = exits

    def of_call(self, key: str, error: BaseException) -> BaseException:
        """Return what the call *key* raises."""
        if isinstance(error, CallFailedError):
            if error.key != key:
                return self._lost(error)
            if error.thrown is not None:
                return error.thrown.restored()
            if error.kind == WITHDRAWN:
                return error
            return died(error.worker, error.pid, self._exits)
        name = type(error).__name__
        if name == "KilledWorker":  # it waited on workers that died, more often than Dask allows
            worker: Any = getattr(error, "last_worker", None)
            return WorkerDiedError(f"worker {getattr(worker, 'address', worker)}")
        if name == "NoWorkerError":
            seconds = float(getattr(error, "timeout", 0.0))
            return WorkerDiedError(f"the cluster has none left, for {seconds:g} s now")
        if name in {"CancelledError", "FutureCancelledError"}:
            return WorkerDiedError(f"the cluster gave the call up ({str(error) or name})")
        return error

    def of_value(self, key: str, error: BaseException) -> BaseException:
        """Return what fetching the value of the call *key* raises."""
        if isinstance(error, CallFailedError):
            return self._lost(error)
        if type(error).__name__ in {"CancelledError", "FutureCancelledError"}:
            return ClusterClosedError(called(key))
        return error

    def _lost(self, error: CallFailedError) -> BaseException:
        """Return what who needs a value raises that its worker took along."""
        what = f"the value of {called(error.key)} was lost with its worker"
        if error.thrown is None:
            return WorkerDiedError(
                f"{what}, process {error.pid} at {error.worker}; "
                "with `retries` its stage would be called again for it"
            )
        found = WorkerDiedError(
            f"{what}, and making it again raised {error.thrown.description.type_name}"
        )
        found.__cause__ = error.thrown.restored()
        return found


def died(address: str, pid: int, exits: Mapping[int, int]) -> WorkerDiedError:
    """Return the error of a call whose worker died while it ran."""
    return WorkerDiedError(f"process {pid} at {address}", exits.get(pid))


def called(key: str) -> str:
    """Return the name of the function of a call."""
    return key[len("stagekit-") : key.rfind("-")]

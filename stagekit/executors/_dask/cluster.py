"""A connection to a Dask cluster: one of our own, or one that somebody else keeps."""

from __future__ import annotations

import shutil
from typing import Any, Callable, Dict, Optional

from stagekit.errors import MissingExtraError, UsageError

# Any: Dask's own objects; it may not be there when types are checked

NO_LIMIT = 1_000_000  # deaths of workers that a waiting task survives: it never ran on them
TIMEOUT = 10.0  # seconds for a scheduler to answer
ALONE = 120.0  # seconds that a cluster of our own may be without a worker, while calls wait
BREATH = 1.0  # seconds after which Dask has given a worker up that it was about to


class Connection:
    """A client of our own, and the cluster it belongs to where that is ours, too.

    Args:
        target: None, an address, or a client of the user's, which is left as it is.
        workers: how many processes a cluster of our own has; one a processor unless said.
        security: as for ``DaskPool``.

    Attributes:
        exits: exit codes of the worker processes of our own cluster, by process id.
        size: how many processes our own cluster has; 0 where it is somebody else's.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: the target is none of these, or no scheduler answers there.
    """

    def __init__(
        self, target: object = None, *, workers: Optional[int] = None, security: object = None
    ) -> None:
        distributed = _load()
        self.exits: Dict[int, int] = {}
        self.size = 0
        self._cluster: Any = None
        self._is_mending = False
        self._is_closed = False
        self._folder = ""
        if target is not None and workers is not None:
            raise UsageError(
                "workers is for a cluster that stagekit starts; "
                f"the cluster of {target!r} has its own"
            )
        if workers is not None and (type(workers) is not int or workers < 1):
            raise UsageError(f"workers must be a whole number of 1 or more, got {workers!r}")
        if target is None:
            self._start(distributed, workers, _own_security(distributed, security))
            self.client: Any = distributed.Client(self._cluster, set_as_default=False)
        else:
            self.client = _connect(distributed, target, security)

    def _start(self, distributed: Any, workers: Optional[int], security: Any) -> None:
        import logging
        import os
        import tempfile

        self._folder = tempfile.mkdtemp(prefix="stagekit-dask-")
        self.size = workers or os.cpu_count() or 1
        self._cluster = distributed.LocalCluster(
            n_workers=self.size,
            threads_per_worker=1,
            host="127.0.0.1",
            security=security,
            silence_logs=logging.CRITICAL,
            memory_limit=0,  # a stage may have all there is, as in any other process
            local_directory=self._folder,
            worker_class=_watched(distributed.Nanny, self._on_exit),
            scheduler_kwargs={
                "allowed_failures": NO_LIMIT,
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",  # of its health; any free port
            },
        )
        self._cluster.scheduler.no_workers_timeout = ALONE  # older ones do not look at it

    def _on_exit(self, pid: int, exitcode: int) -> None:
        """Note how a worker ended, and see to it that our own cluster has all again.

        Dask starts it again. But after a time, in its settings, it looks once whether that worker
        is there, and gives it up for ever where it is not: where starting takes long, or where it
        has died a second time in just that moment. On Dask's loop.
        """
        self.exits[pid] = exitcode
        if self._is_mending or self._is_closed:
            return
        import asyncio
        from importlib import import_module

        dask: Any = import_module("dask")
        patience = dask.config.get("distributed.deploy.lost-worker-timeout", "15s")
        seconds: float = dask.utils.parse_timedelta(patience)
        self._is_mending = True
        loop = asyncio.get_running_loop()
        loop.call_later(seconds + BREATH, self._mend, loop.call_later)

    def _mend(self, later: Callable[..., object]) -> None:
        cluster = self._cluster
        is_whole = cluster is not None and len(cluster.scheduler.workers) >= self.size
        self._is_mending = not self._is_closed and not is_whole
        if not self._is_mending:
            return
        later(BREATH, self._mend, later)
        if cluster is None:  # it is being started
            return
        for name, nanny in tuple(cluster.workers.items()):
            if nanny.status.name in ("closed", "failed"):
                del cluster.workers[name]
        cluster.scale(self.size)  # starts those that are not there; it may fail

    def close(self) -> None:
        """End the connection, and the cluster where it is ours."""
        self._is_closed = True
        self.client.close()
        if self._cluster is not None:
            try:
                self._cluster.close()
            except Exception:  # noqa: BLE001 - older ones stumble over workers that have died
                self._cluster.status = self._cluster.status.__class__.closed
            shutil.rmtree(self._folder, ignore_errors=True)


def _load() -> Any:
    from importlib import import_module

    try:
        return import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("the executor 'dask'", "dask") from error


def _own_security(distributed: Any, security: object) -> Any:
    """Return how a cluster of our own keeps others out, or None: certificates need cryptography.

    Raises:
        UsageError: it is asked for, and cannot be had.
    """
    if security is not None and not isinstance(security, (bool, distributed.Security)):
        raise UsageError(f"security takes True, False or a distributed.Security, got {security!r}")
    if isinstance(security, distributed.Security):
        return security
    if security is False:
        return None
    try:
        return distributed.Security.temporary()
    except ImportError:
        if security is None:
            return None
        raise UsageError(
            "security=True makes certificates, which needs: pip install cryptography"
        ) from None


def _connect(distributed: Any, target: object, security: object) -> Any:
    if security is not None and not isinstance(security, distributed.Security):
        raise UsageError(
            f"security takes the distributed.Security of the cluster of {target!r}, "
            f"got {security!r}"
        )
    address = target
    if isinstance(target, distributed.Client):
        # A client of our own at the same scheduler: its futures end with us, and it may be used
        # from any thread, whatever the user's is like.
        client: Any = target
        security = client.security if security is None else security
        address = client.scheduler.address
    if not isinstance(address, str) or not address:
        raise UsageError(
            f"DaskPool takes an address such as 'tcp://10.0.0.1:8786' or a Client, got {target!r}"
        )
    known: Any = distributed.Security() if security is None else security  # of Dask's settings
    if address.startswith("tls://") and not known.tls_client_cert:
        raise UsageError(
            f"the scheduler at {address!r} asks for a certificate; give it: "
            "DaskPool(address, security=distributed.Security(...))"
        )
    try:
        comm = distributed.comm  # asked first: a client that could not begin is slow to give up
        comm.registry.get_backend(comm.addressing.parse_address(address)[0])
        return distributed.Client(address, security=security, set_as_default=False, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address!r}: {error}") from error


def _watched(nanny: Any, on_exit: Callable[[int, int], object]) -> Any:
    """Return a class of nannies that tells how worker processes end: process id, exit code."""

    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.update(dashboard=False, dashboard_address="127.0.0.1:0")
        nanny.__init__(self, *args, **kwargs)

    async def instantiate(self: Any) -> Any:
        started = await nanny.instantiate(self)
        self.stagekit_pid = self.pid
        return started

    def _on_worker_exit_sync(self: Any, exitcode: int) -> None:
        on_exit(getattr(self, "stagekit_pid", 0), exitcode)
        nanny._on_worker_exit_sync(self, exitcode)  # noqa: SLF001 - what else is told is a log line

    # Not a class statement: type checkers know nothing of the base.
    return type(
        "Watched",
        (nanny,),
        {
            "__init__": begin,
            "instantiate": instantiate,
            "_on_worker_exit_sync": _on_worker_exit_sync,
        },
    )

"""Dask: clusters that keep others out, and clusters without workers."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import warnings
from typing import Any, Iterator, List

import pytest

from stagekit.errors import StagekitWarning, UsageError, WorkerDiedError
from stagekit.executors._dask import cluster
from stagekit.executors.dask import DaskPool

if importlib.util.find_spec("distributed") is None:
    pytest.skip("distributed is not installed", allow_module_level=True)

LIMIT = 100
needs_cryptography = pytest.mark.skipif(
    importlib.util.find_spec("cryptography") is None, reason="cryptography is not installed"
)


def double(number: int) -> int:
    """Return twice a number."""
    return number * 2


@needs_cryptography
@pytest.mark.slow
@pytest.mark.parametrize("security", [None, True])
def test_a_cluster_of_our_own_lets_nobody_else_in(security: Any) -> None:
    """It listens with certificates that nobody else has; calls are made all the same."""
    distributed: Any = importlib.import_module("distributed")
    with DaskPool(workers=1, security=security) as pool:
        address = pool._client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        assert 42 == pool.submit(double, 21).result(LIMIT)
        with pytest.raises(UsageError, match="no Dask scheduler answers at"):
            DaskPool(address.replace("tls", "tcp"))
        with pytest.raises(UsageError, match="no Dask scheduler answers at"):
            DaskPool(address, security=distributed.Security.temporary())
        with pytest.raises(UsageError, match="asks for a certificate; give it: DaskPool"):
            DaskPool(address)
        with DaskPool(address, security=pool._client.security) as other:
            assert 4 == other.submit(double, 2).result(LIMIT)


@pytest.mark.slow
def test_a_cluster_of_our_own_may_be_open() -> None:
    """Where that is said, or where there is nothing to make certificates with."""
    with DaskPool(workers=1, security=False) as pool:
        assert pool._client.scheduler.address.startswith("tcp://127.0.0.1:")


class NoCertificates:
    """Stands for ``distributed`` where ``cryptography`` is missing."""

    class Security:
        """Makes no certificates."""

        @staticmethod
        def temporary() -> None:
            """Say what is missing."""
            raise ImportError


def test_certificates_need_cryptography() -> None:
    """Unless said, it does without; asked for, it is refused with what to install."""
    assert cluster._own_security(NoCertificates, None) is None
    assert cluster._own_security(NoCertificates, security=False) is None
    own = NoCertificates.Security()
    assert own is cluster._own_security(NoCertificates, own)
    with pytest.raises(UsageError, match="which needs: pip install crypto"):
        cluster._own_security(NoCertificates, security=True)
    with pytest.raises(UsageError, match="security takes True, False or a"):
        cluster._own_security(NoCertificates, "yes")
    with pytest.raises(UsageError, match="security takes the distributed"):
        cluster._connect(NoCertificates, "tcp://nowhere:1", security=True)


@pytest.fixture
def deserted() -> Iterator[Any]:
    """Start a cluster without a worker."""
    distributed: Any = importlib.import_module("distributed")
    made = distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", threads_per_worker=1, dashboard_address="127.0.0.1:0"
    )
    yield made
    made.close()


def test_a_cluster_without_workers_is_said_and_given_up(
    deserted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First a warning, then an error that says why; nobody waits for ever."""
    said: List[str] = []
    has_said = threading.Event()

    def show(message: Any, category: Any, *_: Any, **__: Any) -> None:
        assert category is StagekitWarning
        said.append(str(message))
        has_said.set()

    monkeypatch.setattr(DaskPool, "warn_after", 0.05)
    monkeypatch.setattr(DaskPool, "give_up_after", 3600.0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", show)
        with DaskPool(deserted.scheduler_address) as pool:
            waiting = pool.submit(double, 21)
            assert has_said.wait(LIMIT)
            assert not waiting.done()
            pool.give_up_after = 0.1
            with pytest.raises(WorkerDiedError, match=r"the Dask cluster at .* has no worker, for"):
                waiting.result(LIMIT)
    assert ["stages wait for one, and fail after 60 min 00 s"] == [
        each.partition("; ")[2].replace("1 h 00 min", "60 min 00 s") for each in said
    ]


def test_a_cluster_gets_workers_in_time(deserted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited is carried out."""
    monkeypatch.setattr(DaskPool, "warn_after", 0.05)
    has_said = threading.Event()

    def warn(*_: object) -> None:
        has_said.set()

    monkeypatch.setattr("stagekit.executors.dask.warn", warn)
    with DaskPool(deserted.scheduler_address) as pool:
        waiting = pool.submit(double, 21)
        assert has_said.wait(LIMIT)
        deserted.scale(1)
        assert 42 == waiting.result(LIMIT)

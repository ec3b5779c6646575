"""Short calls that share a task of Dask: each is told of by itself, and fails by itself."""

from __future__ import annotations

import contextvars
import importlib.util
import os
import random
import signal
import time
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest

from stagekit._base.cancel import CancelToken
from stagekit._base.handles import fetched
from stagekit._base.pool_call import PoolCall
from stagekit._base.progress import Progress
from stagekit.errors import BadValueError, WorkerDiedError
from stagekit.executors._dask import batching
from stagekit.executors.dask import DaskPool
from stagekit.executors.futures import CallFuture
from tests.contract.shared import SharedEvent, SharedList

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None,
        reason="distributed is not installed: python -m pip install '.[dask]'",
    ),
]
LIMIT = 100  # seconds until a test gives up, however busy this machine is


def send(pool: Any, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Submit a call that may share its task."""
    context = contextvars.copy_context()
    future = CallFuture(pool.withdraw, fetches=False)
    future.call = PoolCall(fn, args, {}, context=context, on_end=future.ended, **options)
    pool._start(future.call, is_short=True)
    return future


def becomes(true: Callable[[], bool]) -> bool:
    """Wait for what other processes bring about, and nothing else tells."""
    until = time.monotonic() + LIMIT
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return true()


def tasks_of(pool: Any, monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """Return a list of how many parts each task has that is sent from now on."""
    sizes: List[int] = []
    submit = pool._groups._send_together

    def counted(calls: Any, group: Any) -> None:
        sizes.append(len(calls))
        submit(calls, group)

    monkeypatch.setattr(pool._groups, "_send_together", counted)
    return sizes


def test_many_calls_are_few_tasks(dask_pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come in the order of the calls, None among them."""
    sizes = tasks_of(dask_pool, monkeypatch)

    def square(number: int) -> Optional[int]:
        return None if number == 7 else number * number

    futures = [send(dask_pool, square, n) for n in range(64)]
    found = [future.result(LIMIT) for future in futures]
    assert [None if n == 7 else n * n for n in range(64)] == found
    assert sum(sizes) > 32
    assert max(sizes) > 4
    assert becomes(lambda: not dask_pool._groups.by_key)


def test_a_call_that_raises_fails_alone(dask_pool: Any) -> None:
    """With its own error, and one that promised something else with what it returned."""

    def odd(number: int) -> int:
        if number % 10 == 5:
            raise ValueError(number)
        return number

    futures = [send(dask_pool, odd, n) for n in range(32)]
    broken = send(dask_pool, lambda: None, promise=1)
    for number, future in enumerate(futures):
        if number % 10 == 5:
            with pytest.raises(ValueError, match=str(number)):
                future.result(LIMIT)
        else:
            assert number == future.result(LIMIT)
    assert isinstance(broken.exception(LIMIT), BadValueError)


def test_large_values_stay_and_can_be_given_on(dask_pool: Any) -> None:
    """A value that is not small has a handle, which is an argument of other short calls."""

    def many(number: int) -> bytes:
        return bytes([number]) * (1 << 16)

    def look(data: bytes, number: int) -> Tuple[int, int, int]:
        return len(data), data[0], number

    large = [send(dask_pool, many, n) for n in range(12)]
    handles = [future.result(LIMIT) for future in large]
    assert all(getattr(handle, "is_handle", False) for handle in handles)
    lengths = [send(dask_pool, look, handle, n) for n, handle in enumerate(handles)]
    assert [(1 << 16, n, n) for n in range(12)] == [each.result(LIMIT) for each in lengths]
    assert bytes([3]) * (1 << 16) == fetched(handles[3])


def test_a_worker_that_dies_costs_one_call(tmp_path: Path) -> None:
    """The one that it was making: those before it have ended, those after it are made elsewhere."""
    noted = SharedList(str(tmp_path / "noted"))

    def note(number: int) -> int:
        noted.append(number)
        if number == 21:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with DaskPool(workers=2) as pool:
        futures = [send(pool, note, n) for n in range(64)]
        assert 64 == len(wait(futures, timeout=LIMIT).done)
        failed = [n for n, future in enumerate(futures) if future.exception() is not None]
        assert [21] == failed
        assert isinstance(futures[21].exception(), WorkerDiedError)
        assert "SIGKILL" in str(futures[21].exception())
    assert list(range(64)) == sorted(noted)


def test_what_is_taken_back_is_never_made(dask_pool: Any, tmp_path: Path) -> None:
    """And what has begun is not taken back, whichever task they are in."""
    noted = SharedList(str(tmp_path / "noted"))
    gate = SharedEvent(str(tmp_path / "gate"))

    def waits(number: int) -> int:
        noted.append(number)
        assert gate.wait(LIMIT)
        return number

    try:
        futures = [send(dask_pool, waits, n) for n in range(48)]
        assert becomes(lambda: len(noted) > 0)
        taken = [n for n, future in enumerate(futures) if future.cancel()]
        assert len(taken) > 40
        gate.set()
        left = [n for n in range(48) if n not in taken]
        assert left == [futures[n].result(LIMIT) for n in left]
        send(dask_pool, abs, 1).result(LIMIT)
        assert left == sorted(noted)
    finally:
        gate.set()
        gate.close()


def test_progress_tokens_and_beginnings_are_those_of_each_call(dask_pool: Any) -> None:
    """A token ends its own call, and what a call tells is told of that one."""
    told: List[Tuple[int, Any]] = []
    begun: List[int] = []

    def tells(number: int, progress: Progress, token: CancelToken) -> str:
        progress.update(number)
        assert number % 4 or token.wait(LIMIT)
        return token.reason

    def tell(number: int, said: Tuple[Any, ...]) -> None:
        told.append((number, said[0]))

    tokens = [CancelToken() for _ in range(16)]
    futures = [
        send(
            dask_pool,
            tells,
            number,
            Progress(),
            token,
            on_progress=partial(tell, number),
            on_begin=partial(begun.append, number),
        )
        for number, token in enumerate(tokens)
    ]
    for number in range(0, 16, 4):
        tokens[number].cancel(f"enough of {number}")
    assert [f"enough of {n}" if n % 4 == 0 else "" for n in range(16)] == [
        future.result(LIMIT) for future in futures
    ]
    assert [(number, number) for number in range(16)] == sorted(told)
    assert list(range(16)) == sorted(begun)


def test_a_worker_forgets_what_has_ended(dask_pool: Any) -> None:
    """Nothing is kept there of calls that were sent together."""

    def left() -> int:
        return len(batching._begun) + len(batching._withdrawn)

    for future in [send(dask_pool, abs, -n) for n in range(32)]:
        future.result(LIMIT)
    assert becomes(lambda: [0, 0] == list(dask_pool._client.run(left).values()))


def test_a_pool_that_is_closed_ends_what_waits_for_company() -> None:
    """Calls that were not sent yet end as those that were."""
    pool = DaskPool(workers=1)
    futures = [send(pool, time.sleep, 60) for _ in range(20)]
    pool.shutdown(wait=False)
    assert 20 == len(wait(futures, timeout=LIMIT).done)
    assert {RuntimeError} == {type(future.exception()) for future in futures}


def test_calls_are_taken_back_or_made_whenever_that_is_asked(
    dask_pool: Any, tmp_path: Path
) -> None:
    """While they wait for company, are on their way, claimed, or half of them made."""
    noted = SharedList(str(tmp_path / "noted"))

    def note(number: int) -> int:
        noted.append(number)
        return number

    taken_back = 0
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - instants, no secret
        noted.clear()
        futures = [send(dask_pool, note, n) for n in range(40)]
        time.sleep(chance.random() * 0.012)  # the instant that the seed decides
        taken = {n for n in chance.sample(range(40), 20) if futures[n].cancel()}
        left = [n for n in range(40) if n not in taken]
        assert left == [futures[n].result(LIMIT) for n in left]
        assert left == sorted(noted)
        taken_back += len(taken)
    assert taken_back > 20


def test_what_is_sent_again_while_it_is_taken_back_is_made_or_not(
    dask_pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its group is given up in that very instant, as where its worker has died."""
    begun, held = SharedList(str(tmp_path / "begun")), SharedList(str(tmp_path / "held"))
    gate, end = SharedEvent(str(tmp_path / "gate")), SharedEvent(str(tmp_path / "end"))

    def wait_for_both(number: int) -> int:
        gate.wait(LIMIT)
        begun.append(number)
        if number in held:
            end.wait(LIMIT)
        return number

    groups = dask_pool._groups.by_key
    assert becomes(lambda: not groups)  # those of other tests, which are about to end
    futures = [send(dask_pool, wait_for_both, number) for number in range(12)]
    assert becomes(lambda: any(each.task for each in groups.values()))
    group = next(each for each in groups.values() if each.task)
    wanted = dask_pool._calls[group.keys[-1]].wanted
    last = next(each for each in futures if each.call is wanted)
    held.append(futures.index(last))
    withdraw = dask_pool._groups.withdraw

    def withdrawn(key: str, call: Any) -> Any:
        is_back = withdraw(key, call)
        if not group.is_over:
            assert is_back
            dask_pool._groups._bury(group, WorkerDiedError("a process"))
            gate.set()
            assert becomes(lambda: futures.index(last) in begun)
        return is_back

    monkeypatch.setattr(dask_pool._groups, "withdraw", withdrawn)
    try:
        assert not last.cancel()  # although the group had not begun it: it has begun since
    finally:
        gate.set()
        end.set()
    assert futures.index(last) == last.result(LIMIT)

"""Workers that die, are stopped, or talk nonsense: one call fails, everything else goes on."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from stagekit.errors import WorkerDiedError
from stagekit.executors import ProcessPool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are POSIX")

LIMIT = 60  # seconds until a test gives up


@pytest.fixture(params=["forkserver", pytest.param("spawn", marks=pytest.mark.slow)])
def pool(request: pytest.FixtureRequest) -> Iterator[ProcessPool]:
    """Give a pool of two, started in each way."""
    with ProcessPool(2, method=request.param, grace=2) as pool:
        yield pool


@pytest.fixture
def gate(tmp_path: Path) -> str:
    """Give a pipe on which a call can wait to be ended."""
    path = str(tmp_path / "gate")
    os.mkfifo(path)
    return path


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, or is only to be waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state in "ZX"


def ends(pid: int) -> bool:
    """Wait until a process has ended, as long as a test may take."""
    if not hasattr(os, "pidfd_open"):  # before Python 3.9
        end = time.monotonic() + LIMIT
        while not is_gone(pid) and time.monotonic() < end:
            os.sched_yield()
        return is_gone(pid)
    import select

    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], LIMIT)[0])
    finally:
        os.close(fd)


def way_of(name: str) -> Callable[[], Any]:
    """Return a function that ends its process, without a name in this module."""
    number = getattr(signal, name, None)

    def die() -> None:
        import os

        if number is None:
            os._exit(int(name))
        os.kill(os.getpid(), number)

    return die


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("SIGKILL", -9, "worker died: SIGKILL (possibly out of memory), process "),
        ("SIGSEGV", -11, "worker died: SIGSEGV, process "),
        ("0", 0, "worker died: exited with code 0 without a result, process "),
        ("7", 7, "worker died: exited with code 7 without a result, process "),
    ],
)
def test_x5_a_death_is_told_with_its_cause(
    pool: ProcessPool, name: str, code: int, text: str
) -> None:
    """X5: signal or exit code; leaving with 0 before the call has ended is a failure, too."""
    error = pool.submit(way_of(name)).exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert code == error.exitcode
    assert str(error).startswith(text)
    assert 1 == pool.submit(abs, -1).result(LIMIT)


def die_at_random(count: int, *, seed: int) -> None:
    """Have some of many calls end their workers, and compare who failed with who was meant to."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    codes = {"SIGKILL": -9, "SIGSEGV": -11, "7": 7}
    plan = [chance.choice([*codes, ""]) if chance.random() < 0.5 else "" for _ in range(count * 4)]
    dying = [place for place, name in enumerate(plan) if name]
    with ProcessPool(2) as pool:
        ways = {name: way_of(name) for name in codes}
        futures = [
            pool.submit(ways[name]) if name else pool.submit(abs, -place)
            for place, name in enumerate(plan)
        ]
        errors = [future.exception(LIMIT) for future in futures]
        failed = [place for place, error in enumerate(errors) if error is not None]
        assert dying == failed, f"seed {seed}"
        for place, name in enumerate(plan):
            error = errors[place]
            if name:
                assert isinstance(error, WorkerDiedError)
                assert codes[name] == error.exitcode
            else:
                assert place == futures[place].result()


def test_p11_each_death_fails_the_call_that_ran() -> None:
    """P11: calls that die among many that do not, all sent at once: attribution is exact."""
    die_at_random(15, seed=11)


@pytest.mark.heavy
def test_p11_two_hundred_deaths() -> None:
    """P11: some 200 deaths among 800 calls: each is told of the call that died, of no other."""
    die_at_random(200, seed=200)


def test_a_call_that_runs_is_not_affected(pool: ProcessPool, gate: str) -> None:
    """Another worker dies, several times; the call that runs beside it returns its value."""
    held = pool.submit(lambda: len(open(gate).read()))  # noqa: PTH123, SIM115
    for _ in range(3):
        assert isinstance(pool.submit(way_of("SIGKILL")).exception(LIMIT), WorkerDiedError)
    assert not held.done()
    Path(gate).write_text("four", encoding="utf-8")
    assert 4 == held.result(LIMIT)


def test_an_idle_worker_that_dies_costs_nothing(pool: ProcessPool) -> None:
    """The next call is made by another one."""
    pid = pool.submit(os.getpid).result(LIMIT)
    os.kill(pid, signal.SIGKILL)
    assert pid != pool.submit(os.getpid).result(LIMIT) or ends(pid)
    assert 5 == pool.submit(abs, -5).result(LIMIT)


def test_stopping_a_call_lets_it_tidy_up(pool: ProcessPool, gate: str, tmp_path: Path) -> None:
    """SIGTERM runs `finally`, then the worker ends; who waits behind it is made elsewhere."""
    tidied = str(tmp_path / "tidied")
    begun = str(tmp_path / "begun")
    os.mkfifo(begun)

    def hold() -> None:
        try:
            open(begun, "w").close()  # noqa: PTH123
            open(gate).close()  # noqa: PTH123
        finally:
            os.mkdir(tidied)  # noqa: PTH102

    held = pool.submit(hold)
    others = [pool.submit(abs, -number) for number in range(50)]
    open(begun).close()  # noqa: PTH123
    pool.stop(held)
    error = held.exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert -signal.SIGTERM == error.exitcode
    assert str(error).startswith("worker died: stopped by SIGTERM, process ")
    assert Path(tidied).is_dir()
    assert list(range(50)) == [other.result(LIMIT) for other in others]


def test_who_takes_the_place_of_a_stopped_worker_makes_what_waits(
    pool: ProcessPool, gate: str, tmp_path: Path
) -> None:
    """What was sent to the other one meanwhile does not wait behind the call that runs there."""
    begun, tidied = str(tmp_path / "begun"), str(tmp_path / "tidied")
    os.mkfifo(begun)
    os.mkfifo(tidied)

    def hold() -> None:
        try:
            open(begun, "w").close()  # noqa: PTH123
            time.sleep(LIMIT)
        finally:
            open(tidied).close()  # noqa: PTH123

    held = pool.submit(hold)
    open(begun).close()  # noqa: PTH123
    pool.stop(held)
    waits = pool.submit(lambda: open(gate).close())  # noqa: PTH123
    makes = pool.submit(lambda: open(gate, "w").close())  # noqa: PTH123
    open(tidied, "w").close()  # noqa: PTH123
    assert isinstance(held.exception(LIMIT), WorkerDiedError)
    assert makes.result(LIMIT) is waits.result(LIMIT) is None


def test_a_worker_whose_only_call_is_withdrawn_gets_the_next_one(
    pool: ProcessPool, gate: str
) -> None:
    """It has nothing to answer, and yet it is known to be free."""

    def meet(mode: str) -> int:
        open(gate, mode).close()  # noqa: PTH123
        return os.getpid()

    meeting = [pool.submit(meet, mode) for mode in "rw"]
    pids = [each.result(LIMIT) for each in meeting]
    assert 2 == len(set(pids))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert pool.submit(abs, -1).cancel()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    waits = pool.submit(lambda: open(gate).close())  # noqa: PTH123
    makes = pool.submit(lambda: open(gate, "w").close())  # noqa: PTH123
    assert makes.result(LIMIT) is waits.result(LIMIT) is None


def test_x6_a_worker_that_ignores_sigterm_is_killed(
    pool: ProcessPool, gate: str, tmp_path: Path
) -> None:
    """X6: stopped with force after it has not obeyed."""
    begun = str(tmp_path / "begun")
    os.mkfifo(begun)

    def stubborn() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(begun, "w").close()  # noqa: PTH123
        open(gate).close()  # noqa: PTH123

    held = pool.submit(stubborn)
    open(begun).close()  # noqa: PTH123
    pool.stop(held)
    pool.submit(abs, -1).result(LIMIT)
    assert not held.done()
    pool.stop(held, force=True)
    error = held.exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert str(error).startswith("worker died: stopped by SIGKILL, process ")


def test_stopping_what_has_not_begun_withdraws_it(gate: str) -> None:
    """It is cancelled; the call that runs goes on."""
    with ProcessPool(1) as pool:
        held = pool.submit(lambda: len(open(gate).read()))  # noqa: PTH123, SIM115
        with open(gate, "w"):  # noqa: PTH123 - it has begun
            waiting = pool.submit(abs, -1)
            pool.stop(waiting)
            assert waiting.cancelled()
        assert 0 == held.result(LIMIT)
        pool.stop(held)
        assert 1 == pool.submit(abs, -1).result(LIMIT)


def _holding(found: str) -> Callable[[], None]:
    def hold() -> None:
        import signal
        import subprocess
        import sys

        code = (
            "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "open(sys.argv[1], 'w').write(str(os.getpid())); signal.pause()"
        )
        subprocess.Popen([sys.executable, "-c", code, found])
        signal.pause()

    return hold


@pytest.mark.parametrize("force", [False, True])
def test_x7_grandchildren_go_with_the_worker(
    pool: ProcessPool, tmp_path: Path, force: object
) -> None:
    """X7: what a call has started is ended with it, even where it ignores SIGTERM."""
    found = str(tmp_path / "pid")
    os.mkfifo(found)
    held = pool.submit(_holding(found))
    grandchild = int(Path(found).read_text(encoding="utf-8"))
    assert not is_gone(grandchild)
    pool.stop(held, force=bool(force))
    assert isinstance(held.exception(LIMIT), WorkerDiedError)
    assert ends(grandchild)


def test_x12_rubbish_on_the_pipe_is_noticed(pool: ProcessPool) -> None:
    """X12: a call that writes where answers go fails; its worker is replaced."""

    def babble() -> None:
        import os
        import stat

        for fd in range(3, 4096):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, b"hello, is anybody there?")
            except OSError:
                continue

    before = pool.submit(os.getpid).result(LIMIT)
    error = pool.submit(babble).exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert str(error).startswith("worker died: it sent what is no answer, process ")
    assert before != pool.submit(os.getpid).result(LIMIT)


def test_a_call_that_closes_all_files_fails_alone(pool: ProcessPool) -> None:
    """Without its sockets a worker is of no use; it is ended and replaced."""
    error = pool.submit(os.closerange, 3, 4096).exception(LIMIT)
    assert isinstance(error, WorkerDiedError)
    assert 1 == pool.submit(abs, -1).result(LIMIT)


def test_a_call_may_fork(pool: ProcessPool) -> None:
    """A process that a call forks has no part in the pool's sockets."""

    def fork() -> int:
        pid = os.fork()
        if not pid:
            os._exit(3)
        return os.waitpid(pid, 0)[1] >> 8

    assert 3 == pool.submit(fork).result(LIMIT)


def test_a_pool_is_nothing_in_a_forked_process(pool: ProcessPool) -> None:
    """It takes no calls there; here, it goes on."""
    assert 1 == pool.submit(abs, -1).result(LIMIT)
    with warnings.catch_warnings():  # newer Pythons warn of forks beside threads
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            pool.submit(abs, -1)
        except RuntimeError as error:
            os._exit(5 if "the process that this one was forked off" in str(error) else 4)
        finally:
            os._exit(6)
    assert 5 == os.waitpid(pid, 0)[1] >> 8
    assert 2 == pool.submit(abs, -2).result(LIMIT)


def test_workers_that_cannot_start_are_not_started_for_ever(monkeypatch: Any) -> None:
    """After three that died before they were ready, what waits fails and says so."""
    with ProcessPool(1) as pool:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        futures: List[Any] = [pool.submit(abs, -1) for _ in range(2)]
        for future in futures:
            error = future.exception(LIMIT)
            assert isinstance(error, WorkerDiedError)
            assert "no worker could be started" in str(error)


def test_leaving_a_block_by_ctrl_c_ends_what_runs(gate: str) -> None:
    """Running calls are stopped, waiting ones withdrawn; nothing is waited for."""
    futures: List[Any] = []

    def interrupted() -> None:
        with ProcessPool(1, grace=0.2) as pool:
            futures.append(pool.submit(lambda: open(gate).read()))  # noqa: PTH123, SIM115
            files.append(Path(gate).open("w"))  # noqa: SIM115 - it has begun
            futures.append(pool.submit(abs, -1))
            raise KeyboardInterrupt

    files: List[Any] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    files[0].close()
    assert isinstance(futures[0].exception(), WorkerDiedError)
    assert futures[1].cancelled()


def test_x5_a_death_by_a_signal_without_a_name_is_told() -> None:
    """X5: signals differ from system to system."""
    assert "worker died: signal 99, process 7" == str(WorkerDiedError("process 7", -99))

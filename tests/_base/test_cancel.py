"""``CancelToken``: cancelled once, for good, and heard by everybody who listens."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import sys
import threading
import weakref
from typing import Callable, List

import pytest

from stagekit._base.cancel import CancelToken
from stagekit.errors import StageCancelledError


def test_a_new_token_asks_for_nothing() -> None:
    """It is not cancelled, has no reason, and lets work go on."""
    token = CancelToken()
    token.raise_if_cancelled()
    assert (False, "", "<CancelToken>") == (token.is_cancelled, token.reason, repr(token))


def test_the_first_reason_counts() -> None:
    """A token is cancelled once; what is said later changes nothing."""
    token = CancelToken()
    token.cancel("time is up")
    token.cancel("because")
    assert (True, "time is up") == (token.is_cancelled, token.reason)
    assert "<CancelToken, cancelled: time is up>" == repr(token)
    silent = CancelToken()
    silent.cancel()
    assert (True, "", "<CancelToken, cancelled>") == (
        silent.is_cancelled,
        silent.reason,
        repr(silent),
    )


def test_a_stage_can_end_itself_by_asking() -> None:
    """The error has the reason, and can be pickled."""
    token = CancelToken()
    token.cancel("time is up")
    with pytest.raises(StageCancelledError, match=r"^cancelled: time is up$") as caught:
        token.raise_if_cancelled()
    assert "time is up" == pickle.loads(pickle.dumps(caught.value)).reason  # noqa: S301 - ours
    assert "cancelled" == str(StageCancelledError())


def test_a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() -> None:
    """However far below it is."""
    token = CancelToken()
    child = token.child()
    sibling, grandchild = token.child(), child.child()
    child.cancel("one")
    assert [False, True, False, True] == [
        each.is_cancelled for each in (token, child, sibling, grandchild)
    ]
    token.cancel("all")
    assert ["all", "one", "all", "one"] == [
        each.reason for each in (token, child, sibling, grandchild)
    ]


def test_callbacks_are_called_once_in_their_order() -> None:
    """On the token and on children; at once where it has been cancelled before."""
    token = CancelToken()
    said: List[str] = []
    token.on_cancel(lambda: said.append("a"))
    token.child().child().on_cancel(lambda: said.append("b"))
    token.on_cancel(lambda: said.append("c"))
    token.cancel()
    token.cancel()
    assert ["a", "b", "c"] == said
    token.child().on_cancel(lambda: said.append("d"))
    assert ["a", "b", "c", "d"] == said


def test_a_callback_can_be_taken_back() -> None:
    """As often as one likes, also after the token was cancelled, or from another callback."""
    token = CancelToken()
    said: List[str] = []
    leave = token.on_cancel(lambda: said.append("a"))
    leave()
    leave()
    others: List[Callable[[], None]] = []
    token.on_cancel(lambda: others[0]())
    others.append(token.on_cancel(lambda: said.append("b")))
    token.cancel()
    others[0]()
    assert [] == said


def test_a_callback_that_raises_does_not_keep_others_from_being_called() -> None:
    """The first error is raised once all have been called."""
    token = CancelToken()
    said: List[str] = []

    def fail() -> None:
        raise ValueError(len(said))

    for callback in (fail, lambda: said.append("a"), fail, lambda: said.append("b")):
        token.on_cancel(callback)
    with pytest.raises(ValueError, match=r"^0$"):
        token.cancel()
    assert ["a", "b"] == said


def test_a_callback_may_cancel_again() -> None:
    """The same token or another, without waiting for itself."""
    token = CancelToken()
    said: List[str] = []
    token.on_cancel(lambda: token.cancel("again"))
    token.on_cancel(lambda: said.append(token.reason))
    token.cancel("first")
    assert ["first"] == said


def test_children_and_callbacks_that_are_done_with_are_not_kept() -> None:
    """A token that lives for many runs does not grow."""
    token = CancelToken()

    class Target:
        """What a callback holds."""

        def hear(self) -> None:
            """Do nothing."""

    target = Target()
    ends = weakref.ref(target)
    child = token.child()
    unsubscribe = child.on_cancel(target.hear)
    assert not child.wait(0)
    unsubscribe()
    child.on_cancel(target.hear)
    child.cancel()
    del target, unsubscribe
    gc.collect()
    assert ends() is None
    assert not token.is_cancelled


def test_waiting_ends_when_the_token_is_cancelled() -> None:
    """By another thread, on a child, and at once where it has been."""
    token = CancelToken()
    child, started = token.child(), threading.Event()
    found: List[bool] = []

    def work() -> None:
        started.set()
        found.append(child.wait())

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(60)
    token.cancel()
    thread.join(60)
    assert [True, True, True] == [*found, token.wait(), child.wait(60)]


@pytest.mark.parametrize("timeout", [0, -1, 1e-9])
def test_waiting_ends_when_time_is_up(timeout: float) -> None:
    """And says that nobody has cancelled."""
    assert not CancelToken().wait(timeout)


def test_a_wait_may_be_longer_than_clocks_can_count() -> None:
    """It is as long as they can; what is no number is refused."""
    token = CancelToken()
    with pytest.raises(ValueError, match="nan"):
        token.wait(float("nan"))
    token.cancel()
    assert token.wait(float("inf"))
    assert token.wait(1e300)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself this signal")
def test_a_handler_of_signals_may_cancel_what_its_thread_waits_for() -> None:
    """The handler runs in the middle of the wait, and neither waits for the other."""
    token = CancelToken()

    def handle(*_: object) -> None:
        token.cancel("signal")

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert token.wait(60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert "signal" == token.reason


def _cancel_or_listen(
    number: int, token: CancelToken, said: List[int], barrier: threading.Barrier
) -> None:
    barrier.wait(60)
    if number % 2:
        token.cancel(str(number))
    else:
        token.child().on_cancel(lambda: said.append(number))


def test_of_many_threads_that_cancel_one_is_heard() -> None:
    """Each callback is called once, whichever thread comes first, and none is lost."""
    for _ in range(50):
        token = CancelToken()
        said: List[int] = []
        barrier = threading.Barrier(4)

        threads = [
            threading.Thread(target=_cancel_or_listen, args=(number, token, said, barrier))
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [0, 2] == sorted(said)
        assert token.reason in {"1", "3"}


@pytest.mark.parametrize("send", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_token_is_not_copied(send: Callable[[object], object]) -> None:
    """A copy would never hear that the token was cancelled."""
    with pytest.raises(TypeError, match="cannot be copied or sent to another process"):
        send(CancelToken())

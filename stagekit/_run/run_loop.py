"""The thread that owns a managed run: it reads messages, and asks the clock between them."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING, Any, Callable, Deque, Optional

from stagekit._run.backends.placement import Lanes
from stagekit._run.clock import Clock, SystemClock
from stagekit._run.coordinator import Conductor, Message
from stagekit._run.interrupts import Gate, Interrupts

if TYPE_CHECKING:
    import asyncio

    from stagekit._run.session import Session
    from stagekit._run.settings import RunSettings

# A wait cannot be interrupted by Ctrl-C on Windows, nor anywhere in its very first instant.
PATIENCE = 0.2  # seconds


def own(session: Session) -> None:
    """Carry a managed run out, as the thread that owns it.

    The first ``KeyboardInterrupt`` cancels the run, the second one ends the wait for stages.
    """
    inbox: SimpleQueue[Message] = SimpleQueue()
    conductor = _conductor(session, inbox.put, inbox.qsize, None)
    leave = _listen(session.settings, conductor, inbox.put)
    interrupts = Interrupts(
        lambda: inbox.put(lambda: conductor.cancel("interrupted", KeyboardInterrupt())),
        conductor.lanes.gate,
    )
    is_open = False
    try:
        with interrupts:
            while not (is_open and conductor.is_over):
                try:
                    if not is_open:
                        is_open = True
                        conductor.open()
                    else:
                        _turn(inbox, conductor)
                except KeyboardInterrupt as error:  # in a hook that hangs
                    conductor.cancel("interrupted", error)
    finally:
        leave()
        conductor.close()
        session.settings.pools.close()


def _turn(inbox: SimpleQueue[Message], conductor: Conductor) -> None:
    """Do what messages say that have come, and then what is due: what has ended in time counts."""
    patience = conductor.patience()
    try:
        message = _read(inbox, PATIENCE if patience is None else min(patience, PATIENCE))
    except Empty:
        pass
    else:
        more = inbox.qsize()  # those that come while these are obeyed have to wait for the clock
        message()
        for _ in range(more):
            inbox.get()()
    conductor.tick()


def _read(inbox: SimpleQueue[Message], seconds: float) -> Message:
    """Return the next message; raise ``Empty`` where none comes in time.

    Up to CPython 3.12 a ``get`` that a message of before wakes for nothing waits for ever, if its
    time is over by then. A ``get_nowait`` that finds nothing takes such a wake-up away.
    """
    try:
        return inbox.get_nowait()
    except Empty:
        return inbox.get(timeout=seconds)


async def own_on_loop(session: Session) -> None:
    """Carry a managed run out on the running loop.

    Raises:
        asyncio.CancelledError: the awaiting task was cancelled; the run has been, too.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    inbox: Deque[Message] = deque()
    wake = asyncio.Event()
    conductor = _conductor(session, _poster(loop, inbox, wake), inbox.__len__, loop)
    leave = _listen(session.settings, conductor, _poster(loop, inbox, wake))
    cancelled: Optional[asyncio.CancelledError] = None
    try:
        conductor.open()
        while not conductor.is_over:
            try:
                await _woken(loop, wake, 0.0 if inbox else conductor.patience())
            except asyncio.CancelledError as error:
                cancelled = error
                conductor.cancel("the awaiting task was cancelled")
            wake.clear()
            for _ in range(len(inbox)):
                inbox.popleft()()
            conductor.tick()
    finally:
        leave()
        conductor.close()
        session.settings.pools.close()
    if cancelled is not None:
        raise cancelled


def _poster(
    loop: asyncio.AbstractEventLoop, inbox: Deque[Message], wake: asyncio.Event
) -> Callable[[Message], object]:
    owner = get_ident()

    def post(message: Message) -> None:
        inbox.append(message)
        if get_ident() == owner:
            wake.set()
            return
        try:
            loop.call_soon_threadsafe(wake.set)
        except RuntimeError:  # the loop is closed: the run is over, and nobody waits for this
            if not loop.is_closed():
                raise

    return post


async def _woken(
    loop: asyncio.AbstractEventLoop, wake: asyncio.Event, patience: Optional[float]
) -> None:
    """Wait until there is a message, or something is due. No cancelling gets lost in between."""
    if patience is None:
        await wake.wait()
        return
    timer = loop.call_later(patience, wake.set)
    try:
        await wake.wait()
    finally:
        timer.cancel()


def _conductor(
    session: Session,
    post: Callable[[Message], object],
    has_mail: Callable[[], int],
    loop: Optional[asyncio.AbstractEventLoop],
) -> Conductor:
    settings = session.settings
    clock: Clock = SystemClock() if settings.clock is None else settings.clock

    def lanes(post_end: Callable[[int, Any, Optional[BaseException]], object]) -> Lanes:
        return Lanes(session.plan, settings, post_end, loop, Gate())

    return Conductor(session, settings, lanes, post, has_mail, clock)


def _listen(
    settings: RunSettings, conductor: Conductor, post: Callable[[Message], object]
) -> Callable[[], None]:
    """Have the caller's token cancel the run, and the clock be looked at; return the way back."""
    token = settings.cancel
    ways_back = [conductor.clock.watch(lambda: post(_look))]
    if token is not None:
        ways_back.append(token.on_cancel(lambda: post(conductor.heed)))

    def leave() -> None:
        for way_back in ways_back:
            way_back()

    return leave


def _look() -> None:
    """Say nothing: after any message the owner looks at the clock."""

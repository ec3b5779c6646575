"""What workers answer, on its way to who asked."""

from __future__ import annotations

import pickle
from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import Tuple

from stagekit.executors._processes import kinds
from stagekit.executors._processes.call import Call
from stagekit.executors._processes.frames import Frame
from stagekit.executors._processes.thrown import unpack_error

Answer = Tuple[Call, Frame]


def deliver(answer: Answer) -> None:
    """Give an answer to the future of its call, or to who listens to its progress."""
    call, frame = answer
    if frame.kind == kinds.TOLD:
        if call.tell is not None:
            call.tell(pickle.loads(frame.body))  # noqa: S301 - from our own worker
        return
    if frame.kind == kinds.BEGUN:
        if call.begun is not None:
            call.begun()
        return
    if frame.kind == kinds.RAISED:
        call.future.took = frame.took
        fail(call, unpack_error(frame.body))
        return
    call.leave()
    try:  # noqa: SIM105 - made for each call
        call.future.returned(frame.body, call.definition.name, frame.took)
    except InvalidStateError:
        pass


def fail(call: Call, error: BaseException) -> None:
    """End a call with an error."""
    call.leave()
    with suppress(InvalidStateError):  # as above
        call.future.set_exception(error)

"""What workers answer, on its way to who asked."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Tuple

from stagekit._base.packed import aside, value_of
from stagekit.executors._processes import kinds
from stagekit.executors._processes.call import Call
from stagekit.executors._processes.frames import Frame
from stagekit.executors._remote_exceptions import is_quick_error, unpack_error

Answer = Tuple[Call, Frame]


def deliver(answer: Answer) -> None:
    """Tell whoever wanted a call what its worker says of it."""
    call, frame = answer
    wanted = call.wanted
    if frame.kind == kinds.TOLD:
        wanted.progressed(pickle.loads(frame.body))  # noqa: S301 - from our own worker
        return
    if frame.kind == kinds.BEGUN:
        wanted.begun()
        return
    if frame.kind == kinds.NAMED:
        call.type_name = frame.body.decode()
        return
    call.leave()
    if frame.kind == kinds.RETURNED:
        wanted.returned(value_of(frame.body, call.definition.name, call.type_name), frame.took)
    elif is_quick_error(frame.body):
        wanted.raised(unpack_error(frame.body), frame.took)
    else:  # its class may take as long as it likes to make it again
        aside(partial(_raised, call, frame))


def _raised(call: Call, frame: Frame) -> None:
    call.wanted.raised(unpack_error(frame.body), frame.took)


def fail(call: Call, error: BaseException) -> None:
    """End a call with an error."""
    call.leave()
    call.wanted.raised(error)

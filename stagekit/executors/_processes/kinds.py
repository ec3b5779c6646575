"""The kinds of frames."""

from __future__ import annotations

# From a pool to its worker:
BEGIN = 1  # the environment that calls are made in; the first frame
DEFINE = 2  # a function and its number
FORGET = 3  # the number of a function that is not needed any more
CALL = 4  # a call of a function, by its number
CLOSE = 5  # there will be no more
CANCEL = 6  # a token of a call is cancelled; by the other socket, read while a call runs
TIMED_CALL = 7  # a call whose beginning is told

# From a worker to its pool:
READY = 17  # its process id
RETURNED = 18  # what a call returned
RAISED = 19  # what a call raised
TOLD = 20  # what a call tells of its progress
BEGUN = 21  # a call has begun
NAMED = 22  # the type of what a call is to return, where its pool does not read that at once

ON_THE_WAY = (TOLD, BEGUN, NAMED)  # said of a call that has not ended

"""How many calls a pool wants ahead of their turn, so that a worker never waits for a short one."""

from __future__ import annotations

MOST = 32  # calls that a worker has before it at most
FIRST = 4  # calls of each worker that are looked at before any is sent ahead
_SHARE = 8  # a call counts for so much of the mean, as one of so many


class Prefetch:
    """Looks at how long calls take, the last ones above all.

    Calls are sent ahead as far as they are short: what is sent ahead is no longer overtaken by what
    is more urgent, so a worker never has much work before it.

    Args:
        enough: nanoseconds of work that a worker has before it at most.

    Attributes:
        ahead: how many calls the pool wants beside those that its workers make.
    """

    def __init__(self, enough: int) -> None:
        self.ahead = 0
        self._enough = enough
        self._mean = 0.0
        self._seen = 0

    def ended(self, took: int, workers: int) -> None:
        """Take notice of a call.

        Args:
            took: nanoseconds that a worker has had it.
            workers: how many calls the pool makes at once.
        """
        seen = self._seen = self._seen + 1
        self._mean += (took - self._mean) / min(seen, _SHARE)
        if seen < FIRST * workers:
            return
        wanted = workers * min(MOST, int(self._enough / max(self._mean, 1.0)))
        if not wanted <= self.ahead <= 2 * wanted:  # small changes are not worth a word
            self.ahead = min(wanted, MOST * workers)

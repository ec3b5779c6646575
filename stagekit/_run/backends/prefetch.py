"""How many calls a pool is sent ahead of their turn, so that a short one does not wait for us."""

from __future__ import annotations

MOST = 32  # calls that a worker has before it at most
FIRST = 4  # calls of each worker that are looked at before any is sent ahead
_SHARE = 8  # a call counts for so much of the mean, as one of so many


class Pace:
    """Looks at how long calls take, the last ones above all.

    Calls are sent ahead as far as they are short: what is sent ahead is no longer overtaken by what
    is more urgent, so a worker never has much work before it.

    Args:
        workers: how many calls the pool carries out at once.
        enough: nanoseconds of work that a worker has before it at most; 0 for none.
    """

    def __init__(self, workers: int, enough: int) -> None:
        self._workers = workers
        self._enough = enough
        self._mean = 0.0
        self._seen = 0
        self._ahead = 0
        self._first = FIRST * workers
        self._most = MOST * workers
        self._shortest = enough / MOST if enough else -1.0  # below that it is the most

    def ahead(self, took: int) -> int:
        """Return how many calls may be sent ahead, now that one has taken so many nanoseconds."""
        seen = self._seen = self._seen + 1
        self._mean += (took - self._mean) / min(seen, _SHARE)
        if seen < self._first:
            return 0
        if self._mean <= self._shortest:
            self._ahead = self._most
            return self._ahead
        wanted = self._workers * min(MOST, int(self._enough / max(self._mean, 1.0)))
        if not wanted <= self._ahead <= 2 * wanted:  # small changes are not worth a word
            self._ahead = wanted
        return self._ahead

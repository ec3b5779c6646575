"""Which stages of a target a command line means."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple


class Selection(NamedTuple):
    """The options that say which stages of a target are meant."""

    select: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    start: Optional[str] = None
    end: Optional[str] = None

    def words(self) -> Tuple[str, ...]:
        """Return the options as one selection; ``--from`` and ``--until`` narrow all others.

        Example:
            >>> Selection(("tag:x load",), (), "clean", "report").words()
            ('tag:x,clean+,+report', 'load,clean+,+report')
            >>> Selection(start="clean").words()
            ('clean+',)
        """
        narrow = [f"{self.start}+"] if self.start is not None else []
        narrow += [f"+{self.end}"] if self.end is not None else []
        if not narrow:
            return self.select
        words: List[str] = [word for text in self.select for word in text.split()]
        if self.select and not words:
            return self.select  # empty: the planner says so
        return tuple(",".join([*each, *narrow]) for each in ([[word] for word in words] or [[]]))

    def __bool__(self) -> bool:
        return any(each is not None and each != () for each in self)


NO_SELECTION = Selection()

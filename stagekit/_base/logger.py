"""``Logger``: loguru's logger, bound to the call that asks for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from loguru import Logger as Logger  # noqa: PLC0414 - what type checkers are to see
else:

    class Logger:
        """loguru's logger, bound to the ``run``, ``stage``, ``attempt`` and ``item`` of a call.

        A stage asks for it as a parameter. Type checkers see loguru's own class, and all its
        methods are there. loguru is imported when the first of them is used. Made without
        arguments, as in a test of the function, it is bound to nothing. It can be sent to another
        process, and logs there to the sinks of that process.

        Args:
            words: what is bound.

        Example:
            >>> from stagekit import Logger, Registry, run
            >>> registry = Registry()
            >>> @registry.stage(id="load")
            ... def load(log: Logger) -> int:
            ...     log.trace("has {} rows", 3)
            ...     return 3
            >>> run(load, registry=registry)["load"]
            3
        """

        __slots__ = ("_logger", "_words")

        def __init__(self, **words: object) -> None:
            self._words = words
            self._logger: Any = None

        def __getattr__(self, name: str) -> Any:  # Any: whatever loguru's logger has
            if name.startswith("__") or name in Logger.__slots__:  # of copies, and of half a one
                raise AttributeError(name)
            if self._logger is None:
                from loguru import logger

                self._logger = logger.bind(**self._words)
            return getattr(self._logger, name)

        def __repr__(self) -> str:
            return f"<Logger {', '.join(f'{k}={v}' for k, v in self._words.items()) or 'unbound'}>"

        def __reduce__(self) -> Tuple[Any, ...]:
            return _bound, (self._words,)


def _bound(words: Dict[str, Any]) -> Any:
    made: Any = Logger
    return made(**words)

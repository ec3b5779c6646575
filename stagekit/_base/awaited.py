"""``Awaited``: an async function as a plain one, for where there is no loop."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple


class Awaited:
    """Calls an async function, and runs what it returns to its end, on a loop of its own.

    Args:
        func: the function. It can be sent wherever that can be.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.args: Tuple[Any, ...] = ()  # as a functools.partial, for who looks into it
        self.keywords: Dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: as of the function
        """Return what awaiting gives."""
        import asyncio

        return asyncio.run(self.func(*args, **kwargs))

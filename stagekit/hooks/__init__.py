"""Hooks that come with stagekit: progress for people, and a log.

Each is loaded when it is asked for.

Example:
    >>> import sys
    >>> from stagekit import Registry, run
    >>> from stagekit.hooks import PlainProgress
    >>> registry = Registry()
    >>> answer = registry.add(lambda: 42, id="answer")
    >>> progress = PlainProgress(sys.stdout)
    >>> _ = run(answer, registry=registry, hooks=[progress])  # doctest: +ELLIPSIS
    [ 1/1] start  answer
    [ 1/1] ok     answer  ...s
    summary: 1 ran, 0 failed, 0 skipped in ...s (run ...)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stagekit.hooks.logs import LogHook
    from stagekit.hooks.progress_notebook import NotebookProgress
    from stagekit.hooks.progress_plain import PlainProgress
    from stagekit.hooks.progress_rich import RichProgress

__all__ = ["LogHook", "NotebookProgress", "PlainProgress", "RichProgress"]

_HOMES = {
    "LogHook": "stagekit.hooks.logs",
    "NotebookProgress": "stagekit.hooks.progress_notebook",
    "PlainProgress": "stagekit.hooks.progress_plain",
    "RichProgress": "stagekit.hooks.progress_rich",
}


if not TYPE_CHECKING:  # type checkers tell a name that is not there

    def __getattr__(name: str) -> object:
        """Load a hook on its first use."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'stagekit.hooks' has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The import name of a source file: what ``python -m`` would call it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

MAIN_NAMES = ("__main__", "__mp_main__")


def import_name(path: str) -> str:
    """Return the dotted name of a file, found by walking up the packages from its folder.

    Example:
        >>> import_name("/nowhere/shop.py")
        'shop'
    """
    folder, file = os.path.split(os.path.abspath(path))
    parts = [os.path.splitext(file)[0]]
    if parts[0] == "__init__":
        parts = []
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.append(package)
    return ".".join(reversed(parts))


def import_root(path: str) -> str:
    """Return the folder that must be on ``sys.path`` for ``import_name(path)`` to be found."""
    folder = os.path.dirname(os.path.abspath(path))
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def main_name(namespace: Mapping[str, Any]) -> str:
    """Return the name that the main module has when it is imported, given its globals."""
    spec = namespace.get("__spec__")
    if spec is not None:
        return str(spec.name)
    file = namespace.get("__file__")
    if not isinstance(file, str):
        return "__main__"  # an interactive session
    name = import_name(file)
    return "".join(c if c.isalnum() or c in "_-." else "_" for c in name)

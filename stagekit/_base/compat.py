"""The one door to ``typing_extensions``: what the running interpreter's ``typing`` may lack."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 9):
    from typing import Annotated
else:
    from typing_extensions import Annotated

if sys.version_info >= (3, 11):
    from typing import assert_never
else:

    def assert_never(value: object) -> None:
        """Fail at run time where the type checker has proved that nothing gets here."""
        raise AssertionError(f"unexpected value: {value!r}")


__all__ = ["Annotated", "assert_never"]

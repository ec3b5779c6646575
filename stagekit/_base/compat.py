"""The one door to ``typing_extensions``: what the running interpreter's ``typing`` may lack."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 9):
    from typing import Annotated
else:  # pragma: no cover - older interpreters
    from typing_extensions import Annotated

__all__ = ["Annotated"]

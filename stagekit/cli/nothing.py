"""``NothingSelectedError``: a command that has nothing to do."""

from __future__ import annotations

from stagekit.errors import StagekitError


class NothingSelectedError(StagekitError):
    """There are no stages, or none of them was selected."""

"""What runs leave behind: nothing."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def clean(no_thread_is_left: None) -> None:
    """Have no thread left behind by a test of this folder."""

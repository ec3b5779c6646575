"""Who began a call of Dask's and who withdrew it agree, in whatever order their messages arrive."""

from __future__ import annotations

from itertools import permutations
from typing import Any, Dict, List, Optional

import pytest

from stagekit.executors._dask.work import ENDED, WITHDRAWN, is_withdrawn

ORDERS = sorted(set(permutations(["worker", "worker", "driver", "driver"])))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_call_is_either_taken_back_or_made(order: List[str]) -> None:
    """Each side writes first and reads then; never do both or neither believe to have the call."""
    entries: Dict[str, Any] = {}
    is_back: Optional[bool] = None
    is_made: Optional[bool] = None
    for who in order:
        if who == "worker" and "mine" not in entries:
            entries["mine"] = ["tcp://worker", 7]
        elif who == "worker":
            is_made = not is_withdrawn(dict(entries), "mine")
        elif WITHDRAWN not in entries:
            entries[WITHDRAWN] = 1
        else:
            is_back = is_withdrawn(dict(entries))
    assert is_made is not is_back
    assert None not in (is_made, is_back)


def test_a_call_whose_first_worker_died_cannot_be_taken_back() -> None:
    """It had begun there, whatever another worker is told that gets it afterwards."""
    entries = {"first": ["tcp://a", 1], WITHDRAWN: 1, "second": ["tcp://b", 2]}
    assert not is_withdrawn(entries)
    assert is_withdrawn(entries, "second")
    assert not is_withdrawn({ENDED: "first", "first": ["tcp://a", 1]})

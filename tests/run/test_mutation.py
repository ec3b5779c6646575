"""``check_mutation=True``: who changes what it was passed is named, and nobody else."""

from __future__ import annotations

import itertools
import warnings
from typing import Any, Callable, Dict, List, Tuple

import pytest

from stagekit import Registry, run
from stagekit.errors import StagekitWarning


class Frame:
    """A data frame: it keeps what it was asked for, and compares by ``equals``."""

    def __init__(self, *rows: int, name: str = "") -> None:
        self.rows = list(rows)
        self.asked: List[int] = []
        self.attrs = {"name": name}

    def total(self) -> int:
        """Return the sum, and keep it."""
        self.asked.append(sum(self.rows))
        return self.asked[-1]

    def equals(self, other: Any) -> bool:
        """Tell whether the rows are the same."""
        return isinstance(other, Frame) and self.rows == other.rows


def warned(value: Any, take: Callable[[Any], object]) -> List[str]:
    """Return what a run warns of in which a stage takes a value."""
    registry = Registry()
    registry.add(lambda: value, id="value", provides=type(value))

    def taking(value: Any) -> None:
        take(value)

    taking.__annotations__ = {"value": type(value), "return": None}
    registry.add(taking, id="taking")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StagekitWarning)
        return list(run(registry=registry, check_mutation=True, executor="inline").warnings)


def held(frames: Any) -> List[Frame]:
    """Return the frames of a list, a tuple, or a dictionary."""
    return list(getattr(frames, "values", lambda: frames)())


def look(frame: Any) -> None:
    """Read."""
    frame.total()


def look_at_all(frames: Any) -> None:
    """Read several."""
    for frame in held(frames):
        frame.total()


def change_row(frame: Any) -> None:
    """Write into it."""
    frame.rows[0] = -1


def change_name(frame: Any) -> None:
    """Write beside its rows."""
    frame.attrs["name"] = "other"


def change_last(frames: Any) -> None:
    """Write into one of several."""
    held(frames)[-1].rows[0] = -1


def add_one(frames: Any) -> None:
    """Write into what holds them."""
    if isinstance(frames, dict):
        frames["c"] = Frame(3)
    else:
        frames.append(Frame(3))


def put_a_number(frames: Any) -> None:
    """Put something else in the place of a frame."""
    frames["b" if isinstance(frames, dict) else 1] = 2


CHANGES = [change_row, change_name, change_last, add_one, put_a_number]
ONE: Tuple[Callable[[], Any], ...] = (lambda: Frame(1, 2, name="one"),)
SEVERAL: Tuple[Callable[[], Any], ...] = (
    lambda: [Frame(1), Frame(2)],
    lambda: {"a": Frame(1), "b": Frame(2)},
)
CASES = [
    *itertools.product(ONE, [look, change_row, change_name]),
    *itertools.product(SEVERAL, [look_at_all, change_last, add_one, put_a_number]),
    (lambda: (Frame(1), Frame(2)), look_at_all),
    (lambda: (Frame(1), Frame(2)), change_last),
]


@pytest.mark.parametrize(("value", "take"), CASES)
def test_who_reads_a_frame_has_not_changed_it(value: Any, take: Any) -> None:
    """Though it pickles to something else: a data frame keeps what it was asked for."""
    found = warned(value(), take)
    assert (1 if take in CHANGES else 0) == len(found)
    assert all("`taking` has changed its argument `value`" in each for each in found)


def test_a_frame_of_pandas_is_read() -> None:
    """With dates, whose blocks are put together anew by a look."""
    pandas: Any = pytest.importorskip("pandas", reason="python -m pip install '.[examples]'")
    dates = pandas.to_datetime(["2024-01-01", "2024-01-02", None])
    frame = pandas.DataFrame({"date": dates, "n": [1.0, 2.0, None], "s": ["a", None, "c"]})
    columns: Dict[str, Any] = {"frame": frame, "dropped": []}

    def read(frame: Any) -> None:
        columns["dropped"] = frame.dropna(subset=["n"])["s"].nunique()

    assert [] == warned(frame, read)

    def write(frame: Any) -> None:
        frame.loc[0, "n"] = 7.0

    assert 1 == len(warned(frame, write))

    def rename(frame: Any) -> None:
        frame.index.name = "row"

    assert 1 == len(warned(frame, rename))

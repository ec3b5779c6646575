"""Values as their pickles: read once, where somebody needs them; and calls of pools that end."""

from __future__ import annotations

import contextvars
import pickle
import threading
from concurrent.futures import CancelledError
from fractions import Fraction
from typing import Any, ClassVar, List

import pytest

from stagekit._base.packed import PackedValue, aside, value_of
from stagekit._base.pool_call import PoolCall
from stagekit.errors import BadValueError


class Read:
    """Counts how often it is read."""

    times: ClassVar[List[int]] = []

    def __setstate__(self, state: object) -> None:
        self.times.append(1)

    def __getstate__(self) -> int:
        return 1


def test_small_plain_data_is_itself_and_all_else_a_handle() -> None:
    """What may run code of a user's class is not read before it is asked for."""
    assert [1, "a"] == value_of(pickle.dumps([1, "a"]), "load")
    assert isinstance(value_of(pickle.dumps(Fraction(1, 2)), "load"), PackedValue)
    assert isinstance(value_of(pickle.dumps("a" * 10_000), "load"), PackedValue)


def test_a_value_is_read_once() -> None:
    """However often it, or an item of it, is fetched."""
    Read.times.clear()
    whole = PackedValue(pickle.dumps((Read(), 7)), "load")
    item = whole[1]
    assert [] == Read.times
    assert (7, 7) == (item.fetch(), whole.fetch()[1])
    assert [1] == Read.times


def test_sent_on_it_is_the_value() -> None:
    """To another process goes the pickle, and the value arrives, or the item."""
    whole = PackedValue(pickle.dumps((Fraction(1, 2), 7)), "load")
    assert (Fraction(1, 2), 7) == sent(whole)
    assert Fraction(1, 2) == sent(whole[0])


def sent(value: object) -> Any:
    """Return what arrives elsewhere of a value."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


def test_an_item_of_an_item_has_no_handle() -> None:
    """The error says where to take it from."""
    with pytest.raises(TypeError, match="fetch"):
        PackedValue(pickle.dumps(((1,),)), "load")[0][0]


def test_what_cannot_be_read_names_who_returned_it() -> None:
    """A pickle that asks for what is not there."""
    with pytest.raises(BadValueError, match="what load returned cannot be read"):
        PackedValue(b"\x80\x04cnowhere\nNothing\n.", "load").fetch()


def test_reading_aside_is_done_here_where_there_is_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine may give no more of them."""
    done: List[int] = []

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    aside(lambda: done.append(threading.get_ident()))
    assert [threading.get_ident()] == done


def call_of(fn: Any, **more: Any) -> PoolCall:
    """Return a call of a pool that ends without anybody being told."""
    return PoolCall(fn, (), {}, context=contextvars.copy_context(), **more)


def test_a_call_ends_once() -> None:
    """What comes after its end is not taken in."""
    ended: List[PoolCall] = []
    call = call_of(int, on_end=ended.append)
    call.returned(1)
    call.returned(2)
    call.raised(ValueError())
    call.withdrawn()
    assert (1, [call]) == (call.result(), ended)


def test_a_call_made_here_ends_with_what_it_raises() -> None:
    """Its beginning and progress are told to whoever asked for them."""
    begun: List[int] = []
    ended: List[PoolCall] = []
    call = call_of(lambda: 1 // 0, on_end=ended.append, on_begin=lambda: begun.append(1))
    call.make()
    call.progressed((1, 2, None))
    assert [1] == begun
    with pytest.raises(ZeroDivisionError):
        call.result()


def test_a_withdrawn_call_has_no_result() -> None:
    """As that of a future that was cancelled."""
    ended: List[PoolCall] = []
    call = call_of(int, on_end=ended.append)
    call.withdrawn()
    with pytest.raises(CancelledError):
        call.result()

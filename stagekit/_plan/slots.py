"""Where a call takes its arguments from: constant slots, and calls that need more than slots."""

from __future__ import annotations

from stagekit._base.record import Record, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

    Call = Tuple[Callable[..., Any], int, int, Optional[Tuple[int, ...]], int]


# Kinds of slots, and of bindings.
VALUE, GIVEN, INJECTABLE, NONE = "value", "given", "injectable", "none"
# Kinds of bindings beside these.
STAGE, DEFAULT, COLLECT = "stage", "default", "collect"
# Kind of bindings, and of slots until they are numbered: a parameter that was set.
SET = "set"
# Kinds of edges.
DATA, ORDER = "data", "order"
# Reasons of bindings beside the names of markers.
BY_TYPE, BY_NAME, BY_DEPENDS_ON, BY_ORDER = "by type", "by name", "by depends_on", "by order"
AMONG_SEVERAL = (BY_NAME, BY_DEPENDS_ON, BY_ORDER)  # what chooses among providers of one type
# Kinds of arguments of packed calls, and of collections.
SLOT, ITEM, LIST, TUPLE = "slot", "item", "list", "tuple"


class Slot(Record):
    """One constant slot of a run's values.

    ``kind`` is ``"value"`` (*value* is the constant), ``"given"`` (the caller of ``run`` binds
    *key*) or ``"injectable"`` (*key* is ``Context``, ``RunInfo`` or ``Arguments``; for the first of
    them, *value* says who asks).
    """

    kind: str
    key: object
    value: Any = None


class Binding(Row):
    """Parameter ← provider, decided when planning.

    ``kind`` is ``"stage"``, ``"given"``, ``"value"`` (an override), ``"injectable"``,
    ``"set"`` (by ``params``), ``"default"``, ``"none"`` (an ``Optional`` nobody provides) or
    ``"collect"``; *providers* are the step numbers of the stages among its sources. *others* are
    the kinds of what else a collection takes: ``"given"`` and ``"value"``. *reason* says why it
    is this provider: ``"by type"``, or among several of one type ``"by name"``,
    ``"by depends_on"`` or ``"by order"`` (the others run later), or the marker that decides:
    ``"From"``, ``"Named"``, ``"Collect"``; of a parameter that was set, where: ``"--set"``,
    ``"environment"``, ``"file"``, ``"params="``. It is empty where nothing provides the value.
    """

    parameter: str
    key: object
    kind: str
    providers: Tuple[int, ...]
    others: Tuple[str, ...] = ()
    reason: str = ""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values()[:4])  # whoever unpacks a binding knows these


class Edge(Row):
    """Step *before* must have ended before step *after* starts."""

    before: int
    after: int
    kind: str
    reason: str


# (function, first slot, second slot, all slots, promise): see docs/architecture.md

PACKED: Tuple[int, ...] = ()


class Take(Record):
    """One argument of a packed call: a slot, an item of a tuple, or a collection of such.

    ``kind`` is ``"slot"``, ``"item"`` (*item* of the tuple in *slot*) or ``"list"``/``"tuple"``
    (of *parts*, leaving out stages that gave no value).
    """

    kind: str
    slot: int = -1
    item: int = -1
    parts: Tuple[Take, ...] = ()


class PackedCall(Record):
    """A call with keyword-only parameters, items of tuples, or collections of values."""

    fn: Callable[..., Any]
    positional: Tuple[Take, ...]
    keywords: Tuple[Tuple[str, Take], ...]
    constants: int

    def slots(self) -> Iterator[int]:
        """Yield the slots that the call takes values from."""
        for take in (*self.positional, *[take for _, take in self.keywords]):
            yield from [part.slot for part in take.parts] or [take.slot]

    def split(
        self, values: List[Any]
    ) -> Tuple[Callable[..., Any], Tuple[Any, ...], Dict[str, Any]]:
        """Return function, positional and keyword arguments, for who calls them elsewhere."""
        args = tuple([self._take(each, values) for each in self.positional])
        return self.fn, args, {name: self._take(each, values) for name, each in self.keywords}

    def __call__(self, values: List[Any]) -> Any:
        fn, args, kwargs = self.split(values)
        return fn(*args, **kwargs)

    def _take(self, take: Take, values: List[Any]) -> Any:
        if take.kind == SLOT:
            return values[take.slot]
        if take.kind == ITEM:
            found = values[take.slot]
            return None if found is None else found[take.item]
        taken = [
            self._take(part, values)
            for part in take.parts
            if part.slot < self.constants or values[part.slot] is not None
        ]
        return tuple(taken) if take.kind == TUPLE else taken


class AwaitIfNeeded:
    """Calls a plain wrapper around an ``async def``, and awaits on the loop what it returns.

    The wrapper is called in a thread: it may block, or run a loop of its own.
    """

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import asyncio
        import contextlib
        import contextvars
        import threading

        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        returned: List[Tuple[Any, Optional[BaseException]]] = []
        context = contextvars.copy_context()

        def call() -> None:
            try:
                returned.append((context.run(self.fn, *args, **kwargs), None))
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                returned.append((None, error))
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set_result, None)

        threading.Thread(target=call, name="stagekit-wrapper", daemon=True).start()
        cancelled: Optional[BaseException] = None
        while not ended.done():
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError as error:  # a thread cannot be left: it goes on
                cancelled = error
        value, raised = returned.pop()
        if raised is not None:
            raise raised
        is_awaitable = hasattr(value, "__await__")
        if cancelled is not None:
            if is_awaitable:
                getattr(value, "close", bool)()  # or Python would complain that nobody awaited it
            raise cancelled
        return await value if is_awaitable else value


def around(call: Call, wrap: Callable[[Any], Any]) -> Call:
    """Return the call of what *wrap* makes of the function of another one."""
    fn, a, b, rest, promise = call
    if isinstance(fn, PackedCall):
        packed = PackedCall(wrap(fn.fn), fn.positional, fn.keywords, fn.constants)
        return packed, a, b, rest, promise
    return wrap(fn), a, b, rest, promise


def slots_of(call: Call) -> Tuple[int, ...]:
    """Return the slots that a call takes values from."""
    fn, a, b, rest, _ = call
    if rest is None:
        return tuple([slot for slot in (a, b) if slot >= 0])
    return rest or tuple(fn.slots())  # type: ignore[attr-defined]  # a PackedCall  # pyright: ignore[reportFunctionMemberAccess]

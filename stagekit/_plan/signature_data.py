"""What was read from the function of a stage: its parameters, and what it provides."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
    from typing import Any, Callable, Dict, List, Optional, Tuple

ASYNC, IS_GENERATOR, ASYNC_GENERATOR = 0x80, 0x20 | 0x200, 0x200  # inspect.CO_*


class _Empty:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<none>"


EMPTY: Any = _Empty()


# Kinds of faults: no annotation; a marker in the wrong place, or in that of the default; a type
# that every value has; a name that is not known; a type that cannot be a key.
BARE, MARKER, AS_DEFAULT, NO_KEY = "bare", "marker", "as_default", "no_key"
UNRESOLVED, OPEN = "unresolved", "open"


class Fault(Record):
    """Something wrong with one annotation, told later with its place."""

    kind: str
    text: str
    name: Optional[str] = None


class Parameter:
    """One parameter: what it asks for, and what it falls back on."""

    __slots__ = ("default", "fault", "is_keyword", "key", "marker", "name")

    def __init__(self, name: str, default: Any, is_keyword: bool) -> None:  # noqa: FBT001
        self.name = name
        self.default = default
        self.is_keyword = is_keyword
        self.key: object = None
        self.marker: Any = None
        self.fault: Optional[Fault] = None

    @property
    def takes_items(self) -> bool:
        """Whether it takes one item at a time of what provides it."""
        return self.marker is not None and self.marker.is_each


class Reading:
    """What was read from one function.

    Attributes:
        provides: (key, item) pairs; item is None, or the place in the returned tuple.
        promise: see ``Plan``: 0 anything, 1 not None, k a tuple of k values.
        parameters: None until they are asked for.
        support: why the function cannot be a stage, or None.
        call: what is called in place of the function, or None.
        has_each: whether a parameter takes one item at a time.
        has_policy: whether a ``Policy`` tells something of the stage.
        is_resource: whether the function is a generator function.
    """

    __slots__ = ("call", "fault", "has_each", "is_async", "has_policy", "is_resource",
                 "parameters", "promise", "provides", "raw", "returns", "returns_none",
                 "support")  # fmt: skip

    def __init__(self) -> None:
        self.provides: Tuple[Tuple[object, Optional[int]], ...] = ()
        self.returns: object = None
        self.returns_none = False
        self.promise = 0
        self.is_async = False
        self.has_policy = False
        self.is_resource = False
        self.has_each = False
        self.call: Optional[Callable[..., Any]] = None
        self.fault: Optional[Fault] = None
        self.support: Optional[str] = None
        self.parameters: Optional[Tuple[Parameter, ...]] = None
        self.raw: Any = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing says what the function returns: it has no annotation for that."""
        is_said = self.provides or self.returns_none or self.fault
        return self.returns is None and not is_said


NOTHING: Tuple[Parameter, ...] = ()
TRIVIAL = Reading()  # of every plain function that takes nothing and says nothing
TRIVIAL.parameters = NOTHING


def read_generator(reading: Reading, code: CodeType) -> None:
    """Take down that the function is a generator function, plain or async."""
    reading.is_resource = reading.has_policy = True
    reading.is_async = code.co_flags & ASYNC_GENERATOR != 0


def written(fn: FunctionType, annotations: Dict[str, Any]) -> List[Tuple[str, Any, Any, bool]]:
    """Return name, annotation, default and whether it is keyword-only, of each parameter."""
    code = fn.__code__
    count, keywords = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    defaults = fn.__defaults__ or ()
    first = count - len(defaults)
    found: List[Tuple[str, Any, Any, bool]] = []
    for place in range(count):
        default = defaults[place - first] if place >= first else EMPTY
        found.append((names[place], annotations.get(names[place], EMPTY), default, False))
    given = fn.__kwdefaults__ or {}
    for name in names[count : count + keywords]:
        found.append((name, annotations.get(name, EMPTY), given.get(name, EMPTY), True))  # noqa: PERF401
    return found

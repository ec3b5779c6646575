"""Records: small classes whose annotations say which fields they have.

::

    class Edge(Row):
        before: int
        after: int
        kind: str = "data"

From these come ``__slots__``, the constructor, equality, hash and text. ``dataclasses`` (19 ms to
import), ``typing`` (13 ms) and ``collections.namedtuple`` (which compiles code for each class)
stay off the way of a first run, see docs/architecture.md.
"""

# ruff: noqa: PLR0913, PLR0917, E741 - as many fields as a record has

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Dict, Iterator, Tuple

    from typing_extensions import dataclass_transform

    O = object
else:

    def dataclass_transform(**_: object) -> object:
        """Only type checkers look at it."""
        return lambda cls: cls


# Constructors of records with so many fields. A class gets a copy with other names: that takes a
# twentieth of the time of compiling one.


def _keep_1(self: Any, a: O) -> None:
    self.a = a


def _keep_2(self: Any, a: O, b: O) -> None:
    self.a, self.b = a, b


def _keep_3(self: Any, a: O, b: O, c: O) -> None:
    self.a, self.b, self.c = a, b, c


def _keep_4(self: Any, a: O, b: O, c: O, d: O) -> None:
    self.a, self.b, self.c, self.d = a, b, c, d


def _keep_5(self: Any, a: O, b: O, c: O, d: O, e: O) -> None:
    self.a, self.b, self.c, self.d, self.e = a, b, c, d, e


def _keep_6(self: Any, a: O, b: O, c: O, d: O, e: O, f: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f = a, b, c, d, e, f


def _keep_7(self: Any, a: O, b: O, c: O, d: O, e: O, f: O, g: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f, self.g = a, b, c, d, e, f, g


def _keep_8(self: Any, a: O, b: O, c: O, d: O, e: O, f: O, g: O, h: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h = a, b, c, d, e, f, g, h


def _keep_9(self: Any, a: O, b: O, c: O, d: O, e: O, f: O, g: O, h: O, i: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h, self.i = (
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
    )


def _keep_10(self: Any, a: O, b: O, c: O, d: O, e: O, f: O, g: O, h: O, i: O, j: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h, self.i, self.j = (
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
    )


def _keep_11(self: Any, a: O, b: O, c: O, d: O, e: O, f: O, g: O, h: O, i: O, j: O, k: O) -> None:
    self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h, self.i, self.j, self.k = (
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
        k,
    )


_TEMPLATES = (
    None,
    _keep_1,
    _keep_2,
    _keep_3,
    _keep_4,
    _keep_5,
    _keep_6,
    _keep_7,
    _keep_8,
    _keep_9,
    _keep_10,
    _keep_11,
)


@dataclass_transform(eq_default=False)
class RecordType(type):
    """Makes ``__slots__`` and the constructor of a record from its annotations.

    A class that has ``__slots__`` or ``__init__`` keeps its own. ``class Policy(Record,
    kw_only=True)`` takes all fields by name.
    """

    def __new__(
        cls,
        name: str,
        bases: Tuple[type, ...],
        body: Dict[str, Any],
        *,
        kw_only: bool = False,
    ) -> RecordType:
        own: Tuple[str, ...] = body.get("__slots__", ())
        inherited = tuple([each for base in bases for each in getattr(base, "_fields", ())])
        annotated = tuple(body.get("__annotations__", ()))
        if annotated and not own:
            own = body["__slots__"] = annotated
            defaults = {each: body.pop(each) for each in own if each in body}
            if "__init__" not in body:
                assert not inherited, name  # noqa: S101 - it has to write its own constructor
                body["__init__"] = _constructor(name, body, defaults, is_by_name=kw_only)
        body["_fields"] = (*inherited, *own)
        return super().__new__(cls, name, bases, body)


def _constructor(
    name: str, body: Dict[str, Any], defaults: Dict[str, object], *, is_by_name: bool
) -> FunctionType:
    """Return an ``__init__`` that keeps its arguments as the fields of a record."""
    fields: Tuple[str, ...] = body["__slots__"]
    count = len(fields)
    template = _TEMPLATES[count]
    assert template is not None  # noqa: S101 - there are annotations
    code = template.__code__.replace(
        co_name="__init__",
        co_varnames=("self", *fields),
        co_names=fields,
        co_argcount=1 if is_by_name else 1 + count,
        co_kwonlyargcount=count if is_by_name else 0,
    )
    made = FunctionType(code, {"__name__": body["__module__"]})
    made.__qualname__ = f"{name}.__init__"
    if is_by_name:
        made.__kwdefaults__ = defaults
    else:
        made.__defaults__ = tuple(defaults.values())
    return made


class Record(metaclass=RecordType):
    """Equal if its fields are, and readable when printed."""

    __slots__ = ()
    if TYPE_CHECKING:
        _fields: ClassVar[Tuple[str, ...]]  # their names

    def _values(self) -> Tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._fields])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == getattr(other, "_values", tuple)()

    def __hash__(self) -> int:
        try:
            return hash((type(self), self._values()))
        except TypeError:  # a field that is equal to others, but has no hash
            return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._values()))})"


class Row(Record):
    """A record that can be unpacked: ``for before, after, kind, reason in plan.edges``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

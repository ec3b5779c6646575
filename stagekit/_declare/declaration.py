"""A declaration: a function and what was said about it. Stored as given, judged when planning."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType

from stagekit._base.refs import OneOf, OptionalRef, StageRef
from stagekit._declare.callables import (
    MAIN_NAMES,
    function_name,
    locate,
    module_of,
    namespace_of,
    unwrap_partial,
)
from stagekit._declare.options import DEFAULTS, Options, make_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from stagekit._base.problem import Location

MARK = "__stagekit_stage__"
_PLAIN = frozenset((FunctionType, str))  # the most common references
MAX_ID = 200


class Declaration:
    """One stage as it was declared.

    Attributes:
        id: unique in its registry.
        fn: the user's function, the very object.
        depends_on: references as given: functions, ids, ``StageRef``s, ``optional``, ``one_of``.
        options: name, description, tags, provides, priority, critical, and the policy of its runs.
    """

    __slots__ = ("cache", "depends_on", "fn", "id", "options", "spec")

    def __init__(
        self,
        fn: Callable[..., Any],
        stage_id: str,
        depends_on: Tuple[object, ...],
        options: Options,
        spec: object,
    ) -> None:
        self.fn: Callable[..., Any] = fn
        self.id: str = stage_id
        self.depends_on: Tuple[object, ...] = depends_on
        self.options: Options = options
        self.spec: object = spec
        self.cache: object = None  # the planner's reading of the signature, once

    def __reduce__(self) -> Tuple[Any, ...]:
        """Stay here: what bears a declaration goes to other processes without it."""
        return type(None), ()

    @property
    def name(self) -> str:
        """The name for people: the option, else the function's own name."""
        given = self.options.name
        return given if given is not None else function_name(self.fn)

    @property
    def description(self) -> str:
        """The option, else the first line of the docstring."""
        if self.options.description is not None:
            return self.options.description
        doc = getattr(unwrap_partial(self.fn), "__doc__", None)
        return doc.strip().split("\n", 1)[0].strip() if isinstance(doc, str) and doc.strip() else ""

    @property
    def tags(self) -> Tuple[str, ...]:
        """The tags, in the order given."""
        return self.options.tags

    @property
    def critical(self) -> bool:
        """Whether its failure fails the run."""
        return self.options.critical

    @property
    def priority(self) -> int:
        """Higher starts first among stages that are ready."""
        return self.options.priority

    @property
    def module(self) -> str:
        """The name of the module that declared it; for ``__main__`` the name of its file."""
        return module_of(self.fn)

    @property
    def location(self) -> Optional[Location]:
        """Where the function is defined, or None where it has no source."""
        return locate(self.fn)

    def __repr__(self) -> str:
        return f"<stage {self.id}>"


class Adopted(Declaration):
    """A function of an adopted module: left out where it cannot be a stage."""

    __slots__ = ()


def declare(fn: Any, options: Dict[str, Any]) -> Declaration:
    """Check everything that was said about *fn*, at once.

    Raises:
        DeclarationError: with every mistake.
    """
    module = getattr(fn, "__module__", None)
    if (
        type(fn) is FunctionType
        and "<" not in fn.__qualname__
        and module not in MAIN_NAMES
        and "__wrapped__" not in fn.__dict__
    ):
        stage_id = f"{module}:{fn.__qualname__}"
        spec = fn.__globals__.get("__spec__")
        if len(stage_id) <= MAX_ID and stage_id.isascii():
            if not options:
                return Declaration(fn, stage_id, (), DEFAULTS, spec)
            if len(options) == 1:
                needed = options.get("depends_on")
                if type(needed) is FunctionType:
                    return Declaration(fn, stage_id, (needed,), DEFAULTS, spec)
    else:
        stage_id = default_id(fn)
        if "IPython" in sys.modules and module in MAIN_NAMES:
            from stagekit._base.notebook import declared_in

            place = locate(fn)
            if place is not None:
                declared_in(place.file)
        spec = namespace_of(unwrap_partial(fn)).get("__spec__")
    return _declare_with(fn, stage_id, spec, options)


def declare_as(fn: Any, stage_id: Optional[str], depends_on: object) -> Declaration:
    """Check *fn*, its id and what it depends on, where nothing else is said.

    Raises:
        DeclarationError: with every mistake.
    """
    if (
        type(fn) is FunctionType
        and type(stage_id) is str
        and "__wrapped__" not in fn.__dict__
        and id_mistake(stage_id) is None
    ):
        if isinstance(depends_on, (list, tuple)):
            refs: Tuple[object, ...] = (*depends_on,)  # pyright: ignore[reportUnknownVariableType]
        else:
            refs = (depends_on,)
        if _PLAIN.issuperset(map(type, refs)):
            return Declaration(fn, stage_id, refs, DEFAULTS, fn.__globals__.get("__spec__"))
    return declare(fn, {"depends_on": depends_on, "id": stage_id})


def _declare_with(fn: Any, stage_id: str, spec: object, options: Dict[str, Any]) -> Declaration:
    mistakes: List[str] = []
    rest = dict(options)
    given_id = rest.pop("id", None)
    depends_on: Tuple[object, ...] = ()
    made = DEFAULTS
    try:
        depends_on = _references(rest.pop("depends_on", ()), mistakes)
        made = make_options(rest, mistakes) if rest else DEFAULTS
    except Exception as error:  # noqa: BLE001 - of ``==``, ``bool()`` or ``repr()`` of what was given
        from stagekit._base.text import error_line

        mistakes.append(f"an option has a value that cannot be looked at: {error_line(error)}")
    if given_id is not None:
        stage_id = given_id
    if not stage_id and given_id is None:
        mistakes.append(f'{fn!r} has no name of its own; give it an id: id="..."')
    elif given_id is not None or len(stage_id) > MAX_ID or not stage_id.isascii():
        mistake = id_mistake(stage_id)
        if mistake is not None:
            mistakes.append(mistake)
    if mistakes:
        from stagekit.errors import DeclarationError

        raise DeclarationError(str(stage_id or function_name(fn)), locate(fn), tuple(mistakes))
    return Declaration(fn, stage_id, depends_on, made, spec)


def _references(given: Any, mistakes: List[str]) -> Tuple[object, ...]:
    """Return ``depends_on`` as a tuple; a text is one id, a generator is consumed here, once."""
    if isinstance(given, FunctionType):
        return (given,)
    if given is None or given == ():
        return ()
    if isinstance(given, (str, StageRef)) or callable(given):
        return (given,)  # pyright: ignore[reportUnknownVariableType]
    try:
        found: Tuple[object, ...] = (
            (given,) if isinstance(given, (OptionalRef, OneOf)) else tuple(given)
        )
    except TypeError:
        mistakes.append(f"depends_on takes stage functions and ids, got {given!r}")
        return ()
    for ref in found:
        if type(ref) is not FunctionType:
            mistake = reference_mistake(ref)
            if mistake is not None:
                mistakes.append(mistake)
    return found


def own_mark(fn: Any) -> Optional[Declaration]:  # Any: whatever the user hands in
    """Return the declaration that was written on this very function, never an inherited one."""
    mark = getattr(fn, "__dict__", {}).get(MARK)
    if isinstance(mark, Declaration) and mark.fn is fn:
        return mark
    return None


def default_id(fn: Any) -> str:  # Any: whatever the user decorates
    """Return ``module:qualname`` without ``<locals>.``; empty where *fn* has no name of its own."""
    inner = unwrap_partial(fn)
    qualname = getattr(inner, "__qualname__", None)
    if qualname is None or "<lambda>" in qualname:
        return ""
    has_name = isinstance(inner, (FunctionType, MethodType, BuiltinFunctionType, type))
    if not has_name and "__qualname__" not in getattr(inner, "__dict__", {}):
        return ""
    return f"{module_of(inner)}:{qualname.replace('<locals>.', '')}"


def id_mistake(stage_id: object) -> Optional[str]:
    """Return what is wrong with an id, or None."""
    if not isinstance(stage_id, str):
        return f"id must be a text, got {stage_id!r}"
    if len(stage_id) > MAX_ID:
        return f"id may have at most {MAX_ID} characters, got {len(stage_id)}"
    if stage_id.isidentifier() and stage_id.isascii():
        return None
    for segment in stage_id.replace(":", ".").split("."):
        if not segment or not all(c.isalnum() or c in "_-" for c in segment):
            allowed = "letters, digits, `_` and `-`, in segments joined by `.` or `:`"
            return f"id must be {allowed}, got {stage_id!a}"
    if not stage_id.isascii():
        import unicodedata  # 2 ms

        normal = unicodedata.normalize("NFKC", stage_id)
        if normal != stage_id:
            return f"id must be in normal form NFKC, got {stage_id!a}; write {normal!a}"
    return None


def reference_mistake(ref: object) -> Optional[str]:
    """Return what is wrong with one entry of ``depends_on``, or None."""
    if isinstance(ref, OneOf):
        return next((m for m in map(reference_mistake, ref.stages) if m is not None), None)
    if isinstance(ref, OptionalRef):
        return reference_mistake(ref.stage)
    if isinstance(ref, (str, StageRef)) or callable(ref):
        return None
    return f"depends_on takes stage functions and ids, got {ref!r}"

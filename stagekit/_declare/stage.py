"""A declaration: a function and what was said about it. Stored as given, judged when planning."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType

from stagekit._base.refs import OneOf, OptionalRef, StageRef
from stagekit._declare.mainname import MAIN_NAMES, main_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from stagekit._base.problem import Location
    from stagekit._declare.managed import Managed

MANAGED_OPTIONS = ("retries", "timeout", "executor", "resources", "undo")
MARK = "__stagekit_stage__"
MAX_ID = 200


class Options:
    """What a declaration says beyond its function and its dependencies."""

    __slots__ = ("critical", "description", "managed", "name", "priority", "provides", "tags")

    def __init__(self) -> None:
        self.name: Optional[str] = None
        self.description: Optional[str] = None
        self.tags: Tuple[str, ...] = ()
        self.provides: object = None
        self.priority: int = 0
        self.critical: bool = True
        self.managed: Optional[Managed] = None


DEFAULTS = Options()


class Declaration:
    """One stage as it was declared.

    Attributes:
        id: unique in its registry.
        fn: the user's function, the very object.
        depends_on: references as given: functions, ids, ``StageRef``s, ``optional``, ``one_of``.
        options: name, description, tags, provides, priority, critical, and what runs manage.
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
        self.fn = fn
        self.id = stage_id
        self.depends_on = depends_on
        self.options = options
        self.spec = spec
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
        from stagekit._declare.location import locate

        return locate(self.fn)

    def __repr__(self) -> str:
        return f"<stage {self.id}>"


def unwrap_partial(fn: Any) -> Any:  # Any: whatever was registered
    """Return the function inside ``functools.partial`` objects."""
    while not isinstance(fn, FunctionType) and hasattr(fn, "func") and hasattr(fn, "keywords"):
        fn = fn.func
    return fn


def function_name(fn: object) -> str:
    """Return the name of a function, class, partial or callable object."""
    inner = unwrap_partial(fn)
    return str(getattr(inner, "__name__", None) or type(inner).__name__)


def module_of(fn: object) -> str:
    """Return the module name of a function; for the main module the name of its file."""
    inner = unwrap_partial(fn)
    module = getattr(inner, "__module__", None) or "builtins"
    if module in MAIN_NAMES:
        return main_name(namespace_of(inner))
    return str(module)


def namespace_of(fn: Any) -> Dict[str, Any]:  # Any: whatever was registered
    """Return the globals that a function was defined in, below what wraps it."""
    for _ in range(100):
        if "__wrapped__" not in getattr(fn, "__dict__", {}):
            break
        fn = fn.__wrapped__
    found: Optional[Dict[str, Any]] = getattr(fn, "__globals__", None)
    if found is not None:
        return found
    import sys

    module = sys.modules.get(str(getattr(fn, "__module__", None) or ""))
    return dict(vars(module)) if module is not None else {}


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
    if not isinstance(inner, (FunctionType, MethodType, BuiltinFunctionType, type)):
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


def make_options(given: Dict[str, Any], mistakes: List[str]) -> Options:
    """Check the options of a declaration; add what is wrong to *mistakes*."""
    options = Options()
    managed: Dict[str, Any] = {}
    for key, value in given.items():
        check = _CHECKS.get(key)
        if check is None and key in MANAGED_OPTIONS:
            if value is not None:
                managed[key] = value
        elif check is None:
            mistakes.append(_unknown_option(key))
        elif value is not None:
            mistake = check(value)
            if mistake is not None:
                mistakes.append(f"{key} {mistake}, got {value!r}")
            else:
                setattr(options, key, tuple(value) if key == "tags" else value)
    if managed:
        from stagekit._declare.managed import make_managed  # loads typing

        options.managed = make_managed(managed, mistakes)
    return options


def _unknown_option(key: str) -> str:
    from stagekit._base.text import did_you_mean

    known = ("depends_on", "id", *_CHECKS, *MANAGED_OPTIONS)
    near = did_you_mean(key, known)
    hint = f"did you mean {near[0]!r}?" if near else "there are " + ", ".join(known)
    return f"there is no option {key!r}; {hint}"


def _check_text(value: object) -> Optional[str]:
    return None if isinstance(value, str) and value else "must be a text that is not empty"


def _check_any_text(value: object) -> Optional[str]:
    return None if isinstance(value, str) else "must be a text"


def _check_tags(value: Any) -> Optional[str]:  # Any: a user's value
    if isinstance(value, (list, tuple)) and all(
        isinstance(tag, str) and tag and not any(c.isspace() or c == "," for c in tag)
        for tag in value  # pyright: ignore[reportUnknownVariableType]
    ):
        return None
    return "must be a list or tuple of texts without spaces and commas"


def _check_priority(value: object) -> Optional[str]:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return None if is_whole else "must be a whole number"


def _check_critical(value: object) -> Optional[str]:
    return None if isinstance(value, bool) else "must be True or False"


def _check_provides(value: object) -> Optional[str]:
    if value == ():
        return "must be a type, or a tuple of at least two types"
    if isinstance(value, (list, set, dict, int, float)):
        return "must be a type, or a tuple of types"
    return None


_CHECKS: Dict[str, Callable[[Any], Optional[str]]] = {
    "name": _check_text,
    "description": _check_any_text,
    "tags": _check_tags,
    "provides": _check_provides,
    "priority": _check_priority,
    "critical": _check_critical,
}
